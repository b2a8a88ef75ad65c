//! The proof that a file for a resin printer is the part: on the screen, complete, of its volume, held, not mirrored.
//!
//! What was written is not believed: the file is read back, every layer decoded, and its light held against the area
//! of the solids' section and, at some heights, against its outline and its mirror images.

use super::error::ResinError;
use super::estimate::Estimate;
use super::file::Reading;
use super::islands::{Span, islands, spans};
use super::place::Standing;
use super::printer::ResinPrinter;
use super::raster::{Edge, Run, intervals};
use super::section::Stack;
use crate::verify::Hand;
use glam::DVec2;
use osteon_core::{Ctx, Finding, Patient, Point, Severity};
use rayon::prelude::*;

/// What the file should be.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The sections of part and supports.
    pub stack: &'a Stack,
    /// Where they stand.
    pub standing: &'a Standing,
    /// The printer.
    pub printer: &'a ResinPrinter,
    /// The areas of the sections.
    pub estimate: &'a Estimate,
}

/// What the comparison found.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// Number of layers in the file.
    pub layers: usize,
    /// Cured resin, ml: the light of all layers.
    pub millilitres: f64,
    /// Largest difference between a layer's light and the area of its section, percent of the section.
    pub area_error: f64,
    /// Smallest share of a layer's outline and light that is common to both, over the heights compared.
    pub overlap: f64,
    /// How many heights were compared.
    pub heights: usize,
    /// Pieces of layers with nothing below them.
    pub islands: usize,
    /// Whether the pictures are mirrored.
    pub hand: Hand,
}

/// How far a layer's light may be from the area of its section, as a share of it.
///
/// The goal of the format's own readers: half a percent.
const AREA: f64 = 0.005;

/// Share of that limit from which on a section is measured a second way. Chosen: ten times what drawing errs by.
const DOUBT: f64 = 0.1;

/// What a layer's light may differ by for being whole steps of brightness, pixels. Chosen: the smallest that is printed.
const ROUNDING: f64 = 1.0;

/// How far the whole volume may be from the sum of the sections, as a share.
const VOLUME: f64 = 0.005;

/// At how many heights outlines are compared: enough that a bone is cut at each of its parts.
const HEIGHTS: usize = 9;

/// Share of the heights that must agree.
const AGREEING: f64 = 0.75;

/// Least common share of light and outline: what G-code is held to as well.
const COMMON: f64 = 0.98;

/// Layers read together. Fixed, so that nothing depends on the number of cores.
const BATCH: usize = 96;

/// Most islands that are told one by one.
const FEW: usize = 5;

/// What is read of one layer.
struct Read {
    /// Light, in pixels.
    light: f64,
    spans: Vec<Span>,
}

