//! Connected pieces of a mask, found by runs of bits.
//!
//! A run is a stretch of voxels in one row. A head CT has a hundred million voxels but a million runs, so
//! the union-find works on runs. Slabs of slices are joined in parallel, their seams in order; the smaller
//! run is always the root, so the outcome does not depend on the order of the joining.

use osteon_core::{Cancelled, Ctx, Grid, Mask};
use rayon::prelude::*;

/// Which voxels touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// The 6 that share a face.
    Faces,
    /// The 26 that share a face, an edge or a corner.
    Corners,
}

/// One connected piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Number of voxels.
    pub voxels: usize,
    /// Lowest voxel index along each axis.
    pub from: [usize; 3],
    /// One past the highest voxel index along each axis.
    pub to: [usize; 3],
    /// The first voxel in sample order (x fastest).
    pub first: [usize; 3],
}

impl Component {
    /// True when the piece reaches the border of a grid of these dimensions.
    pub fn reaches_border(&self, dims: [usize; 3]) -> bool {
        (0..3).any(|a| self.from[a] == 0 || self.to[a] == dims[a])
    }
}

/// The connected pieces of a mask.
#[derive(Clone, Debug)]
pub struct Components {
    grid: Grid,
    slabs: Vec<Slab>,
    /// For each run, slab after slab, the place of its piece in `list`.
    piece: Vec<u32>,
    list: Vec<Component>,
}

/// Slices joined by one thread at a time; fixed, so that the work is cut the same way everywhere.
const SLAB: usize = 8;

/// A stretch of voxels `from..to` in one row.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: u32,
    to: u32,
}

/// The runs of some consecutive slices.
#[derive(Clone, Debug)]
struct Slab {
    runs: Vec<Run>,
    /// Where the runs of each row start; one more entry than rows.
    rows: Vec<u32>,
    /// Union-find over `runs`.
    parent: Vec<u32>,
}

/// Finds the connected pieces of a mask: largest first, equals by their first voxel.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn components(mask: &Mask, neighbours: Neighbours, ctx: &Ctx) -> Result<Components, Cancelled> {
    let ny = mask.grid().dims()[1];
    let slabs: Vec<Slab> = mask
        .bits()
        .par_chunks(mask.words_per_slice() * SLAB)
        .map(|bits| Slab::new(bits, mask.words_per_row(), ny, neighbours, ctx))
        .collect::<Result<_, _>>()?;
    ctx.done(0.6)?;
    let (parent, starts) = stitch(&slabs, ny, neighbours);
    ctx.done(0.8)?;
    let (piece, list) = list(&slabs, &parent, &starts, ny);
    ctx.done(1.0)?;
    Ok(Components { grid: mask.grid().clone(), slabs, piece, list })
}

impl Components {
    /// The pieces, largest first, equals by their first voxel.
    pub fn list(&self) -> &[Component] {
        &self.list
    }

    /// The grid of the mask the pieces were found in.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The voxels of the pieces for which `wanted` holds.
    pub fn keep(&self, wanted: impl Fn(&Component) -> bool) -> Mask {
        self.paint(&self.list.iter().map(wanted).collect::<Vec<_>>())
    }

    /// How many voxels of each piece, in the order of the list, also belong to a mask of the same dimensions.
    pub fn voxels_within(&self, other: &Mask) -> Vec<usize> {
        let ny = self.grid.dims()[1];
        let mut within = vec![0; self.list.len()];
        let mut pieces = self.piece.iter();
        for (s, slab) in self.slabs.iter().enumerate() {
            for row in 0..slab.rows.len() - 1 {
                let bits = other.row(row % ny, s * SLAB + row / ny);
                for (&run, &piece) in slab.row(row).iter().zip(&mut pieces) {
                    let mut voxels = 0;
                    for_each_word(run, |w, word| voxels += (bits[w] & word).count_ones() as usize);
                    within[piece as usize] += voxels;
                }
            }
        }
        within
    }

