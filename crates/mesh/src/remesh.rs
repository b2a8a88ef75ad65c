//! The same solid in triangles of one size and nearly equal sides, as simulation wants them.
//!
//! After Botsch and Kobbelt (A remeshing approach to multiresolution modeling, SGP 2004), each round
//!
//! 1. divides edges longer than 4/3 of the wanted length and draws those shorter than 4/5 together: between the
//!    two, dividing or drawing together would only make the length worse;
//! 2. turns edges so that vertices have six neighbours;
//! 3. moves vertices along the surface to the middle of their surroundings, and puts them back onto the given
//!    surface.
//!
//! Creases are edges where the surface bends by more than a given angle. Vertices on them only move along them, and
//! where creases meet, end or turn sharply stay where they are; so a cuboid keeps its shape to rounding. Creases
//! that together are shorter than three wanted edges are not kept. Steps that would pinch the surface or turn a
//! triangle over are left out: genus and shells stay.
//!
//! After two rounds, creases that leave no room for triangles of the wanted size are given up, unless they bend by
//! more than 75°; that rounds them off, by up to 0.6 of an edge on a vertebra.
//!
//! Limits: details smaller than the wanted edge are lost, but for shells, which keep at least four triangles. Walls
//! and gaps much thinner than the edge's sag may come to cross; [`Remeshed::crossings`] tells how often they do.
//! Where creases run closer together than the wanted edge, or meet at less than 20°, triangles are as narrow.

mod measure;
mod model;
mod net;
mod steps;
#[cfg(test)]
mod tests;

use crate::bvh::Bvh;
use crate::self_intersection;
use model::Model;
use net::Net;
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Mesh, NotSolid, Point, Solid};
use steps::{Aim, Merge};

/// How to remesh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remesh {
    /// The wanted length of edges, mm.
    pub edge: f64,
    /// How often edges and vertices are gone through.
    pub rounds: usize,
    /// The least angle by which the surface bends at an edge that is kept, degrees between 0 and 180.
    pub crease: f64,
}

impl Default for Remesh {
    /// 1 mm, chosen: about the voxel of a clinical scan, below which a surface has no detail of its own. Five
    /// rounds, as is usual. 40°, chosen: above what noise
    /// bends an isosurface, below the 45° of a chamfer.
    fn default() -> Self {
        Self { edge: 1.0, rounds: 5, crease: 40.0 }
    }
}

/// A remeshed solid, and how good it is.
#[derive(Clone, Debug)]
pub struct Remeshed {
    /// The solid.
    pub solid: Solid,
    /// The largest distance found from corners and middles of either surface to the other, mm: no certificate.
    pub deviation: f64,
    /// The smallest angle of all triangles, degrees.
    pub smallest_angle: f64,
    /// Mean over the triangles of 4√3 × area / sum of the squared sides: 1 for equal sides, 0 for a needle.
    pub mean_quality: f64,
    /// Triangles of the given solid.
    pub before: usize,
    /// Triangles of the new one.
    pub after: usize,
    /// Pairs of new triangles that cross or lie on each other.
    pub crossings: usize,
}

