//! How files are written: layouts, heads, odd elements. All legal, or so common that refusing them helps nobody.

use crate::case;
use crate::generate::{Body, Element, Head, Layout, Set, syntax};
use crate::pack;
use crate::scene::Shape;
use crate::series::{
    Format, INSTANCE, INTERCEPT, ORIENTATION, PIXELS, POSITION, SLOPE, SPACING, Series, USUAL, ct, done,
    plain,
};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "encoding";

fn legal(name: &str, make: impl Fn() -> Series + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Legal(&[]), make)
}

/// A set of elements to hide in sequences, with attributes of other images.
fn foreign() -> Set {
    let mut set = Set::default();
    set.text(POSITION, "DS", "1\\2\\3").text(ORIENTATION, "DS", "0\\1\\0\\0\\0\\1");
    set.short(0x0028_0010, 2).short(0x0028_0011, 2).text(SPACING, "DS", "9\\9");
    set.put(PIXELS, "OW", Body::Words(vec![1, 2, 3, 4]));
    set
}

pub fn cases() -> Vec<Case> {
    let mut cases = layouts();
    cases.extend(heads());
    cases.extend(elements());
    cases.extend(numbers());
    cases.extend(compressed());
    cases
}

fn layouts() -> Vec<Case> {
    vec![
        legal("plain", plain),
        legal("implicit", || plain().layout(Layout::Implicit, syntax::IMPLICIT)),
        legal("big-endian", || plain().layout(Layout::Big, syntax::BIG)),
        legal("big-endian-8-bit", || eight_bit().layout(Layout::Big, syntax::BIG)),
        legal("deflated", || plain().layout(Layout::Explicit, syntax::DEFLATED)),
        legal("eight-bit", eight_bit),
        legal("trailing-padding", || plain().each(|_, i| done(i.raw(0xfffc_fffc, "OB", &[0; 126])))),
        legal("junk-after-pixels", || plain().each(|_, i| i.tail = vec![0; 64])),
        legal("undefined-length-sequences", || {
            plain().each(|_, i| {
                let mut outer = Set::default();
                outer.put(0x0008_1155, "UI", Body::Bytes(b"1.2\0".to_vec()));
                outer.put(0x0040_a170, "SQ", Body::Open(vec![foreign(), Set::default()]));
                i.set.put(0x0008_1140, "SQ", Body::Open(vec![outer.clone(), outer]));
            })
        }),
        legal("empty-sequences", || {
            plain().each(|_, i| {
                i.set.put(0x0008_1140, "SQ", Body::Open(vec![]));
                i.set.items(0x0008_1115, vec![]).items(0x0008_1111, vec![Set::default()]);
            })
        }),
        legal("icon-with-pixels-of-its-own", || {
            plain().each(|_, i| done(i.set.items(0x0088_0200, vec![foreign()])))
        }),
        legal("un-sequence-of-undefined-length", || {
            plain().each(|_, i| done(i.set.put(0x0029_1010, "UN", Body::Open(vec![foreign()]))))
        }),
        legal("private-sequence-in-implicit", || {
            plain()
                .each(|_, i| {
                    i.set.text(0x0029_0010, "LO", "SUITE").put(
                        0x0029_1010,
                        "SQ",
                        Body::Open(vec![foreign()]),
                    );
                })
                .layout(Layout::Implicit, syntax::IMPLICIT)
        }),
        legal("command-group-in-a-file", || plain().each(|_, i| done(i.set.short(0x0000_0100, 1)))),
    ]
}

fn eight_bit() -> Series {
    plain().store(Format { allocated: 8, stored: 8, high: 7, slope: 16.0, ..USUAL })
}

