//! Shapes for the tests of mesh files.
#![allow(dead_code, reason = "each test file uses some of it")]

use glam::{DMat3, DVec3};
use osteon_core::{Affine, Mesh, Solid};

/// A ball as a closed net of `2 · rings` meridians; `4 · rings · (rings − 1)` triangles.
pub fn ball(middle: DVec3, radius: f64, rings: u32) -> Solid {
    solid(osteon_phantom::mesh::ball(middle, radius, rings))
}

/// A box with its low corner and its size.
pub fn cuboid(low: DVec3, size: DVec3) -> Solid {
    solid(osteon_phantom::mesh::cuboid(low, size))
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
