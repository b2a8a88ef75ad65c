//! The facts of a case as a report in one language: which words, which numbers, which pictures.

use crate::artefacts;
use crate::command::approve::standing_findings;
use crate::command::check::Checked;
use crate::command::import;
use crate::command::make::{Made, WORST};
use crate::failure::Failure;
use crate::job::Job;
use crate::printing::Printed;
use crate::registry::Command;
use crate::reporting::approvals::{self, Approval};
use crate::reporting::levels::Purpose;
use crate::reporting::pictures::{Album, Shot};
use crate::reporting::tables;
use osteon_case::Sha256;
use osteon_core::{Finding, Severity, Side};
use osteon_io::dicom::Source;
use osteon_plan::Model;
use osteon_report::{Banner, Check, Fact, Figure, Gallery, Language, Paper, Product, Report, Texts, Verdict};

/// What is known of a product, with its pictures.
pub(crate) struct Item {
    /// The plan's item.
    pub model: Model,
    /// Its short code.
    pub code: String,
    /// What was made.
    pub made: Made,
    /// SHA-256 of the exact model.
    pub hash: String,
    /// Its checks, if they have been made.
    pub checks: Option<Vec<Checked>>,
    /// Its print, if there is one.
    pub printed: Option<Printed>,
    /// Its pictures.
    pub album: Album,
}

/// Everything a report of the case is made from.
pub(crate) struct Facts {
    /// The case's id.
    pub case_id: String,
    /// The day it is written.
    pub date: String,
    /// What the products are for.
    pub purpose: Purpose,
    /// The products.
    pub items: Vec<Item>,
    /// The findings that stand.
    pub findings: Vec<Finding>,
    /// The approvals of the case.
    pub approvals: Vec<Approval>,
    /// Where the image came from.
    pub source: Source,
    /// The files of the case.
    files: Vec<(String, u64, Sha256)>,
    /// The commands that stand.
    journal: Vec<String>,
}

/// Name and version of the software.
const SOFTWARE: &str = concat!("Osteon ", env!("CARGO_PKG_VERSION"));

/// Length in mm of the bar that is held against a ruler. Chosen: fits a page, long enough to see 1 %.
const BAR: f64 = 100.0;

impl Facts {
    /// Gathers what is not about a single product.
    pub(crate) fn gather(job: &mut Job<'_>, purpose: Purpose, items: Vec<Item>) -> Result<Self, Failure> {
        let source = import::source(&job.read(artefacts::SOURCE)?)?;
        let date = job.session().stamp().at.strftime("%Y-%m-%d").to_string();
        let findings = standing_findings(job)?;
        let case = job.case()?;
        let (case_id, approvals) = (case.description().id.clone(), approvals::all(case));
        let commands = case.effective().filter(|entry| entry.name() != crate::command::report::Report::NAME);
        let journal = commands.map(|entry| entry.command.to_string()).collect();
        let listed = case.artefacts().filter(|(path, _)| !path.to_string().starts_with("report-"));
        let files = listed.map(|(path, hash)| (path.to_string(), case.size(path).unwrap_or_default(), hash));
        let files = files.collect();
        let fingerprint = approvals::fingerprint(case);
        job.depends_on(approvals::DEPENDENCY, fingerprint);
        Ok(Self { case_id, date, purpose, items, findings, approvals, source, files, journal })
    }

    /// The document for a reader in a language.
    pub(crate) fn report(&self, paper: Paper, language: Language) -> Result<Report, Failure> {
        let texts = Texts::of(language);
        let mut report = Report {
            language,
            paper,
            case_id: self.case_id.clone(),
            date: self.date.clone(),
            software: SOFTWARE.to_owned(),
            banner: self.items.iter().map(|item| banner(item, texts)).collect(),
            scale: Some(BAR),
            ..Report::default()
        };
        report.subtitle = texts
            .say_with("subtitle", &[("purpose", &texts.say(&format!("purpose.{}", self.purpose.name())))]);
        match paper {
            Paper::Theatre => self.theatre(&mut report, texts),
            Paper::Engineer => self.engineer(&mut report, texts)?,
        }
        Ok(report)
    }

    fn theatre(&self, report: &mut Report, texts: Texts) {
        report.title = texts.say_with("title.theatre", &[("case", &self.case_id)]);
        let grave = self.findings.iter().filter(|finding| finding.severity >= Severity::Caution);
        report.findings = grave.cloned().collect();
        for item in &self.items {
            let shots = item.album.views.iter().take(VIEWS);
            let figures = shots.map(|shot| figure(shot, "alt.view", item, texts)).collect();
            let name = structure(&item.model, texts);
            report.galleries.push(Gallery {
                title: texts.say_with("gallery.product", &[("name", &name)]),
                note: texts.say("gallery.letters"),
                figures,
            });
            report.tables.push(tables::key_measures(item, texts));
            report.checks.extend(checks(item, texts));
        }
        report.checklist = self.checklist(texts);
        report.listings.push(tables::labels(self, texts));
        report.listings.push(tables::approvals(&self.approvals, texts));
    }

