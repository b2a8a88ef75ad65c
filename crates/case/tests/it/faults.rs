//! The n-th operation on the disk fails, for every n: the case is the old or the new one.

use super::*;
use osteon_case::vfs::{Fault, Faulty, Times, Vfs};
use osteon_case::{CaseError, migrate::migrate_on};
use osteon_core::{Ctx, Explain};

type Texts = BTreeMap<String, String>;

const WAYS: [(Fault, Times); 5] = [
    (Fault::NoSpace, Times::Once),
    (Fault::NoSpace, Times::Onwards),
    (Fault::Broken, Times::Once),
    (Fault::Broken, Times::Onwards),
    (Fault::Short, Times::Once),
];

/// Two artefacts, one of them in a folder, made by two commands.
fn old_case() -> Memory {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("plan.json", Some("one")), ("products/guide.stl", Some("one"))]).unwrap();
    run(&mut case, "b", &[("labels", Some("two"))]).unwrap();
    disk
}

/// The disk with a case, and all it takes to compare.
fn open(disk: &Memory) -> Result<Writer, CaseError> {
    let disk: Arc<dyn Vfs> = Arc::new(disk.clone());
    match Case::open_for_writing_on(Arc::clone(&disk)) {
        Err(CaseError::Torn { .. }) => Case::recover_on(disk, &stamp()),
        opened => opened,
    }
}

/// Runs `change` with its n-th operation failing, for every n until it succeeds; each time the case must
/// be as before or as after. Gives how many operations failed.
fn every_operation_fails(
    start: &dyn Fn() -> Memory,
    change: &dyn Fn(Arc<dyn Vfs>) -> Result<(), CaseError>,
) -> u64 {
    let fresh = start();
    let old = open(&fresh).map(|case| recorded(&case)).unwrap_or_default();
    change(Arc::new(fresh.clone())).unwrap();
    let new = lying(&fresh);
    let mut failures = 0;
    for (fault, times) in WAYS {
        for n in 0.. {
            assert!(n < 1000, "the change never succeeds");
            let disk = start();
            let faulty = Faulty::new(Arc::new(disk.clone()), n, fault, times);
            let result = change(Arc::new(faulty.clone()));
            check_state(&disk, &result, &old, &new, &format!("{fault:?} {times:?} at {n}"));
            if !faulty.has_struck() {
                result.unwrap();
                break;
            }
            failures += 1;
        }
    }
    failures
}

fn check_state(disk: &Memory, result: &Result<(), CaseError>, old: &Texts, new: &Texts, place: &str) {
    let stands = match result {
        Ok(()) | Err(CaseError::Unfinished { .. }) => Some(true),
        Err(CaseError::Unsure { .. }) => None,
        Err(_) => Some(false),
    };
    if let Err(error) = result {
        let message = error.to_string();
        assert!(message.contains("/memory"), "{place}: no path in: {message}");
        assert!(!error.help().is_empty());
    }
    // No file of the case is ever partial, even before anything is repaired.
    for (name, text) in lying(disk) {
        let whole = [old, new].iter().any(|state| state.get(&name) == Some(&text));
        assert!(whole, "{place}: {name} holds {text:?}");
    }
    let found = open(disk).unwrap_or_else(|error| panic!("{place}: {error}"));
    let state = recorded(&found);
    match stands {
        Some(true) => assert_eq!(&state, new, "{place}"),
        Some(false) => assert_eq!(&state, old, "{place}"),
        None => assert!(&state == old || &state == new, "{place}"),
    }
    assert_eq!(lying(disk), state, "{place}");
    assert_eq!(temporary(disk), 0, "{place}");
    assert_eq!(Case::verify_on(disk, &Ctx::default()).unwrap(), [], "{place}");
}

#[test]
fn a_change_whose_nth_operation_fails_leaves_the_old_or_the_new_case() {
    let failures = every_operation_fails(&old_case, &|disk| {
        let mut case = Case::open_for_writing_on(disk)?;
        run(
            &mut case,
            "c",
            &[
                ("plan.json", Some("three")),
                ("labels", None),
                ("products/model.stl", Some("three")),
                ("report/report.html", Some("three")),
            ],
        )
        .map(drop)
    });
    assert!(failures > 150, "only {failures} operations could fail");
}

#[test]
fn an_undo_whose_nth_operation_fails_leaves_the_old_or_the_new_case() {
    let failures =
        every_operation_fails(&old_case, &|disk| Case::open_for_writing_on(disk)?.undo(&stamp()).map(drop));
    assert!(failures > 80, "only {failures} operations could fail");
}

