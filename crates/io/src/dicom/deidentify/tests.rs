//! Planted identifiers must be gone from every layer, geometry and pixels must be what they were.

use super::*;
use crate::dicom::{Encoding, SeriesMeta, write_series};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_object::InMemDicomObject;
use flate2::{Compression, write::GzEncoder};
use osteon_core::ctx::Random;
use osteon_core::{Grid, Point, Volume};
use std::io::{Cursor, Write};

type Object = dicom_object::FileDicomObject<InMemDicomObject>;

/// What is planted: kind, place, value representation, text.
const PLANTED: [(&str, Tag, VR, &str); 13] = [
    ("name", tags::PATIENT_NAME, VR::PN, "ZWIEBELHUBER^KUNIGUNDE"),
    ("number", tags::PATIENT_ID, VR::LO, "PID-7730142"),
    ("birth date", tags::PATIENT_BIRTH_DATE, VR::DA, "19610412"),
    ("accession", tags::ACCESSION_NUMBER, VR::SH, "ACC9910077"),
    ("address", Tag(0x0010, 0x1040), VR::LO, "Lerchenfelder Gasse 17"),
    ("institution", tags::INSTITUTION_NAME, VR::LO, "Spital am Quellweg"),
    ("physician", tags::REFERRING_PHYSICIAN_NAME, VR::PN, "OBERMOSER^TASSILO"),
    ("description", tags::STUDY_DESCRIPTION, VR::LO, "Knie von Kunigunde Z."),
    ("series", tags::SERIES_DESCRIPTION, VR::LO, "fuer Dr. Obermoser"),
    ("private", Tag(0x0029, 0x1010), VR::LO, "csa ZWIEBELHUBER"),
    ("overlay", Tag(0x6000, 0x4000), VR::LT, "overlay Zwiebelhuber 1961"),
    ("comments", tags::IMAGE_COMMENTS, VR::LT, "7730142 called"),
    ("padding", Tag(0xfffc, 0xfffc), VR::OB, "padding ZWIEBELHUBER"),
];

/// Parts of them, looked for in any case and encoding.
const TELLING: [&str; 10] = [
    "zwiebelhuber",
    "kunigunde",
    "7730142",
    "19610412",
    "acc9910077",
    "lerchenfelder",
    "quellweg",
    "obermoser",
    "nestwurzel",
    "1.2.276.0.99",
];

const SYNTAXES: [&str; 5] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEGLS_LOSSLESS,
];

fn volume() -> Volume<i16> {
    let spacing = glam::DVec3::new(0.7, 0.7, 1.25);
    let grid = Grid::upright([20, 16, 3], Point::new(-7.0, 3.5, 100.25), spacing).unwrap();
    let mut random = Random::new(7);
    let samples = (0..grid.count()).map(|_| (random.bits() % 3000) as i16 - 1000).collect();
    Volume::new(grid, samples).unwrap()
}

fn key() -> Key {
    Key::new([42; 32])
}

/// A slice of a phantom, not yet planted into.
fn slice(z: usize, encoding: Encoding) -> Object {
    let (volume, meta) = (volume(), SeriesMeta::new("deidentify"));
    let bytes = write_series(&volume, &meta, encoding).unwrap().file(z).unwrap().bytes;
    dicom_object::from_reader(&bytes[..]).unwrap()
}

fn text(tag: Tag, vr: VR, value: &str) -> DataElement<InMemDicomObject> {
    match vr {
        VR::OB => DataElement::new(tag, vr, PrimitiveValue::from(value.as_bytes().to_vec())),
        _ => DataElement::new(tag, vr, PrimitiveValue::from(value)),
    }
}

