//! `replay`: run the journal again into an empty folder and compare every hash.

use crate::command::import::source_folder;
use crate::failure::Failure;
use crate::job::{Job, step};
use crate::registry::{Command, Effect, Outcome};
use crate::session::Session;
use osteon_case::{Case, Draft, compare};
use osteon_core::ErrorKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Run the journal again from the original scan and compare every result
///
/// Proves that the case is what its journal says. The case itself is not changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Folder with the DICOM files, if they are not where they were
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Keep the replayed case in this new folder
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
}

impl Command for Replay {
    const NAME: &'static str = "replay";
    const EFFECT: Effect = Effect::Tends;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let original = Case::open(&job.session().case)?;
        let temporary = tempfile::tempdir().map_err(|e| {
            Failure::new(ErrorKind::Io, "no-temporary-folder", e.to_string(), "name a folder with --out")
        })?;
        let dir = self.out.as_ref().map_or_else(|| temporary.path().join("case"), PathBuf::from);
        let entries: Vec<_> = original.effective().cloned().collect();
        let mut session = Session::new(dir.clone(), "replay".to_owned(), job.session().threads);
        for (n, entry) in entries.iter().enumerate() {
            session.at = Some(entry.at);
            if n == 0 {
                let draft = Draft::new(&original.description().id);
                drop(Case::create(&dir, &draft, &session.stamp())?);
            }
            let share = |n: usize| n as f64 / entries.len() as f64;
            let ctx = job.ctx().part(entry.name(), share(n), share(n + 1));
            let settings = self.settings(&original, &entry.command)?;
            step(job.registry(), &mut session, entry.name(), &settings, &ctx)?;
        }
        let differences = compare(&original, &Case::open(&dir)?);
        if let Some(first) = differences.first() {
            let message = format!("{} of the results differ; the first: {first}", differences.len());
            let help = "the scan, the program or the slicing program has changed since, or the case was altered: run osteon verify";
            return Err(Failure::new(ErrorKind::Numeric, "replay-differs", message, help));
        }
        let outputs: usize = entries.iter().map(|entry| entry.outputs.len()).sum();
        let line = format!("{} commands, {outputs} results: all hashes are the same", entries.len());
        Ok(Outcome {
            summary: vec![line],
            findings: Vec::new(),
            data: json!({ "commands": entries.len(), "results": outputs }),
            ..Outcome::default()
        })
    }
}

impl Replay {
    /// The settings as they were given: the journal has a token where the scan's folder stood.
    fn settings(&self, original: &Case, command: &Value) -> Result<Map<String, Value>, Failure> {
        let mut settings = command.as_object().cloned().unwrap_or_default();
        settings.shift_remove("command");
        if let Some(token) =
            settings.get("folder").and_then(Value::as_str).filter(|folder| folder.starts_with('@'))
        {
            let folder = self.source.as_ref().map(PathBuf::from).or_else(|| source_folder(original, token));
            let folder = folder.filter(|folder| Path::exists(folder)).ok_or_else(|| {
                let message = format!("the folder of the scan {token} is not there any more");
                Failure::new(ErrorKind::Missing, "source-missing", message, "name the folder with --source")
            })?;
            settings.insert("folder".to_owned(), Value::from(folder.to_string_lossy().into_owned()));
        }
        Ok(settings)
    }
}
