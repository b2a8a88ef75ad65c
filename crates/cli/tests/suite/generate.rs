//! DICOM bytes, written element by element without any help from the readers under test, so that a file can lie
//! about everything: lengths, types, order, transfer syntax.

/// A tag as `0xGGGG_EEEE`.
pub type Tag = u32;

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Implicit,
    Explicit,
    Big,
}

/// What an element holds.
#[derive(Clone, Debug)]
pub enum Body {
    /// As they are; text, or bytes whose order does not depend on the layout.
    Bytes(Vec<u8>),
    /// Words of 16 bits, in the byte order of the layout.
    Words(Vec<u16>),
    /// Words of 32 bits.
    Longs(Vec<u32>),
    /// A sequence with stated lengths.
    Items(Vec<Set>),
    /// A sequence whose lengths are undefined.
    Open(Vec<Set>),
    /// Encapsulated pixels: offset table first, then the fragments.
    Fragments(Vec<Vec<u8>>),
}

/// One element; `stated` lies about its length.
#[derive(Clone, Debug)]
pub struct Element {
    pub tag: Tag,
    pub vr: &'static str,
    pub body: Body,
    pub stated: Option<u32>,
}

/// Elements in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct Set(pub Vec<Element>);

impl Set {
    /// Replaces an element or adds it where its tag belongs.
    pub fn put(&mut self, tag: Tag, vr: &'static str, body: Body) -> &mut Self {
        let element = Element { tag, vr, body, stated: None };
        match self.0.iter().position(|e| e.tag >= tag) {
            Some(at) if self.0[at].tag == tag => self.0[at] = element,
            Some(at) => self.0.insert(at, element),
            None => self.0.push(element),
        }
        self
    }

    /// Text, padded to an even length.
    pub fn text(&mut self, tag: Tag, vr: &'static str, text: &str) -> &mut Self {
        let mut bytes = text.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == "UI" { 0 } else { b' ' });
        }
        self.put(tag, vr, Body::Bytes(bytes))
    }

    /// An unsigned short.
    pub fn short(&mut self, tag: Tag, value: u16) -> &mut Self {
        self.put(tag, "US", Body::Words(vec![value]))
    }

    /// A sequence with stated lengths.
    pub fn items(&mut self, tag: Tag, items: Vec<Set>) -> &mut Self {
        self.put(tag, "SQ", Body::Items(items))
    }

    pub fn remove(&mut self, tag: Tag) -> &mut Self {
        self.0.retain(|e| e.tag != tag);
        self
    }

    pub fn get(&self, tag: Tag) -> Option<&Element> {
        self.0.iter().find(|e| e.tag == tag)
    }

    /// States another length for an element than it has.
    pub fn lie(&mut self, tag: Tag, stated: u32) -> &mut Self {
        for element in self.0.iter_mut().filter(|e| e.tag == tag) {
            element.stated = Some(stated);
        }
        self
    }

    /// Writes an element under another value representation.
    pub fn retype(&mut self, tag: Tag, vr: &'static str) -> &mut Self {
        for element in self.0.iter_mut().filter(|e| e.tag == tag) {
            element.vr = vr;
        }
        self
    }

    pub fn bytes(&self, layout: Layout) -> Vec<u8> {
        let mut out = Vec::new();
        for element in &self.0 {
            element.write(layout, &mut out);
        }
        out
    }
}

