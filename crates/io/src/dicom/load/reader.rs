//! The bytes of the pixels of an image: read from its file, which must still be the one that was scanned.
//!
//! A file with one image is read, looked at and let go. One with several frames is opened once for all of
//! them: native frames are then read one by one from where they are, packed ones from memory.

use crate::budget::Budget;
use crate::dicom::error::DicomError;
use crate::dicom::header::Header;
use crate::dicom::header::element::{self, Pixels};
use crate::dicom::header::intake;
use crate::dicom::header::syntax::{self, Layout, Packing};
use crate::dicom::pixel::{self, Lut, Notes, Stored, Words, Written, encapsulated};
use crate::dicom::series::Image;
use crate::dicom::source::SourceFile;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Whether files are hashed while they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hashes {
    /// Every file gets its SHA-256: for a record that must be found again.
    #[default]
    Taken,
    /// Files are only read; their SHA-256 stays empty.
    Skipped,
}

/// Opens the files of a series.
pub(crate) struct Reader<'a> {
    images: &'a [Image],
    budget: &'a Budget,
    hashes: Hashes,
    /// Files with several images.
    shared: BTreeMap<&'a str, OnceLock<Result<Opened, DicomError>>>,
    /// SHA-256 of the other files, by image.
    taken: Vec<OnceLock<String>>,
}

/// A file whose frames are read one after the other.
struct Opened {
    /// The file, or its part before the pixels where they stay on the disk, or the inflated data set.
    data_set: Vec<u8>,
    /// Where in it the data set begins.
    from: usize,
    pixels: Pixels,
    /// Where the pixels are in the file, if they stay there.
    on_disk: Option<u64>,
    /// Fragments of each frame, if it is packed.
    frames: Vec<encapsulated::Frame>,
    notes: Notes,
    sha256: String,
}

/// Bytes hashed at a time.
const PIECE: usize = 4 << 20;

impl<'a> Reader<'a> {
    pub(crate) fn new(images: &'a [Image], budget: &'a Budget, hashes: Hashes) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        images.iter().for_each(|image| *counts.entry(&image.file).or_default() += 1);
        let several = |(file, n): (&'a str, usize)| (n > 1).then(|| (file, OnceLock::new()));
        let shared = counts.into_iter().filter_map(several).collect();
        Self { images, budget, hashes, shared, taken: images.iter().map(|_| OnceLock::new()).collect() }
    }

    /// Finds the pixels of an image and works on them.
    pub(crate) fn with<R>(
        &self,
        index: usize,
        work: impl FnOnce(Stored, Notes) -> Result<R, DicomError>,
    ) -> Result<R, DicomError> {
        let image = &self.images[index];
        if let Some(opened) = self.shared.get(image.file.as_str()) {
            return match opened.get_or_init(|| self.open(image)) {
                Ok(opened) => opened.frame(image, work),
                Err(error) => Err(error.clone()),
            };
        }
        let bytes = image.entry.read(self.budget)?;
        let data_set = intake::data_set(&image.file, &bytes, &image.header, self.budget)?;
        let pixels = found(image)?;
        let notes = notes(image, &data_set, &pixels)?;
        let done = match pixels.length {
            Some(_) => {
                let frame = native(image, &data_set[pixels.start..], notes.written)?;
                work(Stored::Native(&frame), notes)?
            }
            None => {
                let frames = fragments(image, &data_set, &pixels)?;
                let stream = frames.get(image.frame).map(|f| encapsulated::stream(&data_set, f));
                work(Stored::Packed(&stream.unwrap_or_default()), notes)?
            }
        };
        if self.hashes == Hashes::Taken {
            self.taken[index].get_or_init(|| hex(Sha256::digest(&bytes).as_slice()));
        }
        Ok(done)
    }

