//! Images to stacks: a series UID is not a volume.
//!
//! Images are first put apart by what no grid can hold together: size, spacing, direction, frame of
//! reference, original or derived. What is left is split by echo, time, kernel and the like only where it
//! holds several stacks that repeat or interleave each other's places; attributes that merely change along
//! one stack do not split it.

use super::agree;
use super::aside;
use super::part::{self, Part};
use super::seam;
use super::{Aside, Image, Series, has_frame_for_each};
use crate::dicom::assume::Assume;
use crate::dicom::header::Header;
use crate::dicom::header::remark;
use crate::dicom::options::Options;
use crate::dicom::pixel;
use crate::dicom::stack::place;
use crate::dicom::stack::{self, Stack};
use glam::DVec3;
use osteon_core::{Explain, Finding, Severity};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The images of a folder, sorted out.
pub(crate) struct Sorted {
    pub(crate) series: Vec<Series>,
    pub(crate) aside: Vec<Aside>,
    pub(crate) findings: Vec<Finding>,
}

/// Sorts images out; their order and the names of their files do not matter.
pub(crate) fn sort_out(mut images: Vec<Image>, options: &Options) -> Sorted {
    images.sort_by(in_order);
    let mut findings = agree::folder(&images);
    let numbers = instance_numbers(&images);
    let mut aside = Vec::new();
    let mut kept = Vec::new();
    for image in images {
        match aside::reason(&image.header) {
            Some(reason) => aside.push((image, reason)),
            None => kept.push(image),
        }
    }
    let parts: Vec<Part> = buckets(kept)
        .into_iter()
        .flat_map(|bucket| by_frame(bucket, options))
        .flat_map(part::split)
        .collect();
    let (mut stacks, mut singles) = (Vec::new(), Vec::new());
    for part in parts {
        if part.images.len() == 1 && !part.images[0].header.is_multi_frame() {
            &mut singles
        } else {
            &mut stacks
        }
        .push(part);
    }
    stacks.sort_by(|a, b| in_order(&a.images[0], &b.images[0]));
    let mut series: Vec<Series> =
        stacks.into_iter().enumerate().map(|(n, part)| summary(n + 1, part, options)).collect();
    findings.extend(series_for_each(&singles));
    for single in singles.into_iter().flat_map(|part| part.images) {
        let reason = single_slice(&single, &mut series);
        aside.push((single, reason));
    }
    for one in &mut series {
        one.findings.extend(numbers_skip(one, &numbers));
    }
    seam::across(&mut series);
    findings.extend(among(&series));
    Sorted { series, aside: aside::listed(aside), findings }
}

/// The order in which images are looked at; only images that are equal in all of it go by their file names.
fn in_order(a: &Image, b: &Image) -> Ordering {
    let key = |i: &Image| (i.header.series_number, i.header.moment.acquisition, i.header.instance_number);
    let place = |i: &Image| i.header.position.unwrap_or(DVec3::INFINITY).to_array();
    let places = || {
        let pairs = place(a).into_iter().zip(place(b));
        pairs.map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    };
    let (ha, hb) = (&a.header, &b.header);
    ha.series_number
        .cmp(&hb.series_number)
        .then_with(|| (&ha.series, &ha.study).cmp(&(&hb.series, &hb.study)))
        .then_with(|| key(a).cmp(&key(b)))
        .then_with(places)
        .then_with(|| ha.instance.cmp(&hb.instance))
        .then_with(|| (&a.file, a.frame).cmp(&(&b.file, b.frame)))
}

pub(crate) fn or_none(text: &str) -> &str {
    if text.is_empty() { "not stated" } else { text }
}

/// What images of one grid share exactly.
type Kind = (Option<String>, Option<String>, String, i64, i64, bool, bool);

fn kind(h: &Header) -> Kind {
    let series = (h.study.clone(), h.series.clone(), h.modality.clone());
    (series.0, series.1, series.2, h.columns, h.rows, aside::is_derived(h), h.is_multi_frame())
}

/// Direction cosines that differ by more do not belong to one stack; the exact test is made on the corners.
const PARALLEL: f64 = 1e-3;

pub(crate) fn is_parallel(a: [DVec3; 2], b: [DVec3; 2]) -> bool {
    (0..2).all(|n| a[n].abs_diff_eq(b[n], PARALLEL))
}

