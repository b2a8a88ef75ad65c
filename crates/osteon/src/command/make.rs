//! `make`: the plan's items become solids.

use crate::artefacts;
use crate::card::{EditingError, Uncertainty};
use crate::command::import;
use crate::failure::Failure;
use crate::job::Job;
use crate::marks::{self, MarkRecord};
use crate::protected;
use crate::registry::{Command, Effect, Outcome};
use crate::surfacing::{Care, Cortex, Known, Surfaced, Surfacing, finished, half_height, uncertainty};
use glam::DVec3;
use osteon_case::Sha256;
use osteon_core::{Ctx, Direction, ErrorKind, Finding, Grid, Mm, Severity, Solid, Volume};
use osteon_design::style::Process;
use osteon_design::{Axes, MarkStyle, Marked, Marks, ScaleBar, Site, mark};
use osteon_io::ply;
use osteon_plan::{Model, plan};
use osteon_view::{Paint, Part, View, marks as corners, shaded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Make the plan's items: surfaces from the grey values, proven closed, with their marks
///
/// Writes `products/<item>.ply` with all digits, the file everything else is exported from, and
/// `products/<item>.json` with what was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Make {
    /// Items to make; all if none is named
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// How far leaving out triangles may move the surface; 0 keeps them all
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 5.0))]
    pub within: Mm,
    /// Where the surface of thin cortex is put
    #[serde(default)]
    pub cortex: Cortex,
    /// How the models will be printed, as far as the size of their marks depends on it
    #[serde(default)]
    pub marks_for: MarksFor,
    /// Whether a bar of known length is pressed in
    #[serde(default)]
    pub scale_bar: Bar,
    /// Version pressed in; a code of what the model is made from if none is given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Surfaces that bear no marks, each as `ball x,y,z r`, `box x,y,z x,y,z` or `near mm file`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
}

/// How a marked model will be printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarksFor {
    /// Molten filament, nozzle 0.4 mm; its marks are legible in resin too.
    #[default]
    Filament,
    /// Resin: smaller letters, shallower grooves.
    Resin,
    /// Sintered or fused powder: larger letters, deeper grooves.
    Powder,
}

impl MarksFor {
    const fn process(self) -> Process {
        match self {
            MarksFor::Filament => Process::Filament,
            MarksFor::Resin => Process::Resin,
            MarksFor::Powder => Process::Powder,
        }
    }
}

/// Whether a model bears a bar of known length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bar {
    /// The longest of 50, 20 and 10 mm for which there is room.
    #[default]
    Fitting,
    /// None.
    None,
}

/// Views of the map of the uncertainty: the first of the six.
pub(crate) const MAPS: usize = 2;

/// Size of the map's pictures in pixels.
const MAP: [usize; 2] = [560, 560];

/// Uncertainty in mm at which the map's colours end.
///
/// Chosen: half a millimetre is what labs state for segmentation; beyond it all is red.
pub(crate) const WORST: f64 = 0.5;

/// The colour of an uncertainty in mm: blue where it is small, over yellow to red at [`WORST`] and beyond.
fn shade(mm: f64) -> [u8; 3] {
    let [low, middle, high] = [[70.0, 120.0, 190.0], [245.0, 225.0, 120.0], [200.0, 50.0, 40.0]];
    let part = (mm / WORST).clamp(0.0, 1.0) * 2.0;
    let (from, to, t) = if part < 1.0 { (low, middle, part) } else { (middle, high, part - 1.0) };
    [0, 1, 2].map(|c: usize| (from[c] + (to[c] - from[c]) * t + 0.5) as u8)
}

/// What was made: `products/<item>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// The plan's item.
    pub item: String,
    /// The structure it shows.
    pub structure: String,
    /// SHA-256 of the plan it was made from.
    pub plan: String,
    /// Enclosed volume, mm³.
    pub volume: f64,
    /// Surface area, mm².
    pub area: f64,
    /// Size along the patient's axes, mm.
    pub size: [f64; 3],
    /// Number of triangles.
    pub triangles: usize,
    /// Number of separate pieces, without the walls of cavities.
    pub pieces: usize,
    /// Handles minus cavities.
    pub genus: i64,
    /// What is written on it, line by line; empty if nothing is.
    pub marks: Vec<String>,
    /// The sides of the model the marks are on.
    pub marked_on: Option<String>,
    /// Height of the smallest letters, mm.
    pub letter_height: Option<f64>,
    /// Its version, if one is meant to be pressed in.
    #[serde(default)]
    pub version: Option<String>,
    /// Where each mark is.
    #[serde(default)]
    pub places: Vec<MarkRecord>,
    /// How well its surface is known, before the marks were pressed in.
    #[serde(default)]
    pub accuracy: Option<Accuracy>,
}

