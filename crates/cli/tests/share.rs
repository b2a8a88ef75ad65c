//! A shared package tells nobody who the patient is: planted identifiers are looked for in every byte of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, and fails by panicking"
)]

mod common;

use common::{demo, failed, files, json, osteon};
use flate2::read::MultiGzDecoder;
use std::ffi::OsStr;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What is planted: tag, value representation, text. Twelve kinds, with the nested item and the file names.
const PLANTED: [(u32, &str, &str); 16] = [
    (0x0008_0050, "SH", "ACC9910077"),
    (0x0008_0080, "LO", "Spital am Quellweg"),
    (0x0008_0090, "PN", "OBERMOSER^TASSILO"),
    (0x0008_1030, "LO", "Knie von Kunigunde"),
    (0x0008_103e, "LO", "fuer Dr. Obermoser"),
    (0x0010_0010, "PN", "ZWIEBELHUBER^KUNIGUNDE"),
    (0x0010_0020, "LO", "PID-7730142"),
    (0x0010_0030, "DA", "19610412"),
    (0x0010_1040, "LO", "Lerchenfelder Gasse 17"),
    (0x0020_4000, "LT", "Kunigunde called"),
    (0x0020_000d, "UI", "1.2.276.0.99.17\0"),
    (0x0029_0010, "LO", "NESTWURZEL CSA"),
    (0x0029_1010, "LO", "csa ZWIEBELHUBER"),
    (0x0040_0275, "SQ", "NESTWURZEL^EGON "),
    (0x6000_4000, "LT", "overlay Zwiebelhuber"),
    (0xfffc_fffc, "OB", "padding ZWIEBELHUBER"),
];

/// Parts of them, looked for in any case.
const TELLING: [&str; 15] = [
    "zwiebelhuber",
    "kunigunde",
    "7730142",
    "19610412",
    "1961-04-12",
    "12.04.1961",
    "acc9910077",
    "lerchenfelder",
    "quellweg",
    "obermoser",
    "tassilo",
    "nestwurzel",
    "1.2.276.0.99",
    "identity.toml",
    "journal.jsonl",
];

/// An element in explicit little endian.
fn element(tag: u32, vr: &str, text: &str) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    if vr == "SQ" {
        // One item with a person's name in it.
        let name = element(0x0040_a123, "PN", text);
        value = [vec![0xfe, 0xff, 0, 0xe0], (name.len() as u32).to_le_bytes().to_vec(), name].concat();
    }
    if value.len() % 2 == 1 {
        value.push(b' ');
    }
    let mut bytes = [(tag >> 16) as u16, tag as u16].map(u16::to_le_bytes).concat();
    bytes.extend(vr.bytes());
    if matches!(vr, "SQ" | "OB") {
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    } else {
        bytes.extend((value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

/// The elements of a flat file of the demo by tag, pixels and all.
fn elements(bytes: &[u8], mut at: usize) -> Vec<(u32, Vec<u8>)> {
    let mut found = Vec::new();
    while at < bytes.len() {
        let short = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let tag = short(at) << 16 | short(at + 2);
        let long = matches!(&bytes[at + 4..at + 6], b"OB" | b"OW" | b"SQ" | b"UN" | b"UT");
        let end = if tag == 0x7fe0_0010 {
            bytes.len()
        } else if long {
            at + 12 + (short(at + 8) | short(at + 10) << 16) as usize
        } else {
            at + 8 + short(at + 6) as usize
        };
        found.push((tag, bytes[at..end].to_vec()));
        at = end;
    }
    found
}

/// A file of the demo with everything planted into it.
fn plant(bytes: &[u8]) -> Vec<u8> {
    let group = u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
    let start = 144 + group;
    let mut found = elements(bytes, start);
    for (tag, vr, text) in PLANTED {
        found.retain(|(other, _)| *other != tag);
        found.push((tag, element(tag, vr, text)));
    }
    found.sort();
    let mut planted = bytes[..start].to_vec();
    planted[..12].copy_from_slice(b"ZWIEBELHUBER");
    found.into_iter().for_each(|(_, bytes)| planted.extend(bytes));
    planted
}

/// A case made from planted files, and its folder's folder.
fn case() -> &'static PathBuf {
    static CASE: OnceLock<PathBuf> = OnceLock::new();
    CASE.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("share");
        let _ = std::fs::remove_dir_all(&dir);
        let scan = dir.join("Zwiebelhuber Kunigunde 1961");
        std::fs::create_dir_all(&scan).unwrap();
        for (n, (_, bytes)) in files(&demo().scan).into_iter().enumerate() {
            let planted = plant(&bytes);
            assert!(tells(&planted).len() > 9, "the test plants what it looks for");
            std::fs::write(scan.join(format!("ZWIEBELHUBER_K_{n:04}.dcm")), planted).unwrap();
        }
        let case = dir.join("case");
        let words = ["model", "--printer", "none", "--case-id", "KNEE-7", "--out"].map(OsStr::new);
        let said = json(words.into_iter().chain([case.as_os_str(), scan.as_os_str()]));
        assert_eq!(said.code, 0, "{said:?}");
        // The first sharing makes the key, for which it needs the case to itself.
        assert_eq!(share(&case, &dir.join("first"), &[]).code, 0);
        case
    })
}

