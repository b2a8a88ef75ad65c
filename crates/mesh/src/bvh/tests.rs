//! The hierarchy against searches through all triangles, and against what is known of balls and boxes.

use super::*;
use osteon_core::ctx::Random;
use osteon_core::{Affine, Direction, Point, Pose, Vector};
use osteon_phantom::mesh::{ball, cuboid};

fn bvh(mesh: &Mesh) -> Bvh {
    Bvh::new(mesh, &Ctx::default()).unwrap()
}

fn joined(a: &Mesh, b: &Mesh) -> Mesh {
    let shift = a.vertices.len() as u32;
    let mut mesh = a.clone();
    mesh.vertices.extend(&b.vertices);
    mesh.triangles.extend(b.triangles.iter().map(|t| t.map(|v| v + shift)));
    mesh
}

fn turned(mut mesh: Mesh) -> Mesh {
    mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    mesh
}

/// A ball, a box across it and 200 loose triangles of all sizes.
fn jumble() -> Mesh {
    let mut mesh = joined(
        &ball(DVec3::new(3.0, -2.0, 1.0), 10.0, 20),
        &cuboid(DVec3::new(-4.0, -20.0, -2.0), DVec3::new(3.0, 40.0, 4.0)),
    );
    let mut random = Random::new(7);
    for n in 0..200 {
        let first = mesh.vertices.len() as u32;
        let middle = somewhere(&mut random, 30.0);
        let size = if n % 10 == 0 { 20.0 } else { 0.3 };
        for _ in 0..3 {
            mesh.vertices.push(Point::from_vec(middle + somewhere(&mut random, size)));
        }
        mesh.triangles.push([first, first + 1, first + 2]);
    }
    mesh
}

fn somewhere(random: &mut Random, size: f64) -> DVec3 {
    DVec3::new(random.uniform() - 0.5, random.uniform() - 0.5, random.uniform() - 0.5) * size
}

#[test]
fn rounding_outward_never_loses_a_number() {
    for x in [0.1, -0.1, 1.0, -1.0, 1e-50, -1e-50, 0.0, 123_456.789, -9.999_999_99e11] {
        assert!(f64::from(below(x)) <= x && x <= f64::from(above(x)));
        assert!(above(x) <= below(x).next_up());
    }
}

#[test]
fn every_triangle_is_in_one_bundle_and_every_box_holds_what_is_below() {
    let mesh = jumble();
    let bvh = bvh(&mesh);
    let mut seen: Vec<u32> =
        bvh.nodes[..bvh.bundles].iter().flat_map(|n| n.child).filter(|&c| c != Node::NOTHING).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..mesh.triangles.len() as u32).collect::<Vec<_>>());
    for (n, node) in bvh.nodes.iter().enumerate().skip(bvh.bundles) {
        for lane in (0..LANES).filter(|&lane| node.child[lane] != Node::NOTHING) {
            let child = node.child[lane] as usize;
            assert!(child < bvh.bundles || child > n);
            assert_eq!(node.lane(lane), bvh.nodes[child].extent());
        }
    }
}

#[test]
fn the_nearest_place_is_that_of_a_search_through_all_triangles() {
    let mesh = jumble();
    let bvh = bvh(&mesh);
    let mut random = Random::new(1);
    for n in 0..400 {
        let point = if n % 20 == 0 { mesh.vertices[n].vec() } else { somewhere(&mut random, 60.0) };
        let all = mesh.triangles.iter().map(|&t| triangle::nearest_on(point, mesh.corners(t)).1);
        let (best, least) =
            all.enumerate().fold((0, f64::INFINITY), |b, (n, d)| if d < b.1 { (n, d) } else { b });
        let p = Point::from_vec(point);
        let near = bvh.nearest(&mesh, p).unwrap();
        assert_eq!((near.triangle as usize, near.distance), (best, least.sqrt()));
        assert_eq!(bvh.nearest_from(&mesh, p, 5), Some(near));
        assert_eq!(bvh.nearest_within(&mesh, p, near.distance * 1.001 + 1e-9), Some(near));
        if near.distance > 0.0 {
            assert_eq!(bvh.nearest_within(&mesh, p, near.distance * 0.999), None);
        }
    }
}

