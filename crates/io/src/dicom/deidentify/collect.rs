//! Takes the identifiers out of a DICOM file, before it is cleaned.

use super::charset;
use super::grammar::{Verdict, judge};
use super::identifiers::Identifiers;
use super::profile::{Action, PROFILE};
use super::tokens::Token;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use encoding_rs::Encoding;

/// Longest text looked at, in bytes.
const LONGEST: usize = 64 << 10;

/// Everything in a data set that may tell who the patient is, at any depth.
pub(super) fn collect(bytes: &[u8], tokens: &[Token], found: &mut Identifiers) {
    let mut sets: Vec<&'static Encoding> = vec![charset::named(b"")];
    for token in tokens {
        match token {
            Token::Item => sets.extend(sets.last().copied()),
            Token::ItemEnd => drop(sets.pop()),
            Token::Leaf { tag, vr, value, .. } => {
                let value = &bytes[value.clone()];
                match sets.last_mut() {
                    Some(set) if *tag == tags::SPECIFIC_CHARACTER_SET => *set = charset::named(value),
                    Some(set) => element(found, *tag, *vr, value, set),
                    None => {}
                }
            }
            Token::Open { .. } | Token::Close => {}
        }
    }
}

fn element(found: &mut Identifiers, tag: Tag, vr: [u8; 2], value: &[u8], set: &'static Encoding) {
    let kept = PROFILE.rule(tag).is_some_and(|rule| {
        rule.action == Action::Pixels
            || rule.action == Action::Keep && judge(rule, vr, value) == Verdict::Stays
    });
    if kept || value.len() > LONGEST {
        return;
    }
    let private = tag.group() % 2 == 1;
    for text in charset::texts(value, set) {
        match &vr {
            b"PN" => text.split('\\').for_each(|name| found.add_name("name", name)),
            b"DA" | b"DT" => {
                let kind = if tag == tags::PATIENT_BIRTH_DATE { "birth date" } else { "date" };
                text.split('\\').for_each(|date| found.add_date(kind, date));
            }
            b"UI" => text.split('\\').for_each(|uid| found.add_uid(uid)),
            b"LO" | b"SH" | b"ST" | b"LT" | b"UT" | b"UC" | b"AE" | b"UR" => match telling(tag) {
                Some(kind) => text.split('\\').for_each(|text| found.add_text(kind, text)),
                None => text.split('\\').for_each(|text| found.add_description("description", text)),
            },
            b"CS" if PROFILE.rule(tag).is_some_and(|rule| rule.action == Action::Keep) => {
                text.split('\\').for_each(|text| found.add_description("description", text));
            }
            b"UN" | b"OB" | b"CS" if private && is_text(&text) => {
                found.add_description("private attribute", &text);
            }
            _ => {}
        }
    }
}

fn is_text(text: &str) -> bool {
    let text = text.trim_end_matches(['\0', ' ']);
    text.chars().all(|c| !c.is_control())
}

/// What kind of identifier an attribute is that tells who or where as it stands; `None` for descriptions.
fn telling(tag: Tag) -> Option<&'static str> {
    Some(match (tag.group(), tag.element()) {
        (0x0010, 0x0020) | (0x0010, 0x1000..=0x1002) => "patient number",
        (0x0010, 0x1040) | (0x0008, 0x0081) => "address",
        (0x0010, _) => "about the patient",
        (0x0008, 0x0050) => "accession number",
        (0x0008, 0x0080) | (0x0008, 0x1040) => "institution",
        (0x0008, 0x0092 | 0x0094) => "physician",
        (0x0008, 0x1010) | (0x0018, 0x1000) => "device",
        (0x0020, 0x0010) | (0x0038, 0x0010) | (0x0040, 0x1001 | 0x2016 | 0x2017 | 0x0009 | 0x0253) => {
            "order number"
        }
        _ => return None,
    })
}
