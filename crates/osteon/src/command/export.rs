//! `export`: products as files that other programs read.

use crate::artefacts;
use crate::card::{self, AgainstImage, Card};
use crate::command::check::read_made;
use crate::command::make::chosen;
use crate::failure::Failure;
use crate::job::Job;
use crate::looks;
use crate::registry::{Command, Effect, Outcome};
use osteon_core::{Ctx, ErrorKind, Finding, Solid};
use osteon_io::mesh_file::{About, Object, Placed};
use osteon_io::{gltf, obj, ply, stl, threemf, usd};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::self_intersection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Write;

/// Write the products as 3MF, STL, PLY, GLB, OBJ and USDZ
///
/// 3MF is what printers take: each product by its name, with its unit, a picture, and nobody's identity; several
/// products also lie together in `products/case.3mf`, each in its colour. 3MF, STL, OBJ and PLY keep the patient's
/// coordinates in millimetres and say so. GLB (metres, +Y up) is for viewers, USDZ for phones. The PLY has all digits
/// and is there since `make`. Each product gets its QA card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Items to export; all if none is named
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// Formats to write
    #[serde(default = "all")]
    pub formats: Vec<Format>,
}

/// A file format for solids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// 3D Manufacturing Format.
    #[serde(rename = "3mf")]
    ThreeMf,
    /// Binary STL.
    Stl,
    /// Polygon file with 64-bit coordinates.
    Ply,
    /// Binary glTF.
    Glb,
    /// Wavefront OBJ.
    Obj,
    /// Scene for phones.
    Usdz,
}

impl Format {
    const fn end(self) -> &'static str {
        match self {
            Format::Stl => "stl",
            Format::ThreeMf => "3mf",
            Format::Ply => "ply",
            Format::Glb => "glb",
            Format::Obj => "obj",
            Format::Usdz => "usdz",
        }
    }
}

fn all() -> Vec<Format> {
    vec![Format::ThreeMf, Format::Stl, Format::Ply, Format::Glb]
}

/// The file that holds all products.
const ASSEMBLY: &str = "products/case.3mf";

/// What files say of their coordinates.
const FRAME: &str = "DICOM patient coordinates (LPS), mm";

impl Command for Export {
    const NAME: &'static str = "export";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let plan = job.plan()?;
        let case_id = job.case()?.description().id.clone();
        let plan_hash = job.needs(artefacts::PLAN)?.to_string();
        let models = chosen(plan.models().cloned().collect(), &self.items)?;
        let steps = (models.len() * self.formats.len()).max(1) as f64;
        let (mut written, mut findings) = (Vec::new(), Vec::new());
        let mut solids = Vec::new();
        for model in &models {
            let solid = job.solid(&model.id)?;
            let hash = job.needs(&artefacts::product(&model.id, "ply"))?.to_string();
            let title = format!("{case_id} {}", model.of.english());
            let notes = notes(&plan_hash, &model.id);
            let objects = looks::objects(&[(&model.id, &solid)]);
            for &format in &self.formats {
                let path = artefacts::product(&model.id, format.end());
                let done = written.len() as f64;
                let ctx = job.ctx().part(&path, (done / steps).min(0.8), ((done + 1.0) / steps).min(0.8));
                // The PLY is what the others are made from, and lies there already.
                if format != Format::Ply {
                    let sheet = Sheet { format, hash: &hash, about: about(&title, &notes) };
                    job.write(&path, |out, _| sheet.write(&objects, out, &ctx))?;
                }
                written.push(path);
            }
            written.extend(carded(job, &model.id, &solid, &mut findings)?);
            solids.push((model.id.clone(), solid));
        }
        if solids.len() > 1 && self.formats.contains(&Format::ThreeMf) {
            let items: Vec<&str> = solids.iter().map(|(id, _)| id.as_str()).collect();
            let items = items.join(" ");
            let notes = notes(&plan_hash, &items);
            let named: Vec<(&str, &Solid)> =
                solids.iter().map(|(id, solid)| (id.as_str(), &**solid)).collect();
            let objects = looks::objects(&named);
            let ctx = job.ctx().part(ASSEMBLY, 0.9, 1.0);
            let sheet = Sheet { format: Format::ThreeMf, hash: "", about: about(&case_id, &notes) };
            job.write(ASSEMBLY, |out, _| sheet.write(&objects, out, &ctx))?;
            written.push(ASSEMBLY.to_owned());
        }
        let summary = written.iter().map(|path| format!("wrote {path}")).collect();
        Ok(Outcome { summary, findings, data: json!({ "files": written }), ..Outcome::default() })
    }
}

