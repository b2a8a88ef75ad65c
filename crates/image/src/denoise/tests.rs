//! The filters against their definitions, against moved and mirrored images, and on an edge with noise.

use super::*;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Ctx, Grid, Point, Volume, ctx::Random};
use proptest::prelude::*;

fn grid(dims: [usize; 3], spacing: DVec3) -> Grid {
    Grid::upright(dims, Point::new(-3.0, 2.0, 40.0), spacing).unwrap()
}

fn noise(dims: [usize; 3], seed: u64) -> Volume<i16> {
    let mut random = Random::new(seed);
    let grid = grid(dims, DVec3::new(0.5, 0.6, 1.1));
    let samples = (0..grid.count()).map(|_| (random.bits() % 4000) as i16 - 1000).collect();
    Volume::new(grid, samples).unwrap()
}

/// The image read from other voxels: `from(x, y, z)` for each.
fn moved(volume: &Volume<i16>, from: impl Fn([usize; 3]) -> [usize; 3]) -> Volume<i16> {
    let [nx, ny, nz] = volume.grid().dims();
    let mut samples = Vec::new();
    for z in 0..nz {
        for y in 0..ny {
            samples.extend((0..nx).map(|x| {
                let [x, y, z] = from([x, y, z]);
                volume.at(x, y, z)
            }));
        }
    }
    Volume::new(volume.grid().clone(), samples).unwrap()
}

type Filter = fn(&Volume<i16>) -> Volume<i16>;

/// Each filter with a reach of one voxel or more, and the number of voxels a border can be felt away.
const FILTERS: [(Filter, usize); 3] = [
    (|volume| median(volume, &Ctx::default()).unwrap(), 1),
    (|volume| gaussian(volume, 0.6, &Ctx::default()).unwrap(), 4),
    (|volume| flow(volume, &Flow { passes: 3, ..Flow::default() }, &Ctx::default()).unwrap(), 3),
];

/// The samples around a voxel, `reach` along each axis, the outermost going on beyond the border.
fn around(volume: &Volume<i16>, [x, y, z]: [usize; 3], reach: [usize; 3]) -> Vec<i16> {
    let [nx, ny, nz] = volume.grid().dims();
    let span = |at: usize, reach: usize, n: usize| {
        (0..=2 * reach).map(move |i| (at + i).saturating_sub(reach).min(n - 1))
    };
    let mut found = Vec::new();
    for z in span(z, reach[2], nz) {
        for y in span(y, reach[1], ny) {
            found.extend(span(x, reach[0], nx).map(|x| volume.at(x, y, z)));
        }
    }
    found
}

fn by_definition(volume: &Volume<i16>, value: impl Fn([usize; 3]) -> f64) -> Vec<f64> {
    let [nx, ny, nz] = volume.grid().dims();
    let mut values = Vec::new();
    for z in 0..nz {
        for y in 0..ny {
            values.extend((0..nx).map(|x| value([x, y, z])));
        }
    }
    values
}

/// One-dimensional weights as SciPy makes them.
fn weights(sigma: f64) -> Vec<f64> {
    let reach = (3.0 * sigma + 0.5) as i32;
    let raw: Vec<f64> =
        (-reach..=reach).map(|k| libm::exp(-0.5 * f64::from(k * k) / (sigma * sigma))).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|w| w / sum).collect()
}

#[test]
fn a_constant_image_stays_what_it_is() {
    for value in [i16::MIN, -1000, 0, 3071, i16::MAX] {
        let volume = Volume::new(grid([37, 11, 9], DVec3::new(0.4, 0.4, 2.0)), vec![value; 37 * 99]).unwrap();
        for (filter, _) in FILTERS {
            assert_eq!(filter(&volume), volume);
        }
    }
}

#[test]
fn a_moved_image_is_filtered_to_the_moved_result() {
    let volume = noise([70, 21, 41], 1);
    let dims = volume.grid().dims();
    let step = [33, 9, 7];
    let shift = |at: [usize; 3]| [0, 1, 2].map(|a| (at[a] + step[a]).min(dims[a] - 1));
    for (filter, reach) in FILTERS {
        let (first, then) = (moved(&filter(&volume), shift), filter(&moved(&volume, shift)));
        for z in reach..dims[2] - step[2] - reach {
            for y in reach..dims[1] - step[1] - reach {
                for x in reach..dims[0] - step[0] - reach {
                    assert_eq!(first.at(x, y, z), then.at(x, y, z));
                }
            }
        }
    }
}

