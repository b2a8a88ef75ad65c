//! Which artefacts are what they should be: the `git status` of a case.

use crate::artefact::{Sha256, hash_file};
use crate::case::Case;
use crate::error::CaseError;
use crate::journal::{Entry, Inputs};
use crate::path::CasePath;
use osteon_core::Ctx;
use serde::Serialize;
use std::collections::BTreeMap;

/// An artefact and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artefact {
    /// Where it lies.
    pub path: CasePath,
    /// Its recorded hash.
    pub hash: Sha256,
    /// Number of the journal line that made it.
    pub made: u64,
    /// How it stands.
    pub currency: Currency,
}

/// How an artefact stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Currency {
    /// It is what the journal says, made from today's inputs.
    Current,
    /// It is what the journal says, but an input has changed since or is itself stale.
    Stale {
        /// Names of those inputs.
        because: Vec<String>,
    },
    /// The file is not what the journal says.
    ChangedOutside,
    /// The file is not there.
    Missing,
}

impl Case {
    /// How every artefact stands, sorted by path. Hashes every file.
    ///
    /// An artefact is current if the recorded hashes of its inputs are today's, and none of those inputs
    /// is stale. `outside` gives today's hashes of inputs that are no artefacts of the case; those not
    /// given count as unchanged. An input that its own command replaced (an edit in place) does not count.
    ///
    /// # Errors
    /// [`CaseError::Cancelled`], or a read error.
    pub fn status(&self, outside: &Inputs, ctx: &Ctx) -> Result<Vec<Artefact>, CaseError> {
        let mut artefacts = self.compare_files(ctx)?;
        let mut today = outside.clone();
        for (artefact, found) in &artefacts {
            today.insert(artefact.path.to_string(), found.unwrap_or(artefact.hash));
        }
        // Staleness spreads from input to output until nothing changes; each round marks at least one.
        let mut stale = BTreeMap::<String, Vec<String>>::new();
        loop {
            let before = stale.len();
            for (artefact, _) in &artefacts {
                let because = self.maker(&artefact.path).map(|maker| self.reasons(maker, &today, &stale));
                if let Some(because) = because.filter(|because| !because.is_empty()) {
                    stale.insert(artefact.path.to_string(), because);
                }
            }
            if stale.len() == before {
                break;
            }
        }
        for (artefact, _) in &mut artefacts {
            if artefact.currency == Currency::Current
                && let Some(because) = stale.remove(artefact.path.as_str())
            {
                artefact.currency = Currency::Stale { because };
            }
        }
        Ok(artefacts.into_iter().map(|(artefact, _)| artefact).collect())
    }

    /// Every artefact compared with its file, and the hash of that file.
    fn compare_files(&self, ctx: &Ctx) -> Result<Vec<(Artefact, Option<Sha256>)>, CaseError> {
        let mut artefacts = Vec::new();
        let held = self.journal.timeline.now();
        for (done, (path, held)) in held.iter().filter(|(path, _)| !path.is_reserved()).enumerate() {
            ctx.done(done as f64 / self.journal.timeline.now().len() as f64)?;
            let found = hash_file(self.vfs.as_ref(), path, ctx)?;
            let currency = match found {
                None => Currency::Missing,
                Some(found) if found == held.hash => Currency::Current,
                Some(_) => Currency::ChangedOutside,
            };
            artefacts
                .push((Artefact { path: path.clone(), hash: held.hash, made: held.made, currency }, found));
        }
        Ok(artefacts)
    }

    /// The inputs of a line that are no longer what it worked on.
    fn reasons(&self, maker: &Entry, today: &Inputs, stale: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let changed = |(name, recorded): &(&String, &Sha256)| {
            let path = CasePath::new(name).ok();
            if path.as_ref().is_some_and(|path| maker.outputs.contains_key(path)) {
                return false;
            }
            match today.get(*name) {
                Some(now) => now != *recorded || stale.contains_key(*name),
                // Gone if it was an artefact of the case, else not known to have changed.
                None => path.is_some_and(|path| self.journal.timeline.had(&path)),
            }
        };
        maker.inputs.iter().filter(changed).map(|(name, _)| name.clone()).collect()
    }
}
