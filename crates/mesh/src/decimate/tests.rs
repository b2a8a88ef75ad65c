//! The decimated solid is a solid, keeps its volume and holes, and stays within the certified distance.

use super::*;
use crate::isosurface::isosurface;
use crate::test_shapes::{ball, block, moved, shaped};
use glam::DVec3;
use osteon_core::{Grid, Hu, Mask, Volume, ctx::Random};
use osteon_image::Levels;
use rayon::ThreadPoolBuilder;

fn run(solid: &Solid, share: f64, deviation: f64) -> Decimated {
    decimate(solid, &Decimation { share, deviation, keep: None }, &Ctx::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// How far a triangle is from `p`: from its inside or its sides.
fn distance_to([a, b, c]: [DVec3; 3], p: DVec3) -> f64 {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let normal = ab.cross(ac);
    let on_side = |from: DVec3, to: DVec3| {
        let way = to - from;
        let share = ((p - from).dot(way) / way.length_squared()).clamp(0.0, 1.0);
        p.distance(from + way * share)
    };
    let least = on_side(a, b).min(on_side(b, c)).min(on_side(c, a));
    let n = normal.length_squared();
    let (beta, gamma) = (ap.cross(ac).dot(normal) / n, ab.cross(ap).dot(normal) / n);
    let inside = beta >= 0.0 && gamma >= 0.0 && beta + gamma <= 1.0;
    if inside { least.min(ap.dot(normal).abs() / n.sqrt()) } else { least }
}

/// The furthest that any of many points of one surface is from another.
fn furthest(from: &Mesh, to: &Mesh, pieces: usize) -> f64 {
    let boxed = |&t: &[u32; 3]| {
        let [a, b, c] = to.corners(t);
        (a.min(b).min(c), a.max(b).max(c), [a, b, c])
    };
    let boxes: Vec<(DVec3, DVec3, [DVec3; 3])> = to.triangles.iter().map(boxed).collect();
    let near = |p: DVec3| {
        boxes.iter().fold(f64::INFINITY, |least, (low, high, corners)| {
            let apart = (*low - p).max(p - *high).max(DVec3::ZERO).length();
            if apart < least { least.min(distance_to(*corners, p)) } else { least }
        })
    };
    let worst = |&t: &[u32; 3]| {
        let [a, b, c] = from.corners(t);
        let mut worst = 0.0_f64;
        for i in 0..=pieces {
            for j in 0..=pieces - i {
                let (s, t) = (i as f64 / pieces as f64, j as f64 / pieces as f64);
                worst = worst.max(near(a + (b - a) * s + (c - a) * t));
            }
        }
        worst
    };
    from.triangles.par_iter().map(worst).reduce(|| 0.0, f64::max)
}

/// Everything that holds for any solid and any wish.
fn check(given: &Solid, made: &Decimated, deviation: f64) {
    let mesh = made.solid.mesh();
    assert_eq!((made.before, made.after), (given.mesh().triangles.len(), mesh.triangles.len()));
    assert_eq!(made.solid.genus(), given.genus());
    assert_eq!(made.solid.shells().len(), given.shells().len());
    assert!(made.deviation <= deviation, "{} mm", made.deviation);
    // Each collapse keeps the volume but for rounding.
    assert!((made.solid.volume() / given.volume() - 1.0).abs() < 1e-9);
    // Given triangles are about 0.5 mm wide, so points are 0.25 mm apart; new ones are larger.
    for (from, to, pieces) in [(given.mesh(), mesh, 2), (mesh, given.mesh(), 4)] {
        let found = furthest(from, to, pieces);
        // Rounding of coordinates of some 100 mm.
        assert!(found <= made.deviation + 1e-12, "{found} mm where {} mm is certified", made.deviation);
    }
    let bits = |p: &Point<osteon_core::Patient>| p.vec().to_array().map(f64::to_bits);
    let mut places: Vec<[u64; 3]> = mesh.vertices.iter().map(bits).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0] != pair[1]), "two vertices in one place");
}

