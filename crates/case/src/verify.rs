//! Proof of everything by its hash: the journal's chain, every content, every artefact.

use crate::artefact;
use crate::case::{
    Case, Description, missing_head, read_description, read_format, recorded_description, torn,
};
use crate::error::CaseError;
use crate::journal::Journal;
use crate::path::CasePath;
use crate::vfs::{Disk, Vfs};
use osteon_core::{Ctx, Explain, Finding, Severity};
use std::collections::BTreeSet;
use std::path::Path;

impl Case {
    /// Hashes everything in the case folder anew and tells what is not as it should be.
    ///
    /// Needs no intact journal, nor the lock; somebody changing the case meanwhile may look like damage.
    /// Not covered: `identity.toml`, which the journal must not know, and `cache/`, `tmp/` and `lock`.
    ///
    /// # Errors
    /// [`CaseError::NoFolder`], [`CaseError::NotACase`] if there is no journal either,
    /// [`CaseError::Cancelled`], or a failure to read at all.
    pub fn verify(dir: &Path, ctx: &Ctx) -> Result<Vec<Finding>, CaseError> {
        Self::verify_on(&Disk::new(dir), ctx)
    }

    /// Verifies a case on any disk.
    ///
    /// # Errors
    /// As [`Case::verify`].
    pub fn verify_on(vfs: &dyn Vfs, ctx: &Ctx) -> Result<Vec<Finding>, CaseError> {
        let mut findings = Vec::new();
        if let Err(error) = read_format(vfs) {
            match error {
                CaseError::NoFolder { .. } => return Err(error),
                // Without a journal either there is nothing that could be verified.
                CaseError::NotACase { .. } if !matches!(vfs.stat(&Journal::file()), Ok(Some(_))) => {
                    return Err(error);
                }
                error => findings.push(trouble(&error)),
            }
        }
        let objects = artefact::objects(vfs)?;
        let found = verify_objects(vfs, &objects, &mut findings, &ctx.part("contents", 0.0, 0.6))?;
        match Journal::read(vfs) {
            Ok(journal) => {
                findings.extend(journal.tail.as_ref().map(torn));
                findings.extend(missing_head(&journal));
                verify_needed(&journal, &found, &mut findings);
                if let Err(error) =
                    recorded_description(&journal).and_then(|hash| read_description(vfs, hash))
                {
                    findings.push(trouble(&error));
                }
                verify_artefacts(vfs, &journal, &mut findings, &ctx.part("artefacts", 0.6, 1.0))?;
            }
            Err(error) => findings.push(trouble(&error)),
        }
        Ok(findings)
    }
}

/// An error as something to look at.
fn trouble(error: &CaseError) -> Finding {
    Finding::new(error.code(), Severity::Danger, error.to_string()).remedy(error.help())
}

/// Proves every stored content; gives those that are there.
fn verify_objects(
    vfs: &dyn Vfs,
    objects: &[CasePath],
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<BTreeSet<artefact::Sha256>, CaseError> {
    let mut found = BTreeSet::new();
    for (done, path) in objects.iter().enumerate() {
        ctx.done(done as f64 / objects.len() as f64)?;
        let Some(name) = artefact::object_hash(path) else {
            let what = format!("{path} is not a content of the case");
            findings.push(Finding::new("content-foreign", Severity::Note, what));
            continue;
        };
        found.insert(name);
        if artefact::hash_file(vfs, path, ctx)? != Some(name) {
            let what = format!("the content {path} is not what its name says");
            findings.push(
                Finding::new("content-damaged", Severity::Danger, what)
                    .remedy("restore the case from a backup"),
            );
        }
    }
    Ok(found)
}

/// Finds contents that today, undo or redo needs and that are gone.
fn verify_needed(journal: &Journal, found: &BTreeSet<artefact::Sha256>, findings: &mut Vec<Finding>) {
    for (hash, path) in journal.timeline.needed() {
        if !found.contains(&hash) {
            findings.push(trouble(&CaseError::Damaged { path: path.to_string(), hash, what: "missing" }));
        }
    }
}

/// Compares every artefact with the journal.
fn verify_artefacts(
    vfs: &dyn Vfs,
    journal: &Journal,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<(), CaseError> {
    let head = usize::try_from(journal.head.unwrap_or(0)).unwrap_or(usize::MAX);
    let unsettled: BTreeSet<_> =
        journal.entries.iter().skip(head).flat_map(|entry| entry.outputs.keys()).collect();
    if journal.head.is_some() && head < journal.entries.len() {
        let what = format!("the files of change {} are not all in place yet", journal.entries.len());
        findings.push(
            Finding::new("change-unfinished", Severity::Note, what).remedy("open the case for writing"),
        );
    }
    let now = journal.timeline.now();
    for (done, (path, held)) in now.iter().enumerate() {
        ctx.done(done as f64 / now.len() as f64)?;
        // Without a head nothing is known to be in place; then everything is compared.
        if journal.head.is_some() && unsettled.contains(path) {
            continue;
        }
        let remedy = "restore it, or take the changed file into the case";
        match artefact::hash_file(vfs, path, ctx)? {
            Some(found) if found == held.hash => {}
            Some(_) => {
                let what = format!("{path} was changed outside Osteon");
                findings.push(Finding::new("changed-outside", Severity::Danger, what).remedy(remedy));
            }
            // Its absence was already told, as this being no case.
            None if *path == Description::file() => {}
            None => {
                let what = format!("{path} is missing");
                findings.push(Finding::new("artefact-missing", Severity::Caution, what).remedy(remedy));
            }
        }
    }
    Ok(())
}
