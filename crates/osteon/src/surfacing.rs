//! From a mask and grey values to a solid that says how well it is known: shared by `make` and `surface`.

use crate::card::{EditingError, Uncertainty};
use crate::failure::Failure;
use osteon_core::{Aabb, Ctx, Mask, Mm, Patient, Point, Solid, Volume};
use osteon_image::spread::{Spread, spread};
use osteon_image::{Levels, edge};
use osteon_mesh::budget::{Edits, budget};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::cortex::{self, Scope};
use osteon_mesh::decimate::{Decimation, decimate};
use osteon_mesh::isosurface::isosurface;
use osteon_mesh::self_intersection::{self, Crossing};
use osteon_mesh::untangle::{Untangled, untangle};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the surface of thin cortex is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cortex {
    /// At the local half height, which is quick, and makes walls of a millimetre up to 0.2 mm too thick.
    #[default]
    HalfHeight,
    /// Where a wall fitted to the grey values has its faces, with the scan's own blur.
    Fitted,
}

/// What is done where leaving out triangles let sheets meet that are nearer than the deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// It is told.
    Told,
    /// The triangles around such places are kept, which takes a second attempt.
    Mended,
}

/// How a surface is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Surfacing {
    /// How far leaving out triangles may move the surface, mm; zero keeps them all.
    pub within: f64,
    /// Share of the triangles that is enough.
    pub share: f64,
    /// What happens where sheets meet.
    pub care: Care,
}

impl Surfacing {
    /// How far leaving out triangles may move the surface, where nothing is said.
    ///
    /// Chosen: a tenth of a usual voxel, below what any printer resolves.
    pub fn usual_within() -> Mm {
        Mm(0.05)
    }

    /// Share of the triangles that is enough, where nothing is said.
    ///
    /// Chosen: a voxel of 0.5 mm gives about ten triangles a mm², ten times what a bone's curvature needs.
    pub fn usual_share() -> f64 {
        0.1
    }
}

/// A solid and what is known of it.
pub(crate) struct Surfaced {
    pub solid: Solid,
    /// Where it meets itself.
    pub crossings: Vec<Crossing>,
    /// How far leaving out triangles moved it.
    pub editing_error: EditingError,
    /// What is wanted to know how well it is known.
    pub known: Known,
    pub lines: Vec<String>,
}

impl Surfaced {
    /// The surface as the image shows it: with its vertices on a grid's own edges it does not meet itself.
    pub fn untouched(solid: Solid, known: Known) -> Self {
        let editing_error = EditingError { certified: Some(0.0), ..EditingError::default() };
        let lines = vec![known.spread.line()];
        Self { solid, crossings: Vec::new(), editing_error, known, lines }
    }
}

/// What the scan tells of its own sharpness, and of the edges of one structure.
pub(crate) struct Known {
    pub levels: Levels,
    pub spread: Spread,
    /// How far leaving out triangles moved the surface at most, mm.
    pub decimation: f64,
}

/// The surface of a mask between its voxels, and what the scan tells of its own sharpness.
pub(crate) fn half_height(volume: &Volume<i16>, mask: &Mask, ctx: &Ctx) -> Result<(Solid, Known), Failure> {
    let levels = edge::measure(volume, mask, &ctx.part("edge levels", 0.0, 0.4))?;
    let whole = isosurface(volume, &levels, mask, &ctx.part("surface", 0.4, 0.9))?;
    let spread = spread(volume, mask, &ctx.part("sharpness of the scan", 0.9, 1.0))?;
    Ok((whole, Known { levels, spread, decimation: 0.0 }))
}

/// The surface with thin cortex where its faces are, if there is an image to ask, and as few triangles as the
/// deviation from that allows.
pub(crate) fn finished(
    whole: Solid,
    image: Option<&Volume<i16>>,
    (mut known, how): (Known, &Surfacing),
    ctx: &Ctx,
) -> Result<Surfaced, Failure> {
    let whole = match image {
        None => whole,
        Some(image) => placed(whole, image, &known, &ctx.part("thin cortex", 0.0, 0.4))?,
    };
    if how.within <= 0.0 || how.share >= 1.0 {
        return Ok(Surfaced::untouched(whole, known));
    }
    let aim = Decimation { share: how.share, deviation: how.within, keep: None };
    let mut fewer = decimate(&whole, &aim, &ctx.part("leaving out triangles", 0.4, 0.7))?;
    let (mut bvh, mut meeting) = crossings(&fewer.solid, &ctx.part("self-intersections", 0.7, 0.8))?;
    if how.care == Care::Mended && !meeting.is_empty() {
        // Two sheets nearer than the deviation came to meet: what is around them keeps its triangles.
        let keep = around(&whole, &fewer.solid, &meeting);
        fewer = decimate(&whole, &Decimation { keep: Some(&keep), ..aim }, &ctx.part("once more", 0.8, 0.9))?;
        (bvh, meeting) = crossings(&fewer.solid, ctx)?;
    }
    let left = format!(
        "{} of {} triangles left, within {:.3} mm of the image's surface (proven)",
        fewer.after, fewer.before, fewer.deviation
    );
    let lines = vec![known.spread.line(), left];
    let measuring = ctx.part("editing error", 0.9, 1.0);
    let editing_error = editing_error(&whole, (&fewer.solid, &bvh), fewer.deviation, &measuring)?;
    known.decimation = fewer.deviation;
    Ok(Surfaced { solid: fewer.solid, crossings: meeting, editing_error, known, lines })
}

