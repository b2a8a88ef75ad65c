//! Distances against their definition, voxel against voxel.

use super::*;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, ctx::Random};
use proptest::prelude::*;

fn grid(dims: [usize; 3], linear: DMat3) -> Grid {
    Grid::new(dims, Affine::new(linear, DVec3::new(5.0, -3.0, 8.0))).unwrap()
}

fn upright(dims: [usize; 3], spacing: [f64; 3]) -> Grid {
    grid(dims, DMat3::from_diagonal(DVec3::from_array(spacing)))
}

/// Axes turned in the patient, rows and columns at right angles, slices moved by `shift` mm along both.
fn tilted(dims: [usize; 3], spacing: [f64; 3], shift: [f64; 2]) -> Grid {
    let turn = DMat3::from_rotation_z(0.4) * DMat3::from_rotation_x(-1.1);
    let mut linear = DMat3::from_diagonal(DVec3::from_array(spacing));
    linear.z_axis += DVec3::new(shift[0], shift[1], 0.0);
    grid(dims, turn * linear)
}

fn noise(grid: &Grid, permille: u64, seed: u64) -> Mask {
    let mut random = Random::new(seed);
    let bits: Vec<bool> = (0..grid.count()).map(|_| random.bits() % 1000 < permille).collect();
    Mask::where_true(grid, |x, y, z| bits[grid.index(x, y, z)])
}

/// Distance from a voxel to the nearest that is not `kind`, by trying all, also `beyond` voxels past the border.
fn searched(mask: &Mask, at: [usize; 3], short: f32, beyond: i64) -> f32 {
    let steps = Steps::new(mask.grid(), short).unwrap();
    let dims = mask.grid().dims().map(|n| n as i64);
    let kind = mask.get(at[0], at[1], at[2]);
    let mut least = f64::INFINITY;
    for z in -beyond..dims[2] + beyond {
        for y in -beyond..dims[1] + beyond {
            for x in -beyond..dims[0] + beyond {
                let place = [x, y, z];
                let within = (0..3).all(|a| (0..dims[a]).contains(&place[a]));
                if within && mask.get(x as usize, y as usize, z as usize) == kind {
                    continue;
                }
                let away = [0, 1, 2].map(|a| (place[a] - at[a] as i64) as f64);
                let [sx, sy, sz] = steps.mm;
                let way = [
                    sx * away[0] + steps.shift[0] * away[2],
                    sy * away[1] + steps.shift[1] * away[2],
                    sz * away[2],
                ];
                let square = (0..3).map(|a| (way[a].abs() - f64::from(short) * steps.mm[a]).max(0.0).powi(2));
                least = least.min(square.sum());
            }
        }
    }
    least.sqrt() as f32
}

/// Every sample of `found` is `wanted` there, to one unit in the last place where `last_digit` allows it.
fn same(found: &Volume<f32>, last_digit: u32, wanted: impl Fn([usize; 3]) -> f32) {
    let [nx, ny, nz] = found.grid().dims();
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let (is, should) = (found.at(x, y, z), wanted([x, y, z]));
                let off = is.to_bits().abs_diff(should.to_bits());
                assert!(off <= last_digit, "{is} instead of {should} at {x}, {y}, {z}");
            }
        }
    }
}

/// All maps of a mask against the search.
fn hold(mask: &Mask, last_digit: u32) {
    let ctx = Ctx::default();
    let is = |[x, y, z]: [usize; 3]| mask.get(x, y, z);
    for (border, beyond) in [(Border::Inside, 0), (Border::Outside, 3)] {
        let found = inside(mask, border, &ctx).unwrap();
        same(&found, last_digit, |at| if is(at) { searched(mask, at, 0.0, beyond) } else { 0.0 });
        let found = signed(mask, border, &ctx).unwrap();
        same(&found, last_digit, |at| {
            if is(at) { -searched(mask, at, 0.5, beyond) } else { searched(mask, at, 0.5, 0) }
        });
    }
    let found = outside(mask, &ctx).unwrap();
    same(&found, last_digit, |at| if is(at) { 0.0 } else { searched(mask, at, 0.0, 0) });
}

#[test]
fn whole_steps_give_the_roots_of_whole_numbers() {
    let grid = upright([70, 40, 30], [1.0; 3]);
    let mut mask = Mask::empty(&grid);
    mask.set(3, 4, 5, true);
    let found = outside(&mask, &Ctx::default()).unwrap();
    same(&found, 0, |[x, y, z]| {
        ((x.abs_diff(3).pow(2) + y.abs_diff(4).pow(2) + z.abs_diff(5).pow(2)) as f32).sqrt()
    });
}

