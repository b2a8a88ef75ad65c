//! A file to the headers of its images, and later to the data set its pixels are in.
//!
//! [`read`] looks at the beginning of a file, at more of it only if the pixels begin later, and at what stands
//! behind them. [`data_set`] takes the whole file when the pixels are wanted and tells if it has changed.

use super::apply;
use super::element::{self, Fault, Pixels, Raw};
use super::frames;
use super::meta::{self, Resolved, Start, Unread, Unresolved};
use super::remark::Remark;
use super::syntax;
use super::value::Values;
use super::{Header, WANTED};
use crate::budget::{Budget, Exceeded, HEADER};
use crate::dicom::assume::Assume;
use crate::dicom::error::DicomError;
use crate::files::Entry;
use dicom_dictionary_std::{tags, uids};
use flate2::{Decompress, FlushDecompress, Status};
use std::borrow::Cow;

/// Bytes read first; headers of CT and MR images have 2 to 20 KB.
const FIRST_BYTES: usize = 32 << 10;

/// How much more is read when that is not enough.
const GROWTH: usize = 8;

/// Bytes behind the pixels that are looked at.
const TAIL: usize = 64 << 10;

/// How gzip begins (RFC 1952, 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The headers of the images in a file, one for each frame that has a place of its own.
pub(crate) fn read(entry: &Entry, assume: &Assume, budget: &Budget) -> Result<Vec<Header>, Unread> {
    let file = entry.name();
    let exceeded = |source| Unread::exceeded(file, source);
    let io = |error: std::io::Error| {
        Unread::Refuse(DicomError::Io { file: file.to_owned(), reason: error.to_string() })
    };
    budget.time().map_err(exceeded)?;
    let whole = usize::try_from(entry.bytes()).unwrap_or(usize::MAX);
    let most = usize::try_from(budget.limits().header_bytes).unwrap_or(usize::MAX);
    let mut length = FIRST_BYTES;
    loop {
        let head = entry.head(length).map_err(io)?;
        if head.len() > whole {
            // It has grown, or it lies in a ZIP that says it is shorter.
            return Err(Unread::Refuse(DicomError::Changed { file: file.to_owned() }));
        }
        let intake = Intake { file, assume, budget };
        match intake.headers(&head, whole) {
            Err(Unread::More) if head.len() >= whole.min(length) && length < whole.min(most) => {
                length = length.saturating_mul(GROWTH).min(most);
            }
            Err(Unread::More) if length < whole && length >= most => {
                let what = HEADER;
                return Err(exceeded(Exceeded { what, asked: entry.bytes(), limit: most as u64 }));
            }
            Err(Unread::More) => {
                let file = file.to_owned();
                return Err(Unread::Refuse(DicomError::Changed { file }));
            }
            Ok(headers) => {
                if let Some(header) = headers.first() {
                    behind(entry, header, &head).map_err(io)?.map_err(|fault| Unread::of(file, fault))?;
                }
                return Ok(headers);
            }
            Err(other) => return Err(other),
        }
    }
}

/// Looks at what stands behind uncompressed pixels, of which `head` is the beginning of the file.
fn behind(entry: &Entry, header: &Header, head: &[u8]) -> std::io::Result<Result<(), Fault>> {
    let Some(Pixels { start, length: Some(length), .. }) = header.pixels else {
        return Ok(Ok(()));
    };
    if syntax::is_deflated(&header.syntax) {
        return Ok(Ok(()));
    }
    // The sum is below the size of the file, as the walk has found.
    let from = header.offset + start + length;
    let left = usize::try_from(entry.bytes()).unwrap_or(usize::MAX).saturating_sub(from);
    if left == 0 {
        return Ok(Ok(()));
    }
    let (layout, _) = syntax::of(&header.syntax);
    let left = left.min(TAIL);
    match head.get(from..from + left) {
        Some(bytes) => Ok(element::tail(bytes, layout, &WANTED)),
        None => Ok(element::tail(&entry.read_at(from as u64, left)?, layout, &WANTED)),
    }
}

