//! Installing what the demo and the tests need on a fresh machine, and saying so when that cannot be done.

use crate::{command, run};
use std::path::Path;
use std::process::{Command, Stdio};

/// Names PrusaSlicer goes by.
const SLICERS: [&str; 3] = ["prusa-slicer", "PrusaSlicer", "prusa-slicer-console"];

fn answers(program: &str, words: &[&str]) -> bool {
    let quiet = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

/// Makes sure a slicer is there: from the distribution's packages where that is possible without asking.
///
/// What needs it says that it is missing where this could not be done.
pub fn slicer() {
    if !SLICERS.iter().any(|name| answers(name, &["--help"])) {
        provide("prusa-slicer", "PrusaSlicer is not installed, so G-code will be missing");
    }
}

/// Where Cura's definitions are unpacked for the tests, below the repository.
const CURA: &str = "target/cura";

/// Makes sure Cura's engine is there with its definitions, which are in the package of its window.
///
/// The package is unpacked below `target` and not installed: it would bring a desktop along. Tests that need either say
/// that they are skipped where this could not be done.
pub fn cura(root: &Path) {
    if !answers("CuraEngine", &["help"]) {
        provide("cura-engine", "CuraEngine is not installed, so its adapter is not tested");
    }
    let folder = root.join(CURA);
    let there = Path::new("/usr/share/cura/resources/definitions").exists();
    if there || folder.join("usr/share/cura/resources/definitions").exists() {
        return;
    }
    let unpacked = std::fs::create_dir_all(&folder).map_err(|e| e.to_string()).and_then(|()| {
        run(command("apt-get", &["download", "--quiet", "--quiet", "cura"]).current_dir(&folder))?;
        run(command("sh", &["-c", "dpkg-deb -x cura_*.deb . && rm cura_*.deb"]).current_dir(&folder))
    });
    if let Err(trouble) = unpacked {
        println!("without the definitions of Cura, so its engine is not tested: {trouble}");
    }
}

/// Makes sure that a C++ compiler is there, which libFuzzer is built with.
pub fn compiler() {
    if !answers("c++", &["--version"]) {
        provide("g++", "there is no C++ compiler, so the parsers cannot be fuzzed");
    }
}

/// The browser, as the compiler calls it.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Makes sure that the compiler can build for the browser; says so and is false where it cannot.
pub fn wasm() -> bool {
    let added = answers("rustup", &["target", "add", WASM]);
    if !added {
        println!("skipped: whether it builds for the browser, for lack of rustup or its target {WASM}");
    }
    added
}

/// Installs a package where that is possible without asking, or says what its absence means.
fn provide(package: &str, without: &str) {
    let root = answers("sh", &["-c", "test $(id -u) = 0"]);
    let possible = answers("apt-get", &["--version"]) && (root || answers("sudo", &["-n", "true"]));
    let installed = if possible { install(package, root) } else { Err("no rights to install it".to_owned()) };
    if let Err(trouble) = installed {
        println!("{without}: {trouble}");
        println!("to add it on Debian or Ubuntu: sudo apt-get install {package}");
    }
}

/// Installs a package of Debian or Ubuntu.
fn install(package: &str, root: bool) -> Result<(), String> {
    let apt = |words: &[&str]| {
        let mut apt = if root {
            command("apt-get", words)
        } else {
            command("sudo", &[&["-n", "apt-get"], words].concat())
        };
        run(apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()))
    };
    apt(&["update"])?;
    apt(&["install", "--yes", "--no-install-recommends", package])
}

/// Makes a Python environment with the independent readers that some tests hold our files against.
///
/// Those tests say that they are skipped where this could not be done.
pub fn oracles(root: &Path) {
    let python = root.join(".venv/bin/python").to_string_lossy().into_owned();
    let wanted = root.join("tests/oracles/requirements.txt").to_string_lossy().into_owned();
    let made = if answers(&python, &["--version"]) {
        Ok(())
    } else {
        run(&mut command("python3", &["-m", "venv", ".venv"]))
    };
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", &wanted];
    if let Err(trouble) = made.and_then(|()| run(&mut command(&python, &pip))) {
        println!("without independent readers, for lack of a Python environment: {trouble}");
    }
}

/// Checks licences, sources and duplicate bans, where cargo-deny is installed.
pub fn deny(root: &Path) -> Result<(), String> {
    if !answers("cargo", &["deny", "--version"]) {
        println!("skipped: cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    }
    let words = ["deny", "check", "licenses", "bans", "sources"];
    run(Command::new("cargo").args(words).current_dir(root))
}
