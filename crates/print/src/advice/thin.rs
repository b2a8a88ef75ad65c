//! How much of a surface has walls that are too thin, and where most of it lies together.
//!
//! The least wall of a mesh says little: one sliver of a triangle decides it. Here points that each stand for the
//! same area look straight through to the other side, so that what is thin is an area, and small faults of a mesh
//! are as small as they are. It does not matter how large the triangles are.

use crate::orient::samples;
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Direction, Point, Solid};
use osteon_mesh::bvh::{Bvh, Ray};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Least points on the surface. Chosen: one for every 0.8 mm² of a vertebra.
const LEAST: usize = 20_000;

/// Area that a point stands for at the most, mm². Chosen: a tenth of [`PATCH`].
const COARSEST: f64 = 2.0;

/// Most points, whatever the area. Chosen: two square metres of surface, and a second of a processor.
const MOST: usize = 1_000_000;

/// Thin walls that lie together speak against a way of printing beyond this area, both sides counted, mm².
///
/// Chosen: a hole 3.6 mm wide, if that wall is missing in the print.
pub const PATCH: f64 = 20.0;

/// Thin walls speak against it beyond this share of the surface, wherever they lie, 0 to 1.
///
/// Chosen: four times the most that whole bones had in thin places of voxels and of decimation (0.23 % of 34 bones,
/// 2026-11-20; the 35th, of 2.5 %, is thin in earnest).
pub const SHARE: f64 = 0.01;

/// The other side of a wall faces away from this one by more than 120°, as for
/// [`walls`](osteon_mesh::thickness::walls): the sides of a box are no walls of its edges.
const OPPOSITE: f64 = -0.5;

/// The way that a ray goes before anything counts, mm: on the triangle it starts from nothing does.
///
/// Chosen: thirty times what a single-precision file rounds 1000 mm by, and no wall at all.
const GRAZE: f64 = 1e-3;

/// Thin points nearer to each other than this many edges of the squares they stand for, or limits, lie together.
///
/// Chosen: in an even scatter a circle of this radius holds 12 points; none of a patch is left alone, and both sides
/// of a wall are one place.
const TOGETHER: f64 = 2.0;

/// The walls of a solid as far as they are thin.
#[derive(Clone, Debug, PartialEq)]
pub struct Walls {
    /// Area that a point stands for, mm².
    each: f64,
    /// Number of all points.
    looked_at: usize,
    /// Points with a wall within reach, and how thick it is, mm.
    thin: Vec<(DVec3, f64)>,
}

/// What lies below a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thin {
    /// The limit, mm.
    pub limit_mm: f64,
    /// Its share of the surface, 0 to 1; both sides of a wall count.
    pub share: f64,
    /// Its area, mm².
    pub area_mm2: f64,
    /// The area of the largest part that lies together, mm².
    pub patch_mm2: f64,
    /// The median thickness of the wall there, mm; none where nothing is thin.
    pub wall_mm: Option<f64>,
    /// A place on the surface of that part near its middle, in the patient, LPS mm.
    pub place: Option<[f64; 3]>,
}

impl Thin {
    /// Whether there is so much of it that it would be missed in the print: beyond [`PATCH`] or [`SHARE`].
    pub fn matters(&self) -> bool {
        self.patch_mm2 > PATCH || self.share > SHARE
    }
}

impl Walls {
    /// Walls of which everything is known.
    #[cfg(test)]
    pub(super) const fn of(each: f64, looked_at: usize, thin: Vec<(DVec3, f64)>) -> Self {
        Self { each, looked_at, thin }
    }

    /// Looks for walls up to `reach` mm.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn new(solid: &Solid, bvh: &Bvh, reach: f64, ctx: &Ctx) -> Result<Self, Cancelled> {
        let mesh = solid.mesh();
        let points = ((mesh.area() / COARSEST) as usize).clamp(LEAST, MOST);
        let (samples, each) = samples(mesh, &[], points);
        let across = |number: usize| {
            if number.is_multiple_of(CHUNK) {
                ctx.check()?;
            }
            let sample = &samples[number];
            let Some(inward) = Direction::new(-sample.normal) else {
                return Ok(None);
            };
            let ray = Ray { from: GRAZE, to: reach, ..Ray::new(Point::from_vec(sample.place), inward) };
            let other = |hit: &osteon_mesh::bvh::Hit| {
                let [a, b, c] = mesh.corners(mesh.triangles[hit.triangle as usize]);
                (b - a).cross(c - a).normalize_or_zero()
            };
            let found = bvh.first_hit(mesh, &ray);
            let wall = found.filter(|hit| !hit.enters && other(hit).dot(sample.normal) < OPPOSITE);
            Ok(wall.map(|hit| (sample.place, hit.distance)))
        };
        let found: Vec<Option<(DVec3, f64)>> =
            (0..samples.len()).into_par_iter().map(across).collect::<Result<_, Cancelled>>()?;
        ctx.done(1.0)?;
        Ok(Self { each, looked_at: samples.len(), thin: found.into_iter().flatten().collect() })
    }

    /// What lies below a limit, mm; the limit must be within the reach that was looked for.
    pub fn below(&self, limit: f64) -> Thin {
        let thin: Vec<(DVec3, f64)> = self.thin.iter().copied().filter(|(_, wall)| *wall < limit).collect();
        let patch = largest(&thin, TOGETHER * self.each.sqrt().max(limit));
        let middle = patch.iter().map(|&n| thin[n].0).sum::<DVec3>() / patch.len().max(1) as f64;
        let from_middle = |n: usize| thin[n].0.distance_squared(middle);
        let nearest = patch.iter().copied().min_by(|&a, &b| from_middle(a).total_cmp(&from_middle(b)));
        let mut walls: Vec<f64> = patch.iter().map(|&n| thin[n].1).collect();
        walls.sort_by(f64::total_cmp);
        Thin {
            limit_mm: limit,
            share: thin.len() as f64 / self.looked_at.max(1) as f64,
            area_mm2: thin.len() as f64 * self.each,
            patch_mm2: patch.len() as f64 * self.each,
            wall_mm: walls.get(walls.len() / 2).copied(),
            place: nearest.map(|n| thin[n].0.to_array()),
        }
    }
}