#[test]
fn the_nearest_place_of_one_triangle_is_on_the_feature_it_names() {
    let mesh = Mesh {
        vertices: vec![Point::new(0.0, 0.0, 0.0), Point::new(4.0, 0.0, 0.0), Point::new(0.0, 4.0, 0.0)],
        triangles: vec![[0, 1, 2]],
    };
    let bvh = bvh(&mesh);
    let near = |x, y, z| {
        let near = bvh.nearest(&mesh, Point::new(x, y, z)).unwrap();
        (near.place.to_array(), near.distance, near.feature)
    };
    assert_eq!(near(1.0, 1.0, -2.0), ([1.0, 1.0, 0.0], 2.0, Feature::Face));
    assert_eq!(near(1.0, -3.0, 4.0), ([1.0, 0.0, 0.0], 5.0, Feature::Edge(0)));
    assert_eq!(near(4.0, 4.0, 0.0), ([2.0, 2.0, 0.0], 8.0_f64.sqrt(), Feature::Edge(1)));
    assert_eq!(near(-1.0, 3.0, 0.0), ([0.0, 3.0, 0.0], 1.0, Feature::Edge(2)));
    assert_eq!(near(-3.0, -4.0, 0.0), ([0.0; 3], 5.0, Feature::Corner(0)));
    assert_eq!(near(9.0, -1.0, 0.0).2, Feature::Corner(1));
    assert_eq!(near(-1.0, 9.0, 0.0).2, Feature::Corner(2));
}

#[test]
fn the_nearest_place_of_a_thin_triangle_is_never_missed() {
    let mut random = Random::new(3);
    for _ in 0..300 {
        let (a, along) = (somewhere(&mut random, 100.0), somewhere(&mut random, 50.0));
        let c = a + along * random.uniform() + somewhere(&mut random, 1e-9);
        let corners = [a, a + along, c];
        let point = a + along * random.uniform() + somewhere(&mut random, 1.0);
        let (place, squared, _) = triangle::nearest_on(point, corners);
        // Truth: many places along its length; it is thinner than 1e-9 mm.
        let steps = (0..=20_000).map(|n| (a + along * (f64::from(n) / 20_000.0)).distance_squared(point));
        let least = steps.fold(f64::INFINITY, f64::min).sqrt();
        // Between two of those places the distance is less by at most step²/8 of its distance.
        assert!(squared.sqrt() <= least + 1e-8 && squared.sqrt() >= least - 1e-3, "{squared} {least}");
        assert!((place.distance(point) - squared.sqrt()).abs() < 1e-12);
    }
}

#[test]
fn rays_meet_the_triangles_a_search_through_all_of_them_meets() {
    let mesh = jumble();
    let bvh = bvh(&mesh);
    let mut random = Random::new(2);
    for n in 0..100_usize {
        let origin = Point::from_vec(somewhere(&mut random, 60.0));
        // Also along the axes, where boxes are met edge on.
        let to = if n % 4 == 0 { DVec3::AXES[n / 4 % 3] } else { somewhere(&mut random, 1.0) };
        let ray = Ray::new(origin, Direction::new(to).unwrap());
        let hits = bvh.hits(&mesh, &ray);
        let mut all: Vec<u32> = Vec::new();
        for (n, &triangle) in mesh.triangles.iter().enumerate() {
            let one = Mesh {
                vertices: mesh.corners(triangle).map(Point::from_vec).to_vec(),
                triangles: vec![[0, 1, 2]],
            };
            if !super::tests::bvh(&one).hits(&one, &ray).is_empty() {
                all.push(n as u32);
            }
        }
        let mut triangles: Vec<u32> = hits.iter().map(|h| h.triangle).collect();
        triangles.sort_unstable();
        assert_eq!(triangles, all);
        assert_eq!(bvh.first_hit(&mesh, &ray), hits.first().copied());
        if let [first, second, ..] = hits[..] {
            let beyond = Ray { from: first.distance.next_up(), ..ray };
            assert_eq!(bvh.first_hit(&mesh, &beyond).map(|h| h.distance), Some(second.distance));
            assert_eq!(bvh.first_hit(&mesh, &Ray { to: first.distance.next_down(), ..ray }), None);
        }
    }
}

#[test]
fn a_ray_meets_a_box_where_it_is() {
    let mesh = cuboid(DVec3::ZERO, DVec3::new(2.0, 3.0, 4.0));
    let bvh = bvh(&mesh);
    let ray = Ray::new(Point::new(-5.0, 1.0, 1.5), Direction::new(DVec3::X).unwrap());
    let hits = bvh.hits(&mesh, &ray);
    assert_eq!(hits.iter().map(|h| (h.distance, h.enters)).collect::<Vec<_>>(), [(5.0, true), (7.0, false)]);
    assert_eq!(ray.at(5.0).to_array(), [0.0, 1.0, 1.5]);
    // Within the plane of a face and along an edge: the ends are met.
    for y in [0.0, 3.0] {
        let grazing = Ray::new(Point::new(-5.0, y, 4.0), Direction::new(DVec3::X).unwrap());
        assert_eq!(bvh.first_hit(&mesh, &grazing).map(|h| h.distance), Some(5.0));
    }
    let beside = Ray::new(Point::new(-5.0, 3.1, 1.5), Direction::new(DVec3::X).unwrap());
    assert_eq!(bvh.first_hit(&mesh, &beside), None);
}

