//! What holds a part while it is printed: pillars under islands and overhangs, on one raft.
//!
//! A pillar stands upright. It touches the part with a thin tip that widens to the pillar over a cone, stands on the
//! raft where the way down is free, and on the part below where it is not. Nothing touches protected surfaces: what
//! would have to be held there is told, not held.

use super::error::ResinError;
use super::islands::{Span, islands, spans};
use super::place::Standing;
use super::printer::{Holding, ResinPrinter};
use super::section::Stack;
use glam::{DVec2, DVec3};
use osteon_core::{Ctx, Finding, Mesh, Patient, Point, Severity, Solid};
use osteon_mesh::region::Regions;

/// What holds a part.
#[derive(Clone, Debug)]
pub struct Supports {
    /// Pillars and raft; their shells overlap each other and the part. None where nothing has to be held.
    pub solid: Option<Solid>,
    /// Where pillars touch the part from below.
    pub touches: Vec<Point<Patient>>,
    /// How many pillars stand on the part itself.
    pub on_part: usize,
    /// What a person should look at.
    pub findings: Vec<Finding>,
}

/// Sides of a pillar. Chosen: at a pillar's size they are as long as two pixels of a coarse screen.
const SIDES: usize = 12;

/// How much thicker a pillar is at its foot for each mm of its height, mm.
///
/// Chosen: a pillar of 50 mm is 1 mm thicker, so that long ones do not sway while the film is peeled off.
const TAPER: f64 = 0.01;

/// Edge of the cells triangles are sorted into, mm. Chosen: a few triangles of bone each.
const CELL: f64 = 2.0;

/// Works out what holds a part that stands above the plate, exposed in layers of a height in mm.
///
/// Findings: `resin-support-protected` where protected surfaces would have to be held, `resin-support-on-part` where
/// pillars stand on the part.
///
/// # Errors
/// `resin-supports` where what was built is no solid, or when stopped.
pub fn supports(
    part: &Solid,
    standing: &Standing,
    printer: &ResinPrinter,
    height: f64,
    protected: &Regions,
    ctx: &Ctx,
) -> Result<Supports, ResinError> {
    let stack = Stack::new(&[part], standing, &printer.screen, (height, 256), ctx)?;
    let mut places = hanging(&stack, printer, &ctx.part("islands", 0.0, 0.8))?;
    let shadow = Shadow::new(part, standing);
    overhangs(&shadow, &printer.supports, &mut places);
    ctx.check()?;
    let mut found = Supports { solid: None, touches: Vec::new(), on_part: 0, findings: Vec::new() };
    let mut mesh = Bed::default();
    let mut feet = Vec::new();
    let mut refused: Vec<Point<Patient>> = Vec::new();
    for place in places {
        let below = shadow.below(place);
        let ends = [Some(place), below.map(|z| place.with_z(z))];
        if let Some(touched) =
            ends.into_iter().flatten().map(|p| standing.patient(p)).find(|p| protected.contains(*p))
        {
            refused.push(touched);
            continue;
        }
        mesh.pillar(place, below, &printer.supports);
        found.touches.push(standing.patient(place));
        if below.is_some() {
            found.on_part += 1;
        } else {
            feet.push(place.truncate());
        }
    }
    mesh.raft(&feet, &printer.supports);
    tell(&mut found, &refused);
    if !mesh.0.triangles.is_empty() {
        let solid = Solid::proven(mesh.in_patient(standing), ctx)?;
        found.solid = Some(solid.map_err(|e| ResinError::Supports { what: e.to_string() })?);
    }
    ctx.done(1.0)?;
    Ok(found)
}

/// The findings of what could not be held, or is held at a price.
fn tell(found: &mut Supports, refused: &[Point<Patient>]) {
    if let Some(first) = refused.first() {
        let message =
            format!("{} places on protected surfaces would have to be held and are not", refused.len());
        found.findings.push(
            Finding::new("resin-support-protected", Severity::Caution, message)
                .at(first.to_array())
                .remedy("turn another side up with --up, or protect less"),
        );
    }
    if found.on_part > 0 {
        let message = format!(
            "{} of {} pillars stand on the part itself and leave a mark at both ends",
            found.on_part,
            found.touches.len()
        );
        found.findings.push(
            Finding::new("resin-support-on-part", Severity::Note, message)
                .remedy("turn another side up with --up if the marks matter"),
        );
    }
}

