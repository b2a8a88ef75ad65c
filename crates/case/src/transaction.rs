//! One change: outputs are written aside, and take effect together when it is committed.

use crate::artefact::{HashingWriter, Sha256};
use crate::case::{Case, Description, check_uid};
use crate::error::CaseError;
use crate::journal::{Entry, Inputs, OWN, Outputs, Stamp, Work};
use crate::path::CasePath;
use crate::vfs::{Access, VfsFile};
use crate::writer::Writer;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// How many bytes are gathered before they are hashed and written.
const CHUNK: usize = 1 << 18;

/// A change in the making. Dropped without commit, it leaves the case as it was.
#[derive(Debug)]
pub struct Transaction<'a> {
    writer: &'a mut Writer,
    command: Value,
    inputs: Inputs,
    /// What each output becomes: a finished temporary file, or nothing.
    staged: BTreeMap<CasePath, Option<Staged>>,
    /// Outputs begun and not finished.
    open: BTreeSet<CasePath>,
    /// Temporary files to remove at the end.
    temporaries: Vec<CasePath>,
}

#[derive(Debug)]
struct Staged {
    temporary: CasePath,
    hash: Sha256,
}

impl<'a> Transaction<'a> {
    pub(crate) fn begin(writer: &'a mut Writer, command: Value, inputs: Inputs) -> Result<Self, CaseError> {
        writer.complete()?;
        check_command(&command)?;
        check_inputs(writer, &inputs)?;
        let (staged, open, temporaries) = Default::default();
        Ok(Self { writer, command, inputs, staged, open, temporaries })
    }

    /// The case as it was before the change.
    pub fn case(&self) -> &Case {
        self.writer
    }

    /// Says what the command worked on, where that is known only once it has run.
    ///
    /// # Errors
    /// [`CaseError::InputChanged`] as for [`Writer::transaction`].
    pub fn set_inputs(&mut self, inputs: Inputs) -> Result<(), CaseError> {
        check_inputs(self.writer, &inputs)?;
        self.inputs = inputs;
        Ok(())
    }

    /// Writes a setting of the command into the journal in another form than it was given.
    pub fn set_setting(&mut self, name: &str, value: Value) {
        if let Some(settings) = self.command.as_object_mut() {
            settings.insert(name.to_owned(), value);
        }
    }

    /// Begins an output: write to it, then finish it.
    ///
    /// # Errors
    /// [`CaseError::BadPath`] for a name that belongs to the case or clashes with another one's; a write
    /// error.
    pub fn write(&mut self, path: &CasePath) -> Result<ArtefactWriter<'_, 'a>, CaseError> {
        if path.is_reserved() {
            return Err(bad_path(path, "belongs to the case itself"));
        }
        self.refuse_clash(path)?;
        self.begin_output(path)
    }

    /// Writes a whole output at once.
    ///
    /// # Errors
    /// As [`Transaction::write`].
    pub fn put(&mut self, path: &CasePath, bytes: &[u8]) -> Result<Sha256, CaseError> {
        self.write(path)?.put(bytes)
    }

    /// Removes an artefact, or takes back an output of this change.
    ///
    /// # Errors
    /// [`CaseError::NoArtefact`] if there is none.
    pub fn remove(&mut self, path: &CasePath) -> Result<(), CaseError> {
        if path.is_reserved() {
            return Err(bad_path(path, "belongs to the case itself"));
        }
        self.open.remove(path);
        let recorded = self.writer.hash(path).is_some();
        match self.staged.get(path) {
            None | Some(Some(_)) if recorded => drop(self.staged.insert(path.clone(), None)),
            Some(Some(_)) => drop(self.staged.remove(path)),
            _ => {
                return Err(CaseError::NoArtefact { path: path.to_string() });
            }
        }
        Ok(())
    }

    /// Writes `identity.toml` at once; it is no part of the change and stays if that is dropped.
    ///
    /// # Errors
    /// As [`Writer::set_identity`].
    pub fn set_identity(&mut self, text: &str) -> Result<(), CaseError> {
        self.writer.set_identity(text)
    }

    /// Says in which frame of reference (0020,0052) everything of the case lies; can be said once.
    ///
    /// # Errors
    /// [`CaseError::OtherFrame`] if another one was said before; [`CaseError::BadEntry`] if it is not a UID.
    pub fn set_frame_of_reference(&mut self, uid: &str) -> Result<(), CaseError> {
        check_uid(uid)?;
        let mut description = self.writer.description().clone();
        match description.frame_of_reference.as_deref() {
            Some(now) if now == uid => return Ok(()),
            Some(now) => {
                return Err(CaseError::OtherFrame { now: now.to_owned(), given: uid.to_owned() });
            }
            None => description.frame_of_reference = Some(uid.to_owned()),
        }
        let text = description.to_toml()?;
        self.begin_output(&Description::file())?.put(text.as_bytes())?;
        Ok(())
    }

