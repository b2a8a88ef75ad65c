//! `segment`: which voxels belong to a structure.

use crate::artefacts;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use crate::session::Structures;
use osteon_core::{Ctx, ErrorKind, Finding, Hu, Mask, Mm, Severity, Volume};
use osteon_image::{
    Kept, Neighbours, body, components, fill, fill_pores, keep_largest, keep_within, refine, threshold,
};
use osteon_io::nrrd::{self, Segment as Label};
use osteon_plan::StructureId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

/// Find a structure by its radiodensity
///
/// Takes what is at or above a threshold, drops what is not the patient and small islands, moves the boundary
/// to the local half height of the grey values, where the surface really is, and makes spongy bone solid.
/// The result is written to `labels.seg.nrrd`, which other programs can open; a structure of the same name
/// is replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Name of the structure
    #[serde(default = "StructureId::bone")]
    pub structure: StructureId,
    /// Lowest radiodensity that belongs to it
    #[serde(default = "bone")]
    #[schemars(range(min = -1024.0, max = 3071.0))]
    pub threshold: Hu,
    /// Highest radiodensity that belongs to it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1024.0, max = 32767.0))]
    pub upper: Option<Hu>,
    /// Volume below which an island is dropped
    #[serde(default = "dust")]
    #[schemars(range(min = 0.0), extend("x-unit" = "mm³"))]
    pub smallest: f64,
    /// Keep only so many of the largest islands
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub largest: Option<u32>,
    /// What happens to table and cushions
    #[serde(default = "dropped")]
    pub surroundings: Surroundings,
    /// What happens to cavities
    #[serde(default = "filled")]
    pub cavities: Cavities,
    /// Width of the pores of spongy bone that are filled with the cavities; joints narrower than this are
    /// joined inside, the outside stays as it is
    #[serde(default = "pores")]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub pores: Mm,
    /// Where the boundary is put
    #[serde(default = "half_height")]
    pub edge: Edge,
}

/// What happens to what is not the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Surroundings {
    /// It is dropped.
    Drop,
    /// It stays.
    Keep,
}

/// What happens to cavities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cavities {
    /// They are filled.
    Fill,
    /// They stay.
    Keep,
}

/// Where a boundary is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// At the local half height between inside and outside.
    HalfHeight,
    /// Where the threshold puts it, which is up to a millimetre too far out.
    Threshold,
}

/// Threshold for bone.
///
/// Chosen: the usual lower bound of bone presets in CT. It only decides what is taken for bone; where the
/// surface lies is decided by the local half height.
const BONE: Hu = Hu(226.0);

/// Smallest island that is kept, mm³.
///
/// Chosen: half a cubic centimetre is smaller than any carpal or tarsal bone and larger than calcifications,
/// contrast in small vessels and noise. For sesamoids and chips it must be lowered.
const DUST: f64 = 500.0;

/// Width of pores that are filled, mm.
///
/// Chosen: marrow spaces that a scan resolves and the channels of vessels are up to 2 mm wide; with less, a
/// vertebra comes out as a sponge of thousands of handles.
const PORES: Mm = Mm(2.0);

/// How deep inside the outer surface pores begin, mm.
///
/// Chosen: within a voxel or so of the surface nothing is added, so that the surface stays where it is.
const PORE_DEPTH: f64 = 1.0;

fn bone() -> Hu {
    BONE
}
fn pores() -> Mm {
    PORES
}
fn dropped() -> Surroundings {
    Surroundings::Drop
}
fn dust() -> f64 {
    DUST
}
fn filled() -> Cavities {
    Cavities::Fill
}
fn half_height() -> Edge {
    Edge::HalfHeight
}

impl Command for Segment {
    const NAME: &'static str = "segment";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let volume = job.volume()?;
        let ctx = job.ctx().clone();
        let (mask, mut findings) = self.find(&volume, &ctx)?;
        if mask.is_empty() {
            let message =
                format!("nothing of at least {} mm³ is at or above {}", self.smallest, self.threshold);
            let help = "lower --threshold or --smallest, or check that the scan shows what you look for";
            return Err(Failure::new(ErrorKind::Numeric, "nothing-found", message, help));
        }
        let before =
            if job.has(artefacts::LABELS) { job.structures()?.as_ref().clone() } else { Structures::new() };
        let structures = self.placed(before, mask, &mut findings)?;
        let hash = write(job, &structures, &ctx.part("writing the label map", 0.9, 1.0))?;
        let mask = structures.iter().find(|(id, _)| *id == self.structure).map(|(_, mask)| mask.volume());
        let cm3 = mask.unwrap_or_default() / 1000.0;
        job.session().structures = Some((hash, Arc::new(structures)));
        let summary = vec![format!("{}: {cm3:.1} cm³", self.structure.english())];
        Ok(Outcome {
            summary,
            findings,
            data: json!({ "structure": self.structure, "volume_mm3": cm3 * 1000.0 }),
            ..Outcome::default()
        })
    }
}

