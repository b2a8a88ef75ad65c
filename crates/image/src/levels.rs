//! One local grey level for each place near an edge.

use multiversion::multiversion;
use osteon_core::Hu;

/// The grey level at which each voxel near an edge counts as inside; elsewhere there is none.
///
/// Levels change slowly along a bone, so they are kept for blocks of voxels of about 1.5 mm and
/// interpolated between the middles of the blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    fallback: Hu,
    /// Blocks along each axis.
    counts: [usize; 3],
    /// One level a block, x fastest, `NONE` where none was measured.
    values: Vec<i16>,
    /// For each voxel along each axis the blocks around it.
    near: [Vec<Near>; 3],
}

/// The two blocks whose middles lie around a voxel along one axis, with their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Near {
    low: usize,
    high: usize,
    low_weight: i32,
    high_weight: i32,
}

/// Stands for "no level here".
pub(crate) const NONE: i16 = i16::MIN;

/// The most voxels in a block along an axis: a weighted sum of levels, at most `32_768 · (2 · 16)³`, then fits
/// into 32 bits.
pub(crate) const LARGEST_BLOCK: usize = 16;

impl Levels {
    /// The same level everywhere, and none that was measured: what a plain threshold means.
    pub const fn constant(level: Hu) -> Self {
        let near = [const { Vec::new() }; 3];
        Self { fallback: level, counts: [0; 3], values: Vec::new(), near }
    }

    /// Measured levels of blocks of voxels, each block of `block` voxels along each axis.
    pub(crate) fn new(fallback: Hu, block: [usize; 3], counts: [usize; 3], values: Vec<i16>) -> Self {
        debug_assert_eq!(values.len(), counts[0] * counts[1] * counts[2]);
        debug_assert!(block.iter().all(|block| (1..=LARGEST_BLOCK).contains(block)));
        let near = [0, 1, 2]
            .map(|a| (0..block[a] * counts[a]).map(|i| Near::around(i, block[a], counts[a])).collect());
        Self { fallback, counts, values, near }
    }

    /// The level where none was measured: the mean of all that were.
    pub const fn fallback(&self) -> Hu {
        self.fallback
    }

    /// The level at voxel `(x, y, z)` in HU, or `None` where no edge is near.
    ///
    /// [`Levels::on_slice`] is quicker for many voxels of one slice.
    pub fn measured(&self, x: usize, y: usize, z: usize) -> Option<f64> {
        let near = self.near[2].get(z)?;
        let [nx, ny, _] = self.counts;
        let block = |i: usize, j: usize| {
            let at = |k: usize| self.values[(k * ny + j) * nx + i];
            Weighed::between(near, Weighed::of(at(near.low)), Weighed::of(at(near.high)))
        };
        self.across(x, y, block).mean()
    }

    /// The level at voxel `(x, y, z)` in HU, measured or fallback.
    pub fn at(&self, x: usize, y: usize, z: usize) -> f64 {
        self.measured(x, y, z).unwrap_or(self.fallback.value())
    }

    /// The levels of slice `z`, made ready for looking up many voxels of it.
    pub fn on_slice(&self, z: usize) -> SliceLevels<'_> {
        let slab = self.counts[0] * self.counts[1];
        let blocks = self.near[2].get(z).map(|near| {
            let at = |k: usize| &self.values[k * slab..(k + 1) * slab];
            let mut blocks = vec![Weighed::default(); slab];
            weigh(near, at(near.low), at(near.high), &mut blocks);
            blocks
        });
        SliceLevels { levels: self, blocks: blocks.unwrap_or_default() }
    }

    /// The weighted sum of the four columns of blocks around a place in a slice.
    fn across(&self, x: usize, y: usize, block: impl Fn(usize, usize) -> Weighed) -> Weighed {
        let (xs, ys) = (&self.near[0][x], &self.near[1][y]);
        let row = |j: usize| Weighed::between(xs, block(xs.low, j), block(xs.high, j));
        Weighed::between(ys, row(ys.low), row(ys.high))
    }
}

