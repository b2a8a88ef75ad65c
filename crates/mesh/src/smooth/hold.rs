//! What smoothing must not change: volumes, and which way triangles face.

use super::net::{CHUNK, Shift};
use glam::DVec3;
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Patient, Point};
use rayon::prelude::*;

/// Surfaces over the same vertices, and how far each vertex has moved.
pub(super) struct Moving<'a> {
    pub places: &'a [Point<Patient>],
    pub parts: &'a [&'a [[u32; 3]]],
    /// The vertices of each part, each once.
    pub members: &'a [Vec<u32>],
    pub shifts: Vec<Shift>,
    /// How far a vertex may move, in mm.
    pub bound: f32,
}

/// The share by which the volume of a surface may differ afterwards: 0.1 %, as [`super::Smoothed`] promises.
const MOST_CHANGE: f64 = 1e-3;

/// The share below which a volume counts as kept, so that no further correction is worth its time.
const KEPT: f64 = 1e-4;

/// Rounds of correcting volumes by moving surfaces in or out; each leaves about a tenth of the difference.
const CORRECTIONS: usize = 8;

/// Rounds in which displacements of folded triangles are halved before they are taken back altogether.
const HALVINGS: usize = 3;

/// A triangle that keeps less than this share of its area counts as collapsed.
const LEAST_AREA: f64 = 0.01;

impl Moving<'_> {
    /// Where a vertex is now.
    pub(super) fn place(&self, v: u32) -> DVec3 {
        self.places[v as usize].vec() + vector(self.shifts[v as usize])
    }

    /// Mends folds and corrects volumes; the shares by which volumes differ in the end.
    ///
    /// Where the bound leaves no room to correct the volume of a part, its displacements are scaled down.
    pub(super) fn settle(&mut self, ctx: &Ctx) -> Result<Vec<f64>, Cancelled> {
        let mut normals = vec![[0.0_f32; 4]; self.places.len()];
        for _ in 0..CORRECTIONS {
            let views = self.unfolded(ctx)?;
            let changes: Vec<f64> = views.iter().map(View::change).collect();
            if changes.iter().all(|change| change.abs() <= KEPT) {
                return Ok(changes);
            }
            for (part, view) in views.iter().enumerate().filter(|(_, view)| view.change().abs() > KEPT) {
                self.offset(part, view, &mut normals);
            }
        }
        loop {
            let changes: Vec<f64> = self.unfolded(ctx)?.iter().map(View::change).collect();
            let mut kept = true;
            for (part, _) in changes.iter().enumerate().filter(|(_, change)| change.abs() > MOST_CHANGE) {
                // Displacements of nothing change nothing, so this ends.
                kept = false;
                for &v in &self.members[part] {
                    self.shifts[v as usize] = self.shifts[v as usize].map(|s| s * 0.5);
                }
            }
            if kept {
                return Ok(changes);
            }
        }
    }

    /// Takes back displacements that turn a triangle over or collapse it; volumes of the parts after that.
    fn unfolded(&mut self, ctx: &Ctx) -> Result<Vec<View>, Cancelled> {
        let mut chunks: Vec<Vec<View>> = self.parts.iter().map(|part| self.views(part)).collect();
        for round in 0.. {
            ctx.check()?;
            let all = chunks.iter().flatten();
            let mut folded: Vec<u32> = all.flat_map(|view| view.folded.as_flattened()).copied().collect();
            if folded.is_empty() {
                break;
            }
            folded.sort_unstable();
            folded.dedup();
            let keep = if round < HALVINGS { 0.5 } else { 0.0 };
            for &v in &folded {
                let shift = &mut self.shifts[v as usize];
                *shift = shift.map(|s| s * keep);
            }
            // Only chunks in which a vertex may have moved look otherwise now.
            let this = &*self;
            for (part, chunks) in self.parts.iter().zip(&mut chunks) {
                let chunks = chunks.par_iter_mut().zip(part.par_chunks(CHUNK));
                chunks.filter(|(view, _)| view.spans_any(&folded)).for_each(|(view, triangles)| {
                    *view = this.view(triangles, view.origin);
                });
            }
        }
        Ok(chunks.iter().map(|chunks| View::sum(chunks)).collect())
    }

    /// Looks at all triangles of a part, chunk by chunk.
    fn views(&self, triangles: &[[u32; 3]]) -> Vec<View> {
        let origin = triangles.first().map_or(DVec3::ZERO, |t| self.places[t[0] as usize].vec());
        triangles.par_chunks(CHUNK).map(|chunk| self.view(chunk, origin)).collect()
    }

    fn view(&self, triangles: &[[u32; 3]], origin: DVec3) -> View {
        let mut view = View { origin, least: u32::MAX, ..View::default() };
        look(self.places, &self.shifts, triangles, &mut view);
        view
    }

    /// Moves a part along its normals by what its volume lacks over its area.
    ///
    /// `normals` is room for one vector a vertex; it is left as nulls, as it was.
    fn offset(&mut self, part: usize, view: &View, normals: &mut [Shift]) {
        add_normals(self.places, &self.shifts, self.parts[part], normals);
        let by = ((view.before - view.now) / view.area.max(f64::MIN_POSITIVE)) as f32;
        let length = |shift: &Shift| shift.iter().map(|s| s * s).sum::<f32>().sqrt();
        for &v in &self.members[part] {
            let normal = std::mem::take(&mut normals[v as usize]);
            let scale = by / length(&normal).max(f32::MIN_POSITIVE);
            let shift = &mut self.shifts[v as usize];
            *shift = std::array::from_fn(|i| shift[i] + normal[i] * scale);
            let far = length(shift);
            if far > self.bound {
                *shift = shift.map(|s| s * (self.bound / far));
            }
        }
    }
}

