//! The fewest plane cuts after which every piece fits the room of a printer.
//!
//! A piece that is too long along an axis of the bed is cut across that axis. Of all places where the two sides then
//! need the fewest cuts more, the one is taken where little is cut: a small section, a short outline (a cut along a
//! thin plate has a long one), few places to join again; never through a protected region. Each side is looked at
//! again by itself, with the size it really has.

use super::{PrepareError, gathered, part};
use glam::DVec3;
use osteon_core::{Aabb, Ctx, Direction, Finding, Mesh, Patient, Plane, Point, Severity, Solid};
use osteon_mesh::boolean::{self, Operation};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::region::Regions;
use osteon_mesh::section::{Outline, sections};
use osteon_mesh::shells::{Role, nesting};

/// The room a piece must fit into, along three axes of the bed.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The bed's axes in the patient frame, at right angles: width, depth and up.
    pub axes: [Direction<Patient>; 3],
    /// Edges of the room along them, mm.
    pub size: [f64; 3],
    /// What is kept free along every axis that is cut, for pegs that stand out of the cut faces, mm.
    pub reserve: f64,
}

/// A cut and what lies on its two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Its plane.
    pub plane: Plane<Patient>,
    /// Area of what it cuts, mm².
    pub area: f64,
    /// What lies behind it and in front of it.
    pub sides: [Node; 2],
}

/// One side of a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A piece, by its number from 0.
    Piece(usize),
    /// Another cut, by its number.
    Cut(usize),
}

/// The pieces of a solid and the cuts between them.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// The pieces.
    pub solids: Vec<Solid>,
    /// The cuts, each before those of its sides; empty if the solid fits as it is.
    pub cuts: Vec<Cut>,
    /// What a person must look at.
    pub findings: Vec<Finding>,
}

/// Step between the places that are looked at, mm. Chosen: finer than anatomy changes.
const STEP: f64 = 1.0;

/// Most places looked at along one axis. Chosen: their sections fit into memory.
const PLACES: usize = 96;

/// What a millimetre of outline counts like, mm² of section. Chosen: a strip thinner than twice of it costs more for
/// its edge than for its area.
const OUTLINE: f64 = 3.0;

/// What each separate outline counts like, mm² of section: it must be joined again. Chosen: the least peg needs so much.
const CONTACT: f64 = 30.0;

/// A side thinner than this costs more, mm. Chosen: the longest peg and its wall on both faces.
const THIN: f64 = 20.0;

/// What each millimetre counts like by which a side is thinner, mm² of section. Chosen: so that a slice of 5 mm is
/// taken only where it saves 3 cm² of cut.
const SLICE: f64 = 20.0;

/// What a chip is smaller than, mm³. Chosen: a cube of 3 mm, which no glue holds for long.
const CHIP: f64 = 27.0;

/// Most pieces. Chosen: nobody glues more.
const MOST: usize = 64;

/// How much smaller than the room a piece is made, mm: what rounding may add.
const SLACK: f64 = 1e-3;

/// Splits a solid so that every piece fits the room.
///
/// # Errors
/// No plane keeps off the protected regions, too many pieces would be needed, a cut has no valid result, or `ctx` was
/// asked to stop.
pub fn split(solid: Solid, room: &Room, protected: &Regions, ctx: &Ctx) -> Result<Pieces, PrepareError> {
    if !room.size.iter().all(|edge| *edge - room.reserve > STEP) {
        return Err(PrepareError::Value {
            name: "the room",
            value: format!("{} mm", super::sized(&room.size)),
        });
    }
    let pieces = Pieces { solids: Vec::new(), cuts: Vec::new(), findings: Vec::new() };
    let expected = room.pieces(&room.around(solid.mesh())) as f64;
    let mut work = Work { room, protected, pieces, expected };
    work.divide(solid, ctx)?;
    ctx.done(1.0)?;
    Ok(work.pieces)
}

