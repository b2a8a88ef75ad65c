//! A threshold out of the histogram.

use osteon_core::{Cancelled, Ctx, Hu, Volume};
use rayon::prelude::*;

/// Slices counted by one task; fixed, and counts are whole numbers, so any cut gives the same sums.
const SLAB: usize = 16;

/// The threshold that best splits the values within `from..=to` into two classes (Otsu 1979).
///
/// Voxels from the returned value on belong to the upper class, as in [`crate::threshold()`]. `None` when all
/// values in the range are equal or there are none. For bone leave air out: `from` about −200 HU.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn otsu(volume: &Volume<i16>, from: Hu, to: Hu, ctx: &Ctx) -> Result<Option<Hu>, Cancelled> {
    let counts = histogram(volume, ctx)?;
    let limit = |hu: f64| hu.clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i32;
    let range = limit(from.value().ceil())..=limit(to.value().floor());
    ctx.done(1.0)?;
    Ok(split(range.map(|hu| (hu, counts[(hu - i32::from(i16::MIN)) as usize]))).map(|hu| Hu(hu.into())))
}

fn histogram(volume: &Volume<i16>, ctx: &Ctx) -> Result<Vec<u64>, Cancelled> {
    let [nx, ny, _] = volume.grid().dims();
    let parts: Vec<Vec<u32>> = volume
        .samples()
        .par_chunks(nx * ny * SLAB)
        .map(|samples| {
            let mut counts = vec![0_u32; 1 << 16];
            for slice in samples.chunks(nx * ny) {
                ctx.check()?;
                for &sample in slice {
                    counts[(i32::from(sample) - i32::from(i16::MIN)) as usize] += 1;
                }
            }
            Ok(counts)
        })
        .collect::<Result<_, _>>()?;
    let mut counts = vec![0_u64; 1 << 16];
    for part in &parts {
        counts.iter_mut().zip(part).for_each(|(sum, &n)| *sum += u64::from(n));
    }
    Ok(counts)
}

/// The lowest value of the upper class where the variance between the classes is largest.
fn split(counts: impl Iterator<Item = (i32, u64)>) -> Option<i32> {
    let counts: Vec<(i32, u64)> = counts.filter(|&(_, n)| n > 0).collect();
    let total: u64 = counts.iter().map(|&(_, n)| n).sum();
    let moment = |&(hu, n): &(i32, u64)| f64::from(hu) * n as f64;
    let mean = counts.iter().map(moment).sum::<f64>() / total as f64;
    let (mut below, mut sum) = (0_u64, 0.0);
    let mut best: Option<(f64, i32)> = None;
    for pair in counts.windows(2) {
        below += pair[0].1;
        sum += moment(&pair[0]);
        let share = below as f64 / total as f64;
        let off = mean * share - sum / total as f64;
        let between = off * off / (share * (1.0 - share));
        if best.is_none_or(|(most, _)| between > most) {
            // Half-way into the gap between the two values, so that noise falls to both sides.
            best = Some((between, pair[0].0 + (pair[1].0 - pair[0].0 + 1) / 2));
        }
    }
    best.map(|(_, hu)| hu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::{Grid, Point, ctx::Random};

    fn scan(values: impl Fn(&mut Random) -> f64) -> Volume<i16> {
        let grid = Grid::upright([40, 40, 20], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let mut random = Random::new(7);
        let samples = (0..grid.count()).map(|_| values(&mut random) as i16).collect();
        Volume::new(grid, samples).unwrap()
    }

    #[test]
    fn two_noisy_classes_are_split_half_way() {
        let volume = scan(|random| {
            let middle = if random.uniform() < 0.3 { 800.0 } else { 100.0 };
            middle + 40.0 * random.normal()
        });
        let hu = otsu(&volume, Hu(-200.0), Hu(3000.0), &Ctx::default()).unwrap().unwrap();
        // The classes are 17 σ apart; every threshold 4 σ away from both splits them alike.
        assert!((260.0..640.0).contains(&hu.value()), "{hu}");
    }

    #[test]
    fn values_out_of_range_do_not_count() {
        let volume = scan(|random| [-1000.0, 0.0, 600.0][(random.bits() % 3) as usize]);
        let hu = otsu(&volume, Hu(-200.0), Hu(3000.0), &Ctx::default()).unwrap();
        assert_eq!(hu, Some(Hu(300.0)));
    }

    /// Otsu by its definition: for every threshold the classes' shares and means from all samples.
    fn plain(samples: &[i16]) -> (f64, i16) {
        let mut best = (f64::NEG_INFINITY, 0);
        let least = samples.iter().min().copied().unwrap();
        for at in least + 1..=samples.iter().max().copied().unwrap() {
            let class =
                |upper: bool| samples.iter().filter(move |&&s| (s >= at) == upper).map(|&s| f64::from(s));
            let (low, high) = (class(false).count() as f64, class(true).count() as f64);
            let apart = class(true).sum::<f64>() / high - class(false).sum::<f64>() / low;
            let between = low * high * apart * apart;
            if between > best.0 {
                best = (between, at);
            }
        }
        best
    }

    #[test]
    fn the_classes_are_those_of_the_plain_definition() {
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let grid = Grid::upright([61, 5, 3], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
            let share = random.uniform();
            let samples: Vec<i16> = (0..grid.count())
                .map(|_| (if random.uniform() < share { 90.0 } else { 10.0 } + 12.0 * random.normal()) as i16)
                .collect();
            let (_, wanted) = plain(&samples);
            let volume = Volume::new(grid, samples.clone()).unwrap();
            let found = otsu(&volume, Hu(-32768.0), Hu(32767.0), &Ctx::default()).unwrap().unwrap();
            // Any threshold in the gap between two neighbouring values makes the same classes.
            let upper = |at: f64| samples.iter().filter(|&&s| f64::from(s) >= at).count();
            assert_eq!(upper(found.value()), upper(wanted.into()), "{found} instead of {wanted}");
        }
    }

    #[test]
    fn one_value_cannot_be_split() {
        let volume = scan(|_| 40.0);
        assert_eq!(otsu(&volume, Hu(-200.0), Hu(3000.0), &Ctx::default()).unwrap(), None);
    }
}
