//! Letters for pictures: one size, all of one width; large enough to be read when a report shows a
//! picture at half its size.

/// Width of a letter's cell in pixels.
pub const WIDTH: usize = 14;
/// Height of a letter's cell in pixels; the baseline is 21 below its top.
pub const HEIGHT: usize = 28;

/// DejaVu Sans Mono Bold at 23 pixels as a portable greymap, one cell below the other.
const CELLS: &[u8] = include_bytes!("../../../data/fonts/labels.pgm");

/// Bytes of the greymap's head, `P5\n14 2940\n255\n`.
const HEAD: usize = 15;

/// The characters after those of ASCII, in the order of the cells.
const BEYOND_ASCII: &str = "°²³µ×±–−≤≥";

/// Coverage (0 to 255) of a character's cell, row by row; `None` for a character without a cell.
fn find(character: char) -> Option<&'static [u8]> {
    let cell = match character {
        ' '..='~' => character as usize - ' ' as usize,
        _ => 95 + BEYOND_ASCII.chars().position(|c| c == character)?,
    };
    let start = HEAD + cell * WIDTH * HEIGHT;
    CELLS.get(start..start + WIDTH * HEIGHT)
}

/// Coverage (0 to 255) of a character's cell, row by row; a question mark stands for what has no cell.
pub fn cell(character: char) -> &'static [u8] {
    find(character).or_else(|| find('?')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_whole_cell_and_only_the_space_is_blank() {
        assert_eq!(CELLS.len(), HEAD + WIDTH * HEIGHT * (95 + BEYOND_ASCII.chars().count()));
        for c in (' '..='~').chain(BEYOND_ASCII.chars()) {
            let inked = cell(c).iter().any(|&a| a > 128);
            assert_eq!(inked, c != ' ', "{c}");
        }
        assert_eq!(cell('骨'), cell('?'));
    }
}
