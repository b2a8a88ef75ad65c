//! Which shells lie within which, and which way they should face.
//!
//! For a place on every shell the winding number of every other one is counted exactly, along a ray to the
//! patient's left: the ray is thought of as moved by an infinitely small step, so that it meets no edge and no
//! vertex (Edelsbrunner and Mücke, *Simulation of simplicity*, 1990).

use super::RepairError;
use super::edges::{Sets, compact, keep};
use super::tidy::Tally;
use glam::DVec3;
use osteon_core::{Aabb, Cancelled, Ctx, Mesh, Patient};
use rayon::prelude::*;
use robust::{Coord, Coord3D, orient2d, orient3d};
use std::collections::BTreeMap;

/// What was found out about shells.
#[derive(Default)]
pub(super) struct Faced {
    /// Shells that faced the wrong way and were turned.
    pub turned: Tally,
    /// Volume of the turned shells, in mm³.
    pub turned_volume: f64,
    /// True when nothing faced outward before.
    pub all: bool,
    /// Shells that face outward within another that does.
    pub nested: Tally,
    /// Their volume, in mm³.
    pub nested_volume: f64,
}

struct Shell {
    volume: f64,
    area: f64,
    bounds: Aabb<Patient>,
    /// Its first triangle.
    first: usize,
}

/// A shell whose volume is less than this share of what a ball of its area has encloses nothing: two sheets
/// against each other, with rounding.
const NOTHING: f64 = 1e-9;

impl Shell {
    fn is_empty(&self) -> bool {
        // 6 √π: the 1.5th power of a ball's area over its volume.
        self.volume.abs() * 10.634_7 <= NOTHING * libm::pow(self.area, 1.5)
    }
}

/// Leaves out shells that enclose nothing, unless there are no others.
pub(super) fn drop_empty(mesh: &mut Mesh, ctx: &Ctx) -> Result<Tally, RepairError> {
    let (number, shells) = shells(mesh, ctx)?;
    let mut dropped = Tally::default();
    for shell in shells.iter().filter(|shell| shell.is_empty()) {
        dropped.add(shell.bounds.middle().vec());
    }
    if dropped.count == shells.len() {
        return Err(RepairError::Flat);
    }
    if dropped.count > 0 {
        let kept: Vec<bool> = number.iter().map(|&n| !shells[n as usize].is_empty()).collect();
        keep(mesh, &kept);
        compact(mesh);
    }
    Ok(dropped)
}

/// Turns shells so that matter is inside: outermost ones outward, the walls of cavities inward. Shells that face
/// outward within matter are only told.
pub(super) fn face(mesh: &mut Mesh, ctx: &Ctx) -> Result<Faced, Cancelled> {
    let mut faced = Faced::default();
    let (number, shells) = shells(mesh, ctx)?;
    let around = containers(mesh, &number, &shells, ctx)?;
    let mut order: Vec<usize> = (0..shells.len()).collect();
    order.sort_by_key(|&n| (around[n].len(), n));
    let mut turn = vec![false; shells.len()];
    let outermost = || order.iter().filter(|&&n| around[n].is_empty());
    faced.all = outermost().all(|&n| shells[n].volume < 0.0);
    // Which way a shell without volume faces is rounding.
    for &n in order.iter().filter(|&&n| !shells[n].is_empty()) {
        let outward = shells[n].volume > 0.0;
        turn[n] = match around[n].first() {
            None => !outward,
            // Within a shell that was wrong, matter and cavity take turns, whatever the file says.
            Some(&outermost) if turn[outermost as usize] => outward == (around[n].len() % 2 == 1),
            Some(_) => false,
        };
        let faces = |n: usize| (shells[n].volume > 0.0) != turn[n];
        let winding: i64 = around[n].iter().map(|&o| if faces(o as usize) { 1 } else { -1 }).sum();
        let wrong = winding <= 0 && !faces(n);
        let nested = winding > 0 && faces(n);
        turn[n] ^= wrong;
        if nested {
            faced.nested.add(shells[n].bounds.middle().vec());
            faced.nested_volume += shells[n].volume.abs();
        }
        if turn[n] {
            faced.turned.add(shells[n].bounds.middle().vec());
            faced.turned_volume += shells[n].volume.abs();
        }
    }
    for (triangle, &n) in mesh.triangles.iter_mut().zip(&number) {
        if turn[n as usize] {
            triangle.swap(1, 2);
        }
    }
    Ok(faced)
}