impl Room {
    /// The box around a mesh along the axes of the bed.
    pub fn around(&self, mesh: &Mesh) -> Aabb<Patient> {
        Aabb::around(mesh.vertices.iter().map(|place| Point::from_vec(self.along(place.vec()))))
    }

    /// A place along the axes of the bed.
    fn along(&self, place: DVec3) -> DVec3 {
        DVec3::from_array(self.axes.map(|axis| axis.vec().dot(place)))
    }

    /// True if a box along the axes fits.
    fn fits(&self, around: &Aabb<Patient>) -> bool {
        let size = around.size().to_array();
        (0..3).all(|a| size[a] <= self.size[a])
    }

    /// Into how many parts an edge must be cut.
    fn parts(&self, axis: usize, length: f64) -> usize {
        if length <= self.size[axis] {
            return 1;
        }
        (length / (self.size[axis] - self.reserve - SLACK)).ceil() as usize
    }

    /// How many pieces a box needs at least.
    fn pieces(&self, around: &Aabb<Patient>) -> usize {
        if around.is_empty() {
            return 0;
        }
        let size = around.size().to_array();
        (0..3).map(|a| self.parts(a, size[a])).product()
    }
}

impl Pieces {
    /// The pieces on both sides of a cut at a place of its plane; `None` where the cut does not reach.
    pub fn beside(&self, cut: usize, place: Point<Patient>) -> Option<[usize; 2]> {
        let mut node = self.root();
        while let Node::Cut(n) = node {
            if n == cut {
                return Some([0, 1].map(|side| self.piece(self.cuts[cut].sides[side], place)));
            }
            node = self.side(n, place);
        }
        None
    }

    /// The cuts that bound a piece.
    pub fn around(&self, piece: usize) -> Vec<usize> {
        let mut path = Vec::new();
        self.search(self.root(), piece, &mut path);
        path
    }

    fn search(&self, node: Node, piece: usize, path: &mut Vec<usize>) -> bool {
        match node {
            Node::Piece(found) => found == piece,
            Node::Cut(n) => {
                path.push(n);
                let found = self.cuts[n].sides.iter().any(|side| self.search(*side, piece, path));
                if !found {
                    path.pop();
                }
                found
            }
        }
    }

    fn root(&self) -> Node {
        if self.cuts.is_empty() { Node::Piece(0) } else { Node::Cut(0) }
    }

    fn piece(&self, mut node: Node, place: Point<Patient>) -> usize {
        loop {
            match node {
                Node::Piece(piece) => return piece,
                Node::Cut(n) => node = self.side(n, place),
            }
        }
    }

    fn side(&self, cut: usize, place: Point<Patient>) -> Node {
        let Cut { plane, sides, .. } = &self.cuts[cut];
        sides[usize::from(plane.signed_distance(place) >= 0.0)]
    }

    /// What each piece is called: its number and where it lies in the patient, as `2 of 4, left upper`.
    pub fn names(&self) -> Vec<String> {
        let all = self.solids.iter().map(|solid| solid.mesh().bounds());
        let whole = Aabb::around(all.flat_map(|bounds| [bounds.min, bounds.max]));
        let (middle, size) = (whole.middle().vec(), whole.size());
        let called = |solid: &Solid| {
            let off = (solid.mesh().bounds().middle().vec() - middle) / size;
            // Chosen: a middle nearer to that of the whole than a tenth of its size is on neither side.
            let word = |off: f64, low: &'static str, high: &'static str| match off {
                off if off > 0.1 => Some(high),
                off if off < -0.1 => Some(low),
                _ => None,
            };
            let words =
                [word(off.x, "right", "left"), word(off.y, "front", "back"), word(off.z, "lower", "upper")];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let count = self.solids.len();
        let numbered = self.solids.iter().enumerate().map(|(n, solid)| match called(solid) {
            words if words.is_empty() => format!("{} of {count}", n + 1),
            words => format!("{} of {count}, {words}", n + 1),
        });
        numbered.collect()
    }
}

/// A place for a cut: how many pieces it leads to, what it costs, the plane and the area.
type Candidate = (usize, f64, Plane<Patient>, f64);

struct Work<'a> {
    room: &'a Room,
    protected: &'a Regions,
    pieces: Pieces,
    /// For progress: how many pieces there will be.
    expected: f64,
}

