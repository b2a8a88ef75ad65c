//! The power goes at every step, and of what was not synced any part may be lost.

use super::*;
use osteon_case::CaseError;
use osteon_case::vfs::Loss;
use osteon_core::Ctx;

type Texts = BTreeMap<String, String>;

/// What a user saw succeed: number of lines, and the artefacts after each.
#[derive(Default)]
struct Seen {
    states: Vec<Texts>,
}

/// A day's work; notes the state after every success, and stops at the first failure.
fn work(disk: &Memory, seen: &mut Seen) -> Result<(), CaseError> {
    let mut case = Case::create_on(Arc::new(disk.clone()), &Draft::new("case-1"), &stamp())?;
    seen.states.push(recorded(&case));
    let note = |case: &Writer, seen: &mut Seen| seen.states.push(recorded(case));
    run(&mut case, "a", &[("plan.json", Some("one")), ("products/guide.stl", Some("one"))])?;
    note(&case, seen);
    run(
        &mut case,
        "b",
        &[("plan.json", Some("two")), ("products/guide.stl", None), ("labels", Some("two"))],
    )?;
    note(&case, seen);
    case.undo(&stamp())?;
    note(&case, seen);
    case.redo(&stamp())?;
    note(&case, seen);
    drop(case);
    let mut case = Case::open_for_writing_on(Arc::new(disk.clone()))?;
    // The same content again, and a content that was there before.
    run(&mut case, "c", &[("labels", Some("two")), ("plan.json", Some("one"))])?;
    note(&case, seen);
    case.undo(&stamp())?;
    note(&case, seen);
    run(&mut case, "d", &[("report/deep/report.html", Some("four"))])?;
    note(&case, seen);
    case.gc(&Ctx::default())?;
    Ok(())
}

/// Opens what the power cut left, repairing what must be.
fn reopen(disk: &Memory) -> Result<Writer, CaseError> {
    match Case::open_for_writing_on(Arc::new(disk.clone())) {
        Err(CaseError::Torn { .. }) => Case::recover_on(Arc::new(disk.clone()), &stamp()),
        Err(CaseError::NoFolder { .. } | CaseError::NotACase { .. }) => {
            Case::create_on(Arc::new(disk.clone()), &Draft::new("case-1"), &stamp())
        }
        opened => opened,
    }
}

fn check(found: &Memory, seen: &Seen, all: &[Texts], place: &str) {
    let case = reopen(found).unwrap_or_else(|error| panic!("{place}: {error}"));
    let lines = case.history().iter().filter(|entry| entry.name() != "recover").count();
    // Nothing that succeeded is lost; at most the change under way took effect.
    let succeeded = seen.states.len();
    assert!(lines == succeeded || lines == succeeded + 1, "{place}: {lines} lines, {succeeded} succeeded");
    assert_eq!(recorded(&case), all[lines - 1], "{place}");
    assert_eq!(lying(found), all[lines - 1], "{place}");
    assert_eq!(temporary(found), 0, "{place}");
    assert_eq!(Case::verify_on(found, &Ctx::default()).unwrap(), [], "{place}");
}

#[test]
fn a_power_cut_at_any_step_loses_nothing_that_succeeded_and_mixes_nothing() {
    let whole = Memory::default();
    let mut all = Seen::default();
    work(&whole, &mut all).unwrap();
    let steps = whole.steps();
    let mut states = 0;
    for step in 0..=steps {
        let disk = Memory::dying_at(step);
        let mut seen = Seen::default();
        let result = work(&disk, &mut seen);
        assert_eq!(result.is_ok(), step == steps);
        let chances = (0..62).map(|seed| Loss::Some(step * 1000 + seed));
        for loss in [Loss::All, Loss::Nothing].into_iter().chain(chances) {
            check(&disk.after_power_cut(loss), &seen, &all.states, &format!("step {step}, {loss:?}"));
            states += 1;
        }
    }
    assert!(states >= 10_000, "only {states} states");
}

#[test]
fn a_power_cut_while_completing_the_last_change_is_completed_at_the_next_opening() {
    let mut all = Seen::default();
    work(&Memory::default(), &mut all).unwrap();
    for step in 0.. {
        let disk = Memory::default();
        let mut case = Case::create_on(Arc::new(disk.clone()), &Draft::new("case-1"), &stamp()).unwrap();
        run(&mut case, "a", &[("plan.json", Some("one")), ("products/guide.stl", Some("one"))]).unwrap();
        // Stop right after the line is on the disk, before anything is in place.
        let steps = disk.steps();
        let committed = (steps..).find_map(|cut| {
            let disk = disk.after_power_cut(Loss::Nothing);
            disk.cut_power_at(cut - steps);
            let mut case = Case::open_for_writing_on(Arc::new(disk.clone())).ok()?;
            let outputs = [("plan.json", Some("two")), ("products/guide.stl", None), ("labels", Some("two"))];
            let result = run(&mut case, "b", &outputs);
            matches!(result, Err(CaseError::Unfinished { .. })).then_some(disk)
        });
        let disk = committed.unwrap().after_power_cut(Loss::All);
        disk.cut_power_at(step);
        let completed = Case::open_for_writing_on(Arc::new(disk.clone())).is_ok();
        for seed in 0..20 {
            let found = disk.after_power_cut(Loss::Some(seed));
            let case = Case::open_for_writing_on(Arc::new(found.clone())).unwrap();
            assert_eq!(recorded(&case), all.states[2]);
            assert_eq!(lying(&found), all.states[2]);
        }
        if completed {
            assert!(step > 5);
            break;
        }
    }
}
