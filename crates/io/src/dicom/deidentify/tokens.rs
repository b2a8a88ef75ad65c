//! A data set as a flat list of its elements, without trusting a single length and without recursion.

use super::error::DeidentifyError;
use super::profile::{Action, PROFILE};
use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use std::ops::Range;

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    ImplicitLittle,
    ExplicitLittle,
    ExplicitBig,
}

/// A step through a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// An element with its value's bytes; `delimited` for compressed pixels, which include their end mark.
    Leaf { tag: Tag, vr: [u8; 2], value: Range<usize>, delimited: bool },
    /// A sequence begins.
    Open { tag: Tag },
    /// An item of it begins.
    Item,
    /// The item ends.
    ItemEnd,
    /// The sequence ends.
    Close,
}

/// Deepest nesting of sequences; real images nest up to about ten.
const DEEPEST: usize = 32;

/// Value representations whose length takes four bytes (PS3.5 7.1.2).
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

pub(super) const ITEM: Tag = Tag(0xfffe, 0xe000);
pub(super) const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
pub(super) const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// True when the length of such an element takes four bytes.
pub(super) fn is_long(vr: [u8; 2]) -> bool {
    LONG.contains(&&vr)
}

struct Level {
    layout: Layout,
    /// Where it ends; `None` when a mark ends it.
    end: Option<usize>,
    item: bool,
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    levels: Vec<Level>,
    tokens: Vec<Token>,
}

struct Head {
    tag: Tag,
    vr: [u8; 2],
    length: Option<usize>,
}

/// All elements of a data set, and the number of bytes after the pixels that are none.
///
/// # Errors
/// [`DeidentifyError::Damaged`].
pub(super) fn tokens(
    bytes: &[u8],
    from: usize,
    layout: Layout,
) -> Result<(Vec<Token>, usize), DeidentifyError> {
    let root = Level { layout, end: Some(bytes.len()), item: true };
    let mut walk = Walk { bytes, at: from, levels: vec![root], tokens: Vec::new() };
    let mut after_pixels = None;
    loop {
        match walk.step() {
            Ok(true) => {}
            Ok(false) => return Ok((walk.tokens, 0)),
            Err(error) => {
                // What follows the pixels is padding; it goes, whether it can be read or not.
                let (count, at) = after_pixels.ok_or(error)?;
                walk.tokens.truncate(count);
                return Ok((walk.tokens, bytes.len() - at));
            }
        }
        if walk.levels.len() == 1
            && matches!(walk.tokens.last(), Some(Token::Leaf { tag, .. }) if is_pixels(*tag))
        {
            after_pixels = Some((walk.tokens.len(), walk.at));
        }
    }
}

pub(super) fn is_pixels(tag: Tag) -> bool {
    matches!(tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA)
}

/// The value representation a tag has in the dictionary; unknown for private ones.
pub(super) fn usual_vr(tag: Tag) -> [u8; 2] {
    if let Some(rule) = PROFILE.rule(tag) {
        return rule.vrs.first().copied().unwrap_or(*b"UN");
    }
    let known = StandardDataDictionary.by_tag(tag).map(|entry| entry.vr().relaxed().to_string());
    known.and_then(|vr| vr.as_bytes().try_into().ok()).unwrap_or(*b"UN")
}

