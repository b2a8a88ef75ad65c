//! Walks over the elements of a data set without trusting a single length in it.
//!
//! The walk keeps the bytes of the wanted short elements and finds the pixels. Sequences are stepped over
//! without recursion. Nothing is allocated from a number in the file.

use super::syntax::Layout;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// Why a walk cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes at hand end before the file does.
    NeedMore,
    /// The file is wrong.
    Damaged(String),
}

/// Where the pixels of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    /// Which kind of pixels.
    pub(super) tag: Tag,
    /// First byte of the value.
    pub(super) start: usize,
    /// Length of the value; `None` for encapsulated fragments.
    pub(super) length: Option<usize>,
}

/// What a walk found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// The wanted elements: a small data set of its own, in [`Walk::layout`].
    pub(super) wanted: Vec<u8>,
    /// Implicit for every little-endian file, so that the dictionary says what an attribute is: archives
    /// write "unknown" for the value representation of attributes they do not know.
    pub(super) layout: Layout,
    /// Which of the wanted tags there are.
    pub(super) tags: Vec<Tag>,
    /// The pixels, if there are any.
    pub(super) pixels: Option<Pixels>,
}

/// Longest wanted element in bytes; what is longer is not one of ours.
const LONGEST: usize = 4096;

/// Deepest nesting of sequences of undefined length. Real images nest up to about ten.
const DEEPEST: usize = 32;

/// Value representations whose length takes four bytes.
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

struct Element {
    tag: Tag,
    vr: [u8; 2],
    /// `None` when undefined.
    length: Option<usize>,
}

/// A place in the bytes of a data set whose first part is at hand.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Length of the data set, of which `bytes` may be only the beginning.
    whole: usize,
    layout: Layout,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8], whole: usize, layout: Layout) -> Self {
        Self { bytes, at: 0, whole, layout }
    }

    /// The next `count` bytes.
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        if count > self.whole - self.at {
            return Err(Fault::Damaged(format!(
                "at byte {} of {} something claims to be {count} bytes long",
                self.at, self.whole
            )));
        }
        let taken = self.bytes.get(self.at..self.at + count).ok_or(Fault::NeedMore)?;
        self.at += count;
        Ok(taken)
    }

    fn short(&mut self) -> Result<u16, Fault> {
        let b = self.take(2)?;
        Ok(match self.layout {
            Layout::ExplicitBig => u16::from_be_bytes([b[0], b[1]]),
            _ => u16::from_le_bytes([b[0], b[1]]),
        })
    }

    fn long(&mut self) -> Result<u32, Fault> {
        let b = self.take(4)?;
        Ok(match self.layout {
            Layout::ExplicitBig => u32::from_be_bytes([b[0], b[1], b[2], b[3]]),
            _ => u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        })
    }

    fn element(&mut self, layout: Layout) -> Result<Element, Fault> {
        let tag = Tag(self.short()?, self.short()?);
        let mut vr = *b"UN";
        let length = if layout == Layout::ImplicitLittle || tag.group() == 0xfffe {
            self.long()?
        } else {
            vr.copy_from_slice(self.take(2)?);
            if !vr.iter().all(u8::is_ascii_uppercase) {
                return Err(Fault::Damaged(format!("{tag} has no value representation")));
            }
            if LONG.contains(&&vr) {
                self.take(2)?;
                self.long()?
            } else {
                u32::from(self.short()?)
            }
        };
        let length = (length != u32::MAX).then_some(length as usize);
        Ok(Element { tag, vr, length })
    }

    /// Steps over a value; nested sequences of undefined length are followed to their end.
    fn skip(&mut self, element: &Element) -> Result<(), Fault> {
        if let Some(length) = element.length {
            return self.take(length).map(|_| ());
        }
        // What is inside an unknown element is always implicit (PS3.5 6.2.2).
        let inside = |vr: [u8; 2], outside: Layout| {
            if &vr == b"UN" && outside == Layout::ExplicitLittle { Layout::ImplicitLittle } else { outside }
        };
        // Every level is the layout inside a sequence, and whether an item of it is open.
        let mut levels = vec![(inside(element.vr, self.layout), false)];
        while let Some(&mut (layout, ref mut open)) = levels.last_mut() {
            let next = self.element(layout)?;
            match (next.tag, *open) {
                (SEQUENCE_END, false) => {
                    levels.pop();
                }
                (ITEM_END, true) => *open = false,
                (ITEM, false) => match next.length {
                    Some(length) => {
                        self.take(length)?;
                    }
                    None => *open = true,
                },
                (tag, true) if tag.group() != 0xfffe => match next.length {
                    Some(length) => {
                        self.take(length)?;
                    }
                    None if levels.len() >= DEEPEST => {
                        return Err(Fault::Damaged(format!("sequences nested deeper than {DEEPEST}")));
                    }
                    None => levels.push((inside(next.vr, layout), false)),
                },
                (tag, _) => {
                    return Err(Fault::Damaged(format!("{tag} is out of place inside {}", element.tag)));
                }
            }
        }
        Ok(())
    }
}

