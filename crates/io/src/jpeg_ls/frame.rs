//! The markers of a stream: size, depth and components of the image, and what each scan says of itself.

use super::JpegLsError;
use super::model::Preset;

/// How the components of a pixel follow each other in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interleave {
    /// One scan for each component.
    None,
    /// Line by line.
    Line,
    /// Pixel by pixel.
    Sample,
}

/// What a stream says about its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bits of a sample, 2 to 16.
    pub bits: u32,
    /// Samples of a pixel, 1 to 4.
    pub components: usize,
    /// How far a decoded sample may be from the original one; 0 is lossless.
    pub near: u32,
    /// How components are interleaved in the stream (decoded samples are always pixel by pixel).
    pub interleave: Interleave,
}

impl Header {
    /// Number of samples: width × height × components.
    pub const fn samples(&self) -> usize {
        self.width * self.height * self.components
    }
}

/// Reads the markers up to the first scan.
///
/// # Errors
/// [`JpegLsError`] when the bytes are not a JPEG-LS stream, are damaged, or use what is not supported.
pub fn header(bytes: &[u8]) -> Result<Header, JpegLsError> {
    let mut markers = Markers::new(bytes)?;
    markers.scan()?;
    markers.header()
}

/// One scan: its parameters and its bits.
pub(super) struct Scan<'a> {
    /// Indices of the components in it.
    pub(super) components: Vec<usize>,
    pub(super) near: i32,
    pub(super) interleave: Interleave,
    pub(super) preset: Preset,
    pub(super) bits: &'a [u8],
}

#[derive(Clone)]
struct Frame {
    width: usize,
    height: usize,
    depth: u32,
    ids: Vec<u8>,
}

/// Walks over the markers of a stream, scan by scan.
pub(super) struct Markers<'a> {
    bytes: &'a [u8],
    next: usize,
    frame: Option<Frame>,
    preset: Preset,
    /// Permitted error and interleaving of the scans so far.
    seen: Option<(i32, Interleave)>,
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DNL: u8 = 0xdc;
const DRI: u8 = 0xdd;
const SOF_LS: u8 = 0xf7;
const LSE: u8 = 0xf8;
const COMMENT: u8 = 0xfe;

