//! Anybody's surface made a solid, with a list of what was changed, or refused with the reason.
//!
//! Only what the surface itself determines is changed: cracks are closed, what is there twice is dropped, facets are
//! turned to agree with their neighbours, bodies that touch get vertices of their own, small holes get the surface
//! of least area. What would have to be invented is refused. A mesh that already bounds a volume keeps every bit.
//!
//! 1. `join` – cracks and edges that end within others; `tidy` – facets that are none, too many or turned
//! 2. `split` – touching bodies; `holes` – holes and sheets; `shells` – inside and outside
//! 3. [`chirality()`] – telling a solid from its mirror image; `edges` – what all of them look at

mod chirality;
mod edges;
mod error;
mod holes;
mod join;
mod shells;
mod split;
#[cfg(test)]
mod tests;
mod tidy;

pub use chirality::chirality;
pub use error::RepairError;

use crate::boolean;
use crate::bvh::Bvh;
use crate::self_intersection;
use chirality::Hand;
use glam::DVec3;
use osteon_core::{Ctx, Finding, Mesh, Point, Severity, Solid};
use tidy::Tally;

/// Edges shorter than this are drawn together by a repair that changes the surface anyway, mm.
///
/// Chosen: a step of single precision 1 m from the origin is 0.00006 mm, and a tenth of a micron is nothing in print.
const SHORT: f64 = 1e-4;

/// What becomes of places where a surface meets itself, and of bodies within bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlaps {
    /// They stay; bodies within bodies are told.
    Keep,
    /// They are looked for and told, and stay.
    Tell,
    /// They are looked for, and matter that is there twice becomes one: every place the surface winds around at
    /// least once.
    Resolve,
}

/// What a repair may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repair {
    /// How far apart vertices on open edges are taken for one, in mm.
    pub weld: f64,
    /// The largest hole that is filled: the diameter of a disc of its area, in mm.
    pub largest_hole: f64,
    /// The largest change of volume by filling holes, as a share.
    pub volume_change: f64,
    /// What becomes of overlaps.
    pub overlaps: Overlaps,
    /// The [`chirality()`] that the solid must have, if it is known: noted when the body was segmented or exported,
    /// or taken from the solid of the same body in the case. Without it nobody can tell a mirrored file.
    pub chirality: Option<f64>,
}

impl Default for Repair {
    fn default() -> Self {
        Self {
            // Files of single precision have steps of 0.00006 mm at 1 m; a micrometre is below all that is printed.
            weld: 1e-3,
            // Chosen: a vessel's canal or a missing patch; what is larger was cut on purpose.
            largest_hole: 10.0,
            // Chosen: 0.1 % is a tenth of what segmentations of a bone differ by.
            volume_change: 1e-3,
            overlaps: Overlaps::Keep,
            chirality: None,
        }
    }
}

/// How much was changed, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Changes {
    /// Vertices on open edges that were made one with another.
    pub welded: usize,
    /// Vertices put into edges on which they lay.
    pub inserted: usize,
    /// Facets left out because they covered nothing or were there twice.
    pub dropped: usize,
    /// Facets turned to agree with their neighbours.
    pub turned: usize,
    /// Edges and vertices in which bodies touched.
    pub parted: usize,
    /// Holes filled.
    pub filled: usize,
    /// Open sheets and shells without volume left out.
    pub removed: usize,
    /// Shells turned outward, or walls of cavities inward.
    pub faced: usize,
    /// Overlapping pairs of facets and nested bodies resolved.
    pub resolved: usize,
}

/// A solid, and what had to be done for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The solid.
    pub solid: Solid,
    /// What a person should look at, with counts and places; empty when there was nothing to repair.
    pub findings: Vec<Finding>,
    /// How much was changed; all zero when there was nothing to repair.
    pub changes: Changes,
}