/// Walks up to the pixels, or to the end where there are none; keeps the elements in `wanted` (sorted).
pub(super) fn walk(bytes: &[u8], whole: usize, layout: Layout, wanted: &[Tag]) -> Result<Walk, Fault> {
    let mut cursor = Cursor::new(bytes, whole, layout);
    let kept = match layout {
        Layout::ExplicitBig => layout,
        _ => Layout::ImplicitLittle,
    };
    let mut walk = Walk { wanted: Vec::new(), layout: kept, tags: Vec::new(), pixels: None };
    while cursor.at < whole {
        let from = cursor.at;
        let element = cursor.element(layout)?;
        let tag = element.tag;
        if matches!(tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA) {
            if let Some(length) = element.length.filter(|&length| length > whole - cursor.at) {
                return Err(Fault::Damaged(format!(
                    "its pixels should be {length} bytes long, and {} are there",
                    whole - cursor.at
                )));
            }
            walk.pixels = Some(Pixels { tag, start: cursor.at, length: element.length });
            break;
        }
        let value = cursor.at;
        cursor.skip(&element)?;
        if wanted.binary_search(&tag).is_ok() {
            if walk.tags.contains(&tag) {
                return Err(Fault::Damaged(format!("{tag} occurs twice")));
            }
            walk.tags.push(tag);
            // A sequence or an overlong value is only noted to be there.
            let Some(length) = element.length.filter(|&n| &element.vr != b"SQ" && n <= LONGEST) else {
                continue;
            };
            if kept == Layout::ExplicitBig {
                walk.wanted.extend_from_slice(&bytes[from..cursor.at]);
            } else {
                walk.wanted.extend_from_slice(&bytes[from..from + 4]);
                walk.wanted.extend_from_slice(&(length as u32).to_le_bytes());
                walk.wanted.extend_from_slice(&bytes[value..cursor.at]);
            }
        }
    }
    Ok(walk)
}

/// The text of one short element of a file header group, which ends where its group ends.
pub(super) fn file_header(bytes: &[u8], whole: usize, wanted: Tag) -> Result<(String, usize), Fault> {
    let mut cursor = Cursor::new(bytes, whole, Layout::ExplicitLittle);
    let mut text = None;
    while cursor.at < whole {
        let from = cursor.at;
        let group = cursor.short()?;
        cursor.at = from;
        if group != wanted.group() {
            break;
        }
        let element = cursor.element(Layout::ExplicitLittle)?;
        let start = cursor.at;
        cursor.skip(&element)?;
        if element.tag == wanted {
            let value = &bytes[start..cursor.at];
            text = Some(String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned());
        }
    }
    match text {
        Some(text) => Ok((text, cursor.at)),
        None => Err(Fault::Damaged("it does not name its transfer syntax".to_owned())),
    }
}

/// The fragments of encapsulated pixels, without the offset table.
pub(super) fn fragments(bytes: &[u8], start: usize) -> Result<Vec<&[u8]>, Fault> {
    let mut cursor = Cursor::new(bytes, bytes.len(), Layout::ExplicitLittle);
    cursor.at = start;
    let mut fragments = Vec::new();
    loop {
        let element = cursor.element(Layout::ExplicitLittle)?;
        match (element.tag, element.length) {
            (ITEM, Some(length)) => fragments.push(cursor.take(length)?),
            (SEQUENCE_END, _) => break,
            (tag, _) => return Err(Fault::Damaged(format!("{tag} is out of place among the pixels"))),
        }
    }
    if fragments.len() < 2 {
        return Err(Fault::Damaged("its compressed pixels are empty".to_owned()));
    }
    fragments.remove(0);
    Ok(fragments)
}
