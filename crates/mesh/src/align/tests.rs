//! Scans of known pose, scale, warp and noise, laid on their plan.

use super::*;
use glam::DQuat;
use osteon_core::ctx::Random;
use osteon_phantom::mesh::{ball, cuboid};

/// A lump 80 mm long with bumps that no turn or mirror maps onto each other.
fn lump(rings: u32) -> Mesh {
    let mut mesh = ball(DVec3::ZERO, 1.0, rings);
    for vertex in &mut mesh.vertices {
        let d = vertex.vec();
        let bump = |at: DVec3, high: f64, wide: f64| {
            high * libm::exp(-d.distance_squared(at.normalize_or_zero()) / (wide * wide))
        };
        let radius = 25.0
            + bump(DVec3::X, 15.0, 0.5)
            + bump(DVec3::new(-1.0, 0.6, 0.2), 9.0, 0.4)
            + bump(DVec3::new(0.1, -1.0, 0.7), 6.0, 0.3)
            + bump(DVec3::new(0.2, 0.4, -1.0), 11.0, 0.35);
        *vertex = Point::from_vec(d * radius + DVec3::new(30.0, -120.0, 500.0));
    }
    mesh
}

/// What a print and its scan did.
#[derive(Clone, Copy)]
struct Truth {
    scale: DVec3,
    /// Lift per squared distance from the axis, 1/mm.
    bend: f64,
    growth: f64,
    noise: f64,
}

const AS_PLANNED: Truth = Truth { scale: DVec3::ONE, bend: 0.0, growth: 0.0, noise: 0.0 };

impl Truth {
    fn place(&self, p: DVec3, middle: DVec3) -> DVec3 {
        let c = p - middle;
        middle + self.scale * c + DVec3::Z * self.bend * (c.x * c.x + c.y * c.y)
    }

    /// The plan as it was printed and scanned in some pose.
    fn scan(&self, plan: &Mesh, seed: u64) -> Mesh {
        let mut random = Random::new(seed);
        let middle = plan.bounds().middle().vec();
        let out = sample::normals(plan);
        let mut mesh = plan.clone();
        let mut one = || random.normal();
        let turn = DMat3::from_quat(DQuat::from_xyzw(one(), one(), one(), one()).normalize());
        let by = DVec3::new(one(), one(), one()) * 100.0;
        for (vertex, normal) in mesh.vertices.iter_mut().zip(out) {
            let off = normal.normalize_or_zero() * self.growth + DVec3::new(one(), one(), one()) * self.noise;
            *vertex = Point::from_vec(turn * (self.place(vertex.vec(), middle) + off) + by);
        }
        mesh
    }
}

fn laid(plan: &Mesh, scan: &Mesh) -> (Bvh, Result<Registration, AlignError>) {
    let ctx = Ctx::default();
    let bvh = Bvh::new(plan, &ctx).unwrap();
    let found = register((plan, &bvh), scan, &ctx);
    (bvh, found)
}

#[test]
fn a_scan_in_any_pose_comes_back_to_its_plan() {
    let plan = lump(60);
    for seed in 0..2 {
        let scan = AS_PLANNED.scan(&plan, seed);
        let found = laid(&plan, &scan).1.unwrap();
        assert_eq!(found.hand, Hand::Same);
        let pose = found.pose();
        let off = scan.vertices.iter().zip(&plan.vertices).map(|(s, p)| pose.point(*s).distance(*p));
        // Steps end below 10⁻⁵ mm, and converge faster than that.
        assert!(off.fold(0.0, f64::max) < 1e-4);
    }
}

#[test]
fn scale_bend_growth_and_noise_come_back_within_their_intervals() {
    let plan = lump(90);
    let truth =
        Truth { scale: DVec3::new(1.004, 0.997, 1.002), bend: 0.3 / 1600.0, growth: 0.05, noise: 0.05 };
    let scan = truth.scan(&plan, 11);
    let (bvh, found) = laid(&plan, &scan);
    let ctx = Ctx::default();
    let found = found.unwrap().explain((&plan, &bvh), Model::Warp, DMat3::IDENTITY, &ctx).unwrap();
    let middle = plan.bounds().middle().vec();
    for (axis, scale) in found.scale.iter().enumerate() {
        // Twice the 95 % interval is exceeded by chance once in ten thousand.
        assert!((scale.value - truth.scale[axis]).abs() < 2.0 * scale.half, "{axis} {scale:?}");
        assert!(scale.half * 40.0 < 0.03, "{scale:?}");
    }
    let most = plan.vertices.iter().map(|p| found.displaced(*p).vec().distance(truth.place(p.vec(), middle)));
    assert!(most.fold(0.0, f64::max) < 0.03);
    let growth = found.growth.unwrap();
    assert!((growth.value - truth.growth).abs() < 2.0 * growth.half && growth.half < 0.03, "{growth:?}");
    // A standard deviation of 16 000 numbers is known to 0.6 %; curvature and strays change it by a few percent.
    assert!((found.noise - truth.noise).abs() < 0.005, "{}", found.noise);
    let lift = found.lift.unwrap();
    let place = found.warp.unwrap().1.vec() - middle;
    let wanted = truth.bend * (place.x * place.x + place.y * place.y);
    assert!((lift.value - wanted).abs() < 0.03 && lift.half < 0.03, "{lift:?} {wanted}");
}

