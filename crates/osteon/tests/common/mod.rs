//! What the end-to-end tests share: phantoms to DICOM files, commands on a case, products read back.

// Helpers outside test functions; each test file uses its part of them.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at what it did not expect, and writes the files it is about"
)]

use osteon::{Ctx, Failure, Outcome, Registry, Request, run};
use osteon_case::{Case, CasePath, Sha256};
use osteon_core::{Mesh, Solid, Volume};
use osteon_io::dicom::{Encoding, SeriesMeta, write_series};
use osteon_io::ply;
use osteon_phantom::{Field, Phantom, Protocol, scan};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with DICOM files and one for a case, gone when dropped.
pub struct Bench {
    /// Holds everything; removed at the end.
    root: TempDir,
    /// Threads the commands use.
    pub threads: Option<usize>,
}

impl Bench {
    /// With the slices of a volume as DICOM files.
    pub fn of(volume: &Volume<i16>) -> Self {
        let bench = Self { root: tempfile::tempdir().unwrap(), threads: None };
        std::fs::create_dir(bench.dicom()).unwrap();
        write_dicom(volume, &bench.dicom());
        bench
    }

    /// The folder with the DICOM files.
    pub fn dicom(&self) -> PathBuf {
        self.root.path().join("dicom")
    }

    /// The folder of the case.
    pub fn case(&self) -> PathBuf {
        self.root.path().join("case")
    }

    /// A further folder, by its name.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs a command on the case.
    pub fn try_run(&self, command: &str, settings: Value) -> Result<Outcome, Failure> {
        run_on(&self.case(), command, settings, self.threads)
    }

    /// Runs a command on the case that must succeed.
    pub fn run(&self, command: &str, settings: Value) -> Outcome {
        self.try_run(command, settings)
            .unwrap_or_else(|failure| panic!("{command}: {failure}; {}", failure.help))
    }

    /// Runs `model` with these further settings, without a printer unless one is named.
    pub fn model(&self, settings: Value) -> Outcome {
        let mut all =
            json!({ "folder": self.dicom(), "out": self.case(), "case_id": "TEST-1", "printer": "none" });
        for (name, value) in settings.as_object().unwrap() {
            all[name] = value.clone();
        }
        self.run("model", all)
    }

    /// Imports, segments, proposes and makes one unmarked or marked model called `bone`.
    pub fn make(&self, segment: Value, marks: &str) -> Solid {
        self.run("import", json!({ "folder": self.dicom(), "case_id": "TEST-1" }));
        self.run("segment", segment);
        self.run("propose", json!({ "procedure": "bone-model", "marks": marks }));
        // A version of what it is made from would tell a patient who was moved from one who was not.
        self.run("make", json!({ "version": "V-1" }));
        solid(&self.case(), "bone")
    }
}

/// Runs a command on a case.
pub fn run_on(
    case: &Path,
    command: &str,
    settings: Value,
    threads: Option<usize>,
) -> Result<Outcome, Failure> {
    let request = Request {
        command: command.to_owned(),
        settings: settings.as_object().unwrap().clone(),
        case: case.to_path_buf(),
        threads,
    };
    run(&Registry::standard(), &request, &Ctx::default())
}

/// A sharp, noiseless scan of a phantom: 2 mm more than its view on every side.
pub fn scanned(phantom: &Phantom, in_plane: f64, between: f64) -> Volume<i16> {
    let grid = Field::axial(in_plane, between, 2.0).grid(&phantom.view).unwrap();
    scan(phantom, &grid, &Protocol::sharp(between), &Ctx::default()).unwrap().volume
}

/// Writes a volume as DICOM files into a folder.
pub fn write_dicom(volume: &Volume<i16>, folder: &Path) {
    let meta = SeriesMeta::new("end to end");
    let series = write_series(volume, &meta, Encoding::ExplicitLittle).unwrap();
    for file in series.iter() {
        let file = file.unwrap();
        std::fs::write(folder.join(file.name), file.bytes).unwrap();
    }
}

/// An artefact of a case, as the case itself proves it.
pub fn artefact(case: &Path, path: &str) -> Vec<u8> {
    Case::open(case).unwrap().read(&CasePath::new(path).unwrap()).unwrap()
}

/// An artefact of a case that is JSON.
pub fn record(case: &Path, path: &str) -> Value {
    serde_json::from_slice(&artefact(case, path)).unwrap()
}

/// A product as others get it: read from its PLY and proven closed.
pub fn solid(case: &Path, item: &str) -> Solid {
    let bytes = artefact(case, &format!("products/{item}.ply"));
    let mut file = ply::read(&bytes, &Ctx::default()).unwrap();
    let mesh: Mesh = file.meshes.remove(0).mesh;
    Solid::new(mesh).unwrap()
}

/// Every artefact of a case with its hash.
pub fn hashes(case: &Path) -> Vec<(String, Sha256)> {
    let case = Case::open(case).unwrap();
    case.artefacts().map(|(path, hash)| (path.to_string(), hash)).collect()
}