/// Holds a file that was read back against what it should be.
///
/// Findings: `resin-screen`, `resin-layers`, `resin-empty-layer`, `resin-border`, `resin-layer-area`, `resin-volume`,
/// `resin-island`, `resin-silhouette`, `print-mirrored`, `print-hand-undecided`.
///
/// # Errors
/// `resin-unreadable` where a layer cannot be decoded, or when stopped.
pub fn verify(file: &Reading<'_>, job: &Job<'_>, ctx: &Ctx) -> Result<Proof, ResinError> {
    let mut proof = Proof {
        findings: Vec::new(),
        layers: file.layers(),
        millilitres: 0.0,
        area_error: 0.0,
        overlap: 1.0,
        heights: 0,
        islands: 0,
        hand: Hand::Unknown,
    };
    if !outside(file, job, &mut proof) {
        return Ok(proof);
    }
    let [width, depth] = job.printer.screen.pixel();
    let mut hanging: Vec<(Point<Patient>, f64)> = Vec::new();
    let mut lights = Vec::with_capacity(file.layers());
    let mut below: Vec<Span> = Vec::new();
    let reading = ctx.part("reading layers back", 0.0, 0.8);
    for first in (0..file.layers()).step_by(BATCH) {
        reading.done(first as f64 / file.layers() as f64)?;
        let batch: Vec<Read> = (first..(first + BATCH).min(file.layers()))
            .into_par_iter()
            .map(|layer| {
                ctx.check()?;
                let runs = file.runs(layer)?;
                Ok(Read { light: light(&runs), spans: spans(&runs, file.pixels()[0]) })
            })
            .collect::<Result<_, ResinError>>()?;
        let found: Vec<_> = (0..batch.len())
            .into_par_iter()
            .map(|n| {
                let under = if n == 0 { &below } else { &batch[n - 1].spans };
                islands(&batch[n].spans, under)
            })
            .collect();
        for (n, pieces) in found.into_iter().enumerate().filter(|(n, _)| first + n > 0) {
            for piece in pieces {
                let span = piece.longest;
                let at = DVec2::new(f64::from(span.from + span.to) / 2.0, f64::from(span.row) + 0.5);
                let place = job.printer.screen.plate(at).extend(job.stack.middle(first + n));
                hanging.push((job.standing.patient(place), piece.pixels as f64 * width * depth));
            }
        }
        border(&batch, first, job, &mut proof);
        lights.extend(batch.iter().map(|read| read.light));
        below = batch.into_iter().last().map(|read| read.spans).unwrap_or_default();
    }
    tell_islands(&hanging, &mut proof);
    empty(&lights, job, &mut proof);
    areas(&lights, job, &mut proof, &ctx.part("areas", 0.8, 0.9))?;
    hand(file, job, &mut proof, &ctx.part("outlines", 0.9, 1.0))?;
    ctx.done(1.0)?;
    Ok(proof)
}

fn light(runs: &[Run]) -> f64 {
    let sum: u64 = runs.iter().map(|run| u64::from(run.length) * u64::from(run.value)).sum();
    sum as f64 / 255.0
}

/// The file is for this screen, of these layers: true where its layers can be compared.
fn outside(file: &Reading<'_>, job: &Job<'_>, proof: &mut Proof) -> bool {
    let frame = job.stack.frame();
    if file.pixels() != frame.pixels {
        let ([a, b], [c, d]) = (file.pixels(), frame.pixels);
        let message = format!(
            "the file has pictures of {a} × {b} pixels, printer {} a screen of {c} × {d}",
            job.printer.name
        );
        proof.findings.push(danger(
            "resin-screen",
            message,
            "do not print this; expose the part for this printer",
        ));
        return false;
    }
    if let Reading::Goo(goo) = file
        && goo.mirrored != [frame.mirrored, false]
    {
        let message =
            "the file says of its pictures that they are mirrored another way than the printer's screen";
        proof.findings.push(danger(
            "print-mirrored",
            message,
            "do not print this; expose the part for this printer",
        ));
    }
    let (count, height) = (job.stack.layers(), job.stack.height());
    let mut wrong = file.layers() != count || (file.height() - height).abs() > 1e-6;
    if let Reading::Goo(goo) = file {
        // Heights are stored in single precision: seven digits of up to a few hundred mm.
        wrong |= goo.heights.iter().enumerate().any(|(n, z)| (z - (n as f64 + 1.0) * height).abs() > 1e-4);
    }
    if wrong {
        let message = format!(
            "the file has {} layers of {} mm; the part needs {count} of {height} mm, one above the other",
            file.layers(),
            file.height()
        );
        proof.findings.push(danger("resin-layers", message, "do not print this; expose the part again"));
    }
    file.layers() == count
}

fn danger(code: &str, message: impl Into<String>, remedy: &str) -> Finding {
    Finding::new(code, Severity::Danger, message).remedy(remedy)
}

