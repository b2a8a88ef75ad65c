//! The case as the facade uses it: changes, faults, power cuts, damage, migration.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod change;
mod damage;
mod disk;
mod faults;
mod migrate;
mod power;

use osteon_case::vfs::Memory;
use osteon_case::{Case, CasePath, Draft, Inputs, Stamp, Work, Writer};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A fixed stamp.
fn stamp() -> Stamp {
    let at = "2026-11-20T10:22:03Z".parse().unwrap();
    Stamp { at, by: "designer".to_owned(), version: "0.1.0".to_owned() }
}

fn path(text: &str) -> CasePath {
    CasePath::new(text).unwrap()
}

/// A disk in memory and a new case on it.
fn new_case() -> (Memory, Writer) {
    let disk = Memory::default();
    let case = Case::create_on(Arc::new(disk.clone()), &Draft::new("case-1"), &stamp()).unwrap();
    (disk, case)
}

/// Runs one command that writes (or, without content, removes) some artefacts.
fn run(
    case: &mut Writer,
    name: &str,
    outputs: &[(&str, Option<&str>)],
) -> Result<u64, osteon_case::CaseError> {
    run_with(case, name, Inputs::new(), outputs)
}

fn run_with(
    case: &mut Writer,
    name: &str,
    inputs: Inputs,
    outputs: &[(&str, Option<&str>)],
) -> Result<u64, osteon_case::CaseError> {
    let mut change = case.transaction(json!({"command": name}), inputs)?;
    for (name, content) in outputs {
        match content {
            Some(content) => drop(change.put(&path(name), content.as_bytes())?),
            None => change.remove(&path(name))?,
        }
    }
    Ok(change.commit(&stamp(), Work::default())?.n)
}

/// The artefacts as the journal has them, proven.
fn recorded(case: &Case) -> BTreeMap<String, String> {
    let read = |name: &CasePath| String::from_utf8(case.read(name).unwrap()).unwrap();
    case.artefacts().map(|(name, _)| (name.to_string(), read(name))).collect()
}

/// The artefacts as they lie in the folder.
fn lying(disk: &Memory) -> BTreeMap<String, String> {
    let files = disk.files().into_iter().filter(|(name, _)| !name.is_reserved());
    files.map(|(name, bytes)| (name.to_string(), String::from_utf8(bytes).unwrap())).collect()
}

/// What is left in the folder for temporary files.
fn temporary(disk: &Memory) -> usize {
    disk.files().keys().filter(|name| name.as_str().starts_with("tmp/")).count()
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn code(error: &osteon_case::CaseError) -> &'static str {
    osteon_core::Explain::code(error)
}
