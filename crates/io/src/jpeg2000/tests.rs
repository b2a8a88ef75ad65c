//! Images coded by OpenJPEG are decoded right, and what is damaged, incomplete or out of scope is refused.

use super::*;
use proptest::prelude::*;

/// A stream written by OpenJPEG 2.5 (comment taken out).
struct Stream {
    what: &'static str,
    /// Columns and rows.
    size: (usize, usize),
    /// Bits, and whether there is a sign.
    depth: (u32, bool),
    bytes: &'static str,
    /// What OpenJPEG reads from it, in 16 bits; nothing if that is the image of [`truth`].
    samples: &'static str,
}

const STREAMS: [Stream; 13] = [
    Stream {
        what: "12 bits",
        size: (13, 11),
        depth: (12, false),
        bytes: "ff4fff51002900000000000d0000000b00000000000000000000000d0000000b000000000000000000010b0101ff5200\
            0c00000001000204040001ff5c000a4060686870686870ff90000a00000000010b0001ff93dfe0500c0ab7dad406e165\
            a62efc8d7ee3452f7675a066c7f21f3fc0ac7f810015c52d2836735cf1051e6e689b3ebf1929c660a394fce53ff6573e\
            facb15b8932f7f646f16a09cb3808cfe38ca8720e2f7b436a3cff06f3fc1dc7f82e064efa329a4b9b3cb126c56c87b57\
            c7265e82ad779616cacdb495f12c735acf240c7b18324a67f8042ffb9368262175eb4d7cdf7b8f457f275fe05b3d14c3\
            cd85653f1a7f5b7d8a745cc32ee84595427ddd2cab02b088b6e65fc0f11cf8f47a05820508abf5264e1f2e07e00b6f30\
            66f9c53f44322aa36efb7edd011c31f206fb5485ec1b65eeb847a23f1f47152d9c055a99cd6c7b787e6566072402c911\
            051fffd9",
        samples: "",
    },
    Stream {
        what: "16 bits signed, tiles off the grid in parts, markers around packets",
        size: (13, 11),
        depth: (16, true),
        bytes: "ff4fff5100290000000000120000000e00000005000000030000000800000008000000020000000100018f0101ff5200\
            0c06020001000204040001ff5c000a4080888890888890ff90000a00000000001f0003ff93ff9100040000cffc3014ff\
            920860e80f1fff90000a0000000000290103ff93ff9100040001c01f982400fc00a01fc810ff9203888a7f097f06e9ff\
            90000a0000000000460203ff93ff9100040002c07f21d03fc05403f90eff92043732643e4f436bca015517aabf0445bf\
            c26f241d4e16cf05e0f966e967fed60e1395cab6dfff90000a0001000000240003ff93ff9100040000dff89050ff920c\
            61ae0d4fc3c5637f9fff90000a0001000000300103ff93ff9100040001c03f607807ec0900fe4100ff92076b2f69cee0\
            f7082bec9f00b35a6fff90000a00010000005f0203ff93ff9100040002c0ff01481fe05a03fc0a00ff921e9c6d20c58a\
            a1d74ee593152fe2436e5e7cf35b1bfa65c154784afc1eee1263c246430c2e3747393e3f1d0191647fa5d4b8c4423c53\
            6fcc8af04f4a8bcfff90000a00020000001d0003ff93ff9100040000cffc300cff9209d7b3ff90000a00020000002801\
            03ff93ff9100040001c00fc00a01fb01403f9030ff92001709930879dfff90000a0002000000430203ff93ff91000400\
            02c03f60a80fe42a03fc0700ff920b29c620363b7e1cd0270dcb36e4534ff4a472910d01a2411fd41475af93f4839c7b\
            ff90000a00030000001e0003ff93ff9100040000cffc3010ff92085b3a9fff90000a00030000002d0103ff93ff910004\
            0001c01f981c0ff00b00fe4100ff92070f710c0a3d9d7f00c64537ff90000a0003000000580203ff93ff9100040002c0\
            ff00d81fe05207fe002cff921902d4cd9db8f40d8703e66487132bfe3763d9ec4886f1b47fcc61e90d1292cf7420a537\
            fe094e3872ff76a869108ab4057d0f75ceff7fffd9",
        samples: "",
    },
    Stream {
        what: "all code-block styles, small blocks",
        size: (13, 11),
        depth: (8, false),
        bytes: "ff4fff51002900000000000d0000000b00000000000000000000000d0000000b00000000000000000001070101ff5200\
            0c00040001000100013f01ff5c00074040484850ff90000a0000000001700001ff93efe0cc94ca64b2190c867f823292\
            2592c86432190c5aaee1f13eb0fe5575b64a01b41a5bb6bc56360ea5b6d59ea926b67535b0b66e0178b6db8a6eb615f6\
            afaa3b15c1400866c5333100b6c11dd03db6950835aab664ce55b6091295b6d6d395b6e7f0325b25a2992c86433fc0c9\
            28a44944221108e5f6ab24a2912c964b3fc0d925148944a21108e3f81135929128964b219fe068a24924a25128844009\
            e91e84340c4ffa466fc65f50b4a1a8ac9cb6ae8ab2d615b6d598890cb63dc8a5b66a47aab61519b5745f46c291150bcf\
            fdc8bdb6a5b715b60315b6a795b692c5b60a3c71ee282f64cd41b9b688ccb6eea15abeb615fb69d5b68a085d15b6d52a\
            944ab614aa1657593834c8765a69b6fcd62de0b62a1381b6d50221b66818b63398b6276200000c7147d8377472f25eb6\
            c49e56cdb6ac5032b66a73e355b6d582820ab666b0b5b60983ce3a7534af5e6b5ab6d73cb62aca2ab62adb2ab69596aa\
            b68b15b6ffd9",
        samples: "",
    },
    Stream {
        what: "bypass in long segments",
        size: (13, 11),
        depth: (14, true),
        bytes: "ff4fff51002900000000000d0000000b00000000000000000000000d0000000b000000000000000000018d0101ff5200\
            0c00010001000004040101ff5c00044070ff90000a0000000000fb0001ff93cffc04ae45229148a45229148a44115054\
            ae3ccbe7fee43cb9381fd5f47c205b8c8025d68073eabd0e4392dfe6c2327aa50e7feaa84862f11f3f7ffdf9fbf77f37\
            7fefddb37f96ff7f6920ff7fbff775777b809f3ffefddfa008b925242d9cff7f993bb89b80f38b77feedc21fe827d2d3\
            d4c2ff7f220ddb8414b424eeeff23e9a5e924998a63eff7f0f599c7875118e41540f2973bd15d2baba26ff7fa0d115ae\
            e5ff600f14efee2c8b555ed71bcfff7f921227698611ab959a0ffbb3ae2c28e2ecaaff7f0343e6522577aa547a4de147\
            501903c54d84ff7f92e424e8b284013d0206d33a0926a8e6320aff7fffd9",
        samples: "",
    },
    Stream {
        what: "causal contexts and known symbols",
        size: (13, 21),
        depth: (10, false),
        bytes: "ff4fff51002900000000000d0000001500000000000000000000000d0000001500000000000000000001090101ff5200\
            0c00000001000104042801ff5c00074050585860ff90000a0000000001a30001ff93dfb3600c5aae3d8f6c7f31b44e23\
            01b7416eeab5f11176ef3500f2330082d7fbe8ba46887820f8b842e9aaf0f072191a89cf2bc26d6e8e932ef85ae6fc17\
            33ebfafee4e0ff46e0882d36567ea16a90574244301252fc52ba23bfe7593bc6df74e0519a32c64ef5c319e7aa2fe370\
            efcfd97a7eccd1fb2c801bc592c2df7c2a42e07311a00fcf8b8ca470f4440cd3856164883b6b1a0de4935f31b1b8838c\
            7cdc3309e5f28ab74d372dc13bcb81cd0c7c9d996d812e02ac4bf99e41e58f2e0856df7ad3ccaf6b7c8f9da4c46c5eaf\
            7b8e00f713792a1f09e38f23e9d302d27c72861e21527db3f4489ea3471e68a499c07bce7245608ebaf347289960aaf4\
            07619d5bad742ffd8d3f5dbf0fc93d4df1da69c667dd5d44b22305bd353e06d9194a2b45e70ffe748a9184de7b3ae87f\
            3abae44b5cc9d23a1fbd73114a771eaf1c5f12927b61a634c1afc89fc8af04b856cd26c098fc9b1a0ece958edb1a9816\
            9276b43ec10e7cff2f87bc2e9f86ee17a837b1cf4c371316920700ee6f76d5ec63f508fd42f072a3b608ecd24386a77d\
            09ca2a1e6c4fb3ffd9",
        samples: "",
    },
    Stream {
        what: "three layers, small precincts",
        size: (19, 9),
        depth: (12, false),
        bytes: "ff4fff5100290000000000130000000900000000000000000000001300000009000000000000000000010b0101ff5200\
            0f01030003000204040001223344ff5c000a4060686870686870ff90000a0000000001680001ff93de140bd40d1973c4\
            2264fec1a0aa295a434aa4b874eb1a7b58a1a7440018be1d9080c7f225fc05c7f80e159f33b17e60a527c6272ba58877\
            a435eab24b2267c0cce530d369e16f129d35d7a318dea516ab025d077f80c8a70a55162768ff5756ff31dff25d1fe0cc\
            0d928814f2b4c3e57bc7dff3995f713094aa3385964b0f1b9235e9c239ec12cf2e1e3d8ae9d6811d51876aac1eafe7f7\
            17298603b11f8569e51d7fdaa8a92b541449e42e9ac04c578d149fc3e5b87cd049d5325c1af4dfc9bf2099f94a66840a\
            6c229e4903d2209412303fff258a3b78d72d540411fb1f681f0cadcf995c2e3fb826cd8614a9e6bef0680e942be5e9de\
            99fe5abafd523d01a6740a4fcf8c180c21a080fe00408829a70518400ae905d880c3f605fe40ff500808b33348aa4c9b\
            7f218b80ce0804e9ff1098fe43e3fc0480ccdd2340abf778ff7f12d05bcaf3fca3eea1b10a1e878b1f14fd6f91a91715\
            147fffd9",
        samples: "",
    },
    Stream {
        what: "a region of interest",
        size: (13, 11),
        depth: (10, false),
        bytes: "ff4fff51002900000000000d0000000b00000000000000000000000d0000000b00000000000000000001090101ff5200\
            0c00010001000204040001ff5c000a4050585860585860ff5e0005000004ff90000a0000000000ee0001ff93cfcc400b\
            d0145a8740dae0e8bef1aea9ed446ecfd8327ec251fb0700185816561768ea327d3b8957057507135478b62fa69e5d0f\
            3eac7b06fd7f166feac13a135cb10616e663a19fcfd8c67ec671fb15801bc59890eb24546b5524698caa933d618ad3ae\
            9bcf33095ae58207abb3aa37f7b770eebda8aa63eda7c6923cdf7b8f457f09e379ff7f9dbb23836893c1c26dd313bede\
            ac65f70a5b26fe6a6baf29030ad2ccc3d3d8d541bba7030c5e26c6200a05f3e7141eaf1e8517848275da2209bcbeae1e\
            c5daaf3eba57c67e279d425b9583d3340a1523a74951a2a5ec1052efffd9",
        samples: "",
    },
    Stream {
        what: "changes of progression",
        size: (13, 11),
        depth: (12, false),
        bytes: "ff4fff51002900000000000d0000000b00000000000000000000000d0000000b000000000000000000010b0101ff5200\
            0c02000003000204040001ff5c000a4060686870686870ff5f00100000000202010200000003030100ff90000a000000\
            0001480001ff93ff9100040000dc280c0ab7dad4ff910004000180ff910004000280ff910004000380ff910004000480\
            ff910004000580ff9100040006ff10f006e165a62efc8d7ee3452f7675a066ff9100040007c7f21f3fc0ac7f810015c5\
            2d2836735cf1051e6e689b3ebf1929c660a394fce53ff6573efacb15b8932f7f646f16a09cb3808cfe38ca8720e2f7b4\
            36a3ff9100040008cff06f3fc1dc7f82e064efa329a4b9b3cb126c56c87b57c7265e82ad779616cacdb495f12c735acf\
            240c7b18324a67f8042ffb9368262175eb4d7cdf7b8f457f275fe05b3d14c3cd85653f1a7f5b7d8a745cc32ee8459542\
            7ddd2cab02b088b6e65fc0f11cf8f47a05820508abf5264e1f2e07e00b6f3066f9c53f44322aa36efb7edd011c31f206\
            fb5485ec1b65eeb847a23f1f47152d9c055a99cd6c7b787e6566072402c911051fffd9",
        samples: "",
    },
    Stream {
        what: "one row",
        size: (9, 1),
        depth: (8, false),
        bytes: "ff4fff510029000000000009000000010000000000000000000000090000000100000000000000000001070101ff5200\
            0c00000001000004040001ff5c00044040ff90000a00000000001d0001ff93df80601033f9746609a449ac2a60bfffd9",
        samples: "",
    },
    Stream {
        what: "one pixel off the grid",
        size: (1, 1),
        depth: (12, true),
        bytes: "ff4fff5100290000000000040000000200000003000000010000000400000002000000000000000000018b0101ff5200\
            0c00000001000004040001ff5c00044060ff90000a0000000000130001ff93c7ec0401c3ffd9",
        samples: "",
    },
    Stream {
        what: "irreversible, 12 bits",
        size: (13, 11),
        depth: (12, false),
        bytes: "ff4fff51002900000000000d0000000b00000000000000000000000d0000000b000000000000000000010b0101ff5200\
            0c00000001000204040000ff5c0011427f5270057005704777d377d37762ff90000a00000000002c0001ff93cf80600c\
            3bb5822b1da7c038192a50bfa09f72a3a4005061de3130852a80ffd9",
        samples: "0a8f0a8509410465000000d002b8022a0265073c0bc80ab208d5060003190000000000c1017c02cc069a093b053700b7\
            018d03160000002601920156010f0225033203040285028e02100000000000000000005600ed015a016d0158010400eb\
            01d602f003bc042800000033009a012d017f00bc00000000000001a004f409520c32004c006c00ad0110016a017a0178\
            0172018f0284030d01020000008b00a800e1010e01660246032903ea04050245002b00000000006d00b2012c01d0024b\
            020601970170015000e700cb0228034d003a005500b601e002b2017b0014001500620000000005f90acf08cc07f2060b\
            028b000000c4028d017f016a080b0d4e06510000058c0302000000000000004604410b240f3c062700000000032d",
    },
    Stream {
        what: "irreversible, 10 bits signed, off the grid",
        size: (9, 8),
        depth: (10, true),
        bytes: "ff4fff51002900000000000a0000000900000001000000010000000a0000000900000000000000000001890101ff5200\
            0c00020001000304040000ff5c001742773877507750776860056005604767d367d36762ff90000a00000000002c0001\
            ff93c7cc08058880a3c1c7c0181002de0208bcc238e180214be114abb7505499ffd9",
        samples: "011400c6ff68fe10fe00fe4dfe00ff1efe00fe64fe67fe73fe7efe21fe3cfe4b0131fff8fe8bfe79fe00fe00ff3b00e7\
            ff04ffc3fef4fe17fe45ff06ffd6002b004afe14fea4fe77fef1fef2ff17ff10fe28fe00fe00fe9ffe21ff9cff78fee7\
            fe41fe00fe00fe00fe47fe00fec8fec7febefeb9fe9efec70001011effeffe00fe19fe9dff4300260088fedbfe00fe00",
    },
    Stream {
        what: "reversible, last bits left out",
        size: (13, 11),
        depth: (12, false),
        bytes: "ff4fff51002900000000000d0000000b00000000000000000000000d0000000b000000000000000000010b0101ff5200\
            0c00000001000204040001ff5c000a4060686870686870ff90000a0000000000290001ff93df00e00c0ab7dad406e1a7\
            86001929c660a394a70c275fe05b3d14ffd9",
        samples: "0b000800050002000000014003800340030007000b0009800800056003f40288011c0000013c02c807740c2006f801d0\
            02c803c0000000000010003800600138021001a8014002f004a0021000000020005c009800d401100134015800dc0060\
            0008000002d80600008000d00120017001c0013000a000100000032006c009a00c8000c000b800b000a800a001100180\
            01f00260030803b001580000010000a000400000000000f0026003d0054002f000a00000000001400148015001580160\
            019001c0025002e001b8009002480400018001f0026002d003400230012000d000800080008005800a80048003700260\
            01500040013002200130004006800cc006800040078004f00260000000000030032007900c000480000000000200",
    },
];

