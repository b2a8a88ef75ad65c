//! Solids without edges.

use super::Shape;
use glam::{DVec2, DVec3};
use osteon_core::{Aabb, Patient, Point};
use std::f64::consts::PI;

/// The box that reaches `half` mm to both sides of a place.
pub(super) fn box_about(middle: DVec3, half: DVec3) -> Aabb<Patient> {
    Aabb { min: Point::from_vec(middle - half), max: Point::from_vec(middle + half) }
}

/// A ball.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// Its middle.
    pub middle: Point<Patient>,
    /// Its radius in mm.
    pub radius: f64,
}

impl Shape for Ball {
    fn distance(&self, p: Point<Patient>) -> f64 {
        p.distance(self.middle) - self.radius
    }

    fn bounds(&self) -> Aabb<Patient> {
        box_about(self.middle.vec(), DVec3::splat(self.radius))
    }

    fn volume(&self) -> Option<f64> {
        Some(4.0 / 3.0 * PI * self.radius.powi(3))
    }
}

/// Two balls and everything between them: a rod with round ends, tapered when the radii differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capsule {
    /// The middle of the ball at one end.
    pub from: Point<Patient>,
    /// The middle of the ball at the other end.
    pub to: Point<Patient>,
    /// The radii in mm of the balls at `from` and `to`.
    pub radii: [f64; 2],
}

impl Capsule {
    /// A rod of the same radius throughout.
    pub const fn rod(from: Point<Patient>, to: Point<Patient>, radius: f64) -> Self {
        let radii = [radius, radius];
        Self { from, to, radii }
    }

    /// Length of the axis and sine of the taper; `None` when one ball holds the other.
    fn taper(&self) -> Option<(f64, f64)> {
        let length = self.from.distance(self.to);
        let fall = self.radii[0] - self.radii[1];
        (length > fall.abs()).then(|| (length, fall / length))
    }

    fn larger(&self) -> Ball {
        let [first, second] = self.radii;
        let (middle, radius) = if first >= second { (self.from, first) } else { (self.to, second) };
        Ball { middle, radius }
    }
}

impl Shape for Capsule {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let Some((length, sin)) = self.taper() else {
            return self.larger().distance(p);
        };
        let cos = (1.0 - sin * sin).sqrt();
        let along = (self.to - self.from).vec() / length;
        let q = (p - self.from).vec();
        let t = q.dot(along);
        // In the half plane of the axis and the place: t along the axis, r away from it.
        let flat = DVec2::new((q - along * t).length(), t);
        let run = flat.y * cos - flat.x * sin;
        if run < 0.0 {
            flat.length() - self.radii[0]
        } else if run > cos * length {
            (flat - DVec2::new(0.0, length)).length() - self.radii[1]
        } else {
            flat.x * cos + flat.y * sin - self.radii[0]
        }
    }

    fn bounds(&self) -> Aabb<Patient> {
        let ends = [(self.from, self.radii[0]), (self.to, self.radii[1])];
        let [a, b] = ends.map(|(middle, radius)| Ball { middle, radius }.bounds());
        a.with(b.min).with(b.max)
    }

    fn volume(&self) -> Option<f64> {
        let Some((length, sin)) = self.taper() else {
            return self.larger().volume();
        };
        let [r0, r1] = self.radii;
        let cap = |r: f64, height: f64| PI * height * height * (r - height / 3.0);
        // The straight flank touches the balls at radius r·cos and height r·sin.
        let cos2 = 1.0 - sin * sin;
        let flank = length + (r1 - r0) * sin;
        let frustum = PI / 3.0 * flank * cos2 * (r0 * r0 + r0 * r1 + r1 * r1);
        Some(frustum + cap(r0, r0 * (1.0 + sin)) + cap(r1, r1 * (1.0 - sin)))
    }
}

/// An ellipsoid about the origin along the patient's axes; `moved` puts it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipsoid {
    /// Half axes in mm along x, y and z.
    pub half: DVec3,
}

impl Shape for Ellipsoid {
    fn distance(&self, p: Point<Patient>) -> f64 {
        ellipsoid_distance(p.vec(), self.half)
    }

    fn bounds(&self) -> Aabb<Patient> {
        box_about(DVec3::ZERO, self.half)
    }

    fn volume(&self) -> Option<f64> {
        Some(4.0 / 3.0 * PI * self.half.x * self.half.y * self.half.z)
    }
}

/// How far a coordinate is kept from zero, as a share of its half axis.
///
/// On a plane of symmetry the nearest place may leave the plane and the equation below degenerates. Moving
/// the place by this share moves the distance by no more than that: 1e-6 mm at 100 mm.
const OFF_PLANE: f64 = 1e-8;

/// Signed distance to an ellipsoid about the origin; within 1e-6 mm for anatomical sizes.
///
/// The nearest place on the surface is x_i = h_i² p_i / (t + h_i²) with Σ (x_i / h_i)² = 1. The sum falls
/// with t and is convex, so Newton's steps from below climb to the root and never pass it.
pub(super) fn ellipsoid_distance(p: DVec3, half: DVec3) -> f64 {
    let square = half * half;
    let p = p.abs().max(half * OFF_PLANE);
    let scaled = half * p;
    let mut t = (scaled - square).max_element();
    // A step multiplies t's distance from the nearest pole by at least 1.5: 80 cross 14 decades.
    for _ in 0..80 {
        let q = scaled / (square + t);
        let over = q.length_squared() - 1.0;
        let slope = 2.0 * (q * q / (square + t)).element_sum();
        let step = over / slope;
        t += step;
        if step.abs() <= 1e-12 * (square + t).min_element() {
            break;
        }
    }
    let nearest = square * p / (square + t);
    let inside = (p / half).length_squared() < 1.0;
    let distance = (p - nearest).length();
    if inside { -distance } else { distance }
}

