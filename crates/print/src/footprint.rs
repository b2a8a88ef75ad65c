//! A window onto one printed layer: which of its small cells hold matter.
//!
//! Coordinates are x and y of the bed, millimetres.

use crate::outline::Stroke;
use glam::DVec2;

/// Edge of a cell in mm.
///
/// Chosen: a ninth of a line of 0.45 mm and a twelfth of the narrowest groove that is pressed, in at most a few megabytes
/// for the layers of a label.
pub const CELL: f64 = 0.05;

/// Ends of lines closer than this are the same place, mm: programs write three digits.
const SAME: f64 = 0.0015;

/// Which cells of a rectangle of a layer hold matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    low: DVec2,
    cells: [usize; 2],
    bits: Vec<u64>,
}

/// Where the pixels of a picture of a layer lie on the bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raster {
    /// The outer corner of the first pixel.
    pub corner: DVec2,
    /// Step to the next pixel of a row, along x, mm; negative if a row runs towards lower x.
    pub across: f64,
    /// Step to the next row, along y, mm; negative if rows follow each other towards lower y.
    pub along: f64,
    /// Pixels in a row.
    pub columns: usize,
}

/// Brightness from which a pixel counts as hardened: half of the light.
const HALF_LIGHT: u8 = 128;

impl Footprint {
    /// An empty rectangle with these corners.
    pub fn new(low: DVec2, high: DVec2) -> Self {
        let cells = ((high - low) / CELL).ceil().max(DVec2::ONE).to_array().map(|n| n as usize);
        Self { low, cells, bits: vec![0; (cells[0] * cells[1]).div_ceil(64)] }
    }

    /// Its lower and its upper corner, mm.
    pub fn bounds(&self) -> [DVec2; 2] {
        [self.low, self.low + DVec2::from(self.cells.map(|n| n as f64)) * CELL]
    }

    /// True where there is matter; outside the rectangle there is none.
    pub fn is_matter(&self, at: DVec2) -> bool {
        let cell = (at - self.low) / CELL;
        let inside =
            cell.cmpge(DVec2::ZERO).all() && cell.x < self.cells[0] as f64 && cell.y < self.cells[1] as f64;
        inside && {
            let at = cell.y as usize * self.cells[0] + cell.x as usize;
            self.bits[at / 64] >> (at % 64) & 1 == 1
        }
    }

    /// Fills the cells whose middles lie in a rectangle.
    pub fn fill_box(&mut self, low: DVec2, high: DVec2) {
        let [x, y] = [0, 1].map(|a| self.span(a, low[a], high[a]));
        for row in y {
            self.set(row, x.clone());
        }
    }

    /// Fills the pixels of a picture that get at least half of the light: runs of `(length, brightness)` in the order
    /// of rows.
    pub fn fill_pixels(&mut self, raster: &Raster, runs: impl IntoIterator<Item = (u32, u8)>) {
        let mut at = 0;
        for (length, brightness) in runs {
            let end = at + length as usize;
            while brightness >= HALF_LIGHT && at < end {
                let (row, column) = (at / raster.columns, at % raster.columns);
                let to = (row * raster.columns + raster.columns).min(end);
                let corner = |column: usize, row: usize| {
                    raster.corner + DVec2::new(column as f64 * raster.across, row as f64 * raster.along)
                };
                let [a, b] = [corner(column, row), corner(column + to - at, row + 1)];
                self.fill_box(a.min(b), a.max(b));
                at = to;
            }
            at = end;
        }
    }

    /// Fills what closed outlines enclose, by the rule of even and odd, and what lies within `half` mm of them.
    ///
    /// Strokes that follow each other are one line; a line that is not closed goes on where one of `others` begins, and
    /// what is left open is closed straight. With lines of a nozzle as outlines `half` is half of their width.
    pub fn fill_outlines(&mut self, outlines: &[Stroke], others: &[Stroke], half: f64) {
        let loops = loops(outlines, others);
        self.fill_inside(&loops);
        if half > 0.0 {
            for stroke in loops.iter().flat_map(|line| line.windows(2)) {
                self.fill_near([stroke[0], stroke[1]], half);
            }
        }
    }

