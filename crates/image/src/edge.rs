//! Where the edge of a bone really is: half-way up its own grey step.
//!
//! A scanner blurs. At a fixed threshold low on the flank of the step, a bone comes out too fat: at 226 HU by
//! 0.35 mm to 1 mm, the more the denser the bone and the thicker the slices. Half-way between the plateau
//! inside and the plateau outside the blur of a flat edge cancels, whatever the bone's density and whatever
//! lies beside it. [`measure`] finds that level along the boundary of a mask, [`refine`] then puts the
//! mask's boundary there.
//!
//! The method, for each pair of neighbouring voxels with one inside and one outside:
//!
//! 1. Take the grey profile through their middle along the gradient in the patient, both ways.
//! 2. Climb from the middle to the steepest place of that flank.
//! 3. Walk on, outward and inward, while the profile is steep: to the plateau, to the peak of a thin cortex,
//!    or to where it gets steeper again because the next edge (lung beside a rib) begins.
//! 4. The level is the mean of both ends. Where the profile soon falls again, the wall is thin and its peak too
//!    low: the level lies further up, by how blunt the peak is. In no case does the surface move by more than a
//!    step and a half of voxels from the mask's boundary.
//!
//! Levels are averaged in blocks of about 1.5 mm and their neighbours, so noise averages out: what noise
//! adds at the inner end it takes away at the outer end.
//!
//! Limits: a wall thinner than about 2.5 σ of the blur comes out too thick (1 mm at σ 0.5 mm: by 0.2 mm on
//! either side), but stays whole where voxels are finer than the wall. Two edges closer than that are one edge:
//! lung within 1 mm of a rib pulls the level down, by less than the limit of step 4.

use crate::levels::{LARGEST_BLOCK, Levels, NONE};
use glam::{Mat3, Vec3};
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Grid, Hu, Mask, Volume};
use rayon::prelude::*;

/// A mask whose boundary lies where the edge is, with the levels that put it there.
#[derive(Clone, Debug)]
pub struct Refined {
    /// The mask.
    pub mask: Mask,
    /// The level of every place near its boundary.
    pub levels: Levels,
}

/// Samples of a profile on each side of its middle.
const SIDE: usize = 8;

/// Half a voxel a sample, but no less than this many mm: eight samples must reach past the blur.
const LEAST_STEP: f64 = 0.3;

/// The walk ends where the slope is below this share of the steepest; a blurred edge has then covered 95 %
/// of its height, the same on both sides.
const FLAT: f32 = 0.25;

/// A step lower than this (HU) is no edge: fat to muscle is about 150, noise of thin slices 20 to 60.
const LEAST_CONTRAST: f32 = 80.0;

/// Samples between the mask's boundary and the furthest place the level may put it.
const MOST_SHIFT: usize = 3;

/// Size in mm of the blocks in which levels are averaged; they and their neighbours reach 1.5 mm around.
const BLOCK: f64 = 1.5;

/// Spacings are good to some 1e-12, and 1.5 blocks at slices of 1 mm must be two however the patient is turned.
const SLACK: f64 = 1e-6;

/// How far in mm the boundary can move: 226 HU is up to 1 mm too fat.
const BAND: f64 = 1.2;

/// Measures the level half-way up the grey step along the boundary of a mask.
///
/// The boundary must lie on the flank, within about a voxel and a half of the edge, as that of a threshold
/// does. Parts of the boundary without a grey step (closed gaps, cuts) get no level.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn measure(volume: &Volume<i16>, mask: &Mask, ctx: &Ctx) -> Result<Levels, Cancelled> {
    assert_eq!(volume.grid().dims(), mask.grid().dims(), "volume and mask are of different grids");
    let grid = volume.grid();
    let spacing = grid.spacing().to_array();
    let block = spacing.map(|mm| (BLOCK / mm + SLACK).round().clamp(1.0, LARGEST_BLOCK as f64) as usize);
    let counts = [0, 1, 2].map(|a| grid.dims()[a].div_ceil(block[a]));
    let profiles = Profiles::new(volume);
    let mut sums = vec![Sum::default(); counts[0] * counts[1] * counts[2]];
    sums.par_chunks_mut(counts[0] * counts[1]).enumerate().try_for_each(|(k, sums)| {
        let slices = k * block[2]..((k + 1) * block[2]).min(grid.dims()[2]);
        for (z, y) in slices.flat_map(|z| (0..grid.dims()[1]).map(move |y| (z, y))) {
            ctx.check()?;
            add_levels(&profiles, mask, [y, z], block[0], &mut sums[y / block[1] * counts[0]..][..counts[0]]);
        }
        Ok(())
    })?;
    ctx.done(0.8)?;
    let fallback = overall(&sums, volume, mask);
    let values = average(&sums, counts, ctx)?;
    ctx.done(1.0)?;
    Ok(Levels::new(fallback, block, counts, values))
}

