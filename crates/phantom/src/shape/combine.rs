//! Shapes made of other shapes.

use super::Shape;
use crate::motion::Motion;
use glam::DVec3;
use osteon_core::{Aabb, Patient, Point};
use std::fmt;
use std::sync::Arc;

/// Any shape, shared: cloning costs nothing.
#[derive(Clone)]
pub struct Form(Arc<dyn Shape>);

impl Form {
    /// A shape as one of many.
    pub fn new(shape: impl Shape + 'static) -> Self {
        Self(Arc::new(shape))
    }

    /// Everything inside any of the shapes; nothing when there are none.
    pub fn all(shapes: impl IntoIterator<Item = Form>) -> Self {
        Self::all_blended(shapes, 0.0)
    }

    /// Like [`all`](Form::all), with the inner edges filled by fillets; `reach` in mm as in
    /// [`blended`](Shape::blended). Where three or more parts meet, the surface may move out by up to `reach`.
    pub fn all_blended(shapes: impl IntoIterator<Item = Form>, reach: f64) -> Self {
        let parts = shapes.into_iter().map(|s| (s.bounds(), s)).collect();
        Self::new(Union { parts, reach })
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form within {:?}", self.bounds())
    }
}

impl Shape for Form {
    fn distance(&self, p: Point<Patient>) -> f64 {
        self.0.distance(p)
    }

    fn bounds(&self) -> Aabb<Patient> {
        self.0.bounds()
    }

    fn volume(&self) -> Option<f64> {
        self.0.volume()
    }

    fn form(self) -> Form {
        self
    }
}

fn distance_to_box(b: &Aabb<Patient>, p: Point<Patient>) -> f64 {
    (b.min.vec() - p.vec()).max(p.vec() - b.max.vec()).max(DVec3::ZERO).length()
}

fn grown_box(b: &Aabb<Patient>, by: f64) -> Aabb<Patient> {
    Aabb { min: Point::from_vec(b.min.vec() - by), max: Point::from_vec(b.max.vec() + by) }
}

/// Shapes joined one after the other, with fillets of the same reach.
struct Union {
    parts: Vec<(Aabb<Patient>, Form)>,
    reach: f64,
}

impl Shape for Union {
    fn distance(&self, p: Point<Patient>) -> f64 {
        let mut nearest = f64::INFINITY;
        for (bounds, part) in &self.parts {
            // A part is at least as far as its box, so one whose box is too far cannot matter.
            let boxed = distance_to_box(bounds, p);
            if boxed > nearest.max(0.0) + self.reach {
                continue;
            }
            let distance = part.distance(p);
            // Raised to the box's distance, so that skipping or not makes no difference.
            let distance = if boxed > 0.0 { distance.max(boxed) } else { distance };
            nearest = smooth_min(nearest, distance, self.reach);
        }
        nearest
    }

    fn bounds(&self) -> Aabb<Patient> {
        let all = self.parts.iter().filter(|(b, _)| !b.is_empty());
        let all = all.fold(Aabb::EMPTY, |sum, (b, _)| sum.with(b.min).with(b.max));
        if all.is_empty() {
            return all;
        }
        // Each further part lowers the field by a quarter of the reach, until it is lower by all of it.
        let quarters = (self.parts.len() - 1).min(4) as f64;
        grown_box(&all, self.reach * quarters / 4.0)
    }
}

/// The smaller of both, rounded off by a parabola where they differ by less than `reach`.
///
/// Its slope is a mean of both slopes, so it stays a distance bound.
fn smooth_min(a: f64, b: f64, reach: f64) -> f64 {
    if !a.is_finite() || reach <= 0.0 {
        return a.min(b);
    }
    let near = (reach - (a - b).abs()).max(0.0) / reach;
    a.min(b) - near * near * reach / 4.0
}

struct Within(Form, Form);

impl Shape for Within {
    fn distance(&self, p: Point<Patient>) -> f64 {
        self.0.distance(p).max(self.1.distance(p))
    }

    fn bounds(&self) -> Aabb<Patient> {
        let (a, b) = (self.0.bounds(), self.1.bounds());
        Aabb {
            min: Point::from_vec(a.min.vec().max(b.min.vec())),
            max: Point::from_vec(a.max.vec().min(b.max.vec())),
        }
    }
}

pub(super) fn within(a: Form, b: Form) -> Form {
    Form::new(Within(a, b))
}

struct Without(Form, Form);

impl Shape for Without {
    fn distance(&self, p: Point<Patient>) -> f64 {
        self.0.distance(p).max(-self.1.distance(p))
    }

    fn bounds(&self) -> Aabb<Patient> {
        self.0.bounds()
    }
}

pub(super) fn without(a: Form, b: Form) -> Form {
    Form::new(Without(a, b))
}

struct Grown(Form, f64);

impl Shape for Grown {
    fn distance(&self, p: Point<Patient>) -> f64 {
        self.0.distance(p) - self.1
    }

    fn bounds(&self) -> Aabb<Patient> {
        grown_box(&self.0.bounds(), self.1)
    }
}