/// Makes a surface a solid.
///
/// Coordinates are in the patient (LPS, mm). The result depends on the mesh and `how` only, at any number of
/// threads. A mesh that is a solid already, with all shells facing as they should, comes back bit for bit.
///
/// # Errors
/// What would have to be invented: [`RepairError`] says what is wrong, where, and what can be done about it.
pub fn repair(mesh: &Mesh, how: &Repair, ctx: &Ctx) -> Result<Repaired, RepairError> {
    check(mesh)?;
    let mut work = Work { mesh: mesh.clone(), findings: Vec::new(), changes: Changes::default() };
    // Proven first: whoever exports a sound mesh must get it back, whatever lies close together in it.
    let sound = Solid::proven(mesh.clone(), &ctx.part("prove", 0.0, 0.1))?.is_ok();
    if !sound {
        work.connect(how, &ctx.part("connect", 0.1, 0.4))?;
        work.part(&ctx.part("part", 0.4, 0.5))?;
        work.close(how, &ctx.part("close", 0.5, 0.6))?;
        work.shorten(&ctx.part("shorten", 0.6, 0.6))?;
    }
    let nested = work.face(how, &ctx.part("face", 0.6, 0.7))?;
    let solid = work.resolve(how, nested, &ctx.part("resolve", 0.7, 1.0))?;
    let mut repaired = Repaired { solid, findings: work.findings, changes: work.changes };
    repaired.hold_against(how.chirality)?;
    ctx.done(1.0)?;
    Ok(repaired)
}

/// Refuses what cannot even be looked at.
fn check(mesh: &Mesh) -> Result<(), RepairError> {
    if mesh.triangles.is_empty() {
        return Err(RepairError::Empty);
    }
    let vertices = mesh.vertices.len();
    let strange = mesh.triangles.as_flattened().iter().position(|&v| v as usize >= vertices);
    if let Some(corner) = strange {
        let vertex = mesh.triangles.as_flattened()[corner];
        return Err(RepairError::Index { triangle: corner / 3, vertex, vertices });
    }
    let mut unreal = mesh.vertices.iter().enumerate().filter(|(_, p)| !p.vec().is_finite());
    if let Some((first, _)) = unreal.next() {
        return Err(RepairError::NotFinite { count: unreal.count() + 1, first });
    }
    Ok(())
}

/// A mesh being repaired.
struct Work {
    mesh: Mesh,
    findings: Vec<Finding>,
    changes: Changes,
}

impl Work {
    /// Notes a change with its count and first place.
    fn note(&mut self, code: &str, severity: Severity, (count, first): (usize, Option<DVec3>), what: &str) {
        if let Some(place) = first {
            let mut finding = Finding::new(code, severity, format!("{count} {what}")).at(place.to_array());
            finding.value = Some(count as f64);
            self.findings.push(finding);
        }
    }

    fn tally(&mut self, code: &str, severity: Severity, tally: Tally, what: &str) -> usize {
        self.note(code, severity, (tally.count, tally.first), what);
        tally.count
    }

    /// Makes facets neighbours that should be, and lets neighbours face the same way.
    fn connect(&mut self, how: &Repair, ctx: &Ctx) -> Result<(), RepairError> {
        let joined = join::vertices(&mut self.mesh, how.weld, ctx)?;
        let what = format!(
            "vertices on open edges were made one with another, {:.6} mm away at most",
            joined.farthest
        );
        self.note("repair-welded", Severity::Note, (joined.count, joined.first), &what);
        self.changes.welded = joined.count;
        let flat = tidy::degenerate(&mut self.mesh);
        let what = "facets used a vertex twice and were left out; they cover nothing";
        self.changes.dropped += self.tally("repair-degenerate", Severity::Note, flat, what);
        let twice = tidy::duplicates(&mut self.mesh, ctx)?;
        let what = "facets were there twice and were left out";
        self.changes.dropped += self.tally("repair-duplicate", Severity::Note, twice, what);
        let inserted = join::junctions(&mut self.mesh, how.weld, ctx)?;
        let what = "vertices lay on an open edge that passed them by, and were put into it";
        self.note("repair-junction", Severity::Note, (inserted.count, inserted.first), what);
        self.changes.inserted = inserted.count;
        if self.mesh.triangles.is_empty() {
            return Err(RepairError::Flat);
        }
        ctx.done(0.5)?;
        let turned = tidy::orientation(&mut self.mesh, ctx)?;
        let what = "facets faced the other way than their neighbours and were turned";
        self.changes.turned = self.tally("repair-turned", Severity::Caution, turned, what);
        Ok(())
    }

