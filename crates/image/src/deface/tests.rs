//! A head made of ellipsoids: skin, skull, brain, orbits, nose, jaw; on upright, turned, sheared and mirrored grids.

use super::*;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Grid, Point, ctx::Random};

fn within(p: DVec3, centre: [f64; 3], radii: [f64; 3]) -> bool {
    ((p - DVec3::from_array(centre)) / DVec3::from_array(radii)).length_squared() <= 1.0
}

/// HU of the head at a place relative to the skull's middle, in LPS mm; −y is the front.
fn head(p: DVec3) -> i16 {
    let skull = within(p, [0.0, 0.0, 0.0], [72.0, 92.0, 80.0]);
    let brain = within(p, [0.0, 0.0, 0.0], [65.0, 85.0, 73.0]);
    let scalp = within(p, [0.0, 0.0, 0.0], [78.0, 98.0, 86.0]);
    let orbit = |x: f64| within(p, [x, -78.0, -32.0], [16.0, 22.0, 14.0]);
    let eye = |x: f64| within(p, [x, -84.0, -32.0], [12.0, 12.0, 12.0]);
    let nose = within(p, [0.0, -98.0, -52.0], [11.0, 19.0, 20.0]);
    let face = within(p, [0.0, -45.0, -70.0], [58.0, 55.0, 70.0]);
    let jaw = within(p, [0.0, -50.0, -105.0], [44.0, 40.0, 18.0])
        && !within(p, [0.0, -40.0, -100.0], [34.0, 36.0, 22.0]);
    let throat = within(p, [0.0, -25.0, -90.0], [9.0, 8.0, 40.0]);
    let neck = p.z < -60.0 && libm::hypot(p.x, p.y) < 55.0;
    let spine = p.z < -75.0 && libm::hypot(p.x, p.y - 15.0) < 16.0;
    match () {
        () if eye(32.0) || eye(-32.0) => 15,
        () if orbit(32.0) || orbit(-32.0) => -60,
        () if brain => 35,
        () if skull => 900,
        () if throat => -1000,
        () if jaw || spine => 800,
        () if nose || face || scalp || neck => 40,
        () => -1000,
    }
}

fn scan(grid: &Grid, hu: impl Fn(DVec3) -> i16) -> Volume<i16> {
    let mut random = Random::new(5);
    let [nx, ny, nz] = grid.dims();
    let mut samples = Vec::with_capacity(grid.count());
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let noise = (random.bits() % 21) as i16 - 10;
                samples.push(hu(grid.place(x, y, z).vec()) + noise);
            }
        }
    }
    Volume::new(grid.clone(), samples).unwrap()
}

fn upright() -> Grid {
    Grid::upright([92, 112, 80], Point::new(-91.0, -125.0, -140.0), DVec3::new(2.0, 2.0, 3.0)).unwrap()
}

/// Share of the skin's surface points before the brow that still lie between air and tissue after removal.
fn skin_left(volume: &Volume<i16>) -> f64 {
    let mut seen = [0, 0];
    for i in -20..=20 {
        for k in 0..=25 {
            let (x, z) = (f64::from(i) * 2.0, -30.0 - f64::from(k) * 3.0);
            // Where the skin was, going from the front into the true head.
            let ray = || (0..200).map(|n| DVec3::new(x, -124.0 + f64::from(n) * 0.5, z));
            let Some(skin) = ray().find(|&p| head(p) > -300) else { continue };
            seen[1] += 1;
            let tissue = |p: DVec3| volume.sample(Point::from_vec(p)).is_some_and(|hu| hu > -500.0);
            seen[0] += usize::from(tissue(skin + DVec3::Y * 3.0));
        }
    }
    f64::from(seen[0] as u32) / f64::from(seen[1] as u32)
}

fn grids() -> Vec<(&'static str, Grid)> {
    let corner = DVec3::new(-91.0, -125.0, -140.0);
    let grid = |dims, columns: [DVec3; 3], offset| {
        Grid::new(dims, Affine::new(DMat3::from_cols(columns[0], columns[1], columns[2]), offset)).unwrap()
    };
    let (x, y, z) = (DVec3::X * 2.0, DVec3::Y * 2.0, DVec3::Z * 3.0);
    let tilt = DVec3::new(0.0, -1.0, 3.0);
    vec![
        ("upright", upright()),
        ("feet first", grid([92, 112, 80], [x, y, -z], corner + z * 79.0)),
        ("mirrored", grid([92, 112, 80], [-x, y, z], corner + x * 91.0)),
        ("sagittal", grid([112, 80, 92], [y, z, x], corner)),
        ("tilted", grid([92, 152, 80], [x, y, tilt], corner)),
    ]
}

