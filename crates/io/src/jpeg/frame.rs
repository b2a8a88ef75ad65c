//! The markers of a stream: size, depth and process of the image, and the tables its scan is coded with.

use super::huffman::Codes;
use super::{JpegError, damaged, unsupported};

/// How an image is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Cosine transform, 8 bits (T.81 process 1); lossy.
    Baseline,
    /// Cosine transform, 8 or 12 bits (processes 2 and 4); lossy.
    Extended,
    /// Prediction from neighbours, 2 to 16 bits (process 14); exact.
    Lossless,
}

/// What a stream says about its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Columns, 1 to 65535.
    pub width: usize,
    /// Rows, 1 to 65535.
    pub height: usize,
    /// Samples of a pixel; only images with one can be decoded.
    pub components: usize,
    /// Bits of a sample, 2 to 16; samples are unsigned.
    pub bits: u32,
    /// How it is coded.
    pub process: Process,
}

impl Image {
    /// Number of samples: width × height × components.
    pub const fn samples(&self) -> usize {
        self.width * self.height * self.components
    }
}

/// Reads the markers up to the one that describes the image.
///
/// # Errors
/// [`JpegError`] when the bytes are not a JPEG stream, are damaged before the image begins, or use a process
/// that is not supported. Colour is not refused here but by [`super::decode_into`].
pub fn header(stream: &[u8]) -> Result<Image, JpegError> {
    let mut markers = Markers::new(stream)?;
    loop {
        let (code, segment) = markers.segment()?;
        if let Some(frame) = markers.take(code, segment)? {
            return Ok(frame.image);
        }
    }
}

/// How many low bits of every sample the lossless process has left out (its point transform); 0 where nothing is
/// lost, and for the other processes.
///
/// # Errors
/// As [`header`], for all markers before the pixels.
pub fn left_out(stream: &[u8]) -> Result<u32, JpegError> {
    let scan = Markers::new(stream)?.scan()?;
    Ok(if scan.image.process == Process::Lossless { scan.shift } else { 0 })
}

/// A frame header with the selectors of its first component.
#[derive(Clone, Copy)]
struct Frame {
    image: Image,
    id: u8,
    quantiser: u8,
}

/// What the decoder of a scan needs.
pub(super) struct Scan {
    pub(super) image: Image,
    /// Codes of differences: of neighbours, or of mean values of blocks.
    pub(super) differences: Codes,
    /// Codes of the other coefficients and quantiser of each, in zigzag order; not for the lossless process.
    pub(super) blocks: Option<(Codes, [u16; 64])>,
    /// The lossless predictor, 1 to 7.
    pub(super) predictor: u8,
    /// Number of low bits that were left out by the lossless process.
    pub(super) shift: u32,
    /// Units (samples, blocks) between restart markers; 0 without.
    pub(super) restart: usize,
    /// Where the bits begin in the stream.
    pub(super) start: usize,
}

/// Walks over the marker segments of a stream and keeps what they say.
pub(super) struct Markers<'a> {
    bytes: &'a [u8],
    next: usize,
    frame: Option<Frame>,
    /// By class (0 differences, 1 coefficients) and number.
    codes: [[Option<Codes>; 4]; 2],
    quantisers: [Option<[u16; 64]>; 4],
    restart: usize,
}

const SOI: u8 = 0xd8;
pub(super) const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DHT: u8 = 0xc4;
const DQT: u8 = 0xdb;
pub(super) const DNL: u8 = 0xdc;
const DRI: u8 = 0xdd;
pub(super) const COMMENT: u8 = 0xfe;