    fn fill_inside(&mut self, loops: &[Vec<DVec2>]) {
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); self.cells[1]];
        for line in loops {
            let last = line.last().into_iter().chain(line.first());
            let closing: Vec<DVec2> = last.copied().collect();
            for pair in line.windows(2).chain(closing.windows(2)) {
                let (a, b) = (pair[0], pair[1]);
                for row in self.span(1, a.y.min(b.y), a.y.max(b.y)) {
                    let y = self.low.y + (row as f64 + 0.5) * CELL;
                    crossings[row].push(a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
                }
            }
        }
        for (row, mut crossings) in crossings.into_iter().enumerate() {
            crossings.sort_unstable_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                self.set(row, self.span(0, pair[0], pair[1]));
            }
        }
    }

    fn fill_near(&mut self, [a, b]: Stroke, half: f64) {
        let (low, high) = (a.min(b) - half, a.max(b) + half);
        let columns = self.span(0, low.x, high.x);
        let along = b - a;
        let squared = along.length_squared();
        for row in self.span(1, low.y, high.y) {
            for column in columns.clone() {
                let p = self.low + (DVec2::new(column as f64, row as f64) + 0.5) * CELL;
                let share = if squared > 0.0 { ((p - a).dot(along) / squared).clamp(0.0, 1.0) } else { 0.0 };
                if (p - a - along * share).length_squared() <= half * half {
                    self.set(row, column..column + 1);
                }
            }
        }
    }

    /// The columns (axis 0) or rows (axis 1) whose middles lie in [low, high).
    fn span(&self, axis: usize, low: f64, high: f64) -> std::ops::Range<usize> {
        let count = self.cells[axis];
        let first = |edge: f64| (((edge - self.low[axis]) / CELL - 0.5).ceil().max(0.0) as usize).min(count);
        let from = first(low);
        from..first(high).max(from)
    }

    fn set(&mut self, row: usize, columns: std::ops::Range<usize>) {
        for at in row * self.cells[0] + columns.start..row * self.cells[0] + columns.end {
            self.bits[at / 64] |= 1 << (at % 64);
        }
    }
}

/// Strokes joined to lines, each closed as far as strokes allow.
fn loops(outlines: &[Stroke], others: &[Stroke]) -> Vec<Vec<DVec2>> {
    let same = |a: DVec2, b: DVec2| (a - b).abs().max_element() < SAME;
    let is_open = |line: &Vec<DVec2>| !same(line[0], line[line.len() - 1]);
    let (mut open, closed): (Vec<Vec<DVec2>>, Vec<Vec<DVec2>>) =
        chains(outlines).into_iter().partition(is_open);
    let mut pieces: Vec<Vec<DVec2>> = if open.is_empty() { Vec::new() } else { chains(others) };
    pieces.retain(is_open);
    let mut all = closed;
    while let Some(mut line) = open.pop() {
        // Each round takes a piece away, so that it ends.
        while is_open(&line) {
            let (start, end) = (line[0], line[line.len() - 1]);
            if let Some(next) = taken(&mut open, &mut pieces, |piece| same(piece[0], end)) {
                line.extend_from_slice(&next[1..]);
            } else if let Some(mut before) =
                taken(&mut open, &mut pieces, |piece| same(piece[piece.len() - 1], start))
            {
                before.extend_from_slice(&line[1..]);
                line = before;
            } else {
                // The seam: lines stop short of where they began.
                break;
            }
        }
        all.push(line);
    }
    all
}

/// Takes the first line for which `fits` is true from either list.
fn taken(
    open: &mut Vec<Vec<DVec2>>,
    pieces: &mut Vec<Vec<DVec2>>,
    fits: impl Fn(&Vec<DVec2>) -> bool,
) -> Option<Vec<DVec2>> {
    if let Some(at) = open.iter().position(&fits) {
        return Some(open.swap_remove(at));
    }
    pieces.iter().position(&fits).map(|at| pieces.swap_remove(at))
}

