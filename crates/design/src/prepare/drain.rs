//! Hollow, with a way out for what is liquid.
//!
//! The core of the solid, all that is deeper than the wall, is taken out. Then voids are flooded ([`super::flood`]): as
//! long as something stays behind, a hole is made from the lowest place of it down to the outside, where the wall is
//! thin and nothing is protected. Each void also gets a vent from its highest place. A void to which no hole can be made
//! is not taken out. What comes back is proven by its shells and by the flood.

use super::bars::{Bar, Section};
use super::flood::{Puddle, puddles};
use super::{PrepareError, gathered, part};
use glam::DVec3;
use osteon_core::{Ctx, Direction, Finding, Grid, Mask, Mesh, Patient, Point, Severity, Solid};
use osteon_mesh::boolean::{self, Operation};
use osteon_mesh::bvh::{Bvh, Ray};
use osteon_mesh::field::{self, FieldError, voxelise};
use osteon_mesh::region::Regions;
use osteon_mesh::shells::{Role, nesting};

/// How a solid is hollowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hollowing {
    /// Thickness of the wall that stays, mm.
    pub wall: f64,
    /// Diameter of the holes, mm.
    pub drain: f64,
    /// Edge of the voxels the core and the flood are made of, mm.
    pub voxel: f64,
    /// What is up while it is printed.
    pub up: Direction<Patient>,
}

/// A hole from a void to the outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hole {
    /// True for a vent at a highest place, false for a drain at a lowest.
    pub vent: bool,
    /// Where it comes out of the solid.
    pub mouth: Point<Patient>,
    /// From the void to the outside.
    pub axis: Direction<Patient>,
    /// Thickness of the wall it goes through, mm.
    pub length: f64,
}

/// A hollow solid with its holes.
#[derive(Clone, Debug)]
pub struct Drained {
    /// The solid.
    pub solid: Solid,
    /// How many voids it has.
    pub voids: usize,
    /// The holes.
    pub holes: Vec<Hole>,
    /// Volume that stays in the voids when they are emptied, mm³; by the flood.
    pub trapped: f64,
    /// What a person must look at.
    pub findings: Vec<Finding>,
}

/// Least diameter of a drain, mm [jlc-guidelines].
pub const LEAST_DRAIN: f64 = 2.5;

/// Least volume of a void that is worth its two holes, mm³. Chosen: half a millilitre.
const WORTH: f64 = 500.0;

/// Most rounds of flooding and making holes. Chosen: what is then left has many small pockets, and is told.
const ROUNDS: usize = 6;

/// A drain must fall, and a vent rise, by this share of its length at least. Chosen: 15° from level.
const FALL: f64 = 0.25;

/// Directions a hole may take. Chosen: 8° apart.
const DIRECTIONS: u32 = 400;

/// Least cosine between a hole and the surface it comes out of. Chosen: flatter than 70° makes a slot of it.
const STEEP: f64 = 0.35;

/// The usual wall of a hollow part for the sum of its three sizes, mm: 1 below 200, 2 below 400, 3 beyond
/// [imaterialise-resin].
pub fn usual_wall(bounds: &osteon_core::Aabb<Patient>) -> f64 {
    match bounds.size().element_sum() {
        sum if sum < 200.0 => 1.0,
        sum if sum < 400.0 => 2.0,
        _ => 3.0,
    }
}

