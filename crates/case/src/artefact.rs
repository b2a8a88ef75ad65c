//! Contents: their hashes, and the store that keeps them by hash.
//!
//! A content lies once on the disk, under `objects/`, and its artefact is a second name for it. Contents
//! are therefore never changed in place, only replaced; on Unix they are made read-only so that other
//! programs do not do it either.

use crate::error::CaseError;
use crate::path::CasePath;
use crate::vfs::{Stat, Vfs};
use osteon_core::Ctx;
use serde::{Deserialize, Serialize};
use sha2::Digest;
use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

/// A SHA-256, shown as 64 lower-case hexadecimal digits, as `sha256sum` prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    /// All digits, or the first few if a precision is given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(64).min(64);
        for place in 0..digits {
            let byte = self.0[place / 2];
            let digit = if place % 2 == 0 { byte >> 4 } else { byte & 15 };
            write!(f, "{digit:x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 lower-case hexadecimal digits")]
pub struct NotAHash;

impl FromStr for Sha256 {
    type Err = NotAHash;
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(NotAHash);
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(NotAHash),
        };
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotAHash;
    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(hash: Sha256) -> Self {
        hash.to_string()
    }
}

/// Hashes what is written through it.
pub struct HashingWriter<W> {
    inner: W,
    hasher: sha2::Sha256,
}

impl<W: Write> HashingWriter<W> {
    /// Writes to `inner` and hashes what it takes.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: sha2::Sha256::new() }
    }

    /// The writer and the hash of everything it took.
    pub fn finish(self) -> (W, Sha256) {
        (self.inner, Sha256(self.hasher.finalize().into()))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads a stored content and, at its end, makes sure that it is what it should be.
pub(crate) struct ProvenReader {
    inner: Box<dyn Read + Send>,
    hasher: sha2::Sha256,
    path: String,
    hash: Sha256,
}

impl Read for ProvenReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..taken]);
        if taken == 0 && !buffer.is_empty() && self.hasher.clone().finalize().as_slice() != self.hash.0 {
            let error = CaseError::Damaged { path: self.path.clone(), hash: self.hash, what: "changed" };
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(taken)
    }
}

/// Where a content lies.
pub(crate) fn object(hash: Sha256) -> CasePath {
    let digits = hash.to_string();
    CasePath::own(&format!("objects/{}/{}", &digits[..2], &digits[2..]))
}

/// Which content should lie there, judged by the name.
pub(crate) fn object_hash(path: &CasePath) -> Option<Sha256> {
    path.as_str().strip_prefix("objects/")?.replacen('/', "", 1).parse().ok()
}

/// Opens a stored content, proven at its end.
pub(crate) fn open(vfs: &dyn Vfs, path: &CasePath, hash: Sha256) -> Result<ProvenReader, CaseError> {
    let lies = object(hash);
    let inner = vfs.open(&lies).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => CaseError::Damaged { path: path.to_string(), hash, what: "missing" },
        _ => CaseError::reading(vfs.place(&lies), source),
    })?;
    Ok(ProvenReader { inner, hasher: sha2::Sha256::new(), path: path.to_string(), hash })
}

/// Bytes read between two questions whether to stop: a few milliseconds of hashing.
const PIECE: u64 = 1 << 20;

/// Reads a stored content whole, proven.
pub(crate) fn read(vfs: &dyn Vfs, path: &CasePath, hash: Sha256, ctx: &Ctx) -> Result<Vec<u8>, CaseError> {
    let mut bytes = Vec::new();
    let mut content = open(vfs, path, hash)?;
    loop {
        ctx.check()?;
        let piece = (&mut content).take(PIECE).read_to_end(&mut bytes);
        if piece.map_err(|error| unwrap(vfs, &object(hash), error))? == 0 {
            return Ok(bytes);
        }
    }
}

/// Makes sure a stored content is there and what it should be.
pub(crate) fn prove(vfs: &dyn Vfs, path: &CasePath, hash: Sha256) -> Result<(), CaseError> {
    let mut reader = open(vfs, path, hash)?;
    io::copy(&mut reader, &mut io::sink()).map_err(|error| unwrap(vfs, &object(hash), error))?;
    Ok(())
}

/// The case error inside a read error, or the read error as one.
fn unwrap(vfs: &dyn Vfs, path: &CasePath, error: io::Error) -> CaseError {
    match error.downcast::<CaseError>() {
        Ok(inner) => inner,
        Err(error) => CaseError::reading(vfs.place(path), error),
    }
}

/// The hash of a file as it lies on the disk; `None` if there is no regular file.
pub(crate) fn hash_file(vfs: &dyn Vfs, path: &CasePath, ctx: &Ctx) -> Result<Option<Sha256>, CaseError> {
    let fail = |source| CaseError::reading(vfs.place(path), source);
    let Some(Stat::File(_)) = vfs.stat(path).map_err(fail)? else {
        return Ok(None);
    };
    let mut file = vfs.open(path).map_err(fail)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        ctx.check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Some(Sha256(hasher.finalize().into()))),
            Ok(taken) => hasher.update(&buffer[..taken]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(error)),
        }
    }
}

/// Every file under `objects/`.
pub(crate) fn objects(vfs: &dyn Vfs) -> Result<Vec<CasePath>, CaseError> {
    let mut found = Vec::new();
    let top = CasePath::own("objects");
    for folder in list(vfs, &top)? {
        for file in list(vfs, &folder)? {
            found.push(file);
        }
    }
    Ok(found)
}

/// What lies in a folder; names that no case would give are left out.
fn list(vfs: &dyn Vfs, folder: &CasePath) -> Result<Vec<CasePath>, CaseError> {
    match vfs.stat(folder) {
        Ok(Some(Stat::Folder)) => {}
        Ok(_) => return Ok(Vec::new()),
        Err(source) => return Err(CaseError::reading(vfs.place(folder), source)),
    }
    let names = vfs.list(folder).map_err(|source| CaseError::reading(vfs.place(folder), source))?;
    Ok(names.iter().filter_map(|name| folder.join(name).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_what_sha256sum_prints() {
        // FIPS 180-4 example "abc".
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of(b"abc").to_string(), text);
        assert_eq!(text.parse(), Ok(Sha256::of(b"abc")));
        assert_eq!(format!("{:.12}", Sha256::of(b"abc")), "ba7816bf8f01");
        assert!(text.to_uppercase().parse::<Sha256>().is_err());
        assert!(text[1..].parse::<Sha256>().is_err());
    }

    #[test]
    fn a_content_lies_where_its_hash_says() {
        let hash = Sha256::of(b"abc");
        assert_eq!(&object(hash).as_str()[..14], "objects/ba/781");
        assert_eq!(object_hash(&object(hash)), Some(hash));
        assert_eq!(object_hash(&CasePath::own("objects/ab/readme")), None);
    }

    #[test]
    fn hashing_counts_only_what_the_writer_took() {
        struct Reluctant(Vec<u8>);
        impl Write for Reluctant {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = bytes.len().min(3);
                self.0.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = HashingWriter::new(Reluctant(Vec::new()));
        writer.write_all(b"trajectory").unwrap();
        let (written, hash) = writer.finish();
        assert_eq!(hash, Sha256::of(b"trajectory"));
        assert_eq!(written.0, b"trajectory");
    }
}
