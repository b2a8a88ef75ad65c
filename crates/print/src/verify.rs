//! The proof that G-code is the solid: within the printer, complete, one to one, not mirrored.
//!
//! Nothing the slicing program says about itself is believed. What its lines lay down is compared with
//! sections of the solid where they were cut: half a layer below the top of each layer.

use crate::error::PrintError;
use crate::fit::Placement;
use crate::gcode::{Layer, Summary};
use crate::material::Material;
use crate::outline::{Stroke, extent, one_way, sections};
use crate::printer::{Bed, Printer, Process};
use glam::DVec2;
use osteon_core::frame::Bed as BedFrame;
use osteon_core::{Aabb, Ctx, Finding, Mesh, Severity, Solid};
pub use silhouettes::Coverage;
use silhouettes::silhouettes;

/// What was to be printed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The solid, in the patient frame.
    pub solid: &'a Solid,
    /// Where it was put on the bed.
    pub placement: &'a Placement,
    /// The printer.
    pub printer: &'a Printer,
    /// The settings.
    pub process: &'a Process,
}

/// The solid as it lies on the bed, and how it was to be printed.
struct Lying<'a> {
    solid: &'a Solid,
    printer: &'a Printer,
    process: &'a Process,
    /// The solid's mesh in G-code coordinates.
    part: Mesh,
}

/// Whether the print is the solid or its mirror image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// The outlines are the solid's and not those of its mirror image.
    Kept,
    /// The outlines are those of the mirror image.
    Mirrored,
    /// The solid is so nearly its own mirror image that the outlines fit both.
    Undecided,
    /// The outlines fit neither, or there are none to compare.
    Unknown,
}

/// What the comparison found.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// Width and depth of the printed outlines, measured at the outer edge of the lines, mm.
    pub printed_size: Option<[f64; 2]>,
    /// Width and depth of the solid's sections at the same heights, mm.
    pub solid_size: Option<[f64; 2]>,
    /// How far nine tenths of a printed outline's outer edge are at most from the section of the solid, mm:
    /// the median over the heights compared.
    pub deviation: Option<f64>,
    /// How well the layers cover the sections of the solid.
    pub coverage: Option<Coverage>,
    /// How many heights were compared.
    pub heights: usize,
    /// Whether the print is mirrored.
    pub hand: Hand,
    /// What the whole print uses.
    pub material: Material,
    /// What the model alone uses.
    pub model: Material,
}

/// Coordinates in G-code have three digits; the edge of the bed is still on the bed, mm.
const ROUNDING: f64 = 0.001;

/// How much of a tip may be too thin to print before more than the tip is missing, mm.
///
/// A cone of 25° is as thin as a line of 0.45 mm for its last millimetre; bone ends are blunter.
const TIP: f64 = 1.0;

/// At how many heights the outlines are compared: enough that a bone is cut at each of its parts.
const HEIGHTS: usize = 9;

/// Share of the heights whose outlines must agree.
///
/// A height at which a flat face of the solid coincides with the plane of the slice belongs to either side.
const AGREEING: f64 = 0.75;

/// Share of an outline that must be near the other one: corners are rounded and points thinner than a line
/// are not printed.
const NEAR: f64 = 0.9;

/// At how many places along an outline its distance is measured.
const SAMPLES: usize = 400;

/// How far the outer edge of a line may be from the section, mm.
///
/// The slicing program simplifies paths by 0.0125 mm, closes gaps below 0.1 mm, and stacks layers whose
/// sections were taken half a layer lower; on a surface of 45° a height error of 0.05 mm is 0.05 mm sideways.
const EDGE: f64 = 0.15;

