//! What must not matter does not, and what must follow follows: moving, turning, mirroring, refining.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside test functions stop at what they did not expect"
)]

mod common;

use common::{Bench, artefact, record, scanned, write_dicom};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Direction, Grid, Patient, Point, Pose, Severity, Solid, Vector, Volume};
use osteon_phantom::shape::Ball;
use osteon_phantom::{Phantom, Shape, find, hu};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A right heel bone, scanned once: nothing about it is symmetric, and its marks find room.
static HEEL: LazyLock<Volume<i16>> = LazyLock::new(|| {
    let scan = scanned(&(find("calcaneus-right").unwrap().make)(), 0.8, 1.0);
    // A whole number of the blocks in which edge levels are averaged, so that mirrored blocks are blocks.
    let even = scan.grid().dims().map(|n| n & !1);
    let grid = scan.grid().crop([0; 3], even).unwrap();
    let [nx, ny, nz] = even;
    let rows = (0..nz).flat_map(|z| (0..ny).map(move |y| (y, z)));
    let samples = rows.flat_map(|(y, z)| scan.row(y, z)[..nx].to_vec()).collect();
    Volume::new(grid, samples).unwrap()
});

/// How far a vertex may be from where it should be, mm: a coordinate in a DICOM header has sixteen characters,
/// a direction fourteen decimals.
const EXACT: f64 = 1e-6;

/// The same samples on a grid that is elsewhere in the patient.
fn moved(volume: &Volume<i16>, map: &Affine<Patient, Patient>) -> Volume<i16> {
    let grid = volume.grid();
    let grid = Grid::new(grid.dims(), grid.to_patient().then(map)).unwrap();
    Volume::new(grid, volume.samples().to_vec()).unwrap()
}

/// The samples with each row turned round: a patient with left and right swapped, on the same grid.
fn swapped(volume: &Volume<i16>) -> Volume<i16> {
    let nx = volume.grid().dims()[0];
    let rows = volume.samples().chunks(nx);
    let samples = rows.flat_map(|row| row.iter().rev().copied()).collect();
    Volume::new(volume.grid().clone(), samples).unwrap()
}

/// The model of a scan and what was written on it.
fn model(volume: &Volume<i16>, marks: &str) -> (Solid, Value) {
    let bench = Bench::of(volume);
    let solid = bench.make(json!({}), marks);
    let made = record(&bench.case(), "products/bone.json");
    (solid, made["marks"].clone())
}

/// Asserts that one solid is the other, moved: the same triangles, each vertex in its place.
fn assert_moved(there: &Solid, here: &Solid, map: &Affine<Patient, Patient>) {
    // Not `assert_eq`, which would print them all.
    assert!(there.mesh().triangles == here.mesh().triangles, "other triangles");
    let pairs = there.mesh().vertices.iter().zip(&here.mesh().vertices);
    let worst = pairs.map(|(there, here)| there.distance(map.point(*here)));
    let worst = worst.fold(0.0, f64::max);
    assert_eq!(there.mesh().vertices.len(), here.mesh().vertices.len());
    assert!(worst <= EXACT, "{worst} mm");
}

/// A turn about an axis by an angle in degrees, and a shift.
fn turn(axis: DVec3, degrees: f64) -> Affine<Patient, Patient> {
    let axis = Direction::new(axis).unwrap();
    *Pose::turn(axis, degrees.to_radians(), Vector::new(12.5, -80.25, 431.0)).affine()
}

#[test]
fn a_shifted_patient_gives_the_shifted_model_marks_and_all() {
    let shift = Affine::new(DMat3::IDENTITY, DVec3::new(-103.25, 51.7, 1204.55));
    let (here, marks) = model(&HEEL, "pressed");
    let (there, same) = model(&moved(&HEEL, &shift), "pressed");
    assert!(marks.as_array().is_some_and(|lines| !lines.is_empty()));
    assert_eq!(marks, same);
    assert_moved(&there, &here, &shift);
}

#[test]
fn a_patient_turned_a_little_gives_the_turned_model_marks_and_all() {
    let turn = turn(DVec3::new(0.3, -0.5, 0.8), 14.0);
    let (here, marks) = model(&HEEL, "pressed");
    let (there, same) = model(&moved(&HEEL, &turn), "pressed");
    assert_eq!(marks, same);
    assert_moved(&there, &here, &turn);
}

