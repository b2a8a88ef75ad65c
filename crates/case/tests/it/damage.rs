//! Flipped bytes, and journals that were cut, reordered or rewritten.

use super::*;
use osteon_case::CaseError;
use osteon_core::Ctx;
use proptest::prelude::*;

/// A case with some history: five lines.
fn case_with_history() -> Memory {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("plan.json", Some("one")), ("products/guide.stl", Some("one g"))]).unwrap();
    run(&mut case, "b", &[("plan.json", Some("two"))]).unwrap();
    case.undo(&stamp()).unwrap();
    // From here on the first plan lies only in the store.
    run(&mut case, "c", &[("labels", Some("three")), ("plan.json", Some("three"))]).unwrap();
    case.gc(&Ctx::default()).unwrap();
    disk
}

fn journal(disk: &Memory) -> Vec<String> {
    let text = String::from_utf8(disk.files().remove(&path("journal.jsonl")).unwrap()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn set_journal(disk: &Memory, lines: &[String]) {
    disk.tamper(&path("journal.jsonl"), |bytes| *bytes = (lines.join("\n") + "\n").into_bytes()).unwrap();
}

/// The line at which the journal is said to be broken, and why.
fn broken(disk: &Memory) -> (u64, String) {
    let found = Case::verify_on(disk, &Ctx::default()).unwrap();
    assert!(found.iter().any(|finding| finding.code == "journal-broken"), "{found:?}");
    assert!(Case::open_for_writing_on(Arc::new(disk.clone())).is_err());
    match Case::open_on(Arc::new(disk.clone())) {
        Err(CaseError::Broken { line, what }) => (line, what),
        other => panic!("opened as {other:?}"),
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let whole = case_with_history();
    assert_eq!(Case::verify_on(&whole, &Ctx::default()).unwrap(), []);
    let mut flipped = 0;
    for (name, bytes) in whole.files() {
        if name.as_str() == "lock" {
            continue;
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let change = |bytes: &mut Vec<u8>| bytes[place] ^= 1 << bit;
                whole.tamper(&name, change).unwrap();
                let found = Case::verify_on(&whole, &Ctx::default()).unwrap();
                assert!(!found.is_empty(), "bit {bit} of byte {place} of {name}");
                whole.tamper(&name, change).unwrap();
                flipped += 1;
            }
        }
    }
    assert!(flipped > 15_000, "only {flipped} bits");
}

#[test]
fn a_damaged_content_is_never_handed_out_nor_restored() {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("x", Some("one"))]).unwrap();
    run(&mut case, "b", &[("x", Some("two"))]).unwrap();
    let object = |hash: &str| path(&format!("objects/{}/{}", &hash[..2], &hash[2..]));
    let of = |text: &str| object(&osteon_case::Sha256::of(text.as_bytes()).to_string());
    disk.tamper(&of("one"), |bytes| bytes[0] ^= 1).unwrap();
    assert_eq!(code(&case.undo(&stamp()).unwrap_err()), "content-damaged");
    assert_eq!(lying(&disk), texts(&[("x", "two")]));
    disk.tamper(&of("two"), |bytes| bytes[0] ^= 1).unwrap();
    assert_eq!(code(&case.read(&path("x")).unwrap_err()), "content-damaged");
    let mut reader = case.reader(&path("x")).unwrap();
    assert!(std::io::copy(&mut reader, &mut std::io::sink()).is_err());
    // Making the content again heals it, once the damaged file is out of the way.
    super::change::edit(&disk, "x", b"two");
    run(&mut case, "b", &[("x", Some("two"))]).unwrap();
    assert_eq!(case.read(&path("x")).unwrap(), b"two");
}

#[test]
fn a_removed_changed_or_moved_entry_is_found_at_its_line() {
    let whole = case_with_history();
    let lines = journal(&whole);
    assert_eq!(lines.len(), 5);
    for n in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(n);
        set_journal(&whole, &fewer);
        assert_eq!(broken(&whole).0, n as u64 + 1, "without line {}", n + 1);

        let mut changed = lines.clone();
        changed[n] = changed[n].replace("designer", "surgeon");
        set_journal(&whole, &changed);
        // The chain breaks at the line after, or at the head.
        assert_eq!(broken(&whole).0, (n as u64 + 2).min(5), "line {} changed", n + 1);

        for m in 0..n {
            let mut moved = lines.clone();
            moved.swap(n, m);
            set_journal(&whole, &moved);
            assert_eq!(broken(&whole).0, m as u64 + 1);
        }
    }
    set_journal(&whole, &[]);
    broken(&whole);
}

#[test]
fn what_is_not_a_line_is_refused_with_its_number() {
    let whole = case_with_history();
    let lines = journal(&whole);
    let twice = lines[2].replacen("{\"n\":3", "{\"n\":3,\"n\":3", 1);
    let unknown = lines[2].replacen("{\"n\":3", "{\"x\":3,\"n\":3", 1);
    let escape = lines[2].replace("plan.json", "../plan.json");
    let bad =
        ["", "{}", "garbage", &twice, &unknown, &escape, &format!("{} x", lines[2]), &"[".repeat(100_000)];
    for bad in bad {
        let mut changed = lines.clone();
        changed[2] = bad.to_owned();
        set_journal(&whole, &changed);
        assert_eq!(broken(&whole).0, 3, "{bad:.60}");
    }
    whole.tamper(&path("journal.jsonl"), |bytes| *bytes = b"\xef\xbb\xbf{}\n".to_vec()).unwrap();
    assert_eq!(broken(&whole).0, 1);
}