/// Holds what was read back from G-code against what was to be printed.
///
/// Findings (limits in their text): `print-outside-bed`, `print-too-high`, `print-incomplete`,
/// `print-layer-gap`, `print-volume`, `print-size`, `print-outline`, `print-mirrored`, `print-hand-undecided`,
/// `print-parts-missing`, `print-unproven`, `print-silhouette`, `print-thickened`, `print-flow`,
/// `print-start-outside-bed`, `print-flow-changed`.
///
/// # Errors
/// Only when stopped.
pub fn verify(summary: &Summary, job: &Job, ctx: &Ctx) -> Result<Check, PrintError> {
    let filament = &job.printer.filament;
    let mut check = Check {
        findings: Vec::new(),
        printed_size: None,
        solid_size: None,
        deviation: None,
        coverage: None,
        heights: 0,
        hand: Hand::Unknown,
        material: Material::of(summary.filament, filament),
        model: Material::of(summary.model_filament, filament),
    };
    let part = job.placement.on_bed(job.solid.mesh());
    let job = &Lying { solid: job.solid, printer: job.printer, process: job.process, part };
    within_the_printer(summary, job, &mut check);
    own_text(summary, job, &mut check);
    complete(summary, job, &mut check);
    volume(job, &mut check);
    hand(summary, job, &mut check, &ctx.part("outlines", 0.1, 0.5))?;
    size(summary, job, &mut check, &ctx.part("size", 0.5, 0.7))?;
    silhouettes(summary, job, &mut check, &ctx.part("layers", 0.7, 1.0))?;
    ctx.done(1.0)?;
    Ok(check)
}

/// How far a printer's own start text may leave the bed before a person must look, mm.
///
/// Chosen: nozzles are wiped and primed a few millimetres before the bed's front edge, 3 mm on a Prusa MK3.
const PRIMING: f64 = 5.0;

/// Start and end text stay near the bed, and do not change the flow without a word.
fn own_text(summary: &Summary, job: &Lying, check: &mut Check) {
    let bed = &job.printer.bed;
    let source = format!("printer {}", job.printer.name);
    let beyond = beyond(&summary.own, bed, 0.0);
    if !summary.own.is_empty() && beyond > ROUNDING {
        let severity = if beyond > PRIMING { Severity::Caution } else { Severity::Note };
        let message =
            format!("the printer's own start or end text goes {beyond:.1} mm beyond the edge of the bed");
        check.findings.push(
            Finding::new("print-start-outside-bed", severity, message)
                .measured(beyond, PRIMING, "mm", &source)
                .remedy("see that the profile is this printer's own"),
        );
    }
    let [low, high] = summary.flow;
    if (low, high) != (1.0, 1.0) {
        let share = if low < 1.0 { low } else { high };
        let message = format!("the printer is told to lay {:.0} % of the plastic (M221)", 100.0 * share);
        check.findings.push(
            Finding::new("print-flow-changed", Severity::Note, message)
                .measured(100.0 * share, 100.0, "%", &source)
                .remedy("nothing, where it is the maker's own setting; grams and cost are told without it"),
        );
    }
}

/// How far a box reaches beyond the edges of the bed, its faces moved outward by `edge`, mm; negative inside.
fn beyond(reach: &Aabb<BedFrame>, bed: &Bed, edge: f64) -> f64 {
    let mut beyond = f64::NEG_INFINITY;
    for a in 0..2 {
        let (low, high) = (bed.origin[a], bed.origin[a] + bed.size[a]);
        let (min, max) = (reach.min.to_array()[a] - edge, reach.max.to_array()[a] + edge);
        beyond = beyond.max(low - min).max(max - high);
    }
    beyond
}

/// Lines and moves stay on the bed and below the height.
fn within_the_printer(summary: &Summary, job: &Lying, check: &mut Check) {
    let bed = &job.printer.bed;
    let source = format!("printer {}", job.printer.name);
    let half = job.printer.line() / 2.0;
    for (reach, edge, what, severity) in [
        (&summary.bounds, half, "plastic is laid", Severity::Danger),
        (&summary.reach, 0.0, "the nozzle moves", Severity::Caution),
    ] {
        if reach.is_empty() {
            continue;
        }
        let beyond = beyond(reach, bed, edge);
        if beyond > ROUNDING {
            check.findings.push(
                Finding::new(
                    "print-outside-bed",
                    severity,
                    format!("{what} {beyond:.1} mm beyond the edge of the bed"),
                )
                .measured(beyond, 0.0, "mm", &source)
                .remedy("do not print this; move or turn the model, or choose a larger printer"),
            );
        }
        let top = reach.max.vec().z;
        if top > bed.height + ROUNDING {
            check.findings.push(
                Finding::new(
                    "print-too-high",
                    severity,
                    format!("{what} {top:.1} mm above the bed; the printer ends at {:.1} mm", bed.height),
                )
                .measured(top, bed.height, "mm", &source)
                .remedy("do not print this; lay the model down, split it, or choose a higher printer"),
            );
        }
    }
}

