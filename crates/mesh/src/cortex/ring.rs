//! The vertices about a vertex, its normal, and how the surface bends there.

use glam::DVec3;
use osteon_core::Mesh;
use rayon::prelude::*;

/// The neighbours of every vertex of a closed surface, in the order of its triangles.
pub(crate) struct Rings {
    starts: Vec<u32>,
    neighbours: Vec<u32>,
}

impl Rings {
    /// The rings of a closed manifold: each directed edge occurs once, so each neighbour is listed once.
    pub(crate) fn new(mesh: &Mesh) -> Self {
        let mut starts = vec![0_u32; mesh.vertices.len() + 1];
        for &v in mesh.triangles.as_flattened() {
            starts[v as usize + 1] += 1;
        }
        for v in 1..starts.len() {
            starts[v] += starts[v - 1];
        }
        let mut next = starts.clone();
        let mut neighbours = vec![0; mesh.triangles.len() * 3];
        for &[a, b, c] in &mesh.triangles {
            for (from, to) in [(a, b), (b, c), (c, a)] {
                let slot = &mut next[from as usize];
                neighbours[*slot as usize] = to;
                *slot += 1;
            }
        }
        Self { starts, neighbours }
    }

    /// The neighbours of a vertex.
    pub(crate) fn at(&self, vertex: usize) -> &[u32] {
        &self.neighbours[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }
}

/// Rounds in which a normal is averaged with those of its neighbours: on a grid they then come from about three
/// voxels around, and the steps of marching cubes are gone.
const ROUNDS: usize = 3;

/// Outward unit normals of the vertices, by area.
pub(crate) fn plain_normals(mesh: &Mesh) -> Vec<DVec3> {
    let mut sums = vec![DVec3::ZERO; mesh.vertices.len()];
    for &triangle in &mesh.triangles {
        let [a, b, c] = mesh.corners(triangle);
        let twice = (b - a).cross(c - a);
        for v in triangle {
            sums[v as usize] += twice;
        }
    }
    sums.into_par_iter().map(|n| n.try_normalize().unwrap_or(DVec3::Z)).collect()
}

/// Outward unit normals of the vertices, by area and smoothed.
pub(crate) fn normals(mesh: &Mesh, rings: &Rings) -> Vec<DVec3> {
    let mut own = plain_normals(mesh);
    for _ in 0..ROUNDS {
        own = (0..own.len())
            .into_par_iter()
            .map(|v| {
                let sum = rings.at(v).iter().fold(own[v], |sum, &w| sum + own[w as usize]);
                sum.try_normalize().unwrap_or(own[v])
            })
            .collect();
    }
    own
}

/// How a surface bends at a vertex: along two directions in its tangent plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bend {
    /// The tangent directions.
    pub axes: [DVec3; 2],
    /// Curvature in 1/mm, positive where the surface is convex: `[along the first, along the second, mixed]`.
    pub curvature: [f64; 3],
}

/// No curvature above this in 1/mm: the radius of the smallest ball that is more than a few voxels.
const SHARPEST: f64 = 0.7;

/// The bend by the change of the normals to the neighbours and theirs.
pub(crate) fn bend(mesh: &Mesh, rings: &Rings, normals: &[DVec3], vertex: usize) -> Bend {
    let normal = normals[vertex];
    let first = normal.any_orthonormal_vector();
    let axes = [first, normal.cross(first)];
    let place = mesh.vertices[vertex].vec();
    // Least squares for K in Δn = K Δx, of a symmetric K.
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    let (mut bxx, mut bxy, mut byy) = (0.0, 0.0, 0.0);
    let mut add = |w: usize| {
        let (step, turn) = (mesh.vertices[w].vec() - place, normals[w] - normal);
        let [x, y] = axes.map(|a| step.dot(a));
        let [u, v] = axes.map(|a| turn.dot(a));
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
        (bxx, bxy, byy) = (bxx + u * x, bxy + 0.5 * (u * y + v * x), byy + v * y);
    };
    for &w in rings.at(vertex) {
        add(w as usize);
        for &far in rings.at(w as usize) {
            add(far as usize);
        }
    }
    // Of an even ring xy vanishes and each curvature is its own quotient; what is uneven is shared.
    let least = 1e-9;
    let mean = 0.5 * (xx + yy) + least;
    let both = |a: f64| a.clamp(-SHARPEST, SHARPEST);
    let skew = xy / mean;
    let mixed = bxy / mean;
    let curvature = [
        both((bxx - skew * bxy) / (xx - skew * xy + least)),
        both((byy - skew * bxy) / (yy - skew * xy + least)),
        both(mixed - skew * 0.5 * (bxx + byy) / mean),
    ];
    Bend { axes, curvature }
}

impl Bend {
    /// How sharply the surface bends, 1/mm: the root mean square of its curvatures.
    pub(crate) fn amount(&self) -> f64 {
        let [a, b, c] = self.curvature;
        (0.5 * (a * a + b * b) + c * c).sqrt()
    }
}
