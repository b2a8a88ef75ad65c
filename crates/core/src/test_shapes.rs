//! A box as a mesh, for the tests of this crate.

use crate::frame::Point;
use crate::mesh::Mesh;
use glam::DVec3;

/// A box with its low corner and its size.
pub(crate) fn cuboid(low: DVec3, size: DVec3) -> Mesh {
    let vertices = (0..8_u32)
        .map(|c| DVec3::new((c & 1) as f64, (c >> 1 & 1) as f64, (c >> 2) as f64))
        .map(|unit| Point::from_vec(low + unit * size))
        .collect();
    let triangles = [
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
    Mesh { vertices, triangles: triangles.to_vec() }
}