    /// The voxels of the pieces whose entry, in the order of the list, is true.
    pub fn paint(&self, wanted: &[bool]) -> Mask {
        let mut mask = Mask::empty(&self.grid);
        let (words, chunk) = (mask.words_per_row(), mask.words_per_slice() * SLAB);
        let mut starts = vec![0];
        for slab in &self.slabs {
            starts.push(starts[starts.len() - 1] + slab.runs.len());
        }
        mask.bits_mut().par_chunks_mut(chunk).zip(&self.slabs).zip(&starts).for_each(
            |((bits, slab), &start)| {
                for (row, bits) in bits.chunks_exact_mut(words).enumerate() {
                    for run in slab.rows[row] as usize..slab.rows[row + 1] as usize {
                        if wanted[self.piece[start + run] as usize] {
                            for_each_word(slab.runs[run], |w, word| bits[w] |= word);
                        }
                    }
                }
            },
        );
        mask
    }
}

impl Slab {
    fn new(bits: &[u64], words: usize, ny: usize, by: Neighbours, ctx: &Ctx) -> Result<Self, Cancelled> {
        let (mut runs, mut rows) = (Vec::new(), vec![0]);
        for row in bits.chunks_exact(words) {
            push_runs(row, &mut runs);
            rows.push(runs.len() as u32);
        }
        ctx.check()?;
        let parent = (0..runs.len() as u32).collect();
        let mut slab = Self { runs, rows, parent };
        let mut parent = std::mem::take(&mut slab.parent);
        for row in 0..slab.rows.len() - 1 {
            let y = row % ny;
            for earlier in earlier_rows(row, y, ny, by).into_iter().flatten() {
                touching(slab.row(earlier), slab.row(row), by, |a, b| {
                    unite(&mut parent, slab.rows[earlier] + a, slab.rows[row] + b);
                });
            }
            if y == 0 {
                ctx.check()?;
            }
        }
        slab.parent = parent;
        Ok(slab)
    }

    fn row(&self, row: usize) -> &[Run] {
        &self.runs[self.rows[row] as usize..self.rows[row + 1] as usize]
    }
}

/// The rows already seen in the same slab that touch this one.
fn earlier_rows(row: usize, y: usize, ny: usize, by: Neighbours) -> [Option<usize>; 4] {
    let below = row.checked_sub(ny);
    let corners = by == Neighbours::Corners;
    [
        (y > 0).then(|| row - 1),
        below,
        below.filter(|_| corners && y > 0).map(|row| row - 1),
        below.filter(|_| corners && y + 1 < ny).map(|row| row + 1),
    ]
}

/// Joins the slabs at their seams; the root of every run, and where each slab's runs start.
fn stitch(slabs: &[Slab], ny: usize, by: Neighbours) -> (Vec<u32>, Vec<u32>) {
    let (mut parent, mut starts) = (Vec::new(), Vec::new());
    for slab in slabs {
        let start = parent.len() as u32;
        starts.push(start);
        parent.extend(slab.parent.iter().map(|p| p + start));
    }
    for s in 1..slabs.len() {
        let (below, above) = (&slabs[s - 1], &slabs[s]);
        let last = below.rows.len() - 1 - ny;
        for y in 0..ny {
            let reach = usize::from(by == Neighbours::Corners);
            for other in y.saturating_sub(reach)..=(y + reach).min(ny - 1) {
                touching(below.row(last + other), above.row(y), by, |a, b| {
                    let a = starts[s - 1] + below.rows[last + other] + a;
                    unite(&mut parent, a, starts[s] + above.rows[y] + b);
                });
            }
        }
    }
    // A parent is never larger than its child, so one pass in order flattens all.
    for run in 0..parent.len() {
        parent[run] = parent[parent[run] as usize];
    }
    (parent, starts)
}

