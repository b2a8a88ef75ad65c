//! From the bytes of a stream to the samples of its image.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::bitplane::{Coefficients, NEGATIVE};
use super::geometry::{Band, Block, Orientation, Rect, Tile};
use super::markers::{Coding, Main, Markers, Size, Style};
use super::wavelet::{Irreversible, Reversible, Shape, Wavelet, synthesise};
use super::{Jpeg2000Error, boxes, checked_image, damaged, packet, truncated, unsupported};

/// Decodes an image of one component, row by row, with the signedness of the codestream: a signed stream gives
/// negative samples.
///
/// `out` has one place for each sample. On an error its content is of no use.
///
/// # Errors
/// [`Jpeg2000Error`] when the stream is damaged, incomplete, uses what is not supported (several components
/// for one), or does not fit `out`.
pub fn decode_into(stream: &[u8], out: &mut [i32]) -> Result<(), Jpeg2000Error> {
    let mut markers = Markers::new(boxes::codestream(stream)?)?;
    let main = markers.main_header()?;
    let image = checked_image(&main, stream.len())?;
    if image.components != 1 {
        return unsupported(format!("{} components of a pixel", image.components));
    }
    if image.samples() != out.len() {
        return Err(Jpeg2000Error::Size { found: image.samples(), expected: out.len() });
    }
    let mut coefficients = Coefficients::new();
    for (index, (coding, bytes)) in tiles(&mut markers, &main)? {
        let decoded = tile(index, &coding, &bytes, (&main.size, &mut coefficients, out));
        decoded.map_err(|error| locate(error, index))?;
    }
    Ok(())
}

fn locate(error: Jpeg2000Error, tile: u16) -> Jpeg2000Error {
    match error {
        Jpeg2000Error::Truncated(what) => Jpeg2000Error::Truncated(format!("tile {tile}: {what}")),
        Jpeg2000Error::Damaged(what) => Jpeg2000Error::Damaged(format!("tile {tile}: {what}")),
        other => other,
    }
}

/// The coding of each tile and the bytes of its packets, put together from its parts.
type Tiles<'a> = BTreeMap<u16, (Coding, Cow<'a, [u8]>)>;

fn tiles<'a>(markers: &mut Markers<'a>, main: &Main) -> Result<Tiles<'a>, Jpeg2000Error> {
    let count = main.size.tiles_across() * main.size.tiles_down();
    let mut tiles = Tiles::new();
    let mut parts = BTreeMap::<u16, u16>::new();
    loop {
        let known = |tile| tiles.get(&tile).map_or_else(|| main.coding.clone(), |(coding, _)| coding.clone());
        let Some((part, coding)) = markers.tile_part(main.size.components, known)? else { break };
        if u64::from(part.tile) >= count {
            return damaged(format!("tile {} of {count}", part.tile));
        }
        let expected = parts.entry(part.tile).or_default();
        if u16::from(part.part) != *expected {
            return damaged(format!("part {} of tile {} where {expected} should be", part.part, part.tile));
        }
        *expected += 1;
        let (known, bytes) = tiles.entry(part.tile).or_insert_with(|| (coding.clone(), Cow::Borrowed(&[])));
        *known = coding;
        if bytes.is_empty() {
            *bytes = Cow::Borrowed(part.body());
        } else {
            bytes.to_mut().extend_from_slice(part.body());
        }
    }
    match (0..count as u16).find(|tile| !tiles.contains_key(tile)) {
        Some(missing) => truncated(format!("tile {missing} of {count} is missing")),
        None => Ok(tiles),
    }
}

/// Decodes one tile into its place.
fn tile(
    index: u16,
    coding: &Coding,
    bytes: &[u8],
    (size, coefficients, out): (&Size, &mut Coefficients, &mut [i32]),
) -> Result<(), Jpeg2000Error> {
    if u32::try_from(bytes.len()).is_err() {
        return unsupported("a tile of more than 4 GiB");
    }
    let style = coding.style()?;
    let mut tile = Tile::new(Tile::area(size, index), size.bits, coding, bytes.len())?;
    packet::read(&mut tile, coding, bytes)?;
    let mut job = Job { tile: &tile, style, shift: coding.region_shift, bytes, coefficients };
    let mut writer = Writer::new(size, tile.area, out);
    if style.reversible {
        let plane = job.plane::<Reversible>(|value, _| {
            let half = ((value & !NEGATIVE) / 2) as i32;
            if value & NEGATIVE == 0 { half } else { -half }
        })?;
        writer.write(&plane, |sample| sample);
    } else {
        let plane = job.plane::<Irreversible>(|value, step| {
            let magnitude = (value & !NEGATIVE) as f32 * step;
            if value & NEGATIVE == 0 { magnitude } else { -magnitude }
        })?;
        // Half to even, as the C function `lrintf` does; the cast saturates.
        writer.write(&plane, |sample: f32| sample.round_ties_even() as i32);
    }
    Ok(())
}

