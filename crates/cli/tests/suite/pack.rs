//! Small encoders: run lengths, lossless JPEG, deflate, ZIP; and bombs made with them.

/// Pads to an even length.
pub fn even(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

/// Run lengths of PS3.5 annex G for samples of `width` bytes; `most` is the longest run or literal.
pub fn rle(samples: &[u16], width: usize, most: usize) -> Vec<u8> {
    let mut segments = Vec::new();
    for byte in (0..width).rev() {
        let plane: Vec<u8> = samples.iter().map(|s| (s >> (8 * byte)) as u8).collect();
        segments.push(even(packbits(&plane, most)));
    }
    rle_of(&segments)
}

/// A run-length stream of given segments.
pub fn rle_of(segments: &[Vec<u8>]) -> Vec<u8> {
    let mut out = (segments.len() as u32).to_le_bytes().to_vec();
    let mut at = 64;
    for segment in segments {
        out.extend((at as u32).to_le_bytes());
        at += segment.len();
    }
    out.resize(64, 0);
    segments.iter().for_each(|s| out.extend(s));
    out
}

fn packbits(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take(most).take_while(|&&b| b == first).count();
        if run >= 3 {
            out.extend([(257 - run) as u8, first]);
            rest = &rest[run..];
            continue;
        }
        let end = rest.windows(3).position(|w| w[0] == w[1] && w[1] == w[2]).unwrap_or(rest.len());
        let count = end.clamp(1, most.min(rest.len()));
        out.push((count - 1) as u8);
        out.extend(&rest[..count]);
        rest = &rest[count..];
    }
    out
}

/// Bits, highest first, with a zero after each 0xFF as JPEG wants it.
struct Bits {
    out: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        self.held = (self.held << bits) | u64::from(value);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }
}

