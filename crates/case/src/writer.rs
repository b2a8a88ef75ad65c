//! Changing a case: the lock, the one place where a change takes effect, and what completes it.
//!
//! A change goes: contents to `tmp/`, synced → renamed into `objects/`, folders synced → **line appended to
//! the journal, synced** → artefacts linked, folders synced → `journal.head` replaced. Only the line
//! decides; if the head lags behind it, `settle` repeats the last two steps.

use crate::artefact::{self, Sha256};
use crate::case::{
    Case, Description, Draft, FORMAT, identity_file, missing_head, read_description, read_format, torn,
};
use crate::error::CaseError;
use crate::journal::{Entry, Inputs, Journal, Outputs, Stamp, Work};
use crate::path::CasePath;
use crate::transaction::Transaction;
use crate::vfs::{Access, Disk, Lock, Stat, Vfs};
use osteon_core::{Ctx, Finding};
use serde_json::{Value, json};
use std::any::Any;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

mod settle;

/// A case opened for writing. Nobody else can write to it until this is dropped.
///
/// Everything a reader can do it does through [`Case`].
pub struct Writer {
    pub(crate) case: Case,
    /// Number of the next temporary file.
    temporary: u64,
    /// Set when a line may or may not have reached the journal.
    unsure: Option<io::ErrorKind>,
    _lock: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("case", &self.case).finish_non_exhaustive()
    }
}

impl std::ops::Deref for Writer {
    type Target = Case;
    fn deref(&self) -> &Case {
        &self.case
    }
}

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many contents.
    pub contents: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Case {
    /// Makes a new case in a folder that is not there yet or is empty, and opens it for writing.
    ///
    /// # Errors
    /// [`CaseError::NotEmpty`], [`CaseError::NotWritable`], [`CaseError::DiskFull`]; the folder may then
    /// hold the beginnings of a case, which can be created over.
    pub fn create(dir: &Path, draft: &Draft, stamp: &Stamp) -> Result<Writer, CaseError> {
        Self::create_on(Arc::new(Disk::new(dir)), draft, stamp)
    }

    /// Makes a new case on any disk.
    ///
    /// # Errors
    /// As [`Case::create`].
    pub fn create_on(vfs: Arc<dyn Vfs>, draft: &Draft, stamp: &Stamp) -> Result<Writer, CaseError> {
        let description = draft.describe(stamp.at, &stamp.version)?;
        let root = CasePath::root();
        refuse_occupied(vfs.as_ref())?;
        vfs.create_folder(&root).map_err(|source| CaseError::writing(vfs.place(&root), source))?;
        let lock = take_lock(vfs.as_ref())?;
        // Somebody may have created a case between the look and the lock.
        refuse_occupied(vfs.as_ref())?;
        let case = Self { vfs, journal: Journal::empty(), description, findings: Vec::new() };
        let mut writer = Writer::new(case, lock);
        writer.prepare_folders()?;
        writer.remove_leftovers()?;
        let command = json!({"command": "create", "id": draft.id});
        writer.record_description(command, stamp)?;
        Ok(writer)
    }

    /// Opens a case for writing and completes what a crash left undone.
    ///
    /// # Errors
    /// As [`Case::open`], and [`CaseError::Locked`], [`CaseError::TooNew`], [`CaseError::Torn`] (see
    /// [`Case::recover`]), [`CaseError::NotWritable`].
    pub fn open_for_writing(dir: &Path) -> Result<Writer, CaseError> {
        Self::open_for_writing_on(Arc::new(Disk::new(dir)))
    }

    /// Opens a case on any disk for writing.
    ///
    /// # Errors
    /// As [`Case::open_for_writing`].
    pub fn open_for_writing_on(vfs: Arc<dyn Vfs>) -> Result<Writer, CaseError> {
        refuse_newer(vfs.as_ref())?;
        let lock = take_lock(vfs.as_ref())?;
        let case = Self::open_on(vfs)?;
        if let Some(tail) = case.journal.tail {
            return Err(CaseError::Torn { line: tail.line, bytes: tail.bytes });
        }
        if missing_head(&case.journal).is_some() {
            let line = case.journal.entries.len() as u64;
            let what = "journal.head, which names the last line, is missing".to_owned();
            return Err(CaseError::Broken { line, what });
        }
        Writer::new(case, lock).ready()
    }

    /// Opens a case for writing whose last journal line was never completed, or whose `journal.head` is
    /// lost: cuts the line, makes a new head, and writes both into the journal as findings.
    ///
    /// # Errors
    /// As [`Case::open_for_writing`]. A journal broken in any other way cannot be recovered.
    pub fn recover(dir: &Path, stamp: &Stamp) -> Result<Writer, CaseError> {
        Self::recover_on(Arc::new(Disk::new(dir)), stamp)
    }

    /// Recovers a case on any disk.
    ///
    /// # Errors
    /// As [`Case::recover`].
    pub fn recover_on(vfs: Arc<dyn Vfs>, stamp: &Stamp) -> Result<Writer, CaseError> {
        refuse_newer(vfs.as_ref())?;
        let lock = take_lock(vfs.as_ref())?;
        let mut case = Self::open_on(vfs)?;
        let mut findings: Vec<Finding> = Vec::new();
        if let Some(tail) = case.journal.tail {
            let mut finding = torn(&tail);
            finding.message = format!("{}; the cut bytes have SHA-256 {}", finding.message, tail.hash);
            findings.push(finding);
        }
        if let Some(finding) = missing_head(&case.journal) {
            // Only the last change can have been under way; older files changed outside stay as they are.
            case.journal.head = Some(case.journal.entries.len() as u64 - 1);
            findings.push(finding);
        }
        let mut writer = Writer::new(case, lock);
        if findings.is_empty() {
            return writer.ready();
        }
        writer.prepare_folders()?;
        writer.case.findings.clone_from(&findings);
        let work = Work { findings, ..Work::default() };
        writer.record(json!({"command": "recover"}), Inputs::new(), Outputs::new(), stamp, &work)?;
        Ok(writer)
    }
}