fn heads() -> Vec<Case> {
    let headless = |name: &str, layout: Layout, uid: &'static str, head: Head| {
        let found = Verdict::Legal(&["transfer-syntax-found"]);
        case(CLASS, name, found, move || plain().layout(layout, uid).each(|_, i| i.head = head))
    };
    vec![
        legal("no-group-length", || plain().each(|_, i| i.head = Head::NoLength)),
        headless("headless-implicit", Layout::Implicit, syntax::IMPLICIT, Head::None),
        headless("headless-explicit", Layout::Explicit, syntax::EXPLICIT, Head::None),
        headless("no-preamble", Layout::Explicit, syntax::EXPLICIT, Head::NoPreamble),
        headless("no-preamble-implicit", Layout::Implicit, syntax::IMPLICIT, Head::NoPreamble),
        case(CLASS, "tiff-in-the-preamble", Verdict::Legal(&[]), || {
            plain().folder().spoil_all(|b| b[..8].copy_from_slice(b"II*\0\x08\0\0\0"))
        }),
        case(CLASS, "group-length-too-short", Verdict::WarnOrRefuse(&[]), || {
            plain().folder().spoil_all(|b| b[140] -= 4)
        }),
        case(CLASS, "group-length-far-too-long", Verdict::WarnOrRefuse(&[]), || {
            plain().folder().spoil_all(|b| b[142] = 0x7f)
        }),
        case(CLASS, "no-transfer-syntax", Verdict::WarnOrRefuse(&[]), || {
            plain().each(|_, i| i.syntax = String::new())
        }),
        case(CLASS, "said-implicit-is-explicit", Verdict::WarnOrRefuse(&[]), || {
            plain().layout(Layout::Explicit, syntax::IMPLICIT)
        }),
        case(CLASS, "said-explicit-is-implicit", Verdict::WarnOrRefuse(&[]), || {
            plain().layout(Layout::Implicit, syntax::EXPLICIT)
        }),
        case(CLASS, "said-big-is-little", Verdict::WarnOrRefuse(&[]), || {
            plain().layout(Layout::Explicit, syntax::BIG)
        }),
        case(CLASS, "said-little-is-big", Verdict::WarnOrRefuse(&[]), || {
            plain().layout(Layout::Big, syntax::EXPLICIT)
        }),
        case(CLASS, "one-slice-said-big-is-little", Verdict::WarnOrRefuse(&["slab-not-measured"]), || {
            plain().stray(7, |i| i.syntax = syntax::BIG.to_owned())
        }),
    ]
}

