//! Runs the tests, shows what they say, and closes with one line that counts all of them.

use crate::shown;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Tests that passed and tests that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds what a line says, if it closes a test binary: `test result: ok. 4 passed; 0 failed; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = result.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            match (pair[0].parse::<u64>(), pair[1]) {
                (Ok(n), "passed") => self.passed += n,
                (Ok(n), "failed") => self.failed += n,
                _ => {}
            }
        }
    }
}

/// Runs a test command; trouble if it fails or if no test ran.
pub fn run(command: &mut Command) -> Result<(), String> {
    let name = shown(command);
    println!("$ {name}");
    let trouble = |e: std::io::Error| format!("{name}: {e}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(trouble)?;
    let mut tally = Tally::default();
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            let line = line.map_err(trouble)?;
            println!("{line}");
            tally.add(&line);
        }
    }
    let status = child.wait().map_err(trouble)?;
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    match (status.success(), tally.passed) {
        (true, 0) => Err("no test ran".to_owned()),
        (true, _) => Ok(()),
        (false, _) => Err(format!("the tests ended with {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_all_test_binaries_are_added_up() {
        let mut tally = Tally::default();
        tally.add(
            "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        tally.add("test result: FAILED. 14 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.add("test a_test_result: 9 passed ... ok");
        assert_eq!(tally, Tally { passed: 18, failed: 2 });
    }
}
