//! What was done with the attributes of files: counts, never values.

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_dictionary_std::StandardDataDictionary;
use serde::Serialize;
use std::collections::BTreeMap;

/// For each action, how often it was taken on which attribute. Private attributes are counted together: their
/// names are makers' own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Actions {
    taken: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl Actions {
    /// Adds those of another file.
    pub fn merge(&mut self, other: Self) {
        for (action, tags) in other.taken {
            let counts = self.taken.entry(action).or_default();
            tags.into_iter().for_each(|(tag, count)| *counts.entry(tag).or_default() += count);
        }
    }

    pub(super) fn note(&mut self, action: &'static str, tag: Tag) {
        let name = StandardDataDictionary.by_tag(tag).map(|entry| entry.alias());
        let text = match name {
            _ if tag.group() % 2 == 1 => "private attributes".to_owned(),
            Some(name) => format!("({:04X},{:04X}) {name}", tag.group(), tag.element()),
            None => "attributes the dictionary does not know".to_owned(),
        };
        *self.taken.entry(action).or_default().entry(text).or_default() += 1;
    }

    pub(super) fn say(&mut self, action: &'static str, what: &str) {
        *self.taken.entry(action).or_default().entry(what.to_owned()).or_default() += 1;
    }
}
