//! The slices of a series into one volume: decoded in parallel straight into their places.

use super::reader::Reader;
use crate::dicom::error::DicomError;
use crate::dicom::pixel::{self, Decoded, Notes, Sample, Scratch, Stored};
use crate::dicom::series::Image;
use crate::dicom::stack::slots::Slot;
use osteon_core::Ctx;
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is left of a measured slice once its pixels are in the volume.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    /// Slice of the grid.
    pub(crate) slot: usize,
    /// Image it came from.
    pub(crate) image: usize,
    pub(crate) decoded: Decoded,
    /// Equal for equal samples; different ones differ nearly always.
    pub(crate) print: u64,
}

/// The samples of a volume and what was seen on the way.
pub(crate) struct Filled<T> {
    pub(crate) samples: Vec<T>,
    /// The measured slices, upwards.
    pub(crate) slices: Vec<Slice>,
}

/// What goes where.
pub(crate) struct Plan<'a> {
    pub(crate) images: &'a [Image],
    /// What every slice of the volume holds.
    pub(crate) slots: &'a [Slot],
    /// Pixels of a slice.
    pub(crate) area: usize,
    /// What stands where nobody measured; the least value where `None`.
    pub(crate) air: Option<f64>,
    pub(crate) reader: &'a Reader<'a>,
}

/// Decodes all slices; `None` when the values do not fit this kind of sample, which stops the work early.
pub(crate) fn fill<T: Sample>(plan: &Plan, ctx: &Ctx) -> Result<Option<Filled<T>>, DicomError> {
    let mut samples = vec![T::default(); plan.slots.len() * plan.area];
    let unfit = AtomicBool::new(false);
    let done = AtomicUsize::new(0);
    // All results are kept and looked at in order, so that the same error is told at any number of threads.
    let slices: Vec<Result<Option<Slice>, DicomError>> = samples
        .par_chunks_exact_mut(plan.area)
        .zip(plan.slots.par_iter())
        .enumerate()
        .map_init(Scratch::default, |scratch, (slot, (out, held))| {
            let &Slot::Measured(image) = held else {
                return Ok(None);
            };
            ctx.check()?;
            if unfit.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let decoded = decode(plan, image, scratch, out)?;
            if !fits::<T>(plan, image, &decoded)? {
                unfit.store(true, Ordering::Relaxed);
            }
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            ctx.done(count as f64 / plan.slots.len() as f64)?;
            Ok(Some(Slice { slot, image, decoded, print: print(out) }))
        })
        .collect();
    if unfit.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let slices: Vec<Slice> = slices.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
    complete(plan, &slices, &mut samples);
    Ok(Some(Filled { samples, slices }))
}

/// Decodes one image.
pub(crate) fn decode<T: Sample>(
    plan: &Plan,
    index: usize,
    scratch: &mut Scratch,
    out: &mut [T],
) -> Result<Decoded, DicomError> {
    let image = &plan.images[index];
    let name = image.name();
    let work = |stored: Stored<'_>, notes: Notes| {
        pixel::decode((name.as_str(), &image.header), stored, notes, scratch, out)
    };
    guarded(&name, || plan.reader.with(index, work))
}

/// A decoder that fails in a way nobody foresaw costs the file and not the process.
fn guarded<R>(file: &str, work: impl FnOnce() -> Result<R, DicomError>) -> Result<R, DicomError> {
    // What was half written is not looked at again: the whole load fails.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let what = "the decoder of its pixels failed in a way that was not foreseen".to_owned();
        Err(DicomError::Damaged { file: file.to_owned(), what })
    })
}

