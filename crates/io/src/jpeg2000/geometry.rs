//! From a tile to its resolutions, bands, precincts and code-blocks (annex B).

use super::markers::{Coding, Size, Style};
use super::tag_tree::TagTree;
use super::{Jpeg2000Error, truncated, unsupported};

/// A rectangle of samples: columns and rows from, and up to but not including.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x0: u32,
    pub(super) y0: u32,
    pub(super) x1: u32,
    pub(super) y1: u32,
}

impl Rect {
    pub(super) const fn width(&self) -> usize {
        self.x1.saturating_sub(self.x0) as usize
    }

    pub(super) const fn height(&self) -> usize {
        self.y1.saturating_sub(self.y0) as usize
    }

    /// The part of both; empty rectangles may have any place.
    fn common(&self, other: &Self) -> Self {
        Self {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }

    /// The samples of the tile that a filter keeps at a coarser level (B-15): `low` columns or rows start at
    /// zero, high ones half a step later.
    fn band(&self, level: u8, (high_x, high_y): (u64, u64)) -> Self {
        let part = |at: u32, high: u64| {
            if level == 0 {
                return at;
            }
            let shift = high << (level - 1);
            u64::from(at).saturating_sub(shift).div_ceil(1 << level) as u32
        };
        Self {
            x0: part(self.x0, high_x),
            y0: part(self.y0, high_y),
            x1: part(self.x1, high_x),
            y1: part(self.y1, high_y),
        }
    }
}

/// Which filter made a band: low or high pass, along rows first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    LowLow,
    HighLow,
    LowHigh,
    HighHigh,
}

/// Passes that share one run of the arithmetic decoder.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    pub(super) passes: u8,
    /// Most passes it can have.
    pub(super) capacity: u8,
}

/// What one packet adds to a segment: bytes of the tile.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    /// Index of the segment within its code-block.
    pub(super) segment: u8,
    /// First byte; `None` until the header of the packet is read to its end.
    pub(super) start: Option<u32>,
    pub(super) length: u32,
}

/// A code-block and what the packets say of it.
pub(super) struct Block {
    /// In samples of its band.
    pub(super) area: Rect,
    /// Bit planes that are all zero.
    pub(super) empty_planes: u8,
    /// State of the coding of lengths.
    pub(super) length_bits: u8,
    pub(super) passes: u8,
    pub(super) segments: Vec<Segment>,
    /// In the order of segments.
    pub(super) chunks: Vec<Chunk>,
}

/// The code-blocks of one band within one precinct.
pub(super) struct Cell {
    pub(super) across: usize,
    pub(super) blocks: Vec<Block>,
    pub(super) inclusion: TagTree,
    pub(super) planes: TagTree,
}

/// One band of a resolution.
pub(super) struct Band {
    pub(super) orientation: Orientation,
    pub(super) area: Rect,
    /// Bit planes of a coefficient, the shift of regions of interest included.
    pub(super) planes: u8,
    /// What a coefficient of 1 stands for; only of use for the irreversible transform.
    pub(super) step: f32,
    /// One for each precinct.
    pub(super) cells: Vec<Cell>,
}

/// One resolution of a tile.
pub(super) struct Resolution {
    pub(super) area: Rect,
    /// Logarithms of the size of precincts.
    precinct: (u8, u8),
    pub(super) across: usize,
    /// How many layers of each precinct were read.
    pub(super) layers: Vec<u16>,
    pub(super) bands: Vec<Band>,
}

impl Resolution {
    /// The upper left corner of a precinct in samples of this resolution.
    pub(super) fn corner(&self, precinct: usize) -> (u64, u64) {
        let (x, y) = ((precinct % self.across) as u64, (precinct / self.across) as u64);
        let (px, py) = self.precinct;
        ((u64::from(self.area.x0 >> px) + x) << px, (u64::from(self.area.y0 >> py) + y) << py)
    }
}