    /// Takes bodies apart that touch.
    fn part(&mut self, ctx: &Ctx) -> Result<(), RepairError> {
        let (fins, area) = tidy::fins(&mut self.mesh, ctx)?;
        let what = format!("sheets of {area:.2} mm² in all stood on the surface like fins and were left out");
        self.changes.removed += self.tally("repair-fin", Severity::Caution, fins, &what);
        let split = split::split(&mut self.mesh, ctx)?;
        let what = "edges were shared by more than two facets: bodies touch there, and were given edges of their own";
        self.changes.parted += self.tally("repair-touching-edge", Severity::Caution, split.edges, what);
        let what = "vertices joined bodies that touch in a point, and were made one for each";
        self.changes.parted += self.tally("repair-touching-vertex", Severity::Caution, split.vertices, what);
        Ok(())
    }

    /// Fills holes and leaves out sheets.
    fn close(&mut self, how: &Repair, ctx: &Ctx) -> Result<(), RepairError> {
        let filled = holes::close(&mut self.mesh, how, ctx)?;
        let what =
            format!("open sheets of {:.2} mm² in all enclose nothing and were left out", filled.sheet_area);
        self.changes.removed += self.tally("repair-sheet", Severity::Caution, filled.sheets, &what);
        let empty = shells::drop_empty(&mut self.mesh, ctx)?;
        let what = "closed shells enclose nothing and were left out";
        self.changes.removed += self.tally("repair-empty-shell", Severity::Note, empty, what);
        let Some(first) = filled.holes.first else {
            return Ok(());
        };
        let share = filled.bulge / self.mesh.signed_volume().abs();
        if share.is_nan() || share > how.volume_change.max(0.0) {
            return Err(RepairError::Volume {
                holes: filled.holes.count,
                bulge: filled.bulge,
                share,
                limit: how.volume_change,
                near: Point::from_vec(first),
            });
        }
        let message = format!(
            "{} holes were filled, the largest like a disc of {:.2} mm; the volume is uncertain by {:.4} % for it",
            filled.holes.count,
            filled.largest,
            share * 100.0
        );
        let finding = Finding::new("repair-hole", Severity::Caution, message).at(first.to_array());
        let finding =
            finding.measured(filled.largest, how.largest_hole, "mm", "setting: largest hole to fill");
        self.findings.push(finding.remedy("look at the place: what was there is not known"));
        self.changes.filled = filled.holes.count;
        Ok(())
    }

    /// Makes one of neighbours that files of single precision could not tell apart, where the surface stays closed.
    fn shorten(&mut self, ctx: &Ctx) -> Result<(), RepairError> {
        let mut shorter = self.mesh.clone();
        let joined = tidy::short_edges(&mut shorter, SHORT);
        // A surface that touches itself there may come apart: then it stays as it is.
        if joined.count > 0
            && let Ok(solid) = Solid::proven(shorter, ctx)?
        {
            self.mesh = solid.into_mesh();
            let what = format!(
                "edges were shorter than {SHORT} mm, which files round to nothing, and were drawn together"
            );
            self.note("repair-short-edge", Severity::Note, (joined.count, joined.first), &what);
            self.changes.dropped += joined.count;
        }
        Ok(())
    }

