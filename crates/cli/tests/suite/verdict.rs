//! Runs the program on one folder and says what is wrong with what it did.

use crate::series::{Folder, NAME, Truth};
use crate::volume::Volume;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What must come of a folder.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// Converted rightly; no finding stronger than a note but these.
    Legal(&'static [&'static str]),
    /// Converted rightly, with one of these findings.
    Warn(&'static [&'static str]),
    /// Nothing but what stands beside it is converted, and the refusal explains itself.
    Refuse,
    /// Refused, or converted rightly with one of these findings (with any or none if the list is empty).
    WarnOrRefuse(&'static [&'static str]),
    /// Nothing comes out and the exit code says so; usage errors.
    Usage,
}

/// A folder and what must come of it.
pub struct Case {
    pub name: String,
    pub class: &'static str,
    pub verdict: Verdict,
    pub make: Box<dyn Fn() -> Folder + Send + Sync>,
}

/// What the suite allows a run to cost.
const SECONDS: f64 = 5.0;
const MEGABYTES: u64 = 512;
/// After this many looks, 10 ms apart, a run has hung: four times what is allowed, for machines that are busy.
const LOOKS: u32 = 2000;

/// What a run did.
struct Run {
    exit: Option<i32>,
    err: String,
    out: String,
    seconds: f64,
    megabytes: u64,
    hung: bool,
}

/// Checks one case; the list of everything that is wrong, empty if nothing is.
pub fn check(case: &Case) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let folder = (case.make)();
    lay(dir.path(), &folder);
    let run = run(dir.path(), &folder);
    let mut faults = Vec::new();
    if run.hung {
        faults.push("hung".to_owned());
        return faults;
    }
    cost(&run, &mut faults);
    match run.exit {
        None => faults.push(format!("ended by a signal: {}", tail(&run.err))),
        Some(0..=6) => {}
        Some(code) => faults.push(format!("exit {code}: {}", tail(&run.err))),
    }
    said(&run, &folder, &mut faults);
    if !faults.is_empty() && run.exit.is_none_or(|code| code > 6) {
        return faults;
    }
    left(dir.path(), &folder, &mut faults);
    let out = dir.path().join("out");
    if matches!(case.verdict, Verdict::Usage) {
        if !matches!(run.exit, Some(2..=6)) || volumes_in(&out) > 0 {
            faults.push(format!("exit {:?} with {} volumes", run.exit, volumes_in(&out)));
        }
        return faults;
    }
    match std::fs::read(out.join("findings.json")).map(|b| serde_json::from_slice::<Value>(&b)) {
        Ok(Ok(report)) => judge(case.verdict, &folder, &out, &report, &run, &mut faults),
        Ok(Err(e)) => faults.push(format!("findings.json is not JSON: {e}")),
        Err(_) => faults.push(format!("no findings.json; exit {:?}: {}", run.exit, tail(&run.err))),
    }
    faults
}

/// Writes the folder.
pub fn lay(dir: &Path, folder: &Folder) {
    let root = dir.join("in");
    std::fs::create_dir(&root).unwrap();
    for (name, bytes) in &folder.files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    #[cfg(unix)]
    for (name, target) in &folder.links {
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    }
    for name in &folder.pipes {
        let made = Command::new("mkfifo").arg(root.join(name)).status();
        assert!(made.is_ok_and(|status| status.success()) || cfg!(windows));
    }
}

fn run(dir: &Path, folder: &Folder) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osteon"));
    command.arg("convert").arg(dir.join("in").join(&folder.input)).arg("--out").arg(dir.join("out"));
    command.args(&folder.words).args(["--threads", "1"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).current_dir(dir);
    let mut child = command.spawn().unwrap();
    let [out, err] = [drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap())];
    let (mut seconds, mut kilobytes, mut hung) = (0.0, 0, false);
    // The pipes close when the program ends; until then, look at it now and then.
    let err = 'watch: {
        for _ in 0..LOOKS {
            if let Ok(err) = err.recv_timeout(Duration::from_millis(10)) {
                break 'watch err;
            }
            look(&child, &mut seconds, &mut kilobytes);
        }
        hung = true;
        child.kill().unwrap();
        String::new()
    };
    let exit = child.wait().unwrap().code();
    let out = out.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
    Run { exit, err, out, seconds, megabytes: kilobytes / 1024, hung }
}

