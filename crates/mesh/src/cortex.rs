//! Where the surface really is: vertices moved from the half height onto the fitted edge, thin cortex included.
//!
//! Half height is right for thick bone alone. A cortex thinner than some three standard deviations of the blur never
//! reaches its own height, so half of what it shows lies too far out on both sides; a curved edge is blurred inward;
//! and between slices a straight line stands for the step. [`place`] asks the grey values again:
//!
//! 1. The samples themselves, not interpolated ones, in a tube about the normal of every third vertex, by their distance
//!    from the surface as it bends (`patch.rs`).
//! 2. To them a step is fitted about the local level or, where the profile falls again, a wall of the radiodensity that
//!    the thicker cortex of the same scan shows, blurred as the scan blurs ([treece-2010]; `measure.rs`).
//! 3. Neighbouring edges are evened out as pieces of one surface, by how sure they are; the less they agree, the less a
//!    vertex moves, by one voxel at most, and no triangle is turned over (`settle.rs`).
//!
//! Walls of which the scan shows neither thickness nor radiodensity stay where they are, a little too thick rather than
//! with holes.

pub(crate) mod measure;
mod patch;
pub(crate) mod ring;
pub(crate) mod settle;
#[cfg(test)]
mod tests;

use measure::{Edge, Measure, Question};
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Mesh, NotSolid, Solid, Volume};
use osteon_image::Levels;
use osteon_image::spread::{Spread, slice_distance};
use settle::Heard;

/// Why vertices cannot be placed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// What came out bounds no volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for PlaceError {
    fn kind(&self) -> ErrorKind {
        match self {
            PlaceError::NotSolid(_) => ErrorKind::Numeric,
            PlaceError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            PlaceError::NotSolid(_) => "placed-not-solid",
            PlaceError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            PlaceError::NotSolid(_) => {
                "use the surface as it was before; the walls may be thinner than a voxel".to_owned()
            }
            PlaceError::Cancelled(stop) => stop.help(),
        }
    }
}

/// A surface with its vertices where the edges are.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The surface.
    pub solid: Solid,
    /// How far the vertices moved, mm.
    pub moved: Moved,
    /// Vertices at which an edge was fitted; of three neighbours one is asked.
    pub fitted: usize,
    /// Of these, vertices on a thin wall.
    pub thin: usize,
    /// Radiodensity of the scan's cortex in HU, where walls were thick enough to tell.
    pub cortex: Option<f64>,
}

/// How far vertices moved, mm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// Mean along the outward normal.
    pub mean: f64,
    /// Distance that 95 % do not exceed.
    pub p95: f64,
    /// Largest distance.
    pub max: f64,
}

/// One in so many vertices is asked, and its neighbours hear of it: the tubes of neighbours overlap by more than half.
const ONE_IN: usize = 3;

/// About this many vertices are asked for the radiodensity of the cortex.
const ASKED: usize = 4000;

/// Which vertices are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those on thin walls, and all where slices are thick: elsewhere the half height is within a twentieth of a
    /// millimetre already, and asking costs most of the time.
    Needed,
    /// All of them.
    All,
}

/// Puts the vertices of a surface where the edges are.
///
/// # Errors
/// Stops when `ctx` was asked to; [`PlaceError::NotSolid`] when the result bounds no volume.
pub fn place(
    solid: &Solid,
    volume: &Volume<i16>,
    levels: &Levels,
    spread: &Spread,
    scope: Scope,
    ctx: &Ctx,
) -> Result<Placed, PlaceError> {
    let start = solid.mesh();
    let rounds = if slice_distance(volume.grid()) > THICK_SLICE { 2 } else { 1 };
    let mut mesh = start.clone();
    let mut told = Told::default();
    for round in 0..rounds {
        let part = |n: usize| 0.9 * n as f64 / rounds as f64;
        let measure = Measure::new(&mesh, volume, levels, spread, scope);
        let survey = survey(measure, &ctx.part("edges", part(round), part(round + 1)))?;
        let by = (0..).zip(&survey.heard).map(|(v, heard)| {
            let voxel = survey.measure.voxel(v);
            survey.measure.normals[v] * (heard.trust(LIKELY * voxel) * heard.shift.clamp(-voxel, voxel))
        });
        let moved = settle::shift(&mesh, by.collect(), ctx)?;
        told = survey.told;
        mesh = moved;
    }
    let moved = moved(start, &mesh);
    let solid = Solid::proven(mesh, ctx)?.map_err(Box::new)?;
    ctx.done(1.0)?;
    Ok(Placed { solid, moved, fitted: told.fitted, thin: told.thin, cortex: told.cortex })
}

/// How far off the half height is before it is asked, in voxels: its standard deviation. Fitted to the vertebra of the
/// phantoms, where a fit that its neighbours contradict would otherwise roughen the surface.
const LIKELY: f64 = 0.25;

/// Slices further apart than this, mm, leave steps in the surface, so that its normals are good only after a first
/// round; and levels measured between them are not trusted.
const THICK_SLICE: f64 = 1.4;

/// What a survey tells in a few numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    fitted: usize,
    thin: usize,
    cortex: Option<f64>,
}

/// What the grey values say about all vertices of a surface.
pub(crate) struct Survey<'a> {
    pub(crate) measure: Measure<'a>,
    pub(crate) heard: Vec<Heard>,
    told: Told,
}

