//! How far every place of the plan is off in the scan, and which places the scan did not see.

use super::sample::{Plan, Sample, normals};
use super::{AlignError, Registration};
use crate::bvh::{Bvh, Feature, Nearest};
use glam::DVec3;
use osteon_core::{Affine, Ctx, Mesh, Patient, Point};
use rayon::prelude::*;

/// Surfaces farther than this share of the plan's diagonal are not taken for its own, however they face.
///
/// Chosen: no print is off by a tenth of its size; beyond it something else is seen.
const REACH: f64 = 0.1;

/// A scan's triangle must face within about 70° of the plan's vertex to be its surface: not the back of a wall.
///
/// From a place the way to the nearest inside of a surface runs along that surface's normal, so it is within the same
/// angle of the place's own; a way farther aside ends where the scan does.
const FACING: f64 = 0.35;

/// Vertices between two questions whether to stop.
const CHUNK: usize = 4096;

/// Signed distances from the plan's vertices to the scan, and what they amount to over the area seen; mm.
///
/// Positive where there is more material than planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviations {
    /// For each vertex of the plan, or nothing where the scan did not see it.
    pub at: Vec<Option<f64>>,
    /// Share of the plan's area that was seen.
    pub seen: f64,
    /// Mean signed distance.
    pub bias: f64,
    /// Mean distance.
    pub mean: f64,
    /// Root of the mean squared distance.
    pub rms: f64,
    /// The distance that 95 % of the area keep.
    pub p95: f64,
    /// Most missing: distance and place, the distance negative or zero.
    pub least: (f64, Point<Patient>),
    /// Most in excess: distance and place.
    pub most: (f64, Point<Patient>),
    /// The middle of what is seen least: the unseen place farthest from any seen one, and how far.
    pub unseen: Option<(Point<Patient>, f64)>,
    /// From places of the scan to the plan: the distance 95 % of them keep, and the largest with its place.
    pub back: (f64, f64, Point<Patient>),
    /// For each vertex its share of the area.
    shares: Vec<f64>,
}

impl Deviations {
    /// Share of the area seen that is no farther off than this, mm.
    pub fn within(&self, tolerance: f64) -> f64 {
        let (mut good, mut all) = (0.0, 0.0);
        for (distance, share) in self.at.iter().zip(&self.shares) {
            if let Some(distance) = distance {
                all += share;
                if distance.abs() <= tolerance {
                    good += share;
                }
            }
        }
        if all > 0.0 { good / all } else { 0.0 }
    }
}

/// The deviations of a scan as it was laid on the plan by the pose alone.
///
/// # Errors
/// Stopped, or nothing of the plan was seen.
pub fn deviation(
    plan: (&Mesh, &Bvh),
    scan: &Mesh,
    registration: &Registration,
    ctx: &Ctx,
) -> Result<Deviations, AlignError> {
    let plan = Plan::new(plan.0, plan.1);
    let mut laid = scan.moved(&registration.pose());
    if registration.inward {
        for triangle in &mut laid.triangles {
            triangle.swap(1, 2);
        }
    }
    let bvh = Bvh::new(&laid, &ctx.part("hierarchy", 0.0, 0.2))?;
    let open = open_sides(&laid);
    let facing = normals(plan.mesh);
    let shares: Vec<f64> = facing.iter().map(|n| n.length()).collect();
    // Three standard deviations hold all but 0.3 % of the noise.
    let limits = [REACH * plan.diagonal, 3.0 * registration.spread()];
    let found: Vec<Vec<Option<f64>>> = facing
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(n, normals)| {
            ctx.check()?;
            let one = |(k, normal): (usize, &DVec3)| {
                let place = plan.mesh.vertices[n * CHUNK + k].vec();
                signed(&plan, (&laid, &bvh), place, normal.normalize_or_zero(), limits, &open)
            };
            Ok(normals.iter().enumerate().map(one).collect())
        })
        .collect::<Result<_, osteon_core::Cancelled>>()?;
    let at = found.concat();
    ctx.done(0.8)?;
    let back = back(&plan, &registration.samples, registration);
    summed(plan.mesh, at, shares, back).ok_or(AlignError::Elsewhere { median: registration.medians[0] })
}

/// The signed distance of a place of the plan from the scan, if the scan saw it.
fn signed(
    plan: &Plan<'_>,
    (scan, bvh): (&Mesh, &Bvh),
    place: DVec3,
    normal: DVec3,
    [reach, noise]: [f64; 2],
    open: &[u8],
) -> Option<f64> {
    let facing = |triangle: u32| {
        let [a, b, c] = scan.corners(scan.triangles[triangle as usize]);
        (b - a).cross(c - a).normalize_or_zero()
    };
    let near = bvh.nearest_among(scan, place, reach * reach, |t| facing(t).dot(normal) > FACING)?;
    if at_open_side(&near, open) {
        return None;
    }
    let along = (near.place.vec() - place).dot(normal);
    // Within the noise of the scan no direction is told.
    if near.distance > noise && along.abs() < FACING * near.distance {
        return None;
    }
    if FACING * near.distance > noise {
        // What is missing or in excess here lies off the plan; what lies on it, and faces as it does, is another
        // place of the plan that was printed well. The stump of a broken peg faces as the sides of the peg do not.
        let own = plan.held(near.place.vec(), u32::MAX)?;
        if own.distance.abs() <= noise && own.facing.dot(facing(near.triangle)) > FACING {
            return None;
        }
    }
    Some(if along >= 0.0 { near.distance } else { -near.distance })
}

