//! A case as a reader sees it: what the journal says, with contents from the store.
//!
//! A reader needs no lock. It keeps the state of the moment it was opened, whatever a writer does since.

use crate::artefact::{self, Sha256};
use crate::error::CaseError;
use crate::journal::{Entry, Journal, Tail};
use crate::path::CasePath;
use crate::vfs::{Disk, Stat, Vfs, read_small};
use jiff::Timestamp;
use osteon_core::{Ctx, Finding, Severity};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The format this version writes.
pub const FORMAT: u64 = 1;

/// Longest `case.toml` and `identity.toml`, in bytes.
const LONGEST: u64 = 64 << 10;

/// What `case.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Description {
    /// Format of the case folder.
    pub format: u64,
    /// Pseudonym of the case; says nothing about the patient.
    pub id: String,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// Version of Osteon that made it.
    pub osteon: String,
    /// Frame of reference UID (0020,0052) in which everything lies, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_of_reference: Option<String>,
}

/// What is to be said of a new case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Pseudonym: 1 to 64 ASCII letters, digits, `.`, `-`, `_`, the first a letter or digit.
    pub id: String,
    /// Frame of reference UID, if already known.
    pub frame_of_reference: Option<String>,
}

impl Draft {
    /// A new case whose frame of reference is not known yet.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), frame_of_reference: None }
    }

    /// What `case.toml` will say.
    pub(crate) fn describe(&self, at: Timestamp, version: &str) -> Result<Description, CaseError> {
        let portable = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let begins = self.id.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins || self.id.len() > 64 || !self.id.chars().all(portable) {
            let what = format!(
                "{:?} is not a case id: 1 to 64 ASCII letters, digits, '.', '-', '_', first a letter or digit",
                self.id
            );
            return Err(CaseError::BadEntry { what });
        }
        if let Some(uid) = &self.frame_of_reference {
            check_uid(uid)?;
        }
        Ok(Description {
            format: FORMAT,
            id: self.id.clone(),
            created: at.to_string(),
            osteon: version.to_owned(),
            frame_of_reference: self.frame_of_reference.clone(),
        })
    }
}

/// A DICOM unique identifier has at most 64 digits and dots (PS3.5, 9.1).
pub(crate) fn check_uid(uid: &str) -> Result<(), CaseError> {
    if (1..=64).contains(&uid.len()) && uid.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Ok(());
    }
    Err(CaseError::BadEntry { what: format!("{uid:?} is not a DICOM unique identifier") })
}

impl Description {
    pub(crate) fn file() -> CasePath {
        CasePath::own("case.toml")
    }

    pub(crate) fn to_toml(&self) -> Result<String, CaseError> {
        toml::to_string(self).map_err(|error| CaseError::BadEntry { what: error.to_string() })
    }
}

/// A case, read.
#[derive(Clone, Debug)]
pub struct Case {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) journal: Journal,
    pub(crate) description: Description,
    pub(crate) findings: Vec<Finding>,
}

impl Case {
    /// True if the folder holds a case, whether it can be opened or not.
    pub fn exists(dir: &Path) -> bool {
        matches!(Disk::new(dir).stat(&Description::file()), Ok(Some(_)))
    }

    /// Opens a case for reading.
    ///
    /// # Errors
    /// [`CaseError::NoFolder`], [`CaseError::NotACase`], [`CaseError::Broken`], [`CaseError::TooOld`], or a
    /// newer format that cannot be understood.
    pub fn open(dir: &Path) -> Result<Self, CaseError> {
        Self::open_on(Arc::new(Disk::new(dir)))
    }

    /// Opens a case on any disk for reading.
    ///
    /// # Errors
    /// As [`Case::open`].
    pub fn open_on(vfs: Arc<dyn Vfs>) -> Result<Self, CaseError> {
        let format = read_format(vfs.as_ref())?;
        let loaded = Self::load(vfs, format);
        match loaded {
            Err(_) if format > FORMAT => Err(CaseError::TooNew { found: format, known: FORMAT }),
            loaded => loaded,
        }
    }