#[test]
fn a_patient_turned_anyhow_gives_the_turned_model() {
    let (here, _) = model(&HEEL, "none");
    for (axis, degrees) in [(DVec3::X, 90.0), (DVec3::Z, 180.0), (DVec3::new(0.6, 0.7, -0.4), 131.0)] {
        let turn = turn(axis, degrees);
        let (there, _) = model(&moved(&HEEL, &turn), "none");
        assert_moved(&there, &here, &turn);
    }
}

#[test]
fn slices_in_reverse_order_are_the_same_patient() {
    // As files of another order and on a left-handed grid: the reader must put them where they belong.
    let [nx, ny, nz] = HEEL.grid().dims();
    let to_patient = HEEL.grid().to_patient();
    let down = DMat3::from_diagonal(DVec3::new(1.0, 1.0, -1.0));
    let reversed: Affine<_, Patient> =
        Affine::new(to_patient.linear * down, HEEL.grid().place(0, 0, nz - 1).vec());
    let samples = HEEL.samples().chunks(nx * ny).rev().flatten().copied().collect();
    let reversed = Volume::new(Grid::new([nx, ny, nz], reversed).unwrap(), samples).unwrap();
    let image = |volume: &Volume<i16>| {
        let bench = Bench::of(volume);
        bench.run("import", json!({ "folder": bench.dicom() }));
        artefact(&bench.case(), "images/ct.nrrd")
    };
    assert!(image(&reversed) == image(&HEEL));
}

#[test]
fn a_mirrored_patient_gives_the_mirrored_model() {
    let (here, _) = model(&HEEL, "none");
    let (there, _) = model(&swapped(&HEEL), "none");
    let middle = HEEL.grid().bounds().middle().vec().x;
    let mirror = Affine::<Patient, Patient>::new(
        DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)),
        DVec3::X * 2.0 * middle,
    );
    let mirrored = here.moved(&mirror).unwrap();
    // As many vertices and the same box; the diagonals of some faces run the other way, which moves the volume.
    assert_eq!(there.mesh().vertices.len(), mirrored.mesh().vertices.len());
    let volumes = [there.volume(), mirrored.volume()];
    assert!((volumes[0] / volumes[1] - 1.0).abs() < 2e-5, "{volumes:?} mm³");
    let [a, b] = [there.mesh().bounds(), mirrored.mesh().bounds()];
    assert!(a.min.distance(b.min) < 1e-6 && a.max.distance(b.max) < 1e-6, "{a:?} {b:?}");
    // And nothing like the bone as it was.
    let old = here.mesh().bounds();
    assert!(a.min.distance(old.min) > 0.1 || a.max.distance(old.max) > 0.1);
}

#[test]
fn a_model_on_its_mirrored_image_is_found_out_by_the_check() {
    let bench = Bench::of(&HEEL);
    bench.make(json!({}), "none");
    let hand = || {
        let outcome = bench.run("check", json!({}));
        let severity = outcome.findings.iter().find(|f| f.code == "left-and-right");
        severity.map(|f| f.severity)
    };
    assert_eq!(hand(), None);
    // The same patient with left and right swapped, under a model that is as it was.
    let swapped_files = bench.folder("swapped");
    std::fs::create_dir(&swapped_files).unwrap();
    write_dicom(&swapped(&HEEL), &swapped_files);
    bench.run("import", json!({ "folder": swapped_files }));
    assert_eq!(hand(), Some(Severity::Danger));
}

#[test]
fn finer_slices_make_a_better_model() {
    let ball = Ball { middle: Point::new(0.4, -0.3, 0.2), radius: 10.0 };
    let soft = Ball { radius: 18.0, ..ball };
    let phantom = Phantom::air(soft.bounds()).with("soft", soft, hu::SOFT).with("ball", ball, hu::CORTEX);
    let error = |between| {
        let (solid, _) = model(&scanned(&phantom, 0.7, between), "none");
        let squares = solid.mesh().vertices.iter().map(|&v| ball.distance(v).powi(2));
        (squares.sum::<f64>() / solid.mesh().vertices.len() as f64).sqrt()
    };
    let errors = [3.0, 1.5, 0.75].map(error);
    assert!(errors[0] > 1.5 * errors[1] && errors[1] > 1.5 * errors[2], "{errors:?}");
}
