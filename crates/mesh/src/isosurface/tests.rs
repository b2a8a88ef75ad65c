//! The surface of any mask is closed, and grey values place it; same bits at any number of threads.

use super::*;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Grid, Hu, ctx::Random};
use proptest::prelude::*;

fn upright(dims: [usize; 3]) -> Grid {
    Grid::upright(dims, Point::new(-10.0, 20.0, 30.0), DVec3::new(0.7, 0.7, 1.25)).unwrap()
}

/// A volume of one value, and a mask of random voxels.
fn noise(grid: &Grid, percent: u64, seed: u64) -> (Volume<i16>, Mask) {
    let mut random = Random::new(seed);
    let values: Vec<i16> = (0..grid.count()).map(|_| (random.bits() % 2000) as i16 - 1000).collect();
    let inside: Vec<bool> = (0..grid.count()).map(|_| random.bits() % 100 < percent).collect();
    let mask = Mask::where_true(grid, |x, y, z| inside[grid.index(x, y, z)]);
    (Volume::new(grid.clone(), values).unwrap(), mask)
}

fn surface(volume: &Volume<i16>, mask: &Mask) -> Solid {
    isosurface(volume, &Levels::constant(Hu(0.0)), mask, &Ctx::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_single_voxel_is_an_octahedron_facing_outward() {
    let grid = Grid::upright([1, 1, 1], Point::new(5.0, 6.0, 7.0), DVec3::ONE).unwrap();
    let mask = Mask::where_true(&grid, |_, _, _| true);
    let solid = surface(&Volume::new(grid, vec![100]).unwrap(), &mask);
    assert_eq!((solid.mesh().vertices.len(), solid.mesh().triangles.len()), (6, 8));
    // Half-axes of half a voxel: 4/3 · 0.5³.
    assert!((solid.volume() - 1.0 / 6.0).abs() < 1e-12);
    assert!(solid.mesh().bounds().middle().distance(Point::new(5.0, 6.0, 7.0)) < 1e-12);
}

#[test]
fn a_linear_ramp_is_cut_exactly_where_it_crosses_the_level() {
    let grid = upright([70, 8, 6]);
    let samples = (0..grid.count()).map(|i| 40 * (i % 70) as i16).collect();
    let volume = Volume::new(grid.clone(), samples).unwrap();
    let mask = Mask::where_true(&grid, |x, y, z| volume.at(x, y, z) >= 1000);
    let solid = isosurface(&volume, &Levels::constant(Hu(990.0)), &mask, &Ctx::default()).unwrap();
    // 990 HU lie at voxel 24.75; the far ends half a voxel beyond the grid.
    let bounds = solid.mesh().bounds();
    assert!((bounds.min.vec().x - (-10.0 + 24.75 * 0.7)).abs() < 1e-12);
    assert!((bounds.max.vec().x - (-10.0 + 69.5 * 0.7)).abs() < 1e-12);
    assert!((bounds.size().z - 6.0 * 1.25).abs() < 1e-12);
}

#[test]
fn an_empty_mask_and_a_foreign_mask_are_refused_with_help() {
    let (volume, mask) = noise(&upright([3, 3, 3]), 0, 1);
    let level = Levels::constant(Hu(0.0));
    let empty = isosurface(&volume, &level, &mask, &Ctx::default()).unwrap_err();
    assert_eq!((empty.code(), empty.kind()), ("empty-mask", ErrorKind::Input));
    assert!(empty.help().contains("threshold"));
    let other = Mask::where_true(&upright([3, 3, 4]), |_, _, _| true);
    let foreign = isosurface(&volume, &level, &other, &Ctx::default()).unwrap_err();
    assert_eq!(foreign.code(), "different-grids");
}

#[test]
fn a_stopped_job_gives_no_surface() {
    let (volume, mask) = noise(&upright([9, 9, 9]), 50, 1);
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let stopped = isosurface(&volume, &Levels::constant(Hu(0.0)), &mask, &ctx).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled);
}

#[test]
fn noise_of_any_density_has_a_closed_manifold_surface() {
    for percent in [3, 15, 30, 45, 50, 55, 70, 85, 97] {
        for (seed, dims) in [[40, 30, 20], [130, 12, 9], [63, 20, 20]].into_iter().enumerate() {
            let (volume, mask) = noise(&upright(dims), percent, seed as u64);
            let solid = surface(&volume, &mask);
            assert!(solid.volume() > 0.0, "{percent} % {dims:?}");
        }
    }
}

#[test]
fn a_left_handed_sheared_grid_faces_outward_and_holds_as_much() {
    let linear =
        DMat3::from_cols(DVec3::new(-0.7, 0.1, 0.0), DVec3::new(0.0, 0.8, 0.1), DVec3::new(0.2, 0.4, 1.1));
    let (volume, mask) = noise(&upright([33, 12, 9]), 60, 5);
    let straight = surface(&volume, &mask).volume();
    let grid = Grid::new([33, 12, 9], Affine::new(linear, DVec3::splat(3.0))).unwrap();
    assert!(grid.to_patient().mirrors());
    let slanted = Volume::new(grid.clone(), volume.samples().to_vec()).unwrap();
    let moved = Mask::where_true(&grid, |x, y, z| mask.get(x, y, z));
    // An affine map scales every volume by its determinant.
    let scale = grid.voxel_volume() / volume.grid().voxel_volume();
    let holds = surface(&slanted, &moved).volume();
    assert!((holds - straight * scale).abs() < 1e-9 * straight, "{holds} {straight}");
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let (volume, mask) = noise(&upright([90, 30, 40]), 40, 9);
    let at = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| surface(&volume, &mask)).into_mesh()
    };
    let one = at(1);
    assert_eq!(at(2), one);
    assert_eq!(at(8), one);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_mask_has_a_solid_surface_without_coinciding_vertices_in_a_file(
        nx in 1_usize..70, ny in 1_usize..8, nz in 1_usize..8, percent in 1_u64..100, seed in 0_u64..10_000
    ) {
        let (volume, mut mask) = noise(&upright([nx, ny, nz]), percent, seed);
        mask.set(nx / 2, ny / 2, nz / 2, true);
        let solid = surface(&volume, &mask);
        // Vertices stay apart when a file rounds them to 32 bits.
        let mut rounded: Vec<[u32; 3]> = solid.mesh().vertices.iter()
            .map(|p| p.to_array().map(|c| (c as f32).to_bits())).collect();
        rounded.sort_unstable();
        rounded.dedup();
        prop_assert_eq!(rounded.len(), solid.mesh().vertices.len());
    }
}
