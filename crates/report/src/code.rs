//! A text as a QR code, a picture that a telephone or a hand scanner reads.

use crate::ReportError;
use crate::facts::Figure;
use osteon_view::Picture;
use qrcode::{Color, EcLevel, QrCode};

/// Pixels of a module. Chosen: coarse enough to stay sharp in print, small enough for four in a row.
const MODULE: usize = 6;

/// Modules that stay white around the code: ISO/IEC 18004 asks for four.
const QUIET: usize = 4;

/// The text as a picture to be scanned, with its caption. Level M: it is still read when 15 % of it are dirty.
///
/// # Errors
/// [`ReportError::Code`] when the text is too long, [`ReportError::Document`] when the picture cannot be made.
pub fn scannable(text: &str, caption: &str) -> Result<Figure, ReportError> {
    let code =
        QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| ReportError::Code(text.len()))?;
    let side = code.width();
    let pixels = (side + 2 * QUIET) * MODULE;
    let failed = |why: &dyn std::fmt::Display| ReportError::Document(why.to_string());
    let mut picture = Picture::new([pixels, pixels], [255, 255, 255]).map_err(|e| failed(&e))?;
    let dark = code.to_colors();
    for (n, _) in dark.iter().enumerate().filter(|(_, colour)| **colour == Color::Dark) {
        let at = [n % side, n / side].map(|module| (module + QUIET) * MODULE);
        picture.fill(at.map(|c| c as i64), at.map(|c| (c + MODULE) as i64), [0, 0, 0]);
    }
    Figure::new(caption, text, &picture).map_err(|e| failed(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_a_quiet_border() {
        let figure = scannable("osteon:DEMO-1/vertebra-L3/0123456789abcdef", "L3").unwrap();
        assert_eq!(figure.alt, "osteon:DEMO-1/vertebra-L3/0123456789abcdef");
        assert_eq!(figure, scannable("osteon:DEMO-1/vertebra-L3/0123456789abcdef", "L3").unwrap());
        assert_ne!(figure.png, scannable("osteon:DEMO-2/vertebra-L3/0123456789abcdef", "L3").unwrap().png);
        assert_eq!(scannable(&"x".repeat(4000), "").unwrap_err(), ReportError::Code(4000));
    }
}