#[test]
fn a_mirrored_print_is_named_and_a_symmetric_one_cannot_be_told() {
    let plan = lump(60);
    let mirror = Affine::new(DMat3::from_diagonal(DVec3::new(1.0, -1.0, 1.0)), DVec3::ZERO);
    let scan = Truth { noise: 0.05, ..AS_PLANNED }.scan(&plan.moved(&mirror), 5);
    let found = laid(&plan, &scan).1.unwrap();
    assert_eq!(found.hand, Hand::Mirrored);
    let plan = ball(DVec3::ZERO, 20.0, 60);
    let found = laid(&plan, &Truth { noise: 0.05, ..AS_PLANNED }.scan(&plan, 6)).1.unwrap();
    assert_eq!(found.hand, Hand::Undecided);
    assert_eq!(found.free().len(), 3, "a ball may be turned about three axes");
}

#[test]
fn half_a_scan_with_strays_is_laid_on_and_the_other_half_is_unseen() {
    let plan = lump(90);
    let truth = Truth { noise: 0.03, ..AS_PLANNED };
    let mut scan = truth.scan(&plan, 21);
    let middle = plan.bounds().middle().vec();
    let kept = |t: &[u32; 3]| t.iter().all(|v| plan.vertices[*v as usize].vec().z < middle.z + 8.0);
    scan.triangles.retain(kept);
    let mut random = Random::new(9);
    for vertex in &mut scan.vertices {
        if random.uniform() < 0.02 {
            *vertex = Point::from_vec(vertex.vec() + DVec3::new(3.0, -2.0, 4.0) * random.normal());
        }
    }
    let (bvh, found) = laid(&plan, &scan);
    let found = found.unwrap();
    assert_eq!(found.hand, Hand::Same);
    let all = deviation((&plan, &bvh), &scan, &found, &Ctx::default()).unwrap();
    let below: f64 = 0.3;
    assert!((below..0.8).contains(&all.seen), "{}", all.seen);
    // Strays of several mm stand up beyond the rim, and what lies close to one is taken for seen: a few in a hundred.
    let beyond: Vec<_> =
        all.at.iter().zip(&plan.vertices).filter(|(_, p)| p.vec().z > middle.z + 9.0).collect();
    let wrong = beyond.iter().filter(|(distance, _)| distance.is_some()).count();
    assert!(wrong * 50 < beyond.len(), "{wrong} of {}", beyond.len());
    // Distances to a noisy surface stay within three deviations of its noise for 95 %; a few in a thousand places that
    // lie close to a stray of several mm pull the mean.
    assert!(all.p95 < 0.12 && all.bias.abs() < 0.03, "{} {}", all.p95, all.bias);
    let (place, _) = all.unseen.unwrap();
    assert!(place.vec().z > middle.z + 8.0);
}

#[test]
fn a_scan_in_inches_or_of_another_part_is_refused() {
    let plan = lump(40);
    let inches = Affine::new(DMat3::IDENTITY / 25.4, DVec3::ZERO);
    let scan = AS_PLANNED.scan(&plan, 2).moved(&inches);
    assert!(matches!(laid(&plan, &scan).1, Err(AlignError::Size { .. })));
    let other = cuboid(DVec3::ZERO, DVec3::new(90.0, 70.0, 50.0));
    assert!(matches!(laid(&plan, &other).1, Err(AlignError::Elsewhere { .. })));
    assert_eq!(laid(&plan, &Mesh::default()).1.err(), Some(AlignError::Empty("scan")));
}

#[test]
fn a_scan_that_faces_inward_is_laid_on_as_well_at_any_number_of_threads() {
    let plan = lump(50);
    let mut scan = Truth { noise: 0.02, ..AS_PLANNED }.scan(&plan, 3);
    for t in &mut scan.triangles {
        t.swap(0, 1);
    }
    let (bvh, found) = laid(&plan, &scan);
    let found = found.unwrap();
    assert!(found.spread() < 0.04 && found.hand == Hand::Same);
    let all = deviation((&plan, &bvh), &scan, &found, &Ctx::default()).unwrap();
    assert!(all.seen > 0.99, "{}", all.seen);
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = single.install(|| laid(&plan, &scan).1.unwrap());
    assert_eq!(again.pose(), found.pose());
}
