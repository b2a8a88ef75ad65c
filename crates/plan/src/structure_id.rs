//! Names of anatomical structures, held against the terminology in `data/terminology.toml`.

use osteon_core::{ErrorKind, Explain, Side};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::{fmt, str::FromStr};

/// The name of one anatomical structure: `bone`, `femur-left`, `vertebra-L4`, `calcaneus-right.fragment-3`.
///
/// A paired structure always carries the patient's side, a vertebra its level; a name the terminology
/// does not know is refused, so that a typing mistake cannot become a missing bone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StructureId {
    name: String,
    side: Option<Side>,
    level: Option<String>,
    fragment: Option<u32>,
}

/// A text that names no structure of the terminology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the name of a structure: {reason}")]
pub struct UnknownStructure {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Explain for UnknownStructure {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
    fn code(&self) -> &'static str {
        "unknown-structure"
    }
    fn help(&self) -> String {
        let names: Vec<&str> = TERMS.iter().map(|term| term.name.as_str()).collect();
        format!(
            "use one of: {}; with -left or -right where the body has two, -L4 for a level, .fragment-3 for a fragment",
            names.join(", ")
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    name: String,
    english: String,
    chinese: String,
    #[serde(default)]
    paired: Paired,
    #[serde(default)]
    levels: Vec<String>,
    /// The Chinese name of the levels that begin with a letter.
    #[serde(default)]
    chinese_levels: BTreeMap<char, String>,
    #[serde(default, rename = "note")]
    _note: String,
}

/// Whether the body has one of it or two.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "bool")]
enum Paired {
    #[default]
    No,
    Yes,
}

impl From<bool> for Paired {
    fn from(paired: bool) -> Self {
        if paired { Paired::Yes } else { Paired::No }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Terminology {
    structure: Vec<Term>,
}

static TERMS: LazyLock<Vec<Term>> = LazyLock::new(|| {
    let text = include_str!("../../../data/terminology.toml");
    // The embedded file is parsed by a test; an empty list would refuse every name, never accept one.
    toml::from_str::<Terminology>(text).map_or_else(|_| Vec::new(), |terms| terms.structure)
});

impl StructureId {
    /// All bone of a scan that has not been separated yet.
    pub fn bone() -> Self {
        Self { name: "bone".to_owned(), side: None, level: None, fragment: None }
    }

    /// The patient's side the structure is on, if it is a paired one.
    pub const fn side(&self) -> Option<Side> {
        self.side
    }

    /// The name in English words, for people: `left femur`, `vertebra L4`.
    pub fn english(&self) -> String {
        let word =
            TERMS.iter().find(|term| term.name == self.name).map_or(self.name.as_str(), |term| &term.english);
        let mut text = self.side.map_or_else(String::new, |side| format!("{side} "));
        text.push_str(word);
        if let Some(level) = &self.level {
            text.push(' ');
            text.push_str(level);
        }
        if let Some(fragment) = self.fragment {
            text.push_str(&format!(", fragment {fragment}"));
        }
        text
    }

    /// The name in Simplified Chinese, for people: `左侧股骨`, `第3腰椎（L3）`.
    pub fn chinese(&self) -> String {
        let term = TERMS.iter().find(|term| term.name == self.name);
        let side = match self.side {
            Some(Side::Left) => "左侧",
            Some(Side::Right) => "右侧",
            None => "",
        };
        let word = term.map_or(self.name.as_str(), |term| &term.chinese);
        let mut text = match &self.level {
            None => format!("{side}{word}"),
            Some(level) => {
                let letter = level.chars().next();
                let region = term.zip(letter).and_then(|(term, letter)| term.chinese_levels.get(&letter));
                match region {
                    Some(region) => format!("第{}{region}（{level}）", level.get(1..).unwrap_or_default()),
                    None => format!("{word} {level}"),
                }
            }
        };
        if let Some(fragment) = self.fragment {
            text.push_str(&format!("，骨折块{fragment}"));
        }
        text
    }
}

impl FromStr for StructureId {
    type Err = UnknownStructure;

    fn from_str(text: &str) -> Result<Self, UnknownStructure> {
        let refuse = |reason: String| UnknownStructure { text: text.to_owned(), reason };
        let (body, fragment) = match text.split_once(".fragment-") {
            None => (text, None),
            Some((body, number)) => match number.parse::<u32>() {
                Ok(n) if n > 0 && number == n.to_string() => (body, Some(n)),
                _ => return Err(refuse(format!("\"{number}\" is not a fragment number"))),
            },
        };
        // The longest name first, so that a name may itself contain a hyphen.
        let named = |term: &&Term| {
            body == term.name || body.strip_prefix(term.name.as_str()).is_some_and(|r| r.starts_with('-'))
        };
        let term = TERMS.iter().filter(named).max_by_key(|term| term.name.len());
        let term = term.ok_or_else(|| refuse("the terminology does not have it".to_owned()))?;
        let suffix = body[term.name.len()..].strip_prefix('-');
        let mut id = Self { name: term.name.clone(), side: None, level: None, fragment };
        match (term.paired, term.levels.is_empty(), suffix) {
            (Paired::No, true, None) => {}
            (Paired::Yes, _, Some("left")) => id.side = Some(Side::Left),
            (Paired::Yes, _, Some("right")) => id.side = Some(Side::Right),
            (Paired::Yes, ..) => {
                return Err(refuse(format!("{0} needs a side: {0}-left or {0}-right", term.name)));
            }
            (_, false, Some(level)) if term.levels.iter().any(|l| l == level) => {
                id.level = Some(level.to_owned())
            }
            (_, false, _) => {
                return Err(refuse(format!("{} needs a level, such as {0}-{}", term.name, term.levels[0])));
            }
            (_, _, Some(extra)) => return Err(refuse(format!("{} takes no \"{extra}\"", term.name))),
        }
        Ok(id)
    }
}

impl fmt::Display for StructureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(side) = self.side {
            write!(f, "-{side}")?;
        }
        if let Some(level) = &self.level {
            write!(f, "-{level}")?;
        }
        if let Some(fragment) = self.fragment {
            write!(f, ".fragment-{fragment}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for StructureId {
    type Error = UnknownStructure;
    fn try_from(text: String) -> Result<Self, UnknownStructure> {
        text.parse()
    }
}

impl From<StructureId> for String {
    fn from(id: StructureId) -> String {
        id.to_string()
    }
}

impl JsonSchema for StructureId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StructureId".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "title": "Structure", "x-terminology": "structure" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_terminology_is_read() {
        let text = include_str!("../../../data/terminology.toml");
        assert!(toml::from_str::<Terminology>(text).unwrap().structure.len() > 15);
    }

    #[test]
    fn names_are_read_back_as_they_were_written() {
        for name in ["bone", "femur-left", "hip-bone-right", "vertebra-L4", "calcaneus-right.fragment-27"] {
            assert_eq!(name.parse::<StructureId>().unwrap().to_string(), name);
        }
        assert_eq!("femur-left".parse::<StructureId>().unwrap().english(), "left femur");
        assert_eq!(
            "calcaneus-right.fragment-3".parse::<StructureId>().unwrap().english(),
            "right calcaneus, fragment 3"
        );
        assert_eq!("femur-left".parse::<StructureId>().unwrap().side(), Some(Side::Left));
    }

    #[test]
    fn every_structure_has_a_chinese_name_with_its_side_and_level() {
        let name = |text: &str| text.parse::<StructureId>().unwrap().chinese();
        assert_eq!(name("femur-left"), "左侧股骨");
        assert_eq!(name("vertebra-L3"), "第3腰椎（L3）");
        assert_eq!(name("vertebra-C1"), "第1颈椎（C1）");
        assert_eq!(name("calcaneus-right.fragment-3"), "右侧跟骨，骨折块3");
        let han = |text: &str| text.chars().all(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for term in TERMS.iter() {
            assert!(!term.chinese.is_empty() && han(&term.chinese), "{}", term.name);
            let letter = |level: &String| level.chars().next().unwrap();
            assert!(term.levels.iter().all(|level| term.chinese_levels.contains_key(&letter(level))));
        }
    }

    #[test]
    fn a_side_is_never_guessed_and_a_typing_mistake_is_refused() {
        for wrong in [
            "",
            "femur",
            "femur-links",
            "femurleft",
            "vertebra",
            "vertebra-L9",
            "bone-left",
            "bone.fragment-0",
            "bone.fragment-01",
            "../bone",
            "calcaneum-left",
        ] {
            let refused = wrong.parse::<StructureId>().unwrap_err();
            assert!(!refused.help().is_empty() && refused.to_string().contains(wrong), "{refused}");
        }
    }
}
