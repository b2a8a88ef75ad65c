//! Distances on a grid whose slices are moved against each other, as a tilted gantry leaves them.
//!
//! For two given slices the way between a voxel of the one and a voxel of the other has a fixed height and a fixed
//! shift along rows and columns, so its square is a sum again: each pair of slices is a lowest envelope with a cost
//! that is not symmetric. Pairs are taken from near to far until their height alone is more than what was found.

use super::envelope::{LANE_BITS, LANES, Real, Row, Span};
use super::upright::fill_row;
use super::{Border, Part, Steps};
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;

/// Writes the distances of all voxels of `part` into `samples`, with the sign of the part.
///
/// `samples` at the other voxels stay as they are.
pub(super) fn measure(part: &Part, steps: &Steps, samples: &mut [f32], ctx: &Ctx) -> Result<(), Cancelled> {
    let [nx, ny, nz] = part.mask.grid().dims();
    samples.par_chunks_mut(nx * ny).enumerate().try_for_each(|(z, samples)| {
        let mut slice = Slice::new(part, steps, z);
        for apart in 0.. {
            if !slice.is_open(apart) || (part.border == Border::Inside && apart >= nz as i64) {
                break;
            }
            for apart in [Some(apart), (apart > 0).then_some(-apart)].into_iter().flatten() {
                ctx.check()?;
                slice.compare(apart);
            }
        }
        slice.store(samples);
        Ok(())
    })?;
    ctx.done(1.0)
}

/// One slice whose voxels look for the nearest voxel that is not of the part.
struct Slice<'a> {
    part: &'a Part<'a>,
    steps: &'a Steps,
    z: usize,
    /// The least squares of distances in mm², tile after tile of columns; zero for voxels not of the part.
    best: Vec<Row<f64>>,
    open: Vec<Stretch>,
    /// Squares along the rows of the other slice, tile after tile, and what comes of them.
    rows: Vec<Row<f64>>,
    out: Vec<Row<f64>>,
    todo: Vec<Span>,
}

/// Rows `from..to` of a tile that may still come nearer.
struct Stretch {
    tile: usize,
    from: usize,
    to: usize,
    /// The largest of their squares.
    most: f64,
}

impl<'a> Slice<'a> {
    fn new(part: &'a Part, steps: &'a Steps, z: usize) -> Self {
        let [_, ny, _] = part.mask.grid().dims();
        let words = part.words((0..ny).map(|y| part.mask.row(y, z)));
        let per_row = part.mask.words_per_row();
        let mut best = Vec::with_capacity(words.len() * 64 / LANES);
        let mut open = Vec::new();
        for tile in 0..per_row * (64 / LANES) {
            let bits = |y: usize| words[y * per_row + tile * LANES / 64] >> (tile * LANES % 64) & LANE_BITS;
            best.extend((0..ny).map(|y| {
                let bits = bits(y);
                std::array::from_fn::<f64, LANES, _>(|i| if bits >> i & 1 == 1 { f64::INFINITY } else { 0.0 })
            }));
            let mut from = 0;
            while let Some(start) = (from..ny).find(|&y| bits(y) != 0) {
                let to = (start..ny).find(|&y| bits(y) == 0).unwrap_or(ny);
                open.push(Stretch { tile, from: start, to, most: f64::INFINITY });
                from = to;
            }
        }
        Self { part, steps, z, best, open, rows: Vec::new(), out: Vec::new(), todo: Vec::new() }
    }

    /// The square of the height between this slice and one `apart` slices away.
    fn height(&self, apart: i64) -> f64 {
        let height = (apart.abs() as f64 - f64::from(self.steps.short)).max(0.0) * self.steps.mm[2];
        height * height
    }

    /// Closes the stretches that no slice `apart` slices away can bring nearer; false when none is left.
    fn is_open(&mut self, apart: i64) -> bool {
        let height = self.height(apart);
        self.open.retain(|stretch| stretch.most > height);
        !self.open.is_empty()
    }