impl Segment {
    /// The voxels of the structure.
    fn find(&self, volume: &Volume<i16>, ctx: &Ctx) -> Result<(Mask, Vec<Finding>), Failure> {
        let mut mask = threshold(volume, self.threshold, self.upper, &ctx.part("threshold", 0.0, 0.1))?;
        let mut findings = Vec::new();
        if self.surroundings == Surroundings::Drop {
            let ctx = ctx.part("the patient without the table", 0.1, 0.25);
            let all = components(&mask, Neighbours::Corners, &ctx)?;
            let inside = keep_within(&all, &body(volume, &ctx)?);
            // A specimen thinner than any patient leaves nothing of the body: then all of it is meant.
            if inside.mask.is_empty() && !mask.is_empty() {
                let message =
                    "no patient was recognised around the bone, so nothing was taken for table or cushion";
                findings.push(Finding::new("no-body", Severity::Note, message));
            } else {
                let remedy = "to keep them: osteon segment --surroundings keep";
                findings.extend(dropped_finding(
                    "surroundings-dropped",
                    "parts beside the patient",
                    &inside,
                    remedy,
                ));
                mask = inside.mask;
            }
        }
        mask = self.islands(&mask, Neighbours::Corners, &ctx.part("islands", 0.25, 0.3))?.mask;
        if self.edge == Edge::HalfHeight {
            mask = refine(volume, &mask, &ctx.part("half height", 0.3, 0.7))?.mask;
        }
        let ctx = ctx.part("cavities", 0.7, 0.9);
        mask = match (self.cavities, self.pores.value() > 0.0) {
            (Cavities::Keep, _) => mask,
            (Cavities::Fill, false) => fill(&mask, &ctx)?.mask,
            (Cavities::Fill, true) => fill_pores(&mask, self.pores.value(), PORE_DEPTH, &ctx)?.mask,
        };
        // Pieces that only touch at edges and corners would become separate shells: islands by faces.
        let kept = self.islands(&mask, Neighbours::Faces, &ctx)?;
        let remedy = "to keep smaller ones: osteon segment --smallest <mm³>";
        findings.extend(dropped_finding("islands-dropped", "islands", &kept, remedy));
        Ok((kept.mask, findings))
    }

    /// The islands that are large enough, or the largest of them.
    fn islands(&self, mask: &Mask, neighbours: Neighbours, ctx: &Ctx) -> Result<Kept, Failure> {
        let all = components(mask, neighbours, ctx)?;
        let voxel = mask.grid().voxel_volume();
        let enough = all.list().iter().filter(|island| island.voxels as f64 * voxel >= self.smallest).count();
        Ok(keep_largest(&all, self.largest.map_or(enough, |n| enough.min(n as usize))))
    }

    /// The label map with this structure in it; it gives way to the others, which were there first.
    fn placed(
        &self,
        mut structures: Structures,
        mut mask: Mask,
        findings: &mut Vec<Finding>,
    ) -> Result<Structures, Failure> {
        structures.retain(|(id, _)| *id != self.structure);
        let voxels = mask.count();
        for (_, other) in &structures {
            mask.subtract(other);
        }
        let shared = (voxels - mask.count()) as f64 * mask.grid().voxel_volume();
        if mask.is_empty() {
            let message = format!("all {shared:.0} mm³ found belong to other structures already");
            let help = "narrow the thresholds, or name the structure that is to be replaced with --structure";
            return Err(Failure::new(ErrorKind::Numeric, "nothing-left", message, help));
        }
        if shared > 0.0 {
            let message = format!("{shared:.0} mm³ belong to other structures already and were left to them");
            findings.push(Finding::new("structures-overlap", Severity::Note, message));
        }
        structures.push((self.structure.clone(), mask));
        Ok(structures)
    }
}

/// What was left out, if anything was.
fn dropped_finding(code: &str, what: &str, kept: &Kept, remedy: &str) -> Option<Finding> {
    let cm3 = kept.dropped_voxels as f64 * kept.mask.grid().voxel_volume() / 1000.0;
    let message =
        format!("{} {what} of together {cm3:.1} cm³ were dropped, {} kept", kept.dropped, kept.kept);
    (kept.dropped > 0).then(|| Finding::new(code, Severity::Note, message).remedy(remedy))
}

/// Display colours of structures, in their order.
const COLOURS: [[u8; 3]; 6] =
    [[241, 214, 145], [128, 174, 128], [111, 184, 210], [216, 101, 79], [183, 156, 220], [144, 238, 144]];

fn write(job: &mut Job<'_>, structures: &Structures, ctx: &Ctx) -> Result<osteon_case::Sha256, Failure> {
    let label = |(n, (id, mask)): (usize, &'_ (StructureId, Mask))| Label {
        id: id.to_string(),
        name: id.to_string(),
        colour: COLOURS[n % COLOURS.len()],
        mask: Cow::Owned(mask.clone()),
    };
    let labels: Vec<Label<'_>> = structures.iter().enumerate().map(label).collect();
    let Some(grid) = structures.first().map(|(_, mask)| mask.grid().clone()) else {
        return Err(Failure::new(
            ErrorKind::Numeric,
            "internal",
            "there are no structures",
            "please report this",
        ));
    };
    job.write(artefacts::LABELS, |out, _| Ok(nrrd::write_segments(&grid, &labels, out, ctx)?))
}
