//! `convert`, `info` and what a person may state in place of a file.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;

use common::{Said, copy, demo, failed, json, osteon, skipped};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

fn words<'a>(command: &'a str, path: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a OsStr> {
    let mut words = vec![OsStr::new(command), path.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    words.extend(more.iter().map(|&word| OsStr::new(word)));
    words
}

fn record(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("findings.json")).unwrap()).unwrap()
}

fn codes(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect()
}

/// A copy of the demo's scan without some of its slices.
fn scan_without(dir: &Path, slices: &[usize]) -> PathBuf {
    let scan = dir.join("scan");
    copy(&demo().scan, &scan);
    for slice in slices {
        std::fs::remove_file(scan.join(format!("CT{slice:06}.dcm"))).unwrap();
    }
    scan
}

#[test]
fn a_scan_becomes_a_volume_with_its_record_and_standard_output_stays_free() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let said = osteon(words("convert", &demo().scan, &out, &[]));
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
    assert!(said.err.contains("1.nrrd: CT"), "{said:?}");
    let record = record(&out);
    let volume = &record["volumes"][0];
    assert_eq!((record["outcome"].as_str(), &volume["unit"]), (Some("ok"), &Value::from("HU")), "{record:#}");
    let [x, y, z] = [0, 1, 2].map(|n| volume["size"][n].as_u64().unwrap());
    let bytes = std::fs::read(out.join("1.nrrd")).unwrap();
    let header = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    assert_eq!(bytes.len() - header, (x * y * z * 2) as usize);
    // The same as the image that import keeps.
    let image = std::fs::read(demo().case.join("images/ct.nrrd")).unwrap();
    assert_eq!(image[image.len() - bytes.len() + header..], bytes[header..]);
    let again = osteon(words("convert", &demo().scan, &out, &["--json"]));
    failed(&again, "folder-not-empty");
}

#[test]
fn a_nifti_file_of_a_scan_makes_the_same_model_once_its_unit_is_stated() {
    let dir = tempfile::tempdir().unwrap();
    let (out, case) = (dir.path().join("out"), dir.path().join("case"));
    let said = osteon(words("convert", &demo().scan, &out, &["--format", "nii.gz"]));
    assert_eq!(said.code, 0, "{said:?}");
    let volume = out.join("1.nii.gz");
    let plain = ["--printer", "none", "--case-id", "DEMO-1", "--structure", "vertebra-L3"];
    failed(&json(words("model", &volume, &case, &plain)), "modality-not-stated");
    let stated = [&plain[..], &["--assume", "modality=CT", "--assume", "unit=HU"]].concat();
    let said = json(words("model", &volume, &case, &stated));
    assert_eq!(said.code, 0, "{said:?}");
    let made = |case: &Path| {
        let text = std::fs::read(case.join("products/vertebra-L3.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()
    };
    let (from_nifti, from_dicom) = (made(&case), made(&demo().case));
    let volumes = [&from_nifti, &from_dicom].map(|made| made["volume"].as_f64().unwrap());
    // The label has one line more; the bone is the same. NIfTI keeps places to about 1e-5 mm.
    assert!((volumes[0] / volumes[1] - 1.0).abs() < 5e-3, "{volumes:?}");
    assert!(from_nifti["marks"].to_string().contains("ASSUMED DATA"), "{from_nifti}");
    let page = std::fs::read_to_string(case.join("report-engineer.html")).unwrap();
    assert!(page.contains("modality = CT; unit = HU"));
}

#[test]
fn a_missing_slice_is_a_danger_that_nothing_is_made_across_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let scan = scan_without(dir.path(), &[30, 31]);
    let (out, case) = (dir.path().join("out"), dir.path().join("case"));
    let said = osteon(words("convert", &scan, &out, &[]));
    assert_eq!(said.code, 1, "{said:?}");
    let volume = &record(&out)["volumes"][0];
    assert!(codes(&volume["findings"]).contains(&"slab-not-measured"), "{volume:#}");
    assert_eq!(volume["not_measured"][0]["slices"], serde_json::json!([29, 30]), "{volume:#}");
    assert!(out.join("1.not-measured.nrrd").exists());
    let model = ["--printer", "none", "--structure", "vertebra-L3"];
    failed(&json(words("model", &scan, &case, &model)), "crosses-not-measured");
    assert!(!case.join("products").exists());
    let filled = dir.path().join("filled");
    let said = json(words("model", &scan, &filled, &[&model[..], &["--assume", "gaps=filled"]].concat()));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.findings().contains(&"slab-not-measured".to_owned()), "{said:?}");
    let made = std::fs::read_to_string(filled.join("products/vertebra-L3.json")).unwrap();
    assert!(made.contains("\"ASSUMED\"") && made.contains("\"GAPS\""), "{made}");
}

