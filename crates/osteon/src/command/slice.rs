//! `slice`: G-code for a mesh file, without a case.

use crate::card;
use crate::command::shape::load_with_facts;
use crate::failure::Failure;
use crate::job::Job;
use crate::printing::{EngineName, Fineness, Ready, USUAL_PRINTER, Wish};
use crate::registry::{Command, Effect, Outcome};
use crate::upright::STANDING;
use osteon_case::{CasePath, Folder};
use osteon_core::{Ctx, ErrorKind, Finding, Mesh, Severity, Solid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Slice a mesh file for a printer and check the G-code
///
/// Reads STL, 3MF, OBJ, PLY or GLB. What is not a proven solid, meets itself, overlaps, or is of doubtful unit is
/// refused with the command that mends it. PrusaSlicer or CuraEngine is run as a separate program, and its G-code read
/// back: inside the bed, no empty layer, right size, right way round, layers that cover what the solid covers. A record
/// is written beside the G-code; nothing is written where printing would be dangerous. Printers: `osteon printers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Mesh file
    #[schemars(extend("x-position" = 1))]
    pub file: String,
    /// File to write, ending in .gcode
    pub out: String,
    /// Built-in printer, path of a profile file (.toml), or an installed one: `prusa:<printer>/<print>/<filament>`, `cura:<machine>`
    #[serde(default = "usual_printer")]
    pub printer: String,
    /// Fine or standard layers; a maker's profile has layers of its own
    #[serde(default)]
    pub quality: Fineness,
    /// The slicing program; the one that understands the printer if not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineName>,
    /// Path of the slicing program, if it is not found by its usual names
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slicer: Option<String>,
    /// Folder of the makers' profiles or Cura's definitions, if they are not where they usually are
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<String>,
    /// What is up: `standing` as in the file (+z), `best` for the side that prints soonest, or a direction of the part as `x,y,z`
    #[serde(default = "standing")]
    pub up: String,
}

fn usual_printer() -> String {
    USUAL_PRINTER.to_owned()
}
fn standing() -> String {
    STANDING.to_owned()
}

impl Command for Slice {
    const NAME: &'static str = "slice";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        let target = Target::new(&self.out)?;
        let ready = Ready::new(&Wish {
            printer: &self.printer,
            quality: self.quality,
            engine: self.engine,
            slicer: self.slicer.as_deref(),
            resources: self.resources.as_deref(),
            up: &self.up,
        })?;
        let (read, facts) = load_with_facts(&self.file, &ctx.part("reading", 0.0, 0.05))?;
        let mut findings = read.findings;
        let mut solids = Vec::new();
        for (n, named) in read.meshes.into_iter().enumerate() {
            let name = if named.name.is_empty() { format!("object-{}", n + 1) } else { named.name };
            let part = ctx.part("checking the mesh", 0.05, 0.15);
            let (_, solid) = card::inspect(&name, named.mesh, &mut findings, &part)?;
            solids.push((name, solid));
        }
        refuse_damaged(&self.file, &findings)?;
        let solid = whole(solids, &self.file, &mut findings, &ctx.part("pairs", 0.15, 0.2))?;
        ready.place(&solid, &ctx.part("placing", 0.2, 0.2))?;
        let engine = ready.engine()?;
        let made = ready.make(&target.stem, (&solid, &[]), &engine, &ctx.part("slicing", 0.2, 1.0))?;
        findings.extend(made.findings);
        let mut record = json!({ "notice": crate::NOTICE, "model": facts, "print": made.printed });
        record["findings"] = json!(findings);
        target.write(&made.gcode, format!("{record:#}\n").as_bytes())?;
        let summary = vec![made.line, format!("wrote {} and {}", self.out, target.record())];
        Ok(Outcome { summary, findings, data: record, ..Outcome::default() })
    }
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

/// Where G-code and its record are to be written.
struct Target {
    folder: Folder,
    stem: String,
    name: String,
}

impl Target {
    /// Files that do not exist yet.
    fn new(path: &str) -> Result<Self, Failure> {
        let path = PathBuf::from(path);
        if path.extension().is_none_or(|end| end != "gcode") {
            let message = format!("{} does not end in .gcode", path.display());
            let help = "name the file to write with --out part.gcode";
            return Err(Failure::new(ErrorKind::Input, "unknown-format", message, help));
        }
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (stem, name) = (text(path.file_stem()), text(path.file_name()));
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let target = Self { folder: Folder::open(parent)?, stem, name };
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

    fn write(&self, gcode: &[u8], record: &[u8]) -> Result<(), Failure> {
        // The record first: G-code without one would look like anybody's.
        self.folder.put(&CasePath::new(&self.record())?, record)?;
        Ok(self.folder.put(&CasePath::new(&self.name)?, gcode)?)
    }
}
