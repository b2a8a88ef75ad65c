//! A hierarchy of boxes over the triangles of a mesh: nearest places, rays, winding, boxes that overlap.
//!
//! Nodes have eight lanes, each a box of single-precision numbers rounded outward and what is in it. The lowest
//! nodes, the bundles, hold triangles; those above hold nodes. A search tests eight boxes at a time in single
//! precision and never leaves out one that matters; triangles are always computed in double precision from the
//! mesh, which is passed to every search and must be the one the hierarchy was made or last refitted for.
//!
//! Triangles with a corner that does not exist, is not finite or lies beyond 10¹² mm have no place: nothing
//! ever meets them.

mod build;
mod nearest;
mod pairs;
mod ray;
#[cfg(test)]
mod tests;
pub(crate) mod triangle;

pub use nearest::{Feature, Nearest};
pub use ray::{Hit, Ray};

use glam::DVec3;
use osteon_core::{Aabb, Cancelled, Ctx, Mesh, Patient};
use rayon::prelude::*;

/// Boxes of a node: one AVX register of single-precision numbers, two of SSE or NEON.
const LANES: usize = 8;

/// Coordinates beyond this have no place (mm): products of theirs would leave the range of single precision.
const FARTHEST: f64 = 1e12;

/// Nodes refitted between two questions whether to stop.
const STRIDE: usize = 1 << 12;

/// The hierarchy. See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Bvh {
    /// Bundles along the Morton curve, then the nodes above, each before those below it.
    nodes: Vec<Node>,
    bundles: usize,
    root: usize,
}

/// Eight boxes, side by side, and the triangles or nodes in them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(32))]
struct Node {
    low: [[f32; LANES]; 3],
    high: [[f32; LANES]; 3],
    child: [u32; LANES],
}

impl Node {
    /// What is in a lane that is not used; its box is empty.
    const NOTHING: u32 = u32::MAX;

    const EMPTY: Self = Self {
        low: [[f32::INFINITY; LANES]; 3],
        high: [[f32::NEG_INFINITY; LANES]; 3],
        child: [Self::NOTHING; LANES],
    };

    fn put(&mut self, lane: usize, extent: Extent, child: u32) {
        for axis in 0..3 {
            self.low[axis][lane] = extent.low[axis];
            self.high[axis][lane] = extent.high[axis];
        }
        self.child[lane] = child;
    }

    fn lane(&self, lane: usize) -> Extent {
        Extent { low: self.low.map(|row| row[lane]), high: self.high.map(|row| row[lane]) }
    }

    /// The box around all lanes.
    fn extent(&self) -> Extent {
        (0..LANES).fold(Extent::EMPTY, |all, lane| all.with(&self.lane(lane)))
    }

    /// Bit `n` is set if the box of lane `n` meets this one.
    #[inline(always)]
    fn meeting(&self, other: &Extent) -> u32 {
        let mut meets = [true; LANES];
        for axis in 0..3 {
            let (low, high) = (&self.low[axis], &self.high[axis]);
            for (lane, meets) in meets.iter_mut().enumerate() {
                *meets &= (low[lane] <= other.high[axis]) & (high[lane] >= other.low[axis]);
            }
        }
        bits(&meets)
    }

    /// Squared distances of the boxes from a box, infinite for empty lanes. Too small by what the boxes are too
    /// large, and too large by rounding, but by no more than [`SLACK`].
    #[inline(always)]
    fn squares(&self, from: &Extent) -> [f32; LANES] {
        let mut sums = [0.0; LANES];
        for axis in 0..3 {
            let (low, high, from_low, from_high) =
                (&self.low[axis], &self.high[axis], from.low[axis], from.high[axis]);
            let gaps: [f32; LANES] =
                std::array::from_fn(|lane| greater(low[lane] - from_high, from_low - high[lane]));
            for (sum, gap) in sums.iter_mut().zip(gaps) {
                let gap = greater(gap, 0.0);
                *sum += gap * gap;
            }
        }
        sums
    }
}

/// How much a squared distance in single precision may be too large: its six roundings, 2⁻²⁴ each.
const SLACK: f64 = 1.0 + 1e-6;

/// Squares of differences below 10⁻¹⁹ mm underflow; far below anything that matters.
const TINY: f64 = 1e-37;

/// What boxes may have as squared distances to hold something as near as this.
fn limit(squared: f64) -> f32 {
    above(squared * SLACK + TINY)
}

