//! One section as light: every pixel is lit as far as the section covers it.
//!
//! The share of each pixel that lies within outlines is summed exactly, edge by edge: an edge covers what lies beyond
//! it in its row, so the sum over a closed outline is the area inside. What lies within several outlines would count
//! several times; inside, the sum is cut at one. Where two different shells cover a part of one pixel each that is not
//! exact, and the rows in which it happens are drawn a second time as the union of intervals on [`LINES`] lines.

use glam::DVec2;

/// Neighbouring pixels of the same brightness, in the order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many.
    pub length: u32,
    /// Their brightness, 255 is all light.
    pub value: u8,
}

/// A straight piece of an outline in a picture: columns and rows from its first corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Where it starts: matter is on its left, seen from above the plate.
    pub from: DVec2,
    /// Where it ends.
    pub to: DVec2,
    /// The shell it belongs to.
    pub shell: u32,
}

/// A picture's size and how its brightness is stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row, and rows.
    pub pixels: [u32; 2],
    /// True where the picture is a mirror image of the plate seen from above.
    pub mirrored: bool,
    /// Brightnesses between none and all light, both counted: 2 to 256.
    pub levels: u32,
}

/// Lines in a row of pixels where outlines of several shells share a pixel.
///
/// Chosen: an error of at most 1/64 of the pixels an edge crosses at a slant, of which there are few.
const LINES: u32 = 32;

/// What one edge adds to one pixel, and to all beyond it in the row.
#[derive(Clone, Copy, Debug)]
struct Cell {
    row: u32,
    column: u32,
    shell: u32,
    /// What it adds to the pixels to the right.
    cover: f64,
    /// What it adds to the pixel itself.
    area: f64,
}

/// Draws a section: the runs of all pixels of the picture, row after row.
pub fn draw(edges: &[Edge], frame: &Frame) -> Vec<Run> {
    let mut cells = Vec::with_capacity(edges.len() * 4);
    let mut edge_cells = Sink { frame, cells: &mut cells };
    for edge in edges {
        edge_cells.edge(edge);
    }
    let mut rows = by_row(&cells, frame);
    let shared = shared(&rows);
    if !shared.is_empty() {
        rows.replace(&shared, united(edges, &shared, frame));
    }
    runs(&rows, frame)
}

/// Where cells are put.
struct Sink<'a> {
    frame: &'a Frame,
    cells: &'a mut Vec<Cell>,
}

impl Sink<'_> {
    /// Adds an edge, row by row.
    fn edge(&mut self, edge: &Edge) {
        let rows = f64::from(self.frame.pixels[1]);
        // With matter on its left as seen, an edge that runs down the rows has it on the side of higher columns.
        let hand = if self.frame.mirrored { -1.0 } else { 1.0 };
        let (sign, p, q) =
            if edge.from.y < edge.to.y { (hand, edge.from, edge.to) } else { (-hand, edge.to, edge.from) };
        let (top, bottom) = (p.y.max(0.0), q.y.min(rows));
        if top >= bottom {
            return;
        }
        let slope = (q.x - p.x) / (q.y - p.y);
        let at = |y: f64| if y == q.y { q.x } else { p.x + (y - p.y) * slope };
        let (mut y, mut x) = (top, at(top));
        let mut row = top.floor();
        while y < bottom {
            let next = (row + 1.0).min(bottom);
            let there = at(next);
            self.row(row as u32, [x, there], sign * (next - y), edge.shell);
            (y, x) = (next, there);
            row += 1.0;
        }
    }

    /// Adds the part of an edge within one row, from one x to another, `height` of the row high.
    fn row(&mut self, row: u32, [a, b]: [f64; 2], height: f64, shell: u32) {
        let width = f64::from(self.frame.pixels[0]);
        let (low, high) = (a.min(b).clamp(0.0, width), a.max(b).clamp(0.0, width));
        let (first, last) = (low.floor(), high.floor());
        let mut add = |column: f64, cover: f64, middle: f64| {
            let area = cover * (1.0 - (middle - column));
            self.cells.push(Cell { row, column: column as u32, shell, cover, area });
        };
        if first == last {
            return add(first, height, (low + high) / 2.0);
        }
        let (mut left, mut column, mut rest) = (low, first, height);
        while column < last {
            let right = column + 1.0;
            let part = height * (right - left) / (high - low);
            add(column, part, (left + right) / 2.0);
            rest -= part;
            (left, column) = (right, right);
        }
        // What is left, not what is worked out: the parts then add up to the whole.
        add(last, rest, (left + high) / 2.0);
    }
}

