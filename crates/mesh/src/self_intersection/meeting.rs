//! How two triangles meet, decided exactly.
//!
//! Where the planes differ, the triangles cut two intervals out of their common line, and four signs tell how
//! these lie (Guigue and Devillers, "Fast and robust triangle–triangle overlap test using orientation
//! predicates", 2003); equal signs tell a touch. Within one plane, triangles are apart exactly if the line along
//! some side of one has the other beyond it.

use super::Meeting;
use crate::bvh::triangle;
use crate::predicate::{Flat, flat_of, side};
use glam::DVec3;
use std::cmp::Ordering::{self, Equal, Greater, Less};

type Triangle = [DVec3; 3];

/// How two triangles meet other than in what they share; `None` if they do not.
#[inline]
pub(super) fn meeting(a: &Triangle, b: &Triangle) -> Option<Meeting> {
    let (mut shared_a, mut shared_b) = (0_u8, 0_u8);
    for (i, p) in a.iter().enumerate() {
        for (j, q) in b.iter().enumerate() {
            if p == q {
                shared_a |= 1 << i;
                shared_b |= 1 << j;
            }
        }
    }
    let shared = shared_a.count_ones();
    if shared != shared_b.count_ones() {
        // Two corners of one triangle at the same place: it has no area.
        return None;
    }
    match shared {
        3 => flat_of(*a).map(|_| Meeting::Fold),
        2 => folded(a, shared_a, b, shared_b),
        _ => elsewhere(a, b, [shared_a, shared_b]),
    }
}

/// Two triangles at one side meet elsewhere only if one is folded onto the other.
fn folded(a: &Triangle, shared_a: u8, b: &Triangle, shared_b: u8) -> Option<Meeting> {
    let own = (!shared_a & 7).trailing_zeros() as usize;
    let [p, q, apex] = [a[(own + 1) % 3], a[(own + 2) % 3], a[own]];
    let other = b[(!shared_b & 7).trailing_zeros() as usize];
    if side(p, q, apex, other) != Equal {
        return None;
    }
    let (flat, turn) = flat_of([p, q, apex])?;
    (flat.turn(p, q, other) == turn).then_some(Meeting::Fold)
}

/// On which side of the plane of `b` the corners of `a` lie; a corner they share lies on it.
fn sides(a: &Triangle, shared: u8, b: &Triangle) -> [Ordering; 3] {
    [0, 1, 2].map(|n| if shared >> n & 1 == 1 { Equal } else { side(b[0], b[1], b[2], a[n]) })
}

/// True if a triangle lies to one side of a plane and has at most the corner on it that is shared.
fn clear(sides: &[Ordering; 3], shared: u8) -> bool {
    let mut own = (0..3).filter(|n| shared >> n & 1 == 0).map(|n| sides[n]);
    let first = own.next().unwrap_or(Equal);
    first != Equal && own.all(|side| side == first)
}

/// For triangles that share at most one corner.
fn elsewhere(a: &Triangle, b: &Triangle, shared: [u8; 2]) -> Option<Meeting> {
    let of_a = sides(a, shared[0], b);
    if clear(&of_a, shared[0]) {
        return None;
    }
    let of_b = sides(b, shared[1], a);
    if clear(&of_b, shared[1]) {
        return None;
    }
    let (flat_a, flat_b) = (of_a == [Equal; 3], of_b == [Equal; 3]);
    if flat_a && flat_b {
        return in_plane(a, b, shared[0] != 0);
    }
    if flat_a || flat_b {
        // The plane of one of them is none: its corners are on one line.
        return None;
    }
    let (i, above_b) = alone(&of_a);
    let (j, above_a) = alone(&of_b);
    // Each begins with the corner that is alone; turned so that it lies above the other's plane.
    let [p, q, r] = turned(a, i, above_a);
    let [u, v, w] = turned(b, j, above_b);
    let ends = [side(q, u, p, v), side(p, u, r, w)];
    if ends.contains(&Greater) {
        return None;
    }
    let in_point = is_point(&of_a) || is_point(&of_b) || ends.contains(&Equal);
    if in_point {
        // A corner that is shared is that point.
        return (shared[0] == 0).then_some(Meeting::Touch);
    }
    let along = |sides: &[Ordering; 3]| sides.iter().filter(|&&side| side == Equal).count() == 2;
    Some(if along(&of_a) || along(&of_b) { Meeting::Side } else { Meeting::Crossing })
}

/// The corner that a plane parts from the other two, and whether it lies above; not all lie on it, nor all clear
/// of it to one side.
fn alone(sides: &[Ordering; 3]) -> (usize, bool) {
    let only = |side: Ordering| {
        let mut all = (0..3).filter(|&n| sides[n] == side);
        let first = all.next();
        if all.next().is_none() { first } else { None }
    };
    if let Some(n) = only(Greater) {
        return (n, true);
    }
    if let Some(n) = only(Less) {
        return (n, false);
    }
    // One on the plane, two to one side.
    (only(Equal).unwrap_or(0), sides.contains(&Less))
}

