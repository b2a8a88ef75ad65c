//! Does a surface lie where the image says, and not mirrored?

mod near;
#[cfg(test)]
mod tests;

use glam::{DMat3, DVec3};
use near::Near;
use osteon_core::{Affine, Cancelled, Ctx, Mask, Mesh, Patient, Point, Solid, Volume};
use rayon::prelude::*;

/// A place of the surface and its outward normal (patient, mm).
type Place = (DVec3, DVec3);

/// At most so many places of the surface are looked at: the share is then known to within 0.4 % (1 σ).
const SAMPLES: usize = 20_000;

/// Every so many of these places serve to find the best of many mirror images.
const FEW: usize = 16;

/// Step to either side of the surface, in voxels: far enough to leave the blurred boundary, near enough
/// to stay within a thin cortex.
const STEP: f64 = 0.75;

/// How far mirror images are moved to either side to find the one that fits best, in voxels; even.
///
/// Twelve voxels are about a centimetre: a body that is nearly symmetric has its plane nearer than that to
/// the middle of its box or to the median of its surface, unless what sticks out is most of it.
const SHIFT: i32 = 12;

/// Share of places, brighter inside than outside, from which on a pose fits the image.
///
/// A surface that has nothing to do with the image finds the inside brighter by chance, so about half of
/// the time; noise and touching bones cost a true one a tenth or so.
const FITS: f64 = 0.75;

/// Share of telling places that one pose must win against the other.
///
/// Two poses that are equally wrong share them evenly. Neighbouring places are not independent: should they
/// hang together by tens, the least number of telling places counts as ten, and nine of ten fall on one
/// given side by chance once in a hundred times. Scans of bones and their mirror images have 0.95 and more.
const CLEAR: f64 = 0.85;

/// Least number of telling places, and least share of all places, to decide by.
const TELLING: (usize, f64) = (100, 0.005);

/// How well a surface fits an image, as it is placed and mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Share (0 to 1) of places of the surface where the image is brighter just inside than just outside.
    pub as_placed: f64,
    /// The largest such share of any mirror image of the surface.
    pub best_mirrored: f64,
    /// What tells the surface from the mirror image that is hardest to tell from it; `None` if no mirror
    /// image has enough places on edges to be taken for it.
    pub telling: Option<Telling>,
    /// What follows.
    pub verdict: Verdict,
}

/// The places that tell a surface from a mirror image of it: those whose mirror image is not near the
/// surface. There one of the two must lie on an edge of the image and the other must not; everywhere else
/// both do or neither does, and a body that is nearly symmetric lies on edges both ways with most of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Telling {
    /// How many there are, among at most 20 000 places that are looked at.
    pub places: usize,
    /// Share (0 to 1) of them where the image has the stronger edge for the surface as it is placed than for
    /// the mirror image; 0.5 if there are none.
    pub as_placed: f64,
}

/// What a comparison with the mirror images tells; from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The surface fits as placed, and is told from every mirror image.
    Agrees,
    /// The surface fits, but a mirror image does so as well: the body is symmetric, or nearly.
    Undecided,
    /// The surface does not fit the image, and no mirror image is told to fit.
    Disagrees,
    /// A mirror image fits better: left and right are likely swapped.
    Mirrored,
}

