//! The scanner against formulas: what a blurred, sliced, noisy picture of a known thing must look like.

// Clippy lets tests unwrap, but not the functions they share.
#![allow(clippy::unwrap_used)]

use glam::{DMat3, DVec3};
use osteon_core::{
    Aabb, Affine, Cancel, Cancelled, Ctx, Deg, Direction, Grid, Patient, Plane, Point, Vector,
};
use osteon_phantom::shape::{Ball, HalfSpace};
use osteon_phantom::{Field, Motion, Noise, Phantom, Protocol, ScanError, Shape, demo, demo_scan, hu, scan};
use std::f64::consts::PI;

fn ball_in_soft(middle: Point<Patient>, radius: f64) -> Phantom {
    let ball = Ball { middle, radius };
    let around = Ball { middle, radius: radius + 60.0 };
    Phantom::air(ball.bounds()).with("soft", around, 50.0).with("ball", ball, 1250.0)
}

/// Mean and largest deviation from `radius` of the places where rays from the middle meet `level`.
fn radii(volume: &osteon_core::Volume<i16>, ball: &Ball, level: f64) -> (f64, f64) {
    let (mut sum, mut worst, rays) = (0.0, 0.0_f64, 400);
    for i in 0..rays {
        // A spiral over the sphere: all directions alike.
        let z = 1.0 - (2.0 * f64::from(i) + 1.0) / f64::from(rays);
        let (sin, cos) = libm::sincos(f64::from(i) * 2.399_963_229_728_653);
        let r = (1.0 - z * z).sqrt();
        let way = DVec3::new(r * cos, r * sin, z);
        let at = |t: f64| volume.sample(ball.middle + Vector::from_vec(way * t)).unwrap() - level;
        let (mut low, mut high) = (ball.radius - 2.0, ball.radius + 2.0);
        assert!(at(low) > 0.0 && at(high) < 0.0);
        while high - low > 1e-6 {
            let middle = 0.5 * (low + high);
            if at(middle) > 0.0 { low = middle } else { high = middle }
        }
        sum += low - ball.radius;
        worst = worst.max((low - ball.radius).abs());
    }
    (sum / f64::from(rays), worst)
}

#[test]
fn a_scanned_ball_has_its_radius_at_half_height() {
    for (radius, between, tilt) in
        [(20.0, 0.625, 0.0), (10.0, 0.625, 0.0), (10.0, 1.0, 0.0), (10.0, 0.8, 18.5)]
    {
        let ball = Ball { middle: Point::new(0.13, -0.21, 40.07), radius };
        let phantom = ball_in_soft(ball.middle, radius);
        let grid = Field::axial(0.5, between, 4.0).tilted(Deg(tilt)).grid(&ball.bounds()).unwrap();
        let scan = scan(&phantom, &grid, &Protocol::sharp(between), &Ctx::default()).unwrap();
        let (mean, worst) = radii(&scan.volume, &ball, 650.0);
        println!("r {radius} slices {between} tilt {tilt}: mean {mean:+.4} worst {worst:.4} mm");
        // A Gaussian of σ shifts a sphere's half height by −σ²/r; the slice's box has σ² = d²/12. The rest,
        // up to 0.15 · spacing, is the straight line between samples of a curved profile.
        assert!(mean.abs() < 0.03, "r = {radius}, slices {between} mm: {mean}");
        assert!(worst < 0.15 * between, "r = {radius}, slices {between} mm: {worst}");
    }
}