    /// Opens a file of several frames.
    fn open(&self, image: &Image) -> Result<Opened, DicomError> {
        let header = &image.header;
        let (layout, packing) = syntax::of(&header.syntax);
        let native = packing == Packing::Native;
        let swapped = header.allocated == 8 && layout == Layout::ExplicitBig;
        if native && !swapped && !syntax::is_deflated(&header.syntax) && image.entry.is_on_disk() {
            return self.open_on_disk(image);
        }
        let bytes = image.entry.read(self.budget)?;
        let data_set = intake::data_set(&image.file, &bytes, header, self.budget)?;
        let pixels = found(image)?;
        let notes = notes(image, &data_set, &pixels)?;
        let frames = match pixels.length {
            Some(_) => Vec::new(),
            None => fragments(image, &data_set, &pixels)?,
        };
        let sha256 = match self.hashes {
            Hashes::Taken => hex(Sha256::digest(&bytes).as_slice()),
            Hashes::Skipped => String::new(),
        };
        let from = if matches!(data_set, Cow::Borrowed(_)) { header.offset } else { 0 };
        let data_set = match data_set {
            Cow::Owned(inflated) => inflated,
            Cow::Borrowed(_) => bytes,
        };
        Ok(Opened { data_set, from, pixels, on_disk: None, frames, notes, sha256 })
    }

    /// Reads what is before the pixels.
    fn open_on_disk(&self, image: &Image) -> Result<Opened, DicomError> {
        let io = |e: std::io::Error| DicomError::Io { file: image.file.clone(), reason: e.to_string() };
        let (whole, header) = (image.entry.bytes(), &image.header);
        let pixels = found(image)?;
        let start = header.offset + pixels.start;
        let head = image.entry.read_at(0, start).map_err(io)?;
        self.budget.spend_bytes(whole).map_err(|source| {
            let file = image.file.clone();
            DicomError::Exceeded { file, source }
        })?;
        // The pixels are left out of the comparison, as they are out of the checksum.
        let bare = Header { pixels: Some(Pixels { length: Some(0), ..pixels }), ..header.clone() };
        intake::data_set(&image.file, &head, &bare, self.budget)?;
        let mut hasher = Sha256::new();
        if self.hashes == Hashes::Taken {
            for from in (0..whole).step_by(PIECE) {
                let piece = image.entry.read_at(from, PIECE.min((whole - from) as usize)).map_err(io)?;
                hasher.update(&piece);
            }
        }
        let sha256 = match self.hashes {
            Hashes::Taken => hex(hasher.finalize().as_slice()),
            Hashes::Skipped => String::new(),
        };
        let on_disk = Some(start as u64);
        let notes = notes(image, &head[header.offset..], &pixels)?;
        let (from, frames) = (header.offset, Vec::new());
        Ok(Opened { data_set: head, from, pixels, on_disk, frames, notes, sha256 })
    }

    /// The files that were read, sorted by name, each once.
    pub(crate) fn files(&self) -> Vec<SourceFile> {
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        for (image, taken) in self.images.iter().zip(&self.taken) {
            let sha256 = match self.shared.get(image.file.as_str()).and_then(OnceLock::get) {
                Some(Ok(opened)) => opened.sha256.clone(),
                _ => taken.get().cloned().unwrap_or_default(),
            };
            files.insert(&image.file, sha256);
        }
        files.into_iter().map(|(name, sha256)| SourceFile { name: name.to_owned(), sha256 }).collect()
    }
}

impl Opened {
    fn frame<R>(
        &self,
        image: &Image,
        work: impl FnOnce(Stored, Notes) -> Result<R, DicomError>,
    ) -> Result<R, DicomError> {
        let data_set = &self.data_set[self.from..];
        let notes = self.notes.clone();
        if self.pixels.length.is_none() {
            let stream = self.frames.get(image.frame).map(|f| encapsulated::stream(data_set, f));
            return work(Stored::Packed(&stream.unwrap_or_default()), notes);
        }
        let length = pixel::frame_bytes(&image.header);
        let at = image.frame * length;
        if let Some(start) = self.on_disk {
            let io = |e: std::io::Error| DicomError::Io { file: image.file.clone(), reason: e.to_string() };
            let bytes = image.entry.read_at(start + at as u64, length).map_err(io)?;
            return work(Stored::Native(&bytes), notes);
        }
        let frame = native(image, &data_set[self.pixels.start..], notes.written)?;
        work(Stored::Native(&frame), notes)
    }
}