impl Writer {
    pub(crate) const fn new(case: Case, lock: Box<dyn Any + Send>) -> Self {
        Self { case, temporary: 0, unsure: None, _lock: lock }
    }

    /// Makes everything ready for a change: clears temporary files, completes the last change.
    fn ready(mut self) -> Result<Self, CaseError> {
        self.prepare_folders()?;
        self.complete()?;
        Ok(self)
    }

    /// Begins a change: a command (a JSON object with a `command` name) and the hashes of what it worked on.
    ///
    /// # Errors
    /// [`CaseError::BadEntry`] for a command without a name or with one the case itself writes;
    /// [`CaseError::InputChanged`] if an input that is an artefact of the case has another hash today.
    pub fn transaction(&mut self, command: Value, inputs: Inputs) -> Result<Transaction<'_>, CaseError> {
        Transaction::begin(self, command, inputs)
    }

    /// Steps back over the last command that stands: its outputs get the content they had before.
    ///
    /// Undoing again steps further back. What was undone can be redone until the next command.
    ///
    /// # Errors
    /// [`CaseError::NothingToUndo`]; [`CaseError::ChangedOutside`] if that would overwrite a file changed
    /// outside; [`CaseError::Damaged`] if a content to restore is.
    pub fn undo(&mut self, stamp: &Stamp) -> Result<&Entry, CaseError> {
        let (n, outputs) = self.case.journal.timeline.to_undo().ok_or(CaseError::NothingToUndo)?;
        self.step("undo", n, outputs, stamp)
    }

    /// Steps forward again over the command undone last.
    ///
    /// # Errors
    /// [`CaseError::NothingToRedo`], or as [`Writer::undo`].
    pub fn redo(&mut self, stamp: &Stamp) -> Result<&Entry, CaseError> {
        let (n, outputs) = self.case.journal.timeline.to_redo().ok_or(CaseError::NothingToRedo)?;
        self.step("redo", n, outputs, stamp)
    }

    fn step(&mut self, name: &str, n: u64, outputs: Outputs, stamp: &Stamp) -> Result<&Entry, CaseError> {
        self.complete()?;
        for (path, hash) in &outputs {
            if let Some(hash) = hash {
                artefact::prove(self.case.vfs.as_ref(), path, *hash)?;
            }
        }
        self.refuse_changed(&outputs)?;
        self.record(json!({"command": name, "entry": n}), Inputs::new(), outputs, stamp, &Work::default())
    }

    /// Puts the recorded content of an artefact back in place of a missing or changed file.
    ///
    /// # Errors
    /// [`CaseError::NoArtefact`], or [`CaseError::Damaged`] if the content itself is.
    pub fn restore(&mut self, path: &CasePath) -> Result<(), CaseError> {
        self.complete()?;
        let hash = self.case.hash(path).ok_or_else(|| CaseError::NoArtefact { path: path.to_string() })?;
        artefact::prove(self.case.vfs.as_ref(), path, hash)?;
        self.switch(&[(path.clone(), Some(hash))].into())
    }

    /// Writes `identity.toml`, readable only by the user. It is in no list and no journal.
    ///
    /// # Errors
    /// [`CaseError::BadEntry`] if the text is not TOML; a write error.
    pub fn set_identity(&mut self, text: &str) -> Result<(), CaseError> {
        if let Err(error) = text.parse::<toml::Table>() {
            // Only the place: the text itself names the patient.
            let place = error.span().map_or(0, |span| span.start);
            return Err(CaseError::BadEntry { what: format!("the identity is not TOML at byte {place}") });
        }
        self.put_file(&identity_file(), text.as_bytes(), Access::Private)
    }

    /// Removes `identity.toml`, if there is one.
    ///
    /// # Errors
    /// A write error.
    pub fn forget_identity(&mut self) -> Result<(), CaseError> {
        self.remove_file(&identity_file())?;
        self.sync(&CasePath::root())
    }

    /// Removes the contents that neither today's state nor any undo or redo needs.
    ///
    /// # Errors
    /// [`CaseError::Cancelled`], or a failure of the disk.
    pub fn gc(&mut self, ctx: &Ctx) -> Result<Collected, CaseError> {
        self.complete()?;
        let needed = self.case.journal.timeline.needed();
        let mut collected = Collected::default();
        let objects = artefact::objects(self.case.vfs.as_ref())?;
        for (done, path) in objects.iter().enumerate() {
            ctx.done(done as f64 / objects.len() as f64)?;
            let idle = artefact::object_hash(path).is_some_and(|hash| !needed.contains_key(&hash));
            let stat = self
                .case
                .vfs
                .stat(path)
                .map_err(|source| CaseError::reading(self.case.vfs.place(path), source))?;
            if let (true, Some(Stat::File(bytes))) = (idle, stat) {
                self.remove_file(path)?;
                collected.contents += 1;
                collected.bytes += bytes;
            }
        }
        Ok(collected)
    }

    /// Writes the description as a content and a line that makes it the case's.
    pub(crate) fn record_description(&mut self, command: Value, stamp: &Stamp) -> Result<(), CaseError> {
        let text = self.case.description.to_toml()?;
        let temporary = self.temporary();
        self.write_file(&temporary, text.as_bytes(), Access::Frozen)?;
        let hash = Sha256::of(text.as_bytes());
        let path = Description::file();
        self.publish(&[(&path, &temporary, hash)])?;
        let outputs = [(path, Some(hash))].into();
        self.record(command, Inputs::new(), outputs, stamp, &Work::default())?;
        Ok(())
    }

    /// Makes a change take effect: everything it needs is in the store, now its line is written.
    pub(crate) fn record(
        &mut self,
        command: Value,
        inputs: Inputs,
        outputs: Outputs,
        stamp: &Stamp,
        work: &Work,
    ) -> Result<&Entry, CaseError> {
        let journal = &self.case.journal;
        let n = journal.entries.len() as u64 + 1;
        let entry = Entry {
            n,
            at: stamp.at,
            by: stamp.by.clone(),
            version: stamp.version.clone(),
            command,
            inputs,
            outputs,
            findings: work.findings.clone(),
            // Milliseconds: more digits would only be noise.
            seconds: work.took.as_millis() as f64 / 1000.0,
            threads: work.threads,
            prev: journal.last,
        };
        // A line that cannot be read back or does not follow must never be written.
        let (line, entry) = entry.to_line()?;
        journal.would_take(&entry, &line)?;
        let description = match entry.outputs.get(&Description::file()) {
            Some(Some(hash)) => Some(read_description(self.case.vfs.as_ref(), *hash)?),
            _ => None,
        };
        self.append(&line)?;
        let broken = |what| CaseError::Broken { line: n, what };
        self.case.journal.push(entry, line.as_bytes()).map_err(broken)?;
        if let Some(description) = description {
            self.case.description = description;
        }
        self.complete()?;
        Ok(&self.case.journal.entries[self.case.journal.entries.len() - 1])
    }

    /// Brings a line to the disk, or takes it back.
    fn append(&mut self, line: &str) -> Result<(), CaseError> {
        let path = Journal::file();
        let bytes = format!("{line}\n");
        let length = self.case.journal.length;
        if length == 0 {
            return self.put_file(&path, bytes.as_bytes(), Access::Shared);
        }
        if self.case.journal.tail.is_some() {
            return self.replace_tail(bytes.as_bytes());
        }
        let vfs = Arc::clone(&self.case.vfs);
        match vfs.stat(&path).map_err(|source| CaseError::reading(vfs.place(&path), source))? {
            Some(Stat::File(found)) if found == length => {}
            _ => {
                let line = self.case.journal.entries.len() as u64 + 1;
                let what = "journal.jsonl was changed by somebody else while the case was open".to_owned();
                return Err(CaseError::Broken { line, what });
            }
        }
        let Err(failed) = vfs.append(&path, bytes.as_bytes()) else {
            return Ok(());
        };
        // A part of the line, or all of it, may be on the disk.
        if let Err(cause) = vfs.truncate(&path, length) {
            self.unsure = Some(cause.kind());
            return Err(CaseError::Unsure { path: vfs.place(&path), cause });
        }
        Err(CaseError::writing(vfs.place(&path), failed))
    }

    /// Puts a line in place of an unfinished one, at once, so that no cut goes without its record.
    fn replace_tail(&mut self, line: &[u8]) -> Result<(), CaseError> {
        let path = Journal::file();
        let vfs = &self.case.vfs;
        let read = |path| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            vfs.open(path)?.take(self.case.journal.length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let mut bytes = read(&path).map_err(|source| CaseError::reading(vfs.place(&path), source))?;
        bytes.extend_from_slice(line);
        self.put_file(&path, &bytes, Access::Shared)?;
        self.case.journal.tail = None;
        Ok(())
    }

    /// Completes the last change, if that has not been possible yet.
    pub(crate) fn complete(&mut self) -> Result<(), CaseError> {
        if let Some(kind) = self.unsure {
            let path = self.case.vfs.place(&Journal::file());
            return Err(CaseError::Unsure { path, cause: kind.into() });
        }
        let n = self.case.journal.entries.len() as u64;
        self.settle().map_err(|cause| CaseError::Unfinished { n, cause: Box::new(cause) })
    }

    /// Makes the folders of the case, and clears what a crash left in `tmp/`.
    pub(crate) fn prepare_folders(&mut self) -> Result<(), CaseError> {
        let vfs = Arc::clone(&self.case.vfs);
        for folder in ["tmp", "objects"].map(CasePath::own) {
            vfs.create_folder(&folder).map_err(|source| CaseError::writing(vfs.place(&folder), source))?;
        }
        self.sync(&CasePath::root())?;
        let folder = CasePath::own("tmp");
        let names = vfs.list(&folder).map_err(|source| CaseError::reading(vfs.place(&folder), source))?;
        for name in names {
            self.remove_file(&folder.join(&name)?)?;
        }
        Ok(())
    }

    /// Removes the journal of a creation that did not come to its end.
    fn remove_leftovers(&mut self) -> Result<(), CaseError> {
        self.remove_file(&Journal::file())
    }
}

