//! Pegs, dowels and magnets between the pieces of a split solid.
//!
//! A hole is only made where a ball of its corner radius and the least wall, moved along its whole axis, stays within
//! the whole solid and within both pieces: then the wall around the hole is at least that thick everywhere, at its
//! rim and bottom too. The distance to the surface is measured at places along the axis and can change between two of
//! them by no more than their distance, so half a step is asked for on top.

use super::bars::{Bar, Section};
use super::face::{Contact, Face};
use super::sizes::{Connectors, Process};
use super::split::Pieces;
use super::{PrepareError, gathered};
use osteon_core::{Ctx, Direction, Finding, Mesh, Patient, Plane, Point, Severity, Solid};
use osteon_mesh::boolean::{self, Operation};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::region::Regions;
use osteon_mesh::section::sections;
use rayon::prelude::*;

/// What joins the pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// Pegs that are part of the piece behind a cut.
    #[default]
    Pegs,
    /// Loose pegs that go into both pieces.
    Dowels,
    /// Pockets for bought magnets in both faces.
    Magnets,
    /// Nothing: the faces are glued.
    Nothing,
}

/// How tightly a peg sits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// It holds by itself.
    #[default]
    Tight,
    /// It goes in without force.
    Loose,
}

/// How pieces are joined.
#[derive(Clone, Debug)]
pub struct Joining<'a> {
    /// By what.
    pub join: Join,
    /// How tightly.
    pub fit: Fit,
    /// How the parts are made.
    pub process: Process,
    /// The sizes there are.
    pub sizes: &'a Connectors,
}

/// One peg, dowel or pair of magnets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint {
    /// The pieces behind and in front of the cut, from 0.
    pub pieces: [usize; 2],
    /// Its place on the cut face.
    pub place: Point<Patient>,
    /// From the piece behind to the one in front.
    pub axis: Direction<Patient>,
    /// Round, or square where it stands alone and must not turn.
    pub section: Section,
    /// Diameter, or edge of the square, mm.
    pub diameter: f64,
    /// How deep it goes into each piece, mm.
    pub depth: f64,
    /// Gap on each side, mm.
    pub gap: f64,
    /// Distance of the surface from the joint's axis, at least, mm.
    pub room: f64,
}

/// Pieces with their joints.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The pieces, in their order.
    pub solids: Vec<Solid>,
    /// Loose parts to be printed with them, in the order of the joints they belong to.
    pub loose: Vec<Solid>,
    /// The joints.
    pub joints: Vec<Joint>,
    /// Volume of what stands out of the pieces, mm³.
    pub added: f64,
    /// Volume of the holes, mm³.
    pub removed: f64,
    /// What a person must look at.
    pub findings: Vec<Finding>,
}

/// How far the root of a peg reaches into its own piece, mm. Chosen: enough to be united with it wherever the face is.
const ROOT: f64 = 1.0;

/// Least share of the diameter of a single square peg that two round ones must have to be preferred.
/// Chosen: two hold better than one, but not when they are needles.
const PAIR: f64 = 0.5;

/// Share of the usual depth that a peg has where the surface slants away below it.
/// Chosen: half; it still finds its place, though glue must hold it.
const SHALLOW: f64 = 0.5;

/// How far the volume of a joined piece may differ from what it must be, mm³ per mm³ of the piece.
/// Chosen: a hundred times the rounding of a boolean over a hundred thousand triangles.
const PROOF: f64 = 1e-8;

impl Joining<'_> {
    fn gap(&self) -> f64 {
        let gaps = self.sizes.gaps(self.process);
        match self.fit {
            Fit::Tight => gaps.tight,
            Fit::Loose => gaps.loose,
        }
    }

    fn stock(&self) -> &[[f64; 2]] {
        match self.join {
            Join::Magnets => &self.sizes.magnets,
            _ => &self.sizes.pegs,
        }
    }

    /// How deep the hole of a joint is in the piece behind, as far as it takes room, and in front, mm.
    fn depths(&self, joint: &Joint) -> [f64; 2] {
        let hole = match self.join {
            // A magnet lies flush, with its gap below it.
            Join::Magnets => joint.depth + joint.gap,
            _ => joint.depth + self.sizes.bottom,
        };
        [if self.join == Join::Pegs { ROOT } else { hole }, hole]
    }

    /// The bar a joint takes out in front of the face, or behind it.
    fn hole(&self, joint: &Joint, behind: bool) -> Bar {
        let [back, front] = self.depths(joint);
        // A millimetre beyond the face: the end of a hole must not lie in the plane it opens to.
        let span = if behind { [-back, ROOT] } else { [-ROOT, front] };
        Bar { span, apothem: 0.5 * joint.diameter + joint.gap, ..bar(joint) }
    }

    /// The ball that must fit around the axis of a joint.
    fn ball(&self, joint: &Joint) -> f64 {
        (0.5 * joint.diameter + joint.gap) * joint.section.corner() + self.sizes.gaps(self.process).wall
    }
}

