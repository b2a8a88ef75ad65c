//! Which way of printing suits a part and its purpose, and what it costs.
//!
//! The limits are data (`data/processes.toml`, `data/rates.toml`), each with its source. What nobody can tell from
//! the part – whether a material may touch a patient, whether it can be sterilised here – is put as a question to
//! the hospital and never answered.

mod thin;

pub use thin::{PATCH, SHARE, Thin, Walls};

use crate::error::PrintError;
use serde::{Deserialize, Serialize};

/// The limits that are built in.
const PROCESSES: &str = include_str!("../../../data/processes.toml");
/// The rates that are built in.
const RATES: &str = include_str!("../../../data/rates.toml");

/// A family of ways of printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Melted filament.
    Filament,
    /// Cured resin.
    Resin,
    /// Sintered powder, bought from a service.
    Powder,
}

/// What a way of printing can do; lengths in mm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ability {
    /// Which way.
    pub name: Kind,
    /// Its name for people.
    pub title: String,
    /// Thinnest wall.
    pub wall: f64,
    /// Where that is from.
    pub wall_source: String,
    /// Least detail.
    pub detail: f64,
    /// Where that is from.
    pub detail_source: String,
    /// Largest error to be reckoned with.
    pub error: f64,
    /// Where that is from.
    pub error_source: String,
}

/// What a purpose asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// Its short name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The error that is still good enough, mm.
    pub error: f64,
    /// Where that is from.
    pub error_source: String,
    /// What the hospital must answer first.
    pub questions: Vec<String>,
}

/// The limits of processes and purposes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Ways of printing.
    pub process: Vec<Ability>,
    /// Purposes.
    pub purpose: Vec<Purpose>,
}

/// What printing costs, and a resin printer of usual size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// The currency all amounts are in.
    pub currency: String,
    /// An hour of a filament printer.
    pub filament_hour: f64,
    /// An hour of a resin printer.
    pub resin_hour: f64,
    /// A litre of resin.
    pub resin_litre: f64,
    /// A cm³ of a sintered part.
    pub powder_cm3: f64,
    /// An order of sintered parts.
    pub powder_order: f64,
    /// Layer of resin, mm.
    pub resin_layer: f64,
    /// Exposure of a layer of resin, s.
    pub resin_exposure: f64,
    /// Lifting, lowering and rest of a layer of resin, s.
    pub resin_move: f64,
    /// Exposure of each of the first layers of resin, s.
    pub resin_first: f64,
    /// Volume of supports in resin for the volume of the part.
    pub resin_supports: f64,
    /// Width, depth and height a resin printer has room for, mm.
    pub resin_bed: [f64; 3],
    /// Width, depth and height a service has room for, mm.
    pub powder_bed: [f64; 3],
}

impl Limits {
    /// Reads limits; unknown keys are refused and every number must be in its range.
    ///
    /// # Errors
    /// `printer-profile`.
    pub fn parse(text: &str) -> Result<Self, PrintError> {
        let limits: Self = toml::from_str(text).map_err(|e| PrintError::Profile { what: e.to_string() })?;
        for ability in &limits.process {
            in_range("wall", ability.wall, 0.01)?;
            in_range("detail", ability.detail, 0.01)?;
            in_range("error", ability.error, 0.001)?;
        }
        limits.purpose.iter().try_for_each(|purpose| in_range("error", purpose.error, 0.001))?;
        Ok(limits)
    }

    /// The limits that are built in.
    ///
    /// # Errors
    /// `printer-profile`; a test sees that there is none.
    pub fn built_in() -> Result<Self, PrintError> {
        Self::parse(PROCESSES)
    }

    /// The purpose of this name.
    ///
    /// # Errors
    /// `printer-profile` with the names there are.
    pub fn purpose(&self, name: &str) -> Result<&Purpose, PrintError> {
        self.purpose.iter().find(|purpose| purpose.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.purpose.iter().map(|purpose| purpose.name.as_str()).collect();
            PrintError::Profile {
                what: format!("there is no purpose {name:?}; known are {}", known.join(", ")),
            }
        })
    }
}

impl Rates {
    /// Reads rates; unknown keys are refused and every number must be in its range.
    ///
    /// # Errors
    /// `printer-profile`.
    pub fn parse(text: &str) -> Result<Self, PrintError> {
        let rates: Self = toml::from_str(text).map_err(|e| PrintError::Profile { what: e.to_string() })?;
        let amounts = [
            ("filament_hour", rates.filament_hour, 0.0),
            ("resin_hour", rates.resin_hour, 0.0),
            ("resin_litre", rates.resin_litre, 0.0),
            ("powder_cm3", rates.powder_cm3, 0.0),
            ("powder_order", rates.powder_order, 0.0),
            ("resin_layer", rates.resin_layer, 0.001),
            ("resin_exposure", rates.resin_exposure, 0.0),
            ("resin_move", rates.resin_move, 0.0),
            ("resin_first", rates.resin_first, 0.0),
            ("resin_supports", rates.resin_supports, 0.0),
        ];
        amounts.into_iter().try_for_each(|(key, value, least)| in_range(key, value, least))?;
        let beds = rates.resin_bed.iter().chain(&rates.powder_bed);
        beds.into_iter().try_for_each(|edge| in_range("resin_bed, powder_bed", *edge, 1.0))?;
        Ok(rates)
    }

    /// The rates that are built in.
    ///
    /// # Errors
    /// `printer-profile`; a test sees that there is none.
    pub fn built_in() -> Result<Self, PrintError> {
        Self::parse(RATES)
    }

