//! `print`: G-code for a printer, made by a separate slicing program and read back.

use crate::artefacts;
use crate::command::make::chosen;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use osteon_case::{CasePath, Folder, Sha256};
use osteon_core::{ErrorKind, Finding, Mm};
use osteon_print::{Engine, Hand, Printer, Quality, Slicing, canonical, fit, printer, read, slice, verify};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Slice the products for a printer and check the G-code
///
/// Runs PrusaSlicer as a separate program on the exported STL, then reads its G-code back: inside the bed, no
/// empty layer, right size, right way round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Print {
    /// Items to print; all if none is named
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// Name of a built-in printer profile, or path of a profile file
    #[serde(default = "usual_printer")]
    pub printer: String,
    /// Fine or standard layers
    #[serde(default = "standard")]
    pub quality: Fineness,
    /// The slicing program, if it is not found by its usual names
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slicer: Option<String>,
}

/// How fine the layers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fineness {
    /// The printer's usual layers.
    Standard,
    /// Thin layers for small or detailed parts.
    Fine,
}

/// The printer that is taken when none is named.
pub(crate) const USUAL_PRINTER: &str = "generic-250";

fn usual_printer() -> String {
    USUAL_PRINTER.to_owned()
}
fn standard() -> Fineness {
    Fineness::Standard
}

/// Longest time a slicing program may take.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// What the G-code was found to be: `products/<item>.print.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Printed {
    /// Title of the printer profile.
    pub printer: String,
    /// Name and version of the slicing program, as it says itself.
    pub program: String,
    /// Layer height.
    pub layer: Mm,
    /// Number of layers.
    pub layers: usize,
    /// Printing time in seconds, as the slicing program estimates it.
    pub seconds: Option<f64>,
    /// Material with supports: grams.
    pub grams: f64,
    /// Material cost in the profile's currency.
    pub cost: f64,
    /// Largest distance in mm between the outlines laid down and the sections of the solid.
    pub deviation: Option<f64>,
    /// What the outlines say about left and right.
    pub hand: String,
}

impl Command for Print {
    const NAME: &'static str = "print";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let (printer, file) = profile(&self.printer)?;
        if let Some(hash) = file {
            job.depends_on("printer", hash);
        }
        let plan = job.plan()?;
        let models = chosen(plan.models().cloned().collect(), &self.items)?;
        // Whether it fits is known without a slicing program, and is the more useful answer.
        for model in &models {
            let solid = job.solid(&model.id)?;
            fit(&solid.mesh().bounds(), &printer, printer.process(self.quality()))?;
        }
        let engine = Engine::find(self.slicer.as_deref().map(Path::new))?;
        let mut outcome = Outcome::default();
        for model in &models {
            let (line, findings) = self.one(job, &model.id, &printer, &engine)?;
            outcome.summary.push(line);
            outcome.findings.extend(findings);
        }
        outcome.data =
            json!({ "printer": printer.name, "items": models.iter().map(|m| &m.id).collect::<Vec<_>>() });
        Ok(outcome)
    }
}

/// The profile: a built-in one by name, or a file of the user's, with the file's hash.
pub(crate) fn profile(name: &str) -> Result<(Printer, Option<Sha256>), Failure> {
    if !name.ends_with(".toml") {
        return Ok((printer(name)?, None));
    }
    let bytes = osteon_io::file::read(Path::new(name), 1 << 20)?;
    Ok((Printer::parse(&String::from_utf8_lossy(&bytes))?, Some(Sha256::of(&bytes))))
}

impl Print {
    const fn quality(&self) -> Quality {
        match self.quality {
            Fineness::Standard => Quality::Standard,
            Fineness::Fine => Quality::Fine,
        }
    }

    fn one(
        &self,
        job: &mut Job<'_>,
        item: &str,
        printer: &Printer,
        engine: &Engine,
    ) -> Result<(String, Vec<Finding>), Failure> {
        let process = printer.process(self.quality());
        let solid = job.solid(item)?;
        let placement = fit(&solid.mesh().bounds(), printer, process)?;
        let stl = artefacts::product(item, "stl");
        let content = job.read(&stl)?;
        let folder = tempfile::tempdir().map_err(|e| {
            Failure::new(
                ErrorKind::Io,
                "no-temporary-folder",
                e.to_string(),
                "make room in the system's temporary folder",
            )
        })?;
        // The slicing program gets a copy that is proven, whatever became of the file in the case folder.
        let scratch = folder.path().join("slicing");
        let name = CasePath::new("model.stl")?;
        Folder::create(&scratch)?.put(&name, &content)?;
        drop(content);
        let model = scratch.join("model.stl");
        let slicing = Slicing {
            model: &model,
            folder: &scratch,
            printer,
            process,
            placement: &placement,
            limit: PATIENCE,
        };
        let sliced = slice(engine, &slicing, &job.ctx().part("slicing", 0.0, 0.9))?;
        let gcode = canonical(&sliced.gcode);
        let summary = read(&gcode, &job.ctx().part("reading the G-code back", 0.9, 0.95))?;
        let work = osteon_print::Job { solid: &solid, placement: &placement, printer, process };
        let check = verify(&summary, &work, &job.ctx().part("comparing outlines", 0.95, 1.0))?;
        job.write_bytes(&artefacts::product(item, "gcode"), &gcode)?;
        let printed = Printed {
            printer: printer.title.clone(),
            program: summary.program.clone().unwrap_or_default(),
            layer: Mm(process.layer),
            layers: summary.layers.len(),
            seconds: summary.seconds,
            grams: check.material.mass,
            cost: check.material.cost,
            deviation: check.deviation,
            hand: hand(check.hand).to_owned(),
        };
        job.write_record(&artefacts::product(item, "print.json"), &printed)?;
        let hours = printed.seconds.map_or_else(String::new, |s| format!(", {:.1} h", s / 3600.0));
        let line =
            format!("{item}: {} layers, {:.0} g{hours} on {}", printed.layers, printed.grams, printer.title);
        Ok((line, [sliced.findings, check.findings].concat()))
    }
}

const fn hand(hand: Hand) -> &'static str {
    match hand {
        Hand::Kept => "as planned",
        Hand::Mirrored => "mirrored",
        Hand::Undecided => "cannot be told: the outlines are nearly symmetric",
        Hand::Unknown => "the outlines fit neither the model nor its mirror image",
    }
}
