//! Stored pixels of one slice to the samples of a volume.
//!
//! [`check`] looks at the header alone; [`decode`] finds the pixels of a frame, unpacks them and hands their
//! cells to `convert`, which takes the value's bits and rescales. Reading order: this file;
//! `encapsulated` – which bytes belong to which frame; `rle`; `lut`; `depth` – do the values of a codec
//! fit; `order` – are bytes exchanged; `stray` – are there bits beside the value; `convert`.

mod convert;
mod depth;
pub(super) mod encapsulated;
mod lut;
mod order;
mod rle;
mod stray;

pub(super) use convert::{Kept, Sample};

use super::error::DicomError;
use super::header::Header;
use super::header::syntax::{self, Layout, Packing};
use crate::budget::Exceeded;
use crate::{jpeg, jpeg_ls, jpeg2000};
use convert::{Cells, Convert, Order};
use dicom_dictionary_std::tags;
pub(super) use lut::Lut;

/// Most pixels of a slice. Chosen: twice a slice of micro-CT of 4096 × 4096, so that what a thread needs to
/// decode one stays below 256 MB.
const MOST_PIXELS: u64 = 1 << 25;

/// Refuses a header whose pixels are of a kind that is not read, or whose units are not known.
pub(super) fn check(file: &str, header: &Header) -> Result<(), DicomError> {
    let file = file.to_owned();
    if let Some(fault) = header.faults.first() {
        return Err(DicomError::Invalid { file, fault: fault.clone() });
    }
    let format = |what: String| Err(DicomError::PixelFormat { file: file.clone(), what });
    if header.samples != 1 || !matches!(header.photometric.as_str(), "MONOCHROME1" | "MONOCHROME2") {
        return format(format!(
            "{} samples a pixel (0028,0002) of the kind {} (0028,0004)",
            header.samples,
            if header.photometric.is_empty() { "not stated" } else { &header.photometric }
        ));
    }
    let (_, packing) = syntax::of(&header.syntax);
    if packing == Packing::Other {
        let (name, uid) = (syntax::name(&header.syntax), header.syntax.clone());
        return Err(DicomError::TransferSyntax { file, name, uid });
    }
    match (real(header), packing) {
        (Some(width), Packing::Native) if header.allocated == 8 * width as i64 => {}
        (Some(_), _) => {
            return format(format!("floating-point pixels of {} bits (0028,0100)", header.allocated));
        }
        (None, _) => depths(&file, header, packing)?,
    }
    if let Some(length) =
        header.pixels.and_then(|pixels| pixels.length).filter(|_| packing == Packing::Native)
    {
        check_length(header, length).map_err(|what| DicomError::Damaged { file: file.clone(), what })?;
    }
    let pixels = u64::try_from(header.rows.saturating_mul(header.columns)).unwrap_or(u64::MAX);
    if pixels > MOST_PIXELS {
        let source = Exceeded { what: "pixels of a slice", asked: pixels, limit: MOST_PIXELS };
        return Err(DicomError::Exceeded { file, source });
    }
    rescale(&file, header)
}

/// Refuses whole numbers whose bits are missing, make no sense, or are more than are read.
fn depths(file: &str, header: &Header, packing: Packing) -> Result<(), DicomError> {
    let Header { allocated, stored, high, signed, .. } = *header;
    let stated = [
        (allocated, "Bits Allocated (0028,0100)"),
        (stored, "Bits Stored (0028,0101)"),
        (high, "High Bit (0028,0102)"),
        (signed, "Pixel Representation (0028,0103)"),
    ];
    let file = || file.to_owned();
    if let Some(&(_, attribute)) = stated.iter().find(|&&(value, _)| value < 0) {
        return Err(DicomError::Missing { file: file(), attribute });
    }
    let invalid = |fault: String| Err(DicomError::Invalid { file: file(), fault });
    let format = |what: String| Err(DicomError::PixelFormat { file: file(), what });
    if allocated == 0 {
        return invalid("Bits Allocated (0028,0100) is 0, and a pixel takes at least one bit".to_owned());
    }
    if !matches!(allocated, 8 | 16 | 32) {
        return format(format!("pixels of {allocated} bits by Bits Allocated (0028,0100)"));
    }
    if !(1..=allocated).contains(&stored) {
        return invalid(format!(
            "Bits Stored (0028,0101) is {stored}, and must be 1 to {allocated}, which is Bits Allocated (0028,0100)"
        ));
    }
    if !(stored - 1..allocated).contains(&high) {
        return invalid(format!(
            "High Bit (0028,0102) is {high}, and must be {} to {} for {stored} bits stored (0028,0101) of {allocated}",
            stored - 1,
            allocated - 1
        ));
    }
    if signed > 1 {
        return invalid(format!(
            "Pixel Representation (0028,0103) is {signed}, and must be 0 (without a sign) or 1 (with a sign)"
        ));
    }
    // Codecs know no bits below the value, and none of them makes more than 16 but JPEG 2000.
    let coded = !matches!(packing, Packing::Native | Packing::Rle);
    if coded && high != stored - 1 {
        return format(format!(
            "compressed pixels with High Bit (0028,0102) {high} for Bits Stored (0028,0101) {stored}"
        ));
    }
    if coded && allocated == 32 && packing != Packing::Jpeg2000 {
        return format(format!("pixels of 32 bits (0028,0100) in {}", syntax::name(&header.syntax)));
    }
    Ok(())
}

