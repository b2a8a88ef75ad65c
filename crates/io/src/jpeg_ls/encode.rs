//! The encoder: lossless, one component, default parameters.

use super::JpegLsError;
use super::bits::Writer;
use super::model::{J, Model, Preset, predict};

/// A grey image to be encoded.
#[derive(Clone, Copy, Debug)]
pub struct Grey<'a> {
    /// Columns, 1 to 65535.
    pub width: usize,
    /// Rows, 1 to 65535.
    pub height: usize,
    /// Bits of a sample, 2 to 16.
    pub bits: u32,
    /// width × height samples, row by row, each below 2^bits.
    pub samples: &'a [u16],
}

/// Writes an image as a lossless JPEG-LS stream.
///
/// # Errors
/// [`JpegLsError::Image`] when size, depth and samples do not go together.
pub fn encode(image: &Grey) -> Result<Vec<u8>, JpegLsError> {
    let Grey { width, height, bits, samples } = *image;
    let sides = 1..=65_535;
    if !sides.contains(&width) || !sides.contains(&height) || samples.len() != width * height {
        return Err(JpegLsError::Image(format!("{} samples for {width} × {height}", samples.len())));
    }
    if !(2..=16).contains(&bits) || samples.iter().any(|&s| u32::from(s) >> bits != 0) {
        return Err(JpegLsError::Image(format!("a sample does not fit into {bits} bits")));
    }
    let mut out = vec![0xff, 0xd8, 0xff, 0xf7, 0, 11, bits as u8];
    for side in [height, width] {
        out.extend_from_slice(&(side as u16).to_be_bytes());
    }
    out.extend_from_slice(&[1, 1, 0x11, 0]);
    out.extend_from_slice(&[0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0]);
    let preset = Preset::standard((1 << bits) - 1, 0);
    let mut encoder = Encoder { bits: Writer::new(out), model: Model::new(&preset, 0), run_index: 0 };
    let mut before = vec![0_u16; width + 2];
    let mut now = before.clone();
    for row in samples.chunks_exact(width) {
        now[1..=width].copy_from_slice(row);
        encoder.line(&before, &now);
        std::mem::swap(&mut before, &mut now);
        before[width + 1] = before[width];
        now[0] = before[1];
    }
    let mut out = encoder.bits.finish();
    out.extend_from_slice(&[0xff, 0xd9]);
    Ok(out)
}

struct Encoder {
    bits: Writer,
    model: Model,
    run_index: usize,
}

impl Encoder {
    fn line(&mut self, before: &[u16], now: &[u16]) {
        let width = now.len() - 2;
        let mut x = 1;
        while x <= width {
            let [rc, rb, rd] = [x - 1, x, x + 1].map(|x| i32::from(before[x]));
            let ra = i32::from(now[x - 1]);
            let region = |d| self.model.region(d);
            let q = 81 * region(rd - rb) + 9 * region(rb - rc) + region(rc - ra);
            if q != 0 {
                self.regular(q, [ra, rb, rc], i32::from(now[x]));
                x += 1;
                continue;
            }
            let rest = &now[x..=width];
            let length = rest.iter().position(|&s| s != now[x - 1]).unwrap_or(rest.len());
            self.run(length, rest.len());
            x += length;
            if x <= width {
                self.interruption(ra, i32::from(before[x]), i32::from(now[x]));
                x += 1;
            }
        }
    }

    fn regular(&mut self, q: i32, [ra, rb, rc]: [i32; 3], sample: i32) {
        let sign = q >> 31;
        let index = ((q ^ sign) - sign) as usize;
        let context = &self.model.regular[index];
        let correction = (context.c ^ sign) - sign;
        let predicted = (predict(ra, rb, rc) + correction).clamp(0, self.model.maxval);
        let k = context.k();
        let flip = if k == 0 { context.flip() } else { 0 };
        let error = self.model.reduce(((sample - predicted) ^ sign) - sign);
        let turned = error ^ flip;
        let mapped = ((turned << 1) ^ (turned >> 31)) as u32;
        self.bits.mapped(mapped, k, self.model.most, self.model.escape);
        self.model.learn::<true>(index, error);
    }

    fn run(&mut self, mut length: usize, rest: usize) {
        let to_the_end = length == rest;
        while length >= 1 << J[self.run_index] {
            self.bits.put(1, 1);
            length -= 1 << J[self.run_index];
            self.run_index = (self.run_index + 1).min(31);
        }
        if !to_the_end {
            self.bits.put(length as u32, J[self.run_index] + 1);
        } else if length > 0 {
            self.bits.put(1, 1);
        }
    }

    fn interruption(&mut self, ra: i32, rb: i32, sample: i32) {
        let kind = usize::from(ra == rb);
        let error = if ra > rb { rb - sample } else { sample - rb };
        let error = self.model.reduce(error);
        let context = &self.model.run[kind];
        let k = context.k(kind);
        let mapped = context.map(error, k, kind);
        let most = self.model.most_after_run(self.run_index);
        self.bits.mapped(mapped, k, most, self.model.escape);
        self.model.learn_run(kind, error, mapped);
        self.run_index = self.run_index.saturating_sub(1);
    }
}
