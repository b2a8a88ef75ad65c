//! Marker segments: size and depth of the image, how it is coded, and where the parts of tiles are.

use super::bytes::Bytes;
use super::{Image, Jpeg2000Error, damaged, truncated, unsupported};

const SOC: u16 = 0xff4f;
const CAP: u16 = 0xff50;
const SIZ: u16 = 0xff51;
const COD: u16 = 0xff52;
const COC: u16 = 0xff53;
const QCD: u16 = 0xff5c;
const QCC: u16 = 0xff5d;
const RGN: u16 = 0xff5e;
const POC: u16 = 0xff5f;
const PPM: u16 = 0xff60;
const PPT: u16 = 0xff61;
/// Offsets, masks, wavelets and component transforms of part 2: they change samples.
const PART_2_FIRST: u16 = 0xff70;
const PART_2_LAST: u16 = 0xff7f;
const SOT: u16 = 0xff90;
const SOD: u16 = 0xff93;
const EOC: u16 = 0xffd9;

/// Most bits of a sample: what 32-bit coefficients hold with room for the transform.
const MAX_BITS: u32 = 24;

/// Most decomposition levels the standard allows.
pub(super) const MAX_LEVELS: u8 = 32;

/// Most changes of progression order: the bound other decoders have too.
const MAX_CHANGES: usize = 32;

/// The image and its tiles on the reference grid (SIZ).
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) x0: u32,
    pub(super) y0: u32,
    pub(super) x1: u32,
    pub(super) y1: u32,
    pub(super) tile_x0: u32,
    pub(super) tile_y0: u32,
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    pub(super) components: u16,
    pub(super) bits: u32,
    pub(super) signed: bool,
}

impl Size {
    pub(super) const fn tiles_across(&self) -> u64 {
        ((self.x1 - self.tile_x0) as u64).div_ceil(self.tile_width as u64)
    }

    pub(super) const fn tiles_down(&self) -> u64 {
        ((self.y1 - self.tile_y0) as u64).div_ceil(self.tile_height as u64)
    }
}

/// Which index of a packet changes fastest: L layer, R resolution, C component, P position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Lrcp,
    Rlcp,
    Rpcl,
    Pcrl,
    Cprl,
}

impl Order {
    fn new(code: u8) -> Result<Self, Jpeg2000Error> {
        match code {
            0 => Ok(Self::Lrcp),
            1 => Ok(Self::Rlcp),
            2 => Ok(Self::Rpcl),
            3 => Ok(Self::Pcrl),
            4 => Ok(Self::Cprl),
            _ => damaged(format!("progression order {code} does not exist")),
        }
    }
}

/// A run of packets in one order: resolutions and layers up to, not including, the ends.
#[derive(Clone, Copy)]
pub(super) struct Progression {
    pub(super) order: Order,
    pub(super) first_resolution: u8,
    pub(super) end_resolution: u8,
    pub(super) end_layer: u16,
}

/// What a tile's packets have in common (first half of COD).
#[derive(Clone, Copy)]
pub(super) struct Packets {
    pub(super) order: Order,
    pub(super) layers: u16,
    /// Whether the header of every packet ends with a marker.
    pub(super) end_markers: bool,
}

/// How code-blocks are coded (SPcod): one flag each.
#[derive(Clone, Copy, Default)]
pub(super) struct BlockStyle(u8);

impl BlockStyle {
    /// Passes below the fourth bit plane are raw bits.
    pub(super) const fn bypass(self) -> bool {
        self.0 & 1 != 0
    }

    /// Probabilities start afresh in every pass.
    pub(super) const fn reset(self) -> bool {
        self.0 & 2 != 0
    }

    /// Every pass ends its own segment.
    pub(super) const fn terminate_all(self) -> bool {
        self.0 & 4 != 0
    }

    /// Contexts do not look into the next stripe.
    pub(super) const fn causal(self) -> bool {
        self.0 & 8 != 0
    }