/// Puts images together that may share a grid.
fn buckets(images: Vec<Image>) -> Vec<Vec<Image>> {
    let mut kinds: BTreeMap<Kind, Vec<Vec<Image>>> = BTreeMap::new();
    // An image that does not say where it is, or makes no sense of it, belongs to its series all the same, which must not lose it unseen.
    let says = |i: &Image| {
        let spacing = i.header.pixel_spacing.is_some_and(place::is_spacing);
        spacing && i.header.orientation.is_some_and(place::are_directions)
    };
    let (placed, lost): (Vec<Image>, Vec<Image>) = images.into_iter().partition(&says);
    for image in placed.into_iter().chain(lost) {
        let buckets = kinds.entry(kind(&image.header)).or_default();
        let fits = |bucket: &&mut Vec<Image>| {
            let (a, b) = (&bucket[0].header, &image.header);
            !says(&image)
                || (a.orientation.zip(b.orientation).is_none_or(|(a, b)| is_parallel(a, b))
                    && a.pixel_spacing.zip(b.pixel_spacing).is_none_or(|(a, b)| agree::same_spacing(a, b)))
        };
        match buckets.iter_mut().find(fits) {
            Some(bucket) => bucket.push(image),
            None => buckets.push(vec![image]),
        }
    }
    let mut buckets: Vec<Vec<Image>> = kinds.into_values().flatten().collect();
    buckets.iter_mut().for_each(|bucket| bucket.sort_by(in_order));
    buckets
}

/// Splits images by frame of reference, in which alone positions can be compared.
///
/// Where every file has a frame of its own they stay together, and a finding tells.
fn by_frame(bucket: Vec<Image>, options: &Options) -> Vec<Vec<Image>> {
    if options.assume.same_frame.is_some() || has_frame_for_each(&bucket) {
        return vec![bucket];
    }
    let mut frames: BTreeMap<Option<String>, Vec<Image>> = BTreeMap::new();
    for image in bucket {
        frames.entry(image.header.frame_of_reference.clone()).or_default().push(image);
    }
    // A frame for each of many images that do not say where they are: the place is what is missing.
    let lost = |images: &Vec<Image>| matches!(images.as_slice(), [one] if one.header.position.is_none());
    if frames.len() >= 3 && frames.values().all(lost) {
        return vec![frames.into_values().flatten().collect()];
    }
    frames.into_values().collect()
}

fn summary(number: usize, part: Part, options: &Options) -> Series {
    let Part { images, name } = part;
    let mut stack = stack::stack(&images, options);
    let header = &images[0].header;
    let shares = images.iter().all(|i| i.header.frame_of_reference == header.frame_of_reference);
    if let Ok(stack) = &mut stack
        && !shares
        && !has_frame_for_each(&images)
    {
        stack.assume("frame", &options.assume);
    }
    let mut findings = agree::words(&images);
    findings.extend(derived(&images));
    findings.extend(instance_repeated(&images));
    findings.extend(frame_for_each(&images));
    findings.extend(remark::told(images.iter().map(|i| (i.file.as_str(), i.header.remarks.as_slice()))));
    let made = stack.as_ref().ok();
    findings.extend(made.and_then(|stack| seam::within(&images, stack)));
    findings.extend(made.map(|stack| not_used(stack, &options.assume)).unwrap_or_default());
    let unread = images.iter().find_map(|image| pixel::check(&image.name(), &image.header).err());
    Series {
        number,
        uid: header.series.clone(),
        part: name,
        frame_of_reference: header.frame_of_reference.clone().filter(|_| shares),
        modality: header.modality.clone(),
        size: [header.columns as usize, header.rows as usize, images.len()],
        spacing: made.map(|stack| stack.grid.spacing().to_array()),
        slices: made.map(|stack| stack.slots.len()),
        gaps: made.map(|stack| stack.gaps),
        tilt: made.map(|stack| stack.tilt),
        ends: made.map(|stack| stack.ends()),
        orientation: header.orientation.map(|pair| pair.map(|v| v.to_array())),
        plane: header.orientation.map_or("of unknown direction", plane),
        slice_thickness: header.thickness,
        kernel: header.kernel.clone(),
        body_part: header.body_part.clone(),
        laterality: header.laterality.clone(),
        identity: header.identity.clone(),
        findings,
        stack,
        unread,
        images,
    }
}

/// That assumptions were not needed for a stack; of those about the pixels loading tells.
fn not_used(stack: &Stack, assume: &Assume) -> Vec<Finding> {
    let idle = |key: &&&str| !stack.assumed.contains(*key) && !["unit", "duplicates"].contains(*key);
    let told = |key: &&str| {
        let text = format!("the assumption {key} was not used: the files say it themselves");
        Finding::new("assumption-not-used", Severity::Note, text)
    };
    assume.stated.keys().filter(idle).map(told).collect()
}

