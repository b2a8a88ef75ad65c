//! The attributes of one image, with a strict grammar for every number that geometry or units rest on.

pub(super) mod apply;
pub(super) mod directory;
pub(super) mod element;
pub(super) mod frames;
pub(super) mod intake;
pub(super) mod meta;
pub(super) mod remark;
pub(super) mod syntax;
pub(super) mod value;

use self::element::Pixels;
use self::remark::Remark;
pub(crate) use self::value::decimal;
use self::value::{Malformed, Values, Written};
use super::error::DicomError;
use super::identity::Identity;
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use glam::DVec3;

/// Every attribute that is looked at, sorted by tag.
pub(crate) const WANTED: [Tag; 85] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::IMAGE_TYPE,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::ACQUISITION_DATE,
    tags::ACQUISITION_DATE_TIME,
    tags::ACQUISITION_TIME,
    tags::CONTENT_TIME,
    tags::ACCESSION_NUMBER,
    tags::MODALITY,
    tags::MANUFACTURER,
    tags::FRAME_TYPE,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::BODY_PART_EXAMINED,
    tags::SLICE_THICKNESS,
    tags::KVP,
    tags::ECHO_TIME,
    tags::ECHO_NUMBERS,
    tags::SPACING_BETWEEN_SLICES,
    tags::TRIGGER_TIME,
    tags::RECONSTRUCTION_DIAMETER,
    tags::GANTRY_DETECTOR_TILT,
    tags::CONVOLUTION_KERNEL,
    tags::PATIENT_POSITION,
    tags::FRAME_ACQUISITION_DATE_TIME,
    tags::EFFECTIVE_ECHO_TIME,
    tags::DIFFUSION_B_VALUE,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::ACQUISITION_NUMBER,
    tags::INSTANCE_NUMBER,
    tags::PATIENT_ORIENTATION,
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::FRAME_OF_REFERENCE_UID,
    tags::LATERALITY,
    tags::IMAGE_LATERALITY,
    tags::TEMPORAL_POSITION_IDENTIFIER,
    tags::STACK_ID,
    tags::IN_STACK_POSITION_NUMBER,
    tags::FRAME_LATERALITY,
    tags::TEMPORAL_POSITION_INDEX,
    tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME,
    tags::FRAME_ACQUISITION_NUMBER,
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
    tags::PIXEL_PADDING_VALUE,
    tags::PIXEL_PADDING_RANGE_LIMIT,
    tags::BURNED_IN_ANNOTATION,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::MODALITY_LUT_SEQUENCE,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    overlay_bit(0x0),
    overlay_bit(0x1),
    overlay_bit(0x2),
    overlay_bit(0x3),
    overlay_bit(0x4),
    overlay_bit(0x5),
    overlay_bit(0x6),
    overlay_bit(0x7),
    overlay_bit(0x8),
    overlay_bit(0x9),
    overlay_bit(0xa),
    overlay_bit(0xb),
    overlay_bit(0xc),
    overlay_bit(0xd),
    overlay_bit(0xe),
    overlay_bit(0xf),
];

/// Overlay Bit Position of one of sixteen overlays.
const fn overlay_bit(n: u16) -> Tag {
    Tag(0x6000 + 2 * n, 0x0102)
}

