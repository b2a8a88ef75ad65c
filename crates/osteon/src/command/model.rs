//! `model`: from a folder of DICOM slices to a printed bone, in one command.

use crate::artefacts;
use crate::failure::Failure;
use crate::job::Job;
use crate::printing::{self, Fineness, USUAL_PRINTER};
use crate::registry::{Command, Effect, Outcome};
use crate::surfacing::Cortex;
use osteon_core::{Hu, Mm, Side};
use osteon_plan::StructureId;
use osteon_plan::plan::Marks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Make a checked, marked 1:1 bone model from a scan
///
/// Runs import, segment, propose, make, check, export, print and report, and leaves a case in the folder
/// given. What cannot be printed is refused at the end; everything else is still there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Folder, file or ZIP archive with the scan
    #[schemars(extend("x-position" = 1))]
    pub folder: String,
    /// Folder for the case: new, empty, or a case already
    pub out: String,
    /// The series to take when the folder holds several: its number in the list, or its UID
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Pseudonym of a new case, written on everything made from it; made from the series if not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// What you state in place of the files, such as spacing=0.5,0.5 or gaps=filled; written down in the case
    /// and on the model
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub assume: Vec<String>,
    /// Name of the structure, such as bone, thorax or femur-left
    #[serde(default = "StructureId::bone")]
    pub structure: StructureId,
    /// The patient's side to write on the model, when structure and scan do not say it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// What is pressed into the surface
    #[serde(default = "pressed")]
    pub marks: Marks,
    /// Lowest radiodensity that is taken for bone
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1024.0, max = 3071.0))]
    pub threshold: Option<Hu>,
    /// Keep only so many of the largest islands
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub largest: Option<u32>,
    /// How far leaving out triangles may move the surface; 0 keeps them all
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 5.0))]
    pub within: Option<Mm>,
    /// Where the surface of thin cortex is put
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cortex: Option<Cortex>,
    /// Name of a built-in printer profile or path of a profile file; `none` for no G-code
    #[serde(default = "usual_printer")]
    pub printer: String,
    /// The slicing program, if it is not found by its usual names
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slicer: Option<String>,
}

/// What is given as printer when no G-code is wanted.
const NO_PRINTER: &str = "none";

fn pressed() -> Marks {
    Marks::Pressed
}
fn usual_printer() -> String {
    USUAL_PRINTER.to_owned()
}

impl Model {
    /// The commands and their settings, each with its share of the time.
    fn steps(&self) -> Vec<(&'static str, f64, Value)> {
        vec![
            (
                "import",
                0.40,
                json!({ "folder": self.folder, "series": self.series, "case_id": self.case_id, "assume": self.assume }),
            ),
            (
                "segment",
                0.10,
                json!({ "structure": self.structure, "threshold": self.threshold, "largest": self.largest }),
            ),
            (
                "propose",
                0.01,
                json!({ "procedure": "bone-model", "structures": [self.structure], "side": self.side, "marks": self.marks }),
            ),
            ("make", 0.20, json!({ "within": self.within, "cortex": self.cortex })),
            ("check", 0.02, json!({})),
            ("export", 0.12, json!({})),
        ]
    }
}

impl Model {
    /// The failure of a step; the steps before it stay.
    fn kept(&self, mut failure: Failure, step: &str) -> Failure {
        if step != "import" {
            failure
                .help
                .push_str(&format!("; this was at {step}, what was done before is kept in {}", self.out));
        }
        failure
    }
}

impl Command for Model {
    const NAME: &'static str = "model";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        job.session().case = PathBuf::from(&self.out);
        // A misspelt printer is told now, not after the work.
        if self.printer != NO_PRINTER {
            printing::profile(&self.printer, Fineness::Standard, &printing::folders(None))?;
        }
        let mut outcome = Outcome::default();
        let mut done = 0.0;
        for (name, share, settings) in self.steps() {
            let ctx = job.ctx().part(name, done, done + share);
            done += share;
            let part = job.then(name, settings, &ctx);
            outcome.absorb(part.map_err(|failure| self.kept(failure, name))?);
        }
        let printed = if self.printer == NO_PRINTER {
            Ok(Outcome::default())
        } else {
            let settings = json!({ "printer": self.printer, "slicer": self.slicer });
            let ctx = job.ctx().part("print", done, 0.95);
            job.then("print", settings, &ctx)
        };
        let stopped =
            printed.as_ref().is_err_and(|failure| failure.kind == osteon_core::ErrorKind::Cancelled);
        if !stopped {
            let ctx = job.ctx().part("report", 0.95, 1.0);
            outcome.absorb(job.then("report", json!({}), &ctx)?);
        }
        match printed {
            Ok(printed) => outcome.absorb(printed),
            Err(mut failure) => {
                failure.message = format!("the model is made, but there is no G-code: {}", failure.message);
                failure.help = format!(
                    "{}. Everything else is in {}, see {}",
                    failure.help,
                    self.out,
                    artefacts::FIRST_PAGE
                );
                return Err(failure);
            }
        }
        outcome.summary.push(format!("the case is in {}; start with {}", self.out, artefacts::FIRST_PAGE));
        Ok(outcome)
    }
}
