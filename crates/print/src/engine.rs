//! Runs the slicing program. With `vendor`, the only module of this crate that spawns a process or touches a file.
//!
//! The programs are PrusaSlicer and CuraEngine (both AGPL-3.0), run as separate programs and never linked. The model
//! and the settings are written into a working folder the caller gives and removes, and the G-code is read from there.
//! Environment: no display, the C locale, an own settings folder, so that neither the desktop nor the user's presets
//! have a say.

use crate::cura;
use crate::error::PrintError;
use crate::fit::Placement;
use crate::profile::{Profile, Source};
use crate::prusa;
use osteon_core::{Ctx, Finding, Severity, Solid};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How often the running program is looked after; a stop takes at most this long.
const POLL: Duration = Duration::from_millis(20);

/// How many of the program's last lines are kept for an error.
const KEPT: usize = 12;

/// A slicing program this suite can drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// PrusaSlicer 2.5 or later.
    #[default]
    Prusa,
    /// CuraEngine 4.13 or later 4.x, with the definitions of Cura.
    Cura,
}

impl Program {
    /// The names the program goes by: Linux packages, macOS bundle, Windows console.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Program::Prusa => &["prusa-slicer", "PrusaSlicer", "prusa-slicer-console"],
            Program::Cura => &["CuraEngine", "curaengine"],
        }
    }

    /// What makes it tell its version.
    const fn greeting(self) -> &'static str {
        match self {
            Program::Prusa => "--help",
            Program::Cura => "help",
        }
    }

    /// The version among what it tells, with its name; `None` if it is another program.
    fn version(self, told: &str) -> Option<String> {
        match self {
            Program::Prusa => told
                .lines()
                .find_map(|line| line.split_whitespace().find(|word| word.contains("Slicer-")))
                .map(str::to_owned),
            Program::Cura => told
                .lines()
                .find_map(|line| line.strip_prefix("Cura_SteamEngine version "))
                .map(|version| format!("CuraEngine-{}", version.trim())),
        }
    }
}

/// A slicing program that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    program: Program,
    path: PathBuf,
    version: String,
    /// Where CuraEngine finds definitions; empty for others.
    definitions: Vec<PathBuf>,
}

impl Engine {
    /// Finds the program: the one given, or else the first of its usual names on the search path.
    ///
    /// CuraEngine needs the definitions of Cura too: they are looked for in `folders` (each a `resources` folder or
    /// one of definitions), then where Cura is usually installed.
    ///
    /// # Errors
    /// `slicer-not-installed` when none can be started, `cura-definitions-missing`.
    pub fn find(program: Program, given: Option<&Path>, folders: &[PathBuf]) -> Result<Self, PrintError> {
        let names: Vec<PathBuf> = match given {
            Some(path) => vec![path.to_owned()],
            None => program.names().iter().map(PathBuf::from).collect(),
        };
        for path in &names {
            let Ok(answer) = quiet(path).arg(program.greeting()).output() else { continue };
            let told = [answer.stdout, answer.stderr].concat();
            let Some(version) = program.version(&String::from_utf8_lossy(&told)) else { continue };
            let definitions = match program {
                Program::Prusa => Vec::new(),
                Program::Cura => cura::definitions(folders)?,
            };
            return Ok(Self { program, path: path.clone(), version, definitions });
        }
        Err(PrintError::SlicerNotInstalled {
            program,
            tried: names.iter().map(|name| name.display().to_string()).collect(),
        })
    }

    /// Which program it is.
    pub const fn program(&self) -> Program {
        self.program
    }

    /// The program's name or path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name and version as the program tells them, like `PrusaSlicer-2.5.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The settings the program is given, word for word, for a model `height` mm high.
    ///
    /// # Errors
    /// `printer-profile` for settings out of range, `other-engine` for a profile of the other program.
    pub fn settings(
        &self,
        profile: &Profile,
        placement: &Placement,
        height: f64,
    ) -> Result<String, PrintError> {
        profile.printer.check()?;
        profile.process.check(&profile.printer)?;
        match (self.program, &profile.source) {
            (Program::Prusa, Source::Own) => Ok(prusa::config(&profile.printer, &profile.process)),
            (Program::Prusa, Source::Prusa(settings)) => Ok(prusa::flat(&profile.printer.title, settings)),
            (Program::Cura, Source::Own | Source::Cura) => {
                cura::definition(&profile.printer, &profile.process, placement.middle, height)
            }
            (program, _) => Err(PrintError::OtherEngine { profile: profile.printer.title.clone(), program }),
        }
    }
}

/// What is to be sliced.
#[derive(Clone, Copy, Debug)]
pub struct Slicing<'a> {
    /// The model, in the patient frame.
    pub solid: &'a Solid,
    /// An existing folder for model, settings and G-code, used for this run only.
    pub folder: &'a Path,
    /// The printer and its settings.
    pub profile: &'a Profile,
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
    /// The settings the program was given.
    pub settings: String,
    /// The time the program says the print takes beside the G-code, s.
    pub seconds: Option<f64>,
    /// What the program warned about.
    pub findings: Vec<Finding>,
}

