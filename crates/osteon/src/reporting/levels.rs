//! What a model, a guide or an implant asks for, and what of it the case's own records show.
//!
//! The list is data (`data/report/levels.toml`); which record answers which line is here.

use crate::command::check::Checked;
use crate::command::make::Made;
use crate::failure::Failure;
use crate::printing::Printed;
use crate::reporting::approvals::{Approval, Role};
use osteon_core::{ErrorKind, Finding, Severity};
use osteon_report::Bilingual;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The list as it comes with the suite.
const TABLE: &str = include_str!("../../../../data/report/levels.toml");

/// What a product is to be used for; later ones ask for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To show and to teach; no decision about the patient rests on it.
    Teaching,
    /// To plan: decisions rest on its shape.
    #[default]
    Planning,
    /// To be at hand during the operation.
    Theatre,
}

impl Purpose {
    /// The purpose's name in settings and keys of texts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Purpose::Teaching => "teaching",
            Purpose::Planning => "planning",
            Purpose::Theatre => "theatre",
        }
    }
}

/// What a product is, by what goes wrong when it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// It is looked at and held.
    Model,
    /// It leads an instrument.
    Guide,
    /// It stays in the patient.
    Implant,
}

/// Which record answers a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Evidence {
    /// No finding of severity danger stands.
    Findings,
    /// The checks of the product have been made and none fails.
    Checks,
    /// Left and right are proven against the image.
    Side,
    /// Its marks were read back from its surface.
    Marks,
    /// The uncertainty of its surface is stated.
    Budget,
    /// The printer's instructions were read back and agree.
    Instructions,
    /// A surgeon or radiologist approved it as it is.
    Clinician,
    /// An engineer approved it as it is.
    Engineer,
    /// Somebody for quality approved it as it is.
    Quality,
    /// Nothing in the case can answer it: a person has to.
    Person,
}

/// One line of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    /// For which levels.
    pub levels: Vec<Level>,
    /// From which purpose on.
    pub from: Purpose,
    /// Which record answers it.
    pub evidence: Evidence,
    /// What is asked for.
    pub what: Bilingual,
    /// Where that comes from.
    pub source: Bilingual,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    requirement: Vec<Requirement>,
}

/// How a requirement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The records show it.
    Done,
    /// The records do not show it.
    Open,
    /// No record can show it.
    Person,
    /// Not asked for with this purpose.
    NotAsked,
}

/// What is known of a product.
pub(crate) struct Records<'a> {
    /// What was made.
    pub made: &'a Made,
    /// Its checks, if they have been made.
    pub checks: Option<&'a [Checked]>,
    /// Its print, if there is one.
    pub printed: Option<&'a Printed>,
    /// The findings that stand.
    pub findings: &'a [Finding],
    /// The approvals of the case.
    pub approvals: &'a [Approval],
}

/// All lines of the list for a level.
pub(crate) fn requirements(level: Level) -> Result<Vec<Requirement>, Failure> {
    let table: Table = toml::from_str(TABLE).map_err(|e| {
        let message = format!("data/report/levels.toml cannot be read: {e}");
        Failure::new(ErrorKind::Input, "levels-unreadable", message, "please report this")
    })?;
    Ok(table.requirement.into_iter().filter(|one| one.levels.contains(&level)).collect())
}

/// How a requirement stands for a product and a purpose.
pub(crate) fn standing(one: &Requirement, records: &Records<'_>, purpose: Purpose) -> Standing {
    if purpose < one.from {
        return Standing::NotAsked;
    }
    let item = &records.made.item;
    let approved = |roles: &[Role]| {
        records.approvals.iter().any(|approval| roles.contains(&approval.role) && approval.holds_for(item))
    };
    let done = match one.evidence {
        Evidence::Findings => records.findings.iter().all(|finding| finding.severity < Severity::Danger),
        Evidence::Checks => records.checks.is_some_and(|checks| {
            !checks.is_empty() && checks.iter().all(|check| check.severity != Some(Severity::Danger))
        }),
        Evidence::Side => records.checks.is_some_and(|checks| {
            checks.iter().any(|check| check.name == "left and right" && check.severity.is_none())
        }),
        Evidence::Marks => !records.made.marks.is_empty(),
        Evidence::Budget => records.made.accuracy.is_some(),
        Evidence::Instructions => {
            records.printed.is_some_and(|printed| printed.hand != "mirrored" && printed.deviation.is_some())
        }
        Evidence::Clinician => approved(&[Role::Surgeon, Role::Radiologist]),
        Evidence::Engineer => approved(&[Role::Engineer]),
        Evidence::Quality => approved(&[Role::Quality]),
        Evidence::Person => return Standing::Person,
    };
    if done { Standing::Done } else { Standing::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_level_asks_for_all_that_a_lower_one_does() {
        let [model, guide, implant] =
            [Level::Model, Level::Guide, Level::Implant].map(|level| requirements(level).unwrap());
        assert!(model.len() > 8 && guide.len() > model.len() && implant.len() > guide.len());
        let has = |list: &[Requirement], what: &Bilingual| list.iter().any(|one| one.what == *what);
        assert!(model.iter().all(|one| has(&guide, &one.what) && has(&implant, &one.what)));
    }

    #[test]
    fn every_line_says_what_and_why_in_both_languages() {
        for one in requirements(Level::Implant).unwrap() {
            for text in [&one.what, &one.source] {
                assert!(!text.en.is_empty() && !text.zh.is_empty(), "{text:?}");
            }
        }
    }
}
