//! The only state: the case directory, its journal, hashes and lock.
//!
//! A case is a folder. Its journal says what was done and which content (SHA-256) came out; the contents
//! lie in `objects/`, and the artefacts people open (`plan.json`, `products/guide.stl` …) are links to
//! them. A change is one line of the journal: before the line is on the disk nothing has happened, after
//! it everything has, and whatever a crash left undone is completed at the next opening.
//!
//! ```text
//! case-0042/
//!   case.toml        format, pseudonym, when made, frame of reference   (an artefact like the others)
//!   identity.toml    optional: who the patient is; in no list, no journal, no copy
//!   journal.jsonl    one line per command, each naming the hash of the line before
//!   journal.head     number and hash of the last line whose artefacts are in place
//!   objects/ab/cd…   contents by hash, read-only; what undo restores from
//!   tmp/  cache/  lock
//!   plan.json  products/…   artefacts
//! ```
//!
//! Not here: what a command does. A command is a JSON object with a `command` name; the facade runs it.
//!
//! Reading order:
//! 1. [`path`], [`error`], [`vfs`] – safe names; what goes wrong; the one seam to the disk
//! 2. [`artefact`] – hashes and the store of contents
//! 3. [`journal`], `timeline` – the lines, and what they amount to
//! 4. [`case`] – reading; [`writer`], [`transaction`] – the only way to change
//! 5. [`status`], [`verify`], [`replay`], [`mod@migrate`] – what follows from journal and hashes
//!
//! ```
//! use osteon_case::{Case, CasePath, Draft, Stamp, Work};
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = dir.path().join("case-0042");
//! let stamp = Stamp { at: "2026-11-20T10:22:03Z".parse().unwrap(), by: "designer".into(), version: "0.1.0".into() };
//! let mut case = Case::create(&dir, &Draft::new("case-0042"), &stamp)?;
//!
//! let plan = CasePath::new("plan.json")?;
//! let mut change = case.transaction(serde_json::json!({"command": "propose"}), Default::default())?;
//! change.put(&plan, b"{}")?;
//! change.commit(&stamp, Work::default())?;
//!
//! assert_eq!(case.read(&plan)?, b"{}");
//! case.undo(&stamp)?;
//! assert_eq!(case.hash(&plan), None);
//! # Ok::<(), osteon_case::CaseError>(())
//! ```

pub mod artefact;
pub mod case;
pub mod error;
pub mod folder;
pub mod journal;
pub mod migrate;
pub mod path;
pub mod replay;
pub mod status;
mod timeline;
pub mod transaction;
pub mod verify;
pub mod vfs;
pub mod writer;

pub use artefact::Sha256;
pub use case::{Case, Description, Draft, FORMAT};
pub use error::CaseError;
pub use folder::Folder;
pub use jiff::Timestamp;
pub use journal::{Entry, Inputs, Stamp, Work};
pub use migrate::migrate;
pub use path::CasePath;
pub use replay::{Difference, compare};
pub use status::{Artefact, Currency};
pub use transaction::{ArtefactWriter, Transaction};
pub use writer::Writer;
