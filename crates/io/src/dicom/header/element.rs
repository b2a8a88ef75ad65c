//! Walks over the elements of a data set without trusting a single length in it.
//!
//! The walk borrows the values that are wanted and finds the pixels. Sequences are stepped over without
//! recursion. Nothing is allocated from a number in the file.

use super::syntax::Layout;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use std::collections::BTreeSet;

/// Why a walk cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes at hand end before the file does.
    NeedMore,
    /// The file is wrong.
    Damaged(String),
}

/// Where the pixels of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    /// Which kind of pixels.
    pub(crate) tag: Tag,
    /// First byte of the value in the data set.
    pub(crate) start: usize,
    /// Length of the value; `None` for encapsulated fragments.
    pub(crate) length: Option<usize>,
}

/// An element whose value nobody has looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    pub(crate) tag: Tag,
    /// How the value is written; `None` where the file does not say.
    pub(crate) vr: Option<[u8; 2]>,
    pub(crate) bytes: &'a [u8],
    /// Of the value, and inside a sequence.
    pub(crate) layout: Layout,
}

/// What a walk found.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    /// The wanted elements, sorted by tag, each once.
    pub(crate) values: Vec<Raw<'a>>,
    /// The pixels, if there are any.
    pub(crate) pixels: Option<Pixels>,
    /// The first element that stands behind one with a higher tag.
    pub(crate) out_of_order: Option<Tag>,
    /// Elements passed, also inside sequences.
    pub(crate) elements: u64,
}

/// Deepest nesting of sequences of undefined length. Real images nest up to about ten.
const DEEPEST: usize = 32;

/// Value representations whose length takes four bytes.
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

/// Those whose length takes two.
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL",
    b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
];

const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// Pixels of any kind.
const PIXELS: [Tag; 3] = [tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA, tags::PIXEL_DATA];

struct Element {
    tag: Tag,
    vr: Option<[u8; 2]>,
    /// `None` when undefined.
    length: Option<usize>,
}

