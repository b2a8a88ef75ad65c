//! Smoothing that keeps volume, stays near, and never folds a triangle over.
//!
//! Vertices move to and fro between where they are and the middle of their neighbours (Taubin 1995, a
//! low-pass filter without shrinking), never farther from where they were than a bound. Then each surface is
//! moved in or out as a whole by the little that its volume still differs, and vertices at which a triangle
//! would turn over or collapse are pulled back. Connections stay as they are, so a solid stays a solid.

mod hold;
mod net;
#[cfg(test)]
mod tests;

use crate::labels::Surface;
use hold::Moving;
use net::Net;
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Mesh, NotSolid, Patient, Point, Solid};

/// How to smooth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// How many times every vertex moves; an odd number is rounded up. 20 take away the steps of voxels.
    pub passes: usize,
    /// The farthest a vertex may end from where it was, in mm.
    pub bound_mm: f64,
}

/// How far the vertices of a surface moved, in mm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// Mean over all vertices.
    pub mean: f64,
    /// Not exceeded by 95 % of the vertices.
    pub p95: f64,
    /// The farthest; at most the bound.
    pub max: f64,
}

/// A smoothed surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Smoothed {
    /// The surface, its triangles in the same order over the same vertices.
    pub solid: Solid,
    /// How far its vertices moved.
    pub moved: Moved,
    /// By how much of itself the volume changed: at most 0.001 (0.1 %) either way.
    pub volume_change: f64,
}

