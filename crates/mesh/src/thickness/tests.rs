//! Plates, shells, balls and forks, whose thickness is known.

use super::*;
use crate::test_shapes::{block, moved};
use osteon_phantom::mesh::{ball, cuboid};

fn joined(a: &Mesh, b: &Mesh) -> Mesh {
    let shift = a.vertices.len() as u32;
    let mut mesh = a.clone();
    mesh.vertices.extend(&b.vertices);
    mesh.triangles.extend(b.triangles.iter().map(|t| t.map(|v| v + shift)));
    mesh
}

fn walls_of(solid: &Solid, reach: f64) -> Thickness {
    let ctx = Ctx::default();
    walls(solid, &Bvh::new(solid.mesh(), &ctx).unwrap(), &Survey::all(reach), &ctx).unwrap()
}

fn gaps_of(solid: &Solid, reach: f64) -> Thickness {
    let ctx = Ctx::default();
    gaps(solid, &Bvh::new(solid.mesh(), &ctx).unwrap(), &Survey::all(reach), &ctx).unwrap()
}

#[test]
fn a_plate_is_as_thick_as_it_is_whether_it_has_many_triangles_or_twelve() {
    let fine = walls_of(&block(DVec3::new(20.0, 20.0, 1.5), 1.0), 50.0);
    let coarse = walls_of(&Solid::new(cuboid(DVec3::ZERO, DVec3::new(20.0, 20.0, 1.5))).unwrap(), 50.0);
    // A ball may stay larger by SETTLED, never smaller; with few triangles see BENT.
    assert!((1.499_99..1.5 * (1.0 + 1e-3)).contains(&fine.least), "{}", fine.least);
    assert!((1.499_99..1.5 * 1.027).contains(&coarse.least), "{}", coarse.least);
    let solid = block(DVec3::new(20.0, 20.0, 1.5), 1.0);
    for (&t, place) in fine.per_vertex.iter().zip(&solid.mesh().vertices) {
        // Along the edges normals are oblique and balls larger.
        let inner = place.vec().x.abs() < 9.9 && place.vec().y.abs() < 9.9;
        assert!(t >= 1.499_99 && (!inner || t < 1.501_6), "{t} at {place:?}");
    }
    assert_eq!(fine.share_below(1.0), 0.0);
    assert!(fine.share_below(1.6) > 0.7);
}

#[test]
fn a_ball_is_as_thick_as_its_diameter() {
    let found = walls_of(&Solid::new(ball(DVec3::new(5.0, 6.0, 7.0), 10.0, 24)).unwrap(), 50.0);
    // Faces of an angle δ = π/24 lie within R δ²/4 = 0.043 mm of the sphere, at both ends; normals of vertices err
    // by less than δ/4 = 0.033, which takes off up to 0.58 · 0.033 · 20 mm.
    for &t in &found.per_vertex {
        assert!((t - 20.0).abs() < 0.47, "{t}");
    }
}

#[test]
fn a_shell_is_as_thick_as_the_difference_of_its_radii_inside_and_out() {
    let mut inner = ball(DVec3::ZERO, 8.0, 24);
    inner.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    let solid = Solid::new(joined(&ball(DVec3::ZERO, 10.0, 24), &inner)).unwrap();
    let found = walls_of(&solid, 50.0);
    // The spheres have their faces within 0.043 and 0.034 mm; the normals' part is 0.58 · 0.033 · 2 mm.
    for &t in &found.per_vertex {
        assert!((t - 2.0).abs() < 0.12, "{t}");
    }
    // From the cavity's wall, the gap is its diameter, less 0.58 · 0.033 of it and twice 0.034 mm; outside there
    // is none.
    let gaps = gaps_of(&solid, 50.0);
    let half = gaps.per_vertex.len() / 2;
    assert!(gaps.per_vertex[..half].iter().all(|t| t.is_infinite()));
    assert!(gaps.per_vertex[half..].iter().all(|t| (t - 16.0).abs() < 0.38));
    assert!(walls_of(&solid, 1.0).place.is_none());
}

#[test]
fn the_gap_between_two_plates_is_found_with_its_place() {
    let plate = block(DVec3::new(12.0, 12.0, 2.0), 1.0);
    let both = joined(plate.mesh(), moved(plate.clone(), DVec3::new(0.0, 0.0, 2.4)).mesh());
    let found = gaps_of(&Solid::new(both).unwrap(), 5.0);
    assert!((found.least - 0.4).abs() < 5e-4, "{}", found.least);
    let z = found.place.unwrap().vec().z;
    assert!((1.0 - 1e-9..=1.4 + 1e-9).contains(&z), "{z}");
    assert_eq!(gaps_of(&plate, 5.0).least, f64::INFINITY);
}

#[test]
fn a_thin_spot_in_a_thick_block_is_found_from_both_sides() {
    // A dent 4 mm wide that leaves 0.6 mm of a 5 mm block.
    let dented = crate::test_shapes::shaped(DVec3::new(20.0, 20.0, 5.0), 0.5, |p| {
        let far = DVec3::new(p.x, p.y, 0.0).length();
        if p.z > 2.4 { DVec3::new(p.x, p.y, 2.5 - 4.4 * (1.0 - far / 4.0).clamp(0.0, 1.0)) } else { p }
    });
    let found = walls_of(&dented, 10.0);
    assert!((found.least - 0.6).abs() < 0.02, "{}", found.least);
    let place = found.place.unwrap().vec();
    assert!(DVec3::new(place.x, place.y, 0.0).length() < 0.6, "{place}");
}

#[test]
fn thickness_moves_with_the_solid_and_does_not_depend_on_threads() {
    let solid = Solid::new(ball(DVec3::ZERO, 4.0, 16)).unwrap();
    let here = walls_of(&solid, 50.0);
    let there = walls_of(&moved(solid.clone(), DVec3::new(32.0, -64.0, 16.0)), 50.0);
    for (a, b) in here.per_vertex.iter().zip(&there.per_vertex) {
        // Rounding may let a ball of 8 mm shrink once less, by SETTLED.
        assert!((a - b).abs() < 8.0 * 1.1e-3);
    }
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(single.install(|| walls_of(&solid, 50.0)), here);
}
