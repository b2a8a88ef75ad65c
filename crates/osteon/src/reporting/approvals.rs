//! Approvals: lines of the journal that name the hashes of plan and products. An approval holds as long as
//! each of them is what it was.

use osteon_case::{Case, CasePath, Sha256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a document that shows approvals names as an input.
pub(crate) const DEPENDENCY: &str = "approvals";

/// Name of the command that approves, and of its lines in the journal.
pub(crate) const COMMAND: &str = "approve";

/// In what role somebody approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Who operates.
    Surgeon,
    /// Who reads the images.
    Radiologist,
    /// Who made the plan and answers for the print.
    Engineer,
    /// Who answers for the process.
    Quality,
}

impl Role {
    /// The role's name in settings and keys of texts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Role::Surgeon => "surgeon",
            Role::Radiologist => "radiologist",
            Role::Engineer => "engineer",
            Role::Quality => "quality",
        }
    }
}

/// How an approval stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// Everything it names is what it was.
    Holds,
    /// These have changed since, or are gone.
    Stale(Vec<String>),
    /// It was withdrawn, on this day.
    Withdrawn(String),
}

/// An approval of the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approval {
    /// Who.
    pub by: String,
    /// In what role.
    pub role: Role,
    /// Of which items of the plan.
    pub items: Vec<String>,
    /// What was said along with it.
    pub note: String,
    /// On which day.
    pub on: String,
    /// Plan and products it names, with their hashes.
    pub covers: Vec<(String, Sha256)>,
    /// How it stands.
    pub state: State,
}

impl Approval {
    /// Whether it holds for an item.
    pub(crate) fn holds_for(&self, item: &str) -> bool {
        self.state == State::Holds && self.items.iter().any(|one| one == item)
    }
}

/// The approvals of a case in the order they were given, with those that were withdrawn.
pub(crate) fn all(case: &Case) -> Vec<Approval> {
    let mut approvals: Vec<Approval> = Vec::new();
    for entry in case.effective().filter(|entry| entry.name() == COMMAND) {
        let text = |key: &str| entry.command.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let role = entry.command.get("role").and_then(|role| Role::deserialize(role).ok());
        let items: Vec<String> =
            entry.command.get("items").and_then(|items| Vec::deserialize(items).ok()).unwrap_or_default();
        let Some(role) = role else { continue };
        let (by, on) = (text("by"), entry.at.strftime("%Y-%m-%d").to_string());
        if text("decision") == "withdraw" {
            let meant =
                |a: &Approval| a.by == by && a.role == role && a.items.iter().any(|i| items.contains(i));
            for approval in approvals.iter_mut().filter(|a| meant(a)) {
                approval.items.retain(|item| !items.contains(item));
                if approval.items.is_empty() {
                    approval.items.clone_from(&items);
                    approval.state = State::Withdrawn(on.clone());
                }
            }
            continue;
        }
        let covers: Vec<(String, Sha256)> =
            entry.inputs.iter().map(|(name, hash)| (name.clone(), *hash)).collect();
        let state = state(case, &covers);
        approvals.push(Approval { by, role, items, note: text("note"), on, covers, state });
    }
    approvals
}

/// How an approval of these contents stands today.
fn state(case: &Case, covers: &[(String, Sha256)]) -> State {
    let today = |name: &str| CasePath::new(name).ok().and_then(|path| case.hash(&path));
    let changed = covers.iter().filter(|(name, hash)| today(name) != Some(*hash));
    let changed: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
    if changed.is_empty() { State::Holds } else { State::Stale(changed) }
}

/// A hash of all approvals and how they stand: what a document that shows them depends on.
pub(crate) fn fingerprint(case: &Case) -> Sha256 {
    let lines: Vec<Value> = all(case)
        .into_iter()
        .map(|a| json!([a.by, a.role, a.items, a.note, a.on, format!("{:?}", a.state)]))
        .collect();
    Sha256::of(Value::from(lines).to_string().as_bytes())
}

/// The files of the case that an approval of an item names: its products, without pictures and pages.
pub(crate) fn products(case: &Case, item: &str, items: &[String]) -> Vec<String> {
    let owner = |path: &str| {
        let owns = |item: &&String| {
            let rest = path.strip_prefix("products/").and_then(|rest| rest.strip_prefix(item.as_str()));
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        // An item may be called as another with something behind it.
        items.iter().filter(owns).max_by_key(|item| item.len()).cloned()
    };
    let shown = |path: &str| path.ends_with(".png") || path.ends_with(".html");
    let paths = case.artefacts().map(|(path, _)| path.to_string());
    paths.filter(|path| !shown(path) && owner(path).as_deref() == Some(item)).collect()
}
