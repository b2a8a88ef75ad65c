//! Whether the images of one stack, and the stacks of one folder, speak of the same thing.

use super::Image;
use crate::dicom::assume::Assume;
use crate::dicom::error::DicomError;
use crate::dicom::header::Header;
use crate::dicom::identity::Identity;
use glam::DVec3;
use osteon_core::{Finding, Severity};
use std::collections::BTreeMap;

/// Refuses images of two patients, unless they are stated to be one.
pub(crate) fn patients(
    images: &[Image],
    assume: &Assume,
    assumed: &mut Vec<&'static str>,
) -> Result<(), DicomError> {
    let Some([first, other]) = strangers(images) else {
        return Ok(());
    };
    if assume.same_patient.is_some() {
        assumed.push("patient");
        return Ok(());
    }
    Err(DicomError::MixedPatients { first_file: first.name(), other_file: other.name() })
}

/// Two images whose files name different patients.
pub(crate) fn strangers<'a>(images: impl IntoIterator<Item = &'a Image>) -> Option<[&'a Image; 2]> {
    // Few identities differ among many images; each is compared with all different ones before it.
    let mut known: Vec<&Image> = Vec::new();
    for image in images {
        let identity = &image.header.identity;
        if known.iter().any(|k| same_words(&k.header.identity, identity)) {
            continue;
        }
        if let Some(other) = known.iter().find(|k| !k.header.identity.agrees(identity)) {
            return Some([*other, image]);
        }
        known.push(image);
    }
    None
}

fn same_words(a: &Identity, b: &Identity) -> bool {
    (&a.name, &a.id, &a.birth_date) == (&b.name, &b.id, &b.birth_date)
}

/// Refuses slices of different size or spacing.
pub(crate) fn sizes(images: &[Image]) -> Result<(), DicomError> {
    let first = &images[0];
    for image in images {
        let mixed = |attribute, a: String, b: String| DicomError::Mixed {
            attribute,
            first_file: first.name(),
            first: a,
            other_file: image.name(),
            other: b,
        };
        let size = |h: &Header| format!("{} × {}", h.columns, h.rows);
        if size(&first.header) != size(&image.header) {
            let attribute = "the number of columns (0028,0011) and rows (0028,0010)";
            return Err(mixed(attribute, size(&first.header), size(&image.header)));
        }
        if let (Some(a), Some(b)) = (first.header.pixel_spacing, image.header.pixel_spacing)
            && !same_spacing(a, b)
        {
            let text = |s: [f64; 2]| format!("{}\\{}", s[0], s[1]);
            return Err(mixed("Pixel Spacing (0028,0030)", text(a), text(b)));
        }
    }
    Ok(())
}

/// Spacings that differ by less than this share are one: decimal strings have six digits or more.
const SPACING: f64 = 1e-5;

pub(crate) fn same_spacing(a: [f64; 2], b: [f64; 2]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SPACING * a.abs())
}

/// Space between slices that is told, as a share of their thickness …
const SPACE: f64 = 0.5;
/// … and the share from which most of the patient was not measured.
const MUCH_SPACE: f64 = 1.0;
/// Share of the slice distance by which a stated one may differ: it is often rounded.
const STATED: f64 = 0.1;

/// What thickness, stated distance and Instance Numbers say that positions do not.
pub(crate) fn distances(images: &[Image], order: &[usize], usual: f64, gaps: [f64; 2]) -> Vec<Finding> {
    let header = |n: usize| &images[n].header;
    let mut findings = Vec::new();
    let thickness: Vec<f64> =
        order.iter().filter_map(|&n| header(n).thickness).filter(|&t| t > 0.0).collect();
    let (thin, thick) = thickness.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &t| (a.min(t), b.max(t)));
    // Thickness is rounded to 0.01 mm or better where it is the same for all slices.
    if thick - thin > 0.01 {
        let text = format!("the slices are {thin} to {thick} mm thick");
        findings.push(
            Finding::new("thickness-varies", Severity::Note, text)
                .measured(thick - thin, 0.01, "mm", "Slice Thickness (0018,0050)")
                .remedy("fine detail is lost where slices are thick"),
        );
    }
    let space = usual - thick;
    if thick > 0.0 && space > SPACE * thick {
        let severity = if space >= MUCH_SPACE * thick { Severity::Caution } else { Severity::Note };
        let text = format!(
            "slices of {thick} mm follow each other every {usual:.3} mm: {space:.3} mm between neighbours was not \
             measured and is interpolated by whatever is made from the volume"
        );
        findings.push(
            Finding::new("space-between-slices", severity, text)
                .measured(space, SPACE * thick, "mm", "Slice Thickness (0018,0050)")
                .remedy("see whether every other slice is missing; ask for contiguous slices where bone is to be printed"),
        );
    }
    let stated = header(order[0]).slice_distance.map(f64::abs).filter(|&d| d > 0.0);
    if let Some(stated) = stated
        && (gaps[1] - gaps[0]) <= STATED * usual
        // Some scanners write the space between slices here instead of the distance of their middles.
        && (stated - usual).abs() > STATED * usual
        && (stated - space).abs() > STATED * usual
    {
        let text = format!(
            "Spacing Between Slices says {stated} mm, the positions say {usual:.3} mm; the positions are used"
        );
        findings.push(
            Finding::new("slice-distance-differs", Severity::Caution, text)
                .measured((stated - usual).abs(), STATED * usual, "mm", "Spacing Between Slices (0018,0088)")
                .remedy("see whether slices are missing, and measure a known distance along the stack"),
        );
    }
    findings
}

