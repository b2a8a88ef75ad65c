//! How many vertices and triangles each row of cells owns, and so where they are in the lists.

use super::SurfaceError;
use super::cells::{CellRow, counts};
use super::table::{MIDDLES, Table};
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Mask};
use rayon::prelude::*;
use std::ops::Range;

/// Where the vertices of a row of cells start, and how many triangles come before.
///
/// A row owns, in this order, the vertices on the edges along x, y and z that start at the low corners of its
/// cells, and the middles of its cells.
#[derive(Clone, Copy, Default)]
pub(super) struct Row {
    pub edges: [u32; 3],
    pub middles: u32,
    pub triangles: u32,
    /// The words of the row in which cells are crossed.
    first: u32,
    end: u32,
}

impl Row {
    /// The words of the row in which cells are crossed.
    pub(super) fn words(&self) -> Range<usize> {
        self.first as usize..self.end as usize
    }
}

/// All rows in order, and a last entry with the totals.
pub(super) struct Plan {
    rows: Vec<Row>,
    per_slice: usize,
}

impl Plan {
    /// Counts what each row of cells of a mask owns and numbers it through.
    pub(super) fn of(mask: &Mask, table: &Table, ctx: &Ctx) -> Result<Self, SurfaceError> {
        let [_, per_slice, slices] = counts(mask);
        let mut rows = vec![Row::default(); per_slice * slices + 1];
        rows.par_chunks_mut(per_slice).take(slices).enumerate().try_for_each(|(z, rows)| {
            ctx.check()?;
            count(mask, table, z, rows);
            Ok::<_, Cancelled>(())
        })?;
        let (mut vertices, mut triangles) = (0_u64, 0_u64);
        for row in &mut rows {
            let counted = *row;
            for (start, count) in row.edges.iter_mut().zip(counted.edges) {
                *start = vertices as u32;
                vertices += u64::from(count);
            }
            (row.middles, row.triangles) = (vertices as u32, triangles as u32);
            vertices += u64::from(counted.middles);
            triangles += u64::from(counted.triangles);
        }
        let most = vertices.max(triangles);
        if most > u64::from(u32::MAX) {
            return Err(SurfaceError::TooLarge(most));
        }
        Ok(Self { rows, per_slice })
    }

    /// Row `y` of slice `z`; the first one after the last is that of the totals.
    pub(super) fn row(&self, y: usize, z: usize) -> &Row {
        &self.rows[z * self.per_slice + y]
    }

    /// Rows in a slice.
    pub(super) const fn per_slice(&self) -> usize {
        self.per_slice
    }

    /// Slices of cells.
    pub(super) fn slices(&self) -> usize {
        self.rows.len() / self.per_slice
    }

    /// The number of all vertices, as where the edges would go on, and of all triangles.
    pub(super) fn totals(&self) -> Row {
        self.rows[self.rows.len() - 1]
    }
}

/// Counts what the rows of slice `z` own.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn count(mask: &Mask, table: &Table, z: usize, rows: &mut [Row]) {
    let words = counts(mask)[0].div_ceil(64);
    let tallies = &table.tallies[..256];
    for (y, row) in rows.iter_mut().enumerate() {
        let around = CellRow::new(mask, y, z);
        if around.is_empty() {
            continue;
        }
        for w in 0..words {
            let cells = around.cells(w);
            if cells.crossed == 0 {
                continue;
            }
            if row.end == 0 {
                row.first = w as u32;
            }
            row.end = w as u32 + 1;
            for (axis, count) in row.edges.iter_mut().enumerate() {
                *count += cells.edges(axis).count_ones();
            }
            // At most 64 cells with 12 triangles: the halves of the sum stay apart.
            let mut tally = 0;
            cells.each_case(|_, case| tally += tallies[case]);
            row.triangles += tally & ((1 << MIDDLES) - 1);
            row.middles += tally >> MIDDLES;
        }
    }
}
