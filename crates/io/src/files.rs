//! The files of an import: a folder, one file, or a ZIP that stands for a folder.
//!
//! Only regular files are opened and links are not followed. No path is ever made from a name inside a ZIP,
//! so a hostile name is only a name. What is not opened is listed with its reason.

use crate::archive::{self, Packed};
use crate::budget::{Budget, Exceeded, FILE};
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain};
use rayon::prelude::*;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why files cannot be listed or read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// There is nothing that could be read.
    #[error("\"{path}\" {what}")]
    Nothing {
        /// The path as it was given.
        path: String,
        /// That it is not there, or what it is.
        what: &'static str,
    },
    /// The disk refused.
    #[error("{file} cannot be read: {reason}")]
    Io {
        /// File or folder.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// A file is no longer what it was when it was listed.
    #[error("{file} has changed since it was listed")]
    Changed {
        /// File.
        file: String,
    },
    /// A ZIP cannot be opened as a folder.
    #[error("the ZIP file {file} cannot be opened: {what}")]
    Zip {
        /// ZIP file.
        file: String,
        /// Entry and what is wrong with it.
        what: String,
    },
    /// What is packed in a ZIP is not what it was when it was packed.
    #[error("{file} is damaged: {what}")]
    Damaged {
        /// File inside the ZIP.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// Something asks for more than an import may have.
    #[error("{file}: {source}")]
    Exceeded {
        /// File or folder.
        file: String,
        /// What there is too much of.
        source: Exceeded,
    },
    /// The job was stopped.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for FilesError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Nothing { .. } => ErrorKind::Missing,
            Self::Io { .. } => ErrorKind::Io,
            Self::Changed { .. } | Self::Zip { .. } | Self::Damaged { .. } => ErrorKind::Input,
            Self::Exceeded { source, .. } => source.kind(),
            Self::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Nothing { .. } => "no-folder",
            Self::Io { .. } => "file-unreadable",
            Self::Changed { .. } => "file-changed",
            Self::Zip { .. } => "zip-unreadable",
            Self::Damaged { .. } => "damaged-file",
            Self::Exceeded { source, .. } => source.code(),
            Self::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Nothing { .. } => {
                "check the path: give the folder, the file or the ZIP that holds the images"
            }
            Self::Io { .. } => "check that it may be read and that its disk is connected, then try again",
            Self::Changed { .. } => "wait until the folder is complete, then import again",
            Self::Zip { .. } => {
                "fetch or copy the ZIP again, as it may be cut or damaged; if another program unpacks it into an empty \
                 folder, give that folder"
            }
            Self::Damaged { .. } => "fetch or copy the ZIP again; it was changed after it was packed",
            Self::Exceeded { source, .. } => return source.help(),
            Self::Cancelled(cancelled) => return cancelled.help(),
        }
        .to_owned()
    }
}

/// A file that is not read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Path below the folder, with `/`.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// A regular file on disk, or one inside a ZIP.
#[derive(Clone, Debug)]
pub struct Entry {
    name: String,
    bytes: u64,
    path: Arc<Path>,
    packed: Option<Packed>,
}

/// What was found, sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The files.
    pub entries: Vec<Entry>,
    /// What is not opened, and why.
    pub skipped: Vec<Skipped>,
}

impl Entry {
    pub(crate) fn inside(name: String, bytes: u64, zip: Arc<Path>, packed: Packed) -> Self {
        Self { name, bytes, path: zip, packed: Some(packed) }
    }

