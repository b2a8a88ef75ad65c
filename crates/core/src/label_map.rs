//! Which structure each voxel belongs to, when there are several.

use crate::error::{ErrorKind, Explain};
use crate::grid::Grid;
use crate::mask::Mask;
use crate::volume::Volume;

/// At most one label for every voxel of a grid; 0 is the background.
///
/// Labels are kept as bit planes: the labels that occur are numbered from 1 in ascending order (their *code*,
/// 0 for the background), and bit `p` of a voxel's code is a bit of row `(p, y, z)`, laid out as in a
/// [`Mask`]. One structure of 512×512×600 voxels takes 20 MB, a hundred of them 140 MB, and comparing
/// neighbours takes 64 voxels at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMap {
    grid: Grid,
    words: usize,
    /// Labels with their numbers of voxels, in ascending order; that of code `c` is at `c - 1`.
    labels: Vec<(u16, usize)>,
    planes: usize,
    bits: Vec<u64>,
}

/// Why masks do not make a label map.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelMapError {
    /// There is no mask, or there are more than labels.
    #[error("{0} masks were given; a label map takes 1 to 65535")]
    Count(usize),
    /// Two masks have different dimensions.
    #[error("mask 1 has {first:?} voxels and mask {number} has {other:?}")]
    Grids {
        /// Which mask differs, counted from 1.
        number: usize,
        /// Dimensions of the first mask.
        first: [usize; 3],
        /// Dimensions of the other.
        other: [usize; 3],
    },
    /// Two masks claim the same voxels.
    #[error("masks {first} and {second} share {voxels} voxels, the first at {at:?}")]
    Overlap {
        /// The earlier mask, counted from 1.
        first: usize,
        /// The later mask, counted from 1.
        second: usize,
        /// How many voxels are in both.
        voxels: usize,
        /// The first of them.
        at: [usize; 3],
    },
}

impl Explain for LabelMapError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn code(&self) -> &'static str {
        match self {
            LabelMapError::Count(_) => "label-count",
            LabelMapError::Grids { .. } => "different-grids",
            LabelMapError::Overlap { .. } => "labels-overlap",
        }
    }

    fn help(&self) -> String {
        match self {
            LabelMapError::Count(_) => "give at least one mask, and at most 65535".to_owned(),
            LabelMapError::Grids { .. } => "make all masks from the same volume".to_owned(),
            LabelMapError::Overlap { first, second, .. } => {
                format!("take mask {first} away from mask {second}, or the other way round")
            }
        }
    }
}

impl LabelMap {
    /// Labels 1, 2, 3 … for the masks in their order; a mask without voxels leaves its number unused.
    ///
    /// # Errors
    /// There are no masks or too many, their dimensions differ, or two of them share a voxel.
    pub fn from_masks(masks: &[Mask]) -> Result<Self, LabelMapError> {
        let Some(first) = masks.first().filter(|_| masks.len() <= usize::from(u16::MAX)) else {
            return Err(LabelMapError::Count(masks.len()));
        };
        let mut taken = Mask::empty(first.grid());
        for (n, mask) in masks.iter().enumerate() {
            let dims = [first, mask].map(|mask| mask.grid().dims());
            if dims[0] != dims[1] {
                return Err(LabelMapError::Grids { number: n + 1, first: dims[0], other: dims[1] });
            }
            if n > 0 && taken.bits().iter().zip(mask.bits()).any(|(a, b)| a & b != 0) {
                return Err(overlap(masks, n));
            }
            if n + 1 < masks.len() {
                taken.or(mask);
            }
        }
        let labels = (1_u16..).zip(masks).map(|(label, mask)| (label, mask.count()));
        let (labels, kept): (Vec<_>, Vec<_>) = labels.zip(masks).filter(|((_, count), _)| *count > 0).unzip();
        let mut map = Self::blank(first.grid(), labels);
        let (planes, words, ny) = (map.planes, map.words, map.grid.dims()[1]);
        for (n, row) in map.bits.chunks_exact_mut((planes * words).max(1)).enumerate() {
            for (code, mask) in (1_usize..).zip(&kept) {
                for plane in (0..planes).filter(|plane| code >> plane & 1 == 1) {
                    let to = &mut row[plane * words..(plane + 1) * words];
                    to.iter_mut().zip(mask.row(n % ny, n / ny)).for_each(|(to, from)| *to |= from);
                }
            }
        }
        Ok(map)
    }

