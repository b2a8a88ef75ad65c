//! Bit-plane decoding of a code-block (annex D): three passes over each plane, in stripes of four rows.
//!
//! One word of flags describes the four samples of a column in a stripe, so that a pass asks one word what it
//! needs to know of four samples and their twelve neighbours:
//!
//! | bits | |
//! |---|---|
//! | 0 to 17 | significance of three columns (left, own, right) in six rows (one above, four, one below) |
//! | 18, 21, 24, 27 | the sample was visited in this plane |
//! | 19, 22, 25, 28 | the sample was refined before |
//! | 20, 23, 26, 29, 30, 31 | sign of the own column in the same six rows |

use super::arithmetic::{Arithmetic, Contexts, Decisions, Raw};
use super::context::{self, REFINE, RUN, UNIFORM};
use super::geometry::{Band, Block};
use super::markers::BlockStyle;
use super::{Jpeg2000Error, damaged};

/// Words of flags: enough for every shape of 4096 samples with a margin of one; a power of two, so that an
/// index can be masked.
const FLAGS: usize = 4096;

/// Columns of four samples in a code-block.
const COLUMNS: usize = 1024;

/// Significance of anything around the four samples of a column, or of themselves.
const AROUND: u32 = 0x3_ffff;
/// Significance of the eight neighbours of the first sample; three bits further for each next one.
const EIGHT: u32 = 0b111_101_111;
/// Significance of the four samples.
const OWN: u32 = own(0) | own(1) | own(2) | own(3);
/// From the significance of a sample to its "visited" bit.
const TO_VISITED: u32 = 14;
/// The sign of a coefficient, above its magnitude.
pub(super) const NEGATIVE: u32 = 1 << 31;

const fn own(row: u32) -> u32 {
    1 << (4 + 3 * row)
}

const fn visited(row: u32) -> u32 {
    own(row) << TO_VISITED
}

const fn refined(row: u32) -> u32 {
    1 << (19 + 3 * row)
}

/// Where the sign of a row is; 0 is the one above.
const fn sign_place(row: u32) -> u32 {
    if row < 4 { 20 + 3 * row } else { 26 + row }
}

/// Room for one code-block after another.
pub(super) struct Coefficients {
    flags: Box<[u32; FLAGS]>,
    /// Column by column within stripes: twice the magnitude, and [`NEGATIVE`].
    data: Box<[[u32; 4]; COLUMNS]>,
    width: usize,
    height: usize,
    causal: bool,
    table: &'static [u8; 512],
    joined: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Significance,
    Refinement,
    CleanUp,
}

impl Coefficients {
    pub(super) fn new() -> Self {
        Self {
            flags: Box::new([0; FLAGS]),
            data: Box::new([[0; 4]; COLUMNS]),
            width: 0,
            height: 0,
            causal: false,
            table: context::significance(super::geometry::Orientation::LowLow),
            joined: Vec::new(),
        }
    }

