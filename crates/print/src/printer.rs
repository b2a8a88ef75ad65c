//! What a printer is and what it is set to.
//!
//! Profiles are TOML files; `data/printers/generic-250.toml` explains every key with its unit and range.
//! Lengths are millimetres, speeds mm/s, accelerations mm/s², temperatures °C, shares percent.

use crate::compensation::Compensation;
use crate::error::PrintError;
use serde::{Deserialize, Serialize};

/// The profiles that are built in, the default first.
const BUILT_IN: [&str; 3] = [
    include_str!("../../../data/printers/generic-250.toml"),
    include_str!("../../../data/printers/generic-300.toml"),
    include_str!("../../../data/printers/generic-180.toml"),
];

/// A filament printer with its filament and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Printer {
    /// Short name: lower case, digits and hyphens.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What the firmware understands.
    pub flavour: Flavour,
    /// The bed and the height above it.
    pub bed: Bed,
    /// The nozzle.
    pub nozzle: Nozzle,
    /// The plastic and its temperatures.
    pub filament: Filament,
    /// Speeds in mm/s.
    pub speed: Speed,
    /// Accelerations in mm/s².
    pub acceleration: Acceleration,
    /// How filament is drawn back while travelling.
    pub retraction: Retraction,
    /// Settings of usual quality.
    pub standard: Process,
    /// Settings with thinner layers.
    pub fine: Process,
    /// What is sent before and after the print.
    pub gcode: Custom,
    /// What the printer does to every part, as a calibration print told it; taken back before slicing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
}

/// What a printer's firmware understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// Marlin before version 2.
    Marlin,
    /// Marlin 2.
    Marlin2,
}

/// A printer's bed and the height above it, mm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bed {
    /// Printable width (x) and depth (y).
    pub size: [f64; 2],
    /// G-code coordinates of the front left corner.
    pub origin: [f64; 2],
    /// Greatest printable height.
    pub height: f64,
}

/// A nozzle, mm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nozzle {
    /// Diameter of its opening.
    pub diameter: f64,
    /// Thinnest and thickest layer it can lay.
    pub layers: [f64; 2],
    /// Width of a line; 9/8 of the diameter where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<f64>,
}

/// A filament and how it is melted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filament {
    /// Name of the plastic.
    pub material: String,
    /// Diameter, mm.
    pub diameter: f64,
    /// Density, g/cm³.
    pub density: f64,
    /// Price of a kilogram, in the lab's currency.
    pub cost: f64,
    /// Temperature of the nozzle, °C.
    pub nozzle_temperature: f64,
    /// Temperature of the nozzle on the first layer, °C.
    pub first_nozzle_temperature: f64,
    /// Temperature of the bed, °C.
    pub bed_temperature: f64,
    /// Least and most power of the part cooling fan, %.
    pub fan: [f64; 2],
}

/// Speeds, mm/s.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// The line that becomes the surface.
    pub outer_perimeter: f64,
    /// The lines behind it.
    pub perimeter: f64,
    /// Open infill.
    pub infill: f64,
    /// Closed infill.
    pub solid_infill: f64,
    /// The closed layer on top.
    pub top_infill: f64,
    /// Supports.
    pub support: f64,
    /// Lines over air.
    pub bridge: f64,
    /// Everything on the first layer.
    pub first_layer: f64,
    /// Moves without plastic.
    pub travel: f64,
}

/// Accelerations, mm/s².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceleration {
    /// Along outlines.
    pub perimeter: f64,
    /// In infill.
    pub infill: f64,
    /// On the first layer.
    pub first_layer: f64,
    /// Otherwise.
    pub default: f64,
    /// Change of speed the printer takes without slowing down, mm/s.
    pub jerk: f64,
}

/// How filament is drawn back while the nozzle travels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retraction {
    /// Length of filament, mm.
    pub length: f64,
    /// Speed, mm/s.
    pub speed: f64,
    /// How far the nozzle is lifted, mm.
    pub lift: f64,
}

/// G-code sent before and after the print; may use the slicing program's placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// Before the first layer.
    pub start: String,
    /// After the last layer.
    pub end: String,
}

/// Settings of one print.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Layer height, mm.
    pub layer: f64,
    /// Height of the first layer, mm.
    pub first_layer: f64,
    /// Lines along every outline.
    pub perimeters: u32,
    /// Closed layers on top.
    pub top_layers: u32,
    /// Closed layers below.
    pub bottom_layers: u32,
    /// Share of the inside that is filled, %.
    pub infill: f64,
    /// Whether overhangs are held up.
    pub supports: bool,
    /// Surfaces flatter than this angle above the bed are held up, degrees.
    pub overhang: f64,
    /// Air between support and model, mm.
    pub support_gap: f64,
    /// Width of the brim, mm.
    pub brim: f64,
    /// Loops around everything, to start the flow.
    pub skirt: u32,
}