    /// Every clean-up pass ends with four known symbols.
    pub(super) const fn symbols(self) -> bool {
        self.0 & 32 != 0
    }
}

/// How the component is decomposed (second half of COD, or COC).
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) levels: u8,
    /// Logarithms of the size of code-blocks.
    pub(super) block: (u8, u8),
    pub(super) blocks: BlockStyle,
    pub(super) reversible: bool,
    /// Logarithms of the size of precincts for each resolution.
    pub(super) precincts: [(u8, u8); MAX_LEVELS as usize + 1],
}

/// Quantisation of the component (QCD or QCC).
#[derive(Clone)]
pub(super) struct Quantisation {
    pub(super) guard_bits: u8,
    /// Whether only the step of the coarsest band is given.
    derived: bool,
    /// Exponent and mantissa.
    steps: Vec<(u8, u16)>,
}

impl Quantisation {
    /// Exponent and mantissa of a band, counted from the coarsest one.
    pub(super) fn step(&self, band: usize) -> Result<(u8, u16), Jpeg2000Error> {
        if !self.derived {
            return match self.steps.get(band) {
                Some(step) => Ok(*step),
                None => damaged(format!("there is no quantisation step for band {band}")),
            };
        }
        let (exponent, mantissa) = self.steps[0];
        // The exponent falls by one with each level (E-5); bands come in threes after the first.
        let finer = band.saturating_sub(1) / 3;
        Ok((exponent.saturating_sub(finer as u8), mantissa))
    }
}

/// Everything a header says of how the tiles after it are coded.
#[derive(Clone, Default)]
pub(super) struct Coding {
    packets: Option<Packets>,
    style: Option<Style>,
    quantisation: Option<Quantisation>,
    pub(super) region_shift: u8,
    pub(super) changes: Vec<Progression>,
}

impl Coding {
    pub(super) fn packets(&self) -> Result<Packets, Jpeg2000Error> {
        self.packets.map_or_else(|| damaged("the marker COD is missing"), Ok)
    }

    pub(super) fn style(&self) -> Result<Style, Jpeg2000Error> {
        self.style.map_or_else(|| damaged("the marker COD is missing"), Ok)
    }

    pub(super) fn quantisation(&self) -> Result<&Quantisation, Jpeg2000Error> {
        self.quantisation.as_ref().map_or_else(|| damaged("the marker QCD is missing"), Ok)
    }
}

/// The main header.
pub(super) struct Main {
    pub(super) size: Size,
    pub(super) coding: Coding,
}

impl Main {
    pub(super) fn image(&self) -> Image {
        Image {
            width: (self.size.x1 - self.size.x0) as usize,
            height: (self.size.y1 - self.size.y0) as usize,
            components: usize::from(self.size.components),
            bits: self.size.bits,
            signed: self.size.signed,
            reversible: self.coding.style.is_some_and(|style| style.reversible),
        }
    }
}

/// One part of a tile: its number and the bytes of its packets.
pub(super) struct TilePart<'a> {
    pub(super) tile: u16,
    pub(super) part: u8,
    body: &'a [u8],
}

/// Walks over the markers of a codestream.
pub(super) struct Markers<'a> {
    stream: &'a [u8],
    next: usize,
}

impl<'a> Markers<'a> {
    pub(super) fn new(stream: &'a [u8]) -> Result<Self, Jpeg2000Error> {
        let mut markers = Self { stream, next: 0 };
        if markers.word()? != SOC {
            return damaged("it does not begin with the marker FF4F");
        }
        Ok(markers)
    }

    fn word(&mut self) -> Result<u16, Jpeg2000Error> {
        match self.stream.get(self.next..self.next + 2) {
            Some(two) => {
                self.next += 2;
                Ok(u16::from_be_bytes([two[0], two[1]]))
            }
            None => truncated(format!("it ends within its headers, after {} bytes", self.stream.len())),
        }
    }

