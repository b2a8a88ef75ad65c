//! Bodies that touch in an edge or a vertex are given edges and vertices of their own.
//!
//! Around an edge of more than two triangles, those with matter between them belong together; that is what makes
//! two bodies of two boxes that touch. Then every fan of triangles around a vertex gets its own. Places do not
//! change.

use super::edges::{Edges, Half, Sets, compact};
use super::tidy::Tally;
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh, Point};

/// What was taken apart.
#[derive(Default)]
pub(super) struct Split {
    /// Edges of more than two triangles.
    pub edges: Tally,
    /// Vertices where fans met that share no such edge.
    pub vertices: Tally,
}

/// No side has a partner.
const NONE: u32 = u32::MAX;

/// Two bodies may touch twice between the same two vertices, and each time one more edge is divided.
const ROUNDS: usize = 16;

/// Gives every fan of triangles its own vertex.
pub(super) fn split(mesh: &mut Mesh, ctx: &Ctx) -> Result<Split, Cancelled> {
    let mut split = Split::default();
    for round in 0..ROUNDS {
        let edges = Edges::of(&mesh.triangles, ctx)?;
        let mut partner = vec![NONE; mesh.triangles.len() * 3];
        let mut tangled = vec![false; mesh.vertices.len()];
        for group in edges.groups() {
            pair(mesh, group, &mut partner);
            if group.len() > 2 {
                tangled[group[0].low as usize] = true;
                tangled[group[0].high as usize] = true;
                if round == 0 {
                    split.edges.add(group[0].middle(mesh));
                }
            }
        }
        let pinched = fans(mesh, &partner, &tangled);
        if round == 0 {
            split.vertices = pinched;
        }
        if !divide(mesh, &partner, ctx)? {
            break;
        }
    }
    compact(mesh);
    Ok(split)
}

/// Finds the partners of the sides of one edge.
fn pair(mesh: &Mesh, group: &[Half], partner: &mut [u32]) {
    let mut marry = |p: Half, q: Half| {
        (partner[p.number()], partner[q.number()]) = (q.number() as u32, p.number() as u32);
    };
    match *group {
        [_] => {}
        [p, q] => {
            if p.is_forward(&mesh.triangles) != q.is_forward(&mesh.triangles) {
                marry(p, q);
            }
        }
        _ => {
            // Seen along the edge and going round it, matter begins at a triangle that runs backwards and ends at
            // one that runs forwards. Like brackets, those that begin last end first.
            let around = around(mesh, group);
            let mut begun: Vec<Half> = Vec::new();
            let mut ended = vec![false; around.len()];
            for n in 0..2 * around.len() {
                let (half, forward) = around[n % around.len()];
                if !forward {
                    if n < around.len() {
                        begun.push(half);
                    }
                } else if !ended[n % around.len()]
                    && let Some(first) = begun.pop()
                {
                    ended[n % around.len()] = true;
                    marry(first, half);
                }
            }
        }
    }
}

/// Angles that differ by less are one: 1e-9 of a turn, a thousand times what rounding does.
const ANGLE: f64 = 1e-9;

/// The sides of an edge in the order of their triangles around it, and whether they run forwards; of two at the
/// same angle the one first where matter ends, so that bodies with a face in common come apart.
fn around(mesh: &Mesh, group: &[Half]) -> Vec<(Half, bool)> {
    let [low, high] = [group[0].low, group[0].high].map(|v| mesh.vertices[v as usize].vec());
    let along = (high - low).normalize_or_zero();
    let flat = |half: &Half| {
        let corner = mesh.triangles[half.triangle as usize][(half.side as usize + 2) % 3];
        let arm = mesh.vertices[corner as usize].vec() - low;
        arm - along * arm.dot(along)
    };
    let right = flat(&group[0]).try_normalize().unwrap_or_else(|| along.any_orthogonal_vector());
    let up = along.cross(right);
    let mut around: Vec<(i64, bool, Half)> = group
        .iter()
        .map(|half| {
            let arm = flat(half);
            let turns = libm::atan2(arm.dot(up), arm.dot(right)) / std::f64::consts::TAU;
            let steps = (turns.rem_euclid(1.0) / ANGLE).round() as i64;
            (steps % (1.0 / ANGLE) as i64, !half.is_forward(&mesh.triangles), *half)
        })
        .collect();
    around.sort_unstable();
    around.into_iter().map(|(_, backward, half)| (half, !backward)).collect()
}