/// Bytes of a pixel where pixels are floating-point numbers.
fn real(header: &Header) -> Option<usize> {
    match header.pixels?.tag {
        tags::FLOAT_PIXEL_DATA => Some(4),
        tags::DOUBLE_FLOAT_PIXEL_DATA => Some(8),
        _ => None,
    }
}

/// Slopes that are believed. Chosen: CT has 0.1 to 10, MR and PET fit theirs to 16 bits; with less or more every value
/// is nothing or beyond what any scanner measures.
const SLOPES: [f64; 2] = [1e-6, 1e4];
/// Largest intercept that is believed, either way. Chosen: far more than 16 bits hold.
const MOST_INTERCEPT: f64 = 1e6;

/// Refuses a rescale that does not give Hounsfield units, or none at all.
fn rescale(file: &str, header: &Header) -> Result<(), DicomError> {
    let refuse = |what: &str| Err(DicomError::Rescale { file: file.to_owned(), what: what.to_owned() });
    match (header.slope, header.intercept) {
        (Some(_), _) | (_, Some(_)) if header.modality_lut => refuse(
            "both a Modality LUT (0028,3000) and a Rescale Slope or Intercept (0028,1053), (0028,1052) are given",
        ),
        _ if header.modality_lut => Ok(()),
        (Some(slope), _) if !(SLOPES[0]..=SLOPES[1]).contains(&slope.abs()) => refuse(&format!(
            "Rescale Slope (0028,1053) is {}, and must be {:e} to {:e} to mean anything",
            plain(slope),
            SLOPES[0],
            SLOPES[1]
        )),
        (_, Some(intercept)) if !(-MOST_INTERCEPT..=MOST_INTERCEPT).contains(&intercept) => refuse(&format!(
            "Rescale Intercept (0028,1052) is {}, and must be {:e} to {MOST_INTERCEPT:e} to mean anything",
            plain(intercept),
            -MOST_INTERCEPT
        )),
        (Some(_), Some(_)) => Ok(()),
        (None, None) if header.modality != "CT" => Ok(()),
        (None, None) => refuse("no Rescale Slope (0028,1053) and no Rescale Intercept (0028,1052)"),
        (None, _) => refuse("no Rescale Slope (0028,1053)"),
        (_, None) => refuse("no Rescale Intercept (0028,1052)"),
    }
}

/// A number in few characters, however large or small it is.
fn plain(number: f64) -> String {
    let usual = number == 0.0 || (1e-4..1e7).contains(&number.abs());
    if usual { number.to_string() } else { format!("{number:e}") }
}

/// True where samples are exact only if they are not rounded: whole numbers without a fractional rescale.
pub(super) fn is_whole(header: &Header) -> bool {
    let whole = |n: Option<f64>| n.is_none_or(|n| n.fract() == 0.0);
    real(header).is_none() && whole(header.slope) && whole(header.intercept)
}

/// Buffers that a thread uses again from slice to slice.
#[derive(Default)]
pub(super) struct Scratch {
    words: Vec<u16>,
    wide: Vec<i32>,
    planes: Vec<u8>,
}

/// The bytes of one frame.
#[derive(Clone, Copy)]
pub(super) enum Stored<'a> {
    /// Exactly as long as its cells.
    Native(&'a [u8]),
    /// The stream of a codec.
    Packed(&'a [u8]),
}

/// What is to be told about a slice once its pixels are decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decoded {
    /// What became of the values.
    pub(super) kept: Kept,
    /// Largest error that near-lossless compression has left in a stored value.
    pub(super) near: u32,
    /// The pixels went through a transform that loses something.
    pub(super) lossy: bool,
    /// The codec's stream and the header disagree about the sign, and the header was followed.
    pub(super) resigned: bool,
}

