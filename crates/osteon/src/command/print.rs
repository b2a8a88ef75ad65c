//! `print`: G-code for a printer, made by a separate slicing program and read back.

use crate::artefacts;
use crate::command::check::read_made;
use crate::command::make::chosen;
use crate::exposing::{Exposing, expose, resin_profile};
use crate::failure::Failure;
use crate::job::Job;
use crate::marks::MarkRecord;
use crate::printing::{EngineName, Fineness, Ready, USUAL_PRINTER, Wish};
use crate::registry::{Command, Effect, Outcome};
use crate::upright::{self, STANDING};
use osteon_case::Sha256;
use osteon_mesh::region::Regions;
use osteon_print::resin::{Format, ResinPrinter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Slice the products for a printer and check what is made of them
///
/// Filament: runs PrusaSlicer or CuraEngine as a separate program on the proven solid, then reads its G-code back: inside
/// the bed, no empty layer, right size, right way round, layers that cover what the solid covers, marks that can be read.
/// Resin: draws the layers with supports and reads them back. What would be dangerous to print is not written.
/// `osteon printers` lists the printers; `osteon slice` has more settings for resin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Print {
    /// Items to print; all if none is named
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// Built-in printer, path of a profile file (.toml), or an installed one: `prusa:<printer>/<print>/<filament>`, `cura:<machine>`
    #[serde(default = "usual_printer")]
    pub printer: String,
    /// Fine or standard layers; a maker's profile has layers of its own
    #[serde(default)]
    pub quality: Fineness,
    /// The slicing program; the one that understands the printer if not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineName>,
    /// Path of the slicing program, if it is not found by its usual names
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slicer: Option<String>,
    /// Folder of the makers' profiles or Cura's definitions, if they are not where they usually are
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<String>,
    /// What is up: `standing` as in the patient, `best` for the side that prints soonest, or a direction of the part as `x,y,z` (LPS)
    #[serde(default = "standing")]
    pub up: String,
}

fn usual_printer() -> String {
    USUAL_PRINTER.to_owned()
}
fn standing() -> String {
    STANDING.to_owned()
}

impl Command for Print {
    const NAME: &'static str = "print";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        match resin_profile(&self.printer)? {
            Some(printer) => self.resin(job, &printer),
            None => self.filament(job),
        }
    }
}

impl Print {
    /// Layers for a resin printer, for each item.
    fn resin(&self, job: &mut Job<'_>, printer: &ResinPrinter) -> Result<Outcome, Failure> {
        let told = json!(printer).to_string();
        job.depends_on("printer", Sha256::of(told.as_bytes()));
        let format = printer.takes.first().copied().unwrap_or(Format::Png);
        let free = Regions::default();
        let how = Exposing {
            printer,
            layer: printer.exposure.layer,
            levels: u32::from(u8::MAX) + 1,
            turn: upright::turn(&self.up)?,
            held: Some(&free),
        };
        let plan = job.plan()?;
        let models = chosen(plan.models().cloned().collect(), &self.items)?;
        let mut outcome = Outcome::default();
        for (n, model) in models.iter().enumerate() {
            let solid = job.solid(&model.id)?;
            let share = |k: usize| k as f64 / models.len() as f64;
            let ctx = job.ctx().part(&model.id, share(n), share(n + 1));
            let (bytes, exposed) = expose(&solid, &how, (&model.id, format), &ctx)?;
            job.write_bytes(&artefacts::product(&model.id, format.end()), &bytes)?;
            job.write_record(&artefacts::product(&model.id, "print.json"), &exposed.printed(&how))?;
            outcome
                .summary
                .extend(exposed.lines(&how).into_iter().map(|line| format!("{}: {line}", model.id)));
            outcome.findings.extend(exposed.findings);
        }
        let items: Vec<_> = models.iter().map(|m| &m.id).collect();
        outcome.data = json!({ "printer": printer.name, "items": items });
        Ok(outcome)
    }

    /// G-code for a filament printer, for each item.
    fn filament(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ready = Ready::new(&Wish {
            printer: &self.printer,
            quality: self.quality,
            engine: self.engine,
            slicer: self.slicer.as_deref(),
            resources: self.resources.as_deref(),
            up: &self.up,
        })?;
        job.depends_on("printer", ready.hash);
        let plan = job.plan()?;
        let models = chosen(plan.models().cloned().collect(), &self.items)?;
        // Whether it fits is known without a slicing program, and is the more useful answer.
        for model in &models {
            ready.place(&*job.solid(&model.id)?, &job.ctx().part("placing", 0.0, 0.0))?;
        }
        let engine = ready.engine()?;
        let mut outcome = Outcome::default();
        for (n, model) in models.iter().enumerate() {
            let solid = job.solid(&model.id)?;
            let share = |k: usize| k as f64 / models.len() as f64;
            let ctx = job.ctx().part(&model.id, share(n), share(n + 1));
            let bears: Vec<_> =
                read_made(job, &model.id)?.places.iter().filter_map(MarkRecord::placement).collect();
            let made = ready.make(&model.id, (&solid, &bears), &engine, &ctx)?;
            job.write_bytes(&artefacts::product(&model.id, "gcode"), &made.gcode)?;
            job.write_record(&artefacts::product(&model.id, "print.json"), &made.printed)?;
            outcome.summary.push(made.line);
            outcome.findings.extend(made.findings);
        }
        let items: Vec<_> = models.iter().map(|m| &m.id).collect();
        outcome.data = json!({ "printer": ready.profile.printer.name, "items": items });
        Ok(outcome)
    }
}
