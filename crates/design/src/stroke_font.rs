//! Letters made of single lines, so that every stroke of a groove has the same, printable width.

use glam::DVec2;

/// Height of a capital in units of the font's grid; most letters are half as wide.
const HEIGHT: f64 = 8.0;

/// Characters, their widths in grid units, and their lines: points as two digits, x and y, a blank
/// between points and a comma between lines.
///
/// Every character but the space has ink at its left edge, so that text can be read back by trying one
/// character after another. The zero has a stroke across, the O has none.
const GLYPHS: [(char, u8, &str); 45] = [
    ('A', 4, "00 05 28 45 40,03 43"),
    ('B', 4, "00 08 38 47 45 34 04,34 43 41 30 00"),
    ('C', 4, "47 38 18 07 01 10 30 41"),
    ('D', 4, "00 08 28 46 42 20 00"),
    ('E', 4, "48 08 00 40,04 34"),
    ('F', 4, "48 08 00,04 34"),
    ('G', 4, "47 38 18 07 01 10 30 41 44 24"),
    ('H', 4, "00 08,40 48,04 44"),
    ('I', 2, "00 20,08 28,10 18"),
    ('J', 4, "48 41 30 10 01 02"),
    ('K', 4, "00 08,48 04 40"),
    ('L', 4, "08 00 40"),
    ('M', 6, "00 08 33 68 60"),
    ('N', 4, "00 08 40 48"),
    ('O', 4, "10 01 07 18 38 47 41 30 10"),
    ('P', 4, "00 08 38 47 45 34 04"),
    ('Q', 4, "10 01 07 18 38 47 41 30 10,22 40"),
    ('R', 4, "00 08 38 47 45 34 04,24 40"),
    ('S', 4, "47 38 18 07 05 14 34 43 41 30 10 01"),
    ('T', 4, "08 48,28 20"),
    ('U', 4, "08 01 10 30 41 48"),
    ('V', 4, "08 20 48"),
    ('W', 6, "08 10 36 50 68"),
    ('X', 4, "00 48,08 40"),
    ('Y', 4, "08 24 48,24 20"),
    ('Z', 4, "08 48 00 40"),
    ('0', 4, "10 01 07 18 38 47 41 30 10,02 46"),
    ('1', 4, "06 28 20,00 40"),
    ('2', 4, "07 18 38 47 45 00 40"),
    ('3', 4, "07 18 38 47 45 34 43 41 30 10 01,24 34"),
    ('4', 4, "30 38 02 42"),
    ('5', 4, "48 08 05 35 44 41 30 10 01"),
    ('6', 4, "47 38 18 07 01 10 30 41 43 34 14 03"),
    ('7', 4, "08 48 10"),
    ('8', 4, "14 05 07 18 38 47 45 34 14 03 01 10 30 41 43 34"),
    ('9', 4, "01 10 30 41 47 38 18 07 05 14 34 45"),
    ('-', 3, "04 34"),
    ('_', 4, "00 40"),
    ('.', 1, "00 10"),
    ('/', 4, "00 48"),
    (':', 1, "02 12,06 16"),
    ('+', 4, "04 44,26 22"),
    ('^', 4, "20 28,05 28 45"),
    ('>', 5, "04 54,27 54 21"),
    (' ', 2, ""),
];

/// One character: its width and its lines, in shares of the letter height.
#[derive(Clone, Debug, PartialEq)]
pub struct Glyph {
    /// The character.
    pub character: char,
    /// Width from the middle of the leftmost stroke to the middle of the rightmost.
    pub width: f64,
    /// The lines, with (0, 0) at the lower left.
    pub lines: Vec<Vec<DVec2>>,
}

/// The glyph of a character; small letters are written as capitals, `↑` as `^` and `→` as `>`. `None` if it cannot
/// be written.
pub fn glyph(character: char) -> Option<Glyph> {
    let capital = match character {
        '↑' => '^',
        '→' => '>',
        other => other.to_ascii_uppercase(),
    };
    GLYPHS.iter().find(|g| g.0 == capital).map(drawn)
}

/// All glyphs.
pub fn glyphs() -> impl Iterator<Item = Glyph> {
    GLYPHS.iter().map(drawn)
}

fn drawn(&(character, width, lines): &(char, u8, &str)) -> Glyph {
    let digit = |byte: u8| f64::from(byte - b'0') / HEIGHT;
    let point = |p: &str| DVec2::new(digit(p.as_bytes()[0]), digit(p.as_bytes()[1]));
    let line = |line: &str| line.split_ascii_whitespace().map(point).collect();
    Glyph {
        character,
        width: f64::from(width) / HEIGHT,
        lines: lines.split(',').filter(|l| !l.is_empty()).map(line).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_digit_and_sign_is_there_once_and_within_its_box() {
        for c in ('A'..='Z').chain('0'..='9').chain("-./:+ ^>_".chars()) {
            let glyph = glyph(c).unwrap();
            assert_eq!(GLYPHS.iter().filter(|g| g.0 == c).count(), 1);
            let points = || glyph.lines.iter().flatten();
            assert!(points().all(|p| p.x >= 0.0 && p.x <= glyph.width && p.y >= 0.0 && p.y <= 1.0), "{c}");
            assert!(
                c == ' ' || (points().any(|p| p.x == 0.0) && points().any(|p| p.x == glyph.width)),
                "{c}"
            );
        }
        assert_eq!((glyph('q'), glyph('↑'), glyph('→')), (glyph('Q'), glyph('^'), glyph('>')));
        assert_eq!(glyph('é'), None);
    }

    #[test]
    fn no_two_characters_look_the_same() {
        let all: Vec<Glyph> = glyphs().collect();
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a.lines != b.lines), "{}", a.character);
        }
    }
}
