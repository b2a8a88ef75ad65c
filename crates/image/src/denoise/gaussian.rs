//! A Gaussian of a width in millimetres, along z, y and x in one go.
//!
//! For each row of the result the rows it needs are blended along z into floating point, those along y, and
//! that row along x: between the passes only a band of rows exists, never a floating-point volume.

use super::DenoiseError;
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Volume};
use rayon::prelude::*;

/// Rows whose blend along z is kept together. Chosen: with the rows of a 7-voxel kernel at 512 voxels a row
/// they take half of a second-level cache of 1 MB.
const ROWS: usize = 64;

/// Slices one thread works through.
const SLAB: usize = 8;

/// The furthest reach along one axis in voxels. Chosen: a wider blur erases every bone, and is a typing error.
const MOST: usize = 192;

/// Standard deviations at which the kernel ends; see [`gaussian`] for the error.
const ENDS: f64 = 3.0;

/// The image blurred by a Gaussian with a standard deviation of `sigma` mm along every axis.
///
/// Each axis has its own kernel in voxels. A kernel is sampled at the voxels, ends at the voxel nearest to 3 σ
/// and is normalised to a sum of one, as `scipy.ndimage.gaussian_filter(truncate=3, mode="nearest")` does. What
/// is cut off is 0.27 % of the weight for each axis, so that the blur is 1.3 % narrower than asked for. Where σ
/// is less than a sixth of a voxel nothing is blurred along that axis. Sums are 32-bit floating point and
/// rounded once, to the nearest whole Hounsfield unit. Beyond the border the outermost voxel goes on.
///
/// Along the axes of a sheared grid the same is done: tilted by an angle t, the blur is between √(1 − sin t)
/// and √(1 + sin t) as wide as asked for (0.85 to 1.13 at 16.5°).
///
/// # Errors
/// [`DenoiseError::Sigma`] for a width that is negative, not finite or too wide; stops when `ctx` was asked to.
pub fn gaussian(volume: &Volume<i16>, sigma: f64, ctx: &Ctx) -> Result<Volume<i16>, DenoiseError> {
    let [nx, ny, _] = volume.grid().dims();
    let spacing = volume.grid().spacing();
    let refused = DenoiseError::Sigma { sigma, most: MOST };
    let Some(kernels) = kernels(spacing.to_array().map(|spacing| sigma / spacing)) else {
        return Err(refused);
    };
    let mut samples = vec![0_i16; volume.grid().count()];
    samples.par_chunks_mut(nx * ny * SLAB).enumerate().try_for_each(|(slab, out)| {
        let mut band = Band::new(volume, &kernels);
        for y in (0..ny).step_by(ROWS) {
            for (z, out) in out.chunks_exact_mut(nx * ny).enumerate() {
                ctx.check()?;
                let rows = ROWS.min(ny - y);
                band.blur([y, slab * SLAB + z], &mut out[y * nx..(y + rows) * nx]);
            }
        }
        Ok::<(), Cancelled>(())
    })?;
    ctx.done(1.0)?;
    Ok(Volume::new(volume.grid().clone(), samples)?)
}

/// The weight of the middle voxel and of those 1, 2, … voxels away, for each axis.
fn kernels(sigma: [f64; 3]) -> Option<[Vec<f32>; 3]> {
    let valid = sigma.iter().all(|&sigma| sigma >= 0.0 && ENDS * sigma + 0.5 < (MOST + 1) as f64);
    valid.then(|| sigma.map(kernel))
}

fn kernel(sigma: f64) -> Vec<f32> {
    let reach = (ENDS * sigma + 0.5) as usize;
    let weight = |k: usize| if k == 0 { 1.0 } else { libm::exp(-0.5 * (k * k) as f64 / (sigma * sigma)) };
    let sum = 1.0 + (1..=reach).map(|k| 2.0 * weight(k)).sum::<f64>();
    (0..=reach).map(|k| (weight(k) / sum) as f32).collect()
}