/// Where pieces of the part begin in mid-air, on the plate's axes.
fn hanging(stack: &Stack, printer: &ResinPrinter, ctx: &Ctx) -> Result<Vec<DVec3>, ResinError> {
    let width = printer.screen.pixels[0];
    let mut below: Vec<Span> = Vec::new();
    let mut places: Vec<DVec3> = Vec::new();
    let (tip, depth) = (printer.supports.tip, printer.supports.depth);
    let keep = |layer: usize, now: Vec<Span>| {
        for piece in islands(&now, &below) {
            let span = piece.longest;
            let middle = DVec2::new(f64::from(span.from + span.to) / 2.0, f64::from(span.row) + 0.5);
            let place = printer.screen.plate(middle).extend(layer as f64 * stack.height());
            // A tip that is there already reaches so far to the sides and up.
            let held =
                |p: &DVec3| p.truncate().distance(place.truncate()) < tip / 2.0 && (place.z - p.z) < depth;
            if !places.iter().rev().take(NEAR).any(held) {
                places.push(place);
            }
        }
        below = now;
        Ok(())
    };
    stack.each(|_, edges| spans(&stack.draw(edges), width), keep, ctx)?;
    Ok(places)
}

/// How many of the last places are looked at for one that holds an island already.
///
/// Chosen: islands of one layer and the few below it are fewer; a place held twice does no harm.
const NEAR: usize = 200;

/// Adds places on a grid under surfaces that are too flat to hold themselves.
fn overhangs(shadow: &Shadow, holding: &Holding, places: &mut Vec<DVec3>) {
    let steep = libm::cos(holding.overhang.to_radians());
    let step = holding.spacing;
    let mut found: Vec<(i64, i64, DVec3)> = Vec::new();
    for &corners in &shadow.triangles {
        let [a, b, c] = corners;
        let normal = (b - a).cross(c - a);
        if normal.z >= -steep * normal.length() {
            continue;
        }
        let (low, high) = (a.min(b).min(c), a.max(b).max(c));
        for x in (low.x / step).ceil() as i64..=(high.x / step).floor() as i64 {
            for y in (low.y / step).ceil() as i64..=(high.y / step).floor() as i64 {
                let at = DVec2::new(x as f64, y as f64) * step;
                if let Some(z) = height_at(corners, at) {
                    found.push((x, y, at.extend(z)));
                }
            }
        }
    }
    found.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.z.total_cmp(&b.2.z)));
    // A line through a common edge meets both triangles.
    found.dedup_by(|a, b| (a.0, a.1) == (b.0, b.1) && (a.2.z - b.2.z).abs() < 1e-6);
    let islands = places.len();
    for (_, _, place) in found {
        let near = |p: &DVec3| {
            p.truncate().distance(place.truncate()) < step / 2.0 && (p.z - place.z).abs() < step / 2.0
        };
        if !places[..islands].iter().any(near) {
            places.push(place);
        }
    }
}

/// The height of a triangle over a place, where it is over it.
fn height_at([a, b, c]: [DVec3; 3], at: DVec2) -> Option<f64> {
    let side = |p: DVec3, q: DVec3| (q - p).truncate().perp_dot(at - p.truncate());
    let (u, v, w) = (side(b, c), side(c, a), side(a, b));
    let inside = (u >= 0.0 && v >= 0.0 && w >= 0.0) || (u <= 0.0 && v <= 0.0 && w <= 0.0);
    let whole = u + v + w;
    (inside && whole != 0.0).then(|| (a.z * u + b.z * v + c.z * w) / whole)
}

/// A part's triangles on the plate's axes, found by where they are over the plate.
struct Shadow {
    triangles: Vec<[DVec3; 3]>,
    low: DVec2,
    cells: [usize; 2],
    lists: Vec<Vec<u32>>,
}

impl Shadow {
    fn new(part: &Solid, standing: &Standing) -> Self {
        let mesh = part.mesh();
        let places: Vec<DVec3> = mesh.vertices.iter().map(|&v| standing.to_bed.point(v).vec()).collect();
        let triangles: Vec<[DVec3; 3]> =
            mesh.triangles.iter().map(|t| t.map(|v| places[v as usize])).collect();
        let low = places.iter().fold(DVec3::INFINITY, |a, b| a.min(*b)).truncate();
        let high = places.iter().fold(DVec3::NEG_INFINITY, |a, b| a.max(*b)).truncate();
        let cells = [high.x - low.x, high.y - low.y].map(|edge| (edge / CELL).floor() as usize + 1);
        let mut shadow =
            Self { triangles: Vec::new(), low, cells, lists: vec![Vec::new(); cells[0] * cells[1]] };
        for (n, [a, b, c]) in triangles.iter().enumerate() {
            let [from, to] = [a.min(*b).min(*c), a.max(*b).max(*c)].map(|p| shadow.cell(p.truncate()));
            for x in from[0]..=to[0] {
                for y in from[1]..=to[1] {
                    shadow.lists[y * cells[0] + x].push(n as u32);
                }
            }
        }
        shadow.triangles = triangles;
        shadow
    }