    /// Path below the folder, with `/`; control characters are shown escaped.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Size in bytes, unpacked.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True for a file of its own, whose parts can be read without unpacking what is before them.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.packed.is_none()
    }

    /// The first `most` bytes, or all if there are fewer.
    ///
    /// # Errors
    /// What the system says.
    pub fn head(&self, most: usize) -> io::Result<Vec<u8>> {
        self.part(0, most as u64)
    }

    /// `length` bytes from `start`.
    ///
    /// # Errors
    /// What the system says; `UnexpectedEof` when the file ends before.
    pub fn read_at(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let beyond = || io::Error::from(io::ErrorKind::UnexpectedEof);
        // Held against the listed size before anything is allocated.
        start.checked_add(length as u64).filter(|&end| end <= self.bytes).ok_or_else(beyond)?;
        let bytes = self.part(start, length as u64)?;
        if bytes.len() == length { Ok(bytes) } else { Err(beyond()) }
    }

    /// The whole file: exactly [`Entry::bytes`] bytes.
    ///
    /// # Errors
    /// [`FilesError`] when the disk refuses, when the file is no longer what was listed, when its packed
    /// form is damaged, and when the budget is spent.
    pub fn read(&self, budget: &Budget) -> Result<Vec<u8>, FilesError> {
        let file = || self.name.clone();
        let exceeded = |source| FilesError::Exceeded { file: file(), source };
        budget.time().map_err(exceeded)?;
        budget.spend_bytes(self.bytes).map_err(exceeded)?;
        // One byte more than listed, to notice a file that has grown.
        let bytes = self.part(0, self.bytes.saturating_add(1)).map_err(|e| match e.kind() {
            io::ErrorKind::InvalidInput => FilesError::Changed { file: file() },
            _ => FilesError::Io { file: file(), reason: e.to_string() },
        })?;
        if bytes.len() as u64 != self.bytes {
            return Err(FilesError::Changed { file: file() });
        }
        if let Some(packed) = &self.packed {
            packed.check(&bytes).map_err(|what| FilesError::Damaged { file: file(), what })?;
        }
        Ok(bytes)
    }

    fn part(&self, start: u64, most: u64) -> io::Result<Vec<u8>> {
        // Asked again: opening a pipe that has taken the file's place would wait for ever.
        if !fs::metadata(&self.path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file any more"));
        }
        let mut file = File::open(&self.path)?;
        if let Some(packed) = &self.packed {
            return packed.part(file, self.bytes, start..start.saturating_add(most));
        }
        if start > 0 {
            file.seek(SeekFrom::Start(start))?;
        }
        let mut bytes = Vec::with_capacity(most.min(self.bytes.saturating_sub(start) + 1) as usize);
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Lists a folder and the folders below it, a single file, or a ZIP; told by content, not by name.
///
/// A ZIP inside a folder is opened like a folder, but not one inside a ZIP. An index of a medium (DICOMDIR)
/// stands for the folder it lies in.
///
/// # Errors
/// [`FilesError`] when there is nothing, when the folder or a ZIP that was named cannot be listed whole, when
/// there is more than the budget allows, and when the job is stopped.
pub fn list(path: &Path, budget: &Budget, ctx: &Ctx) -> Result<Files, FilesError> {
    let about = fs::metadata(path).map_err(|e| nothing(path, &e))?;
    if about.is_dir() {
        return folder(path, budget, ctx);
    }
    let nothing = |what| FilesError::Nothing { path: shown(&path.to_string_lossy()), what };
    if !about.is_file() {
        return Err(nothing("is neither a file nor a folder"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let entry = Entry { name: shown(&name), bytes: about.len(), path: path.into(), packed: None };
    let io = |e: io::Error| FilesError::Io { file: entry.name.clone(), reason: e.to_string() };
    let head = entry.head(FIRST_BYTES).map_err(io)?;
    if archive::is_zip(&head) {
        return archive::list(&entry.path, &entry.name, "", budget, ctx);
    }
    if is_index(&head) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        return folder(parent.unwrap_or(Path::new(".")), budget, ctx);
    }
    let limit = budget.limits().file_bytes;
    if entry.bytes > limit {
        let source = Exceeded { what: FILE, asked: entry.bytes, limit };
        return Err(FilesError::Exceeded { file: entry.name, source });
    }
    if head.is_empty() {
        return Err(nothing("is empty"));
    }
    Ok(Files { entries: vec![entry], skipped: Vec::new() })
}

/// Bytes of a file looked at to tell what it is: the file header of a DICOM file has 200 to 500.
const FIRST_BYTES: usize = 1024;

/// Media Storage Directory Storage, the class of a DICOMDIR.
const INDEX: &[u8] = b"1.2.840.10008.1.3.10";

/// True for the first bytes of an index of a medium.
fn is_index(head: &[u8]) -> bool {
    // After 128 free bytes and the mark, the class stands in the file header.
    head.get(128..132) == Some(b"DICM".as_slice()) && head[132..].windows(INDEX.len()).any(|w| w == INDEX)
}

/// Why what was named cannot be listed.
fn nothing(path: &Path, error: &io::Error) -> FilesError {
    let path = shown(&path.to_string_lossy());
    match error.kind() {
        io::ErrorKind::NotFound => FilesError::Nothing { path, what: "does not exist" },
        io::ErrorKind::NotADirectory => FilesError::Nothing { path, what: "lies below a file" },
        _ => FilesError::Io { file: path, reason: error.to_string() },
    }
}

/// All regular files below a folder; ZIPs among them are opened.
fn folder(top: &Path, budget: &Budget, ctx: &Ctx) -> Result<Files, FilesError> {
    let mut files = walk(top, budget, ctx)?;
    let zips: Vec<bool> = files
        .entries
        .par_iter()
        .map(|entry| {
            ctx.check()?;
            // What cannot be opened is told by whoever reads it.
            Ok(archive::is_zip(&entry.head(archive::MARK).unwrap_or_default()))
        })
        .collect::<Result<_, FilesError>>()?;
    if zips.contains(&true) {
        for (entry, is_zip) in std::mem::take(&mut files.entries).into_iter().zip(zips) {
            if !is_zip {
                files.entries.push(entry);
                continue;
            }
            let below = format!("{}/", entry.name);
            match archive::list(&entry.path, &entry.name, &below, budget, ctx) {
                Ok(inside) => {
                    files.entries.extend(inside.entries);
                    files.skipped.extend(inside.skipped);
                }
                Err(stopped @ FilesError::Cancelled(_)) => return Err(stopped),
                Err(error) => {
                    files.skipped.push(Skipped { file: entry.name, reason: error.to_string() });
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

impl Files {
    pub(crate) fn sort(&mut self) {
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.skipped.sort_by(|a, b| a.file.cmp(&b.file));
    }
}

/// The regular files below a folder as the disk has them.
fn walk(top: &Path, budget: &Budget, ctx: &Ctx) -> Result<Files, FilesError> {
    let limits = budget.limits();
    let mut files = Files::default();
    let mut folders: Vec<(PathBuf, String, usize)> = vec![(top.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let exceeded = |source| FilesError::Exceeded { file: prefix.clone(), source };
        budget.time().map_err(exceeded)?;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(nothing(&folder, &error)),
            Err(error) => {
                files.skipped.push(Skipped { file: prefix, reason: error.to_string() });
                continue;
            }
        };
        for entry in entries {
            ctx.check()?;
            budget.spend_files(1).map_err(exceeded)?;
            let entry = entry.map_err(|e| FilesError::Io {
                file: if prefix.is_empty() { "the folder".to_owned() } else { prefix.clone() },
                reason: e.to_string(),
            })?;
            let name = format!("{prefix}{}", shown(&entry.file_name().to_string_lossy()));
            // The entry's own kind: a link is not followed.
            let about = entry.metadata();
            let reason = match about {
                Err(error) => error.to_string(),
                Ok(data) if data.is_dir() && depth < limits.folder_depth => {
                    folders.push((entry.path(), format!("{name}/"), depth + 1));
                    continue;
                }
                Ok(data) if data.is_dir() => "a folder nested too deep".to_owned(),
                Ok(data) if data.is_symlink() => "a link, which is not followed".to_owned(),
                Ok(data) if !data.is_file() => "not a regular file".to_owned(),
                Ok(data) if data.len() == 0 => "empty".to_owned(),
                Ok(data) if data.len() > limits.file_bytes => {
                    format!("{} bytes, more than the limit of {}", data.len(), limits.file_bytes)
                }
                Ok(data) => {
                    let path = entry.path().into();
                    files.entries.push(Entry { name, bytes: data.len(), path, packed: None });
                    continue;
                }
            };
            files.skipped.push(Skipped { file: name, reason });
        }
    }
    Ok(files)
}

/// A name for messages: control characters, and those that reverse the direction of text, are escaped.
pub(crate) fn shown(name: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !name.contains(hidden) {
        return name.to_owned();
    }
    name.chars().map(|c| if hidden(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
