//! What may tell who a patient is, collected so that it can be looked for in what is handed out.

use super::grammar::is_standard;
use super::search::Search;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// How an identifier may be spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// A person's name: every part, and two parts in either order.
    Name,
    /// `YYYYMMDD`, in the usual orders and separators.
    Date,
    /// A DICOM unique identifier.
    Uid,
    /// As it stands, from four characters on.
    Text,
    /// As it stands, from eight characters on: a description or a private value, which is rarely an identifier.
    Description,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identifier {
    pub(super) kind: &'static str,
    pub(super) form: Form,
    pub(super) text: String,
}

/// Identifiers of a patient, a study and a place. Its `Debug` shows nothing, so that it cannot slip into a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identifiers {
    found: BTreeSet<Identifier>,
}

impl fmt::Debug for Identifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifiers({} withheld)", self.found.len())
    }
}

/// Longest text taken whole, in characters; of a longer one its beginning is looked for.
const LONGEST: usize = 64;

/// Parts of a path that say nothing about a person.
const GENERIC: [&str; 37] = [
    "archive",
    "case",
    "cases",
    "data",
    "desktop",
    "dicom",
    "dicomdir",
    "documents",
    "downloads",
    "export",
    "files",
    "folder",
    "home",
    "image",
    "images",
    "import",
    "media",
    "mount",
    "original",
    "originals",
    "patient",
    "patients",
    "private",
    "project",
    "projects",
    "public",
    "root",
    "scan",
    "scans",
    "series",
    "shared",
    "slice",
    "slices",
    "studies",
    "study",
    "user",
    "users",
];

impl Identifiers {
    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds a person's name, as `FAMILY^GIVEN` or in words.
    pub fn add_name(&mut self, kind: &'static str, name: &str) {
        self.add(kind, Form::Name, name);
    }

    /// Adds a date, `YYYYMMDD`; what does not begin with one is left out.
    pub fn add_date(&mut self, kind: &'static str, date: &str) {
        let digits: String = date.chars().take(8).collect();
        if digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()) {
            self.add(kind, Form::Date, &digits);
        }
    }

    /// Adds a unique identifier; those that DICOM itself gives identify nobody.
    pub fn add_uid(&mut self, uid: &str) {
        let uid = uid.trim_matches([' ', '\0']);
        if !is_standard(uid) {
            self.add("unique identifier", Form::Uid, uid);
        }
    }

    /// Adds a text that identifies as it stands: a number, an address, an institution.
    pub fn add_text(&mut self, kind: &'static str, text: &str) {
        self.add(kind, Form::Text, text);
        // An address is recognised by its parts too.
        for part in text.split(['^', ',', ';', '\n', '\r']).filter(|part| part.chars().count() >= 8) {
            self.add(kind, Form::Text, part);
        }
    }

    /// Adds a description or a private value.
    pub(super) fn add_description(&mut self, kind: &'static str, text: &str) {
        self.add(kind, Form::Description, text);
    }

    /// Adds what looks like a name in a path: words of at least four letters that are not generic.
    pub fn add_path(&mut self, path: &Path) {
        for component in path.components() {
            let text = component.as_os_str().to_string_lossy();
            for word in text.split(|c: char| !c.is_alphabetic()) {
                if !GENERIC.contains(&word.to_lowercase().as_str()) {
                    self.add("path or file name", Form::Text, word);
                }
            }
            // A number in a path is a patient's or an order's when it is long.
            for number in text.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() >= 7) {
                self.add("path or file name", Form::Text, number);
            }
        }
    }

    /// Adds all of another collection.
    pub fn merge(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// A search for all of them. `vocabulary` is the text that everything handed out contains anyway: a name
    /// that is a word of it proves nothing there.
    pub fn search(&self, vocabulary: &str) -> Search {
        Search::new(self.found.iter(), vocabulary)
    }

    /// True when a value is an identifier as it stands, or one of a name's parts, in any case.
    pub(super) fn has(&self, value: &str) -> bool {
        let same = |text: &str| text.trim().eq_ignore_ascii_case(value);
        self.found.iter().any(|identifier| match identifier.form {
            Form::Name => identifier.text.split(['^', '=', ' ', ',']).any(same) || same(&identifier.text),
            Form::Description => false,
            _ => same(&identifier.text),
        })
    }

    fn add(&mut self, kind: &'static str, form: Form, text: &str) {
        let text: String = text.trim_matches([' ', '\0']).chars().take(LONGEST).collect();
        if !text.is_empty() {
            self.found.insert(Identifier { kind, form, text });
        }
    }
}

/// Everything an identifier may be spelled as.
pub(super) fn spellings(identifier: &Identifier) -> Vec<String> {
    let text = identifier.text.clone();
    match identifier.form {
        Form::Name => names(&text),
        Form::Date => dates(&text),
        Form::Uid | Form::Text => vec![text],
        Form::Description if text.chars().count() >= 8 => vec![text],
        Form::Description => Vec::new(),
    }
}

fn names(text: &str) -> Vec<String> {
    let mut spelled = vec![text.to_owned()];
    for group in text.split('=') {
        let parts: Vec<&str> =
            group.split(['^', ' ', ',', '\\']).map(str::trim).filter(|part| !part.is_empty()).collect();
        spelled.extend(group.split('^').map(|part| part.trim().to_owned()));
        spelled.extend(parts.iter().map(|&part| part.to_owned()));
        for pair in parts.windows(2) {
            for (a, b) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                spelled.extend(
                    ["^", " ", ", ", ",", "_", "-", ".", ""].map(|between| format!("{a}{between}{b}")),
                );
            }
        }
    }
    spelled
}

fn dates(text: &str) -> Vec<String> {
    let (year, month, day) = (&text[..4], &text[4..6], &text[6..8]);
    let mut spelled = Vec::new();
    for between in ["", "-", ".", "/"] {
        for order in [[year, month, day], [day, month, year], [month, day, year]] {
            spelled.push(order.join(between));
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_dates_are_spelled_as_people_and_programs_do() {
        let names = names("SMITH^JOHN PAUL");
        for spelled in ["SMITH", "JOHN", "JOHN SMITH", "SMITH, JOHN", "SMITH_JOHN", "JOHN PAUL", "SMITHJOHN"]
        {
            assert!(names.iter().any(|name| name == spelled), "{spelled}");
        }
        let dates = dates("19610412");
        for spelled in ["1961-04-12", "12.04.1961", "04/12/1961", "12041961"] {
            assert!(dates.iter().any(|date| date == spelled), "{spelled}");
        }
    }

    #[test]
    fn of_a_path_only_what_looks_like_a_name_or_a_number_is_taken() {
        let mut identifiers = Identifiers::default();
        identifiers.add_path(Path::new("/home/data/SMITH_JOHN_4711042/CT000001.dcm"));
        let found: Vec<&str> = identifiers.found.iter().map(|i| i.text.as_str()).collect();
        for name in ["SMITH", "JOHN", "4711042"] {
            assert!(found.contains(&name), "{found:?}");
        }
        assert!(!found.contains(&"home") && !found.contains(&"000001"), "{found:?}");
        assert!(identifiers.has("smith") && !identifiers.has("smit"));
        assert!(!format!("{identifiers:?}").contains("SMITH"));
    }
}
