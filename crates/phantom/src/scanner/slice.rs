//! One slice: cells finer than the voxels, averaged through the slice, blurred in its plane.

use super::paint::{Sheet, paint};
use super::{Protocol, ScanError};
use crate::phantom::Phantom;
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Grid};

/// Cells are at most this wide in mm, and never less than three to a voxel.
const CELL: f64 = 0.27;
/// Sheets through a slice are at most this thick in mm, and never less than three.
const SHEET: f64 = 0.35;
/// The Gaussian is cut off at this many standard deviations: what is beyond weighs 6e-5.
const CUT: f64 = 4.0;
/// Cosine between rows and columns from which they do not count as perpendicular: 0.006°.
const SQUARE: f64 = 1e-4;

/// Along rows or columns: how cells become voxels.
struct Axis {
    /// Voxels.
    voxels: usize,
    /// Cells to a voxel; odd, so that a voxel's middle is a cell's middle.
    per_voxel: usize,
    /// Weights of the cells about a voxel's middle.
    weights: Vec<f64>,
    /// From cell to cell in the patient.
    step: DVec3,
}

impl Axis {
    fn new(voxels: usize, step: DVec3, blur: f64) -> Self {
        let spacing = step.length();
        let least = (spacing / CELL).ceil().max(3.0) as usize;
        let per_voxel = least + (least + 1) % 2;
        let cell = spacing / per_voxel as f64;
        // The cells themselves blur by a box, whose variance is a twelfth of its square.
        let sigma = (blur * blur - cell * cell / 12.0).max(0.0).sqrt() / cell;
        Self { voxels, per_voxel, weights: gaussian(sigma), step: step / per_voxel as f64 }
    }

    /// Cells before the first voxel's own and after the last one's.
    fn pad(&self) -> usize {
        self.weights.len() / 2
    }

    fn cells(&self) -> usize {
        self.voxels * self.per_voxel + 2 * self.pad()
    }

    /// The first of the cells that a voxel sees.
    fn first(&self, voxel: usize) -> usize {
        voxel * self.per_voxel + self.per_voxel / 2
    }

    /// From the first cell's middle to the first voxel's middle, in cells.
    fn lead(&self) -> f64 {
        (self.first(0) + self.pad()) as f64
    }
}

/// Weights of a Gaussian about its middle, `sigma` in cells; they sum to one.
pub(super) fn gaussian(sigma: f64) -> Vec<f64> {
    let reach = (CUT * sigma).ceil() as i32;
    if reach == 0 {
        return vec![1.0];
    }
    let weights = (-reach..=reach).map(|i| libm::exp(-0.5 * (f64::from(i) / sigma).powi(2)));
    let weights: Vec<_> = weights.collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

/// Everything about a scan that all slices share.
pub(super) struct Optics<'a> {
    grid: &'a Grid,
    row: Axis,
    column: Axis,
    /// Across the slice, one sheet's thickness long.
    across: DVec3,
    sheets: usize,
}

impl<'a> Optics<'a> {
    pub(super) fn new(grid: &'a Grid, protocol: &Protocol) -> Result<Self, ScanError> {
        let linear = &grid.to_patient().linear;
        let (u, v) = (linear.x_axis, linear.y_axis);
        let cosine = u.dot(v) / (u.length() * v.length());
        if cosine.abs() >= SQUARE || cosine.is_nan() {
            return Err(ScanError::Skewed { cosine });
        }
        let sheets = (protocol.thickness / SHEET).ceil().max(3.0) as usize;
        let normal = u.cross(v);
        let [nx, ny, _] = grid.dims();
        Ok(Self {
            grid,
            row: Axis::new(nx, u, protocol.blur),
            column: Axis::new(ny, v, protocol.blur),
            across: normal / normal.length() * (protocol.thickness / sheets as f64),
            sheets,
        })
    }

    /// The HU of slice `z`, blurred but without noise.
    pub(super) fn expose(&self, phantom: &Phantom, z: usize, ctx: &Ctx) -> Result<Vec<f64>, Cancelled> {
        let (columns, rows) = (self.row.cells(), self.column.cells());
        let mut cells = vec![0.0; columns * rows];
        let first = self.grid.place(0, 0, z).vec();
        let corner = first - self.row.step * self.row.lead() - self.column.step * self.column.lead();
        for sheet in 0..self.sheets {
            ctx.check()?;
            let off = sheet as f64 - (self.sheets - 1) as f64 / 2.0;
            let sheet = Sheet {
                corner: corner + self.across * off,
                steps: [self.row.step, self.column.step],
                across: self.across,
                size: [columns, rows],
            };
            paint(phantom, &sheet, &mut cells, ctx)?;
        }
        ctx.check()?;
        Ok(self.blurred(&cells))
    }

    /// Cells summed over the sheets to voxels: mean over the sheets, Gaussian in the plane.
    fn blurred(&self, cells: &[f64]) -> Vec<f64> {
        let narrow: Vec<f64> = cells
            .chunks_exact(self.row.cells())
            .flat_map(|line| (0..self.row.voxels).map(|x| seen(&self.row, x, |i| line[i])))
            .collect();
        let width = self.row.voxels;
        let mut voxels = Vec::with_capacity(width * self.column.voxels);
        for y in 0..self.column.voxels {
            let mut line = vec![0.0; width];
            for (i, weight) in self.column.weights.iter().enumerate() {
                let from = (self.column.first(y) + i) * width;
                for (sum, value) in line.iter_mut().zip(&narrow[from..from + width]) {
                    *sum += weight * value;
                }
            }
            voxels.extend(line.into_iter().map(|sum| sum / self.sheets as f64));
        }
        voxels
    }
}

fn seen(axis: &Axis, voxel: usize, cell: impl Fn(usize) -> f64) -> f64 {
    let first = axis.first(voxel);
    axis.weights.iter().enumerate().map(|(i, weight)| weight * cell(first + i)).sum()
}
