//! The journal: one line of JSON per change, each naming the hash of the line before.
//!
//! `journal.head` holds the number and hash of the last line whose artefacts are in place. It closes the
//! chain: without it, lines cut from the end could not be noticed.

mod strict;

use crate::artefact::Sha256;
use crate::error::CaseError;
use crate::path::CasePath;
use crate::timeline::Timeline;
use crate::vfs::{Vfs, read_small};
use jiff::Timestamp;
use osteon_core::Finding;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest line. Bulk data never travels as JSON, so a longer one is a mistake.
const LONGEST_LINE: usize = 1 << 20;

/// Longest journal: tens of thousands of commands.
const LONGEST: u64 = 64 << 20;

/// Hashes of what a command worked on, by name: artefacts of the case, or anything outside.
pub type Inputs = BTreeMap<String, Sha256>;

/// What came out of a change: the new content of each artefact, or `None` if it was removed.
pub type Outputs = BTreeMap<CasePath, Option<Sha256>>;

/// When, by whom and with which version a change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When (the caller's clock).
    pub at: Timestamp,
    /// Who: a role or an account, never the patient.
    pub by: String,
    /// Version of Osteon.
    pub version: String,
}

/// What a command had to say and what it took. Not compared by replay.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub took: Duration,
    /// How many threads it could use.
    pub threads: usize,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Number, from 1 without gaps.
    pub n: u64,
    /// When, in UTC.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Version of Osteon.
    pub version: String,
    /// The command: a JSON object with a `command` name.
    pub command: Value,
    /// Hashes of what it worked on.
    #[serde(rename = "in")]
    pub inputs: Inputs,
    /// Hashes of what came out.
    #[serde(rename = "out")]
    pub outputs: Outputs,
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many threads it could use.
    pub threads: usize,
    /// Hash of the line before (without its line end); of nothing for the first.
    pub prev: Sha256,
}

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The first line.
    Create,
    /// The case was brought to a newer format.
    Migrate,
    /// An unfinished line was cut.
    Recover,
    /// The change with this number was taken back.
    Undo(u64),
    /// The change with this number was put back.
    Redo(u64),
    /// A command of the facade.
    Command,
}

/// Names of commands that the case itself writes.
pub(crate) const OWN: [&str; 5] = ["create", "migrate", "recover", "undo", "redo"];

impl Entry {
    /// Name of the command.
    pub fn name(&self) -> &str {
        self.command.get("command").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn step(&self) -> Result<Step, String> {
        let target = || {
            let number = self.command.get("entry").and_then(Value::as_u64);
            number.ok_or_else(|| format!("{} names no entry", self.name()))
        };
        Ok(match self.name() {
            "" => return Err("the command has no name".to_owned()),
            "create" => Step::Create,
            "migrate" => Step::Migrate,
            "recover" => Step::Recover,
            "undo" => Step::Undo(target()?),
            "redo" => Step::Redo(target()?),
            _ => Step::Command,
        })
    }

    /// The line, without its end, and what will be read from it.
    pub(crate) fn to_line(&self) -> Result<(String, Self), CaseError> {
        let bad =
            |what: String| CaseError::BadEntry { what: format!("the change cannot be journalled: {what}") };
        let line = serde_json::to_string(self).map_err(|error| bad(error.to_string()))?;
        let entry = parse_line(line.as_bytes()).map_err(bad)?;
        Ok((line, entry))
    }
}

/// The journal of a case, read and found to hold together.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub entries: Vec<Entry>,
    pub timeline: Timeline,
    /// Hash of the last line.
    pub last: Sha256,
    /// Bytes of the complete lines.
    pub length: u64,
    /// Number of the last line whose artefacts are in place; `None` if there is no head.
    pub head: Option<u64>,
    /// An unfinished last line.
    pub tail: Option<Tail>,
}

/// An unfinished last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    pub line: u64,
    pub bytes: u64,
    pub hash: Sha256,
}

impl Journal {
    /// A journal without lines.
    pub(crate) fn empty() -> Self {
        let last = Sha256::of(b"");
        Self { entries: Vec::new(), timeline: Timeline::default(), last, length: 0, head: None, tail: None }
    }

    pub(crate) fn file() -> CasePath {
        CasePath::own("journal.jsonl")
    }

    pub(crate) fn head_file() -> CasePath {
        CasePath::own("journal.head")
    }

    /// Reads the journal and proves its chain.
    ///
    /// The head is read first: a reader without the lock may then see newer lines, never a newer head.
    pub(crate) fn read(vfs: &dyn Vfs) -> Result<Self, CaseError> {
        let small = |path: CasePath, limit| {
            read_small(vfs, &path, limit).map_err(|source| CaseError::reading(vfs.place(&path), source))
        };
        let head = small(Self::head_file(), 1024)?;
        let Some(bytes) = small(Self::file(), LONGEST)? else {
            return Err(CaseError::Broken { line: 1, what: "journal.jsonl is missing".to_owned() });
        };
        let mut journal = Self::parse(&bytes)?;
        if let Some(head) = head {
            journal.check_head(&head)?;
        }
        Ok(journal)
    }

