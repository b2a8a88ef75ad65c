//! `shape`: solids in files, changed step by step.
//!
//! 1. [`Shape`] – the command; [`Matter`] – what steps work on; 2. `loading` – a mesh file, and what a person says of
//!    it; 3. `whole` – steps that look at all objects of the file

mod loading;
mod whole;

pub use loading::{Frame, Unit};
pub(crate) use loading::{load_with_facts, placed};

use crate::card::{self, Card, FileFacts};
use crate::failure::Failure;
use crate::job::Job;
use crate::mesh_out::Target;
use crate::registry::{Command, Effect, Outcome};
use crate::steps::{Step, Usage};
use loading::{Told, load_as};
use osteon_core::{Ctx, ErrorKind, Finding, Mesh, Severity, Solid};
use osteon_design::{Axes, MarkStyle, Marks, Site, mark};
use osteon_io::mesh_file::{MeshFile, Placed};
use osteon_mesh::boolean::{self, Operation, combine};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::decimate::{Decimation, decimate};
use osteon_mesh::field;
use osteon_mesh::remesh::{Remesh, remesh};
use osteon_mesh::repair::{Overlaps, Repair, repair};
use osteon_mesh::shells::{self, Kept};
use osteon_mesh::smooth::{Smoothing, smooth};
use osteon_mesh::untangle::untangle;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Change a solid step by step: repair, combine, cut, offset, hollow, smooth, decimate
///
/// Reads STL, 3MF, OBJ, PLY or GLB and writes what is left after the steps, with its QA card beside it. Each object of
/// the file goes through all steps. Lengths are millimetres, places the file's coordinates `x,y,z` in mm (LPS).
///
/// Mending: `repair [hole=mm] [weld=mm] [volume=%]`, `resolve` (overlapping and nested shells become one), `largest <how
/// many>` and `at-least <mm³>` (pieces of matter that stay). All objects of the file: `apart` (what two of them share
/// stays with the first), `join` (they become one), `move <x,y,z>`, `centre` (their middle comes to the origin). With
/// another file: `add <file>`, `subtract <file>`, `intersect <file>`. Cuts: `cut <x,y,z> <normal> [keep=front|back]`.
/// Matter: `offset <mm> [voxel=mm]`, `hollow <wall> [voxel=mm]`, `shell <inward> <outward> [voxel=mm]`. `mirror <x,y,z>
/// <normal>`. Triangles: `smooth [passes=n] [within=mm]`, `decimate [share=0.1] [within=mm]`, `remesh <edge>`.
/// `mark <text>` presses a text in where there is room, with the letters of the patient's sides: the file must say that
/// it is in the patient's frame, or `--frame` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Mesh file to start from
    #[schemars(extend("x-position" = 1))]
    pub file: String,
    /// File to write: .3mf, .stl, .ply, .obj, .glb or .usdz
    pub out: String,
    /// Unit of the file's numbers, where the file does not tell it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Patient frame of the file's coordinates, where the file does not tell it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// What to do, step by step
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub step: Vec<String>,
}

/// The steps and how they are written.
const STEPS: &[Usage] = &[
    ("repair", "repair [hole=mm] [weld=mm] [volume=%]"),
    ("resolve", "resolve"),
    ("largest", "largest <how many>"),
    ("at-least", "at-least <mm³>"),
    ("apart", "apart"),
    ("join", "join"),
    ("move", "move <x,y,z>"),
    ("centre", "centre"),
    ("add", "add <file>"),
    ("subtract", "subtract <file>"),
    ("intersect", "intersect <file>"),
    ("cut", "cut <x,y,z> <normal x,y,z> [keep=front|back]"),
    ("offset", "offset <mm> [voxel=mm]"),
    ("hollow", "hollow <wall mm> [voxel=mm]"),
    ("shell", "shell <inward mm> <outward mm> [voxel=mm]"),
    ("mirror", "mirror <x,y,z> <normal x,y,z>"),
    ("smooth", "smooth [passes=n] [within=mm]"),
    ("decimate", "decimate [share=0.1] [within=mm]"),
    ("remesh", "remesh <edge mm>"),
    ("mark", "mark <text>"),
];

