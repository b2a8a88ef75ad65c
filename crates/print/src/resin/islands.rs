//! Pieces of a layer with nothing below them: they would not stick to the part but float in the vat.

use super::raster::Run;

/// From this brightness on a pixel counts as cured. Chosen: half of its area is in the section.
pub const CURED: u8 = 128;

/// Cured pixels next to each other in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The row.
    pub row: u32,
    /// The first pixel.
    pub from: u32,
    /// The pixel after the last.
    pub to: u32,
}

/// A piece of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Cured pixels.
    pub pixels: u64,
    /// The longest of its spans: the middle of it lies in the piece.
    pub longest: Span,
}

/// The cured spans of a picture with so many pixels in a row, row after row.
pub fn spans(runs: &[Run], width: u32) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut at = 0_u64;
    for run in runs {
        let (mut from, end) = (at, at + u64::from(run.length));
        at = end;
        if run.value < CURED {
            continue;
        }
        while from < end {
            let row = from / u64::from(width);
            let stop = end.min((row + 1) * u64::from(width));
            let start = row * u64::from(width);
            let span = Span { row: row as u32, from: (from - start) as u32, to: (stop - start) as u32 };
            match found.last_mut() {
                Some(last) if last.row == span.row && last.to == span.from => last.to = span.to,
                _ => found.push(span),
            }
            from = stop;
        }
    }
    found
}

/// The pieces of a layer no pixel of which lies over one of the layer below.
///
/// Pixels hang together over their sides, not their corners.
pub fn islands(layer: &[Span], below: &[Span]) -> Vec<Piece> {
    let mut parent: Vec<u32> = (0..layer.len() as u32).collect();
    meetings(layer, layer, 1, |a, b| {
        let (x, y) = (root(&mut parent, a), root(&mut parent, b));
        parent[x.max(y)] = x.min(y) as u32;
    });
    let mut held = vec![false; layer.len()];
    meetings(layer, below, 0, |a, _| held[a] = true);
    let mut pieces: Vec<Option<Piece>> = vec![None; layer.len()];
    let mut holds = vec![false; layer.len()];
    for (n, span) in layer.iter().enumerate() {
        let top = root(&mut parent, n);
        holds[top] |= held[n];
        let length = |span: &Span| span.to - span.from;
        let piece = pieces[top].get_or_insert(Piece { pixels: 0, longest: *span });
        piece.pixels += u64::from(length(span));
        if length(span) > length(&piece.longest) {
            piece.longest = *span;
        }
    }
    pieces.into_iter().zip(holds).filter(|(_, held)| !held).filter_map(|(piece, _)| piece).collect()
}

/// All pairs of spans that share a column, the second `step` rows above the first.
fn meetings(spans: &[Span], others: &[Span], step: u32, mut met: impl FnMut(usize, usize)) {
    let mut first = 0;
    for (n, span) in spans.iter().enumerate() {
        while others.get(first).is_some_and(|o| (o.row + step, o.to) <= (span.row, span.from)) {
            first += 1;
        }
        for (m, other) in others.iter().enumerate().skip(first) {
            if other.row + step != span.row || other.from >= span.to {
                break;
            }
            met(n, m);
        }
    }
}

/// The span that stands for all that hang together with this one.
fn root(parent: &mut [u32], mut at: usize) -> usize {
    while parent[at] as usize != at {
        parent[at] = parent[parent[at] as usize];
        at = parent[at] as usize;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture drawn with letters: `#` is lit.
    fn picture(rows: &[&str]) -> Vec<Span> {
        let runs: Vec<Run> = rows
            .iter()
            .flat_map(|row| row.bytes())
            .map(|b| Run { length: 1, value: if b == b'#' { 200 } else { 100 } })
            .collect();
        spans(&runs, rows[0].len() as u32)
    }

    #[test]
    fn runs_over_the_end_of_a_row_are_spans_of_their_rows() {
        let runs =
            [Run { length: 3, value: 0 }, Run { length: 4, value: 255 }, Run { length: 3, value: 127 }];
        let found = spans(&runs, 5);
        assert_eq!(found, [Span { row: 0, from: 3, to: 5 }, Span { row: 1, from: 0, to: 2 }]);
    }

    #[test]
    fn only_pieces_with_nothing_below_are_islands() {
        let below = picture(&["......##", "........", "#......."]);
        let layer = picture(&["##..####", ".#..#...", "##..#..#"]);
        let found = islands(&layer, &below);
        // The piece on the left stands on the corner below, the one in the middle hangs on the right.
        assert_eq!(found, [Piece { pixels: 1, longest: Span { row: 2, from: 7, to: 8 } }]);
        assert_eq!(islands(&layer, &[]).len(), 3);
        assert!(islands(&layer, &layer).is_empty() && islands(&[], &layer).is_empty());
    }

    #[test]
    fn pieces_join_over_later_rows_and_corners_do_not_join() {
        let joined = picture(&["#.#.#", "#.#.#", "#####"]);
        let found = islands(&joined, &[]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pixels, found[0].longest), (11, Span { row: 2, from: 0, to: 5 }));
        assert_eq!(islands(&picture(&["#.", ".#"]), &[]).len(), 2);
    }
}