/// Hollows a solid out and gives each void a drain and a vent, away from protected regions.
///
/// Voids it has already are filled first: nobody can see whether they would run empty. Where all of it is thinner than
/// two walls it stays as it is, with a finding.
///
/// # Errors
/// A length does not suit, a field or a boolean operation has no valid result, or `ctx` was asked to stop.
pub fn hollow(
    solid: Solid,
    how: &Hollowing,
    protected: &Regions,
    ctx: &Ctx,
) -> Result<Drained, PrepareError> {
    if !(how.drain.is_finite() && how.drain >= LEAST_DRAIN) {
        return Err(PrepareError::Value {
            name: "the diameter of a drain",
            value: format!("{} mm", how.drain),
        });
    }
    // A drain thinner than three voxels would leak in the flood through its corners or not at all.
    if how.voxel.is_nan() || 3.0 * how.voxel > how.drain {
        return Err(PrepareError::Value { name: "the voxel", value: format!("{} mm", how.voxel) });
    }
    let mut findings = Vec::new();
    let outer = filled(solid, &mut findings, &ctx.part("shells", 0.0, 0.05))?;
    let core = match field::offset(&outer, -how.wall, how.voxel, &ctx.part("core", 0.05, 0.3)) {
        Ok(core) => worth(&core)?,
        Err(FieldError::Gone(_)) => None,
        Err(other) => return Err(other.into()),
    };
    let Some(core) = core else {
        findings.push(nothing(how));
        return Ok(Drained { solid: outer, voids: 0, holes: Vec::new(), trapped: 0.0, findings });
    };
    let bvh = Bvh::new(outer.mesh(), &ctx.part("hierarchy", 0.3, 0.35))?;
    let grid = grid(&outer, how.voxel)?;
    let within = voxelise(outer.mesh(), &grid, &ctx.part("voxels", 0.35, 0.38))?;
    let mut outside = within.clone();
    outside.invert();
    let mut work =
        Work { how, outer: &outer, bvh: &bvh, protected, outside, holes: Vec::new(), bars: Vec::new() };
    let core = work.drilled(&core, &mut findings, &ctx.part("drains", 0.38, 0.6))?;
    let Some(core) = core else {
        return Ok(Drained { solid: outer, voids: 0, holes: Vec::new(), trapped: 0.0, findings });
    };
    let made = work.made(&core, &ctx.part("holes", 0.6, 0.85))?;
    let trapped = work.proven(&made, within, &mut findings, &ctx.part("flood", 0.85, 1.0))?;
    let (holes, voids) = (work.holes, core.shells().len());
    Ok(Drained { solid: made, voids, holes, trapped, findings })
}

/// The finding that there is nothing to hollow.
fn nothing(how: &Hollowing) -> Finding {
    let message = format!(
        "nothing was hollowed: no part that is thicker than two walls of {} mm holds {WORTH} mm³ and can be drained",
        how.wall
    );
    Finding::new("not-hollowed", Severity::Note, message).remedy("print it solid, or give a thinner wall")
}

/// The solid without its voids.
fn filled(solid: Solid, findings: &mut Vec<Finding>, ctx: &Ctx) -> Result<Solid, PrepareError> {
    if solid.shells().iter().all(|shell| shell.volume > 0.0) {
        return Ok(solid);
    }
    let mesh = solid.mesh();
    let found = nesting(mesh, &Bvh::new(mesh, ctx)?, ctx)?;
    let outermost = |n: usize| found.shells[n].role == Role::Body && found.shells[n].depth == 0;
    let lost = found.shells.iter().filter(|shell| shell.role == Role::Cavity);
    let (count, volume) = lost.fold((0, 0.0), |(count, volume), shell| (count + 1, volume - shell.volume));
    if let Some(first) = found.with(Role::Cavity).next() {
        let message = format!(
            "{count} voids without a way out, of together {volume:.0} mm³, were filled before it was hollowed"
        );
        findings.push(
            Finding::new("voids-filled", Severity::Note, message)
                .measured(volume, 0.0, "mm³", "closed voids trap what is liquid")
                .at(first.place.to_array())
                .remedy("open them first if they matter: osteon shape <file> --step \"subtract <file>\""),
        );
    }
    let outer = part(mesh, |n| found.shell_of.get(n).is_some_and(|shell| outermost(*shell as usize)));
    Ok(Solid::new(outer).map_err(Box::new)?)
}

/// The parts of a core that are worth taking out.
fn worth(core: &Solid) -> Result<Option<Solid>, PrepareError> {
    let bodies = bodies(core)?;
    let large: Vec<Mesh> = bodies.into_iter().filter(|body| body.signed_volume() >= WORTH).collect();
    gathered(&large)
}

/// The shells of a solid without voids, each as a mesh.
fn bodies(solid: &Solid) -> Result<Vec<Mesh>, PrepareError> {
    let ctx = Ctx::default();
    let mesh = solid.mesh();
    let found = nesting(mesh, &Bvh::new(mesh, &ctx)?, &ctx)?;
    Ok((0..found.shells.len()).map(|shell| part(mesh, |n| found.shell_of[n] as usize == shell)).collect())
}

/// Voxels around a solid, with some room.
fn grid(solid: &Solid, voxel: f64) -> Result<Grid, PrepareError> {
    let bounds = solid.mesh().bounds();
    let low = bounds.min.vec() - DVec3::splat(3.0 * voxel);
    let dims = ((bounds.size() / voxel).ceil() + DVec3::splat(7.0)).to_array().map(|n| n as usize);
    Grid::upright(dims, Point::from_vec(low), DVec3::splat(voxel))
        .map_err(|_| PrepareError::Value { name: "the voxel", value: format!("{voxel} mm") })
}

