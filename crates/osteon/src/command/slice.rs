//! `slice`: what a printer takes, made of a mesh file, without a case.

use crate::card::{self, FileFacts};
use crate::command::shape::load_with_facts;
use crate::exposing::{Exposing, expose, resin_profile};
use crate::failure::Failure;
use crate::job::Job;
use crate::printing::{EngineName, Fineness, Ready, USUAL_PRINTER, Wish};
use crate::protected;
use crate::registry::{Command, Effect, Outcome};
use crate::upright::{self, STANDING};
use osteon_case::{CasePath, Folder};
use osteon_core::{Ctx, ErrorKind, Finding, Mesh, Mm, Severity, Solid};
use osteon_print::resin::Format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Slice a mesh file for a printer and check what is made of it
///
/// Reads STL, 3MF, OBJ, PLY or GLB. What is not a proven solid, meets itself, overlaps, or is of doubtful unit is
/// refused with the command that mends it. A record is written beside the file; nothing is written where printing would
/// be dangerous. Printers: `osteon printers`.
///
/// Filament (`.gcode`): PrusaSlicer or CuraEngine is run as a separate program, and its G-code read back: inside the
/// bed, no empty layer, right size, right way round, layers that cover what the solid covers.
///
/// Resin (`.goo`, `.sl1`, or `.zip` with one picture for each layer): the part is lifted off the plate and held by
/// pillars, and each pixel is lit as far as the section covers it. The file is read back: every layer's light against
/// the section, layers with nothing in them, pieces that begin in mid-air, outlines against the part and its mirror
/// images. Exposure times depend on the resin: set them in a profile of your own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Mesh file
    #[schemars(extend("x-position" = 1))]
    pub file: String,
    /// File to write, ending in .gcode, .goo, .sl1 or .zip
    pub out: String,
    /// Built-in printer, path of a profile file (.toml), or an installed one: `prusa:<printer>/<print>/<filament>`, `cura:<machine>`; the usual one of its kind if not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer: Option<String>,
    /// What is up: `standing` as in the file (+z), `best` for the side that prints soonest (filament), or a direction of the part as `x,y,z`
    #[serde(default = "standing")]
    pub up: String,
    /// Filament: fine or standard layers; a maker's profile has layers of its own
    #[serde(default)]
    pub quality: Fineness,
    /// Filament: the slicing program; the one that understands the printer if not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineName>,
    /// Filament: path of the slicing program, if it is not found by its usual names
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slicer: Option<String>,
    /// Filament: folder of the makers' profiles or Cura's definitions, if they are not where they usually are
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<String>,
    /// Resin: layer height; the profile's if not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 0.3))]
    pub layer: Option<Mm>,
    /// Resin: whether the part is lifted off the plate and held by pillars
    #[serde(default)]
    pub supports: Held,
    /// Resin: surfaces no pillar may touch: `ball x,y,z r`, `box x,y,z x,y,z` or `near mm file`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub protect: Vec<String>,
    /// Resin: levels of brightness between none and all light, both counted
    #[serde(default = "all_levels")]
    #[schemars(range(min = 2, max = 256))]
    pub antialias: u32,
}

/// Whether a part is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It is lifted and held by pillars.
    #[default]
    Yes,
    /// It stands on the plate as it is.
    No,
}

/// The resin printer that is taken when none is named.
const USUAL_RESIN_PRINTER: &str = "saturn-4-ultra";

fn standing() -> String {
    STANDING.to_owned()
}
const fn all_levels() -> u32 {
    256
}

impl Command for Slice {
    const NAME: &'static str = "slice";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        let target = Target::new(&self.out)?;
        match target.format {
            None => self.filament(&target, &ctx),
            Some(format) => self.resin(&target, format, &ctx),
        }
    }
}