#[test]
fn an_edge_in_the_plane_is_blurred_by_the_stated_gaussian() {
    let across = Direction::new(DVec3::new(0.8, 0.6, 0.0)).unwrap();
    let edge = Plane { point: Point::new(0.2, 0.1, 0.0), normal: across };
    let view = Aabb::around([Point::new(-8.0, -8.0, -1.0), Point::new(8.0, 8.0, 1.0)]);
    let phantom = Phantom::air(view).with("bone", HalfSpace { plane: edge }, 1000.0);
    for blur in [0.34, 0.51, 0.8] {
        let protocol = Protocol { blur, ..Protocol::sharp(1.0) };
        let grid = Field::axial(0.7, 1.0, 0.0).grid(&view).unwrap();
        let volume = scan(&phantom, &grid, &protocol, &Ctx::default()).unwrap().volume;
        let [nx, ny, _] = grid.dims();
        for (x, y) in (0..nx).flat_map(|x| (0..ny).map(move |y| (x, y))) {
            let d = edge.signed_distance(grid.place(x, y, 1));
            let truth = -1000.0 + 1000.0 * libm::erfc(d / (blur * 2.0_f64.sqrt()));
            let found = f64::from(volume.at(x, y, 1));
            // Half an HU of rounding, and 1 % of the step for cells turned against the edge.
            assert!((found - truth).abs() < 20.0, "blur {blur}, {d:.3} mm: {found} for {truth:.1}");
        }
    }
}

#[test]
fn an_edge_across_the_slices_is_averaged_over_their_thickness() {
    let up = Direction::from_vec(DVec3::Z);
    let view = Aabb::around([Point::new(-2.0, -2.0, -6.0), Point::new(2.0, 2.0, 6.0)]);
    for (thickness, height) in [(1.0, 0.3), (2.5, 0.3), (5.0, -0.7)] {
        let edge = Plane { point: Point::new(0.0, 0.0, height), normal: up };
        let phantom = Phantom::air(view).with("bone", HalfSpace { plane: edge }, 1000.0);
        let grid = Field::axial(0.7, 1.25, 0.0).grid(&view).unwrap();
        let volume = scan(&phantom, &grid, &Protocol::sharp(thickness), &Ctx::default()).unwrap().volume;
        for z in 0..grid.dims()[2] {
            let below = (height - grid.place(0, 0, z).vec().z) / thickness + 0.5;
            let truth = -1000.0 + 2000.0 * below.clamp(0.0, 1.0);
            // The sheet on the edge turns from empty to full over the edge of a cube as large as its cells, not
            // over its own thickness of at most 0.35 mm.
            let allowed = 1.0 + 2000.0 * 0.04 / thickness;
            assert!((f64::from(volume.at(2, 2, z)) - truth).abs() < allowed, "slice {z} of {thickness} mm");
        }
    }
}

#[test]
fn a_scan_keeps_the_mass_of_what_it_shows() {
    let ball = Ball { middle: Point::new(0.3, 0.4, 0.5), radius: 7.0 };
    let phantom = Phantom::air(ball.bounds()).with("ball", ball, 1000.0);
    let grid = Field::axial(0.6, 1.25, 4.0).tilted(Deg(-15.0)).grid(&ball.bounds()).unwrap();
    // Slices as thick as they are apart across their planes leave nothing out.
    let thickness = 1.25 * libm::cos(Deg(15.0).to_radians());
    let volume = scan(&phantom, &grid, &Protocol::soft(thickness), &Ctx::default()).unwrap().volume;
    let mass: f64 = volume.samples().iter().map(|&s| f64::from(s) + 1000.0).sum();
    let share = mass * grid.voxel_volume() / 2000.0 / Shape::volume(&ball).unwrap();
    assert!((share - 1.0).abs() < 1e-3, "{share}");
}

