//! The report as one self-contained page.
//!
//! No script, nothing fetched: pictures are inside, and the page's own policy forbids anything else. A
//! click on a picture shows it large; that is a link to the picture itself.

use crate::facts::{Check, Figure, Gallery, NOTICE, Product, Report, Table, held_against, place};
use crate::number;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use osteon_core::Finding;

/// What the page may load: pictures inside itself, and its own style.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The report as an HTML page. Everything given is text: markup in it is shown, not obeyed.
pub fn html(report: &Report) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="generator" content=(report.software);
                title { (report.title) " · " (report.case_id) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    (head(report))
                    (findings(report))
                    (galleries(&report.galleries))
                    (measures(&report.tables))
                    (checks(&report.checks))
                    (files(&report.files))
                    (provenance(report))
                }
                footer { (NOTICE) " " (report.software) }
            }
        }
    };
    page.into_string()
}

fn head(report: &Report) -> Markup {
    let lines = [("Case", &report.case_id), ("Date", &report.date), ("Made by", &report.software)];
    markup! {
        header {
            h1 { (report.title) }
            @if !report.subtitle.is_empty() { p.subtitle { (report.subtitle) } }
            @if let Some(identity) = &report.identity { p.identity { (identity) } }
            dl.head {
                @for (name, value) in lines.iter().filter(|line| !line.1.is_empty()) {
                    div { dt { (name) } dd { (value) } }
                }
            }
            p.notice { (NOTICE) }
            p.headline { (report.headline()) }
        }
    }
}

fn findings(report: &Report) -> Markup {
    markup! {
        section aria-labelledby="findings" {
            h2 #findings { "Findings" }
            @if report.findings.is_empty() { p { "Nothing was found that asks for a look." } }
            @for found in report.findings_by_severity() { (finding(found)) }
        }
    }
}

fn finding(found: &Finding) -> Markup {
    let severity = found.severity.to_string();
    let asides = [held_against(found), place(found), found.code.clone()];
    let aside: Vec<_> = asides.iter().filter(|text| !text.is_empty()).map(String::as_str).collect();
    markup! {
        article.finding.(severity) {
            p.what { span.word { (severity) } (found.message) }
            @if !found.remedy.is_empty() { p { (found.remedy) } }
            p.aside { (aside.join(" · ")) }
        }
    }
}

fn galleries(galleries: &[Gallery]) -> Markup {
    markup! {
        @for (g, gallery) in galleries.iter().enumerate().filter(|g| !g.1.figures.is_empty()) {
            section aria-labelledby=(format!("gallery-{g}")) {
                h2 id=(format!("gallery-{g}")) { (gallery.title) }
                @if !gallery.note.is_empty() { p { (gallery.note) } }
                div.gallery {
                    @for (f, one) in gallery.figures.iter().enumerate() { (figure(one, g, f)) }
                }
            }
        }
    }
}

fn figure(figure: &Figure, gallery: usize, number: usize) -> Markup {
    let id = format!("figure-{gallery}-{number}");
    let back = format!("#gallery-{gallery}");
    let data = format!("data:image/png;base64,{}", STANDARD.encode(&figure.png));
    markup! {
        figure id=(id) {
            a.open href=(format!("#{id}")) title="Show large" { img src=(data) alt=(figure.alt); }
            figcaption { (figure.caption) a.close href=(back) { "Back to the report" } }
        }
    }
}

fn measures(tables: &[Table]) -> Markup {
    if tables.is_empty() {
        return Markup::default();
    }
    markup! {
        section aria-labelledby="measures" {
            h2 #measures { "Measures" }
            @for table in tables {
                div.scroll { table {
                    caption { (table.title) }
                    (columns(&["Measure", "Value", "Method or source"]))
                    tbody { @for row in &table.rows {
                        tr { th scope="row" { (row.name) } td.number { (row.value) } td.source { (row.source) } }
                    } }
                } }
            }
        }
    }
}

