//! Folders, files and archives, harmless and hostile.

use super::*;
use crate::budget::Limits;
use std::io::Write;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Writes a ZIP with `entries` into a folder and gives its path.
fn zip_of(folder: &Path, entries: &[(&str, &[u8], CompressionMethod)]) -> PathBuf {
    let path = folder.join("a.bin");
    let mut bytes = Vec::new();
    let mut zip = ZipWriter::new(io::Cursor::new(&mut bytes));
    for (name, content, method) in entries {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(*method)).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    put(&path, &bytes);
    path
}

#[allow(clippy::disallowed_methods, reason = "a test may write into its own folder")]
fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

fn names(files: &Files) -> Vec<&str> {
    files.entries.iter().map(Entry::name).collect()
}

fn all(path: &Path) -> Result<Files, FilesError> {
    list(path, &Budget::default(), &Ctx::default())
}

use CompressionMethod::{Deflated, Stored};

#[test]
fn a_folder_is_listed_by_name_and_what_is_not_opened_has_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("b/c")).unwrap();
    put(&folder.path().join("b/c/2"), b"two");
    put(&folder.path().join("a\u{1b}[31m"), b"red");
    put(&folder.path().join("nothing"), b"");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let files = all(folder.path()).unwrap();
    assert_eq!(names(&files), ["a\\u{1b}[31m", "b/c/2"]);
    assert_eq!(files.entries[1].read(&Budget::default()).unwrap(), b"two");
    let reasons: Vec<&str> = files.skipped.iter().map(|s| s.reason.as_str()).collect();
    #[cfg(unix)]
    assert_eq!(reasons, ["a link, which is not followed", "empty"]);
    assert!(all(&folder.path().join("none")).unwrap_err().to_string().contains("does not exist"));
}

#[test]
fn a_zip_is_a_folder_told_by_content_and_its_parts_are_what_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let path = zip_of(
        folder.path(),
        &[("x/2", &content, Deflated), ("../../etc/passwd", b"no", Stored), ("1", &content, Stored)],
    );
    for (files, below) in [(all(&path).unwrap(), ""), (all(folder.path()).unwrap(), "a.bin/")] {
        let expected = ["../../etc/passwd", "1", "x/2"].map(|name| format!("{below}{name}"));
        assert_eq!(names(&files), expected);
        for entry in &files.entries[1..] {
            assert_eq!(entry.read(&Budget::default()).unwrap(), content);
            assert_eq!(entry.head(1000).unwrap(), content[..1000]);
            assert_eq!(entry.read_at(150_000, 5000).unwrap(), content[150_000..155_000]);
            assert!(entry.read_at(299_999, 2).is_err() && entry.read_at(u64::MAX, 2).is_err());
        }
    }
}

#[test]
fn a_zip_that_is_damaged_anywhere_never_panics_nor_gives_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..600_u32).map(|i| ((i * i) >> 5) as u8).collect();
    let path = zip_of(folder.path(), &[("1", &content, Deflated), ("2", &content, Stored)]);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        put(&path, &bad);
        for entry in all(&path).map(|files| files.entries).unwrap_or_default() {
            if let Ok(read) = entry.read(&Budget::default()) {
                let same = read == content || read == bad;
                assert!(same, "byte {at}");
            }
        }
    }
}

#[test]
fn a_zip_that_is_cut_or_changed_is_called_so_and_is_to_be_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = zip_of(folder.path(), &[("1", &[7; 600], Stored)]);
    let good = fs::read(&path).unwrap();
    put(&path, &good[..300]);
    let cut = all(&path).unwrap_err();
    assert!(cut.to_string().contains("not a complete ZIP archive: the directory"), "{cut}");
    assert!(cut.code() == "zip-unreadable" && cut.help().contains("again"), "{}", cut.help());
    let mut changed = good;
    changed[300] ^= 1;
    put(&path, &changed);
    let damaged = all(&path).unwrap().entries[0].read(&Budget::default()).unwrap_err();
    assert!(damaged.to_string().starts_with("1 is damaged: its checksum in the ZIP is"), "{damaged}");
    assert_eq!((damaged.code(), damaged.kind()), ("damaged-file", osteon_core::ErrorKind::Input));
    assert!(damaged.help().contains("the ZIP again"), "{}", damaged.help());
}

#[test]
fn bombs_and_office_documents_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![0; 2 << 20];
    let path = zip_of(folder.path(), &[("1", &zeros, Deflated)]);
    let limits = Limits { inflation_from: 1 << 20, ..Limits::default() };
    let tight = list(&path, &Budget::new(limits, None), &Ctx::default()).unwrap_err();
    assert!(
        tight.to_string().contains("a.bin") && tight.to_string().contains("1 is packed too tightly"),
        "{tight}"
    );
    assert_eq!(tight.code(), "zip-unreadable");
    let path = zip_of(folder.path(), &[("[Content_Types].xml", b"<", Stored)]);
    assert!(all(&path).unwrap_err().to_string().contains("office document"));
    assert!(all(folder.path()).unwrap().skipped[0].reason.contains("office document"));
    let few = Budget::new(Limits { files: 0, ..Limits::default() }, None);
    assert_eq!(list(folder.path(), &few, &Ctx::default()).unwrap_err().code(), "budget-exceeded");
}

#[test]
fn a_file_that_changes_after_listing_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("1"), b"12345");
    let files = all(folder.path()).unwrap();
    for other in [b"123456".as_slice(), b"1234"] {
        put(&folder.path().join("1"), other);
        let read = files.entries[0].read(&Budget::default());
        assert_eq!(read, Err(FilesError::Changed { file: "1".to_owned() }));
    }
}

#[test]
fn an_index_of_a_medium_stands_for_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = vec![0; 128];
    index.extend_from_slice(b"DICM\x02\0\x02\0UI\x14\x001.2.840.10008.1.3.10");
    put(&folder.path().join("DICOMDIR"), &index);
    put(&folder.path().join("1"), b"x");
    assert_eq!(names(&all(&folder.path().join("DICOMDIR")).unwrap()), ["1", "DICOMDIR"]);
    assert_eq!(names(&all(&folder.path().join("1")).unwrap()), ["1"]);
}