#[test]
fn no_ray_slips_out_of_a_closed_surface() {
    let mesh = ball(DVec3::ZERO, 10.0, 12);
    let bvh = bvh(&mesh);
    // Straight at every corner and the middle of every side, from a place inside.
    for &triangle in &mesh.triangles {
        let [a, b, _] = mesh.corners(triangle);
        for to in [a, (a + b) * 0.5] {
            let from = DVec3::new(0.7, -0.3, 0.2);
            let ray = Ray::new(Point::from_vec(from), Direction::new(to - from).unwrap());
            let hit = bvh.first_hit(&mesh, &ray).unwrap();
            // Rounding of a direction (2⁻⁵²) over 11 mm against faces that are met at no less than 45°.
            assert!((hit.distance - (to - from).length()).abs() < 1e-12 && !hit.enters);
        }
    }
}

#[test]
fn winding_counts_bodies_and_cavities_also_through_corners_and_sides() {
    let outer = cuboid(DVec3::ZERO, DVec3::splat(10.0));
    let cavity = turned(cuboid(DVec3::splat(4.0), DVec3::splat(2.0)));
    let second = cuboid(DVec3::new(8.0, 0.0, 0.0), DVec3::splat(10.0));
    let mesh = joined(&joined(&outer, &cavity), &second);
    let bvh = bvh(&mesh);
    // Whole numbers: rays run through corners, along edges and within diagonals of faces.
    for (x, y, z, want) in [
        (1.0, 1.0, 1.0, 1),
        (5.0, 5.0, 5.0, 0),
        (9.0, 5.0, 5.0, 2),
        (2.0, 4.0, 4.0, 1),
        (2.0, 4.0, 6.0, 1),
        (2.0, 5.0, 5.0, 1),
        (12.0, 5.0, 5.0, 1),
        (-1.0, 0.0, 0.0, 0),
        (-1.0, 10.0, 10.0, 0),
        (-1.0, 5.0, 5.0, 0),
        (-3.0, 4.0, 5.0, 0),
        (19.0, 5.0, 5.0, 0),
        (5.0, 11.0, 5.0, 0),
        (9.0, 1.0, 9.0, 2),
    ] {
        assert_eq!(bvh.winding(&mesh, Point::new(x, y, z)), want, "({x}, {y}, {z})");
    }
    assert_eq!(super::tests::bvh(&cavity).winding(&cavity, Point::new(5.0, 5.0, 5.0)), -1);
    assert_eq!(bvh.signed_distance(&mesh, Point::new(1.0, 5.0, 5.0)), Some(-1.0));
    assert_eq!(bvh.signed_distance(&mesh, Point::new(5.0, 5.5, 5.0)), Some(0.5));
    assert_eq!(bvh.signed_distance(&mesh, Point::new(-3.0, 14.0, 5.0)), Some(5.0));
}

#[test]
fn a_pseudonormal_tells_inside_from_outside_at_every_side_and_corner() {
    let mesh = ball(DVec3::ZERO, 10.0, 9);
    let bvh = bvh(&mesh);
    let mut random = Random::new(5);
    let mut corners = 0;
    for _ in 0..600 {
        let point = Point::from_vec(somewhere(&mut random, 26.0));
        let near = bvh.nearest(&mesh, point).unwrap();
        corners += usize::from(near.feature != Feature::Face);
        let before = (point - near.place).vec().dot(bvh.pseudonormal(&mesh, &near)) > 0.0;
        assert_eq!(before, bvh.winding(&mesh, point) == 0, "{point:?}");
    }
    assert!(corners > 100);
}

#[test]
fn a_box_finds_the_triangles_whose_boxes_it_meets() {
    let mesh = jumble();
    let bvh = bvh(&mesh);
    let mut random = Random::new(9);
    for _ in 0..50 {
        let (p, q) = (somewhere(&mut random, 40.0), somewhere(&mut random, 40.0));
        let bounds = Aabb::around([Point::from_vec(p), Point::from_vec(q)]);
        let want: Vec<u32> = (0..mesh.triangles.len() as u32)
            .filter(|&n| {
                let own =
                    Aabb::<Patient>::around(mesh.triangles[n as usize].map(|v| mesh.vertices[v as usize]));
                own.min.vec().cmple(bounds.max.vec()).all() && own.max.vec().cmpge(bounds.min.vec()).all()
            })
            .collect();
        assert_eq!(bvh.overlapping(&bounds), want);
    }
    assert!(bvh.overlapping(&Aabb::EMPTY).is_empty());
}

