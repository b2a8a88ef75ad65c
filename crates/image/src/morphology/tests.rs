//! Morphology against its definition, voxel against voxel.

use super::*;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Grid, Point, ctx::Random};
use proptest::prelude::*;

fn sheared(dims: [usize; 3]) -> Grid {
    let linear =
        DMat3::from_cols(DVec3::new(-0.7, 0.1, 0.0), DVec3::new(0.2, 0.8, 0.0), DVec3::new(0.5, 0.6, 1.1));
    Grid::new(dims, Affine::new(linear, DVec3::new(5.0, -3.0, 8.0))).unwrap()
}

fn noise(grid: &Grid, percent: u64, seed: u64) -> Mask {
    let mut random = Random::new(seed);
    let bits: Vec<bool> = (0..grid.count()).map(|_| random.bits() % 100 < percent).collect();
    Mask::where_true(grid, |x, y, z| bits[grid.index(x, y, z)])
}

/// Dilation by its definition: any voxel of the mask no further than the radius.
fn dilated(mask: &Mask, radius: f64) -> Mask {
    let grid = mask.grid();
    let [nx, ny, nz] = grid.dims();
    let mut members = Vec::new();
    for z in 0..nz {
        for y in 0..ny {
            members.extend((0..nx).filter(|&x| mask.get(x, y, z)).map(|x| grid.place(x, y, z)));
        }
    }
    Mask::where_true(grid, |x, y, z| {
        let here = grid.place(x, y, z);
        members.iter().any(|p| p.distance(here) <= radius + 1e-9)
    })
}

#[test]
fn a_step_of_exactly_the_radius_belongs_to_the_ball() {
    let grid = Grid::upright([9, 9, 9], Point::new(0.0, 0.0, 0.0), DVec3::new(0.7, 0.7, 0.7)).unwrap();
    let mut mask = Mask::empty(&grid);
    mask.set(4, 4, 4, true);
    let count = |radius| dilate(&mask, radius, &Ctx::default()).unwrap().count();
    assert_eq!((count(0.0), count(0.69), count(0.7), count(2.1)), (1, 1, 7, 123));
    // Nor does it matter that a DICOM header gives the spacing in decimals.
    assert_eq!((count(0.7 - 1e-11), count(2.1 - 1e-11)), (7, 123));
    assert_eq!(count(-1.0), 1);
    assert_eq!(count(f64::NAN), 1);
}

