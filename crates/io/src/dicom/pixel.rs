//! Stored values of one slice to the samples of a volume.

use super::element::{self, Fault};
use super::error::DicomError;
use super::header::{Header, Parsed};
use super::syntax::{self, Layout, Packing};
use crate::jpeg_ls::{self, JpegLsError};
use dicom_dictionary_std::tags;
use std::borrow::Cow;

/// Refuses a header whose pixels are of a kind that is not read, or whose units are not known.
pub(super) fn check(file: &str, header: &Header) -> Result<(), DicomError> {
    let file = file.to_owned();
    if let Some(fault) = header.faults.first() {
        return Err(DicomError::Invalid { file, fault: fault.clone() });
    }
    if header.is_multi_frame() {
        return Err(DicomError::MultiFrame { file, frames: header.frames });
    }
    let format = |what: String| Err(DicomError::PixelFormat { file: file.clone(), what });
    if header.modality_lut {
        return format("a Modality LUT (0028,3000)".to_owned());
    }
    if header.pixels.is_some_and(|p| p.tag != tags::PIXEL_DATA) {
        return format("floating-point pixels".to_owned());
    }
    if header.samples != 1 || header.photometric != "MONOCHROME2" {
        return format(format!("{} samples a pixel, {}", header.samples, header.photometric));
    }
    let Header { allocated, stored, high, signed, .. } = *header;
    let bits = matches!(allocated, 8 | 16) && (1..=allocated).contains(&stored);
    if !bits || !(stored - 1..allocated).contains(&high) || !(0..=1).contains(&signed) {
        return format(format!("{stored} of {allocated} bits up to bit {high} in representation {signed}"));
    }
    let (layout, packing) = syntax::of(&header.syntax);
    if packing == Packing::Other {
        let (name, uid) = (syntax::name(&header.syntax), header.syntax.clone());
        return Err(DicomError::TransferSyntax { file, name, uid });
    }
    if packing == Packing::JpegLs && high != stored - 1 {
        return format(format!("{stored} compressed bits up to bit {high}"));
    }
    if layout == Layout::ExplicitBig && allocated == 8 {
        return format("big-endian pixels of 8 bits".to_owned());
    }
    rescale(&file, header)
}

/// Refuses a rescale that does not give Hounsfield units, or none at all.
fn rescale(file: &str, header: &Header) -> Result<(), DicomError> {
    let refuse = |what: String| Err(DicomError::Rescale { file: file.to_owned(), what });
    match (header.slope, header.intercept) {
        (Some(0.0), Some(_)) => refuse("Rescale Slope (0028,1053) is 0".to_owned()),
        (Some(_), Some(_)) => Ok(()),
        (None, None) if header.modality != "CT" => Ok(()),
        (None, _) => refuse("no Rescale Slope (0028,1053)".to_owned()),
        (_, None) => refuse("no Rescale Intercept (0028,1052)".to_owned()),
    }
}

/// Decodes the pixels of a checked slice into `out`, which has one place for each; gives the largest
/// error that near-lossless compression has left in a stored value.
pub(super) fn decode(file: &str, parsed: &Parsed, out: &mut [i16]) -> Result<u32, DicomError> {
    let header = &parsed.header;
    let (layout, packing) = syntax::of(&header.syntax);
    let damaged = |what: String| DicomError::Damaged { file: file.to_owned(), what };
    let faulty = |fault| match fault {
        Fault::Damaged(what) => damaged(what),
        Fault::NeedMore => damaged("it ends early".to_owned()),
    };
    let pixels = header.pixels.ok_or_else(|| damaged("it has no pixels".to_owned()))?;
    let convert = Convert::new(header);
    let mut near = 0;
    let (low, high) = match (packing, pixels.length) {
        (Packing::Native, Some(length)) => {
            let width = (header.allocated / 8) as usize;
            let expected = out.len() * width;
            // One byte may be added to make the length even.
            if length != expected && length != expected + 1 {
                return Err(damaged(format!("its pixels have {length} bytes instead of {expected}")));
            }
            let bytes = &parsed.data_set[pixels.start..pixels.start + expected];
            match (width, layout) {
                (1, _) => convert.fill(out, bytes.iter().map(|&b| u16::from(b))),
                (_, Layout::ExplicitBig) => {
                    convert.fill(out, bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])))
                }
                _ => convert.fill(out, bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]))),
            }
        }
        (Packing::JpegLs | Packing::Rle, None) => {
            let fragments = element::fragments(&parsed.data_set, pixels.start).map_err(faulty)?;
            let stream: Cow<[u8]> = match fragments.as_slice() {
                [one] => Cow::Borrowed(one),
                several => Cow::Owned(several.concat()),
            };
            let mut stored = vec![0_u16; out.len()];
            if packing == Packing::Rle {
                unpack(&stream, (header.allocated / 8) as usize, &mut stored).map_err(faulty)?;
            } else {
                near = jpeg_ls_into(header, &stream, &mut stored)
                    .map_err(|source| DicomError::JpegLs { file: file.to_owned(), source })?;
            }
            convert.fill(out, stored.iter().copied())
        }
        _ => {
            return Err(damaged("its pixels are not kept as its transfer syntax says".to_owned()));
        }
    };
    let fits = i64::from(i16::MIN)..=i64::from(i16::MAX);
    if !fits.contains(&low) || !fits.contains(&high) {
        return Err(DicomError::Range { file: file.to_owned(), low, high });
    }
    Ok(near)
}

