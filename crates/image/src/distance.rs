//! Exact distances in mm between the voxels of a mask and the voxels around it.
//!
//! [`inside`] and [`outside`] go from the middle of a voxel to the middle of the nearest voxel of the other kind, as
//! the distance maps of other programs do. [`signed`] goes to the faces of the voxels, so that it is zero on the
//! boundary of the mask and changes by the length of the way wherever that boundary is flat.
//!
//! A distance is the root of a sum of three squares, formed in `f64` from whole voxel steps and rounded once to
//! `f32`. Only where pixels are not square, or a slice is wider than 2000 pixels, is the square within the slice
//! rounded to `f32` in between: the distance can then be off in its last digit (6e-8 of it). Axes less than 0.006°
//! (a cosine of 1e-4) off a right angle count as at right angles, which is wrong by at most 0.01 %: DICOM gives
//! directions to about six digits.
//!
//! A tilted gantry is measured exactly too, but slice against slice: the time grows with the distances. [`inside`] of
//! the bone of a head of 140 slices takes a second, [`outside`] of it, far into the air, a minute or more.

mod envelope;
mod oblique;
mod upright;

#[cfg(test)]
mod tests;

use envelope::Real;
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Grid, Mask, Volume, VolumeError};

/// What lies beyond the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Nothing of the mask: its voxels at the border are one step from outside.
    Outside,
    /// More of the same: the border is not an edge, so a bone cut by the field of view is not thin there.
    Inside,
}

/// Why there are no distances.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DistanceError {
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Rows and columns of a slice are not at right angles.
    #[error("the rows and columns of a slice meet at {degrees:.2}°, not at a right angle")]
    Skewed {
        /// Angle between rows and columns.
        degrees: f64,
    },
    /// The distances are not as many as the voxels.
    #[error(transparent)]
    Samples(#[from] VolumeError),
}

impl Explain for DistanceError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Cancelled(stopped) => stopped.kind(),
            Self::Skewed { .. } => ErrorKind::Unsupported,
            Self::Samples(_) => ErrorKind::Numeric,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Cancelled(stopped) => stopped.code(),
            Self::Skewed { .. } => "distance.skewed",
            Self::Samples(_) => "distance.samples",
        }
    }
    fn help(&self) -> String {
        match self {
            Self::Cancelled(stopped) => stopped.help(),
            Self::Skewed { .. } => {
                "no scanner makes such slices; resample the volume onto a grid with square corners".to_owned()
            }
            Self::Samples(_) => "this is a fault in the program; please report it".to_owned(),
        }
    }
}

/// The distance in mm from the middle of every voxel of the mask to the middle of the nearest voxel that is not of
/// the mask; zero outside.
///
/// Infinite where there is no such voxel, which takes a full mask and [`Border::Inside`].
///
/// # Errors
/// [`DistanceError::Skewed`] for slices without right angles; stops when `ctx` was asked to.
pub fn inside(mask: &Mask, border: Border, ctx: &Ctx) -> Result<Volume<f32>, DistanceError> {
    let part = Part { mask, flip: 0, border, sign: 1.0 };
    measure(&[part], mask, 0.0, ctx)
}

/// The distance in mm from the middle of every voxel outside the mask to the middle of the nearest voxel of the
/// mask; zero inside.
///
/// Beyond the grid there is nothing of the mask. Infinite everywhere when the mask is empty.
///
/// # Errors
/// [`DistanceError::Skewed`] for slices without right angles; stops when `ctx` was asked to.
pub fn outside(mask: &Mask, ctx: &Ctx) -> Result<Volume<f32>, DistanceError> {
    let part = Part { mask, flip: u64::MAX, border: Border::Inside, sign: 1.0 };
    measure(&[part], mask, 0.0, ctx)
}

/// The distance in mm from the middle of every voxel to the boundary of the mask: the faces between its voxels and
/// the others. Negative inside, positive outside, never zero.
///
/// A voxel is a box as wide as the steps along its row and column and as high as the distance of the slices, also
/// when these are sheared against each other. `border` says whether the mask ends where the grid does; nothing of
/// the mask begins beyond it. −∞ or +∞ where there is no boundary.
///
/// # Errors
/// [`DistanceError::Skewed`] for slices without right angles; stops when `ctx` was asked to.
pub fn signed(mask: &Mask, border: Border, ctx: &Ctx) -> Result<Volume<f32>, DistanceError> {
    let inner = Part { mask, flip: 0, border, sign: -1.0 };
    let outer = Part { mask, flip: u64::MAX, border: Border::Inside, sign: 1.0 };
    measure(&[inner, outer], mask, 0.5, ctx)
}