impl<'a> Markers<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, JpegError> {
        if !bytes.starts_with(&[0xff, SOI]) {
            return Err(JpegError::NotJpeg);
        }
        Ok(Self { bytes, next: 2, frame: None, codes: Default::default(), quantisers: [None; 4], restart: 0 })
    }

    /// Reads up to the bits of the first scan.
    pub(super) fn scan(mut self) -> Result<Scan, JpegError> {
        loop {
            let (code, segment) = self.segment()?;
            if code == SOS {
                return self.start(segment);
            }
            self.take(code, segment)?;
        }
    }

    /// The next marker's code and its segment.
    fn segment(&mut self) -> Result<(u8, &'a [u8]), JpegError> {
        let cut = || JpegError::Truncated(self.bytes.len());
        let (code, at) = marker(self.bytes, self.next)?;
        if code == EOI {
            return damaged("it ends without an image");
        }
        let two = self.bytes.get(at..at + 2).ok_or_else(cut)?;
        let length = usize::from(word(two, 0)?);
        if length < 2 {
            return damaged(format!("a marker segment of {length} bytes at byte {at}"));
        }
        let segment = self.bytes.get(at + 2..at + length).ok_or_else(cut)?;
        self.next = at + length;
        Ok((code, segment))
    }

    /// Keeps what a segment says; gives the frame if it was that.
    fn take(&mut self, code: u8, segment: &[u8]) -> Result<Option<Frame>, JpegError> {
        match code {
            0xc0 => return self.frame(Process::Baseline, segment).map(Some),
            0xc1 => return self.frame(Process::Extended, segment).map(Some),
            0xc3 => return self.frame(Process::Lossless, segment).map(Some),
            0xc2 => return unsupported("the progressive process"),
            0xc5..=0xc7 | 0xcd..=0xcf | 0xde | 0xdf => return unsupported("a hierarchical process"),
            0xc9..=0xcc => return unsupported("arithmetic coding"),
            0xf7 => return unsupported("the JPEG-LS process under the name of JPEG"),
            DNL => return unsupported("a number of rows that is stated after the image"),
            DHT => self.huffman(segment)?,
            DQT => self.quantisers(segment)?,
            DRI => self.restart = usize::from(word(segment, 0)?),
            SOS => return damaged("a scan begins before the size of the image is stated"),
            0xe0..=0xef | COMMENT => {}
            _ => return damaged(format!("marker FF{code:02X} is out of place")),
        }
        Ok(None)
    }

    fn frame(&mut self, process: Process, segment: &[u8]) -> Result<Frame, JpegError> {
        if self.frame.is_some() {
            return damaged("it describes two images");
        }
        let bits = u32::from(*segment.first().unwrap_or(&0));
        let [height, width] = [word(segment, 1)?, word(segment, 3)?].map(usize::from);
        let components = usize::from(*segment.get(5).unwrap_or(&0));
        let fits = match process {
            Process::Baseline => bits == 8,
            Process::Extended => bits == 8 || bits == 12,
            Process::Lossless => (2..=16).contains(&bits),
        };
        if !fits {
            return damaged(format!("{bits} bits a sample do not go with the process it names"));
        }
        if width == 0 {
            return damaged("an image of 0 columns");
        }
        if height == 0 {
            return unsupported("a number of rows that is stated after the image");
        }
        let list = segment.get(6..).unwrap_or(&[]);
        if components == 0 || list.len() != 3 * components {
            return damaged(format!("a list of {components} components in {} bytes", list.len()));
        }
        // They mean nothing where there is one component, but tell a damaged list from a sound one.
        let factor = |sampling: u8| (1..=4).contains(&(sampling >> 4)) && (1..=4).contains(&(sampling & 15));
        if let Some(component) = list.chunks(3).find(|component| !factor(component[1])) {
            return damaged(format!("a component with sampling factors {:02X}", component[1]));
        }
        let image = Image { width, height, components, bits, process };
        let frame = Frame { image, id: list[0], quantiser: list[2] };
        self.frame = Some(frame);
        Ok(frame)
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Result<(), JpegError> {
        while let Some((&selector, rest)) = segment.split_first() {
            let (class, number) = (usize::from(selector >> 4), usize::from(selector & 15));
            let Some(place) = self.codes.get_mut(class).and_then(|tables| tables.get_mut(number)) else {
                return damaged(format!("a code table with selector {selector:02X}"));
            };
            let (codes, rest) = Codes::read(rest)?;
            *place = Some(codes);
            segment = rest;
        }
        Ok(())
    }

    fn quantisers(&mut self, mut segment: &[u8]) -> Result<(), JpegError> {
        while let Some((&selector, rest)) = segment.split_first() {
            // Sixteen bits a number, or eight.
            let size = match selector >> 4 {
                0 => 1,
                1 => 2,
                _ => return damaged(format!("a quantiser table with selector {selector:02X}")),
            };
            let Some(place) = self.quantisers.get_mut(usize::from(selector & 15)) else {
                return damaged(format!("a quantiser table with selector {selector:02X}"));
            };
            let Some(numbers) = rest.get(..64 * size) else {
                return damaged(format!("a quantiser table of {} bytes", rest.len()));
            };
            let mut table = [0; 64];
            for (value, bytes) in table.iter_mut().zip(numbers.chunks(size)) {
                *value = bytes.iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
            }
            if table.contains(&0) {
                return damaged("a quantiser of 0");
            }
            *place = Some(table);
            segment = &rest[64 * size..];
        }
        Ok(())
    }

    fn start(mut self, segment: &[u8]) -> Result<Scan, JpegError> {
        let Some(Frame { image, id, quantiser }) = self.frame else {
            return damaged("a scan begins before the size of the image is stated");
        };
        if image.components != 1 {
            return unsupported(format!("{} components in colour", image.components));
        }
        let &[1, selector, tables, first, last, point] = segment else {
            return damaged("the scan's header does not fit an image of one component");
        };
        if selector != id {
            return damaged(format!("a scan of component {selector} where the image has component {id}"));
        }
        let mut codes = |class: usize, number: u8| {
            let place = self.codes[class].get_mut(usize::from(number));
            let missing = || JpegError::Damaged(format!("code table {number} of class {class} is missing"));
            place.and_then(Option::take).ok_or_else(missing)
        };
        let differences = codes(0, tables >> 4)?;
        let lossless = image.process == Process::Lossless;
        // Some encoders of the sequential process leave the last coefficient 0 where it must be 63.
        let legal = if lossless {
            (1..=7).contains(&first) && last == 0 && u32::from(point) < image.bits
        } else {
            first == 0 && matches!(last, 0 | 63) && point == 0
        };
        if !legal {
            return damaged(format!(
                "the scan's parameters {first}, {last}, {point} do not go with its process"
            ));
        }
        let blocks = if lossless {
            None
        } else {
            let table = self.quantisers.get(usize::from(quantiser)).copied().flatten();
            let missing = || JpegError::Damaged(format!("quantiser table {quantiser} is missing"));
            Some((codes(1, tables & 15)?, table.ok_or_else(missing)?))
        };
        Ok(Scan {
            image,
            differences,
            blocks,
            predictor: first,
            shift: u32::from(point),
            restart: self.restart,
            start: self.next,
        })
    }
}

fn word(segment: &[u8], at: usize) -> Result<u16, JpegError> {
    match segment.get(at..at + 2) {
        Some(two) => Ok(u16::from_be_bytes([two[0], two[1]])),
        None => damaged(format!("a marker segment of {} bytes is too short", segment.len())),
    }
}

/// The code of the marker at `at`, before which there may be fill bytes, and where its segment begins.
pub(super) fn marker(bytes: &[u8], at: usize) -> Result<(u8, usize), JpegError> {
    let rest = bytes.get(at..).unwrap_or(&[]);
    let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
    match rest.get(fill) {
        None => Err(JpegError::Truncated(bytes.len())),
        Some(_) if fill == 0 => damaged(format!("no marker at byte {at}")),
        Some(&code) => Ok((code, at + fill + 1)),
    }
}
