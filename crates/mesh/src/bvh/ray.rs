//! Rays: the first triangle they meet, all of them, and how often a surface winds around a point.

use super::{Bvh, Extent, LANES, Node, above, below, greater, lesser, order};
use crate::predicate::{Flat, side};
use glam::DVec3;
use multiversion::multiversion;
use osteon_core::{Direction, Mesh, Patient, Point};
use std::cmp::Ordering;

/// A ray, or a stretch of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Where it starts.
    pub origin: Point<Patient>,
    /// Where it goes.
    pub direction: Direction<Patient>,
    /// Hits nearer to the origin than this do not count (mm).
    pub from: f64,
    /// Hits farther from the origin than this do not count (mm).
    pub to: f64,
}

impl Ray {
    /// The whole ray from its origin on.
    pub const fn new(origin: Point<Patient>, direction: Direction<Patient>) -> Self {
        Self { origin, direction, from: 0.0, to: f64::INFINITY }
    }

    /// The place at a distance along the ray, in mm.
    pub fn at(&self, distance: f64) -> Point<Patient> {
        self.origin + self.direction.times(distance)
    }
}

/// Where a ray meets a triangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Distance from the origin of the ray in mm.
    pub distance: f64,
    /// The triangle; the first of several met at the same distance.
    pub triangle: u32,
    /// True if the ray comes from the side the triangle faces: it enters what the surface bounds.
    pub enters: bool,
}

/// The origin of a ray is taken this much wider along every axis (mm), so that a ray within a side of a box
/// meets the box even when it runs along an axis.
const WIDER: f64 = 1e-6;

/// A direction's part of an axis counts as no less than this, so that its inverse stays in single precision.
const LEAST: f64 = 1e-20;

/// Relative rounding of a distance in single precision: three roundings of 2⁻²⁴, twice for safety.
const ROUNDING: f32 = 4e-7;

/// A ray prepared for boxes.
struct Slabs {
    low: [f32; 3],
    high: [f32; 3],
    inverse: [f32; 3],
    from: f32,
}

impl Slabs {
    fn new(ray: &Ray) -> Self {
        let origin = ray.origin.vec();
        let inverse = ray.direction.vec().to_array().map(|d| {
            let d = if d.abs() < LEAST { LEAST } else { d };
            (1.0 / d) as f32
        });
        Self {
            low: (origin - WIDER).to_array().map(below),
            high: (origin + WIDER).to_array().map(above),
            inverse,
            from: below(ray.from),
        }
    }

    /// Where the ray enters each box at the earliest; infinite if it misses it or is beyond `to`.
    #[inline(always)]
    fn enter(&self, node: &Node, to: f32) -> [f32; LANES] {
        let (mut enter, mut leave) = ([self.from; LANES], [to; LANES]);
        for axis in 0..3 {
            let inverse = self.inverse[axis];
            let forward = inverse > 0.0;
            let (near, far) = if forward { (&node.low, &node.high) } else { (&node.high, &node.low) };
            let (late, early) =
                if forward { (self.high[axis], self.low[axis]) } else { (self.low[axis], self.high[axis]) };
            for lane in 0..LANES {
                let first = (near[axis][lane] - late) * inverse;
                let last = (far[axis][lane] - early) * inverse;
                enter[lane] = greater(enter[lane], first - first.abs() * ROUNDING);
                leave[lane] = lesser(leave[lane], last + last.abs() * ROUNDING);
            }
        }
        for lane in 0..LANES {
            // For an empty lane both are not a number by now, and compare as missed.
            enter[lane] = if enter[lane] <= leave[lane] { enter[lane] } else { f32::INFINITY };
        }
        enter
    }
}

/// A ray prepared for triangles (Woop, Benthin and Wald, "Watertight ray/triangle intersection", 2013).
///
/// The two triangles at a side compute the same products for it, with opposite signs: no ray slips between them.
struct Shear {
    origin: DVec3,
    axes: [usize; 3],
    shear: DVec3,
}

impl Shear {
    fn new(ray: &Ray) -> Self {
        let d = ray.direction.vec();
        let size = d.abs();
        let along = if size.x >= size.y && size.x >= size.z {
            0
        } else if size.y >= size.z {
            1
        } else {
            2
        };
        let (mut across, mut up) = ((along + 1) % 3, (along + 2) % 3);
        if d[along] < 0.0 {
            std::mem::swap(&mut across, &mut up);
        }
        let shear = DVec3::new(d[across] / d[along], d[up] / d[along], 1.0 / d[along]);
        Self { origin: ray.origin.vec(), axes: [across, up, along], shear }
    }

    /// Distance along the ray and whether it comes from the front.
    #[inline]
    fn hit(&self, corners: [DVec3; 3]) -> Option<(f64, bool)> {
        let [across, up, along] = self.axes;
        let [a, b, c] = corners.map(|p| {
            let p = p - self.origin;
            DVec3::new(p[across] - self.shear.x * p[along], p[up] - self.shear.y * p[along], p[along])
        });
        let u = c.x * b.y - c.y * b.x;
        let v = a.x * c.y - a.y * c.x;
        let w = b.x * a.y - b.y * a.x;
        if (u < 0.0 || v < 0.0 || w < 0.0) && (u > 0.0 || v > 0.0 || w > 0.0) {
            return None;
        }
        let sum = u + v + w;
        if sum == 0.0 {
            return None;
        }
        Some(((u * a.z + v * b.z + w * c.z) * self.shear.z / sum, sum > 0.0))
    }
}

