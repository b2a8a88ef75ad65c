//! Hollowed phantoms, and whether all that is in them runs out.

use super::*;
use crate::test_shapes::{ball, block, shaped};
use osteon_mesh::region::Region;

fn hollowed(solid: Solid, up: DVec3, protected: &Regions) -> Drained {
    let how = Hollowing { wall: 2.0, drain: 3.0, voxel: 0.5, up: Direction::new(up).unwrap() };
    hollow(solid, &how, protected, &Ctx::default()).unwrap()
}

#[test]
fn a_ball_gets_a_drain_below_and_a_vent_above_and_runs_empty() {
    let made = hollowed(ball(20.0, 1.0), DVec3::Z, &Regions::default());
    assert_eq!((made.voids, made.holes.len(), made.trapped), (1, 2, 0.0));
    assert!(made.findings.is_empty());
    let [drain, vent] = made.holes[..] else { panic!("two holes") };
    assert!(!drain.vent && drain.mouth.vec().z < -19.0 && vent.vent && vent.mouth.vec().z > 19.0);
    // One body with a way through it: genus 1, where two shells had none.
    assert_eq!((made.solid.shells().len(), made.solid.genus()), (1, 1));
    // 4π/3·(20³ − 18³) less two holes of 2 mm depth; the ball of triangles is 0.3 % smaller.
    let wall = 4.0 / 3.0 * std::f64::consts::PI * (8000.0 - 5832.0) - 2.0 * std::f64::consts::PI * 2.25 * 2.0;
    assert!((made.solid.volume() / wall - 1.0).abs() < 0.02, "{} {wall}", made.solid.volume());
}

#[test]
fn up_decides_where_the_drain_is() {
    let up = DVec3::new(1.0, 1.0, 0.5);
    let made = hollowed(ball(20.0, 1.0), up, &Regions::default());
    let below = made.holes[0].mouth.vec().normalize_or_zero().dot(up.normalize_or_zero());
    assert!(below < -0.97, "{below}");
}

#[test]
fn a_part_with_two_feet_gets_a_drain_in_each() {
    // A bent bar: its ends hang lower than its middle, and each holds a puddle.
    let arch = |p: DVec3| DVec3::new(p.x, p.y, p.z - p.x * p.x / 60.0);
    let solid = shaped(DVec3::new(80.0, 14.0, 14.0), 1.0, arch);
    let made = hollowed(solid, DVec3::Z, &Regions::default());
    let drains: Vec<f64> =
        made.holes.iter().filter(|hole| !hole.vent).map(|hole| hole.mouth.vec().x).collect();
    assert!(
        drains.len() >= 2 && drains.iter().any(|x| *x > 0.0) && drains.iter().any(|x| *x < 0.0),
        "{drains:?}"
    );
    assert_eq!((made.trapped, made.findings.len()), (0.0, 0));
}

#[test]
fn a_drain_keeps_off_what_is_protected() {
    let below = Region::Ball { middle: Point::new(0.0, 0.0, -20.0), radius: 6.0 };
    let made = hollowed(ball(20.0, 1.0), DVec3::Z, &Regions(vec![below.clone()]));
    assert!(made.holes.iter().all(|hole| !below.contains(hole.mouth)));
    let everywhere = Region::Ball { middle: Point::new(0.0, 0.0, 0.0), radius: 40.0 };
    let refused = hollowed(ball(20.0, 1.0), DVec3::Z, &Regions(vec![everywhere]));
    assert_eq!((refused.voids, refused.holes.len()), (0, 0));
    assert_eq!(refused.solid, ball(20.0, 1.0));
    assert_eq!(refused.findings[0].code, "not-hollowed");
}

#[test]
fn a_plate_stays_as_it_is_and_a_void_is_filled_first() {
    let plate = block(DVec3::new(40.0, 40.0, 3.0), 2.0);
    let made = hollowed(plate.clone(), DVec3::Z, &Regions::default());
    assert_eq!((&made.solid, made.findings[0].code.as_str()), (&plate, "not-hollowed"));
    let mut mesh = block(DVec3::splat(30.0), 3.0).into_mesh();
    let inner = block(DVec3::splat(10.0), 2.0).into_mesh();
    let first = mesh.vertices.len() as u32;
    mesh.vertices.extend(&inner.vertices);
    mesh.triangles.extend(inner.triangles.iter().map(|&[a, b, c]| [a + first, c + first, b + first]));
    let made = hollowed(Solid::new(mesh).unwrap(), DVec3::Z, &Regions::default());
    assert_eq!((made.voids, made.trapped), (1, 0.0));
    assert_eq!(made.findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), ["voids-filled"]);
}

#[test]
fn a_hole_too_fine_for_its_purpose_is_refused() {
    let how = Hollowing { wall: 2.0, drain: 2.0, voxel: 0.5, up: Direction::new(DVec3::Z).unwrap() };
    let refused = hollow(ball(20.0, 2.0), &how, &Regions::default(), &Ctx::default());
    assert!(matches!(refused, Err(PrepareError::Value { .. })));
}
