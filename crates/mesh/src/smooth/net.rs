//! Vertices with their neighbours, and the passes that smooth their displacements.
//!
//! What is kept in 32 bits are displacements from where vertices were, never places: a displacement of 0.1
//! mm is then known to 1e-8 mm, and a vertex that does not move keeps its bits.

use glam::DVec3;
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Patient, Point};
use rayon::prelude::*;

/// A displacement in mm, padded to four numbers so that it is read at once.
pub(super) type Shift = [f32; 4];

/// Vertices in a chunk: a fixed number, so that results do not depend on the number of threads.
pub(super) const CHUNK: usize = 1 << 13;

/// Passes that go through memory together.
///
/// On a surface of a million vertices eight take a fifth off the time of one by one; the chunks in use, two a
/// pass of 0.7 MB each, stay in a cache of 16 MB.
const TOGETHER: usize = 8;

/// From so many vertices on passes go together: with less, the caches hold everything (80 bytes a vertex).
const LARGE: usize = 1 << 18;

/// How many chunks neighbours may be apart for that: vertices of scanned surfaces lie near their neighbours.
const NEAR: usize = 2;

/// Neighbours kept in the table; vertices of surfaces seldom have more.
const SLOTS: usize = 8;

/// The neighbours of every vertex.
pub(super) struct Net {
    /// The first neighbours of each vertex; empty slots name the place after the last vertex, where nothing
    /// ever moves. All vertices have as many slots, so that a pass has nothing to decide.
    table: Vec<[u32; SLOTS]>,
    /// How many neighbours each vertex has.
    counts: Vec<u32>,
    /// Pairs of a vertex and a neighbour for which it has no slot, in order of vertices.
    others: Vec<(u32, u32)>,
}

impl Net {
    /// The net of one closed surface: in each triangle a corner's next corner is a neighbour of it, and since
    /// the surface is closed and all triangles turn the same way, that names every neighbour once.
    pub(super) fn of_closed(vertices: usize, triangles: &[[u32; 3]]) -> Self {
        Self::of(vertices, triangles.iter().flat_map(|&[a, b, c]| [(a, b), (b, c), (c, a)]))
    }

    /// The net of several surfaces over the same vertices: each neighbour once, however many surfaces say so.
    pub(super) fn of_shared(vertices: usize, parts: &[&[[u32; 3]]]) -> Self {
        let all = parts.iter().flat_map(|part| part.iter());
        let mut pairs: Vec<(u32, u32)> = all.flat_map(|&[a, b, c]| [(a, b), (b, c), (c, a)]).collect();
        pairs.sort_unstable();
        pairs.dedup();
        Self::of(vertices, pairs.into_iter())
    }

    fn of(vertices: usize, pairs: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut net = Self {
            table: vec![[vertices as u32; SLOTS]; vertices],
            counts: vec![0; vertices],
            others: Vec::new(),
        };
        for (v, neighbour) in pairs {
            let count = &mut net.counts[v as usize];
            match net.table[v as usize].get_mut(*count as usize) {
                Some(slot) => *slot = neighbour,
                None => net.others.push((v, neighbour)),
            }
            *count += 1;
        }
        net.others.sort_by_key(|pair| pair.0);
        net
    }

    /// The pairs without a slot of the vertices `from..to`.
    fn others(&self, from: usize, to: usize) -> &[(u32, u32)] {
        let place = |v: usize| self.others.partition_point(|pair| (pair.0 as usize) < v);
        &self.others[place(from)..place(to)]
    }

    /// From each vertex to the middle of its neighbours, in mm; the fourth number is 1 / number of
    /// neighbours.
    pub(super) fn pulls(&self, places: &[Point<Patient>]) -> Vec<Shift> {
        let mut pulls = vec![[0.0; 4]; places.len()];
        pulls.par_chunks_mut(CHUNK).enumerate().for_each(|(n, pulls)| {
            for (v, pull) in (n * CHUNK..).zip(pulls) {
                let count = self.counts[v] as usize;
                let others = if count > SLOTS { self.others(v, v + 1) } else { &[] };
                let slots = self.table[v].iter().take(count).chain(others.iter().map(|(_, other)| other));
                let own = places[v].vec();
                let sum: DVec3 = slots.map(|&n| places[n as usize].vec() - own).sum();
                let share = 1.0 / count as f64;
                let [x, y, z] = (sum * share).as_vec3().to_array();
                *pull = [x, y, z, share as f32];
            }
        });
        pulls
    }