/// What a look at triangles shows.
#[derive(Default)]
struct View {
    /// From where volumes are measured.
    origin: DVec3,
    /// The least and the largest vertex.
    least: u32,
    most: u32,
    /// Volume as it was; six times as much in a chunk, in mm³.
    before: f64,
    /// Volume as it is; six times as much in a chunk.
    now: f64,
    /// Area as it is, in mm²; twice as much in a chunk.
    area: f64,
    /// Triangles that were turned over or collapsed.
    folded: Vec<[u32; 3]>,
}

impl View {
    /// By how much of itself the volume has changed.
    fn change(&self) -> f64 {
        self.now / self.before - 1.0
    }

    /// True if one of some vertices, in ascending order, lies between the least and the largest here.
    fn spans_any(&self, vertices: &[u32]) -> bool {
        let next = vertices.partition_point(|&v| v < self.least);
        vertices.get(next).is_some_and(|&v| v <= self.most)
    }

    /// Volumes and area of all chunks, added in order whatever the number of threads.
    fn sum(chunks: &[Self]) -> Self {
        let mut sum = Self::default();
        for view in chunks {
            sum.before += view.before / 6.0;
            sum.now += view.now / 6.0;
            sum.area += view.area / 2.0;
        }
        sum
    }
}

/// Triangles looked at together, one a lane of the loops below: a whole number of vectors.
const LANES: usize = 32;

/// A coordinate of each triangle.
type Lane = [f64; LANES];

/// Corners of some triangles: by corner and axis.
struct Corners([[Lane; 3]; 3]);

impl Corners {
    const NONE: Self = Self([[[0.0; LANES]; 3]; 3]);

    /// Twice the area times the normal of every triangle, in the order of [`DVec3::cross`].
    #[inline(always)]
    fn normals(&self, to: &mut [Lane; 3]) {
        let Self([a, b, c]) = self;
        for i in 0..LANES {
            let (px, py, pz) = (b[0][i] - a[0][i], b[1][i] - a[1][i], b[2][i] - a[2][i]);
            let (qx, qy, qz) = (c[0][i] - a[0][i], c[1][i] - a[1][i], c[2][i] - a[2][i]);
            to[0][i] = py * qz - qy * pz;
            to[1][i] = pz * qx - qz * px;
            to[2][i] = px * qy - qx * py;
        }
    }