/// A place in the bytes of a data set whose first part is at hand.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Length of the data set, of which `bytes` may be only the beginning.
    whole: usize,
    layout: Layout,
    elements: u64,
    /// Elements among them that have no value representation although they should.
    unnamed: u64,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8], whole: usize, layout: Layout) -> Self {
        Self { bytes, at: 0, whole, layout, elements: 0, unnamed: 0 }
    }

    /// The next `count` bytes.
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        if count > self.whole - self.at {
            return Err(self.ends(count));
        }
        let taken = self.bytes.get(self.at..self.at + count).ok_or(Fault::NeedMore)?;
        self.at += count;
        Ok(taken)
    }

    fn ends(&self, count: usize) -> Fault {
        Fault::Damaged(format!("at byte {} of {} {count} more bytes should follow", self.at, self.whole))
    }

    fn short(&mut self) -> Result<u16, Fault> {
        let b = self.take(2)?;
        Ok(self.layout.short([b[0], b[1]]))
    }

    fn long(&mut self) -> Result<u32, Fault> {
        let b = self.take(4)?;
        Ok(self.layout.long([b[0], b[1], b[2], b[3]]))
    }

    fn element(&mut self) -> Result<Element, Fault> {
        let from = self.at;
        self.elements += 1;
        let tag = Tag(self.short()?, self.short()?);
        let mut vr = None;
        let length = if self.layout == Layout::ImplicitLittle || tag.group() == 0xfffe {
            self.long()?
        } else {
            let named = self.take(2)?;
            let named = [named[0], named[1]];
            vr = Some(named).filter(|vr| vr != b"UN");
            if LONG.contains(&&named) {
                self.take(2)?;
                self.long()?
            } else if SHORT.contains(&&named) {
                u32::from(self.short()?)
            } else {
                vr = None;
                self.unnamed += 1;
                self.unnamed(tag, named)?
            }
        };
        let length = (length != u32::MAX).then_some(length as usize);
        match length {
            Some(length) if length > self.whole - self.at && !PIXELS.contains(&tag) => {
                Err(Fault::Damaged(format!(
                    "{tag} at byte {from} of {} claims {length} bytes, and {} are left",
                    self.whole,
                    self.whole - self.at
                )))
            }
            _ => Ok(Element { tag, vr, length }),
        }
    }

    /// The length of an element whose value representation does not exist.
    ///
    /// New ones have four bytes behind two empty ones, old private ones two; some writers leave it out. What
    /// leads to an element that may follow is right, and if two do or none does, nobody can tell.
    fn unnamed(&mut self, tag: Tag, vr: [u8; 2]) -> Result<u32, Fault> {
        let at = self.at;
        // Where each way of writing leads: bytes before the value, and how many the value has.
        let mut fitting: Vec<(usize, u32)> = Vec::new();
        let named = vr.iter().all(u8::is_ascii_uppercase);
        let two = usize::from(self.short()?);
        self.at = at;
        if named {
            fitting.push((at + 2, two as u32));
            if two == 0 && self.whole - at >= 6 {
                self.at = at + 2;
                fitting.push((at + 6, self.long()?));
            }
        } else {
            self.at = at - 2;
            fitting.push((at + 2, self.long()?));
        }
        let mut right = None;
        for (start, length) in fitting {
            if self.may_follow(tag, start, length)? {
                if right.is_some() {
                    right = None;
                    break;
                }
                right = Some((start, length));
            }
        }
        let Some((start, length)) = right else {
            return Err(Fault::Damaged(format!(
                "{tag} at byte {} has the unknown value representation \"{}\"",
                at - 6,
                vr.escape_ascii()
            )));
        };
        self.at = start;
        Ok(length)
    }

    /// True when behind a value of `length` bytes from `start` comes the end or an element in order.
    fn may_follow(&self, tag: Tag, start: usize, length: u32) -> Result<bool, Fault> {
        if length as usize > self.whole - start {
            return Ok(false);
        }
        let mut next = Self { at: start + length as usize, ..Self::new(self.bytes, self.whole, self.layout) };
        if next.at == self.whole {
            return Ok(true);
        }
        if self.whole - next.at < 8 {
            return Ok(false);
        }
        let follows = Tag(next.short()?, next.short()?);
        Ok(follows > tag && (follows.group() != 0xfffe || matches!(follows, ITEM_END | SEQUENCE_END)))
    }

    /// Steps over a value; nested sequences of undefined length are followed to their end.
    fn skip(&mut self, element: &Element) -> Result<(), Fault> {
        match element.length {
            Some(length) => self.take(length).map(|_| ()),
            None => self.close(element.tag, inside(element, self.layout), End::Sequence),
        }
    }

    /// Steps to the end of a sequence, or of an item, of undefined length that has just begun.
    fn close(&mut self, name: Tag, layout: Layout, end: End) -> Result<(), Fault> {
        let outside = self.layout;
        // Every level is the layout inside a sequence, and whether an item of it is open.
        let mut levels = vec![(layout, end == End::Item)];
        while let Some(&mut (layout, ref mut open)) = levels.last_mut() {
            self.layout = layout;
            let next = self.element()?;
            match (next.tag, *open) {
                (SEQUENCE_END, false) => {
                    levels.pop();
                }
                (ITEM_END, true) => {
                    *open = false;
                    if end == End::Item && levels.len() == 1 {
                        break;
                    }
                }
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
                        return Err(Fault::Damaged(format!(
                            "sequences nested deeper than {DEEPEST} in {name}"
                        )));
                    }
                    None => levels.push((inside(&next, layout), false)),
                },
                (tag, _) => {
                    return Err(Fault::Damaged(format!(
                        "{tag} is out of place inside {name} at byte {}",
                        self.at - 8
                    )));
                }
            }
        }
        self.layout = outside;
        Ok(())
    }

    /// Steps over a value and gives it.
    fn value(&mut self, element: &Element) -> Result<Raw<'a>, Fault> {
        let start = self.at;
        self.skip(element)?;
        // The mark that ends a sequence of undefined length takes eight bytes.
        let end = if element.length.is_some() { self.at } else { self.at - 8 };
        let layout = match element.length {
            None => inside(element, self.layout),
            Some(_) => self.layout,
        };
        Ok(Raw { tag: element.tag, vr: element.vr, bytes: &self.bytes[start..end], layout })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Sequence,
    Item,
}

/// The layout inside an element of undefined length: what is unknown is always implicit (PS3.5 6.2.2).
fn inside(element: &Element, outside: Layout) -> Layout {
    let unknown = element.vr.is_none() && outside == Layout::ExplicitLittle;
    if unknown { Layout::ImplicitLittle } else { outside }
}

/// Walks up to the pixels, or to the end where there are none; keeps the elements in `wanted` (sorted).
///
/// An element that occurs twice is refused, whichever it is: nobody can tell which one is meant.
pub(crate) fn walk<'a>(
    bytes: &'a [u8],
    whole: usize,
    layout: Layout,
    wanted: &[Tag],
) -> Result<Walk<'a>, Fault> {
    let mut cursor = Cursor::new(bytes, whole, layout);
    let mut walk = Walk { values: Vec::with_capacity(64), pixels: None, out_of_order: None, elements: 0 };
    let mut seen = Seen::default();
    while cursor.at < whole {
        let element = cursor.element()?;
        let tag = element.tag;
        if !seen.first(tag) {
            return Err(Fault::Damaged(format!("{tag} occurs twice")));
        }
        if PIXELS.contains(&tag) {
            if let Some(length) = element.length.filter(|&length| length > whole - cursor.at) {
                return Err(Fault::Damaged(format!(
                    "its pixels {tag} should be {length} bytes long, and {} are there",
                    whole - cursor.at
                )));
            }
            walk.pixels = Some(Pixels { tag, start: cursor.at, length: element.length });
            break;
        }
        if wanted.binary_search(&tag).is_ok() {
            walk.values.push(cursor.value(&element)?);
        } else {
            cursor.skip(&element)?;
        }
    }
    // Some writers leave out a few; a data set without any is written otherwise than it says.
    if cursor.unnamed * 2 > cursor.elements {
        let unnamed = cursor.unnamed;
        return Err(Fault::Damaged(format!("{unnamed} of its elements have no value representation")));
    }
    walk.out_of_order = seen.disorder;
    walk.values.sort_by_key(|raw| raw.tag);
    walk.elements = cursor.elements;
    Ok(walk)
}

