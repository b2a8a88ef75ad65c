//! Cutting a surface into cubes that are simplified side by side, and putting it together again.
//!
//! The cubes are fixed by the surface alone, each is worked on by itself, and they are put together in order:
//! the same bits at any number of threads.

use super::passes::{Bounds, Worker};
use super::patch::{Freedom, NONE, Patch, Tag, Vertices};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;

/// Vertices or triangles handled as one piece of work.
const CHUNK: usize = 1 << 15;

/// Triangles a cube should have: few enough for the cache next to a core, enough for a thin border.
const BLOCK: f64 = 8_000.0;

/// Most cubes along an axis; beyond it they are larger.
const MOST: f64 = 64.0;

/// A surface between two rounds.
#[derive(Debug, Default)]
pub(super) struct Surface {
    pub(super) vertices: Vertices,
    pub(super) triangles: Vec<[u32; 3]>,
}

/// A lattice of cubes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cubes {
    low: DVec3,
    edge: f64,
    counts: [usize; 3],
}

impl Cubes {
    /// Cubes shifted by a share of their edge; a single one for a small surface.
    pub(super) fn new(surface: &Surface, shift: f64) -> Self {
        let places = || surface.vertices.spots.par_iter().map(|v| v.place);
        let low = places().reduce(|| DVec3::INFINITY, DVec3::min);
        let high = places().reduce(|| DVec3::NEG_INFINITY, DVec3::max);
        let size = high - low;
        let count = surface.triangles.len();
        if count as f64 <= 2.0 * BLOCK {
            return Self { low, edge: f64::INFINITY, counts: [1; 3] };
        }
        // The mean area of triangles, from some of them in a fixed order.
        let some = surface.triangles.iter().step_by(SAMPLE);
        let twice = some.map(|t| {
            let [a, b, c] = t.map(|v| surface.vertices.spots[v as usize].place);
            (b - a).cross(c - a).length()
        });
        let area = 0.5 * twice.sum::<f64>() / count.div_ceil(SAMPLE) as f64;
        // A bone's two sides pass through a cube.
        let edge = (BLOCK * area / 2.0).sqrt().max(size.max_element() / MOST);
        let low = low - edge * shift;
        let counts = ((high - low) / edge).to_array().map(|n| n as usize + 1);
        Self { low, edge, counts }
    }

    /// True if the whole surface is in one cube.
    pub(super) fn is_single(&self) -> bool {
        self.count() == 1
    }

    fn count(&self) -> usize {
        self.counts.iter().product()
    }

    fn of(&self, place: DVec3) -> u32 {
        let [x, y, z] = ((place - self.low) / self.edge).to_array();
        let at = |c: f64, axis: usize| (c as usize).min(self.counts[axis] - 1);
        ((at(z, 2) * self.counts[1] + at(y, 1)) * self.counts[0] + at(x, 0)) as u32
    }
}

/// Every n-th triangle tells the mean size.
const SAMPLE: usize = 64;

/// Numbers sorted by cube: those of cube `b` are `items[starts[b]..starts[b + 1]]`.
struct Sorted {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Sorted {
    /// Sorts `first..first + keys.len()` by key; those with the key `NONE` are left out.
    fn new(keys: &[u32], first: usize, count: usize) -> Self {
        let mut starts = vec![0_u32; count + 1];
        keys.iter().filter(|&&key| key != NONE).for_each(|&key| starts[key as usize + 1] += 1);
        for b in 0..count {
            starts[b + 1] += starts[b];
        }
        let mut fill = starts.clone();
        let mut items = vec![0; starts[count] as usize];
        for (i, &key) in keys.iter().enumerate().filter(|(_, key)| **key != NONE) {
            items[fill[key as usize] as usize] = (first + i) as u32;
            fill[key as usize] += 1;
        }
        Self { starts, items }
    }

    fn of(&self, b: usize) -> &[u32] {
        &self.items[self.starts[b] as usize..self.starts[b + 1] as usize]
    }
}

fn sorted(keys: &[u32], count: usize) -> Vec<Sorted> {
    keys.par_chunks(CHUNK).enumerate().map(|(n, keys)| Sorted::new(keys, n * CHUNK, count)).collect()
}

/// Where everything is in a lattice of cubes.
struct Lists {
    /// For each cube the numbers of its vertices in the surface.
    members: Vec<Vec<u32>>,
    /// Number of each vertex within its cube.
    local: Vec<u32>,
    /// Triangles with all their corners in one cube.
    facets: Vec<Sorted>,
    /// The other triangles.
    between: Vec<[u32; 3]>,
    /// Vertices of the other triangles.
    shared: Vec<bool>,
}

impl Lists {
    fn new(surface: &Surface, cubes: &Cubes) -> Self {
        let count = cubes.count();
        let Surface { vertices, triangles } = surface;
        let home: Vec<u32> = vertices.spots.par_iter().map(|v| cubes.of(v.place)).collect();
        let key = |t: &[u32; 3]| {
            let [a, b, c] = t.map(|v| home[v as usize]);
            if a == b && b == c { a } else { NONE }
        };
        let keys: Vec<u32> = triangles.par_iter().map(key).collect();
        let between = triangles.iter().zip(&keys).filter(|(_, key)| **key == NONE).map(|(t, _)| *t);
        let between: Vec<[u32; 3]> = between.collect();
        let mut shared = vec![false; home.len()];
        between.as_flattened().iter().for_each(|&v| shared[v as usize] = true);
        let parts = sorted(&home, count);
        let members: Vec<Vec<u32>> = (0..count)
            .into_par_iter()
            .map(|b| parts.iter().flat_map(|part| part.of(b)).copied().collect())
            .collect();
        let mut local = vec![0_u32; home.len()];
        for list in &members {
            list.iter().zip(0..).for_each(|(&v, n)| local[v as usize] = n);
        }
        Self { members, local, facets: sorted(&keys, count), between, shared }
    }

