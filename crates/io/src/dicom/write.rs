//! Phantoms as CT series that other readers accept. Makes bytes; the caller puts them where they belong.
//!
//! The same volume, description and encoding give the same bytes: identifiers are derived by SHA-256, date
//! and time are fixed, and the patient is called `PHANTOM^OSTEON`.

use crate::jpeg_ls::{self, Grey, JpegLsError};
use dicom_core::value::{C, PixelFragmentSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::mem::InMemElement;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use glam::DVec3;
use osteon_core::{ErrorKind, Explain, Side, Volume};
use sha2::{Digest, Sha256};

/// How pixels are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are: explicit VR, little endian.
    ExplicitLittle,
    /// JPEG-LS, lossless.
    JpegLs,
}

/// What a series says about itself besides its pixels and their place.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesMeta {
    /// Text that study and frame of reference are derived from: series with the same seed share both.
    pub seed: String,
    /// Series Number.
    pub number: u32,
    /// Convolution Kernel.
    pub kernel: String,
    /// Tube voltage, kV.
    pub kvp: f64,
    /// Slice Thickness, mm; `None` for the distance of the slices.
    pub slice_thickness: Option<f64>,
    /// Body Part Examined, in capitals as DICOM lists them, such as `LSPINE`.
    pub body_part: String,
    /// Laterality of a paired body part.
    pub side: Option<Side>,
}

impl SeriesMeta {
    /// Series 1 at 120 kV, kernel `BONE`, of an unstated body part.
    pub fn new(seed: &str) -> Self {
        Self {
            seed: seed.to_owned(),
            number: 1,
            kernel: "BONE".to_owned(),
            kvp: 120.0,
            slice_thickness: None,
            body_part: String::new(),
            side: None,
        }
    }
}

/// A file to be: name without folder, and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DicomFile {
    /// `CT000001.dcm` and so on.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Why a volume cannot be written as a CT series.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// DICOM cannot say where such a slice is.
    #[error("rows and columns of a slice meet at {0:.3}°, DICOM slices have right angles")]
    Oblique(f64),
    /// DICOM slices have at most 65535 rows and columns.
    #[error("slices of {0} × {1} voxels are too large for DICOM")]
    Size(usize, usize),
    /// The pixels could not be compressed.
    #[error(transparent)]
    JpegLs(#[from] JpegLsError),
    /// The data set could not be encoded.
    #[error("the DICOM data set cannot be encoded: {0}")]
    Encode(String),
}

impl Explain for WriteError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Encode(_) => ErrorKind::Input,
            _ => ErrorKind::Unsupported,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Oblique(_) => "dicom-oblique-slice",
            Self::Size(..) => "dicom-slice-size",
            Self::JpegLs(error) => error.code(),
            Self::Encode(_) => "dicom-encode",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Oblique(_) => {
                "resample the volume to a grid whose rows and columns meet at right angles".to_owned()
            }
            Self::Size(..) => "crop the volume".to_owned(),
            Self::JpegLs(error) => error.help(),
            Self::Encode(_) => {
                "use plain capital letters, digits and spaces in kernel and body part".to_owned()
            }
        }
    }
}

/// Rows and columns may miss a right angle by this much (cosine): six-digit direction cosines do.
const SQUARE: f64 = 1e-5;

/// A series ready to be written, slice by slice.
#[derive(Debug)]
pub struct SeriesFiles<'a> {
    volume: &'a Volume<i16>,
    meta: &'a SeriesMeta,
    encoding: Encoding,
    /// Digest of description and content, from which identifiers are derived.
    digest: [u8; 32],
    /// Bits of a stored value, and what is added to it to get Hounsfield units.
    bits: u16,
    intercept: i32,
    /// Directions of rows and columns.
    axes: [DVec3; 2],
    /// Angle between stacking direction and normal, degrees.
    tilt: f64,
}