    fn load(vfs: Arc<dyn Vfs>, format: u64) -> Result<Self, CaseError> {
        if format < FORMAT {
            return Err(CaseError::TooOld { found: format, known: FORMAT });
        }
        let journal = Journal::read(vfs.as_ref())?;
        let description = read_description(vfs.as_ref(), recorded_description(&journal)?)?;
        let mut findings = Vec::new();
        if format > FORMAT {
            let what = format!(
                "the case has format {format}, newer than the {FORMAT} of this version; it is only read"
            );
            findings.push(Finding::new("case-newer", Severity::Caution, what));
        }
        findings.extend(journal.tail.as_ref().map(torn));
        findings.extend(missing_head(&journal));
        findings.extend(clock(&journal.entries));
        Ok(Self { vfs, journal, description, findings })
    }

    /// The case folder.
    pub fn dir(&self) -> PathBuf {
        self.vfs.place(&CasePath::root())
    }

    /// What `case.toml` says.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// What was noticed on opening.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Every line of the journal, undone ones included.
    pub fn history(&self) -> &[Entry] {
        &self.journal.entries
    }

    /// Number and hash of the last line: names the state of the case, for labels and countersigning.
    pub fn state(&self) -> (u64, Sha256) {
        (self.journal.entries.len() as u64, self.journal.last)
    }

    /// The artefacts and their hashes, sorted; without `case.toml`.
    pub fn artefacts(&self) -> impl Iterator<Item = (&CasePath, Sha256)> {
        let held = self.journal.timeline.now().iter();
        held.filter(|(path, _)| !path.is_reserved()).map(|(path, held)| (path, held.hash))
    }

    /// The recorded hash of an artefact.
    pub fn hash(&self, path: &CasePath) -> Option<Sha256> {
        self.journal.timeline.now().get(path).map(|held| held.hash)
    }

    /// The size in bytes of an artefact's file, if it is there.
    pub fn size(&self, path: &CasePath) -> Option<u64> {
        match self.vfs.stat(path) {
            Ok(Some(Stat::File(bytes))) => Some(bytes),
            _ => None,
        }
    }

    /// The line that made an artefact's content.
    pub fn maker(&self, path: &CasePath) -> Option<&Entry> {
        let made = self.journal.timeline.now().get(path)?.made;
        self.journal.entries.get(usize::try_from(made).ok()?.checked_sub(1)?)
    }

    /// The recorded content of an artefact, proven against its hash.
    ///
    /// This is the content the journal knows, even if the file was changed outside meanwhile.
    ///
    /// # Errors
    /// [`CaseError::NoArtefact`], or [`CaseError::Damaged`] if the content is gone or changed.
    pub fn read(&self, path: &CasePath) -> Result<Vec<u8>, CaseError> {
        self.read_watched(path, &Ctx::default())
    }

    /// As [`Case::read`] for a content that may be large: stops when asked to.
    ///
    /// # Errors
    /// As [`Case::read`], and [`CaseError::Cancelled`].
    pub fn read_watched(&self, path: &CasePath, ctx: &Ctx) -> Result<Vec<u8>, CaseError> {
        artefact::read(self.vfs.as_ref(), path, self.recorded(path)?, ctx)
    }

    /// As [`Case::read`], bit by bit; a changed content is reported by a read error at its end.
    ///
    /// # Errors
    /// [`CaseError::NoArtefact`], or [`CaseError::Damaged`] if the content is gone.
    pub fn reader(&self, path: &CasePath) -> Result<impl Read + Send + use<>, CaseError> {
        artefact::open(self.vfs.as_ref(), path, self.recorded(path)?)
    }

