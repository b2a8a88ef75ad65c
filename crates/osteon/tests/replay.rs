//! A case proves itself: replayed, undone, verified; and what was tampered with is found.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers outside test functions stop at what they did not expect; tests spoil files"
)]

mod common;

use common::{Bench, hashes, scanned};
use osteon_core::{ErrorKind, Point, Severity, Volume};
use osteon_phantom::shape::{Ball, Capsule};
use osteon_phantom::{Phantom, Shape, hu};
use serde_json::json;
use std::path::Path;
use std::sync::LazyLock;

/// A little bone with a head, in soft tissue: small, and no mirror image of itself.
static BONE: LazyLock<Volume<i16>> = LazyLock::new(|| {
    let shaft =
        Capsule { from: Point::new(-12.0, 2.0, -8.0), to: Point::new(12.0, -3.0, 6.0), radii: [5.0, 8.0] };
    let head = Ball { middle: Point::new(-10.0, 6.0, 3.0), radius: 6.0 };
    let bone = shaft.blended(head, 3.0);
    let soft = bone.clone().grown(8.0);
    let phantom = Phantom::air(soft.bounds()).with("soft", soft, hu::SOFT).with("bone", bone, hu::CORTEX);
    scanned(&phantom, 1.0, 1.0)
});

/// A case after `model`.
fn modelled() -> Bench {
    let bench = Bench::of(&BONE);
    bench.model(json!({}));
    bench
}

/// Flips a bit in the middle of a file, also of a read-only one.
fn spoil(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // The file may be a link to a content that must stay as it is.
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_model_replays_to_the_same_hashes_and_the_case_stays_as_it_was() {
    let bench = modelled();
    let before = hashes(&bench.case());
    let replayed = bench.run("replay", json!({}));
    assert_eq!(replayed.data["commands"], 7);
    assert_eq!(hashes(&bench.case()), before);
    assert!(bench.run("verify", json!({})).findings.is_empty());
}

#[test]
fn journal_and_artefacts_name_neither_patient_nor_folder() {
    let bench = modelled();
    let secrets = [bench.dicom().to_string_lossy().into_owned(), "PHANTOM^OSTEON".to_owned()];
    let mut files: Vec<String> = hashes(&bench.case()).into_iter().map(|(path, _)| path).collect();
    files.push("journal.jsonl".to_owned());
    for file in files {
        let bytes = std::fs::read(bench.case().join(&file)).unwrap();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{file} contains {secret}");
        }
    }
    let identity = std::fs::read_to_string(bench.case().join("identity.toml")).unwrap();
    assert!(secrets.iter().all(|secret| identity.contains(secret)), "{identity}");
}

#[test]
fn a_replay_finds_pixels_that_have_changed_since() {
    let bench = modelled();
    spoil(&bench.dicom().join("CT000010.dcm"));
    let refused = bench.try_run("replay", json!({})).unwrap_err();
    assert_eq!(refused.code, "replay-differs", "{refused}");
    assert_eq!(refused.kind, ErrorKind::Numeric);
    assert!(refused.message.contains("images/ct"), "{refused}");
    assert!(!refused.help.is_empty());
}

#[test]
fn a_replay_takes_the_scan_from_where_it_was_moved() {
    let bench = modelled();
    let elsewhere = bench.folder("elsewhere");
    std::fs::rename(bench.dicom(), &elsewhere).unwrap();
    let refused = bench.try_run("replay", json!({})).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.kind), ("source-missing", ErrorKind::Missing));
    bench.run("replay", json!({ "source": elsewhere }));
}

#[test]
fn a_replay_leaves_out_what_was_undone() {
    let bench = modelled();
    bench.run("segment", json!({ "threshold": 400 }));
    bench.run("undo", json!({}));
    assert_eq!(bench.run("replay", json!({})).data["commands"], 7);
}

#[test]
fn undo_restores_every_hash_and_redo_brings_them_back() {
    let bench = modelled();
    let before = hashes(&bench.case());
    bench.run("segment", json!({ "threshold": 600, "edge": "threshold" }));
    bench.run("make", json!({}));
    let after = hashes(&bench.case());
    assert_ne!(before, after);
    for _ in 0..2 {
        bench.run("undo", json!({}));
    }
    assert_eq!(hashes(&bench.case()), before);
    assert!(bench.run("verify", json!({})).findings.is_empty());
    for _ in 0..2 {
        bench.run("redo", json!({}));
    }
    assert_eq!(hashes(&bench.case()), after);
    assert!(bench.run("verify", json!({})).findings.is_empty());
}

#[test]
fn verify_names_every_file_with_a_flipped_bit() {
    let bench = modelled();
    let files: Vec<String> = hashes(&bench.case()).into_iter().map(|(path, _)| path).collect();
    assert!(files.len() >= 12, "{files:?}");
    for file in &files {
        let place = bench.case().join(file);
        let whole = std::fs::read(&place).unwrap();
        spoil(&place);
        let findings = bench.run("verify", json!({})).findings;
        let told: Vec<_> = findings.iter().map(|f| (f.code.as_str(), f.severity)).collect();
        assert_eq!(told, [("changed-outside", Severity::Danger)], "{file}");
        assert!(findings[0].message.contains(file), "{}", findings[0].message);
        std::fs::write(&place, whole).unwrap();
    }
    assert!(bench.run("verify", json!({})).findings.is_empty());
}

#[test]
fn verify_finds_a_flipped_bit_in_the_journal() {
    let bench = modelled();
    let journal = bench.case().join("journal.jsonl");
    spoil(&journal);
    let findings = bench.try_run("verify", json!({})).unwrap().findings;
    assert!(findings.iter().any(|f| f.severity == Severity::Danger), "{findings:?}");
}

#[test]
fn what_is_made_from_an_older_segmentation_is_stale() {
    let bench = modelled();
    let states = || {
        let artefacts = bench.run("status", json!({})).data["artefacts"].clone();
        let state = |a: &serde_json::Value| {
            (a["path"].as_str().unwrap().to_owned(), a["currency"]["is"].as_str().unwrap().to_owned())
        };
        artefacts.as_array().unwrap().iter().map(state).collect::<Vec<_>>()
    };
    assert!(states().iter().all(|(_, is)| is == "current"), "{:?}", states());
    bench.run("segment", json!({ "threshold": 600, "edge": "threshold" }));
    for (path, is) in states() {
        let own = path.starts_with("images/") || path == "labels.seg.nrrd";
        assert_eq!(is, if own { "current" } else { "stale" }, "{path}");
    }
    for command in ["propose", "make", "check", "export", "report"] {
        let settings = if command == "propose" { json!({ "procedure": "bone-model" }) } else { json!({}) };
        bench.run(command, settings);
    }
    assert!(states().iter().all(|(_, is)| is == "current"), "{:?}", states());
}