fn elements() -> Vec<Case> {
    vec![
        legal("group-lengths-everywhere", || {
            plain().each(|_, i| {
                for group in [0x0008_0000, 0x0010_0000, 0x0018_0000, 0x0020_0000, 0x0028_0000, 0x7fe0_0000] {
                    i.set.put(group, "UL", Body::Longs(vec![12_345]));
                }
            })
        }),
        legal("un-instead-of-known", || {
            plain().each(|_, i| {
                for tag in [SPACING, POSITION, 0x0028_0010, 0x0028_0103, SLOPE, 0x0020_000e] {
                    i.set.retype(tag, "UN");
                }
            })
        }),
        legal("private-elements", || {
            plain().each(|_, i| {
                i.set.text(0x0009_0010, "LO", "SUITE 1").raw_private();
                i.set.text(0x0029_0010, "LO", "SUITE 2").put(0x0029_1020, "OB", Body::Bytes(vec![7; 70_000]));
            })
        }),
        legal("empty-type-2", || {
            plain().each(|_, i| {
                for tag in [0x0008_0050, 0x0010_0010, 0x0010_0030, 0x0010_0040, 0x0018_0060, 0x0020_0010] {
                    i.text(tag, "");
                }
                i.text(0x0018_1120, "").text(0x0020_1041, "").raw(0x0028_0120, "US", &[]);
            })
        }),
        legal("large-element-before-pixels", || {
            plain().each(|_, i| done(i.raw(0x0043_1001, "OB", &vec![9; 300_000])))
        }),
        legal("utf-8-names", || {
            plain().each(|_, i| done(i.text(0x0008_0005, "ISO_IR 192").text(0x0008_0070, "Göß \u{5c71}")))
        }),
        legal("japanese-names", || {
            plain().each(|_, i| {
                i.text(0x0008_0005, "\\ISO 2022 IR 87");
                i.raw(0x0008_0070, "LO", b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B");
            })
        }),
        legal("gb18030-names-with-backslash-bytes", || {
            plain().each(|_, i| {
                i.text(0x0008_0005, "GB18030").raw(0x0008_0070, "LO", &[0x81, 0x5c, 0x81, 0x5c]);
            })
        }),
        legal("unknown-character-set", || plain().text(0x0008_0005, "KLINGON 9")),
        legal("no-character-set", || plain().without(0x0008_0005)),
        legal("odd-lengths", || {
            plain().each(|_, i| {
                i.raw(SPACING, "DS", b"0.8\\0.7").raw(0x0008_0060, "CS", b"CT ");
                i.raw(0x0008_1030, "LO", b"odd").raw(0x0018_0015, "CS", b"SPINE");
            })
        }),
        legal("values-padded-with-zeros", || {
            plain().each(|_, i| {
                i.raw(SPACING, "DS", b"0.8\\0.7\0").raw(0x0028_0004, "CS", b"MONOCHROME2\0");
                i.raw(SLOPE, "DS", b"1\0");
            })
        }),
        legal("pixel-padding-value", || plain().each(|_, i| done(i.short(0x0028_0120, 0)))),
        legal("one-frame-said", || plain().text(0x0028_0008, "1 ")),
        legal("no-meaning-of-rescale", || plain().without(0x0028_1054)),
        legal("window-and-slice-location", || {
            plain().each(|k, i| {
                i.set.text(0x0028_1050, "DS", "400\\40").text(0x0028_1051, "DS", "2000\\400");
                i.set.text(0x0020_1041, "DS", &format!("{}", k as f64 * 1.5));
            })
        }),
        case(CLASS, "elements-out-of-order", Verdict::WarnOrRefuse(&[]), || {
            plain().each(|_, i| i.set.0.swap(3, 9))
        }),
        case(CLASS, "spacing-twice-and-different", Verdict::Refuse, || {
            plain().each(|_, i| {
                let at = i.set.0.iter().position(|e| e.tag == SPACING).unwrap();
                let mut second = i.set.0[at].clone();
                second.body = Body::Bytes(b"0.4\\0.35".to_vec());
                i.set.0.insert(at + 1, second);
            })
        }),
        case(CLASS, "slope-twice-at-the-end", Verdict::Refuse, || {
            plain().each(|_, i| {
                let body = Body::Bytes(b"2 ".to_vec());
                i.set.0.push(Element { tag: SLOPE, vr: "DS", body, stated: None });
            })
        }),
        case(CLASS, "pixels-twice", Verdict::Refuse, || {
            plain().each(|_, i| {
                let last = i.set.0.last().unwrap().clone();
                i.set.0.push(last);
            })
        }),
        case(CLASS, "position-twice-in-one-slice", Verdict::WarnOrRefuse(&["slab-not-measured"]), || {
            plain().stray(4, |i| {
                let at = i.set.0.iter().position(|e| e.tag == POSITION).unwrap();
                let again = i.set.0[at].clone();
                i.set.0.insert(at, again);
            })
        }),
    ]
}

impl Set {
    /// A private element whose value representation is text in one file and unknown in others.
    fn raw_private(&mut self) -> &mut Self {
        self.put(0x0009_1001, "UN", Body::Bytes(b"0.1\\0.1 ".to_vec()))
    }
}

fn numbers() -> Vec<Case> {
    vec![
        legal("spaces-plus-and-exponent", || {
            plain().each(|_, i| {
                i.text(SPACING, " +8.0E-01 \\ 7e-1 ")
                    .text(SLOPE, " 1.000000e+00 ")
                    .text(0x0028_1052, "-1024. ");
            })
        }),
        legal("sixteen-digits", || plain().text(SPACING, "0.80000000000000\\0.70000000000000")),
        case(CLASS, "twenty-digits", Verdict::WarnOrRefuse(&[]), || {
            plain().text(SPACING, "0.800000000000000000\\0.700000000000000000")
        }),
        legal("minus-zero-cosines", || plain().text(ORIENTATION, "1\\-0\\0.0\\-0.00\\1\\+0")),
        legal("rounded-cosines", || {
            plain().text(ORIENTATION, "0.99999\\0.00001\\-0.00001\\0.00001\\0.99999\\0")
        }),
        legal("position-with-spaces", || {
            plain().each(|_, i| {
                let [x, y, z] = i.plane.origin;
                i.text(POSITION, &format!("  {x:.4}\\{y:.4} \\ {z:.4}"));
            })
        }),
        legal("instance-numbers-padded", || {
            plain().each(|k, i| done(i.text(INSTANCE, &format!(" {k:06} "))))
        }),
        case(CLASS, "hexadecimal-slope", Verdict::Refuse, || plain().text(SLOPE, "0x1")),
    ]
}

/// A small stack without noise, whose streams lie beside this file: they were made from the stored values of this
/// stack with CharLS (JPEG-LS) and OpenJPEG (JPEG 2000), each stream after its length in two bytes, little endian.
pub fn small() -> Series {
    let mut shape = Shape::axial().even();
    shape.steps = [2.0, 2.5];
    ct(&shape.sized(24, 20).at([0.0, 0.0, 1.0], &[-6.0, -4.5, -3.0, -1.5, 0.0, 1.5]))
}

/// The streams of a file.
pub fn streams(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let [a, b, rest @ ..] = bytes {
        let (stream, others) = rest.split_at(usize::from(u16::from_le_bytes([*a, *b])));
        all.push(stream.to_vec());
        bytes = others;
    }
    all
}

pub const JPEG_LS: &[u8] = include_bytes!("jpeg-ls.bin");
pub const JPEG_2000: &[u8] = include_bytes!("jpeg-2000.bin");
pub const JPEG_2000_SIGNED: &[u8] = include_bytes!("jpeg-2000-signed.bin");

/// The small stack with its pixels replaced by streams.
pub fn streamed(series: Series, uid: &'static str, bytes: &[u8]) -> Series {
    let all = streams(bytes);
    series.each(|k, i| done(i.compressed(uid, all[k].clone())))
}

fn compressed() -> Vec<Case> {
    let rle = |most: usize| {
        move || plain().each(|_, i| done(i.compressed(syntax::RLE, pack::rle(&i.words(), 2, most))))
    };
    let jpeg = |predictor: u8, uid: &'static str| {
        move || {
            plain().each(|_, i| {
                let stream = pack::jpeg_lossless(&i.words(), i.plane.columns, 12, predictor);
                i.compressed(uid, stream);
            })
        }
    };
    let mut cases = vec![
        legal("rle", rle(128)),
        legal("rle-of-short-literals", rle(5)),
        legal("rle-8-bit", || {
            eight_bit().each(|_, i| {
                let low: Vec<u16> = i.plane.hu.iter().map(|hu| ((hu + 1024.0) / 16.0) as u16).collect();
                i.compressed(syntax::RLE, pack::rle(&low, 1, 128));
            })
        }),
        legal("rle-with-offset-table", || {
            plain().each(|_, i| {
                let stream = pack::rle(&i.words(), 2, 128);
                i.fragments(syntax::RLE, vec![vec![0; 4], pack::even(stream)]);
            })
        }),
        legal("rle-with-idle-bytes", || {
            plain().each(|_, i| {
                let whole = pack::rle(&i.words(), 2, 128);
                let second = u32::from_le_bytes([whole[8], whole[9], whole[10], whole[11]]) as usize;
                let idle = |bytes: &[u8]| [&[0x80, 0x80], bytes].concat();
                i.compressed(syntax::RLE, pack::rle_of(&[idle(&whole[64..second]), idle(&whole[second..])]));
            })
        }),
        legal("jpeg-lossless-in-fragments", || {
            plain().each(|_, i| {
                let stream = pack::even(pack::jpeg_lossless(&i.words(), i.plane.columns, 12, 1));
                let parts = stream.chunks(1000).map(<[u8]>::to_vec);
                i.fragments(syntax::JPEG_LOSSLESS_FIRST, std::iter::once(vec![]).chain(parts).collect());
            })
        }),
        legal("jpeg-lossless-16-bit", || {
            plain().store(Format { stored: 16, high: 15, ..USUAL }).each(|_, i| {
                let stream = pack::jpeg_lossless(&i.words(), i.plane.columns, 16, 1);
                i.compressed(syntax::JPEG_LOSSLESS_FIRST, stream);
            })
        }),
        legal("syntaxes-mixed-in-one-series", || {
            plain().each(|k, i| match k % 4 {
                0 => done(i.compressed(syntax::RLE, pack::rle(&i.words(), 2, 128))),
                1 => (i.layout, i.syntax) = (Layout::Implicit, syntax::IMPLICIT.to_owned()),
                2 => {
                    let stream = pack::jpeg_lossless(&i.words(), i.plane.columns, 12, 1);
                    i.compressed(syntax::JPEG_LOSSLESS, stream);
                }
                _ => i.syntax = syntax::DEFLATED.to_owned(),
            })
        }),
        legal("jpeg-lossless-first-order", jpeg(1, syntax::JPEG_LOSSLESS_FIRST)),
    ];
    for predictor in 2..=7 {
        let name = format!("jpeg-lossless-predictor-{predictor}");
        cases.push(legal(&name, jpeg(predictor, syntax::JPEG_LOSSLESS)));
    }
    cases.extend(streams_of_others());
    cases
}

