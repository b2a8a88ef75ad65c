//! `segment`: which voxels belong to a structure.

use crate::failure::Failure;
use crate::job::Job;
use crate::label_map;
use crate::registry::{Command, Effect, Outcome};
use osteon_core::{Ctx, ErrorKind, Finding, Hu, Mask, Mm, Severity, Volume};
use osteon_image::{
    Kept, Neighbours, body, components, denoise, fill, fill_pores, keep_largest, keep_within, refine,
    threshold,
};
use osteon_plan::StructureId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::borrow::Cow;

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
    /// What is done against noise before the threshold; the surface is always placed by the values as scanned
    #[serde(default)]
    pub denoise: Denoise,
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

/// What is done against noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Denoise {
    /// Nothing.
    #[default]
    None,
    /// The median of each voxel and its 26 neighbours.
    Median,
    /// A Gaussian of half a millimetre.
    Gaussian,
    /// A flow that keeps edges.
    Flow,
}

/// Standard deviation of the Gaussian against noise, mm. Chosen: about a voxel, which halves the noise and more.
const BLUR: f64 = 0.5;

/// The image less its noise.
pub(crate) fn denoised<'v>(
    volume: &'v Volume<i16>,
    how: Denoise,
    ctx: &Ctx,
) -> Result<Cow<'v, Volume<i16>>, Failure> {
    Ok(match how {
        Denoise::None => Cow::Borrowed(volume),
        Denoise::Median => Cow::Owned(denoise::median(volume, ctx)?),
        Denoise::Gaussian => Cow::Owned(denoise::gaussian(volume, BLUR, ctx)?),
        Denoise::Flow => Cow::Owned(denoise::flow(volume, &denoise::Flow::default(), ctx)?),
    })
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

pub(crate) fn bone() -> Hu {
    BONE
}
fn pores() -> Mm {
    PORES
}
fn dropped() -> Surroundings {
    Surroundings::Drop
}
pub(crate) fn dust() -> f64 {
    DUST
}
pub(crate) fn filled() -> Cavities {
    Cavities::Fill
}
fn half_height() -> Edge {
    Edge::HalfHeight
}

impl Default for Segment {
    /// Bone as it is segmented when nothing else is said.
    fn default() -> Self {
        Self {
            structure: StructureId::bone(),
            threshold: BONE,
            upper: None,
            denoise: Denoise::default(),
            smallest: DUST,
            largest: None,
            surroundings: Surroundings::Drop,
            cavities: Cavities::Fill,
            pores: PORES,
            edge: Edge::HalfHeight,
        }
    }
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
        let before = label_map::structures(job)?;
        let structures = label_map::placed(before, &self.structure, mask, &mut findings)?;
        let volume = label_map::store(job, structures, &self.structure, &ctx.part("writing", 0.9, 1.0))?;
        let cm3 = volume / 1000.0;
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
    pub(crate) fn find(&self, volume: &Volume<i16>, ctx: &Ctx) -> Result<(Mask, Vec<Finding>), Failure> {
        let seen = denoised(volume, self.denoise, &ctx.part("noise", 0.0, 0.05))?;
        let mut mask = threshold(&seen, self.threshold, self.upper, &ctx.part("threshold", 0.05, 0.1))?;
        drop(seen);
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
}

/// What was left out, if anything was.
fn dropped_finding(code: &str, what: &str, kept: &Kept, remedy: &str) -> Option<Finding> {
    let cm3 = kept.dropped_voxels as f64 * kept.mask.grid().voxel_volume() / 1000.0;
    let message =
        format!("{} {what} of together {cm3:.1} cm³ were dropped, {} kept", kept.dropped, kept.kept);
    (kept.dropped > 0).then(|| Finding::new(code, Severity::Note, message).remedy(remedy))
}