/// The layers begin on the bed, follow each other, and end at the top of the solid.
fn complete(summary: &Summary, job: &Lying, check: &mut Check) {
    let thick = job.process.layer.max(job.process.first_layer);
    let height = job.part.bounds().size().z;
    let bottom = summary.model_layers().next().map_or(0.0, |layer| layer.z - layer.height);
    let (mut below, mut gap, mut at) = (bottom, 0.0_f64, bottom);
    for layer in summary.model_layers() {
        if layer.z - below > gap {
            (gap, at) = (layer.z - below, below);
        }
        below = layer.z;
    }
    // One and a half layers: a single one that is missing makes two.
    if gap > 1.5 * thick {
        check.findings.push(
            Finding::new(
                "print-layer-gap",
                Severity::Danger,
                format!(
                    "no part of the model is printed between {at:.2} and {:.2} mm above the bed",
                    at + gap
                ),
            )
            .measured(gap, 1.5 * thick, "mm", "1.5 × layer height")
            .remedy("the model falls apart there, or is thinner than a line; repair or thicken it"),
        );
    }
    // Half a layer is lost by rounding to whole layers, and one more where the solid ends in a tip that is
    // smaller than a line.
    let limit = 1.5 * thick;
    let short = (below - height).abs().max(bottom);
    if short > limit + ROUNDING {
        let tip = below < height && short < limit + TIP;
        check.findings.push(
            Finding::new(
                "print-incomplete",
                if tip { Severity::Caution } else { Severity::Danger },
                format!(
                    "the model is printed from {bottom:.2} to {below:.2} mm above the bed; the solid is \
                     {height:.2} mm high"
                ),
            )
            .measured(short, limit, "mm", "1.5 × layer height")
            .remedy("see whether an end of the model is too thin to print, and the units of the model"),
        );
    }
}

/// The plastic of the model is between what its infill needs and what the solid holds.
///
/// Lower limit: the share of infill, less a fifth for the open pattern; upper limit: the volume and 5 %, and
/// for each mm² of surface an eighth of a line, by which a wall thinner than a line is printed thicker.
fn volume(job: &Lying, check: &mut Check) {
    let solid = job.solid.volume();
    let low = 0.8 * job.process.infill / 100.0 * solid;
    let high = 1.05 * solid + job.solid.mesh().area() * job.printer.line() / 8.0;
    let used = check.model.volume;
    if used < low || used > high {
        let limit = if used < low { low } else { high };
        check.findings.push(
            Finding::new(
                "print-volume",
                Severity::Caution,
                format!(
                    "the model takes {:.2} cm³ of plastic; expected are {:.2} to {:.2} cm³ for a solid of {:.2} cm³",
                    used / 1e3,
                    low / 1e3,
                    high / 1e3,
                    solid / 1e3
                ),
            )
            .measured(used / 1e3, limit / 1e3, "cm³", "volume and infill of the solid")
            .remedy("look at the layers in a viewer; thin walls are printed thicker, overlapping shells twice"),
        );
    }
}

/// The height above the bed at which the solid was cut for a layer: the middle of the layer.
fn plane(layer: &Layer) -> f64 {
    layer.z - layer.height / 2.0
}

