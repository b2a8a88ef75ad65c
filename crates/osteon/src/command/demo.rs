//! `demo`: the main job on the embedded phantom.

use crate::command::model::Model;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use osteon_case::{CasePath, Folder};
use osteon_io::dicom::{Encoding, SeriesMeta, write_series};
use osteon_phantom::catalogue::demo_scan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// Run the whole job on an embedded phantom: a lumbar vertebra that is scanned
///
/// Writes the scan to `<out>/scan` and the case to `<out>/case`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    /// Folder for scan and case: new or empty
    #[serde(default = "here")]
    pub out: String,
    /// Name of a built-in printer profile or path of a profile file; `none` for no G-code
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer: Option<String>,
    /// The slicing program, if it is not found by its usual names
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slicer: Option<String>,
}

fn here() -> String {
    "osteon-demo".to_owned()
}

impl Command for Demo {
    const NAME: &'static str = "demo";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let out = Path::new(&self.out);
        let scan = out.join("scan");
        self.write_scan(job, &scan)?;
        let model = json!({
            "folder": scan.to_string_lossy(),
            "out": out.join("case").to_string_lossy(),
            "case_id": "DEMO-1",
            "structure": "vertebra-L3",
            "printer": self.printer,
            "slicer": self.slicer,
        });
        let ctx = job.ctx().part("model", 0.2, 1.0);
        job.then(Model::NAME, model, &ctx)
    }
}

impl Demo {
    /// Scans the phantom and writes the slices, whole or not at all each.
    fn write_scan(&self, job: &mut Job<'_>, folder: &Path) -> Result<(), Failure> {
        let ctx = job.ctx().part("scanning the phantom", 0.0, 0.15);
        let scan = demo_scan(&ctx)?;
        let mut meta = SeriesMeta::new("osteon demo");
        meta.body_part = "LSPINE".to_owned();
        meta.kernel = scan.protocol.kernel.clone();
        let series = write_series(&scan.volume, &meta, Encoding::JpegLs)?;
        let ctx = job.ctx().part("writing DICOM", 0.15, 0.2);
        let folder = Folder::create(folder)?;
        for (n, file) in series.iter().enumerate() {
            let file = file?;
            folder.put(&CasePath::new(&file.name)?, &file.bytes)?;
            ctx.done((n + 1) as f64 / series.len() as f64)?;
        }
        Ok(())
    }
}