#[test]
fn the_border_neither_bridges_a_gap_nor_eats_a_cut_bone() {
    let grid = Grid::upright([40, 20, 20], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
    // A bar two voxels from the low x border and cut by both y borders.
    let bar = Mask::where_true(&grid, |x, _, z| (2..12).contains(&x) && (5..15).contains(&z));
    let closed = close(&bar, 3.0, &Ctx::default()).unwrap();
    assert_eq!(closed, bar);
    assert!(open(&bar, 3.0, &Ctx::default()).unwrap().get(5, 0, 10));
    assert!(erode(&bar, 2.0, &Ctx::default()).unwrap().get(5, 0, 10));
}

#[test]
fn a_gap_is_closed_when_the_ball_does_not_fit() {
    let grid = Grid::upright([30, 30, 30], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
    let gap = |width: usize| Mask::where_true(&grid, |x, _, _| x < 10 || x >= 10 + width);
    let middle =
        |width, radius| close(&gap(width), radius, &Ctx::default()).unwrap().get(10 + width / 2, 15, 15);
    assert!(middle(4, 2.0) && middle(3, 2.0));
    assert!(!middle(5, 2.0));
}

/// Erosion by its definition; beyond the grid there is structure.
fn eroded(mask: &Mask, radius: f64) -> Mask {
    let mut outside = mask.clone();
    outside.invert();
    let mut eroded = dilated(&outside, radius);
    eroded.invert();
    eroded
}

/// The mask in a grid with `pad` more voxels on all sides, and back.
fn padded(mask: &Mask, pad: usize) -> Mask {
    let linear = mask.grid().to_patient().linear;
    let dims = mask.grid().dims();
    let grid = Grid::new(dims.map(|n| n + 2 * pad), Affine::new(linear, DVec3::ZERO)).unwrap();
    let within = |i: usize, a: usize| (pad..dims[a] + pad).contains(&i);
    Mask::where_true(&grid, |x, y, z| {
        within(x, 0) && within(y, 1) && within(z, 2) && mask.get(x - pad, y - pad, z - pad)
    })
}

fn unpadded(mask: &Mask, grid: &Grid, pad: usize) -> Mask {
    Mask::where_true(grid, |x, y, z| mask.get(x + pad, y + pad, z + pad))
}

#[test]
fn nothing_stays_nothing_and_all_stays_all() {
    let grid = sheared([70, 20, 5]);
    let empty = Mask::empty(&grid);
    let mut full = empty.clone();
    full.invert();
    let ctx = Ctx::default();
    for work in [dilate, erode, close, open] {
        assert_eq!(work(&empty, 2.0, &ctx).unwrap(), empty);
        assert_eq!(work(&full, 2.0, &ctx).unwrap(), full);
        // No ball reaches further than the grid is wide.
        assert_eq!(work(&full, 1e9, &ctx).unwrap(), full);
    }
    let mut one = empty.clone();
    one.set(69, 19, 4, true);
    assert_eq!(dilate(&one, 1e9, &ctx).unwrap(), full);
    assert_eq!(close(&one, 1e9, &ctx).unwrap(), one);
    assert!(erode(&one, 1e9, &ctx).unwrap().is_empty());
}

#[test]
fn a_single_slice_closes_as_a_slice_with_nothing_above_and_below() {
    // A ball that touches the slice from above reaches one voxel of it alone: nothing between two voxels is closed.
    let grid = Grid::upright([40, 40, 1], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
    let sparse = noise(&grid, 20, 8);
    assert_eq!(close(&sparse, 3.0, &Ctx::default()).unwrap(), sparse);
}

#[test]
fn any_number_of_threads_gives_the_same_mask() {
    let grid = Grid::upright([150, 70, 40], Point::new(0.0, 0.0, 0.0), DVec3::new(0.5, 0.5, 0.8)).unwrap();
    let mask = noise(&grid, 5, 3);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| close(&mask, 2.0, &Ctx::default()).unwrap())
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(8));
}

#[test]
fn a_stopped_job_gives_no_mask() {
    let mask = noise(&sheared([70, 20, 5]), 5, 3);
    let ctx = Ctx::default();
    ctx.cancel().stop();
    for work in [dilate, erode, close, open] {
        assert!(work(&mask, 2.0, &ctx).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn dilation_is_the_set_of_voxels_in_reach_on_any_grid(
        nx in 1_usize..90, percent in 1_u64..8, seed in 0_u64..1000, radius in 0.0_f64..5.0
    ) {
        let mask = noise(&sheared([nx, 6, 5]), percent, seed);
        let ctx = Ctx::default();
        prop_assert_eq!(&dilate(&mask, radius, &ctx).unwrap(), &dilated(&mask, radius));
        // Closing adds, opening takes away, and a second time changes nothing.
        let closed = close(&mask, radius, &ctx).unwrap();
        let mut missing = mask.clone();
        missing.subtract(&closed);
        prop_assert!(missing.is_empty());
        prop_assert_eq!(&close(&closed, radius, &ctx).unwrap(), &closed);
        let mut added = open(&mask, radius, &ctx).unwrap();
        added.subtract(&mask);
        prop_assert!(added.is_empty());
    }

    #[test]
    fn growing_and_shrinking_hold_in_a_box_anywhere_in_the_grid(
        dims in (1_usize..100, 1_usize..40, 1_usize..9), low in (0_usize..64, 0_usize..30, 0_usize..4),
        permille in 1_u64..400, seed in 0_u64..1000, radius in 0.0_f64..3.0, shear in prop::bool::ANY
    ) {
        let dims = [dims.0, dims.1, dims.2];
        let grid = if shear {
            sheared(dims)
        } else {
            Grid::upright(dims, Point::new(0.0, 0.0, 0.0), DVec3::new(0.6, 0.7, 1.1)).unwrap()
        };
        let mut random = Random::new(seed);
        let bits: Vec<bool> = (0..grid.count()).map(|_| random.bits() % 1000 < permille).collect();
        let mask = Mask::where_true(&grid, |x, y, z| {
            x >= low.0 && y >= low.1 && z >= low.2 && bits[grid.index(x, y, z)]
        });
        let ctx = Ctx::default();
        prop_assert_eq!(&dilate(&mask, radius, &ctx).unwrap(), &dilated(&mask, radius));
        prop_assert_eq!(&erode(&mask, radius, &ctx).unwrap(), &eroded(&mask, radius));
    }

    #[test]
    fn closing_and_opening_work_as_if_the_grid_went_on(
        dims in (1_usize..70, 1_usize..20, 1_usize..6), percent in 1_u64..99, seed in 0_u64..1000, radius in 0.0_f64..2.0
    ) {
        let grid = sheared([dims.0, dims.1, dims.2]);
        let mask = noise(&grid, percent, seed);
        let ctx = Ctx::default();
        // Twice the 2 mm in the narrowest direction of the sheared grid are less than 7 steps.
        let pad = 7;
        let wide = padded(&mask, pad);
        let closed = erode(&dilate(&wide, radius, &ctx).unwrap(), radius, &ctx).unwrap();
        prop_assert_eq!(&close(&mask, radius, &ctx).unwrap(), &unpadded(&closed, &grid, pad));
        // Opening sees structure beyond the grid: it is closing of the background.
        let mut outside = mask.clone();
        outside.invert();
        let wide = padded(&outside, pad);
        let mut opened = erode(&dilate(&wide, radius, &ctx).unwrap(), radius, &ctx).unwrap();
        opened.invert();
        prop_assert_eq!(&open(&mask, radius, &ctx).unwrap(), &unpadded(&opened, &grid, pad));
    }

    #[test]
    fn a_wide_ball_crosses_words(low in -200_i64..130, span in 0_usize..200, seed in 0_u64..1000) {
        let mut random = Random::new(seed);
        let bits: Vec<bool> = (0..192).map(|_| random.bits().is_multiple_of(60)).collect();
        let mut row = vec![0_u64; 4 + 3];
        for x in (0..192).filter(|&x| bits[x]) {
            row[4 + x / 64] |= 1 << (x % 64);
        }
        ball::smear(&mut row, low, span, 4);
        for x in 0..192_i64 {
            let truth = (low..=low + span as i64).any(|d| (0..192).contains(&(x - d)) && bits[(x - d) as usize]);
            prop_assert_eq!(row[4 + x as usize / 64] >> (x % 64) & 1 == 1, truth);
        }
    }
}