/// The pixels of an image, held against what the header says of them.
fn found(image: &Image) -> Result<Pixels, DicomError> {
    let damaged = |what: String| DicomError::Damaged { file: image.name(), what };
    let header = &image.header;
    let pixels = header.pixels.ok_or_else(|| damaged("it has no pixels".to_owned()))?;
    let native = syntax::of(&header.syntax).1 == Packing::Native;
    match pixels.length {
        Some(length) if native => pixel::check_length(header, length).map_err(damaged)?,
        None if !native => {}
        _ => {
            let kept = if native { "as fragments" } else { "in one piece" };
            return Err(damaged(format!(
                "its pixels {} are {kept}, which its transfer syntax {} ({}) does not allow",
                pixels.tag,
                syntax::name(&header.syntax),
                header.syntax
            )));
        }
    }
    Ok(pixels)
}

/// One frame of native pixels, all of which are given.
fn native<'b>(image: &Image, pixels: &'b [u8], written: Written) -> Result<Cow<'b, [u8]>, DicomError> {
    let length = pixel::frame_bytes(&image.header);
    let start = image.frame * length;
    let Some(frame) = pixels.get(start..start + length) else {
        let what = format!("frame {} is not there", image.frame + 1);
        return Err(DicomError::Damaged { file: image.name(), what });
    };
    if !(written.swapped && image.header.allocated == 8) {
        return Ok(Cow::Borrowed(frame));
    }
    // Words may begin in one frame and end in the next; the last has a byte more if the number is odd.
    let byte = |n: usize| pixels.get(n ^ 1).copied().unwrap_or(0);
    Ok(Cow::Owned((start..start + length).map(byte).collect()))
}

fn fragments(
    image: &Image,
    data_set: &[u8],
    pixels: &Pixels,
) -> Result<Vec<encapsulated::Frame>, DicomError> {
    let frames = usize::try_from(image.header.frames).unwrap_or(0);
    encapsulated::frames(data_set, pixels.start, frames)
        .map_err(|what| DicomError::Damaged { file: image.name(), what })
}

/// Ratio and method of lossy compression, which are stated where something was lost, with or without its flag.
const LOST: [Tag; 2] = [tags::LOSSY_IMAGE_COMPRESSION_RATIO, tags::LOSSY_IMAGE_COMPRESSION_METHOD];

/// How numbers are ordered, the Modality LUT if there is one, and whether something was lost.
fn notes(image: &Image, data_set: &[u8], pixels: &Pixels) -> Result<Notes, DicomError> {
    let header = &image.header;
    let damaged = |what: String| DicomError::Damaged { file: image.name(), what };
    let (layout, _) = syntax::of(&header.syntax);
    // The value representation stands eight bytes before the value.
    let words = pixels.start.checked_sub(8).and_then(|at| data_set.get(at..at + 2)) == Some(b"OW");
    let written = Written::new(layout, if words { Words::Yes } else { Words::No });
    let before = &data_set[..pixels.start.min(data_set.len())];
    let lossy = match element::walk(before, data_set.len(), layout, &LOST) {
        Ok(walk) => walk.values.iter().any(|raw| {
            // A ratio of 1 is that of nothing lost; a method is a word.
            let said = std::str::from_utf8(raw.bytes).unwrap_or("?");
            let kept = |one: &str| one.is_empty() || one.parse::<f64>().is_ok_and(|ratio| ratio <= 1.0);
            said.split('\\').map(|one| one.trim_matches(['\0', ' '])).any(|one| !kept(one))
        }),
        // The scan has passed it.
        Err(_) => false,
    };
    let lut = match header.modality_lut {
        true => Some(Lut::read(data_set, pixels.start, layout, header.signed).map_err(damaged)?),
        false => None,
    };
    Ok(Notes { written, lut, lossy })
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