    /// Brings the open stretches nearer by the voxels of the slice `apart` slices above.
    fn compare(&mut self, apart: i64) {
        let [_, ny, nz] = self.part.mask.grid().dims();
        let other = self.z as i64 + apart;
        let exists = (0..nz as i64).contains(&other);
        if !exists && self.part.border == Border::Inside {
            return;
        }
        let [_, sy, _] = self.steps.mm;
        let shift = self.steps.shift[1] * apart as f64;
        // Rows beyond the grid matter as far as the shift takes voxels there, and one more.
        let pad = match self.part.border {
            Border::Inside => 0,
            Border::Outside => (shift.abs() / sy) as usize + 2,
        };
        let count = ny + 2 * pad;
        let short = f64::from(self.steps.short);
        let costs: Vec<f64> = (-(count as i64)..=count as i64)
            .map(|back| {
                let way = ((shift - sy * back as f64).abs() - short * sy).max(0.0);
                way * way
            })
            .collect();
        // Rows of the other slice that a voxel of the stretch could still be nearest to.
        let reach = |stretch: &Stretch| {
            let most = libm::sqrt(stretch.most) / sy + short;
            let at = |y: usize, most: f64| (y + pad) as f64 - shift / sy + most;
            let low = at(stretch.from, -most).floor().max(0.0) as usize;
            let high = at(stretch.to - 1, most).ceil().min(count as f64 - 1.0);
            (high >= low as f64).then_some((low, high as usize))
        };
        let Some((first, last)) =
            self.open.iter().filter_map(reach).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        else {
            return;
        };
        let mut rows = std::mem::take(&mut self.rows);
        rows.resize(self.best.len() / ny * count, [0.0; LANES]);
        for row in first..=last {
            let y = row.checked_sub(pad).filter(|&y| exists && y < ny);
            self.fill_row(y.map(|y| self.part.mask.row(y, other as usize)), apart, row, &mut rows);
        }
        self.out.resize(count, [0.0; LANES]);
        let height = self.height(apart);
        for stretch in &mut self.open {
            let Some((low, high)) = reach(stretch) else { continue };
            self.todo.push(Span::within([stretch.from + pad, stretch.to + pad], [low, high]));
            let tile = &rows[stretch.tile * count..(stretch.tile + 1) * count];
            f64::lowest(tile, &costs, &mut self.todo, &mut self.out);
            stretch.most = 0.0;
            let best = &mut self.best[stretch.tile * ny..][stretch.from..stretch.to];
            for (best, out) in best.iter_mut().zip(&self.out[stretch.from + pad..]) {
                for (best, &out) in best.iter_mut().zip(out) {
                    *best = best.min(out + height);
                    stretch.most = stretch.most.max(*best);
                }
            }
        }
        self.rows = rows;
    }

    /// The squares along one row of the other slice, seen from the columns of this one; `None` beyond the grid.
    fn fill_row(&self, row: Option<&[u64]>, apart: i64, at: usize, rows: &mut [Row<f64>]) {
        let [nx, ny, _] = self.part.mask.grid().dims();
        let count = rows.len() / (self.best.len() / ny);
        let sx = self.steps.mm[0];
        let mut put = |x: usize, steps: f64| rows[x / LANES * count + at][x % LANES] = steps * (sx * sx);
        if self.steps.shift[0] == 0.0 {
            let mut line = vec![0.0; nx];
            if let Some(row) = row {
                fill_row(self.part, self.steps, row, &mut line);
            }
            line.iter().enumerate().for_each(|(x, &square)| put(x, square.into()));
            return;
        }
        let seen = -self.steps.shift[0] * apart as f64 / sx;
        let others = Others::new(self.part, row);
        for x in 0..nx {
            let near = (others.nearest(x as i64 + seen.floor() as i64, seen - seen.floor())
                - f64::from(self.steps.short))
            .max(0.0);
            put(x, near * near);
        }
    }

    /// The distances, with the sign of the part.
    fn store(&self, samples: &mut [f32]) {
        let [nx, ny, _] = self.part.mask.grid().dims();
        for (y, line) in samples.chunks_exact_mut(nx).enumerate() {
            for (x, sample) in line.iter_mut().enumerate() {
                let square = self.best[x / LANES * ny + y][x % LANES];
                if square > 0.0 {
                    *sample = libm::sqrt(square) as f32 * self.part.sign;
                }
            }
        }
    }
}

/// The voxels of one row that are not of the part, and what lies beyond the row.
struct Others {
    /// Whether there are any beyond the row.
    beyond: bool,
    /// The nearest one at or before each place.
    before: Vec<f64>,
    /// The nearest one at or after each place.
    after: Vec<f64>,
}

impl Others {
    /// Of a row of the mask; `None` for a row beyond the grid.
    fn new(part: &Part, row: Option<&[u64]>) -> Self {
        let nx = part.mask.grid().dims()[0];
        let beyond = part.border == Border::Outside;
        let other = |x: usize| row.is_none_or(|row| (row[x / 64] ^ part.flip) >> (x % 64) & 1 == 0);
        let (mut before, mut after) = (vec![0.0; nx], vec![0.0; nx]);
        let mut last = if beyond { -1.0 } else { f64::NEG_INFINITY };
        let mut next = if beyond { nx as f64 } else { f64::INFINITY };
        for (x, before) in before.iter_mut().enumerate() {
            last = if other(x) { x as f64 } else { last };
            *before = last;
        }
        for (x, after) in after.iter_mut().enumerate().rev() {
            next = if other(x) { x as f64 } else { next };
            *after = next;
        }
        Self { beyond, before, after }
    }

    /// Steps from the place `rest` after voxel `x`, which may lie beyond the row, to the nearest one.
    fn nearest(&self, x: i64, rest: f64) -> f64 {
        let nx = self.before.len() as i64;
        let beyond = |x: i64| self.beyond && !(0..nx).contains(&x);
        let before = match x {
            _ if beyond(x) => x as f64,
            _ if x < 0 => f64::NEG_INFINITY,
            _ => self.before[x.min(nx - 1) as usize],
        };
        let after = match x + 1 {
            next if beyond(next) => next as f64,
            next if next >= nx => f64::INFINITY,
            next => self.after[next.max(0) as usize],
        };
        let place = x as f64 + rest;
        (place - before).min(after - place)
    }
}
