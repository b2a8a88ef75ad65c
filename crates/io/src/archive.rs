//! A ZIP that stands for a folder: where its entries are, and their bytes on demand.
//!
//! The directory is read once; after that every entry is read on its own, so that many threads can. Sizes
//! are held against the budget before anything is unpacked.

use crate::budget::Budget;
use crate::files::{Entry, Files, FilesError, Skipped, shown};
use flate2::Crc;
use flate2::read::DeflateDecoder;
use osteon_core::Ctx;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// Where an entry is, and how it is packed.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    start: u64,
    length: u64,
    method: Method,
    crc: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Stored,
    Deflated,
}

/// Bytes that tell a ZIP.
pub(crate) const MARK: usize = 4;

/// True for the first bytes of a ZIP with an entry, or of an empty one.
pub(crate) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Deflate cannot do better (a match of 258 bytes in two bits).
const BEST_RATIO: u64 = 1032;

impl Packed {
    /// Bytes `wanted` of the entry, as far as it has so many; all of it is unpacked up to there.
    pub(crate) fn part(&self, mut zip: File, bytes: u64, wanted: Range<u64>) -> io::Result<Vec<u8>> {
        zip.seek(SeekFrom::Start(self.start))?;
        let packed = BufReader::with_capacity(64 << 10, zip).take(self.length);
        let most = wanted.end.saturating_sub(wanted.start);
        let room =
            most.min(bytes.saturating_sub(wanted.start) + 1).min(self.length.saturating_mul(BEST_RATIO));
        let mut out = Vec::with_capacity(room as usize);
        let mut copy = |mut plain: Box<dyn Read>| {
            io::copy(&mut (&mut plain).take(wanted.start), &mut io::sink())?;
            plain.take(most).read_to_end(&mut out)
        };
        match self.method {
            Method::Stored => copy(Box::new(packed))?,
            Method::Deflated => copy(Box::new(DeflateDecoder::new(packed)))?,
        };
        Ok(out)
    }

    /// Holds the whole entry against its checksum.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let mut crc = Crc::new();
        crc.update(bytes);
        if crc.sum() == self.crc {
            return Ok(());
        }
        Err(format!(
            "its checksum in the ZIP is {:08x}, and that of what is there {:08x}",
            self.crc,
            crc.sum()
        ))
    }
}

/// The entries of the ZIP called `name`, each with `below` before its own name.
pub(crate) fn list(
    path: &Arc<Path>,
    name: &str,
    below: &str,
    budget: &Budget,
    ctx: &Ctx,
) -> Result<Files, FilesError> {
    let refuse = |what: String| FilesError::Zip { file: name.to_owned(), what };
    let io = |e: io::Error| FilesError::Io { file: name.to_owned(), reason: e.to_string() };
    let exceeded = |source| FilesError::Exceeded { file: name.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| refuse(words(&e)))?;
    if zip.has_duplicate_names() {
        return Err(refuse("two of its files have the same name".to_owned()));
    }
    if zip.index_for_name("[Content_Types].xml").is_some() {
        return Err(refuse("it is an office document or a 3MF, not a folder of images".to_owned()));
    }
    let mut files = Files::default();
    for index in 0..zip.len() {
        ctx.check()?;
        budget.spend_files(1).map_err(exceeded)?;
        budget.time().map_err(exceeded)?;
        let entry = zip.by_index_raw(index).map_err(|e| refuse(words(&e)))?;
        let inner = shown(&String::from_utf8_lossy(entry.name_raw()).replace('\\', "/"));
        let file = format!("{below}{inner}");
        let skip = if entry.is_dir() {
            continue;
        } else if entry.is_symlink() {
            "a link, which is not followed"
        } else if entry.size() == 0 {
            "empty"
        } else {
            let packed = place(&entry, budget).map_err(|what| refuse(format!("{inner} {what}")))?;
            files.entries.push(Entry::inside(file, entry.size(), path.clone(), packed));
            continue;
        };
        files.skipped.push(Skipped { file, reason: skip.to_owned() });
    }
    if files.entries.is_empty() && files.skipped.is_empty() {
        return Err(refuse("it has no files".to_owned()));
    }
    files.sort();
    Ok(files)
}

/// What is wrong with the directory of a ZIP, for people who know none of its parts.
fn words(error: &ZipError) -> String {
    match error {
        ZipError::InvalidArchive(what) if what.contains("EOCD") => {
            "it is not a complete ZIP archive: the directory at its end is missing".to_owned()
        }
        ZipError::InvalidArchive(what) => format!("its directory is damaged ({what})"),
        ZipError::UnsupportedArchive(what) => format!("it is written in a way that is not read ({what})"),
        ZipError::Io(error) => format!("it cannot be read to its end ({error})"),
        other => other.to_string(),
    }
}

/// Where an entry is, or why it cannot be read.
fn place<R: Read>(entry: &ZipFile<'_, R>, budget: &Budget) -> Result<Packed, String> {
    if entry.encrypted() {
        return Err("is encrypted".to_owned());
    }
    let method = match entry.compression() {
        CompressionMethod::Stored => Method::Stored,
        CompressionMethod::Deflated => Method::Deflated,
        other => return Err(format!("is packed with {other}, which is not read")),
    };
    let (length, plain, limit) = (entry.compressed_size(), entry.size(), budget.limits().file_bytes);
    if plain > limit {
        return Err(format!("has {plain} bytes, more than the limit of {limit}"));
    }
    if method == Method::Stored && plain != length {
        return Err(format!("is stored and has {length} bytes, and {plain} elsewhere"));
    }
    budget.inflation(length, plain).map_err(|e| format!("is packed too tightly: {e}"))?;
    let start = entry.data_start().ok_or("lies nowhere")?;
    Ok(Packed { start, length, method, crc: entry.crc32() })
}
