//! One data set in, the kept part of it out.

use super::actions::Actions;
use super::error::DeidentifyError;
use super::grammar::{Verdict, judge};
use super::identifiers::Identifiers;
use super::key::Key;
use super::profile::{Action, PROFILE, Rule};
use super::search::Layer;
use super::tokens::{ITEM, ITEM_END, Layout, SEQUENCE_END, Token, is_long, tokens};
use super::{Dates, calendar, part10};
use dicom_core::Tag;
use std::collections::BTreeMap;
use std::ops::Range;

/// An element as it will be written: made bytes, then bytes of the original.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) made: Vec<u8>,
    pub(super) taken: Range<usize>,
}

/// The elements of one data set, in order.
pub(super) type Pieces = BTreeMap<Tag, Piece>;

/// Cleans the data sets of a file.
pub(super) struct Cleaner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) layout: Layout,
    pub(super) key: &'a Key,
    pub(super) identifiers: &'a Identifiers,
    pub(super) dates: Dates,
    /// By how many days dates are moved back.
    pub(super) days: i64,
    pub(super) actions: &'a mut Actions,
}

/// A data set being cleaned, and the items of the sequence that is open in it.
#[derive(Default)]
struct Level {
    elements: Pieces,
    open: Option<Tag>,
    items: Vec<u8>,
}

impl Cleaner<'_> {
    /// The kept elements of the whole.
    pub(super) fn clean(&mut self, tokens: &[Token]) -> Result<Pieces, DeidentifyError> {
        let mut levels = vec![Level::default()];
        // How many sequences deep we are in one that goes.
        let mut going = 0_usize;
        for token in tokens {
            let Some(level) = levels.last_mut() else { break };
            match token {
                Token::Open { .. } if going > 0 => going += 1,
                Token::Open { tag } => match PROFILE.rule(*tag) {
                    Some(rule) if rule.action == Action::Sequence => {
                        (level.open, level.items) = (Some(*tag), Vec::new());
                    }
                    _ => {
                        self.actions.note("removed", *tag);
                        going = 1;
                    }
                },
                Token::Close if going > 0 => going -= 1,
                _ if going > 0 => {}
                Token::Item => levels.push(Level::default()),
                Token::ItemEnd => {
                    let item = self.encode_item(levels.pop().unwrap_or_default().elements);
                    if let Some(level) = levels.last_mut() {
                        level.items.extend(item);
                    }
                }
                Token::Close => {
                    if let Some(tag) = level.open.take() {
                        let piece = self.encode_sequence(tag, &std::mem::take(&mut level.items));
                        put(&mut level.elements, tag, piece)?;
                    }
                }
                Token::Leaf { tag, vr, value, delimited } => {
                    let deep = levels.len() > 1;
                    if let Some(piece) = self.leaf(*tag, *vr, value.clone(), (*delimited, deep)) {
                        let Some(level) = levels.last_mut() else { break };
                        put(&mut level.elements, *tag, piece)?;
                    }
                }
            }
        }
        Ok(levels.pop().unwrap_or_default().elements)
    }

    fn leaf(
        &mut self,
        tag: Tag,
        vr: [u8; 2],
        value: Range<usize>,
        (delimited, deep): (bool, bool),
    ) -> Option<Piece> {
        if tag.element() == 0 {
            return None;
        }
        let bytes = &self.bytes[value.clone()];
        let rule = PROFILE.rule(tag).filter(|rule| rule.vrs.contains(&vr));
        let Some(rule) = rule else {
            self.actions.note("removed", tag);
            return None;
        };
        match rule.action {
            Action::Pixels if deep => {
                self.actions.note("removed", tag);
                None
            }
            Action::Pixels => {
                let length = if delimited { u32::MAX } else { value.len() as u32 };
                Some(Piece { made: self.head(tag, vr, length), taken: value })
            }
            Action::Keep => self.keep(rule, tag, vr, value),
            Action::Uid => {
                self.actions.note("replaced", tag);
                let parts = uid_parts(bytes).map(|uid| self.key.uid(&uid)).collect::<Vec<_>>();
                Some(self.text(tag, vr, &parts.join("\\")))
            }
            Action::Date if self.dates == Dates::Shift => {
                let moved = calendar::moved(vr, bytes, self.days);
                self.actions.note(if moved.is_some() { "moved in time" } else { "emptied" }, tag);
                Some(self.text(tag, vr, &moved.unwrap_or_default()))
            }
            Action::Empty | Action::Date => {
                self.actions.note("emptied", tag);
                Some(self.text(tag, vr, ""))
            }
            Action::Sequence => None,
        }
    }

    fn keep(&mut self, rule: &Rule, tag: Tag, vr: [u8; 2], value: Range<usize>) -> Option<Piece> {
        let bytes = &self.bytes[value.clone()];
        let text = std::str::from_utf8(bytes).unwrap_or_default().trim_matches([' ', '\0']);
        // What says how the scan was taken or counts it, and equals an identifier of the file, goes; the words
        // that say what the image is are too few to hide one.
        let worded = rule.words.is_some() && tag.group() == 0x0018 || &vr == b"IS" && tag.group() != 0x0028;
        if worded && text.len() >= 2 && text.split('\\').any(|part| self.identifiers.has(part.trim())) {
            self.actions.note("removed: it equals an identifier", tag);
            return None;
        }
        match judge(rule, vr, bytes) {
            Verdict::Stays => Some(Piece { made: self.head(tag, vr, value.len() as u32), taken: value }),
            Verdict::Becomes(new) => {
                self.actions.note("replaced", tag);
                Some(self.text(tag, vr, &String::from_utf8_lossy(&new)))
            }
            Verdict::Goes => {
                self.actions.note("removed: not a value of the keep-list", tag);
                None
            }
        }
    }

    /// An element with a text, padded to an even length.
    pub(super) fn text(&self, tag: Tag, vr: [u8; 2], text: &str) -> Piece {
        let mut value = text.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(if &vr == b"UI" { 0 } else { b' ' });
        }
        let mut made = self.head(tag, vr, value.len() as u32);
        made.extend(value);
        Piece { made, taken: 0..0 }
    }

    /// A sequence of items that are encoded already.
    pub(super) fn encode_sequence(&self, tag: Tag, items: &[u8]) -> Piece {
        let mut made = self.head(tag, *b"SQ", u32::MAX);
        made.extend_from_slice(items);
        made.extend(self.head(SEQUENCE_END, *b"UN", 0));
        Piece { made, taken: 0..0 }
    }

    /// An item with its elements.
    pub(super) fn encode_item(&self, elements: Pieces) -> Vec<u8> {
        let mut made = self.head(ITEM, *b"UN", u32::MAX);
        for piece in elements.into_values() {
            made.extend(piece.made);
            made.extend_from_slice(&self.bytes[piece.taken]);
        }
        made.extend(self.head(ITEM_END, *b"UN", 0));
        made
    }

    fn head(&self, tag: Tag, vr: [u8; 2], length: u32) -> Vec<u8> {
        let big = self.layout == Layout::ExplicitBig;
        let short = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let long = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut head = [short(tag.group()), short(tag.element())].concat();
        let implicit = self.layout == Layout::ImplicitLittle || tag.group() == 0xfffe;
        match u16::try_from(length) {
            _ if implicit => head.extend(long(length)),
            Ok(length) if !is_long(vr) => {
                head.extend(vr);
                head.extend(short(length));
            }
            _ => {
                // What is too long for its value representation is written as unknown (PS3.5 6.2.2).
                head.extend(if is_long(vr) { vr } else { *b"UN" });
                head.extend([0, 0]);
                head.extend(long(length));
            }
        }
        head
    }
}