    /// The file as it lies in the case folder, whether the journal knows it or not.
    ///
    /// For taking in what another program changed.
    ///
    /// # Errors
    /// [`CaseError::NoArtefact`] if there is no such file, or a read error.
    pub fn read_as_found(&self, path: &CasePath) -> Result<Vec<u8>, CaseError> {
        if path.is_reserved() {
            return Err(CaseError::NoArtefact { path: path.to_string() });
        }
        let mut bytes = Vec::new();
        match self.vfs.open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(CaseError::NoArtefact { path: path.to_string() })
            }
            Err(error) => Err(CaseError::reading(self.vfs.place(path), error)),
        }
    }

    /// What `identity.toml` says about the patient, if there is one.
    ///
    /// # Errors
    /// A read error, or a file that is not text.
    pub fn identity(&self) -> Result<Option<String>, CaseError> {
        let path = identity_file();
        let fail = |source| CaseError::reading(self.vfs.place(&path), source);
        let bytes = read_small(self.vfs.as_ref(), &path, LONGEST).map_err(fail)?;
        bytes
            .map(|bytes| {
                String::from_utf8(bytes)
                    .map_err(|_| fail(io::Error::new(io::ErrorKind::InvalidData, "it is not text")))
            })
            .transpose()
    }

    fn recorded(&self, path: &CasePath) -> Result<Sha256, CaseError> {
        self.hash(path).ok_or_else(|| CaseError::NoArtefact { path: path.to_string() })
    }
}

pub(crate) fn identity_file() -> CasePath {
    CasePath::own("identity.toml")
}

/// The format of the case, from its `case.toml`.
pub(crate) fn read_format(vfs: &dyn Vfs) -> Result<u64, CaseError> {
    let (root, path) = (CasePath::root(), Description::file());
    let dir = vfs.place(&root);
    let not = |what: &str| CaseError::NotACase { dir: dir.clone(), what: what.to_owned() };
    match vfs.stat(&root).map_err(|source| CaseError::reading(dir.clone(), source))? {
        None => return Err(CaseError::NoFolder { dir }),
        Some(Stat::Folder) => {}
        Some(_) => return Err(not("it is not a folder")),
    }
    let bytes =
        read_small(vfs, &path, LONGEST).map_err(|source| CaseError::reading(vfs.place(&path), source))?;
    let bytes = bytes.ok_or_else(|| not("it has no case.toml"))?;
    let table: Option<toml::Table> = String::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    let table = table.ok_or_else(|| not("its case.toml is not TOML"))?;
    let format =
        table.get("format").and_then(toml::Value::as_integer).and_then(|format| u64::try_from(format).ok());
    format.ok_or_else(|| not("its case.toml names no format"))
}

/// Hash of what the case says of itself, as the journal knows it.
pub(crate) fn recorded_description(journal: &Journal) -> Result<Sha256, CaseError> {
    let held = journal.timeline.now().get(&Description::file());
    held.map(|held| held.hash)
        .ok_or_else(|| CaseError::Broken { line: 1, what: "it makes no case.toml".to_owned() })
}

/// What the case says of itself, from its content.
pub(crate) fn read_description(vfs: &dyn Vfs, hash: Sha256) -> Result<Description, CaseError> {
    let bytes = artefact::read(vfs, &Description::file(), hash, &Ctx::default())?;
    let not = |what: String| CaseError::NotACase { dir: vfs.place(&CasePath::root()), what };
    let text = String::from_utf8(bytes).map_err(|_| not("its case.toml is not text".to_owned()))?;
    toml::from_str(&text)
        .map_err(|error| not(format!("its case.toml cannot be understood: {}", error.message())))
}

/// The last line of the journal is not complete.
pub(crate) fn torn(tail: &Tail) -> Finding {
    let what = format!(
        "line {} of journal.jsonl was never completed ({} bytes) and is left out",
        tail.line, tail.bytes
    );
    let finding = Finding::new("journal-torn", Severity::Caution, what);
    finding.remedy("recover the case, unless somebody is changing it just now")
}

/// Nothing tells whether lines were cut from the end of the journal.
///
/// Only right after creation, with its one line, the head may not be there yet.
pub(crate) fn missing_head(journal: &Journal) -> Option<Finding> {
    (journal.head.is_none() && journal.entries.len() > 1).then(|| {
        let what =
            "journal.head is missing: whether lines were cut from the end of the journal cannot be told";
        Finding::new("journal-head-missing", Severity::Caution, what)
            .remedy("restore it from a backup, or recover the case")
    })
}

/// The clock went backwards between two lines.
fn clock(entries: &[Entry]) -> Option<Finding> {
    let pair = entries.windows(2).find(|pair| pair[1].at < pair[0].at)?;
    let what = format!("entry {} is dated {}, before entry {}", pair[1].n, pair[1].at, pair[0].n);
    Some(Finding::new("clock-backwards", Severity::Note, what))
}