/// Adds the levels along the boundary in row `y` of slice `z` to the sums of its blocks.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn add_levels(profiles: &Profiles<'_>, mask: &Mask, [y, z]: [usize; 2], block: usize, sums: &mut [Sum]) {
    for_each_pair(mask, y, z, |x, step| {
        if let Some(level) = profiles.through([x, y, z].map(|i| i as i32), step).level() {
            sums[x / block].add(level);
        }
    });
}

/// Moves the boundary of a mask to where the edge is.
///
/// Voxels below their level are peeled off from the outside and voxels at or above it are added, by no more
/// than 1.2 mm or two voxels. Nothing is peeled that is not reached from the boundary, so filled cavities stay
/// filled; voxels at the border of the grid are not peeled from beyond it. Close gaps after this, not
/// before: a closed gap is dark and would be peeled open again.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn refine(volume: &Volume<i16>, mask: &Mask, ctx: &Ctx) -> Result<Refined, Cancelled> {
    let levels = measure(volume, mask, &ctx.part("edge levels", 0.0, 0.7))?;
    let least = volume.grid().spacing().min_element();
    let layers = (BAND / least - SLACK).ceil().clamp(2.0, 4.0) as usize;
    let mut mask = mask.clone();
    for layer in 0..layers {
        ctx.done(0.7 + 0.3 * layer as f64 / layers as f64)?;
        mask = step(volume, &mask, &levels, ctx)?;
    }
    ctx.done(1.0)?;
    Ok(Refined { mask, levels })
}