    /// Reads the lines.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CaseError> {
        let mut journal = Self::empty();
        let mut rest = bytes;
        while !rest.is_empty() {
            let line = journal.entries.len() as u64 + 1;
            let end = rest.iter().position(|byte| *byte == b'\n');
            let text = &rest[..end.unwrap_or(rest.len())];
            let is_last = end.is_none_or(|end| end + 1 == rest.len());
            // A power cut can leave a line without its end, or a hole of zeros where it should be.
            if end.is_none() || (is_last && text.contains(&0)) {
                journal.tail = Some(Tail { line, bytes: rest.len() as u64, hash: Sha256::of(rest) });
                break;
            }
            let entry = parse_line(text).map_err(|what| CaseError::Broken { line, what })?;
            journal.push(entry, text).map_err(|what| CaseError::Broken { line, what })?;
            rest = &rest[text.len() + 1..];
        }
        Ok(journal)
    }

    /// Adds a line, if it continues the chain.
    pub(crate) fn push(&mut self, entry: Entry, text: &[u8]) -> Result<(), String> {
        let n = self.entries.len() as u64 + 1;
        if entry.n != n {
            return Err(format!("it has number {}, not {n}", entry.n));
        }
        if entry.prev != self.last {
            return Err(format!(
                "it follows a line with hash {:.12}, but the line before has {:.12}",
                entry.prev, self.last
            ));
        }
        self.timeline.apply(&entry)?;
        self.entries.push(entry);
        self.last = Sha256::of(text);
        self.length += text.len() as u64 + 1;
        Ok(())
    }

    /// Refuses a line that would not follow from the ones before or could not be opened again.
    pub(crate) fn would_take(&self, entry: &Entry, line: &str) -> Result<(), CaseError> {
        if self.length + line.len() as u64 + 1 > LONGEST {
            return Err(CaseError::BadEntry { what: format!("the journal would exceed {LONGEST} bytes") });
        }
        self.timeline.clone().apply(entry).map_err(|what| CaseError::BadEntry { what })
    }

    /// The hash of line `n`, from 1; of nothing for 0.
    fn hash_of(&self, n: u64) -> Option<Sha256> {
        let count = self.entries.len() as u64;
        if n == count {
            Some(self.last)
        } else {
            self.entries.get(usize::try_from(n).ok()?).map(|next| next.prev)
        }
    }

    /// Proves that the lines up to the head are the ones whose artefacts were put in place.
    fn check_head(&mut self, bytes: &[u8]) -> Result<(), CaseError> {
        let count = self.entries.len() as u64;
        let broken = |line, what: &str| Err(CaseError::Broken { line, what: what.to_owned() });
        let parsed = std::str::from_utf8(bytes).ok().and_then(|text| {
            let (n, hash) = text.strip_suffix('\n')?.split_once(' ')?;
            let (n, hash) = (n.parse::<u64>().ok()?, hash.parse::<Sha256>().ok()?);
            (head_text(n, hash) == text).then_some((n, hash))
        });
        let Some((n, hash)) = parsed else {
            return broken(count, "journal.head is not a number and a hash");
        };
        match self.hash_of(n) {
            None => broken(
                count + 1,
                &format!("journal.head says there are {n} lines, complete are only {count}"),
            ),
            Some(found) if found != hash => broken(n, "it is not the line that journal.head names"),
            Some(_) => {
                self.head = Some(n);
                Ok(())
            }
        }
    }

    /// The text of the head once all lines' artefacts are in place.
    pub(crate) fn head_now(&self) -> String {
        head_text(self.entries.len() as u64, self.last)
    }
}

fn head_text(n: u64, hash: Sha256) -> String {
    format!("{n} {hash}\n")
}

/// Reads one line; says what is wrong with it.
pub(crate) fn parse_line(text: &[u8]) -> Result<Entry, String> {
    if text.len() > LONGEST_LINE {
        return Err(format!("it has {} bytes, more than {LONGEST_LINE}", text.len()));
    }
    serde_json::from_value(parse_value(text)?).map_err(|error| error.to_string())
}

/// Reads one line as any JSON value; says what is wrong with it.
pub(crate) fn parse_value(text: &[u8]) -> Result<Value, String> {
    strict::parse(text).map_err(|error| error.to_string())
}

/// Times as RFC 3339 in UTC.
mod rfc3339 {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(at)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(input)?;
        let at: Timestamp = text.parse().map_err(D::Error::custom)?;
        if at.to_string() == text {
            Ok(at)
        } else {
            Err(D::Error::custom(format!("{text:?} is not a time in UTC")))
        }
    }
}
