//! How far the samples of a grid are from a mesh, as far as they are near.

use crate::bvh::triangle::nearest_on;
use crate::field::FieldError;
use glam::DVec3;
use osteon_core::{Ctx, Grid, Mesh};
use rayon::prelude::*;

/// Stands for "no triangle is near".
const NONE: u32 = u32::MAX;

/// Distance in mm of every sample from the nearest triangle, where it is at most about `reach`; infinite
/// elsewhere. The grid is upright with cubic voxels.
///
/// Triangles are first handed to the samples next to them, then from sample to sample outward, each keeping the
/// nearest of those its neighbours have. From there each sample walks over the surface, from triangle to
/// adjoining triangle, as long as it comes nearer: where triangles are smaller than voxels the nearest one is
/// nobody else's, but it lies a few steps away.
pub(super) fn nearest(mesh: &Mesh, grid: &Grid, reach: f64, ctx: &Ctx) -> Result<Vec<f32>, FieldError> {
    let field = Field::new(mesh, grid);
    let mut owner = field.touching(ctx)?;
    let rounds = (reach / field.voxel).ceil() as usize;
    for round in 0..rounds {
        owner = field.spread(&owner, Round::Outward, ctx)?;
        ctx.done(0.6 * (round + 1) as f64 / rounds as f64)?;
    }
    owner = field.spread(&owner, Round::Mend, ctx)?;
    ctx.done(0.7)?;
    let around = Around::new(mesh);
    let distance = |(n, &t): (usize, &u32)| match t {
        NONE => f32::INFINITY,
        t => field.walk(&around, field.place(n), t).sqrt() as f32,
    };
    let distances = owner.par_iter().enumerate().map(distance).collect();
    ctx.done(1.0)?;
    Ok(distances)
}

/// Which samples look at their neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Those without a triangle.
    Outward,
    /// Those with one.
    Mend,
}

struct Field<'a> {
    mesh: &'a Mesh,
    grid: &'a Grid,
    voxel: f64,
}

impl<'a> Field<'a> {
    fn new(mesh: &'a Mesh, grid: &'a Grid) -> Self {
        Self { mesh, grid, voxel: grid.spacing().x }
    }

    fn place(&self, sample: usize) -> DVec3 {
        let [nx, ny, _] = self.grid.dims();
        self.grid.place(sample % nx, sample / nx % ny, sample / (nx * ny)).vec()
    }

    fn distance_squared(&self, place: DVec3, triangle: u32) -> f64 {
        let corners = self.mesh.corners(self.mesh.triangles[triangle as usize]);
        nearest_on(place, corners).1
    }

    /// The square of the distance from where a walk over the surface that always comes nearer ends.
    fn walk(&self, around: &Around, place: DVec3, from: u32) -> f64 {
        let mut best = (self.distance_squared(place, from), from);
        loop {
            let corners = self.mesh.triangles[best.1 as usize];
            let next = corners.iter().flat_map(|&v| around.at(v));
            let next = next.map(|&t| (self.distance_squared(place, t), t)).min_by(|a, b| a.0.total_cmp(&b.0));
            match next {
                Some(next) if next.0 < best.0 => best = next,
                _ => return best.0,
            }
        }
    }

