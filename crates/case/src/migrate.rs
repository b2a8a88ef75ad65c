//! Older cases brought to the format of today, on a copy: one function per step.

use crate::artefact::{self, Sha256};
use crate::case::{Case, Description, FORMAT, read_description, read_format, recorded_description};
use crate::error::CaseError;
use crate::journal::{Journal, Stamp, parse_line};
use crate::path::CasePath;
use crate::vfs::{Access, Disk, Stat, Vfs, read_small};
use crate::writer::{Writer, folders_above, take_lock};
use osteon_core::Ctx;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// One step: makes of a copy in one format, without its `case.toml`, a copy in the next.
///
/// `case.toml` is what the case said of itself in the older format.
type Step = fn(copy: &dyn Vfs, case_toml: &[u8]) -> Result<(), CaseError>;

/// The step from each format to the next.
const STEPS: [Step; FORMAT as usize] = [keep_contents];

/// Makes a copy of an older case in the format of today and opens it for writing; the original stays.
///
/// The migration is a line of the copy's journal; undo does not step back over it.
///
/// # Errors
/// [`CaseError::TooNew`]; [`CaseError::BadEntry`] if the case is of today's format already;
/// [`CaseError::NotEmpty`] if `to` holds anything; whatever is wrong with the old case. A copy that could
/// not be completed is not a case; remove its folder.
pub fn migrate(from: &Path, to: &Path, stamp: &Stamp, ctx: &Ctx) -> Result<Writer, CaseError> {
    migrate_on(&Disk::new(from), Arc::new(Disk::new(to)), stamp, ctx)
}

/// Migrates from any disk to any other.
///
/// # Errors
/// As [`migrate`].
pub fn migrate_on(from: &dyn Vfs, to: Arc<dyn Vfs>, stamp: &Stamp, ctx: &Ctx) -> Result<Writer, CaseError> {
    let format = read_format(from)?;
    if format > FORMAT {
        return Err(CaseError::TooNew { found: format, known: FORMAT });
    }
    if format == FORMAT {
        return Err(CaseError::BadEntry { what: format!("the case has format {FORMAT} already") });
    }
    let root = CasePath::root();
    to.create_folder(&root).map_err(|source| CaseError::writing(to.place(&root), source))?;
    if let Some(name) = to.list(&root).map_err(|source| CaseError::reading(to.place(&root), source))?.first()
    {
        return Err(CaseError::NotEmpty { dir: to.place(&root), name: name.clone() });
    }
    let lock = take_lock(to.as_ref())?;
    copy_folder(from, to.as_ref(), &root, &ctx.part("copy", 0.0, 0.5))?;
    let case_toml = read(from, &Description::file())?;
    for step in STEPS.iter().skip(usize::try_from(format).unwrap_or(usize::MAX)) {
        step(to.as_ref(), &case_toml)?;
    }
    let journal = Journal::read(to.as_ref())?;
    prove(to.as_ref(), &journal, &ctx.part("proof", 0.5, 1.0))?;
    let mut description = read_description(to.as_ref(), recorded_description(&journal)?)?;
    description.format = FORMAT;
    let case = Case { vfs: to, journal, description, findings: Vec::new() };
    let mut writer = Writer::new(case, lock);
    writer.prepare_folders()?;
    // `case.toml` comes last: before, the copy is not a case.
    writer.record_description(json!({"command": "migrate", "from": format, "to": FORMAT}), stamp)?;
    Ok(writer)
}

/// Copies everything but `case.toml`, which makes a folder a case, and what outlives no session.
fn copy_folder(from: &dyn Vfs, to: &dyn Vfs, folder: &CasePath, ctx: &Ctx) -> Result<(), CaseError> {
    let fail = |source| CaseError::reading(from.place(folder), source);
    for name in from.list(folder).map_err(fail)? {
        let path = folder.join(&name)?;
        if folder.is_root() && ["lock", "tmp", "cache", "case.toml"].contains(&name.as_str()) {
            continue;
        }
        match from.stat(&path).map_err(|source| CaseError::reading(from.place(&path), source))? {
            Some(Stat::Folder) => {
                to.create_folder(&path).map_err(|source| CaseError::writing(to.place(&path), source))?;
                copy_folder(from, to, &path, ctx)?;
            }
            Some(Stat::File(_)) => copy_file(from, to, &path, ctx)?,
            _ => {
                return Err(fail(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{name} is not a regular file"),
                )));
            }
        }
    }
    to.sync_folder(folder).map_err(|source| CaseError::writing(to.place(folder), source))
}

