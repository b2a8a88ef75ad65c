//! Small DICOM files: a stack of three slices in every transfer syntax, and enhanced multi-frame images.

use super::{SAMPLES, SIZE, lossless_jpeg, lossless_jpeg_ls, stream};
use std::io::Write as _;

/// How elements are written.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Implicit,
    Explicit,
    Big,
}

/// Elements, one after the other.
#[derive(Clone)]
struct Set(Layout, Vec<u8>);

impl Set {
    fn short(&mut self, n: u16) {
        self.1.extend(if self.0 == Layout::Big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn long(&mut self, n: u32) {
        self.1.extend(if self.0 == Layout::Big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    /// Tag, representation and length.
    fn head(mut self, (group, element): (u16, u16), vr: &str, length: u32) -> Self {
        self.short(group);
        self.short(element);
        if self.0 == Layout::Implicit || group == 0xfffe {
            self.long(length);
        } else if ["OB", "OW", "SQ"].contains(&vr) {
            self.1.extend(vr.as_bytes());
            self.short(0);
            self.long(length);
        } else {
            self.1.extend(vr.as_bytes());
            self.short(length as u16);
        }
        self
    }

    fn bytes(self, tag: (u16, u16), vr: &str, bytes: &[u8]) -> Self {
        let mut set = self.head(tag, vr, bytes.len() as u32);
        set.1.extend(bytes);
        set
    }

    fn text(self, tag: (u16, u16), vr: &str, text: &str) -> Self {
        let even = if text.len() % 2 == 1 { format!("{text} ") } else { text.to_owned() };
        self.bytes(tag, vr, even.as_bytes())
    }

    fn number(self, tag: (u16, u16), n: u16) -> Self {
        let mut set = self.head(tag, "US", 2);
        set.short(n);
        set
    }

    fn sequence(self, tag: (u16, u16), items: &[Self]) -> Self {
        let mut inside = Self(self.0, Vec::new());
        for item in items {
            inside = inside.bytes((0xfffe, 0xe000), "", &item.1);
        }
        self.bytes(tag, "SQ", &inside.1)
    }
}

/// A way to keep pixels.
struct Syntax {
    uid: &'static str,
    layout: Layout,
    size: [usize; 2],
    bits: u16,
    /// One frame as a compressed stream, or nothing for pixels as they are.
    stream: Option<Vec<u8>>,
}

const IMPLICIT: &str = "1.2.840.10008.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const BIG: &str = "1.2.840.10008.1.2.2";

fn syntaxes() -> Vec<Syntax> {
    let native = |uid, layout| Syntax { uid, layout, size: SIZE, bits: 12, stream: None };
    let packed =
        |uid, size, bits, stream| Syntax { uid, layout: Layout::Explicit, size, bits, stream: Some(stream) };
    vec![
        native(IMPLICIT, Layout::Implicit),
        native(EXPLICIT, Layout::Explicit),
        native(DEFLATED, Layout::Explicit),
        native(BIG, Layout::Big),
        packed("1.2.840.10008.1.2.5", SIZE, 12, run_lengths()),
        packed("1.2.840.10008.1.2.4.80", SIZE, 12, lossless_jpeg_ls(12)),
        packed("1.2.840.10008.1.2.4.70", SIZE, 12, lossless_jpeg()),
        packed("1.2.840.10008.1.2.4.50", [19, 11], 8, stream("jpeg/baseline-fine.jpg")),
        packed("1.2.840.10008.1.2.4.90", [13, 11], 12, stream("jpeg2000/12-bits.j2k")),
    ]
}

/// The samples as run lengths: both bytes of each in a segment of literal runs.
fn run_lengths() -> Vec<u8> {
    let mut stream = [2_u32, 64, 78].map(u32::to_le_bytes).concat();
    stream.resize(64, 0);
    for shift in [8, 0] {
        stream.push(SAMPLES.len() as u8 - 1);
        stream.extend(SAMPLES.map(|sample| (sample >> shift) as u8));
        stream.push(0x80);
    }
    stream
}

fn native_pixels(layout: Layout) -> Vec<u8> {
    let bytes = |sample: u16| if layout == Layout::Big { sample.to_be_bytes() } else { sample.to_le_bytes() };
    SAMPLES.into_iter().flat_map(bytes).collect()
}

/// Pixel data: as they are, or each frame in a fragment.
fn with_pixels(set: Set, syntax: &Syntax, frames: usize) -> Set {
    let tag = (0x7fe0, 0x10);
    let Some(stream) = &syntax.stream else {
        return set.bytes(tag, "OW", &native_pixels(syntax.layout).repeat(frames));
    };
    let mut even = stream.clone();
    even.resize(stream.len().next_multiple_of(2), 0);
    let mut set = set.head(tag, "OB", u32::MAX).head((0xfffe, 0xe000), "", 0);
    for _ in 0..frames {
        set = set.bytes((0xfffe, 0xe000), "", &even);
    }
    set.head((0xfffe, 0xe0dd), "", 0)
}

/// Free bytes, mark, file header and data set.
fn file(uid: &str, set: &Set) -> Vec<u8> {
    let meta = Set(Layout::Explicit, Vec::new()).bytes((2, 1), "OB", &[0, 1]).text((2, 0x10), "UI", uid);
    let length = Set(Layout::Explicit, Vec::new()).bytes((2, 0), "UL", &(meta.1.len() as u32).to_le_bytes());
    let data = if uid == DEFLATED {
        let mut press = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        press.write_all(&set.1).expect("memory takes it");
        press.finish().expect("memory takes it")
    } else {
        set.1.clone()
    };
    [&[0; 128][..], b"DICM", &length.1, &meta.1, &data].concat()
}

fn image(syntax: &Syntax, set: Set) -> Set {
    let set = set.number((0x28, 2), 1).text((0x28, 4), "CS", "MONOCHROME2");
    let allocated = if syntax.bits > 8 { 16 } else { 8 };
    set.number((0x28, 0x10), syntax.size[1] as u16)
        .number((0x28, 0x11), syntax.size[0] as u16)
        .text((0x28, 0x30), "DS", "0.5\\0.25")
        .number((0x28, 0x100), allocated)
        .number((0x28, 0x101), syntax.bits)
        .number((0x28, 0x102), syntax.bits - 1)
        .number((0x28, 0x103), 0)
        .text((0x28, 0x1052), "DS", "-1024")
        .text((0x28, 0x1053), "DS", "1")
}

/// One slice of a stack along z, 2 mm apart.
fn slice(syntax: &Syntax, number: usize) -> Vec<u8> {
    let set = Set(syntax.layout, Vec::new())
        .text((8, 8), "CS", "ORIGINAL\\PRIMARY\\AXIAL")
        .text((8, 0x16), "UI", "1.2.840.10008.5.1.4.1.1.2")
        .text((8, 0x18), "UI", &format!("1.2.3.{number}"))
        .text((8, 0x60), "CS", "CT")
        .text((0x10, 0x10), "PN", "DOE^JANE")
        .text((0x10, 0x20), "LO", "4711")
        .text((0x18, 0x50), "DS", "2")
        .text((0x18, 0x1210), "SH", "B70")
        .text((0x20, 0xd), "UI", "1.2.4")
        .text((0x20, 0xe), "UI", "1.2.5")
        .text((0x20, 0x13), "IS", &number.to_string())
        .text((0x20, 0x32), "DS", &format!("-1.5\\2\\{}", number * 2))
        .text((0x20, 0x37), "DS", "1\\0\\0\\0\\1\\0")
        .text((0x20, 0x52), "UI", "1.2.6");
    file(syntax.uid, &with_pixels(image(syntax, set), syntax, 1))
}

/// The three slices in one of the syntaxes.
pub fn slices(syntax: usize) -> Vec<Vec<u8>> {
    (1..=3).map(|number| slice(&syntaxes()[syntax], number)).collect()
}

/// Two frames 1.5 mm apart in one file.
fn enhanced(syntax: &Syntax) -> Vec<u8> {
    let new = || Set(syntax.layout, Vec::new());
    let shared = new()
        .sequence((0x20, 0x9116), &[new().text((0x20, 0x37), "DS", "1\\0\\0\\0\\1\\0")])
        .sequence(
            (0x28, 0x9110),
            &[new().text((0x18, 0x50), "DS", "1.5").text((0x28, 0x30), "DS", "0.5\\0.25")],
        )
        .sequence(
            (0x28, 0x9145),
            &[new().text((0x28, 0x1052), "DS", "-1024").text((0x28, 0x1053), "DS", "1").text(
                (0x28, 0x1054),
                "LO",
                "HU",
            )],
        );
    let each = [0, 1].map(|n| {
        let position = format!("1\\2\\{}", f64::from(n) * 1.5);
        new()
            .sequence((0x20, 0x9111), &[new().text((0x20, 0x9056), "SH", "1").number((0x20, 0x9057), n + 1)])
            .sequence((0x20, 0x9113), &[new().text((0x20, 0x32), "DS", &position)])
    });
    let set = new()
        .text((8, 8), "CS", "ORIGINAL\\PRIMARY\\VOLUME\\NONE")
        .text((8, 0x16), "UI", "1.2.840.10008.5.1.4.1.1.2.1")
        .text((8, 0x18), "UI", "1.2.3.9")
        .text((8, 0x60), "CS", "CT")
        .text((0x10, 0x20), "LO", "4711")
        .text((0x20, 0xd), "UI", "1.2.4")
        .text((0x20, 0xe), "UI", "1.2.5")
        .number((0x28, 2), 1)
        .text((0x28, 4), "CS", "MONOCHROME2")
        .text((0x28, 8), "IS", "2")
        .number((0x28, 0x10), syntax.size[1] as u16)
        .number((0x28, 0x11), syntax.size[0] as u16)
        .number((0x28, 0x100), if syntax.bits > 8 { 16 } else { 8 })
        .number((0x28, 0x101), syntax.bits)
        .number((0x28, 0x102), syntax.bits - 1)
        .number((0x28, 0x103), 0)
        .sequence((0x5200, 0x9229), &[shared])
        .sequence((0x5200, 0x9230), &each);
    file(syntax.uid, &with_pixels(set, syntax, 2))
}

/// Single slices and enhanced images in every syntax, and a slice without a file header.
pub fn files() -> Vec<Vec<u8>> {
    let syntaxes = syntaxes();
    let mut all: Vec<_> = syntaxes.iter().flat_map(|syntax| [slice(syntax, 1), enhanced(syntax)]).collect();
    // The mark, 128 bytes before it and a file header of 46 bytes are taken off an implicit slice.
    let first = &all[0];
    let start = 132 + 12 + u32::from_le_bytes([first[140], first[141], first[142], first[143]]) as usize;
    all.push(first[start..].to_vec());
    all
}

/// Three slices in one input, as the target takes them, in every syntax; the last with all that can be assumed.
pub fn series() -> Vec<Vec<u8>> {
    let count = syntaxes().len();
    let stated = (0..count).map(|_| 0).chain([0x70]);
    stated.zip((0..count).chain([0])).map(|(stated, syntax)| joined(stated, &slices(syntax))).collect()
}

fn joined(stated: u8, files: &[Vec<u8>]) -> Vec<u8> {
    let lengths = files.iter().take(2).flat_map(|file| (file.len() as u16).to_le_bytes());
    [stated].into_iter().chain(lengths).chain(files.concat()).collect()
}
