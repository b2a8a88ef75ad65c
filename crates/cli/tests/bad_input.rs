//! Bad input ends with a code, a cause and a remedy, and leaves everything as it was.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;

use common::{copied_case, copy, demo, failed, files, json, model, osteon, refused, skipped};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A file for a test.
fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_folder_that_is_no_scan_is_refused_with_its_reason_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::create_dir(at("texts")).unwrap();
    write(&at("texts/notes.txt"), b"hello");
    write(&at("texts/zeros.dcm"), &[0; 500]);
    let slice = demo().scan.join("CT000001.dcm");
    let out = at("case");
    let cases = [
        (at("missing"), "no-folder", "does not exist"),
        (at("texts/notes.txt"), "no-volume", "1 files: not a DICOM file"),
        (slice, "no-volume", "a single slice"),
        (at("empty"), "no-volume", "0 images and 0 other"),
        (at("texts"), "no-volume", "2 files: not a DICOM file"),
    ];
    for (folder, code, cause) in cases {
        let mut words = model(&out);
        words[1] = folder.as_os_str();
        let failure = refused(&words, code, 3);
        assert!(failure["message"].as_str().unwrap().contains(cause), "{failure}");
        assert!(!out.exists());
    }
}

#[test]
fn a_folder_in_use_does_not_become_a_case() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("letter.txt");
    write(&file, b"dear colleague");
    let before = files(dir.path());
    refused(&model(dir.path()), "folder-not-empty", 2);
    refused(&model(&file), "folder-not-empty", 2);
    refused(&model(&file.join("below")), "not-writable", 6);
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_case_among_the_originals_is_refused() {
    let inside = demo().scan.join("case");
    refused(&model(&inside), "case-in-source", 2);
    refused(&model(&demo().scan), "case-in-source", 2);
    assert!(!inside.exists());
}

#[test]
fn a_case_id_that_could_do_harm_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("case");
    let long = "a".repeat(65);
    for id in ["../x", "..", ".", "-x", "<script>", "a b", "ü", "a\nb", "a/b", &long] {
        let flag = format!("--case-id={id}");
        let mut words = model(&out);
        words.push(flag.as_ref());
        refused(&words, "bad-entry", 2);
        assert!(!out.exists(), "{id}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("case");
    let cases = [
        ("--threads=0", "usage", 2),
        ("--threads=99999", "usage", 2),
        ("--largest=0", "out-of-range", 2),
        ("--largest=-1", "out-of-range", 2),
        ("--largest=1.5", "usage", 2),
        ("--largest=99999999999", "out-of-range", 2),
        ("--threshold=-200000", "out-of-range", 2),
        ("--threshold=99999", "out-of-range", 2),
        ("--threshold=nan", "usage", 2),
        ("--threshold=1e400", "usage", 2),
        ("--structure=banana", "bad-settings", 2),
        ("--structure=../x", "bad-settings", 2),
        ("--side=up", "usage", 2),
        ("--series=7", "no-such-series", 2),
        ("--case-id=", "usage", 2),
        ("--nonsense", "usage", 2),
    ];
    for (flag, code, exit) in cases {
        let mut words = model(&out);
        words.push(flag.as_ref());
        let failure = refused(&words, code, exit);
        assert!(!out.exists(), "{flag}: {failure}");
    }
}

#[test]
fn a_negative_number_after_a_space_is_a_value() {
    let dir = tempfile::tempdir().unwrap();
    for (flag, value) in [("--largest", "-1"), ("--threshold", "-200000")] {
        let mut words = model(dir.path());
        words.extend([OsStr::new(flag), OsStr::new(value)]);
        refused(&words, "out-of-range", 2);
    }
}

#[test]
fn two_series_in_a_folder_need_a_choice() {
    let dir = tempfile::tempdir().unwrap();
    let (both, out) = (dir.path().join("both"), dir.path().join("case"));
    copy(&demo().scan, &both);
    let source: serde_json::Value =
        serde_json::from_slice(&std::fs::read(demo().case.join("images/ct.source.json")).unwrap()).unwrap();
    let uid = source["series"].as_str().unwrap();
    // The same slices again under another series UID of the same length.
    let last = if uid.ends_with('7') { "8" } else { "7" };
    let other = format!("{}{last}", &uid[..uid.len() - 1]);
    for (path, mut bytes) in files(&demo().scan) {
        while let Some(at) = bytes.windows(uid.len()).position(|w| w == uid.as_bytes()) {
            bytes[at..at + uid.len()].copy_from_slice(other.as_bytes());
        }
        let name = format!("second-{}", path.file_name().unwrap().to_string_lossy());
        write(&both.join(name), &bytes);
    }
    let mut words = model(&out);
    words[1] = both.as_os_str();
    let failure = refused(&words, "several-series", 2);
    assert!(failure["help"].as_str().unwrap().contains("--series"), "{failure}");
    assert!(!out.exists());
    let words = [
        OsStr::new("import"),
        both.as_ref(),
        "--case".as_ref(),
        out.as_ref(),
        "--series".as_ref(),
        other.as_ref(),
    ];
    assert_eq!(json(words).code, 0);
}

#[test]
fn a_folder_that_holds_no_case_is_named_as_that_by_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let commands = [
        "status", "history", "verify", "undo", "redo", "recover", "replay", "segment", "make", "check",
        "export", "print", "report",
    ];
    for command in commands {
        let words = |case: &Path| [command.to_owned(), "--case".into(), case.display().to_string()];
        refused(&words(&missing), "no-folder", 3);
        refused(&words(dir.path()), "not-a-case", 2);
    }
    assert_eq!(files(dir.path()).len(), 0);
}

