//! Matter added where a wall is thinner than it must be.
//!
//! Where a wall is too thin for a printer, both of its sides are moved outward by half of what is missing. Around such
//! a place the movement runs out with a slope, so that no step appears. The triangles stay what they are; where the
//! moved surface would meet itself it is taken back ([`untangle`]) and told.

use super::PrepareError;
use glam::DVec3;
use osteon_core::{Ctx, Direction, Finding, Patient, Point, Severity, Solid};
use osteon_mesh::bvh::{Bvh, Ray};
use osteon_mesh::region::Regions;
use osteon_mesh::thickness::{Survey, walls};
use osteon_mesh::untangle::{Untangled, untangle};
use rayon::prelude::*;

/// A thin place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thin {
    /// The thinnest place of it.
    pub place: Point<Patient>,
    /// How thick the wall is there, mm.
    pub thickness: f64,
    /// Area of all of it, mm².
    pub area: f64,
}

/// A solid made thicker where it was thin.
#[derive(Clone, Debug)]
pub struct Thickened {
    /// The solid.
    pub solid: Solid,
    /// Where it was thin: connected places, largest first.
    pub thin: Vec<Thin>,
    /// Largest distance by which the surface was moved, mm.
    pub deviation: f64,
    /// Volume that was added, mm³.
    pub added: f64,
    /// Share of the area that was too thin before and is now, 0 to 1.
    pub share: [f64; 2],
    /// What a person must look at.
    pub findings: Vec<Finding>,
}

/// How fast the movement runs out around a thin place, mm a millimetre. Chosen: 27°, which prints without supports.
const SLOPE: f64 = 0.5;

/// How often the sides of a vertex are put where they must be, one after the other.
/// Chosen: three planes at right angles need one round; the sharp ones of thin plates a few.
const ROUNDS: usize = 16;

/// Longest movement as a multiple of what is missing, at edges where sides stand at a sharp angle.
/// Chosen: twice; the very edge of a blade would otherwise run away.
const LONGEST: f64 = 2.0;

/// Share of the gap in front of a place that it may take. Chosen: the other side may take as much, and air stays.
const GAP: f64 = 0.4;

/// Share of the least thickness that counts as enough when it is looked at again.
/// Chosen: a twentieth below what was asked for is within what a printer can tell.
const ENOUGH: f64 = 0.95;

/// Least area of a thin place that is told by itself, mm². Chosen: a printed line of 0.4 mm, 2.5 mm long.
const TOLD: f64 = 1.0;

