//! What the lines of the journal amount to: the artefacts of today, and what undo and redo would do.

use crate::artefact::Sha256;
use crate::journal::{Entry, Outputs, Step};
use crate::path::CasePath;
use std::collections::{BTreeMap, BTreeSet};

/// The content of an artefact and the line that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub hash: Sha256,
    /// Number of the line that made it. Undo and redo bring back the maker with the content.
    pub made: u64,
}

type Change = BTreeMap<CasePath, Option<Held>>;

/// One change that stands, or stood before it was undone.
#[derive(Clone, Debug)]
struct Done {
    n: u64,
    before: Change,
    after: Change,
}

/// The artefacts of today, and the changes to step back and forth over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    now: BTreeMap<CasePath, Held>,
    /// Changes that stand and may be undone; a migration empties it.
    done: Vec<Done>,
    /// Changes undone since, the next to redo last; any new change empties it.
    undone: Vec<Done>,
    /// Commands that stand, those before a migration included.
    effective: Vec<u64>,
    /// Every path the case ever had, so that undo never meets a folder where a file was.
    ever: BTreeSet<CasePath>,
}

impl Timeline {
    /// Takes in the next line; says what is wrong with it.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        let step = entry.step()?;
        if (step == Step::Create) != (entry.n == 1) {
            return Err("the first line, and only the first, creates the case".to_owned());
        }
        match step {
            Step::Undo(n) => self.step_back(n, &entry.outputs),
            Step::Redo(n) => self.step_forward(n, &entry.outputs),
            Step::Recover if entry.outputs.is_empty() => Ok(()),
            Step::Recover => Err("a recovery changes no artefact".to_owned()),
            Step::Create | Step::Migrate => {
                self.change(entry)?;
                self.done.clear();
                Ok(())
            }
            Step::Command => {
                let done = self.change(entry)?;
                self.done.push(done);
                self.effective.push(entry.n);
                Ok(())
            }
        }
    }

    fn change(&mut self, entry: &Entry) -> Result<Done, String> {
        let mut done = Done { n: entry.n, before: Change::new(), after: Change::new() };
        for (path, hash) in &entry.outputs {
            let before = self.now.get(path).copied();
            if before.is_none() && hash.is_none() {
                return Err(format!("it removes {path}, which is not there"));
            }
            done.before.insert(path.clone(), before);
            done.after.insert(path.clone(), hash.map(|hash| Held { hash, made: entry.n }));
            self.ever.insert(path.clone());
        }
        self.set(&done.after);
        self.undone.clear();
        Ok(done)
    }

    fn step_back(&mut self, n: u64, outputs: &Outputs) -> Result<(), String> {
        match self.done.pop() {
            Some(done) if done.n == n && outputs_of(&done.before) == *outputs => {
                self.set(&done.before);
                self.undone.push(done);
                self.effective.pop();
                Ok(())
            }
            _ => Err(format!("it does not undo entry {n} as that entry says")),
        }
    }

    fn step_forward(&mut self, n: u64, outputs: &Outputs) -> Result<(), String> {
        match self.undone.pop() {
            Some(done) if done.n == n && outputs_of(&done.after) == *outputs => {
                self.set(&done.after);
                self.effective.push(done.n);
                self.done.push(done);
                Ok(())
            }
            _ => Err(format!("it does not redo entry {n} as that entry says")),
        }
    }

    fn set(&mut self, change: &Change) {
        for (path, held) in change {
            match held {
                Some(held) => self.now.insert(path.clone(), *held),
                None => self.now.remove(path),
            };
        }
    }

    /// The artefacts of today, `case.toml` included.
    pub(crate) const fn now(&self) -> &BTreeMap<CasePath, Held> {
        &self.now
    }

    /// The commands that stand, in order.
    pub(crate) fn effective(&self) -> &[u64] {
        &self.effective
    }

    /// The change an undo takes back, and what that does.
    pub(crate) fn to_undo(&self) -> Option<(u64, Outputs)> {
        self.done.last().map(|done| (done.n, outputs_of(&done.before)))
    }

    /// The change a redo puts back, and what that does.
    pub(crate) fn to_redo(&self) -> Option<(u64, Outputs)> {
        self.undone.last().map(|done| (done.n, outputs_of(&done.after)))
    }

    /// Every content that today, undo or redo needs.
    pub(crate) fn needed(&self) -> BTreeMap<Sha256, CasePath> {
        let steps =
            self.done.iter().chain(&self.undone).flat_map(|done| done.before.iter().chain(&done.after));
        let past = steps.filter_map(|(path, held)| held.map(|held| (held.hash, path.clone())));
        past.chain(self.now.iter().map(|(path, held)| (held.hash, path.clone()))).collect()
    }

    /// True if the case has or had such an artefact.
    pub(crate) fn had(&self, path: &CasePath) -> bool {
        self.ever.contains(path)
    }

    /// A path the case has or had that cannot lie beside `path`.
    pub(crate) fn clash(&self, path: &CasePath) -> Option<&CasePath> {
        self.ever.iter().find(|other| other.clashes(path))
    }
}

fn outputs_of(change: &Change) -> Outputs {
    change.iter().map(|(path, held)| (path.clone(), held.map(|held| held.hash))).collect()
}
