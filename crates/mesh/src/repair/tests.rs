//! Broken surfaces made from sound ones, so that the solid that should come out is known.

use super::*;
use crate::isosurface::isosurface;
use osteon_core::{Affine, Explain, Grid, Hu, Mask, Volume};
use osteon_image::Levels;
use osteon_phantom::mesh::{ball, cuboid};
use proptest::prelude::*;

fn bx(low: [f64; 3], size: [f64; 3]) -> Mesh {
    cuboid(DVec3::from_array(low), DVec3::from_array(size))
}

fn turned(mut mesh: Mesh) -> Mesh {
    mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    mesh
}

fn join(meshes: &[Mesh]) -> Mesh {
    let mut whole = Mesh::default();
    for mesh in meshes {
        let shift = whole.vertices.len() as u32;
        whole.vertices.extend(&mesh.vertices);
        whole.triangles.extend(mesh.triangles.iter().map(|t| t.map(|v| v + shift)));
    }
    whole
}

/// Each triangle with vertices of its own.
fn soup(mesh: &Mesh) -> Mesh {
    let vertices = mesh.triangles.as_flattened().iter().map(|&v| mesh.vertices[v as usize]).collect();
    let corners: Vec<u32> = (0..mesh.triangles.len() as u32 * 3).collect();
    Mesh { vertices, triangles: corners.as_chunks().0.to_vec() }
}

/// Vertices at the same place made one, as readers of STL do.
fn welded(mesh: &Mesh) -> Mesh {
    let first = |v: u32| mesh.vertices.iter().position(|p| *p == mesh.vertices[v as usize]).unwrap() as u32;
    let mut mesh = Mesh {
        vertices: mesh.vertices.clone(),
        triangles: mesh.triangles.iter().map(|t| t.map(first)).collect(),
    };
    edges::compact(&mut mesh);
    mesh
}

fn with(how: Repair, mesh: &Mesh) -> Result<Repaired, RepairError> {
    repair(mesh, &how, &Ctx::default())
}

fn mended(mesh: &Mesh) -> Repaired {
    with(Repair::default(), mesh).unwrap()
}

fn refused(mesh: &Mesh) -> RepairError {
    with(Repair::default(), mesh).unwrap_err()
}

fn codes(repaired: &Repaired) -> Vec<&str> {
    repaired.findings.iter().map(|f| f.code.as_str()).collect()
}

fn close(a: f64, b: f64) -> bool {
    // Sums of a few thousand terms of the size of the result.
    (a - b).abs() <= 1e-9 * b.abs()
}

const PART: [f64; 3] = [20.0, 20.0, 13.1];

#[test]
fn a_solid_comes_back_bit_for_bit() {
    let hollow = join(&[bx([0.0; 3], [9.0; 3]), turned(bx([1.0; 3], [2.0; 3]))]);
    // Boxes with corners closer together than a micrometre.
    let close_by = join(&[bx([0.0; 3], [1.0; 3]), bx([1.0 + 1e-7, 0.0, 0.0], [1.0; 3])]);
    for mesh in [ball(DVec3::splat(70.0), 30.0, 20), hollow, close_by] {
        let repaired = mended(&mesh);
        assert_eq!(repaired.solid.mesh(), &mesh);
        assert_eq!((repaired.findings.len(), repaired.changes), (0, Changes::default()));
    }
}

