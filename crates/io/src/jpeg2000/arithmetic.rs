//! The MQ arithmetic decoder (annex C) and the reader of raw bits that replaces it in bypass mode.

/// Number of contexts of bit-plane coding.
const CONTEXTS: usize = 19;

/// Array length for contexts: a power of two, so that an index can be masked.
const SLOTS: usize = 32;

/// Probability estimation (table C.2): probability of the less likely symbol, next state after the more and
/// after the less likely symbol, and whether the latter changes sides.
const STATES: [(u16, u8, u8, u8); 47] = [
    (0x5601, 1, 1, 1),
    (0x3401, 2, 6, 0),
    (0x1801, 3, 9, 0),
    (0x0ac1, 4, 12, 0),
    (0x0521, 5, 29, 0),
    (0x0221, 38, 33, 0),
    (0x5601, 7, 6, 1),
    (0x5401, 8, 14, 0),
    (0x4801, 9, 14, 0),
    (0x3801, 10, 14, 0),
    (0x3001, 11, 17, 0),
    (0x2401, 12, 18, 0),
    (0x1c01, 13, 20, 0),
    (0x1601, 29, 21, 0),
    (0x5601, 15, 14, 1),
    (0x5401, 16, 14, 0),
    (0x5101, 17, 15, 0),
    (0x4801, 18, 16, 0),
    (0x3801, 19, 17, 0),
    (0x3401, 20, 18, 0),
    (0x3001, 21, 19, 0),
    (0x2801, 22, 19, 0),
    (0x2401, 23, 20, 0),
    (0x2201, 24, 21, 0),
    (0x1c01, 25, 22, 0),
    (0x1801, 26, 23, 0),
    (0x1601, 27, 24, 0),
    (0x1401, 28, 25, 0),
    (0x1201, 29, 26, 0),
    (0x1101, 30, 27, 0),
    (0x0ac1, 31, 28, 0),
    (0x09c1, 32, 29, 0),
    (0x08a1, 33, 30, 0),
    (0x0521, 34, 31, 0),
    (0x0441, 35, 32, 0),
    (0x02a1, 36, 33, 0),
    (0x0221, 37, 34, 0),
    (0x0141, 38, 35, 0),
    (0x0111, 39, 36, 0),
    (0x0085, 40, 37, 0),
    (0x0049, 41, 38, 0),
    (0x0025, 42, 39, 0),
    (0x0015, 43, 40, 0),
    (0x0009, 44, 41, 0),
    (0x0005, 45, 42, 0),
    (0x0001, 45, 43, 0),
    (0x5601, 46, 46, 0),
];

/// [`STATES`] for either side, packed: probability in the upper half, then the next state after the more
/// likely symbol (bits 1 to 7), after the less likely one (bits 8 to 14), and the more likely symbol (bit 0).
const PACKED: [u32; 128] = {
    let mut packed = [0; 128];
    let mut index = 0;
    while index < 2 * STATES.len() {
        let (probability, more, less, switch) = STATES[index / 2];
        let likely = (index % 2) as u32;
        let after_more = 2 * more as u32 + likely;
        let after_less = 2 * less as u32 + (likely ^ switch as u32);
        packed[index] = (probability as u32) << 16 | after_less << 8 | after_more << 1 | likely;
        index += 1;
    }
    packed
};

const fn packed(state: usize) -> u32 {
    PACKED[2 * state]
}

/// The contexts' states; they outlive a segment.
#[derive(Clone, Copy)]
pub(super) struct Contexts([u32; SLOTS]);

impl Contexts {
    /// As they are at the start of a code-block (table D.7).
    pub(super) const fn new() -> Self {
        let mut states = [packed(0); SLOTS];
        states[0] = packed(4);
        states[super::context::RUN as usize] = packed(3);
        states[super::context::UNIFORM as usize] = packed(46);
        assert!(super::context::UNIFORM as usize == CONTEXTS - 1);
        Self(states)
    }
}

/// Where bit-plane passes take their decisions from.
pub(super) trait Decisions {
    /// The next decision in a context.
    fn next(&mut self, context: u32) -> u32;

    /// A sign, given the context and the side its neighbours suggest (bit 7).
    fn sign(&mut self, context: u8) -> u32;
}

/// The arithmetic decoder.
///
/// The registers `A` and `C` of the standard are kept as `interval` and `code` plus a common part `spare`: how
/// far both can fall before anything but the likely symbol can happen, so that the likely symbol costs one
/// subtraction and one comparison.
#[derive(Clone, Copy)]
pub(super) struct Arithmetic<'a> {
    pub(super) contexts: Contexts,
    bytes: &'a [u8],
    next: usize,
    interval: u32,
    code: u32,
    spare: i32,
    /// Bits until the next byte is due.
    count: u32,
}