/// The data set of a file of which `bytes` are all, inflated if it was deflated as far as the pixels reach.
///
/// # Errors
/// [`DicomError::Changed`] when it is not the one `header` was read from; [`DicomError::Damaged`].
pub(crate) fn data_set<'a>(
    file: &str,
    bytes: &'a [u8],
    header: &Header,
    budget: &Budget,
) -> Result<Cow<'a, [u8]>, DicomError> {
    let changed = || DicomError::Changed { file: file.to_owned() };
    let damaged = |what: String| DicomError::Damaged { file: file.to_owned(), what };
    let rest = bytes.get(header.offset..).ok_or_else(changed)?;
    let pixels = header.pixels.ok_or_else(|| damaged("it has no pixels".to_owned()))?;
    let data = if syntax::is_deflated(&header.syntax) {
        let most = pixels.length.and_then(|length| pixels.start.checked_add(length));
        let limit = usize::try_from(budget.unpacked(rest.len() as u64)).unwrap_or(usize::MAX);
        Cow::Owned(inflate(rest, most.unwrap_or(limit).min(limit)).map_err(damaged)?.0)
    } else {
        Cow::Borrowed(rest)
    };
    if data.get(..pixels.start).map(checksum) != Some(header.checksum) {
        return Err(changed());
    }
    let behind = match pixels.length {
        Some(length) if data.len() - pixels.start < length => {
            let there = data.len() - pixels.start;
            return Err(damaged(format!("its pixels should be {length} bytes long, and {there} are there")));
        }
        Some(_) => return Ok(data),
        None => element::after_fragments(&data, pixels.start),
    };
    let (layout, _) = syntax::of(&header.syntax);
    match behind.and_then(|behind| element::tail(&data[behind..], layout, &WANTED)) {
        Ok(()) => Ok(data),
        Err(Fault::Damaged(what)) => Err(damaged(what)),
        Err(_) => Err(damaged("its compressed pixels end early".to_owned())),
    }
}

/// A file whose headers are wanted.
struct Intake<'a> {
    file: &'a str,
    assume: &'a Assume,
    budget: &'a Budget,
}

