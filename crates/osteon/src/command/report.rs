//! `report`: what goes to the theatre and what the engineer keeps, as pages and for paper.

use crate::artefacts;
use crate::command::check::read_made;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use crate::reporting::label;
use crate::reporting::levels::Purpose;
use crate::reporting::pictures::album;
use crate::reporting::words::{Facts, Item};
use osteon_core::ErrorKind;
use osteon_plan::Model;
use osteon_report::{Language, Paper};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Write the documents of the case: one for the theatre, one for the engineer
///
/// `report-theatre` has what a person needs with the part in the hand: what it is and which side, pictures, what to
/// check before use, what was found, labels, approvals, a bar to be held against a ruler. `report-engineer` has
/// everything: slices, measures, checks, error budget from scan to print, what the product's level and purpose ask
/// for, files with their hashes, and the journal. Each is a page without anything to load (`.html`) and an A4
/// document (`.pdf`); Chinese ones end in `.zh.html` and `.zh.pdf`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Who is to read it
    #[serde(default, rename = "for")]
    pub reader: Reader,
    /// Language of the documents
    #[serde(default)]
    pub language: Tongue,
    /// What the products are for; decides what their level asks for
    #[serde(default)]
    pub purpose: Purpose,
}

/// Who is to read a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// A document for each.
    #[default]
    Both,
    /// Who holds the part in the hand.
    Theatre,
    /// Who answers for it.
    Engineer,
}

/// Language of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tongue {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
    /// A document in each.
    Both,
}

impl Command for Report {
    const NAME: &'static str = "report";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let plan = job.plan()?;
        let models: Vec<Model> = plan.models().cloned().collect();
        let mut items = Vec::new();
        for (n, model) in models.iter().enumerate() {
            let share = |step: f64| (n as f64 + step) / models.len() as f64 * 0.7;
            let ctx = job.ctx().part("pictures", share(0.0), share(1.0));
            let album = album(job, model, &ctx)?;
            items.push(Item {
                code: label::of_product(job, model)?,
                made: read_made(job, &model.id)?,
                hash: job.needs(&artefacts::product(&model.id, "ply"))?.to_string(),
                checks: optional(job, &artefacts::product(&model.id, "check.json"))?,
                printed: optional(job, &artefacts::product(&model.id, "print.json"))?,
                album,
                model: model.clone(),
            });
        }
        let facts = Facts::gather(job, self.purpose, items)?;
        let ctx = job.ctx().part("writing the report", 0.7, 1.0);
        let papers = self.papers();
        let mut outcome = Outcome::default();
        let mut written = Vec::new();
        for (n, &(paper, language)) in papers.iter().enumerate() {
            let report = facts.report(paper, language)?;
            let [page, sheet] = artefacts::report(paper, language);
            job.write_bytes(&page, osteon_report::html(&report).as_bytes())?;
            job.write_bytes(&sheet, &osteon_report::pdf(&report)?)?;
            outcome.summary.push(format!("{page}, {sheet}: {}", report.headline()));
            written.extend([page, sheet]);
            ctx.done((n + 1) as f64 / papers.len() as f64)?;
        }
        outcome.data = json!({ "page": written.first(), "files": written });
        Ok(outcome)
    }
}

impl Report {
    /// The documents that are asked for, in their order.
    fn papers(&self) -> Vec<(Paper, Language)> {
        let papers: &[Paper] = match self.reader {
            Reader::Both => &[Paper::Theatre, Paper::Engineer],
            Reader::Theatre => &[Paper::Theatre],
            Reader::Engineer => &[Paper::Engineer],
        };
        let languages: &[Language] = match self.language {
            Tongue::En => &[Language::English],
            Tongue::Zh => &[Language::Chinese],
            Tongue::Both => &[Language::English, Language::Chinese],
        };
        languages.iter().flat_map(|&language| papers.iter().map(move |&paper| (paper, language))).collect()
    }
}

/// A record of the case, if it has been made.
fn optional<T: DeserializeOwned>(job: &mut Job<'_>, path: &str) -> Result<Option<T>, Failure> {
    if !job.has(path) {
        return Ok(None);
    }
    let record = serde_json::from_slice(&job.read(path)?).map_err(|e| {
        let message = format!("{path} cannot be read: {e}");
        Failure::new(ErrorKind::Input, "product-unreadable", message, "run osteon verify, then make it again")
    })?;
    Ok(Some(record))
}
