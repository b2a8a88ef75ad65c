//! The zip around a 3MF or a USDZ, written by hand so that many threads can compress one entry and that an entry
//! can begin where its reader wants it.

use crate::deflate::Deflated;
use crate::mesh_error::MeshFileError;
use crate::mesh_file::MeshFormat;
use flate2::Crc;
use std::io::Write;

/// Midnight of 1 January 1980, zip's earliest: a package tells no time, so equal content has equal bytes.
const DATE: u16 = 1 << 5 | 1;

/// Version of the format a reader needs for deflate.
const VERSION: u16 = 20;

/// Methods of compression.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Bytes of a local header before the entry's name.
const HEADER: u64 = 30;

/// The identifier of an extra field that only fills, as the tools of USD write it.
const PADDING: u16 = 0x1986;

/// A zip file that grows entry by entry.
pub(crate) struct Package<'a> {
    format: MeshFormat,
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
    pub(crate) fn new(format: MeshFormat, out: &'a mut dyn Write) -> Self {
        Self { format, out, at: 0, directory: Vec::new(), entries: 0 }
    }

    /// Adds a small entry as it is.
    pub(crate) fn store(&mut self, name: &str, bytes: &[u8]) -> Result<(), MeshFileError> {
        let mut crc = Crc::new();
        crc.update(bytes);
        let size = bytes.len() as u64;
        let entry = Entry { name, method: STORED, crc: crc.sum(), packed: size, plain: size };
        self.begin(&entry)?;
        Ok(self.out.write_all(bytes)?)
    }

    /// Adds a compressed entry.
    pub(crate) fn deflated(&mut self, name: &str, stream: &Deflated) -> Result<(), MeshFileError> {
        let entry =
            Entry { name, method: DEFLATED, crc: stream.crc, packed: stream.len(), plain: stream.plain };
        self.begin(&entry)?;
        for piece in &stream.pieces {
            self.out.write_all(piece)?;
        }
        Ok(())
    }

    /// Adds an entry in pieces as it is, beginning at a multiple of `align` bytes in the file.
    pub(crate) fn aligned(
        &mut self,
        name: &str,
        pieces: &[Vec<u8>],
        align: u64,
    ) -> Result<(), MeshFileError> {
        let mut crc = Crc::new();
        pieces.iter().for_each(|piece| crc.update(piece));
        let size = pieces.iter().map(|piece| piece.len() as u64).sum();
        let entry = Entry { name, method: STORED, crc: crc.sum(), packed: size, plain: size };
        // An extra field has at least its own four bytes: identifier and length.
        let start = self.at + HEADER + name.len() as u64 + 4;
        let fill = (align - start % align) % align;
        let mut extra = vec![0; 4 + fill as usize];
        extra[..2].copy_from_slice(&PADDING.to_le_bytes());
        extra[2..4].copy_from_slice(&(fill as u16).to_le_bytes());
        self.begin_with(&entry, &extra)?;
        for piece in pieces {
            self.out.write_all(piece)?;
        }
        Ok(())
    }

    fn too_large(&self) -> MeshFileError {
        MeshFileError::TooLarge { format: self.format, what: "bytes", limit: u64::from(u32::MAX) }
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<(), MeshFileError> {
        self.begin_with(entry, &[])
    }

    fn begin_with(&mut self, entry: &Entry<'_>, extra: &[u8]) -> Result<(), MeshFileError> {
        // Sizes have 32 bits; beyond, zip64 would be needed, which not every reader of 3MF knows.
        let limit = u64::from(u32::MAX);
        if entry.plain > limit || self.at + entry.packed > limit {
            return Err(self.too_large());
        }
        let mut common = Vec::with_capacity(26);
        for short in [VERSION, 0, entry.method, 0, DATE] {
            common.extend_from_slice(&short.to_le_bytes());
        }
        for long in [entry.crc, entry.packed as u32, entry.plain as u32] {
            common.extend_from_slice(&long.to_le_bytes());
        }
        let name = (entry.name.len() as u16).to_le_bytes();
        common.extend_from_slice(&name);
        self.out.write_all(b"PK\x03\x04")?;
        self.out.write_all(&common)?;
        self.out.write_all(&(extra.len() as u16).to_le_bytes())?;
        self.out.write_all(entry.name.as_bytes())?;
        self.out.write_all(extra)?;
        // The directory repeats it all, with the maker's version in front and attributes and place behind.
        self.directory.extend_from_slice(b"PK\x01\x02");
        self.directory.extend_from_slice(&VERSION.to_le_bytes());
        self.directory.extend_from_slice(&common);
        self.directory.extend_from_slice(&[0; 12]);
        self.directory.extend_from_slice(&(self.at as u32).to_le_bytes());
        self.directory.extend_from_slice(entry.name.as_bytes());
        self.entries += 1;
        self.at += HEADER + (entry.name.len() + extra.len()) as u64 + entry.packed;
        Ok(())
    }

    /// Writes the directory.
    pub(crate) fn finish(self) -> Result<(), MeshFileError> {
        let start = u32::try_from(self.at).map_err(|_| self.too_large())?;
        self.out.write_all(&self.directory)?;
        self.out.write_all(b"PK\x05\x06\0\0\0\0")?;
        self.out.write_all(&self.entries.to_le_bytes())?;
        self.out.write_all(&self.entries.to_le_bytes())?;
        self.out.write_all(&(self.directory.len() as u32).to_le_bytes())?;
        self.out.write_all(&start.to_le_bytes())?;
        Ok(self.out.write_all(&[0, 0])?)
    }
}