fn word(layout: Layout, value: u16) -> [u8; 2] {
    if layout == Layout::Big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn long(layout: Layout, value: u32) -> [u8; 4] {
    if layout == Layout::Big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn tag(layout: Layout, tag: Tag) -> [u8; 4] {
    let ([a, b], [c, d]) = (word(layout, (tag >> 16) as u16), word(layout, tag as u16));
    [a, b, c, d]
}

const UNDEFINED: u32 = 0xffff_ffff;
const ITEM: Tag = 0xfffe_e000;
const ITEM_END: Tag = 0xfffe_e00d;
const SEQUENCE_END: Tag = 0xfffe_e0dd;

impl Element {
    fn write(&self, layout: Layout, out: &mut Vec<u8>) {
        let mark = |out: &mut Vec<u8>, t: Tag, length: u32| {
            out.extend(tag(layout, t));
            out.extend(long(layout, length));
        };
        let mut content = Vec::new();
        let mut open = false;
        match &self.body {
            Body::Bytes(bytes) => content.extend(bytes),
            Body::Words(words) => words.iter().for_each(|w| content.extend(word(layout, *w))),
            Body::Longs(longs) => longs.iter().for_each(|l| content.extend(long(layout, *l))),
            Body::Items(items) => {
                for item in items {
                    // What hides in a UN element of undefined length is implicit (PS3.5 6.2.2).
                    let bytes = item.bytes(layout);
                    mark(&mut content, ITEM, bytes.len() as u32);
                    content.extend(bytes);
                }
            }
            Body::Open(items) => {
                open = true;
                let inner = if self.vr == "UN" { Layout::Implicit } else { layout };
                for item in items {
                    mark(&mut content, ITEM, UNDEFINED);
                    content.extend(item.bytes(inner));
                    mark(&mut content, ITEM_END, 0);
                }
                mark(&mut content, SEQUENCE_END, 0);
            }
            Body::Fragments(fragments) => {
                open = true;
                for fragment in fragments {
                    mark(&mut content, ITEM, fragment.len() as u32);
                    content.extend(fragment);
                }
                mark(&mut content, SEQUENCE_END, 0);
            }
        }
        let length = self.stated.unwrap_or(if open { UNDEFINED } else { content.len() as u32 });
        out.extend(tag(layout, self.tag));
        if layout == Layout::Implicit {
            out.extend(long(layout, length));
        } else {
            out.extend(self.vr.as_bytes());
            if matches!(
                self.vr,
                "OB" | "OW" | "OF" | "OD" | "OL" | "OV" | "SQ" | "UN" | "UT" | "UC" | "UR" | "SV" | "UV"
            ) {
                out.extend([0, 0]);
                out.extend(long(layout, length));
            } else {
                out.extend(word(layout, length as u16));
            }
        }
        out.extend(content);
    }
}

/// Transfer syntaxes of the suite.
pub mod syntax {
    pub const IMPLICIT: &str = "1.2.840.10008.1.2";
    pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
    pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
    pub const BIG: &str = "1.2.840.10008.1.2.2";
    pub const RLE: &str = "1.2.840.10008.1.2.5";
    pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.57";
    pub const JPEG_LOSSLESS_FIRST: &str = "1.2.840.10008.1.2.4.70";
    pub const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
    pub const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
    pub const JPEG_XL: &str = "1.2.840.10008.1.2.4.110";
    pub const HTJ2K: &str = "1.2.840.10008.1.2.4.201";
    pub const MPEG2: &str = "1.2.840.10008.1.2.4.100";
}

/// What stands before the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Preamble, mark, file meta information with its length.
    Whole,
    /// The same without the group length.
    NoLength,
    /// File meta information without preamble and mark.
    NoPreamble,
    /// Nothing: the data set begins at once.
    None,
}

/// The file header for a transfer syntax; `sop` is the class and the instance.
pub fn head(kind: Head, syntax: &str, sop: [&str; 2]) -> Vec<u8> {
    let mut meta = Set::default();
    meta.put(0x0002_0001, "OB", Body::Bytes(vec![0, 1]));
    meta.text(0x0002_0002, "UI", sop[0]).text(0x0002_0003, "UI", sop[1]);
    meta.text(0x0002_0010, "UI", syntax).text(0x0002_0012, "UI", "1.2.3.4.5");
    let length = meta.bytes(Layout::Explicit).len() as u32;
    if kind != Head::NoLength {
        meta.put(0x0002_0000, "UL", Body::Longs(vec![length]));
    }
    let mut out = Vec::new();
    if matches!(kind, Head::Whole | Head::NoLength) {
        out.resize(128, 0);
        out.extend(b"DICM");
    }
    if kind != Head::None {
        out.extend(meta.bytes(Layout::Explicit));
    }
    out
}

/// A decimal string of at most 16 characters.
pub fn ds(value: f64) -> String {
    (0..=12).rev().map(|digits| format!("{value:.digits$}")).find(|text| text.len() <= 16).unwrap()
}

/// Decimal strings, with backslashes between them.
pub fn list(values: &[f64]) -> String {
    values.iter().map(|&v| ds(v)).collect::<Vec<_>>().join("\\")
}
