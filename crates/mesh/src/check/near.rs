//! What is near a surface, in voxels.

use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Grid, Mask, Mesh, Patient, Point};
use rayon::prelude::*;

/// How far from the surface is still near it, in voxels along each axis of the grid.
///
/// Edges are found where the image is sampled 0.75 voxels to either side; beyond two voxels nothing of an
/// edge is left at the spacing of a scan, which is about its blur.
const REACH: usize = 2;

/// Vertices marked between two questions whether to stop.
const CHUNK: usize = 1 << 15;

/// A triangle whose edges are no longer than a voxel's diagonal (squared, voxels) is known by its corners.
const DIAGONAL: f64 = 3.0;

/// Most pieces an edge is cut into; only triangles as long as an image have more.
const PIECES: f64 = 512.0;

/// The voxels that a surface runs through.
pub(super) struct Near {
    surface: Mask,
}

impl Near {
    pub(super) fn new(mesh: &Mesh, grid: &Grid, ctx: &Ctx) -> Result<Self, Cancelled> {
        let places: Vec<DVec3> = mesh.vertices.par_iter().map(|&p| grid.to_voxel().point(p).vec()).collect();
        ctx.check()?;
        let mut surface = Mask::empty(grid);
        for chunk in places.chunks(CHUNK) {
            ctx.check()?;
            chunk.iter().for_each(|&place| mark(&mut surface, place));
        }
        let long = |triangle: &&[u32; 3]| longest(triangle.map(|v| places[v as usize])) > DIAGONAL;
        let large: Vec<&[u32; 3]> = mesh.triangles.par_iter().filter(long).collect();
        for triangle in large {
            ctx.check()?;
            fill(&mut surface, triangle.map(|v| places[v as usize]));
        }
        Ok(Self { surface })
    }

    /// True when the surface runs through a voxel near `place`.
    pub(super) fn holds(&self, place: Point<Patient>) -> bool {
        let grid = self.surface.grid();
        let Some(at) = voxel(grid, grid.to_voxel().point(place).vec()) else {
            return false;
        };
        let dims = grid.dims();
        let [x, y, z] = [0, 1, 2].map(|a| at[a].saturating_sub(REACH)..(at[a] + REACH + 1).min(dims[a]));
        z.into_iter().any(|z| y.clone().any(|y| x.clone().any(|x| self.surface.get(x, y, z))))
    }
}

/// The voxel that holds a place in voxel coordinates, if it is in the image.
fn voxel(grid: &Grid, place: DVec3) -> Option<[usize; 3]> {
    let at = place.round();
    let last = DVec3::from(grid.dims().map(|n| (n - 1) as f64));
    let inside = at.cmpge(DVec3::ZERO).all() && at.cmple(last).all();
    inside.then(|| at.to_array().map(|c| c as usize))
}

fn mark(surface: &mut Mask, place: DVec3) {
    if let Some([x, y, z]) = voxel(surface.grid(), place) {
        surface.set(x, y, z, true);
    }
}

/// The longest edge, squared.
fn longest([a, b, c]: [DVec3; 3]) -> f64 {
    let (ab, bc) = (a.distance_squared(b), b.distance_squared(c));
    ab.max(bc).max(c.distance_squared(a))
}

/// Marks the voxels between the corners of a large triangle.
fn fill(surface: &mut Mask, [a, b, c]: [DVec3; 3]) {
    let n = longest([a, b, c]).sqrt().ceil().min(PIECES);
    for i in 0..=n as usize {
        for j in 0..=(n as usize - i) {
            mark(surface, a + (b - a) * (i as f64 / n) + (c - a) * (j as f64 / n));
        }
    }
}
