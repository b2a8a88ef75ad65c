//! NRRD: volumes of a case (`.nrrd`) and label maps with their table of structures (`.seg.nrrd`).
//!
//! Coordinates are written as LPS millimetres with as many digits as it takes to read back the same bits, so
//! a tilted, rotated or left-handed grid returns exactly as it went. RAS files are turned to LPS on reading.
//! Detached data, text and bzip2 encodings are refused.
//!
//! 1. [`write_volume`], [`read_volume`]; `header` is the text before the data
//! 2. [`Segment`], [`write_segments`], [`read_segments`]
//! 3. [`NrrdError`]

mod error;
mod header;
mod segments;

pub use error::NrrdError;
pub use segments::{Segment, read_segments, write_segments};

use crate::deflate::{self, Deflated};
use header::{Header, Order};
use osteon_core::{Ctx, Volume};
use std::io::Write;

/// How the samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are: largest and fastest.
    Raw,
    /// Compressed with gzip at its fastest level.
    Gzip,
}

/// Samples converted between two questions whether to stop.
const CHUNK: usize = deflate::BLOCK / 2;

/// Writes a volume: 16-bit little-endian samples, LPS millimetres.
///
/// `comments` become header lines; line breaks in them become spaces.
pub fn write_volume(
    volume: &Volume<i16>,
    comments: &[&str],
    encoding: Encoding,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), NrrdError> {
    let mut head = header::start(volume.grid(), "int16", encoding);
    for comment in comments {
        head.push_str("# ");
        head.extend(comment.chars().map(|c| if c.is_control() { ' ' } else { c }));
        head.push('\n');
    }
    head.push('\n');
    out.write_all(head.as_bytes())?;
    let samples = volume.samples();
    let encode = |chunk: &[i16], bytes: &mut Vec<u8>| {
        bytes.resize(chunk.len() * 2, 0);
        for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(chunk) {
            *pair = sample.to_le_bytes();
        }
    };
    match encoding {
        Encoding::Raw => {
            let mut bytes = Vec::with_capacity(CHUNK * 2);
            for (n, chunk) in samples.chunks(CHUNK).enumerate() {
                encode(chunk, &mut bytes);
                out.write_all(&bytes)?;
                ctx.done((n * CHUNK) as f64 / samples.len() as f64)?;
            }
        }
        Encoding::Gzip => {
            let chunk = |n: usize| &samples[n * CHUNK..samples.len().min((n + 1) * CHUNK)];
            let fill = |n: usize, bytes: &mut Vec<u8>| {
                encode(chunk(n), bytes);
                Ok::<_, NrrdError>(())
            };
            write_gzip(&deflate::deflate(samples.len().div_ceil(CHUNK), fill, ctx)?, out)?;
        }
    }
    Ok(ctx.done(1.0)?)
}

/// Reads a three-dimensional volume of whole numbers that fit 16 bits, raw or gzip, LPS or RAS.
///
/// A file that does not say where it lies in the patient is refused.
pub fn read_volume(bytes: &[u8], ctx: &Ctx) -> Result<Volume<i16>, NrrdError> {
    let header = Header::parse(bytes)?;
    let (layers, grid) = header.grid()?;
    if layers != 1 {
        return Err(NrrdError::Unsupported(format!("a volume of {layers} layers")));
    }
    let sample = header.sample()?;
    let data = header.data(grid.count(), sample, ctx)?;
    let mut samples = Vec::with_capacity(grid.count());
    for chunk in data.chunks(CHUNK * sample.size()) {
        sample.decode(chunk, &mut samples)?;
        ctx.done(samples.len() as f64 / grid.count() as f64)?;
    }
    Volume::new(grid, samples)
        .map_err(|e| NrrdError::Size { expected: e.voxels as u64, actual: e.samples as u64 })
}

/// Writes a deflate stream as a gzip file without name and time.
fn write_gzip(stream: &Deflated, out: &mut dyn Write) -> Result<(), NrrdError> {
    // Deflate, no flags, no time, fastest level, unknown system.
    out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255])?;
    for piece in &stream.pieces {
        out.write_all(piece)?;
    }
    out.write_all(&stream.crc.to_le_bytes())?;
    // The format keeps the size modulo 2³².
    Ok(out.write_all(&(stream.plain as u32).to_le_bytes())?)
}

