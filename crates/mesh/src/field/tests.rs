//! Offsets of balls and boxes, whose volumes are known.

use super::*;
use osteon_core::{Affine, Direction, Pose, Vector};
use osteon_phantom::mesh::{ball, cuboid};
use std::f64::consts::PI;

fn solid_of(mesh: Mesh) -> Solid {
    Solid::new(mesh).unwrap()
}

#[test]
fn the_samples_of_a_box_are_those_between_its_faces() {
    let grid = Grid::upright([12, 9, 7], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
    // Faces on samples: the low ones belong, the high ones do not, so that boxes side by side share none.
    let mesh = cuboid(DVec3::new(2.0, 1.0, 3.0), DVec3::new(5.0, 4.0, 2.0));
    let mask = voxelise(&mesh, &grid, &Ctx::default()).unwrap();
    assert_eq!(mask.count(), 5 * 4 * 2);
    let beside =
        voxelise(&cuboid(DVec3::new(7.0, 1.0, 3.0), DVec3::splat(2.0)), &grid, &Ctx::default()).unwrap();
    let mut both = mask.clone();
    both.and(&beside);
    assert!(both.is_empty());
}

#[test]
fn a_turned_ball_on_a_turned_grid_has_its_volume_in_samples() {
    let axis = Direction::new(DVec3::new(1.0, 2.0, 3.0)).unwrap();
    let pose: Pose<Patient, Patient> = Pose::turn(axis, 0.7, Vector::from_vec(DVec3::splat(3.0)));
    let plain = Grid::upright([60, 60, 60], Point::new(-15.0, -15.0, -15.0), DVec3::splat(0.5)).unwrap();
    let mesh = ball(DVec3::ZERO, 12.0, 30);
    let whole = voxelise(&mesh, &plain, &Ctx::default()).unwrap();
    for mirror in [1.0, -1.0] {
        let flip = Affine::new(glam::DMat3::from_diagonal(DVec3::new(mirror, 1.0, 1.0)), DVec3::ZERO);
        let map = plain.to_patient().then(&flip).then(pose.affine());
        let grid = Grid::new(plain.dims(), map).unwrap();
        let moved = mesh.moved(&flip).moved(pose.affine());
        let mask = voxelise(&moved, &grid, &Ctx::default()).unwrap();
        // The same voxels but for some on the surface, where rounding decides.
        assert!(mask.count().abs_diff(whole.count()) <= 20, "{} {}", mask.count(), whole.count());
    }
    assert!((whole.volume() / mesh.signed_volume() - 1.0).abs() < 0.005);
}

#[test]
fn a_grown_and_a_shrunk_ball_are_balls() {
    let middle = DVec3::new(5.0, -3.0, 100.0);
    let whole = solid_of(ball(middle, 10.0, 120));
    for by in [2.0, -2.0] {
        let moved = offset(&whole, by, 0.5, &Ctx::default()).unwrap();
        let far = moved.mesh().vertices.iter().map(|p| (p.vec() - middle).length() - (10.0 + by));
        let worst = far.map(f64::abs).fold(0.0, f64::max);
        // A vertex keeps 2 % of its edge, 0.01 mm, from the samples; interpolation errs by h²/8r ≤ 0.004 mm,
        // the facets of the ball by r(1 − cos(π/240)) ≈ 0.001 mm.
        assert!(worst < 0.015, "{worst}");
    }
}

#[test]
fn a_grown_box_has_round_edges_and_the_volume_of_steiners_formula() {
    let size = DVec3::new(10.0, 14.0, 18.0);
    let grown = offset(&solid_of(cuboid(DVec3::ZERO, size)), 3.0, 0.5, &Ctx::default()).unwrap();
    let faces = 2.0 * (size.x * size.y + size.y * size.z + size.z * size.x);
    let edges = size.x + size.y + size.z;
    let truth = size.x * size.y * size.z + 3.0 * faces + PI * 9.0 * edges + 4.0 / 3.0 * PI * 27.0;
    // Interpolation errs by h²/8r ≈ 0.01 mm on the round parts only.
    assert!((grown.volume() / truth - 1.0).abs() < 0.001, "{} {truth}", grown.volume());
}

#[test]
fn a_hollow_box_keeps_its_outside_and_a_wall_all_around() {
    let whole = solid_of(cuboid(DVec3::ZERO, DVec3::splat(20.0)));
    let hollow = hollow(&whole, 2.0, 0.5, &Ctx::default()).unwrap();
    assert_eq!(hollow.cavities, 1);
    assert_eq!(hollow.solid.mesh().vertices[..8], whole.mesh().vertices[..]);
    assert!((hollow.trapped / 4096.0 - 1.0).abs() < 0.01, "{}", hollow.trapped);
    assert!((hollow.solid.volume() - (8000.0 - hollow.trapped)).abs() < 1e-6);
}

#[test]
fn what_is_too_thin_to_be_hollow_is_said_so() {
    let plate = solid_of(cuboid(DVec3::ZERO, DVec3::new(20.0, 20.0, 3.0)));
    assert!(matches!(hollow(&plate, 2.0, 0.5, &Ctx::default()), Err(FieldError::Gone(_))));
    assert!(matches!(offset(&plate, 0.5, 0.5, &Ctx::default()), Err(FieldError::Voxel { .. })));
    assert!(matches!(offset(&plate, 0.5, 0.0, &Ctx::default()), Err(FieldError::Voxel { .. })));
    let far = solid_of(cuboid(DVec3::ZERO, DVec3::splat(1e5)));
    assert!(matches!(offset(&far, 1.0, 0.5, &Ctx::default()), Err(FieldError::TooLarge(_))));
}

#[test]
fn a_shell_lies_on_both_sides_of_the_surface() {
    let whole = solid_of(ball(DVec3::ZERO, 10.0, 60));
    let skin = shell(&whole, [1.0, 2.0], 0.4, &Ctx::default()).unwrap();
    let truth = 4.0 / 3.0 * PI * (12.0_f64.powi(3) - 9.0_f64.powi(3));
    assert!((skin.volume() / truth - 1.0).abs() < 0.005, "{} {truth}", skin.volume());
    assert_eq!(skin.shells().len(), 2);
}

#[test]
fn fields_are_the_same_at_any_number_of_threads() {
    let whole = solid_of(ball(DVec3::ZERO, 6.0, 20));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| offset(&whole, 1.0, 0.4, &Ctx::default()).unwrap())
    };
    assert_eq!(with(1), with(3));
}
