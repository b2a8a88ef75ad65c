//! What a report says: plain data, gathered by the caller.

use crate::language::{Language, Texts};
use crate::number::Quantity;
use osteon_core::{Finding, Severity};
use osteon_view::{Picture, ViewError, png};

/// Who a document is for, which decides the order of its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paper {
    /// Whoever answers for it: everything.
    #[default]
    Engineer,
    /// Who holds the part in the hand: what it is, what to look at.
    Theatre,
}

/// All a report says. Empty parts are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The language of the words that are not given here. What is given should be in it already, but for
    /// findings, which are translated here.
    pub language: Language,
    /// Who it is for.
    pub paper: Paper,
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
    /// Words so large that nobody overlooks them: structure, level, side.
    pub banner: Vec<Banner>,
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// Pictures, in groups.
    pub galleries: Vec<Gallery>,
    /// Measures, in groups.
    pub tables: Vec<Table>,
    /// Checks and their verdicts.
    pub checks: Vec<Check>,
    /// What to check by hand before use.
    pub checklist: Vec<String>,
    /// Further tables: labels, approvals, error budget, what a level asks for.
    pub listings: Vec<Listing>,
    /// A bar of this many millimetres to be held against a ruler.
    pub scale: Option<f64>,
    /// The files that belong to the report.
    pub files: Vec<Product>,
    /// Where the data came from and what was set: series, profile, versions.
    pub provenance: Vec<Fact>,
    /// What was done, line by line.
    pub journal: Vec<String>,
}

/// Large words and what they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Banner {
    /// The large words.
    pub huge: String,
    /// What stands below them, small.
    pub small: String,
}

/// How a text of a table looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As ordinary text.
    #[default]
    Plain,
    /// Bold.
    Strong,
    /// Grey.
    Aside,
    /// Small and grey, for hashes.
    Fine,
    /// As something that is done or passes.
    Good,
    /// As something to look at.
    Look,
    /// As something that fails or is missing.
    Bad,
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
}

impl Cell {
    /// A cell that looks like this.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }
}

/// A table with a heading of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Its heading.
    pub title: String,
    /// A sentence on how to read it; may be empty.
    pub note: String,
    /// The heads of its columns.
    pub head: Vec<String>,
    /// The columns' parts of the width.
    pub shares: Vec<f32>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
    /// Pictures that belong to it, such as codes to be scanned.
    pub figures: Vec<Figure>,
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
    /// The word for it in records and style sheets.
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
        let texts = Texts::of(self.language);
        let found = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        let found = counted(
            texts,
            [
                (found(Severity::Danger), "danger"),
                (found(Severity::Caution), "caution"),
                (found(Severity::Note), "note"),
            ],
        );
        let gone = |verdict| self.checks.iter().filter(|c| c.verdict == verdict).count();
        let gone = counted(
            texts,
            [
                (gone(Verdict::Fail), "fail"),
                (gone(Verdict::Caution), "with-caution"),
                (gone(Verdict::Pass), "pass"),
            ],
        );
        let found = if found.is_empty() { texts.say("headline.none-found") } else { found };
        let gone = if gone.is_empty() { texts.say("headline.none-made") } else { gone };
        texts.say_with("headline.line", &[("found", &found), ("gone", &gone)])
    }
}

/// "1 danger, 2 cautions", without what there is none of.
fn counted(texts: Texts, parts: [(usize, &str); 3]) -> String {
    let words = parts.into_iter().filter(|part| part.0 > 0).map(|(n, what)| {
        let key = if n == 1 { format!("one.{what}") } else { format!("many.{what}") };
        texts.say_with(&key, &[("n", &n.to_string())])
    });
    words.collect::<Vec<_>>().join(&texts.say("list.comma"))
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
}
