//! The making of the hierarchy: triangles along a Morton curve, bundles of eight, then boxes halved by area.
//!
//! Neighbours on the curve are bundled by their common leading bits (Karras, "Maximizing parallelism in the
//! construction of BVHs", 2012), so that sorting numbers does most of the work; the bundles, five times fewer,
//! are then divided where the surface area heuristic is least (Wald, "On fast construction of SAH-based bounding
//! volume hierarchies", 2007). Which parts run in parallel depends on sizes only, never on the threads there are.

use super::{Bvh, Extent, LANES, Node};
use osteon_core::{Cancelled, Ctx, Mesh};
use rayon::prelude::*;

/// Triangles or bundles between two questions whether to stop.
const STRIDE: usize = 1 << 14;

/// Bits of the Morton code an axis gets: 1024 steps, as many as fit beside an index in 64 bits.
const BITS: u32 = 10;

/// Bins for the surface area heuristic; more than 16 find no better trees.
const BINS: usize = 16;

/// From this depth on ranges are halved by number, which bounds the depth of any tree by 24 + log₂ of its size.
const DEEP: usize = 24;

/// Ranges longer than this are divided in parallel.
const LARGE: usize = 2048;

/// A bundle and its box.
#[derive(Clone, Copy)]
struct Item {
    extent: Extent,
    node: u32,
}

impl Item {
    /// Twice the middle of the box along an axis.
    fn middle(&self, axis: usize) -> f32 {
        self.extent.low[axis] + self.extent.high[axis]
    }
}

pub(super) fn build(mesh: &Mesh, ctx: &Ctx) -> Result<Bvh, Cancelled> {
    let extents = extents(mesh, ctx)?;
    let keys = curve(&extents, ctx)?;
    let bundles = bundles(&keys);
    ctx.check()?;
    let mut nodes: Vec<Node> = bundles
        .par_iter()
        .with_min_len(LARGE / 2)
        .map(|&(from, to)| {
            let mut node = Node::EMPTY;
            for (lane, &key) in keys[from as usize..to as usize].iter().enumerate() {
                let triangle = key as u32;
                node.put(lane, extents[triangle as usize], triangle);
            }
            node
        })
        .collect();
    ctx.check()?;
    let mut items: Vec<Item> =
        nodes.iter().enumerate().map(|(n, node)| Item { extent: node.extent(), node: n as u32 }).collect();
    let bundles = nodes.len();
    if bundles <= 1 {
        return Ok(Bvh { nodes, bundles, root: 0 });
    }
    nodes.extend(divide(&mut items, bundles as u32, 0, ctx)?);
    Ok(Bvh { nodes, bundles, root: bundles })
}

/// The boxes of all triangles; empty for those that have no place.
fn extents(mesh: &Mesh, ctx: &Ctx) -> Result<Vec<Extent>, Cancelled> {
    let mut extents = vec![Extent::EMPTY; mesh.triangles.len()];
    extents.par_chunks_mut(STRIDE).zip(mesh.triangles.par_chunks(STRIDE)).try_for_each(
        |(extents, triangles)| {
            ctx.check()?;
            for (extent, &triangle) in extents.iter_mut().zip(triangles) {
                *extent = Extent::of_triangle(mesh, triangle);
            }
            Ok(())
        },
    )?;
    Ok(extents)
}

/// The triangles that have a place, in the order of their middles along the Morton curve: the index is the lower
/// half of each number, the code the upper.
fn curve(extents: &[Extent], ctx: &Ctx) -> Result<Vec<u64>, Cancelled> {
    let middle = |e: &Extent, axis: usize| e.low[axis] + e.high[axis];
    let (low, high) = extents
        .par_chunks(STRIDE)
        .map(|extents| {
            let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
            for extent in extents.iter().filter(|e| !e.is_empty()) {
                for axis in 0..3 {
                    low[axis] = low[axis].min(middle(extent, axis));
                    high[axis] = high[axis].max(middle(extent, axis));
                }
            }
            (low, high)
        })
        .reduce(
            || ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]),
            |(l, h), (m, i)| ([0, 1, 2].map(|a| l[a].min(m[a])), [0, 1, 2].map(|a| h[a].max(i[a]))),
        );
    ctx.check()?;
    let longest = (0..3).map(|a| high[a] - low[a]).fold(0.0_f32, f32::max);
    let last = ((1_u32 << BITS) - 1) as f32;
    let scale = if longest > 0.0 { last / longest } else { 0.0 };
    let key = |(n, extent): (usize, &Extent)| {
        let code = (0..3).fold(0, |code, axis| {
            let step = ((middle(extent, axis) - low[axis]) * scale).clamp(0.0, last);
            code | spread(step as u64) << axis
        });
        code << 32 | n as u64
    };
    let keys = extents.par_iter().enumerate().filter(|(_, e)| !e.is_empty()).map(key).collect();
    ctx.check()?;
    Ok(sorted(keys))
}