/// Cells in the order of rows and columns.
struct Rows {
    first: u32,
    /// Where each row begins, and the last one ends.
    starts: Vec<usize>,
    cells: Vec<Cell>,
    /// Rows drawn again: their number and cells.
    again: Vec<(u32, Vec<Cell>)>,
}

impl Rows {
    fn numbers(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.starts.len().saturating_sub(1) as u32
    }

    fn row(&self, row: u32) -> &[Cell] {
        if let Ok(found) = self.again.binary_search_by_key(&row, |a| a.0) {
            return &self.again[found].1;
        }
        let n = (row - self.first) as usize;
        &self.cells[self.starts[n]..self.starts[n + 1]]
    }

    fn replace(&mut self, rows: &[u32], cells: Vec<Cell>) {
        let mut again: Vec<(u32, Vec<Cell>)> = rows.iter().map(|&row| (row, Vec::new())).collect();
        for cell in cells {
            if let Ok(found) = again.binary_search_by_key(&cell.row, |a| a.0) {
                again[found].1.push(cell);
            }
        }
        for (_, cells) in &mut again {
            cells.sort_by_key(|cell| cell.column);
        }
        self.again = again;
    }
}

/// Sorts cells by row and column; those of one pixel stay in the order they came.
fn by_row(cells: &[Cell], frame: &Frame) -> Rows {
    let first = cells.iter().map(|c| c.row).min().unwrap_or(0);
    let last = cells.iter().map(|c| c.row).max().unwrap_or(0).min(frame.pixels[1] - 1);
    let count = if cells.is_empty() { 0 } else { (last - first + 1) as usize };
    let mut starts = vec![0; count + 1];
    for cell in cells {
        starts[(cell.row - first) as usize + 1] += 1;
    }
    for n in 0..count {
        starts[n + 1] += starts[n];
    }
    let mut next = starts.clone();
    let mut sorted = cells.to_vec();
    for cell in cells {
        let place = &mut next[(cell.row - first) as usize];
        sorted[*place] = *cell;
        *place += 1;
    }
    for n in 0..count {
        sorted[starts[n]..starts[n + 1]].sort_by_key(|cell| cell.column);
    }
    Rows { first, starts, cells: sorted, again: Vec::new() }
}

/// The rows in which two shells cover a part of one pixel each: their sum need not be what they cover together.
fn shared(rows: &Rows) -> Vec<u32> {
    let mut covers = Vec::new();
    rows.numbers().filter(|&row| is_shared(rows.row(row), &mut covers)).collect()
}

fn is_shared(row: &[Cell], covers: &mut Vec<(u32, f64)>) -> bool {
    if row.iter().all(|cell| cell.shell == row[0].shell) {
        return false;
    }
    covers.clear();
    for pixel in row.chunk_by(|a, b| a.column == b.column) {
        let first = pixel[0].shell;
        // A shell covers a part of this pixel by an edge in it, or by one that runs along the row.
        let other = |(shell, cover): &(u32, f64)| *shell != first && !is_whole(*cover);
        if pixel.iter().any(|cell| cell.shell != first) || covers.iter().any(other) {
            return true;
        }
        let added: f64 = pixel.iter().map(|cell| cell.cover).sum();
        match covers.iter_mut().find(|(shell, _)| *shell == first) {
            Some((_, cover)) => *cover += added,
            None => covers.push((first, added)),
        }
        covers.retain(|(_, cover)| cover.abs() > WHOLE);
    }
    false
}

/// True for a sum of covers that is a whole number but for rounding.
fn is_whole(cover: f64) -> bool {
    (cover - cover.round()).abs() <= WHOLE
}

/// How far a sum of covers may be from a whole number. Chosen: a thousandth of a step of brightness.
const WHOLE: f64 = 4e-6;

/// The cells of the union of all outlines in some rows, by intervals on lines.
fn united(edges: &[Edge], rows: &[u32], frame: &Frame) -> Vec<Cell> {
    let lines = f64::from(LINES);
    let hand = if frame.mirrored { -1 } else { 1 };
    let mut crossings: Vec<(u32, f64, i32)> = Vec::new();
    for edge in edges {
        let (sign, p, q) =
            if edge.from.y < edge.to.y { (hand, edge.from, edge.to) } else { (-hand, edge.to, edge.from) };
        let from = rows.partition_point(|&row| f64::from(row + 1) <= p.y);
        for (n, &row) in rows.iter().enumerate().skip(from).take_while(|(_, row)| f64::from(**row) < q.y) {
            for line in 0..LINES {
                let y = f64::from(row) + (f64::from(line) + 0.5) / lines;
                if p.y <= y && y < q.y {
                    let x = p.x + (y - p.y) * (q.x - p.x) / (q.y - p.y);
                    crossings.push((n as u32 * LINES + line, x.clamp(0.0, f64::from(frame.pixels[0])), sign));
                }
            }
        }
    }
    crossings.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut cells = Vec::new();
    for line in crossings.chunk_by(|a, b| a.0 == b.0) {
        let row = rows[(line[0].0 / LINES) as usize];
        for [start, end] in intervals(line.iter().map(|c| (c.1, c.2))) {
            for (x, cover) in [(start, 1.0 / lines), (end, -1.0 / lines)] {
                let column = x.floor();
                let area = cover * (1.0 - (x - column));
                cells.push(Cell { row, column: column as u32, shell: 0, cover, area });
            }
        }
    }
    cells
}