/// How well a surface is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accuracy {
    /// What leaving out triangles did, mm.
    pub editing_error: EditingError,
    /// Bias and uncertainty over the surface.
    pub uncertainty: Uncertainty,
    /// How sharp the scan is.
    pub scan: String,
    /// Pairs of triangles that meet each other.
    pub self_intersections: usize,
}

/// The items of the plan that were asked for, or all.
pub(crate) fn chosen(models: Vec<Model>, items: &[String]) -> Result<Vec<Model>, Failure> {
    let unknown = items.iter().find(|item| !models.iter().any(|model| model.id == **item));
    if let Some(item) = unknown {
        let known: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
        let message = format!("the plan has no item \"{item}\"; it has: {}", known.join(", "));
        return Err(Failure::new(
            ErrorKind::Missing,
            "no-item",
            message,
            "name one of these, or propose a plan with it",
        ));
    }
    Ok(models.into_iter().filter(|model| items.is_empty() || items.contains(&model.id)).collect())
}

impl Command for Make {
    const NAME: &'static str = "make";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let plan_hash = job.needs(artefacts::PLAN)?;
        let plan = job.plan()?;
        let dangers = osteon_plan::check(&job.scene()?, &plan);
        if let Some(danger) = dangers.into_iter().find(|f| f.severity == Severity::Danger) {
            return Err(Failure::new(ErrorKind::Input, &danger.code, danger.message, danger.remedy));
        }
        let models = chosen(plan.models().cloned().collect(), &self.items)?;
        let mut outcome = Outcome::default();
        for (n, model) in models.iter().enumerate() {
            let share = |step: f64| (n as f64 + step) / models.len() as f64;
            let ctx = job.ctx().part(&model.id, share(0.0), share(1.0));
            let (solid, known) = self.surface(job, model, &ctx)?;
            let (solid, mut made, findings) = self.marked(job, solid, model, plan_hash, &ctx)?;
            outcome.findings.extend(findings);
            made.accuracy = Some(known);
            let line = format!(
                "{}: {} triangles, {:.1} cm³, {}",
                model.id,
                made.triangles,
                made.volume / 1000.0,
                if made.marks.is_empty() {
                    "no marks".to_owned()
                } else {
                    format!("marked {}", made.marks.join(" | "))
                }
            );
            outcome.summary.push(line);
            store(job, solid, &made)?;
        }
        outcome.data = json!({ "items": models.iter().map(|m| m.id.as_str()).collect::<Vec<_>>() });
        Ok(outcome)
    }
}

impl Make {
    /// The surface of the model's structure, from its mask and the grey values, and how well it is known.
    fn surface(&self, job: &mut Job<'_>, model: &Model, ctx: &Ctx) -> Result<(Solid, Accuracy), Failure> {
        let volume = job.volume()?;
        let structures = job.structures()?;
        let Some((_, mask)) = structures.iter().find(|(id, _)| *id == model.of) else {
            let message = format!("the label map has no {}", model.of);
            return Err(Failure::new(ErrorKind::Missing, "no-structure", message, "segment it first"));
        };
        let (whole, known) = half_height(&volume, mask, &ctx.part("surface", 0.0, 0.2))?;
        let made = self.finished(whole, known, &volume, &ctx.part("surface", 0.2, 0.45))?;
        let (u95, uncertain) =
            uncertainty(&made.solid, &volume, &made.known, &ctx.part("uncertainty", 0.45, 0.55))?;
        map(job, model, (&made.solid, &u95), &ctx.part("map of the uncertainty", 0.55, 0.6))?;
        let accuracy = Accuracy {
            editing_error: made.editing_error,
            uncertainty: uncertain,
            scan: made.known.spread.line(),
            self_intersections: made.crossings.len(),
        };
        Ok((made.solid, accuracy))
    }

