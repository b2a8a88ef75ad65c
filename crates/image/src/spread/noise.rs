//! The noise of a scan, from patches of soft tissue without an edge.

use osteon_core::{Cancelled, Ctx, Volume};
use rayon::prelude::*;

/// A patch is this many voxels wide: large enough for noise of coarse grain, small enough to find without edges.
const PATCH: usize = 6;

/// HU of patches that count: soft tissue and water. Air and the table are clipped or without scatter.
const SOFT: std::ops::RangeInclusive<f64> = -200.0..=200.0;

/// About this many patches are looked at.
const PATCHES: usize = 40_000;

/// With fewer patches of soft tissue than this, all patches count.
const LEAST: usize = 50;

/// Share of the patches that are calmer than the noise that is stated: most patches of soft tissue hold some edge
/// of fat, muscle or vessel, which raises them.
const CALM: f64 = 0.25;

/// Standard deviation of the noise in HU; that of whole numbers where the scan has none.
pub(super) fn noise(volume: &Volume<i16>, ctx: &Ctx) -> Result<f64, Cancelled> {
    let [nx, ny, nz] = volume.grid().dims();
    let (columns, rows) = (nx / PATCH, ny / PATCH);
    let every = (columns * rows * nz).div_ceil(PATCHES).max(1);
    let found: Vec<Vec<(f64, f64)>> = (0..nz)
        .into_par_iter()
        .map(|z| {
            ctx.check()?;
            let first = z * columns * rows;
            let own = (first.next_multiple_of(every)..first + columns * rows).step_by(every);
            Ok(own.map(|n| n - first).map(|n| patch(volume, [n % columns, n / columns, z])).collect())
        })
        .collect::<Result<_, Cancelled>>()?;
    let all: Vec<(f64, f64)> = found.into_iter().flatten().collect();
    let mut calm: Vec<f64> = all.iter().filter(|(mean, _)| SOFT.contains(mean)).map(|p| p.1).collect();
    if calm.len() < LEAST {
        calm = all.into_iter().map(|p| p.1).collect();
    }
    calm.sort_by(f64::total_cmp);
    let variance = calm.get((calm.len() as f64 * CALM) as usize).copied().unwrap_or(0.0);
    // Whole numbers alone have a variance of a twelfth.
    Ok(variance.max(1.0 / 12.0).sqrt())
}

/// Mean and variance of a patch about the plane that fits it best.
fn patch(volume: &Volume<i16>, [column, row, z]: [usize; 3]) -> (f64, f64) {
    let middle = (PATCH - 1) as f64 / 2.0;
    let (mut sum, mut squares, mut across, mut down) = (0.0, 0.0, 0.0, 0.0);
    for y in 0..PATCH {
        let line = &volume.row(row * PATCH + y, z)[column * PATCH..][..PATCH];
        for (x, &value) in line.iter().enumerate() {
            let value = f64::from(value);
            sum += value;
            squares += value * value;
            across += value * (x as f64 - middle);
            down += value * (y as f64 - middle);
        }
    }
    let count = (PATCH * PATCH) as f64;
    // Σ (x − middle)² over a patch.
    let spread = count * (PATCH * PATCH - 1) as f64 / 12.0;
    let mean = sum / count;
    let rest = squares - sum * mean - (across * across + down * down) / spread;
    (mean, rest.max(0.0) / (count - 3.0))
}
