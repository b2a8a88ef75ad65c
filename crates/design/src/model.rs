//! The 1:1 model with its marks.

use crate::axes::{Axes, Face};
use crate::error::DesignError;
use crate::label::{Lettering, Marks};
use crate::place::{Ground, Room, Spot};
use crate::reread::reread;
use crate::style::MarkStyle;
use osteon_core::{Ctx, Finding, Patient, Point, Severity, Solid};
use osteon_mesh::depth_map::View;
use osteon_mesh::press::{self, PressError, press};
use osteon_mesh::strokes::{Groove, Strokes};
use rayon::prelude::*;

/// Letter heights are tried in steps of this many mm.
const STEP: f64 = 0.5;

/// Breadth of a groove's sloping walls in mm: steep enough to cast a shadow, and broad enough to be
/// drawn with the edges of the refined surface.
const WALL: f64 = 0.2;

/// Edge length in mm of the refined surface: about the finest that common printers resolve.
const EDGE: f64 = 0.2;

/// How many places are tried on the sides, and again on the ends, before giving up; each costs about as much as looking at one face.
const ATTEMPTS: usize = 12;

/// By how many ranks of flatness (of 20) each further way of dividing the text counts as worse.
const LAYOUT: u32 = 2;

/// Where the limits of findings come from.
const SOURCE: &str = "model-marks.toml";

/// A model, marked if there was room.
#[derive(Clone, Debug)]
pub struct Marked {
    /// The model; as it was given if `placement` is `None`.
    pub solid: Solid,
    /// What is written where, if there was room.
    pub placement: Option<Placement>,
    /// What a person should look at, such as that there was no room.
    pub findings: Vec<Finding>,
}

/// What is written where. The text was read back from the finished surface and is what was meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The lines, as read.
    pub lines: Vec<String>,
    /// The side of the model they are on.
    pub face: Face,
    /// How one looks at them; the origin is the middle of the text, near the surface.
    pub view: View,
    /// Letter height, stroke width and distances in mm.
    pub lettering: Lettering,
    /// Width and height in mm of the text with its border.
    pub size: [f64; 2],
    /// Depth of the grooves in mm, along the view.
    pub depth: f64,
}

impl Placement {
    /// The middle of the text, near the surface.
    pub const fn middle(&self) -> Point<Patient> {
        self.view.origin
    }
}

/// Presses case id, side and orientation into a model, as large as there is room for.
///
/// The model is looked at from its four sides, and only if there is no room at all from its two ends.
/// The largest letters that fit anywhere win; among places of the same size the flattest and most level,
/// then front before back, left and right. A place where the marks cannot be pressed in or not be read
/// back is passed over. Where nothing fits the model is returned as it was, with a finding.
pub fn mark(
    solid: Solid,
    marks: &Marks,
    axes: &Axes,
    style: &MarkStyle,
    ctx: &Ctx,
) -> Result<Marked, DesignError> {
    if let Some(character) = marks.unwritable() {
        return Ok(unmarked(solid, not_writable(character, &marks.case_id)));
    }
    let style = style.clone().checked()?;
    let mut failed = Failed::default();
    // The ends of a bone are flat, but they are joints, which must stay as they are: only if all else fails.
    for (faces, from) in [(&Face::SIDES[..], 0.0), (&Face::ENDS[..], 0.5)] {
        let part = ctx.part("marking", from, from + 0.5);
        let looking = part.part("looking for room", 0.0, 0.5);
        let sides = Side::all(&solid, marks, axes, faces, &style, &looking)?;
        let pressing = part.part("pressing in the marks", 0.5, 1.0);
        if let Some(marked) = mark_any(&solid, &sides, &style, &mut failed, &pressing)? {
            return Ok(marked);
        }
    }
    Ok(unmarked(solid, no_room(&failed, &style)))
}

/// What was tried in vain.
#[derive(Debug, Default)]
struct Failed {
    /// Places that looked large enough.
    places: usize,
    /// Largest usable share of a place for the smallest letters.
    share: f64,
}

/// The model marked on one of these sides, with the largest letters that fit.
fn mark_any(
    solid: &Solid,
    sides: &[Side],
    style: &MarkStyle,
    failed: &mut Failed,
    ctx: &Ctx,
) -> Result<Option<Marked>, DesignError> {
    let mut attempts = 0;
    let mut smallest = 0.0;
    for height in heights(style) {
        let lettering = Lettering::new(height, style);
        let (candidates, share) = candidates(sides, &lettering, style);
        smallest = share;
        for candidate in candidates.into_iter().take(ATTEMPTS - attempts) {
            attempts += 1;
            let placement = candidate.placement(lettering, style);
            if let Some(solid) = pressed(solid, &placement, style, ctx)? {
                let findings = on_an_end(&placement).into_iter().collect();
                let placement = Some(placement);
                return Ok(Some(Marked { solid, placement, findings }));
            }
        }
    }
    failed.places += attempts;
    failed.share = failed.share.max(smallest);
    Ok(None)
}

/// Letter heights in mm, from the preferred one down.
fn heights(style: &MarkStyle) -> Vec<f64> {
    let steps = ((style.letter_height - style.min_letter_height) / STEP).ceil() as usize;
    (0..=steps).map(|s| (style.letter_height - s as f64 * STEP).max(style.min_letter_height)).collect()
}

