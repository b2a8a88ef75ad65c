//! A surface that fits its image, its mirror images, and bodies that are their own mirror image.

use super::*;
use crate::isosurface::isosurface;
use crate::test_shapes::{ball, block, shaped};
use osteon_core::{Grid, Hu};
use osteon_image::{Neighbours, components, fill, keep_largest, threshold};
use osteon_phantom::{Field, Noise, Protocol, scan};

/// An image of a body: bright where `inside` holds, with noise.
fn image(inside: impl Fn(DVec3) -> bool) -> Volume<i16> {
    let linear =
        DMat3::from_cols(DVec3::new(0.8, 0.0, 0.0), DVec3::new(0.0, -0.8, 0.0), DVec3::new(0.0, 0.2, 1.1));
    let dims = [80, 80, 60];
    let middle = linear * DVec3::new(39.5, 39.5, 29.5);
    let grid = Grid::new(dims, Affine::new(linear, -middle)).unwrap();
    let mut random = Ctx::default().random("noise");
    let mut samples = Vec::new();
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            samples.extend((0..dims[0]).map(|x| {
                let bright = if inside(grid.place(x, y, z).vec()) { 600.0 } else { 0.0 };
                (bright + 60.0 * random.normal()) as i16
            }));
        }
    }
    Volume::new(grid, samples).unwrap()
}

/// A block with one corner drawn out: no mirror image of it is like it.
fn lopsided(p: DVec3) -> DVec3 {
    DVec3::new(p.x + 0.3 * p.y, p.y + 0.4 * p.z, p.z + 0.25 * p.x)
}

fn check(mesh: &Mesh, volume: &Volume<i16>) -> Agreement {
    agreement(mesh, volume, &Ctx::default()).unwrap()
}

#[test]
fn a_lopsided_body_agrees_and_its_mirror_image_is_found_out() {
    let size = DVec3::new(20.0, 24.0, 28.0);
    let inverse = DMat3::from_cols(lopsided(DVec3::X), lopsided(DVec3::Y), lopsided(DVec3::Z)).inverse();
    let volume = image(|p| ((inverse * p).abs() * 2.0).cmple(size).all());
    let mesh = shaped(size, 1.0, lopsided).into_mesh();
    let found = check(&mesh, &volume);
    assert_eq!(found.verdict, Verdict::Agrees);
    assert!(found.as_placed > 0.97, "{found:?}");
    for axis in 0..3 {
        let mut signs = DVec3::ONE;
        signs[axis] = -1.0;
        let mirror = Affine::new(DMat3::from_diagonal(signs), DVec3::ZERO);
        let found = check(&mesh.moved(&mirror), &volume);
        assert_eq!(found.verdict, Verdict::Mirrored, "{found:?}");
    }
}

#[test]
fn a_ball_cannot_tell_and_a_ball_elsewhere_disagrees() {
    let volume = image(|p| p.length() < 15.0);
    let mesh = ball(15.0, 1.0).into_mesh();
    assert_eq!(check(&mesh, &volume).verdict, Verdict::Undecided);
    let noise = image(|_| false);
    assert_eq!(check(&mesh, &noise).verdict, Verdict::Disagrees);
    let outside = mesh.moved(&Affine::new(DMat3::IDENTITY, DVec3::splat(500.0)));
    assert_eq!(check(&outside, &volume).verdict, Verdict::Disagrees);
}

#[test]
fn a_stack_read_in_the_wrong_order_is_found_out_away_from_the_middle() {
    let size = DVec3::new(9.0, 14.0, 20.0);
    let at = DVec3::new(6.0, -5.0, 7.0);
    let mesh = shaped(size, 1.0, |p| p + at).into_mesh();
    // The body is symmetric, but the image has it on the other side.
    let volume = image(|p| ((p - at * DVec3::new(-1.0, 1.0, 1.0)).abs() * 2.0).cmple(size).all());
    assert_eq!(check(&mesh, &volume).verdict, Verdict::Mirrored);
}

#[test]
fn a_solid_is_compared_with_its_mask() {
    let grid = Grid::upright([20, 20, 20], Point::new(0.0, 0.0, 0.0), DVec3::splat(0.5)).unwrap();
    let mask = Mask::where_true(&grid, |x, y, z| x < 10 && y < 10 && z < 10);
    let solid = block(DVec3::new(5.0, 5.0, 5.5), 1.0);
    let share = volume_against_mask(&solid, &mask).unwrap();
    assert!((share - 0.1).abs() < 1e-9);
    assert_eq!(volume_against_mask(&solid, &Mask::empty(&grid)), None);
}

