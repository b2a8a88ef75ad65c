//! Analytic solids as signed distances.
//!
//! A [`Shape`] is negative inside, positive outside, and never changes faster than one millimetre a
//! millimetre. So its absolute value never exceeds the true distance to the surface: a ball of that radius
//! around the place holds no surface, which is what lets the scanner and [`volume`] skip whole blocks.
//! The simple solids give the exact distance everywhere; what each combination keeps is written with it.
//!
//! 1. [`Ball`], [`Capsule`], [`Ellipsoid`], [`Torus`]: round
//! 2. [`Cuboid`], [`Cylinder`], [`Cone`], [`HalfSpace`], [`Wave`]: with edges, or without end
//! 3. [`Drum`]: an elliptic cylinder with waisted sides
//! 4. [`Form`]: shapes joined, blended, cut, grown, hollowed, moved
//! 5. [`volume`], [`centroid`], [`mask`]: counted, where there is no formula

mod combine;
mod count;
mod drum;
mod edged;
mod round;

pub use combine::Form;
pub(crate) use count::share;
pub use count::{centroid, mask, volume};
pub use drum::Drum;
pub use edged::{Cone, Cuboid, Cylinder, HalfSpace, Wave};
pub use round::{Ball, Capsule, Ellipsoid, Torus};

use crate::motion::Motion;
use osteon_core::{Aabb, Patient, Point};

/// A solid in the patient, known by its signed distance.
pub trait Shape: Send + Sync {
    /// Signed distance in mm from a place to the surface, negative inside.
    ///
    /// The sign is exact; the amount never exceeds the true distance and grows at most 1 mm per mm.
    fn distance(&self, p: Point<Patient>) -> f64;

    /// A box that holds the whole shape; infinite where the shape has no end.
    fn bounds(&self) -> Aabb<Patient>;

    /// Volume in mm³ where there is a formula for it; [`volume`] counts it where there is none.
    fn volume(&self) -> Option<f64> {
        None
    }

    /// The shape as one of many, to be combined.
    fn form(self) -> Form
    where
        Self: Sized + 'static,
    {
        Form::new(self)
    }

    /// Everything inside this shape or the other. Exact outside, a bound inside where they overlap.
    fn joined(self, other: impl Shape + 'static) -> Form
    where
        Self: Sized + 'static,
    {
        Form::all([self.form(), other.form()])
    }

    /// Like [`joined`](Shape::joined), with the inner edge filled by a fillet.
    ///
    /// `reach` in mm: only places whose distances to both differ by less than that are changed, and no
    /// surface moves out by more than a quarter of it.
    fn blended(self, other: impl Shape + 'static, reach: f64) -> Form
    where
        Self: Sized + 'static,
    {
        Form::all_blended([self.form(), other.form()], reach)
    }

    /// What is inside both shapes. Exact inside, a bound outside past the edges.
    fn within(self, other: impl Shape + 'static) -> Form
    where
        Self: Sized + 'static,
    {
        combine::within(self.form(), other.form())
    }

    /// What is inside this shape and not inside the other. Exact inside, a bound outside past the edges.
    fn without(self, other: impl Shape + 'static) -> Form
    where
        Self: Sized + 'static,
    {
        combine::without(self.form(), other.form())
    }

    /// The shape with its surface moved outward by `by` mm; inward when negative.
    ///
    /// The wall between both surfaces is `by` thick wherever this shape's distance is exact; at the inner
    /// edges of joined shapes it comes out thicker.
    fn grown(self, by: f64) -> Form
    where
        Self: Sized + 'static,
    {
        combine::grow(self.form(), by)
    }

    /// The outermost `wall` mm of the shape.
    fn shell(self, wall: f64) -> Form
    where
        Self: Sized + 'static,
    {
        let outer = self.form();
        outer.clone().without(outer.grown(-wall))
    }

    /// The shape moved or mirrored.
    fn moved(self, motion: &Motion) -> Form
    where
        Self: Sized + 'static,
    {
        combine::moved(self.form(), motion)
    }
}