/// Light in the outermost pixels may be cut off.
fn border(batch: &[Read], first: usize, job: &Job<'_>, proof: &mut Proof) {
    let [width, rows] = job.stack.frame().pixels;
    let edge = |s: &Span| s.from == 0 || s.to == width || s.row == 0 || s.row == rows - 1;
    let told = proof.findings.iter().any(|f| f.code == "resin-border");
    if let (Some(n), false) = (batch.iter().position(|read| read.spans.iter().any(edge)), told) {
        let message =
            format!("layer {} is lit at the edge of the screen: it may be cut off there", first + n + 1);
        proof.findings.push(danger(
            "resin-border",
            message,
            "do not print this; use a larger printer or split the part",
        ));
    }
}

/// Every layer between the first and the last lit one is lit.
fn empty(lights: &[f64], job: &Job<'_>, proof: &mut Proof) {
    let last = lights.iter().rposition(|light| *light > 0.0);
    let Some(last) = last else {
        proof.findings.push(danger("resin-empty-layer", "no layer is lit", "check the units of the part"));
        return;
    };
    // Below a part that was lifted there must be something to hold it.
    let dark: Vec<usize> = (0..last).filter(|n| lights[*n] == 0.0).collect();
    if let Some(at) = dark.first() {
        let message = format!(
            "{} layers below others are dark, the first {:.2} mm above the plate: the part is not held there",
            dark.len(),
            job.stack.middle(*at)
        );
        let remedy = "expose with supports, or let the part stand on the plate without a lift";
        proof.findings.push(danger("resin-empty-layer", message, remedy).measured(
            dark.len() as f64,
            0.0,
            "",
            "",
        ));
    }
}

/// Pieces with nothing below, each or together.
fn tell_islands(hanging: &[(Point<Patient>, f64)], proof: &mut Proof) {
    proof.islands = hanging.len();
    let remedy = "expose with supports (--supports yes), turn another side up with --up, or remove loose pieces with osteon shape";
    let finding = |message: String, place: Point<Patient>, area: f64| {
        Finding::new("resin-island", Severity::Caution, message)
            .measured(area, 0.0, "mm²", "nothing may begin in mid-air")
            .at(place.to_array())
            .remedy(remedy)
    };
    if hanging.len() <= FEW {
        for &(place, area) in hanging {
            let message = format!("a piece of {area:.3} mm² begins in mid-air: it would float in the vat");
            proof.findings.push(finding(message, place, area));
        }
    } else if let Some(&(place, area)) = hanging.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        let message = format!(
            "{} pieces begin in mid-air and would float in the vat; the largest has {area:.3} mm²",
            hanging.len()
        );
        proof.findings.push(finding(message, place, area));
    }
}

/// The light of each layer is the area of its section, and all light is the volume.
fn areas(lights: &[f64], job: &Job<'_>, proof: &mut Proof, ctx: &Ctx) -> Result<(), ResinError> {
    let [width, depth] = job.printer.screen.pixel();
    let pixel = width * depth;
    let mut truths: Vec<f64> = job.estimate.areas.clone();
    truths.resize(lights.len(), 0.0);
    let off = |light: f64, truth: f64| (light * pixel - truth).abs();
    let limit = |truth: f64| AREA * truth + ROUNDING * pixel;
    let disputed: Vec<bool> =
        lights.iter().zip(&truths).map(|(l, t)| off(*l, *t) > DOUBT * limit(*t)).collect();
    if disputed.contains(&true) {
        // Where shells overlap the sum of their sections is not the area of their union: that is measured on lines.
        let area = |layer: usize, edges: &[Edge]| disputed[layer].then(|| united(edges, job) * pixel);
        let keep = |layer: usize, area: Option<f64>| {
            truths[layer] = area.unwrap_or(truths[layer]);
            Ok(())
        };
        job.stack.each(area, keep, ctx)?;
    }
    let mut worst: Option<(usize, f64)> = None;
    for (layer, (light, truth)) in lights.iter().zip(&truths).enumerate() {
        // Below a pixel a share says nothing.
        if *truth > 100.0 * pixel {
            proof.area_error = proof.area_error.max(100.0 * off(*light, *truth) / truth);
        }
        let beyond = off(*light, *truth) / limit(*truth);
        if beyond > 1.0 && worst.is_none_or(|w| beyond > w.1) {
            worst = Some((layer, beyond));
        }
    }
    if let Some((layer, _)) = worst {
        let (light, truth) = (lights[layer] * pixel, truths[layer]);
        let message = format!(
            "layer {} is lit over {light:.3} mm²; the section of the part there has {truth:.3} mm²",
            layer + 1
        );
        let remedy =
            "do not print this; expose the part again, with more levels of brightness if few were asked for";
        proof.findings.push(danger("resin-layer-area", message, remedy).measured(
            light,
            truth,
            "mm²",
            "section of the solids",
        ));
    }
    let height = job.stack.height() / 1000.0;
    let (cured, volume) = (lights.iter().sum::<f64>() * pixel * height, truths.iter().sum::<f64>() * height);
    proof.millilitres = cured;
    if (cured - volume).abs() > VOLUME * volume {
        let message = format!("the file cures {cured:.3} ml; the part and its supports have {volume:.3} ml");
        let remedy = "do not print this; expose the part again";
        proof.findings.push(danger("resin-volume", message, remedy).measured(
            cured,
            volume,
            "ml",
            "sections of the solids",
        ));
    }
    Ok(())
}

