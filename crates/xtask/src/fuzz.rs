//! `fuzz`: every parser under libFuzzer for a while, on the stable toolchain.

use crate::{command, root, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Seconds for each target, if not said.
const SECONDS: u64 = 10;

/// What the compiler must add for libFuzzer to see which input reaches new code.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Largest input in bytes: enough for three small slices, small enough for thousands of runs a second.
const LARGEST: u32 = 8192;

/// Seconds after which a target hangs. The goal is 5 on a machine of one's own; others may share this one.
const PATIENCE: u32 = 10;

/// Inputs whose name begins so were findings once: they stay in the kept corpus whatever they reach.
const FINDING: &str = "found-";

/// Bytes of the kept corpus of one target, beside findings: it is read in every test run and kept for ever.
const KEPT: u64 = 100_000;

/// Runs every target on its first inputs and its kept corpus: what the tests of every change do.
///
/// Nothing is made up: a test that looks for new inputs says something else each time it is run.
pub fn known() -> Result<(), String> {
    let program = build()?;
    finish(&all(&names(&program)?, |target| one(&program, target, "-runs=0", false)))
}

/// Builds the targets and runs those named (or all) for some seconds each, from first inputs and kept corpus.
///
/// New inputs go to a folder below `target`; with `--keep` the kept corpus becomes the fewest of all inputs that
/// reach every place that was reached, up to [`KEPT`] bytes, and what was once a finding.
pub fn fuzz(rest: &[String]) -> Result<(), String> {
    let mut seconds = SECONDS;
    let mut keep = false;
    let mut wanted = Vec::new();
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let number = words.next().and_then(|n| n.parse().ok());
                seconds = number.ok_or("--seconds needs a number")?;
            }
            "--keep" => keep = true,
            name => wanted.push(name.to_owned()),
        }
    }
    let program = build()?;
    let mut targets = names(&program)?;
    if let Some(unknown) = wanted.iter().find(|name| !targets.contains(name)) {
        return Err(format!("there is no target {unknown}; there are: {}", targets.join(", ")));
    }
    targets.retain(|name| wanted.is_empty() || wanted.contains(name));
    let until = format!("-max_total_time={seconds}");
    finish(&all(&targets, |target| one(&program, target, &until, keep)))
}

fn finish(trouble: &[String]) -> Result<(), String> {
    if trouble.is_empty() { Ok(()) } else { Err(trouble.join("\n")) }
}

fn build() -> Result<PathBuf, String> {
    let quiet = Command::new("c++").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !quiet.is_ok_and(|status| status.success()) {
        let what =
            "libFuzzer needs a C++ compiler and there is no c++; on Debian or Ubuntu: apt-get install g++";
        return Err(what.to_owned());
    }
    let host = host()?;
    let folder = root().join("target/fuzz");
    let mut cargo =
        command("cargo", &["build", "--locked", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
    // A target triple keeps the counters out of build scripts.
    cargo.args(["--target", &host, "--target-dir"]).arg(&folder).env("RUSTFLAGS", COVERAGE);
    run(&mut cargo)?;
    Ok(folder.join(host).join("release/fuzz"))
}

/// The machine's target triple.
fn host() -> Result<String, String> {
    let said = command("rustc", &["-vV"]).output().map_err(|e| format!("rustc: {e}"))?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not say its host".to_owned())
}

/// The names of all targets: what the program says when it is given none.
fn names(program: &Path) -> Result<Vec<String>, String> {
    let said = Command::new(program).output().map_err(|e| format!("{}: {e}", program.display()))?;
    Ok(String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect())
}

/// Runs all targets, as many at a time as there are processors; gives what went wrong.
fn all(targets: &[String], work: impl Fn(&str) -> Result<(), String> + Sync) -> Vec<String> {
    let next = Mutex::new(targets.iter());
    let take = || next.lock().ok()?.next();
    let trouble = Mutex::new(Vec::new());
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(target) = take() {
                    if let (Err(what), Ok(mut trouble)) = (work(target), trouble.lock()) {
                        trouble.push(what);
                    }
                }
            });
        }
    });
    trouble.into_inner().unwrap_or_default()
}

/// Runs one target until what `until` says to libFuzzer.
fn one(program: &Path, target: &str, until: &str, keep: bool) -> Result<(), String> {
    let kept = root().join("fuzz/corpus").join(target);
    let grown = root().join("target/fuzz/corpus").join(target);
    let found = root().join("target/fuzz/found").join(target);
    for folder in [&kept, &grown, &found] {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let start = |words: &[String]| {
        let mut fuzzer = command(&program.to_string_lossy(), &[]);
        fuzzer.env("OSTEON_FUZZ_TARGET", target).args(words);
        fuzzer.arg(format!("-max_len={LARGEST}")).arg(format!("-timeout={PATIENCE}"));
        fuzzer
    };
    listened(start(&[]).env("OSTEON_FUZZ_SEEDS", &grown)).map_err(|said| format!("{target}: {said}"))?;
    let mut fuzzer = start(&[until, "-print_final_stats=1"].map(str::to_owned));
    fuzzer.arg(format!("-artifact_prefix={}/", found.display())).arg(&grown).arg(&kept);
    let said = listened(&mut fuzzer)
        .map_err(|said| format!("{target}: a finding, its input is in {}\n{said}", found.display()))?;
    println!("{}", summary(target, &said));
    if keep {
        shrink(&start(&["-set_cover_merge=1", "-use_counters=0"].map(str::to_owned)), [&kept, &grown])
    } else {
        Ok(())
    }
}

/// Runs a command silently; what it said, as an error if it failed.
fn listened(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// What libFuzzer says in the end, in a line.
fn summary(target: &str, said: &str) -> String {
    let last = |mark: &str| {
        let after =
            said.rsplit_once(mark).map(|(_, after)| after.split_whitespace().next().unwrap_or_default());
        after.unwrap_or("0").to_owned()
    };
    let runs = last("stat::number_of_executed_units:");
    format!("{target:12} {runs:>9} inputs, {:>5} edges, no finding", last(" cov: "))
}

/// Replaces the kept corpus by the fewest inputs of both folders that reach the same places.
fn shrink(merge: &Command, [kept, grown]: [&PathBuf; 2]) -> Result<(), String> {
    let trouble = |e: std::io::Error| format!("{}: {e}", kept.display());
    let fresh = grown.with_extension("fresh");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh).map_err(trouble)?;
    let mut again = Command::new(merge.get_program());
    again.args(merge.get_args()).args([&fresh, kept, grown]);
    again.envs(merge.get_envs().filter_map(|(name, value)| Some((name, value?))));
    listened(&mut again)?;
    for entry in fs::read_dir(kept).map_err(trouble)? {
        let path = entry.map_err(trouble)?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FINDING)) {
            fs::remove_file(&path).map_err(trouble)?;
        }
    }
    let fewest =
        fs::read_dir(&fresh).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()).map_err(trouble)?;
    let mut names: Vec<_> = fewest.into_iter().map(|entry| entry.file_name()).collect();
    // The names are hashes, so that what is over the limit is left out at random.
    names.sort();
    let mut room = KEPT;
    for name in names {
        let bytes = fs::metadata(fresh.join(&name)).map_err(trouble)?.len();
        if let Some(left) = room.checked_sub(bytes) {
            room = left;
            fs::copy(fresh.join(&name), kept.join(&name)).map_err(trouble)?;
        }
    }
    fs::remove_dir_all(&fresh).map_err(trouble)
}