impl Intake<'_> {
    /// The headers of a file of `whole` bytes, of which `bytes` are the beginning.
    fn headers(&self, bytes: &[u8], whole: usize) -> Result<Vec<Header>, Unread> {
        let fault = |fault| Unread::of(self.file, fault);
        let skip = |reason: &str| Err(Unread::Skip(reason.to_owned()));
        let Some(start) = meta::start(bytes, whole).map_err(fault)? else {
            return skip(if bytes.starts_with(GZIP) {
                "a gzip file: unpack it first"
            } else {
                "not a DICOM file"
            });
        };
        if start.class.as_deref() == Some(uids::MEDIA_STORAGE_DIRECTORY_STORAGE) {
            return skip("an index of a medium (DICOMDIR)");
        }
        let rest = bytes.get(start.offset..).unwrap_or_default();
        if !start.stated.as_deref().is_some_and(syntax::is_deflated) {
            return self.of_data_set(&start, rest, whole - start.offset);
        }
        let most = usize::try_from(self.budget.limits().header_bytes).unwrap_or(usize::MAX);
        // A header is three to ten times as long as it is deflated; more is inflated only if it is needed.
        let mut limit = FIRST_BYTES;
        loop {
            let (data, ended) = inflate(rest, limit).map_err(|what| fault(Fault::Damaged(what)))?;
            // How long the rest would be nobody knows yet; the pixels are held against it when they are read.
            let length = if ended { data.len() } else { usize::MAX / 2 };
            match self.of_data_set(&start, &data, length) {
                Err(Unread::More) if data.len() == limit && limit < most => {
                    limit = (limit * GROWTH).min(most)
                }
                Err(Unread::More) if data.len() == limit => {
                    let (what, limit) = (HEADER, most as u64);
                    // At least one more: how many nobody knows.
                    let asked = limit.saturating_add(1);
                    return Err(Unread::exceeded(self.file, Exceeded { what, asked, limit }));
                }
                Err(Unread::More) if bytes.len() == whole => {
                    return Err(fault(Fault::Damaged("its deflated part ends early".to_owned())));
                }
                other => return other,
            }
        }
    }

    fn of_data_set(&self, start: &Start, bytes: &[u8], whole: usize) -> Result<Vec<Header>, Unread> {
        let assumed = self.assume.syntax.as_deref();
        let resolved = Unresolved { file: self.file, start, bytes, whole, assumed }.resolve(&WANTED)?;
        let Resolved { syntax, walk, remark } = resolved;
        self.spend(walk.elements)?;
        let mut values = Values::new(&walk.values);
        let mut base = Header::read(&mut values, &syntax, walk.pixels);
        let Some(pixels) = walk.pixels else {
            let modality = if base.modality.is_empty() { "not stated" } else { &base.modality };
            return Err(Unread::Skip(format!("DICOM without an image (modality {modality})")));
        };
        base.offset = start.offset;
        base.checksum = bytes.get(..pixels.start).map_or(0, checksum);
        base.remarks.extend(remark);
        base.remarks.extend(walk.out_of_order.map(Remark::OutOfOrder));
        let malformed = std::mem::take(&mut values.malformed);
        self.size(&base, pixels)?;
        let mut of_image = base.clone();
        self.finish(&mut of_image, malformed);
        let groups = values.get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        match groups.filter(|_| matches!(of_image.modality.as_str(), "CT" | "MR")) {
            None => Ok(vec![of_image]),
            Some(each) => self.of_frames(&base, &walk.values, &each),
        }
    }

    /// One header for each frame of an enhanced image.
    fn of_frames(&self, base: &Header, values: &[Raw], each: &Raw) -> Result<Vec<Header>, Unread> {
        let shared = values.iter().find(|raw| raw.tag == tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let frames =
            frames::frames(shared, each, base.frames).map_err(|fault| Unread::of(self.file, fault))?;
        self.spend(frames.iter().map(|own| own.len() as u64).sum())?;
        let header = |(frame, own): (usize, Vec<Raw>)| {
            let numbered = own.iter().any(|raw| raw.tag == tags::INSTANCE_NUMBER);
            let mut values = Values { over: own, ..Values::new(values) };
            let mut header = Header::read(&mut values, &base.syntax, base.pixels);
            header.of_frame = true;
            (header.offset, header.checksum) = (base.offset, base.checksum);
            header.remarks.clone_from(&base.remarks);
            if !numbered {
                header.instance_number = i64::try_from(frame + 1).ok();
            }
            self.finish(&mut header, values.malformed);
            header
        };
        Ok(frames.into_iter().enumerate().map(header).collect())
    }

    fn spend(&self, items: u64) -> Result<(), Unread> {
        self.budget.spend_items(items).map_err(|source| Unread::exceeded(self.file, source))
    }

    fn finish(&self, header: &mut Header, mut malformed: Vec<super::value::Malformed>) {
        apply::apply(header, &mut malformed, self.file, self.assume);
        header.keep(malformed);
    }

    /// Refuses sizes that no image has, before anything is allocated for them.
    fn size(&self, header: &Header, pixels: Pixels) -> Result<(), Unread> {
        let damaged = |what: String| Err(Unread::of(self.file, Fault::Damaged(what)));
        let sides = 1..=65_535;
        let Header { rows, columns, frames, samples, allocated, .. } = *header;
        if !sides.contains(&rows) || !sides.contains(&columns) {
            return damaged(format!(
                "Columns (0028,0011) are {columns} and Rows (0028,0010) are {rows}, each of which must be 1 to 65535"
            ));
        }
        if frames < 1 {
            return damaged(format!("Number Of Frames (0028,0008) is {frames}"));
        }
        let area = u128::from(rows.unsigned_abs()) * u128::from(columns.unsigned_abs());
        let voxels = area * u128::from(frames.unsigned_abs());
        self.budget.voxels(voxels).map_err(|source| Unread::exceeded(self.file, source))?;
        if let (Some(length), 2.., 1.., 1..) = (pixels.length, frames, samples, allocated) {
            // Colour may be halved (4:2:2), so that two of three samples are enough.
            let samples = u128::from(samples.min(2).unsigned_abs());
            let needed = (voxels * samples * u128::from(allocated.unsigned_abs())).div_ceil(8);
            if needed > length as u128 {
                return damaged(format!(
                    "Number Of Frames (0028,0008) is {frames}, which takes {needed} bytes of pixels, and {length} \
                     are there"
                ));
            }
        }
        Ok(())
    }
}

/// What raw deflated bytes inflate to, at most `most` bytes of it, and whether that is all.
fn inflate(bytes: &[u8], most: usize) -> Result<(Vec<u8>, bool), String> {
    // Room is made as it is needed, never from a number in the file.
    const STEP: usize = 64 << 10;
    let mut press = Decompress::new(false);
    let mut out = Vec::new();
    loop {
        if out.len() >= most {
            out.truncate(most);
            return Ok((out, false));
        }
        let before = (press.total_in(), out.len());
        out.reserve(STEP.max(out.len() / 2).min(most - out.len()));
        let rest = bytes.get(before.0 as usize..).unwrap_or_default();
        let status = press
            .decompress_vec(rest, &mut out, FlushDecompress::None)
            .map_err(|e| format!("its deflated part does not inflate: {e}"))?;
        if status == Status::StreamEnd && out.len() <= most {
            return Ok((out, true));
        }
        if before == (press.total_in(), out.len()) {
            return Ok((out, false));
        }
    }
}

/// A checksum that tells a changed header; it need not withstand anyone (FNV-1a over eight bytes at a time).
fn checksum(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x100_0000_01b3;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut sum = 0xcbf2_9ce4_8422_2325_u64 ^ bytes.len() as u64;
    for word in words {
        sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME);
        sum ^= sum >> 32;
    }
    rest.iter().fold(sum, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
