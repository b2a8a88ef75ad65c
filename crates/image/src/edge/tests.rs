//! Edges are found where they are, in blur and noise, on upright and sheared grids.

use super::*;
use crate::fill::fill;
use crate::threshold::threshold;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Point, ctx::Random};

/// A blurred step: 1 well inside (negative distance), 0 well outside.
fn blurred(distance: f64, sigma: f64) -> f64 {
    0.5 * libm::erfc(distance / (sigma * std::f64::consts::SQRT_2))
}

/// The profile of a density that depends on the depth in samples below the middle.
fn profile(hu: impl Fn(f64) -> f64) -> Profile {
    let mut values = [0.0; 2 * SIDE + 1];
    for (i, value) in values.iter_mut().enumerate() {
        *value = hu(i as f64 - SIDE as f64) as f32;
    }
    Profile(values)
}

/// A scan of a density given by the place in the patient.
fn scan(grid: &Grid, hu: impl Fn(DVec3) -> f64) -> Volume<i16> {
    let [nx, ny, nz] = grid.dims();
    let mut samples = Vec::new();
    for (z, y) in (0..nz).flat_map(|z| (0..ny).map(move |y| (z, y))) {
        samples.extend((0..nx).map(|x| hu(grid.place(x, y, z).vec()).round() as i16));
    }
    Volume::new(grid.clone(), samples).unwrap()
}

fn upright(n: usize, spacing: DVec3) -> Grid {
    let origin = -0.5 * (n - 1) as f64 * spacing;
    Grid::upright([n; 3], Point::from_vec(origin), spacing).unwrap()
}

fn refined(volume: &Volume<i16>, threshold_hu: f64) -> Refined {
    let ctx = Ctx::default();
    let mask = threshold(volume, Hu(threshold_hu), None, &ctx).unwrap();
    refine(volume, &mask, &ctx).unwrap()
}

#[test]
fn a_turned_patient_has_the_same_levels_and_the_same_mask() {
    // Slices of exactly 1 mm, one and a half to a block, whose distance comes back rounded when they are turned.
    let ball = |p: DVec3| 50.0 + 1000.0 * blurred(p.length() - 8.0, 0.7);
    let grid = upright(26, DVec3::new(0.8, 0.8, 1.0));
    let here = scan(&grid, ball);
    let expected = refined(&here, 226.0);
    for (rounded, angle) in [(1.0 + 4.8e-14, 0.0), (1.0 - 4.8e-14, 1.1), (1.0 + 1e-13, 2.7)] {
        let turned = DMat3::from_rotation_x(angle) * grid.to_patient().linear * rounded;
        let turned = Grid::new(grid.dims(), Affine::new(turned, DVec3::new(5.0, -300.0, 77.0))).unwrap();
        let there = Volume::new(turned, here.samples().to_vec()).unwrap();
        let found = refined(&there, 226.0);
        assert!(found.levels == expected.levels, "turned by {angle}");
        assert_eq!(found.mask.count(), expected.mask.count(), "turned by {angle}");
    }
}

#[test]
fn the_level_of_a_blurred_step_is_half_its_height() {
    for (bone, soft) in [(300.0, 50.0), (1800.0, 50.0), (1000.0, -1000.0)] {
        for sigma in [0.8, 1.2, 1.6] {
            for shift in [-1.2, -0.4, 0.0, 0.7] {
                let level = profile(|s| soft + (bone - soft) * blurred(shift - s, sigma)).level().unwrap();
                let off = (f64::from(level) - 0.5 * (bone + soft)) / (bone - soft);
                // The walk leaves out 5 % at each end, or up to 7 % when a sample is wider than σ; if all of it were
                // at one end, the middle would be off by half of that.
                assert!(off.abs() < 0.035, "{bone} {soft} {sigma} {shift}: {off}");
            }
        }
    }
}

#[test]
fn lung_behind_soft_tissue_is_not_taken_for_the_outside_of_a_rib() {
    // 1.5 mm of soft tissue between bone and lung, σ 0.35 mm, samples of 0.4 mm.
    let hu = |s: f64| {
        let depth = s * 0.4;
        -850.0 + 900.0 * blurred(-1.5 - depth, 0.35) + 550.0 * blurred(-depth, 0.35)
    };
    let level = f64::from(profile(hu).level().unwrap());
    // Bone 600 beside soft tissue 50; a level taken down to the lung would be −125.
    assert!((level - 325.0).abs() < 60.0, "{level}");
}

#[test]
fn the_level_of_a_thin_wall_lies_where_its_edge_is() {
    for width in [3.0, 3.5, 4.0, 5.0, 7.0] {
        // Half a voxel a sample and σ of a sample and two thirds: 0.6 mm on a grid of 0.7 mm.
        let (sigma, deep) = (1.67, width);
        let wall = |s: f64| blurred(-s, sigma) - blurred(deep - s, sigma);
        let level = f64::from(profile(|s| 50.0 + 1150.0 * wall(s)).level().unwrap());
        let edge = 50.0 + 1150.0 * wall(0.0);
        let slope = 1150.0 * 0.4 / sigma;
        let plain = 50.0 + 1150.0 * 0.5 * wall(0.5 * deep);
        let off = (level - edge).abs();
        // Nearer to the edge than half the peak is, and within 0.15 mm (0.4 samples) from 2.4 σ on.
        assert!(off <= (plain - edge).abs() + 0.03 * 1150.0, "{width}: {level} {edge} {plain}");
        assert!(width < 4.0 || off / slope < 0.4, "{width}: {level} {edge}");
    }
}