impl Slice {
    fn filament(&self, target: &Target, ctx: &Ctx) -> Result<Outcome, Failure> {
        if self.layer.is_some() || !self.protect.is_empty() || self.supports == Held::No {
            return Err(other_kind("--layer, --protect and --supports are for resin printers", "out.goo"));
        }
        let printer = self.printer.as_deref().unwrap_or(USUAL_PRINTER);
        if resin_profile(printer)?.is_some() {
            return Err(other_kind(&format!("{printer} is a resin printer and takes no G-code"), "out.goo"));
        }
        let ready = Ready::new(&Wish {
            printer,
            quality: self.quality,
            engine: self.engine,
            slicer: self.slicer.as_deref(),
            resources: self.resources.as_deref(),
            up: &self.up,
        })?;
        let Sound { solid, facts, mut findings } = self.sound(&ctx.part("reading", 0.0, 0.2))?;
        ready.place(&solid, &ctx.part("placing", 0.2, 0.2))?;
        let engine = ready.engine()?;
        let made = ready.make(&target.stem, (&solid, &[]), &engine, &ctx.part("slicing", 0.2, 1.0))?;
        findings.extend(made.findings);
        let record = json!({ "notice": crate::NOTICE, "model": facts, "print": made.printed });
        target.done(&made.gcode, record, vec![made.line], findings)
    }

    fn resin(&self, target: &Target, format: Format, ctx: &Ctx) -> Result<Outcome, Failure> {
        if self.engine.is_some() || self.slicer.is_some() || self.quality != Fineness::Standard {
            return Err(other_kind(
                "--engine, --slicer and --quality are for filament printers",
                "out.gcode",
            ));
        }
        let name = self.printer.as_deref().unwrap_or(USUAL_RESIN_PRINTER);
        let printer = resin_profile(name)?
            .ok_or_else(|| other_kind(&format!("{name} is no resin printer"), "out.gcode"))?;
        let turn = upright::turn(&self.up)?;
        let regions = protected::regions(&self.protect, &ctx.part("protected surfaces", 0.0, 0.05))?;
        let Sound { solid, facts, mut findings } = self.sound(&ctx.part("reading", 0.05, 0.2))?;
        let how = Exposing {
            printer: &printer,
            layer: self.layer.map_or(printer.exposure.layer, |layer| layer.value()),
            levels: self.antialias,
            turn,
            held: (self.supports == Held::Yes).then_some(&regions),
        };
        let (bytes, exposed) = expose(&solid, &how, (&target.stem, format), &ctx.part("exposing", 0.2, 1.0))?;
        findings.extend(exposed.findings.iter().cloned());
        let record = json!({ "notice": crate::NOTICE, "model": facts, "print": exposed.data(&how) });
        target.done(&bytes, record, exposed.lines(&how), findings)
    }

    /// The file's objects as one solid, if they are fit to be printed.
    fn sound(&self, ctx: &Ctx) -> Result<Sound, Failure> {
        let (read, facts) = load_with_facts(&self.file, &ctx.part("reading", 0.0, 0.3))?;
        let mut findings = read.findings;
        let mut solids = Vec::new();
        for (n, named) in read.meshes.into_iter().enumerate() {
            let name = if named.name.is_empty() { format!("object-{}", n + 1) } else { named.name };
            let part = ctx.part("checking the mesh", 0.3, 0.8);
            let (_, solid) = card::inspect(&name, named.mesh, &mut findings, &part)?;
            solids.push((name, solid));
        }
        refuse_damaged(&self.file, &findings)?;
        let solid = whole(solids, &self.file, &mut findings, &ctx.part("pairs", 0.8, 1.0))?;
        Ok(Sound { solid, facts, findings })
    }
}

/// What is fit to be printed, and what was noticed of it.
struct Sound {
    solid: Solid,
    facts: FileFacts,
    findings: Vec<Finding>,
}

fn other_kind(what: &str, example: &str) -> Failure {
    let help =
        format!("the kind of printer is told by the file: --out {example}; osteon printers lists them");
    Failure::new(ErrorKind::Input, "other-kind-of-printer", what.to_owned(), help)
}

/// What must not be sliced: slicing programs take all of it, and make of it what they like.
const DAMAGES: [&str; 3] = ["self-intersections", "objects-overlap", "unit-guess"];