#[test]
fn surfaces_of_noise_come_back_bit_for_bit() {
    let grid =
        Grid::upright([24, 17, 13], Point::new(-10.0, 20.0, 30.0), DVec3::new(0.7, 0.7, 1.25)).unwrap();
    for (seed, percent) in [(1, 20), (2, 50), (3, 80)] {
        let mut random = osteon_core::ctx::Random::new(seed);
        let inside: Vec<bool> = (0..grid.count()).map(|_| random.bits() % 100 < percent).collect();
        let values = (0..grid.count()).map(|_| (random.bits() % 2000) as i16 - 1000).collect();
        let mask = Mask::where_true(&grid, |x, y, z| inside[grid.index(x, y, z)]);
        let volume = Volume::new(grid.clone(), values).unwrap();
        let solid = isosurface(&volume, &Levels::constant(Hu(0.0)), &mask, &Ctx::default()).unwrap();
        let repaired = mended(solid.mesh());
        assert_eq!((repaired.findings, repaired.changes), (Vec::new(), Changes::default()));
        assert_eq!(repaired.solid, solid);
    }
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let good = bx([0.0; 3], PART);
    assert_eq!(refused(&Mesh::default()).code(), "repair-empty");
    let mut bad = good.clone();
    bad.triangles[3][1] = 99;
    assert!(matches!(refused(&bad), RepairError::Index { triangle: 3, vertex: 99, vertices: 8 }));
    for value in [f64::NAN, f64::INFINITY] {
        let mut bad = good.clone();
        bad.vertices[5] = Point::new(1.0, value, 2.0);
        assert!(matches!(refused(&bad), RepairError::NotFinite { count: 1, first: 5 }));
    }
}

#[test]
fn loose_triangles_become_a_solid_that_touches_nothing_else() {
    let whole = ball(DVec3::new(-40.0, 3.0, 900.0), 10.0, 12);
    let repaired = mended(&soup(&whole));
    assert_eq!(repaired.solid.mesh().vertices.len(), whole.vertices.len());
    assert!(close(repaired.solid.volume(), whole.signed_volume()));
    assert_eq!(codes(&repaired), ["repair-welded"]);
    assert_eq!(repaired.changes.welded, soup(&whole).vertices.len() - whole.vertices.len());
}

