//! What is written on a model, and how it is divided into lines.

use crate::axes::{Axes, Face};
use crate::stroke_font::{Glyph, glyph};
use crate::style::MarkStyle;
use glam::DVec2;
use osteon_core::{Direction, Side};
use osteon_mesh::depth_map::View;

/// What the marks should tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The case's identifier: letters, digits and `- _ . /`; never the patient's name.
    pub case_id: String,
    /// The patient's side the structure belongs to, if it belongs to one.
    pub side: Option<Side>,
    /// What else must be known by whoever holds the model, in a few capitals, such as `ASSUMED SPACING`.
    pub note: Option<String>,
}

impl Marks {
    /// The first character that cannot be written, if there is one.
    pub fn unwritable(&self) -> Option<char> {
        let note = self.note.as_deref().unwrap_or_default();
        self.case_id.chars().chain(note.chars()).find(|&c| glyph(c).is_none())
    }

    /// The text on one face, as it may be divided into lines: preferred first, all with the same content.
    ///
    /// Line by line: the case id, the side in words, the note, and the orientation: an arrow with the letter of the
    /// patient's direction it points to, between the letters of the directions at the left and right end
    /// of the line, as in `R ^H L` on the front of a model. In a single line these letters stand at its ends.
    pub fn layouts(&self, axes: &Axes, face: Face) -> Vec<Vec<String>> {
        let Some(view) = axes.view(face) else {
            return Vec::new();
        };
        let [left, right] = ends(axes, &view);
        let up = axes.letter(view.up);
        let id = self.case_id.to_ascii_uppercase();
        let side = self.side.map(|side| side.to_string().to_ascii_uppercase());
        let orientation = format!("{left} ^{up} {right}");
        let mut layouts = Vec::new();
        let stacked = |id: &[&str]| {
            let id = id.iter().map(|&part| part.to_owned());
            id.chain(side.clone())
                .chain(self.note.clone())
                .chain([orientation.clone()])
                .collect::<Vec<String>>()
        };
        layouts.push(stacked(&[&id]));
        let words = [Some(id.clone()), side.clone(), self.note.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        if side.is_some() || self.note.is_some() {
            layouts.push(vec![words.clone(), orientation.clone()]);
        }
        if let Some((first, second)) = broken(&id) {
            layouts.push(stacked(&[first, second]));
        }
        layouts.push(vec![format!("{left} {words} ^{up} {right}")]);
        layouts
    }
}

/// The letters at the left and right end of a line.
fn ends(axes: &Axes, view: &View) -> [char; 2] {
    let left = Direction::new(-view.right.vec()).map_or(' ', |d| axes.letter(d));
    [left, axes.letter(view.right)]
}

/// The id in two parts, broken after the separator nearest its middle, if it has one.
fn broken(id: &str) -> Option<(&str, &str)> {
    let breaks = id.char_indices().filter(|&(at, c)| "-_./ ".contains(c) && at > 0 && at + 1 < id.len());
    let nearest = breaks.min_by_key(|&(at, _)| (2 * at + 1).abs_diff(id.len()))?;
    let (first, second) = id.split_at(nearest.0 + 1);
    Some((first.trim_end(), second))
}

/// Measures of written text, in mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lettering {
    /// Height of a capital, from the middle of its lowest stroke to that of its highest.
    pub height: f64,
    /// Width of a stroke.
    pub stroke: f64,
    /// From the middle of a character's last stroke to that of the next one's first.
    pub gap: f64,
    /// From the baseline of a line to the next one's.
    pub pitch: f64,
}

/// Smallest breadth in mm of the ridge between two grooves; the engraved-detail floor of print services.
const RIDGE: f64 = 0.45;

impl Lettering {
    /// The measures for a letter height.
    pub fn new(height: f64, style: &MarkStyle) -> Self {
        let stroke = (style.stroke_share * height).max(style.min_stroke);
        Self {
            height,
            stroke,
            gap: stroke + (0.15 * height).max(RIDGE),
            pitch: height + stroke + (0.3 * height).max(2.0 * RIDGE),
        }
    }

    /// Characters that can be written, each with the place of its lower left corner relative to the
    /// middle of the text.
    fn set(&self, lines: &[String]) -> Vec<(Glyph, DVec2)> {
        let mut set = Vec::new();
        for (row, line) in lines.iter().enumerate() {
            let mut at = self.line_start(lines, row);
            for glyph in line.chars().filter_map(glyph) {
                let width = glyph.width * self.height;
                set.push((glyph, at));
                at.x += width + self.gap;
            }
        }
        set
    }

