//! Which samples of a grid lie inside a closed mesh.

use glam::{DVec2, DVec3};
use osteon_core::{Cancelled, Ctx, Grid, Mask, Mesh};
use rayon::prelude::*;
use robust::{Coord, orient2d};

/// Slices worked on at a time.
const SLAB: usize = 4;

/// The samples of a grid around which a closed mesh winds at least once.
///
/// Crossings of each row along x are found with exact predicates: a row through an edge or a vertex counts it
/// for exactly one of the triangles there, so a closed mesh never leaks.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn voxelise(mesh: &Mesh, grid: &Grid, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let to_voxel = grid.to_voxel();
    let vertices: Vec<DVec3> = mesh.vertices.iter().map(|&p| to_voxel.point(p).vec()).collect();
    let mut mask = Mask::empty(grid);
    let [nx, ny, nz] = grid.dims();
    let slabs = by_slab(&vertices, &mesh.triangles, nz);
    let per_slab = mask.words_per_slice() * SLAB;
    let words = mask.words_per_row();
    // A map that mirrors turns every triangle over.
    let outward = if grid.to_patient().mirrors() { -1 } else { 1 };
    mask.bits_mut().par_chunks_mut(per_slab).enumerate().try_for_each(|(slab, bits)| {
        ctx.check()?;
        let mut crossings: Vec<Vec<(f64, i32)>> = vec![Vec::new(); bits.len() / words];
        for &t in &slabs[slab] {
            let corners = mesh.triangles[t as usize].map(|v| vertices[v as usize]);
            cross(corners, slab * SLAB, ny, &mut crossings);
        }
        for (row, crossings) in bits.chunks_exact_mut(words).zip(&mut crossings) {
            crossings.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut winding = 0;
            for pair in crossings.windows(2) {
                winding += pair[0].1 * outward;
                if winding > 0 {
                    set(row, pair[0].0, pair[1].0, nx);
                }
            }
        }
        Ok(())
    })?;
    ctx.done(1.0)?;
    Ok(mask)
}

/// The triangles that reach each slab.
fn by_slab(vertices: &[DVec3], triangles: &[[u32; 3]], nz: usize) -> Vec<Vec<u32>> {
    let mut slabs = vec![Vec::new(); nz.div_ceil(SLAB)];
    for (t, corners) in triangles.iter().enumerate() {
        let z = corners.map(|v| vertices[v as usize].z);
        let low = z[0].min(z[1]).min(z[2]).ceil().max(0.0);
        let high = z[0].max(z[1]).max(z[2]).floor().min((nz - 1) as f64);
        if low <= high {
            for slab in &mut slabs[low as usize / SLAB..=high as usize / SLAB] {
                slab.push(t as u32);
            }
        }
    }
    slabs
}

/// Adds where a triangle crosses the rows of a slab: the place along x, and +1 where x goes in.
fn cross(corners: [DVec3; 3], first: usize, ny: usize, rows: &mut [Vec<(f64, i32)>]) {
    let flat = corners.map(|c| DVec2::new(c.y, c.z));
    let low = flat[0].min(flat[1]).min(flat[2]).ceil().max(DVec2::new(0.0, first as f64));
    let slices = rows.len() / ny;
    let most = DVec2::new((ny - 1) as f64, (first + slices - 1) as f64);
    let high = flat[0].max(flat[1]).max(flat[2]).floor().min(most);
    if low.cmpgt(high).any() {
        return;
    }
    for z in low.y as usize..=high.y as usize {
        for y in low.x as usize..=high.x as usize {
            let at = DVec2::new(y as f64, z as f64);
            let sides = [0, 1, 2].map(|e| side(flat[e], flat[(e + 1) % 3], at));
            if sides[0] != 0 && sides[0] == sides[1] && sides[1] == sides[2] {
                // Seen along x a triangle that turns left (in y, z) has its outside towards higher x.
                rows[(z - first) * ny + y].push((along_x(corners, flat, at), -sides[0]));
            }
        }
    }
}

/// On which side of the line from `a` to `b` a place lies, +1 to the left.
///
/// The place is thought of as moved by an infinitesimal step in y and a much smaller one in z, so it is on the
/// line only where `a` and `b` coincide.
fn side(a: DVec2, b: DVec2, at: DVec2) -> i32 {
    let coord = |p: DVec2| Coord { x: p.x, y: p.y };
    let area = orient2d(coord(a), coord(b), coord(at));
    let step = [area, a.y - b.y, b.x - a.x].into_iter().find(|&v| v != 0.0);
    step.map_or(0, |v| if v > 0.0 { 1 } else { -1 })
}

/// Where the plane of a triangle is at `at`, kept within the triangle's own extent.
fn along_x(corners: [DVec3; 3], flat: [DVec2; 3], at: DVec2) -> f64 {
    let weight = |e: usize| (flat[(e + 1) % 3] - flat[e]).perp_dot(at - flat[e]).abs();
    let weights = [weight(1), weight(2), weight(0)];
    let total: f64 = weights.iter().sum();
    let xs = corners.map(|c| c.x);
    let (low, high) = (xs[0].min(xs[1]).min(xs[2]), xs[0].max(xs[1]).max(xs[2]));
    if total > 0.0 {
        ((weights[0] * xs[0] + weights[1] * xs[1] + weights[2] * xs[2]) / total).clamp(low, high)
    } else {
        low
    }
}

/// Sets the samples from `from` (included) to `to` (not included) of a row of `nx`.
fn set(row: &mut [u64], from: f64, to: f64, nx: usize) {
    let low = from.ceil().max(0.0) as usize;
    let high = (to.ceil().max(0.0) as usize).min(nx);
    for x in low..high {
        row[x / 64] |= 1 << (x % 64);
    }
}
