//! Rows of bits of a box of voxels, which may reach beyond the grid.

use osteon_core::{Grid, Mask};
use rayon::prelude::*;

/// A box of voxels `from..to`; indices may lie beyond the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: [i64; 3],
    pub(super) to: [i64; 3],
}

impl Span {
    /// The box around a mask, `None` around nothing.
    pub(super) fn of(mask: &Mask) -> Option<Self> {
        mask.extent().map(|(from, to)| Self { from: from.map(|i| i as i64), to: to.map(|i| i as i64) })
    }

    /// The box with this many more voxels on both sides along each axis.
    pub(super) fn grown(&self, by: [i64; 3]) -> Self {
        Self { from: [0, 1, 2].map(|a| self.from[a] - by[a]), to: [0, 1, 2].map(|a| self.to[a] + by[a]) }
    }

    /// The part of the box that is within the grid.
    pub(super) fn within(&self, grid: &Grid) -> Self {
        let dims = grid.dims().map(|n| n as i64);
        Self { from: self.from.map(|i| i.max(0)), to: [0, 1, 2].map(|a| self.to[a].min(dims[a])) }
    }

    /// The words, counted from the start of the grid's rows, that hold the box.
    fn words(&self) -> (i64, usize) {
        let first = self.from[0].div_euclid(64);
        (first, ((self.to[0] - 1).div_euclid(64) + 1 - first) as usize)
    }

    /// The bits of a word, counted from the start of the grid's rows, that are of the box.
    fn bits(&self, word: i64) -> u64 {
        let below = |x: i64| match (x - 64 * word).clamp(0, 64) {
            64 => u64::MAX,
            bits => (1 << bits) - 1,
        };
        below(self.to[0]) & !below(self.from[0])
    }
}

/// The bits of a box: rows of whole words, slice after slice. Bits of these words beyond the box mean nothing.
pub(super) struct Block {
    pub(super) span: Span,
    /// First word, counted from the start of the grid's rows.
    pub(super) first: i64,
    /// Words in a row.
    pub(super) words: usize,
    pub(super) bits: Vec<u64>,
}

impl Block {
    /// The box with all bits zero.
    pub(super) fn empty(span: &Span) -> Self {
        let (first, words) = span.words();
        let block = Self { span: *span, first, words, bits: Vec::new() };
        Self { bits: vec![0; block.rows() * block.slices() * words], ..block }
    }

    /// The bits of a mask in a box, all turned over when `flip` is all ones; zeros beyond the grid.
    ///
    /// Slices beyond the grid are left out, and rows beyond it but for `margin`.
    pub(super) fn of(mask: &Mask, span: &Span, flip: u64, margin: i64) -> Self {
        let inner = span.within(mask.grid());
        let rows = inner.grown([0, margin, 0]);
        let span = &Span {
            from: [span.from[0], rows.from[1], inner.from[2]],
            to: [span.to[0], rows.to[1], inner.to[2]],
        };
        let mut block = Self::empty(span);
        let (first, per_row, per_slice) = (block.first, block.words, block.words * block.rows());
        block.bits.par_chunks_mut(per_slice).enumerate().for_each(|(z, slice)| {
            let z = z as i64 + span.from[2];
            for (row, y) in slice.chunks_exact_mut(per_row).zip(span.from[1]..) {
                if (inner.from[1]..inner.to[1]).contains(&y) {
                    let words = mask.row(y as usize, z as usize);
                    for (to, word) in row.iter_mut().zip(first..) {
                        let bits = usize::try_from(word).ok().and_then(|word| words.get(word));
                        *to = bits.map_or(0, |bits| (bits ^ flip) & inner.bits(word));
                    }
                }
            }
        });
        block
    }

    /// Rows in a slice.
    pub(super) const fn rows(&self) -> usize {
        (self.span.to[1] - self.span.from[1]) as usize
    }

    /// Slices.
    pub(super) const fn slices(&self) -> usize {
        (self.span.to[2] - self.span.from[2]) as usize
    }

    /// The bits of the box as a mask of a grid that holds it.
    pub(super) fn place(&self, grid: &Grid) -> Mask {
        let mut mask = Mask::empty(grid);
        let (words, per_slice) = (mask.words_per_row(), mask.words_per_slice());
        let [x, y, z] = [self.first as usize, self.span.from[1] as usize, self.span.from[2] as usize];
        mask.bits_mut()[z * per_slice..]
            .par_chunks_mut(per_slice)
            .zip(self.bits.par_chunks(self.words * self.rows()))
            .for_each(|(slice, bits)| {
                let rows = slice[y * words..].chunks_exact_mut(words);
                for (row, bits) in rows.zip(bits.chunks_exact(self.words)) {
                    for ((to, &bits), word) in row[x..].iter_mut().zip(bits).zip(self.first..) {
                        *to = bits & self.span.bits(word);
                    }
                }
            });
        mask
    }
}
