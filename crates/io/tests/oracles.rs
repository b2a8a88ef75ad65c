//! Independent readers see turned and tilted volumes where we do.
//!
//! They need the Python of `.venv` in the root of the repository, with `tests/oracles/requirements.txt`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test writes the files it is about"
)]

use glam::{DMat3, DVec3};
use osteon_core::{Affine, Ctx, Grid, Volume};
use osteon_io::dicom::{self, Options, SeriesMeta, load, scan, write_series};
use osteon_io::files;
use osteon_io::nrrd::{self, write_volume};
use osteon_io::samples::Samples;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Columns, rows and slices turned out of every plane; with a tilt, the stack leans as with a gantry.
fn volume(tilt: f64) -> Volume<i16> {
    let turn = DMat3::from_rotation_x(0.31) * DMat3::from_rotation_y(-0.2) * DMat3::from_rotation_z(0.5);
    let steps = DMat3::from_cols(DVec3::X * 0.7, DVec3::Y * 0.9, DVec3::new(0.0, tilt, 1.4));
    let dims = [24, 17, 9];
    let grid = Grid::new(dims, Affine::new(turn * steps, DVec3::new(-41.25, 17.5, 803.0))).unwrap();
    // Every voxel differs from its neighbours along each axis, so no exchange of axes goes unseen.
    let sample = |n: usize| ((n * 7919) % 4000) as i16 - 1000;
    let samples = (0..grid.count()).map(sample).collect();
    Volume::new(grid, samples).unwrap()
}

/// The truth as our own reader tells it, which must be what was written.
fn truth(read: &Volume<i16>, written: &Volume<i16>) -> String {
    assert_eq!(read.samples(), written.samples());
    let [nx, ny, nz] = read.grid().dims();
    let map = read.grid().to_patient();
    let linear = map.linear;
    let axes = [linear.x_axis, linear.y_axis, linear.z_axis].map(|axis| axis.to_array());
    let origin = map.offset.to_array();
    let at: Vec<[usize; 3]> = (0..120).map(|n| [(7 * n) % nx, (5 * n) % ny, (11 * n) % nz]).collect();
    let hu: Vec<i16> = at.iter().map(|&[i, j, k]| read.at(i, j, k)).collect();
    let tilted = read.grid().is_sheared();
    format!(
        "{{\"dims\": {:?}, \"origin\": {origin:?}, \"axes\": {axes:?}, \"at\": {at:?}, \"hu\": {hu:?}, \"tilted\": {tilted}}}",
        [nx, ny, nz]
    )
}

fn agrees(what: &str, files: &Path, truth: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    if !python.exists() {
        println!("skipped: no independent readers at {}", python.display());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("truth.json");
    fs::write(&file, truth).unwrap();
    let mut command = Command::new(python);
    command.arg(root.join("tests/oracles/oracle.py")).arg(what).args([files, &file]);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn other_readers_place_turned_and_tilted_dicom_slices_where_we_do() {
    for tilt in [0.0, 0.4] {
        for encoding in [dicom::Encoding::ExplicitLittle, dicom::Encoding::JpegLs] {
            let written = volume(tilt);
            let folder = tempfile::tempdir().unwrap();
            for file in write_series(&written, &SeriesMeta::new("oracle"), encoding).unwrap().iter() {
                let file = file.unwrap();
                fs::write(folder.path().join(file.name), file.bytes).unwrap();
            }
            let ctx = Ctx::default();
            let options = Options::default();
            let files = files::list(folder.path(), &options.budget, &ctx).unwrap();
            let found = scan(files, &options, &ctx).unwrap();
            let loaded = load(found.choose(None).unwrap(), &options, &ctx).unwrap();
            let Samples::I16(volume) = &loaded.samples else { panic!("should be whole numbers") };
            assert_eq!(volume.grid().is_sheared(), tilt > 0.0);
            agrees("dicom", folder.path(), &truth(volume, &written));
        }
    }
}

#[test]
fn other_readers_see_turned_and_tilted_images_in_the_nrrd() {
    for tilt in [0.0, 0.4] {
        let written = volume(tilt);
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        let ctx = Ctx::default();
        write_volume(&written, &[], nrrd::Encoding::Raw, &mut bytes, &ctx).unwrap();
        let file = dir.path().join("image.nrrd");
        fs::write(&file, &bytes).unwrap();
        let read = nrrd::read_volume(&bytes, &ctx).unwrap();
        agrees("nrrd", &file, &truth(&read, &written));
    }
}