/// The isosurface of random grey values, smoothed some times.
fn noise(dims: [usize; 3], rounds: usize, seed: u64) -> Solid {
    let grid = Grid::upright(dims, Point::new(-10.0, 20.0, 30.0), DVec3::new(0.5, 0.5, 0.7)).unwrap();
    let mut random = Random::new(seed);
    let mut values: Vec<f64> = (0..grid.count()).map(|_| random.normal() * 1000.0).collect();
    for _ in 0..rounds {
        for step in [1, dims[0], dims[0] * dims[1]] {
            let old = values.clone();
            for i in step..old.len() - step {
                values[i] = (old[i - step] + 2.0 * old[i] + old[i + step]) / 3.0;
            }
        }
    }
    let samples = values.iter().map(|v| v.clamp(-30_000.0, 30_000.0) as i16).collect();
    let volume = Volume::new(grid.clone(), samples).unwrap();
    let mask = Mask::where_true(&grid, |x, y, z| volume.at(x, y, z) >= 100);
    isosurface(&volume, &Levels::constant(Hu(100.0)), &mask, &Ctx::default()).unwrap()
}

#[test]
fn a_block_of_many_triangles_becomes_twelve_and_nothing_moves() {
    let given = block(DVec3::new(20.0, 12.0, 8.0), 2.0);
    let made = run(&given, 0.0, 0.1);
    check(&given, &made, 0.1);
    assert_eq!((made.after, made.reached), (12, false));
    assert!(made.deviation < 1e-8);
    for p in &made.solid.mesh().vertices {
        assert!(p.vec().abs().abs_diff_eq(DVec3::new(10.0, 6.0, 4.0), 1e-9));
    }
}

#[test]
fn a_ball_is_thinned_to_a_fifth_within_a_tenth_of_a_millimetre() {
    let given = ball(20.0, 1.0);
    let made = run(&given, 0.2, 0.1);
    check(&given, &made, 0.1);
    assert!(made.reached && made.deviation > 0.0);
    // A collapse takes two triangles.
    assert!(made.after + 2 > made.before / 5);
}

#[test]
fn a_tighter_bound_leaves_more_triangles() {
    let given = ball(20.0, 1.5);
    let counts = [0.0, 0.02, 0.05, 0.1].map(|deviation| {
        let made = run(&given, 0.0, deviation);
        check(&given, &made, deviation);
        made.after
    });
    assert_eq!(counts[0], given.mesh().triangles.len());
    assert!(counts.windows(2).all(|pair| pair[0] > pair[1]), "{counts:?}");
}

fn torus() -> Solid {
    let (around, across) = (60_u32, 16_u32);
    let mut mesh = Mesh::default();
    for i in 0..around {
        for j in 0..across {
            let turn = |n: u32, of: u32| 2.0 * std::f64::consts::PI * f64::from(n) / f64::from(of);
            let (sa, ca) = libm::sincos(turn(i, around));
            let (sb, cb) = libm::sincos(turn(j, across));
            let radius = 12.0 + 4.0 * cb;
            mesh.vertices.push(Point::new(radius * ca, radius * sa, 4.0 * sb));
            let at = |i: u32, j: u32| (i % around) * across + j % across;
            let (p, q, r, s) = (at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1));
            mesh.triangles.extend([[p, q, r], [p, r, s]]);
        }
    }
    Solid::new(mesh).unwrap()
}

#[test]
fn a_torus_keeps_its_hole_whatever_may_deviate() {
    for deviation in [0.1, 0.3, 3.0] {
        let given = torus();
        let made = run(&given, 0.0, deviation);
        check(&given, &made, deviation);
        assert_eq!(made.solid.genus(), 1);
        assert!(made.after < given.mesh().triangles.len());
    }
}

#[test]
fn the_two_sides_of_a_thin_bent_plate_do_not_meet() {
    // 0.3 mm thick, bent to a radius of 30 mm; each side may move by 0.1 mm, which leaves 0.1 mm.
    let bend = |p: DVec3| {
        let (s, c) = libm::sincos(p.x / 30.0);
        DVec3::new((30.0 + p.z) * s, p.y, (30.0 + p.z) * c)
    };
    let given = shaped(DVec3::new(24.0, 16.0, 0.3), 0.8, bend);
    let made = run(&given, 0.0, 0.1);
    check(&given, &made, 0.1);
    assert!(made.after < made.before / 3);
    let mesh = made.solid.mesh();
    for &t in &mesh.triangles {
        let [a, b, c] = mesh.corners(t);
        let middle = (a + b + c) / 3.0;
        let radius = libm::sqrt(middle.x * middle.x + middle.z * middle.z);
        let normal = (b - a).cross(c - a);
        let outward = normal.dot(DVec3::new(middle.x, 0.0, middle.z)) / normal.length() / radius;
        // Half the thickness less the deviation, and less what 24 flat pieces of the bend may cut off (0.005).
        if outward.abs() > 0.9 {
            assert!((radius - 30.0) * outward.signum() >= 0.15 - 0.1 - 0.005, "{radius} {outward}");
        }
    }
}

