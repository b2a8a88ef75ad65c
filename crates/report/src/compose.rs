//! From the facts of a report to blocks in order: the only place that decides what stands where, and in
//! which words. [`mod@crate::html`] and [`mod@crate::pdf`] only set blocks.

use crate::facts::{Banner, Cell, Figure, Gallery, Listing, Paper, Report, Tone, Verdict};
use crate::language::Texts;
use crate::number::{self, NOT_MEASURED, Quantity};
use osteon_core::{Finding, Severity};

/// How much a heading weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Of a part of the document.
    Section,
    /// Of a group within a part.
    Group,
}

/// How a paragraph looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Below the title.
    Lead,
    /// Ordinary.
    Body,
    /// Bold.
    Strong,
    /// The notice that every document carries.
    Notice,
}

/// A finding in the words of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How much it matters, for colours.
    pub severity: Severity,
    /// How much it matters, as a word.
    pub word: String,
    /// What was found.
    pub message: String,
    /// What to do; may be empty.
    pub remedy: String,
    /// Value, limit, place and code, in one line.
    pub aside: String,
    /// The English sentence where the message tells less; may be empty.
    pub original: String,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// The heads of its columns; none if empty.
    pub head: Vec<String>,
    /// The columns' parts of the width.
    pub shares: Vec<f32>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Block<'a> {
    /// A heading.
    Heading(Level, String),
    /// A paragraph.
    Text(Weight, String),
    /// Names and what they stand for, in the head.
    Facts(Vec<(String, String)>),
    /// Words nobody overlooks.
    Banner(&'a [Banner]),
    /// A finding.
    Finding(Shown),
    /// Pictures.
    Pictures(&'a [Figure]),
    /// A table.
    Table(Grid),
    /// Boxes to be ticked.
    Checklist(&'a [String]),
    /// Lines of a record, with their numbers.
    Numbered(&'a [String]),
    /// A bar of this length in mm, with its caption.
    Scale(f64, String),
}

/// The title of a report, or the word for one.
pub fn title(report: &Report) -> String {
    if report.title.is_empty() { Texts::of(report.language).say("report") } else { report.title.clone() }
}

/// The parts of a report in their order.
pub fn blocks(report: &Report) -> Vec<Block<'_>> {
    let texts = Texts::of(report.language);
    let mut blocks = head(report, texts);
    if !report.banner.is_empty() {
        blocks.push(Block::Banner(&report.banner));
    }
    let pictures = || report.galleries.iter().filter(|g| !g.figures.is_empty()).flat_map(gallery);
    let listings = || report.listings.iter().flat_map(listing);
    match report.paper {
        Paper::Theatre => {
            blocks.extend(pictures());
            blocks.extend(checklist(report, texts));
            blocks.extend(findings(report, texts));
            blocks.extend(measures(report, texts));
            blocks.extend(listings());
            blocks.extend(scale(report, texts));
        }
        Paper::Engineer => {
            blocks.extend(findings(report, texts));
            blocks.extend(pictures());
            blocks.extend(measures(report, texts));
            blocks.extend(checks(report, texts));
            blocks.extend(checklist(report, texts));
            blocks.extend(listings());
            blocks.extend(scale(report, texts));
            blocks.extend(files(report, texts));
            blocks.extend(provenance(report, texts));
        }
    }
    blocks
}

fn head(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    if !report.subtitle.is_empty() {
        blocks.push(Block::Text(Weight::Lead, report.subtitle.clone()));
    }
    if let Some(identity) = &report.identity {
        blocks.push(Block::Text(Weight::Strong, identity.clone()));
    }
    let lines = [
        (texts.say("head.case"), &report.case_id),
        (texts.say("head.date"), &report.date),
        (texts.say("head.made-by"), &report.software),
    ];
    let lines = lines.into_iter().filter(|line| !line.1.is_empty());
    blocks.push(Block::Facts(lines.map(|(name, value)| (name, value.clone())).collect()));
    blocks.push(Block::Text(Weight::Notice, texts.say("notice")));
    blocks.push(Block::Text(Weight::Body, report.headline()));
    blocks
}

fn findings(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    let title = match report.paper {
        Paper::Theatre => texts.say("section.look"),
        Paper::Engineer => texts.say("section.findings"),
    };
    let mut blocks = vec![Block::Heading(Level::Section, title)];
    if report.findings.is_empty() {
        blocks.push(Block::Text(Weight::Body, texts.say("nothing-found")));
    }
    blocks.extend(report.findings_by_severity().into_iter().map(|f| Block::Finding(shown(f, texts))));
    blocks
}

fn shown(finding: &Finding, texts: Texts) -> Shown {
    let said = texts.finding(finding);
    let word = match finding.severity {
        Severity::Danger => texts.say("severity.danger"),
        Severity::Caution => texts.say("severity.caution"),
        Severity::Note => texts.say("severity.note"),
    };
    let asides = [held_against(finding, texts), place(finding, texts), finding.code.clone()];
    let asides: Vec<_> = asides.into_iter().filter(|text| !text.is_empty()).collect();
    Shown {
        severity: finding.severity,
        word,
        message: said.message,
        remedy: said.remedy,
        aside: asides.join(" · "),
        original: said.original,
    }
}

/// What a finding was held against, as a short text: "1.8 mm (limit 1.0 mm, source)"; empty without a value.
fn held_against(finding: &Finding, texts: Texts) -> String {
    let source = match finding.source.as_str() {
        "" => String::new(),
        source => format!("{}{source}", texts.say("list.comma")),
    };
    match (finding.value, finding.limit) {
        (Some(value), Some(limit)) => {
            let [value, limit] = number::against(value, limit, &finding.unit);
            let [value, limit] = [written(&value, texts), written(&limit, texts)];
            texts.say_with("held-against", &[("value", &value), ("limit", &limit), ("source", &source)])
        }
        (Some(value), None) => {
            let [value, _] = number::against(value, f64::NAN, &finding.unit);
            format!("{}{source}", written(&value, texts))
        }
        _ => finding.source.clone(),
    }
}

/// A place in the patient as a short text.
fn place(finding: &Finding, texts: Texts) -> String {
    let Some(place) = finding.place else {
        return String::new();
    };
    let [x, y, z] = place.map(|c| number::distance(c).value);
    texts.say_with("place", &[("x", &x), ("y", &y), ("z", &z)])
}

/// A quantity as it is printed.
fn written(quantity: &Quantity, texts: Texts) -> String {
    if quantity.value == NOT_MEASURED { texts.say("not-measured") } else { quantity.to_string() }
}

fn gallery(gallery: &Gallery) -> Vec<Block<'_>> {
    let mut blocks = vec![Block::Heading(Level::Section, gallery.title.clone())];
    if !gallery.note.is_empty() {
        blocks.push(Block::Text(Weight::Body, gallery.note.clone()));
    }
    blocks.push(Block::Pictures(&gallery.figures));
    blocks
}

fn listing(listing: &Listing) -> Vec<Block<'_>> {
    let mut blocks = vec![Block::Heading(Level::Section, listing.title.clone())];
    if !listing.note.is_empty() {
        blocks.push(Block::Text(Weight::Body, listing.note.clone()));
    }
    if !listing.rows.is_empty() {
        let (head, shares, rows) = (listing.head.clone(), listing.shares.clone(), listing.rows.clone());
        blocks.push(Block::Table(Grid { head, shares, rows }));
    }
    if !listing.figures.is_empty() {
        blocks.push(Block::Pictures(&listing.figures));
    }
    blocks
}