    /// The content of a marker segment, without its length.
    fn segment(&mut self, marker: u16) -> Result<&'a [u8], Jpeg2000Error> {
        let at = self.next;
        let length = usize::from(self.word()?);
        let Some(content) = length.checked_sub(2) else {
            return damaged(format!("marker {marker:04X} at byte {at} has a length of {length}"));
        };
        match self.stream.get(self.next..self.next + content) {
            Some(bytes) => {
                self.next += content;
                Ok(bytes)
            }
            None => truncated(format!(
                "marker {marker:04X} at byte {at} says {length} bytes, more than there are"
            )),
        }
    }

    /// Reads up to, not including, the first tile-part.
    pub(super) fn main_header(&mut self) -> Result<Main, Jpeg2000Error> {
        if self.word()? != SIZ {
            return damaged("the marker SIZ does not come first");
        }
        let size = read_size(self.segment(SIZ)?)?;
        let mut coding = Coding::default();
        self.header(SOT, size.components, &mut coding)?;
        self.next -= 2;
        coding.style()?;
        coding.quantisation()?;
        Ok(Main { size, coding })
    }

    /// Reads the segments of a header up to and including the marker that ends it.
    fn header(&mut self, end: u16, components: u16, coding: &mut Coding) -> Result<(), Jpeg2000Error> {
        // What is said of the component outranks what is said of all of them, in whichever order they come.
        let (mut own_style, mut own_quantisation) = (false, false);
        let mut changed = false;
        loop {
            let marker = self.word()?;
            if marker == end {
                return Ok(());
            }
            if !(0xff50..=0xff8f).contains(&marker) {
                return damaged(format!("a header holds {marker:04X} at byte {}", self.next - 2));
            }
            let segment = self.segment(marker)?;
            match marker {
                COD => {
                    let (packets, style) = read_cod(segment)?;
                    coding.packets = Some(packets);
                    if !own_style {
                        coding.style = Some(style);
                    }
                }
                COC => {
                    if let Some(style) = read_coc(segment, components)? {
                        (coding.style, own_style) = (Some(style), true);
                    }
                }
                QCD if !own_quantisation => {
                    coding.quantisation = Some(read_quantisation(Bytes::new(segment, "marker QCD"))?);
                }
                QCC => {
                    let mut bytes = Bytes::new(segment, "marker QCC");
                    if bytes.component(components)? == 0 {
                        (coding.quantisation, own_quantisation) = (Some(read_quantisation(bytes)?), true);
                    }
                }
                RGN => read_region(segment, components, coding)?,
                POC => {
                    if !std::mem::replace(&mut changed, true) {
                        coding.changes.clear();
                    }
                    read_changes(segment, components, &mut coding.changes)?;
                }
                PPM => return unsupported("packet headers packed into the main header (PPM)"),
                PPT => return unsupported("packet headers packed into the headers of tiles (PPT)"),
                CAP => return unsupported("the capabilities of part 15 (HTJ2K, marker CAP)"),
                PART_2_FIRST..=PART_2_LAST => return unsupported(format!("marker {marker:04X} of part 2")),
                // Comments, lengths of packets and tile-parts, registration: not needed to decode.
                _ => {}
            }
        }
    }

    /// The next tile-part and what its header changes; `None` at the end of the codestream.
    ///
    /// A stream without its end marker is at its end as well: the packets know whether anything is missing.
    pub(super) fn tile_part(
        &mut self,
        components: u16,
        coding: impl FnOnce(u16) -> Coding,
    ) -> Result<Option<(TilePart<'a>, Coding)>, Jpeg2000Error> {
        let start = self.next;
        if self.stream.len() < start + 2 {
            return Ok(None);
        }
        match self.word()? {
            SOT => {}
            EOC => return Ok(None),
            other => return damaged(format!("{other:04X} at byte {start} where a tile should begin")),
        }
        let mut bytes = Bytes::new(self.segment(SOT)?, "marker SOT");
        let (tile, length, part) = (bytes.u16()?, bytes.u32()? as usize, bytes.u8()?);
        let mut coding = coding(tile);
        self.header(SOD, components, &mut coding)?;
        // Length 0 stands for everything up to the end of the codestream.
        let end = if length == 0 { self.stream.len() } else { start.saturating_add(length) };
        if end < self.next {
            return damaged(format!("part {part} of tile {tile} has a length of {length} bytes"));
        }
        let end = end.min(self.stream.len());
        let body = &self.stream[self.next..end];
        self.next = end;
        Ok(Some((TilePart { tile, part, body }, coding)))
    }
}

