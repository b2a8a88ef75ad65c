//! A mesh that is proven to bound a volume, and the list of defects when it does not.

use crate::ctx::{Cancelled, Ctx};
use crate::frame::{Affine, Patient, Point};
use crate::geometry::Aabb;
use crate::mesh::Mesh;
use glam::DVec3;
use std::convert::Infallible;

/// A mesh that bounds a volume.
///
/// Every directed edge occurs once and its reverse once; every vertex has one fan; no triangle repeats a
/// vertex; every vertex is used; coordinates are finite; every shell has volume, and a shell that faces
/// inward lies within one that faces outward. Self-intersection is *not* excluded by this type.
///
/// Only a `Solid` can be exported for printing:
///
/// ```compile_fail
/// fn print(_: &osteon_core::Solid) {}
/// print(&osteon_core::Mesh::default());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Solid {
    mesh: Mesh,
    shells: Vec<Shell>,
}

/// One connected piece of a solid's surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shell {
    /// Enclosed volume in mm³; negative for the wall of a cavity.
    pub volume: f64,
    /// Number of triangles.
    pub triangles: usize,
    /// The box around the shell.
    pub bounds: Aabb<Patient>,
}

/// One reason why a mesh does not bound a volume, with a count and the first place in the patient.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// There are no triangles.
    #[error("the mesh has no triangles")]
    Empty,
    /// A triangle names a vertex that does not exist.
    #[error("{count} triangles name a vertex that does not exist")]
    DanglingIndex {
        /// How many.
        count: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("{count} vertices have coordinates that are not finite")]
    NotFinite {
        /// How many.
        count: usize,
    },
    /// A triangle uses the same vertex twice.
    #[error("{count} triangles use a vertex twice, first near {near:?}")]
    Degenerate {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// An edge has a triangle on one side only.
    #[error("{count} edges are open, first near {near:?}")]
    OpenEdge {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// More than two triangles share an edge, or two neighbours face opposite ways.
    #[error(
        "{count} edges are shared by more than two triangles or by triangles facing opposite ways, first near {near:?}"
    )]
    NonManifoldEdge {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// Two fans of triangles touch in a single vertex.
    #[error("{count} vertices join separate fans of triangles, first near {near:?}")]
    NonManifoldVertex {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// A vertex belongs to no triangle.
    #[error("{count} vertices belong to no triangle, first near {near:?}")]
    LooseVertex {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// A shell faces inward without lying inside another, or encloses nothing.
    #[error("{count} shells are inside out or enclose nothing, first near {near:?}")]
    InsideOut {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
}

/// A mesh that does not bound a volume, and why.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the surface does not bound a volume: {}", .defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct NotSolid {
    /// The mesh, handed back.
    pub mesh: Mesh,
    /// What is wrong with it; never empty.
    pub defects: Vec<Defect>,
}

impl Solid {
    /// Proves that a mesh bounds a volume.
    pub fn new(mesh: Mesh) -> Result<Self, NotSolid> {
        let Ok(proven) = Self::watched(mesh, &|| Ok::<(), Infallible>(()));
        proven
    }

    /// As [`Solid::new`] for a mesh that may be large: stops when asked to.
    pub fn proven(mesh: Mesh, ctx: &Ctx) -> Result<Result<Self, NotSolid>, Cancelled> {
        Self::watched(mesh, &|| ctx.check())
    }

    fn watched<E>(mesh: Mesh, check: &impl Fn() -> Result<(), E>) -> Result<Result<Self, NotSolid>, E> {
        Ok(match prove(&mesh, check)? {
            Ok(shells) => Ok(Self { mesh, shells }),
            Err(defects) => Err(NotSolid { mesh, defects }),
        })
    }

    /// The proven mesh.
    pub const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The mesh, given up as a mere mesh.
    pub fn into_mesh(self) -> Mesh {
        self.mesh
    }

    /// The connected pieces of the surface, largest volume first.
    pub fn shells(&self) -> &[Shell] {
        &self.shells
    }

    /// Enclosed volume in mm³.
    pub fn volume(&self) -> f64 {
        self.shells.iter().map(|shell| shell.volume).sum()
    }

    /// Handles minus cavities, summed over shells: Σ (1 − χ/2), with χ = V − E + F and E = 3F/2.
    pub fn genus(&self) -> i64 {
        let vertices = self.mesh.vertices.len() as i64;
        let faces = self.mesh.triangles.len() as i64;
        self.shells.len() as i64 - (vertices - faces / 2) / 2
    }

    /// The solid moved by an affine map; stays a solid because the map is invertible.
    pub fn moved(&self, map: &Affine<Patient, Patient>) -> Result<Self, NotSolid> {
        Self::new(self.mesh.moved(map))
    }
}

/// Vertices or triangles between two questions whether to stop: a few milliseconds of work.
const STRIDE: usize = 1 << 14;

/// The shells, or everything that is wrong.
type Verdict = Result<Vec<Shell>, Vec<Defect>>;

/// Checks every promise of `Solid`; the shells on success, all defects otherwise.
fn prove<E>(mesh: &Mesh, check: &impl Fn() -> Result<(), E>) -> Result<Verdict, E> {
    if let Err(defects) = plain(mesh) {
        return Ok(Err(defects));
    }
    check()?;
    let fans = Fans::new(mesh, check)?;
    let defects = fans.defects(mesh, check)?;
    if defects.is_empty() { shells(mesh, check) } else { Ok(Err(defects)) }
}

/// Checks what each vertex and triangle promises by itself.
fn plain(mesh: &Mesh) -> Result<(), Vec<Defect>> {
    if mesh.triangles.is_empty() {
        return Err(vec![Defect::Empty]);
    }
    let vertices = mesh.vertices.len();
    let dangling = mesh.triangles.iter().filter(|&&[a, b, c]| a.max(b).max(c) as usize >= vertices).count();
    if dangling > 0 {
        return Err(vec![Defect::DanglingIndex { count: dangling }]);
    }
    let unreal = mesh.vertices.iter().filter(|p| !p.vec().is_finite()).count();
    if unreal > 0 {
        return Err(vec![Defect::NotFinite { count: unreal }]);
    }
    let mut degenerate = Tally::default();
    for &[a, b, c] in &mesh.triangles {
        if a == b || b == c || c == a {
            degenerate.add(mesh.vertices[a as usize].vec());
        }
    }
    match degenerate.found() {
        Some((count, near)) => Err(vec![Defect::Degenerate { count, near }]),
        None => Ok(()),
    }
}

/// Counts occurrences and remembers the first place.
#[derive(Default)]
struct Tally {
    count: usize,
    first: Option<DVec3>,
}

impl Tally {
    fn add(&mut self, place: DVec3) {
        self.count += 1;
        self.first.get_or_insert(place);
    }

    fn found(self) -> Option<(usize, Point<Patient>)> {
        self.first.map(|place| (self.count, Point::from_vec(place)))
    }
}

/// For every vertex the corners of triangles at it, as (next, previous) vertex of the triangle.
///
/// In a closed 2-manifold the `next`s at a vertex are the `previous`es, each once, and following
/// previous → next walks once around all of them.
struct Fans {
    starts: Vec<u32>,
    spokes: Vec<(u32, u32)>,
}

impl Fans {
    fn new<E>(mesh: &Mesh, check: &impl Fn() -> Result<(), E>) -> Result<Self, E> {
        let mut starts = vec![0_u32; mesh.vertices.len() + 1];
        for &v in mesh.triangles.as_flattened() {
            starts[v as usize + 1] += 1;
        }
        for v in 1..starts.len() {
            starts[v] += starts[v - 1];
        }
        let mut fill = starts.clone();
        let mut spokes = vec![(0, 0); mesh.triangles.len() * 3];
        for (n, &[a, b, c]) in mesh.triangles.iter().enumerate() {
            if n % STRIDE == 0 {
                check()?;
            }
            for (v, next, previous) in [(a, b, c), (b, c, a), (c, a, b)] {
                let slot = &mut fill[v as usize];
                spokes[*slot as usize] = (next, previous);
                *slot += 1;
            }
        }
        Ok(Self { starts, spokes })
    }

    fn at(&self, vertex: usize) -> &[(u32, u32)] {
        &self.spokes[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }

    fn defects<E>(&self, mesh: &Mesh, check: &impl Fn() -> Result<(), E>) -> Result<Vec<Defect>, E> {
        let (mut open, mut tangled) = (Tally::default(), Tally::default());
        let (mut pinched, mut loose) = (Tally::default(), Tally::default());
        let (mut nexts, mut previouses) = (Vec::new(), Vec::new());
        for v in 0..mesh.vertices.len() {
            if v % STRIDE == 0 {
                check()?;
            }
            let fan = self.at(v);
            if is_one_ring(fan) {
                continue;
            }
            let place = mesh.vertices[v].vec();
            if fan.is_empty() {
                loose.add(place);
                continue;
            }
            nexts.clear();
            nexts.extend(fan.iter().map(|spoke| spoke.0));
            nexts.sort_unstable();
            previouses.clear();
            previouses.extend(fan.iter().map(|spoke| spoke.1));
            previouses.sort_unstable();
            let middle = |w: u32| (place + mesh.vertices[w as usize].vec()) * 0.5;
            let mut sound = true;
            for pair in nexts.windows(2).filter(|pair| pair[0] == pair[1]) {
                tangled.add(middle(pair[0]));
                sound = false;
            }
            if nexts != previouses {
                // An edge is open when only one of its two directions occurs; report it once.
                for &w in nexts.iter().filter(|w| previouses.binary_search(w).is_err()) {
                    open.add(middle(w));
                }
                sound = false;
            }
            if sound && turns(fan) != fan.len() {
                pinched.add(place);
            }
        }
        let found = [
            open.found().map(|(count, near)| Defect::OpenEdge { count, near }),
            tangled.found().map(|(count, near)| Defect::NonManifoldEdge { count, near }),
            pinched.found().map(|(count, near)| Defect::NonManifoldVertex { count, near }),
            loose.found().map(|(count, near)| Defect::LooseVertex { count, near }),
        ];
        Ok(found.into_iter().flatten().collect())
    }
}

/// Most fans of a surface have no more spokes than this.
const SMALL: usize = 8;

/// The largest fan whose ring is looked for by searching spoke by spoke.
const LARGE: usize = 16;

/// True only for a fan without a defect: one walk around the vertex visits every spoke once.
///
/// A walk that is back at its start after as many steps as there are spokes has met as many different
/// `next`s, so each spoke is visited once, and the `previous`es are the `next`s in another order. Almost every
/// vertex of a surface is like that, and needs no sorting.
fn is_one_ring(fan: &[(u32, u32)]) -> bool {
    if fan.is_empty() || fan.len() > SMALL {
        return !fan.is_empty() && fan.len() <= LARGE && turns(fan) == fan.len();
    }
    // Of a fixed length, so that a spoke is found without a branch.
    let (mut nexts, mut previouses) = ([u32::MAX; SMALL], [u32::MAX; SMALL]);
    for (n, &(next, previous)) in fan.iter().enumerate() {
        (nexts[n], previouses[n]) = (next, previous);
    }
    let start = nexts[0];
    let mut at = previouses[0];
    for _ in 1..fan.len() {
        let mut found = 0;
        for (n, &next) in nexts.iter().enumerate() {
            found = if next == at { n } else { found };
        }
        // Back too soon, or nowhere.
        if at == start || nexts[found] != at {
            return false;
        }
        at = previouses[found];
    }
    at == start
}

/// How many spokes one walk around the vertex visits; 0 if it breaks off or never returns to its start.
fn turns(fan: &[(u32, u32)]) -> usize {
    let start = fan[0].0;
    let mut at = start;
    for turn in 1..=fan.len() {
        let Some(&(_, previous)) = fan.iter().find(|spoke| spoke.0 == at) else {
            return 0;
        };
        at = previous;
        if at == start {
            return turn;
        }
    }
    0
}

/// Splits a closed 2-manifold into shells and checks that each encloses a volume.
fn shells<E>(mesh: &Mesh, check: &impl Fn() -> Result<(), E>) -> Result<Verdict, E> {
    let mut parent: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    for (n, &[a, b, c]) in mesh.triangles.iter().enumerate() {
        if n % STRIDE == 0 {
            check()?;
        }
        let root = parent[a as usize];
        // Most triangles join what is joined already, by the same parent.
        if parent[b as usize] != root || parent[c as usize] != root {
            unite(&mut parent, a, b);
            unite(&mut parent, a, c);
        }
    }
    // Every parent is smaller than its child or the root itself, so one pass upward leads all to their roots.
    for v in 0..parent.len() {
        parent[v] = parent[parent[v] as usize];
    }
    let mut number = vec![u32::MAX; parent.len()];
    let mut shells: Vec<(DVec3, Shell)> = Vec::new();
    for (n, &triangle) in mesh.triangles.iter().enumerate() {
        if n % STRIDE == 0 {
            check()?;
        }
        let root = parent[triangle[0] as usize] as usize;
        let corners = mesh.corners(triangle);
        if number[root] == u32::MAX {
            number[root] = shells.len() as u32;
            shells.push((corners[0], Shell { volume: 0.0, triangles: 0, bounds: Aabb::EMPTY }));
        }
        let (origin, shell) = &mut shells[number[root] as usize];
        let [a, b, c] = corners.map(|p| p - *origin);
        shell.volume += a.dot(b.cross(c)) / 6.0;
        shell.triangles += 1;
    }
    // Every vertex belongs to a triangle, or the fans would have said so.
    for (&place, &root) in mesh.vertices.iter().zip(&parent) {
        let shell = &mut shells[number[root as usize] as usize].1;
        shell.bounds = shell.bounds.with(place);
    }
    let mut shells: Vec<Shell> = shells.into_iter().map(|(_, shell)| shell).collect();
    shells.sort_by(|a, b| b.volume.total_cmp(&a.volume));
    let mut wrong = Tally::default();
    for shell in shells.iter().filter(|shell| shell.volume <= 0.0) {
        let housed = shells.iter().any(|outer| outer.volume > 0.0 && outer.bounds.contains(&shell.bounds));
        if !housed || shell.volume == 0.0 {
            wrong.add(shell.bounds.middle().vec());
        }
    }
    Ok(match wrong.found() {
        Some((count, near)) => Err(vec![Defect::InsideOut { count, near }]),
        None => Ok(shells),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::cuboid;
    use glam::DMat3;

    fn join(a: &Mesh, b: &Mesh) -> Mesh {
        let shift = a.vertices.len() as u32;
        let mut mesh = a.clone();
        mesh.vertices.extend(&b.vertices);
        mesh.triangles.extend(b.triangles.iter().map(|t| t.map(|v| v + shift)));
        mesh
    }

    fn turned(mut mesh: Mesh) -> Mesh {
        mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        mesh
    }

    #[test]
    fn a_proof_stops_when_it_is_asked_to() {
        let ctx = Ctx::default();
        let mesh = cuboid(DVec3::ZERO, DVec3::ONE);
        assert_eq!(Solid::proven(mesh.clone(), &ctx), Ok(Solid::new(mesh.clone())));
        ctx.cancel().stop();
        assert_eq!(Solid::proven(mesh, &ctx), Err(Cancelled));
    }

    fn defects(mesh: Mesh) -> Vec<Defect> {
        Solid::new(mesh).unwrap_err().defects
    }

    #[test]
    fn a_box_is_a_solid_of_genus_zero() {
        let solid = Solid::new(cuboid(DVec3::ZERO, DVec3::new(1.0, 2.0, 3.0))).unwrap();
        assert!((solid.volume() - 6.0).abs() < 1e-12);
        assert_eq!((solid.shells().len(), solid.genus()), (1, 0));
    }

    #[test]
    fn a_small_fan_is_a_ring_exactly_if_its_spokes_are_matched_and_walked_at_once() {
        let slow = |fan: &[(u32, u32)]| {
            let sorted = |pick: fn(&(u32, u32)) -> u32| {
                let mut all: Vec<u32> = fan.iter().map(pick).collect();
                all.sort_unstable();
                all
            };
            let (nexts, previouses) = (sorted(|s| s.0), sorted(|s| s.1));
            nexts == previouses && nexts.windows(2).all(|w| w[0] != w[1]) && turns(fan) == fan.len()
        };
        let mut rings = 0;
        // All fans of four spokes between four neighbours.
        for code in 0..1_u32 << 16 {
            let fan: Vec<(u32, u32)> =
                (0..4).map(|n| (code >> (4 * n) & 3, code >> (4 * n + 2) & 3)).collect();
            assert_eq!(is_one_ring(&fan), slow(&fan), "{fan:?}");
            rings += usize::from(slow(&fan));
        }
        // Six rings of four neighbours, their spokes in any of 24 orders.
        assert_eq!(rings, 6 * 24);
        let around = |n: u32| -> Vec<(u32, u32)> { (0..n).map(|v| (v, (v + 1) % n)).collect() };
        assert!(
            is_one_ring(&around(8))
                && is_one_ring(&around(16))
                && !is_one_ring(&around(17))
                && !is_one_ring(&[])
        );
    }

    #[test]
    fn a_missing_triangle_leaves_three_open_edges() {
        let mut mesh = cuboid(DVec3::ZERO, DVec3::ONE);
        mesh.triangles.pop();
        assert!(matches!(defects(mesh)[..], [Defect::OpenEdge { count: 3, .. }]));
    }

    #[test]
    fn a_turned_triangle_is_named() {
        let mut mesh = cuboid(DVec3::ZERO, DVec3::ONE);
        mesh.triangles[0].swap(1, 2);
        assert!(defects(mesh).iter().any(|d| matches!(d, Defect::NonManifoldEdge { .. })));
    }

    #[test]
    fn a_cavity_is_a_solid_but_an_inside_out_box_is_not() {
        let outer = cuboid(DVec3::ZERO, DVec3::splat(4.0));
        let hollow = join(&outer, &turned(cuboid(DVec3::ONE, DVec3::ONE)));
        let solid = Solid::new(hollow).unwrap();
        assert!((solid.volume() - 63.0).abs() < 1e-12);
        assert_eq!(solid.shells().len(), 2);
        assert!(matches!(defects(turned(outer.clone()))[..], [Defect::InsideOut { count: 1, .. }]));
        let beside = join(&outer, &turned(cuboid(DVec3::splat(9.0), DVec3::ONE)));
        assert!(matches!(defects(beside)[..], [Defect::InsideOut { count: 1, .. }]));
    }

    #[test]
    fn two_boxes_sharing_an_edge_or_a_corner_are_not_a_solid() {
        // Vertices of the second box that coincide with the first are made the same vertex.
        let weld = |shift: DVec3| {
            let (a, b) = (cuboid(DVec3::ZERO, DVec3::ONE), cuboid(shift, DVec3::ONE));
            let mut mesh = a.clone();
            let index: Vec<u32> = b
                .vertices
                .iter()
                .map(|&p| {
                    a.vertices.iter().position(|&q| q == p).unwrap_or_else(|| {
                        mesh.vertices.push(p);
                        mesh.vertices.len() - 1
                    }) as u32
                })
                .collect();
            mesh.triangles.extend(b.triangles.iter().map(|t| t.map(|v| index[v as usize])));
            mesh
        };
        let edge = defects(weld(DVec3::new(1.0, 1.0, 0.0)));
        assert!(matches!(edge[0], Defect::NonManifoldEdge { .. }), "{edge:?}");
        let corner = defects(weld(DVec3::ONE));
        assert!(matches!(corner[..], [Defect::NonManifoldVertex { count: 1, .. }]), "{corner:?}");
    }

    #[test]
    fn unusable_numbers_and_indices_are_named() {
        let good = cuboid(DVec3::ZERO, DVec3::ONE);
        assert_eq!(defects(Mesh::default()), [Defect::Empty]);
        let mut mesh = good.clone();
        mesh.vertices[3] = Point::new(f64::NAN, 0.0, 0.0);
        assert_eq!(defects(mesh), [Defect::NotFinite { count: 1 }]);
        let mut mesh = good.clone();
        mesh.triangles[0][0] = 99;
        assert_eq!(defects(mesh), [Defect::DanglingIndex { count: 1 }]);
        let mut mesh = good.clone();
        mesh.triangles[0][0] = mesh.triangles[0][1];
        assert!(matches!(defects(mesh)[..], [Defect::Degenerate { count: 1, .. }]));
        let mut mesh = good;
        mesh.vertices.push(Point::new(5.0, 5.0, 5.0));
        assert!(matches!(defects(mesh)[..], [Defect::LooseVertex { count: 1, .. }]));
    }

    #[test]
    fn a_moved_solid_keeps_its_volume_and_stays_a_solid_when_mirrored() {
        let solid = Solid::new(cuboid(DVec3::ZERO, DVec3::new(1.0, 2.0, 3.0))).unwrap();
        let mirror = Affine::new(DMat3::from_diagonal(DVec3::new(1.0, -1.0, 1.0)), DVec3::splat(100.0));
        assert!((solid.moved(&mirror).unwrap().volume() - 6.0).abs() < 1e-9);
    }
}
