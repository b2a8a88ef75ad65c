//! `advise`: which way of printing suits a model, which side should be up, and what it comes to.

use crate::command::shape::load_with_facts;
use crate::failure::Failure;
use crate::job::Job;
use crate::printing::{USUAL_PRINTER, printer_of};
use crate::protected;
use crate::registry::{Command, Effect, Outcome};
use crate::upright::direction;
use osteon_core::{Ctx, Direction, ErrorKind, Finding, Patient, Severity, Solid};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::region::Regions;
use osteon_print::advice::{self, Choice, Kind, Limits, PATCH, Part, Purpose, Rates, SHARE, Thin, Walls};
use osteon_print::estimate::{Held, held};
use osteon_print::orient::{TOUCHED, candidate, weighed};
use osteon_print::{Candidate, Goal, Printer, Setup, Turn, Wish, orient};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// Say which way of printing suits a model, which side should be up, and what it comes to
///
/// Reads STL, 3MF, OBJ, PLY or GLB; every object of the file must be a solid. Filament printers are estimated as the
/// slicing program would lay their lines, without running it; resin and powder by plain formulas and the rates. Each
/// way is held against the purpose: room, thinnest wall, error. Whether a material may touch a patient or can be
/// sterilised is put as a question to the hospital.
///
/// `--up best` searches the side that should be up: 400 directions and the flat sides. Protected surfaces bear no
/// supports: `--protect "ball <x,y,z> <radius>"`, `"box <x,y,z> <x,y,z>"`, `"near <mm> <mesh file>"`. Where supports
/// hold the model is told with areas and places (LPS mm).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Advise {
    /// Mesh file to be printed
    #[schemars(extend("x-position" = 1))]
    pub file: String,
    /// What the model is for: teaching, planning, fitting, guide or implant-trial
    #[serde(default = "planning")]
    pub purpose: String,
    /// Names of built-in printer profiles, or paths of profile files
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub printer: Vec<String>,
    /// Surfaces that bear no supports
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub protect: Vec<String>,
    /// What the best side makes small
    #[serde(default)]
    pub goal: Aim,
    /// What is up: best, or a direction of the patient x,y,z
    #[serde(default = "best")]
    pub up: String,
    /// File with limits of processes and purposes, in place of those built in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<String>,
    /// File with machine hours and prices, in place of those built in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<String>,
}

/// What the best side makes small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// The time of the print.
    #[default]
    Time,
    /// The plastic it uses, supports included.
    Material,
    /// The area that supports leave their traces on.
    Surface,
}

impl From<Aim> for Goal {
    fn from(aim: Aim) -> Self {
        match aim {
            Aim::Time => Goal::Time,
            Aim::Material => Goal::Material,
            Aim::Surface => Goal::Surface,
        }
    }
}

fn planning() -> String {
    "planning".to_owned()
}

fn best() -> String {
    "best".to_owned()
}

/// Most places with supports that are told one by one. Chosen: what a person reads.
const TOLD: usize = 5;

/// Largest file of limits or rates, bytes.
const LARGEST: u64 = 1 << 20;

/// What was found out about one object.
#[derive(Serialize)]
struct Advised {
    name: String,
    volume_mm3: f64,
    /// What is thinner than the ways of printing ask for, for each of their limits.
    thin: Vec<Thin>,
    /// The best directions, the one taken first.
    ups: Vec<Candidate>,
    /// Where supports hold it with the first of them.
    held: Vec<Held>,
    choices: Vec<Choice>,
}

/// What the advice rests on.
struct Grounds {
    printers: Vec<Printer>,
    limits: Limits,
    rates: Rates,
    purpose: Purpose,
    protected: Regions,
    up: Option<Direction<Patient>>,
}

