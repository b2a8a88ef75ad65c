//! `edit`: structures changed step by step, told what was taken from others, undone and replayed.
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

use common::{Said, copy, failed, files, json, refused, sound};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use things::{VOXEL, ball, ball_mm3, write_scan};

/// Dense ball at x = −12 mm with a cavity of 3 mm in it, a less dense one at x = 12 mm, and a small dense one.
const LARGE: f64 = 9.0;
const MIDDLE: f64 = 6.0;
const SMALL: f64 = 2.4;
const CAVITY: f64 = 3.0;

/// A case with these balls and no structure.
fn case() -> &'static Path {
    static CASE: OnceLock<PathBuf> = OnceLock::new();
    CASE.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edit-balls");
        if dir.exists() {
            std::fs::remove_dir_all(&dir).unwrap();
        }
        std::fs::create_dir_all(&dir).unwrap();
        let (scan, case) = (dir.join("balls.nrrd"), dir.join("case"));
        let balls = [
            ball([-12.0, 0.0, 0.0], LARGE, 1200.0),
            ball([-12.0, 0.0, 0.0], CAVITY, 40.0),
            ball([12.0, 0.0, 0.0], MIDDLE, 700.0),
            ball([3.0, 12.0, 0.0], SMALL, 1200.0),
        ];
        write_scan(&scan, [26.0, 20.0, 16.0], &balls);
        let words = ["import".as_ref(), scan.as_os_str(), "--case".as_ref(), case.as_os_str()];
        let stated = ["--assume", "modality=CT", "--assume", "unit=HU"].map(OsStr::new);
        let said = json(words.into_iter().chain(stated));
        assert_eq!(said.code, 0, "{said:?}");
        case
    })
}

/// A copy of the case that a test may change.
struct Bench {
    _dir: tempfile::TempDir,
    case: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("case");
        copy(case(), &to);
        Self { _dir: dir, case: to }
    }

    fn words<'a>(&'a self, structure: &'a str, steps: &[&'a str]) -> Vec<&'a OsStr> {
        let mut words = ["edit", "--structure", structure, "--case"].map(OsStr::new).to_vec();
        words.push(self.case.as_os_str());
        for &step in steps {
            words.extend([OsStr::new("--step"), OsStr::new(step)]);
        }
        words
    }

    fn edit(&self, structure: &str, steps: &[&str]) -> Said {
        json(self.words(structure, steps))
    }

    /// The volumes after each step, mm³.
    fn volumes(&self, structure: &str, steps: &[&str]) -> Vec<f64> {
        let said = self.edit(structure, steps);
        assert_eq!(said.code, 0, "{steps:?}: {said:?}");
        let after = said.json()["data"]["after_steps_mm3"].clone();
        after.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    fn run(&self, command: &str) -> Said {
        json([OsStr::new(command), OsStr::new("--case"), self.case.as_os_str()])
    }

    fn labels(&self) -> Vec<u8> {
        std::fs::read(self.case.join("labels.seg.nrrd")).unwrap()
    }
}

/// Whether a volume is that of balls whose surface may be off by half a voxel, the width of an edge on either side.
fn of_balls(volume: f64, radii: &[f64]) -> bool {
    let sum = |by: f64| radii.iter().map(|&r| ball_mm3(r + by)).sum::<f64>();
    (sum(-VOXEL / 2.0)..=sum(VOXEL / 2.0)).contains(&volume)
}

#[test]
fn grey_values_find_the_balls_they_belong_to() {
    let bench = Bench::new();
    let solid = |steps: &[&str]| *bench.volumes("bone", steps).last().unwrap();
    for (steps, radii) in [
        (&["threshold 370", "fill"][..], &[LARGE, MIDDLE, SMALL][..]),
        (&["threshold 800", "fill"], &[LARGE, SMALL]),
        (&["threshold 370", "edge", "fill"], &[LARGE, MIDDLE, SMALL]),
        (&["otsu", "fill"], &[LARGE, MIDDLE, SMALL]),
        (&["threshold 800", "largest 1", "fill"], &[LARGE]),
        (&["threshold 370", "fill", "at-least 500"], &[LARGE, MIDDLE]),
        (&["threshold 370", "pick 12,0,0"], &[MIDDLE]),
        (&["threshold 370", "fill", "pick 12,0,0 3,12,0"], &[MIDDLE, SMALL]),
        (&["subtract bone", "region 12,0,0 low=370"], &[MIDDLE]),
        (&["subtract bone", "region 3,12,0 12,0,0 low=370 high=2000"], &[MIDDLE, SMALL]),
        (&["threshold 370", "fill", "crop 0,-20,-15 24,10,15"], &[MIDDLE]),
    ] {
        let volume = solid(steps);
        assert!(of_balls(volume, radii), "{steps:?}: {volume} for {radii:?}");
    }
    let window = solid(&["threshold 600 800"]);
    assert!(window < ball_mm3(MIDDLE + 0.4) + ball_mm3(LARGE + 0.4) - ball_mm3(LARGE - 0.4), "{window}");
    sound(&bench.case);
}

