//! What a report says: plain data, gathered by the caller.

use crate::number::{self, Quantity};
use osteon_core::{Finding, Severity};
use osteon_view::{Picture, ViewError, png};

/// Stands on every page of every report.
pub const NOTICE: &str = "Research and planning use, not a medical device.";

/// All a report says. Empty parts are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What the report is about, as its heading.
    pub title: String,
    /// One line below the title.
    pub subtitle: String,
    /// The case's own name: no patient's name.
    pub case_id: String,
    /// A line naming the patient, only if the caller decides so.
    pub identity: Option<String>,
    /// The date to print, as the caller writes it.
    pub date: String,
    /// Name and version of the software.
    pub software: String,
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// Pictures, in groups.
    pub galleries: Vec<Gallery>,
    /// Measures, in groups.
    pub tables: Vec<Table>,
    /// Checks and their verdicts.
    pub checks: Vec<Check>,
    /// The files that belong to the report.
    pub files: Vec<Product>,
    /// Where the data came from and what was set: series, profile, versions.
    pub provenance: Vec<Fact>,
    /// What was done, line by line.
    pub journal: Vec<String>,
}

/// A group of pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gallery {
    /// Heading of the group.
    pub title: String,
    /// A sentence on how to read the pictures; may be empty.
    pub note: String,
    /// The pictures.
    pub figures: Vec<Figure>,
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What is printed below.
    pub caption: String,
    /// What the picture shows, for those who cannot see it.
    pub alt: String,
    /// The picture as a PNG file.
    pub png: Vec<u8>,
}

impl Figure {
    /// A picture with its caption and description.
    ///
    /// # Errors
    /// [`ViewError::Encode`] when the picture cannot be encoded.
    pub fn new(caption: &str, alt: &str, picture: &Picture) -> Result<Self, ViewError> {
        Ok(Self { caption: caption.to_owned(), alt: alt.to_owned(), png: png::png(picture)? })
    }
}

/// A group of measures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Heading of the group.
    pub title: String,
    /// The measures.
    pub rows: Vec<Measure>,
}

/// A measure: no number without unit, method and source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    /// What was measured.
    pub name: String,
    /// The number and its unit.
    pub value: Quantity,
    /// How it was measured, or where it comes from.
    pub source: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Within its limit.
    Pass,
    /// Look before using the result.
    Caution,
    /// Beyond its limit.
    Fail,
}

impl Verdict {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Caution => "caution",
            Verdict::Fail => "fail",
        }
    }
}

/// A check and its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How it went.
    pub verdict: Verdict,
    /// The value, with unit; may be empty.
    pub value: String,
    /// The limit, with unit; may be empty.
    pub limit: String,
    /// Method, or source of the limit.
    pub source: String,
}

/// A file that belongs to the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Product {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A name and what it stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub value: String,
}

impl Report {
    /// Findings, the gravest first; among equals in the order given.
    pub fn findings_by_severity(&self) -> Vec<&Finding> {
        let mut findings: Vec<_> = self.findings.iter().collect();
        findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
        findings
    }

    /// One line that sums up findings and checks.
    pub fn headline(&self) -> String {
        let found = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        let found = counted([
            (found(Severity::Danger), "danger", "dangers"),
            (found(Severity::Caution), "caution", "cautions"),
            (found(Severity::Note), "note", "notes"),
        ]);
        let gone = |verdict| self.checks.iter().filter(|c| c.verdict == verdict).count();
        let gone = counted([
            (gone(Verdict::Fail), "fails", "fail"),
            (gone(Verdict::Caution), "with caution", "with caution"),
            (gone(Verdict::Pass), "passes", "pass"),
        ]);
        let found = if found.is_empty() { "none".to_owned() } else { found };
        let gone = if gone.is_empty() { "none made".to_owned() } else { gone };
        format!("Findings: {found}. Checks: {gone}.")
    }
}

fn counted(parts: [(usize, &str, &str); 3]) -> String {
    let named = parts.into_iter().filter(|part| part.0 > 0);
    let words = named.map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }));
    words.collect::<Vec<_>>().join(", ")
}

/// What a finding was held against, as a short text: "1.8 mm (limit 1.0 mm, source)"; empty without a value.
pub fn held_against(finding: &Finding) -> String {
    let source = match finding.source.as_str() {
        "" => String::new(),
        source => format!(", {source}"),
    };
    match (finding.value, finding.limit) {
        (Some(value), Some(limit)) => {
            let [value, limit] = number::against(value, limit, &finding.unit);
            format!("{value} (limit {limit}{source})")
        }
        (Some(value), None) => {
            let [value, _] = number::against(value, f64::NAN, &finding.unit);
            format!("{value}{source}")
        }
        _ => finding.source.clone(),
    }
}

/// A place in the patient as a short text.
pub fn place(finding: &Finding) -> String {
    let Some(place) = finding.place else {
        return String::new();
    };
    let [x, y, z] = place.map(|c| number::distance(c).value);
    format!("at {x}, {y}, {z} mm (LPS)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_example;

    #[test]
    fn the_headline_counts_what_there_is() {
        assert_eq!(
            test_example::report().headline(),
            "Findings: 1 danger, 1 caution, 1 note. Checks: 1 fails, 1 with caution, 2 pass."
        );
        assert_eq!(Report::default().headline(), "Findings: none. Checks: none made.");
    }

    #[test]
    fn the_gravest_finding_comes_first() {
        let report = test_example::report();
        let order: Vec<_> = report.findings_by_severity().iter().map(|f| f.severity).collect();
        assert_eq!(order, [Severity::Danger, Severity::Caution, Severity::Note]);
    }

    #[test]
    fn a_finding_tells_value_limit_and_source() {
        let finding = Finding::new("thin", Severity::Caution, "x").measured(0.8, 1.0, "mm", "profile fdm");
        assert_eq!(held_against(&finding).replace('\u{a0}', " "), "0.8 mm (limit 1.0 mm, profile fdm)");
        assert_eq!(held_against(&Finding::new("a", Severity::Note, "x")), "");
        assert_eq!(place(&finding.at([1.0, -2.26, 3.0])), "at 1.0, −2.3, 3.0 mm (LPS)");
    }
}
