//! Cracks: vertices on open edges that are one place, or nearly, become one; edges that end in the middle of
//! another are given their vertex there.
//!
//! Only open edges are touched. Bodies that are closed and lie against each other stay apart.

use super::edges::{Edges, compact};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh};
use std::collections::BTreeMap;

/// What joining changed.
#[derive(Default)]
pub(super) struct Joined {
    /// Vertices that are no longer their own.
    pub count: usize,
    /// The first of them.
    pub first: Option<DVec3>,
    /// The furthest that one was moved, in mm.
    pub farthest: f64,
}

/// Makes vertices on open edges one: first those equal bit for bit, then those within a tolerance in mm.
pub(super) fn vertices(mesh: &mut Mesh, tolerance: f64, ctx: &Ctx) -> Result<Joined, Cancelled> {
    let mut joined = Joined::default();
    let open = open_vertices(mesh, ctx)?;
    let mut same: Vec<([u64; 3], u32)> = open
        .iter()
        // Adding zero makes the two zeros one.
        .map(|&v| (mesh.vertices[v as usize].to_array().map(|c| (c + 0.0).to_bits()), v))
        .collect();
    same.sort_unstable();
    let mut target: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    for group in same.chunk_by(|a, b| a.0 == b.0) {
        group.iter().for_each(|&(_, v)| target[v as usize] = group[0].1);
    }
    apply(mesh, &target, &mut joined);
    if tolerance > 0.0 {
        let open = open_vertices(mesh, ctx)?;
        let target = near(mesh, &open, tolerance, ctx)?;
        apply(mesh, &target, &mut joined);
    }
    compact(mesh);
    Ok(joined)
}

/// Vertices at the ends of open edges, ascending.
fn open_vertices(mesh: &Mesh, ctx: &Ctx) -> Result<Vec<u32>, Cancelled> {
    let edges = Edges::of(&mesh.triangles, ctx)?;
    let mut open: Vec<u32> = edges.open().flat_map(|half| [half.low, half.high]).collect();
    open.sort_unstable();
    open.dedup();
    Ok(open)
}

fn apply(mesh: &mut Mesh, target: &[u32], joined: &mut Joined) {
    for (v, &to) in target.iter().enumerate().filter(|&(v, &to)| v != to as usize) {
        let (from, to) = (mesh.vertices[v].vec(), mesh.vertices[to as usize].vec());
        joined.count += 1;
        joined.first.get_or_insert(from);
        joined.farthest = joined.farthest.max(from.distance(to));
    }
    mesh.triangles.iter_mut().flatten().for_each(|v| *v = target[*v as usize]);
}

/// For each vertex the one it is joined to: the nearest before it that stays, within the tolerance.
///
/// No vertex moves twice, so that none moves further than the tolerance.
fn near(mesh: &Mesh, open: &[u32], tolerance: f64, ctx: &Ctx) -> Result<Vec<u32>, Cancelled> {
    let mut target: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    let mut stay: BTreeMap<[i64; 3], Vec<u32>> = BTreeMap::new();
    for (n, &v) in open.iter().enumerate() {
        if n % STRIDE == 0 {
            ctx.check()?;
        }
        let place = mesh.vertices[v as usize].vec();
        let home = cell(place, tolerance);
        let around = stay.range([home[0] - 1, i64::MIN, i64::MIN]..=[home[0] + 1, i64::MAX, i64::MAX]);
        // Few vertices are open; of those within a slab a step wide hardly any are looked at in vain.
        let beside = around.filter(|(c, _)| (c[1] - home[1]).abs() <= 1 && (c[2] - home[2]).abs() <= 1);
        let nearest = beside
            .flat_map(|(_, vertices)| vertices)
            .map(|&other| (mesh.vertices[other as usize].vec().distance(place), other))
            .filter(|(distance, _)| *distance <= tolerance)
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        match nearest {
            Some((_, other)) => target[v as usize] = other,
            None => stay.entry(home).or_default().push(v),
        }
    }
    Ok(target)
}

/// Vertices between two questions whether to stop.
const STRIDE: usize = 1 << 12;

fn cell(place: DVec3, size: f64) -> [i64; 3] {
    (place / size).to_array().map(|c| c.floor() as i64)
}

/// Vertices put into edges.
#[derive(Default)]
pub(super) struct Inserted {
    pub count: usize,
    pub first: Option<DVec3>,
}

/// Dividing an edge may leave parts that end at further vertices only if the file is tangled; a few rounds show.
const ROUNDS: usize = 4;

/// Edges between two questions whether to stop.
const EDGES: usize = 64;

