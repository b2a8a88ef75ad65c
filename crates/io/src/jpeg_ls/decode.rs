//! The decoder (T.87 annexes A and B).

use super::JpegLsError;
use super::bits::Reader;
use super::frame::{Header, Interleave, Markers, Scan};
use super::model::{J, Model, predict};

/// Decodes an image into `out`, which must have exactly width × height × components places.
///
/// Samples go row by row; those of one pixel stand together. Only a few lines of memory are allocated.
///
/// # Errors
/// [`JpegLsError`] when the stream is damaged, ends early, goes on too long, uses what is not supported,
/// or is not of the expected size; `out` then holds no image.
pub fn decode_into(bytes: &[u8], out: &mut [u16]) -> Result<Header, JpegLsError> {
    let mut markers = Markers::new(bytes)?;
    let mut decoded = [false; 4];
    loop {
        let Some(scan) = markers.scan()? else {
            return Err(JpegLsError::Truncated(bytes.len()));
        };
        let header = markers.header()?;
        if header.samples() != out.len() {
            return Err(JpegLsError::Size { found: header.samples(), expected: out.len() });
        }
        for &component in &scan.components {
            if std::mem::replace(&mut decoded[component], true) {
                return Err(JpegLsError::Damaged("a component comes twice".to_owned()));
            }
        }
        let decoder = Decoder {
            bits: Reader::new(scan.bits),
            model: Model::new(&scan.preset, scan.near),
            width: header.width,
        };
        if scan.near == 0 {
            decoder.scan::<true>(&scan, &header, out)?;
        } else {
            decoder.scan::<false>(&scan, &header, out)?;
        }
        if decoded[..header.components].iter().all(|&done| done) {
            return Ok(header);
        }
    }
}

struct Decoder<'a> {
    bits: Reader<'a>,
    model: Model,
    width: usize,
}

/// A line of one component with a sample added at both ends (T.87 A.2.1), and the run index it ends with.
struct Line {
    before: Vec<u16>,
    now: Vec<u16>,
    run_index: usize,
}

impl Line {
    fn new(width: usize) -> Self {
        Self { before: vec![0; width + 2], now: vec![0; width + 2], run_index: 0 }
    }

    /// Makes the finished line the one before and sets the added samples.
    fn advance(&mut self) {
        std::mem::swap(&mut self.before, &mut self.now);
        let width = self.before.len() - 2;
        self.before[width + 1] = self.before[width];
        self.now[0] = self.before[1];
    }
}

