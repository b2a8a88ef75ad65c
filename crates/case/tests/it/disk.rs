//! The same on a real disk: links, rights, the lock between processes.

use super::*;
use osteon_case::CaseError;
use osteon_case::vfs::{Disk, Fault, Faulty, Times, Vfs};
use osteon_core::Ctx;
use std::fs;
use std::path::Path;

fn new_disk_case(dir: &Path) -> Writer {
    Case::create(dir, &Draft::new("case-1"), &stamp()).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    Disk::new(dir).list(&path("tmp")).unwrap()
}

#[test]
fn a_case_on_a_disk_is_made_changed_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("deep/case-1");
    let mut case = new_disk_case(&dir);
    run(&mut case, "a", &[("plan.json", Some("one")), ("products/guide.stl", Some("one"))]).unwrap();
    run(&mut case, "b", &[("plan.json", Some("two")), ("products/guide.stl", None)]).unwrap();
    assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "two");
    assert!(!dir.join("products/guide.stl").exists());
    case.undo(&stamp()).unwrap();
    assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "one");
    assert_eq!(fs::read_to_string(dir.join("products/guide.stl")).unwrap(), "one");
    case.restore(&path("plan.json")).unwrap();
    assert!(names(&dir).is_empty());
    drop(case);
    assert_eq!(Case::verify(&dir, &Ctx::default()).unwrap(), []);
    assert_eq!(Case::open_for_writing(&dir).unwrap().history().len(), 4);
}

#[cfg(unix)]
#[test]
fn a_content_lies_once_on_the_disk_and_is_read_only() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = tempfile::tempdir().unwrap();
    let mut case = new_disk_case(dir.path());
    run(&mut case, "import", &[("ct.nrrd", Some("samples"))]).unwrap();
    let artefact = fs::metadata(dir.path().join("ct.nrrd")).unwrap();
    assert_eq!(artefact.nlink(), 2);
    assert_eq!(artefact.permissions().mode() & 0o222, 0);
    case.set_identity("name = \"Doe^Jane\"\n").unwrap();
    let identity = fs::metadata(dir.path().join("identity.toml")).unwrap();
    assert_eq!(identity.permissions().mode() & 0o777, 0o600);
    assert_eq!(case.identity().unwrap().unwrap(), "name = \"Doe^Jane\"\n");
    let error = case.set_identity("name = Doe").unwrap_err();
    assert!(!error.to_string().contains("Doe"), "{error}");
    assert!(!fs::read_to_string(dir.path().join("journal.jsonl")).unwrap().contains("Doe"));
    assert!(case.artefacts().all(|(name, _)| name.as_str() == "ct.nrrd"));
    case.forget_identity().unwrap();
    assert_eq!(case.identity().unwrap(), None);
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_neither_followed_nor_overwritten() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::copy("/proc/self/cmdline", &secret).unwrap();
    let mut case = new_disk_case(dir.path());
    symlink(&secret, dir.path().join("plan.json")).unwrap();
    symlink(outside.path(), dir.path().join("products")).unwrap();
    assert!(case.read_as_found(&path("plan.json")).is_err());
    assert!(case.read_as_found(&path("products/secret")).is_err());
    let before = fs::read(&secret).unwrap();
    for name in ["plan.json", "products/secret", "products/new"] {
        let error = run(&mut case, "a", &[(name, Some("mine"))]).unwrap_err();
        assert_eq!(code(&error), "changed-outside", "{name}: {error}");
    }
    assert_eq!(fs::read(&secret).unwrap(), before);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn folders_that_are_no_cases_say_so() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(code(&Case::open(&dir.path().join("none")).unwrap_err()), "no-folder");
    assert_eq!(code(&Case::open(dir.path()).unwrap_err()), "not-a-case");
    assert_eq!(code(&Case::open_for_writing(dir.path()).unwrap_err()), "not-a-case");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "looking left something behind");
    let case = dir.path().join("case");
    new_disk_case(&case);
    assert_eq!(code(&Case::create(&case, &Draft::new("case-2"), &stamp()).unwrap_err()), "folder-not-empty");
    assert_eq!(code(&Case::create(dir.path(), &Draft::new("x"), &stamp()).unwrap_err()), "folder-not-empty");
    assert_eq!(code(&Case::open(&case.join("case.toml")).unwrap_err()), "not-a-case");
    assert_eq!(
        code(&Case::create(&dir.path().join("new"), &Draft::new("a/b"), &stamp()).unwrap_err()),
        "bad-entry"
    );
    assert!(!dir.path().join("new").exists());
}

/// Says that the test below runs as the second process.
const SECOND: &str = "OSTEON_CASE_LOCK_TEST";

#[test]
fn another_process_cannot_write_while_the_case_is_open() {
    if let Some(dir) = std::env::var_os(SECOND) {
        let error = Case::open_for_writing(Path::new(&dir)).unwrap_err();
        assert!(matches!(&error, CaseError::Locked { .. }), "{error}");
        Case::open(Path::new(&dir)).unwrap();
        println!("refused: {error}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let case = new_disk_case(dir.path());
    let second = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "disk::another_process_cannot_write_while_the_case_is_open", "--nocapture"])
        .env(SECOND, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stdout).into_owned();
    assert!(second.status.success(), "{said}");
    assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    assert_eq!(code(&Case::open_for_writing(dir.path()).unwrap_err()), "case-locked");
    drop(case);
    Case::open_for_writing(dir.path()).unwrap();
}

#[test]
fn a_change_on_a_disk_whose_nth_operation_fails_leaves_the_old_or_the_new_case() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("case");
    let mut case = new_disk_case(&dir);
    run(&mut case, "a", &[("x", Some("0"))]).unwrap();
    drop(case);
    let mut old = "0".to_owned();
    for n in 0_u64.. {
        let faulty = Faulty::new(Arc::new(Disk::new(&dir)), n, Fault::Broken, Times::Onwards);
        let new = format!("{n} new");
        let opened = Case::open_for_writing_on(Arc::new(faulty.clone()));
        let result =
            opened.and_then(|mut case| run(&mut case, "b", &[("x", Some(&new)), ("y/z", Some(&new))]));
        let lying = fs::read_to_string(dir.join("x")).unwrap();
        assert!(lying == old || lying == new, "a mixture: {lying}");
        let case = match Case::open_for_writing(&dir) {
            Err(CaseError::Torn { .. }) => Case::recover(&dir, &stamp()).unwrap(),
            opened => opened.unwrap(),
        };
        let found = String::from_utf8(case.read(&path("x")).unwrap()).unwrap();
        assert_eq!(fs::read_to_string(dir.join("x")).unwrap(), found);
        match result {
            Ok(_) | Err(CaseError::Unfinished { .. }) => assert_eq!(found, new),
            Err(CaseError::Unsure { .. }) => assert!(found == new || found == old),
            Err(error) => {
                assert_eq!(found, old);
                assert!(error.to_string().contains(&*dir.to_string_lossy()), "{error}");
            }
        }
        assert!(names(&dir).is_empty());
        old = found;
        if !faulty.has_struck() {
            assert!(n > 30);
            break;
        }
    }
    assert_eq!(Case::verify(&dir, &Ctx::default()).unwrap(), []);
}
