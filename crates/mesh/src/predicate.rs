//! Exact answers about points in space: on which side of a plane or line, whatever the rounding.
//!
//! The sign is that of the exact determinant of the coordinates as they are stored (Shewchuk, "Adaptive precision
//! floating-point arithmetic and fast robust geometric predicates", 1997), computed by the crate `robust`. It is
//! right as long as no product of three coordinate differences underflows, which takes differences of less than
//! 1e-80 mm.

use glam::DVec3;
use robust::{Coord, Coord3D};
use std::cmp::Ordering;

/// The exact sign of a number: `Less` below zero.
fn sign(value: f64) -> Ordering {
    value.partial_cmp(&0.0).unwrap_or(Ordering::Equal)
}

/// On which side of the plane through `a`, `b`, `c` the point `d` lies: `Greater` on the side from which they
/// run counter-clockwise, `Equal` on the plane, or if the three lie on one line.
pub fn side(a: DVec3, b: DVec3, c: DVec3, d: DVec3) -> Ordering {
    let at = |p: DVec3| Coord3D { x: p.x, y: p.y, z: p.z };
    // Positive below the plane in the words of `robust`, hence turned.
    sign(robust::orient3d(at(a), at(b), at(c), at(d))).reverse()
}

/// A coordinate plane onto which points are projected: it keeps two axes in an order that keeps the turning
/// sense seen from the positive end of the dropped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flat {
    across: usize,
    up: usize,
}

impl Flat {
    /// The plane that drops an axis (0 to 2).
    pub const fn dropping(axis: usize) -> Self {
        Self { across: (axis + 1) % 3, up: (axis + 2) % 3 }
    }

    /// The two coordinates that are kept.
    pub fn of(self, p: DVec3) -> [f64; 2] {
        [p[self.across], p[self.up]]
    }

    /// How `a`, `b`, `c` turn in this plane: `Greater` counter-clockwise, `Equal` if they lie on one line.
    pub fn turn(self, a: DVec3, b: DVec3, c: DVec3) -> Ordering {
        let at = |p: DVec3| Coord { x: p[self.across], y: p[self.up] };
        sign(robust::orient2d(at(a), at(b), at(c)))
    }
}

/// The coordinate plane onto which a triangle is projected with the largest area, as far as rounding tells,
/// and how it turns there; `None` if its corners lie exactly on one line.
pub fn flat_of([a, b, c]: [DVec3; 3]) -> Option<(Flat, Ordering)> {
    let normal = (b - a).cross(c - a).abs();
    let largest = if normal.x >= normal.y && normal.x >= normal.z {
        0
    } else if normal.y >= normal.z {
        1
    } else {
        2
    };
    [largest, (largest + 1) % 3, (largest + 2) % 3].into_iter().find_map(|axis| {
        let flat = Flat::dropping(axis);
        let turn = flat.turn(a, b, c);
        (turn != Ordering::Equal).then_some((flat, turn))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_above_a_counter_clockwise_triangle_is_on_its_greater_side() {
        let [a, b, c] = [DVec3::ZERO, DVec3::X, DVec3::Y];
        assert_eq!(side(a, b, c, DVec3::Z), Ordering::Greater);
        assert_eq!(side(a, b, c, -DVec3::Z), Ordering::Less);
        assert_eq!(side(a, b, c, DVec3::new(3.0, -5.0, 0.0)), Ordering::Equal);
    }

    #[test]
    fn the_side_is_right_where_rounding_would_lose_it() {
        // On the plane x + y + z = 0.3 (as stored), then one rounding step off it.
        let [a, b, c] = [DVec3::new(0.3, 0.0, 0.0), DVec3::new(0.0, 0.3, 0.0), DVec3::new(0.0, 0.0, 0.3)];
        let on = DVec3::new(0.3 * 0.5, 0.3 * 0.25, 0.3 * 0.25);
        assert_eq!(side(a, b, c, on), Ordering::Equal);
        let off = DVec3::new(on.x.next_up(), on.y, on.z);
        assert_eq!(side(a, b, c, off), Ordering::Greater);
        assert_eq!(side(a, c, b, off), Ordering::Less);
    }

    #[test]
    fn a_triangle_seen_from_the_dropped_axis_turns_as_it_does_in_space() {
        for axis in 0..3 {
            let [p, q] = [(axis + 1) % 3, (axis + 2) % 3].map(|a| DVec3::AXES[a]);
            assert_eq!(flat_of([DVec3::ZERO, p, q]), Some((Flat::dropping(axis), Ordering::Greater)));
            assert_eq!(flat_of([DVec3::ZERO, q, p]), Some((Flat::dropping(axis), Ordering::Less)));
        }
        assert_eq!(flat_of([DVec3::ZERO, DVec3::ONE, DVec3::splat(2.0)]), None);
    }
}
