//! Where the vertices are: on the crossed edges of the grid, by grey value, and amid the loops that need it.

use super::Scene;
use super::cells::{CellRow, Cells, Ones};
use super::plan::Plan;
use super::table;
use glam::DVec3;
use multiversion::multiversion;
use osteon_core::{Point, Voxel};
use osteon_image::SliceLevels;

/// How near a vertex may come to the voxels at the ends of its edge, as a share of the edge.
///
/// Vertices of neighbouring edges then stay 0.01 mm apart on a grid of 0.5 mm, far more than the rounding of
/// binary STL (0.00003 mm at 400 mm).
const LEAST_SHARE: f64 = 0.02;

/// Places the vertices that the rows of slice `z` own, in the order of the plan.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
pub(super) fn slice(scene: &Scene<'_>, plan: &Plan, z: usize, vertices: &mut [[f64; 3]]) {
    let nz = scene.mask.grid().dims()[2];
    let levels = [z.max(1) - 1, z.min(nz - 1)].map(|z| scene.levels.on_slice(z));
    let mut rest = vertices;
    let mut batch = Batch::new(scene.levels.fallback().value());
    for y in 0..plan.per_slice() {
        let own = plan.row(y, z);
        let row = CellRow::new(scene.mask, y, z);
        for axis in 0..3 {
            for w in own.words() {
                let cells = row.cells(w);
                let edges = Edges { axis, first: [w * 64, y, z], levels: &levels };
                let count = edges.gather(scene, &cells, &mut batch);
                let (to, others) = std::mem::take(&mut rest).split_at_mut(count);
                rest = others;
                batch.place(scene, &edges, to);
            }
        }
        if plan.row(y, z).middles == next_start(plan, y, z) {
            continue;
        }
        for w in own.words() {
            row.cells(w).each_case(|bit, case| {
                for ring in &scene.cases[case].middles {
                    let place = middle(scene, ring, [w * 64 + bit as usize, y, z]);
                    if let Some(to) = rest.split_off_first_mut() {
                        *to = place;
                    }
                }
            });
        }
    }
}

/// The number of the first vertex of the row after `(y, z)`.
fn next_start(plan: &Plan, y: usize, z: usize) -> u32 {
    plan.row(y + 1, z).edges[0]
}

/// The edges along an axis that start at the low corners of 64 cells.
struct Edges<'a> {
    axis: usize,
    /// The first cell.
    first: [usize; 3],
    /// The levels of the voxels at low and at high z.
    levels: &'a [SliceLevels<'a>; 2],
}

/// What is known of the crossed edges of 64 cells, one column each.
struct Batch {
    fallback: f64,
    /// Cells along x.
    x: [i32; 64],
    /// 1 where the voxel at the low end is inside, -1 where it is not, 0 where an end lies beyond the grid.
    side: [i32; 64],
    /// Of the voxels at both ends: grey value, sum of levels and their weight.
    values: [[i32; 64]; 2],
    sums: [[i32; 64]; 2],
    weights: [[i32; 64]; 2],
}

impl Edges<'_> {
    /// True when one end of each of the edges along y or z lies beyond the grid.
    #[inline(always)]
    fn at_border(&self, scene: &Scene<'_>) -> bool {
        let place = self.first[self.axis];
        self.axis > 0 && (place == 0 || place == scene.mask.grid().dims()[self.axis])
    }

    /// Collects the crossed edges; their number.
    #[inline(always)]
    fn gather(&self, scene: &Scene<'_>, cells: &Cells, to: &mut Batch) -> usize {
        let crossed = cells.edges(self.axis);
        if crossed == 0 {
            return 0;
        }
        if self.at_border(scene) {
            for (at, bit) in Ones(crossed).enumerate() {
                to.put_border(at, self.first[0] + bit as usize);
            }
            return crossed.count_ones() as usize;
        }
        let [nx, _, _] = scene.mask.grid().dims();
        // The voxels at both ends; the first row of cells has none before it.
        let [_, y, z] = self.first;
        let y = [y.max(1) - 1, y.max(1) - usize::from(self.axis != 1)];
        let z = [z.max(1) - 1, z.max(1) - usize::from(self.axis != 2)];
        let rows = [scene.volume.row(y[0], z[0]), scene.volume.row(y[1], z[1])];
        let levels = [&self.levels[0], &self.levels[usize::from(self.axis == 2)]];
        let inside = cells.inside();
        for (at, bit) in Ones(crossed).enumerate() {
            let cell = self.first[0] + bit as usize;
            // Voxel `cell - 1` is the low end, and along x voxel `cell` the high one.
            let x = [cell.wrapping_sub(1), cell.wrapping_sub(usize::from(self.axis != 0))];
            if x[0] >= nx || x[1] >= nx {
                to.put_border(at, cell);
                continue;
            }
            to.x[at] = cell as i32;
            to.side[at] = (inside >> bit & 1) as i32 * 2 - 1;
            for end in 0..2 {
                to.values[end][at] = i32::from(rows[end][x[end]]);
                [to.sums[end][at], to.weights[end][at]] = levels[end].sum_and_weight(x[end], y[end]);
            }
        }
        crossed.count_ones() as usize
    }
}

