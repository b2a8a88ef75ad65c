//! The marks of a product: what is wished for, what is recorded, and the proof that a print will bear them.

use osteon_case::Sha256;
use osteon_core::frame::Bed;
use osteon_core::{Affine, Cancelled, Ctx, Direction, Finding, Patient, Point, Severity, Solid};
use osteon_design::lettering::{Bar, Lettering};
use osteon_design::reread::{Reading, read, window};
use osteon_design::{Face, Placement};
use osteon_mesh::depth_map::{View, depth_map};
use osteon_plan::StructureId;
use osteon_print::Layers;
use osteon_print::restack::{mirrored, restack};
use serde::{Deserialize, Serialize};

/// Digits of a version code. Chosen: two versions of a case share six digits once in 16 million.
const DIGITS: usize = 6;

/// How far in mm a print is looked at before and behind the surface of the solid.
///
/// Chosen: more than the layers and lines of any printer put it off, less than anything else that is printed is near.
const AROUND: f64 = 2.0;

/// Share of wrong pixels up to which a character is read, in percent.
///
/// Chosen: the limit of `osteon_design::reread`.
const LEGIBLE: f64 = 25.0;

/// Rise of the marks' plane from which they lie on top of layers and not across them.
///
/// Chosen: cos 60°; from there the step of a layer is seen more than half its breadth.
const LYING: f64 = 0.5;

/// One place with marks, as it is recorded with a product: lengths in mm, places and directions in the patient frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkRecord {
    /// The lines; that of a bar is empty.
    pub lines: Vec<String>,
    /// The side of the model.
    pub face: String,
    /// Length of the bar in the last line, and the same as seen.
    pub bar: Option<[f64; 2]>,
    /// The middle of the text.
    pub middle: [f64; 3],
    /// Towards who reads it.
    pub toward: [f64; 3],
    /// Up for who reads it.
    pub up: [f64; 3],
    /// How much deeper the surface gets per mm to the right and upwards.
    pub tilt: [f64; 2],
    /// Letter height, stroke width, gap between characters and from line to line.
    pub lettering: [f64; 4],
    /// Width and height with the border.
    pub size: [f64; 2],
    /// Depth of the grooves.
    pub depth: f64,
}

impl MarkRecord {
    /// The record of a placement.
    pub fn of(placement: &Placement) -> Self {
        let Lettering { height, stroke, gap, pitch } = placement.lettering;
        Self {
            lines: placement.lines.clone(),
            face: placement.face.name().to_owned(),
            bar: placement.bar.map(|bar| [bar.length, bar.seen]),
            middle: placement.view.origin.to_array(),
            toward: placement.view.toward.vec().to_array(),
            up: placement.view.up.vec().to_array(),
            tilt: placement.tilt.to_array(),
            lettering: [height, stroke, gap, pitch],
            size: placement.size,
            depth: placement.depth,
        }
    }

    /// The placement, if the record is whole.
    pub fn placement(&self) -> Option<Placement> {
        let direction = |v: [f64; 3]| Direction::new(v.into());
        let [height, stroke, gap, pitch] = self.lettering;
        let faces = Face::SIDES.into_iter().chain(Face::ENDS);
        Some(Placement {
            lines: self.lines.clone(),
            bar: self.bar.map(|[length, seen]| Bar { length, seen }),
            face: faces.into_iter().find(|face| face.name() == self.face)?,
            view: View::new(
                Point::from_vec(self.middle.into()),
                direction(self.toward)?,
                direction(self.up)?,
            )?,
            tilt: self.tilt.into(),
            lettering: Lettering { height, stroke, gap, pitch },
            size: self.size,
            depth: self.depth,
        })
    }
}

/// What a structure is called on a model: `L4`, `FEMUR`, `CALCANEUS F3`; nothing for bone that has not been separated.
pub(crate) fn level(of: &StructureId) -> Option<String> {
    let id = of.to_string();
    let (name, fragment) = match id.split_once(".fragment-") {
        Some((name, number)) => (name, format!(" F{number}")),
        None => (id.as_str(), String::new()),
    };
    let name = name.trim_end_matches("-left").trim_end_matches("-right");
    let name = name.strip_prefix("vertebra-").unwrap_or(name);
    let tells = *of != StructureId::bone() || !fragment.is_empty();
    tells.then(|| format!("{}{fragment}", name.replace('-', " ").to_ascii_uppercase()))
}

/// The version code of a product that is made from things with these hashes: the same things give the same code.
pub(crate) fn version(from: &[Sha256]) -> String {
    let all: Vec<String> = from.iter().map(ToString::to_string).collect();
    let hash = Sha256::of(all.join("\n").as_bytes());
    format!("V-{hash:.DIGITS$}").to_ascii_uppercase()
}

/// What the layers of a print say of one place with marks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkRead {
    /// What is meant, line by line.
    pub meant: String,
    /// The side of the model.
    pub face: String,
    /// What is read from the layers.
    pub read: String,
    /// Whether that is what is meant.
    pub legible: bool,
    /// Whether it is the mirror image of what is meant.
    pub mirrored: bool,
    /// Share of wrong pixels of the least legible character, %; up to 25 % is read.
    pub worst: f64,
    /// Length of the bar as meant and as found, mm; the second is missing where no bar is found.
    pub bar: Option<(f64, Option<f64>)>,
}

