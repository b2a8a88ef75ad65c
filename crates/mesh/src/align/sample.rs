//! Places of a scan, and the surface they are held against.

use super::linear::Symmetric;
use crate::bvh::{Bvh, Feature, Nearest};
use glam::{DMat3, DVec3};
use osteon_core::{Mesh, Point};
use rayon::prelude::*;

/// Meshes with fewer vertices are looked at on their faces: a box has eight vertices and six large faces.
const FEW: usize = 5_000;

/// A place's area counts at most so many times the middle one.
///
/// Chosen: a scan is even within a factor of three; beyond it are the long triangles that close its holes.
const MOST_AREA: f64 = 4.0;

/// A place of a scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// In the scan's own coordinates, mm.
    pub at: DVec3,
    /// Where the scan faces there; zero if it does not tell.
    pub normal: DVec3,
    /// Its share of the area against the middle one.
    pub weight: f64,
}

/// At least `count` places of a scan if it has as many, spread over its area.
///
/// Vertices are what a scanner measured; places on faces are means of three, and hide its noise.
pub(crate) fn samples(scan: &Mesh, count: usize) -> Vec<Sample> {
    let mut all = if scan.vertices.len() < FEW { on_faces(scan, count) } else { on_vertices(scan, count) };
    let mut areas: Vec<f64> = all.iter().map(|sample| sample.weight).collect();
    let middle = median(&mut areas).max(f64::MIN_POSITIVE);
    for sample in &mut all {
        sample.weight = (sample.weight / middle).min(MOST_AREA);
    }
    all
}

fn on_vertices(scan: &Mesh, count: usize) -> Vec<Sample> {
    let normals = normals(scan);
    let used: Vec<usize> = (0..normals.len()).filter(|&v| normals[v] != DVec3::ZERO).collect();
    let count = count.min(used.len());
    (0..count)
        .map(|n| {
            // Jumping by the golden ratio keeps places apart in files whose vertices come in rows.
            let v = used[spread(n, used.len())];
            let normal = normals[v];
            Sample { at: scan.vertices[v].vec(), normal: normal.normalize_or_zero(), weight: normal.length() }
        })
        .collect()
}

/// The n-th of `len` places in an order in which any number of first ones is spread over all.
fn spread(n: usize, len: usize) -> usize {
    // 2⁶⁴ / golden ratio; for the first `len` numbers the places differ unless two fall together, which does no harm.
    let turned = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((u128::from(turned) * len as u128) >> 64) as usize
}

fn on_faces(scan: &Mesh, count: usize) -> Vec<Sample> {
    let areas: Vec<f64> = scan.triangles.iter().map(|&t| cross(scan, t).length()).collect();
    let step = areas.iter().sum::<f64>() / count as f64;
    let mut samples = Vec::with_capacity(count);
    if step <= 0.0 || step.is_nan() {
        return samples;
    }
    let (mut from, mut next) = (0.0, 0.5 * step);
    for (&triangle, area) in scan.triangles.iter().zip(areas) {
        while next < from + area {
            // The plastic number's sequence (Roberts 2018) spreads pairs evenly over a square, folded onto a triangle.
            let n = samples.len() as f64;
            let [mut u, mut v] =
                [0.754_877_666_246_692_7, 0.569_840_290_998_053_2].map(|g| (0.5 + g * n) % 1.0);
            if u + v > 1.0 {
                (u, v) = (1.0 - u, 1.0 - v);
            }
            let [a, b, c] = scan.corners(triangle);
            let at = a + (b - a) * u + (c - a) * v;
            samples.push(Sample { at, normal: cross(scan, triangle).normalize_or_zero(), weight: 1.0 });
            next += step;
        }
        from += area;
    }
    samples
}

fn cross(mesh: &Mesh, triangle: [u32; 3]) -> DVec3 {
    let [a, b, c] = mesh.corners(triangle);
    (b - a).cross(c - a)
}