/// Which of the planted texts the bytes tell, as they are and in UTF-16.
fn tells(bytes: &[u8]) -> Vec<&'static str> {
    let small = bytes.to_ascii_lowercase();
    let has = |part: &[u8]| part.len() > 1 && small.windows(part.len()).any(|here| here == part);
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    TELLING.into_iter().filter(|text| has(text.as_bytes()) || text.len() > 4 && has(&wide(text))).collect()
}

/// Every layer of a file, with a search that shares nothing with the program's: as it is, and unpacked.
fn told(name: &str, bytes: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = tells(name.as_bytes())
        .into_iter()
        .chain(tells(bytes))
        .map(|text| format!("{name}: {text}"))
        .collect();
    if bytes.starts_with(b"PK") {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        for n in 0..archive.len() {
            let mut entry = archive.by_index(n).unwrap();
            let mut inside = Vec::new();
            entry.read_to_end(&mut inside).unwrap();
            let name = entry.name().unwrap().into_owned();
            drop(entry);
            found.extend(told(&name, &inside));
        }
    }
    if let Some(at) =
        bytes.windows(4).position(|here| here == [0x1f, 0x8b, 8, 0]).filter(|_| name.ends_with(".nrrd"))
    {
        let mut inside = Vec::new();
        MultiGzDecoder::new(&bytes[at..]).read_to_end(&mut inside).unwrap();
        found.extend(told("samples", &inside));
    }
    found
}

fn share(case: &Path, out: &Path, more: &[&str]) -> common::Said {
    let words = [OsStr::new("share"), case.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    json(words.into_iter().chain(more.iter().map(OsStr::new)))
}

#[test]
fn nothing_planted_is_in_a_package_with_or_without_slices() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    let said = share(case(), &plain, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let names = |dir: &Path| -> Vec<String> {
        files(dir).keys().map(|path| path.strip_prefix(dir).unwrap().to_string_lossy().into_owned()).collect()
    };
    let shared = names(&plain);
    for file in [
        "README.txt",
        "about.json",
        "actions.json",
        "image.nrrd",
        "labels.seg.nrrd",
        "manifest.json",
        "plan.json",
    ] {
        assert!(shared.iter().any(|name| name == file), "{file}: {shared:?}");
    }
    assert!(!shared.iter().any(|name| name.starts_with("dicom") || name.contains("KNEE-7")), "{shared:?}");
    let zipped = dir.path().join("package.zip");
    let said = share(case(), &zipped, &["--dicom", "add"]);
    assert_eq!(said.code, 0, "{said:?}");
    let mut all = files(&plain);
    all.insert("package.zip".into(), std::fs::read(&zipped).unwrap());
    for (path, bytes) in all {
        let name = path.strip_prefix(dir.path()).unwrap_or(&path).to_string_lossy().into_owned();
        assert_eq!(told(&name, &bytes), Vec::<String>::new());
        // The original's frame of reference and the case's own id do not leave either.
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("KNEE-7"), "{name}");
    }
}

#[test]
fn shared_slices_have_the_pixels_and_places_they_had_under_one_new_study() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    assert_eq!(share(case(), &out, &["--dicom", "add", "--formats", "stl"]).code, 0);
    let clean = |bytes: &[u8]| {
        let start = 144 + u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
        (start, bytes.to_vec())
    };
    let scan = case().parent().unwrap().join("Zwiebelhuber Kunigunde 1961");
    let (before, after) = (files(&scan), files(&out.join("dicom")));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.values().zip(after.values()) {
        let find = |bytes: &[u8], tag: u32| {
            let (start, bytes) = clean(bytes);
            let head = [(tag >> 16) as u16, tag as u16].map(u16::to_le_bytes).concat();
            let at = bytes[start..].windows(4).position(|here| here == head).unwrap() + start;
            let end = if tag == 0x7fe0_0010 { bytes.len() } else { at + 8 + usize::from(bytes[at + 6]) };
            bytes[at..end].to_vec()
        };
        for tag in [0x0020_0032, 0x0020_0037, 0x0028_0030, 0x0028_1052, 0x0028_1053] {
            assert_eq!(find(before, tag), find(after, tag), "{tag:08x}");
        }
        let pixels = find(after, 0x7fe0_0010);
        assert!(find(before, 0x7fe0_0010).starts_with(&pixels));
    }
    let again = dir.path().join("again");
    assert_eq!(share(case(), &again, &["--dicom", "add", "--formats", "stl"]).code, 0);
    let (first, second) = (files(&out), files(&again));
    assert!(first.values().eq(second.values()), "the same key gives the same package");
    let key = dir.path().join("key");
    std::fs::write(&key, "0123456789abcdef".repeat(4)).unwrap();
    let other = dir.path().join("other");
    let said = share(case(), &other, &["--dicom", "add", "--formats", "stl", "--key", key.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!files(&other.join("dicom")).values().eq(files(&out.join("dicom")).values()));
}