/// Points between two questions whether to stop.
const CHUNK: usize = 512;

/// The points of the largest group in which each is nearer than `near` to another; the first of equals.
fn largest(points: &[(DVec3, f64)], near: f64) -> Vec<usize> {
    let cell = |place: DVec3| (place / near).floor().to_array().map(|edge| edge as i64);
    let mut cells: BTreeMap<[i64; 3], Vec<usize>> = BTreeMap::new();
    for (n, (place, _)) in points.iter().enumerate() {
        cells.entry(cell(*place)).or_default().push(n);
    }
    let mut seen = vec![false; points.len()];
    let mut best = Vec::new();
    for start in 0..points.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let (mut group, mut done) = (vec![start], 0);
        while let Some(&point) = group.get(done) {
            done += 1;
            let [x, y, z] = cell(points[point].0);
            for beside in (0..27).map(|n| [x + n % 3 - 1, y + n / 3 % 3 - 1, z + n / 9 - 1]) {
                for &other in cells.get(&beside).into_iter().flatten() {
                    if !seen[other] && points[other].0.distance_squared(points[point].0) < near * near {
                        seen[other] = true;
                        group.push(other);
                    }
                }
            }
        }
        if group.len() > best.len() {
            best = group;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::ball;
    use osteon_core::Mesh;
    use osteon_mesh::thickness::{self, Survey};

    fn found(solid: &Solid) -> Walls {
        let bvh = Bvh::new(solid.mesh(), &Ctx::default()).unwrap();
        Walls::new(solid, &bvh, 2.0, &Ctx::default()).unwrap()
    }

    /// A box of twelve triangles.
    fn plate(size: DVec3) -> Solid {
        let vertices = (0..8).map(|n| {
            let corner = DVec3::new(f64::from(n & 1), f64::from(n >> 1 & 1), f64::from(n >> 2));
            Point::from_vec(corner * size)
        });
        let sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let triangles = sides.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]);
        Solid::new(Mesh { vertices: vertices.collect(), triangles: triangles.collect() }).unwrap()
    }

    #[test]
    fn a_thin_plate_of_twelve_triangles_is_thin_all_over_and_in_one_piece() {
        let walls = found(&plate(DVec3::new(30.0, 20.0, 0.5)));
        let thin = walls.below(0.9);
        // The two faces, 1200 mm² of 1250 mm²; the narrow sides look 20 and 30 mm far.
        assert!((thin.share - 0.96).abs() < 0.001, "{thin:?}");
        assert!((thin.patch_mm2 - 1200.0).abs() < 2.0 && (thin.area_mm2 - thin.patch_mm2).abs() < 1e-9);
        assert!((thin.wall_mm.unwrap() - 0.5).abs() < 1e-9 && thin.matters());
        let [x, y, _] = thin.place.unwrap();
        assert!((x - 15.0).abs() < 1.0 && (y - 10.0).abs() < 1.0, "{thin:?}");
        let none = walls.below(0.4);
        assert!(none.area_mm2 == 0.0 && none.place.is_none() && !none.matters());
    }

    #[test]
    fn a_needle_of_a_dent_is_no_thin_wall_though_the_least_wall_is_nothing() {
        let round = ball(DVec3::ZERO, 10.0).into_mesh();
        let mut mesh = round;
        mesh.vertices[0] = Point::from_vec(mesh.vertices[0].vec() * -0.99);
        let solid = Solid::new(mesh).unwrap();
        let bvh = Bvh::new(solid.mesh(), &Ctx::default()).unwrap();
        let least = thickness::walls(&solid, &bvh, &Survey::all(2.0), &Ctx::default()).unwrap().least;
        let thin = found(&solid).below(0.9);
        assert!(least < 0.2, "{least}");
        assert!(!thin.matters(), "{thin:?}");
    }

    #[test]
    fn the_larger_of_two_thin_places_is_told() {
        let small = plate(DVec3::new(10.0, 10.0, 0.5)).into_mesh();
        let mut both = plate(DVec3::new(20.0, 20.0, 0.5)).into_mesh();
        let first = both.vertices.len() as u32;
        both.vertices.extend(small.vertices.iter().map(|p| Point::from_vec(p.vec() + DVec3::X * 50.0)));
        both.triangles.extend(small.triangles.iter().map(|t| t.map(|corner| corner + first)));
        let thin = found(&Solid::new(both).unwrap()).below(0.9);
        assert!((thin.area_mm2 - 1000.0).abs() < 2.0 && (thin.patch_mm2 - 800.0).abs() < 2.0, "{thin:?}");
        assert!(thin.place.unwrap()[0] < 20.0);
    }
}
