//! Changes, undo, status, replay.

use super::*;
use osteon_case::{CaseError, Currency, Difference, Sha256, compare};
use osteon_core::{Ctx, Finding, Severity};
use proptest::prelude::*;
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn a_change_is_there_after_its_commit_and_for_whoever_opens_the_case_next() {
    let (disk, mut case) = new_case();
    run(&mut case, "propose", &[("plan.json", Some("plan")), ("products/guide.stl", Some("guide"))]).unwrap();
    let expected = texts(&[("plan.json", "plan"), ("products/guide.stl", "guide")]);
    assert_eq!(recorded(&case), expected);
    assert_eq!(lying(&disk), expected);
    assert_eq!(temporary(&disk), 0);
    let reader = Case::open_on(Arc::new(disk.clone())).unwrap();
    assert_eq!(recorded(&reader), expected);
    assert_eq!(reader.state(), case.state());
    assert_eq!(reader.maker(&path("plan.json")).unwrap().name(), "propose");
    assert_eq!(reader.description().id, "case-1");
    assert!(reader.findings().is_empty());
    assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap(), []);
}

#[test]
fn a_line_of_the_journal_says_all_that_the_design_promises() {
    let (disk, mut case) = new_case();
    let command = json!({"command": "make", "items": ["l4-guide"], "margin": 1.1000000000000003});
    let inputs = Inputs::from([("guide-styles.toml#drill".to_owned(), Sha256::of(b"style"))]);
    let mut change = case.transaction(command.clone(), inputs.clone()).unwrap();
    change.put(&path("g.stl"), b"guide").unwrap();
    let finding =
        Finding::new("min-wall", Severity::Caution, "wall of 1.8 mm").measured(1.8, 2.0, "mm", "profile");
    let work = Work { findings: vec![finding], took: Duration::from_micros(4_200_499), threads: 8 };
    let entry = change.commit(&stamp(), work).unwrap();
    assert_eq!((entry.n, entry.seconds, entry.threads), (2, 4.2, 8));
    assert_eq!((&entry.command, &entry.inputs), (&command, &inputs));
    let journal = disk.files().remove(&path("journal.jsonl")).unwrap();
    let line: serde_json::Value =
        serde_json::from_slice(journal.split(|b| *b == b'\n').nth(1).unwrap()).unwrap();
    let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["n", "at", "by", "version", "command", "in", "out", "findings", "seconds", "threads", "prev"]
    );
    assert_eq!(line["at"], "2026-11-20T10:22:03Z");
    assert_eq!(line["out"]["g.stl"], Sha256::of(b"guide").to_string());
    assert_eq!(Case::open_on(Arc::new(disk)).unwrap().history()[1], entry);
}

