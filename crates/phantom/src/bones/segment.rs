//! A lumbar motion segment: two vertebrae and the disc between them.

use super::vertebra::{Vertebra, VertebraSizes, vertebra};
use super::{at, radians, toward};
use crate::motion::Motion;
use crate::shape::{Drum, Form, HalfSpace, Shape};
use glam::{DVec2, DVec3};
use osteon_core::{Deg, Direction, Patient, Plane, Vector};

/// Sizes of a motion segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSizes {
    /// The upper vertebra.
    pub upper: VertebraSizes,
    /// The lower vertebra.
    pub lower: VertebraSizes,
    /// Distance in mm between the middles of the end-plates that face each other.
    pub disc_height: f64,
    /// Angle between those end-plates; positive when open in front, as in lordosis.
    pub disc_angle: Deg,
}

impl SegmentSizes {
    /// About an adult L3–L4: plausible sizes, not from a source.
    pub const fn lumbar() -> Self {
        Self {
            upper: VertebraSizes::lumbar(),
            lower: VertebraSizes::lumbar(),
            disc_height: 10.0,
            disc_angle: Deg(8.0),
        }
    }
}

/// Two vertebrae with a known relative pose, and the disc between them.
///
/// Standard place: the lower vertebra in its own standard place.
#[derive(Clone, Debug)]
pub struct MotionSegment {
    /// The upper vertebra.
    pub upper: Vertebra,
    /// The lower vertebra.
    pub lower: Vertebra,
    /// What takes a vertebra in its standard place to the upper one's place in this segment's standard place.
    pub step: Motion,
    /// The disc, filling the gap between the end-plates.
    pub disc: Form,
    /// Distance in mm between the middles of the end-plates that face each other.
    pub disc_height: f64,
    /// Cobb angle from the upper end-plate of the upper vertebra to the lower one of the lower; positive in
    /// lordosis.
    pub cobb: Deg,
}

/// How far the disc stays inside the rim of the end-plates, in mm.
const RIM: f64 = 1.5;

/// A motion segment in its standard place.
pub fn segment(sizes: &SegmentSizes) -> MotionSegment {
    let lower = vertebra(&sizes.lower);
    let upper = vertebra(&sizes.upper);
    let (low, high) = (&lower.upper, &upper.lower);
    // Angles of the end-plates' normals from cranial toward posterior.
    let lower_tilt = radians(sizes.lower.wedge.value()) / 2.0;
    let upper_tilt = radians(sizes.upper.wedge.value()) / 2.0;
    let disc_angle = radians(sizes.disc_angle.value());
    let cranial = |tilt: f64| toward(DVec3::new(0.0, libm::sin(tilt), libm::cos(tilt)));
    let bisector = cranial(lower_tilt + disc_angle / 2.0);
    let facing = low.point + bisector.times(sizes.disc_height);
    // About +x, a positive turn takes cranial to anterior; lordosis takes it to posterior.
    let turn = Motion::turn(high.point, toward(DVec3::X), -(disc_angle + lower_tilt + upper_tilt));
    let step = turn.then(&Motion::shift(facing - high.point));
    let disc = disc(sizes, low, &step.plane(high), bisector);
    MotionSegment {
        upper: upper.moved(&step),
        lower,
        step,
        disc,
        disc_height: sizes.disc_height,
        cobb: Deg(sizes.disc_angle.value() + sizes.upper.wedge.value() + sizes.lower.wedge.value()),
    }
}

fn disc(sizes: &SegmentSizes, low: &Plane<Patient>, high: &Plane<Patient>, up: Direction<Patient>) -> Form {
    let behind = |plane: &Plane<_>| HalfSpace {
        plane: Plane { point: plane.point, normal: Direction::from_vec(-plane.normal.vec()) },
    };
    let half = DVec2::new(sizes.lower.body_width, sizes.lower.body_depth) / 2.0 - RIM;
    let tilt = libm::atan2(up.vec().y, up.vec().z);
    let turn = Motion::turn(at(0.0, 0.0, 0.0), toward(DVec3::X), -tilt);
    let middle = low.point + Vector::from_vec((high.point - low.point).vec() / 2.0);
    let shift = Motion::shift(middle - at(0.0, 0.0, 0.0));
    // Twice as tall as the disc; the end-plates cut it.
    Drum::straight(half, 2.0 * sizes.disc_height)
        .moved(&turn.then(&shift))
        .within(behind(low))
        .within(behind(high))
}

impl MotionSegment {
    /// The segment moved or mirrored; `step` stays what it is in the standard place.
    #[must_use]
    pub fn moved(&self, motion: &Motion) -> Self {
        Self {
            upper: self.upper.moved(motion),
            lower: self.lower.moved(motion),
            disc: self.disc.clone().moved(motion),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::volume;

    fn segment_with(wedge: f64) -> MotionSegment {
        let tapered = VertebraSizes { wedge: Deg(wedge), ..VertebraSizes::lumbar() };
        segment(&SegmentSizes { upper: tapered.clone(), lower: tapered, ..SegmentSizes::lumbar() })
    }

    #[test]
    fn the_end_plates_enclose_the_stated_angles_and_height() {
        for wedge in [0.0, 5.0] {
            let segment = segment_with(wedge);
            let angle = |a: DVec3, b: DVec3| libm::acos(-a.dot(b)) / radians(1.0);
            let outer = angle(segment.upper.upper.normal.vec(), segment.lower.lower.normal.vec());
            let inner = angle(segment.upper.lower.normal.vec(), segment.lower.upper.normal.vec());
            assert!((outer - segment.cobb.value()).abs() < 1e-6, "{outer}");
            assert!((inner - 8.0).abs() < 1e-6, "{inner}");
            let gap = segment.upper.lower.point.distance(segment.lower.upper.point);
            assert!((gap - segment.disc_height).abs() < 1e-9);
            // Lordosis: the disc is higher in front.
            let high = |y: f64| {
                let [a, b] = [&segment.lower.upper, &segment.upper.lower]
                    .map(|p| p.point.vec().z - (y - p.point.vec().y) * p.normal.vec().y / p.normal.vec().z);
                b - a
            };
            assert!(high(-15.0) > high(15.0) + 3.0);
        }
    }

    #[test]
    fn the_bones_of_a_segment_do_not_touch_and_the_disc_touches_both() {
        let segment = segment_with(0.0);
        let [upper, lower] = [&segment.upper, &segment.lower].map(|v| v.bone.outer.clone());
        // Two bodies grown by 0.5 mm that do not overlap are 1 mm apart.
        assert_eq!(volume(&upper.clone().grown(0.5).within(lower.clone().grown(0.5)), 0.25), 0.0);
        // Half way between surfaces 0.3 mm apart, a cell of 0.25 mm just holds neither.
        let inner = segment.disc.clone().grown(-0.3);
        assert_eq!(volume(&inner.clone().within(upper), 0.25), 0.0);
        assert_eq!(volume(&inner.within(lower), 0.25), 0.0);
        for plate in [&segment.upper.lower, &segment.lower.upper] {
            assert!(segment.disc.distance(plate.point).abs() < 1e-9);
        }
    }
}
