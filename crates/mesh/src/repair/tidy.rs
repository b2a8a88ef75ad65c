//! Triangles that are none or too many, and triangles that face the other way than their neighbours.

use super::RepairError;
use super::edges::{Edges, Sets, compact, keep};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh, Point};

/// What was found: how many, and where the first one is.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub count: usize,
    pub first: Option<DVec3>,
}

impl Tally {
    pub(super) fn add(&mut self, place: DVec3) {
        self.count += 1;
        self.first.get_or_insert(place);
    }
}

/// Leaves out triangles that use a vertex twice: they cover nothing, and their sides cancel out.
pub(super) fn degenerate(mesh: &mut Mesh) -> Tally {
    let mut dropped = Tally::default();
    let Mesh { vertices, triangles } = mesh;
    triangles.retain(|&[a, b, c]| {
        let sound = a != b && b != c && c != a;
        if !sound {
            dropped.add(vertices[a as usize].vec());
        }
        sound
    });
    dropped
}

/// Joins vertices at the ends of edges shorter than this, in mm, and leaves out the triangles that collapse.
pub(super) fn short_edges(mesh: &mut Mesh, length: f64) -> Tally {
    let mut joined = Tally::default();
    let mut sets = Sets::new(mesh.vertices.len());
    for &[a, b, c] in &mesh.triangles {
        for (p, q) in [(a, b), (b, c), (c, a)] {
            let [from, to] = [p, q].map(|v| mesh.vertices[v as usize].vec());
            if from.distance_squared(to) < length * length && sets.of(p) != sets.of(q) {
                sets.join(p, q);
                joined.add(from);
            }
        }
    }
    if joined.count > 0 {
        mesh.triangles.iter_mut().flatten().for_each(|v| *v = sets.of(*v));
        degenerate(mesh);
        compact(mesh);
    }
    joined
}

/// Leaves one of triangles with the same corners, and none of a pair that faces both ways, unless the surface
/// around needs it.
pub(super) fn duplicates(mesh: &mut Mesh, ctx: &Ctx) -> Result<Tally, Cancelled> {
    let mut dropped = Tally::default();
    let sorted = |[a, b, c]: [u32; 3]| {
        let mut key = [a, b, c];
        key.sort_unstable();
        let turned = [[a, b, c], [b, c, a], [c, a, b]].contains(&key);
        (key, turned)
    };
    let mut keys: Vec<([u32; 3], bool, u32)> = Vec::with_capacity(mesh.triangles.len());
    keys.extend(mesh.triangles.iter().zip(0..).map(|(&t, n)| (sorted(t).0, sorted(t).1, n)));
    keys.sort_unstable();
    ctx.check()?;
    let mut kept = vec![true; mesh.triangles.len()];
    let mut edges = None;
    for group in keys.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let turned = group.iter().filter(|entry| entry.1).count();
        let edges = match &mut edges {
            Some(edges) => edges,
            empty => empty.insert(Edges::of(&mesh.triangles, ctx)?),
        };
        let stays = if 2 * turned == group.len() {
            // As many face the one way as the other. If each side has one more triangle, it is a facet written
            // twice, once wrongly; otherwise a sheet without thickness.
            let [a, b, c] = group[0].0;
            let sides = [(a, b), (b, c), (c, a)];
            let needed = sides.iter().all(|&(p, q)| edges.between(p, q).len() == group.len() + 1);
            needed.then_some(group[0].2)
        } else {
            let most = 2 * turned > group.len();
            group.iter().find(|entry| entry.1 == most).map(|entry| entry.2)
        };
        for &(_, _, n) in group.iter().filter(|entry| Some(entry.2) != stays) {
            kept[n as usize] = false;
            dropped.add(mesh.corners(mesh.triangles[n as usize])[0]);
        }
    }
    keep(mesh, &kept);
    Ok(dropped)
}

