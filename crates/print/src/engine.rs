//! Runs the slicing program. The only module of this crate that spawns a process or touches a file.
//!
//! The program is PrusaSlicer (AGPL-3.0), run as a separate program. It reads the model from where the caller
//! put it, and writes into a working folder the caller gives and removes. Environment: no display, the C
//! locale, an own settings folder, so that neither the desktop nor the user's presets have a say.

use crate::error::PrintError;
use crate::fit::Placement;
use crate::printer::{Printer, Process};
use crate::prusa;
use osteon_core::{Ctx, Finding, Severity};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// The names the program goes by: Linux packages, macOS bundle, Windows console.
const NAMES: [&str; 3] = ["prusa-slicer", "PrusaSlicer", "prusa-slicer-console"];

/// How often the running program is looked after; a stop takes at most this long.
const POLL: Duration = Duration::from_millis(20);

/// How many of the program's last lines are kept for an error.
const KEPT: usize = 12;

/// A slicing program that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    program: PathBuf,
    version: String,
}

impl Engine {
    /// Finds the program: the one given, or else the first of its usual names on the search path.
    ///
    /// # Errors
    /// `slicer-not-installed` when none can be started.
    pub fn find(given: Option<&Path>) -> Result<Self, PrintError> {
        let names: Vec<PathBuf> = match given {
            Some(path) => vec![path.to_owned()],
            None => NAMES.iter().map(PathBuf::from).collect(),
        };
        for program in &names {
            let asked = quiet(program).arg("--help").stderr(Stdio::null()).output();
            if let Ok(answer) = asked {
                let text = String::from_utf8_lossy(&answer.stdout);
                let named =
                    text.lines().find_map(|line| line.split_whitespace().find(|w| w.contains("Slicer-")));
                return Ok(Self { program: program.clone(), version: named.unwrap_or_default().to_owned() });
            }
        }
        Err(PrintError::SlicerNotInstalled {
            tried: names.iter().map(|name| name.display().to_string()).collect(),
        })
    }

    /// The program's name or path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Name and version as the program tells them, like `PrusaSlicer-2.5.0`; empty if it does not.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// What is to be sliced.
#[derive(Clone, Copy, Debug)]
pub struct Slicing<'a> {
    /// The model: an STL or 3MF file with one solid in patient millimetres.
    pub model: &'a Path,
    /// An existing folder for settings and G-code, used for this run only.
    pub folder: &'a Path,
    /// The printer.
    pub printer: &'a Printer,
    /// The settings.
    pub process: &'a Process,
    /// Where the solid goes.
    pub placement: &'a Placement,
    /// The time the program is given, at least.
    pub limit: Duration,
}

/// What the slicing program made.
#[derive(Clone, Debug, PartialEq)]
pub struct Sliced {
    /// The G-code as written, with its date stamp.
    pub gcode: Vec<u8>,
    /// What the program warned about.
    pub findings: Vec<Finding>,
}

/// Slices a model into G-code.
///
/// Writes `osteon.ini` and `osteon.gcode` into the folder and leaves them there. Polls the program every
/// 20 ms; when stopped, the program is killed and waited for.
///
/// # Errors
/// `slicer-not-installed`, `slicer-failed` with the program's last lines, `slicer-too-slow`,
/// `printer-profile` for settings out of range, `slicing-file`, `cancelled`.
pub fn slice(engine: &Engine, slicing: &Slicing, ctx: &Ctx) -> Result<Sliced, PrintError> {
    slicing.printer.check()?;
    slicing.process.check(slicing.printer)?;
    ctx.done(0.0)?;
    // The program is started in the folder, so relative paths must be made absolute first.
    let model = attempt("find", slicing.model, std::path::absolute(slicing.model))?;
    let folder = attempt("find", slicing.folder, std::path::absolute(slicing.folder))?;
    let (config, output) = (folder.join("osteon.ini"), folder.join("osteon.gcode"));
    write(&config, &prusa::config(slicing.printer, slicing.process))?;
    if output.exists() {
        attempt("remove", &output, std::fs::remove_file(&output))?;
    }
    let mut command = quiet(&engine.program);
    command
        .args(prusa::arguments(&model, &config, &output, slicing.placement.middle))
        .arg("--datadir")
        .arg(&folder)
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => {
            PrintError::SlicerNotInstalled { tried: vec![engine.program.display().to_string()] }
        }
        _ => PrintError::File { doing: "start", path: engine.program.display().to_string(), source },
    })?;
    let (status, heard) = watch(Running(child), slicing.limit, engine, ctx)?;
    let failed = |outcome: String| PrintError::SlicerFailed {
        program: engine.program.display().to_string(),
        outcome,
        text: heard.last_words(),
    };
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    let gcode = match std::fs::read(&output) {
        Ok(bytes) if !bytes.is_empty() => bytes,
        Ok(_) => return Err(failed("ended without an error but wrote empty G-code".to_owned())),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Err(failed("ended without an error but wrote no G-code".to_owned()));
        }
        Err(e) => return attempt("read", &output, Err(e)),
    };
    ctx.done(1.0)?;
    let findings = heard.errors.iter().map(|line| {
        Finding::new("slicer-warning", Severity::Caution, format!("the slicing program says: {line}"))
            .remedy("look at the layers in a viewer before printing")
    });
    Ok(Sliced { gcode, findings: findings.collect() })
}

