//! Time and resin of a print, before a picture is drawn.
//!
//! The light and the movements of every layer are known from the profile, and its area from the section, so the time
//! is a sum and not a guess. What the printer's firmware adds of its own is not in it.

use super::error::ResinError;
use super::place::Standing;
use super::printer::ResinPrinter;
use super::section::areas;
use osteon_core::{Ctx, Solid};

/// What a print takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Number of layers.
    pub layers: usize,
    /// Layers large enough to be tilted slowly.
    pub slow_layers: usize,
    /// Printing time, s.
    pub seconds: f64,
    /// Cured resin, ml.
    pub millilitres: f64,
    /// Of these, what is in the first solid: the part without its supports.
    pub part_millilitres: f64,
    /// Mass when cured, g.
    pub grams: f64,
    /// Cost in the profile's currency.
    pub cost: f64,
    /// The area of each layer, mm²: shells and solids that overlap count as often.
    pub areas: Vec<f64>,
}

/// Works out what solids that stand on a plate take in layers of a height in mm; the first is the part.
///
/// # Errors
/// Only when stopped.
pub fn estimate(
    solids: &[&Solid],
    standing: &Standing,
    printer: &ResinPrinter,
    height: f64,
    ctx: &Ctx,
) -> Result<Estimate, ResinError> {
    let mut found = Estimate::default();
    for (n, solid) in solids.iter().enumerate() {
        let part = areas(solid, standing, height, ctx)?;
        let volume = part.iter().sum::<f64>() * height / 1000.0;
        if n == 0 {
            found.part_millilitres = volume;
        }
        found.millilitres += volume;
        found.areas.resize(found.areas.len().max(part.len()), 0.0);
        found.areas.iter_mut().zip(part).for_each(|(sum, area)| *sum += area);
    }
    found.layers = found.areas.len();
    found.seconds = found.areas.iter().enumerate().map(|(n, area)| printer.layer_seconds(n, *area)).sum();
    if let Some(tilt) = &printer.motion.tilt {
        let limit = printer.screen.size[0] * printer.screen.size[1] * tilt.slow_above / 100.0;
        found.slow_layers = found.areas.iter().filter(|area| **area > limit).count();
    }
    found.grams = found.millilitres * printer.resin.density;
    found.cost = found.millilitres / 1000.0 * printer.resin.cost;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resin::{resin_printer, stand};
    use crate::test_shapes::bracket;
    use crate::turn::Turn;
    use glam::DVec3;

    #[test]
    fn a_bracket_takes_its_volume_and_the_time_of_its_layers() {
        let printer = resin_printer("sl1s").unwrap();
        let part = bracket(DVec3::ZERO);
        let standing = stand(&[&part], &printer, &Turn::standing(), [0.0, 0.0]).unwrap();
        let found = estimate(&[&part], &standing, &printer, 0.05, &Ctx::default()).unwrap();
        assert_eq!((found.layers, found.slow_layers), (400, 0));
        // Faces are at multiples of 2.5 mm, which 0.05 mm divides: the sum is exact but for rounding.
        assert!((found.millilitres - part.volume() / 1000.0).abs() < 1e-9);
        // Three layers of 25 s, ten that fall to 2 s in elevenths, the rest at 2 s; 2.75 s each to free it.
        let fading: f64 = (1..=10).map(|k| 25.0 - 23.0 * f64::from(k) / 11.0).sum();
        let truth = 3.0 * 25.0 + fading + 387.0 * 2.0 + 400.0 * 2.75;
        assert!((found.seconds - truth).abs() < 1e-6, "{} {truth}", found.seconds);
    }
}
