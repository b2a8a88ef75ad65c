//! The steps of a round: long edges are divided, short ones drawn together, edges turned, vertices evened out.

use super::model::Model;
use super::net::{Hold, Net, area};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::f64::consts::FRAC_PI_3;

/// A triangle may not turn by more than this in one step (cosine of 60°).
const TURN: f64 = 0.5;

/// A turned edge is not sharper than this (cosine of 46°) unless the old one was.
const FLAT: f64 = 0.7;

/// Edges between two questions whether to stop.
const STRIDE: usize = 1 << 12;

/// At most this often are edges drawn together in one round. Chosen: of a surface ten times as fine as wanted a
/// tenth is left after four, and the next round goes on.
const PASSES: usize = 6;

/// Divides edges longer than `longest`, the longest first, until there are none.
pub(super) fn divide(net: &mut Net, longest: f64, ctx: &Ctx) -> Result<(), Cancelled> {
    loop {
        let long = net.sorted(longest * longest, Ordering::Greater);
        if long.is_empty() {
            return Ok(());
        }
        for edges in long.chunks(STRIDE) {
            ctx.check()?;
            edges.iter().for_each(|&h| net.divide(h));
        }
    }
}

/// Which edges are drawn together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merge {
    /// Edges shorter than this (mm),
    pub(super) shortest: f64,
    /// where none gets longer than this (mm)
    pub(super) longest: f64,
    /// and triangles face their surroundings to within this cosine, if not their former selves.
    pub(super) facing: Option<f64>,
}

/// Draws short edges together, the shortest first.
pub(super) fn merge(net: &mut Net, how: Merge, ctx: &Ctx) -> Result<(), Cancelled> {
    let shortest = how.shortest;
    for _ in 0..PASSES {
        let mut any = false;
        for edges in net.sorted(shortest * shortest, Ordering::Less).chunks(STRIDE) {
            ctx.check()?;
            for &h in edges {
                if !net.is_dead(h) && net.squared(h) < shortest * shortest {
                    any |= merge_one(net, h, how);
                }
            }
        }
        net.compact();
        if !any {
            break;
        }
    }
    Ok(())
}

/// Draws one edge together if that may be.
fn merge_one(net: &mut Net, h: u32, how: Merge) -> bool {
    let holds = |h: u32| net.spots[net.start(h) as usize].hold;
    let back = net.across(h);
    let h = if holds(h) <= holds(back) { h } else { back };
    let (gone, into) = (net.start(h), net.end(h));
    if !net.may_merge(h) {
        return false;
    }
    let (u, v) = (net.place(gone), net.place(into));
    let middle = (u + v) * 0.5;
    let places = [middle, v, u];
    // What is held less goes to what is held more.
    let places = if holds(h) == holds(net.across(h)) { &places[..] } else { &places[1..2] };
    for &place in places {
        if lies_well(net, (gone, into), place, how) && lies_well(net, (into, gone), place, how) {
            net.merge(h);
            net.spots[into as usize].place = place;
            return true;
        }
    }
    false
}

/// True if the triangles at vertex `v` that `other` is no corner of may have the corner `place` instead.
fn lies_well(net: &Net, (v, other): (u32, u32), place: DVec3, how: Merge) -> bool {
    let from = net.place(v);
    if place == from {
        return true;
    }
    let whole: DVec3 =
        net.spokes(v).map(|h| area([from, net.place(net.end(h)), net.place(net.apex(h))])).sum();
    let whole = whole.normalize_or_zero();
    net.spokes(v).filter(|&h| net.end(h) != other && net.apex(h) != other).all(|h| {
        let (p, q) = (net.place(net.end(h)), net.place(net.apex(h)));
        let (old, new) = (area([from, p, q]), area([place, p, q]));
        let (had, has) = (old.length(), new.length());
        // The direction of a needle says nothing; that of its surroundings does.
        let needle = had < NEEDLE * p.distance_squared(from).max(q.distance_squared(from));
        let stays = match how.facing {
            Some(cosine) => whole.dot(new) > cosine * has,
            None if needle => whole.dot(new) > TURN * has,
            None => old.dot(new) > TURN * had * has,
        };
        stays
            && (has > NEEDLE * p.distance_squared(place).max(q.distance_squared(place))
                || (how.facing.is_some() && has > had))
            && p.distance_squared(place) <= how.longest * how.longest
    })
}

/// Triangles lower than this share of their length are needles: an angle below 6°.
const NEEDLE: f64 = 0.1;

/// Why an edge is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// Vertices have six neighbours.
    Valence,
    /// The smallest angle gets larger.
    Angle,
}

