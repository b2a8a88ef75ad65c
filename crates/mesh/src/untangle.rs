//! Takes movements of vertices back where they made a surface pass through itself.

use crate::bvh::Bvh;
use crate::self_intersection::{self, Crossing};
use osteon_core::{Aabb, Cancelled, Ctx, Mesh, NotSolid, Patient, Point, Solid};

/// A surface after movements were taken back, with what was learnt on the way.
#[derive(Debug)]
pub struct Untangled {
    /// The surface.
    pub solid: Solid,
    /// The hierarchy over its triangles.
    pub bvh: Bvh,
    /// Where it still meets itself: only where it did before the movement.
    pub crossings: Vec<Crossing>,
    /// Vertices that were put back.
    pub put_back: usize,
}

/// Times that vertices are put back, each time with twice as many rings around them; after that all are.
///
/// Chosen: 32 rings are some 15 mm of a usual surface.
const ROUNDS: usize = 6;

/// Puts the vertices of triangles that meet each other back to `before`, with ever more of their neighbours and in the end
/// all of them, until no triangles meet that should not.
///
/// `before` has a place for every vertex of `moved`. Touches in a point are left.
///
/// # Errors
/// Stops when `ctx` was asked to; the outer error is that the vertices put back leave no solid.
pub fn untangle(
    before: &[Point<Patient>],
    moved: Solid,
    ctx: &Ctx,
) -> Result<Result<Untangled, Box<NotSolid>>, Cancelled> {
    let mut mesh = moved.into_mesh();
    debug_assert_eq!(before.len(), mesh.vertices.len());
    let mut bvh = Bvh::new(&mesh, ctx)?;
    let mut back = vec![false; before.len()];
    let mut crossings = serious(self_intersection::find(&mesh, &bvh, ctx)?);
    // What never moved cannot be put back.
    let rounds = if mesh.vertices == before { 0 } else { ROUNDS };
    for round in 0..rounds {
        ctx.done(round as f64 / rounds as f64)?;
        if crossings.is_empty() {
            break;
        }
        for crossing in &crossings {
            for v in crossing.triangles.into_iter().flat_map(|t| mesh.triangles[t as usize]) {
                back[v as usize] = true;
            }
        }
        for _ in 0..1 << round {
            widen(&mesh, &mut back);
        }
        for (v, _) in back.iter().enumerate().filter(|(_, back)| **back) {
            mesh.vertices[v] = before[v];
        }
        bvh.refit(&mesh, ctx)?;
        crossings = near(&mesh, &bvh, &back, ctx)?;
    }
    if rounds > 0 && !crossings.is_empty() {
        back.fill(true);
        mesh.vertices.copy_from_slice(before);
        bvh.refit(&mesh, ctx)?;
        crossings = serious(self_intersection::find(&mesh, &bvh, ctx)?);
    }
    let put_back = back.iter().filter(|back| **back).count();
    let solid = Solid::proven(mesh, ctx)?.map_err(Box::new);
    Ok(solid.map(|solid| Untangled { solid, bvh, crossings, put_back }))
}

fn serious(mut found: Vec<Crossing>) -> Vec<Crossing> {
    found.retain(|crossing| crossing.kind.is_serious());
    found
}

/// The crossings among the triangles at and around marked vertices: nothing else has changed.
fn near(mesh: &Mesh, bvh: &Bvh, marked: &[bool], ctx: &Ctx) -> Result<Vec<Crossing>, Cancelled> {
    let mut wanted: Vec<u32> = Vec::new();
    for triangle in mesh.triangles.iter().filter(|t| t.iter().any(|&v| marked[v as usize])) {
        wanted.extend(bvh.overlapping(&Aabb::around(triangle.map(|v| mesh.vertices[v as usize]))));
    }
    wanted.sort_unstable();
    wanted.dedup();
    ctx.check()?;
    let mut part = Mesh::default();
    for &t in &wanted {
        let first = part.vertices.len() as u32;
        part.vertices.extend(mesh.triangles[t as usize].map(|v| mesh.vertices[v as usize]));
        part.triangles.push([first, first + 1, first + 2]);
    }
    // Corners at one place count as shared, so loose triangles do not matter.
    let mut found = serious(self_intersection::find(&part, &Bvh::new(&part, ctx)?, ctx)?);
    for crossing in &mut found {
        crossing.triangles = crossing.triangles.map(|t| wanted[t as usize]);
    }
    Ok(found)
}

/// Adds the neighbours of all vertices that are marked.
fn widen(mesh: &Mesh, marked: &mut [bool]) {
    let before = marked.to_vec();
    for triangle in &mesh.triangles {
        if triangle.iter().any(|&v| before[v as usize]) {
            triangle.iter().for_each(|&v| marked[v as usize] = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_phantom::mesh::ball;

    #[test]
    fn a_dent_pushed_through_the_other_side_is_taken_back_and_a_small_one_stays() {
        let whole = Solid::new(ball(DVec3::ZERO, 10.0, 24)).unwrap();
        let before = whole.mesh().vertices.clone();
        let mut mesh = whole.into_mesh();
        let (low, high) = (0, mesh.vertices.len() - 1);
        mesh.vertices[low] = Point::new(0.0, 0.0, 12.0);
        mesh.vertices[high] = Point::new(0.0, 0.0, 9.5);
        let moved = Solid::new(mesh).unwrap();
        let untangled = untangle(&before, moved, &Ctx::default()).unwrap().unwrap();
        assert!(untangled.crossings.is_empty());
        assert_eq!(untangled.solid.mesh().vertices[low], before[low]);
        let still = |v: usize| untangled.solid.mesh().vertices[v] == before[v];
        // What the spike ran into is put back too; all the rest never moved.
        assert!((0..before.len()).all(|v| still(v) || v == high));
        assert!(untangled.put_back < before.len() / 2, "{}", untangled.put_back);
    }

    #[test]
    fn a_sound_surface_keeps_every_bit() {
        let whole = Solid::new(ball(DVec3::ZERO, 10.0, 12)).unwrap();
        let before = vec![Point::new(0.0, 0.0, 0.0); whole.mesh().vertices.len()];
        let untangled = untangle(&before, whole.clone(), &Ctx::default()).unwrap().unwrap();
        assert_eq!((untangled.solid, untangled.put_back), (whole, 0));
    }
}
