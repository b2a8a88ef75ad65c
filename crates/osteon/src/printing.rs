//! From a solid to proven G-code: what `print` in a case and `slice` without one have in common.

use crate::failure::Failure;
use crate::marks::{MarkRead, marks_proof};
use crate::upright::Up;
use osteon_case::Sha256;
use osteon_core::{Ctx, ErrorKind, Finding, Mm, Severity, Solid};
use osteon_design::MarkStyle;
use osteon_print::{
    Check, Engine, Hand, Placement, Printer, Profile, Program, Quality, Sliced, Slicing, Source, Summary,
    Turn, Walls, canonical, compensate, fit, printer, read, slice, vendor, verify,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How fine the layers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fineness {
    /// The printer's usual layers.
    #[default]
    Standard,
    /// Thin layers for small or detailed parts.
    Fine,
}

/// A slicing program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// `PrusaSlicer`.
    Prusa,
    /// `CuraEngine`, with the definitions of Cura.
    Cura,
}

/// How a print is wished for, in the words of the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub printer: &'a str,
    pub quality: Fineness,
    pub engine: Option<EngineName>,
    pub slicer: Option<&'a str>,
    pub resources: Option<&'a str>,
    pub up: &'a str,
}

/// The printer that is taken when none is named.
pub(crate) const USUAL_PRINTER: &str = "generic-250";

/// Longest time a slicing program may take.
///
/// Chosen: a thorax of 2 million triangles took PrusaSlicer half an hour.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// Whose profiles a printer's name asks for.
const MAKERS: [(&str, EngineName); 2] = [("prusa:", EngineName::Prusa), ("cura:", EngineName::Cura)];

/// The printer of a built-in, installed or written profile.
pub(crate) fn printer_of(name: &str) -> Result<Printer, Failure> {
    Ok(profile(name, Fineness::Standard, &folders(None))?.printer)
}

/// Everything that is known before the first solid is sliced.
pub(crate) struct Ready {
    pub profile: Profile,
    /// Hash of everything the profile sets.
    pub hash: Sha256,
    up: Up,
    wished: Option<EngineName>,
    slicer: Option<PathBuf>,
    folders: Vec<PathBuf>,
}

/// What the G-code was found to be: `products/<item>.print.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Printed {
    /// Title of the printer profile.
    pub printer: String,
    /// Name and version of the slicing program, as it says itself.
    pub program: String,
    /// Layer height.
    pub layer: Mm,
    /// Number of layers.
    pub layers: usize,
    /// Printing time in seconds, as the slicing program estimates it.
    pub seconds: Option<f64>,
    /// Material with supports: grams.
    pub grams: f64,
    /// Material cost in the profile's currency.
    pub cost: f64,
    /// Largest distance in mm between the outlines laid down and the sections of the solid.
    pub deviation: Option<f64>,
    /// What the outlines say about left and right.
    pub hand: String,
    /// What is only known of prints made since it is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What a print rests on and what was found when it was held against the solid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proof {
    pub osteon: String,
    /// SHA-256 of the profile, of the settings the slicing program was given, and of the G-code.
    pub profile: String,
    pub settings: String,
    pub gcode: String,
    /// The direction of the part that is up (LPS).
    pub up: [f64; 3],
    /// Plastic of the model without supports, and volume of the solid, mm³.
    pub model_mm3: f64,
    pub solid_mm3: f64,
    /// Layers whose area was compared; their common share of the joint area; the least of one layer.
    pub compared: usize,
    pub area_in_common: Option<f64>,
    pub least_in_common: Option<f64>,
    /// What is read of the marks from the layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<MarkRead>,
    pub findings: Vec<Finding>,
}

/// G-code that passed, and what is told of it.
pub(crate) struct Made {
    pub gcode: Vec<u8>,
    pub printed: Printed,
    pub line: String,
    pub findings: Vec<Finding>,
}

/// The profile of this name: built in, a file of the user's, or one of a maker that is installed.
pub(crate) fn profile(name: &str, quality: Fineness, folders: &[PathBuf]) -> Result<Profile, Failure> {
    let quality = match quality {
        Fineness::Standard => Quality::Standard,
        Fineness::Fine => Quality::Fine,
    };
    for (prefix, maker) in MAKERS {
        if let Some(rest) = name.strip_prefix(prefix) {
            return Ok(match maker {
                EngineName::Prusa => vendor::prusa::profile(rest.trim(), folders)?,
                EngineName::Cura => vendor::cura::profile(rest.trim(), quality, folders)?,
            });
        }
    }
    if !name.ends_with(".toml") {
        return Ok(Profile::own(printer(name)?, quality));
    }
    let bytes = osteon_io::file::read(Path::new(name), 1 << 20)?;
    Ok(Profile::own(Printer::parse(&String::from_utf8_lossy(&bytes))?, quality))
}

