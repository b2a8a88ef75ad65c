//! A printed part held against its plan, from files to the report.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at what it did not expect, and writes the files it is about"
)]

mod common;

use common::run_on;
use glam::DVec3;
use osteon_core::ctx::Random;
use osteon_core::{Ctx, Mesh, Point};
use osteon_io::ply;
use osteon_phantom::mesh::ball;
use serde_json::{Value, json};
use std::path::Path;

/// A lump that no turn or mirror maps onto itself.
fn lump() -> Mesh {
    let mut mesh = ball(DVec3::ZERO, 1.0, 50);
    for vertex in &mut mesh.vertices {
        let d = vertex.vec();
        let bump = |at: DVec3, high: f64| high * (-d.distance_squared(at.normalize()) * 2.0).exp();
        let radius = 20.0
            + bump(DVec3::X, 12.0)
            + bump(DVec3::new(-1.0, 0.6, 0.2), 9.0)
            + bump(DVec3::new(0.1, -1.0, 0.7), 6.0);
        *vertex = Point::from_vec(d * radius);
    }
    mesh
}

/// The lump printed at these scales and scanned with noise in another pose.
fn scan(plan: &Mesh, scale: DVec3) -> Mesh {
    let mut random = Random::new(4);
    let middle = plan.bounds().middle().vec();
    let mut mesh = plan.clone();
    for vertex in &mut mesh.vertices {
        let noise = DVec3::new(random.normal(), random.normal(), random.normal()) * 0.02;
        let p = middle + (vertex.vec() - middle) * scale + noise;
        // A quarter turn about x, exact in any arithmetic.
        *vertex = Point::new(p.x + 100.0, -p.z, p.y - 40.0);
    }
    mesh
}

fn write(mesh: &Mesh, path: &Path) {
    let mut bytes = Vec::new();
    ply::write(mesh, &mut bytes, &Ctx::default()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn inspected(scale: DVec3, tolerance: f64) -> (Value, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let [plan, print, out] = ["plan.ply", "scan.ply", "out"].map(|name| root.path().join(name));
    write(&lump(), &plan);
    write(&scan(&lump(), scale), &print);
    let settings =
        json!({ "scan": print, "against": plan, "out": out, "tolerance": tolerance, "model": "scale" });
    run_on(root.path(), "inspect", settings, None).unwrap();
    let mut files: Vec<String> =
        std::fs::read_dir(&out).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let report = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    (report, files)
}

#[test]
fn a_good_print_passes_and_leaves_its_maps() {
    let (report, files) = inspected(DVec3::ONE, 0.2);
    assert_eq!(report["verdict"], "passes 0.2 mm");
    assert_eq!(report["scan"]["hand"], "same");
    assert!(report["scan"]["distances"]["p95"].as_f64().unwrap() < 0.1);
    for wanted in ["report.json", "report.html", "deviation.ply"] {
        assert!(files.iter().any(|file| file == wanted), "{files:?}");
    }
    assert_eq!(files.iter().filter(|file| file.ends_with(".png")).count(), 6);
}

#[test]
fn a_shrunken_print_fails_and_its_scale_is_told() {
    let wanted = DVec3::new(0.98, 0.98, 0.99);
    let (report, _) = inspected(wanted, 0.2);
    assert_eq!(report["verdict"], "fails");
    let codes: Vec<&str> =
        report["findings"].as_array().unwrap().iter().filter_map(|f| f["code"].as_str()).collect();
    assert!(codes.contains(&"tolerance-exceeded"), "{codes:?}");
    for (axis, scale) in report["scan"]["explained"]["scale"].as_array().unwrap().iter().enumerate() {
        // 0.03 mm over half of 50 mm.
        assert!((scale["value"].as_f64().unwrap() - wanted[axis]).abs() < 0.0012, "{axis} {scale}");
    }
}

#[test]
fn callipers_alone_judge_a_part_and_nothing_at_all_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let plan = root.path().join("plan.ply");
    write(&osteon_phantom::mesh::cuboid(DVec3::ZERO, DVec3::new(60.0, 40.0, 20.0)), &plan);
    let out = root.path().join("out");
    let settings =
        json!({ "against": plan, "out": out, "tolerance": 0.3, "caliper": ["0,20,10 60,20,10 = 60.5"] });
    let told = run_on(root.path(), "inspect", settings, None).unwrap();
    assert_eq!(told.data["verdict"], "fails");
    assert_eq!(told.data["callipers"]["scale"][0]["value"], 60.5 / 60.0);
    let nothing = json!({ "against": plan, "out": root.path().join("other") });
    assert_eq!(run_on(root.path(), "inspect", nothing, None).unwrap_err().code, "nothing-to-inspect");
}

#[test]
fn a_gauge_is_made_and_its_readings_become_a_profile() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("gauge.stl");
    let told = run_on(root.path(), "gauge", json!({ "out": out }), None).unwrap();
    assert!(told.findings.iter().all(|f| f.severity < osteon::Severity::Danger), "{:?}", told.findings);
    assert!(std::fs::read_to_string(root.path().join("gauge.sheet.txt")).unwrap().contains("hole6"));
    let profile = root.path().join("mine.toml");
    let measured = ["x100=100.16", "y100=99.96", "z50=50.05", "z15=15.0", "peg8=8.10", "hole6=5.90"];
    let settings = json!({ "out": profile, "measured": measured, "printer": "generic-250" });
    let told = run_on(root.path(), "gauge", settings, None).unwrap();
    let text = std::fs::read_to_string(profile).unwrap();
    let found = osteon_print::Compensation::of_profile(&text).unwrap().unwrap();
    // By construction: growth 0.05, scale 1.0006 and 0.9986 but for what the round ones differ by.
    assert!((found.growth - 0.05).abs() < 0.01 && (found.scale[0] - 1.0006).abs() < 2e-4, "{found:?}");
    assert!(told.data["scale_half"][2].as_f64().is_some());
    let nobody = json!({ "out": root.path().join("x.toml"), "measured": measured });
    assert_eq!(run_on(root.path(), "gauge", nobody, None).unwrap_err().code, "which-printer");
}
