//! `info`: what is inside, without loading a pixel.

use crate::failure::Failure;
use crate::intake;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// List what a folder, a file or a ZIP archive holds, without loading pixels
///
/// Every scan with its size, spacing, direction and what would stand in the way of importing it; what is set
/// aside, and what is skipped, each with the reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Info {
    /// Folder, file or ZIP archive with the scans
    #[schemars(extend("x-position" = 1))]
    pub path: String,
    /// What you state in place of the files, as for `convert`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub assume: Vec<String>,
}

impl Command for Info {
    const NAME: &'static str = "info";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let intake = intake::look(Path::new(&self.path), &self.assume, job.ctx())?;
        let mut summary = Vec::new();
        let mut scans = Vec::new();
        for candidate in intake.candidates() {
            let facts = candidate.facts();
            summary.extend(facts.lines());
            scans.push(json!(facts));
        }
        let refused: Vec<Failure> = intake.scan.refused.iter().cloned().map(Failure::from).collect();
        for failure in &refused {
            summary.push(format!("cannot be read: {failure}"));
            summary.push(format!("   help: {}", failure.help));
        }
        if scans.is_empty() {
            summary.push("no scan that could become a volume".to_owned());
        }
        let data = json!({
            "scans": scans, "refused": refused.iter().map(Failure::to_json).collect::<Vec<_>>(), "aside": intake.aside(), "skipped": intake.skipped(), "findings": intake.told(),
        });
        Ok(Outcome { summary, findings: intake.told(), data, ..Outcome::default() })
    }
}
