//! Stored values and units: bits, signs, rescale, look-up tables, pixels that are too few or too many.

use crate::case;
use crate::generate::{Body, Set, ds, syntax};
use crate::pack;
use crate::series::{CAPTURE, Format, INTERCEPT, PIXELS, SLOPE, Series, USUAL, done, mr, plain};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "pixels";

fn legal(name: &str, make: impl Fn() -> Series + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Legal(&[]), make)
}

fn refuse(name: &str, make: impl Fn() -> Series + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Refuse, make)
}

fn honest(name: &str, make: impl Fn() -> Series + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::WarnOrRefuse(&[]), make)
}

pub fn cases() -> Vec<Case> {
    let mut cases = bits();
    cases.extend(wide());
    cases.extend(rescale());
    cases.extend(kinds());
    cases.extend(lengths());
    cases.extend(streams());
    cases
}

fn bits() -> Vec<Case> {
    let format = |name: &str, format: Format| legal(name, move || plain().store(format));
    let signed = Format { signed: true, intercept: 0.0, ..USUAL };
    vec![
        format("sixteen-bit-signed", Format { stored: 16, high: 15, ..signed }),
        format("sixteen-bit-unsigned", Format { stored: 16, high: 15, intercept: -8192.0, ..USUAL }),
        format("twelve-bit-signed", signed),
        // The four bits above the twelve do not repeat the sign.
        legal("twelve-bit-signed-without-extension", move || {
            plain().store(signed).each(|_, i| {
                let Some(Body::Words(words)) = i.set.get(PIXELS).map(|e| e.body.clone()) else { return };
                i.set.put(PIXELS, "OW", Body::Words(words.iter().map(|w| w & 0xfff).collect()));
            })
        }),
        format("high-bit-15", Format { high: 15, ..USUAL }),
        format("high-bit-13-signed", Format { high: 13, ..signed }),
        legal("overlays-above-the-stored-bits", || overlaid(Format { dirt: 0xa000, ..USUAL })),
        legal("overlays-below-the-stored-bits", || overlaid(Format { high: 15, dirt: 0x000b, ..USUAL })),
        // Bits that no overlay explains: the depth may be the one that is wrong.
        refuse("dirt-above-the-stored-bits", || plain().store(Format { dirt: 0xa000, ..USUAL })),
        refuse("dirt-below-the-stored-bits", || plain().store(Format { high: 15, dirt: 0x000b, ..USUAL })),
        refuse("dirt-above-the-stored-bits-of-run-lengths", || {
            plain().one(7, |i| {
                let dirty: Vec<u16> = i.words().iter().map(|word| word | 0x8000).collect();
                done(i.compressed(syntax::RLE, pack::rle(&dirty, 2, 128)));
            })
        }),
        refuse("stored-8-of-12", || plain().each(|_, i| done(i.short(0x0028_0101, 8).short(0x0028_0102, 7)))),
        refuse("mr-stored-8-of-12", || mr().each(|_, i| done(i.short(0x0028_0101, 8).short(0x0028_0102, 7)))),
        refuse("high-bit-15-of-right-aligned", || plain().each(|_, i| done(i.short(0x0028_0102, 15)))),
        legal("overlay-in-the-high-bits", || {
            plain().store(Format { dirt: 0x1000, ..USUAL }).each(|_, i| {
                i.short(0x6000_0010, 80).short(0x6000_0011, 64).text(0x6000_0040, "G");
                i.short(0x6000_0100, 16).short(0x6000_0102, 12);
            })
        }),
        format("ten-bit", Format { stored: 10, high: 9, slope: 4.0, ..USUAL }),
        format("thirteen-bit", Format { stored: 13, high: 12, ..USUAL }),
        legal("eight-bit-signed", || {
            plain().store(Format {
                allocated: 8,
                stored: 8,
                high: 7,
                slope: 16.0,
                intercept: 512.0,
                ..signed_base()
            })
        }),
        honest("sixteen-bit-as-ob", || plain().each(|_, i| done(i.set.retype(PIXELS, "OB")))),
        honest("sixteen-bit-as-un", || plain().each(|_, i| done(i.set.retype(PIXELS, "UN")))),
        refuse("stored-17-of-16", || plain().each(|_, i| done(i.short(0x0028_0101, 17)))),
        refuse("stored-0", || plain().each(|_, i| done(i.short(0x0028_0101, 0)))),
        refuse("high-bit-3-of-12", || plain().each(|_, i| done(i.short(0x0028_0102, 3)))),
        refuse("high-bit-16", || plain().each(|_, i| done(i.short(0x0028_0102, 16)))),
        refuse("allocated-24", || plain().each(|_, i| done(i.short(0x0028_0100, 24)))),
        refuse("allocated-0", || plain().each(|_, i| done(i.short(0x0028_0100, 0)))),
        refuse("allocated-1", || {
            plain().each(|_, i| done(i.short(0x0028_0100, 1).short(0x0028_0101, 1).short(0x0028_0102, 0)))
        }),
        refuse("allocated-missing", || plain().without(0x0028_0100)),
        refuse("stored-missing", || plain().without(0x0028_0101)),
        refuse("sign-missing", || plain().without(0x0028_0103)),
        refuse("sign-2", || plain().each(|_, i| done(i.short(0x0028_0103, 2)))),
        honest("high-bit-missing", || plain().without(0x0028_0102)),
        // Legal when every slice says its own; the twelve unsigned bits fit both.
        honest("sign-differs-between-slices", || {
            plain().each(|k, i| done(i.store(&if k % 2 == 0 { USUAL } else { signed_base() })))
        }),
    ]
}