/// A tile: its resolutions from the coarsest on.
pub(super) struct Tile {
    pub(super) area: Rect,
    pub(super) resolutions: Vec<Resolution>,
}

/// Most precincts of a tile, each of which takes about a kilobyte: 16 × 16 samples in an image of 4096 × 4096.
const MAX_PRECINCTS: usize = 1 << 17;

/// Most bit planes a coefficient can have here: 32 bits less sign and the half bit of reconstruction.
const MAX_PLANES: u32 = 30;

impl Tile {
    /// Where a tile is.
    pub(super) fn area(size: &Size, index: u16) -> Rect {
        let across = size.tiles_across();
        let (column, row) = (u64::from(index) % across, u64::from(index) / across);
        let side = |origin: u32, step: u32, place: u64, from: u32, to: u32| {
            let start = u64::from(origin) + place * u64::from(step);
            let end = start + u64::from(step);
            (start.max(u64::from(from)) as u32, end.min(u64::from(to)) as u32)
        };
        let (x0, x1) = side(size.tile_x0, size.tile_width, column, size.x0, size.x1);
        let (y0, y1) = side(size.tile_y0, size.tile_height, row, size.y0, size.y1);
        Rect { x0, y0, x1, y1 }
    }

    /// Lays out a tile whose packets have the given number of bytes.
    ///
    /// Every packet takes at least one byte, which bounds the number of precincts.
    pub(super) fn new(area: Rect, bits: u32, coding: &Coding, bytes: usize) -> Result<Self, Jpeg2000Error> {
        let style = coding.style()?;
        if coding.region_shift > 0 && style.blocks.bypass() {
            // Decoders disagree on which planes are raw then.
            return unsupported("a region of interest together with bypass");
        }
        let layers = usize::from(coding.packets()?.layers);
        let mut resolutions = Vec::with_capacity(usize::from(style.levels) + 1);
        let mut precincts = 0_usize;
        for level in 0..=style.levels {
            let resolution = Frame::new(area, &style, level);
            precincts = precincts.saturating_add(resolution.precincts());
            let packets = precincts.saturating_mul(layers);
            if packets > bytes {
                return truncated(format!(
                    "a tile of {bytes} bytes cannot hold its {packets} packets or more"
                ));
            }
            if precincts > MAX_PRECINCTS {
                return unsupported(format!("{precincts} precincts in a tile, more than {MAX_PRECINCTS}"));
            }
            resolutions.push(resolution.fill(bits, coding)?);
        }
        Ok(Self { area, resolutions })
    }
}

/// A resolution before its bands are laid out.
struct Frame {
    tile: Rect,
    style: Style,
    level: u8,
    area: Rect,
    precinct: (u8, u8),
}

impl Frame {
    fn new(tile: Rect, style: &Style, level: u8) -> Self {
        let area = tile.band(style.levels - level, (0, 0));
        Self { tile, style: *style, level, area, precinct: style.precincts[usize::from(level)] }
    }

    /// Precincts from left to right and from top to bottom (B-16).
    fn grid(&self) -> (usize, usize) {
        let count = |from: u32, to: u32, log: u8| {
            if to > from { (to.div_ceil(1 << log) - (from >> log)) as usize } else { 0 }
        };
        (
            count(self.area.x0, self.area.x1, self.precinct.0),
            count(self.area.y0, self.area.y1, self.precinct.1),
        )
    }

    fn precincts(&self) -> usize {
        let (across, down) = self.grid();
        across.saturating_mul(down)
    }

    fn fill(self, bits: u32, coding: &Coding) -> Result<Resolution, Jpeg2000Error> {
        use Orientation::{HighHigh, HighLow, LowHigh, LowLow};
        let orientations: &[_] = if self.level == 0 { &[LowLow] } else { &[HighLow, LowHigh, HighHigh] };
        let mut bands = Vec::with_capacity(orientations.len());
        for (index, &orientation) in orientations.iter().enumerate() {
            let number = if self.level == 0 { 0 } else { 3 * usize::from(self.level) - 2 + index };
            bands.push(self.band(orientation, bits, coding.quantisation()?.step(number)?, coding)?);
        }
        let layers = vec![0; self.precincts()];
        Ok(Resolution { area: self.area, precinct: self.precinct, across: self.grid().0, layers, bands })
    }

