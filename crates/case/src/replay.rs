//! The pieces of a replay: the commands that stand, and the comparison of two cases.
//!
//! Running the commands is the facade's: it makes a fresh case, runs each of [`Case::effective`] into it
//! and hands both to [`compare`].

use crate::artefact::Sha256;
use crate::case::Case;
use crate::journal::Entry;
use crate::path::CasePath;
use std::fmt;

impl Case {
    /// The commands that stand, in the order they were run: without undone ones, and without lines the
    /// case itself wrote.
    pub fn effective(&self) -> impl Iterator<Item = &Entry> {
        let index = |n: &u64| usize::try_from(n - 1).unwrap_or(usize::MAX);
        self.journal.timeline.effective().iter().filter_map(move |n| self.journal.entries.get(index(n)))
    }
}

/// Where two cases that should be the same are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// At this place the commands themselves differ.
    Command {
        /// Line of the first case.
        n: u64,
        /// Its command.
        first: String,
        /// Command of the second.
        second: String,
    },
    /// The same command gave different content.
    Output {
        /// Line of the first case.
        n: u64,
        /// The artefact.
        path: CasePath,
        /// Its hash in the first case; `None` if that did not make it, or removed it.
        first: Option<Sha256>,
        /// Its hash in the second.
        second: Option<Sha256>,
    },
    /// One case has commands the other has not.
    Count {
        /// Commands that stand in the first case.
        first: usize,
        /// Commands that stand in the second.
        second: usize,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash =
            |hash: &Option<Sha256>| hash.map_or_else(|| "nothing".to_owned(), |hash| format!("{hash:.12}"));
        match self {
            Self::Command { n, first, second } => write!(f, "entry {n} is {first}, the other has {second}"),
            Self::Output { n, path, first, second } => {
                write!(f, "entry {n} made {path} {}, the other {}", hash(first), hash(second))
            }
            Self::Count { first, second } => write!(f, "{first} commands stand, in the other {second}"),
        }
    }
}

/// Compares what the commands of two cases made, one by one.
///
/// Not compared: who, when, how long, with how many threads and which version; and `case.toml`, which
/// says when the case was made.
pub fn compare(first: &Case, second: &Case) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (a, b) in first.effective().zip(second.effective()) {
        if a.command != b.command {
            let (first, second) = (a.command.to_string(), b.command.to_string());
            differences.push(Difference::Command { n: a.n, first, second });
            continue;
        }
        let paths: std::collections::BTreeSet<_> = a.outputs.keys().chain(b.outputs.keys()).collect();
        for path in paths.into_iter().filter(|path| !path.is_reserved()) {
            let (first, second) = (a.outputs.get(path), b.outputs.get(path));
            if first != second {
                let (first, second) = (first.copied().flatten(), second.copied().flatten());
                differences.push(Difference::Output { n: a.n, path: path.clone(), first, second });
            }
        }
    }
    let (first, second) = (first.effective().count(), second.effective().count());
    if first != second {
        differences.push(Difference::Count { first, second });
    }
    differences
}