/// The attributes of one image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    /// Transfer Syntax UID: as stated, as assumed or as found.
    pub(crate) syntax: String,
    pub(crate) sop_class: String,
    /// Image Type, or that of the frame.
    pub(crate) image_type: Vec<String>,
    pub(crate) modality: String,
    /// SOP Instance UID.
    pub(crate) instance: Option<String>,
    pub(crate) study: Option<String>,
    pub(crate) series: Option<String>,
    pub(crate) series_number: Option<i64>,
    pub(crate) frame_of_reference: Option<String>,
    /// What may tell apart stacks that share a series: see [`Moment`].
    pub(crate) moment: Moment,
    /// Instance Number; of a frame without one its place in the file, from 1.
    pub(crate) instance_number: Option<i64>,
    pub(crate) position: Option<DVec3>,
    /// Direction cosines of a row and of a column.
    pub(crate) orientation: Option<[DVec3; 2]>,
    /// Distance of rows, then of columns, mm.
    pub(crate) pixel_spacing: Option<[f64; 2]>,
    pub(crate) thickness: Option<f64>,
    /// Spacing Between Slices as stated, mm.
    pub(crate) slice_distance: Option<f64>,
    /// Reconstruction Diameter, mm.
    pub(crate) diameter: Option<f64>,
    pub(crate) tilt: Option<f64>,
    pub(crate) kvp: Option<f64>,
    pub(crate) kernel: Option<String>,
    pub(crate) body_part: Option<String>,
    pub(crate) patient_position: Option<String>,
    pub(crate) laterality: Option<String>,
    /// Image Laterality of the image itself, apart from that of the series.
    pub(crate) image_laterality: Option<String>,
    /// Patient Orientation: where a row and a column lead, such as `L\\P`.
    pub(crate) orientation_words: Vec<String>,
    pub(crate) manufacturer: Option<String>,
    /// Burned In Annotation: `YES`, `NO` or not stated.
    pub(crate) burned_in: Option<String>,
    pub(crate) rows: i64,
    pub(crate) columns: i64,
    /// Frames of the file.
    pub(crate) frames: i64,
    pub(crate) samples: i64,
    pub(crate) photometric: String,
    pub(crate) allocated: i64,
    pub(crate) stored: i64,
    pub(crate) high: i64,
    /// Pixel Representation: 0 without a sign, 1 with one, −1 not stated.
    pub(crate) signed: i64,
    /// Bits of a pixel that are said to hold overlays.
    pub(crate) overlays: u32,
    pub(crate) slope: Option<f64>,
    pub(crate) intercept: Option<f64>,
    pub(crate) rescale_type: Option<String>,
    pub(crate) lossy: bool,
    pub(crate) modality_lut: bool,
    /// Stored value of pixels outside the reconstructed circle, with the sign of the pixels.
    pub(crate) padding: Option<i64>,
    /// End of the range of such values.
    pub(crate) padding_limit: Option<i64>,
    /// Numbers that place or unit rest on and that break the grammar: name, tag, value and what was expected.
    pub(crate) faults: Vec<String>,
    /// What a person should know.
    pub(crate) remarks: Vec<Remark>,
    /// Why the image must not be used although it can be read: an assumption contradicts it.
    pub(crate) refusal: Option<Box<DicomError>>,
    pub(crate) identity: Identity,
    /// True for one frame of an enhanced image, with its own place, time and rescale.
    pub(crate) of_frame: bool,
    /// First byte of the data set in the file.
    pub(crate) offset: usize,
    /// Checksum of the data set up to the pixels, by which a changed file is told.
    pub(crate) checksum: u64,
    pub(crate) pixels: Option<Pixels>,
}

/// What may tell apart stacks that share one series: which acquisition, echo, time, stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moment {
    pub(crate) acquisition: Option<i64>,
    /// Acquisition date and time as written.
    pub(crate) acquired: Option<String>,
    pub(crate) content_time: Option<String>,
    pub(crate) echo_number: Option<i64>,
    /// Echo Time, ms.
    pub(crate) echo_time: Option<f64>,
    /// Temporal Position Identifier.
    pub(crate) temporal: Option<i64>,
    /// Trigger Time, ms.
    pub(crate) trigger: Option<f64>,
    /// Diffusion b-value, s/mm².
    pub(crate) diffusion: Option<f64>,
    pub(crate) stack: Option<String>,
    pub(crate) in_stack: Option<i64>,
}

/// Attributes without which an image has no place or no unit: a malformed one is a fault, not a remark.
const ESSENTIAL: [Tag; 14] = [
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::SAMPLES_PER_PIXEL,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::PIXEL_SPACING,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::PIXEL_PADDING_VALUE,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
];