/// The number of the shell of each triangle, and the shells.
fn shells(mesh: &Mesh, ctx: &Ctx) -> Result<(Vec<u32>, Vec<Shell>), Cancelled> {
    ctx.check()?;
    let mut sets = Sets::new(mesh.vertices.len());
    for &[a, b, c] in &mesh.triangles {
        sets.join(a, b);
        sets.join(a, c);
    }
    ctx.check()?;
    let mut of = vec![u32::MAX; mesh.vertices.len()];
    let mut shells: Vec<Shell> = Vec::new();
    let mut number = Vec::with_capacity(mesh.triangles.len());
    let mut origins = Vec::new();
    for (n, &triangle) in mesh.triangles.iter().enumerate() {
        let slot = &mut of[sets.of(triangle[0]) as usize];
        let corners = mesh.corners(triangle);
        if *slot == u32::MAX {
            *slot = shells.len() as u32;
            shells.push(Shell { volume: 0.0, area: 0.0, bounds: Aabb::EMPTY, first: n });
            origins.push(corners[0]);
        }
        let shell = &mut shells[*slot as usize];
        let [a, b, c] = corners.map(|p| p - origins[*slot as usize]);
        shell.volume += a.dot(b.cross(c)) / 6.0;
        shell.area += (b - a).cross(c - a).length() * 0.5;
        triangle.iter().for_each(|&v| shell.bounds = shell.bounds.with(mesh.vertices[v as usize]));
        number.push(*slot);
    }
    Ok((number, shells))
}

/// For each shell those it lies within, ascending by how many they lie within themselves.
fn containers(mesh: &Mesh, number: &[u32], shells: &[Shell], ctx: &Ctx) -> Result<Vec<Vec<u32>>, Cancelled> {
    if shells.len() < 2 {
        return Ok(vec![Vec::new(); shells.len()]);
    }
    let columns = Columns::new(mesh, ctx)?;
    let mut within: Vec<Vec<u32>> = (0..shells.len())
        .into_par_iter()
        .map(|n| {
            ctx.check()?;
            let windings = columns.windings(mesh, number, n as u32, shells[n].first);
            let inside = windings.into_iter().filter(|&(other, winding)| {
                winding != 0 && shells[other as usize].bounds.contains(&shells[n].bounds)
            });
            Ok(inside.map(|(other, _)| other).collect())
        })
        .collect::<Result<_, Cancelled>>()?;
    let depth: Vec<usize> = within.iter().map(Vec::len).collect();
    within.iter_mut().for_each(|outer| outer.sort_by_key(|&o| (depth[o as usize], o)));
    Ok(within)
}

/// Triangles by where they are seen along x.
struct Columns {
    low: [f64; 2],
    scale: [f64; 2],
    count: usize,
    starts: Vec<u32>,
    triangles: Vec<u32>,
}

/// Columns along each side: more would hold the same few triangles.
const MOST_COLUMNS: usize = 1024;

