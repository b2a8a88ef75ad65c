//! Shapes for the tests of mesh files.
#![allow(dead_code, reason = "each test file uses some of it")]

use glam::{DMat3, DVec3};
use osteon_core::{Affine, Mesh, Point, Solid};

/// A ball as a closed net of `2 · rings` meridians; `4 · rings · (rings − 1)` triangles.
pub fn ball(middle: DVec3, radius: f64, rings: u32) -> Solid {
    let around = 2 * rings;
    let mut vertices = vec![DVec3::Z];
    for ring in 1..rings {
        let polar = std::f64::consts::PI * f64::from(ring) / f64::from(rings);
        for step in 0..around {
            let turn = 2.0 * std::f64::consts::PI * f64::from(step) / f64::from(around);
            let (sin, cos) = sine_cosine(polar);
            let (y, x) = sine_cosine(turn);
            vertices.push(DVec3::new(sin * x, sin * y, cos));
        }
    }
    vertices.push(-DVec3::Z);
    let south = vertices.len() as u32 - 1;
    let at = |ring: u32, step: u32| 1 + ring * around + step % around;
    let mut triangles = Vec::new();
    for step in 0..around {
        triangles.push([0, at(0, step), at(0, step + 1)]);
        for ring in 0..rings - 2 {
            let [a, b] = [at(ring, step), at(ring, step + 1)];
            let [c, d] = [at(ring + 1, step), at(ring + 1, step + 1)];
            triangles.extend([[a, c, d], [a, d, b]]);
        }
        triangles.push([south, at(rings - 2, step + 1), at(rings - 2, step)]);
    }
    let vertices = vertices
        .into_iter()
        .map(|v| Point::from_vec(middle + v * radius))
        .collect();
    solid(Mesh { vertices, triangles })
}

/// Sine and cosine through glam's rotation, which needs no function that is banned in kernels.
fn sine_cosine(angle: f64) -> (f64, f64) {
    let turned = DMat3::from_rotation_z(angle) * DVec3::X;
    (turned.y, turned.x)
}

/// A box with its low corner and its size.
pub fn cuboid(low: DVec3, size: DVec3) -> Solid {
    let corner = |c: u32| DVec3::new(f64::from(c & 1), f64::from(c >> 1 & 1), f64::from(c >> 2));
    let vertices = (0..8).map(|c| Point::from_vec(low + corner(c) * size)).collect();
    let triangles = vec![
        [0, 2, 1],
        [1, 2, 3],
        [4, 5, 6],
        [5, 7, 6],
        [0, 1, 4],
        [1, 5, 4],
        [2, 6, 3],
        [3, 6, 7],
        [0, 4, 2],
        [2, 4, 6],
        [1, 3, 5],
        [3, 7, 5],
    ];
    solid(Mesh { vertices, triangles })
}

/// A box turned and stretched by a map, to have coordinates with many digits.
pub fn skewed(columns: [f64; 9], offset: [f64; 3]) -> Option<Solid> {
    let map = Affine::new(DMat3::from_cols_slice(&columns), DVec3::from_array(offset));
    cuboid(DVec3::ZERO, DVec3::ONE).moved(&map).ok()
}

fn solid(mesh: Mesh) -> Solid {
    match Solid::new(mesh) {
        Ok(solid) => solid,
        Err(why) => unreachable!("{why}"),
    }
}
