//! The upper half of a femur.

use super::{Bone, at, radians, toward};
use crate::motion::Motion;
use crate::shape::{Ball, Capsule, Cone, Cylinder, Form, Shape};
use glam::DVec3;
use osteon_core::{Deg, Direction, Patient, Point, Side};

/// Sizes of a proximal femur.
#[derive(Clone, Debug, PartialEq)]
pub struct FemurSizes {
    /// Radius of the head in mm.
    pub head_radius: f64,
    /// Length in mm from the shaft's axis to the head's middle, along the neck's axis.
    pub neck_length: f64,
    /// Radius of the neck in mm where it meets the head.
    pub neck_radius: f64,
    /// Angle between the neck's axis and the shaft's axis toward the knee.
    pub neck_shaft: Deg,
    /// Angle of the neck in front of the knee's transverse axis, in the plane across the shaft.
    pub anteversion: Deg,
    /// Radius of the shaft in mm.
    pub shaft_radius: f64,
    /// Radius of the canal in mm.
    pub canal_radius: f64,
    /// Length in mm of the shaft below the neck's axis, where the bone is cut flat.
    pub shaft_length: f64,
    /// Thickness of the cortex in mm above the shaft.
    pub wall: f64,
}

impl FemurSizes {
    /// A plausible adult size, not from a source.
    pub const fn adult() -> Self {
        Self {
            head_radius: 23.0,
            neck_length: 50.0,
            neck_radius: 13.0,
            neck_shaft: Deg(127.0),
            anteversion: Deg(12.0),
            shaft_radius: 14.0,
            canal_radius: 6.0,
            shaft_length: 120.0,
            wall: 2.0,
        }
    }
}

/// A proximal femur and its truth.
///
/// Standard place: the neck's axis meets the shaft's axis at the origin, the shaft runs along z with the head
/// above, the knee's transverse axis along x. The left femur has its head at −x, the right one at +x.
#[derive(Clone, Debug)]
pub struct Femur {
    /// The bone; its marrow is the canal.
    pub bone: Bone,
    /// The patient's side.
    pub side: Side,
    /// The head: exactly this ball, further than 6 mm from the neck.
    pub head: Ball,
    /// Where the neck's axis meets the shaft's axis.
    pub junction: Point<Patient>,
    /// The neck's axis, from the shaft to the head.
    pub neck: Direction<Patient>,
    /// The shaft's axis, toward the hip.
    pub shaft: Direction<Patient>,
    /// The knee's transverse axis, to the patient's middle.
    pub medial: Direction<Patient>,
    /// The sizes it was made with.
    pub sizes: FemurSizes,
}

/// Reach of the fillets between the parts, in mm.
const FILLET: f64 = 6.0;
/// Where the canal begins, in mm below the neck's axis.
const CANAL_TOP: f64 = 30.0;
/// Where the shaft's cortex has its full thickness, in mm below the neck's axis.
const FUNNEL_END: f64 = 45.0;

/// A femur of one side in its standard place.
pub fn femur(side: Side, sizes: &FemurSizes) -> Femur {
    let left = left(sizes);
    match side {
        Side::Left => left,
        Side::Right => left.moved(&Motion::swap_sides()),
    }
}

fn left(sizes: &FemurSizes) -> Femur {
    let (rise, out) = libm::sincos(radians(sizes.neck_shaft.value() - 90.0));
    let (ahead, inward) = libm::sincos(radians(sizes.anteversion.value()));
    let neck = toward(DVec3::new(-out * inward, -out * ahead, rise));
    let junction = at(0.0, 0.0, 0.0);
    let head = Ball { middle: junction + neck.times(sizes.neck_length), radius: sizes.head_radius };
    let rod = Capsule {
        from: junction,
        to: junction + neck.times(sizes.neck_length - 10.0),
        radii: [sizes.neck_radius + 3.0, sizes.neck_radius],
    };
    let end = at(0.0, 0.0, -sizes.shaft_length);
    let shaft = Cylinder { from: at(0.0, 0.0, 8.0), to: end, radius: sizes.shaft_radius };
    let greater = Ball { middle: at(9.0, 5.0, 12.0), radius: 16.0 };
    let lesser = Ball { middle: at(-10.0, 9.0, -35.0), radius: 8.0 };
    let parts = [shaft.form(), greater.form(), lesser.form(), rod.form(), head.form()];
    let outer = Form::all_blended(parts, FILLET);
    // The cancellous bone narrows like a funnel into the canal, so that the shaft's wall thickens downward.
    let funnel =
        Cone { from: at(0.0, 0.0, 60.0), to: at(0.0, 0.0, -FUNNEL_END), radii: [120.0, sizes.canal_radius] };
    let canal = Cylinder { from: at(0.0, 0.0, -CANAL_TOP), to: end, radius: sizes.canal_radius };
    Femur {
        bone: Bone {
            core: outer.clone().grown(-sizes.wall).within(funnel),
            outer,
            marrow: Some(canal.form()),
        },
        side: Side::Left,
        head,
        junction,
        neck,
        shaft: toward(DVec3::Z),
        medial: toward(DVec3::NEG_X),
        sizes: sizes.clone(),
    }
}

