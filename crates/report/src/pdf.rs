//! The report as an A4 document: the order and the words; `flow` sets them, `ink` writes them.

use crate::compose::{self, Block, Grid, Level, Shown, Weight};
use crate::face::{Face, MISSING};
use crate::facts::{Cell, Figure, Report, Tone};
use crate::flow::{Flow, Rgb, Row, SOFT, Style};
use crate::language::Texts;
use crate::{ReportError, ink};
use krilla::image::Image;
use osteon_core::Severity;
use std::num::NonZeroU16;

const DANGER: Rgb = [179, 38, 30];
const CAUTION: Rgb = [156, 104, 0];
const NOTE: Rgb = [47, 93, 138];
const PASS: Rgb = [30, 107, 60];

const TITLE: NonZeroU16 = NonZeroU16::MIN;
const SECTION: NonZeroU16 = TITLE.saturating_add(1);
const GROUP: NonZeroU16 = TITLE.saturating_add(2);

/// The report as the bytes of a PDF file, tagged for reading aloud (PDF/UA-1); the same facts give the
/// same bytes. A character that no bundled font has is shown as an empty box, and the document's last
/// line says how many there were.
///
/// # Errors
/// [`ReportError::Picture`] when a picture cannot be read, [`ReportError::Document`] when the writer fails.
pub fn pdf(report: &Report) -> Result<Vec<u8>, ReportError> {
    let mut flow = Flow::new(Face::pair()?);
    flow.heading(&compose::title(report), TITLE);
    for block in compose::blocks(report) {
        set(&mut flow, &block)?;
    }
    if flow.missing > 0 {
        flow.gap(14.0);
        let count = flow.missing.to_string();
        let texts = Texts::of(report.language);
        let text = texts.say_with("missing", &[("n", &count), ("box", &MISSING.to_string())]);
        flow.paragraph(&text, Style::ASIDE);
    }
    ink::write(report, flow)
}

fn set(flow: &mut Flow, block: &Block<'_>) -> Result<(), ReportError> {
    match block {
        Block::Heading(Level::Section, text) => flow.heading(text, SECTION),
        Block::Heading(Level::Group, text) => flow.heading(text, GROUP),
        Block::Text(Weight::Lead, text) => {
            flow.paragraph(text, Style { size: 11.0, ..Style::ASIDE });
            flow.gap(6.0);
        }
        Block::Text(Weight::Body, text) => flow.paragraph(text, Style::BODY),
        Block::Text(Weight::Strong, text) => flow.paragraph(text, Style::STRONG),
        Block::Text(Weight::Notice, text) => {
            flow.gap(6.0);
            flow.paragraph(text, Style::STRONG);
        }
        Block::Facts(facts) => {
            let line: Vec<_> = facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            flow.paragraph(&line.join("   "), Style::BODY);
        }
        Block::Banner(banners) => banners.iter().for_each(|one| flow.banner(&one.huge, &one.small)),
        Block::Finding(shown) => finding(flow, shown),
        Block::Pictures(figures) => pictures(flow, figures)?,
        Block::Table(grid) => table(flow, grid),
        Block::Checklist(lines) => lines.iter().for_each(|line| flow.tick(line)),
        Block::Numbered(lines) => {
            for (n, line) in lines.iter().enumerate() {
                flow.paragraph(&format!("{}. {line}", n + 1), Style::ASIDE);
            }
        }
        Block::Scale(mm, caption) => flow.scale(*mm, caption),
    }
    Ok(())
}

fn finding(flow: &mut Flow, shown: &Shown) {
    let tone = match shown.severity {
        Severity::Danger => DANGER,
        Severity::Caution => CAUTION,
        Severity::Note => NOTE,
    };
    flow.gap(6.0);
    flow.together(4, Style::BODY);
    let word = Style { colour: tone, size: 8.0, ..Style::STRONG };
    flow.barred(&shown.word.to_uppercase(), word, tone);
    flow.barred(&shown.message, Style::STRONG, tone);
    if !shown.original.is_empty() {
        flow.barred(&shown.original, Style::ASIDE, tone);
    }
    if !shown.remedy.is_empty() {
        flow.barred(&shown.remedy, Style::BODY, tone);
    }
    flow.barred(&shown.aside, Style::ASIDE, tone);
}