#[test]
fn a_flat_boundary_is_half_a_step_from_the_voxels_at_it() {
    let grid = upright([20, 9, 7], [0.5, 0.5, 2.0]);
    let mask = Mask::where_true(&grid, |x, _, _| x < 8);
    let found = signed(&mask, Border::Inside, &Ctx::default()).unwrap();
    same(&found, 0, |[x, _, _]| (x as f32 - 7.5) * 0.5);
    let mask = Mask::where_true(&grid, |_, _, z| z < 3);
    let found = signed(&mask, Border::Inside, &Ctx::default()).unwrap();
    same(&found, 0, |[_, _, z]| (z as f32 - 2.5) * 2.0);
}

#[test]
fn without_a_boundary_distances_are_infinite() {
    let grid = upright([65, 3, 2], [0.5, 0.5, 2.0]);
    let ctx = Ctx::default();
    let empty = Mask::empty(&grid);
    let mut full = empty.clone();
    full.invert();
    same(&outside(&empty, &ctx).unwrap(), 0, |_| f32::INFINITY);
    same(&inside(&full, Border::Inside, &ctx).unwrap(), 0, |_| f32::INFINITY);
    same(&signed(&full, Border::Inside, &ctx).unwrap(), 0, |_| f32::NEG_INFINITY);
    same(&signed(&empty, Border::Inside, &ctx).unwrap(), 0, |_| f32::INFINITY);
    same(&inside(&empty, Border::Outside, &ctx).unwrap(), 0, |_| 0.0);
    same(&outside(&full, &ctx).unwrap(), 0, |_| 0.0);
    hold(&full, 0);
}

#[test]
fn skewed_slices_are_refused_and_a_stopped_job_stops() {
    let mut linear = DMat3::from_diagonal(DVec3::new(0.5, 0.5, 1.0));
    linear.y_axis.x = 0.1;
    let mask = Mask::empty(&grid([4, 4, 4], linear));
    let refused = inside(&mask, Border::Inside, &Ctx::default()).unwrap_err();
    assert_eq!(refused.code(), "distance.skewed");
    // The column direction (0.1, 0.5) is atan 0.2 off the right angle.
    assert_eq!(refused.to_string(), "the rows and columns of a slice meet at 78.69°, not at a right angle");
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let mask = noise(&upright([9, 9, 9], [1.0; 3]), 500, 1);
    assert_eq!(signed(&mask, Border::Inside, &ctx), Err(DistanceError::Cancelled(Cancelled)));
    let mask = noise(&tilted([9, 9, 9], [1.0; 3], [0.0, 0.3]), 500, 1);
    assert_eq!(outside(&mask, &ctx), Err(DistanceError::Cancelled(Cancelled)));
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for grid in [upright([90, 31, 40], [0.45, 0.45, 0.7]), tilted([90, 21, 20], [0.45, 0.5, 0.7], [0.0, 0.2])]
    {
        let mask = noise(&grid, 20, 5);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| signed(&mask, Border::Outside, &Ctx::default())).unwrap();
            found.samples().iter().map(|sample| sample.to_bits()).collect::<Vec<_>>()
        };
        let one = with(1);
        assert_eq!(one, with(2));
        assert_eq!(one, with(8));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn distances_are_the_least_over_all_voxels(
        nx in prop::sample::select(vec![1_usize, 2, 15, 17, 63, 64, 65, 81]), ny in 1_usize..8, nz in 1_usize..7,
        sparse in 0_u32..4, seed in 0_u64..1000
    ) {
        let permille = [3, 100, 500, 990][sparse as usize];
        // Square pixels, cubes, and neither: pixels that are not square may cost the last digit.
        for (spacing, last_digit) in
            [([0.45, 0.45, 0.7], 0), ([0.7, 0.7, 0.7], 0), ([0.6, 0.45, 1.25], 1)]
        {
            hold(&noise(&upright([nx, ny, nz], spacing), permille, seed), last_digit);
        }
    }

    #[test]
    fn a_tilted_gantry_is_measured_along_its_own_axes(
        nx in prop::sample::select(vec![1_usize, 16, 33, 65]), ny in 1_usize..8, nz in 1_usize..6,
        sparse in 0_u32..4, seed in 0_u64..1000, x in -0.6_f64..0.6, y in -0.9_f64..0.9
    ) {
        let permille = [3, 100, 500, 990][sparse as usize];
        for shift in [[0.0, y], [x, y]] {
            // Turned axes are right to the rounding of their products, which may cost the last digit.
            hold(&noise(&tilted([nx, ny, nz], [0.45, 0.5, 0.8], shift), permille, seed), 1);
        }
    }
}