/// Makes a solid at least `least` mm thick where it is thinner, but for what is protected.
///
/// # Errors
/// The length does not suit, the result is no solid, or `ctx` was asked to stop.
pub fn thicken(solid: Solid, least: f64, protected: &Regions, ctx: &Ctx) -> Result<Thickened, PrepareError> {
    if !(least.is_finite() && least > 0.0 && least < solid.mesh().bounds().size().max_element()) {
        return Err(PrepareError::Value { name: "the least thickness", value: format!("{least} mm") });
    }
    let bvh = Bvh::new(solid.mesh(), &ctx.part("hierarchy", 0.0, 0.05))?;
    let survey = Surveyed::of((&solid, &bvh), least, &ctx.part("walls", 0.05, 0.4))?;
    let thin = survey.places(&solid, least);
    let share = survey.share(&solid, least);
    let mut findings = Vec::new();
    if thin.is_empty() && share == 0.0 {
        return Ok(Thickened { solid, thin, deviation: 0.0, added: 0.0, share: [0.0; 2], findings });
    }
    let keep: Vec<bool> = solid.mesh().vertices.iter().map(|place| protected.contains(*place)).collect();
    let mut moves = movements(&solid, &survey.thickness, least);
    within_gaps(&solid, &bvh, &mut moves);
    moves.iter_mut().zip(&keep).filter(|(_, keep)| **keep).for_each(|(by, _)| *by = DVec3::ZERO);
    let moved =
        solid.mesh().vertices.iter().zip(&moves).map(|(p, by)| Point::from_vec(p.vec() + *by)).collect();
    let before = solid.volume();
    let wider = solid.displaced(moved, &ctx.part("moving", 0.4, 0.45))?.map_err(Box::new)?;
    let untangled = untangle(&solid.mesh().vertices, wider, &ctx.part("untangling", 0.45, 0.7))?;
    let Untangled { solid: made, bvh, put_back, .. } = untangled?;
    let places = made.mesh().vertices.iter().zip(&solid.mesh().vertices);
    let deviation = places.map(|(now, then)| now.distance(*then)).fold(0.0, f64::max);
    let again = Surveyed::of((&made, &bvh), least * ENOUGH, &ctx.part("walls again", 0.7, 1.0))?;
    let after = again.share(&made, least * ENOUGH);
    if let Some(rest) = again.places(&made, least * ENOUGH).first() {
        let message = format!(
            "{:.2} % of the surface is still thinner than {least} mm: the thinnest of the largest place is {:.2} mm",
            100.0 * after,
            rest.thickness
        );
        findings.push(
            Finding::new("still-thin", Severity::Note, message)
                .measured(rest.thickness, least, "mm", "asked for")
                .at(rest.place.to_array())
                .remedy("look whether it is protected or an edge; osteon shape --step \"offset 0.3\" thickens all of it"),
        );
    }
    if put_back > 0 {
        let message =
            format!("{put_back} vertices were put back: moved, the surface would have met itself there");
        findings.push(Finding::new("thickening-put-back", Severity::Note, message).remedy(
            "smooth the surface first (osteon shape --step smooth), or fill its pores when it is made",
        ));
    }
    let added = made.volume() - before;
    Ok(Thickened { solid: made, thin, deviation, added, share: [share, after], findings })
}

/// Thickness of a solid under each of its triangles, as far as it is below twice what is asked for.
struct Surveyed {
    thickness: Vec<f64>,
}

impl Surveyed {
    fn of((solid, bvh): (&Solid, &Bvh), least: f64, ctx: &Ctx) -> Result<Self, PrepareError> {
        let mesh = solid.mesh();
        let corners = walls(solid, bvh, &Survey::all(least), &ctx.part("walls", 0.0, 0.8))?.per_vertex;
        let under = |triangle: &[u32; 3]| {
            let [a, b, c] = mesh.corners(*triangle);
            let Some(inward) = Direction::new((c - a).cross(b - a)) else { return f64::INFINITY };
            let ray =
                Ray { from: 1e-9, to: 2.0 * least, ..Ray::new(Point::from_vec((a + b + c) / 3.0), inward) };
            // What lies straight across: the sides of an edge do not count as thin because the edge is sharp.
            let across = bvh.first_hit(mesh, &ray).filter(|hit| !hit.enters);
            let Some(across) = across else { return f64::INFINITY };
            let ball = triangle.iter().map(|v| f64::from(corners[*v as usize])).fold(f64::INFINITY, f64::min);
            across.distance.min(ball)
        };
        ctx.check()?;
        Ok(Self { thickness: mesh.triangles.par_iter().map(under).collect() })
    }

    /// Share of the area that is thinner.
    fn share(&self, solid: &Solid, least: f64) -> f64 {
        let areas = solid.mesh().triangles.iter().map(|t| area(solid, *t));
        let thin: f64 = areas.zip(&self.thickness).filter(|(_, t)| **t < least).map(|(area, _)| area).sum();
        thin / solid.mesh().area()
    }

