//! Whose images they are, kept apart from everything else.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose images they are. Its `Debug` shows nothing, so that it cannot slip into a log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Patient's name as in the file (`FAMILY^GIVEN`).
    pub name: String,
    /// Patient's number at the hospital.
    pub id: String,
    /// Date of birth, `YYYYMMDD`.
    pub birth_date: String,
    /// `M`, `F` or `O`.
    pub sex: String,
    /// Date of the study, `YYYYMMDD`.
    pub study_date: String,
    /// Number of the order.
    pub accession: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(withheld)")
    }
}

impl Identity {
    /// True when both may be the same patient: no stated name, number or birth date differs.
    pub fn agrees(&self, other: &Self) -> bool {
        let pairs = [(&self.name, &other.name), (&self.id, &other.id), (&self.birth_date, &other.birth_date)];
        pairs.iter().all(|(a, b)| a.is_empty() || b.is_empty() || a == b)
    }
}