#[test]
fn cracks_of_a_micrometre_are_closed_and_wider_ones_are_not() {
    let cracked = |gap: f64| {
        // Opposite sides of the box have vertices of their own, the upper ones moved.
        let mut mesh = soup(&bx([0.0; 3], PART));
        for vertex in &mut mesh.vertices[6..12] {
            *vertex = Point::from_vec(vertex.vec() + DVec3::new(0.0, 0.0, gap));
        }
        mesh
    };
    let repaired = mended(&cracked(0.9e-3));
    // The lid moved by at most the crack.
    assert!((repaired.solid.volume() - 5240.0).abs() <= 400.0 * 0.9e-3 + 1e-9);
    assert!(repaired.findings[0].message.contains("0.000900 mm away"), "{}", repaired.findings[0].message);
    // A lid 1 mm above the rest is a sheet, and the rest a box without lid: 22.6 mm.
    match refused(&cracked(1.0)) {
        RepairError::Hole { diameter, sides: 4, limit: 10.0, near, .. } => {
            assert!((diameter - 2.0 * (400.0 / std::f64::consts::PI).sqrt()).abs() < 1e-9);
            assert_eq!(near.vec(), DVec3::new(10.0, 10.0, 13.1));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn facets_that_are_none_or_twice_are_left_out() {
    let good = bx([0.0; 3], PART);
    let mut mesh = good.clone();
    mesh.triangles.extend([[1, 1, 2], good.triangles[4], good.triangles[4]]);
    let [a, b, c] = good.triangles[7];
    mesh.triangles.push([b, a, c]);
    let repaired = mended(&mesh);
    assert_eq!(codes(&repaired), ["repair-degenerate", "repair-duplicate"]);
    assert_eq!(repaired.changes.dropped, 4);
    assert!(close(repaired.solid.volume(), 5240.0));
    // A facet and its back that stand away from everything are a sheet without thickness: both go.
    let mut mesh = good.clone();
    mesh.vertices.push(Point::new(50.0, 50.0, 50.0));
    mesh.triangles.extend([[0, 1, 8], [1, 0, 8]]);
    let repaired = mended(&mesh);
    assert_eq!(repaired.solid.mesh(), &good);
}

#[test]
fn turned_facets_are_turned_back_and_told_with_their_place() {
    let good = ball(DVec3::ZERO, 10.0, 10);
    let mut mesh = good.clone();
    for n in [3, 40, 41] {
        mesh.triangles[n].swap(0, 1);
    }
    let repaired = mended(&mesh);
    assert_eq!((codes(&repaired), repaired.changes.turned), (vec!["repair-turned"], 3));
    assert_eq!(repaired.findings[0].value, Some(3.0));
    assert!(close(repaired.solid.volume(), good.signed_volume()));
}

#[test]
fn an_inside_out_body_is_turned_and_suspected_of_being_mirrored() {
    let good = bx([0.0; 3], PART);
    let repaired = mended(&turned(good.clone()));
    assert!(close(repaired.solid.volume(), 5240.0));
    let finding = &repaired.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("repair-inside-out", Severity::Danger));
    // A hollow box all inside out keeps its cavity.
    let hollow = join(&[good.clone(), turned(bx([5.0; 3], [2.0; 3]))]);
    assert!(close(mended(&turned(hollow.clone())).solid.volume(), 5232.0));
    // One of two bodies inside out is no sign of a mirror.
    let beside = join(&[good, turned(bx([50.0; 3], [2.0; 3]))]);
    let repaired = mended(&beside);
    assert!(close(repaired.solid.volume(), 5248.0));
    assert_eq!(repaired.findings[0].severity, Severity::Caution);
    // Within the box around a ball, but not within the ball: Solid's own check cannot see that.
    let round = ball(DVec3::ZERO, 10.0, 12);
    let corner = join(&[round.clone(), turned(bx([8.0; 3], [1.0; 3]))]);
    assert!(Solid::new(corner.clone()).is_ok());
    let repaired = mended(&corner);
    assert!(close(repaired.solid.volume(), round.signed_volume() + 1.0));
    assert_eq!((codes(&repaired), repaired.changes.faced), (vec!["repair-inside-out"], 1));
    // Which way something without thickness faces is rounding, and no mistake.
    let sliver = join(&[round, turned(bx([8.0; 3], [1.0, 1.0, 1e-11]))]);
    assert_eq!(mended(&sliver).solid.mesh(), &sliver);
}

#[test]
fn an_edge_that_passes_a_vertex_by_is_given_it() {
    // The first facet is divided in the middle of its longest side, the neighbour is not.
    for count in [1, 3] {
        let mut mesh = bx([0.0; 3], PART);
        let [a, b, c] = mesh.triangles[0];
        let (p, q) = (mesh.vertices[a as usize].vec(), mesh.vertices[b as usize].vec());
        mesh.triangles.remove(0);
        let mut from = a;
        for n in 1..=count + 1 {
            let to = if n > count {
                b
            } else {
                mesh.vertices.push(Point::from_vec(p + (q - p) * f64::from(n) / f64::from(count + 1)));
                mesh.vertices.len() as u32 - 1
            };
            mesh.triangles.push([from, to, c]);
            from = to;
        }
        let repaired = mended(&mesh);
        assert_eq!((codes(&repaired), repaired.changes.inserted), (vec!["repair-junction"], count as usize));
        assert!(close(repaired.solid.volume(), 5240.0));
        assert_eq!(repaired.solid.mesh().triangles.len(), 12 + 2 * count as usize);
    }
}

#[test]
fn a_facet_with_vertices_on_every_side_is_divided_along_all_of_them() {
    // A tetrahedron whose bottom is one facet, and whose other sides are divided.
    let corner = [[0.0, 0.0, 0.0], [8.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 8.0]].map(DVec3::from_array);
    let mut vertices = corner.to_vec();
    let mut middles = Vec::new();
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        for share in [0.25, 0.5, 0.75] {
            vertices.push(corner[a] + (corner[b] - corner[a]) * share);
        }
        middles.push((a as u32, b as u32, vertices.len() as u32 - 3));
    }
    let mut triangles = vec![[0, 2, 1]];
    for (a, b, first) in middles {
        let way = [a, first, first + 1, first + 2, b];
        triangles.extend(way.windows(2).map(|w| [w[0], w[1], 3]));
    }
    let mesh = Mesh { vertices: vertices.into_iter().map(Point::from_vec).collect(), triangles };
    let repaired = mended(&mesh);
    assert_eq!(repaired.changes.inserted, 9);
    assert!(close(repaired.solid.volume(), 512.0 / 6.0));
}

#[test]
fn bodies_that_touch_are_parted_without_moving() {
    let base = bx([0.0; 3], [1.0; 3]);
    let cases = [
        (bx([1.0, 1.0, 0.0], [1.0; 3]), "repair-touching-edge", 2.0),
        (bx([1.0, 1.0, 1.0], [1.0; 3]), "repair-touching-vertex", 2.0),
        // A face in common, divided alike: the two facets within cancel out, and one body is left.
        (bx([1.0, 0.0, 0.0], [1.0; 3]), "repair-duplicate", 2.0),
    ];
    for (other, code, volume) in cases {
        let mesh = welded(&join(&[base.clone(), other]));
        assert!(Solid::new(mesh.clone()).is_err());
        let repaired = mended(&mesh);
        assert!(codes(&repaired).contains(&code), "{:?}", codes(&repaired));
        assert!(close(repaired.solid.volume(), volume), "{code}");
    }
    // Four boxes around one edge, alternately full: matter stays where it is.
    let four = welded(&join(&[
        base.clone(),
        bx([1.0, 1.0, 0.0], [1.0; 3]),
        bx([1.0, 0.0, 1.0], [1.0; 3]),
        bx([0.0, 1.0, 1.0], [1.0; 3]),
    ]));
    let repaired = mended(&four);
    assert!(close(repaired.solid.volume(), 4.0));
    assert_eq!(repaired.solid.shells().len(), 4);
}

#[test]
fn a_body_that_touches_itself_along_an_edge_is_one_body_with_two_edges_there() {
    // A ring of boxes whose ends meet in an edge: around that edge there are four facets of one body.
    let cells = [[0, 0], [1, 0], [2, 0], [2, 1], [2, 2], [1, 2], [0, 2], [0, 1]];
    let ring: Vec<Mesh> =
        cells.iter().map(|c| bx([f64::from(c[0]), f64::from(c[1]), 0.0], [1.0; 3])).collect();
    // Two of them opposite each other over the corner of the hole.
    let mesh = welded(&join(&ring[..7]));
    let mesh = welded(&join(&[mesh, bx([1.0, 1.0, 0.0], [1.0; 3])]));
    let repaired = mended(&mesh);
    assert!(close(repaired.solid.volume(), 8.0), "{}", repaired.solid.volume());
}

/// A ball of 20 mm with a hole around its pole.
fn holed(rings: u32, steps: usize) -> Mesh {
    let mut mesh = ball(DVec3::new(5.0, 6.0, 7.0), 20.0, rings);
    // Rings are numbered from the lower pole; the last ones are around the upper.
    let low = 7.0 + 20.0 * libm::cos(std::f64::consts::PI * steps as f64 / f64::from(rings)) - 1e-9;
    let kept = mesh.clone();
    mesh.triangles.retain(|&t| kept.corners(t).iter().any(|p| p.z < low));
    mesh
}

#[test]
fn a_missing_facet_is_put_back_whatever_its_size() {
    let good = bx([0.0; 3], PART);
    for n in 0..12 {
        let mut mesh = good.clone();
        mesh.triangles.remove(n);
        let repaired = mended(&mesh);
        assert!(close(repaired.solid.volume(), 5240.0));
        let finding = &repaired.findings[0];
        assert_eq!((finding.code.as_str(), repaired.changes.filled), ("repair-hole", 1));
        assert!(finding.place.is_some() && finding.value > Some(0.0));
    }
}

#[test]
fn small_holes_are_filled_and_what_may_be_missing_is_bounded() {
    let whole = ball(DVec3::ZERO, 20.0, 40).signed_volume();
    let repaired = mended(&holed(40, 2));
    let missing = whole - repaired.solid.volume();
    assert_eq!(codes(&repaired), ["repair-hole"]);
    assert!(missing > 0.0 && missing < 1e-3 * whole);
    // The triangles beside the hole lie half a step further out than its rim of two: their slope is a quarter more.
    let radius = 20.0 * libm::sin(std::f64::consts::PI / 20.0);
    let said = &repaired.findings[0];
    assert!((said.value.unwrap() / (2.0 * radius) - 1.0).abs() < 0.01, "{}", said.message);
    let percent: f64 =
        said.message.split("uncertain by ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((1.0..1.5).contains(&(percent / 100.0 * whole / missing)), "{percent} {missing} {whole}");
    // Twice as wide: 12.3 mm are more than 10.
    match refused(&holed(40, 4)) {
        RepairError::Hole { count: 1, diameter, .. } => assert!((12.0..12.6).contains(&diameter)),
        other => panic!("{other}"),
    }
    // If that is allowed, the volume is not.
    let how = Repair { largest_hole: 30.0, ..Repair::default() };
    match with(how, &holed(40, 6)).unwrap_err() {
        RepairError::Volume { share, limit, near, .. } => {
            assert!(share > limit && near.vec().distance(DVec3::new(5.0, 6.0, 26.0)) < 2.0);
        }
        other => panic!("{other}"),
    }
    let how = Repair { largest_hole: 30.0, volume_change: 0.05, ..Repair::default() };
    assert!(with(how, &holed(40, 6)).is_ok());
}

#[test]
fn holes_of_any_outline_are_filled_without_a_second_edge_between_two_vertices() {
    let mut random = osteon_core::ctx::Random::new(7);
    let whole = ball(DVec3::ZERO, 20.0, 24);
    for _ in 0..40 {
        // A patch grown from one triangle to its neighbours.
        let mut gone = vec![(random.bits() % whole.triangles.len() as u64) as usize];
        while gone.len() < 6 {
            let shares = |n: &usize, m: usize| {
                whole.triangles[*n].iter().filter(|v| whole.triangles[m].contains(v)).count() == 2
            };
            let next: Vec<usize> = (0..whole.triangles.len())
                .filter(|m| !gone.contains(m) && gone.iter().any(|n| shares(n, *m)))
                .collect();
            gone.push(next[(random.bits() % next.len() as u64) as usize]);
        }
        let mut mesh = whole.clone();
        let mut n = 0;
        mesh.triangles.retain(|_| {
            n += 1;
            !gone.contains(&(n - 1))
        });
        let repaired = mended(&mesh);
        assert!((repaired.solid.volume() / whole.signed_volume() - 1.0).abs() < 1e-3);
        assert_eq!(repaired.solid.genus(), 0);
    }
}

#[test]
fn sheets_are_left_out_beside_a_body_and_refused_alone() {
    let body = bx([0.0; 3], PART);
    let mut sheet = bx([40.0, 0.0, 0.0], [5.0; 3]);
    sheet.triangles.truncate(2);
    let repaired = mended(&join(&[body.clone(), sheet.clone()]));
    assert_eq!(codes(&repaired), ["repair-sheet"]);
    assert!(repaired.findings[0].message.contains("25.00 mm²"));
    assert_eq!(repaired.solid.mesh(), &body);
    match refused(&sheet) {
        RepairError::Sheet { holes: 1, near } => assert_eq!(near.vec(), DVec3::new(42.5, 2.5, 0.0)),
        other => panic!("{other}"),
    }
    // A fin that stands on an edge of the box.
    let mut fin = body.clone();
    fin.vertices.push(Point::new(-2.0, -2.0, 0.0));
    fin.triangles.push([0, 1, 8]);
    let repaired = mended(&fin);
    assert_eq!((codes(&repaired), repaired.solid.mesh()), (vec!["repair-fin"], &body));
}

#[test]
fn a_surface_with_one_side_is_refused() {
    // A Möbius strip of five triangles.
    let vertices = (0..5).map(|n| {
        let angle = f64::from(n) * std::f64::consts::TAU / 5.0;
        Point::new(libm::cos(angle), libm::sin(angle), f64::from(n % 2))
    });
    let triangles = (0..5_u32).map(|n| [n, (n + 1) % 5, (n + 2) % 5]).collect();
    let strip = Mesh { vertices: vertices.collect(), triangles };
    assert_eq!(refused(&strip).code(), "repair-one-sided");
}

#[test]
fn a_pillow_without_volume_is_left_out() {
    let body = bx([0.0; 3], PART);
    let mut pillow = bx([40.0, 0.0, 0.0], [5.0, 5.0, 1.0]);
    pillow.vertices.iter_mut().for_each(|p| *p = Point::new(p.vec().x, p.vec().y, 0.0));
    let repaired = mended(&join(&[body.clone(), pillow]));
    assert_eq!((codes(&repaired), repaired.solid.mesh()), (vec!["repair-empty-shell"], &body));
}

#[test]
fn nested_and_crossing_bodies_are_told_and_resolved_on_request() {
    let nested = join(&[bx([0.0; 3], [20.0; 3]), bx([5.0; 3], [10.0; 3])]);
    let kept = mended(&nested);
    assert_eq!(codes(&kept), ["mesh-nested"]);
    assert!(close(kept.solid.volume(), 9000.0));
    let resolve = Repair { overlaps: Overlaps::Resolve, ..Repair::default() };
    let resolved = with(resolve, &nested).unwrap();
    assert!((resolved.solid.volume() - 8000.0).abs() < 1e-6);
    assert_eq!(resolved.findings[0].code, "mesh-nested");
    // 10³ + 10³ − 5³.
    let crossing = join(&[bx([0.0; 3], [10.0; 3]), bx([5.0; 3], [10.0; 3])]);
    let told = with(Repair { overlaps: Overlaps::Tell, ..Repair::default() }, &crossing).unwrap();
    assert_eq!(codes(&told), ["mesh-overlap"]);
    assert!(close(told.solid.volume(), 2000.0));
    let resolved = with(resolve, &crossing).unwrap();
    assert!((resolved.solid.volume() - 1875.0).abs() < 1e-6);
    assert_eq!(codes(&resolved), ["mesh-overlap-resolved"]);
    // A cavity is no nested body, nor is a body in a cavity.
    let russian = join(&[bx([0.0; 3], [20.0; 3]), turned(bx([5.0; 3], [10.0; 3])), bx([7.0; 3], [2.0; 3])]);
    let same = with(resolve, &russian).unwrap();
    assert_eq!((same.findings.len(), same.solid.mesh()), (0, &russian));
}

/// A body without any plane of symmetry.
fn hand() -> Mesh {
    join(&[
        bx([0.0; 3], [10.0, 4.0, 2.0]),
        bx([0.0, 0.0, 2.1], [2.0, 1.0, 7.0]),
        bx([8.0, 4.1, 0.0], [2.0, 9.0, 1.0]),
    ])
}

#[test]
fn a_mirrored_body_is_refused_if_its_chirality_is_known_and_only_then() {
    let solid = Solid::new(hand()).unwrap();
    let truth = chirality(&solid);
    assert!(truth.abs() > 1e-4, "{truth}");
    // Moved, turned and larger: the same.
    let turn = glam::DMat3::from_axis_angle(DVec3::new(0.6, 0.0, 0.8), 1.0) * 3.0;
    let moved = solid.moved(&Affine::new(turn, DVec3::new(300.0, -50.0, 20.0))).unwrap();
    assert!((chirality(&moved) / truth - 1.0).abs() < 1e-9);
    let mirror = Affine::new(glam::DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO);
    let image = solid.moved(&mirror).unwrap();
    assert!((chirality(&image) / truth + 1.0).abs() < 1e-9);

    let how = Repair { chirality: Some(truth), ..Repair::default() };
    assert!(with(how, solid.mesh()).unwrap().findings.is_empty());
    assert_eq!(with(how, image.mesh()).unwrap_err().code(), "repair-mirrored");
    assert!(mended(image.mesh()).findings.is_empty());
    // Mirrored without turning the facets: inside out and mirrored.
    let inside_out = turned(image.mesh().clone());
    assert_eq!(with(how, &inside_out).unwrap_err().code(), "repair-mirrored");
    assert_eq!(mended(&inside_out).findings[0].severity, Severity::Danger);
    // Only inside out: the chirality vouches for it.
    assert_eq!(with(how, &turned(hand())).unwrap().findings[0].severity, Severity::Caution);
    // A body that is its own mirror image tells nothing.
    let even = with(how, &bx([0.0; 3], PART)).unwrap();
    assert_eq!(codes(&even), ["chirality-undecided"]);
}

#[test]
fn a_stopped_job_stops() {
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let stopped = repair(&soup(&bx([0.0; 3], PART)), &Repair::default(), &ctx);
    assert!(matches!(stopped, Err(RepairError::Cancelled(_))));
}

#[test]
fn the_result_is_the_same_at_any_number_of_threads() {
    let mut mesh = soup(&join(&[holed(30, 2), bx([100.0; 3], [5.0; 3]), turned(bx([120.0; 3], [5.0; 3]))]));
    mesh.triangles[17].swap(0, 1);
    let done = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| mended(&mesh))
    });
    assert_eq!(done[0], done[1]);
    assert_eq!(done[0], done[2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn boxes_on_a_lattice_welded_by_place_keep_their_volume(cells in prop::collection::btree_set((0_i32..3, 0_i32..3, 0_i32..3), 1..20)) {
        // Faces between two boxes are there twice and face both ways; edges and corners touch in every manner.
        let boxes: Vec<Mesh> = cells
            .iter()
            .map(|&(x, y, z)| bx([x, y, z].map(f64::from), [1.0; 3]))
            .collect();
        let repaired = with(Repair::default(), &welded(&join(&boxes)));
        let repaired = repaired.map_err(|why| TestCaseError::fail(format!("{why}")))?;
        prop_assert!(close(repaired.solid.volume(), cells.len() as f64), "{} {:?}", repaired.solid.volume(), cells);
    }

    #[test]
    fn any_triangles_become_a_solid_or_are_refused(
        corners in prop::collection::vec((0_u8..4, 0_u8..4, 0_u8..4), 4..20),
        triangles in prop::collection::vec((0_u32..20, 0_u32..20, 0_u32..20), 1..60),
    ) {
        let count = corners.len() as u32;
        let vertices = corners.iter().map(|&(x, y, z)| Point::new(x.into(), y.into(), z.into())).collect();
        let triangles = triangles.iter().map(|&(a, b, c)| [a % count, b % count, c % count]).collect();
        match with(Repair { volume_change: 10.0, largest_hole: 1e3, ..Repair::default() }, &Mesh { vertices, triangles }) {
            // A solid by its type.
            Ok(repaired) => prop_assert!(repaired.findings.iter().all(|f| f.place.is_some())),
            Err(RepairError::NotSolid(why)) => return Err(TestCaseError::fail(format!("{why}"))),
            Err(refused) => prop_assert!(!refused.help().is_empty()),
        }
    }
}