    /// Moves every vertex by a share of the way to the middle of its neighbours, once for each of `steps`,
    /// and never farther than `bound` mm from where it was at first.
    pub(super) fn relax(
        &self,
        pulls: &[Shift],
        steps: impl Iterator<Item = f32>,
        bound: f32,
        ctx: &Ctx,
    ) -> Result<Vec<Shift>, Cancelled> {
        let steps: Vec<f32> = steps.collect();
        let together = if pulls.len() >= LARGE && self.reach(CHUNK) <= NEAR { TOGETHER } else { 1 };
        self.passes(pulls, (&steps, bound), (CHUNK, together), ctx)
    }

    /// All passes over chunks of `size` vertices, so many passes `together`; how they are done does not change
    /// what comes out.
    fn passes(
        &self,
        pulls: &[Shift],
        (steps, bound): (&[f32], f32),
        (size, together): (usize, usize),
        ctx: &Ctx,
    ) -> Result<Vec<Shift>, Cancelled> {
        // One more than there are vertices: what empty slots name.
        let mut from = vec![[0.0; 4]; pulls.len() + 1];
        let mut to = from.clone();
        let apart = if together > 1 { self.reach(size) + 1 } else { 1 };
        for steps in steps.chunks(together) {
            if let [step] = *steps {
                to[..pulls.len()].par_chunks_mut(size).enumerate().try_for_each(|(n, to)| {
                    ctx.check()?;
                    self.pass(&from, pulls, n * size, [step, bound], to);
                    Ok(())
                })?;
            } else {
                self.wave([&mut from, &mut to], pulls, (steps, bound), (size, apart), ctx)?;
            }
            if steps.len() % 2 == 1 {
                std::mem::swap(&mut from, &mut to);
            }
        }
        from.pop();
        Ok(from)
    }

    /// Several passes in one go through memory, each so many chunks behind the one before: what the next pass
    /// needs is still in the cache, and all that a pass reads is done.
    ///
    /// Passes write to `b` and to `a` by turns. A chunk is overwritten by the pass after the next, which comes
    /// when the next has gone past all chunks that border on it.
    fn wave(
        &self,
        [a, b]: [&mut [Shift]; 2],
        pulls: &[Shift],
        (steps, bound): (&[f32], f32),
        (size, apart): (usize, usize),
        ctx: &Ctx,
    ) -> Result<(), Cancelled> {
        let chunks = pulls.len().div_ceil(size);
        for front in 0..chunks + (steps.len() - 1) * apart {
            ctx.check()?;
            for turn in [0, 1] {
                let (from, to) = if turn == 0 { (&*a, &mut *b) } else { (&*b, &mut *a) };
                let due = to[..pulls.len()].chunks_mut(size).enumerate().filter_map(|(n, to)| {
                    let behind = front.checked_sub(n)?;
                    let pass = behind / apart;
                    let is_due = behind % apart == 0 && pass % 2 == turn && pass < steps.len();
                    is_due.then_some((n * size, pass, to))
                });
                let due: Vec<_> = due.collect();
                due.into_par_iter().for_each(|(first, pass, to)| {
                    self.pass(from, pulls, first, [steps[pass], bound], to);
                });
            }
        }
        Ok(())
    }

    /// One pass over the vertices from `first` on.
    fn pass(&self, from: &[Shift], pulls: &[Shift], first: usize, how: [f32; 2], to: &mut [Shift]) {
        sum(from, first, &self.table[first..], self.others(first, first + to.len()), to);
        limit(&from[first..], &pulls[first..], how, to);
    }

    /// How many chunks of `size` vertices two neighbours are apart at most.
    fn reach(&self, size: usize) -> usize {
        let none = self.table.len() as u32;
        let chunks = self.table.par_chunks(size).enumerate().map(|(n, table)| {
            let start = (n * size) as u32;
            let (mut least, mut most) = (start, start);
            for &slot in table.as_flattened() {
                let slot = if slot == none { start } else { slot };
                (least, most) = (least.min(slot), most.max(slot));
            }
            (n - least as usize / size).max(most as usize / size - n)
        });
        let others = self.others.iter().map(|&(v, n)| (v as usize / size).abs_diff(n as usize / size));
        chunks.max().unwrap_or(0).max(others.max().unwrap_or(0))
    }
}

/// Sums the displacements of the neighbours of a chunk of vertices, the first of which is `first`.
///
/// Written out in plain loops, here and below: what a closure is passed to is not built for the instructions
/// that this function is built for, and would be called for each vertex.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn sum(all: &[Shift], first: usize, table: &[[u32; SLOTS]], others: &[(u32, u32)], to: &mut [Shift]) {
    for (sum, slots) in to.iter_mut().zip(table) {
        let mut of = [[0.0; 4]; SLOTS];
        for (of, &slot) in of.iter_mut().zip(slots) {
            *of = all[slot as usize];
        }
        let (low, high) = (four(&of, 0), four(&of, 4));
        for (i, sum) in sum.iter_mut().enumerate() {
            *sum = low[i] + high[i];
        }
    }
    for &(v, n) in others {
        let (sum, other) = (&mut to[v as usize - first], &all[n as usize]);
        for (sum, other) in sum.iter_mut().zip(other) {
            *sum += other;
        }
    }
}