#[test]
fn a_mirrored_image_is_filtered_to_the_mirrored_result() {
    let volume = noise([67, 19, 35], 2);
    let dims = volume.grid().dims();
    for (filter, _) in FILTERS {
        for axis in 0..3 {
            let mirror = |mut at: [usize; 3]| {
                at[axis] = dims[axis] - 1 - at[axis];
                at
            };
            assert_eq!(moved(&filter(&volume), mirror), filter(&moved(&volume, mirror)));
        }
    }
}

#[test]
fn every_number_of_threads_gives_the_same_samples() {
    let volume = noise([65, 70, 67], 3);
    for (filter, _) in FILTERS {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| filter(&volume))
        };
        let one = with(1);
        assert_eq!(with(2), one);
        assert_eq!(with(8), one);
    }
}

#[test]
fn a_stopped_job_gives_no_image() {
    let (volume, ctx) = (noise([5, 5, 5], 4), Ctx::default());
    ctx.cancel().stop();
    let stopped = DenoiseError::Cancelled(osteon_core::Cancelled);
    assert_eq!(median(&volume, &ctx).unwrap_err(), stopped);
    assert_eq!(gaussian(&volume, 1.0, &ctx).unwrap_err(), stopped);
    assert_eq!(flow(&volume, &Flow::default(), &ctx).unwrap_err().code(), "cancelled");
}

#[test]
fn numbers_that_make_no_filter_are_refused() {
    let (volume, ctx) = (noise([5, 5, 5], 5), Ctx::default());
    for sigma in [-0.1, f64::NAN, f64::INFINITY, 40.0] {
        assert_eq!(gaussian(&volume, sigma, &ctx).unwrap_err().code(), "denoise-sigma");
    }
    for step in [0.0, -1.0, 1.001, f64::NAN] {
        let wrong = Flow { step, ..Flow::default() };
        assert_eq!(flow(&volume, &wrong, &ctx).unwrap_err().code(), "denoise-step");
    }
    for slope in [0.0, -300.0, f64::NAN, f64::INFINITY] {
        let wrong = Flow { slope, ..Flow::default() };
        assert_eq!(flow(&volume, &wrong, &ctx).unwrap_err().code(), "denoise-slope");
    }
    assert_eq!(gaussian(&volume, 0.0, &ctx).unwrap(), volume);
    assert_eq!(flow(&volume, &Flow { passes: 0, ..Flow::default() }, &ctx).unwrap(), volume);
}

#[test]
fn a_blurred_point_has_the_width_asked_for_in_millimetres() {
    let spacing = DVec3::new(0.5, 0.4, 0.8);
    let grid = grid([41, 41, 41], spacing);
    let mut samples = vec![0_i16; grid.count()];
    samples[grid.index(20, 20, 20)] = i16::MAX;
    let blurred = gaussian(&Volume::new(grid.clone(), samples).unwrap(), 1.2, &Ctx::default()).unwrap();
    for axis in 0..3 {
        let (mut sum, mut square) = (0.0, 0.0);
        for (i, &value) in blurred.samples().iter().enumerate() {
            let at = [i % 41, i / 41 % 41, i / 1681];
            let away = (at[axis] as f64 - 20.0) * spacing[axis];
            sum += f64::from(value);
            square += f64::from(value) * away * away;
        }
        let width = libm::sqrt(square / sum);
        // Cut off at 3 σ the blur is 1.3 % narrower, and up to half a voxel earlier or later (0.5 · 0.8 mm,
        // where the weight is 0.011 · 0.8/1.2 of the whole) plus what rounding takes off the tail: 4 % below.
        assert!((1.15..1.21).contains(&width), "{width} mm along axis {axis}");
    }
}

