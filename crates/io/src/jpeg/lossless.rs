//! The lossless process: differences from a prediction by the neighbours, modulo 65536 (T.81 annex H).

use super::bits::Reader;
use super::frame::Scan;
use super::huffman::{Meaning, Table};
use super::{JpegError, damaged};
use std::ops::Range;

/// Decodes rows of samples.
pub(super) struct Rows<'a> {
    out: &'a mut [u16],
    width: usize,
    /// Bits of a sample without those left out.
    depth: u32,
    shift: u32,
    predictor: u8,
    table: Table,
}

impl<'a> Rows<'a> {
    pub(super) fn new(scan: &Scan, out: &'a mut [u16]) -> Result<Self, JpegError> {
        Ok(Self {
            out,
            width: scan.image.width,
            depth: scan.image.bits - scan.shift,
            shift: scan.shift,
            predictor: scan.predictor,
            table: Table::new(&scan.differences, Meaning::Difference, 16)?,
        })
    }

    /// Decodes the rows between two markers; gives how many bits are left over.
    pub(super) fn decode(&mut self, mut reader: Reader, rows: Range<usize>) -> Result<i64, JpegError> {
        for y in rows.clone() {
            let (before, rest) = self.out.split_at_mut(y * self.width);
            let row = &mut rest[..self.width];
            let table = &self.table;
            if y == rows.start {
                let above = 1 << (self.depth - 1);
                reader = first_row(reader, table, above, row)?;
            } else {
                let above = &before[before.len() - self.width..];
                reader = match self.predictor {
                    1 => later_row(reader, table, above, row, |a, _, _| a),
                    2 => later_row(reader, table, above, row, |_, b, _| b),
                    3 => later_row(reader, table, above, row, |_, _, c| c),
                    4 => later_row(reader, table, above, row, |a, b, c| a + b - c),
                    5 => later_row(reader, table, above, row, |a, b, c| a + ((b - c) >> 1)),
                    6 => later_row(reader, table, above, row, |a, b, c| b + ((a - c) >> 1)),
                    _ => later_row(reader, table, above, row, |a, b, _| (a + b) >> 1),
                }?;
            }
            if reader.left() < 0 {
                break;
            }
            let largest = row.iter().fold(0, |all, &sample| all | sample);
            if u32::from(largest) >> self.depth != 0 {
                let bits = self.depth;
                return damaged(format!(
                    "a sample in row {y} does not fit into the {bits} bits of the image"
                ));
            }
        }
        Ok(reader.left())
    }

    /// Puts the samples back to where they are without the bits left out.
    pub(super) fn finish(self) {
        if self.shift > 0 {
            self.out.iter_mut().for_each(|sample| *sample <<= self.shift);
        }
    }
}

/// The first row after a marker: every sample is predicted by the one on its left.
fn first_row<'r>(
    reader: Reader<'r>,
    table: &Table,
    start: u16,
    row: &mut [u16],
) -> Result<Reader<'r>, JpegError> {
    let mut left = start;
    differences(reader, table, row.iter_mut(), |sample, difference| {
        left = left.wrapping_add(difference as u16);
        *sample = left;
    })
}

/// Any other row: its first sample is predicted by the one above it, the others by `predict(a, b, c)` of
/// the samples left, above, and above left.
#[inline(never)]
fn later_row<'r>(
    reader: Reader<'r>,
    table: &Table,
    above: &[u16],
    row: &mut [u16],
    predict: impl Fn(i32, i32, i32) -> i32,
) -> Result<Reader<'r>, JpegError> {
    // With these two the first prediction is the sample above under every predictor.
    let (mut a, mut c) = (above[0], above[0]);
    differences(reader, table, row.iter_mut().zip(above), |(sample, &b), difference| {
        // The predictors need 17 bits; the sum is taken modulo 65536.
        let predicted = predict(i32::from(a), i32::from(b), i32::from(c));
        a = (predicted + difference) as u16;
        c = b;
        *sample = a;
    })
}

/// Reads a difference for each item. Two to a filling of the reader, for each has at most 12 + 15 of 56 bits.
#[inline(always)]
fn differences<'r, T>(
    mut reader: Reader<'r>,
    table: &Table,
    mut items: impl ExactSizeIterator<Item = T>,
    mut give: impl FnMut(T, i32),
) -> Result<Reader<'r>, JpegError> {
    let mut next = |reader: &mut Reader<'r>, item: T| {
        let entry = table.look(reader);
        let difference = if entry.bits() == 0 {
            let (after, difference) = table.long_difference(*reader)?;
            *reader = after;
            difference
        } else {
            entry.number(reader.take(entry.bits()))
        };
        give(item, difference);
        Ok(())
    };
    while let Some(item) = items.next() {
        reader.fill();
        next(&mut reader, item)?;
        if let Some(item) = items.next() {
            next(&mut reader, item)?;
        }
    }
    Ok(reader)
}