impl<'a> TilePart<'a> {
    pub(super) const fn body(&self) -> &'a [u8] {
        self.body
    }
}

fn read_size(segment: &[u8]) -> Result<Size, Jpeg2000Error> {
    let mut bytes = Bytes::new(segment, "marker SIZ");
    // Capabilities: some writers leave nonsense here. What cannot be decoded shows in markers of its own.
    bytes.u16()?;
    let mut next = || bytes.u32();
    let (x1, y1, x0, y0) = (next()?, next()?, next()?, next()?);
    let (tile_width, tile_height, tile_x0, tile_y0) = (next()?, next()?, next()?, next()?);
    let components = bytes.u16()?;
    let [depth, dx, dy] = bytes.take()?;
    // Seven bits of depth minus one, and one for the sign (table A.11).
    let (bits, signed) = (u32::from(depth & 0x7f) + 1, depth & 0x80 != 0);
    if x0 >= x1 || y0 >= y1 || components == 0 {
        return damaged(format!("the image from ({x0}, {y0}) to ({x1}, {y1}) has no pixels"));
    }
    // The first tile has to hold the first pixel (B-3, B-4).
    let first = |origin: u32, tile: u32, start: u32| {
        origin <= start && u64::from(origin) + u64::from(tile) > u64::from(start)
    };
    if !first(tile_x0, tile_width, x0) || !first(tile_y0, tile_height, y0) {
        return damaged(format!("tiles of {tile_width} × {tile_height} do not cover the image"));
    }
    if dx == 0 || dy == 0 {
        return damaged("pixels are 0 apart");
    }
    if (dx, dy) != (1, 1) {
        return unsupported(format!("a component with every {dx}th column and every {dy}th row only"));
    }
    if bits > MAX_BITS {
        return unsupported(format!("samples of {bits} bits, more than {MAX_BITS}"));
    }
    let size = Size { x0, y0, x1, y1, tile_x0, tile_y0, tile_width, tile_height, components, bits, signed };
    // Tiles are numbered with 16 bits.
    if size.tiles_across() * size.tiles_down() > 0xffff {
        return damaged(format!("{} × {} tiles are too many", size.tiles_across(), size.tiles_down()));
    }
    Ok(size)
}

fn read_cod(segment: &[u8]) -> Result<(Packets, Style), Jpeg2000Error> {
    let mut bytes = Bytes::new(segment, "marker COD");
    let flags = bytes.u8()?;
    let order = Order::new(bytes.u8()?)?;
    let layers = bytes.u16()?;
    // The transform between components does not concern an image of one.
    bytes.u8()?;
    if layers == 0 {
        return damaged("the marker COD declares no layers");
    }
    Ok((Packets { order, layers, end_markers: flags & 4 != 0 }, read_style(bytes, flags)?))
}

/// The style of the first component, if that is the one the segment is about.
fn read_coc(segment: &[u8], components: u16) -> Result<Option<Style>, Jpeg2000Error> {
    let mut bytes = Bytes::new(segment, "marker COC");
    if bytes.component(components)? != 0 {
        return Ok(None);
    }
    let flags = bytes.u8()?;
    read_style(bytes, flags).map(Some)
}