/// Asks the grey values about the vertices of a surface.
pub(crate) fn survey<'a>(measure: Measure<'a>, ctx: &Ctx) -> Result<Survey<'a>, Cancelled> {
    let mesh = measure.mesh;
    ctx.done(0.1)?;
    let cortex = cortex(&measure, mesh.vertices.len(), ctx)?;
    ctx.done(0.2)?;
    let edges = measure.edges(ONE_IN, Question::Edge(cortex), ctx)?;
    ctx.done(0.8)?;
    let mut heard = vec![Heard::default(); mesh.vertices.len()];
    for (edge, v) in edges.iter().zip((0..).step_by(ONE_IN)) {
        if let Some(edge) = edge {
            heard[v] = first(edge, measure.voxel(v), measure.slice(v), cortex);
        }
    }
    let heard = settle::even(mesh, &measure.rings, &measure.normals, heard, ctx)?;
    ctx.done(1.0)?;
    let found = edges.iter().flatten();
    let (fitted, thin) = (found.clone().count(), found.filter(|e| e.wall.is_finite()).count());
    Ok(Survey { measure, heard, told: Told { fitted, thin, cortex } })
}

/// No fit counts as if it were surer than this, mm: a hundredth of a fine voxel's step is left by any model.
pub(crate) const SUREST: f64 = 0.02;

/// A wall thinner than this many standard deviations of its blur is not resolved: its grey values tell height times
/// thickness and no more, so its edges are as good as the height that was assumed.
const RESOLVED: f64 = 1.8;

/// Nor is a wall thinner than this share of the distance of the slices across it: it may lie between two of them.
const SEEN: f64 = 0.8;

/// Standard deviation of a fit in voxels from which it says nothing.
const VAGUE: f64 = 0.5;

/// What is known of a vertex from its own edge. An edge more than a voxel off is another one.
fn first(edge: &Edge, voxel: f64, slice: f64, cortex: Option<f64>) -> Heard {
    let deviation = edge.deviation.max(SUREST);
    if deviation > VAGUE * voxel || edge.offset.abs() > voxel {
        return Heard::default();
    }
    if cortex.is_none() && edge.wall < SELF_EVIDENT * edge.sigma {
        // Half the height it shows is all that is known; a little thick is better than a hole.
        return Heard { shift: 0.0, weight: 1.0, deviation, scatter: 0.0, unresolved: 1.0 };
    }
    Heard {
        shift: edge.offset,
        weight: 1.0 / (deviation * deviation),
        deviation: edge.deviation,
        scatter: 0.0,
        unresolved: if edge.wall < (RESOLVED * edge.sigma).max(SEEN * slice) { 1.0 } else { 0.0 },
    }
}

/// A wall thicker than this many standard deviations of its blur shows its own radiodensity.
const SELF_EVIDENT: f64 = 3.0;

/// Relative uncertainty up to which a wall tells the radiodensity of the cortex.
const CERTAIN: f64 = 0.08;

/// Slices further apart than this across a wall, mm, hide it between them.
const SLANT: f64 = 1.25;

/// Fewer walls than this tell nothing.
const LEAST_WALLS: usize = 30;

/// The radiodensity of the cortex, HU: the upper quartile of what shows its own, `None` where too little does.
///
/// Solid bone and [`PLAIN`] walls count first, then walls that are [`SELF_EVIDENT`], but only when they are no accident:
/// noise makes some of many thinner walls look that thick and less dense, so a tenth of all must be.
fn cortex(measure: &Measure<'_>, vertices: usize, ctx: &Ctx) -> Result<Option<f64>, Cancelled> {
    let every = vertices.div_ceil(ASKED).max(1);
    let asked = measure.edges(every, Question::Height, ctx)?;
    let upright = |v: usize| measure.slice(v) <= SLANT;
    let edges =
        asked.iter().zip((0..).step_by(every)).filter(|(_, v)| upright(*v)).filter_map(|(e, _)| e.as_ref());
    let edges: Vec<&Edge> = edges.collect();
    // The denser ones of those that reach this thickness, in standard deviations of their blur.
    let from = |least: f64, fewest: usize| {
        let shows = |e: &&&Edge| e.wall > least * e.sigma && e.height[1] < CERTAIN * e.height[0];
        let mut heights: Vec<f64> = edges.iter().filter(shows).map(|e| e.height[0]).collect();
        heights.sort_by(f64::total_cmp);
        (heights.len() >= fewest.max(LEAST_WALLS)).then(|| heights[heights.len() * 3 / 4])
    };
    Ok(from(PLAIN, edges.len() / 50).or_else(|| from(SELF_EVIDENT, edges.len() / 10)))
}

/// From this many standard deviations of its blur a wall cannot be a thinner one that noise has changed.
const PLAIN: f64 = 4.5;

/// How far the vertices of a mesh moved, along the normals it has now.
fn moved(before: &Mesh, after: &Mesh) -> Moved {
    let normals = ring::plain_normals(after);
    let steps = before.vertices.iter().zip(&after.vertices).map(|(a, b)| b.vec() - a.vec());
    let mut lengths: Vec<f64> = steps.clone().map(|step| step.length()).collect();
    let mean = steps.zip(&normals).map(|(step, n)| step.dot(*n)).sum::<f64>() / lengths.len().max(1) as f64;
    lengths.sort_by(f64::total_cmp);
    let at = |i: usize| lengths.get(i).copied().unwrap_or(0.0);
    Moved { mean, p95: at(lengths.len() * 95 / 100), max: at(lengths.len().saturating_sub(1)) }
}