struct Work<'a> {
    how: &'a Hollowing,
    outer: &'a Solid,
    bvh: &'a Bvh,
    protected: &'a Regions,
    outside: Mask,
    holes: Vec<Hole>,
    bars: Vec<Mesh>,
}

impl Work<'_> {
    /// Makes holes until the voids run empty; the voids that do, or as far as they do.
    fn drilled(
        &mut self,
        core: &Solid,
        findings: &mut Vec<Finding>,
        ctx: &Ctx,
    ) -> Result<Option<Solid>, PrepareError> {
        let mut kept = Vec::new();
        for body in bodies(core)? {
            ctx.check()?;
            let ends = self.ends(&body);
            let drain = self.hole(ends[0], false);
            let vent = self.hole(ends[1], true);
            let missing = ends[usize::from(drain.is_some())];
            if let (Some(drain), Some(vent)) = (drain, vent) {
                self.take(drain);
                self.take(vent);
                kept.push(body);
            } else {
                findings.push(undrained(&body, missing));
            }
        }
        let Some(core) = gathered(&kept)? else { return Ok(None) };
        for round in 0..ROUNDS {
            ctx.done(round as f64 / ROUNDS as f64)?;
            let left = puddles(&self.void(&core, ctx)?, &self.outside, self.how.up, ctx)?;
            let more: Vec<_> =
                left.iter().filter_map(|puddle| self.hole(puddle.lowest.vec(), false)).collect();
            if more.is_empty() {
                break;
            }
            more.into_iter().for_each(|hole| self.take(hole));
        }
        Ok(Some(core))
    }

    /// The lowest and the highest place of a body.
    fn ends(&self, body: &Mesh) -> [DVec3; 2] {
        let up = self.how.up.vec();
        let mut places = body.vertices.iter().map(|place| place.vec());
        let first = places.next().unwrap_or_default();
        places.fold([first; 2], |[low, high], place| {
            let height = place.dot(up);
            [if height < low.dot(up) { place } else { low }, if height > high.dot(up) { place } else { high }]
        })
    }

    /// The voids with their holes, as voxels.
    fn void(&self, core: &Solid, ctx: &Ctx) -> Result<Mask, PrepareError> {
        let mut void = voxelise(core.mesh(), self.outside.grid(), ctx)?;
        for bar in &self.bars {
            void.or(&voxelise(bar, self.outside.grid(), ctx)?);
        }
        void.subtract(&self.outside);
        Ok(void)
    }

    fn take(&mut self, (hole, bar): (Hole, Mesh)) {
        self.holes.push(hole);
        self.bars.push(bar);
    }

    /// The shortest hole from a place in a void to the outside that falls, or rises, all the way.
    fn hole(&self, from: DVec3, vent: bool) -> Option<(Hole, Mesh)> {
        let radius = 0.5 * self.how.drain;
        let way = if vent { self.how.up.vec() } else { -self.how.up.vec() };
        let mesh = self.outer.mesh();
        let place = Point::from_vec(from);
        let found = directions().filter(|axis| axis.vec().dot(way) >= FALL).filter_map(|axis| {
            let ray = Ray::new(place, axis);
            let hit = self.bvh.first_hit(mesh, &ray).filter(|hit| !hit.enters)?;
            let [a, b, c] = mesh.corners(mesh.triangles[hit.triangle as usize]);
            let cosine = (b - a).cross(c - a).normalize_or_zero().dot(axis.vec());
            if cosine < STEEP {
                return None;
            }
            // So far its rim stands out on the side where the surface falls away, and a little more.
            let beyond = radius * (1.0 - cosine * cosine).sqrt() / cosine + 0.5 * radius;
            let next = Ray { from: hit.distance + 1e-6, to: hit.distance + beyond + radius, ..ray };
            let free = self.bvh.first_hit(mesh, &next).is_none();
            let mouth = ray.at(hit.distance);
            (free && self.open(mouth, axis, radius)).then_some((hit.distance, beyond, mouth, axis))
        });
        let (length, beyond, mouth, axis) =
            found.reduce(|best, other| if other.0 < best.0 { other } else { best })?;
        // It begins inside the void, half of its width before the wall.
        let bar = Bar {
            place,
            axis,
            section: Section::Round,
            apothem: radius,
            span: [-radius, length + beyond],
            chamfer: [0.0; 2],
        };
        Some((Hole { vent, mouth, axis, length }, bar.mesh()))
    }

    /// True if nothing around the mouth of a hole is protected.
    fn open(&self, mouth: Point<Patient>, axis: Direction<Patient>, radius: f64) -> bool {
        let (across, along) = axis.vec().any_orthonormal_pair();
        let mut around = [-1.0, 0.0, 1.0].into_iter().flat_map(|x| [-1.0, 0.0, 1.0].map(|y| (x, y)));
        // Twice the radius: a rim of matter stays between the hole and what is protected.
        !around.any(|(x, y)| {
            let rim = mouth.vec() + (across * x + along * y) * (2.0 * radius);
            self.protected.contains(Point::from_vec(rim))
        })
    }

    /// The outer solid without the core and the holes.
    fn made(&self, core: &Solid, ctx: &Ctx) -> Result<Solid, PrepareError> {
        let mut mesh = self.outer.mesh().clone();
        let first = mesh.vertices.len() as u32;
        mesh.vertices.extend(&core.mesh().vertices);
        mesh.triangles
            .extend(core.mesh().triangles.iter().map(|&[a, b, c]| [a + first, c + first, b + first]));
        let hollow = Solid::new(mesh).map_err(Box::new)?;
        let bars = self
            .bars
            .iter()
            .map(|bar| Solid::new(bar.clone()).map_err(Box::new))
            .collect::<Result<Vec<_>, _>>()?;
        let bars: Vec<&Solid> = bars.iter().collect();
        let Some(bars) = boolean::union(&bars, &ctx.part("holes", 0.0, 0.3))? else { return Ok(hollow) };
        let made = boolean::combine(&hollow, &bars, Operation::Difference, &ctx.part("holes", 0.3, 1.0))?;
        Ok(made.unwrap_or(hollow))
    }

    /// Proves that what was made runs empty: by its shells, and by the flood of its own voxels.
    fn proven(
        &self,
        made: &Solid,
        within: Mask,
        findings: &mut Vec<Finding>,
        ctx: &Ctx,
    ) -> Result<f64, PrepareError> {
        let mesh = made.mesh();
        let closed = nesting(mesh, &Bvh::new(mesh, ctx)?, ctx)?;
        let mut void = within;
        void.subtract(&voxelise(mesh, self.outside.grid(), ctx)?);
        let left = puddles(&void, &self.outside, self.how.up, ctx)?;
        for puddle in &left {
            findings.push(trapped(puddle));
        }
        let trapped = closed.trapped();
        if trapped > 0.0 {
            let message = format!("{trapped:.0} mm³ are closed in for good");
            findings.push(
                Finding::new("void-closed", Severity::Caution, message)
                    .measured(trapped, 0.0, "mm³", "shells of the surface")
                    .remedy("give a thicker wall or another --up"),
            );
        }
        // A sum of nothing is minus zero; adding to zero is not.
        let flooded = left.iter().fold(0.0, |sum, puddle| sum + puddle.volume);
        Ok(f64::max(flooded, 0.0 + trapped))
    }
}

