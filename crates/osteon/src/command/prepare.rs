//! `prepare`: solids in files made ready for a printer.

use crate::card::{self, Card};
use crate::command::shape::{load_with_facts, placed};
use crate::failure::Failure;
use crate::job::Job;
use crate::mesh_out::Target;
use crate::printing::printer_of;
use crate::protected::regions;
use crate::registry::{Command, Effect, Outcome};
use crate::steps::{Step, Usage};
use crate::upright;
use osteon_core::{Ctx, Direction, ErrorKind, Finding, Mesh, Point, Solid};
use osteon_design::prepare::connect::{Fit, Join, Joined, Joining, connect};
use osteon_design::prepare::drain::{Hollowing, hollow, usual_wall};
use osteon_design::prepare::sizes::{Connectors, Process};
use osteon_design::prepare::split::{Cut, Room, split};
use osteon_design::prepare::thicken::thicken;
use osteon_io::mesh_file::Placed;
use osteon_mesh::region::{Region, Regions};
use osteon_print::{Printer, Turn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

/// Make a solid ready for a printer: thicken, hollow with drains, split with pegs
///
/// Reads STL, 3MF, OBJ, PLY or GLB and writes what the steps make of it, in their order, with its QA card beside it.
/// Each object of the file goes through all steps. A file that keeps objects apart (.3mf, .obj, .glb) gets one for each
/// piece; as .stl or .ply each piece is a file of its own, `name-1.stl` and so on. Pieces stay where they lie in the
/// patient.
///
/// `split [room=x,y,z] [join=pegs|dowels|magnets|nothing] [fit=tight|loose]` divides what is too large for the printer,
/// by as few plane cuts as it takes, where little is cut, and joins the pieces again. `hollow [wall] [drain=mm]
/// [voxel=mm]` takes the inside out and gives each void a drain at its lowest and a vent at its highest place as it is
/// printed, proven by a flood; a wall of 1, 2 or 3 mm by the part's size where none is given. `thicken <least>` moves the
/// surface outward where a wall is thinner. Nothing of it touches what is protected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    /// Mesh file to start from
    #[schemars(extend("x-position" = 1))]
    pub file: String,
    /// File to write: .stl, .3mf, .ply, .obj or .glb
    pub out: String,
    /// What to do, step by step
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub step: Vec<String>,
    /// Name of a built-in printer profile, or path of a profile file (.toml), whose room pieces must fit
    #[serde(default = "usual_printer")]
    pub printer: String,
    /// How the part is made; decides gaps and walls of joints
    #[serde(default)]
    pub process: Made,
    /// Direction of the part that is up when it is printed, as x,y,z in the patient (LPS); the head where none is given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<String>,
    /// Surfaces that must stay as they are: "ball x,y,z r", "box x,y,z x,y,z" or "near mm file"
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub protect: Vec<String>,
}

/// How a part is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// Laid from filament.
    #[default]
    Filament,
    /// Cured from resin.
    Resin,
    /// Sintered from powder.
    Powder,
}

fn usual_printer() -> String {
    crate::printing::USUAL_PRINTER.to_owned()
}

/// The steps and how they are written.
const STEPS: &[Usage] = &[
    ("thicken", "thicken <least mm>"),
    ("hollow", "hollow [wall mm] [drain=mm] [voxel=mm]"),
    ("split", "split [room=x,y,z] [join=pegs|dowels|magnets|nothing] [fit=tight|loose]"),
];

/// Diameter of drains, mm, where none is given. Chosen: half a millimetre more than the least, for resin that is thick.
const DRAIN: f64 = 3.0;

/// Voxel of a core, as a share of the wall. Chosen: as offsets of `shape`.
const VOXEL: f64 = 0.25;

/// Largest voxel of a core, as a share of a drain. Chosen: four voxels across let the flood through as through a pipe.
const ACROSS: f64 = 0.25;

/// How near to a cut face no drain comes out, mm. Chosen: the face must lie flat on the other.
const FACE: f64 = 1.0;

/// Most thin places that are listed. Chosen: a person looks at no more.
const MOST_PLACES: usize = 100;