/// With the bits beside the value said to be those of overlays.
fn overlaid(format: Format) -> Series {
    plain().store(format).each(|_, i| {
        for (n, bit) in (0..16).filter(|bit| format.dirt >> bit & 1 == 1).enumerate() {
            let group = 0x6000_0000 + 0x2_0000 * n as u32;
            i.short(group + 0x10, 80).short(group + 0x11, 64).text(group + 0x40, "G");
            i.short(group + 0x100, 16).short(group + 0x102, bit);
        }
    })
}

fn signed_base() -> Format {
    Format { signed: true, intercept: 0.0, ..USUAL }
}

fn wide() -> Vec<Case> {
    let floats = |tag: u32| {
        move || {
            plain().each(|_, i| {
                let hu = i.plane.hu.clone();
                i.drop(PIXELS).drop(0x0028_0101).drop(0x0028_0102).drop(0x0028_0103);
                i.text(INTERCEPT, "0");
                if tag == 0x7fe0_0008 {
                    let longs = hu.iter().map(|&h| (h as f32).to_bits()).collect();
                    i.short(0x0028_0100, 32).set.put(tag, "OF", Body::Longs(longs));
                } else {
                    let bytes = hu.iter().flat_map(|h| h.to_le_bytes()).collect();
                    i.short(0x0028_0100, 64).set.put(tag, "OD", Body::Bytes(bytes));
                }
            })
        }
    };
    let spoiled = |bits: u32| {
        move || {
            floats(0x7fe0_0008)().one(6, |i| {
                let Some(Body::Longs(mut longs)) = i.set.get(0x7fe0_0008).map(|e| e.body.clone()) else {
                    return;
                };
                longs[1234] = bits;
                i.set.put(0x7fe0_0008, "OF", Body::Longs(longs));
            })
        }
    };
    let wide = Format { allocated: 32, stored: 32, high: 31, ..USUAL };
    vec![
        legal("float-pixels", floats(0x7fe0_0008)),
        legal("double-pixels", floats(0x7fe0_0009)),
        refuse("float-pixels-with-nan", spoiled(0x7fc0_0000)),
        refuse("float-pixels-with-infinity", spoiled(0x7f80_0000)),
        refuse("float-and-integer-pixels", || {
            plain().each(|_, i| {
                let longs = i.plane.hu.iter().map(|&h| (h as f32).to_bits()).collect();
                i.set.put(0x7fe0_0008, "OF", Body::Longs(longs));
            })
        }),
        legal("thirty-two-bit-unsigned", move || plain().store(wide)),
        legal("thirty-two-bit-signed", move || {
            plain().store(Format { signed: true, intercept: 0.0, ..wide })
        }),
        legal("twenty-bit-of-thirty-two", move || plain().store(Format { stored: 20, high: 19, ..wide })),
        // 2 000 000 000 HU cannot be meant.
        case(CLASS, "thirty-two-bit-huge", Verdict::WarnOrRefuse(IMPLAUSIBLE), move || {
            let far = plain().unmarked().store(wide).text(INTERCEPT, "2000000000").tolerance(200.0);
            far.each(|_, i| i.plane.hu.iter_mut().for_each(|hu| *hu += 2_000_001_024.0))
        }),
    ]
}