/// A mesh that is damaged, or whose unit is in doubt, is refused with what mends it.
fn refuse_damaged(file: &str, findings: &[Finding]) -> Result<(), Failure> {
    let bad = |f: &&Finding| f.severity == Severity::Danger || DAMAGES.contains(&f.code.as_str());
    let damages: Vec<&Finding> = findings.iter().filter(bad).collect();
    let Some(first) = damages.first() else { return Ok(()) };
    let place =
        |f: &Finding| f.place.map_or_else(String::new, |[x, y, z]| format!(" at {x:.2}, {y:.2}, {z:.2} mm"));
    let said: Vec<String> =
        damages.iter().take(4).map(|f| format!("{} ({}){}", f.message, f.code, place(f))).collect();
    let message = format!("{file} is not safe to slice: {}", said.join("; "));
    let help = if first.remedy.is_empty() {
        format!("osteon check {file} shows all defects")
    } else {
        first.remedy.replace("<file>", file)
    };
    Err(Failure::new(ErrorKind::Input, "not-sliceable", message, help))
}

/// All objects as the shells of one solid; objects that overlap are refused.
fn whole(
    solids: Vec<(String, Option<Solid>)>,
    file: &str,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Solid, Failure> {
    let not_solid = |why: String| {
        let help = format!(
            "osteon shape {file} --out mended.stl --step repair; osteon check {file} shows all defects"
        );
        Failure::new(ErrorKind::Input, "not-solid", why, help)
    };
    let mut proven = Vec::new();
    for (name, solid) in solids {
        proven
            .push((name.clone(), solid.ok_or_else(|| not_solid(format!("{name} does not bound a volume")))?));
    }
    let named: Vec<(&str, &Solid)> = proven.iter().map(|(name, solid)| (name.as_str(), solid)).collect();
    card::pairs(&named, findings, ctx)?;
    refuse_damaged(file, findings)?;
    let mut all = Mesh::default();
    for (_, solid) in proven {
        let first = all.vertices.len() as u32;
        let mesh = solid.into_mesh();
        all.vertices.extend(mesh.vertices);
        all.triangles.extend(mesh.triangles.into_iter().map(|t| t.map(|v| v + first)));
    }
    Solid::new(all).map_err(|not| not_solid(not.to_string()))
}

/// Where the file for the printer and its record are to be written.
struct Target {
    /// How layers are written; `None` for G-code.
    format: Option<Format>,
    out: String,
    folder: Folder,
    stem: String,
    name: String,
}

impl Target {
    /// Files that do not exist yet.
    fn new(path: &str) -> Result<Self, Failure> {
        let (out, path) = (path.to_owned(), PathBuf::from(path));
        let end = path.extension().unwrap_or_default().to_string_lossy();
        let format = Format::of(&end);
        if format.is_none() && end != "gcode" {
            let message = format!("{} does not end in a format that can be written", path.display());
            let help = "name a file that ends in .gcode, .goo, .sl1 or .zip with --out";
            return Err(Failure::new(ErrorKind::Input, "unknown-format", message, help));
        }
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (stem, name) = (text(path.file_stem()), text(path.file_name()));
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let target = Self { format, out, folder: Folder::open(parent)?, stem, name };
        for name in [target.name.clone(), target.record()] {
            if target.folder.has(&CasePath::new(&name)?) {
                let message = format!("{name} exists already in {}", parent.display());
                let help = "remove it, or name another file with --out";
                return Err(Failure::new(ErrorKind::Input, "exists-already", message, help));
            }
        }
        Ok(target)
    }

    fn record(&self) -> String {
        format!("{}.print.json", self.stem)
    }

    /// Writes what was made and its record, and tells of it.
    fn done(
        &self,
        made: &[u8],
        mut record: Value,
        mut summary: Vec<String>,
        findings: Vec<Finding>,
    ) -> Result<Outcome, Failure> {
        record["findings"] = json!(findings);
        // The record first: a file without one would look like anybody's.
        self.folder.put(&CasePath::new(&self.record())?, format!("{record:#}\n").as_bytes())?;
        self.folder.put(&CasePath::new(&self.name)?, made)?;
        summary.push(format!("wrote {} and {}", self.out, self.record()));
        Ok(Outcome { summary, findings, data: record, ..Outcome::default() })
    }
}
