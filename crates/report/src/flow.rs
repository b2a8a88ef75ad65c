//! From texts, tables and pictures to lines and pages.
//!
//! Lengths are points (1/72 inch), y downwards from the top of the page. What a reader should hear is
//! attached to a node of the document's structure; the rest (rules, bars, footers) is decoration.

use crate::face::Face;
use krilla::image::Image;
use std::num::NonZeroU16;

/// A4, and what stays free around the text.
pub const PAGE: [f32; 2] = [595.0, 842.0];
/// Left and right margin.
pub const MARGIN: f32 = 54.0;
const TOP: f32 = 54.0;
const BOTTOM: f32 = 782.0;
/// Width of the text.
pub const WIDTH: f32 = PAGE[0] - 2.0 * MARGIN;

/// Red, green and blue.
pub type Rgb = [u8; 3];
/// Of ordinary text.
pub const INK: Rgb = [29, 38, 48];
/// Of asides.
pub const SOFT: Rgb = [90, 102, 114];
const RULE: Rgb = [210, 215, 221];

/// How a text looks.
#[derive(Clone, Copy)]
pub struct Style {
    /// 0 regular, 1 bold.
    pub face: usize,
    /// Size in points.
    pub size: f32,
    /// Colour.
    pub colour: Rgb,
}

impl Style {
    /// Ordinary text.
    pub const BODY: Self = Self { face: 0, size: 9.5, colour: INK };
    /// Text that stands out.
    pub const STRONG: Self = Self { face: 1, ..Self::BODY };
    /// Asides and captions.
    pub const ASIDE: Self = Self { size: 8.5, colour: SOFT, ..Self::BODY };

    const fn leading(self) -> f32 {
        self.size * 1.42
    }
}

/// What a part of the document is to a reader who hears it.
pub enum Role {
    /// A heading of this level.
    Heading(NonZeroU16, String),
    /// A paragraph.
    Paragraph,
    /// A picture and what it shows.
    Figure(String),
    /// A picture's caption.
    Caption,
    /// A table.
    Table,
    /// A row of a table.
    Row,
    /// The head of a column.
    Column,
    /// A cell.
    Cell,
}

/// A part of the document's structure.
pub struct Node {
    /// What it is.
    pub role: Role,
    /// The part that it belongs to.
    pub parent: Option<usize>,
}

/// What is put on a page.
pub enum Mark {
    /// A line of printable text, by the left end of its baseline.
    Text([f32; 2], Style, String),
    /// A filled box: left, top, width, height.
    Box([f32; 4], Rgb),
    /// A picture in a box.
    Picture([f32; 4], Image),
}

/// Marks of a page, each with the node it belongs to.
pub type Page = Vec<(Mark, Option<usize>)>;

/// A row of a table: the text of each cell and how it looks.
pub type Row = Vec<(String, Style)>;

/// A document growing line by line.
pub struct Flow {
    /// The two faces.
    pub faces: [Face; 2],
    /// The pages so far.
    pub pages: Vec<Page>,
    /// The structure so far.
    pub nodes: Vec<Node>,
    /// Sections: title, page, top.
    pub sections: Vec<(String, usize, f32)>,
    /// Characters that the fonts do not have.
    pub missing: usize,
    y: f32,
}

impl Flow {
    /// A document with one empty page.
    pub fn new(faces: [Face; 2]) -> Self {
        Self { faces, pages: vec![Page::new()], nodes: Vec::new(), sections: Vec::new(), missing: 0, y: TOP }
    }

    /// Adds a part to the structure.
    pub fn node(&mut self, role: Role, parent: Option<usize>) -> usize {
        self.nodes.push(Node { role, parent });
        self.nodes.len() - 1
    }

    /// Puts a mark on the current page.
    pub fn put(&mut self, mark: Mark, node: Option<usize>) {
        if let Some(page) = self.pages.last_mut() {
            page.push((mark, node));
        }
    }

