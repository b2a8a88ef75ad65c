//! CT series written, changed and read again: right, or refused with a code and a remedy.

// Helpers outside test functions, and files that are made to be read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

use dicom_core::value::{C, DataSetSequence, PixelFragmentSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, InMemDicomObject};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Ctx, Explain, Grid, Severity, Side, Volume};
use osteon_io::dicom::{
    Assume, DicomError, Encoding, Loaded, Options, Scan, SeriesMeta, load, scan, write_series,
};
use osteon_io::files;
use osteon_io::samples::Samples;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const ORIGIN: DVec3 = DVec3::new(-123.456_789, 31.0, 801.25);

fn volume(linear: DMat3, dims: [usize; 3]) -> Volume<i16> {
    let grid = Grid::new(dims, Affine::new(linear, ORIGIN)).unwrap();
    // Every voxel differs from its neighbours along each axis, so no exchange of axes goes unseen.
    let sample = |n: usize| ((n * 7919) % 4000) as i16 - 1000;
    let samples = (0..grid.count()).map(sample).collect();
    Volume::new(grid, samples).unwrap()
}

fn spacing() -> DMat3 {
    DMat3::from_diagonal(DVec3::new(0.7, 0.8, 1.5))
}

fn small() -> Volume<i16> {
    volume(spacing(), [6, 5, 4])
}

fn save(volume: &Volume<i16>, meta: &SeriesMeta, encoding: Encoding, folder: &Path) {
    for file in write_series(volume, meta, encoding).unwrap().iter() {
        let file = file.unwrap();
        fs::write(folder.join(file.name), file.bytes).unwrap();
    }
}

/// A folder with the small series in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    save(&small(), &SeriesMeta::new("test"), Encoding::ExplicitLittle, folder.path());
    folder
}

fn scanned(folder: &Path, ctx: &Ctx) -> Result<Scan, DicomError> {
    let options = Options::default();
    scan(files::list(folder, &options.budget, ctx)?, &options, ctx)
}

fn read(folder: &Path) -> Result<Loaded, DicomError> {
    let ctx = Ctx::default();
    let scan = scanned(folder, &ctx)?;
    load(scan.choose(None)?, &Options::default(), &ctx)
}

/// The samples of a volume, which are whole numbers.
fn whole(loaded: &Loaded) -> &Volume<i16> {
    match &loaded.samples {
        Samples::I16(volume) => volume,
        Samples::F32(_) => panic!("should be whole numbers"),
    }
}

/// The code of a refusal, which must come with a remedy and without the patient's name.
fn refusal(folder: &Path) -> &'static str {
    let error = read(folder).expect_err("should be refused");
    assert!(!error.help().is_empty() && !error.to_string().contains("PHANTOM"), "{error}");
    error.code()
}

/// Changes a file of the folder by a function on its data set.
fn edit(folder: &Path, file: &str, change: impl FnOnce(&mut DefaultDicomObject)) {
    let path = folder.join(file);
    let mut object = dicom_object::open_file(&path).unwrap();
    change(&mut object);
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    fs::write(path, bytes).unwrap();
}

fn edit_all(folder: &Path, change: impl Fn(&mut DefaultDicomObject)) {
    for n in 1..=4 {
        edit(folder, &format!("CT{n:06}.dcm"), &change);
    }
}

fn put(object: &mut DefaultDicomObject, tag: Tag, vr: VR, text: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
}

fn remove(object: &mut DefaultDicomObject, tag: Tag) {
    assert!(object.remove_element(tag));
}

fn number(object: &mut DefaultDicomObject, tag: Tag, number: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(number)));
}

/// Codes of the findings, without that about the thickness of the slices, which all of them have.
fn codes(loaded: &Loaded) -> Vec<&str> {
    loaded.findings.iter().map(|f| f.code.as_str()).filter(|&code| code != "thick-slices").collect()
}

