//! Noise of a known size and grain.

use super::slice::gaussian;
use osteon_core::ctx::Random;
use osteon_core::{Cancelled, Ctx, Grid};

/// Gaussian noise, independent from slice to slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Standard deviation in HU of every sample.
    pub sigma: f64,
    /// Standard deviation in mm of the Gaussian that makes neighbours in a slice alike; zero for noise without
    /// grain. It leaves `sigma` as it is.
    pub grain: f64,
    /// Seed: the same seed gives the same noise.
    pub seed: u64,
}

impl Noise {
    /// No noise.
    pub const NONE: Self = Self { sigma: 0.0, grain: 0.0, seed: 0 };

    /// Noise without grain.
    pub const fn white(sigma: f64, seed: u64) -> Self {
        Self { sigma, grain: 0.0, seed }
    }

    /// The noise of slice `z` in HU, one for each voxel; empty when there is none.
    pub(super) fn slice(&self, grid: &Grid, z: usize, ctx: &Ctx) -> Result<Vec<f64>, Cancelled> {
        if self.sigma == 0.0 {
            return Ok(Vec::new());
        }
        // One stream a slice, so that threads share nothing. Hashed once, or neighbours would overlap.
        let mut random = Random::new(Random::new(self.seed ^ (z as u64 + 1).rotate_left(32)).bits());
        let [nx, ny, _] = grid.dims();
        let spacing = grid.spacing();
        let [across, down] = [spacing.x, spacing.y].map(|step| even(gaussian(self.grain / step)));
        let (width, height) = (nx + across.len() - 1, ny + down.len() - 1);
        let mut white = Vec::with_capacity(width * height);
        for _ in 0..height {
            ctx.check()?;
            white.extend((0..width).map(|_| self.sigma * random.normal()));
        }
        let weigh = |weights: &[f64], value: &dyn Fn(usize) -> f64| -> f64 {
            weights.iter().enumerate().map(|(i, w)| w * value(i)).sum()
        };
        let mut lines = Vec::with_capacity(nx * height);
        for line in white.chunks_exact(width) {
            lines.extend((0..nx).map(|x| weigh(&across, &|i| line[x + i])));
        }
        ctx.check()?;
        let column = |y: usize, x: usize| weigh(&down, &|i| lines[(y + i) * nx + x]);
        Ok((0..ny).flat_map(|y| (0..nx).map(move |x| (y, x))).map(|(y, x)| column(y, x)).collect())
    }
}

/// Weights scaled so that a weighted sum of independent noise is as strong as the noise.
fn even(weights: Vec<f64>) -> Vec<f64> {
    let power: f64 = weights.iter().map(|w| w * w).sum();
    weights.into_iter().map(|w| w / power.sqrt()).collect()
}
