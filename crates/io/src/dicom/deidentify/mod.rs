//! De-identification: a DICOM file in, the part of it that tells nobody who the patient is out.
//!
//! ```text
//! deidentify(bytes, case, key, how) → Deidentified { bytes, actions, identifiers }
//! identifiers.search(vocabulary).leak(name, bytes) → None, or where an identifier is left
//! ```
//!
//! Everything goes that is not on the keep-list (`data/deidentification.toml`), which is stricter than the Basic
//! Application Level Confidentiality Profile [dicom-ps3-15]: private attributes, overlays, curves, comments,
//! descriptions, graphics, texts. What stays is geometry, the pixels, byte by byte, what gives them their unit, and
//! how they were taken, as numbers and listed words. Unique identifiers are replaced by others made with a secret
//! key, the same in every file. The result is searched for every identifier of the original before it is handed out.
//!
//! Reading order: `profile` – the keep-list; `grammar` – what a kept value may look like; [`key`] – what replaces
//! identifiers; `tokens` – a data set without trust in its lengths; `clean`; `collect` and [`identifiers`] – what is
//! looked for, [`search`] and `layers` – how; [`originals`] – the files of an import, found again.

mod actions;
mod calendar;
mod charset;
mod clean;
mod collect;
mod error;
mod grammar;
pub mod identifiers;
pub mod key;
mod layers;
pub mod originals;
mod package;
mod part10;
mod profile;
pub mod search;
mod tokens;

#[cfg(test)]
mod tests;

pub use actions::Actions;
pub use error::DeidentifyError;
pub use identifiers::Identifiers;
pub use key::Key;
pub use layers::Leak;
pub use originals::originals;
pub use package::pack;
pub use search::Search;

use clean::{Cleaner, Pieces, uid_parts};
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use profile::PROFILE;
use tokens::Token;

/// What becomes of dates and times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dates {
    /// They are emptied.
    #[default]
    Remove,
    /// Dates are moved back by the patient's secret number of days, so that intervals stay.
    Shift,
}

/// What becomes of pictures that text may be burned into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BurnedIn {
    /// They are refused.
    #[default]
    Refuse,
    /// Somebody looked at them: they are taken as they are.
    Accept,
}

/// How a file is de-identified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// What becomes of dates.
    pub dates: Dates,
    /// What becomes of pictures with text.
    pub burned_in: BurnedIn,
}

/// A de-identified file.
#[derive(Clone, Debug)]
pub struct Deidentified {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// What was done.
    pub actions: Actions,
    /// What the original held that tells who the patient is: to be looked for in everything else handed out.
    pub identifiers: Identifiers,
}

/// The edition of the standard's table that the keep-list was held against.
pub fn edition() -> &'static str {
    &PROFILE.edition
}

/// Every identifier in a DICOM file, whether it could be de-identified or not.
///
/// # Errors
/// As for [`deidentify`], for files that cannot be read.
pub fn identifiers_of(bytes: &[u8]) -> Result<Identifiers, DeidentifyError> {
    let (file, plain) = part10::inflated(bytes)?;
    let (tokens, _) = tokens::tokens(&plain, file.start, file.layout)?;
    let mut found = Identifiers::default();
    found.add_uid(&file.instance);
    collect::collect(&plain, &tokens, &mut found);
    Ok(found)
}

/// De-identifies a DICOM file. `case` is what the patient is called from now on.
///
/// Geometry, grey values and the pixels' bytes stay as they are; a deflated data set is written inflated.
///
/// # Errors
/// [`DeidentifyError`]; nothing is handed out then.
pub fn deidentify(bytes: &[u8], case: &str, key: &Key, how: How) -> Result<Deidentified, DeidentifyError> {
    let (file, plain) = part10::inflated(bytes)?;
    let (tokens, tail) = tokens::tokens(&plain, file.start, file.layout)?;
    let root = Root::of(&plain, &tokens);
    // Some archives leave both to the file's header.
    let said =
        |tag, header: &String| root.value(tag).or_else(|| (!header.is_empty()).then(|| header.clone()));
    let class = said(tags::SOP_CLASS_UID, &file.class);
    let class = class.ok_or(DeidentifyError::Incomplete("SOP Class UID (0008,0016)"))?;
    if !grammar::is_standard(&class) {
        return Err(DeidentifyError::Unsupported("an image of a maker's own kind".to_owned()));
    }
    let old = said(tags::SOP_INSTANCE_UID, &file.instance);
    let old = old.ok_or(DeidentifyError::Incomplete("SOP Instance UID (0008,0018)"))?;
    if how.burned_in == BurnedIn::Refuse {
        root.refuse_burned_in(&class)?;
    }
    let mut identifiers = Identifiers::default();
    identifiers.add_uid(&old);
    collect::collect(&plain, &tokens, &mut identifiers);
    let patient = root.value(tags::PATIENT_ID).or_else(|| root.value(tags::PATIENT_NAME)).unwrap_or_default();
    let mut actions = Actions::default();
    actions.say("replaced", "the file's header and preamble");
    if tail > 0 {
        actions.say("removed", "bytes after the pixels");
    }
    let mut cleaner = Cleaner {
        bytes: &plain,
        layout: file.layout,
        key,
        identifiers: &identifiers,
        dates: how.dates,
        days: key.days(&patient),
        actions: &mut actions,
    };
    let mut elements = cleaner.clean(&tokens)?;
    mark(&cleaner, &mut elements, case, how);
    let mut out = part10::header(&class, &key.uid(&old), &file.syntax);
    for piece in elements.into_values() {
        out.extend(piece.made);
        out.extend_from_slice(&plain[piece.taken]);
    }
    match identifiers.search(&(vocabulary() + case)).leak("0.dcm", &out) {
        Some(leak) => Err(DeidentifyError::Left(leak.kind)),
        None => Ok(Deidentified { bytes: out, actions, identifiers }),
    }
}

