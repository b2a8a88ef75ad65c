//! What is damaged, cut, contradictory or beyond the codec is refused, and never brings the program down.

use super::test_streams::{STREAMS, Stream};
use super::*;

fn decoded(stream: &[u8]) -> Result<Vec<u16>, JpegError> {
    let mut samples = vec![0; header(stream)?.samples()];
    decode_into(stream, &mut samples)?;
    Ok(samples)
}

fn named(what: &str) -> &'static Stream {
    STREAMS.iter().find(|stream| stream.what == what).unwrap()
}

/// Where the segment of a marker begins, with the marker itself.
fn position(stream: &[u8], code: u8) -> usize {
    stream.windows(2).position(|two| two == [0xff, code]).unwrap()
}

/// The first byte of the scan's bits.
fn bits(stream: &[u8]) -> usize {
    position(stream, 0xda) + 10
}

fn text(stream: &[u8]) -> String {
    decoded(stream).unwrap_err().to_string()
}

#[test]
fn a_stream_cut_anywhere_is_refused() {
    for stream in &STREAMS {
        let coded = stream.bytes();
        for length in 0..coded.len() - 2 {
            assert!(decoded(&coded[..length]).is_err(), "{} cut to {length} bytes", stream.what);
        }
    }
}

#[test]
fn bits_after_the_last_row_are_refused() {
    for stream in &STREAMS {
        let mut coded = stream.bytes();
        let end = coded.len() - 2;
        coded.splice(end..end, [0x55; 10]);
        assert!(text(&coded).contains("bytes too many"), "{}", stream.what);
    }
}

