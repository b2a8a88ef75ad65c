//! Collapsing the edges of a patch, cheapest first, in passes of rising cost.

use super::drift::carried;
use super::patch::{Freedom, NONE, Patch, Spot, Tag, Vertices};
use super::ring::{Ring, allowed};

/// Cost of an edge that cannot be collapsed as things are.
const REFUSED: f32 = f32::INFINITY;

/// Dead triangles are forgotten once they are this share of all.
const DEAD: f64 = 0.4;

/// What a pass may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The dearest edge: mean squared distance from the planes given up, mm².
    pub(super) cost: f64,
    /// The largest drift, mm.
    pub(super) drift: f64,
}

/// A patch being simplified.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) patch: Patch,
    /// Cost of each half-edge, kept at the smaller one of two twins.
    costs: Vec<f32>,
    /// Vertices whose edges need a new cost.
    moved: Vec<bool>,
    /// Candidates: cost above half-edge.
    queue: Vec<u64>,
    ring: Ring,
}

impl Worker {
    pub(super) fn new(patch: Patch) -> Self {
        let moved = patch.vertices.tags.iter().map(|t| !t.settled && t.freedom != Freedom::Shared).collect();
        let costs = vec![REFUSED; patch.corner.len()];
        Self { patch, costs, moved, queue: Vec::new(), ring: Ring::default() }
    }

    /// Collapses edges until none within bounds is left that was there at the beginning, or no more than
    /// `floor` triangles are left; says how many triangles went.
    pub(super) fn pass(&mut self, bounds: Bounds, floor: usize) -> usize {
        let before = self.patch.live;
        if before <= floor {
            return 0;
        }
        self.rank(bounds.cost);
        let queue = std::mem::take(&mut self.queue);
        for &entry in &queue {
            if self.patch.live <= floor {
                break;
            }
            let h = entry as u32;
            if self.patch.start(h) != NONE {
                self.collapse(h, bounds);
            }
        }
        self.queue = queue;
        if (self.patch.live as f64) < (1.0 - DEAD) * (self.patch.corner.len() / 3) as f64 {
            self.patch.compact(&mut self.costs);
        }
        before - self.patch.live
    }

    /// Passes in which every edge is tried again, also those refused before their surroundings changed, until
    /// nothing goes any more.
    pub(super) fn finish(&mut self, bounds: Bounds, floor: usize) {
        loop {
            for (moved, tag) in self.moved.iter_mut().zip(&self.patch.vertices.tags) {
                *moved = tag.freedom != Freedom::Shared;
            }
            if self.pass(bounds, floor) == 0 {
                return;
            }
        }
    }

    /// Brings the costs up to date and lists the edges no dearer than `most`, cheapest first.
    fn rank(&mut self, most: f64) {
        self.queue.clear();
        for h in 0..self.patch.corner.len() as u32 {
            let twin = self.patch.twin[h as usize];
            if h > twin || twin == NONE || self.patch.start(h) == NONE {
                continue;
            }
            let (u, v) = (self.patch.start(h), self.patch.end(h));
            if self.moved[u as usize] || self.moved[v as usize] {
                self.costs[h as usize] = self.cost(u, v).map_or(REFUSED, |(_, cost)| cost as f32);
            }
            let cost = self.costs[h as usize];
            if f64::from(cost) <= most {
                self.queue.push(u64::from(cost.to_bits()) << 32 | u64::from(h));
            }
        }
        self.moved.fill(false);
        self.queue.sort_unstable();
    }

    /// Where on the edge its ends should meet, and the mean squared distance there.
    fn cost(&self, u: u32, v: u32) -> Option<(f64, f64)> {
        let Vertices { spots, tags, quadrics } = &self.patch.vertices;
        let (u, v) = (u as usize, v as usize);
        let end = allowed(tags[u].freedom, tags[v].freedom)?;
        let (from, to) = (spots[u].place, spots[v].place);
        let quadric = quadrics[u].plus(&quadrics[v]);
        Some(match end {
            None => quadric.best(from, to),
            Some(end) => (end, quadric.at(if end == 0.0 { from } else { to })),
        })
    }

    /// Collapses an edge if the surface stays sound and within bounds.
    fn collapse(&mut self, h: u32, bounds: Bounds) {
        let (u, v) = (self.patch.start(h), self.patch.end(h));
        let Some((share, cost)) = self.cost(u, v) else { return };
        // It may have become dearer in this pass; then it waits for its turn.
        if cost > bounds.cost {
            return;
        }
        if !self.attempt(h, share, bounds.drift) {
            let slot = h.min(self.patch.twin[h as usize]);
            self.costs[slot as usize] = REFUSED;
        }
    }

    fn attempt(&mut self, h: u32, share: f64, most: f64) -> bool {
        let (u, v) = (self.patch.start(h), self.patch.end(h));
        let Vertices { spots, tags, .. } = &self.patch.vertices;
        let [from, to] = [u, v].map(|end| (spots[end as usize], tags[end as usize]));
        let staying = [from, to].into_iter().find(|end| end.1.freedom == Freedom::Kept);
        if !self.ring.read(&self.patch, h) {
            return false;
        }
        let meeting = if staying.is_some() { Some(self.ring.stay(share)) } else { self.ring.meet(share) };
        let Some(meeting) = meeting else { return false };
        if !self.ring.lies_well(meeting.place) {
            return false;
        }
        let Some(drift) = carried(&self.ring, meeting, [from.0.drift, to.0.drift], most) else {
            return false;
        };
        self.patch.merge(h);
        let Vertices { spots, tags, quadrics } = &mut self.patch.vertices;
        let (u, v) = (u as usize, v as usize);
        let (place, tag) = staying.map_or_else(
            || (from.0.place + meeting.place, Tag { source: NONE, ..to.1 }),
            |stays| (stays.0.place, stays.1),
        );
        spots[v] = Spot { place, drift };
        tags[v] = tag;
        quadrics[v] = quadrics[u].plus(&quadrics[v]);
        self.moved[v] = true;
        true
    }

    /// True if none of the vertex's edges waits for a new cost.
    pub(super) fn settled(&self, v: u32) -> bool {
        !self.moved[v as usize]
    }
}
