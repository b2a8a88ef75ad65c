//! Grow, shrink, close and open a mask by a ball in millimetres.
//!
//! The ball is the exact set of voxel steps no longer than the radius, measured through the grid's map, so
//! it is an ellipsoid of voxels on an anisotropic grid and a slanted one on a sheared grid. Rows are worked
//! on as words: rows that reach equally far along x are first joined, then widened once.
//!
//! Border of the grid: growing sees nothing beyond it, and shrinking sees structure beyond it, so a bone cut
//! by the field of view is not eaten from the cut. Closing and opening work as if the grid went on, so the
//! border neither bridges gaps nor takes anything away.

use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Grid, Mask};
use rayon::prelude::*;

/// Every voxel no further than `radius` mm from a voxel of the mask.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn dilate(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let ball = Ball::new(mask.grid(), radius);
    let grown = ball.dilate(&Bits::of(mask, [0; 3]), ctx)?;
    ctx.done(1.0)?;
    Ok(grown.crop(mask.grid(), [0; 3]))
}

/// The voxels of the mask that are further than `radius` mm from every voxel outside it.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn erode(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let mut outside = mask.clone();
    outside.invert();
    let mut eroded = dilate(&outside, radius, ctx)?;
    eroded.invert();
    Ok(eroded)
}

/// Grows by a ball and shrinks back: closes gaps and holes narrower than twice `radius` mm.
///
/// Never takes a voxel away.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn close(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let ball = Ball::new(mask.grid(), radius);
    let mut bits = ball.dilate(&Bits::of(mask, ball.reach), ctx)?;
    ctx.done(0.5)?;
    // What lies beyond the padding is out of the ball's reach from any voxel of the grid.
    bits.invert();
    let mut bits = ball.dilate(&bits, ctx)?;
    bits.invert();
    ctx.done(1.0)?;
    Ok(bits.crop(mask.grid(), ball.reach))
}

/// Shrinks by a ball and grows back: takes away what is thinner than twice `radius` mm.
///
/// Never adds a voxel; the same as closing the background.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn open(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let mut outside = mask.clone();
    outside.invert();
    let mut opened = close(&outside, radius, ctx)?;
    opened.invert();
    Ok(opened)
}

/// The steps from a voxel to those within the radius.
struct Ball {
    /// Steps along x from `low` to `high`, at every step along y and z in `rows`.
    beams: Vec<Beam>,
    /// The furthest step along each axis.
    reach: [usize; 3],
}

/// Steps of exactly the radius stay in however the map is rounded: the positions and directions of a DICOM
/// header are good to some 1e-12 of a slice distance, and a turned patient must give the same ball.
const SLACK: f64 = 1e-6;

/// All rows in which the ball spans the same steps along x.
struct Beam {
    low: i64,
    high: i64,
    rows: Vec<(i64, i64)>,
}

impl Ball {
    fn new(grid: &Grid, radius: f64) -> Self {
        let radius = radius.max(0.0);
        let linear = grid.to_patient().linear;
        let inverse = grid.to_voxel().linear.transpose();
        let dims = grid.dims();
        // A step d has d[a] = (row a of the inverse) · (its mm), so |d[a]| ≤ |row a| · radius.
        let rows = [inverse.x_axis, inverse.y_axis, inverse.z_axis];
        let bound = [0, 1, 2].map(|a| (rows[a].length() * radius * (1.0 + SLACK)).min(dims[a] as f64) as i64);
        let within = |x: i64, y: i64, z: i64| {
            (linear * DVec3::new(x as f64, y as f64, z as f64)).length() <= radius * (1.0 + SLACK)
        };
        let mut beams: Vec<Beam> = Vec::new();
        let mut reach = [0; 3];
        for z in -bound[2]..=bound[2] {
            for y in -bound[1]..=bound[1] {
                let mut span = (-bound[0]..=bound[0]).filter(|&x| within(x, y, z));
                let Some(low) = span.next() else { continue };
                let high = span.next_back().unwrap_or(low);
                let furthest = [low.abs().max(high.abs()), y.abs(), z.abs()];
                reach = [0, 1, 2].map(|a| reach[a].max(furthest[a] as usize));
                match beams.iter_mut().find(|beam| (beam.low, beam.high) == (low, high)) {
                    Some(beam) => beam.rows.push((y, z)),
                    None => beams.push(Beam { low, high, rows: vec![(y, z)] }),
                }
            }
        }
        Self { beams, reach }
    }