/// Reads the marks of a solid from the layers a printer will lay down, and says what is not as it should be.
///
/// `to_bed` is where the solid was put; the layers are read back from what the printer gets. `tolerance` is how far in
/// mm a bar may be off. Findings: `print-marks-mirrored`, `print-marks-illegible`, `print-scale-bar`.
///
/// # Errors
/// [`Cancelled`].
pub fn marks_proof(
    solid: &Solid,
    placements: &[Placement],
    layers: &impl Layers,
    to_bed: &Affine<Patient, Bed>,
    tolerance: f64,
    ctx: &Ctx,
) -> Result<(Vec<MarkRead>, Vec<Finding>), Cancelled> {
    let other = mirror_image(solid, layers, to_bed);
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for (n, placement) in placements.iter().enumerate() {
        let share = |step: f64| (n as f64 + step) / placements.len() as f64;
        let ctx = ctx.part("reading marks from the layers", share(0.0), share(1.0));
        let window = window(placement);
        let seen = depth_map(solid.mesh(), &window, &ctx)?.front.into_iter().map(f64::from);
        let depths = seen.filter(|depth| depth.is_finite());
        let depths =
            depths.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], z| [low.min(z), high.max(z)]);
        let depths = [depths[0] - AROUND, depths[1] + AROUND];
        let look = |to_bed| -> Result<Reading, Cancelled> {
            Ok(read(&restack(layers, to_bed, &window, depths, &ctx)?, placement))
        };
        let reading = look(to_bed)?;
        let legible = reading.lines == placement.lines;
        let mirrored = match &other {
            Some(other) if !legible => look(other)?.lines == placement.lines,
            _ => false,
        };
        let found = MarkRead {
            meant: placement.text(),
            face: placement.face.name().to_owned(),
            read: reading
                .lines
                .iter()
                .filter(|line| !line.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join(" | "),
            legible,
            mirrored,
            worst: 100.0 * reading.worst,
            bar: placement.bar.map(|bar| (bar.length, reading.bar)),
        };
        findings.extend(amiss(&found, placement, to_bed, tolerance));
        all.push(found);
    }
    Ok((all, findings))
}

/// Where the solid would be on the bed if the print were its mirror image; `None` without a print.
fn mirror_image(
    solid: &Solid,
    layers: &impl Layers,
    to_bed: &Affine<Patient, Bed>,
) -> Option<Affine<Patient, Bed>> {
    let [low, high] = layers.bounds()?;
    let there = osteon_core::Aabb::around(solid.mesh().vertices.iter().map(|&vertex| to_bed.point(vertex)));
    Some(mirrored(to_bed, there.middle().vec().truncate(), (low + high) / 2.0))
}

/// What is not as it should be about one place.
fn amiss(
    found: &MarkRead,
    placement: &Placement,
    to_bed: &Affine<Patient, Bed>,
    tolerance: f64,
) -> Option<Finding> {
    let MarkRead { meant, face, read, .. } = found;
    let at = placement.middle().to_array();
    if found.mirrored {
        let message = format!(
            "the layers bear \"{meant}\" on the {face} as mirror writing: left and right of the print are exchanged"
        );
        let finding = Finding::new("print-marks-mirrored", Severity::Danger, message).at(at);
        return Some(
            finding
                .remedy("do not print this file; switch off mirroring in the slicing program and slice anew"),
        );
    }
    if !found.legible {
        let message =
            format!("the layers will show \"{read}\" on the {face}, where \"{meant}\" is pressed in");
        let rise = (to_bed.linear * placement.view.toward.vec()).z.abs();
        let remedy = if rise > LYING {
            "slice with finer layers (osteon print --quality fine), or print with another side up, so that these marks \
             stand upright"
        } else {
            "use a printer or nozzle of finer lines, or make the part anew with a shorter case id, so that letters are larger"
        };
        let finding = Finding::new("print-marks-illegible", Severity::Caution, message).at(at);
        return Some(
            finding
                .measured(found.worst, LEGIBLE, "%", "chosen: half of what other characters differ by")
                .remedy(remedy),
        );
    }
    let (length, measured) = found.bar?;
    let code = "print-scale-bar";
    let finding = match measured {
        Some(measured) if (measured - length).abs() <= tolerance => return None,
        Some(measured) => {
            let message =
                format!("the bar of {length:.0} mm on the {face} is {measured:.2} mm long in the layers");
            let off = (measured - length).abs();
            Finding::new(code, Severity::Caution, message).measured(off, tolerance, "mm", "model-marks.toml")
        }
        None => {
            let message = format!("the bar of {length:.0} mm on the {face} is not found in the layers");
            Finding::new(code, Severity::Caution, message)
        }
    };
    Some(finding.at(at).remedy("look for a scale in the slicing program; it must be 100 %"))
}

#[cfg(test)]
mod tests;
