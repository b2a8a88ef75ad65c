//! Union, difference and intersection of solids, cuts by planes, and resolving a surface that meets itself.
//!
//! The arrangement of surfaces is computed by the `manifold-rust` library, pinned because it is young (ADR 17):
//! its exact engine for solids that do not meet themselves, its robust engine – rational arithmetic and winding
//! numbers, an order of magnitude slower – for those that do. What comes back is proven to be a [`Solid`] again,
//! and touching parts are drawn apart ([`settle`]), so that a file with coordinates of single precision, which
//! readers weld by position, is closed and 2-manifold too.

mod settle;
#[cfg(test)]
mod tests;

use manifold_rust::cancel::CancelToken;
use manifold_rust::manifold::Manifold;
use manifold_rust::progress::ProgressReporter;
use manifold_rust::types::{BooleanEngine, Error as Status, MeshGLP, OpType, WindingRule};
use osteon_core::{Affine, Cancelled, Ctx, ErrorKind, Explain, Mesh, NotSolid, Patient, Plane, Point, Solid};

/// Why two solids could not be combined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BooleanError {
    /// The surface is not closed, so no place is inside or outside.
    #[error("the surface has open edges, so nothing tells inside from outside")]
    Open,
    /// The library could not do it.
    #[error("the boolean operation has no valid result: {0}")]
    Library(String),
    /// The result does not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for BooleanError {
    fn kind(&self) -> ErrorKind {
        match self {
            BooleanError::Open => ErrorKind::Input,
            BooleanError::Library(_) | BooleanError::NotSolid(_) => ErrorKind::Numeric,
            BooleanError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            BooleanError::Open => "open-surface",
            BooleanError::Library(_) => "boolean-failed",
            BooleanError::NotSolid(_) => "boolean-not-solid",
            BooleanError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            BooleanError::Open => "repair the surface first",
            BooleanError::Library(_) | BooleanError::NotSolid(_) => {
                "move one of the solids by a hundredth of a millimetre and try again; please report the pair"
            }
            BooleanError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// How two solids are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// What belongs to either.
    Union,
    /// What belongs to the first and not to the second.
    Difference,
    /// What belongs to both.
    Intersection,
}

impl Operation {
    const fn library(self) -> OpType {
        match self {
            Operation::Union => OpType::Add,
            Operation::Difference => OpType::Subtract,
            Operation::Intersection => OpType::Intersect,
        }
    }
}

/// Combines two solids; `None` when nothing is left.
///
/// # Errors
/// The library found no valid result, or `ctx` was asked to stop.
pub fn combine(a: &Solid, b: &Solid, operation: Operation, ctx: &Ctx) -> Result<Option<Solid>, BooleanError> {
    let result = boolean(&sound(a.mesh(), ctx)?, &sound(b.mesh(), ctx)?, operation, ctx)?;
    solid(&result, ctx)
}

/// The volume that two solids share, mm³.
///
/// Where they lean on each other the intersection is slivers of rounding that bound nothing, and no solid comes of it;
/// their volume is told all the same.
///
/// # Errors
/// As those of [`combine`], less that the intersection is no solid.
pub fn shared_volume(a: &Solid, b: &Solid, ctx: &Ctx) -> Result<f64, BooleanError> {
    let both = boolean(&sound(a.mesh(), ctx)?, &sound(b.mesh(), ctx)?, Operation::Intersection, ctx)?;
    Ok(if both.is_empty() { 0.0 } else { mesh(&both).signed_volume().max(0.0) })
}

/// The union of solids, two by two in their order; `None` without any.
///
/// # Errors
/// The library found no valid result, or `ctx` was asked to stop.
pub fn union(solids: &[&Solid], ctx: &Ctx) -> Result<Option<Solid>, BooleanError> {
    let mut parts = solids.iter().map(|s| sound(s.mesh(), ctx)).collect::<Result<Vec<_>, _>>()?;
    // Neighbours in pairs: each triangle takes part in log n unions instead of n.
    while parts.len() > 1 {
        let pairs = parts.chunks(2).map(|pair| match pair {
            [a, b] => boolean(a, b, Operation::Union, ctx),
            rest => Ok(rest[0].clone()),
        });
        parts = pairs.collect::<Result<_, _>>()?;
    }
    parts.first().map_or(Ok(None), |all| solid(all, ctx))
}

/// The two parts of a solid on either side of a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Halves {
    /// The part the plane's normal points into, if there is any.
    pub front: Option<Solid>,
    /// The part behind, if there is any.
    pub back: Option<Solid>,
}

/// Cuts a solid by a plane; the cut faces are closed.
///
/// # Errors
/// The library found no valid result, or `ctx` was asked to stop.
pub fn cut(whole: &Solid, plane: &Plane<Patient>, ctx: &Ctx) -> Result<Halves, BooleanError> {
    let bounds = whole.mesh().bounds();
    let half = half_space(bounds.middle(), 0.5 * bounds.size().length(), plane);
    let half = import(&half, &Strictness::Closed)?;
    let whole = sound(whole.mesh(), ctx)?;
    let front = boolean(&whole, &half, Operation::Intersection, &ctx.part("cut", 0.0, 0.5))?;
    let back = boolean(&whole, &half, Operation::Difference, &ctx.part("cut", 0.5, 1.0))?;
    Ok(Halves { front: solid(&front, ctx)?, back: solid(&back, ctx)? })
}