/// The bare bar of a joint.
fn bar(joint: &Joint) -> Bar {
    Bar {
        place: joint.place,
        axis: joint.axis,
        section: joint.section,
        apothem: 0.5 * joint.diameter,
        span: [0.0, joint.depth],
        chamfer: [0.0; 2],
    }
}

/// Joins the pieces of a whole solid at their cut faces, away from protected regions.
///
/// Each contact gets two round joints far from each other, or one square one where there is no room for two. Where
/// there is room for none, a finding tells so and the faces must be glued.
///
/// # Errors
/// A boolean operation has no valid result or not the volume it must have, or `ctx` was asked to stop.
pub fn connect(
    pieces: &Pieces,
    whole: &Solid,
    how: &Joining<'_>,
    protected: &Regions,
    ctx: &Ctx,
) -> Result<Joined, PrepareError> {
    let mut joined = Joined {
        solids: Vec::new(),
        loose: Vec::new(),
        joints: Vec::new(),
        added: 0.0,
        removed: 0.0,
        findings: Vec::new(),
    };
    if how.join == Join::Nothing || pieces.cuts.is_empty() {
        joined.solids.clone_from(&pieces.solids);
        return Ok(joined);
    }
    let mesh = whole.mesh();
    let bvh = Bvh::new(mesh, &ctx.part("hierarchy", 0.0, 0.05))?;
    let planes: Vec<Plane<Patient>> = pieces.cuts.iter().map(|cut| cut.plane).collect();
    let outlines = sections(mesh, &planes, &ctx.part("sections", 0.05, 0.1))?;
    let bounds = (0..pieces.solids.len()).map(|n| pieces.around(n)).collect();
    let search = Search { how, pieces, whole: (mesh, &bvh), bounds };
    let reach = how.stock().iter().map(|size| size[0]).fold(0.0, f64::max) * 2.0;
    for (cut, outlines) in outlines.iter().enumerate() {
        let face = Face { cut, outlines, whole: (mesh, &bvh), protected, reach };
        let mut contacts = face.contacts(pieces, ctx)?;
        // Stable, so that the contacts of two pieces are told together.
        contacts.sort_by_key(|contact| contact.pieces);
        for contacts in contacts.chunk_by(|a, b| a.pieces == b.pieces) {
            search.join(cut, contacts, &mut joined, ctx)?;
        }
        ctx.done(0.1 + 0.4 * (cut + 1) as f64 / planes.len() as f64)?;
    }
    carve(pieces, how, &mut joined, &ctx.part("pegs and holes", 0.5, 1.0))?;
    Ok(joined)
}

/// Where there is room.
struct Search<'a> {
    how: &'a Joining<'a>,
    pieces: &'a Pieces,
    whole: (&'a Mesh, &'a Bvh),
    /// The cuts around each piece.
    bounds: Vec<Vec<usize>>,
}