impl Command for Advise {
    const NAME: &'static str = "advise";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        let grounds = self.grounds(&ctx)?;
        let (read, facts) = load_with_facts(&self.file, &ctx.part("reading", 0.0, 0.1))?;
        let mut findings = read.findings;
        let (mut summary, mut objects) = (Vec::new(), Vec::new());
        let share = 0.9 / read.meshes.len() as f64;
        for (n, named) in read.meshes.into_iter().enumerate() {
            let name = if named.name.is_empty() { format!("object-{}", n + 1) } else { named.name };
            let solid = Solid::new(named.mesh).map_err(|not| {
                let help = format!("mend it: osteon shape {} --step repair --out mended.stl", self.file);
                Failure::new(ErrorKind::Input, "not-solid", format!("{name}: {not}"), help)
            })?;
            let part = ctx.part(&name, 0.1 + share * n as f64, 0.1 + share * (n + 1) as f64);
            let advised = self.one(&name, &solid, &grounds, &mut findings, &part)?;
            summary.extend(told(&advised, &grounds));
            objects.push(advised);
        }
        for question in &grounds.purpose.questions {
            findings.push(
                Finding::new("ask-the-hospital", Severity::Caution, question.clone())
                    .remedy("print only when the hospital has answered in writing"),
            );
        }
        let data = json!({ "file": facts, "purpose": grounds.purpose, "currency": grounds.rates.currency, "objects": objects });
        Ok(Outcome { summary, findings, data, ..Outcome::default() })
    }
}

impl Advise {
    fn grounds(&self, ctx: &Ctx) -> Result<Grounds, Failure> {
        let limits = match &self.processes {
            Some(path) => Limits::parse(&text(path)?)?,
            None => Limits::built_in()?,
        };
        let rates = match &self.rates {
            Some(path) => Rates::parse(&text(path)?)?,
            None => Rates::built_in()?,
        };
        let usual = [USUAL_PRINTER.to_owned()];
        let names: &[String] = if self.printer.is_empty() { &usual } else { &self.printer };
        let printers = names.iter().map(|name| printer_of(name)).collect::<Result<_, Failure>>()?;
        let purpose = limits.purpose(&self.purpose)?.clone();
        let up = if self.up == "best" { None } else { Some(direction(&self.up)?) };
        Ok(Grounds {
            printers,
            limits,
            rates,
            purpose,
            protected: protected::regions(&self.protect, ctx)?,
            up,
        })
    }

    fn one(
        &self,
        name: &str,
        solid: &Solid,
        grounds: &Grounds,
        findings: &mut Vec<Finding>,
        ctx: &Ctx,
    ) -> Result<Advised, Failure> {
        let bvh = Bvh::new(solid.mesh(), &ctx.part("hierarchy", 0.0, 0.05))?;
        let mut floors: Vec<f64> = grounds.limits.process.iter().map(|ability| ability.wall).collect();
        floors.sort_by(f64::total_cmp);
        floors.dedup();
        let reach = floors.last().copied().unwrap_or(0.0);
        let walls = Walls::new(solid, &bvh, reach, &ctx.part("walls", 0.05, 0.3))?;
        let thin: Vec<Thin> = floors.into_iter().map(|floor| walls.below(floor)).collect();
        let first = &grounds.printers[0];
        let setup = Setup::new(first, &first.standard);
        let searching = ctx.part("directions", 0.3, 0.7);
        let ups = match grounds.up {
            Some(up) => vec![candidate(solid, &grounds.protected, up, &setup, &searching)?],
            None => {
                let wish = Wish { goal: self.goal.into(), protected: &grounds.protected };
                let found = orient(solid, &wish, &setup, &searching.part("search", 0.0, 0.6))?;
                weighed(solid, &wish, &found, &setup, &searching.part("estimates", 0.6, 1.0))?
            }
        };
        let turn = ups[0].turn();
        let places = held(solid, &grounds.protected, &turn, &setup, &ctx.part("supports", 0.7, 0.75))?;
        let choices = choices(solid, &turn, &walls, grounds, &ctx.part("printers", 0.75, 1.0))?;
        findings.extend(warnings(name, &ups[0], &places, &thin));
        Ok(Advised { name: name.to_owned(), volume_mm3: solid.volume(), thin, ups, held: places, choices })
    }
}

