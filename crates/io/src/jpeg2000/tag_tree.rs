//! Tag trees: small numbers for a grid of code-blocks, coded from coarse to fine.

use super::Jpeg2000Error;
use super::packet::HeaderBits;

#[derive(Clone, Copy, Default)]
struct Node {
    /// The value is known to be at least this.
    low: u16,
    known: bool,
}

/// A quadtree whose nodes hold the least value below them.
pub(super) struct TagTree {
    /// Width of each level and index of its first node, from the leaves to the root.
    levels: Vec<(usize, usize)>,
    nodes: Vec<Node>,
}

impl TagTree {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let (mut w, mut h) = (width, height);
        let mut levels = Vec::new();
        let mut total = 0;
        while w * h > 0 {
            levels.push((w, total));
            total += w * h;
            if w * h == 1 {
                break;
            }
            (w, h) = (w.div_ceil(2), h.div_ceil(2));
        }
        Self { levels, nodes: vec![Node::default(); total] }
    }

    /// Whether the leaf's value is below the threshold, reading as many bits as that takes.
    pub(super) fn below(
        &mut self,
        (x, y): (usize, usize),
        threshold: u16,
        bits: &mut HeaderBits,
    ) -> Result<bool, Jpeg2000Error> {
        let mut low = 0;
        let mut known = false;
        for (level, &(width, first)) in self.levels.iter().enumerate().rev() {
            let node = &mut self.nodes[first + (y >> level) * width + (x >> level)];
            node.low = node.low.max(low);
            while !node.known && node.low < threshold {
                if bits.bit()? == 1 {
                    node.known = true;
                } else {
                    node.low += 1;
                }
            }
            (low, known) = (node.low, node.known);
        }
        Ok(known && low < threshold)
    }
}
