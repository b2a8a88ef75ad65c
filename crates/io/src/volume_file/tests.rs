//! Volume files of every kind, told apart by content; cut short, spoilt, too large.

use super::*;
use osteon_core::Explain;

fn read(bytes: &[u8]) -> Result<Read, VolumeFileError> {
    super::read(bytes, &Request::new("test", &Budget::default()), &Ctx::default())
}

#[test]
fn content_decides_what_a_file_is_and_the_name_does_not() {
    let analyze = |dims: u8| {
        let mut head = vec![0; 348];
        (head[0], head[1], head[40]) = (0x5c, 1, dims);
        head
    };
    let nifti = |magic: &[u8]| {
        let mut head = analyze(3);
        head[344..].copy_from_slice(magic);
        head
    };
    let cases: [(&[u8], Option<Kind>); 12] = [
        (b"", None),
        (b"<html>", None),
        (b"NRRD0005\n", Some(Kind::Nrrd)),
        (b"ObjectType = Image\nNDims = 3\n", Some(Kind::MetaImage)),
        (b"NDims=3\r\nDimSize = 1 1 1\r\n", Some(Kind::MetaImage)),
        (b"ObjectType = Image\n", None),
        (b"solid NDims = 3\n", None),
        (&nifti(b"n+1\0"), Some(Kind::Nifti1)),
        (&nifti(b"ni1\0"), Some(Kind::Nifti1)),
        (&analyze(4), Some(Kind::Analyze)),
        (&analyze(0), None),
        (b"\0\0\x02\x1cn+2\0\r\n\x1a\n", Some(Kind::Nifti2)),
    ];
    for (head, kind) in cases {
        assert_eq!(recognise(head), kind, "{}", String::from_utf8_lossy(head));
    }
    assert_eq!(recognise(&[0x1f, 0x8b, 8, 0, 0, 0]), None);
    assert_eq!(read(b"<html>").unwrap_err().code(), "volume-unknown");
    assert_eq!(read(&analyze(4)).unwrap_err().code(), "volume-analyze");
}

/// A file of 2 × 1 × 2 samples with the given header lines changed.
fn nrrd(changes: &[&str], data: &[u8]) -> Vec<u8> {
    let usual = "type: int16\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 1 2\n\
                 space directions: (0.5,0,0) (0,0.5,0) (0,0.1,2)\nkinds: domain domain domain\n\
                 endian: little\nencoding: raw\nspace origin: (1,2,3)\nspace units: \"mm\" \"mm\" \"mm\"\n";
    let name = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
    let mut text = String::from("NRRD0004\n");
    let kept = usual.lines().filter(|line| !changes.iter().any(|change| name(change) == name(line)));
    for line in kept.chain(changes.iter().copied()).filter(|line| line.contains(": ")) {
        text += &format!("{line}\n");
    }
    [text.as_bytes(), b"\n", data].concat()
}

