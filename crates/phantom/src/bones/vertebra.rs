//! A lumbar vertebra.

use super::{Bone, at, radians, toward};
use crate::motion::Motion;
use crate::shape::{Capsule, Cuboid, Drum, Form, HalfSpace, Shape};
use glam::{DMat3, DVec2, DVec3};
use osteon_core::frame::Anatomy;
use osteon_core::{Affine, Deg, Direction, Patient, Plane, Point, Side, Vector};

/// Sizes of a lumbar vertebra.
#[derive(Clone, Debug, PartialEq)]
pub struct VertebraSizes {
    /// Width of the body in mm.
    pub body_width: f64,
    /// Depth of the body in mm.
    pub body_depth: f64,
    /// Height of the body in mm in its middle, from end-plate to end-plate.
    pub body_height: f64,
    /// How far the body's sides are hollowed at mid-height, in mm.
    pub waist: f64,
    /// Angle between the end-plates; positive when the body is higher in front, as in lordosis.
    pub wedge: Deg,
    /// Width in mm of each pedicle at its isthmus.
    pub pedicle_width: f64,
    /// Height in mm of each pedicle at its isthmus.
    pub pedicle_height: f64,
    /// How far the pedicles' axes point to the middle, in the vertebra's axial plane.
    pub convergence: Deg,
    /// Width of the canal in mm.
    pub canal_width: f64,
    /// Depth of the canal in mm.
    pub canal_depth: f64,
    /// Thickness of the cortex in mm.
    pub wall: f64,
}

impl VertebraSizes {
    /// About an adult L3. The pedicle's width lies within the 7.2–17.8 mm and its height within the
    /// 13.9–16.7 mm given for T11–L5 in PMC2200778; the rest is a plausible adult size, not from a source.
    ///
    /// The cortex is thicker than the 0.5 mm of a real vertebra, so that its peak survives a clinical scan.
    pub const fn lumbar() -> Self {
        Self {
            body_width: 46.0,
            body_depth: 34.0,
            body_height: 28.0,
            waist: 2.5,
            wedge: Deg(0.0),
            pedicle_width: 9.0,
            pedicle_height: 14.0,
            convergence: Deg(12.0),
            canal_width: 23.0,
            canal_depth: 17.0,
            wall: 1.5,
        }
    }
}

/// One pedicle, an elliptic drum whose waist is the isthmus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pedicle {
    /// The patient's side.
    pub side: Side,
    /// The middle of the narrowest section.
    pub isthmus: Point<Patient>,
    /// The pedicle's axis, from behind into the body.
    pub axis: Direction<Patient>,
    /// The direction of the width, across the axis, to the patient's left.
    pub across: Direction<Patient>,
    /// Width of the isthmus in mm.
    pub width: f64,
    /// Height of the isthmus in mm.
    pub height: f64,
    /// Half the length in mm over which it is hollowed; the ends are inside the body and the lamina.
    pub half_length: f64,
}

/// A straight tube of elliptic section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EllipticTube {
    /// A place on the axis: for the canal, at the height of the body's middle.
    pub middle: Point<Patient>,
    /// The axis, cranial.
    pub axis: Direction<Patient>,
    /// The direction of the width, to the patient's left.
    pub across: Direction<Patient>,
    /// Width in mm.
    pub width: f64,
    /// Depth in mm.
    pub depth: f64,
}

/// A lumbar vertebra and its truth.
///
/// Standard place: the body's middle at the origin, left +x, posterior +y, cranial +z. The left transverse
/// process is 8 mm longer than the right, so that a mirrored copy is not a moved copy.
#[derive(Clone, Debug)]
pub struct Vertebra {
    /// The bone.
    pub bone: Bone,
    /// The vertebra's frame (left, posterior, cranial; origin in the body's middle) in the patient.
    pub frame: Affine<Anatomy, Patient>,
    /// The upper end-plate: its middle and outward normal.
    pub upper: Plane<Patient>,
    /// The lower end-plate: its middle and outward normal.
    pub lower: Plane<Patient>,
    /// The left and the right pedicle.
    pub pedicles: [Pedicle; 2],
    /// The vertebral canal.
    pub canal: EllipticTube,
    /// The canal as a shape, reaching beyond the bone.
    pub canal_shape: Form,
    /// The flat left side of the spinous process, its normal outward: flat for 26 × 12 mm about the point.
    pub flat: Plane<Patient>,
}

