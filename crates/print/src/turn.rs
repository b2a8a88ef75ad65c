//! How a part is turned before it lies on the bed.
//!
//! A turn is a rotation: it keeps left and right. It is said by one direction, which side of the part is *up*; what
//! is left, the spin around it, is chosen so that the patient's axes stay as near to the bed's as they can.

use glam::{DMat3, DVec3};
use osteon_core::{Direction, Patient};

/// A rotation from the patient frame to the bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    rotation: DMat3,
    up: Direction<Patient>,
}

impl Turn {
    /// The patient's +z, to the head, is up: the part stands as it does in the patient, not turned at all.
    pub fn standing() -> Self {
        Self::with_up(Direction::from_vec(DVec3::Z))
    }

    /// This direction of the part is up.
    ///
    /// The rotation is the smallest that brings `up` to the bed's +z. Half a turn has no single axis; it is made
    /// about the patient's x.
    pub fn with_up(up: Direction<Patient>) -> Self {
        let DVec3 { x, y, z } = up.vec();
        if x == 0.0 && y == 0.0 {
            let half = DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0));
            return Self { rotation: if z > 0.0 { DMat3::IDENTITY } else { half }, up };
        }
        // Rodrigues' formula about up × z, without a trigonometric function; near −z the sum loses no digits because
        // 1 + z is taken from x and y there.
        let rest = if z > -0.5 { 1.0 / (1.0 + z) } else { (1.0 - z) / (x * x + y * y) };
        let rows = [
            DVec3::new(1.0 - x * x * rest, -x * y * rest, -x),
            DVec3::new(-x * y * rest, 1.0 - y * y * rest, -y),
            DVec3::new(x, y, z),
        ];
        Self { rotation: DMat3::from_cols(rows[0], rows[1], rows[2]).transpose(), up }
    }

    /// The rotation: its rows are the bed's axes in the patient frame.
    pub const fn rotation(&self) -> DMat3 {
        self.rotation
    }

    /// What is up, in the patient frame.
    pub const fn up(&self) -> Direction<Patient> {
        self.up
    }

    /// True where nothing is turned.
    pub fn is_standing(&self) -> bool {
        self.rotation == DMat3::IDENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn standing_turns_nothing_and_the_head_down_turns_half() {
        assert!(Turn::standing().is_standing());
        let down = Turn::with_up(Direction::new(-DVec3::Z).unwrap());
        assert_eq!(down.rotation() * DVec3::new(1.0, 2.0, 3.0), DVec3::new(1.0, -2.0, -3.0));
    }

    proptest! {
        #[test]
        fn a_turn_is_a_rotation_that_brings_up_to_the_beds_up(
            x in -1.0..1.0f64, y in -1.0..1.0f64, z in -1.0..1.0f64, tiny in prop::bool::ANY,
        ) {
            let near = if tiny { DVec3::new(x * 1e-7, y * 1e-7, -1.0) } else { DVec3::new(x, y, z) };
            let up = Direction::new(near);
            prop_assume!(up.is_some());
            let up = up.unwrap();
            let turn = Turn::with_up(up).rotation();
            prop_assert!((turn * up.vec() - DVec3::Z).length() < 1e-12);
            prop_assert!((turn * turn.transpose() - DMat3::IDENTITY).to_cols_array().iter().all(|e| e.abs() < 1e-12));
            prop_assert!((turn.determinant() - 1.0).abs() < 1e-12);
        }
    }
}