/// Lossless JPEG (process 14) with one of the seven predictors; every length has a code of five bits.
pub fn jpeg_lossless(samples: &[u16], columns: usize, bits: u8, predictor: u8) -> Vec<u8> {
    let rows = samples.len() / columns;
    let mut out = vec![0xff, 0xd8, 0xff, 0xc3, 0, 11, bits];
    out.extend((rows as u16).to_be_bytes());
    out.extend((columns as u16).to_be_bytes());
    out.extend([1, 1, 0x11, 0]);
    // Seventeen categories, all of length five: codes 00000 to 10000.
    out.extend([0xff, 0xc4, 0, 19 + 17, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(0..17_u8);
    out.extend([0xff, 0xda, 0, 8, 1, 1, 0, predictor, 0, 0]);
    let mut stream = Bits { out, held: 0, count: 0 };
    for (n, &sample) in samples.iter().enumerate() {
        let (i, j) = (n % columns, n / columns);
        let at = |di: usize, dj: usize| i32::from(samples[n - di - dj * columns]);
        let predicted = match (i, j, predictor) {
            (0, 0, _) => 1 << (bits - 1),
            (_, 0, _) => at(1, 0),
            (0, _, _) => at(0, 1),
            (_, _, 1) => at(1, 0),
            (_, _, 2) => at(0, 1),
            (_, _, 3) => at(1, 1),
            (_, _, 4) => at(1, 0) + at(0, 1) - at(1, 1),
            (_, _, 5) => at(1, 0) + ((at(0, 1) - at(1, 1)) >> 1),
            (_, _, 6) => at(0, 1) + ((at(1, 0) - at(1, 1)) >> 1),
            _ => (at(1, 0) + at(0, 1)) >> 1,
        };
        let difference = (i32::from(sample) - predicted) as i16;
        let size = 16 - difference.unsigned_abs().leading_zeros();
        stream.put(size, 5);
        if size > 0 && size < 16 {
            let value = i32::from(difference) - i32::from(difference < 0);
            stream.put(value as u32 & ((1 << size) - 1), size);
        }
    }
    stream.put(0x7f, 7);
    stream.out.extend([0xff, 0xd9]);
    stream.out
}

/// Bits, lowest first, as deflate wants them.
#[derive(Default)]
struct LowBits {
    out: Vec<u8>,
    held: u32,
    count: u32,
}

impl LowBits {
    fn put(&mut self, value: u32, bits: u32) {
        self.held |= value << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.out.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// A Huffman code: highest bit first.
    fn code(&mut self, code: u32, bits: u32) {
        self.put(code.reverse_bits() >> (32 - bits), bits);
    }

    /// A literal or length symbol of the fixed table.
    fn fixed(&mut self, symbol: u32) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }
}

/// Deflate with the fixed table; only runs of one byte are shortened.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut bits = LowBits::default();
    bits.put(0b011, 3);
    let mut n = 0;
    while n < bytes.len() {
        bits.fixed(u32::from(bytes[n]));
        let run = bytes[n + 1..].iter().take(258).take_while(|&&b| b == bytes[n]).count();
        n += 1;
        if run == 258 {
            bits.fixed(285);
            bits.code(0, 5);
            n += run;
        }
    }
    bits.fixed(256);
    bits.put(0, 7);
    bits.out
}

/// A deflated stream of `start` and then more than `zeros` zeros at two bits for 258 of them.
pub fn bomb(start: &[u8], zeros: usize) -> Vec<u8> {
    let mut bits = LowBits::default();
    // The start as it is, in stored blocks.
    for block in start.chunks(0xffff) {
        bits.put(0, 3);
        bits.put(0, (8 - bits.count) % 8);
        bits.out.extend((block.len() as u16).to_le_bytes());
        bits.out.extend((!(block.len() as u16)).to_le_bytes());
        bits.out.extend(block);
    }
    // A table of its own: 0 → 00? The symbols 0 and 256 have two bits, 285 (258 times the last byte) one.
    bits.put(0b101, 3);
    bits.put(286 - 257, 5);
    bits.put(0, 5);
    bits.put(18 - 4, 4);
    // Lengths of the length codes in their odd order: 18 and 0 get 2 bits … 1 and 2 get 2 bits.
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
        bits.put(if [18, 0, 1, 2].contains(&symbol) { 2 } else { 0 }, 3);
    }
    // Canonical codes of two bits: 0 → 00, 1 → 01, 2 → 10, 18 → 11.
    let zero_run = |bits: &mut LowBits, mut count: u32| {
        while count >= 11 {
            let now = count.min(138);
            bits.code(0b11, 2);
            bits.put(now - 11, 7);
            count -= now;
        }
        (0..count).for_each(|_| bits.code(0b00, 2));
    };
    bits.code(0b10, 2);
    zero_run(&mut bits, 255);
    bits.code(0b10, 2);
    zero_run(&mut bits, 28);
    bits.code(0b01, 2);
    // One distance, code of one bit: the byte before.
    bits.code(0b01, 2);
    // Canonical: 285 → 0, 0 → 10, 256 → 11.
    bits.code(0b10, 2);
    for _ in 0..zeros / 258 + 1 {
        bits.code(0, 1);
        bits.code(0, 1);
    }
    bits.code(0b11, 2);
    bits.put(0, 7);
    bits.out
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// A ZIP entry: name, method, packed bytes, size and check sum as stated.
pub struct Entry {
    pub name: String,
    pub method: u16,
    pub packed: Vec<u8>,
    pub size: u32,
    pub crc: u32,
    /// Unix mode in the central directory, 0 for a plain file.
    pub mode: u32,
}

impl Entry {
    pub fn stored(name: &str, bytes: &[u8]) -> Self {
        let (packed, size, crc) = (bytes.to_vec(), bytes.len() as u32, crc32(bytes));
        Self { name: name.to_owned(), method: 0, packed, size, crc, mode: 0 }
    }

    pub fn deflated(name: &str, bytes: &[u8]) -> Self {
        Self { method: 8, packed: deflate(bytes), ..Self::stored(name, bytes) }
    }
}

/// A ZIP of files, every second one deflated.
pub fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let entry = |(n, (name, bytes)): (usize, &(String, Vec<u8>))| match n % 2 {
        0 => Entry::stored(name, bytes),
        _ => Entry::deflated(name, bytes),
    };
    zip_of(&files.iter().enumerate().map(entry).collect::<Vec<_>>())
}

