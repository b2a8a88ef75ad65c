//! From the first bit of the scan to the end of the image, one restart interval after the other.

use super::bits::{Reader, unstuff};
use super::cosine::Blocks;
use super::frame::{COMMENT, DNL, EOI, Markers, Process, Scan, marker};
use super::lossless::Rows;
use super::{JpegError, damaged, unsupported};

/// Decodes a grey image into width × height samples, row by row, unsigned.
///
/// A missing end marker and bytes after the end are accepted if all samples are there.
///
/// # Errors
/// [`JpegError::Size`] when `out` has another length; otherwise as [`super::header`], and when the stream
/// is in colour, ends early, holds a code that is not in its tables, has its restart markers out of order,
/// or holds more than the image.
pub fn decode_into(stream: &[u8], out: &mut [u16]) -> Result<(), JpegError> {
    let scan = Markers::new(stream)?.scan()?;
    let found = scan.image.samples();
    if found != out.len() {
        return Err(JpegError::Size { found, expected: out.len() });
    }
    let mut intervals = Intervals { stream, next: scan.start, done: 0 };
    match scan.image.process {
        Process::Lossless => {
            let mut rows = Rows::new(&scan, out)?;
            let every = rows_between(&scan)?;
            intervals.run(scan.image.height, every, |reader, rows_of| rows.decode(reader, rows_of))?;
            rows.finish();
        }
        Process::Baseline | Process::Extended => {
            let mut blocks = Blocks::new(&scan, out)?;
            intervals.run(blocks.count(), scan.restart, |reader, units| blocks.decode(reader, units))?;
        }
    }
    intervals.end()
}

/// Rows between restart markers, which stand only between rows (T.81 H.1.1).
fn rows_between(scan: &Scan) -> Result<usize, JpegError> {
    if scan.restart.is_multiple_of(scan.image.width) {
        return Ok(scan.restart / scan.image.width);
    }
    let (restart, width) = (scan.restart, scan.image.width);
    damaged(format!("a restart marker after every {restart} samples in rows of {width}"))
}

/// Whole bytes that may follow the last bits: padding of careless encoders. More is part of another image.
/// Chosen.
const SURPLUS: i64 = 8;

struct Intervals<'a> {
    stream: &'a [u8],
    next: usize,
    done: usize,
}

impl Intervals<'_> {
    /// Decodes `count` units (rows, blocks) with a restart marker after each `every` of them, if that is not 0.
    fn run(
        &mut self,
        count: usize,
        every: usize,
        mut decode: impl FnMut(Reader, std::ops::Range<usize>) -> Result<i64, JpegError>,
    ) -> Result<(), JpegError> {
        let every = if every == 0 { count } else { every };
        let mut clean = Vec::with_capacity(self.stream.len() - self.next);
        for first in (0..count).step_by(every) {
            if first > 0 {
                self.restart()?;
            }
            self.next = unstuff(self.stream, self.next, &mut clean);
            let left = decode(Reader::new(&clean), first..count.min(first + every))?;
            if left < 0 && marker(self.stream, self.next).is_err() {
                return Err(JpegError::Truncated(self.stream.len()));
            }
            if left < 0 {
                return damaged(format!("the bits before byte {} are too few for the image", self.next));
            }
            if left / 8 > SURPLUS {
                return damaged(format!("{} bytes too many before byte {}", left / 8, self.next));
            }
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), JpegError> {
        let (code, next) = marker(self.stream, self.next)?;
        // Numbered from 0 to 7, again and again.
        let expected = 0xd0 + (self.done % 8) as u8;
        if code != expected {
            return damaged(format!(
                "marker FF{code:02X} where restart marker FF{expected:02X} was expected"
            ));
        }
        self.next = next;
        self.done += 1;
        Ok(())
    }

    /// What comes after the last bits must not add to the image, nor be what damage leaves.
    fn end(&self) -> Result<(), JpegError> {
        match marker(self.stream, self.next) {
            Ok((EOI | COMMENT | 0xe0..=0xef, _)) | Err(_) => Ok(()),
            Ok((DNL, _)) => unsupported("a number of rows that is stated after the image"),
            Ok((code, _)) => damaged(format!("marker FF{code:02X} after the last row")),
        }
    }
}