/// The sum of four displacements from the given place on.
#[inline(always)]
fn four(of: &[Shift; SLOTS], at: usize) -> Shift {
    let mut sum = [0.0; 4];
    for (i, sum) in sum.iter_mut().enumerate() {
        *sum = (of[at][i] + of[at + 1][i]) + (of[at + 2][i] + of[at + 3][i]);
    }
    sum
}

/// Vertices whose displacements are held to the bound together: a whole number of vectors.
const LANES: usize = 16;

/// Turns the sums of a chunk into its new displacements.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn limit(own: &[Shift], pulls: &[Shift], how: [f32; 2], to: &mut [Shift]) {
    let count = to.len();
    let ((to, to_rest), (pulls, pulls_rest), (own, own_rest)) =
        (to.as_chunks_mut(), pulls[..count].as_chunks(), own[..count].as_chunks());
    for ((to, pulls), own) in to.iter_mut().zip(pulls).zip(own) {
        limit_all(own, pulls, how, to);
    }
    let (mut last, mut last_pulls, mut last_own) = ([[0.0; 4]; LANES], [[0.0; 4]; LANES], [[0.0; 4]; LANES]);
    let rest = to_rest.len();
    last[..rest].copy_from_slice(to_rest);
    last_pulls[..rest].copy_from_slice(pulls_rest);
    last_own[..rest].copy_from_slice(own_rest);
    limit_all(&last_own, &last_pulls, how, &mut last);
    to_rest.copy_from_slice(&last[..rest]);
}

/// Turns sums into new displacements.
#[expect(clippy::needless_range_loop, reason = "loops over iterators took a fifth longer")]
#[inline(always)]
fn limit_all(own: &[Shift; LANES], pulls: &[Shift; LANES], [step, bound]: [f32; 2], to: &mut [Shift; LANES]) {
    let mut squared = [0.0_f32; LANES];
    for v in 0..LANES {
        // The fourth number of a displacement stays 0: that of its pull is not a length.
        let (pulled, share) = ([pulls[v][0], pulls[v][1], pulls[v][2], 0.0], pulls[v][3]);
        for i in 0..4 {
            to[v][i] = own[v][i] + step * (pulled[i] + (to[v][i] * share - own[v][i]));
        }
        squared[v] = to[v][0] * to[v][0] + to[v][1] * to[v][1] + to[v][2] * to[v][2];
    }
    let mut shrink = [1.0_f32; LANES];
    for v in 0..LANES {
        let far = bound / squared[v].sqrt();
        shrink[v] = if squared[v] > bound * bound { far } else { 1.0 };
    }
    for v in 0..LANES {
        for i in 0..4 {
            to[v][i] *= shrink[v];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_that_go_together_give_the_bits_of_passes_one_by_one() {
        // A closed band of squares, cut into triangles one way, around which every vertex has 6 neighbours.
        let (around, along) = (12, 31);
        let at = |i: u32, j: u32| (j % along) * around + i % around;
        let cells = (0..along).flat_map(|j| (0..around).map(move |i| (i, j)));
        let triangles: Vec<[u32; 3]> = cells
            .flat_map(|(i, j)| {
                let [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
                [[a, b, c], [a, c, d]]
            })
            .collect();
        let count = (around * along) as usize;
        // The last row borders on the first, so chunks of all sizes but the largest are far apart too.
        let net = Net::of_closed(count, &triangles);
        let mut random = osteon_core::ctx::Random::new(8);
        let pulls: Vec<Shift> = (0..count)
            .map(|_| [0, 1, 2, 3].map(|i| if i < 3 { random.uniform() as f32 } else { 1.0 / 6.0 }))
            .collect();
        let steps = [0.63, -0.67, 0.63, -0.67, 0.63, -0.67, 0.6];
        let passes = |size, together| {
            net.passes(&pulls, (&steps, 0.4), (size, together), &Ctx::default())
                .map_err(|stop| stop.to_string())
        };
        let one_by_one = passes(count, 1);
        for (size, together) in [(16, 1), (16, 2), (40, 3), (100, 4), (count, 7), (7, 7)] {
            assert_eq!(passes(size, together), one_by_one, "{size} {together}");
        }
        assert_eq!([net.reach(count), net.reach(100), net.reach(12)], [0, 3, 30]);
    }
}
