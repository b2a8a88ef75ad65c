//! Thresholds with a name: where a search for a tissue starts, not what the tissue is.
//!
//! Ranges that other programs use as well are taken over, so that a case begun elsewhere can be repeated. Where a
//! print depends on it, what is denser belongs too: an upper limit would turn cortex above it and metal into holes.
//! No fixed threshold puts a surface in the right place ([`crate::edge`] does); it says which voxels are meant.

use crate::threshold::threshold;
use osteon_core::{Cancelled, Ctx, Hu, Mask, Volume};

/// A named range of Hounsfield units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// Lower case, words joined by hyphens.
    pub name: &'static str,
    /// What the range is meant for, in one line.
    pub meant_for: &'static str,
    /// The least value that belongs.
    pub low: Hu,
    /// The largest value that belongs; `None` when everything denser belongs.
    pub high: Option<Hu>,
    /// A key of the references in square brackets, or *Chosen* and why.
    pub source: &'static str,
}

const fn preset(
    name: &'static str,
    meant_for: &'static str,
    low: f64,
    high: Option<f64>,
    source: &'static str,
) -> Preset {
    let high = match high {
        Some(high) => Some(Hu(high)),
        None => None,
    };
    Preset { name, meant_for, low: Hu(low), high, source }
}

/// All presets, from dense to light.
pub const PRESETS: [Preset; 14] = [
    preset(
        "metal",
        "implants and fillings; streaks around them come along",
        2851.0,
        None,
        "Chosen: above the range of adult enamel [invesalius-presets]; a 12-bit scan ends at 3071 HU, where metal piles up",
    ),
    preset(
        "enamel",
        "crowns of teeth; metal comes along",
        1553.0,
        None,
        "[invesalius-presets] enamel of adults, its upper limit of 2850 HU left open",
    ),
    preset(
        "cortical-bone",
        "compact bone of adults",
        662.0,
        None,
        "[invesalius-presets] compact bone of adults, its upper limit of 1988 HU left open",
    ),
    preset(
        "cortical-bone-child",
        "compact bone of children",
        586.0,
        None,
        "[invesalius-presets] compact bone of children, its upper limit of 2198 HU left open",
    ),
    preset(
        "bone",
        "all bone of adults with ordinary density",
        226.0,
        None,
        "[invesalius-presets] bone, its upper limit of 3071 HU left open; also the mean of the first lumbar vertebra under 30 years [jang-2019]",
    ),
    preset(
        "bone-child",
        "all bone of children",
        156.0,
        None,
        "[invesalius-presets] lower limit of the spongy bone of children",
    ),
    preset(
        "osteoporotic-bone",
        "all bone of the old; contrast medium and calcified vessels come along",
        100.0,
        None,
        "Chosen: above muscle without contrast medium, near 60 HU, and close to the mean of the first lumbar vertebra at 90 years, 89 HU [jang-2019]; pores remain to be filled",
    ),
    preset(
        "cancellous-bone",
        "spongy bone of adults without the compact bone around it",
        148.0,
        Some(661.0),
        "[invesalius-presets] spongial bone of adults",
    ),
    preset(
        "cancellous-bone-child",
        "spongy bone of children without the compact bone around it",
        156.0,
        Some(585.0),
        "[invesalius-presets] spongial bone of children",
    ),
    preset(
        "muscle",
        "muscle of adults; other organs come along",
        -5.0,
        Some(135.0),
        "[invesalius-presets] muscle tissue of adults",
    ),
    preset("fat", "fat of adults", -205.0, Some(-51.0), "[invesalius-presets] fat tissue of adults"),
    preset(
        "body",
        "the patient to the skin, bone and metal too; the table comes along",
        -300.0,
        None,
        "Chosen: fat, the lightest tissue, lies near -100 HU and the foam of cushions below -600 HU; as in the search for the patient",
    ),
    preset(
        "soft-tissue",
        "everything lighter than bone to the skin; cushions come along",
        -700.0,
        Some(225.0),
        "[invesalius-presets] soft tissue",
    ),
    preset(
        "skin",
        "the layer of voxels that skin shares with air",
        -718.0,
        Some(-177.0),
        "[invesalius-presets] skin tissue of adults",
    ),
];

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The voxels whose value is within the range.
    ///
    /// # Errors
    /// Stops when `ctx` was asked to.
    pub fn mask(&self, volume: &Volume<i16>, ctx: &Ctx) -> Result<Mask, Cancelled> {
        threshold(volume, self.low, self.high, ctx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::{Grid, Point};

    #[test]
    fn a_preset_is_found_by_its_name_only() {
        assert_eq!(Preset::named("bone").map(|bone| (bone.low, bone.high)), Some((Hu(226.0), None)));
        assert_eq!(Preset::named("Bone"), None);
        for preset in &PRESETS {
            assert_eq!(Preset::named(preset.name), Some(preset), "two presets named {}", preset.name);
            assert!(preset.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", preset.name);
        }
    }

    #[test]
    fn every_range_holds_something_and_says_where_it_comes_from() {
        for preset in &PRESETS {
            assert!(preset.high.is_none_or(|high| high.value() > preset.low.value()), "{}", preset.name);
            let cited = preset.source.starts_with('[') && preset.source.contains(']');
            assert!(cited || preset.source.starts_with("Chosen: "), "{}", preset.name);
        }
    }

    #[test]
    fn spongy_and_compact_bone_meet_without_gap_or_overlap() {
        let grid = Grid::upright([4000, 1, 1], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let volume = Volume::new(grid, (-900..3100).collect()).unwrap();
        let mask = |name| Preset::named(name).unwrap().mask(&volume, &Ctx::default()).unwrap();
        for (spongy, compact, from) in
            [("cancellous-bone", "cortical-bone", 148), ("cancellous-bone-child", "cortical-bone-child", 156)]
        {
            let (mut both, compact) = (mask(spongy), mask(compact));
            assert_eq!(both.count() + compact.count(), 3100 - from);
            both.or(&compact);
            assert_eq!(both.count(), 3100 - from);
        }
    }
}
