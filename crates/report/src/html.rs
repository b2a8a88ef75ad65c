//! The report as one self-contained page.
//!
//! No script, nothing fetched: pictures are inside, and the page's own policy forbids anything else. A
//! click on a picture shows it large; that is a link to the picture itself.

use crate::compose::{self, Block, Grid, Level, Shown, Weight};
use crate::facts::{Banner, Cell, Figure, Report, Tone};
use crate::language::Texts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

/// What the page may load: pictures inside itself, and its own style.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The report as an HTML page. Everything given is text: markup in it is shown, not obeyed.
pub fn html(report: &Report) -> String {
    let texts = Texts::of(report.language);
    let blocks = compose::blocks(report);
    // What stands before the first heading is the page's head; each section begins with its heading.
    let begins = |block: &Block<'_>| matches!(block, Block::Heading(Level::Section, _));
    let first = blocks.iter().position(begins).unwrap_or(blocks.len());
    let (head, rest) = blocks.split_at(first);
    let mut sections: Vec<&[Block<'_>]> = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        let end = rest.iter().skip(1).position(begins).map_or(rest.len(), |n| n + 1);
        let (section, after) = rest.split_at(end);
        sections.push(section);
        rest = after;
    }
    let page = markup! {
        (DOCTYPE)
        html lang=(texts.tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="generator" content=(report.software);
                title { (report.title) " · " (report.case_id) }
                style { (PreEscaped(style(texts))) }
            }
            body {
                main {
                    header {
                        h1 { (report.title) }
                        @for one in head { (block(one, 0, texts)) }
                    }
                    @for (n, section) in sections.iter().enumerate() {
                        section aria-labelledby=(format!("part-{n}")) {
                            @for one in *section { (block(one, n, texts)) }
                        }
                    }
                }
                footer { (texts.say("notice")) " " (report.software) }
            }
        }
    };
    page.into_string()
}

/// The style sheet with the words in the margins of printed pages.
fn style(texts: Texts) -> String {
    // Words in a style sheet stand in quotes, and ours have none of their own.
    let pages = texts.say("page-of").replace("{n}", "\" counter(page) \"");
    let pages = pages.replace("{count}", "\" counter(pages) \"");
    include_str!("page.css").replace("@notice@", &texts.say("notice")).replace("@pages@", &pages)
}

fn block(block: &Block<'_>, part: usize, texts: Texts) -> Markup {
    match block {
        Block::Heading(Level::Section, text) => markup! { h2 id=(format!("part-{part}")) { (text) } },
        Block::Heading(Level::Group, text) => markup! { h3 { (text) } },
        Block::Text(Weight::Lead, text) => markup! { p.subtitle { (text) } },
        Block::Text(Weight::Strong, text) => markup! { p.identity { (text) } },
        Block::Text(Weight::Notice, text) => markup! { p.notice { (text) } },
        Block::Text(Weight::Body, text) => markup! { p { (text) } },
        Block::Facts(facts) => markup! {
            dl.head { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
        },
        Block::Banner(banners) => banner(banners),
        Block::Finding(shown) => finding(shown),
        Block::Pictures(figures) => markup! {
            div.gallery { @for (f, one) in figures.iter().enumerate() { (figure(one, [part, f], texts)) } }
        },
        Block::Table(grid) => table(grid),
        Block::Checklist(lines) => markup! {
            ul.checklist { @for line in *lines { li { (line) } } }
        },
        Block::Numbered(lines) => markup! {
            ol.journal { @for line in *lines { li { code { (line) } } } }
        },
        Block::Scale(mm, caption) => markup! {
            div.scale style=(format!("width: {mm:.0}mm")) {}
            p.aside { (caption) }
        },
    }
}

fn banner(banners: &[Banner]) -> Markup {
    markup! {
        @for one in banners {
            div.banner { p.huge { (one.huge) } p { (one.small) } }
        }
    }
}

fn finding(shown: &Shown) -> Markup {
    markup! {
        article.finding.(shown.severity) {
            p.what { span.word { (shown.word) } (shown.message) }
            @if !shown.original.is_empty() { p.aside lang="en" { (shown.original) } }
            @if !shown.remedy.is_empty() { p { (shown.remedy) } }
            p.aside { (shown.aside) }
        }
    }
}

fn figure(figure: &Figure, [part, number]: [usize; 2], texts: Texts) -> Markup {
    let id = format!("figure-{part}-{number}");
    let back = format!("#part-{part}");
    let data = format!("data:image/png;base64,{}", STANDARD.encode(&figure.png));
    markup! {
        figure id=(id) {
            a.open href=(format!("#{id}")) title=(texts.say("show-large")) { img src=(data) alt=(figure.alt); }
            figcaption { (figure.caption) a.close href=(back) { (texts.say("back")) } }
        }
    }
}

fn table(grid: &Grid) -> Markup {
    markup! {
        div.scroll { table {
            @if !grid.head.is_empty() {
                thead { tr { @for name in &grid.head { th scope="col" { (name) } } } }
            }
            tbody { @for row in &grid.rows {
                tr { @for (c, one) in row.iter().enumerate() { (cell(one, c)) } }
            } }
        } }
    }
}

fn cell(cell: &Cell, column: usize) -> Markup {
    let text = cell.text.as_str();
    match cell.tone {
        _ if column == 0 => markup! { th scope="row" { (text) } },
        Tone::Plain => markup! { td { (text) } },
        Tone::Strong => markup! { td.strong { (text) } },
        Tone::Aside => markup! { td.source { (text) } },
        Tone::Fine => markup! { td { code { (text) } } },
        Tone::Good => markup! { td { span.word.pass { (text) } } },
        Tone::Look => markup! { td { span.word.caution { (text) } } },
        Tone::Bad => markup! { td { span.word.fail { (text) } } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::test_example;

    const NOTICE: &str = "Research and planning use, not a medical device.";

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

    #[test]
    fn every_word_of_a_page_is_given_or_looked_up() {
        let report = Report { language: Language::Pseudo, ..test_example::report() };
        let page = html(&report);
        let body = page.split_once("<body>").unwrap().1;
        // Tags and their attributes are no words, but for what a reader hears or sees of them.
        let mut shown = String::new();
        for part in body.split('<').filter_map(|part| part.split_once('>')) {
            shown += part.1;
            shown.push('\n');
            for attribute in ["alt=\"", "title=\""] {
                let value = part.0.split_once(attribute).and_then(|rest| rest.1.split_once('"'));
                shown += value.map_or("", |value| value.0);
                shown.push('\n');
            }
        }
        let looked_up = |text: &str| -> String {
            let mut depth = 0;
            let outside = text.chars().filter(|c| {
                depth += i32::from(*c == '⟦') - i32::from(*c == '⟧');
                depth == 0
            });
            outside.collect()
        };
        let given = format!("{report:?}");
        for word in looked_up(&shown).split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 2) {
            let entity = ["quot", "amp"].contains(&word);
            assert!(entity || given.contains(word), "\"{word}\" is neither given nor looked up");
        }
    }

    #[test]
    fn a_chinese_page_says_its_language_and_the_notice_in_it() {
        let page = html(&Report { language: Language::Chinese, ..test_example::report() });
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"zh-Hans\">"));
        assert!(page.matches("仅供研究和手术规划使用，不作为医疗器械。").count() >= 3);
        assert!(!page.contains("Research and planning"));
        // An unknown finding stays English and says so.
        assert!(page.contains("Fragments 1 and 2 share 12 mm² of surface.（未翻译）"));
    }
}