#[test]
fn what_is_flat_or_falls_inward_has_no_level() {
    assert_eq!(profile(|_| 300.0).level(), None);
    assert!(profile(|s| 300.0 + 10.0 * s).level().is_some());
    assert_eq!(profile(|s| 300.0 - 50.0 * s).level(), None);
    assert_eq!(profile(|s| 40.0 * blurred(-s, 1.0)).level(), None);
}

#[test]
fn a_fat_mask_shrinks_to_the_volume_of_the_bone_on_any_grid() {
    let slanted =
        DMat3::from_cols(DVec3::new(-0.7, 0.1, 0.0), DVec3::new(0.1, 0.75, 0.0), DVec3::new(0.2, 0.3, 0.9));
    let half = slanted * DVec3::splat(-19.5);
    let slanted = Grid::new([40; 3], Affine::new(slanted, half)).unwrap();
    let (radius, sigma) = (9.0, 0.45);
    let truth = 4.0 / 3.0 * std::f64::consts::PI * radius * radius * radius;
    for grid in [upright(40, DVec3::new(0.7, 0.7, 0.9)), slanted] {
        let volume =
            scan(&grid, |p| 50.0 + 1150.0 * blurred((p - DVec3::splat(0.2)).length() - radius, sigma));
        let fat = threshold(&volume, Hu(226.0), None, &Ctx::default()).unwrap();
        let refined = refined(&volume, 226.0);
        // 226 HU is 0.45 mm too fat, 15 % of the volume; counting voxels errs by about 1 %.
        assert!(fat.volume() / truth > 1.10);
        assert!((refined.mask.volume() / truth - 1.0).abs() < 0.02, "{}", refined.mask.volume() / truth);
        assert!((refined.levels.fallback().value() - 625.0).abs() < 20.0, "{}", refined.levels.fallback());
    }
}

#[test]
fn a_mask_that_is_too_thin_grows_to_the_edge() {
    let grid = upright(40, DVec3::splat(0.7));
    let volume = scan(&grid, |p| -1000.0 + 2000.0 * blurred(p.length() - 9.0, 0.4));
    // 700 HU is a full 0.4 mm inside the edge of bone in air.
    let thin = threshold(&volume, Hu(700.0), None, &Ctx::default()).unwrap();
    let truth = threshold(&volume, Hu(0.0), None, &Ctx::default()).unwrap();
    let mut differs = refined(&volume, 700.0).mask;
    assert!(truth.count() - thin.count() > 1000);
    let missing = truth.count() as i64 - differs.count() as i64;
    differs.subtract(&truth);
    assert!(differs.count() < 20 && missing.abs() < 20, "{} {missing}", differs.count());
}

#[test]
fn a_filled_marrow_stays_filled_and_a_thin_cortex_stays_whole() {
    let grid = upright(44, DVec3::splat(0.7));
    let (outer, wall) = (12.0, 1.0);
    let shell = |p: DVec3| blurred(p.length() - outer, 0.45) - blurred(p.length() - outer + wall, 0.45);
    let volume = scan(&grid, |p| -20.0 + 920.0 * shell(p));
    let ctx = Ctx::default();
    let mask = threshold(&volume, Hu(226.0), None, &ctx).unwrap();
    let filled = fill(&mask, &ctx).unwrap();
    assert!(filled.filled > 10_000);
    let kept = refine(&volume, &filled.mask, &ctx).unwrap().mask;
    assert_eq!(fill(&kept, &ctx).unwrap().filled, 0);
    assert!(kept.get(22, 22, 22) && kept.count() < filled.mask.count());
    // Unfilled, the wall may become thin but keeps its cavity closed.
    let hollow = refine(&volume, &mask, &ctx).unwrap().mask;
    assert!(fill(&hollow, &ctx).unwrap().filled > 10_000);
}

#[test]
fn without_a_grey_step_nothing_moves_and_the_level_lies_between_both_sides() {
    let grid = upright(12, DVec3::ONE);
    let volume = scan(&grid, |p| 100.0 + p.x.signum());
    let mask = Mask::where_true(&grid, |x, _, _| x < 5);
    let refined = refine(&volume, &mask, &Ctx::default()).unwrap();
    assert_eq!(refined.mask, mask);
    assert_eq!(refined.levels.measured(5, 5, 5), None);
    assert!((99.0..=101.0).contains(&refined.levels.fallback().value()));
    let nothing = refine(&volume, &Mask::empty(&grid), &Ctx::default()).unwrap();
    assert!(nothing.mask.is_empty());
}

#[test]
fn a_bone_cut_by_the_field_of_view_is_not_peeled_at_the_cut() {
    let grid = Grid::upright([20, 20, 70], Point::new(-6.0, -6.0, 0.0), DVec3::splat(0.6)).unwrap();
    let volume = scan(&grid, |p| 50.0 + 1000.0 * blurred(libm::hypot(p.x, p.y) - 4.0, 0.4));
    let mask = refined(&volume, 226.0).mask;
    assert!(mask.get(10, 10, 0) && mask.get(10, 10, 69));
}

#[test]
fn the_same_levels_and_bits_at_any_number_of_threads() {
    let mut random = Random::new(4);
    let grid = upright(30, DVec3::new(0.7, 0.7, 1.0));
    let noise: Vec<f64> = (0..grid.count()).map(|_| 30.0 * random.normal()).collect();
    let mut volume = scan(&grid, |p| 50.0 + 450.0 * blurred(p.length() - 7.0, 0.45));
    for (sample, noise) in volume.samples_mut().iter_mut().zip(noise) {
        *sample += noise as i16;
    }
    let at = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let refined = pool.install(|| refined(&volume, 226.0));
        (refined.mask, refined.levels)
    };
    let one = at(1);
    assert_eq!(at(2), one);
    assert_eq!(at(8), one);
}