/// The folders of profiles and definitions: the one given, then those the engine of Cura would be told.
pub(crate) fn folders(resources: Option<&str>) -> Vec<PathBuf> {
    let told = std::env::var_os("CURA_ENGINE_SEARCH_PATH");
    let told = told.iter().flat_map(std::env::split_paths);
    resources.map(PathBuf::from).into_iter().chain(told).collect()
}

impl Ready {
    /// Reads the wish; nothing is run yet.
    pub fn new(wish: &Wish<'_>) -> Result<Self, Failure> {
        let folders = folders(wish.resources);
        let profile = profile(wish.printer, wish.quality, &folders)?;
        let settings = match &profile.source {
            Source::Prusa(settings) => Some(settings),
            Source::Own | Source::Cura => None,
        };
        let all = json!({ "printer": profile.printer, "process": profile.process, "settings": settings });
        let hash = Sha256::of(all.to_string().as_bytes());
        let up = Up::new(wish.up)?;
        let slicer = wish.slicer.map(PathBuf::from);
        Ok(Self { profile, hash, up, wished: wish.engine, slicer, folders })
    }

    /// Where a solid goes; a failure with the ways out if it is too large.
    pub fn place(&self, solid: &Solid, ctx: &Ctx) -> Result<(Turn, Placement), Failure> {
        let (printer, process) = (&self.profile.printer, &self.profile.process);
        let turn = self.up.of(solid, (printer, process), ctx)?;
        Ok((turn, fit(solid.mesh(), &turn, printer, process)?))
    }

    /// The slicing program that is asked for, or that understands the profile.
    pub fn engine(&self) -> Result<Engine, Failure> {
        let program = match (self.wished, &self.profile.source) {
            (Some(EngineName::Cura), _) | (None, Source::Cura) => Program::Cura,
            _ => Program::Prusa,
        };
        Ok(Engine::find(program, self.slicer.as_deref(), &self.folders)?)
    }

    /// Slices a solid, reads the G-code back and holds it against the solid and the marks it bears.
    ///
    /// G-code that would be dangerous to print is not handed out.
    pub fn make(
        &self,
        name: &str,
        (solid, bears): (&Solid, &[osteon_design::Placement]),
        engine: &Engine,
        ctx: &Ctx,
    ) -> Result<Made, Failure> {
        let turn = self.place(solid, &ctx.part("placing", 0.0, 0.05))?.0;
        // What the printer is known to do to every part is taken back first; the proof is of what is sliced.
        let taken_back = match &self.profile.printer.compensation {
            Some(known) => Some(compensate(solid, known, &turn, ctx)?),
            None => None,
        };
        let solid = taken_back.as_ref().unwrap_or(solid);
        let placement = fit(solid.mesh(), &turn, &self.profile.printer, &self.profile.process)?;
        let folder = tempfile::tempdir().map_err(|e| {
            let help = "make room in the system's temporary folder";
            Failure::new(ErrorKind::Io, "no-temporary-folder", e.to_string(), help)
        })?;
        let slicing = Slicing {
            solid,
            folder: folder.path(),
            profile: &self.profile,
            placement: &placement,
            limit: PATIENCE,
        };
        let sliced = slice(engine, &slicing, &ctx.part("slicing", 0.05, 0.9))?;
        let gcode = canonical(&sliced.gcode);
        let summary = read(&gcode, &ctx.part("reading the G-code back", 0.9, 0.93))?;
        let (printer, process) = (&self.profile.printer, &self.profile.process);
        let work = osteon_print::Job { solid, placement: &placement, printer, process };
        let check = verify(&summary, &work, &ctx.part("comparing outlines", 0.93, 0.98))?;
        let layers = Walls::of_gcode(&summary, printer.line());
        let tolerance = MarkStyle::standard()?.bar_tolerance;
        let to_bed = &placement.to_bed;
        let reading = ctx.part("reading the marks", 0.98, 1.0);
        let (marks, amiss) = marks_proof(solid, bears, &layers, to_bed, tolerance, &reading)?;
        let findings = [sliced.findings.clone(), check.findings.clone(), amiss].concat();
        refuse_danger(name, "G-code", &findings)?;
        let proof = Proof { marks, ..self.proof((solid, &turn), &check, &sliced, &gcode) };
        let printed = self.printed(engine, &summary, &check, &sliced, proof);
        let hours = printed.seconds.map_or_else(String::new, |s| format!(", {:.1} h", s / 3600.0));
        let same = check.coverage.map_or_else(String::new, |coverage| {
            format!(
                "; {:.1} % of the area of {} layers is the solid's",
                100.0 * coverage.share,
                coverage.layers
            )
        });
        let legible = printed.proof.iter().flat_map(|proof| &proof.marks).filter(|mark| mark.legible).count();
        let marks = if bears.is_empty() {
            String::new()
        } else {
            format!("; {legible} of {} marks are read from its layers", bears.len())
        };
        let line = format!(
            "{name}: {} layers, {:.0} g{hours} on {}{same}{marks}",
            printed.layers, printed.grams, printer.title
        );
        Ok(Made { gcode, printed, line, findings })
    }

