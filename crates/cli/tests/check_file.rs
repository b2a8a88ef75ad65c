//! `check <file>`: the card of anybody's mesh file says what is wrong with it, where, and what mends it.
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

use common::{Said, failed, json, osteon, refused};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use things::{Triangles, cube, cuboid, obj, together, turned, write_3mf, write_stl};

fn checked(path: &Path) -> Said {
    json([OsStr::new("check"), path.as_os_str()])
}

/// The card of an STL with this surface, and its exit code.
fn card_of(triangles: &Triangles) -> (i32, Value) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("part.stl");
    write_stl(&file, triangles);
    let said = checked(&file);
    (said.code, said.json()["data"].clone())
}

/// The finding of this code, with a place and a remedy.
fn finding(card: &Value, code: &str) -> Value {
    let found = card["findings"].as_array().unwrap().iter().find(|f| f["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no finding {code}: {card:#}")).clone();
    assert!(found["remedy"].as_str().is_some_and(|text| text.len() > 10), "{found:#}");
    assert!(found["place"].as_array().is_some_and(|at| at.len() == 3), "{found:#}");
    found
}

/// A number of a card or an answer.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

#[test]
fn a_good_box_has_a_card_without_findings() {
    let (code, card) = card_of(&cube());
    assert_eq!((code, card["verdict"].as_str()), (0, Some("ok")), "{card:#}");
    assert_eq!(card["findings"], serde_json::json!([]));
    let object = &card["objects"][0];
    assert_eq!(
        (object["solid"].as_bool(), object["triangles"].as_u64()),
        (Some(true), Some(12)),
        "{object:#}"
    );
    for nothing in
        ["open_edges", "non_manifold_edges", "degenerate_triangles", "self_intersections", "touching"]
    {
        assert_eq!(object[nothing], 0, "{nothing}: {object:#}");
    }
    let matter = &object["matter"];
    // Corners of whole millimetres are exact in an STL.
    assert!((number(&matter["volume_mm3"]) - 1000.0).abs() < 1e-9, "{matter:#}");
    assert!((number(&object["area_mm2"]) - 600.0).abs() < 1e-9, "{object:#}");
    assert_eq!((&matter["bodies"], &matter["cavities"], &matter["genus"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!(card["file"]["format"], "STL", "{card:#}");
    assert_eq!(card["file"]["sha256"].as_str().unwrap().len(), 64, "{card:#}");
}

#[test]
fn a_box_with_a_hole_is_a_danger_that_tells_its_open_edges_and_where() {
    let mut open = cube();
    open.truncate(10);
    let (code, card) = card_of(&open);
    assert_eq!((code, card["verdict"].as_str()), (1, Some("danger")), "{card:#}");
    let object = &card["objects"][0];
    assert_eq!((object["solid"].as_bool(), &object["open_edges"]), (Some(false), &4.into()), "{object:#}");
    assert!(object["matter"].is_null(), "the volume of an open surface is not told: {object:#}");
    let at = finding(&card, "open-edges")["place"].clone();
    // The face at x = 10 mm is missing.
    assert_eq!(number(&at[0]), 10.0, "{at}");
}

#[test]
fn a_box_inside_out_is_a_danger() {
    let (code, card) = card_of(&turned(&cube()));
    assert_eq!(code, 1, "{card:#}");
    finding(&card, "inside-out");
}

#[test]
fn two_boxes_that_cross_in_one_object_are_told_with_their_pairs_and_a_place_on_both() {
    let (code, card) = card_of(&together(&[cube(), cuboid([5.0, 5.0, 5.0], [10.0; 3])]));
    assert_eq!((code, card["verdict"].as_str()), (0, Some("caution")), "{card:#}");
    let object = &card["objects"][0];
    let pairs = number(&object["self_intersections"]);
    assert!(pairs >= 6.0, "three faces of each meet three of the other: {object:#}");
    let found = finding(&card, "self-intersections");
    assert_eq!(number(&found["value"]), pairs, "{found:#}");
    for at in found["place"].as_array().unwrap() {
        assert!((5.0..=10.0).contains(&number(at)), "where they cross: {found:#}");
    }
}

#[test]
fn a_box_within_a_box_counts_twice_or_is_a_cavity_by_the_way_it_faces() {
    let inner = cuboid([3.0; 3], [4.0; 3]);
    let (code, card) = card_of(&together(&[cube(), inner.clone()]));
    assert_eq!((code, &card["objects"][0]["matter"]["nested"]), (0, &1.into()), "{card:#}");
    finding(&card, "nested-bodies");
    let (code, card) = card_of(&together(&[cube(), turned(&inner)]));
    let matter = &card["objects"][0]["matter"];
    assert_eq!((code, &matter["cavities"], &matter["nested"]), (0, &1.into(), &0.into()), "{card:#}");
    assert!((number(&matter["trapped_mm3"]) - 64.0).abs() < 1e-9, "{matter:#}");
    assert!((number(&matter["volume_mm3"]) - 936.0).abs() < 1e-9, "{matter:#}");
    finding(&card, "trapped-volume");
}

#[test]
fn a_thin_plate_is_noted_with_its_thickness() {
    let (code, card) = card_of(&cuboid([0.0; 3], [20.0, 20.0, 0.5]));
    assert_eq!((code, card["verdict"].as_str()), (0, Some("note")), "{card:#}");
    let found = finding(&card, "thin-walls");
    assert!((number(&found["value"]) - 0.5).abs() < 1e-3, "{found:#}");
}

#[test]
fn two_objects_of_a_3mf_that_overlap_are_told_with_the_volume_they_share() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plate.3mf");
    write_3mf(&file, &[("left", cube()), ("right", cuboid([8.0, 0.0, 0.0], [10.0; 3]))]);
    let said = checked(&file);
    assert_eq!(said.code, 0, "{said:?}");
    let card = said.json()["data"].clone();
    let pair = &card["pairs"][0];
    assert_eq!(pair["objects"], serde_json::json!(["left", "right"]), "{card:#}");
    // 2 × 10 × 10 mm.
    assert!((number(&pair["overlap_mm3"]) - 200.0).abs() < 1e-6, "{card:#}");
    finding(&card, "objects-overlap");
    assert_eq!(card["objects"].as_array().unwrap().len(), 2);
    assert!(osteon([OsStr::new("check"), file.as_os_str()]).err.contains("200.00 mm³"));
}

#[test]
fn two_objects_apart_are_told_their_gap_and_no_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plate.obj");
    std::fs::write(&file, obj(&[("a", cube()), ("b", cuboid([11.5, 0.0, 0.0], [10.0; 3]))])).unwrap();
    let said = checked(&file);
    let pair = said.json()["data"]["pairs"][0].clone();
    assert_eq!((said.code, number(&pair["overlap_mm3"]), number(&pair["gap_mm"])), (0, 0.0, 1.5), "{said:?}");
}

#[test]
fn a_file_in_metres_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("metres.stl");
    write_stl(&file, &cuboid([0.0; 3], [0.04, 0.05, 0.06]));
    let said = checked(&file);
    assert!(said.findings().contains(&"unit-guess".to_owned()), "{said:?}");
    assert_eq!(said.code, 0, "a guess is no danger: {said:?}");
}