/// The pieces in order of size, and the place of each run's piece in that list.
fn list(slabs: &[Slab], parent: &[u32], starts: &[u32], ny: usize) -> (Vec<u32>, Vec<Component>) {
    let mut piece = vec![0_u32; parent.len()];
    let mut found: Vec<Component> = Vec::new();
    for (s, slab) in slabs.iter().enumerate() {
        for row in 0..slab.rows.len() - 1 {
            let (y, z) = (row % ny, s * SLAB + row / ny);
            for (i, run) in (slab.rows[row]..).zip(slab.row(row)) {
                let at = (starts[s] + i) as usize;
                let [from, to] = [run.from, run.to].map(|x| x as usize);
                if parent[at] as usize == at {
                    piece[at] = found.len() as u32;
                    found.push(Component {
                        voxels: 0,
                        from: [from, y, z],
                        to: [to, y + 1, z + 1],
                        first: [from, y, z],
                    });
                } else {
                    piece[at] = piece[parent[at] as usize];
                }
                let component = &mut found[piece[at] as usize];
                component.voxels += to - from;
                component.from = [component.from[0].min(from), component.from[1].min(y), component.from[2]];
                component.to = [component.to[0].max(to), component.to[1].max(y + 1), z + 1];
            }
        }
    }
    // Found in order of their first voxels, and the sort is stable.
    let mut order: Vec<u32> = (0..found.len() as u32).collect();
    order.sort_by_key(|&c| std::cmp::Reverse(found[c as usize].voxels));
    let mut rank = vec![0_u32; found.len()];
    for (place, &c) in (0..).zip(&order) {
        rank[c as usize] = place;
    }
    piece.par_iter_mut().for_each(|piece| *piece = rank[*piece as usize]);
    (piece, order.iter().map(|&c| found[c as usize]).collect())
}

/// Calls `join` with the positions of every pair of touching runs of two neighbouring rows.
fn touching(earlier: &[Run], row: &[Run], by: Neighbours, mut join: impl FnMut(u32, u32)) {
    let reach = u32::from(by == Neighbours::Corners);
    let mut first = 0;
    for (b, run) in (0..).zip(row) {
        while first < earlier.len() && earlier[first].to + reach <= run.from {
            first += 1;
        }
        for (a, other) in (first as u32..).zip(&earlier[first..]) {
            if other.from >= run.to + reach {
                break;
            }
            join(a, b);
        }
    }
}

fn unite(parent: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parent, a), root(parent, b));
    parent[a.max(b) as usize] = a.min(b);
}

fn root(parent: &mut [u32], mut run: u32) -> u32 {
    while parent[run as usize] != run {
        parent[run as usize] = parent[parent[run as usize] as usize];
        run = parent[run as usize];
    }
    run
}

/// Appends the runs of a row.
fn push_runs(row: &[u64], runs: &mut Vec<Run>) {
    for_each_run(row.iter().copied(), |from, to| runs.push(Run { from, to }));
}

/// Calls `visit` with the first voxel of each run of a row, and the one past its last.
pub(crate) fn for_each_run(row: impl Iterator<Item = u64>, mut visit: impl FnMut(u32, u32)) {
    let (mut carry, mut from, mut base) = (0, 0, 0);
    for word in row {
        // Bits where a run starts or ends: the value differs from the voxel before.
        let mut changes = word ^ (word << 1 | carry);
        carry = word >> 63;
        while changes != 0 {
            let bit = changes.trailing_zeros();
            changes &= changes - 1;
            if word >> bit & 1 == 1 {
                from = base + bit;
            } else {
                visit(from, base + bit);
            }
        }
        base += 64;
    }
    if carry == 1 {
        visit(from, base);
    }
}

