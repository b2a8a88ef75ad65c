//! The only place that prints: progress and trouble on standard error, answers on standard output.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the terminal")]

use crate::arguments::Answer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use osteon::{Cancel, ErrorKind, Failure, Finding, Outcome, Progress, Severity};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Exit code of a command that succeeded but found a danger.
const DANGER: u8 = 1;

/// Shows what is wrong with the command line (or the help that was asked for).
pub fn usage(refused: &clap::Error, answer: Answer) -> ExitCode {
    if answer == Answer::Json && refused.use_stderr() {
        print(&usage_failure(refused).to_json());
    } else {
        // A closed pipe (osteon --help | head) is not worth a second error.
        let _ = refused.print();
    }
    ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2))
}

/// What is wrong with the command line, as a failure like every other.
fn usage_failure(refused: &clap::Error) -> Failure {
    let text = refused.to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more").next().unwrap_or_default();
    let message = text.trim_start_matches("error: ").trim_end();
    let help = "osteon --help lists the commands, osteon <command> --help the settings of one";
    Failure::new(ErrorKind::Input, "usage", message, help)
}

/// The first interrupt asks the job to stop; the job then leaves the case as it was.
pub fn stop_on_interrupt(cancel: Cancel) {
    if let Err(trouble) = ctrlc::set_handler(move || cancel.stop()) {
        eprintln!("note: interrupts end the program at once ({trouble})");
    }
}

/// Where progress goes: a bar on a terminal, a line for each part in a log, nowhere when quiet.
pub fn progress(answer: Answer) -> Arc<dyn Progress> {
    if answer != Answer::Text {
        return Arc::new(Nowhere);
    }
    if !std::io::stderr().is_terminal() {
        return Arc::new(Log::default());
    }
    let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr_with_hz(20));
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} [{bar:40}] {percent:>3}% {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    Arc::new(Bar(bar))
}

struct Nowhere;

impl Progress for Nowhere {
    fn report(&self, _: &str, _: f64) {}
}

struct Bar(ProgressBar);

impl Progress for Bar {
    fn report(&self, part: &str, fraction: f64) {
        self.0.set_position((fraction * 1000.0) as u64);
        if self.0.message() != part {
            self.0.set_message(part.to_owned());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// One line for each part of the job as it begins.
#[derive(Default)]
struct Log(Mutex<String>);

impl Progress for Log {
    fn report(&self, part: &str, fraction: f64) {
        let Ok(mut last) = self.0.lock() else { return };
        if *last != part {
            part.clone_into(&mut last);
            eprintln!("{:>3.0} % {part}", fraction * 100.0);
        }
    }
}

/// Shows how the command ended; gives the exit code.
pub fn answer(result: Result<Outcome, Failure>, answer: Answer) -> ExitCode {
    match (result, answer) {
        (Ok(outcome), Answer::Json) => {
            print(&json!({ "summary": outcome.summary, "findings": outcome.findings, "data": outcome.data }));
            ended(&outcome)
        }
        (Err(failure), Answer::Json) => {
            print(&failure.to_json());
            ExitCode::from(failure.kind.exit_code())
        }
        (Ok(outcome), _) => {
            let mut out = std::io::stdout().lock();
            for line in &outcome.summary {
                let _ = writeln!(out, "{}", plain(line));
            }
            for line in &outcome.messages {
                eprintln!("{}", plain(line));
            }
            outcome.findings.iter().for_each(finding);
            outcome.refused.iter().for_each(failed);
            ended(&outcome)
        }
        (Err(failure), _) => {
            failed(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// The exit code of a command that came to its end: the worst refusal's, or that of a danger.
fn ended(outcome: &Outcome) -> ExitCode {
    let danger = outcome.findings.iter().any(|f| f.severity == Severity::Danger);
    let refused = outcome.refused.iter().map(|failure| failure.kind.exit_code()).max();
    ExitCode::from(refused.unwrap_or(if danger { DANGER } else { 0 }))
}

/// Text that came from a file may hold sequences that steer a terminal: they are shown, not obeyed.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        // Line breaks are ours; the marks that turn the direction of writing are nobody's here.
        let steers = (character.is_control() && character != '\n')
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers {
            plain.extend(character.escape_unicode());
        } else {
            plain.push(character);
        }
    }
    plain
}

fn failed(failure: &Failure) {
    eprintln!("error: {}", plain(&failure.message));
    eprintln!("  code: {}", failure.code);
    eprintln!("  help: {}", plain(&failure.help));
}

fn print(value: &Value) {
    let _ = writeln!(std::io::stdout().lock(), "{value:#}");
}

fn finding(finding: &Finding) {
    eprintln!("{}: {} [{}]", finding.severity, plain(&finding.message), finding.code);
    if let (Some(value), Some(limit)) = (finding.value, finding.limit) {
        let source =
            if finding.source.is_empty() { String::new() } else { format!(", from {}", finding.source) };
        eprintln!("  value {value:.3} {0} (limit {limit:.3} {0}{source})", finding.unit);
    }
    if !finding.remedy.is_empty() {
        eprintln!("  help: {}", plain(&finding.remedy));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_obeyed() {
        assert_eq!(plain("a\u{1b}[2Jb\rc\u{202e}d\ne ü"), "a\\u{1b}[2Jb\\u{d}c\\u{202e}d\ne ü");
    }
}