/// Which of a printer's settings to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// The usual layers.
    #[default]
    Standard,
    /// Thinner layers.
    Fine,
}

/// How far supports may reach beyond the outline of the solid on the bed, mm.
///
/// One cell of the support grid (2.5 mm) and its wall.
const SUPPORT_REACH: f64 = 3.0;

impl Printer {
    /// Reads a profile; unknown keys are refused and every number must be in its range.
    pub fn parse(text: &str) -> Result<Self, PrintError> {
        let printer: Self = toml::from_str(text).map_err(|e| PrintError::Profile { what: e.to_string() })?;
        printer.check()?;
        Ok(printer)
    }

    /// The settings for a quality.
    pub const fn process(&self, quality: Quality) -> &Process {
        match quality {
            Quality::Standard => &self.standard,
            Quality::Fine => &self.fine,
        }
    }

    /// Width of an extruded line, mm.
    ///
    /// Where it is not set, 9/8 of the nozzle: a line narrower than the nozzle adheres badly, a wider one rounds corners.
    pub const fn line(&self) -> f64 {
        match self.nozzle.line {
            Some(width) => width,
            None => self.nozzle.diameter * 1.125,
        }
    }

    /// What brim, skirt and supports need around the solid on the bed, mm.
    pub fn margin(&self, process: &Process) -> f64 {
        let support = if process.supports { SUPPORT_REACH } else { 0.0 };
        let skirt =
            if process.skirt > 0 { self.skirt_gap() + f64::from(process.skirt) * self.line() } else { 0.0 };
        process.brim.max(support) + skirt
    }

    /// Distance from brim or solid to the skirt, mm.
    pub(crate) const fn skirt_gap(&self) -> f64 {
        2.0
    }

    /// Sees that every number is in its range.
    pub fn check(&self) -> Result<(), PrintError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            return refuse(format!(
                "name {:?} is not made of lower case letters, digits and hyphens",
                self.name
            ));
        }
        for (key, text) in [("title", &self.title), ("filament.material", &self.filament.material)] {
            if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
                return refuse(format!("{key} is empty, too long or has control characters"));
            }
        }
        for (key, text) in [("gcode.start", &self.gcode.start), ("gcode.end", &self.gcode.end)] {
            let odd = |c: char| c.is_control() && c != '\n' && c != '\t' && c != '\r';
            if text.len() > 20_000 || text.chars().any(odd) {
                return refuse(format!("{key} is longer than 20000 bytes or has control characters"));
            }
        }
        for (key, value, low, high) in self.ranges() {
            within(key, value, low, high)?;
        }
        if self.filament.fan[0] > self.filament.fan[1] || self.nozzle.layers[0] > self.nozzle.layers[1] {
            return refuse(
                "the first number of filament.fan and of nozzle.layers is the smaller one".to_owned(),
            );
        }
        if let Some(known) = &self.compensation {
            known.check().or_else(|error| refuse(error.to_string()))?;
        }
        self.standard.check(self)?;
        self.fine.check(self)
    }

    /// Every number of the machine with its range.
    fn ranges(&self) -> Vec<(&'static str, f64, f64, f64)> {
        let (f, s, a, r) = (&self.filament, &self.speed, &self.acceleration, &self.retraction);
        vec![
            ("bed.size", self.bed.size[0], 20.0, 2000.0),
            ("bed.size", self.bed.size[1], 20.0, 2000.0),
            ("bed.origin", self.bed.origin[0], -1000.0, 1000.0),
            ("bed.origin", self.bed.origin[1], -1000.0, 1000.0),
            ("bed.height", self.bed.height, 20.0, 2000.0),
            ("nozzle.diameter", self.nozzle.diameter, 0.1, 2.0),
            ("nozzle.line", self.line(), 0.05, 4.0),
            ("nozzle.layers", self.nozzle.layers[0], 0.01, 1.5),
            ("nozzle.layers", self.nozzle.layers[1], 0.01, 1.5),
            ("filament.diameter", f.diameter, 1.0, 3.5),
            ("filament.density", f.density, 0.5, 10.0),
            ("filament.cost", f.cost, 0.0, 1e5),
            ("filament.nozzle_temperature", f.nozzle_temperature, 150.0, 500.0),
            ("filament.first_nozzle_temperature", f.first_nozzle_temperature, 150.0, 500.0),
            ("filament.bed_temperature", f.bed_temperature, 0.0, 200.0),
            ("filament.fan", f.fan[0], 0.0, 100.0),
            ("filament.fan", f.fan[1], 0.0, 100.0),
            ("speed.outer_perimeter", s.outer_perimeter, 1.0, 1000.0),
            ("speed.perimeter", s.perimeter, 1.0, 1000.0),
            ("speed.infill", s.infill, 1.0, 1000.0),
            ("speed.solid_infill", s.solid_infill, 1.0, 1000.0),
            ("speed.top_infill", s.top_infill, 1.0, 1000.0),
            ("speed.support", s.support, 1.0, 1000.0),
            ("speed.bridge", s.bridge, 1.0, 1000.0),
            ("speed.first_layer", s.first_layer, 1.0, 1000.0),
            ("speed.travel", s.travel, 1.0, 1000.0),
            ("acceleration.perimeter", a.perimeter, 10.0, 1e5),
            ("acceleration.infill", a.infill, 10.0, 1e5),
            ("acceleration.first_layer", a.first_layer, 10.0, 1e5),
            ("acceleration.default", a.default, 10.0, 1e5),
            ("acceleration.jerk", a.jerk, 0.1, 100.0),
            ("retraction.length", r.length, 0.0, 15.0),
            ("retraction.speed", r.speed, 1.0, 200.0),
            ("retraction.lift", r.lift, 0.0, 5.0),
        ]
    }
}

