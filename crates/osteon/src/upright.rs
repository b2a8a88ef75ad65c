//! Which side of a part is up, as people say it: `standing`, `best`, or a direction of the part `x,y,z`.

use crate::failure::Failure;
use osteon_core::{Ctx, Direction, ErrorKind, Patient, Solid};
use osteon_mesh::region::Regions;
use osteon_print::{Goal, Printer, Process, Setup, Turn, Wish, orient};

/// How a part stands when nothing else is said.
pub(crate) const STANDING: &str = "standing";

/// The word for what the search finds.
const BEST: &str = "best";

/// What is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Up {
    /// A side that is known.
    Given(Turn),
    /// The one that prints soonest; each part has its own.
    Best,
}

impl Up {
    /// Reads what a person said.
    pub fn new(text: &str) -> Result<Self, Failure> {
        match text {
            BEST => Ok(Self::Best),
            _ => turn(text).map(Self::Given),
        }
    }

    /// The turn of a part on a filament printer.
    pub fn of(
        self,
        solid: &Solid,
        (printer, process): (&Printer, &Process),
        ctx: &Ctx,
    ) -> Result<Turn, Failure> {
        match self {
            Self::Given(turn) => Ok(turn),
            Self::Best => {
                let wish = Wish { goal: Goal::Time, protected: &Regions::default() };
                let found = orient(solid, &wish, &Setup::new(printer, process), ctx)?;
                // The first that fits is the best; where none does, the refusal that follows says so of the best.
                let best = found.iter().find(|candidate| candidate.fits).or(found.first());
                Ok(best.map_or_else(Turn::standing, osteon_print::Candidate::turn))
            }
        }
    }
}

/// Standing, or a direction of the part.
pub(crate) fn turn(text: &str) -> Result<Turn, Failure> {
    if text == STANDING { Ok(Turn::standing()) } else { direction(text).map(Turn::with_up) }
}

/// A direction of the patient as a person writes it: `x,y,z`.
pub(crate) fn direction(text: &str) -> Result<Direction<Patient>, Failure> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let direction = match numbers.as_deref() {
        Some(&[x, y, z]) => Direction::new([x, y, z].into()),
        _ => None,
    };
    direction.ok_or_else(|| {
        let message = format!("\"{text}\" is not a direction");
        let help = "write the direction of the part that is to be up as x,y,z (LPS): 0,0,1 is to the head";
        Failure::new(ErrorKind::Input, "bad-direction", message, help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;

    #[test]
    fn up_is_standing_best_or_a_direction_and_nothing_else() {
        assert!(turn("standing").unwrap().is_standing());
        let up = turn("0, -2, 0").unwrap().up().vec();
        assert_eq!(up, DVec3::new(0.0, -1.0, 0.0));
        assert_eq!(Up::new("best").unwrap(), Up::Best);
        for wrong in ["", "0,0,0", "1,2", "1,2,3,4", "x", "upright", "nan,0,1"] {
            assert_eq!(Up::new(wrong).unwrap_err().code, "bad-direction", "{wrong}");
        }
    }
}
