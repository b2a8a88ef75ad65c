//! The program as its user meets it: run, and held to what it promises about its answers.
#![allow(dead_code, reason = "every test binary uses a part of it")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What a run of the program said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Exit code; −1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// The answer as JSON; there must be nothing else on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("not JSON ({e}): {self:?}"))
    }

    /// The codes of the findings.
    pub fn findings(&self) -> Vec<String> {
        let findings = self.json()["findings"].clone();
        let codes = findings.as_array().into_iter().flatten();
        codes.filter_map(|f| f["code"].as_str().map(str::to_owned)).collect()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The program.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_osteon")
}

/// Runs the program.
pub fn osteon<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Said {
    Command::new(program()).args(words).output().unwrap().into()
}

/// Runs the program and asks for JSON.
pub fn json<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Said {
    Command::new(program()).args(words).arg("--json").output().unwrap().into()
}

/// Holds a failure to its promises, as text and as JSON: code, cause, help, exit code, nothing else.
pub fn refused<S: AsRef<OsStr> + Clone>(words: &[S], code: &str, exit: i32) -> Value {
    let text = osteon(words);
    assert_eq!(text.code, exit, "{text:?}");
    assert!(text.err.contains("error: "), "{text:?}");
    let said = json(words);
    assert_eq!(said.code, exit, "{said:?}");
    failed(&said, code)
}

/// Holds the JSON of a failure to its promises.
pub fn failed(said: &Said, code: &str) -> Value {
    let failure = said.json();
    assert_eq!(failure["error"], code, "{said:?}");
    assert_eq!(failure["exit"], said.code, "{said:?}");
    for part in ["message", "help"] {
        let text = failure[part].as_str().unwrap();
        assert!(text.len() > 10, "{part} says too little: {said:?}");
    }
    failure
}

/// The demo's scan and case, made once for all tests of a binary.
pub struct Demo {
    /// Folder with the DICOM files.
    pub scan: PathBuf,
    /// The case.
    pub case: PathBuf,
}

/// Runs the demo once.
pub fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let name = std::env::current_exe().unwrap();
        let name = format!("demo-{}", name.file_stem().unwrap().to_string_lossy());
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).unwrap();
        }
        let said = osteon([
            OsStr::new("demo"),
            "--printer".as_ref(),
            "none".as_ref(),
            "--out".as_ref(),
            dir.as_ref(),
        ]);
        assert_eq!(said.code, 0, "{said:?}");
        Demo { scan: dir.join("scan"), case: dir.join("case") }
    })
}

/// A copy of the demo's case that a test may hurt.
pub fn copied_case() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    copy(&demo().case, &case);
    (dir, case)
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-R").args([from, to]).status().unwrap();
    assert!(done.success());
}

/// Every file below a folder with its content, without the lock.
pub fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name() != Some(OsStr::new("lock")) {
                let content = std::fs::read(&path).unwrap();
                found.insert(path, content);
            }
        }
    }
    found
}

/// `osteon model` of the demo's scan into a folder, without printing.
pub fn model(out: &Path) -> Vec<&OsStr> {
    let scan = demo().scan.as_os_str();
    let [model, out_flag, printer, none] = ["model", "--out", "--printer", "none"].map(OsStr::new);
    vec![model, scan, out_flag, out.as_os_str(), printer, none]
}

/// Nothing is wrong with the case, and nothing half done lies about.
pub fn sound(case: &Path) {
    let said = json([OsStr::new("verify"), case.as_os_str()]);
    assert_eq!((said.code, said.findings()), (0, Vec::new()), "{said:?}");
    assert_eq!(std::fs::read_dir(case.join("tmp")).unwrap().count(), 0);
}

/// One clear line about what a test could not do here.
pub fn skipped(why: &str) {
    println!("skipped: {why}");
}