impl Header {
    /// Reads the attributes; what is malformed stays in `a`.
    pub(crate) fn read(a: &mut Values, syntax: &str, pixels: Option<Pixels>) -> Self {
        use Written::{Integer, Text};
        let image_type = match a.texts(tags::FRAME_TYPE) {
            none if none.is_empty() => a.texts(tags::IMAGE_TYPE),
            of_frame => of_frame,
        };
        let signed = a.integer(tags::PIXEL_REPRESENTATION, "Pixel Representation", Integer).unwrap_or(-1);
        Self {
            syntax: syntax.to_owned(),
            sop_class: a.text(tags::SOP_CLASS_UID).unwrap_or_default(),
            image_type,
            modality: a.text(tags::MODALITY).unwrap_or_default(),
            instance: a.text(tags::SOP_INSTANCE_UID),
            study: a.text(tags::STUDY_INSTANCE_UID),
            series: a.text(tags::SERIES_INSTANCE_UID),
            series_number: a.integer(tags::SERIES_NUMBER, "Series Number", Text),
            frame_of_reference: a.text(tags::FRAME_OF_REFERENCE_UID),
            moment: Moment::read(a),
            instance_number: a.integer(tags::INSTANCE_NUMBER, "Instance Number", Text),
            position: a
                .numbers::<3>(tags::IMAGE_POSITION_PATIENT, "Image Position (Patient)", Text)
                .map(DVec3::from_array),
            orientation: a
                .numbers::<6>(tags::IMAGE_ORIENTATION_PATIENT, "Image Orientation (Patient)", Text)
                .map(|n| [DVec3::new(n[0], n[1], n[2]), DVec3::new(n[3], n[4], n[5])]),
            pixel_spacing: a.numbers::<2>(tags::PIXEL_SPACING, "Pixel Spacing", Text),
            thickness: a.number(tags::SLICE_THICKNESS, "Slice Thickness", Text),
            slice_distance: a.number(tags::SPACING_BETWEEN_SLICES, "Spacing Between Slices", Text),
            diameter: a.number(tags::RECONSTRUCTION_DIAMETER, "Reconstruction Diameter", Text),
            tilt: a.number(tags::GANTRY_DETECTOR_TILT, "Gantry/Detector Tilt", Text),
            kvp: a.number(tags::KVP, "KVP", Text),
            // Some have several values, of which the later ones are grades of the first.
            kernel: Some(a.texts(tags::CONVOLUTION_KERNEL).join("\\")).filter(|kernel| !kernel.is_empty()),
            body_part: a.text(tags::BODY_PART_EXAMINED),
            patient_position: a.text(tags::PATIENT_POSITION),
            laterality: a.text(tags::LATERALITY),
            image_laterality: a.text(tags::FRAME_LATERALITY).or_else(|| a.text(tags::IMAGE_LATERALITY)),
            orientation_words: a.texts(tags::PATIENT_ORIENTATION),
            manufacturer: a.text(tags::MANUFACTURER),
            burned_in: a.text(tags::BURNED_IN_ANNOTATION),
            // Missing is 0 for sizes and −1 for depths, so that neither passes for a value.
            rows: a.integer(tags::ROWS, "Rows", Integer).unwrap_or(0),
            columns: a.integer(tags::COLUMNS, "Columns", Integer).unwrap_or(0),
            frames: a.integer(tags::NUMBER_OF_FRAMES, "Number Of Frames", Text).unwrap_or(1),
            samples: a.integer(tags::SAMPLES_PER_PIXEL, "Samples Per Pixel", Integer).unwrap_or(0),
            photometric: a.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default(),
            allocated: a.integer(tags::BITS_ALLOCATED, "Bits Allocated", Integer).unwrap_or(-1),
            stored: a.integer(tags::BITS_STORED, "Bits Stored", Integer).unwrap_or(-1),
            high: a.integer(tags::HIGH_BIT, "High Bit", Integer).unwrap_or(-1),
            signed,
            overlays: overlays(a),
            slope: a.number(tags::RESCALE_SLOPE, "Rescale Slope", Text),
            intercept: a.number(tags::RESCALE_INTERCEPT, "Rescale Intercept", Text),
            rescale_type: a.text(tags::RESCALE_TYPE),
            lossy: a.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01"),
            padding: stored(a, tags::PIXEL_PADDING_VALUE, "Pixel Padding Value", signed),
            padding_limit: stored(a, tags::PIXEL_PADDING_RANGE_LIMIT, "Pixel Padding Range Limit", signed),
            modality_lut: a.get(tags::MODALITY_LUT_SEQUENCE).is_some(),
            identity: Identity {
                name: a.foreign(tags::PATIENT_NAME),
                id: a.foreign(tags::PATIENT_ID),
                birth_date: a.text(tags::PATIENT_BIRTH_DATE).unwrap_or_default(),
                sex: a.text(tags::PATIENT_SEX).unwrap_or_default(),
                study_date: a.text(tags::STUDY_DATE).unwrap_or_default(),
                accession: a.foreign(tags::ACCESSION_NUMBER),
            },
            faults: Vec::new(),
            remarks: Vec::new(),
            refusal: None,
            of_frame: false,
            offset: 0,
            checksum: 0,
            pixels,
        }
    }

