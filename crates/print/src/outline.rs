//! Sections of a solid, and how far two outlines are apart.
//!
//! Outlines are unordered strokes in a horizontal plane: enough to measure distances, and nothing has to be
//! chained. Coordinates are x and y of the frame the caller says, millimetres.

use glam::{DVec2, DVec3};
use osteon_core::Mesh;

/// A straight piece of an outline, from one end to the other.
pub type Stroke = [DVec2; 2];

/// Where the plane at height `z` (patient, mm) cuts the mesh, as strokes in patient x and y.
///
/// A vertex in the plane counts as above it, so a closed mesh gives closed outlines at every height.
pub fn section(mesh: &Mesh, z: f64) -> Vec<Stroke> {
    let cuts = mesh.triangles.iter().map(|&t| cut(mesh.corners(t), z));
    cuts.flatten().collect()
}

/// Smallest and largest x and y (patient, mm) of all sections at the heights `planes`, given upward.
///
/// `None` if no plane meets the mesh.
pub fn extent(mesh: &Mesh, planes: &[f64]) -> Option<[DVec2; 2]> {
    let mut reach: Option<[DVec2; 2]> = None;
    for &triangle in &mesh.triangles {
        let corners = mesh.corners(triangle);
        let low = corners.iter().fold(f64::INFINITY, |z, c| z.min(c.z));
        let high = corners.iter().fold(f64::NEG_INFINITY, |z, c| z.max(c.z));
        let first = planes.partition_point(|&z| z <= low);
        for &z in planes[first..].iter().take_while(|&&z| z <= high) {
            for end in cut(corners, z).into_iter().flatten() {
                let [min, max] = reach.unwrap_or([end, end]);
                reach = Some([min.min(end), max.max(end)]);
            }
        }
    }
    reach
}

/// Where a triangle crosses a height.
fn cut(corners: [DVec3; 3], z: f64) -> Option<Stroke> {
    let above = corners.map(|c| c.z >= z);
    if above[0] == above[1] && above[1] == above[2] {
        return None;
    }
    let mut ends = (0..3).filter(|&i| above[i] != above[(i + 1) % 3]).map(|i| {
        let (a, b) = (corners[i], corners[(i + 1) % 3]);
        // From the lower end, whichever triangle asks: neighbours get the same point.
        let (a, b) = if a.z < b.z { (a, b) } else { (b, a) };
        a.truncate().lerp(b.truncate(), (z - a.z) / (b.z - a.z))
    });
    Some([ends.next()?, ends.next()?])
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
    use crate::shapes::{ball, bracket};
    use osteon_core::Point;

    #[test]
    fn a_section_of_a_ball_is_a_circle() {
        let middle = DVec3::new(40.0, -100.0, 900.0);
        let ball = ball(middle, 10.0);
        let strokes = section(ball.mesh(), 906.0);
        // A chord of the mesh errs by its sagitta: edges of at most 1 mm on r = 8 mm give 1²/64 mm.
        for place in strokes.iter().flatten() {
            assert!((place.distance(middle.truncate()) - 8.0).abs() < 0.03, "{place}");
        }
        assert!(section(ball.mesh(), 911.0).is_empty());
    }

    #[test]
    fn a_section_through_vertices_is_still_closed() {
        let bracket = bracket(DVec3::ZERO);
        // Every vertex of the bracket is at a multiple of 2.5 mm.
        let strokes = section(bracket.mesh(), 5.0);
        let mut ends: Vec<[i64; 2]> = strokes
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
        let [low, high] = extent(ball.mesh(), &planes).unwrap();
        let all: Vec<DVec2> = planes
            .iter()
            .flat_map(|&z| section(ball.mesh(), z))
            .flatten()
            .collect();
        let around = osteon_core::Aabb::<osteon_core::Patient>::around(
            all.iter().map(|p| Point::from_vec(p.extend(0.0))),
        );
        assert_eq!(
            [low, high],
            [around.min.vec().truncate(), around.max.vec().truncate()]
        );
        assert!(extent(ball.mesh(), &[99.0]).is_none());
    }
}
