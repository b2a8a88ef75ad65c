//! The bundled letters: which exist, and how wide they are.

use crate::ReportError;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

const REGULAR: &[u8] = include_bytes!("../../../data/fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../../data/fonts/DejaVuSans-Bold.ttf");
const HAN: &[u8] = include_bytes!("../../../data/fonts/NotoSansSC-subset.otf");

/// Stands for a character that no font has: an empty box.
pub const MISSING: char = '□';

/// One font: its letters and their widths.
struct Letters {
    font: Font,
    letters: FontRef<'static>,
    widths: GlyphMetrics<'static>,
    em: f32,
}

impl Letters {
    fn new(data: &'static [u8]) -> Result<Self, ReportError> {
        let broken = || ReportError::Document("a bundled font cannot be read".to_owned());
        let letters = FontRef::new(data).map_err(|_| broken())?;
        let font = Font::new(data.to_vec().into(), 0).ok_or_else(broken)?;
        let em = font.units_per_em();
        Ok(Self {
            widths: letters.glyph_metrics(Size::unscaled(), LocationRef::default()),
            font,
            letters,
            em,
        })
    }

    fn has(&self, c: char) -> bool {
        self.letters.charmap().map(c).is_some_and(|glyph| glyph.to_u32() > 0)
    }

    /// The glyphs of a text, one for each character.
    fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let charmap = self.letters.charmap();
        let glyph = |(start, c): (usize, char)| {
            let id = charmap.map(c).unwrap_or_default();
            let advance = self.widths.advance_width(id).unwrap_or(0.0) / self.em;
            let range = start..start + c.len_utf8();
            KrillaGlyph::new(GlyphId::new(id.to_u32()), advance, 0.0, 0.0, 0.0, range, None)
        };
        text.char_indices().map(glyph).collect()
    }
}

/// One of the two faces: Latin letters, and Chinese ones for what those lack.
pub struct Face {
    latin: Letters,
    han: Letters,
    embolden: bool,
}

/// A piece of a text that is set in one font.
pub struct Run<'t> {
    /// The piece.
    pub text: &'t str,
    /// Its glyphs.
    pub glyphs: Vec<KrillaGlyph>,
    /// Its font.
    pub font: Font,
    /// Whether the letters have to be drawn bold, because the font is not.
    pub embolden: bool,
}

impl Face {
    /// Regular and bold.
    pub fn pair() -> Result<[Self; 2], ReportError> {
        let face =
            |data, embolden| Ok(Self { latin: Letters::new(data)?, han: Letters::new(HAN)?, embolden });
        Ok([face(REGULAR, false)?, face(BOLD, true)?])
    }

    /// The text with a visible mark for each character that no font has, and how many there were. Line
    /// breaks and tabs become spaces.
    pub fn printable(&self, text: &str) -> (String, usize) {
        let mut missing = 0;
        let map = |c: char| {
            if matches!(c, '\n' | '\r' | '\t') {
                return ' ';
            }
            let known = self.latin.has(c) || self.han.has(c);
            missing += usize::from(!known);
            if known { c } else { MISSING }
        };
        let printable = text.chars().map(map).collect();
        (printable, missing)
    }

    /// Width of a printable text at a size, both in points.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        let advances = self.runs(text).into_iter().flat_map(|run| run.glyphs);
        advances.map(|glyph| glyph.x_advance).sum::<f32>() * size
    }

    /// A printable text in pieces of one font each, in order.
    pub fn runs<'t>(&self, text: &'t str) -> Vec<Run<'t>> {
        let mut runs = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let latin = self.latin.has(first);
            let end = rest.find(|c: char| self.latin.has(c) != latin).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            let letters = if latin { &self.latin } else { &self.han };
            runs.push(Run {
                text: piece,
                glyphs: letters.glyphs(piece),
                font: letters.font.clone(),
                embolden: self.embolden && !latin,
            });
            rest = after;
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_have_the_letters_and_signs_a_report_needs() {
        for face in Face::pair().unwrap() {
            let needed = "Aäöüßéèñçşłőż 0123456789 ° ² ³ µ × ± – — · → ≤ ≥ − \u{a0}";
            assert_eq!(face.printable(needed), (needed.to_owned(), 0));
        }
    }

    #[test]
    fn a_letter_no_font_has_is_marked_and_never_dropped() {
        let [regular, _] = Face::pair().unwrap();
        assert_eq!(regular.printable("𠀀 B\u{7}\n"), ("□ B□ ".to_owned(), 2));
        assert!(regular.width("□", 10.0) > 5.0);
    }

    #[test]
    fn widths_add_up_and_grow_with_size_and_weight() {
        let [regular, bold] = Face::pair().unwrap();
        let whole = regular.width("bone", 10.0);
        let parts = regular.width("bo", 10.0) + regular.width("ne", 10.0);
        assert!((whole - parts).abs() < 1e-4);
        assert!(bold.width("bone", 10.0) > whole && regular.width("bone", 20.0) > 1.99 * whole);
    }

    #[test]
    fn every_character_of_the_chinese_texts_is_there() {
        let [regular, bold] = Face::pair().unwrap();
        let texts = [
            include_str!("../../../data/report/texts.toml"),
            include_str!("../../../data/report/phrases.toml"),
            include_str!("../../../data/report/findings.toml"),
            include_str!("../../../data/report/levels.toml"),
            include_str!("../../../data/terminology.toml"),
        ];
        for text in texts {
            assert_eq!((regular.printable(text).1, bold.printable(text).1), (0, 0));
        }
    }

    #[test]
    fn a_mixed_text_is_set_in_pieces_that_make_it_up_again() {
        let [_, bold] = Face::pair().unwrap();
        let text = "第 3 腰椎（L3），左";
        let runs = bold.runs(text);
        assert_eq!(runs.iter().map(|run| run.text).collect::<String>(), text);
        assert!(runs.len() > 3 && runs[0].embolden && !runs[1].embolden);
        assert!((bold.width("腰", 10.0) - 10.0).abs() < 1e-3);
    }
}
