//! The attributes of one image, with a strict grammar for every number that geometry or units rest on.

use super::element::{self, Fault, Pixels};
use super::identity::Identity;
use super::syntax::{self, Layout};
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries;
use flate2::read::DeflateDecoder;
use glam::DVec3;
use std::borrow::Cow;
use std::io::Read;

/// Every attribute that is looked at, sorted by tag.
const WANTED: [Tag; 40] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::IMAGE_TYPE,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::ACCESSION_NUMBER,
    tags::MODALITY,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::BODY_PART_EXAMINED,
    tags::SLICE_THICKNESS,
    tags::KVP,
    tags::GANTRY_DETECTOR_TILT,
    tags::CONVOLUTION_KERNEL,
    tags::PATIENT_POSITION,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::FRAME_OF_REFERENCE_UID,
    tags::LATERALITY,
    tags::IMAGE_LATERALITY,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::PIXEL_SPACING,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::MODALITY_LUT_SEQUENCE,
];

/// The attributes of one image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) syntax: String,
    pub(super) sop_class: String,
    pub(super) image_type: Vec<String>,
    pub(super) modality: String,
    pub(super) series: Option<String>,
    pub(super) series_number: Option<i64>,
    pub(super) frame_of_reference: Option<String>,
    pub(super) position: Option<DVec3>,
    /// Direction cosines of a row and of a column.
    pub(super) orientation: Option<[DVec3; 2]>,
    /// Distance of rows, then of columns, mm.
    pub(super) pixel_spacing: Option<[f64; 2]>,
    pub(super) thickness: Option<f64>,
    pub(super) tilt: Option<f64>,
    pub(super) kvp: Option<f64>,
    pub(super) kernel: Option<String>,
    pub(super) body_part: Option<String>,
    pub(super) patient_position: Option<String>,
    pub(super) laterality: Option<String>,
    pub(super) rows: i64,
    pub(super) columns: i64,
    pub(super) frames: i64,
    pub(super) samples: i64,
    pub(super) photometric: String,
    pub(super) allocated: i64,
    pub(super) stored: i64,
    pub(super) high: i64,
    pub(super) signed: i64,
    pub(super) slope: Option<f64>,
    pub(super) intercept: Option<f64>,
    pub(super) rescale_type: Option<String>,
    pub(super) lossy: bool,
    pub(super) modality_lut: bool,
    /// Numbers that break the grammar: attribute, value, reason.
    pub(super) faults: Vec<String>,
    pub(super) identity: Identity,
    pub(super) pixels: Option<Pixels>,
}

/// A file taken apart: its attributes and the bytes its pixels are in.
pub(super) struct Parsed<'a> {
    pub(super) header: Header,
    /// The data set, inflated if it was deflated.
    pub(super) data_set: Cow<'a, [u8]>,
}

/// A deflated data set may grow by this factor; a real one grows by three to ten.
const INFLATION: u64 = 64;

/// Reads the header of a file of `whole` bytes, of which `bytes` may be only the beginning.
///
/// `Ok(None)` when it is not a DICOM file.
pub(super) fn parse(bytes: &[u8], whole: usize) -> Result<Option<Parsed<'_>>, Fault> {
    const MARK: usize = 128;
    if bytes.len() < MARK + 4 && bytes.len() < whole {
        return Err(Fault::NeedMore);
    }
    if bytes.get(MARK..MARK + 4) != Some(b"DICM".as_slice()) {
        return Ok(None);
    }
    let after = MARK + 4;
    let (uid, length) = element::file_header(&bytes[after..], whole - after, tags::TRANSFER_SYNTAX_UID)?;
    let start = after + length;
    let (data_set, whole) = if syntax::is_deflated(&uid) {
        if bytes.len() < whole {
            return Err(Fault::NeedMore);
        }
        let data_set = inflate(&bytes[start..])?;
        let length = data_set.len();
        (Cow::Owned(data_set), length)
    } else {
        (Cow::Borrowed(&bytes[start..]), whole - start)
    };
    let (layout, _) = syntax::of(&uid);
    let walk = element::walk(&data_set, whole, layout, &WANTED)?;
    let header = Header::read(&walk, uid)?;
    Ok(Some(Parsed { header, data_set }))
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let limit = bytes.len() as u64 * INFLATION;
    let mut inflated = Vec::new();
    DeflateDecoder::new(bytes)
        .take(limit + 1)
        .read_to_end(&mut inflated)
        .map_err(|e| Fault::Damaged(format!("its deflated part does not inflate: {e}")))?;
    if inflated.len() as u64 > limit {
        return Err(Fault::Damaged(format!("{} deflated bytes inflate to more than {limit}", bytes.len())));
    }
    Ok(inflated)
}