#[test]
fn a_refitted_hierarchy_answers_as_a_new_one() {
    let mesh = jumble();
    let axis = Direction::new(DVec3::new(1.0, 2.0, 3.0)).unwrap();
    let pose: Pose<Patient, Patient> = Pose::turn(axis, 1.0, Vector::new(5.0, 6.0, 7.0));
    let mut moved = mesh.moved(pose.affine());
    moved.vertices[17] = Point::new(70.0, 0.0, 0.0);
    let mut refitted = bvh(&mesh);
    refitted.refit(&moved, &Ctx::default()).unwrap();
    let new = bvh(&moved);
    assert_eq!(refitted.bounds(), new.bounds());
    let mut random = Random::new(4);
    for _ in 0..200 {
        let point = Point::from_vec(somewhere(&mut random, 80.0));
        let ray = Ray::new(point, Direction::new(somewhere(&mut random, 1.0)).unwrap());
        assert_eq!(refitted.nearest(&moved, point), new.nearest(&moved, point));
        assert_eq!(refitted.hits(&moved, &ray), new.hits(&moved, &ray));
    }
}

#[test]
fn a_moved_mesh_is_as_near_to_a_moved_point() {
    let mesh = ball(DVec3::ZERO, 10.0, 16);
    let by = DVec3::new(100.0, -50.0, 25.0);
    let moved = mesh.moved(&Affine::new(glam::DMat3::IDENTITY, by));
    let (here, there) = (bvh(&mesh), bvh(&moved));
    let mut random = Random::new(6);
    for _ in 0..100 {
        let p = somewhere(&mut random, 40.0);
        let a = here.nearest(&mesh, Point::from_vec(p)).unwrap();
        let b = there.nearest(&moved, Point::from_vec(p + by)).unwrap();
        // Moving rounds coordinates by up to 2⁻⁴⁶ mm.
        assert!(
            (a.distance - b.distance).abs() < 1e-12 && (b.place.vec() - a.place.vec() - by).length() < 1e-6
        );
    }
}

#[test]
fn threads_do_not_change_the_hierarchy() {
    // Large enough to be divided in parallel.
    let mesh = ball(DVec3::new(1.0, 2.0, 3.0), 10.0, 80);
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let one = pool(1).install(|| bvh(&mesh));
    assert!(one.bundles > 2048);
    assert_eq!(pool(3).install(|| bvh(&mesh)), one);
}

#[test]
fn triangles_without_a_place_are_never_met_and_no_triangles_are_no_trouble() {
    let empty = Mesh::default();
    let ray = Ray::new(Point::new(0.0, 0.0, 0.0), Direction::new(DVec3::X).unwrap());
    let none = bvh(&empty);
    assert_eq!(none.nearest(&empty, ray.origin), None);
    assert_eq!(none.first_hit(&empty, &ray), None);
    assert_eq!((none.hits(&empty, &ray).len(), none.winding(&empty, ray.origin)), (0, 0));
    assert!(none.bounds().is_empty() && none.signed_distance(&empty, ray.origin).is_none());
    let mut mesh = cuboid(DVec3::splat(-1.0), DVec3::splat(2.0));
    mesh.vertices.push(Point::new(f64::NAN, 0.0, 0.0));
    mesh.vertices.push(Point::new(0.0, 2e12, 0.0));
    mesh.triangles.extend([[0, 1, 8], [0, 1, 9], [0, 1, 77]]);
    let most = bvh(&mesh);
    assert_eq!(most.bounds(), Aabb::around([Point::new(-1.0, -1.0, -1.0), Point::new(1.0, 1.0, 1.0)]));
    assert_eq!(most.nearest(&mesh, Point::new(0.0, 0.0, 3.0)).map(|n| n.distance), Some(2.0));
    assert_eq!(most.nearest(&mesh, Point::new(f64::NAN, 0.0, 3.0)), None);
}

#[test]
fn many_triangles_at_one_place_are_still_divided() {
    let mut mesh = cuboid(DVec3::ZERO, DVec3::ONE);
    for _ in 0..9 {
        mesh = joined(&mesh, &mesh);
    }
    let bvh = bvh(&mesh);
    let near = bvh.nearest(&mesh, Point::new(0.25, 0.5, 3.0)).unwrap();
    assert_eq!(near.distance, 2.0);
    assert!((near.triangle as usize) < 12);
}

#[test]
fn a_stopped_job_makes_no_hierarchy() {
    let ctx = Ctx::default();
    ctx.cancel().stop();
    assert_eq!(Bvh::new(&cuboid(DVec3::ZERO, DVec3::ONE), &ctx), Err(Cancelled));
}