/// The lanes whose key is at most `limit`, least first: how many, and their keys and children.
#[inline(always)]
fn order(keys: &[f32; LANES], child: &[u32; LANES], limit: f32, to: &mut [(f32, u32); LANES]) -> usize {
    let mut count = 0;
    for lane in 0..LANES {
        if keys[lane] <= limit {
            let mut at = count;
            while at > 0 && to[at - 1].0 > keys[lane] {
                to[at] = to[at - 1];
                at -= 1;
            }
            to[at] = (keys[lane], child[lane]);
            count += 1;
        }
    }
    count
}

/// The places of the true ones as bits.
#[inline(always)]
fn bits(lanes: &[bool; LANES]) -> u32 {
    let mut bits = 0;
    for (lane, &is) in lanes.iter().enumerate() {
        bits |= u32::from(is) << lane;
    }
    bits
}

/// A box in single precision, rounded outward.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Extent {
    low: [f32; 3],
    high: [f32; 3],
}

impl Extent {
    const EMPTY: Self = Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };

    /// The box around places.
    fn of<const N: usize>(places: [DVec3; N]) -> Self {
        let low = places.iter().fold(DVec3::INFINITY, |low, &p| low.min(p));
        let high = places.iter().fold(DVec3::NEG_INFINITY, |high, &p| high.max(p));
        Self { low: low.to_array().map(below), high: high.to_array().map(above) }
    }

    /// The box around a triangle; empty if it has no place.
    fn of_triangle(mesh: &Mesh, triangle: [u32; 3]) -> Self {
        let mut corners = [DVec3::ZERO; 3];
        for (corner, v) in corners.iter_mut().zip(triangle) {
            match mesh.vertices.get(v as usize) {
                Some(p) if p.vec().abs().cmple(DVec3::splat(FARTHEST)).all() => *corner = p.vec(),
                _ => return Self::EMPTY,
            }
        }
        Self::of(corners)
    }

    fn is_empty(&self) -> bool {
        self.low[0] > self.high[0]
    }

    #[inline(always)]
    fn with(&self, other: &Self) -> Self {
        let mut all = *self;
        for axis in 0..3 {
            all.low[axis] = lesser(all.low[axis], other.low[axis]);
            all.high[axis] = greater(all.high[axis], other.high[axis]);
        }
        all
    }

    /// Half the surface of a box that is not empty.
    fn half_area(&self) -> f32 {
        let [x, y, z] = [0, 1, 2].map(|a| self.high[a] - self.low[a]);
        x * y + y * z + z * x
    }
}

/// The smaller number; unlike `f32::min` one machine instruction, for it need not care for NaN.
#[inline(always)]
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The larger number, see [`lesser`].
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The largest single-precision number that is not above.
fn below(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) > x { near.next_down() } else { near }
}

/// The smallest single-precision number that is not below.
fn above(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) < x { near.next_up() } else { near }
}

impl Bvh {
    /// The hierarchy over the triangles of a mesh.
    ///
    /// # Errors
    /// `ctx` was asked to stop.
    pub fn new(mesh: &Mesh, ctx: &Ctx) -> Result<Self, Cancelled> {
        build::build(mesh, ctx)
    }

    /// Makes the boxes fit again after vertices of the mesh have moved; its triangles must be the same.
    ///
    /// Searches stay right however far the vertices moved, but get slower when neighbours part.
    ///
    /// # Errors
    /// `ctx` was asked to stop; the hierarchy is then of no further use.
    pub fn refit(&mut self, mesh: &Mesh, ctx: &Ctx) -> Result<(), Cancelled> {
        let (bundles, above) = self.nodes.split_at_mut(self.bundles);
        bundles.par_chunks_mut(STRIDE).try_for_each(|bundles| {
            ctx.check()?;
            for node in bundles {
                for lane in 0..LANES {
                    if let Some(&triangle) = mesh.triangles.get(node.child[lane] as usize) {
                        node.put(lane, Extent::of_triangle(mesh, triangle), node.child[lane]);
                    }
                }
            }
            Ok(())
        })?;
        // A node comes before those below it, so from the last to the first all below is done.
        for own in (0..above.len()).rev() {
            let mut node = above[own];
            for lane in 0..LANES {
                let child = node.child[lane];
                if child != Node::NOTHING {
                    let below = (child as usize).checked_sub(bundles.len());
                    let extent =
                        below.map_or_else(|| bundles[child as usize].extent(), |n| above[n].extent());
                    node.put(lane, extent, child);
                }
            }
            above[own] = node;
        }
        ctx.check()
    }

    /// The box around everything, rounded outward by less than one part in 10⁷.
    pub fn bounds(&self) -> Aabb<Patient> {
        let extent = self.nodes.get(self.root).map_or(Extent::EMPTY, Node::extent);
        let corner = |c: [f32; 3]| osteon_core::Point::from_vec(DVec3::from_array(c.map(f64::from)));
        Aabb { min: corner(extent.low), max: corner(extent.high) }
    }
}
