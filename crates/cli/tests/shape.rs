//! `shape`: every step does to a solid what its name says, and what cannot be done is refused by name.
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

use common::{Said, failed, json, refused};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use things::{Triangles, cube, cuboid, obj, together, write_stl};

/// A folder with a cube of 10 mm in it.
struct Bench {
    dir: tempfile::TempDir,
    file: PathBuf,
}

impl Bench {
    fn of(triangles: &Triangles) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("part.stl");
        write_stl(&file, triangles);
        Self { dir, file }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `osteon shape` of the file to this one.
    fn shape(&self, out: &str, steps: &[&str]) -> Said {
        json(words(&self.file, &self.at(out), steps))
    }

    /// The volume after these steps, mm³, and what was said.
    fn volume(&self, out: &str, steps: &[&str]) -> (f64, Said) {
        let said = self.shape(out, steps);
        assert_eq!(said.code, 0, "{steps:?}: {said:?}");
        let object = said.json()["data"]["objects"][0].clone();
        assert_eq!(
            (object["solid"].as_bool(), &object["open_edges"]),
            (Some(true), &0.into()),
            "{steps:?}: {object:#}"
        );
        (object["matter"]["volume_mm3"].as_f64().unwrap(), said)
    }
}

fn words<'a>(file: &'a Path, out: &'a Path, steps: &[&'a str]) -> Vec<&'a OsStr> {
    let mut words = vec![OsStr::new("shape"), file.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    for &step in steps {
        words.extend([OsStr::new("--step"), OsStr::new(step)]);
    }
    words
}

/// Within a share of the truth.
fn near(found: f64, truth: f64, share: f64) -> bool {
    (found / truth - 1.0).abs() <= share
}

#[test]
fn steps_with_known_volumes_give_them() {
    let bench = Bench::of(&cube());
    let ball = |r: f64| 4.0 / 3.0 * std::f64::consts::PI * r.powi(3);
    let around = |r: f64| 1000.0 + 600.0 * r + 30.0 * std::f64::consts::PI * r * r + ball(r);
    // Fields sampled at a quarter of the distance cut what is sharper than a voxel: edges of the cube, 120 mm long,
    // lose a part of a voxel's square each.
    let cases: [(&str, f64, f64); 11] = [
        ("repair", 1000.0, 1e-9),
        ("resolve", 1000.0, 1e-9),
        ("cut 0,0,4 0,0,1", 600.0, 1e-6),
        ("cut 0,0,4 0,0,1 keep=back", 400.0, 1e-6),
        ("cut 0,0,0 1,1,1 keep=front", 1000.0, 1e-6),
        ("offset 1", around(1.0), 0.01),
        ("offset -1", 512.0, 0.01),
        ("hollow 2", 1000.0 - 216.0, 0.01),
        ("shell 1 0", 1000.0 - 512.0, 0.02),
        ("decimate within=0.01", 1000.0, 1e-6),
        ("remesh 2", 1000.0, 1e-3),
    ];
    for (n, (step, truth, share)) in cases.into_iter().enumerate() {
        let (volume, said) = bench.volume(&format!("{n}.ply"), &[step]);
        assert!(near(volume, truth, share), "{step}: {volume} and not {truth}: {said:?}");
    }
}

#[test]
fn no_step_only_changes_the_format() {
    let bench = Bench::of(&cube());
    for out in ["a.stl", "b.3mf", "c.ply", "d.obj", "e.glb", "F.STL"] {
        let (volume, _) = bench.volume(out, &[]);
        assert!(near(volume, 1000.0, 1e-9), "{out}: {volume}");
        let again = json([OsStr::new("check"), bench.at(out).as_os_str()]);
        let matter = again.json()["data"]["objects"][0]["matter"].clone();
        // The largest step of a coordinate is 0.00001 mm (3MF, GLB); the surface is 600 mm².
        assert!((matter["volume_mm3"].as_f64().unwrap() - 1000.0).abs() < 0.02, "{out}: {again:?}");
    }
}

#[test]
fn a_hole_is_closed_by_repair_and_refused_without() {
    let mut open = cube();
    open.truncate(10);
    let bench = Bench::of(&open);
    let said = bench.shape("a.stl", &["smooth"]);
    assert!(failed(&said, "not-solid")["help"].as_str().unwrap().contains("--step repair"), "{said:?}");
    assert!(!bench.at("a.stl").exists());
    // What belongs into the whole end of a box is anybody's guess, and is told to be.
    let said = bench.shape("b.stl", &["repair hole=100"]);
    assert!(
        failed(&said, "repair-volume")["message"].as_str().unwrap().contains("near (10, 5, 5)"),
        "{said:?}"
    );
    assert!(!bench.at("b.stl").exists());
}