impl Walk<'_> {
    /// The next token; false at the end.
    fn step(&mut self) -> Result<bool, DeidentifyError> {
        let Some(&Level { layout, end, item }) = self.levels.last() else { return Ok(false) };
        if end == Some(self.at) {
            return Ok(self.close());
        }
        let head = self.head(layout)?;
        match (head.tag, item) {
            (ITEM, false) => self.open(layout, head.length, Token::Item),
            (SEQUENCE_END, false) | (ITEM_END, true) if end.is_none() => Ok(self.close()),
            (tag, true) if tag.group() != 0xfffe => self.element(head, layout),
            (tag, _) => Err(self.damaged(format!("{tag} is out of place"))),
        }
    }

    fn element(&mut self, head: Head, layout: Layout) -> Result<bool, DeidentifyError> {
        let Head { tag, mut vr, length } = head;
        if length.is_none() && is_pixels(tag) && self.levels.len() == 1 {
            return self.fragments(tag, vr);
        }
        let known = PROFILE.rule(tag).is_some_and(|rule| rule.action == Action::Sequence);
        if &vr == b"SQ" || length.is_none() || known && &vr == b"UN" {
            // What is inside an unknown element is always implicit and little endian (PS3.5 6.2.2).
            let inside = if &vr == b"UN" { Layout::ImplicitLittle } else { layout };
            return self.open(inside, length, Token::Open { tag });
        }
        if &vr == b"UN" {
            if layout == Layout::ExplicitBig && PROFILE.rule(tag).is_some() {
                return Err(self.damaged(format!("{tag} does not say how its value is written")));
            }
            vr = usual_vr(tag);
        }
        let start = self.at;
        self.take(length.unwrap_or(0))?;
        self.tokens.push(Token::Leaf { tag, vr, value: start..self.at, delimited: false });
        Ok(true)
    }

    /// Steps over compressed pixels.
    fn fragments(&mut self, tag: Tag, vr: [u8; 2]) -> Result<bool, DeidentifyError> {
        let start = self.at;
        loop {
            let head = self.head(Layout::ImplicitLittle)?;
            match (head.tag, head.length) {
                (ITEM, Some(length)) => drop(self.take(length)?),
                (SEQUENCE_END, _) => break,
                (tag, _) => return Err(self.damaged(format!("{tag} is out of place among the pixels"))),
            }
        }
        self.tokens.push(Token::Leaf { tag, vr, value: start..self.at, delimited: true });
        Ok(true)
    }

    fn open(&mut self, layout: Layout, length: Option<usize>, token: Token) -> Result<bool, DeidentifyError> {
        // A sequence and its item are two levels, below the root.
        if self.levels.len() > 2 * DEEPEST {
            return Err(self.damaged(format!("sequences nested deeper than {DEEPEST}")));
        }
        let end = length.map(|length| self.bound(length)).transpose()?;
        let item = token == Token::Item;
        self.levels.push(Level { layout, end, item });
        self.tokens.push(token);
        Ok(true)
    }

    fn close(&mut self) -> bool {
        let closed = self.levels.pop();
        if self.levels.is_empty() {
            return false;
        }
        self.tokens.push(if closed.is_some_and(|level| level.item) { Token::ItemEnd } else { Token::Close });
        true
    }

    fn damaged(&self, what: String) -> DeidentifyError {
        DeidentifyError::Damaged(format!("at byte {} of {}, {what}", self.at, self.bytes.len()))
    }

    /// Where something of this length ends; it must end within what it lies in.
    fn bound(&self, length: usize) -> Result<usize, DeidentifyError> {
        let within = self.levels.iter().rev().find_map(|level| level.end).unwrap_or(self.bytes.len());
        let end = self.at.checked_add(length).filter(|&end| end <= within);
        end.ok_or_else(|| self.damaged(format!("something claims to be {length} bytes long")))
    }

    fn take(&mut self, count: usize) -> Result<&[u8], DeidentifyError> {
        let end = self.bound(count)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn head(&mut self, layout: Layout) -> Result<Head, DeidentifyError> {
        let big = layout == Layout::ExplicitBig;
        let short =
            |b: &[u8]| if big { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) };
        let b = self.take(4)?;
        let tag = Tag(short(b), short(&b[2..]));
        let explicit = layout != Layout::ImplicitLittle && tag.group() != 0xfffe;
        let mut vr = usual_vr(tag);
        if explicit {
            vr.copy_from_slice(self.take(2)?);
            if !vr.iter().all(u8::is_ascii_uppercase) {
                return Err(self.damaged(format!("{tag} has no value representation")));
            }
            if !is_long(vr) {
                let length = usize::from(short(self.take(2)?));
                return Ok(Head { tag, vr, length: Some(length) });
            }
            self.take(2)?;
        }
        let b = self.take(4)?;
        let length = [b[0], b[1], b[2], b[3]];
        let length = if big { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
        Ok(Head { tag, vr, length: (length != u32::MAX).then_some(length as usize) })
    }
}