/// How long the native pixels of one frame are, in bytes.
pub(super) fn frame_bytes(header: &Header) -> usize {
    let width = real(header).unwrap_or((header.allocated / 8) as usize);
    // A side has 16 bits.
    (header.rows as usize) * (header.columns as usize) * width
}

/// Checks that native pixels are as long as their frames.
///
/// One byte may be added to make the length even. More is refused even if it is all zero: zero is a pixel,
/// too, and the rows, columns or frames may be the ones that are wrong.
pub(super) fn check_length(header: &Header, length: usize) -> Result<(), String> {
    let expected = frame_bytes(header) as u128 * header.frames.max(0) as u128;
    if length as u128 == expected || (expected % 2 == 1 && length as u128 == expected + 1) {
        return Ok(());
    }
    let Header { rows, columns, frames, allocated, .. } = *header;
    Err(format!(
        "its pixels have {length} bytes instead of {expected} for {frames} × {rows} × {columns} pixels of \
         {allocated} bits"
    ))
}

/// How the bytes of a number, and those of a word, are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    order: Order,
    /// The string of bytes is one of words, whose bytes are exchanged.
    pub(super) swapped: bool,
}

impl Written {
    /// For a data set in `layout`; `words` where the pixels are written as words (OW).
    pub(super) fn new(layout: Layout, words: Words) -> Self {
        let big = layout == Layout::ExplicitBig;
        let order = if big { Order::Big } else { Order::Little };
        Self { order, swapped: big && words == Words::Yes }
    }
}

/// Whether pixels are a string of words (OW) or of bytes (OB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// OW.
    Yes,
    /// OB.
    No,
}

/// What is between a file and the pixels of an image.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    /// How numbers are written.
    pub(super) written: Written,
    /// The Modality LUT, if there is one.
    pub(super) lut: Option<Lut>,
    /// A ratio or a method of lossy compression is stated.
    pub(super) lossy: bool,
}

/// Decodes the pixels of a checked image into `out`, which has one place for each.
pub(super) fn decode<T: Sample>(
    (file, header): (&str, &Header),
    stored: Stored,
    Notes { written, lut, lossy: said }: Notes,
    scratch: &mut Scratch,
    out: &mut [T],
) -> Result<Decoded, DicomError> {
    let damaged = |what: String| DicomError::Damaged { file: file.to_owned(), what };
    let convert = Convert::new(header, lut);
    let mut told = Told::default();
    let cells = match (stored, syntax::of(&header.syntax).1) {
        (Stored::Native(bytes), Packing::Native) => native(header, bytes, written),
        (Stored::Packed(stream), Packing::Rle) => {
            let width = (header.allocated / 8) as usize;
            rle::unpack(stream, out.len(), width, &mut scratch.planes).map_err(damaged)?;
            planes(&scratch.planes, out.len(), width)
        }
        (Stored::Packed(stream), Packing::Jpeg | Packing::JpegLs) => {
            told = words(file, header, stream, &mut scratch.words)?;
            Cells::Words16(&scratch.words)
        }
        (Stored::Packed(stream), Packing::Jpeg2000) => {
            told = wavelet(file, header, stream, &mut scratch.wide)?;
            Cells::Words32(&scratch.wide)
        }
        _ => return Err(damaged("its pixels are not kept as its transfer syntax says".to_owned())),
    };
    order::check(&cells, header.columns as usize).map_err(damaged)?;
    stray::check(&cells, header).map_err(|fault| DicomError::Invalid { file: file.to_owned(), fault })?;
    let kept = convert.fill(cells, out);
    let Told { near, lossy, resigned } = told;
    Ok(Decoded { kept, near, lossy: lossy || said, resigned })
}

fn native<'a>(header: &Header, bytes: &'a [u8], written: Written) -> Cells<'a> {
    match (real(header), header.allocated, written.order) {
        (Some(4), _, order) => Cells::Real32(bytes, order),
        (Some(_), _, order) => Cells::Real64(bytes, order),
        (None, 8, _) => Cells::Bytes(bytes),
        (None, 16, Order::Little) => Cells::Little16(bytes),
        (None, 16, Order::Big) => Cells::Big16(bytes),
        (None, _, Order::Little) => Cells::Little32(bytes),
        (None, _, Order::Big) => Cells::Big32(bytes),
    }
}

