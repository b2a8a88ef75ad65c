//! Packets: which code-blocks a layer adds passes to, and where their bytes are (B.9, B.10).

use super::geometry::{Block, Cell, Chunk, Segment, Tile};
use super::markers::{BlockStyle, Coding, Progression};
use super::progression::{self, Place};
use super::{Jpeg2000Error, damaged, truncated};

/// Reads every packet of a tile and hangs the bytes on the code-blocks.
pub(super) fn read(tile: &mut Tile, coding: &Coding, bytes: &[u8]) -> Result<(), Jpeg2000Error> {
    let packets = coding.packets()?;
    let whole = [Progression {
        order: packets.order,
        first_resolution: 0,
        end_resolution: u8::MAX,
        end_layer: packets.layers,
    }];
    let runs = if coding.changes.is_empty() { &whole[..] } else { &coding.changes[..] };
    let end_markers = packets.end_markers;
    let mut reader = Reader { bytes, next: 0, count: 0, end_markers, style: coding.style()?.blocks };
    for run in runs {
        let run = Progression { end_layer: run.end_layer.min(packets.layers), ..*run };
        progression::run(tile, &run, |tile, place, layer| {
            // A packet that came in an earlier run is not sent again.
            if tile.resolutions[place.resolution].layers[place.precinct] != layer {
                return Ok(());
            }
            reader.packet(tile, place, layer).map_err(|error| locate(error, place, layer))
        })?;
    }
    match tile.resolutions.iter().position(|r| r.layers.iter().any(|&n| n < packets.layers)) {
        None => Ok(()),
        Some(resolution) => {
            damaged(format!("no progression includes all packets of resolution {resolution}"))
        }
    }
}

fn locate(error: Jpeg2000Error, place: Place, layer: u16) -> Jpeg2000Error {
    let Place { resolution, precinct } = place;
    let at = format!("layer {layer} of resolution {resolution}, precinct {precinct}");
    match error {
        Jpeg2000Error::Truncated(what) => Jpeg2000Error::Truncated(format!("{what} ({at})")),
        Jpeg2000Error::Damaged(what) => Jpeg2000Error::Damaged(format!("{what} ({at})")),
        other => other,
    }
}

/// Bits of a packet header: a zero is stuffed in after each byte of ones.
pub(super) struct HeaderBits<'a> {
    bytes: &'a [u8],
    next: usize,
    current: u8,
    left: u8,
}

impl<'a> HeaderBits<'a> {
    pub(super) const fn new(bytes: &'a [u8], next: usize) -> Self {
        Self { bytes, next, current: 0, left: 0 }
    }

    fn advance(&mut self) -> Result<(), Jpeg2000Error> {
        let Some(&byte) = self.bytes.get(self.next) else {
            return truncated("a tile ends within the header of a packet");
        };
        self.left = if self.current == 0xff { 7 } else { 8 };
        self.current = byte;
        self.next += 1;
        Ok(())
    }

    pub(super) fn bit(&mut self) -> Result<u32, Jpeg2000Error> {
        if self.left == 0 {
            self.advance()?;
        }
        self.left -= 1;
        Ok(u32::from(self.current >> self.left & 1))
    }

    fn bits(&mut self, count: u32) -> Result<u32, Jpeg2000Error> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | self.bit()?;
        }
        Ok(value)
    }

    /// The byte after the header.
    fn end(mut self) -> Result<usize, Jpeg2000Error> {
        if self.current == 0xff {
            self.advance()?;
        }
        Ok(self.next)
    }

    /// How many passes a layer adds (table B.4).
    fn passes(&mut self) -> Result<u32, Jpeg2000Error> {
        if self.bit()? == 0 {
            return Ok(1);
        }
        if self.bit()? == 0 {
            return Ok(2);
        }
        let two = self.bits(2)?;
        if two < 3 {
            return Ok(3 + two);
        }
        let five = self.bits(5)?;
        if five < 31 {
            return Ok(6 + five);
        }
        Ok(37 + self.bits(7)?)
    }
}

/// Start of a packet, and end of its header.
const SOP: [u8; 2] = [0xff, 0x91];
const EPH: [u8; 2] = [0xff, 0x92];

/// Bytes of a SOP segment with its marker.
const SOP_LENGTH: usize = 6;

struct Reader<'a> {
    bytes: &'a [u8],
    next: usize,
    /// Packets so far.
    count: u16,
    end_markers: bool,
    style: BlockStyle,
}

