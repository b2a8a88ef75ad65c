//! A plain writer of DICOM data sets: every byte as the test wants it, right or wrong.

pub const COLUMNS: usize = 7;
pub const ROWS: usize = 5;

pub const IMPLICIT: &str = "1.2.840.10008.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const BIG: &str = "1.2.840.10008.1.2.2";

/// A value of an attribute.
#[derive(Clone)]
pub enum Value {
    Text(&'static str, String),
    Short(u16),
    Shorts(Vec<u16>),
    Words(Vec<u16>),
    Bytes(&'static str, Vec<u8>),
    /// Fragments, the first of which is the offset table.
    Fragments(Vec<Vec<u8>>),
    /// A sequence of one item.
    Item(Vec<(u32, Value)>),
    /// A sequence of several.
    Items(Vec<Vec<(u32, Value)>>),
}
use Value::{Bytes, Fragments, Item, Items, Short, Shorts, Text, Words};

/// A data set, sorted by tag.
#[derive(Clone)]
pub struct Data {
    pub syntax: &'static str,
    pub elements: Vec<(u32, Value)>,
}

impl Data {
    /// A CT of unsigned 16-bit words with 12 stored bits, less 1024.
    pub fn ct(syntax: &'static str, slice: usize) -> Self {
        let text = |vr, text: &str| Text(vr, text.to_owned());
        let elements = vec![
            (0x0008_0008, text("CS", "ORIGINAL\\PRIMARY\\AXIAL")),
            (0x0008_0016, text("UI", "1.2.840.10008.5.1.4.1.1.2")),
            (0x0008_0018, text("UI", &format!("1.2.3.{}", slice + 1))),
            (0x0008_0060, text("CS", "CT")),
            (0x0018_0050, text("DS", "1")),
            (0x0020_000d, text("UI", "1.2.9")),
            (0x0020_000e, text("UI", "1.2.8")),
            (0x0020_0011, text("IS", "1")),
            (0x0020_0013, text("IS", &format!("{}", slice + 1))),
            (0x0020_0032, text("DS", &format!("10\\20\\{slice}"))),
            (0x0020_0037, text("DS", "1\\0\\0\\0\\1\\0")),
            (0x0020_0052, text("UI", "1.2.7")),
            (0x0028_0002, Short(1)),
            (0x0028_0004, text("CS", "MONOCHROME2")),
            (0x0028_0010, Short(ROWS as u16)),
            (0x0028_0011, Short(COLUMNS as u16)),
            (0x0028_0030, text("DS", "1\\1")),
            (0x0028_0100, Short(16)),
            (0x0028_0101, Short(12)),
            (0x0028_0102, Short(11)),
            (0x0028_0103, Short(0)),
            (0x0028_1052, text("DS", "-1024")),
            (0x0028_1053, text("DS", "1")),
        ];
        Self { syntax, elements }
    }

    pub fn put(&mut self, tag: u32, value: Value) -> &mut Self {
        self.elements.retain(|(other, _)| *other != tag);
        self.elements.push((tag, value));
        self.elements.sort_by_key(|(tag, _)| *tag);
        self
    }

    pub fn text(&mut self, tag: u32, text: &str) -> &mut Self {
        let vr = if tag == 0x0028_0004 || tag == 0x0008_0060 { "CS" } else { "DS" };
        self.put(tag, Text(vr, text.to_owned()))
    }

    pub fn remove(&mut self, tag: u32) -> &mut Self {
        self.elements.retain(|(other, _)| *other != tag);
        self
    }

    /// Bits allocated and stored, high bit, sign.
    pub fn bits(&mut self, allocated: u16, stored: u16, high: u16, signed: u16) -> &mut Self {
        for (n, value) in [allocated, stored, high, signed].into_iter().enumerate() {
            self.put(0x0028_0100 + n as u32, Short(value));
        }
        self
    }

    pub fn pixels(&mut self, value: Value) -> &mut Self {
        self.put(0x7fe0_0010, value)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut meta = Writer { implicit: false, big: false, out: Vec::new() };
        meta.element(0x0002_0010, &Text("UI", self.syntax.to_owned()));
        let mut all = vec![0; 128];
        all.extend(b"DICM");
        let mut length = Writer { implicit: false, big: false, out: Vec::new() };
        length.element(0x0002_0000, &Bytes("UL", (meta.out.len() as u32).to_le_bytes().to_vec()));
        all.extend(length.out);
        all.extend(meta.out);
        let mut set = Writer { implicit: self.syntax == IMPLICIT, big: self.syntax == BIG, out: Vec::new() };
        self.elements.iter().for_each(|(tag, value)| set.element(*tag, value));
        all.extend(set.out);
        all
    }
}

struct Writer {
    implicit: bool,
    big: bool,
    out: Vec<u8>,
}

impl Writer {
    fn short(&mut self, n: u16) {
        self.out.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn long(&mut self, n: u32) {
        self.out.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn head(&mut self, tag: u32, vr: &str, length: u32) {
        self.short((tag >> 16) as u16);
        self.short(tag as u16);
        if self.implicit || vr.is_empty() {
            return self.long(length);
        }
        self.out.extend(vr.bytes());
        if ["OB", "OW", "OF", "OD", "SQ", "UN"].contains(&vr) {
            self.short(0);
            self.long(length);
        } else {
            self.short(length as u16);
        }
    }

    fn element(&mut self, tag: u32, value: &Value) {
        let words = |w: &Writer, words: &[u16]| -> Vec<u8> {
            words.iter().flat_map(|n| if w.big { n.to_be_bytes() } else { n.to_le_bytes() }).collect()
        };
        let (vr, mut bytes) = match value {
            Text(vr, text) => {
                let mut bytes = text.clone().into_bytes();
                if bytes.len() % 2 == 1 {
                    bytes.push(if *vr == "UI" { 0 } else { b' ' });
                }
                (*vr, bytes)
            }
            Short(n) => ("US", words(self, &[*n])),
            Shorts(n) => ("US", words(self, n)),
            Words(n) => ("OW", words(self, n)),
            Bytes(vr, bytes) => (*vr, bytes.clone()),
            Item(elements) => return self.element(tag, &Items(vec![elements.clone()])),
            Items(items) => {
                let mut all = Writer { implicit: self.implicit, big: self.big, out: Vec::new() };
                for elements in items {
                    let mut inner = Writer { implicit: self.implicit, big: self.big, out: Vec::new() };
                    elements.iter().for_each(|(tag, value)| inner.element(*tag, value));
                    all.head(0xfffe_e000, "", inner.out.len() as u32);
                    all.out.extend(inner.out);
                }
                ("SQ", all.out)
            }
            Fragments(fragments) => {
                self.head(tag, "OB", u32::MAX);
                for fragment in fragments {
                    let even = fragment.len() + fragment.len() % 2;
                    self.head(0xfffe_e000, "", even as u32);
                    self.out.extend(fragment);
                    self.out.resize(self.out.len() + even - fragment.len(), 0);
                }
                return self.head(0xfffe_e0dd, "", 0);
            }
        };
        self.head(tag, vr, bytes.len() as u32);
        self.out.append(&mut bytes);
    }
}