/// The bone of a scanned phantom, as the thresholded and filled surface of its largest piece.
fn bone(volume: &Volume<i16>) -> Mesh {
    let ctx = Ctx::default();
    let mask = threshold(volume, Hu(226.0), None, &ctx).unwrap();
    let mask = keep_largest(&components(&mask, Neighbours::Corners, &ctx).unwrap(), 1).mask;
    let mask = fill(&mask, &ctx).unwrap().mask;
    let levels = osteon_image::edge::measure(volume, &mask, &ctx).unwrap();
    isosurface(volume, &levels, &mask, &ctx).unwrap().into_mesh()
}

/// The mesh mirrored left to right about the plane `x` mm.
fn mirrored(mesh: &Mesh, x: f64) -> Mesh {
    let flip = DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0));
    mesh.moved(&Affine::new(flip, DVec3::X * 2.0 * x))
}

#[test]
fn the_demonstrations_vertebra_is_told_from_its_mirror_image_by_one_transverse_process() {
    let scan = osteon_phantom::demo_scan(&Ctx::default()).unwrap();
    let mesh = bone(&scan.volume);
    let found = check(&mesh, &scan.volume);
    assert_eq!(found.verdict, Verdict::Agrees, "{found:?}");
    let telling = found.telling.unwrap();
    assert!(found.best_mirrored > 0.95 && telling.as_placed > 0.95, "{found:?}");
    // About its own plane, the middle of its box and a place between, and about the middle of the image.
    let (box_middle, image_middle) = (mesh.bounds().middle(), scan.volume.grid().bounds().middle());
    for x in [0.0, box_middle.vec().x, image_middle.vec().x, 0.7] {
        let found = check(&mirrored(&mesh, x), &scan.volume);
        assert_eq!(found.verdict, Verdict::Mirrored, "about {x}: {found:?}");
    }
}

#[test]
fn every_ready_made_bone_is_told_from_its_mirror_image_and_symmetric_bodies_are_not() {
    for entry in osteon_phantom::CATALOGUE {
        let phantom = (entry.make)();
        let grid = Field::axial(0.9, 0.9, 0.0).grid(&phantom.view).unwrap();
        let noise = Noise { sigma: 30.0, grain: 0.4, seed: 5 };
        let protocol = Protocol::soft(0.9).with_noise(noise);
        let volume = scan(&phantom, &grid, &protocol, &Ctx::default()).unwrap().volume;
        let mesh = bone(&volume);
        let symmetric = ["sphere", "shells", "plates"].contains(&entry.name);
        let (itself, flipped) = if symmetric {
            (Verdict::Undecided, Verdict::Undecided)
        } else {
            (Verdict::Agrees, Verdict::Mirrored)
        };
        let found = check(&mesh, &volume);
        assert_eq!(found.verdict, itself, "{}: {found:?}", entry.name);
        let found = check(&mirrored(&mesh, mesh.bounds().middle().vec().x), &volume);
        assert_eq!(found.verdict, flipped, "{} mirrored: {found:?}", entry.name);
    }
}

#[test]
fn the_same_verdict_at_any_number_of_threads_and_none_when_stopped() {
    let volume = image(|p| p.length() < 15.0 || (p - DVec3::splat(12.0)).length() < 6.0);
    let mesh = ball(15.0, 1.0).into_mesh();
    let found = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check(&mesh, &volume))
    };
    assert!(found(1) == found(2) && found(1) == found(8));
    let ctx = Ctx::default();
    ctx.cancel().stop();
    assert!(agreement(&mesh, &volume, &ctx).is_err());
}

#[test]
fn a_place_is_near_a_surface_of_large_triangles_too() {
    let grid = Grid::upright([60, 60, 60], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
    let mesh = osteon_phantom::mesh::cuboid(DVec3::splat(10.0), DVec3::splat(40.0));
    let near = Near::new(&mesh, &grid, &Ctx::default()).unwrap();
    for (z, expected) in
        [(10.0, true), (12.0, true), (8.0, true), (13.0, false), (7.0, false), (200.0, false)]
    {
        assert_eq!(near.holds(Point::new(33.0, 21.0, z)), expected, "{z}");
    }
}