/// The solid that a closed surface bounds although it meets itself: every place around which the surface winds
/// at least once; `None` when there is no such place.
///
/// Overlapping and nested shells become one, parts that are inside out vanish.
///
/// # Errors
/// The surface is open, the library found no valid result, or `ctx` was asked to stop.
pub fn resolve(mesh: &Mesh, ctx: &Ctx) -> Result<Option<Solid>, BooleanError> {
    solid(&rebuilt(&import(mesh, &Strictness::Soup)?, ctx)?, ctx)
}

/// A block in front of a plane that covers there all of a ball.
fn half_space(middle: Point<Patient>, radius: f64, plane: &Plane<Patient>) -> Mesh {
    let normal = plane.normal.vec();
    // Right-handed: across × along is the normal.
    let (across, along) = normal.any_orthonormal_pair();
    let height = plane.signed_distance(middle);
    let foot = middle.vec() - normal * height;
    // Twice the ball and a millimetre: the block's other faces stay clear of everything that is cut.
    let reach = 2.0 * radius + 1.0;
    let depth = height.max(0.0) + reach;
    let corner = |i: u32| {
        let side = |bit: u32| if i >> bit & 1 == 1 { reach } else { -reach };
        let up = if i >> 2 == 1 { depth } else { 0.0 };
        Point::from_vec(foot + across * side(0) + along * side(1) + normal * up)
    };
    /// Corners by their bits (across, along, up), seen from outside.
    const FACES: [[u32; 3]; 12] = [
        [0, 2, 1],
        [1, 2, 3],
        [4, 5, 6],
        [5, 7, 6],
        [0, 1, 4],
        [1, 5, 4],
        [2, 6, 3],
        [3, 6, 7],
        [0, 4, 2],
        [2, 4, 6],
        [1, 3, 5],
        [3, 7, 5],
    ];
    Mesh { vertices: (0..8).map(corner).collect(), triangles: FACES.to_vec() }
}

/// What an import insists on.
enum Strictness {
    /// A closed 2-manifold.
    Closed,
    /// Any closed heap of triangles.
    Soup,
}

/// A mesh in the library's form.
fn import(mesh: &Mesh, strictness: &Strictness) -> Result<Manifold, BooleanError> {
    let form = MeshGLP::<f64, u32> {
        num_prop: 3,
        vert_properties: mesh.vertices.iter().flat_map(|p| p.vec().to_array()).collect(),
        tri_verts: mesh.triangles.as_flattened().to_vec(),
        ..MeshGLP::default()
    };
    let whole = match strictness {
        Strictness::Closed => Manifold::from_mesh_glp(&form),
        Strictness::Soup => Manifold::from_mesh_glp_robust(&form),
    };
    accept(whole)
}

/// Turns the library's status into our errors.
fn accept(whole: Manifold) -> Result<Manifold, BooleanError> {
    match whole.status() {
        Status::NoError => Ok(whole),
        Status::Cancelled => Err(Cancelled.into()),
        Status::NotClosed => Err(BooleanError::Open),
        other => Err(BooleanError::Library(other.to_string())),
    }
}

/// The mesh of a solid in the library's form, without the places where it meets itself.
///
/// The exact engine would count such places twice.
fn sound(mesh: &Mesh, ctx: &Ctx) -> Result<Manifold, BooleanError> {
    let whole = import(mesh, &Strictness::Closed)?;
    ctx.check()?;
    if whole.has_self_intersections() { rebuilt(&import(mesh, &Strictness::Soup)?, ctx) } else { Ok(whole) }
}

fn rebuilt(whole: &Manifold, ctx: &Ctx) -> Result<Manifold, BooleanError> {
    let token = CancelToken::new();
    ctx.check()?;
    accept(whole.rebuild_solid_with_token(WindingRule::Positive, Some(&token)))
}

fn boolean(a: &Manifold, b: &Manifold, operation: Operation, ctx: &Ctx) -> Result<Manifold, BooleanError> {
    ctx.check()?;
    let token = CancelToken::new();
    let reporter = ProgressReporter::new({
        let (token, ctx) = (token.clone(), ctx.clone());
        move |_, fraction| {
            if ctx.done(fraction.unwrap_or(0.0)).is_err() {
                token.cancel();
            }
        }
    });
    accept(a.boolean_with_engine_and_progress(
        b,
        operation.library(),
        BooleanEngine::Exact,
        Some(&token),
        Some(&reporter),
    ))
}

/// The library's result as a proven solid.
fn solid(whole: &Manifold, ctx: &Ctx) -> Result<Option<Solid>, BooleanError> {
    if whole.is_empty() {
        return Ok(None);
    }
    settle::settle(mesh(whole), ctx)
}

/// The library's triangles.
fn mesh(whole: &Manifold) -> Mesh {
    let form = whole.get_mesh_gl64(-1);
    let stride = form.num_prop as usize;
    let vertices = form.vert_properties.chunks_exact(stride).map(|v| Point::new(v[0], v[1], v[2])).collect();
    let triangles = form.tri_verts.chunks_exact(3).map(|t| [t[0] as u32, t[1] as u32, t[2] as u32]).collect();
    Mesh { vertices, triangles }
}

/// The solid mirrored in a plane; it stays outside out.
///
/// # Errors
/// Rounding folded a shell so small that it encloses nothing any more.
pub fn mirror(solid: &Solid, plane: &Plane<Patient>) -> Result<Solid, Box<NotSolid>> {
    let normal = plane.normal.vec();
    let flip = glam::DMat3::IDENTITY
        - glam::DMat3::from_cols(normal * normal.x, normal * normal.y, normal * normal.z) * 2.0;
    let shift = normal * (2.0 * plane.point.vec().dot(normal));
    solid.moved(&Affine::new(flip, shift)).map_err(Box::new)
}
