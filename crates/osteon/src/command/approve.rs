//! `approve`: somebody puts their name to plan and products as they are now.

use crate::artefacts;
use crate::command::make::chosen;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use crate::reporting::approvals::{self, Role, State};
use osteon_case::Currency;
use osteon_core::{ErrorKind, Severity};
use osteon_io::dicom::deidentify::Identifiers;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Approve plan and products as they are now, or withdraw an approval
///
/// Writes a line into the journal that names the SHA-256 of plan and structures and of every product file of the items. When
/// any of them changes later, `status` and the reports show the approval as stale. The name is that of a member of
/// staff, is kept in the journal and printed in the reports; neither leaves the case with `share`. The software does
/// not check who types the name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Name of the member of staff who approves
    pub by: String,
    /// In what role
    pub role: Role,
    /// What is to be remembered along with it; needed where a finding of severity danger stands
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether an approval is given or withdrawn
    #[serde(default)]
    pub decision: Decision,
    /// Items that are approved; all if none is named
    // The last, where the journal adds them: a replay writes the same line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
}

/// Whether an approval is given or withdrawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is given.
    #[default]
    Give,
    /// It is withdrawn: all of this name and role for these items.
    Withdraw,
}

/// Longest name and note, in characters. Chosen: a name and its title; a paragraph.
const LONGEST: [usize; 2] = [80, 500];

impl Command for Approve {
    const NAME: &'static str = approvals::COMMAND;
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        self.refuse_texts(job)?;
        let plan = job.plan()?;
        let every: Vec<String> = plan.models().map(|model| model.id.clone()).collect();
        let items: Vec<String> = chosen(plan.models().cloned().collect(), &self.items)?
            .into_iter()
            .map(|model| model.id)
            .collect();
        // The journal names the items even where all were meant: a later plan may have others.
        job.journal_as("items", items.clone());
        let said = match self.decision {
            Decision::Give => self.give(job, &items, &every)?,
            Decision::Withdraw => self.withdraw(job, &items)?,
        };
        let data = json!({ "items": items, "by": self.by, "role": self.role, "decision": self.decision });
        Ok(Outcome { summary: vec![said], data, ..Outcome::default() })
    }
}

impl Approve {
    fn give(&self, job: &mut Job<'_>, items: &[String], every: &[String]) -> Result<String, Failure> {
        let mut files = vec![artefacts::PLAN.to_owned()];
        for item in items {
            job.needs(&artefacts::product(item, "ply"))?;
            files.extend(approvals::products(job.case()?, item, every));
        }
        self.refuse_stale(job, &files)?;
        self.refuse_dangers(job)?;
        for file in &files {
            job.needs(file)?;
        }
        Ok(format!(
            "{} approved {} as {}: plan and {} product files as they are now",
            self.by.trim(),
            items.join(", "),
            self.role.name(),
            files.len() - 1
        ))
    }

    fn withdraw(&self, job: &Job<'_>, items: &[String]) -> Result<String, Failure> {
        let standing = approvals::all(job.case()?);
        let meant = |a: &&approvals::Approval| {
            a.by == self.by
                && a.role == self.role
                && !matches!(a.state, State::Withdrawn(_))
                && a.items.iter().any(|item| items.contains(item))
        };
        match standing.iter().filter(meant).count() {
            0 => {
                let message = format!(
                    "there is no approval by \"{}\" as {} of {}",
                    self.by,
                    self.role.name(),
                    items.join(", ")
                );
                let help = "osteon status lists the approvals; name and role must be as they stand there";
                Err(Failure::new(ErrorKind::Missing, "no-approval", message, help))
            }
            n => Ok(format!("{n} approvals of {} by {} are withdrawn", items.join(", "), self.by)),
        }
    }