/// Measures one side of the boundary after the other.
fn measure(parts: &[Part], mask: &Mask, short: f32, ctx: &Ctx) -> Result<Volume<f32>, DistanceError> {
    let steps = Steps::new(mask.grid(), short)?;
    let mut samples = vec![0.0; mask.grid().count()];
    for (i, part) in parts.iter().enumerate() {
        let share = |i: usize| i as f64 / parts.len() as f64;
        let ctx = ctx.part("distances", share(i), share(i + 1));
        if steps.shift == [0.0; 2] {
            upright::measure(part, &steps, &mut samples, &ctx)?;
        } else {
            oblique::measure(part, &steps, &mut samples, &ctx)?;
        }
    }
    Ok(Volume::new(mask.grid().clone(), samples)?)
}

/// The voxels that are measured, from those that are not of them.
struct Part<'a> {
    mask: &'a Mask,
    /// All ones for the voxels outside the mask.
    flip: u64,
    border: Border,
    /// Of the finished distances.
    sign: f32,
}

impl Part<'_> {
    /// The words of a row of the mask as words of the set.
    fn row<'a>(&'a self, row: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
        let last = row.len() - 1;
        let used = self.mask.last_word();
        row.iter().enumerate().map(move |(i, &word)| (word ^ self.flip) & if i == last { used } else { !0 })
    }

    /// The words of some rows of the mask as words of the set.
    fn words<'a>(&'a self, rows: impl Iterator<Item = &'a [u64]>) -> Vec<u64> {
        rows.flat_map(|row| self.row(row)).collect()
    }
}

/// The steps of a grid and what is measured along them.
struct Steps {
    /// Steps in mm along a row and a column, and the distance of the slices.
    mm: [f64; 3],
    /// How far in mm the next slice is moved along the rows and the columns.
    shift: [f64; 2],
    /// Part of a step at its end that does not count: 0 to the middle of the voxel there, 0.5 to its face.
    short: f32,
}

/// How far two axes may be from a right angle and still count as at right angles (cosine), as in
/// [`Grid::is_sheared`].
const SQUARE: f64 = 1e-4;

/// Steps that differ by less than this share are equal: directions computed from a header are good to 1e-12.
const EQUAL: f64 = 1e-9;

impl Steps {
    fn new(grid: &Grid, short: f32) -> Result<Self, DistanceError> {
        let linear = grid.to_patient().linear;
        let [x, y, z] = [linear.x_axis, linear.y_axis, linear.z_axis];
        let (along_row, along_column) = (x / x.length(), y / y.length());
        let cosine = along_row.dot(along_column);
        if cosine.abs() > SQUARE {
            return Err(DistanceError::Skewed { degrees: libm::acos(cosine).to_degrees() });
        }
        let shift = [along_row, along_column].map(|axis| {
            let shift = axis.dot(z);
            if shift.abs() > SQUARE * z.length() { shift } else { 0.0 }
        });
        let up = (z - along_row * shift[0] - along_column * shift[1]).length();
        Ok(Self { mm: [x.length(), y.length(), up], shift, short })
    }

    /// The step along an axis, in steps along x.
    fn ratio(&self, axis: usize) -> f64 {
        let ratio = self.mm[axis] / self.mm[0];
        if (ratio - 1.0).abs() < EQUAL { 1.0 } else { ratio }
    }

    /// True when the squares of all distances within a slice are numbers that `f32` holds exactly.
    fn whole_in_plane(&self, dims: [usize; 3]) -> bool {
        // Faces are half steps away; their squares are quarters.
        let parts = if self.short > 0.0 { 4 } else { 1 };
        let square = |axis: usize| (dims[axis] + 1) * (dims[axis] + 1);
        self.ratio(1) == 1.0 && (square(0) + square(1)) * parts <= 1 << f32::MANTISSA_DIGITS
    }

    /// True when that holds through all slices.
    fn whole(&self, dims: [usize; 3]) -> bool {
        self.whole_in_plane(dims)
            && self.ratio(2) == 1.0
            && self.whole_in_plane([dims[0] + dims[1], dims[2], 1])
    }

    /// The squares of `-(n + 1)..=n + 1` steps along an axis, in units of the step along x.
    fn costs<T: Real>(&self, axis: usize, n: usize) -> Vec<T> {
        let n = n as i64 + 1;
        let ratio = self.ratio(axis);
        let cost = |steps: i64| {
            let length = (steps.abs() as f64 - f64::from(self.short)).max(0.0) * ratio;
            T::cost(length * length)
        };
        (-n..=n).map(cost).collect()
    }
}
