//! From stored bits to samples: takes the value's bits, extends the sign, rescales.

use super::lut::Lut;
use crate::dicom::header::Header;
use crate::samples::Samples;
use osteon_core::{Grid, Volume, VolumeError};

/// A kind of number a volume can be made of.
pub(in crate::dicom) trait Sample:
    Copy + Default + Send + Sync + PartialEq + Into<f64>
{
    /// Whole numbers from here …
    const LEAST: i32;
    /// … to here are exact.
    const MOST: i32;
    /// No other kind is tried for values that do not fit this one.
    const LAST: bool;
    /// A whole number in that range; another one makes no sense.
    fn whole(value: i32) -> Self;
    /// The nearest sample.
    fn near(value: f64) -> Self;
    /// The nearest whole number of 16 bits.
    fn whole_part(self) -> i16;
    /// Bits that differ where samples differ.
    fn bits(self) -> u32;
    /// A volume of such samples.
    fn volume(grid: Grid, samples: Vec<Self>) -> Result<Samples, VolumeError>;
}

impl Sample for i16 {
    const LEAST: i32 = i16::MIN as i32;
    const MOST: i32 = i16::MAX as i32;
    const LAST: bool = false;

    fn whole(value: i32) -> Self {
        value as i16
    }

    fn near(value: f64) -> Self {
        // Shifted above zero, where cutting the fraction off rounds half up; the casts saturate.
        let shifted = (value + 32_768.5) as i64 - 32_768;
        shifted.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16
    }

    fn whole_part(self) -> i16 {
        self
    }

    fn bits(self) -> u32 {
        self as u32
    }

    fn volume(grid: Grid, samples: Vec<Self>) -> Result<Samples, VolumeError> {
        Volume::new(grid, samples).map(Samples::I16)
    }
}

impl Sample for f32 {
    // Whole numbers up to 2^24 are exact in 32 bits.
    const LEAST: i32 = -(1 << 24);
    const MOST: i32 = 1 << 24;
    const LAST: bool = true;

    fn whole(value: i32) -> Self {
        value as f32
    }

    fn near(value: f64) -> Self {
        value as f32
    }

    fn whole_part(self) -> i16 {
        i16::near(f64::from(self))
    }

    fn bits(self) -> u32 {
        self.to_bits()
    }

    fn volume(grid: Grid, samples: Vec<Self>) -> Result<Samples, VolumeError> {
        Volume::new(grid, samples).map(Samples::F32)
    }
}

