//! Marks read back from a surface, as a check that the right ones are really there, the right way round.

use crate::lettering::Lettering;
use crate::model::Placement;
use crate::stroke_font::{Glyph, glyphs};
use glam::DVec2;
use osteon_core::{Cancelled, Ctx, Solid};
use osteon_mesh::depth_map::{DepthMap, Window, depth_map};
use osteon_mesh::inspect::grooves;
use osteon_mesh::strokes::Strokes;

/// Pixels across a stroke: enough to tell its edge to a tenth of its width.
const ACROSS: f64 = 5.0;

/// Grooves up to this many stroke widths broad are seen: where strokes meet they are broader than one.
const BROADEST: f64 = 2.5;

/// Share of a character's pixels that may be wrong; the two most similar characters differ by a
/// few percent, two arbitrary ones by 30 % and more.
const LEGIBLE: f64 = 0.25;

/// What is read from a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The lines; `?` for what is no character, empty where there is no groove.
    pub lines: Vec<String>,
    /// Share (0 to 1) of the pixels of the least legible character that are wrong; up to a quarter is read.
    pub worst: f64,
    /// Distance in mm in space between the ticks of a bar, if the placement has one and it is found.
    pub bar: Option<f64>,
}

impl Reading {
    /// True when this is what the placement says, with its bar as long as it says within `tolerance` mm.
    pub fn is_right(&self, placement: &Placement, tolerance: f64) -> bool {
        let right_bar = match (placement.bar, self.bar) {
            (None, _) => true,
            (Some(bar), Some(found)) => (found - bar.length).abs() <= tolerance,
            (Some(_), None) => false,
        };
        self.lines == placement.lines && right_bar
    }
}

/// The pixels through which a placement's marks are read: the text with its border, depth zero near the surface.
pub fn window(placement: &Placement) -> Window {
    let pixel = placement.lettering.stroke / ACROSS;
    let size = (DVec2::from(placement.size) / pixel).ceil();
    let view = &placement.view;
    let low = -size * pixel / 2.0;
    Window { view: view.at(view.place(low.extend(0.0))), pixel, size: [size.x as usize, size.y as usize] }
}

/// Reads the marks from a surface where a placement says there are some.
///
/// # Errors
/// [`Cancelled`].
pub fn reread(solid: &Solid, placement: &Placement, ctx: &Ctx) -> Result<Reading, Cancelled> {
    Ok(read(&depth_map(solid.mesh(), &window(placement), ctx)?, placement))
}

/// Reads the marks from what is seen through the [`window`] of a placement.
///
/// Of the placement's own text only the number of lines is used, and whether the last is a bar: each line is read from
/// its leftmost ink on, always taking the character that fits best; what fits none is read as `?`.
pub fn read(map: &DepthMap, placement: &Placement) -> Reading {
    let Placement { lettering, .. } = placement;
    let rows = placement.lines.len();
    let Window { pixel, size, .. } = map.window;
    let depth = grooves(map, BROADEST * lettering.stroke);
    let mut ink: Vec<bool> = depth.iter().map(|&depth| f64::from(depth) > placement.depth / 2.0).collect();
    clean(&mut ink, size);
    let page = Page { low: -DVec2::new(size[0] as f64, size[1] as f64) * pixel / 2.0, pixel, size, ink };
    let letters: Vec<Letter> = glyphs().map(|glyph| Letter::new(&glyph, lettering)).collect();
    let text_rows = rows - usize::from(placement.bar.is_some());
    let mut reading = Reading { lines: Vec::new(), worst: 0.0, bar: None };
    for row in 0..text_rows {
        let (line, worst) = page.line(lettering.baseline(rows, row), lettering, &letters);
        reading.lines.push(line);
        reading.worst = reading.worst.max(worst);
    }
    if placement.bar.is_some() {
        reading.lines.push(String::new());
        let surface = |at: usize| f64::from(map.front[at] - depth[at]);
        reading.bar = page.bar(lettering.baseline(rows, rows - 1), lettering, surface);
    }
    reading
}

/// Takes away ink in pieces smaller than half a stroke's square: steps of layers and pits of bone, no writing.
fn clean(ink: &mut [bool], [width, height]: [usize; 2]) {
    let least = (ACROSS * ACROSS / 2.0) as usize;
    let mut seen = vec![false; ink.len()];
    for start in 0..ink.len() {
        if !ink[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        let (mut piece, mut next) = (vec![start], 0);
        while next < piece.len() {
            let at = piece[next];
            next += 1;
            let (x, y) = (at % width, at / width);
            let beside = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then_some(at + 1),
                (y > 0).then(|| at - width),
                (y + 1 < height).then_some(at + width),
            ];
            for at in beside.into_iter().flatten() {
                if ink[at] && !seen[at] {
                    seen[at] = true;
                    piece.push(at);
                }
            }
        }
        if piece.len() < least {
            piece.into_iter().for_each(|at| ink[at] = false);
        }
    }
}