/// Every printer and process with its time, its cost and what speaks against it.
fn choices(
    solid: &Solid,
    turn: &Turn,
    walls: &Walls,
    grounds: &Grounds,
    ctx: &Ctx,
) -> Result<Vec<Choice>, Failure> {
    let rates = &grounds.rates;
    let rotation = turn.rotation();
    let places = solid.mesh().vertices.iter().map(|p| rotation * p.vec());
    let (low, high) = places
        .fold((glam::DVec3::INFINITY, glam::DVec3::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)));
    let part = Part { size: (high - low).to_array(), walls };
    let mut found = Vec::new();
    for ability in &grounds.limits.process {
        let judged = |room| advice::against(&part, ability, &grounds.purpose, room);
        match ability.name {
            Kind::Filament => {
                for printer in &grounds.printers {
                    for (layers, process) in [("standard", &printer.standard), ("fine", &printer.fine)] {
                        let setup = Setup::new(printer, process);
                        let estimate = osteon_print::estimate(solid, turn, &setup, ctx)?;
                        let margin = 2.0 * printer.margin(process);
                        let [width, depth] = printer.bed.size.map(|edge| edge - margin);
                        found.push(Choice {
                            kind: Kind::Filament,
                            title: format!("{} {layers}", printer.name),
                            material: printer.filament.material.clone(),
                            layer_mm: process.layer,
                            seconds: Some(estimate.seconds),
                            plastic_mm3: estimate.model_mm3 + estimate.support_mm3,
                            cost: estimate.cost + rates.filament_hour * estimate.seconds / 3600.0,
                            against: judged([width, depth, printer.bed.height]),
                        });
                    }
                }
            }
            Kind::Resin => {
                let (seconds, volume) = rates.resin(part.size[2], solid.volume());
                found.push(Choice {
                    kind: Kind::Resin,
                    title: "resin printer of usual size".to_owned(),
                    material: "resin".to_owned(),
                    layer_mm: rates.resin_layer,
                    seconds: Some(seconds),
                    plastic_mm3: volume,
                    cost: rates.resin_litre * volume * 1e-6 + rates.resin_hour * seconds / 3600.0,
                    against: judged(rates.resin_bed),
                });
            }
            Kind::Powder => found.push(Choice {
                kind: Kind::Powder,
                title: "powder, by a service".to_owned(),
                material: "PA12".to_owned(),
                layer_mm: POWDER_LAYER,
                seconds: None,
                plastic_mm3: solid.volume(),
                cost: rates.powder_order + rates.powder_cm3 * solid.volume() * 1e-3,
                against: judged(rates.powder_bed),
            }),
        }
    }
    advice::rank(&mut found);
    Ok(found)
}

/// Layer of sintered powder, mm. Chosen: what services state, 0.1 to 0.12.
const POWDER_LAYER: f64 = 0.1;

/// What a person must look at.
fn warnings(name: &str, up: &Candidate, places: &[Held], thin: &[Thin]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if up.estimate.touched_mm2 > TOUCHED {
        let area = up.estimate.touched_mm2;
        let message = format!("{name}: supports would touch {area:.0} mm² that are protected");
        let mut finding = Finding::new("supports-on-protected", Severity::Danger, message)
            .measured(area, TOUCHED, "mm²", "chosen: four cells")
            .remedy("choose another side: osteon advise --up best, or cut the part: osteon shape --step cut");
        if let Some(touched) = places.iter().find(|place| place.protected_mm2 > 0.0) {
            finding = finding.at(touched.place);
        }
        findings.push(finding);
    }
    if !up.stands() {
        let inside = up.estimate.steady_mm;
        let message =
            format!("{name}: its centre of mass is {:.1} mm outside of what stands on the bed", -inside);
        findings.push(
            Finding::new("tips-over", Severity::Caution, message)
                .measured(inside, 0.0, "mm", "chosen: what stands by itself")
                .remedy("choose another side: osteon advise --up best, or a wider brim"),
        );
    }
    findings.extend(thin.iter().find(|thin| thin.matters()).map(|thin| too_thin(name, thin)));
    findings
}

