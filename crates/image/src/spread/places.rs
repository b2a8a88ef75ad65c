//! Places along the boundary of a mask where the width of an edge can be measured, and the widths.

use super::response::Blur;
use super::slab::{ENDLESS, Known, Sample, Slab, fit, unknown};
use super::{Spread, slice_distance, slice_normal};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mask, Volume};
use rayon::prelude::*;

/// The width of one edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Width {
    /// Cosine between the edge's normal and that of the slices.
    pub cosine: f64,
    /// Standard deviation of the blur across the edge, mm.
    pub sigma: f64,
    /// Thickness of the wall, mm.
    pub wall: f64,
}

/// Cosines between which an edge shows the blur through the slices and still crosses a slice within a few mm.
const OBLIQUE: std::ops::RangeInclusive<f64> = 0.45..=0.85;

impl Width {
    /// The blur in the plane alone, taking the slice's part off.
    pub(super) fn in_plane(&self, assumed: &Spread) -> f64 {
        let along = self.cosine * self.cosine;
        let rest = self.sigma * self.sigma - along * assumed.through * assumed.through;
        (rest.max(0.0) / (1.0 - along)).sqrt()
    }

    /// True when the edge shows the blur through the slices: it lies aslant, on a wall thicker than the slices are
    /// apart. Of a thinner one, blurred by slices, only a part is left, and that looks sharp.
    pub(super) fn is_oblique(&self, assumed: &Spread) -> bool {
        OBLIQUE.contains(&self.cosine.abs()) && self.wall > 12.0_f64.sqrt() * assumed.through
    }
}

/// About this many places are looked at; a tenth of them is usually good.
const PLACES: usize = 6000;

/// Edges lower than this in HU are not used: noise would decide their width.
const LEAST_CONTRAST: f64 = 300.0;

/// Walls thinner than this many standard deviations of the blur do not show it: thickness could be blur.
const LEAST_WALL: f64 = 4.0;

/// A width with a larger relative uncertainty than this is not used.
const LEAST_CERTAINTY: f64 = 0.15;

/// What a slab may leave of the grey values: this share of the contrast, beside the noise. A slice with a box and
/// a Gaussian differ by 0.03.
const LEAST_FIT: f64 = 0.035;

/// Samples further aside than this in voxels do not belong to a profile.
const ASIDE: f64 = 0.75;

/// The widths of all edges on which one can be measured.
pub(super) fn widths(
    volume: &Volume<i16>,
    mask: &Mask,
    assumed: &Spread,
    ctx: &Ctx,
) -> Result<Vec<Width>, Cancelled> {
    let [_, ny, nz] = mask.grid().dims();
    let counts: Vec<usize> =
        (0..nz).into_par_iter().map(|z| (0..ny).map(|y| pairs(mask, y, z).count()).sum()).collect();
    let every = counts.iter().sum::<usize>().div_ceil(PLACES).max(1);
    let mut firsts = Vec::with_capacity(nz);
    let mut first = 0;
    for count in counts {
        firsts.push(first);
        first += count;
    }
    let scene = Scene::new(volume, assumed);
    let found: Vec<Vec<Width>> = (0..nz)
        .into_par_iter()
        .map(|z| {
            let all = (0..ny).flat_map(|y| pairs(mask, y, z).map(move |(x, axis)| (x, y, axis)));
            let own = all.enumerate().filter(|(n, _)| (n + firsts[z]).is_multiple_of(every));
            own.map(|(_, (x, y, axis))| {
                ctx.check()?;
                Ok(scene.width([x, y, z], axis))
            })
            .filter_map(Result::transpose)
            .collect()
        })
        .collect::<Result<_, Cancelled>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// The voxels of a row that differ from the next one along x (axis 0) or y (axis 1).
fn pairs(mask: &Mask, y: usize, z: usize) -> impl Iterator<Item = (usize, usize)> {
    let [nx, ny, _] = mask.grid().dims();
    let row = mask.row(y, z);
    let below = if y + 1 < ny { mask.row(y + 1, z) } else { row };
    (0..row.len()).flat_map(move |w| {
        let next = row[w] >> 1 | row.get(w + 1).map_or(0, |next| next << 63);
        let used = nx - 1 - w * 64;
        let inner = if used >= 64 { u64::MAX } else { (1 << used) - 1 };
        let across = (row[w] ^ next) & inner;
        let down = row[w] ^ below[w];
        bits(across).map(move |x| (w * 64 + x, 0)).chain(bits(down).map(move |x| (w * 64 + x, 1)))
    })
}

fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

struct Scene<'a> {
    volume: &'a Volume<i16>,
    assumed: &'a Spread,
    /// Steps along the rows and the columns in the patient.
    steps: [DVec3; 2],
    slices: DVec3,
    slice_distance: f64,
}

impl<'a> Scene<'a> {
    fn new(volume: &'a Volume<i16>, assumed: &'a Spread) -> Self {
        let linear = &volume.grid().to_patient().linear;
        Self {
            volume,
            assumed,
            steps: [linear.x_axis, linear.y_axis],
            slices: slice_normal(volume.grid()),
            slice_distance: slice_distance(volume.grid()),
        }
    }

