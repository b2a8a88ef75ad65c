//! The bit stream between two markers: most significant bit first, a zero byte stuffed after every byte 0xFF.

/// Copies the bytes from `start` to the next marker or the end, without the stuffed zeros. Gives where it ended.
pub(super) fn unstuff(stream: &[u8], start: usize, clean: &mut Vec<u8>) -> usize {
    clean.clear();
    let mut from = start;
    loop {
        let rest = stream.get(from..).unwrap_or(&[]);
        let Some(at) = find_ff(rest) else {
            clean.extend_from_slice(rest);
            return stream.len();
        };
        if rest.get(at + 1) != Some(&0) {
            clean.extend_from_slice(&rest[..at]);
            return from + at;
        }
        clean.extend_from_slice(&rest[..=at]);
        from += at + 2;
    }
}

/// Where the first byte 0xFF is.
fn find_ff(bytes: &[u8]) -> Option<usize> {
    // A block without one is passed over without a branch for each byte.
    const BLOCK: usize = 16;
    let has = |block: &[u8]| block.iter().fold(0, |any, &byte| any | u8::from(byte == 0xff)) != 0;
    let clear = bytes.chunks_exact(BLOCK).take_while(|block| !has(block)).count() * BLOCK;
    bytes[clear..].iter().position(|&byte| byte == 0xff).map(|at| clear + at)
}

/// Reads bits of unstuffed bytes; past the end it gives zeros and knows that it did.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    next: usize,
    /// Unread bits, from the top. Below `valid` there may already be a part of the next byte.
    cache: u64,
    valid: u32,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, cache: 0, valid: 0 }
    }

    /// Makes at least 56 bits ready.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        let word = match self.bytes.get(self.next..self.next + 8) {
            Some(&[a, b, c, d, e, f, g, h]) => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => end_of(self.bytes, self.next),
        };
        self.cache |= word >> self.valid;
        self.next += ((63 - self.valid) >> 3) as usize;
        self.valid |= 56;
    }

    /// The next `count` bits, 1 to 32, which stay.
    #[inline(always)]
    pub(super) const fn peek(&self, count: u32) -> u32 {
        (self.cache >> (64 - count)) as u32
    }

    /// Passes over `count` < 64 bits that are ready.
    #[inline(always)]
    pub(super) const fn drop(&mut self, count: u32) {
        self.cache <<= count;
        self.valid -= count;
    }

    /// The next `count` bits, 1 to 32.
    #[inline(always)]
    pub(super) const fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.drop(count);
        bits
    }

    /// Bits that were not read; negative when more were read than there are.
    pub(super) const fn left(&self) -> i64 {
        (self.bytes.len() as i64 - self.next as i64) * 8 + self.valid as i64
    }
}

/// Eight bytes from `from`, zeros after the end.
#[cold]
#[inline(never)]
fn end_of(bytes: &[u8], from: usize) -> u64 {
    let rest = bytes.get(from..).unwrap_or(&[]);
    (0..8).fold(0, |word, i| word << 8 | u64::from(*rest.get(i).unwrap_or(&0)))
}

/// Writes bits, with a zero byte stuffed after every byte 0xFF.
pub(super) struct Writer {
    out: Vec<u8>,
    /// Bits not yet written, at the bottom.
    cache: u64,
    held: u32,
}

impl Writer {
    /// Appends to what is written already.
    pub(super) const fn new(out: Vec<u8>) -> Self {
        Self { out, cache: 0, held: 0 }
    }

    /// Appends the lowest `count` ≤ 32 bits of a number that has no others.
    #[inline]
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.cache = self.cache << count | u64::from(bits);
        self.held += count;
        while self.held >= 8 {
            self.held -= 8;
            let byte = (self.cache >> self.held) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }

    /// Fills the last byte with ones, as the standard wants it, and gives the bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let missing = (8 - self.held) % 8;
        self.put((1 << missing) - 1, missing);
        self.out
    }
}