/// Nothing may be in the folder but the beginnings of a case that never became one.
///
/// Those have no `case.toml` yet, and therefore no head either, which comes after it.
fn refuse_occupied(vfs: &dyn Vfs) -> Result<(), CaseError> {
    let root = CasePath::root();
    let dir = vfs.place(&root);
    let fail = |source| CaseError::reading(vfs.place(&root), source);
    let names = match vfs.stat(&root).map_err(fail)? {
        None => return Ok(()),
        Some(Stat::Folder) => vfs.list(&root).map_err(fail)?,
        Some(_) => {
            return Err(CaseError::NotEmpty { dir, name: "a file".to_owned() });
        }
    };
    let beginnings = ["journal.jsonl", "lock", "objects", "tmp"];
    match names.into_iter().find(|name| !beginnings.contains(&name.as_str())) {
        Some(name) => Err(CaseError::NotEmpty { dir, name }),
        None => Ok(()),
    }
}

fn refuse_newer(vfs: &dyn Vfs) -> Result<(), CaseError> {
    let found = read_format(vfs)?;
    if found > FORMAT { Err(CaseError::TooNew { found, known: FORMAT }) } else { Ok(()) }
}

pub(crate) fn take_lock(vfs: &dyn Vfs) -> Result<Box<dyn Any + Send>, CaseError> {
    let path = CasePath::own("lock");
    match vfs.lock(&path, &crate::vfs::holder()) {
        Ok(Lock::Held(held)) => Ok(held),
        Ok(Lock::Busy(holder)) => Err(CaseError::Locked { dir: vfs.place(&CasePath::root()), holder }),
        Err(source) => Err(CaseError::writing(vfs.place(&path), source)),
    }
}

/// Every folder from the one a path lies in up to the case folder.
pub(crate) fn folders_above(path: &CasePath) -> BTreeSet<CasePath> {
    let mut folders = BTreeSet::new();
    let mut folder = path.parent();
    while !folder.is_root() {
        folders.insert(folder.clone());
        folder = folder.parent();
    }
    folders.insert(folder);
    folders
}