/// Gives open edges the vertices of other open edges that lie on them, to within a tolerance in mm.
pub(super) fn junctions(mesh: &mut Mesh, tolerance: f64, ctx: &Ctx) -> Result<Inserted, Cancelled> {
    let mut inserted = Inserted::default();
    for _ in 0..ROUNDS {
        let edges = Edges::of(&mesh.triangles, ctx)?;
        let Some(lookup) = Lookup::new(mesh, &edges, tolerance) else {
            break;
        };
        let before = inserted.count;
        let mut parts: BTreeMap<u32, [Vec<u32>; 3]> = BTreeMap::new();
        for (n, half) in edges.open().enumerate() {
            if n % EDGES == 0 {
                ctx.check()?;
            }
            let corners = mesh.triangles[half.triangle as usize];
            let [a, b, c] = [0, 1, 2].map(|k| corners[(half.side as usize + k) % 3]);
            let on = lookup.on_edge(mesh, [a, b], c);
            if let Some(&first) = on.first() {
                inserted.count += on.len();
                inserted.first.get_or_insert(mesh.vertices[first as usize].vec());
                parts.entry(half.triangle).or_default()[half.side as usize] = on;
            }
        }
        for (triangle, sides) in parts {
            divide(mesh, triangle, sides);
        }
        if inserted.count == before {
            break;
        }
    }
    Ok(inserted)
}

/// Divides a triangle so that each side has the vertices listed for it, in the order along the side.
fn divide(mesh: &mut Mesh, triangle: u32, sides: [Vec<u32>; 3]) {
    let mut todo = vec![(mesh.triangles[triangle as usize], sides)];
    let mut slot = Some(triangle as usize);
    while let Some((corners, mut sides)) = todo.pop() {
        let Some(side) = sides.iter().position(|on| !on.is_empty()) else {
            match slot.take() {
                Some(slot) => mesh.triangles[slot] = corners,
                None => mesh.triangles.push(corners),
            }
            continue;
        };
        // A fan from the corner opposite: the other two sides belong to its first and its last triangle.
        let [a, b, c] = [0, 1, 2].map(|k| corners[(side + k) % 3]);
        let on = std::mem::take(&mut sides[side]);
        let mut after = std::mem::take(&mut sides[(side + 1) % 3]);
        let mut before = std::mem::take(&mut sides[(side + 2) % 3]);
        let mut from = a;
        for &to in &on {
            todo.push(([from, to, c], [Vec::new(), Vec::new(), std::mem::take(&mut before)]));
            from = to;
        }
        todo.push(([from, b, c], [Vec::new(), std::mem::take(&mut after), Vec::new()]));
    }
}

/// Vertices of open edges by place.
struct Lookup {
    cells: BTreeMap<[i64; 3], Vec<u32>>,
    step: f64,
    tolerance: f64,
}

impl Lookup {
    /// `None` when no edge is open.
    fn new(mesh: &Mesh, edges: &Edges, tolerance: f64) -> Option<Self> {
        let place = |v: u32| mesh.vertices[v as usize].vec();
        let (mut total, mut count) = (0.0, 0);
        let mut open = Vec::new();
        for half in edges.open() {
            total += place(half.low).distance(place(half.high));
            count += 1;
            open.extend([half.low, half.high]);
        }
        if count == 0 {
            return None;
        }
        open.sort_unstable();
        open.dedup();
        // As long as a usual edge: then an edge looks at a few cells, and a cell has a few vertices.
        let step = (total / f64::from(count)).max(tolerance).max(f64::MIN_POSITIVE);
        let mut cells: BTreeMap<[i64; 3], Vec<u32>> = BTreeMap::new();
        for v in open {
            cells.entry(cell(place(v), step)).or_default().push(v);
        }
        Some(Self { cells, step, tolerance })
    }

    /// The vertices on an edge, in order along it, without its ends and the corner opposite.
    fn on_edge(&self, mesh: &Mesh, [a, b]: [u32; 2], opposite: u32) -> Vec<u32> {
        let place = |v: u32| mesh.vertices[v as usize].vec();
        let (from, to) = (place(a), place(b));
        let length = from.distance(to);
        let along = (to - from) / length;
        let mut on: Vec<(f64, u32)> = Vec::new();
        let mut seen = Vec::new();
        for n in 0..=(length / self.step) as u64 {
            // The half cells to either side of this place are within the cells around its own.
            let home = cell(from + along * (n as f64 * self.step), self.step);
            for code in 0..27 {
                seen.push([home[0] + code % 3 - 1, home[1] + code / 3 % 3 - 1, home[2] + code / 9 - 1]);
            }
        }
        seen.sort_unstable();
        seen.dedup();
        for &v in seen.iter().filter_map(|cell| self.cells.get(cell)).flatten() {
            let offset = place(v) - from;
            let t = offset.dot(along);
            let aside = (offset - along * t).length();
            let within = t > self.tolerance && t < length - self.tolerance && aside <= self.tolerance;
            if within && v != a && v != b && v != opposite {
                on.push((t, v));
            }
        }
        on.sort_by(|p, q| p.0.total_cmp(&q.0).then(p.1.cmp(&q.1)));
        on.into_iter().map(|(_, v)| v).collect()
    }
}
