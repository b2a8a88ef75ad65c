//! What is kept in memory between the commands of one run: images and solids by their content's hash.

use crate::command::import::Imported;
use osteon_case::{Sha256, Stamp, Timestamp};
use osteon_core::{Mask, Solid, Volume};
use osteon_plan::StructureId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The structures of a label map.
pub type Structures = Vec<(StructureId, Mask)>;

/// One run of the program on one case.
pub struct Session {
    /// The case directory.
    pub case: PathBuf,
    /// Who works.
    pub by: String,
    /// The time to be written down, if it is not now: a replay writes the original's.
    pub at: Option<Timestamp>,
    /// Threads the work may use.
    pub threads: usize,
    /// What an import has read and not yet written.
    pub(crate) imported: Option<Imported>,
    pub(crate) volume: Kept<Volume<i16>>,
    pub(crate) structures: Kept<Structures>,
    pub(crate) solids: BTreeMap<String, Kept<Solid>>,
}

/// A thing in memory and the hash of the file it is the content of.
pub(crate) type Kept<T> = Option<(Sha256, Arc<T>)>;

/// The thing, if it still is what the case has.
pub(crate) fn kept<T>(kept: &Kept<T>, hash: Sha256) -> Option<Arc<T>> {
    kept.as_ref().filter(|(of, _)| *of == hash).map(|(_, thing)| Arc::clone(thing))
}

impl Session {
    /// A session on a case directory that need not exist yet.
    pub fn new(case: PathBuf, by: String, threads: usize) -> Self {
        let (imported, volume, structures, solids) = Default::default();
        Self { case, by, at: None, threads, imported, volume, structures, solids }
    }

    /// Who, when and with which version, for the journal.
    pub fn stamp(&self) -> Stamp {
        Stamp { at: self.now(), by: self.by.clone(), version: crate::VERSION.to_owned() }
    }

    /// The time to be written down.
    #[allow(
        clippy::disallowed_methods,
        reason = "the facade gives commands the time, so that a replay can give another"
    )]
    fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}
