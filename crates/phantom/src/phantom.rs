//! What is where: materials painted one over the other.

use crate::motion::Motion;
use crate::shape::{Cylinder, Form, HalfSpace, Shape};
use glam::DVec3;
use osteon_core::{Aabb, Direction, Patient, Plane, Point, Vector};

/// Radiodensities in HU of the materials used by the ready-made phantoms.
///
/// Round numbers within the usual ranges of a 120 kV scan; not from one source.
pub mod hu {
    /// Air.
    pub const AIR: f64 = -1000.0;
    /// Fat, as in the shaft's canal.
    pub const FAT: f64 = -80.0;
    /// Muscle and other soft tissue.
    pub const SOFT: f64 = 50.0;
    /// Intervertebral disc.
    pub const DISC: f64 = 90.0;
    /// Cancellous bone.
    pub const CANCELLOUS: f64 = 250.0;
    /// Cortical bone.
    pub const CORTEX: f64 = 1200.0;
    /// The carbon shell of a scanner's table.
    pub const TABLE: f64 = -150.0;
}

/// A shape filled with one material.
#[derive(Clone, Debug)]
pub struct Material {
    /// Name in kebab-case, such as `cortex`.
    pub name: String,
    /// Where it is.
    pub shape: Form,
    /// Its radiodensity in HU.
    pub hu: f64,
}

/// Everything a scan can see. Later materials lie over earlier ones; air is where there are none.
#[derive(Clone, Debug)]
pub struct Phantom {
    /// The materials, lowest first.
    pub materials: Vec<Material>,
    /// What a scan of the phantom should show, in the patient.
    pub view: Aabb<Patient>,
}

impl Phantom {
    /// Air, with a box that a scan should show.
    pub const fn air(view: Aabb<Patient>) -> Self {
        Self { materials: Vec::new(), view }
    }

    /// Adds a material over all earlier ones.
    #[must_use]
    pub fn with(mut self, name: &str, shape: impl Shape + 'static, hu: f64) -> Self {
        self.materials.push(Material { name: name.to_owned(), shape: shape.form(), hu });
        self
    }

    /// Adds a material under all earlier ones.
    #[must_use]
    pub fn under(mut self, name: &str, shape: impl Shape + 'static, hu: f64) -> Self {
        self.materials.insert(0, Material { name: name.to_owned(), shape: shape.form(), hu });
        self
    }

    /// Adds a scanner's table behind the patient: a shell 3 mm thick, curved with a radius of 220 mm about the
    /// patient's long axis, its deepest line `gap` mm behind `back` (LPS y in mm). It runs through every slice.
    #[must_use]
    pub fn on_table(self, back: f64, gap: f64) -> Self {
        const RADIUS: f64 = 220.0;
        const WALL: f64 = 3.0;
        let middle = self.view.middle().vec();
        let y = back + gap - RADIUS;
        // Long enough to leave every field of view; the flat ends are never seen.
        let half = self.view.size().z + 500.0;
        let axis = |z: f64, radius: f64| Cylinder {
            from: Point::new(middle.x, y, middle.z - z),
            to: Point::new(middle.x, y, middle.z + z),
            radius,
        };
        let low = Plane {
            point: Point::new(middle.x, y + 0.8 * RADIUS, middle.z),
            normal: Direction::from_vec(DVec3::NEG_Y),
        };
        let table =
            axis(half, RADIUS + WALL).without(axis(half + 10.0, RADIUS)).within(HalfSpace { plane: low });
        self.under("table", table, hu::TABLE)
    }

    /// The radiodensity in HU at a place, sharp at every surface.
    pub fn hu(&self, p: Point<Patient>) -> f64 {
        let top = self.materials.iter().rev().find(|m| m.shape.distance(p) < 0.0);
        top.map_or(hu::AIR, |m| m.hu)
    }

    /// The shape of the material with this name; the topmost, if several share it.
    pub fn shape(&self, name: &str) -> Option<&Form> {
        self.materials.iter().rev().find(|m| m.name == name).map(|m| &m.shape)
    }

    /// The phantom moved or mirrored, its view with it.
    #[must_use]
    pub fn moved(&self, motion: &Motion) -> Self {
        let moved = |m: &Material| Material { shape: m.shape.clone().moved(motion), ..m.clone() };
        Self { materials: self.materials.iter().map(moved).collect(), view: motion.bounds(&self.view) }
    }
}

/// The box around another, `by` mm wider on every side.
pub(crate) fn wider(b: &Aabb<Patient>, by: f64) -> Aabb<Patient> {
    let by = Vector::from_vec(DVec3::splat(by));
    Aabb { min: b.min + Vector::from_vec(-by.vec()), max: b.max + by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Ball;

    #[test]
    fn what_was_added_last_lies_on_top_and_the_table_lies_under_all() {
        let ball = |radius| Ball { middle: Point::new(0.0, 0.0, 0.0), radius };
        let phantom = Phantom::air(ball(30.0).bounds())
            .with("soft", ball(30.0), hu::SOFT)
            .with("bone", ball(10.0), hu::CORTEX)
            .on_table(30.0, 5.0);
        for (y, expected) in [
            (0.0, hu::CORTEX),
            (20.0, hu::SOFT),
            (32.0, hu::AIR),
            (36.5, hu::TABLE),
            (39.0, hu::AIR),
            (-36.5, hu::AIR),
        ] {
            assert_eq!(phantom.hu(Point::new(0.0, y, 0.0)), expected, "at y = {y}");
        }
        assert!(phantom.shape("table").is_some() && phantom.shape("disc").is_none());
    }
}
