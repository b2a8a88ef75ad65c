//! Solids with edges, and those without end.

use super::Shape;
use super::round::box_about;
use crate::motion::EVERYWHERE;
use glam::{DVec2, DVec3};
use osteon_core::{Aabb, Patient, Plane, Point};
use std::f64::consts::PI;

/// Signed distance of `q` from the quarter plane where both are negative.
pub(super) fn corner(q: DVec2) -> f64 {
    q.max(DVec2::ZERO).length() + q.max_element().min(0.0)
}

/// A box about the origin along the patient's axes, its edges rounded; `moved` puts it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cuboid {
    /// Half edges in mm along x, y and z, roundings included.
    pub half: DVec3,
    /// Radius in mm of the rounding; not more than the smallest half edge.
    pub rounding: f64,
}

impl Cuboid {
    /// A box with sharp edges.
    pub const fn sharp(half: DVec3) -> Self {
        Self { half, rounding: 0.0 }
    }
}

impl Shape for Cuboid {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let q = p.vec().abs() - (self.half - self.rounding);
        q.max(DVec3::ZERO).length() + q.max_element().min(0.0) - self.rounding
    }

    fn bounds(&self) -> Aabb<Patient> {
        box_about(DVec3::ZERO, self.half)
    }

    fn volume(&self) -> Option<f64> {
        // Steiner's formula for the inner box grown by the rounding.
        let (e, r) = (2.0 * (self.half - self.rounding), self.rounding);
        let faces = 2.0 * (e.x * e.y + e.y * e.z + e.z * e.x);
        Some(e.x * e.y * e.z + faces * r + PI * e.element_sum() * r * r + 4.0 / 3.0 * PI * r.powi(3))
    }
}

/// A straight round rod with flat ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cylinder {
    /// The middle of one end.
    pub from: Point<Patient>,
    /// The middle of the other end, at another place.
    pub to: Point<Patient>,
    /// The radius in mm.
    pub radius: f64,
}

/// Height above `from` along the axis, distance from the axis, and the axis' length.
fn about_axis(from: Point<Patient>, to: Point<Patient>, p: Point<Patient>) -> (f64, f64, f64) {
    let length = from.distance(to);
    let along = (to - from).vec() / length;
    let q = (p - from).vec();
    let height = q.dot(along);
    (height, (q - along * height).length(), length)
}

/// The box around two discs across the axis from `from` to `to`.
fn discs(from: Point<Patient>, to: Point<Patient>, radii: [f64; 2]) -> Aabb<Patient> {
    let along = (to - from).vec() / from.distance(to);
    // A disc across `along` reaches r·√(1 − along_i²) along axis i.
    let reach = (DVec3::ONE - along * along).max(DVec3::ZERO).map(f64::sqrt);
    let [a, b] = [(from, radii[0]), (to, radii[1])].map(|(p, r)| box_about(p.vec(), reach * r));
    a.with(b.min).with(b.max)
}

impl Shape for Cylinder {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let (height, away, length) = about_axis(self.from, self.to, p);
        corner(DVec2::new(away - self.radius, (height - length / 2.0).abs() - length / 2.0))
    }

    fn bounds(&self) -> Aabb<Patient> {
        discs(self.from, self.to, [self.radius; 2])
    }

    fn volume(&self) -> Option<f64> {
        Some(PI * self.radius * self.radius * self.from.distance(self.to))
    }
}

/// A straight round rod with flat ends of different size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cone {
    /// The middle of one end.
    pub from: Point<Patient>,
    /// The middle of the other end, at another place.
    pub to: Point<Patient>,
    /// The radii in mm at `from` and `to`.
    pub radii: [f64; 2],
}

impl Shape for Cone {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let (height, away, length) = about_axis(self.from, self.to, p);
        let q = DVec2::new(away, height);
        let [r0, r1] = self.radii;
        let (rim0, rim1) = (DVec2::new(r0, 0.0), DVec2::new(r1, length));
        let to_segment = |a: DVec2, b: DVec2| {
            let ab = b - a;
            let s = ((q - a).dot(ab) / ab.length_squared().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
            (q - a - ab * s).length()
        };
        let ends = to_segment(DVec2::ZERO, rim0).min(to_segment(DVec2::new(0.0, length), rim1));
        let distance = ends.min(to_segment(rim0, rim1));
        let inside = height > 0.0 && height < length && away < r0 + (r1 - r0) * height / length;
        if inside { -distance } else { distance }
    }