/// False when the values need another kind of sample; an error when there is none for them.
fn fits<T: Sample>(plan: &Plan, image: usize, decoded: &Decoded) -> Result<bool, DicomError> {
    let kept = &decoded.kept;
    if kept.error == 0.0 && kept.strange == 0 {
        return Ok(true);
    }
    if !T::LAST {
        return Ok(false);
    }
    let image = &plan.images[image];
    if kept.strange > 0 {
        return Err(DicomError::NotFinite { file: image.name(), count: kept.strange });
    }
    if pixel::is_whole(&image.header) || !kept.error.is_finite() {
        return Err(DicomError::Range { file: image.name(), low: kept.low, high: kept.high });
    }
    Ok(true)
}

/// Fills what lies between slices and what nobody measured.
fn complete<T: Sample>(plan: &Plan, slices: &[Slice], samples: &mut [T]) {
    if slices.len() == plan.slots.len() {
        return;
    }
    let least = slices.iter().map(|s| s.decoded.kept.low).fold(f64::INFINITY, f64::min);
    let air = T::near(plan.air.unwrap_or(least));
    let mut measured: Vec<&[T]> = Vec::with_capacity(plan.slots.len());
    let mut others: Vec<(&mut [T], &Slot)> = Vec::new();
    for (part, slot) in samples.chunks_exact_mut(plan.area).zip(plan.slots) {
        if matches!(slot, Slot::Measured(_)) {
            measured.push(part);
        } else {
            measured.push(&[]);
            others.push((part, slot));
        }
    }
    others.par_iter_mut().for_each(|(out, slot)| match **slot {
        Slot::Between { below, above, weight } => {
            for ((out, &a), &b) in out.iter_mut().zip(measured[below]).zip(measured[above]) {
                let (a, b): (f64, f64) = (a.into(), b.into());
                *out = T::near(a + weight * (b - a));
            }
        }
        _ => out.fill(air),
    });
}

/// A fingerprint of every 31st sample: a prime, so that it wanders over rows and columns.
fn print<T: Sample>(samples: &[T]) -> u64 {
    // FNV-1a, a word at a time.
    samples.iter().step_by(31).fold(0xcbf2_9ce4_8422_2325, |hash, &sample| {
        (hash ^ u64::from(sample.bits())).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::dicom::load::reader::Hashes;
    use crate::dicom::pixel::Kept;

    #[test]
    fn a_decoder_that_panics_becomes_a_refusal_that_names_the_file() {
        let refused = guarded::<()>("IM0007", || panic!("on purpose")).unwrap_err();
        assert!(refused.to_string().starts_with("IM0007 is damaged"), "{refused}");
    }

    #[test]
    fn slots_between_are_interpolated_and_those_not_measured_hold_air() {
        let slots = [
            Slot::Measured(0),
            Slot::Between { below: 0, above: 2, weight: 0.25 },
            Slot::Measured(1),
            Slot::NotMeasured,
        ];
        let budget = Budget::default();
        let reader = Reader::new(&[], &budget, Hashes::Skipped);
        let slice = |slot, low| Slice {
            slot,
            image: 0,
            decoded: Decoded {
                kept: Kept { low, high: 9.0, error: 0.0, strange: 0, padded: 0 },
                near: 0,
                lossy: false,
                resigned: false,
            },
            print: 0,
        };
        let slices = [slice(0, -8.0), slice(2, 3.0)];
        for (air, expected) in [(Some(-1024.0), -1024), (None, -8)] {
            let plan = Plan { images: &[], slots: &slots, area: 2, air, reader: &reader };
            let mut whole = [-8_i16, 7, 0, 0, 3, 9, 0, 0];
            complete(&plan, &slices, &mut whole);
            // −8 + 11 / 4 is −5.25, 7 + 2 / 4 is 7.5: to the nearest, half upwards.
            assert_eq!(whole, [-8, 7, -5, 8, 3, 9, expected, expected]);
            let mut real = [-8_f32, 7.0, 0.0, 0.0, 3.0, 9.0, 0.0, 0.0];
            complete(&plan, &slices, &mut real);
            assert_eq!(real[2..4], [-5.25, 7.5]);
        }
    }
}