impl Search<'_> {
    /// Joins two pieces at their contacts on one face.
    fn join(
        &self,
        cut: usize,
        contacts: &[Contact],
        joined: &mut Joined,
        ctx: &Ctx,
    ) -> Result<(), PrepareError> {
        let before = joined.joints.len();
        let mut without: Vec<&Contact> = Vec::new();
        for contact in contacts {
            ctx.check()?;
            let found = self.best(cut, contact, &joined.joints);
            if found.is_empty() {
                without.push(contact);
            }
            joined.joints.extend(found);
        }
        let largest = without.iter().max_by(|a, b| a.area().total_cmp(&b.area()));
        if let Some((place, room)) = largest.and_then(|contact| contact.middle()) {
            let some = joined.joints.len() > before;
            joined.findings.push(self.no_room(contacts, &without, (place, room), some));
        }
        if let [only] = joined.joints[before..]
            && only.section == Section::Round
        {
            let [back, front] = only.pieces.map(|piece| piece + 1);
            let message = format!(
                "pieces {back} and {front} have one round {} only, around which they can turn",
                self.word()
            );
            let finding = Finding::new("joint-can-turn", Severity::Caution, message)
                .at(only.place.to_array())
                .remedy("line the edges of the faces up by eye before the glue sets");
            joined.findings.push(finding);
        }
        Ok(())
    }

    fn no_room(
        &self,
        contacts: &[Contact],
        without: &[&Contact],
        (place, room): (Point<Patient>, f64),
        some: bool,
    ) -> Finding {
        let [back, front] = contacts[0].pieces.map(|piece| piece + 1);
        let (what, least) = (self.word(), self.how.stock().last().copied().unwrap_or_default());
        let area = without.iter().map(|contact| contact.area()).fold(0.0, f64::max);
        let need = self.how.ball(&self.joint(0, contacts[0].pieces, place, (least, Section::Round)));
        let why = if room < need { "it is too narrow" } else { "the surface slants away below it" };
        let message = format!(
            "{} of {} contacts between pieces {back} and {front} have no room for a {what} of {} mm with its wall; \
             the largest has {area:.0} mm², but {why}",
            without.len(),
            contacts.len(),
            least[0],
        );
        let severity = if some { Severity::Note } else { Severity::Caution };
        Finding::new("no-room-to-join", severity, message)
            .measured(room, need, "mm", "data/connectors.toml")
            .at(place.to_array())
            .remedy("glue these faces, or choose another place with room=x,y,z or --up")
    }

    const fn word(&self) -> &'static str {
        match self.how.join {
            Join::Pegs => "peg",
            Join::Dowels => "dowel",
            Join::Magnets => "magnet",
            Join::Nothing => "joint",
        }
    }

    fn joint(
        &self,
        cut: usize,
        pieces: [usize; 2],
        place: Point<Patient>,
        ([diameter, depth], section): ([f64; 2], Section),
    ) -> Joint {
        let (axis, gap) = (self.pieces.cuts[cut].plane.normal, self.how.gap());
        Joint { pieces, place, axis, section, diameter, depth, gap, room: 0.0 }
    }

    /// Two round joints, or a square one, or a round one, or none; shallow ones only where there is room for no other.
    fn best(&self, cut: usize, contact: &Contact, taken: &[Joint]) -> Vec<Joint> {
        // Magnets are what they are.
        let depths: &[f64] = if self.how.join == Join::Magnets { &[1.0] } else { &[1.0, SHALLOW] };
        let found = depths.iter().map(|depth| self.best_of(cut, contact, taken, *depth));
        found.into_iter().find(|joints| !joints.is_empty()).unwrap_or_default()
    }

    /// The best joints whose depth is a share of the usual.
    fn best_of(&self, cut: usize, contact: &Contact, taken: &[Joint], depth: f64) -> Vec<Joint> {
        let at = |place, size: [f64; 2], section| {
            self.joint(cut, contact.pieces, place, ([size[0], size[1] * depth], section))
        };
        let first = |section| {
            let sizes = self.how.stock().iter();
            let mut roomy = sizes.map(|size| self.roomy(contact, taken, &|place| at(place, *size, section)));
            roomy.find_map(|joints| joints.first().copied())
        };
        let sizes = self.how.stock().iter();
        let mut pairs =
            sizes.map(|size| self.pair(contact, taken, &|place| at(place, *size, Section::Round)));
        let pair = pairs.find(|pair| !pair.is_empty()).unwrap_or_default();
        // A magnet is a disc, also where it stands alone.
        let square = if self.how.join == Join::Magnets { None } else { first(Section::Square) };
        let single = square.or_else(|| first(Section::Round));
        let diameter = |joint: Option<&Joint>| joint.map_or(0.0, |joint| joint.diameter);
        if !pair.is_empty() && diameter(pair.first()) >= PAIR * diameter(single.as_ref()) {
            pair
        } else {
            single.into_iter().collect()
        }
    }

    /// All joints of a size for which there is room, the roomiest first.
    fn roomy(
        &self,
        contact: &Contact,
        taken: &[Joint],
        at: &(dyn Fn(Point<Patient>) -> Joint + Sync),
    ) -> Vec<Joint> {
        let fitting = contact.cells.par_iter().filter_map(|&(place, room)| {
            let joint = at(place);
            (room >= self.how.ball(&joint)).then(|| self.room(joint, taken)).flatten()
        });
        let mut fitting: Vec<Joint> = fitting.collect();
        // Stable: of equals the first cell.
        fitting.sort_by(|a, b| b.room.total_cmp(&a.room));
        fitting
    }

    /// Two joints of a size as far from each other as there is room.
    fn pair(
        &self,
        contact: &Contact,
        taken: &[Joint],
        at: &(dyn Fn(Point<Patient>) -> Joint + Sync),
    ) -> Vec<Joint> {
        let fitting = self.roomy(contact, taken, at);
        let farthest = |from: &Joint| {
            let far = |joint: &&Joint| joint.place.distance(from.place);
            fitting.iter().reduce(|best, joint| if far(&joint) > far(&best) { joint } else { best })
        };
        let Some(one) = fitting.first().and_then(farthest) else { return Vec::new() };
        let Some(two) = farthest(one) else { return Vec::new() };
        // Both walls side by side, and a lever of two diameters at least.
        let least = (2.0 * self.how.ball(one)).max(2.0 * one.diameter);
        if one.place.distance(two.place) >= least { vec![*one, *two] } else { Vec::new() }
    }

    /// The joint with the room it has, if that is enough.
    fn room(&self, joint: Joint, taken: &[Joint]) -> Option<Joint> {
        let ball = self.how.ball(&joint);
        let [back, front] = self.how.depths(&joint);
        // Chosen: steps of half a millimetre, as fine as walls are asked for.
        let count = ((back + front) / 0.5).ceil().max(1.0);
        let slack = 0.5 * (back + front) / count;
        let mut room = f64::INFINITY;
        for n in 0..=count as usize {
            let along = -back + (back + front) * n as f64 / count;
            let place = joint.place + joint.axis.times(along);
            let reach = ball + 2.0 * slack + joint.diameter;
            let near = self.whole.1.nearest_within(self.whole.0, place, reach);
            room = room.min(near.map_or(reach, |near| near.place.distance(place)) - slack);
            if room < ball || self.to_cuts(&joint, along) < ball {
                return None;
            }
        }
        let own = Bar { span: [-back, front], ..bar(&joint) };
        let clear = taken
            .iter()
            .filter(|other| other.pieces.iter().any(|piece| joint.pieces.contains(piece)))
            .all(|other| {
                let [back, front] = self.how.depths(other);
                let (least, error) = own.apart(&Bar { span: [-back, front], ..bar(other) });
                least - error >= ball + self.how.ball(other)
            });
        clear.then_some(Joint { room, ..joint })
    }

    /// Least distance of a place along a joint from the other cuts around the piece it is in.
    fn to_cuts(&self, joint: &Joint, along: f64) -> f64 {
        let place = joint.place + joint.axis.times(along);
        let piece = joint.pieces[usize::from(along >= 0.0)];
        let planes = self.bounds[piece].iter().map(|cut| &self.pieces.cuts[*cut].plane);
        // The cut itself is the one on which the joint stands.
        let others = planes.filter(|plane| plane.signed_distance(joint.place).abs() > 1e-6);
        others.map(|plane| plane.signed_distance(place).abs()).fold(f64::INFINITY, f64::min)
    }
}