    /// Refuses a name or note that is empty, too long, or tells who the patient is.
    fn refuse_texts(&self, job: &Job<'_>) -> Result<(), Failure> {
        for ((what, text), longest) in [("name", &self.by), ("note", &self.note)].into_iter().zip(LONGEST) {
            let refuse = |why: &str, help: &str| {
                let message = format!("the {what} {why}");
                Err(Failure::new(ErrorKind::Input, "approval-text", message, help))
            };
            if what == "name" && text.trim().is_empty() {
                return refuse("is empty", "say who approves: --by \"Dr Name\"");
            }
            if text.chars().count() > longest || text.chars().any(char::is_control) {
                let why = format!("is longer than {longest} characters or not one line");
                return refuse(&why, "make it shorter");
            }
        }
        let identity = job.case()?.identity()?.unwrap_or_default();
        let table: toml::Table = identity.parse().unwrap_or_default();
        let patient = table.get("patient").and_then(toml::Value::as_table).into_iter().flatten();
        let mut known = Identifiers::default();
        for (key, value) in patient {
            match (key.as_str(), value.as_str().unwrap_or_default()) {
                (_, "") => {}
                ("name", name) => known.add_name("name", name),
                ("birth_date", date) => known.add_date("birth date", date),
                (_, text) => known.add_text("patient number", text),
            }
        }
        // The first word keeps a name from being taken for the beginning of an archive.
        let said = format!("approval: {}\n{}", self.by, self.note);
        match known.search("").leak("the approval", said.as_bytes()) {
            None => Ok(()),
            Some(leak) => {
                let message =
                    format!("the approval tells who the patient is: it holds a known {}", leak.kind);
                let help = "name the case by its id; the journal and the reports do not name the patient";
                Err(Failure::new(ErrorKind::Input, "approval-names-patient", message, help))
            }
        }
    }

    /// Refuses what is not what the journal says, or was made from something older.
    fn refuse_stale(&self, job: &Job<'_>, files: &[String]) -> Result<(), Failure> {
        let states = job.case()?.status(&Default::default(), job.ctx())?;
        let worst = states.iter().find(|artefact| {
            artefact.currency != Currency::Current && files.contains(&artefact.path.to_string())
        });
        worst.map_or(Ok(()), |artefact| {
            let why = match &artefact.currency {
                Currency::Stale { because } => format!("was made before {} changed", because.join(", ")),
                Currency::Missing => "is missing".to_owned(),
                _ => "was changed outside".to_owned(),
            };
            let message = format!("{} cannot be approved: it {why}", artefact.path);
            let help = "make it again (osteon make, check, export), then approve what came out";
            Err(Failure::new(ErrorKind::Input, "approval-stale", message, help))
        })
    }

    /// Refuses to pass over a danger without a word.
    fn refuse_dangers(&self, job: &Job<'_>) -> Result<(), Failure> {
        let findings = standing_findings(job)?;
        let dangers: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Danger).collect();
        if dangers.is_empty() || !self.note.trim().is_empty() {
            return Ok(());
        }
        let codes: Vec<&str> = dangers.iter().map(|finding| finding.code.as_str()).collect();
        let message = format!("findings of severity danger stand: {}", codes.join(", "));
        let help = "mend them, or say in --note why it is approved in spite of them";
        Err(Failure::new(ErrorKind::Input, "approval-needs-note", message, help))
    }
}

/// The findings of the commands whose results the case has today.
pub(crate) fn standing_findings(job: &Job<'_>) -> Result<Vec<osteon_core::Finding>, Failure> {
    let case = job.case()?;
    let mut findings = Vec::new();
    for entry in case.effective().filter(|entry| entry.name() != crate::command::report::Report::NAME) {
        let made = entry.outputs.keys().any(|path| case.maker(path).is_some_and(|maker| maker.n == entry.n));
        // Planning and checking look at the same things; each is told once.
        for finding in entry.findings.iter().filter(|_| made) {
            if !findings.contains(finding) {
                findings.push(finding.clone());
            }
        }
    }
    Ok(findings)
}