#[test]
fn crossing_boxes_become_one_of_their_common_volume() {
    let bench = Bench::of(&together(&[cube(), cuboid([5.0; 3], [10.0; 3])]));
    let (volume, said) = bench.volume("one.stl", &["resolve"]);
    // Twice 1000 less the 125 they share.
    assert!(near(volume, 1875.0, 1e-6), "{volume}");
    assert_eq!(said.json()["data"]["objects"][0]["self_intersections"], 0, "{said:?}");
}

#[test]
fn other_files_are_added_taken_away_and_intersected_whatever_their_name() {
    let bench = Bench::of(&cube());
    let other = bench.at("the other = part (1).stl");
    write_stl(&other, &cuboid([5.0; 3], [10.0; 3]));
    for (n, (verb, truth)) in
        [("add", 1875.0), ("subtract", 875.0), ("intersect", 125.0)].into_iter().enumerate()
    {
        let (volume, _) = bench.volume(&format!("{n}.stl"), &[&format!("{verb} {}", other.display())]);
        assert!(near(volume, truth, 1e-6), "{verb}: {volume}");
    }
}

#[test]
fn what_leaves_nothing_is_refused_and_writes_nothing() {
    let bench = Bench::of(&cube());
    let (far, around) = (bench.at("far.stl"), bench.at("around.stl"));
    write_stl(&far, &cuboid([50.0; 3], [10.0; 3]));
    write_stl(&around, &cuboid([-5.0; 3], [20.0; 3]));
    let steps = [
        format!("intersect {}", far.display()),
        format!("subtract {}", around.display()),
        "cut 0,0,20 0,0,1".to_owned(),
    ];
    let out = bench.at("out.stl");
    for step in &steps {
        refused(&words(&bench.file, &out, &[step]), "nothing-left", 5);
        assert!(!out.exists(), "{step}");
    }
    refused(&words(&bench.file, &out, &["offset -6"]), "nothing-left", 5);
    assert!(!out.exists());
}

#[test]
fn a_step_that_is_wrong_is_refused_with_how_it_is_written() {
    let bench = Bench::of(&cube());
    let out = bench.at("out.stl");
    let wrong = [
        ("offset", "bad-step"),
        ("offset one", "bad-step"),
        ("offset nan", "bad-step"),
        ("offset 1e999", "bad-step"),
        ("offset 1 2", "bad-step"),
        ("offset 1 voxl=2", "bad-step"),
        ("hollow -1", "bad-step"),
        ("hollow 0", "bad-step"),
        ("shell 0 0", "bad-step"),
        ("shell -1 1", "bad-step"),
        ("cut 0,0 0,0,1", "bad-step"),
        ("cut 0,0,0 0,0,0", "bad-step"),
        ("cut 0,0,4 0,0,1 keep=both", "bad-step"),
        ("smooth passes=many", "bad-step"),
        ("smooth within=-1", "bad-step"),
        ("remesh 0", "bad-step"),
        ("add", "bad-step"),
        ("mark", "bad-step"),
        ("polish", "unknown-step"),
        ("", "unknown-step"),
        ("Offset 1", "unknown-step"),
    ];
    for (step, code) in wrong {
        let failure = refused(&words(&bench.file, &out, &[step]), code, 2);
        let help = failure["help"].as_str().unwrap();
        let verb = step.split(' ').next().unwrap_or_default();
        assert!(code != "bad-step" || help.contains(verb), "{step}: {failure}");
        assert!(!out.exists());
    }
}

#[test]
fn numbers_out_of_reason_are_refused_and_not_tried() {
    let bench = Bench::of(&cube());
    for step in [
        "offset 0",
        "offset 1e-9",
        "offset 1 voxel=1e-6",
        "offset 1 voxel=100",
        "offset 1e12",
        "remesh 1e-6",
        "decimate share=-1",
        "decimate share=2",
    ] {
        let said = bench.shape("out.stl", &[step]);
        assert!((2..=6).contains(&said.code), "{step}: {said:?}");
        let code = said.json()["error"].as_str().unwrap().to_owned();
        failed(&said, &code);
    }
}