/// Strokes that follow each other, as lines.
fn chains(strokes: &[Stroke]) -> Vec<Vec<DVec2>> {
    let mut lines: Vec<Vec<DVec2>> = Vec::new();
    for &[a, b] in strokes {
        match lines.last_mut() {
            Some(line) if (line[line.len() - 1] - a).abs().max_element() < SAME => line.push(b),
            _ => lines.push(vec![a, b]),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(half: f64) -> Vec<Stroke> {
        let corners =
            [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(x, y)| DVec2::new(x, y) * half);
        (0..4).map(|i| [corners[i], corners[(i + 1) % 4]]).collect()
    }

    fn area(footprint: &Footprint) -> f64 {
        footprint.bits.iter().map(|word| f64::from(word.count_ones())).sum::<f64>() * CELL * CELL
    }

    fn empty() -> Footprint {
        Footprint::new(DVec2::splat(-8.013), DVec2::splat(8.0))
    }

    #[test]
    fn a_ring_is_filled_between_its_outlines_and_half_a_line_beyond() {
        let ring: Vec<Stroke> = [square(5.0), square(3.0)].concat();
        let mut footprint = empty();
        footprint.fill_outlines(&ring, &[], 0.0);
        // 100 − 36 mm², to a cell along 64 mm of outline.
        assert!((area(&footprint) - 64.0).abs() < 64.0 * CELL, "{}", area(&footprint));
        assert!(footprint.is_matter(DVec2::new(4.0, 0.0)) && !footprint.is_matter(DVec2::ZERO));
        let mut wide = empty();
        wide.fill_outlines(&ring, &[], 0.5);
        assert!(wide.is_matter(DVec2::new(5.45, 0.0)) && !wide.is_matter(DVec2::new(5.55, 0.0)));
        assert!(wide.is_matter(DVec2::new(2.55, 0.0)) && !wide.is_matter(DVec2::new(2.45, 0.0)));
    }

    #[test]
    fn a_line_that_changes_its_role_on_the_way_is_still_closed() {
        let whole = square(5.0);
        // The upper edge bulges out and is laid as an overhang; the seam leaves a gap of 0.1 mm at the lower left.
        let bulge = DVec2::new(0.0, 7.0);
        let before = [[whole[0][0] + DVec2::X * 0.1, whole[0][1]], whole[1]];
        let after = [whole[3]];
        let overhang = [[whole[2][0], bulge], [bulge, whole[2][1]]];
        for outer in [[&before[..], &after[..]].concat(), [&after[..], &before[..]].concat()] {
            let mut footprint = empty();
            footprint.fill_outlines(&outer, &overhang, 0.0);
            assert!((area(&footprint) - 110.0).abs() < 42.0 * CELL, "{}", area(&footprint));
            assert!(footprint.is_matter(DVec2::new(0.0, 6.5)) && footprint.is_matter(DVec2::new(-4.5, -4.5)));
        }
    }

    #[test]
    fn pixels_lie_where_their_picture_says_also_when_rows_run_backwards() {
        // Two rows of four pixels of 1 × 2 mm; the second and third pixel of each get light.
        let runs = [(1, 0), (2, 255), (1, 0), (1, 127), (2, 128), (1, 0)];
        let there = |raster: Raster| {
            let mut footprint = empty();
            footprint.fill_pixels(&raster, runs);
            assert!((area(&footprint) - 8.0).abs() < 12.0 * CELL);
            footprint
        };
        let forth = there(Raster { corner: DVec2::new(-2.0, -2.0), across: 1.0, along: 2.0, columns: 4 });
        let back = there(Raster { corner: DVec2::new(2.0, 2.0), across: -1.0, along: -2.0, columns: 4 });
        for footprint in [forth, back] {
            assert!(footprint.is_matter(DVec2::new(0.9, 1.9)) && !footprint.is_matter(DVec2::new(1.1, 0.0)));
        }
    }
}