/// The type of a file's samples and the order of their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    size: u8,
    signed: Signed,
    order: Order,
}

/// Whether whole numbers may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    No,
    Yes,
}

impl Sample {
    const fn size(self) -> usize {
        self.size as usize
    }

    /// Appends the samples in `bytes`; each must fit 16 bits.
    fn decode(self, bytes: &[u8], samples: &mut Vec<i16>) -> Result<(), NrrdError> {
        match (self.size, self.signed, self.order) {
            (1, Signed::No, _) => samples.extend(bytes.iter().map(|&b| i16::from(b))),
            (1, Signed::Yes, _) => samples.extend(bytes.iter().map(|&b| i16::from(b as i8))),
            (2, Signed::Yes, Order::Little) => {
                samples.extend(bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b)));
            }
            (2, Signed::Yes, Order::Big) => {
                samples.extend(bytes.as_chunks().0.iter().map(|&b| i16::from_be_bytes(b)));
            }
            _ => {
                for sample in bytes.chunks_exact(self.size()) {
                    let value = self.wide(sample);
                    samples.push(i16::try_from(value).map_err(|_| NrrdError::Value(value))?);
                }
            }
        }
        Ok(())
    }

    /// The value of one sample of up to four bytes.
    fn wide(self, bytes: &[u8]) -> i64 {
        let join = |value: i64, &byte: &u8| value << 8 | i64::from(byte);
        let value = match self.order {
            Order::Little => bytes.iter().rev().fold(0, join),
            Order::Big => bytes.iter().fold(0, join),
        };
        let unused = 64 - 8 * u32::from(self.size);
        match self.signed {
            Signed::Yes => value << unused >> unused,
            Signed::No => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DMat3, DVec3};
    use osteon_core::{Affine, Grid};
    use proptest::prelude::*;

    fn written(volume: &Volume<i16>, encoding: Encoding) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_volume(volume, &["from a test\nrun"], encoding, &mut bytes, &Ctx::default()).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Volume<i16>, NrrdError> {
        read_volume(bytes, &Ctx::default())
    }

    /// A file of 2×1×2 samples with the given header lines changed.
    fn file(change: &str, data: &[u8]) -> Vec<u8> {
        let usual = "type: int16\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 1 2\n\
                     space directions: (0.5,0,0) (0,0.5,0) (0,0.1,2)\nkinds: domain domain domain\n\
                     endian: little\nencoding: raw\nspace origin: (1,2,3)\n";
        let name = change.split(": ").next().unwrap();
        let mut text = String::from("NRRD0004\n");
        for line in usual.lines().filter(|line| !line.starts_with(&format!("{name}:"))) {
            text += &format!("{line}\n");
        }
        text += &format!("{change}\n\n");
        [text.as_bytes(), data].concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_volume_on_any_grid_returns_bit_for_bit(
            dims in prop::array::uniform3(1_usize..9),
            numbers in prop::array::uniform12(-1e3_f64..1e3),
            scale in -8..4_i32,
            seed in 0..u64::MAX,
        ) {
            let linear = DMat3::from_cols_slice(&numbers[..9]) * 10_f64.powi(scale);
            let Ok(grid) = Grid::new(dims, Affine::new(linear, DVec3::from_slice(&numbers[9..]))) else {
                return Ok(());
            };
            let mut random = osteon_core::ctx::Random::new(seed);
            let samples = (0..grid.count()).map(|_| random.bits() as i16).collect();
            let volume = Volume::new(grid, samples).unwrap();
            for encoding in [Encoding::Raw, Encoding::Gzip] {
                let back = read(&written(&volume, encoding)).unwrap();
                prop_assert_eq!(&back, &volume);
            }
        }

        #[test]
        fn damaged_files_are_refused_or_read_but_never_panic(
            at in 0_usize..400, byte in 0_u8..255, cut in 0_usize..400
        ) {
            let good = file("endian: little", &[0; 8]);
            let mut bad = good.clone();
            bad[at % good.len()] = byte;
            let _ = read(&bad);
            let _ = read_segments(&bad, &Ctx::default());
            let _ = read(&good[..cut % good.len()]);
        }
    }

    #[test]
    fn samples_of_other_types_are_read_when_they_fit() {
        let samples = |change: &str, data: &[u8]| read(&file(change, data)).unwrap().into_parts().1;
        assert_eq!(samples("type: unsigned char", &[0, 1, 254, 255]), [0, 1, 254, 255]);
        assert_eq!(samples("type: int8", &[0, 1, 254, 255]), [0, 1, -2, -1]);
        assert_eq!(samples("endian: big", &[0, 1, 0, 2, 255, 255, 128, 0]), [1, 2, -1, i16::MIN]);
        assert_eq!(samples("type: ushort", &[1, 0, 2, 0, 255, 127, 3, 0]), [1, 2, 32767, 3]);
        let int = |n: i32| [n, 1, 2, 3].map(i32::to_le_bytes).concat();
        assert_eq!(samples("type: int", &int(-5)), [-5, 1, 2, 3]);
        let refused = read(&file("type: int", &int(32768))).unwrap_err();
        assert!(matches!(refused, NrrdError::Value(32768)), "{refused}");
    }

    #[test]
    fn a_ras_file_is_turned_to_lps() {
        let lps = read(&file("endian: little", &[0; 8])).unwrap();
        let ras = read(&file("space: RAS", &[0; 8])).unwrap();
        let turned = ras.grid().place(1, 0, 1).vec() * DVec3::new(-1.0, -1.0, 1.0);
        assert_eq!(turned, lps.grid().place(1, 0, 1).vec());
        assert!(lps.grid().is_sheared());
    }

    #[test]
    fn a_file_that_contradicts_itself_is_refused() {
        let cases: [(&str, &[u8], &str); 13] = [
            ("endian: little", &[0; 7], "nrrd-size"),
            ("endian: little", &[0; 9], "nrrd-size"),
            ("encoding: gzip", &[0; 8], "nrrd-damaged"),
            ("encoding: hex", &[0; 8], "nrrd-unsupported"),
            ("sizes: 4294967296 4294967296 4294967296", &[0; 8], "nrrd-field"),
            ("sizes: 0 1 2", &[0; 8], "nrrd-grid"),
            ("sizes: 2 2", &[0; 8], "nrrd-field"),
            ("space: left-posterior-superior-time", &[0; 8], "nrrd-unsupported"),
            ("space origin: (1,2,nan)", &[0; 8], "nrrd-field"),
            ("space directions: (0,0,0) (0,1,0) (0,0,1)", &[0; 8], "nrrd-grid"),
            ("space units: \"m\" \"m\" \"m\"", &[0; 8], "nrrd-unsupported"),
            ("data file: /etc/passwd", &[0; 8], "nrrd-unsupported"),
            ("type: float", &[0; 16], "nrrd-unsupported"),
        ];
        for (change, data, code) in cases {
            let refused = read(&file(change, data)).unwrap_err();
            assert_eq!(osteon_core::Explain::code(&refused), code, "{change}: {refused}");
        }
        assert!(matches!(read(b"<html>"), Err(NrrdError::NotNrrd)));
        let no_space = String::from_utf8(file("endian: little", &[0; 8])).unwrap().replace("space", "spice");
        assert!(matches!(read(no_space.as_bytes()), Err(NrrdError::Missing("space"))));
    }

    #[test]
    fn a_gzip_bomb_is_stopped_at_the_declared_size() {
        let zeros = |n: usize| {
            let fill = |_: usize, bytes: &mut Vec<u8>| {
                bytes.resize(n, 0);
                Ok::<_, NrrdError>(())
            };
            let mut bytes = Vec::new();
            write_gzip(&deflate::deflate(1, fill, &Ctx::default()).unwrap(), &mut bytes).unwrap();
            bytes
        };
        assert!(read(&file("encoding: gzip", &zeros(8))).is_ok());
        let refused = read(&file("encoding: gzip", &zeros(20 << 20))).unwrap_err();
        assert!(matches!(refused, NrrdError::Size { expected: 8, actual: 9 }), "{refused}");
    }
}
