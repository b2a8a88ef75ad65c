//! Meshes of known shape, for the tests.

use glam::DVec3;
use osteon_core::{Mesh, Point};

/// A ball of radius `radius` mm around `middle`, cut into `rings` rings of latitude.
pub fn ball(middle: DVec3, radius: f64, rings: u32) -> Mesh {
    let around = 2 * rings;
    let mut mesh = Mesh::default();
    mesh.vertices.push(Point::from_vec(middle - DVec3::Z * radius));
    for ring in 1..rings {
        let latitude = std::f64::consts::PI * f64::from(ring) / f64::from(rings);
        for step in 0..around {
            let longitude = 2.0 * std::f64::consts::PI * f64::from(step) / f64::from(around);
            let (sin, cos) = libm::sincos(latitude);
            let out = DVec3::new(sin * libm::cos(longitude), sin * libm::sin(longitude), -cos);
            mesh.vertices.push(Point::from_vec(middle + out * radius));
        }
    }
    mesh.vertices.push(Point::from_vec(middle + DVec3::Z * radius));
    let last = mesh.vertices.len() as u32 - 1;
    let at = |ring: u32, step: u32| 1 + (ring - 1) * around + step % around;
    for step in 0..around {
        mesh.triangles.push([0, at(1, step + 1), at(1, step)]);
        mesh.triangles
            .push([last, at(rings - 1, step), at(rings - 1, step + 1)]);
        for ring in 1..rings - 1 {
            let [a, b] = [at(ring, step), at(ring, step + 1)];
            let [c, d] = [at(ring + 1, step), at(ring + 1, step + 1)];
            mesh.triangles.extend([[a, b, c], [b, d, c]]);
        }
    }
    mesh
}

/// A box from `low` to `high`.
pub fn cuboid(low: DVec3, high: DVec3) -> Mesh {
    let corner = |c: u32| {
        let pick = |a: u32| f64::from(c >> a & 1);
        Point::from_vec(low + (high - low) * DVec3::new(pick(0), pick(1), pick(2)))
    };
    let faces = [
        [0, 2, 3, 1],
        [4, 5, 7, 6],
        [0, 1, 5, 4],
        [2, 6, 7, 3],
        [0, 4, 6, 2],
        [1, 3, 7, 5],
    ];
    Mesh {
        vertices: (0..8).map(corner).collect(),
        triangles: faces
            .iter()
            .flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]])
            .collect(),
    }
}

#[test]
fn the_shapes_are_closed_and_face_outward() {
    let ball = ball(DVec3::new(1.0, 2.0, 3.0), 10.0, 40);
    let truth = 4.0 / 3.0 * std::f64::consts::PI * 1000.0;
    assert!((ball.signed_volume() / truth - 1.0).abs() < 0.01);
    assert!((cuboid(DVec3::ZERO, DVec3::new(1.0, 2.0, 3.0)).signed_volume() - 6.0).abs() < 1e-12);
    assert!(osteon_core::Solid::new(ball).is_ok());
}
