//! Analytic bodies with many triangles, for the tests of this crate.

use glam::DVec3;
use osteon_core::{Affine, Mesh, Point, Solid};
use std::collections::BTreeMap;

/// A box of the given size around the origin, its faces divided into squares of about `step` mm; each
/// vertex is then sent through `shape`.
pub(crate) fn shaped(size: DVec3, step: f64, shape: impl Fn(DVec3) -> DVec3) -> Solid {
    let n = (size / step).ceil().max(DVec3::ONE).to_array().map(|n| n as i32);
    let mut index: BTreeMap<[i32; 3], u32> = BTreeMap::new();
    let mut mesh = Mesh::default();
    for axis in 0..3_usize {
        let (p, q) = ((axis + 1) % 3, (axis + 2) % 3);
        for end in [0, n[axis]] {
            for i in 0..n[p] {
                for j in 0..n[q] {
                    let mut corner = |di: i32, dj: i32| {
                        let mut key = [0; 3];
                        (key[axis], key[p], key[q]) = (end, i + di, j + dj);
                        *index.entry(key).or_insert_with(|| {
                            let share = DVec3::new(
                                f64::from(key[0]) / f64::from(n[0]),
                                f64::from(key[1]) / f64::from(n[1]),
                                f64::from(key[2]) / f64::from(n[2]),
                            );
                            mesh.vertices.push(Point::from_vec(shape((share - 0.5) * size)));
                            mesh.vertices.len() as u32 - 1
                        })
                    };
                    let [a, b, c, d] = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
                    if end == 0 {
                        mesh.triangles.extend([[a, c, b], [a, d, c]]);
                    } else {
                        mesh.triangles.extend([[a, b, c], [a, c, d]]);
                    }
                }
            }
        }
    }
    Solid::new(mesh).unwrap()
}

/// A box around the origin.
pub(crate) fn block(size: DVec3, step: f64) -> Solid {
    shaped(size, step, |p| p)
}

/// A ball around the origin.
pub(crate) fn ball(radius: f64, step: f64) -> Solid {
    let edge = radius * 1.6;
    shaped(DVec3::splat(edge), step, |p| p.normalize_or_zero() * radius)
}

/// The solid moved by a translation.
pub(crate) fn moved(solid: Solid, by: DVec3) -> Solid {
    solid.moved(&Affine::new(glam::DMat3::IDENTITY, by)).unwrap()
}
