//! How far the simplified surface has drifted from the given one: a proof carried along, not an estimate.
//!
//! For every surface M made on the way there is a continuous map Ψ from M onto the given surface with
//! |Ψ(x) − x| ≤ d(x), where d is linear on each triangle of M between the drifts at its corners. At first Ψ
//! is the identity and all drifts are 0. A collapse replaces the triangles around an edge uv, inside a ring of
//! vertices r, by a fan around w, and Ψ by Ψ∘ψ, where ψ maps the fan onto the old triangles:
//!
//! * ψ leaves the ring as it is, and takes w to a point m of the edge uv.
//! * It takes a spoke w–r of the fan, where r is a neighbour of u, to a path from m through the triangles of u:
//!   on its way it crosses some of the old spokes u–r′. Where on both spokes is ours to choose; here it is
//!   where they are nearest. Along the new spoke the crossings follow each other in the right order.
//! * The spokes of u on one side are crossed by the paths to one part of the ring, those on the other side by
//!   the paths to the other. Between the two there is one triangle of the fan that has u in its image; the
//!   point U of it that is taken to u is the nearest one. Likewise for v.
//! * These points cut the fan into cells, each of which goes into a single old triangle, linearly on each
//!   triangle of any triangulation of the cell.
//!
//! On such a piece both d ∘ ψ and the new d are linear and |ψ(x) − x| is convex, so the new bound
//! |Ψ(ψ(x)) − x| ≤ d(ψ(x)) + |ψ(x) − x| ≤ d(x) holds everywhere once it holds at the corners: at w, at the
//! crossings, at U and V, and (trivially) at the ring. Each corner is a lower limit for the drift at w, the
//! drifts of the ring being what they are. The largest is taken.
//!
//! ψ is the identity on the ring and both fan and old triangles are discs, so ψ covers every old point: Ψ is
//! onto. Hence both ways at once: every point x of the simplified surface is within d(x) of the given one, and
//! every point of the given one is Ψ(x) for some x, so within d(x) of the simplified one. The largest drift of
//! any vertex bounds the two-sided Hausdorff distance of all points, not only of vertices.

use super::ring::{Meeting, Ring};
use glam::DVec3;

/// A corner with less than this weight of w would ask for a drift many times its own; the collapse is refused.
const LEAST_WEIGHT: f64 = 1e-3;

/// The least drift at the meeting point for which the bound holds, or nothing if it exceeds `most`.
///
/// `from` and `to` are the drifts at the two ends of the edge.
pub(super) fn carried(ring: &Ring, meeting: Meeting, [from, to]: [f64; 2], most: f64) -> Option<f64> {
    let Meeting { share, place } = meeting;
    let below = ring.way * share;
    let mut need = Need { most, drift: from + (to - from) * share + place.distance(below) };
    let near = Side {
        apex: DVec3::ZERO,
        drift: from,
        places: &ring.places[..=ring.turn],
        drifts: &ring.drifts[..=ring.turn],
    };
    let far = Side {
        apex: ring.way,
        drift: to,
        places: &ring.places[ring.turn..],
        drifts: &ring.drifts[ring.turn..],
    };
    (need.is_met() && near.ask(place, &mut need) && far.ask(place, &mut need)).then_some(need.drift)
}

/// The drift asked for so far, and the most that may be.
struct Need {
    most: f64,
    drift: f64,
}

impl Need {
    fn is_met(&self) -> bool {
        self.drift <= self.most
    }

    /// Takes in a corner whose drift must be at least `wanted`: `weight` of it comes from w, `rest` from the ring.
    fn corner(&mut self, wanted: f64, rest: f64, weight: f64) -> bool {
        if wanted > rest {
            if weight < LEAST_WEIGHT {
                return false;
            }
            self.drift = self.drift.max((wanted - rest) / weight);
        }
        self.is_met()
    }
}

/// One end of the edge with its part of the ring, from apex to apex.
struct Side<'a> {
    apex: DVec3,
    drift: f64,
    places: &'a [DVec3],
    drifts: &'a [f64],
}

impl Side<'_> {
    /// All corners on this side of the edge; false as soon as one asks for too much.
    fn ask(&self, middle: DVec3, need: &mut Need) -> bool {
        let last = self.places.len() - 1;
        let Some(home) = self.home(middle, need) else {
            return false;
        };
        // Paths that go round the end on the side of the first apex, then those on the side of the last.
        (1..=home).all(|j| self.cross(middle, j, 0..j, need))
            && (home + 1..last).all(|j| self.cross(middle, j, (j + 1..=last).rev(), need))
    }

    /// The triangle of the fan in which the end of the edge has its counterpart.
    fn home(&self, middle: DVec3, need: &mut Need) -> Option<usize> {
        let to_end = self.apex - middle;
        let mut best = (f64::INFINITY, 0, 0.0, 0.0);
        for (j, pair) in self.places.windows(2).enumerate() {
            let (a, b) = (pair[0] - middle, pair[1] - middle);
            let (aa, ab, bb) = (a.length_squared(), a.dot(b), b.length_squared());
            let (pa, pb) = (a.dot(to_end), b.dot(to_end));
            let det = aa * bb - ab * ab;
            if det <= 0.0 {
                continue;
            }
            let beta = ((pa * bb - pb * ab) / det).max(0.0);
            let gamma = ((pb * aa - pa * ab) / det).max(0.0);
            let over = (beta + gamma).max(1.0);
            let (beta, gamma) = (beta / over, gamma / over);
            let distance = (to_end - a * beta - b * gamma).length_squared();
            if distance < best.0 {
                best = (distance, j, beta, gamma);
            }
        }
        let (distance, j, beta, gamma) = best;
        let rest = beta * self.drifts[j] + gamma * self.drifts[j + 1];
        need.corner(self.drift + distance.sqrt(), rest, 1.0 - beta - gamma).then_some(j)
    }

    /// The corners where the path to ring vertex `j` crosses the old spokes `over`, in this order.
    fn cross(&self, middle: DVec3, j: usize, over: impl Iterator<Item = usize>, need: &mut Need) -> bool {
        let new = self.places[j] - middle;
        let from = middle - self.apex;
        let (nn, nf) = (new.length_squared(), new.dot(from));
        let mut reached = 0.0_f64;
        for i in over {
            let old = self.places[i] - self.apex;
            let (oo, no, of) = (old.length_squared(), old.dot(new), old.dot(from));
            // Nearest points of two lines.
            let det = nn * oo - no * no;
            let along = if det > 0.0 { (no * of - nf * oo) / det } else { reached };
            reached = along.clamp(reached, 1.0);
            let across = ((of + reached * no) / oo).clamp(0.0, 1.0);
            let apart = (from + new * reached - old * across).length();
            let wanted = self.drift + (self.drifts[i] - self.drift) * across + apart;
            if !need.corner(wanted, reached * self.drifts[j], 1.0 - reached) {
                return false;
            }
        }
        true
    }
}