pub fn zip_of(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let at = out.len() as u32;
        let mut common = Vec::new();
        for short in [20, 0, entry.method, 0, 0x5a21] {
            common.extend(u16::to_le_bytes(short));
        }
        for long in [entry.crc, entry.packed.len() as u32, entry.size] {
            common.extend(long.to_le_bytes());
        }
        common.extend((entry.name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(entry.name.as_bytes());
        out.extend(&entry.packed);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let (at, length, count) = (out.len() as u32, directory.len() as u32, entries.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// Undoes deflate; `None` if the stream is damaged.
pub fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    const BASE: [usize; 29] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163,
        195, 227, 258,
    ];
    const FAR: [usize; 30] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
        3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ];
    let mut input = Input { bytes, at: 0 };
    let mut out: Vec<u8> = Vec::new();
    loop {
        let last = input.bits(1)?;
        let kind = input.bits(2)?;
        if kind == 0 {
            let start = input.at.div_ceil(8);
            let length = usize::from(u16::from_le_bytes([*bytes.get(start)?, *bytes.get(start + 1)?]));
            out.extend(bytes.get(start + 4..start + 4 + length)?);
            input.at = (start + 4 + length) * 8;
        } else {
            let [symbols, distances] = if kind == 1 { fixed_tables() } else { input.tables()? };
            loop {
                match input.symbol(&symbols)? {
                    byte @ 0..=255 => out.push(byte as u8),
                    256 => break,
                    code => {
                        let more = if code < 265 || code == 285 { 0 } else { (code - 261) / 4 };
                        let length = BASE.get(code - 257)? + input.bits(more)?;
                        let code = input.symbol(&distances)?;
                        let far = FAR.get(code)? + input.bits(if code < 4 { 0 } else { code / 2 - 1 })?;
                        for _ in 0..length {
                            out.push(*out.get(out.len().checked_sub(far)?)?);
                        }
                    }
                }
            }
        }
        if last == 1 {
            return Some(out);
        }
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A code: its length, its bits, what it stands for.
type Table = Vec<(usize, usize, usize)>;

fn table(lengths: &[usize]) -> Table {
    let mut codes = Vec::new();
    let mut code = 0;
    for length in 1..=15 {
        for (symbol, _) in lengths.iter().enumerate().filter(|&(_, &l)| l == length) {
            codes.push((length, code, symbol));
            code += 1;
        }
        code <<= 1;
    }
    codes
}

fn fixed_tables() -> [Table; 2] {
    let lengths = [[8; 144].as_slice(), &[9; 112], &[7; 24], &[8; 8]].concat();
    [table(&lengths), table(&[5; 30])]
}

impl Input<'_> {
    fn bits(&mut self, count: usize) -> Option<usize> {
        let mut value = 0;
        for n in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value |= usize::from((byte >> (self.at % 8)) & 1) << n;
            self.at += 1;
        }
        Some(value)
    }

    fn symbol(&mut self, table: &Table) -> Option<usize> {
        let (mut length, mut code) = (0, 0);
        let mut rest = table.as_slice();
        while length < 15 {
            code = (code << 1) | self.bits(1)?;
            length += 1;
            let end = rest.iter().position(|c| c.0 > length).unwrap_or(rest.len());
            if let Some(found) = rest[..end].iter().find(|c| c.1 == code) {
                return Some(found.2);
            }
            rest = &rest[end..];
        }
        None
    }

    fn tables(&mut self) -> Option<[Table; 2]> {
        let (symbols, distances, lengths) = (self.bits(5)? + 257, self.bits(5)? + 1, self.bits(4)? + 4);
        let mut first = [0; 19];
        for &at in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].iter().take(lengths) {
            first[at] = self.bits(3)?;
        }
        let first = table(&first);
        let mut all = Vec::new();
        while all.len() < symbols + distances {
            let (value, count) = match self.symbol(&first)? {
                16 => (*all.last()?, 3 + self.bits(2)?),
                17 => (0, 3 + self.bits(3)?),
                18 => (0, 11 + self.bits(7)?),
                length => (length, 1),
            };
            all.extend(std::iter::repeat_n(value, count));
        }
        let (a, b) = all.split_at(symbols);
        Some([table(a), table(b)])
    }
}