/// A glyph at its size.
struct Letter {
    character: char,
    width: f64,
    strokes: Strokes,
}

impl Letter {
    fn new(glyph: &Glyph, lettering: &Lettering) -> Self {
        let scaled = |line: &Vec<DVec2>| line.iter().map(|p| *p * lettering.height).collect();
        let lines: Vec<Vec<DVec2>> = glyph.lines.iter().map(scaled).collect();
        Self {
            character: glyph.character,
            width: glyph.width * lettering.height,
            strokes: Strokes::new(&lines, lettering.stroke),
        }
    }
}

/// Which pixels are in a groove.
struct Page {
    low: DVec2,
    pixel: f64,
    size: [usize; 2],
    ink: Vec<bool>,
}

impl Page {
    /// Reads the line with this baseline; and the share of wrong pixels of its worst character.
    fn line(&self, baseline: f64, lettering: &Lettering, letters: &[Letter]) -> (String, f64) {
        let half = lettering.stroke / 2.0;
        let band = [baseline - half, baseline + lettering.height + half];
        let inked = |x: usize| {
            let (from, to) = (self.row(band[0]), self.row(band[1]));
            (from..to).any(|y| self.ink[y * self.size[0] + x])
        };
        let edge = |x: usize| self.low.x + x as f64 * self.pixel;
        let columns = 0..self.size[0];
        let (Some(first), Some(last)) =
            (columns.clone().find(|&x| inked(x)), columns.rev().find(|&x| inked(x)))
        else {
            return (String::new(), 1.0);
        };
        let mut at = DVec2::new(edge(first) + half, baseline);
        let end = edge(last + 1) - half;
        let (mut text, mut worst) = (String::new(), 0.0_f64);
        // Half a gap short of the end there is no room for a character of any width.
        while at.x < end - lettering.gap / 2.0 || text.is_empty() {
            let wrong = |letter: &Letter| self.wrong(letter, at, lettering);
            let Some((letter, wrong)) =
                letters.iter().map(|letter| (letter, wrong(letter))).min_by(|a, b| a.1.total_cmp(&b.1))
            else {
                break;
            };
            text.push(if wrong <= LEGIBLE { letter.character } else { '?' });
            worst = worst.max(wrong);
            at.x += letter.width + lettering.gap;
        }
        // Ink beside the text is read as blanks up to it.
        (text.trim_end().to_owned(), worst)
    }

    /// Distance in mm between the outermost ticks that stand on a bar with this baseline, on the `surface` whose depth
    /// at a pixel is given.
    fn bar(&self, baseline: f64, lettering: &Lettering, surface: impl Fn(usize) -> f64) -> Option<f64> {
        let (from, to) =
            (self.row(baseline + lettering.stroke), self.row(baseline + lettering.tick() + self.pixel));
        let inked = |x: usize| (from..to).filter(|y| self.ink[y * self.size[0] + x]).count();
        // More than half of a tick's height: what an edge or a pit nearby seldom has.
        let is_tick = |x: &usize| 2 * inked(*x) > to - from;
        let first = (0..self.size[0]).find(is_tick)?;
        let last = (0..self.size[0]).rev().find(is_tick)?;
        let rightwards: Vec<usize> = (first..self.size[0]).take_while(is_tick).collect();
        let leftwards: Vec<usize> = (0..=last).rev().take_while(is_tick).collect();
        let [left, right] = [rightwards, leftwards].map(|columns| {
            let places = columns.iter().flat_map(|&x| (from..to).map(move |y| (x, y * self.size[0] + x)));
            let inked: Vec<(usize, usize)> = places.filter(|(_, at)| self.ink[*at]).collect();
            let sum = |value: &dyn Fn(&(usize, usize)) -> f64| inked.iter().map(value).sum::<f64>();
            let count = inked.len() as f64;
            DVec2::new(sum(&|(x, _)| *x as f64 * self.pixel) / count, sum(&|(_, at)| surface(*at)) / count)
        });
        Some(left.distance(right)).filter(|length| *length > lettering.height)
    }

    fn row(&self, y: f64) -> usize {
        (((y - self.low.y) / self.pixel).max(0.0) as usize).min(self.size[1])
    }

