//! Something a person should look at before going on.
//!
//! A finding is never an error: the work goes on and the finding travels with the result into journal
//! and report. An error ([`crate::error`]) is never a clinical judgement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Look before using the result.
    Caution,
    /// Do not use the result without an explicit, recorded override.
    Danger,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Caution => "caution",
            Severity::Danger => "danger",
        })
    }
}

/// Something a person should look at: what, how much against which limit, where, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable name of the kind of finding, in kebab-case.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, in a plain sentence with its numbers.
    pub message: String,
    /// The measured value, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The limit it is held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Unit of value and limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Where the limit comes from: a key of `references.toml`, a profile or a setting.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Where in the patient (LPS mm), if it has a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<[f64; 3]>,
    /// What the reader can do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Finding {
    /// A finding with its code, severity and sentence.
    pub fn new(code: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            severity,
            message: message.into(),
            value: None,
            limit: None,
            unit: String::new(),
            source: String::new(),
            place: None,
            remedy: String::new(),
        }
    }

    /// Adds the measured value and the limit it is held against.
    pub fn measured(mut self, value: f64, limit: f64, unit: &str, source: &str) -> Self {
        self.value = Some(value);
        self.limit = Some(limit);
        unit.clone_into(&mut self.unit);
        source.clone_into(&mut self.source);
        self
    }

    /// Adds where it is in the patient (LPS mm).
    pub fn at(mut self, place: [f64; 3]) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds what the reader can do.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}