impl Columns {
    fn new(mesh: &Mesh, ctx: &Ctx) -> Result<Self, Cancelled> {
        let bounds = mesh.bounds();
        let (low, size) = (bounds.min.vec(), bounds.size());
        let count = ((mesh.triangles.len() as f64).sqrt() as usize / 2).clamp(1, MOST_COLUMNS);
        let scale = [size.y, size.z].map(|side| if side > 0.0 { count as f64 / side } else { 0.0 });
        let mut columns = Self {
            low: [low.y, low.z],
            scale,
            count,
            starts: vec![0; count * count + 1],
            triangles: Vec::new(),
        };
        let spans: Vec<[usize; 4]> = mesh.triangles.iter().map(|&t| columns.span(mesh.corners(t))).collect();
        ctx.check()?;
        let cells = |&[y0, y1, z0, z1]: &[usize; 4]| {
            (z0..=z1).flat_map(move |z| (y0..=y1).map(move |y| z * count + y))
        };
        for cell in spans.iter().flat_map(cells) {
            columns.starts[cell + 1] += 1;
        }
        for cell in 0..count * count {
            columns.starts[cell + 1] += columns.starts[cell];
        }
        columns.triangles = vec![0; columns.starts[count * count] as usize];
        let mut fill = columns.starts.clone();
        for (n, span) in spans.iter().enumerate() {
            for cell in cells(span) {
                columns.triangles[fill[cell] as usize] = n as u32;
                fill[cell] += 1;
            }
        }
        ctx.check()?;
        Ok(columns)
    }

    fn cell(&self, axis: usize, value: f64) -> usize {
        (((value - self.low[axis]) * self.scale[axis]) as usize).min(self.count - 1)
    }

    fn span(&self, [a, b, c]: [DVec3; 3]) -> [usize; 4] {
        let (low, high) = (a.min(b).min(c), a.max(b).max(c));
        [self.cell(0, low.y), self.cell(0, high.y), self.cell(1, low.z), self.cell(1, high.z)]
    }

    /// The winding numbers of all other shells around a place on one, where they are not zero.
    fn windings(&self, mesh: &Mesh, number: &[u32], own: u32, first: usize) -> BTreeMap<u32, i64> {
        // Where the place lies on another shell, another one is tried: corners first, which are exact.
        let corners = mesh.corners(mesh.triangles[first]);
        let middle = corners.iter().sum::<DVec3>() / 3.0;
        let places = corners.into_iter().chain([middle]);
        let mut windings = BTreeMap::new();
        for place in places {
            windings.clear();
            let cell = self.cell(1, place.z) * self.count + self.cell(0, place.y);
            let range = self.starts[cell] as usize..self.starts[cell + 1] as usize;
            let mut touches = false;
            for &triangle in &self.triangles[range] {
                let shell = number[triangle as usize];
                if shell == own {
                    continue;
                }
                match passes(mesh.corners(mesh.triangles[triangle as usize]), place) {
                    Some(step) => *windings.entry(shell).or_insert(0) += step,
                    None => touches = true,
                }
            }
            if !touches {
                break;
            }
        }
        windings
    }
}

/// What a triangle adds to the winding number of a place, seen along x: 1 where the ray leaves, −1 where it
/// enters, 0 where it misses; `None` for a place on the triangle's plane, which the ray meets there.
fn passes([a, b, c]: [DVec3; 3], p: DVec3) -> Option<i64> {
    let turns = [turn(a, b, p), turn(b, c, p), turn(c, a, p)];
    if turns[0] == 0 || turns[0] != turns[1] || turns[1] != turns[2] {
        return Some(0);
    }
    let solid = |v: DVec3| Coord3D { x: v.x, y: v.y, z: v.z };
    // Positive for a place behind the triangle.
    let behind = orient3d(solid(a), solid(b), solid(c), solid(p));
    if behind == 0.0 {
        return None;
    }
    Some(if (behind > 0.0) == (turns[0] > 0) { turns[0] } else { 0 })
}

/// On which side of an edge a place lies, seen along x; the place is thought of as moved by a step towards +y that is
/// smaller than anything, and by one towards +z that is smaller still.
fn turn(a: DVec3, b: DVec3, p: DVec3) -> i64 {
    let flat = |v: DVec3| Coord { x: v.y, y: v.z };
    let turn = orient2d(flat(a), flat(b), flat(p));
    let sign = |value: f64| i64::from(value > 0.0) - i64::from(value < 0.0);
    [turn, a.z - b.z, b.y - a.y].into_iter().map(sign).find(|s| *s != 0).unwrap_or(0)
}