#[test]
fn noise_stays_a_solid_within_its_bound() {
    for seed in 0..6 {
        let given = noise([9, 8, 7], (seed % 3) as usize, seed);
        for deviation in [0.05, 0.1, 0.4] {
            check(&given, &run(&given, 0.0, deviation), deviation);
        }
    }
}

#[test]
fn kept_vertices_stay_to_the_bit() {
    let given = ball(15.0, 1.0);
    let keep: Vec<bool> = given.mesh().vertices.iter().map(|p| p.vec().z > 9.0).collect();
    let how = Decimation { share: 0.0, deviation: 0.2, keep: Some(&keep) };
    let made = decimate(&given, &how, &Ctx::default()).unwrap();
    let bits = |p: &Point<osteon_core::Patient>| p.vec().to_array().map(f64::to_bits);
    let mut left: Vec<[u64; 3]> = made.solid.mesh().vertices.iter().map(bits).collect();
    left.sort_unstable();
    for (p, _) in given.mesh().vertices.iter().zip(&keep).filter(|(_, keep)| **keep) {
        assert!(left.binary_search(&bits(p)).is_ok(), "{p:?} has moved");
    }
    assert!(made.after < made.before / 2);
}

#[test]
fn a_surface_in_many_cubes_is_the_same_at_any_number_of_threads() {
    let given = noise([60, 50, 40], 3, 5);
    // More than two cubes' triangles, so that borders are crossed.
    assert!(given.mesh().triangles.len() > 2 * 8_000, "{}", given.mesh().triangles.len());
    let results = [1, 2, 5].map(|threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&given, 0.1, 0.1))
    });
    assert_eq!(results[0].solid, results[1].solid);
    assert_eq!(results[0].solid, results[2].solid);
    assert!(results[0].after < results[0].before);
    assert!(results[0].deviation <= 0.1);
    assert_eq!(results[0].solid.genus(), given.genus());
    assert!((results[0].solid.volume() / given.volume() - 1.0).abs() < 1e-9);
}

#[test]
fn a_moved_patient_has_a_moved_model() {
    // Coordinates are rounded to 2⁻²⁰ mm, so that moving them rounds nothing.
    let round = |c: f64| libm::round(c * f64::from(1 << 20)) / f64::from(1 << 20);
    let mut mesh = noise([16, 14, 12], 2, 9).into_mesh();
    for p in &mut mesh.vertices {
        let [x, y, z] = p.vec().to_array().map(round);
        *p = Point::new(x, y, z);
    }
    let given = Solid::new(mesh).unwrap();
    let by = DVec3::new(64.25, -128.5, 1000.0);
    let (here, there) = (run(&given, 0.2, 0.1), run(&moved(given, by), 0.2, 0.1));
    assert_eq!(here.solid.mesh().triangles, there.solid.mesh().triangles);
    for (p, q) in here.solid.mesh().vertices.iter().zip(&there.solid.mesh().vertices) {
        // The rounding of coordinates of about a metre, twice.
        assert!((p.vec() + by).distance(q.vec()) < 4.0 * 1000.0 * f64::EPSILON);
    }
}

#[test]
fn wishes_that_make_no_sense_are_refused_with_help() {
    let given = block(DVec3::ONE, 1.0);
    let refuse = |how: &Decimation| {
        let error = decimate(&given, how, &Ctx::default()).unwrap_err();
        assert!(!error.help().is_empty() && error.kind() == ErrorKind::Input);
        error.code()
    };
    let good = Decimation { share: 0.5, deviation: 0.1, keep: None };
    assert_eq!(refuse(&Decimation { share: 1.5, ..good }), "decimate-share");
    assert_eq!(refuse(&Decimation { share: f64::NAN, ..good }), "decimate-share");
    assert_eq!(refuse(&Decimation { deviation: -0.1, ..good }), "decimate-deviation");
    assert_eq!(refuse(&Decimation { keep: Some(&[true]), ..good }), "decimate-keep");
    let ctx = Ctx::default();
    ctx.cancel().stop();
    assert_eq!(decimate(&given, &good, &ctx).unwrap_err().code(), "cancelled");
}
