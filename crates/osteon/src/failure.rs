//! How a command fails: one shape for every error of every room, fit for a terminal, a page or a script.

use osteon_core::{ErrorKind, Explain};
use serde_json::{Value, json};
use std::fmt;

/// A command that did not succeed: what is wrong, with the numbers, and what to do.
///
/// Whatever the command had not yet committed is gone; the case is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of trouble; decides the exit code.
    pub kind: ErrorKind,
    /// Stable name of the error.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Failure {
    /// A failure by its parts.
    pub fn new(kind: ErrorKind, code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, code: code.to_owned(), message: message.into(), help: help.into() }
    }

    /// The failure for scripts.
    pub fn to_json(&self) -> Value {
        json!({ "error": self.code, "message": self.message, "help": self.help, "exit": self.kind.exit_code() })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Failure {}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.kind(), error.code(), error.to_string(), error.help())
    }
}
