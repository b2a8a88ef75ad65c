//! Moving vertices without roughening the surface or turning a triangle over.

use super::ring::Rings;
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh};
use rayon::prelude::*;

/// Rounds in which edges are evened out with those of the neighbours; every vertex then hears of one that was asked.
const ROUNDS: usize = 2;

/// What is known of the edge at a vertex.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// How far out along its normal the edge lies, mm.
    pub shift: f64,
    /// How much that counts; 0 where nothing is known.
    pub weight: f64,
    /// Standard deviation of a single fit there, mm.
    pub deviation: f64,
    /// How far the fits about it differ from each other, mm.
    pub scatter: f64,
    /// Share of those that are on a wall too thin to be resolved.
    pub unresolved: f64,
}

impl Heard {
    /// The share of the shift that is believed, of an edge that was `likely` mm (standard deviation) off beforehand: the
    /// weight of a measurement against that, its variance being that of the fit and of the fits about it.
    pub(super) fn trust(&self, likely: f64) -> f64 {
        let before = likely * likely;
        before / (before + self.deviation * self.deviation + self.scatter * self.scatter)
    }
}

/// Evens the edges out: each vertex takes the mean of its own edge and of what its neighbours' say of it.
///
/// A neighbour's edge is a small piece of surface; carried on to the vertex, bent as the normals turn, it says where
/// the edge should be there. So what is evened is the surface, not the way to it, and it does not shrink.
pub(super) fn even(
    mesh: &Mesh,
    rings: &Rings,
    normals: &[DVec3],
    mut heard: Vec<Heard>,
    ctx: &Ctx,
) -> Result<Vec<Heard>, Cancelled> {
    for _ in 0..ROUNDS {
        ctx.check()?;
        heard = (0..heard.len())
            .into_par_iter()
            .map(|v| {
                let ring = rings.at(v);
                let (place, normal) = (mesh.vertices[v].vec(), normals[v]);
                let share = 1.0 / ring.len() as f64;
                let mut all = Mean::default();
                let own = heard[v];
                if own.weight > 0.0 {
                    all.add(own.weight, own.shift, &own);
                }
                for &w in ring {
                    let (w, other) = (w as usize, heard[w as usize]);
                    if other.weight > 0.0 {
                        let step = mesh.vertices[w].vec() - place;
                        let here = (step + normals[w] * other.shift).dot(normal)
                            + 0.5 * (normals[w] - normal).dot(step);
                        all.add(share * other.weight, here, &other);
                    }
                }
                all.heard(own.weight)
            })
            .collect();
    }
    Ok(heard)
}

/// A weighted mean of what is heard.
#[derive(Default)]
struct Mean {
    weight: f64,
    shift: f64,
    square: f64,
    deviation: f64,
    scatter: f64,
    unresolved: f64,
}

impl Mean {
    fn add(&mut self, weight: f64, shift: f64, other: &Heard) {
        self.weight += weight;
        self.shift += weight * shift;
        self.square += weight * shift * shift;
        self.deviation += weight * other.deviation;
        self.scatter += weight * other.scatter * other.scatter;
        self.unresolved += weight * other.unresolved;
    }

    fn heard(self, own: f64) -> Heard {
        if self.weight <= 0.0 {
            return Heard::default();
        }
        let per = 1.0 / self.weight;
        let shift = self.shift * per;
        let spread = (self.square * per - shift * shift).max(0.0) + self.scatter * per;
        Heard {
            shift,
            weight: own.max(0.5 * self.weight),
            deviation: self.deviation * per,
            scatter: spread.sqrt(),
            unresolved: self.unresolved * per,
        }
    }
}

/// Rounds after which what still turns a triangle over stays where it was.
const PATIENCE: usize = 12;

/// Least cosine between a triangle's normal before and after.
const LEAST_COSINE: f64 = 0.2;

/// Moves the vertices; where a triangle would turn over, its corners move alike, and at last not at all.
pub(super) fn shift(mesh: &Mesh, mut by: Vec<DVec3>, ctx: &Ctx) -> Result<Mesh, Cancelled> {
    let turns = |by: &[DVec3], triangle: [u32; 3]| {
        let [a, b, c] = mesh.corners(triangle);
        let [u, v, w] = triangle.map(|v| by[v as usize]);
        let before = (b - a).cross(c - a);
        let after = (b + v - a - u).cross(c + w - a - u);
        before.dot(after) < LEAST_COSINE * before.length() * after.length()
            || after.length_squared() < 1e-12 * before.length_squared()
    };
    for round in 0.. {
        ctx.check()?;
        let all = mesh.triangles.par_iter();
        let wrong: Vec<[u32; 3]> = all.filter(|&&triangle| turns(&by, triangle)).copied().collect();
        if wrong.is_empty() {
            break;
        }
        for triangle in wrong {
            let mean = triangle.iter().fold(DVec3::ZERO, |sum, &v| sum + by[v as usize]) / 3.0;
            for v in triangle {
                by[v as usize] = if round < PATIENCE { mean } else { DVec3::ZERO };
            }
        }
    }
    let mut moved = mesh.clone();
    for (vertex, by) in moved.vertices.iter_mut().zip(&by) {
        *vertex = osteon_core::Point::from_vec(vertex.vec() + *by);
    }
    Ok(moved)
}