/// True if a triangle meets a plane in one corner only.
fn is_point(sides: &[Ordering; 3]) -> bool {
    let count = |side: Ordering| sides.iter().filter(|&&s| s == side).count();
    count(Equal) == 1 && (count(Greater) == 2 || count(Less) == 2)
}

/// The corners from `first` on, in their order or, if the other triangle's lone corner lies below, the other.
fn turned(t: &Triangle, first: usize, keep: bool) -> Triangle {
    let [p, q, r] = [t[first], t[(first + 1) % 3], t[(first + 2) % 3]];
    if keep { [p, q, r] } else { [p, r, q] }
}

/// For triangles in one plane that share at most one corner.
fn in_plane(a: &Triangle, b: &Triangle, shared: bool) -> Option<Meeting> {
    let (flat, turn_a) = flat_of(*a)?;
    let turn_b = flat.turn(b[0], b[1], b[2]);
    if turn_b == Equal {
        return None;
    }
    let mut touching = None;
    for (t, turn, other) in [(a, turn_a, b), (b, turn_b, a)] {
        for n in 0..3 {
            let (p, q) = (t[n], t[(n + 1) % 3]);
            let sides = other.map(|c| if c == p || c == q { Equal } else { flat.turn(p, q, c) });
            if sides.contains(&turn) {
                continue;
            }
            if !sides.contains(&Equal) {
                return None;
            }
            touching = Some(([p, q], sides, other));
        }
    }
    let Some((own, sides, other)) = touching else {
        return Some(if shared { Meeting::Fold } else { Meeting::Overlap });
    };
    let on: Vec<DVec3> = (0..3).filter(|&n| sides[n] == Equal).map(|n| other[n]).collect();
    match along(flat, own, &on)? {
        Greater => Some(Meeting::Side),
        // A corner that is shared is that point.
        _ => (!shared).then_some(Meeting::Touch),
    }
}

/// Whether a segment and the stretch between places on its line have a length in common (`Greater`), or a point.
fn along(flat: Flat, own: [DVec3; 2], on: &[DVec3]) -> Option<Ordering> {
    let [p, q] = own.map(|p| flat.of(p));
    let axis = usize::from(p[0] == q[0]);
    let range = |places: &[DVec3]| {
        let at = places.iter().map(|&p| flat.of(p)[axis]);
        at.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let (a, b) = (range(&own), range(on));
    let (low, high) = (a.0.max(b.0), a.1.min(b.1));
    match high.partial_cmp(&low) {
        Some(Less) | None => None,
        common => common,
    }
}

/// A place where two triangles meet, to within rounding.
pub(super) fn place(a: &Triangle, b: &Triangle, kind: Meeting) -> DVec3 {
    if matches!(kind, Meeting::Overlap | Meeting::Fold) {
        return middle_of_overlap(a, b);
    }
    let sides = |t: Triangle| [0, 1, 2].map(|n| [t[n], t[(n + 1) % 3]]);
    let passing =
        sides(*a).map(|side| through(side, b)).into_iter().chain(sides(*b).map(|side| through(side, a)));
    let start =
        if kind == Meeting::Crossing { (a[0], b[0], f64::INFINITY) } else { triangle::between(*a, *b) };
    let (p, q, _) = passing.fold(start, |best, found| if found.2 < best.2 { found } else { best });
    (p + q) * 0.5
}

/// Where a segment comes nearest to a triangle: where it passes its plane, or at one of its ends.
fn through([p, q]: [DVec3; 2], t: &Triangle) -> (DVec3, DVec3, f64) {
    let normal = (t[1] - t[0]).cross(t[2] - t[0]);
    let (above, below) = ((p - t[0]).dot(normal), (q - t[0]).dot(normal));
    let share = if above == below { 0.5 } else { (above / (above - below)).clamp(0.0, 1.0) };
    let place = p + (q - p) * share;
    let (near, squared, _) = triangle::nearest_on(place, *t);
    (place, near, squared)
}

/// The mean of the corners of what two triangles in one plane have in common.
fn middle_of_overlap(a: &Triangle, b: &Triangle) -> DVec3 {
    let normal = (b[1] - b[0]).cross(b[2] - b[0]);
    let mut common = a.to_vec();
    for n in 0..3 {
        // Into b from its side n.
        let (from, inward) = (b[n], normal.cross(b[(n + 1) % 3] - b[n]));
        let depth = |p: DVec3| (p - from).dot(inward);
        let mut next = Vec::with_capacity(common.len() + 1);
        for (i, &p) in common.iter().enumerate() {
            let q = common[(i + 1) % common.len()];
            let (d, e) = (depth(p), depth(q));
            if d >= 0.0 {
                next.push(p);
            }
            if (d > 0.0 && e < 0.0) || (d < 0.0 && e > 0.0) {
                next.push(p + (q - p) * (d / (d - e)));
            }
        }
        common = next;
    }
    if common.is_empty() {
        // A sliver that rounding lost.
        let (p, q, _) = triangle::between(*a, *b);
        return (p + q) * 0.5;
    }
    common.iter().fold(DVec3::ZERO, |sum, &p| sum + p) / common.len() as f64
}