/// The finding that a void was left out.
fn undrained(body: &Mesh, place: DVec3) -> Finding {
    let volume = body.signed_volume();
    let message =
        format!("a part of {volume:.0} mm³ stays solid: no way out of it keeps off what is protected");
    Finding::new("not-hollowed", Severity::Note, message)
        .measured(volume, 0.0, "mm³", "voids that could not be drained")
        .at(place.to_array())
        .remedy("protect less, turn it with --up, or give a smaller drain=mm")
}

/// The finding that something stays behind.
fn trapped(puddle: &Puddle) -> Finding {
    let message =
        format!("{:.2} ml stay in the void here when it is emptied as it is printed", puddle.volume / 1000.0);
    Finding::new("trapped-liquid", Severity::Caution, message)
        .measured(puddle.volume, 0.0, "mm³", "flood of voxels")
        .at(puddle.lowest.to_array())
        .remedy("turn the part while it drains, print it with another --up, or drill a hole here")
}

/// Directions evenly all around, on a spiral.
fn directions() -> impl Iterator<Item = Direction<Patient>> {
    /// The golden angle, π·(3 − √5), by which the seeds of a sunflower follow each other.
    const ANGLE: f64 = 2.399_963_229_728_653;
    (0..DIRECTIONS).filter_map(|n| {
        let height = 1.0 - (2.0 * f64::from(n) + 1.0) / f64::from(DIRECTIONS);
        let (radius, turn) = ((1.0 - height * height).sqrt(), ANGLE * f64::from(n));
        Direction::new(DVec3::new(radius * libm::cos(turn), radius * libm::sin(turn), height))
    })
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