    /// The part of the surface in one cube.
    fn patch(&self, surface: &Surface, cube: usize) -> Patch {
        let members = &self.members[cube];
        let Vertices { spots, tags, quadrics } = &surface.vertices;
        let tag = |&v: &u32| {
            let tag = tags[v as usize];
            if self.shared[v as usize] { Tag { freedom: Freedom::Shared, ..tag } } else { tag }
        };
        let own = Vertices {
            spots: members.iter().map(|&v| spots[v as usize]).collect(),
            tags: members.iter().map(tag).collect(),
            quadrics: members.iter().filter_map(|&v| quadrics.get(v as usize)).copied().collect(),
        };
        let facets = self.facets.iter().flat_map(|part| part.of(cube));
        let facets: Vec<[u32; 3]> =
            facets.map(|&t| surface.triangles[t as usize].map(|v| self.local[v as usize])).collect();
        Patch::new(own, &facets)
    }
}

/// What is left of a cube: its vertices, their numbers in the surface, its triangles with those numbers.
struct Rest {
    numbers: Vec<u32>,
    vertices: Vertices,
    triangles: Vec<[u32; 3]>,
}

impl Rest {
    /// What a worker has left; `tags` are those of the whole surface.
    fn of(worker: &Worker, members: &[u32], tags: &[Tag]) -> Self {
        let patch = &worker.patch;
        let mut rest = Self {
            numbers: Vec::with_capacity(patch.live),
            vertices: Vertices::default(),
            triangles: Vec::with_capacity(patch.live),
        };
        for (n, &v) in members.iter().enumerate() {
            let tag = patch.vertices.tags[n];
            let shared = tag.freedom == Freedom::Shared;
            if shared || patch.first[n] != NONE {
                rest.numbers.push(v);
                rest.vertices.spots.push(patch.vertices.spots[n]);
                rest.vertices.quadrics.push(patch.vertices.quadrics[n]);
                let freedom = if shared { tags[v as usize].freedom } else { tag.freedom };
                let settled = !shared && worker.settled(n as u32);
                rest.vertices.tags.push(Tag { freedom, settled, ..tag });
            }
        }
        let alive = patch.corner.chunks_exact(3).filter(|t| t[0] != NONE);
        rest.triangles.extend(alive.map(|t| [t[0], t[1], t[2]].map(|v| members[v as usize])));
        rest
    }
}

/// Simplifies the inside of each cube of a lattice shifted by a share of its edge.
///
/// `floor` says how many triangles are to be left inside all cubes, of how many inside and how many at all; no
/// cube goes below the same share of its own.
pub(super) fn simplify(
    surface: Surface,
    shift: f64,
    steps: &[Bounds],
    floor: &impl Fn(usize, usize) -> usize,
    ctx: &Ctx,
) -> Result<Surface, Cancelled> {
    let cubes = Cubes::new(&surface, shift);
    let lists = Lists::new(&surface, &cubes);
    ctx.check()?;
    let all = surface.triangles.len();
    let inside = all - lists.between.len();
    let share = floor(inside, all) as f64 / inside.max(1) as f64;
    let work = |cube: usize| {
        ctx.check()?;
        let mut worker = Worker::new(lists.patch(&surface, cube));
        let floor = libm::ceil(worker.patch.live as f64 * share) as usize;
        for &bounds in steps {
            ctx.check()?;
            worker.pass(bounds, floor);
        }
        // Only for few triangles: of two million it takes as long again for 3 % fewer.
        if let Some(&last) = steps.last().filter(|_| cubes.is_single()) {
            worker.finish(last, floor);
        }
        Ok(Rest::of(&worker, &lists.members[cube], &surface.vertices.tags))
    };
    let rests: Vec<Rest> = (0..cubes.count()).into_par_iter().map(work).collect::<Result<_, Cancelled>>()?;
    ctx.check()?;
    Ok(join(&rests, lists))
}

/// Puts the cubes together again.
fn join(rests: &[Rest], lists: Lists) -> Surface {
    let Lists { local: mut number, between: mut triangles, .. } = lists;
    let count = rests.iter().map(|rest| rest.numbers.len()).sum();
    let mut vertices = Vertices {
        spots: Vec::with_capacity(count),
        tags: Vec::with_capacity(count),
        quadrics: Vec::with_capacity(count),
    };
    for rest in rests {
        rest.numbers.iter().zip(vertices.spots.len() as u32..).for_each(|(&v, n)| number[v as usize] = n);
        vertices.spots.extend_from_slice(&rest.vertices.spots);
        vertices.tags.extend_from_slice(&rest.vertices.tags);
        vertices.quadrics.extend_from_slice(&rest.vertices.quadrics);
    }
    triangles.extend(rests.iter().flat_map(|rest| rest.triangles.iter().copied()));
    triangles.par_iter_mut().for_each(|t| *t = t.map(|v| number[v as usize]));
    Surface { vertices, triangles }
}