/// A slanted edge of `step` HU blurred by 0.5 mm, with noise of 30 HU.
fn edge(grid: &Grid, step: f64, seed: u64) -> Volume<i16> {
    let mut random = Random::new(seed);
    let middle = grid.bounds().middle().vec();
    let mut samples = Vec::new();
    let [nx, ny, nz] = grid.dims();
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let away = (grid.place(x, y, z).vec() - middle).dot(NORMAL);
                let clean = 0.5 * step * (1.0 + libm::erf(away / (0.5 * std::f64::consts::SQRT_2)));
                samples.push((clean + 30.0 * random.normal()).round() as i16);
            }
        }
    }
    Volume::new(grid.clone(), samples).unwrap()
}

/// Almost along x, slanted by 6° so that the edge crosses voxels everywhere.
const NORMAL: DVec3 = DVec3::new(0.994_521_895_368_273_3, 0.104_528_463_267_653_46, 0.0);

/// Width in mm of the bins of a mean profile: a ninth of a voxel, so that they add little to its width.
const BIN: f64 = 0.05;

/// Mean profile across the edge: where it crosses 10, 50 and 90 % of the step, mm, and σ far from it, HU.
fn profile(volume: &Volume<i16>, step: f64) -> ([f64; 3], f64) {
    let grid = volume.grid();
    let middle = grid.bounds().middle().vec();
    let (mut sums, mut counts) = (vec![0.0; 80], vec![0.0; 80]);
    let (mut flat, mut square, mut n) = (0.0, 0.0, 0.0);
    let [nx, ny, nz] = grid.dims();
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let away = (grid.place(x, y, z).vec() - middle).dot(NORMAL);
                let value = f64::from(volume.at(x, y, z));
                let bin = (away / BIN).round() + 40.0;
                if (0.0..80.0).contains(&bin) {
                    sums[bin as usize] += value;
                    counts[bin as usize] += 1.0;
                }
                if away < -4.0 {
                    (flat, square, n) = (flat + value, square + value * value, n + 1.0);
                }
            }
        }
    }
    let mean: Vec<f64> = sums.iter().zip(&counts).map(|(s, c)| s / c).collect();
    let crossing = |level: f64| {
        let i = mean.iter().rposition(|&m| m < level).unwrap();
        (i as f64 - 40.0 + (level - mean[i]) / (mean[i + 1] - mean[i])) * BIN
    };
    ([0.1 * step, 0.5 * step, 0.9 * step].map(crossing), libm::sqrt(square / n - flat * flat / (n * n)))
}

#[test]
fn the_flow_takes_three_quarters_of_the_noise_and_leaves_a_bone_edge_sharp_and_in_its_place() {
    let edges = [(0.45, 1.0, 600.0), (0.45, 1.0, 1200.0), (0.5, 0.5, 1200.0)];
    for (across, along, step) in edges {
        let volume = edge(&grid([60, 60, 40], DVec3::new(across, across, along)), step, 6);
        let smooth = flow(&volume, &Flow::default(), &Ctx::default()).unwrap();
        let ((before, noise), (after, left)) = (profile(&volume, step), profile(&smooth, step));
        let width = |at: [f64; 3]| at[2] - at[0];
        assert!(left < 0.25 * noise, "{noise} HU became {left} HU");
        assert!(width(after) < 1.05 * width(before), "{before:?} became {after:?}");
        assert!((after[1] - before[1]).abs() < 0.05 * across, "{before:?} became {after:?}");
    }
}

#[test]
fn the_flow_keeps_the_mean_and_never_overshoots_on_any_spacing() {
    for spacing in [DVec3::new(0.1, 0.1, 8.0), DVec3::new(3.0, 0.2, 0.2), DVec3::ONE] {
        let base = noise([31, 17, 13], 7);
        let volume = Volume::new(grid([31, 17, 13], spacing), base.samples().to_vec()).unwrap();
        for slope in [1.0, 1e6] {
            let all = Flow { passes: 12, step: 1.0, slope };
            let smooth = flow(&volume, &all, &Ctx::default()).unwrap();
            let range =
                |v: &Volume<i16>| (v.samples().iter().min().copied(), v.samples().iter().max().copied());
            assert!(range(&smooth).0 >= range(&volume).0 && range(&smooth).1 <= range(&volume).1);
            let mean = |v: &Volume<i16>| v.samples().iter().map(|&s| f64::from(s)).sum::<f64>() / 6851.0;
            // Rounding each of 6851 samples once moves the mean by 0.29/√6851 HU (1 σ); six of those.
            assert!((mean(&smooth) - mean(&volume)).abs() < 0.021);
        }
    }
}

