//! One edge and what is around it: where its ends may meet, and what that does to the surface.

use super::patch::{Freedom, Patch};
use glam::DVec3;

/// The largest ring looked at. A vertex of an isosurface has 6 neighbours on average, and of a flat disc cut
/// into sectors hardly more than this.
const LARGEST: usize = 64;

/// A triangle may not turn by more than this (cosine): 73° in one collapse.
const TURN: f64 = 0.3;

/// Nor stand steeper than this (cosine) on the plane that its ring lies in on average: 84°.
const STEEP: f64 = 0.1;

/// New triangles are at least this wide (height over longest edge), unless those before were thinner.
const WIDE: f64 = 0.02;

/// The vertices around an edge from `u` to `v`, counter-clockwise seen from outside.
///
/// The first is the apex of the triangle left of the edge; up to `turn`, the apex on the right, they are
/// neighbours of `u`, from there on of `v`. The first is repeated as the last.
#[derive(Debug, Default)]
pub(super) struct Ring {
    pub(super) ids: Vec<u32>,
    /// Relative to `u`.
    pub(super) places: Vec<DVec3>,
    pub(super) drifts: Vec<f64>,
    pub(super) turn: usize,
    /// `v` relative to `u`.
    pub(super) way: DVec3,
}

/// Where the ends of an edge meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meeting {
    /// The point of the edge below it: a share of the way from `u` to `v`.
    pub(super) share: f64,
    /// Relative to `u`.
    pub(super) place: DVec3,
}

impl Ring {
    /// Reads the ring of half-edge `h`, whose ends are not `Shared`; false if it is too large or its ends
    /// have more than two neighbours in common, so that drawing them together would pinch the surface.
    pub(super) fn read(&mut self, patch: &Patch, h: u32) -> bool {
        let back = patch.twin[h as usize];
        self.ids.clear();
        let mut spoke = patch.around(h);
        while spoke != h {
            self.ids.push(patch.end(spoke));
            spoke = patch.around(spoke);
        }
        if self.ids.len() > LARGEST {
            return false;
        }
        self.turn = self.ids.len() - 1;
        let mut spoke = patch.around(patch.around(back));
        while spoke != back {
            self.ids.push(patch.end(spoke));
            spoke = patch.around(spoke);
        }
        // Both walks end at the apex that the other begins with.
        let count = self.ids.len() - 1;
        if !(3..=LARGEST).contains(&count) || self.ids[count] != self.ids[0] {
            return false;
        }
        let (of_u, of_v) = (&self.ids[1..self.turn], &self.ids[self.turn + 1..count]);
        if of_u.iter().any(|x| of_v.contains(x)) {
            return false;
        }
        let from = patch.place(patch.start(h));
        self.way = patch.place(patch.end(h)) - from;
        self.places.clear();
        self.drifts.clear();
        for &id in &self.ids {
            let spot = &patch.vertices.spots[id as usize];
            self.places.push(spot.place - from);
            self.drifts.push(spot.drift);
        }
        true
    }

    /// The place above a point of the edge that leaves the enclosed volume as it is; none in a fold.
    ///
    /// Collapsing replaces the triangles in the ring by a fan. The volume between fan and origin is linear in
    /// the place of its middle, so there is one height at which it is the same as before
    /// (Lindstrom and Turk, Fast and memory efficient polygonal simplification, IEEE Visualization 1998).
    pub(super) fn meet(&self, share: f64) -> Option<Meeting> {
        let (mut area, mut volume) = (DVec3::ZERO, 0.0);
        for (j, pair) in self.places.windows(2).enumerate() {
            let side = pair[0].cross(pair[1]);
            area += side;
            // The triangles of `u` and of the edge have a corner at the origin: no volume.
            if j >= self.turn {
                volume += self.way.dot(side);
            }
        }
        let below = self.way * share;
        let twice = area.length();
        let height = (volume - below.dot(area)) / twice;
        height.is_finite().then(|| Meeting { share, place: below + area * (height / twice) })
    }

    /// The point of the edge itself: for a vertex that must not move.
    pub(super) fn stay(&self, share: f64) -> Meeting {
        Meeting { share, place: self.way * share }
    }

    /// True if the fan around `place` turns no triangle over, stands on none and has no needle.
    pub(super) fn lies_well(&self, place: DVec3) -> bool {
        let area = self.places.windows(2).fold(DVec3::ZERO, |sum, pair| sum + pair[0].cross(pair[1]));
        let whole = area.length_squared();
        self.places.windows(2).enumerate().all(|(j, pair)| {
            let [p, q] = [pair[0], pair[1]];
            let apex = if j < self.turn { DVec3::ZERO } else { self.way };
            let (old, new) = ((p - apex).cross(q - apex), (p - place).cross(q - place));
            let (had, has) = (old.length_squared(), new.length_squared());
            let (along, up) = (old.dot(new), new.dot(area));
            let base = p.distance_squared(q);
            let long = base.max(p.distance_squared(place)).max(q.distance_squared(place));
            let was = base.max(p.distance_squared(apex)).max(q.distance_squared(apex));
            up > 0.0
                && up * up > STEEP * STEEP * has * whole
                && (had == 0.0 || (along > 0.0 && along * along > TURN * TURN * had * has))
                && (has > WIDE * WIDE * long * long || has * was * was > had * long * long)
        })
    }
}

/// Where the ends of an edge may meet: nowhere, anywhere, or only at the share of the one that stays.
pub(super) fn allowed(u: Freedom, v: Freedom) -> Option<Option<f64>> {
    match (u, v) {
        (Freedom::Free, Freedom::Free) => Some(None),
        (Freedom::Free, Freedom::Kept) => Some(Some(1.0)),
        (Freedom::Kept, Freedom::Free) => Some(Some(0.0)),
        _ => None,
    }
}