fn rescale() -> Vec<Case> {
    let slope = |name: &str, slope: f64, intercept: f64| {
        legal(name, move || plain().store(Format { slope, intercept, ..USUAL }))
    };
    let tall = Format { stored: 16, high: 15, ..USUAL };
    vec![
        slope("slope-2", 2.0, -1000.0),
        legal("slope-of-a-quarter", move || plain().store(Format { slope: 0.25, ..tall })),
        legal("slope-of-a-tenth", move || plain().store(Format { slope: 0.1, ..tall }).tolerance(1e-3)),
        legal("intercept-with-a-fraction", || plain().store(Format { intercept: -1024.5, ..USUAL })),
        legal("negative-slope", || {
            let signed = Format { signed: true, stored: 16, high: 15, ..USUAL };
            plain().store(Format { slope: -1.0, intercept: 0.0, ..signed })
        }),
        legal("rescale-per-slice", || {
            plain().each(|k, i| {
                let slope = [1.0, 2.0, 0.5][k % 3];
                i.store(&Format { stored: 14, high: 13, slope, intercept: -1000.0 - k as f64, ..USUAL });
            })
        }),
        refuse("slope-0", || plain().text(SLOPE, "0")),
        refuse("slope-0-in-one-slice", || plain().one(9, |i| done(i.text(SLOPE, "0.0")))),
        refuse("slope-nan", || plain().text(SLOPE, "NaN")),
        refuse("slope-1e400", || plain().text(SLOPE, "1e400")),
        refuse("slope-comma", || plain().text(SLOPE, "1,0")),
        refuse("slope-of-two-values", || plain().text(SLOPE, "1\\1")),
        refuse("slope-empty", || plain().text(SLOPE, "")),
        refuse("slope-missing", || plain().without(SLOPE)),
        refuse("slope-huge", || plain().text(SLOPE, "1e300")),
        refuse("slope-tiny", || plain().text(SLOPE, "1e-320")),
        refuse("slope-tiny-of-mr", || mr().text(SLOPE, "1E-7").text(INTERCEPT, "0")),
        refuse("intercept-huge", || plain().text(INTERCEPT, "-2000000")),
        case(
            CLASS,
            "slope-ten-times-that-of-the-others",
            Verdict::Warn(&["rescale-varies", "slice-differs"]),
            || {
                plain().unmarked().one(5, |i| {
                    i.text(SLOPE, "10")
                        .plane
                        .hu
                        .iter_mut()
                        .for_each(|hu| *hu = (*hu + 1024.0) * 10.0 - 1024.0);
                })
            },
        ),
        refuse("intercept-missing", || plain().without(INTERCEPT)),
        refuse("intercept-infinite", || plain().text(INTERCEPT, "inf")),
        refuse("intercept-text", || plain().text(INTERCEPT, "minus 1024")),
        refuse("ct-without-rescale", || plain().without(SLOPE).without(INTERCEPT)),
        refuse("ct-without-rescale-in-one-slice", || plain().one(3, |i| done(i.drop(SLOPE).drop(INTERCEPT)))),
        case(CLASS, "rescale-to-optical-density", Verdict::WarnOrRefuse(UNIT), || {
            plain().text(0x0028_1054, "OD").unit(None)
        }),
        case(CLASS, "rescale-to-unspecified", Verdict::WarnOrRefuse(UNIT), || {
            plain().text(0x0028_1054, "US").unit(None)
        }),
        legal("rescale-type-in-small-letters", || plain().text(0x0028_1054, "hu ")),
        honest("rescale-type-hu-mod", || plain().text(0x0028_1054, "HU_MOD").unit(None)),
        legal("mr-without-rescale", mr),
        legal("mr-with-rescale", || mr().each(|_, i| done(i.text(SLOPE, "1").text(INTERCEPT, "0")))),
        honest("mr-rescale-in-some-slices", || {
            mr().each(|k, i| {
                if k % 2 == 0 {
                    i.text(SLOPE, "1").text(INTERCEPT, "0");
                }
            })
        }),
        legal("modality-lut-of-mr", || with_lut(&mr(), "US", 1700)),
        honest("modality-lut-of-ct", || with_lut(&plain(), "HU", 1700)),
        case(CLASS, "modality-lut-unspecified", Verdict::WarnOrRefuse(UNIT), || {
            with_lut(&plain(), "US", 1700).unit(None)
        }),
        refuse("modality-lut-beside-rescale", || {
            with_lut(&plain(), "HU", 1700).each(|_, i| done(i.text(SLOPE, "2").text(INTERCEPT, "-1")))
        }),
        refuse("modality-lut-short-of-what-it-says", || {
            with_lut(&plain(), "HU", 1700).each(|_, i| {
                let Some(Body::Items(mut items)) = i.set.get(0x0028_3000).map(|e| e.body.clone()) else {
                    return;
                };
                items[0].put(0x0028_3002, "US", Body::Words(vec![65_535, 0, 16]));
                i.set.items(0x0028_3000, items);
            })
        }),
        refuse("modality-lut-empty", || {
            plain().without(SLOPE).without(INTERCEPT).each(|_, i| done(i.set.items(0x0028_3000, vec![])))
        }),
    ]
}