/// Streams that independent encoders made of the small series.
fn streams_of_others() -> Vec<Case> {
    let signed = Format { signed: true, intercept: 0.0, ..USUAL };
    vec![
        legal("small-native", small),
        legal("small-native-signed", move || small().store(signed)),
        legal("jpeg-ls", || streamed(small(), syntax::JPEG_LS, JPEG_LS)),
        legal("jpeg-2000", || streamed(small(), syntax::JPEG_2000, JPEG_2000)),
        legal("jpeg-2000-signed", move || {
            streamed(small().store(signed), syntax::JPEG_2000, JPEG_2000_SIGNED)
        }),
        legal("jpeg-2000-in-fragments", || {
            let all = streams(JPEG_2000);
            small().each(|k, i| {
                let stream = pack::even(all[k].clone());
                let parts = stream.chunks(100).map(<[u8]>::to_vec);
                i.fragments(syntax::JPEG_2000, std::iter::once(vec![]).chain(parts).collect());
            })
        }),
        // The stream's own sign against the header's: decoded as the stream says, or refused.
        case(CLASS, "jpeg-2000-signed-stream-unsigned-header", Verdict::Refuse, || {
            streamed(small(), syntax::JPEG_2000, JPEG_2000_SIGNED)
        }),
        // No value reaches the sign bit: either reading gives the same numbers.
        case(
            CLASS,
            "jpeg-2000-unsigned-stream-signed-header",
            Verdict::WarnOrRefuse(&["signedness-repaired"]),
            move || {
                streamed(small().text(INTERCEPT, "0"), syntax::JPEG_2000, JPEG_2000).each(|_, i| {
                    i.short(0x0028_0103, 1);
                    i.plane.hu.iter_mut().for_each(|hu| *hu += 1024.0);
                })
            },
        ),
        case(CLASS, "jpeg-2000-cut", Verdict::Refuse, || {
            let all = streams(JPEG_2000);
            small().each(|k, i| {
                let keep = if k == 2 { all[k].len() * 2 / 3 } else { all[k].len() };
                i.compressed(syntax::JPEG_2000, all[k][..keep].to_vec());
            })
        }),
        case(CLASS, "jpeg-ls-cut", Verdict::Refuse, || {
            let all = streams(JPEG_LS);
            small().each(|k, i| {
                let keep = if k == 2 { all[k].len() * 2 / 3 } else { all[k].len() };
                i.compressed(syntax::JPEG_LS, all[k][..keep].to_vec());
            })
        }),
        case(CLASS, "jpeg-ls-said-jpeg-2000", Verdict::WarnOrRefuse(&[]), || {
            streamed(small(), syntax::JPEG_2000, JPEG_LS)
        }),
        case(CLASS, "jpeg-2000-of-other-size", Verdict::Refuse, || {
            streamed(small(), syntax::JPEG_2000, JPEG_2000)
                .each(|_, i| done(i.short(0x0028_0010, 24).short(0x0028_0011, 20)))
        }),
        case(CLASS, "jpeg-2000-said-lossy", Verdict::WarnOrRefuse(&[]), || {
            streamed(small(), "1.2.840.10008.1.2.4.91", JPEG_2000)
        }),
        case(CLASS, "jpeg-ls-said-near-lossless", Verdict::WarnOrRefuse(&[]), || {
            streamed(small(), "1.2.840.10008.1.2.4.81", JPEG_LS)
        }),
    ]
}