    /// The coefficients decoded last, row by row: twice the magnitude with half a unit of the last plane in the
    /// lowest bits, and [`NEGATIVE`].
    pub(super) fn row(&self, y: usize) -> impl Iterator<Item = u32> + '_ {
        let first = (y / 4) * self.width;
        self.data[first..first + self.width].iter().map(move |column| column[y % 4])
    }

    /// Decodes a code-block whose chunks are in `bytes`.
    pub(super) fn decode(
        &mut self,
        block: &Block,
        band: &Band,
        style: BlockStyle,
        bytes: &[u8],
    ) -> Result<(), Jpeg2000Error> {
        self.start(block, band, style);
        let mut contexts = Contexts::new();
        let planes = u32::from(band.planes - block.empty_planes);
        let mut plane = planes - 1;
        let mut pass = Pass::CleanUp;
        let mut joined = std::mem::take(&mut self.joined);
        let mut chunks = block.chunks.as_slice();
        for (index, segment) in block.segments.iter().enumerate() {
            let own = chunks.iter().take_while(|chunk| usize::from(chunk.segment) == index).count();
            let (these, others) = chunks.split_at(own);
            chunks = others;
            let part = |chunk: &super::geometry::Chunk| {
                let start = chunk.start.map_or(bytes.len(), |start| start as usize);
                bytes.get(start..start + chunk.length as usize).unwrap_or_default()
            };
            let data = if let [one] = these {
                part(one)
            } else {
                joined.clear();
                these.iter().for_each(|chunk| joined.extend_from_slice(part(chunk)));
                &joined[..]
            };
            unmarked(data)?;
            // Bypass begins after four planes; clean-up passes are never raw.
            if style.bypass() && planes - plane > 4 && pass != Pass::CleanUp {
                let mut source = Raw::new(data);
                for _ in 0..segment.passes {
                    self.raw_pass(pass, plane, &mut source);
                    (pass, plane) = after(pass, plane);
                }
                continue;
            }
            let mut source = Arithmetic::new(data, contexts);
            for _ in 0..segment.passes {
                self.pass(pass, plane, &mut source);
                if pass == Pass::CleanUp && style.symbols() && segmentation(&mut source) != 0b1010 {
                    return damaged("a code-block does not end its bit plane with the agreed symbols");
                }
                if style.reset() {
                    source.contexts = Contexts::new();
                }
                (pass, plane) = after(pass, plane);
            }
            contexts = source.contexts;
        }
        self.joined = joined;
        Ok(())
    }

    fn start(&mut self, block: &Block, band: &Band, style: BlockStyle) {
        (self.width, self.height) = (block.area.width(), block.area.height());
        self.causal = style.causal();
        self.table = context::significance(band.orientation);
        let stripes = self.height.div_ceil(4);
        self.flags[..(self.width + 2) * (stripes + 2)].fill(0);
        self.data[..self.width * stripes].fill([0; 4]);
    }

    fn pass(&mut self, pass: Pass, plane: u32, source: &mut Arithmetic) {
        // A copy of one's own: its fields stay in registers.
        let mut local = *source;
        match pass {
            Pass::Significance => self.significance(plane, &mut local),
            Pass::Refinement => self.refinement(plane, &mut local),
            Pass::CleanUp => self.clean_up(plane, &mut local),
        }
        *source = local;
    }

    fn raw_pass(&mut self, pass: Pass, plane: u32, source: &mut Raw) {
        match pass {
            Pass::Significance => self.significance(plane, source),
            Pass::Refinement | Pass::CleanUp => self.refinement(plane, source),
        }
    }

    /// Calls a pass for every column of four samples: place among the flags, place among the data, rows.
    #[inline(always)]
    fn columns(&mut self, mut column: impl FnMut(&mut Self, usize, usize, u32)) {
        for stripe in 0..self.height.div_ceil(4) {
            let rows = (self.height - 4 * stripe).min(4) as u32;
            let first = (stripe + 1) * (self.width + 2) + 1;
            for x in 0..self.width {
                column(self, first + x, stripe * self.width + x, rows);
            }
        }
    }

    /// Samples next to significant ones (D.3.1).
    #[inline(always)]
    fn significance<D: Decisions>(&mut self, plane: u32, source: &mut D) {
        self.columns(|block, at, column, rows| {
            let mut flags = block.flags[at % FLAGS];
            if flags & AROUND == 0 || flags & OWN == OWN {
                return;
            }
            block.candidate::<0, D>(&mut flags, (at, column, plane), source);
            if rows > 1 {
                block.candidate::<1, D>(&mut flags, (at, column, plane), source);
            }
            if rows > 2 {
                block.candidate::<2, D>(&mut flags, (at, column, plane), source);
            }
            if rows > 3 {
                block.candidate::<3, D>(&mut flags, (at, column, plane), source);
            }
            block.flags[at % FLAGS] = flags;
        });
    }

    #[inline(always)]
    fn candidate<const ROW: u32, D: Decisions>(
        &mut self,
        flags: &mut u32,
        place: (usize, usize, u32),
        source: &mut D,
    ) {
        if *flags & own(ROW) != 0 || *flags & (EIGHT << (3 * ROW)) == 0 {
            return;
        }
        let context = self.table[(*flags >> (3 * ROW)) as usize % 512];
        if source.next(u32::from(context)) == 1 {
            self.appear::<ROW, D>(flags, place, source);
        }
        *flags |= visited(ROW);
    }

    /// Reads the sign of a sample that has become significant, and tells its neighbours (D.3.2).
    #[inline(always)]
    fn appear<const ROW: u32, D: Decisions>(
        &mut self,
        flags: &mut u32,
        (at, column, plane): (usize, usize, u32),
        source: &mut D,
    ) {
        let (left, right) = (self.flags[(at - 1) % FLAGS], self.flags[(at + 1) % FLAGS]);
        let index = *flags >> (3 * ROW) & 0b1010_1010
            | (*flags >> sign_place(ROW) & 1)
            | (left >> sign_place(ROW + 1) & 1) << 2
            | (right >> sign_place(ROW + 1) & 1) << 4
            | (*flags >> sign_place(ROW + 2) & 1) << 6;
        let sign = source.sign(context::SIGN[index as usize % 256]);
        self.data[column % COLUMNS][ROW as usize] = 3 << plane | sign << 31;
        *flags |= own(ROW) | sign << sign_place(ROW + 1);
        self.flags[(at - 1) % FLAGS] = left | own(ROW) << 1;
        self.flags[(at + 1) % FLAGS] = right | own(ROW) >> 1;
        let stride = self.width + 2;
        if ROW == 0 && !self.causal {
            let above = at - stride;
            self.flags[(above - 1) % FLAGS] |= 1 << 17;
            self.flags[above % FLAGS] |= 1 << 16 | sign << sign_place(5);
            self.flags[(above + 1) % FLAGS] |= 1 << 15;
        }
        if ROW == 3 {
            let below = at + stride;
            self.flags[(below - 1) % FLAGS] |= 1 << 2;
            self.flags[below % FLAGS] |= 1 << 1 | sign << sign_place(0);
            self.flags[(below + 1) % FLAGS] |= 1;
        }
    }

    /// One more bit of samples that were significant before this plane (D.3.3).
    #[inline(always)]
    fn refinement<D: Decisions>(&mut self, plane: u32, source: &mut D) {
        self.columns(|block, at, column, _| {
            let mut flags = block.flags[at % FLAGS];
            if flags & !(flags >> TO_VISITED) & OWN == 0 {
                return;
            }
            let values = &mut block.data[column % COLUMNS];
            refine::<0, D>(&mut flags, &mut values[0], plane, source);
            refine::<1, D>(&mut flags, &mut values[1], plane, source);
            refine::<2, D>(&mut flags, &mut values[2], plane, source);
            refine::<3, D>(&mut flags, &mut values[3], plane, source);
            block.flags[at % FLAGS] = flags;
        });
    }

    /// Everything not visited yet (D.3.4).
    #[inline(always)]
    fn clean_up<D: Decisions>(&mut self, plane: u32, source: &mut D) {
        self.columns(|block, at, column, rows| {
            let mut flags = block.flags[at % FLAGS];
            let place = (at, column, plane);
            let mut row = 0;
            if flags & AROUND == 0 && rows == 4 {
                if source.next(RUN) == 0 {
                    return;
                }
                row = source.next(UNIFORM) << 1;
                row |= source.next(UNIFORM);
                match row {
                    0 => block.appear::<0, D>(&mut flags, place, source),
                    1 => block.appear::<1, D>(&mut flags, place, source),
                    2 => block.appear::<2, D>(&mut flags, place, source),
                    _ => block.appear::<3, D>(&mut flags, place, source),
                }
                row += 1;
            } else if (flags | flags >> TO_VISITED) & OWN == OWN {
                block.flags[at % FLAGS] = flags & !(OWN << TO_VISITED);
                return;
            }
            if row == 0 {
                block.rest::<0, D>(&mut flags, place, source);
            }
            if row <= 1 && rows > 1 {
                block.rest::<1, D>(&mut flags, place, source);
            }
            if row <= 2 && rows > 2 {
                block.rest::<2, D>(&mut flags, place, source);
            }
            if row <= 3 && rows > 3 {
                block.rest::<3, D>(&mut flags, place, source);
            }
            block.flags[at % FLAGS] = flags & !(OWN << TO_VISITED);
        });
    }

    #[inline(always)]
    fn rest<const ROW: u32, D: Decisions>(
        &mut self,
        flags: &mut u32,
        place: (usize, usize, u32),
        source: &mut D,
    ) {
        if *flags & (own(ROW) | visited(ROW)) != 0 {
            return;
        }
        let context = self.table[(*flags >> (3 * ROW)) as usize % 512];
        if source.next(u32::from(context)) == 1 {
            self.appear::<ROW, D>(flags, place, source);
        }
    }
}

