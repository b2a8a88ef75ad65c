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
        let names = [&self.name, &other.name].map(|name| told(name));
        let others = [(&self.id, &other.id), (&self.birth_date, &other.birth_date)];
        let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        same(&names[0], &names[1]) && others.iter().all(|(a, b)| same(a, b))
    }
}

/// A name without what says nothing: empty components at its end and spaces around components (PS3.5 6.2.1.2).
fn told(name: &str) -> String {
    let groups = name.split('=').map(|group| {
        let components: Vec<&str> = group.split('^').map(str::trim).collect();
        components.join("^").trim_end_matches('^').to_owned()
    });
    groups.collect::<Vec<_>>().join("=").trim_end_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one_patient_and_other_names_are_not() {
        let named = |name: &str| Identity { name: name.to_owned(), ..Identity::default() };
        for same in ["Test^Case", "Test^Case^^", "Test ^Case", "Test^Case=", ""] {
            assert!(named("Test^Case").agrees(&named(same)), "{same}");
        }
        for other in ["Test", "Case^Test", "test^case", "Test^^Case"] {
            assert!(!named("Test^Case").agrees(&named(other)), "{other}");
        }
    }
}
