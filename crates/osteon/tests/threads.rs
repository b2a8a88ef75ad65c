//! The same bits at any number of threads, from the image to the report and the G-code.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers outside test functions stop at what they did not expect, and say what they skip"
)]

mod common;

use common::{Bench, hashes, run_on};
use osteon_core::{Ctx, Volume};
use osteon_phantom::{Field, Noise, Protocol, find, scan};
use osteon_print::{Engine, Program};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A heel bone in a noisy scan: noise makes close calls, and close calls show any change of order.
static HEEL: LazyLock<Volume<i16>> = LazyLock::new(|| {
    let phantom = (find("calcaneus-left").unwrap().make)();
    let grid = Field::axial(1.0, 1.0, 2.0).grid(&phantom.view).unwrap();
    let noise = Noise { sigma: 25.0, grain: 0.4, seed: 3 };
    let protocol = Protocol::sharp(1.0).with_noise(noise);
    scan(&phantom, &grid, &protocol, &Ctx::default()).unwrap().volume
});

/// Runs `model` at one thread, replays it at the others, and compares every artefact.
///
/// Replayed and not run again, so that reports of two days cannot differ.
fn same_at_any_number_of_threads(settings: Value, least: usize) {
    let mut bench = Bench::of(&HEEL);
    bench.threads = Some(1);
    bench.model(settings);
    let one = hashes(&bench.case());
    assert!(one.len() >= least, "only {} artefacts: {one:?}", one.len());
    for threads in [2, 8] {
        let out = bench.folder(&format!("at-{threads}"));
        let replayed = run_on(&bench.case(), "replay", json!({ "out": out }), Some(threads));
        replayed.unwrap_or_else(|failure| panic!("at {threads} threads: {failure}"));
        assert_eq!(hashes(&out), one, "at {threads} threads");
    }
}

#[test]
fn every_artefact_of_a_model_is_the_same_at_one_two_and_eight_threads() {
    // Image, source, labels, plan; solid with record, check, STL, 3MF and GLB; two reports.
    same_at_any_number_of_threads(json!({}), 12);
}

#[test]
fn the_g_code_is_the_same_at_one_two_and_eight_threads() {
    if Engine::find(Program::Prusa, None, &[]).is_err() {
        println!("skipped: no slicing program is installed");
        return;
    }
    same_at_any_number_of_threads(json!({ "printer": "generic-250" }), 14);
}
