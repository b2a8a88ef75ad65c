//! Shapes against asking for every voxel, and against what they measure.

use super::*;
use glam::DMat3;
use osteon_core::{Affine, Vector, ctx::Random};
use proptest::prelude::*;

fn sheared(dims: [usize; 3]) -> Grid {
    let linear =
        DMat3::from_cols(DVec3::new(-0.7, 0.1, 0.0), DVec3::new(0.2, 0.8, 0.0), DVec3::new(0.5, 0.6, 1.1));
    Grid::new(dims, Affine::new(linear, DVec3::new(5.0, -3.0, 8.0))).unwrap()
}

fn upright(dims: [usize; 3], spacing: f64) -> Grid {
    Grid::upright(dims, Point::new(0.0, 0.0, 0.0), DVec3::splat(spacing)).unwrap()
}

fn by_definition(shape: &Shape, grid: &Grid) -> Mask {
    Mask::where_true(grid, |x, y, z| shape.holds(grid.place(x, y, z)).unwrap())
}

fn rastered(shape: &Shape, grid: &Grid) -> Mask {
    rasterise(shape, grid, &Ctx::default()).unwrap()
}

fn code(shape: &Shape) -> &'static str {
    rasterise(shape, &upright([4, 4, 4], 1.0), &Ctx::default()).unwrap_err().code()
}

fn x_axis() -> Direction<Patient> {
    Direction::new(DVec3::X).unwrap()
}

#[test]
fn every_shape_has_the_volume_it_should() {
    let grid = upright([64, 64, 64], 0.5);
    let middle = Point::new(16.1, 15.9, 16.05);
    let pose =
        Pose::turn(Direction::new(DVec3::new(1.0, 2.0, 3.0)).unwrap(), 0.7, Vector::from_vec(middle.vec()));
    let square = |a: f64, b: f64| Point::new(16.1 + a, 15.8 + b, 10.0);
    let lasso =
        vec![square(-6.0, -6.0), square(6.0, -6.0), square(6.0, 6.0), square(0.0, 0.0), square(-6.0, 6.0)];
    let up = Direction::new(DVec3::Z).unwrap();
    let pi = std::f64::consts::PI;
    let along = |x: f64| Point::new(16.0 + x, 15.9, 16.1);
    let shapes = [
        (Shape::Ball { centre: middle, radius: 9.0 }, pi * 4.0 / 3.0 * 729.0),
        (Shape::Block { pose, size: DVec3::new(12.0, 9.0, 15.0) }, 1620.0),
        (Shape::Cylinder { from: along(-9.1), to: along(9.1), radius: 7.0 }, pi * 49.0 * 18.2),
        (Shape::Prism { outline: lasso, along: up, from: 0.1, to: 12.1 }, 0.75 * 144.0 * 12.0),
        (
            Shape::Stroke { path: vec![along(-8.0), along(0.0), along(8.0)], radius: 5.0 },
            pi * (400.0 + 500.0 / 3.0),
        ),
        (Shape::HalfSpace(Plane { point: Point::new(0.0, 0.0, 15.75), normal: up }), 32.0 * 32.0 * 16.0),
    ];
    for (shape, volume) in shapes {
        let found = rastered(&shape, &grid).volume();
        // Counting voxels errs by chance over the surface, some hundreds of mm² and 0.5 mm thick: below 2 %.
        assert!((found / volume - 1.0).abs() < 0.02, "{shape:?}: {found} mm³ instead of {volume}");
    }
}

#[test]
fn a_voxel_exactly_on_the_surface_belongs() {
    let grid = upright([21, 21, 21], 0.7);
    let middle = grid.place(10, 10, 10);
    // 7, 33, 123: the steps of at most 1, √3 − a bit, and 3 voxels.
    for (radius, count) in [(0.0, 1), (0.7, 7), (1.4, 33), (2.1, 123), (2.1 - 1e-9, 123)] {
        assert_eq!(rastered(&Shape::Ball { centre: middle, radius }, &grid).count(), count);
    }
    let pose = Pose::new(Affine::new(DMat3::IDENTITY, middle.vec())).unwrap();
    assert_eq!(rastered(&Shape::Block { pose, size: DVec3::new(2.8, 1.4, 0.0) }, &grid).count(), 15);
    let plane = Plane { point: middle, normal: x_axis() };
    assert_eq!(rastered(&Shape::HalfSpace(plane), &grid).count(), 11 * 441);
    let corner = |x, y| grid.place(x, y, 4);
    let outline = vec![corner(3, 3), corner(8, 3), corner(8, 9), corner(3, 9)];
    let along = Direction::new(DVec3::Z).unwrap();
    assert_eq!(rastered(&Shape::Prism { outline, along, from: 0.0, to: 1.4 }, &grid).count(), 6 * 7 * 3);
}

