//! Old cases, kept as they were, brought to the format of today.

use super::*;
use osteon_case::vfs::{Access, Disk, Vfs};
use osteon_case::{FORMAT, migrate::migrate_on};
use osteon_core::Ctx;
use std::io::{Read, Write};
use std::path::Path;

fn fixture() -> Disk {
    Disk::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format-0"))
}

/// The stored case of format 0, on a disk in memory.
pub fn format_0() -> Memory {
    let (from, to) = (fixture(), Memory::default());
    to.create_folder(&path("x").parent()).unwrap();
    to.create_folder(&path("products")).unwrap();
    for name in ["case.toml", "journal.jsonl", "plan.json", "products/guide.stl"] {
        let mut bytes = Vec::new();
        from.open(&path(name)).unwrap().read_to_end(&mut bytes).unwrap();
        let mut file = to.create(&path(name), Access::Shared).unwrap();
        file.write_all(&bytes).unwrap();
        file.finish().unwrap();
    }
    to
}

pub fn expected() -> BTreeMap<String, String> {
    texts(&[
        ("plan.json", "{\"format\":1,\"items\":[\"necrosis-1\"]}\n"),
        ("products/guide.stl", "solid guide\nendsolid\n"),
    ])
}

#[test]
fn a_case_of_format_0_becomes_one_of_today_and_the_original_stays() {
    let old = format_0();
    let before = old.files();
    assert_eq!(code(&Case::open_on(Arc::new(old.clone())).unwrap_err()), "case-too-old");
    assert_eq!(code(&Case::open_for_writing_on(Arc::new(old.clone())).unwrap_err()), "case-too-old");

    let copy = Memory::default();
    let mut case = migrate_on(&old, Arc::new(copy.clone()), &stamp(), &Ctx::default()).unwrap();
    assert!(old.files().into_iter().filter(|(name, _)| name.as_str() != "lock").eq(before));
    assert_eq!(case.description().format, FORMAT);
    assert_eq!(case.description().id, "case-old");
    assert_eq!(recorded(&case), expected());
    assert_eq!(lying(&copy), expected());
    let names: Vec<_> = case.history().iter().map(|entry| entry.name().to_owned()).collect();
    assert_eq!(names, ["create", "propose", "make", "edit", "migrate"]);
    assert_eq!(case.maker(&path("plan.json")).unwrap().n, 4);
    assert_eq!(case.effective().count(), 3);

    // The older contents were never kept: undo goes back to the migration and no further.
    assert_eq!(code(&case.undo(&stamp()).unwrap_err()), "nothing-to-undo");
    run(&mut case, "edit", &[("plan.json", Some("{}"))]).unwrap();
    case.undo(&stamp()).unwrap();
    assert_eq!(code(&case.undo(&stamp()).unwrap_err()), "nothing-to-undo");
    drop(case);
    assert_eq!(Case::verify_on(&copy, &Ctx::default()).unwrap(), []);
    assert_eq!(recorded(&Case::open_for_writing_on(Arc::new(copy)).unwrap()), expected());
}

#[test]
fn migration_works_from_folder_to_folder_and_refuses_occupied_ones() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("case-new");
    let from = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format-0"));
    drop(osteon_case::migrate(from, &to, &stamp(), &Ctx::default()).unwrap());
    assert_eq!(recorded(&Case::open(&to).unwrap()), expected());
    let error = osteon_case::migrate(from, &to, &stamp(), &Ctx::default()).unwrap_err();
    assert_eq!(code(&error), "folder-not-empty");
    let error = osteon_case::migrate(&to, &dir.path().join("again"), &stamp(), &Ctx::default()).unwrap_err();
    assert_eq!(code(&error), "bad-entry");
    assert!(!dir.path().join("again").exists());
}

#[test]
fn an_old_case_that_is_not_what_its_journal_says_is_not_migrated() {
    let old = format_0();
    old.tamper(&path("plan.json"), |bytes| bytes[3] ^= 1).unwrap();
    let copy = Memory::default();
    let error = migrate_on(&old, Arc::new(copy.clone()), &stamp(), &Ctx::default()).unwrap_err();
    assert_eq!(code(&error), "changed-outside");
    assert_eq!(code(&Case::open_on(Arc::new(copy)).unwrap_err()), "not-a-case");

    let old = format_0();
    old.tamper(&path("case.toml"), |bytes| *bytes = b"format = 9\n".to_vec()).unwrap();
    let error = migrate_on(&old, Arc::new(Memory::default()), &stamp(), &Ctx::default()).unwrap_err();
    assert_eq!(code(&error), "case-too-new");
}