/// What a file says of where it comes from; nothing of the patient.
fn notes<'a>(plan: &'a str, items: &'a str) -> [(&'static str, &'a str); 4] {
    [("Description", crate::NOTICE), ("plan-sha256", plan), ("items", items), ("frame", FRAME)]
}

const fn about<'a>(title: &'a str, notes: &'a [(&'a str, &'a str)]) -> About<'a> {
    let application = concat!("osteon ", env!("CARGO_PKG_VERSION"));
    About { title, application, notes, placed: Placed::InPatient }
}

/// The QA card of an exported model, as data and as a page: their names.
fn carded(
    job: &mut Job<'_>,
    item: &str,
    solid: &Solid,
    findings: &mut Vec<Finding>,
) -> Result<[String; 2], Failure> {
    let ctx = job.ctx().part("QA card", 0.0, 1.0);
    let mut told = Vec::new();
    let bvh = Bvh::new(solid.mesh(), &ctx)?;
    let crossings = self_intersection::find(solid.mesh(), &bvh, &ctx)?;
    let mut object = card::examine(item, (solid, &bvh), &crossings, &mut told, &ctx)?;
    if let Some(known) = read_made(job, item)?.accuracy {
        let (editing_error, uncertainty) = (known.editing_error, Some(known.uncertainty));
        object.image = Some(AgainstImage { volume_against_voxels: None, editing_error, uncertainty });
    }
    let objects = vec![object];
    told.extend(card::together(&objects, None));
    let card = Card::new(None, objects, Vec::new(), told);
    let paths = ["card.json", "card.html"].map(|end| artefacts::product(item, end));
    job.write_record(&paths[0], &card)?;
    job.write_bytes(&paths[1], card::page(&card, item, &[], &ctx)?.as_bytes())?;
    findings.extend(card.findings);
    Ok(paths)
}

/// What is written beside the triangles, and how.
struct Sheet<'a> {
    format: Format,
    /// Hash of the exact solid, for the header of an STL.
    hash: &'a str,
    about: About<'a>,
}

impl Sheet<'_> {
    fn write(&self, objects: &[Object<'_>], out: &mut dyn Write, ctx: &Ctx) -> Result<(), Failure> {
        let [first, ..] = objects else {
            let help = "make the products first: osteon make";
            return Err(Failure::new(ErrorKind::Missing, "nothing-to-export", "there are no products", help));
        };
        match self.format {
            Format::Stl => {
                let id = format!("PLY={}", self.hash.get(..16).unwrap_or_default());
                stl::write(first.solid, &id, out, ctx)?;
            }
            Format::ThreeMf => {
                let picture = looks::thumbnail(objects, &ctx.part("thumbnail", 0.0, 0.2))?;
                threemf::write(objects, &self.about, Some(&picture), out, &ctx.part("3MF", 0.2, 1.0))?;
            }
            Format::Ply => ply::write(first.solid.mesh(), out, ctx)?,
            Format::Glb => gltf::write(objects, &self.about, out, ctx)?,
            Format::Obj => obj::write(objects, &self.about, out, ctx)?,
            Format::Usdz => usd::write(objects, &self.about, out, ctx)?,
        }
        Ok(())
    }
}