    /// Makes the change take effect, whole or not at all.
    ///
    /// # Errors
    /// [`CaseError::OutputUnfinished`], [`CaseError::ChangedOutside`], [`CaseError::DiskFull`] and other
    /// failures of the disk: the case is as it was. [`CaseError::Unfinished`]: the change stands, but its
    /// files can only be put in place later. [`CaseError::Unsure`]: the disk does not let anybody tell.
    pub fn commit(mut self, stamp: &Stamp, work: Work) -> Result<Entry, CaseError> {
        if let Some(path) = self.open.first() {
            return Err(CaseError::OutputUnfinished { path: path.to_string() });
        }
        check_command(&self.command)?;
        let hash = |staged: &Option<Staged>| staged.as_ref().map(|staged| staged.hash);
        let outputs: Outputs =
            self.staged.iter().map(|(path, staged)| (path.clone(), hash(staged))).collect();
        self.writer.refuse_changed(&outputs)?;
        let staged = self.staged.iter().filter_map(|(path, staged)| Some((path, staged.as_ref()?)));
        let contents: Vec<_> = staged.map(|(path, staged)| (path, &staged.temporary, staged.hash)).collect();
        self.writer.publish(&contents)?;
        let command = std::mem::take(&mut self.command);
        let inputs = std::mem::take(&mut self.inputs);
        self.writer.record(command, inputs, outputs, stamp, &work).cloned()
    }

    fn begin_output(&mut self, path: &CasePath) -> Result<ArtefactWriter<'_, 'a>, CaseError> {
        let temporary = self.writer.temporary();
        let place = self.writer.vfs.place(path);
        let file = match self.writer.vfs.create(&temporary, Access::Frozen) {
            Ok(file) => NamedFile { file, place },
            Err(source) => return Err(CaseError::writing(place, source)),
        };
        self.temporaries.push(temporary.clone());
        self.staged.remove(path);
        self.open.insert(path.clone());
        let out = BufWriter::with_capacity(CHUNK, HashingWriter::new(file));
        Ok(ArtefactWriter { change: self, path: path.clone(), temporary, out })
    }

    fn refuse_clash(&self, path: &CasePath) -> Result<(), CaseError> {
        let staged = self.staged.keys().chain(&self.open).find(|other| other.clashes(path));
        match staged.or_else(|| self.writer.journal.timeline.clash(path)) {
            Some(other) => {
                Err(bad_path(path, &format!("cannot lie beside {other}, which the case has or had")))
            }
            None => Ok(()),
        }
    }
}

fn bad_path(path: &CasePath, what: &str) -> CaseError {
    CaseError::BadPath { path: path.to_string(), what: what.to_owned() }
}

/// A command has a name, and not one of those the case itself writes.
fn check_command(command: &Value) -> Result<(), CaseError> {
    let name = command.get("command").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() || OWN.contains(&name) {
        let what =
            format!("{name:?} cannot be the name of a command; the case itself writes {}", OWN.join(", "));
        return Err(CaseError::BadEntry { what });
    }
    Ok(())
}

/// An input that is or was an artefact of the case must be the one of today.
fn check_inputs(case: &Case, inputs: &Inputs) -> Result<(), CaseError> {
    for (name, given) in inputs {
        let Ok(path) = CasePath::new(name) else {
            continue;
        };
        let now = case.hash(&path);
        let foreign = now.is_none() && !case.journal.timeline.had(&path);
        if now != Some(*given) && !foreign {
            let now = now.map_or_else(|| "gone".to_owned(), |now| format!("{now:.12}"));
            return Err(CaseError::InputChanged { path: name.clone(), given: *given, now });
        }
    }
    Ok(())
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        for temporary in &self.temporaries {
            // Published ones are gone; what cannot be removed is cleared at the next opening.
            let _ = self.writer.remove_file(temporary);
        }
    }
}

/// An output being written: everything goes to a temporary file and into its hash.
///
/// Its write errors carry a [`CaseError`] that names the artefact. Dropped without being finished, it
/// keeps the change from being committed.
pub struct ArtefactWriter<'t, 'a> {
    change: &'t mut Transaction<'a>,
    path: CasePath,
    temporary: CasePath,
    out: BufWriter<HashingWriter<NamedFile>>,
}

impl ArtefactWriter<'_, '_> {
    /// Ends the output and brings it to the disk.
    ///
    /// # Errors
    /// A write error.
    pub fn finish(self) -> Result<Sha256, CaseError> {
        let named = |place: PathBuf, error: io::Error| match error.downcast::<CaseError>() {
            Ok(inner) => inner,
            Err(error) => CaseError::writing(place, error),
        };
        let place = self.change.writer.vfs.place(&self.path);
        let hashing = self.out.into_inner().map_err(|error| named(place.clone(), error.into_error()))?;
        let (file, hash) = hashing.finish();
        file.file.finish().map_err(|error| named(place, error))?;
        self.change.open.remove(&self.path);
        self.change.staged.insert(self.path, Some(Staged { temporary: self.temporary, hash }));
        Ok(hash)
    }

    fn put(mut self, bytes: &[u8]) -> Result<Sha256, CaseError> {
        let place = self.change.writer.vfs.place(&self.path);
        self.out.write_all(bytes).map_err(|error| match error.downcast::<CaseError>() {
            Ok(inner) => inner,
            Err(error) => CaseError::writing(place, error),
        })?;
        self.finish()
    }
}

impl Write for ArtefactWriter<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A temporary file whose errors name the artefact it is to become.
struct NamedFile {
    file: Box<dyn VfsFile>,
    place: PathBuf,
}

impl NamedFile {
    fn named(&self, error: io::Error) -> io::Error {
        // Writers retry after an interruption; that must stay what it is.
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        io::Error::new(error.kind(), CaseError::writing(self.place.clone(), error))
    }
}

impl Write for NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| self.named(error))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| self.named(error))
    }
}
