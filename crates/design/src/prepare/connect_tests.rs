//! Pegs, dowels and magnets between the pieces of phantoms.

use super::super::split::{Room, split};
use super::*;
use crate::test_shapes::block;
use glam::DVec3;
use osteon_mesh::overlap::{Relation, overlap};
use osteon_mesh::region::Region;

/// A beam of 120 × 24 × 24 mm in two pieces.
fn beam(size: DVec3) -> (Solid, Pieces) {
    let solid = block(size, 4.0);
    let axes = [DVec3::X, DVec3::Y, DVec3::Z].map(|axis| Direction::new(axis).unwrap());
    let room = Room { axes, size: [80.0; 3], reserve: 8.0 };
    let pieces = split(solid.clone(), &room, &Regions::default(), &Ctx::default()).unwrap();
    assert_eq!(pieces.solids.len(), 2);
    (solid, pieces)
}

fn joined(size: DVec3, join: Join, protected: &Regions) -> Joined {
    let (solid, pieces) = beam(size);
    let sizes = Connectors::standard().unwrap();
    let how = Joining { join, fit: Fit::Tight, process: Process::Filament, sizes: &sizes };
    connect(&pieces, &solid, &how, protected, &Ctx::default()).unwrap()
}

const THICK: DVec3 = DVec3::new(120.0, 24.0, 24.0);

#[test]
fn a_thick_beam_gets_two_pegs_whose_pieces_share_no_matter() {
    let made = joined(THICK, Join::Pegs, &Regions::default());
    assert_eq!(made.joints.len(), 2);
    assert!(made.joints.iter().all(|joint| joint.section == Section::Round));
    assert!(made.findings.is_empty());
    let [back, front] = &made.solids[..] else { panic!("two pieces") };
    let whole = THICK.element_product();
    assert!((back.volume() + front.volume() - (whole + made.added - made.removed)).abs() < 1e-6);
    let shared = boolean::combine(back, front, Operation::Intersection, &Ctx::default()).unwrap();
    assert!(shared.is_none(), "{:?}", shared.map(|solid| solid.volume()));
}

#[test]
fn a_peg_is_its_gap_away_from_its_hole_and_a_wall_stays_around_it() {
    let made = joined(THICK, Join::Pegs, &Regions::default());
    let (ctx, sizes) = (Ctx::default(), Connectors::standard().unwrap());
    let how = Joining { join: Join::Pegs, fit: Fit::Tight, process: Process::Filament, sizes: &sizes };
    for joint in &made.joints {
        let peg = Bar { span: [1.0, joint.depth], chamfer: [0.0, sizes.chamfer], ..bar(joint) };
        let peg = Solid::new(peg.mesh()).unwrap();
        let hole = Solid::new(how.hole(joint, false).mesh()).unwrap();
        // The hole turned inside out in a block is matter around the peg.
        let around = moved_block(joint);
        let matter = boolean::combine(&around, &hole, Operation::Difference, &ctx).unwrap().unwrap();
        let trees = [&peg, &matter].map(|solid| Bvh::new(solid.mesh(), &ctx).unwrap());
        let found = overlap((&peg, &trees[0]), (&matter, &trees[1]), &ctx).unwrap();
        assert_eq!(found.relation, Relation::Apart);
        // Sides are parallel at the gap; the bottom is farther.
        assert!((found.gap - 0.2).abs() < 1e-9, "{}", found.gap);
        // The beam's own faces are 12 mm from its middle.
        let side = joint.place.vec().y.abs().max(joint.place.vec().z.abs());
        let wall = 12.0 - side - (0.5 * joint.diameter + joint.gap) * joint.section.corner();
        assert!(wall >= 0.9, "{wall}");
    }
}

/// A block around a joint.
fn moved_block(joint: &Joint) -> Solid {
    crate::test_shapes::moved(block(DVec3::splat(30.0), 10.0), joint.place.vec() + joint.axis.vec() * 15.0)
}

#[test]
fn a_thin_beam_gets_one_square_peg_and_a_wire_a_finding() {
    let thin = joined(DVec3::new(120.0, 6.5, 6.5), Join::Pegs, &Regions::default());
    assert_eq!(thin.joints.iter().map(|joint| joint.section).collect::<Vec<_>>(), [Section::Square]);
    let wire = joined(DVec3::new(120.0, 3.0, 3.0), Join::Pegs, &Regions::default());
    assert!(wire.joints.is_empty());
    let finding = &wire.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("no-room-to-join", Severity::Caution));
    assert!(finding.place.is_some() && finding.message.contains("too narrow"));
}

#[test]
fn dowels_and_magnets_leave_holes_in_both_pieces() {
    let dowels = joined(THICK, Join::Dowels, &Regions::default());
    assert_eq!((dowels.joints.len(), dowels.loose.len(), dowels.added), (2, 2, 0.0));
    let magnets = joined(THICK, Join::Magnets, &Regions::default());
    assert!(magnets.loose.is_empty() && magnets.removed > 0.0);
    let [back, front] = &magnets.solids[..] else { panic!("two pieces") };
    assert!((back.volume() + front.volume() - (THICK.element_product() - magnets.removed)).abs() < 1e-6);
    // Both pockets are alike: as deep as the magnet and its gap.
    let pocket = magnets.removed / (2.0 * magnets.joints.len() as f64);
    let [joint, ..] = magnets.joints[..] else { panic!("a joint") };
    let radius = 0.5 * joint.diameter + joint.gap;
    let circle = std::f64::consts::PI * radius * radius * (joint.depth + joint.gap);
    // A polygon of 48 sides around a circle is 0.14 % larger.
    assert!(pocket > circle && pocket < 1.002 * circle);
}

#[test]
fn no_peg_stands_on_what_is_protected() {
    let ball = Region::Ball { middle: Point::new(0.0, 12.0, 12.0), radius: 30.0 };
    let made = joined(THICK, Join::Pegs, &Regions(vec![ball.clone()]));
    assert!(made.joints.iter().all(|joint| !ball.contains(joint.place)));
}

#[test]
fn one_thread_and_many_make_the_same() {
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let one = single.install(|| joined(THICK, Join::Pegs, &Regions::default()));
    let many = joined(THICK, Join::Pegs, &Regions::default());
    assert_eq!((one.joints, one.solids), (many.joints, many.solids));
}