impl Header {
    fn read(walk: &element::Walk, syntax: String) -> Result<Self, Fault> {
        let ts = match walk.layout {
            Layout::ImplicitLittle => entries::IMPLICIT_VR_LITTLE_ENDIAN.erased(),
            Layout::ExplicitLittle => entries::EXPLICIT_VR_LITTLE_ENDIAN.erased(),
            Layout::ExplicitBig => entries::EXPLICIT_VR_BIG_ENDIAN.erased(),
        };
        let object = InMemDicomObject::read_dataset_with_ts(walk.wanted.as_slice(), &ts)
            .map_err(|_| Fault::Damaged("its attributes cannot be parsed".to_owned()))?;
        let mut a = Attributes { object, faults: Vec::new() };
        let header = Self {
            syntax,
            sop_class: a.text(tags::SOP_CLASS_UID).unwrap_or_default(),
            image_type: a.texts(tags::IMAGE_TYPE),
            modality: a.text(tags::MODALITY).unwrap_or_default(),
            series: a.text(tags::SERIES_INSTANCE_UID),
            series_number: a.text(tags::SERIES_NUMBER).and_then(|t| t.parse().ok()),
            frame_of_reference: a.text(tags::FRAME_OF_REFERENCE_UID),
            position: a
                .numbers::<3>(tags::IMAGE_POSITION_PATIENT, "Image Position (Patient)")
                .map(DVec3::from_array),
            orientation: a
                .numbers::<6>(tags::IMAGE_ORIENTATION_PATIENT, "Image Orientation (Patient)")
                .map(|n| [DVec3::new(n[0], n[1], n[2]), DVec3::new(n[3], n[4], n[5])]),
            pixel_spacing: a.numbers::<2>(tags::PIXEL_SPACING, "Pixel Spacing"),
            thickness: a.number(tags::SLICE_THICKNESS, "Slice Thickness"),
            tilt: a.number(tags::GANTRY_DETECTOR_TILT, "Gantry/Detector Tilt"),
            kvp: a.number(tags::KVP, "KVP"),
            kernel: a.text(tags::CONVOLUTION_KERNEL),
            body_part: a.text(tags::BODY_PART_EXAMINED),
            patient_position: a.text(tags::PATIENT_POSITION),
            laterality: a.text(tags::IMAGE_LATERALITY).or_else(|| a.text(tags::LATERALITY)),
            rows: a.integer(tags::ROWS, 0),
            columns: a.integer(tags::COLUMNS, 0),
            frames: a.integer(tags::NUMBER_OF_FRAMES, 1),
            samples: a.integer(tags::SAMPLES_PER_PIXEL, 0),
            photometric: a.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default(),
            allocated: a.integer(tags::BITS_ALLOCATED, 0),
            stored: a.integer(tags::BITS_STORED, 0),
            high: a.integer(tags::HIGH_BIT, -1),
            signed: a.integer(tags::PIXEL_REPRESENTATION, -1),
            slope: a.number(tags::RESCALE_SLOPE, "Rescale Slope"),
            intercept: a.number(tags::RESCALE_INTERCEPT, "Rescale Intercept"),
            rescale_type: a.text(tags::RESCALE_TYPE),
            lossy: a.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01"),
            modality_lut: walk.tags.contains(&tags::MODALITY_LUT_SEQUENCE),
            identity: Identity {
                name: a.text(tags::PATIENT_NAME).unwrap_or_default(),
                id: a.text(tags::PATIENT_ID).unwrap_or_default(),
                birth_date: a.text(tags::PATIENT_BIRTH_DATE).unwrap_or_default(),
                sex: a.text(tags::PATIENT_SEX).unwrap_or_default(),
                study_date: a.text(tags::STUDY_DATE).unwrap_or_default(),
                accession: a.text(tags::ACCESSION_NUMBER).unwrap_or_default(),
            },
            pixels: walk.pixels,
            faults: Vec::new(),
        };
        Ok(Self { faults: a.faults, ..header })
    }