/// A slice with everything planted, in a transfer syntax.
fn planted(z: usize, syntax: &str) -> Vec<u8> {
    let encoding = if syntax == uids::JPEGLS_LOSSLESS { Encoding::JpegLs } else { Encoding::ExplicitLittle };
    let mut object = slice(z, encoding);
    for (_, tag, vr, value) in PLANTED {
        object.put(text(tag, vr, value));
    }
    object.put(text(Tag(0x0029, 0x0010), VR::LO, "NESTWURZEL CSA"));
    object.put(text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.276.0.99.17"));
    let inner = InMemDicomObject::from_element_iter([text(tags::PERSON_NAME, VR::PN, "NESTWURZEL^EGON")]);
    let nested = InMemDicomObject::from_element_iter([DataElement::new(
        tags::CONTENT_SEQUENCE,
        VR::SQ,
        DataSetSequence::from(vec![inner]),
    )]);
    let sequence = DataSetSequence::from(vec![nested.clone()]);
    object.put(DataElement::new(tags::REQUEST_ATTRIBUTES_SEQUENCE, VR::SQ, sequence));
    // Also inside a sequence that is kept.
    let kept = DataSetSequence::from(vec![nested]);
    object.put(DataElement::new(tags::PIXEL_MEASURES_SEQUENCE, VR::SQ, kept));
    object.update_meta(|meta| {
        syntax.clone_into(&mut meta.transfer_syntax);
        meta.source_application_entity_title = Some("ZWIEBELHUBER".to_owned());
    });
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    bytes[..12].copy_from_slice(b"ZWIEBELHUBER");
    bytes
}

fn read(bytes: &[u8]) -> Object {
    dicom_object::from_reader(bytes).unwrap()
}

/// A search that shares nothing with the one under test.
fn tells(bytes: &[u8]) -> Vec<&'static str> {
    let small = bytes.to_ascii_lowercase();
    let has = |part: &[u8]| small.windows(part.len()).any(|here| here == part);
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    TELLING.into_iter().filter(|text| has(text.as_bytes()) || has(&wide(text))).collect()
}

#[test]
fn every_planted_identifier_is_gone_in_every_transfer_syntax() {
    for syntax in SYNTAXES {
        let original = planted(1, syntax);
        if syntax != uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
            assert_eq!(tells(&original).len(), TELLING.len(), "the test plants what it looks for");
        }
        let clean = deidentify(&original, "case-0", &key(), How::default()).unwrap();
        assert_eq!(tells(&clean.bytes), Vec::<&str>::new(), "{syntax}");
        let object = read(&clean.bytes);
        let said = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
        assert_eq!(said(tags::PATIENT_NAME), "case-0");
        assert_eq!(said(tags::PATIENT_IDENTITY_REMOVED), "YES");
        assert_eq!(said(tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED), "REMOVED");
        let codes = object.element(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE).unwrap().items().unwrap();
        assert_eq!(codes.len(), 1);
        assert_eq!(codes[0].element(tags::CODE_VALUE).unwrap().to_str().unwrap(), "113100");
        assert!(object.iter().all(|element| element.header().tag.group() % 2 == 0));
    }
}

#[test]
fn geometry_units_and_pixels_are_the_same_bytes() {
    for syntax in SYNTAXES {
        let original = planted(2, syntax);
        let clean = deidentify(&original, "case-0", &key(), How::default()).unwrap().bytes;
        let (before, after) = (read(&original), read(&clean));
        let same = [
            tags::IMAGE_POSITION_PATIENT,
            tags::IMAGE_ORIENTATION_PATIENT,
            tags::PIXEL_SPACING,
            tags::SLICE_THICKNESS,
            tags::GANTRY_DETECTOR_TILT,
            tags::RESCALE_SLOPE,
            tags::RESCALE_INTERCEPT,
            tags::RESCALE_TYPE,
            tags::ROWS,
            tags::COLUMNS,
            tags::BITS_STORED,
            tags::PIXEL_REPRESENTATION,
            tags::CONVOLUTION_KERNEL,
            tags::IMAGE_TYPE,
            tags::PATIENT_POSITION,
            tags::INSTANCE_NUMBER,
            tags::PIXEL_DATA,
        ];
        for tag in same {
            let value = |object: &Object| object.element(tag).unwrap().value().clone();
            assert_eq!(value(&before), value(&after), "{tag} in {syntax}");
        }
    }
}