#[test]
fn outputs_are_streamed_and_read_back_bit_by_bit() {
    let (_, mut case) = new_case();
    // More than one chunk, in pieces that do not divide it.
    let content: Vec<u8> = (0..700_001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut change = case.transaction(json!({"command": "import"}), Inputs::new()).unwrap();
    let mut out = change.write(&path("images/ct.nrrd")).unwrap();
    for piece in content.chunks(997) {
        out.write_all(piece).unwrap();
    }
    assert_eq!(out.finish().unwrap(), Sha256::of(&content));
    change.commit(&stamp(), Work::default()).unwrap();
    let mut back = Vec::new();
    case.reader(&path("images/ct.nrrd")).unwrap().read_to_end(&mut back).unwrap();
    assert!(back == content);
}

#[test]
fn a_change_that_is_dropped_leaves_nothing() {
    let (disk, mut case) = new_case();
    run(&mut case, "propose", &[("plan.json", Some("one"))]).unwrap();
    let before = disk.files();
    let mut change = case.transaction(json!({"command": "edit"}), Inputs::new()).unwrap();
    change.put(&path("plan.json"), b"two").unwrap();
    change.put(&path("other.json"), b"three").unwrap();
    drop(change);
    assert_eq!(disk.files(), before);
}

#[test]
fn an_unfinished_output_cannot_be_committed() {
    let (disk, mut case) = new_case();
    let before = disk.files();
    let mut change = case.transaction(json!({"command": "edit"}), Inputs::new()).unwrap();
    let mut out = change.write(&path("plan.json")).unwrap();
    out.write_all(b"half of it").unwrap();
    drop(out);
    let error = change.commit(&stamp(), Work::default()).unwrap_err();
    assert_eq!(code(&error), "output-unfinished");
    assert_eq!(disk.files(), before);
}

#[test]
fn undo_steps_back_and_redo_forward_until_the_next_command() {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("x", Some("1")), ("y", Some("1"))]).unwrap();
    run(&mut case, "b", &[("x", Some("2")), ("y", None), ("z", Some("2"))]).unwrap();
    let (first, second) = (texts(&[("x", "1"), ("y", "1")]), texts(&[("x", "2"), ("z", "2")]));
    assert_eq!(lying(&disk), second);

    assert_eq!(case.undo(&stamp()).unwrap().command, json!({"command": "undo", "entry": 3}));
    assert_eq!((lying(&disk), recorded(&case)), (first.clone(), first.clone()));
    assert_eq!(case.maker(&path("x")).unwrap().n, 2);
    case.undo(&stamp()).unwrap();
    assert_eq!(lying(&disk), texts(&[]));
    assert_eq!(code(&case.undo(&stamp()).unwrap_err()), "nothing-to-undo");

    case.redo(&stamp()).unwrap();
    assert_eq!(lying(&disk), first);
    case.redo(&stamp()).unwrap();
    assert_eq!((lying(&disk), recorded(&case)), (second.clone(), second));
    assert_eq!(code(&case.redo(&stamp()).unwrap_err()), "nothing-to-redo");

    case.undo(&stamp()).unwrap();
    run(&mut case, "c", &[("x", Some("3"))]).unwrap();
    assert_eq!(code(&case.redo(&stamp()).unwrap_err()), "nothing-to-redo");
    let names: Vec<_> = case.effective().map(|entry| entry.name().to_owned()).collect();
    assert_eq!(names, ["a", "c"]);
    drop(case);
    let reader = Case::open_on(Arc::new(disk.clone())).unwrap();
    assert_eq!(recorded(&reader), texts(&[("x", "3"), ("y", "1")]));
    assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap(), []);
}

#[test]
fn collecting_removes_only_what_no_undo_needs() {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("x", Some("one"))]).unwrap();
    run(&mut case, "b", &[("x", Some("two"))]).unwrap();
    assert_eq!(case.gc(&Ctx::default()).unwrap().contents, 0);
    case.undo(&stamp()).unwrap();
    assert_eq!(case.gc(&Ctx::default()).unwrap().contents, 0);
    // Now the second content can be reached neither by undo nor by redo.
    run(&mut case, "c", &[("x", Some("three"))]).unwrap();
    let collected = case.gc(&Ctx::default()).unwrap();
    assert_eq!((collected.contents, collected.bytes), (1, 3));
    case.undo(&stamp()).unwrap();
    assert_eq!(lying(&disk), texts(&[("x", "one")]));
    assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap(), []);
}

#[test]
fn a_command_that_worked_on_yesterdays_input_is_refused() {
    let (_, mut case) = new_case();
    run(&mut case, "propose", &[("plan.json", Some("one"))]).unwrap();
    let old = Inputs::from([("plan.json".to_owned(), Sha256::of(b"one"))]);
    run_with(&mut case, "edit", old.clone(), &[("plan.json", Some("two"))]).unwrap();
    let error = run_with(&mut case, "edit", old, &[("plan.json", Some("three"))]).unwrap_err();
    assert_eq!(code(&error), "input-changed");
    assert_eq!(recorded(&case), texts(&[("plan.json", "two")]));
}

#[test]
fn commands_without_a_name_or_with_one_of_the_case_are_refused() {
    let (_, mut case) = new_case();
    for command in [
        json!(null),
        json!({}),
        json!("make"),
        json!({"command": ""}),
        json!({"command": "undo", "entry": 1}),
    ] {
        let error = case.transaction(command, Inputs::new()).unwrap_err();
        assert_eq!(code(&error), "bad-entry");
    }
}

