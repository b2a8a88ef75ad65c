//! Images coded by others are decoded right, to the bit.

use super::bits::Writer;
use super::test_streams::{SIZE, STREAMS};
use super::*;
use proptest::prelude::*;

fn decoded(stream: &[u8]) -> Result<Vec<u16>, JpegError> {
    let mut samples = vec![0; header(stream)?.samples()];
    decode_into(stream, &mut samples)?;
    Ok(samples)
}

fn encoded(width: usize, bits: u32, samples: &[u16]) -> Vec<u8> {
    let height = samples.len() / width;
    encode_lossless(&Grey { width, height, bits, samples }).unwrap()
}

/// How an image is coded with what our own encoder does not write.
#[derive(Clone, Copy, Debug)]
struct Manner {
    predictor: u8,
    /// Low bits left out.
    shift: u32,
    /// Rows between restart markers; 0 for none.
    restart: usize,
    codes: Table,
}

#[derive(Clone, Copy, Debug)]
enum Table {
    /// All codes of five bits.
    Flat,
    /// Codes of 1, 2, … 15, 16, 16 bits, the largest difference with the shortest.
    Steep,
}

impl Table {
    /// Code and length of a size.
    fn code(self, size: u32) -> (u32, u32) {
        match self {
            Self::Flat => (size, 5),
            Self::Steep => match 16 - size {
                16 => (0xffff, 16),
                index => ((1 << (index + 1)) - 2, index + 1),
            },
        }
    }