/// The area within any outline, in pixels, on lines through all rows.
fn united(edges: &[Edge], job: &Job<'_>) -> f64 {
    let lengths = lines(edges, job, LINES);
    lengths.iter().map(|(_, found)| found.iter().map(|[a, b]| b - a).sum::<f64>()).sum::<f64>() / LINES
}

/// Lines in a row of pixels on which a disputed area is measured.
///
/// Chosen: the middle rule on them errs by less than a tenth of a percent of what is a few rows high.
const LINES: f64 = 4.0;

/// Where lines, so many in each row, are within any outline: the line's number and its intervals.
fn lines(edges: &[Edge], job: &Job<'_>, per_row: f64) -> Vec<(i64, Vec<[f64; 2]>)> {
    let hand = if job.stack.frame().mirrored { -1 } else { 1 };
    let mut crossings: Vec<(i64, f64, i32)> = Vec::new();
    for edge in edges {
        let (sign, p, q) =
            if edge.from.y < edge.to.y { (hand, edge.from, edge.to) } else { (-hand, edge.to, edge.from) };
        let mut line = (p.y * per_row - 0.5).ceil() as i64;
        loop {
            let y = (line as f64 + 0.5) / per_row;
            if y >= q.y {
                break;
            }
            if y >= p.y {
                crossings.push((line, p.x + (y - p.y) * (q.x - p.x) / (q.y - p.y), sign));
            }
            line += 1;
        }
    }
    crossings.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let one = |line: &[(i64, f64, i32)]| (line[0].0, intervals(line.iter().map(|c| (c.1, c.2))));
    crossings.chunk_by(|a, b| a.0 == b.0).map(one).collect()
}

/// The ways pictures may be mirrored, and the part itself: across columns, across rows, upside down.
const IMAGES: [[bool; 3]; 4] =
    [[false, false, false], [true, false, false], [false, true, false], [false, false, true]];

