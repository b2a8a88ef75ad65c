//! Known blur and noise, measured back.

use super::*;
use crate::threshold;
use glam::DMat3;
use osteon_core::{Affine, Hu, Point, ctx::Random};

/// A bone of two balls in soft tissue, blurred as a flat edge is: Gaussian in the plane, a box through the slice.
struct Bone {
    in_plane: f64,
    through: f64,
    noise: f64,
    wall: Option<f64>,
}

impl Bone {
    fn scan(&self, grid: &Grid) -> Volume<i16> {
        let truth =
            Spread { in_plane: self.in_plane, through: self.through, noise: 0.0, edges: 1, oblique_edges: 1 };
        let slices = slice_normal(grid);
        let mut random = Random::new(3);
        let [nx, ny, _] = grid.dims();
        let samples = (0..grid.count()).map(|n| {
            let off = grid.place(n % nx, n / nx % ny, n / nx / ny).vec() - DVec3::new(0.2, -0.3, 0.1);
            let far = off.length();
            let blur = truth.across(off.dot(slices) / far.max(1e-9));
            let course = response::Course::new(blur.boxed);
            let share = |radius: f64| course.at((radius - far) / blur.sigma)[0];
            let hollow = self.wall.map_or(0.0, |wall| share(15.0 - wall));
            (50.0 + 1100.0 * (share(15.0) - hollow) + self.noise * random.normal()).round() as i16
        });
        Volume::new(grid.clone(), samples.collect()).unwrap()
    }
}

fn grid(spacing: [f64; 3]) -> Grid {
    let dims = spacing.map(|s| (40.0 / s) as usize);
    Grid::upright(dims, Point::new(-20.0, -20.0, -20.0), DVec3::from(spacing)).unwrap()
}

fn measured(bone: &Bone, grid: &Grid) -> Spread {
    let volume = bone.scan(grid);
    let mask = threshold(&volume, Hu(400.0), None, &Ctx::default()).unwrap();
    spread(&volume, &mask, &Ctx::default()).unwrap()
}

#[test]
fn the_blur_of_solid_bone_is_found() {
    for (in_plane, slices, noise) in [(0.34, 0.625, 0.0), (0.51, 1.25, 30.0), (0.42, 2.5, 15.0)] {
        let bone = Bone { in_plane, through: slices / 12.0_f64.sqrt(), noise, wall: None };
        let found = measured(&bone, &grid([0.6, 0.6, slices]));
        assert!(found.is_measured() && found.oblique_edges > 0, "{found:?}");
        // A twentieth in the plane; through the slices curvature and the in-plane part leave a tenth of a millimetre.
        assert!((found.in_plane / in_plane - 1.0).abs() < 0.05, "{found:?}");
        assert!((found.through - bone.through).abs() < 0.1, "{found:?}");
        // White noise: the calmest quarter of patches of 36 samples lies a tenth below.
        assert!((found.noise - noise).abs() < 0.15 * noise + 0.5, "{found:?}");
    }
}

#[test]
fn thick_cortex_shows_the_blur_and_thin_cortex_is_not_asked() {
    let bone = |wall| Bone { in_plane: 0.4, through: 0.3, noise: 20.0, wall: Some(wall) };
    let thick = measured(&bone(3.0), &grid([0.6, 0.6, 1.0]));
    assert!((thick.in_plane - 0.4).abs() < 0.02, "{thick:?}");
    let thin = measured(&bone(0.8), &grid([0.6, 0.6, 1.0]));
    assert_eq!((thin.edges, thin.oblique_edges, thin.in_plane), (0, 0, ASSUMED));
    assert!(thin.line().contains("assumed"), "{}", thin.line());
}

#[test]
fn a_tilted_gantry_changes_nothing() {
    let linear = DMat3::from_cols(DVec3::X * 0.6, DVec3::new(0.0, 0.57, 0.18), DVec3::Z * 1.3);
    let dims = [66, 66, 30];
    let middle = linear * DVec3::from_array(dims.map(|n| 0.5 * (n - 1) as f64));
    let tilted = Grid::new(dims, Affine::new(linear, -middle)).unwrap();
    let bone = Bone { in_plane: 0.45, through: 0.36, noise: 10.0, wall: None };
    let found = measured(&bone, &tilted);
    assert!((found.in_plane - 0.45).abs() < 0.025 && (found.through - 0.36).abs() < 0.1, "{found:?}");
}

#[test]
fn one_thread_and_four_find_the_same() {
    let bone = Bone { in_plane: 0.4, through: 0.3, noise: 20.0, wall: None };
    let volume = bone.scan(&grid([0.8, 0.8, 1.2]));
    let mask = threshold(&volume, Hu(400.0), None, &Ctx::default()).unwrap();
    let found = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| spread(&volume, &mask, &Ctx::default()).unwrap())
    };
    assert_eq!(found(1), found(4));
}

#[test]
fn an_empty_scan_is_assumed() {
    let grid = grid([2.0, 2.0, 2.0]);
    let volume = Volume::new(grid.clone(), vec![40; grid.count()]).unwrap();
    let found = spread(&volume, &Mask::empty(&grid), &Ctx::default()).unwrap();
    assert!(!found.is_measured() && found.noise < 0.3, "{found:?}");
}
