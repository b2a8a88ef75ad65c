//! The structures of a case on disk: `labels.seg.nrrd`, read, changed and written back.

use crate::artefacts;
use crate::failure::Failure;
use crate::job::Job;
use crate::session::Structures;
use osteon_core::{Ctx, ErrorKind, Finding, Mask, Severity};
use osteon_io::nrrd::{self, Segment as Label};
use osteon_plan::StructureId;
use std::borrow::Cow;
use std::sync::Arc;

/// The structures there are; none in a case without a label map.
pub(crate) fn structures(job: &mut Job<'_>) -> Result<Structures, Failure> {
    Ok(if job.has(artefacts::LABELS) { job.structures()?.as_ref().clone() } else { Structures::new() })
}

/// The structures with this one in place of its namesake; it gives way to the others, which were there first.
pub(crate) fn placed(
    mut structures: Structures,
    id: &StructureId,
    mut mask: Mask,
    findings: &mut Vec<Finding>,
) -> Result<Structures, Failure> {
    structures.retain(|(other, _)| other != id);
    let voxels = mask.count();
    for (_, other) in &structures {
        mask.subtract(other);
    }
    let shared = (voxels - mask.count()) as f64 * mask.grid().voxel_volume();
    if mask.is_empty() {
        let message = format!("all {shared:.0} mm³ found belong to other structures already");
        let help = "narrow the thresholds, or name the structure that is to be replaced with --structure";
        return Err(Failure::new(ErrorKind::Numeric, "nothing-left", message, help));
    }
    if shared > 0.0 {
        let message = format!("{shared:.0} mm³ belong to other structures already and were left to them");
        findings.push(Finding::new("structures-overlap", Severity::Note, message));
    }
    structures.push((id.clone(), mask));
    Ok(structures)
}

/// The structures with this one in place of its namesake; the others lose what it has taken, which is told.
pub(crate) fn taking(
    mut structures: Structures,
    id: &StructureId,
    mask: Mask,
    findings: &mut Vec<Finding>,
) -> Structures {
    structures.retain(|(other, _)| other != id);
    for (other, theirs) in &mut structures {
        let before = theirs.volume();
        theirs.subtract(&mask);
        let lost = before - theirs.volume();
        if lost > 0.0 {
            let gone = if theirs.is_empty() { ", all it had: it is no structure any more" } else { "" };
            let message = format!("{other} lost {lost:.0} mm³ to {id}{gone}");
            findings.push(
                Finding::new("voxels-taken", Severity::Note, message).remedy("osteon undo brings them back"),
            );
        }
    }
    structures.retain(|(_, mask)| !mask.is_empty());
    structures.push((id.clone(), mask));
    structures
}

/// Writes the label map and keeps it in memory; the volume in mm³ of the structure that was changed.
pub(crate) fn store(
    job: &mut Job<'_>,
    structures: Structures,
    changed: &StructureId,
    ctx: &Ctx,
) -> Result<f64, Failure> {
    let hash = write(job, &structures, ctx)?;
    let volume = structures.iter().find(|(id, _)| id == changed).map_or(0.0, |(_, mask)| mask.volume());
    job.session().structures = Some((hash, Arc::new(structures)));
    Ok(volume)
}

/// Display colours of structures, in their order.
const COLOURS: [[u8; 3]; 6] =
    [[241, 214, 145], [128, 174, 128], [111, 184, 210], [216, 101, 79], [183, 156, 220], [144, 238, 144]];

fn write(job: &mut Job<'_>, structures: &Structures, ctx: &Ctx) -> Result<osteon_case::Sha256, Failure> {
    let label = |(n, (id, mask)): (usize, &'_ (StructureId, Mask))| Label {
        id: id.to_string(),
        name: id.to_string(),
        colour: COLOURS[n % COLOURS.len()],
        mask: Cow::Owned(mask.clone()),
    };
    let labels: Vec<Label<'_>> = structures.iter().enumerate().map(label).collect();
    let Some(grid) = structures.first().map(|(_, mask)| mask.grid().clone()) else {
        return Err(Failure::new(
            ErrorKind::Numeric,
            "internal",
            "there are no structures",
            "please report this",
        ));
    };
    job.write(artefacts::LABELS, |out, _| Ok(nrrd::write_segments(&grid, &labels, out, ctx)?))
}
