//! `export`: products as files that other programs read.

use crate::artefacts;
use crate::card::{self, AgainstImage, Card};
use crate::command::check::read_made;
use crate::command::make::chosen;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use osteon_core::{Ctx, Finding, Solid};
use osteon_io::mesh_file::{About, Object};
use osteon_io::{gltf, ply, stl, threemf};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::self_intersection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Write;

/// Write the products as STL, 3MF, PLY and GLB
///
/// STL, 3MF and PLY keep the patient's coordinates in millimetres; STL says so in its header. GLB is for
/// viewers: metres, +Y up. The PLY has all digits and is there since `make`. Each product gets its QA card.
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
    /// Binary STL.
    Stl,
    /// 3D Manufacturing Format.
    #[serde(rename = "3mf")]
    ThreeMf,
    /// Polygon file with 64-bit coordinates.
    Ply,
    /// Binary glTF.
    Glb,
}

impl Format {
    const fn end(self) -> &'static str {
        match self {
            Format::Stl => "stl",
            Format::ThreeMf => "3mf",
            Format::Ply => "ply",
            Format::Glb => "glb",
        }
    }
}

fn all() -> Vec<Format> {
    vec![Format::Stl, Format::ThreeMf, Format::Ply, Format::Glb]
}

/// Colour of bone in exported files, sRGB.
const BONE: [u8; 3] = [241, 214, 145];

impl Command for Export {
    const NAME: &'static str = "export";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let plan = job.plan()?;
        let case_id = job.case()?.description().id.clone();
        let models = chosen(plan.models().cloned().collect(), &self.items)?;
        let steps = (models.len() * self.formats.len()).max(1) as f64;
        let (mut written, mut findings) = (Vec::new(), Vec::new());
        for model in &models {
            let solid = job.solid(&model.id)?;
            let hash = job.needs(&artefacts::product(&model.id, "ply"))?.to_string();
            let title = format!("{case_id} {}", model.of.english());
            let notes = [("Description", crate::NOTICE)];
            let about = About {
                title: &title,
                application: concat!("osteon ", env!("CARGO_PKG_VERSION")),
                notes: &notes,
            };
            for &format in &self.formats {
                let path = artefacts::product(&model.id, format.end());
                let done = written.len() as f64;
                let ctx = job.ctx().part(&path, done / steps, (done + 1.0) / steps);
                // The PLY is what the others are made from, and lies there already.
                if format != Format::Ply {
                    job.write(&path, |out, _| write(format, &model.id, &solid, &about, &hash, out, &ctx))?;
                }
                written.push(path);
            }
            written.extend(carded(job, &model.id, &solid, &mut findings)?);
        }
        let summary = written.iter().map(|path| format!("wrote {path}")).collect();
        Ok(Outcome { summary, findings, data: json!({ "files": written }), ..Outcome::default() })
    }
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
    let card = Card::new(None, vec![object], Vec::new(), told);
    let paths = ["card.json", "card.html"].map(|end| artefacts::product(item, end));
    job.write_record(&paths[0], &card)?;
    job.write_bytes(&paths[1], card::page(&card, item, &[], &ctx)?.as_bytes())?;
    findings.extend(card.findings);
    Ok(paths)
}

#[allow(clippy::too_many_arguments, reason = "one writer for three formats")]
fn write(
    format: Format,
    name: &str,
    solid: &Solid,
    about: &About<'_>,
    hash: &str,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), Failure> {
    let object = Object { name, colour: BONE, solid };
    match format {
        Format::Stl => stl::write(solid, &format!("PLY={}", &hash[..16]), out, ctx)?,
        Format::ThreeMf => threemf::write(&[object], about, None, out, ctx)?,
        Format::Ply => ply::write(solid.mesh(), out, ctx)?,
        Format::Glb => gltf::write(&[object], about, out, ctx)?,
    }
    Ok(())
}