    fn cell(&self, at: DVec2) -> [usize; 2] {
        let place = ((at - self.low) / CELL).floor().max(DVec2::ZERO);
        [(place.x as usize).min(self.cells[0] - 1), (place.y as usize).min(self.cells[1] - 1)]
    }

    /// The height of the part's surface next below a place, where there is one.
    fn below(&self, place: DVec3) -> Option<f64> {
        let [x, y] = self.cell(place.truncate());
        let heights = self.lists[y * self.cells[0] + x]
            .iter()
            .filter_map(|&n| height_at(self.triangles[n as usize], place.truncate()))
            // The surface that is held is not below itself.
            .filter(|z| *z < place.z - OWN);
        heights.reduce(f64::max)
    }
}

/// How near below a place the surface is the one that is held, mm. Chosen: thicker than any layer.
const OWN: f64 = 0.35;

/// Matter on the plate's axes.
#[derive(Default)]
struct Bed(Mesh);

impl Bed {
    /// A pillar to a place, from the plate or from the surface below.
    fn pillar(&mut self, place: DVec3, below: Option<f64>, holding: &Holding) {
        let (tip, full) = (holding.tip / 2.0, holding.pillar / 2.0);
        let foot = below.unwrap_or(0.0);
        let height = place.z - foot;
        let cone = holding.cone.min(height / 2.0);
        let mut rings = match below {
            Some(foot) => vec![(foot - holding.depth, tip), (foot, tip), (foot + cone, full)],
            None => vec![(0.0, full + TAPER * height)],
        };
        if cone < height / 2.0 || below.is_none() {
            rings.push((place.z - cone, full));
        }
        rings.extend([(place.z, tip), (place.z + holding.depth, tip)]);
        let circle: Vec<DVec2> = (0..SIDES).map(|n| around(n, SIDES)).collect();
        let outlines: Vec<Vec<DVec3>> = rings
            .into_iter()
            .map(|(z, radius)| circle.iter().map(|&c| (place.truncate() + c * radius).extend(z)).collect())
            .collect();
        self.column(&outlines);
    }

    /// The raft under all feet: everything within the margin of what lies between them.
    fn raft(&mut self, feet: &[DVec2], holding: &Holding) {
        let around_all: Vec<DVec2> = feet
            .iter()
            .flat_map(|&foot| (0..SIDES).map(move |n| foot + around(n, SIDES) * holding.margin))
            .collect();
        let hull = hull(around_all);
        if hull.len() >= 3 {
            let at = |z: f64| hull.iter().map(|p| p.extend(z)).collect::<Vec<_>>();
            self.column(&[at(0.0), at(holding.raft)]);
        }
    }

    /// A column of convex outlines above each other, counter-clockwise and of as many corners each.
    fn column(&mut self, outlines: &[Vec<DVec3>]) {
        let Some(sides) = outlines.first().map(Vec::len) else {
            return;
        };
        let start = self.0.vertices.len() as u32;
        self.0.vertices.extend(outlines.iter().flatten().map(|p| Point::from_vec(*p)));
        let at = |ring: usize, side: usize| start + (ring * sides + side % sides) as u32;
        let top = outlines.len() - 1;
        for side in 0..sides {
            for ring in 0..top {
                let [a, b] = [at(ring, side), at(ring, side + 1)];
                let [c, d] = [at(ring + 1, side), at(ring + 1, side + 1)];
                self.0.triangles.extend([[a, b, d], [a, d, c]]);
            }
            if side > 0 && side + 1 < sides {
                self.0.triangles.push([at(0, 0), at(0, side + 1), at(0, side)]);
                self.0.triangles.push([at(top, 0), at(top, side), at(top, side + 1)]);
            }
        }
    }

