//! Sections of a solid, and how far two outlines are apart.
//!
//! Outlines are unordered strokes in a horizontal plane: enough to measure distances. Coordinates are x and y of the frame the caller says, millimetres.

use glam::{DVec2, DVec3};
use osteon_core::{Cancelled, Ctx, Direction, Mesh, Patient, Plane, Point};
use osteon_mesh::section::{self, Outline};

/// A straight piece of an outline, from one end to the other.
pub type Stroke = [DVec2; 2];

/// Where the planes at heights `z` (patient, mm) cut the mesh: for each its strokes in patient x and y.
///
/// A vertex in the plane counts as above it, so a closed mesh gives closed outlines at every height.
pub fn sections(mesh: &Mesh, z: &[f64], ctx: &Ctx) -> Result<Vec<Vec<Stroke>>, Cancelled> {
    let strokes = |outlines: Vec<Outline>| -> Vec<Stroke> {
        let ends = |pair: &[Point<Patient>]| [pair[0], pair[1]].map(|p| p.vec().truncate());
        outlines.iter().flat_map(|line| line.windows(2).map(ends)).collect()
    };
    let found = section::sections(mesh, &planes(z), ctx)?;
    Ok(found.into_iter().map(strokes).collect())
}

/// Smallest and largest x and y (patient, mm) of all sections at heights `z`.
///
/// `None` if no plane meets the mesh.
pub fn extent(mesh: &Mesh, z: &[f64], ctx: &Ctx) -> Result<Option<[DVec2; 2]>, Cancelled> {
    let around = section::extent(mesh, &planes(z), ctx)?;
    Ok((!around.is_empty()).then(|| [around.min, around.max].map(|p| p.vec().truncate())))
}

/// Horizontal planes.
fn planes(z: &[f64]) -> Vec<Plane<Patient>> {
    let normal = Direction::from_vec(DVec3::Z);
    z.iter().map(|&z| Plane { point: Point::new(0.0, 0.0, z), normal }).collect()
}

/// The distance within which `share` (0 to 1) of outline `from` lies of outline `to`, mm.
///
/// Measured at `samples` places evenly along `from`; infinite if either outline is empty.
pub fn one_way(from: &[Stroke], to: &[Stroke], share: f64, samples: usize) -> f64 {
    let places = along(from, samples);
    if places.is_empty() || to.is_empty() {
        return f64::INFINITY;
    }
    let mut distances: Vec<f64> = places
        .into_iter()
        .map(|p| to.iter().fold(f64::INFINITY, |d, s| d.min(squared(p, s))).sqrt())
        .collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances[((distances.len() - 1) as f64 * share).round() as usize]
}

/// Places evenly spaced along all strokes together.
fn along(strokes: &[Stroke], samples: usize) -> Vec<DVec2> {
    let total: f64 = strokes.iter().map(|[a, b]| a.distance(*b)).sum();
    let step = total / samples as f64;
    let mut places = Vec::with_capacity(samples);
    // The first place is half a step in, so that the last is half a step from the end.
    let mut next = step / 2.0;
    let mut walked = 0.0;
    for &[a, b] in strokes {
        let length = a.distance(b);
        while length > 0.0 && next <= walked + length && places.len() < samples {
            places.push(a.lerp(b, (next - walked) / length));
            next += step;
        }
        walked += length;
    }
    places
}

/// Squared distance of a place from a stroke.
fn squared(p: DVec2, &[a, b]: &Stroke) -> f64 {
    let (along, off) = (b - a, p - a);
    let length = along.length_squared();
    if length == 0.0 {
        return off.length_squared();
    }
    let part = (off.dot(along) / length).clamp(0.0, 1.0);
    (off - along * part).length_squared()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{ball, bracket};

    #[test]
    fn a_section_of_a_ball_is_a_circle() {
        let middle = DVec3::new(40.0, -100.0, 900.0);
        let ball = ball(middle, 10.0);
        let [strokes, above] = &sections(ball.mesh(), &[906.0, 911.0], &Ctx::default()).unwrap()[..] else {
            panic!("two heights");
        };
        // A chord of the mesh errs by its sagitta: edges of at most 1 mm on r = 8 mm give 1²/64 mm.
        for place in strokes.iter().flatten() {
            assert!((place.distance(middle.truncate()) - 8.0).abs() < 0.03, "{place}");
        }
        assert!(!strokes.is_empty() && above.is_empty());
    }

    #[test]
    fn a_section_through_vertices_is_still_closed() {
        let bracket = bracket(DVec3::ZERO);
        // Every vertex of the bracket is at a multiple of 2.5 mm.
        let strokes = sections(bracket.mesh(), &[5.0], &Ctx::default()).unwrap();
        let mut ends: Vec<[i64; 2]> = strokes[0]
            .iter()
            .flatten()
            .map(|p| [(p.x * 1e6).round() as i64, (p.y * 1e6).round() as i64])
            .collect();
        ends.sort_unstable();
        assert!(ends.chunks(2).all(|pair| pair[0] == pair[1]) && !ends.is_empty());
    }

    #[test]
    fn two_outlines_a_millimetre_apart_are_a_millimetre_apart() {
        let square = |half: f64| -> Vec<Stroke> {
            let c =
                [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(x, y)| DVec2::new(x, y) * half);
            (0..4).map(|i| [c[i], c[(i + 1) % 4]]).collect()
        };
        assert!((one_way(&square(10.0), &square(11.0), 1.0, 400) - 1.0).abs() < 1e-9);
        // From outside the corners are √2 away; places are 0.022 mm apart.
        let corner = one_way(&square(11.0), &square(10.0), 1.0, 4000);
        assert!((corner - std::f64::consts::SQRT_2).abs() < 0.022, "{corner}");
        assert_eq!(one_way(&square(1.0), &[], 0.9, 100), f64::INFINITY);
        assert_eq!(one_way(&[], &square(1.0), 0.9, 100), f64::INFINITY);
    }

    #[test]
    fn the_extent_of_many_sections_is_that_of_each() {
        let ball = ball(DVec3::new(5.0, 6.0, 7.0), 10.0);
        let planes: Vec<f64> = (0..40).map(|k| -2.9 + 0.5 * f64::from(k)).collect();
        let ctx = Ctx::default();
        let [low, high] = extent(ball.mesh(), &planes, &ctx).unwrap().unwrap();
        let all: Vec<DVec2> =
            sections(ball.mesh(), &planes, &ctx).unwrap().into_iter().flatten().flatten().collect();
        let around = osteon_core::Aabb::<osteon_core::Patient>::around(
            all.iter().map(|p| Point::from_vec(p.extend(0.0))),
        );
        assert_eq!([low, high], [around.min.vec().truncate(), around.max.vec().truncate()]);
        assert!(extent(ball.mesh(), &[99.0], &ctx).unwrap().is_none());
    }
}