/// The program without a display, without input, in the C locale.
fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").stdin(Stdio::null());
    command
}

/// A running program that is not left behind, whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the program said.
#[derive(Default)]
struct Heard {
    progress: f64,
    output: VecDeque<String>,
    errors: VecDeque<String>,
}

enum Said {
    Output(String),
    Error(String),
}

impl Heard {
    fn take(&mut self, said: Said) {
        let (kept, line) = match said {
            Said::Output(line) => (&mut self.output, line),
            Said::Error(line) => (&mut self.errors, line),
        };
        let line = line.trim();
        // "20 => Generating perimeters"; the parts overlap, so the number may fall.
        if let Some((percent, _)) = line.split_once(" => ")
            && let Ok(percent) = percent.parse::<f64>()
            && (0.0..=100.0).contains(&percent)
        {
            self.progress = self.progress.max(percent / 100.0);
            return;
        }
        // What version 2.5 says at every start, and lines about its own inside.
        if line.is_empty() || line.contains("[trace]") || line.contains("[debug]") {
            return;
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(line.chars().take(300).collect());
    }

    /// Its last lines: of the errors, or else of the output.
    fn last_words(&self) -> String {
        let lines = if self.errors.is_empty() { &self.output } else { &self.errors };
        if lines.is_empty() {
            return "it said nothing".to_owned();
        }
        lines.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }
}

/// Waits for the program, listens to it, and stops it when asked to or when its time is up.
fn watch(
    mut running: Running,
    limit: Duration,
    engine: &Engine,
    ctx: &Ctx,
) -> Result<(ExitStatus, Heard), PrintError> {
    let lines = listen(&mut running.0);
    let mut heard = Heard::default();
    let mut waited = Duration::ZERO;
    let status = loop {
        lines.try_iter().for_each(|said| heard.take(said));
        ctx.done(heard.progress)?;
        if let Some(status) = attempt("wait for", &engine.program, running.0.try_wait())? {
            break status;
        }
        if waited > limit {
            return Err(PrintError::SlicerTooSlow {
                program: engine.program.display().to_string(),
                seconds: limit.as_secs_f64(),
            });
        }
        // Counted, not measured: this crate has no clock.
        std::thread::sleep(POLL);
        waited += POLL;
    };
    // What is still on its way; a process the program left behind may hold the line open for ever.
    while let Ok(said) = lines.recv_timeout(10 * POLL) {
        heard.take(said);
    }
    Ok((status, heard))
}

/// Reads both outputs of the program, each on its own thread, so that neither fills up and blocks it.
fn listen(child: &mut Child) -> Receiver<Said> {
    let (send, receive) = channel();
    if let Some(stream) = child.stdout.take() {
        forward(stream, send.clone(), Said::Output);
    }
    if let Some(stream) = child.stderr.take() {
        forward(stream, send, Said::Error);
    }
    receive
}

fn forward(stream: impl Read + Send + 'static, send: Sender<Said>, said: fn(String) -> Said) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            if send.send(said(String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
        }
    });
}

#[allow(
    clippy::disallowed_methods,
    reason = "the program takes its settings from a file in the given folder"
)]
fn write(path: &Path, text: &str) -> Result<(), PrintError> {
    attempt("write", path, std::fs::write(path, text))
}

fn attempt<T>(doing: &'static str, path: &Path, result: std::io::Result<T>) -> Result<T, PrintError> {
    result.map_err(|source| PrintError::File { doing, path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests;
