//! Side letters at a picture's edges, and a scale bar.

use crate::camera::Camera;
use crate::label;
use crate::picture::{Colour, Picture};
use glam::DVec3;

/// Ink and rim of the marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// Colour of letters and bar.
    pub ink: Colour,
    /// Colour of the thin rim around them.
    pub rim: Colour,
}

impl Ink {
    /// For a light ground.
    pub const ON_LIGHT: Self = Self { ink: [52, 60, 70], rim: [248, 249, 250] };
    /// For a dark ground.
    pub const ON_DARK: Self = Self { ink: [255, 236, 170], rim: [0, 0, 0] };
}

/// Share of a direction that must lie along an axis of the patient for the axis to be named.
///
/// A quarter is 14° off the plane of the others: DICOM's own examples name the second axis from about there.
const NAMED: f64 = 0.25;

/// The sides of the patient that a direction (LPS) points to, the strongest first, at most two:
/// R, L, A (front), P (back), H (head), F (foot).
pub fn sides(direction: DVec3) -> String {
    let mut parts: Vec<(f64, char)> = [('L', 'R'), ('P', 'A'), ('H', 'F')]
        .into_iter()
        .zip(direction.to_array())
        .map(|((plus, minus), c)| (c.abs(), if c > 0.0 { plus } else { minus }))
        .filter(|part| part.0 > NAMED)
        .collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts.into_iter().take(2).map(|part| part.1).collect()
}

/// Writes the side letters at the four edges and a scale bar (50 mm, or less where that is too long)
/// at the bottom left.
pub fn mark(picture: &mut Picture, camera: &Camera, ink: Ink) {
    let [width, height] = picture.size().map(|side| side as i64);
    let [right, up, _] = camera.axes();
    let (cell, line) = (label::WIDTH as i64, label::HEIGHT as i64);
    let middle = |text: &str| (width - cell * text.len() as i64) / 2;
    let [east, west, north, south] = [right, -right, up, -up].map(sides);
    let beside = (height - line) / 2;
    picture.text([width - 6 - cell * east.len() as i64, beside], &east, ink.ink, ink.rim);
    picture.text([6, beside], &west, ink.ink, ink.rim);
    picture.text([middle(&north), 4], &north, ink.ink, ink.rim);
    picture.text([middle(&south), height - line - 4], &south, ink.ink, ink.rim);
    scale_bar(picture, camera.mm_per_pixel(), ink);
}

fn scale_bar(picture: &mut Picture, mm_per_pixel: f64, ink: Ink) {
    let [width, height] = picture.size().map(|side| side as f64);
    let Some(length) =
        [50.0, 20.0, 10.0, 5.0, 2.0, 1.0].into_iter().find(|length| length / mm_per_pixel < 0.35 * width)
    else {
        return;
    };
    let (left, y) = (14.0, height - 12.5);
    let right = left + length / mm_per_pixel;
    let bar =
        [[[left, y], [right, y]], [[left, y - 4.0], [left, y + 4.0]], [[right, y - 4.0], [right, y + 4.0]]];
    picture.strokes(&bar, 4.0, ink.rim);
    picture.strokes(&bar, 2.0, ink.ink);
    picture.text([14, height as i64 - 46], &format!("{length} mm"), ink.ink, ink.rim);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::View;
    use osteon_core::{Aabb, Point};

    #[test]
    fn letters_name_the_sides_that_a_view_shows() {
        let bounds = Aabb::around([Point::new(0.0, 0.0, 0.0), Point::new(100.0, 100.0, 100.0)]);
        let edges = |view| {
            let [right, up, _] = Camera::fit(view, &bounds, [300, 300]).unwrap().axes();
            [-right, right, up, -up].map(sides).join(" ")
        };
        assert_eq!(edges(View::AXIAL), "R L A P");
        assert_eq!(edges(View::CORONAL), "R L H F");
        assert_eq!(edges(View::SAGITTAL), "A P H F");
        assert_eq!(edges(View::Posterior), "L R H F");
        assert_eq!(edges(View::Right), "P A H F");
        assert_eq!(edges(View::Oblique), "RA LP HP FA");
        assert_eq!(sides(DVec3::new(0.0, -0.6, 0.8)), "HA");
    }

    #[test]
    fn the_scale_bar_is_as_long_as_it_says() {
        // 0.5 mm a pixel: 50 mm are 100 pixels.
        let bounds = Aabb::around([Point::new(0.0, 0.0, 0.0), Point::new(200.0, 1.0, 200.0)]);
        let camera = Camera::fit(View::Anterior, &bounds, [476, 476]).unwrap();
        assert!((camera.mm_per_pixel() - 0.5).abs() < 1e-12);
        let mut picture = Picture::new([476, 476], [255; 3]).unwrap();
        mark(&mut picture, &camera, Ink::ON_LIGHT);
        let dark = |x: usize| picture.at(x, 463)[0] < 100;
        let inked: Vec<usize> = (0..200).filter(|&x| dark(x)).collect();
        // The end ticks are two pixels wide, one of them outside the length.
        assert_eq!((inked[0], inked[inked.len() - 1]), (13, 114));
        assert_eq!(inked.len(), 102);
    }
}