#[test]
fn files_of_a_study_stay_together_and_another_key_parts_them() {
    let clean =
        |z, key: &Key| read(&deidentify(&planted(z, SYNTAXES[0]), "c", key, How::default()).unwrap().bytes);
    let uid = |object: &Object, tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    let (a, b, other) = (clean(0, &key()), clean(1, &key()), clean(0, &Key::new([1; 32])));
    for tag in [tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID, tags::FRAME_OF_REFERENCE_UID] {
        assert_eq!(uid(&a, tag), uid(&b, tag));
        assert_ne!(uid(&a, tag), uid(&other, tag));
    }
    assert_ne!(uid(&a, tags::SOP_INSTANCE_UID), uid(&b, tags::SOP_INSTANCE_UID));
    assert_eq!(
        uid(&a, tags::SOP_INSTANCE_UID),
        a.meta().media_storage_sop_instance_uid().trim_end_matches('\0')
    );
    assert_eq!(uid(&a, tags::STUDY_INSTANCE_UID), key().uid("1.2.276.0.99.17"));
}

#[test]
fn an_identifier_hidden_in_a_kept_attribute_goes_with_it() {
    let mut object = slice(0, Encoding::ExplicitLittle);
    object.put(text(tags::PATIENT_NAME, VR::PN, "LEG^UB"));
    object.put(text(tags::PATIENT_ID, VR::LO, "77301"));
    object.put(text(tags::BODY_PART_EXAMINED, VR::CS, "LEG"));
    object.put(text(tags::CONVOLUTION_KERNEL, VR::SH, "UB"));
    object.put(text(tags::SERIES_NUMBER, VR::IS, "77301"));
    object.put(text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL\\MAIERHOFER"));
    object.put(text(tags::KVP, VR::DS, "MAIER"));
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    let clean = read(&deidentify(&bytes, "case-0", &key(), How::default()).unwrap().bytes);
    for tag in [tags::BODY_PART_EXAMINED, tags::CONVOLUTION_KERNEL, tags::SERIES_NUMBER, tags::KVP] {
        assert!(clean.element(tag).is_err(), "{tag}");
    }
    let kinds = clean.element(tags::IMAGE_TYPE).unwrap().to_str().unwrap().into_owned();
    assert_eq!(kinds, "ORIGINAL\\PRIMARY\\AXIAL\\OTHER");
}

#[test]
fn names_in_other_scripts_are_collected_in_their_meaning() {
    let mut object = slice(0, Encoding::ExplicitLittle);
    object.put(text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "GB18030"));
    let name = encoding_rs::GB18030.encode("王小东^国强").0.into_owned();
    object.put(DataElement::new(tags::PATIENT_NAME, VR::PN, PrimitiveValue::from("GGGGGGGGGGGG")));
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    let at = bytes.windows(12).position(|here| here == b"GGGGGGGGGGGG").unwrap();
    bytes[at..at + 11].copy_from_slice(&name);
    bytes[at + 11] = b' ';
    let search = deidentify(&bytes, "case-0", &key(), How::default()).unwrap().identifiers.search("");
    for text in ["王小东", "国强王小东"] {
        assert!(search.leak("a.txt", text.as_bytes()).is_some(), "{text}");
        assert!(search.leak("a.txt", &encoding_rs::GB18030.encode(text).0).is_some(), "{text}");
    }
}

