//! Distances on a grid with axes at right angles: rows, then columns, then from slice to slice.
//!
//! The square of a distance is the sum of three squares, so the axes are worked off one after the other. Along a
//! row it comes from the runs of bits; along the other two it is a lowest envelope. Only voxels of the set are
//! touched: whatever lies outside it is a zero that ends the stretch it is next to.

use super::envelope::{LANE_BITS, LANES, Real, Row, Span};
use super::{Border, Part, Steps};
use crate::components::for_each_run;
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;

/// Writes the distances of all voxels of `part` into `samples`, with the sign of the part.
///
/// `samples` must be zero at these voxels and not positive at the others, which stay as they are.
pub(super) fn measure(part: &Part, steps: &Steps, samples: &mut [f32], ctx: &Ctx) -> Result<(), Cancelled> {
    let dims = part.mask.grid().dims();
    if steps.whole_in_plane(dims) {
        slices::<f32>(part, steps, samples, &ctx.part("rows and columns", 0.0, 0.4))?;
    } else {
        slices::<f64>(part, steps, samples, &ctx.part("rows and columns", 0.0, 0.4))?;
    }
    ctx.done(0.4)?;
    if steps.whole(dims) {
        stack::<f32>(part, steps, samples, ctx)?;
    } else {
        stack::<f64>(part, steps, samples, ctx)?;
    }
    ctx.done(1.0)
}

/// Squares of the distances within each slice, in units of the step along x.
fn slices<T: Real>(part: &Part, steps: &Steps, samples: &mut [f32], ctx: &Ctx) -> Result<(), Cancelled> {
    let [nx, ny, _] = part.mask.grid().dims();
    let costs = steps.costs::<T>(1, ny);
    samples.par_chunks_mut(nx * ny).enumerate().try_for_each(|(z, slice)| {
        ctx.check()?;
        let mut lines: Vec<&mut [f32]> = slice.chunks_exact_mut(nx).collect();
        for (y, line) in lines.iter_mut().enumerate() {
            fill_row(part, steps, part.mask.row(y, z), line);
        }
        let words = part.words((0..ny).map(|y| part.mask.row(y, z)));
        Sweep { part, costs: &costs, finish: T::sample }.run(&words, &mut lines);
        Ok(())
    })
}

/// Distances through the stack of slices, from the squares within each.
fn stack<T: Real>(part: &Part, steps: &Steps, samples: &mut [f32], ctx: &Ctx) -> Result<(), Cancelled> {
    let [nx, ny, nz] = part.mask.grid().dims();
    let costs = steps.costs::<T>(2, nz);
    let (scale, sign) = (steps.mm[0] * steps.mm[0], part.sign);
    let mut columns: Vec<Vec<&mut [f32]>> = (0..ny).map(|_| Vec::with_capacity(nz)).collect();
    for slice in samples.chunks_exact_mut(nx * ny) {
        slice.chunks_exact_mut(nx).zip(&mut columns).for_each(|(line, column)| column.push(line));
    }
    columns.par_iter_mut().enumerate().try_for_each(|(y, lines)| {
        ctx.check()?;
        let words = part.words((0..nz).map(|z| part.mask.row(y, z)));
        let finish = |square: T| square.root(scale) * sign;
        Sweep { part, costs: &costs, finish }.run(&words, lines);
        Ok(())
    })
}

/// Squares of the distances along one row, in units of the step along it.
pub(super) fn fill_row(part: &Part, steps: &Steps, row: &[u64], line: &mut [f32]) {
    let nx = line.len();
    let beyond = part.border == Border::Outside;
    let first = 1.0 - steps.short;
    for_each_run(part.row(row), |from, to| {
        let run = &mut line[from as usize..to as usize];
        let left = if from > 0 || beyond { first } else { f32::INFINITY };
        let right = if (to as usize) < nx || beyond { run.len() as f32 - steps.short } else { f32::INFINITY };
        for (i, sample) in run.iter_mut().enumerate() {
            let (left, right) = (left + i as f32, right - i as f32);
            let near = if left < right { left } else { right };
            *sample = near * near;
        }
    });
}

/// One pass along an axis over lines of voxels that lie behind each other along it.
struct Sweep<'a, T, F> {
    part: &'a Part<'a>,
    costs: &'a [T],
    /// What becomes of a sum.
    finish: F,
}

impl<T: Real, F: Fn(T) -> f32> Sweep<'_, T, F> {
    /// `words` holds the bits of the set, line after line.
    fn run(&self, words: &[u64], lines: &mut [&mut [f32]]) {
        let n = lines.len();
        let per_line = words.len() / n;
        let (mut rows, mut out, mut todo) = (Vec::new(), Vec::new(), Vec::new());
        for word in 0..per_line {
            let any = (0..n).fold(0, |any, i| any | words[i * per_line + word]);
            for tile in (0..64 / LANES).filter(|tile| any >> (tile * LANES) & LANE_BITS != 0) {
                let touched = |i: usize| words[i * per_line + word] >> (tile * LANES) & LANE_BITS != 0;
                let x = word * 64 + tile * LANES;
                let mut from = 0;
                while from < n {
                    if !touched(from) {
                        from += 1;
                        continue;
                    }
                    let to = (from + 1..n).find(|&i| !touched(i)).unwrap_or(n);
                    self.load(&lines[from..to], x, [from == 0, to == n], &mut rows);
                    out.resize(rows.len(), [T::ZERO; LANES]);
                    todo.push(Span::new(1, rows.len() - 1, rows.len()));
                    T::lowest(&rows, self.costs, &mut todo, &mut out);
                    self.store(&mut lines[from..to], x, &out[1..]);
                    from = to + 1;
                }
            }
        }
    }

    /// The lines' numbers, with one more row on both sides: zeros, or what lies beyond the border.
    fn load(&self, lines: &[&mut [f32]], x: usize, at_border: [bool; 2], rows: &mut Vec<Row<T>>) {
        let beyond =
            |at_border| if at_border && self.part.border == Border::Inside { T::NEVER } else { T::ZERO };
        rows.clear();
        rows.push([beyond(at_border[0]); LANES]);
        for line in lines {
            let mut row = [T::ZERO; LANES];
            for (value, &sample) in row.iter_mut().zip(&line[x..]) {
                // What is negative is finished and belongs to the other side of the boundary.
                *value = T::of(if sample > 0.0 { sample } else { 0.0 });
            }
            rows.push(row);
        }
        rows.push([beyond(at_border[1]); LANES]);
    }

    fn store(&self, lines: &mut [&mut [f32]], x: usize, out: &[Row<T>]) {
        for (line, row) in lines.iter_mut().zip(out) {
            for (sample, &value) in line[x..].iter_mut().zip(row) {
                *sample = if *sample > 0.0 { (self.finish)(value) } else { *sample };
            }
        }
    }
}
