//! What a person states in place of what the files do not: explicit, recorded, never a default.

use super::header::syntax;
use osteon_core::{ErrorKind, Explain};
use std::collections::BTreeMap;

/// Why a statement cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssumeError {
    /// There is no such key.
    #[error("nothing called \"{0}\" can be assumed")]
    Unknown(String),
    /// The value does not fit the key.
    #[error("\"{value}\" is no value for {key}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A key was given twice.
    #[error("{0} is assumed twice")]
    Twice(&'static str),
}

impl Explain for AssumeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn code(&self) -> &'static str {
        "bad-assumption"
    }

    fn help(&self) -> String {
        let keys: Vec<String> =
            KEYS.iter().map(|(key, expected)| format!("--assume {key}=<{expected}>")).collect();
        format!("what can be assumed: {}", keys.join(", "))
    }
}

/// What can be assumed, and what its value is.
const KEYS: [(&str, &str); 14] = [
    ("spacing", "distance of rows, distance of columns in mm"),
    ("slice-spacing", "distance of slices in mm"),
    ("orientation", "six direction cosines; for NIfTI sform or qform"),
    ("position", "instance-number"),
    ("rescale", "slope, intercept"),
    ("signed", "yes or no"),
    ("unit", "HU"),
    ("gaps", "filled"),
    ("patient", "same"),
    ("frame", "same"),
    ("duplicates", "first"),
    ("syntax", "transfer syntax UID or name, such as \"implicit little endian\" or \"JPEG-LS lossless\""),
    ("laterality", "L or R"),
    ("modality", "CT or MR"),
];

/// Which of two placements of a NIfTI file is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The affine map.
    Sform,
    /// The rotation and the steps.
    Qform,
}

/// What a person states about a scan. Nothing, by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assume {
    /// Distance of rows, then of columns, mm.
    pub spacing: Option<[f64; 2]>,
    /// Distance of slices along their normal, mm.
    pub slice_spacing: Option<f64>,
    /// Direction cosines of a row, then of a column (LPS).
    pub orientation: Option<[f64; 6]>,
    /// Which placement of a NIfTI file holds.
    pub form: Option<Form>,
    /// Slices follow each other by Instance Number, `slice_spacing` apart.
    pub by_instance_number: Option<()>,
    /// Rescale slope and intercept.
    pub rescale: Option<[f64; 2]>,
    /// Whether stored values have a sign.
    pub signed: Option<bool>,
    /// The rescaled values are Hounsfield units.
    pub hounsfield: Option<()>,
    /// Slabs that were not measured may be interpolated.
    pub fill_gaps: Option<()>,
    /// All files are of one patient.
    pub same_patient: Option<()>,
    /// All files share one frame of reference.
    pub same_frame: Option<()>,
    /// Of several images at one place the first counts.
    pub first_duplicate: Option<()>,
    /// Transfer syntax UID.
    pub syntax: Option<String>,
    /// `L` or `R`.
    pub laterality: Option<String>,
    /// `CT` or `MR`.
    pub modality: Option<String>,
    /// The statements as they were given, by key: what is written down.
    pub stated: BTreeMap<&'static str, String>,
}