#[test]
fn a_sheared_grid_is_filtered_along_its_own_axes() {
    let mut linear = DMat3::from_diagonal(DVec3::new(0.5, 0.6, 1.1));
    let upright = noise([40, 20, 12], 8);
    linear.z_axis = DVec3::new(0.0, 0.66, 0.88);
    let sheared = Grid::new([40, 20, 12], Affine::new(linear, DVec3::ZERO)).unwrap();
    let sheared = Volume::new(sheared, upright.samples().to_vec()).unwrap();
    for (filter, _) in FILTERS {
        assert_eq!(filter(&sheared).samples(), filter(&upright).samples());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_median_is_the_fourteenth_of_twenty_seven(
        nx in 1_usize..75, ny in 1_usize..12, nz in 1_usize..6, seed in 0_u64..1000
    ) {
        let volume = noise([nx, ny, nz], seed);
        let truth = by_definition(&volume, |at| {
            let mut all = around(&volume, at, [1; 3]);
            all.sort_unstable();
            f64::from(all[13])
        });
        let found = median(&volume, &Ctx::default()).unwrap();
        prop_assert!(found.samples().iter().zip(&truth).all(|(&a, &b)| f64::from(a) == b));
    }

    #[test]
    fn the_gaussian_is_the_sum_of_its_definition_rounded(
        nx in 1_usize..40, ny in 1_usize..9, nz in 1_usize..7, sigma in 0.0_f64..1.2, seed in 0_u64..1000
    ) {
        let volume = noise([nx, ny, nz], seed);
        let along = volume.grid().spacing().to_array().map(|spacing| weights((sigma / spacing).max(1e-9)));
        let reach = [0, 1, 2].map(|a| along[a].len() / 2);
        let truth = by_definition(&volume, |at| {
            let mut all = around(&volume, at, reach).into_iter();
            let mut sum = 0.0;
            for z in &along[2] {
                for y in &along[1] {
                    sum += along[0].iter().zip(&mut all).map(|(x, v)| x * y * z * f64::from(v)).sum::<f64>();
                }
            }
            sum
        });
        let found = gaussian(&volume, sigma, &Ctx::default()).unwrap();
        // Half a unit by rounding; 32-bit sums of values below 4096 are good to some 4096 · 20 · 2⁻²⁴ = 0.005.
        prop_assert!(found.samples().iter().zip(&truth).all(|(&a, &b)| (f64::from(a) - b).abs() < 0.505));
    }

    #[test]
    fn the_flow_is_the_scheme_of_its_definition(
        nx in 1_usize..40, ny in 1_usize..7, nz in 1_usize..7, slope in 100.0_f64..3000.0, seed in 0_u64..1000
    ) {
        let volume = noise([nx, ny, nz], seed);
        let settings = Flow { passes: 2, step: 0.7, slope };
        let dims = volume.grid().dims();
        let spacing = volume.grid().spacing().to_array();
        let time = settings.step / (2.0 * spacing.iter().map(|h| 1.0 / (h * h)).sum::<f64>());
        let mut now: Vec<f64> = volume.samples().iter().map(|&s| f64::from(s)).collect();
        for _ in 0..settings.passes {
            now = by_definition(&volume, |at| {
                let here = now[volume.grid().index(at[0], at[1], at[2])];
                let mut change = 0.0;
                for a in 0..3 {
                    for other in [at[a].saturating_sub(1), (at[a] + 1).min(dims[a] - 1)] {
                        let mut at = at;
                        at[a] = other;
                        let s = (now[volume.grid().index(at[0], at[1], at[2])] - here) / spacing[a];
                        change += s / (1.0 + (s / slope) * (s / slope)) / spacing[a];
                    }
                }
                here + time * change
            });
        }
        let found = flow(&volume, &settings, &Ctx::default()).unwrap();
        // Half a unit by rounding, and as much again as 32-bit floats can be off in two passes.
        prop_assert!(found.samples().iter().zip(&now).all(|(&a, &b)| (f64::from(a) - b).abs() < 0.51));
    }
}
