//! Where a part stands on the plate of a resin printer, and what to do when it is too large.

use super::error::ResinError;
use super::printer::{ResinPrinter, resin_printers};
use crate::turn::Turn;
use glam::DVec3;
use osteon_core::frame::Bed;
use osteon_core::{Affine, Patient, Point, Solid};

/// Where a part stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// From the patient to the plate: origin at its front left corner, z = 0 on it. A rotation and a translation.
    pub to_bed: Affine<Patient, Bed>,
    /// How the part is turned.
    pub turn: Turn,
    /// Width, depth and height of the part as it is turned, mm.
    pub size: [f64; 3],
    /// How far the part is above the plate, mm.
    pub lift: f64,
}

impl Standing {
    /// A place of the plate in the patient.
    pub fn patient(&self, bed: DVec3) -> Point<Patient> {
        // The linear part is a rotation: its inverse is its transpose.
        Point::from_vec(self.to_bed.linear.transpose() * (bed - self.to_bed.offset))
    }

    /// Height of the part's top above the plate, mm.
    pub fn top(&self) -> f64 {
        self.lift + self.size[2]
    }
}

/// Puts solids together over the middle of the plate, `lift` mm above it, with `margin` mm free at every edge.
///
/// # Errors
/// `larger-than-bed` with the sizes, and with what would fit.
pub fn stand(
    solids: &[&Solid],
    printer: &ResinPrinter,
    turn: &Turn,
    [lift, margin]: [f64; 2],
) -> Result<Standing, ResinError> {
    let rotation = turn.rotation();
    let places = solids.iter().flat_map(|solid| &solid.mesh().vertices).map(|v| rotation * v.vec());
    let (low, high) =
        places.fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)));
    let size = (high - low).max(DVec3::ZERO).to_array();
    let room = room(printer, [lift, margin]);
    if (0..3).any(|a| size[a] > room[a]) {
        let ways = ways(size, printer, [lift, margin]);
        return Err(ResinError::TooLarge { printer: printer.name.clone(), size, room, ways });
    }
    let [width, depth] = printer.screen.size;
    let middle = DVec3::new(width / 2.0, depth / 2.0, lift);
    let from = ((low + high) / 2.0).with_z(low.z);
    let to_bed = Affine::new(rotation, middle - from);
    Ok(Standing { to_bed, turn: *turn, size, lift })
}

fn room(printer: &ResinPrinter, [lift, margin]: [f64; 2]) -> [f64; 3] {
    let [width, depth] = printer.screen.size;
    [width - 2.0 * margin, depth - 2.0 * margin, printer.screen.height - lift]
}

/// What would fit, in sentences.
fn ways(size: [f64; 3], printer: &ResinPrinter, free: [f64; 2]) -> Vec<String> {
    let fits = |printer: &ResinPrinter, order: [usize; 3]| {
        let room = room(printer, free);
        (0..3).all(|a| size[order[a]] <= room[a])
    };
    // A quarter turn about the upright axis needs no other side up.
    let turned = [[1, 0, 2], [0, 2, 1], [2, 1, 0], [2, 0, 1], [1, 2, 0]];
    let mut ways = Vec::new();
    if fits(printer, turned[0]) {
        ways.push("turn it a quarter about the upright axis with osteon shape".to_owned());
    } else if turned.into_iter().any(|order| fits(printer, order)) {
        ways.push("it fits with another side up: say which with --up".to_owned());
    }
    let mut others = resin_printers();
    others.retain(|other| other.name != printer.name);
    if let Some(other) = others.iter().find(|other| fits(other, [0, 1, 2])) {
        ways.push(format!("use resin printer {}", other.name));
    }
    let room = room(printer, free);
    if room.iter().all(|&edge| edge > 0.0) {
        let pieces: f64 = (0..3).map(|a| (size[a] / room[a]).ceil().max(1.0)).product();
        ways.push(format!("split it into {pieces:.0} pieces"));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resin::resin_printer;
    use crate::test_shapes::{ball, bracket};
    use osteon_core::{Direction, Explain};

    #[test]
    fn a_part_stands_over_the_middle_at_its_lift_and_is_found_again() {
        let part = bracket(DVec3::new(-40.0, 120.0, 900.0));
        let printer = resin_printer("saturn-4-ultra").unwrap();
        let turn = Turn::with_up(Direction::new(DVec3::new(1.0, 2.0, 2.0)).unwrap());
        let standing = stand(&[&part], &printer, &turn, [5.0, 2.0]).unwrap();
        let placed: Vec<DVec3> =
            part.mesh().vertices.iter().map(|&v| standing.to_bed.point(v).vec()).collect();
        let low = placed.iter().fold(DVec3::INFINITY, |a, b| a.min(*b));
        let high = placed.iter().fold(DVec3::NEG_INFINITY, |a, b| a.max(*b));
        let middle = (low + high) / 2.0;
        assert!((low.z - 5.0).abs() < 1e-9 && (high.z - standing.top()).abs() < 1e-9);
        assert!((middle.truncate() - glam::DVec2::new(109.44, 61.44)).length() < 1e-9);
        assert!(!standing.to_bed.mirrors());
        let back = standing.patient(placed[7]);
        assert!(back.distance(part.mesh().vertices[7]) < 1e-9);
    }

    #[test]
    fn what_is_too_large_is_refused_with_what_would_fit() {
        let big = ball(DVec3::ZERO, 62.0);
        let printer = resin_printer("saturn-4-ultra").unwrap();
        let error = stand(&[&big], &printer, &Turn::standing(), [5.0, 2.0]).unwrap_err();
        assert_eq!(error.code(), "larger-than-bed");
        assert!(error.help().contains("split it into 2 pieces"), "{}", error.help());
        // 22.5 × 30 × 20 mm on a plate of 40 × 25 mm: a quarter turn makes it fit.
        let mut small = printer;
        small.screen.size = [40.0, 25.0];
        let part = bracket(DVec3::ZERO);
        let error = stand(&[&part], &small, &Turn::standing(), [0.0, 0.0]).unwrap_err();
        assert!(error.help().starts_with("turn it a quarter"), "{}", error.help());
    }
}
