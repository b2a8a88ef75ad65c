//! How large and deep marks are, for each way of printing.

use crate::error::DesignError;
use serde::Deserialize;

/// The text of `data/model-marks.toml` as it was when this was built.
pub const STANDARD: &str = include_str!("../../../data/model-marks.toml");

/// How a part will be printed, as far as its marks depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Process {
    /// Molten filament. Its marks are the coarsest but for powder, and legible in resin too.
    #[default]
    Filament,
    /// Hardened resin.
    Resin,
    /// Sintered or fused powder.
    Powder,
}

impl Process {
    /// All of them.
    pub const ALL: [Self; 3] = [Process::Filament, Process::Resin, Process::Powder];
}

/// Sizes of marks and limits of the surface they need; every value with its reason in
/// `data/model-marks.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkStyle {
    /// Preferred height of capitals in mm.
    pub letter_height: f64,
    /// Smallest height of capitals in mm.
    pub min_letter_height: f64,
    /// Width of a stroke as a share of the letter height.
    pub stroke_share: f64,
    /// Smallest width of a stroke in mm.
    pub min_stroke: f64,
    /// Smallest width in mm of what is left between two strokes.
    pub min_ridge: f64,
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
    /// Lengths of a scale bar in mm, preferred first.
    pub bars: Vec<f64>,
    /// How far in mm a bar measured on a print may be off.
    pub bar_tolerance: f64,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    letter_height: f64,
    stroke_share: f64,
    min_wall: f64,
    max_roughness: f64,
    max_bend: f64,
    max_slope: f64,
    border: f64,
    bars: Vec<f64>,
    bar_tolerance: f64,
    process: Processes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Processes {
    filament: Sizes,
    resin: Sizes,
    powder: Sizes,
}

/// What depends on how a part is printed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    min_letter_height: f64,
    min_stroke: f64,
    min_ridge: f64,
    depth: f64,
}

impl MarkStyle {
    /// The style of `data/model-marks.toml` as it was when this was built, for filament.
    ///
    /// # Errors
    /// See [`MarkStyle::from_toml`].
    pub fn standard() -> Result<Self, DesignError> {
        Self::of(Process::default())
    }

    /// The same for another process.
    ///
    /// # Errors
    /// See [`MarkStyle::from_toml`].
    pub fn of(process: Process) -> Result<Self, DesignError> {
        Self::from_toml(STANDARD, process)
    }

    /// The style described by a text in the form of `data/model-marks.toml`.
    ///
    /// # Errors
    /// When the text is not of that form, or a value cannot be made.
    pub fn from_toml(text: &str, process: Process) -> Result<Self, DesignError> {
        let file: File =
            toml::from_str(text).map_err(|error| DesignError::StyleText(error.message().to_owned()))?;
        let Processes { filament, resin, powder } = file.process;
        let sizes = match process {
            Process::Filament => filament,
            Process::Resin => resin,
            Process::Powder => powder,
        };
        let style = Self {
            letter_height: file.letter_height,
            min_letter_height: sizes.min_letter_height,
            stroke_share: file.stroke_share,
            min_stroke: sizes.min_stroke,
            min_ridge: sizes.min_ridge,
            depth: sizes.depth,
            min_wall: file.min_wall,
            max_roughness: file.max_roughness,
            max_bend: file.max_bend,
            max_slope: file.max_slope,
            border: file.border,
            bars: file.bars,
            bar_tolerance: file.bar_tolerance,
        };
        style.checked()
    }

    /// The style, if its values can be made.
    ///
    /// # Errors
    /// `mark-style-value` for a length that is not above zero, or a range the wrong way round.
    pub fn checked(self) -> Result<Self, DesignError> {
        let positive = [
            ("letter_height", self.letter_height),
            ("min_letter_height", self.min_letter_height),
            ("stroke_share", self.stroke_share),
            ("min_stroke", self.min_stroke),
            ("min_ridge", self.min_ridge),
            ("depth", self.depth),
            ("min_wall", self.min_wall),
            ("max_roughness", self.max_roughness),
            ("max_bend", self.max_bend),
            ("max_slope", self.max_slope),
            ("border", self.border),
            ("bar_tolerance", self.bar_tolerance),
        ];
        let bars = self.bars.iter().map(|&length| ("bars", length));
        if let Some((name, value)) =
            positive.into_iter().chain(bars).find(|(_, v)| !(v.is_finite() && *v > 0.0))
        {
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
        let deeper = STANDARD.replace("\ndepth = 0.5", "\ndepth = 0.55");
        assert_eq!(MarkStyle::from_toml(&deeper, Process::Resin).unwrap().depth, 0.55);
        assert_eq!(MarkStyle::from_toml(&deeper, Process::Filament).unwrap().depth, 0.8);
    }

    #[test]
    fn values_that_cannot_be_made_are_named() {
        let zero = STANDARD.replace("\ndepth = 0.8", "\ndepth = 0.0");
        let refused = MarkStyle::from_toml(&zero, Process::Filament).unwrap_err();
        assert!(matches!(refused, DesignError::Style { name: "depth", .. }));
        let no_bar = STANDARD.replace("[50.0, 20.0", "[50.0, -20.0");
        let refused = MarkStyle::from_toml(&no_bar, Process::Filament).unwrap_err();
        assert!(matches!(refused, DesignError::Style { name: "bars", .. }));
        let misspelt = STANDARD.replace("\ndepth", "\ndeepness");
        assert!(matches!(MarkStyle::from_toml(&misspelt, Process::Resin), Err(DesignError::StyleText(_))));
    }
}
