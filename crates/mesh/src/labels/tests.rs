//! The surfaces of any labels are solids that share their interfaces; same bits at any number of threads.

use super::*;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, ErrorKind, Explain, Grid, Hu, Mask, ctx::Random};
use std::collections::BTreeMap;

fn upright(dims: [usize; 3]) -> Grid {
    Grid::upright(dims, Point::new(-10.0, 20.0, 30.0), DVec3::new(0.7, 0.7, 1.25)).unwrap()
}

/// A map of the labels that `label` gives in the order of voxels.
fn map(grid: &Grid, mut label: impl FnMut() -> u16) -> LabelMap {
    let values: Vec<u16> = (0..grid.count()).map(|_| label()).collect();
    LabelMap::from_volume(&Volume::new(grid.clone(), values).unwrap())
}

/// Labels 1 to `most` for the given share of voxels.
fn noise(grid: &Grid, most: u64, percent: u64, seed: u64) -> LabelMap {
    let mut random = Random::new(seed);
    map(grid, || if random.bits() % 100 < percent { 1 + (random.bits() % most) as u16 } else { 0 })
}

fn made(labels: &LabelMap) -> Vec<Surface> {
    surfaces(labels, None, &Ctx::default()).unwrap_or_else(|error| panic!("{error}"))
}

type Bits = [u64; 3];

fn bits(place: DVec3) -> Bits {
    place.to_array().map(f64::to_bits)
}

/// Checks that no two vertices of a surface become one in a file, and that every triangle either occurs once
/// in all surfaces or once each way in two of them; the numbers of both.
fn shared(surfaces: &[Surface]) -> [usize; 2] {
    let mut sides: BTreeMap<[Bits; 3], Vec<(bool, u16)>> = BTreeMap::new();
    for surface in surfaces {
        let mesh = surface.solid.mesh();
        let mut rounded: Vec<[u32; 3]> =
            mesh.vertices.iter().map(|p| p.to_array().map(|c| (c as f32).to_bits())).collect();
        rounded.sort_unstable();
        rounded.dedup();
        assert_eq!(rounded.len(), mesh.vertices.len());
        for &triangle in &mesh.triangles {
            let corners = mesh.corners(triangle).map(bits);
            let mut sorted = corners;
            sorted.sort_unstable();
            let start = corners.iter().position(|c| *c == sorted[0]).unwrap();
            let forward = corners[(start + 1) % 3] == sorted[1];
            sides.entry(sorted).or_default().push((forward, surface.label));
        }
    }
    let mut counts = [0, 0];
    for found in sides.values() {
        match found[..] {
            [_] => counts[0] += 1,
            [a, b] => {
                assert!(a.0 != b.0 && a.1 != b.1, "{a:?} {b:?}");
                counts[1] += 1;
            }
            _ => panic!("{found:?}"),
        }
    }
    counts
}

/// Pairs of neighbouring voxels with a label on one side, and with two labels.
fn neighbours(labels: &LabelMap) -> [usize; 2] {
    let dims = labels.grid().dims();
    let at = |p: [usize; 3]| {
        let inside = (0..3).all(|a| (1..=dims[a]).contains(&p[a]));
        if inside { labels.at(p[0] - 1, p[1] - 1, p[2] - 1) } else { 0 }
    };
    let mut counts = [0, 0];
    for z in 0..=dims[2] {
        for y in 0..=dims[1] {
            for x in 0..=dims[0] {
                for axis in 0..3 {
                    let mut next = [x, y, z];
                    next[axis] += 1;
                    match [at([x, y, z]), at(next)] {
                        [a, b] if a == b => {}
                        [0, _] | [_, 0] => counts[0] += 1,
                        _ => counts[1] += 1,
                    }
                }
            }
        }
    }
    counts
}

/// Checks one map; its surfaces.
fn checked(labels: &LabelMap) -> Vec<Surface> {
    let surfaces = made(labels);
    assert_eq!(surfaces.len(), labels.labels().len());
    let (triangles, pairs) = (shared(&surfaces), neighbours(labels));
    // Two triangles a pair of voxels; more where a face or a vertex was split.
    assert!(triangles[0] >= 2 * pairs[0] && triangles[1] >= 2 * pairs[1], "{triangles:?} {pairs:?}");
    surfaces
}

