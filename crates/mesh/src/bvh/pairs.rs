//! What is near what: triangles in a box, pairs of triangles whose boxes meet, the least gap of two meshes.

use super::{Bvh, Extent, LANES, Node, above, below, limit, triangle};
use glam::DVec3;
use osteon_core::{Aabb, Cancelled, Ctx, Mesh, Patient};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bundles (of about five triangles) between two questions whether to stop.
const CHUNK: usize = 128;

/// Triangles tried first, evenly taken, for a gap that is already small.
const TRIED: usize = 64;

/// The least gap of two meshes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap {
    pub squared: f64,
    pub triangles: [u32; 2],
    pub places: [DVec3; 2],
}

impl Bvh {
    /// The triangles whose boxes meet a box, in order of their numbers.
    pub fn overlapping(&self, bounds: &Aabb<Patient>) -> Vec<u32> {
        let mut found = Vec::new();
        if !bounds.is_empty() {
            let (low, high) = (bounds.min.to_array().map(below), bounds.max.to_array().map(above));
            self.each_meeting(&Extent { low, high }, |triangle| found.push(triangle));
        }
        found.sort_unstable();
        found
    }

    /// Visits the triangles whose boxes hold a place.
    pub(super) fn each_at(&self, place: DVec3, visit: impl FnMut(u32)) {
        self.each_meeting(&Extent::of([place]), visit);
    }

    /// Visits the triangles whose boxes meet a box.
    pub(super) fn each_meeting(&self, extent: &Extent, mut visit: impl FnMut(u32)) {
        if self.nodes.is_empty() {
            return;
        }
        let mut open = Vec::with_capacity(64);
        open.push(self.root as u32);
        while let Some(n) = open.pop() {
            let node = &self.nodes[n as usize];
            let mut lanes = node.meeting(extent);
            while lanes != 0 {
                let child = node.child[lanes.trailing_zeros() as usize];
                if n as usize >= self.bundles {
                    open.push(child)
                } else {
                    visit(child)
                }
                lanes &= lanes - 1;
            }
        }
    }

    /// The bundles that meet a box.
    fn bundles_meeting(&self, extent: &Extent, open: &mut Vec<u32>, found: &mut Vec<u32>) {
        found.clear();
        open.clear();
        open.push(self.root as u32);
        while let Some(n) = open.pop() {
            if (n as usize) < self.bundles {
                found.push(n);
                continue;
            }
            let node = &self.nodes[n as usize];
            let mut lanes = node.meeting(extent);
            while lanes != 0 {
                open.push(node.child[lanes.trailing_zeros() as usize]);
                lanes &= lanes - 1;
            }
        }
    }

    /// What `test` finds in the pairs of different triangles whose boxes meet, each pair once, the same order
    /// at any number of threads.
    pub(crate) fn own_pairs<T: Send>(
        &self,
        ctx: &Ctx,
        test: impl Fn(u32, u32) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        self.pairs_of(self, true, ctx, test)
    }

    /// What `test` finds in the pairs of a triangle of this and one of the other hierarchy whose boxes meet, the
    /// same order at any number of threads.
    pub(crate) fn pairs<T: Send>(
        &self,
        other: &Self,
        ctx: &Ctx,
        test: impl Fn(u32, u32) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        self.pairs_of(other, false, ctx, test)
    }