impl Bvh {
    /// The first triangle a ray meets.
    pub fn first_hit(&self, mesh: &Mesh, ray: &Ray) -> Option<Hit> {
        self.first_hit_among(mesh, ray, |_| true)
    }

    /// The first hit of a ray that is accepted.
    pub(crate) fn first_hit_among(
        &self,
        mesh: &Mesh,
        ray: &Ray,
        accept: impl Fn(&Hit) -> bool,
    ) -> Option<Hit> {
        first(self, mesh, ray, accept)
    }

    /// All triangles a ray meets, nearest first. A ray through a side or corner meets all triangles there.
    pub fn hits(&self, mesh: &Mesh, ray: &Ray) -> Vec<Hit> {
        let mut found = Vec::new();
        if self.nodes.is_empty() {
            return found;
        }
        let (slabs, shear, to) = (Slabs::new(ray), Shear::new(ray), above(ray.to));
        let mut open = vec![self.root as u32];
        while let Some(n) = open.pop() {
            let node = &self.nodes[n as usize];
            let enter = slabs.enter(node, to);
            for lane in (0..LANES).filter(|&lane| enter[lane] < f32::INFINITY) {
                if n as usize >= self.bundles {
                    open.push(node.child[lane]);
                    continue;
                }
                let triangle = node.child[lane];
                let corners = mesh.corners(mesh.triangles[triangle as usize]);
                if let Some((distance, enters)) = shear.hit(corners)
                    && distance >= ray.from
                    && distance <= ray.to
                {
                    found.push(Hit { distance, triangle, enters });
                }
            }
        }
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.triangle.cmp(&b.triangle)));
        found
    }

    /// How often the closed surfaces of a mesh wind around a point: 0 outside, 1 inside a body, 0 again in its
    /// cavities, 2 where two bodies overlap, negative within shells that are inside out.
    ///
    /// Exact, also when the ray that counts passes through corners and sides; a point on the surface counts as
    /// being on one side of it or the other. For an open surface the number means nothing.
    pub fn winding(&self, mesh: &Mesh, point: Point<Patient>) -> i32 {
        let mut sum = 0;
        self.each_crossing(mesh, point.vec(), |_, turn| sum += turn);
        sum
    }

    /// Visits the triangles that a ray from the point along +x passes, with 1 if it leaves there, −1 if it enters.
    ///
    /// The point is taken a little farther along x, far less along y and far less again along z, so that the ray
    /// never meets a corner or side and lies in no triangle: each comparison of equals below is decided so
    /// (Edelsbrunner and Mücke, "Simulation of simplicity", 1990).
    pub(crate) fn each_crossing(&self, mesh: &Mesh, point: DVec3, mut visit: impl FnMut(u32, i32)) {
        if !point.is_finite() {
            return;
        }
        let mut beam = Extent::of([point]);
        beam.high[0] = f32::INFINITY;
        let flat = Flat::dropping(0);
        self.each_meeting(&beam, |triangle| {
            let corners = mesh.corners(mesh.triangles[triangle as usize]);
            let mut turn = 0;
            for n in 0..3 {
                let (from, to) = (corners[n], corners[(n + 1) % 3]);
                if from.z <= point.z && to.z > point.z {
                    turn += i32::from(flat.turn(from, to, point) == Ordering::Greater);
                } else if to.z <= point.z && from.z > point.z {
                    turn -= i32::from(flat.turn(from, to, point) == Ordering::Less);
                }
            }
            let before = if turn > 0 { Ordering::Less } else { Ordering::Greater };
            if turn != 0 && side(corners[0], corners[1], corners[2], point) == before {
                visit(triangle, turn);
            }
        });
    }
}

// Eight lanes fill one AVX2 register; wider ones have nothing to add.
#[multiversion(targets("x86_64+avx2+bmi1+bmi2+lzcnt+popcnt", "aarch64+neon"))]
fn first<A: Fn(&Hit) -> bool>(bvh: &Bvh, mesh: &Mesh, ray: &Ray, accept: A) -> Option<Hit> {
    bvh.nodes.get(bvh.root)?;
    let (slabs, shear) = (Slabs::new(ray), Shear::new(ray));
    let mut best: Option<Hit> = None;
    let mut to = above(ray.to);
    let mut open = Vec::with_capacity(64);
    open.push((slabs.from, bvh.root as u32));
    let mut near = [(0.0, 0); LANES];
    while let Some((enter, n)) = open.pop() {
        if enter > to {
            continue;
        }
        let node = &bvh.nodes[n as usize];
        let count = order(&slabs.enter(node, to), &node.child, f32::MAX, &mut near);
        if n as usize >= bvh.bundles {
            open.extend(near[..count].iter().rev());
            continue;
        }
        for &(enter, triangle) in &near[..count] {
            if enter > to {
                break;
            }
            let corners = mesh.corners(mesh.triangles[triangle as usize]);
            let Some((distance, enters)) = shear.hit(corners) else { continue };
            let nearer =
                best.is_none_or(|b| distance < b.distance || distance == b.distance && triangle < b.triangle);
            let hit = Hit { distance, triangle, enters };
            if nearer && distance >= ray.from && distance <= ray.to && accept(&hit) {
                best = Some(hit);
                to = lesser(to, above(distance + distance.abs() * 1e-6));
            }
        }
    }
    best
}