/// Half of the pedicle drum's length in mm: long enough to end inside body and lamina.
const PEDICLE_HALF_LENGTH: f64 = 11.0;
/// How much further than the drum's hollow the pedicle runs on into the body, in mm.
const INTO_BODY: f64 = 9.0;
/// How much wider the pedicle is at its ends, in mm on each side.
const FLARE: f64 = 1.0;
/// Reach of the fillets between the parts, in mm.
const FILLET: f64 = 2.0;

/// A lumbar vertebra in its standard place.
pub fn vertebra(sizes: &VertebraSizes) -> Vertebra {
    let tilt = radians(sizes.wedge.value()) / 2.0;
    let (sin, cos) = libm::sincos(tilt);
    let half_height = sizes.body_height / 2.0;
    let upper = Plane { point: at(0.0, 0.0, half_height), normal: toward(DVec3::new(0.0, sin, cos)) };
    let lower = Plane { point: at(0.0, 0.0, -half_height), normal: toward(DVec3::new(0.0, sin, -cos)) };
    let canal = EllipticTube {
        // Half a millimetre behind the body's back wall.
        middle: at(0.0, sizes.body_depth / 2.0 + sizes.canal_depth / 2.0 + 0.5, 0.0),
        axis: toward(DVec3::Z),
        across: toward(DVec3::X),
        width: sizes.canal_width,
        depth: sizes.canal_depth,
    };
    let pedicles = [Side::Left, Side::Right].map(|side| pedicle(sizes, side));
    let canal_shape = canal_shape(&canal);
    let body = body(sizes, &upper, &lower);
    let parts = [body].into_iter().chain(pedicles.iter().map(pedicle_shape)).chain(arch(&canal));
    let outer = Form::all_blended(parts, FILLET).without(canal_shape.clone());
    Vertebra {
        bone: Bone::walled(outer, sizes.wall),
        frame: Affine::new(DMat3::IDENTITY, DVec3::ZERO),
        upper,
        lower,
        pedicles,
        flat: Plane {
            point: spinous_middle(&canal) + Vector::new(SPINOUS.x, 2.5, 0.0),
            normal: toward(DVec3::X),
        },
        canal,
        canal_shape,
    }
}

impl Vertebra {
    /// The vertebra moved or mirrored, truth included; mirrored, its left pedicle becomes the right one.
    #[must_use]
    pub fn moved(&self, motion: &Motion) -> Self {
        let mut pedicles = self.pedicles.map(|p| moved_pedicle(&p, motion));
        if motion.mirrors() {
            pedicles.swap(0, 1);
        }
        Self {
            bone: self.bone.moved(motion),
            frame: moved_frame(&self.frame, motion),
            upper: motion.plane(&self.upper),
            lower: motion.plane(&self.lower),
            pedicles,
            canal: EllipticTube {
                middle: motion.point(self.canal.middle),
                axis: motion.direction(self.canal.axis),
                across: sideways(self.canal.across, motion),
                ..self.canal
            },
            canal_shape: self.canal_shape.clone().moved(motion),
            flat: motion.plane(&self.flat),
        }
    }

    /// The pedicle of one side.
    pub const fn pedicle(&self, side: Side) -> &Pedicle {
        match side {
            Side::Left => &self.pedicles[0],
            Side::Right => &self.pedicles[1],
        }
    }
}

/// Where a direction to the patient's left goes: a mirror swaps the sides, so there it turns round.
fn sideways(d: Direction<Patient>, motion: &Motion) -> Direction<Patient> {
    let there = motion.direction(d);
    if motion.mirrors() { Direction::from_vec(-there.vec()) } else { there }
}

fn moved_pedicle(p: &Pedicle, motion: &Motion) -> Pedicle {
    Pedicle {
        side: if motion.mirrors() { p.side.opposite() } else { p.side },
        isthmus: motion.point(p.isthmus),
        axis: motion.direction(p.axis),
        across: sideways(p.across, motion),
        ..*p
    }
}

