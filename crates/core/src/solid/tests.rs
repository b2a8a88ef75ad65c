//! What is a solid, what is not, and how the latter is named.

use super::*;
use crate::test_shapes::cuboid;
use glam::{DMat3, DVec3};

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

#[test]
fn a_displaced_solid_is_proven_as_if_it_were_new() {
    let two = join(&cuboid(DVec3::ZERO, DVec3::splat(4.0)), &cuboid(DVec3::splat(9.0), DVec3::ONE));
    for mesh in [cuboid(DVec3::ZERO, DVec3::ONE), two] {
        let solid = Solid::new(mesh.clone()).unwrap();
        let put = |map: &dyn Fn(DVec3) -> DVec3| {
            let vertices: Vec<_> = mesh.vertices.iter().map(|p| Point::from_vec(map(p.vec()))).collect();
            let anew = Solid::new(Mesh { vertices: vertices.clone(), triangles: mesh.triangles.clone() });
            let displaced = solid.displaced(vertices, &Ctx::default()).unwrap();
            // NaN is not equal to itself, so refusals are compared by what they say.
            match (&displaced, &anew) {
                (Err(one), Err(other)) => assert_eq!(one.defects, other.defects),
                _ => assert_eq!(displaced, anew),
            }
            displaced.map_err(|refused| refused.defects)
        };
        assert!(put(&|p| p * 1.5 + DVec3::ONE).is_ok());
        assert!(matches!(put(&|p| -p).unwrap_err()[..], [Defect::InsideOut { .. }]));
        assert!(matches!(put(&|p| p / 0.0).unwrap_err()[..], [Defect::NotFinite { .. }]));
        let fewer = solid.displaced(mesh.vertices[1..].to_vec(), &Ctx::default()).unwrap().unwrap_err();
        assert!(matches!(fewer.defects[..], [Defect::DanglingIndex { .. }]));
    }
}
