//! Two solids beside, in or across each other: do they overlap, and if not, how far apart are they?

use crate::bvh::Bvh;
use crate::self_intersection::{self, Meeting};
use crate::shells;
use osteon_core::{Cancelled, Ctx, Mesh, Patient, Point, Solid};

/// How two solids lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They have no place in common.
    Apart,
    /// Their surfaces meet, but no volume in common was found.
    Touching,
    /// They have volume in common.
    Overlapping,
}

/// How two solids lie to each other, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// How they lie to each other.
    pub relation: Relation,
    /// The least distance between them in mm; 0 unless they are apart.
    pub gap: f64,
    /// If they are apart the two places that are nearest, the first on the first solid; else a place they share.
    pub places: [Point<Patient>; 2],
    /// How many pairs of their triangles meet.
    pub pairs: usize,
}

/// Triangles of each solid from which a place inside is taken when surfaces only lean on each other.
const PLACES: usize = 256;

/// Tells whether two solids overlap, exactly where their surfaces pass through each other or one encloses a shell
/// of the other; where surfaces only lean on each other without passing through, by 256 places inside each.
///
/// # Errors
/// `ctx` was asked to stop.
pub fn overlap(a: (&Solid, &Bvh), b: (&Solid, &Bvh), ctx: &Ctx) -> Result<Overlap, Cancelled> {
    let (a, b) = ((a.0.mesh(), a.1), (b.0.mesh(), b.1));
    let met = self_intersection::between(a, b, ctx)?;
    ctx.done(0.4)?;
    let pairs = met.len();
    let at = |relation, place| Overlap { relation, gap: 0.0, places: [place; 2], pairs };
    if let Some(through) = met.iter().find(|crossing| crossing.kind == Meeting::Crossing) {
        return Ok(at(Relation::Overlapping, through.place));
    }
    for (own, other) in [(a, b), (b, a)] {
        let candidates = if pairs == 0 { shell_places(own, ctx)? } else { places_within(own, ctx)? };
        for place in candidates {
            ctx.check()?;
            if other.1.winding(other.0, place) != 0 {
                return Ok(at(Relation::Overlapping, place));
            }
        }
    }
    ctx.done(0.6)?;
    if let Some(first) = met.first() {
        return Ok(at(Relation::Touching, first.place));
    }
    let gap = a.1.gap(a.0, (b.1, b.0), f64::INFINITY, ctx)?;
    ctx.done(1.0)?;
    // A solid has triangles, so there is always a gap.
    Ok(gap.map_or(at(Relation::Apart, Point::new(0.0, 0.0, 0.0)), |gap| Overlap {
        // Corners and sides that both have are no pairs.
        relation: if gap.squared > 0.0 { Relation::Apart } else { Relation::Touching },
        gap: gap.squared.sqrt(),
        places: gap.places.map(Point::from_vec),
        pairs,
    }))
}

/// A place on every shell: where no surfaces meet, it tells for all of the shell.
fn shell_places((mesh, bvh): (&Mesh, &Bvh), ctx: &Ctx) -> Result<Vec<Point<Patient>>, Cancelled> {
    Ok(shells::nesting(mesh, bvh, ctx)?.shells.iter().map(|shell| shell.place).collect())
}

