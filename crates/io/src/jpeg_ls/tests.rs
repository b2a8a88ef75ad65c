//! Images coded by others are decoded right, and what is damaged is refused.

use super::*;
use proptest::prelude::*;

/// A stream written by CharLS, and what CharLS reads from it.
struct Stream {
    what: &'static str,
    bits: u32,
    near: u32,
    bytes: &'static str,
    samples: &'static str,
}

const STREAMS: [Stream; 8] = [
    Stream {
        what: "12 bits, lossless",
        bits: 12,
        near: 0,
        bytes: "ffd8fff7000b0c0007000b01011100ffda0008010100000000000000001aa8810410000000001a1c1ac7dccf\
            bc08ae0780be0bc6e02f000000006d0000001d91bc000535d3a09cc0008c00046708d040000004f4a0016c00\
            0530019410204070381800e202240200000001c3d4913f4bc2003107fac93c0001a9f9d0b00c0201688a04c0\
            7f810a1c1231ffd9",
        samples: "055505550555055505550a64088f069804f8041604290555055505550555055509b407e005e904490fff037a\
            058d077708ea098a093007f1061d0426028601a401b703ff03ff03ff03ff03ff03ff03ff03ff03ff03ff03ff\
            01f403de03ff03ff03ff03ff03ff03ff03ff03ff03ff01a80393050505a5054b040d02380041000000000000\
            02b5049f061206b2065805190345014e000000000000",
    },
    Stream {
        what: "16 bits, permitted error 20",
        bits: 16,
        near: 20,
        bytes: "ffd8fff7000b100007000b01011100fff8000d01ffff004e00a701a00040ffda000801010014000000000000\
            29821080000000000000bf03b045188b08d83c09c2a24128000001a800003c4567e943f64a0020060380c500\
            00057f2dc007650df202020200a706100000dc007d35fb98100a3ef19f0002e113630100d06934bee020a0c0\
            6940ffd9",
        samples: "555d555d555d555d555da63e8919698c4f99417f429b555d555d555d555d555d9b5a7e0c5ea7448affec37ba\
            58e377788eb0989e93037f2a61d9427328591a411b893fec401340114012400e400a4006400240094009400a\
            1f403dfe4012401240124012401240124012401240121a9b392e50665a5454ba40de238f0403000200010000\
            2b424a02613b6b2965925190346c14e3001000100010",
    },
    Stream {
        what: "8 bits, permitted error 2",
        bits: 8,
        near: 2,
        bytes: "ffd8fff7000b080007000b01011100ffda00080101000200000000770000005e104335bc6444000405441a6f\
            0202103001a1830cab218a01337ec13410a3ccc1084e9428ffd9",
        samples: "5555555555a5886a503f4155555555559b7e5f44fd375a788f98937d5f4027181d41413f3e3e3e3e41414141\
            1e3c4040404040404040401a38505a55402206020001294a5f69644f3615020202",
    },
    Stream {
        what: "5 bits, permitted error 1",
        bits: 5,
        near: 1,
        bytes: "ffd8fff7000b050007000b01011100ffda00080101000100001dc04292af3920873b491c7df557706ffb325e\
            94d630ffd9",
        samples: "090909090915100d0a0707090909090912100a071f06090f1212120f0c070404040606060606060606070707\
            0208080808080808080808020509090906030000000005090b0b0b080502000000",
    },
    Stream {
        what: "three planes, lossless",
        bits: 8,
        near: 0,
        bytes: "ffd8fff70011080006000703011100021100031100ffda0008010100000000000001a89000000e95ca1c4c0a\
            2000000d9000000e4a28000a00300010e000003920000026e00140005001412488f384f2c00103cc800008ff\
            da0008010200000000000001e09000000e95ca1c4c0a2000000bd000000c8a28000a00300010e00000322000\
            0026e00140005001412488f384f2c00103cc800008ffda0008010300000000000001e39000000e95ca1c4c0a\
            200007000003228000a00300010e00000600000137000a0002800a0924479c279600081e64000040ffd9",
        samples: "55718d55718d55718dbfdbf7b9d5f1a5c1dd88a4c055718d55718d55718db4d0ecaecae6ffffff7d99b55874\
            907793af8eaac698b4d092aeca7e9ab6617d993f5b773f5b773f5b773f5b773f5b773f5b773f5b771f3b573d\
            59753f5b773f5b773f5b773f5b773f5b771a3652385470506c885a769254708c405c78233f5b",
    },
    Stream {
        what: "three components by line, permitted error 1",
        bits: 8,
        near: 1,
        bytes: "ffd8fff70011080006000703011100021100031100ffda000c03010002000300010100000000b6000000c64d\
            83544461723644e9b06a6ed5211b2274d041400500000c7c48680901a32170120c008000002bc00000307600\
            c00494080c0000015e0f0e0534422406018000014c000a10030d00481c98e8000002d64478d40005b4625728\
            3749513105800ab801000031c1b004c0300c0044de04acac924c00c0ffd9",
        samples: "545454c0baa588707070dcd6c0a48c8d8cf8f2dcc0545454b4aeff7c707270cfcafe9a8c8c8cebe5ffb45776\
            8f98917e617394a9b5ad9b7d8faec5d0cab6983f3e3e3e3e3e3e5c5a5c5b5a5c5c767876767676781e3d3f3f\
            3f3e3f3b595c5a5b5c5b577578787878771a37515954402335536c75715d3e516f88918d795c",
    },
    Stream {
        what: "three components by sample, permitted error 3",
        bits: 8,
        near: 3,
        bytes: "ffd8fff70011080006000703011100021100031100ffda000c030100020003000302000004104ef8000002e0\
            0a02d553331084bd18cd2800325200046012aa86ee26608803f0001180408220ddc63733322ed76088404427\
            e5e9084fe48ccc7ff8ffd9",
        samples: "54708c54708c54708cbddaf7b9d6f2a6c2dd89a4be54708c54708c54708cb6d3e9afcbe9ffffff809ab65b77\
            937794b18caac89ab6cd93aecd819bb95e7e993f5a753f5b763f5c783f59763f59763f59763f59761c3d573f\
            5b763f5b763f5b763f5b763f5b763f5b761c364f38546e516e8958769255738f3d5a75233f5a",
    },
    Stream {
        what: "four components by sample, lossless",
        bits: 10,
        near: 0,
        bytes: "ffd8fff700140a0005000604011100021100031100041100ffda000e04010002000300040000020000000006\
            a918c71eaae11124900000003a800027819a0a3b4b2b080512813d410889a5795eaf0000000006585d71f000\
            0000068568800200c2391c8e4700004de2ef76800d1e16cb40007c5d6d80000002470000000343b49be3c004\
            03e0f001e000b88ac36080009bc5deed00193bad56608171625422243871c60110401f87c783b9d8ea989694\
            92e0ffd9",
        samples: "015501c6023802aa015501c6023802aa015501c6023802aa02fe036f03e103ff02e8035903cb03ff02980309\
            037b03ed015501c6023802aa015501c6023802aa015501c6023802aa02d2034303b503ff03ff03ff03ff03ff\
            026c02dd034f03c1016301d4024602b801dd024e02c00332023a02ab031d038f026202d3034503b7024b02bc\
            032e03a001fc026d02df035100ff017001e2025400ff017001e2025400ff017001e2025400ff017001e20254\
            00ff017001e2025400ff017001e20254007c00ed015f01d100f7016801da024c00ff017001e2025400ff0170\
            01e2025400ff017001e2025400ff017001e20254",
    },
];

