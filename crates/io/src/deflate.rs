//! One deflate stream made by many threads: blocks are compressed apart and joined in order.
//!
//! Each block ends with a sync flush, so it ends on a byte and the next one may follow; a block cannot
//! refer back into the one before, which costs less than a percent at a megabyte a block. The bytes depend
//! on the blocks only, never on the number of threads.

use flate2::{Compress, Compression, Crc, FlushCompress};
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;
use std::io::{self, Read};

/// How many bytes a block should hold before compression.
pub(crate) const BLOCK: usize = 1 << 20;

/// How many blocks are in work between two questions whether to stop.
const BATCH: usize = 16;

/// The end of a deflate stream: an empty last block.
const END: [u8; 2] = [3, 0];

/// A raw deflate stream in pieces.
pub(crate) struct Deflated {
    /// The stream, to be written piece after piece.
    pub pieces: Vec<Vec<u8>>,
    /// CRC-32 of what was compressed.
    pub crc: u32,
    /// Number of bytes before compression.
    pub plain: u64,
}

impl Deflated {
    /// Number of bytes of the stream.
    pub(crate) fn len(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }
}

/// Compresses `count` blocks; `fill(n, buffer)` appends the bytes of block `n` to the empty buffer.
///
/// The error is that of the first block that fails.
pub(crate) fn deflate<E>(
    count: usize,
    fill: impl Fn(usize, &mut Vec<u8>) -> Result<(), E> + Sync,
    ctx: &Ctx,
) -> Result<Deflated, E>
where
    E: From<Cancelled> + From<io::Error> + Send,
{
    let mut whole = Deflated { pieces: Vec::with_capacity(count + 1), crc: 0, plain: 0 };
    let mut crc = Crc::new();
    for from in (0..count).step_by(BATCH) {
        let blocks = (from..count.min(from + BATCH)).into_par_iter();
        let packed: Vec<_> = blocks
            .map_init(
                || (Compress::new(Compression::new(1), false), Vec::new()),
                |(press, plain), n| {
                    ctx.check()?;
                    plain.clear();
                    fill(n, plain)?;
                    Ok::<_, E>(pack(press, plain)?)
                },
            )
            .collect();
        for block in packed {
            let (piece, sum) = block?;
            whole.plain += u64::from(sum.amount());
            crc.combine(&sum);
            whole.pieces.push(piece);
        }
        ctx.done(whole.pieces.len() as f64 / count as f64)?;
    }
    whole.pieces.push(END.to_vec());
    whole.crc = crc.sum();
    Ok(whole)
}

/// One block, compressed on its own and flushed to a whole byte, and its checksum.
fn pack(press: &mut Compress, plain: &[u8]) -> io::Result<(Vec<u8>, Crc)> {
    press.reset();
    let mut piece = Vec::with_capacity(plain.len() / 4 + 256);
    loop {
        let rest = &plain[press.total_in() as usize..];
        press.compress_vec(rest, &mut piece, FlushCompress::Sync).map_err(io::Error::other)?;
        // Room left in the output means that the flush is complete.
        if press.total_in() == plain.len() as u64 && piece.len() < piece.capacity() {
            break;
        }
        piece.reserve(plain.len() / 4 + 256);
    }
    piece.shrink_to_fit();
    let mut crc = Crc::new();
    crc.update(plain);
    Ok((piece, crc))
}

/// Bytes read between two questions whether to stop.
const STEP: u64 = 4 << 20;

/// Appends what the reader has, but no more than one byte beyond `limit`: the byte that tells of more.
pub(crate) fn read_most<E: From<Cancelled>>(
    mut reader: impl Read,
    mut bytes: Vec<u8>,
    limit: u64,
    damaged: impl Fn(io::Error) -> E,
    ctx: &Ctx,
) -> Result<Vec<u8>, E> {
    loop {
        ctx.check()?;
        let step = STEP.min(limit + 1 - bytes.len() as u64);
        match (&mut reader).take(step).read_to_end(&mut bytes) {
            Ok(0) => return Ok(bytes),
            Ok(_) => {}
            Err(cause) => return Err(damaged(cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(n: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut random = osteon_core::ctx::Random::new(n as u64);
        // Incompressible, repetitive and empty blocks.
        match n % 3 {
            0 => buffer.extend((0..50_000).map(|_| random.bits() as u8)),
            1 => buffer.extend((0..70_000).map(|i| (i / 1000) as u8)),
            _ => {}
        }
        Ok(())
    }

    #[derive(Debug)]
    struct Failed;
    impl From<io::Error> for Failed {
        fn from(_: io::Error) -> Self {
            Self
        }
    }
    impl From<Cancelled> for Failed {
        fn from(_: Cancelled) -> Self {
            Self
        }
    }

    #[test]
    fn joined_blocks_inflate_to_what_went_in_at_any_number_of_threads() {
        let mut expected = Vec::new();
        (0..40).for_each(|n| plain(n, &mut expected).unwrap());
        let streams = [1, 2, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let fill = |n: usize, b: &mut Vec<u8>| plain(n, b).map_err(Failed::from);
            let done = pool.install(|| deflate(40, fill, &Ctx::default())).unwrap();
            let mut crc = Crc::new();
            crc.update(&expected);
            assert_eq!((done.plain, done.crc), (expected.len() as u64, crc.sum()));
            done.pieces.concat()
        });
        assert_eq!(streams[0], streams[1]);
        assert_eq!(streams[0], streams[2]);
        let mut back = Vec::new();
        flate2::read::DeflateDecoder::new(&streams[0][..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, expected);
    }
}