impl Work<'_> {
    fn divide(&mut self, solid: Solid, ctx: &Ctx) -> Result<Node, PrepareError> {
        let around = self.room.around(solid.mesh());
        if self.room.fits(&around) {
            self.pieces.solids.push(solid);
            ctx.done(self.pieces.solids.len() as f64 / self.expected)?;
            return Ok(Node::Piece(self.pieces.solids.len() - 1));
        }
        if self.pieces.cuts.len() + 1 >= MOST {
            return Err(PrepareError::TooMany { most: MOST, room: self.room.size });
        }
        let (_, _, plane, area) = self.place(&solid, &around, ctx)?;
        let quiet = Ctx::new(std::sync::Arc::new(Quiet), ctx.cancel().clone(), 0);
        let halves = boolean::cut(&solid, &plane, &quiet)?;
        let (Some(back), Some(front)) = (halves.back, halves.front) else {
            return Err(PrepareError::NoPlane {
                size: around.size().to_array(),
                room: self.room.size,
                tried: 1,
            });
        };
        drop(solid);
        let (back, front) = self.without_chips(back, front, &plane, &quiet)?;
        let number = self.pieces.cuts.len();
        self.pieces.cuts.push(Cut { plane, area, sides: [Node::Cut(number); 2] });
        self.pieces.cuts[number].sides[0] = self.divide(back, ctx)?;
        self.pieces.cuts[number].sides[1] = self.divide(front, ctx)?;
        Ok(Node::Cut(number))
    }

    /// The best place for the next cut.
    fn place(&self, solid: &Solid, around: &Aabb<Patient>, ctx: &Ctx) -> Result<Candidate, PrepareError> {
        let size = around.size().to_array();
        let mut best: Option<Candidate> = None;
        let mut tried = 0;
        for axis in 0..3 {
            let heights = self.heights(axis, around);
            tried += heights.len();
            let normal = self.room.axes[axis];
            let plane = |height: &f64| Plane { point: Point::from_vec(normal.vec() * *height), normal };
            let planes: Vec<Plane<Patient>> = heights.iter().map(plane).collect();
            let quiet = Ctx::new(std::sync::Arc::new(Quiet), ctx.cancel().clone(), 0);
            let found = sections(solid.mesh(), &planes, &quiet)?;
            let counts = self.counts(solid.mesh(), axis, &heights);
            for ((plane, outlines), count) in planes.into_iter().zip(&found).zip(counts) {
                let touched = outlines.iter().flatten().any(|place| self.protected.contains(*place));
                if touched || count.contains(&0) {
                    continue;
                }
                let (area, length) = measured(outlines, plane.normal);
                let height = plane.point.vec().dot(plane.normal.vec());
                let [low, high] = [around.min, around.max].map(|end| end.to_array()[axis]);
                let thinner = (THIN - (height - low).min(high - height)).max(0.0);
                let cost = area + OUTLINE * length + CONTACT * outlines.len() as f64 + SLICE * thinner;
                let pieces = count[0] + count[1];
                if best.as_ref().is_none_or(|best| (pieces, cost) < (best.0, best.1)) {
                    best = Some((pieces, cost, plane, area));
                }
            }
        }
        best.ok_or(PrepareError::NoPlane { size, room: self.room.size, tried })
    }

    /// Heights along an axis where a cut leaves sides that need no cut more than the whole.
    fn heights(&self, axis: usize, around: &Aabb<Patient>) -> Vec<f64> {
        let (low, length) = (around.min.to_array()[axis], around.size().to_array()[axis]);
        let parts = self.room.parts(axis, length);
        let one = self.room.size[axis] - self.room.reserve - SLACK;
        let mut ranges = Vec::new();
        for below in 1..parts {
            let from = length - (parts - below) as f64 * one;
            let to = below as f64 * one;
            ranges.push([from.max(STEP), to.min(length - STEP)]);
        }
        let total: f64 = ranges.iter().map(|[from, to]| (to - from).max(0.0)).sum();
        let step = STEP.max(total / PLACES as f64);
        let mut heights = Vec::new();
        for [from, to] in ranges {
            let count = ((to - from) / step).floor().max(0.0) as usize;
            heights.extend((0..=count).map(|n| low + (from + n as f64 * step).min(to)));
        }
        heights
    }

    /// For each height how many pieces the two sides of a cut there need, by their vertices.
    fn counts(&self, mesh: &Mesh, axis: usize, heights: &[f64]) -> Vec<[usize; 2]> {
        let mut sorted = heights.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut slabs = vec![Aabb::<Patient>::EMPTY; sorted.len() + 1];
        for place in &mesh.vertices {
            let along = self.room.along(place.vec());
            let slab = sorted.partition_point(|height| *height <= along.to_array()[axis]);
            slabs[slab] = slabs[slab].with(Point::from_vec(along));
        }
        heights
            .iter()
            .map(|height| {
                let at = sorted.partition_point(|other| other < height) + 1;
                let around = |slabs: &[Aabb<Patient>]| {
                    let full = slabs.iter().filter(|slab| !slab.is_empty());
                    self.room.pieces(&Aabb::around(full.flat_map(|slab| [slab.min, slab.max])))
                };
                [around(&slabs[..at]), around(&slabs[at..])]
            })
            .collect()
    }

    /// Gives what a cut chipped off back to the side it came from, where that still fits.
    fn without_chips(
        &mut self,
        back: Solid,
        front: Solid,
        plane: &Plane<Patient>,
        ctx: &Ctx,
    ) -> Result<(Solid, Solid), PrepareError> {
        // One side after the other: a loose body that is small on both must not change sides in halves.
        let (back, chipped) = chips(back, plane, ctx)?;
        let (front, loose) = self.with_chips(front, chipped, ctx)?;
        let back = beside(back, loose, &mut self.pieces.findings)?;
        let (front, chipped) = chips(front, plane, ctx)?;
        let (back, loose) = self.with_chips(back, chipped, ctx)?;
        let front = beside(front, loose, &mut self.pieces.findings)?;
        Ok((back, front))
    }

    /// A side with the chips of the other; the chips alone where they would make it too large.
    fn with_chips(
        &self,
        side: Solid,
        chips: Option<Solid>,
        ctx: &Ctx,
    ) -> Result<(Solid, Option<Solid>), PrepareError> {
        let Some(chips) = chips else { return Ok((side, None)) };
        let (own, other) = (self.room.around(side.mesh()), self.room.around(chips.mesh()));
        let both = Aabb::around([own.min, own.max, other.min, other.max]);
        if self.room.pieces(&both) > self.room.pieces(&own) {
            return Ok((side, Some(chips)));
        }
        let volume = side.volume() + chips.volume();
        match boolean::combine(&side, &chips, Operation::Union, ctx)? {
            // Chosen: a thousandth of a cubic millimetre, far below any chip.
            Some(whole) if (whole.volume() - volume).abs() < 1e-3 => Ok((whole, None)),
            _ => Ok((side, Some(chips))),
        }
    }
}

