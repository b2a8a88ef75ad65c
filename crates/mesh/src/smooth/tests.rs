//! Smoothing keeps volume, bound, faces and interfaces; same bits at any number of threads.

use super::*;
use crate::labels::surfaces;
use glam::DVec3;
use osteon_core::{Grid, LabelMap, Mask, Volume, ctx::Random};

/// The surface of a ball of voxels, with all its steps.
fn ball(radius: f64) -> Solid {
    let n = (2.0 * radius) as usize + 5;
    let grid = Grid::upright([n, n, n], Point::new(-50.0, 20.0, 3.0), DVec3::splat(0.5)).unwrap();
    let middle = (n - 1) as f64 / 2.0;
    let far = |x: usize| (x as f64 - middle) * (x as f64 - middle);
    let mask = Mask::where_true(&grid, |x, y, z| far(x) + far(y) + far(z) <= radius * radius);
    surfaces(&LabelMap::from_masks(&[mask]).unwrap(), None, &Ctx::default()).unwrap().remove(0).solid
}

/// Root mean square of the distances from the middle, less their mean, in mm.
fn roughness(solid: &Solid) -> f64 {
    let middle = solid.mesh().bounds().middle().vec();
    let radii: Vec<f64> = solid.mesh().vertices.iter().map(|p| (p.vec() - middle).length()).collect();
    let mean = radii.iter().sum::<f64>() / radii.len() as f64;
    (radii.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / radii.len() as f64).sqrt()
}

#[test]
fn a_ball_of_voxels_becomes_round_and_keeps_its_volume() {
    let rough = ball(20.0);
    let how = Smoothing { passes: 40, bound_mm: 0.25 };
    let smoothed = smooth(&rough, &how, &Ctx::default()).unwrap();
    // Terraces as wide as the pass band stay; what is shorter goes.
    let [before, after] = [&rough, &smoothed.solid].map(roughness);
    assert!(after < before / 1.5, "{before} {after}");
    let change = smoothed.solid.volume() / rough.volume() - 1.0;
    assert!(change.abs() <= 1e-3 && (change - smoothed.volume_change).abs() < 1e-9, "{change}");
    assert!(smoothed.moved.mean > 0.01 && smoothed.moved.mean < smoothed.moved.p95);
    assert_eq!(smoothed.solid.mesh().triangles, rough.mesh().triangles);
}

#[test]
fn no_vertex_leaves_its_bound_and_no_triangle_turns_over() {
    let mut random = Random::new(4);
    let grid = Grid::upright([24, 20, 18], Point::new(0.0, 0.0, 0.0), DVec3::new(0.4, 0.4, 1.0)).unwrap();
    let values: Vec<u16> = (0..grid.count()).map(|_| u16::from(random.uniform() < 0.67)).collect();
    let map = LabelMap::from_volume(&Volume::new(grid, values).unwrap());
    let rough = surfaces(&map, None, &Ctx::default()).unwrap().remove(0).solid;
    for bound_mm in [0.02, 0.1, 0.5] {
        let smoothed = smooth(&rough, &Smoothing { passes: 20, bound_mm }, &Ctx::default()).unwrap();
        let (old, new) = (rough.mesh(), smoothed.solid.mesh());
        let far = old.vertices.iter().zip(&new.vertices).map(|(p, q)| p.distance(*q)).fold(0.0, f64::max);
        assert!(far <= bound_mm && far == smoothed.moved.max, "{far} {bound_mm}");
        assert!(smoothed.volume_change.abs() <= 1e-3);
        let normal = |mesh: &Mesh, t: [u32; 3]| {
            let [a, b, c] = mesh.corners(t);
            (b - a).cross(c - a)
        };
        assert!(old.triangles.iter().all(|&t| normal(old, t).dot(normal(new, t)) > 0.0));
    }
}

#[test]
fn labels_smoothed_together_keep_sharing_their_interfaces() {
    let grid = Grid::upright([20, 20, 20], Point::new(0.0, 0.0, 0.0), DVec3::splat(0.5)).unwrap();
    let far = |x: usize| (x as f64 - 9.5) * (x as f64 - 9.5);
    let part = |n: usize| {
        move |x: usize, y: usize, z: usize| {
            far(x) + far(y) + far(z) <= 70.0 && n == if 2 * x + y > 30 { 0 } else { 1 + usize::from(z > 9) }
        }
    };
    let masks = [0, 1, 2].map(|n| Mask::where_true(&grid, part(n)));
    let mut set = surfaces(&LabelMap::from_masks(&masks).unwrap(), None, &Ctx::default()).unwrap();
    let (rough, common) = (set.clone(), shared_places(&set));
    let how = Smoothing { passes: 20, bound_mm: 0.25 };
    let report = smooth_shared(&mut set, &how, &Ctx::default()).unwrap();
    assert_eq!(shared_places(&set), common);
    assert!(common > 300, "{common}");
    for ((old, new), (moved, change)) in rough.iter().zip(&set).zip(report) {
        assert!(moved.max <= 0.25 && moved.mean > 0.01 && change.abs() <= 1e-3);
        assert!((new.solid.volume() / old.solid.volume() - 1.0).abs() <= 1e-3);
    }
}

/// How many places are vertices of more than one surface.
fn shared_places(set: &[Surface]) -> usize {
    let mut all: Vec<[u64; 3]> = set
        .iter()
        .flat_map(|surface| surface.solid.mesh().vertices.iter().map(|p| p.to_array().map(f64::to_bits)))
        .collect();
    all.sort_unstable();
    all.chunk_by(|a, b| a == b).filter(|group| group.len() > 1).count()
}

#[test]
fn a_single_surface_is_smoothed_alike_alone_and_in_a_set() {
    let solid = ball(6.0);
    let how = Smoothing { passes: 6, bound_mm: 0.2 };
    let alone = smooth(&solid, &how, &Ctx::default()).unwrap();
    let mut set = [Surface { label: 1, solid }];
    smooth_shared(&mut set, &how, &Ctx::default()).unwrap();
    // Neighbours are added in another order; displacements of 0.2 mm in 32 bits round at 1e-8 mm a step.
    for (a, b) in alone.solid.mesh().vertices.iter().zip(&set[0].solid.mesh().vertices) {
        assert!(a.distance(*b) < 1e-6);
    }
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let solid = ball(22.0);
    let at = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let how = Smoothing { passes: 8, bound_mm: 0.2 };
        pool.install(|| smooth(&solid, &how, &Ctx::default())).unwrap()
    };
    let one = at(1);
    assert_eq!(at(2), one);
    assert_eq!(at(5), one);
}

#[test]
fn no_passes_change_nothing_and_a_bound_of_nothing_is_refused() {
    let solid = ball(4.0);
    let still = smooth(&solid, &Smoothing { passes: 0, bound_mm: 0.1 }, &Ctx::default()).unwrap();
    assert_eq!((&still.solid, still.moved), (&solid, Moved::default()));
    for bound_mm in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = smooth(&solid, &Smoothing { passes: 2, bound_mm }, &Ctx::default()).unwrap_err();
        assert_eq!((refused.code(), refused.kind()), ("smoothing-bound", ErrorKind::Input));
    }
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let stopped = smooth(&solid, &Smoothing { passes: 2, bound_mm: 0.1 }, &ctx).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled);
}
