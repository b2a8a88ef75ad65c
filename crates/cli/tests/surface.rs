//! `surface`: from a scan to a checked solid, with a card that says what is true.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;
#[path = "common/things.rs"]
mod things;

use common::{Said, failed, files, json, refused};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use things::{ball, ball_mm3, write_scan};

/// Radius of the ball of bone in the scan, mm.
const RADIUS: f64 = 12.0;

/// A scan of one ball of bone in soft tissue.
fn scan() -> &'static Path {
    static SCAN: OnceLock<PathBuf> = OnceLock::new();
    SCAN.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("surface-ball.nrrd");
        write_scan(&path, [20.0; 3], &[ball([0.3, -0.2, 0.1], RADIUS, 1000.0)]);
        path
    })
}

/// NRRD says neither what it shows nor its unit.
const STATED: [&str; 4] = ["--assume", "modality=CT", "--assume", "unit=HU"];

fn words<'a>(path: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a OsStr> {
    let mut words = vec![OsStr::new("surface"), path.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    words.extend(STATED.iter().chain(more).map(|&word| OsStr::new(word)));
    words
}

/// A surface of the ball.
fn surface(out: &Path, more: &[&str]) -> Said {
    json(words(scan(), out, more))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// What every card of the ball must say.
fn holds(said: &Said) -> Value {
    assert_eq!(said.code, 0, "{said:?}");
    let card = said.json()["data"].clone();
    let object = &card["objects"][0];
    assert_eq!(object["solid"], true, "{object:#}");
    for nothing in ["open_edges", "non_manifold_edges", "non_manifold_vertices", "self_intersections"] {
        assert_eq!(object[nothing], 0, "{object:#}");
    }
    let volume = number(&object["matter"]["volume_mm3"]);
    assert!((volume / ball_mm3(RADIUS) - 1.0).abs() < 0.01, "{volume} of {}", ball_mm3(RADIUS));
    card
}

#[test]
fn every_format_holds_the_ball_and_its_card_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.stl", "b.3mf", "c.ply", "d.obj", "e.glb"] {
        let out = dir.path().join(name);
        let card = holds(&surface(&out, &[]));
        let error = &card["objects"][0]["image"]["editing_error"];
        let (mean, p95, max) = (number(&error["mean"]), number(&error["p95"]), number(&error["max"]));
        let certified = number(&error["certified"]);
        assert!(mean <= p95 && p95 <= max && max <= certified && certified <= 0.05, "{error}");
        let stem = out.with_extension("");
        let beside: Value = {
            let bytes = std::fs::read(format!("{}.card.json", stem.display())).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        assert_eq!(beside["objects"], card["objects"]);
        assert!(std::fs::read_to_string(format!("{}.card.html", stem.display())).unwrap().contains(name));
        let again = json([OsStr::new("check"), out.as_os_str()]);
        assert_eq!(again.code, 0, "{again:?}");
        let read = again.json()["data"]["objects"][0]["matter"]["volume_mm3"].clone();
        let told = number(&card["objects"][0]["matter"]["volume_mm3"]);
        // Coordinates are rounded to 0.00001 mm at worst, over some 1800 mm².
        assert!((number(&read) - told).abs() < 0.05, "{name}: {read} and {told}");
    }
}

#[test]
fn the_same_bytes_come_out_with_one_thread_and_with_two() {
    let dir = tempfile::tempdir().unwrap();
    let made = ["1", "2"].map(|threads| {
        let folder = dir.path().join(threads);
        std::fs::create_dir(&folder).unwrap();
        holds(&surface(&folder.join("ball.stl"), &["--threads", threads]));
        files(&folder).into_values().collect::<Vec<_>>()
    });
    assert_eq!(made[0].len(), 3);
    assert!(made[0] == made[1]);
}

#[test]
fn with_nothing_left_out_the_surface_has_all_its_triangles() {
    let dir = tempfile::tempdir().unwrap();
    let triangles = |card: &Value| number(&card["objects"][0]["triangles"]);
    let fewer = holds(&surface(&dir.path().join("fewer.stl"), &[]));
    let all = holds(&surface(&dir.path().join("all.stl"), &["--within", "0"]));
    let share = holds(&surface(&dir.path().join("share.stl"), &["--share", "1"]));
    assert!(triangles(&fewer) < 0.7 * triangles(&all), "{} of {}", triangles(&fewer), triangles(&all));
    assert_eq!(triangles(&all), triangles(&share));
    assert_eq!(number(&all["objects"][0]["image"]["editing_error"]["max"]), 0.0);
}

#[test]
fn its_ways_all_hold_the_ball() {
    let dir = tempfile::tempdir().unwrap();
    let ways: [&[&str]; 5] = [
        &["--cortex", "half-height"],
        &["--uncertainty", "told"],
        &["--denoise", "median"],
        &["--denoise", "gaussian"],
        &["--denoise", "flow"],
    ];
    for (n, way) in ways.into_iter().enumerate() {
        let card = holds(&surface(&dir.path().join(format!("{n}.stl")), way));
        let told = !card["objects"][0]["image"]["uncertainty"].is_null();
        assert_eq!(told, way.contains(&"told"), "{way:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("there.stl"), b"mine").unwrap();
    let (there, new, missing) = (at("there.stl"), at("new.stl"), at("missing"));
    let before = files(dir.path());
    refused(&words(scan(), &there, &[]), "exists-already", 2);
    refused(&words(scan(), &at("a.vtk"), &[]), "unknown-format", 2);
    refused(&words(&missing, &new, &[]), "no-folder", 3);
    refused(&words(scan(), &new, &["--threshold", "3000"]), "nothing-found", 5);
    refused(&words(scan(), &new, &["--smallest", "1e9"]), "nothing-found", 5);
    let mr =
        [scan().as_os_str(), "--out".as_ref(), new.as_os_str(), "--assume".as_ref(), "modality=MR".as_ref()];
    let mr: Vec<&OsStr> = std::iter::once(OsStr::new("surface")).chain(mr).collect();
    let said = json(&mr);
    assert!(said.code >= 2, "{said:?}");
    let unstated = json([OsStr::new("surface"), scan().as_os_str(), "--out".as_ref(), new.as_os_str()]);
    failed(&unstated, "modality-not-stated");
    for wrong in [
        ["--within", "-1"],
        ["--within", "nan"],
        ["--within", "6"],
        ["--share", "2"],
        ["--cortex", "thick"],
        ["--threshold", "inf"],
        ["--smallest", "-1"],
        ["--smallest", "nan"],
        ["--largest", "0"],
        ["--denoise", "wavelet"],
    ] {
        let said = json(words(scan(), &new, &wrong));
        assert_eq!(said.code, 2, "{wrong:?}: {said:?}");
    }
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_scan_with_missing_slices_is_refused_until_it_is_stated() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("scan");
    common::copy(&common::demo().scan, &folder);
    std::fs::remove_file(folder.join("CT000030.dcm")).unwrap();
    let out = dir.path().join("a.stl");
    let plain = [OsStr::new("surface"), folder.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    failed(&json(plain), "crosses-not-measured");
    assert!(!out.exists());
    let stated = [OsStr::new("--assume"), OsStr::new("gaps=filled")];
    let said = json(plain.iter().chain(&stated));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.findings().contains(&"slab-not-measured".to_owned()), "{said:?}");
    assert!(said.json()["data"]["assumed"].to_string().contains("filled"), "{said:?}");
}