/// Reports to nobody; what is cut next is not known beforehand.
struct Quiet;

impl osteon_core::Progress for Quiet {
    fn report(&self, _: &str, _: f64) {}
}

/// Area and length of the outlines of one plane.
pub(super) fn measured(outlines: &[Outline], normal: Direction<Patient>) -> (f64, f64) {
    let mut sums = (0.0, 0.0);
    for line in outlines {
        let origin = line[0].vec();
        let twice: DVec3 = line.windows(2).map(|w| (w[0].vec() - origin).cross(w[1].vec() - origin)).sum();
        sums.0 += 0.5 * twice.dot(normal.vec());
        sums.1 += line.windows(2).map(|w| w[0].distance(w[1])).sum::<f64>();
    }
    sums
}

/// A side without the chips at its cut face, and the chips.
fn chips(side: Solid, plane: &Plane<Patient>, ctx: &Ctx) -> Result<(Solid, Option<Solid>), PrepareError> {
    let small = |volume: f64| (0.0..CHIP).contains(&volume);
    if !side.shells().iter().any(|shell| small(shell.volume)) {
        return Ok((side, None));
    }
    let mesh = side.mesh();
    let found = nesting(mesh, &Bvh::new(mesh, ctx)?, ctx)?;
    let mut near = vec![f64::INFINITY; found.shells.len()];
    for (triangle, shell) in mesh.triangles.iter().zip(&found.shell_of) {
        let near = &mut near[*shell as usize];
        *near = mesh
            .corners(*triangle)
            .map(|p| plane.signed_distance(Point::from_vec(p)).abs())
            .into_iter()
            .fold(*near, f64::min);
    }
    let parent = |n: usize| found.shells.iter().any(|shell| shell.parent == Some(n));
    let is_chip: Vec<bool> = (0..near.len())
        // Cut faces lie in the plane but for rounding.
        .map(|n| {
            near[n] < SLACK
                && found.shells[n].role == Role::Body
                && small(found.shells[n].volume)
                && !parent(n)
        })
        .collect();
    if !is_chip.contains(&true) || !is_chip.contains(&false) {
        return Ok((side, None));
    }
    let of = |n: usize| is_chip[found.shell_of[n] as usize];
    let rest = Solid::new(part(mesh, |n| !of(n))).map_err(Box::new)?;
    let chips = Solid::new(part(mesh, of)).map_err(Box::new)?;
    Ok((rest, Some(chips)))
}

