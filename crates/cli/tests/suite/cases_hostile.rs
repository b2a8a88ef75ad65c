//! Bytes made to hurt: lengths that lie, nests, bombs, words meant for a terminal or a page.

use crate::case;
use crate::generate::{Body, Layout, Set, head, syntax};
use crate::pack;
use crate::series::{CT, Folder, Image, PIXELS, SPACING, done, plain};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "hostile";

fn refuse(name: &str, make: impl Fn() -> Folder + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Refuse, make)
}

fn honest(name: &str, make: impl Fn() -> Folder + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::WarnOrRefuse(&[]), make)
}

/// Nothing silently wrong if one slice is spoiled like this: a gap that is told, or a refusal.
fn one_bad(name: &str, spoil: fn(&mut Image)) -> Case {
    case(CLASS, name, Verdict::WarnOrRefuse(&["slab-not-measured"]), move || {
        let mut bad = plain().images.remove(9);
        spoil(&mut bad);
        plain().lost(9..10).folder().file("IM0010", bad.bytes())
    })
}

pub fn cases() -> Vec<Case> {
    let mut cases = lengths();
    cases.extend(nests());
    cases.extend(bombs());
    cases.extend(words());
    cases.extend(rubbish());
    cases
}

fn lengths() -> Vec<Case> {
    vec![
        one_bad("length-fffffff0", |i| done(i.set.lie(PIXELS, 0xffff_fff0))),
        one_bad("length-7ffffffe", |i| done(i.set.lie(PIXELS, 0x7fff_fffe))),
        one_bad("length-undefined-of-native-pixels", |i| done(i.set.lie(PIXELS, 0xffff_ffff))),
        one_bad("length-0-of-full-pixels", |i| done(i.set.lie(PIXELS, 0))),
        one_bad("length-of-a-private-element-4-gb", |i| {
            i.raw(0x0009_1001, "OB", b"abcd").set.lie(0x0009_1001, 0xffff_fffe);
        }),
        one_bad("length-of-a-private-element-undefined", |i| {
            i.raw(0x0009_1001, "OB", b"abcd").set.lie(0x0009_1001, 0xffff_ffff);
        }),
        one_bad("length-of-a-sequence-beyond-the-file", |i| {
            i.set.items(0x0008_1140, vec![Set::default()]).lie(0x0008_1140, 0x7000_0000);
        }),
        one_bad("length-of-a-text-65535", |i| done(i.set.lie(SPACING, 0xffff))),
        refuse("all-lengths-fffffff0", || plain().each(|_, i| done(i.set.lie(PIXELS, 0xffff_fff0))).folder()),
        honest("length-of-an-item-beyond-its-sequence", || {
            plain()
                .each(|_, i| {
                    let mut inner = Set::default();
                    inner.raw_item(0xffff_0000);
                    i.set.put(0x0008_1140, "SQ", Body::Bytes(inner.bytes(Layout::Explicit)));
                })
                .folder()
        }),
        refuse("spacing-hidden-behind-a-lying-length", || {
            // The text's length takes the next element in; a lenient reader sees another spacing.
            plain().each(|_, i| done(i.set.lie(0x0028_0011, 20))).folder()
        }),
        honest("unknown-value-representation", || {
            plain().each(|_, i| done(i.set.retype(SPACING, "ZZ"))).folder()
        }),
        honest("value-representation-of-zeros", || {
            plain().each(|_, i| done(i.set.retype(SPACING, "\0\0"))).folder()
        }),
    ]
}

impl Set {
    /// An item mark with a length of its own choosing.
    fn raw_item(&mut self, length: u32) {
        let mut bytes = vec![0xfe, 0xff, 0x00, 0xe0];
        bytes.extend(length.to_le_bytes());
        self.put(0x0008_0001, "OB", Body::Bytes(bytes));
    }
}