#[test]
fn inputs_and_settings_known_only_at_the_end_are_journalled_and_checked() {
    let (disk, mut case) = new_case();
    run(&mut case, "propose", &[("plan.json", Some("one"))]).unwrap();
    let input = |text: &str| Inputs::from([("plan.json".to_owned(), Sha256::of(text.as_bytes()))]);
    let mut change = case.transaction(json!({"command": "make", "from": "/home/x"}), Inputs::new()).unwrap();
    assert_eq!(code(&change.set_inputs(input("other")).unwrap_err()), "input-changed");
    change.set_inputs(input("one")).unwrap();
    change.set_setting("from", json!("series 1.2.3"));
    let entry = change.commit(&stamp(), Work::default()).unwrap();
    assert_eq!(entry.command, json!({"command": "make", "from": "series 1.2.3"}));
    assert_eq!(Case::open_on(Arc::new(disk)).unwrap().history()[2].inputs, input("one"));
    let mut change = case.transaction(json!({"command": "make"}), Inputs::new()).unwrap();
    change.set_setting("command", json!("undo"));
    assert_eq!(code(&change.commit(&stamp(), Work::default()).unwrap_err()), "bad-entry");
}

#[test]
fn what_could_not_be_read_back_is_never_journalled() {
    let (disk, mut case) = new_case();
    let before = disk.files();
    let finding = Finding::new("far", Severity::Note, "nowhere").at([f64::NAN, 0.0, 0.0]);
    let change = case.transaction(json!({"command": "check"}), Inputs::new()).unwrap();
    let error = change.commit(&stamp(), Work { findings: vec![finding], ..Work::default() }).unwrap_err();
    assert_eq!(code(&error), "bad-entry");
    let long = "x".repeat(2 << 20);
    let change = case.transaction(json!({"command": "check", "text": long}), Inputs::new()).unwrap();
    assert_eq!(code(&change.commit(&stamp(), Work::default()).unwrap_err()), "bad-entry");
    assert_eq!(disk.files(), before);
}

#[test]
fn names_of_the_case_and_clashing_names_are_refused() {
    let (_, mut case) = new_case();
    run(&mut case, "a", &[("products/guide.stl", Some("1")), ("gone", Some("1"))]).unwrap();
    run(&mut case, "b", &[("gone", None)]).unwrap();
    let mut change = case.transaction(json!({"command": "c"}), Inputs::new()).unwrap();
    for bad in
        ["case.toml", "journal.jsonl", "objects/ab/x", "LOCK", "products", "Products/Guide.STL", "gone/x"]
    {
        assert_eq!(code(&change.put(&path(bad), b"").unwrap_err()), "bad-path", "{bad}");
    }
    assert_eq!(code(&change.remove(&path("never")).unwrap_err()), "no-artefact");
}

#[test]
fn a_file_changed_outside_is_seen_kept_and_restored_or_taken_in() {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("x", Some("one")), ("y", Some("one y"))]).unwrap();
    // A program that saves by replacing the file: a new file under the old name.
    edit(&disk, "x", b"theirs");
    let states = |case: &Writer| -> Vec<Currency> {
        case.status(&Inputs::new(), &Ctx::default())
            .unwrap()
            .into_iter()
            .map(|artefact| artefact.currency)
            .collect()
    };
    assert_eq!(states(&case), [Currency::ChangedOutside, Currency::Current]);
    let error = run(&mut case, "b", &[("x", Some("two"))]).unwrap_err();
    assert!(matches!(&error, CaseError::ChangedOutside { path } if path.ends_with("x")), "{error}");
    assert_eq!(code(&case.undo(&stamp()).unwrap_err()), "changed-outside");
    assert_eq!(lying(&disk)["x"], "theirs");
    assert_eq!(case.read(&path("x")).unwrap(), b"one");

    let theirs = case.read_as_found(&path("x")).unwrap();
    run(&mut case, "adopt", &[("x", Some(std::str::from_utf8(&theirs).unwrap()))]).unwrap();
    assert_eq!(states(&case), [Currency::Current, Currency::Current]);
    edit(&disk, "x", b"wrong");
    case.restore(&path("x")).unwrap();
    assert_eq!(lying(&disk)["x"], "theirs");
    assert_eq!(temporary(&disk), 0);
}

