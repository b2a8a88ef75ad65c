//! Fewer triangles for the same solid, with a proof of how far it is from the given one.
//!
//! Edges are drawn together to a point, those first that leave the planes around them least (Garland and
//! Heckbert 1997), at the height that keeps the volume (Lindstrom and Turk 1998). A collapse is made only if
//!
//! * it keeps the surface a closed 2-manifold of the same genus and the same shells: the two ends of the edge
//!   have exactly two neighbours in common (`ring.rs`);
//! * it turns no triangle over and makes no needle (`ring.rs`);
//! * no point of either surface is then further from the other than wished: a bound of that distance is
//!   carried along from collapse to collapse (`drift.rs` has the proof).
//!
//! The bound adds up what the collapses of one place may have moved, so it is larger than the distance really
//! is: little is lost by that on a smooth bone, but a rough surface keeps triangles that could have gone.
//!
//! Large surfaces are cut into cubes that are worked on side by side, in three rounds with shifted cubes
//! (`blocks.rs`); the result does not depend on the number of threads.
//!
//! Limits: two sheets nearer to each other than twice the deviation may come to touch, and of a rough surface a
//! few triangles do (150 of a million left). A `Solid` may intersect itself; who must exclude that looks
//! for it afterwards.

mod blocks;
mod drift;
mod passes;
mod patch;
mod quadric;
mod ring;
#[cfg(test)]
mod tests;

use blocks::{Cubes, Surface};
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Mesh, NotSolid, Point, Solid};
use passes::Bounds;
use patch::{Freedom, Spot, Tag, Vertices};
use rayon::prelude::*;

/// How many triangles to leave, and what must not be lost for it.
#[derive(Clone, Copy, Debug)]
pub struct Decimation<'a> {
    /// Share of the triangles to be left, 0 to 1; as few as the deviation allows for 0.
    pub share: f64,
    /// The most that any point of either surface may be away from the other, mm.
    pub deviation: f64,
    /// For each vertex whether it must stay exactly where it is (marks, contact faces); none must if not given.
    pub keep: Option<&'a [bool]>,
}

/// A solid with fewer triangles.
#[derive(Clone, Debug)]
pub struct Decimated {
    /// The solid.
    pub solid: Solid,
    /// Triangles of the given solid.
    pub before: usize,
    /// Triangles left.
    pub after: usize,
    /// No point of either surface is further from the other than this, mm: proven, not sampled.
    pub deviation: f64,
    /// True if no more than the wanted share is left.
    pub reached: bool,
}

