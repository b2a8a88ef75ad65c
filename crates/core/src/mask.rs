//! Which voxels belong to one structure, one bit a voxel.

use crate::grid::Grid;

/// A set of voxels of a grid, one bit a voxel in rows of 64-bit words.
///
/// Bit `x % 64` of word `x / 64` of row `(y, z)` is voxel `(x, y, z)`. Bits past the end of a row are
/// always zero, so counting and comparing whole words is right. 512×512×600 voxels take 20 MB.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    grid: Grid,
    words: usize,
    bits: Vec<u64>,
}

impl Mask {
    /// No voxel of the grid.
    pub fn empty(grid: &Grid) -> Self {
        let [nx, ny, nz] = grid.dims();
        let words = nx.div_ceil(64);
        Self { grid: grid.clone(), words, bits: vec![0; words * ny * nz] }
    }

    /// Every voxel for which `holds(x, y, z)` is true.
    pub fn where_true(grid: &Grid, holds: impl Fn(usize, usize, usize) -> bool) -> Self {
        let mut mask = Self::empty(grid);
        let [nx, ny, nz] = grid.dims();
        for z in 0..nz {
            for y in 0..ny {
                let row = mask.row_mut(y, z);
                for x in (0..nx).filter(|&x| holds(x, y, z)) {
                    row[x / 64] |= 1 << (x % 64);
                }
            }
        }
        mask
    }

    /// Where the voxels are.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Words in a row.
    pub const fn words_per_row(&self) -> usize {
        self.words
    }

    /// Words in a slice.
    pub const fn words_per_slice(&self) -> usize {
        self.words * self.grid.dims()[1]
    }

    /// The bits of row `y` of slice `z`.
    pub fn row(&self, y: usize, z: usize) -> &[u64] {
        let start = (z * self.grid.dims()[1] + y) * self.words;
        &self.bits[start..start + self.words]
    }

    /// The bits of row `y` of slice `z`, to be changed; leave bits past the end of the row at zero.
    pub fn row_mut(&mut self, y: usize, z: usize) -> &mut [u64] {
        let start = (z * self.grid.dims()[1] + y) * self.words;
        &mut self.bits[start..start + self.words]
    }

    /// All rows, slice after slice.
    pub fn bits(&self) -> &[u64] {
        &self.bits
    }

    /// All rows, slice after slice, to be changed; leave bits past the end of a row at zero.
    pub fn bits_mut(&mut self) -> &mut [u64] {
        &mut self.bits
    }

    /// The bits of the last word of a row that are voxels.
    pub const fn last_word(&self) -> u64 {
        match self.grid.dims()[0] % 64 {
            0 => u64::MAX,
            used => (1 << used) - 1,
        }
    }

    /// True when voxel `(x, y, z)` belongs to the structure.
    pub fn get(&self, x: usize, y: usize, z: usize) -> bool {
        debug_assert!(x < self.grid.dims()[0]);
        self.row(y, z)[x / 64] >> (x % 64) & 1 == 1
    }

    /// Puts voxel `(x, y, z)` in or out.
    pub fn set(&mut self, x: usize, y: usize, z: usize, inside: bool) {
        debug_assert!(x < self.grid.dims()[0]);
        let bit = 1 << (x % 64);
        let word = &mut self.row_mut(y, z)[x / 64];
        *word = if inside { *word | bit } else { *word & !bit };
    }

    /// Number of voxels.
    pub fn count(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Volume of the voxels in mm³.
    pub fn volume(&self) -> f64 {
        self.count() as f64 * self.grid.voxel_volume()
    }

    /// True when no voxel belongs to the structure.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|&word| word == 0)
    }

    /// Keeps the voxels that also belong to `other`, a mask of the same dimensions.
    pub fn and(&mut self, other: &Mask) {
        self.combine(other, |a, b| a & b);
    }

    /// Adds the voxels of `other`, a mask of the same dimensions.
    pub fn or(&mut self, other: &Mask) {
        self.combine(other, |a, b| a | b);
    }

    /// Takes away the voxels of `other`, a mask of the same dimensions.
    pub fn subtract(&mut self, other: &Mask) {
        self.combine(other, |a, b| a & !b);
    }

    /// Turns the mask into its complement.
    pub fn invert(&mut self) {
        let (words, last) = (self.words, self.last_word());
        for row in self.bits.chunks_exact_mut(words) {
            row.iter_mut().for_each(|word| *word = !*word);
            row[words - 1] &= last;
        }
    }

    /// Voxel box `from..to` around all voxels, or `None` for an empty mask.
    pub fn extent(&self) -> Option<([usize; 3], [usize; 3])> {
        let [_, ny, nz] = self.grid.dims();
        let (mut from, mut to) = ([usize::MAX; 3], [0; 3]);
        for z in 0..nz {
            for y in 0..ny {
                let row = self.row(y, z);
                let Some(first) = row.iter().position(|&word| word != 0) else {
                    continue;
                };
                let last = row.iter().rposition(|&word| word != 0).unwrap_or(first);
                let low = first * 64 + row[first].trailing_zeros() as usize;
                let high = last * 64 + 63 - row[last].leading_zeros() as usize;
                from = [from[0].min(low), from[1].min(y), from[2].min(z)];
                to = [to[0].max(high + 1), to[1].max(y + 1), z + 1];
            }
        }
        (to[2] > 0).then_some((from, to))
    }

    fn combine(&mut self, other: &Mask, with: impl Fn(u64, u64) -> u64) {
        assert_eq!(self.grid.dims(), other.grid.dims(), "masks of different grids cannot be combined");
        for (a, &b) in self.bits.iter_mut().zip(&other.bits) {
            *a = with(*a, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Point;
    use glam::DVec3;
    use proptest::prelude::*;

    fn grid(dims: [usize; 3]) -> Grid {
        Grid::upright(dims, Point::new(0.0, 0.0, 0.0), DVec3::new(0.5, 0.5, 2.0)).unwrap()
    }

    #[test]
    fn the_complement_of_nothing_is_every_voxel_and_no_more() {
        let mut mask = Mask::empty(&grid([70, 3, 2]));
        mask.invert();
        assert_eq!(mask.count(), 70 * 3 * 2);
        assert_eq!(mask.volume(), 210.0);
        assert_eq!(mask.extent(), Some(([0, 0, 0], [70, 3, 2])));
    }

    proptest! {
        #[test]
        fn a_mask_holds_exactly_what_was_put_in(
            nx in 1_usize..140, places in prop::collection::btree_set((0_usize..140, 0_usize..4, 0_usize..3), 0..40)
        ) {
            let places: Vec<_> = places.into_iter().filter(|p| p.0 < nx).collect();
            let mut mask = Mask::empty(&grid([nx, 4, 3]));
            for &(x, y, z) in &places {
                mask.set(x, y, z, true);
            }
            prop_assert_eq!(mask.count(), places.len());
            prop_assert!(places.iter().all(|&(x, y, z)| mask.get(x, y, z)));
            prop_assert_eq!(&mask, &Mask::where_true(mask.grid(), |x, y, z| places.contains(&(x, y, z))));
            let expected = (!places.is_empty()).then(|| {
                let low = |f: fn(&(usize, usize, usize)) -> usize| places.iter().map(f).min().unwrap();
                let high = |f: fn(&(usize, usize, usize)) -> usize| places.iter().map(f).max().unwrap() + 1;
                ([low(|p| p.0), low(|p| p.1), low(|p| p.2)], [high(|p| p.0), high(|p| p.1), high(|p| p.2)])
            });
            prop_assert_eq!(mask.extent(), expected);
        }
    }
}
