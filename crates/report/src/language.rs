//! Every word a report says by itself, in every language it can be written in.
//!
//! The words are data (`data/report/*.toml`), looked up by key. What the records of a case say in English is
//! translated by patterns ([`Texts::phrase`]), findings by their code ([`Texts::finding`]); what has no
//! translation is shown in English and said to be untranslated, never left out.

use osteon_core::Finding;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The language of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// British English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
    /// English in brackets, for the tests: what stands outside brackets was not looked up.
    #[cfg(test)]
    Pseudo,
}

/// The words of a language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    language: Language,
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// British English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// A sentence of the records with places for its values, in both languages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrases {
    phrase: Vec<Bilingual>,
}

/// What a finding of one code says in Chinese.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Translated {
    zh: String,
    #[serde(default)]
    remedy: String,
}

// The embedded files are parsed by tests; an empty table would show keys, never wrong words.
static TEXTS: LazyLock<BTreeMap<String, Bilingual>> =
    LazyLock::new(|| toml::from_str(include_str!("../../../data/report/texts.toml")).unwrap_or_default());
static PHRASES: LazyLock<Vec<Bilingual>> = LazyLock::new(|| {
    toml::from_str::<Phrases>(include_str!("../../../data/report/phrases.toml"))
        .map_or_else(|_| Vec::new(), |phrases| phrases.phrase)
});
static FINDINGS: LazyLock<BTreeMap<String, Translated>> =
    LazyLock::new(|| toml::from_str(include_str!("../../../data/report/findings.toml")).unwrap_or_default());

/// What a finding says in the language of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The sentence.
    pub message: String,
    /// What the reader can do about it; may be empty.
    pub remedy: String,
    /// The English sentence, where the other tells less; may be empty.
    pub original: String,
}

impl Bilingual {
    /// The text in a language.
    pub fn r#in(&self, language: Language) -> String {
        match language {
            Language::English => self.en.clone(),
            Language::Chinese => self.zh.clone(),
            #[cfg(test)]
            Language::Pseudo => format!("⟦{}⟧", self.en),
        }
    }
}

impl Texts {
    /// The words of a language.
    pub const fn of(language: Language) -> Self {
        Self { language }
    }

    /// The language.
    pub const fn language(self) -> Language {
        self.language
    }

