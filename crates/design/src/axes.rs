//! The patient's directions, and the six faces of a model they define.

use crate::error::DesignError;
use glam::DVec3;
use osteon_core::{Direction, Patient, Point};
use osteon_mesh::depth_map::View;

/// How far from a right angle axes may be (cosine): about 0.06°, well above the rounding of direction tags.
const SQUARE: f64 = 1e-3;

/// The patient's left, back and head as directions of the frame the model is in.
///
/// For a model where the patient lay these are the axes of that frame; for one that was turned they are
/// turned along, so that the marks stay true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axes {
    left: DVec3,
    back: DVec3,
    head: DVec3,
}

impl Axes {
    /// The axes of the patient frame itself: +x left, +y back, +z head.
    pub const PATIENT: Self = Self { left: DVec3::X, back: DVec3::Y, head: DVec3::Z };

    /// The axes of these directions, which must be at right angles and right-handed. A left-handed
    /// triple would mean a mirrored patient, on whom left and right are not defined.
    pub fn new(
        left: Direction<Patient>,
        back: Direction<Patient>,
        head: Direction<Patient>,
    ) -> Result<Self, DesignError> {
        let [left, back, head] = [left.vec(), back.vec(), head.vec()];
        let cosine = left.dot(back).abs().max(back.dot(head).abs()).max(head.dot(left).abs());
        let hand = left.cross(back).dot(head);
        if cosine < SQUARE && hand > 0.0 {
            Ok(Self { left, back, head })
        } else {
            Err(DesignError::Axes { cosine, hand })
        }
    }

    /// How one looks at a face: the patient's head is up; on the head and feet faces the front is up.
    pub fn view(&self, face: Face) -> Option<View> {
        let toward = match face {
            Face::Front => -self.back,
            Face::Back => self.back,
            Face::Left => self.left,
            Face::Right => -self.left,
            Face::Head => self.head,
            Face::Feet => -self.head,
        };
        let up = match face {
            Face::Head | Face::Feet => -self.back,
            _ => self.head,
        };
        View::new(Point::new(0.0, 0.0, 0.0), Direction::new(toward)?, Direction::new(up)?)
    }

    /// The letter of the patient's direction nearest to `direction`: L, R, A (front), P (back), H or F.
    pub fn letter(&self, direction: Direction<Patient>) -> char {
        let [left, back, head] = [self.left, self.back, self.head].map(|axis| axis.dot(direction.vec()));
        let pick = |along: f64, positive: char, negative: char| if along > 0.0 { positive } else { negative };
        if left.abs() >= back.abs().max(head.abs()) {
            pick(left, 'L', 'R')
        } else if back.abs() >= head.abs() {
            pick(back, 'P', 'A')
        } else {
            pick(head, 'H', 'F')
        }
    }
}

/// A side of the patient from which a model can be looked at; the order is that of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Face {
    /// Seen from in front.
    Front,
    /// Seen from behind.
    Back,
    /// Seen from the patient's left.
    Left,
    /// Seen from the patient's right.
    Right,
    /// Seen from above the head.
    Head,
    /// Seen from below the feet.
    Feet,
}

impl Face {
    /// The four sides, most preferred first.
    pub const SIDES: [Self; 4] = [Face::Front, Face::Back, Face::Left, Face::Right];

    /// The two ends, where a bone meets others.
    pub const ENDS: [Self; 2] = [Face::Head, Face::Feet];

    /// The face in words.
    pub const fn name(self) -> &'static str {
        match self {
            Face::Front => "front",
            Face::Back => "back",
            Face::Left => "left",
            Face::Right => "right",
            Face::Head => "head",
            Face::Feet => "feet",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_face_has_the_letters_a_viewer_expects() {
        // Left end, right end and top of the label, as read.
        let expected = ["RLH", "LRH", "APH", "PAH", "LRA", "RLA"];
        for (face, expected) in Face::SIDES.into_iter().chain(Face::ENDS).zip(expected) {
            let view = Axes::PATIENT.view(face).unwrap();
            let left = Direction::new(-view.right.vec()).unwrap();
            let letters: String =
                [left, view.right, view.up].map(|d| Axes::PATIENT.letter(d)).iter().collect();
            assert_eq!(letters, expected, "{face:?}");
        }
    }

    #[test]
    fn a_left_handed_or_skewed_patient_is_refused() {
        let d = |x, y, z| Direction::new(DVec3::new(x, y, z)).unwrap();
        let mirrored = Axes::new(d(-1.0, 0.0, 0.0), d(0.0, 1.0, 0.0), d(0.0, 0.0, 1.0));
        assert!(matches!(mirrored, Err(DesignError::Axes { hand, .. }) if hand == -1.0));
        assert!(Axes::new(d(1.0, 0.1, 0.0), d(0.0, 1.0, 0.0), d(0.0, 0.0, 1.0)).is_err());
        let turned = Axes::new(d(0.0, 1.0, 0.0), d(-1.0, 0.0, 0.0), d(0.0, 0.0, 1.0)).unwrap();
        assert_eq!(turned.letter(d(0.0, 1.0, 0.0)), 'L');
    }
}