impl Command for Prepare {
    const NAME: &'static str = "prepare";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        for text in &self.step {
            // A misspelt step is told before the work begins.
            Step::new(text, STEPS)?;
        }
        let target = Target::new(&self.out)?;
        let mut work = self.work(&ctx.part("reading", 0.0, 0.05))?;
        let (read, facts) = load_with_facts(&self.file, &ctx.part("reading", 0.05, 0.1))?;
        work.placed = placed(&facts);
        work.findings.extend(read.findings);
        for (n, named) in read.meshes.into_iter().enumerate() {
            let name = if named.name.is_empty() { format!("object-{}", n + 1) } else { named.name };
            let solid = Solid::new(named.mesh).map_err(|not| {
                let help = "mend it first: osteon shape <file> --out mended.3mf --step repair";
                Failure::new(ErrorKind::Input, "not-solid", not.to_string(), help)
            })?;
            work.parts.push(Part { name, solid });
        }
        for (at, text) in self.step.iter().enumerate() {
            let place = |k: usize| 0.1 + 0.6 * k as f64 / self.step.len() as f64;
            work.step(Step::new(text, STEPS)?, &ctx.part(text, place(at), place(at + 1)))?;
        }
        work.finish(&self.out, target, &ctx.part("writing", 0.7, 1.0))
    }
}

impl Prepare {
    fn work(&self, ctx: &Ctx) -> Result<Work, Failure> {
        let turn = self.up.as_deref().map_or_else(|| Ok(Turn::standing()), upright::turn)?;
        let process = match self.process {
            Made::Filament => Process::Filament,
            Made::Resin => Process::Resin,
            Made::Powder => Process::Powder,
        };
        Ok(Work {
            printer: printer_of(&self.printer)?,
            turn,
            process,
            sizes: Connectors::standard()?,
            protected: regions(&self.protect, ctx)?,
            parts: Vec::new(),
            placed: Placed::Unknown,
            findings: Vec::new(),
            lines: Vec::new(),
            facts: Vec::new(),
        })
    }
}

/// One solid and what it is called.
struct Part {
    name: String,
    solid: Solid,
}

/// What the steps work on.
struct Work {
    /// Whether the coordinates are known to be the patient's.
    placed: Placed,
    printer: Printer,
    turn: Turn,
    process: Process,
    sizes: Connectors,
    protected: Regions,
    parts: Vec<Part>,
    findings: Vec<Finding>,
    lines: Vec<String>,
    facts: Vec<Value>,
}

impl Work {
    fn step(&mut self, mut step: Step<'_>, ctx: &Ctx) -> Result<(), Failure> {
        let parts = std::mem::take(&mut self.parts);
        let count = parts.len() as f64;
        let asked = match step.verb {
            "thicken" => Asked::Thicken(step.length("the least thickness")?),
            "hollow" => {
                let wall = step.optional_number("the wall")?;
                if wall.is_some_and(|wall| wall <= 0.0) {
                    return Err(step.wrong("the wall is above zero"));
                }
                let drain = step.length_or("drain", DRAIN)?;
                // Zero stands for "not given", which a length never is.
                let voxel = step.number_or("voxel", 0.0)?;
                Asked::Hollow { wall, drain, voxel: (voxel != 0.0).then_some(voxel) }
            }
            _ => Asked::Split(self.wish(&mut step)?),
        };
        step.end()?;
        for (n, part) in parts.into_iter().enumerate() {
            let ctx = ctx.part(step.verb, n as f64 / count, (n + 1) as f64 / count);
            match &asked {
                Asked::Thicken(least) => self.thicken(part, *least, &ctx)?,
                Asked::Hollow { wall, drain, voxel } => self.hollow(part, [*wall, *voxel], *drain, &ctx)?,
                Asked::Split(wish) => self.split(part, wish, &ctx)?,
            }
        }
        Ok(())
    }

