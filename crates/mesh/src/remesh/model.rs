//! The given surface: its creases, and the places on either that vertices are put back to.

use super::net::{Hold, NONE, Net, area};
use super::steps::smallest;
use crate::bvh::{Bvh, triangle};
use glam::{DVec3, Vec3};
use osteon_core::{Cancelled, Ctx, Mesh, Point};
use rayon::prelude::*;

/// A crease that turns by more than this at a vertex (cosine of 60°) has a corner there. Chosen: a circle of
/// seven edges is still one crease, the outline of a hexagon has corners.
const CORNER: f64 = 0.5;

/// Creases that together are shorter than this many wanted edges are none. Chosen: three edges are the fewest
/// that show a bend; single sharp edges of a rough surface are not features of the part.
const SHORTEST: f64 = 3.0;

/// A vertex only goes to triangles that face its way (cosine of 73°): not to the other side of a thin wall, nor
/// around a crease.
const FACING: f64 = 0.3;

/// Farther than this (in wanted edges) a vertex is not drawn: it then stays. Chosen: a new edge sags by less.
const REACH: f64 = 1.0;

/// The given surface.
pub(super) struct Model<'a> {
    mesh: &'a Mesh,
    bvh: &'a Bvh,
    normals: Vec<Vec3>,
    /// Edges of the creases, each as a triangle whose last two corners are one.
    lines: Mesh,
    nearest_line: Bvh,
    /// The crease that each of the lines belongs to.
    crease: Vec<u32>,
    reach: f64,
}

impl<'a> Model<'a> {
    /// Finds the creases of a net, marks them there, and remembers where they are.
    pub(super) fn new(
        (mesh, bvh): (&'a Mesh, &'a Bvh),
        net: &mut Net,
        (cosine, edge): (f64, f64),
        ctx: &Ctx,
    ) -> Result<Self, Cancelled> {
        let normal = |&t: &[u32; 3]| area(mesh.corners(t)).normalize_or_zero();
        let normals: Vec<DVec3> = mesh.triangles.par_iter().map(normal).collect();
        let sharp = |h: u32| {
            let (n, m) = (normals[h as usize / 3], normals[net.across(h) as usize / 3]);
            // A triangle without area faces nowhere.
            n != DVec3::ZERO && m != DVec3::ZERO && n.dot(m) < cosine
        };
        let marks: Vec<u32> = (0..net.count()).map(|h| if sharp(h) { 0 } else { NONE }).collect();
        net.crease = marks;
        drop_short(net, SHORTEST * edge);
        hold(net);
        number(net);
        let (mut lines, mut crease) =
            (Mesh { vertices: mesh.vertices.clone(), triangles: Vec::new() }, Vec::new());
        for h in (0..net.count()).filter(|&h| net.is_crease(h) && h < net.across(h)) {
            lines.triangles.push([net.start(h), net.end(h), net.end(h)]);
            crease.push(net.crease[h as usize]);
        }
        let nearest_line = Bvh::new(&lines, ctx)?;
        let normals = normals.into_par_iter().map(|n| n.as_vec3()).collect();
        Ok(Self { mesh, bvh, normals, lines, nearest_line, crease, reach: REACH * edge })
    }

    /// The place of the surface nearest to `p` where it faces along the unit vector `facing`, and its triangle.
    /// `hint` is a triangle likely to be near.
    pub(super) fn on_surface(&self, p: DVec3, facing: DVec3, hint: u32) -> Option<(DVec3, u32)> {
        let along = facing.as_vec3();
        let accept = |t: u32| self.normals[t as usize].dot(along) > FACING as f32;
        let mut squared = self.reach * self.reach;
        if accept(hint) {
            let corners = self.mesh.corners(self.mesh.triangles[hint as usize]);
            squared = squared.min(triangle::nearest_on(p, corners).1);
        }
        let found = self.bvh.nearest_among(self.mesh, p, squared, accept)?;
        Some((found.place.vec(), found.triangle))
    }

    /// The place of a crease nearest to `p`.
    pub(super) fn on_crease(&self, p: DVec3, crease: u32) -> Option<DVec3> {
        let accept = |line: u32| self.crease[line as usize] == crease;
        let squared = self.reach * self.reach;
        Some(self.nearest_line.nearest_among(&self.lines, p, squared, accept)?.place.vec())
    }