/// Moves the boundary by up to one voxel.
fn step(volume: &Volume<i16>, mask: &Mask, levels: &Levels, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let ny = mask.grid().dims()[1];
    let mut moved = mask.clone();
    let words = mask.words_per_row();
    moved.bits_mut().par_chunks_mut(words * ny).enumerate().try_for_each(|(z, slice)| {
        ctx.check()?;
        let levels = levels.on_slice(z);
        for (y, row) in slice.chunks_exact_mut(words).enumerate() {
            let around = Around::new(mask, y, z);
            if around.is_empty() {
                continue;
            }
            let samples = volume.row(y, z);
            for (w, word) in row.iter_mut().enumerate() {
                let mut open = around.differing(w).into_iter().fold(0, |all, (_, bits)| all | bits);
                while open != 0 {
                    let bit = open & open.wrapping_neg();
                    open ^= bit;
                    let x = w * 64 + bit.trailing_zeros() as usize;
                    if let Some(level) = levels.measured(x, y) {
                        *word = if f64::from(samples[x]) >= level { *word | bit } else { *word & !bit };
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(moved)
}

/// A step from a voxel to a face neighbour.
#[derive(Clone, Copy)]
struct Step {
    axis: usize,
    sign: i32,
}

impl Step {
    fn from(self, mut voxel: [i32; 3]) -> [i32; 3] {
        voxel[self.axis] += self.sign;
        voxel
    }
}

/// A row of a mask and the rows beside it.
struct Around<'a> {
    row: &'a [u64],
    /// The bits of the last word that are voxels.
    last: u64,
    /// The rows before and behind along y, then along z; beyond the grid the row itself.
    beside: [&'a [u64]; 4],
}

impl<'a> Around<'a> {
    fn new(mask: &'a Mask, y: usize, z: usize) -> Self {
        let [_, ny, nz] = mask.grid().dims();
        let (before, behind) = (|i: usize| i.max(1) - 1, |i: usize, n: usize| (i + 1).min(n - 1));
        let beside = [(before(y), z), (behind(y, ny), z), (y, before(z)), (y, behind(z, nz))];
        Self { row: mask.row(y, z), last: mask.last_word(), beside: beside.map(|(y, z)| mask.row(y, z)) }
    }

    /// True when there is no voxel in any of the rows.
    fn is_empty(&self) -> bool {
        let any = |row: &[u64]| row.iter().fold(0, |all, word| all | word) != 0;
        !any(self.row) && !self.beside.iter().any(|row| any(row))
    }

    /// For each of the six steps to a face neighbour, the voxels of a word whose neighbour differs from them.
    ///
    /// Beyond the grid nothing differs.
    #[inline(always)]
    fn differing(&self, w: usize) -> [(Step, u64); 6] {
        let row = self.row;
        let word = row[w];
        let valid = if w + 1 == row.len() { self.last } else { u64::MAX };
        // The first and the last voxel of the row are their own neighbours beyond it.
        let low = word << 1 | if w > 0 { row[w - 1] >> 63 } else { word & 1 };
        let end = word & (valid ^ valid >> 1);
        let high = word >> 1 | row.get(w + 1).map_or(end, |next| next << 63);
        let beside = self.beside.map(|row| word ^ row[w]);
        [
            (Step { axis: 0, sign: -1 }, (word ^ low) & valid),
            (Step { axis: 0, sign: 1 }, (word ^ high) & valid),
            (Step { axis: 1, sign: -1 }, beside[0]),
            (Step { axis: 1, sign: 1 }, beside[1]),
            (Step { axis: 2, sign: -1 }, beside[2]),
            (Step { axis: 2, sign: 1 }, beside[3]),
        ]
    }
}

/// Calls `visit` with every voxel of a row that is inside and each step from it to a voxel outside.
#[inline(always)]
fn for_each_pair(mask: &Mask, y: usize, z: usize, mut visit: impl FnMut(usize, Step)) {
    let around = Around::new(mask, y, z);
    for (w, &word) in around.row.iter().enumerate().filter(|(_, word)| **word != 0) {
        for (step, bits) in around.differing(w) {
            let mut bits = bits & word;
            while bits != 0 {
                visit(w * 64 + bits.trailing_zeros() as usize, step);
                bits &= bits - 1;
            }
        }
    }
}

/// Sum and number of the levels of a block, in whole HU so that their order does not matter.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: i32,
    count: i32,
}

impl Sum {
    fn add(&mut self, level: f32) {
        self.sum += level as i32;
        self.count += 1;
    }

    /// One part of each neighbour and two of the middle.
    fn smooth(low: Self, middle: Self, high: Self) -> Self {
        Self { sum: low.sum + 2 * middle.sum + high.sum, count: low.count + 2 * middle.count + high.count }
    }
}

/// Averages each block with its neighbours.
fn average(sums: &[Sum], counts: [usize; 3], ctx: &Ctx) -> Result<Vec<i16>, Cancelled> {
    let [nx, ny, nz] = counts;
    let slab = nx * ny;
    let mut values = vec![NONE; sums.len()];
    values.par_chunks_mut(slab).enumerate().try_for_each(|(k, values)| {
        ctx.check()?;
        let slice = |k: usize| &sums[k * slab..(k + 1) * slab];
        let none = vec![Sum::default(); slab];
        let below = if k > 0 { slice(k - 1) } else { &none };
        let above = if k + 1 < nz { slice(k + 1) } else { &none };
        let flat: Vec<Sum> = (0..slab).map(|i| Sum::smooth(below[i], slice(k)[i], above[i])).collect();
        let empty = vec![Sum::default(); nx];
        let mut row = vec![Sum::default(); nx + 2];
        for j in 0..ny {
            let at = |j: usize| &flat[j * nx..(j + 1) * nx];
            let (low, high) =
                (if j > 0 { at(j - 1) } else { &empty }, if j + 1 < ny { at(j + 1) } else { &empty });
            for i in 0..nx {
                row[i + 1] = Sum::smooth(low[i], at(j)[i], high[i]);
            }
            for (value, near) in values[j * nx..(j + 1) * nx].iter_mut().zip(row.windows(3)) {
                let Sum { sum, count } = Sum::smooth(near[0], near[1], near[2]);
                if count > 0 {
                    *value = (sum + count / 2).div_euclid(count) as i16;
                }
            }
        }
        Ok(())
    })?;
    Ok(values)
}

/// The mean of all levels; without any, the mean of the voxels on both sides of the boundary.
fn overall(sums: &[Sum], volume: &Volume<i16>, mask: &Mask) -> Hu {
    let (mut sum, mut count) = sums.iter().fold((0_i64, 0_i64), |(sum, count), block| {
        (sum + i64::from(block.sum), count + i64::from(block.count))
    });
    if count == 0 {
        let [_, ny, nz] = mask.grid().dims();
        for (z, y) in (0..nz).flat_map(|z| (0..ny).map(move |y| (z, y))) {
            for_each_pair(mask, y, z, |x, step| {
                let [i, j, k] = step.from([x, y, z].map(|i| i as i32)).map(|i| i as usize);
                let outside = volume.at(i, j, k);
                sum += i64::from(volume.at(x, y, z)) + i64::from(outside);
                count += 2;
            });
        }
    }
    Hu(if count == 0 { 0.0 } else { sum as f64 / count as f64 })
}

/// Parts of a voxel in which places are counted.
const ONE: i64 = 1 << 16;

/// Takes grey profiles out of a volume.
struct Profiles<'a> {
    samples: &'a [i16],
    dims: [usize; 3],
    strides: [usize; 3],
    /// Takes a gradient by voxel index to the direction in the patient, as a step of voxel indices.
    metric: Mat3,
    /// Takes a step of voxel indices, multiplied from both sides, to the square of its length in mm. Like
    /// `metric` it is the same, to the last bit that counts, however the patient is turned.
    gram: Mat3,
}

impl<'a> Profiles<'a> {
    fn new(volume: &'a Volume<i16>) -> Self {
        let grid: &Grid = volume.grid();
        let [nx, ny, _] = grid.dims();
        let (linear, inverse) = (grid.to_patient().linear, grid.to_voxel().linear);
        Self {
            samples: volume.samples(),
            dims: grid.dims(),
            strides: [1, nx, nx * ny],
            metric: (inverse * inverse.transpose()).as_mat3(),
            gram: (linear.transpose() * linear).as_mat3(),
        }
    }

    /// The profile through the middle between a voxel inside and its neighbour outside.
    #[inline(always)]
    fn through(&self, inside: [i32; 3], step: Step) -> Profile {
        let along = self.metric * self.gradient(inside, step);
        let (voxels, mm) = (along.length(), along.dot(self.gram * along).sqrt());
        let mut profile = [0.0; 2 * SIDE + 1];
        if !(voxels > 0.0 && mm > 0.0) {
            return Profile(profile);
        }
        let along = along * (0.5 / voxels).max(LEAST_STEP as f32 / mm);
        // Places in 1/65536 of a voxel: whole numbers split into index and part without rounding calls.
        let step_by = along.to_array().map(|v| (v * ONE as f32) as i64);
        let mut place = inside.map(|i| i64::from(i) * ONE);
        place[step.axis] += i64::from(step.sign) * ONE / 2;
        let reach = SIDE as i64;
        let is_within = |a: usize| {
            let (p, q) = (place[a] - reach * step_by[a], place[a] + reach * step_by[a]);
            p.min(q) >= 0 && p.max(q) < (self.dims[a] as i64 - 1) * ONE
        };
        if (0..3).all(is_within) {
            return Profile(self.within([0, 1, 2].map(|a| place[a] - reach * step_by[a]), step_by));
        }
        for (i, value) in (-reach..).zip(&mut profile) {
            *value = self.sample([0, 1, 2].map(|a| place[a] + i * step_by[a]));
        }
        Profile(profile)
    }

    /// As `sample` for all places of a profile that lies within the grid, many at a time.
    #[inline(always)]
    fn within(&self, start: [i64; 3], step_by: [i64; 3]) -> [f32; 2 * SIDE + 1] {
        const COUNT: usize = 2 * SIDE + 1;
        let (mut parts, mut bases) = ([[0.0_f32; COUNT]; 3], [0_usize; COUNT]);
        for i in 0..COUNT {
            for a in 0..3 {
                // Never negative; and a part of a voxel fits into 32 bits, which are quicker to convert.
                let place = (start[a] + i as i64 * step_by[a]) as u64;
                parts[a][i] = (place % ONE as u64) as i32 as f32 * (1.0 / ONE as f32);
                bases[i] += (place / ONE as u64) as usize * self.strides[a];
            }
        }
        // The eight corners: pairs along x at both ends along y and z.
        let mut corners = [[[0_i16; 2]; COUNT]; 4];
        let starts = [0, self.strides[1], self.strides[2], self.strides[1] + self.strides[2]];
        for (corners, start) in corners.iter_mut().zip(starts) {
            for (pair, base) in corners.iter_mut().zip(bases) {
                if let Some(found) = self.samples.get(base + start..).and_then(|rest| rest.first_chunk()) {
                    *pair = *found;
                }
            }
        }
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let mut values = [0.0; COUNT];
        for (i, value) in values.iter_mut().enumerate() {
            let x = |row: usize| {
                let [low, high] = corners[row][i];
                mix(f32::from(low), f32::from(high), parts[0][i])
            };
            *value = mix(mix(x(0), x(1), parts[1][i]), mix(x(2), x(3), parts[1][i]), parts[2][i]);
        }
        values
    }

    /// The gradient between two neighbouring voxels, by voxel index.
    #[inline(always)]
    fn gradient(&self, inside: [i32; 3], step: Step) -> Vec3 {
        let outside = step.from(inside);
        let component = |axis: usize| {
            if step.axis == axis {
                return step.sign as f32 * (self.at(outside) - self.at(inside));
            }
            let near = |p, sign| self.at(Step { axis, sign }.from(p));
            (near(inside, 1) - near(inside, -1) + near(outside, 1) - near(outside, -1)) * 0.25
        };
        Vec3::new(component(0), component(1), component(2))
    }

    /// The value of a voxel; beyond the grid that of the nearest one.
    fn at(&self, p: [i32; 3]) -> f32 {
        let offset = |a: usize| p[a].clamp(0, self.dims[a] as i32 - 1) as usize * self.strides[a];
        f32::from(self.samples[offset(0) + offset(1) + offset(2)])
    }

    /// The trilinear value at a place in parts of a voxel; beyond the grid that of the nearest place on it.
    fn sample(&self, place: [i64; 3]) -> f32 {
        let (mut base, mut part, mut next) = (0, [0.0_f32; 3], [0; 3]);
        for a in 0..3 {
            let last = self.dims[a] as i64 - 1;
            let i = place[a].clamp(0, last * ONE);
            let low = (i / ONE).min((last - 1).max(0));
            part[a] = (i - low * ONE) as f32 * (1.0 / ONE as f32);
            base += low as usize * self.strides[a];
            // Along an axis of a single voxel the part is zero, and there is no next.
            next[a] = if last > 0 { self.strides[a] } else { 0 };
        }
        let at = |offset: usize| f32::from(self.samples[base + offset]);
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let x = |offset: usize| mix(at(offset), at(offset + next[0]), part[0]);
        let y = |offset: usize| mix(x(offset), x(offset + next[1]), part[1]);
        mix(y(0), y(next[2]), part[2])
    }
}

/// Grey values along the gradient, from outside to inside, in equal steps.
struct Profile([f32; 2 * SIDE + 1]);

impl Profile {
    /// The level half-way up the edge, or `None` where there is no edge.
    #[inline(always)]
    fn level(&self) -> Option<f32> {
        let p = &self.0;
        let steepest = self.steepest();
        let slope = (p[steepest + 1] - p[steepest - 1]) * 0.5;
        if slope <= 0.0 {
            return None;
        }
        let (_, outside) = walk(p[..=steepest].iter().rev().map(|v| -v), slope);
        let (steps, inside) = walk(p[steepest..].iter().copied(), slope);
        let (low, rise) = (-outside, inside + outside);
        if rise < LEAST_CONTRAST {
            return None;
        }
        let share = match self.width(steepest + steps, low + 0.5 * rise) {
            Some(width) => share_of_thin_wall(rise / (slope * width)),
            None => 0.5,
        };
        let (furthest_out, furthest_in) =
            (p[SIDE - MOST_SHIFT].min(p[SIDE]), p[SIDE + MOST_SHIFT].max(p[SIDE]));
        Some((low + share * rise).clamp(furthest_out, furthest_in))
    }

    /// The width at a level, in samples, of a wall with its peak at this sample; `None` when the
    /// profile does not fall below the level again.
    fn width(&self, peak: usize, level: f32) -> Option<f32> {
        let p = &self.0;
        let crossing = |i: usize| i as f32 + (level - p[i]) / (p[i + 1] - p[i]);
        let outer = (0..peak).rev().find(|&i| p[i] < level && p[i + 1] >= level)?;
        let inner = (peak..2 * SIDE).find(|&i| p[i] >= level && p[i + 1] < level)?;
        Some(crossing(inner) - crossing(outer))
    }

    /// The steepest sample on the flank of the middle one, no further than the level may shift.
    fn steepest(&self) -> usize {
        let rise = |i: usize| self.0[i + 1] - self.0[i - 1];
        let mut at = SIDE;
        loop {
            let steeper = [at - 1, at + 1]
                .into_iter()
                .filter(|&i| i.abs_diff(SIDE) <= MOST_SHIFT && rise(i) > rise(at))
                .max_by(|&a, &b| rise(a).total_cmp(&rise(b)));
            match steeper {
                Some(next) => at = next,
                None => return at,
            }
        }
    }
}

/// How far up its edge lies between the outside of a thin wall and its peak.
///
/// `sharpness` is the peak's height over slope times width at half height. For a wall of width w blurred by σ
/// it falls from 0.73 at w = 2.5 σ to 0.44 at 6 σ, and the edge lies erf(w/√2σ) / 2 erf(w/2√2σ) of the way
/// up: the pairs below, with the slope taken over ±0.6 σ as here. Thinner walls can no longer be told apart,
/// and are better printed a little thick than with holes, so the share stops at 0.6.
fn share_of_thin_wall(sharpness: f32) -> f32 {
    const PAIRS: [(f32, f32); 7] = [
        (0.441, 0.5),
        (0.522, 0.506),
        (0.569, 0.513),
        (0.617, 0.524),
        (0.663, 0.543),
        (0.703, 0.576),
        (0.718, 0.6),
    ];
    let above = PAIRS.partition_point(|pair| pair.0 <= sharpness);
    match (above.checked_sub(1).map(|i| PAIRS[i]), PAIRS.get(above)) {
        (None, _) => 0.5,
        (Some(last), None) => last.1,
        (Some(low), Some(high)) => low.1 + (high.1 - low.1) * (sharpness - low.0) / (high.0 - low.0),
    }
}

/// Follows rising values from the steepest place to where they flatten or a second rise begins: the number
/// of steps and the value there.
fn walk(mut values: impl Iterator<Item = f32>, slope: f32) -> (usize, f32) {
    let (mut steps, mut at) = (0, values.next().unwrap_or(0.0));
    let mut before = slope;
    for next in values {
        let rise = next - at;
        // Steeper again after it had eased off: the next edge.
        let second = before < 0.6 * slope && rise > 1.3 * before;
        if rise < FLAT * slope || second {
            break;
        }
        (before, at, steps) = (rise, next, steps + 1);
    }
    (steps, at)
}

#[cfg(test)]
mod tests;