/// The pictures are the part's and not those of its mirror image.
fn hand(file: &Reading<'_>, job: &Job<'_>, proof: &mut Proof, ctx: &Ctx) -> Result<(), ResinError> {
    let height = job.stack.height();
    let bottom = (job.standing.lift / height).ceil() as usize;
    let inner = job.stack.layers().saturating_sub(bottom + 2);
    proof.heights = inner.min(HEIGHTS);
    if proof.heights == 0 {
        return Ok(());
    }
    let count = proof.heights;
    let layers: Vec<usize> = (0..count).map(|k| bottom + 1 + (2 * k + 1) * inner / (2 * count)).collect();
    // Upside down about the part's own middle.
    let turned = |layer: usize| {
        let z = 2.0 * job.standing.lift + job.standing.size[2] - job.stack.middle(layer);
        ((z / height - 0.5).round().max(0.0) as usize).min(job.stack.layers() - 1)
    };
    let compared: Vec<[f64; 4]> = layers
        .par_iter()
        .map(|&layer| {
            ctx.check()?;
            let lit = spans(&file.runs(layer)?, file.pixels()[0]);
            let [straight, upside_down] = [layer, turned(layer)].map(|n| job.stack.outline(n));
            Ok(IMAGES.map(|flips| {
                let edges = if flips[2] { &upside_down } else { &straight };
                common(&lit, &flipped(edges, flips, job), job)
            }))
        })
        .collect::<Result<_, ResinError>>()?;
    proof.overlap = compared.iter().map(|c| c[0]).fold(1.0, f64::min);
    let fits = [0, 1, 2, 3].map(|image| {
        let agreeing = compared.iter().filter(|c| c[image] >= COMMON).count();
        agreeing as f64 >= AGREEING * count as f64
    });
    let others = fits[1] || fits[2] || fits[3];
    proof.hand = match (fits[0], others) {
        (true, false) => Hand::Kept,
        (true, true) => Hand::Undecided,
        (false, true) => Hand::Mirrored,
        (false, false) => Hand::Unknown,
    };
    proof.findings.extend(verdict(proof));
    Ok(())
}

fn verdict(proof: &Proof) -> Option<Finding> {
    let again = "do not print this; expose the part again for this printer";
    match proof.hand {
        Hand::Kept => None,
        Hand::Undecided => Some(Finding::new(
            "print-hand-undecided",
            Severity::Note,
            format!(
                "the part is its own mirror image at the {} heights compared, so the pictures cannot tell whether \
                 they are mirrored",
                proof.heights
            ),
        )),
        Hand::Mirrored => {
            let message = "the pictures are those of the part's mirror image: left and right are exchanged";
            Some(danger("print-mirrored", message, again))
        }
        Hand::Unknown => {
            let message = format!(
                "light and section have as little as {:.1} % in common at the {} heights compared",
                100.0 * proof.overlap,
                proof.heights
            );
            let limit = 100.0 * COMMON;
            Some(danger("resin-silhouette", message, again).measured(100.0 * proof.overlap, limit, "%", ""))
        }
    }
}

/// Outlines as a mirrored picture would show them; matter stays on the left of its edges.
fn flipped(edges: &[Edge], flips: [bool; 3], job: &Job<'_>) -> Vec<Edge> {
    let [width, rows] = job.stack.frame().pixels.map(f64::from);
    let at = |p: DVec2| {
        DVec2::new(if flips[0] { width - p.x } else { p.x }, if flips[1] { rows - p.y } else { p.y })
    };
    let turn = flips[0] != flips[1];
    let one = |edge: &Edge| {
        let (from, to) = if turn { (edge.to, edge.from) } else { (edge.from, edge.to) };
        Edge { from: at(from), to: at(to), shell: edge.shell }
    };
    edges.iter().map(one).collect()
}

/// The common share of lit spans and outlines, along the middles of the rows.
///
/// A span ends at a whole pixel: half a pixel at each of its ends is not held against it.
fn common(lit: &[Span], edges: &[Edge], job: &Job<'_>) -> f64 {
    let sections = lines(edges, job, 1.0);
    let (mut both, mut lit_length, mut ends) = (0.0, 0.0, 0.0);
    for span in lit {
        lit_length += f64::from(span.to - span.from);
        ends += 2.0;
        if let Ok(found) = sections.binary_search_by_key(&i64::from(span.row), |s| s.0) {
            for [a, b] in &sections[found].1 {
                both += (b.min(f64::from(span.to)) - a.max(f64::from(span.from))).max(0.0);
            }
        }
    }
    let section_length = sections.iter().flat_map(|s| &s.1).map(|[a, b]| b - a).sum::<f64>();
    let either = lit_length + section_length - both;
    if either == 0.0 {
        return 1.0;
    }
    let different = (either - both - 0.5 * ends).max(0.0);
    1.0 - different / either
}

#[cfg(test)]
mod tests;