#[test]
fn a_series_comes_back_with_the_same_bits_in_the_same_places() {
    let turn = DMat3::from_rotation_x(0.3) * DMat3::from_rotation_z(-0.7) * DMat3::from_rotation_y(0.2);
    let tilted = DMat3::from_cols(DVec3::X * 0.7, DVec3::Y * 0.8, DVec3::new(0.0, 0.45, 1.45));
    for linear in [spacing(), turn * spacing(), tilted, turn * tilted] {
        for encoding in [Encoding::ExplicitLittle, Encoding::JpegLs] {
            let folder = tempfile::tempdir().unwrap();
            let truth = volume(linear, [64, 80, 6]);
            save(&truth, &SeriesMeta::new("test"), encoding, folder.path());
            let loaded = read(folder.path()).unwrap();
            assert_eq!(whole(&loaded).samples(), truth.samples());
            let (read, written) = (whole(&loaded).grid(), truth.grid());
            assert_eq!(read.dims(), written.dims());
            for (x, y, z) in [(0, 0, 0), (63, 0, 0), (0, 79, 0), (0, 0, 5), (63, 79, 5)] {
                // Positions have at least ten decimals, cosines thirteen: far below a nanometre here.
                assert!(read.place(x, y, z).distance(written.place(x, y, z)) < 1e-6);
            }
            assert_eq!(codes(&loaded).contains(&"gantry-tilt"), written.is_sheared());
            assert_eq!(loaded.source.unit, "HU");
        }
    }
}

#[test]
fn a_left_handed_volume_comes_back_with_its_slices_in_the_order_of_their_normal() {
    let folder = tempfile::tempdir().unwrap();
    let truth = volume(DMat3::from_diagonal(DVec3::new(0.7, 0.8, -1.5)), [6, 5, 4]);
    save(&truth, &SeriesMeta::new("test"), Encoding::JpegLs, folder.path());
    let loaded = read(folder.path()).unwrap();
    let read = whole(&loaded);
    assert!(!read.grid().to_patient().mirrors());
    for z in 0..4 {
        assert_eq!(read.slice(z), truth.slice(3 - z));
        assert!(read.grid().place(2, 3, z).distance(truth.grid().place(2, 3, 3 - z)) < 1e-6);
    }
}

#[test]
fn extreme_values_survive() {
    for encoding in [Encoding::ExplicitLittle, Encoding::JpegLs] {
        let folder = tempfile::tempdir().unwrap();
        let mut truth = small();
        truth.samples_mut()[7] = i16::MIN;
        truth.samples_mut()[60] = i16::MAX;
        save(&truth, &SeriesMeta::new("test"), encoding, folder.path());
        assert_eq!(whole(&read(folder.path()).unwrap()).samples(), truth.samples());
    }
}

#[test]
fn the_source_tells_how_it_was_taken_and_not_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let meta = SeriesMeta { side: Some(Side::Left), body_part: "KNEE".to_owned(), ..SeriesMeta::new("test") };
    save(&small(), &meta, Encoding::JpegLs, folder.path());
    let scan = scanned(folder.path(), &Ctx::default()).unwrap();
    let series = scan.choose(None).unwrap();
    let source = load(series, &Options::default(), &Ctx::default()).unwrap().source;
    assert_eq!((source.kernel.as_deref(), source.kvp), (Some("BONE"), Some(120.0)));
    assert_eq!((source.laterality.as_deref(), source.body_part.as_deref()), (Some("L"), Some("KNEE")));
    assert_eq!(source.files.len(), 4);
    assert!(source.files.iter().all(|file| file.sha256.len() == 64));
    assert_eq!(series.identity.name, "PHANTOM^OSTEON");
    assert!(!format!("{source:?} {scan:?} {}", series.label()).contains("PHANTOM"));
}