    /// The surface as it is wished for: as it is, or with fewer triangles and thin cortex fitted.
    fn finished(
        &self,
        whole: Solid,
        known: Known,
        volume: &Volume<i16>,
        ctx: &Ctx,
    ) -> Result<Surfaced, Failure> {
        if self.within.value() <= 0.0 && self.cortex == Cortex::HalfHeight {
            return Ok(Surfaced::untouched(whole, known));
        }
        let share = Surfacing::usual_share();
        let how = Surfacing { within: self.within.value(), share, care: Care::Mended };
        let asked = Some(volume).filter(|_| self.cortex == Cortex::Fitted);
        finished(whole, asked, (known, &how), ctx)
    }

    /// Presses the marks in, if the plan wants them, and says what was made.
    fn marked(
        &self,
        job: &mut Job<'_>,
        solid: Solid,
        model: &Model,
        plan: Sha256,
        ctx: &Ctx,
    ) -> Result<(Solid, Made, Vec<Finding>), Failure> {
        let (marked, version) = match model.marks {
            plan::Marks::None => (Marked { solid, placements: Vec::new(), findings: Vec::new() }, None),
            plan::Marks::Pressed => {
                let marks = self.marks(job, model)?;
                let axes = axes(job.volume()?.grid());
                let style = MarkStyle::of(self.marks_for.process())?;
                job.depends_on(
                    "data/model-marks.toml",
                    Sha256::of(osteon_design::style::STANDARD.as_bytes()),
                );
                let protected = protected::regions(&self.protect, ctx)?;
                let site = Site { axes: &axes, protected: &protected };
                (mark(solid, &marks, site, &style, &ctx.part("marks", 0.6, 0.9))?, marks.version)
            }
        };
        let Marked { solid, placements, findings } = marked;
        let lines =
            placements.iter().flat_map(|placement| placement.lines.iter().filter(|line| !line.is_empty()));
        let mut faces: Vec<&str> = placements.iter().map(|placement| placement.face.name()).collect();
        faces.dedup();
        let heights = placements.iter().map(|placement| placement.lettering.height);
        let bounds = solid.mesh().bounds();
        let made = Made {
            item: model.id.clone(),
            structure: model.of.to_string(),
            plan: plan.to_string(),
            volume: solid.volume(),
            area: solid.mesh().area(),
            size: bounds.size().to_array(),
            triangles: solid.mesh().triangles.len(),
            pieces: solid.shells().iter().filter(|shell| shell.volume > 0.0).count(),
            genus: solid.genus(),
            marks: lines.cloned().collect(),
            marked_on: (!faces.is_empty()).then(|| faces.join(", ")),
            letter_height: heights.min_by(f64::total_cmp),
            version,
            places: placements.iter().map(MarkRecord::of).collect(),
            accuracy: None,
        };
        Ok((solid, made, findings))
    }

    /// What is to be written on a model.
    fn marks(&self, job: &mut Job<'_>, model: &Model) -> Result<Marks, Failure> {
        let note = import::assumed(&import::source(&job.read(artefacts::SOURCE)?)?);
        // Known before the surface is made: what it is made from, how, and by which version of the suite.
        let how =
            json!({ "item": model, "within": self.within, "cortex": self.cortex, "by": crate::VERSION });
        let from = [
            job.needs(artefacts::IMAGE)?,
            job.needs(artefacts::LABELS)?,
            Sha256::of(how.to_string().as_bytes()),
        ];
        Ok(Marks {
            case_id: job.case()?.description().id.clone(),
            side: model.side,
            level: marks::level(&model.of),
            note,
            version: Some(self.version.clone().unwrap_or_else(|| marks::version(&from))),
            scale_bar: match self.scale_bar {
                Bar::Fitting => ScaleBar::Fitting,
                Bar::None => ScaleBar::None,
            },
        })
    }
}

