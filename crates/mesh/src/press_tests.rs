//! Grooves have their depth and width, read back the right way round, and spoil nothing else.

use super::*;
use crate::depth_map::Window;
use crate::inspect::grooves;
use crate::test_shapes::{ball, block, moved, shaped};
use osteon_core::Direction;

const GROOVE: Groove = Groove { width: 0.8, depth: 0.6, wall: 0.2 };

/// An F: no two of its mirror images and rotations are alike.
fn letter() -> Strokes {
    let p = DVec2::new;
    Strokes::new(&[vec![p(2.0, 4.0), p(-2.0, 4.0), p(-2.0, -4.0)], vec![p(-2.0, 0.0), p(1.0, 0.0)]], 2.0)
}

fn marks(strokes: &Strokes) -> Marks<'_> {
    Marks { strokes, groove: GROOVE, keep: 1.0, edge: 0.2 }
}

fn view(origin: DVec3, toward: DVec3, up: DVec3) -> View {
    View::new(Point::from_vec(origin), Direction::new(toward).unwrap(), Direction::new(up).unwrap()).unwrap()
}

/// Volume of the grooves: their depth summed over a fine raster.
fn groove_volume(strokes: &Strokes) -> f64 {
    let step = 0.02;
    let mut sum = 0.0;
    for y in -300..300 {
        for x in -200..200 {
            let p = DVec2::new(f64::from(x) + 0.5, f64::from(y) + 0.5) * step;
            sum += GROOVE.depth_at(strokes.distance(p)) * step * step;
        }
    }
    sum
}

#[test]
fn the_volume_falls_by_the_area_of_the_strokes_times_their_depth() {
    let strokes = letter();
    let truth = groove_volume(&strokes);
    for step in [0.4, 1.0, 40.0] {
        let solid = block(DVec3::new(30.0, 20.0, 10.0), step);
        let top = view(DVec3::new(3.0, 1.0, 20.0), DVec3::Z, DVec3::Y);
        let pressed = press(&solid, &top, &marks(&strokes), &Ctx::default()).unwrap();
        // Triangles of edge h chord the convex ends and corners of the profile: an error of h²/8 per
        // length of bend line, here 4 bends × 15 mm × slope 3 × 0.2²/8 ≈ 0.9 mm³, mostly cancelling.
        let lost = solid.volume() - pressed.volume();
        assert!((lost - truth).abs() < 0.05 * truth, "step {step}: {lost} of {truth}");
        assert_eq!((pressed.shells().len(), pressed.genus()), (1, 0));
    }
}

#[test]
fn the_pressed_pattern_is_seen_again_and_not_mirrored() {
    let strokes = letter();
    let solid = ball(25.0, 0.6);
    let from = view(DVec3::ZERO, DVec3::new(0.5, -1.0, 0.3), DVec3::Z);
    let pressed = press(&solid, &from, &marks(&strokes), &Ctx::default()).unwrap();
    let pixel = 0.1;
    let low = DVec3::new(-4.0, -6.0, 0.0);
    let window = Window { view: from.at(from.place(low)), pixel, size: [80, 120] };
    let map = depth_map(pressed.mesh(), &window, &Ctx::default()).unwrap();
    let found = grooves(&map, 2.0);
    let (mut right, mut mirrored) = (0, 0);
    for y in 0..120 {
        for x in 0..80 {
            let groove = found[map.index(x, y)] > 0.3;
            let p = (DVec2::new(x as f64, y as f64) + 0.5) * pixel + low.truncate();
            right += usize::from(groove == (strokes.distance(p) < 0.4));
            mirrored += usize::from(groove == (strokes.distance(p * DVec2::new(-1.0, 1.0)) < 0.4));
        }
    }
    // 25 mm of outline may be off by one pixel: 250 of 9600.
    assert!(right > 9350 && mirrored < 8500, "{right} {mirrored}");
}

