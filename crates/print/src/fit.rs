//! Where a solid lies on the bed, and what to do when it is too large.
//!
//! A solid is [turned](Turn), as it stands in the patient if nothing else is asked for, and moved; never scaled and
//! never mirrored, so that what is read back from the G-code can be held against it point by point.

use crate::error::PrintError;
use crate::printer::{Printer, Process, printers};
use crate::turn::Turn;
use glam::DVec3;
use osteon_core::frame::Bed;
use osteon_core::{Aabb, Affine, Mesh, Patient, Point};

/// Where a solid is on the bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// From the patient to the bed, in G-code coordinates: a rotation and a translation.
    pub to_bed: Affine<Patient, Bed>,
    /// The middle of the bed in G-code coordinates, over which the middle of the solid is put, mm.
    pub middle: [f64; 2],
    /// What is kept free around the solid for brim, skirt and supports, mm.
    pub margin: f64,
}

impl Placement {
    /// The mesh in G-code coordinates of the bed, mm.
    ///
    /// The type calls its vertices the patient's, because a mesh knows no other frame; used for sections only.
    pub(crate) fn on_bed(&self, mesh: &Mesh) -> Mesh {
        mesh.moved(&Affine::new(self.to_bed.linear, self.to_bed.offset))
    }

    /// The mesh as binary STL for a slicing program: standing on z = 0, its middle over the origin.
    ///
    /// Relative to the middle of the bed, where the 24 bits of a coordinate are finest: within 2e-5 mm at 250 mm.
    pub(crate) fn stl(&self, mesh: &Mesh) -> Vec<u8> {
        let [x, y] = self.middle;
        let placed: Vec<DVec3> = mesh
            .vertices
            .iter()
            .map(|&vertex| self.to_bed.point(vertex).vec() - DVec3::new(x, y, 0.0))
            .collect();
        let mut bytes = vec![b' '; 80];
        bytes.reserve(4 + 50 * mesh.triangles.len());
        bytes.extend((mesh.triangles.len() as u32).to_le_bytes());
        for triangle in &mesh.triangles {
            let [a, b, c] = triangle.map(|v| placed[v as usize]);
            let normal = (b - a).cross(c - a).normalize_or_zero();
            for number in [normal, a, b, c].iter().flat_map(|v| v.to_array()) {
                bytes.extend((number as f32).to_le_bytes());
            }
            bytes.extend([0, 0]);
        }
        bytes
    }
}

