//! Triangles that may be open, split or tangled: what files contain and cuts leave.

use crate::frame::{Affine, Patient, Point};
use crate::geometry::Aabb;
use glam::DVec3;

/// Triangles over shared vertices, in the patient frame; nothing is promised about how they connect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Corners, in mm.
    pub vertices: Vec<Point<Patient>>,
    /// Three indices into `vertices` each, counter-clockwise seen from outside.
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// The three corners of a triangle.
    pub fn corners(&self, triangle: [u32; 3]) -> [DVec3; 3] {
        triangle.map(|v| self.vertices[v as usize].vec())
    }

    /// The box around all vertices.
    pub fn bounds(&self) -> Aabb<Patient> {
        Aabb::around(self.vertices.iter().copied())
    }

    /// Signed volume in mm³ by the divergence theorem; meaningful for closed meshes, positive if outward.
    pub fn signed_volume(&self) -> f64 {
        // Taken about the first vertex: far from the origin the raw sum loses digits.
        let Some(origin) = self.vertices.first().map(|p| p.vec()) else {
            return 0.0;
        };
        let six = self.triangles.iter().map(|&t| {
            let [a, b, c] = self.corners(t).map(|p| p - origin);
            a.dot(b.cross(c))
        });
        six.sum::<f64>() / 6.0
    }

    /// Surface area in mm².
    pub fn area(&self) -> f64 {
        let twice = self.triangles.iter().map(|&t| {
            let [a, b, c] = self.corners(t);
            (b - a).cross(c - a).length()
        });
        twice.sum::<f64>() / 2.0
    }

    /// The mesh moved by an affine map of the patient frame; a mirroring map also turns the triangles,
    /// so that outward stays outward.
    pub fn moved(&self, map: &Affine<Patient, Patient>) -> Self {
        let vertices = self.vertices.iter().map(|&p| map.point(p)).collect();
        let turn = |[a, b, c]: [u32; 3]| if map.mirrors() { [a, c, b] } else { [a, b, c] };
        Self { vertices, triangles: self.triangles.iter().map(|&t| turn(t)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::cuboid;
    use glam::DMat3;

    #[test]
    fn a_box_has_its_volume_and_area_even_far_from_the_origin() {
        let far = Affine::new(DMat3::IDENTITY, DVec3::new(1e4, -2e4, 3e4));
        let mesh = cuboid(DVec3::ZERO, DVec3::new(2.0, 3.0, 4.0)).moved(&far);
        assert!((mesh.signed_volume() - 24.0).abs() < 1e-9);
        assert!((mesh.area() - 52.0).abs() < 1e-9);
    }

    #[test]
    fn a_mirrored_mesh_still_faces_outward() {
        let mirror = Affine::new(DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO);
        assert!((cuboid(DVec3::ZERO, DVec3::ONE).moved(&mirror).signed_volume() - 1.0).abs() < 1e-12);
    }
}