#[test]
fn the_same_volume_gives_the_same_bytes_and_another_one_other_identifiers() {
    let meta = SeriesMeta::new("test");
    let (a, mut b) = (small(), small());
    let first = |v: &Volume<i16>| write_series(v, &meta, Encoding::JpegLs).unwrap().file(0).unwrap();
    assert_eq!(first(&a), first(&b));
    b.samples_mut()[100] += 1;
    assert_ne!(first(&a), first(&b));
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let folder = folder();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let loaded = pool.install(|| read(folder.path())).unwrap();
        (loaded.samples, loaded.source)
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn a_stopped_job_stops() {
    let ctx = Ctx::default();
    let folder = folder();
    let found = scanned(folder.path(), &ctx).unwrap();
    ctx.cancel().stop();
    assert_eq!(scanned(folder.path(), &ctx).unwrap_err().code(), "cancelled");
    assert_eq!(load(&found.series[0], &Options::default(), &ctx).unwrap_err().code(), "cancelled");
}

#[test]
fn a_missing_slice_leaves_a_slab_that_was_not_measured_and_is_told_with_its_neighbours_names() {
    let folder = folder();
    fs::remove_file(folder.path().join("CT000002.dcm")).unwrap();
    let loaded = read(folder.path()).unwrap();
    assert_eq!((loaded.not_measured.len(), loaded.not_measured[0].slices), (1, [1, 1]));
    assert!(whole(&loaded).slice(1).iter().all(|&hu| hu == -1024));
    assert_eq!(whole(&loaded).slice(2), small().slice(2));
    let finding = &loaded.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("slab-not-measured", Severity::Danger));
    assert!(finding.message.contains("CT000001.dcm") && finding.message.contains("CT000003.dcm"));
    // Filled on request, halfway between the neighbours; that is written down.
    let options = Options { assume: Assume::parse(["gaps=filled"]).unwrap(), ..Options::default() };
    let scan = scan(
        files::list(folder.path(), &options.budget, &Ctx::default()).unwrap(),
        &options,
        &Ctx::default(),
    );
    let filled = load(scan.unwrap().choose(None).unwrap(), &options, &Ctx::default()).unwrap();
    assert!(filled.not_measured.is_empty() && filled.source.assumed["gaps"] == "filled");
    let (below, above) = (small().slice(0).to_vec(), small().slice(2).to_vec());
    for ((n, &a), &b) in whole(&filled).slice(1).iter().zip(&below).zip(&above) {
        assert!((f64::from(*n) - (f64::from(a) + f64::from(b)) / 2.0).abs() <= 0.5);
    }
}

#[test]
fn an_exact_duplicate_is_left_out_and_told_and_a_different_one_is_refused() {
    let folder = folder();
    let copy = folder.path().join("copy.dcm");
    fs::copy(folder.path().join("CT000002.dcm"), &copy).unwrap();
    let loaded = read(folder.path()).unwrap();
    assert_eq!(codes(&loaded), ["duplicate-slices"]);
    assert_eq!((whole(&loaded).samples(), loaded.source.files.len()), (small().samples(), 5));
    edit(folder.path(), "copy.dcm", |o| put(o, tags::RESCALE_INTERCEPT, VR::DS, "-1023"));
    assert_eq!(refusal(folder.path()), "conflicting-duplicates");
}

#[test]
fn several_series_are_listed_and_chosen_by_number_or_uid() {
    let folder = folder();
    fs::create_dir(folder.path().join("b")).unwrap();
    let meta = SeriesMeta { number: 2, ..SeriesMeta::new("test") };
    save(&small(), &meta, Encoding::JpegLs, &folder.path().join("b"));
    assert_eq!(refusal(folder.path()), "several-series");
    let scan = scanned(folder.path(), &Ctx::default()).unwrap();
    let uid = scan.series[1].uid.clone().unwrap();
    assert_eq!(scan.choose(Some(&uid)).unwrap().number, 2);
    assert_eq!(scan.choose(Some("1")).unwrap().number, 1);
    assert_eq!(scan.choose(Some("3")).unwrap_err().code(), "no-such-series");
    let text = scan.choose(None).unwrap_err().to_string();
    assert!(text.contains(&uid) && text.contains("0.700 × 0.800 × 1.500 mm"), "{text}");
}