fn measures(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    if report.tables.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Heading(Level::Section, texts.say("section.measures"))];
    for table in &report.tables {
        let rows = table.rows.iter().map(|row| {
            vec![
                Cell::new(Tone::Plain, &row.name),
                Cell::new(Tone::Strong, written(&row.value, texts)),
                Cell::new(Tone::Aside, &row.source),
            ]
        });
        blocks.push(Block::Heading(Level::Group, table.title.clone()));
        blocks.push(Block::Table(Grid {
            head: vec![texts.say("column.measure"), texts.say("column.value"), texts.say("column.source")],
            shares: vec![3.0, 2.6, 3.4],
            rows: rows.collect(),
        }));
    }
    blocks
}

fn checks(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    if report.checks.is_empty() {
        return Vec::new();
    }
    let rows = report.checks.iter().map(|check| {
        let (tone, word) = match check.verdict {
            Verdict::Pass => (Tone::Good, texts.say("verdict.pass")),
            Verdict::Caution => (Tone::Look, texts.say("verdict.caution")),
            Verdict::Fail => (Tone::Bad, texts.say("verdict.fail")),
        };
        vec![
            Cell::new(Tone::Plain, &check.name),
            Cell::new(tone, word),
            Cell::new(Tone::Plain, &check.value),
            Cell::new(Tone::Plain, &check.limit),
            Cell::new(Tone::Aside, &check.source),
        ]
    });
    let head = vec![
        texts.say("column.check"),
        texts.say("column.verdict"),
        texts.say("column.value"),
        texts.say("column.limit"),
        texts.say("column.source"),
    ];
    let grid = Grid { head, shares: vec![3.0, 1.3, 2.2, 2.2, 2.6], rows: rows.collect() };
    vec![Block::Heading(Level::Section, texts.say("section.checks")), Block::Table(grid)]
}

