//! What joins pieces, and the gaps it needs.

use super::PrepareError;
use serde::Deserialize;

/// The text of `data/connectors.toml` as it was when this was built.
pub const STANDARD: &str = include_str!("../../../../data/connectors.toml");

/// Pegs, magnets and gaps; every value with its reason in `data/connectors.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connectors {
    /// Diameter of pegs and how deep they go into each piece, largest first, mm.
    pub pegs: Vec<[f64; 2]>,
    /// Diameter and height of magnets, largest first, mm.
    pub magnets: Vec<[f64; 2]>,
    /// How much deeper a hole is than its peg, mm.
    pub bottom: f64,
    /// Chamfer on the end of a peg, mm.
    pub chamfer: f64,
    /// Gaps of parts laid from filament.
    pub filament: Gaps,
    /// Gaps of parts cured from resin.
    pub resin: Gaps,
    /// Gaps of parts sintered from powder.
    pub powder: Gaps,
}

/// Gaps of one process, mm.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// Gap on each side where a peg should hold by itself.
    pub tight: f64,
    /// Gap on each side where it should go in without force.
    pub loose: f64,
    /// Least matter around a hole.
    pub wall: f64,
}

/// How parts are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Process {
    /// Laid from filament.
    #[default]
    Filament,
    /// Cured from resin.
    Resin,
    /// Sintered from powder.
    Powder,
}

impl Connectors {
    /// The sizes of `data/connectors.toml` as it was when this was built.
    ///
    /// # Errors
    /// As [`Connectors::from_toml`].
    pub fn standard() -> Result<Self, PrepareError> {
        Self::from_toml(STANDARD)
    }

    /// The sizes of a text in the form of `data/connectors.toml`.
    ///
    /// # Errors
    /// The text is not of that form, or a length is not above zero, or sizes do not go from large to small.
    pub fn from_toml(text: &str) -> Result<Self, PrepareError> {
        let sizes: Self =
            toml::from_str(text).map_err(|error| PrepareError::Sizes(error.message().to_owned()))?;
        let gaps = [sizes.filament, sizes.resin, sizes.powder];
        let lengths = gaps.iter().flat_map(|gaps| [gaps.tight, gaps.loose, gaps.wall]);
        let pairs = sizes.pegs.iter().chain(&sizes.magnets).flatten().copied();
        let positive = |length: f64| length.is_finite() && length > 0.0;
        if !lengths.chain(pairs).chain([sizes.bottom, sizes.chamfer]).all(positive) {
            return Err(PrepareError::Sizes("every length must be above zero".to_owned()));
        }
        let falling =
            |sizes: &[[f64; 2]]| !sizes.is_empty() && sizes.windows(2).all(|two| two[0][0] > two[1][0]);
        if !falling(&sizes.pegs) || !falling(&sizes.magnets) {
            return Err(PrepareError::Sizes(
                "pegs and magnets must go from the largest to the smallest".to_owned(),
            ));
        }
        if sizes.pegs.iter().any(|[diameter, depth]| 2.0 * sizes.chamfer >= diameter.min(*depth)) {
            return Err(PrepareError::Sizes("a peg must be thicker and deeper than two chamfers".to_owned()));
        }
        Ok(sizes)
    }

    /// The gaps of a process.
    pub const fn gaps(&self, process: Process) -> Gaps {
        match process {
            Process::Filament => self.filament,
            Process::Resin => self.resin,
            Process::Powder => self.powder,
        }
    }

    /// How far the longest peg stands out of its piece, mm.
    pub fn reach(&self) -> f64 {
        self.pegs.iter().map(|size| size[1]).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_are_what_the_file_says_and_what_cannot_be_made_is_refused() {
        let standard = Connectors::standard().unwrap();
        assert_eq!((standard.reach(), standard.gaps(Process::Resin).tight), (8.0, 0.125));
        let changed = |from: &str, to: &str| {
            assert!(STANDARD.contains(from), "{from}");
            Connectors::from_toml(&STANDARD.replacen(from, to, 1))
        };
        assert_eq!(changed("bottom = 0.4", "bottom = 0.5").unwrap().bottom, 0.5);
        for (from, to) in [
            ("bottom = 0.4", "bottom = 0.0"),
            ("[8.0, 8.0]", "[5.0, 8.0]"),
            ("wall = 0.9", "wall = nan"),
            ("chamfer = 0.4", "chamfer = 1.0"),
            ("chamfer = 0.4", "chamfers = 0.4"),
        ] {
            assert!(matches!(changed(from, to), Err(PrepareError::Sizes(_))), "{to}");
        }
    }
}