#[test]
fn what_is_stated_is_kept_for_a_replay_and_nonsense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let scan = scan_without(dir.path(), &[30]);
    let case = dir.path().join("case");
    let import = |more: &[&str]| {
        let mut words: Vec<&OsStr> = vec!["import".as_ref(), scan.as_ref(), "--case".as_ref(), case.as_ref()];
        words.extend(more.iter().map(OsStr::new));
        json(words)
    };
    for wrong in ["speed=3", "spacing=0,0", "gaps", "signed=perhaps", "modality=PT"] {
        failed(&import(&["--assume", wrong]), "bad-assumption");
        assert!(!case.exists());
    }
    let said = import(&["--assume", "gaps=filled"]);
    assert_eq!(said.code, 0, "{said:?}");
    let source = std::fs::read_to_string(case.join("images/ct.source.json")).unwrap();
    assert!(source.contains("\"gaps\": \"filled\""), "{source}");
    let replayed = osteon(["replay".as_ref(), case.as_os_str()]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
}

#[test]
fn several_scans_are_converted_and_a_refused_one_decides_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let (scans, out) = (dir.path().join("scans"), dir.path().join("out"));
    std::fs::create_dir(&scans).unwrap();
    copy(&demo().scan, &scans.join("good"));
    std::fs::write(scans.join("broken.nrrd"), b"NRRD0004\ntype: short\ndimension: 3\n\n").unwrap();
    let said = osteon(words("convert", &scans, &out, &[]));
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("error: broken.nrrd"), "{said:?}");
    let record = record(&out);
    assert_eq!(
        (record["outcome"].as_str(), record["volumes"].as_array().unwrap().len()),
        (Some("refused"), 1)
    );
    let refused = &record["refused"][0];
    assert_eq!((refused["series"].as_u64(), refused["file"].as_str()), (Some(2), Some("broken.nrrd")));
    let one = dir.path().join("one");
    assert_eq!(osteon(words("convert", &scans, &one, &["--series", "1"])).code, 0);
}

#[test]
fn a_folder_without_a_scan_has_a_record_too() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, out) = (dir.path().join("empty"), dir.path().join("out"));
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(empty.join("letter.txt"), b"dear colleague").unwrap();
    let said = osteon(words("convert", &empty, &out, &[]));
    assert_eq!(said.code, 3, "{said:?}");
    let record = record(&out);
    assert_eq!(record["refused"][0]["code"], "no-volume");
    assert_eq!(record["skipped"][0]["file"], "letter.txt");
}

#[test]
fn info_says_what_is_inside_and_what_would_be_refused() {
    let dir = tempfile::tempdir().unwrap();
    let scan = scan_without(dir.path(), &[30]);
    std::fs::write(scan.join("notes.txt"), b"x").unwrap();
    let said: Said = osteon(["info".as_ref(), scan.as_os_str()]);
    assert_eq!(said.code, 0, "looking is no danger: {said:?}");
    assert!(said.out.contains("danger: about 1 slice is missing"), "{said:?}");
    assert!(said.out.contains("1: CT") && said.out.contains("axial"), "{said:?}");
    assert!(said.err.contains("not a DICOM file"), "{said:?}");
    let said = json(["info".as_ref(), scan.as_os_str()]);
    assert_eq!(said.json()["data"]["scans"][0]["modality"], "CT", "{said:?}");
}

#[test]
fn every_folder_of_the_real_data_is_converted_or_refused_by_name() {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if !data.is_dir() {
        return skipped(&format!("no data at {}", data.display()));
    }
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&data).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let out = dir.path().join(folder.file_name().unwrap());
        let said = osteon(words("convert", &folder, &out, &["--quiet"]));
        assert!((0..=6).contains(&said.code), "{}: {said:?}", folder.display());
        for refused in record(&out)["refused"].as_array().unwrap() {
            let said = ["code", "message", "help"].map(|part| refused[part].as_str().unwrap().len());
            assert!(said.iter().all(|&length| length > 3), "{refused:#}");
        }
        std::fs::remove_dir_all(&out).unwrap();
    }
}