    fn engineer(&self, report: &mut Report, texts: Texts) -> Result<(), Failure> {
        report.title = texts.say_with("title.engineer", &[("case", &self.case_id)]);
        report.findings.clone_from(&self.findings);
        for item in &self.items {
            report.galleries.extend(galleries(item, texts));
            report.tables.push(tables::measures(item, texts));
            report.tables.extend(tables::printed(item, texts));
            report.checks.extend(checks(item, texts));
            report.listings.push(tables::budget(item, texts));
        }
        report.checklist = self.checklist(texts);
        report.listings.push(tables::labels(self, texts));
        report.listings.push(tables::approvals(&self.approvals, texts));
        for item in &self.items {
            report.listings.push(tables::level(self, item, texts)?);
        }
        let file = |(path, bytes, hash): &(String, u64, Sha256)| Product {
            name: path.clone(),
            what: texts.say(&format!("file.{}", what(path))),
            bytes: *bytes,
            sha256: hash.to_string(),
        };
        report.files = self.files.iter().map(file).collect();
        report.provenance = self.provenance(texts);
        report.journal.clone_from(&self.journal);
        Ok(())
    }

    /// What a person checks with the part in the hand.
    fn checklist(&self, texts: Texts) -> Vec<String> {
        let mut lines = vec![texts.say_with("tick.patient", &[("case", &self.case_id)])];
        for item in &self.items {
            let name = structure(&item.model, texts);
            lines.push(match side(item) {
                Some(Side::Left) => texts.say_with("tick.left", &[("name", &name)]),
                Some(Side::Right) => texts.say_with("tick.right", &[("name", &name)]),
                None => texts.say_with("tick.no-side", &[("name", &name)]),
            });
            if !item.made.marks.is_empty() {
                let marks = item.made.marks.join(" | ");
                lines.push(texts.say_with("tick.marks", &[("name", &name), ("marks", &marks)]));
            }
            let [x, y, z] = item.made.size.map(|mm| format!("{mm:.1}"));
            lines.push(texts.say_with("tick.size", &[("name", &name), ("x", &x), ("y", &y), ("z", &z)]));
        }
        lines.push(texts.say("tick.findings"));
        lines.push(texts.say("tick.approvals"));
        lines.push(texts.say("tick.sterile"));
        lines.push(texts.say("tick.age"));
        lines
    }

    fn provenance(&self, texts: Texts) -> Vec<Fact> {
        let source = &self.source;
        let spacing = source.spacing.map(|mm| format!("{mm:.3}")).join(" × ");
        let [columns, rows, slices] = source.size.map(|n| n.to_string());
        let size =
            texts.say_with("source.size", &[("slices", &slices), ("columns", &columns), ("rows", &rows)]);
        let hash = Sha256::of(source.series.as_deref().unwrap_or_default().as_bytes());
        // The UID itself would lead back to the patient; its hash only confirms it.
        let series = texts.say_with("source.uid", &[("hash", &format!("{hash:.16}"))]);
        let facts = [
            (texts.say("source.scan"), size),
            (texts.say("source.spacing"), format!("{spacing} mm")),
            (
                texts.say("source.kernel"),
                source.kernel.clone().unwrap_or_else(|| texts.say("source.not-stated")),
            ),
            (texts.say("source.tilt"), format!("{:.1}°", source.tilt)),
            (texts.say("source.frame"), texts.say("source.lps")),
            (texts.say("source.not-measured"), not_measured(source, texts)),
            (texts.say("source.by-hand"), stated(source, texts)),
            (texts.say("source.series"), series),
            (texts.say("source.replay"), "osteon replay <case>".to_owned()),
        ];
        facts.into_iter().map(|(name, value)| Fact { name, value }).collect()
    }
}

/// Views of each product in the theatre's document: front, behind, left.
const VIEWS: usize = 3;

/// The name of what a model shows.
pub(crate) fn structure(model: &Model, texts: Texts) -> String {
    match texts.language() {
        Language::English => model.of.english(),
        _ => model.of.chinese(),
    }
}

/// The side of a product: the structure's own, or the one that was stated.
fn side(item: &Item) -> Option<Side> {
    item.model.of.side().or(item.model.side)
}

fn banner(item: &Item, texts: Texts) -> Banner {
    let name = structure(&item.model, texts);
    let huge = match side(item) {
        Some(Side::Left) if item.model.of.side().is_none() => {
            format!("{} · {name}", texts.say("side.left"))
        }
        Some(Side::Right) if item.model.of.side().is_none() => {
            format!("{} · {name}", texts.say("side.right"))
        }
        _ => name,
    };
    let stated = if side(item).is_some() { texts.say("side.patient") } else { texts.say("side.none") };
    let small =
        texts.say_with("banner.small", &[("item", &item.model.id), ("code", &item.code), ("side", &stated)]);
    Banner { huge: huge.to_uppercase(), small }
}

