//! The exact median of the 27 voxels around each voxel, by sorting networks over many voxels at once.
//!
//! Work is shared between neighbours: three voxels along x are sorted once for nine results, nine voxels of a
//! slice once for three, and the eighteen of two slices are merged once for two. Every step is a fixed list of
//! minima and maxima, the same for each voxel, so a loop over a lane of voxels becomes vector instructions.

use super::DenoiseError;
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Volume};
use rayon::prelude::*;

/// Voxels along x worked on together: one 512-bit vector of `i16`, two of 256, four of 128 bits.
const LANE: usize = 32;

/// Rows worked on together: enough that few rows are sorted twice, few enough to stay in the second cache.
const ROWS: usize = 8;

/// Slices one thread works through; even, because slices are worked on in pairs.
const SLAB: usize = 30;

/// `N` sorted values for each voxel of a lane.
type Sorted<const N: usize> = [[i16; LANE]; N];

/// The wires on which [`middle`] leaves the 5th to 14th of eighteen, the only ones that can be the median once
/// nine more come.
const MIDDLE: [usize; 10] = [4, 5, 6, 7, 8, 10, 11, 12, 13, 14];

/// The median of the 3 × 3 × 3 voxels around each voxel, whatever the spacing.
///
/// Beyond the border the outermost voxel is repeated, as SimpleITK's `Median` and SciPy's
/// `median_filter(mode="nearest")` do; the result equals theirs.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn median(volume: &Volume<i16>, ctx: &Ctx) -> Result<Volume<i16>, DenoiseError> {
    let [nx, ny, _] = volume.grid().dims();
    let mut samples = vec![0_i16; volume.grid().count()];
    samples.par_chunks_mut(nx * ny * SLAB).enumerate().try_for_each(|(slab, out)| {
        let mut band = Band::new(nx);
        for y in (0..ny).step_by(ROWS) {
            band.filter(volume, [y, slab * SLAB], out, ctx)?;
        }
        Ok::<(), Cancelled>(())
    })?;
    ctx.done(1.0)?;
    Ok(Volume::new(volume.grid().clone(), samples)?)
}

/// What one thread keeps of a band of rows while it goes up through the slices: about 0.4 MB at 512 voxels a row.
struct Band {
    /// Lanes in a row.
    lanes: usize,
    /// One row with its borders repeated.
    padded: Vec<i16>,
    /// Every three voxels along x, sorted, for the rows of the band and one more on either side.
    threes: Vec<Sorted<3>>,
    /// The nine voxels of a slice around each voxel, sorted; four slices, slice `z` at place `(z + 1) % 4`.
    nines: [Vec<Sorted<9>>; 4],
}

impl Band {
    fn new(nx: usize) -> Self {
        let lanes = nx.div_ceil(LANE);
        Self {
            lanes,
            padded: vec![0; lanes * LANE + 2],
            threes: vec![[[0; LANE]; 3]; lanes * (ROWS + 2)],
            nines: std::array::from_fn(|_| vec![[[0; LANE]; 9]; lanes * ROWS]),
        }
    }

    /// Fills the band of rows from `y` on in `out`, the slices from `z` on.
    fn filter(
        &mut self,
        volume: &Volume<i16>,
        [y, z]: [usize; 2],
        out: &mut [i16],
        ctx: &Ctx,
    ) -> Result<(), Cancelled> {
        let [nx, ny, nz] = volume.grid().dims();
        let rows = ROWS.min(ny - y);
        self.sort(volume, [y, z.saturating_sub(1)], rows, z % 4);
        self.sort(volume, [y, z], rows, (z + 1) % 4);
        for (pair, out) in out.chunks_mut(2 * nx * ny).enumerate() {
            ctx.check()?;
            let z = z + 2 * pair;
            self.sort(volume, [y, (z + 1).min(nz - 1)], rows, (z + 2) % 4);
            self.sort(volume, [y, (z + 2).min(nz - 1)], rows, (z + 3) % 4);
            let nines = [0, 1, 2, 3].map(|i| &self.nines[(z + i) % 4]);
            let (low, high) = out.split_at_mut(nx * ny);
            for row in 0..rows {
                let nines = nines.map(|nine| &nine[row * self.lanes..(row + 1) * self.lanes]);
                let at = (y + row) * nx;
                // The last slice of an odd number has no partner; its row is then empty.
                let high = if high.is_empty() { &mut [] } else { &mut high[at..at + nx] };
                medians(nines, &mut low[at..at + nx], high);
            }
        }
        Ok(())
    }

    /// Sorts the nine voxels around each voxel of the band within slice `z`.
    fn sort(&mut self, volume: &Volume<i16>, [y, z]: [usize; 2], rows: usize, place: usize) {
        let ny = volume.grid().dims()[1];
        for (row, threes) in self.threes.chunks_exact_mut(self.lanes).take(rows + 2).enumerate() {
            let row = volume.row((y + row).saturating_sub(1).min(ny - 1), z);
            pad(row, &mut self.padded);
            sort_threes(&self.padded, threes);
        }
        for (row, nines) in self.nines[place].chunks_exact_mut(self.lanes).take(rows).enumerate() {
            let row = |i: usize| &self.threes[(row + i) * self.lanes..(row + i + 1) * self.lanes];
            sort_nines([row(0), row(1), row(2)], nines);
        }
    }
}

