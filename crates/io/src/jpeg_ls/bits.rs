//! The bit stream of a scan: most significant bit first; after a byte 0xFF only seven bits follow.

/// Reads bits; past the end it gives zeros and remembers that it did.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    next: usize,
    /// Unread bits, from the top. Below `valid` there may be a part of the next byte, or zeros.
    cache: u64,
    /// Number of whole bits in the cache; negative once more was read than there is.
    valid: i32,
    /// A code word that no encoder writes was met.
    pub(super) damaged: bool,
}

impl<'a> Reader<'a> {
    /// Reads a scan that holds no marker.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, cache: 0, valid: 0, damaged: false }
    }

    /// Makes at least 57 bits ready, unless the stream ends.
    #[inline(always)]
    fn fill(&mut self) {
        if self.valid >= 57 {
            return;
        }
        if let Some(eight) = self.bytes.get(self.next..self.next + 8) {
            let word = u64::from_be_bytes([
                eight[0], eight[1], eight[2], eight[3], eight[4], eight[5], eight[6], eight[7],
            ]);
            // A zero byte of the complement is a byte 0xFF of the word (the classic haszero test).
            let inverse = !word;
            let stuffed = inverse.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
            if stuffed == 0 {
                self.cache |= word >> self.valid;
                let whole = (63 - self.valid) >> 3;
                self.next += whole as usize;
                self.valid += whole << 3;
                return;
            }
        }
        self.fill_bytewise();
    }

    #[inline(never)]
    fn fill_bytewise(&mut self) {
        while self.valid < 57 {
            let Some(&byte) = self.bytes.get(self.next) else {
                return;
            };
            if self.valid >= 0 {
                self.cache |= u64::from(byte) << (56 - self.valid);
            }
            self.next += 1;
            // The zero stuffed in front of the byte after 0xFF falls onto the last bit of the 0xFF.
            self.valid += if byte == 0xff { 7 } else { 8 };
        }
    }

    #[inline(always)]
    fn drop(&mut self, count: u32) {
        self.cache <<= count;
        self.valid -= count as i32;
    }

    /// The next `count` ≤ 24 bits.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.fill();
        self.take_ready(count)
    }

    #[inline(always)]
    fn take_ready(&mut self, count: u32) -> u32 {
        let bits = (self.cache >> 1) >> (63 - count);
        self.drop(count);
        bits as u32
    }

    /// A mapped error (T.87 A.5.3): Golomb code with parameter `k`, or after `most` zeros `escape` plain bits.
    #[inline(always)]
    pub(super) fn mapped(&mut self, k: u32, most: u32, escape: u32) -> u32 {
        self.fill();
        let zeros = self.cache.leading_zeros();
        if zeros < most {
            self.drop(zeros + 1);
            if zeros > 32 {
                self.fill();
            }
            (zeros << k) | self.take_ready(k)
        } else if zeros == most {
            self.drop(zeros + 1);
            self.take(escape) + 1
        } else {
            self.damaged = true;
            self.drop(most);
            0
        }
    }

    /// True when more bits were read than the scan has.
    pub(super) const fn overran(&self) -> bool {
        self.valid < 0
    }

    /// Bits that were not read; a scan is padded to a byte and may carry one byte after a last 0xFF.
    pub(super) const fn left(&self) -> usize {
        (self.bytes.len() - self.next) * 8 + if self.valid > 0 { self.valid as usize } else { 0 }
    }
}

/// Writes bits, with a zero stuffed after every byte 0xFF.
pub(super) struct Writer {
    out: Vec<u8>,
    /// Bits not yet written, at the bottom.
    cache: u64,
    held: u32,
    after_ff: bool,
}

impl Writer {
    /// Appends to what is written already.
    pub(super) const fn new(out: Vec<u8>) -> Self {
        Self { out, cache: 0, held: 0, after_ff: false }
    }

    /// Appends the lowest `count` ≤ 32 bits.
    #[inline]
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.cache = (self.cache << count) | u64::from(bits);
        self.held += count;
        loop {
            let width = if self.after_ff { 7 } else { 8 };
            if self.held < width {
                return;
            }
            self.held -= width;
            let byte = (self.cache >> self.held) as u8 & (0xff >> (8 - width));
            self.after_ff = byte == 0xff;
            self.out.push(byte);
        }
    }

    /// Appends a mapped error as [`Reader::mapped`] reads it.
    #[inline]
    pub(super) fn mapped(&mut self, value: u32, k: u32, most: u32, escape: u32) {
        let zeros = value >> k;
        if zeros < most {
            self.zeros(zeros);
            self.put((1 << k) | (value & ((1 << k) - 1)), k + 1);
        } else {
            self.zeros(most);
            self.put(1, 1);
            self.put(value - 1, escape);
        }
    }

    fn zeros(&mut self, count: u32) {
        self.put(0, count.min(32));
        self.put(0, count.saturating_sub(32));
    }

    /// Fills the last byte with zeros and gives the bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.held > 0 {
            let width = if self.after_ff { 7 } else { 8 };
            self.put(0, width - self.held);
        }
        // A marker follows; a last byte 0xFF would be read as its beginning.
        if self.after_ff {
            self.out.push(0);
        }
        self.out
    }
}