/// Gives each fan its own vertex; the vertices where closed fans met, away from tangled edges.
fn fans(mesh: &mut Mesh, partner: &[u32], tangled: &[bool]) -> Tally {
    // Corner n is at the front of side n; a side and its partner run against each other.
    let after = |n: u32| n - n % 3 + (n + 1) % 3;
    let mut corners = Sets::new(partner.len());
    for (n, &other) in partner.iter().enumerate().filter(|(_, other)| **other != NONE) {
        corners.join(n as u32, after(other));
    }
    let mut open = vec![false; partner.len()];
    for n in (0..partner.len() as u32).filter(|&n| partner[n as usize] == NONE) {
        open[corners.of(n) as usize] = true;
        open[corners.of(after(n)) as usize] = true;
    }
    let mut pinched = Tally::default();
    let mut owner = vec![NONE; mesh.vertices.len()];
    let mut own = vec![NONE; partner.len()];
    for n in 0..partner.len() as u32 {
        let fan = corners.of(n) as usize;
        let vertex = &mut mesh.triangles[n as usize / 3][n as usize % 3];
        let first = &mut owner[*vertex as usize];
        if *first == NONE {
            *first = fan as u32;
        }
        if *first == fan as u32 {
            continue;
        }
        if own[fan] == NONE {
            let place = mesh.vertices[*vertex as usize];
            if !tangled[*vertex as usize] && !open[fan] && !open[*first as usize] {
                pinched.add(place.vec());
            }
            own[fan] = mesh.vertices.len() as u32;
            mesh.vertices.push(place);
        }
        *vertex = own[fan];
    }
    pinched
}

/// Where two pairs of triangles still have both ends of their edge in common, or a pair and a side without partner,
/// gives all but the first a vertex in the middle. True when there was such an edge.
fn divide(mesh: &mut Mesh, partner: &[u32], ctx: &Ctx) -> Result<bool, Cancelled> {
    let edges = Edges::of(&mesh.triangles, ctx)?;
    let mut changed = vec![false; mesh.triangles.len()];
    let mut middles: Vec<(Half, DVec3)> = Vec::new();
    let mut found = false;
    for group in edges.groups().filter(|group| group.len() > 1) {
        // Of a pair the side that runs forwards stands for both.
        let stands = |half: &&Half| partner[half.number()] == NONE || half.is_forward(&mesh.triangles);
        for half in group.iter().filter(stands).skip(1) {
            found = true;
            let other = partner[half.number()];
            let both = [Some(half.triangle), (other != NONE).then_some(other / 3)];
            // A triangle is divided once each round, since its sides are numbered anew.
            if both.iter().flatten().any(|&t| changed[t as usize]) {
                continue;
            }
            both.iter().flatten().for_each(|&t| changed[t as usize] = true);
            middles.push((*half, half.middle(mesh)));
        }
    }
    for (half, place) in middles {
        let middle = mesh.vertices.len() as u32;
        mesh.vertices.push(Point::from_vec(place));
        let other = partner[half.number()];
        for side in [half.number() as u32, other].into_iter().filter(|side| *side != NONE) {
            let corners = mesh.triangles[side as usize / 3];
            let [a, b, c] = [0, 1, 2].map(|k| corners[(side as usize + k) % 3]);
            mesh.triangles[side as usize / 3] = [a, middle, c];
            mesh.triangles.push([middle, b, c]);
        }
    }
    Ok(found)
}