    /// Connected places that are thinner, largest first.
    fn places(&self, solid: &Solid, least: f64) -> Vec<Thin> {
        let mesh = solid.mesh();
        let mut parent: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
        let thin = |n: usize| self.thickness[n] < least;
        for (n, [a, b, c]) in mesh.triangles.iter().enumerate() {
            if thin(n) {
                for (p, q) in [(*a, *b), (*b, *c)] {
                    let (p, q) = (root(&mut parent, p), root(&mut parent, q));
                    parent[p.max(q) as usize] = p.min(q);
                }
            }
        }
        let mut found: std::collections::BTreeMap<u32, Thin> = std::collections::BTreeMap::new();
        for (n, triangle) in mesh.triangles.iter().enumerate().filter(|(n, _)| thin(*n)) {
            let [a, b, c] = mesh.corners(*triangle);
            let own = Thin {
                place: Point::from_vec((a + b + c) / 3.0),
                thickness: self.thickness[n],
                area: area(solid, *triangle),
            };
            let place = found.entry(root(&mut parent, triangle[0])).or_insert(Thin { area: 0.0, ..own });
            let area = place.area + own.area;
            *place = Thin { area, ..if own.thickness < place.thickness { own } else { *place } };
        }
        let mut places: Vec<Thin> = found.into_values().filter(|place| place.area >= TOLD).collect();
        places.sort_by(|a, b| b.area.total_cmp(&a.area));
        places
    }
}

fn root(parent: &mut [u32], mut v: u32) -> u32 {
    while parent[v as usize] != v {
        parent[v as usize] = parent[parent[v as usize] as usize];
        v = parent[v as usize];
    }
    v
}

fn area(solid: &Solid, triangle: [u32; 3]) -> f64 {
    let [a, b, c] = solid.mesh().corners(triangle);
    0.5 * (b - a).cross(c - a).length()
}

/// How each vertex is moved.
fn movements(solid: &Solid, thickness: &[f64], least: f64) -> Vec<DVec3> {
    let mesh = solid.mesh();
    let count = mesh.vertices.len();
    let normals: Vec<DVec3> = mesh
        .triangles
        .iter()
        .map(|t| {
            let [a, b, c] = mesh.corners(*t);
            (b - a).cross(c - a).normalize_or_zero()
        })
        .collect();
    let need = |n: usize| (0.5 * (least - thickness[n])).max(0.0);
    let mut moves = vec![DVec3::ZERO; count];
    let mut most = vec![0.0_f64; count];
    for (n, triangle) in mesh.triangles.iter().enumerate() {
        triangle.iter().for_each(|v| most[*v as usize] = most[*v as usize].max(need(n)));
    }
    // Each side in turn is put where it must be; what other sides at the vertex gained along it counts.
    for _ in 0..ROUNDS {
        for (n, triangle) in mesh.triangles.iter().enumerate().filter(|(n, _)| need(*n) > 0.0) {
            for &v in triangle {
                let by = &mut moves[v as usize];
                let missing = need(n) - by.dot(normals[n]);
                if missing > 0.0 {
                    *by = (*by + normals[n] * missing).clamp_length_max(LONGEST * most[v as usize]);
                }
            }
        }
    }
    run_out(solid, &normals, &mut moves);
    moves
}

/// Keeps movements within the gaps in front of them.
fn within_gaps(solid: &Solid, bvh: &Bvh, moves: &mut [DVec3]) {
    let mesh = solid.mesh();
    moves.par_iter_mut().zip(&mesh.vertices).for_each(|(by, place)| {
        let length = by.length();
        let Some(way) = Direction::new(*by) else { return };
        let ray = Ray { from: 1e-6, to: length / GAP, ..Ray::new(*place, way) };
        if let Some(hit) = bvh.first_hit(mesh, &ray) {
            *by = by.clamp_length_max(GAP * hit.distance);
        }
    });
}

