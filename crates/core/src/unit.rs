//! Numbers a person meets, with their unit in the type: parameters, plans, findings, reports.
//!
//! Kernels use plain `f64` in millimetres, radians and Hounsfield units; these newtypes stand where a
//! human reads or writes the number. Each parses with or without its unit (`"1.5"`, `"1.5mm"`), refuses
//! anything that is not a finite number, prints with the unit, and tells its unit to the JSON schema.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A text that is not a finite number in the expected unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a finite number in {unit}")]
pub struct NotANumber {
    /// What was given.
    pub text: String,
    /// The unit that was expected.
    pub unit: &'static str,
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $unit:literal, $title:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $name {
            /// The unit's symbol as printed after the number.
            pub const UNIT: &'static str = $unit;

            /// The bare number in this unit.
            pub const fn value(self) -> f64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)?;
                write!(f, " {}", $unit)
            }
        }

        impl FromStr for $name {
            type Err = NotANumber;

            fn from_str(text: &str) -> Result<Self, NotANumber> {
                let bare = text.trim();
                let bare = bare.strip_suffix($unit).unwrap_or(bare).trim_end();
                match bare.parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Self(number)),
                    _ => Err(NotANumber { text: text.to_owned(), unit: $unit }),
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", "title": $title, "x-unit": $unit })
            }
        }
    };
}

unit!(
    /// A length in millimetres.
    Mm, "mm", "Length"
);
unit!(
    /// An angle in degrees.
    Deg, "°", "Angle"
);
unit!(
    /// A radiodensity in Hounsfield units.
    Hu, "HU", "Radiodensity"
);
unit!(
    /// A share in percent.
    Percent, "%", "Share"
);

impl Deg {
    /// The angle in radians, for kernels.
    pub fn to_radians(self) -> f64 {
        self.0 * std::f64::consts::PI / 180.0
    }
}

/// The patient's own left or right; never a side of an image or of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The patient's left (+x in LPS).
    Left,
    /// The patient's right (−x in LPS).
    Right,
}

impl Side {
    /// The opposite side.
    pub const fn opposite(self) -> Self {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Left => "left",
            Side::Right => "right",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_parses_with_and_without_its_unit() {
        assert_eq!("1.5".parse(), Ok(Mm(1.5)));
        assert_eq!(" 1.5 mm ".parse(), Ok(Mm(1.5)));
        assert_eq!("-200HU".parse(), Ok(Hu(-200.0)));
        assert_eq!(Mm(1.5).to_string(), "1.5 mm");
    }

    #[test]
    fn what_is_not_a_finite_number_is_refused_with_the_unit() {
        for text in ["", "mm", "nan", "inf", "1e999", "1,5", "12cm"] {
            let refused = text.parse::<Mm>().unwrap_err();
            assert!(refused.to_string().contains("mm"), "{refused}");
        }
    }
}
