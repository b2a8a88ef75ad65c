//! Code tables: as the stream states them, and as the decoder looks them up.

use super::bits::Reader;
use super::{JpegError, damaged};

/// A table as it is in the stream: number of codes of each length from 1 to 16 bits, symbols in order.
pub(super) struct Codes {
    counts: [u8; 16],
    symbols: Vec<u8>,
}

impl Codes {
    /// Reads one table; also gives what comes after it.
    pub(super) fn read(segment: &[u8]) -> Result<(Self, &[u8]), JpegError> {
        let Some((counts, rest)) = segment.split_first_chunk::<16>() else {
            return damaged(format!("a code table of {} bytes", segment.len()));
        };
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        // Codes of one length are consecutive numbers; a length doubles the room the shorter ones left.
        let mut room = 1_i64;
        for &count in counts {
            room = 2 * room - i64::from(count);
            if room < 0 {
                return damaged("a code table with more codes than there can be");
            }
        }
        match rest.split_at_checked(total) {
            Some((symbols, rest)) if total <= 256 => {
                Ok((Self { counts: *counts, symbols: symbols.to_vec() }, rest))
            }
            _ => damaged(format!("a code table of {total} symbols in {} bytes", rest.len())),
        }
    }
}

/// What the symbols of a table stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The number of bits of a difference.
    Difference,
    /// A number of zeros and the number of bits of the coefficient after them.
    Coefficient,
}

/// One code: how much of the stream it takes and how the number after it is read.
///
/// Packed into 32 bits so that a table fits into the nearest cache: bits 0 to 5 the length of code and number
/// together, bits 8 to 15 the zeros before the number, bits 16 to 31 the mask of the number's bits. The
/// word 0 is no code.
#[derive(Clone, Copy)]
pub(super) struct Entry(u32);

impl Entry {
    const NONE: Self = Self(0);

    fn new(length: u32, symbol: u8, meaning: Meaning) -> Self {
        let (zeros, size) = match meaning {
            Meaning::Difference => (0, symbol),
            Meaning::Coefficient => (symbol >> 4, symbol & 15),
        };
        let mask = (1_u32 << size) - 1;
        Self((length + u32::from(size)) | u32::from(zeros) << 8 | mask << 16)
    }

    /// Bits of code and number.
    #[inline(always)]
    pub(super) const fn bits(self) -> u32 {
        self.0 & 63
    }

    /// Zeros before the number.
    #[inline(always)]
    pub(super) const fn zeros(self) -> usize {
        (self.0 >> 8 & 255) as usize
    }

    /// True when there is a number after the code.
    #[inline(always)]
    pub(super) const fn has_number(self) -> bool {
        self.0 >> 16 != 0
    }

    /// The number that ends `bits` (code and number, nothing after it), T.81 figure F.12: one whose first bit
    /// is 0 is negative.
    #[inline(always)]
    pub(super) const fn number(self, bits: u32) -> i32 {
        let mask = self.0 >> 16;
        let value = bits & mask;
        let negative = if value <= mask >> 1 { mask } else { 0 };
        value as i32 - negative as i32
    }
}

/// Bits that are looked up at once: 4096 words, half of the smallest first cache there is. Codes of real images
/// are shorter but for the rarest.
const LOOK: u32 = 12;

/// A table to decode with.
pub(super) struct Table {
    /// By the next `LOOK` bits; no code where it is longer or a difference of 32768.
    short: Box<[Entry; 1 << LOOK]>,
    /// Of each length: the first number above its codes, filled up to 16 bits, and what to add to a
    /// code for the index of its symbol.
    lengths: [(u32, i32); 16],
    symbols: Vec<u8>,
    meaning: Meaning,
}

/// A difference of 32768 has its own symbol and no bits after it (T.81 table H.2).
const HALF_TURN: u8 = 16;

impl Table {
    /// Refuses symbols that mean nothing.
    pub(super) fn new(codes: &Codes, meaning: Meaning, largest: u8) -> Result<Self, JpegError> {
        let illegal = |&&symbol: &&u8| match meaning {
            Meaning::Difference => symbol > largest,
            Meaning::Coefficient => symbol & 15 == 0 && symbol & 0xf0 != 0 && symbol != 0xf0,
        };
        if let Some(symbol) = codes.symbols.iter().find(illegal) {
            return damaged(format!("a code table with symbol {symbol:02X}"));
        }
        let mut short = Box::new([Entry::NONE; 1 << LOOK]);
        let mut lengths = [(0, 0); 16];
        let (mut code, mut index) = (0_u32, 0_usize);
        for (place, (length, &count)) in lengths.iter_mut().zip((1_u32..).zip(&codes.counts)) {
            let offset = index as i32 - code as i32;
            for &symbol in &codes.symbols[index..index + usize::from(count)] {
                if length <= LOOK && !(meaning == Meaning::Difference && symbol == HALF_TURN) {
                    let first = (code << (LOOK - length)) as usize;
                    short[first..first + (1 << (LOOK - length))].fill(Entry::new(length, symbol, meaning));
                }
                code += 1;
            }
            index += usize::from(count);
            *place = (code << (16 - length), offset);
            code <<= 1;
        }
        Ok(Self { short, lengths, symbols: codes.symbols.clone(), meaning })
    }

    /// The next code and number by the short table. The reader must have `LOOK` bits or be at its end.
    #[inline(always)]
    pub(super) fn look(&self, reader: &Reader) -> Entry {
        self.short[reader.peek(LOOK) as usize]
    }

    /// The code of any length, and the symbol if it is a difference of 32768.
    #[cold]
    #[inline(never)]
    fn search(&self, reader: &Reader) -> Result<(u32, u8), JpegError> {
        let bits = reader.peek(16);
        for (length, &(end, offset)) in (1_u32..).zip(&self.lengths) {
            if bits < end {
                let index = (bits >> (16 - length)) as i32 + offset;
                if let Some(&symbol) = usize::try_from(index).ok().and_then(|i| self.symbols.get(i)) {
                    return Ok((length, symbol));
                }
            }
        }
        damaged("a code word that is not in its table")
    }

    /// A difference whose code the short table does not have. Leaves the reader full.
    #[cold]
    #[inline(never)]
    pub(super) fn long_difference<'a>(&self, mut reader: Reader<'a>) -> Result<(Reader<'a>, i32), JpegError> {
        reader.fill();
        let (length, symbol) = self.search(&reader)?;
        let difference = if symbol == HALF_TURN {
            reader.drop(length);
            1 << 15
        } else {
            let entry = Entry::new(length, symbol, self.meaning);
            entry.number(reader.take(entry.bits()))
        };
        reader.fill();
        Ok((reader, difference))
    }

    /// Any code: its entry, whose bits are still to be taken. The reader must be full.
    #[inline(always)]
    pub(super) fn entry(&self, reader: &Reader) -> Result<Entry, JpegError> {
        let entry = self.look(reader);
        if entry.bits() != 0 {
            return Ok(entry);
        }
        let (length, symbol) = self.search(reader)?;
        Ok(Entry::new(length, symbol, self.meaning))
    }
}
