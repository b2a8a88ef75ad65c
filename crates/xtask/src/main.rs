//! Housekeeping of the repository: `cargo xtask <task>`.
//!
//! - `demo` – install what is missing, build, run the main job on the embedded phantom, say where the result is
//! - `test` – install what is missing, then run everything that must pass: format, lints, licences, tests
//! - `fuzz` – every parser under libFuzzer for a while ([`fuzz`])
//! - `tidy` – the house rules that no compiler checks ([`tidy`])
//! - `generate` – rewrite the files made from the commands' schemas
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the developer")]

mod fuzz;
mod setup;
mod tally;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let task = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    let result = match task.as_str() {
        "demo" => demo(&rest),
        "test" => test(&rest),
        "fuzz" => fuzz::fuzz(&rest),
        "tidy" => tidy::run(&root()),
        "generate" => generate(),
        _ => Err("tasks: demo, test, fuzz, tidy, generate".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("xtask {task}: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// A command run in the repository's folder.
fn command(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(root());
    command
}

/// Runs a command to its end; trouble if it fails.
fn run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|e| format!("{}: {e}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", shown(command))) }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn demo(rest: &[String]) -> Result<(), String> {
    setup::slicer();
    let mut words = vec!["run", "--release", "--package", "osteon-cli", "--", "demo"];
    if !rest.iter().any(|word| word == "--out") {
        words.extend(["--out", "demo"]);
        // An earlier demo is ours to replace; a folder the developer names is not.
        let earlier = root().join("demo");
        if earlier.exists() {
            std::fs::remove_dir_all(&earlier).map_err(|e| format!("{}: {e}", earlier.display()))?;
        }
    }
    words.extend(rest.iter().map(String::as_str));
    run(&mut command("cargo", &words))
}

/// Nouns, voxels and surfaces must also build for the browser.
fn browser() -> Result<(), String> {
    if !setup::wasm() {
        return Ok(());
    }
    let rooms = ["osteon-core", "osteon-image", "osteon-mesh"];
    let mut words = vec!["check", "--quiet", "--target", setup::WASM];
    words.extend(rooms.iter().flat_map(|room| ["--package", room]));
    run(&mut command("cargo", &words))
}

fn test(rest: &[String]) -> Result<(), String> {
    setup::slicer();
    setup::cura(&root());
    setup::oracles(&root());
    setup::compiler();
    run(&mut command("cargo", &["fmt", "--all", "--check"]))?;
    run(&mut command("cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    browser()?;
    setup::deny(&root())?;
    fuzz::known()?;
    let mut words = vec!["test", "--workspace", "--no-fail-fast"];
    words.extend(rest.iter().map(String::as_str));
    tally::run(&mut command("cargo", &words))
}

fn generate() -> Result<(), String> {
    let words = ["test", "--package", "osteon", "--test", "generated"];
    run(command("cargo", &words).env("OSTEON_GENERATE", "1"))
}