    /// Every voxel a step of the ball away from one of `from`; the ball is symmetric.
    fn dilate(&self, from: &Bits, ctx: &Ctx) -> Result<Bits, Cancelled> {
        let mut to = Bits { bits: vec![0; from.bits.len()], ..*from };
        let occupied: Vec<bool> =
            from.bits.chunks_exact(from.words).map(|row| row.iter().any(|&w| w != 0)).collect();
        let pad = self.reach[0].div_ceil(64);
        to.bits.par_chunks_mut(from.words * from.ny).enumerate().try_for_each(|(z, slice)| {
            let mut joined = vec![0_u64; from.words + pad];
            for (y, row) in slice.chunks_exact_mut(from.words).enumerate() {
                ctx.check()?;
                for beam in &self.beams {
                    if from.join(&occupied, beam, [y, z], &mut joined[pad..]) {
                        widen(&mut joined, beam.low, (beam.high - beam.low) as usize, pad);
                        row.iter_mut().zip(&joined[pad..]).for_each(|(to, from)| *to |= from);
                        joined.fill(0);
                    }
                }
                row[from.words - 1] &= from.last;
            }
            Ok(())
        })?;
        Ok(to)
    }
}

/// Rows of bits without a place, possibly larger than the grid they came from.
struct Bits {
    words: usize,
    ny: usize,
    nz: usize,
    /// The bits of the last word of a row that count.
    last: u64,
    bits: Vec<u64>,
}

impl Bits {
    /// The mask with empty voxels around it: `pad` rows and slices, and at least as many voxels along x.
    fn of(mask: &Mask, pad: [usize; 3]) -> Self {
        let [_, my, mz] = mask.grid().dims();
        let side = pad[0].div_ceil(64);
        let (words, ny, nz) = (mask.words_per_row() + 2 * side, my + 2 * pad[1], mz + 2 * pad[2]);
        let last = if side == 0 { mask.last_word() } else { u64::MAX };
        let mut bits = vec![0; words * ny * nz];
        for z in 0..mz {
            for y in 0..my {
                let start = ((z + pad[2]) * ny + y + pad[1]) * words + side;
                bits[start..start + mask.words_per_row()].copy_from_slice(mask.row(y, z));
            }
        }
        Self { words, ny, nz, last, bits }
    }

    /// The mask of a grid that was padded by `pad`.
    fn crop(&self, grid: &Grid, pad: [usize; 3]) -> Mask {
        let mut mask = Mask::empty(grid);
        let (words, last) = (mask.words_per_row(), mask.last_word());
        let side = pad[0].div_ceil(64);
        for z in 0..grid.dims()[2] {
            for y in 0..grid.dims()[1] {
                let start = ((z + pad[2]) * self.ny + y + pad[1]) * self.words + side;
                let row = mask.row_mut(y, z);
                row.copy_from_slice(&self.bits[start..start + words]);
                row[words - 1] &= last;
            }
        }
        mask
    }

    fn invert(&mut self) {
        for row in self.bits.chunks_exact_mut(self.words) {
            row.iter_mut().for_each(|word| *word = !*word);
            row[self.words - 1] &= self.last;
        }
    }

    /// Joins the rows of a beam around row `[y, z]` into `joined`; false when they are all empty.
    fn join(&self, occupied: &[bool], beam: &Beam, [y, z]: [usize; 2], joined: &mut [u64]) -> bool {
        let mut any = false;
        for &(dy, dz) in &beam.rows {
            let (y, z) = (y as i64 - dy, z as i64 - dz);
            if y < 0 || z < 0 || y >= self.ny as i64 || z >= self.nz as i64 {
                continue;
            }
            let row = z as usize * self.ny + y as usize;
            if occupied[row] {
                any = true;
                let row = &self.bits[row * self.words..(row + 1) * self.words];
                joined.iter_mut().zip(row).for_each(|(to, from)| *to |= from);
            }
        }
        any
    }
}

/// Moves a row by `low` voxels and smears it over `span` more, towards higher x.
///
/// The first `pad` words are room for what moves below zero before it is smeared back.
fn widen(row: &mut [u64], low: i64, span: usize, pad: usize) {
    let away = low.unsigned_abs() as usize;
    if low < 0 {
        debug_assert!(away <= pad * 64);
        let (skip, bits) = (away / 64, away % 64);
        for i in 0..row.len() {
            let word = |i: usize| row.get(i).copied().unwrap_or(0);
            let high = if bits == 0 { 0 } else { word(i + skip + 1) << (64 - bits) };
            row[i] = word(i + skip) >> bits | high;
        }
    } else {
        up(row, away, |_, moved| moved);
    }
    let mut done = 1;
    while done <= span {
        let step = done.min(span + 1 - done);
        up(row, step, |stays, moved| stays | moved);
        done += step;
    }
}