/// Prepares a CT series: one file a slice, placed by the grid, which may be rotated and sheared.
///
/// Values −1024 to 3071 are stored in 12 bits, others in 16; rescaled they are the volume's samples, in HU.
///
/// # Errors
/// [`WriteError::Oblique`] and [`WriteError::Size`] for grids that DICOM slices cannot have.
pub fn write_series<'a>(
    volume: &'a Volume<i16>,
    meta: &'a SeriesMeta,
    encoding: Encoding,
) -> Result<SeriesFiles<'a>, WriteError> {
    let [nx, ny, _] = volume.grid().dims();
    if nx.max(ny) > 65_535 {
        return Err(WriteError::Size(nx, ny));
    }
    let linear = volume.grid().to_patient().linear;
    let axes = [linear.x_axis, linear.y_axis].map(DVec3::normalize_or_zero);
    let cosine = axes[0].dot(axes[1]);
    if cosine.abs() > SQUARE {
        return Err(WriteError::Oblique(libm::acos(cosine).to_degrees()));
    }
    let normal = axes[0].cross(axes[1]);
    let ahead = linear.z_axis.dot(normal);
    let aside = (linear.z_axis - normal * ahead).length();
    let tilt = libm::atan2(aside, ahead.abs()).to_degrees();
    let (low, high) =
        volume.samples().iter().fold((i16::MAX, i16::MIN), |(low, high), &s| (low.min(s), high.max(s)));
    let (bits, intercept) = if low >= -1024 && high <= 3071 { (12, -1024) } else { (16, -32_768) };
    let digest = digest(volume, meta);
    Ok(SeriesFiles { volume, meta, encoding, digest, bits, intercept, axes, tilt })
}

