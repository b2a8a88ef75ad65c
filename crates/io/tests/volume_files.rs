//! Volumes of other programs are read where they lie, and other programs see ours where we do.
//!
//! Sums, places and values were taken with nibabel and SimpleITK from the same files.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test writes the files it is about and says what it skips"
)]

use glam::{DMat3, DVec3};
use osteon_core::{Affine, Ctx, Explain, Grid, Volume};
use osteon_io::budget::Budget;
use osteon_io::files::FilesError;
use osteon_io::nifti;
use osteon_io::samples::Samples;
use osteon_io::volume_file::{self, HEAD, Kind, Read, Request, VolumeFileError};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of the data set, or `None` with a line that says so.
fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var("OSTEON_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").to_owned());
    let path = PathBuf::from(root).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no data at {}", path.display());
    None
}

fn read(path: &Path) -> Result<Read, VolumeFileError> {
    let budget = Budget::default();
    let name = path.file_name().unwrap().to_str().unwrap();
    let beside = |name: &str| {
        let io = |e: std::io::Error| FilesError::Io { file: name.to_owned(), reason: e.to_string() };
        fs::read(path.with_file_name(name)).map_err(io)
    };
    let request = Request { detached: Some(&beside), ..Request::new(name, &budget) };
    volume_file::read(&fs::read(path).unwrap(), &request, &Ctx::default())
}

fn value(volume: &Samples, at: [usize; 3]) -> f64 {
    let [x, y, z] = at;
    match volume {
        Samples::I16(volume) => f64::from(volume.at(x, y, z)),
        Samples::F32(volume) => f64::from(volume.at(x, y, z)),
    }
}

fn sum(volume: &Samples) -> f64 {
    match volume {
        Samples::I16(volume) => volume.samples().iter().map(|&n| f64::from(n)).sum(),
        Samples::F32(volume) => volume.samples().iter().map(|&n| f64::from(n)).sum(),
    }
}

/// What an independent reader says of a file.
struct Truth {
    file: &'static str,
    kind: Kind,
    dims: [usize; 3],
    sum: f64,
    range: (f64, f64),
    first: [f64; 3],
    last: [f64; 3],
    middle: f64,
    findings: &'static [&'static str],
}

const TRUTHS: [Truth; 4] = [
    Truth {
        file: "totalseg_examples/example_ct.nii.gz",
        kind: Kind::Nifti1,
        dims: [122, 101, 112],
        sum: -496_851_173.0,
        range: (-1207.0, 3382.0),
        first: [177.956_329_345_703_12, -11.319_000_244_140_625, 94.301_757_812_5],
        last: [-185.043_670_654_296_88, -311.319_000_244_140_6, 427.301_757_812_5],
        middle: 31.0,
        findings: &["volume-unit-unsaid"],
    },
    Truth {
        file: "spinefe_verse004/nii_files/sub-verse004_0000_vertebra_21_im.nii.gz",
        kind: Kind::Nifti1,
        dims: [100, 89, 74],
        sum: 10_632_433.538_606_085,
        range: (-214.257_948_541_399_57, 1_893.542_714_776_458_8),
        first: [250.810_287_475_585_94, -145.072_021_484_375, 182.081_069_946_289_06],
        last: [349.810_287_475_585_94, -57.072_021_484_375, 255.081_069_946_289_06],
        middle: 92.054_247_392_595_16,
        findings: &["volume-rounded"],
    },
    Truth {
        file: "verse004_mask/sub-verse004_seg-vert_msk.nii.gz",
        kind: Kind::Nifti1,
        dims: [161, 338, 61],
        sum: 4_185_567.0,
        range: (0.0, 24.0),
        first: [77.694_023_132_324_22, -218.001_541_137_695_3, -808.578_002_929_687_5],
        last: [-47.001_523_000_653_83, -89.719_431_489_706_04, -1_157.244_002_331_783_6],
        middle: 19.0,
        findings: &["volume-unit-unsaid"],
    },
    Truth {
        file: "tptbox_spine_crops/mr/sub-mri_label-6_T2w.nii.gz",
        kind: Kind::Nifti1,
        dims: [68, 52, 67],
        sum: 9_894_599.0,
        range: (0.0, 387.0),
        first: [55.729_175_567_626_95, -116.731_231_689_453_12, 152.135_589_599_609_38],
        last: [-43.270_824_432_373_05, -16.231_231_689_078_5, 75.635_589_600_101_53],
        middle: 146.0,
        findings: &[],
    },
];