    /// Time and volume of resin for a part of this height and volume, s and mm³.
    ///
    /// Layers × (exposure + moves), the first ones longer; what a resin printer's program counts.
    pub fn resin(&self, height: f64, volume: f64) -> (f64, f64) {
        let layers = (height / self.resin_layer).ceil();
        let first = layers.min(RESIN_FIRST);
        let seconds = layers * (self.resin_exposure + self.resin_move)
            + first * (self.resin_first - self.resin_exposure).max(0.0);
        (seconds, volume * (1.0 + self.resin_supports))
    }
}

/// First layers of resin that are exposed longer. Chosen: what resin profiles usually have.
const RESIN_FIRST: f64 = 6.0;

/// Most that any number of limits and rates may be: beyond it is a mistake.
const MOST: f64 = 1e6;

fn in_range(key: &str, value: f64, least: f64) -> Result<(), PrintError> {
    if (least..=MOST).contains(&value) {
        return Ok(());
    }
    Err(PrintError::Profile { what: format!("{key} = {value} is outside {least} to {MOST}") })
}

/// What must be known of a part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part<'a> {
    /// Edges of the box around it as it will lie, mm.
    pub size: [f64; 3],
    /// Its walls, looked for up to the thinnest wall that any way of printing asks for.
    pub walls: &'a Walls,
}

/// One way of printing with its judgement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// Which way.
    pub kind: Kind,
    /// Printer and layers, for people.
    pub title: String,
    /// The plastic.
    pub material: String,
    /// Layer height, mm.
    pub layer_mm: f64,
    /// Time, s; none where a service prints.
    pub seconds: Option<f64>,
    /// Plastic used with supports, mm³.
    pub plastic_mm3: f64,
    /// Cost, in the currency of the rates.
    pub cost: f64,
    /// Why it does not suit; it does where there is none.
    pub against: Vec<String>,
}

impl Choice {
    /// Whether nothing speaks against it.
    pub fn suits(&self) -> bool {
        self.against.is_empty()
    }
}

/// What speaks against a way of printing for a part, a purpose and the room there is, mm.
pub fn against(part: &Part<'_>, ability: &Ability, purpose: &Purpose, room: [f64; 3]) -> Vec<String> {
    let mut reasons = Vec::new();
    let [x, y, z] = part.size;
    if x > room[0] || y > room[1] || z > room[2] {
        reasons.push(format!(
            "{x:.0} × {y:.0} × {z:.0} mm do not fit into {:.0} × {:.0} × {:.0} mm",
            room[0], room[1], room[2]
        ));
    }
    let thin = part.walls.below(ability.wall);
    if thin.matters() {
        reasons.push(format!(
            "walls below {} mm ({}) take up {:.0} mm² of its surface, {:.0} mm² of it in one place",
            ability.wall, ability.wall_source, thin.area_mm2, thin.patch_mm2
        ));
    }
    if ability.error > purpose.error {
        reasons.push(format!(
            "errors up to {} mm ({}) are more than {} mm ({})",
            ability.error, ability.error_source, purpose.error, purpose.error_source
        ));
    }
    reasons
}

/// Sorts choices: those that suit first, the cheaper first.
pub fn rank(choices: &mut [Choice]) {
    choices.sort_by(|a, b| b.suits().cmp(&a.suits()).then(a.cost.total_cmp(&b.cost)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;

    #[test]
    fn the_built_in_limits_and_rates_are_sound_and_name_their_sources() {
        let limits = Limits::built_in().unwrap();
        Rates::built_in().unwrap();
        let references = include_str!("../../../references.toml");
        let abilities =
            limits.process.iter().flat_map(|a| [&a.wall_source, &a.detail_source, &a.error_source]);
        for source in abilities.chain(limits.purpose.iter().map(|p| &p.error_source)) {
            let known = references.contains(&format!("[{source}]"));
            assert!(known || source.starts_with("chosen: "), "{source}");
        }
        assert!(limits.purpose("magic").unwrap_err().to_string().contains("teaching"));
    }

    #[test]
    fn a_thin_large_guide_is_refused_with_every_reason() {
        let limits = Limits::built_in().unwrap();
        let filament = limits.process.iter().find(|a| a.name == Kind::Filament).unwrap();
        let walls = Walls::of(10.0, 100, vec![(DVec3::ZERO, 0.5); 3]);
        let part = Part { size: [300.0, 20.0, 20.0], walls: &walls };
        let reasons = against(&part, filament, limits.purpose("guide").unwrap(), [250.0, 210.0, 210.0]);
        assert_eq!(reasons.len(), 3, "{reasons:?}");
        let small = Part { size: [50.0, 20.0, 20.0], walls: &Walls::of(10.0, 100, Vec::new()) };
        assert!(against(&small, filament, limits.purpose("teaching").unwrap(), [250.0; 3]).is_empty());
    }

    #[test]
    fn resin_takes_its_layers_by_their_time() {
        let rates = Rates::built_in().unwrap();
        // 10 mm in layers of 0.05 mm: 200 × 8.5 s, and six times 27.5 s more.
        let (seconds, volume) = rates.resin(10.0, 1000.0);
        assert!((seconds - (200.0 * 8.5 + 6.0 * 27.5)).abs() < 1e-9 && (volume - 1200.0).abs() < 1e-9);
    }

    #[test]
    fn wrong_numbers_and_unknown_keys_are_refused() {
        for (from, to) in
            [("wall = 0.9", "wall = -1.0"), ("wall = 0.9", "wall = nan"), ("detail =", "detial =")]
        {
            assert!(Limits::parse(&PROCESSES.replacen(from, to, 1)).is_err(), "{to}");
        }
        assert!(Rates::parse(&RATES.replace("resin_layer = 0.05", "resin_layer = 0.0")).is_err());
    }
}