fn pictures(flow: &mut Flow, figures: &[Figure]) -> Result<(), ReportError> {
    let mut pictures = Vec::new();
    for figure in figures {
        let image = Image::from_png(figure.png.clone().into(), true)
            .map_err(|reason| ReportError::Picture { caption: figure.caption.clone(), reason })?;
        pictures.push((image, figure.caption.as_str(), figure.alt.as_str()));
    }
    flow.pictures(&pictures);
    Ok(())
}

fn table(flow: &mut Flow, grid: &Grid) {
    let rows: Vec<Row> = grid.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    flow.table(&grid.shares, &grid.head, &rows);
}

fn cell(cell: &Cell) -> (String, Style) {
    let style = match cell.tone {
        Tone::Plain => Style::BODY,
        Tone::Strong => Style::STRONG,
        Tone::Aside => Style::ASIDE,
        Tone::Fine => Style { size: 7.0, colour: SOFT, ..Style::BODY },
        Tone::Good => Style { colour: PASS, ..Style::STRONG },
        Tone::Look => Style { colour: CAUTION, ..Style::STRONG },
        Tone::Bad => Style { colour: DANGER, ..Style::STRONG },
    };
    (cell.text.clone(), style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_example;

    fn count(bytes: &[u8], needle: &[u8]) -> usize {
        bytes.windows(needle.len()).filter(|window| *window == needle).count()
    }

    #[test]
    fn a_report_becomes_a_whole_document() {
        let bytes = pdf(&test_example::report()).unwrap();
        assert!(bytes.starts_with(b"%PDF-1.7"));
        assert!(bytes.trim_ascii_end().ends_with(b"%%EOF"));
        assert!(count(&bytes, b"/Type/Page/") + count(&bytes, b"/Type /Page\n") >= 2);
        assert_eq!(count(&bytes, b"CreationDate"), 0);
    }

    #[test]
    fn the_same_facts_give_the_same_bytes_at_any_number_of_threads() {
        let report = test_example::report();
        let bytes = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pdf(&report).unwrap())
        };
        let one = bytes(1);
        assert!(one == bytes(1) && one == bytes(2) && one == bytes(8));
        let mut other = report.clone();
        other.case_id = "another".to_owned();
        assert!(one != pdf(&other).unwrap());
    }

    #[test]
    fn an_empty_report_and_one_in_a_foreign_script_can_be_written() {
        assert!(pdf(&Report::default()).is_ok());
        let mut report = test_example::report();
        report.title = "胫骨 骨折 🦴 \u{202e}\u{0}".to_owned();
        report.findings[1].message = "骨".repeat(4000);
        report.files[0].sha256 = String::new();
        assert!(pdf(&report).is_ok());
    }

    #[test]
    fn a_chinese_document_embeds_the_chinese_font_and_an_english_one_does_not() {
        let mut report = test_example::report();
        assert_eq!(count(&pdf(&report).unwrap(), b"NotoSansCJKsc"), 0);
        report.language = crate::Language::Chinese;
        let bytes = pdf(&report).unwrap();
        assert!(count(&bytes, b"NotoSansCJKsc") > 0 && count(&bytes, b"zh-Hans") > 0);
        assert!(bytes == pdf(&report).unwrap());
    }

    #[test]
    fn a_picture_that_is_no_picture_is_named() {
        let mut report = test_example::report();
        report.galleries[0].figures[1].png.truncate(10);
        let error = pdf(&report).unwrap_err();
        assert!(error.to_string().contains("\"from behind\""), "{error}");
        report.galleries[0].figures[1] = test_example::figure("cut short");
        let png = &mut report.galleries[0].figures[1].png;
        png.truncate(png.len() / 2);
        assert!(pdf(&report).is_err());
    }
}