#[test]
fn volumes_of_research_programs_lie_where_their_own_readers_say() {
    for truth in TRUTHS {
        let Some(path) = data(truth.file) else { continue };
        let read = read(&path).unwrap();
        let grid = read.volume.grid();
        let [x, y, z] = grid.dims();
        assert_eq!((read.kind, [x, y, z]), (truth.kind, truth.dims), "{}", truth.file);
        let codes: Vec<_> = read.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, truth.findings, "{}", truth.file);
        for (place, said) in
            [(grid.place(0, 0, 0), truth.first), (grid.place(x - 1, y - 1, z - 1), truth.last)]
        {
            assert!((place.vec() - DVec3::from(said)).length() < 1e-9, "{}: {place:?}", truth.file);
        }
        // Rounding to f32 is at most 6.1e-5 for values below 2048; on the sum it averages out.
        let near = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance;
        let tolerance = if truth.findings.contains(&"volume-rounded") { 6.2e-5 } else { 0.0 };
        let middle = value(&read.volume, [(x - 1) / 2, (y - 1) / 3, (z - 1) / 2]);
        assert!(near(middle, truth.middle, tolerance), "{}: {middle}", truth.file);
        assert!(near(read.volume.range().0, truth.range.0, tolerance), "{}", truth.file);
        assert!(near(read.volume.range().1, truth.range.1, tolerance), "{}", truth.file);
        assert!(near(sum(&read.volume), truth.sum, 1000.0 * tolerance), "{}", truth.file);
    }
}

#[test]
fn a_packed_metaimage_with_its_data_beside_it_is_read_where_it_lies() {
    let Some(path) = data("pelvic_ref_labels/Pelvic-Ref-001/label.mhd") else { return };
    let read = read(&path).unwrap();
    assert_eq!((read.kind, read.findings.len()), (Kind::MetaImage, 0));
    assert_eq!(read.volume.grid().dims(), [512, 512, 153]);
    assert_eq!((sum(&read.volume), read.volume.range()), (36_063_641.0, (0.0, 28.0)));
    assert_eq!(
        read.volume.grid().place(511, 511, 152).to_array(),
        [255.368_164_062_500_03, 149.631_835_937_5, 591.5]
    );
}

#[test]
fn every_volume_file_at_hand_is_read_or_refused_by_name() {
    let Some(root) = data("totalseg_examples") else { return };
    let (mut folders, mut seen) = (vec![root], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let named = path.to_string_lossy().ends_with(".nii.gz");
            // Content and name must agree: nothing else is taken for a volume.
            assert_eq!(volume_file::recognise(&bytes[..bytes.len().min(HEAD)]).is_some(), named, "{path:?}");
            if named {
                seen += 1;
                match read(&path) {
                    Ok(_) => {}
                    Err(refused) => {
                        assert_eq!(refused.code(), "volume-unsupported");
                        assert!(refused.to_string().contains("colours instead of samples"), "{refused}");
                    }
                }
            }
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn other_readers_see_turned_images_in_the_nifti() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    if !python.exists() {
        println!("skipped: no independent readers at {}", python.display());
        return;
    }
    let turn = DMat3::from_rotation_x(0.31) * DMat3::from_rotation_y(-0.2) * DMat3::from_rotation_z(0.5);
    for side in [1.0, -1.0] {
        let linear = turn * DMat3::from_diagonal(DVec3::new(0.7, 0.9, 1.4 * side));
        let [nx, ny, nz] = [24, 17, 9];
        let grid = Grid::new([nx, ny, nz], Affine::new(linear, DVec3::new(-41.25, 17.5, 803.0))).unwrap();
        // Every voxel differs from its neighbours along each axis, so no exchange of axes goes unseen.
        let samples = (0..grid.count()).map(|n| ((n * 7919) % 4000) as i16 - 1000).collect();
        let volume = Samples::I16(Volume::new(grid, samples).unwrap());
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        nifti::write_volume(&volume, &mut bytes, &Ctx::default()).unwrap();
        let file = dir.path().join("image.nii.gz");
        fs::write(&file, &bytes).unwrap();
        let axes = [linear.x_axis, linear.y_axis, linear.z_axis].map(|axis| axis.to_array());
        let at: Vec<[usize; 3]> = (0..120).map(|n| [(7 * n) % nx, (5 * n) % ny, (11 * n) % nz]).collect();
        let hu: Vec<f64> = at.iter().map(|&at| value(&volume, at)).collect();
        let truth = dir.path().join("truth.json");
        let text = format!(
            "{{\"dims\": [{nx}, {ny}, {nz}], \"origin\": [-41.25, 17.5, 803.0], \"axes\": {axes:?}, \"at\": {at:?}, \"hu\": {hu:?}}}"
        );
        fs::write(&truth, text).unwrap();
        // The reader of this check takes any volume that SimpleITK knows.
        let mut command = Command::new(&python);
        command.arg(root.join("tests/oracles/oracle.py")).arg("nrrd").args([&file, &truth]);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}
