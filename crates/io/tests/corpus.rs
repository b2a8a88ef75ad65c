//! Every input that the fuzzer keeps is read once more: without its machinery, and at the speed of a test.
//!
//! A finding that was mended stays mended this way on machines where the fuzzer does not run.

// What is shared with the fuzzer fails by panicking, and makes files to be read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

#[path = "../../../fuzz/src/io.rs"]
mod targets;

use std::path::Path;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");

#[test]
fn every_kept_input_of_the_fuzzer_is_read_or_refused_as_it_should_be() {
    for (name, target) in targets::ALL {
        let folder = Path::new(CORPUS).join(name);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut inputs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(inputs.len() >= 10, "{name} has only {} inputs", inputs.len());
        for input in inputs {
            let bytes = std::fs::read(&input).unwrap();
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("{name} fails on {}", input.display());
            }
        }
    }
}