    fn thicken(&mut self, part: Part, least: f64, ctx: &Ctx) -> Result<(), Failure> {
        let made = thicken(part.solid, least, &self.protected, ctx)?;
        self.lines.push(format!(
            "{}: {} places were thinner than {least} mm ({:.2} % of the surface, now {:.2} %); the surface was moved by at \
             most {:.2} mm and gained {:.0} mm³",
            part.name,
            made.thin.len(),
            100.0 * made.share[0],
            100.0 * made.share[1],
            made.deviation,
            made.added,
        ));
        let thin = made.thin.iter().take(MOST_PLACES).map(|place| {
            json!({ "at": place.place.to_array(), "thickness_mm": place.thickness, "area_mm2": place.area })
        });
        self.facts.push(json!({
            "part": part.name, "least_mm": least, "thin": thin.collect::<Vec<_>>(), "thin_places": made.thin.len(),
            "deviation_mm": made.deviation, "added_mm3": made.added, "share_before": made.share[0],
            "share_after": made.share[1],
        }));
        self.findings.extend(made.findings);
        self.parts.push(Part { solid: made.solid, ..part });
        Ok(())
    }

    fn hollow(
        &mut self,
        part: Part,
        [wall, voxel]: [Option<f64>; 2],
        drain: f64,
        ctx: &Ctx,
    ) -> Result<(), Failure> {
        let before = part.solid.volume();
        let wall = wall.unwrap_or_else(|| usual_wall(&part.solid.mesh().bounds()));
        let voxel = voxel.unwrap_or_else(|| (VOXEL * wall).min(ACROSS * drain));
        let how = Hollowing { wall, drain, voxel, up: self.turn.up() };
        let made = hollow(part.solid, &how, &self.protected, ctx)?;
        let vents = made.holes.iter().filter(|hole| hole.vent).count();
        self.lines.push(format!(
            "{}: {} voids with walls of {wall} mm, {} drains and {vents} vents of {drain} mm; {:.1} of {:.1} cm³ are left, \
             {:.2} ml stay in it when it is emptied",
            part.name,
            made.voids,
            made.holes.len() - vents,
            made.solid.volume() / 1000.0,
            before / 1000.0,
            made.trapped / 1000.0,
        ));
        let holes = made.holes.iter().map(|hole| {
            json!({
                "kind": if hole.vent { "vent" } else { "drain" }, "at": hole.mouth.to_array(),
                "axis": hole.axis.to_array(), "length_mm": hole.length,
            })
        });
        self.facts.push(json!({
            "part": part.name, "wall_mm": wall, "drain_mm": drain, "voxel_mm": voxel, "voids": made.voids,
            "trapped_mm3": made.trapped, "holes": holes.collect::<Vec<_>>(),
        }));
        self.findings.extend(made.findings);
        self.parts.push(Part { solid: made.solid, ..part });
        Ok(())
    }