#[test]
fn nothing_but_the_patch_changes() {
    let strokes = letter();
    let solid = ball(25.0, 0.6);
    let from = view(DVec3::ZERO, DVec3::X, DVec3::Z);
    let pressed = press(&solid, &from, &marks(&strokes), &Ctx::default()).unwrap();
    let (old, new) = (solid.mesh(), pressed.mesh());
    for (p, q) in old.vertices.iter().zip(&new.vertices) {
        let flat = from.flat(*p);
        let depth = if flat.z < 0.0 { GROOVE.depth_at(strokes.distance(flat.truncate())) } else { 0.0 };
        // Moved by exactly the groove's depth into the material.
        assert!((from.flat(*q) - flat - DVec3::Z * depth).length() < 1e-12);
    }
    let kept = old.triangles.iter().zip(&new.triangles).filter(|(a, b)| a == b).count();
    assert!(kept > old.triangles.len() * 9 / 10 && new.triangles.len() > old.triangles.len());
}

#[test]
fn moving_solid_and_view_moves_the_result() {
    let strokes = letter();
    let solid = ball(25.0, 0.9);
    let by = DVec3::new(-120.5, 33.25, 801.0);
    let at = |origin: DVec3| view(origin, DVec3::X, DVec3::Z);
    let here = press(&solid, &at(DVec3::ZERO), &marks(&strokes), &Ctx::default()).unwrap();
    let there = press(&moved(solid, by), &at(by), &marks(&strokes), &Ctx::default()).unwrap();
    assert_eq!(here.mesh().triangles.len(), there.mesh().triangles.len());
    let error = here.mesh().vertices.iter().zip(&there.mesh().vertices);
    let error = error.map(|(p, q)| (q.vec() - p.vec() - by).length()).fold(0.0, f64::max);
    assert!(error < 1e-9, "{error}");
}

#[test]
fn what_cannot_carry_the_marks_is_refused_with_the_reason() {
    let strokes = letter();
    let try_on = |solid: &Solid, origin: DVec3| {
        press(solid, &view(origin, DVec3::Z, DVec3::Y), &marks(&strokes), &Ctx::default()).unwrap_err()
    };
    let plate = block(DVec3::new(30.0, 20.0, 1.5), 1.0);
    let thin = try_on(&plate, DVec3::ZERO);
    assert!(
        matches!(thin, PressError::TooThin { thickness, .. } if (thickness - 1.5).abs() < 1e-5),
        "{thin}"
    );
    let thick = block(DVec3::new(30.0, 20.0, 10.0), 1.0);
    let beside = try_on(&thick, DVec3::new(13.5, 0.0, 0.0));
    assert!(matches!(beside, PressError::OffSurface { .. }), "{beside}");
    // A wave that leans over: x sheared by a sine of the height makes overhangs on top.
    let lean = shaped(DVec3::new(30.0, 20.0, 10.0), 0.5, |p| {
        let top = ((p.z - 3.0) / 2.0).clamp(0.0, 1.0);
        let (sin, cos) = libm::sincos(p.x * 1.5);
        DVec3::new(p.x + top * 1.5 * sin, p.y, p.z + top * 1.5 * cos)
    });
    let folded = try_on(&lean, DVec3::ZERO);
    assert!(matches!(folded, PressError::Folded { .. } | PressError::TooThin { .. }), "{folded}");
    let none = Marks { edge: 0.0, ..marks(&strokes) };
    let none = press(&thick, &view(DVec3::ZERO, DVec3::Z, DVec3::Y), &none, &Ctx::default());
    assert!(matches!(none, Err(PressError::Groove { .. })));
}

#[test]
fn a_cavity_below_the_surface_is_respected() {
    let outer = block(DVec3::new(30.0, 20.0, 10.0), 1.0).into_mesh();
    let with_cavity = |depth: f64| {
        let mut hole = moved(block(DVec3::splat(1.0), 1.0), DVec3::new(-2.0, 0.0, 4.5 - depth)).into_mesh();
        hole.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        let mut mesh = outer.clone();
        let shift = mesh.vertices.len() as u32;
        mesh.vertices.extend(&hole.vertices);
        mesh.triangles.extend(hole.triangles.iter().map(|t| t.map(|v| v + shift)));
        Solid::new(mesh).unwrap()
    };
    let strokes = letter();
    let top = view(DVec3::ZERO, DVec3::Z, DVec3::Y);
    let tried = |depth: f64| press(&with_cavity(depth), &top, &marks(&strokes), &Ctx::default());
    assert!(
        matches!(tried(1.5), Err(PressError::TooThin { thickness, .. }) if (thickness - 1.5).abs() < 1e-5)
    );
    assert_eq!(tried(1.7).unwrap().shells().len(), 2);
}
