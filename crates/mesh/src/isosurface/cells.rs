//! Rows of cells as words of bits.

use osteon_core::Mask;

/// Number of cells along x, y and z of a grid: one more than voxels.
pub(super) fn counts(mask: &Mask) -> [usize; 3] {
    mask.grid().dims().map(|n| n + 1)
}

/// A row of cells, as the four rows of voxels at its edges: low and high y, first at low, then at high z.
pub(super) struct CellRow<'a>([&'a [u64]; 4]);

impl<'a> CellRow<'a> {
    /// Row `y` of slice `z` of the cells of a mask; beyond the grid there is nothing.
    #[inline(always)]
    pub(super) fn new(mask: &'a Mask, y: usize, z: usize) -> Self {
        let [_, ny, nz] = mask.grid().dims();
        let row = |y: usize, z: usize| -> &'a [u64] {
            // Voxel rows are counted from one here, so that zero is beyond the grid.
            if (1..=ny).contains(&y) && (1..=nz).contains(&z) { mask.row(y - 1, z - 1) } else { &[] }
        };
        Self([row(y, z), row(y + 1, z), row(y, z + 1), row(y + 1, z + 1)])
    }

    /// True when no voxel of the row belongs to the structure, so nothing is crossed.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|row| row.iter().fold(0, |all, word| all | word) == 0)
    }

    /// The 64 cells from cell `64 * w`.
    #[inline(always)]
    pub(super) fn cells(&self, w: usize) -> Cells {
        let high = self.0.map(|row| row.get(w).copied().unwrap_or(0));
        let before = self.0.map(|row| if w == 0 { 0 } else { row.get(w - 1).copied().unwrap_or(0) });
        let low = [0, 1, 2, 3].map(|i| high[i] << 1 | before[i] >> 63);
        let any = (0..4).fold(0, |any, i| any | low[i] | high[i]);
        let all = (0..4).fold(u64::MAX, |all, i| all & low[i] & high[i]);
        Cells { low, high, crossed: any & !all }
    }
}

/// The bits around 64 cells in a row.
pub(super) struct Cells {
    /// Voxels at the low corners along x, in the order of the rows.
    low: [u64; 4],
    /// Voxels at the high corners along x.
    high: [u64; 4],
    /// Cells through which the surface passes.
    pub crossed: u64,
}

impl Cells {
    /// The crossed ones of the edges along an axis that start at the cells' low corners.
    #[inline(always)]
    pub(super) fn edges(&self, axis: usize) -> u64 {
        self.low[0] ^ [self.high[0], self.low[1], self.low[2]][axis]
    }

    /// The cells whose lowest corner is inside.
    #[inline(always)]
    pub(super) fn inside(&self) -> u64 {
        self.low[0]
    }

    /// Calls `visit` with the place among the 64 and the case of every crossed cell.
    #[inline(always)]
    pub(super) fn each_case(&self, mut visit: impl FnMut(u32, usize)) {
        // By halves, so that both ends of a cell lie in one word.
        for (first, rows) in [(0, self.low), (32, self.high.map(|word| word >> 31))] {
            for bit in Ones(self.crossed >> first & 0xffff_ffff) {
                let pair = |i: usize| (rows[i] >> bit & 3) as usize;
                visit(first + bit, pair(0) | pair(1) << 2 | pair(2) << 4 | pair(3) << 6);
            }
        }
    }
}

/// The places of the bits that are set, lowest first.
pub(super) struct Ones(pub u64);

impl Iterator for Ones {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        let place = (self.0 != 0).then(|| self.0.trailing_zeros());
        self.0 &= self.0.wrapping_sub(1);
        place
    }
}