impl Batch {
    fn new(fallback: f64) -> Self {
        let zeros = [0; 64];
        let ends = [zeros; 2];
        Self { fallback, x: zeros, side: zeros, values: ends, sums: ends, weights: ends }
    }

    /// An edge that leaves the grid: its side of zero makes both ends lie at their levels.
    #[inline(always)]
    fn put_border(&mut self, at: usize, cell: usize) {
        self.x[at] = cell as i32;
        self.side[at] = 0;
    }

    /// The places of the first vertices in the patient.
    #[inline(always)]
    fn place(&self, scene: &Scene<'_>, edges: &Edges<'_>, to: &mut [[f64; 3]]) {
        let map = scene.volume.grid().to_patient();
        let start = edges.first.map(|i| i as f64 - 1.0);
        // One along the axis: no branch in the loop, and nothing added elsewhere.
        let along = [0, 1, 2].map(|axis| if axis == edges.axis { 1.0 } else { 0.0 });
        let mut placed = [[0.0; 64]; 3];
        // Whole lanes of eight, of which the last may be left over from other edges.
        for i in 0..to.len().next_multiple_of(8).min(64) {
            let excess = |end: usize, side: f64| {
                let (sum, weight) = (f64::from(self.sums[end][i]), f64::from(self.weights[end][i]));
                let level = if weight > 0.0 { sum / weight } else { self.fallback };
                (side * (f64::from(self.values[end][i]) - level)).max(0.0)
            };
            let side = f64::from(self.side[i]);
            let share = share(excess(0, side), excess(1, -side));
            let x = f64::from(self.x[i]) - 1.0 + share * along[0];
            let (y, z) = (start[1] + share * along[1], start[2] + share * along[2]);
            for (axis, placed) in placed.iter_mut().enumerate() {
                // In the order in which a matrix is multiplied.
                let l = &map.linear;
                placed[i] = l.x_axis[axis] * x + l.y_axis[axis] * y + l.z_axis[axis] * z + map.offset[axis];
            }
        }
        for (i, to) in to.iter_mut().enumerate() {
            *to = [placed[0][i], placed[1][i], placed[2][i]];
        }
    }
}

/// How far along an edge it is crossed, by how far the grey values of its ends lie on their sides of their levels.
#[inline(always)]
fn share(low: f64, high: f64) -> f64 {
    let share = if low + high > 0.0 { low / (low + high) } else { 0.5 };
    share.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE)
}

/// The middle in the patient of the edges of a cell that a ring crosses.
fn middle(scene: &Scene<'_>, ring: &[u8], cell: [usize; 3]) -> [f64; 3] {
    let sum = ring.iter().fold(DVec3::ZERO, |sum, &slot| {
        let (low, axis) = table::edge(slot);
        sum + crossing(scene, [0, 1, 2].map(|a| cell[a] + low[a]), axis)
    });
    let place = Point::<Voxel>::from_vec(sum / ring.len() as f64);
    scene.volume.grid().to_patient().point(place).to_array()
}

/// Where the surface crosses the edge along `axis` from the low corner of a cell, in voxel indices.
fn crossing(scene: &Scene<'_>, low: [usize; 3], axis: usize) -> DVec3 {
    let mut high = low;
    high[axis] += 1;
    let share = match (excess(scene, low), excess(scene, high)) {
        (Some(low), Some(high)) => share(low, high),
        _ => 0.5,
    };
    let mut place = DVec3::from_array(low.map(|i| i as f64 - 1.0));
    place[axis] += share;
    place
}

/// How far the grey value of the voxel at the low corner of a cell lies on the mask's side of its level, at least
/// 0; `None` beyond the grid.
fn excess(scene: &Scene<'_>, cell: [usize; 3]) -> Option<f64> {
    let [x, y, z] = [cell[0].checked_sub(1)?, cell[1].checked_sub(1)?, cell[2].checked_sub(1)?];
    let dims = scene.mask.grid().dims();
    if x >= dims[0] || y >= dims[1] || z >= dims[2] {
        return None;
    }
    let above = f64::from(scene.volume.at(x, y, z)) - scene.levels.at(x, y, z);
    Some(if scene.mask.get(x, y, z) { above } else { -above }.max(0.0))
}
