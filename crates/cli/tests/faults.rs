//! Whatever happens to disk, journal or process, the case is the old one or the new one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;

use common::{copied_case, demo, failed, files, json, model, program, refused, skipped, sound};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

fn on(command: &str, case: &Path) -> common::Said {
    json([OsStr::new(command), "--case".as_ref(), case.as_ref()])
}

/// A file for a test.
fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_full_disk_is_told_nothing_half_written_stays_and_room_lets_the_work_go_on() {
    // A small disk in a namespace of its own, which ends with the shell.
    let script = r#"
        mount -t tmpfs -o size="$4" tmpfs "$3" || exit 77
        "$1" model "$2" --out "$3/case" --printer none --json; echo "exit $?" >&2
        "$1" verify "$3/case" --json >&2 || exit 78
        [ -z "$(ls "$3/case/tmp")" ] || exit 79
        mount -o remount,size=1g "$3" || exit 77
        "$1" model "$2" --out "$3/case" --printer none --quiet >&2 || exit 80
        "$1" verify "$3/case" --quiet >&2 || exit 81
    "#;
    let dir = tempfile::tempdir().unwrap();
    // Room for the beginnings of a case, for the image, and for some of the products.
    for room in ["128k", "5m", "9m"] {
        let mut shell = Command::new("unshare");
        shell.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        shell.args([program().as_ref(), demo().scan.as_os_str(), dir.path().as_os_str()]);
        let Ok(output) = shell.arg(room).output() else {
            return skipped("there is no unshare");
        };
        let said: common::Said = output.into();
        if said.code == 77 || said.err.starts_with("unshare") {
            return skipped("no small disk can be mounted here");
        }
        assert_eq!(said.code, 0, "{room}: {said:?}");
        assert!(said.err.contains("exit 6"), "{room}: {said:?}");
        assert_eq!(said.json()["error"], "disk-full", "{room}: {said:?}");
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_sound_case_and_the_next_run_finishes() {
    let dir = tempfile::tempdir().unwrap();
    // Each run is killed after one more file than the last, so that every stage has its turn.
    for moment in 0..14_usize {
        let case = dir.path().join(moment.to_string());
        let mut run = Command::new(program())
            .args(model(&case))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while run.try_wait().unwrap().is_none() && count(&case) <= 2 * moment {
            std::thread::yield_now();
        }
        run.kill().unwrap();
        run.wait().unwrap();
        if case.join("case.toml").exists() {
            let said = on("verify", &case);
            assert_eq!(said.code, 0, "after {moment}: {said:?}");
            let harmless = |code: &String| code == "change-unfinished" || code == "journal-torn";
            assert!(said.findings().iter().all(harmless), "after {moment}: {said:?}");
            if said.findings().iter().any(|code| code == "journal-torn") {
                assert_eq!(on("recover", &case).code, 0);
            }
        }
        if moment % 3 == 0 {
            let said = json(model(&case));
            assert_eq!(said.code, 0, "after {moment}: {said:?}");
            sound(&case);
        }
    }
}

/// How many names there are below a folder, right now.
fn count(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries.flatten().map(|entry| 1 + count(&entry.path())).sum()
}

#[test]
fn while_somebody_writes_others_may_read_and_must_not_write() {
    let (_dir, case) = copied_case();
    let before = files(&case);
    let lock = std::fs::OpenOptions::new().write(true).open(case.join("lock")).unwrap();
    lock.lock().unwrap();
    for command in ["undo", "make", "report", "recover"] {
        refused(&[OsStr::new(command), "--case".as_ref(), case.as_ref()], "case-locked", 6);
    }
    for command in ["status", "history", "verify"] {
        assert_eq!(on(command, &case).code, 0);
    }
    drop(lock);
    assert_eq!(files(&case), before);
    assert_eq!(on("undo", &case).code, 0);
}

#[test]
fn of_two_who_start_the_same_case_one_finishes_and_the_other_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    let start = || {
        let mut run = Command::new(program());
        run.args(model(&case)).arg("--json").stdout(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|run| common::Said::from(run.wait_with_output().unwrap()));
    assert!(both.iter().any(|said| said.code == 0), "{both:?}");
    for said in both.iter().filter(|said| said.code != 0) {
        let code = said.json()["error"].as_str().unwrap().to_owned();
        // Who comes between two steps of the other one finds its inputs changed.
        assert!(["case-locked", "folder-not-empty", "input-changed"].contains(&code.as_str()), "{said:?}");
        failed(said, &code);
    }
    sound(&case);
}

type Damage = fn(&Path, &[&[u8]]) -> Vec<u8>;

#[test]
fn a_journal_that_was_cut_altered_or_lost_is_never_worked_on() {
    let damages: [(&str, Damage); 6] = [
        ("cut in the middle of the last line", |_, lines| {
            let whole = lines.concat();
            whole[..whole.len() - 50].to_vec()
        }),
        ("last line end cut", |_, lines| {
            let whole = lines.concat();
            whole[..whole.len() - 1].to_vec()
        }),
        ("a line altered", |_, lines| {
            String::from_utf8(lines.concat()).unwrap().replacen("segment", "segmenT", 1).into_bytes()
        }),
        ("a line removed", |_, lines| [&lines[..2], &lines[3..]].concat().concat()),
        ("the last line removed", |_, lines| lines[..lines.len() - 1].concat()),
        ("emptied", |_, _| Vec::new()),
    ];
    for (what, damage) in damages {
        let (_dir, case) = copied_case();
        let journal = case.join("journal.jsonl");
        let whole = std::fs::read(&journal).unwrap();
        let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
        write(&journal, &damage(&case, &lines));
        let before = files(&case);
        for command in ["status", "make", "undo", "recover"] {
            let said = on(command, &case);
            assert_eq!(said.code, 6, "{what}: {said:?}");
            failed(&said, "journal-broken");
        }
        let said = on("verify", &case);
        assert_eq!((said.code, said.findings()), (1, vec!["journal-broken".to_owned()]), "{what}");
        assert_eq!(files(&case), before, "{what}");
    }
}

#[test]
fn a_line_torn_by_a_crash_is_told_and_recovered() {
    let (_dir, case) = copied_case();
    let journal = case.join("journal.jsonl");
    let mut torn = std::fs::read(&journal).unwrap();
    torn.extend(b"{\"n\":9,\"at\":\"2026");
    write(&journal, &torn);
    assert_eq!(on("status", &case).findings(), ["journal-torn"]);
    let failure = failed(&on("undo", &case), "journal-torn");
    assert!(failure["help"].as_str().unwrap().contains("osteon recover"));
    assert_eq!(on("recover", &case).code, 0);
    sound(&case);
    assert_eq!(on("undo", &case).code, 0);
}

#[test]
fn a_lost_head_is_told_and_recovered() {
    let (_dir, case) = copied_case();
    std::fs::remove_file(case.join("journal.head")).unwrap();
    let failure = failed(&on("make", &case), "journal-broken");
    assert!(failure["help"].as_str().unwrap().contains("osteon recover"));
    assert_eq!(on("recover", &case).code, 0);
    sound(&case);
}

#[test]
fn a_product_changed_outside_is_found_and_not_overwritten() {
    let (_dir, case) = copied_case();
    let product = case.join("products/vertebra-L3.json");
    std::fs::remove_file(&product).unwrap();
    let said = on("verify", &case);
    assert_eq!((said.code, said.findings()), (0, vec!["artefact-missing".to_owned()]));
    write(&product, b"mine");
    let said = on("verify", &case);
    assert_eq!((said.code, said.findings()), (1, vec!["changed-outside".to_owned()]));
    failed(&on("make", &case), "changed-outside");
    assert_eq!(std::fs::read(&product).unwrap(), b"mine");
    std::fs::remove_file(&product).unwrap();
    assert_eq!(on("make", &case).code, 0);
    sound(&case);
}

#[test]
fn the_originals_are_not_touched() {
    let before = files(&demo().scan);
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(json(model(&dir.path().join("case"))).code, 0);
    assert_eq!(files(&demo().scan), before);
}