/// Numbers of `digits` hexadecimal digits each.
fn hex(text: &str, digits: usize) -> Vec<u16> {
    let digit = |b: u8| (b as char).to_digit(16).unwrap() as u16;
    let value = |chunk: &[u8]| chunk.iter().fold(0, |sum, &b| sum << 4 | digit(b));
    text.as_bytes().chunks(digits).map(value).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    hex(text, 2).into_iter().map(|b| b as u8).collect()
}

fn decoded(stream: &[u8]) -> Result<Vec<u16>, JpegLsError> {
    let mut samples = vec![0; header(stream)?.samples()];
    decode_into(stream, &mut samples)?;
    Ok(samples)
}

fn encoded(width: usize, bits: u32, samples: &[u16]) -> Vec<u8> {
    let height = samples.len() / width;
    encode(&Grey { width, height, bits, samples }).unwrap()
}

#[test]
fn the_example_of_the_standard_is_written_and_read_bit_by_bit() {
    // T.87 annex H.3: a 4 × 4 image of 8 bits and its coded bits.
    let image = [0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145];
    let bits = bytes("c000006c80208e01c00000574000006ee6000001bc18000005d800009160");
    let stream = encoded(4, 8, &image);
    assert_eq!(stream[25..stream.len() - 2], bits);
    assert_eq!(decoded(&stream).unwrap(), image);
}

