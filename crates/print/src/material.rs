//! What a print uses: filament, grams, cost.

use crate::printer::Filament;
use serde::{Deserialize, Serialize};

/// What a print uses up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Material {
    /// Length of filament, mm.
    pub length: f64,
    /// Volume of plastic, mm³.
    pub volume: f64,
    /// Mass of plastic, g.
    pub mass: f64,
    /// Cost of plastic, in the currency of the profile.
    pub cost: f64,
}

impl Material {
    /// What a length of filament in mm amounts to.
    pub fn of(length: f64, filament: &Filament) -> Self {
        let volume = length * std::f64::consts::PI * filament.diameter * filament.diameter / 4.0;
        // 1 g/cm³ is 1e-3 g/mm³.
        let mass = volume * filament.density * 1e-3;
        Self { length, volume, mass, cost: mass * 1e-3 * filament.cost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::printer;

    #[test]
    fn a_kilogram_of_filament_costs_what_a_kilogram_costs() {
        let filament = printer("generic-250").unwrap().filament;
        // 1 kg of 1.24 g/cm³ is 806.45 cm³; over the 2.405 mm² of a 1.75 mm thread that is 335.28 m.
        let length = 1e6 / 1.24 / (std::f64::consts::PI * 1.75 * 1.75 / 4.0);
        let used = Material::of(length, &filament);
        assert!((used.mass - 1000.0).abs() < 1e-6 && (used.cost - filament.cost).abs() < 1e-9);
        assert!((used.length - 335_280.0).abs() < 10.0);
    }
}