impl Decoder<'_> {
    fn scan<const LOSSLESS: bool>(
        mut self,
        scan: &Scan,
        header: &Header,
        out: &mut [u16],
    ) -> Result<(), JpegLsError> {
        let stride = header.components;
        let mut lines: Vec<Line> = scan.components.iter().map(|_| Line::new(self.width)).collect();
        for row in out.chunks_exact_mut(self.width * stride) {
            if scan.interleave == Interleave::Sample && lines.len() > 1 {
                self.pixels::<LOSSLESS>(&mut lines);
            } else {
                for line in &mut lines {
                    self.line::<LOSSLESS>(line);
                }
            }
            if self.bits.overran() {
                return Err(JpegLsError::Truncated(scan.bits.len()));
            }
            if self.bits.damaged {
                return Err(JpegLsError::Damaged("a code word no encoder writes".to_owned()));
            }
            for (line, &component) in lines.iter_mut().zip(&scan.components) {
                let now = &line.now[1..=self.width];
                if stride == 1 {
                    row.copy_from_slice(now);
                } else {
                    for (pixel, &sample) in row.chunks_exact_mut(stride).zip(now) {
                        pixel[component] = sample;
                    }
                }
                line.advance();
            }
        }
        // A byte of padding and one more after a last 0xFF; whatever is longer is not this image's.
        if self.bits.left() > 16 {
            return Err(JpegLsError::Damaged(format!(
                "{} bits are left over after the last row",
                self.bits.left()
            )));
        }
        Ok(())
    }

    fn line<const LOSSLESS: bool>(&mut self, line: &mut Line) {
        let width = self.width;
        let before = &line.before[..width + 2];
        let now = &mut line.now[..width + 2];
        let mut x = 1;
        let mut ra = i32::from(now[0]);
        let (mut rc, mut rb) = (i32::from(before[0]), i32::from(before[1]));
        let mut q2 = self.model.region(rb - rc);
        while x <= width {
            let rd = i32::from(before[x + 1]);
            let q1 = self.model.region(rd - rb);
            let q = 81 * q1 + 9 * q2 + self.model.region(rc - ra);
            if q != 0 {
                ra = self.regular::<LOSSLESS>(q, ra, rb, rc);
                now[x] = ra as u16;
                x += 1;
                (rc, rb, q2) = (rb, rd, q1);
                continue;
            }
            let length = self.run(&mut line.run_index, width + 1 - x);
            now[x..x + length].fill(ra as u16);
            x += length;
            if x <= width {
                ra = self.interruption::<LOSSLESS>(&mut line.run_index, ra, i32::from(before[x]));
                now[x] = ra as u16;
                x += 1;
            }
            if x <= width {
                (rc, rb) = (i32::from(before[x - 1]), i32::from(before[x]));
                q2 = self.model.region(rb - rc);
            }
        }
    }

    /// One row whose components are interleaved pixel by pixel.
    fn pixels<const LOSSLESS: bool>(&mut self, lines: &mut [Line]) {
        let mut x = 1;
        while x <= self.width {
            let mut q = [0_i32; 4];
            for (line, q) in lines.iter().zip(&mut q) {
                let (ra, [rc, rb, rd]) = neighbours(line, x);
                let region = |d| self.model.region(d);
                *q = 81 * region(rd - rb) + 9 * region(rb - rc) + region(rc - ra);
            }
            if q.iter().any(|&q| q != 0) {
                for (line, q) in lines.iter_mut().zip(q) {
                    let (ra, [rc, rb, _]) = neighbours(line, x);
                    line.now[x] = self.regular::<LOSSLESS>(q, ra, rb, rc) as u16;
                }
                x += 1;
                continue;
            }
            let mut run_index = lines[0].run_index;
            let length = self.run(&mut run_index, self.width + 1 - x);
            for line in lines.iter_mut() {
                let ra = line.now[x - 1];
                line.now[x..x + length].fill(ra);
            }
            x += length;
            if x <= self.width {
                for line in lines.iter_mut() {
                    let (ra, rb) = (i32::from(line.now[x - 1]), i32::from(line.before[x]));
                    line.now[x] = self.after_run::<LOSSLESS>(0, run_index, ra, rb) as u16;
                }
                x += 1;
                run_index = run_index.saturating_sub(1);
            }
            lines[0].run_index = run_index;
        }
    }

    /// One sample of the regular mode (T.87 A.4 to A.6); `q` is the signed context number.
    #[inline(always)]
    fn regular<const LOSSLESS: bool>(&mut self, q: i32, ra: i32, rb: i32, rc: i32) -> i32 {
        let model = &mut self.model;
        let sign = q >> 31;
        let index = ((q ^ sign) - sign) as usize;
        let context = &model.regular[index];
        let correction = (context.c ^ sign) - sign;
        let predicted = (predict(ra, rb, rc) + correction).clamp(0, model.maxval);
        let k = context.k();
        let flip = if LOSSLESS && k == 0 { context.flip() } else { 0 };
        let mut mapped = self.bits.mapped(k, model.most, model.escape);
        if mapped > model.range as u32 {
            self.bits.damaged = true;
            mapped = 0;
        }
        let error = ((mapped >> 1) as i32 ^ -((mapped & 1) as i32)) ^ flip;
        model.learn::<LOSSLESS>(index, error);
        model.reconstruct::<LOSSLESS>(predicted, (error ^ sign) - sign)
    }

    /// Length of a run of at most `rest` samples (T.87 A.7.1).
    fn run(&mut self, run_index: &mut usize, rest: usize) -> usize {
        let mut length = 0;
        while self.bits.take(1) == 1 {
            let piece = 1_usize << J[*run_index];
            if piece <= rest - length && *run_index < 31 {
                *run_index += 1;
            }
            length += piece.min(rest - length);
            if length == rest {
                return length;
            }
        }
        length += self.bits.take(J[*run_index]) as usize;
        if length >= rest {
            self.bits.damaged = true;
            length = rest;
        }
        length
    }

    /// The sample that ends a run.
    fn interruption<const LOSSLESS: bool>(&mut self, run_index: &mut usize, ra: i32, rb: i32) -> i32 {
        let kind = usize::from((ra - rb).abs() <= self.model.near);
        let sample = self.after_run::<LOSSLESS>(kind, *run_index, ra, rb);
        *run_index = run_index.saturating_sub(1);
        sample
    }

    /// A sample after a run (T.87 A.7.2); `kind` 1 where left and upper neighbour are equal.
    fn after_run<const LOSSLESS: bool>(&mut self, kind: usize, run_index: usize, ra: i32, rb: i32) -> i32 {
        let model = &mut self.model;
        let k = model.run[kind].k(kind);
        let most = model.most_after_run(run_index);
        let mut mapped = self.bits.mapped(k, most, model.escape);
        if mapped > model.range as u32 {
            self.bits.damaged = true;
            mapped = 0;
        }
        let error = model.run[kind].unmap(mapped, k, kind);
        model.learn_run(kind, error, mapped);
        if kind == 1 {
            model.reconstruct::<LOSSLESS>(ra, error)
        } else {
            model.reconstruct::<LOSSLESS>(rb, if ra > rb { -error } else { error })
        }
    }
}

/// The left neighbour, and upper left, upper and upper right ones.
fn neighbours(line: &Line, x: usize) -> (i32, [i32; 3]) {
    (i32::from(line.now[x - 1]), [x - 1, x, x + 1].map(|x| i32::from(line.before[x])))
}