    /// The language's tag (BCP 47), as HTML and PDF want it.
    pub const fn tag(self) -> &'static str {
        match self.language {
            Language::Chinese => "zh-Hans",
            _ => "en",
        }
    }

    /// The text of a key. An unknown key is shown in brackets; a test keeps that from happening.
    pub fn say(self, key: &str) -> String {
        TEXTS.get(key).map_or_else(|| format!("[{key}]"), |text| text.r#in(self.language))
    }

    /// The text of a key with its places `{name}` filled in.
    pub fn say_with(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut text = self.say(key);
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// A text of both languages.
    pub fn choose(self, text: &Bilingual) -> String {
        text.r#in(self.language)
    }

    /// What a record of the case says in English, in this language. Numbers and names pass unchanged; a text
    /// without translation is marked as such.
    pub fn phrase(self, english: &str) -> String {
        match self.language {
            Language::English => english.to_owned(),
            Language::Chinese => chinese(english, 0).unwrap_or_else(|| {
                let words = english.split(|c: char| !c.is_alphabetic()).any(|word| word.len() > 3);
                if words { format!("{english}{}", self.say("untranslated")) } else { english.to_owned() }
            }),
            #[cfg(test)]
            Language::Pseudo => format!("⟦{english}⟧"),
        }
    }

    /// A finding in this language; what the software does not know to translate stays English and says so.
    pub fn finding(self, finding: &Finding) -> Said {
        let english = Said {
            message: finding.message.clone(),
            remedy: finding.remedy.clone(),
            original: String::new(),
        };
        match self.language {
            Language::English => english,
            Language::Chinese => match FINDINGS.get(&finding.code) {
                Some(said) => Said {
                    message: said.zh.clone(),
                    remedy: match (said.remedy.as_str(), finding.remedy.as_str()) {
                        ("", "") => String::new(),
                        ("", english) => format!("{english}{}", self.say("untranslated")),
                        (chinese, _) => chinese.to_owned(),
                    },
                    original: finding.message.clone(),
                },
                None => {
                    Said { message: format!("{}{}", english.message, self.say("untranslated")), ..english }
                }
            },
            #[cfg(test)]
            Language::Pseudo => Said {
                message: format!("⟦{}⟧", english.message),
                remedy: format!("⟦{}⟧", english.remedy),
                original: String::new(),
            },
        }
    }
}

/// How deep a phrase may stand within a phrase.
const DEEPEST: usize = 2;

/// The Chinese of an English phrase; its values are phrases themselves or stay as they are.
fn chinese(english: &str, depth: usize) -> Option<String> {
    PHRASES.iter().find_map(|phrase| {
        let values = matched(&phrase.en, english)?;
        let mut text = phrase.zh.clone();
        for (name, value) in values {
            let inner = if depth < DEEPEST { chinese(value, depth + 1) } else { None };
            text = text.replace(&format!("{{{name}}}"), inner.as_deref().unwrap_or(value));
        }
        Some(text)
    })
}

/// The values in a text where a pattern has `{name}`, or nothing if the text is another one. A value ends
/// where what follows it in the pattern comes first.
fn matched<'p, 't>(pattern: &'p str, text: &'t str) -> Option<Vec<(&'p str, &'t str)>> {
    let (head, mut pattern) = pattern.split_once('{').map_or((pattern, None), |(a, b)| (a, Some(b)));
    let mut text = text.strip_prefix(head)?;
    let mut values = Vec::new();
    while let Some(rest) = pattern {
        let (name, rest) = rest.split_once('}')?;
        let (literal, next) = rest.split_once('{').map_or((rest, None), |(a, b)| (a, Some(b)));
        let end = match (literal, next) {
            ("", None) => text.len(),
            (_, None) => text.ends_with(literal).then(|| text.len() - literal.len())?,
            _ => text.find(literal)?,
        };
        values.push((name, &text[..end]));
        text = text.get(end + literal.len()..)?;
        pattern = next;
    }
    text.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Severity;

    /// The files whose words are looked up.
    const SOURCES: [&str; 8] = [
        include_str!("compose.rs"),
        include_str!("html.rs"),
        include_str!("pdf.rs"),
        include_str!("ink.rs"),
        include_str!("facts.rs"),
        include_str!("language.rs"),
        include_str!("../../osteon/src/reporting/words.rs"),
        include_str!("../../osteon/src/reporting/tables.rs"),
    ];

    /// Whether a text has a Chinese character.
    fn han(text: &str) -> bool {
        text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
    }

    /// The names of the places in a text.
    fn places(text: &str) -> Vec<&str> {
        let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
        let mut names: Vec<_> = parts.map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_text_and_phrase_has_both_languages_with_the_same_places() {
        assert!(TEXTS.len() > 80 && PHRASES.len() > 30 && FINDINGS.len() > 50);
        for (key, text) in TEXTS.iter() {
            assert!(!text.en.is_empty() && !han(&text.en), "{key}");
            assert!(han(&text.zh) || !text.zh.chars().any(char::is_alphabetic), "{key}");
        }
        let pairs = TEXTS.values().chain(PHRASES.iter());
        for text in pairs {
            assert_eq!(places(&text.en), places(&text.zh), "{text:?}");
        }
        for (code, said) in FINDINGS.iter() {
            assert!(han(&said.zh) && places(&said.zh).is_empty(), "{code}");
            assert!(said.remedy.is_empty() || han(&said.remedy), "{code}");
        }
    }

    #[test]
    fn every_key_that_is_asked_for_exists_and_every_key_is_asked_for() {
        let said: Vec<String> = SOURCES.iter().map(|source| production(source)).collect();
        for source in &said {
            for (at, _) in source.match_indices(".say") {
                // A key that is put together is looked for below, by its family.
                let call = source[at + 4..].trim_start_matches("_with").trim_start_matches('(').trim_start();
                let Some((key, _)) = call.strip_prefix('"').and_then(|call| call.split_once('"')) else {
                    continue;
                };
                assert!(TEXTS.contains_key(key), "{key}");
            }
        }
        for key in TEXTS.keys() {
            let quoted = format!("\"{key}\"");
            let family = key.rsplit_once('.').map(|(family, _)| format!("\"{family}.{{"));
            let asked = said.iter().any(|source| {
                source.contains(&quoted) || family.as_ref().is_some_and(|family| source.contains(family))
            });
            assert!(asked, "nobody asks for {key}");
        }
    }

    /// A source without its tests.
    fn production(source: &str) -> String {
        source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_phrase_is_translated_with_its_values_and_an_unknown_one_says_so() {
        let chinese = Texts::of(Language::Chinese);
        assert_eq!(chinese.phrase("12.4 mm within the image"), "位于图像范围内 12.4 mm");
        assert_eq!(chinese.phrase("L3"), "L3");
        assert_eq!(chinese.phrase("148 × 12"), "148 × 12");
        assert_eq!(chinese.phrase("nobody ever said so"), "nobody ever said so（未翻译）");
        assert_eq!(Texts::default().phrase("nobody ever said so"), "nobody ever said so");
    }

    #[test]
    fn a_finding_keeps_its_numbers_and_an_unknown_code_stays_english() {
        let chinese = Texts::of(Language::Chinese);
        let known = Finding::new("thick-slices", Severity::Caution, "slices are 3.0 mm apart");
        let said = chinese.finding(&known);
        assert!(han(&said.message) && said.original == "slices are 3.0 mm apart");
        let unknown = Finding::new("no-such-code", Severity::Caution, "something new").remedy("look");
        let said = chinese.finding(&unknown);
        assert_eq!((said.message.as_str(), said.remedy.as_str()), ("something new（未翻译）", "look"));
        assert_eq!(Texts::default().finding(&known).message, "slices are 3.0 mm apart");
    }

    #[test]
    fn patterns_match_whole_texts_only() {
        assert_eq!(matched("{a} of {b}", "1 of 2"), Some(vec![("a", "1"), ("b", "2")]));
        assert_eq!(matched("at {a}", "at noon"), Some(vec![("a", "noon")]));
        assert_eq!(matched("{a} mm", "3 mm wide"), None);
        assert_eq!(matched("none", "none at all"), None);
        assert_eq!(matched("{a} mm, {b} mm", "3 mm, 4 mm"), Some(vec![("a", "3"), ("b", "4")]));
    }
}
