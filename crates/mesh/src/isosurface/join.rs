//! The triangles of a slice of cells.

use super::Scene;
use super::cells::CellRow;
use super::plan::Plan;
use super::table::{MIDDLES, SLOTS};
use multiversion::multiversion;

/// Writes the triangles of slice `z`, in the order of the plan.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
pub(super) fn slice(scene: &Scene<'_>, plan: &Plan, z: usize, triangles: &mut [[u32; 3]]) {
    let (table, mut rest) = (&scene.table, triangles);
    let (steps, tallies) = (&table.steps[..256], &table.tallies[..256]);
    for y in 0..plan.per_slice() {
        let own = plan.row(y, z);
        let mut next = first_vertices(plan, y, z);
        let mut middle = own.middles;
        let around = CellRow::new(scene.mask, y, z);
        for w in own.words() {
            around.cells(w).each_case(|_, case| {
                let step = &steps[case];
                // Each edge that is crossed belongs to a cell that is visited, so its vertex is the next one.
                let mut ids = [0_u32; SLOTS];
                ids[..8].copy_from_slice(&next);
                for (next, step) in next.iter_mut().zip(step) {
                    *next += step;
                }
                ids[8..12].copy_from_slice(&next[4..]);
                for (id, number) in ids[12..].iter_mut().zip(middle..) {
                    *id = number;
                }
                middle += tallies[case] >> MIDDLES;
                let corners = table.triangles(case);
                let (own, others) = std::mem::take(&mut rest).split_at_mut(corners.len());
                rest = others;
                for (to, corners) in own.iter_mut().zip(corners) {
                    *to = corners.map(|slot| ids[usize::from(slot) % SLOTS]);
                }
            });
        }
    }
}

/// The first vertex of each kind of edge of a row of cells, as a `Table` numbers them: on the four edges along x,
/// two along y and two along z.
fn first_vertices(plan: &Plan, y: usize, z: usize) -> [u32; 8] {
    // Beyond the last row and slice nothing is crossed, so their number is never used.
    let row = |dy: usize, dz: usize| {
        let (y, z) = ((y + dy).min(plan.per_slice() - 1), (z + dz).min(plan.slices() - 1));
        plan.row(y, z).edges
    };
    let [a, b, c, d] = [row(0, 0), row(1, 0), row(0, 1), row(1, 1)];
    [a[0], b[0], c[0], d[0], a[1], c[1], a[2], b[2]]
}
