//! `gauge`: a calibration print, and from what is measured on it what a printer does to every part.

use crate::card::{self, Card};
use crate::failure::Failure;
use crate::job::Job;
use crate::mesh_out::Target;
use crate::registry::{Command, Effect, Outcome};
use osteon_case::{CasePath, Folder};
use osteon_core::{ErrorKind, Finding, Mm, Severity, Solid};
use osteon_design::gauge::{Feature, features, gauge, walls};
use osteon_io::mesh_file::Placed;
use osteon_print::compensation::{Compensation, Fitted, READING, Reading};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// Make a calibration print, or write a printer's profile from what was measured on one
///
/// Without readings this writes the gauge – two arms along the printer's x and y, a tower with steps, pegs, holes,
/// a slot and thin walls – with a sheet that says what to measure. Print it as it lies, with the settings parts are
/// printed with.
///
/// With readings it finds what the printer does to every part: scale along x, y and z, and how far outlines grow, each
/// with its 95 % interval, and writes them as the table [compensation] of a copy of the printer's profile. Measure at
/// least x100, y100, a peg and a hole; two heights tell the scale along z.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gauge {
    /// File to write: the gauge (.stl, .3mf, .ply, .obj or .glb), or with readings the profile (.toml)
    pub out: String,
    /// What was measured, such as x100=99.82, in mm
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub measured: Vec<String>,
    /// Built-in printer whose profile gets the compensation
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer: Option<String>,
    /// Profile file that gets the compensation, in place of a built-in one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_file: Option<String>,
}

/// A reading farther from the plan than this, mm and share, is of another feature or in another unit.
///
/// Chosen: four times what a printer in order is off by.
const IMPOSSIBLE: [f64; 2] = [1.0, 0.05];

/// Largest profile that is read, bytes.
const LARGEST: u64 = 1 << 20;

impl Command for Gauge {
    const NAME: &'static str = "gauge";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        if self.measured.is_empty() { self.made(job) } else { self.profile() }
    }
}

impl Gauge {
    fn made(&self, job: &Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        let target = Target::new(&self.out)?;
        let (folder, name) = beside(&self.out, "sheet.txt")?;
        let (_, data_name) = beside(&self.out, "sheet.json")?;
        for name in [&name, &data_name] {
            refuse_existing(&folder, name)?;
        }
        let solid = gauge(&ctx.part("gauge", 0.0, 0.6))?;
        let solids: [(&str, &Solid); 1] = [("gauge", &solid)];
        target.write(&solids, Placed::Unknown, &ctx.part("writing", 0.6, 0.7))?;
        let mut findings = Vec::new();
        let checking = ctx.part("checking", 0.7, 0.9);
        let object = card::inspect("gauge", solid.mesh().clone(), &mut findings, &checking)?.0;
        let card = Card::new(Some(target.facts(Placed::Unknown)?), vec![object], Vec::new(), findings);
        target.write_card(&card, &solids, &ctx.part("card", 0.9, 1.0))?;
        folder.put(&CasePath::new(&name)?, sheet().as_bytes())?;
        let data = json!({ "osteon": crate::VERSION, "unit": "mm", "features": listed(), "walls": walls() });
        folder.put(&CasePath::new(&data_name)?, format!("{data:#}\n").as_bytes())?;
        let mut summary = card.lines();
        summary.push(target.line());
        summary.push(format!("what to measure is in {name}"));
        Ok(Outcome { summary, findings: card.findings, data, ..Outcome::default() })
    }

    fn profile(&self) -> Result<Outcome, Failure> {
        let text = match (&self.printer, &self.printer_file) {
            (Some(name), None) => {
                let printer = osteon_print::printer(name)?;
                toml::to_string(&printer).map_err(|e| {
                    Failure::new(ErrorKind::Numeric, "profile-not-written", e.to_string(), "report this")
                })?
            }
            (None, Some(path)) => {
                let bytes = osteon_io::file::read(Path::new(path), LARGEST)?;
                String::from_utf8(bytes).map_err(|_| {
                    let help = "name a printer profile, a TOML file";
                    Failure::new(ErrorKind::Input, "not-text", format!("{path} is no text file"), help)
                })?
            }
            _ => {
                let message = "readings are of one printer: name it with --printer or --printer-file";
                let help = "osteon print --help lists the printers that are built in";
                return Err(Failure::new(ErrorKind::Input, "which-printer", message, help));
            }
        };
        let readings = self.measured.iter().map(|text| reading(text)).collect::<Result<Vec<_>, _>>()?;
        let fitted = Compensation::fit(&readings)?;
        let whole = fitted.compensation.into_profile(&text)?;
        let (folder, name) = file(&self.out)?;
        refuse_existing(&folder, &name)?;
        folder.put(&CasePath::new(&name)?, whole.as_bytes())?;
        let mut summary = lines(&fitted);
        summary.push(format!("wrote {}; print with --printer {0}", self.out));
        let findings = findings(&fitted);
        Ok(Outcome { summary, findings, data: told(&fitted), ..Outcome::default() })
    }
}

