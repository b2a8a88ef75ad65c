//! Marks stand on the model, legible and the right way round, or it is said why not.

use super::*;
use crate::test_shapes::{ball, block, moved, shaped};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Direction, Side};

fn marks() -> Marks {
    Marks { case_id: "OST-17".to_owned(), side: Some(Side::Left), note: None }
}

fn marked(solid: &Solid, axes: &Axes) -> Marked {
    mark(solid.clone(), &marks(), axes, &MarkStyle::standard().unwrap(), &Ctx::default()).unwrap()
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
    let placement = found.placement.unwrap();
    assert_eq!(placement.lines, ["OST-17", "LEFT", "R ^H L"]);
    assert_eq!((placement.face, placement.lettering.height), (Face::Front, 6.0));
    assert!((placement.middle().vec() - DVec3::new(0.0, -15.0, 0.0)).length() < 1.0);
    assert_eq!(reread(&found.solid, &placement, &Ctx::default()).unwrap(), placement.lines);
    assert!(found.findings.is_empty() && found.solid.shells().len() == 1);
    // Strokes overlap where they meet: between two thirds of and the whole of length × width × depth.
    let lines = placement.lettering.polylines(&placement.lines);
    let length: f64 = lines.iter().flat_map(|l| l.windows(2)).map(|w| w[0].distance(w[1])).sum();
    let most = length * placement.lettering.stroke * placement.depth;
    let lost = solid.volume() - found.solid.volume();
    assert!(lost > most * 0.67 && lost < most * 1.05, "{lost} of {most}");
}

#[test]
fn a_mirrored_model_carries_text_that_is_not_mirrored() {
    let mirror = Affine::new(DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO);
    let found = marked(&lump().moved(&mirror).unwrap(), &Axes::PATIENT);
    let placement = found.placement.unwrap();
    // Reading back proves the handedness of each letter; the view proves which way the line runs.
    assert_eq!(reread(&found.solid, &placement, &Ctx::default()).unwrap(), ["OST-17", "LEFT", "R ^H L"]);
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
    assert_eq!(here.placement.unwrap().lines, there.placement.unwrap().lines);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let solid = lump();
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let [one, three] = [1, 3].map(|n| pool(n).install(|| marked(&solid, &Axes::PATIENT)));
    assert!(one.placement == three.placement && one.solid == three.solid);
}

#[test]
fn a_small_ball_gets_smaller_letters() {
    let found = marked(&ball(22.0, 0.8), &Axes::PATIENT);
    let placement = found.placement.unwrap();
    assert!(placement.lettering.height < 6.0 && placement.lettering.height >= 3.0);
}

#[test]
fn a_thin_plate_is_left_as_it_was_with_a_finding() {
    let plate = block(DVec3::new(60.0, 1.8, 50.0), 1.0);
    let found = marked(&plate, &Axes::PATIENT);
    assert_eq!((&found.solid, &found.placement), (&plate, &None));
    let finding = &found.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("no-room-for-marks", Severity::Caution));
    assert_eq!(finding.value, Some(0.0));
    assert!(!finding.remedy.is_empty());
}

#[test]
fn a_name_that_cannot_be_engraved_is_a_finding() {
    let marks = Marks { case_id: "Fall Ö".to_owned(), side: None, note: None };
    let solid = block(DVec3::splat(40.0), 2.0);
    let style = MarkStyle::standard().unwrap();
    let found = mark(solid, &marks, &Axes::PATIENT, &style, &Ctx::default()).unwrap();
    assert!(found.placement.is_none() && found.findings[0].code == "marks-not-writable");
}

#[test]
fn a_stopped_job_stops() {
    let ctx = Ctx::default();
    ctx.cancel().stop();
    let shifted = moved(block(DVec3::splat(40.0), 2.0), DVec3::ONE);
    let stopped = mark(shifted, &marks(), &Axes::PATIENT, &MarkStyle::standard().unwrap(), &ctx);
    assert!(matches!(stopped, Err(DesignError::Cancelled(_))));
}

#[test]
fn a_disc_is_marked_on_an_end_only_because_its_rim_has_no_room() {
    let found = marked(&block(DVec3::new(50.0, 50.0, 6.0), 1.0), &Axes::PATIENT);
    assert_eq!(found.placement.unwrap().face, Face::Head);
    assert_eq!(found.findings[0].code, "marks-on-an-end");
}
