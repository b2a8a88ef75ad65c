//! A ball of voxel steps, and the joining of all rows of words it reaches.
//!
//! On a grid with axes at right angles the ball is a stack of rows that reach equally far to both sides. All rows
//! are joined from the widest to the narrowest, and what is joined already is widened by one voxel in between: each
//! row is read once, and widening costs as many steps as the ball is wide, not as many as it has rows.

use super::block::{Block, Span};
use glam::DVec3;
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Grid};
use rayon::prelude::*;

/// The steps from a voxel to those within the radius.
pub(super) struct Ball {
    /// The rows `(y, z)` that reach from `-n` to `n` along x, at place `n`.
    levels: Vec<Vec<[i64; 2]>>,
    /// The rows that do not reach equally far to both sides, as on a sheared grid.
    beams: Vec<Beam>,
    /// The furthest step along each axis.
    reach: [i64; 3],
}

/// Rows that reach from `low` to `high` along x.
struct Beam {
    low: i64,
    high: i64,
    rows: Vec<[i64; 2]>,
}

/// Steps of exactly the radius stay in however the map is rounded: the positions and directions of a DICOM
/// header are good to some 1e-12 of a slice distance, and a turned patient must give the same ball.
const SLACK: f64 = 1e-6;

/// Steps that a ball may take even on a thinner grid. Chosen: 40 mm on the finest clinical grids; a ball that is cut
/// off beyond still grows and shrinks as it must, and closes what only a wider ball around a thin grid would leave.
const BEYOND: usize = 100;

/// Rows joined at a time: with the rows around them they fit the fastest cache.
pub(super) const ROWS: usize = 16;

impl Ball {
    /// The ball of `radius` mm; of no step but none when the radius is not positive.
    pub(super) fn new(grid: &Grid, radius: f64) -> Self {
        let radius = radius.max(0.0);
        let linear = grid.to_patient().linear;
        let inverse = grid.to_voxel().linear.transpose();
        let dims = grid.dims();
        // A step d has d[a] = (row a of the inverse) · (its mm), so |d[a]| ≤ |row a| · radius.
        let rows = [inverse.x_axis, inverse.y_axis, inverse.z_axis];
        // No step further than the grid is wide joins two of its voxels; steps beyond it matter on the way there and
        // back, where the grid is thinner than the ball.
        let most = dims.map(|n| n.max(BEYOND) as f64);
        let bound = [0, 1, 2].map(|a| (rows[a].length() * radius * (1.0 + SLACK)).min(most[a]) as i64);
        let within = |x: i64, y: i64, z: i64| {
            (linear * DVec3::new(x as f64, y as f64, z as f64)).length() <= radius * (1.0 + SLACK)
        };
        let mut ball = Self { levels: Vec::new(), beams: Vec::new(), reach: [0; 3] };
        for z in -bound[2]..=bound[2] {
            for y in -bound[1]..=bound[1] {
                let mut span = (-bound[0]..=bound[0]).filter(|&x| within(x, y, z));
                if let Some(low) = span.next() {
                    ball.add([y, z], low, span.next_back().unwrap_or(low));
                }
            }
        }
        ball
    }

    fn add(&mut self, row: [i64; 2], low: i64, high: i64) {
        let furthest = [low.abs().max(high.abs()), row[0].abs(), row[1].abs()];
        self.reach = [0, 1, 2].map(|a| self.reach[a].max(furthest[a]));
        if low == -high {
            let level = high as usize;
            self.levels.resize(self.levels.len().max(level + 1), Vec::new());
            self.levels[level].push(row);
        } else if let Some(beam) = self.beams.iter_mut().find(|beam| (beam.low, beam.high) == (low, high)) {
            beam.rows.push(row);
        } else {
            self.beams.push(Beam { low, high, rows: vec![row] });
        }
    }

    /// The furthest step along each axis.
    pub(super) const fn reach(&self) -> [i64; 3] {
        self.reach
    }