/// Slices within 30° of a plane of the body are called by its name.
const NAMED: f64 = 0.866;

fn plane([row, column]: [DVec3; 2]) -> &'static str {
    let normal = row.cross(column).normalize_or_zero().abs();
    match normal.to_array() {
        [x, _, _] if x >= NAMED => "sagittal",
        [_, y, _] if y >= NAMED => "coronal",
        [_, _, z] if z >= NAMED => "axial",
        _ => "oblique",
    }
}

/// That images were computed from others.
fn derived(images: &[Image]) -> Option<Finding> {
    let image = images.iter().find(|image| aside::is_derived(&image.header))?;
    let kind = image.header.image_type.join("\\");
    let text = format!("{}: Image Type (0008,0008) is {kind}: computed from other images", image.name());
    Some(Finding::new("derived-image", Severity::Caution, text).remedy(
        "prefer the original slices; a reformatted stack has lost detail, and its slices may be thick averages",
    ))
}

/// That single slices have a series each, as when identifiers are replaced file by file.
fn series_for_each(singles: &[Part]) -> Option<Finding> {
    /// A folder may well hold a few single images; this many of one kind are a scan.
    const MANY: usize = 5;
    let headers: Vec<&Header> = singles.iter().flat_map(|part| &part.images).map(|i| &i.header).collect();
    let first = headers.first()?;
    let alike = |h: &&&Header| {
        let parallel = h.orientation.zip(first.orientation).is_some_and(|(a, b)| is_parallel(a, b));
        parallel && (h.columns, h.rows, &h.modality) == (first.columns, first.rows, &first.modality)
    };
    let series: BTreeSet<&Option<String>> = headers.iter().filter(alike).map(|h| &h.series).collect();
    if series.len() < MANY {
        return None;
    }
    let text = format!(
        "{} parallel single slices of one size name a Series Instance UID (0020,000E) each: perhaps one scan whose \
         identifiers were replaced file by file",
        series.len()
    );
    let finding = Finding::new("series-for-each", Severity::Caution, text);
    Some(finding.remedy("export the scan again with one Series Instance UID for all its slices"))
}

/// That one image is said to be at several places.
fn instance_repeated(images: &[Image]) -> Option<Finding> {
    let mut places: BTreeMap<&str, &Image> = BTreeMap::new();
    for image in images.iter().filter(|image| image.frame == 0) {
        let Some(uid) = image.header.instance.as_deref() else {
            continue;
        };
        let known = *places.entry(uid).or_insert(image);
        if known.header.position != image.header.position {
            let text = format!(
                "{} and {} have one SOP Instance UID (0008,0018) and lie at different places",
                known.file, image.file
            );
            let finding = Finding::new("instance-repeated", Severity::Caution, text);
            return Some(finding.remedy("see in the archive which of them belongs to this series"));
        }
    }
    None
}

/// That every place has a frame of reference of its own.
fn frame_for_each(images: &[Image]) -> Option<Finding> {
    if !has_frame_for_each(images) {
        return None;
    }
    let text = "every file names a Frame of Reference UID (0020,0052) of its own, as some de-identification does; the \
                slices were taken to share one";
    let finding = Finding::new("frame-of-reference-per-file", Severity::Caution, text);
    Some(finding.remedy("look for steps between slices before measuring along the stack"))
}

/// Why a single slice is set aside; a stack of its series that it was broken off is told about.
fn single_slice(single: &Image, series: &mut [Series]) -> String {
    let same = |s: &&mut Series| s.uid == single.header.series && s.modality == single.header.modality;
    let mut across = false;
    for one in series.iter_mut().filter(same) {
        let first = &one.images[0].header;
        let directions = first.orientation.zip(single.header.orientation);
        if directions.is_some_and(|(a, b)| !is_parallel(a, b)) {
            across = true;
            continue;
        }
        let text = format!(
            "{} is in the same series and parallel, but differs in {}; it was set aside and is not in the volume",
            single.name(),
            difference(first, &single.header)
        );
        one.findings.push(
            Finding::new("slice-set-aside", Severity::Caution, text)
                .remedy("see whether the volume lacks this slice; fetch the series again from its archive"),
        );
    }
    if across { "a single slice across the others: a localiser" } else { "a single slice" }.to_owned()
}

