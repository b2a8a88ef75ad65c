//! Samples on a grid.

use crate::frame::{Patient, Point};
use crate::grid::Grid;

/// Samples on a grid: one for each voxel, x fastest, each at the middle of its voxel.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume<T> {
    grid: Grid,
    samples: Vec<T>,
}

/// Samples and grid disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{samples} samples do not fill a grid of {voxels} voxels")]
pub struct VolumeError {
    /// How many samples were given.
    pub samples: usize,
    /// How many the grid holds.
    pub voxels: usize,
}

impl<T> Volume<T> {
    /// Places samples on a grid; there must be exactly one for each voxel.
    pub fn new(grid: Grid, samples: Vec<T>) -> Result<Self, VolumeError> {
        if samples.len() != grid.count() {
            return Err(VolumeError { samples: samples.len(), voxels: grid.count() });
        }
        Ok(Self { grid, samples })
    }

    /// Where the samples are.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// All samples, x fastest.
    pub fn samples(&self) -> &[T] {
        &self.samples
    }

    /// All samples, to be changed in place.
    pub fn samples_mut(&mut self) -> &mut [T] {
        &mut self.samples
    }

    /// The samples of row `y` of slice `z`.
    pub fn row(&self, y: usize, z: usize) -> &[T] {
        let start = self.grid.index(0, y, z);
        &self.samples[start..start + self.grid.dims()[0]]
    }

    /// The samples of slice `z`.
    pub fn slice(&self, z: usize) -> &[T] {
        let [nx, ny, _] = self.grid.dims();
        &self.samples[z * nx * ny..(z + 1) * nx * ny]
    }

    /// Grid and samples, taken apart.
    pub fn into_parts(self) -> (Grid, Vec<T>) {
        (self.grid, self.samples)
    }
}

impl<T: Copy> Volume<T> {
    /// The sample of voxel `(x, y, z)`.
    pub fn at(&self, x: usize, y: usize, z: usize) -> T {
        self.samples[self.grid.index(x, y, z)]
    }
}

impl<T: Copy + Into<f64>> Volume<T> {
    /// Trilinear value at a place in the patient, or `None` outside the middles of the outermost voxels.
    pub fn sample(&self, place: Point<Patient>) -> Option<f64> {
        let v = self.grid.to_voxel().point(place).to_array();
        let dims = self.grid.dims();
        let mut low = [0_usize; 3];
        let mut part = [0.0_f64; 3];
        for a in 0..3 {
            if !(v[a] >= 0.0 && v[a] <= (dims[a] - 1) as f64) {
                return None;
            }
            low[a] = (v[a] as usize).min(dims[a].saturating_sub(2));
            part[a] = v[a] - low[a] as f64;
        }
        let mut sum = 0.0;
        for corner in 0..8_usize {
            let step = [corner & 1, corner >> 1 & 1, corner >> 2];
            let weight: f64 = (0..3).map(|a| if step[a] == 1 { part[a] } else { 1.0 - part[a] }).product();
            if weight > 0.0 {
                sum += weight * self.at(low[0] + step[0], low[1] + step[1], low[2] + step[2]).into();
            }
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;

    #[test]
    fn a_linear_field_is_sampled_exactly() {
        let grid = Grid::upright([5, 6, 7], Point::new(-1.0, 2.0, 3.0), DVec3::new(0.5, 0.75, 1.25)).unwrap();
        let field = |p: Point<Patient>| 3.0 * p.vec().x - 2.0 * p.vec().y + 0.5 * p.vec().z + 7.0;
        let mut samples = Vec::new();
        for z in 0..7 {
            for y in 0..6 {
                samples.extend((0..5).map(|x| field(grid.place(x, y, z))));
            }
        }
        let volume = Volume::new(grid.clone(), samples).unwrap();
        for inside in [[0.0, 0.0, 0.0], [4.0, 5.0, 6.0], [1.25, 3.5, 2.75]] {
            let place = grid.to_patient().point(Point::new(inside[0], inside[1], inside[2]));
            assert!((volume.sample(place).unwrap() - field(place)).abs() < 1e-12);
        }
        assert_eq!(volume.sample(grid.to_patient().point(Point::new(4.01, 0.0, 0.0))), None);
        assert_eq!(volume.sample(Point::new(f64::NAN, 0.0, 0.0)), None);
    }

    #[test]
    fn a_missing_sample_is_refused() {
        let grid = Grid::upright([2, 2, 2], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        assert_eq!(Volume::new(grid, vec![0_i16; 7]).unwrap_err(), VolumeError { samples: 7, voxels: 8 });
    }
}
