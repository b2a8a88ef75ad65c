//! The nearest place of a mesh.

use super::{Bvh, Extent, LANES, limit, order, triangle};
use glam::DVec3;
use multiversion::multiversion;
use osteon_core::{Mesh, Patient, Point};

/// Where on a triangle a place lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Inside the triangle.
    Face,
    /// On the side from this corner (0 to 2) to the next.
    Edge(u8),
    /// At this corner (0 to 2).
    Corner(u8),
}

/// The place of a mesh nearest to a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// The place.
    pub place: Point<Patient>,
    /// A triangle it lies on: the first of several that are as near.
    pub triangle: u32,
    /// Its distance in mm, at least 0.
    pub distance: f64,
    /// Where on the triangle it lies.
    pub feature: Feature,
}

impl Bvh {
    /// The place of the mesh nearest to a point; `None` only if there is no triangle.
    pub fn nearest(&self, mesh: &Mesh, point: Point<Patient>) -> Option<Nearest> {
        self.nearest_within(mesh, point, f64::INFINITY)
    }

    /// As [`Bvh::nearest`], if it is at most `reach` mm away. A small reach makes it fast.
    pub fn nearest_within(&self, mesh: &Mesh, point: Point<Patient>, reach: f64) -> Option<Nearest> {
        self.nearest_among(mesh, point.vec(), reach * reach, |_| true)
    }

    /// As [`Bvh::nearest_within`] with the triangle first to be tried: near places have near answers, and a
    /// near triangle at the start makes the search fast. The answer does not depend on it.
    pub fn nearest_from(&self, mesh: &Mesh, point: Point<Patient>, hint: u32) -> Option<Nearest> {
        let near = mesh
            .triangles
            .get(hint as usize)
            .map_or(f64::INFINITY, |&triangle| triangle::nearest_on(point.vec(), mesh.corners(triangle)).1);
        self.nearest_among(mesh, point.vec(), near, |_| true)
    }

    /// The nearest place on triangles that are accepted, at most as far as the root of `squared`.
    pub(crate) fn nearest_among(
        &self,
        mesh: &Mesh,
        point: DVec3,
        squared: f64,
        accept: impl Fn(u32) -> bool,
    ) -> Option<Nearest> {
        search(self, mesh, point, squared, accept)
    }

    /// The distance of a point from a closed surface in mm, negative inside; `None` only if there is no triangle.
    ///
    /// Inside is where the winding number is not zero ([`Bvh::winding`]), also where shells overlap.
    pub fn signed_distance(&self, mesh: &Mesh, point: Point<Patient>) -> Option<f64> {
        let distance = self.nearest(mesh, point)?.distance;
        Some(if self.winding(mesh, point) == 0 { distance } else { -distance })
    }

    /// The direction the surface faces at a place on it, as a vector of any length: the normal of the triangle,
    /// at a side the sum of the two, at a corner all of them weighted by their angle.
    ///
    /// A point is before a closed surface exactly if it lies on the positive side of this vector at its nearest
    /// place (Bærentzen and Aanæs, "Signed distance computation using the angle weighted pseudonormal", 2005).
    /// Corners at the same place count as one, whatever their number.
    pub fn pseudonormal(&self, mesh: &Mesh, at: &Nearest) -> DVec3 {
        let normal = |[a, b, c]: [DVec3; 3]| (b - a).cross(c - a).normalize_or_zero();
        let own = mesh.corners(mesh.triangles[at.triangle as usize]);
        let ends = match at.feature {
            Feature::Face => return normal(own),
            Feature::Edge(side) => [own[usize::from(side)], own[usize::from(side + 1) % 3]],
            Feature::Corner(corner) => [own[usize::from(corner)]; 2],
        };
        let mut sum = DVec3::ZERO;
        // Any one end finds the triangles at a side, for they all have it as a corner.
        self.each_at(ends[0], |triangle| {
            let corners = mesh.corners(mesh.triangles[triangle as usize]);
            let Some(n) = corners.iter().position(|&c| c == ends[0]) else { return };
            if !corners.contains(&ends[1]) {
                return;
            }
            let weight = if ends[0] == ends[1] {
                let (p, q) = (corners[(n + 1) % 3] - ends[0], corners[(n + 2) % 3] - ends[0]);
                libm::atan2(p.cross(q).length(), p.dot(q))
            } else {
                1.0
            };
            sum += normal(corners) * weight;
        });
        sum
    }
}

// Eight lanes fill one AVX2 register; wider ones have nothing to add.
#[multiversion(targets("x86_64+avx2+bmi1+bmi2+lzcnt+popcnt", "aarch64+neon"))]
fn search<A: Fn(u32) -> bool>(
    bvh: &Bvh,
    mesh: &Mesh,
    point: DVec3,
    squared: f64,
    accept: A,
) -> Option<Nearest> {
    if bvh.nodes.is_empty() || !point.is_finite() {
        return None;
    }
    let at = Extent::of([point]);
    let mut best: Option<Nearest> = None;
    let (mut least, mut bound) = (squared, limit(squared));
    let mut open = Vec::with_capacity(64);
    open.push((0.0, bvh.root as u32));
    let mut near = [(0.0, 0); LANES];
    while let Some((square, n)) = open.pop() {
        if square > bound {
            continue;
        }
        let node = &bvh.nodes[n as usize];
        let count = order(&node.squares(&at), &node.child, bound, &mut near);
        if n as usize >= bvh.bundles {
            open.extend(near[..count].iter().rev());
            continue;
        }
        for &(square, triangle) in &near[..count] {
            if square > bound || !accept(triangle) {
                continue;
            }
            let corners = mesh.corners(mesh.triangles[triangle as usize]);
            let (place, squared, feature) = triangle::nearest_on(point, corners);
            let nearer = match &best {
                _ if squared < least => true,
                Some(best) => squared == least && triangle < best.triangle,
                None => squared == least,
            };
            if nearer {
                let place = Point::from_vec(place);
                best = Some(Nearest { place, triangle, distance: squared.sqrt(), feature });
                (least, bound) = (squared, limit(squared));
            }
        }
    }
    best
}