    /// The labels of a volume of whole numbers, such as a segmentation file.
    pub fn from_volume<T: Copy + Into<u16>>(volume: &Volume<T>) -> Self {
        let grid = volume.grid();
        let mut counts = Vec::new();
        // Most of a volume is background, so whole words of it are passed over.
        for values in volume.samples().chunks(64).filter(|values| occupied(values)) {
            for &value in values {
                let value = usize::from(value.into());
                if value >= counts.len() {
                    counts.resize(value + 1, 0);
                }
                counts[value] += 1;
            }
        }
        let present = (0..=u16::MAX).zip(counts).filter(|&(label, count)| label > 0 && count > 0);
        let mut map = Self::blank(grid, present.collect());
        let mut codes = vec![0_u16; map.labels.last().map_or(0, |last| usize::from(last.0)) + 1];
        for (code, &(label, _)) in (1..).zip(&map.labels) {
            codes[usize::from(label)] = code;
        }
        let (planes, words) = (map.planes, map.words);
        let rows = map.bits.chunks_exact_mut((planes * words).max(1));
        for (row, values) in rows.zip(volume.samples().chunks_exact(grid.dims()[0])) {
            for (w, values) in values.chunks(64).enumerate().filter(|(_, values)| occupied(values)) {
                for (bit, &value) in values.iter().enumerate() {
                    let code = u64::from(codes[usize::from(value.into())]);
                    for plane in 0..planes {
                        row[plane * words + w] |= (code >> plane & 1) << bit;
                    }
                }
            }
        }
        map
    }

    fn blank(grid: &Grid, labels: Vec<(u16, usize)>) -> Self {
        let [nx, ny, nz] = grid.dims();
        let words = nx.div_ceil(64);
        // As many bits as the largest code has.
        let planes = (usize::BITS - labels.len().leading_zeros()) as usize;
        Self { grid: grid.clone(), words, labels, planes, bits: vec![0; planes * words * ny * nz] }
    }

    /// Where the voxels are.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The labels that occur, in ascending order, with their numbers of voxels.
    ///
    /// The label with code `c` (see [`LabelMap::code`]) is the entry `c - 1`.
    pub fn labels(&self) -> &[(u16, usize)] {
        &self.labels
    }

    /// The label of voxel `(x, y, z)`; 0 is the background.
    pub fn at(&self, x: usize, y: usize, z: usize) -> u16 {
        match self.code(x, y, z) {
            0 => 0,
            code => self.labels[usize::from(code) - 1].0,
        }
    }

    /// The number of the label of voxel `(x, y, z)` among those that occur, from 1; 0 is the background.
    pub fn code(&self, x: usize, y: usize, z: usize) -> u16 {
        debug_assert!(x < self.grid.dims()[0]);
        (0..self.planes).fold(0, |code, p| code | ((self.row(p, y, z)[x / 64] >> (x % 64) & 1) as u16) << p)
    }

    /// How many bits a code has.
    pub const fn planes(&self) -> usize {
        self.planes
    }

    /// Bit `plane` of the codes of row `y` of slice `z`, laid out as a row of a [`Mask`].
    pub fn row(&self, plane: usize, y: usize, z: usize) -> &[u64] {
        debug_assert!(plane < self.planes);
        let start = ((z * self.grid.dims()[1] + y) * self.planes + plane) * self.words;
        &self.bits[start..start + self.words]
    }

    /// The voxels of one label; none if it does not occur or is 0.
    pub fn mask(&self, label: u16) -> Mask {
        let mut mask = Mask::empty(&self.grid);
        let Ok(place) = self.labels.binary_search_by_key(&label, |&(label, _)| label) else {
            return mask;
        };
        let (code, [_, ny, nz]) = (place + 1, self.grid.dims());
        for z in 0..nz {
            for y in 0..ny {
                let row = mask.row_mut(y, z);
                for (w, to) in row.iter_mut().enumerate() {
                    // A code is at least 1, so some plane is taken as it is and bits past the end stay zero.
                    *to = (0..self.planes).fold(u64::MAX, |all, p| {
                        let bits = self.row(p, y, z)[w];
                        all & if code >> p & 1 == 1 { bits } else { !bits }
                    });
                }
            }
        }
        mask
    }
}

