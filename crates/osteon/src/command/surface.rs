//! `surface`: from a scan to a checked solid in one go, without a case.

use crate::card::{self, AgainstImage, Card};
use crate::command::import;
use crate::command::segment::{self, Cavities, Denoise, Segment};
use crate::failure::Failure;
use crate::intake::{self, Hashes};
use crate::job::Job;
use crate::mesh_out::Target;
use crate::registry::{Command, Effect, Outcome};
use crate::surfacing::{Care, Cortex, Surfacing, finished, half_height, uncertainty};
use osteon_core::{Ctx, ErrorKind, Finding, Hu, Mask, Mm, Severity, Volume};
use osteon_io::dicom::{Loaded, Source};
use osteon_io::mesh_file::Placed;
use osteon_mesh::bvh::Bvh;
use osteon_mesh::check::volume_against_mask;
use osteon_plan::{Structure, StructureId, check_structure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// Make a checked, decimated bone surface from a scan, without a case
///
/// Segments bone as `segment` does, places the surface between voxels by the grey values, leaves out triangles within
/// a proven deviation, and writes the solid with its QA card: closed and manifold, self-intersections, thinnest wall,
/// editing error and uncertainty. For work that is to be repeated, planned or printed with marks, make a case with
/// `model`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// Folder, file or ZIP archive with the scan
    #[schemars(extend("x-position" = 1))]
    pub path: String,
    /// File to write: .stl, .3mf, .ply, .obj or .glb
    pub out: String,
    /// The series to take when the folder holds several: its number in the list, or its UID
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// What you state in place of the files, such as spacing=0.5,0.5 or gaps=filled; written on the card
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub assume: Vec<String>,
    /// Lowest radiodensity that is taken for bone
    #[serde(default = "segment::bone")]
    #[schemars(range(min = -1024.0, max = 3071.0))]
    pub threshold: Hu,
    /// What is done against noise before the threshold; the surface is always placed by the values as scanned
    #[serde(default)]
    pub denoise: Denoise,
    /// Volume below which an island is dropped
    #[serde(default = "segment::dust")]
    #[schemars(range(min = 0.0), extend("x-unit" = "mm³"))]
    pub smallest: f64,
    /// Keep only so many of the largest islands
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub largest: Option<u32>,
    /// What happens to cavities
    #[serde(default = "segment::filled")]
    pub cavities: Cavities,
    /// How far leaving out triangles may move the surface; 0 keeps them all
    #[serde(default = "Surfacing::usual_within")]
    #[schemars(range(min = 0.0, max = 5.0))]
    pub within: Mm,
    /// Share of the triangles that is enough
    #[serde(default = "Surfacing::usual_share")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Where the surface of thin cortex is put
    #[serde(default)]
    pub cortex: Cortex,
    /// Whether the card says how well the surface is known
    #[serde(default)]
    pub uncertainty: Budget,
}

/// Whether the uncertainty of the surface is worked out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// It is left out, which is faster.
    #[default]
    LeftOut,
    /// It is told on the card.
    Told,
}

impl Command for Surface {
    const NAME: &'static str = "surface";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        let target = Target::new(&self.out)?;
        let (volume, source, mut findings) = self.load(&ctx)?;
        let (mask, found) = self.segment().find(&volume, &ctx.part("segmenting", 0.25, 0.55))?;
        findings.extend(found);
        if mask.is_empty() {
            let message =
                format!("nothing of at least {} mm³ is at or above {}", self.smallest, self.threshold);
            let help = "lower --threshold or --smallest, or check that the scan shows what you look for";
            return Err(Failure::new(ErrorKind::Numeric, "nothing-found", message, help));
        }
        findings.extend(self.trusted(&mask, &source)?);
        let fitted = self.cortex == Cortex::Fitted;
        let care = if fitted { Care::Mended } else { Care::Told };
        let how = Surfacing { within: self.within.value(), share: self.share, care };
        let (whole, known) = half_height(&volume, &mask, &ctx.part("surface", 0.55, 0.65))?;
        // The image is the largest thing in memory: gone before triangles are counted, unless it is asked again.
        let volume = Some(volume).filter(|_| fitted || self.uncertainty == Budget::Told);
        let asked = volume.as_ref().filter(|_| fitted);
        let made = finished(whole, asked, (known, &how), &ctx.part("surface", 0.65, 0.85))?;
        let against = volume_against_mask(&made.solid, &mask).map(|share| 100.0 * share);
        let mut image = AgainstImage {
            volume_against_voxels: against,
            editing_error: made.editing_error,
            uncertainty: None,
        };
        if let (Some(volume), Budget::Told) = (&volume, self.uncertainty) {
            let part = ctx.part("uncertainty", 0.85, 0.88);
            image.uncertainty = Some(uncertainty(&made.solid, volume, &made.known, &part)?.1);
        }
        drop(volume);
        let solids = [("bone", &made.solid)];
        let bvh = Bvh::new(made.solid.mesh(), &ctx.part("hierarchy", 0.87, 0.88))?;
        let whole = (&made.solid, &bvh);
        let checking = ctx.part("checking", 0.88, 0.92);
        let mut object = card::examine("bone", whole, &made.crossings, &mut findings, &checking)?;
        object.image = Some(image);
        target.write(&solids, Placed::InPatient, &ctx.part("writing", 0.92, 0.96))?;
        let card = Card::new(Some(target.facts(Placed::InPatient)?), vec![object], Vec::new(), findings);
        target.write_card(&card, &solids, &ctx.part("card", 0.96, 1.0))?;
        let mut summary = made.lines;
        summary.extend(card.lines());
        summary.push(target.line());
        let mut data = json!(card);
        data["assumed"] = json!(source.assumed);
        Ok(Outcome { summary, findings: card.findings, data, ..Outcome::default() })
    }
}

impl Surface {
    /// The scan in Hounsfield units, where it came from, and what is to be told.
    fn load(&self, ctx: &Ctx) -> Result<(Volume<i16>, Source, Vec<Finding>), Failure> {
        let path = Path::new(&self.path);
        let intake = intake::look(path, &self.assume, &ctx.part("reading headers", 0.0, 0.05))?;
        let candidate = intake.choose(self.series.as_deref())?;
        let Loaded { samples, source, mut findings, .. } =
            intake.load(candidate, Hashes::None, &ctx.part("decoding slices", 0.05, 0.25))?;
        import::for_bone(&source)?;
        let (volume, rounding) = samples.to_i16()?;
        findings.extend(rounding.map(import::rounded));
        findings.extend(intake.told());
        Ok((volume, source, findings))
    }

    /// What is to be told of the bone before it is made; refused where a person must decide first.
    fn trusted(&self, mask: &Mask, source: &Source) -> Result<Vec<Finding>, Failure> {
        let slabs = import::unmeasured(source);
        let structure = Structure::of(StructureId::bone(), mask, &slabs);
        let findings: Vec<Finding> = structure.iter().flat_map(check_structure).collect();
        match findings.iter().find(|finding| finding.severity == Severity::Danger) {
            Some(danger) => {
                Err(Failure::new(ErrorKind::Input, &danger.code, &danger.message, &danger.remedy))
            }
            None => Ok(findings),
        }
    }

    fn segment(&self) -> Segment {
        Segment {
            threshold: self.threshold,
            denoise: self.denoise,
            smallest: self.smallest,
            largest: self.largest,
            cavities: self.cavities,
            ..Segment::default()
        }
    }
}
