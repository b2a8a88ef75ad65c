//! The bundled letters: which exist, and how wide they are.

use crate::ReportError;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

const REGULAR: &[u8] = include_bytes!("../../../data/fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../../data/fonts/DejaVuSans-Bold.ttf");

/// Stands for a character that the font does not have: an empty box.
pub const MISSING: char = '□';

/// One of the two faces.
pub struct Face {
    font: Font,
    letters: FontRef<'static>,
    widths: GlyphMetrics<'static>,
    em: f32,
}

impl Face {
    /// Regular and bold.
    pub fn pair() -> Result<[Self; 2], ReportError> {
        Ok([Self::new(REGULAR)?, Self::new(BOLD)?])
    }

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

    /// The face for the writer.
    pub fn font(&self) -> Font {
        self.font.clone()
    }

    /// The text with a visible mark for each character that the face does not have, and how many there
    /// were. Line breaks and tabs become spaces.
    pub fn printable(&self, text: &str) -> (String, usize) {
        let mut missing = 0;
        let map = |c: char| {
            if matches!(c, '\n' | '\r' | '\t') {
                return ' ';
            }
            let known = self.letters.charmap().map(c).is_some_and(|glyph| glyph.to_u32() > 0);
            missing += usize::from(!known);
            if known { c } else { MISSING }
        };
        let printable = text.chars().map(map).collect();
        (printable, missing)
    }

    /// Width of a printable text at a size, both in points.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        self.glyphs(text).iter().map(|glyph| glyph.x_advance).sum::<f32>() * size
    }

    /// The glyphs of a printable text, one for each character.
    pub fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
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
    fn a_letter_the_font_lacks_is_marked_and_never_dropped() {
        let [regular, _] = Face::pair().unwrap();
        assert_eq!(regular.printable("骨 B\u{7}\n"), ("□ B□ ".to_owned(), 2));
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
}
