//! An interrupt stops the work at every stage, soon, and leaves the case as it was.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;

use common::{copied_case, files, json, model, program, sound};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for the end after an interrupt. The aim is 100 ms on an idle machine in a release build,
/// without the disk's time to sync; a test machine is neither.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Runs the program, interrupts it when a line of its progress holds `stage`; its exit code and the rest
/// of what it said. `None` if the stage was never announced.
fn interrupted(words: &[&OsStr], stage: &str) -> Option<(i32, String)> {
    let mut run =
        Command::new(program()).args(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(stage) {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            run.wait().unwrap();
            return None;
        }
    }
    let began = Instant::now();
    let sent = Command::new("kill").args(["-INT", &run.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let code = run.wait().unwrap().code().unwrap_or(-1);
    let took = began.elapsed();
    assert!(took < PATIENCE, "{stage}: {took:?}");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    Some((code, rest))
}

#[test]
fn an_interrupt_stops_the_job_at_every_stage_and_the_next_run_finishes() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    let stages = [
        "decoding slices",
        "writing the image",
        "the patient without the table",
        "half height",
        "surface",
        "marks",
        "check",
        "vertebra",
        "pictures",
    ];
    let mut words = model(&case);
    words.extend(["--structure", "vertebra-L3"].map(OsStr::new));
    let mut stopped = 0;
    for stage in stages {
        let (code, said) = interrupted(&words, stage).unwrap_or_else(|| panic!("no stage {stage}"));
        // An interrupt during the last sync of a command may come too late to stop it, never the next.
        assert_eq!(code, 130, "{stage}: {said}");
        assert!(said.contains("code: cancelled"), "{stage}: {said}");
        stopped += 1;
        if case.join("case.toml").exists() {
            sound(&case);
        }
    }
    assert_eq!(stopped, stages.len());
    assert_eq!(json(&words).code, 0);
    sound(&case);
}

#[test]
fn an_interrupted_command_leaves_every_file_as_it_was() {
    let (_dir, case) = copied_case();
    let before = files(&case);
    let commands = [
        ("segment", "half height"),
        ("make", "surface"),
        ("export", ".3mf"),
        ("report", "pictures"),
        ("replay", "segment"),
    ];
    for (command, stage) in commands {
        let words = [OsStr::new(command), "--case".as_ref(), case.as_ref()];
        let (code, said) = interrupted(&words, stage).unwrap_or_else(|| panic!("no stage {stage}"));
        assert_eq!(code, 130, "{command}: {said}");
        assert_eq!(files(&case), before, "{command}");
    }
}