fn codes(read: &Read) -> String {
    read.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn floats_and_wide_numbers_of_an_nrrd_are_kept_as_they_are() {
    let floats: Vec<u8> = [0.5_f32, -2.0, 3.0, 70_000.0].iter().flat_map(|v| v.to_be_bytes()).collect();
    let read_float = read(&nrrd(&["type: float", "endian: big"], &floats)).unwrap();
    assert_eq!((read_float.volume.range(), codes(&read_float)), ((-2.0, 70_000.0), String::new()));
    let whole: Vec<u8> = [-5_i64, 1, 2, 3].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert!(matches!(read(&nrrd(&["type: int64"], &whole)).unwrap().volume, Samples::I16(_)));
    let nan: Vec<u8> = [f64::NAN; 4].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(read(&nrrd(&["type: double"], &nan)).unwrap_err().code(), "samples-not-finite");
}

#[test]
fn an_nrrd_on_a_sheared_grid_returns_bit_for_bit_as_float() {
    let first = read(&nrrd(&["type: float"], &[0x3f; 16])).unwrap();
    for encoding in [nrrd::Encoding::Raw, nrrd::Encoding::Gzip] {
        let mut bytes = Vec::new();
        nrrd::write_samples(&first.volume, &[], encoding, &mut bytes, &Ctx::default()).unwrap();
        let again = read(&bytes).unwrap();
        assert_eq!((again, first.volume.grid().is_sheared()), (first.clone(), true));
    }
}

#[test]
fn an_nrrd_header_may_name_a_file_beside_it() {
    let data = [1, 0, 2, 0, 3, 0, 4, 0];
    let late = [&[7; 3][..], &data].concat();
    let budget = Budget::default();
    let missing = |name: &str| FilesError::Io { file: name.to_owned(), reason: "not there".to_owned() };
    let fetch = |name: &str| match name {
        "a b.raw" => Ok(data.to_vec()),
        "late.raw" => Ok(late.clone()),
        _ => Err(missing(name)),
    };
    let detached = |changes: &[&str]| {
        let request = Request { detached: Some(&fetch), ..Request::new("test.nhdr", &budget) };
        // The blank line at the end may be missing.
        let bytes = nrrd(changes, b"");
        super::read(&bytes[..bytes.len() - 1], &request, &Ctx::default())
    };
    let plain = read(&nrrd(&[], &data)).unwrap();
    assert_eq!(detached(&["data file: a b.raw"]).unwrap(), plain);
    assert_eq!(detached(&["datafile: late.raw", "byte skip: 3"]).unwrap(), plain);
    assert_eq!(detached(&["data file: late.raw", "byte skip: -1"]).unwrap(), plain);
    let refused = [
        (&["data file: ../a b.raw"][..], "volume-elsewhere"),
        (&["data file: LIST"], "nrrd-unsupported"),
        (&["data file: s%02d.raw 1 9 1"], "nrrd-unsupported"),
        (&["data file: none.raw"], "file-unreadable"),
        (&["data file: a b.raw", "line skip: 1"], "nrrd-unsupported"),
        (&["data file: a b.raw", "byte skip: 1"], "volume-size"),
        (&["data file: a b.raw", "byte skip: x"], "nrrd-field"),
    ];
    for (changes, code) in refused {
        let refused = detached(changes).unwrap_err();
        assert_eq!(refused.code(), code, "{changes:?}: {refused}");
    }
    assert_eq!(read(&nrrd(&["data file: a b.raw"], b"")).unwrap_err().code(), "volume-elsewhere");
}

#[test]
fn an_nrrd_that_does_not_say_where_it_lies_is_refused_and_one_of_layers_too() {
    let cases: [(&[&str], &str); 6] = [
        (&["space directions"], "nrrd-field-missing"),
        (&["space origin"], "nrrd-field-missing"),
        (&["space"], "nrrd-field-missing"),
        (
            &["dimension: 4", "sizes: 2 2 1 1", "space directions: none (1,0,0) (0,1,0) (0,0,1)"],
            "volume-several",
        ),
        (&["sizes: 2 1 3"], "volume-size"),
        (&["sizes: 1300 1300 1300"], "budget-exceeded"),
    ];
    for (changes, code) in cases {
        let refused = read(&nrrd(changes, &[0; 8])).unwrap_err();
        assert_eq!(refused.code(), code, "{changes:?}: {refused}");
    }
    assert_eq!(codes(&read(&nrrd(&["space units"], &[0; 8])).unwrap()), "volume-unit-unsaid");
    assert_eq!(codes(&read(&nrrd(&["type: int16"], &[0; 9])).unwrap()), "volume-more-bytes");
    let turned = read(&nrrd(&["space: LAS"], &[0; 8])).unwrap();
    assert_eq!(turned.volume.grid().place(0, 0, 0).to_array(), [1.0, -2.0, 3.0]);
}
