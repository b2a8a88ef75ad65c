//! Which side of a part should be up.
//!
//! Four hundred directions, and those of its flat sides, are judged by a few thousand points of the surface; the
//! best of them by the [estimate](mod@crate::estimate), first roughly and then in full. Surfaces that are protected
//! bear no supports: where a direction would make supports touch them, it comes after all that do not.
//!
//! What the search minimises is what the estimate says; `benches/orientation.py` slices what it finds.

use crate::error::PrintError;
use crate::estimate::{
    Amounts, Columns, Estimate, MOST_CELLS, PITCH, Setup, estimate_columns, pitch_within, summed,
};
use crate::turn::Turn;
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Direction, Mesh, Patient, Solid};
use osteon_mesh::region::Regions;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What a good direction makes small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The time of the print.
    #[default]
    Time,
    /// The plastic it uses, supports included.
    Material,
    /// The area that supports leave their traces on.
    Surface,
}

/// What is asked of a direction.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What is to be small.
    pub goal: Goal,
    /// Surfaces that bear no supports.
    pub protected: &'a Regions,
}

/// A direction and what printing comes to with it up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// What is up, in the patient frame.
    pub up: [f64; 3],
    /// What the print comes to.
    pub estimate: Estimate,
    /// Whether it stands within the bed as it is turned.
    pub fits: bool,
}

impl Candidate {
    /// The turn with this direction up.
    pub fn turn(&self) -> Turn {
        Direction::new(DVec3::from_array(self.up)).map_or_else(Turn::standing, Turn::with_up)
    }

    /// Whether what stands on the bed holds it: its centre of mass is over it.
    pub fn stands(&self) -> bool {
        self.estimate.steady_mm > 0.0
    }

    /// What a goal is measured by, in its own unit: s, g or mm².
    pub fn cost(&self, goal: Goal) -> f64 {
        match goal {
            Goal::Time => self.estimate.seconds,
            Goal::Material => self.estimate.grams,
            Goal::Surface => self.estimate.held_mm2,
        }
    }

    /// Sorts first what may not be touched, fits and stands, then what costs least.
    fn rank(&self, goal: Goal) -> (bool, bool, bool, f64) {
        (self.estimate.touched_mm2 > TOUCHED, !self.fits, !self.stands(), self.cost(goal))
    }
}

/// Protected area that is not counted, mm². Chosen: four cells of the columns, as many as one point can graze.
pub const TOUCHED: f64 = 1.5;

/// Directions looked at. Chosen: 10° from one to the next, the goal of the comparison with slicing.
const DIRECTIONS: usize = 400;

/// Directions of flat sides looked at besides. Chosen: twice the sides of a box.
const FLATS: usize = 12;

/// Points on the surface that directions are first judged by. Chosen: one for every 3 mm² of a vertebra.
const POINTS: usize = 4000;

/// Directions that are estimated roughly, and of these in full. Chosen by the time they take.
const ROUGH: usize = 24;
const FULL: usize = 4;

/// Finest cells of an estimate, mm, and most of them: of a larger solid the cells grow.
type Cells = (f64, f64);

/// Cells of the rough estimates. Chosen: 2.5 times as wide as those of the full one; of a hip bone 3.5 mm wide.
const ROUGH_CELLS: Cells = (1.5, 6000.0);

/// Cells of the full estimates while searching. Chosen: a hip bone is searched in a third of a second.
const FULL_CELLS: Cells = (PITCH, 25_000.0);

/// Cells of the estimate of one given direction: as for [`estimate`](crate::estimate::estimate).
const GIVEN_CELLS: Cells = (PITCH, MOST_CELLS);

/// Edge of the cells in which points stand above one another, mm. Chosen: about the distance of points.
const COLUMN: f64 = 3.0;

/// A point that stands for a part of the surface.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Where it is.
    pub place: DVec3,
    /// Which way the surface faces there.
    pub normal: DVec3,
    marked: bool,
}