#[test]
fn pictures_that_may_hold_text_are_refused_unless_somebody_looked() {
    let with = |burned: Option<&str>, kinds: &str, class: &str| {
        let mut object = slice(0, Encoding::ExplicitLittle);
        object.remove_element(tags::BURNED_IN_ANNOTATION);
        object.put(text(tags::IMAGE_TYPE, VR::CS, kinds));
        object.put(text(tags::SOP_CLASS_UID, VR::UI, class));
        burned.map(|said| object.put(text(tags::BURNED_IN_ANNOTATION, VR::CS, said)));
        let mut bytes = Vec::new();
        object.write_all(&mut bytes).unwrap();
        bytes
    };
    let (axial, mpr) = ("ORIGINAL\\PRIMARY\\AXIAL", "DERIVED\\SECONDARY\\MPR");
    let (ct, capture) = (uids::CT_IMAGE_STORAGE, uids::SECONDARY_CAPTURE_IMAGE_STORAGE);
    let cases = [
        (with(Some("YES"), axial, ct), true),
        (with(None, axial, ct), false),
        (with(None, mpr, ct), true),
        (with(None, "DERIVED\\SECONDARY\\SCREEN SAVE", ct), true),
        (with(None, axial, capture), true),
        (with(Some("NO"), mpr, capture), false),
        (with(None, "DERIVED\\PRIMARY\\AXIAL", ct), false),
        // What is not on the keep-list and so would not be in the file afterwards speaks for nothing.
        (with(None, "DERIVED\\PRIMARY\\LAXIAL", ct), true),
        (with(Some("NO\\SMITH"), mpr, ct), true),
    ];
    for (n, (bytes, refused)) in cases.into_iter().enumerate() {
        let done = deidentify(&bytes, "case-0", &key(), How::default());
        assert_eq!(matches!(done, Err(DeidentifyError::BurnedIn(_))), refused, "case {n}: {done:?}");
        if let Ok(clean) = done {
            let again = deidentify(&clean.bytes, "case-1", &key(), How::default());
            assert!(again.is_ok(), "case {n}, de-identified again: {again:?}");
        }
        let how = How { burned_in: BurnedIn::Accept, ..How::default() };
        let taken = read(&deidentify(&bytes, "case-0", &key(), how).unwrap().bytes);
        let method = taken.element(tags::DEIDENTIFICATION_METHOD).unwrap().to_str().unwrap().into_owned();
        assert!(method.contains("accepted by a person"), "{method}");
    }
}

#[test]
fn shifted_dates_keep_their_distances_and_say_so() {
    let how = How { dates: Dates::Shift, ..How::default() };
    let dated = |date: &str| {
        let mut object = read(&planted(0, SYNTAXES[0]));
        object.put(text(tags::STUDY_DATE, VR::DA, date));
        let mut bytes = Vec::new();
        object.write_all(&mut bytes).unwrap();
        let clean = read(&deidentify(&bytes, "case-0", &key(), how).unwrap().bytes);
        assert_eq!(
            clean.element(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE).unwrap().items().unwrap().len(),
            2
        );
        assert!(clean.element(tags::PATIENT_BIRTH_DATE).unwrap().to_str().unwrap().is_empty());
        clean.element(tags::STUDY_DATE).unwrap().to_str().unwrap().into_owned()
    };
    let back = |date: &str| calendar::moved(*b"DA", date.as_bytes(), key().days("PID-7730142")).unwrap();
    assert_eq!(dated("20260302"), back("20260302"));
    assert_eq!(dated("20270302"), back("20270302"));
}

