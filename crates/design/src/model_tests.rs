//! Marks stand on the model, legible and the right way round, or it is said why not.

use super::*;
use crate::test_shapes::{ball, block, moved, shaped};
use glam::{DMat3, DVec3};
use osteon_core::Side::{Left, Right};
use osteon_core::{Affine, Direction};
use osteon_mesh::region::Region;

fn marks() -> Marks {
    Marks { case_id: "OST-17".to_owned(), side: Some(Left), ..Marks::default() }
}

fn marked_with(solid: &Solid, marks: &Marks, axes: &Axes, protected: &Regions) -> Marked {
    let site = Site { axes, protected };
    mark(solid.clone(), marks, site, &MarkStyle::standard().unwrap(), &Ctx::default()).unwrap()
}

fn marked(solid: &Solid, axes: &Axes) -> Marked {
    marked_with(solid, &marks(), axes, &Regions::default())
}

/// The only placement there should be.
fn only(found: &Marked) -> Placement {
    assert_eq!(found.placements.len(), 1, "{:?}", found.findings);
    found.placements[0].clone()
}

fn lines(solid: &Solid, placement: &Placement) -> Vec<String> {
    reread(solid, placement, &Ctx::default()).unwrap().lines
}

/// A body with no symmetry, its front broad enough for marks.
fn lump() -> Solid {
    shaped(DVec3::new(60.0, 40.0, 50.0), 0.8, |p| {
        DVec3::new(p.x + 0.1 * p.z, p.y + 0.004 * p.x * p.x, p.z + 0.05 * p.y)
    })
}

#[test]
fn a_box_is_marked_on_its_front_with_large_letters_and_read_back() {
    let solid = block(DVec3::new(60.0, 30.0, 50.0), 1.0);
    let found = marked(&solid, &Axes::PATIENT);
    let placement = only(&found);
    assert_eq!(placement.lines, ["OST-17", "LEFT", "R ^H L"]);
    assert_eq!((placement.face, placement.lettering.height), (Face::Front, 6.0));
    assert!((placement.middle().vec() - DVec3::new(0.0, -15.0, 0.0)).length() < 1.0);
    assert_eq!(lines(&found.solid, &placement), placement.lines);
    assert!(found.findings.is_empty() && found.solid.shells().len() == 1);
    // Strokes overlap where they meet: between two thirds of and the whole of length × width × depth.
    let drawn = placement.polylines();
    let length: f64 = drawn.iter().flat_map(|l| l.windows(2)).map(|w| w[0].distance(w[1])).sum();
    let most = length * placement.lettering.stroke * placement.depth;
    let lost = solid.volume() - found.solid.volume();
    assert!(lost > most * 0.67 && lost < most * 1.05, "{lost} of {most}");
}

#[test]
fn a_mirrored_model_carries_text_that_is_not_mirrored() {
    let mirror = Affine::new(DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO);
    let found = marked(&lump().moved(&mirror).unwrap(), &Axes::PATIENT);
    let placement = only(&found);
    // Reading back proves the handedness of each letter; the view proves which way the line runs.
    assert_eq!(lines(&found.solid, &placement), ["OST-17", "LEFT", "R ^H L"]);
    assert_eq!(placement.face, Face::Front);
    assert!(placement.view.right.vec().distance(DVec3::X) < 1e-12);
}

#[test]
fn moving_and_turning_model_and_axes_moves_the_marks_along() {
    let solid = lump();
    let here = marked(&solid, &Axes::PATIENT);
    // A quarter turn about an oblique diagonal keeps the numbers free of rounding; a shift does not.
    let turn = DMat3::from_cols(DVec3::Y, DVec3::Z, DVec3::X);
    let map = Affine::new(turn, DVec3::new(-120.7, 33.3, 801.9));
    let direction = |v: DVec3| Direction::new(turn * v).unwrap();
    let axes = Axes::new(direction(DVec3::X), direction(DVec3::Y), direction(DVec3::Z)).unwrap();
    let there = marked(&solid.moved(&map).unwrap(), &axes);
    assert!(here.solid.mesh().triangles == there.solid.mesh().triangles);
    let pairs = here.solid.mesh().vertices.iter().zip(&there.solid.mesh().vertices);
    let error = pairs.map(|(p, q)| map.point(*p).distance(*q)).fold(0.0, f64::max);
    assert!(error < 1e-9, "{error}");
    assert_eq!(only(&here).lines, only(&there).lines);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let solid = lump();
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let [one, three] = [1, 3].map(|n| pool(n).install(|| marked(&solid, &Axes::PATIENT)));
    assert!(one.placements == three.placements && one.solid == three.solid);
}

#[test]
fn a_small_ball_gets_smaller_letters() {
    let found = marked(&ball(22.0, 0.8), &Axes::PATIENT);
    let placement = only(&found);
    assert!(placement.lettering.height < 6.0 && placement.lettering.height >= 3.0);
}

#[test]
fn a_thin_plate_is_left_as_it_was_with_a_finding() {
    let plate = block(DVec3::new(60.0, 1.8, 50.0), 1.0);
    let found = marked(&plate, &Axes::PATIENT);
    assert_eq!((&found.solid, &found.placements), (&plate, &Vec::new()));
    let finding = &found.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("no-room-for-marks", Severity::Caution));
    assert_eq!(finding.value, Some(0.0));
    assert!(!finding.remedy.is_empty());
}

#[test]
fn a_name_that_cannot_be_engraved_is_a_finding_and_the_rest_is_pressed_in() {
    let marks = Marks { case_id: "病例-1".to_owned(), ..marks() };
    let solid = block(DVec3::splat(40.0), 2.0);
    let found = marked_with(&solid, &marks, &Axes::PATIENT, &Regions::default());
    assert_eq!(only(&found).lines, ["LEFT", "R ^H L"]);
    assert_eq!(found.findings.len(), 1);
    assert!(found.findings[0].code == "marks-not-writable" && found.findings[0].message.contains('病'));
}

