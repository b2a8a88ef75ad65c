//! Places on one or two triangles: nearest to a point, nearest to each other.

use super::nearest::Feature;
use glam::DVec3;

/// The place on a segment nearest to a point, and its share of the way (0 to 1).
fn on_segment(p: DVec3, a: DVec3, b: DVec3) -> (DVec3, f64) {
    let along = b - a;
    let length = along.length_squared();
    let share = if length > 0.0 { ((p - a).dot(along) / length).clamp(0.0, 1.0) } else { 0.0 };
    // The ends themselves, so that all triangles at a corner tell the same distance.
    let place = if share == 0.0 {
        a
    } else if share == 1.0 {
        b
    } else {
        a + along * share
    };
    (place, share)
}

/// The place on a triangle nearest to a point, its squared distance, and whether it lies on a side or corner.
///
/// Above the inside of the triangle it is the foot of the perpendicular, elsewhere the nearest place of the
/// three sides. Both are places of the triangle whatever the rounding, so the distance is never too small; where
/// the triangle is too thin for its inside to be told, all are tried.
#[inline]
pub(crate) fn nearest_on(p: DVec3, [a, b, c]: [DVec3; 3]) -> (DVec3, f64, Feature) {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let normal = ab.cross(ac);
    let area = normal.length_squared();
    // Shares of the corners b and c at the foot of the perpendicular, times the area.
    let (v, w) = (ap.cross(ac).dot(normal), ab.cross(ap).dot(normal));
    let inside = v > 0.0 && w > 0.0 && v + w < area;
    let longest = ab.length_squared().max(ac.length_squared());
    // Height below 10⁻⁴ of the length: rounding moves the shares by up to 10⁻⁸, so the sides are asked too.
    let thin = area <= 1e-8 * longest * longest;
    let mut best = (a, f64::INFINITY, Feature::Corner(0));
    if inside {
        let place = a + ab * (v / area) + ac * (w / area);
        best = (place, place.distance_squared(p), Feature::Face);
        if !thin {
            return best;
        }
    }
    let corners = [a, b, c];
    for side in 0..3_u8 {
        let next = (side + 1) % 3;
        let (place, share) = on_segment(p, corners[usize::from(side)], corners[usize::from(next)]);
        let squared = place.distance_squared(p);
        if squared < best.1 {
            let feature = match share {
                0.0 => Feature::Corner(side),
                1.0 => Feature::Corner(next),
                _ => Feature::Edge(side),
            };
            best = (place, squared, feature);
        }
    }
    best
}

/// The nearest places of two segments and their squared distance (Ericson, Real-Time Collision Detection, 5.1.9).
fn between_segments([p, q]: [DVec3; 2], [r, s]: [DVec3; 2]) -> (DVec3, DVec3, f64) {
    let (d, e, offset) = (q - p, s - r, p - r);
    let (a, c, f) = (d.length_squared(), e.length_squared(), e.dot(offset));
    if a == 0.0 {
        let (place, _) = on_segment(p, r, s);
        return (p, place, p.distance_squared(place));
    }
    let (b, g) = (d.dot(e), d.dot(offset));
    let denominator = a * c - b * b;
    let share = if denominator > 0.0 { ((b * f - g * c) / denominator).clamp(0.0, 1.0) } else { 0.0 };
    let (second, _) = on_segment(p + d * share, r, s);
    let (first, _) = on_segment(second, p, q);
    (first, second, first.distance_squared(second))
}

/// The nearest places of two triangles that do not meet, and their squared distance.
///
/// They are a corner of one and a place of the other, or lie on a side of each.
pub(crate) fn between(a: [DVec3; 3], b: [DVec3; 3]) -> (DVec3, DVec3, f64) {
    let mut best = (a[0], b[0], f64::INFINITY);
    let mut offer = |found: (DVec3, DVec3, f64)| {
        if found.2 < best.2 {
            best = found;
        }
    };
    for n in 0..3 {
        let (place, squared, _) = nearest_on(a[n], b);
        offer((a[n], place, squared));
        let (place, squared, _) = nearest_on(b[n], a);
        offer((place, b[n], squared));
        for m in 0..3 {
            offer(between_segments([a[n], a[(n + 1) % 3]], [b[m], b[(m + 1) % 3]]));
        }
    }
    best
}