/// What differs inside a stack, and words that contradict the direction cosines.
pub(crate) fn words(images: &[Image]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let differs = |code: &str, name: &str, of: fn(&Header) -> Option<&str>, remedy: &str| {
        let [first, other] = two_values(images, of)?;
        let text = format!(
            "{name} is \"{}\" in {} and \"{}\" in {}",
            first.1,
            first.0.name(),
            other.1,
            other.0.name()
        );
        Some(Finding::new(code, Severity::Caution, text).remedy(remedy))
    };
    let whose = "make sure that all slices are of the same part of the same patient";
    findings.extend(differs(
        "body-part-differs",
        "Body Part Examined (0018,0015)",
        |h| h.body_part.as_deref(),
        whose,
    ));
    findings.extend(differs(
        "laterality-differs",
        "Laterality (0020,0060)",
        |h| h.laterality.as_deref(),
        whose,
    ));
    let quality = "edges are sharper in one part than in the other: choose thresholds with care";
    findings.extend(differs(
        "kernel-varies",
        "Convolution Kernel (0018,1210)",
        |h| h.kernel.as_deref(),
        quality,
    ));
    let lay = "check left and right and head and foot on the images before anything else";
    let position: fn(&Header) -> Option<&str> = |h| h.patient_position.as_deref();
    findings.extend(differs("orientation-words-differ", "Patient Position (0018,5100)", position, lay));
    findings.extend(images.iter().find_map(sides));
    findings.extend(images.iter().find_map(letters).map(|finding| finding.remedy(lay)));
    findings
}

/// The first images that state two different values.
fn two_values(images: &[Image], of: fn(&Header) -> Option<&str>) -> Option<[(&Image, &str); 2]> {
    let stated = || images.iter().filter_map(|image| of(&image.header).map(|value| (image, value)));
    let first = stated().next()?;
    let other = stated().find(|(_, value)| *value != first.1)?;
    Some([first, other])
}

/// The laterality of an image against that of its series.
fn sides(image: &Image) -> Option<Finding> {
    let (own, all) = (image.header.image_laterality.as_deref()?, image.header.laterality.as_deref()?);
    let opposite = matches!((own, all), ("L", "R") | ("R", "L"));
    opposite.then(|| {
        let text = format!(
            "{}: Image Laterality (0020,0062) is {own}, Laterality (0020,0060) is {all}",
            image.name()
        );
        Finding::new("laterality-differs", Severity::Caution, text).remedy(
            "find out which side it is before planning; the request and the patient decide, not this file",
        )
    })
}

/// A direction of 60° from where a word points contradicts it: of three axes one is always nearer than 55°.
const POINTS: f64 = 0.5;

/// Patient Orientation against the direction cosines.
fn letters(image: &Image) -> Option<Finding> {
    let cosines = image.header.orientation?;
    let [row, column] = image.header.orientation_words.as_slice() else {
        return None;
    };
    for (word, along, name) in [(row, cosines[0], "a row"), (column, cosines[1], "a column")] {
        let Some(towards) = word.chars().next().and_then(direction) else {
            continue;
        };
        if along.dot(towards) < POINTS {
            let text = format!(
                "{}: Patient Orientation (0020,0020) says that {name} leads to \"{word}\", the direction cosines say \
                 {}; the cosines are used",
                image.name(),
                word_of(along)
            );
            return Some(Finding::new("orientation-words-differ", Severity::Caution, text).measured(
                along.dot(towards),
                POINTS,
                "cosine",
                "Image Orientation (Patient) (0020,0037)",
            ));
        }
    }
    None
}

/// Where a letter points (LPS).
fn direction(letter: char) -> Option<DVec3> {
    Some(match letter {
        'L' => DVec3::X,
        'R' => DVec3::NEG_X,
        'P' => DVec3::Y,
        'A' => DVec3::NEG_Y,
        'H' => DVec3::Z,
        'F' => DVec3::NEG_Z,
        _ => return None,
    })
}

/// The letter of the patient's axis that is nearest to a direction.
fn word_of(direction: DVec3) -> char {
    let [x, y, z] = direction.to_array();
    let most = x.abs().max(y.abs()).max(z.abs());
    match most {
        _ if x.abs() >= most => {
            if x > 0.0 {
                'L'
            } else {
                'R'
            }
        }
        _ if y.abs() >= most => {
            if y > 0.0 {
                'P'
            } else {
                'A'
            }
        }
        _ => {
            if z > 0.0 {
                'H'
            } else {
                'F'
            }
        }
    }
}

/// What the images of a folder do not share: patients, studies.
pub(crate) fn folder(images: &[Image]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some([first, other]) = strangers(images) {
        let text = format!("{} and {} name different patients", first.name(), other.name());
        findings.push(
            Finding::new("patients-differ", Severity::Caution, text)
                .remedy("find out whose images these are; import the files of one patient only"),
        );
    }
    let mut studies: BTreeMap<&str, &Image> = BTreeMap::new();
    for image in images {
        if let Some(study) = image.header.study.as_deref() {
            studies.entry(study).or_insert(image);
        }
    }
    let files: Vec<&str> = studies.values().map(|image| image.file.as_str()).take(2).collect();
    if let [first, other] = files.as_slice() {
        let text = format!("there are images of {} studies, such as {first} and {other}", studies.len());
        findings.push(
            Finding::new("studies-differ", Severity::Note, text)
                .measured(studies.len() as f64, 1.0, "studies", "Study Instance UID (0020,000D)")
                .remedy("check the dates: bone changes between examinations"),
        );
    }
    findings
}
