//! The zip around a 3MF, written by hand so that many threads can compress one entry.

use crate::deflate::Deflated;
use crate::mesh_error::MeshFileError;
use flate2::Crc;
use std::io::Write;

/// Midnight of 1 January 1980, zip's earliest: a package tells no time, so equal content has equal bytes.
const DATE: u16 = 1 << 5 | 1;

/// Version of the format a reader needs for deflate.
const VERSION: u16 = 20;

/// Methods of compression.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// A zip file that grows entry by entry.
pub(super) struct Package<'a> {
    out: &'a mut dyn Write,
    at: u64,
    directory: Vec<u8>,
    entries: u16,
}

/// What both headers of an entry say.
struct Entry<'a> {
    name: &'a str,
    method: u16,
    crc: u32,
    packed: u64,
    plain: u64,
}

impl<'a> Package<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, at: 0, directory: Vec::new(), entries: 0 }
    }

    /// Adds a small entry as it is.
    pub(super) fn store(&mut self, name: &str, bytes: &[u8]) -> Result<(), MeshFileError> {
        let mut crc = Crc::new();
        crc.update(bytes);
        let size = bytes.len() as u64;
        let entry = Entry { name, method: STORED, crc: crc.sum(), packed: size, plain: size };
        self.begin(&entry)?;
        Ok(self.out.write_all(bytes)?)
    }

    /// Adds a compressed entry.
    pub(super) fn deflated(&mut self, name: &str, stream: &Deflated) -> Result<(), MeshFileError> {
        let entry =
            Entry { name, method: DEFLATED, crc: stream.crc, packed: stream.len(), plain: stream.plain };
        self.begin(&entry)?;
        for piece in &stream.pieces {
            self.out.write_all(piece)?;
        }
        Ok(())
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<(), MeshFileError> {
        // Sizes have 32 bits; beyond, zip64 would be needed, which not every reader of 3MF knows.
        let limit = u64::from(u32::MAX);
        if entry.plain > limit || self.at + entry.packed > limit {
            return Err(super::too_large("bytes", limit));
        }
        let mut common = Vec::with_capacity(26);
        for short in [VERSION, 0, entry.method, 0, DATE] {
            common.extend_from_slice(&short.to_le_bytes());
        }
        for long in [entry.crc, entry.packed as u32, entry.plain as u32] {
            common.extend_from_slice(&long.to_le_bytes());
        }
        for short in [entry.name.len() as u16, 0] {
            common.extend_from_slice(&short.to_le_bytes());
        }
        self.out.write_all(b"PK\x03\x04")?;
        self.out.write_all(&common)?;
        self.out.write_all(entry.name.as_bytes())?;
        // The directory repeats it all, with the maker's version in front and attributes and place behind.
        self.directory.extend_from_slice(b"PK\x01\x02");
        self.directory.extend_from_slice(&VERSION.to_le_bytes());
        self.directory.extend_from_slice(&common);
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&(self.at as u32).to_le_bytes());
        self.directory.extend_from_slice(entry.name.as_bytes());
        self.entries += 1;
        self.at += 4 + common.len() as u64 + entry.name.len() as u64 + entry.packed;
        Ok(())
    }

    /// Writes the directory.
    pub(super) fn finish(self) -> Result<(), MeshFileError> {
        let start = u32::try_from(self.at).map_err(|_| super::too_large("bytes", u64::from(u32::MAX)))?;
        self.out.write_all(&self.directory)?;
        self.out.write_all(b"PK\x05\x06\0\0\0\0")?;
        self.out.write_all(&self.entries.to_le_bytes())?;
        self.out.write_all(&self.entries.to_le_bytes())?;
        self.out.write_all(&(self.directory.len() as u32).to_le_bytes())?;
        self.out.write_all(&start.to_le_bytes())?;
        Ok(self.out.write_all(&[0, 0])?)
    }
}