/// What one thread keeps: the rows of a band blended along z, and one row.
struct Band<'a> {
    volume: &'a Volume<i16>,
    kernels: &'a [Vec<f32>; 3],
    /// Blended along z, from as many rows below the band as the kernel along y reaches.
    rows: Vec<f32>,
    /// One row blended along z and y, with its ends repeated as far as the kernel along x reaches.
    row: Vec<f32>,
    /// The same row blended along x as well.
    done: Vec<f32>,
}

impl<'a> Band<'a> {
    fn new(volume: &'a Volume<i16>, kernels: &'a [Vec<f32>; 3]) -> Self {
        let nx = volume.grid().dims()[0];
        let [reach_x, reach_y] = [kernels[0].len() - 1, kernels[1].len() - 1];
        Self {
            volume,
            kernels,
            rows: vec![0.0; nx * (ROWS + 2 * reach_y)],
            row: vec![0.0; nx + 2 * reach_x],
            done: vec![0.0; nx],
        }
    }

    /// Blurs the rows from `y` on of slice `z` into `out`.
    fn blur(&mut self, [y, z]: [usize; 2], out: &mut [i16]) {
        let [nx, ny, nz] = self.volume.grid().dims();
        let [reach_x, reach_y, reach_z] = [0, 1, 2].map(|a| self.kernels[a].len() - 1);
        let rows = out.len() / nx;
        for (i, row) in self.rows.chunks_exact_mut(nx).take(rows + 2 * reach_y).enumerate() {
            let y = (y + i).saturating_sub(reach_y).min(ny - 1);
            let pairs: Vec<[&[i16]; 2]> = (1..=reach_z)
                .map(|k| [z.saturating_sub(k), (z + k).min(nz - 1)].map(|z| self.volume.row(y, z)))
                .collect();
            blend_samples(self.volume.row(y, z), &pairs, &self.kernels[2], row);
        }
        for (i, out) in out.chunks_exact_mut(nx).enumerate() {
            let row = |i: usize| &self.rows[i * nx..(i + 1) * nx];
            let middle = i + reach_y;
            let pairs: Vec<[&[f32]; 2]> = (1..=reach_y).map(|k| [row(middle - k), row(middle + k)]).collect();
            blend_rows(row(middle), &pairs, &self.kernels[1], &mut self.row[reach_x..reach_x + nx]);
            let (first, last) = (self.row[reach_x], self.row[reach_x + nx - 1]);
            self.row[..reach_x].fill(first);
            self.row[reach_x + nx..].fill(last);
            let pairs: Vec<[&[f32]; 2]> = (1..=reach_x)
                .map(|k| [&self.row[reach_x - k..][..nx], &self.row[reach_x + k..][..nx]])
                .collect();
            blend_rows(&self.row[reach_x..reach_x + nx], &pairs, &self.kernels[0], &mut self.done);
            super::round(&self.done, out);
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn blend_samples(middle: &[i16], pairs: &[[&[i16]; 2]], weights: &[f32], out: &mut [f32]) {
    for (out, &middle) in out.iter_mut().zip(middle) {
        *out = weights[0] * f32::from(middle);
    }
    for ([low, high], &weight) in pairs.iter().zip(&weights[1..]) {
        for ((out, &low), &high) in out.iter_mut().zip(*low).zip(*high) {
            *out += weight * (i32::from(low) + i32::from(high)) as f32;
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn blend_rows(middle: &[f32], pairs: &[[&[f32]; 2]], weights: &[f32], out: &mut [f32]) {
    for (out, &middle) in out.iter_mut().zip(middle) {
        *out = weights[0] * middle;
    }
    for ([low, high], &weight) in pairs.iter().zip(&weights[1..]) {
        for ((out, &low), &high) in out.iter_mut().zip(*low).zip(*high) {
            *out += weight * (low + high);
        }
    }
}