/// The lowest ten bits, two zeros between each.
fn spread(bits: u64) -> u64 {
    let mut x = bits & 0x3ff;
    x = (x | x << 16) & 0x0300_00ff;
    x = (x | x << 8) & 0x0300_f00f;
    x = (x | x << 4) & 0x030c_30c3;
    (x | x << 2) & 0x0924_9249
}

/// The numbers sorted by their upper half, otherwise in their order: three passes over ten bits each.
fn sorted(mut keys: Vec<u64>) -> Vec<u64> {
    let mut other = vec![0; keys.len()];
    for pass in 0..3 {
        let digit = |key: u64| (key >> (32 + BITS * pass)) as usize & ((1 << BITS) - 1);
        let mut starts = [0_usize; 1 << BITS];
        for &key in &keys {
            starts[digit(key)] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        for &key in &keys {
            let slot = &mut starts[digit(key)];
            other[*slot] = key;
            *slot += 1;
        }
        std::mem::swap(&mut keys, &mut other);
    }
    keys
}

/// Ranges of at most eight neighbours on the curve, cut where the leading bits of the code change.
fn bundles(keys: &[u64]) -> Vec<(u32, u32)> {
    let mut found = Vec::with_capacity(keys.len() / 4);
    let mut open = vec![(0, keys.len())];
    while let Some((from, to)) = open.pop() {
        if to - from <= LANES {
            if to > from {
                found.push((from as u32, to as u32));
            }
            continue;
        }
        let differing = (keys[from] ^ keys[to - 1]) >> 32;
        let cut = if differing == 0 {
            from + (to - from) / 2
        } else {
            let bit = 32 + differing.ilog2();
            from + keys[from..to].partition_point(|key| key >> bit & 1 == 0)
        };
        open.push((cut, to));
        open.push((from, cut));
    }
    found
}

/// The nodes above the bundles `items` (two or more), the topmost first; they are to follow `first` others.
fn divide(items: &mut [Item], first: u32, depth: usize, ctx: &Ctx) -> Result<Vec<Node>, Cancelled> {
    if items.len() <= LARGE {
        ctx.check()?;
        let mut nodes = Vec::with_capacity(items.len() / 3);
        grow(items, first, depth, &mut nodes);
        return Ok(nodes);
    }
    let mut parts: Vec<&mut [Item]> = Vec::with_capacity(LANES);
    let mut rest = items;
    for length in lanes(rest, depth) {
        let (part, after) = rest.split_at_mut(length);
        parts.push(part);
        rest = after;
    }
    let below: Vec<(Extent, u32, Vec<Node>)> = parts
        .into_par_iter()
        .map(|part| {
            let extent = around(part);
            let nodes = if part.len() > 1 { divide(part, first, depth + 1, ctx)? } else { Vec::new() };
            Ok((extent, part[0].node, nodes))
        })
        .collect::<Result<_, Cancelled>>()?;
    let mut nodes = vec![Node::EMPTY];
    for (lane, (extent, single, mut below)) in below.into_iter().enumerate() {
        let shift = nodes.len() as u32;
        nodes[0].put(lane, extent, if below.is_empty() { single } else { first + shift });
        for child in below.iter_mut().flat_map(|node| &mut node.child) {
            // Nodes were numbered from `first` on in each part; bundles keep their numbers.
            if *child >= first && *child != Node::NOTHING {
                *child += shift;
            }
        }
        nodes.append(&mut below);
    }
    Ok(nodes)
}

/// As [`divide`] for a short range: appends to `nodes`, and tells the number of the topmost.
fn grow(items: &mut [Item], first: u32, depth: usize, nodes: &mut Vec<Node>) -> u32 {
    let own = nodes.len();
    nodes.push(Node::EMPTY);
    let mut rest = items;
    let lengths = lanes(rest, depth);
    for (lane, length) in lengths.into_iter().enumerate() {
        let (part, after) = rest.split_at_mut(length);
        let child = if length == 1 { part[0].node } else { grow(part, first, depth + 1, nodes) };
        nodes[own].put(lane, around(part), child);
        rest = after;
    }
    first + own as u32
}

fn around(items: &[Item]) -> Extent {
    items.iter().fold(Extent::EMPTY, |all, item| all.with(&item.extent))
}

/// Divides a range into at most eight, and tells their lengths: the range with the largest box is halved next.
fn lanes(items: &mut [Item], depth: usize) -> Vec<usize> {
    if items.len() <= LANES {
        return vec![1; items.len()];
    }
    let mut parts = vec![(0, items.len(), around(items).half_area())];
    while parts.len() < LANES {
        let mut largest: Option<usize> = None;
        for (n, part) in parts.iter().enumerate() {
            if part.1 - part.0 > 1 && largest.is_none_or(|l| part.2 > parts[l].2) {
                largest = Some(n);
            }
        }
        let Some(n) = largest else { break };
        let (from, to, _) = parts[n];
        let cut = from + halve(&mut items[from..to], depth);
        let area = |range: &[Item]| around(range).half_area();
        parts[n] = (from, cut, area(&items[from..cut]));
        parts.insert(n + 1, (cut, to, area(&items[cut..to])));
    }
    parts.into_iter().map(|(from, to, _)| to - from).collect()
}

/// Reorders two or more bundles so that the first part lies to one side of the rest; tells its length.
fn halve(items: &mut [Item], depth: usize) -> usize {
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for item in items.iter() {
        for axis in 0..3 {
            low[axis] = low[axis].min(item.middle(axis));
            high[axis] = high[axis].max(item.middle(axis));
        }
    }
    let mut axis = 0;
    for other in 1..3 {
        if high[other] - low[other] > high[axis] - low[axis] {
            axis = other;
        }
    }
    let half = items.len() / 2;
    let width = high[axis] - low[axis];
    if depth >= DEEP || width <= 0.0 {
        items.select_nth_unstable_by(half, |a, b| {
            a.middle(axis).total_cmp(&b.middle(axis)).then(a.node.cmp(&b.node))
        });
        return half;
    }
    let scale = BINS as f32 / width;
    let bin = |item: &Item| (((item.middle(axis) - low[axis]) * scale) as usize).min(BINS - 1);
    let mut bins = [(0_usize, Extent::EMPTY); BINS];
    for item in items.iter() {
        let (count, extent) = &mut bins[bin(item)];
        *count += 1;
        *extent = extent.with(&item.extent);
    }
    // The cost of everything above each cut, then from below.
    let mut above = [0.0_f32; BINS];
    let (mut count, mut extent) = (0, Extent::EMPTY);
    for n in (1..BINS).rev() {
        count += bins[n].0;
        extent = extent.with(&bins[n].1);
        above[n] = if count > 0 { extent.half_area() * count as f32 } else { 0.0 };
    }
    let (mut best, mut least) = (1, f32::INFINITY);
    let (mut count, mut extent) = (0, Extent::EMPTY);
    for n in 1..BINS {
        count += bins[n - 1].0;
        extent = extent.with(&bins[n - 1].1);
        let cost = if count > 0 { extent.half_area() * count as f32 } else { 0.0 } + above[n];
        if count > 0 && count < items.len() && cost < least {
            (best, least) = (n, cost);
        }
    }
    let mut cut = 0;
    for n in 0..items.len() {
        if bin(&items[n]) < best {
            items.swap(cut, n);
            cut += 1;
        }
    }
    cut
}