/// Where a line with sorted crossings is within any outline: those that go around it at least once.
pub(crate) fn intervals(crossings: impl Iterator<Item = (f64, i32)>) -> Vec<[f64; 2]> {
    let mut found = Vec::new();
    let (mut around, mut start) = (0, 0.0);
    for (x, sign) in crossings {
        let before = around;
        around += sign;
        if before == 0 {
            start = x;
        } else if around == 0 && x > start {
            found.push([start, x]);
        }
    }
    found
}

/// The runs of all rows.
fn runs(rows: &Rows, frame: &Frame) -> Vec<Run> {
    let [width, height] = frame.pixels;
    let steps = f64::from(frame.levels - 1);
    let value = |cover: f64| {
        let step = (cover.abs().min(1.0) * steps).round();
        (step * 255.0 / steps).round() as u8
    };
    let mut runs = Runs(Vec::new());
    runs.add(u64::from(rows.first) * u64::from(width), 0);
    for row in rows.numbers() {
        let (mut cover, mut next) = (0.0, 0);
        for pixel in rows.row(row).chunk_by(|a, b| a.column == b.column) {
            let column = pixel[0].column;
            if column >= width {
                break;
            }
            runs.add(u64::from(column - next), value(cover));
            let here: f64 = cover + pixel.iter().map(|cell| cell.area).sum::<f64>();
            runs.add(1, value(here));
            cover += pixel.iter().map(|cell| cell.cover).sum::<f64>();
            next = column + 1;
        }
        // What reaches the last column closes there.
        runs.add(u64::from(width - next), value(cover));
    }
    let done = u64::from(rows.numbers().end) * u64::from(width);
    runs.add(u64::from(width) * u64::from(height) - done, 0);
    runs.0
}

/// Runs that are put together where they are alike.
pub(crate) struct Runs(pub(crate) Vec<Run>);

