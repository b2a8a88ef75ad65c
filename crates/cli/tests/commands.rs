//! Every command answers people and programs, and ends with the exit code it promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;

use common::{copied_case, demo, files, json, model, osteon, program, sound};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

#[test]
fn every_command_answers_in_json_and_a_sound_case_stays_sound() {
    let (_dir, case) = copied_case();
    let words = |line: &str| -> Vec<String> {
        let words = line.split(' ').map(str::to_owned);
        words.chain(["--case".to_owned(), case.display().to_string()]).collect()
    };
    let lines = [
        "status",
        "history",
        "verify",
        "segment --structure vertebra-L3",
        "propose bone-model",
        "make",
        "check",
        "export",
        "report",
        "undo",
        "redo",
        "recover",
        "replay",
        "gc",
    ];
    for line in lines {
        let said = json(words(line));
        assert_eq!(said.code, 0, "{line}: {said:?}");
        let answer = said.json();
        assert!(answer["summary"].is_array() && answer["findings"].is_array(), "{line}: {said:?}");
        assert_eq!(said.err, "", "{line}");
        sound(&case);
    }
}

#[test]
fn an_old_case_is_migrated_into_a_copy_and_says_so_when_it_is_opened() {
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/../case/tests/format-0");
    let refused = json(["status", old]);
    assert_eq!((refused.code, refused.json()["error"].as_str()), (4, Some("case-too-old")), "{refused:?}");
    assert!(refused.json()["help"].as_str().unwrap().contains("osteon migrate"), "{refused:?}");
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("new").display().to_string();
    let said = json(["migrate", old, "--out", new.as_str()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(json(["verify", new.as_str()]).code, 0);
    // The description the copy was begun with is needed by no undo; after that there is nothing to give up.
    assert_eq!(json(["gc", new.as_str()]).json()["data"]["contents"], 1);
    assert_eq!(json(["gc", new.as_str()]).json()["data"]["contents"], 0);
}

#[test]
fn a_danger_found_ends_with_its_own_exit_code_and_the_result_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    let mut words = model(&case);
    // Everything is bone, air included: the surface then follows no edge of the image.
    words.push(OsStr::new("--threshold=-1024"));
    let said = json(&words);
    assert_eq!(said.code, 1, "{said:?}");
    let findings = said.json()["findings"].clone();
    let danger =
        |f: &serde_json::Value| f["severity"] == "danger" && !f["remedy"].as_str().unwrap().is_empty();
    assert!(findings.as_array().unwrap().iter().any(danger), "{said:?}");
    assert!(case.join("report-engineer.html").exists());
    sound(&case);
}

#[test]
fn what_is_noticed_twice_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    let mut words = model(&case);
    words.push(OsStr::new("--threshold=-1024"));
    let mut findings = json(&words).findings();
    let count = findings.len();
    findings.dedup();
    assert_eq!(findings.len(), count, "{findings:?}");
}

#[test]
fn a_run_into_its_own_case_again_makes_the_same_and_can_be_undone_to_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case");
    let products =
        |names: &[&str]| names.iter().map(|name| std::fs::read(case.join(name)).unwrap()).collect::<Vec<_>>();
    let names = ["images/ct.nrrd", "products/bone.ply", "products/bone.stl", "products/bone.3mf"];
    assert_eq!(json(model(&case)).code, 0);
    let once = products(&names);
    assert_eq!(json(model(&case)).code, 0);
    assert_eq!(products(&names), once);
    let at = [OsStr::new("--case"), case.as_ref()];
    let mut undone = Vec::new();
    let last = loop {
        let said = json([OsStr::new("undo"), at[0], at[1]]);
        if said.code != 0 {
            break said;
        }
        undone.push(said.json()["data"]["command"].as_str().unwrap().to_owned());
    };
    common::failed(&last, "nothing-to-undo");
    assert_eq!(last.code, 3);
    let steps = ["report", "export", "check", "make", "propose", "segment", "import"];
    assert_eq!(undone, [steps, steps].concat());
    assert!(!case.join("products/bone.stl").exists());
    sound(&case);
    for _ in &undone {
        assert_eq!(json([OsStr::new("redo"), at[0], at[1]]).code, 0);
    }
    assert_eq!(products(&names), once);
    sound(&case);
}

#[test]
fn a_structure_that_belongs_to_others_already_is_not_made_empty() {
    let (_dir, case) = copied_case();
    let before = files(&case);
    let words = [OsStr::new("segment"), "--case".as_ref(), case.as_ref()];
    common::refused(&words, "nothing-left", 5);
    assert_eq!(files(&case), before);
}

#[test]
fn a_wrong_word_is_answered_in_json_when_json_was_asked_for() {
    for words in [vec!["nonsense"], vec!["model"], vec!["status", "--nonsense"], vec![]] {
        let said = json(&words);
        assert_eq!(said.code, 2, "{said:?}");
        let failure = common::failed(&said, "usage");
        assert!(!failure["message"].as_str().unwrap().contains("Usage:"), "{failure}");
    }
}

#[test]
fn help_is_there_for_every_command_and_is_no_failure() {
    let all = osteon(["--help"]);
    assert_eq!(all.code, 0);
    let commands = all.out.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let said = osteon([command, "--help"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains("Usage: "), "{said:?}");
    }
}

#[test]
fn closed_streams_and_a_bare_environment_do_no_harm() {
    let case = demo().case.display();
    let shell = |line: String| {
        let output = Command::new("sh").arg("-c").arg(line).stderr(Stdio::piped()).output().unwrap();
        common::Said::from(output)
    };
    let program = program();
    for line in [
        format!("'{program}' status '{case}' | head -n 1"),
        format!("'{program}' status '{case}' --json | head -c 1"),
        format!("'{program}' --help | head -n 1"),
        format!("'{program}' status '{case}' >&-"),
        format!("'{program}' status '{case}' <&-"),
        format!("'{program}' verify '{case}' 2>&-"),
        format!("env -i '{program}' verify '{case}'"),
        format!("env -i HOME=/nonexistent '{program}' replay '{case}'"),
    ] {
        let said = shell(format!("{line} && echo fine >&2 2>/dev/null || exit 9"));
        assert_eq!(said.code, 0, "{line}: {said:?}");
        assert!(!said.err.contains("panicked"), "{line}: {said:?}");
    }
}