impl Femur {
    /// The femur moved or mirrored, truth included; mirrored, it is of the other side.
    #[must_use]
    pub fn moved(&self, motion: &Motion) -> Self {
        Self {
            bone: self.bone.moved(motion),
            side: if motion.mirrors() { self.side.opposite() } else { self.side },
            head: Ball { middle: motion.point(self.head.middle), ..self.head },
            junction: motion.point(self.junction),
            neck: motion.direction(self.neck),
            shaft: motion.direction(self.shaft),
            medial: motion.direction(self.medial),
            sizes: self.sizes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::exit;
    use super::*;

    #[test]
    fn neck_and_shaft_enclose_the_stated_angles() {
        for side in [Side::Left, Side::Right] {
            let femur = femur(side, &FemurSizes::adult());
            let angle = libm::acos(-femur.neck.vec().dot(femur.shaft.vec())) / radians(1.0);
            assert!((angle - 127.0).abs() < 1e-9);
            let across = femur.neck.vec() - femur.shaft.vec() * femur.neck.vec().dot(femur.shaft.vec());
            let anteversion = libm::atan2(-across.y, across.dot(femur.medial.vec())) / radians(1.0);
            assert!((anteversion - 12.0).abs() < 1e-9, "{anteversion}");
            let to_middle = match side {
                Side::Left => -1.0,
                Side::Right => 1.0,
            };
            assert!(femur.head.middle.vec().x * to_middle > 30.0);
        }
    }

    #[test]
    fn the_head_is_a_ball_away_from_the_neck() {
        let femur = femur(Side::Left, &FemurSizes::adult());
        for way in [DVec3::X * -1.0, DVec3::Z, DVec3::Y, DVec3::NEG_Y, DVec3::new(-1.0, 1.0, -0.5)] {
            let out = exit(&femur.bone.outer, femur.head.middle, toward(way));
            assert!((out - 23.0).abs() < 1e-6, "{way}: {out}");
        }
    }

    #[test]
    fn the_shaft_is_a_hollow_tube() {
        let femur = femur(Side::Right, &FemurSizes::adult());
        let marrow = femur.bone.marrow.as_ref().unwrap();
        for z in [-60.0, -90.0, -115.0] {
            let middle = femur.junction + femur.shaft.times(z);
            assert!((exit(&femur.bone.outer, middle, femur.medial) - 14.0).abs() < 1e-6);
            assert!((exit(marrow, middle, femur.medial) - 6.0).abs() < 1e-6);
        }
    }

    #[test]
    fn the_left_femur_mirrored_is_the_right_femur() {
        let [left, right] = [Side::Left, Side::Right].map(|side| femur(side, &FemurSizes::adult()));
        for i in 0..200 {
            let f = f64::from(i);
            let p = at(70.0 * libm::sin(f), 40.0 * libm::sin(2.3 * f), 80.0 * libm::cos(1.7 * f) - 30.0);
            let [x, y, z] = p.to_array();
            assert_eq!(left.bone.outer.distance(p), right.bone.outer.distance(at(-x, y, z)));
            assert_eq!(left.bone.core.distance(p), right.bone.core.distance(at(-x, y, z)));
        }
        assert_eq!(right.side, Side::Right);
    }
}