/// Compares a surface of something bright with the image it should have been made from.
///
/// Mirror images: along each of the patient's axes about the plane near the middle of the surface that
/// makes the image fit best, and along each axis of the grid about the middle of the image, as when a stack
/// was read in the wrong order. Places on the border of the image, where a surface was closed artificially,
/// are left out.
///
/// A pose fits if three quarters of its places lie on edges. Of a surface and a mirror image that fits, one is
/// told to be right by at least 100 [`Telling`] places, and 0.5 % of all, 85 % of which are for it.
/// The verdict is that of the worst mirror image: mirrored if any is told to be right, undecided if any
/// cannot be told from the surface. A symmetric body that lies beside its image may also be called mirrored.
pub fn agreement(mesh: &Mesh, volume: &Volume<i16>, ctx: &Ctx) -> Result<Agreement, Cancelled> {
    let places = places(mesh);
    let mut mirrors = fitting_mirrors(mesh, &places, volume, &ctx.part("mirror images", 0.0, 0.5))?;
    mirrors.extend(image_mirrors(volume));
    let placed = edges(&places, volume, &Affine::new(DMat3::IDENTITY, DVec3::ZERO));
    let as_placed = share(&placed);
    let mut found = Agreement {
        as_placed,
        best_mirrored: 0.0,
        telling: None,
        verdict: if as_placed < FITS { Verdict::Disagrees } else { Verdict::Agrees },
    };
    let mut near: Option<Near> = None;
    for (done, mirror) in mirrors.iter().enumerate() {
        ctx.done(0.5 + 0.5 * done as f64 / mirrors.len() as f64)?;
        let mirrored = edges(&places, volume, mirror);
        let fits = share(&mirrored);
        found.best_mirrored = found.best_mirrored.max(fits);
        if fits < FITS {
            continue;
        }
        let near = match &mut near {
            Some(near) => near,
            none => none.insert(Near::new(mesh, volume.grid(), ctx)?),
        };
        let telling = telling(&places, mirror, near, [&placed, &mirrored]);
        let rank = |telling: &Telling| {
            // Of equal verdicts the one with the smaller share, then with the fewer places.
            let ease = (-telling.as_placed, -(telling.places as f64));
            (telling.verdict(places.len()), ease)
        };
        if found.telling.is_none_or(|hardest| rank(&telling) > rank(&hardest)) {
            found.telling = Some(telling);
        }
        found.verdict = found.verdict.max(telling.verdict(places.len()));
    }
    Ok(found)
}

/// The volume of a solid compared with that of the mask it was made from: (solid − mask) / mask, or
/// `None` for an empty mask.
pub fn volume_against_mask(solid: &Solid, mask: &Mask) -> Option<f64> {
    let truth = mask.volume();
    (truth > 0.0).then(|| (solid.volume() - truth) / truth)
}

/// Places spread over the surface: the middles of every so many triangles, with their outward normals.
fn places(mesh: &Mesh) -> Vec<Place> {
    let stride = mesh.triangles.len().div_ceil(SAMPLES).max(1);
    let chosen = mesh.triangles.iter().step_by(stride);
    chosen
        .filter_map(|&t| {
            let [a, b, c] = mesh.corners(t);
            let normal = (b - a).cross(c - a).try_normalize()?;
            Some(((a + b + c) / 3.0, normal))
        })
        .collect()
}

/// For each of the patient's axes the mirror image along it, about planes near the middle of the surface's
/// box and near the median of its places, that has the most places on edges.
fn fitting_mirrors(
    mesh: &Mesh,
    places: &[Place],
    volume: &Volume<i16>,
    ctx: &Ctx,
) -> Result<Vec<Affine<Patient, Patient>>, Cancelled> {
    let box_middle = mesh.bounds().middle().vec();
    let few: Vec<Place> = places.iter().step_by(FEW).copied().collect();
    let to_voxel = volume.grid().to_voxel().linear;
    let mut best = Vec::with_capacity(3);
    for (n, axis) in DVec3::AXES.into_iter().enumerate() {
        let (flip, voxel) = (flip(n), 1.0 / (to_voxel * axis).length());
        let mirror = |middle: f64, shift: i32| {
            let move_by = 2.0 * middle + voxel * f64::from(shift);
            Affine::new(flip, axis * move_by)
        };
        let fits = |middle: f64, shift: i32| share(&edges(&few, volume, &mirror(middle, shift)));
        let mut most = (-1.0, 0.0, 0);
        for middle in [box_middle[n], median(&few, n)] {
            // Every other voxel, from the middle outward, then those next to the best.
            let mut here = (-1.0, 0);
            for shift in (0..=SHIFT / 2).flat_map(|k| [2 * k, -2 * k]) {
                ctx.check()?;
                let fit = fits(middle, shift);
                here = if fit > here.0 { (fit, shift) } else { here };
            }
            for shift in [here.1, here.1 - 1, here.1 + 1] {
                let fit = fits(middle, shift);
                most = if fit > most.0 { (fit, middle, shift) } else { most };
            }
        }
        best.push(mirror(most.1, most.2));
        ctx.done((n + 1) as f64 / 3.0)?;
    }
    Ok(best)
}

