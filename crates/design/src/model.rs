//! The 1:1 model with its marks.

use crate::axes::{Axes, Face};
use crate::error::DesignError;
use crate::label::{Marks, ScaleBar, Word};
use crate::lettering::{Bar, Lettering};
use crate::place::Room;
use crate::reread::reread;
use crate::sides::{Candidate, Side, candidates, heights};
use crate::style::MarkStyle;
use glam::DVec2;
use osteon_core::{Ctx, Finding, Patient, Point, Severity, Solid};
use osteon_mesh::depth_map::View;
use osteon_mesh::press::{self, PressError, press};
use osteon_mesh::region::Regions;
use osteon_mesh::strokes::{Groove, Strokes};

/// Breadth of a groove's sloping walls in mm: steep enough to cast a shadow, and broad enough to be
/// drawn with the edges of the refined surface.
const WALL: f64 = 0.2;

/// Edge length in mm of the refined surface: about the finest that common printers resolve.
const EDGE: f64 = 0.2;

/// How many places are tried for one group of words before it is given up; each costs about as much as looking at one
/// face.
const ATTEMPTS: usize = 12;

/// How many places a model's words may be spread over. Chosen: two beside the first; who searches more than three
/// places no longer reads.
const LABELS: usize = 3;

/// How far in mm a bar read back from the finished surface may be off: half a pixel of the reading at each tick.
const BAR_EXACT: f64 = 0.12;

/// Least length of a bar as seen in its view, as a share of its length: cos 50°, the steepest surface that is marked.
const BAR_SEEN: f64 = 0.64;

/// Where the limits of findings come from.
const SOURCE: &str = "model-marks.toml";

/// What a model is, beside its form: where the patient's directions are and what must stay as it is.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The patient's directions.
    pub axes: &'a Axes,
    /// Surfaces that bear no marks.
    pub protected: &'a Regions,
}

/// A model, marked as far as there was room.
#[derive(Clone, Debug)]
pub struct Marked {
    /// The model; as it was given if there are no placements.
    pub solid: Solid,
    /// What is written where, the most important first.
    pub placements: Vec<Placement>,
    /// What a person should look at, such as that there was no room.
    pub findings: Vec<Finding>,
}

/// What is written where. It was read back from the finished surface and is what was meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The lines, as read; the line of a bar is empty.
    pub lines: Vec<String>,
    /// The bar in the last line, if there is one.
    pub bar: Option<Bar>,
    /// The side of the model they are on.
    pub face: Face,
    /// How one looks at them; the origin is the middle of the text, near the surface.
    pub view: View,
    /// How much deeper the surface gets per mm to the right and upwards, in the mean.
    pub tilt: DVec2,
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

    /// The text in one line, with bars between its lines.
    pub fn text(&self) -> String {
        let lines: Vec<&str> =
            self.lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        lines.join(" | ")
    }

    /// The lines to draw, with (0, 0) in the middle of the text.
    pub fn polylines(&self) -> Vec<Vec<DVec2>> {
        let mut lines = self.lettering.polylines(&self.lines);
        if let Some(bar) = &self.bar {
            lines.extend(self.lettering.bar(self.lines.len(), bar));
        }
        lines
    }

    /// True for places of the surface the marks lie on, within their border.
    ///
    /// `bend` says how far in mm the surface may be from the marks' mean plane.
    pub fn covers(&self, place: Point<Patient>, bend: f64) -> bool {
        let flat = self.view.flat(place);
        let off = flat.truncate().abs() - DVec2::from(self.size) / 2.0;
        off.max_element() <= 0.0 && (flat.z - self.tilt.dot(flat.truncate())).abs() <= bend
    }
}

/// Presses the wanted marks into a model, as large as there is room for.
///
/// The model is looked at from its four sides, upright and turned by a quarter, and only if there is no room at all
/// from its two ends. All words together at the largest letters that fit win; among places of the same size the
/// flattest and most level, then front before back, left and right. Where there is no room for all, the least
/// important words go elsewhere, on up to three places; what fits nowhere is left out, and a finding says so. A
/// place where marks cannot be pressed in or not be read back is passed over. Protected surfaces are not touched.
///
/// # Errors
/// A style that cannot be made, or [`DesignError::Cancelled`].
pub fn mark(
    solid: Solid,
    marks: &Marks,
    site: Site<'_>,
    style: &MarkStyle,
    ctx: &Ctx,
) -> Result<Marked, DesignError> {
    let style = style.clone().checked()?;
    let mut findings = Vec::new();
    let mut open = marks.words();
    if let Some((word, character)) = marks.unwritable() {
        findings.push(not_writable(word, character));
        open.retain(|word| marks.unwritable_in(*word).is_none());
    }
    let looking = ctx.part("looking for room", 0.0, 0.3);
    let sides = Side::all(&solid, site, &Face::SIDES, &style, &looking)?;
    let pressing = ctx.part("pressing in the marks", 0.3, 1.0);
    let mut work = Work {
        solid,
        sides,
        marks,
        site,
        style: &style,
        placements: Vec::new(),
        failed: Failed::default(),
        ctx: &pressing,
    };
    let left_out = work.words(open)?;
    if marks.scale_bar == ScaleBar::Fitting && !work.bar()? {
        findings.push(no_bar(&style));
    }
    let Work { solid, placements, failed, .. } = work;
    let words_placed = placements.iter().any(|p| p.bar.is_none());
    if !words_placed && !left_out.is_empty() {
        findings.push(no_room(&failed, &style));
    } else if !left_out.is_empty() {
        findings.push(words_left_out(&left_out, &placements, &style));
    }
    findings.extend(placements.iter().filter_map(on_an_end));
    ctx.done(1.0)?;
    Ok(Marked { solid, placements, findings })
}