/// Calls `visit` with each word of a row that a run touches, and the bits of the run in it.
fn for_each_word(run: Run, mut visit: impl FnMut(usize, u64)) {
    let (first, last) = (run.from as usize / 64, (run.to as usize - 1) / 64);
    for w in first..=last {
        let low = if w == first { u64::MAX << (run.from % 64) } else { u64::MAX };
        let high = if w == last { u64::MAX >> (63 - (run.to - 1) % 64) } else { u64::MAX };
        visit(w, low & high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::{Point, ctx::Random};
    use proptest::prelude::*;

    fn noise(dims: [usize; 3], percent: u64, seed: u64) -> Mask {
        let grid = Grid::upright(dims, Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let mut random = Random::new(seed);
        let bits: Vec<bool> = (0..grid.count()).map(|_| random.bits() % 100 < percent).collect();
        Mask::where_true(&grid, |x, y, z| bits[grid.index(x, y, z)])
    }

    /// Pieces by flood fill, voxel by voxel: (voxels, first voxel) in order of first voxels.
    fn flooded(mask: &Mask, by: Neighbours) -> Vec<(usize, [usize; 3])> {
        let grid = mask.grid();
        let [nx, ny, nz] = grid.dims();
        let mut seen = vec![false; grid.count()];
        let mut found = Vec::new();
        for start in 0..grid.count() {
            let place = |i: usize| [i % nx, i / nx % ny, i / nx / ny];
            let [x, y, z] = place(start);
            if seen[start] || !mask.get(x, y, z) {
                continue;
            }
            seen[start] = true;
            let (mut stack, mut voxels) = (vec![start], 0);
            while let Some(at) = stack.pop() {
                voxels += 1;
                let at = place(at).map(|i| i as i64);
                for step in 0..27 {
                    let d = [step % 3 - 1, step / 3 % 3 - 1, step / 9 - 1];
                    if by == Neighbours::Faces && d.iter().map(|d: &i64| d.abs()).sum::<i64>() != 1 {
                        continue;
                    }
                    let [x, y, z] = [0, 1, 2].map(|a| (at[a] + d[a]) as usize);
                    if x < nx && y < ny && z < nz && mask.get(x, y, z) {
                        let to = grid.index(x, y, z);
                        if !std::mem::replace(&mut seen[to], true) {
                            stack.push(to);
                        }
                    }
                }
            }
            found.push((voxels, place(start)));
        }
        found
    }

    #[test]
    fn a_corner_joins_two_voxels_only_if_corners_count() {
        let grid = Grid::upright([70, 2, 20], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        // The corner lies at the seam of two words and of two slabs.
        let mask = Mask::where_true(&grid, |x, y, z| [[63, 0, SLAB - 1], [64, 1, SLAB]].contains(&[x, y, z]));
        let count = |by| components(&mask, by, &Ctx::default()).unwrap().list().len();
        assert_eq!((count(Neighbours::Corners), count(Neighbours::Faces)), (1, 2));
    }

    #[test]
    fn an_empty_mask_has_no_pieces() {
        let none = components(&noise([9, 9, 9], 0, 1), Neighbours::Faces, &Ctx::default()).unwrap();
        assert!(none.list().is_empty() && none.keep(|_| true).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_pieces_are_those_of_a_flood_fill(
            nx in 1_usize..150, ny in 1_usize..9, nz in 1_usize..21, percent in 2_u64..99, seed in 0_u64..1000
        ) {
            let mask = noise([nx, ny, nz], percent, seed);
            for by in [Neighbours::Faces, Neighbours::Corners] {
                let found = components(&mask, by, &Ctx::default()).unwrap();
                let mut truth = flooded(&mask, by);
                truth.sort_by_key(|piece| std::cmp::Reverse(piece.0));
                let list: Vec<_> = found.list().iter().map(|c| (c.voxels, c.first)).collect();
                prop_assert_eq!(list, truth);
                prop_assert_eq!(&found.keep(|_| true), &mask);
                let other = noise([nx, ny, nz], 50, seed + 1);
                let within = found.voxels_within(&other);
                for (i, &voxels) in within.iter().enumerate().take(3) {
                    let mut piece = found.keep(|c| *c == found.list()[i]);
                    piece.and(&other);
                    prop_assert_eq!(piece.count(), voxels);
                }
                if let Some(largest) = found.list().first() {
                    let kept = found.keep(|c| c == largest);
                    prop_assert_eq!(kept.count(), largest.voxels);
                    prop_assert_eq!(kept.extent(), Some((largest.from, largest.to)));
                }
            }
        }
    }
}