/// Why a solid cannot be decimated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecimateError {
    /// The share is not between 0 and 1.
    #[error("{0} is not a share of the triangles between 0 and 1")]
    Share(f64),
    /// The deviation is negative or not finite.
    #[error("{0} mm is not a distance that a surface may deviate")]
    Deviation(f64),
    /// There is not one entry for each vertex.
    #[error("{given} vertices are said to stay or not, but there are {vertices}")]
    Keep {
        /// Entries given.
        given: usize,
        /// Vertices of the solid.
        vertices: usize,
    },
    /// The triangles left do not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for DecimateError {
    fn kind(&self) -> ErrorKind {
        match self {
            DecimateError::NotSolid(_) => ErrorKind::Numeric,
            DecimateError::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            DecimateError::Share(_) => "decimate-share",
            DecimateError::Deviation(_) => "decimate-deviation",
            DecimateError::Keep { .. } => "decimate-keep",
            DecimateError::NotSolid(_) => "decimate-not-solid",
            DecimateError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            DecimateError::Share(_) => "give a share such as 0.1 for a tenth of the triangles",
            DecimateError::Deviation(_) => {
                "give a distance such as 0.1 mm, or 0 to keep the surface as it is"
            }
            DecimateError::Keep { .. } => "mark the vertices of the same solid",
            DecimateError::NotSolid(_) => "keep the solid as it is, and report this",
            DecimateError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// Covers the rounding of coordinates and drifts, mm: a collapse rounds by some 1e-13 mm at 1 m, and no vertex
/// goes through a thousand of them in a row.
const ROUNDING: f64 = 1e-9;

/// The dearest edge of each pass: distance from the planes given up, as a share of the deviation.
///
/// Chosen: with twelve steps instead of eight the same triangles are left to 0.3 %. An edge further away than
/// the last step is hardly ever within the deviation.
const STEPS: [f64; 8] = [0.04, 0.08, 0.14, 0.22, 0.33, 0.5, 0.75, 1.1];

/// Shifts of the cubes, as shares of their edge: what is on a border in one round is inside in another.
const SHIFTS: [f64; 3] = [0.0, 0.5, 0.25];

/// Progress after each round.
const DONE: [f64; 3] = [0.7, 0.85, 0.95];

/// The solid with as few triangles as wished for, or as the deviation allows.
///
/// Genus and number of shells are those of the given solid, and so is the volume unless vertices were kept;
/// vertices that have not moved keep their coordinates to the bit.
///
/// # Errors
/// Share, deviation or the number of kept vertices make no sense, or `ctx` was asked to stop.
pub fn decimate(solid: &Solid, how: &Decimation, ctx: &Ctx) -> Result<Decimated, DecimateError> {
    let given = solid.mesh();
    sensible(how, given.vertices.len())?;
    ctx.check()?;
    let before = given.triangles.len();
    let target = libm::floor(how.share * before as f64) as usize;
    let mut surface = surface(given, how.keep);
    let most = how.deviation - ROUNDING;
    for (round, shift) in SHIFTS.into_iter().enumerate() {
        let now = surface.triangles.len();
        if most <= 0.0 || now <= target || (round > 0 && Cubes::new(&surface, shift).is_single()) {
            break;
        }
        let steps = STEPS.map(|step| Bounds { cost: (step * most) * (step * most), drift: most });
        let floor = |inside: usize, all: usize| {
            // At first every cube keeps its share. For what is left on borders and in rough cubes the others
            // make up.
            if round == 0 { target * inside / all } else { target.saturating_sub(all - inside) }
        };
        surface = blocks::simplify(surface, shift, &steps, &floor, ctx)?;
        ctx.done(DONE[round])?;
    }
    let drift = surface.vertices.spots.iter().fold(0.0, |most: f64, spot| most.max(spot.drift));
    let deviation = if drift > 0.0 { drift + ROUNDING } else { 0.0 };
    let solid = Solid::proven(mesh(surface, given), ctx)?.map_err(Box::new)?;
    ctx.done(1.0)?;
    let after = solid.mesh().triangles.len();
    Ok(Decimated { solid, before, after, deviation, reached: after <= target })
}

fn sensible(how: &Decimation, vertices: usize) -> Result<(), DecimateError> {
    if !(0.0..=1.0).contains(&how.share) {
        return Err(DecimateError::Share(how.share));
    }
    if !(how.deviation.is_finite() && how.deviation >= 0.0) {
        return Err(DecimateError::Deviation(how.deviation));
    }
    match how.keep {
        Some(keep) if keep.len() != vertices => Err(DecimateError::Keep { given: keep.len(), vertices }),
        _ => Ok(()),
    }
}

/// The surface to work on, relative to the lowest corner of its box: far from the origin digits are lost.
fn surface(given: &Mesh, keep: Option<&[bool]>) -> Surface {
    let low = given.bounds().min.vec();
    let spots = given.vertices.par_iter().map(|p| Spot { place: p.vec() - low, drift: 0.0 }).collect();
    let tags = (0..given.vertices.len()).into_par_iter().map(|n| Tag {
        source: n as u32,
        freedom: if keep.is_some_and(|keep| keep[n]) { Freedom::Kept } else { Freedom::Free },
        settled: false,
    });
    let vertices = Vertices { spots, tags: tags.collect(), quadrics: Vec::new() };
    Surface { vertices, triangles: given.triangles.clone() }
}

/// The surface back in the patient.
fn mesh(surface: Surface, given: &Mesh) -> Mesh {
    let low = given.bounds().min.vec();
    let Vertices { spots, tags, .. } = surface.vertices;
    let places = spots.iter().zip(&tags).map(|(spot, tag)| {
        let unmoved = given.vertices.get(tag.source as usize);
        unmoved.copied().unwrap_or_else(|| Point::from_vec(spot.place + low))
    });
    Mesh { vertices: places.collect(), triangles: surface.triangles }
}
