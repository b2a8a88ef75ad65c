//! `expose`: a mesh file for a resin printer, without another program.

use crate::command::shape::load_with_facts;
use crate::exposing::{self, Exposing, resin_profile};
use crate::failure::Failure;
use crate::job::Job;
use crate::protected;
use crate::registry::{Command, Effect, Outcome};
use crate::upright;
use osteon_case::{CasePath, Folder};
use osteon_core::{ErrorKind, Finding, Mesh, Mm, Solid};
use osteon_print::Turn;
use osteon_print::resin::Format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Slice a mesh file for a resin printer and check every layer
///
/// Reads STL, 3MF, OBJ, PLY or GLB, lifts the part off the plate and holds it with supports, draws every layer so that
/// each pixel is lit as far as the section covers it, and writes a file the printer takes. The file is then read back:
/// every layer's light against the section of the part, layers with nothing in them, pieces that begin in mid-air,
/// outlines against the part and its mirror images.
///
/// Built-in resin printers: saturn-4-ultra, generic-8k, generic-4k, sl1s. Exposure times depend on the resin: set them
/// in a profile of your own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expose {
    /// Mesh file to print; objects that overlap are one
    #[schemars(extend("x-position" = 1))]
    pub file: String,
    /// File to write: .goo, .sl1 or .zip with one picture for each layer
    pub out: String,
    /// Name of a built-in resin printer, or path of a profile file
    #[serde(default = "usual_printer")]
    pub printer: String,
    /// Direction of the part that points away from the plate, x,y,z in the patient frame; to the head if not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<String>,
    /// Layer height; the profile's if not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 0.3))]
    pub layer: Option<Mm>,
    /// Whether the part is lifted off the plate and held by pillars
    #[serde(default)]
    pub supports: Held,
    /// Surfaces no support may touch: "ball x,y,z radius", "box x,y,z x,y,z" or "near mm file"
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub protect: Vec<String>,
    /// Levels of brightness between none and all light, both counted
    #[serde(default = "all_levels")]
    #[schemars(range(min = 2, max = 256))]
    pub antialias: u32,
}

/// Whether a part is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It is lifted and held by pillars.
    #[default]
    Yes,
    /// It stands on the plate as it is.
    No,
}

fn usual_printer() -> String {
    "saturn-4-ultra".to_owned()
}
fn all_levels() -> u32 {
    256
}

impl Command for Expose {
    const NAME: &'static str = "expose";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        let printer = resin_profile(&self.printer)?;
        let (folder, name, format) = self.target()?;
        let turn = self.up.as_deref().map_or_else(|| Ok(Turn::standing()), upright::turn)?;
        let regions = protected::regions(&self.protect, &ctx.part("protected surfaces", 0.0, 0.05))?;
        let (part, mut findings) = self.part(&ctx.part("reading", 0.05, 0.1))?;
        let how = Exposing {
            printer: &printer,
            layer: self.layer.map_or(printer.exposure.layer, |layer| layer.value()),
            levels: self.antialias,
            turn,
            held: (self.supports == Held::Yes).then_some(&regions),
        };
        let title = Path::new(&self.file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let exposed =
            exposing::expose(&part, &how, &title, (&folder, &name, format), &ctx.part("exposing", 0.1, 1.0))?;
        findings.extend(exposed.findings.iter().cloned());
        let mut summary = exposed.lines(&how);
        summary.push(format!("wrote {}", self.out));
        let (taken, proof) = (&exposed.estimate, &exposed.proof);
        let data = json!({
            "printer": printer.name,
            "file": self.out,
            "layers": proof.layers,
            "layer_mm": how.layer,
            "height_mm": exposed.standing.top(),
            "up": turn.up().to_array(),
            "seconds": taken.seconds,
            "resin_ml": taken.millilitres,
            "part_ml": taken.part_millilitres,
            "cured_ml": proof.millilitres,
            "mass_g": taken.grams,
            "cost": taken.cost,
            "pillars": exposed.pillars,
            "islands": proof.islands,
            "largest_area_error_percent": proof.area_error,
            "least_common_outline": proof.overlap,
        });
        Ok(Outcome { summary, findings, data, ..Outcome::default() })
    }
}

impl Expose {
    /// The folder, name and format of a file that does not exist yet.
    fn target(&self) -> Result<(Folder, String, Format), Failure> {
        let path = PathBuf::from(&self.out);
        let end = path.extension().unwrap_or_default().to_string_lossy();
        let Some(format) = Format::of(&end) else {
            let message = format!("{} does not end in a format that can be written", path.display());
            let help = "name a file that ends in .goo, .sl1 or .zip";
            return Err(Failure::new(ErrorKind::Input, "unknown-format", message, help));
        };
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = Folder::open(parent)?;
        if folder.has(&CasePath::new(&name)?) {
            let message = format!("{name} exists already in {}", parent.display());
            let help = "remove it, or name another file with --out";
            return Err(Failure::new(ErrorKind::Input, "exists-already", message, help));
        }
        Ok((folder, name, format))
    }

    /// All objects of the file as the shells of one solid.
    fn part(&self, ctx: &osteon_core::Ctx) -> Result<(Solid, Vec<Finding>), Failure> {
        let (read, _) = load_with_facts(&self.file, ctx)?;
        let mut all = Mesh::default();
        for named in read.meshes {
            let first = all.vertices.len() as u32;
            all.vertices.extend(named.mesh.vertices);
            all.triangles.extend(named.mesh.triangles.into_iter().map(|t| t.map(|v| v + first)));
        }
        let solid = Solid::proven(all, ctx)?.map_err(|not| {
            let help =
                "mend it first: osteon shape <file> --step repair; osteon check <file> shows all defects";
            Failure::new(ErrorKind::Input, "not-solid", not.to_string(), help)
        })?;
        Ok((solid, read.findings))
    }
}
