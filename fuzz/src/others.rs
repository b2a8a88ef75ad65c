//! The targets beside `osteon-io`: the texts of a case, of a hospital and of a slicing program.

use crate::io::Target;
use osteon_case::vfs::Memory;
use osteon_case::{Case, CasePath, Draft, Stamp, Work};
use osteon_core::{Ctx, Explain};
use osteon_plan::Plan;
use osteon_print::{Printer, Quality};
use std::sync::Arc;

/// An error has a code, a message and a help. Unlike those of `osteon-io` the messages quote texts as they are.
fn explained(error: &impl Explain) {
    assert!(!error.code().is_empty() && !error.to_string().is_empty() && !error.help().is_empty());
}

/// All targets by name.
pub const ALL: &[(&str, Target)] = &[("plan", plan), ("printer", printer), ("gcode", gcode), ("case", case)];

/// What is read is written and read again the same.
fn plan(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Plan::parse(text) {
        Ok(plan) => {
            let again = plan.to_text().expect("a plan is text");
            assert!(Plan::parse(&again).is_ok_and(|same| same == plan), "the plan changed");
        }
        Err(error) => explained(&error),
    }
}

/// A profile that is taken makes settings for the slicing program.
fn printer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Printer::parse(text) {
        Ok(printer) => {
            for quality in [Quality::Standard, Quality::Fine] {
                let process = printer.process(quality);
                assert!(!osteon_print::prusa::config(&printer, process).is_empty());
                assert!(printer.margin(process).is_finite());
            }
        }
        Err(error) => explained(&error),
    }
}

/// The times taken out, the same is laid down.
fn gcode(data: &[u8]) {
    match osteon_print::read(data, &Ctx::default()) {
        Ok(summary) => {
            assert!(summary.top().is_finite());
            let plain = osteon_print::canonical(data);
            assert!(plain == osteon_print::canonical(&plain));
            assert!(
                osteon_print::read(&plain, &Ctx::default()).is_ok_and(|same| same.layers == summary.layers)
            );
        }
        Err(error) => explained(&error),
    }
}

/// The files of a case that are read before anything else; the first byte of an input chooses one.
pub(crate) const RECORDS: [&str; 3] = ["journal.jsonl", "case.toml", "journal.head"];

pub(crate) fn stamp() -> Stamp {
    let at = "2026-11-20T10:22:03Z".parse().expect("a time");
    Stamp { at, by: "designer".to_owned(), version: "0.1.0".to_owned() }
}

/// A disk with a case of two entries and one artefact.
pub(crate) fn disk() -> Memory {
    let disk = Memory::default();
    let made = Case::create_on(Arc::new(disk.clone()), &Draft::new("case-1"), &stamp());
    let mut case = made.expect("an empty disk takes a case");
    let command = serde_json::json!({"command": "propose", "number": 0.1});
    let mut change = case.transaction(command, Default::default()).expect("nobody else is there");
    change.put(&path("plan.json"), b"{}").expect("memory takes it");
    change.commit(&stamp(), Work::default()).expect("memory takes it");
    disk
}

pub(crate) fn path(text: &str) -> CasePath {
    CasePath::new(text).expect("a plain name")
}

/// A case in which one record is replaced is read, or refused; if it is read, so are its artefacts.
fn case(data: &[u8]) {
    let Some((&which, content)) = data.split_first() else { return };
    let disk = disk();
    let record = path(RECORDS[usize::from(which) % RECORDS.len()]);
    disk.tamper(&record, |bytes| *bytes = content.to_vec()).expect("the case has it");
    match Case::open_on(Arc::new(disk.clone())) {
        Ok(case) => {
            for (path, _) in case.artefacts() {
                if let Err(error) = case.read(path) {
                    explained(&error);
                }
            }
        }
        Err(error) => explained(&error),
    }
    if let Err(error) = Case::open_for_writing_on(Arc::new(disk)) {
        explained(&error);
    }
}
