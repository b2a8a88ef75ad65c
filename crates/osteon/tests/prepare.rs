//! `prepare` from file to files: pieces that fit the printer, voids that run empty, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers outside test functions stop at what they did not expect, write the files they are about, and say \
              what they skip"
)]

mod common;

use common::run_on;
use glam::DVec3;
use osteon::{Failure, Outcome};
use osteon_core::{Ctx, Explain, Mesh, Solid};
use osteon_io::{mesh_file, stl};
use osteon_phantom::mesh::{ball, cuboid};
use osteon_print::{Turn, fit, printer};
use serde_json::{Value, json};
use std::path::Path;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// Writes a mesh as STL into a folder.
fn file(folder: &Path, mesh: &Mesh) -> String {
    let path = folder.join("part.stl");
    let mut bytes = Vec::new();
    stl::write(&Solid::new(mesh.clone()).unwrap(), "part", &mut bytes, &Ctx::default()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path.to_string_lossy().into_owned()
}

fn prepare(folder: &Path, settings: Value) -> Result<Outcome, Failure> {
    run_on(&folder.join("case"), "prepare", settings, None)
}

/// The solids of a mesh file, proven again from its bytes.
fn solids(path: &Path) -> Vec<Solid> {
    let bytes = std::fs::read(path).unwrap();
    let read = mesh_file::read(&bytes, &Ctx::default()).unwrap();
    read.meshes.into_iter().map(|named| Solid::new(named.mesh).unwrap()).collect()
}

#[test]
fn a_part_that_the_bed_refuses_is_printable_in_pieces() {
    let root = tempfile::tempdir().unwrap();
    let whole = cuboid(DVec3::new(-20.0, 10.0, 500.0), DVec3::new(300.0, 240.0, 60.0));
    let printer = printer("generic-250").unwrap();
    let refused = fit(&whole, &Turn::standing(), &printer, &printer.standard).unwrap_err();
    assert_eq!(refused.code(), "larger-than-bed");
    let out = root.path().join("pieces.3mf");
    let settings = json!({ "file": file(root.path(), &whole), "out": out, "step": ["split"] });
    let outcome = prepare(root.path(), settings).unwrap();
    let pieces = solids(&out);
    assert_eq!(pieces.len(), 4);
    for piece in &pieces {
        fit(piece.mesh(), &Turn::standing(), &printer, &printer.standard).unwrap();
    }
    let step = &outcome.data["steps"][0];
    let number = |name: &str| step[name].as_f64().unwrap();
    let expected = whole.signed_volume() + number("added_mm3") - number("removed_mm3");
    let found: f64 = pieces.iter().map(Solid::volume).sum();
    // A 3MF keeps single precision: 3e-5 mm at 500 mm, over faces of together 0.3 m².
    assert!((found - expected).abs() < 10.0, "{found} {expected}");
    assert!(step["joints"].as_array().unwrap().len() >= 8);
    assert!(
        outcome.data["pairs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|pair| pair["overlap_mm3"].as_f64().unwrap() < 1e-3)
    );
}

#[test]
fn pieces_of_an_stl_are_files_of_their_own() {
    let root = tempfile::tempdir().unwrap();
    let whole = cuboid(DVec3::ZERO, DVec3::new(100.0, 30.0, 30.0));
    let part = file(root.path(), &whole);
    let out = root.path().join("half.stl");
    let settings =
        json!({ "file": part, "out": out, "step": ["split room=70,70,70 join=magnets fit=loose"] });
    let outcome = prepare(root.path(), settings.clone()).unwrap();
    assert!(outcome.summary.iter().any(|line| line.contains("poles")), "{:?}", outcome.summary);
    let halves = [1, 2].map(|n| solids(&root.path().join(format!("half-{n}.stl"))));
    assert!(halves.iter().all(|half| half.len() == 1) && !out.exists());
    assert_eq!(prepare(root.path(), settings).unwrap_err().code, "exists-already");
}

#[test]
fn a_hollow_part_runs_empty_with_the_side_up_that_was_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("hollow.3mf");
    let part = file(root.path(), &ball(DVec3::ZERO, 15.0, 40));
    let settings =
        json!({ "file": part, "out": out, "step": ["hollow 1.5"], "up": "0,-1,0", "process": "resin" });
    let outcome = prepare(root.path(), settings).unwrap();
    let step = &outcome.data["steps"][0];
    assert_eq!((step["voids"].as_u64(), step["trapped_mm3"].as_f64()), (Some(1), Some(0.0)));
    assert!(step["holes"][0]["at"][1].as_f64().unwrap() > 14.0, "{step}");
    assert!(solids(&out)[0].volume() < 0.4 * ball(DVec3::ZERO, 15.0, 40).signed_volume());
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let part = file(root.path(), &cuboid(DVec3::ZERO, DVec3::new(100.0, 30.0, 30.0)));
    let out = root.path().join("out.3mf");
    let refused = |more: Value| {
        let mut settings = json!({ "file": part, "out": out });
        for (name, value) in more.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let failure = prepare(root.path(), settings).unwrap_err();
        assert!(!out.exists());
        failure.code
    };
    assert_eq!(refused(json!({ "step": ["saw"] })), "unknown-step");
    assert_eq!(refused(json!({ "step": ["split room=70,70"] })), "bad-step");
    assert_eq!(refused(json!({ "step": ["split join=nails"] })), "bad-step");
    assert_eq!(refused(json!({ "step": ["hollow 2 drain=1"] })), "prepare-value");
    assert_eq!(refused(json!({ "step": ["split"], "up": "0,0,0" })), "bad-direction");
    assert_eq!(refused(json!({ "step": ["split"], "printer": "ender" })), "unknown-printer");
    let protect = ["box -10,-10,-10 110,40,40"];
    assert_eq!(refused(json!({ "step": ["split room=70,70,70"], "protect": protect })), "no-plane-to-split");
}

#[test]
fn a_pelvic_fragment_is_hollowed_and_runs_empty() {
    let part = Path::new(DATA).join("sutuk_pelvic_fracture/Case4/right_3.stl");
    if !part.is_file() {
        println!("skipped: no data at {}", part.display());
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let mended = root.path().join("mended.stl");
    let settings = json!({ "file": part, "out": mended, "step": ["repair", "resolve"] });
    run_on(&root.path().join("case"), "shape", settings, None).unwrap();
    let out = root.path().join("hollow.3mf");
    let settings = json!({ "file": mended, "out": out, "step": ["hollow 2"] });
    let outcome = prepare(root.path(), settings).unwrap();
    let step = &outcome.data["steps"][0];
    assert_eq!(step["trapped_mm3"].as_f64(), Some(0.0));
    assert!(step["holes"].as_array().unwrap().len() >= 2);
    assert_eq!(solids(&out)[0].shells().len(), 1);
}
