//! How often each value occurs among the measured slices.

use crate::dicom::pixel::Sample;
use crate::dicom::stack::slots::Slot;
use rayon::prelude::*;

/// Counts of whole values from −32768 to 32767; what is beyond counts at the ends.
pub(crate) struct Histogram {
    counts: Vec<u32>,
    total: u64,
    /// Voxels that each counted one stands for.
    pub(crate) stands_for: u64,
}

/// Values of 16 bits.
const BINS: usize = 1 << 16;
/// Volumes of more voxels are counted in every fourth row, another one in each slice: shares come out the same
/// to a thousandth.
const WHOLE: usize = 1 << 22;
/// Rows from one counted to the next in large volumes.
const ROWS: usize = 4;

impl Histogram {
    /// Counts the slices that were measured; rows of `width` samples.
    pub(crate) fn of<T: Sample>(samples: &[T], [width, height]: [usize; 2], slots: &[Slot]) -> Self {
        let every = if samples.len() > WHOLE { ROWS } else { 1 };
        let counts = samples
            .par_chunks_exact(width * height)
            .zip(slots.par_iter())
            .enumerate()
            .filter(|(_, (_, slot))| matches!(slot, Slot::Measured(_)))
            .fold(
                || vec![0_u32; BINS],
                |mut counts, (z, (slice, _))| {
                    for row in slice.chunks_exact(width).skip(z % every).step_by(every) {
                        for &sample in row {
                            // Below zero wraps into the upper half, which `at` knows.
                            counts[usize::from(sample.whole_part() as u16)] += 1;
                        }
                    }
                    counts
                },
            )
            .reduce(
                || vec![0_u32; BINS],
                |mut a, b| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                    a
                },
            );
        let total = counts.iter().map(|&n| u64::from(n)).sum();
        Self { counts, total, stands_for: every as u64 }
    }

    /// How many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many of the counted ones have a value from `low` to `high`.
    pub(crate) fn count(&self, low: i16, high: i16) -> u64 {
        (low..=high).map(|value| u64::from(self.at(value))).sum()
    }

    /// How many of the counted ones have this value.
    pub(crate) fn at(&self, value: i16) -> u32 {
        self.counts[usize::from(value as u16)]
    }

    /// The share of the values from `low` to `high`, 0 to 1.
    pub(crate) fn share(&self, low: i16, high: i16) -> f64 {
        self.count(low, high) as f64 / self.total.max(1) as f64
    }

    /// Takes a value out of the count.
    pub(crate) fn forget(&mut self, value: i16) {
        let count = std::mem::take(&mut self.counts[usize::from(value as u16)]);
        self.total -= u64::from(count);
    }
}
