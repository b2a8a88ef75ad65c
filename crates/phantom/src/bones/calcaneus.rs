//! A calcaneus.

use super::{Bone, at, radians, toward};
use crate::motion::Motion;
use crate::shape::{Capsule, Cuboid, Form, Shape};
use glam::DVec3;
use osteon_core::{Deg, Patient, Plane, Point, Side, Vector};

/// Sizes of a calcaneus that matter for its angles; the rest follows.
#[derive(Clone, Debug, PartialEq)]
pub struct CalcaneusSizes {
    /// Angle of the posterior facet to the horizontal: how steeply it falls forward.
    pub facet: Deg,
    /// Height in mm of the facet's middle above the bone's middle; a depressed joint has less.
    pub facet_height: f64,
    /// Thickness of the cortex in mm.
    pub wall: f64,
}

impl CalcaneusSizes {
    /// A plausible adult size, not from a source; Böhler's angle lies in the normal 20–40°.
    pub const fn adult() -> Self {
        Self { facet: Deg(45.0), facet_height: 14.0, wall: 1.5 }
    }
}

/// A calcaneus and its truth.
///
/// Standard place: the foot points to −y, the sole to −z. The left one has its sustentaculum at −x, the right
/// one at +x, toward the patient's middle. 81 mm long.
#[derive(Clone, Debug)]
pub struct Calcaneus {
    /// The bone.
    pub bone: Bone,
    /// The patient's side.
    pub side: Side,
    /// Highest place of the anterior process.
    pub anterior: Point<Patient>,
    /// Highest place of the posterior facet.
    pub facet_top: Point<Patient>,
    /// Highest place of the tuber.
    pub tuber: Point<Patient>,
    /// The posterior facet: its middle and outward normal; flat for 7 mm to each side, 7 mm up and
    /// 3 mm down.
    pub facet: Plane<Patient>,
    /// Böhler's angle: between the line from `anterior` to `facet_top` and the line from there to `tuber`,
    /// in the sagittal plane; positive when `facet_top` lies above the line from `anterior` to `tuber`.
    pub boehler: Deg,
}

/// Reach of the fillets between the parts, in mm.
const FILLET: f64 = 4.0;
/// Half sizes of the block whose upper face is the posterior facet, in mm, and its rounding.
const FACET: Cuboid = Cuboid { half: DVec3::new(10.0, 11.0, 8.0), rounding: 2.0 };

/// A calcaneus of one side in its standard place.
pub fn calcaneus(side: Side, sizes: &CalcaneusSizes) -> Calcaneus {
    let left = left(sizes);
    match side {
        Side::Left => left,
        Side::Right => left.moved(&Motion::swap_sides()),
    }
}

fn block(half: DVec3, rounding: f64, middle: Point<Patient>) -> Form {
    Cuboid { half, rounding }.moved(&Motion::shift(middle - at(0.0, 0.0, 0.0)))
}

fn left(sizes: &CalcaneusSizes) -> Calcaneus {
    let (sin, cos) = libm::sincos(radians(sizes.facet.value()));
    let facet = Plane { point: at(3.0, 0.0, sizes.facet_height), normal: toward(DVec3::new(0.0, -sin, cos)) };
    let turn = Motion::turn(at(0.0, 0.0, 0.0), toward(DVec3::X), radians(sizes.facet.value()));
    let sunk = facet.point + facet.normal.times(-FACET.half.z);
    let slab = FACET.moved(&turn).moved(&Motion::shift(sunk - at(0.0, 0.0, 0.0)));
    // Both bars lie across the bone, so each has a straight ridge whose middle is the landmark.
    let bar =
        |y: f64, z: f64, half: f64, radius: f64| Capsule::rod(at(-half, y, z), at(half, y, z), radius).form();
    let rod = |from, to, radii| Capsule { from, to, radii }.form();
    let parts = [
        block(DVec3::new(12.0, 24.0, 12.0), 6.0, at(0.0, 8.0, -8.0)),
        block(DVec3::new(13.0, 13.0, 16.0), 7.0, at(0.0, 28.0, -6.0)),
        bar(34.0, 7.0, 7.0, 8.0),
        rod(at(0.0, 12.0, 6.0), at(0.0, 28.0, 0.0), [7.0, 8.0]),
        slab,
        bar(-32.0, 1.0, 6.0, 7.0),
        rod(at(0.0, -8.0, -8.0), at(0.0, -30.0, -6.0), [11.0, 8.0]),
        block(DVec3::new(8.0, 9.0, 4.0), 3.0, at(-17.0, -4.0, 3.0)),
    ];
    let middle = block(DVec3::new(12.0, 24.0, 12.0), 6.0, at(0.0, 8.0, -8.0));
    let outer = parts.into_iter().fold(middle, |bone, part| bone.blended(part, FILLET));
    // The slab's upper back edge, rounded: the edge's own axis and one radius above it.
    let up = Vector::new(0.0, cos * (FACET.half.y - FACET.rounding), sin * (FACET.half.y - FACET.rounding));
    let edge = facet.point + facet.normal.times(-FACET.rounding) + up;
    let facet_top = edge + Vector::new(0.0, 0.0, FACET.rounding);
    let (anterior, tuber) = (at(0.0, -32.0, 8.0), at(0.0, 34.0, 15.0));
    Calcaneus {
        bone: Bone::walled(outer, sizes.wall),
        side: Side::Left,
        anterior,
        facet_top,
        tuber,
        facet,
        boehler: boehler(anterior, facet_top, tuber),
    }
}