/// A picture with its caption and what it shows, in words of the key.
fn figure(shot: &Shot, key: &str, item: &Item, texts: Texts) -> Figure {
    let caption = texts.phrase(&shot.caption);
    let alt = texts.say_with(key, &[("name", &structure(&item.model, texts)), ("view", &caption)]);
    Figure { caption, alt, png: shot.png.clone() }
}

fn galleries(item: &Item, texts: Texts) -> Vec<Gallery> {
    let name = structure(&item.model, texts);
    let of = |shots: &[Shot], key: &str| -> Vec<Figure> {
        shots.iter().map(|shot| figure(shot, key, item, texts)).collect()
    };
    let line =
        item.made.accuracy.as_ref().map_or_else(String::new, |known| texts.phrase(&known.uncertainty.line));
    let colours = [("half", format!("{:.2}", 0.5 * WORST)), ("worst", format!("{WORST:.2}")), ("line", line)];
    let colours = colours.each_ref().map(|(name, value)| (*name, value.as_str()));
    vec![
        Gallery {
            title: texts.say_with("gallery.slices", &[("name", &name)]),
            note: texts.say("gallery.window"),
            figures: of(&item.album.slices, "alt.slice"),
        },
        Gallery {
            title: texts.say_with("gallery.views", &[("name", &name)]),
            note: texts.say("gallery.letters"),
            figures: of(&item.album.views, "alt.view"),
        },
        Gallery {
            title: texts.say_with("gallery.known", &[("name", &name)]),
            note: texts.say_with("gallery.colours", &colours),
            figures: of(&item.album.maps, "alt.map"),
        },
    ]
}

fn checks(item: &Item, texts: Texts) -> Vec<Check> {
    let verdict = |severity: Option<Severity>| match severity {
        Some(Severity::Danger) => Verdict::Fail,
        Some(Severity::Caution) => Verdict::Caution,
        _ => Verdict::Pass,
    };
    let check = |line: &Checked| Check {
        name: format!("{}{}{}", item.model.id, texts.say("list.colon"), texts.phrase(&line.name)),
        verdict: verdict(line.severity),
        // What is pressed into the part is no sentence.
        value: match line.name.as_str() {
            "marks" if !item.made.marks.is_empty() => line.value.clone(),
            _ => texts.phrase(&line.value),
        },
        limit: texts.phrase(&line.limit),
        source: texts.phrase(&line.method),
    };
    item.checks.iter().flatten().map(check).collect()
}

/// The slabs of the image that the scan did not measure.
fn not_measured(source: &Source, texts: Texts) -> String {
    let slabs: Vec<String> = source
        .not_measured
        .iter()
        .map(|slab| {
            let [from, to] = slab.slices.map(|n| (n + 1).to_string());
            texts.say_with("source.slab", &[("from", &from), ("to", &to)])
        })
        .collect();
    if slabs.is_empty() {
        return texts.say("source.nothing");
    }
    let comma = texts.say("list.comma");
    let filled = if source.assumed.contains_key("gaps") {
        format!("{comma}{}", texts.say("source.interpolated"))
    } else {
        String::new()
    };
    slabs.join(&comma) + &filled
}

/// What a person stated about the scan that its files do not say.
fn stated(source: &Source, texts: Texts) -> String {
    let stated: Vec<String> = source.assumed.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    if stated.is_empty() { texts.say("source.nothing") } else { stated.join("; ") }
}

/// The kind of a file of the case, as the keys of texts call it.
fn what(path: &str) -> &'static str {
    let end = path.rsplit('.').next().unwrap_or_default();
    match end {
        "nrrd" if path.ends_with(".seg.nrrd") => "structures",
        "nrrd" => "image",
        "png" => "map",
        "html" => "card",
        "stl" | "3mf" | "obj" => "print",
        "ply" => "exact",
        "glb" | "usdz" => "viewer",
        "gcode" | "goo" | "sl1" => "instructions",
        "json" if path == artefacts::PLAN => "plan",
        _ => "record",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that are the same in every language.
    const SAME: [&str; 2] = ["osteon replay <case>", "data/model-marks.toml"];

    #[test]
    fn no_sentence_stands_in_the_code() {
        for source in [include_str!("words.rs"), include_str!("tables.rs")] {
            let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in lines {
                for literal in line.split('"').skip(1).step_by(2) {
                    let words = literal
                        .split([' ', ',', ':'])
                        .filter(|word| word.len() > 2 && word.chars().all(char::is_alphabetic));
                    assert!(words.count() < 2 || SAME.contains(&literal), "{literal}");
                }
            }
        }
    }

    #[test]
    fn the_notice_is_the_same_everywhere() {
        assert_eq!(Texts::default().say("notice"), crate::NOTICE);
    }
}