/// Voxel of offsets, as a share of the distance.
///
/// Chosen: the error of a rounded edge is then below a hundredth of the distance.
const VOXEL: f64 = 0.25;

/// Passes of smoothing, where none are given. Chosen: what takes the steps of slices out.
const PASSES: f64 = 10.0;

/// Most passes of smoothing. Chosen: a mistake rather than a wish beyond.
const MOST_PASSES: f64 = 1000.0;

/// Change of volume by remeshing or smoothing that is told, as a share. Chosen: what printing differs by.
const CHANGED: f64 = 0.01;

/// How far smoothing and decimation may move the surface, mm, where it is not given.
///
/// Chosen: a fifth of a usual voxel, a quarter of what printers resolve.
const WITHIN: f64 = 0.1;

/// Share of triangles that decimation aims at, where none is given.
///
/// Chosen: as `surface` does.
const SHARE: f64 = 0.1;

impl Command for Shape {
    const NAME: &'static str = "shape";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        for text in &self.step {
            // A misspelt step is told before the work begins.
            Step::new(text, STEPS)?;
        }
        let target = Target::new(&self.out)?;
        let told = Told { unit: self.unit, frame: self.frame };
        let (read, facts) = load_as(&self.file, told, &ctx.part("reading", 0.0, 0.1))?;
        let mut work = Work::new(read, &facts);
        for (n, text) in self.step.iter().enumerate() {
            let at = |n: usize| 0.1 + 0.7 * n as f64 / self.step.len() as f64;
            work.step(text, &ctx.part(text, at(n), at(n + 1)))?;
        }
        let Work { objects, findings, lines: mut summary, placed } = work;
        summary.extend(loading::taken_for(&facts));
        let shaped = objects
            .into_iter()
            .map(|(name, matter)| Ok((name, matter.solid()?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let solids: Vec<(&str, &Solid)> = shaped.iter().map(|(name, solid)| (name.as_str(), solid)).collect();
        let placed = if placed { Placed::InPatient } else { Placed::Unknown };
        target.write(&solids, placed, &ctx.part("writing", 0.8, 0.85))?;
        let card = carded(&solids, findings, target.facts(placed)?, &ctx.part("checking", 0.85, 0.95))?;
        target.write_card(&card, &solids, &ctx.part("card", 0.95, 1.0))?;
        summary.extend(card.lines());
        summary.push(target.line());
        let data = json!(card);
        Ok(Outcome { summary, findings: card.findings, data, ..Outcome::default() })
    }
}

/// The card of solids that were written.
fn carded(
    solids: &[(&str, &Solid)],
    mut findings: Vec<Finding>,
    file: FileFacts,
    ctx: &Ctx,
) -> Result<Card, Failure> {
    let mut objects = Vec::new();
    for &(name, solid) in solids {
        objects.push(card::inspect(name, solid.mesh().clone(), &mut findings, ctx)?.0);
    }
    let pairs = card::pairs(solids, &mut findings, ctx)?;
    findings.extend(card::together(&objects, None));
    Ok(Card::new(Some(file), objects, pairs, findings))
}

/// What a step works on: a mesh as it came, until a step needs a solid.
enum Matter {
    Loose(Mesh),
    Proven(Solid),
}

impl Matter {
    fn solid(self) -> Result<Solid, Failure> {
        match self {
            Matter::Proven(solid) => Ok(solid),
            Matter::Loose(mesh) => Solid::new(mesh).map_err(|not| {
                let help =
                    "mend it with --step repair as the first step; osteon check <file> shows all defects";
                Failure::new(ErrorKind::Input, "not-solid", not.to_string(), help)
            }),
        }
    }

    fn mesh(self) -> Mesh {
        match self {
            Matter::Loose(mesh) => mesh,
            Matter::Proven(solid) => solid.into_mesh(),
        }
    }
}

/// The objects of a file on their way through the steps.
struct Work {
    objects: Vec<(String, Matter)>,
    findings: Vec<Finding>,
    lines: Vec<String>,
    /// True if the coordinates are known to be the patient's.
    placed: bool,
}

impl Work {
    fn new(read: MeshFile, facts: &FileFacts) -> Self {
        let named = read.meshes.into_iter().enumerate().map(|(n, named)| {
            let name = if named.name.is_empty() { format!("object-{}", n + 1) } else { named.name };
            (name, Matter::Loose(named.mesh))
        });
        let placed = facts.frame != loading::NOT_STATED;
        Self { objects: named.collect(), findings: read.findings, lines: Vec::new(), placed }
    }

    fn step(&mut self, text: &str, ctx: &Ctx) -> Result<(), Failure> {
        let mut step = Step::new(text, STEPS)?;
        if ["apart", "join", "move", "centre"].contains(&step.verb) {
            whole::step(self, &mut step, ctx)?;
            return step.end();
        }
        let count = self.objects.len();
        for n in 0..count {
            let matter = std::mem::replace(&mut self.objects[n].1, Matter::Loose(Mesh::default()));
            let part = ctx.part(text, n as f64 / count as f64, (n + 1) as f64 / count as f64);
            let solid = self.one(Step::new(text, STEPS)?, matter, &part)?;
            let (triangles, cm3) = (solid.mesh().triangles.len(), solid.volume() / 1000.0);
            let whose = if count > 1 { format!("{}: ", self.objects[n].0) } else { String::new() };
            self.lines.push(format!("{whose}{text}: {triangles} triangles, {cm3:.2} cm³"));
            self.objects[n].1 = Matter::Proven(solid);
        }
        Ok(())
    }

    /// A step that looks at one object.
    fn one(&mut self, mut step: Step<'_>, matter: Matter, ctx: &Ctx) -> Result<Solid, Failure> {
        let solid = match step.verb {
            "repair" => self.repaired(&mut step, matter.mesh(), ctx)?,
            "resolve" => left(boolean::resolve(&matter.mesh(), ctx)?, &step)?,
            "largest" | "at-least" => self.pieces(&mut step, &matter.solid()?, ctx)?,
            "add" | "subtract" | "intersect" => combined(&mut step, &matter.solid()?, ctx)?,
            "cut" | "mirror" => by_plane(&mut step, &matter.solid()?, &mut self.findings, ctx)?,
            "offset" | "hollow" | "shell" => self.field(&mut step, &matter.solid()?, ctx)?,
            "mark" => self.marked(&mut step, matter.solid()?, ctx)?,
            verb => {
                let whole = matter.solid()?;
                let changed = self.triangles(&mut step, &whole, ctx)?;
                self.keeps_volume(verb, whole.volume(), changed.volume());
                changed
            }
        };
        step.end()?;
        Ok(solid)
    }

    /// Leaves out pieces of matter by their size.
    fn pieces(&mut self, step: &mut Step<'_>, solid: &Solid, ctx: &Ctx) -> Result<Solid, Failure> {
        let which = match step.verb {
            "largest" => {
                let count = step.number("how many")?;
                if count < 1.0 || count.fract() != 0.0 || count > f64::from(u32::MAX) {
                    return Err(step.wrong("how many is a whole number of one or more"));
                }
                Kept::Largest(count as usize)
            }
            _ => Kept::AtLeast(step.number("a volume in mm³")?),
        };
        let bvh = Bvh::new(solid.mesh(), &ctx.part("hierarchy", 0.0, 0.3))?;
        let nesting = shells::nesting(solid.mesh(), &bvh, &ctx.part("shells", 0.3, 0.7))?;
        let kept = shells::keep(solid.mesh(), &nesting, which);
        if kept.triangles.is_empty() {
            return left(None, step);
        }
        let kept = Matter::Loose(kept).solid()?;
        let (before, gone) = (solid.shells().len(), solid.shells().len() - kept.shells().len());
        let mm3 = solid.volume() - kept.volume();
        if gone > 0 {
            self.lines.push(format!("{gone} of {before} shells were left out, {mm3:.2} mm³ in all"));
        }
        Ok(kept)
    }

    fn repaired(&mut self, step: &mut Step<'_>, mesh: Mesh, ctx: &Ctx) -> Result<Solid, Failure> {
        let usual = Repair::default();
        let how = Repair {
            weld: step.length_or("weld", usual.weld)?,
            largest_hole: step.length_or("hole", usual.largest_hole)?,
            volume_change: step.number_or("volume", 100.0 * usual.volume_change)? / 100.0,
            overlaps: Overlaps::Tell,
            ..usual
        };
        let repaired = repair(&mesh, &how, ctx)?;
        self.findings.extend(repaired.findings);
        Ok(repaired.solid)
    }

    fn field(&mut self, step: &mut Step<'_>, solid: &Solid, ctx: &Ctx) -> Result<Solid, Failure> {
        match step.verb {
            "offset" => {
                let by = step.number("the distance")?;
                let voxel = step.length_or("voxel", by.abs() * VOXEL)?;
                Ok(field::offset(solid, by, voxel, ctx)?)
            }
            "hollow" => {
                let wall = step.length("the wall")?;
                let voxel = step.length_or("voxel", wall * VOXEL)?;
                Ok(field::hollow(solid, wall, voxel, ctx)?.solid)
            }
            _ => {
                let (inward, outward) = (step.number("the depth inward")?, step.number("the depth outward")?);
                let least = [inward, outward].into_iter().filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min);
                if inward < 0.0 || outward < 0.0 || least.is_infinite() {
                    return Err(step.wrong("depths are zero or more, and one of them above zero"));
                }
                let voxel = step.length_or("voxel", least * VOXEL)?;
                Ok(field::shell(solid, [inward, outward], voxel, ctx)?)
            }
        }
    }

    fn triangles(&mut self, step: &mut Step<'_>, solid: &Solid, ctx: &Ctx) -> Result<Solid, Failure> {
        match step.verb {
            "smooth" => {
                let passes = step.number_or("passes", PASSES)?;
                if !(1.0..=MOST_PASSES).contains(&passes) {
                    return Err(step.wrong("passes are 1 to 1000"));
                }
                let passes = passes as usize;
                let bound_mm = step.length_or("within", WITHIN)?;
                let smoothed = smooth(solid, &Smoothing { passes, bound_mm }, &ctx.part("smooth", 0.0, 0.6))?;
                let moved = smoothed.moved;
                self.lines.push(format!(
                    "smoothing moved the surface by {:.3} mm on average, {:.3} mm at most",
                    moved.mean, moved.max
                ));
                let untangled =
                    untangle(&solid.mesh().vertices, smoothed.solid, &ctx.part("smooth", 0.6, 1.0))?;
                Ok(untangled.map_err(boolean::BooleanError::from)?.solid)
            }
            "decimate" => {
                let share = step.number_or("share", SHARE)?;
                let deviation = step.length_or("within", WITHIN)?;
                let fewer = decimate(solid, &Decimation { share, deviation, keep: None }, ctx)?;
                self.lines.push(format!(
                    "decimation left {} of {} triangles within {:.3} mm, proven",
                    fewer.after, fewer.before, fewer.deviation
                ));
                if !fewer.reached {
                    let message = format!(
                        "a share of {share} of the triangles is not reached within {deviation} mm: {:.3} are left",
                        fewer.after as f64 / fewer.before as f64
                    );
                    self.findings.push(Finding::new("decimation-not-reached", Severity::Note, message));
                }
                Ok(fewer.solid)
            }
            _ => {
                let edge = step.length("the edge")?;
                if edge > 0.5 * solid.mesh().bounds().size().min_element() {
                    return Err(step.wrong("the edge is longer than half of the solid's least size"));
                }
                let even = remesh(solid, &Remesh { edge, ..Remesh::default() }, ctx)?;
                self.lines.push(format!(
                    "remeshing moved the surface by {:.3} mm at most; the least angle is {:.0}°",
                    even.deviation, even.smallest_angle
                ));
                Ok(even.solid)
            }
        }
    }

    /// Tells when a step that should keep the volume did not.
    fn keeps_volume(&mut self, verb: &str, before: f64, after: f64) {
        let change = (after - before) / before;
        if ["smooth", "decimate", "remesh"].contains(&verb) && change.abs() > CHANGED {
            let message = format!("{verb} changed the volume by {:.1} %", 100.0 * change);
            self.findings.push(
                Finding::new("volume-changed", Severity::Caution, message)
                    .measured(100.0 * change, 100.0 * CHANGED, "%", "chosen: what printing differs by")
                    .remedy("use a smaller edge, fewer passes or a tighter bound"),
            );
        }
    }

    fn marked(&mut self, step: &mut Step<'_>, solid: Solid, ctx: &Ctx) -> Result<Solid, Failure> {
        let text = step.rest("the text")?;
        if !self.placed {
            let message = "the file does not say that its coordinates are the patient's: which side is left is unknown, \
                           and a mark would tell it";
            let help = "say it with --frame lps or --frame ras if you know it, or mark a product of a case, which does";
            return Err(Failure::new(ErrorKind::Input, "frame-unknown", message, help));
        }
        let marks = Marks { case_id: text.to_owned(), ..Marks::default() };
        let site = Site { axes: &Axes::PATIENT, protected: &osteon_mesh::region::Regions::default() };
        let marked = mark(solid, &marks, site, &MarkStyle::standard()?, ctx)?;
        self.findings.extend(marked.findings);
        self.lines.extend(marked.placements.iter().map(|placement| format!("marked {}", placement.text())));
        Ok(marked.solid)
    }
}