    /// For every sample within a voxel of a triangle's box the nearest such triangle.
    fn touching(&self, ctx: &Ctx) -> Result<Vec<u32>, FieldError> {
        let [nx, ny, nz] = self.grid.dims();
        let to_voxel = self.grid.to_voxel();
        let reach = |t: &[u32; 3]| {
            let corners = t.map(|v| to_voxel.point(self.mesh.vertices[v as usize]).vec());
            let low = corners[0].min(corners[1]).min(corners[2]) - DVec3::ONE;
            let high = corners[0].max(corners[1]).max(corners[2]) + DVec3::ONE;
            [low.ceil().max(DVec3::ZERO), high.floor()].map(|v| v.to_array().map(|x| x as usize))
        };
        let mut slices = vec![Vec::new(); nz];
        for (t, corners) in self.mesh.triangles.iter().enumerate() {
            let [low, high] = reach(corners);
            for slice in slices.iter_mut().take(high[2] + 1).skip(low[2]) {
                slice.push(t as u32);
            }
        }
        ctx.check()?;
        let mut owner = vec![NONE; nx * ny * nz];
        owner.par_chunks_mut(nx * ny).enumerate().try_for_each(|(z, owner)| {
            ctx.check()?;
            let mut best = vec![f64::INFINITY; nx * ny];
            for &t in &slices[z] {
                let [low, high] = reach(&self.mesh.triangles[t as usize]);
                for y in low[1]..=high[1].min(ny - 1) {
                    for x in low[0]..=high[0].min(nx - 1) {
                        let distance = self.distance_squared(self.grid.place(x, y, z).vec(), t);
                        let at = y * nx + x;
                        if distance < best[at] {
                            (best[at], owner[at]) = (distance, t);
                        }
                    }
                }
            }
            Ok::<_, FieldError>(())
        })?;
        Ok(owner)
    }

    /// One round in which samples take the nearest of the triangles their neighbours have.
    fn spread(&self, owner: &[u32], round: Round, ctx: &Ctx) -> Result<Vec<u32>, FieldError> {
        let [nx, ny, _] = self.grid.dims();
        let mut next = owner.to_vec();
        next.par_chunks_mut(nx).enumerate().try_for_each(|(row, to)| {
            if row % ny == 0 {
                ctx.check()?;
            }
            let (y, z) = (row % ny, row / ny);
            let near = self.rows_around(owner, y, z);
            for (x, to) in to.iter_mut().enumerate() {
                if (*to == NONE) == (round == Round::Outward) {
                    *to = self.best(&near, [x, y, z], *to);
                }
            }
            Ok::<_, FieldError>(())
        })?;
        Ok(next)
    }

    /// The row and those around it, as far as there are any.
    fn rows_around<'o>(&self, owner: &'o [u32], y: usize, z: usize) -> Vec<&'o [u32]> {
        let [nx, ny, nz] = self.grid.dims();
        let range = |i: usize, n: usize| i.saturating_sub(1)..(i + 2).min(n);
        let rows = range(z, nz).flat_map(|z| range(y, ny).map(move |y| (z * ny + y) * nx));
        rows.map(|start| &owner[start..start + nx]).collect()
    }

    /// The nearest of a sample's own triangle and those of the samples around it; of equals the first by number.
    fn best(&self, near: &[&[u32]], [x, y, z]: [usize; 3], own: u32) -> u32 {
        let place = self.grid.place(x, y, z).vec();
        let rank = |t: u32| (self.distance_squared(place, t), t);
        let mut best = if own == NONE { (f64::INFINITY, NONE) } else { rank(own) };
        let mut last = own;
        for row in near {
            for &t in &row[x.saturating_sub(1)..(x + 2).min(row.len())] {
                // Neighbours mostly share their triangle.
                if t != NONE && t != last && t != best.1 {
                    last = t;
                    let candidate = rank(t);
                    if candidate.0 < best.0 || (candidate.0 == best.0 && candidate.1 < best.1) {
                        best = candidate;
                    }
                }
            }
        }
        best.1
    }
}

/// The triangles at each vertex.
struct Around {
    starts: Vec<u32>,
    triangles: Vec<u32>,
}

impl Around {
    fn new(mesh: &Mesh) -> Self {
        let mut starts = vec![0_u32; mesh.vertices.len() + 1];
        for &v in mesh.triangles.as_flattened() {
            starts[v as usize + 1] += 1;
        }
        for v in 1..starts.len() {
            starts[v] += starts[v - 1];
        }
        let mut fill = starts.clone();
        let mut triangles = vec![0; 3 * mesh.triangles.len()];
        for (t, corners) in (0..).zip(&mesh.triangles) {
            for &v in corners {
                triangles[fill[v as usize] as usize] = t;
                fill[v as usize] += 1;
            }
        }
        Self { starts, triangles }
    }

    fn at(&self, vertex: u32) -> &[u32] {
        let v = vertex as usize;
        &self.triangles[self.starts[v] as usize..self.starts[v + 1] as usize]
    }
}
