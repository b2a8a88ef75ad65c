//! Where a solid lies on the bed, and what to do when it is too large.
//!
//! A solid is printed as it stands in the patient: the patient's +z (to the head) is up. It is moved, never
//! turned and never mirrored, so that what is read back from the G-code can be held against it point by point.

use crate::error::PrintError;
use crate::printer::{Printer, Process, printers};
use glam::{DMat3, DVec3};
use osteon_core::frame::Bed;
use osteon_core::{Aabb, Affine, Patient};

/// Where a solid is on the bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// From the patient to the bed, in G-code coordinates: a translation.
    pub to_bed: Affine<Patient, Bed>,
    /// The middle of the bed in G-code coordinates, over which the middle of the solid is put, mm.
    pub middle: [f64; 2],
    /// What is kept free around the solid for brim, skirt and supports, mm.
    pub margin: f64,
}

/// Puts a solid with these bounds on the middle of the bed, standing on its lowest point.
///
/// # Errors
/// `larger-than-bed` with the sizes, and with what would fit: a turn by right angles, another built-in
/// printer, or the number of pieces.
pub fn fit(bounds: &Aabb<Patient>, printer: &Printer, process: &Process) -> Result<Placement, PrintError> {
    let size = bounds.size().to_array();
    let margin = printer.margin(process);
    let room = room(printer, margin);
    if !fits(size, room) {
        return Err(PrintError::TooLarge {
            printer: printer.name.clone(),
            size,
            room,
            margin,
            ways: ways(size, printer, process),
        });
    }
    let bed = &printer.bed;
    let middle = [0, 1].map(|a| bed.origin[a] + bed.size[a] / 2.0);
    let from = bounds.middle().vec().with_z(bounds.min.vec().z);
    Ok(Placement {
        to_bed: Affine::new(DMat3::IDENTITY, DVec3::new(middle[0], middle[1], 0.0) - from),
        middle,
        margin,
    })
}

/// Usable width, depth and height, mm.
fn room(printer: &Printer, margin: f64) -> [f64; 3] {
    let [width, depth] = printer.bed.size.map(|edge| edge - 2.0 * margin);
    [width, depth, printer.bed.height]
}

fn fits(size: [f64; 3], room: [f64; 3]) -> bool {
    (0..3).all(|a| size[a] <= room[a])
}

/// The turns by right angles that change the edges of a box, and what they make of them, easiest first.
///
/// Of the 24 turns of a cube onto itself four each change the edges alike.
const TURNS: [(&str, [usize; 3]); 5] = [
    ("turned about z by 90°", [1, 0, 2]),
    ("turned about x by 90°", [0, 2, 1]),
    ("turned about y by 90°", [2, 1, 0]),
    ("turned about x by 90° and then about z by 90°", [2, 0, 1]),
    ("turned about y by 90° and then about z by 90°", [1, 2, 0]),
];

/// The first turn with which a box fits.
fn turn(size: [f64; 3], room: [f64; 3]) -> Option<&'static str> {
    TURNS.iter().find(|(_, order)| fits(order.map(|a| size[a]), room)).map(|(words, _)| *words)
}

/// What would fit, in sentences.
fn ways(size: [f64; 3], printer: &Printer, process: &Process) -> Vec<String> {
    let mut ways = Vec::new();
    let room = room(printer, printer.margin(process));
    if let Some(words) = turn(size, room) {
        ways.push(format!("it fits when {words}"));
    }
    // The smallest bed that takes it is the first to try.
    let mut others = printers();
    others.retain(|other| other.name != printer.name);
    others.sort_by(|a, b| (a.bed.size[0] * a.bed.size[1]).total_cmp(&(b.bed.size[0] * b.bed.size[1])));
    for other in &others {
        let [width, depth] = other.bed.size;
        let room = self::room(other, other.margin(process));
        let name = format!("printer {} ({width} × {depth} × {} mm)", other.name, other.bed.height);
        if fits(size, room) {
            ways.push(format!("use {name}"));
            break;
        }
        if let Some(words) = turn(size, room) {
            ways.push(format!("use {name}, {words}"));
            break;
        }
    }
    if room.iter().all(|&edge| edge > 0.0) {
        let pieces: f64 = (0..3).map(|a| (size[a] / room[a]).ceil().max(1.0)).product();
        ways.push(format!("split it into {pieces:.0} pieces"));
    } else {
        ways.push(
            "print with a narrower brim or without supports: the margin takes up the whole bed".to_owned(),
        );
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::printer;
    use osteon_core::{ErrorKind, Explain, Point};

    fn sized(x: f64, y: f64, z: f64) -> Aabb<Patient> {
        let corner = DVec3::new(-312.5, 88.25, -1004.0);
        Aabb::around([corner, corner + DVec3::new(x, y, z)].map(Point::from_vec))
    }

    fn help(bounds: Aabb<Patient>) -> String {
        let printer = printer("generic-250").unwrap();
        fit(&bounds, &printer, &printer.standard).unwrap_err().help()
    }

    #[test]
    fn a_solid_is_moved_to_the_middle_of_the_bed_and_not_turned() {
        let mut printer = printer("generic-250").unwrap();
        printer.bed.origin = [-125.0, -105.0];
        let bounds = sized(100.0, 60.0, 200.0);
        let placed = fit(&bounds, &printer, &printer.standard).unwrap();
        assert_eq!(placed.to_bed.linear, DMat3::IDENTITY);
        let low = placed.to_bed.point(bounds.min).vec();
        assert!((low - DVec3::new(-50.0, -30.0, 0.0)).length() < 1e-9, "{low}");
        assert_eq!(placed.middle, [0.0, 0.0]);
    }

    #[test]
    fn what_just_fits_fits_and_a_hair_more_does_not() {
        let printer = printer("generic-250").unwrap();
        let free = 250.0 - 2.0 * printer.margin(&printer.standard);
        assert!(fit(&sized(free - 1e-9, 50.0, 210.0 - 1e-9), &printer, &printer.standard).is_ok());
        let error = fit(&sized(free + 0.1, 50.0, 50.0), &printer, &printer.standard).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("larger-than-bed", ErrorKind::Unsupported));
    }

    #[test]
    fn a_spine_too_long_for_the_bed_is_told_what_would_fit() {
        let printer = printer("generic-250").unwrap();
        let error = fit(&sized(106.0, 269.0, 96.0), &printer, &printer.standard).unwrap_err();
        assert!(error.to_string().contains("106.0 × 269.0 × 96.0 mm"), "{error}");
        assert!(error.to_string().contains("239.1 × 199.1 × 210.0 mm"), "{error}");
        assert_eq!(error.help(), "use printer generic-300 (300 × 300 × 400 mm); or split it into 2 pieces");
        assert!(help(sized(100.0, 205.0, 50.0)).starts_with("it fits when turned about z by 90°"));
        assert!(help(sized(100.0, 50.0, 230.0)).starts_with("it fits when turned about y by 90°"));
        assert!(help(sized(100.0, 209.0, 199.0)).starts_with("it fits when turned about z by 90°"));
        assert!(help(sized(190.0, 205.0, 230.0)).starts_with("it fits when turned about x by 90° and then"));
        assert!(help(sized(900.0, 50.0, 50.0)).ends_with("split it into 4 pieces"));
        assert!(help(sized(50.0, 50.0, 380.0)).contains("generic-300"));
    }
}
