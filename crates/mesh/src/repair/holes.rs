//! Small holes are filled, sheets that lie about are left out, and what is wide open is refused.
//!
//! A hole is filled by the triangles of least area between its own vertices (Barequet and Sharir, *Filling gaps
//! in the boundary of a polyhedron*, 1995), so that nothing is invented beside it.

use super::edges::{Edges, Sets, compact, keep};
use super::tidy::Tally;
use super::{Repair, RepairError};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh, Point};

/// What was done about open edges.
#[derive(Default)]
pub(super) struct Filled {
    pub holes: Tally,
    /// Diameter of a disc of the area of the largest hole filled, in mm.
    pub largest: f64,
    /// What a smooth surface might bulge over the holes, in mm³.
    pub bulge: f64,
    pub sheets: Tally,
    /// Area of the sheets left out, in mm².
    pub sheet_area: f64,
}

/// Sides of a hole that are still filled: the work grows with the third power.
const MOST_SIDES: usize = 512;

/// A piece whose openings have more than this share of its own area is a sheet, not a body with a hole. A disc
/// and its opening are equal, a hemisphere's is half, that of a cube without lid a fifth; chosen between.
const SHEET: f64 = 0.4;

/// A hole with its filling.
struct Hole {
    /// Any of its vertices.
    vertex: u32,
    middle: DVec3,
    sides: usize,
    /// Triangles that close it, and their area; `None` for a hole of too many sides.
    filling: Option<(Vec<[u32; 3]>, f64)>,
    bulge: f64,
}

impl Hole {
    /// The diameter of a disc of the same area.
    fn diameter(&self) -> f64 {
        let area = self.filling.as_ref().map_or(f64::INFINITY, |(_, area)| *area);
        2.0 * (area / std::f64::consts::PI).sqrt()
    }
}

/// Closes a mesh whose fans each have their own vertex.
pub(super) fn close(mesh: &mut Mesh, how: &Repair, ctx: &Ctx) -> Result<Filled, RepairError> {
    let mut filled = Filled::default();
    let holes = holes(mesh, ctx)?;
    if holes.is_empty() {
        return Ok(filled);
    }
    let mut pieces = Sets::new(mesh.vertices.len());
    for &[a, b, c] in &mesh.triangles {
        pieces.join(a, b);
        pieces.join(a, c);
    }
    let piece_of: Vec<u32> = (0..mesh.vertices.len() as u32).map(|v| pieces.of(v)).collect();
    let (mut area, mut opening) = (vec![0.0; mesh.vertices.len()], vec![0.0; mesh.vertices.len()]);
    for &triangle in &mesh.triangles {
        let [a, b, c] = mesh.corners(triangle);
        area[piece_of[triangle[0] as usize] as usize] += (b - a).cross(c - a).length() * 0.5;
    }
    for hole in &holes {
        let size = hole.filling.as_ref().map_or(0.0, |(_, area)| *area);
        opening[piece_of[hole.vertex as usize] as usize] += size;
    }
    let is_sheet: Vec<bool> = opening.iter().zip(&area).map(|(open, own)| *open > SHEET * own).collect();
    let sheets: Vec<bool> =
        mesh.triangles.iter().map(|t| is_sheet[piece_of[t[0] as usize] as usize]).collect();
    if sheets.iter().all(|sheet| *sheet) {
        let near = Point::from_vec(holes[0].middle);
        return Err(RepairError::Sheet { holes: holes.len(), near });
    }
    let bodies = || holes.iter().filter(|hole| !is_sheet[piece_of[hole.vertex as usize] as usize]);
    // A hole of three sides is a missing facet: there is one way to close it, and its size does not matter.
    let too_large = |hole: &&Hole| hole.sides > 3 && hole.diameter() > how.largest_hole.max(0.0);
    if let Some(worst) = bodies().filter(too_large).max_by(|a, b| a.diameter().total_cmp(&b.diameter())) {
        return Err(RepairError::Hole {
            count: bodies().filter(too_large).count(),
            diameter: worst.diameter(),
            sides: worst.sides,
            limit: how.largest_hole,
            near: Point::from_vec(worst.middle),
        });
    }
    let mut added = Vec::new();
    for hole in bodies() {
        if let Some((triangles, _)) = &hole.filling {
            added.extend_from_slice(triangles);
        }
        filled.holes.add(hole.middle);
        filled.largest = filled.largest.max(hole.diameter());
        filled.bulge += hole.bulge;
    }
    let mut told = vec![false; mesh.vertices.len()];
    for (&triangle, _) in mesh.triangles.iter().zip(&sheets).filter(|(_, sheet)| **sheet) {
        let piece = piece_of[triangle[0] as usize] as usize;
        if !std::mem::replace(&mut told[piece], true) {
            filled.sheets.add(mesh.corners(triangle)[0]);
            filled.sheet_area += area[piece];
        }
    }
    let kept: Vec<bool> = sheets.iter().map(|sheet| !sheet).collect();
    keep(mesh, &kept);
    mesh.triangles.extend(added);
    compact(mesh);
    Ok(filled)
}