fn moved_frame(frame: &Affine<Anatomy, Patient>, motion: &Motion) -> Affine<Anatomy, Patient> {
    let mut map = frame.then(motion.affine());
    if motion.mirrors() {
        map.linear.x_axis = -map.linear.x_axis;
    }
    map
}

fn body(sizes: &VertebraSizes, upper: &Plane<Patient>, lower: &Plane<Patient>) -> Form {
    let half = DVec2::new(sizes.body_width / 2.0, sizes.body_depth / 2.0);
    let half_height = sizes.body_height / 2.0;
    // Tall enough for the tilted end-plates to cut it on every side.
    let tall = half_height + half.y * libm::tan(radians(sizes.wedge.value()).abs() / 2.0);
    Drum { half, half_height: tall, waist: sizes.waist, waist_reach: half_height }
        .within(HalfSpace { plane: *upper })
        .within(HalfSpace { plane: *lower })
}

fn pedicle(sizes: &VertebraSizes, side: Side) -> Pedicle {
    let left = match side {
        Side::Left => 1.0,
        Side::Right => -1.0,
    };
    let (sin, cos) = libm::sincos(radians(sizes.convergence.value()));
    // Beside the canal by its half width and 0.5 mm, and so that the flared drum stays clear of it.
    let x = sizes.canal_width / 2.0 + sizes.pedicle_width / 2.0 + 0.5;
    Pedicle {
        side,
        isthmus: at(left * x, sizes.body_depth / 2.0 + 3.0, 3.0),
        axis: toward(DVec3::new(-left * sin, -cos, 0.0)),
        across: toward(DVec3::new(cos, -left * sin, 0.0)),
        width: sizes.pedicle_width,
        height: sizes.pedicle_height,
        half_length: PEDICLE_HALF_LENGTH,
    }
}

/// The drum, carried on straight into the body, so that no cortex is left between them.
fn pedicle_shape(p: &Pedicle) -> Form {
    let drum = Drum {
        half: DVec2::new(p.width / 2.0 + FLARE, p.height / 2.0 + FLARE),
        half_height: p.half_length + INTO_BODY,
        waist: FLARE,
        waist_reach: p.half_length,
    };
    let back =
        Plane { point: p.isthmus + p.axis.times(-p.half_length), normal: Direction::from_vec(-p.axis.vec()) };
    drum.moved(&Motion::frame(p.isthmus, p.across, p.axis)).within(HalfSpace { plane: back })
}

fn canal_shape(canal: &EllipticTube) -> Form {
    // 80 mm to both sides: beyond every part of the vertebra.
    let drum = Drum::straight(DVec2::new(canal.width / 2.0, canal.depth / 2.0), 80.0);
    drum.moved(&Motion::frame(canal.middle, canal.across, canal.axis))
}

/// Half sizes of the spinous process in mm.
const SPINOUS: DVec3 = DVec3::new(3.5, 18.0, 9.0);

fn spinous_middle(canal: &EllipticTube) -> Point<Patient> {
    let y = canal.middle.vec().y + canal.depth / 2.0;
    at(0.0, y + 2.0 + SPINOUS.y, -4.0)
}