#[test]
fn a_prism_without_ends_cuts_through_everything() {
    let grid = sheared([40, 30, 20]);
    let at = |y: f64, z: f64| Point::new(1000.0, y, z);
    let outline = vec![at(5.0, 10.0), at(15.0, 12.0), at(10.0, 25.0)];
    let shape = Shape::Prism { outline, along: x_axis(), from: f64::NEG_INFINITY, to: f64::INFINITY };
    let mask = rastered(&shape, &grid);
    assert!(mask.count() > 500);
    assert_eq!(mask, by_definition(&shape, &grid));
}

#[test]
fn where_an_outline_crosses_itself_the_middle_is_outside() {
    let grid = upright([41, 41, 3], 0.5);
    // A pentagram: its inner pentagon is surrounded twice.
    let tip = |i: i32| {
        let (sin, cos) = libm::sincos(f64::from(i) * 0.8 * std::f64::consts::PI);
        Point::new(10.0 + 9.0 * sin, 10.0 + 9.0 * cos, 0.0)
    };
    let along = Direction::new(DVec3::Z).unwrap();
    let shape = Shape::Prism { outline: (0..5).map(tip).collect(), along, from: 0.0, to: 0.6 };
    let mask = rastered(&shape, &grid);
    assert!(!mask.get(20, 20, 0) && mask.get(20, 35, 1) && !mask.get(20, 35, 2));
    assert_eq!(mask, by_definition(&shape, &grid));
}

#[test]
fn painting_takes_away_what_painting_adds() {
    let grid = sheared([150, 30, 20]);
    let stroke = Shape::Stroke { path: vec![grid.place(10, 5, 5), grid.place(130, 20, 12)], radius: 3.0 };
    let full = Mask::where_true(&grid, |_, _, _| true);
    let mut mask = full.clone();
    paint(&mut mask, &stroke, Paint::Take, &Ctx::default()).unwrap();
    let mut rest = full.clone();
    rest.subtract(&rastered(&stroke, &grid));
    assert_eq!(mask, rest);
    paint(&mut mask, &stroke, Paint::Add, &Ctx::default()).unwrap();
    assert_eq!(mask, full);
}

#[test]
fn a_shape_beside_the_image_changes_nothing() {
    let grid = sheared([30, 20, 20]);
    let centre = Point::new(500.0, 0.0, 0.0);
    assert!(rastered(&Shape::Ball { centre, radius: 20.0 }, &grid).is_empty());
    let path = vec![Point::new(500.0, 0.0, 0.0), Point::new(500.0, 90.0, 0.0)];
    assert!(rastered(&Shape::Stroke { path, radius: 5.0 }, &grid).is_empty());
}

