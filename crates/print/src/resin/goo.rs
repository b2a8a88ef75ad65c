//! Elegoo's `.goo` files, version 3.0 ([elegoo-goo]): written layer by layer, and read back.
//!
//! Numbers are big-endian. A header of fixed size with two small pictures is followed by the layers, each with its
//! movements and its runs of light, and by an end mark. Every pixel is covered by a run, because printers do not
//! clear their memory before they decode a layer.

use super::error::ResinError;
use super::estimate::Estimate;
use super::file::Previews;
use super::printer::{ResinPrinter, Stroke};
use super::raster::{Frame, Run, Runs};
use std::io::Write;

/// Bytes before the first layer.
pub const HEADER: usize = 195_477;

/// What follows the version: the file is for a printer with a screen.
const MAGIC: [u8; 8] = [7, 0, 0, 0, b'D', b'L', b'P', 0];

/// The last bytes of a file.
const END: [u8; 11] = [0, 0, 0, 7, 0, 0, 0, b'D', b'L', b'P', 0];

/// What stands after pictures and layers.
const MARK: [u8; 2] = [0x0d, 0x0a];

/// The first byte of a layer's runs.
const RUNS: u8 = 0x55;

/// Edge lengths of the two pictures of the header.
pub const PREVIEWS: [u32; 2] = [116, 290];

/// Where the picture's size and the number of layers stand in the header.
const COUNTS: usize = 4 + 8 + 32 + 24 + 24 + 3 * 32 + 6 + 2 * (116 * 116 + 290 * 290) + 4;

/// Longest run of one piece: 28 bits.
const LONGEST: u32 = 0x0fff_ffff;

/// What the header says beside the printer's settings.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The printer.
    pub printer: &'a ResinPrinter,
    /// Layer height, mm.
    pub layer: f64,
    /// The pictures.
    pub frame: &'a Frame,
    /// Layers, time and resin.
    pub estimate: &'a Estimate,
    /// Pictures of the part.
    pub previews: &'a Previews,
}

/// Writes the header.
///
/// # Errors
/// When the file cannot be written.
pub fn write_header(header: &Header<'_>, out: &mut dyn Write) -> Result<(), ResinError> {
    let bytes = header_bytes(header);
    debug_assert_eq!(bytes.len(), HEADER, "the header's size is fixed");
    Ok(out.write_all(&bytes)?)
}

fn header_bytes(header: &Header<'_>) -> Vec<u8> {
    let Header { printer, frame, estimate, .. } = header;
    let (screen, e, m) = (&printer.screen, &printer.exposure, &printer.motion);
    let mut b = Bytes(Vec::with_capacity(HEADER));
    b.0.extend(*b"V3.0");
    b.0.extend(MAGIC);
    b.text("osteon", 32);
    b.text(env!("CARGO_PKG_VERSION"), 24);
    // The time is left out: the same part gives the same bytes.
    b.text("", 24);
    b.text(&printer.name, 32);
    b.text("DLP", 32);
    b.text(&printer.resin.material, 32);
    b.words([frame.levels.min(255) as u16, 0, 0]);
    for edge in PREVIEWS {
        b.words(header.previews.rgb565(edge));
        b.0.extend(MARK);
    }
    b.0.extend((estimate.layers as u32).to_be_bytes());
    b.words(frame.pixels.map(|n| n as u16));
    // What is told here is how the pictures are; printers do not turn them.
    b.0.extend([u8::from(frame.mirrored), 0]);
    let [width, depth] = screen.pixel();
    b.floats([width * f64::from(frame.pixels[0]), depth * f64::from(frame.pixels[1]), screen.height]);
    b.floats([header.layer, e.seconds]);
    // Rests are said as such, not as the time the light is off.
    b.0.push(1);
    b.floats([0.0]);
    let rests = [m.rest_after_exposure, m.rest_after_lift, m.rest_before_exposure];
    b.floats(rests);
    b.floats(rests);
    b.floats([e.first_seconds]);
    b.0.extend(e.first_layers.to_be_bytes());
    for strokes in [m.first_lift, m.lift, m.first_retract, m.retract] {
        b.stroke(strokes[0]);
    }
    for strokes in [m.first_lift, m.lift, m.first_retract, m.retract] {
        b.stroke(strokes[1]);
    }
    b.words([u16::from(e.first_brightness), u16::from(e.brightness)]);
    // Every layer's own settings count.
    b.0.push(1);
    b.0.extend((estimate.seconds.round() as u32).to_be_bytes());
    b.floats([estimate.millilitres * 1000.0, estimate.grams, estimate.cost]);
    b.text("", 8);
    b.0.extend((HEADER as u32).to_be_bytes());
    // Brightness has 256 levels.
    b.0.push(1);
    b.words([e.fading_layers as u16]);
    b.0
}

