//! Meshes of a ball and a box: bodies to draw, cut, write and read back without a scan.

use glam::DVec3;
use osteon_core::{Mesh, Patient, Point};
use std::f64::consts::PI;

/// A closed ball of radius `radius` mm around `middle` (patient, mm), facing outward, its vertices on the
/// sphere: `rings` (at least 2) rings of faces from pole to pole and `2 · rings` around;
/// `4 · rings · (rings − 1)` triangles.
pub fn ball(middle: DVec3, radius: f64, rings: u32) -> Mesh {
    let rings = rings.max(2);
    let around = 2 * rings;
    let mut mesh = Mesh::default();
    let mut place = |out: DVec3| mesh.vertices.push(Point::<Patient>::from_vec(middle + out * radius));
    place(DVec3::NEG_Z);
    for ring in 1..rings {
        let (sin, cos) = libm::sincos(PI * f64::from(ring) / f64::from(rings));
        for step in 0..around {
            let (y, x) = libm::sincos(2.0 * PI * f64::from(step) / f64::from(around));
            place(DVec3::new(sin * x, sin * y, -cos));
        }
    }
    place(DVec3::Z);
    let last = mesh.vertices.len() as u32 - 1;
    let at = |ring: u32, step: u32| 1 + (ring - 1) * around + step % around;
    for step in 0..around {
        mesh.triangles.push([0, at(1, step + 1), at(1, step)]);
        mesh.triangles.push([last, at(rings - 1, step), at(rings - 1, step + 1)]);
        for ring in 1..rings - 1 {
            let [a, b] = [at(ring, step), at(ring, step + 1)];
            let [c, d] = [at(ring + 1, step), at(ring + 1, step + 1)];
            mesh.triangles.extend([[a, b, c], [b, d, c]]);
        }
    }
    mesh
}

/// A closed box with its low corner at `low` (patient, mm) and edges of `size` mm, facing outward.
pub fn cuboid(low: DVec3, size: DVec3) -> Mesh {
    let corner = |c: u32| DVec3::new(f64::from(c & 1), f64::from(c >> 1 & 1), f64::from(c >> 2));
    let faces: [[u32; 4]; 6] =
        [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    Mesh {
        vertices: (0..8).map(|c| Point::from_vec(low + corner(c) * size)).collect(),
        triangles: faces.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Solid;

    #[test]
    fn a_ball_is_a_solid_with_nearly_the_volume_of_its_sphere() {
        let solid = Solid::new(ball(DVec3::new(1.0, 2.0, 3.0), 10.0, 40)).unwrap();
        assert_eq!(solid.mesh().triangles.len(), 4 * 40 * 39);
        // Vertices on the sphere: faces of the angle δ lose about δ²/4 = (π/40)²/4 = 0.15 % twice over.
        let share = solid.volume() / (4.0 / 3.0 * PI * 1000.0);
        assert!((0.995..1.0).contains(&share), "{share}");
    }

    #[test]
    fn a_box_is_a_solid_with_its_volume() {
        let solid = Solid::new(cuboid(DVec3::NEG_ONE, DVec3::new(1.0, 2.0, 3.0))).unwrap();
        assert!((solid.volume() - 6.0).abs() < 1e-12);
        assert_eq!(solid.mesh().bounds().max.vec(), DVec3::new(0.0, 1.0, 2.0));
    }
}