#[test]
fn a_mirrored_solid_is_a_caution() {
    let bench = Bench::of(&cube());
    let (volume, said) = bench.volume("left.stl", &["mirror 0,0,0 1,0,0"]);
    assert!(near(volume, 1000.0, 1e-9), "{volume}");
    assert!(said.findings().contains(&"mirrored".to_owned()), "{said:?}");
    let bounds = said.json()["data"]["objects"][0]["bounds"].clone();
    assert_eq!((&bounds[0][0], bounds[1][0].as_f64().unwrap().abs()), (&Value::from(-10.0), 0.0), "{bounds}");
}

#[test]
fn smoothing_stays_within_its_bound() {
    let bench = Bench::of(&cube());
    let (volume, _) = bench.volume("a.stl", &["remesh 1", "smooth passes=50 within=0.2"]);
    // Every point moves by at most 0.2 mm, and the surface is 600 mm².
    assert!((880.0..1000.1).contains(&volume), "{volume}");
}

#[test]
fn a_text_is_pressed_in_where_the_frame_is_known_and_refused_where_it_is_not() {
    let bench = Bench::of(&cuboid([0.0; 3], [60.0, 30.0, 10.0]));
    let marked = |out: &str, frame: &[&str]| {
        let out = bench.at(out);
        let mut all = words(&bench.file, &out, &["mark CASE-7"]);
        all.extend(frame.iter().map(OsStr::new));
        json(all)
    };
    // An STL of a stranger does not say where left is.
    failed(&marked("a.stl", &[]), "frame-unknown");
    assert!(!bench.at("a.stl").exists());
    let said = marked("a.stl", &["--frame", "lps"]);
    let volume = said.json()["data"]["objects"][0]["matter"]["volume_mm3"].as_f64().unwrap();
    assert!(volume < 17999.0 && volume > 17000.0, "{volume}");
    assert!(said.json()["summary"].to_string().contains("CASE-7 "), "{said:?}");
    // What was told is written into the file, so the next one need not ask.
    let again = json(words(&bench.at("a.stl"), &bench.at("b.stl"), &["mark B"]));
    assert_eq!(again.code, 0, "{again:?}");
    let said = json(
        words(&bench.at("a.stl"), &bench.at("c.stl"), &[])
            .into_iter()
            .chain(["--frame", "ras"].map(OsStr::new)),
    );
    failed(&said, "file-contradicts");
}

#[test]
fn a_frame_that_nobody_knows_is_not_written() {
    let bench = Bench::of(&cuboid([0.0; 3], [60.0, 30.0, 10.0]));
    for end in ["stl", "3mf", "ply", "obj", "glb"] {
        let (out, onward) = (bench.at(&format!("a-{end}.{end}")), bench.at(&format!("b-{end}.stl")));
        assert_eq!(json(words(&bench.file, &out, &[])).code, 0);
        failed(&json(words(&out, &onward, &["mark X"])), "frame-unknown");
        let second = bench.at(&format!("c-{end}.{end}"));
        let told =
            json(words(&bench.file, &second, &[]).into_iter().chain(["--frame", "lps"].map(OsStr::new)));
        assert_eq!(told.code, 0, "{told:?}");
        let said = json(words(&second, &onward, &["mark X"]));
        assert_eq!(said.code, 0, "{end}: {said:?}");
    }
}

#[test]
fn a_unit_and_a_frame_that_a_person_tells_are_applied_once() {
    let bench = Bench::of(&cuboid([0.01, 0.02, 0.03], [0.06, 0.03, 0.01]));
    let out = bench.at("a.3mf");
    let told = ["--unit", "m", "--frame", "ras"].map(OsStr::new);
    let said = json(words(&bench.file, &out, &[]).into_iter().chain(told));
    assert_eq!((said.code, said.findings()), (0, Vec::new()), "{said:?}");
    let bounds = said.json()["data"]["objects"][0]["bounds"].clone();
    // Metres to millimetres, left for right, front for back; single precision holds seven digits.
    for (found, truth) in
        [(0, -70.0), (1, -50.0), (2, 30.0)].map(|(n, truth)| (bounds[0][n].as_f64().unwrap(), truth))
    {
        assert!((found - truth).abs() < 1e-4, "{bounds}");
    }
    assert!(near(
        said.json()["data"]["objects"][0]["matter"]["volume_mm3"].as_f64().unwrap(),
        18_000.0,
        1e-5
    ));
}

