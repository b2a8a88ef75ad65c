//! The closed surface of a mask, placed by grey values.
//!
//! The mask alone decides how the surface connects; grey values only move its vertices along the grid edges
//! between an inside and an outside voxel. So the surface is closed and manifold for any mask, however noisy
//! (`table.rs` says why), and smooth where the image is. Vertices are shared, and numbered by counting bits of
//! the rows before them: no hash table, the same order at any number of threads.
//!
//! Cells lie between eight voxels, those at the border of the grid half beyond it, so cell `(x, y, z)` has voxel
//! `(x, y, z)` at its high corner. Three steps, each over rows of cells ([`cells`]): count what every row owns
//! ([`plan`]), place the vertices ([`place`]), join them ([`join`]).

#[cfg(test)]
mod accuracy_tests;
mod cells;
mod join;
mod place;
mod plan;
mod table;
#[cfg(test)]
mod tests;

use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Mask, Mesh, NotSolid, Point, Solid, Volume};
use osteon_image::Levels;
use plan::Plan;
use rayon::prelude::*;
use table::{Case, Handedness, Table};

/// Why there is no surface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurfaceError {
    /// The mask has no voxel.
    #[error("the mask has no voxel, so it has no surface")]
    Empty,
    /// Volume and mask have different dimensions.
    #[error("the volume has {volume:?} voxels and the mask {mask:?}")]
    Grids {
        /// Dimensions of the volume.
        volume: [usize; 3],
        /// Dimensions of the mask.
        mask: [usize; 3],
    },
    /// More vertices than can be numbered.
    #[error("the surface would have {0} vertices or triangles, more than 4 billion")]
    TooLarge(u64),
    /// The triangles do not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for SurfaceError {
    fn kind(&self) -> ErrorKind {
        match self {
            SurfaceError::Empty | SurfaceError::Grids { .. } => ErrorKind::Input,
            SurfaceError::TooLarge(_) => ErrorKind::Unsupported,
            SurfaceError::NotSolid(_) => ErrorKind::Numeric,
            SurfaceError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            SurfaceError::Empty => "empty-mask",
            SurfaceError::Grids { .. } => "different-grids",
            SurfaceError::TooLarge(_) => "surface-too-large",
            SurfaceError::NotSolid(_) => "surface-not-solid",
            SurfaceError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            SurfaceError::Empty => "lower the threshold, or keep more pieces of the mask",
            SurfaceError::Grids { .. } => "make the mask from the same volume",
            SurfaceError::TooLarge(_) => "crop the volume, or drop small pieces of the mask",
            SurfaceError::NotSolid(_) => "the grid may be extremely flat; check its spacing",
            SurfaceError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// The surface of a mask in the patient, facing outward whatever the handedness of the grid.
///
/// A vertex lies where the grey values of the two voxels of its edge, each less its level, cross zero. A voxel
/// whose grey value contradicts the mask counts as being at its level. Bone that is cut by the border of the
/// grid is closed there, half a voxel beyond the outermost samples.
///
/// # Errors
/// The mask is empty or of another grid, the surface is too large, or `ctx` was asked to stop.
pub fn isosurface(
    volume: &Volume<i16>,
    levels: &Levels,
    mask: &Mask,
    ctx: &Ctx,
) -> Result<Solid, SurfaceError> {
    let (volume_dims, dims) = (volume.grid().dims(), mask.grid().dims());
    if volume_dims != dims {
        return Err(SurfaceError::Grids { volume: volume_dims, mask: dims });
    }
    if mask.is_empty() {
        return Err(SurfaceError::Empty);
    }
    let cases = table::cases();
    let handedness = if mask.grid().to_patient().mirrors() { Handedness::Left } else { Handedness::Right };
    let table = Table::new(&cases, handedness);
    let scene = Scene { mask, volume, levels, cases, table };
    let plan = Plan::of(mask, &scene.table, ctx)?;
    ctx.done(0.2)?;
    let mesh = scene.build(&plan, ctx)?;
    ctx.done(0.6)?;
    let solid = Solid::proven(mesh, ctx)?.map_err(Box::new)?;
    ctx.done(1.0)?;
    Ok(solid)
}

/// What a surface is made of.
struct Scene<'a> {
    mask: &'a Mask,
    volume: &'a Volume<i16>,
    levels: &'a Levels,
    cases: Vec<Case>,
    table: Table,
}

impl Scene<'_> {
    /// Places the vertices and joins them; each slice of cells fills its own stretch of both lists.
    fn build(&self, plan: &Plan, ctx: &Ctx) -> Result<Mesh, Cancelled> {
        let totals = plan.totals();
        let mut vertices = vec![[0.0; 3]; totals.edges[0] as usize];
        let mut triangles = vec![[0_u32; 3]; totals.triangles as usize];
        let (mut rest_v, mut rest_t) = (&mut vertices[..], &mut triangles[..]);
        let mut slices = Vec::new();
        for z in 0..plan.slices() {
            let (from, to) = (plan.row(0, z), plan.row(0, z + 1));
            let (own_v, other_v) = rest_v.split_at_mut((to.edges[0] - from.edges[0]) as usize);
            let (own_t, other_t) = rest_t.split_at_mut((to.triangles - from.triangles) as usize);
            slices.push((z, own_v, own_t));
            (rest_v, rest_t) = (other_v, other_t);
        }
        slices.into_par_iter().try_for_each(|(z, vertices, triangles)| {
            ctx.check()?;
            if !triangles.is_empty() {
                place::slice(self, plan, z, vertices);
                join::slice(self, plan, z, triangles);
            }
            Ok(())
        })?;
        // A list of numbers starts out as untouched memory, which costs nothing; the conversion is none.
        let vertices = vertices.into_iter().map(|[x, y, z]| Point::new(x, y, z)).collect();
        Ok(Mesh { vertices, triangles })
    }
}