/// For each vertex the sum of its triangles' normals, each as long as twice its area.
pub(crate) fn normals(mesh: &Mesh) -> Vec<DVec3> {
    let mut sums = vec![DVec3::ZERO; mesh.vertices.len()];
    for &triangle in &mesh.triangles {
        let normal = cross(mesh, triangle);
        if normal.is_finite() {
            for v in triangle {
                sums[v as usize] += normal;
            }
        }
    }
    sums
}

/// For each vertex the normals of its triangles weighted by their angles.
fn pseudonormals(mesh: &Mesh) -> Vec<DVec3> {
    let mut sums = vec![DVec3::ZERO; mesh.vertices.len()];
    for &triangle in &mesh.triangles {
        let corners = mesh.corners(triangle);
        let normal = cross(mesh, triangle).normalize_or_zero();
        for (n, v) in triangle.into_iter().enumerate() {
            let (p, q) = (corners[(n + 1) % 3] - corners[n], corners[(n + 2) % 3] - corners[n]);
            sums[v as usize] += normal * libm::atan2(p.cross(q).length(), p.dot(q));
        }
    }
    sums
}

/// The surface a scan is held against, ready to be asked often.
pub(crate) struct Plan<'a> {
    pub mesh: &'a Mesh,
    pub bvh: &'a Bvh,
    /// The middle of its box.
    pub middle: DVec3,
    /// Root of the mean squared distance of its vertices from the middle, mm: a lever for turns.
    pub lever: f64,
    /// The diagonal of its box, mm.
    pub diagonal: f64,
    faces: Vec<DVec3>,
}

/// Cells along each side of a box around the plan; the box is half as large again as the plan's.
///
/// Chosen: cells of 3 % of the plan are fine enough to bring a pose within a few degrees.
const CELLS: usize = 40;

/// For each cell of a box around the plan the plane of the surface nearest to its middle: quick, and roughly right.
pub(crate) struct Rough {
    low: DVec3,
    step: f64,
    cells: Vec<Option<(Held, DVec3)>>,
}

impl Rough {
    pub(crate) fn new(plan: &Plan<'_>) -> Self {
        let side = 1.5 * plan.mesh.bounds().size().max_element();
        let (low, step) = (plan.middle - 0.5 * side, side / CELLS as f64);
        let cells: Vec<Vec<Option<(Held, DVec3)>>> = (0..CELLS * CELLS)
            .into_par_iter()
            .map(|row| {
                let mut hint = u32::MAX;
                let one = |x: usize| {
                    let cell = DVec3::new(x as f64, (row % CELLS) as f64, (row / CELLS) as f64);
                    let middle = low + (cell + 0.5) * step;
                    let held = plan.held(middle, hint)?;
                    hint = held.triangle;
                    Some((held, middle))
                };
                (0..CELLS).map(one).collect()
            })
            .collect();
        Self { low, step, cells: cells.concat() }
    }

    /// About where a place lies; beyond the box, against the nearest cell.
    pub(crate) fn held(&self, place: DVec3) -> Option<Held> {
        let at = ((place - self.low) / self.step).clamp(DVec3::ZERO, DVec3::splat(CELLS as f64 - 1.0));
        let [x, y, z] = at.to_array().map(|c| c as usize);
        let (held, middle) = self.cells[(z * CELLS + y) * CELLS + x]?;
        Some(Held { distance: held.distance + held.normal.dot(place - middle), ..held })
    }
}