    /// The width of the edge between a voxel and the next one along an axis.
    fn width(&self, voxel: [usize; 3], axis: usize) -> Option<Width> {
        let mut other = voxel;
        other[axis] += 1;
        let rise = self.rise(voxel)? + self.rise(other)?;
        let normal = -rise.try_normalize()?;
        let cosine = normal.dot(self.slices);
        let flat = (1.0 - cosine * cosine).sqrt();
        if flat < 0.5 {
            return None;
        }
        // What is likely at most: a soft kernel, and slices half as thick again as they are apart.
        let slice = self.slice_distance * 0.43 * cosine;
        let blur = Blur { sigma: (0.25 * flat * flat + slice * slice).sqrt(), ..self.assumed.across(cosine) };
        let reach = [3.0 * blur.sigma + 2.0, 2.5 * blur.sigma + 0.3];
        let samples = self.samples(voxel, axis, normal, reach)?;
        let known = start(&samples, blur, reach, self.assumed.noise)?;
        let found = fit(&samples, blur, &known)?;
        let slab = found.slab;
        let contrast = (slab.height - slab.outside).abs();
        let certain = found.variance[unknown::SIGMA].sqrt() < LEAST_CERTAINTY * slab.sigma;
        let fits = found.residual < LEAST_FIT * contrast + 1.2 * self.assumed.noise;
        let inside = slab.outer.abs() < 1.5 && slab.sigma < 2.9;
        let thick = slab.thickness > LEAST_WALL * slab.sigma;
        let good = slab.height - slab.outside >= LEAST_CONTRAST && certain && fits && inside && thick;
        good.then_some(Width { cosine, sigma: slab.sigma, wall: slab.thickness })
    }

    /// The gradient in the patient, by differences smoothed across.
    fn rise(&self, [x, y, z]: [usize; 3]) -> Option<DVec3> {
        let dims = self.volume.grid().dims();
        let at = [x, y, z];
        if (0..3).any(|a| at[a] == 0 || at[a] + 1 >= dims[a]) {
            return None;
        }
        let mut sums = DVec3::ZERO;
        for n in 0..27 {
            let d = [n % 3, n / 3 % 3, n / 9];
            let value = f64::from(self.volume.at(x + d[0] - 1, y + d[1] - 1, z + d[2] - 1));
            let weights = d.map(|d| if d == 1 { 2.0 } else { 1.0 });
            let side = d.map(|d| d as f64 - 1.0);
            sums += value
                * DVec3::new(
                    side[0] * weights[1] * weights[2],
                    side[1] * weights[0] * weights[2],
                    side[2] * weights[0] * weights[1],
                );
        }
        Some(self.volume.grid().to_voxel().linear.transpose() * sums)
    }

    /// The samples of the slice about the middle of a pair: up to `reach` (inward, outward) along the normal.
    fn samples(&self, voxel: [usize; 3], axis: usize, normal: DVec3, reach: [f64; 2]) -> Option<Vec<Sample>> {
        let [nx, ny, _] = self.volume.grid().dims();
        // Along the slice and across the edge; how far that is for each mm along the normal.
        let along = (normal - self.slices * normal.dot(self.slices)).try_normalize()?;
        let flat = along.dot(normal);
        let aside = self.slices.cross(along);
        let width = ASIDE * self.steps[0].length().max(self.steps[1].length());
        let far = reach[0].max(reach[1]) / flat + width;
        let boxes = [0, 1].map(|a| (far / self.steps[a].length()).ceil() as i64 + 1);
        let mut samples = Vec::with_capacity(64);
        for dy in -boxes[1]..=boxes[1] {
            for dx in -boxes[0]..=boxes[0] {
                let (x, y) = (voxel[0] as i64 + dx, voxel[1] as i64 + dy);
                let middle = [dx as f64, dy as f64];
                let off = [0, 1].map(|a| middle[a] - if a == axis { 0.5 } else { 0.0 });
                let place = self.steps[0] * off[0] + self.steps[1] * off[1];
                let at = place.dot(normal);
                if place.dot(aside).abs() > width || at < -reach[0] || at > reach[1] {
                    continue;
                }
                if x < 0 || y < 0 || x >= nx as i64 || y >= ny as i64 {
                    return None;
                }
                let grey = f64::from(self.volume.at(x as usize, y as usize, voxel[2]));
                samples.push(Sample { at, grey, weight: 1.0 });
            }
        }
        (samples.len() >= 12).then_some(samples)
    }
}

/// What is expected of the slab: a step, or a wall where the profile falls again.
fn start(samples: &[Sample], blur: Blur, reach: [f64; 2], noise: f64) -> Option<Known> {
    let mean = |from: f64, to: f64| {
        let own = samples.iter().filter(|s| s.at >= from && s.at <= to);
        let (sum, n) = own.fold((0.0, 0.0), |(sum, n), s| (sum + s.grey, n + 1.0));
        (n > 0.0).then(|| sum / n)
    };
    let outside = mean(reach[1] - 0.5 * blur.sigma - 0.3, reach[1])?;
    let inside = mean(-reach[0], 0.7 - reach[0])?;
    let near = samples.iter().filter(|s| s.at < 0.0 && s.at > -2.5);
    let height = near.map(|s| s.grey).fold(f64::MIN, f64::max);
    let rise = height - outside;
    if rise < LEAST_CONTRAST {
        return None;
    }
    let wall = inside < height - 0.15 * rise;
    let half = |s: &&Sample| s.grey > 0.5 * (height + inside);
    let deepest = samples.iter().filter(half).map(|s| -s.at).fold(0.5, f64::max);
    let thickness = if wall { deepest } else { ENDLESS };
    let slab = Slab {
        outside,
        height,
        inside: if wall { inside } else { 0.0 },
        outer: 0.0,
        thickness,
        sigma: blur.sigma,
    };
    let free = f64::INFINITY;
    let known = if wall { free } else { 0.0 };
    Some(Known { slab, spread: [free, free, known, free, known, free], noise: noise.max(0.01 * rise) })
}