/// Pictures of the model in colours that tell how well its surface is known.
fn map(job: &mut Job<'_>, model: &Model, (solid, u95): (&Solid, &[f32]), ctx: &Ctx) -> Result<(), Failure> {
    let colours: Vec<[u8; 3]> = u95.iter().map(|&mm| shade(f64::from(mm))).collect();
    let parts = [Part { mesh: solid.mesh(), paint: Paint::Vertices(&colours) }];
    let shown = osteon_view::Model::new(&parts)?;
    for (n, view) in View::SIX.into_iter().take(MAPS).enumerate() {
        let camera = shown.camera(view, MAP)?;
        let mut picture = shaded(&shown, &camera, ctx)?;
        corners::mark(&mut picture, &camera, corners::Ink::ON_LIGHT);
        let path = artefacts::product(&model.id, &format!("uncertainty-{}.png", n + 1));
        job.write_bytes(&path, &osteon_view::png::png(&picture)?)?;
    }
    Ok(())
}

fn store(job: &mut Job<'_>, solid: Solid, made: &Made) -> Result<(), Failure> {
    let path = artefacts::product(&made.item, "ply");
    let hash =
        job.write(&path, |out, ctx| Ok(ply::write(solid.mesh(), out, &ctx.part("writing", 0.9, 1.0))?))?;
    job.write_record(&artefacts::product(&made.item, "json"), &made)?;
    job.session().solids.insert(made.item.clone(), Some((hash, Arc::new(solid))));
    Ok(())
}

/// Smallest cosine between an axis of the scan and the direction of the patient it stands for.
///
/// Chosen: 60°; up to there the axis is nearer to this direction than to any other, whatever the oblique.
const NEAR: f64 = 0.5;

/// The patient's directions along the axes of the scan, so that marks move with a patient who is moved.
///
/// The axes of the slices, which a tilted gantry does not shear; where the scan is too oblique for them to
/// stand for directions of the patient, the patient frame's own.
fn axes(grid: &Grid) -> Axes {
    let linear = grid.to_patient().linear;
    let columns = [linear.x_axis, linear.y_axis, linear.z_axis];
    let nearest = |wanted: DVec3| {
        let cosine = |axis: &DVec3| axis.dot(wanted) / axis.length();
        let best = columns.iter().max_by(|a, b| cosine(a).abs().total_cmp(&cosine(b).abs()));
        best.map(|axis| *axis * cosine(axis).signum())
    };
    let built = || {
        let left = Direction::new(nearest(DVec3::X)?)?;
        let back = nearest(DVec3::Y)?;
        let back = Direction::new(back - left.vec() * back.dot(left.vec()))?;
        let head = Direction::new(left.vec().cross(back.vec()))?;
        let near = left.vec().x.min(back.vec().y).min(head.vec().z) > NEAR;
        near.then(|| Axes::new(left, back, head).ok())?
    };
    built().unwrap_or(Axes::PATIENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DMat3;
    use osteon_core::Affine;

    fn letters(x: DVec3, y: DVec3, z: DVec3) -> String {
        let grid = Grid::new([4, 4, 4], Affine::new(DMat3::from_cols(x, y, z), DVec3::ZERO)).unwrap();
        let axes = axes(&grid);
        [DVec3::X, DVec3::Y, DVec3::Z].map(|d| axes.letter(Direction::new(d).unwrap())).iter().collect()
    }

    #[test]
    fn marks_know_left_back_and_head_for_any_order_and_hand_of_the_axes() {
        let (x, y, z) = (DVec3::X * 0.5, DVec3::Y * 0.7, DVec3::Z * 2.0);
        let orders = [(x, y, z), (y, z, x), (z, y, x), (-x, y, z), (x, -y, -z), (-z, -x, -y), (x, y, z + y)];
        for (a, b, c) in orders {
            assert_eq!(letters(a, b, c), "LPH", "{a} {b} {c}");
        }
        // Too oblique to tell: the patient frame's own axes.
        let oblique = DMat3::from_cols(
            DVec3::new(1.0, 1.0, 1.0),
            DVec3::new(-1.0, 1.0, 0.0),
            DVec3::new(-1.0, -1.0, 2.0),
        );
        assert_eq!(letters(oblique.x_axis, oblique.y_axis, oblique.z_axis), "LPH");
    }
}
