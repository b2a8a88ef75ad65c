//! `status`, `history`, `verify`, `undo`, `redo`, `recover`, `migrate`, `gc`: the state of a case.

use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use crate::reporting::approvals::{self, Approval, State};
use osteon_case::{Case, Currency, Inputs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// Show which files are current, stale, changed or missing, and which approvals hold
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {}

impl Command for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Reads;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let case = job.case()?;
        let today = Inputs::from([(approvals::DEPENDENCY.to_owned(), approvals::fingerprint(case))]);
        let artefacts = case.status(&today, job.ctx())?;
        let mut summary = vec![format!("case {}, {} files", case.description().id, artefacts.len())];
        for artefact in &artefacts {
            let state = match &artefact.currency {
                Currency::Current => "current".to_owned(),
                Currency::Stale { because } => format!("stale: {} changed", because.join(", ")),
                Currency::ChangedOutside => "changed outside".to_owned(),
                Currency::Missing => "missing".to_owned(),
            };
            let hash = artefact.hash.to_string();
            summary.push(format!("  {:<32} {}  {state}", artefact.path.to_string(), &hash[..12]));
        }
        let approvals = approvals::all(case);
        summary.extend(approvals.iter().map(approval));
        let findings = case.findings().to_vec();
        let given: Vec<_> = approvals
            .iter()
            .map(|a| json!({ "by": a.by, "role": a.role, "items": a.items, "state": a.state }))
            .collect();
        let data = json!({ "artefacts": artefacts, "approvals": given });
        Ok(Outcome { summary, findings, data, ..Outcome::default() })
    }
}

/// An approval as a line for a person.
fn approval(approval: &Approval) -> String {
    let state = match &approval.state {
        State::Holds => "holds".to_owned(),
        State::Stale(changed) => format!("stale: {} changed since", changed.join(", ")),
        State::Withdrawn(on) => format!("withdrawn on {on}"),
    };
    let (items, role) = (approval.items.join(", "), approval.role.name());
    format!("  approved on {} by {} ({role}): {items}: {state}", approval.on, approval.by)
}

/// Show what was done to the case, line by line
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {}

impl Command for History {
    const NAME: &'static str = "history";
    const EFFECT: Effect = Effect::Reads;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let case = job.case()?;
        let line = |entry: &osteon_case::Entry| {
            format!(
                "{:>4}  {}  {}  {}",
                entry.n,
                entry.at.strftime("%Y-%m-%d %H:%M:%S"),
                entry.by,
                entry.command
            )
        };
        let summary = case.history().iter().map(line).collect();
        Ok(Outcome {
            summary,
            findings: case.findings().to_vec(),
            data: json!({ "entries": case.history() }),
            ..Outcome::default()
        })
    }
}

/// Hash every file and the journal anew and say what does not hold
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {}

impl Command for Verify {
    const NAME: &'static str = "verify";
    const EFFECT: Effect = Effect::Tends;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let dir = job.session().case.clone();
        let findings = Case::verify(&dir, job.ctx())?;
        let summary = match findings.len() {
            0 => vec!["every file and every line of the journal is what it was".to_owned()],
            n => vec![format!("{n} problems")],
        };
        Ok(Outcome { summary, data: json!({ "problems": findings.len() }), findings, ..Outcome::default() })
    }
}

/// Step back over the last change of the case
///
/// Files get the content they had before. Undo again to step further back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {}

impl Command for Undo {
    const NAME: &'static str = "undo";
    const EFFECT: Effect = Effect::Tends;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let (dir, stamp) = (job.session().case.clone(), job.session().stamp());
        let mut case = Case::open_for_writing(&dir)?;
        let n = case.undo(&stamp)?.n;
        Ok(stepped("undone", &case, n))
    }
}

/// Step forward again over the change that was undone last
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redo {}

impl Command for Redo {
    const NAME: &'static str = "redo";
    const EFFECT: Effect = Effect::Tends;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let (dir, stamp) = (job.session().case.clone(), job.session().stamp());
        let mut case = Case::open_for_writing(&dir)?;
        let n = case.redo(&stamp)?.n;
        Ok(stepped("done again", &case, n))
    }
}

/// What a step back or forward, line `n` of the journal, was about.
fn stepped(what: &str, case: &Case, n: u64) -> Outcome {
    let line = |n: u64| case.history().iter().find(|entry| entry.n == n);
    let target = line(n).and_then(|step| line(step.command.get("entry")?.as_u64()?));
    let summary = target.map(|entry| format!("{what}: {} (change {})", entry.name(), entry.n));
    Outcome {
        summary: summary.into_iter().collect(),
        findings: Vec::new(),
        data: json!({ "n": n, "entry": target.map(|entry| entry.n), "command": target.map(osteon_case::Entry::name) }),
        ..Outcome::default()
    }
}

/// Open a case whose last change was cut off by a crash, and cut the torn line
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recover {}

impl Command for Recover {
    const NAME: &'static str = "recover";
    const EFFECT: Effect = Effect::Tends;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let (dir, stamp) = (job.session().case.clone(), job.session().stamp());
        let case = Case::recover(&dir, &stamp)?;
        let findings = case.findings().to_vec();
        Ok(Outcome {
            summary: vec!["the case can be used again".to_owned()],
            findings,
            data: json!({}),
            ..Outcome::default()
        })
    }
}

/// Copy a case of an older version into a new folder in today's format
///
/// The original is not changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Migrate {
    /// New folder for the migrated case
    pub out: String,
}

impl Command for Migrate {
    const NAME: &'static str = "migrate";
    const EFFECT: Effect = Effect::Tends;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let (dir, stamp) = (job.session().case.clone(), job.session().stamp());
        let case = osteon_case::migrate(&dir, Path::new(&self.out), &stamp, job.ctx())?;
        let line = format!("{} is a copy in format {}", self.out, case.description().format);
        Ok(Outcome {
            summary: vec![line],
            findings: case.findings().to_vec(),
            data: json!({ "out": self.out }),
            ..Outcome::default()
        })
    }
}

/// Remove stored contents that neither today's files nor any undo or redo need
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gc {}

impl Command for Gc {
    const NAME: &'static str = "gc";
    const EFFECT: Effect = Effect::Tends;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let dir = job.session().case.clone();
        let collected = Case::open_for_writing(&dir)?.gc(job.ctx())?;
        let line =
            format!("{} contents of {:.1} MB removed", collected.contents, collected.bytes as f64 / 1e6);
        Ok(Outcome {
            summary: vec![line],
            findings: Vec::new(),
            data: json!({ "contents": collected.contents }),
            ..Outcome::default()
        })
    }
}