/// The best directions, the best first; [`FULL`] of them and the part as it stands.
///
/// The same for any number of threads. On parts larger than a vertebra the estimates are made with coarser cells,
/// which tell directions apart but come out up to 13 % low (hip bones, 2026-11-20): [`weighed`] makes them in full.
///
/// # Errors
/// [`Cancelled`]; `larger-than-bed` is not one of them: whether a direction fits is told with it.
pub fn orient(
    solid: &Solid,
    wish: &Wish<'_>,
    setup: &Setup<'_>,
    ctx: &Ctx,
) -> Result<Vec<Candidate>, PrintError> {
    let marked = wish.protected.triangles(solid.mesh());
    let (samples, each) = samples(solid.mesh(), &marked, POINTS);
    let ups = directions(&samples);
    let matter = solid.volume();
    ctx.done(0.1)?;
    let mut judged: Vec<(f64, usize)> = ups
        .par_iter()
        .enumerate()
        .map(|(number, up)| {
            ctx.check()?;
            Ok((glance(&samples, each, matter, *up, setup, wish.goal), number))
        })
        .collect::<Result<_, Cancelled>>()?;
    judged.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    ctx.done(0.4)?;
    let chosen = judged.iter().take(ROUGH).map(|(_, number)| ups[*number]).collect::<Vec<_>>();
    let look = Look { solid, marked: &marked, setup };
    let mut rough = look.at(&chosen, ROUGH_CELLS, ctx)?;
    sort(&mut rough, wish.goal);
    ctx.done(0.6)?;
    let best: Vec<_> = rough.iter().take(FULL).map(|candidate| candidate.turn().up()).collect();
    let mut full = look.at(&best, FULL_CELLS, ctx)?;
    let standing = Turn::standing().up();
    if !best.contains(&standing) {
        full.extend(look.at(&[standing], FULL_CELLS, ctx)?);
    }
    sort(&mut full, wish.goal);
    ctx.done(1.0)?;
    Ok(full)
}

/// What printing comes to with this direction up.
///
/// # Errors
/// [`Cancelled`].
pub fn candidate(
    solid: &Solid,
    protected: &Regions,
    up: Direction<Patient>,
    setup: &Setup<'_>,
    ctx: &Ctx,
) -> Result<Candidate, Cancelled> {
    let marked = protected.triangles(solid.mesh());
    let found = Look { solid, marked: &marked, setup }.at(&[up], GIVEN_CELLS, ctx)?;
    Ok(found[0])
}

/// The same candidates, estimated in full, the best first.
///
/// # Errors
/// [`Cancelled`].
pub fn weighed(
    solid: &Solid,
    wish: &Wish<'_>,
    candidates: &[Candidate],
    setup: &Setup<'_>,
    ctx: &Ctx,
) -> Result<Vec<Candidate>, Cancelled> {
    let marked = wish.protected.triangles(solid.mesh());
    let ups: Vec<_> = candidates.iter().map(|candidate| candidate.turn().up()).collect();
    let mut full = Look { solid, marked: &marked, setup }.at(&ups, GIVEN_CELLS, ctx)?;
    sort(&mut full, wish.goal);
    Ok(full)
}

fn sort(candidates: &mut [Candidate], goal: Goal) {
    candidates.sort_by(|a, b| {
        let (one, other) = (a.rank(goal), b.rank(goal));
        (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)).then(one.3.total_cmp(&other.3))
    });
}

/// A part that is estimated with several directions up.
struct Look<'a> {
    solid: &'a Solid,
    marked: &'a [bool],
    setup: &'a Setup<'a>,
}

impl Look<'_> {
    fn at(&self, ups: &[Direction<Patient>], cells: Cells, ctx: &Ctx) -> Result<Vec<Candidate>, Cancelled> {
        let (mesh, setup) = (self.solid.mesh(), self.setup);
        let edge = pitch_within(mesh, cells.0, cells.1);
        let margin = setup.printer.margin(setup.process);
        let silent = Ctx::default();
        let estimated = |up: &Direction<Patient>| {
            ctx.check()?;
            let columns = Columns::new(mesh, self.marked, &Turn::with_up(*up), edge, &silent)?;
            let estimate = estimate_columns(&columns, setup, &silent)?;
            let room = setup.printer.bed.size.map(|edge| edge - 2.0 * margin);
            let fits = (0..2).all(|axis| columns.extent()[axis] <= room[axis])
                && columns.height <= setup.printer.bed.height;
            Ok(Candidate { up: up.vec().to_array(), estimate, fits })
        };
        ups.par_iter().map(estimated).collect()
    }
}