#[test]
fn a_step_out_of_order_names_the_command_that_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    let at = [OsStr::new("--case"), case.as_ref()];
    let import = [OsStr::new("import"), demo().scan.as_ref(), at[0], at[1]];
    assert_eq!(osteon(import).code, 0);
    for (command, first) in
        [("make", "osteon propose"), ("check", "osteon propose"), ("export", "osteon propose")]
    {
        let failure = refused(&[OsStr::new(command), at[0], at[1]], "no-artefact", 3);
        assert!(failure["help"].as_str().unwrap().contains(first), "{failure}");
    }
}

#[test]
fn without_a_slicer_everything_but_the_g_code_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    let mut words = model(&case);
    words.truncate(4);
    words.extend([OsStr::new("--slicer"), OsStr::new("/nonexistent")]);
    let failure = failed(&json(&words), "slicer-not-installed");
    assert_eq!(failure["exit"], 3);
    assert!(failure["help"].as_str().unwrap().contains("prusa-slicer"), "{failure}");
    for file in ["report-engineer.html", "report-theatre.pdf", "products/bone.stl", "products/bone.3mf"] {
        assert!(case.join(file).exists(), "{file}");
    }
    common::sound(&case);
    let said: common::Said = Command::new(common::program())
        .args(["print", "--json", "--case"])
        .arg(&case)
        .env("PATH", "/nonexistent")
        .output()
        .unwrap()
        .into();
    failed(&said, "slicer-not-installed");
}

#[test]
fn a_model_larger_than_the_bed_is_refused_with_a_way_out() {
    let (dir, case) = copied_case();
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/printers/generic-180.toml");
    let small = std::fs::read_to_string(usual).unwrap();
    let small = small.replace("size = [180.0, 180.0]", "size = [50.0, 50.0]");
    let profile = dir.path().join("small.toml");
    write(&profile, small.as_bytes());
    let before = files(&case);
    let words =
        [OsStr::new("print"), "--case".as_ref(), case.as_ref(), "--printer".as_ref(), profile.as_ref()];
    refused(&words, "larger-than-bed", 4);
    assert_eq!(files(&case), before);
}

#[test]
fn printers_that_are_not_there_are_refused() {
    let case = demo().case.as_os_str();
    for (printer, code) in [("nope", "unknown-printer"), ("/nope.toml", "file-missing")] {
        let words = [OsStr::new("print"), "--case".as_ref(), case, "--printer".as_ref(), printer.as_ref()];
        refused(&words, code, 3);
    }
}

#[test]
fn names_with_spaces_quotes_and_line_breaks_are_names_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("we ird \"ü\n'$(x)");
    let (scan, case) = (odd.join("scan"), odd.join("case"));
    std::fs::create_dir(&odd).unwrap();
    copy(&demo().scan, &scan);
    let mut words = model(&case);
    words[1] = scan.as_os_str();
    assert_eq!(json(&words).code, 0);
    common::sound(&case);
    assert_eq!(json([OsStr::new("replay"), "--case".as_ref(), case.as_ref()]).code, 0);
}

#[cfg(unix)]
mod rights {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Runs the program as somebody without rights; `None` where that cannot be arranged.
    fn as_nobody(words: &[&OsStr]) -> Option<common::Said> {
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mut command = if root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            command.arg(common::program());
            command
        } else {
            Command::new(common::program())
        };
        let able = Command::new(command.get_program()).args(command.get_args()).arg("--version").output();
        if !able.is_ok_and(|able| able.status.success()) {
            skipped("no user without rights can run the program here");
            return None;
        }
        Some(command.args(words).arg("--json").output().unwrap().into())
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_that_must_not_be_written_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        mode(dir.path(), 0o555);
        let Some(said) = as_nobody(&model(&dir.path().join("case"))) else {
            return;
        };
        mode(dir.path(), 0o755);
        assert_eq!(said.code, 6);
        failed(&said, "not-writable");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_slice_that_must_not_be_read_is_not_left_out_silently() {
        let dir = tempfile::tempdir().unwrap();
        mode(dir.path(), 0o755);
        let (scan, out) = (dir.path().join("scan"), dir.path().join("case"));
        copy(&demo().scan, &scan);
        mode(&scan.join("CT000006.dcm"), 0);
        let mut words = model(&out);
        words[1] = scan.as_os_str();
        let Some(said) = as_nobody(&words) else { return };
        assert_eq!(said.code, 6, "{said:?}");
        let failure = failed(&said, "dicom-io");
        assert!(failure["message"].as_str().unwrap().contains("CT000006.dcm"));
    }
}
