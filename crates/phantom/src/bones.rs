//! Bones that know their own landmarks.
//!
//! Each is made in its own standard place (named with it) and moved or mirrored as a whole, truth included.
//!
//! 1. [`Bone`]: cortex and core, shared by all
//! 2. [`vertebra`], [`segment`]: spine
//! 3. [`femur`], [`calcaneus`]: lower limb

pub mod calcaneus;
pub mod femur;
pub mod segment;
pub mod vertebra;

pub use calcaneus::{Calcaneus, CalcaneusSizes};
pub use femur::{Femur, FemurSizes};
pub use segment::{MotionSegment, SegmentSizes};
pub use vertebra::{EllipticTube, Pedicle, Vertebra, VertebraSizes};

use crate::motion::Motion;
use crate::phantom::{Phantom, hu};
use crate::shape::{Form, Shape};
use glam::DVec3;
use osteon_core::{Direction, Patient, Point};

/// A bone: what its cortex encloses, and what is inside the cortex.
#[derive(Clone, Debug)]
pub struct Bone {
    /// Everything up to the outer surface: the truth for a model of the bone.
    pub outer: Form,
    /// Cancellous bone inside the cortex.
    pub core: Form,
    /// Fat inside the cortex or the cancellous bone, where there is any.
    pub marrow: Option<Form>,
}

impl Bone {
    /// A bone with a cortex of the same thickness in mm everywhere.
    pub fn walled(outer: Form, wall: f64) -> Self {
        Self { core: outer.clone().grown(-wall), outer, marrow: None }
    }

    /// The bone moved or mirrored.
    #[must_use]
    pub fn moved(&self, motion: &Motion) -> Self {
        self.each(|form| form.moved(motion))
    }

    /// The bone with each of its shapes changed in the same way.
    #[must_use]
    pub(crate) fn each(&self, change: impl Fn(Form) -> Form) -> Self {
        Self {
            outer: change(self.outer.clone()),
            core: change(self.core.clone()),
            marrow: self.marrow.clone().map(&change),
        }
    }

    /// Adds the bone to a phantom as `cortex`, `cancellous` and `marrow`, each with the suffix.
    pub fn paint(&self, phantom: Phantom, suffix: &str) -> Phantom {
        let phantom = phantom.with(&format!("cortex{suffix}"), self.outer.clone(), hu::CORTEX).with(
            &format!("cancellous{suffix}"),
            self.core.clone(),
            hu::CANCELLOUS,
        );
        match &self.marrow {
            Some(marrow) => phantom.with(&format!("marrow{suffix}"), marrow.clone(), hu::FAT),
            None => phantom,
        }
    }
}

/// A place by its coordinates.
pub(crate) const fn at(x: f64, y: f64, z: f64) -> Point<Patient> {
    Point::new(x, y, z)
}

/// The direction of a vector that has one by construction.
pub(crate) fn toward(v: DVec3) -> Direction<Patient> {
    Direction::from_vec(v / v.length())
}

/// Degrees to radians.
pub(crate) const fn radians(degrees: f64) -> f64 {
    degrees * std::f64::consts::PI / 180.0
}

#[cfg(test)]
pub(crate) mod probe {
    //! Measures shapes along rays, for tests.

    use super::*;

    /// Distance along `way` from `from` (inside) to the first place outside, to 1e-9 mm.
    pub(crate) fn exit(shape: &dyn Shape, from: Point<Patient>, way: Direction<Patient>) -> f64 {
        let (mut far, step) = (0.0, 0.05);
        while shape.distance(from + way.times(far)) < 0.0 {
            far += step;
            assert!(far < 500.0, "the ray never leaves the shape");
        }
        let (mut low, mut high) = (far - step, far);
        while high - low > 1e-9 {
            let middle = 0.5 * (low + high);
            if shape.distance(from + way.times(middle)) < 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}