/// Bytes that grow.
struct Bytes(Vec<u8>);

impl Bytes {
    fn text(&mut self, text: &str, length: usize) {
        let plain = text.bytes().filter(u8::is_ascii).take(length - 1);
        let end = self.0.len() + length;
        self.0.extend(plain);
        self.0.resize(end, 0);
    }

    fn words(&mut self, words: impl IntoIterator<Item = u16>) {
        self.0.extend(words.into_iter().flat_map(u16::to_be_bytes));
    }

    fn floats(&mut self, numbers: impl IntoIterator<Item = f64>) {
        self.0.extend(numbers.into_iter().flat_map(|x| (x as f32).to_be_bytes()));
    }

    fn stroke(&mut self, stroke: Stroke) {
        self.floats([stroke.distance, stroke.speed]);
    }
}

/// The bytes of one layer.
pub fn layer(number: usize, height: f64, printer: &ResinPrinter, runs: &[Run]) -> Vec<u8> {
    let (e, m) = (&printer.exposure, &printer.motion);
    let first = number < e.first_layers as usize;
    let (up, down) = if first { (m.first_lift, m.first_retract) } else { (m.lift, m.retract) };
    let mut b = Bytes(Vec::with_capacity(80 + 2 * runs.len()));
    b.words([0]);
    b.floats([printer.screen.height, (number as f64 + 1.0) * height, printer.seconds(number), 0.0]);
    b.floats([m.rest_after_exposure, m.rest_after_lift, m.rest_before_exposure]);
    for stroke in up.into_iter().chain(down) {
        b.stroke(stroke);
    }
    b.words([u16::from(if first { e.first_brightness } else { e.brightness })]);
    b.0.extend(MARK);
    let encoded = encode(runs);
    b.0.extend((encoded.len() as u32 + 2).to_be_bytes());
    b.0.push(RUNS);
    b.0.extend(&encoded);
    b.0.push(checksum(&encoded));
    b.0.extend(MARK);
    b.0
}

/// Writes the end mark.
///
/// # Errors
/// When the file cannot be written.
pub fn write_end(out: &mut dyn Write) -> Result<(), ResinError> {
    Ok(out.write_all(&END)?)
}

fn checksum(bytes: &[u8]) -> u8 {
    !bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte))
}

/// Runs as bytes: two bits for the kind, two for the size of the length, four for its lowest digits.
///
/// Kinds: 0 dark, 1 a grey said in the next byte, 2 a grey that differs from the one before by up to 15, 3 all light.
fn encode(runs: &[Run]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * runs.len());
    let mut last: Option<u8> = None;
    for run in runs {
        let mut rest = run.length;
        while rest > 0 {
            let step = last.map(|last| i16::from(run.value) - i16::from(last));
            let small = step.filter(|step| step.abs() <= 15 && rest <= 255);
            match (run.value, small) {
                (1..=254, Some(step)) => {
                    let back = u8::from(step < 0) << 5;
                    let long = u8::from(rest > 1) << 4;
                    bytes.push(0x80 | back | long | step.unsigned_abs() as u8);
                    bytes.extend((rest > 1).then_some(rest as u8));
                    rest = 0;
                }
                _ => {
                    let length = rest.min(LONGEST);
                    piece(run.value, length, &mut bytes);
                    rest -= length;
                }
            }
            last = Some(run.value);
        }
    }
    bytes
}