#[test]
fn an_identifier_in_what_would_be_released_stops_the_release() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("case");
    common::copy(case(), &copy);
    let identity = copy.join("identity.toml");
    let text = std::fs::read_to_string(&identity).unwrap();
    // The patient is called like the case, whose id is pressed into the model.
    std::fs::write(&identity, text.replace("ZWIEBELHUBER^KUNIGUNDE", "KNEE-7^KUNIGUNDE")).unwrap();
    let out = dir.path().join("out");
    let failure = failed(&share(&copy, &out, &[]), "identifier-left");
    assert!(failure["message"].as_str().unwrap().contains("marks"), "{failure}");
    assert!(!failure.to_string().contains("KNEE-7"), "{failure}");
    assert!(!out.exists());
    // A package named after the patient is refused as well.
    let named = dir.path().join("zwiebelhuber.zip");
    failed(&share(case(), &named, &[]), "identifier-left");
    assert!(!named.exists());
}

#[test]
fn a_used_place_missing_originals_and_a_bad_key_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    failed(&share(case(), &case().join("out"), &[]), "package-in-case");
    failed(&share(case(), dir.path().parent().unwrap(), &[]), "package-exists");
    let key = dir.path().join("key");
    std::fs::write(&key, "short").unwrap();
    failed(&share(case(), &dir.path().join("a"), &["--key", key.to_str().unwrap()]), "bad-key");
    let copy = dir.path().join("case");
    common::copy(case(), &copy);
    let identity = copy.join("identity.toml");
    let text = std::fs::read_to_string(&identity).unwrap();
    std::fs::write(&identity, text.replace("Zwiebelhuber Kunigunde 1961", "gone")).unwrap();
    failed(&share(&copy, &dir.path().join("b"), &["--dicom", "add"]), "originals-missing");
    assert_eq!(osteon([OsStr::new("verify"), case().as_os_str()]).code, 0);
}

#[test]
fn a_real_head_leaves_without_its_face_and_its_slices_stay() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/dcm_qa_ct_ge/GE"));
    if !data.exists() {
        common::skipped(&format!("no data at {}", data.display()));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (scan, case) = (dir.path().join("scan"), dir.path().join("case"));
    std::fs::create_dir(&scan).unwrap();
    // The first 14 slices, from the skull base to the brow, are evenly spaced.
    for n in 1..=14 {
        let name = format!("{n:02}.dcm");
        std::fs::copy(data.join(&name), scan.join(&name)).unwrap();
    }
    let run = |words: &[&str]| {
        let words = words.iter().map(OsStr::new).chain([OsStr::new("--case"), case.as_os_str()]);
        json(words)
    };
    assert_eq!(run(&["import", scan.to_str().unwrap()]).code, 0);
    let original = std::fs::read(case.join("images/ct.nrrd")).unwrap();
    assert_eq!(run(&["segment", "--threshold=-200"]).code, 0);
    let out = dir.path().join("out");
    let said = share(&case, &out, &[]);
    assert_eq!(said.code, 1, "a structure of skin is a danger: {said:?}");
    let found = said.findings();
    for code in ["face-unsure", "skull-shape", "face-in-mesh"] {
        assert!(found.iter().any(|found| found == code), "{code}: {found:?}");
    }
    assert!(!out.join("labels.seg.nrrd").exists());
    let samples = |bytes: &[u8]| -> Vec<i16> {
        let at = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
        let mut raw = bytes[at..].to_vec();
        if raw.starts_with(&[0x1f, 0x8b]) {
            raw.clear();
            MultiGzDecoder::new(&bytes[at..]).read_to_end(&mut raw).unwrap();
        }
        raw.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
    };
    let shared = samples(&std::fs::read(out.join("image.nrrd")).unwrap());
    let pairs: Vec<_> =
        samples(&original).into_iter().zip(shared).filter(|(before, after)| before != after).collect();
    // A tenth of the voxels is face and the air before it; none of it is bone.
    assert!(pairs.len() > 300_000 && pairs.iter().all(|&(before, after)| before < 226 && after == -1000));
    failed(&share(&case, &dir.path().join("slices"), &["--dicom", "add"]), "face-in-dicom");
    let more = ["--dicom", "add", "--face", "keep", "--format", "nii.gz"];
    let kept = share(&case, &dir.path().join("kept"), &more);
    assert!(dir.path().join("kept/image.nii.gz").exists());
    assert_eq!((kept.code, kept.findings().contains(&"face-kept".to_owned())), (0, true), "{kept:?}");
    let actions = std::fs::read_to_string(dir.path().join("kept/actions.json")).unwrap();
    assert!(actions.contains("\"face\": \"keep\""), "{actions}");
}
