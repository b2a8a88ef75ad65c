//! The slicing program is found, run, stopped, and its failures are told.

#![allow(clippy::disallowed_methods, reason = "tests of a program that reads files and takes time")]

use super::*;
use crate::test_shapes::{ball, bracket, engine, print};
use crate::{Process, Quality, Turn, canonical, fit, printer};
use glam::DVec3;
use osteon_core::{Cancel, Explain, Progress};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A shell script that stands in for the slicing program.
///
/// Written by another process: a file this process has open for writing cannot be run, and a test on
/// another thread that is just starting a program keeps it open.
fn fake(folder: &Path, body: &str) -> Engine {
    let program = folder.join("slicer.sh");
    let made = Command::new("sh")
        .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod +x \"$0\""])
        .arg(&program)
        .arg(body)
        .status()
        .unwrap();
    assert!(made.success());
    Engine { program: Program::Prusa, path: program, version: String::new(), definitions: Vec::new() }
}

fn run(body: &str, limit: Duration, ctx: &Ctx) -> Result<Sliced, PrintError> {
    let folder = tempfile::tempdir().unwrap();
    let engine = fake(folder.path(), body);
    run_in(folder.path(), &engine, limit, ctx)
}

fn run_in(folder: &Path, engine: &Engine, limit: Duration, ctx: &Ctx) -> Result<Sliced, PrintError> {
    let profile = Profile::own(printer("generic-250").unwrap(), Quality::Standard);
    let solid = bracket(DVec3::ZERO);
    let placement = fit(solid.mesh(), &Turn::standing(), &profile.printer, &profile.process).unwrap();
    let slicing = Slicing { solid: &solid, folder, profile: &profile, placement: &placement, limit };
    slice(engine, &slicing, ctx)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_program_that_is_not_there_is_named_with_what_to_do() {
    let error = Engine::find(Program::Prusa, Some(Path::new("/nowhere/prusa-slicer")), &[]).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("slicer-not-installed", osteon_core::ErrorKind::Missing));
    assert!(error.to_string().contains("/nowhere/prusa-slicer"));
    assert!(error.help().contains("apt-get install prusa-slicer"));
    let folder = tempfile::tempdir().unwrap();
    let gone = Engine {
        program: Program::Prusa,
        path: "/nowhere/prusa-slicer".into(),
        version: String::new(),
        definitions: Vec::new(),
    };
    let error = run_in(folder.path(), &gone, LONG, &Ctx::default()).unwrap_err();
    assert_eq!(error.code(), "slicer-not-installed");
}

#[test]
fn a_program_that_fails_is_quoted() {
    let error =
        run("echo '10 => Starting'; echo the usage; echo 'no layers' >&2; exit 1", LONG, &Ctx::default());
    let error = error.unwrap_err();
    assert_eq!(error.code(), "slicer-failed");
    assert!(error.to_string().ends_with("no layers"), "{error}");
    let error = run("echo only on the output; exit 3", LONG, &Ctx::default()).unwrap_err();
    assert!(error.to_string().contains("only on the output"), "{error}");
}

#[test]
fn a_program_that_ends_well_without_gcode_has_failed() {
    for body in ["exit 0", ": > osteon.gcode"] {
        let error = run(body, LONG, &Ctx::default()).unwrap_err();
        assert_eq!(error.code(), "slicer-failed");
        assert!(error.to_string().contains("without an error"), "{error}");
    }
}

#[test]
fn gcode_of_an_earlier_run_is_not_taken_for_this_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("osteon.gcode"), "G1 X1").unwrap();
    let engine = fake(folder.path(), "exit 0");
    assert_eq!(run_in(folder.path(), &engine, LONG, &Ctx::default()).unwrap_err().code(), "slicer-failed");
}

#[test]
fn warnings_of_a_program_that_ends_well_become_findings() {
    let sliced =
        run("echo 'Empty layer between 0.2 and 0.8' >&2; echo G1 > osteon.gcode", LONG, &Ctx::default());
    let sliced = sliced.unwrap();
    assert_eq!((sliced.gcode, sliced.findings.len()), (b"G1\n".to_vec(), 1));
    assert!(sliced.findings[0].message.contains("Empty layer between 0.2 and 0.8"));
}

#[test]
fn a_program_that_writes_much_on_both_outputs_is_not_blocked() {
    let body = "yes 'a line that is neither progress nor short' | head -n 20000 | tee /dev/stderr; exit 4";
    let error = run(body, LONG, &Ctx::default()).unwrap_err();
    assert!(error.to_string().contains("exit status: 4"), "{error}");
    assert!(error.to_string().len() < 1500);
}

#[test]
fn a_program_that_takes_too_long_is_stopped() {
    let error = run("exec sleep 30", Duration::from_millis(60), &Ctx::default()).unwrap_err();
    assert_eq!(error.code(), "slicer-too-slow");
}