#[test]
fn a_slice_turned_away_is_set_aside_and_localisers_are_no_volume() {
    let folder = folder();
    fs::copy(folder.path().join("CT000001.dcm"), folder.path().join("x.dcm")).unwrap();
    edit(folder.path(), "x.dcm", |o| put(o, tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "0\\1\\0\\0\\0\\-1"));
    let scanned = scanned(folder.path(), &Ctx::default()).unwrap();
    assert_eq!(
        (scanned.aside[0].files.as_slice(), scanned.series.len()),
        (["x.dcm".to_owned()].as_slice(), 1)
    );
    edit_all(folder.path(), |o| put(o, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER"));
    assert_eq!(refusal(folder.path()), "no-volume");
}

#[test]
fn a_frame_of_reference_for_each_file_is_told_and_halves_in_two_frames_are_refused() {
    let folder = folder();
    for n in 1..=4 {
        let frame = format!("1.2.3.{n}");
        edit(folder.path(), &format!("CT{n:06}.dcm"), |o| {
            put(o, tags::FRAME_OF_REFERENCE_UID, VR::UI, &frame)
        });
    }
    let loaded = read(folder.path()).unwrap();
    assert_eq!(codes(&loaded), ["frame-of-reference-per-file"]);
    assert_eq!(loaded.source.frame_of_reference, None);
    for n in 1..=4 {
        let frame = format!("1.2.3.{}", n / 3);
        edit(folder.path(), &format!("CT{n:06}.dcm"), |o| {
            put(o, tags::FRAME_OF_REFERENCE_UID, VR::UI, &frame)
        });
    }
    // Halves of one stack: neither is a volume.
    let scan = scanned(folder.path(), &Ctx::default()).unwrap();
    let codes: Vec<_> = scan.series.iter().map(|s| s.refusal().map(Explain::code)).collect();
    assert_eq!(codes, [Some("mixed-series"); 2]);
}

#[test]
fn each_slice_has_its_own_rescale() {
    let folder = folder();
    edit(folder.path(), "CT000003.dcm", |o| {
        put(o, tags::RESCALE_SLOPE, VR::DS, "0.5");
        put(o, tags::RESCALE_INTERCEPT, VR::DS, " -1.024E3 ");
    });
    let (loaded, truth) = (read(folder.path()).unwrap(), small());
    // Halves of odd numbers are no whole numbers.
    let Samples::F32(read) = &loaded.samples else { panic!("should keep its halves") };
    let area = truth.slice(1).len();
    for (n, (&read, &truth)) in read.samples().iter().zip(truth.samples()).enumerate() {
        let slope = if n / area == 2 { 0.5 } else { 1.0 };
        assert_eq!(f64::from(read), (f64::from(truth) + 1024.0) * slope - 1024.0);
    }
}

#[test]
fn bits_above_and_below_the_value_do_not_count() {
    let folder = folder();
    let stored = |o: &DefaultDicomObject| o.element(tags::PIXEL_DATA).unwrap().to_multi_int::<u16>().unwrap();
    let overlays = |o: &mut DefaultDicomObject, bits: [u16; 2]| {
        number(o, Tag(0x6000, 0x0102), bits[0]);
        number(o, Tag(0x6002, 0x0102), bits[1]);
    };
    // Twelve bits at the top of sixteen, as some old scanners write, with overlays below.
    edit_all(folder.path(), |o| {
        overlays(o, [0, 3]);
        let shifted: Vec<u16> = stored(o).iter().map(|v| v << 4 | 0x9).collect();
        o.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(C::from_vec(shifted))));
        number(o, tags::HIGH_BIT, 15);
    });
    assert_eq!(whole(&read(folder.path()).unwrap()).samples(), small().samples());
    // The same with an overlay that is not said to be one.
    edit_all(folder.path(), |o| overlays(o, [0, 2]));
    let refusal = read(folder.path()).unwrap_err();
    assert_eq!(refusal.code(), "attribute-invalid");
    assert!(refusal.to_string().contains("below the stored ones"), "{refusal}");
    // Signed twelve bits with overlays in the top four.
    edit_all(folder.path(), |o| {
        overlays(o, [12, 14]);
        let signed: Vec<u16> =
            stored(o).iter().map(|v| ((v >> 4).wrapping_sub(1024) & 0xfff) | 0x5000).collect();
        o.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(C::from_vec(signed))));
        number(o, tags::HIGH_BIT, 11);
        number(o, tags::PIXEL_REPRESENTATION, 1);
        put(o, tags::RESCALE_INTERCEPT, VR::DS, "0");
    });
    // 12 signed bits hold −2048 to 2047; above, the value wraps.
    let wrapped: Vec<i16> = small().samples().iter().map(|v| (v << 4) >> 4).collect();
    assert_eq!(whole(&read(folder.path()).unwrap()).samples(), wrapped);
}

