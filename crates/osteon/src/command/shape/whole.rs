//! Steps that look at all objects of a file at once: taking them apart, joining, moving.

use super::{Matter, Work, left};
use crate::failure::Failure;
use crate::steps::Step;
use glam::{DMat3, DVec3};
use osteon_core::{Aabb, Affine, Ctx, Finding, Patient, Severity, Solid};
use osteon_mesh::boolean::{self, Operation, combine};

/// Does the step to all objects.
pub(super) fn step(work: &mut Work, step: &mut Step<'_>, ctx: &Ctx) -> Result<(), Failure> {
    let objects = std::mem::take(&mut work.objects);
    let solids = objects.into_iter().map(|(name, matter)| Ok((name, matter.solid()?)));
    let solids: Vec<(String, Solid)> = solids.collect::<Result<_, Failure>>()?;
    let done = match step.verb {
        "apart" => apart(solids, work, step, ctx)?,
        "join" => vec![joined(&solids, step, ctx)?],
        verb => {
            let by = match verb {
                "move" => step.place("how far")?.vec(),
                _ => -around(&solids).middle().vec(),
            };
            moved(solids, by, work)?
        }
    };
    work.objects = done.into_iter().map(|(name, solid)| (name, Matter::Proven(solid))).collect();
    Ok(())
}

fn around(solids: &[(String, Solid)]) -> Aabb<Patient> {
    solids.iter().fold(Aabb::EMPTY, |all, (_, solid)| {
        let own = solid.mesh().bounds();
        all.with(own.min).with(own.max)
    })
}

/// Takes from every object what an earlier one has of it.
fn apart(
    solids: Vec<(String, Solid)>,
    work: &mut Work,
    step: &Step<'_>,
    ctx: &Ctx,
) -> Result<Vec<(String, Solid)>, Failure> {
    let count = solids.len();
    let mut done: Vec<(String, Solid)> = Vec::with_capacity(count);
    for (n, (name, whole)) in solids.into_iter().enumerate() {
        let before = whole.volume();
        let mut rest = whole;
        for (_, earlier) in &done {
            let (a, b) = (rest.mesh().bounds(), earlier.mesh().bounds());
            let gap = a.min.vec().max(b.min.vec()) - a.max.vec().min(b.max.vec());
            if gap.max_element() <= 0.0 {
                rest = left(combine(&rest, earlier, Operation::Difference, ctx)?, step)?;
            }
        }
        let lost = before - rest.volume();
        if lost > 0.0 {
            let message = format!("{name} lost {lost:.2} mm³ that it shared with objects before it");
            let finding = Finding::new("taken-apart", Severity::Note, message);
            let place = rest.mesh().bounds().middle().to_array();
            let remedy = "look at the border: whose the shared matter was is not known";
            work.findings.push(finding.at(place).remedy(remedy));
        }
        ctx.done((n + 1) as f64 / count as f64)?;
        done.push((name, rest));
    }
    work.lines.push(format!("apart: {count} objects"));
    Ok(done)
}

fn joined(solids: &[(String, Solid)], step: &Step<'_>, ctx: &Ctx) -> Result<(String, Solid), Failure> {
    let all: Vec<&Solid> = solids.iter().map(|(_, solid)| solid).collect();
    let names: Vec<&str> = solids.iter().map(|(name, _)| name.as_str()).collect();
    Ok((names.join(" + "), left(boolean::union(&all, ctx)?, step)?))
}

fn moved(solids: Vec<(String, Solid)>, by: DVec3, work: &mut Work) -> Result<Vec<(String, Solid)>, Failure> {
    let map = Affine::new(DMat3::IDENTITY, by);
    let moved = solids.into_iter().map(|(name, solid)| match solid.moved(&map) {
        Ok(solid) => Ok((name, solid)),
        Err(not) => Matter::Loose(not.mesh).solid().map(|solid| (name, solid)),
    });
    let moved: Vec<(String, Solid)> = moved.collect::<Result<_, Failure>>()?;
    let message = format!(
        "everything was moved by ({:.3}, {:.3}, {:.3}) mm: it no longer lies on the scan it comes from",
        by.x, by.y, by.z
    );
    let finding = Finding::new("moved", Severity::Note, message).at(around(&moved).middle().to_array());
    work.findings.push(finding.remedy("keep the unmoved file for all that is planned on the image"));
    Ok(moved)
}