/// A ring about the z axis, its middle at the origin; `moved` puts it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Torus {
    /// Radius in mm of the circle in the middle of the tube.
    pub ring: f64,
    /// Radius in mm of the tube; not larger than `ring`.
    pub tube: f64,
}

impl Shape for Torus {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let p = p.vec();
        DVec2::new(p.truncate().length() - self.ring, p.z).length() - self.tube
    }

    fn bounds(&self) -> Aabb<Patient> {
        let wide = self.ring + self.tube;
        box_about(DVec3::ZERO, DVec3::new(wide, wide, self.tube))
    }

    fn volume(&self) -> Option<f64> {
        Some(2.0 * PI * PI * self.ring * self.tube * self.tube)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest distance from `p` to points of the ellipsoid's surface, refined about the best.
    fn searched(p: DVec3, half: DVec3) -> f64 {
        let at = |u: f64, v: f64| {
            half * DVec3::new(libm::cos(u) * libm::cos(v), libm::sin(u) * libm::cos(v), libm::sin(v))
        };
        // The nearest place lies in the octant of `p`; from another one, nearly as near, no step leads there.
        let p = p.abs();
        let (mut best, mut place, mut step) = (f64::INFINITY, (0.0, 0.0), 0.1);
        for i in 0..=16 {
            for j in 0..=16 {
                let (u, v) = (f64::from(i) * 0.1, f64::from(j) * 0.1);
                let d = at(u, v).distance(p);
                if d < best {
                    (best, place) = (d, (u, v));
                }
            }
        }
        while step > 1e-7 {
            let around = [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)];
            let better = around
                .map(|(du, dv)| (place.0 + du, place.1 + dv))
                .into_iter()
                .find(|&(u, v)| at(u, v).distance(p) < best);
            match better {
                Some((u, v)) => (best, place) = (at(u, v).distance(p), (u, v)),
                None => step *= 0.5,
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_distance_to_an_ellipsoid_is_the_least_distance_to_its_surface(
            x in -30.0..30.0_f64, y in -30.0..30.0_f64, z in -30.0..30.0_f64, zero in 0_usize..4
        ) {
            let half = DVec3::new(20.0, 9.0, 14.0);
            let mut p = DVec3::new(x, y, z);
            if zero < 3 {
                p[zero] = 0.0;
            }
            let found = ellipsoid_distance(p, half);
            prop_assert!((found.abs() - searched(p, half)).abs() < 1e-5, "{p}: {found}");
            prop_assert_eq!(found < 0.0, (p / half).length_squared() < 1.0);
        }
    }

    #[test]
    fn the_search_finds_the_side_that_is_hardly_nearer() {
        let (p, half) = (DVec3::new(0.0, 0.0004, 0.0), DVec3::new(20.0, 9.0, 14.0));
        assert!((searched(p, half) - 8.9996).abs() < 1e-6);
    }

    #[test]
    fn a_place_on_the_axes_of_an_ellipsoid_has_its_known_distance() {
        let half = DVec3::new(20.0, 9.0, 14.0);
        for (p, expected) in [
            (DVec3::ZERO, -9.0),
            (DVec3::new(25.0, 0.0, 0.0), 5.0),
            (DVec3::new(0.0, -4.0, 0.0), -5.0),
            (DVec3::new(0.0, 0.0, 15.0), 1.0),
        ] {
            assert!((ellipsoid_distance(p, half) - expected).abs() < 1e-6, "{p}");
        }
    }

    #[test]
    fn a_capsule_within_its_larger_ball_is_that_ball() {
        let (from, to) = (Point::new(1.0, 2.0, 3.0), Point::new(1.0, 2.0, 5.0));
        let capsule = Capsule { from, to, radii: [9.0, 2.0] };
        let ball = Ball { middle: from, radius: 9.0 };
        let p = Point::new(4.0, -7.0, 30.0);
        assert_eq!(capsule.distance(p), ball.distance(p));
        assert_eq!(capsule.volume(), ball.volume());
        assert_eq!(capsule.bounds(), ball.bounds());
    }

    #[test]
    fn a_tapered_capsule_is_tangent_to_both_its_balls() {
        let (from, to) = (Point::new(0.0, 0.0, 0.0), Point::new(0.0, 0.0, 20.0));
        let capsule = Capsule { from, to, radii: [8.0, 3.0] };
        let [a, b] = [(from, 8.0), (to, 3.0)].map(|(middle, radius)| Ball { middle, radius });
        // The union of all balls between the two, by brute force.
        for p in [Point::new(9.0, 0.0, 4.0), Point::new(2.0, 6.0, 15.0), Point::new(1.0, 1.0, -12.0)] {
            let hull = (0..=20_000).map(|i| {
                let s = f64::from(i) / 20_000.0;
                let middle = from + osteon_core::Vector::from_vec((to - from).vec() * s);
                Ball { middle, radius: 8.0 - 5.0 * s }.distance(p)
            });
            let hull = hull.fold(a.distance(p).min(b.distance(p)), f64::min);
            assert!((capsule.distance(p) - hull).abs() < 1e-6);
        }
    }
}