fn copy_file(from: &dyn Vfs, to: &dyn Vfs, path: &CasePath, ctx: &Ctx) -> Result<(), CaseError> {
    let access = match path.as_str() {
        "identity.toml" => Access::Private,
        "journal.jsonl" | "journal.head" => Access::Shared,
        _ => Access::Frozen,
    };
    let failed = |source| CaseError::writing(to.place(path), source);
    let mut source = from.open(path).map_err(|error| CaseError::reading(from.place(path), error))?;
    let mut copy = to.create(path, access).map_err(failed)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        ctx.check()?;
        match source.read(&mut buffer).map_err(|error| CaseError::reading(from.place(path), error))? {
            0 => return copy.finish().map_err(failed),
            taken => copy.write_all(&buffer[..taken]).map_err(failed)?,
        }
    }
}

/// Every artefact of the copy must be what its journal says, and every content needed be there.
fn prove(vfs: &dyn Vfs, journal: &Journal, ctx: &Ctx) -> Result<(), CaseError> {
    for (path, held) in journal.timeline.now() {
        artefact::prove(vfs, path, held.hash)?;
        let found =
            if *path == Description::file() { Some(held.hash) } else { artefact::hash_file(vfs, path, ctx)? };
        if found != Some(held.hash) {
            return Err(CaseError::ChangedOutside { path: vfs.place(path) });
        }
    }
    Ok(())
}

/// Format 0 to 1.
///
/// Format 0, of the drafts before the first release, had artefacts and a journal whose lines did not name
/// the line before, and kept no contents. The lines are chained and today's contents are kept; older ones
/// are lost, which is why undo stops at a migration.
fn keep_contents(copy: &dyn Vfs, case_toml: &[u8]) -> Result<(), CaseError> {
    let path = Journal::file();
    let mut journal = Journal::empty();
    let mut text = String::new();
    for old in read(copy, &path)?.split_inclusive(|byte| *byte == b'\n') {
        let line = journal.entries.len() as u64 + 1;
        let broken = |what: String| CaseError::Broken { line, what };
        let mut value: Value = crate::journal::parse_value(old).map_err(broken)?;
        let Some(fields) = value.as_object_mut() else {
            return Err(broken("it is not an object".to_owned()));
        };
        fields.insert("prev".to_owned(), journal.last.to_string().into());
        let new = value.to_string();
        let entry = parse_line(new.as_bytes()).map_err(broken)?;
        journal.push(entry, new.as_bytes()).map_err(broken)?;
        text += &new;
        text += "\n";
    }
    for (path, held) in journal.timeline.now() {
        let bytes = if *path == Description::file() { case_toml.to_vec() } else { read(copy, path)? };
        if Sha256::of(&bytes) != held.hash {
            return Err(CaseError::ChangedOutside { path: copy.place(path) });
        }
        put(copy, &artefact::object(held.hash), &bytes)?;
    }
    copy.remove(&path).map_err(|source| CaseError::writing(copy.place(&path), source))?;
    put(copy, &path, text.as_bytes())?;
    put(copy, &Journal::head_file(), journal.head_now().as_bytes())
}

/// Reads a whole file of an older case.
fn read(vfs: &dyn Vfs, path: &CasePath) -> Result<Vec<u8>, CaseError> {
    let bytes =
        read_small(vfs, path, u64::MAX - 1).map_err(|source| CaseError::reading(vfs.place(path), source))?;
    bytes.ok_or_else(|| CaseError::NoArtefact { path: path.to_string() })
}

/// Writes a file of the copy, which is not a case yet: no need for a temporary name.
fn put(copy: &dyn Vfs, path: &CasePath, bytes: &[u8]) -> Result<(), CaseError> {
    let access = if path.parent().is_root() { Access::Shared } else { Access::Frozen };
    let write = || {
        for folder in folders_above(path).iter().filter(|folder| !folder.is_root()) {
            copy.create_folder(folder)?;
        }
        let mut file = copy.create(path, access)?;
        file.write_all(bytes)?;
        file.finish()?;
        folders_above(path).iter().try_for_each(|folder| copy.sync_folder(folder))
    };
    write().map_err(|source| CaseError::writing(copy.place(path), source))
}
