//! The sequential processes: blocks of 8 × 8 coefficients and the way back from them to samples.
//!
//! The inverse cosine transform is that of Loeffler, Ligtenberg and Moschytz (1989), eleven multiplications
//! for eight values, in integers with the constants and the two roundings that the Independent JPEG Group
//! documents for its "accurate integer" method. Other ways are as good but differ in a last bit.

use super::bits::Reader;
use super::frame::Scan;
use super::huffman::{Meaning, Table};
use super::{JpegError, damaged};
use std::ops::Range;

/// Decodes blocks of samples.
pub(super) struct Blocks<'a> {
    out: &'a mut [u16],
    width: usize,
    height: usize,
    bits: u32,
    means: Table,
    others: Table,
    quantisers: [u16; 64],
}

/// Largest number of bits of a difference of mean values: of coefficients of 12-bit samples (T.81 F.1.5.1).
const LARGEST_DIFFERENCE: u8 = 15;

/// Row by row index of the coefficients in the order they are coded (T.81 figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

impl<'a> Blocks<'a> {
    pub(super) fn new(scan: &Scan, out: &'a mut [u16]) -> Result<Self, JpegError> {
        let Some((codes, quantisers)) = &scan.blocks else {
            return damaged("a scan without quantisers");
        };
        Ok(Self {
            out,
            width: scan.image.width,
            height: scan.image.height,
            bits: scan.image.bits,
            means: Table::new(&scan.differences, Meaning::Difference, LARGEST_DIFFERENCE)?,
            others: Table::new(codes, Meaning::Coefficient, 0)?,
            quantisers: *quantisers,
        })
    }

    /// Number of blocks, those that the image fills in part included.
    pub(super) const fn count(&self) -> usize {
        self.width.div_ceil(8) * self.height.div_ceil(8)
    }

    /// Decodes the blocks between two markers; gives how many bits are left over.
    pub(super) fn decode(&mut self, mut reader: Reader, blocks: Range<usize>) -> Result<i64, JpegError> {
        let mut mean = 0;
        for block in blocks {
            let coefficients = self.coefficients(&mut reader, &mut mean)?;
            if reader.left() < 0 {
                break;
            }
            // With 12 bits one bit less is kept between the passes, to leave room in 32 bits.
            let samples =
                if self.bits == 8 { inverse::<2>(&coefficients) } else { inverse::<1>(&coefficients) };
            self.place(block, &samples)?;
        }
        Ok(reader.left())
    }

    /// The next block, row by row, multiplied by its quantisers.
    fn coefficients(&self, reader: &mut Reader, mean: &mut i32) -> Result<[i64; 64], JpegError> {
        let mut block = [0; 64];
        reader.fill();
        let entry = self.means.entry(reader)?;
        *mean += entry.number(reader.take(entry.bits()));
        if i16::try_from(*mean).is_err() {
            return damaged(format!("a block with the mean coefficient {mean}"));
        }
        block[0] = i64::from(*mean) * i64::from(self.quantisers[0]);
        let mut at = 1;
        while at < 64 {
            reader.fill();
            let entry = self.others.entry(reader)?;
            let number = entry.number(reader.take(entry.bits()));
            at += entry.zeros();
            if entry.has_number() {
                let Some(&place) = ZIGZAG.get(at) else {
                    return damaged("a block of more than 64 coefficients");
                };
                block[place] = i64::from(number) * i64::from(self.quantisers[at]);
            } else if entry.zeros() == 0 {
                break;
            }
            at += 1;
        }
        // Sixteen zeros at a time may pass the end by themselves.
        if at > 64 {
            return damaged("a block of more than 64 coefficients");
        }
        Ok(block)
    }

    /// Puts a block where it belongs, as far as it is inside the image.
    fn place(&mut self, block: usize, samples: &[i64; 64]) -> Result<(), JpegError> {
        let across = self.width.div_ceil(8);
        let (x, y) = (block % across * 8, block / across * 8);
        let middle = 1 << (self.bits - 1);
        // Rounded coefficients make samples leave their range by a little. Those of a damaged stream leave it by
        // far; at twice the range other decoders begin to count from the other end.
        let far = 4 * middle;
        let wide = 8.min(self.width - x);
        let rows = self.out.chunks_exact_mut(self.width).skip(y);
        for (row, values) in rows.zip(samples.chunks_exact(8)) {
            for (sample, &value) in row[x..x + wide].iter_mut().zip(values) {
                if !(-far..far).contains(&value) {
                    let value = value + middle;
                    return damaged(format!(
                        "a sample of {value} in the block at column {x}, row {y}, far beyond {} bits",
                        self.bits
                    ));
                }
                *sample = (value + middle).clamp(0, 2 * middle - 1) as u16;
            }
        }
        Ok(())
    }
}

/// Fractional bits of the constants.
const FRACTION: u32 = 13;

/// Samples of a block about the middle of their range: columns, then rows. `KEPT` fractional bits stay between the
/// two passes.
fn inverse<const KEPT: u32>(block: &[i64; 64]) -> [i64; 64] {
    let mut between = [0; 64];
    for x in 0..8 {
        let column = eight(std::array::from_fn(|y| block[8 * y + x]));
        for (y, value) in column.into_iter().enumerate() {
            between[8 * y + x] = rounded(value, FRACTION - KEPT);
        }
    }
    let mut samples = [0; 64];
    for (row, values) in samples.chunks_exact_mut(8).zip(between.chunks_exact(8)) {
        let line = eight(std::array::from_fn(|x| values[x]));
        for (sample, value) in row.iter_mut().zip(line) {
            // Each pass leaves a factor of √8.
            *sample = rounded(value, FRACTION + KEPT + 3);
        }
    }
    samples
}

const fn rounded(value: i64, bits: u32) -> i64 {
    (value + (1 << (bits - 1))) >> bits
}

/// The transform of eight values, times √8 · 2^13. Coefficients are below 2^31, so that nothing
/// overflows in two passes.
fn eight(v: [i64; 8]) -> [i64; 8] {
    // Even part: a rotation by 6 · π/16.
    let turned = (v[2] + v[6]) * 4433;
    let low = turned - v[6] * 15137;
    let high = turned + v[2] * 6270;
    let sum = (v[0] + v[4]) << FRACTION;
    let difference = (v[0] - v[4]) << FRACTION;
    let even = [sum + high, difference + low, difference - low, sum - high];
    // Odd part: the products of the paper's figure 1, shared as in its figure 8.
    let [a, b, c, d] = [v[7], v[5], v[3], v[1]];
    let common = (a + c + b + d) * 9633;
    let ad = -(a + d) * 7373;
    let bc = -(b + c) * 20995;
    let ac = common - (a + c) * 16069;
    let bd = common - (b + d) * 3196;
    let odd = [d * 12299 + ad + bd, c * 25172 + bc + ac, b * 16819 + bc + bd, a * 2446 + ad + ac];
    let mut out = [0; 8];
    for i in 0..4 {
        out[i] = even[i] + odd[i];
        out[7 - i] = even[i] - odd[i];
    }
    out
}
