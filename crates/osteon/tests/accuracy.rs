//! From known shapes through scanner, DICOM files and the whole pipeline to the model: how far off is it?

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside test functions stop at what they did not expect"
)]

mod common;

use common::{Bench, scanned};
use glam::DVec3;
use osteon::Ctx;
use osteon_core::{Deg, Point, Solid, Volume};
use osteon_phantom::shape::{Ball, Capsule, volume};
use osteon_phantom::{Field, Noise, Phantom, Protocol, Shape, demo_vertebra, find, hu, scan};
use serde_json::json;
use std::f64::consts::PI;

/// Mean radius bias that the suite promises for slices of at most 1.25 mm, mm.
const PROMISE: f64 = 0.05;

/// Voxels in the plane, mm.
const IN_PLANE: f64 = 0.7;

/// Farthest that any vertex may lie from its sphere, mm.
///
/// Chosen: the slices' own profile is up to 1.25 mm long, and where it meets the surface aslant between two
/// samples the interpolated step is off by some tenths of a millimetre; twice what was measured here.
const FARTHEST: f64 = 0.45;

/// Slice distances the promise is about, mm.
const SLICES: [f64; 3] = [0.625, 1.0, 1.25];

/// How vertices lie about a sphere.
#[derive(Debug)]
struct Radii {
    /// Mean distance outside the sphere, mm.
    bias: f64,
    /// Largest distance from the sphere, mm.
    worst: f64,
}

/// These vertices against a sphere.
fn against(vertices: impl Iterator<Item = DVec3>, ball: &Ball) -> Radii {
    let off: Vec<f64> = vertices.map(|v| ball.distance(Point::from_vec(v))).collect();
    assert!(off.len() > 500, "only {} vertices on the sphere", off.len());
    Radii {
        bias: off.iter().sum::<f64>() / off.len() as f64,
        worst: off.iter().fold(0.0, |worst, off| off.abs().max(worst)),
    }
}

fn ball_volume(ball: &Ball) -> f64 {
    4.0 / 3.0 * PI * ball.radius.powi(3)
}

/// The ball of the catalogue.
fn ball() -> (Ball, Phantom) {
    let ball = Ball { middle: Point::new(1.3, -2.2, 3.1), radius: 20.0 };
    let phantom = (find("sphere").unwrap().make)();
    assert_eq!(phantom.shape("ball").unwrap().bounds(), ball.bounds());
    (ball, phantom)
}

/// The model of the ball in this scan must have the ball's radius and volume.
fn check_ball(scan: &Volume<i16>, ball: &Ball, case: &str) {
    let solid = Bench::of(scan).make(json!({}), "none");
    assert_eq!(solid.shells().len(), 1, "{case}");
    let radii = against(solid.mesh().vertices.iter().map(|v| v.vec()), ball);
    let area = 4.0 * PI * ball.radius * ball.radius;
    let by_volume = (solid.volume() - ball_volume(ball)) / area;
    assert!(radii.bias.abs() <= PROMISE, "{case}: {radii:?}");
    assert!(radii.worst <= FARTHEST, "{case}: {radii:?}");
    assert!(by_volume.abs() <= PROMISE, "{case}: {by_volume} mm by volume");
}

#[test]
fn a_ball_comes_back_with_its_radius_and_volume() {
    let (ball, phantom) = ball();
    for between in SLICES {
        let scan = scanned(&phantom, IN_PLANE, between);
        check_ball(&scan, &ball, &format!("slices {between}"));
    }
}

#[test]
fn a_ball_keeps_its_radius_under_noise_a_soft_kernel_and_a_tilted_gantry() {
    let (ball, phantom) = ball();
    let straight = Field::axial(IN_PLANE, 1.25, 2.0);
    let noise = Noise { sigma: 20.0, grain: 0.4, seed: 1 };
    let cases = [
        ("noise", &straight, Protocol::sharp(1.25).with_noise(noise)),
        ("soft kernel", &straight, Protocol::soft(1.25)),
        ("tilt", &straight.clone().tilted(Deg(18.0)), Protocol::sharp(1.25)),
    ];
    for (case, field, protocol) in cases {
        let grid = field.grid(&phantom.view).unwrap();
        let scan = scan(&phantom, &grid, &protocol, &Ctx::default()).unwrap();
        check_ball(&scan.volume, &ball, case);
    }
}

/// A hollow ball in soft tissue.
struct Shell {
    outer: Ball,
    inner: Ball,
}

