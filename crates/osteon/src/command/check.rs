//! `check`: are the products what the image says?

use crate::artefacts;
use crate::card::{self, Card};
use crate::command::make::{Made, chosen};
use crate::command::print::profile;
use crate::command::shape;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use osteon_case::{CasePath, Folder};
use osteon_core::{Ctx, Finding, Mask, Severity, Solid, Volume};
use osteon_mesh::check::{Agreement, Verdict, agreement, volume_against_mask};
use osteon_print::Printer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// Check a mesh file, or the products of the case against the image they were made from
///
/// With a file – anybody's STL, OBJ, PLY, 3MF or GLB – this makes its QA card: closed and manifold, shells, cavities,
/// self-intersections, overlap and gaps between its objects, least wall and gap, unit, size against printers, specks, each with a place in mm and the command that
/// mends it; it exits with 1 when the file should not be printed as it is.
///
/// Without a file it checks the case: closed and manifold, pieces, volume against the voxels, place in the patient, and left and right: the
/// surface must lie on the edges of the image as it stands, and its mirror images must not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Mesh file to check in place of the case's products
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-position" = 1))]
    pub file: Option<String>,
    /// Folder for the file's QA card, as data and as a page: new or empty; none is written if not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
    /// Printer that the file is to be printed on: name of a built-in profile, or path of a profile file
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer: Option<String>,
    /// Items to check; all if none is named
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
}

/// One line of `products/<item>.check.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// What was checked.
    pub name: String,
    /// How it went.
    pub severity: Option<Severity>,
    /// The value with its unit.
    pub value: String,
    /// The limit with its unit.
    pub limit: String,
    /// How it was checked.
    pub method: String,
}

/// Largest relative difference between a solid and its voxels before it is a caution, percent.
///
/// Chosen: a sub-voxel surface of a bone with thin parts differs from the count of its voxels by up to 3 %;
/// a wrong scale or a lost piece by far more.
const VOLUME_LIMIT: f64 = 5.0;

impl Command for Check {
    const NAME: &'static str = "check";
    const EFFECT: Effect = Effect::Changes;

    fn effect(&self) -> Effect {
        if self.file.is_some() { Effect::Composes } else { Self::EFFECT }
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        if let Some(file) = &self.file {
            let printer = self.printer.as_deref().map(profile).transpose()?.map(|(printer, _)| printer);
            return check_file(file, self.out.as_deref(), printer.as_ref(), job.ctx());
        }
        let plan = job.plan()?;
        let mut outcome =
            Outcome { findings: osteon_plan::check(&job.scene()?, &plan), ..Outcome::default() };
        for model in chosen(plan.models().cloned().collect(), &self.items)? {
            let made: Made = read_made(job, &model.id)?;
            let (solid, volume, structures) = (job.solid(&model.id)?, job.volume()?, job.structures()?);
            let agreement = agreement(solid.mesh(), &volume, job.ctx())?;
            let mask = structures.iter().find(|(id, _)| *id == model.of).map(|(_, mask)| mask);
            let mut lines = vec![closed(&solid), pieces(&solid)];
            lines.extend(mask.and_then(|mask| volume_line(&solid, mask)));
            lines.extend([frame(&solid, &volume), hand(&agreement), marks(&made)]);
            let worst = lines.iter().filter_map(|line| line.severity).max();
            let verdict =
                worst.map_or("all checks pass".to_owned(), |severity| format!("look at: {severity}"));
            outcome.summary.push(format!("{}: {verdict}", model.id));
            outcome.findings.extend(lines.iter().filter_map(|line| finding(&model.id, line)));
            job.write_record(&artefacts::product(&model.id, "check.json"), &lines)?;
        }
        outcome.data = json!({ "findings": outcome.findings.len() });
        Ok(outcome)
    }
}

/// The QA card of a mesh file.
fn check_file(
    path: &str,
    out: Option<&str>,
    printer: Option<&Printer>,
    ctx: &Ctx,
) -> Result<Outcome, Failure> {
    let (read, facts) = shape::load_with_facts(path, &ctx.part("reading", 0.0, 0.2))?;
    let folder = out.map(|dir| Folder::create(Path::new(dir))).transpose()?;
    let mut findings = read.findings;
    let (mut objects, mut solids) = (Vec::new(), Vec::new());
    let share = 0.6 / read.meshes.len() as f64;
    for (n, named) in read.meshes.into_iter().enumerate() {
        let part = ctx.part("checking", 0.2 + share * n as f64, 0.2 + share * (n + 1) as f64);
        let name = if named.name.is_empty() { format!("object-{}", n + 1) } else { named.name };
        let (card, proven) = card::inspect(&name, named.mesh, &mut findings, &part)?;
        objects.push(card);
        solids.extend(proven.map(|solid| (name, solid)));
    }
    let solids: Vec<(&str, &Solid)> = solids.iter().map(|(name, solid)| (name.as_str(), solid)).collect();
    let pairs = card::pairs(&solids, &mut findings, &ctx.part("pairs", 0.8, 0.9))?;
    findings.extend(card::together(&objects, printer));
    let name = facts.name.clone();
    let card = Card::new(Some(facts), objects, pairs, findings);
    let data = json!(card);
    let mut summary = card.lines();
    if let (Some(folder), Some(out)) = (folder, out) {
        folder.put(&CasePath::new("card.json")?, format!("{data:#}\n").as_bytes())?;
        let page = card::page(&card, &name, &solids, &ctx.part("card", 0.9, 1.0))?;
        folder.put(&CasePath::new("card.html")?, page.as_bytes())?;
        summary.push(format!("the card is in {out}; start with card.html"));
    }
    summary.push(format!("{name}: {}", card.verdict));
    Ok(Outcome { summary, findings: card.findings, data, ..Outcome::default() })
}