fn boehler(anterior: Point<Patient>, top: Point<Patient>, tuber: Point<Patient>) -> Deg {
    let slope = |from: Point<Patient>, to: Point<Patient>| {
        let way = (to - from).vec();
        libm::atan2(way.z, way.y)
    };
    Deg((slope(anterior, top) - slope(top, tuber)) / radians(1.0))
}

impl Calcaneus {
    /// The calcaneus moved or mirrored, truth included; mirrored, it is of the other side.
    #[must_use]
    pub fn moved(&self, motion: &Motion) -> Self {
        Self {
            bone: self.bone.moved(motion),
            side: if motion.mirrors() { self.side.opposite() } else { self.side },
            anterior: motion.point(self.anterior),
            facet_top: motion.point(self.facet_top),
            tuber: motion.point(self.tuber),
            facet: motion.plane(&self.facet),
            boehler: self.boehler,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::volume;

    #[test]
    fn each_landmark_is_the_highest_place_of_its_part() {
        let sunk = CalcaneusSizes { facet_height: 10.0, ..CalcaneusSizes::adult() };
        for sizes in [CalcaneusSizes::adult(), sunk] {
            check_landmarks(&calcaneus(Side::Left, &sizes));
        }
    }

    fn check_landmarks(bone: &Calcaneus) {
        for (name, place, reach) in
            [("anterior", bone.anterior, 6.0), ("facet", bone.facet_top, 5.0), ("tuber", bone.tuber, 6.0)]
        {
            assert!(
                bone.bone.outer.distance(place).abs() < 1e-9,
                "{name}: {}",
                bone.bone.outer.distance(place)
            );
            for step in -20..=20 {
                let y = f64::from(step) / 20.0 * reach;
                let above = place + Vector::new(0.0, y, 1e-6);
                assert!(bone.bone.outer.distance(above) > 0.0, "{name}: higher {y} mm behind");
            }
        }
    }

    #[test]
    fn the_posterior_facet_is_the_stated_plane() {
        for facet in [35.0, 45.0] {
            let sizes = CalcaneusSizes { facet: Deg(facet), ..CalcaneusSizes::adult() };
            let bone = calcaneus(Side::Right, &sizes);
            let across = toward(DVec3::X);
            let up = toward(bone.facet.normal.vec().cross(DVec3::X));
            for (u, v) in [(0.0, 0.0), (7.0, 7.0), (-7.0, 7.0), (7.0, -3.0), (-7.0, -3.0)] {
                let place = bone.facet.point + across.times(u) + up.times(v);
                assert!(
                    bone.bone.outer.distance(place).abs() < 1e-9,
                    "{u} {v}: {}",
                    bone.bone.outer.distance(place)
                );
            }
        }
    }

    #[test]
    fn boehlers_angle_is_normal_and_falls_with_the_joint() {
        let normal = calcaneus(Side::Left, &CalcaneusSizes::adult());
        assert!((20.0..40.0).contains(&normal.boehler.value()), "{:?}", normal.boehler);
        let sunk = CalcaneusSizes { facet_height: 10.0, ..CalcaneusSizes::adult() };
        let sunk = calcaneus(Side::Left, &sunk);
        assert!(sunk.boehler.value() < normal.boehler.value() - 8.0, "{:?}", sunk.boehler);
    }

    #[test]
    fn left_and_right_are_mirror_images_of_plausible_size() {
        let [left, right] = [Side::Left, Side::Right].map(|s| calcaneus(s, &CalcaneusSizes::adult()));
        for i in 0..200 {
            let f = f64::from(i);
            let p = at(25.0 * libm::sin(f), 45.0 * libm::sin(2.3 * f), 25.0 * libm::cos(1.7 * f));
            let [x, y, z] = p.to_array();
            assert_eq!(left.bone.outer.distance(p), right.bone.outer.distance(at(-x, y, z)));
        }
        assert_eq!((right.side, right.boehler), (Side::Right, left.boehler));
        // The sustentaculum points to the patient's middle.
        assert!(
            left.bone.outer.distance(at(-22.0, -4.0, 3.0)) < 0.0
                && right.bone.outer.distance(at(22.0, -4.0, 3.0)) < 0.0
        );
        let counted = volume(&left.bone.outer, 0.5);
        assert!((40_000.0..90_000.0).contains(&counted), "{counted} mm³");
    }
}
