//! The report as an A4 document: the order and the words; `flow` sets them, `ink` writes them.

use crate::face::{Face, MISSING};
use crate::facts::{Gallery, NOTICE, Report, Verdict, held_against, place};
use crate::flow::{Flow, Rgb, Row, SOFT, Style};
use crate::{ReportError, ink, number};
use krilla::image::Image;
use osteon_core::{Finding, Severity};
use std::num::NonZeroU16;

const DANGER: Rgb = [179, 38, 30];
const CAUTION: Rgb = [156, 104, 0];
const NOTE: Rgb = [47, 93, 138];
const PASS: Rgb = [30, 107, 60];

const TITLE: NonZeroU16 = NonZeroU16::MIN;
const SECTION: NonZeroU16 = TITLE.saturating_add(1);
const GROUP: NonZeroU16 = TITLE.saturating_add(2);

/// The report as the bytes of a PDF file, tagged for reading aloud (PDF/UA-1); the same facts give the
/// same bytes. A character that the bundled font lacks is shown as an empty box, and the document's last
/// line says how many there were.
///
/// # Errors
/// [`ReportError::Picture`] when a picture cannot be read, [`ReportError::Document`] when the writer fails.
pub fn pdf(report: &Report) -> Result<Vec<u8>, ReportError> {
    let mut flow = Flow::new(Face::pair()?);
    head(&mut flow, report);
    findings(&mut flow, report);
    for gallery in report.galleries.iter().filter(|g| !g.figures.is_empty()) {
        pictures(&mut flow, gallery)?;
    }
    measures(&mut flow, report);
    checks(&mut flow, report);
    files(&mut flow, report);
    provenance(&mut flow, report);
    if flow.missing > 0 {
        flow.gap(14.0);
        let count = flow.missing;
        let s = if count == 1 { "" } else { "s" };
        let text = format!(
            "{count} character{s} that this document's font lacks: shown as {MISSING}; see the HTML page."
        );
        flow.paragraph(&text, Style::ASIDE);
    }
    ink::write(report, flow)
}

fn head(flow: &mut Flow, report: &Report) {
    flow.heading(if report.title.is_empty() { "Report" } else { &report.title }, TITLE);
    if !report.subtitle.is_empty() {
        let style = Style { size: 11.0, ..Style::ASIDE };
        flow.paragraph(&report.subtitle, style);
    }
    flow.gap(8.0);
    if let Some(identity) = &report.identity {
        flow.paragraph(identity, Style::STRONG);
    }
    for (name, value) in [("Case", &report.case_id), ("Date", &report.date), ("Made by", &report.software)] {
        if !value.is_empty() {
            flow.paragraph(&format!("{name}: {value}"), Style::BODY);
        }
    }
    flow.gap(8.0);
    flow.paragraph(NOTICE, Style::STRONG);
    flow.paragraph(&report.headline(), Style::BODY);
}

fn findings(flow: &mut Flow, report: &Report) {
    flow.heading("Findings", SECTION);
    if report.findings.is_empty() {
        flow.paragraph("Nothing was found that asks for a look.", Style::BODY);
    }
    for found in report.findings_by_severity() {
        finding(flow, found);
    }
}

fn finding(flow: &mut Flow, found: &Finding) {
    let tone = match found.severity {
        Severity::Danger => DANGER,
        Severity::Caution => CAUTION,
        Severity::Note => NOTE,
    };
    flow.gap(6.0);
    flow.together(4, Style::BODY);
    let word = Style { colour: tone, size: 8.0, ..Style::STRONG };
    flow.barred(&found.severity.to_string().to_uppercase(), word, tone);
    flow.barred(&found.message, Style::STRONG, tone);
    if !found.remedy.is_empty() {
        flow.barred(&found.remedy, Style::BODY, tone);
    }
    let asides = [held_against(found), place(found), found.code.clone()];
    let asides: Vec<_> = asides.into_iter().filter(|text| !text.is_empty()).collect();
    flow.barred(&asides.join(" · "), Style::ASIDE, tone);
}

fn pictures(flow: &mut Flow, gallery: &Gallery) -> Result<(), ReportError> {
    flow.heading(&gallery.title, SECTION);
    if !gallery.note.is_empty() {
        flow.paragraph(&gallery.note, Style::BODY);
    }
    let mut pictures = Vec::new();
    for figure in &gallery.figures {
        let image = Image::from_png(figure.png.clone().into(), true)
            .map_err(|reason| ReportError::Picture { caption: figure.caption.clone(), reason })?;
        pictures.push((image, figure.caption.as_str(), figure.alt.as_str()));
    }
    flow.pictures(&pictures);
    Ok(())
}

fn measures(flow: &mut Flow, report: &Report) {
    if report.tables.is_empty() {
        return;
    }
    flow.heading("Measures", SECTION);
    for table in &report.tables {
        flow.heading(&table.title, GROUP);
        let rows = table.rows.iter().map(|row| {
            vec![
                (row.name.clone(), Style::BODY),
                (row.value.to_string(), Style::STRONG),
                (row.source.clone(), Style::ASIDE),
            ]
        });
        let rows: Vec<Row> = rows.collect();
        flow.table(&[3.0, 2.0, 4.0], &["Measure", "Value", "Method or source"], &rows);
    }
}

fn checks(flow: &mut Flow, report: &Report) {
    if report.checks.is_empty() {
        return;
    }
    flow.heading("Checks", SECTION);
    let rows = report.checks.iter().map(|check| {
        let colour = match check.verdict {
            Verdict::Pass => PASS,
            Verdict::Caution => CAUTION,
            Verdict::Fail => DANGER,
        };
        let word = Style { colour, ..Style::STRONG };
        vec![
            (check.name.clone(), Style::BODY),
            (check.verdict.word().to_owned(), word),
            (check.value.clone(), Style::BODY),
            (check.limit.clone(), Style::BODY),
            (check.source.clone(), Style::ASIDE),
        ]
    });
    let rows: Vec<Row> = rows.collect();
    let head = ["Check", "Verdict", "Value", "Limit", "Method or source"];
    flow.table(&[3.0, 1.3, 2.2, 2.2, 2.6], &head, &rows);
}

fn files(flow: &mut Flow, report: &Report) {
    if report.files.is_empty() {
        return;
    }
    flow.heading("Files", SECTION);
    let small = Style { size: 7.0, colour: SOFT, ..Style::BODY };
    let rows = report.files.iter().map(|file| {
        vec![
            (file.name.clone(), Style::BODY),
            (file.what.clone(), Style::ASIDE),
            (number::bytes(file.bytes).to_string(), Style::BODY),
            (file.sha256.clone(), small),
        ]
    });
    let rows: Vec<Row> = rows.collect();
    flow.table(&[2.2, 2.0, 1.2, 3.6], &["File", "What", "Size", "SHA-256"], &rows);
}

fn provenance(flow: &mut Flow, report: &Report) {
    if report.provenance.is_empty() && report.journal.is_empty() {
        return;
    }
    flow.heading("Provenance", SECTION);
    let facts = report.provenance.iter();
    let rows: Vec<Row> =
        facts.map(|fact| vec![(fact.name.clone(), Style::BODY), (fact.value.clone(), Style::BODY)]).collect();
    if !rows.is_empty() {
        flow.table(&[1.0, 3.0], &["What", "Value"], &rows);
    }
    if !report.journal.is_empty() {
        flow.heading("Journal", GROUP);
    }
    for (n, line) in report.journal.iter().enumerate() {
        flow.paragraph(&format!("{}. {line}", n + 1), Style::ASIDE);
    }
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
