//! NRRD: volumes of a case (`.nrrd`) and label maps with their table of structures (`.seg.nrrd`).
//!
//! Coordinates are written as LPS millimetres with as many digits as it takes to read back the same bits, so
//! a tilted, rotated or left-handed grid returns exactly as it went. RAS files are turned to LPS on reading.
//! Data in another file are read through [`crate::volume_file::read`] only; lists of files, text and bzip2
//! encodings are refused.
//!
//! 1. [`write_volume`], [`write_samples`], [`read_volume`]; `header` is the text before the data
//! 2. [`Segment`], [`write_segments`], [`read_segments`]
//! 3. [`NrrdError`]

mod error;
mod header;
mod segments;

pub use error::NrrdError;
pub use segments::{Segment, read_segments, write_segments};

use crate::deflate::{self, Deflated};
use crate::samples::Samples;
use crate::volume_file::layout::Scale;
use crate::volume_file::{self, Kind, Problem, Request};
use header::Header;
use osteon_core::{Ctx, Finding, Grid, Severity, Volume};
use std::io::{self, Write};

/// How the samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are: largest and fastest.
    Raw,
    /// Compressed with gzip at its fastest level.
    Gzip,
}

/// Bytes converted between two questions whether to stop.
const CHUNK: usize = deflate::BLOCK;

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
    write(volume, ("int16", i16::to_le_bytes), comments, encoding, out, ctx)
}

/// Writes a volume as [`write_volume`] does, floats as 32-bit floats.
pub fn write_samples(
    volume: &Samples,
    comments: &[&str],
    encoding: Encoding,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), NrrdError> {
    match volume {
        Samples::I16(volume) => write_volume(volume, comments, encoding, out, ctx),
        Samples::F32(volume) => write(volume, ("float", f32::to_le_bytes), comments, encoding, out, ctx),
    }
}

/// Writes a mask that is 1 in whole slices and 0 in the others, compressed; `slabs` are first and last slices.
pub fn write_slabs(
    grid: &Grid,
    slabs: &[[usize; 2]],
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), NrrdError> {
    let [nx, ny, nz] = grid.dims();
    let head = header::start(grid, "uint8", Encoding::Gzip);
    out.write_all((head + "\n").as_bytes())?;
    let fill = |z: usize, bytes: &mut Vec<u8>| {
        let inside = slabs.iter().any(|&[first, last]| (first..=last).contains(&z));
        bytes.resize(bytes.len() + nx * ny, u8::from(inside));
        Ok::<_, NrrdError>(())
    };
    Ok(write_gzip(&deflate::deflate(nz, fill, ctx)?, out)?)
}

/// Writes samples of a type with its name, each turned into little-endian bytes.
fn write<T: Copy + Sync, const N: usize>(
    volume: &Volume<T>,
    (kind, encode): (&str, impl Fn(T) -> [u8; N] + Sync),
    comments: &[&str],
    encoding: Encoding,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), NrrdError> {
    let mut head = header::start(volume.grid(), kind, encoding);
    for comment in comments {
        head.push_str("# ");
        head.extend(comment.chars().map(|c| if c.is_control() { ' ' } else { c }));
        head.push('\n');
    }
    head.push('\n');
    out.write_all(head.as_bytes())?;
    let samples = volume.samples();
    let size = CHUNK / N;
    let fill = |n: usize, bytes: &mut Vec<u8>| {
        let part = &samples[n * size..samples.len().min((n + 1) * size)];
        bytes.resize(part.len() * N, 0);
        for (to, &sample) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(part) {
            *to = encode(sample);
        }
        Ok::<_, NrrdError>(())
    };
    let count = samples.len().div_ceil(size);
    match encoding {
        Encoding::Raw => {
            let mut bytes = Vec::with_capacity(CHUNK);
            for n in 0..count {
                fill(n, &mut bytes)?;
                out.write_all(&bytes)?;
                ctx.done(n as f64 / count as f64)?;
            }
        }
        Encoding::Gzip => write_gzip(&deflate::deflate(count, fill, ctx)?, out)?,
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
    let layout = header.layout()?;
    let data = header.data(grid.count(), layout, ctx)?;
    let mut samples = Vec::with_capacity(grid.count());
    for chunk in data.chunks(CHUNK) {
        layout.narrow(chunk, &mut samples).map_err(NrrdError::Value)?;
        ctx.done(samples.len() as f64 / grid.count() as f64)?;
    }
    Volume::new(grid, samples)
        .map_err(|e| NrrdError::Size { expected: e.voxels as u64, actual: e.samples as u64 })
}

/// Reads a volume of any type of number, its data behind the header or in a file of their own.
pub(crate) fn read_samples(
    bytes: &[u8],
    request: &Request<'_>,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Samples, Problem> {
    let header = Header::parse(bytes)?;
    let (layers, grid) = header.grid()?;
    if layers != 1 {
        let (kind, count) = (Kind::Nrrd, layers as u64);
        return Err(Problem::Several { kind, count, what: "values in each voxel" });
    }
    if !header.has_unit() {
        let message = "the header does not say its unit of length; taken as millimetres, as the field does";
        findings.push(Finding::new("volume-unit-unsaid", Severity::Note, message));
    }
    if header.key("Segment0_ID").is_some() {
        findings.push(volume_file::labels());
    }
    let layout = header.layout()?;
    let expected = request.needed(&grid, layout.size())?;
    let data = header.data_anywhere(expected, request)?;
    let stream = header.stream(&data)?;
    volume_file::gather(stream, 0, (layout, Scale::NONE), grid, findings, ctx)
}

/// Writes a deflate stream as a gzip file without name and time.
pub(crate) fn write_gzip(stream: &Deflated, out: &mut dyn Write) -> io::Result<()> {
    // Deflate, no flags, no time, fastest level, unknown system.
    out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255])?;
    for piece in &stream.pieces {
        out.write_all(piece)?;
    }
    out.write_all(&stream.crc.to_le_bytes())?;
    // The format keeps the size modulo 2³².
    out.write_all(&(stream.plain as u32).to_le_bytes())
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
        assert!(matches!(refused, NrrdError::Value(32768.0)), "{refused}");
    }

    #[test]
    fn slabs_are_one_in_their_slices_and_nowhere_else() {
        let grid = Grid::upright([3, 2, 5], osteon_core::Point::new(1.0, 2.0, 3.0), DVec3::ONE).unwrap();
        let mut bytes = Vec::new();
        write_slabs(&grid, &[[1, 1], [3, 4]], &mut bytes, &Ctx::default()).unwrap();
        let mask = read(&bytes).unwrap();
        assert_eq!(mask.grid(), &grid);
        let inside: Vec<bool> = (0..5).map(|z| mask.slice(z).iter().all(|&v| v == 1)).collect();
        assert_eq!(inside, [false, true, false, true, true]);
        assert_eq!(mask.samples().iter().filter(|&&v| v == 1).count(), 18);
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
            ("type: float", &[1; 16], "nrrd-value"),
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