/// Where a place lies against the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Distance, positive outside, mm.
    pub distance: f64,
    /// The direction in which it grows.
    pub normal: DVec3,
    /// Where the plan faces at its nearest place.
    pub facing: DVec3,
    /// The triangle of the nearest place.
    pub triangle: u32,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(mesh: &'a Mesh, bvh: &'a Bvh) -> Self {
        let bounds = mesh.bounds();
        let middle = bounds.middle().vec();
        let squares: f64 = mesh.vertices.iter().map(|p| p.vec().distance_squared(middle)).sum();
        let lever = libm::sqrt(squares / mesh.vertices.len().max(1) as f64).max(f64::MIN_POSITIVE);
        Self { mesh, bvh, middle, lever, diagonal: bounds.size().length(), faces: pseudonormals(mesh) }
    }

    /// Where a place lies; `hint` is a triangle that may be near.
    pub(crate) fn held(&self, place: DVec3, hint: u32) -> Option<Held> {
        let near = self.bvh.nearest_from(self.mesh, Point::from_vec(place), hint)?;
        let facing = self.facing(&near);
        let from = place - near.place.vec();
        let side = if from.dot(facing) < 0.0 { -1.0 } else { 1.0 };
        // On a face both are the same; nearest to a side or corner the distance grows straight away from it.
        let away = from * side;
        // Within a millionth of a millimetre of it the direction is rounding.
        let normal =
            if near.feature == Feature::Face || near.distance < 1e-6 { facing } else { away / near.distance };
        Some(Held { distance: side * near.distance, normal, facing, triangle: near.triangle })
    }

    fn facing(&self, near: &Nearest) -> DVec3 {
        let triangle = self.mesh.triangles[near.triangle as usize];
        let corner = |c: u8| self.faces[triangle[usize::from(c % 3)] as usize];
        let sum = match near.feature {
            Feature::Face => cross(self.mesh, triangle),
            Feature::Edge(side) => corner(side).normalize_or_zero() + corner(side + 1).normalize_or_zero(),
            Feature::Corner(c) => corner(c),
        };
        sum.normalize_or_zero()
    }
}

/// A rigid motion that takes the scan to the plan, after a mirror if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Motion {
    pub rotation: DMat3,
    pub offset: DVec3,
}

impl Motion {
    pub(crate) fn place(&self, at: DVec3) -> DVec3 {
        self.rotation * at + self.offset
    }

    /// Turned further by a small rotation about `middle` and moved.
    pub(crate) fn nudged(&self, turn: DVec3, by: DVec3, middle: DVec3) -> Self {
        let angle = turn.length();
        let small = if angle > 0.0 {
            let axis = turn / angle;
            let (sin, cos) = libm::sincos(angle);
            let cross = DMat3::from_cols(
                DVec3::new(0.0, axis.z, -axis.y),
                DVec3::new(-axis.z, 0.0, axis.x),
                DVec3::new(axis.y, -axis.x, 0.0),
            );
            DMat3::IDENTITY + cross * sin + cross * cross * (1.0 - cos)
        } else {
            DMat3::IDENTITY
        };
        Self { rotation: small * self.rotation, offset: small * (self.offset - middle) + middle + by }
    }
}

/// The middle one of some numbers, which are put in order; 0 if there are none.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    if numbers.is_empty() {
        return 0.0;
    }
    let at = numbers.len() / 2;
    *numbers.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Normal equations of weighted residuals: matrix, gradient.
pub(crate) struct Normal {
    pub matrix: Symmetric,
    pub gradient: Vec<f64>,
}

/// Samples added up by one task; sums are taken in the order of tasks, whatever the number of threads.
pub(crate) const CHUNK: usize = 1024;

impl Normal {
    /// From rows of derivative, residual and weight.
    pub(crate) fn sum<R>(rows: usize, count: usize, row: R) -> Self
    where
        R: Fn(usize, &mut [f64]) -> Option<(f64, f64)> + Sync,
    {
        let parts: Vec<Self> = (0..count.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut part = Self { matrix: Symmetric::zero(rows), gradient: vec![0.0; rows] };
                let mut derivative = vec![0.0; rows];
                for n in chunk * CHUNK..((chunk + 1) * CHUNK).min(count) {
                    if let Some((residual, weight)) = row(n, &mut derivative) {
                        part.matrix.add(&derivative, weight);
                        for (sum, d) in part.gradient.iter_mut().zip(&derivative) {
                            *sum += weight * residual * d;
                        }
                    }
                }
                part
            })
            .collect();
        let mut all = Self { matrix: Symmetric::zero(rows), gradient: vec![0.0; rows] };
        for part in parts {
            all.matrix.plus(&part.matrix);
            for (sum, more) in all.gradient.iter_mut().zip(part.gradient) {
                *sum += more;
            }
        }
        all.matrix.mirror();
        all
    }
}