/// Makes the pegs, holes and loose parts of all joints, and proves each piece by its volume.
fn carve(pieces: &Pieces, how: &Joining<'_>, joined: &mut Joined, ctx: &Ctx) -> Result<(), PrepareError> {
    let count = pieces.solids.len();
    for (n, piece) in pieces.solids.iter().enumerate() {
        let part = ctx.part("pegs and holes", n as f64 / count as f64, (n + 1) as f64 / count as f64);
        let (mut pegs, mut holes) = (Vec::new(), Vec::new());
        let (mut added, mut removed) = (0.0, 0.0);
        for joint in &joined.joints {
            let [behind, before] = joint.pieces.map(|piece| piece == n);
            if behind && how.join == Join::Pegs {
                let chamfer = [0.0, how.sizes.chamfer];
                added += Bar { chamfer, ..bar(joint) }.mesh().signed_volume();
                pegs.push(Bar { chamfer, span: [-ROOT, joint.depth], ..bar(joint) }.mesh());
            } else if behind || before {
                let hole = how.hole(joint, behind);
                let inner = if behind { [hole.span[0], 0.0] } else { [0.0, hole.span[1]] };
                removed += Bar { span: inner, ..hole }.mesh().signed_volume();
                holes.push(hole.mesh());
            }
        }
        let mut made = piece.clone();
        if let Some(pegs) = gathered(&pegs)? {
            made = boolean::combine(&made, &pegs, Operation::Union, &part)?.unwrap_or(made);
        }
        if let Some(holes) = gathered(&holes)? {
            made = boolean::combine(&made, &holes, Operation::Difference, &part)?.unwrap_or(made);
        }
        let expected = piece.volume() + added - removed;
        if (made.volume() - expected).abs() > PROOF * piece.volume() + 1e-6 {
            return Err(PrepareError::Unproven { found: made.volume(), expected });
        }
        joined.added += added;
        joined.removed += removed;
        joined.solids.push(made);
    }
    if how.join == Join::Dowels {
        for joint in &joined.joints {
            let chamfer = [how.sizes.chamfer; 2];
            let dowel = Bar { chamfer, span: [-joint.depth, joint.depth], ..bar(joint) };
            joined.loose.push(Solid::new(dowel.mesh()).map_err(Box::new)?);
        }
    }
    ctx.done(1.0)?;
    Ok(())
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