fn read_style(mut bytes: Bytes, flags: u8) -> Result<Style, Jpeg2000Error> {
    let [levels, width, height, blocks, transform] = bytes.take()?;
    if levels > MAX_LEVELS {
        return damaged(format!("{levels} decomposition levels, more than {MAX_LEVELS}"));
    }
    // Sides of 4 to 1024 and at most 4096 samples (table A.18).
    if width > 8 || height > 8 || width + height > 8 {
        return damaged(format!("code-blocks of 2^{} × 2^{} samples", width as u16 + 2, height as u16 + 2));
    }
    if blocks & 0x40 != 0 {
        return unsupported("high-throughput code-blocks (HTJ2K)");
    }
    if blocks & 0x80 != 0 {
        return damaged(format!("code-block style {blocks:02X} does not exist"));
    }
    if transform > 1 {
        return unsupported(format!("wavelet transform {transform}"));
    }
    // Without sizes, precincts are as large as can be: 2^15.
    let mut precincts = [(15, 15); MAX_LEVELS as usize + 1];
    if flags & 1 != 0 {
        for (resolution, size) in precincts.iter_mut().take(usize::from(levels) + 1).enumerate() {
            let byte = bytes.u8()?;
            *size = (byte & 15, byte >> 4);
            if resolution > 0 && (size.0 == 0 || size.1 == 0) {
                return damaged(format!("precincts of resolution {resolution} are smaller than one sample"));
            }
        }
    }
    let block = (width + 2, height + 2);
    Ok(Style { levels, block, blocks: BlockStyle(blocks), reversible: transform == 1, precincts })
}

fn read_quantisation(mut bytes: Bytes) -> Result<Quantisation, Jpeg2000Error> {
    let style = bytes.u8()?;
    let kind = style & 31;
    let mut steps = Vec::new();
    while !bytes.is_empty() && steps.len() <= 3 * usize::from(MAX_LEVELS) {
        // Without quantisation there are exponents only, in the upper five bits of a byte (A.6.4).
        steps.push(match kind {
            0 => (bytes.u8()? >> 3, 0),
            1 | 2 => {
                let step = bytes.u16()?;
                ((step >> 11) as u8, step & 0x7ff)
            }
            _ => return damaged(format!("quantisation style {kind} does not exist")),
        });
    }
    if steps.is_empty() {
        return damaged("a quantisation without steps");
    }
    Ok(Quantisation { guard_bits: style >> 5, derived: kind == 1, steps })
}

fn read_region(segment: &[u8], components: u16, coding: &mut Coding) -> Result<(), Jpeg2000Error> {
    let mut bytes = Bytes::new(segment, "marker RGN");
    if bytes.component(components)? != 0 {
        return Ok(());
    }
    let [style, shift] = bytes.take()?;
    if style != 0 {
        return unsupported(format!("regions of interest of style {style}"));
    }
    coding.region_shift = shift;
    Ok(())
}

fn read_changes(
    segment: &[u8],
    components: u16,
    changes: &mut Vec<Progression>,
) -> Result<(), Jpeg2000Error> {
    let mut bytes = Bytes::new(segment, "marker POC");
    // One resolution, one layer, one order, and two components.
    let entry = if components < 257 { 7 } else { 9 };
    while bytes.len() >= entry {
        let first_resolution = bytes.u8()?;
        let first_component = bytes.component(components)?;
        let end_layer = bytes.u16()?;
        let end_resolution = bytes.u8()?;
        bytes.component(components)?;
        let order = Order::new(bytes.u8()?)?;
        if changes.len() == MAX_CHANGES {
            return unsupported(format!("more than {MAX_CHANGES} changes of the progression order"));
        }
        if first_component == 0 {
            changes.push(Progression { order, first_resolution, end_resolution, end_layer });
        }
    }
    Ok(())
}
