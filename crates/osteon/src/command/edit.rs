//! `edit`: a structure changed step by step.

use crate::failure::Failure;
use crate::job::Job;
use crate::label_map;
use crate::registry::{Command, Effect, Outcome};
use crate::session::Structures;
use crate::steps::{Step, Usage};
use osteon_core::{Aabb, Ctx, ErrorKind, Hu, Mask, Volume};
use osteon_image::crop::Crop;
use osteon_image::grow::{self, Range};
use osteon_image::presets::{PRESETS, Preset};
use osteon_image::shapes::{Paint, Shape, paint};
use osteon_image::wrap::{Wrap, wrap};
use osteon_image::{Neighbours, components, fill, islands, morphology, otsu, refine, threshold};
use osteon_plan::StructureId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Change a structure step by step, or make a new one
///
/// Steps are done in their order on the structure's voxels, or on none where the structure is new; what it takes
/// from other structures they lose. Lengths are
/// millimetres, places are patient coordinates `x,y,z` in mm (LPS).
///
/// From grey values: `threshold <low> [high]`, `otsu [from=HU] [to=HU]`, `preset <name>`, `region <x,y,z> … [low=HU]
/// [high=HU]`, `edge` (to the local half height). Pieces: `largest <n>`, `at-least <mm³>`, `pick <x,y,z> …`.
/// By a ball: `grow <r>`, `shrink <r>`, `close <r>`, `open <r>`. Inside: `fill`, `wrap <gap> [detail=mm]`.
/// With other structures: `add <name>`, `subtract <name>`, `intersect <name>`. By hand: `paint` or `erase`, then
/// `<r> <x,y,z> …` for a stroke of radius r, and `crop <x,y,z> <x,y,z>` for what lies in a box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Name of the structure
    #[serde(default = "StructureId::bone")]
    pub structure: StructureId,
    /// What to do, step by step
    #[schemars(extend("x-whole" = true))]
    pub step: Vec<String>,
}

/// The steps and how they are written.
const STEPS: &[Usage] = &[
    ("threshold", "threshold <low HU> [high HU]"),
    ("otsu", "otsu [from=HU] [to=HU]"),
    ("preset", "preset <name>"),
    ("region", "region <x,y,z> … [low=HU] [high=HU]"),
    ("edge", "edge"),
    ("largest", "largest <how many>"),
    ("at-least", "at-least <mm³>"),
    ("pick", "pick <x,y,z> …"),
    ("grow", "grow <radius mm>"),
    ("shrink", "shrink <radius mm>"),
    ("close", "close <radius mm>"),
    ("open", "open <radius mm>"),
    ("fill", "fill"),
    ("wrap", "wrap <gap mm> [detail=mm]"),
    ("add", "add <structure>"),
    ("subtract", "subtract <structure>"),
    ("intersect", "intersect <structure>"),
    ("paint", "paint <radius mm> <x,y,z> …"),
    ("erase", "erase <radius mm> <x,y,z> …"),
    ("crop", "crop <x,y,z> <x,y,z>"),
];

/// Below this nothing is bone for `otsu`, HU.
///
/// Chosen: air and lung would be the lower class.
const NOT_AIR: f64 = -200.0;

/// The highest value `otsu` looks at, HU.
///
/// Chosen: metal would pull the threshold up.
const NOT_METAL: f64 = 2000.0;

impl Command for Edit {
    const NAME: &'static str = "edit";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        // A misspelt step is told before the work begins.
        let steps: Vec<Step<'_>> =
            self.step.iter().map(|text| Step::new(text, STEPS)).collect::<Result<_, _>>()?;
        let volume = job.volume()?;
        let others = label_map::structures(job)?;
        let own = others.iter().find(|(id, _)| *id == self.structure).map(|(_, mask)| mask.clone());
        let mut mask = own.unwrap_or_else(|| Mask::empty(volume.grid()));
        let ctx = job.ctx().clone();
        let (mut summary, mut volumes) = (Vec::new(), Vec::new());
        let count = steps.len().max(1) as f64;
        for (n, step) in steps.into_iter().enumerate() {
            let part = ctx.part(step.verb, 0.9 * n as f64 / count, 0.9 * (n + 1) as f64 / count);
            mask = done(step, mask, &volume, &others, &part)?;
            volumes.push(mask.volume());
            summary.push(format!("{}: {:.1} cm³", self.step[n], mask.volume() / 1000.0));
        }
        if mask.is_empty() {
            let message = format!("nothing of {} is left after these steps", self.structure.english());
            let help = "look at the volume after each step, and change the one that leaves nothing";
            return Err(Failure::new(ErrorKind::Numeric, "nothing-left", message, help));
        }
        let mut findings = Vec::new();
        let structures = label_map::taking(others, &self.structure, mask, &mut findings);
        let mm3 = label_map::store(job, structures, &self.structure, &ctx.part("writing", 0.9, 1.0))?;
        summary.push(format!("{}: {:.1} cm³", self.structure.english(), mm3 / 1000.0));
        let data = json!({ "structure": self.structure, "volume_mm3": mm3, "after_steps_mm3": volumes });
        Ok(Outcome { summary, findings, data, ..Outcome::default() })
    }
}