/// What is to be said where walls are thinner than a way of printing asks for.
fn too_thin(name: &str, thin: &Thin) -> Finding {
    let [x, y, z] = thin.place.unwrap_or_default();
    let message = format!(
        "{name}: walls thinner than {} mm take up {:.0} mm² ({:.1} %) of its surface, most in one place {:.0} mm², \
         {:.2} mm thick, at {x:.1},{y:.1},{z:.1}; they may be missing in the print",
        thin.limit_mm,
        thin.area_mm2,
        thin.share * 100.0,
        thin.patch_mm2,
        thin.wall_mm.unwrap_or(thin.limit_mm)
    );
    let finding = Finding::new("wall-too-thin", Severity::Caution, message);
    let finding = if thin.patch_mm2 > PATCH {
        finding.measured(thin.patch_mm2, PATCH, "mm²", "chosen: a hole 3.6 mm wide")
    } else {
        finding.measured(
            thin.share * 100.0,
            SHARE * 100.0,
            "%",
            "chosen: four times the most that whole bones had",
        )
    };
    let finding =
        finding.remedy("look at it: osteon check <file>; thicken it: osteon shape --step \"offset 0.2\"");
    match thin.place {
        Some(place) => finding.at(place),
        None => finding,
    }
}

/// The advice on one object in lines.
fn told(advised: &Advised, grounds: &Grounds) -> Vec<String> {
    let mut lines = vec![format!("{} for {}:", advised.name, grounds.purpose.title)];
    for choice in &advised.choices {
        let time = choice.seconds.map_or("time as the service says".to_owned(), hours);
        let judged =
            if choice.suits() { "suits".to_owned() } else { format!("no: {}", choice.against.join("; ")) };
        lines.push(format!(
            "  {}, {} in layers of {} mm: {time}, {:.1} cm³, {:.2} {}: {judged}",
            choice.title,
            choice.material,
            choice.layer_mm,
            choice.plastic_mm3 * 1e-3,
            choice.cost,
            grounds.rates.currency
        ));
    }
    for (n, up) in advised.ups.iter().enumerate() {
        let [x, y, z] = up.up;
        let estimate = &up.estimate;
        let what = if n == 0 { "taken" } else { "also" };
        lines.push(format!(
            "  {what} --up {x:.3},{y:.3},{z:.3}: {}, {:.1} g, supports {:.1} cm³ under {:.0} mm²{}{}{}",
            hours(estimate.seconds),
            estimate.grams,
            estimate.support_mm3 * 1e-3,
            estimate.held_mm2,
            if estimate.touched_mm2 > TOUCHED { ", on protected surfaces" } else { "" },
            if up.fits { "" } else { ", too large for the bed" },
            if up.stands() { "" } else { ", tips over" },
        ));
    }
    for thin in advised.thin.iter().filter(|thin| thin.area_mm2 > 0.0) {
        let [x, y, z] = thin.place.unwrap_or_default();
        lines.push(format!(
            "  walls below {} mm: {:.1} mm² ({:.2} %), most in one place {:.1} mm² at {x:.1},{y:.1},{z:.1}",
            thin.limit_mm,
            thin.area_mm2,
            thin.share * 100.0,
            thin.patch_mm2
        ));
    }
    for place in advised.held.iter().take(TOLD) {
        let [x, y, z] = place.place;
        lines.push(format!("  supports under {:.0} mm² at {x:.1},{y:.1},{z:.1}", place.area_mm2));
    }
    if advised.held.len() > TOLD {
        let rest: f64 = advised.held[TOLD..].iter().map(|place| place.area_mm2).sum();
        lines.push(format!("  and under {rest:.0} mm² at {} smaller places", advised.held.len() - TOLD));
    }
    lines
}

fn hours(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round();
    format!("{:.0} h {:02.0} min", (minutes / 60.0).floor(), minutes % 60.0)
}

fn text(path: &str) -> Result<String, Failure> {
    let bytes = osteon_io::file::read(Path::new(path), LARGEST)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
