//! Real scans: every slice where its own header puts it, every value as its header defines it.

// Helpers outside test functions, and files that are made to be read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

use dicom_dictionary_std::tags;
use dicom_object::DefaultDicomObject;
use glam::DVec3;
use osteon_core::{Ctx, Explain, Grid, Point, Volume};
use osteon_io::dicom::{Loaded, Options, Scan, Series, load, scan};
use osteon_io::files;
use osteon_io::samples::Samples;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// A folder of the data, or `None` and a line where there are none.
fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no data at {}", path.display());
    None
}

fn scanned(folder: &Path) -> Scan {
    let (options, ctx) = (Options::default(), Ctx::default());
    scan(files::list(folder, &options.budget, &ctx).unwrap(), &options, &ctx).unwrap()
}

fn loaded(series: &Series) -> Loaded {
    load(series, &Options::default(), &Ctx::default()).unwrap()
}

/// The samples of a volume, which are whole numbers.
fn whole(loaded: &Loaded) -> &Volume<i16> {
    match &loaded.samples {
        Samples::I16(volume) => volume,
        Samples::F32(_) => panic!("should be whole numbers"),
    }
}

fn hash(loaded: &Loaded) -> String {
    let volume = whole(loaded);
    let mut hasher = Sha256::new();
    for z in 0..volume.grid().dims()[2] {
        let bytes: Vec<u8> = volume.slice(z).iter().flat_map(|v| v.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn numbers(object: &DefaultDicomObject, tag: dicom_core::Tag) -> Vec<f64> {
    // Through text, for some of these files call every attribute "unknown".
    let bytes = object.element(tag).unwrap().to_bytes().unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let number = |t: &str| t.trim_matches(['\0', ' ']).parse().unwrap();
    text.split('\\').map(number).collect()
}

/// Largest distance in mm between a corner of a slice by its own header and by the grid.
fn worst_corner(folder: &Path, series: &Series, grid: &Grid) -> f64 {
    let [nx, ny, nz] = grid.dims();
    let mut worst: f64 = 0.0;
    for file in series.files() {
        let object = dicom_object::OpenFileOptions::new()
            .read_until(tags::PIXEL_DATA)
            .open_file(folder.join(file))
            .unwrap();
        let position = DVec3::from_slice(&numbers(&object, tags::IMAGE_POSITION_PATIENT));
        let cosines = numbers(&object, tags::IMAGE_ORIENTATION_PATIENT);
        let spacing = numbers(&object, tags::PIXEL_SPACING);
        let x = DVec3::from_slice(&cosines[..3]) * spacing[1];
        let y = DVec3::from_slice(&cosines[3..]) * spacing[0];
        let z = grid.to_voxel().point(Point::from_vec(position)).vec().z.round();
        assert!(z >= 0.0 && z < nz as f64, "{file} is outside");
        for (i, j) in [(0, 0), (nx - 1, 0), (0, ny - 1), (nx - 1, ny - 1)] {
            let own = position + x * i as f64 + y * j as f64;
            worst = worst.max(grid.place(i, j, z as usize).vec().distance(own));
        }
    }
    worst
}

#[test]
fn the_thorax_is_read_bit_by_bit() {
    let Some(folder) = data("lidc0314_thorax_ct") else {
        return;
    };
    let scan = scanned(&folder);
    let series = scan.choose(None).unwrap();
    let loaded = loaded(series);
    let grid = whole(&loaded).grid();
    assert_eq!(grid.dims(), [512, 512, 275]);
    assert!(grid.place(0, 0, 0).distance(Point::new(-201.0, -59.0, -679.800_049)) < 1e-9);
    assert!(grid.spacing().distance(DVec3::new(0.78125, 0.78125, 1.0)) < 1e-6);
    assert!(worst_corner(&folder, series, grid) < 0.001);
    // Hounsfield units as little-endian i16, slices from foot to head; pydicom with CharLS gives the same.
    assert_eq!(hash(&loaded), "c3563f361c00c2cacbf4d6f0044da89d609394bdcacf47dcbaccf8b12a1fb048");
}

#[test]
fn the_lumbar_stack_is_separated_from_its_perpendicular_localiser() {
    let Some(folder) = data("taichi_lspine/ct") else {
        return;
    };
    let scan = scanned(&folder);
    let series = scan.choose(None).unwrap();
    let loaded = loaded(series);
    assert_eq!(whole(&loaded).grid().dims(), [512, 512, 33]);
    assert_eq!(scan.aside.len(), 1);
    assert!(worst_corner(&folder, series, whole(&loaded).grid()) < 0.1);
    assert_eq!(hash(&loaded), "c869ef3e6240109366e77f4f1d09a71b1b6bf542d85c7013f6abbd048d65476d");
}

#[test]
fn both_magnetic_resonance_series_are_listed_and_read() {
    let Some(folder) = data("taichi_lspine/mr15T") else {
        return;
    };
    let scan = scanned(&folder);
    assert_eq!(scan.choose(None).unwrap_err().code(), "several-series");
    let hashes = [
        "8ff45577519544cdaa08b34917eb90f2260a412f8795be4610689c5cd7794e44",
        "d0e6e2207395b89a0ebb0dee8cd1c222a3ce4ea8de0810e9ff9df6c484533b4b",
    ];
    for (series, expected) in scan.series.iter().zip(hashes) {
        let loaded = loaded(series);
        assert!(worst_corner(&folder, series, whole(&loaded).grid()) < 0.1);
        assert_eq!(hash(&loaded), expected);
    }
}

#[test]
fn a_tilted_head_becomes_a_sheared_grid() {
    let Some(folder) = data("dcm_qa_ct_ge/GE") else {
        return;
    };
    // The first fourteen slices are evenly spaced, at a tilt of 18.5°.
    let part = tempfile::tempdir().unwrap();
    for n in 1..=14 {
        let name = format!("{n:02}.dcm");
        std::fs::copy(folder.join(&name), part.path().join(&name)).unwrap();
    }
    let scan = scanned(part.path());
    let series = scan.choose(None).unwrap();
    let loaded = loaded(series);
    assert!(whole(&loaded).grid().is_sheared());
    assert!((loaded.source.tilt - 18.5).abs() < 0.05);
    assert_eq!(loaded.findings[0].code, "gantry-tilt");
    assert!(worst_corner(part.path(), series, whole(&loaded).grid()) < 0.001);
}

#[test]
fn jpeg_2000_is_read() {
    let Some(folder) = data("totalseg_examples/example_ct_dicom") else {
        return;
    };
    let scan = scanned(&folder);
    let series = scan.choose(None).unwrap();
    let loaded = loaded(series);
    assert_eq!(whole(&loaded).grid().dims(), [512, 512, 20]);
    assert!(worst_corner(&folder, series, whole(&loaded).grid()) < 0.001);
}

#[test]
fn every_odd_file_is_read_or_refused_with_a_reason() {
    let Some(folder) = data("pydicom_test_files") else {
        return;
    };
    let scan = scanned(&folder);
    assert!(scan.skipped.iter().all(|skipped| !skipped.reason.is_empty()));
    let outcome = |series: &Series| match load(series, &Options::default(), &Ctx::default()) {
        Ok(loaded) => {
            assert!(worst_corner(&folder, series, whole(&loaded).grid()) < 0.1);
            "read"
        }
        Err(error) => {
            assert!(!error.help().is_empty());
            error.code()
        }
    };
    let outcomes: Vec<&str> = scan.series.iter().map(outcome).collect();
    // Eight encodings of one slice; a stack with a hole of 20 cm, which is told; a good stack.
    assert_eq!(outcomes, ["single-slice", "read", "read"]);
    assert!(scan.series[1].all_findings().any(|f| f.code == "slab-not-measured"));
    assert_eq!(scan.choose(None).unwrap_err().code(), "several-series");
}

#[test]
fn one_image_in_six_encodings_is_one_image() {
    let Some(folder) = data("pydicom_test_files") else {
        return;
    };
    // A second slice makes it a stack; the encodings of the first are exact duplicates or the load fails.
    let part = tempfile::tempdir().unwrap();
    let names = ["", "_RLE", "_bigendian", "_expb", "_implicit", "_jpeg_ls_lossless"];
    for name in names {
        let name = format!("MR_small{name}.dcm");
        std::fs::copy(folder.join(&name), part.path().join(&name)).unwrap();
    }
    let mut next = dicom_object::open_file(folder.join("MR_small.dcm")).unwrap();
    let position = dicom_object::mem::InMemElement::new(
        tags::IMAGE_POSITION_PATIENT,
        dicom_core::VR::DS,
        dicom_core::PrimitiveValue::from(beyond(&next).as_str()),
    );
    next.put(position);
    let mut bytes = Vec::new();
    next.write_all(&mut bytes).unwrap();
    std::fs::write(part.path().join("next.dcm"), bytes).unwrap();

    let scan = scanned(part.path());
    let loaded = loaded(scan.choose(None).unwrap());
    assert_eq!(whole(&loaded).grid().dims(), [64, 64, 2]);
    assert_eq!(loaded.source.files.len(), names.len() + 1);
    assert_eq!(loaded.source.transfer_syntaxes.len(), 5);
}

/// The position one millimetre along the normal.
fn beyond(object: &DefaultDicomObject) -> String {
    let position = DVec3::from_slice(&numbers(object, tags::IMAGE_POSITION_PATIENT));
    let cosines = numbers(object, tags::IMAGE_ORIENTATION_PATIENT);
    let normal = DVec3::from_slice(&cosines[..3]).cross(DVec3::from_slice(&cosines[3..]));
    let [x, y, z] = (position + normal).to_array();
    format!("{x:.6}\\{y:.6}\\{z:.6}")
}