    /// Leaves a gap, unless the page has just begun.
    pub fn gap(&mut self, height: f32) {
        if self.y > TOP {
            self.y += height;
        }
    }

    /// Begins a new page unless `height` still fits on this one. Says whether it did.
    fn reserve(&mut self, height: f32) -> bool {
        let full = self.y + height > BOTTOM && self.y > TOP;
        if full {
            self.pages.push(Page::new());
            self.y = TOP;
        }
        full
    }

    /// The text made printable and broken into lines of at most `width`: at spaces, and between Chinese
    /// characters, but not before what closes nor after what opens.
    pub fn lines(&mut self, text: &str, style: Style, width: f32) -> Vec<String> {
        let face = &self.faces[style.face];
        let (text, missing) = face.printable(text);
        self.missing += missing;
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            for (n, piece) in pieces(word).into_iter().enumerate() {
                let space = if n == 0 && !line.is_empty() { " " } else { "" };
                let longer = format!("{line}{space}{piece}");
                if face.width(&longer, style.size) <= width {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                // What is too long for a line by itself, such as a hash, is broken anywhere.
                for c in piece.chars() {
                    line.push(c);
                    if face.width(&line, style.size) > width && line.chars().count() > 1 {
                        line.pop();
                        lines.push(std::mem::replace(&mut line, c.to_string()));
                    }
                }
            }
        }
        lines.push(line);
        lines
    }

    /// Writes a heading: level 1 the title, level 2 a section, 3 a group.
    pub fn heading(&mut self, text: &str, level: NonZeroU16) {
        let size = match level.get() {
            1 => 19.0,
            2 => 13.0,
            _ => 10.5,
        };
        let style = Style { face: 1, size, colour: INK };
        self.gap(if level.get() == 2 { 20.0 } else { 9.0 });
        // A heading does not stand alone at the foot of a page.
        self.reserve(style.leading() + 56.0);
        if level.get() <= 2 {
            self.sections.push((text.to_owned(), self.pages.len() - 1, self.y));
        }
        let node = self.node(Role::Heading(level, text.to_owned()), None);
        self.write(text, style, [MARGIN, WIDTH], node);
        if level.get() == 2 {
            self.put(Mark::Box([MARGIN, self.y + 2.0, WIDTH, 0.7], RULE), None);
            self.y += 8.0;
        }
    }

    /// Writes a paragraph over the full width.
    pub fn paragraph(&mut self, text: &str, style: Style) {
        let node = self.node(Role::Paragraph, None);
        self.write(text, style, [MARGIN, WIDTH], node);
    }

    /// Writes a paragraph beside a coloured bar.
    pub fn barred(&mut self, text: &str, style: Style, bar: Rgb) {
        let node = self.node(Role::Paragraph, None);
        let inset = 11.0;
        for line in self.lines(text, style, WIDTH - inset) {
            self.reserve(style.leading());
            let height = style.leading();
            self.put(Mark::Box([MARGIN, self.y, 2.5, height + 0.3], bar), None);
            self.line(line, style, MARGIN + inset, node);
        }
    }

    /// Keeps the next `count` lines of a style together where a page is long enough.
    pub fn together(&mut self, count: usize, style: Style) {
        self.reserve((count as f32 * style.leading()).min(BOTTOM - TOP));
    }

    fn write(&mut self, text: &str, style: Style, [left, width]: [f32; 2], node: usize) {
        for line in self.lines(text, style, width) {
            self.reserve(style.leading());
            self.line(line, style, left, node);
        }
    }

    /// One line at the current height, which moves on.
    fn line(&mut self, text: String, style: Style, left: f32, node: usize) {
        let baseline = self.y + style.size * 1.08;
        if !text.is_empty() {
            self.put(Mark::Text([left, baseline], style, text), Some(node));
        }
        self.y += style.leading();
    }