/// Laminae, articular, transverse and spinous processes, all behind or beside the canal.
fn arch(canal: &EllipticTube) -> Vec<Form> {
    let back = canal.middle.vec().y + canal.depth / 2.0;
    let shift = |p: Point<Patient>| Motion::shift(p - at(0.0, 0.0, 0.0));
    let spinous = Cuboid { half: SPINOUS, rounding: 2.0 }.moved(&shift(spinous_middle(canal)));
    let mut parts = vec![spinous];
    for left in [1.0, -1.0] {
        let lamina = Cuboid { half: DVec3::new(10.5, 3.0, 8.0), rounding: 1.5 };
        let slope = Motion::turn(at(0.0, 0.0, 0.0), toward(DVec3::Z), -left * radians(20.0));
        parts.push(lamina.moved(&slope).moved(&shift(at(left * 9.0, back + 1.5, -4.0))));
        let point = |x: f64, y: f64, z: f64| at(left * x, back + y, z);
        // From the pedicle up to the superior and, by the pars, down to the inferior process: the lower
        // processes hang behind and inside the upper ones of the vertebra below, so that two can be stacked.
        parts.push(Capsule::rod(point(20.0, -4.5, 0.0), point(20.0, -4.5, 14.0), 5.0).form());
        parts.push(Capsule::rod(point(19.5, -3.0, 2.0), point(14.0, 5.5, -8.0), 5.0).form());
        parts.push(Capsule::rod(point(14.0, 5.5, -8.0), point(14.0, 7.5, -16.0), 4.5).form());
        let tip = if left > 0.0 { 46.0 } else { 38.0 };
        let (from, to) = (point(20.0, -7.0, 2.0), point(tip - 4.0, -4.0, 4.0));
        parts.push(Capsule { from, to, radii: [6.0, 4.0] }.form());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::probe::exit;
    use super::*;
    use crate::shape::volume;

    fn back(d: Direction<Patient>) -> Direction<Patient> {
        Direction::from_vec(-d.vec())
    }

    #[test]
    fn the_isthmus_of_each_pedicle_has_its_stated_width_and_height() {
        let vertebra = vertebra(&VertebraSizes::lumbar());
        for p in &vertebra.pedicles {
            let up = toward(p.axis.vec().cross(p.across.vec()));
            let along = |way| exit(&vertebra.bone.outer, p.isthmus, way);
            assert!((along(p.across) + along(back(p.across)) - p.width).abs() < 1e-5, "{:?}", p.side);
            assert!((along(up) + along(back(up)) - p.height).abs() < 1e-5, "{:?}", p.side);
            assert!((vertebra.bone.outer.distance(p.isthmus) + p.width / 2.0).abs() < 1e-5);
            // It is the narrowest place of the free corridor.
            for step in [-4.0, -1.0, 1.0, 4.0] {
                let beside = p.isthmus + p.axis.times(step);
                assert!(vertebra.bone.outer.distance(beside) < -p.width / 2.0 - 1e-4, "{step}");
            }
        }
        assert!(vertebra.pedicle(Side::Left).isthmus.vec().x > 0.0);
    }

    #[test]
    fn cancellous_bone_runs_through_each_pedicle_into_the_body() {
        let vertebra = vertebra(&VertebraSizes::lumbar());
        for p in &vertebra.pedicles {
            for step in -9..=17 {
                let place = p.isthmus + p.axis.times(f64::from(step));
                assert!(vertebra.bone.core.distance(place) < -1.0, "{:?} {step} mm", p.side);
            }
        }
    }

    #[test]
    fn the_end_plates_are_planes_at_their_stated_places() {
        let sizes = VertebraSizes { wedge: Deg(9.0), ..VertebraSizes::lumbar() };
        let vertebra = vertebra(&sizes);
        for plate in [&vertebra.upper, &vertebra.lower] {
            let aside = toward(DVec3::X);
            let ahead = toward(aside.vec().cross(plate.normal.vec()));
            for (u, v) in [(0.0, 0.0), (15.0, 0.0), (-12.0, 6.0), (5.0, -11.0), (0.0, 12.0)] {
                let place = plate.point + aside.times(u) + ahead.times(v);
                assert!(vertebra.bone.outer.distance(place).abs() < 1e-9, "{u} {v}");
                let under = place + plate.normal.times(-0.7);
                assert!((vertebra.bone.outer.distance(under) + 0.7).abs() < 1e-9);
            }
        }
        let cosine = -vertebra.upper.normal.vec().dot(vertebra.lower.normal.vec());
        assert!((libm::acos(cosine) - radians(9.0)).abs() < 1e-9);
        // Higher in front.
        let height = |y| {
            exit(&vertebra.bone.outer, at(0.0, y, 0.0), toward(DVec3::Z))
                + exit(&vertebra.bone.outer, at(0.0, y, 0.0), toward(DVec3::NEG_Z))
        };
        assert!(height(-14.0) > height(14.0) + 2.0);
    }

    #[test]
    fn the_canal_is_empty_and_bounded_by_bone() {
        let vertebra = vertebra(&VertebraSizes::lumbar());
        let canal = &vertebra.canal;
        let depth = toward(canal.axis.vec().cross(canal.across.vec()));
        assert!(
            (vertebra.canal_shape.distance(canal.middle + canal.across.times(canal.width / 2.0))).abs()
                < 1e-6
        );
        assert!((vertebra.canal_shape.distance(canal.middle + depth.times(canal.depth / 2.0))).abs() < 1e-6);
        let shrunk = vertebra.canal_shape.clone().grown(-1e-3).within(vertebra.bone.outer.clone());
        assert_eq!(volume(&shrunk, 0.5), 0.0);
        // At the pedicles' height it is closed all round within 6 mm.
        for step in 0..24 {
            let (sin, cos) = libm::sincos(f64::from(step) * radians(15.0));
            let way = DVec3::new(sin * canal.width / 2.0, cos * canal.depth / 2.0, 0.0);
            let rim = canal.middle + Vector::from_vec(way + DVec3::Z * -2.0);
            assert!(vertebra.bone.outer.distance(rim) < 6.0);
        }
    }

    #[test]
    fn a_mirrored_vertebra_has_its_sides_swapped_and_is_no_moved_copy() {
        let original = vertebra(&VertebraSizes::lumbar());
        let mirrored = original.moved(&Motion::swap_sides());
        for side in [Side::Left, Side::Right] {
            let (p, q) = (mirrored.pedicle(side), original.pedicle(side));
            assert_eq!(p.side, side);
            assert!(
                p.isthmus.distance(q.isthmus) < 1e-12 && (p.across.vec() - q.across.vec()).length() < 1e-12
            );
        }
        assert_eq!(mirrored.frame, original.frame);
        let tip = at(44.0, 30.0, 4.0);
        assert!(original.bone.outer.distance(tip) < 0.0 && mirrored.bone.outer.distance(tip) > 1.0);
    }

    #[test]
    fn the_flat_side_is_flat_where_a_label_goes() {
        let vertebra = vertebra(&VertebraSizes::lumbar());
        for (y, z) in [(0.0, 0.0), (13.0, 6.0), (-13.0, 6.0), (13.0, -6.0), (-13.0, -6.0)] {
            let place = vertebra.flat.point + Vector::new(0.0, y, z);
            assert!(vertebra.bone.outer.distance(place).abs() < 1e-9, "{y} {z}");
        }
    }

    #[test]
    fn a_vertebra_is_one_piece() {
        let vertebra = vertebra(&VertebraSizes::lumbar());
        let grid = osteon_core::Grid::upright([100, 100, 60], at(-48.0, -21.0, -28.0), DVec3::ONE).unwrap();
        let mut rest = crate::shape::mask(&vertebra.bone.outer, &grid);
        assert!(rest.count() > 40_000);
        let mut open = vec![[48, 21, 28]];
        while let Some([x, y, z]) = open.pop() {
            if rest.get(x, y, z) {
                rest.set(x, y, z, false);
                open.extend([[x - 1, y, z], [x, y - 1, z], [x, y, z - 1]]);
                open.extend([[x + 1, y, z], [x, y + 1, z], [x, y, z + 1]]);
            }
        }
        assert!(rest.is_empty(), "{} mm³ hang loose", rest.count());
    }

    #[test]
    fn a_vertebra_has_a_plausible_size() {
        let vertebra = vertebra(&VertebraSizes::lumbar());
        let size = vertebra.bone.outer.bounds().size();
        assert!(size.max_element() < 105.0, "{size}");
        let outer = volume(&vertebra.bone.outer, 0.5);
        let core = volume(&vertebra.bone.core, 0.5);
        assert!((40_000.0..70_000.0).contains(&outer), "{outer} mm³");
        assert!(core > 0.5 * outer && core < 0.85 * outer, "{core} of {outer} mm³");
        // Halving the cell changes little: area · cell² / (4r) with 25 000 mm² and r of 2 mm and more.
        assert!((volume(&vertebra.bone.outer, 0.25) - outer).abs() < 25_000.0 * 0.25 / 8.0);
    }
}