/// One piece of kind 0, 1 or 3.
fn piece(value: u8, length: u32, bytes: &mut Vec<u8>) {
    let kind = match value {
        0 => 0,
        255 => 3,
        _ => 1,
    };
    let more: u8 = match length {
        0..=0xf => 0,
        0x10..=0xfff => 1,
        0x1000..=0xf_ffff => 2,
        _ => 3,
    };
    bytes.push(kind << 6 | more << 4 | (length & 0xf) as u8);
    bytes.extend((kind == 1).then_some(value));
    for shift in (0..more).rev() {
        bytes.push((length >> (4 + 8 * u32::from(shift))) as u8);
    }
}

/// The runs of a layer's bytes.
fn decode(bytes: &[u8], pixels: u64) -> Result<Vec<Run>, ResinError> {
    let ends = || ResinError::unreadable("a run ends in the middle");
    let mut runs = Runs(Vec::with_capacity(bytes.len() / 2));
    let (mut at, mut value, mut total) = (0, 0_u8, 0_u64);
    let next = |at: &mut usize| {
        *at += 1;
        bytes.get(*at - 1).copied().ok_or_else(ends)
    };
    while at < bytes.len() {
        let head = next(&mut at)?;
        let (kind, low) = (head >> 6, head & 0xf);
        let length = if kind == 2 {
            let changed = if head & 0x20 == 0 { value.checked_add(low) } else { value.checked_sub(low) };
            value = changed.ok_or_else(|| ResinError::unreadable("a grey beyond 0 to 255"))?;
            if head & 0x10 == 0 { 1 } else { u64::from(next(&mut at)?) }
        } else {
            value = match kind {
                0 => 0,
                1 => next(&mut at)?,
                _ => 255,
            };
            let mut high = 0;
            for _ in 0..(head >> 4 & 3) {
                high = high << 8 | u64::from(next(&mut at)?);
            }
            high << 4 | u64::from(low)
        };
        total += length;
        if total > pixels {
            return Err(ResinError::unreadable(format!("a layer has more than {pixels} pixels")));
        }
        runs.add(length, value);
    }
    if total != pixels {
        let what =
            format!("a layer covers {total} of {pixels} pixels: the rest is whatever the printer remembers");
        return Err(ResinError::Unreadable { what });
    }
    Ok(runs.0)
}

/// A `.goo` file read back.
#[derive(Clone, Debug)]
pub struct Goo<'a> {
    /// Pixels in a row, and rows.
    pub pixels: [u32; 2],
    /// True where the file says its pictures are mirrored across their columns or rows.
    pub mirrored: [bool; 2],
    /// Layer height, mm.
    pub layer: f64,
    /// Height of each layer's upper face above the plate, mm.
    pub heights: Vec<f64>,
    /// Exposure of each layer, s.
    pub seconds: Vec<f64>,
    /// The whole time it says, s.
    pub printing: f64,
    data: Vec<&'a [u8]>,
}

