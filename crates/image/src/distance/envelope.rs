//! The least sum of a column of numbers and of a cost of moving along the column, for many columns at once.
//!
//! With a convex cost the place that is best for one row never lies before the place that is best for an earlier
//! row, so half of the candidates drop out at every halving of the rows: `n log n` sums for `n` rows. That holds
//! lane by lane; columns side by side have their best places near each other, so they share the ranges.

use multiversion::multiversion;
use std::ops::Add;

/// Columns worked on side by side: one vector of 512 bits of `f32`, or two of `f64`.
pub(super) const LANES: usize = 16;

/// The bits of the columns that are worked on at once.
pub(super) const LANE_BITS: u64 = (1 << LANES) - 1;

/// A row of the columns.
pub(super) type Row<T> = [T; LANES];

/// The two kinds of numbers: `f32` where squares of voxel steps are whole numbers it can hold, else `f64`.
pub(super) trait Real: Copy + PartialOrd + Add<Output = Self> + Send + Sync {
    /// Nothing.
    const ZERO: Self;
    /// No place to come from.
    const NEVER: Self;

    /// Number of a sample of an unfinished pass.
    fn of(sample: f32) -> Self;

    /// A cost, rounded once.
    fn cost(value: f64) -> Self;

    /// The number as a sample, rounded once.
    fn sample(self) -> f32;

    /// The root of the number, rounded once.
    fn root(self, scale: f64) -> f32;

    /// [`lowest`], compiled for the instructions at hand.
    fn lowest(rows: &[Row<Self>], costs: &[Self], todo: &mut Vec<Span>, out: &mut [Row<Self>]);
}

/// Rows whose best places are still to be found, and the rows these places are among.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: usize,
    to: usize,
    low: usize,
    high: usize,
}

impl Span {
    /// The rows `from..to`, whose best places are any of the rows `0..rows`.
    pub(super) const fn new(from: usize, to: usize, rows: usize) -> Self {
        Self { from, to, low: 0, high: rows - 1 }
    }

    /// The rows `from..to`, whose best places are among the rows `low..=high`.
    pub(super) const fn within([from, to]: [usize; 2], [low, high]: [usize; 2]) -> Self {
        Self { from, to, low, high }
    }
}

/// For every row `i` of the spans in `todo` the least `rows[j] + costs[middle + i - j]` over all `j`.
///
/// `costs` has an odd length, `middle` is its middle, and is convex.
#[inline(always)]
fn lowest<T: Real>(rows: &[Row<T>], costs: &[T], todo: &mut Vec<Span>, out: &mut [Row<T>]) {
    let middle = costs.len() / 2;
    while let Some(span) = todo.pop() {
        if span.low == span.high {
            for i in span.from..span.to {
                out[i] = rows[span.low].map(|value| value + costs[middle + i - span.low]);
            }
            continue;
        }
        let i = span.from.midpoint(span.to);
        let mut best = [T::NEVER; LANES];
        let mut place = [i32::MAX; LANES];
        let ways = costs[middle + i - span.high..=middle + i - span.low].iter().rev();
        for ((j, row), &cost) in (span.low as i32..).zip(&rows[span.low..=span.high]).zip(ways) {
            for lane in 0..LANES {
                let sum = row[lane] + cost;
                let better = sum < best[lane];
                best[lane] = if better { sum } else { best[lane] };
                place[lane] = if better { j } else { place[lane] };
            }
        }
        out[i] = best;
        // Lanes that nothing reaches say nothing about the others.
        let first = place.iter().fold(i32::MAX, |least, &place| least.min(place));
        let last = place.iter().fold(-1, |most, &place| most.max(if place == i32::MAX { -1 } else { place }));
        if last < 0 {
            out[span.from..span.to].fill([T::NEVER; LANES]);
            continue;
        }
        let (first, last) = (first as usize, last as usize);
        if i + 1 < span.to {
            todo.push(Span { from: i + 1, low: first, ..span });
        }
        if span.from < i {
            todo.push(Span { to: i, high: last, ..span });
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn lowest_f32(rows: &[Row<f32>], costs: &[f32], todo: &mut Vec<Span>, out: &mut [Row<f32>]) {
    lowest(rows, costs, todo, out);
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn lowest_f64(rows: &[Row<f64>], costs: &[f64], todo: &mut Vec<Span>, out: &mut [Row<f64>]) {
    lowest(rows, costs, todo, out);
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const NEVER: Self = Self::INFINITY;

    fn of(sample: f32) -> Self {
        sample
    }

    fn cost(value: f64) -> Self {
        value as Self
    }

    fn sample(self) -> f32 {
        self
    }

    fn root(self, scale: f64) -> f32 {
        (f64::from(self) * scale).sqrt() as Self
    }

    fn lowest(rows: &[Row<Self>], costs: &[Self], todo: &mut Vec<Span>, out: &mut [Row<Self>]) {
        lowest_f32(rows, costs, todo, out);
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const NEVER: Self = Self::INFINITY;

    fn of(sample: f32) -> Self {
        sample.into()
    }

    fn cost(value: f64) -> Self {
        value
    }

    fn sample(self) -> f32 {
        self as f32
    }

    fn root(self, scale: f64) -> f32 {
        (self * scale).sqrt() as f32
    }

    fn lowest(rows: &[Row<Self>], costs: &[Self], todo: &mut Vec<Span>, out: &mut [Row<Self>]) {
        lowest_f64(rows, costs, todo, out);
    }
}