/// All holes, each with its filling.
fn holes(mesh: &Mesh, ctx: &Ctx) -> Result<Vec<Hole>, Cancelled> {
    let edges = Edges::of(&mesh.triangles, ctx)?;
    // Sides run along the surface, so each goes on where the one before ends; every vertex has one open fan.
    let mut next: Vec<(u32, u32, u32)> = edges
        .open()
        .map(|half| {
            let triangle = mesh.triangles[half.triangle as usize];
            let [a, b] = [half.side as usize, (half.side as usize + 1) % 3].map(|k| triangle[k]);
            (a, b, half.triangle)
        })
        .collect();
    next.sort_unstable();
    let mut seen = vec![false; next.len()];
    let mut holes = Vec::new();
    for start in 0..next.len() {
        let (mut ring, mut beside, mut at) = (Vec::new(), Vec::new(), start);
        while !seen[at] {
            seen[at] = true;
            ring.push(next[at].0);
            beside.push(next[at].2);
            match next.binary_search_by_key(&next[at].1, |side| side.0) {
                Ok(following) => at = following,
                Err(_) => break,
            }
        }
        if ring.len() >= 3 {
            ctx.check()?;
            holes.push(hole(mesh, &edges, &ring, &beside));
        }
    }
    Ok(holes)
}

fn hole(mesh: &Mesh, edges: &Edges, ring: &[u32], beside: &[u32]) -> Hole {
    let place = |v: u32| mesh.vertices[v as usize].vec();
    let middle = ring.iter().map(|&v| place(v)).sum::<DVec3>() / ring.len() as f64;
    let mut hole = Hole { vertex: ring[0], middle, sides: ring.len(), filling: None, bulge: 0.0 };
    if ring.len() > MOST_SIDES {
        return hole;
    }
    // The filling runs against the surface's own sides.
    let turned: Vec<u32> = ring.iter().rev().copied().collect();
    let places: Vec<DVec3> = turned.iter().map(|&v| place(v)).collect();
    let free = |a: usize, b: usize| edges.between(turned[a], turned[b]).is_empty();
    let Some(triangles) = least_area(&places, free) else {
        return hole;
    };
    let triangles: Vec<[u32; 3]> = triangles.into_iter().map(|t| t.map(|n| turned[n])).collect();
    let vectors = triangles.iter().map(|&t| {
        let [a, b, c] = mesh.corners(t);
        (b - a).cross(c - a) * 0.5
    });
    let (area, sum) = vectors.fold((0.0, DVec3::ZERO), |(area, sum), v| (area + v.length(), sum + v));
    if ring.len() > 3 {
        hole.bulge = bulge(mesh, beside, area, sum.normalize_or_zero());
    }
    hole.filling = Some((triangles, area));
    hole
}

/// What a smooth surface would bulge over a hole of this area: that of a paraboloid which leaves the hole's rim at
/// the slope that the triangles beside it have on average, 45° at most. Their middles lie further out than the rim,
/// so it is rather too much.
fn bulge(mesh: &Mesh, beside: &[u32], area: f64, up: DVec3) -> f64 {
    let slope = |&triangle: &u32| {
        let [a, b, c] = mesh.corners(mesh.triangles[triangle as usize]);
        let normal = (b - a).cross(c - a).normalize_or_zero();
        let (rise, run) = (normal.cross(up).length(), normal.dot(up));
        if run > rise { rise / run } else { 1.0 }
    };
    let slope = beside.iter().map(slope).sum::<f64>() / beside.len() as f64;
    // z = h (1 − r²/R²) has the slope 2h/R at the rim and the volume π R² h / 2.
    let radius = (area / std::f64::consts::PI).sqrt();
    area * slope * radius * 0.25
}

/// The triangles of least area over a closed ring; `None` when every way uses an edge that is taken.
fn least_area(places: &[DVec3], free: impl Fn(usize, usize) -> bool) -> Option<Vec<[usize; 3]>> {
    let n = places.len();
    // Of the ring from i to k: the least area, and the corner between that reaches it.
    let mut best = vec![(0.0, usize::MAX); n * n];
    for span in 2..n {
        for i in 0..n - span {
            let k = i + span;
            let mut least = (f64::INFINITY, usize::MAX);
            // The last span is closed by a side of the ring, not by a new edge.
            if span == n - 1 || free(i, k) {
                for m in i + 1..k {
                    let own = (places[m] - places[i]).cross(places[k] - places[i]).length() * 0.5;
                    let area = best[i * n + m].0 + best[m * n + k].0 + own;
                    if area < least.0 {
                        least = (area, m);
                    }
                }
            }
            best[i * n + k] = least;
        }
    }
    let mut triangles = Vec::with_capacity(n - 2);
    let mut todo = vec![(0, n - 1)];
    while let Some((i, k)) = todo.pop() {
        if k - i < 2 {
            continue;
        }
        let middle = best[i * n + k].1;
        if middle == usize::MAX {
            return None;
        }
        triangles.push([i, middle, k]);
        todo.extend([(i, middle), (middle, k)]);
    }
    Some(triangles)
}