    /// Lower left corner of a line (the middle of its first stroke), relative to the middle of the text.
    pub fn line_start(&self, lines: &[String], row: usize) -> DVec2 {
        let below = (lines.len() - 1) as f64 / 2.0 - row as f64;
        DVec2::new(-self.line_width(&lines[row]) / 2.0, below * self.pitch - self.height / 2.0)
    }

    /// From the middle of a line's first stroke to that of its last.
    pub fn line_width(&self, line: &str) -> f64 {
        let widths = line.chars().filter_map(glyph).map(|g| g.width * self.height + self.gap);
        (widths.sum::<f64>() - self.gap).max(0.0)
    }

    /// The lines to draw, with (0, 0) in the middle of the text.
    pub fn polylines(&self, lines: &[String]) -> Vec<Vec<DVec2>> {
        let place = |(glyph, at): (Glyph, DVec2)| {
            glyph.lines.into_iter().map(move |line| line.into_iter().map(|p| at + p * self.height).collect())
        };
        self.set(lines).into_iter().flat_map(place).collect()
    }

    /// Width and height of the text with its strokes and a border, in mm.
    pub fn size(&self, lines: &[String], border: f64) -> DVec2 {
        let widest = lines.iter().map(|line| self.line_width(line)).fold(0.0, f64::max);
        let tall = self.pitch * lines.len().saturating_sub(1) as f64 + self.height;
        DVec2::new(widest, tall) + self.stroke + 2.0 * border
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(id: &str, side: Option<Side>) -> Marks {
        Marks { case_id: id.to_owned(), side, note: None }
    }

    #[test]
    fn the_front_reads_from_right_to_left_and_the_back_the_other_way() {
        let marks = marks("ost-2024-17", Some(Side::Left));
        let front = marks.layouts(&Axes::PATIENT, Face::Front);
        assert_eq!(
            front,
            [
                vec!["OST-2024-17", "LEFT", "R ^H L"],
                vec!["OST-2024-17 LEFT", "R ^H L"],
                vec!["OST-", "2024-17", "LEFT", "R ^H L"],
                vec!["R OST-2024-17 LEFT ^H L"],
            ]
        );
        assert_eq!(marks.layouts(&Axes::PATIENT, Face::Back)[0][2], "L ^H R");
        assert_eq!(marks.layouts(&Axes::PATIENT, Face::Feet)[0][2], "R ^A L");
    }

    #[test]
    fn a_note_stands_on_every_layout_and_is_checked_for_its_glyphs() {
        let noted = Marks { note: Some("ASSUMED SPACING".to_owned()), ..marks("A17", None) };
        let layouts = noted.layouts(&Axes::PATIENT, Face::Front);
        assert_eq!(layouts[0], ["A17", "ASSUMED SPACING", "R ^H L"]);
        assert!(layouts.iter().all(|lines| lines.concat().contains("ASSUMED SPACING")));
        assert_eq!(Marks { note: Some("ß".to_owned()), ..noted }.unwritable(), Some('ß'));
    }

    #[test]
    fn without_a_side_or_a_separator_there_is_less_to_divide() {
        let layouts = marks("A17", None).layouts(&Axes::PATIENT, Face::Right);
        assert_eq!(layouts, [vec!["A17", "P ^H A"], vec!["P A17 ^H A"]]);
    }

    #[test]
    fn text_stays_within_its_size_and_in_its_middle() {
        let style = MarkStyle::standard().unwrap();
        let lettering = Lettering::new(4.0, &style);
        let lines = ["CASE-1".to_owned(), "R ^H L".to_owned()];
        let size = lettering.size(&lines, 1.0);
        let points: Vec<DVec2> = lettering.polylines(&lines).concat();
        let low = points.iter().fold(DVec2::INFINITY, |a, &b| a.min(b));
        let high = points.iter().fold(DVec2::NEG_INFINITY, |a, &b| a.max(b));
        assert!((low + high).length() < 1e-12);
        assert!((high - low + lettering.stroke + 2.0 - size).length() < 1e-12);
    }

    #[test]
    fn what_has_no_glyph_is_named() {
        assert_eq!(marks("Müller", None).unwritable(), Some('ü'));
        assert_eq!(marks("case-7.b/2", None).unwritable(), None);
    }
}