pub(super) fn grow(shape: Form, by: f64) -> Form {
    Form::new(Grown(shape, by))
}

struct Moved {
    shape: Form,
    there: Motion,
    back: Motion,
}

impl Shape for Moved {
    fn distance(&self, p: Point<Patient>) -> f64 {
        self.shape.distance(self.back.point(p))
    }

    fn bounds(&self) -> Aabb<Patient> {
        self.there.bounds(&self.shape.bounds())
    }

    fn volume(&self) -> Option<f64> {
        self.shape.volume()
    }
}

pub(super) fn moved(shape: Form, motion: &Motion) -> Form {
    Form::new(Moved { shape, there: *motion, back: motion.inverse() })
}

#[cfg(test)]
mod tests {
    use super::super::{Ball, Capsule, Cuboid, Drum, Wave};
    use super::*;
    use osteon_core::{Direction, Plane, Vector};
    use proptest::prelude::*;

    fn at(x: f64, y: f64, z: f64) -> Point<Patient> {
        Point::new(x, y, z)
    }

    fn assortment() -> Form {
        let plane =
            Plane { point: at(3.0, 0.0, 0.0), normal: Direction::new(DVec3::new(1.0, 2.0, 0.5)).unwrap() };
        let turn = Motion::turn(at(1.0, 2.0, 3.0), Direction::from_vec(DVec3::Y), 0.6);
        let drum = Drum { half: glam::DVec2::new(12.0, 8.0), half_height: 9.0, waist: 2.0, waist_reach: 9.0 };
        let rod = Capsule { from: at(-4.0, 1.0, 0.0), to: at(20.0, 8.0, 12.0), radii: [5.0, 3.0] };
        let block = Cuboid { half: DVec3::new(5.0, 12.0, 4.0), rounding: 1.5 };
        let wave = Wave { amplitude: 2.0, wavelength: 9.0 };
        drum.blended(rod, 3.0)
            .joined(block.moved(&Motion::shift(Vector::new(0.0, 9.0, 0.0))))
            .without(Ball { middle: at(0.0, 0.0, 8.0), radius: 5.0 })
            .moved(&turn)
            .within(wave.moved(&Motion::mirror(&plane)).grown(15.0))
            .shell(2.0)
    }

    proptest! {
        #[test]
        fn no_shape_changes_faster_than_its_place(
            a in prop::array::uniform3(-30.0..30.0_f64), step in prop::array::uniform3(-3.0..3.0_f64)
        ) {
            let (p, q) = (DVec3::from(a), DVec3::from(a) + DVec3::from(step));
            let shape = assortment();
            let change = shape.distance(Point::from_vec(p)) - shape.distance(Point::from_vec(q));
            prop_assert!(change.abs() <= p.distance(q) + 1e-6);
        }

        #[test]
        fn nothing_of_a_shape_is_outside_its_box(a in prop::array::uniform3(-40.0..40.0_f64)) {
            let shape = assortment();
            let p = Point::from_vec(DVec3::from(a));
            let inside = shape.bounds().contains(&Aabb { min: p, max: p });
            prop_assert!(inside || shape.distance(p) > 0.0);
        }

        #[test]
        fn a_moved_shape_is_met_where_it_went(
            a in prop::array::uniform3(-30.0..30.0_f64), angle in -3.0..3.0_f64
        ) {
            let axis = Direction::new(DVec3::new(0.3, -1.0, 0.8)).unwrap();
            let plane = Plane { point: at(5.0, 6.0, 7.0), normal: axis };
            let motion = Motion::turn(at(9.0, -3.0, 50.0), axis, angle).then(&Motion::mirror(&plane));
            let p = Point::from_vec(DVec3::from(a));
            let difference = assortment().moved(&motion).distance(motion.point(p)) - assortment().distance(p);
            prop_assert!(difference.abs() < 1e-6);
        }
    }

    #[test]
    fn a_shell_has_its_wall() {
        let shell = Ball { middle: at(1.0, 2.0, 3.0), radius: 20.0 }.shell(3.0);
        for (r, expected) in [(0.0, 17.0), (16.0, 1.0), (18.0, -1.0), (19.5, -0.5), (22.0, 2.0)] {
            assert!((shell.distance(at(1.0 + r, 2.0, 3.0)) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_fillet_fills_the_inner_edge_and_nothing_far_from_it() {
        let floor = Cuboid::sharp(DVec3::new(20.0, 20.0, 2.0));
        let post = Capsule::rod(at(0.0, 0.0, 0.0), at(0.0, 0.0, 30.0), 5.0);
        let sharp = floor.joined(post);
        let filled = floor.blended(post, 4.0);
        assert!(sharp.distance(at(5.3, 0.0, 2.3)) > 0.0 && filled.distance(at(5.3, 0.0, 2.3)) < 0.0);
        for far in [at(15.0, 0.0, 2.2), at(5.2, 0.0, 20.0)] {
            assert_eq!(sharp.distance(far), filled.distance(far));
        }
    }
}
