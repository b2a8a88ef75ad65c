//! One libFuzzer program for all targets; `OSTEON_FUZZ_TARGET` names the one to run.
//!
//! Run through `cargo xtask fuzz [target…] [--seconds n]`, which builds this with coverage counters on the stable
//! toolchain and gives each target its folder of `corpus/`. A finding is an input on which a target panics, takes
//! too long or needs more memory than [`MOST_BYTES`]; it belongs into the corpus once it is mended.
//!
//! 1. [`io`], [`others`] – the targets; [`targets`] – all of them
//! 2. [`seeds`] – what the fuzzer begins with
#![no_main]

mod io;
mod others;
mod seeds;
mod targets;

use cap::Cap;
use libfuzzer_sys::fuzz_target;
use std::alloc::System;
use std::path::Path;
use std::sync::OnceLock;

/// Memory of the whole process at any time, bytes: what no input of a few kilobytes may exceed.
const MOST_BYTES: usize = 512 << 20;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

static TARGET: OnceLock<io::Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("OSTEON_FUZZ_TARGET").unwrap_or_default();
        let Some((_, target)) = targets::all().find(|(known, _)| *known == name) else {
            targets::all().for_each(|(known, _)| println!("{known}"));
            std::process::exit(if name.is_empty() { 0 } else { 2 });
        };
        if let Ok(folder) = std::env::var("OSTEON_FUZZ_SEEDS") {
            write_seeds(&name, Path::new(&folder));
            std::process::exit(0);
        }
        let _ = TARGET.set(*target);
        ALLOCATOR.set_limit(MOST_BYTES).expect("less is allocated yet");
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            target(data);
        }
    }
);

/// Writes the first inputs of a target into a folder.
fn write_seeds(target: &str, folder: &Path) {
    for (number, bytes) in seeds::of(target).iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:02}")), bytes).expect("a file can be written");
    }
}
