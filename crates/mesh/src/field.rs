//! Solids as distance fields: voxels of a solid, offset, shell, hollow.
//!
//! A field is sampled on a grid: which samples lie inside comes from counting crossings along each row
//! ([`mod@voxelise`], exact predicates), how far they are from the surface from the nearest triangle
//! ([`nearest`]). Its level sets are meshed by [`crate::isosurface`], so they are closed and 2-manifold by
//! construction. Linear interpolation of the field errs by at most h²/8r for voxels of h mm on a surface with
//! radius of curvature r.

mod nearest;
#[cfg(test)]
mod tests;
mod voxelise;

pub use voxelise::voxelise;

use crate::isosurface::{SurfaceError, isosurface};
use glam::DVec3;
use osteon_core::{
    Cancelled, Ctx, ErrorKind, Explain, Grid, Hu, Mask, Mesh, NotSolid, Patient, Point, Solid, Volume,
};
use osteon_image::Levels;

/// Why there is no offset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// The voxel is not a length that a field can be sampled with.
    #[error("a voxel of {voxel} mm cannot sample an offset of {distance} mm")]
    Voxel {
        /// The edge of a voxel, mm.
        voxel: f64,
        /// The offset, mm.
        distance: f64,
    },
    /// The field would take too many samples.
    #[error("the field would have {0:.2e} samples, more than {most:.2e}", most = MOST as f64)]
    TooLarge(f64),
    /// Nothing is left of the solid.
    #[error("nothing of the solid is thicker than twice {0} mm")]
    Gone(f64),
    /// The level set could not be meshed.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// The parts do not make a solid.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for FieldError {
    fn kind(&self) -> ErrorKind {
        match self {
            FieldError::Voxel { .. } => ErrorKind::Input,
            FieldError::TooLarge(_) => ErrorKind::Unsupported,
            FieldError::Surface(error) => error.kind(),
            FieldError::Gone(_) | FieldError::NotSolid(_) => ErrorKind::Numeric,
            FieldError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            FieldError::Voxel { .. } => "field-voxel",
            FieldError::TooLarge(_) => "field-too-large",
            FieldError::Gone(_) => "nothing-left",
            FieldError::Surface(error) => error.code(),
            FieldError::NotSolid(_) => "offset-not-solid",
            FieldError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            FieldError::Voxel { .. } => "give a voxel between 0.01 mm and half of the distance",
            FieldError::TooLarge(_) => "give a larger voxel, or split the solid",
            FieldError::Gone(_) => "use a smaller distance",
            FieldError::NotSolid(_) => "use a smaller voxel",
            FieldError::Surface(error) => return error.help(),
            FieldError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// Most samples of a field: with seven bytes a sample about 1.7 GB, what a laptop has to spare.
const MOST: usize = 1 << 28;

/// Smallest voxel of a field, mm: finer than any printer, and a wrong unit rather than a wish.
const FINEST: f64 = 0.01;

/// Voxels of the field around the level set on each side.
const MARGIN: f64 = 3.0;

/// The solid grown by `distance` mm on all sides (rounded at edges), or shrunk when it is negative.
///
/// Every place of the new surface is `distance` from the nearest place of the old one, but for the error of
/// linear interpolation with voxels of `voxel` mm. What is thinner than twice a shrinking vanishes; gaps
/// narrower than twice a growth close.
///
/// # Errors
/// The voxel does not suit the distance, the field is too large, nothing is left, or `ctx` was asked to stop.
pub fn offset(solid: &Solid, distance: f64, voxel: f64, ctx: &Ctx) -> Result<Solid, FieldError> {
    if !(voxel >= FINEST && distance.is_finite() && 2.0 * voxel <= distance.abs()) {
        return Err(FieldError::Voxel { voxel, distance });
    }
    let grid = grid_around(solid.mesh(), distance.max(0.0) + MARGIN * voxel, voxel)?;
    let inside = voxelise(solid.mesh(), &grid, &ctx.part("inside", 0.0, 0.2))?;
    let reach = distance.abs() + MARGIN * voxel;
    let near = nearest::nearest(solid.mesh(), &grid, reach, &ctx.part("distances", 0.2, 0.7))?;
    let field = level_field(&near, &inside, distance, voxel);
    let volume = Volume::new(grid, field).map_err(|_| FieldError::TooLarge(f64::INFINITY))?;
    let mask = osteon_image::threshold(&volume, Hu(0.0), None, ctx)?;
    if mask.is_empty() {
        return Err(FieldError::Gone(distance.abs()));
    }
    let surface = ctx.part("surface", 0.7, 1.0);
    Ok(isosurface(&volume, &Levels::constant(Hu(0.0)), &mask, &surface)?)
}

/// A solid with a cavity, and what it saves.
#[derive(Clone, Debug, PartialEq)]
pub struct Hollow {
    /// The solid with its cavities.
    pub solid: Solid,
    /// Number of cavities; each is closed, so what is not cured or sintered stays trapped in it.
    pub cavities: usize,
    /// Volume of the cavities, mm³.
    pub trapped: f64,
}

/// The solid hollowed out so that walls of `wall` mm remain; its outside stays as it is, to the bit.
///
/// # Errors
/// As [`offset`]; nothing is hollowed where all is thinner than two walls ([`FieldError::Gone`]).
pub fn hollow(solid: &Solid, wall: f64, voxel: f64, ctx: &Ctx) -> Result<Hollow, FieldError> {
    let core = offset(solid, -wall.abs(), voxel, ctx)?;
    let hollow = without(solid.mesh().clone(), &core)?;
    Ok(Hollow { solid: hollow, cavities: core.shells().len(), trapped: core.volume() })
}

/// The matter between `outward` mm outside the surface and `inward` mm inside it; zero keeps the surface itself.
///
/// # Errors
/// As [`offset`].
pub fn shell(solid: &Solid, [inward, outward]: [f64; 2], voxel: f64, ctx: &Ctx) -> Result<Solid, FieldError> {
    let moved = |distance: f64, ctx: &Ctx| match distance {
        0.0 => Ok(solid.clone()),
        distance => offset(solid, distance, voxel, ctx),
    };
    let outer = moved(outward, &ctx.part("outer surface", 0.0, 0.5))?;
    let inner = moved(-inward, &ctx.part("inner surface", 0.5, 1.0))?;
    without(outer.into_mesh(), &inner)
}

/// A mesh with the surface of a solid that lies inside it as the wall of a cavity.
fn without(mut outer: Mesh, inner: &Solid) -> Result<Solid, FieldError> {
    let first = outer.vertices.len() as u32;
    outer.vertices.extend(&inner.mesh().vertices);
    outer.triangles.extend(inner.mesh().triangles.iter().map(|&[a, b, c]| [a + first, c + first, b + first]));
    Ok(Solid::new(outer).map_err(Box::new)?)
}

/// A grid of cubic voxels around a mesh with `margin` mm on all sides.
fn grid_around(mesh: &Mesh, margin: f64, voxel: f64) -> Result<Grid, FieldError> {
    let bounds = mesh.bounds();
    let low = bounds.min.vec() - DVec3::splat(margin);
    let counts = ((bounds.size() + DVec3::splat(2.0 * margin)) / voxel).ceil() + DVec3::ONE;
    let samples = counts.x * counts.y * counts.z;
    if samples.is_nan() || samples > MOST as f64 {
        return Err(FieldError::TooLarge(samples));
    }
    let dims = counts.to_array().map(|n| n as usize);
    let grid = Grid::upright(dims, Point::<Patient>::from_vec(low), DVec3::splat(voxel));
    grid.map_err(|_| FieldError::TooLarge(samples))
}

/// Steps of the field a voxel: fine enough that rounding moves no vertex by more than a 16000th of a voxel.
const STEPS: f64 = 8000.0;

/// `distance` less each sample's signed distance (positive outside), in steps, cut off at two voxels and more.
fn level_field(near: &[f32], inside: &Mask, distance: f64, voxel: f64) -> Vec<i16> {
    let [nx, ny, nz] = inside.grid().dims();
    let mut field = vec![0; near.len()];
    for (n, (row, to)) in near.chunks_exact(nx).zip(field.chunks_exact_mut(nx)).enumerate() {
        debug_assert!(n < ny * nz);
        let bits = inside.row(n % ny, n / ny);
        for (x, (&near, to)) in row.iter().zip(to).enumerate() {
            let sign = if bits[x / 64] >> (x % 64) & 1 == 1 { -1.0 } else { 1.0 };
            let level = (distance - sign * f64::from(near)) / voxel;
            // Far samples are infinitely far; the cut keeps them within the type.
            *to = (level.clamp(-2.0, 2.0) * STEPS) as i16;
        }
    }
    field
}