    /// Share of pixels of a letter's cell, including half the gaps beside it, that are not as expected.
    fn wrong(&self, letter: &Letter, at: DVec2, lettering: &Lettering) -> f64 {
        let margin = DVec2::new(lettering.gap, lettering.stroke) / 2.0;
        let pixel_of =
            |p: DVec2| ((p - self.low) / self.pixel).max(DVec2::ZERO).to_array().map(|c| c as usize);
        let [x0, y0] = pixel_of(at - margin);
        let [x1, y1] = pixel_of(at + DVec2::new(letter.width, lettering.height) + margin);
        let (mut wrong, mut all) = (0_u32, 0_u32);
        for y in y0..y1.min(self.size[1]) {
            for x in x0..x1.min(self.size[0]) {
                let p = self.low + (DVec2::new(x as f64, y as f64) + 0.5) * self.pixel - at;
                let expected = letter.strokes.distance(p) <= lettering.stroke / 2.0;
                wrong += u32::from(expected != self.ink[y * self.size[0] + x]);
                all += 1;
            }
        }
        if all == 0 { 1.0 } else { f64::from(wrong) / f64::from(all) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axes::{Axes, Face};
    use crate::style::MarkStyle;
    use crate::test_shapes::{block, shaped};
    use glam::DVec3;
    use osteon_core::Affine;
    use osteon_mesh::press::{Marks, press};
    use osteon_mesh::strokes::Groove;

    fn placement(height: f64, lines: &[&str]) -> Placement {
        let style = MarkStyle::standard().unwrap();
        let lettering = Lettering::new(height, &style);
        let lines: Vec<String> = lines.iter().map(|&l| l.to_owned()).collect();
        Placement {
            face: Face::Front,
            view: Axes::PATIENT.view(Face::Front).unwrap(),
            size: lettering.size(&lines, None, style.border).to_array(),
            bar: None,
            tilt: DVec2::ZERO,
            lettering,
            lines,
            depth: style.depth,
        }
    }

    fn write(solid: &Solid, placement: &Placement) -> Solid {
        let lettering = &placement.lettering;
        let strokes = Strokes::new(&lettering.polylines(&placement.lines), 2.0);
        let groove = Groove { width: lettering.stroke, depth: placement.depth, wall: 0.2 };
        let marks = Marks { strokes: &strokes, groove, keep: 1.0, edge: 0.2 };
        press(solid, &placement.view, &marks, &Ctx::default()).unwrap()
    }

    fn read(solid: &Solid, placement: &Placement) -> Vec<String> {
        reread(solid, placement, &Ctx::default()).unwrap().lines
    }

    #[test]
    fn every_character_is_read_back_at_the_smallest_size_also_on_a_curved_incline() {
        let lines = ["ABCDEFGHIJKLM", "NOPQRSTUVWXYZ", "0123456789", "A-1.2/B_C ^H R>:+"];
        for (height, bend) in [(3.0, 0.0), (3.0, 0.02), (6.0, 0.01)] {
            let placement = placement(height, &lines);
            let solid = shaped(DVec3::new(90.0, 30.0, 50.0), 0.8, |p| {
                let front = ((-p.y + 15.0) / 30.0).clamp(0.0, 1.0);
                p + DVec3::Y * front * bend * (p.x * p.x / 2.0 + 20.0 * p.z)
            });
            assert_eq!(read(&write(&solid, &placement), &placement), lines, "{height} {bend}");
        }
    }

    #[test]
    fn specks_are_no_ink_and_strokes_are() {
        let size = [20, 12];
        let mut ink = vec![false; 240];
        // A stroke of 5 × 8 pixels, a speck of 3 × 3, and a pixel.
        for (x, y) in (2..7).flat_map(|x| (2..10).map(move |y| (x, y))) {
            ink[y * 20 + x] = true;
        }
        let stroke = ink.clone();
        for (x, y) in (12..15).flat_map(|x| (9..12).map(move |y| (x, y))).chain([(19, 0)]) {
            ink[y * 20 + x] = true;
        }
        clean(&mut ink, size);
        assert!(ink == stroke);
    }

    #[test]
    fn mirrored_text_is_not_read_as_right() {
        let lines = ["OST-17", "R ^H L"];
        let placement = placement(4.0, &lines);
        let plain = block(DVec3::new(50.0, 20.0, 30.0), 1.0);
        let pressed = write(&plain, &placement);
        let mirror = Affine::new(glam::DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO);
        let mirrored = pressed.moved(&mirror).unwrap();
        assert_eq!(read(&pressed, &placement), lines);
        let wrong = read(&mirrored, &placement);
        assert!(wrong[0] != lines[0] && wrong[1] != lines[1], "{wrong:?}");
        assert_eq!(read(&plain, &placement), ["", ""]);
    }
}