#[test]
fn what_is_missing_or_contradictory_is_refused_by_name() {
    type Change = fn(&mut DefaultDicomObject);
    let cases: [(&str, Change); 25] = [
        ("rescale", |o| remove(o, tags::RESCALE_SLOPE)),
        ("rescale", |o| remove(o, tags::RESCALE_INTERCEPT)),
        ("rescale", |o| put(o, tags::RESCALE_SLOPE, VR::DS, "0")),
        ("attribute-invalid", |o| put(o, tags::RESCALE_SLOPE, VR::DS, "NaN")),
        ("attribute-invalid", |o| put(o, tags::IMAGE_POSITION_PATIENT, VR::DS, "1\\2\\1e400")),
        ("attribute-invalid", |o| put(o, tags::IMAGE_POSITION_PATIENT, VR::DS, "1\\2")),
        ("attribute-invalid", |o| put(o, tags::IMAGE_POSITION_PATIENT, VR::DS, "1,5\\2\\3")),
        ("rescale", |o| put(o, tags::RESCALE_SLOPE, VR::DS, "1e-320")),
        ("rescale", |o| put(o, tags::RESCALE_SLOPE, VR::DS, "-20000")),
        ("rescale", |o| put(o, tags::RESCALE_INTERCEPT, VR::DS, "1000001")),
        ("attribute-missing", |o| remove(o, tags::BITS_ALLOCATED)),
        ("attribute-missing", |o| remove(o, tags::BITS_STORED)),
        ("attribute-missing", |o| remove(o, tags::HIGH_BIT)),
        ("attribute-missing", |o| remove(o, tags::PIXEL_REPRESENTATION)),
        ("attribute-missing", |o| remove(o, tags::IMAGE_POSITION_PATIENT)),
        ("attribute-missing", |o| remove(o, tags::PIXEL_SPACING)),
        ("attribute-invalid", |o| put(o, tags::PIXEL_SPACING, VR::DS, "0\\0.7")),
        ("mixed-patients", |o| put(o, tags::PATIENT_ID, VR::LO, "another")),
        ("mixed-series", |o| put(o, tags::RESCALE_TYPE, VR::LO, "US")),
        ("not-a-stack", |o| put(o, tags::IMAGE_POSITION_PATIENT, VR::DS, "-123.0\\31\\802.75")),
        ("pixel-format-unsupported", |o| put(o, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR")),
        ("damaged-file", |o| number(o, tags::BITS_ALLOCATED, 32)),
        ("rescale", |o| {
            let lut = InMemDicomObject::from_element_iter([DataElement::new(
                tags::LUT_DESCRIPTOR,
                VR::US,
                PrimitiveValue::from(16_u16),
            )]);
            o.put(DataElement::new(tags::MODALITY_LUT_SEQUENCE, VR::SQ, DataSetSequence::from(vec![lut])));
        }),
        ("damaged-file", |o| o.meta_mut().transfer_syntax = uids::JPEG2000_LOSSLESS.to_owned()),
        ("damaged-file", |o| {
            o.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::from([0_u16, 1])));
        }),
    ];
    let mut wrong = Vec::new();
    for (n, (code, change)) in cases.into_iter().enumerate() {
        let folder = folder();
        edit(folder.path(), "CT000002.dcm", change);
        let found = match read(folder.path()) {
            Ok(_) => "read",
            Err(_) => refusal(folder.path()),
        };
        if found != code {
            wrong.push(format!("case {n}: {found}, not {code}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_slice_of_another_spacing_is_set_aside_and_missed() {
    let folder = folder();
    edit(folder.path(), "CT000002.dcm", |o| put(o, tags::PIXEL_SPACING, VR::DS, "0.7\\0.8"));
    let loaded = read(folder.path()).unwrap();
    assert_eq!(codes(&loaded), ["slab-not-measured", "slice-set-aside"]);
    assert_eq!(loaded.not_measured[0].slices, [1, 1]);
}

#[test]
fn a_deflated_series_is_read() {
    let folder = folder();
    edit_all(folder.path(), |o| {
        o.meta_mut().transfer_syntax = uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN.to_owned();
    });
    let loaded = read(folder.path()).unwrap();
    assert_eq!(whole(&loaded).samples(), small().samples());
    assert_eq!(loaded.source.transfer_syntaxes, [uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN]);
}

#[test]
fn near_lossless_compression_is_told_with_its_error() {
    // 11 × 7 pixels of 8 bits, permitted error 2, written by CharLS.
    const STREAM: &str = "ffd8fff7000b080007000b01011100ffda00080101000200000000770000005e104335bc6444000405441a6f0202103001a1830cab218a01337ec13410a3ccc1084e9428ffd9";
    let stream: Vec<u8> =
        (0..STREAM.len() / 2).map(|n| u8::from_str_radix(&STREAM[2 * n..2 * n + 2], 16).unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let meta = SeriesMeta::new("test");
    save(&volume(spacing(), [11, 7, 4]), &meta, Encoding::JpegLs, folder.path());
    edit_all(folder.path(), |o| {
        let fragments = PixelFragmentSequence::new_fragments(vec![stream.clone()]);
        o.put(DataElement::new(tags::PIXEL_DATA, VR::OB, Value::PixelSequence(fragments)));
        for (tag, bits) in [(tags::BITS_ALLOCATED, 8), (tags::BITS_STORED, 8), (tags::HIGH_BIT, 7)] {
            number(o, tag, bits);
        }
    });
    let loaded = read(folder.path()).unwrap();
    assert_eq!(codes(&loaded), ["lossy-compression", "repeated-slice"]);
    assert_eq!((loaded.findings[0].value, loaded.source.lossy), (Some(2.0), true));
    // The first stored values of the stream, 85, minus 1024.
    assert!(whole(&loaded).slice(0)[..5].iter().all(|&hu| (hu - (85 - 1024)).abs() <= 2));
}

#[test]
fn files_at_one_position_are_no_volume() {
    let folder = folder();
    edit_all(folder.path(), |o| put(o, tags::IMAGE_POSITION_PATIENT, VR::DS, "1\\2\\3"));
    assert_eq!(refusal(folder.path()), "single-slice");
}

#[test]
fn a_stated_tilt_that_the_positions_contradict_is_told() {
    let folder = folder();
    edit_all(folder.path(), |o| put(o, tags::GANTRY_DETECTOR_TILT, VR::DS, "-15"));
    assert_eq!(codes(&read(folder.path()).unwrap()), ["gantry-tilt-differs"]);
}

#[test]
fn frames_without_places_of_their_own_are_refused_by_name() {
    let folder = folder();
    edit_all(folder.path(), |o| {
        put(o, tags::NUMBER_OF_FRAMES, VR::IS, "2");
        let once = o.element(tags::PIXEL_DATA).unwrap().to_multi_int::<u16>().unwrap();
        let twice = C::from_vec([once.clone(), once].concat());
        o.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(twice)));
    });
    assert_eq!(refusal(folder.path()), "multi-frame-unsupported");
    // More frames than the pixels have room for.
    edit_all(folder.path(), |o| put(o, tags::NUMBER_OF_FRAMES, VR::IS, "1000000000"));
    assert!(["damaged-file", "budget-exceeded"].contains(&refusal(folder.path())));
}

#[test]
fn files_that_lie_about_lengths_or_nest_without_end_are_skipped_with_a_reason() {
    let folder = folder();
    let whole = fs::read(folder.path().join("CT000001.dcm")).unwrap();
    let at = |tag: [u8; 4]| whole.windows(4).position(|w| w == tag).unwrap();
    let reason = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), bytes).unwrap();
        let scan = scanned(folder.path(), &Ctx::default()).unwrap();
        let skipped = scan.skipped.first().map(|skipped| skipped.reason.clone());
        skipped.or_else(|| scan.refused.first().map(ToString::to_string)).unwrap_or_default()
    };
    // Pixel Data of 4 GB in a file of 2 KB.
    let mut lying = whole.clone();
    let pixels = at([0xe0, 0x7f, 0x10, 0x00]);
    lying[pixels + 8..pixels + 12].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    assert!(reason(&lying).contains("4294967280 bytes"), "{}", reason(&lying));
    // Sequences in sequences, 5000 deep.
    let rows = at([0x28, 0x00, 0x10, 0x00]);
    let mut deep = whole[..rows].to_vec();
    for _ in 0..5000 {
        deep.extend_from_slice(&[0x28, 0, 0, 0x30, b'S', b'Q', 0, 0, 255, 255, 255, 255]);
        deep.extend_from_slice(&[0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255]);
    }
    assert!(reason(&deep).contains("nested"), "{}", reason(&deep));
    // The same attribute twice.
    let mut twice = whole[..rows].to_vec();
    twice.extend_from_slice(&whole[rows..rows + 10]);
    twice.extend_from_slice(&whole[rows..]);
    assert!(reason(&twice).contains("twice"), "{}", reason(&twice));
    // Cut off, empty, not DICOM at all, and a bare data set.
    assert!(reason(&whole[..whole.len() - 9]).contains("damaged"));
    assert_eq!(reason(&[]), "empty");
    assert_eq!(reason(b"hello"), "not a DICOM file");
    assert!(
        reason(&whole[pixels - 200..][..0x20].iter().map(|_| 8).collect::<Vec<u8>>()) == "not a DICOM file"
    );
    assert!(reason(&[8, 0, 5, 0, b'C', b'S']).contains("without a file header"));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let (folder, other) = (folder(), folder());
    std::os::unix::fs::symlink(other.path(), folder.path().join("link")).unwrap();
    let scan = scanned(folder.path(), &Ctx::default()).unwrap();
    assert_eq!((scan.series.len(), scan.skipped.len()), (1, 1));
    assert!(scan.skipped[0].reason.contains("link"));
}

#[test]
fn a_file_that_changes_between_scan_and_load_is_refused() {
    let folder = folder();
    let scan = scanned(folder.path(), &Ctx::default()).unwrap();
    edit(folder.path(), "CT000002.dcm", |o| put(o, tags::RESCALE_INTERCEPT, VR::DS, "-1000"));
    assert_eq!(
        load(&scan.series[0], &Options::default(), &Ctx::default()).unwrap_err().code(),
        "file-changed"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_damaged_file_is_read_or_refused_and_never_panics(
        jpeg in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let encoding = [Encoding::ExplicitLittle, Encoding::JpegLs][jpeg.index(2)];
        save(&volume(spacing(), [3, 3, 2]), &SeriesMeta::new("test"), encoding, folder.path());
        let path = folder.path().join("CT000001.dcm");
        let mut bytes = fs::read(&path).unwrap();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(&path, bytes).unwrap();
        if let Err(error) = read(folder.path()) {
            prop_assert!(!error.help().is_empty());
        }
    }
}
