//! The elliptic cylinder with waisted sides that vertebral bodies and pedicles are made of.

use super::Shape;
use super::edged::corner;
use super::round::{box_about, ellipsoid_distance};
use glam::{DVec2, DVec3};
use osteon_core::{Aabb, Patient, Point};
use std::f64::consts::PI;

/// An elliptic cylinder about the z axis, its middle at the origin, its sides hollowed by a circular arc;
/// `moved` puts it elsewhere.
///
/// At height 0 the hollow is deepest, and the section there has exactly the half axes `half − waist`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drum {
    /// Half axes in mm of the section where it is not hollowed, along x and y.
    pub half: DVec2,
    /// Half height in mm along z.
    pub half_height: f64,
    /// Depth of the hollow in mm at height 0; zero for straight sides, less than the smaller half axis.
    pub waist: f64,
    /// Height in mm at which the arc of the hollow meets the straight side; more than `waist`.
    pub waist_reach: f64,
}

impl Drum {
    /// A drum with straight sides.
    pub const fn straight(half: DVec2, half_height: f64) -> Self {
        Self { half, half_height, waist: 0.0, waist_reach: half_height }
    }
}

impl Shape for Drum {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let p = p.vec();
        let side = ellipse_distance(p.truncate(), self.half);
        // The pair (distance from the ellipse, height) is at least as near to another as the places are, so
        // any profile drawn in it stays a distance.
        let drum = corner(DVec2::new(side, p.z.abs() - self.half_height));
        if self.waist <= 0.0 {
            return drum;
        }
        let radius = (self.waist_reach.powi(2) + self.waist.powi(2)) / (2.0 * self.waist);
        let arc = DVec2::new(side - (radius - self.waist), p.z).length() - radius;
        drum.max(-arc)
    }

    fn bounds(&self) -> Aabb<Patient> {
        box_about(DVec3::ZERO, self.half.extend(self.half_height))
    }

    fn volume(&self) -> Option<f64> {
        (self.waist <= 0.0).then_some(2.0 * PI * self.half.x * self.half.y * self.half_height)
    }
}

/// Signed distance to an ellipse about the origin; within 1e-6 mm for anatomical sizes.
fn ellipse_distance(p: DVec2, half: DVec2) -> f64 {
    // The section of an ellipsoid turned about its shorter axis: from a place in the plane, the nearest
    // place of the surface lies in the plane too.
    ellipsoid_distance(p.extend(0.0), half.extend(half.max_element()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waist_of_a_drum_has_its_stated_section() {
        let drum = Drum { half: DVec2::new(5.5, 8.0), half_height: 11.0, waist: 1.0, waist_reach: 11.0 };
        assert!(drum.distance(Point::new(4.5, 0.0, 0.0)).abs() < 1e-6);
        assert!(drum.distance(Point::new(0.0, -7.0, 0.0)).abs() < 1e-6);
        // Nothing of the waist is nearer to the axis than at height 0.
        for step in -10..=10 {
            assert!(drum.distance(Point::new(4.499, 0.0, f64::from(step))) < 0.0);
        }
        // Where the arc ends, the section is the full ellipse.
        assert!(drum.distance(Point::new(5.499, 0.0, 10.9999)) < 1e-4);
    }

    #[test]
    fn a_straight_drum_of_equal_half_axes_is_a_cylinder() {
        let drum = Drum::straight(DVec2::splat(6.0), 9.0);
        let (from, to) = (Point::new(0.0, 0.0, -9.0), Point::new(0.0, 0.0, 9.0));
        let cylinder = super::super::Cylinder { from, to, radius: 6.0 };
        for p in [Point::new(1.0, 2.0, 3.0), Point::new(9.0, -2.0, 12.0), Point::new(0.0, 5.5, -8.0)] {
            assert!((drum.distance(p) - cylinder.distance(p)).abs() < 1e-6);
        }
    }
}
