//! Real scans through the whole pipeline; skipped where there are none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers outside test functions stop at what they did not expect, and say what they skip"
)]

mod common;

use common::{record, run_on, solid};
use osteon::ErrorKind;
use osteon_core::{Aabb, Ctx, Patient};
use osteon_io::nrrd;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// A folder of the data, or `None` and a line where there are none.
fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no data at {}", path.display());
    None
}

/// The value and severity of a line of the check.
fn checked(lines: &Value, name: &str) -> (String, Value) {
    let line = lines.as_array().unwrap().iter().find(|line| line["name"] == name);
    let line = line.unwrap_or_else(|| panic!("no line {name} in {lines}"));
    (line["value"].as_str().unwrap().to_owned(), line["severity"].clone())
}

/// The box of the image in a case.
fn image_bounds(case: &Path) -> Aabb<Patient> {
    let bytes = common::artefact(case, "images/ct.nrrd");
    let volume = nrrd::read_volume(&bytes, &Ctx::default()).unwrap();
    volume.grid().bounds()
}

#[test]
fn a_thorax_becomes_one_marked_solid_the_right_way_round() {
    let Some(folder) = data("lidc0314_thorax_ct") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let case = root.path().join("case");
    let settings = json!({
        "folder": folder, "out": case, "case_id": "THORAX-1", "structure": "thorax",
        "printer": "none",
    });
    run_on(&case, "model", settings, None).unwrap();
    let solid = solid(&case, "thorax");
    assert!(solid.mesh().triangles.len() >= 1_000_000, "{}", solid.mesh().triangles.len());
    let (image, model) = (image_bounds(&case), solid.mesh().bounds());
    // Bone that the scan cuts off is closed half a voxel beyond its outermost samples.
    let over = (image.min.vec() - model.min.vec()).max(model.max.vec() - image.max.vec());
    assert!(over.max_element() <= 0.5 + 1e-9, "{over} mm beyond the image");
    assert!(model.size().cmpgt(glam::DVec3::new(200.0, 100.0, 200.0)).all(), "{model:?}");
    let pieces = solid.shells().iter().filter(|shell| shell.volume > 0.0).count();
    assert_eq!(pieces, 1);
    let made = record(&case, "products/thorax.json");
    assert!(made["marks"].as_array().is_some_and(|marks| !marks.is_empty()), "{made}");
    let lines = record(&case, "products/thorax.check.json");
    for name in ["closed and manifold", "pieces", "place in the patient", "left and right", "marks"] {
        let (value, severity) = checked(&lines, name);
        assert_eq!(severity, Value::Null, "{name}: {value}");
    }
    for file in [
        "report-theatre.pdf",
        "report-engineer.html",
        "products/thorax.stl",
        "products/thorax.3mf",
        "products/thorax.glb",
    ] {
        assert!(!common::artefact(&case, file).is_empty(), "{file}");
    }
}

#[test]
fn a_tilted_head_with_two_slice_distances_becomes_a_model_that_agrees_with_its_image() {
    let Some(folder) = data("dcm_qa_ct_ge") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let case = root.path().join("case");
    let settings = json!({ "folder": folder, "out": case, "structure": "skull", "printer": "none" });
    let outcome = run_on(&case, "model", settings, None).unwrap();
    let codes: Vec<&str> = outcome.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"uneven-spacing-resampled") && codes.contains(&"gantry-tilt"), "{codes:?}");
    let lines = record(&case, "products/skull.check.json");
    for name in ["place in the patient", "left and right"] {
        let (value, severity) = checked(&lines, name);
        assert_ne!(severity, "danger", "{name}: {value}");
    }
}

#[test]
fn every_other_folder_of_scans_ends_in_a_model_or_in_a_clear_refusal() {
    for folder in [
        "taichi_lspine/ct",
        "taichi_lspine/mr15T",
        "totalseg_examples/example_ct_dicom",
        "pydicom_test_files",
    ] {
        let Some(folder) = data(folder) else {
            continue;
        };
        let root = tempfile::tempdir().unwrap();
        let case = root.path().join("case");
        let settings = json!({ "folder": folder, "out": case, "printer": "none" });
        match run_on(&case, "model", settings, None) {
            Ok(outcome) => {
                println!("{}: {:?}", folder.display(), outcome.summary);
                let lines = record(&case, "products/bone.check.json");
                let (value, severity) = checked(&lines, "left and right");
                assert_ne!(severity, "danger", "{}: {value}", folder.display());
            }
            Err(refused) => {
                println!("{}: {refused}; {}", folder.display(), refused.help);
                assert_ne!(refused.code, "internal", "{}: {refused}", folder.display());
                assert!(!refused.help.is_empty(), "{}: {refused}", folder.display());
                assert_ne!(refused.kind, ErrorKind::Cancelled);
            }
        }
    }
}
