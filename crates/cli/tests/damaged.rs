//! Damaged files are named with their place, most are mended by the very step that is named, none leads to an unsafe
//! file, and what only looks odd is left alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;
#[path = "common/damage.rs"]
mod damage;
#[path = "common/things.rs"]
mod things;

use common::{Said, demo, json};
use damage::{Damaged, Fate, damaged, legitimate, read_stl, volume};
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use things::Triangles;

/// The demo's vertebra with few triangles, as a file of a stranger.
fn bone() -> &'static Triangles {
    static BONE: OnceLock<Triangles> = OnceLock::new();
    BONE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let few = dir.path().join("few.stl");
        let file = demo().case.join("products/vertebra-L3.stl");
        let said =
            json(["shape", text(&file), "--out", text(&few), "--step", "decimate share=0.05 within=0.5"]);
        assert_eq!(said.code, 0, "{said:?}");
        read_stl(&few)
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn finding(said: &Said, code: &str) -> Value {
    let all = said.json()["data"]["findings"].clone();
    let found = all.as_array().unwrap().iter().find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("no finding {code}: {all:#}")).clone()
}

/// The words after `--out mended.3mf` in a remedy: steps, some in quotation marks.
fn steps(remedy: &str) -> Vec<String> {
    let from =
        remedy.find("osteon shape <file> --out mended.3mf").unwrap_or_else(|| panic!("no command: {remedy}"));
    let mut rest = remedy[from..].trim_start_matches("osteon shape <file> --out mended.3mf").trim_start();
    let mut words = Vec::new();
    while let Some(after) = rest.strip_prefix("--step ") {
        let (step, end) = match after.strip_prefix('"') {
            Some(quoted) => (quoted.split('"').next().unwrap(), quoted.find('"').unwrap() + 2),
            None => {
                let end = after.find([' ', ',']).unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        words.extend(["--step".to_owned(), step.to_owned()]);
        rest = after[end..].trim_start();
    }
    words
}

/// Does what the remedy names, and holds the result to what it should be.
fn mended(input: &Damaged, file: &Path, found: &Value, (mm3, share): (f64, f64)) {
    let out = file.with_extension("mended.3mf");
    let remedy = found["remedy"].as_str().unwrap();
    let unit = match input.name {
        "metres.stl" => Some("--unit m"),
        "inches.stl" => Some("--unit inch"),
        _ => None,
    };
    let words = match unit {
        Some(unit) => {
            assert!(remedy.contains(unit), "{}: {remedy}", input.name);
            unit.split(' ').map(str::to_owned).collect()
        }
        None => steps(remedy),
    };
    assert!(!words.is_empty(), "{}: {remedy}", input.name);
    let all = ["shape", text(file), "--out", text(&out)].map(str::to_owned).into_iter().chain(words);
    let said = json(all);
    // A surface that was wholly inside out may be a mirrored one: that is told, and the file is written.
    let told = said.findings().contains(&"repair-inside-out".to_owned());
    assert_eq!(said.code, i32::from(told), "{}: {said:?}", input.name);
    let again = json(["check", text(&out)]);
    assert_eq!(again.code, 0, "{}: {again:?}", input.name);
    assert!(!again.findings().contains(&input.code.to_owned()), "{}: {again:?}", input.name);
    let objects = again.json()["data"]["objects"].clone();
    let objects = objects.as_array().unwrap();
    assert!(
        objects.iter().all(|o| o["solid"] == true && o["self_intersections"] == 0),
        "{}: {objects:#?}",
        input.name
    );
    let found: f64 = objects.iter().map(|o| o["matter"]["volume_mm3"].as_f64().unwrap()).sum();
    assert!(mm3.is_nan() || (found / mm3 - 1.0).abs() <= share, "{}: {found} mm³ and not {mm3}", input.name);
}

#[test]
fn every_damaged_file_is_named_with_its_place_and_most_are_mended_by_what_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (mut named, mut repaired) = (0, 0);
    for input in damaged(bone()) {
        let file = dir.path().join(input.name);
        input.content.write(&file);
        let said = json(["check", text(&file)]);
        named += 1;
        if input.fate == Fate::Refused {
            common::failed(&said, input.code);
            continue;
        }
        let found = finding(&said, input.code);
        let place =
            found["place"].as_array().unwrap_or_else(|| panic!("{}: no place: {found:#}", input.name));
        assert_eq!(place.len(), 3, "{}", input.name);
        assert!(found["remedy"].as_str().unwrap().len() > 10, "{}: {found:#}", input.name);
        if let Fate::Mended(mm3, share) = input.fate {
            mended(&input, &file, &found, (mm3, share));
            repaired += 1;
        }
    }
    assert!(named >= 19 && repaired >= 14, "{named} {repaired}");
}

#[test]
fn what_is_no_solid_is_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let bad =
        ["open-edges", "non-manifold-edges", "non-manifold-vertices", "inside-out", "degenerate-triangles"];
    let mut refused = 0;
    for input in damaged(bone()) {
        if input.fate != Fate::Refused && !bad.contains(&input.code) {
            continue;
        }
        let file = dir.path().join(input.name);
        input.content.write(&file);
        for end in ["3mf", "stl", "usdz"] {
            let out = dir.path().join(format!("{}.out.{end}", input.name));
            let said = json(["shape", text(&file), "--out", text(&out)]);
            assert!(said.code >= 2, "{}: {said:?}", input.name);
        }
        let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".out.")).collect();
        assert!(left.is_empty(), "{}: {left:?}", input.name);
        refused += 1;
    }
    assert!(refused >= 12, "{refused}");
}

#[test]
fn files_that_only_look_odd_raise_no_alarm() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in legitimate(bone()) {
        let file = dir.path().join(name);
        content.write(&file);
        let said = json(["check", text(&file)]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
        let verdict = said.json()["data"]["verdict"].clone();
        assert!(verdict == "ok" || verdict == "note", "{name}: {verdict} {said:?}");
        let out = dir.path().join(format!("{name}.3mf"));
        assert_eq!(json(["shape", text(&file), "--out", text(&out)]).code, 0, "{name}");
    }
}

#[test]
fn the_place_of_a_broken_number_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let input = damaged(bone()).into_iter().find(|input| input.name == "nan.stl").unwrap();
    let file = dir.path().join(input.name);
    input.content.write(&file);
    let failure = common::failed(&json(["check", text(&file)]), input.code);
    // The second corner of the eighth triangle is still a number.
    let [x, ..] = bone()[7][1];
    let near = format!("near ({x}");
    assert!(failure["message"].as_str().unwrap().contains(&near), "{failure} {near}");
}

#[test]
fn the_bone_is_what_the_damage_is_done_to() {
    assert!(volume(bone()) > 10_000.0 && bone().len() > 2000, "{} {}", volume(bone()), bone().len());
}