fn checklist(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    if report.checklist.is_empty() {
        return Vec::new();
    }
    vec![Block::Heading(Level::Section, texts.say("section.before-use")), Block::Checklist(&report.checklist)]
}

fn scale(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    let Some(mm) = report.scale else {
        return Vec::new();
    };
    let caption = texts.say_with("scale.caption", &[("mm", &format!("{mm:.0}"))]);
    vec![Block::Heading(Level::Section, texts.say("section.scale")), Block::Scale(mm, caption)]
}

fn files(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    if report.files.is_empty() {
        return Vec::new();
    }
    let rows = report.files.iter().map(|file| {
        vec![
            Cell::new(Tone::Plain, &file.name),
            Cell::new(Tone::Aside, &file.what),
            Cell::new(Tone::Plain, written(&number::bytes(file.bytes), texts)),
            Cell::new(Tone::Fine, &file.sha256),
        ]
    });
    let grid = Grid {
        head: vec![
            texts.say("column.file"),
            texts.say("column.what"),
            texts.say("column.size"),
            texts.say("column.sha256"),
        ],
        shares: vec![2.4, 1.8, 1.2, 3.6],
        rows: rows.collect(),
    };
    vec![Block::Heading(Level::Section, texts.say("section.files")), Block::Table(grid)]
}

fn provenance(report: &Report, texts: Texts) -> Vec<Block<'_>> {
    if report.provenance.is_empty() && report.journal.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Heading(Level::Section, texts.say("section.provenance"))];
    if !report.provenance.is_empty() {
        let facts = report.provenance.iter();
        let rows =
            facts.map(|fact| vec![Cell::new(Tone::Aside, &fact.name), Cell::new(Tone::Plain, &fact.value)]);
        let rows = rows.collect();
        blocks.push(Block::Table(Grid {
            shares: vec![1.0, 3.0],
            head: vec![texts.say("column.what"), texts.say("column.value")],
            rows,
        }));
    }
    if !report.journal.is_empty() {
        blocks.push(Block::Heading(Level::Group, texts.say("section.journal")));
        blocks.push(Block::Numbered(&report.journal));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_example;

    #[test]
    fn a_finding_tells_value_limit_source_and_place() {
        let finding = Finding::new("thin", Severity::Caution, "x").measured(0.8, 1.0, "mm", "profile fdm");
        let aside = |finding: &Finding| shown(finding, Texts::default()).aside.replace('\u{a0}', " ");
        assert_eq!(aside(&finding), "0.8 mm (limit 1.0 mm, profile fdm) · thin");
        let placed = finding.at([1.0, -2.26, 3.0]);
        assert_eq!(aside(&placed), "0.8 mm (limit 1.0 mm, profile fdm) · at 1.0, −2.3, 3.0 mm (LPS) · thin");
        assert_eq!(aside(&Finding::new("a", Severity::Note, "x")), "a");
    }

    #[test]
    fn who_holds_the_part_sees_what_to_check_before_numbers_and_no_journal() {
        let mut report = test_example::report();
        let order = |report: &Report| -> Vec<String> {
            let headings = blocks(report).into_iter().filter_map(|block| match block {
                Block::Heading(Level::Section, text) => Some(text),
                _ => None,
            });
            headings.collect()
        };
        let engineer = order(&report);
        assert_eq!(engineer.first().map(String::as_str), Some("Findings"));
        assert_eq!(engineer.last().map(String::as_str), Some("Provenance"));
        report.paper = Paper::Theatre;
        let theatre = order(&report);
        let at = |wanted: &str| theatre.iter().position(|text| text == wanted);
        assert!(at("Check before use") < at("Measures") && at("Provenance").is_none(), "{theatre:?}");
        assert!(at("Check before use").is_some());
    }
}