#[test]
fn every_block_of_two_by_two_by_two_voxels_has_a_solid_for_each_label() {
    // Codes matter only by their order: labels 0 to n, each of which occurs, for a sample of all blocks.
    let grid = upright([2, 2, 2]);
    for case in (1..256_u32).chain((256..6_u32.pow(8)).step_by(577)) {
        let mut code = case;
        let base = if case < 256 { 2 } else { 6 };
        let labels = map(&grid, || {
            let digit = (code % base) as u16;
            code /= base;
            digit
        });
        checked(&labels);
    }
}

#[test]
fn noise_of_any_density_and_number_of_labels_has_solids_that_share_their_interfaces() {
    for most in [1, 2, 3, 4, 6, 40] {
        for percent in [5, 20, 50, 80, 95, 100] {
            for (seed, dims) in [[9, 8, 7], [70, 5, 4], [63, 3, 4]].into_iter().enumerate() {
                checked(&noise(&upright(dims), most, percent, seed as u64 + 10 * most));
            }
        }
    }
}

#[test]
fn the_volumes_of_labels_add_up_to_what_their_outer_surface_holds() {
    for seed in 0..4 {
        let labels = noise(&upright([14, 12, 10]), 4, 85, seed);
        let surfaces = checked(&labels);
        let sum: f64 = surfaces.iter().map(|surface| surface.solid.volume()).sum();
        // The outer surface: triangles that no other label has the other way round.
        let mut outer: BTreeMap<[Bits; 3], [DVec3; 3]> = BTreeMap::new();
        for mesh in surfaces.iter().map(|surface| surface.solid.mesh()) {
            for corners in mesh.triangles.iter().map(|&t| mesh.corners(t)) {
                let mut key = corners.map(bits);
                key.sort_unstable();
                if outer.remove(&key).is_none() {
                    outer.insert(key, corners);
                }
            }
        }
        let hull = outer.values().map(|[a, b, c]| a.dot(b.cross(*c))).sum::<f64>() / 6.0;
        // Rounding of some ten thousand products of at most 40³ mm³ stays below 1e-9 of the sum.
        assert!((sum - hull).abs() < 1e-9 * hull, "{sum} {hull}");
    }
}

#[test]
fn a_block_has_the_shape_of_its_voxels_less_its_edges() {
    let grid = Grid::upright([6, 5, 4], Point::new(1.0, 2.0, 3.0), DVec3::ONE).unwrap();
    let mask = Mask::where_true(&grid, |x, y, z| (1..5).contains(&x) && (1..4).contains(&y) && z < 3);
    let solid = made(&LabelMap::from_masks(&[mask]).unwrap()).remove(0).solid;
    let bounds = solid.mesh().bounds();
    assert!(bounds.min.distance(Point::new(1.5, 2.5, 2.5)) < 1e-12);
    assert!(bounds.size().distance(DVec3::new(4.0, 3.0, 3.0)) < 1e-12, "{:?}", bounds.size());
    assert_eq!(solid.genus(), 0);
}

#[test]
fn a_ramp_is_cut_where_it_crosses_the_level_and_labels_meet_half_way() {
    let grid = upright([70, 8, 6]);
    let volume =
        Volume::new(grid.clone(), (0..grid.count()).map(|i| 40 * (i % 70) as i16).collect()).unwrap();
    let low = Mask::where_true(&grid, |x, _, _| (25..40).contains(&x));
    let high = Mask::where_true(&grid, |x, _, _| x >= 40);
    let map = LabelMap::from_masks(&[low, high]).unwrap();
    let surfaces = surfaces(&map, Some((&volume, &Levels::constant(Hu(990.0)))), &Ctx::default()).unwrap();
    shared(&surfaces);
    let bounds = [0, 1].map(|n: usize| surfaces[n].solid.mesh().bounds());
    // 990 HU lie at voxel 24.75, the border between the labels at 39.5, the end half a voxel beyond the grid.
    let ends = [bounds[0].min, bounds[0].max, bounds[1].min, bounds[1].max].map(|p| (p.vec().x + 10.0) / 0.7);
    for (end, expected) in ends.into_iter().zip([24.75, 39.5, 39.5, 69.5]) {
        assert!((end - expected).abs() < 1e-9, "{ends:?}");
    }
}

