//! Splitting the triangles of a patch into smaller ones, without leaving gaps to their neighbours.

use glam::DVec3;

/// Rounds after which splitting ends in any case: each halves the edges, and 2²⁴ halvings of a metre
/// are far below any printable length.
const ROUNDS: usize = 24;

/// Relative difference of lengths that counts as none, so that ties (halves of a regular mesh's edges,
/// diagonals of a square) fall the same way wherever the mesh is.
const TIE: f64 = 1e-6;

/// One triangle of a patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Facet {
    /// Corners: indices of old vertices, and from `Patch::first` on of new ones.
    pub corners: [u32; 3],
    /// Position of the triangle of the mesh it came from.
    pub parent: u32,
    /// True when it may be split of its own accord; false for a neighbour that only follows.
    pub leads: bool,
}

/// Some triangles of a mesh and the vertices made between theirs.
pub(crate) struct Patch<'a> {
    /// The vertices of the mesh.
    pub old: &'a [osteon_core::Point<osteon_core::Patient>],
    /// The triangles. Every triangle that shares an edge with a leading one must be among them.
    pub facets: Vec<Facet>,
    /// New vertices, numbered on from the last old one.
    pub made: Vec<DVec3>,
}

impl Patch<'_> {
    pub(crate) fn place(&self, vertex: u32) -> DVec3 {
        let v = vertex as usize;
        self.old.get(v).map_or_else(|| self.made[v - self.old.len()], |p| p.vec())
    }

    /// Splits edges longer than `edge` of leading triangles for which `wanted(corners)` holds, until
    /// there are none.
    ///
    /// Every triangle is divided by the marks on its own edges and by nothing else, and an edge's mark
    /// and middle are the same from both sides: so the patch stays conforming, also to its neighbours.
    pub(crate) fn refine(&mut self, edge: f64, wanted: impl Fn([DVec3; 3]) -> bool) {
        for _ in 0..ROUNDS {
            let marked = self.marked(edge, &wanted);
            if marked.is_empty() {
                return;
            }
            let first = (self.old.len() + self.made.len()) as u32;
            for &(a, b) in &marked {
                self.made.push((self.place(a) + self.place(b)) * 0.5);
            }
            let middle = |a: u32, b: u32| {
                let found = marked.binary_search(&(a.min(b), a.max(b)));
                found.ok().map(|at| first + at as u32)
            };
            let mut facets = Vec::with_capacity(self.facets.len() + 2 * marked.len());
            for facet in &self.facets {
                let [a, b, c] = facet.corners;
                let marks = [middle(a, b), middle(b, c), middle(c, a)];
                self.split(*facet, marks, &mut facets);
            }
            self.facets = facets;
        }
    }

    /// The edges to be split, ascending, each once.
    fn marked(&self, edge: f64, wanted: impl Fn([DVec3; 3]) -> bool) -> Vec<(u32, u32)> {
        let mut marked = Vec::new();
        for facet in self.facets.iter().filter(|f| f.leads) {
            let corners = facet.corners.map(|v| self.place(v));
            let long: Vec<usize> = (0..3)
                .filter(|&e| corners[e].distance_squared(corners[(e + 1) % 3]) > edge * edge * (1.0 + TIE))
                .collect();
            if !long.is_empty() && wanted(corners) {
                marked.extend(long.into_iter().map(|e| {
                    let (a, b) = (facet.corners[e], facet.corners[(e + 1) % 3]);
                    (a.min(b), a.max(b))
                }));
            }
        }
        marked.sort_unstable();
        marked.dedup();
        marked
    }

    /// Divides a facet by the middles of its edges `ab`, `bc`, `ca`.
    fn split(&self, facet: Facet, marks: [Option<u32>; 3], into: &mut Vec<Facet>) {
        let mut put =
            |parts: &[[u32; 3]]| into.extend(parts.iter().map(|&corners| Facet { corners, ..facet }));
        // Turned so that the marks begin at the first edge.
        let turn = match marks.map(|m| m.is_some()) {
            [false, true, _] => 1,
            [_, false, true] => 2,
            _ => 0,
        };
        let [a, b, c] = [0, 1, 2].map(|i| facet.corners[(i + turn) % 3]);
        match [0, 1, 2].map(|i| marks[(i + turn) % 3]) {
            [Some(ab), Some(bc), Some(ca)] => {
                put(&[[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]);
            }
            [Some(ab), Some(bc), _] => {
                put(&[[ab, b, bc]]);
                // The four-sided rest is divided by its shorter diagonal.
                let across = |p: u32, q: u32| self.place(p).distance_squared(self.place(q));
                if across(a, bc) <= across(ab, c) * (1.0 + TIE) {
                    put(&[[a, ab, bc], [a, bc, c]]);
                } else {
                    put(&[[a, ab, c], [ab, bc, c]]);
                }
            }
            [Some(ab), ..] => put(&[[a, ab, c], [ab, b, c]]),
            _ => put(&[[a, b, c]]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::block;
    use osteon_core::{Mesh, Point, Solid};

    #[test]
    fn a_box_refined_at_one_corner_stays_a_solid_of_the_same_volume() {
        let solid = block(DVec3::new(30.0, 20.0, 10.0), 40.0);
        let mesh = solid.mesh();
        let corner = DVec3::new(15.0, 10.0, 5.0);
        let near = |c: [DVec3; 3]| c.iter().any(|p| p.distance(corner) < 2.0);
        let mut patch = Patch {
            old: &mesh.vertices,
            facets: (0..)
                .zip(&mesh.triangles)
                .map(|(parent, &corners)| Facet { corners, parent, leads: true })
                .collect(),
            made: Vec::new(),
        };
        patch.refine(0.4, near);
        let refined = Mesh {
            vertices: mesh
                .vertices
                .iter()
                .copied()
                .chain(patch.made.iter().map(|&p| Point::from_vec(p)))
                .collect(),
            triangles: patch.facets.iter().map(|f| f.corners).collect(),
        };
        assert!(refined.triangles.len() > 100);
        for &t in &refined.triangles {
            let c = refined.corners(t);
            let short = (0..3).all(|e| c[e].distance(c[(e + 1) % 3]) <= 0.4 * (1.0 + TIE));
            assert!(short || !near(c));
        }
        let refined = Solid::new(refined).unwrap();
        assert!((refined.volume() - 6000.0).abs() < 1e-8);
    }
}
