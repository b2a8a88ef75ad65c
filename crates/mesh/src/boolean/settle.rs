//! From the library's triangles to a proven solid that stays one in a file of single precision.

use super::BooleanError;
use glam::DVec3;
use osteon_core::{Ctx, Mesh, Point, Solid};
use rayon::prelude::*;

/// Least distance by which parts that touch in a point or along an edge are drawn apart, mm.
///
/// Chosen: a fifth of a micron, a hundredth of what any printer resolves and several steps of single precision
/// within 400 mm of the origin.
const APART: f64 = 2e-4;

/// Shells that enclose less than this are slivers of rounding, mm³.
///
/// Chosen: a cube of a micron; a boolean of solids some hundred mm across is exact to 1e-12 of that length.
const NOTHING: f64 = 1e-9;

/// Proves that a boolean's result is a solid; `None` when only slivers are left.
///
/// Vertices that coincide in single precision without belonging together – where two parts touch – are drawn
/// back into their own part, so that no reader welds the parts into something that is not 2-manifold.
pub(super) fn settle(mut mesh: Mesh, ctx: &Ctx) -> Result<Option<Solid>, BooleanError> {
    drop_slivers(&mut mesh);
    if mesh.triangles.is_empty() {
        return Ok(None);
    }
    ctx.check()?;
    draw_apart(&mut mesh);
    Ok(Some(Solid::proven(mesh, ctx)?.map_err(Box::new)?))
}

/// Drops shells that enclose nothing, and vertices that no triangle uses.
fn drop_slivers(mesh: &mut Mesh) {
    let shell = shells(mesh);
    let count = shell.iter().map(|&s| s as usize + 1).max().unwrap_or(0);
    let mut volume = vec![0.0_f64; count];
    let origin = mesh.vertices.first().map_or(DVec3::ZERO, |p| p.vec());
    for &t in &mesh.triangles {
        let [a, b, c] = mesh.corners(t).map(|p| p - origin);
        volume[shell[t[0] as usize] as usize] += a.dot(b.cross(c)) / 6.0;
    }
    mesh.triangles.retain(|t| volume[shell[t[0] as usize] as usize].abs() > NOTHING);
    compact(mesh);
}

/// Numbers the connected pieces: for each vertex the number of its piece.
fn shells(mesh: &Mesh) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    fn root(parent: &mut [u32], mut v: u32) -> u32 {
        while parent[v as usize] != v {
            parent[v as usize] = parent[parent[v as usize] as usize];
            v = parent[v as usize];
        }
        v
    }
    for &[a, b, c] in &mesh.triangles {
        for (a, b) in [(a, b), (b, c)] {
            let (a, b) = (root(&mut parent, a), root(&mut parent, b));
            parent[a.max(b) as usize] = a.min(b);
        }
    }
    (0..parent.len() as u32).map(|v| root(&mut parent, v)).collect()
}

/// Drops vertices that no triangle uses.
fn compact(mesh: &mut Mesh) {
    let mut place = vec![u32::MAX; mesh.vertices.len()];
    for &v in mesh.triangles.as_flattened() {
        place[v as usize] = 0;
    }
    let mut vertices = Vec::with_capacity(mesh.vertices.len());
    for (place, vertex) in place.iter_mut().zip(&mesh.vertices).filter(|(place, _)| **place == 0) {
        *place = vertices.len() as u32;
        vertices.push(*vertex);
    }
    mesh.vertices = vertices;
    mesh.triangles.as_flattened_mut().iter_mut().for_each(|v| *v = place[*v as usize]);
}

/// Moves vertices that coincide in single precision into their own part, each of a group by another length.
fn draw_apart(mesh: &mut Mesh) {
    let groups = coinciding(mesh);
    if groups.is_empty() {
        return;
    }
    let reach = mesh.vertices.iter().map(|p| p.vec().abs().max_element()).fold(0.0, f64::max);
    // Eight steps of single precision at the outermost vertex.
    let step = APART.max(8.0 * reach * f64::from(f32::EPSILON));
    let mut inward = std::collections::BTreeMap::new();
    for &(v, _) in &groups {
        inward.insert(v, DVec3::ZERO);
    }
    for &t in &mesh.triangles {
        if t.iter().any(|v| inward.contains_key(v)) {
            let [a, b, c] = mesh.corners(t);
            let normal = (b - a).cross(c - a);
            for v in t {
                if let Some(sum) = inward.get_mut(&v) {
                    *sum -= normal.normalize_or_zero();
                }
            }
        }
    }
    for (v, rank) in groups {
        let way = inward.get(&v).copied().unwrap_or_default().try_normalize().unwrap_or(DVec3::X);
        let vertex = &mut mesh.vertices[v as usize];
        *vertex = Point::from_vec(vertex.vec() + way * (step * f64::from(rank)));
    }
}

/// Vertices that share their place, rounded to single precision, with another one, and their rank among them
/// (from 1).
fn coinciding(mesh: &Mesh) -> Vec<(u32, u32)> {
    let key = |v: u32| mesh.vertices[v as usize].vec().to_array().map(|x| (x as f32 + 0.0).to_bits());
    let mut order: Vec<([u32; 3], u32)> = (0..mesh.vertices.len() as u32).map(|v| (key(v), v)).collect();
    order.par_sort_unstable();
    let mut found = Vec::new();
    for group in order.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        found.extend(group.iter().zip(1..).map(|(&(_, v), rank)| (v, rank)));
    }
    found
}
