//! Is it a head, and where is its front? Told on a coarse image along the patient's axes.

use super::{BodyPart, Verdict};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Point, Volume};
use rayon::prelude::*;

/// Step of the coarse image in mm: the skull is 5 mm thick and more, so its ring stays closed.
const STEP: f64 = 3.0;

/// Grey values in HU: tissue above the first, bone above the second, brain between the last two on average.
const TISSUE: f64 = -300.0;
/// Bone in the coarse image, in HU; lower than for measuring, because steps of 3 mm blur thin bone.
const BONE: f64 = 200.0;

/// Smallest area in cm² that a ring of bone encloses in a skull; a marrow canal or a vertebra has less than ten.
const VAULT: f64 = 40.0;

/// Share of a slice that skull and brain take; scalp is thin, and in a pelvis or a chest it is half or less.
const FULL: f64 = 0.55;

/// Largest cross-section of a head in cm², with its holder.
const HEAD: f64 = 500.0;

/// Mean of what a skull encloses, in HU: brain is 20 to 45, with bone's blur, blood or contrast up to twice that.
const BRAIN: [f64; 2] = [-50.0, 150.0];

/// Shortest stack of such slices in mm that makes a head; a single ring may be chance.
const STACK: f64 = 18.0;

/// The brow lies half a skull's length below the vertex (107 of 185 mm to the nasion in adults); the face begins a
/// tenth of the length above, for heads that are bent.
const BROW: f64 = 0.40;

/// The chin lies 1.2 skull lengths below the vertex (225 of 185 mm); the face ends below, for heads that are bent.
const CHIN: f64 = 1.45;

/// Cross-sections of face and upper neck in cm², for scans without a vault; arms and knees are smaller, trunks larger.
const FACE: [f64; 2] = [100.0, 420.0];

/// Air inside a face or a neck, in cm²: nose, sinuses, throat. Limbs have none, a chest has more.
const INNER_AIR: [f64; 2] = [0.7, 60.0];

/// The part of space a face may be in: in front of a plane, between two heights; LPS mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Region {
    pub(super) back: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Region {
    pub(super) fn contains(&self, place: DVec3) -> bool {
        place.y < self.back && place.z > self.low && place.z < self.high
    }
}

/// A slice of the coarse image.
#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    z: f64,
    /// Areas in cm².
    body: f64,
    bone: f64,
    enclosed: f64,
    air: f64,
    /// Mean of the enclosed area in HU.
    mean: f64,
    /// Middle of body and of the enclosed area along y, and length of the latter, mm.
    middle: f64,
    centre: f64,
    length: f64,
}

impl Slice {
    fn is_vault(&self) -> bool {
        self.enclosed >= VAULT
            && self.enclosed + self.bone >= FULL * self.body
            && self.body <= HEAD
            && (BRAIN[0]..=BRAIN[1]).contains(&self.mean)
    }

    fn may_be_face(&self) -> bool {
        (FACE[0]..=FACE[1]).contains(&self.body)
            && (INNER_AIR[0]..=INNER_AIR[1]).contains(&self.air)
            && self.bone >= 0.03 * self.body
    }
}

/// Where a face may be, and how sure that is; `None` where there is none.
pub(super) fn find(
    volume: &Volume<i16>,
    part: BodyPart,
    ctx: &Ctx,
) -> Result<Option<(Region, Verdict)>, Cancelled> {
    let slices = slices(volume, ctx)?;
    let vault: Vec<&Slice> = slices.iter().filter(|slice| slice.is_vault()).collect();
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else { return Ok(None) };
    if vault.len() as f64 * STEP >= STACK {
        let largest = vault.iter().copied().max_by(|a, b| a.enclosed.total_cmp(&b.enclosed));
        return Ok(largest.and_then(|largest| below_vault(&slices, largest, (first.z, last.z))));
    }
    let may = slices.iter().filter(|slice| slice.may_be_face()).count() as f64 * STEP >= STACK;
    if part == BodyPart::Elsewhere || part == BodyPart::Unknown && !may {
        return Ok(None);
    }
    let body: f64 = slices.iter().map(|slice| slice.body).sum();
    let back = slices.iter().map(|slice| slice.middle * slice.body).sum::<f64>() / body.max(1e-9);
    let whole = Region { back, low: first.z - STEP, high: last.z + STEP };
    Ok((body > 0.0).then_some((whole, Verdict::Unsure)))
}

/// The face below a vault whose largest slice is given.
fn below_vault(slices: &[Slice], largest: &Slice, (bottom, top): (f64, f64)) -> Option<(Region, Verdict)> {
    let length = slices.iter().filter(|slice| slice.is_vault()).map(|slice| slice.length).fold(0.0, f64::max);
    // The top of the body above the vault; unknown when the scan ends before the head does.
    let above = slices.iter().skip_while(|slice| slice.z < largest.z);
    let vertex = above.take_while(|slice| slice.body >= 5.0).last().map_or(largest.z, |slice| slice.z);
    let cut = top - vertex < STEP;
    let high = if cut { top + STEP } else { vertex - BROW * length };
    let region = Region { back: largest.centre, low: vertex - CHIN * length, high };
    // Some ten millimetres of brow are no face.
    (bottom < high - 10.0).then_some((region, if cut { Verdict::Unsure } else { Verdict::Face }))
}