#[test]
fn every_preset_is_known_or_leaves_nothing_by_name() {
    let bench = Bench::new();
    let volume = bench.volumes("bone", &["preset bone", "fill"])[1];
    assert!(of_balls(volume, &[LARGE, MIDDLE, SMALL]), "{volume}");
    let failure = refused(&bench.words("bone", &["preset cheese"]), "bad-step", 2);
    assert!(failure["message"].as_str().unwrap().contains("bone"), "the choices are named: {failure}");
}

#[test]
fn balls_grow_shrink_open_close_and_are_filled() {
    let bench = Bench::new();
    let steps =
        ["threshold 370", "pick -12,0,5", "fill", "grow 2", "shrink 2", "shrink 3", "close 2", "open 2"];
    let after = bench.volumes("bone", &steps);
    let near = |volume: f64, radius: f64| of_balls(volume, &[radius]);
    assert!((after[1] + ball_mm3(CAVITY) - after[2]).abs() < ball_mm3(CAVITY) * 0.5, "{after:?}");
    let radii = [LARGE, LARGE + 2.0, LARGE, LARGE - 3.0, LARGE - 3.0, LARGE - 3.0];
    for (volume, radius) in after[2..].iter().zip(radii) {
        assert!(near(*volume, radius), "{radius}: {after:?}");
    }
    let bench = Bench::new();
    let after = bench.volumes("bone", &["threshold 370", "pick -12,0,5", "wrap 2"]);
    assert!(near(after[2], LARGE), "wrapped from outside the cavity is filled: {after:?}");
}

#[test]
fn strokes_are_painted_and_erased_where_they_are_said() {
    let bench = Bench::new();
    let after = bench
        .volumes("bone", &["paint 5 0,0,0", "erase 3 0,0,0", "paint 5mm 0,0,0", "paint 2 -10,0,0 10,0,0"]);
    assert!(of_balls(after[0], &[5.0]), "{after:?}");
    let ring = ball_mm3(5.0) - ball_mm3(3.0);
    // Both surfaces to half a voxel: 400 mm² and more.
    assert!((after[1] - ring).abs() < 0.15 * ring, "{after:?}");
    assert_eq!(after[2], after[0]);
    // A rod of 20 mm with round ends, less what lies in the ball.
    assert!(after[3] > after[0] + 80.0 && after[3] < after[0] + 260.0, "{after:?}");
}

#[test]
fn what_is_taken_from_others_is_told_and_undo_brings_it_back() {
    let bench = Bench::new();
    bench.volumes("bone", &["threshold 370", "fill"]);
    let before = bench.labels();
    let said = bench.edit("vertebra-L3", &["paint 4 12,0,0"]);
    assert_eq!(said.code, 0, "{said:?}");
    let taken = &said.json()["findings"][0];
    assert_eq!((&taken["code"], &taken["severity"]), (&"voxels-taken".into(), &"note".into()), "{said:?}");
    assert!(taken["message"].as_str().unwrap().starts_with("bone lost"), "{taken}");
    let volume = bench.volumes("vertebra-L3", &["grow 1", "subtract bone", "add bone", "intersect bone"]);
    assert!(volume[1] < volume[0] && volume[2] > volume[1] && volume[3] < volume[2], "{volume:?}");
    for _ in 0..2 {
        assert_eq!(bench.run("undo").code, 0);
    }
    assert_eq!(bench.labels(), before);
    sound(&bench.case);
    for _ in 0..2 {
        assert_eq!(bench.run("redo").code, 0);
    }
    assert!(bench.labels() != before);
    sound(&bench.case);
}

#[test]
fn a_structure_that_loses_all_is_gone_and_that_is_told() {
    let bench = Bench::new();
    bench.volumes("vertebra-L3", &["paint 3 0,0,0"]);
    let said = bench.edit("bone", &["paint 6 0,0,0"]);
    assert!(said.json()["findings"][0]["message"].as_str().unwrap().contains("all it had"), "{said:?}");
    failed(&bench.edit("bone", &["add vertebra-L3"]), "bad-step");
}

#[test]
fn the_journal_is_replayed_to_the_same_hashes() {
    let bench = Bench::new();
    bench.volumes("bone", &["otsu", "largest 2", "fill", "wrap 2", "edge"]);
    bench.volumes("vertebra-L3", &["paint 3 12,0,0 15,0,0", "grow 0.8"]);
    bench.volumes("bone", &["erase 2 -12,0,8", "close 1.5", "open 1"]);
    let said = bench.run("replay");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()["data"]["commands"], 4, "{said:?}");
    let history = bench.run("history");
    assert!(history.out.contains("wrap 2"), "{history:?}");
}

