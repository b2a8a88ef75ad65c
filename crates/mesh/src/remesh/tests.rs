//! Remeshed solids stay what they were, in better triangles.

use super::*;
use crate::test_shapes::{ball, block, moved, shaped};
use glam::DVec3;
use osteon_phantom::mesh::cuboid;
use rayon::ThreadPoolBuilder;
use std::f64::consts::PI;

fn run(solid: &Solid, edge: f64) -> Remeshed {
    remesh(solid, &Remesh { edge, ..Remesh::default() }, &Ctx::default()).unwrap()
}

/// What is promised of every solid whose features are larger than the edge.
fn check(given: &Solid, made: &Remeshed, edge: f64) {
    assert_eq!(made.solid.genus(), given.genus());
    assert_eq!(made.solid.shells().len(), given.shells().len());
    assert_eq!(made.crossings, 0);
    assert!(made.smallest_angle >= 20.0, "{}°", made.smallest_angle);
    let mesh = made.solid.mesh();
    assert_eq!(made.after, mesh.triangles.len());
    let (mut angles, mut lengths) = (0, 0);
    for &t in &mesh.triangles {
        let [a, b, c] = mesh.corners(t);
        for [p, q, r] in [[a, b, c], [b, c, a], [c, a, b]] {
            let angle = (q - p).angle_between(r - p).to_degrees();
            angles += usize::from((30.0..=110.0).contains(&angle));
            lengths += usize::from((0.5..=1.6).contains(&(p.distance(q) / edge)));
        }
    }
    let all = (3 * mesh.triangles.len()) as f64;
    assert!(angles as f64 >= 0.99 * all && lengths as f64 >= 0.98 * all, "{angles}, {lengths} of {all}");
    let mut places: Vec<_> =
        mesh.vertices.iter().map(|p| p.vec().to_array().map(|x| (x as f32).to_bits())).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0] != pair[1]), "two vertices in one place");
}

/// A ring of radius 8 mm and thickness 2 × 3 mm, out of two bent halves of a cylinder.
fn torus() -> Solid {
    let (round, across) = (64_u32, 24_u32);
    let mut mesh = Mesh::default();
    for i in 0..round {
        for j in 0..across {
            let (u, v) =
                (2.0 * PI * f64::from(i) / f64::from(round), 2.0 * PI * f64::from(j) / f64::from(across));
            let out = 8.0 + 3.0 * libm::cos(v);
            mesh.vertices.push(Point::new(out * libm::cos(u), out * libm::sin(u), 3.0 * libm::sin(v)));
            let at = |i: u32, j: u32| (i % round) * across + j % across;
            let [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
            mesh.triangles.extend([[a, b, c], [a, c, d]]);
        }
    }
    Solid::new(mesh).unwrap()
}

#[test]
fn a_ball_gets_even_triangles_and_keeps_its_size() {
    let given = ball(8.0, 0.5);
    let made = run(&given, 1.0);
    check(&given, &made, 1.0);
    // The goal is 0.1 edges; the sag of a chord of 4/3 mm is 0.028 mm, and facets of the given ball add theirs.
    assert!(made.deviation < 0.1, "{}", made.deviation);
    assert!((made.solid.volume() / given.volume() - 1.0).abs() < 3e-3);
    assert!(made.mean_quality > 0.95, "{}", made.mean_quality);
}

#[test]
fn a_cuboid_of_twelve_triangles_keeps_its_edges_exactly() {
    let given = Solid::new(cuboid(DVec3::new(5.0, 6.0, 7.0), DVec3::new(12.0, 9.0, 5.0))).unwrap();
    let made = run(&given, 1.0);
    check(&given, &made, 1.0);
    // Rounding of places of some 10 mm.
    assert!(made.deviation < 1e-9 && (made.solid.volume() / given.volume() - 1.0).abs() < 1e-9);
}

#[test]
fn a_ring_keeps_its_hole() {
    let given = torus();
    let made = run(&given, 0.8);
    assert_eq!(given.genus(), 1);
    check(&given, &made, 0.8);
    assert!(made.deviation < 0.08, "{}", made.deviation);
    assert!((made.solid.volume() / given.volume() - 1.0).abs() < 3e-3);
}

#[test]
fn two_solids_stay_two_and_a_thin_plate_stays_as_thick() {
    let plate = block(DVec3::new(10.0, 8.0, 0.7), 0.5);
    let far = moved(ball(3.0, 0.5), DVec3::new(20.0, 0.0, 0.0));
    let mut mesh = plate.mesh().clone();
    let shift = mesh.vertices.len() as u32;
    mesh.vertices.extend(&far.mesh().vertices);
    mesh.triangles.extend(far.mesh().triangles.iter().map(|t| t.map(|v| v + shift)));
    let given = Solid::new(mesh).unwrap();
    let made = run(&given, 1.0);
    check(&given, &made, 1.0);
    let volume = |solid: &Solid| solid.shells().iter().map(|s| s.volume).fold(f64::INFINITY, f64::min);
    assert!((volume(&made.solid) / 56.0 - 1.0).abs() < 1e-9, "{}", volume(&made.solid));
}

#[test]
fn without_creases_a_cuboid_is_rounded() {
    let given = block(DVec3::splat(8.0), 1.0);
    let how = Remesh { crease: 180.0, ..Remesh::default() };
    let made = remesh(&given, &how, &Ctx::default()).unwrap();
    assert!(made.solid.volume() < given.volume() * 0.9999 && made.deviation > 1e-3);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let given = shaped(DVec3::splat(10.0), 0.7, |p| p + DVec3::new(0.0, 0.0, 0.03 * p.x * p.y));
    let with = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&given, 1.0))
    };
    let (one, three) = (with(1), with(3));
    assert_eq!(one.solid, three.solid);
    assert_eq!(one.deviation.to_bits(), three.deviation.to_bits());
    assert_eq!(one.mean_quality.to_bits(), three.mean_quality.to_bits());
}

#[test]
fn wishes_that_make_no_sense_are_refused_with_their_numbers() {
    let given = block(DVec3::splat(4.0), 2.0);
    let code = |edge: f64, crease: f64| {
        let how = Remesh { edge, crease, ..Remesh::default() };
        remesh(&given, &how, &Ctx::default()).map_err(|error| error.code()).err()
    };
    assert_eq!(code(0.0, 40.0), Some("remesh-edge"));
    assert_eq!(code(f64::NAN, 40.0), Some("remesh-edge"));
    assert_eq!(code(1.0, 200.0), Some("remesh-crease"));
    assert_eq!(code(1e-4, 40.0), Some("remesh-too-many"));
}

#[test]
fn it_stops_when_asked_to() {
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let stopped = remesh(&block(DVec3::splat(4.0), 1.0), &Remesh::default(), &ctx);
    assert!(matches!(stopped, Err(RemeshError::Cancelled(_))));
}