    /// Six times the volume of the tetrahedra over the triangles: a corner times the normal.
    #[inline(always)]
    fn volumes(&self, normals: &[Lane; 3], origin: DVec3, to: &mut Lane) {
        let a = &self.0[0];
        for i in 0..LANES {
            let (x, y, z) = (a[0][i] - origin.x, a[1][i] - origin.y, a[2][i] - origin.z);
            to[i] = dot([x, y, z], [normals[0][i], normals[1][i], normals[2][i]]);
        }
    }

    /// Puts one corner of one triangle.
    #[inline(always)]
    fn put(&mut self, corner: usize, lane: usize, place: [f64; 3]) {
        let to = &mut self.0[corner];
        (to[0][lane], to[1][lane], to[2][lane]) = (place[0], place[1], place[2]);
    }
}

/// As [`DVec3::dot`].
#[inline(always)]
fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Where a vertex was, and where it is.
#[inline(always)]
fn places_of(places: &[Point<Patient>], shifts: &[Shift], v: u32) -> [[f64; 3]; 2] {
    let (old, shift) = (places[v as usize].vec(), shifts[v as usize]);
    let new = [old.x + f64::from(shift[0]), old.y + f64::from(shift[1]), old.z + f64::from(shift[2])];
    [[old.x, old.y, old.z], new]
}

/// Looks at the triangles of a chunk, adding one after the other.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn look(places: &[Point<Patient>], shifts: &[Shift], triangles: &[[u32; 3]], view: &mut View) {
    let (mut old, mut new) = (Corners::NONE, Corners::NONE);
    let [mut before, mut now] = [[[0.0; LANES]; 3]; 2];
    let [mut volumes_before, mut volumes_now, mut areas] = [[0.0; LANES]; 3];
    let mut folds = [false; LANES];
    for triangles in triangles.chunks(LANES) {
        for (lane, triangle) in triangles.iter().enumerate() {
            for (corner, &v) in triangle.iter().enumerate() {
                (view.least, view.most) = (view.least.min(v), view.most.max(v));
                let [was, is] = places_of(places, shifts, v);
                old.put(corner, lane, was);
                new.put(corner, lane, is);
            }
        }
        old.normals(&mut before);
        new.normals(&mut now);
        old.volumes(&before, view.origin, &mut volumes_before);
        new.volumes(&now, view.origin, &mut volumes_now);
        for i in 0..LANES {
            let (p, q) = ([before[0][i], before[1][i], before[2][i]], [now[0][i], now[1][i], now[2][i]]);
            let (long, short) = (dot(p, p), dot(q, q));
            areas[i] = short.sqrt();
            let lost = (dot(p, q) <= 0.0) | (short < LEAST_AREA * LEAST_AREA * long);
            folds[i] = (long > 0.0) & lost;
        }
        for (i, &triangle) in triangles.iter().enumerate() {
            view.before += volumes_before[i];
            view.now += volumes_now[i];
            view.area += areas[i];
            if folds[i] {
                view.folded.push(triangle);
            }
        }
    }
}

/// Adds the normal of every triangle to its corners, one triangle after the other.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn add_normals(places: &[Point<Patient>], shifts: &[Shift], triangles: &[[u32; 3]], to: &mut [Shift]) {
    let (mut new, mut now) = (Corners::NONE, [[0.0; LANES]; 3]);
    for triangles in triangles.chunks(LANES) {
        for (lane, triangle) in triangles.iter().enumerate() {
            for (corner, &v) in triangle.iter().enumerate() {
                new.put(corner, lane, places_of(places, shifts, v)[1]);
            }
        }
        new.normals(&mut now);
        for (i, triangle) in triangles.iter().enumerate() {
            let normal = [now[0][i] as f32, now[1][i] as f32, now[2][i] as f32, 0.0];
            for &v in triangle {
                for (sum, part) in to[v as usize].iter_mut().zip(&normal) {
                    *sum += part;
                }
            }
        }
    }
}

fn vector([x, y, z, _]: Shift) -> DVec3 {
    DVec3::new(f64::from(x), f64::from(y), f64::from(z))
}