impl Assume {
    /// Takes statements of the form `key=value`.
    ///
    /// # Errors
    /// [`AssumeError`] for an unknown key, a value that does not fit, and a key given twice.
    pub fn parse<'a>(statements: impl IntoIterator<Item = &'a str>) -> Result<Self, AssumeError> {
        let mut assume = Self::default();
        for statement in statements {
            let (key, value) = statement.split_once('=').unwrap_or((statement, ""));
            let (key, value) = (key.trim(), value.trim());
            let &(key, expected) = KEYS
                .iter()
                .find(|(known, _)| *known == key)
                .ok_or_else(|| AssumeError::Unknown(shown(key)))?;
            if assume.stated.insert(key, value.to_owned()).is_some() {
                return Err(AssumeError::Twice(key));
            }
            assume.take(key, value).ok_or(AssumeError::Value { key, value: shown(value), expected })?;
        }
        Ok(assume)
    }

    fn take(&mut self, key: &str, value: &str) -> Option<()> {
        let word = |expected: &str| (value == expected).then_some(());
        let one_of = |choices: [&str; 2]| choices.contains(&value).then(|| value.to_owned());
        match key {
            "spacing" => {
                self.spacing = Some(numbers(value).filter(|n: &[f64; 2]| n.iter().all(|&n| n > 0.0))?)
            }
            "slice-spacing" => self.slice_spacing = Some(numbers(value).map(|[n]| n).filter(|&n| n > 0.0)?),
            "orientation" => match value {
                "sform" => self.form = Some(Form::Sform),
                "qform" => self.form = Some(Form::Qform),
                _ => self.orientation = Some(numbers(value)?),
            },
            "position" => self.by_instance_number = Some(word("instance-number")?),
            "rescale" => self.rescale = Some(numbers(value).filter(|[slope, _]| *slope != 0.0)?),
            "signed" => self.signed = Some(one_of(["yes", "no"])? == "yes"),
            "unit" => self.hounsfield = Some(word("HU")?),
            "gaps" => self.fill_gaps = Some(word("filled")?),
            "patient" => self.same_patient = Some(word("same")?),
            "frame" => self.same_frame = Some(word("same")?),
            "duplicates" => self.first_duplicate = Some(word("first")?),
            "syntax" => {
                let uid = value.bytes().all(|b| b.is_ascii_digit() || b == b'.') && value.starts_with("1.2.");
                let known = || syntax::named(value).map(str::to_owned);
                self.syntax = Some(if uid { value.to_owned() } else { known()? });
            }
            "laterality" => self.laterality = Some(one_of(["L", "R"])?),
            "modality" => self.modality = Some(one_of(["CT", "MR"])?),
            _ => return None,
        }
        Some(())
    }
}

/// Exactly `N` finite numbers, separated by commas or backslashes.
fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let numbers: Option<Vec<f64>> =
        text.split([',', '\\']).map(|n| super::header::decimal(n.trim())).collect();
    numbers?.try_into().ok()
}

/// A word for a message: short and without control characters.
fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_taken_and_kept_as_given() {
        let assume =
            Assume::parse(["spacing=0.5,0.7", "rescale=1, -1024", "gaps=filled", "orientation=qform"])
                .unwrap();
        assert_eq!(assume.spacing, Some([0.5, 0.7]));
        assert_eq!(assume.rescale, Some([1.0, -1024.0]));
        assert_eq!((assume.fill_gaps, assume.form), (Some(()), Some(Form::Qform)));
        assert_eq!(assume.stated["rescale"], "1, -1024");
        for (name, uid) in [
            ("JPEG-LS lossless", "1.2.840.10008.1.2.4.80"),
            ("implicit VR little endian", "1.2.840.10008.1.2"),
            ("big-endian", "1.2.840.10008.1.2.2"),
            ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.5"),
        ] {
            let assume = Assume::parse([format!("syntax={name}").as_str()]).unwrap();
            assert_eq!(assume.syntax.as_deref(), Some(uid));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_list() {
        for wrong in [
            "",
            "speed=3",
            "spacing=0.5",
            "spacing=0,1",
            "spacing=nan,1",
            "rescale=0,3",
            "gaps=yes",
            "signed=true",
            "modality=PT",
            "syntax=../x",
            "laterality=B",
            "orientation=1,0,0",
        ] {
            let refused = Assume::parse([wrong]).unwrap_err();
            assert!(refused.help().contains("--assume gaps=<filled>"), "{wrong}");
        }
        assert_eq!(Assume::parse(["unit=HU", "unit=HU"]), Err(AssumeError::Twice("unit")));
    }
}