/// Turns triangles so that neighbours face the same way; of each patch the smaller part.
///
/// A patch is what hangs together by edges of two triangles.
pub(super) fn orientation(mesh: &mut Mesh, ctx: &Ctx) -> Result<Tally, RepairError> {
    let edges = Edges::of(&mesh.triangles, ctx)?;
    let mut beside = vec![u32::MAX; mesh.triangles.len() * 3];
    let mut alike = vec![false; beside.len()];
    for group in edges.groups() {
        if let &[p, q] = group {
            let same = p.is_forward(&mesh.triangles) == q.is_forward(&mesh.triangles);
            (beside[p.number()], beside[q.number()]) = (q.triangle, p.triangle);
            (alike[p.number()], alike[q.number()]) = (same, same);
        }
    }
    let mut turned: Vec<Option<bool>> = vec![None; mesh.triangles.len()];
    let mut tally = Tally::default();
    for start in 0..mesh.triangles.len() {
        if turned[start].is_some() {
            continue;
        }
        turned[start] = Some(false);
        let mut patch = vec![start];
        let mut at = 0;
        while let Some(&triangle) = patch.get(at) {
            if at % STRIDE == 0 {
                ctx.check()?;
            }
            at += 1;
            let own = turned[triangle] == Some(true);
            for side in triangle * 3..triangle * 3 + 3 {
                let next = beside[side] as usize;
                let Some(slot) = turned.get_mut(next) else { continue };
                let wanted = own != alike[side];
                match *slot {
                    None => {
                        *slot = Some(wanted);
                        patch.push(next);
                    }
                    Some(found) if found != wanted => {
                        let [a, b, c] = mesh.corners(mesh.triangles[next]);
                        let near = Point::from_vec((a + b + c) / 3.0);
                        return Err(RepairError::OneSided { near });
                    }
                    Some(_) => {}
                }
            }
        }
        let count = patch.iter().filter(|&&n| turned[n] == Some(true)).count();
        let fewer = 2 * count <= patch.len();
        for &n in patch.iter().filter(|&&n| (turned[n] == Some(true)) == fewer) {
            mesh.triangles[n].swap(1, 2);
            tally.add(mesh.corners(mesh.triangles[n])[0]);
        }
    }
    Ok(tally)
}

/// Triangles between two questions whether to stop.
const STRIDE: usize = 1 << 14;

/// The largest share of the surface that may be left out because it stands on the rest like a fin. Chosen: what
/// is larger is no mistake of a program, and somebody should look.
const FIN: f64 = 0.1;

/// Leaves out fins: patches that end freely somewhere and elsewhere stand on an edge that has two more triangles.
///
/// The patches left out, and their area in mm².
pub(super) fn fins(mesh: &mut Mesh, ctx: &Ctx) -> Result<(Tally, f64), Cancelled> {
    let edges = Edges::of(&mesh.triangles, ctx)?;
    let mut patches = Sets::new(mesh.triangles.len());
    for group in edges.groups() {
        if let &[p, q] = group {
            patches.join(p.triangle, q.triangle);
        }
    }
    let count = mesh.triangles.len();
    let (mut free, mut stands) = (vec![false; count], vec![false; count]);
    for group in edges.groups() {
        let marks = match group.len() {
            1 => &mut free,
            n if n % 2 == 1 => &mut stands,
            _ => continue,
        };
        group.iter().for_each(|half| marks[patches.of(half.triangle) as usize] = true);
    }
    let mut fin = Tally::default();
    let (mut area, mut total) = (0.0, 0.0);
    let mut kept = vec![true; count];
    for (n, kept) in kept.iter_mut().enumerate() {
        let [a, b, c] = mesh.corners(mesh.triangles[n]);
        let size = (b - a).cross(c - a).length() * 0.5;
        total += size;
        let patch = patches.of(n as u32) as usize;
        if free[patch] && stands[patch] {
            *kept = false;
            area += size;
            if patch == n {
                fin.add((a + b + c) / 3.0);
            }
        }
    }
    if fin.count == 0 || area > FIN * total {
        return Ok((Tally::default(), 0.0));
    }
    keep(mesh, &kept);
    Ok((fin, area))
}