/// The cells of a slice as they were stored, one for each pixel.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    /// One byte each.
    Bytes(&'a [u8]),
    /// Two bytes, the lower one first.
    Little16(&'a [u8]),
    /// Two bytes, the higher one first.
    Big16(&'a [u8]),
    /// Two planes of bytes, the higher ones first.
    Planes16(&'a [u8], &'a [u8]),
    /// Words that a codec has made.
    Words16(&'a [u16]),
    /// Four bytes, the lowest first.
    Little32(&'a [u8]),
    /// Four bytes, the highest first.
    Big32(&'a [u8]),
    /// Four planes of bytes in one piece, the highest ones first.
    Planes32(&'a [u8]),
    /// Words that a codec has made.
    Words32(&'a [i32]),
    /// Floating-point numbers of four or eight bytes.
    Real32(&'a [u8], Order),
    /// See above.
    Real64(&'a [u8], Order),
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dicom) enum Order {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

/// What became of the values of a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::dicom) struct Kept {
    /// Least value, before it was made a sample.
    pub(in crate::dicom) low: f64,
    /// Largest value.
    pub(in crate::dicom) high: f64,
    /// Largest difference between a value and its sample.
    pub(in crate::dicom) error: f64,
    /// How many are not finite numbers.
    pub(in crate::dicom) strange: usize,
    /// How many were padding that would have looked like tissue, and are air now.
    pub(in crate::dicom) padded: usize,
}

impl Kept {
    const NONE: Self =
        Self { low: f64::INFINITY, high: f64::NEG_INFINITY, error: 0.0, strange: 0, padded: 0 };
}

/// What a stored value stands for.
#[derive(Clone, Debug, PartialEq)]
enum Map {
    /// Add a whole number.
    Add(i32),
    /// Multiply and add.
    Line { slope: f64, intercept: f64 },
    /// Look up.
    Table(Lut),
}

/// How the stored values of a slice become samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Convert {
    /// Bits above and below the value in a cell of 32, to be shifted out.
    above: u32,
    below: u32,
    signed: bool,
    map: Map,
    padding: Option<Padding>,
}

/// Stored values that stand for "no pixel here" and would rescale to tissue.
#[derive(Clone, Debug, PartialEq)]
struct Padding {
    /// Values from here …
    low: i64,
    /// … to here.
    high: i64,
    /// The cell as a whole, where the value does not fit into the stored bits.
    cell: Option<u32>,
}

/// What padding becomes: air, HU.
const AIR: f64 = -1024.0;
/// Padding up to here is kept as it is: it cannot be taken for tissue, HU.
const HARMLESS: f64 = -1000.0;
/// Larger intercepts are left to the careful way, so that the quick one cannot overflow.
const MOST_ADDED: f64 = 1e6;

impl Convert {
    /// For a checked header; `lut` where it has a Modality LUT.
    pub(super) fn new(header: &Header, lut: Option<Lut>) -> Self {
        let (slope, intercept) = (header.slope.unwrap_or(1.0), header.intercept.unwrap_or(0.0));
        let map = match lut {
            Some(lut) => Map::Table(lut),
            None if slope == 1.0 && intercept.fract() == 0.0 && intercept.abs() < MOST_ADDED => {
                Map::Add(intercept as i32)
            }
            None => Map::Line { slope, intercept },
        };
        let above = (31 - header.high).clamp(0, 31) as u32;
        let below = (32 - header.stored).clamp(0, 31) as u32;
        let mut convert = Self { above, below, signed: header.signed == 1, map, padding: None };
        convert.padding = convert.padding(header);
        convert
    }

    /// The padding of a CT, if it would rescale to something denser than air.
    fn padding(&self, header: &Header) -> Option<Padding> {
        let first = header.padding.filter(|_| header.modality == "CT")?;
        let ends = [first, header.padding_limit.unwrap_or(first)];
        // The sign of the attribute is not always that of the pixels, but its bits are.
        let wide = 64 - header.allocated.clamp(1, 32) as u32;
        let values =
            ends.map(|n| if self.signed { n << wide >> wide } else { ((n as u64) << wide >> wide) as i64 });
        let stored = |n: i64| self.value(((n as u64) << (header.high + 1 - header.stored)) as u32);
        let seen = values.map(stored);
        if seen.iter().all(|&n| self.map.of(n as f64) <= HARMLESS) {
            return None;
        }
        let fits = seen == values;
        let cell = (!fits && ends[0] == ends[1]).then_some((values[0] as u64 & (u64::MAX >> wide)) as u32);
        let [low, high] = [values[0].min(values[1]), values[0].max(values[1])];
        Some(Padding { low, high, cell })
    }

    /// The stored value in a cell of up to 32 bits.
    fn value(&self, cell: u32) -> i64 {
        if self.signed {
            i64::from(((cell << self.above) as i32) >> self.below)
        } else {
            i64::from((cell << self.above) >> self.below)
        }
    }

    /// Fills a slice.
    pub(super) fn fill<T: Sample>(&self, cells: Cells, out: &mut [T]) -> Kept {
        let two = |b: &[u8]| [b[0], b[1]];
        let four = |b: &[u8]| [b[0], b[1], b[2], b[3]];
        let eight = |b: &[u8]| [b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]];
        match cells {
            Cells::Bytes(b) => self.narrow(out, b.iter().map(|&b| u16::from(b))),
            Cells::Little16(b) => self.narrow(out, b.chunks_exact(2).map(|b| u16::from_le_bytes(two(b)))),
            Cells::Big16(b) => self.narrow(out, b.chunks_exact(2).map(|b| u16::from_be_bytes(two(b)))),
            Cells::Planes16(high, low) => {
                let cell = |(&high, &low)| u16::from(high) << 8 | u16::from(low);
                self.narrow(out, high.iter().zip(low).map(cell))
            }
            Cells::Words16(words) => self.narrow(out, words.iter().copied()),
            Cells::Little32(b) => self.wide(out, b.chunks_exact(4).map(|b| u32::from_le_bytes(four(b)))),
            Cells::Big32(b) => self.wide(out, b.chunks_exact(4).map(|b| u32::from_be_bytes(four(b)))),
            Cells::Planes32(planes) => {
                let area = out.len();
                let cell = |n: usize| u32::from_be_bytes([0, 1, 2, 3].map(|p| planes[p * area + n]));
                self.wide(out, (0..area).map(cell))
            }
            Cells::Words32(words) => self.wide(out, words.iter().map(|&word| word as u32)),
            Cells::Real32(b, Order::Little) => {
                self.real(out, b.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(four(b)))))
            }
            Cells::Real32(b, Order::Big) => {
                self.real(out, b.chunks_exact(4).map(|b| f64::from(f32::from_be_bytes(four(b)))))
            }
            Cells::Real64(b, Order::Little) => {
                self.real(out, b.chunks_exact(8).map(|b| f64::from_le_bytes(eight(b))))
            }
            Cells::Real64(b, Order::Big) => {
                self.real(out, b.chunks_exact(8).map(|b| f64::from_be_bytes(eight(b))))
            }
        }
    }

    /// Cells of up to 16 bits; the usual map is made in 16-bit arithmetic.
    fn narrow<T: Sample>(&self, out: &mut [T], cells: impl Iterator<Item = u16>) -> Kept {
        // Shifts for a cell of 16 bits: the value has no more of them.
        let (above, below) = (self.above.saturating_sub(16), self.below.saturating_sub(16));
        match (&self.map, self.signed, &self.padding) {
            (&Map::Add(n), true, None) => add(out, cells.map(|c| ((c << above) as i16) >> below), n),
            (&Map::Add(n), false, None) if below > 0 => {
                add(out, cells.map(|c| ((c << above) >> below) as i16), n)
            }
            _ => self.wide(out, cells.map(u32::from)),
        }
    }

    /// Cells of up to 32 bits, the careful way.
    fn wide<T: Sample>(&self, out: &mut [T], cells: impl Iterator<Item = u32>) -> Kept {
        let mut padded = 0;
        let values = cells.map(|cell| {
            let value = self.value(cell);
            match &self.padding {
                Some(padding) if padding.is(cell, value) => {
                    padded += 1;
                    AIR
                }
                _ => self.map.of(value as f64),
            }
        });
        let kept = keep(out, values);
        Kept { padded, ..kept }
    }

    fn real<T: Sample>(&self, out: &mut [T], values: impl Iterator<Item = f64>) -> Kept {
        keep(out, values.map(|value| self.map.of(value)))
    }
}

impl Padding {
    fn is(&self, cell: u32, value: i64) -> bool {
        match self.cell {
            Some(padding) => cell == padding,
            None => (self.low..=self.high).contains(&value),
        }
    }
}

impl Map {
    fn of(&self, value: f64) -> f64 {
        match self {
            Map::Add(n) => value + f64::from(*n),
            Map::Line { slope, intercept } => value * slope + intercept,
            Map::Table(lut) => lut.of(value),
        }
    }
}

/// Values of 16 bits plus a whole number.
fn add<T: Sample>(out: &mut [T], values: impl Iterator<Item = i16>, added: i32) -> Kept {
    let (mut low, mut high) = (i16::MAX, i16::MIN);
    for (out, value) in out.iter_mut().zip(values) {
        low = low.min(value);
        high = high.max(value);
        *out = T::whole(i32::from(value) + added);
    }
    let (low, high) = (i32::from(low) + added, i32::from(high) + added);
    let fits = low >= T::LEAST && high <= T::MOST;
    let error = if fits { 0.0 } else { f64::INFINITY };
    Kept { low: low.into(), high: high.into(), error, ..Kept::NONE }
}

/// Any values.
fn keep<T: Sample>(out: &mut [T], values: impl Iterator<Item = f64>) -> Kept {
    let mut kept = Kept::NONE;
    for (out, value) in out.iter_mut().zip(values) {
        let sample = T::near(value);
        kept.low = kept.low.min(value);
        kept.high = kept.high.max(value);
        kept.error = kept.error.max((sample.into() - value).abs());
        kept.strange += usize::from(!value.is_finite());
        *out = sample;
    }
    kept
}