/// A row with its first voxel once more before it and its last repeated to the end.
fn pad(row: &[i16], padded: &mut [i16]) {
    let last = row[row.len() - 1];
    padded[0] = row[0];
    padded[1..=row.len()].copy_from_slice(row);
    padded[row.len() + 1..].fill(last);
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn sort_threes(padded: &[i16], threes: &mut [Sorted<3>]) {
    for (lane, three) in threes.iter_mut().enumerate() {
        let from: &[i16] = &padded[lane * LANE..lane * LANE + LANE + 2];
        for i in 0..LANE {
            let sorted = sort3([from[i], from[i + 1], from[i + 2]]);
            for rank in 0..3 {
                three[rank][i] = sorted[rank];
            }
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn sort_nines(rows: [&[Sorted<3>]; 3], nines: &mut [Sorted<9>]) {
    for (((a, b), c), nine) in rows[0].iter().zip(rows[1]).zip(rows[2]).zip(nines) {
        for i in 0..LANE {
            let threes = [a, b, c].map(|three| [three[0][i], three[1][i], three[2][i]]);
            let sorted = sort9(threes);
            for rank in 0..9 {
                nine[rank][i] = sorted[rank];
            }
        }
    }
}

/// The medians of two neighbouring slices out of the sorted nines of these and of the ones before and after.
// Within its caller the loop over a lane is not always turned into vector instructions, ten times as slow.
#[inline(never)]
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn medians(nines: [&[Sorted<9>]; 4], low: &mut [i16], high: &mut [i16]) {
    let [before, first, second, after] = nines;
    for lane in 0..first.len() {
        let mut found = [[0_i16; LANE]; 2];
        let (before, first, second, after) = (&before[lane], &first[lane], &second[lane], &after[lane]);
        for i in 0..LANE {
            let at = |nine: &Sorted<9>| -> [i16; 9] { std::array::from_fn(|rank| nine[rank][i]) };
            let middle = middle(at(first), at(second));
            found[0][i] = median_of(middle, at(before));
            found[1][i] = median_of(middle, at(after));
        }
        let from = lane * LANE;
        for (out, found) in [&mut *low, &mut *high].into_iter().zip(&found) {
            if let Some(out) = out.get_mut(from..) {
                let len = out.len().min(LANE);
                out[..len].copy_from_slice(&found[..len]);
            }
        }
    }
}

#[inline(always)]
fn order(a: &mut i16, b: &mut i16) {
    (*a, *b) = ((*a).min(*b), (*a).max(*b));
}

#[inline(always)]
fn sort3([mut a, mut b, mut c]: [i16; 3]) -> [i16; 3] {
    order(&mut a, &mut b);
    order(&mut b, &mut c);
    order(&mut a, &mut b);
    [a, b, c]
}

/// Sorts three sorted threes: first by rank, which leaves only the middle of the ranks undecided.
#[inline(always)]
fn sort9([a, b, c]: [[i16; 3]; 3]) -> [i16; 9] {
    // After this both rows and columns of the square ascend.
    let [least, mut d, mut g] = sort3([a[0], b[0], c[0]]);
    let [mut e, m, mut f] = sort3([a[1], b[1], c[1]]);
    let [mut h, mut k, most] = sort3([a[2], b[2], c[2]]);
    order(&mut d, &mut e);
    order(&mut f, &mut k);
    order(&mut g, &mut h);
    // Second is d, eighth k. Left: e ≤ m ≤ f and g ≤ h.
    order(&mut e, &mut g);
    order(&mut h, &mut f);
    let [g, m, h] = sort3([g, m, h]);
    [least, d, e, g, m, h, f, k, most]
}

/// The 5th to 14th of two sorted nines.
///
/// Those comparisons of Batcher's odd-even merge, first wire to be the lower one, that reach one of the wires
/// asked for. Written out: a loop over a table of them is not turned into vector instructions.
#[inline(always)]
fn middle(a: [i16; 9], b: [i16; 9]) -> [i16; 10] {
    let mut wire = [0; 18];
    wire[..9].copy_from_slice(&a);
    wire[9..].copy_from_slice(&b);
    macro_rules! order {
        ($($low:literal $high:literal),*) => {
            $((wire[$low], wire[$high]) = (wire[$low].min(wire[$high]), wire[$low].max(wire[$high]));)*
        };
    }
    order!(0 9, 8 17, 8 9, 4 13, 4 8, 13 9, 2 11, 6 15, 6 11, 2 4, 6 8, 11 13, 15 9, 1 10);
    order!(5 14, 5 10, 3 12, 7 16, 7 12, 3 5, 7 10, 12 14, 3 4, 5 6, 7 8, 10 11, 12 13, 14 15);
    MIDDLE.map(|i| wire[i])
}

/// The 10th of a sorted ten and a sorted nine: of every split into `i` and `10 − i` lowest, the least maximum.
#[inline(always)]
fn median_of(ten: [i16; 10], nine: [i16; 9]) -> i16 {
    let mut least = ten[9];
    for i in 0..9 {
        least = least.min(ten[i].max(nine[8 - i]));
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sorted list of `zeros` zeros and else ones. Networks that sort all of these sort everything.
    fn step<const N: usize>(zeros: usize) -> [i16; N] {
        std::array::from_fn(|i| i16::from(i >= zeros))
    }

    #[test]
    fn three_sorted_threes_are_sorted() {
        for [a, b, c] in (0..64).map(|n| [n % 4, n / 4 % 4, n / 16]) {
            assert_eq!(sort9([step(a), step(b), step(c)]), step(a + b + c));
        }
    }

    #[test]
    fn the_middle_of_two_nines_and_one_more_nine_give_the_fourteenth_of_all() {
        for [a, b, c] in (0..1000).map(|n| [n % 10, n / 10 % 10, n / 100]) {
            let merged: [i16; 18] = step(a + b);
            let middle = middle(step(a), step(b));
            assert_eq!(middle[..], merged[4..14]);
            assert_eq!(median_of(middle, step(c)), i16::from(a + b + c < 14));
        }
    }
}