/// The surface with its vertices where the edges are, and back where that would make it cross itself.
fn placed(whole: Solid, image: &Volume<i16>, known: &Known, ctx: &Ctx) -> Result<Solid, Failure> {
    let Known { levels, spread, .. } = known;
    let before = whole.mesh().vertices.clone();
    let moved =
        cortex::place(&whole, image, levels, spread, Scope::Needed, &ctx.part("walls", 0.0, 0.6))?.solid;
    let Untangled { solid, .. } =
        untangle(&before, moved, &ctx.part("walls", 0.6, 1.0))?.map_err(not_solid)?;
    Ok(solid)
}

/// Where a solid meets itself, and the hierarchy that found it.
fn crossings(solid: &Solid, ctx: &Ctx) -> Result<(Bvh, Vec<Crossing>), Failure> {
    let bvh = Bvh::new(solid.mesh(), ctx)?;
    let mut found = self_intersection::find(solid.mesh(), &bvh, ctx)?;
    found.retain(|crossing| crossing.kind.is_serious());
    Ok((bvh, found))
}

fn not_solid(not: Box<osteon_core::NotSolid>) -> Failure {
    let help = "use --cortex half-height, and report this";
    Failure::new(osteon_core::ErrorKind::Numeric, "surface-not-solid", not.to_string(), help)
}

/// How well every vertex of a solid is known, and the line that says it.
pub(crate) fn uncertainty(
    solid: &Solid,
    volume: &Volume<i16>,
    known: &Known,
    ctx: &Ctx,
) -> Result<(Vec<f32>, Uncertainty), Failure> {
    let edits = Edits { moved: None, decimation: known.decimation };
    let budget = budget(solid, volume, &known.levels, &known.spread, &edits, ctx)?;
    let (mean_u95, line) = (budget.mean_u95, budget.line());
    let unresolved = 100.0 * budget.unresolved;
    let uncertainty =
        Uncertainty { mean_u95, mean_bias: budget.mean_bias, within: budget.within, unresolved, line };
    Ok((budget.u95, uncertainty))
}

/// The vertices of the whole surface near triangles that meet each other.
fn around(whole: &Solid, made: &Solid, crossings: &[Crossing]) -> Vec<bool> {
    let mesh = made.mesh();
    let triangles = crossings.iter().flat_map(|crossing| crossing.triangles);
    let corners = triangles.map(|t| mesh.triangles[t as usize].map(|v| mesh.vertices[v as usize]));
    let boxes: Vec<Aabb<Patient>> = corners.map(Aabb::around).collect();
    let near = |p: &Point<Patient>| boxes.iter().any(|b| b.contains(&Aabb::around([*p])));
    whole.mesh().vertices.par_iter().map(near).collect()
}

/// Places of the image's surface that are looked at; with so many the 95th percentile is good to a percent.
const PLACES: usize = 20_000;

/// How far places spread over the image's surface are from the solid that is made of it.
fn editing_error(
    whole: &Solid,
    (made, bvh): (&Solid, &Bvh),
    certified: f64,
    ctx: &Ctx,
) -> Result<EditingError, Failure> {
    let vertices = &whole.mesh().vertices;
    let stride = vertices.len().div_ceil(PLACES).max(1);
    let far = |n: usize| bvh.nearest(made.mesh(), vertices[n * stride]).map_or(0.0, |near| near.distance);
    let mut distances: Vec<f64> = (0..vertices.len() / stride).into_par_iter().map(far).collect();
    ctx.check()?;
    distances.sort_unstable_by(f64::total_cmp);
    let (sum, count) = (distances.iter().sum::<f64>(), distances.len());
    let at = |share: f64| distances.get((share * count as f64) as usize).or(distances.last()).copied();
    Ok(EditingError {
        mean: sum / count.max(1) as f64,
        p95: at(0.95).unwrap_or(0.0),
        max: at(1.0).unwrap_or(0.0),
        certified: Some(certified),
    })
}