/// That many points evenly over the area of a mesh, and the area each stands for, mm².
pub(crate) fn samples(mesh: &Mesh, marked: &[bool], points: usize) -> (Vec<Sample>, f64) {
    let each = mesh.area() / points as f64;
    let (mut samples, mut walked) = (Vec::with_capacity(points), each / 2.0);
    for (number, triangle) in mesh.triangles.iter().enumerate() {
        let [a, b, c] = mesh.corners(*triangle);
        let twice = (b - a).cross(c - a);
        let area = twice.length() / 2.0;
        walked += area;
        while walked >= each && area > 0.0 {
            walked -= each;
            // A sequence that fills a square evenly, folded into the triangle [roberts-r2].
            let n = samples.len() as f64;
            let (u, v) = ((n * 0.754_877_666_246_692_7).fract(), (n * 0.569_840_290_998_053_3).fract());
            let (u, v) = if u + v > 1.0 { (1.0 - u, 1.0 - v) } else { (u, v) };
            let place = a + (b - a) * u + (c - a) * v;
            let marked = marked.get(number).is_some_and(|marked| *marked);
            samples.push(Sample { place, normal: twice / (2.0 * area), marked });
        }
    }
    (samples, each)
}

/// Directions evenly over the sphere, and those that lay a flat side on the bed or turn it up.
fn directions(samples: &[Sample]) -> Vec<Direction<Patient>> {
    let golden = std::f64::consts::PI * (3.0 - 5.0_f64.sqrt());
    let even: Vec<DVec3> = (0..DIRECTIONS)
        .map(|n| {
            let z = 1.0 - (2.0 * n as f64 + 1.0) / DIRECTIONS as f64;
            let (radius, angle) = ((1.0 - z * z).sqrt(), n as f64 * golden);
            DVec3::new(radius * libm::cos(angle), radius * libm::sin(angle), z)
        })
        .collect();
    // A side is flat as far as its normals lie within 8° of one direction.
    let mut flats: Vec<(usize, usize, DVec3)> = even
        .iter()
        .enumerate()
        .map(|(number, direction)| {
            let near = samples.iter().filter(|s| s.normal.dot(*direction) > FLAT);
            let (count, sum) = near.fold((0, DVec3::ZERO), |(n, sum), s| (n + 1, sum + s.normal));
            (count, number, sum)
        })
        .collect();
    flats.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let flat = flats.into_iter().take(FLATS).filter_map(|(_, _, sum)| Direction::new(-sum));
    even.into_iter().filter_map(Direction::new).chain(flat).collect()
}

/// Cosine of 8°: half of the way from one direction to the next, and some more.
const FLAT: f64 = 0.990_268;

/// What a direction costs as far as points tell.
fn glance(
    samples: &[Sample],
    each: f64,
    matter: f64,
    up: Direction<Patient>,
    setup: &Setup<'_>,
    goal: Goal,
) -> f64 {
    let rotation = Turn::with_up(up).rotation();
    let turned: Vec<DVec3> = samples.iter().map(|s| rotation * s.place).collect();
    let low = turned.iter().copied().fold(DVec3::INFINITY, DVec3::min);
    let high = turned.iter().copied().fold(DVec3::NEG_INFINITY, DVec3::max);
    let width = ((high.x - low.x) / COLUMN) as u64 + 1;
    let mut order: Vec<(u64, f64, u32)> = turned
        .iter()
        .enumerate()
        .map(|(number, p)| {
            let cell = ((p.y - low.y) / COLUMN) as u64 * width + ((p.x - low.x) / COLUMN) as u64;
            (cell, p.z - low.z, number as u32)
        })
        .collect();
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let steep = setup.steep();
    let mut amounts = Amounts { model: matter, ..Amounts::default() };
    let (mut cell, mut top, mut flat) = (u64::MAX, (0.0, false), 0.0);
    for (at, z, number) in order {
        if at != cell {
            (cell, top) = (at, (0.0, false));
        }
        let sample = samples[number as usize];
        let rise = sample.normal.dot(up.vec());
        flat += rise.abs() * each;
        amounts.walls += (1.0 - rise * rise).max(0.0).sqrt() * each;
        if rise > 0.0 {
            top = (z, sample.marked);
        } else if -rise > steep && z > setup.process.layer {
            let shadow = -rise * each;
            amounts.held += shadow;
            amounts.supports += shadow * (z - top.0);
            amounts.stood_on += if top.0 > 0.0 { shadow } else { 0.0 };
            amounts.marked += if sample.marked || top.1 { shadow } else { 0.0 };
        }
    }
    fill(&mut amounts, flat, high.z - low.z, setup);
    let estimate = summed(&amounts, high.z - low.z, setup);
    let candidate = Candidate { up: up.vec().to_array(), estimate, fits: true };
    // A direction that touches what is protected comes after all that do not.
    let touches = if amounts.marked > TOUCHED { 1e12 } else { 0.0 };
    candidate.cost(goal) + touches
}