    fn segment(self) -> Vec<u8> {
        let mut out = vec![0xff, 0xc4, 0, 36, 0];
        match self {
            Self::Flat => {
                out.extend_from_slice(&[0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                out.extend(0..=16);
            }
            Self::Steep => {
                out.extend_from_slice(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
                out.extend((0..=16).rev());
            }
        }
        out
    }
}

/// The lossless process straight from the words of T.81 annex H.
fn written(width: usize, bits: u32, samples: &[u16], manner: Manner) -> Vec<u8> {
    let height = samples.len() / width;
    let [[h1, h0], [w1, w0]] = [height, width].map(|side| (side as u16).to_be_bytes());
    let [i1, i0] = ((manner.restart * width) as u16).to_be_bytes();
    let mut out = vec![0xff, 0xd8, 0xff, 0xff, 0xc3, 0, 11, bits as u8, h1, h0, w1, w0, 1, 7, 0x22, 0];
    // A table that is defined twice: the last one counts.
    out.extend(Table::Flat.segment());
    out.extend(manner.codes.segment());
    out.extend([0xff, 0xdd, 0, 4, i1, i0]);
    out.extend([0xff, 0xda, 0, 8, 1, 7, 0, manner.predictor, 0, manner.shift as u8]);
    let every = if manner.restart == 0 { height } else { manner.restart };
    let at = |x: usize, y: usize| i32::from(samples[y * width + x] >> manner.shift);
    for first in (0..height).step_by(every) {
        if first > 0 {
            // Fill bytes may stand before any marker.
            out.extend([0xff, 0xff, 0xd0 + ((first / every - 1) % 8) as u8]);
        }
        let mut writer = Writer::new(out);
        for y in first..height.min(first + every) {
            for x in 0..width {
                let predicted = match (x, y - first) {
                    (0, 0) => 1 << (bits - manner.shift - 1),
                    (_, 0) => at(x - 1, y),
                    (0, _) => at(x, y - 1),
                    _ => {
                        let [a, b, c] = [at(x - 1, y), at(x, y - 1), at(x - 1, y - 1)];
                        [a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1]
                            [usize::from(manner.predictor) - 1]
                    }
                };
                let mut difference = (at(x, y) - predicted) & 0xffff;
                if difference > 0x8000 {
                    difference -= 0x10000;
                }
                let size = 32 - difference.unsigned_abs().leading_zeros();
                let (code, length) = manner.codes.code(size);
                writer.put(code, length);
                if size < 16 {
                    let number = difference - i32::from(difference < 0);
                    writer.put(number as u32 & ((1 << size) - 1), size);
                }
            }
        }
        out = writer.finish();
    }
    out.extend([0xff, 0xd9]);
    out
}

#[test]
fn streams_of_another_encoder_are_read_bit_by_bit() {
    for stream in &STREAMS {
        let coded = stream.bytes();
        let [width, height] = SIZE;
        let said = Image { width, height, components: 1, bits: stream.bits, process: stream.process };
        assert_eq!(header(&coded), Ok(said), "{}", stream.what);
        assert_eq!(decoded(&coded).unwrap(), stream.samples(), "{}", stream.what);
    }
}

#[test]
fn differences_of_half_the_range_are_written_and_read() {
    let samples = [0x8000, 0, 0x8000, 0, 0xffff, 0x7fff, 0, 0xffff, 1];
    assert_eq!(decoded(&encoded(3, 16, &samples)).unwrap(), samples);
}

#[test]
fn codes_stay_within_16_bits_where_the_best_would_be_longer() {
    // Fibonacci numbers make the deepest tree: 17 sizes and the forbidden code, 17 bits.
    let (mut count, mut next) = (1, 2);
    let mut samples = vec![];
    let mut value = 0x8000_u16;
    for size in 0..17 {
        for _ in 0..count {
            value = value.wrapping_add(if size == 0 { 0 } else { 1 << (size - 1) });
            samples.push(value);
        }
        (count, next) = (next, count + next);
    }
    let stream = encoded(samples.len(), 16, &samples);
    let table = stream.windows(2).position(|two| two == [0xff, 0xc4]).unwrap();
    let counts = &stream[table + 5..table + 21];
    assert_eq!(counts.iter().map(|&n| u32::from(n)).sum::<u32>(), 17, "a code is too long: {counts:?}");
    let room: u32 = (1..=16).zip(counts).map(|(length, &n)| u32::from(n) << (16 - length)).sum();
    assert!(room < 1 << 16, "the code of all ones must stay free: {counts:?}");
    assert_eq!(decoded(&stream).unwrap(), samples);
}

#[test]
fn an_image_of_one_value_takes_one_bit_a_sample() {
    let stream = encoded(80, 12, &[2048; 80 * 10]);
    // 13 bytes of frame with SOI, 22 of table, 10 of scan, 2 of end.
    assert_eq!(stream.len(), 2 + 13 + 22 + 10 + 100 + 2);
    assert_eq!(decoded(&stream).unwrap(), [2048; 800]);
}

#[test]
fn a_missing_end_and_bytes_after_the_end_do_no_harm() {
    for stream in &STREAMS {
        let mut coded = stream.bytes();
        coded.extend([0, 0xff, 0xda, 7]);
        assert_eq!(decoded(&coded).unwrap(), stream.samples(), "{}", stream.what);
        coded.truncate(coded.len() - 6);
        assert_eq!(decoded(&coded).unwrap(), stream.samples(), "{}", stream.what);
    }
}

#[test]
fn a_flat_block_is_flat() {
    // One block of 8 bits whose mean coefficient is the only one: 3 · 16 / 8 above the middle.
    let mut stream = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    stream.extend([16; 64]);
    stream.extend([0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
    stream.extend([0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    stream.extend([0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // Code 0 of the mean, its two bits 11, code 0 of the end of the block, filled with ones.
    stream.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0b0110_1111, 0xff, 0xd9]);
    assert_eq!(decoded(&stream).unwrap(), [128 + 6; 64]);
}

#[test]
fn an_image_of_another_size_is_refused_before_it_is_decoded() {
    let stream = encoded(4, 8, &[7; 16]);
    let size = JpegError::Size { found: 16, expected: 15 };
    assert_eq!(decode_into(&stream, &mut [0; 15]), Err(size));
}

#[test]
fn an_image_that_cannot_be_written_is_refused() {
    for (width, bits, samples) in [(2, 8, [0, 256]), (2, 1, [0, 1]), (2, 17, [0, 1]), (3, 8, [0, 1])] {
        let image = Grey { width, height: 1, bits, samples: &samples };
        assert!(matches!(encode_lossless(&image), Err(JpegError::Image(_))));
    }
}

/// Images with smooth parts, runs and noise: a walk whose steps are often zero, and sometimes anything.
fn images() -> impl Strategy<Value = (usize, u32, Vec<u16>)> {
    (1_usize..40, 1_usize..24, 2_u32..=16, 0_i32..4).prop_flat_map(|(width, height, bits, calm)| {
        let steps = prop::collection::vec((-40_i32..=40, any::<u16>()), width * height);
        steps.prop_map(move |steps| {
            let most = (1 << bits) - 1;
            let mut value = most / 2;
            let sample = |(step, any): (i32, u16)| {
                let step = match step.abs() {
                    40 => i32::from(any) - value,
                    size if size < calm * 12 => 0,
                    _ => step * (most / 60 + 1) / 8,
                };
                value = (value + step).clamp(0, most);
                value as u16
            };
            (width, bits, steps.into_iter().map(sample).collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_image_survives_encoding_and_decoding((width, bits, samples) in images()) {
        prop_assert_eq!(decoded(&encoded(width, bits, &samples)).unwrap(), samples);
    }

    #[test]
    fn every_predictor_shift_and_restart_is_read(
        (width, bits, samples) in images(),
        (predictor, shift, restart) in (1_u8..=7, 0_u32..4, 0_usize..5),
        codes in prop_oneof![Just(Table::Flat), Just(Table::Steep)],
    ) {
        let shift = shift.min(bits - 1);
        let stream = written(width, bits, &samples, Manner { predictor, shift, restart, codes });
        let kept: Vec<u16> = samples.iter().map(|&sample| sample >> shift << shift).collect();
        prop_assert_eq!(super::left_out(&stream).unwrap(), shift);
        prop_assert_eq!(decoded(&stream).unwrap(), kept);
    }
}