/// Stops the job at the first progress above zero and remembers when, and what was reported.
#[derive(Default)]
struct Stopper {
    cancel: Cancel,
    heard: Mutex<Option<(f64, Instant)>>,
}

impl Progress for Stopper {
    fn report(&self, _: &str, fraction: f64) {
        if fraction > 0.0 {
            self.heard.lock().unwrap().get_or_insert((fraction, Instant::now()));
            self.cancel.stop();
        }
    }
}

/// How long a running program outlives the wish to stop it.
fn stopping() -> Duration {
    let stopper = Arc::new(Stopper::default());
    let ctx = Ctx::new(stopper.clone(), stopper.cancel.clone(), 0);
    let folder = tempfile::tempdir().unwrap();
    let body = "echo $$ > pid; echo '20 => Generating perimeters'; exec sleep 30";
    let engine = fake(folder.path(), body);
    let error = run_in(folder.path(), &engine, LONG, &ctx).unwrap_err();
    let (fraction, stopped) = stopper.heard.lock().unwrap().unwrap();
    let took = stopped.elapsed();
    assert_eq!((error.code(), fraction), ("cancelled", 0.2));
    // The process is gone, not only forgotten.
    let id = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    let alive = Command::new("sh").args(["-c", "kill -0 $0 2> /dev/null", id.trim()]).status().unwrap();
    assert!(!alive.success());
    took
}

#[test]
fn a_stop_ends_the_program_within_a_tenth_of_a_second() {
    // The best of three, because other tests keep the processors busy.
    let took = (0..3).map(|_| stopping()).min().unwrap();
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[test]
fn a_job_stopped_before_it_begins_starts_nothing() {
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let folder = tempfile::tempdir().unwrap();
    let engine = fake(folder.path(), "touch started");
    assert_eq!(run_in(folder.path(), &engine, LONG, &ctx).unwrap_err().code(), "cancelled");
    assert!(!folder.path().join("started").exists());
}

#[test]
fn settings_out_of_range_are_refused_before_the_program_runs() {
    let Some(engine) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut profile = Profile::own(printer("generic-250").unwrap(), Quality::Standard);
    let solid = bracket(DVec3::ZERO);
    let placement = fit(solid.mesh(), &Turn::standing(), &profile.printer, &profile.process).unwrap();
    profile.process = Process { layer: f64::NAN, ..profile.process };
    let slicing = Slicing {
        solid: &solid,
        folder: folder.path(),
        profile: &profile,
        placement: &placement,
        limit: LONG,
    };
    assert_eq!(slice(&engine, &slicing, &Ctx::default()).unwrap_err().code(), "printer-profile");
}

#[test]
fn a_profile_of_one_program_is_refused_by_the_other() {
    let Some(engine) = engine() else { return };
    assert!(engine.version().starts_with("PrusaSlicer-"), "{}", engine.version());
    let mut profile = Profile::own(printer("generic-250").unwrap(), Quality::Standard);
    let solid = bracket(DVec3::ZERO);
    let placement = fit(solid.mesh(), &Turn::standing(), &profile.printer, &profile.process).unwrap();
    profile.source = Source::Cura;
    let error = engine.settings(&profile, &placement, 20.0).unwrap_err();
    assert_eq!((error.code(), error.help().contains("--engine cura")), ("other-engine", true));
}

#[test]
fn what_curas_engine_logs_is_progress_time_and_real_warnings() {
    let mut heard = Heard::new(Program::Cura);
    for line in [
        "[WARNING] Unrecognized data type in JSON setting machine_disallowed_areas",
        "[WARNING]  -s mesh_position_z=\"0\"",
        "Progress:export:87:98 \t0.938612%",
        "Print time (s): 764",
        "[WARNING] Mesh has 3 open edges",
        "Starting slice...",
    ] {
        heard.take(Said::Error(line.to_owned()));
    }
    assert_eq!((heard.progress, heard.seconds), (0.938_612, Some(764.0)));
    assert_eq!(heard.warnings().collect::<Vec<_>>(), ["[WARNING] Mesh has 3 open edges"]);
}

#[test]
fn the_same_solid_gives_the_same_gcode_again_and_on_one_processor() {
    let Some(engine) = engine() else { return };
    let gcode = |engine: &Engine| {
        let printed = print(engine, ball(DVec3::new(-31.0, -250.0, 1204.0), 8.0));
        canonical(&printed.sliced.gcode)
    };
    let first = gcode(&engine);
    assert!(first == gcode(&engine), "two runs differ");
    let folder = tempfile::tempdir().unwrap();
    let body = format!("exec taskset -c 0 '{}' \"$@\"", engine.path().display());
    let single = fake(folder.path(), &body);
    match Command::new("taskset").arg("--version").output() {
        Ok(_) => assert!(first == gcode(&single), "one processor and many differ"),
        Err(_) => eprintln!("skipped: no taskset to hold the program to one processor"),
    }
}
