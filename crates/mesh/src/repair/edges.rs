//! The sides of triangles, sorted so that those of one edge lie side by side.

use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh};
use rayon::prelude::*;

/// One side of a triangle: from its corner `side` to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Half {
    /// The smaller vertex of the edge.
    pub low: u32,
    /// The larger one.
    pub high: u32,
    pub triangle: u32,
    pub side: u32,
}

impl Half {
    /// True when the triangle runs along it from the smaller to the larger vertex.
    pub(super) fn is_forward(self, triangles: &[[u32; 3]]) -> bool {
        triangles[self.triangle as usize][self.side as usize] == self.low
    }

    /// The number among all sides of all triangles.
    pub(super) const fn number(self) -> usize {
        self.triangle as usize * 3 + self.side as usize
    }

    /// The middle of the edge.
    pub(super) fn middle(self, mesh: &Mesh) -> DVec3 {
        (mesh.vertices[self.low as usize].vec() + mesh.vertices[self.high as usize].vec()) * 0.5
    }
}

/// All sides of a mesh, those of one edge together.
pub(super) struct Edges(Vec<Half>);

impl Edges {
    pub(super) fn of(triangles: &[[u32; 3]], ctx: &Ctx) -> Result<Self, Cancelled> {
        ctx.check()?;
        let sides = |(triangle, corners): (usize, &[u32; 3])| {
            let [a, b, c] = *corners;
            [(a, b), (b, c), (c, a)].into_iter().zip(0..).map(move |((p, q), side)| {
                let (low, high) = (p.min(q), p.max(q));
                Half { low, high, triangle: triangle as u32, side }
            })
        };
        let mut halves: Vec<Half> = triangles.par_iter().enumerate().flat_map_iter(sides).collect();
        ctx.check()?;
        halves.par_sort_unstable();
        ctx.check()?;
        Ok(Self(halves))
    }

    /// The sides of each edge.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[Half]> {
        self.0.chunk_by(|a, b| (a.low, a.high) == (b.low, b.high))
    }

    /// The edges with a triangle on one side only.
    pub(super) fn open(&self) -> impl Iterator<Item = Half> {
        self.groups().filter_map(|group| if let [half] = *group { Some(half) } else { None })
    }

    /// The sides of one edge.
    pub(super) fn between(&self, a: u32, b: u32) -> &[Half] {
        let key = (a.min(b), a.max(b));
        let start = self.0.partition_point(|half| (half.low, half.high) < key);
        let end = start + self.0[start..].partition_point(|half| (half.low, half.high) == key);
        &self.0[start..end]
    }
}

/// Joins numbers into sets; the smallest of a set stands for it.
pub(super) struct Sets(Vec<u32>);

impl Sets {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count as u32).collect())
    }

    pub(super) fn of(&mut self, mut n: u32) -> u32 {
        while self.0[n as usize] != n {
            self.0[n as usize] = self.0[self.0[n as usize] as usize];
            n = self.0[n as usize];
        }
        n
    }

    pub(super) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.of(a), self.of(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

/// Leaves out vertices that no triangle uses.
pub(super) fn compact(mesh: &mut Mesh) {
    let mut number = vec![u32::MAX; mesh.vertices.len()];
    mesh.triangles.as_flattened().iter().for_each(|&v| number[v as usize] = 0);
    number.iter_mut().filter(|n| **n == 0).zip(0..).for_each(|(n, kept)| *n = kept);
    let mut used = number.iter().map(|n| *n != u32::MAX);
    mesh.vertices.retain(|_| used.next().unwrap_or(false));
    mesh.triangles.iter_mut().flatten().for_each(|v| *v = number[*v as usize]);
}

/// Keeps the triangles that are marked.
pub(super) fn keep(mesh: &mut Mesh, kept: &[bool]) {
    let mut marks = kept.iter();
    mesh.triangles.retain(|_| marks.next().copied().unwrap_or(true));
}