#[test]
fn what_is_no_mesh_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let nan = obj(&[("a", cube())]).replacen("v 0 0 0", "v nan 0 0", 1);
    let mut cut = vec![b' '; 80];
    cut.extend(1000_u32.to_le_bytes());
    cut.extend([0; 120]);
    let cases: [(&str, &[u8], &str); 6] = [
        ("empty.stl", b"", "mesh-file-unknown"),
        ("page.stl", b"<!DOCTYPE html><html><body>404 not found</body></html>", "mesh-file-unknown"),
        ("nothing.stl", b"solid nothing\nendsolid nothing\n", "mesh-file-empty"),
        ("nan.obj", nan.as_bytes(), "mesh-file-coordinate"),
        ("cut.stl", &cut, "mesh-file-count"),
        ("scan.nrrd", b"NRRD0004\ntype: short\ndimension: 3\n\n", "mesh-file-unknown"),
    ];
    for (name, bytes, code) in cases {
        let file = dir.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let said = checked(&file);
        assert!(said.code >= 2, "{name}: {said:?}");
        failed(&said, code);
    }
    let missing = dir.path().join("missing.stl");
    assert!(checked(&missing).code >= 2);
    assert!(checked(dir.path()).code >= 2, "a folder is no mesh file");
}

#[test]
fn the_card_is_written_where_it_was_asked_for_and_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("box.stl"), dir.path().join("card"));
    write_stl(&file, &cube());
    let words = [OsStr::new("check"), file.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    let said = json(words);
    assert_eq!(said.code, 0, "{said:?}");
    let card: Value = serde_json::from_slice(&std::fs::read(out.join("card.json")).unwrap()).unwrap();
    assert_eq!(card, said.json()["data"]);
    let page = std::fs::read_to_string(out.join("card.html")).unwrap();
    assert!(page.contains("box.stl") && !page.contains("http://") && !page.contains("https://"));
    refused(&words, "folder-not-empty", 2);
}

#[test]
fn a_name_with_markup_does_no_harm_on_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("<b>x.obj"), dir.path().join("card"));
    std::fs::write(&file, obj(&[("<script>alert(1)</script>", cube())])).unwrap();
    let said = json([OsStr::new("check"), file.as_os_str(), OsStr::new("--out"), out.as_os_str()]);
    assert_eq!(said.code, 0, "{said:?}");
    let page = std::fs::read_to_string(out.join("card.html")).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<b>x.obj"));
}

#[test]
fn a_refused_file_leaves_no_folder_for_its_card() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("page.stl"), dir.path().join("card"));
    std::fs::write(&file, b"<html></html>").unwrap();
    let said = json([OsStr::new("check"), file.as_os_str(), OsStr::new("--out"), out.as_os_str()]);
    failed(&said, "mesh-file-unknown");
    assert!(!out.exists());
}

#[test]
fn boxes_that_only_touch_share_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plate.3mf");
    write_3mf(
        &file,
        &[
            ("a", cube()),
            ("b", cuboid([10.0, 0.0, 0.0], [10.0; 3])),
            ("c", cuboid([0.0, 10.0, 3.0], [4.0; 3])),
        ],
    );
    let said = checked(&file);
    assert_eq!((said.code, said.findings()), (0, Vec::new()), "{said:?}");
}
