//! Booleans against volumes known beforehand, and against chance.

use super::*;
use glam::DVec3;
use osteon_core::ctx::Random;
use osteon_core::{Direction, Pose, Vector};
use osteon_phantom::mesh::{ball, cuboid};

fn solid_of(mesh: Mesh) -> Solid {
    Solid::new(mesh).unwrap()
}

fn block(low: [f64; 3], size: [f64; 3]) -> Solid {
    solid_of(cuboid(DVec3::from(low), DVec3::from(size)))
}

fn plane(point: [f64; 3], normal: [f64; 3]) -> Plane<Patient> {
    let [x, y, z] = point;
    Plane { point: Point::new(x, y, z), normal: Direction::new(DVec3::from(normal)).unwrap() }
}

fn ctx() -> Ctx {
    Ctx::default()
}

#[test]
fn volumes_of_boxes_add_up_exactly() {
    let (a, b) = (block([0.0; 3], [10.0; 3]), block([5.0, 5.0, 5.0], [10.0; 3]));
    let volume = |operation| combine(&a, &b, operation, &ctx()).unwrap().unwrap().volume();
    assert!((volume(Operation::Union) - 1875.0).abs() < 1e-9);
    assert!((volume(Operation::Difference) - 875.0).abs() < 1e-9);
    assert!((volume(Operation::Intersection) - 125.0).abs() < 1e-9);
}

#[test]
fn the_volume_two_solids_share_is_told_also_where_they_only_lean_on_each_other() {
    let shared = |low| shared_volume(&block([0.0; 3], [10.0; 3]), &block(low, [10.0; 3]), &ctx()).unwrap();
    assert!((shared([5.0, 5.0, 5.0]) - 125.0).abs() < 1e-9);
    assert_eq!([shared([10.0, 0.0, 0.0]), shared([30.0, 0.0, 0.0])], [0.0, 0.0]);
}

#[test]
fn what_leaves_nothing_is_none_and_not_an_error() {
    let (a, b) = (block([0.0; 3], [1.0; 3]), block([5.0; 3], [1.0; 3]));
    assert_eq!(combine(&a, &b, Operation::Intersection, &ctx()).unwrap(), None);
    assert_eq!(combine(&a, &a, Operation::Difference, &ctx()).unwrap(), None);
    assert_eq!(union(&[], &ctx()).unwrap(), None);
}

#[test]
fn boxes_that_touch_along_an_edge_are_still_2_manifold_after_a_reader_welded_them() {
    let (a, b) = (block([0.0; 3], [10.0; 3]), block([10.0, 10.0, 0.0], [10.0; 3]));
    let both = combine(&a, &b, Operation::Union, &ctx()).unwrap().unwrap();
    assert!((both.volume() - 2000.0).abs() < 0.1);
    assert!(welded_in_single_precision(&both).is_ok());
}

/// The solid as it comes back from a binary STL.
fn welded_in_single_precision(solid: &Solid) -> Result<Solid, NotSolid> {
    let mut number = std::collections::BTreeMap::new();
    let mut mesh = Mesh::default();
    for &t in &solid.mesh().triangles {
        let corners = t.map(|v| {
            let place =
                solid.mesh().vertices[v as usize].vec().to_array().map(|x| (x as f32 + 0.0).to_bits());
            *number.entry(place).or_insert_with(|| {
                let [x, y, z] = place.map(|bits| f64::from(f32::from_bits(bits)));
                mesh.vertices.push(Point::new(x, y, z));
                mesh.vertices.len() as u32 - 1
            })
        });
        mesh.triangles.push(corners);
    }
    Solid::new(mesh)
}

#[test]
fn a_plane_cuts_a_ball_into_caps_that_add_up() {
    let whole = solid_of(ball(DVec3::new(3.0, 4.0, 5.0), 10.0, 40));
    let halves = cut(&whole, &plane([3.0, 4.0, 9.0], [0.1, -0.2, 1.0]), &ctx()).unwrap();
    let (front, back) = (halves.front.unwrap(), halves.back.unwrap());
    assert!((front.volume() + back.volume() - whole.volume()).abs() < 1e-6);
    let at = plane([3.0, 4.0, 9.0], [0.1, -0.2, 1.0]);
    // Places on the cut are exact to rounding and to the width by which touching parts are drawn apart.
    assert!(front.mesh().vertices.iter().all(|&p| at.signed_distance(p) > -1e-9));
    assert!(back.mesh().vertices.iter().all(|&p| at.signed_distance(p) < 1e-9));
}

#[test]
fn a_plane_beside_a_solid_leaves_it_whole() {
    let whole = block([0.0; 3], [1.0, 2.0, 3.0]);
    let halves = cut(&whole, &plane([0.0, 0.0, 50.0], [0.0, 0.0, 1.0]), &ctx()).unwrap();
    assert_eq!(halves.front, None);
    assert!((halves.back.unwrap().volume() - 6.0).abs() < 1e-12);
}