/// Lets the movement run out around what is moved, along the normals there.
fn run_out(solid: &Solid, normals: &[DVec3], moves: &mut [DVec3]) {
    let mesh = solid.mesh();
    let mut outward = vec![DVec3::ZERO; moves.len()];
    for (triangle, normal) in mesh.triangles.iter().zip(normals) {
        let weight = *normal * area(solid, *triangle);
        triangle.iter().for_each(|v| outward[*v as usize] += weight);
    }
    let mut length: Vec<f64> = moves.iter().map(|by| by.length()).collect();
    let fixed: Vec<bool> = length.iter().map(|length| *length > 0.0).collect();
    let longest = length.iter().copied().fold(0.0, f64::max);
    // Each round reaches a ring of triangles farther; what is left after them is a step of less than one.
    for _ in 0..64 {
        let before = length.clone();
        for [a, b, c] in &mesh.triangles {
            for (p, q) in [(*a, *b), (*b, *c), (*c, *a)] {
                let fall = SLOPE * mesh.vertices[p as usize].distance(mesh.vertices[q as usize]);
                let [p, q] = [p as usize, q as usize];
                length[p] = length[p].max((before[q] - fall).min(longest));
                length[q] = length[q].max((before[p] - fall).min(longest));
            }
        }
        if length == before {
            break;
        }
    }
    for (v, by) in moves.iter_mut().enumerate().filter(|(v, _)| !fixed[*v]) {
        *by = outward[v].normalize_or_zero() * length[v];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{block, moved, shaped};
    use osteon_mesh::boolean;
    use osteon_mesh::region::Region;

    fn thick(solid: Solid, least: f64, protected: &Regions) -> Thickened {
        thicken(solid, least, protected, &Ctx::default()).unwrap()
    }

    #[test]
    fn what_is_thick_enough_stays_to_the_bit() {
        let solid = block(DVec3::splat(10.0), 1.0);
        let made = thick(solid.clone(), 2.0, &Regions::default());
        assert_eq!((made.solid, made.thin.len(), made.deviation), (solid, 0, 0.0));
    }

    #[test]
    fn a_thin_plate_gets_half_of_what_is_missing_on_each_side() {
        let plate = block(DVec3::new(20.0, 20.0, 0.4), 0.5);
        let made = thick(plate, 1.0, &Regions::default());
        // Its two faces; the rim is thick.
        assert_eq!(made.thin.len(), 2);
        assert!((made.thin[0].thickness - 0.4).abs() < 1e-6);
        assert!((made.deviation - 0.3).abs() < 1e-6 && made.share[1] == 0.0, "{made:?}");
        let size = made.solid.mesh().bounds().size();
        assert!((size.z - 1.0).abs() < 1e-6);
        // Faces moved by 0.3 mm each; the rim, which is not thin, at most as far.
        assert!(
            made.added > 0.59 * 400.0 && made.added < 0.6 * 20.6 * 20.6 + 20.6 * 4.0 * 0.3,
            "{}",
            made.added
        );
    }

    #[test]
    fn only_the_thin_part_of_a_body_moves_and_nothing_protected() {
        let thin_half = |p: DVec3| if p.x > 2.0 { DVec3::new(p.x, p.y, 0.1 * p.z) } else { p };
        let solid = shaped(DVec3::new(30.0, 10.0, 6.0), 0.5, thin_half);
        let ball = Region::Ball { middle: Point::new(15.0, 0.0, 0.0), radius: 4.0 };
        let made = thick(solid.clone(), 1.2, &Regions(vec![ball.clone()]));
        for (now, then) in made.solid.mesh().vertices.iter().zip(&solid.mesh().vertices) {
            // The slope of a half lets 0.3 mm run out within 0.6 mm, and half a voxel more.
            if then.vec().x < -1.0 || ball.contains(*then) {
                assert_eq!(now, then);
            }
        }
        assert!((made.deviation - 0.3).abs() < 0.05, "{}", made.deviation);
        assert_eq!(made.findings[0].code, "still-thin");
    }

    #[test]
    fn the_walls_of_a_narrow_gap_do_not_grow_into_each_other() {
        let plates = [-0.35, 0.35].map(|z| moved(block(DVec3::new(12.0, 12.0, 0.4), 0.5), DVec3::Z * z));
        let solid = boolean::union(&[&plates[0], &plates[1]], &Ctx::default()).unwrap().unwrap();
        let made = thick(solid, 1.2, &Regions::default());
        let bvh = Bvh::new(made.solid.mesh(), &Ctx::default()).unwrap();
        let met = osteon_mesh::self_intersection::find(made.solid.mesh(), &bvh, &Ctx::default()).unwrap();
        assert!(met.is_empty(), "{}", met.len());
    }
}