fn checks(checks: &[Check]) -> Markup {
    if checks.is_empty() {
        return Markup::default();
    }
    markup! {
        section aria-labelledby="checks" {
            h2 #checks { "Checks" }
            div.scroll { table {
                (columns(&["Check", "Verdict", "Value", "Limit", "Method or source"]))
                tbody { @for check in checks {
                    @let word = check.verdict.word();
                    tr {
                        th scope="row" { (check.name) }
                        td { span.word.(word) { (word) } }
                        td { (check.value) } td { (check.limit) } td.source { (check.source) }
                    }
                } }
            } }
        }
    }
}

fn files(files: &[Product]) -> Markup {
    if files.is_empty() {
        return Markup::default();
    }
    markup! {
        section aria-labelledby="files" {
            h2 #files { "Files" }
            div.scroll { table {
                (columns(&["File", "Size", "SHA-256"]))
                tbody { @for file in files {
                    tr {
                        th scope="row" { (file.name) @if !file.what.is_empty() { br; span.aside { (file.what) } } }
                        td.number { (number::bytes(file.bytes)) }
                        td { code { (file.sha256) } }
                    }
                } }
            } }
        }
    }
}

fn columns(names: &[&str]) -> Markup {
    markup! { thead { tr { @for name in names { th scope="col" { (name) } } } } }
}

fn provenance(report: &Report) -> Markup {
    if report.provenance.is_empty() && report.journal.is_empty() {
        return Markup::default();
    }
    markup! {
        section aria-labelledby="provenance" {
            h2 #provenance { "Provenance" }
            @if !report.provenance.is_empty() {
                table { tbody { @for fact in &report.provenance {
                    tr { th scope="row" { (fact.name) } td { (fact.value) } }
                } } }
            }
            @if !report.journal.is_empty() {
                details open {
                    summary { "Journal" }
                    ol.journal { @for line in &report.journal { li { code { (line) } } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_example;

    #[test]
    fn markup_in_what_is_given_is_shown_and_not_obeyed() {
        let mut report = test_example::report();
        let hostile = "<script>alert(1)</script>\"'&<img src=x onerror=y>";
        report.title = hostile.to_owned();
        report.galleries[0].figures[0].alt = hostile.to_owned();
        report.findings[0].message = hostile.to_owned();
        report.files[0].name = hostile.to_owned();
        let page = html(&report);
        assert!(!page.contains("<script") && !page.contains("<img src=x"));
        assert!(page.contains("tibia-pcl &lt;script&gt;"));
        assert!(page.contains("alt=\"&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;&lt;img"));
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = html(&test_example::report());
        for reach in ["http:", "https:", "src=\"/", "url(", "@import", "<link", "<iframe", "//"] {
            // The pictures' own letters may contain two slashes.
            let without = page.split("base64,").map(|part| part.split_once('"').map_or(part, |p| p.1));
            assert!(without.into_iter().all(|part| !part.contains(reach)), "{reach}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn the_page_says_the_notice_and_everything_it_was_given() {
        let report = test_example::report();
        let page = html(&report);
        // In the head, at the end, and in the margin of every printed page.
        assert_eq!(page.matches(NOTICE).count(), 3);
        let said = [
            "Proximal tibia",
            "2026-11-20",
            "Osteon 0.1.0",
            "Fragments 1 and 2 share 12 mm²",
            "Separate them with a cut",
            "limit 0.2\u{a0}mm, print profile",
            "48.2\u{a0}cm³",
            "−9.5°",
            "Thinnest wall",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "4.8\u{a0}MB",
            "1.2.826.0.1.3680043.8.498.4",
            "segment bone, level 226 HU",
            "alt=\"a box that stands for a bone\"",
        ];
        for text in said {
            assert!(page.contains(text), "{text}");
        }
        assert!(page.find("Fragments 1 and 2") < page.find("The wall is thinner"));
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    }

    #[test]
    fn a_patient_is_named_only_where_the_caller_says_so() {
        let mut report = test_example::report();
        assert!(!html(&report).contains("class=\"identity\""));
        report.identity = Some("Given, by the caller".to_owned());
        assert!(html(&report).contains("<p class=\"identity\">Given, by the caller</p>"));
    }

    #[test]
    fn an_empty_report_is_still_a_page_with_the_notice() {
        let page = html(&Report::default());
        assert!(page.contains(NOTICE) && page.contains("Nothing was found"));
        assert!(!page.contains("<table") && page.ends_with("</html>"));
    }
}