fn planes(planes: &[u8], area: usize, width: usize) -> Cells<'_> {
    match width {
        1 => Cells::Bytes(planes),
        2 => Cells::Planes16(&planes[..area], &planes[area..]),
        _ => Cells::Planes32(planes),
    }
}

#[derive(Default)]
struct Told {
    near: u32,
    lossy: bool,
    resigned: bool,
}

/// What a codec's stream says of its image.
struct Stream {
    size: [usize; 2],
    components: usize,
    bits: u32,
}

/// Refuses a stream whose image is not the one of the header, before anything is decoded.
fn agrees(header: &Header, stream: &Stream, codec: &str) -> Result<(), String> {
    let [width, height] = stream.size;
    if (width as i64, height as i64) != (header.columns, header.rows) {
        return Err(format!(
            "its {codec} stream is {width} × {height}, its header says Columns (0028,0011) {} and Rows \
             (0028,0010) {}",
            header.columns, header.rows
        ));
    }
    if stream.components != 1 {
        return Err(format!("its {codec} stream has {} colours, its header says one", stream.components));
    }
    // Fewer bits than stated would leave the sign of a negative value unknown.
    let bits = i64::from(stream.bits);
    if bits > header.allocated || (header.signed == 1 && bits < header.stored) {
        return Err(format!(
            "its {codec} stream has {bits} bits a sample, its header says Bits Stored (0028,0101) {} of {}",
            header.stored, header.allocated
        ));
    }
    Ok(())
}

/// JPEG and JPEG-LS.
fn words(file: &str, header: &Header, stream: &[u8], words: &mut Vec<u16>) -> Result<Told, DicomError> {
    let file = || file.to_owned();
    let damaged = |what: String| DicomError::Damaged { file: file(), what };
    if syntax::of(&header.syntax).1 == Packing::JpegLs {
        let wrong = |source| DicomError::JpegLs { file: file(), source };
        let image = jpeg_ls::header(stream).map_err(wrong)?;
        let said =
            Stream { size: [image.width, image.height], components: image.components, bits: image.bits };
        agrees(header, &said, "JPEG-LS").map_err(damaged)?;
        words.resize(image.samples(), 0);
        jpeg_ls::decode_into(stream, words).map_err(wrong)?;
        depth::words(header, image.bits, words).map_err(damaged)?;
        return Ok(Told { near: image.near, ..Told::default() });
    }
    let wrong = |source| DicomError::Jpeg { file: file(), source };
    let image = jpeg::header(stream).map_err(wrong)?;
    let said = Stream { size: [image.width, image.height], components: image.components, bits: image.bits };
    agrees(header, &said, "JPEG").map_err(damaged)?;
    words.resize(image.samples(), 0);
    jpeg::decode_into(stream, words).map_err(wrong)?;
    depth::words(header, image.bits, words).map_err(damaged)?;
    let lossy = image.process != jpeg::Process::Lossless || jpeg::left_out(stream).map_err(wrong)? > 0;
    Ok(Told { lossy, ..Told::default() })
}

/// JPEG 2000, whose samples have a sign of their own.
fn wavelet(file: &str, header: &Header, stream: &[u8], wide: &mut Vec<i32>) -> Result<Told, DicomError> {
    let damaged = |what: String| DicomError::Damaged { file: file.to_owned(), what };
    let wrong = |source| DicomError::Jpeg2000 { file: file.to_owned(), source };
    let image = jpeg2000::header(stream).map_err(wrong)?;
    let said = Stream { size: [image.width, image.height], components: image.components, bits: image.bits };
    agrees(header, &said, "JPEG 2000").map_err(damaged)?;
    let resigned = image.signed != (header.signed == 1);
    // The bits are read again as the header says, which needs the top one to be the same bit.
    if resigned && i64::from(image.bits) != header.stored {
        return Err(damaged(format!(
            "its JPEG 2000 stream has {} {} bits a sample, its header says Bits Stored (0028,0101) {} in Pixel \
             Representation (0028,0103) {}",
            image.bits,
            if image.signed { "signed" } else { "unsigned" },
            header.stored,
            header.signed
        )));
    }
    wide.resize(image.samples(), 0);
    jpeg2000::decode_into(stream, wide).map_err(wrong)?;
    depth::wide(header, image.signed, wide).map_err(damaged)?;
    Ok(Told { lossy: !image.reversible, resigned, near: 0 })
}
