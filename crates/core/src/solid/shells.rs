//! The connected shells of a closed 2-manifold, and whether each encloses a volume.

use super::proof::{CHUNK, Tally, Verdict};
use super::{Defect, Shell};
use crate::frame::{Patient, Point};
use crate::geometry::Aabb;
use crate::mesh::Mesh;
use glam::DVec3;
use rayon::prelude::*;

/// Chunks whose terms are worked out before they are summed in order.
const BATCH: usize = 64;

/// Vertices put into boxes by one thread at a time.
const VERTICES: usize = 1 << 14;

/// Splits a closed 2-manifold into shells and checks that each encloses a volume.
///
/// `least` leads from every vertex to itself or to a neighbour before it.
pub(super) fn split<E: Send>(
    mesh: &Mesh,
    least: Vec<u32>,
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<Verdict, E> {
    let root = roots(mesh, least, check)?;
    let runs = runs(mesh, &root, check)?;
    let mut number = vec![u32::MAX; root.len()];
    let mut shells: Vec<(DVec3, Shell)> = Vec::new();
    for run in runs.iter().flatten() {
        let number = &mut number[run.root as usize];
        if *number == u32::MAX {
            *number = shells.len() as u32;
            let origin = mesh.vertices[mesh.triangles[run.triangle][0] as usize].vec();
            shells.push((origin, Shell { volume: 0.0, triangles: 0, bounds: Aabb::EMPTY }));
        }
    }
    sum_volumes(mesh, &runs, &number, &mut shells, check)?;
    for (root, bounds) in boxes(&mesh.vertices, &root, check)?.into_iter().flatten() {
        // Every vertex belongs to a triangle, or the fans would have said so.
        let shell = &mut shells[number[root as usize] as usize].1;
        shell.bounds = shell.bounds.with(bounds.min).with(bounds.max);
    }
    Ok(judge(shells.into_iter().map(|(_, shell)| shell).collect()))
}

/// For every vertex the first one of its shell.
fn roots<E: Send>(
    mesh: &Mesh,
    mut parent: Vec<u32>,
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<Vec<u32>, E> {
    // Every parent is smaller than its child or the root itself, so one pass upward leads all to their roots.
    let climb = |parent: &mut [u32]| {
        for v in 0..parent.len() {
            parent[v] = parent[parent[v] as usize];
        }
    };
    climb(&mut parent);
    // What the least neighbours have not joined yet is joined by few triangles.
    let seams = mesh.triangles.par_chunks(CHUNK).map(|triangles| {
        check()?;
        let mut seams: Vec<[u32; 3]> = Vec::new();
        for triangle in triangles {
            let [a, b, c] = triangle.map(|v| parent[v as usize]);
            if (a != b || a != c) && seams.last() != Some(&[a, b, c]) {
                seams.push([a, b, c]);
            }
        }
        Ok(seams)
    });
    for [a, b, c] in seams.collect::<Result<Vec<_>, E>>()?.into_iter().flatten() {
        unite(&mut parent, a, b);
        unite(&mut parent, a, c);
    }
    climb(&mut parent);
    Ok(parent)
}

fn find(parent: &mut [u32], mut v: u32) -> u32 {
    while parent[v as usize] != v {
        parent[v as usize] = parent[parent[v as usize] as usize];
        v = parent[v as usize];
    }
    v
}

fn unite(parent: &mut [u32], a: u32, b: u32) {
    let (a, b) = (find(parent, a), find(parent, b));
    // The smaller index wins, so that the roots do not depend on the order of the triangles.
    parent[a.max(b) as usize] = a.min(b);
}

/// Triangles of one shell, one after the other in the mesh.
struct Run {
    root: u32,
    /// The first triangle.
    triangle: usize,
}

/// The runs of every chunk of triangles.
fn runs<E: Send>(
    mesh: &Mesh,
    root: &[u32],
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<Vec<Vec<Run>>, E> {
    let chunks = mesh.triangles.par_chunks(CHUNK).enumerate().map(|(n, triangles)| {
        check()?;
        let mut runs: Vec<Run> = Vec::new();
        let mut last = None;
        for (i, &[a, _, _]) in triangles.iter().enumerate() {
            let root = root[a as usize];
            if last != Some(root) {
                runs.push(Run { root, triangle: n * CHUNK + i });
                last = Some(root);
            }
        }
        Ok(runs)
    });
    chunks.collect()
}

/// Adds up volume and triangles of every shell, one triangle after the other whatever the number of threads.
fn sum_volumes<E: Send>(
    mesh: &Mesh,
    runs: &[Vec<Run>],
    number: &[u32],
    shells: &mut [(DVec3, Shell)],
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<(), E> {
    let mut terms = vec![0.0; mesh.triangles.len().min(BATCH * CHUNK)];
    for (n, batch) in runs.chunks(BATCH).enumerate() {
        check()?;
        let first = n * BATCH * CHUNK;
        let count = terms.len().min(mesh.triangles.len() - first);
        let chunks = terms[..count].par_chunks_mut(CHUNK).zip(batch).enumerate();
        chunks.for_each(|(n, (terms, runs))| {
            let start = first + n * CHUNK;
            for (i, run) in runs.iter().enumerate() {
                let end = runs.get(i + 1).map_or(start + terms.len(), |next| next.triangle);
                let origin = shells[number[run.root as usize] as usize].0;
                let triangles = &mesh.triangles[run.triangle..end];
                for (term, &triangle) in terms[run.triangle - start..].iter_mut().zip(triangles) {
                    let [a, b, c] = triangle.map(|v| mesh.vertices[v as usize].vec() - origin);
                    *term = a.dot(b.cross(c)) / 6.0;
                }
            }
        });
        let mut all = batch.iter().flatten().peekable();
        while let Some(run) = all.next() {
            let end = all.peek().map_or(first + count, |next| next.triangle);
            let shell = &mut shells[number[run.root as usize] as usize].1;
            let terms = &terms[run.triangle - first..end - first];
            shell.volume = terms.iter().fold(shell.volume, |sum, term| sum + term);
            shell.triangles += terms.len();
        }
    }
    Ok(())
}

/// The boxes around vertices of one shell that follow each other, chunk by chunk.
type Boxes = Vec<Vec<(u32, Aabb<Patient>)>>;

fn boxes<E: Send>(
    places: &[Point<Patient>],
    root: &[u32],
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<Boxes, E> {
    let chunks = places.par_chunks(VERTICES).zip(root.par_chunks(VERTICES)).map(|(places, root)| {
        check()?;
        let mut boxes: Vec<(u32, Aabb<Patient>)> = Vec::new();
        let mut start = 0;
        for same in root.chunk_by(|a, b| a == b) {
            let places = &places[start..start + same.len()];
            boxes.push((same[0], Aabb::around(places.iter().copied())));
            start += same.len();
        }
        Ok(boxes)
    });
    chunks.collect()
}

/// The shells, largest first, if each of them encloses a volume and lies where it may.
fn judge(mut shells: Vec<Shell>) -> Verdict {
    shells.sort_by(|a, b| b.volume.total_cmp(&a.volume));
    let mut wrong = Tally::default();
    for shell in shells.iter().filter(|shell| shell.volume <= 0.0) {
        let housed = shells.iter().any(|outer| outer.volume > 0.0 && outer.bounds.contains(&shell.bounds));
        if !housed || shell.volume == 0.0 {
            wrong.add(shell.bounds.middle().vec());
        }
    }
    match wrong.found() {
        Some((count, near)) => Err(vec![Defect::InsideOut { count, near }]),
        None => Ok(shells),
    }
}