/// The mask after one step.
fn done(
    mut step: Step<'_>,
    mut mask: Mask,
    volume: &Volume<i16>,
    others: &Structures,
    ctx: &Ctx,
) -> Result<Mask, Failure> {
    let mask = match step.verb {
        "threshold" | "otsu" | "preset" | "region" | "edge" => from_image(&mut step, &mask, volume, ctx)?,
        "largest" => {
            let n = step.number("how many")?;
            if n < 1.0 || n.fract() != 0.0 {
                return Err(step.wrong("how many is a whole number of one or more"));
            }
            islands::keep_largest(&components(&mask, Neighbours::Corners, ctx)?, n as usize).mask
        }
        "at-least" => {
            let mm3 = step.number("a volume")?;
            islands::keep_at_least(&components(&mask, Neighbours::Corners, ctx)?, mm3).mask
        }
        "pick" => grow::pick(&mask, &step.places("a place")?, Neighbours::Corners, ctx)?,
        "grow" => morphology::dilate(&mask, step.length("the radius")?, ctx)?,
        "shrink" => morphology::erode(&mask, step.length("the radius")?, ctx)?,
        "close" => morphology::close(&mask, step.length("the radius")?, ctx)?,
        "open" => morphology::open(&mask, step.length("the radius")?, ctx)?,
        "fill" => fill(&mask, ctx)?.mask,
        "wrap" => {
            let gap = step.length("the gap")?;
            let detail = step.length_or("detail", Wrap::default().detail)?;
            wrap(&mask, &Wrap { gap, detail }, ctx)?.mask
        }
        "paint" | "erase" => {
            let how = if step.verb == "paint" { Paint::Add } else { Paint::Take };
            let radius = step.length("the radius")?;
            paint(&mut mask, &Shape::Stroke { path: step.places("a place")?, radius }, how, ctx)?;
            mask
        }
        "crop" => {
            let corners = [step.place("a corner of the box")?, step.place("the other corner")?];
            let crop = Crop::around_box(mask.grid(), Aabb::around(corners))?;
            let part = crop.mask(&mask)?;
            let mut kept = Mask::empty(mask.grid());
            crop.put_mask(&part, &mut kept)?;
            kept
        }
        _ => with_other(&mut step, mask, others)?,
    };
    step.end()?;
    Ok(mask)
}

/// Steps that look at the grey values.
fn from_image(step: &mut Step<'_>, mask: &Mask, volume: &Volume<i16>, ctx: &Ctx) -> Result<Mask, Failure> {
    match step.verb {
        "threshold" => {
            let low = Hu(step.number("the lowest radiodensity")?);
            let high = step.optional_number("the highest radiodensity")?.map(Hu);
            Ok(threshold(volume, low, high, ctx)?)
        }
        "otsu" => {
            let (from, to) = (step.number_or("from", NOT_AIR)?, step.number_or("to", NOT_METAL)?);
            let Some(low) = otsu(volume, Hu(from), Hu(to), ctx)? else {
                return Err(step.wrong("all values in this range are equal, so nothing splits them"));
            };
            Ok(threshold(volume, low, None, ctx)?)
        }
        "preset" => {
            let name = step.needed("the name of a preset")?;
            let choices: Vec<(&str, &Preset)> = PRESETS.iter().map(|preset| (preset.name, preset)).collect();
            let preset = step.one_of(name, "the preset", &choices)?;
            Ok(preset.mask(volume, ctx)?)
        }
        "region" => {
            let low = Hu(step.number_or("low", f64::from(i16::MIN))?);
            let high = Hu(step.number_or("high", f64::from(i16::MAX))?);
            let range = Range { low, high: Some(high), neighbours: Neighbours::Faces };
            let mut grown = grow::grow(volume, &step.places("a place to grow from")?, &range, ctx)?;
            grown.or(mask);
            Ok(grown)
        }
        _ => Ok(refine(volume, mask, ctx)?.mask),
    }
}

/// Steps with another structure.
fn with_other(step: &mut Step<'_>, mut mask: Mask, others: &Structures) -> Result<Mask, Failure> {
    let name = step.needed("the name of a structure")?;
    let choices: Vec<(String, &Mask)> = others.iter().map(|(id, mask)| (id.to_string(), mask)).collect();
    let choices: Vec<(&str, &Mask)> = choices.iter().map(|(id, mask)| (id.as_str(), *mask)).collect();
    let other = step.one_of(name, "the structure", &choices)?;
    match step.verb {
        "add" => mask.or(other),
        "subtract" => mask.subtract(other),
        _ => mask.and(other),
    }
    Ok(mask)
}