/// True when any voxel is not background.
fn occupied<T: Copy + Into<u16>>(values: &[T]) -> bool {
    values.iter().fold(0, |any, &value| any | value.into()) != 0
}

/// What mask `n` shares with the first of the masks before it that it meets.
fn overlap(masks: &[Mask], n: usize) -> LabelMapError {
    let shared = masks[..n].iter().map(|mask| {
        let mut both = mask.clone();
        both.and(&masks[n]);
        both
    });
    let (first, both) =
        shared.enumerate().find(|(_, both)| !both.is_empty()).unwrap_or((0, masks[n].clone()));
    let words = both.words_per_row();
    let word = both.bits().iter().position(|&word| word != 0).unwrap_or(0);
    let (row, x) = (word / words, word % words * 64 + both.bits()[word].trailing_zeros() as usize);
    let ny = both.grid().dims()[1];
    LabelMapError::Overlap {
        first: first + 1,
        second: n + 1,
        voxels: both.count(),
        at: [x, row % ny, row / ny],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctx::Random;
    use crate::frame::Point;
    use glam::DVec3;

    fn grid(dims: [usize; 3]) -> Grid {
        Grid::upright(dims, Point::new(0.0, 0.0, 0.0), DVec3::new(0.5, 0.5, 2.0)).unwrap()
    }

    #[test]
    fn every_voxel_gets_back_the_label_it_was_given() {
        for (nx, most) in [(70, 1_u64), (64, 2), (5, 7), (130, 300)] {
            let grid = grid([nx, 4, 3]);
            let mut random = Random::new(most);
            // Labels far apart: codes are dense, labels need not be.
            let values: Vec<u16> =
                (0..grid.count()).map(|_| (random.bits() % (most + 1)) as u16 * 200).collect();
            let volume = Volume::new(grid.clone(), values).unwrap();
            let map = LabelMap::from_volume(&volume);
            let mut total = 0;
            for &(label, count) in map.labels() {
                let mask = Mask::where_true(&grid, |x, y, z| volume.at(x, y, z) == label);
                assert_eq!((mask.count(), &map.mask(label)), (count, &mask));
                total += count;
            }
            let background = volume.samples().iter().filter(|&&value| value == 0).count();
            assert_eq!(total + background, grid.count());
            for z in 0..3 {
                for y in 0..4 {
                    assert!((0..nx).all(|x| map.at(x, y, z) == volume.at(x, y, z)));
                }
            }
        }
    }

    #[test]
    fn masks_become_labels_in_their_order_and_an_empty_one_leaves_a_gap() {
        let grid = grid([70, 3, 2]);
        let masks = [0, 9, 1, 2].map(|n| Mask::where_true(&grid, |x, _, _| x % 4 == n));
        let map = LabelMap::from_masks(&masks).unwrap();
        assert_eq!(map.labels(), [(1, 18 * 6), (3, 18 * 6), (4, 17 * 6)]);
        for (label, mask) in (1..).zip(&masks) {
            assert_eq!(&map.mask(label), mask);
        }
        assert_eq!([0, 1, 2, 3].map(|x| map.at(x, 2, 1)), [1, 3, 4, 0]);
        assert!(map.mask(0).is_empty() && map.mask(7).is_empty());
        let volume = Volume::new(grid, vec![0_u8; 420]).unwrap();
        assert_eq!((LabelMap::from_volume(&volume).labels().len(), map.planes()), (0, 2));
    }

    #[test]
    fn masks_that_share_voxels_are_refused_with_numbers() {
        let grid = grid([70, 3, 2]);
        let masks =
            [0..3, 65..68, 67..70].map(|r| Mask::where_true(&grid, |x, y, _| r.contains(&x) && y > 0));
        let refused = LabelMap::from_masks(&masks).unwrap_err();
        assert_eq!(refused, LabelMapError::Overlap { first: 2, second: 3, voxels: 4, at: [67, 1, 0] });
        assert!(refused.help().contains("mask 2"));
    }

    #[test]
    fn no_mask_or_masks_of_different_grids_are_refused() {
        assert_eq!(LabelMap::from_masks(&[]).unwrap_err().code(), "label-count");
        let masks = [[4, 4, 4], [4, 4, 5]].map(|dims| Mask::empty(&grid(dims)));
        assert_eq!(LabelMap::from_masks(&masks).unwrap_err().code(), "different-grids");
    }
}