    fn band(
        &self,
        orientation: Orientation,
        bits: u32,
        (exponent, mantissa): (u8, u16),
        coding: &Coding,
    ) -> Result<Band, Jpeg2000Error> {
        let guard = coding.quantisation()?.guard_bits;
        let planes =
            (u32::from(exponent) + u32::from(guard)).saturating_sub(1) + u32::from(coding.region_shift);
        if planes > MAX_PLANES {
            return unsupported(format!("coefficients of {planes} bits, more than {MAX_PLANES}"));
        }
        let high = match orientation {
            Orientation::LowLow => (0, 0),
            Orientation::HighLow => (1, 0),
            Orientation::LowHigh => (0, 1),
            Orientation::HighHigh => (1, 1),
        };
        let coarser = if self.level == 0 { self.style.levels } else { self.style.levels - self.level + 1 };
        let area = self.tile.band(coarser, high);
        // Delta of E-3. The gain of high bands is in the synthesis filter, see `wavelet`.
        let step = libm::ldexp(1.0 + f64::from(mantissa) / 2048.0, bits as i32 - i32::from(exponent)) as f32;
        let cells = self.cells(area);
        Ok(Band { orientation, area, planes: planes as u8, step, cells })
    }

    fn cells(&self, band: Rect) -> Vec<Cell> {
        // A precinct is half as large in the bands of a resolution as in the resolution itself.
        let half = u8::from(self.level > 0);
        let (px, py) = (self.precinct.0 - half, self.precinct.1 - half);
        let block = (self.style.block.0.min(px), self.style.block.1.min(py));
        let (across, down) = self.grid();
        let first = (self.area.x0 >> self.precinct.0, self.area.y0 >> self.precinct.1);
        let mut cells = Vec::with_capacity(across * down);
        let side = |place: u32, log: u8| {
            let edge = |at: u64| (at << log).min(u64::from(u32::MAX)) as u32;
            (edge(u64::from(place)), edge(u64::from(place) + 1))
        };
        for row in 0..down as u32 {
            for column in 0..across as u32 {
                let ((x0, x1), (y0, y1)) = (side(first.0 + column, px), side(first.1 + row, py));
                cells.push(Cell::new(band.common(&Rect { x0, y0, x1, y1 }), block));
            }
        }
        cells
    }
}

impl Cell {
    fn new(area: Rect, (log_x, log_y): (u8, u8)) -> Self {
        let (mut across, mut down) = (0, 0);
        let mut blocks = Vec::new();
        if area.width() > 0 && area.height() > 0 {
            let columns = area.x0 >> log_x..((area.x1 - 1) >> log_x) + 1;
            let rows = area.y0 >> log_y..((area.y1 - 1) >> log_y) + 1;
            (across, down) = (columns.len(), rows.len());
            blocks.reserve_exact(across * down);
            let side = |place: u32, log: u8| {
                let end = (u64::from(place) + 1) << log;
                (place << log, end.min(u64::from(u32::MAX)) as u32)
            };
            for row in rows {
                for column in columns.clone() {
                    let ((x0, x1), (y0, y1)) = (side(column, log_x), side(row, log_y));
                    blocks.push(Block {
                        area: area.common(&Rect { x0, y0, x1, y1 }),
                        empty_planes: 0,
                        // Three bits for a length to begin with (B.10.7.1).
                        length_bits: 3,
                        passes: 0,
                        segments: Vec::new(),
                        chunks: Vec::new(),
                    });
                }
            }
        }
        Self { across, blocks, inclusion: TagTree::new(across, down), planes: TagTree::new(across, down) }
    }
}
