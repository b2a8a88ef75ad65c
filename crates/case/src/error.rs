//! What can go wrong with a case, and what to do about it.

use crate::artefact::Sha256;
use osteon_core::{Cancelled, ErrorKind, Explain};
use std::io;
use std::path::PathBuf;

/// Why a case could not be opened, read or changed.
///
/// Unless the message says otherwise (`change-unfinished`, `change-unsure`), nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// There is no such folder.
    #[error("there is no folder {}", dir.display())]
    NoFolder {
        /// The folder that was asked for.
        dir: PathBuf,
    },
    /// The folder holds no case.
    #[error("{} is not a case: {what}", dir.display())]
    NotACase {
        /// The folder.
        dir: PathBuf,
        /// What is missing or wrong.
        what: String,
    },
    /// A new case needs an empty folder.
    #[error("{} is not empty: it already holds {name}", dir.display())]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
        /// A name found in it.
        name: String,
    },
    /// The system does not allow writing.
    #[error("cannot write {}: {source}", path.display())]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk is full.
    #[error("no space left on the disk for {}", path.display())]
    DiskFull {
        /// The file that did not fit.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk failed in another way.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else is writing to the case.
    #[error("the case {} is being changed by {holder}", dir.display())]
    Locked {
        /// The case folder.
        dir: PathBuf,
        /// Process and host that hold the lock.
        holder: String,
    },
    /// The case was written by a newer version.
    #[error("the case has format {found}, this version knows formats up to {known}")]
    TooNew {
        /// Format of the case.
        found: u64,
        /// Newest format known.
        known: u64,
    },
    /// The case was written by an older version and must be migrated first.
    #[error("the case has format {found}, this version works on format {known}")]
    TooOld {
        /// Format of the case.
        found: u64,
        /// Format needed.
        known: u64,
    },
    /// The last line of the journal was not completely written.
    #[error("line {line} of journal.jsonl was never completed: {bytes} bytes of an unfinished change")]
    Torn {
        /// Number of the line, from 1.
        line: u64,
        /// How many bytes of it there are.
        bytes: u64,
    },
    /// The journal does not hold together.
    #[error("the journal is broken at line {line}: {what}")]
    Broken {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The change is recorded, but its files are not in place yet.
    #[error("change {n} is recorded in the journal, but not all its files are in place: {cause}")]
    Unfinished {
        /// Number of the journal line.
        n: u64,
        /// What went wrong.
        cause: Box<CaseError>,
    },
    /// It is not known whether the change was recorded.
    #[error("whether the change was recorded in {} cannot be told before the case is opened again: {cause}", path.display())]
    Unsure {
        /// The journal.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// A name that a file of a case cannot have.
    #[error("the path \"{path}\" {what}")]
    BadPath {
        /// The path, with odd characters escaped.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Something given cannot be written down.
    #[error("{what}")]
    BadEntry {
        /// What is wrong with it.
        what: String,
    },
    /// An input changed while the command ran.
    #[error("{path} is no longer what the command worked on: it was {given:.12}, now it is {now}")]
    InputChanged {
        /// The input.
        path: String,
        /// Hash the command worked on.
        given: Sha256,
        /// Hash of today, or that it is gone.
        now: String,
    },
    /// The case is in another frame of reference.
    #[error("the case is in frame of reference {now}, not {given}")]
    OtherFrame {
        /// Frame of reference UID of the case.
        now: String,
        /// The other one.
        given: String,
    },
    /// A file to be replaced is not what the journal says.
    #[error("{} was changed or put there outside Osteon", path.display())]
    ChangedOutside {
        /// The file.
        path: PathBuf,
    },
    /// There is no such artefact.
    #[error("the case has no {path}")]
    NoArtefact {
        /// The artefact asked for.
        path: String,
    },
    /// A stored content is gone or not what its name says.
    #[error("the content {hash:.12} of {path} is {what}")]
    Damaged {
        /// The artefact.
        path: String,
        /// Its recorded hash.
        hash: Sha256,
        /// Missing or changed.
        what: &'static str,
    },
    /// An output was begun but not finished.
    #[error("the output {path} was begun and not finished")]
    OutputUnfinished {
        /// The artefact.
        path: String,
    },
    /// There is nothing to step back over.
    #[error("there is no change left to undo")]
    NothingToUndo,
    /// There is nothing to step forward to.
    #[error("there is no undone change to redo")]
    NothingToRedo,
    /// The user stopped the work.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl CaseError {
    /// A failure to read.
    pub(crate) const fn reading(path: PathBuf, source: io::Error) -> Self {
        Self::Io { doing: "read", path, source }
    }

    /// A failure to write, with the full disk and missing rights told apart.
    pub(crate) fn writing(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, source },
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename => Self::NotWritable { path, source },
            _ => Self::Io { doing: "write", path, source },
        }
    }
}

impl Explain for CaseError {
    fn kind(&self) -> ErrorKind {
        use CaseError as E;
        match self {
            E::NoFolder { .. } | E::NoArtefact { .. } | E::NothingToUndo | E::NothingToRedo => {
                ErrorKind::Missing
            }
            E::TooNew { .. } | E::TooOld { .. } => ErrorKind::Unsupported,
            E::NotACase { .. }
            | E::NotEmpty { .. }
            | E::BadPath { .. }
            | E::BadEntry { .. }
            | E::InputChanged { .. }
            | E::OtherFrame { .. }
            | E::ChangedOutside { .. }
            | E::OutputUnfinished { .. } => ErrorKind::Input,
            E::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Io,
        }
    }

    fn code(&self) -> &'static str {
        use CaseError as E;
        match self {
            E::NoFolder { .. } => "no-folder",
            E::NotACase { .. } => "not-a-case",
            E::NotEmpty { .. } => "folder-not-empty",
            E::NotWritable { .. } => "not-writable",
            E::DiskFull { .. } => "disk-full",
            E::Io { .. } => "case-io",
            E::Locked { .. } => "case-locked",
            E::TooNew { .. } => "case-too-new",
            E::TooOld { .. } => "case-too-old",
            E::Torn { .. } => "journal-torn",
            E::Broken { .. } => "journal-broken",
            E::Unfinished { .. } => "change-unfinished",
            E::Unsure { .. } => "change-unsure",
            E::BadPath { .. } => "bad-path",
            E::BadEntry { .. } => "bad-entry",
            E::InputChanged { .. } => "input-changed",
            E::OtherFrame { .. } => "other-frame",
            E::ChangedOutside { .. } => "changed-outside",
            E::NoArtefact { .. } => "no-artefact",
            E::Damaged { .. } => "content-damaged",
            E::OutputUnfinished { .. } => "output-unfinished",
            E::NothingToUndo => "nothing-to-undo",
            E::NothingToRedo => "nothing-to-redo",
            E::Cancelled(cancelled) => cancelled.code(),
        }
    }

    fn help(&self) -> String {
        use CaseError as E;
        match self {
            E::NoFolder { .. } => "check the path, or create the case first",
            E::NotACase { .. } => "name a folder that holds a case.toml, or create a case in a new folder",
            E::NotEmpty { .. } => "name a folder that does not exist yet, or an empty one",
            E::NotWritable { .. } => "check the path, the rights of the folder and whether the disk is mounted read-only; or name another folder",
            E::DiskFull { .. } => "nothing was changed; free some space and run the command again",
            E::Io { .. } => "check the disk and its connection, then run the command again",
            E::Locked { .. } => "wait until the other program has finished or close it; the lock ends with its process",
            E::TooNew { .. } => "open the case with the newer version of Osteon; it can still be read",
            E::TooOld { .. } => "run osteon migrate on the case with --out <new folder>: it makes a copy and keeps the original",
            E::Torn { .. } => "run osteon recover on the case: it cuts the unfinished line, which never took effect",
            E::Broken { .. } => {
                "the journal was changed or damaged outside Osteon: restore journal.jsonl and journal.head from a \
                 backup, or run osteon recover if only journal.head is missing; the files in the case folder can still \
                 be read"
            }
            E::Unfinished { .. } => "free space or repair the disk and open the case again, which puts the files in place",
            E::Unsure { .. } => "check the disk, open the case again and look at its history",
            E::BadPath { .. } => "use a relative path of ASCII letters, digits, '.', '-', '_' and '/'",
            E::BadEntry { .. } => "correct the command and run it again",
            E::InputChanged { .. } => "somebody changed the case meanwhile: look at its history and run the command again",
            E::OtherFrame { .. } => "register the images first, or make a new case for this scan",
            E::ChangedOutside { .. } => "move the changed file away and run the command again, which writes the recorded one anew",
            E::NoArtefact { .. } => "osteon status lists the files of the case",
            E::Damaged { .. } => "restore the case from a backup, or run the command that made the file again",
            E::OutputUnfinished { .. } => "finish every output before the change is committed",
            E::NothingToUndo => "the creation and migration of a case cannot be undone",
            E::NothingToRedo => "redo works only right after an undo",
            E::Cancelled(cancelled) => return cancelled.help(),
        }
        .to_owned()
    }
}
