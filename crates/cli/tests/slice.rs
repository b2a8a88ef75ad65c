//! `slice`: a mesh file becomes G-code that is proven, and what must not be printed becomes none.
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

use common::{failed, json, refused};
use std::ffi::OsStr;
use std::path::Path;
use things::{Triangles, cuboid, together, write_stl};

/// `osteon slice part.stl --out part.gcode` in this folder, with more words.
fn words<'a>(part: &'a Path, out: &'a Path, more: &'a [&'a str]) -> Vec<&'a OsStr> {
    let mut words = vec![OsStr::new("slice"), part.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    words.extend(more.iter().map(OsStr::new));
    words
}

/// What is refused leaves nothing.
fn leaves_nothing(triangles: &Triangles, more: &[&str], code: &str, exit: i32, help: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (part, out) = (dir.path().join("part.stl"), dir.path().join("part.gcode"));
    write_stl(&part, triangles);
    let said = json(words(&part, &out, more));
    failed(&said, code);
    assert_eq!(said.code, exit, "{said:?}");
    let failure = said.json();
    assert!(failure["help"].as_str().unwrap().contains(help), "{failure}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was written");
}

#[test]
fn damaged_parts_leave_no_gcode_and_are_told_what_mends_them() {
    let open = cuboid([0.0; 3], [20.0; 3])[1..].to_vec();
    leaves_nothing(&open, &[], "not-sliceable", 2, "--step repair");
    let overlapping = together(&[cuboid([0.0; 3], [20.0; 3]), cuboid([10.0; 3], [20.0; 3])]);
    leaves_nothing(&overlapping, &[], "not-sliceable", 2, "--step resolve");
    // A cube of 20 mm told in metres is 0.02 mm wide, and nobody knows.
    leaves_nothing(&cuboid([0.0; 3], [0.02; 3]), &[], "not-sliceable", 2, "");
}

#[test]
fn wishes_that_cannot_be_met_are_refused_before_the_program_runs() {
    let part = cuboid([0.0; 3], [20.0; 3]);
    leaves_nothing(&part, &["--printer", "nope"], "unknown-printer", 3, "osteon printers");
    leaves_nothing(&part, &["--up", "sideways"], "bad-direction", 2, "x,y,z");
    leaves_nothing(&cuboid([0.0; 3], [60.0, 300.0, 50.0]), &[], "larger-than-bed", 4, "osteon prepare");
    leaves_nothing(&part, &["--slicer", "/nowhere/slicer"], "slicer-not-installed", 3, "apt-get install");
    let nowhere = ["--printer", "prusa:No such printer", "--resources", "/nowhere"];
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("part.stl"), dir.path().join("part.gcode"));
    write_stl(&file, &part);
    let said = json(words(&file, &out, &nowhere));
    let code = said.json()["error"].as_str().unwrap().to_owned();
    assert!(["unknown-profile", "profiles-missing"].contains(&code.as_str()), "{said:?}");
    refused(&words(&file, &dir.path().join("part.txt"), &[]), "unknown-format", 2);
}

#[test]
fn a_sound_part_becomes_gcode_with_its_record_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (part, out) = (dir.path().join("part.stl"), dir.path().join("part.gcode"));
    write_stl(&part, &cuboid([5.0, 5.0, 700.0], [30.0, 20.0, 12.0]));
    let said = json(words(&part, &out, &["--up", "0,0,-1"]));
    if said.code != 0 && said.json()["error"] == "slicer-not-installed" {
        println!("skipped: no slicing program is installed");
        return;
    }
    assert_eq!(said.code, 0, "{said:?}");
    let record = std::fs::read_to_string(dir.path().join("part.print.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let proof = &record["print"]["proof"];
    assert_eq!(proof["up"], serde_json::json!([0.0, 0.0, -1.0]));
    assert!(proof["area_in_common"].as_f64().unwrap() > 0.99, "{proof:#}");
    for hash in ["profile", "settings", "gcode"] {
        assert_eq!(proof[hash].as_str().unwrap().len(), 64, "{hash}");
    }
    assert!(std::fs::read(&out).unwrap().len() > 1000);
    refused(&words(&part, &out, &[]), "exists-already", 2);
}

#[test]
fn the_printers_that_are_built_in_are_listed() {
    let said = json(["printers", "generic", "--resources", "/nowhere"].map(OsStr::new));
    assert_eq!(said.code, 0, "{said:?}");
    let listed = said.json()["data"].as_array().unwrap().clone();
    for name in ["generic-250", "generic-300", "generic-180"] {
        assert!(listed.iter().any(|printer| printer["name"] == name), "{name}");
    }
}