    /// True for images with several frames and for the enhanced classes, which have them by design.
    pub(super) fn is_multi_frame(&self) -> bool {
        let enhanced = [
            uids::ENHANCED_CT_IMAGE_STORAGE,
            uids::ENHANCED_MR_IMAGE_STORAGE,
            uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
            uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE,
        ];
        self.frames != 1 || enhanced.contains(&self.sop_class.as_str())
    }
}

/// Longest text kept; a longer one is cut, for it ends up in messages.
const TEXT: usize = 64;

struct Attributes {
    object: InMemDicomObject,
    faults: Vec<String>,
}

impl Attributes {
    /// The values of a text attribute, without control characters, trimmed and cut; none if all are empty.
    fn texts(&self, tag: Tag) -> Vec<String> {
        let Some(element) = self.object.get(tag) else {
            return Vec::new();
        };
        let Ok(values) = element.value().to_multi_str() else {
            return Vec::new();
        };
        let clean = |value: &String| {
            let kept: String = value.chars().filter(|c| !c.is_control()).take(TEXT).collect();
            kept.trim().to_owned()
        };
        let values: Vec<String> = values.iter().map(clean).collect();
        if values.iter().all(String::is_empty) {
            return Vec::new();
        }
        values
    }

    fn text(&self, tag: Tag) -> Option<String> {
        self.texts(tag).into_iter().next().filter(|text| !text.is_empty())
    }

    /// An integer; `absent` where there is none, −1 where it is not one.
    fn integer(&self, tag: Tag, absent: i64) -> i64 {
        match self.object.get(tag) {
            Some(element) if !self.texts(tag).is_empty() => element.to_int().unwrap_or(-1),
            _ => absent,
        }
    }

    fn number(&mut self, tag: Tag, name: &str) -> Option<f64> {
        self.numbers::<1>(tag, name).map(|[number]| number)
    }

    /// Exactly `N` decimal numbers, or none; everything else is noted as a fault.
    fn numbers<const N: usize>(&mut self, tag: Tag, name: &str) -> Option<[f64; N]> {
        let texts = self.texts(tag);
        if texts.is_empty() {
            return None;
        }
        let numbers: Option<Vec<f64>> = texts.iter().map(|text| decimal(text)).collect();
        match numbers.and_then(|numbers| <[f64; N]>::try_from(numbers).ok()) {
            Some(numbers) => Some(numbers),
            None => {
                let values = texts.join("\\");
                self.faults.push(format!("{name} {tag} is \"{values}\", not {N} finite decimal numbers"));
                None
            }
        }
    }
}

/// A number in the grammar of Decimal String: digits, one point, one exponent, and a finite value.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: f64 = text.parse().ok()?;
    (plain && number.is_finite()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_wanted_attributes_is_sorted_for_searching() {
        assert!(WANTED.is_sorted());
    }

    #[test]
    fn only_plain_finite_numbers_are_decimal_strings() {
        for (text, number) in [("1", 1.0), ("-0.5", -0.5), ("+1.25E+02", 125.0), ("1.", 1.0), (".5", 0.5)] {
            assert_eq!(decimal(text), Some(number), "{text}");
        }
        for text in ["", "nan", "NaN", "inf", "1e400", "1,5", "1 2", "0x10", "--1", "1e", "infinity"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn a_deflation_bomb_is_refused_at_its_limit() {
        use std::io::Write;
        let mut bomb = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        bomb.write_all(&vec![0; 8 << 20]).unwrap();
        let bomb = bomb.finish().unwrap();
        assert!(matches!(inflate(&bomb), Err(Fault::Damaged(what)) if what.contains("more than")));
    }
}