/// Saves a file as many programs do: aside, then renamed.
pub fn edit(disk: &Memory, name: &str, bytes: &[u8]) {
    use osteon_case::vfs::{Access, Vfs};
    let mut file = disk.create(&path("new"), Access::Shared).unwrap();
    file.write_all(bytes).unwrap();
    file.finish().unwrap();
    disk.rename(&path("new"), &path(name)).unwrap();
}

#[test]
fn staleness_spreads_from_changed_inputs_to_everything_made_from_them() {
    let (_, mut case) = new_case();
    let input = |pairs: &[(&str, &str)]| -> Inputs {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), Sha256::of(text.as_bytes()))).collect()
    };
    run(&mut case, "segment", &[("labels", Some("l1"))]).unwrap();
    run_with(&mut case, "surface", input(&[("labels", "l1")]), &[("mesh", Some("m1"))]).unwrap();
    run_with(&mut case, "make", input(&[("mesh", "m1"), ("styles.toml", "s1")]), &[("guide", Some("g1"))])
        .unwrap();
    let stale = |case: &Case, outside: &Inputs| -> Vec<String> {
        let all = case.status(outside, &Ctx::default()).unwrap();
        let stale = all.into_iter().filter_map(|a| match a.currency {
            Currency::Stale { because } => Some(format!("{} by {}", a.path, because.join(","))),
            _ => None,
        });
        stale.collect()
    };
    assert!(stale(&case, &Inputs::new()).is_empty());
    assert_eq!(stale(&case, &input(&[("styles.toml", "s2")])), ["guide by styles.toml"]);
    // An edit in place makes its own output current, and what was made from it stale.
    run_with(&mut case, "edit", input(&[("labels", "l1")]), &[("labels", Some("l2"))]).unwrap();
    assert_eq!(stale(&case, &Inputs::new()), ["guide by mesh", "mesh by labels"]);
    case.undo(&stamp()).unwrap();
    assert!(stale(&case, &Inputs::new()).is_empty());
}

#[test]
fn the_frame_of_reference_is_said_once_and_can_be_undone() {
    let (disk, mut case) = new_case();
    let mut change = case.transaction(json!({"command": "import"}), Inputs::new()).unwrap();
    assert_eq!(code(&change.set_frame_of_reference("1.2.x").unwrap_err()), "bad-entry");
    change.set_frame_of_reference("1.2.840.1").unwrap();
    change.commit(&stamp(), Work::default()).unwrap();
    assert_eq!(case.description().frame_of_reference.as_deref(), Some("1.2.840.1"));
    let mut change = case.transaction(json!({"command": "import"}), Inputs::new()).unwrap();
    change.set_frame_of_reference("1.2.840.1").unwrap();
    assert_eq!(code(&change.set_frame_of_reference("1.2.840.2").unwrap_err()), "other-frame");
    drop(change);
    case.undo(&stamp()).unwrap();
    assert_eq!(case.description().frame_of_reference, None);
    assert_eq!(Case::open_on(Arc::new(disk)).unwrap().description(), case.description());
}

#[test]
fn replay_compares_commands_and_contents_but_not_who_and_when() {
    let (_, mut first) = new_case();
    run(&mut first, "a", &[("x", Some("1"))]).unwrap();
    run(&mut first, "b", &[("x", Some("2"))]).unwrap();
    run(&mut first, "wrong", &[("x", Some("3"))]).unwrap();
    first.undo(&stamp()).unwrap();

    let later =
        Stamp { at: "2027-01-01T00:00:00Z".parse().unwrap(), by: "other".into(), version: "9".into() };
    let mut second = Case::create_on(Arc::new(Memory::default()), &Draft::new("other"), &later).unwrap();
    for entry in first.effective() {
        let mut change = second.transaction(entry.command.clone(), entry.inputs.clone()).unwrap();
        let text = if entry.name() == "a" { "1" } else { "2" };
        change.put(&path("x"), text.as_bytes()).unwrap();
        change.commit(&later, Work { threads: 3, ..Work::default() }).unwrap();
    }
    assert_eq!(compare(&first, &second), []);
    run(&mut second, "c", &[]).unwrap();
    run(&mut first, "c", &[("y", Some("1"))]).unwrap();
    run(&mut first, "d", &[]).unwrap();
    let differences = compare(&first, &second);
    assert!(
        matches!(&differences[0], Difference::Output { path, first: Some(_), second: None, .. } if path.as_str() == "y")
    );
    assert_eq!(differences[1], Difference::Count { first: 4, second: 3 });
    assert_eq!(differences.len(), 2);
}