/// Turns edges.
pub(super) fn turn(net: &mut Net, aim: Aim, ctx: &Ctx) -> Result<usize, Cancelled> {
    let mut count = 0;
    for h in 0..net.count() {
        if (h as usize).is_multiple_of(STRIDE) {
            ctx.check()?;
        }
        let wanted = h < net.across(h)
            && match aim {
                Aim::Valence => evens(net, h),
                Aim::Angle => widens(net, h),
            };
        if wanted && net.may_turn(h) && turns_well(net, h) {
            net.turn(h);
            count += 1;
        }
    }
    Ok(count)
}

/// True if turning an edge brings the four vertices nearer to the number of neighbours they should have.
fn evens(net: &Net, h: u32) -> bool {
    let g = net.across(h);
    let miss = |v: u32, by: i64| {
        let now = net.valence(v) as i64 - ideal(net, v);
        (now + by) * (now + by) - now * now
    };
    let change = miss(net.start(h), -1) + miss(net.end(h), -1) + miss(net.apex(h), 1) + miss(net.apex(g), 1);
    change < 0
}

/// How many neighbours a vertex should have: six where the surface can be laid flat, fewer or more in a corner.
fn ideal(net: &Net, v: u32) -> i64 {
    if net.spots[v as usize].hold != Hold::Corner {
        return 6;
    }
    let from = net.place(v);
    let angles = net.spokes(v).map(|h| {
        let (p, q) = (net.place(net.end(h)) - from, net.place(net.apex(h)) - from);
        libm::atan2(p.cross(q).length(), p.dot(q))
    });
    (libm::round(angles.sum::<f64>() / FRAC_PI_3) as i64).max(3)
}

/// True if turning an edge makes the smallest angle of its two triangles larger.
fn widens(net: &Net, h: u32) -> bool {
    let [a, b, c, d] = quad(net, h);
    let old = smallest([a, b, c]).max(smallest([b, a, d]));
    let new = smallest([d, c, a]).max(smallest([c, d, b]));
    // A hundredth more (0.6°), so that no edge turns to and fro by rounding.
    new < old - 0.01
}

/// The cosine of the smallest angle of a triangle.
pub(super) fn smallest([a, b, c]: [DVec3; 3]) -> f64 {
    cosines([a, b, c]).into_iter().fold(-1.0, f64::max)
}

/// The cosines of the angles of a triangle; 1 for angles of triangles without sides.
pub(super) fn cosines([a, b, c]: [DVec3; 3]) -> [f64; 3] {
    [[a, b, c], [b, c, a], [c, a, b]].map(|[p, q, r]| {
        let (u, v) = (q - p, r - p);
        let lengths = (u.length_squared() * v.length_squared()).sqrt();
        if lengths > 0.0 { u.dot(v) / lengths } else { 1.0 }
    })
}

fn quad(net: &Net, h: u32) -> [DVec3; 4] {
    [net.start(h), net.end(h), net.apex(h), net.apex(net.across(h))].map(|v| net.place(v))
}

/// True if the triangles made by turning an edge face the way the old ones do, and no sharp edge arises.
fn turns_well(net: &Net, h: u32) -> bool {
    let [a, b, c, d] = quad(net, h);
    let (old, new) = ([area([a, b, c]), area([b, a, d])], [area([d, c, a]), area([c, d, b])]);
    let whole = (old[0] + old[1]).normalize_or_zero();
    let bend = |[n, m]: [DVec3; 2]| n.normalize_or_zero().dot(m.normalize_or_zero());
    let angle = smallest([d, c, a]).max(smallest([c, d, b]));
    let had = smallest([a, b, c]).max(smallest([b, a, d]));
    new.iter().all(|n| whole.dot(*n) > FLAT * n.length())
        && (bend(new) > FLAT || bend(new) > bend(old))
        && (angle < THIN || angle < had)
}

/// Edges are not turned for the number of neighbours if that makes an angle below 20° (its cosine).
const THIN: f64 = 0.94;

/// Moves every vertex along the surface or crease towards the middle of what surrounds it, and back onto the
/// given surface; a vertex at which a triangle would turn over stays.
pub(super) fn even_out(net: &mut Net, model: &Model<'_>, ctx: &Ctx) -> Result<(), Cancelled> {
    let chunks = (0..net.spots.len()).into_par_iter().with_min_len(256);
    let moved = chunks.map(|v| evened(net, model, v as u32)).collect();
    ctx.check()?;
    place(net, moved, ctx)
}