const IMPLAUSIBLE: &[&str] =
    &["rescale-doubtful", "no-air", "no-soft-tissue", "saturated", "values-implausible"];
const UNIT: &[&str] =
    &["rescale-doubtful", "unit-unknown", "rescale-type", "unit-doubtful", "not-hounsfield"];

/// A table of `count` entries that doubles stored values. Tables cannot say HU below zero, so air is positive.
fn with_lut(series: &Series, kind: &str, count: u16) -> Series {
    series.clone().unmarked().each(|_, i| {
        let mr = i.plane.hu.iter().all(|&hu| hu >= 0.0);
        let intercept = if mr { 0.0 } else { -1100.0 };
        i.store(&Format { slope: 2.0, intercept, ..USUAL }).drop(SLOPE).drop(INTERCEPT).drop(0x0028_1054);
        let mut item = Set::default();
        item.put(0x0028_3002, "US", Body::Words(vec![count, 0, 16]));
        item.text(0x0028_3004, "LO", kind);
        item.put(0x0028_3006, "OW", Body::Words((0..count).map(|n| 2 * n).collect()));
        i.set.items(0x0028_3000, vec![item]);
        i.plane.hu.iter_mut().for_each(|hu| *hu -= intercept);
    })
}

fn kinds() -> Vec<Case> {
    vec![
        case(CLASS, "class-of-another-modality", Verdict::WarnOrRefuse(&["modality-differs"]), || {
            plain().text(0x0008_0016, "1.2.840.10008.5.1.4.1.1.4")
        }),
        legal("monochrome-1", || plain().text(0x0028_0004, "MONOCHROME1")),
        refuse("rgb", || {
            plain().each(|_, i| {
                i.text(0x0028_0004, "RGB").short(0x0028_0002, 3).short(0x0028_0006, 0);
                i.short(0x0028_0100, 8).short(0x0028_0101, 8).short(0x0028_0102, 7);
                i.raw(PIXELS, "OB", &[50; 64 * 80 * 3]);
            })
        }),
        refuse("palette", || {
            plain().each(|_, i| {
                i.text(0x0028_0004, "PALETTE COLOR");
                for tag in [0x0028_1101, 0x0028_1102, 0x0028_1103] {
                    i.set.put(tag, "US", Body::Words(vec![4, 0, 16]));
                    i.set.put(tag + 0x100, "OW", Body::Words(vec![0, 1, 2, 3]));
                }
            })
        }),
        refuse("samples-3-of-grey", || plain().each(|_, i| done(i.short(0x0028_0002, 3)))),
        refuse("samples-0", || plain().each(|_, i| done(i.short(0x0028_0002, 0)))),
        honest("samples-missing", || plain().without(0x0028_0002)),
        refuse("photometric-missing", || plain().without(0x0028_0004)),
        refuse("photometric-unknown", || plain().text(0x0028_0004, "MONOCHROME3")),
        refuse("photometric-differs-in-one-slice", || {
            plain().one(5, |i| done(i.text(0x0028_0004, "YBR_FULL")))
        }),
        honest("capture-class-with-geometry", || plain().text(0x0008_0016, CAPTURE)),
        honest("monochrome-1-in-one-slice", || plain().one(8, |i| done(i.text(0x0028_0004, "MONOCHROME1")))),
    ]
}