#[test]
fn objects_are_taken_apart_joined_and_moved_together() {
    let bench = Bench::of(&cube());
    let file = bench.at("two.obj");
    std::fs::write(&file, obj(&[("a", cube()), ("b", cuboid([8.0, 0.0, 0.0], [10.0; 3]))])).unwrap();
    let volumes = |out: &str, step: &str| {
        let said = json(words(&file, &bench.at(out), &[step]));
        assert_eq!(said.code, 0, "{step}: {said:?}");
        let objects = said.json()["data"]["objects"].clone();
        let all =
            objects.as_array().unwrap().iter().map(|o| o["matter"]["volume_mm3"].as_f64().unwrap().round());
        (all.collect::<Vec<_>>(), objects[0]["bounds"].clone())
    };
    assert_eq!(volumes("a.3mf", "apart").0, [1000.0, 800.0]);
    assert_eq!(volumes("b.3mf", "join").0, [1800.0]);
    let (both, bounds) = volumes("c.3mf", "centre");
    assert_eq!((both.len(), bounds[0][0].as_f64(), bounds[1][2].as_f64()), (2, Some(-9.0), Some(5.0)));
    assert_eq!(volumes("d.3mf", "move 1,2,3").1[0], serde_json::json!([1.0, 2.0, 3.0]));
    assert_eq!(volumes("e.3mf", "largest 1").0, [1000.0, 1000.0]);
    refused(&words(&file, &bench.at("f.3mf"), &["at-least 1001"]), "nothing-left", 5);
    refused(&words(&file, &bench.at("f.3mf"), &["largest 1.5"]), "bad-step", 2);
}

#[test]
fn nothing_that_exists_is_overwritten_and_odd_places_are_refused() {
    let bench = Bench::of(&cube());
    for taken in ["a.stl", "a.card.json", "a.card.html"] {
        std::fs::write(bench.at(taken), b"mine").unwrap();
        refused(&words(&bench.file, &bench.at("a.stl"), &[]), "exists-already", 2);
        assert_eq!(std::fs::read(bench.at(taken)).unwrap(), b"mine");
        std::fs::remove_file(bench.at(taken)).unwrap();
    }
    // Onto itself.
    refused(&words(&bench.file, &bench.file, &[]), "exists-already", 2);
    for name in ["a.step", "a", ".stl", "stl", "a.stl.gz"] {
        refused(&words(&bench.file, &bench.at(name), &[]), "unknown-format", 2);
    }
    let said = json(words(&bench.file, &bench.file.join("a.stl"), &[]));
    assert!(said.code >= 2, "{said:?}");
    let missing = bench.at("missing.stl");
    assert!(json(words(&missing, &bench.at("b.stl"), &[])).code >= 2);
    let tool = format!("add {}", missing.display());
    let said = bench.shape("b.stl", &[&tool]);
    assert!(said.code >= 2 && said.out.contains("missing.stl"), "{said:?}");
    assert!(!bench.at("b.stl").exists());
}

#[test]
fn every_object_goes_through_the_steps_and_keeps_its_name() {
    let bench = Bench::of(&cube());
    let file = bench.at("two.obj");
    std::fs::write(&file, obj(&[("tibia", cube()), ("fibula", cuboid([20.0, 0.0, 0.0], [5.0, 5.0, 10.0]))]))
        .unwrap();
    let said = json(words(&file, &bench.at("two.3mf"), &["cut 0,0,5 0,0,1"]));
    assert_eq!(said.code, 0, "{said:?}");
    let objects = said.json()["data"]["objects"].clone();
    let told = [0, 1].map(|n| {
        let volume = objects[n]["matter"]["volume_mm3"].as_f64().unwrap();
        (objects[n]["name"].as_str().unwrap().to_owned(), volume.round())
    });
    assert_eq!(told, [("tibia".to_owned(), 500.0), ("fibula".to_owned(), 125.0)], "{objects:#}");
    let card: Value = serde_json::from_slice(&std::fs::read(bench.at("two.card.json")).unwrap()).unwrap();
    assert_eq!(card, said.json()["data"]);
}

#[test]
fn the_same_bytes_come_out_with_one_thread_and_with_two() {
    let bench = Bench::of(&cube());
    let made = ["1", "2"].map(|threads| {
        let out = bench.at(&format!("{threads}.ply"));
        let steps = ["offset 1", "decimate share=0.3", "smooth", "remesh 1"];
        let mut all = words(&bench.file, &out, &steps);
        all.extend(["--threads", threads].map(OsStr::new));
        let said = json(all);
        assert_eq!(said.code, 0, "{said:?}");
        std::fs::read(out).unwrap()
    });
    assert!(made[0] == made[1]);
}