/// What points do not tell of a bone is put in as it usually is.
fn fill(amounts: &mut Amounts, flat: f64, height: f64, setup: &Setup<'_>) {
    let process = setup.process;
    let inset = setup.printer.line() / 2.0 + (f64::from(process.perimeters) - 0.5) * setup.spacing();
    let skin = f64::from(process.top_layers + process.bottom_layers) / 2.0 * process.layer;
    amounts.perimeters = (amounts.walls * inset).min(amounts.model);
    amounts.closed = (flat * skin).min(amounts.model - amounts.perimeters);
    amounts.open = amounts.model - amounts.perimeters - amounts.closed;
    // Medians over 42 prints of 35 bones, 2026-11-20.
    amounts.supports *= 1.0 + GROWN;
    amounts.support_walls = SUPPORT_WALLS * amounts.supports;
    amounts.support_parts = SUPPORT_PARTS * height;
    amounts.islands = height * ISLANDS;
    amounts.open_parts = height * ISLANDS;
}

/// How much larger supports are than what they hold. Chosen: 1 mm around places 10 mm wide.
const GROWN: f64 = 0.4;
/// Area of the walls of supports for their volume, 1/mm.
const SUPPORT_WALLS: f64 = 0.35;
/// Parts of supports in a section. Chosen: what bones of the fit had in the mean.
const SUPPORT_PARTS: f64 = 4.0;
/// Parts of a section. Chosen: what bones of the fit had in the mean.
const ISLANDS: f64 = 1.4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::printer;
    use crate::test_shapes::bracket;
    use osteon_core::Point;
    use osteon_mesh::region::Region;

    fn best(solid: &Solid, protected: &Regions) -> Candidate {
        let printer = printer("generic-250").unwrap();
        let setup = Setup::new(&printer, &printer.standard);
        let wish = Wish { goal: Goal::Material, protected };
        orient(solid, &wish, &setup, &Ctx::default()).unwrap()[0]
    }

    #[test]
    fn a_bracket_is_laid_where_nothing_hangs_over() {
        let found = best(&bracket(DVec3::ZERO), &Regions::default());
        assert!(found.estimate.held_mm2 < 1.0, "{found:?}");
        assert!(found.fits && found.stands());
    }

    #[test]
    fn a_protected_face_bears_no_supports_though_it_would_be_cheaper() {
        let solid = bracket(DVec3::ZERO);
        let free = best(&solid, &Regions::default());
        let bounds = solid.mesh().bounds();
        let middle = Point::from_vec(bounds.middle().vec());
        let all = Regions(vec![Region::Ball { middle, radius: 0.6 * bounds.size().length() }]);
        let found = best(&solid, &all);
        assert!(found.estimate.touched_mm2 <= TOUCHED, "{found:?}");
        assert!(found.estimate.grams >= free.estimate.grams - 1e-9);
    }

    #[test]
    fn weighed_candidates_are_what_one_direction_comes_to_alone() {
        let printer = printer("generic-250").unwrap();
        let setup = Setup::new(&printer, &printer.standard);
        let (solid, free, ctx) = (bracket(DVec3::ZERO), Regions::default(), Ctx::default());
        let wish = Wish { goal: Goal::Time, protected: &free };
        let mut found = orient(&solid, &wish, &setup, &ctx).unwrap();
        found.reverse();
        let weighed = weighed(&solid, &wish, &found, &setup, &ctx).unwrap();
        assert_eq!(weighed.len(), found.len());
        assert!(weighed[0].estimate.held_mm2 < 1.0, "{:?}", weighed[0]);
        for one in &weighed {
            let up = Direction::new(DVec3::from_array(one.up)).unwrap();
            assert_eq!(*one, candidate(&solid, &free, up, &setup, &ctx).unwrap());
        }
    }

    #[test]
    fn the_same_is_found_by_one_thread_and_by_three() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| best(&bracket(DVec3::ZERO), &Regions::default()))
        };
        assert_eq!(run(1), run(3));
    }
}