#[test]
fn markers_appear_where_a_tilted_and_turned_grid_says() {
    let markers = [[-15.0, -12.0, -10.0], [14.0, -9.0, 8.0], [2.0, 13.0, -3.0], [-9.0, 11.0, 12.0]];
    let balls = markers.map(|[x, y, z]| Ball { middle: Point::new(x, y, z), radius: 3.0 });
    let view = Aabb::around([Point::new(-20.0, -20.0, -20.0), Point::new(20.0, 20.0, 20.0)]);
    let phantom = balls.iter().fold(Phantom::air(view), |p, ball| p.with("marker", *ball, 1000.0));
    let axis = Direction::new(DVec3::new(1.0, -0.4, 2.0)).unwrap();
    let turned = Field { turn: Motion::turn(view.middle(), axis, 0.5), ..Field::axial(0.6, 1.0, 3.0) };
    for field in [Field::axial(0.6, 1.0, 3.0).tilted(Deg(20.0)), turned.tilted(Deg(-12.0))] {
        let grid = field.grid(&view).unwrap();
        assert!(grid.is_sheared());
        let volume = scan(&phantom, &grid, &Protocol::sharp(1.0), &Ctx::default()).unwrap().volume;
        for ball in &balls {
            let (mut sum, mut weights) = (DVec3::ZERO, 0.0);
            let [nx, ny, nz] = grid.dims();
            for z in 0..nz {
                for (x, y) in (0..nx).flat_map(|x| (0..ny).map(move |y| (x, y))) {
                    let place = grid.place(x, y, z);
                    if place.distance(ball.middle) < 6.0 {
                        let weight = f64::from(volume.at(x, y, z)) + 1000.0;
                        sum += place.vec() * weight;
                        weights += weight;
                    }
                }
            }
            let off = (sum / weights).distance(ball.middle.vec());
            assert!(off < 0.02, "{:?} appears {off} mm away", ball.middle);
        }
    }
}

/// A small part of the demonstration: bone, soft tissue, air.
fn corner_of_the_demo() -> (Phantom, Grid) {
    let view = Aabb::around([Point::new(-16.0, 10.0, -8.0), Point::new(16.0, 44.0, 8.0)]);
    (demo(), Field::axial(1.0, 1.0, 0.0).tilted(Deg(10.0)).grid(&view).unwrap())
}

fn moved(grid: &Grid, motion: &Motion) -> Grid {
    Grid::new(grid.dims(), grid.to_patient().then(motion.affine())).unwrap()
}

#[test]
fn moving_phantom_and_grid_together_changes_nothing() {
    let (phantom, grid) = corner_of_the_demo();
    let protocol = Protocol::sharp(1.0);
    let still = scan(&phantom, &grid, &protocol, &Ctx::default()).unwrap();
    let axis = Direction::new(DVec3::new(0.3, 0.2, -1.0)).unwrap();
    let turn = Motion::turn(Point::new(9.0, 8.0, 7.0), axis, 2.1);
    let shift = Motion::shift(Vector::new(128.0, -64.0, 512.0));
    for motion in [shift, turn, turn.then(&Motion::swap_sides())] {
        let gone = scan(&phantom.moved(&motion), &moved(&grid, &motion), &protocol, &Ctx::default()).unwrap();
        let pairs = still.volume.samples().iter().zip(gone.volume.samples());
        let differ = pairs.clone().filter(|(a, b)| a != b).count();
        // Rounding to whole HU may fall either way; nothing else may differ.
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() <= 1));
        assert!(differ * 1000 < grid.count(), "{differ} of {} samples differ", grid.count());
    }
    // The mirror in x = 0 only changes signs, so there even rounding is the same.
    let mirror = Motion::swap_sides();
    let gone = scan(&phantom.moved(&mirror), &moved(&grid, &mirror), &protocol, &Ctx::default()).unwrap();
    assert!(moved(&grid, &mirror).to_patient().mirrors());
    assert_eq!(still.volume.samples(), gone.volume.samples());
}

#[test]
fn the_same_bits_come_from_any_number_of_threads() {
    let (phantom, grid) = corner_of_the_demo();
    let protocol = Protocol::sharp(1.0).with_noise(Noise { sigma: 25.0, grain: 0.7, seed: 5 });
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| scan(&phantom, &grid, &protocol, &Ctx::default()).unwrap())
    };
    let one = run(1);
    assert!(run(2) == one && run(8) == one);
}