/// Why a surface is not smoothed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SmoothError {
    /// The bound is not a positive number.
    #[error("vertices were to stay within {0} mm")]
    Bound(f64),
    /// The moved triangles do not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for SmoothError {
    fn kind(&self) -> ErrorKind {
        match self {
            SmoothError::Bound(_) => ErrorKind::Input,
            SmoothError::NotSolid(_) => ErrorKind::Numeric,
            SmoothError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            SmoothError::Bound(_) => "smoothing-bound",
            SmoothError::NotSolid(_) => "smoothed-not-solid",
            SmoothError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            SmoothError::Bound(_) => "give a bound in mm above zero, such as half a voxel",
            SmoothError::NotSolid(_) => "smooth with a smaller bound, or drop very small pieces before",
            SmoothError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// Share of the way to the middle of its neighbours that a vertex moves at every other step.
///
/// As in the example of Taubin 1995. A step forth and one back multiply a ripple by no more than 1, and the
/// shortest that a net can have (frequency 2) by −0.61, so nothing grows.
const FORTH: f64 = 0.63;

/// Ripples up to this frequency stay (0 a flat surface, 2 the shortest ripple): the default of VTK's windowed
/// sinc filter.
const PASS_BAND: f64 = 0.1;

/// The steps of all passes: forth, and back by the share that leaves the pass band as it is.
fn steps(passes: usize) -> impl Iterator<Item = f32> {
    let back = 1.0 / (PASS_BAND - 1.0 / FORTH);
    [FORTH as f32, back as f32].into_iter().cycle().take(passes.next_multiple_of(2))
}

/// Smooths one surface.
///
/// # Errors
/// The bound is not above zero, the result would not be a solid, or `ctx` was asked to stop.
pub fn smooth(solid: &Solid, how: &Smoothing, ctx: &Ctx) -> Result<Smoothed, SmoothError> {
    let mesh = solid.mesh();
    let places = mesh.vertices.as_slice();
    let net = Net::of_closed(places.len(), &mesh.triangles);
    let parts = [mesh.triangles.as_slice()];
    let members = [(0..places.len() as u32).collect::<Vec<_>>()];
    let (moving, changes) = moved(places, (&parts, &members), &net, how, ctx)?;
    finished(solid, &moving, &members[0], changes[0], ctx)
}

/// Smooths the surfaces of several labels together: vertices that are at the same place in several of them
/// stay together, so there are still no gaps and no overlaps.
///
/// Returns for each surface, in their order, how far its vertices moved and by how much of itself its volume
/// changed. On error the surfaces are as they were.
///
/// # Errors
/// The bound is not above zero, a result would not be a solid, or `ctx` was asked to stop.
pub fn smooth_shared(
    surfaces: &mut [Surface],
    how: &Smoothing,
    ctx: &Ctx,
) -> Result<Vec<(Moved, f64)>, SmoothError> {
    let meshes: Vec<&Mesh> = surfaces.iter().map(|surface| surface.solid.mesh()).collect();
    let (places, numbers) = joined(&meshes);
    let parts: Vec<Vec<[u32; 3]>> = meshes
        .iter()
        .zip(&numbers)
        .map(|(mesh, numbers)| mesh.triangles.iter().map(|t| t.map(|v| numbers[v as usize])).collect())
        .collect();
    let parts: Vec<&[[u32; 3]]> = parts.iter().map(Vec::as_slice).collect();
    let net = Net::of_shared(places.len(), &parts);
    // A solid may have two vertices at one place.
    let members = numbers.iter().map(|numbers| {
        let mut own = numbers.clone();
        own.sort_unstable();
        own.dedup();
        own
    });
    let members: Vec<Vec<u32>> = members.collect();
    let (moving, changes) = moved(&places, (&parts, &members), &net, how, ctx)?;
    let mut done = Vec::with_capacity(surfaces.len());
    for ((surface, numbers), &change) in surfaces.iter().zip(&numbers).zip(&changes) {
        done.push(finished(&surface.solid, &moving, numbers, change, ctx)?);
    }
    let report = done.iter().map(|smoothed| (smoothed.moved, smoothed.volume_change)).collect();
    for (surface, smoothed) in surfaces.iter_mut().zip(done) {
        surface.solid = smoothed.solid;
    }
    Ok(report)
}

/// All different places of some meshes in the order in which they first occur, and for each mesh the numbers
/// of its vertices among them.
fn joined(meshes: &[&Mesh]) -> (Vec<Point<Patient>>, Vec<Vec<u32>>) {
    let all: Vec<Point<Patient>> = meshes.iter().flat_map(|mesh| mesh.vertices.iter().copied()).collect();
    let bits = |n: u32| all[n as usize].to_array().map(f64::to_bits);
    let mut keys: Vec<([u64; 3], u32)> = (0..all.len() as u32).map(|n| (bits(n), n)).collect();
    keys.sort_unstable();
    // Each occurrence names the first one at its place, then that one's number.
    let mut firsts = vec![0_u32; all.len()];
    for group in keys.chunk_by(|a, b| a.0 == b.0) {
        group.iter().for_each(|&(_, n)| firsts[n as usize] = group[0].1);
    }
    let mut places = Vec::new();
    for (n, &place) in all.iter().enumerate() {
        let first = firsts[n] as usize;
        if first == n {
            firsts[n] = places.len() as u32;
            places.push(place);
        } else {
            firsts[n] = firsts[first];
        }
    }
    let mut rest = firsts.as_slice();
    let numbers = meshes.iter().map(|mesh| {
        let (own, others) = rest.split_at(mesh.vertices.len());
        rest = others;
        own.to_vec()
    });
    let numbers = numbers.collect();
    (places, numbers)
}

/// Displacements of all vertices, and the shares by which volumes change.
fn moved<'a>(
    places: &'a [Point<Patient>],
    (parts, members): (&'a [&'a [[u32; 3]]], &'a [Vec<u32>]),
    net: &Net,
    how: &Smoothing,
    ctx: &Ctx,
) -> Result<(Moving<'a>, Vec<f64>), SmoothError> {
    if !(how.bound_mm > 0.0 && how.bound_mm.is_finite()) {
        return Err(SmoothError::Bound(how.bound_mm));
    }
    // A little less, for the rounding of a length of three 32-bit numbers.
    let bound = (how.bound_mm * (1.0 - 1e-6)) as f32;
    ctx.done(0.1)?;
    let shifts = net.relax(&net.pulls(places), steps(how.passes), bound, ctx)?;
    ctx.done(0.5)?;
    let mut moving = Moving { places, parts, members, shifts, bound };
    let changes = moving.settle(ctx)?;
    ctx.done(0.8)?;
    Ok((moving, changes))
}

/// A solid with its vertices moved; `numbers` says which of the moving vertices they are.
fn finished(
    solid: &Solid,
    moving: &Moving<'_>,
    numbers: &[u32],
    volume_change: f64,
    ctx: &Ctx,
) -> Result<Smoothed, SmoothError> {
    let vertices = numbers.iter().map(|&v| Point::from_vec(moving.place(v))).collect();
    let far = |v: u32| (moving.place(v) - moving.places[v as usize].vec()).length();
    let lengths = numbers.iter().map(|&v| far(v)).collect();
    let solid = solid.displaced(vertices, ctx)?.map_err(Box::new)?;
    Ok(Smoothed { solid, moved: statistics(lengths), volume_change })
}

fn statistics(mut lengths: Vec<f64>) -> Moved {
    let count = lengths.len();
    let mean = lengths.iter().sum::<f64>() / count.max(1) as f64;
    let max = lengths.iter().copied().fold(0.0, f64::max);
    // The smallest length that 95 % do not exceed.
    let rank = (count * 95).div_ceil(100).saturating_sub(1);
    let p95 = if count == 0 { 0.0 } else { *lengths.select_nth_unstable_by(rank, f64::total_cmp).1 };
    Moved { mean, p95, max }
}