#[test]
fn structure_version_and_bar_stand_beside_each_other_and_are_read_back() {
    let full = Marks {
        level: Some("L4".to_owned()),
        version: Some("V-3F9A1C".to_owned()),
        scale_bar: ScaleBar::Fitting,
        ..marks()
    };
    let found =
        marked_with(&block(DVec3::new(60.0, 30.0, 60.0), 1.0), &full, &Axes::PATIENT, &Regions::default());
    let texts: Vec<String> = found.placements.iter().map(Placement::text).collect();
    assert_eq!(texts, ["OST-17 | L4 LEFT | V-3F9A1C | R ^H L", "50 MM"]);
    for placement in &found.placements {
        let reading = reread(&found.solid, placement, &Ctx::default()).unwrap();
        assert_eq!(reading.lines, placement.lines);
    }
    let bar = reread(&found.solid, &found.placements[1], &Ctx::default()).unwrap().bar.unwrap();
    // Half a pixel of 0.12 mm at each tick.
    assert!((bar - 50.0).abs() < 0.06, "{bar}");
    assert!(found.findings.is_empty());
}

#[test]
fn a_bar_on_an_incline_is_as_long_in_space_as_it_says() {
    // The front falls back by 30 % from left to right; no other side is long enough for 50 mm.
    let solid = shaped(DVec3::new(62.0, 24.0, 22.0), 0.8, |p| p + DVec3::Y * 0.3 * p.x);
    let marks = Marks { scale_bar: ScaleBar::Fitting, ..Marks::default() };
    let found = marked_with(&solid, &marks, &Axes::PATIENT, &Regions::default());
    let placement = found.placements.iter().find(|p| p.bar.is_some()).unwrap();
    let bar = placement.bar.unwrap();
    assert_eq!(bar.length, 50.0);
    // cos of the angle whose tangent is 0.3; depth between pixels is exact on a plane.
    assert!((bar.seen - 50.0 / 1.09_f64.sqrt()).abs() < 0.01, "{}", bar.seen);
    let read = reread(&found.solid, placement, &Ctx::default()).unwrap().bar.unwrap();
    assert!((read - 50.0).abs() < 0.12, "{read}");
}

#[test]
fn what_finds_no_room_together_goes_elsewhere_with_the_side_first() {
    // Sides of 20 × 13 mm: two lines of the smallest letters, and none as long as the version.
    let small = block(DVec3::new(20.0, 20.0, 13.0), 0.5);
    let marks = Marks { side: Some(Right), version: Some("V-3F9A1C".to_owned()), ..marks() };
    let found = marked_with(&small, &marks, &Axes::PATIENT, &Regions::default());
    let texts: Vec<String> = found.placements.iter().map(Placement::text).collect();
    assert_eq!(texts, ["OST-17 | RIGHT", "L ^H R"]);
    for placement in &found.placements {
        assert_eq!(lines(&found.solid, placement), placement.lines);
    }
    let faces: Vec<Face> = found.placements.iter().map(|p| p.face).collect();
    assert!(faces.windows(2).all(|pair| pair[0] != pair[1]), "{faces:?}");
    let finding = &found.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("marks-left-out", Severity::Note));
    assert!(finding.message.contains("the version") && !finding.message.contains("the side"));
}

#[test]
fn protected_surfaces_bear_no_marks() {
    let solid = block(DVec3::new(60.0, 30.0, 50.0), 1.0);
    let front = Region::Box(osteon_core::Aabb {
        min: Point::new(-40.0, -16.0, -40.0),
        max: Point::new(40.0, -10.0, 40.0),
    });
    let found = marked_with(&solid, &marks(), &Axes::PATIENT, &Regions(vec![front]));
    assert_eq!(only(&found).face, Face::Back);
    let all = Regions(vec![Region::Ball { middle: Point::new(0.0, 0.0, 0.0), radius: 100.0 }]);
    let found = marked_with(&solid, &marks(), &Axes::PATIENT, &all);
    assert!(found.placements.is_empty() && found.solid == solid);
    assert_eq!(found.findings[0].code, "no-room-for-marks");
}

#[test]
fn long_text_runs_along_a_slender_shaft() {
    let shaft = block(DVec3::new(12.0, 12.0, 80.0), 1.0);
    let marks = Marks { case_id: "OST-2026-0017".to_owned(), ..marks() };
    let found = marked_with(&shaft, &marks, &Axes::PATIENT, &Regions::default());
    let placement = only(&found);
    assert!(placement.view.right.vec().distance(DVec3::Z) < 1e-12, "{placement:?}");
    // Up is now the patient's right, seen from in front, and the line runs from the feet to the head.
    assert!(
        placement.lines.concat().contains("^R") && placement.lettering.height >= 3.0,
        "{:?}",
        placement.lines
    );
}

#[test]
fn a_stopped_job_stops() {
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let shifted = moved(block(DVec3::splat(40.0), 2.0), DVec3::ONE);
    let site = Site { axes: &Axes::PATIENT, protected: &Regions::default() };
    let stopped = mark(shifted, &marks(), site, &MarkStyle::standard().unwrap(), &ctx);
    assert!(matches!(stopped, Err(DesignError::Cancelled(_))));
}

#[test]
fn a_disc_is_marked_on_an_end_only_because_its_rim_has_no_room() {
    let found = marked(&block(DVec3::new(50.0, 50.0, 6.0), 1.0), &Axes::PATIENT);
    assert_eq!(only(&found).face, Face::Head);
    assert_eq!(found.findings[0].code, "marks-on-an-end");
}