/// What De-identification Method (0012,0063) says; several values of at most 64 characters.
const METHOD: &str = "Osteon: keep-list within PS3.15 Annex E Basic Profile\\Pixels not changed";

/// The words that de-identified files hold anyway.
pub fn vocabulary() -> String {
    let said = [METHOD, "OSTEON", "DCM", "YES", "REMOVED", "MODIFIED", "accepted by a person"];
    let words = PROFILE.vocabulary().chain(said).chain(MEANINGS.map(|(_, meaning)| meaning));
    words.flat_map(|word| [word, "\n"]).collect()
}

/// Codes of CID 7050 [dicom-ps3-16] that can apply, and their meanings.
const MEANINGS: [(&str, &str); 2] = [
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
];

/// Says in the file what was done (PS3.15 E.1.1, PS3.3 C.7.1.1).
fn mark(cleaner: &Cleaner<'_>, elements: &mut Pieces, case: &str, how: How) {
    let shifted = how.dates == Dates::Shift;
    let accepted = how.burned_in == BurnedIn::Accept;
    let method = format!("{METHOD}{}", if accepted { "\\Text in pixels: accepted by a person" } else { "" });
    let codes = MEANINGS.iter().take(if shifted { 2 } else { 1 });
    let items = codes.map(|(code, meaning)| {
        let texts = [(tags::CODE_VALUE, *b"SH", *code), (tags::CODING_SCHEME_DESIGNATOR, *b"SH", "DCM")];
        let texts = texts.into_iter().chain([(tags::CODE_MEANING, *b"LO", *meaning)]);
        cleaner.encode_item(texts.map(|(tag, vr, text)| (tag, cleaner.text(tag, vr, text))).collect())
    });
    let items: Vec<u8> = items.flatten().collect();
    let texts = [
        (tags::PATIENT_NAME, *b"PN", case),
        (tags::PATIENT_ID, *b"LO", case),
        (tags::PATIENT_IDENTITY_REMOVED, *b"CS", "YES"),
        (tags::DEIDENTIFICATION_METHOD, *b"LO", &method),
        (
            tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED,
            *b"CS",
            if shifted { "MODIFIED" } else { "REMOVED" },
        ),
    ];
    elements.extend(texts.map(|(tag, vr, text)| (tag, cleaner.text(tag, vr, text))));
    let tag = tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE;
    elements.insert(tag, cleaner.encode_sequence(tag, &items));
}

/// The elements of a file that are in no sequence.
struct Root<'a> {
    bytes: &'a [u8],
    tokens: &'a [Token],
}

impl<'a> Root<'a> {
    const fn of(bytes: &'a [u8], tokens: &'a [Token]) -> Self {
        Self { bytes, tokens }
    }

    /// The first value of a text; `None` for one that is missing or empty.
    fn value(&self, wanted: Tag) -> Option<String> {
        self.values(wanted).into_iter().next()
    }

    fn values(&self, wanted: Tag) -> Vec<String> {
        self.leaf(wanted).map_or_else(Vec::new, |(_, value)| uid_parts(&self.bytes[value]).collect())
    }

    fn representation(&self, wanted: Tag) -> Option<[u8; 2]> {
        self.leaf(wanted).map(|(vr, _)| vr)
    }

    /// The value representation of an element and where its value is.
    fn leaf(&self, wanted: Tag) -> Option<([u8; 2], std::ops::Range<usize>)> {
        let mut depth = 0_usize;
        for token in self.tokens {
            match token {
                Token::Open { .. } => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                Token::Leaf { tag, vr, value, .. } if depth == 0 && *tag == wanted => {
                    return Some((*vr, value.clone()));
                }
                _ => {}
            }
        }
        None
    }

    /// Refuses pictures that somebody may have written into.
    fn refuse_burned_in(&self, class: &str) -> Result<(), DeidentifyError> {
        let refuse = |why: String| Err(DeidentifyError::BurnedIn(why));
        // What is believed here is what stays in the file: who de-identifies it again decides alike.
        let said = self.values(tags::BURNED_IN_ANNOTATION);
        if said.iter().any(|said| said == "YES") {
            return refuse("Burned In Annotation (0028,0301) is YES".to_owned());
        }
        if said == ["NO"] && self.representation(tags::BURNED_IN_ANNOTATION) == Some(*b"CS") {
            return Ok(());
        }
        let unsaid = "Burned In Annotation (0028,0301) is not stated and";
        // All secondary capture classes share this root.
        if class.starts_with(uids::SECONDARY_CAPTURE_IMAGE_STORAGE) {
            return refuse(format!("{unsaid} the image is a secondary capture"));
        }
        if self.value(Tag(0x0008, 0x0064)).is_some() {
            return refuse(format!("{unsaid} the image was converted (0008,0064)"));
        }
        let kinds = self.values(tags::IMAGE_TYPE);
        let kind = kinds.get(2).map(String::as_str).unwrap_or_default();
        let derived = kinds.first().is_some_and(|first| first != "ORIGINAL");
        if kinds.iter().any(|kind| kind.contains("SCREEN")) || derived && kind != "AXIAL" {
            return refuse(format!("{unsaid} the image is derived or a screen shot (0008,0008)"));
        }
        Ok(())
    }
}