/// Half the interval: below it, registers are doubled.
const HALF: u32 = 0x8000_0000;

impl<'a> Arithmetic<'a> {
    pub(super) fn new(bytes: &'a [u8], contexts: Contexts) -> Self {
        let first = bytes.first().copied().unwrap_or(0xff);
        let (interval, code) = (HALF, u32::from(first) << 16);
        let mut decoder = Self { contexts, bytes, next: 0, interval, code, spare: 0, count: 0 };
        decoder.byte_in();
        decoder.code <<= 7;
        decoder.count -= 7;
        decoder.set_spare();
        decoder
    }

    /// Past the end, the stream reads as ones for ever.
    #[inline(always)]
    fn byte_in(&mut self) {
        let at = |index: usize| self.bytes.get(index).copied().map_or(0xff, u32::from);
        let (current, following) = (at(self.next), at(self.next + 1));
        if current != 0xff {
            self.next += 1;
            self.code = self.code.wrapping_add(following << 8);
            self.count = 8;
        } else if following <= 0x8f {
            self.next += 1;
            self.code = self.code.wrapping_add(following << 9);
            self.count = 7;
        } else {
            // A marker: the data end here.
            self.code = self.code.wrapping_add(0xff00);
            self.count = 8;
        }
    }

    /// Splits the common part off the registers.
    #[inline(always)]
    fn set_spare(&mut self) {
        let spare = self.code.min(self.interval.wrapping_sub(HALF));
        self.interval = self.interval.wrapping_sub(spare);
        self.code = self.code.wrapping_sub(spare);
        self.spare = spare as i32;
    }

    /// Everything but the likely symbol within the spare: registers as in figures C.15 to C.18.
    #[inline(always)]
    fn exchange(&mut self, state: u32, slot: usize) -> u32 {
        let probability = state & 0xffff_0000;
        self.interval = self.interval.wrapping_add(self.spare as u32);
        let code = self.code.wrapping_add(self.spare as u32).wrapping_add(probability);
        let conditional = self.interval < probability;
        let lower = code < probability;
        let unlikely = lower != conditional;
        if lower {
            self.interval = probability;
            self.code = code;
        } else {
            self.code = code.wrapping_sub(probability);
        }
        let after = if unlikely { state >> 8 } else { state >> 1 };
        self.contexts.0[slot] = PACKED[after as usize & 127];
        let mut shift = self.interval.leading_zeros();
        while shift > 0 {
            if self.count == 0 {
                self.byte_in();
            }
            let step = shift.min(self.count);
            self.interval <<= step;
            self.code <<= step;
            self.count -= step;
            shift -= step;
        }
        self.set_spare();
        (state & 1) ^ u32::from(unlikely)
    }
}

impl Decisions for Arithmetic<'_> {
    #[inline(always)]
    fn next(&mut self, context: u32) -> u32 {
        let slot = context as usize & (SLOTS - 1);
        let state = self.contexts.0[slot];
        self.spare -= (state & 0xffff_0000) as i32;
        if self.spare >= 0 { state & 1 } else { self.exchange(state, slot) }
    }

    #[inline(always)]
    fn sign(&mut self, context: u8) -> u32 {
        self.next(u32::from(context & 0x7f)) ^ u32::from(context >> 7)
    }
}

/// Bits without arithmetic coding; after a byte of ones, one bit is stuffed.
pub(super) struct Raw<'a> {
    bytes: &'a [u8],
    next: usize,
    current: u32,
    count: u32,
}

impl<'a> Raw<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, current: 0, count: 0 }
    }
}

impl Decisions for Raw<'_> {
    #[inline(always)]
    fn next(&mut self, _: u32) -> u32 {
        if self.count == 0 {
            let byte = self.bytes.get(self.next).copied().map_or(0xff, u32::from);
            let stuffed = self.current == 0xff;
            if stuffed && byte > 0x8f {
                // A marker: the data end here and read as ones.
                (self.current, self.count) = (0xff, 8);
            } else {
                self.count = if stuffed { 7 } else { 8 };
                self.current = byte;
                self.next += 1;
            }
        }
        self.count -= 1;
        self.current >> self.count & 1
    }

    #[inline(always)]
    fn sign(&mut self, _: u8) -> u32 {
        self.next(0)
    }
}