/// Width and depth of the outlines are those of the solid.
fn size(summary: &Summary, job: &Lying, check: &mut Check, ctx: &Ctx) -> Result<(), PrintError> {
    let half = job.printer.line() / 2.0;
    let ends = summary.model_layers().flat_map(|layer| layer.outer.iter().chain(&layer.overhang));
    let middles = ends.flatten().fold(None, |reach: Option<[DVec2; 2]>, &p| {
        let [min, max] = reach.unwrap_or([p, p]);
        Some([min.min(p), max.max(p)])
    });
    let planes: Vec<f64> = summary.model_layers().map(plane).collect();
    let solid = extent(&job.part, &planes, ctx)?;
    let (Some([low, high]), Some([solid_low, solid_high])) = (middles, solid) else {
        return Ok(());
    };
    let printed = (high - low) + 2.0 * half;
    let solid = solid_high - solid_low;
    check.printed_size = Some(printed.to_array());
    check.solid_size = Some(solid.to_array());
    // A point thinner than the nozzle is not printed at either end; nothing makes a print larger.
    let (smaller, larger) = (job.printer.nozzle.diameter + EDGE, EDGE);
    let outlines_agree = matches!(check.hand, Hand::Kept | Hand::Undecided);
    for (axis, name) in ["wide", "deep"].into_iter().enumerate() {
        let off = printed[axis] - solid[axis];
        let found = if off > larger || (off < -smaller && !outlines_agree) {
            Finding::new(
                "print-size",
                Severity::Danger,
                format!(
                    "the print is {:.2} mm {name}, the solid {:.2} mm: not one to one",
                    printed[axis], solid[axis]
                ),
            )
            .remedy("do not use this print for measuring or fitting; slice again without scaling")
        } else if off < -smaller {
            Finding::new(
                "print-size",
                Severity::Caution,
                format!(
                    "the print is {:.2} mm {name}, the solid {:.2} mm; where they can be compared the outlines \
                     agree, so an edge thinner than a line is not printed",
                    printed[axis], solid[axis]
                ),
            )
            .remedy("thicken the edge if it matters, or use a finer nozzle")
        } else {
            continue;
        };
        let limit = if off > 0.0 { larger } else { smaller };
        check.findings.push(found.measured(off.abs(), limit, "mm", "nozzle diameter and path accuracy"));
    }
    Ok(())
}

/// The ways a print may be the solid's mirror image while lying at the same place, and the solid itself.
const IMAGES: [[bool; 3]; 4] =
    [[false, false, false], [true, false, false], [false, true, false], [false, false, true]];

/// The outlines are the solid's, and not those of its mirror image.
fn hand(summary: &Summary, job: &Lying, check: &mut Check, ctx: &Ctx) -> Result<(), PrintError> {
    // Not the first and last layer: they begin and end on flat faces, and bulge on the bed.
    let outlined: Vec<&Layer> = summary.model_layers().filter(|layer| !layer.outer.is_empty()).collect();
    let inner = outlined.get(1..outlined.len().saturating_sub(1)).unwrap_or(&[]);
    let count = inner.len().min(HEIGHTS);
    if count < 3 {
        check.findings.push(
            Finding::new(
                "print-unproven",
                Severity::Caution,
                format!(
                    "only {count} layers with marked outlines could be compared with the solid; 3 are needed"
                ),
            )
            .measured(count as f64, 3.0, "", "")
            .remedy("slice with a program that marks outlines, PrusaSlicer or CuraEngine, and in layers thin enough for the model"),
        );
        return Ok(());
    }
    let limit = EDGE + job.printer.line() / 2.0;
    let layers: Vec<&Layer> = (0..count).map(|k| inner[(2 * k + 1) * inner.len() / (2 * count)]).collect();
    let cut = Cut::new(&layers, job, &ctx.part("sections", 0.0, 0.2))?;
    let ctx = ctx.part("outlines", 0.2, 1.0);
    let mut fits = [false; IMAGES.len()];
    let mut missing = 0;
    for (image, flips) in IMAGES.into_iter().enumerate() {
        let mut distances = Vec::with_capacity(count);
        for (k, layer) in layers.iter().enumerate() {
            ctx.done((image * count + k) as f64 / (IMAGES.len() * count) as f64)?;
            let truth = cut.flipped(k, job, flips);
            distances.push(one_way(&layer.outer, &truth, NEAR, SAMPLES));
            if image == 0 {
                // A perimeter over air may be an outer one or one behind it: it explains a part of the
                // section, but need not lie on it.
                let any: Vec<Stroke> = layer.outer.iter().chain(&layer.overhang).copied().collect();
                missing += usize::from(one_way(&truth, &any, NEAR, SAMPLES) > limit);
            }
        }
        let agreeing = distances.iter().filter(|&&d| d <= limit).count();
        fits[image] = agreeing as f64 >= AGREEING * count as f64;
        if image == 0 {
            distances.sort_unstable_by(f64::total_cmp);
            // Lines run half their width inside the surface.
            check.deviation = Some((distances[count / 2] - job.printer.line() / 2.0).abs());
            check.heights = count;
        }
    }
    check.hand = match (fits[0], fits[1..].contains(&true)) {
        (true, false) => Hand::Kept,
        (true, true) => Hand::Undecided,
        (false, true) => Hand::Mirrored,
        (false, false) => Hand::Unknown,
    };
    check.findings.extend(verdict(check));
    if fits[0] && missing as f64 > (1.0 - AGREEING) * count as f64 {
        check.findings.push(
            Finding::new(
                "print-parts-missing",
                Severity::Caution,
                format!(
                    "at {missing} of {count} heights more than a tenth of the solid's outline is not in the print"
                ),
            )
            .measured(missing as f64, (1.0 - AGREEING) * count as f64, "", "")
            .remedy("look for overlapping shells, which are printed as one, and for walls thinner than a line"),
        );
    }
    Ok(())
}