/// What it takes to turn a tile's packets into samples.
struct Job<'a> {
    tile: &'a Tile,
    style: Style,
    /// Planes that regions of interest are above the rest.
    shift: u8,
    bytes: &'a [u8],
    coefficients: &'a mut Coefficients,
}

impl Job<'_> {
    /// The samples of the tile before they are shifted to their range.
    ///
    /// `value` makes a coefficient of twice its magnitude with its sign, and half its band's step.
    fn plane<W: Wavelet>(
        &mut self,
        value: impl Fn(u32, f32) -> W::Sample,
    ) -> Result<Vec<W::Sample>, Jpeg2000Error> {
        let (width, height) = (self.tile.area.width(), self.tile.area.height());
        let mut plane = vec![W::Sample::default(); width * height];
        let mut coarser = Rect { x0: 0, y0: 0, x1: 0, y1: 0 };
        let mut work = Vec::new();
        for (level, resolution) in self.tile.resolutions.iter().enumerate() {
            for band in &resolution.bands {
                let right = matches!(band.orientation, Orientation::HighLow | Orientation::HighHigh);
                let down = matches!(band.orientation, Orientation::LowHigh | Orientation::HighHigh);
                let corner =
                    (if right { coarser.width() } else { 0 }, if down { coarser.height() } else { 0 });
                for block in band.cells.iter().flat_map(|cell| &cell.blocks) {
                    if block.passes > 0 {
                        self.block::<W>(block, band, (&mut plane, width, corner), &value)?;
                    }
                }
            }
            let Rect { x0, y0, .. } = resolution.area;
            let shape = Shape { x0, y0, width: resolution.area.width(), height: resolution.area.height() };
            if level > 0 {
                synthesise::<W>(&mut plane, width, shape, &mut work);
            }
            coarser = resolution.area;
        }
        Ok(plane)
    }

    fn block<W: Wavelet>(
        &mut self,
        block: &Block,
        band: &Band,
        (plane, stride, corner): (&mut [W::Sample], usize, (usize, usize)),
        value: &impl Fn(u32, f32) -> W::Sample,
    ) -> Result<(), Jpeg2000Error> {
        self.coefficients.decode(block, band, self.style.blocks, self.bytes)?;
        let x = corner.0 + (block.area.x0 - band.area.x0) as usize;
        let y = corner.1 + (block.area.y0 - band.area.y0) as usize;
        let width = block.area.width();
        let half_step = 0.5 * band.step;
        let shift = u32::from(self.shift);
        for row in 0..block.area.height() {
            let start = (y + row) * stride + x;
            let target = &mut plane[start..start + width];
            for (sample, mut coefficient) in target.iter_mut().zip(self.coefficients.row(row)) {
                if shift > 0 {
                    coefficient = unshift(coefficient, shift);
                }
                *sample = value(coefficient, half_step);
            }
        }
        Ok(())
    }
}

/// Puts a coefficient of a region of interest back among the others (H.1).
const fn unshift(coefficient: u32, shift: u32) -> u32 {
    let shifted = (coefficient & !NEGATIVE) >> shift;
    if shifted == 0 { coefficient } else { shifted | coefficient & NEGATIVE }
}

/// Brings the samples of a tile into their range and to their place in the image.
struct Writer<'a> {
    out: &'a mut [i32],
    stride: usize,
    /// Place of the tile's first sample.
    start: usize,
    tile: Rect,
    offset: i32,
    range: (i32, i32),
}

impl<'a> Writer<'a> {
    fn new(size: &Size, tile: Rect, out: &'a mut [i32]) -> Self {
        let stride = (size.x1 - size.x0) as usize;
        let start = (tile.y0 - size.y0) as usize * stride + (tile.x0 - size.x0) as usize;
        // Unsigned samples are coded around zero (G.1.1).
        let half = 1 << (size.bits - 1);
        let (offset, range) = if size.signed { (0, (-half, half - 1)) } else { (half, (0, 2 * half - 1)) };
        Self { out, stride, start, tile, offset, range }
    }

    fn write<T: Copy>(&mut self, plane: &[T], sample: impl Fn(T) -> i32) {
        let width = self.tile.width();
        let rows = self.out[self.start..].chunks_mut(self.stride);
        for (target, row) in rows.zip(plane.chunks(width)) {
            for (out, value) in target.iter_mut().zip(row) {
                *out = sample(*value).saturating_add(self.offset).clamp(self.range.0, self.range.1);
            }
        }
    }
}