    /// Keeps later steps off the faces of cuts.
    fn keep_faces(&mut self, cuts: &[Cut], whole: &Solid, ctx: &Ctx) -> Result<(), Failure> {
        let bounds = whole.mesh().bounds();
        let reach = bounds.size().length();
        for Cut { plane, .. } in cuts {
            let (across, along) = plane.normal.vec().any_orthonormal_pair();
            let middle = bounds.middle().vec() - plane.normal.vec() * plane.signed_distance(bounds.middle());
            let corner = |x: f64, y: f64| Point::from_vec(middle + (across * x + along * y) * reach);
            let vertices = vec![corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
            let sheet = Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3]] };
            self.protected.0.push(Region::near(sheet, FACE, ctx)?);
        }
        Ok(())
    }

    fn wish(&self, step: &mut Step<'_>) -> Result<Wish, Failure> {
        let margin = self.printer.margin(&self.printer.standard);
        let [width, depth] = self.printer.bed.size.map(|edge| edge - 2.0 * margin);
        let mut room = [width, depth, self.printer.bed.height];
        if let Some(text) = step.named("room") {
            let numbers: Vec<f64> = text.split(',').filter_map(|word| word.parse().ok()).collect();
            let given = <[f64; 3]>::try_from(numbers).ok().filter(|_| text.split(',').count() == 3);
            room = given
                .filter(|room| room.iter().all(|edge| edge.is_finite() && *edge > 0.0))
                .ok_or_else(|| step.wrong("room is three lengths in mm above zero, x,y,z"))?;
        }
        let joins = [
            ("pegs", Join::Pegs),
            ("dowels", Join::Dowels),
            ("magnets", Join::Magnets),
            ("nothing", Join::Nothing),
        ];
        let join = step.named("join").unwrap_or("pegs");
        let join = step.one_of(join, "join", &joins)?;
        let fit = step.named("fit").unwrap_or("tight");
        let fit = step.one_of(fit, "fit", &[("tight", Fit::Tight), ("loose", Fit::Loose)])?;
        Ok(Wish { room, join, fit })
    }

    fn split(&mut self, part: Part, wish: &Wish, ctx: &Ctx) -> Result<(), Failure> {
        let rows = self.turn.rotation().transpose().to_cols_array_2d();
        let axes = rows.map(|axis| Direction::from_vec(axis.into()));
        let reserve = if wish.join == Join::Pegs { self.sizes.reach() } else { 0.0 };
        let room = Room { axes, size: wish.room, reserve };
        let before = part.solid.volume();
        let pieces = split(part.solid.clone(), &room, &self.protected, &ctx.part("cutting", 0.0, 0.6))?;
        let size = wish.room.map(|edge| format!("{edge:.1}")).join(" × ");
        if pieces.cuts.is_empty() {
            self.lines.push(format!("{}: fits {size} mm as it is", part.name));
            self.parts.push(part);
            return Ok(());
        }
        let names = pieces.names();
        self.loose_bodies(&names, &pieces.solids);
        let how = Joining { join: wish.join, fit: wish.fit, process: self.process, sizes: &self.sizes };
        let joined = connect(&pieces, &part.solid, &how, &self.protected, &ctx.part("joining", 0.6, 1.0))?;
        let cut: f64 = pieces.cuts.iter().map(|cut| cut.area).sum();
        self.lines.push(format!(
            "{}: {} pieces within {size} mm by {} cuts of together {:.1} cm²",
            part.name,
            pieces.solids.len(),
            pieces.cuts.len(),
            cut / 100.0,
        ));
        self.tell(&joined, wish);
        let after: f64 = joined.solids.iter().map(Solid::volume).sum();
        let joints: Vec<Value> = joined.joints.iter().map(told).collect();
        self.facts.push(json!({
            "part": part.name, "room": wish.room, "cut_area_mm2": cut, "volume_before_mm3": before,
            "volume_after_mm3": after, "added_mm3": joined.added, "removed_mm3": joined.removed, "joints": joints,
        }));
        self.keep_faces(&pieces.cuts, &part.solid, ctx)?;
        self.findings.extend(pieces.findings);
        self.findings.extend(joined.findings);
        let single = self.parts.is_empty() && part.name == "object-1";
        let named = |name: String| if single { name } else { format!("{} {name}", part.name) };
        let solids = joined.solids.into_iter().zip(names);
        self.parts.extend(solids.map(|(solid, name)| Part { name: named(name), solid }));
        let loose = joined.loose.into_iter().enumerate();
        self.parts.extend(loose.map(|(n, solid)| Part { name: named(format!("dowel {}", n + 1)), solid }));
        Ok(())
    }

    /// Tells of pieces that are not in one part.
    fn loose_bodies(&mut self, names: &[String], solids: &[Solid]) {
        for (name, solid) in names.iter().zip(solids) {
            let bodies: Vec<_> = solid.shells().iter().filter(|shell| shell.volume > 0.0).collect();
            if let [_, second, ..] = bodies[..] {
                let message = format!(
                    "piece {name} is in {} parts that do not hold together; the second largest has {:.1} cm³",
                    bodies.len(),
                    second.volume / 1000.0
                );
                let finding = Finding::new("piece-in-parts", osteon_core::Severity::Note, message)
                    .at(second.bounds.middle().to_array())
                    .remedy("they hold at their pegs once all is put together; print them with a brim");
                self.findings.push(finding);
            }
        }
    }

    /// Tells what joins the pieces.
    fn tell(&mut self, joined: &Joined, wish: &Wish) {
        let mut kinds: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        for joint in &joined.joints {
            let shape = format!("{:?}", joint.section).to_lowercase();
            let depth = joint.depth;
            *kinds
                .entry(format!("{shape} {} mm, {depth} mm deep, gap {} mm", joint.diameter, joint.gap))
                .or_default() += 1;
        }
        let word = match wish.join {
            Join::Pegs => "pegs",
            Join::Dowels => "dowels",
            Join::Magnets => "pairs of magnets",
            Join::Nothing => return,
        };
        self.lines.extend(kinds.into_iter().map(|(kind, count)| format!("{count} {word}: {kind}")));
        if wish.join == Join::Magnets {
            self.lines.push(
                "mark one pole of every magnet: the two of a pair must face each other with unlike poles"
                    .to_owned(),
            );
        }
    }

    /// Writes all parts and their cards.
    fn finish(mut self, out: &str, target: Target, ctx: &Ctx) -> Result<Outcome, Failure> {
        let files = self.files(out, target)?;
        let solids: Vec<(&str, &Solid)> =
            self.parts.iter().map(|part| (part.name.as_str(), &part.solid)).collect();
        let mut objects = Vec::new();
        for (n, (name, solid)) in solids.iter().enumerate() {
            let part = ctx.part(
                "checking",
                0.6 * n as f64 / solids.len() as f64,
                0.6 * (n + 1) as f64 / solids.len() as f64,
            );
            objects.push(card::inspect(name, solid.mesh().clone(), &mut self.findings, &part)?.0);
        }
        let pairs = card::pairs(&solids, &mut self.findings, &ctx.part("pairs", 0.6, 0.8))?;
        let whole = Card::new(None, objects, pairs, self.findings);
        let count = files.len() as f64;
        let mut summary = self.lines;
        summary.extend(whole.lines());
        for (n, (target, range)) in files.into_iter().enumerate() {
            let part = ctx.part("writing", 0.8 + 0.2 * n as f64 / count, 0.8 + 0.2 * (n + 1) as f64 / count);
            let own = &solids[range.clone()];
            target.write(own, self.placed, &part)?;
            let facts = Some(target.facts(self.placed)?);
            let card = Card { file: facts, objects: whole.objects[range].to_vec(), ..whole.clone() };
            target.write_card(&card, own, &part)?;
            summary.push(target.line());
        }
        let mut data = json!(whole);
        data["steps"] = json!(self.facts);
        Ok(Outcome { summary, findings: whole.findings, data, ..Outcome::default() })
    }

    /// The files to write and which parts go into each: one file, or one for each part where it would join them.
    fn files(&self, out: &str, target: Target) -> Result<Vec<(Target, std::ops::Range<usize>)>, Failure> {
        let path = Path::new(out);
        let end = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let joins = ["stl", "ply"].iter().any(|format| end.eq_ignore_ascii_case(format));
        if !joins || self.parts.len() < 2 {
            return Ok(vec![(target, 0..self.parts.len())]);
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let numbered = (0..self.parts.len()).map(|n| {
            let file = path.with_file_name(format!("{stem}-{}.{end}", n + 1));
            Ok((Target::new(&file.to_string_lossy())?, n..n + 1))
        });
        numbered.collect()
    }
}

/// What a step asks for.
enum Asked {
    Thicken(f64),
    Hollow { wall: Option<f64>, drain: f64, voxel: Option<f64> },
    Split(Wish),
}

/// How a part is to be divided.
struct Wish {
    room: [f64; 3],
    join: Join,
    fit: Fit,
}

/// A joint for scripts.
fn told(joint: &osteon_design::prepare::connect::Joint) -> Value {
    json!({
        "pieces": joint.pieces.map(|piece| piece + 1), "at": joint.place.to_array(), "axis": joint.axis.to_array(),
        "shape": format!("{:?}", joint.section).to_lowercase(), "diameter_mm": joint.diameter,
        "depth_mm": joint.depth, "gap_mm": joint.gap, "room_mm": joint.room,
    })
}