/// The folder of a file that is to be written, and its name.
fn file(path: &str) -> Result<(Folder, String), Failure> {
    let path = Path::new(path);
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((Folder::open(parent)?, path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

/// The folder of a file, and the name of another beside it.
fn beside(path: &str, end: &str) -> Result<(Folder, String), Failure> {
    let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((file(path)?.0, format!("{stem}.{end}")))
}

fn refuse_existing(folder: &Folder, name: &str) -> Result<(), Failure> {
    if folder.has(&CasePath::new(name)?) {
        let help = "remove it, or name another file with --out";
        return Err(Failure::new(ErrorKind::Input, "exists-already", format!("{name} exists already"), help));
    }
    Ok(())
}

/// A reading as a person writes it.
fn reading(text: &str) -> Result<Reading, Failure> {
    let known = features();
    let wrong = |what: String| {
        let names: Vec<&str> = known.iter().map(|feature| feature.name).collect();
        let help = format!("it is written x100=99.82, in mm; there are {}", names.join(", "));
        Failure::new(ErrorKind::Input, "bad-reading", format!("--measured \"{text}\": {what}"), help)
    };
    let (name, number) = text.split_once('=').ok_or_else(|| wrong("there is no \"=\"".to_owned()))?;
    let feature = known.iter().find(|feature| feature.name == name.trim());
    let feature = *feature.ok_or_else(|| wrong("the gauge has no such feature".to_owned()))?;
    let measured: Mm = number.parse().map_err(|e: osteon_core::unit::NotANumber| wrong(e.to_string()))?;
    let Feature { planned, along, sides, feet, .. } = feature;
    let [least, share] = IMPOSSIBLE;
    if (measured.value() - planned).abs() > least.max(share * planned) {
        return Err(wrong(format!(
            "{planned} mm is planned; so far off it is another feature or another unit"
        )));
    }
    Ok(Reading { along, sides, feet, planned, measured: measured.value() })
}

fn listed() -> Vec<Value> {
    features().iter().map(|f| json!({ "name": f.name, "planned": f.planned, "how": f.how })).collect()
}

/// The sheet that is filled in by hand.
fn sheet() -> String {
    let mut text = String::from(
        "Calibration print\n\nPrint it flat as it lies, in the material and with the settings parts are printed with, not scaled and not\n\
         turned. Let it cool. The arm marked X100 lies along the printer's x, the arm marked Y100 along its y. Measure with\n\
         a calliper in mm to 0.01, away from seams and the bottom edge, three times each, and write the middle one.\n\n",
    );
    for feature in features() {
        let _ =
            writeln!(text, "{:<6} {:>6.2} mm   ________   {}", feature.name, feature.planned, feature.how);
    }
    let thin: Vec<String> = walls().iter().map(|wall| wall.to_string()).collect();
    let _ = writeln!(
        text,
        "\nThin walls, from the tower outward: {} mm. Which of them stand? ________\n\nThen: osteon gauge --measured \
         x100=... --measured y100=... --printer <name> --out <profile>.toml\n\n{}",
        thin.join(", "),
        crate::NOTICE
    );
    text
}

fn lines(fitted: &Fitted) -> Vec<String> {
    let mut lines = Vec::new();
    for (axis, (value, half)) in
        ["x", "y", "z"].iter().zip(fitted.compensation.scale.iter().zip(fitted.scale))
    {
        lines.push(match half {
            Some(half) => format!("scale along {axis}: {value:.4} ± {half:.4}"),
            None => format!("scale along {axis}: not measured, taken as 1"),
        });
    }
    lines.push(format!(
        "outlines grow by {:.3} ± {:.3} mm on every side",
        fitted.compensation.growth, fitted.growth
    ));
    lines.extend(
        fitted
            .foot
            .map(|(mm, half)| format!("first layer: {mm:+.3} ± {half:.3} mm of height, not compensated")),
    );
    lines.push(format!("readings differ from that by {:.3} mm", fitted.left));
    lines
}

fn told(fitted: &Fitted) -> Value {
    json!({
        "scale": fitted.compensation.scale, "scale_half": fitted.scale,
        "growth": fitted.compensation.growth, "growth_half": fitted.growth,
        "first_layer": fitted.foot.map(|(value, half)| json!({ "value": value, "half": half })),
        "left": fitted.left,
    })
}

fn findings(fitted: &Fitted) -> Vec<Finding> {
    let mut told = Vec::new();
    // A fit by many readings leaves less than each errs by; three times as much is no reading error.
    let limit = 1.5 * READING;
    if fitted.left > limit {
        let message = format!("the readings differ by {:.3} mm from one scale and growth", fitted.left);
        told.push(
            Finding::new("readings-disagree", Severity::Caution, message)
                .measured(fitted.left, limit, "mm", "chosen: 1.5 times what a reading errs by")
                .remedy("measure the odd ones again; round features that differ from long ones tell of a loose belt"),
        );
    }
    if fitted.scale[2].is_none() {
        told.push(
            Finding::new(
                "axis-not-measured",
                Severity::Note,
                "no height was measured: the scale along z is taken as 1",
            )
            .remedy("measure z50 and z15"),
        );
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_read_and_what_cannot_be_is_refused() {
        let read = reading("x100=99.82 mm").unwrap();
        assert_eq!((read.planned, read.measured, read.sides), (100.0, 99.82, 2.0));
        for wrong in ["x100", "q=5", "x100=3.93", "hole4=6.01", "peg8=nan"] {
            assert_eq!(reading(wrong).unwrap_err().code, "bad-reading", "{wrong}");
        }
    }

    #[test]
    fn the_sheet_names_every_feature() {
        let text = sheet();
        assert!(features().iter().all(|feature| text.contains(feature.name)));
    }
}
