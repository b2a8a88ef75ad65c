//! Which images are no slices of a volume, by what they say they are.

use super::{Aside, Image};
use crate::dicom::header::Header;
use dicom_dictionary_std::uids;
use std::collections::BTreeMap;

/// Words of Image Type for views along which a scan is planned.
const LOCALISERS: [&str; 5] = ["LOCALIZER", "LOCALISER", "SCOUT", "TOPOGRAM", "SURVIEW"];
/// Words for pictures whose every pixel sums up a slab or a whole volume.
const PROJECTIONS: [&str; 18] = [
    "MIP",
    "MAX_IP",
    "MAXIP",
    "MAXIMUM",
    "MINIP",
    "MIN_IP",
    "MNIP",
    "MINIMUM",
    "PROJECTION",
    "PROJECTION IMAGE",
    "PROJECTION_IMAGE",
    "VOLREN",
    "VRT",
    "SSD",
    "SHADED",
    "RENDERING",
    "CPR",
    "CURVED",
];
/// Words for pictures of a screen or a table of numbers.
const SCREENS: [&str; 7] =
    ["SCREEN SAVE", "SCREENSAVE", "SCREEN_SAVE", "DOSE_INFO", "DOSE REPORT", "PROTOCOL", "REPORT"];

/// Why an image cannot be a slice of a CT or MR volume, by what it says about itself.
pub(crate) fn reason(header: &Header) -> Option<String> {
    let is = |words: &[&str]| header.image_type.iter().find(|kind| words.contains(&kind.as_str()));
    let captures = [
        uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
        uids::MULTI_FRAME_SINGLE_BIT_SECONDARY_CAPTURE_IMAGE_STORAGE,
        uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE,
        uids::MULTI_FRAME_GRAYSCALE_WORD_SECONDARY_CAPTURE_IMAGE_STORAGE,
        uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE,
    ];
    if captures.contains(&header.sop_class.as_str()) {
        return Some("secondary capture: a picture without a place in the patient".to_owned());
    }
    if !matches!(header.modality.as_str(), "CT" | "MR") {
        return Some(modality(&header.modality));
    }
    if header.samples > 1 {
        return Some("a colour image".to_owned());
    }
    if is(&LOCALISERS).is_some() {
        return Some("a localiser".to_owned());
    }
    if let Some(word) = is(&PROJECTIONS) {
        return Some(format!(
            "a projection or rendering (Image Type (0008,0008) {word}): its values are not those of one slice"
        ));
    }
    if is(&["MOSAIC"]).is_some() {
        let what = "a mosaic: one picture of many slices side by side (Image Type (0008,0008) MOSAIC); export them as \
                    single or enhanced images";
        return Some(what.to_owned());
    }
    if let Some(word) = is(&SCREENS) {
        return Some(format!("a picture of a screen (Image Type (0008,0008) {word})"));
    }
    None
}

/// What images of another modality are.
fn modality(modality: &str) -> String {
    let name = match modality {
        "" => {
            return "Modality (0008,0060) is not stated: if it is CT or MR, say so with `--assume modality=CT` or \
                    `--assume modality=MR`"
                .to_owned();
        }
        "PT" => "positron emission tomography",
        "NM" => "nuclear medicine",
        "US" | "IVUS" => "ultrasound",
        "CR" | "DX" | "RG" => "a radiograph",
        "XA" | "RF" => "fluoroscopy or angiography",
        "MG" => "a mammogram",
        "SC" | "OT" | "XC" => "a picture of another kind",
        "SEG" => "a segmentation, not a scan",
        "RTDOSE" => "a radiotherapy dose, not a scan",
        "RTIMAGE" => "a radiotherapy image",
        "KO" | "SR" | "PR" | "DOC" => "a document, not a scan",
        _ => return format!("modality {modality} is not read as a volume"),
    };
    format!("modality {modality} is not read as a volume: {name}")
}

/// True for images that were computed from others.
pub(crate) fn is_derived(header: &Header) -> bool {
    header.image_type.first().is_some_and(|kind| kind == "DERIVED")
        || header.image_type.iter().any(|kind| kind == "MPR" || kind == "REFORMATTED")
}

/// Puts images that were set aside for the same reason together, by series.
pub(crate) fn listed(images: Vec<(Image, String)>) -> Vec<Aside> {
    type Key = (Option<i64>, Option<String>, String, i64, i64, String);
    let mut groups: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for (image, reason) in images {
        let h = image.header;
        let key = (h.series_number, h.series, h.modality, h.columns, h.rows, reason);
        groups.entry(key).or_default().push(image.file);
    }
    let listed = groups.into_iter().map(|((_, _, modality, columns, rows, reason), mut files)| {
        files.sort_unstable();
        let label = format!("{} × {} {columns} × {rows}", files.len(), super::group::or_none(&modality));
        files.dedup();
        Aside { label, reason, files }
    });
    listed.collect()
}