fn lengths() -> Vec<Case> {
    let cut = |name: &str, to: usize| {
        refuse(name, move || {
            plain().one(10, |i| {
                let words = i.words();
                i.set.put(PIXELS, "OW", Body::Words(words[..to].to_vec()));
            })
        })
    };
    let mut cases = vec![
        cut("pixels-empty", 0),
        cut("pixels-one-word", 1),
        cut("pixels-half", 64 * 40),
        cut("pixels-one-row-short", 64 * 79),
        cut("pixels-one-word-short", 64 * 80 - 1),
        refuse("pixels-missing", || plain().without(PIXELS)),
        case(CLASS, "pixels-missing-in-one-slice", Verdict::WarnOrRefuse(&["slab-not-measured"]), || {
            plain().stray(12, |i| done(i.drop(PIXELS)))
        }),
        honest("pixels-one-word-long", || {
            plain().one(10, |i| {
                let mut words = i.words();
                words.push(0);
                i.set.put(PIXELS, "OW", Body::Words(words));
            })
        }),
        refuse("pixels-twice-as-long", || {
            plain().each(|_, i| {
                let words = i.words();
                i.set.put(PIXELS, "OW", Body::Words([words.clone(), words].concat()));
            })
        }),
        refuse("pixels-one-row-long", || plain().each(|_, i| done(i.short(0x0028_0010, 79)))),
        refuse("rows-0", || plain().each(|_, i| done(i.short(0x0028_0010, 0)))),
        refuse("columns-0", || plain().each(|_, i| done(i.short(0x0028_0011, 0)))),
        refuse("rows-missing", || plain().without(0x0028_0010)),
        // 65535 × 64 pixels are not many, but far more than there are.
        refuse("rows-65535", || plain().each(|_, i| done(i.short(0x0028_0010, 65_535)))),
        refuse("rows-and-columns-65535", || {
            plain().each(|_, i| done(i.short(0x0028_0010, 65_535).short(0x0028_0011, 65_535)))
        }),
        refuse("rows-of-two-values", || {
            plain().each(|_, i| done(i.set.put(0x0028_0010, "US", Body::Words(vec![80, 64]))))
        }),
        refuse("rows-as-text", || plain().each(|_, i| done(i.set.text(0x0028_0010, "IS", "eighty")))),
        legal("odd-sizes", || crate::series::ct(&crate::scene::Shape::axial().sized(63, 79))),
        legal("odd-number-of-bytes", || {
            let shape = crate::scene::Shape::axial().sized(63, 79);
            crate::series::ct(&shape).store(Format { allocated: 8, stored: 8, high: 7, slope: 16.0, ..USUAL })
        }),
    ];
    // Said to be twelve bits in sixteen, written in eight.
    cases.push(refuse("eight-bit-pixels-said-sixteen", || {
        plain().each(|_, i| {
            let low: Vec<u8> = i.words().iter().map(|w| (w >> 4) as u8).collect();
            i.raw(PIXELS, "OB", &low);
        })
    }));
    cases
}