#[test]
fn the_face_of_a_head_goes_and_bone_and_brain_stay_on_any_grid() {
    for (name, grid) in grids() {
        let volume = scan(&grid, head);
        let found = face(&volume, BodyPart::Unknown, &Ctx::default()).unwrap();
        assert_eq!(found.verdict, Verdict::Face, "{name}");
        let mut blanked = volume.clone();
        blank(&mut blanked, &found.mask);
        assert!(skin_left(&volume) > 0.95, "{name}: {}", skin_left(&volume));
        assert!(skin_left(&blanked) < 0.08, "{name}: {}", skin_left(&blanked));
        let (mut bone, mut brain, mut changed) = (0, 0, 0);
        for (at, (&before, &after)) in volume.samples().iter().zip(blanked.samples()).enumerate() {
            let [nx, ny, _] = grid.dims();
            let (x, y, z) = (at % nx, at / nx % ny, at / nx / ny);
            let place = grid.place(x, y, z).vec();
            bone += usize::from(before >= 226 && after != before);
            brain += usize::from(
                within(place, [0.0; 3], [64.0, 84.0, 72.0]) && head(place) == 35 && after != before,
            );
            changed += usize::from(!found.mask.get(x, y, z) && after != before);
        }
        assert_eq!((bone, brain, changed), (0, 0, 0), "{name}");
        assert!(found.tissue.volume() > 50_000.0, "{name}: {}", found.tissue.volume());
    }
}

#[test]
fn a_scan_without_a_face_stays_as_it_is() {
    let grid = upright();
    // The same head from the brow up; a thigh; a trunk with lungs and ribs.
    let top =
        Grid::upright([92, 112, 30], Point::new(-91.0, -125.0, 35.0), DVec3::new(2.0, 2.0, 2.0)).unwrap();
    let thigh = |p: DVec3| match libm::hypot(p.x, p.y) {
        r if r < 9.0 => 60,
        r if r < 15.0 => 1200,
        r if r < 80.0 => 50,
        _ => -1000,
    };
    let trunk = |p: DVec3| match libm::hypot(p.x, p.y * 1.4) {
        r if r < 60.0 => -800,
        r if r < 75.0 => {
            if libm::fmod(p.z + 400.0, 24.0) < 8.0 {
                700
            } else {
                30
            }
        }
        r if r < 120.0 => 30,
        _ => -1000,
    };
    let wide =
        Grid::upright([130, 120, 60], Point::new(-129.0, -119.0, -90.0), DVec3::new(2.0, 2.0, 3.0)).unwrap();
    for (name, volume) in
        [("brow up", scan(&top, head)), ("thigh", scan(&grid, thigh)), ("trunk", scan(&wide, trunk))]
    {
        let found = face(&volume, BodyPart::Unknown, &Ctx::default()).unwrap();
        assert_eq!((found.verdict, found.mask.count()), (Verdict::None, 0), "{name}");
    }
}

#[test]
fn a_jaw_alone_is_unsure_and_a_head_cut_at_the_top_too() {
    let jaw =
        Grid::upright([92, 112, 25], Point::new(-91.0, -125.0, -130.0), DVec3::new(2.0, 2.0, 3.0)).unwrap();
    let volume = scan(&jaw, head);
    for part in [BodyPart::Unknown, BodyPart::Head] {
        let found = face(&volume, part, &Ctx::default()).unwrap();
        assert_eq!(found.verdict, Verdict::Unsure, "{part:?}");
        assert!(found.findings.iter().any(|f| f.code == "face-unsure" && f.severity == Severity::Caution));
        assert!(!found.tissue.is_empty());
    }
    assert_eq!(face(&volume, BodyPart::Elsewhere, &Ctx::default()).unwrap().verdict, Verdict::None);
    let cut =
        Grid::upright([92, 112, 55], Point::new(-91.0, -125.0, -140.0), DVec3::new(2.0, 2.0, 3.0)).unwrap();
    let found = face(&scan(&cut, head), BodyPart::Head, &Ctx::default()).unwrap();
    assert_eq!(found.verdict, Verdict::Unsure);
}

#[test]
fn a_structure_of_skin_shows_the_face_and_one_of_bone_does_not() {
    let volume = scan(&upright(), head);
    let ctx = Ctx::default();
    let found = face(&volume, BodyPart::Head, &ctx).unwrap();
    assert!(shows_face(&threshold(&volume, Hu(-200.0), None, &ctx).unwrap(), &found));
    assert!(!shows_face(&threshold(&volume, BONE, None, &ctx).unwrap(), &found));
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let volume = scan(&upright(), head);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| face(&volume, BodyPart::Unknown, &Ctx::default()).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn body_parts_are_told_by_their_words() {
    let told = ["HEAD", "headneck", "skull", "", "LSPINE", "vertebra-L3", "mandible"].map(BodyPart::named);
    use BodyPart::{Elsewhere, Head, Unknown};
    assert_eq!(told, [Head, Head, Head, Unknown, Elsewhere, Elsewhere, Head]);
}