    /// Sets a table; `shares` are the columns' parts of the width. An empty head is left out; otherwise it is
    /// repeated on every page where a row begins.
    pub fn table(&mut self, shares: &[f32], head: &[String], rows: &[Row]) {
        let table = self.node(Role::Table, None);
        let head: Row = head.iter().map(|text| (text.clone(), Style::ASIDE)).collect();
        let missing = self.missing;
        if !head.is_empty() {
            self.reserve(60.0);
            let row = self.node(Role::Row, Some(table));
            let nodes = head.iter().map(|_| Some(self.node(Role::Column, Some(row)))).collect();
            self.row(shares, &head, nodes);
        }
        for cells in rows {
            let lines = self.broken(shares, cells).iter().map(Vec::len).max().unwrap_or(0);
            let height = lines as f32 * Style::BODY.leading() + 2.0 * PAD;
            // A row taller than a third of a page may as well be split.
            if self.reserve(height.min((BOTTOM - TOP) / 3.0)) && !head.is_empty() {
                self.row(shares, &head, vec![None; head.len()]);
            }
            let row = self.node(Role::Row, Some(table));
            let nodes = cells.iter().map(|_| Some(self.node(Role::Cell, Some(row)))).collect();
            self.row(shares, cells, nodes);
        }
        // Cells are broken more than once, but what they lack counts once.
        let texts = rows.iter().flatten().chain(&head);
        let lacking = texts.map(|(text, style)| self.faces[style.face].printable(text).1);
        self.missing = missing + lacking.sum::<usize>();
    }

    /// The cells of a row broken into lines.
    fn broken(&mut self, shares: &[f32], cells: &Row) -> Vec<Vec<String>> {
        let whole: f32 = shares.iter().sum();
        let column = |share: &f32| WIDTH * share / whole - GUTTER;
        let pairs = cells.iter().zip(shares);
        pairs.map(|((text, style), share)| self.lines(text, *style, column(share))).collect()
    }

    fn row(&mut self, shares: &[f32], cells: &Row, nodes: Vec<Option<usize>>) {
        let whole: f32 = shares.iter().sum();
        let broken = self.broken(shares, cells);
        let leading = cells.iter().map(|cell| cell.1.leading()).fold(0.0, f32::max);
        self.y += PAD;
        for n in 0..broken.iter().map(Vec::len).max().unwrap_or(0) {
            self.reserve(leading);
            let mut left = MARGIN;
            for (c, (_, style)) in cells.iter().enumerate() {
                let text = broken[c].get(n).filter(|text| !text.is_empty());
                if let Some(text) = text {
                    let at = [left, self.y + Style::BODY.size * 1.08];
                    self.put(Mark::Text(at, *style, text.clone()), nodes[c]);
                }
                left += WIDTH * shares[c] / whole;
            }
            self.y += leading;
        }
        self.y += PAD;
        self.put(Mark::Box([MARGIN, self.y, WIDTH, 0.5], RULE), None);
    }

    /// Words nobody overlooks, with a line of small ones below.
    pub fn banner(&mut self, huge: &str, small: &str) {
        let style = Style { face: 1, size: 34.0, colour: INK };
        self.gap(6.0);
        self.reserve(style.leading() + 2.0 * Style::BODY.leading());
        let node = self.node(Role::Paragraph, None);
        self.write(huge, style, [MARGIN, WIDTH], node);
        self.paragraph(small, Style::BODY);
    }

    /// A line with a box to be ticked.
    pub fn tick(&mut self, text: &str) {
        let node = self.node(Role::Paragraph, None);
        let (inset, side) = (18.0, 8.5);
        let lines = self.lines(text, Style::BODY, WIDTH - inset);
        self.reserve(lines.len() as f32 * Style::BODY.leading() + 3.0);
        let (left, top) = (MARGIN + 1.0, self.y + 2.0);
        for edge in [
            [left, top, side, 0.8],
            [left, top + side, side + 0.8, 0.8],
            [left, top, 0.8, side],
            [left + side, top, 0.8, side],
        ] {
            self.put(Mark::Box(edge, INK), None);
        }
        for line in lines {
            self.line(line, Style::BODY, MARGIN + inset, node);
        }
        self.y += 3.0;
    }