fn streams() -> Vec<Case> {
    let rle = |name: &str, spoil: fn(&mut Vec<u8>)| {
        refuse(name, move || {
            plain().one(11, |_| {}).each(|k, i| {
                let mut stream = pack::rle(&i.words(), 2, 128);
                if k == 11 {
                    spoil(&mut stream);
                }
                i.compressed(syntax::RLE, stream);
            })
        })
    };
    let jpeg = |name: &str, spoil: fn(&mut Vec<u8>)| {
        refuse(name, move || {
            plain().each(|k, i| {
                let mut stream = pack::jpeg_lossless(&i.words(), 64, 12, 1);
                if k == 11 {
                    spoil(&mut stream);
                }
                i.compressed(syntax::JPEG_LOSSLESS_FIRST, stream);
            })
        })
    };
    let lie = |name: &str, uid: &'static str, stream: &'static [u8]| {
        refuse(name, move || plain().one(2, |i| done(i.compressed(uid, stream.to_vec()))))
    };
    vec![
        rle("rle-three-segments", |s| s[0] = 3),
        rle("rle-no-segments", |s| s[0] = 0),
        rle("rle-4-billion-segments", |s| s[..4].fill(0xff)),
        rle("rle-offset-outside", |s| s[8..12].copy_from_slice(&0x00ff_ffff_u32.to_le_bytes())),
        rle("rle-offsets-backwards", |s| s[4..8].copy_from_slice(&0xffff_u32.to_le_bytes())),
        rle("rle-cut", |s| s.truncate(s.len() / 2)),
        rle("rle-cut-at-the-end", |s| s.truncate(s.len() - 40)),
        rle("rle-head-only", |s| s.truncate(64)),
        rle("rle-empty", Vec::clear),
        rle("rle-too-long", |s| s.extend([0x81, 7].repeat(400))),
        jpeg("jpeg-cut", |s| s.truncate(s.len() / 2)),
        jpeg("jpeg-cut-near-the-end", |s| s.truncate(s.len() - 200)),
        jpeg("jpeg-head-only", |s| s.truncate(60)),
        jpeg("jpeg-empty", Vec::clear),
        jpeg("jpeg-65535-squared", |s| s[7..11].fill(0xff)),
        jpeg("jpeg-smaller-than-said", |s| s[7..9].copy_from_slice(&40_u16.to_be_bytes())),
        jpeg("jpeg-larger-than-said", |s| s[7..9].copy_from_slice(&160_u16.to_be_bytes())),
        jpeg("jpeg-exchanged-sides", |s| s[7..11].copy_from_slice(&[0, 64, 0, 80])),
        jpeg("jpeg-16-bit-of-12-stored", |s| s[6] = 16),
        jpeg("jpeg-table-overflows", |s| s[21..37].fill(0xff)),
        jpeg("jpeg-no-table", |s| drop(s.drain(16..54))),
        jpeg("jpeg-rubbish", |s| s.iter_mut().skip(70).for_each(|b| *b = b.wrapping_mul(7) ^ 0x55)),
        lie("jpeg-2000-65535-squared", syntax::JPEG_2000, J2K_BOMB),
        lie("jpeg-2000-rubbish", syntax::JPEG_2000, b"\xff\x4f\xff\x51 this is no code stream"),
        lie("jpeg-ls-65535-squared", syntax::JPEG_LS, JLS_BOMB),
        lie("jpeg-ls-rubbish", syntax::JPEG_LS, b"\xff\xd8\xff\xf7 this is no stream at all"),
        lie("baseline-bomb", syntax::JPEG_BASELINE, BASELINE_BOMB),
        lie("baseline-rubbish", syntax::JPEG_BASELINE, b"\xff\xd8\xff\xe0 no"),
        lie("jpeg-xl", syntax::JPEG_XL, b"\xff\x0a rest"),
        lie("htj2k", syntax::HTJ2K, J2K_BOMB),
        lie("mpeg", syntax::MPEG2, b"\0\0\x01\xb3 rest"),
        lie("syntax-unknown", "1.2.3.4.5.6.7", b"what may this be"),
        refuse("native-pixels-said-rle", || plain().each(|_, i| i.syntax = syntax::RLE.to_owned())),
        refuse("native-pixels-said-jpeg", || {
            plain().each(|_, i| i.syntax = syntax::JPEG_LOSSLESS_FIRST.to_owned())
        }),
        honest("rle-said-native", || {
            plain().each(|_, i| {
                i.compressed(syntax::EXPLICIT, pack::rle(&i.words(), 2, 128));
            })
        }),
        honest("rle-said-jpeg", || {
            plain().each(|_, i| {
                i.compressed(syntax::JPEG_LOSSLESS, pack::rle(&i.words(), 2, 128));
            })
        }),
        honest("jpeg-said-rle", || {
            plain().each(|_, i| {
                i.compressed(syntax::RLE, pack::jpeg_lossless(&i.words(), 64, 12, 1));
            })
        }),
        // A lossless process under the UID of the lossy one: decodable, and not what the file says.
        honest("jpeg-lossless-said-baseline", || {
            plain().each(|_, i| {
                i.compressed(syntax::JPEG_BASELINE, pack::jpeg_lossless(&i.words(), 64, 12, 1));
            })
        }),
        refuse("rle-two-frames-in-one-image", || {
            plain().each(|_, i| {
                let stream = pack::even(pack::rle(&i.words(), 2, 128));
                i.fragments(syntax::RLE, vec![vec![], stream.clone(), stream]);
            })
        }),
        refuse("fragments-without-end", || {
            plain().each(|k, i| {
                i.compressed(syntax::RLE, pack::rle(&i.words(), 2, 128));
                if k == 3 {
                    i.tail = vec![0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0x7f];
                    i.set.put(PIXELS, "OB", Body::Bytes(vec![0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]));
                    i.set.lie(PIXELS, 0xffff_ffff);
                }
            })
        }),
        case(CLASS, "slope-makes-values-of-1e12", Verdict::WarnOrRefuse(IMPLAUSIBLE), || {
            let far = plain().unmarked().text(SLOPE, &ds(1e9)).text(INTERCEPT, "0").tolerance(2e5);
            far.each(|_, i| i.plane.hu.iter_mut().for_each(|hu| *hu = (*hu + 1024.0) * 1e9))
        }),
    ]
}

/// SOC and SIZ of 65535 × 65535 in one tile, one component of 16 bits.
const J2K_BOMB: &[u8] = b"\xff\x4f\xff\x51\x00\x29\x00\x00\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\
\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x0f\x01\x01\xff\x52\x00\x0c\x00\x00\x00\x01\x00\x05\
\x04\x04\x00\x01\xff\x5c\x00\x04\x40\x40\xff\x90\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x01\xff\x93\x00\x00\xff\xd9";
/// SOF55 of 65535 × 65535, 16 bits.
const JLS_BOMB: &[u8] =
    b"\xff\xd8\xff\xf7\x00\x0b\x10\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00\x00\x00\x00\xff\xd9";
/// SOF0 of 65535 × 65535, 8 bits.
const BASELINE_BOMB: &[u8] =
    b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\x00\x00\xff\xd9";