/// The median of the places along an axis of the patient, mm.
fn median(places: &[Place], axis: usize) -> f64 {
    let mut along: Vec<f64> = places.iter().map(|place| place.0[axis]).collect();
    along.sort_unstable_by(f64::total_cmp);
    along.get(along.len() / 2).copied().unwrap_or(0.0)
}

/// The mirror images along the axes of the grid about the middle of the image.
fn image_mirrors(volume: &Volume<i16>) -> impl Iterator<Item = Affine<Patient, Patient>> {
    let grid = volume.grid();
    let last = DVec3::from(grid.dims().map(|n| (n - 1) as f64));
    (0..3).map(move |axis| {
        let flip = flip(axis);
        let turned = Affine::new(flip, (last - flip * last) * 0.5);
        grid.to_voxel().then(&turned).then(grid.to_patient())
    })
}

/// The mirroring of one axis.
fn flip(axis: usize) -> DMat3 {
    let mut signs = DVec3::ONE;
    signs[axis] = -1.0;
    DMat3::from_diagonal(signs)
}

/// By how much the image is brighter just inside the surface than just outside, for places moved by `map`.
///
/// Nothing where only the outside is not in the image; −∞ where the inside is not either.
fn edges(places: &[Place], volume: &Volume<i16>, map: &Affine<Patient, Patient>) -> Vec<Option<f64>> {
    let to_voxel = volume.grid().to_voxel().linear;
    // Normals go by the inverse transpose; for the mirrors of a sheared grid that is not the map itself.
    let normals = map.linear.inverse().transpose();
    places
        .par_iter()
        .map(|&(place, normal)| {
            let place = map.point(Point::from_vec(place)).vec();
            let normal = (normals * normal).normalize_or_zero();
            let step = normal * (STEP / (to_voxel * normal).length());
            let inside = volume.sample(Point::from_vec(place - step));
            let outside = volume.sample(Point::from_vec(place + step));
            match (inside, outside) {
                (Some(inside), Some(outside)) => Some(inside - outside),
                (Some(_), None) => None,
                (None, _) => Some(f64::NEG_INFINITY),
            }
        })
        .collect()
}

/// Share of the places that can be compared where the image is brighter inside.
fn share(edges: &[Option<f64>]) -> f64 {
    let counted = edges.iter().flatten().count();
    let bright = edges.iter().flatten().filter(|&&edge| edge > 0.0).count();
    bright as f64 / counted.max(1) as f64
}

/// What tells the surface from a mirror image, given the edges at its places and at their images.
fn telling(
    places: &[Place],
    mirror: &Affine<Patient, Patient>,
    near: &Near,
    [placed, mirrored]: [&[Option<f64>]; 2],
) -> Telling {
    let votes: Vec<Option<bool>> = places
        .par_iter()
        .zip(placed.par_iter().zip(mirrored))
        .map(|(&(place, _), edges)| {
            let (&Some(placed), &Some(mirrored)) = edges else {
                return None;
            };
            let telling = placed != mirrored && !near.holds(mirror.point(Point::from_vec(place)));
            telling.then_some(placed > mirrored)
        })
        .collect();
    let places = votes.iter().flatten().count();
    let kept = votes.iter().flatten().filter(|&&kept| kept).count();
    let as_placed = if places > 0 { kept as f64 / places as f64 } else { 0.5 };
    Telling { places, as_placed }
}

impl Telling {
    fn verdict(self, all: usize) -> Verdict {
        let enough = self.places >= TELLING.0 && self.places as f64 >= TELLING.1 * all as f64;
        if enough && self.as_placed >= CLEAR {
            Verdict::Agrees
        } else if enough && self.as_placed <= 1.0 - CLEAR {
            Verdict::Mirrored
        } else {
            Verdict::Undecided
        }
    }
}
