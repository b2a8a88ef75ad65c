//! Hounsfield units to bits.

use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, Hu, Mask, Volume};
use rayon::prelude::*;

/// The voxels whose value is at least `low` and, if given, at most `high`.
///
/// Without `high` everything dense belongs: an upper limit would make cortex and metal a hole.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn threshold(volume: &Volume<i16>, low: Hu, high: Option<Hu>, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let mut mask = Mask::empty(volume.grid());
    let Some((low, high)) = whole_range(low, high) else {
        ctx.done(1.0)?;
        return Ok(mask);
    };
    let (words, per_slice) = (mask.words_per_row(), mask.words_per_slice());
    let nx = volume.grid().dims()[0];
    mask.bits_mut().par_chunks_mut(per_slice).enumerate().try_for_each(|(z, slice)| {
        ctx.check()?;
        for (row, samples) in slice.chunks_exact_mut(words).zip(volume.slice(z).chunks_exact(nx)) {
            pack_row(samples, [low, high], row);
        }
        Ok(())
    })?;
    ctx.done(1.0)?;
    Ok(mask)
}

/// The whole Hounsfield units within the limits, or `None` where there are none.
fn whole_range(low: Hu, high: Option<Hu>) -> Option<(i16, i16)> {
    let (least, most) = (f64::from(i16::MIN), f64::from(i16::MAX));
    let low = low.value().ceil().max(least);
    let high = high.map_or(most, |high| high.value().floor()).min(most);
    (low <= high).then_some((low as i16, high as i16))
}

/// One bit for each sample of a row.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn pack_row(samples: &[i16], [low, high]: [i16; 2], row: &mut [u64]) {
    let (whole, rest) = samples.as_chunks::<64>();
    for (word, samples) in row.iter_mut().zip(whole) {
        *word = pack(samples, low, high);
    }
    if let Some(word) = row.get_mut(whole.len()) {
        *word = pack(rest, low, high);
    }
}

/// One bit for each of up to 64 samples.
#[inline(always)]
fn pack(samples: &[i16], low: i16, high: i16) -> u64 {
    // One byte a sample first: this loop becomes vector compares; then eight bytes at a time to bits.
    let mut inside = [0_u8; 64];
    for (byte, &sample) in inside.iter_mut().zip(samples) {
        *byte = u8::from(sample >= low) & u8::from(sample <= high);
    }
    let (eights, _) = inside.as_chunks::<8>();
    eights.iter().enumerate().fold(0, |word, (i, &eight)| {
        // The product moves the lowest bit of byte b to bit 56 + b, without carries.
        let bits = u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | bits << (8 * i)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::{Grid, Point};
    use proptest::prelude::*;

    fn volume(nx: usize, samples: Vec<i16>) -> Volume<i16> {
        let dims = [nx, samples.len() / nx, 1];
        let grid = Grid::upright(dims, Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        Volume::new(grid, samples).unwrap()
    }

    #[test]
    fn limits_belong_and_fractions_are_not_rounded_in() {
        let volume = volume(5, vec![199, 200, 201, 300, 301]);
        let bits = |low, high: Option<f64>| {
            threshold(&volume, Hu(low), high.map(Hu), &Ctx::default()).unwrap().bits()[0]
        };
        assert_eq!(bits(200.0, Some(300.0)), 0b01110);
        assert_eq!(bits(200.5, Some(300.9)), 0b01100);
        assert_eq!(bits(-1e9, None), 0b11111);
        assert_eq!(bits(40_000.0, None), 0);
        assert_eq!(bits(300.0, Some(200.0)), 0);
        assert_eq!(bits(f64::NEG_INFINITY, Some(f64::NEG_INFINITY)), 0);
    }

    #[test]
    fn a_stopped_job_gives_no_mask() {
        let ctx = Ctx::default();
        ctx.cancel().stop();
        assert!(threshold(&volume(2, vec![0; 4]), Hu(0.0), None, &ctx).is_err());
    }

    proptest! {
        #[test]
        fn every_voxel_is_decided_on_its_own(
            nx in 1_usize..140, seed in 0_u64..1000, low in -100_i16..100, span in 0_i16..100
        ) {
            let mut random = osteon_core::ctx::Random::new(seed);
            let samples = (0..nx * 3).map(|_| (random.bits() % 256) as i16 - 128).collect();
            let volume = volume(nx, samples);
            let high = low + span;
            let mask = threshold(&volume, Hu(low.into()), Some(Hu(high.into())), &Ctx::default()).unwrap();
            let truth = Mask::where_true(volume.grid(), |x, y, z| (low..=high).contains(&volume.at(x, y, z)));
            prop_assert_eq!(mask, truth);
        }
    }
}