/// What `make` wrote down about an item.
pub(crate) fn read_made(job: &mut Job<'_>, item: &str) -> Result<Made, Failure> {
    let path = artefacts::product(item, "json");
    let bytes = job.read(&path)?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let help = "run osteon verify, then osteon make";
        Failure::new(
            osteon_core::ErrorKind::Input,
            "product-unreadable",
            format!("{path} cannot be read: {e}"),
            help,
        )
    })
}

fn line(name: &str, severity: Option<Severity>, value: String, limit: &str, method: &str) -> Checked {
    Checked { name: name.to_owned(), severity, value, limit: limit.to_owned(), method: method.to_owned() }
}

fn finding(item: &str, line: &Checked) -> Option<Finding> {
    let severity = line.severity?;
    let message = format!("{item}: {}: {} (expected {})", line.name, line.value, line.limit);
    let remedy = match (line.name.as_str(), severity) {
        ("left and right", Severity::Note) => {
            "the structure is nearly its own mirror image: look at the overlays and the letters of the report"
        }
        ("pieces", _) => "print the pieces one by one, or keep only the largest: osteon segment --largest 1",
        ("marks", _) => "see the finding of osteon make",
        _ => "do not use the model; look at the overlays of the report, and import and make it again",
    };
    Some(Finding::new(&line.name.replace(' ', "-"), severity, message).remedy(remedy))
}

fn closed(solid: &Solid) -> Checked {
    let value = format!("{} triangles, genus {}", solid.mesh().triangles.len(), solid.genus());
    line(
        "closed and manifold",
        None,
        value,
        "every edge twice, every vertex one fan",
        "proven on the whole mesh",
    )
}

fn pieces(solid: &Solid) -> Checked {
    let pieces = solid.shells().iter().filter(|shell| shell.volume > 0.0).count();
    let severity = (pieces > 1).then_some(Severity::Caution);
    let cavities = solid.shells().len() - pieces;
    line(
        "pieces",
        severity,
        format!("{pieces}, with {cavities} cavities"),
        "1",
        "connected shells of the surface",
    )
}

fn volume_line(solid: &Solid, mask: &Mask) -> Option<Checked> {
    let percent = 100.0 * volume_against_mask(solid, mask)?;
    let severity = (percent.abs() > VOLUME_LIMIT).then_some(Severity::Caution);
    let limit = format!("within ± {VOLUME_LIMIT:.0} %");
    Some(line(
        "volume against voxels",
        severity,
        format!("{percent:+.1} %"),
        &limit,
        "divergence theorem against voxel count",
    ))
}

fn frame(solid: &Solid, volume: &Volume<i16>) -> Checked {
    let grid = volume.grid();
    let (bounds, voxel) = (grid.bounds(), grid.spacing().max_element());
    let inside = solid.mesh().bounds();
    let over = (bounds.min.vec() - inside.min.vec()).max(inside.max.vec() - bounds.max.vec()).max_element();
    let severity = (over > voxel).then_some(Severity::Danger);
    let value = if over > 0.0 {
        format!("{over:.1} mm beyond the image")
    } else {
        format!("{:.1} mm within the image", -over)
    };
    line("place in the patient", severity, value, "at most one voxel", "boxes in LPS mm")
}

fn hand(agreement: &Agreement) -> Checked {
    let severity = match agreement.verdict {
        Verdict::Agrees => None,
        Verdict::Undecided => Some(Severity::Note),
        Verdict::Mirrored | Verdict::Disagrees => Some(Severity::Danger),
    };
    let mut value = format!(
        "{:.0} % of the surface on edges as it stands, {:.0} % mirrored",
        100.0 * agreement.as_placed,
        100.0 * agreement.best_mirrored
    );
    if let Some(telling) = agreement.telling {
        value += &match telling.places {
            0 => "; no place tells the two apart".to_owned(),
            places => format!(
                "; of {places} places that tell the two apart {:.0} % are for it as it stands",
                100.0 * telling.as_placed
            ),
        };
    }
    let method = "image brighter just inside than just outside, for the surface and its mirror images; decided \
                  where the mirror image leaves the surface";
    line("left and right", severity, value, "as it stands better than mirrored", method)
}

fn marks(made: &Made) -> Checked {
    let severity = made.marks.is_empty().then_some(Severity::Note);
    let value = if made.marks.is_empty() { "none".to_owned() } else { made.marks.join(" | ") };
    line("marks", severity, value, "legible, right way round", "read back from the finished surface")
}