fn damaged<T>(what: impl Into<String>) -> Result<T, JpegLsError> {
    Err(JpegLsError::Damaged(what.into()))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, JpegLsError> {
    Err(JpegLsError::Unsupported(what.into()))
}

fn word(segment: &[u8], at: usize) -> Result<i32, JpegLsError> {
    match segment.get(at..at + 2) {
        Some(two) => Ok(i32::from(u16::from_be_bytes([two[0], two[1]]))),
        None => damaged(format!("a marker segment of {} bytes is too short", segment.len())),
    }
}

impl<'a> Markers<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, JpegLsError> {
        if !bytes.starts_with(&[0xff, SOI]) {
            return damaged("it does not begin with the marker FFD8");
        }
        Ok(Self {
            bytes,
            next: 2,
            frame: None,
            preset: Preset { maxval: 0, t1: 0, t2: 0, t3: 0, reset: 0 },
            seen: None,
        })
    }

    /// What the image looks like; known once a scan was seen.
    pub(super) fn header(&self) -> Result<Header, JpegLsError> {
        match (&self.frame, self.seen) {
            (Some(frame), Some((near, interleave))) => Ok(Header {
                width: frame.width,
                height: frame.height,
                bits: frame.depth,
                components: frame.ids.len(),
                near: near as u32,
                interleave,
            }),
            _ => damaged("it holds no image"),
        }
    }

    fn byte(&self, at: usize) -> Result<u8, JpegLsError> {
        self.bytes.get(at).copied().ok_or(JpegLsError::Truncated(self.bytes.len()))
    }

    /// The next marker's code and its segment; empty for the end of the image.
    fn segment(&mut self) -> Result<(u8, &'a [u8]), JpegLsError> {
        if self.byte(self.next)? != 0xff {
            return damaged(format!("no marker at byte {}", self.next));
        }
        while self.byte(self.next)? == 0xff {
            self.next += 1;
        }
        let code = self.byte(self.next)?;
        self.next += 1;
        if code == EOI {
            return Ok((code, &[]));
        }
        let length = usize::from(self.byte(self.next)?) << 8 | usize::from(self.byte(self.next + 1)?);
        if length < 2 {
            return damaged(format!("a marker segment of {length} bytes"));
        }
        let Some(segment) = self.bytes.get(self.next + 2..self.next + length) else {
            return Err(JpegLsError::Truncated(self.bytes.len()));
        };
        self.next += length;
        Ok((code, segment))
    }

    /// The next scan, or `None` at the end of the image.
    pub(super) fn scan(&mut self) -> Result<Option<Scan<'a>>, JpegLsError> {
        loop {
            let (code, segment) = self.segment()?;
            match code {
                SOF_LS => self.frame(segment)?,
                LSE => self.parameters(segment)?,
                SOS => return self.start(segment).map(Some),
                EOI => return Ok(None),
                DRI => {
                    if segment.iter().any(|&b| b != 0) {
                        return unsupported("restart intervals");
                    }
                }
                DNL => return unsupported("a number of lines after the image"),
                // HP's colour transforms are announced in an APP8 segment "mrfx" and change the pixels.
                0xe8 if segment.starts_with(b"mrfx") && segment.get(4) != Some(&0) => {
                    return unsupported("a colour transform");
                }
                0xe0..=0xef | COMMENT => {}
                0xc0..=0xcf => return unsupported(format!("another JPEG process (marker FF{code:02X})")),
                _ => return damaged(format!("marker FF{code:02X} is out of place")),
            }
        }
    }

    fn frame(&mut self, segment: &[u8]) -> Result<(), JpegLsError> {
        if self.frame.is_some() {
            return damaged("two images in one stream");
        }
        let depth = u32::from(*segment.first().unwrap_or(&0));
        let (height, width) = (word(segment, 1)? as usize, word(segment, 3)? as usize);
        let count = usize::from(*segment.get(5).unwrap_or(&0));
        if !(2..=16).contains(&depth) {
            return damaged(format!("{depth} bits a sample"));
        }
        if width == 0 || height == 0 {
            return unsupported("a size that is not stated before the image");
        }
        if !(1..=4).contains(&count) {
            return unsupported(format!("{count} components"));
        }
        let Some(list) = segment.get(6..).filter(|list| list.len() == 3 * count) else {
            return damaged("the list of components has the wrong length");
        };
        if list.chunks(3).any(|c| c[1] != 0x11) {
            return unsupported("subsampled components");
        }
        let ids = list.chunks(3).map(|c| c[0]).collect();
        self.frame = Some(Frame { width, height, depth, ids });
        Ok(())
    }

    fn parameters(&mut self, segment: &[u8]) -> Result<(), JpegLsError> {
        match segment.first() {
            Some(1) if segment.len() == 11 => {
                self.preset = Preset {
                    maxval: word(segment, 1)?,
                    t1: word(segment, 3)?,
                    t2: word(segment, 5)?,
                    t3: word(segment, 7)?,
                    reset: word(segment, 9)?,
                };
                Ok(())
            }
            Some(2 | 3) => unsupported("a palette"),
            Some(4) => unsupported("a size above 65535"),
            _ => damaged("unknown preset parameters"),
        }
    }

    fn start(&mut self, segment: &[u8]) -> Result<Scan<'a>, JpegLsError> {
        let Some(frame) = self.frame.clone() else {
            return damaged("a scan comes before the image's size");
        };
        let count = usize::from(*segment.first().unwrap_or(&0));
        if count == 0 || segment.len() != 4 + 2 * count {
            return damaged("a scan's header has the wrong length");
        }
        let mut components = Vec::new();
        for pair in segment[1..=2 * count].chunks(2) {
            match frame.ids.iter().position(|&id| id == pair[0]) {
                Some(index) if !components.contains(&index) => components.push(index),
                _ => return damaged(format!("a scan of component {}, twice or unknown", pair[0])),
            }
            if pair[1] != 0 {
                return unsupported("a palette");
            }
        }
        let tail = &segment[1 + 2 * count..];
        let near = i32::from(tail[0]);
        let interleave = match tail[1] {
            0 if count == 1 => Interleave::None,
            1 => Interleave::Line,
            2 => Interleave::Sample,
            other => return damaged(format!("interleave mode {other} with {count} components")),
        };
        if tail[2] != 0 {
            return unsupported("a point transform");
        }
        let preset = self.preset.completed(near, frame.depth)?;
        let widest = self.seen.map_or(near, |(before, _)| before.max(near));
        self.seen = Some((widest, interleave));
        Ok(Scan { components, near, interleave, preset, bits: self.bits() })
    }

    /// The bits up to the next marker: 0xFF followed by a byte with its highest bit set.
    fn bits(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.next..];
        let mut from = 0;
        let length = loop {
            match rest[from..].iter().position(|&b| b == 0xff) {
                Some(at) if rest.get(from + at + 1).is_some_and(|&b| b >= 0x80) => break from + at,
                Some(at) => from += at + 1,
                None => break rest.len(),
            }
        };
        self.next += length;
        &rest[..length]
    }
}