/// What is left of a solid, or the failure that nothing is.
fn left(solid: Option<Solid>, step: &Step<'_>) -> Result<Solid, Failure> {
    solid.ok_or_else(|| {
        let message = format!("nothing is left after the step {}", step.verb);
        Failure::new(
            ErrorKind::Numeric,
            "nothing-left",
            message,
            "look where the other solid or the plane lies",
        )
    })
}

fn combined(step: &mut Step<'_>, solid: &Solid, ctx: &Ctx) -> Result<Solid, Failure> {
    let operation = match step.verb {
        "add" => Operation::Union,
        "subtract" => Operation::Difference,
        _ => Operation::Intersection,
    };
    let path = step.rest("the file")?;
    let mut others = Vec::new();
    for named in load_with_facts(path, ctx)?.0.meshes {
        others.push(Matter::Loose(named.mesh).solid()?);
    }
    let tools: Vec<&Solid> = others.iter().collect();
    let tool = left(boolean::union(&tools, &ctx.part("tool", 0.0, 0.4))?, step)?;
    left(combine(solid, &tool, operation, &ctx.part("combine", 0.4, 1.0))?, step)
}

fn by_plane(
    step: &mut Step<'_>,
    solid: &Solid,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Solid, Failure> {
    let plane = step.plane()?;
    if step.verb == "mirror" {
        let message =
            "the solid was mirrored: left and right are exchanged, and marks on it are mirror writing";
        findings.push(Finding::new("mirrored", Severity::Caution, message));
        return Ok(boolean::mirror(solid, &plane).map_err(boolean::BooleanError::from)?);
    }
    let keep = step.named("keep").unwrap_or("front");
    let front = step.one_of(keep, "keep", &[("front", true), ("back", false)])?;
    let halves = boolean::cut(solid, &plane, ctx)?;
    left(if front { halves.front } else { halves.back }, step)
}