impl Reader<'_> {
    fn packet(&mut self, tile: &mut Tile, place: Place, layer: u16) -> Result<(), Jpeg2000Error> {
        self.start_marker()?;
        let resolution = &mut tile.resolutions[place.resolution];
        let mut bits = HeaderBits::new(self.bytes, self.next);
        let included = bits.bit()? == 1;
        if included {
            for band in &mut resolution.bands {
                self.header(&mut band.cells[place.precinct], (band.planes, layer), &mut bits)?;
            }
        }
        self.next = bits.end()?;
        if self.bytes[self.next..].starts_with(&EPH) {
            self.next += EPH.len();
        } else if self.end_markers {
            return damaged("the header of a packet does not end with the marker EPH");
        }
        if included {
            for band in &mut resolution.bands {
                self.body(&mut band.cells[place.precinct])?;
            }
        }
        resolution.layers[place.precinct] += 1;
        Ok(())
    }

    /// Skips the marker before a packet, if there is one. No header begins with its bytes: after FF comes a byte
    /// below 80.
    fn start_marker(&mut self) -> Result<(), Jpeg2000Error> {
        if let Some(segment) = self.bytes[self.next..].first_chunk::<SOP_LENGTH>()
            && segment.starts_with(&SOP)
        {
            let number = u16::from_be_bytes([segment[4], segment[5]]);
            if number != self.count {
                return damaged(format!("packet {number} follows where {} should", self.count));
            }
            self.next += SOP_LENGTH;
        }
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    /// Gives the code-blocks of one band the bytes its header announced.
    fn body(&mut self, cell: &mut Cell) -> Result<(), Jpeg2000Error> {
        for block in &mut cell.blocks {
            let known =
                block.chunks.iter().rposition(|chunk| chunk.start.is_some()).map_or(0, |last| last + 1);
            for chunk in &mut block.chunks[known..] {
                let left = self.bytes.len() - self.next;
                let length = chunk.length as usize;
                if length > left {
                    return truncated(format!(
                        "{length} bytes of a code-block are announced, {left} are there"
                    ));
                }
                chunk.start = Some(self.next as u32);
                self.next += length;
            }
        }
        Ok(())
    }

    /// The header of one band in a packet.
    fn header(
        &self,
        cell: &mut Cell,
        (planes, layer): (u8, u16),
        bits: &mut HeaderBits,
    ) -> Result<(), Jpeg2000Error> {
        for (index, block) in cell.blocks.iter_mut().enumerate() {
            let at = (index % cell.across, index / cell.across);
            let included = if block.passes > 0 {
                bits.bit()? == 1
            } else {
                cell.inclusion.below(at, layer.saturating_add(1), bits)?
            };
            if !included {
                continue;
            }
            while block.passes == 0 && !cell.planes.below(at, u16::from(block.empty_planes) + 1, bits)? {
                block.empty_planes += 1;
                if block.empty_planes >= planes {
                    break;
                }
            }
            if block.empty_planes >= planes {
                return damaged(format!("a code-block with none of its {planes} bit planes"));
            }
            self.block(block, planes, bits)?;
        }
        Ok(())
    }

    /// New passes of a code-block, and the lengths of the segments they are in.
    fn block(&self, block: &mut Block, planes: u8, bits: &mut HeaderBits) -> Result<(), Jpeg2000Error> {
        let mut passes = bits.passes()?;
        // The first plane has a clean-up pass only, the others three.
        let most = 3 * (u32::from(planes) - u32::from(block.empty_planes)) - 2;
        let total = u32::from(block.passes) + passes;
        if total > most {
            return damaged(format!("{total} passes in a code-block that has {most} at most"));
        }
        block.passes = total as u8;
        while bits.bit()? == 1 {
            block.length_bits += 1;
            if block.length_bits > 31 {
                return damaged("the length of a code-block has more than 31 bits");
            }
        }
        while passes > 0 {
            let segment = self.segment(block);
            let open = &mut block.segments[segment];
            let here = passes.min(u32::from(open.capacity - open.passes));
            let digits = u32::from(block.length_bits) + here.ilog2();
            if digits > 32 {
                return damaged(format!("the length of a code-block has {digits} bits"));
            }
            open.passes += here as u8;
            passes -= here;
            block.chunks.push(Chunk { segment: segment as u8, start: None, length: bits.bits(digits)? });
        }
        Ok(())
    }

    /// The segment the next pass belongs to: the last one, or a new one if that is full.
    fn segment(&self, block: &mut Block) -> usize {
        // Three passes for each of at most 30 planes always fit into one segment.
        const ALL: u8 = 3 * 32;
        // With bypass, four planes of arithmetic coding come first; then two raw passes, one coded, and so on.
        const BEFORE_BYPASS: u8 = 10;
        let last = block.segments.last();
        if last.is_some_and(|segment| segment.passes < segment.capacity) {
            return block.segments.len() - 1;
        }
        let capacity = if self.style.terminate_all() {
            1
        } else if self.style.bypass() {
            match last.map(|segment| segment.capacity) {
                None => BEFORE_BYPASS,
                Some(1 | BEFORE_BYPASS) => 2,
                Some(_) => 1,
            }
        } else {
            ALL
        };
        block.segments.push(Segment { passes: 0, capacity });
        block.segments.len() - 1
    }
}
