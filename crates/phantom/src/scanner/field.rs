//! Where the scanner samples.

use super::{ScanError, Zero, measure};
use crate::motion::Motion;
use crate::phantom::wider;
use glam::{DMat3, DVec3};
use osteon_core::{Aabb, Affine, Deg, Grid, Patient, Vector};

/// Where the scanner samples: spacing, gantry, orientation.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Distance in mm between the voxels of a row and between the rows.
    pub in_plane: f64,
    /// Distance in mm the table moves from slice to slice. With a tilted gantry the slices' planes are closer
    /// than that, by the cosine of the tilt.
    pub between: f64,
    /// How much wider than the box to be seen the field is, in mm on every side.
    pub margin: f64,
    /// Tilt of the gantry: the slices' back edges are higher than their front edges by this angle.
    pub tilt: Deg,
    /// How patient and scanner are turned against each other; none for a patient on the back, head first.
    pub turn: Motion,
}

/// More voxels than this do not make a scan: four times the largest in use, 1024² × 500.
const MOST: f64 = 2.0e9;

impl Field {
    /// Axial slices: rows to the patient's left, columns to the back, slices to the head.
    pub fn axial(in_plane: f64, between: f64, margin: f64) -> Self {
        let turn = Motion::shift(Vector::new(0.0, 0.0, 0.0));
        Self { in_plane, between, margin, tilt: Deg(0.0), turn }
    }

    /// The same with a tilted gantry.
    #[must_use]
    pub const fn tilted(mut self, tilt: Deg) -> Self {
        self.tilt = tilt;
        self
    }

    /// The smallest grid that holds a box and the margin around it, the box in its middle.
    ///
    /// # Errors
    /// [`ScanError::Number`] for a spacing that is none or a tilt of 60° or more, [`ScanError::TooLarge`] for a
    /// box without end.
    pub fn grid(&self, around: &Aabb<Patient>) -> Result<Grid, ScanError> {
        measure("spacing in mm", self.in_plane, Zero::Refused)?;
        measure("spacing of the slices in mm", self.between, Zero::Refused)?;
        measure("margin in mm", self.margin, Zero::Allowed)?;
        let tilt = self.tilt.value();
        if tilt.abs() >= 60.0 || tilt.is_nan() {
            return Err(ScanError::Number { what: "tilt of a gantry in degrees", value: tilt });
        }
        let (sin, cos) = libm::sincos(self.tilt.to_radians());
        let scanner = DMat3::from_cols(
            DVec3::X * self.in_plane,
            DVec3::new(0.0, cos, sin) * self.in_plane,
            DVec3::Z * self.between,
        );
        let linear = self.turn.affine().linear * scanner;
        let to_index = linear.inverse();
        let wide = wider(around, self.margin);
        let middle = wide.middle().vec();
        // Half the box's extent along each axis of the grid.
        let half = wide.size() / 2.0;
        let reach = [0, 1, 2].map(|axis| (to_index.row(axis) * half).abs().element_sum());
        let counts = reach.map(|r| (2.0 * r).ceil() + 1.0);
        let voxels: f64 = counts.iter().product();
        if voxels > MOST || voxels.is_nan() {
            return Err(ScanError::TooLarge(counts));
        }
        let first = middle - linear * (DVec3::from(counts) - 1.0) / 2.0;
        Ok(Grid::new(counts.map(|n| n as usize), Affine::new(linear, first))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::{Direction, Point};

    fn seen() -> Aabb<Patient> {
        Aabb::around([Point::new(-20.0, -10.0, 100.0), Point::new(20.0, 30.0, 130.0)])
    }

    #[test]
    fn a_field_holds_the_box_and_its_margin() {
        let axis = Direction::new(DVec3::new(1.0, 2.0, -0.5)).unwrap();
        let turned = Field { turn: Motion::turn(seen().middle(), axis, 0.8), ..Field::axial(0.7, 1.25, 5.0) };
        for field in [Field::axial(0.7, 1.25, 5.0), Field::axial(0.5, 2.0, 0.0).tilted(Deg(18.5)), turned] {
            let grid = field.grid(&seen()).unwrap();
            let [nx, ny, nz] = grid.dims().map(|n| (n - 1) as f64);
            let wide = wider(&seen(), field.margin);
            for c in 0..8 {
                let pick = |axis: usize| {
                    if c >> axis & 1 == 1 { wide.max.vec()[axis] } else { wide.min.vec()[axis] }
                };
                let corner = grid.to_voxel().point(Point::new(pick(0), pick(1), pick(2))).vec();
                assert!(corner.cmpge(DVec3::splat(-1e-9)).all(), "{corner}");
                assert!(corner.cmple(DVec3::new(nx, ny, nz) + 1e-9).all(), "{corner}");
            }
            assert!(grid.bounds().middle().distance(seen().middle()) < 1e-9);
        }
    }

    #[test]
    fn a_tilted_gantry_shears_the_grid_and_keeps_the_spacing() {
        let grid = Field::axial(0.7, 1.25, 0.0).tilted(Deg(16.5)).grid(&seen()).unwrap();
        assert!(grid.is_sheared());
        assert!((grid.spacing() - DVec3::new(0.7, 0.7, 1.25)).length() < 1e-12);
        let rise = grid.place(0, 1, 0) - grid.place(0, 0, 0);
        assert!((libm::atan2(rise.vec().z, rise.vec().y) - Deg(16.5).to_radians()).abs() < 1e-9);
    }

    #[test]
    fn numbers_that_make_no_field_are_refused() {
        for field in
            [Field::axial(0.0, 1.0, 1.0), Field::axial(0.7, f64::NAN, 1.0), Field::axial(0.7, 1.0, -1.0)]
        {
            assert!(matches!(field.grid(&seen()), Err(ScanError::Number { .. })));
        }
        assert!(matches!(
            Field::axial(0.7, 1.0, 0.0).tilted(Deg(75.0)).grid(&seen()),
            Err(ScanError::Number { .. })
        ));
        let endless = crate::motion::EVERYWHERE;
        assert!(matches!(Field::axial(0.7, 1.0, 0.0).grid(&endless), Err(ScanError::TooLarge(_))));
    }
}