/// Everything a pipe gives, once it closes.
fn drain(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Processor seconds and largest memory so far, where the system says them.
fn look(child: &Child, seconds: &mut f64, kilobytes: &mut u64) {
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    if let Ok(status) = std::fs::read_to_string(proc.join("status")) {
        let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0");
        let now = most.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
        *kilobytes = now.max(*kilobytes);
    }
    if let Ok(stat) = std::fs::read_to_string(proc.join("stat")) {
        // User and system time are the 12th and 13th fields after the name, in hundredths of a second.
        let after = stat.rsplit(')').next().unwrap_or("");
        let ticks: f64 =
            after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
        *seconds = (ticks / 100.0).max(*seconds);
    }
}

fn cost(run: &Run, faults: &mut Vec<String>) {
    if run.seconds > SECONDS {
        faults.push(format!("took {:.1} s of processor time", run.seconds));
    }
    if run.megabytes > MEGABYTES {
        faults.push(format!("took {} MB of memory", run.megabytes));
    }
}

/// What it said must be fit to be shown, and name nobody.
fn said(run: &Run, folder: &Folder, faults: &mut Vec<String>) {
    if run.err.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        faults.push(format!("control characters on stderr: {:?}", tail(&run.err)));
    }
    for word in &folder.hostile {
        if run.err.contains(word.as_str()) {
            faults.push(format!("{word:?} reached stderr"));
        }
    }
    let name = NAME.split('^').next().unwrap();
    if [&run.err, &run.out].iter().any(|text| text.contains(name)) {
        faults.push("the patient's name was said".to_owned());
    }
    if run.err.contains("panicked") {
        faults.push(format!("panic: {}", tail(&run.err)));
    }
}

/// Nothing may lie anywhere but in the output folder, and there only what is promised.
fn left(dir: &Path, folder: &Folder, faults: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "in" && name != "out" {
            faults.push(format!("left {name:?} beside the folders"));
        }
    }
    for (name, bytes) in &folder.files {
        if std::fs::read(dir.join("in").join(name)).ok().as_ref() != Some(bytes) {
            faults.push(format!("changed {name}"));
        }
    }
    let Ok(out) = std::fs::read_dir(dir.join("out")) else { return };
    for entry in out {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let number = name.split('.').next().unwrap_or("");
        let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let ending = &name[number.len()..];
        if name != "findings.json" && !(numbered && matches!(ending, ".nrrd" | ".not-measured.nrrd")) {
            faults.push(format!("wrote {name:?}"));
        }
    }
}

fn volumes_in(out: &Path) -> usize {
    std::fs::read_dir(out).map_or(0, |dir| {
        dir.filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "nrrd"))).count()
    })
}

fn judge(verdict: Verdict, folder: &Folder, out: &Path, report: &Value, run: &Run, faults: &mut Vec<String>) {
    if !run.out.is_empty() {
        faults.push(format!("{} bytes on stdout", run.out.len()));
    }
    let entries: Vec<&Value> = report["volumes"].as_array().into_iter().flatten().collect();
    let refused: Vec<&Value> = report["refused"].as_array().into_iter().flatten().collect();
    let refused_all = entries.len() == folder.beside.len();
    match verdict {
        Verdict::Refuse => {
            if !refused_all {
                faults.push(format!("{} volumes written", entries.len()));
            }
            match_volumes(&folder.beside, &entries, out, faults);
            refusals(&refused, folder, report, run, faults);
        }
        Verdict::WarnOrRefuse(_) if refused_all => {
            match_volumes(&folder.beside, &entries, out, faults);
            refusals(&refused, folder, report, run, faults);
        }
        Verdict::Legal(_) | Verdict::Warn(_) | Verdict::WarnOrRefuse(_) | Verdict::Usage => {
            let mut best: Option<Vec<String>> = None;
            for truth in [&folder.truth, &folder.or] {
                if best.as_ref().is_none_or(|faults| !faults.is_empty() && !truth.is_empty()) {
                    let truth: Vec<Truth> = truth.iter().chain(&folder.beside).cloned().collect();
                    let mut faults = Vec::new();
                    match_volumes(&truth, &entries, out, &mut faults);
                    best = Some(faults);
                }
            }
            faults.extend(best.unwrap_or_default());
            if matches!(verdict, Verdict::Legal(_)) && (!refused.is_empty() || run.exit != Some(0)) {
                faults.push(format!("exit {:?}, refused {}", run.exit, brief(&refused)));
            }
            findings(verdict, report, &entries, run, faults);
        }
    }
    consistent(report, &entries, &refused, run, faults);
}

/// Every truth has its volume, and every volume its truth.
fn match_volumes(truth: &[Truth], entries: &[&Value], out: &Path, faults: &mut Vec<String>) {
    if truth.len() != entries.len() {
        faults.push(format!("{} volumes instead of {}", entries.len(), truth.len()));
    }
    let mut volumes: Vec<Result<Volume, String>> = entries.iter().map(|e| Volume::read(out, e)).collect();
    // Those that say a unit choose first.
    let (with, without): (Vec<&Truth>, Vec<&Truth>) = truth.iter().partition(|t| t.unit.is_some());
    for (number, truth) in with.into_iter().chain(without).enumerate() {
        let mut reasons = Vec::new();
        let found = volumes.iter().position(|volume| match volume {
            Ok(volume) => volume.check(truth).map_err(|reason| reasons.push(reason)).is_ok(),
            Err(reason) => {
                reasons.push(reason.clone());
                false
            }
        });
        match found {
            Some(at) => drop(volumes.remove(at)),
            None => faults.push(format!(
                "volume {} of the truth is not there: {}",
                number + 1,
                reasons.join("; ")
            )),
        }
    }
}