    fn bounds(&self) -> Aabb<Patient> {
        discs(self.from, self.to, self.radii)
    }

    fn volume(&self) -> Option<f64> {
        let [a, b] = self.radii;
        Some(PI / 3.0 * self.from.distance(self.to) * (a * a + a * b + b * b))
    }
}

/// Everything behind a plane: the side its normal points away from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HalfSpace {
    /// The plane.
    pub plane: Plane<Patient>,
}

impl Shape for HalfSpace {
    fn distance(&self, p: Point<Patient>) -> f64 {
        self.plane.signed_distance(p)
    }

    fn bounds(&self) -> Aabb<Patient> {
        EVERYWHERE
    }
}

/// Everything below the surface z = a·sin(2πx/λ)·cos(2πy/λ); `moved` puts it elsewhere.
///
/// The distance is a bound: the height above the surface divided by √(1 + (2πa/λ)²).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// Height in mm of the waves over the plane z = 0.
    pub amplitude: f64,
    /// Length in mm of the waves.
    pub wavelength: f64,
}

impl Shape for Wave {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let k = 2.0 * PI / self.wavelength;
        let p = p.vec();
        let height = p.z - self.amplitude * libm::sin(k * p.x) * libm::cos(k * p.y);
        // The slope a·k·√(cos²·cos² + sin²·sin²) is at most a·k.
        height / (1.0 + (k * self.amplitude).powi(2)).sqrt()
    }

    fn bounds(&self) -> Aabb<Patient> {
        EVERYWHERE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_about_a_rounded_box_have_their_known_distances() {
        let cuboid = Cuboid { half: DVec3::new(10.0, 6.0, 4.0), rounding: 1.0 };
        for (p, expected) in [
            (Point::new(0.0, 0.0, 0.0), -4.0),
            (Point::new(13.0, 0.0, 0.0), 3.0),
            (Point::new(9.0, 5.0, -3.0), -1.0),
            (Point::new(12.0, 9.0, 0.0), 4.0),
        ] {
            assert!((cuboid.distance(p) - expected).abs() < 1e-12, "{p:?}");
        }
    }

    #[test]
    fn places_about_a_cylinder_and_a_cone_have_their_known_distances() {
        let (from, to) = (Point::new(1.0, 1.0, 1.0), Point::new(1.0, 11.0, 1.0));
        let cylinder = Cylinder { from, to, radius: 3.0 };
        let straight = Cone { from, to, radii: [3.0, 3.0] };
        for (p, expected) in [
            (Point::new(1.0, 6.0, 1.0), -3.0),
            (Point::new(1.0, 2.0, 1.0), -1.0),
            (Point::new(7.0, -3.0, 1.0), 5.0),
            (Point::new(6.0, 5.0, 1.0), 2.0),
        ] {
            assert!((cylinder.distance(p) - expected).abs() < 1e-12, "{p:?}");
            assert!((straight.distance(p) - expected).abs() < 1e-12, "{p:?}");
        }
        // A cone of 45° flanks: from its axis half way up, the flank is 5/√2 away.
        let cone = Cone { from, to, radii: [10.0, 0.0] };
        let expected = -5.0 / 2.0_f64.sqrt();
        assert!((cone.distance(Point::new(1.0, 6.0, 1.0)) - expected).abs() < 1e-12);
    }

    #[test]
    fn a_slanted_disc_touches_its_box_and_stays_in_it() {
        let (from, to) = (Point::new(0.0, 0.0, 0.0), Point::new(8.0, 6.0, 0.0));
        let bounds = Cylinder { from, to, radius: 5.0 }.bounds();
        let expected = box_about(DVec3::new(4.0, 3.0, 0.0), DVec3::new(7.0, 7.0, 5.0));
        assert!(bounds.min.distance(expected.min) < 1e-12 && bounds.max.distance(expected.max) < 1e-12);
    }
}