/// Measures every axial slice of the coarse image, from the feet up.
fn slices(volume: &Volume<i16>, ctx: &Ctx) -> Result<Vec<Slice>, Cancelled> {
    let bounds = volume.grid().bounds();
    let from = bounds.min.vec();
    let counts = ((bounds.max.vec() - from) / STEP).floor().to_array().map(|n| n as usize + 1);
    let heights: Vec<usize> = (0..counts[2]).collect();
    heights
        .into_par_iter()
        .map(|k| {
            ctx.check()?;
            let mut samples = Vec::with_capacity(counts[0] * counts[1]);
            for j in 0..counts[1] {
                for i in 0..counts[0] {
                    let place = from + DVec3::new(i as f64, j as f64, k as f64) * STEP;
                    samples.push(volume.sample(Point::from_vec(place)).unwrap_or(f64::from(super::AIR)));
                }
            }
            let y = |at: usize| from.y + (at / counts[0]) as f64 * STEP;
            Ok(measure(&samples, [counts[0], counts[1]], y, from.z + k as f64 * STEP))
        })
        .collect()
}

fn measure(samples: &[f64], dims: [usize; 2], y: impl Fn(usize) -> f64, z: f64) -> Slice {
    let tissue: Vec<bool> = samples.iter().map(|&s| s > TISSUE).collect();
    let body = filled(&largest(&tissue, dims), dims);
    let bone: Vec<bool> = samples.iter().zip(&body).map(|(&s, &in_body)| in_body && s > BONE).collect();
    let wall = grown(&bone, dims);
    let closed = filled(&wall, dims);
    let enclosed: Vec<bool> = (0..closed.len()).map(|at| closed[at] && !wall[at]).collect();
    let air = (0..body.len()).filter(|&at| body[at] && samples[at] < TISSUE).count();
    let count = |set: &[bool]| set.iter().filter(|&&inside| inside).count();
    let area = |n: usize| n as f64 * STEP * STEP / 100.0;
    let middle = |set: &[bool], value: &dyn Fn(usize) -> f64| {
        let sum: f64 = (0..set.len()).filter(|&at| set[at]).map(value).sum();
        sum / count(set).max(1) as f64
    };
    let ys = || (0..enclosed.len()).filter(|&at| enclosed[at]).map(&y);
    let (front, back) = (ys().fold(f64::INFINITY, f64::min), ys().fold(f64::NEG_INFINITY, f64::max));
    Slice {
        z,
        body: area(count(&body)),
        bone: area(count(&wall)),
        enclosed: area(count(&enclosed)),
        air: area(air),
        mean: middle(&enclosed, &|at| samples[at]),
        middle: middle(&body, &y),
        centre: middle(&enclosed, &y),
        // A grown wall of two steps and a skull of two more on either side.
        length: if back > front { back - front + 4.0 * STEP } else { 0.0 },
    }
}

/// The four neighbours of a place.
fn neighbours(at: usize, [nx, ny]: [usize; 2]) -> impl Iterator<Item = usize> {
    let (x, y) = (at % nx, at / nx);
    let near = [(x > 0, -1), (x + 1 < nx, 1), (y > 0, -(nx as isize)), (y + 1 < ny, nx as isize)];
    near.into_iter().filter(|&(there, _)| there).map(move |(_, step)| at.wrapping_add_signed(step))
}

/// Marks everything of `set` that is connected with `start`.
fn flood(set: &[bool], dims: [usize; 2], start: usize, reached: &mut [bool]) -> usize {
    let mut rest = vec![start];
    reached[start] = true;
    let mut count = 0;
    while let Some(at) = rest.pop() {
        count += 1;
        for near in neighbours(at, dims) {
            if set[near] && !reached[near] {
                reached[near] = true;
                rest.push(near);
            }
        }
    }
    count
}

/// The largest connected piece; of equal ones the first.
fn largest(set: &[bool], dims: [usize; 2]) -> Vec<bool> {
    let mut reached = vec![false; set.len()];
    let mut best = (0, 0);
    for start in 0..set.len() {
        if set[start] && !reached[start] {
            let count = flood(set, dims, start, &mut reached);
            best = if count > best.0 { (count, start) } else { best };
        }
    }
    let mut piece = vec![false; set.len()];
    if best.0 > 0 {
        flood(set, dims, best.1, &mut piece);
    }
    piece
}

/// The set and everything it encloses.
fn filled(set: &[bool], dims: [usize; 2]) -> Vec<bool> {
    let [nx, ny] = dims;
    let free: Vec<bool> = set.iter().map(|&inside| !inside).collect();
    let mut outside = vec![false; set.len()];
    for at in 0..set.len() {
        let border = at % nx == 0 || at % nx == nx - 1 || at / nx == 0 || at / nx == ny - 1;
        if border && free[at] && !outside[at] {
            flood(&free, dims, at, &mut outside);
        }
    }
    outside.into_iter().map(|outside| !outside).collect()
}

/// The set and its neighbours.
fn grown(set: &[bool], dims: [usize; 2]) -> Vec<bool> {
    let near = |at: usize| neighbours(at, dims).any(|near| set[near]);
    (0..set.len()).map(|at| set[at] || near(at)).collect()
}