#[test]
fn a_recovery_whose_nth_operation_fails_leaves_no_cut_without_its_record() {
    let torn = || {
        let disk = old_case();
        disk.tamper(&path("journal.jsonl"), |bytes| bytes.extend_from_slice(b"{\"n\":4,")).unwrap();
        disk
    };
    let failures = every_operation_fails(&torn, &|disk| Case::recover_on(disk, &stamp()).map(drop));
    assert!(failures > 60, "only {failures} operations could fail");
    for n in 0..40 {
        let disk = torn();
        let faulty = Faulty::new(Arc::new(disk.clone()), n, Fault::Broken, Times::Onwards);
        drop(Case::recover_on(Arc::new(faulty), &stamp()));
        // Either the torn line is still there, or it is on record that it was cut.
        let found = Case::open_on(Arc::new(disk)).unwrap();
        let recorded = found.history().len() == 4 && found.history()[3].findings[0].code == "journal-torn";
        assert!(recorded || found.findings()[0].code == "journal-torn");
    }
}

#[test]
fn after_a_failure_the_same_writer_can_go_on() {
    for (fault, times) in [(Fault::NoSpace, Times::Once), (Fault::Broken, Times::Once)] {
        for n in 0.. {
            let disk = old_case();
            let faulty = Faulty::new(Arc::new(disk.clone()), n, fault, times);
            let Ok(mut case) = Case::open_for_writing_on(Arc::new(faulty.clone())) else {
                continue;
            };
            let first = run(&mut case, "c", &[("plan.json", Some("three"))]);
            if let Err(CaseError::Unsure { .. }) = first {
                panic!("one failure can always be taken back");
            }
            if !faulty.has_struck() {
                assert!(n > 20);
                break;
            }
            run(&mut case, "d", &[("labels", Some("four"))]).unwrap();
            let plan =
                if matches!(first, Ok(_) | Err(CaseError::Unfinished { .. })) { "three" } else { "one" };
            let expected = texts(&[("labels", "four"), ("plan.json", plan), ("products/guide.stl", "one")]);
            drop(case);
            assert_eq!(recorded(&open(&disk).unwrap()), expected, "{fault:?} at {n}");
            assert_eq!(lying(&disk), expected, "{fault:?} at {n}");
        }
    }
}

#[test]
fn a_creation_whose_nth_operation_fails_can_be_repeated() {
    for (fault, times) in WAYS {
        for n in 0.. {
            let disk = Memory::default();
            let faulty = Faulty::new(Arc::new(disk.clone()), n, fault, times);
            let created = Case::create_on(Arc::new(faulty.clone()), &Draft::new("case-1"), &stamp());
            if let Err(error) = &created {
                assert!(error.to_string().contains("/memory"), "{error}");
            }
            let done = created.is_ok();
            drop(created);
            // Either it is a case, or it can still become one.
            let case = match Case::open_on(Arc::new(disk.clone())) {
                Ok(_) => open(&disk).unwrap(),
                Err(error) => {
                    assert!(!done, "{error}");
                    assert!(
                        matches!(error, CaseError::NoFolder { .. } | CaseError::NotACase { .. }),
                        "{error}"
                    );
                    Case::create_on(Arc::new(disk.clone()), &Draft::new("case-1"), &stamp()).unwrap()
                }
            };
            assert_eq!(case.history().len(), 1);
            drop(case);
            assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap(), []);
            if !faulty.has_struck() {
                assert!(done && n > 15);
                break;
            }
        }
    }
}

#[test]
fn a_migration_whose_nth_operation_fails_leaves_the_old_case_and_no_half_new_one() {
    let old = super::migrate::format_0();
    let before = old.files();
    for (fault, times) in WAYS {
        for n in 0.. {
            let copy = Memory::default();
            let faulty = Faulty::new(Arc::new(copy.clone()), n, fault, times);
            let result = migrate_on(&old, Arc::new(faulty.clone()), &stamp(), &Ctx::default()).map(drop);
            assert_eq!(old.files(), before);
            match Case::open_on(Arc::new(copy.clone())) {
                Ok(_) => {
                    let migrated = open(&copy).unwrap();
                    assert_eq!(recorded(&migrated), super::migrate::expected());
                }
                Err(error) => {
                    assert!(result.is_err());
                    assert!(
                        matches!(error, CaseError::NoFolder { .. } | CaseError::NotACase { .. }),
                        "{error}"
                    );
                }
            }
            if !faulty.has_struck() {
                result.unwrap();
                break;
            }
        }
    }
}