#[test]
fn grey_noise_moves_vertices_but_never_tears_or_merges_them() {
    for seed in 0..4 {
        let grid = upright([20, 14, 12]);
        let mut random = Random::new(100 + seed);
        let values = (0..grid.count()).map(|_| (random.bits() % 4000) as i16 - 2000).collect();
        let volume = Volume::new(grid.clone(), values).unwrap();
        let labels = noise(&grid, 1 + seed, 60, seed);
        let surfaces =
            surfaces(&labels, Some((&volume, &Levels::constant(Hu(0.0)))), &Ctx::default()).unwrap();
        shared(&surfaces);
    }
}

#[test]
fn labels_that_touch_along_an_edge_are_connected_there_only_if_nothing_else_is() {
    let grid = upright([2, 2, 1]);
    let shells = |values: [u16; 4]| {
        let mut values = values.into_iter();
        let map = map(&grid, || values.next().unwrap_or(0));
        checked(&map).iter().map(|surface| surface.solid.shells().len()).collect::<Vec<_>>()
    };
    // Two voxels across from each other, beside background, beside another label, and beside two others.
    assert_eq!(shells([1, 0, 0, 1]), [1]);
    assert_eq!(shells([1, 2, 2, 1]), [1, 2]);
    assert_eq!(shells([3, 1, 2, 3]), [1, 1, 1]);
    assert_eq!(shells([1, 0, 2, 1]), [1, 1]);
}

#[test]
fn a_left_handed_sheared_grid_faces_outward_and_holds_as_much() {
    let linear =
        DMat3::from_cols(DVec3::new(-0.7, 0.1, 0.0), DVec3::new(0.0, 0.8, 0.1), DVec3::new(0.2, 0.4, 1.1));
    let dims = [13, 12, 9];
    let grid = Grid::new(dims, Affine::new(linear, DVec3::splat(3.0))).unwrap();
    assert!(grid.to_patient().mirrors());
    for most in [1, 2] {
        let straight = noise(&upright(dims), most, 90, 5);
        let slanted = noise(&grid, most, 90, 5);
        // An affine map scales every volume by its determinant; which diagonal of a quad is shorter may
        // differ.
        let scale = grid.voxel_volume() / upright(dims).voxel_volume();
        for (a, b) in checked(&straight).iter().zip(&checked(&slanted)) {
            let (a, b) = (a.solid.volume() * scale, b.solid.volume());
            assert!((a - b).abs() < 0.02 * a, "{a} {b}");
        }
    }
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let labels = noise(&upright([90, 20, 24]), 3, 70, 9);
    let at = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| made(&labels))
    };
    let one = at(1);
    assert_eq!(at(2), one);
    assert_eq!(at(8), one);
}

#[test]
fn no_label_a_foreign_image_and_a_stopped_job_are_refused() {
    let labels = noise(&upright([3, 3, 3]), 2, 0, 1);
    let empty = surfaces(&labels, None, &Ctx::default()).unwrap_err();
    assert_eq!((empty.code(), empty.kind()), ("empty-mask", ErrorKind::Input));
    let labels = noise(&upright([3, 3, 3]), 2, 50, 1);
    let volume = Volume::new(upright([3, 3, 4]), vec![0; 36]).unwrap();
    let level = Levels::constant(Hu(0.0));
    let foreign = surfaces(&labels, Some((&volume, &level)), &Ctx::default()).unwrap_err();
    assert_eq!(foreign.code(), "different-grids");
    let ctx = Ctx::default();
    ctx.cancel().stop();
    assert_eq!(surfaces(&labels, None, &ctx).unwrap_err().kind(), ErrorKind::Cancelled);
}