#[test]
fn numbers_that_make_no_shape_are_refused() {
    let p = Point::new(1.0, 1.0, 1.0);
    let nowhere = Point::new(f64::NAN, 1.0, 1.0);
    assert_eq!(code(&Shape::Ball { centre: p, radius: -1.0 }), "shape-size");
    assert_eq!(code(&Shape::Ball { centre: nowhere, radius: 1.0 }), "shape-place");
    assert_eq!(code(&Shape::Cylinder { from: p, to: p, radius: 1.0 }), "shape-places");
    assert_eq!(code(&Shape::Stroke { path: Vec::new(), radius: 1.0 }), "shape-places");
    assert_eq!(code(&Shape::Stroke { path: vec![p], radius: f64::INFINITY }), "shape-size");
    assert_eq!(code(&Shape::HalfSpace(Plane { point: nowhere, normal: x_axis() })), "shape-place");
    let pose = Pose::turn(Direction::new(DVec3::X).unwrap(), 0.1, Vector::new(0.0, 0.0, 0.0));
    assert_eq!(code(&Shape::Block { pose, size: DVec3::new(1.0, f64::NAN, 1.0) }), "shape-size");
    let prism = |outline, from, to| Shape::Prism { outline, along: x_axis(), from, to };
    let triangle = vec![p, Point::new(1.0, 2.0, 1.0), Point::new(1.0, 1.0, 2.0)];
    assert_eq!(code(&prism(triangle.clone(), 1.0, 0.0)), "shape-ends");
    assert_eq!(code(&prism(triangle[..2].to_vec(), 0.0, 1.0)), "shape-places");
    // Seen along x these are one place.
    assert_eq!(
        code(&prism(vec![p, Point::new(2.0, 1.0, 1.0), Point::new(3.0, 1.0, 1.0)], 0.0, 1.0)),
        "shape-places"
    );
}

#[test]
fn a_stopped_job_paints_nothing() {
    let (grid, ctx) = (sheared([30, 20, 20]), Ctx::default());
    ctx.cancel().stop();
    let mut mask = Mask::empty(&grid);
    let ball = Shape::Ball { centre: grid.place(9, 9, 9), radius: 4.0 };
    assert_eq!(paint(&mut mask, &ball, Paint::Add, &ctx).unwrap_err().code(), "cancelled");
    assert!(mask.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn a_shape_is_rastered_to_the_voxels_it_holds(
        nx in 1_usize..140, kind in 0_usize..6, on_voxels in 0_usize..2, seed in 0_u64..100_000
    ) {
        let grid = sheared([nx, 14, 12]);
        let mut random = Random::new(seed);
        // Places on voxels make edges and surfaces that run along rows.
        let mut place = |margin: f64| {
            let v = [nx, 14, 12].map(|n| random.uniform() * (n as f64 + 2.0 * margin) - margin);
            let v = if on_voxels == 1 { v.map(f64::round) } else { v };
            grid.to_patient().point(Point::new(v[0], v[1], v[2]))
        };
        let (a, b) = (place(3.0), place(3.0));
        let outline: Vec<_> = (0..3 + seed as usize % 6).map(|_| place(2.0)).collect();
        let axis = Direction::new((b - a).vec() + DVec3::new(0.0, 0.0, 0.01)).unwrap();
        let radius = 0.3 + (seed % 97) as f64 * 0.06;
        let shape = match kind {
            0 => Shape::Ball { centre: a, radius },
            1 => {
                let turned = Direction::new(axis.vec()).unwrap();
                let pose = Pose::turn(turned, 1.0, Vector::from_vec(a.vec()));
                Shape::Block { pose, size: DVec3::new(radius, 4.0, 9.0) }
            }
            2 => Shape::Cylinder { from: a, to: b + Vector::new(0.0, 0.0, 0.01), radius },
            3 => Shape::HalfSpace(Plane { point: a, normal: axis }),
            4 => Shape::Prism { outline, along: axis, from: -radius, to: 4.0 },
            _ => Shape::Stroke { path: vec![a, b, a], radius },
        };
        prop_assert_eq!(rastered(&shape, &grid), by_definition(&shape, &grid));
    }

    #[test]
    fn a_polygon_along_the_rows_of_the_grid_takes_its_outline_with_it(
        corners in prop::collection::vec((0_u8..12, 0_u8..9), 3..9)
    ) {
        let grid = upright([12, 9, 2], 0.3);
        let outline: Vec<_> = corners.iter().map(|&(x, y)| grid.place(x.into(), y.into(), 0)).collect();
        let along = Direction::new(DVec3::Z).unwrap();
        let shape = Shape::Prism { outline, along, from: 0.0, to: 0.0 };
        if let Ok(mask) = rasterise(&shape, &grid, &Ctx::default()) {
            prop_assert_eq!(&mask, &by_definition(&shape, &grid));
            prop_assert!(corners.iter().all(|&(x, y)| mask.get(x.into(), y.into(), 0)));
            prop_assert!(!mask.get(0, 0, 1));
        }
    }
}
