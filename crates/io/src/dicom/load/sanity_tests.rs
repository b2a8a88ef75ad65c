//! Volumes whose values are plausible, and volumes whose values are not.

use super::*;
use crate::dicom::load::quality;
use crate::dicom::pixel::Kept;
use crate::dicom::stack::slots::Slot;
use glam::DVec3;
use osteon_core::{Grid, Point};

const SIDE: usize = 64;
const DEEP: usize = 8;

fn grid() -> Grid {
    Grid::upright([SIDE, SIDE, DEEP], Point::new(0.0, 0.0, 0.0), DVec3::new(4.0, 4.0, 1.0)).unwrap()
}

fn slots() -> Vec<Slot> {
    (0..DEEP).map(Slot::Measured).collect()
}

/// A round body of soft tissue around a bone, in air, with noise; `offset` moves it sideways, in pixels.
fn body(offset: f64) -> Vec<f32> {
    let mut random = osteon_core::ctx::Random::new(7);
    let mut samples = Vec::new();
    for n in 0..SIDE * SIDE * DEEP {
        let (x, y) = ((n % SIDE) as f64 - 31.5 - offset, (n / SIDE % SIDE) as f64 - 31.5);
        let tissue = match libm::hypot(x, y) {
            r if r < 3.0 => 1400.0,
            r if r < 5.0 => 700.0,
            r if r < 22.0 => 45.0,
            _ => -1000.0,
        };
        samples.push(libm::round(tissue + 15.0 * random.normal()) as f32);
    }
    samples
}

fn found(samples: &[f32], worst: Severity) -> Vec<(String, Severity)> {
    let histogram = Histogram::of(samples, [SIDE, SIDE], &slots());
    let low = samples.iter().copied().fold(f32::INFINITY, f32::min);
    let high = samples.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let case = Case { padding: None, range: [low.into(), high.into()], top: f64::INFINITY, at_top: 0, worst };
    judge(histogram, &case).into_iter().map(|f| (f.code, f.severity)).collect()
}

fn changed(change: impl Fn(f32) -> f32) -> Vec<(String, Severity)> {
    let samples: Vec<f32> = body(0.0).into_iter().map(change).collect();
    found(&samples, Severity::Danger)
}

#[test]
fn a_body_in_air_raises_nothing() {
    assert_eq!(changed(|hu| hu), []);
    // Cut off at −1000, as some scanners do, and at −1024.
    assert_eq!(changed(|hu| hu.max(-1000.0)), []);
    assert_eq!(changed(|hu| hu.max(-1024.0)), []);
}

#[test]
fn every_way_to_spoil_the_rescale_is_told_as_a_danger() {
    let danger = [("rescale-doubtful".to_owned(), Severity::Danger)];
    // No intercept, cut off at 0 or not.
    assert_eq!(changed(|hu| hu + 1024.0), danger);
    assert_eq!(changed(|hu| (hu + 1024.0).max(0.0)), danger);
    // The intercept twice, the slope twice, the sign lost.
    assert_eq!(changed(|hu| hu - 1024.0), danger);
    assert_eq!(changed(|hu| 2.0 * (hu + 1024.0) - 1024.0), danger);
    assert_eq!(changed(|hu| if hu < 0.0 { hu + 65_536.0 } else { hu }), danger);
    // A person who vouches for the unit hears of it, but is not stopped.
    let raised: Vec<f32> = body(0.0).into_iter().map(|hu| hu + 1024.0).collect();
    assert_eq!(found(&raised, Severity::Caution)[0].1, Severity::Caution);
}

#[test]
fn a_little_metal_on_an_extended_scale_is_not_taken_for_a_lost_sign() {
    let metal = |share: usize| {
        let mut samples = body(0.0);
        let count = samples.len() * share / 1000;
        samples.iter_mut().step_by(1000 / share).take(count).for_each(|hu| *hu = 25_000.0);
        found(&samples, Severity::Danger)
    };
    assert_eq!(metal(12), []);
    assert_eq!(metal(100), [("rescale-doubtful".to_owned(), Severity::Danger)]);
}