    /// Keeps what is malformed: as a fault where place or unit rest on it, else as a remark.
    pub(crate) fn keep(&mut self, malformed: Vec<Malformed>) {
        for Malformed { tag, text } in malformed {
            if ESSENTIAL.contains(&tag) {
                self.faults.push(text);
            } else {
                self.remarks.push(Remark::Malformed(text));
            }
        }
    }

    /// True for images of several frames that were not taken apart into frames with a place each.
    pub(crate) fn is_multi_frame(&self) -> bool {
        let enhanced = [
            uids::ENHANCED_CT_IMAGE_STORAGE,
            uids::ENHANCED_MR_IMAGE_STORAGE,
            uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
            uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE,
        ];
        !self.of_frame && (self.frames != 1 || enhanced.contains(&self.sop_class.as_str()))
    }
}

impl Moment {
    fn read(a: &mut Values) -> Self {
        use Written::{Double, Integer, Text};
        let acquired = a.text(tags::FRAME_ACQUISITION_DATE_TIME);
        let acquired = acquired.or_else(|| a.text(tags::ACQUISITION_DATE_TIME)).or_else(|| {
            let date = a.text(tags::ACQUISITION_DATE).unwrap_or_default();
            a.text(tags::ACQUISITION_TIME).map(|time| date + &time)
        });
        Self {
            acquisition: a
                .integer(tags::FRAME_ACQUISITION_NUMBER, "Frame Acquisition Number", Integer)
                .or_else(|| a.integer(tags::ACQUISITION_NUMBER, "Acquisition Number", Text)),
            acquired,
            content_time: a.text(tags::CONTENT_TIME),
            // Some have several numbers here, one for each echo that was averaged.
            echo_number: a.text(tags::ECHO_NUMBERS).and_then(|text| text.parse().ok()),
            echo_time: a
                .number(tags::EFFECTIVE_ECHO_TIME, "Effective Echo Time", Double)
                .or_else(|| a.number(tags::ECHO_TIME, "Echo Time", Text)),
            temporal: a.integer(tags::TEMPORAL_POSITION_INDEX, "Temporal Position Index", Integer).or_else(
                || a.integer(tags::TEMPORAL_POSITION_IDENTIFIER, "Temporal Position Identifier", Text),
            ),
            trigger: a
                .number(
                    tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME,
                    "Nominal Cardiac Trigger Delay Time",
                    Double,
                )
                .or_else(|| a.number(tags::TRIGGER_TIME, "Trigger Time", Text)),
            diffusion: a.number(tags::DIFFUSION_B_VALUE, "Diffusion b-value", Double),
            stack: a.text(tags::STACK_ID),
            in_stack: a.integer(tags::IN_STACK_POSITION_NUMBER, "In-Stack Position Number", Integer),
        }
    }
}

/// The bits of a pixel that hold overlays (PS3.3 C.9.2).
fn overlays(a: &mut Values) -> u32 {
    let bits = (0..16).filter_map(|n| a.integer(overlay_bit(n), "Overlay Bit Position", Written::Integer));
    bits.filter(|bit| (0..32).contains(bit)).fold(0, |mask, bit| mask | 1 << bit)
}

/// A stored value, whose sign is that of the pixels whatever its own representation says.
fn stored(a: &mut Values, tag: Tag, name: &str, signed: i64) -> Option<i64> {
    let raw = a.get(tag)?;
    let number = a.integer(tag, name, Written::Integer)?;
    // Of pixels of two bytes; longer ones are written with their own sign.
    match (raw.bytes.len(), signed) {
        (2, 1) => Some(i64::from(number as u16 as i16)),
        (2, 0) => Some(i64::from(number as u16)),
        _ => Some(number),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_of_wanted_attributes_is_sorted_for_searching() {
        assert!(super::WANTED.is_sorted());
    }
}
