//! Parts of space that a person names: where a surface must be left as it is.
//!
//! Articular and contact faces bear no supports, cuts, drains, pegs or marks. Which they are, nobody can tell from
//! the form alone; a person says it with balls, boxes, or another mesh they lie close to.

use crate::bvh::Bvh;
use osteon_core::{Aabb, Cancelled, Ctx, Mesh, Patient, Point};

/// A part of space in the patient frame (LPS, mm).
#[derive(Clone, Debug)]
pub enum Region {
    /// All within `radius` mm of a place.
    Ball {
        /// The middle.
        middle: Point<Patient>,
        /// In mm.
        radius: f64,
    },
    /// All in a box along the patient's axes.
    Box(Aabb<Patient>),
    /// All within `within` mm of the surface of another mesh.
    Near {
        /// The other mesh.
        mesh: Mesh,
        /// Its hierarchy.
        bvh: Bvh,
        /// In mm.
        within: f64,
    },
}

impl Region {
    /// All within `within` mm of this mesh.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn near(mesh: Mesh, within: f64, ctx: &Ctx) -> Result<Self, Cancelled> {
        let bvh = Bvh::new(&mesh, ctx)?;
        Ok(Self::Near { mesh, bvh, within })
    }

    /// True for a place in it; its border belongs to it.
    pub fn contains(&self, place: Point<Patient>) -> bool {
        match self {
            Region::Ball { middle, radius } => place.vec().distance_squared(middle.vec()) <= radius * radius,
            Region::Box(bounds) => {
                let [p, low, high] = [place, bounds.min, bounds.max].map(Point::vec);
                p.cmpge(low).all() && p.cmple(high).all()
            }
            Region::Near { mesh, bvh, within } => bvh.nearest_within(mesh, place, *within).is_some(),
        }
    }
}

/// Several regions, taken together; none is the empty list.
#[derive(Clone, Debug, Default)]
pub struct Regions(pub Vec<Region>);

impl Regions {
    /// True for a place in any of them.
    pub fn contains(&self, place: Point<Patient>) -> bool {
        self.0.iter().any(|region| region.contains(place))
    }

    /// For each triangle of a mesh, whether a corner or its middle lies in a region.
    pub fn triangles(&self, mesh: &Mesh) -> Vec<bool> {
        if self.0.is_empty() {
            return vec![false; mesh.triangles.len()];
        }
        let corners: Vec<bool> = mesh.vertices.iter().map(|vertex| self.contains(*vertex)).collect();
        let inside = |triangle: &[u32; 3]| {
            let [a, b, c] = mesh.corners(*triangle);
            triangle.iter().any(|corner| corners[*corner as usize])
                || self.contains(Point::from_vec((a + b + c) / 3.0))
        };
        mesh.triangles.iter().map(inside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{block, moved};
    use glam::DVec3;

    #[test]
    fn a_place_is_in_a_ball_a_box_or_near_a_mesh() {
        let ctx = Ctx::default();
        let ball = Region::Ball { middle: Point::new(1.0, 0.0, 0.0), radius: 2.0 };
        let boxed = Region::Box(Aabb { min: Point::new(-5.0, -5.0, -5.0), max: Point::new(-4.0, 0.0, 0.0) });
        let far = moved(block(DVec3::splat(10.0), 5.0), DVec3::splat(15.0));
        let near = Region::near(far.into_mesh(), 0.5, &ctx).unwrap();
        let regions = Regions(vec![ball, boxed, near]);
        for inside in [[3.0, 0.0, 0.0], [-4.5, -1.0, -1.0], [9.6, 12.0, 12.0], [10.4, 15.0, 15.0]] {
            assert!(regions.contains(Point::from_vec(inside.into())), "{inside:?}");
        }
        for outside in [[3.1, 0.0, 0.0], [-4.5, 0.1, -1.0], [9.4, 12.0, 12.0], [15.0, 15.0, 15.0]] {
            assert!(!regions.contains(Point::from_vec(outside.into())), "{outside:?}");
        }
        assert!(!Regions::default().contains(Point::new(0.0, 0.0, 0.0)));
    }

    #[test]
    fn a_triangle_is_protected_by_a_corner_or_its_middle() {
        let mesh = block(DVec3::splat(3.0), 1.0).into_mesh();
        let first = mesh.vertices[0];
        let corner = Regions(vec![Region::Ball { middle: first, radius: 0.1 }]);
        let marked = corner.triangles(&mesh);
        let touches = |t: &[u32; 3]| t.contains(&0);
        let expected: Vec<bool> = mesh.triangles.iter().map(touches).collect();
        assert_eq!(marked, expected);
        assert!(marked.contains(&true) && marked.contains(&false));
    }
}