#[test]
fn noise_has_the_stated_strength_and_grain() {
    let view = Aabb::around([Point::new(0.0, 0.0, 0.0), Point::new(63.0, 63.0, 15.0)]);
    let phantom = Phantom::air(view).with("soft", Ball { middle: view.middle(), radius: 100.0 }, hu::SOFT);
    let grid = Field::axial(1.0, 1.0, 0.0).grid(&view).unwrap();
    for grain in [0.0, 0.8] {
        let protocol = Protocol::sharp(1.0).with_noise(Noise { sigma: 30.0, grain, seed: 11 });
        let volume = scan(&phantom, &grid, &protocol, &Ctx::default()).unwrap().volume;
        let off = |x, y, z| f64::from(volume.at(x, y, z)) - hu::SOFT;
        let [mut mean, mut power, mut beside, mut above, mut n] = [0.0; 5];
        for z in 0..15 {
            for (x, y) in (0..63).flat_map(|x| (0..63).map(move |y| (x, y))) {
                let here = off(x, y, z);
                mean += here;
                power += here * here;
                beside += here * off(x + 1, y, z);
                above += here * off(x, y, z + 1);
                n += 1.0;
            }
        }
        // Grain leaves 1 / (4π·grain²) independent samples a voxel; five standard errors of each.
        let independent = if grain > 0.0 { n / (4.0 * PI * grain * grain) } else { n };
        let error = 5.0 / f64::sqrt(independent);
        let sigma = f64::sqrt(power / n);
        assert!((mean / n).abs() < 30.0 * error, "mean {}", mean / n);
        assert!((sigma / 30.0 - 1.0).abs() < error / 2.0_f64.sqrt() + 1e-3, "sigma {sigma}");
        // Two Gaussians of σ one step apart overlap by exp(−1 / (4σ²)).
        let expected = if grain > 0.0 { libm::exp(-1.0 / (4.0 * grain * grain)) } else { 0.0 };
        assert!((beside / power - expected).abs() < error + 0.01, "beside {}", beside / power);
        assert!((above / power).abs() < error, "above {}", above / power);
    }
}

#[test]
fn the_demonstration_is_seen_whole_with_air_around_and_a_table_below() {
    let scan = demo_scan(&Ctx::default()).unwrap();
    let volume = &scan.volume;
    let [nx, ny, nz] = volume.grid().dims();
    println!("{nx} × {ny} × {nz}");
    let found = |p| volume.sample(p).unwrap();
    // Five standard deviations of 20 HU.
    for (place, expected) in [
        (Point::new(0.0, 0.0, 0.0), hu::CANCELLOUS),
        (Point::new(0.0, 26.0, 0.0), hu::SOFT),
        (Point::new(-64.0, -30.0, 0.0), hu::AIR),
    ] {
        assert!((found(place) - expected).abs() < 100.0, "{place:?}: {}", found(place));
    }
    let column = (0..ny).map(|y| volume.at(nx / 2, y, 3));
    let behind: Vec<i16> = column.skip(ny - 8).collect();
    assert!(behind.iter().any(|&s| s > -400) && behind.iter().any(|&s| s < -800), "{behind:?}");
    let edge = |x: usize, y: usize| f64::from(volume.at(x, y, nz / 2));
    assert!((edge(0, 0) - hu::AIR).abs() < 100.0 && (edge(nx - 1, 0) - hu::AIR).abs() < 100.0);
}

#[test]
fn a_scan_stops_when_asked_and_refuses_nonsense() {
    let (phantom, grid) = corner_of_the_demo();
    let cancel = Cancel::default();
    cancel.stop();
    let stopped = Ctx::new(std::sync::Arc::new(Nobody), cancel, 0);
    let sharp = Protocol::sharp(1.0);
    assert_eq!(scan(&phantom, &grid, &sharp, &stopped).unwrap_err(), ScanError::Cancelled(Cancelled));
    for protocol in [
        Protocol { thickness: 0.0, ..sharp.clone() },
        Protocol { blur: f64::NAN, ..sharp.clone() },
        sharp.clone().with_noise(Noise::white(-1.0, 0)),
    ] {
        let refused = scan(&phantom, &grid, &protocol, &Ctx::default());
        assert!(matches!(refused, Err(ScanError::Number { .. })));
    }
    let mut linear = DMat3::IDENTITY;
    linear.y_axis.x = 0.1;
    let skewed = Grid::new([4, 4, 4], Affine::new(linear, DVec3::ZERO)).unwrap();
    assert!(matches!(scan(&phantom, &skewed, &sharp, &Ctx::default()), Err(ScanError::Skewed { .. })));
}

struct Nobody;

impl osteon_core::Progress for Nobody {
    fn report(&self, _: &str, _: f64) {}
}
