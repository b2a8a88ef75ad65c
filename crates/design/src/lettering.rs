//! Letters on a flat sheet: their sizes, where each stands, the lines to draw; and the bar of known length.

use crate::stroke_font::{Glyph, glyph};
use crate::style::MarkStyle;
use glam::DVec2;

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

/// A bar of known length below a text: a line with an upright tick at each end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Distance in mm in space between the middles of the ticks, where they leave the bar.
    pub length: f64,
    /// The same distance as seen in the view: shorter where the surface is inclined along the bar.
    pub seen: f64,
}

/// Height of a tick as a share of the letter height.
///
/// Chosen: less than one, so that the ticks end below the text; and long enough that three layers of a print
/// or three of a stroke's widths show it.
const TICK: f64 = 0.8;

impl Lettering {
    /// The measures for a letter height.
    pub fn new(height: f64, style: &MarkStyle) -> Self {
        let stroke = (style.stroke_share * height).max(style.min_stroke);
        Self {
            height,
            stroke,
            gap: stroke + (0.15 * height).max(style.min_ridge),
            pitch: height + stroke + (0.3 * height).max(2.0 * style.min_ridge),
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
        DVec2::new(-self.line_width(&lines[row]) / 2.0, self.baseline(lines.len(), row))
    }

    /// Baseline of one of so many lines, relative to the middle of the text.
    pub fn baseline(&self, lines: usize, row: usize) -> f64 {
        let below = (lines - 1) as f64 / 2.0 - row as f64;
        below * self.pitch - self.height / 2.0
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

    /// The lines to draw of a bar that stands in the last of so many lines.
    pub fn bar(&self, lines: usize, bar: &Bar) -> Vec<Vec<DVec2>> {
        let low = self.baseline(lines, lines - 1);
        let [left, right] = [-bar.seen / 2.0, bar.seen / 2.0];
        let top = low + self.tick();
        let corners = [(left, top), (left, low), (right, low), (right, top)];
        vec![corners.map(|(x, y)| DVec2::new(x, y)).to_vec()]
    }

    /// Height of a bar's ticks, from the middle of the bar, mm.
    pub fn tick(&self) -> f64 {
        TICK * self.height
    }

    /// Width and height of the text with its strokes and a border, in mm.
    pub fn size(&self, lines: &[String], bar: Option<&Bar>, border: f64) -> DVec2 {
        let long = bar.map_or(0.0, |bar| bar.length);
        let widest = lines.iter().map(|line| self.line_width(line)).fold(long, f64::max);
        let tall = self.pitch * lines.len().saturating_sub(1) as f64 + self.height;
        DVec2::new(widest, tall) + self.stroke + 2.0 * border
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stroke_font::glyphs;
    use crate::style::Process;

    fn extent(lines: &[Vec<DVec2>]) -> [DVec2; 2] {
        let points = lines.concat();
        let low = points.iter().fold(DVec2::INFINITY, |a, &b| a.min(b));
        [low, points.iter().fold(DVec2::NEG_INFINITY, |a, &b| a.max(b))]
    }

    #[test]
    fn text_stays_within_its_size_and_in_its_middle() {
        let style = MarkStyle::standard().unwrap();
        let lettering = Lettering::new(4.0, &style);
        let lines = ["CASE-1".to_owned(), "R ^H L".to_owned()];
        let size = lettering.size(&lines, None, 1.0);
        let [low, high] = extent(&lettering.polylines(&lines));
        assert!((low + high).length() < 1e-12);
        assert!((high - low + lettering.stroke + 2.0 - size).length() < 1e-12);
    }

    #[test]
    fn a_bar_is_as_long_as_it_says_and_its_ticks_end_below_the_text() {
        let lettering = Lettering::new(3.0, &MarkStyle::standard().unwrap());
        let lines = ["20 MM".to_owned(), String::new()];
        let bar = Bar { length: 20.0, seen: 20.0 };
        let [low, high] = extent(&lettering.bar(2, &bar));
        assert_eq!((low.x, high.x), (-10.0, 10.0));
        let [text, _] = extent(&lettering.polylines(&lines));
        assert!(high.y + lettering.stroke < text.y - lettering.stroke, "{high} {text}");
        let size = lettering.size(&lines, Some(&bar), 0.0);
        assert!((size.x - 20.0 - lettering.stroke).abs() < 1e-12 && low.y >= -size.y / 2.0);
    }

    #[test]
    fn the_smallest_letters_of_every_process_leave_ridges_it_can_make() {
        for process in Process::ALL {
            let style = MarkStyle::of(process).unwrap();
            let lettering = Lettering::new(style.min_letter_height, &style);
            // Strokes of one character that run level above each other, as the three of an E.
            for glyph in glyphs() {
                let level = |line: &Vec<DVec2>| {
                    let pairs: Vec<[DVec2; 2]> = line.windows(2).map(|w| [w[0], w[1]]).collect();
                    pairs.into_iter().filter(|[a, b]| a.y == b.y).map(|[a, _]| a.y).collect::<Vec<f64>>()
                };
                let mut heights: Vec<f64> = glyph.lines.iter().flat_map(level).collect();
                heights.sort_by(f64::total_cmp);
                heights.dedup();
                for pair in heights.windows(2) {
                    let ridge = (pair[1] - pair[0]) * lettering.height - lettering.stroke;
                    assert!(ridge >= style.min_ridge - 1e-9, "{process:?} {} {ridge}", glyph.character);
                }
            }
            assert!(lettering.gap - lettering.stroke >= style.min_ridge - 1e-9);
            assert!(lettering.pitch - lettering.height - lettering.stroke >= style.min_ridge);
        }
    }
}