#[inline(always)]
fn refine<const ROW: u32, D: Decisions>(flags: &mut u32, value: &mut u32, plane: u32, source: &mut D) {
    if *flags & (own(ROW) | visited(ROW)) != own(ROW) {
        return;
    }
    let context = if *flags & refined(ROW) != 0 {
        REFINE + 2
    } else {
        REFINE + u32::from(*flags & (EIGHT << (3 * ROW)) != 0)
    };
    let bit = source.next(context);
    // The half below the last known bit gives way to that bit and the half below it.
    *value = (*value + (bit << (plane + 1))).wrapping_sub(1 << plane);
    *flags |= refined(ROW);
}

/// Refuses what can only be damage: coders never write two bytes that could be taken for a marker (D.4.1).
fn unmarked(data: &[u8]) -> Result<(), Jpeg2000Error> {
    let marker = |[first, second]: [u8; 2]| first == 0xff && second > 0x8f;
    // No branch within: it is looked for everywhere and found nowhere.
    let found = data.windows(2).fold(false, |found, pair| found | marker([pair[0], pair[1]]));
    if !found {
        return Ok(());
    }
    let pair = data.windows(2).find(|pair| marker([pair[0], pair[1]])).unwrap_or(data);
    let text: String = pair.iter().take(2).map(|byte| format!("{byte:02X}")).collect();
    damaged(format!("{text} stands within a code-block, where no bytes above FF8F can be"))
}

fn segmentation(source: &mut Arithmetic) -> u32 {
    (0..4).fold(0, |symbols, _| symbols << 1 | source.next(UNIFORM))
}

const fn after(pass: Pass, plane: u32) -> (Pass, u32) {
    match pass {
        Pass::Significance => (Pass::Refinement, plane),
        Pass::Refinement => (Pass::CleanUp, plane),
        Pass::CleanUp => (Pass::Significance, plane.saturating_sub(1)),
    }
}