/// The tags a walk has passed.
#[derive(Default)]
struct Seen {
    /// In order, as long as there is one.
    sorted: Vec<Tag>,
    others: BTreeSet<Tag>,
    disorder: Option<Tag>,
}

impl Seen {
    /// True when the tag was not there before.
    fn first(&mut self, tag: Tag) -> bool {
        if self.sorted.last().is_none_or(|&last| last < tag) {
            self.sorted.push(tag);
            return self.others.is_empty() || !self.others.contains(&tag);
        }
        self.disorder = self.disorder.or(Some(tag));
        self.sorted.binary_search(&tag).is_err() && self.others.insert(tag)
    }
}

/// Refuses a wanted element, or a second image, behind the pixels; other bytes there do no harm.
pub(crate) fn tail(bytes: &[u8], layout: Layout, wanted: &[Tag]) -> Result<(), Fault> {
    let mut cursor = Cursor::new(bytes, bytes.len(), layout);
    while let Ok(element) = cursor.element() {
        let tag = element.tag;
        if wanted.binary_search(&tag).is_ok() || PIXELS.contains(&tag) {
            return Err(Fault::Damaged(format!("{tag} stands behind the pixels, out of order")));
        }
        if cursor.skip(&element).is_err() {
            break;
        }
    }
    Ok(())
}

/// The elements in `wanted` (sorted) of an item.
pub(crate) fn elements<'a>(item: &Raw<'a>, wanted: &[Tag]) -> Result<Vec<Raw<'a>>, Fault> {
    let mut cursor = Cursor::new(item.bytes, item.bytes.len(), item.layout);
    let mut found: Vec<Raw<'a>> = Vec::new();
    while cursor.at < cursor.whole {
        let element = cursor.element()?;
        let value = cursor.value(&element)?;
        if wanted.binary_search(&value.tag).is_ok() {
            if found.iter().any(|other| other.tag == value.tag) {
                return Err(Fault::Damaged(format!("{} occurs twice in one item", value.tag)));
            }
            found.push(value);
        }
    }
    Ok(found)
}

/// The items of a sequence.
pub(crate) fn items<'a>(sequence: &Raw<'a>) -> Result<Vec<Raw<'a>>, Fault> {
    let layout = match (sequence.vr, sequence.layout) {
        (None, Layout::ExplicitLittle) => Layout::ImplicitLittle,
        (_, layout) => layout,
    };
    let mut cursor = Cursor::new(sequence.bytes, sequence.bytes.len(), layout);
    let mut items = Vec::new();
    while cursor.at < cursor.whole {
        let item = cursor.element()?;
        let start = cursor.at;
        let end = match (item.tag, item.length) {
            (ITEM, Some(length)) => cursor.take(length).map(|_| cursor.at)?,
            (ITEM, None) => {
                cursor.close(sequence.tag, layout, End::Item)?;
                cursor.at - 8
            }
            (SEQUENCE_END, _) => break,
            (tag, _) => {
                return Err(Fault::Damaged(format!("{tag} is out of place inside {}", sequence.tag)));
            }
        };
        items.push(Raw { tag: ITEM, vr: None, bytes: &sequence.bytes[start..end], layout });
    }
    Ok(items)
}

/// The elements of the file header at the beginning of `bytes`, which ends where its group ends, and its
/// length; how long it says it is does not matter.
pub(crate) fn file_header(bytes: &[u8], whole: usize) -> Result<(Vec<Raw<'_>>, usize), Fault> {
    let mut cursor = Cursor::new(bytes, whole, Layout::ExplicitLittle);
    let mut found = Vec::new();
    while whole - cursor.at >= 8 {
        let from = cursor.at;
        let begin = cursor.take(6)?;
        cursor.at = from;
        if begin[..2] != [2, 0] {
            break;
        }
        let element = match cursor.element() {
            // A deflated data set may happen to begin like the group.
            Err(Fault::Damaged(_)) if !found.is_empty() && !begin[4..].iter().all(u8::is_ascii_uppercase) => {
                cursor.at = from;
                break;
            }
            other => other?,
        };
        found.push(cursor.value(&element)?);
    }
    Ok((found, cursor.at))
}

/// The first byte behind encapsulated pixels, which begin at `start`.
pub(crate) fn after_fragments(bytes: &[u8], start: usize) -> Result<usize, Fault> {
    let mut cursor = Cursor::new(bytes, bytes.len(), Layout::ExplicitLittle);
    cursor.at = start.min(bytes.len());
    loop {
        let element = cursor.element()?;
        match (element.tag, element.length) {
            (ITEM, Some(length)) => cursor.take(length)?,
            (SEQUENCE_END, _) => return Ok(cursor.at),
            (tag, _) => return Err(Fault::Damaged(format!("{tag} is out of place among the pixels"))),
        };
    }
}
