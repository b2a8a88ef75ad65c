//! Where real slices end up: each corner of each slice within 0.1 mm of its own header, or a refusal.

// Helpers outside test functions, and files that are made to be read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

use dicom_dictionary_std::tags;
use glam::DVec3;
use osteon_core::{Ctx, Grid, Point, Severity};
use osteon_io::dicom::{Loaded, Options, Scan, Series, load, scan};
use osteon_io::files;
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

fn codes(loaded: &Loaded) -> Vec<&str> {
    loaded.findings.iter().map(|f| f.code.as_str()).collect()
}

/// Largest distance in mm between a corner of a slice by its own header, read by another library, and by the
/// grid.
fn worst_corner(folder: &Path, series: &Series, grid: &Grid) -> f64 {
    let [nx, ny, nz] = grid.dims();
    let mut worst: f64 = 0.0;
    for file in series.files() {
        let object = dicom_object::OpenFileOptions::new()
            .read_until(tags::PIXEL_DATA)
            .open_file(folder.join(file))
            .unwrap();
        let numbers = |tag| -> Vec<f64> {
            // Through text, for some of these files call every attribute "unknown".
            let text =
                String::from_utf8_lossy(&object.element(tag).unwrap().to_bytes().unwrap()).into_owned();
            text.split('\\').map(|t| t.trim_matches(['\0', ' ']).parse().unwrap()).collect()
        };
        let position = DVec3::from_slice(&numbers(tags::IMAGE_POSITION_PATIENT));
        let (cosines, spacing) = (numbers(tags::IMAGE_ORIENTATION_PATIENT), numbers(tags::PIXEL_SPACING));
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
fn a_tilted_head_with_three_slice_distances_is_one_volume_in_its_place() {
    let Some(folder) = data("dcm_qa_ct_ge") else {
        return;
    };
    let scan = scanned(&folder);
    assert_eq!((scan.series.len(), scan.aside.len()), (1, 0));
    let series = scan.choose(None).unwrap();
    let gaps = series.gaps.unwrap();
    assert!((gaps[0] - 1.081).abs() < 1e-3 && (gaps[1] - 6.999).abs() < 1e-3, "{gaps:?}");
    let loaded = loaded(series);
    let worst = worst_corner(&folder, series, loaded.samples.grid());
    println!("GE head: corners within {worst:.4} mm");
    assert!(worst < 0.06, "{worst}");
    assert_eq!(loaded.samples.grid().dims(), [512, 512, 145]);
    assert!((series.tilt.unwrap() - 18.5).abs() < 0.05 && loaded.samples.grid().is_sheared());
    for code in ["gantry-tilt", "uneven-spacing-resampled", "thickness-varies"] {
        assert!(codes(&loaded).contains(&code), "{code}");
    }
    // The slices touch each other: nothing between them is missing.
    assert!(loaded.not_measured.is_empty());
}

#[test]
fn a_head_without_some_slices_has_a_slab_that_was_not_measured() {
    let Some(folder) = data("dcm_qa_ct_ge/GE") else {
        return;
    };
    let part = tempfile::tempdir().unwrap();
    for n in (1..=28).filter(|n| ![18, 19].contains(n)) {
        let name = format!("{n:02}.dcm");
        std::fs::copy(folder.join(&name), part.path().join(&name)).unwrap();
    }
    let scan = scanned(part.path());
    let series = scan.choose(None).unwrap();
    let loaded = loaded(series);
    assert!(worst_corner(part.path(), series, loaded.samples.grid()) < 0.1);
    let finding = loaded.findings.iter().find(|f| f.code == "slab-not-measured").unwrap();
    assert_eq!(finding.severity, Severity::Danger);
    assert!(finding.message.contains("17.dcm") && finding.message.contains("20.dcm"), "{}", finding.message);
    // 21 mm between neighbours of 7 mm: 14 mm were not measured.
    let [slab] = loaded.not_measured.as_slice() else { panic!("{:?}", loaded.not_measured) };
    let thick = DVec3::from_array(slab.from).distance(DVec3::from_array(slab.to));
    assert!((12.0..16.0).contains(&thick), "{slab:?}");
}

#[test]
fn the_lumbar_folder_splits_into_its_stack_and_a_localiser() {
    let Some(folder) = data("taichi_lspine/ct") else {
        return;
    };
    let scan = scanned(&folder);
    let series = scan.choose(None).unwrap();
    assert_eq!((series.size, series.plane), ([512, 512, 33], "coronal"));
    let [aside] = scan.aside.as_slice() else { panic!("{:?}", scan.aside) };
    assert!(aside.reason.contains("localiser") && aside.files.len() == 1, "{aside:?}");
    let codes: Vec<&str> = series.all_findings().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["derived-image"]);
}

#[test]
fn interleaved_gaps_of_magnetic_resonance_are_usual() {
    let Some(folder) = data("taichi_lspine/mr15T") else {
        return;
    };
    let scan = scanned(&folder);
    assert_eq!(scan.series.len(), 2);
    for series in &scan.series {
        assert_eq!((series.plane, series.size[2], series.refusal()), ("sagittal", 15, None));
        assert_eq!(series.all_findings().count(), 0);
    }
    assert!(scan.findings.is_empty(), "{:?}", scan.findings);
}

#[test]
fn a_clean_thorax_has_nothing_to_tell_but_its_frames() {
    let Some(folder) = data("lidc0314_thorax_ct") else {
        return;
    };
    let scan = scanned(&folder);
    let series = scan.choose(None).unwrap();
    assert_eq!((series.size, series.slices, series.plane), ([512, 512, 275], Some(275), "axial"));
    let codes: Vec<&str> = series.all_findings().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["frame-of-reference-per-file"]);
}

#[test]
fn every_folder_with_slices_is_in_its_place_or_refused_with_a_reason() {
    for name in
        ["totalseg_examples/example_ct_dicom", "pydicom_test_files", "lidc0314_thorax_ct", "taichi_lspine"]
    {
        let Some(folder) = data(name) else {
            return;
        };
        let scan = scanned(&folder);
        for series in &scan.series {
            match load(series, &Options::default(), &Ctx::default()) {
                Ok(loaded) => {
                    let worst = worst_corner(&folder, series, loaded.samples.grid());
                    println!("{name} {}: {worst:.4} mm {:?}", series.label(), codes(&loaded));
                    assert!(worst < 0.1, "{name} {worst}");
                }
                Err(error) => println!("{name} {}: {error}", series.label()),
            }
        }
        for aside in &scan.aside {
            println!("{name} aside {} – {} {:?}", aside.label, aside.reason, aside.files.first());
        }
        for finding in &scan.findings {
            println!("{name} {}: {}", finding.code, finding.message);
        }
    }
}