    /// How far a triangle's middle is from the surface, along `facing`: positive where the surface is outside.
    pub(super) fn sag(&self, middle: DVec3, facing: DVec3, hint: u32) -> f64 {
        self.on_surface(middle, facing, hint).map_or(0.0, |(place, _)| (place - middle).dot(facing))
    }
}

/// The spokes of a vertex that are creases.
fn creases(net: &Net, v: u32) -> impl Iterator<Item = u32> + '_ {
    net.spokes(v).filter(|&h| net.is_crease(h))
}

/// Takes the marks off creases that hang together and are shorter than `least` in all.
fn drop_short(net: &mut Net, least: f64) {
    let mut seen = vec![false; net.spots.len()];
    for start in 0..net.spots.len() as u32 {
        if seen[start as usize] || creases(net, start).next().is_none() {
            continue;
        }
        seen[start as usize] = true;
        let (mut open, mut edges, mut twice) = (vec![start], Vec::new(), 0.0);
        while let Some(v) = open.pop() {
            for h in creases(net, v) {
                edges.push(h);
                twice += net.squared(h).sqrt();
                if !std::mem::replace(&mut seen[net.end(h) as usize], true) {
                    open.push(net.end(h));
                }
            }
        }
        if twice < 2.0 * least {
            edges.into_iter().for_each(|h| net.crease[h as usize] = NONE);
        }
    }
}

/// Gives creases up where triangles are too narrow or too small for them, unless they bend as much as machined
/// edges do: creases that run closer together than the wanted edge leave no room for better triangles.
pub(super) fn release(net: &mut Net, edge: f64) {
    let crowded: Vec<u32> = (0..net.count() / 3)
        .filter(|&t| {
            let corners = net.corners(t);
            let low = CROWDED * CROWDED * edge * edge;
            smallest(corners) > NARROW || (0..3).any(|side| net.squared(3 * t + side) < low)
        })
        .collect();
    let normal = |net: &Net, h: u32| area(net.corners(h / 3)).normalize_or_zero();
    for t in crowded {
        for v in [0, 1, 2].map(|i| net.start(3 * t + i)) {
            let spokes: Vec<u32> = creases(net, v).collect();
            for h in spokes {
                let back = net.across(h);
                if normal(net, h).dot(normal(net, back)) > MACHINED {
                    (net.crease[h as usize], net.crease[back as usize]) = (NONE, NONE);
                }
            }
        }
    }
    hold(net);
}

/// Edges shorter than this share of the wanted one are crowded: less than half of the length sought.
const CROWDED: f64 = 0.5;

/// Triangles with a smaller angle than 20° (its cosine) are narrow.
const NARROW: f64 = 0.94;

/// Creases that bend by more than 75° (its cosine) are never given up. Chosen: an isosurface shows a right angle as
/// two bends of some 45° side by side, a part made by machine as one of 90°.
const MACHINED: f64 = 0.26;

/// Says of every vertex what holds it.
fn hold(net: &mut Net) {
    for v in 0..net.spots.len() as u32 {
        let here: Vec<DVec3> =
            creases(net, v).map(|h| (net.place(net.end(h)) - net.place(v)).normalize_or_zero()).collect();
        net.spots[v as usize].hold = match here.as_slice() {
            [] => Hold::Surface,
            [a, b] if -a.dot(*b) > CORNER => Hold::Crease,
            _ => Hold::Corner,
        };
    }
}

/// Numbers the creases: what runs from corner to corner, or back into itself, is one.
fn number(net: &mut Net) {
    // Marks are 0 until a crease is numbered, from 1 on. Those that start at a corner come first.
    let mut count = 0;
    for round in [Hold::Corner, Hold::Crease] {
        for start in 0..net.count() {
            if net.crease[start as usize] != 0 || net.spots[net.start(start) as usize].hold != round {
                continue;
            }
            count += 1;
            let mut h = start;
            loop {
                let back = net.across(h);
                (net.crease[h as usize], net.crease[back as usize]) = (count, count);
                let end = net.end(h);
                if net.spots[end as usize].hold != Hold::Crease {
                    break;
                }
                match creases(net, end).find(|&s| net.crease[s as usize] == 0) {
                    Some(on) => h = on,
                    None => break,
                }
            }
        }
    }
}

/// A surface in double precision as points of the patient.
pub(super) fn mesh_of(net: &Net, low: DVec3) -> Mesh {
    let vertices = net.spots.iter().map(|spot| Point::from_vec(spot.place + low)).collect();
    Mesh { vertices, triangles: net.corner.as_chunks().0.to_vec() }
}