fn digest(volume: &Volume<i16>, meta: &SeriesMeta) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(meta.seed.as_bytes());
    hasher.update(meta.number.to_le_bytes());
    let map = volume.grid().to_patient();
    for number in map.linear.to_cols_array().into_iter().chain(map.offset.to_array()) {
        hasher.update(number.to_le_bytes());
    }
    for z in 0..volume.grid().dims()[2] {
        let bytes: Vec<u8> = volume.slice(z).iter().flat_map(|s| s.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finalize().into()
}

impl SeriesFiles<'_> {
    /// Number of files: one a slice.
    pub fn len(&self) -> usize {
        self.volume.grid().dims()[2]
    }

    /// Never true: a volume has at least one slice.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All files, in order of the volume's slices.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<DicomFile, WriteError>> {
        (0..self.len()).map(|z| self.file(z))
    }

    /// The file of slice `z`.
    ///
    /// # Errors
    /// [`WriteError::JpegLs`] and [`WriteError::Encode`]; neither is expected from a prepared series.
    pub fn file(&self, z: usize) -> Result<DicomFile, WriteError> {
        let instance = uid(&[&self.digest, &(z as u64).to_le_bytes()]);
        let mut object = InMemDicomObject::new_empty();
        let elements = [self.context(), self.acquisition(), self.place(z), self.image(z, &instance)];
        for element in elements.into_iter().flatten() {
            object.put(element);
        }
        object.put(self.pixels(z)?);
        let syntax = match self.encoding {
            Encoding::ExplicitLittle => uids::EXPLICIT_VR_LITTLE_ENDIAN,
            Encoding::JpegLs => uids::JPEGLS_LOSSLESS,
        };
        let meta = FileMetaTableBuilder::new()
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid(instance)
            .transfer_syntax(syntax)
            .implementation_class_uid(uid(&[b"osteon implementation"]))
            .implementation_version_name("OSTEON");
        let encode = |error: &dyn std::error::Error| WriteError::Encode(error.to_string());
        let file = object.with_meta(meta).map_err(|e| encode(&e))?;
        let mut bytes = Vec::new();
        file.write_all(&mut bytes).map_err(|e| encode(&e))?;
        Ok(DicomFile { name: format!("CT{:06}.dcm", z + 1), bytes })
    }

    /// Patient, study, series, equipment.
    fn context(&self) -> Vec<InMemElement> {
        let seed = self.meta.seed.as_bytes();
        let side = self.meta.side.map(|side| {
            let letter = if side == Side::Left { "L" } else { "R" };
            text(tags::LATERALITY, VR::CS, letter)
        });
        let mut elements = vec![
            text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100"),
            text(tags::PATIENT_NAME, VR::PN, "PHANTOM^OSTEON"),
            text(tags::PATIENT_ID, VR::LO, "PHANTOM"),
            text(tags::PATIENT_BIRTH_DATE, VR::DA, ""),
            text(tags::PATIENT_SEX, VR::CS, "O"),
            text(tags::STUDY_INSTANCE_UID, VR::UI, &uid(&[b"study", seed])),
            text(tags::STUDY_DATE, VR::DA, DATE),
            text(tags::STUDY_TIME, VR::TM, TIME),
            text(tags::STUDY_ID, VR::SH, "1"),
            text(tags::ACCESSION_NUMBER, VR::SH, ""),
            text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, ""),
            text(tags::SERIES_INSTANCE_UID, VR::UI, &uid(&[b"series", &self.digest])),
            text(tags::SERIES_NUMBER, VR::IS, &self.meta.number.to_string()),
            text(tags::MODALITY, VR::CS, "CT"),
            text(tags::BODY_PART_EXAMINED, VR::CS, &self.meta.body_part),
            text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &uid(&[b"frame", seed])),
            text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, ""),
            text(tags::MANUFACTURER, VR::LO, "Osteon"),
            text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "Phantom"),
        ];
        elements.extend(side);
        elements
    }

    /// How it was "taken".
    fn acquisition(&self) -> Vec<InMemElement> {
        vec![
            text(tags::ACQUISITION_NUMBER, VR::IS, "1"),
            text(tags::ACQUISITION_DATE, VR::DA, DATE),
            text(tags::ACQUISITION_TIME, VR::TM, TIME),
            text(tags::KVP, VR::DS, &decimal(self.meta.kvp)),
            text(tags::CONVOLUTION_KERNEL, VR::SH, &self.meta.kernel),
            text(tags::PATIENT_POSITION, VR::CS, "HFS"),
            text(tags::GANTRY_DETECTOR_TILT, VR::DS, &decimal(self.tilt)),
        ]
    }

    /// Where the slice is.
    fn place(&self, z: usize) -> Vec<InMemElement> {
        let grid = self.volume.grid();
        let spacing = grid.spacing();
        // Distance of neighbouring slices is measured along the normal, whatever the tilt.
        let normal = self.axes[0].cross(self.axes[1]);
        let apart = grid.to_patient().linear.z_axis.dot(normal).abs();
        let thickness = self.meta.slice_thickness.unwrap_or(apart);
        let origin = grid.place(0, 0, z).to_array();
        let axes = [self.axes[0].to_array(), self.axes[1].to_array()].concat();
        vec![
            text(tags::SLICE_THICKNESS, VR::DS, &decimal(thickness)),
            text(tags::SPACING_BETWEEN_SLICES, VR::DS, &decimal(apart)),
            texts(tags::IMAGE_POSITION_PATIENT, VR::DS, origin.map(decimal).to_vec()),
            texts(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, axes.into_iter().map(decimal).collect()),
            // The distance of rows comes first.
            texts(tags::PIXEL_SPACING, VR::DS, vec![decimal(spacing.y), decimal(spacing.x)]),
        ]
    }

    /// The image and its pixels' description.
    fn image(&self, z: usize, instance: &str) -> Vec<InMemElement> {
        let [columns, rows, _] = self.volume.grid().dims();
        let number = |tag, n: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(n));
        let kinds = ["ORIGINAL", "PRIMARY", "AXIAL"].map(str::to_owned).to_vec();
        vec![
            text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            text(tags::SOP_INSTANCE_UID, VR::UI, instance),
            text(tags::INSTANCE_NUMBER, VR::IS, &(z + 1).to_string()),
            text(tags::CONTENT_DATE, VR::DA, DATE),
            text(tags::CONTENT_TIME, VR::TM, TIME),
            texts(tags::IMAGE_TYPE, VR::CS, kinds),
            number(tags::SAMPLES_PER_PIXEL, 1),
            text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            number(tags::ROWS, rows as u16),
            number(tags::COLUMNS, columns as u16),
            number(tags::BITS_ALLOCATED, 16),
            number(tags::BITS_STORED, self.bits),
            number(tags::HIGH_BIT, self.bits - 1),
            number(tags::PIXEL_REPRESENTATION, 0),
            text(tags::RESCALE_INTERCEPT, VR::DS, &self.intercept.to_string()),
            text(tags::RESCALE_SLOPE, VR::DS, "1"),
            text(tags::RESCALE_TYPE, VR::LO, "HU"),
            text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO"),
            text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00"),
        ]
    }

    fn pixels(&self, z: usize) -> Result<InMemElement, WriteError> {
        let [width, height, _] = self.volume.grid().dims();
        let stored: Vec<u16> =
            self.volume.slice(z).iter().map(|&hu| (i32::from(hu) - self.intercept) as u16).collect();
        if self.encoding == Encoding::ExplicitLittle {
            let values = PrimitiveValue::U16(C::from_vec(stored));
            return Ok(DataElement::new(tags::PIXEL_DATA, VR::OW, values));
        }
        let grey = Grey { width, height, bits: u32::from(self.bits), samples: &stored };
        let mut stream = jpeg_ls::encode(&grey)?;
        if stream.len() % 2 == 1 {
            stream.push(0);
        }
        let fragments = PixelFragmentSequence::new_fragments(vec![stream]);
        Ok(DataElement::new(tags::PIXEL_DATA, VR::OB, Value::PixelSequence(fragments)))
    }
}

