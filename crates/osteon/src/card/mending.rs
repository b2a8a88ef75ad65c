//! Which steps mend a surface: found by trying them, so that what a finding names does it.

use crate::failure::Failure;
use osteon_core::{Ctx, Explain, Mesh};
use osteon_mesh::boolean;
use osteon_mesh::repair::{Overlaps, Repair, RepairError, repair};

/// The widest hole that is proposed to be closed, mm. Chosen: beyond, a part of the bone is missing and not a patch.
const WIDEST: f64 = 30.0;

/// The most of the volume that closing holes may leave uncertain in a proposal. Chosen: 2 %, what segmentations of
/// one bone differ by.
const MOST_UNCERTAIN: f64 = 0.02;

/// Most settings that are tried. Chosen: one each for the hole and the volume, and the usual ones.
const TRIES: usize = 3;

/// The command that mends a surface, or why none does and what to do.
pub(super) fn mending(mesh: &Mesh, ctx: &Ctx) -> Result<String, Failure> {
    let mut how = Repair { overlaps: Overlaps::Tell, ..Repair::default() };
    let mut step = "repair".to_owned();
    let mut reason = String::new();
    for _ in 0..TRIES {
        match repair(mesh, &how, ctx) {
            Ok(repaired) => {
                let met = ["mesh-overlap", "mesh-nested"];
                let doubled = repaired.findings.iter().any(|finding| met.contains(&finding.code.as_str()));
                let resolved =
                    !doubled || boolean::resolve(repaired.solid.mesh(), ctx).is_ok_and(|s| s.is_some());
                ctx.check()?;
                let step = if step.contains(' ') { format!("\"{step}\"") } else { step };
                let more = if doubled && resolved { " --step resolve" } else { "" };
                return Ok(format!("osteon shape <file> --out mended.3mf --step {step}{more}"));
            }
            Err(RepairError::Cancelled(stopped)) => return Err(stopped.into()),
            Err(RepairError::Hole { diameter, .. }) if diameter < WIDEST && diameter > how.largest_hole => {
                how.largest_hole = diameter.ceil();
            }
            Err(RepairError::Volume { share, .. }) if share < MOST_UNCERTAIN && share > how.volume_change => {
                how.volume_change = (share * 1000.0).ceil() / 1000.0;
            }
            Err(error) => {
                reason = format!("no step mends it ({}): {}", error.code(), error.help());
                break;
            }
        }
        step = format!("repair hole={} volume={:.1}", how.largest_hole, 100.0 * how.volume_change);
    }
    Ok(reason)
}
