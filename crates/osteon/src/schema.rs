//! Reading a command's JSON Schema: its settings one by one, and values held against them.
//!
//! The schema comes from the command's struct and its doc comments, and is the only description of a
//! command's settings there is: command line, manual, range checks and later the web form read it here.

use crate::failure::Failure;
use osteon_core::ErrorKind;
use serde_json::{Map, Value};

/// Key of the place a setting takes on the command line when it is given without its name (1 = first).
pub const POSITION: &str = "x-position";
/// Key of a map of named choices, each with its own settings (the procedures of `propose`).
pub const CHOICES: &str = "x-choices";

/// Key that keeps each value of a list whole on the command line, commas included.
pub const WHOLE: &str = "x-whole";

/// What values a setting takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number, with its unit if it has one.
    Number(Option<String>),
    /// A whole number.
    Integer,
    /// Any text.
    Text,
    /// One of these words.
    Word(Vec<String>),
    /// Several values of one kind.
    List(Box<Kind>),
}

/// One setting of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name in the schema (snake_case).
    pub name: String,
    /// What it does, in the words of its doc comment.
    pub about: String,
    /// What values it takes.
    pub kind: Kind,
    /// True when it must be given.
    pub required: bool,
    /// The value it has when it is not given.
    pub default: Option<Value>,
    /// Smallest value allowed.
    pub minimum: Option<f64>,
    /// Largest value allowed.
    pub maximum: Option<f64>,
    /// Place on the command line when given without its name.
    pub position: Option<u64>,
    /// True when a comma belongs to a value of the list instead of separating two.
    pub whole: bool,
}

impl Setting {
    /// The name as people type it, in kebab-case.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The allowed range in words: `0 to 5 mm`, `at least 1`.
    pub fn range(&self) -> Option<String> {
        let unit = match &self.kind {
            Kind::Number(Some(unit)) => format!(" {unit}"),
            _ => String::new(),
        };
        match (self.minimum, self.maximum) {
            (Some(low), Some(high)) => Some(format!("{low} to {high}{unit}")),
            (Some(low), None) => Some(format!("at least {low}{unit}")),
            (None, Some(high)) => Some(format!("at most {high}{unit}")),
            (None, None) => None,
        }
    }
}

/// The text that describes a schema: summary (first paragraph) and details (the rest).
pub fn about(schema: &Value) -> (String, String) {
    let text = schema["description"].as_str().unwrap_or_default();
    let (summary, details) = text.split_once("\n\n").unwrap_or((text, ""));
    // Lines end where the source's do; paragraphs are what the writer meant.
    let paragraphs = details.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    (summary.replace('\n', " "), paragraphs.collect::<Vec<_>>().join("\n\n"))
}

/// All settings of a command's schema, in the order of its struct.
pub fn settings(schema: &Value) -> Vec<Setting> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let facts = resolve(property, schema);
            let number = |key: &str| property[key].as_f64().or_else(|| facts[key].as_f64());
            Setting {
                name: name.clone(),
                about: property["description"].as_str().unwrap_or_default().replace('\n', " "),
                kind: kind(property, schema),
                required: required.contains(&name.as_str()),
                default: property.get("default").filter(|value| !value.is_null()).cloned(),
                minimum: number("minimum"),
                maximum: number("maximum"),
                position: property[POSITION].as_u64(),
                whole: property[WHOLE].as_bool().unwrap_or_default(),
            }
        })
        .collect()
}

/// Follows a reference and drops the "or null" of an optional setting.
fn resolve<'a>(property: &'a Value, root: &'a Value) -> &'a Value {
    if let Some(target) = property["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
        return root.pointer(target).map_or(property, |found| resolve(found, root));
    }
    let options = property["anyOf"].as_array().into_iter().flatten();
    match options.into_iter().find(|option| option["type"] != "null") {
        Some(option) => resolve(option, root),
        None => property,
    }
}

fn kind(property: &Value, root: &Value) -> Kind {
    let facts = resolve(property, root);
    let words = |key: &str, of: fn(&Value) -> Option<&str>| -> Vec<String> {
        let list = facts[key].as_array().into_iter().flatten();
        list.filter_map(of).map(str::to_owned).collect()
    };
    let choices = [words("oneOf", |v| v["const"].as_str()), words("enum", Value::as_str)].concat();
    if !choices.is_empty() {
        return Kind::Word(choices);
    }
    let named = facts["type"].as_str();
    let types = facts["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match named.or_else(|| types.into_iter().find(|t| *t != "null")) {
        Some("number") => Kind::Number(facts["x-unit"].as_str().map(str::to_owned)),
        Some("integer") => Kind::Integer,
        Some("array") => Kind::List(Box::new(kind(&facts["items"], root))),
        _ => Kind::Text,
    }
}