/// One side of the model and what would be written there.
struct Side {
    face: Face,
    ground: Ground,
    layouts: Vec<Vec<String>>,
}

impl Side {
    fn all(
        solid: &Solid,
        marks: &Marks,
        axes: &Axes,
        faces: &[Face],
        style: &MarkStyle,
        ctx: &Ctx,
    ) -> Result<Vec<Self>, DesignError> {
        let views = faces.iter().copied().filter_map(|face| Some((face, axes.view(face)?)));
        let views: Vec<(Face, View)> = views.collect();
        let sides = views.into_par_iter().map(|(face, view)| {
            let ground = Ground::new(solid, &view, style, ctx)?;
            Ok(Self { face, ground, layouts: marks.layouts(axes, face) })
        });
        let sides = sides.collect::<Result<_, DesignError>>()?;
        ctx.done(1.0)?;
        Ok(sides)
    }
}

/// A place for a text.
struct Candidate<'a> {
    face: Face,
    layout: usize,
    lines: &'a [String],
    spot: Spot,
}

/// The places for letters of one size, best first, and the largest usable share of a place that is none.
fn candidates<'a>(sides: &'a [Side], lettering: &Lettering, style: &MarkStyle) -> (Vec<Candidate<'a>>, f64) {
    let texts: Vec<(&Side, usize)> =
        sides.iter().flat_map(|side| (0..side.layouts.len()).map(move |l| (side, l))).collect();
    let rooms: Vec<Room> = texts
        .par_iter()
        .map(|&(side, layout)| side.ground.best(lettering.size(&side.layouts[layout], style.border)))
        .collect();
    let mut candidates = Vec::new();
    let mut best_share = 0.0_f64;
    for ((side, layout), room) in texts.into_iter().zip(rooms) {
        match room {
            Room::Free(spot) => {
                candidates.push(Candidate { face: side.face, layout, lines: &side.layouts[layout], spot });
            }
            Room::Share(share) => best_share = best_share.max(share),
        }
    }
    candidates.sort_by_key(|c| (c.spot.rank + LAYOUT * c.layout as u32, c.face));
    (candidates, best_share)
}

impl Candidate<'_> {
    fn placement(&self, lettering: Lettering, style: &MarkStyle) -> Placement {
        Placement {
            lines: self.lines.to_vec(),
            face: self.face,
            view: self.spot.view,
            lettering,
            size: lettering.size(self.lines, style.border).to_array(),
            depth: style.depth,
        }
    }
}

/// The model with the text pressed in there, or `None` if the place turns out not to carry it.
fn pressed(
    solid: &Solid,
    placement: &Placement,
    style: &MarkStyle,
    ctx: &Ctx,
) -> Result<Option<Solid>, DesignError> {
    let lettering = &placement.lettering;
    let groove = Groove { width: lettering.stroke, depth: style.depth, wall: WALL };
    // The reach also serves to pick the triangles near a stroke, which are up to a few mm large.
    let strokes = Strokes::new(&lettering.polylines(&placement.lines), groove.reach() + 1.0);
    let marks = press::Marks { strokes: &strokes, groove, keep: style.min_wall, edge: EDGE };
    let pressed = match press(solid, &placement.view, &marks, ctx) {
        Ok(pressed) => pressed,
        Err(PressError::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(error @ PressError::Groove { .. }) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let read = reread(&pressed, placement, ctx)?;
    Ok((read == placement.lines).then_some(pressed))
}

fn unmarked(solid: Solid, finding: Finding) -> Marked {
    Marked { solid, placement: None, findings: vec![finding] }
}

/// Marks on an end of a bone may lie in a joint surface; whoever prints it should know.
fn on_an_end(placement: &Placement) -> Option<Finding> {
    let face = Face::ENDS.into_iter().find(|&face| face == placement.face)?;
    let message = format!(
        "the marks are pressed into the {} end of the model, where bones meet: there was no room on its sides",
        face.name()
    );
    let finding = Finding::new("marks-on-an-end", Severity::Caution, message)
        .at(placement.middle().to_array())
        .remedy("look whether they disturb a joint surface; shorten the case id or allow smaller letters");
    Some(finding)
}

fn no_room(failed: &Failed, style: &MarkStyle) -> Finding {
    let share = failed.share;
    let tried = match failed.places {
        0 if share >= 1.0 => "the places large enough are too strongly bent or inclined".to_owned(),
        0 => format!("at most {:.0} % of a place large enough can carry them", (100.0 * share).floor()),
        n => format!("of the places that looked large enough, {n} could not be marked legibly"),
    };
    let message = format!(
        "the model carries no marks: there is no room for letters of {} mm; {tried}",
        style.min_letter_height
    );
    Finding::new("no-room-for-marks", Severity::Caution, message)
        .measured(100.0 * share, 100.0, "%", SOURCE)
        .remedy("fix a tag with case id, side and orientation to the print, shorten the case id, or allow smaller letters")
}

fn not_writable(character: char, id: &str) -> Finding {
    Finding::new(
        "marks-not-writable",
        Severity::Caution,
        format!(
            "the model carries no marks: there is no engraved form of \"{character}\" in the case id \"{id}\""
        ),
    )
    .remedy("use a case id of letters A to Z, digits, - _ . and /")
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