/// Replaces each word by `with` of itself and of what comes to it when the row moves up by `step` voxels.
fn up(row: &mut [u64], step: usize, with: impl Fn(u64, u64) -> u64) {
    let (skip, bits) = (step / 64, step % 64);
    for i in (0..row.len()).rev() {
        let word = |back: usize| i.checked_sub(back).map_or(0, |i| row[i]);
        let low = if bits == 0 { 0 } else { word(skip + 1) >> (64 - bits) };
        row[i] = with(row[i], word(skip) << bits | low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DMat3;
    use osteon_core::{Affine, Point, ctx::Random};
    use proptest::prelude::*;

    fn sheared(dims: [usize; 3]) -> Grid {
        let linear = DMat3::from_cols(
            DVec3::new(-0.7, 0.1, 0.0),
            DVec3::new(0.2, 0.8, 0.0),
            DVec3::new(0.5, 0.6, 1.1),
        );
        Grid::new(dims, Affine::new(linear, DVec3::new(5.0, -3.0, 8.0))).unwrap()
    }

    fn noise(grid: &Grid, percent: u64, seed: u64) -> Mask {
        let mut random = Random::new(seed);
        let bits: Vec<bool> = (0..grid.count()).map(|_| random.bits() % 100 < percent).collect();
        Mask::where_true(grid, |x, y, z| bits[grid.index(x, y, z)])
    }

    /// Dilation by its definition: any voxel of the mask no further than the radius.
    fn dilated(mask: &Mask, radius: f64) -> Mask {
        let grid = mask.grid();
        let [nx, ny, nz] = grid.dims();
        let mut members = Vec::new();
        for z in 0..nz {
            for y in 0..ny {
                members.extend((0..nx).filter(|&x| mask.get(x, y, z)).map(|x| grid.place(x, y, z)));
            }
        }
        Mask::where_true(grid, |x, y, z| {
            let here = grid.place(x, y, z);
            members.iter().any(|p| p.distance(here) <= radius + 1e-9)
        })
    }

    #[test]
    fn a_step_of_exactly_the_radius_belongs_to_the_ball() {
        let grid = Grid::upright([9, 9, 9], Point::new(0.0, 0.0, 0.0), DVec3::new(0.7, 0.7, 0.7)).unwrap();
        let mut mask = Mask::empty(&grid);
        mask.set(4, 4, 4, true);
        let count = |radius| dilate(&mask, radius, &Ctx::default()).unwrap().count();
        assert_eq!((count(0.0), count(0.69), count(0.7), count(2.1)), (1, 1, 7, 123));
        // Nor does it matter that a DICOM header gives the spacing in decimals.
        assert_eq!((count(0.7 - 1e-11), count(2.1 - 1e-11)), (7, 123));
        assert_eq!(count(-1.0), 1);
        assert_eq!(count(f64::NAN), 1);
    }

    #[test]
    fn the_border_neither_bridges_a_gap_nor_eats_a_cut_bone() {
        let grid = Grid::upright([40, 20, 20], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        // A bar two voxels from the low x border and cut by both y borders.
        let bar = Mask::where_true(&grid, |x, _, z| (2..12).contains(&x) && (5..15).contains(&z));
        let closed = close(&bar, 3.0, &Ctx::default()).unwrap();
        assert_eq!(closed, bar);
        assert!(open(&bar, 3.0, &Ctx::default()).unwrap().get(5, 0, 10));
        assert!(erode(&bar, 2.0, &Ctx::default()).unwrap().get(5, 0, 10));
    }

    #[test]
    fn a_gap_is_closed_when_the_ball_does_not_fit() {
        let grid = Grid::upright([30, 30, 30], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let gap = |width: usize| Mask::where_true(&grid, |x, _, _| x < 10 || x >= 10 + width);
        let middle =
            |width, radius| close(&gap(width), radius, &Ctx::default()).unwrap().get(10 + width / 2, 15, 15);
        assert!(middle(4, 2.0) && middle(3, 2.0));
        assert!(!middle(5, 2.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn dilation_is_the_set_of_voxels_in_reach_on_any_grid(
            nx in 1_usize..90, percent in 1_u64..8, seed in 0_u64..1000, radius in 0.0_f64..5.0
        ) {
            let mask = noise(&sheared([nx, 6, 5]), percent, seed);
            let ctx = Ctx::default();
            prop_assert_eq!(&dilate(&mask, radius, &ctx).unwrap(), &dilated(&mask, radius));
            // Closing adds, opening takes away, and a second time changes nothing.
            let closed = close(&mask, radius, &ctx).unwrap();
            let mut missing = mask.clone();
            missing.subtract(&closed);
            prop_assert!(missing.is_empty());
            prop_assert_eq!(&close(&closed, radius, &ctx).unwrap(), &closed);
            let mut added = open(&mask, radius, &ctx).unwrap();
            added.subtract(&mask);
            prop_assert!(added.is_empty());
        }

        #[test]
        fn a_wide_ball_crosses_words(low in -200_i64..130, span in 0_usize..200, seed in 0_u64..1000) {
            let mut random = Random::new(seed);
            let bits: Vec<bool> = (0..192).map(|_| random.bits().is_multiple_of(60)).collect();
            let mut row = vec![0_u64; 4 + 3];
            for x in (0..192).filter(|&x| bits[x]) {
                row[4 + x / 64] |= 1 << (x % 64);
            }
            widen(&mut row, low, span, 4);
            for x in 0..192_i64 {
                let truth = (low..=low + span as i64).any(|d| (0..192).contains(&(x - d)) && bits[(x - d) as usize]);
                prop_assert_eq!(row[4 + x as usize / 64] >> (x % 64) & 1 == 1, truth);
            }
        }
    }
}
