//! Whether the layers cover what the solid covers, and with as much plastic as their lines are wide.

use super::{Check, Hand, Lying, plane};
use crate::error::PrintError;
use crate::gcode::{Layer, Summary};
use crate::outline::sections;
use crate::silhouette::{Overlap, overlap};
use osteon_core::{Ctx, Finding, Severity};

/// How well the layers cover the sections of the solid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// How many layers were compared, evenly from the bottom to the top.
    pub layers: usize,
    /// Common area of all of them as a share of the joint area (intersection over union).
    pub share: f64,
    /// The same of the layer that covers its section worst.
    pub least: f64,
    /// How high above the bed that layer is, mm.
    pub least_at: f64,
    /// Area printed beyond the sections, as a share of theirs.
    pub beyond: f64,
    /// Width of the outer lines by the plastic they get, as a share of the width they should have.
    pub flow: Option<f64>,
}

/// How many layers are compared.
///
/// Chosen: one in every 5 to 10 mm of a bone is cut at each of its parts; more does not change the median.
const LAYERS: usize = 25;

/// Share of area that must agree.
///
/// Chosen: the goal of this suite for G-code; of 5 mm × 5 mm of bone 2 % are a rim of 0.025 mm.
const LEAST: f64 = 0.98;

/// By how much the plastic of a layer's outer lines may differ from what their length and width ask for.
///
/// Chosen: the goal of this suite for G-code; extruders are set up no better.
const FLOW: f64 = 0.03;

/// Share of area below which the print is not the model. Chosen: no thin edge explains a tenth.
const WRONG: f64 = 0.9;

/// Share of area beyond the sections that is told. Chosen: half of what [`LEAST`] leaves for both.
const BEYOND: f64 = 0.02;

/// Compares some layers with the sections of the solid.
pub(super) fn silhouettes(
    summary: &Summary,
    job: &Lying,
    check: &mut Check,
    ctx: &Ctx,
) -> Result<(), PrintError> {
    // The first and last layers begin and end on flat faces: a plane of section there belongs to either side.
    let all: Vec<&Layer> = summary.model_layers().collect();
    let inner = all.get(1..all.len().saturating_sub(1)).unwrap_or(&[]);
    let count = inner.len().min(LAYERS);
    if count == 0 {
        return Ok(());
    }
    let layers: Vec<&Layer> = (0..count).map(|k| inner[(2 * k + 1) * inner.len() / (2 * count)]).collect();
    let planes: Vec<f64> = layers.iter().map(|&layer| plane(layer)).collect();
    let cut = sections(&job.part, &planes, &ctx.part("sections", 0.0, 0.3))?;
    let width = job.printer.line();
    let mut total = Overlap::default();
    let (mut least, mut least_at) = (1.0, 0.0);
    for (k, (layer, section)) in layers.iter().zip(&cut).enumerate() {
        ctx.done(0.3 + 0.7 * k as f64 / count as f64)?;
        let found = overlap(&layer.paths, section, width);
        if found.share() < least {
            (least, least_at) = (found.share(), layer.z);
        }
        total = total.with(found);
    }
    let beyond = if total.solid > 0.0 { (total.printed - total.both) / total.solid } else { 0.0 };
    let coverage =
        Coverage { layers: count, share: total.share(), least, least_at, beyond, flow: flow(&layers, job) };
    check.coverage = Some(coverage);
    // Where the outlines are not the solid's, that is told, and how they differ tells nothing more.
    if matches!(check.hand, Hand::Kept | Hand::Undecided) {
        tell(&coverage, job, check);
    }
    Ok(())
}

/// Width of the outer lines by the plastic they get over the width they should have: the median of the layers.
///
/// Programs take a line either for a box (`w h`) or for a box with round sides (`(w − h) h + π h²/4`); of the two
/// the one is believed that is nearer.
fn flow(layers: &[&Layer], job: &Lying) -> Option<f64> {
    let (diameter, width) = (job.printer.filament.diameter, job.printer.line());
    let thread = std::f64::consts::FRAC_PI_4 * diameter * diameter;
    let mut shares: Vec<f64> = Vec::new();
    for layer in layers.iter().filter(|layer| !layer.outer.is_empty()) {
        let length: f64 = layer.outer.iter().map(|[a, b]| a.distance(*b)).sum();
        let boxed = layer.outer_filament * thread / (length * layer.height);
        let rounded = boxed + layer.height * (1.0 - std::f64::consts::FRAC_PI_4);
        let near = |w: f64| (w / width - 1.0).abs();
        shares.push(if near(boxed) < near(rounded) { boxed } else { rounded } / width);
    }
    shares.sort_unstable_by(f64::total_cmp);
    shares.get(shares.len() / 2).copied()
}

/// What of it a person should look at.
fn tell(coverage: &Coverage, job: &Lying, check: &mut Check) {
    let line = job.printer.line();
    let percent = |share: f64| 100.0 * share;
    let at = format!(
        "worst {:.1} mm above the bed, where it is {:.1} %",
        coverage.least_at,
        percent(coverage.least)
    );
    if coverage.share < LEAST {
        let severity = if coverage.share < WRONG { Severity::Danger } else { Severity::Caution };
        check.findings.push(
            Finding::new(
                "print-silhouette",
                severity,
                format!(
                    "over {} layers, print and sections of the solid have {:.1} % of their joint area in common; {at}",
                    coverage.layers,
                    percent(coverage.share)
                ),
            )
            .measured(percent(coverage.share), percent(LEAST), "%", "area in common of layers and sections")
            .remedy("look at that layer in a viewer; use a finer nozzle, or thicken what is thinner than a line"),
        );
    }
    if coverage.beyond > BEYOND {
        check.findings.push(
            Finding::new(
                "print-thickened",
                Severity::Caution,
                format!(
                    "the layers cover {:.1} % more than the solid's sections: what is thinner than a line of \
                     {line:.2} mm is printed as thick as one; {at}",
                    percent(coverage.beyond)
                ),
            )
            .measured(percent(coverage.beyond), percent(BEYOND), "%", "area beyond the sections")
            .remedy("thicken thin walls on purpose (osteon prepare <file> --out thicker.3mf --step \"thicken 1\"), or use a finer nozzle"),
        );
    }
    if let Some(flow) = coverage.flow.filter(|flow| (flow - 1.0).abs() > FLOW) {
        check.findings.push(
            Finding::new(
                "print-flow",
                Severity::Caution,
                format!(
                    "outer lines get plastic for {:.3} mm of width, but are laid for {line:.3} mm",
                    flow * line
                ),
            )
            .measured(percent(flow), 100.0, "%", "filament over length and height of the outer lines")
            .remedy("see flow, filament diameter and line width in the profile"),
        );
    }
}