impl Process {
    /// Sees that every number is in its range on this printer.
    pub fn check(&self, printer: &Printer) -> Result<(), PrintError> {
        let [thin, thick] = printer.nozzle.layers;
        let ranges = [
            ("layer", self.layer, thin, thick),
            ("first_layer", self.first_layer, thin, thick),
            ("perimeters", f64::from(self.perimeters), 1.0, 20.0),
            ("top_layers", f64::from(self.top_layers), 0.0, 100.0),
            ("bottom_layers", f64::from(self.bottom_layers), 0.0, 100.0),
            ("infill", self.infill, 0.0, 100.0),
            ("overhang", self.overhang, 0.0, 90.0),
            ("support_gap", self.support_gap, 0.0, 2.0),
            ("brim", self.brim, 0.0, 50.0),
            ("skirt", f64::from(self.skirt), 0.0, 10.0),
        ];
        ranges.into_iter().try_for_each(|(key, value, low, high)| within(key, value, low, high))
    }
}

/// The built-in printers, the default first.
pub fn printers() -> Vec<Printer> {
    // A test sees that none is left out.
    BUILT_IN.iter().filter_map(|text| Printer::parse(text).ok()).collect()
}

/// The built-in printer of this name.
pub fn printer(name: &str) -> Result<Printer, PrintError> {
    let all = printers();
    let known: Vec<String> = all.iter().map(|p| p.name.clone()).collect();
    all.into_iter()
        .find(|p| p.name == name)
        .ok_or_else(|| PrintError::UnknownPrinter { name: name.to_owned(), known: known.join(", ") })
}

/// Refuses a value outside its range, and what is not a number.
fn within(key: &str, value: f64, low: f64, high: f64) -> Result<(), PrintError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    refuse(format!("{key} = {value} is outside {low} to {high}"))
}

fn refuse(what: String) -> Result<(), PrintError> {
    Err(PrintError::Profile { what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Explain;

    #[test]
    fn the_built_in_printers_are_all_sound() {
        let names: Vec<String> = printers().into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["generic-250", "generic-300", "generic-180"]);
        for text in BUILT_IN {
            Printer::parse(text).unwrap();
        }
        assert_eq!(printer("ender").unwrap_err().code(), "unknown-printer");
    }

    #[test]
    fn a_changed_profile_is_refused_with_the_key_and_the_range() {
        let change = |from: &str, to: &str| {
            assert!(BUILT_IN[0].contains(from), "{from}");
            Printer::parse(&BUILT_IN[0].replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert!(change("layer = 0.2 ", "layer = 0.35 ").contains("layer = 0.35 is outside 0.07 to 0.3"));
        assert!(change("height = 210.0", "height = nan").contains("bed.height"));
        assert!(change("height = 210.0", "height = inf").contains("bed.height"));
        assert!(change("infill = 15.0 ", "infill = 115 ").contains("infill = 115 is outside 0 to 100"));
        assert!(change("lift = 0.2", "lift = 0.2\nlifts = 1").contains("lifts"));
        assert!(change("lift = 0.2", "").contains("lift"));
        assert!(change("perimeters = 3", "perimeters = -3").contains("perimeters"));
        assert!(change("\"generic-250\"", "\"two\\nlines\"").contains("name"));
        assert!(change("\"PLA\"", "\"PLA\\nlayer_height = 9\"").contains("filament.material"));
        assert!(change("flavour = \"marlin2\"", "flavour = \"klipper\"").contains("klipper"));
        assert!(change("fan = [35.0, 100.0]", "fan = [90.0, 10.0]").contains("filament.fan"));
    }

    #[test]
    fn a_whole_number_is_a_number() {
        let text = BUILT_IN[0].replace("height = 210.0", "height = 210");
        assert_eq!(Printer::parse(&text).unwrap().bed.height, 210.0);
    }
}