#[test]
fn a_stream_stating_fewer_rows_than_it_holds_is_refused() {
    for stream in &STREAMS {
        let mut coded = stream.bytes();
        let frame = [0xc0, 0xc1, 0xc3]
            .into_iter()
            .find_map(|code| coded.windows(4).position(|four| four == [0xff, code, 0, 11]));
        coded[frame.unwrap() + 6] = 1;
        assert!(matches!(decoded(&coded), Err(JpegError::Damaged(_))), "{}", stream.what);
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let stream = STREAMS[0].bytes();
    let frame = position(&stream, 0xc3);
    let cases = [
        (0xc2, "progressive"),
        (0xc5, "hierarchical"),
        (0xc7, "hierarchical"),
        (0xc9, "arithmetic"),
        (0xcb, "arithmetic"),
        (0xcf, "hierarchical"),
        (0xde, "hierarchical"),
        (0xf7, "JPEG-LS"),
    ];
    for (code, name) in cases {
        let mut other = stream.clone();
        other[frame + 1] = code;
        assert!(matches!(header(&other), Err(JpegError::Unsupported(_))), "{name}");
        assert!(text(&other).contains(name));
    }
    let mut later = stream.clone();
    later[frame + 5..frame + 7].fill(0);
    assert!(text(&later).contains("stated after the image"));
    let end = stream.len() - 2;
    let mut later = stream.clone();
    later.splice(end..end, [0xff, 0xdc, 0, 4, 0, 11]);
    assert!(text(&later).contains("stated after the image"));
    let mut colour = stream;
    colour[frame + 3] += 6;
    colour[frame + 9] = 3;
    colour.splice(frame + 13..frame + 13, [2, 0x11, 0, 3, 0x11, 0]);
    assert_eq!(header(&colour).unwrap().components, 3);
    assert!(text(&colour).contains("3 components"));
}

#[test]
fn what_contradicts_the_standard_is_refused() {
    let lossless = STREAMS[0].bytes();
    let [frame, table, scan] = [0xc3, 0xc4, 0xda].map(|code| position(&lossless, code));
    let changed = |at: usize, value: u8| {
        let mut other = lossless.clone();
        other[at] = value;
        text(&other)
    };
    assert!(changed(frame + 4, 17).contains("17 bits"));
    assert!(changed(frame + 4, 1).contains("1 bits"));
    assert!(changed(frame + 8, 0).contains("0 columns"));
    assert!(changed(frame + 11, 0x15).contains("sampling factors 15"));
    assert!(changed(frame + 10, 9).contains("component 1 where"));
    assert!(changed(table + 4, 0x20).contains("selector 20"));
    assert!(changed(table + 4, 1).contains("table 0 of class 0 is missing"));
    assert!(changed(table + 5, 3).contains("more codes than there can be"));
    assert!(changed(table + 21, 17).contains("symbol 11"));
    assert!(changed(scan + 7, 0).contains("parameters 0"));
    assert!(changed(scan + 7, 8).contains("parameters 8"));
    assert!(changed(scan + 9, 12).contains("0, 12"));
    assert!(changed(1, 0xd9).contains("FF D8"));
    let mut twice = lossless.clone();
    twice.splice(2..2, lossless[frame..frame + 13].to_vec());
    assert!(text(&twice).contains("two images"));
    let end = lossless.len() - 2;
    for code in [0xda, 0xd8, 0xd0, 0xc4, 0x66] {
        let mut other = lossless.clone();
        other.splice(end..end, [0xff, code]);
        assert!(text(&other).contains("after the last row"));
    }
}

#[test]
fn a_sample_above_its_depth_is_refused() {
    let mut stream = named("lossless, 12 bits, predictor 1").bytes();
    let frame = position(&stream, 0xc3);
    // The first prediction is half of the range, so that the samples of 12 bits leave one of 9.
    stream[frame + 4] = 9;
    assert!(text(&stream).contains("does not fit into the 9 bits"));
}

#[test]
fn a_restart_within_a_row_is_refused_for_the_lossless_process() {
    let mut stream = STREAMS[0].bytes();
    stream.splice(2..2, [0xff, 0xdd, 0, 4, 0, 20]);
    assert!(text(&stream).contains("after every 20 samples in rows of 19"));
}

#[test]
fn restart_markers_out_of_order_are_refused() {
    let stream = named("baseline with restart markers").bytes();
    let first = bits(&stream) + position(&stream[bits(&stream)..], 0xd0);
    for code in [0xd1, 0xd9, 0xda] {
        let mut other = stream.clone();
        other[first + 1] = code;
        assert!(text(&other).contains("where restart marker FFD0 was expected"));
    }
    let mut without = stream;
    without.drain(first..first + 2);
    assert!(decoded(&without).is_err());
}

#[test]
fn a_code_that_no_table_has_is_refused() {
    // Sixteen ones are no code of any table that an encoder makes.
    for stream in &STREAMS {
        let mut coded = stream.bytes();
        let start = bits(&coded);
        coded.splice(start..start + 4, [0xff, 0, 0xff, 0, 0xff, 0]);
        assert!(text(&coded).contains("code word"), "{}", stream.what);
    }
}

#[test]
fn quantisers_that_mean_nothing_are_refused() {
    let stream = named("baseline, fine").bytes();
    let table = position(&stream, 0xdb);
    for (at, value, what) in [
        (5, 0, "quantiser of 0"),
        (4, 4, "selector 04"),
        (4, 0x20, "selector 20"),
        (4, 1, "quantiser table 0 is missing"),
        (4, 0x10, "quantiser table of 64 bytes"),
    ] {
        let mut other = stream.clone();
        other[table + at] = value;
        assert!(text(&other).contains(what), "{what}");
    }
}

#[test]
fn coefficients_beyond_any_image_are_refused() {
    let mut stream = named("baseline, fine").bytes();
    let table = position(&stream, 0xdb);
    // Far coarser than what the encoder meant.
    for quantiser in &mut stream[table + 5..table + 69] {
        *quantiser = 255;
    }
    assert!(text(&stream).contains("far beyond 8 bits"));
}

/// Numbers without pattern, always the same (Knuth's multiplier).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

const ROUNDS: usize = 100_000;

#[test]
fn no_damage_brings_the_decoder_down() {
    let mut dice = Dice(1);
    let mut refused = 0;
    // Room for the largest image a damaged header may state here; larger ones are for the caller to refuse.
    let mut room = vec![0; 1 << 16];
    let originals: Vec<Vec<u8>> = STREAMS.iter().map(Stream::bytes).collect();
    for round in 0..ROUNDS {
        let mut coded = originals[round % originals.len()].clone();
        for _ in 0..=dice.below(4) {
            let at = dice.below(coded.len());
            match dice.below(6) {
                0 => coded.truncate(at.max(1)),
                1 => coded.insert(at, dice.below(256) as u8),
                2 => coded[at] ^= 1 << dice.below(8),
                3 => coded[at] = [0, 0xff, 0xd9, 0xd0, 0xc4, 0x7f][dice.below(6)],
                4 => {
                    let other = &originals[dice.below(originals.len())];
                    let from = dice.below(other.len());
                    let part = &other[from..other.len().min(from + dice.below(40))];
                    coded.splice(at..at, part.iter().copied());
                }
                _ => coded[at] = dice.below(256) as u8,
            }
        }
        let samples = header(&coded).map_or(209, |image| image.samples());
        refused += usize::from(samples > room.len() || decode_into(&coded, &mut room[..samples]).is_err());
    }
    // Flips in the bits of a scan often give another legal stream; most damage does not.
    assert!(refused > ROUNDS / 2, "{refused} of {ROUNDS} refused");
}