#[test]
fn a_chain_made_anew_after_a_forged_undo_is_still_refused() {
    // Somebody who chains the lines anew must still make them follow from each other.
    let whole = case_with_history();
    let mut lines = journal(&whole);
    lines[3] = lines[3].replace("\"entry\":3", "\"entry\":2");
    let mut prev = osteon_case::Sha256::of(b"");
    for line in &mut lines {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["prev"] = prev.to_string().into();
        *line = value.to_string();
        prev = osteon_case::Sha256::of(line.as_bytes());
    }
    set_journal(&whole, &lines);
    whole.tamper(&path("journal.head"), |bytes| *bytes = format!("5 {prev}\n").into_bytes()).unwrap();
    let (line, what) = broken(&whole);
    assert_eq!(line, 4, "{what}");
}

#[test]
fn a_torn_last_line_is_named_left_out_by_readers_and_cut_only_by_recovery() {
    let disk = case_with_history();
    let before = recorded(&Case::open_on(Arc::new(disk.clone())).unwrap());
    let next = b"{\"n\":6,\"at\":\"2026-";
    disk.tamper(&path("journal.jsonl"), |bytes| bytes.extend_from_slice(next)).unwrap();
    let reader = Case::open_on(Arc::new(disk.clone())).unwrap();
    assert_eq!(reader.findings()[0].code, "journal-torn");
    assert_eq!(recorded(&reader), before);
    let error = Case::open_for_writing_on(Arc::new(disk.clone())).unwrap_err();
    assert!(matches!(error, CaseError::Torn { line: 6, bytes: 18 }), "{error}");
    let case = Case::recover_on(Arc::new(disk.clone()), &stamp()).unwrap();
    assert_eq!(case.history()[5].name(), "recover");
    assert_eq!(case.history()[5].findings[0].code, "journal-torn");
    assert_eq!(recorded(&case), before);
    drop(case);
    let mut case = Case::open_for_writing_on(Arc::new(disk.clone())).unwrap();
    case.undo(&stamp()).unwrap();
    assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap(), []);
}

#[test]
fn a_settled_line_cut_short_is_damage_and_not_a_torn_end() {
    let disk = case_with_history();
    disk.tamper(&path("journal.jsonl"), |bytes| bytes.truncate(bytes.len() - 7)).unwrap();
    assert_eq!(broken(&disk).0, 5);
    assert_eq!(code(&Case::recover_on(Arc::new(disk), &stamp()).unwrap_err()), "journal-broken");
}

#[test]
fn a_lost_head_is_noticed_and_made_anew_only_by_recovery() {
    use osteon_case::vfs::Vfs;
    let disk = case_with_history();
    disk.remove(&path("journal.head")).unwrap();
    assert_eq!(Case::open_on(Arc::new(disk.clone())).unwrap().findings()[0].code, "journal-head-missing");
    assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap()[0].code, "journal-head-missing");
    assert_eq!(code(&Case::open_for_writing_on(Arc::new(disk.clone())).unwrap_err()), "journal-broken");
    let case = Case::recover_on(Arc::new(disk.clone()), &stamp()).unwrap();
    assert_eq!(case.findings()[0].code, "journal-head-missing");
    assert_eq!(Case::verify_on(&disk, &Ctx::default()).unwrap(), []);
}

#[test]
fn missing_files_are_found() {
    use osteon_case::vfs::Vfs;
    let names: Vec<_> =
        case_with_history().files().into_keys().filter(|name| name.as_str() != "lock").collect();
    for name in names {
        let disk = case_with_history();
        disk.remove(&name).unwrap();
        assert!(!Case::verify_on(&disk, &Ctx::default()).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn a_newer_case_is_read_with_a_note_and_not_written() {
    let (disk, mut case) = new_case();
    run(&mut case, "a", &[("x", Some("one"))]).unwrap();
    drop(case);
    let newer = |text: &mut Vec<u8>| {
        let changed = String::from_utf8(text.clone()).unwrap().replace("format = 1", "format = 7");
        *text = changed.into_bytes();
    };
    // Only the file, as a newer version might have it beside a journal that can still be read.
    let text = disk.files().remove(&path("case.toml")).unwrap();
    let mut changed = text.clone();
    newer(&mut changed);
    super::change::edit(&disk, "case.toml", &changed);
    let reader = Case::open_on(Arc::new(disk.clone())).unwrap();
    assert_eq!(reader.findings()[0].code, "case-newer");
    assert_eq!(recorded(&reader), texts(&[("x", "one")]));
    for error in [
        Case::open_for_writing_on(Arc::new(disk.clone())).unwrap_err(),
        Case::recover_on(Arc::new(disk.clone()), &stamp()).unwrap_err(),
    ] {
        assert!(matches!(error, CaseError::TooNew { found: 7, known: 1 }), "{error}");
    }
    // A journal that cannot be understood is put down to the newer format.
    set_journal(&disk, &["{\"n\":1,\"new\":true}".to_owned()]);
    assert_eq!(code(&Case::open_on(Arc::new(disk)).unwrap_err()), "case-too-new");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_journal_makes_the_reader_panic(text in "(\\PC|\n){0,200}", cut in 0..3000_usize) {
        let disk = case_with_history();
        disk.tamper(&path("journal.jsonl"), |bytes| {
            let cut = cut.min(bytes.len());
            bytes.splice(cut.., text.bytes());
        }).unwrap();
        let _ = Case::open_on(Arc::new(disk.clone()));
        let _ = Case::recover_on(Arc::new(disk), &stamp());
    }
}