/// Shells of outer radius 12 mm with these walls in mm, side by side in soft tissue.
fn shells<const N: usize>(walls: [f64; N]) -> ([Shell; N], Phantom) {
    let mut x = -15.2 * (N - 1) as f64;
    let shells = walls.map(|wall| {
        let middle = Point::new(x, 0.4, -0.7);
        x += 30.3;
        let ball = |radius| Ball { middle, radius };
        Shell { outer: ball(12.0), inner: ball(12.0 - wall) }
    });
    let soft = Capsule::rod(shells[0].outer.middle, shells[N - 1].outer.middle, 20.0);
    let phantom = Phantom::air(soft.bounds()).with("soft", soft, hu::SOFT);
    let phantom = shells
        .iter()
        .fold(phantom, |phantom, shell| phantom.with("shell", shell.outer.without(shell.inner), hu::CORTEX));
    (shells, phantom)
}

impl Shell {
    fn wall(&self) -> f64 {
        self.outer.radius - self.inner.radius
    }

    /// The vertices nearer to this shell than to its neighbours, those of the outer and the inner surface.
    fn vertices(&self, solid: &Solid) -> [Vec<DVec3>; 2] {
        let (middle, between) = (self.outer.middle.vec(), (self.outer.radius + self.inner.radius) / 2.0);
        let own = solid.mesh().vertices.iter().map(|v| v.vec());
        let own = own.filter(|v| (v.x - middle.x).abs() < 15.1);
        own.partition(|v| (v - middle).length() > between).into()
    }
}

#[test]
fn shells_come_back_with_both_radii_and_the_wall_between() {
    let (shells, phantom) = shells([2.0, 3.0]);
    for between in SLICES {
        let bench = Bench::of(&scanned(&phantom, IN_PLANE, between));
        let solid = bench.make(json!({ "cavities": "keep" }), "none");
        // An outer and an inner surface each.
        assert_eq!(solid.shells().len(), 4, "slices {between}");
        for shell in &shells {
            let [outer, inner] = shell.vertices(&solid);
            let outer = against(outer.into_iter(), &shell.outer);
            let inner = against(inner.into_iter(), &shell.inner);
            let case = format!("wall {}, slices {between}: outer {outer:?}, inner {inner:?}", shell.wall());
            assert!(outer.bias.abs() <= PROMISE && inner.bias.abs() <= PROMISE, "{case}");
            assert!(outer.worst <= FARTHEST && inner.worst <= FARTHEST, "{case}");
        }
        let truth: f64 = shells.iter().map(|s| ball_volume(&s.outer) - ball_volume(&s.inner)).sum();
        let off = solid.volume() / truth - 1.0;
        // Both surfaces off by all that is promised would make more than 5 % of the thinner wall.
        assert!(off.abs() <= 0.02, "slices {between}: volume {:+.2} %", 100.0 * off);
    }
}

#[test]
fn filled_shells_lose_their_cavities_and_keep_their_outer_radius() {
    let (shells, phantom) = shells([2.0, 3.0]);
    let bench = Bench::of(&scanned(&phantom, IN_PLANE, 1.25));
    let solid = bench.make(json!({}), "none");
    assert_eq!(solid.shells().len(), 2);
    for shell in &shells {
        let [outer, inner] = shell.vertices(&solid);
        assert_eq!(inner.len(), 0);
        let outer = against(outer.into_iter(), &shell.outer);
        assert!(outer.bias.abs() <= PROMISE, "wall {}: {outer:?}", shell.wall());
    }
}

#[test]
fn a_wall_thinner_than_a_slice_comes_out_thicker_and_stays_in_its_place() {
    // What a scan does not resolve it cannot give back: 1 mm in slices of 1.25 mm is beyond the promise.
    let (shells, phantom) = shells([1.0]);
    let bench = Bench::of(&scanned(&phantom, IN_PLANE, 1.25));
    let solid = bench.make(json!({ "cavities": "keep" }), "none");
    assert_eq!(solid.shells().len(), 2);
    let [outer, inner] = shells[0].vertices(&solid);
    let outer = against(outer.into_iter(), &shells[0].outer);
    let inner = against(inner.into_iter(), &shells[0].inner);
    assert!((0.0..=0.15).contains(&outer.bias), "{outer:?}");
    assert!((-0.15..=0.0).contains(&inner.bias), "{inner:?}");
}

#[test]
fn a_vertebra_comes_back_with_its_volume_and_surface() {
    let phantom = (find("vertebra").unwrap().make)();
    let truth = demo_vertebra().bone.outer;
    let expected = volume(&truth, 0.25);
    let bench = Bench::of(&scanned(&phantom, IN_PLANE, 1.0));
    let solid = bench.make(json!({}), "none");
    let off: Vec<f64> = solid.mesh().vertices.iter().map(|&v| truth.distance(v)).collect();
    let bias = off.iter().sum::<f64>() / off.len() as f64;
    let worst = off.iter().fold(0.0_f64, |worst, off| off.abs().max(worst));
    assert_eq!(solid.shells().len(), 1);
    assert!(bias.abs() <= 0.1, "{bias}");
    assert!(worst <= 1.0, "{worst}");
    assert!((solid.volume() / expected - 1.0).abs() <= 0.02, "{} of {expected} mm³", solid.volume());
}