/// Why a solid is not remeshed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemeshError {
    /// The wanted length is not above zero.
    #[error("edges were to be {0} mm long")]
    Edge(f64),
    /// The angle is not between 0° and 180°.
    #[error("edges were to be kept from a bend of {0} degrees on")]
    Crease(f64),
    /// So short edges make too many triangles.
    #[error("edges of {edge} mm would make about {triangles:.1e} triangles")]
    TooMany {
        /// The wanted length, mm.
        edge: f64,
        /// About how many triangles there would be.
        triangles: f64,
    },
    /// The new triangles do not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for RemeshError {
    fn kind(&self) -> ErrorKind {
        match self {
            RemeshError::NotSolid(_) => ErrorKind::Numeric,
            RemeshError::Cancelled(stop) => stop.kind(),
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            RemeshError::Edge(_) => "remesh-edge",
            RemeshError::Crease(_) => "remesh-crease",
            RemeshError::TooMany { .. } => "remesh-too-many",
            RemeshError::NotSolid(_) => "remeshed-not-solid",
            RemeshError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            RemeshError::Edge(_) => "give a length in mm above zero, such as 1",
            RemeshError::Crease(_) => "give an angle such as 40 degrees, or 180 to keep no edges",
            RemeshError::TooMany { .. } => "give longer edges",
            RemeshError::NotSolid(_) => "give shorter edges, or drop very small pieces before",
            RemeshError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// Edges longer than this many wanted ones are divided (Botsch and Kobbelt 2004).
const LONG: f64 = 4.0 / 3.0;

/// Edges shorter than this many wanted ones are drawn together (Botsch and Kobbelt 2004).
const SHORT: f64 = 4.0 / 5.0;

/// More triangles are refused. Chosen: they take about 10 GB while they are made.
const MOST: f64 = 5.0e7;

/// Rounds at the end that only turn edges and move vertices, so that angles settle.
const SETTLING: usize = 4;

/// Rounds before creases that leave no room are given up: the first two only bring edges to their length.
const RELEASE: usize = 2;

/// Edges that are still shorter than this many wanted ones in the end are drawn together under looser rules.
const TINY: f64 = 0.5;

/// Which may leave edges of this many wanted ones: the longest that a remeshed solid should have.
const LONGEST: f64 = 1.6;

/// And triangles that face as their surroundings do to within 73° (its cosine).
const FACING: f64 = 0.3;

/// The solid in triangles with edges of about the wanted length.
///
/// # Errors
/// Edge or angle make no sense, there would be too many triangles, or `ctx` was asked to stop.
pub fn remesh(solid: &Solid, how: &Remesh, ctx: &Ctx) -> Result<Remeshed, RemeshError> {
    let given = solid.mesh();
    sensible(given, how)?;
    // Relative to the lowest corner of the box: far from the origin digits are lost.
    let low = given.bounds().min.vec();
    let vertices = given.vertices.iter().map(|p| Point::from_vec(p.vec() - low)).collect();
    let near = Mesh { vertices, triangles: given.triangles.clone() };
    let bvh = Bvh::new(&near, ctx)?;
    let places: Vec<glam::DVec3> = near.vertices.iter().map(|p| p.vec()).collect();
    let mut net = Net::new(&places, &near.triangles);
    let cosine = libm::cos(how.crease.to_radians());
    let model = Model::new((&near, &bvh), &mut net, (cosine, how.edge), ctx)?;
    ctx.done(0.1)?;
    work(&mut net, &model, how, &ctx.part("remesh", 0.1, 0.7))?;
    let made = model::mesh_of(&net, glam::DVec3::ZERO);
    let new_bvh = Bvh::new(&made, ctx)?;
    let forth = measure::farthest(&made, (&near, &bvh), ctx)?;
    let back = measure::farthest(&near, (&made, &new_bvh), ctx)?;
    ctx.done(0.9)?;
    let crossings = self_intersection::find(&made, &new_bvh, ctx)?;
    let (smallest_angle, mean_quality) = measure::quality(&made);
    let solid = Solid::proven(model::mesh_of(&net, low), ctx)?.map_err(Box::new)?;
    ctx.done(1.0)?;
    Ok(Remeshed {
        deviation: forth.max(back),
        smallest_angle,
        mean_quality,
        before: given.triangles.len(),
        after: solid.mesh().triangles.len(),
        crossings: crossings.iter().filter(|crossing| crossing.kind.is_serious()).count(),
        solid,
    })
}

fn sensible(given: &Mesh, how: &Remesh) -> Result<(), RemeshError> {
    if !(how.edge > 0.0 && how.edge.is_finite()) {
        return Err(RemeshError::Edge(how.edge));
    }
    if !(0.0..=180.0).contains(&how.crease) {
        return Err(RemeshError::Crease(how.crease));
    }
    // An equilateral triangle has √3/4 of its edge squared.
    let triangles = given.area() / (0.433 * how.edge * how.edge) + given.triangles.len() as f64;
    if triangles > MOST {
        return Err(RemeshError::TooMany { edge: how.edge, triangles });
    }
    Ok(())
}

/// All rounds.
fn work(net: &mut Net, model: &Model<'_>, how: &Remesh, ctx: &Ctx) -> Result<(), Cancelled> {
    let (shortest, longest) = (SHORT * how.edge, LONG * how.edge);
    let all = (how.rounds + SETTLING) as f64;
    for round in 0..how.rounds {
        if round >= RELEASE {
            model::release(net, how.edge);
        }
        steps::divide(net, longest, ctx)?;
        steps::merge(net, Merge { shortest, longest, facing: None }, ctx)?;
        steps::turn(net, Aim::Valence, ctx)?;
        steps::even_out(net, model, ctx)?;
        ctx.done((round + 1) as f64 / all)?;
    }
    let rest = Merge { shortest: TINY * how.edge, longest: LONGEST * how.edge, facing: Some(FACING) };
    for round in 0..SETTLING {
        steps::merge(net, rest, ctx)?;
        steps::turn(net, Aim::Angle, ctx)?;
        steps::even_out(net, model, ctx)?;
        ctx.done((how.rounds + round + 1) as f64 / all)?;
    }
    steps::lift(net, model, ctx)
}