#[test]
fn damaged_files_are_refused_and_never_more() {
    let good = planted(0, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let mut random = Random::new(3);
    for n in 0..4000 {
        let mut bytes = good.clone();
        for _ in 0..=n % 4 {
            let at = random.bits() as usize % bytes.len();
            bytes[at] = random.bits() as u8;
        }
        bytes.truncate(bytes.len() - n % 3 * (random.bits() as usize % 400));
        // Any answer will do, except a planted name in what is handed out.
        if let Ok(clean) = deidentify(&bytes, "case-0", &key(), How::default()) {
            assert!(!tells(&clean.bytes).contains(&"kunigunde"), "{n}");
        }
    }
    assert_eq!(deidentify(b"short", "c", &key(), How::default()).unwrap_err(), DeidentifyError::NotDicom);
    let mut twice = planted(0, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let rows = [0x28, 0, 0x10, 0, 2, 0, 0, 0, 16, 0];
    let at = twice.windows(10).position(|here| here == rows).unwrap();
    twice.splice(at..at, rows);
    let refused = deidentify(&twice, "c", &key(), How::default()).unwrap_err();
    assert!(refused.to_string().contains("(0028,0010) occurs twice"), "{refused}");
}

#[test]
fn nesting_without_end_is_refused_without_recursion() {
    let mut bytes = part10::header(uids::CT_IMAGE_STORAGE, "1.2.3", uids::IMPLICIT_VR_LITTLE_ENDIAN);
    for _ in 0..100_000 {
        bytes.extend([0x40, 0, 0x75, 2, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    }
    let refused = deidentify(&bytes, "c", &key(), How::default()).unwrap_err();
    assert!(refused.to_string().contains("deeper than 32"), "{refused}");
}

#[test]
fn a_leak_is_found_in_every_layer_of_a_package() {
    let mut identifiers = Identifiers::default();
    identifiers.add_name("name", "ZWIEBELHUBER^KUNIGUNDE");
    identifiers.add_text("number", "7730142");
    let search = identifiers.search("");
    let zipped = |name: &str, content: &[u8], comment: &str| {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.set_comment(comment.to_owned()).unwrap();
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap().into_inner()
    };
    let gzipped = |content: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(content).unwrap();
        gzip.finish().unwrap()
    };
    let name = b"x Zwiebelhuber y";
    let wide: Vec<u8> = "Kunigunde".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let nrrd = [b"NRRD0005\ntype: short\n\n".to_vec(), gzipped(name)].concat();
    let leaking = [
        ("a.txt", name.to_vec()),
        ("a.json", b"{\"a\": [\"7730142\"]}".to_vec()),
        ("a.bin", wide),
        ("kunigunde.txt", Vec::new()),
        ("a.zip", zipped("b.txt", name, "")),
        ("a.zip", zipped("zwiebelhuber/b.txt", b"", "")),
        ("a.zip", zipped("b.txt", b"", "for Kunigunde")),
        ("a.zip", zipped("b.zip", &zipped("c.gz", &gzipped(name), ""), "")),
        ("a.nrrd", nrrd),
        ("a.nrrd", b"NRRD0005\n# Zwiebelhuber\n\n123".to_vec()),
        ("a.stl", [name.to_vec(), vec![0; 84]].concat()),
        ("a.stl", [vec![0; 84], name.to_vec()].concat()),
        ("a.ply", [b"ply\ncomment Kunigunde\nend_header\n".to_vec(), vec![0; 9]].concat()),
        ("a.nii", [vec![0; 148], b"Kunigunde".to_vec(), vec![0; 400]].concat()),
        ("a.dcm", planted(0, uids::EXPLICIT_VR_LITTLE_ENDIAN)),
        ("a.gz", vec![0x1f, 0x8b, 8, 0, 1]),
    ];
    for (n, (file, bytes)) in leaking.into_iter().enumerate() {
        let leak = search.leak(file, &bytes);
        assert!(leak.is_some(), "{n}: {file}");
        assert!(tells(leak.unwrap().place.as_bytes()).is_empty(), "{n}: the place tells the name");
    }
    for (file, bytes) in [
        ("a.zip", zipped("b.txt", b"nothing", "")),
        ("a.json", b"{\"triangles\": 7730142}".to_vec()),
        ("a.model", b"<triangle v1=\"7730142\"/>".to_vec()),
    ] {
        assert_eq!(search.leak(file, &bytes), None, "{file}");
    }
}

#[test]
fn real_scans_keep_geometry_and_pixels_and_lose_the_rest() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    if !std::path::Path::new(data).exists() {
        println!("skipped: no data at {data}");
        return;
    }
    let mut done = 0;
    for folder in ["dcm_qa_ct_ge", "lidc0314_thorax_ct/dicom_jpegls", "totalseg_examples/example_ct_dicom"] {
        let mut folders = vec![std::path::Path::new(data).join(folder)];
        let mut left = 12;
        while let Some(path) = folders.pop() {
            if path.is_dir() {
                folders.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            if left == 0 || bytes.get(128..132) != Some(b"DICM") {
                continue;
            }
            left -= 1;
            let how = How { burned_in: BurnedIn::Accept, ..How::default() };
            let clean = deidentify(&bytes, "case-0", &key(), how).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            let (before, after) = (read(&bytes), read(&clean.bytes));
            let pixels = |object: &Object| object.element(tags::PIXEL_DATA).unwrap().value().clone();
            assert_eq!(pixels(&before), pixels(&after), "{path:?}");
            for tag in [tags::IMAGE_POSITION_PATIENT, tags::IMAGE_ORIENTATION_PATIENT, tags::RESCALE_SLOPE] {
                let value =
                    |object: &Object| object.element(tag).ok().map(|e| e.to_bytes().unwrap().into_owned());
                assert_eq!(value(&before), value(&after), "{tag} {path:?}");
            }
            done += 1;
        }
    }
    assert!(done > 20, "{done}");
}
