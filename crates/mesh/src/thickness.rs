//! How thick the walls of a solid are, and how wide its gaps, everywhere.
//!
//! The thickness at a place of the surface is the diameter of the largest ball that touches it there from inside
//! and holds nothing of the opposite wall (the shrinking ball of Ma, Bae and Choi, "3D medial axis point
//! approximation using nearest neighbors and the normal field", 2012). Opposite is what faces the other way by more
//! than 120°: so the sides of a box do not count as walls of its edges. Towards an edge sharper than 60° a wall gets
//! thinner; on the edge itself the triangles next to it do not count. It is
//! exact on plates, shells and balls (to 0.1 %). Gaps are the same from outside. A normal that is off by ε makes a
//! round body thinner by up to 0.58 ε of its thickness (1 % for a degree), for the ball then meets it beside its far end.

#[cfg(test)]
mod tests;

use crate::bvh::{Bvh, Ray};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Direction, Mesh, Patient, Point, Solid};
use rayon::prelude::*;

/// Two places are opposite if the cosine between their normals is below this: 120°. Chosen: a box's sides must not
/// count, nor what a bumpy surface has beside a place; the walls of a wedge must.
const OPPOSITE: f64 = -0.5;

/// A ball stops shrinking when nothing reaches deeper into it than this share of its radius: 2 µm of a wall of
/// 2 mm. Chosen: less would make round bodies slow, where everything is nearly as far from the middle. Dents next
/// to the place that are shallower than this share of the reach may be missed.
const SETTLED: f64 = 1e-3;

/// Most times a ball is shrunk; four or five are usual.
const ROUNDS: usize = 24;

/// A triangle is looked at in its middle too where the cosine between a corner's normal and its own is below this
/// (18°), as at the edges of bodies with few triangles. Elsewhere its corners tell the thickness of a plate to
/// within 2 / (1 + 0.95), or 2.6 % too much. Chosen: a surface of voxels is smoother than that nearly everywhere.
const BENT: f64 = 0.95;

/// Places looked at between two questions whether to stop.
const CHUNK: usize = 512;

/// Local thickness, or gap width, over a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Thickness {
    /// In mm at every vertex; infinite where there is nothing opposite within reach, NaN where nobody looked.
    pub per_vertex: Vec<f32>,
    /// The least in mm, at a vertex or in the middle of a triangle with sharp edges; infinite if there is none.
    pub least: f64,
    /// Where it is: a place on the surface.
    pub place: Option<Point<Patient>>,
}

impl Thickness {
    /// Share (0 to 1) of the vertices looked at that are below a limit in mm.
    pub fn share_below(&self, limit: f64) -> f64 {
        let below = self.per_vertex.iter().filter(|&&t| f64::from(t) < limit).count();
        below as f64 / self.looked_at().max(1) as f64
    }

    /// How many vertices were looked at.
    pub fn looked_at(&self) -> usize {
        self.per_vertex.iter().filter(|t| !t.is_nan()).count()
    }
}

/// Where to look for walls and gaps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survey {
    /// Walls and gaps up to this are measured, mm. The time grows with the reach, for a larger ball has more surface
    /// around it: ask for little more than the least wall that is asked for.
    pub reach: f64,
    /// Most vertices, and most triangles with sharp edges, to look at; they are spread evenly over the surface.
    pub most: usize,
}

impl Survey {
    /// All places, with this reach in mm.
    pub const fn all(reach: f64) -> Self {
        Self { reach, most: usize::MAX }
    }
}

/// Thickness of the walls of a solid.
///
/// # Errors
/// `ctx` was asked to stop.
pub fn walls(solid: &Solid, bvh: &Bvh, survey: &Survey, ctx: &Ctx) -> Result<Thickness, Cancelled> {
    measured(&Probe { mesh: solid.mesh(), bvh, reach: survey.reach, outward: -1.0 }, survey.most, ctx)
}

/// Width of the gaps between the surfaces of a solid.
///
/// # Errors
/// `ctx` was asked to stop.
pub fn gaps(solid: &Solid, bvh: &Bvh, survey: &Survey, ctx: &Ctx) -> Result<Thickness, Cancelled> {
    measured(&Probe { mesh: solid.mesh(), bvh, reach: survey.reach, outward: 1.0 }, survey.most, ctx)
}