impl Runs {
    /// Adds pixels; a screen has fewer than 2³².
    pub(crate) fn add(&mut self, length: u64, value: u8) {
        if length == 0 {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.value == value => last.length += length as u32,
            _ => self.0.push(Run { length: length as u32, value }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: Frame = Frame { pixels: [64, 48], mirrored: false, levels: 256 };

    /// The edges of a closed outline; counter-clockwise on the plate is clockwise with rows running downward.
    fn outline(corners: &[[f64; 2]], shell: u32) -> Vec<Edge> {
        let at = |n: usize| DVec2::from_array(corners[n % corners.len()]);
        (0..corners.len()).map(|n| Edge { from: at(n + 1), to: at(n), shell }).collect()
    }

    fn square(x: f64, y: f64, edge: f64, shell: u32) -> Vec<Edge> {
        outline(&[[x, y], [x + edge, y], [x + edge, y + edge], [x, y + edge]], shell)
    }

    fn picture(runs: &[Run]) -> Vec<u8> {
        runs.iter().flat_map(|run| std::iter::repeat_n(run.value, run.length as usize)).collect()
    }

    fn light(runs: &[Run]) -> f64 {
        runs.iter().map(|run| f64::from(run.length) * f64::from(run.value)).sum::<f64>() / 255.0
    }

    #[test]
    fn every_pixel_is_lit_as_far_as_a_square_covers_it() {
        let picture = picture(&draw(&square(3.25, 5.5, 2.0, 0), &FRAME));
        assert_eq!(picture.len(), 64 * 48);
        let share = |from: f64, to: f64, n: f64| (to.min(n + 1.0) - from.max(n)).max(0.0);
        for (n, value) in picture.iter().enumerate() {
            let (column, row) = ((n % 64) as f64, (n / 64) as f64);
            let truth = 255.0 * share(3.25, 5.25, column) * share(5.5, 7.5, row);
            assert!((f64::from(*value) - truth).abs() <= 0.5 + 1e-9, "{column} {row}: {value} {truth}");
        }
    }

    #[test]
    fn nothing_is_dark_in_every_pixel_and_edges_of_the_picture_close() {
        assert_eq!(draw(&[], &FRAME), [Run { length: 64 * 48, value: 0 }]);
        let all = outline(&[[0.0, 0.0], [64.0, 0.0], [64.0, 48.0], [0.0, 48.0]], 0);
        assert_eq!(draw(&all, &FRAME), [Run { length: 64 * 48, value: 255 }]);
        let beyond = outline(&[[-5.0, -5.0], [70.0, -5.0], [70.0, 60.0], [-5.0, 60.0]], 0);
        assert_eq!(draw(&beyond, &FRAME), [Run { length: 64 * 48, value: 255 }]);
    }

    #[test]
    fn overlapping_shells_are_one() {
        let mut edges = square(3.25, 5.5, 8.0, 0);
        edges.extend(square(7.75, 9.25, 8.0, 1));
        // 2 · 64 less the square of 3.5 × 4.25; each of ~60 border pixels is rounded by at most 1/510.
        let truth = 128.0 - 3.5 * 4.25;
        assert!((light(&draw(&edges, &FRAME)) - truth).abs() < 60.0 / 510.0);
        // The same square twice is the square.
        let mut twice = square(3.3, 5.7, 8.2, 0);
        let once = draw(&twice, &FRAME);
        twice.extend(square(3.3, 5.7, 8.2, 1));
        assert!((light(&draw(&twice, &FRAME)) - light(&once)).abs() < 8.2 * 4.0 / LINES as f64);
    }

    #[test]
    fn fewer_levels_are_even_steps_and_two_are_black_and_white() {
        let edges = square(3.25, 5.5, 2.0, 0);
        let values = |levels| {
            let mut found: Vec<u8> =
                draw(&edges, &Frame { levels, ..FRAME }).iter().map(|run| run.value).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        assert_eq!(values(2), [0, 255]);
        // Shares 0.125, 0.25, 0.375, 0.5, 0.75 of four steps.
        assert_eq!(values(5), [0, 64, 128, 191, 255]);
    }

    #[test]
    fn a_mirrored_picture_of_mirrored_edges_is_lit_alike() {
        let edges = outline(&[[3.2, 4.1], [20.4, 6.6], [9.9, 30.3]], 0);
        let flip = |p: DVec2| DVec2::new(64.0 - p.x, p.y);
        let flipped: Vec<Edge> =
            edges.iter().map(|e| Edge { from: flip(e.from), to: flip(e.to), ..*e }).collect();
        let straight = picture(&draw(&edges, &FRAME));
        let mirrored = picture(&draw(&flipped, &Frame { mirrored: true, ..FRAME }));
        for (row, other) in straight.chunks(64).zip(mirrored.chunks(64)) {
            assert!(row.iter().zip(other.iter().rev()).all(|(a, b)| a.abs_diff(*b) <= 1));
        }
    }

    proptest! {
        #[test]
        fn the_light_of_a_triangle_is_its_area(
            corners in prop::array::uniform3((1.0..63.0f64, 1.0..47.0f64)), tiny in prop::bool::ANY,
        ) {
            let scale = if tiny { 0.02 } else { 1.0 };
            let [a, b, c] = corners.map(|(x, y)| [30.0 + (x - 30.0) * scale, 20.0 + (y - 20.0) * scale]);
            let twice = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
            let order = if twice > 0.0 { [a, b, c] } else { [a, c, b] };
            let runs = draw(&outline(&order, 0), &FRAME);
            prop_assert_eq!(runs.iter().map(|r| u64::from(r.length)).sum::<u64>(), 64 * 48);
            // A border pixel is rounded by at most 1/510; a triangle has at most 3 · (64 + 48) of them.
            let border = runs.iter().filter(|r| r.value > 0 && r.value < 255).map(|r| r.length).sum::<u32>() + 12;
            prop_assert!((light(&runs) - twice.abs() / 2.0).abs() <= f64::from(border) / 510.0);
        }

        #[test]
        fn two_shells_are_lit_as_their_union(x in 0.0..12.0f64, y in 0.0..12.0f64) {
            let mut edges = square(10.3, 10.4, 9.0, 0);
            edges.extend(square(10.3 + x, 10.4 + y, 9.0, 1));
            let truth = 162.0 - (9.0 - x).max(0.0) * (9.0 - y).max(0.0);
            // Rounding as above; rows drawn on lines err by half a line at the squares' upper and lower edges.
            let within = 72.0 / 510.0 + 36.0 / (2.0 * f64::from(LINES)) ;
            prop_assert!((light(&draw(&edges, &FRAME)) - truth).abs() < within);
        }
    }
}
