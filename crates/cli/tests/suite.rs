//! Several hundred crafted folders, legal, odd and hostile, and what `osteon convert` must make of each.
//!
//! Reading order: `suite/generate.rs` – DICOM bytes that may lie; `suite/scene.rs` – the marked body and the truth;
//! `suite/series.rs` – a series to be spoiled; `suite/cases_*.rs` – the tables; `suite/verdict.rs` – running and
//! judging; `suite/volume.rs` – what was written against the truth. To run some of them:
//! `OSTEON_SUITE=gap cargo test -p osteon-cli --test suite` runs those with "gap" in name or class, and
//! `OSTEON_SUITE_KEEP=folder` writes their folders there for a look.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "a test makes the files it is about, is told what to run, and fails by panicking; a table is as long as it is"
)]

#[path = "suite/cases_assume.rs"]
mod cases_assume;
#[path = "suite/cases_encoding.rs"]
mod cases_encoding;
#[path = "suite/cases_enhanced.rs"]
mod cases_enhanced;
#[path = "suite/cases_folder.rs"]
mod cases_folder;
#[path = "suite/cases_geometry.rs"]
mod cases_geometry;
#[path = "suite/cases_hostile.rs"]
mod cases_hostile;
#[path = "suite/cases_pixels.rs"]
mod cases_pixels;
#[path = "suite/cases_series.rs"]
mod cases_series;
#[path = "suite/cases_warn.rs"]
mod cases_warn;
#[path = "suite/generate.rs"]
mod generate;
#[path = "suite/pack.rs"]
mod pack;
#[path = "suite/scene.rs"]
mod scene;
#[path = "suite/series.rs"]
mod series;
#[path = "suite/verdict.rs"]
mod verdict;
#[path = "suite/volume.rs"]
mod volume;

use series::Folder;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use verdict::{Case, Verdict, check, lay};

/// A row of a table.
fn case<F: Into<Folder>>(
    class: &'static str,
    name: &str,
    verdict: Verdict,
    make: impl Fn() -> F + Send + Sync + 'static,
) -> Case {
    Case { name: name.to_owned(), class, verdict, make: Box::new(move || make().into()) }
}

fn all() -> Vec<Case> {
    [
        cases_encoding::cases(),
        cases_pixels::cases(),
        cases_geometry::cases(),
        cases_series::cases(),
        cases_enhanced::cases(),
        cases_folder::cases(),
        cases_warn::cases(),
        cases_assume::cases(),
        cases_hostile::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Programs at a time.
const WORKERS: usize = 3;

#[test]
fn no_folder_is_silently_wrong_and_no_legal_one_is_refused() {
    let wanted = std::env::var("OSTEON_SUITE").unwrap_or_default();
    let keep = std::env::var("OSTEON_SUITE_KEEP").ok();
    let mut cases = all();
    cases.retain(|case| case.name.contains(&wanted) || case.class.contains(&wanted));
    for case in cases.iter().filter(|_| keep.is_some()) {
        let dir = std::path::Path::new(keep.as_deref().unwrap_or("")).join(&case.name);
        std::fs::create_dir_all(&dir).unwrap();
        lay(&dir, &(case.make)());
    }
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let faults = check(case);
                    if !faults.is_empty() {
                        failed.lock().unwrap().push((case, faults));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by(|(a, _), (b, _)| (a.class, &a.name).cmp(&(b.class, &b.name)));
    let mut classes: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for case in &cases {
        classes.entry(case.class).or_default()[0] += 1;
    }
    for (case, faults) in &failed {
        classes.entry(case.class).or_default()[1] += 1;
        println!("{:<12} {:<40} {:?}", case.class, case.name, case.verdict);
        faults.iter().for_each(|fault| println!("    {}", fault.chars().take(600).collect::<String>()));
    }
    for (class, [count, bad]) in &classes {
        println!("{class:<12} {count:>4} cases, {bad:>3} wrong");
    }
    let names: Vec<&str> = failed.iter().map(|(case, _)| case.name.as_str()).collect();
    assert!(failed.is_empty(), "{} of {} cases: {}", failed.len(), cases.len(), names.join(", "));
}

#[test]
fn the_answer_in_json_holds_the_report_and_says_all_it_promises_of_a_volume() {
    let dir = tempfile::tempdir().unwrap();
    lay(dir.path(), &series::plain().folder());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_osteon"));
    command.arg("convert").arg(dir.path().join("in")).arg("--out").arg(dir.path().join("out")).arg("--json");
    let said: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let written = std::fs::read(dir.path().join("out/findings.json")).unwrap();
    let written: serde_json::Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(said["data"], written);
    for key in ["osteon", "notice", "outcome", "volumes", "refused", "aside", "skipped", "findings"] {
        assert!(!written[key].is_null(), "{key}");
    }
    let volume = &written["volumes"][0];
    for key in [
        "file",
        "series",
        "uid",
        "modality",
        "unit",
        "size",
        "spacing",
        "origin",
        "directions",
        "tilt",
        "not_measured",
        "assumed",
        "files",
        "findings",
    ] {
        assert!(!volume[key].is_null(), "{key}");
    }
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<String> = all().into_iter().map(|case| case.name).collect();
    assert!(names.len() >= 150, "{}", names.len());
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