    /// Turns shells so that matter is inside; true when bodies lie within bodies.
    fn face(&mut self, how: &Repair, ctx: &Ctx) -> Result<bool, RepairError> {
        let faced = shells::face(&mut self.mesh, ctx)?;
        self.changes.faced = faced.turned.count;
        if let Some(first) = faced.turned.first {
            let message = format!(
                "{} shells of {:.2} mm³ in all faced the wrong way and were turned",
                faced.turned.count, faced.turned_volume
            );
            // A file that was mirrored without turning its facets looks just so.
            let (severity, remedy) = if faced.all && how.chirality.is_none() {
                (Severity::Danger, "compare left and right with the image: mirrored files look like this")
            } else {
                (Severity::Caution, "look whether the shells are bodies and not cavities")
            };
            let mut finding = Finding::new("repair-inside-out", severity, message).at(first.to_array());
            finding.value = Some(faced.turned.count as f64);
            self.findings.push(finding.remedy(remedy));
        }
        let Some(first) = faced.nested.first else {
            return Ok(false);
        };
        let resolves = how.overlaps == Overlaps::Resolve;
        let done = if resolves { "and were made one with it" } else { "and their matter counts twice" };
        let message = format!(
            "{} bodies of {:.2} mm³ in all lie within another one's matter {done}",
            faced.nested.count, faced.nested_volume
        );
        let mut finding = Finding::new("mesh-nested", Severity::Caution, message).at(first.to_array());
        finding.value = Some(faced.nested.count as f64);
        let remedy = if resolves { "look whether one should be a cavity" } else { "resolve overlaps" };
        self.findings.push(finding.remedy(remedy));
        if resolves {
            self.changes.resolved += faced.nested.count;
        }
        Ok(true)
    }

    /// Proves the solid, and resolves overlaps if that is asked for.
    fn resolve(&mut self, how: &Repair, nested: bool, ctx: &Ctx) -> Result<Solid, RepairError> {
        let mesh = std::mem::take(&mut self.mesh);
        let solid = Solid::proven(mesh, ctx)?.map_err(Box::new)?;
        if how.overlaps == Overlaps::Keep {
            return Ok(solid);
        }
        let bvh = Bvh::new(solid.mesh(), ctx)?;
        let mut meetings = self_intersection::find(solid.mesh(), &bvh, ctx)?;
        meetings.retain(|meeting| meeting.kind.is_serious());
        let place = meetings.first().map(|meeting| meeting.place.vec());
        if how.overlaps == Overlaps::Tell {
            let what = "pairs of facets pass through each other: matter may count twice there";
            self.note("mesh-overlap", Severity::Caution, (meetings.len(), place), what);
            return Ok(solid);
        }
        if meetings.is_empty() && !nested {
            return Ok(solid);
        }
        let whole = boolean::resolve(solid.mesh(), ctx)?.ok_or(RepairError::Flat)?;
        let what = format!(
            "pairs of facets passed through each other; matter that was there twice became one, and the volume {:.3} mm³ from {:.3}",
            whole.volume(),
            solid.volume()
        );
        self.note("mesh-overlap-resolved", Severity::Caution, (meetings.len(), place), &what);
        self.changes.resolved += meetings.len();
        Ok(whole)
    }
}

impl Repaired {
    /// Compares the solid with the chirality that is expected.
    fn hold_against(&mut self, expected: Option<f64>) -> Result<(), RepairError> {
        let Some(expected) = expected else {
            return Ok(());
        };
        let found = chirality(&self.solid);
        match chirality::compare(found, expected) {
            Hand::Same => Ok(()),
            Hand::Mirrored => Err(RepairError::Mirrored { found, expected }),
            Hand::Undecided => {
                let message = format!(
                    "left and right cannot be told: the solid's chirality is {found:.3e}, and {expected:.3e} is expected"
                );
                let finding = Finding::new("chirality-undecided", Severity::Caution, message);
                self.findings.push(finding.remedy("compare the solid with the image"));
                Ok(())
            }
        }
    }
}