/// What was tried in vain.
#[derive(Debug, Default)]
struct Failed {
    /// Places that looked large enough.
    places: usize,
    /// Largest usable share of a place for the smallest letters.
    share: f64,
}

/// A model while it is marked.
struct Work<'a> {
    solid: Solid,
    sides: Vec<Side>,
    marks: &'a Marks,
    site: Site<'a>,
    style: &'a MarkStyle,
    placements: Vec<Placement>,
    failed: Failed,
    ctx: &'a Ctx,
}

impl Work<'_> {
    /// Presses in as many words as there is room for; those left out are returned.
    fn words(&mut self, mut open: Vec<Word>) -> Result<Vec<Word>, DesignError> {
        let mut left_out = Vec::new();
        while !open.is_empty() && self.placements.len() < LABELS {
            match self.most(&open)? {
                Some(count) => drop(open.drain(..count)),
                // Not even the most important word alone: then the others without it.
                None => left_out.push(open.remove(0)),
            }
        }
        left_out.extend(open);
        if self.placements.is_empty() && !left_out.is_empty() {
            return self.on_the_ends(left_out);
        }
        Ok(left_out)
    }

    /// The ends of a bone are flat, but they are joints, which must stay as they are: only if all else fails.
    fn on_the_ends(&mut self, open: Vec<Word>) -> Result<Vec<Word>, DesignError> {
        self.sides = Side::all(&self.solid, self.site, &Face::ENDS, self.style, self.ctx)?;
        let placed = self.most(&open)?.unwrap_or(0);
        Ok(open[placed..].to_vec())
    }

    /// Presses in the first of these words, and with it as many of the following as there is room for; how many that
    /// are.
    fn most(&mut self, open: &[Word]) -> Result<Option<usize>, DesignError> {
        for count in (1..=open.len()).rev() {
            if self.group(&open[..count])? {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    /// Presses in these words at one place, with the largest letters that fit; false if there is no room.
    fn group(&mut self, words: &[Word]) -> Result<bool, DesignError> {
        let texts: Vec<Vec<Vec<String>>> =
            self.sides.iter().map(|side| self.marks.layouts(words, self.site.axes, &side.view)).collect();
        let heights = heights(self.style);
        let smallest = heights.len() - 1;
        let (least, share) = self.candidates(&texts, heights[smallest]);
        if least.is_empty() {
            self.failed.share = self.failed.share.max(share);
            return Ok(false);
        }
        // Where small letters have no room larger ones have none: bisection finds the largest that have.
        let (mut none, mut some) = (0, smallest);
        while none < some {
            let middle = usize::midpoint(none, some);
            if self.candidates(&texts, heights[middle]).0.is_empty() {
                none = middle + 1
            } else {
                some = middle
            }
        }
        let mut attempts = 0;
        for &height in &heights[some..] {
            let lettering = Lettering::new(height, self.style);
            for Candidate { side, layout, spot, .. } in self.candidates(&texts, height).0 {
                if attempts == ATTEMPTS {
                    self.failed.places += attempts;
                    return Ok(false);
                }
                attempts += 1;
                let lines = texts[side][layout].clone();
                let placement = Placement {
                    size: lettering.size(&lines, None, self.style.border).to_array(),
                    lines,
                    bar: None,
                    face: self.sides[side].face,
                    view: spot.view,
                    tilt: spot.tilt,
                    lettering,
                    depth: self.style.depth,
                };
                if self.press(placement)? {
                    return Ok(true);
                }
            }
        }
        self.failed.places += attempts;
        Ok(false)
    }

    /// The places for texts in letters of one height; see [`candidates`].
    fn candidates(&self, texts: &[Vec<Vec<String>>], height: f64) -> (Vec<Candidate>, f64) {
        candidates(&self.sides, texts, &Lettering::new(height, self.style), self.style)
    }

    /// Presses in the longest bar there is room for; false if there is none.
    fn bar(&mut self) -> Result<bool, DesignError> {
        let lettering = Lettering::new(self.style.min_letter_height, self.style);
        for &length in &self.style.bars {
            let bar = Bar { length, seen: length };
            let lines = vec![format!("{length:.0} MM"), String::new()];
            let size = lettering.size(&lines, Some(&bar), self.style.border);
            let rooms = self.sides.iter().enumerate().filter_map(|(n, side)| match side.ground.best(size) {
                Room::Free(spot) => Some((spot.rank, n, spot)),
                Room::Share(_) => None,
            });
            let mut spots: Vec<_> = rooms.collect();
            spots.sort_by_key(|(rank, n, _)| (*rank, *n));
            for (_, n, spot) in spots {
                let Some(seen) = seen_length(&self.sides[n], &spot.view, length, &lettering, lines.len())
                else {
                    continue;
                };
                let placement = Placement {
                    lines: lines.clone(),
                    bar: Some(Bar { length, seen }),
                    face: self.sides[n].face,
                    view: spot.view,
                    tilt: spot.tilt,
                    lettering,
                    size: size.to_array(),
                    depth: self.style.depth,
                };
                if self.press(placement)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Presses in a placement's marks; false if the place turns out not to carry them.
    fn press(&mut self, placement: Placement) -> Result<bool, DesignError> {
        let groove = Groove { width: placement.lettering.stroke, depth: placement.depth, wall: WALL };
        // The reach also serves to pick the triangles near a stroke, which are up to a few mm large.
        let strokes = Strokes::new(&placement.polylines(), groove.reach() + 1.0);
        let marks = press::Marks { strokes: &strokes, groove, keep: self.style.min_wall, edge: EDGE };
        let pressed = match press(&self.solid, &placement.view, &marks, self.ctx) {
            Ok(pressed) => pressed,
            Err(PressError::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(error @ PressError::Groove { .. }) => return Err(error.into()),
            Err(_) => return Ok(false),
        };
        if !reread(&pressed, &placement, self.ctx)?.is_right(&placement, BAR_EXACT) {
            return Ok(false);
        }
        self.solid = pressed;
        // Twice what the surface may bend in the mean, and a depth: grooves belong to it too.
        let bend = 2.0 * self.style.max_bend + self.style.depth;
        for side in &mut self.sides {
            side.ground.block(|place| placement.covers(place, bend));
        }
        self.placements.push(placement);
        Ok(true)
    }
}

/// How long a bar is as seen, so that its ticks are `length` mm apart in space; `None` on too steep a surface.
fn seen_length(side: &Side, view: &View, length: f64, lettering: &Lettering, lines: usize) -> Option<f64> {
    let low = lettering.baseline(lines, lines - 1);
    let mut seen = length;
    // Each round changes the length by the square of the slope times the last change: five reach the rounding.
    for _ in 0..5 {
        let depth = |x: f64| side.ground.depth(view, DVec2::new(x, low));
        let rise = depth(seen / 2.0)? - depth(-seen / 2.0)?;
        let squared = length * length - rise * rise;
        seen = (squared > 0.0).then(|| squared.sqrt())?;
    }
    (seen >= BAR_SEEN * length).then_some(seen)
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

/// Words for which there was no room beside those that are there.
fn words_left_out(words: &[Word], placements: &[Placement], style: &MarkStyle) -> Finding {
    let names: Vec<&str> = words.iter().map(|word| word.name()).collect();
    let there: Vec<String> = placements.iter().map(Placement::text).collect();
    let message = format!(
        "the model carries \"{}\", but there was no room for {} in letters of {} mm",
        there.join("\", \""),
        names.join(", "),
        style.min_letter_height
    );
    // Structure and version can be looked up by the case id; what tells of patient and side cannot.
    let minor = words.iter().all(|word| matches!(word, Word::Level | Word::Version));
    let severity = if minor { Severity::Note } else { Severity::Caution };
    let finding = Finding::new("marks-left-out", severity, message)
        .remedy("fix a tag with what is missing to the print, shorten the case id, or allow smaller letters");
    match placements.first() {
        Some(placement) => finding.at(placement.middle().to_array()),
        None => finding,
    }
}

fn no_bar(style: &MarkStyle) -> Finding {
    let shortest = style.bars.iter().copied().fold(f64::INFINITY, f64::min);
    let message = format!("the model carries no scale bar: there is no room for one of {shortest:.0} mm");
    Finding::new("no-room-for-scale-bar", Severity::Note, message)
        .remedy("compare sizes of the print with those of the report by calliper")
}

fn not_writable(word: Word, character: char) -> Finding {
    let message = format!(
        "{} is not pressed into the model: there is no engraved form of \"{character}\"",
        word.name()
    );
    Finding::new("marks-not-writable", Severity::Caution, message)
        .remedy("use letters A to Z, digits, blanks, and - _ . / : + only")
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