/// Places within a solid: half-way from the middles of triangles to the other side.
fn places_within((mesh, bvh): (&Mesh, &Bvh), ctx: &Ctx) -> Result<Vec<Point<Patient>>, Cancelled> {
    let mut places = Vec::new();
    for &triangle in mesh.triangles.iter().step_by(mesh.triangles.len().div_ceil(PLACES).max(1)) {
        ctx.check()?;
        let [a, b, c] = mesh.corners(triangle);
        let inward = osteon_core::Direction::new((c - a).cross(b - a));
        let Some(inward) = inward else { continue };
        let ray = crate::bvh::Ray::new(Point::from_vec((a + b + c) / 3.0), inward);
        if let Some(hit) = bvh.first_hit_among(mesh, &ray, |hit| !hit.enters) {
            places.push(ray.at(hit.distance * 0.5));
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::Affine;
    use osteon_phantom::mesh::{ball, cuboid};

    fn cube(low: [f64; 3], size: f64) -> Mesh {
        cuboid(DVec3::from_array(low), DVec3::splat(size))
    }

    fn of(a: &Mesh, b: &Mesh) -> Overlap {
        let ctx = Ctx::default();
        let [a, b] = [a, b].map(|mesh| Solid::new(mesh.clone()).unwrap());
        let [of_a, of_b] = [&a, &b].map(|solid| Bvh::new(solid.mesh(), &ctx).unwrap());
        overlap((&a, &of_a), (&b, &of_b), &ctx).unwrap()
    }

    #[test]
    fn the_gap_of_two_balls_is_the_distance_of_their_middles_less_their_radii() {
        let (a, b) = (ball(DVec3::ZERO, 5.0, 24), ball(DVec3::new(0.0, 0.0, 12.0), 4.0, 24));
        let found = of(&a, &b);
        // Poles are vertices, on the axis between the middles.
        assert_eq!((found.relation, found.pairs), (Relation::Apart, 0));
        assert!((found.gap - 3.0).abs() < 1e-12);
        assert!(found.places[0].distance(Point::new(0.0, 0.0, 5.0)) < 1e-9);
        assert!(found.places[1].distance(Point::new(0.0, 0.0, 8.0)) < 1e-9);
        assert!((of(&b, &a).gap - found.gap).abs() < 1e-15);
    }

    #[test]
    fn the_gap_of_crossed_edges_is_found_between_their_insides() {
        let turn = osteon_core::Pose::<Patient, Patient>::turn(
            osteon_core::Direction::new(DVec3::X).unwrap(),
            std::f64::consts::FRAC_PI_4,
            osteon_core::Vector::new(0.0, 0.0, 0.0),
        );
        let roof = cuboid(DVec3::new(-10.0, -1.0, -1.0), DVec3::new(20.0, 2.0, 2.0)).moved(turn.affine());
        let quarter = osteon_core::Pose::<Patient, Patient>::turn(
            osteon_core::Direction::new(DVec3::Z).unwrap(),
            std::f64::consts::FRAC_PI_2,
            osteon_core::Vector::new(0.0, 0.0, 3.5),
        );
        let found = of(&roof, &roof.moved(quarter.affine()));
        // Two ridges at right angles, √2 above and below their axes, 3.5 mm apart.
        assert!((found.gap - (3.5 - 2.0 * 2.0_f64.sqrt())).abs() < 1e-9, "{found:?}");
        assert!(found.places[0].vec().truncate().length() < 1e-9);
    }

    #[test]
    fn solids_that_cross_or_hold_each_other_overlap() {
        let outer = cube([0.0; 3], 10.0);
        for inner in [
            cube([5.1, 6.2, 7.3], 10.0),
            cube([3.0; 3], 2.0),
            cube([0.0; 3], 10.0),
            cube([0.0, 0.0, 5.0], 10.0),
        ] {
            for found in [of(&outer, &inner), of(&inner, &outer)] {
                assert_eq!((found.relation, found.gap), (Relation::Overlapping, 0.0));
            }
        }
    }

    #[test]
    fn solids_that_stand_on_each_other_touch() {
        let below = cube([0.0; 3], 10.0);
        for above in [cube([0.0, 0.0, 10.0], 10.0), cube([2.0, 3.0, 10.0], 4.0), cube([10.0; 3], 4.0)] {
            let found = of(&below, &above);
            assert_eq!((found.relation, found.gap), (Relation::Touching, 0.0));
        }
    }

    #[test]
    fn a_body_in_a_cavity_is_apart_from_its_walls() {
        let mut hollow = cube([0.0; 3], 10.0);
        let walls = cube([2.0; 3], 6.0);
        hollow.vertices.extend(&walls.vertices);
        hollow.triangles.extend(walls.triangles.iter().map(|&[a, b, c]| [a + 8, c + 8, b + 8]));
        let found = of(&hollow, &cube([3.0, 3.5, 4.0], 2.0));
        assert_eq!((found.relation, found.gap), (Relation::Apart, 1.0));
    }

    #[test]
    fn moved_solids_have_the_same_gap_at_any_number_of_threads() {
        let (a, b) = (ball(DVec3::ZERO, 5.0, 20), ball(DVec3::new(9.0, 4.0, -3.0), 4.0, 16));
        let by = Affine::new(glam::DMat3::IDENTITY, DVec3::new(8.0, 16.0, -32.0));
        let here = of(&a, &b);
        // Moving rounds by up to 2⁻⁴⁸ · 8 mm.
        assert!((of(&a.moved(&by), &b.moved(&by)).gap - here.gap).abs() < 1e-12);
        let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(single.install(|| of(&a, &b)), here);
    }
}