    /// Every voxel of `span` a step of the ball away from one of `from`; turned over when `flip` is all ones.
    ///
    /// `from` must hold `span` and the ball around it, or be empty in [`ROWS`] rows towards what it does not hold.
    pub(super) fn dilate(&self, from: &Block, span: &Span, flip: u64, ctx: &Ctx) -> Result<Block, Cancelled> {
        let mut to = Block::empty(span);
        let source =
            Source { from, filled: filled(from), offset: [1, 2].map(|a| span.from[a] - from.span.from[a]) };
        let skip = (to.first - from.first) as usize;
        let (words, per_slice) = (to.words, to.words * to.rows());
        to.bits.par_chunks_mut(per_slice).enumerate().try_for_each_init(
            || Joined::new(from.words * ROWS, self.reach[0]),
            |joined, (z, slice)| {
                for (chunk, rows) in slice.chunks_mut(words * ROWS).enumerate() {
                    ctx.check()?;
                    let any = self.join(&source, [chunk * ROWS, z], rows.len() / words, joined);
                    if !any {
                        rows.fill(flip);
                        continue;
                    }
                    let joined = joined.words().chunks_exact(from.words);
                    for (row, joined) in rows.chunks_exact_mut(words).zip(joined) {
                        let joined = &joined[skip..];
                        row.iter_mut().zip(joined).for_each(|(to, from)| *to = from ^ flip);
                    }
                }
                Ok(())
            },
        )?;
        Ok(to)
    }

    /// Joins all that the ball brings to `count` rows from row `at`; false when that is nothing.
    fn join(&self, source: &Source, at: [usize; 2], count: usize, joined: &mut Joined) -> bool {
        let mut any = false;
        let size = count * source.from.words;
        joined.clear(size);
        for level in self.levels.iter().rev() {
            if any {
                joined.widen();
            }
            if source.starts(level, at, count, &mut joined.starts) {
                any = true;
                gather(&source.from.bits, &joined.starts, &mut joined.bits[1..=size]);
            }
        }
        for beam in &self.beams {
            if source.starts(&beam.rows, at, count, &mut joined.starts) {
                any = true;
                let pad = joined.pad;
                joined.beam.clear();
                joined.beam.resize(pad + size, 0);
                gather(&source.from.bits, &joined.starts, &mut joined.beam[pad..]);
                smear(&mut joined.beam, beam.low, (beam.high - beam.low) as usize, pad);
                joined.bits[1..].iter_mut().zip(&joined.beam[pad..]).for_each(|(to, from)| *to |= from);
            }
        }
        any
    }
}

/// Where rows come from.
struct Source<'a> {
    from: &'a Block,
    /// For each slice, how many of the rows before each row are not empty.
    filled: Vec<u32>,
    /// First row and slice that are looked for.
    offset: [i64; 2],
}

impl Source<'_> {
    /// Where the words of `count` rows from row `at` start, moved by each of `steps`; false when all are empty.
    fn starts(&self, steps: &[[i64; 2]], at: [usize; 2], count: usize, starts: &mut Vec<usize>) -> bool {
        let rows = self.from.rows();
        starts.clear();
        starts.extend(steps.iter().filter_map(|step| {
            let y = usize::try_from(at[0] as i64 + self.offset[0] - step[0]).ok()?;
            let z = usize::try_from(at[1] as i64 + self.offset[1] - step[1]).ok()?;
            if y + count > rows || z >= self.from.slices() {
                return None;
            }
            let filled = &self.filled[z * (rows + 1)..(z + 1) * (rows + 1)];
            (filled[y + count] > filled[y]).then_some((z * rows + y) * self.from.words)
        }));
        !starts.is_empty()
    }
}

/// For each slice, how many of the rows before each row are not empty.
fn filled(block: &Block) -> Vec<u32> {
    let rows = block.rows();
    let mut filled = vec![0; (rows + 1) * block.slices()];
    filled.par_chunks_mut(rows + 1).zip(block.bits.par_chunks(block.words * rows)).for_each(
        |(filled, bits)| {
            for (y, row) in bits.chunks_exact(block.words).enumerate() {
                filled[y + 1] = filled[y] + u32::from(row.iter().any(|&word| word != 0));
            }
        },
    );
    filled
}

