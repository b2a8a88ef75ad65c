//! The keep-list: what may stay, read once from `data/deidentification.toml`.

use dicom_core::Tag;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What is done with an attribute that is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It stays if its value follows its grammar.
    Keep,
    /// It is replaced by a derived identifier.
    Uid,
    /// It is emptied.
    Empty,
    /// It is emptied, or moved in time.
    Date,
    /// Its items are cleaned.
    Sequence,
    /// It stays, byte by byte.
    Pixels,
}

/// An attribute of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) action: Action,
    /// Value representations it may be written with.
    pub(super) vrs: Vec<[u8; 2]>,
    /// The only texts it may hold.
    pub(super) words: Option<Vec<String>>,
    /// True when a short name may stand in place of one of the words.
    pub(super) short: bool,
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct Profile {
    rules: BTreeMap<Tag, Rule>,
    /// Edition of the table it was held against.
    pub(super) edition: String,
}

/// The list of this version. A list that cannot be read keeps nothing, and every file is then incomplete.
pub(super) static PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    let text = include_str!("../../../../../data/deidentification.toml");
    text.parse().ok().and_then(|table| parse(&table)).unwrap_or_default()
});

impl Profile {
    pub(super) fn rule(&self, tag: Tag) -> Option<&Rule> {
        self.rules.get(&tag)
    }

    /// Every text the list itself allows.
    pub(super) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.rules.values().filter_map(|rule| rule.words.as_ref()).flatten().map(String::as_str)
    }
}

fn parse(table: &toml::Table) -> Option<Profile> {
    let sections = [
        ("keep", Action::Keep),
        ("uid", Action::Uid),
        ("empty", Action::Empty),
        ("date", Action::Date),
        ("sequence", Action::Sequence),
        ("pixels", Action::Pixels),
    ];
    let mut rules = BTreeMap::new();
    for (section, action) in sections {
        for (key, value) in table.get(section)?.as_table()? {
            let (vrs, _keyword) = value.as_str()?.split_once(' ')?;
            let vrs = vrs.split('/').map(|vr| vr.as_bytes().try_into().ok()).collect::<Option<_>>()?;
            let rule = Rule { action, vrs, words: None, short: false };
            if rules.insert(tag(key)?, rule).is_some() {
                return None;
            }
        }
    }
    for (section, short) in [("words", false), ("short", true)] {
        for (key, value) in table.get(section)?.as_table()? {
            let words = value.as_array()?.iter().map(|word| Some(word.as_str()?.to_owned()));
            let rule = rules.get_mut(&tag(key)?)?;
            rule.words = Some(words.collect::<Option<_>>()?);
            rule.short = short;
        }
    }
    Some(Profile { rules, edition: table.get("edition")?.as_str()?.to_owned() })
}

/// A tag as the file writes it: `0028,0010`.
fn tag(text: &str) -> Option<Tag> {
    let (group, element) = text.split_once(',')?;
    let number = |text: &str| u16::from_str_radix(text, 16).ok().filter(|_| text.len() == 4);
    Some(Tag(number(group)?, number(element)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
    use dicom_dictionary_std::StandardDataDictionary;

    #[test]
    fn the_list_can_be_read_and_names_every_attribute_as_the_dictionary_does() {
        let text = include_str!("../../../../../data/deidentification.toml");
        let table: toml::Table = text.parse().unwrap();
        let profile = parse(&table).unwrap();
        assert!(profile.rules.len() > 150 && !profile.edition.is_empty());
        for (key, value) in table.iter().filter_map(|(_, section)| section.as_table()).flatten() {
            let Some((_, keyword)) = value.as_str().and_then(|value| value.split_once(' ')) else { continue };
            let known = StandardDataDictionary.by_tag(tag(key).unwrap()).unwrap();
            assert_eq!(known.alias(), keyword, "{key}");
        }
    }

    #[test]
    fn no_text_stays_without_its_words_and_nothing_private_or_graphic_is_listed() {
        for (tag, rule) in &PROFILE.rules {
            let text = rule.vrs.iter().any(|vr| matches!(vr, b"CS" | b"SH" | b"LO"));
            assert!(rule.action != Action::Keep || !text || rule.words.is_some(), "{tag}");
            let free = [b"LT", b"ST", b"UT", b"UC", b"PN", b"AE", b"UN"];
            assert!(rule.action != Action::Keep || !rule.vrs.iter().any(|vr| free.contains(&vr)), "{tag}");
            assert!(tag.group() % 2 == 0 && !matches!(tag.group() >> 8, 0x50 | 0x60), "{tag}");
        }
    }
}