/// The identifiers of a value.
pub(super) fn uid_parts(value: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(value).into_owned();
    let parts: Vec<String> = text.split('\\').map(|uid| uid.trim_matches([' ', '\0']).to_owned()).collect();
    parts.into_iter().filter(|uid| !uid.is_empty())
}

fn put(elements: &mut Pieces, tag: Tag, piece: Piece) -> Result<(), DeidentifyError> {
    match elements.insert(tag, piece) {
        None => Ok(()),
        Some(_) => Err(DeidentifyError::Damaged(format!("{tag} occurs twice"))),
    }
}

/// The parts of a DICOM file and what they are, for a search; a file that cannot be read is text.
pub(super) fn parts(bytes: &[u8]) -> Vec<(&[u8], Layer)> {
    let read = part10::read(bytes).and_then(|file| {
        let (tokens, rest) = tokens(bytes, file.start, file.layout)?;
        Ok((file.start, tokens, rest))
    });
    let Ok((start, tokens, rest)) = read else { return vec![(bytes, Layer::Text)] };
    let mut parts = vec![(&bytes[..start], Layer::Text), (&bytes[bytes.len() - rest..], Layer::Text)];
    for token in tokens {
        if let Token::Leaf { vr, value, .. } = token {
            let layer = match &vr {
                b"DS" | b"IS" => Layer::Figures,
                b"US" | b"SS" | b"UL" | b"SL" | b"FL" | b"FD" | b"AT" | b"OB" | b"OW" | b"OF" | b"OD" => {
                    Layer::Binary
                }
                _ => Layer::Text,
            };
            parts.push((&bytes[value], layer));
        }
    }
    parts.push((bytes, Layer::Binary));
    parts
}
