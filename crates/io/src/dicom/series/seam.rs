//! Where parts of one scan meet: stacks that continue each other, and acquisitions inside one stack.
//!
//! Two parts of a scan may be a breath or a step of the table apart. Halves of one stack that name two frames of
//! reference or two studies must not come out as two short volumes.

use super::group::is_parallel;
use super::{Image, Series};
use crate::dicom::error::DicomError;
use crate::dicom::stack::Stack;
use crate::dicom::stack::place;
use glam::DVec3;
use osteon_core::{Finding, Severity};

/// Most acquisitions of a stack whose seams are told: where there are more, the table went step by step.
const MOST_PARTS: usize = 8;

/// That a stack was put together of acquisitions, and where they meet.
pub(crate) fn within(images: &[Image], stack: &Stack) -> Option<Finding> {
    let of = |n: usize| images[n].header.moment.acquisition;
    let seams: Vec<[usize; 2]> =
        stack.order.windows(2).map(|w| [w[0], w[1]]).filter(|&[a, b]| of(a) != of(b)).collect();
    let mut parts: Vec<Option<i64>> = stack.order.iter().map(|&n| of(n)).collect();
    parts.dedup();
    let runs = parts.len();
    parts.sort_unstable();
    parts.dedup();
    // Taken by turns, or some without a number: then a change is no seam.
    if seams.is_empty() || runs != parts.len() || runs > MOST_PARTS || parts.contains(&None) {
        return None;
    }
    let [a, b] = seams[0];
    let text = format!(
        "the slices are of {runs} acquisitions, which meet between {} and {}{}",
        images[a].name(),
        images[b].name(),
        if seams.len() > 1 { " first" } else { "" }
    );
    let middle = (images[a].header.position? + images[b].header.position?) / 2.0;
    let finding = Finding::new("parts-abut", Severity::Note, text)
        .measured(runs as f64, 1.0, "acquisitions", "Acquisition Number (0020,0012)")
        .at(middle.to_array());
    Some(finding.remedy("look for a step at the seam: the patient may have moved between the acquisitions"))
}

/// What keeps two stacks apart that would be one.
#[derive(Clone, Copy)]
enum Torn {
    Frame,
    Study,
}

/// Two stacks of one series that together are one even stack, and name different frames of reference or studies.
fn torn(a: &Series, b: &Series) -> Option<Torn> {
    let (first, second) = (&a.images[0].header, &b.images[0].header);
    let size = (first.columns, first.rows) == (second.columns, second.rows);
    if a.uid.is_none() || a.uid != b.uid || a.modality != b.modality || !size {
        return None;
    }
    let torn = if first.study != second.study {
        Torn::Study
    } else if first.frame_of_reference != second.frame_of_reference {
        Torn::Frame
    } else {
        return None;
    };
    let normal = place::normal(first)?;
    if !is_parallel(first.orientation?, second.orientation?) {
        return None;
    }
    // Sorted, they must leave neither a repeated place nor a hole.
    let images = a.images.iter().chain(&b.images);
    let mut at = images.map(|i| Some(i.header.position?.dot(normal))).collect::<Option<Vec<f64>>>()?;
    at.sort_by(f64::total_cmp);
    let mut gaps: Vec<f64> = at.windows(2).map(|w| w[1] - w[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = gaps[(gaps.len() - 1) / 2];
    (gaps[0] >= usual / ABUT && gaps[gaps.len() - 1] <= usual * ABUT).then_some(torn)
}

/// Refuses halves of one stack in two frames of reference; says of two studies that they are halves.
fn tear(series: &mut [Series], [a, b]: [usize; 2], torn: Torn) {
    let of = |n: usize| {
        let image = &series[n].images[0];
        (image.name(), image.header.frame_of_reference.clone().unwrap_or_else(|| "not stated".to_owned()))
    };
    let ((first_file, first), (other_file, other)) = (of(a), of(b));
    match torn {
        Torn::Frame => {
            let attribute = "Frame of Reference UID (0020,0052)";
            let refusal = DicomError::Mixed { attribute, first_file, first, other_file, other };
            series[a].stack = Err(refusal.clone());
            series[b].stack = Err(refusal);
        }
        Torn::Study => {
            for (one, next) in [(a, b), (b, a)] {
                let text = format!(
                    "series {} has the same Series Instance UID (0020,000E) and continues this one slice by slice, but \
                     names another Study Instance UID (0020,000D): {first_file} and {other_file}",
                    series[next].number
                );
                let finding = Finding::new("studies-differ", Severity::Danger, text);
                series[one].findings.push(finding.remedy(
                    "this may be half of a scan: find out whether both are of one examination, and fetch it again from \
                     its archive",
                ));
            }
        }
    }
}

/// Ends that are less than this many slice distances apart, or overlap, belong to one scan in two parts.
const ABUT: f64 = 1.5;

/// Tells both of two stacks that continue each other; refuses them where that cannot be known.
pub(crate) fn across(series: &mut [Series]) {
    for a in 0..series.len() {
        for b in a + 1..series.len() {
            if let Some(apart) = torn(&series[a], &series[b]) {
                tear(series, [a, b], apart);
            } else if let Some(text) = abutting(&series[a], &series[b]) {
                let remedy =
                    "what lies across the seam is in neither part; ask for one reconstruction of the whole";
                for (one, other) in [(a, b), (b, a)] {
                    let text = format!("series {} {text}", series[other].number);
                    let finding = Finding::new("parts-abut", Severity::Note, text);
                    series[one].findings.push(finding.remedy(remedy));
                }
            }
        }
    }
}

/// How two stacks of one frame and direction continue each other, in words, if they do.
fn abutting(a: &Series, b: &Series) -> Option<String> {
    let (first, second) = (&a.images[0].header, &b.images[0].header);
    let shared = match (&a.frame_of_reference, &b.frame_of_reference) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.uid.is_some() && a.uid == b.uid,
        _ => false,
    };
    if !shared || !is_parallel(first.orientation?, second.orientation?) {
        return None;
    }
    let normal = place::normal(first)?;
    let span = |s: &Series| -> Option<[f64; 2]> {
        let ends = s.ends?.map(|p| DVec3::from_array(p).dot(normal));
        Some([ends[0].min(ends[1]), ends[0].max(ends[1])])
    };
    let (x, y) = (span(a)?, span(b)?);
    let (low, high) = if x[0] <= y[0] { (x, y) } else { (y, x) };
    let usual = a.gaps?[1].max(b.gaps?[1]);
    let apart = high[0] - low[1];
    // Partial overlap: each reaches beyond the other by a slice at least.
    let continues = high[1] - low[1] >= usual / 2.0 && high[0] - low[0] >= usual / 2.0;
    if !continues || apart > ABUT * usual {
        return None;
    }
    Some(if apart >= 0.0 {
        format!("continues this one: {apart:.3} mm lie between their last and first slices")
    } else {
        format!("continues this one: they overlap by {:.3} mm", -apart)
    })
}