/// The levels of one slice of voxels: see [`Levels::on_slice`].
#[derive(Clone, Debug)]
pub struct SliceLevels<'a> {
    levels: &'a Levels,
    /// The blocks of the slice, already interpolated along z; none if no level was measured.
    blocks: Vec<Weighed>,
}

impl SliceLevels<'_> {
    /// The level at voxel `(x, y)` of the slice in HU, or `None` where no edge is near: to the last bit that of
    /// [`Levels::measured`].
    #[inline]
    pub fn measured(&self, x: usize, y: usize) -> Option<f64> {
        let [sum, weight] = self.sum_and_weight(x, y);
        Weighed { sum, weight }.mean()
    }

    /// The level at voxel `(x, y)` of the slice as a sum of HU and the weight to divide it by; both are zero
    /// where no edge is near.
    #[inline]
    pub fn sum_and_weight(&self, x: usize, y: usize) -> [i32; 2] {
        if self.blocks.is_empty() {
            return [0; 2];
        }
        let nx = self.levels.counts[0];
        let Weighed { sum, weight } = self.levels.across(x, y, |i, j| self.blocks[j * nx + i]);
        [sum, weight]
    }
}

/// A sum of levels by their weights: whole numbers, so that their order does not matter.
#[derive(Clone, Copy, Debug, Default)]
struct Weighed {
    sum: i32,
    weight: i32,
}

impl Weighed {
    /// The level of a block; nothing where none was measured.
    #[inline(always)]
    fn of(value: i16) -> Self {
        if value == NONE { Self::default() } else { Self { sum: i32::from(value), weight: 1 } }
    }

    /// Both, by the weights of a voxel between them.
    #[inline(always)]
    fn between(near: &Near, low: Self, high: Self) -> Self {
        Self {
            sum: near.low_weight * low.sum + near.high_weight * high.sum,
            weight: near.low_weight * low.weight + near.high_weight * high.weight,
        }
    }

    fn mean(self) -> Option<f64> {
        (self.weight > 0).then(|| f64::from(self.sum) / f64::from(self.weight))
    }
}

/// The levels between two slices of blocks.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn weigh(near: &Near, low: &[i16], high: &[i16], to: &mut [Weighed]) {
    for ((to, &low), &high) in to.iter_mut().zip(low).zip(high) {
        *to = Weighed::between(near, Weighed::of(low), Weighed::of(high));
    }
}

impl Near {
    /// The blocks around voxel `i` of an axis with this many blocks of `block` voxels.
    fn around(i: usize, block: usize, blocks: usize) -> Self {
        // In halves of a voxel: voxel i lies at 2i + 1, the middle of block b at (2b + 1) · block.
        let (block, last) = (block as i64, blocks as i64 - 1);
        let from_first = 2 * i as i64 + 1 - block;
        let (low, part) = (from_first.div_euclid(2 * block), from_first.rem_euclid(2 * block));
        let clamp = |b: i64| b.clamp(0, last) as usize;
        Self {
            low: clamp(low),
            high: clamp(low + 1),
            low_weight: (2 * block - part) as i32,
            high_weight: part as i32,
        }
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
    fn a_slice_has_the_same_levels_as_its_voxels() {
        // Levels that do not divide evenly, and gaps.
        let value = |i: usize| if i % 5 == 3 { NONE } else { (i * i * 37 % 1900) as i16 - 700 };
        let levels = Levels::new(Hu(5.0), [3, 2, 4], [4, 3, 2], (0..24).map(value).collect());
        for z in 0..8 {
            let slice = levels.on_slice(z);
            for (x, y) in (0..6).flat_map(|y| (0..12).map(move |x| (x, y))) {
                assert_eq!(slice.measured(x, y), levels.measured(x, y, z), "{x} {y} {z}");
            }
        }
        assert_eq!(Levels::constant(Hu(1.0)).on_slice(7).measured(8, 9), None);
    }

    #[test]
    fn a_constant_level_was_never_measured() {
        let levels = Levels::constant(Hu(226.0));
        assert_eq!((levels.measured(3, 4, 5), levels.at(3, 4, 5)), (None, 226.0));
    }
}