/// For each triangle its sides without a neighbour (bits 0 to 2) and its corners on one (bits 3 to 5).
fn open_sides(mesh: &Mesh) -> Vec<u8> {
    let mut sides: Vec<([u32; 2], u32, u8)> = Vec::with_capacity(3 * mesh.triangles.len());
    for (n, t) in mesh.triangles.iter().enumerate() {
        for side in 0..3_u8 {
            let [a, b] = [t[usize::from(side)], t[usize::from(side + 1) % 3]];
            sides.push(([a.min(b), a.max(b)], n as u32, side));
        }
    }
    sides.par_sort_unstable();
    let mut rim = vec![false; mesh.vertices.len()];
    let mut open = vec![0_u8; mesh.triangles.len()];
    for group in sides.chunk_by(|a, b| a.0 == b.0) {
        if let [(ends, triangle, side)] = group {
            open[*triangle as usize] |= 1 << side;
            for v in ends {
                rim[*v as usize] = true;
            }
        }
    }
    for (bits, triangle) in open.iter_mut().zip(&mesh.triangles) {
        for (corner, v) in triangle.iter().enumerate() {
            *bits |= u8::from(rim[*v as usize]) << (3 + corner);
        }
    }
    open
}

fn at_open_side(near: &Nearest, open: &[u8]) -> bool {
    let bits = open[near.triangle as usize];
    match near.feature {
        Feature::Face => false,
        Feature::Edge(side) => bits >> side & 1 == 1,
        Feature::Corner(corner) => bits >> (3 + corner) & 1 == 1,
    }
}

/// From places of the scan to the plan: 95 % and the most, with its place.
fn back(plan: &Plan<'_>, samples: &[Sample], registration: &Registration) -> (f64, f64, Point<Patient>) {
    let pose: Affine<Patient, Patient> = registration.pose();
    let far = |sample: &Sample| {
        let place = pose.point(Point::from_vec(sample.at));
        Some((plan.held(place.vec(), u32::MAX)?.distance.abs(), place))
    };
    let mut all: Vec<(f64, Point<Patient>)> = samples.par_iter().filter_map(far).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last = all.last().copied().unwrap_or((0.0, Point::from_vec(plan.middle)));
    let p95 = all.get(all.len() * 95 / 100).map_or(0.0, |far| far.0);
    (p95, last.0, last.1)
}

fn summed(
    mesh: &Mesh,
    at: Vec<Option<f64>>,
    shares: Vec<f64>,
    back: (f64, f64, Point<Patient>),
) -> Option<Deviations> {
    let whole: f64 = shares.iter().sum();
    let mut sorted: Vec<(f64, f64, usize)> = Vec::new();
    for (n, (distance, share)) in at.iter().zip(&shares).enumerate() {
        if let Some(distance) = distance {
            sorted.push((*distance, *share, n));
        }
    }
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let area: f64 = sorted.iter().map(|s| s.1).sum();
    let mean = |of: fn(f64) -> f64| sorted.iter().map(|s| of(s.0) * s.1).sum::<f64>() / area;
    let (bias, size, square) = (mean(|d| d), mean(f64::abs), mean(|d| d * d));
    let place = |n: usize| mesh.vertices[n];
    sorted.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let mut sum = 0.0;
    let p95 = sorted.iter().find(|s| {
        sum += s.1;
        sum >= 0.95 * area
    });
    let p95 = p95.map_or(last.0.abs(), |s| s.0.abs());
    Some(Deviations {
        seen: area / whole,
        bias,
        mean: size,
        rms: libm::sqrt(square),
        p95,
        least: (first.0.min(0.0), place(first.2)),
        most: (last.0.max(0.0), place(last.2)),
        unseen: unseen(mesh, &at),
        back,
        at,
        shares,
    })
}

/// The unseen vertex farthest along edges from any that was seen, and its distance from the nearest seen one.
fn unseen(mesh: &Mesh, at: &[Option<f64>]) -> Option<(Point<Patient>, f64)> {
    let mut rings: Vec<u32> = at.iter().map(|d| if d.is_some() { 0 } else { u32::MAX }).collect();
    let mut ring = 0;
    let mut last = None;
    // Rings of unseen vertices, from the rim of the hole to its middle.
    loop {
        let mut next = Vec::new();
        for t in &mesh.triangles {
            if t.iter().any(|&v| rings[v as usize] == ring) {
                next.extend(t.iter().copied().filter(|&v| rings[v as usize] == u32::MAX));
            }
        }
        ring += 1;
        let Some(&first) = next.iter().min() else { break };
        for v in next {
            rings[v as usize] = ring;
        }
        last = Some(first);
    }
    // A piece none of which was seen has no rim: its first vertex stands for it.
    let whole = rings.iter().position(|&r| r == u32::MAX);
    let v = whole.or(last.map(|v| v as usize))?;
    let place = mesh.vertices[v];
    let seen = mesh.vertices.iter().zip(at).filter(|(_, d)| d.is_some());
    let distance = seen.map(|(p, _)| p.distance(place)).fold(f64::INFINITY, f64::min);
    Some((place, distance))
}
