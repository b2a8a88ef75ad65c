//! How large and deep marks are.

use crate::error::DesignError;
use serde::Deserialize;

/// The text of `data/model-marks.toml` as it was when this was built.
pub const STANDARD: &str = include_str!("../../../data/model-marks.toml");

/// Sizes of marks and limits of the surface they need; every value with its reason in
/// `data/model-marks.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkStyle {
    /// Preferred height of capitals in mm.
    pub letter_height: f64,
    /// Smallest height of capitals in mm.
    pub min_letter_height: f64,
    /// Width of a stroke as a share of the letter height.
    pub stroke_share: f64,
    /// Smallest width of a stroke in mm.
    pub min_stroke: f64,
    /// Depth of the grooves in mm.
    pub depth: f64,
    /// Thickness in mm that must remain below a groove, along the view.
    pub min_wall: f64,
    /// How far in mm a place may stand out from the surface around it.
    pub max_roughness: f64,
    /// Largest root-mean-square distance in mm of the surface from the label's plane.
    pub max_bend: f64,
    /// Steepest surface in degrees from the plane one looks at.
    pub max_slope: f64,
    /// Free border around the text in mm.
    pub border: f64,
}

impl MarkStyle {
    /// The style of `data/model-marks.toml` as it was when this was built.
    pub fn standard() -> Result<Self, DesignError> {
        Self::from_toml(STANDARD)
    }

    /// The style described by a text in the form of `data/model-marks.toml`.
    pub fn from_toml(text: &str) -> Result<Self, DesignError> {
        let style: Self =
            toml::from_str(text).map_err(|error| DesignError::StyleText(error.message().to_owned()))?;
        style.checked()
    }

    /// The style, if its values can be made.
    pub fn checked(self) -> Result<Self, DesignError> {
        let positive = [
            ("letter_height", self.letter_height),
            ("min_letter_height", self.min_letter_height),
            ("stroke_share", self.stroke_share),
            ("min_stroke", self.min_stroke),
            ("depth", self.depth),
            ("min_wall", self.min_wall),
            ("max_roughness", self.max_roughness),
            ("max_bend", self.max_bend),
            ("max_slope", self.max_slope),
            ("border", self.border),
        ];
        if let Some(&(name, value)) = positive.iter().find(|(_, v)| !(v.is_finite() && *v > 0.0)) {
            return Err(DesignError::Style { name, value });
        }
        if self.min_letter_height > self.letter_height {
            return Err(DesignError::Style { name: "min_letter_height", value: self.min_letter_height });
        }
        if self.max_slope >= 85.0 {
            return Err(DesignError::Style { name: "max_slope", value: self.max_slope });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_is_what_the_file_says() {
        assert_eq!(MarkStyle::standard().unwrap().letter_height, 6.0);
        let deeper = STANDARD.replace("\ndepth = 0.7", "\ndepth = 0.75");
        assert_eq!(MarkStyle::from_toml(&deeper).unwrap().depth, 0.75);
    }

    #[test]
    fn values_that_cannot_be_made_are_named() {
        let zero = STANDARD.replace("\ndepth = 0.7", "\ndepth = 0.0");
        let refused = MarkStyle::from_toml(&zero).unwrap_err();
        assert!(matches!(refused, DesignError::Style { name: "depth", .. }));
        let misspelt = STANDARD.replace("\ndepth", "\ndeepness");
        assert!(matches!(MarkStyle::from_toml(&misspelt), Err(DesignError::StyleText(_))));
    }
}
