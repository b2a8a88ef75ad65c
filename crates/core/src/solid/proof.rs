//! The proof that a mesh bounds a volume.

use super::{Defect, Shell, fans, shells};
use crate::frame::{Patient, Point};
use crate::mesh::Mesh;
use glam::DVec3;
use rayon::prelude::*;

/// Triangles looked at by one thread at a time, and between two questions whether to stop: well below a
/// millisecond of work.
pub(super) const CHUNK: usize = 1 << 12;

/// Vertices looked at by one thread at a time.
const VERTICES: usize = 1 << 14;

/// The shells, or everything that is wrong.
pub(super) type Verdict = Result<Vec<Shell>, Vec<Defect>>;

/// Checks every promise of `Solid`; the shells on success, all defects otherwise.
///
/// The verdict, the shells and the order of all sums are the same at any number of threads.
pub(super) fn prove<E: Send>(mesh: &Mesh, check: &(impl Fn() -> Result<(), E> + Sync)) -> Result<Verdict, E> {
    let spans = match plain(mesh, check)? {
        Ok(spans) => spans,
        Err(defects) => return Ok(Err(defects)),
    };
    let fans = fans::examine(mesh, &spans, check)?;
    if fans.defects.is_empty() { shells::split(mesh, fans.least, check) } else { Ok(Err(fans.defects)) }
}

/// Proves anew what depends on places, for a mesh whose triangles are those of a solid with so many shells.
pub(super) fn prove_places<E: Send>(
    mesh: &Mesh,
    shells: usize,
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<Verdict, E> {
    if let Some(defect) = unreal(mesh, check)? {
        return Ok(Err(vec![defect]));
    }
    // One shell needs no neighbours to be told from others: all its vertices lead to the first.
    let mut least = vec![0_u32; mesh.vertices.len()];
    if shells > 1 {
        (0..).zip(&mut least).for_each(|(v, least)| *least = v);
        for triangles in mesh.triangles.chunks(CHUNK) {
            check()?;
            for &triangle in triangles {
                let first = triangle[0].min(triangle[1]).min(triangle[2]);
                triangle.iter().for_each(|&v| least[v as usize] = least[v as usize].min(first));
            }
        }
    }
    shells::split(mesh, least, check)
}

/// The least and the largest vertex in a chunk of triangles.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub least: u32,
    pub most: u32,
}

/// Checks what each vertex and triangle promises by itself; the span of every chunk of triangles.
fn plain<E: Send>(
    mesh: &Mesh,
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<Result<Vec<Span>, Vec<Defect>>, E> {
    if mesh.triangles.is_empty() {
        return Ok(Err(vec![Defect::Empty]));
    }
    let vertices = mesh.vertices.len();
    let chunks = mesh.triangles.par_chunks(CHUNK).map(|triangles| {
        check()?;
        let (mut least, mut most, mut degenerate) = (u32::MAX, 0, false);
        for &[a, b, c] in triangles {
            (least, most) = (least.min(a).min(b).min(c), most.max(a).max(b).max(c));
            degenerate |= a == b || b == c || c == a;
        }
        Ok((Span { least, most }, degenerate))
    });
    let chunks: Vec<(Span, bool)> = chunks.collect::<Result<_, E>>()?;
    if chunks.iter().any(|(span, _)| span.most as usize >= vertices) {
        let dangling = |&&[a, b, c]: &&[u32; 3]| a.max(b).max(c) as usize >= vertices;
        let count = mesh.triangles.iter().filter(dangling).count();
        return Ok(Err(vec![Defect::DanglingIndex { count }]));
    }
    if let Some(defect) = unreal(mesh, check)? {
        return Ok(Err(vec![defect]));
    }
    if chunks.iter().any(|(_, degenerate)| *degenerate) {
        let mut tally = Tally::default();
        for &[a, _, _] in mesh.triangles.iter().filter(|[a, b, c]| a == b || b == c || c == a) {
            tally.add(mesh.vertices[a as usize].vec());
        }
        if let Some((count, near)) = tally.found() {
            return Ok(Err(vec![Defect::Degenerate { count, near }]));
        }
    }
    Ok(Ok(chunks.into_iter().map(|(span, _)| span).collect()))
}

/// Says if coordinates are not finite.
fn unreal<E: Send>(mesh: &Mesh, check: &(impl Fn() -> Result<(), E> + Sync)) -> Result<Option<Defect>, E> {
    let unreal = mesh.vertices.par_chunks(VERTICES).map(|places| {
        check()?;
        Ok(places.iter().map(|p| usize::from(!p.vec().is_finite())).sum::<usize>())
    });
    let count = unreal.collect::<Result<Vec<usize>, E>>()?.into_iter().sum();
    Ok((count > 0).then_some(Defect::NotFinite { count }))
}

/// Counts occurrences and remembers the first place.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    count: usize,
    first: Option<DVec3>,
}

impl Tally {
    pub(super) fn add(&mut self, place: DVec3) {
        self.count += 1;
        self.first.get_or_insert(place);
    }

    /// This one, and then what was found after it.
    pub(super) fn then(self, later: Self) -> Self {
        Self { count: self.count + later.count, first: self.first.or(later.first) }
    }

    pub(super) fn found(self) -> Option<(usize, Point<Patient>)> {
        self.first.map(|place| (self.count, Point::from_vec(place)))
    }
}
