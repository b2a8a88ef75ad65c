//! Where voxels are in the patient.

use crate::frame::{Affine, Patient, Point, Voxel};
use crate::geometry::Aabb;
use glam::{DMat3, DVec3};

/// A regular grid of voxels placed in the patient.
///
/// Index order: x fastest, then y, then z. `to_patient` takes a continuous index to LPS millimetres and
/// is always invertible. Its columns need not be orthogonal: a CT taken with a tilted gantry is a sheared
/// grid, and is kept as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    dims: [usize; 3],
    to_patient: Affine<Voxel, Patient>,
    to_voxel: Affine<Patient, Voxel>,
}

/// Why numbers do not make a grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// One of the dimensions is zero, or their product overflows.
    #[error("a grid of {0:?} voxels has no samples or too many to count")]
    Dims([usize; 3]),
    /// The map flattens space or is not finite.
    #[error("the voxel-to-patient map is flat or not finite")]
    Flat,
}

/// How far two axes may be from a right angle before a grid counts as sheared (cosine of the angle).
///
/// Orientation tags carry about six digits, so right angles come out within 1e-5; 0.1° is 1.7e-3.
const SQUARE: f64 = 1e-4;

impl Grid {
    /// A grid of `dims` voxels placed by `to_patient`.
    pub fn new(dims: [usize; 3], to_patient: Affine<Voxel, Patient>) -> Result<Self, GridError> {
        let count = dims.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if count.is_none_or(|n| n == 0) {
            return Err(GridError::Dims(dims));
        }
        let to_voxel = to_patient.inverse().ok_or(GridError::Flat)?;
        Ok(Self { dims, to_patient, to_voxel })
    }

    /// A grid along the patient's axes: voxel (0, 0, 0) sits at `origin`, spacing in mm.
    pub fn upright(dims: [usize; 3], origin: Point<Patient>, spacing: DVec3) -> Result<Self, GridError> {
        Self::new(dims, Affine::new(DMat3::from_diagonal(spacing), origin.vec()))
    }

    /// Numbers of voxels along x, y and z.
    pub const fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// The map from continuous voxel index to patient millimetres.
    pub const fn to_patient(&self) -> &Affine<Voxel, Patient> {
        &self.to_patient
    }

    /// The map from patient millimetres to continuous voxel index.
    pub const fn to_voxel(&self) -> &Affine<Patient, Voxel> {
        &self.to_voxel
    }

    /// Number of voxels.
    pub const fn count(&self) -> usize {
        self.dims[0] * self.dims[1] * self.dims[2]
    }

    /// Position of voxel `(x, y, z)` in a flat list of samples.
    pub const fn index(&self, x: usize, y: usize, z: usize) -> usize {
        (z * self.dims[1] + y) * self.dims[0] + x
    }

    /// Where the middle of voxel `(x, y, z)` is in the patient.
    pub fn place(&self, x: usize, y: usize, z: usize) -> Point<Patient> {
        self.to_patient.point(Point::new(x as f64, y as f64, z as f64))
    }

    /// Steps in mm from a voxel to its neighbour along x, y and z.
    pub fn spacing(&self) -> DVec3 {
        let m = &self.to_patient.linear;
        DVec3::new(m.x_axis.length(), m.y_axis.length(), m.z_axis.length())
    }

    /// Volume of one voxel in mm³.
    pub fn voxel_volume(&self) -> f64 {
        self.to_patient.linear.determinant().abs()
    }

    /// True when the axes are not at right angles, as with a tilted gantry.
    pub fn is_sheared(&self) -> bool {
        let m = &self.to_patient.linear;
        let s = self.spacing();
        let cosine = |a: DVec3, b: DVec3, la: f64, lb: f64| (a.dot(b) / (la * lb)).abs();
        cosine(m.x_axis, m.y_axis, s.x, s.y) > SQUARE
            || cosine(m.y_axis, m.z_axis, s.y, s.z) > SQUARE
            || cosine(m.z_axis, m.x_axis, s.z, s.x) > SQUARE
    }

    /// The box around the middles of all voxels.
    pub fn bounds(&self) -> Aabb<Patient> {
        let [nx, ny, nz] = self.dims.map(|n| n - 1);
        let corners = (0..8).map(|c| self.place(nx * (c & 1), ny * (c >> 1 & 1), nz * (c >> 2)));
        Aabb::around(corners)
    }

    /// The grid of the voxels `from..to` of this one, at the same places.
    pub fn crop(&self, from: [usize; 3], to: [usize; 3]) -> Result<Self, GridError> {
        let dims = [0, 1, 2].map(|a| to[a].min(self.dims[a]).saturating_sub(from[a]));
        let origin = self.place(from[0], from[1], from[2]);
        Self::new(dims, Affine::new(self.to_patient.linear, origin.vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_keeps_every_voxel_where_it_was() {
        let grid =
            Grid::upright([10, 20, 30], Point::new(-5.0, 7.0, 100.0), DVec3::new(0.7, 0.8, 1.5)).unwrap();
        let crop = grid.crop([2, 3, 4], [9, 99, 20]).unwrap();
        assert_eq!(crop.dims(), [7, 17, 16]);
        assert!(crop.place(1, 1, 1).distance(grid.place(3, 4, 5)) < 1e-12);
    }

    #[test]
    fn a_grid_without_voxels_or_volume_is_refused() {
        let at = Point::new(0.0, 0.0, 0.0);
        assert!(matches!(Grid::upright([0, 4, 4], at, DVec3::ONE), Err(GridError::Dims(_))));
        assert!(matches!(Grid::upright([usize::MAX, 4, 4], at, DVec3::ONE), Err(GridError::Dims(_))));
        assert!(matches!(Grid::upright([4, 4, 4], at, DVec3::new(1.0, 0.0, 1.0)), Err(GridError::Flat)));
        assert!(matches!(Grid::upright([4, 4, 4], at, DVec3::new(1.0, f64::NAN, 1.0)), Err(GridError::Flat)));
    }

    #[test]
    fn a_tilted_gantry_makes_a_sheared_grid() {
        let mut linear = DMat3::from_diagonal(DVec3::new(0.5, 0.5, 1.0));
        assert!(!Grid::new([4, 4, 4], Affine::new(linear, DVec3::ZERO)).unwrap().is_sheared());
        linear.z_axis.y = 0.3;
        assert!(Grid::new([4, 4, 4], Affine::new(linear, DVec3::ZERO)).unwrap().is_sheared());
    }
}