impl<'a> Goo<'a> {
    /// Reads what stands around the layers; what a layer holds is read by [`Goo::runs`].
    ///
    /// # Errors
    /// `resin-unreadable` with what is wrong.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ResinError> {
        if !bytes.starts_with(b"V3.0") || bytes.get(4..12) != Some(&MAGIC[..]) {
            return Err(ResinError::unreadable("it is not a .goo file of version 3.0"));
        }
        if !bytes.ends_with(&END) || bytes.len() < HEADER + END.len() {
            return Err(ResinError::unreadable("the .goo file has no end: it is cut off"));
        }
        let mut at = Reader { bytes, at: COUNTS };
        let count = at.long()? as usize;
        let pixels = [at.word()?, at.word()?].map(u32::from);
        let mirrored = [at.byte()? != 0, at.byte()? != 0];
        at.at += 12;
        let layer = at.float()?;
        at.at = HEADER - 2 - 1 - 4 - 8 - 12 - 4;
        let printing = f64::from(at.long()?);
        at.at = HEADER;
        let mut goo =
            Self { pixels, mirrored, layer, heights: vec![], seconds: vec![], printing, data: vec![] };
        for number in 0..count {
            at.at += 6;
            goo.heights.push(at.float()?);
            goo.seconds.push(at.float()?);
            at.at += 4 + 3 * 4 + 8 * 4 + 2 + 2;
            let length = at.long()? as usize;
            let data = at.take(length)?;
            at.at += 2;
            let (Some((&RUNS, rest)), true) = (data.split_first(), length >= 2) else {
                return Err(ResinError::Unreadable {
                    what: format!("layer {number} does not begin with its mark"),
                });
            };
            goo.data.push(rest);
        }
        if at.at + END.len() != bytes.len() {
            return Err(ResinError::unreadable("there are other bytes after the last layer"));
        }
        Ok(goo)
    }

    /// The runs of a layer.
    ///
    /// # Errors
    /// `resin-unreadable` where its checksum is wrong, or it does not cover every pixel once.
    pub fn runs(&self, layer: usize) -> Result<Vec<Run>, ResinError> {
        let data = self.data.get(layer).copied().unwrap_or_default();
        let Some((sum, runs)) = data.split_last() else {
            return Err(ResinError::Unreadable { what: format!("there is no layer {layer}") });
        };
        if checksum(runs) != *sum {
            return Err(ResinError::Unreadable { what: format!("the checksum of layer {layer} is wrong") });
        }
        decode(runs, u64::from(self.pixels[0]) * u64::from(self.pixels[1]))
    }
}

/// Bytes read one number after the other.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ResinError> {
        let end = self.at.checked_add(count);
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        self.at = end.unwrap_or(usize::MAX);
        found.ok_or_else(|| ResinError::unreadable("the .goo file ends in the middle of a layer"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ResinError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, ResinError> {
        Ok(self.array::<1>()?[0])
    }

    fn word(&mut self) -> Result<u16, ResinError> {
        self.array().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Result<u32, ResinError> {
        self.array().map(u32::from_be_bytes)
    }

    fn float(&mut self) -> Result<f64, ResinError> {
        self.array().map(|bytes| f64::from(f32::from_be_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_of_every_kind_and_length_are_bytes_as_the_format_says() {
        let bytes = |runs: &[(u32, u8)]| {
            encode(&runs.iter().map(|&(length, value)| Run { length, value }).collect::<Vec<_>>())
        };
        assert_eq!(bytes(&[(5, 0)]), [0x05]);
        assert_eq!(bytes(&[(0x123, 255)]), [0xd3, 0x12]);
        assert_eq!(bytes(&[(0x12345, 0)]), [0x25, 0x12, 0x34]);
        assert_eq!(bytes(&[(0x0123_4567, 0)]), [0x37, 0x12, 0x34, 0x56]);
        assert_eq!(bytes(&[(2, 100)]), [0x42, 100]);
        assert_eq!(bytes(&[(2, 100), (1, 115), (3, 110)]), [0x42, 100, 0x8f, 0xb5, 3]);
        assert_eq!(bytes(&[(2, 100), (1, 116)]), [0x42, 100, 0x41, 116]);
    }

    proptest! {
        #[test]
        fn runs_are_read_as_they_were_written(
            runs in prop::collection::vec((1..0x0020_0000_u32, prop::num::u8::ANY, prop::bool::ANY), 0..60),
        ) {
            let mut given = Runs(Vec::new());
            for (length, value, short) in runs {
                given.add(u64::from(if short { length % 300 } else { length }), value);
            }
            let pixels = given.0.iter().map(|r| u64::from(r.length)).sum();
            let bytes = encode(&given.0);
            prop_assert_eq!(decode(&bytes, pixels).unwrap(), given.0);
            prop_assert!(decode(&bytes, pixels + 1).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop::num::u8::ANY, 0..200)) {
            if let Ok(runs) = decode(&bytes, 1 << 20) {
                prop_assert_eq!(runs.iter().map(|r| u64::from(r.length)).sum::<u64>(), 1 << 20);
            }
        }
    }
}