/// Phantoms are taken at no particular time.
const DATE: &str = "20000101";
const TIME: &str = "000000";

fn text(tag: Tag, vr: VR, text: &str) -> InMemElement {
    let value = if text.is_empty() { PrimitiveValue::Empty } else { PrimitiveValue::from(text) };
    DataElement::new(tag, vr, value)
}

fn texts(tag: Tag, vr: VR, texts: Vec<String>) -> InMemElement {
    DataElement::new(tag, vr, PrimitiveValue::Strs(C::from_vec(texts)))
}

/// A number in at most 16 characters, the length of a Decimal String, with as many digits as they take.
fn decimal(number: f64) -> String {
    for digits in (0..=14).rev() {
        let text = format!("{number:.digits$}");
        let text = match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => &text,
        };
        if text.len() <= 16 {
            return if text == "-0" { "0".to_owned() } else { text.to_owned() };
        }
    }
    format!("{number:.9E}")
}

/// A UID below 2.25, which stands for a 128-bit number in decimal: here a UUID of version 8.
fn uid(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_string_is_short_and_exact_to_a_nanometre() {
        let numbers =
            [0.0, -0.0, 1.0, -1024.0, 0.78125, -123.456_789_012_345_67, 1e-17, -0.999_999_999_999_9];
        for number in numbers.into_iter().chain([1.0 / 3.0, -2_345.678_901_234_567]) {
            let text = decimal(number);
            assert!(text.len() <= 16, "{text}");
            assert!((text.parse::<f64>().unwrap() - number).abs() < 1e-9, "{text}");
        }
        assert_eq!(decimal(-0.0), "0");
        assert_eq!(decimal(-120.0), "-120");
    }

    #[test]
    fn identifiers_are_short_enough_and_differ() {
        let a = uid(&[b"study", b"a"]);
        assert!(a.len() <= 64 && a.starts_with("2.25."));
        assert_ne!(a, uid(&[b"study", b"b"]));
        assert_ne!(uid(&[b"ab", b"c"]), uid(&[b"a", b"bc"]));
    }
}