    /// A bar of this length with a tick at every centimetre, true to scale when printed at 100 %.
    pub fn scale(&mut self, mm: f64, caption: &str) {
        let length = (mm * POINTS_PER_MM) as f32;
        self.gap(8.0);
        self.reserve(40.0);
        let top = self.y + 14.0;
        self.put(Mark::Box([MARGIN, top, length, 1.2], INK), None);
        for tick in 0..=(mm / 10.0) as usize {
            let (at, high) =
                ((tick as f64 * 10.0 * POINTS_PER_MM) as f32, if tick % 5 == 0 { 12.0 } else { 6.0 });
            // The outer ticks end where the bar ends.
            let left = (MARGIN + at - 0.4).clamp(MARGIN, MARGIN + length - 0.8);
            self.put(Mark::Box([left, top - high, 0.8, high], INK), None);
        }
        self.y = top + 4.0;
        self.paragraph(caption, Style::ASIDE);
    }

    /// Sets pictures in rows, each with its caption; a third value is what the picture shows. There are two in
    /// a row, or three where two would leave one alone; small ones stand four in a row.
    pub fn pictures(&mut self, pictures: &[(Image, &str, &str)]) {
        let small = pictures.iter().all(|picture| picture.0.size().0 <= SMALL);
        let columns = match pictures.len() {
            _ if small => 4,
            n if n % 6 == 3 => 3,
            _ => 2,
        };
        let column = (WIDTH + GUTTER) / columns as f32 - GUTTER;
        for row in pictures.chunks(columns) {
            let sized: Vec<_> = row.iter().map(|picture| fitted(&picture.0, column)).collect();
            let captions: Vec<_> = row.iter().map(|p| self.lines(p.1, Style::ASIDE, column)).collect();
            let tallest = sized.iter().map(|size| size[1]).fold(0.0, f32::max);
            let longest = captions.iter().map(Vec::len).max().unwrap_or(0);
            self.gap(6.0);
            self.reserve(tallest + 4.0 + longest as f32 * Style::ASIDE.leading());
            let top = self.y;
            let mut below = top;
            for (i, (image, _, alt)) in row.iter().enumerate() {
                let left = MARGIN + i as f32 * (column + GUTTER);
                let [width, height] = sized[i];
                let figure = self.node(Role::Figure((*alt).to_owned()), None);
                let place = [left + (column - width) / 2.0, top, width, height];
                self.put(Mark::Picture(place, image.clone()), Some(figure));
                let caption = self.node(Role::Caption, None);
                self.y = top + tallest + 4.0;
                for line in &captions[i] {
                    self.line(line.clone(), Style::ASIDE, left, caption);
                }
                below = below.max(self.y);
            }
            self.y = below;
        }
    }
}

/// Points in a millimetre: 72 to the inch of 25.4 mm.
const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// Pictures up to this many pixels wide are small: codes to be scanned.
const SMALL: u32 = 450;