fn measured(probe: &Probe, most: usize, ctx: &Ctx) -> Result<Thickness, Cancelled> {
    let mesh = probe.mesh;
    let normals = normals(mesh);
    let every = |count: usize| count.div_ceil(most.max(1)).max(1);
    let stride = every(mesh.vertices.len());
    let mut per_vertex = vec![f64::NAN; mesh.vertices.len()];
    per_vertex.par_chunks_mut(CHUNK).enumerate().try_for_each(|(chunk, values)| {
        ctx.check()?;
        for (n, value) in values.iter_mut().enumerate() {
            let v = chunk * CHUNK + n;
            if v.is_multiple_of(stride) {
                *value = probe.at(mesh.vertices[v].vec(), normals[v]);
            }
        }
        Ok(())
    })?;
    ctx.done(0.6)?;
    let stride = every(mesh.triangles.len());
    let middles = mesh.triangles.par_chunks(CHUNK).enumerate().map(|(chunk, triangles)| {
        ctx.check()?;
        let mut least: Option<(f64, DVec3)> = None;
        let first = (stride - chunk * CHUNK % stride) % stride;
        for &triangle in triangles.iter().skip(first).step_by(stride) {
            let [a, b, c] = mesh.corners(triangle);
            let normal = (b - a).cross(c - a).normalize_or_zero();
            if triangle.iter().all(|&v| normals[v as usize].dot(normal) >= BENT) {
                continue;
            }
            let place = (a + b + c) / 3.0;
            least = lesser(least, (probe.at(place, normal), place));
        }
        Ok(least)
    });
    let middles: Vec<Option<(f64, DVec3)>> = middles.collect::<Result<_, Cancelled>>()?;
    let at_vertices = per_vertex.iter().zip(&mesh.vertices).map(|(&value, place)| (value, place.vec()));
    let least = at_vertices.chain(middles.into_iter().flatten()).fold(None, lesser);
    ctx.done(1.0)?;
    Ok(Thickness {
        per_vertex: per_vertex.iter().map(|&value| value as f32).collect(),
        least: least.map_or(f64::INFINITY, |least| least.0),
        place: least.map(|least| Point::from_vec(least.1)),
    })
}

/// The lesser of two finite values with their places, the first of equals.
fn lesser(best: Option<(f64, DVec3)>, other: (f64, DVec3)) -> Option<(f64, DVec3)> {
    match best {
        Some(best) if best.0 <= other.0 => Some(best),
        _ if other.0.is_finite() => Some(other),
        best => best,
    }
}

/// The direction of the surface at every vertex: the sum over its triangles by area; null where they cancel.
fn normals(mesh: &Mesh) -> Vec<DVec3> {
    let mut sums = vec![DVec3::ZERO; mesh.vertices.len()];
    for &triangle in &mesh.triangles {
        let [a, b, c] = mesh.corners(triangle);
        let normal = (b - a).cross(c - a);
        for v in triangle {
            sums[v as usize] += normal;
        }
    }
    sums.par_iter_mut().for_each(|sum| *sum = sum.normalize_or_zero());
    sums
}

/// What balls are grown in.
struct Probe<'a> {
    mesh: &'a Mesh,
    bvh: &'a Bvh,
    reach: f64,
    /// Into which side: 1 outward, −1 inward.
    outward: f64,
}

impl Probe<'_> {
    /// The diameter of the ball at a place with a normal; infinite if it is larger than the reach.
    fn at(&self, place: DVec3, normal: DVec3) -> f64 {
        let Some(into) = Direction::new(normal * self.outward) else {
            return f64::INFINITY;
        };
        let corners = |triangle: u32| self.mesh.corners(self.mesh.triangles[triangle as usize]);
        // No ball is larger than the way straight to the other side. The triangles at the place itself do not count:
        // at a sharp edge they would leave no room for any ball.
        let ray = Ray { to: self.reach, ..Ray::new(Point::from_vec(place), into) };
        let across = self.bvh.first_hit_among(self.mesh, &ray, |hit| {
            hit.enters == (self.outward > 0.0) && !corners(hit.triangle).contains(&place)
        });
        let mut radius = 0.5 * across.map_or(self.reach, |hit| hit.distance);
        let mut bounded = across.is_some();
        for _ in 0..ROUNDS {
            let middle = place + into.vec() * radius;
            let within = radius * (1.0 - SETTLED);
            let opposite = |triangle: u32| {
                let [a, b, c] = corners(triangle);
                let other = (b - a).cross(c - a);
                let along = other.dot(normal);
                let faces = along < 0.0 && along * along > OPPOSITE * OPPOSITE * other.length_squared();
                faces && ![a, b, c].contains(&place)
            };
            let Some(near) = self.bvh.nearest_among(self.mesh, middle, within * within, opposite) else {
                break;
            };
            // The ball that touches here and passes through there.
            let way = near.place.vec() - place;
            let depth = way.dot(into.vec());
            if depth <= 0.0 {
                break;
            }
            radius = radius.min(way.length_squared() / (2.0 * depth));
            bounded = true;
        }
        if bounded { 2.0 * radius } else { f64::INFINITY }
    }
}