/// A refusal says what, where and what to do.
fn refusals(refused: &[&Value], folder: &Folder, report: &Value, run: &Run, faults: &mut Vec<String>) {
    if !matches!(run.exit, Some(2..=6)) {
        faults.push(format!("exit {:?} after a refusal", run.exit));
    }
    if refused.is_empty() {
        faults.push(format!("nothing under \"refused\": {}", tail(&run.err)));
    }
    let skipped = report["skipped"].as_array().is_some_and(|s| !s.is_empty());
    for entry in refused {
        let text = |key: &str| entry[key].as_str().unwrap_or("").to_owned();
        let (code, message, help) = (text("code"), text("message"), text("help"));
        let kebab = !code.is_empty()
            && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !kebab || help.len() < 15 || message.len() < 10 {
            faults.push(format!("a refusal without code, message or help: {entry}"));
        }
        let names = |name: &str| {
            let short = name.rsplit('/').next().unwrap_or(name);
            message.contains(short)
        };
        let file = folder.files.iter().any(|(name, _)| names(name)) || entry["file"].is_string();
        let tag = has_tag(&message) || entry["tag"].is_string();
        // A folder without any image has no file to name but those that were skipped, each with its reason.
        let nothing = folder.files.is_empty() || (skipped && code == "no-volume");
        if !(file || tag || nothing) {
            faults.push(format!("a refusal that names neither file nor tag: {code}: {message}"));
        }
    }
}

fn has_tag(text: &str) -> bool {
    let hex = |s: &[u8]| s.iter().all(u8::is_ascii_hexdigit);
    text.as_bytes()
        .windows(11)
        .any(|w| w[0] == b'(' && hex(&w[1..5]) && w[5] == b',' && hex(&w[6..10]) && w[10] == b')')
}

/// Findings as (code, severity): the general ones and those of every volume.
fn all_findings(report: &Value, entries: &[&Value]) -> Vec<(String, String)> {
    let general = report["findings"].as_array().into_iter().flatten();
    let own = entries.iter().flat_map(|e| e["findings"].as_array().into_iter().flatten());
    let text = |f: &Value, key: &str| f[key].as_str().unwrap_or("").to_owned();
    general.chain(own).map(|f| (text(f, "code"), text(f, "severity"))).collect()
}

/// Findings that the small body of the suite may earn anywhere: it is cut in every picture and small.
const COMMON: [&str; 3] = ["field-of-view-cut", "thick-slices", "metal"];

fn findings(verdict: Verdict, report: &Value, entries: &[&Value], run: &Run, faults: &mut Vec<String>) {
    let found = all_findings(report, entries);
    match verdict {
        Verdict::Legal(may) => {
            for (code, severity) in &found {
                if severity != "note" && !may.contains(&code.as_str()) && !COMMON.contains(&code.as_str()) {
                    faults.push(format!("false alarm: {severity} {code}"));
                }
            }
        }
        Verdict::Warn(codes) | Verdict::WarnOrRefuse(codes) => {
            let warned = found.iter().any(|(code, _)| codes.contains(&code.as_str()));
            if !warned && !codes.is_empty() {
                faults.push(format!("no finding of {codes:?}; found {found:?}; exit {:?}", run.exit));
            }
        }
        Verdict::Refuse | Verdict::Usage => {}
    }
}

/// Outcome, exit code and content must tell one story.
fn consistent(report: &Value, entries: &[&Value], refused: &[&Value], run: &Run, faults: &mut Vec<String>) {
    let danger = all_findings(report, entries).iter().any(|(_, severity)| severity == "danger");
    let outcome = report["outcome"].as_str().unwrap_or("");
    let wanted = match (danger, refused.is_empty()) {
        (true, _) => run.exit != Some(0),
        (false, true) => run.exit == Some(0) && outcome != "refused",
        (false, false) => run.exit != Some(0),
    };
    if !wanted || !["ok", "note", "caution", "danger", "refused"].contains(&outcome) {
        let stated = brief(refused);
        faults.push(format!("exit {:?}, outcome {outcome:?}, danger {danger}, refused {stated}", run.exit));
    }
    if !report["notice"].as_str().is_some_and(|n| n.contains("not a medical device")) {
        faults.push("no notice".to_owned());
    }
}

fn brief(refused: &[&Value]) -> String {
    let one = |r: &&Value| {
        format!("{}: {}", r["code"].as_str().unwrap_or("?"), r["message"].as_str().unwrap_or("?"))
    };
    refused.iter().map(one).collect::<Vec<_>>().join(" | ")
}

fn tail(text: &str) -> String {
    let mut text: String = text.trim().chars().take(300).collect();
    text.retain(|c| !c.is_control() || c == '\n');
    text
}