    fn in_patient(mut self, standing: &Standing) -> Mesh {
        for vertex in &mut self.0.vertices {
            *vertex = standing.patient(vertex.vec());
        }
        self.0
    }
}

/// The n-th of so many places evenly around the unit circle.
fn around(n: usize, sides: usize) -> DVec2 {
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * n as f64 / sides as f64);
    DVec2::new(cos, sin)
}

/// The convex hull of places, counter-clockwise (Andrew's monotone chain).
fn hull(mut places: Vec<DVec2>) -> Vec<DVec2> {
    places.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    places.dedup();
    if places.len() < 3 {
        return places;
    }
    let chain = |places: &mut dyn Iterator<Item = DVec2>| {
        let mut line: Vec<DVec2> = Vec::new();
        for p in places {
            while let [.., a, b] = line[..] {
                if (b - a).perp_dot(p - a) > 0.0 {
                    break;
                }
                line.pop();
            }
            line.push(p);
        }
        line.pop();
        line
    };
    let mut lower = chain(&mut places.iter().copied());
    lower.extend(chain(&mut places.iter().rev().copied()));
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resin::{resin_printer, stand};
    use crate::test_shapes::{ball, bracket};
    use crate::turn::Turn;
    use osteon_core::{Direction, Patient};
    use osteon_mesh::region::Region;

    /// The islands of solids together, but for the first layer.
    fn floating(solids: &[&Solid], standing: &Standing, printer: &ResinPrinter) -> usize {
        let ctx = Ctx::default();
        let stack = Stack::new(solids, standing, &printer.screen, (0.1, 256), &ctx).unwrap();
        let (mut below, mut count) = (Vec::new(), 0);
        let width = printer.screen.pixels[0];
        stack
            .each(
                |_, edges| spans(&stack.draw(edges), width),
                |layer, now| {
                    count += if layer == 0 { 0 } else { islands(&now, &below).len() };
                    below = now;
                    Ok(())
                },
                &ctx,
            )
            .unwrap();
        count
    }

    #[test]
    fn a_part_above_the_plate_floats_without_supports_and_not_with_them() {
        let printer = resin_printer("generic-4k").unwrap();
        let ctx = Ctx::default();
        let up = Direction::<Patient>::new(DVec3::new(1.0, 0.4, 2.0)).unwrap();
        for (part, turn) in
            [(ball(DVec3::ZERO, 6.0), Turn::standing()), (bracket(DVec3::splat(50.0)), Turn::with_up(up))]
        {
            let standing = stand(&[&part], &printer, &turn, [5.0, 2.0]).unwrap();
            assert!(floating(&[&part], &standing, &printer) > 0);
            let held = supports(&part, &standing, &printer, 0.1, &Regions::default(), &ctx).unwrap();
            let solid = held.solid.unwrap();
            assert_eq!(floating(&[&part, &solid], &standing, &printer), 0);
            assert!(
                !held.touches.is_empty() && held.findings.iter().all(|f| f.code != "resin-support-protected")
            );
            // Every pillar begins on the surface it holds.
            for touch in &held.touches {
                let place = standing.to_bed.point(*touch).vec();
                assert!(place.z > printer.supports.lift - 0.1, "{place}");
            }
        }
    }

    #[test]
    fn nothing_touches_a_protected_surface_and_that_is_told_with_its_place() {
        let printer = resin_printer("generic-4k").unwrap();
        let part = ball(DVec3::new(10.0, 20.0, 30.0), 6.0);
        let standing = stand(&[&part], &printer, &Turn::standing(), [5.0, 2.0]).unwrap();
        let middle = Point::new(10.0, 20.0, 24.0);
        let regions = Regions(vec![Region::Ball { middle, radius: 2.0 }]);
        let ctx = Ctx::default();
        let held = supports(&part, &standing, &printer, 0.1, &regions, &ctx).unwrap();
        assert!(held.touches.iter().all(|p| p.distance(middle) > 2.0));
        let finding = held.findings.iter().find(|f| f.code == "resin-support-protected").unwrap();
        let place = Point::from_vec(DVec3::from_array(finding.place.unwrap()));
        assert!(regions.contains(place));
    }

    #[test]
    fn a_hull_goes_around_all_places_once() {
        let places: Vec<DVec2> =
            (0..5).flat_map(|x| (0..5).map(move |y| DVec2::new(x.into(), y.into()))).collect();
        let corners = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)].map(|(x, y)| DVec2::new(x, y));
        assert_eq!(hull(places), corners);
    }
}