/// Turns a solid and puts it on the middle of the bed, standing on its lowest point.
///
/// # Errors
/// `larger-than-bed` with the sizes, and with what would fit: a turn by right angles, another built-in
/// printer, or the number of pieces.
pub fn fit(mesh: &Mesh, turn: &Turn, printer: &Printer, process: &Process) -> Result<Placement, PrintError> {
    let rotation = turn.rotation();
    let turned = |&vertex: &Point<Patient>| Point::<Bed>::from_vec(rotation * vertex.vec());
    let bounds = Aabb::around(mesh.vertices.iter().map(turned));
    let size = bounds.size().to_array();
    let margin = printer.margin(process);
    let room = room(printer, margin);
    if !fits(size, room) {
        return Err(PrintError::TooLarge {
            printer: printer.name.clone(),
            size,
            room,
            margin,
            ways: ways(size, turn, printer, process),
        });
    }
    let bed = &printer.bed;
    let middle = [0, 1].map(|a| bed.origin[a] + bed.size[a] / 2.0);
    let from = bounds.middle().vec().with_z(bounds.min.vec().z);
    Ok(Placement {
        to_bed: Affine::new(rotation, DVec3::new(middle[0], middle[1], 0.0) - from),
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

/// The turns by right angles that change the edges of a box, and which axis of it is up then, easiest first.
///
/// Of the 24 turns of a cube onto itself four each change the edges alike.
const TURNS: [(&str, [usize; 3]); 5] = [
    ("turned about z by 90°", [1, 0, 2]),
    ("turned about x by 90°", [0, 2, 1]),
    ("turned about y by 90°", [2, 1, 0]),
    ("turned about x by 90° and then about z by 90°", [2, 0, 1]),
    ("turned about y by 90° and then about z by 90°", [1, 2, 0]),
];

/// The first turn with which a box fits, and what to ask for where saying what is up is enough.
fn turned(size: [f64; 3], turn: &Turn, room: [f64; 3]) -> Option<String> {
    let &(words, order) = TURNS.iter().find(|(_, order)| fits(order.map(|a| size[a]), room))?;
    // Saying what is up fixes the spin: a turn about x or y alone can be asked for, one about z cannot.
    let asked = match order {
        [0, 2, 1] => DVec3::Y,
        [2, 1, 0] => DVec3::X,
        _ => return Some(words.to_owned()),
    };
    if !turn.is_standing() {
        return Some(words.to_owned());
    }
    Some(format!("{words}: --up {},{},{}", asked.x, asked.y, asked.z))
}

/// What would fit, in sentences.
fn ways(size: [f64; 3], turn: &Turn, printer: &Printer, process: &Process) -> Vec<String> {
    let mut ways = Vec::new();
    let room = room(printer, printer.margin(process));
    if let Some(words) = turned(size, turn, room) {
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
        if let Some(words) = turned(size, turn, room) {
            ways.push(format!("use {name}, {words}"));
            break;
        }
    }
    if room.iter().all(|&edge| edge > 0.0) {
        let pieces: f64 = (0..3).map(|a| (size[a] / room[a]).ceil().max(1.0)).product();
        ways.push(format!(
            "split it into {pieces:.0} pieces: osteon prepare <file> --out pieces.3mf --step split"
        ));
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
    use crate::test_shapes::bracket;
    use glam::{DMat3, DVec2};
    use osteon_core::{Direction, ErrorKind, Explain};

    /// What reaches from a corner to the opposite one; where it lies is all that is asked here.
    fn sized(x: f64, y: f64, z: f64) -> Mesh {
        let corner = DVec3::new(-312.5, 88.25, -1004.0);
        let vertices = [corner, corner + DVec3::new(x, y, z)].map(Point::from_vec).to_vec();
        Mesh { vertices, ..Mesh::default() }
    }

    fn placed(mesh: &Mesh, printer: &Printer) -> Result<Placement, PrintError> {
        fit(mesh, &Turn::standing(), printer, &printer.standard)
    }

    fn help(mesh: Mesh) -> String {
        placed(&mesh, &printer("generic-250").unwrap()).unwrap_err().help()
    }

    #[test]
    fn a_turned_bracket_stands_on_the_bed_with_its_asked_side_up() {
        let solid = bracket(DVec3::new(-118.3, -214.7, 1003.1));
        let printer = printer("generic-250").unwrap();
        let up = Direction::new(DVec3::new(0.3, -0.8, 0.2)).unwrap();
        let placed = fit(solid.mesh(), &Turn::with_up(up), &printer, &printer.standard).unwrap();
        assert!((placed.to_bed.linear * up.vec() - DVec3::Z).length() < 1e-12);
        let on_bed = placed.on_bed(solid.mesh()).bounds();
        let middle = on_bed.middle().vec();
        assert!(
            on_bed.min.vec().z.abs() < 1e-9 && (middle.truncate() - DVec2::new(125.0, 105.0)).length() < 1e-9
        );
        // The STL is the same, around the origin.
        let stl = placed.stl(solid.mesh());
        assert_eq!(stl.len(), 84 + 50 * solid.mesh().triangles.len());
        let first = solid.mesh().corners(solid.mesh().triangles[0])[0];
        let x = f64::from(f32::from_le_bytes([stl[96], stl[97], stl[98], stl[99]]));
        assert!((x + 125.0 - placed.to_bed.point(Point::from_vec(first)).vec().x).abs() < 2e-5);
    }

    #[test]
    fn a_solid_is_moved_to_the_middle_of_the_bed_and_not_turned() {
        let mut printer = printer("generic-250").unwrap();
        printer.bed.origin = [-125.0, -105.0];
        let mesh = sized(100.0, 60.0, 200.0);
        let placed = placed(&mesh, &printer).unwrap();
        assert_eq!(placed.to_bed.linear, DMat3::IDENTITY);
        let low = placed.to_bed.point(mesh.vertices[0]).vec();
        assert!((low - DVec3::new(-50.0, -30.0, 0.0)).length() < 1e-9, "{low}");
        assert_eq!(placed.middle, [0.0, 0.0]);
    }

    #[test]
    fn what_just_fits_fits_and_a_hair_more_does_not() {
        let printer = printer("generic-250").unwrap();
        let free = 250.0 - 2.0 * printer.margin(&printer.standard);
        assert!(placed(&sized(free - 1e-9, 50.0, 210.0 - 1e-9), &printer).is_ok());
        let error = placed(&sized(free + 0.1, 50.0, 50.0), &printer).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("larger-than-bed", ErrorKind::Unsupported));
    }

    #[test]
    fn a_spine_too_long_for_the_bed_is_told_what_would_fit() {
        let printer = printer("generic-250").unwrap();
        let error = placed(&sized(106.0, 269.0, 96.0), &printer).unwrap_err();
        assert!(error.to_string().contains("106.0 × 269.0 × 96.0 mm"), "{error}");
        assert!(error.to_string().contains("239.1 × 199.1 × 210.0 mm"), "{error}");
        assert_eq!(
            error.help(),
            "use printer generic-300 (300 × 300 × 400 mm); or split it into 2 pieces: osteon prepare <file> --out pieces.3mf --step split"
        );
        assert!(help(sized(100.0, 205.0, 50.0)).starts_with("it fits when turned about z by 90°"));
        assert!(
            help(sized(100.0, 50.0, 230.0)).starts_with("it fits when turned about y by 90°: --up 1,0,0")
        );
        assert!(help(sized(100.0, 209.0, 199.0)).starts_with("it fits when turned about z by 90°"));
        assert!(help(sized(190.0, 205.0, 230.0)).starts_with("it fits when turned about x by 90° and then"));
        assert!(help(sized(900.0, 50.0, 50.0)).contains("split it into 4 pieces"));
        assert!(help(sized(50.0, 50.0, 380.0)).contains("generic-300"));
    }
}