/// `depth` sequences in each other, of undefined length, closed or not.
fn nest(depth: usize, layout: Layout, closed: Closed) -> Vec<u8> {
    let open: &[u8] = match layout {
        Layout::Implicit => b"\x08\x00\x40\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff",
        _ => b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff",
    };
    let mut out = open.repeat(depth);
    if closed == Closed::Yes {
        out.extend(b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0".repeat(depth));
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Closed {
    Yes,
    No,
}

/// A slice with raw bytes put before the group 0010.
fn with_bytes(image: &Image, bytes: &[u8]) -> Vec<u8> {
    let mut low = image.clone();
    low.set.0.retain(|e| e.tag < 0x0009_0000);
    let mut high = image.clone();
    high.set.0.retain(|e| e.tag >= 0x0009_0000);
    let mut out = low.bytes();
    out.extend(bytes);
    out.extend(high.set.bytes(image.layout));
    out
}

fn nests() -> Vec<Case> {
    let nested = |name: &str, depth: usize, layout: Layout, closed: Closed| {
        let uid = if layout == Layout::Implicit { syntax::IMPLICIT } else { syntax::EXPLICIT };
        case(CLASS, name, Verdict::WarnOrRefuse(&[]), move || {
            let series = plain().layout(layout, uid);
            let bytes = nest(depth, layout, closed);
            let files = series.images.iter().map(|i| (i.name.clone(), with_bytes(i, &bytes))).collect();
            Folder { files, ..series.folder() }
        })
    };
    vec![
        nested("nested-20-deep", 20, Layout::Explicit, Closed::Yes),
        nested("nested-5000-deep", 5000, Layout::Explicit, Closed::Yes),
        nested("nested-5000-deep-implicit", 5000, Layout::Implicit, Closed::Yes),
        nested("nested-100000-deep-and-open", 100_000, Layout::Explicit, Closed::No),
        refuse("a-million-items", || {
            let items = b"\xfe\xff\x00\xe0\0\0\0\0".repeat(1_000_000);
            let one = plain().images.remove(0);
            let mut image = one.clone();
            image.raw(0x0008_1140, "SQ", &items).drop(0x0028_0030);
            Folder::default().file("IM0001", image.bytes())
        }),
        honest("a-hundred-thousand-elements", || {
            let many: Vec<u8> = (0..100_000_u32)
                .flat_map(|n| {
                    let mut e = vec![0x09, 0x00];
                    e.extend((0x1000 + (n % 0xe000) as u16).to_le_bytes());
                    e.extend(b"CS\0\0");
                    e
                })
                .collect();
            let series = plain().lost(3..20);
            let files = series.images.iter().map(|i| (i.name.clone(), with_bytes(i, &many))).collect();
            Folder { files, ..series.folder() }
        }),
    ]
}

fn bombs() -> Vec<Case> {
    vec![
        refuse("deflate-bomb-512-mb", || {
            let image = plain().images.remove(0);
            let mut bytes = head(crate::generate::Head::Whole, syntax::DEFLATED, [CT, "1.2.3"]);
            bytes.extend(pack::bomb(&image.set.bytes(Layout::Explicit), 512 << 20));
            Folder::default().file("IM0001", bytes)
        }),
        one_bad("deflate-bomb-among-slices", |i| {
            i.set.lie(PIXELS, 0x2000_0000);
            i.syntax = syntax::DEFLATED.to_owned();
        }),
        refuse("deflated-rubbish", || {
            let mut bytes = head(crate::generate::Head::Whole, syntax::DEFLATED, [CT, "1.2.3"]);
            bytes.extend([0x55; 5000]);
            Folder::default().file("IM0001", bytes)
        }),
        refuse("deflated-and-cut", || {
            plain().layout(Layout::Explicit, syntax::DEFLATED).folder().spoil_all(|b| b.truncate(b.len() / 2))
        }),
        honest("run-lengths-of-65535-squared", || {
            let mut image = plain().images.remove(9);
            image.short(0x0028_0010, 65_535).short(0x0028_0011, 65_535);
            let stream = pack::rle_of(&[[0x81, 0].repeat(1000), [0x81, 0].repeat(1000)]);
            image.compressed(syntax::RLE, stream);
            let folder = plain().lost(9..10).folder().file("IM0010", image.bytes());
            Folder { truth: vec![], beside: vec![], ..folder }
        }),
        refuse("ten-thousand-slices-of-65535-squared", || {
            let mut series = plain();
            let image = series.images.remove(0);
            series.images = (0..200)
                .map(|k| {
                    let mut image = image.clone();
                    image.name = format!("IM{k:05}");
                    image.text(0x0008_0018, &format!("1.2.3.{k}")).text(0x0020_0032, &format!("0\\0\\{k}"));
                    image.short(0x0028_0010, 65_535).short(0x0028_0011, 65_535);
                    image.compressed(syntax::RLE, pack::rle_of(&[vec![0x81, 0], vec![0x81, 0]]));
                    image
                })
                .collect();
            Folder { truth: vec![], ..series.folder() }
        }),
        refuse("slices-an-astronomical-unit-apart", || {
            plain().each(|k, i| done(i.text(0x0020_0032, &format!("0\\0\\{}e14", k + 1)))).folder()
        }),
        case(
            CLASS,
            "slices-a-kilometre-apart",
            Verdict::WarnOrRefuse(&["slab-not-measured", "parts-apart"]),
            || {
                plain()
                    .each(|k, i| {
                        if k > 9 {
                            i.plane.origin[2] += 1e6;
                            let text = crate::generate::list(&i.plane.origin);
                            i.text(0x0020_0032, &text);
                        }
                    })
                    .unmarked()
                    .folder()
            },
        ),
        refuse("slices-a-micrometre-apart-and-a-metre-apart", || {
            plain()
                .each(|k, i| {
                    done(
                        i.text(
                            0x0020_0032,
                            &format!("0\\0\\{}", if k < 19 { k as f64 * 0.002 } else { 1e4 }),
                        ),
                    )
                })
                .folder()
        }),
    ]
}

const ESCAPES: &str = "\x1b[2J\x1b]0;owned\x07\x1b[31mOK";
const LINES: &str = "x\nosteon: all is well\n";
const PAGE: &str = "<script>alert(1)</script>";

fn words() -> Vec<Case> {
    let said = |name: &str, tag: u32, text: &'static str| {
        case(CLASS, name, Verdict::WarnOrRefuse(&[]), move || {
            let folder = plain().text(tag, text).folder();
            Folder { hostile: vec![ESCAPES.into(), LINES.into()], ..folder }
        })
    };
    let refused = |name: &str, tag: u32, text: &'static str| {
        refuse(name, move || {
            let folder = plain().text(tag, text).folder();
            Folder { hostile: vec![ESCAPES.into(), LINES.into(), "\u{202e}".into()], ..folder }
        })
    };
    vec![
        said("escapes-in-the-description", 0x0008_103e, ESCAPES),
        said("escapes-in-the-kernel", 0x0018_1210, ESCAPES),
        said("escapes-in-the-body-part", 0x0018_0015, ESCAPES),
        said("escapes-in-the-patient-name", 0x0010_0010, ESCAPES),
        said("escapes-in-the-series-uid", 0x0020_000e, ESCAPES),
        said("lines-in-the-kernel", 0x0018_1210, LINES),
        said("a-script-in-the-kernel", 0x0018_1210, PAGE),
        said("a-path-in-the-series-uid", 0x0020_000e, "../../../../tmp/x"),
        said("a-long-series-uid", 0x0020_000e, LONG),
        refused("escapes-in-the-spacing", SPACING, ESCAPES),
        refused("lines-in-the-spacing", SPACING, LINES),
        refused("a-turned-text-in-the-spacing", SPACING, "\u{202e}7.0\\8.0"),
        refused("escapes-in-the-photometric", 0x0028_0004, ESCAPES),
        refused("escapes-in-the-modality", 0x0008_0060, ESCAPES),
        refuse("escapes-in-the-transfer-syntax", || {
            let folder = plain().each(|_, i| i.syntax = ESCAPES.to_owned()).folder();
            Folder { hostile: vec![ESCAPES.into()], ..folder }
        }),
        honest("escapes-in-file-names", || {
            let folder = plain().each(|k, i| i.name = format!("\x1b[31m{k}\nok\u{202e}")).folder();
            Folder { hostile: vec!["\nok".into()], ..folder }
        }),
        refuse("escapes-in-the-name-of-a-bad-file", || {
            let series = plain().text(SPACING, "bad").each(|k, i| i.name = format!("\x1b[31m{k}\nok"));
            Folder { hostile: vec!["\nok".into()], ..series.folder() }
        }),
        honest("escapes-in-the-names-of-skipped-files", || {
            Folder { hostile: vec!["\nok".into()], ..plain().folder() }.file("\x1b[31m\nok", b"text".to_vec())
        }),
    ]
}

const LONG: &str = "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30.31.32.33.34.35.36.37.38.39.40";

/// The same small generator every time.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

fn rubbish() -> Vec<Case> {
    let mut cases = Vec::new();
    for seed in 0..12_u64 {
        // A few bytes of the header of one slice are changed; what comes out may lack that slice or be whole.
        cases.push(case(
            CLASS,
            &format!("header-bytes-flipped-{seed}"),
            Verdict::WarnOrRefuse(&[]),
            move || {
                let mut state = seed + 1;
                let folder = plain().folder().spoil("IM0010", |bytes| {
                    let at = 132 + next(&mut state) % 900;
                    bytes[at] ^= 1 << (next(&mut state) % 8);
                });
                // A bit of no importance leaves the volume whole; otherwise the slice may be left out, and marked.
                folder.or(vec![plain().lost(9..10).truth()])
            },
        ));
        cases.push(case(CLASS, &format!("rubbish-{seed}"), Verdict::Refuse, move || {
            let mut state = seed + 77;
            let mut bytes = plain().images.remove(0).bytes();
            for _ in 0..40 {
                let at = 140 + next(&mut state) % 1000;
                bytes[at] = next(&mut state) as u8;
            }
            Folder::default().file("IM0001", bytes)
        }));
    }
    cases
}
