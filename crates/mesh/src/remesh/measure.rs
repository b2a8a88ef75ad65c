//! How good triangles are, and how far from the given surface.

use super::steps::smallest;
use crate::bvh::Bvh;
use osteon_core::{Cancelled, Ctx, Mesh, Point};
use rayon::prelude::*;

/// Triangles added up at a time, so that sums do not depend on threads.
const CHUNK: usize = 1 << 12;

/// The smallest angle in degrees, and the mean quality.
pub(super) fn quality(mesh: &Mesh) -> (f64, f64) {
    let chunks = mesh.triangles.par_chunks(CHUNK).map(|triangles| {
        let (mut cosine, mut sum) = (-1.0_f64, 0.0);
        for &triangle in triangles {
            let [a, b, c] = mesh.corners(triangle);
            cosine = cosine.max(smallest([a, b, c]));
            let squares = a.distance_squared(b) + b.distance_squared(c) + c.distance_squared(a);
            sum += 2.0 * 3.0_f64.sqrt() * (b - a).cross(c - a).length() / squares.max(f64::MIN_POSITIVE);
        }
        (cosine, sum)
    });
    let chunks: Vec<(f64, f64)> = chunks.collect();
    let cosine = chunks.iter().fold(-1.0, |most: f64, chunk| most.max(chunk.0));
    let sum: f64 = chunks.iter().map(|chunk| chunk.1).sum();
    (libm::acos(cosine.min(1.0)).to_degrees(), sum / mesh.triangles.len().max(1) as f64)
}

/// The largest distance found from one surface to another, mm: at corners, the middles of sides and of triangles,
/// where a chord is farthest from what it cuts off.
///
/// Not by [`compare`](crate::compare), whose certificate takes long where a surface is everywhere nearly equally far
/// from the other.
pub(super) fn farthest(mesh: &Mesh, other: (&Mesh, &Bvh), ctx: &Ctx) -> Result<f64, Cancelled> {
    let chunks = mesh.triangles.par_chunks(CHUNK).map(|triangles| {
        ctx.check()?;
        let (mut most, mut hint) = (0.0_f64, 0);
        for &triangle in triangles {
            let [a, b, c] = mesh.corners(triangle);
            for place in [a, (a + b) * 0.5, (b + c) * 0.5, (c + a) * 0.5, (a + b + c) / 3.0] {
                if let Some(near) = other.1.nearest_from(other.0, Point::from_vec(place), hint) {
                    (most, hint) = (most.max(near.distance), near.triangle);
                }
            }
        }
        Ok(most)
    });
    Ok(chunks.collect::<Result<Vec<f64>, Cancelled>>()?.into_iter().fold(0.0, f64::max))
}
