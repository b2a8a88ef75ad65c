//! Independent readers hold what the demo wrote against our own reading of it.
//!
//! They need the Python of `.venv` in the root of the repository, with `tests/oracles/requirements.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test makes and breaks the files it is about, says what it skips, and fails by panicking"
)]

mod common;

use common::{demo, osteon, skipped};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one oracle says of files and the truth about them; `None` if there are no independent readers here.
fn oracle(what: &str, files: &Path, truth: &Value) -> Option<common::Said> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    if !python.exists() {
        skipped(&format!("no independent readers at {}", python.display()));
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("truth.json");
    std::fs::write(&file, truth.to_string()).unwrap();
    let mut command = Command::new(python);
    command.arg(root.join("tests/oracles/oracle.py"));
    Some(command.arg(what).args([files, &file]).output().unwrap().into())
}

/// Every check of an oracle holds, and there are some.
fn agrees(what: &str, files: &Path, truth: &Value) {
    let Some(said) = oracle(what, files, truth) else {
        return;
    };
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    let held = said.out.lines().filter(|line| line.starts_with("ok")).count();
    assert!(held >= 4, "{said:?}");
}

/// The image of the case as the NRRD standard says it is read: header lines, an empty line, raw samples.
struct Image {
    dims: [usize; 3],
    origin: Vec<f64>,
    axes: Vec<Vec<f64>>,
    samples: Vec<i16>,
}

impl Image {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let header = std::str::from_utf8(&bytes[..end]).unwrap();
        let field = |name: &str| header.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert_eq!(
            [field("space: "), field("encoding: "), field("endian: "), field("type: ")],
            ["left-posterior-superior", "raw", "little", "int16"]
        );
        let vector = |text: &str| -> Vec<f64> {
            let bare = text.trim_matches(['(', ')']);
            bare.split(',').map(|number| number.parse().unwrap()).collect()
        };
        let dims: Vec<usize> = field("sizes: ").split(' ').map(|n| n.parse().unwrap()).collect();
        let samples = bytes[end + 2..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
        Self {
            dims: dims.try_into().unwrap(),
            origin: vector(field("space origin: ")),
            axes: field("space directions: ").split(' ').map(vector).collect(),
            samples: samples.collect(),
        }
    }

    /// Frame, and samples at places all over the image.
    fn truth(&self) -> Value {
        let [nx, ny, nz] = self.dims;
        assert_eq!(self.samples.len(), nx * ny * nz);
        let at: Vec<[usize; 3]> = (0..200)
            .map(|n| [(37 * n + 5) % nx, (53 * n + 11) % ny, (29 * n) % nz])
            .chain([[0, 0, 0], [nx - 1, ny - 1, nz - 1], [nx / 2, ny / 2, nz / 2]])
            .collect();
        let hu: Vec<i16> = at.iter().map(|&[i, j, k]| self.samples[(k * ny + j) * nx + i]).collect();
        // A place that is all air would prove nothing.
        assert!(hu.iter().any(|&hu| hu > 200) && hu.iter().any(|&hu| hu < -500));
        json!({ "dims": self.dims, "origin": self.origin, "axes": self.axes, "at": at, "hu": hu })
    }
}

fn image() -> PathBuf {
    demo().case.join("images/ct.nrrd")
}

#[test]
fn other_readers_place_every_sample_of_the_dicom_slices_where_we_do() {
    agrees("dicom", &demo().scan, &Image::read(&image()).truth());
}

#[test]
fn other_readers_see_the_same_image_in_the_nrrd() {
    agrees("nrrd", &image(), &Image::read(&image()).truth());
}

#[test]
fn other_readers_find_the_same_solid_in_every_format() {
    let products = demo().case.join("products");
    let made: Value =
        serde_json::from_slice(&std::fs::read(products.join("vertebra-L3.json")).unwrap()).unwrap();
    // Box from the STL, 50 bytes a triangle after the header of 84; volume and count from the exact solid.
    let stl = std::fs::read(products.join("vertebra-L3.stl")).unwrap();
    let (mut min, mut max) = ([f32::MAX; 3], [f32::MIN; 3]);
    for corner in stl[84..].chunks_exact(50).flat_map(|triangle| triangle[12..48].chunks_exact(12)) {
        for (axis, bytes) in corner.chunks_exact(4).enumerate() {
            let value = f32::from_le_bytes(bytes.try_into().unwrap());
            (min[axis], max[axis]) = (min[axis].min(value), max[axis].max(value));
        }
    }
    for axis in 0..3 {
        let size = f64::from(max[axis]) - f64::from(min[axis]);
        assert!((size - made["size"][axis].as_f64().unwrap()).abs() < 1e-4);
    }
    let truth = json!({ "min": min, "max": max, "volume": made["volume"], "triangles": made["triangles"] });
    agrees("meshes", &products, &truth);
    // And from every format that `shape` writes, with the places furthest out where they were.
    let dir = tempfile::tempdir().unwrap();
    for end in ["3mf", "stl", "ply", "obj", "glb", "usdz"] {
        let (from, to) = (products.join("vertebra-L3.ply"), dir.path().join(format!("model.{end}")));
        let said = osteon([OsStr::new("shape"), from.as_os_str(), OsStr::new("--out"), to.as_os_str()]);
        assert!(said.code < 2, "{end}: {said:?}");
        // The next format has a card of the same name.
        for card in ["model.card.json", "model.card.html"] {
            std::fs::remove_file(dir.path().join(card)).unwrap();
        }
    }
    let mut truth = truth;
    let landmarks: Vec<[f32; 3]> = (0..3).map(|axis| furthest(&stl, axis)).collect();
    truth["landmarks"] = json!(landmarks);
    agrees("meshes", dir.path(), &truth);
}

/// The corner of a binary STL that is furthest along an axis.
fn furthest(stl: &[u8], axis: usize) -> [f32; 3] {
    let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
    let corners = stl[84..].chunks_exact(50).flat_map(|triangle| triangle[12..48].chunks_exact(12));
    let places = corners.map(|corner| [number(&corner[..4]), number(&corner[4..8]), number(&corner[8..])]);
    places.reduce(|a, b| if b[axis] > a[axis] { b } else { a }).unwrap()
}

#[test]
fn an_oracle_that_is_told_something_else_does_not_agree() {
    let mut truth = Image::read(&image()).truth();
    truth["origin"][0] = json!(truth["origin"][0].as_f64().unwrap() + 0.8);
    if let Some(said) = oracle("nrrd", &image(), &truth) {
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("FAIL SimpleITK: origin"), "{said:?}");
    }
}