    fn proof(&self, (solid, turn): (&Solid, &Turn), check: &Check, sliced: &Sliced, gcode: &[u8]) -> Proof {
        Proof {
            osteon: crate::VERSION.to_owned(),
            profile: self.hash.to_string(),
            settings: Sha256::of(sliced.settings.as_bytes()).to_string(),
            gcode: Sha256::of(gcode).to_string(),
            up: turn.up().vec().to_array(),
            model_mm3: check.model.volume,
            solid_mm3: solid.volume(),
            compared: check.coverage.map_or(0, |coverage| coverage.layers),
            area_in_common: check.coverage.map(|coverage| coverage.share),
            least_in_common: check.coverage.map(|coverage| coverage.least),
            marks: Vec::new(),
            findings: check.findings.clone(),
        }
    }

    fn printed(
        &self,
        engine: &Engine,
        summary: &Summary,
        check: &Check,
        sliced: &Sliced,
        proof: Proof,
    ) -> Printed {
        Printed {
            printer: self.profile.printer.title.clone(),
            program: summary.program.clone().unwrap_or_else(|| engine.version().to_owned()),
            layer: Mm(self.profile.process.layer),
            layers: summary.layers.len(),
            // The head of Cura's G-code holds placeholders; what its engine logs is the truth.
            seconds: sliced.seconds.or(summary.seconds),
            grams: check.material.mass,
            cost: check.material.cost,
            deviation: check.deviation,
            hand: hand(check.hand).to_owned(),
            proof: Some(proof),
        }
    }
}

/// G-code or layers that are dangerous are not handed out.
pub(crate) fn refuse_danger(name: &str, what: &str, findings: &[Finding]) -> Result<(), Failure> {
    let dangers: Vec<&Finding> = findings.iter().filter(|f| f.severity == Severity::Danger).collect();
    let Some(first) = dangers.first() else { return Ok(()) };
    let said: Vec<String> = dangers.iter().map(|f| format!("{} ({})", f.message, f.code)).collect();
    let message = format!("the {what} of {name} was thrown away: {}", said.join("; "));
    Err(Failure::new(ErrorKind::Unsupported, "print-refused", message, first.remedy.clone()))
}

pub(crate) const fn hand(hand: Hand) -> &'static str {
    match hand {
        Hand::Kept => "as planned",
        Hand::Mirrored => "mirrored",
        Hand::Undecided => "cannot be told: the outlines are nearly symmetric",
        Hand::Unknown => "the outlines fit neither the model nor its mirror image",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upright::STANDING;

    #[test]
    fn dangerous_gcode_is_thrown_away_and_cautions_are_not() {
        let finding = |severity| Finding::new("print-mirrored", severity, "mirrored").remedy("do not");
        assert!(refuse_danger("bone", "G-code", &[finding(Severity::Caution)]).is_ok());
        let failure = refuse_danger("bone", "G-code", &[finding(Severity::Danger)]).unwrap_err();
        assert_eq!((failure.code.as_str(), failure.help.as_str()), ("print-refused", "do not"));
    }

    #[test]
    fn the_hash_of_a_built_in_printer_tells_its_qualities_apart() {
        let ready = |quality| {
            let (printer, up) = (USUAL_PRINTER, STANDING);
            Ready::new(&Wish { printer, quality, engine: None, slicer: None, resources: None, up })
                .unwrap()
                .hash
        };
        assert_eq!(ready(Fineness::Fine), ready(Fineness::Fine));
        assert_ne!(ready(Fineness::Fine), ready(Fineness::Standard));
    }
}