/// The sections of a solid for some layers, and for the layers at the same heights upside down.
struct Cut {
    upright: Vec<Vec<Stroke>>,
    upside_down: Vec<Vec<Stroke>>,
}

impl Cut {
    fn new(layers: &[&Layer], job: &Lying, ctx: &Ctx) -> Result<Self, PrintError> {
        let middle = job.part.bounds().middle().vec().z;
        let upright = layers.iter().map(|&layer| plane(layer));
        let planes: Vec<f64> = upright.clone().chain(upright.map(|z| 2.0 * middle - z)).collect();
        let mut upright = sections(&job.part, &planes, ctx)?;
        let upside_down = upright.split_off(layers.len());
        Ok(Self { upright, upside_down })
    }

    /// The section for a layer on the bed, flipped about the solid's middle along some axes.
    fn flipped(&self, layer: usize, job: &Lying, flips: [bool; 3]) -> Vec<Stroke> {
        let middle = job.part.bounds().middle().vec();
        let onto_bed = |p: DVec2| {
            let x = if flips[0] { 2.0 * middle.x - p.x } else { p.x };
            let y = if flips[1] { 2.0 * middle.y - p.y } else { p.y };
            DVec2::new(x, y)
        };
        let cut = if flips[2] { &self.upside_down } else { &self.upright };
        cut[layer].iter().map(|stroke| stroke.map(onto_bed)).collect()
    }
}

/// The finding that follows from the comparison of the outlines, if there is one.
fn verdict(check: &Check) -> Option<Finding> {
    let apart = check.deviation.unwrap_or(f64::INFINITY);
    let finding = match check.hand {
        Hand::Kept => return None,
        Hand::Mirrored => Finding::new(
            "print-mirrored",
            Severity::Danger,
            "the outlines are those of the solid's mirror image: left and right are exchanged",
        )
        .remedy("do not print this; slice the model again as it was written, without mirroring"),
        Hand::Undecided => Finding::new(
            "print-hand-undecided",
            Severity::Note,
            format!(
                "the solid is its own mirror image within {EDGE} mm at the {} heights compared, so the outlines \
                 cannot tell whether the print is mirrored",
                check.heights
            ),
        ),
        Hand::Unknown => Finding::new(
            "print-outline",
            Severity::Danger,
            format!("the printed outlines are typically {apart:.2} mm from the sections of the solid"),
        )
        .measured(apart, EDGE, "mm", "path accuracy of the slicing program")
        .remedy("do not print this; see that the G-code was made from this model, unturned and unscaled"),
    };
    Some(finding)
}

mod silhouettes;

#[cfg(test)]
mod tests;