/// What keeps an image from a stack.
fn difference(stack: &Header, single: &Header) -> &'static str {
    let spacing = stack.pixel_spacing.zip(single.pixel_spacing);
    if (stack.columns, stack.rows) != (single.columns, single.rows) {
        "Columns (0028,0011) or Rows (0028,0010)"
    } else if spacing.is_some_and(|(a, b)| !agree::same_spacing(a, b)) {
        "Pixel Spacing (0028,0030)"
    } else if aside::is_derived(stack) != aside::is_derived(single) {
        "Image Type (0008,0008)"
    } else if stack.study != single.study {
        "Study Instance UID (0020,000D)"
    } else if stack.frame_of_reference != single.frame_of_reference {
        "Frame of Reference UID (0020,0052)"
    } else {
        "Image Position (Patient) (0020,0032)"
    }
}

type Numbers = BTreeMap<Option<String>, BTreeSet<i64>>;

/// The Instance Numbers of every series.
fn instance_numbers(images: &[Image]) -> Numbers {
    let mut numbers = Numbers::new();
    for header in images.iter().map(|image| &image.header) {
        numbers.entry(header.series.clone()).or_default().extend(header.instance_number);
    }
    numbers
}

/// That numbers are left out between the slices of an otherwise even stack.
fn numbers_skip(series: &Series, all: &Numbers) -> Option<Finding> {
    let stack = series.stack.as_ref().ok()?;
    let of = |&n: &usize| series.images[n].header.instance_number;
    let inside: Vec<i64> = stack.order.iter().filter_map(of).collect();
    let (&least, &most) = (inside.iter().min()?, inside.iter().max()?);
    let present = all.get(&series.uid)?.range(least..=most).count() as u64;
    // The numbers of a stack follow its order; otherwise they tell nothing.
    let ordered = inside.is_sorted() || inside.is_sorted_by(|a, b| a >= b);
    let missing = most.abs_diff(least).saturating_add(1).saturating_sub(present);
    if missing == 0 || !ordered || stack.findings.iter().any(|f| f.code == "slab-not-measured") {
        return None;
    }
    let text = format!(
        "{missing} Instance Numbers between {least} and {most} are not there, although the slices are in their places"
    );
    let finding = Finding::new("instance-numbers-skip", Severity::Note, text);
    Some(
        finding
            .measured(missing as f64, 0.0, "numbers", "Instance Number (0020,0013)")
            .remedy("see in the archive whether the series has more slices"),
    )
}

/// What the candidates of a folder do not share.
fn among(series: &[Series]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut uids: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for one in series {
        uids.entry(one.uid.as_deref().unwrap_or_default()).or_default().insert((&one.modality, one.plane));
    }
    // Stacks of one kind are told apart by their own part; other kinds do not belong under one series.
    if let Some(kinds) = uids.iter().filter(|(uid, _)| !uid.is_empty()).map(|(_, k)| k).find(|k| k.len() > 1)
    {
        // Reformatted planes often share a series; CT and MR never do.
        let modalities: BTreeSet<&str> = kinds.iter().map(|(modality, _)| *modality).collect();
        let severity = if modalities.len() > 1 { Severity::Caution } else { Severity::Note };
        let kinds: Vec<String> =
            kinds.iter().map(|(modality, plane)| format!("{plane} {modality}")).collect();
        let text = format!("one Series Instance UID (0020,000E) stands for {}", kinds.join(" and "));
        findings.push(
            Finding::new("series-mixed", severity, text)
                .remedy("take the volume you mean with --series, and look at it before using it"),
        );
    }
    let mut frames: Vec<&str> = series.iter().filter_map(|s| s.frame_of_reference.as_deref()).collect();
    frames.sort_unstable();
    frames.dedup();
    if frames.len() > 1 {
        let text = format!("the series lie in {} frames of reference", frames.len());
        findings.push(
            Finding::new("frames-differ", Severity::Note, text)
                .measured(frames.len() as f64, 1.0, "frames", "Frame of Reference UID (0020,0052)")
                .remedy("coordinates of one frame mean nothing in another; register the scans before comparing them"),
        );
    }
    let refused = series.iter().filter(|_| series.len() > 1);
    findings.extend(refused.filter_map(|s| Some((s, s.refusal()?))).map(|(s, refusal)| {
        let text = format!("series {} is no volume: {refusal}", s.number);
        Finding::new("series-refused", Severity::Note, text).remedy(refusal.help())
    }));
    findings
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
