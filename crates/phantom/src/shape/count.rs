//! Shapes counted in cells, where there is no formula.

use super::Shape;
use glam::DVec3;
use osteon_core::{Grid, Mask, Patient, Point};

/// Share of a cell that lies inside a surface at signed `distance` from its middle; `edge` is the cell's
/// size along the normal. Exact for a flat surface along the cell's faces.
pub(crate) fn share(distance: f64, edge: f64) -> f64 {
    (0.5 - distance / edge).clamp(0.0, 1.0)
}

/// Volume in mm³ of a shape with an end, counted in cells of at most `cell` mm that shrink where the surface is.
///
/// Each cell on the surface counts with the share that lies behind it, so flat faces err by nothing on
/// average, a surface of curvature radius r by less than its area · cell² / (4r), and a sharp edge by less
/// than its length · cell². A shape without end has infinite volume.
pub fn volume(shape: &dyn Shape, cell: f64) -> f64 {
    if shape.bounds().is_empty() {
        return 0.0;
    }
    if !shape.bounds().size().is_finite() {
        return f64::INFINITY;
    }
    count(shape, cell).volume
}

/// Middle of the volume of a shape with an end, counted in cells of at most `cell` mm like [`volume`].
///
/// The middle of its box when it holds nothing or has no end.
pub fn centroid(shape: &dyn Shape, cell: f64) -> Point<Patient> {
    let bounds = shape.bounds();
    if bounds.is_empty() || !bounds.size().is_finite() {
        return bounds.middle();
    }
    let Count { volume, moment } = count(shape, cell);
    if volume > 0.0 { Point::from_vec(bounds.middle().vec() + moment / volume) } else { bounds.middle() }
}

/// Volume and first moment about the middle of the shape's box.
#[derive(Clone, Copy, Default)]
struct Count {
    volume: f64,
    moment: DVec3,
}

fn count(shape: &dyn Shape, cell: f64) -> Count {
    let bounds = shape.bounds();
    let mut edge = cell;
    while edge < bounds.size().max_element() {
        edge *= 2.0;
    }
    let mut sum = Count::default();
    add(shape, bounds.middle().vec(), (DVec3::ZERO, edge), cell, &mut sum);
    sum
}

/// Adds what of a cube (its middle relative to `origin`, its edge) lies inside the shape.
fn add(shape: &dyn Shape, origin: DVec3, (middle, edge): (DVec3, f64), cell: f64, sum: &mut Count) {
    let distance = shape.distance(Point::from_vec(origin + middle));
    // Half the diagonal of the cube: within that, the distance's sign cannot change.
    let reach = edge * 0.75_f64.sqrt();
    if distance >= reach {
        return;
    }
    if distance <= -reach || edge <= cell {
        let volume = edge.powi(3) * share(distance, edge);
        sum.volume += volume;
        sum.moment += middle * volume;
        return;
    }
    for child in 0..8 {
        let side = |bit: i32| f64::from(2 * (child >> bit & 1) - 1);
        let step = DVec3::new(side(0), side(1), side(2)) * (edge / 4.0);
        add(shape, origin, (middle + step, edge / 2.0), cell, sum);
    }
}

/// The voxels of a grid whose middles lie inside a shape.
pub fn mask(shape: &dyn Shape, grid: &Grid) -> Mask {
    Mask::where_true(grid, |x, y, z| {
        let p: Point<Patient> = grid.place(x, y, z);
        shape.distance(p) < 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Ball, Capsule, Cone, Cuboid, Cylinder, Drum, Ellipsoid, Torus};
    use super::*;
    use glam::DVec2;

    #[test]
    fn counted_volumes_agree_with_the_formulas() {
        let (from, to) = (Point::new(-4.0, 1.0, 2.0), Point::new(9.0, 8.0, 14.0));
        let shapes = [
            Ball { middle: from, radius: 11.0 }.form(),
            Capsule { from, to, radii: [7.0, 4.0] }.form(),
            Cuboid { half: DVec3::new(12.0, 9.0, 6.0), rounding: 2.0 }.form(),
            Cylinder { from, to, radius: 6.0 }.form(),
            Cone { from, to, radii: [8.0, 3.0] }.form(),
            Ellipsoid { half: DVec3::new(12.0, 7.0, 9.0) }.form(),
            Torus { ring: 12.0, tube: 4.0 }.form(),
            Drum::straight(DVec2::new(12.0, 8.0), 7.0).form(),
        ];
        for (i, shape) in shapes.iter().enumerate() {
            let truth = shape.volume().unwrap();
            // Half cells of 0.5 mm on surfaces of 600 to 1900 mm² and radii of 3 mm and more.
            let allowed = 1900.0 * 0.25 / (4.0 * 3.0);
            let counted = volume(shape, 0.5);
            assert!((counted - truth).abs() < allowed, "shape {i}: {counted} for {truth}");
        }
    }

    #[test]
    fn the_middle_of_a_hemisphere_is_three_eighths_of_its_radius_from_the_cut() {
        let (middle, radius) = (Point::new(5.0, 6.0, 7.0), 10.0);
        let up = osteon_core::Direction::from_vec(DVec3::NEG_Z);
        let cut = super::super::HalfSpace { plane: osteon_core::Plane { point: middle, normal: up } };
        let found = centroid(&Ball { middle, radius }.within(cut), 0.5);
        assert!(found.distance(Point::new(5.0, 6.0, 7.0 + 3.75)) < 0.02);
    }

    #[test]
    fn the_voxels_of_a_ball_fill_its_volume() {
        let ball = Ball { middle: Point::new(0.3, -0.2, 0.1), radius: 12.0 };
        let grid =
            Grid::upright([52, 52, 35], Point::new(-13.0, -13.0, -13.0), DVec3::new(0.5, 0.5, 0.75)).unwrap();
        let truth = Shape::volume(&ball).unwrap();
        // Voxels on the border are in or out like coins: σ ≈ √(their number / 12) voxels.
        let border = 4.0 * std::f64::consts::PI * 144.0 / 0.25;
        let allowed = 5.0 * (border / 12.0).sqrt() * grid.voxel_volume();
        assert!((mask(&ball, &grid).volume() - truth).abs() < allowed);
    }
}