#[test]
fn a_reader_keeps_the_state_it_opened() {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("x", Some("1"))]).unwrap();
    let reader = Case::open_on(Arc::new(disk)).unwrap();
    run(&mut case, "b", &[("x", Some("2"))]).unwrap();
    assert_eq!(recorded(&reader), texts(&[("x", "1")]));
    assert_eq!(recorded(&case), texts(&[("x", "2")]));
}

#[test]
fn a_second_writer_is_told_who_holds_the_case() {
    let (disk, case) = new_case();
    let error = Case::open_for_writing_on(Arc::new(disk.clone())).unwrap_err();
    assert!(
        matches!(&error, CaseError::Locked { holder, .. } if holder.contains(&std::process::id().to_string()))
    );
    drop(case);
    Case::open_for_writing_on(Arc::new(disk)).unwrap();
}

#[test]
fn a_clock_that_went_back_is_noted() {
    let (disk, mut case) = new_case();
    let early = Stamp { at: "2020-01-01T00:00:00Z".parse().unwrap(), ..stamp() };
    let change = case.transaction(json!({"command": "check"}), Inputs::new()).unwrap();
    change.commit(&early, Work::default()).unwrap();
    assert_eq!(Case::open_on(Arc::new(disk)).unwrap().findings()[0].code, "clock-backwards");
}

#[derive(Clone, Debug)]
enum Act {
    Write(Vec<(u8, Option<u8>)>),
    Undo,
    Redo,
    Reopen,
    Collect,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let write =
        proptest::collection::vec((0..4_u8, proptest::option::of(0..3_u8)), 0..4).prop_map(Act::Write);
    let act = prop_oneof![4 => write, 3 => Just(Act::Undo), 2 => Just(Act::Redo), 1 => Just(Act::Reopen), 1 => Just(Act::Collect)];
    proptest::collection::vec(act, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// The case against the plainest model there is: a stack of states.
    #[test]
    fn any_sequence_of_changes_undos_and_redos_keeps_the_artefacts_of_a_stack_of_states(acts in acts()) {
        let (disk, case) = new_case();
        let mut case = Some(case);
        let mut states = vec![BTreeMap::<String, String>::new()];
        let mut at = 0;
        for act in acts {
            let writer = case.as_mut().unwrap();
            match act {
                Act::Write(outputs) => {
                    let mut state = states[at].clone();
                    let mut change = writer.transaction(json!({"command": "act"}), Inputs::new()).unwrap();
                    for (name, content) in outputs {
                        let name = format!("folder/{name}");
                        if let Some(content) = content {
                            change.put(&path(&name), &[b'a' + content]).unwrap();
                            state.insert(name, String::from_utf8(vec![b'a' + content]).unwrap());
                        } else {
                            prop_assert_eq!(change.remove(&path(&name)).is_ok(), state.remove(&name).is_some());
                        }
                    }
                    change.commit(&stamp(), Work::default()).unwrap();
                    states.truncate(at + 1);
                    states.push(state);
                    at += 1;
                }
                Act::Undo => {
                    prop_assert_eq!(writer.undo(&stamp()).is_ok(), at > 0);
                    at = at.saturating_sub(1);
                }
                Act::Redo => {
                    prop_assert_eq!(writer.redo(&stamp()).is_ok(), at + 1 < states.len());
                    at = (at + 1).min(states.len() - 1);
                }
                Act::Reopen => {
                    drop(case.take());
                    case = Some(Case::open_for_writing_on(Arc::new(disk.clone())).unwrap());
                }
                Act::Collect => drop(writer.gc(&Ctx::default()).unwrap()),
            }
            prop_assert_eq!(&recorded(case.as_ref().unwrap()), &states[at]);
            prop_assert_eq!(&lying(&disk), &states[at]);
        }
        prop_assert_eq!(temporary(&disk), 0);
        prop_assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap(), []);
    }
}
