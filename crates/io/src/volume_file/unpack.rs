//! The bytes of a file as a stream, unpacked on the way.

use flate2::bufread::{GzDecoder, ZlibDecoder};
use std::io::{self, Read};

/// How much deflate can shrink at best; more is a contradiction between header and data.
const MOST_RATIO: u64 = 1032;

/// Bytes in memory, packed or not.
pub(crate) enum Stream<'a> {
    /// As they are.
    Plain(&'a [u8]),
    /// Gzip, several members one behind the other included.
    Gzip(GzDecoder<&'a [u8]>),
    /// Zlib.
    Zlib(ZlibDecoder<&'a [u8]>),
}

/// True for the bytes that a gzip stream begins with.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    // Identification and the one method there is.
    bytes.starts_with(&[0x1f, 0x8b, 8])
}

impl<'a> Stream<'a> {
    /// The bytes of a file that may be packed with gzip.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        if is_gzip(bytes) { Self::Gzip(GzDecoder::new(bytes)) } else { Self::Plain(bytes) }
    }

    /// How many bytes can come at most: a header may lie, this does not.
    pub(crate) fn most(&self) -> u64 {
        match self {
            Stream::Plain(rest) => rest.len() as u64,
            packed => (packed.behind() as u64).saturating_mul(MOST_RATIO),
        }
    }

    /// Packed bytes that were not used: once the stream has ended, those behind its end.
    pub(crate) fn behind(&self) -> usize {
        match self {
            Stream::Plain(_) => 0,
            Stream::Gzip(member) => member.get_ref().len(),
            Stream::Zlib(stream) => stream.get_ref().len(),
        }
    }

    /// Fills the buffer as far as the stream goes, and says how far.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(rest) => rest.read(buffer),
            Stream::Zlib(stream) => stream.read(buffer),
            Stream::Gzip(_) if buffer.is_empty() => Ok(0),
            Stream::Gzip(member) => loop {
                let n = member.read(buffer)?;
                let rest = *member.get_ref();
                if n > 0 || !is_gzip(rest) {
                    return Ok(n);
                }
                *member = GzDecoder::new(rest);
            },
        }
    }
}