/// Slices a solid into G-code.
///
/// Writes the model, the settings and `osteon.gcode` into the folder and leaves them there. Polls the program every
/// 20 ms; when stopped, the program is killed and waited for.
///
/// # Errors
/// `slicer-not-installed`, `slicer-failed` with the program's last lines, `slicer-too-slow`,
/// `printer-profile` for settings out of range, `other-engine`, `slicing-file`, `cancelled`.
pub fn slice(engine: &Engine, slicing: &Slicing, ctx: &Ctx) -> Result<Sliced, PrintError> {
    let mesh = slicing.solid.mesh();
    let top = slicing.placement.on_bed(mesh).bounds().max.vec().z;
    let settings = engine.settings(slicing.profile, slicing.placement, top)?;
    ctx.done(0.0)?;
    // The program is started in the folder, so relative paths must be made absolute first.
    let folder = attempt("find", slicing.folder, std::path::absolute(slicing.folder))?;
    let (model, output) = (folder.join("model.stl"), folder.join("osteon.gcode"));
    write(&model, &slicing.placement.stl(mesh))?;
    if output.exists() {
        attempt("remove", &output, std::fs::remove_file(&output))?;
    }
    let mut command = quiet(&engine.path);
    match engine.program {
        Program::Prusa => {
            let config = folder.join("osteon.ini");
            write(&config, settings.as_bytes())?;
            command.args(prusa::arguments(&model, &config, &output, slicing.placement.middle));
            command.arg("--datadir").arg(&folder);
        }
        Program::Cura => {
            write(&folder.join(cura::DEFINITION), settings.as_bytes())?;
            let search = [std::slice::from_ref(&folder), engine.definitions.as_slice()].concat();
            command.args(cura::arguments(
                &slicing.profile.printer,
                &model,
                &folder.join(cura::DEFINITION),
                &output,
            ));
            command.env("CURA_ENGINE_SEARCH_PATH", cura::search_path(&search));
        }
    }
    let (gcode, heard) = run(command, &folder, &output, engine, slicing.limit, ctx)?;
    let findings = heard.warnings().map(|line| {
        Finding::new("slicer-warning", Severity::Caution, format!("the slicing program says: {line}"))
            .remedy("look at the layers in a viewer before printing")
    });
    Ok(Sliced { gcode, findings: findings.collect(), seconds: heard.seconds, settings })
}

/// Runs the program and reads what it wrote.
fn run(
    mut command: Command,
    folder: &Path,
    output: &Path,
    engine: &Engine,
    limit: Duration,
    ctx: &Ctx,
) -> Result<(Vec<u8>, Heard), PrintError> {
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => PrintError::SlicerNotInstalled {
            program: engine.program,
            tried: vec![engine.path.display().to_string()],
        },
        _ => PrintError::File { doing: "start", path: engine.path.display().to_string(), source },
    })?;
    let (status, heard) = watch(Running(child), limit, engine, ctx)?;
    let failed = |outcome: String| PrintError::SlicerFailed {
        program: engine.path.display().to_string(),
        outcome,
        text: heard.last_words(),
    };
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    let gcode = match std::fs::read(output) {
        Ok(bytes) if !bytes.is_empty() => bytes,
        Ok(_) => return Err(failed("ended without an error but wrote empty G-code".to_owned())),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Err(failed("ended without an error but wrote no G-code".to_owned()));
        }
        Err(e) => return attempt("read", output, Err(e)),
    };
    ctx.done(1.0)?;
    Ok((gcode, heard))
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
struct Heard {
    program: Program,
    progress: f64,
    seconds: Option<f64>,
    output: VecDeque<String>,
    errors: VecDeque<String>,
}

enum Said {
    Output(String),
    Error(String),
}

impl Heard {
    const fn new(program: Program) -> Self {
        Self { program, progress: 0.0, seconds: None, output: VecDeque::new(), errors: VecDeque::new() }
    }

    /// Cura's engine tells everything on the error output: progress, its results, and its warnings by a word.
    fn take_log(&mut self, line: &str) {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("Progress:") {
            // "Progress:export:87:98 \t0.938612%": a share, whatever the sign says.
            let share = rest.trim_end_matches('%').split_whitespace().last();
            if let Some(share) = share.and_then(|share| share.parse::<f64>().ok())
                && (0.0..=1.0).contains(&share)
            {
                self.progress = self.progress.max(share);
            }
        } else if let Some(seconds) = line.strip_prefix("Print time (s): ") {
            self.seconds = seconds.parse().ok().filter(|s: &f64| s.is_finite() && *s > 0.0);
        } else if line.starts_with("[ERROR]")
            || (line.starts_with("[WARNING]") && !cura::USUAL.iter().any(|usual| line.contains(usual)))
        {
            self.keep(line);
        }
    }

    fn keep(&mut self, line: &str) {
        if self.errors.len() == KEPT {
            self.errors.pop_front();
        }
        self.errors.push_back(line.chars().take(300).collect());
    }

    /// What it warned about.
    fn warnings(&self) -> impl Iterator<Item = &String> {
        self.errors.iter()
    }

    fn take(&mut self, said: Said) {
        if self.program == Program::Cura {
            return match said {
                Said::Output(line) | Said::Error(line) => self.take_log(&line),
            };
        }
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
    let mut heard = Heard::new(engine.program);
    let mut waited = Duration::ZERO;
    let status = loop {
        lines.try_iter().for_each(|said| heard.take(said));
        ctx.done(heard.progress)?;
        if let Some(status) = attempt("wait for", &engine.path, running.0.try_wait())? {
            break status;
        }
        if waited > limit {
            return Err(PrintError::SlicerTooSlow {
                program: engine.path.display().to_string(),
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
    reason = "the program takes model and settings from files in the given folder"
)]
fn write(path: &Path, bytes: &[u8]) -> Result<(), PrintError> {
    attempt("write", path, std::fs::write(path, bytes))
}

fn attempt<T>(doing: &'static str, path: &Path, result: std::io::Result<T>) -> Result<T, PrintError> {
    result.map_err(|source| PrintError::File { doing, path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests;