/// Rows being joined.
struct Joined {
    /// With a word before and one after them, which stay zero.
    bits: Vec<u64>,
    next: Vec<u64>,
    /// Rows of one beam, with `pad` words before them.
    beam: Vec<u64>,
    pad: usize,
    starts: Vec<usize>,
}

impl Joined {
    fn new(words: usize, reach: i64) -> Self {
        let pad = (reach as usize).div_ceil(64);
        Self { bits: vec![0; words + 2], next: vec![0; words + 2], beam: Vec::new(), pad, starts: Vec::new() }
    }

    fn clear(&mut self, size: usize) {
        self.bits.clear();
        self.bits.resize(size + 2, 0);
        self.next.resize(size + 2, 0);
    }

    /// The joined rows. The ends of a row run into those of its neighbours, no further than the ball reaches.
    fn words(&self) -> &[u64] {
        &self.bits[1..self.bits.len() - 1]
    }

    fn widen(&mut self) {
        widen(&self.bits, &mut self.next);
        std::mem::swap(&mut self.bits, &mut self.next);
        let last = self.bits.len() - 1;
        (self.bits[0], self.bits[last]) = (0, 0);
    }
}

/// Adds to `joined` the words of `bits` from each of `starts` on.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn gather(bits: &[u64], starts: &[usize], joined: &mut [u64]) {
    let n = joined.len();
    let (fours, rest) = starts.as_chunks::<4>();
    for four in fours {
        let [a, b, c, d] = four.map(|start| &bits[start..start + n]);
        for i in 0..n {
            joined[i] |= a[i] | b[i] | c[i] | d[i];
        }
    }
    for &start in rest {
        joined.iter_mut().zip(&bits[start..start + n]).for_each(|(to, from)| *to |= from);
    }
}

/// Every bit of `from` and those next to it; the first and the last word only lend bits.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn widen(from: &[u64], to: &mut [u64]) {
    let n = from.len() - 2;
    let (before, here, after) = (&from[..n], &from[1..=n], &from[2..n + 2]);
    let to = &mut to[1..=n];
    for i in 0..n {
        to[i] = here[i] | here[i] << 1 | before[i] >> 63 | here[i] >> 1 | after[i] << 63;
    }
}

/// Moves rows by `low` voxels and smears it over `span` more, towards higher x.
///
/// The first `pad` words are room for what moves below zero before it is smeared back.
pub(super) fn smear(row: &mut [u64], low: i64, span: usize, pad: usize) {
    let away = low.unsigned_abs() as usize;
    if low < 0 {
        debug_assert!(away <= pad * 64);
        let (skip, bits) = (away / 64, away % 64);
        for i in 0..row.len() {
            let word = |i: usize| row.get(i).copied().unwrap_or(0);
            let high = if bits == 0 { 0 } else { word(i + skip + 1) << (64 - bits) };
            row[i] = word(i + skip) >> bits | high;
        }
    } else {
        up(row, away, |_, moved| moved);
    }
    let mut done = 1;
    while done <= span {
        let step = done.min(span + 1 - done);
        up(row, step, |stays, moved| stays | moved);
        done += step;
    }
}

/// Replaces each word by `with` of itself and of what comes to it when the row moves up by `step` voxels.
fn up(row: &mut [u64], step: usize, with: impl Fn(u64, u64) -> u64) {
    let (skip, bits) = (step / 64, step % 64);
    for i in (0..row.len()).rev() {
        let word = |back: usize| i.checked_sub(back).map_or(0, |i| row[i]);
        let low = if bits == 0 { 0 } else { word(skip + 1) >> (64 - bits) };
        row[i] = with(row[i], word(skip) << bits | low);
    }
}