#[test]
fn overlapping_and_nested_shells_in_one_mesh_become_one_solid() {
    let mut mesh = cuboid(DVec3::ZERO, DVec3::splat(10.0));
    append(&mut mesh, &cuboid(DVec3::splat(5.0), DVec3::splat(10.0)));
    assert!((resolve(&mesh, &ctx()).unwrap().unwrap().volume() - 1875.0).abs() < 1e-6);
    let mut nested = cuboid(DVec3::ZERO, DVec3::splat(20.0));
    append(&mut nested, &cuboid(DVec3::splat(5.0), DVec3::splat(10.0)));
    assert!((resolve(&nested, &ctx()).unwrap().unwrap().volume() - 8000.0).abs() < 1e-6);
}

fn append(mesh: &mut Mesh, other: &Mesh) {
    let first = mesh.vertices.len() as u32;
    mesh.vertices.extend(&other.vertices);
    mesh.triangles.extend(other.triangles.iter().map(|t| t.map(|v| v + first)));
}

#[test]
fn an_open_surface_is_refused() {
    let mut mesh = cuboid(DVec3::ZERO, DVec3::ONE);
    mesh.triangles.pop();
    assert!(matches!(resolve(&mesh, &ctx()), Err(BooleanError::Open | BooleanError::Library(_))));
}

#[test]
fn a_self_intersecting_operand_is_not_counted_twice() {
    let mut mesh = cuboid(DVec3::ZERO, DVec3::splat(10.0));
    append(&mut mesh, &cuboid(DVec3::splat(5.0), DVec3::splat(10.0)));
    let tangled = solid_of(mesh);
    let tool = block([-1.0; 3], [6.0; 3]);
    let left = combine(&tangled, &tool, Operation::Difference, &ctx()).unwrap().unwrap();
    assert!((left.volume() - (1875.0 - 125.0)).abs() < 1e-6);
}

#[test]
fn mirroring_twice_gives_the_solid_back_and_keeps_it_outside_out() {
    let whole = solid_of(ball(DVec3::new(30.0, -4.0, 5.0), 8.0, 12));
    let at = plane([1.0, 2.0, 3.0], [1.0, 0.5, -0.2]);
    let once = mirror(&whole, &at).unwrap();
    assert!((once.volume() - whole.volume()).abs() < 1e-9);
    let twice = mirror(&once, &at).unwrap();
    let far = twice.mesh().vertices.iter().zip(&whole.mesh().vertices).map(|(a, b)| a.distance(*b));
    assert!(far.fold(0.0, f64::max) < 1e-12);
}

/// A ball or box of random size, place and turn; half of the boxes lie on a coarse lattice, so that faces,
/// edges and corners coincide.
fn random_solid(random: &mut Random) -> Solid {
    let mut along = |scale: f64| DVec3::from([0; 3].map(|_| random.uniform() * scale));
    let (place, size) = (along(12.0), along(9.0) + DVec3::splat(1.0));
    let kind = random.uniform();
    if kind < 0.35 {
        return solid_of(ball(place, 0.5 * size.x, 3 + (kind * 20.0) as u32));
    }
    if kind < 0.7 {
        return solid_of(cuboid(place.floor(), size.ceil()));
    }
    let axis = Direction::new(size - DVec3::splat(5.0)).unwrap();
    let pose: Pose<Patient, Patient> = Pose::turn(axis, kind * 7.0, Vector::from_vec(place));
    solid_of(cuboid(DVec3::ZERO, size)).moved(pose.affine()).unwrap()
}

#[test]
fn random_booleans_are_always_solids_and_their_volumes_add_up() {
    let mut random = Random::new(4);
    // Three operations each: ten thousand booleans.
    for _ in 0..3400 {
        let (a, b) = (random_solid(&mut random), random_solid(&mut random));
        let volume = |operation| {
            let result = combine(&a, &b, operation, &ctx()).unwrap();
            result.map_or(0.0, |solid| {
                assert!(welded_in_single_precision(&solid).is_ok());
                solid.volume()
            })
        };
        let (or, minus, and) =
            (volume(Operation::Union), volume(Operation::Difference), volume(Operation::Intersection));
        // Drawing touching parts apart by 0.2 µm over at most some 1000 mm² of surface.
        assert!((or - a.volume() - b.volume() + and).abs() < 0.2);
        assert!((minus - a.volume() + and).abs() < 0.2);
    }
}

#[test]
fn the_result_is_the_same_at_any_number_of_threads() {
    let (a, b) = (solid_of(ball(DVec3::ZERO, 10.0, 60)), solid_of(ball(DVec3::splat(5.0), 9.0, 60)));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| combine(&a, &b, Operation::Difference, &ctx()).unwrap().unwrap())
    };
    assert_eq!(with(1), with(3));
}