/// Turns the text a person typed into the value a setting takes.
pub fn parse(text: &str, kind: &Kind) -> Result<Value, String> {
    match kind {
        Kind::Number(unit) => {
            let bare = text.trim();
            let bare = unit.as_deref().and_then(|unit| bare.strip_suffix(unit)).unwrap_or(bare).trim_end();
            let unit = unit.as_deref().map_or_else(String::new, |unit| format!(" in {unit}"));
            let number = bare.parse::<f64>().ok().filter(|n| n.is_finite());
            number.map(Value::from).ok_or_else(|| format!("\"{text}\" is not a number{unit}"))
        }
        Kind::Integer => {
            text.parse::<i64>().map(Value::from).map_err(|_| format!("\"{text}\" is not a whole number"))
        }
        Kind::Word(words) if !words.iter().any(|word| word == text) => {
            Err(format!("\"{text}\" is not one of: {}", words.join(", ")))
        }
        Kind::List(each) => parse(text, each),
        Kind::Text | Kind::Word(_) => Ok(Value::from(text)),
    }
}

/// Checks that every number of the settings lies in its range.
pub fn check(settings: &Map<String, Value>, schema: &Value) -> Result<(), Failure> {
    for setting in self::settings(schema) {
        let Some(value) = settings.get(&setting.name).and_then(Value::as_f64) else {
            continue;
        };
        let low = setting.minimum.is_some_and(|minimum| value < minimum);
        let high = setting.maximum.is_some_and(|maximum| value > maximum);
        if low || high {
            let range = setting.range().unwrap_or_default();
            let message = format!("--{}: {value} is outside {range}", setting.flag());
            return Err(Failure::new(
                ErrorKind::Input,
                "out-of-range",
                message,
                format!("give a value of {range}"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::{Mm, Side};
    use schemars::JsonSchema;

    /// Does a thing
    ///
    /// At length.
    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is read")]
    struct Thing {
        /// Where it is
        #[schemars(extend("x-position" = 1))]
        folder: String,
        /// How far
        #[schemars(range(min = 0.0, max = 5.0))]
        margin: Option<Mm>,
        /// Which side
        side: Option<Side>,
        /// How many
        #[serde(default)]
        count: u32,
        /// Names
        #[serde(default)]
        names: Vec<String>,
    }

    #[test]
    fn every_kind_of_setting_is_read_from_the_schema() {
        let schema = schemars::schema_for!(Thing).to_value();
        assert_eq!(about(&schema), ("Does a thing".to_owned(), "At length.".to_owned()));
        let all = settings(&schema);
        let kinds: Vec<_> = all.iter().map(|s| (s.name.as_str(), s.kind.clone(), s.required)).collect();
        let word = Kind::Word(vec!["left".to_owned(), "right".to_owned()]);
        assert_eq!(
            kinds,
            [
                ("folder", Kind::Text, true),
                ("margin", Kind::Number(Some("mm".to_owned())), false),
                ("side", word, false),
                ("count", Kind::Integer, false),
                ("names", Kind::List(Box::new(Kind::Text)), false),
            ]
        );
        assert_eq!(all[0].position, Some(1));
        assert_eq!(all[1].range().unwrap(), "0 to 5 mm");
    }

    #[test]
    fn a_value_outside_its_range_is_refused_with_flag_range_and_unit() {
        let schema = schemars::schema_for!(Thing).to_value();
        let given = |margin: f64| Map::from_iter([("margin".to_owned(), Value::from(margin))]);
        check(&given(5.0), &schema).unwrap();
        let refused = check(&given(9.0), &schema).unwrap_err();
        assert_eq!(refused.message, "--margin: 9 is outside 0 to 5 mm");
    }

    #[test]
    fn typed_text_becomes_the_value_its_setting_takes() {
        let mm = Kind::Number(Some("mm".to_owned()));
        assert_eq!(parse("1.5mm", &mm), Ok(Value::from(1.5)));
        assert!(parse("1.5cm", &mm).unwrap_err().contains("mm"));
        assert!(parse("nan", &mm).is_err());
        assert!(parse("up", &Kind::Word(vec!["left".to_owned()])).unwrap_err().contains("left"));
    }
}
