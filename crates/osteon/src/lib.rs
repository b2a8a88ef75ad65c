//! Every command of the suite, for every face.
//!
//! A face (command line, server, Python) knows only this crate: it builds a [`Request`] and calls [`run`].
//! Reading order:
//!
//! 1. [`registry`] – what a command is, and the list of all commands and procedures
//! 2. [`job`] – runs one: settings checked, case locked, journal written, panics caught
//! 3. [`command`] – the commands themselves, one file each
//! 4. `intake` – what lies at a path and could be a volume; [`session`] – what is kept in memory between the commands of one run
//! 5. [`artefacts`] – where things are in a case; [`schema`], [`manual`] – settings as data, and as a page
//! 6. `reporting` – what the reports of a case say; `printing`, `marks` – what is sliced, and what is read from it
//! 7. [`failure`] – how a command fails

pub mod artefacts;
mod card;
pub mod command;
mod exposing;
pub mod failure;
mod intake;
pub mod job;
mod label_map;
mod looks;
pub mod manual;
pub mod marks;
mod mesh_out;
mod printing;
mod protected;
pub mod registry;
mod reporting;
pub mod schema;
pub mod session;
mod steps;
mod surfacing;
mod upright;

pub use failure::Failure;
pub use job::Job;
pub use job::{Request, run};
pub use osteon_core::{Cancel, Ctx, ErrorKind, Finding, Progress, Severity};
pub use osteon_plan as plan;
pub use osteon_procedures as procedures;
pub use registry::{Command, Effect, Entry, Outcome, Registry};

/// The version of the suite.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every result must be read with.
pub const NOTICE: &str = "Research and planning use, not a medical device.";

/// Version and notice, as `--version` shows them.
pub const VERSION_AND_NOTICE: &str =
    concat!(env!("CARGO_PKG_VERSION"), "\nResearch and planning use, not a medical device.");
