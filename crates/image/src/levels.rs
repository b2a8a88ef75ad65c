//! One local grey level for each place near an edge.

use osteon_core::Hu;

/// The grey level at which each voxel near an edge counts as inside; elsewhere there is none.
///
/// Levels change slowly along a bone, so they are kept for blocks of voxels of about 1.5 mm and
/// interpolated between the middles of the blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    fallback: Hu,
    /// Voxels in a block along each axis.
    block: [usize; 3],
    /// Blocks along each axis.
    counts: [usize; 3],
    /// One level a block, x fastest, `NONE` where none was measured.
    values: Vec<i16>,
}

/// Stands for "no level here".
pub(crate) const NONE: i16 = i16::MIN;

impl Levels {
    /// The same level everywhere, and none that was measured: what a plain threshold means.
    pub const fn constant(level: Hu) -> Self {
        Self { fallback: level, block: [1; 3], counts: [0; 3], values: Vec::new() }
    }

    /// Measured levels of blocks of voxels.
    pub(crate) fn new(fallback: Hu, block: [usize; 3], counts: [usize; 3], values: Vec<i16>) -> Self {
        debug_assert_eq!(values.len(), counts[0] * counts[1] * counts[2]);
        Self { fallback, block, counts, values }
    }

    /// The level where none was measured: the mean of all that were.
    pub const fn fallback(&self) -> Hu {
        self.fallback
    }

    /// The level at voxel `(x, y, z)` in HU, or `None` where no edge is near.
    pub fn measured(&self, x: usize, y: usize, z: usize) -> Option<f64> {
        if self.values.is_empty() {
            return None;
        }
        let [xs, ys, zs] = [self.near(0, x), self.near(1, y), self.near(2, z)];
        // Whole numbers throughout, so the order of the sums does not matter.
        let (mut sum, mut weights) = (0_i64, 0_i64);
        for (k, wz) in zs.into_iter().filter(|near| near.1 > 0) {
            for (j, wy) in ys.into_iter().filter(|near| near.1 > 0) {
                for (i, wx) in xs.into_iter().filter(|near| near.1 > 0) {
                    let value = self.values[(k * self.counts[1] + j) * self.counts[0] + i];
                    if value != NONE {
                        let weight = wx * wy * wz;
                        sum += weight * i64::from(value);
                        weights += weight;
                    }
                }
            }
        }
        (weights > 0).then(|| sum as f64 / weights as f64)
    }

    /// The level at voxel `(x, y, z)` in HU, measured or fallback.
    pub fn at(&self, x: usize, y: usize, z: usize) -> f64 {
        self.measured(x, y, z).unwrap_or(self.fallback.value())
    }

    /// The two blocks whose middles lie around voxel `i` along an axis, with their weights.
    fn near(&self, axis: usize, i: usize) -> [(usize, i64); 2] {
        let (block, last) = (self.block[axis] as i64, self.counts[axis] as i64 - 1);
        // In halves of a voxel: voxel i lies at 2i + 1, the middle of block b at (2b + 1) · block.
        let from_first = 2 * i as i64 + 1 - block;
        let (low, part) = (from_first.div_euclid(2 * block), from_first.rem_euclid(2 * block));
        let clamp = |b: i64| b.clamp(0, last) as usize;
        [(clamp(low), 2 * block - part), (clamp(low + 1), part)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_interpolated_between_blocks_and_missing_ones_do_not_count() {
        let levels = Levels::new(Hu(500.0), [2, 1, 1], [3, 1, 2], vec![100, 200, NONE, NONE, NONE, NONE]);
        let row: Vec<_> = (0..6).map(|x| levels.measured(x, 0, 0)).collect();
        assert_eq!(row, [Some(100.0), Some(125.0), Some(175.0), Some(200.0), Some(200.0), None]);
        assert_eq!(levels.measured(0, 0, 1), None);
        assert_eq!(levels.at(0, 0, 1), 500.0);
    }

    #[test]
    fn a_constant_level_was_never_measured() {
        let levels = Levels::constant(Hu(226.0));
        assert_eq!((levels.measured(3, 4, 5), levels.at(3, 4, 5)), (None, 226.0));
    }
}