#[test]
fn a_slice_that_was_cut_is_told_and_a_border_that_grows_is_not() {
    let slices: Vec<Slice> = (0..DEEP).map(slice).collect();
    let told = |blank: [usize; DEEP]| {
        let mut samples = body(0.0);
        for (slot, rows) in blank.into_iter().enumerate() {
            samples[(slot * SIDE + SIDE - rows) * SIDE..(slot + 1) * SIDE * SIDE].fill(-1024.0);
        }
        cut_off(&samples, [SIDE, SIDE], &slices, |n| n.to_string())
    };
    assert_eq!(told([0; DEEP]), None);
    assert_eq!(told([0, 0, 0, 7, 0, 0, 0, 0]), None);
    let finding = told([0, 0, 0, 32, 0, 0, 0, 0]).unwrap();
    assert_eq!((finding.code.as_str(), finding.value), ("slice-part-blank", Some(32.0)));
    assert!(
        finding.message.contains("first is 3, whose last 32 of 64 rows are -1024"),
        "{}",
        finding.message
    );
    // Two side by side, the last, and the last before those that are missing altogether.
    assert!(told([0, 0, 0, 8, 60, 0, 0, 0]).unwrap().message.starts_with("in 2 of 8 slices"));
    assert!(told([0, 0, 0, 0, 0, 0, 0, 9]).is_some());
    assert!(told([0, 0, 0, 0, 20, 64, 64, 64]).is_some());
    // Borders of a stack cut out at a slant, and one that all slices have.
    assert_eq!(told([48, 30, 14, 0, 0, 12, 30, 50]), None);
    assert_eq!(told([64, 63, 40, 22, 4, 0, 0, 0]), None);
    assert_eq!(told([20; DEEP]), None);
}

#[test]
fn bone_that_wrapped_around_and_tissue_that_is_missing_are_told() {
    let wrapped = changed(|hu| if hu >= 1024.0 { hu - 4096.0 } else { hu });
    assert_eq!(wrapped, [("rescale-doubtful".to_owned(), Severity::Caution)]);
    assert_eq!(changed(|hu| if hu > -500.0 { 600.0 + hu / 10.0 } else { hu })[0].0, "no-soft-tissue");
    assert_eq!(changed(|hu| hu.max(40.0)), [("no-air".to_owned(), Severity::Note)]);
}

#[test]
fn values_at_the_top_of_their_bits_are_told() {
    let histogram = Histogram::of(&body(0.0), [SIDE, SIDE], &slots());
    let case =
        Case { padding: None, range: [-1000.0, 3071.0], top: 3071.0, at_top: 9, worst: Severity::Danger };
    assert_eq!(judge(histogram, &case)[0].code, "saturated");
}

fn seen(samples: &[f32]) -> Vec<String> {
    let histogram = Histogram::of(samples, [SIDE, SIDE], &slots());
    let findings = quality::of_values(samples, &grid(), &slots(), &histogram);
    findings.into_iter().map(|f| f.code).collect()
}

#[test]
fn a_body_that_leaves_the_picture_is_told_and_a_table_is_not() {
    assert!(seen(&body(0.0)).is_empty());
    assert_eq!(seen(&body(15.0)), ["field-of-view-cut"]);
    // A thin shell across the picture, 4 mm thick, leaves it on both sides.
    let mut table = body(0.0);
    for (n, sample) in table.iter_mut().enumerate() {
        if n / SIDE % SIDE == 58 {
            *sample = 100.0;
        }
    }
    assert!(seen(&table).is_empty());
}

#[test]
fn metal_is_told_with_its_place() {
    let mut samples = body(0.0);
    let at = (4 * SIDE + 20) * SIDE + 30;
    samples[at..at + 8].fill(3500.0);
    let histogram = Histogram::of(&samples, [SIDE, SIDE], &slots());
    let findings = quality::of_values(&samples, &grid(), &slots(), &histogram);
    // Eight voxels of 4 × 4 × 1 mm.
    assert_eq!((findings[0].code.as_str(), findings[0].value), ("metal", Some(128.0)));
    assert_eq!(findings[0].place, Some([120.0, 80.0, 4.0]));
}

fn slice(slot: usize) -> Slice {
    let kept = Kept { low: 0.0, high: 9.0, error: 0.0, strange: 0, padded: 0 };
    let decoded = crate::dicom::pixel::Decoded { kept, near: 0, lossy: false, resigned: false };
    Slice { slot, image: slot, decoded, print: 1 }
}

#[test]
fn a_slice_that_only_shares_its_fingerprint_is_no_repetition() {
    let slices = [slice(0), slice(1), slice(2)];
    let name = |n: usize| n.to_string();
    assert!(repeated(&[1_i16, 2, 1, 3, 1, 4], 2, &slices, name).is_empty());
    let told = repeated(&[1_i16, 2, 1, 3, 1, 3], 2, &slices, name);
    assert!(told[0].code == "repeated-slice" && told[0].message.ends_with("are 1 and 2"));
}