#[test]
fn the_same_labels_come_out_with_one_thread_and_with_two() {
    let made = ["1", "2"].map(|threads| {
        let bench = Bench::new();
        let steps = ["otsu", "wrap 2", "close 3", "edge", "region 12,0,0 low=300", "largest 2"];
        let mut words = bench.words("bone", &steps);
        words.extend(["--threads", threads].map(OsStr::new));
        let said = json(words);
        assert_eq!(said.code, 0, "{said:?}");
        bench.labels()
    });
    assert!(made[0] == made[1]);
}

#[test]
fn what_cannot_be_done_is_refused_by_name_and_the_case_stays() {
    let bench = Bench::new();
    bench.volumes("bone", &["threshold 370"]);
    let before = files(&bench.case);
    let wrong: [(&[&str], &str, i32); 23] = [
        (&["threshold"], "bad-step", 2),
        (&["threshold bone"], "bad-step", 2),
        (&["threshold nan"], "bad-step", 2),
        (&["threshold 1 2 3"], "bad-step", 2),
        (&["threshold 3000"], "nothing-left", 5),
        (&["otsu from=0 upto=2"], "bad-step", 2),
        (&["largest"], "bad-step", 2),
        (&["largest 0"], "bad-step", 2),
        (&["largest -1"], "bad-step", 2),
        (&["largest 1.5"], "bad-step", 2),
        (&["grow 0"], "bad-step", 2),
        (&["grow -1"], "bad-step", 2),
        (&["shrink 50"], "nothing-left", 5),
        (&["at-least 1e9"], "nothing-left", 5),
        (&["paint 3"], "bad-step", 2),
        (&["paint 3 0,0"], "bad-step", 2),
        (&["subtract bone"], "nothing-left", 5),
        (&["subtract vertebra-L3"], "bad-step", 2),
        (&["crop 0,0,0"], "bad-step", 2),
        (&["pick"], "bad-step", 2),
        (&["fill 3"], "bad-step", 2),
        (&["threshold 370", "polish"], "unknown-step", 2),
        (&[""], "unknown-step", 2),
    ];
    for (steps, code, exit) in wrong {
        refused(&bench.words("bone", steps), code, exit);
    }
    for steps in [
        &["threshold 370", "pick 0,0,0"][..],
        &["region 500,0,0 low=100"],
        &["crop 500,500,500 600,600,600"],
        &["pick 500,0,0"],
    ] {
        let said = bench.edit("bone", steps);
        assert!((2..=5).contains(&said.code), "{steps:?}: {said:?}");
        let code = said.json()["error"].as_str().unwrap().to_owned();
        failed(&said, &code);
    }
    for name in ["nonsense", "femur", "../bone", ""] {
        assert_eq!(bench.edit(name, &["fill"]).code, 2, "{name}");
    }
    assert_eq!(json(bench.words("bone", &[])).code, 2, "no step is no edit");
    assert_eq!(files(&bench.case), before);
    sound(&bench.case);
}

#[test]
fn numbers_beyond_reason_are_answered_at_once() {
    let bench = Bench::new();
    bench.volumes("bone", &["threshold 370"]);
    for steps in [
        &["grow 1e9"][..],
        &["close 1e9"],
        &["paint 1e9 0,0,0"],
        &["wrap 1e9"],
        &["largest 1e300"],
        &["wrap 3 detail=1e-9"],
    ] {
        let said = bench.edit("bone", steps);
        assert!((0..=6).contains(&said.code) && !said.err.contains("panicked"), "{steps:?}: {said:?}");
        if said.code != 0 {
            let code = said.json()["error"].as_str().unwrap().to_owned();
            failed(&said, &code);
        }
    }
    sound(&bench.case);
}

#[test]
fn an_edit_without_a_case_or_a_scan_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let none = Bench { case: dir.path().join("none"), _dir: tempfile::tempdir().unwrap() };
    let said = none.edit("bone", &["threshold 370"]);
    assert!(said.code >= 2, "{said:?}");
    assert!(!none.case.exists());
}

#[test]
fn segment_takes_every_way_against_noise() {
    for how in ["none", "median", "gaussian", "flow"] {
        let bench = Bench::new();
        let words =
            [OsStr::new("segment"), OsStr::new("--case"), bench.case.as_os_str(), "--denoise".as_ref()];
        let said = json(words.into_iter().chain([OsStr::new(how)]));
        assert_eq!(said.code, 0, "{how}: {said:?}");
        let volume: Value = said.json()["data"]["volume_mm3"].clone();
        // Blurring thins the small ball; the surface of the others stays.
        assert!(of_balls(volume.as_f64().unwrap(), &[LARGE, MIDDLE, SMALL]), "{how}: {said:?}");
        assert_eq!(bench.run("replay").code, 0);
    }
}
