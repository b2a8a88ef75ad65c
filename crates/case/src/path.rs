//! Names of files inside a case that are safe on every system.

use crate::error::CaseError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A file or folder of a case, relative to the case folder, parts separated by `/`.
///
/// Parts hold only ASCII letters, digits, `.`, `-` and `_`, and begin with a letter, digit or `_`: there
/// is no way to write an absolute path, `..`, a hidden file, an option, a drive, a NUL or a device name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CasePath(String);

/// Longest path, in bytes: leaves room for the case folder within the 260 of older Windows.
const LONGEST: usize = 160;

/// Deepest path, in parts.
const DEEPEST: usize = 8;

/// First parts that belong to the case itself; compared without regard to case, as some disks do.
const RESERVED: [&str; 8] =
    ["case.toml", "identity.toml", "journal.jsonl", "journal.head", "objects", "tmp", "cache", "lock"];

impl CasePath {
    /// A path from its text.
    ///
    /// # Errors
    /// [`CaseError::BadPath`] if it could leave the case folder or is not portable.
    pub fn new(text: &str) -> Result<Self, CaseError> {
        let bad =
            |what: &str| CaseError::BadPath { path: text.escape_debug().to_string(), what: what.to_owned() };
        if text.is_empty() {
            return Err(bad("is empty"));
        }
        if text.len() > LONGEST {
            return Err(bad(&format!("has {} bytes, more than {LONGEST}", text.len())));
        }
        if text.split('/').count() > DEEPEST {
            return Err(bad(&format!("is deeper than {DEEPEST} parts")));
        }
        for part in text.split('/') {
            check_part(part).map_err(|what| bad(&what))?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The case folder itself.
    pub(crate) const fn root() -> Self {
        Self(String::new())
    }

    /// A name this crate itself made.
    pub(crate) fn own(text: &str) -> Self {
        debug_assert!(Self::new(text).is_ok(), "{text} is not a path");
        Self(text.to_owned())
    }

    /// A name in this folder, if it is a valid one.
    pub(crate) fn join(&self, name: &str) -> Result<Self, CaseError> {
        if self.is_root() { Self::new(name) } else { Self::new(&format!("{}/{name}", self.0)) }
    }

    /// The path as text; empty for the case folder.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts from the case folder inwards.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The folder it lies in.
    pub fn parent(&self) -> Self {
        Self(self.0.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned()))
    }

    /// True for the case folder itself.
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// True for names that belong to the case itself, which no artefact may take.
    pub fn is_reserved(&self) -> bool {
        let first = self.parts().next().unwrap_or_default();
        RESERVED.iter().any(|name| name.eq_ignore_ascii_case(first))
    }

    /// True if a disk that ignores case could take them for the same, or one must be a folder in the other.
    pub(crate) fn clashes(&self, other: &Self) -> bool {
        if self == other {
            return false;
        }
        let inside =
            |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        let (a, b) = (self.0.to_ascii_lowercase(), other.0.to_ascii_lowercase());
        a == b || inside(&a, &b) || inside(&b, &a)
    }
}

/// What is wrong with one part of a path.
fn check_part(part: &str) -> Result<(), String> {
    let Some(first) = part.chars().next() else {
        return Err("has an empty part".to_owned());
    };
    if let Some(odd) = part.chars().find(|c| !(c.is_ascii_alphanumeric() || "._-".contains(*c))) {
        return Err(format!("holds {odd:?}; only ASCII letters, digits, '.', '-' and '_' are portable"));
    }
    if !(first.is_ascii_alphanumeric() || first == '_') || part.ends_with('.') {
        return Err(format!("has the part {part:?}, which begins with '.' or '-' or ends with '.'"));
    }
    let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = stem.len() == 4
        && (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.ends_with(char::is_numeric);
    if numbered || ["con", "prn", "aux", "nul"].contains(&stem.as_str()) {
        return Err(format!("has the part {part:?}, a device on some systems"));
    }
    Ok(())
}

impl fmt::Display for CasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CasePath {
    type Error = CaseError;
    fn try_from(text: String) -> Result<Self, CaseError> {
        Self::new(&text)
    }
}

impl From<CasePath> for String {
    fn from(path: CasePath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_could_leave_the_case_are_refused() {
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a\0b",
            "a\\b",
            "C:x",
            "\\\\host\\share",
            ".hidden",
            "-rf",
            "a b",
            "naïve",
            "nul",
            "a/CON.txt",
            "com1",
            "a.",
            "a\nb",
            "a/b/c/d/e/f/g/h/i",
        ] {
            assert!(CasePath::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(CasePath::new(&"a".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn ordinary_names_are_accepted_and_know_their_folder() {
        let path = CasePath::new("products/vertebra-L4_guide.3mf").unwrap();
        assert_eq!(path.parent().as_str(), "products");
        assert!(path.parent().parent().is_root());
        assert!(!path.is_reserved());
        assert!(CasePath::new("Journal.jsonl").unwrap().is_reserved());
        assert!(CasePath::new("objects/ab/x").unwrap().is_reserved());
    }

    #[test]
    fn names_that_share_a_place_clash() {
        let path = |text| CasePath::new(text).unwrap();
        assert!(path("plan.json").clashes(&path("Plan.JSON")));
        assert!(path("a").clashes(&path("a/b")));
        assert!(path("A/b").clashes(&path("a")));
        assert!(!path("a").clashes(&path("ab/c")));
        assert!(!path("a").clashes(&path("a")));
    }

    proptest! {
        #[test]
        fn no_accepted_path_leaves_its_folder(text in "[a./\\\\: -]{0,12}|\\PC{0,12}") {
            if let Ok(path) = CasePath::new(&text) {
                let joined = std::path::Path::new("/case").join(path.as_str());
                let plain = joined.components().skip(2).all(|c| matches!(c, std::path::Component::Normal(_)));
                prop_assert!(joined.starts_with("/case") && plain);
            }
        }
    }
}