/// A word in pieces between which a line may be broken. Only Chinese has such places within a word.
fn pieces(word: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for c in word.chars() {
        let before = pieces.last().and_then(|piece| piece.chars().last());
        let splits = before.is_some_and(|before| {
            (wide(c) || wide(before)) && !CLOSING.contains(c) && !OPENING.contains(before)
        });
        match pieces.last_mut() {
            Some(piece) if !splits => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

/// Whether a character stands for itself, without spaces around words.
fn wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

/// What does not begin a line.
const CLOSING: &str = "，。、；：？！）》」』】〉％·…,.;:?!)%";
/// What does not end a line.
const OPENING: &str = "（《「『【〈(";

/// Above and below the text of a row.
const PAD: f32 = 3.0;
/// Between columns.
const GUTTER: f32 = 12.0;
/// Pictures are at most this high, so that two rows and their captions fit on a page.
const TALLEST: f32 = 300.0;

/// The size of a picture that fills a column's width, or less where it would be too high.
fn fitted(image: &Image, column: f32) -> [f32; 2] {
    let (width, height) = image.size();
    let shape = height.max(1) as f32 / width.max(1) as f32;
    if column * shape <= TALLEST { [column, column * shape] } else { [TALLEST / shape, TALLEST] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow::new(Face::pair().unwrap())
    }

    #[test]
    fn no_line_is_wider_than_its_column_and_no_letter_is_lost() {
        let text = "A plain sentence, then a hash: \
                    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, and an end.";
        for width in [40.0, 90.0, 300.0] {
            let mut flow = flow();
            let lines = flow.lines(text, Style::BODY, width);
            for line in &lines {
                assert!(flow.faces[0].width(line, Style::BODY.size) <= width, "{line}");
            }
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&lines.concat()), letters(text));
        }
        // Even where one letter is wider than the column, each gets its line.
        assert_eq!(flow().lines("WWW", Style::BODY, 1.0), ["W", "W", "W"]);
    }

    #[test]
    fn everything_stays_between_the_margins_over_many_pages() {
        let mut flow = flow();
        let long = "word ".repeat(2000);
        let cells = |text: &str| vec![("name".to_owned(), Style::STRONG), (text.to_owned(), Style::BODY)];
        flow.heading("Title", NonZeroU16::MIN);
        flow.paragraph(&long, Style::BODY);
        flow.barred(&long, Style::BODY, SOFT);
        let rows: Vec<Row> = (0..80).map(|i| cells(if i == 7 { &long } else { "short" })).collect();
        flow.table(&[1.0, 2.0], &["Name".to_owned(), "Value".to_owned()], &rows);
        assert!(flow.pages.len() > 5);
        for (mark, _) in flow.pages.iter().flatten() {
            let (left, low, right, high) = match mark {
                Mark::Text([x, y], style, text) => {
                    (*x, y - style.size, x + flow.faces[style.face].width(text, style.size), *y)
                }
                Mark::Box([x, y, w, h], _) | Mark::Picture([x, y, w, h], _) => (*x, *y, x + w, y + h),
            };
            assert!(left >= MARGIN - 0.01 && right <= PAGE[0] - MARGIN + 0.01, "{left} {right}");
            assert!(low >= TOP - 0.5 && high <= BOTTOM + 2.0 * PAD + 1.0, "{low} {high}");
        }
        let words = |(mark, _): &(Mark, Option<usize>)| match mark {
            Mark::Text(_, _, text) => text.matches("word").count(),
            _ => 0,
        };
        assert_eq!(flow.pages.iter().flatten().map(words).sum::<usize>(), 6000);
    }

    #[test]
    fn chinese_is_broken_between_characters_but_not_before_a_comma() {
        let mut flow = flow();
        let text = "本模型仅供研究和手术规划使用，不作为医疗器械（参见第 3 页）。";
        for width in [50.0, 73.0, 120.0] {
            let lines = flow.lines(text, Style::BODY, width);
            assert!(lines.len() > 1);
            for line in &lines {
                assert!(flow.faces[0].width(line, Style::BODY.size) <= width, "{line}");
                assert!(!line.starts_with(['，', '。', '）']) && !line.ends_with('（'), "{line}");
            }
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }

    #[test]
    fn the_bar_is_as_long_as_it_says() {
        let mut flow = flow();
        flow.scale(100.0, "100 mm");
        let longest = flow.pages[0].iter().filter_map(|(mark, _)| match mark {
            Mark::Box([_, _, width, _], _) => Some(*width),
            _ => None,
        });
        let points = longest.fold(0.0, f32::max);
        assert!((f64::from(points) / POINTS_PER_MM - 100.0).abs() < 1e-3, "{points}");
    }

    #[test]
    fn what_the_font_lacks_counts_once_in_text_and_table() {
        let mut flow = flow();
        flow.paragraph("𠀀𠀀", Style::BODY);
        flow.table(&[1.0], &["𠀀".to_owned()], &[vec![("a𠀀b".to_owned(), Style::BODY)]]);
        assert_eq!(flow.missing, 4);
    }
}