impl Stream {
    fn bytes(&self) -> Vec<u8> {
        hex(self.bytes)
    }

    fn samples(&self) -> Vec<i32> {
        if self.samples.is_empty() {
            return truth(self.size, self.depth);
        }
        let words = hex(self.samples);
        let word = |two: &[u8]| {
            let word = u16::from_be_bytes([two[0], two[1]]);
            if self.depth.1 { i32::from(word.cast_signed()) } else { i32::from(word) }
        };
        words.chunks(2).map(word).collect()
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The image that was coded: noisy in some places and calm in others.
fn truth((width, height): (usize, usize), (bits, signed): (u32, bool)) -> Vec<i32> {
    let value = |x: i32, y: i32| {
        let noise = ((x - 4).pow(2) * 37 + (y - 5).pow(2) * 91 + x * y * 13) % (1 << bits);
        let value = if (x + 2 * y) % 9 < 3 { noise } else { noise / 16 };
        if signed { value - (1 << (bits - 1)) } else { value }
    };
    (0..height as i32).flat_map(|y| (0..width as i32).map(move |x| value(x, y))).collect()
}

fn decode(bytes: &[u8]) -> Result<Vec<i32>, Jpeg2000Error> {
    let mut samples = vec![0; header(bytes)?.samples()];
    decode_into(bytes, &mut samples)?;
    Ok(samples)
}

/// The first stream with a change.
fn changed(change: impl Fn(&mut Vec<u8>)) -> Result<Vec<i32>, Jpeg2000Error> {
    let mut bytes = STREAMS[0].bytes();
    change(&mut bytes);
    decode(&bytes)
}

fn position(bytes: &[u8], marker: [u8; 2]) -> usize {
    bytes.windows(2).position(|two| two == marker).unwrap()
}

#[test]
fn streams_of_another_encoder_are_decoded_exactly() {
    for stream in &STREAMS {
        let bytes = stream.bytes();
        let image = header(&bytes).unwrap();
        assert_eq!((image.width, image.height), stream.size, "{}", stream.what);
        assert_eq!((image.bits, image.signed, image.components), (stream.depth.0, stream.depth.1, 1));
        assert_eq!(decode(&bytes).unwrap(), stream.samples(), "{}", stream.what);
    }
}

#[test]
fn the_header_says_whether_the_transform_is_reversible() {
    for stream in &STREAMS {
        let reversible = header(&stream.bytes()).unwrap().reversible;
        assert_eq!(reversible, !stream.what.starts_with("irreversible"), "{}", stream.what);
    }
}

#[test]
fn a_stream_may_be_wrapped_in_a_jp2_file() {
    let codestream = STREAMS[1].bytes();
    let mut file = hex("0000000c6a5020200d0a870a00000014667479706a703220000000006a703220");
    file.extend(hex("00000000"));
    let length = file.len();
    file[length - 4..].copy_from_slice(&(codestream.len() as u32 + 8).to_be_bytes());
    file.extend(b"jp2c");
    file.extend(&codestream);
    assert_eq!(decode(&file).unwrap(), decode(&codestream).unwrap());
}

#[test]
fn a_palette_in_a_jp2_file_is_refused() {
    let mut file = hex("0000000c6a5020200d0a870a00000010");
    file.extend(b"jp2h\0\0\0\x08pclr");
    assert_eq!(header(&file), Err(Jpeg2000Error::Unsupported("a palette".into())));
}

#[test]
fn a_stream_that_ends_early_is_refused_wherever_it_ends() {
    for stream in &STREAMS {
        let bytes = stream.bytes();
        // The end marker is nothing anybody would miss.
        for length in 0..bytes.len() - 2 {
            assert!(decode(&bytes[..length]).is_err(), "{}: {length} of {} bytes", stream.what, bytes.len());
        }
        assert!(decode(&bytes[..bytes.len() - 2]).is_ok(), "{}", stream.what);
    }
}

#[test]
fn bytes_of_a_marker_within_a_code_block_are_refused() {
    let with = |second: u8| {
        let mut bytes = hex(STREAMS[0].bytes);
        let at = bytes.len() - 7;
        bytes[at..at + 2].copy_from_slice(&[0xff, second]);
        decode(&bytes)
    };
    assert!(with(0x8f).is_ok());
    for second in [0x90, 0xd9, 0xff] {
        let told = with(second).unwrap_err().to_string();
        assert!(told.contains(&format!("FF{second:02X} stands within a code-block")), "{told}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let bytes = STREAMS[0].bytes();
    let text = decode(&bytes[..bytes.len() - 50]).unwrap_err().to_string();
    assert!(text.contains("incomplete: tile 0:") && text.contains("layer 0 of resolution 2"), "{text}");
    let bytes = STREAMS[1].bytes();
    let second = position(&bytes, [0xff, 0x90]) + 12;
    let next = second + position(&bytes[second..], [0xff, 0x90]);
    let text = decode(&bytes[..next]).unwrap_err().to_string();
    assert!(text.contains("incomplete"), "{text}");
}

#[test]
fn what_is_said_of_the_component_outranks_what_is_said_of_all() {
    let expected = Ok(STREAMS[0].samples());
    let own_quantisation = |bytes: &mut Vec<u8>| {
        let qcd = position(bytes, [0xff, 0x5c]);
        let end = qcd + 2 + usize::from(bytes[qcd + 3]);
        let mut qcc = vec![0xff, 0x5d, 0, bytes[qcd + 3] + 1, 0];
        qcc.extend(&bytes[qcd + 4..end]);
        bytes[qcd + 5..end].fill(0x08);
        qcc
    };
    let before = |bytes: &mut Vec<u8>| {
        let qcc = own_quantisation(bytes);
        let qcd = position(bytes, [0xff, 0x5c]);
        bytes.splice(qcd..qcd, qcc);
    };
    let after = |bytes: &mut Vec<u8>| {
        let qcc = own_quantisation(bytes);
        let sot = position(bytes, [0xff, 0x90]);
        bytes.splice(sot..sot, qcc);
    };
    assert_eq!(changed(before), expected);
    assert_eq!(changed(after), expected);
}

#[test]
fn padding_after_the_end_does_no_harm() {
    for stream in &STREAMS {
        let mut bytes = stream.bytes();
        bytes.extend([0, 0, 0]);
        assert!(decode(&bytes).is_ok(), "{}", stream.what);
    }
}

#[test]
fn an_image_too_large_for_its_bytes_is_refused_before_there_is_room_for_it() {
    let lie = |bytes: &mut Vec<u8>| {
        for place in [8, 12, 24, 28] {
            bytes[place..place + 4].copy_from_slice(&65535_u32.to_be_bytes());
        }
    };
    let mut bytes = STREAMS[0].bytes();
    lie(&mut bytes);
    let refused = Jpeg2000Error::TooLarge { width: 65535, height: 65535, bytes: bytes.len() };
    assert_eq!(header(&bytes), Err(refused.clone()));
    assert_eq!(decode_into(&bytes, &mut [0; 4]), Err(refused));
}

#[test]
fn precincts_without_end_are_refused() {
    // 4096 x 4096 samples in precincts of 1 and 2 samples.
    let error = changed(|bytes| {
        for place in [8, 12, 24, 28] {
            bytes[place..place + 4].copy_from_slice(&4096_u32.to_be_bytes());
        }
        let cod = position(bytes, [0xff, 0x52]);
        bytes[cod + 3] += 3;
        bytes[cod + 4] |= 1;
        bytes.splice(cod + 14..cod + 14, [0x00, 0x11, 0x11]);
    });
    assert!(error.unwrap_err().to_string().contains("packets"));
}

#[test]
fn room_of_another_size_is_refused() {
    let bytes = STREAMS[0].bytes();
    let refused = Jpeg2000Error::Size { found: 143, expected: 142 };
    assert_eq!(decode_into(&bytes, &mut [0; 142]), Err(refused));
}

/// What the refusal of a change says is not supported.
fn unsupported_by(change: impl Fn(&mut Vec<u8>)) -> String {
    match changed(change) {
        Err(Jpeg2000Error::Unsupported(what)) => what,
        other => panic!("{other:?}"),
    }
}

fn insert_marker(bytes: &mut Vec<u8>, marker: u8) {
    let cod = position(bytes, [0xff, 0x52]);
    bytes.splice(cod..cod, [0xff, marker, 0, 4, 0, 0]);
}

#[test]
fn what_cannot_be_decoded_is_refused_by_name() {
    let style = |place: usize, value: u8| {
        unsupported_by(move |bytes| {
            let cod = position(bytes, [0xff, 0x52]);
            bytes[cod + place] = value;
        })
    };
    assert!(style(12, 0x40).contains("HTJ2K"));
    assert!(style(13, 2).contains("wavelet transform 2"));
    assert!(unsupported_by(|bytes| insert_marker(bytes, 0x50)).contains("HTJ2K"));
    assert!(unsupported_by(|bytes| insert_marker(bytes, 0x60)).contains("PPM"));
    assert!(unsupported_by(|bytes| insert_marker(bytes, 0x74)).contains("part 2"));
    assert!(unsupported_by(|bytes| bytes[42] = 24).contains("25 bits"));
    assert!(unsupported_by(|bytes| bytes[43] = 2).contains("every 2th column"));
    let three = unsupported_by(|bytes| {
        bytes[3..4].copy_from_slice(&[0x51]);
        bytes[5] = 47;
        bytes[41] = 3;
        bytes.splice(45..45, [11, 1, 1, 11, 1, 1]);
    });
    assert_eq!(three, "3 components of a pixel");
}

#[test]
fn bytes_of_something_else_are_refused() {
    for bytes in [&b""[..], b"\xff", b"\xff\xd8\xff\xf7", b"\xff\x4f\xff\x51", &[0; 64]] {
        assert!(header(bytes).is_err());
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    let errors = [
        Jpeg2000Error::Truncated(String::new()),
        Jpeg2000Error::Damaged(String::new()),
        Jpeg2000Error::Unsupported(String::new()),
        Jpeg2000Error::TooLarge { width: 1, height: 1, bytes: 1 },
        Jpeg2000Error::Size { found: 1, expected: 2 },
    ];
    for error in errors {
        assert!(error.code().starts_with("jpeg-2000-"));
        assert!(!error.help().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_stream_makes_it_panic(
        which in 0..STREAMS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = STREAMS[which].bytes();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        // Half of them whole, the others cut as well.
        bytes.truncate(bytes.len().min(length.index(2 * bytes.len())));
        // A damaged header may ask for as much as an image may have; that is tested elsewhere.
        if header(&bytes).is_ok_and(|image| image.samples() < 1 << 16) {
            let _ = decode(&bytes);
        }
    }
}