/// Puts vertices elsewhere, but those at which a triangle would turn over.
fn place(net: &mut Net, mut moved: Vec<(DVec3, u32)>, ctx: &Ctx) -> Result<(), Cancelled> {
    let triangles: Vec<u32> = (0..net.count() / 3).collect();
    loop {
        ctx.check()?;
        let over = triangles.par_iter().filter(|&&t| {
            let corners = [0, 1, 2].map(|i| moved[net.corner[(3 * t + i) as usize] as usize].0);
            let (old, new) = (area(net.corners(t)), area(corners));
            let still = corners == net.corners(t);
            !still && old.dot(new) <= TURN * old.length() * new.length()
        });
        let over: Vec<u32> = over.copied().collect();
        if over.is_empty() {
            break;
        }
        for t in over {
            for i in 0..3 {
                let v = net.corner[(3 * t + i) as usize] as usize;
                moved[v] = (net.spots[v].place, net.spots[v].hint);
            }
        }
    }
    for (spot, (place, hint)) in net.spots.iter_mut().zip(moved) {
        (spot.place, spot.hint) = (place, hint);
    }
    Ok(())
}

/// Where a vertex goes, and a triangle of the given surface it then lies on.
fn evened(net: &Net, model: &Model<'_>, v: u32) -> (DVec3, u32) {
    let spot = &net.spots[v as usize];
    let stay = (spot.place, spot.hint);
    match spot.hold {
        Hold::Corner => stay,
        Hold::Crease => {
            let (mut sum, mut weight, mut crease) = (DVec3::ZERO, 0.0, 0);
            for h in net.spokes(v).filter(|&h| net.is_crease(h)) {
                let way = net.place(net.end(h)) - spot.place;
                let length = way.length();
                sum += way * (length * 0.5);
                weight += length;
                crease = net.crease[h as usize];
            }
            if weight <= 0.0 {
                return stay;
            }
            model.on_crease(spot.place + sum / weight, crease).map_or(stay, |place| (place, spot.hint))
        }
        Hold::Surface => {
            let (mut sum, mut weight, mut normal) = (DVec3::ZERO, 0.0, DVec3::ZERO);
            for h in net.spokes(v) {
                let (p, q) = (net.place(net.end(h)) - spot.place, net.place(net.apex(h)) - spot.place);
                let stands = p.cross(q);
                let size = stands.length();
                sum += (p + q) * (size / 3.0);
                weight += size;
                normal += stands;
            }
            let normal = normal.normalize_or_zero();
            if weight <= 0.0 || normal == DVec3::ZERO {
                return stay;
            }
            let way = sum / weight;
            let along = way - normal * way.dot(normal);
            model.on_surface(spot.place + along, normal, spot.hint).unwrap_or(stay)
        }
    }
}

/// Lifts vertices off the given surface by what the triangles around them sag on average, so that surface and
/// triangles enclose the same; flat places and creases stay.
pub(super) fn lift(net: &mut Net, model: &Model<'_>, ctx: &Ctx) -> Result<(), Cancelled> {
    let sags = (0..net.count() / 3).into_par_iter().with_min_len(256).map(|t| {
        let [a, b, c] = net.corners(t);
        let stands = area([a, b, c]);
        let size = stands.length();
        let hint = net.spots[net.corner[3 * t as usize] as usize].hint;
        (model.sag((a + b + c) / 3.0, stands.normalize_or_zero(), hint), size)
    });
    let sags: Vec<(f64, f64)> = sags.collect();
    ctx.check()?;
    let lifted = (0..net.spots.len()).into_par_iter().with_min_len(256).map(|v| {
        let spot = &net.spots[v];
        if spot.hold != Hold::Surface {
            return (spot.place, spot.hint);
        }
        let (mut sum, mut weight, mut normal) = (0.0, 0.0, DVec3::ZERO);
        for h in net.spokes(v as u32) {
            let (sag, size) = sags[h as usize / 3];
            (sum, weight) = (sum + sag * size, weight + size);
            normal += area([spot.place, net.place(net.end(h)), net.place(net.apex(h))]);
        }
        let by = if weight > 0.0 { MEAN_SAG * sum / weight } else { 0.0 };
        (spot.place + normal.normalize_or_zero() * by, spot.hint)
    });
    let lifted = lifted.collect();
    place(net, lifted, ctx)
}

/// The mean sag of a flat triangle under a curved surface as a share of that at its middle: over an equilateral
/// triangle with its corners on a paraboloid the mean of (R² − r²)/2ρ, R² = L²/3 and mean r² = L²/12, is ¾ of it.
const MEAN_SAG: f64 = 0.75;