#[test]
fn streams_of_another_encoder_are_read_bit_by_bit() {
    for stream in &STREAMS {
        let coded = bytes(stream.bytes);
        let said = header(&coded).unwrap();
        assert_eq!((said.bits, said.near), (stream.bits, stream.near), "{}", stream.what);
        let expected = hex(stream.samples, if stream.bits > 8 { 4 } else { 2 });
        assert_eq!(decoded(&coded).unwrap(), expected, "{}", stream.what);
    }
}

#[test]
fn a_stream_cut_anywhere_is_refused() {
    for stream in &STREAMS {
        let coded = bytes(stream.bytes);
        let end = coded.len() - 2;
        for length in 0..end {
            // The last byte may hold nothing but padding.
            let cut = decoded(&coded[..length]);
            assert!(cut.is_err() || length == end - 1, "{} cut to {length} bytes", stream.what);
        }
    }
}

#[test]
fn bits_after_the_last_row_are_refused() {
    let mut stream = encoded(4, 8, &[7; 16]);
    let end = stream.len() - 2;
    stream.splice(end..end, [0x55; 4]);
    assert!(matches!(decoded(&stream), Err(JpegLsError::Damaged(_))));
}

#[test]
fn an_image_of_another_size_is_refused_before_it_is_decoded() {
    let stream = encoded(4, 8, &[7; 16]);
    let size = JpegLsError::Size { found: 16, expected: 15 };
    assert_eq!(decode_into(&stream, &mut [0; 15]), Err(size));
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let stream = encoded(4, 8, &[7; 16]);
    let with = |at: usize, new: &[u8]| {
        let mut stream = stream.clone();
        stream.splice(at..at, new.iter().copied());
        decoded(&stream)
    };
    let dri = with(2, &[0xff, 0xdd, 0, 4, 0, 2]);
    let palette = with(2, &[0xff, 0xf8, 0, 5, 2, 1, 1]);
    let colour = with(2, &[0xff, 0xe8, 0, 7, b'm', b'r', b'f', b'x', 1]);
    let jpeg = with(2, &[0xff, 0xc0, 0, 2]);
    for refused in [dri, palette, colour, jpeg] {
        assert!(matches!(refused, Err(JpegLsError::Unsupported(_))), "{refused:?}");
    }
    assert!(with(2, &[0xff, 0xfe, 0, 4, b'h', b'i']).is_ok());
}

#[test]
fn an_image_that_cannot_be_written_is_refused() {
    for (width, bits, samples) in [(2, 8, [0, 256]), (2, 1, [0, 1]), (2, 17, [0, 1]), (3, 8, [0, 1])] {
        let image = Grey { width, height: 1, bits, samples: &samples };
        assert!(matches!(encode(&image), Err(JpegLsError::Image(_))));
    }
}

/// Images with smooth parts, runs and noise: a walk whose steps are often zero.
fn images() -> impl Strategy<Value = (usize, u32, Vec<u16>)> {
    (1_usize..40, 1_usize..24, 2_u32..=16, 0_i32..4).prop_flat_map(|(width, height, bits, calm)| {
        let steps = prop::collection::vec(-40_i32..=40, width * height);
        steps.prop_map(move |steps| {
            let most = (1 << bits) - 1;
            let mut value = most / 2;
            let sample = |step: i32| {
                let step = if step.abs() < calm * 12 { 0 } else { step * (most / 60 + 1) / 8 };
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
    fn a_damaged_stream_never_panics(
        which in 0_usize..8,
        flips in prop::collection::vec((0_usize..400, any::<u8>()), 1..4),
    ) {
        let mut coded = bytes(STREAMS[which].bytes);
        for (at, value) in flips {
            let at = at % coded.len();
            coded[at] = value;
        }
        // The caller limits the size; a damaged header may state any.
        if header(&coded).is_ok_and(|h| h.samples() < 1 << 16) {
            let _ = decoded(&coded);
        }
    }
}