fn jpeg_ls_into(header: &Header, stream: &[u8], stored: &mut [u16]) -> Result<u32, JpegLsError> {
    let image = jpeg_ls::header(stream)?;
    if (image.width as i64, image.height as i64) != (header.columns, header.rows) {
        return Err(JpegLsError::Damaged(format!(
            "it is {} × {}, its header says {} × {}",
            image.width, image.height, header.columns, header.rows
        )));
    }
    // Fewer bits than stated would leave the sign of a negative value unknown.
    let bits = i64::from(image.bits);
    if bits > header.allocated || (header.signed == 1 && bits < header.stored) {
        return Err(JpegLsError::Damaged(format!(
            "it has {bits} bits a sample, its header says {}",
            header.stored
        )));
    }
    jpeg_ls::decode_into(stream, stored)?;
    Ok(image.near)
}

/// Undoes the run lengths of PS3.5 annex G: one segment for each byte of a sample, highest byte first.
fn unpack(stream: &[u8], width: usize, stored: &mut [u16]) -> Result<(), Fault> {
    let wrong = |what: &str| Fault::Damaged(format!("its run lengths are wrong: {what}"));
    let word = |n: usize| {
        stream.get(4 * n..4 * n + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
    };
    if stream.len() < 64 || word(0) != Some(width) {
        return Err(wrong("the number of segments"));
    }
    for segment in 0..width {
        let start = word(1 + segment).unwrap_or(0);
        let end = if segment + 1 < width { word(2 + segment).unwrap_or(0) } else { stream.len() };
        let mut bytes = stream
            .get(start.max(64)..end)
            .ok_or_else(|| wrong("the places of the segments"))?
            .iter()
            .copied();
        let mut at = 0;
        while at < stored.len() {
            let control = bytes.next().ok_or_else(|| wrong("a segment ends early"))?;
            let (count, repeated) = match control {
                0..=127 => (usize::from(control) + 1, None),
                128 => continue,
                129..=255 => (257 - usize::from(control), Some(bytes.next().unwrap_or(0))),
            };
            let run = stored.get_mut(at..at + count).ok_or_else(|| wrong("a run goes past the image"))?;
            for sample in run {
                let byte = match repeated {
                    Some(byte) => byte,
                    None => bytes.next().ok_or_else(|| wrong("a segment ends early"))?,
                };
                *sample = *sample << 8 | u16::from(byte);
            }
            at += count;
        }
    }
    Ok(())
}

/// From stored bits to samples: takes the value's bits, extends the sign, rescales and rounds.
struct Convert {
    /// Bits above and below the value, to be shifted out.
    above: u32,
    below: u32,
    signed: bool,
    slope: f64,
    intercept: f64,
}

impl Convert {
    fn new(header: &Header) -> Self {
        Self {
            above: (15 - header.high) as u32,
            below: (16 - header.stored) as u32,
            signed: header.signed == 1,
            slope: header.slope.unwrap_or(1.0),
            intercept: header.intercept.unwrap_or(0.0),
        }
    }

    /// Fills the samples and gives the least and largest value, which may lie outside 16 bits.
    fn fill(&self, out: &mut [i16], stored: impl Iterator<Item = u16>) -> (i64, i64) {
        let Self { above, below, .. } = *self;
        if self.signed {
            self.rescale(out, stored.map(|v| i32::from(((v << above) as i16) >> below)))
        } else {
            self.rescale(out, stored.map(|v| i32::from((v << above) >> below)))
        }
    }

    fn rescale(&self, out: &mut [i16], values: impl Iterator<Item = i32>) -> (i64, i64) {
        // The common case in integers; the largest integers have no effect beyond being refused.
        if self.slope == 1.0 && self.intercept.fract() == 0.0 && self.intercept.abs() < 1e9 {
            let intercept = self.intercept as i32;
            let (mut low, mut high) = (i32::MAX, i32::MIN);
            for (out, value) in out.iter_mut().zip(values) {
                let value = value + intercept;
                low = low.min(value);
                high = high.max(value);
                *out = value as i16;
            }
            return (i64::from(low), i64::from(high));
        }
        let (mut low, mut high) = (i64::MAX, i64::MIN);
        for (out, value) in out.iter_mut().zip(values) {
            let value = libm::round(f64::from(value) * self.slope + self.intercept) as i64;
            low = low.min(value);
            high = high.max(value);
            *out = value as i16;
        }
        (low, high)
    }
}