    fn pairs_of<T: Send>(
        &self,
        other: &Self,
        own: bool,
        ctx: &Ctx,
        test: impl Fn(u32, u32) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        if other.nodes.is_empty() {
            return Ok(Vec::new());
        }
        let chunks = self.nodes[..self.bundles].par_chunks(CHUNK).enumerate().map(|(chunk, bundles)| {
            ctx.check()?;
            let (mut found, mut open, mut near) = (Vec::new(), Vec::new(), Vec::new());
            for (n, bundle) in bundles.iter().enumerate() {
                let number = (chunk * CHUNK + n) as u32;
                other.bundles_meeting(&bundle.extent(), &mut open, &mut near);
                for &m in near.iter().filter(|&&m| !own || m >= number) {
                    let same = own && m == number;
                    between(bundle, &other.nodes[m as usize], same, |a, b| found.extend(test(a, b)));
                }
            }
            Ok(found)
        });
        let found: Vec<Vec<T>> = chunks.collect::<Result<_, Cancelled>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The nearest places of two meshes that do not meet, no farther apart than the root of `squared`.
    pub(crate) fn gap(
        &self,
        mesh: &Mesh,
        (other, others): (&Self, &Mesh),
        squared: f64,
        ctx: &Ctx,
    ) -> Result<Option<Gap>, Cancelled> {
        if other.nodes.is_empty() || self.nodes.is_empty() {
            return Ok(None);
        }
        let mut least = squared;
        for bundle in self.nodes[..self.bundles].iter().step_by(self.bundles.div_ceil(TRIED)) {
            let corner = mesh.corners(mesh.triangles[bundle.child[0] as usize])[0];
            if let Some(near) = other.nearest_among(others, corner, least, |_| true) {
                least = least.min(near.place.vec().distance_squared(corner));
            }
        }
        // Shared by all threads. It only leaves out what is farther than something found, so the least of all is
        // always found, and equals are told apart by the numbers of their triangles.
        let bound = AtomicU64::new(least.to_bits());
        let chunks = self.nodes[..self.bundles].par_chunks(CHUNK).map(|bundles| {
            ctx.check()?;
            let mut best: Option<Gap> = None;
            let mut open = Vec::with_capacity(64);
            for bundle in bundles {
                other.gap_from(bundle, (mesh, others), &bound, &mut open, &mut best);
            }
            Ok(best)
        });
        chunks.try_reduce(|| None, |a, b| Ok(lesser_gap(a, b)))
    }

    /// Searches this hierarchy, that of `others`, for what is nearest to a bundle of `mesh`.
    fn gap_from(
        &self,
        bundle: &Node,
        (mesh, others): (&Mesh, &Mesh),
        bound: &AtomicU64,
        open: &mut Vec<(f32, u32)>,
        best: &mut Option<Gap>,
    ) {
        let limit = || limit(f64::from_bits(bound.load(Ordering::Relaxed)));
        let extent = bundle.extent();
        open.clear();
        open.push((0.0, self.root as u32));
        while let Some((square, n)) = open.pop() {
            if square > limit() {
                continue;
            }
            let node = &self.nodes[n as usize];
            if n as usize >= self.bundles {
                let squares = node.squares(&extent);
                let most = limit();
                let first = open.len();
                open.extend((0..LANES).filter(|&l| squares[l] <= most).map(|l| (squares[l], node.child[l])));
                open[first..].sort_by(|a, b| b.0.total_cmp(&a.0));
                continue;
            }
            for lane in (0..LANES).filter(|&lane| bundle.child[lane] != Node::NOTHING) {
                let squares = node.squares(&bundle.lane(lane));
                for (other, _) in squares.iter().enumerate().filter(|&(_, &square)| square <= limit()) {
                    let triangles = [bundle.child[lane], node.child[other]];
                    let a = mesh.corners(mesh.triangles[triangles[0] as usize]);
                    let b = others.corners(others.triangles[triangles[1] as usize]);
                    let (p, q, squared) = triangle::between(a, b);
                    if squared <= f64::from_bits(bound.load(Ordering::Relaxed)) {
                        // The bits of numbers from zero on are in the order of the numbers.
                        bound.fetch_min(squared.to_bits(), Ordering::Relaxed);
                        *best = lesser_gap(*best, Some(Gap { squared, triangles, places: [p, q] }));
                    }
                }
            }
        }
    }
}

fn lesser_gap(a: Option<Gap>, b: Option<Gap>) -> Option<Gap> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let b_first = b.squared < a.squared || b.squared == a.squared && b.triangles < a.triangles;
            Some(if b_first { b } else { a })
        }
        (a, b) => a.or(b),
    }
}

/// Visits the pairs of triangles of two bundles whose boxes meet; of the same bundle each pair once.
#[inline(always)]
fn between(a: &Node, b: &Node, same: bool, mut visit: impl FnMut(u32, u32)) {
    for lane in 0..LANES {
        let mut lanes = b.meeting(&a.lane(lane));
        if same {
            lanes &= !0 << (lane + 1);
        }
        while lanes != 0 {
            visit(a.child[lane], b.child[lanes.trailing_zeros() as usize]);
            lanes &= lanes - 1;
        }
    }
}