/// A side with chips beside it, and the finding that they are loose.
fn beside(side: Solid, chips: Option<Solid>, findings: &mut Vec<Finding>) -> Result<Solid, PrepareError> {
    let Some(chips) = chips else { return Ok(side) };
    let count = chips.shells().len();
    let largest = chips.shells()[0];
    let message = format!(
        "a cut leaves {count} chips of less than {CHIP} mm³; the largest has {:.1} mm³",
        largest.volume
    );
    findings.push(
        Finding::new("chip", Severity::Note, message)
            .measured(largest.volume, CHIP, "mm³", "chosen: a cube of 3 mm")
            .at(largest.bounds.middle().to_array())
            .remedy("they are printed loose and may be left out; another --up or room moves the cut"),
    );
    let whole = gathered(&[side.mesh().clone(), chips.into_mesh()])?;
    Ok(whole.unwrap_or(side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{ball, block, moved};
    use osteon_mesh::region::Region;

    fn room(size: [f64; 3]) -> Room {
        let axes = [DVec3::X, DVec3::Y, DVec3::Z].map(|axis| Direction::new(axis).unwrap());
        Room { axes, size, reserve: 0.0 }
    }

    fn volume(pieces: &Pieces) -> f64 {
        pieces.solids.iter().map(Solid::volume).sum()
    }

    #[test]
    fn what_fits_is_not_cut() {
        let solid = block(DVec3::new(40.0, 30.0, 20.0), 5.0);
        let pieces =
            split(solid.clone(), &room([40.0, 30.0, 20.0]), &Regions::default(), &Ctx::default()).unwrap();
        assert_eq!((pieces.solids, pieces.cuts.len()), (vec![solid], 0));
    }

    #[test]
    fn a_box_is_cut_into_the_fewest_pieces_that_fit_and_nothing_is_lost() {
        let solid = block(DVec3::new(100.0, 60.0, 20.0), 5.0);
        let room = room([40.0, 35.0, 20.0]);
        let pieces = split(solid, &room, &Regions::default(), &Ctx::default()).unwrap();
        assert_eq!((pieces.solids.len(), pieces.cuts.len()), (6, 5));
        assert!((volume(&pieces) - 120_000.0).abs() < 1e-6);
        for solid in &pieces.solids {
            assert!(room.fits(&room.around(solid.mesh())), "{:?}", solid.mesh().bounds());
        }
        assert!(pieces.names()[0].starts_with("1 of 6, right front"));
    }

    #[test]
    fn a_dumbbell_is_cut_at_its_waist() {
        // Two balls of radius 20 around x = ∓22 joined by a bar of 4 × 4 mm: the waist is from −2 to 2.
        let bar = block(DVec3::new(40.0, 4.0, 4.0), 2.0);
        let [left, right] = [-22.0, 22.0].map(|x| moved(ball(20.0, 2.0), DVec3::X * x));
        let solid = boolean::union(&[&left, &bar, &right], &Ctx::default()).unwrap().unwrap();
        let pieces = split(solid, &room([60.0, 60.0, 60.0]), &Regions::default(), &Ctx::default()).unwrap();
        assert_eq!(pieces.cuts.len(), 1);
        assert!((pieces.cuts[0].area - 16.0).abs() < 1e-6 && pieces.cuts[0].plane.point.vec().x.abs() <= 2.0);
    }

    #[test]
    fn a_cut_keeps_off_what_is_protected_or_is_refused() {
        let solid = block(DVec3::new(100.0, 20.0, 20.0), 5.0);
        let ball = |x: f64, radius: f64| Region::Ball { middle: Point::new(x, 10.0, 10.0), radius };
        let room = room([60.0, 60.0, 60.0]);
        let pieces = split(solid.clone(), &room, &Regions(vec![ball(-10.0, 17.0)]), &Ctx::default()).unwrap();
        // Allowed are −10 to 10; the ball takes all below 7.
        assert!(pieces.cuts[0].plane.point.vec().x > 6.9, "{:?}", pieces.cuts);
        let refused = split(solid, &room, &Regions(vec![ball(0.0, 40.0)]), &Ctx::default());
        assert!(matches!(refused, Err(PrepareError::NoPlane { .. })));
    }

    #[test]
    fn what_a_cut_chips_off_is_made_whole_again() {
        // A loose cube of 2 mm that the cut divides, beside a body and an arm.
        let body = block(DVec3::new(100.0, 20.0, 20.0), 5.0);
        let arm = moved(block(DVec3::new(40.0, 5.0, 5.0), 5.0), DVec3::new(20.0, 20.0, 0.0));
        let chip = moved(block(DVec3::new(2.0, 2.0, 2.0), 1.0), DVec3::new(0.5, 14.0, 0.0));
        let ctx = Ctx::default();
        let back = boolean::cut(&body, &plane_x(0.0), &ctx).unwrap().back.unwrap();
        let front = boolean::cut(&body, &plane_x(0.0), &ctx).unwrap().front.unwrap();
        let [chip_back, chip_front] = {
            let halves = boolean::cut(&chip, &plane_x(0.0), &ctx).unwrap();
            [halves.back.unwrap(), halves.front.unwrap()]
        };
        let back = gathered(&[back.into_mesh(), chip_back.into_mesh()]).unwrap().unwrap();
        let front = gathered(&[front.into_mesh(), arm.into_mesh(), chip_front.into_mesh()]).unwrap().unwrap();
        let total = back.volume() + front.volume();
        let room = room([60.0, 60.0, 60.0]);
        let pieces = Pieces { solids: Vec::new(), cuts: Vec::new(), findings: Vec::new() };
        let mut work = Work { room: &room, protected: &Regions::default(), pieces, expected: 2.0 };
        let (back, front) = work.without_chips(back, front, &plane_x(0.0), &ctx).unwrap();
        assert!((back.volume() + front.volume() - total).abs() < 1e-9);
        let all = |solid: &Solid| solid.shells().len();
        // Body; body, arm; and the cube, whole again on one of the sides.
        assert_eq!(all(&back) + all(&front), 4);
        assert!(work.pieces.findings.is_empty());
    }

    fn plane_x(x: f64) -> Plane<Patient> {
        Plane { point: Point::new(x, 0.0, 0.0), normal: Direction::new(DVec3::X).unwrap() }
    }
}
