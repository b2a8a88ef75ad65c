//! Pixels, and what is drawn over them.

use crate::{LARGEST, ViewError, label};

/// Red, green and blue, 0 to 255 (sRGB).
pub type Colour = [u8; 3];

/// A colour picture, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    size: [usize; 2],
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture of `size` (width, height) pixels in one colour.
    ///
    /// # Errors
    /// [`ViewError::Size`] when a side is 0 or larger than [`LARGEST`].
    pub fn new(size: [usize; 2], colour: Colour) -> Result<Self, ViewError> {
        if size.iter().any(|side| !(1..=LARGEST).contains(side)) {
            return Err(ViewError::Size(size[0], size[1]));
        }
        Ok(Self { size, rgb: colour.repeat(size[0] * size[1]) })
    }

    /// Width and height in pixels.
    pub const fn size(&self) -> [usize; 2] {
        self.size
    }

    /// All pixels, three bytes each.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// All pixels, to be changed in place.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The colour of a pixel; black outside the picture.
    pub fn at(&self, x: usize, y: usize) -> Colour {
        if x >= self.size[0] || y >= self.size[1] {
            return [0; 3];
        }
        let i = 3 * (y * self.size[0] + x);
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }

    /// Mixes a colour into a pixel, `share` 0 (nothing) to 255 (all); does nothing outside the picture.
    pub fn mix(&mut self, x: i64, y: i64, colour: Colour, share: u8) {
        let [width, height] = self.size.map(|side| side as i64);
        if !(0..width).contains(&x) || !(0..height).contains(&y) {
            return;
        }
        let i = 3 * (y * width + x) as usize;
        let share = u32::from(share);
        for (old, new) in self.rgb[i..i + 3].iter_mut().zip(colour) {
            let sum = u32::from(*old) * (255 - share) + u32::from(new) * share;
            *old = ((sum + 127) / 255) as u8;
        }
    }

    /// Fills the rectangle from `from` to just before `to`, in pixels.
    pub fn fill(&mut self, from: [i64; 2], to: [i64; 2], colour: Colour) {
        for y in from[1].max(0)..to[1].min(self.size[1] as i64) {
            for x in from[0].max(0)..to[0].min(self.size[0] as i64) {
                self.mix(x, y, colour, 255);
            }
        }
    }

    /// Draws straight strokes of one width and colour, all in pixels, with smooth edges.
    ///
    /// Where strokes meet or cross, the colour is not mixed in twice.
    pub fn strokes(&mut self, strokes: &[[[f64; 2]; 2]], width: f64, colour: Colour) {
        let mut cover = vec![0_u8; self.size[0] * self.size[1]];
        for &[from, to] in strokes {
            cover_stroke(&mut cover, self.size, [from, to], width / 2.0);
        }
        let columns = self.size[0];
        for (i, &share) in cover.iter().enumerate().filter(|c| *c.1 > 0) {
            self.mix((i % columns) as i64, (i / columns) as i64, colour, share);
        }
    }

    /// Writes one line of text whose cells start at the pixel `at` (top left), with a rim in a second
    /// colour so that it can be read on any ground. Characters without a letter become question marks.
    pub fn text(&mut self, at: [i64; 2], text: &str, colour: Colour, rim: Colour) {
        let cells: Vec<_> = text.chars().map(label::cell).collect();
        for [dx, dy] in [[-1, 0], [1, 0], [0, -1], [0, 1]] {
            self.cells([at[0] + dx, at[1] + dy], &cells, rim);
        }
        self.cells(at, &cells, colour);
    }

    fn cells(&mut self, at: [i64; 2], cells: &[&[u8]], colour: Colour) {
        for (n, cell) in cells.iter().enumerate() {
            for (i, &share) in cell.iter().enumerate().filter(|c| *c.1 > 0) {
                let x = at[0] + (n * label::WIDTH + i % label::WIDTH) as i64;
                self.mix(x, at[1] + (i / label::WIDTH) as i64, colour, share);
            }
        }
    }
}

/// Raises the coverage of the pixels under one stroke.
fn cover_stroke(cover: &mut [u8], size: [usize; 2], [from, to]: [[f64; 2]; 2], half: f64) {
    if !from.iter().chain(&to).all(|c| c.is_finite()) {
        return;
    }
    let reach = half + 1.0;
    let span = |a: usize| {
        let low = (from[a].min(to[a]) - reach).clamp(0.0, size[a] as f64);
        let high = (from[a].max(to[a]) + reach).clamp(0.0, size[a] as f64);
        low as usize..high.ceil() as usize
    };
    let along = [to[0] - from[0], to[1] - from[1]];
    let squared = along[0] * along[0] + along[1] * along[1];
    for y in span(1) {
        for x in span(0) {
            let p = [x as f64 + 0.5 - from[0], y as f64 + 0.5 - from[1]];
            let t = if squared > 0.0 {
                ((p[0] * along[0] + p[1] * along[1]) / squared).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let away = [p[0] - t * along[0], p[1] - t * along[1]];
            let distance = libm::sqrt(away[0] * away[0] + away[1] * away[1]);
            let share = ((half + 0.5 - distance).clamp(0.0, 1.0) * 255.0).round() as u8;
            let pixel = &mut cover[y * size[0] + x];
            *pixel = share.max(*pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_size_is_refused() {
        for size in [[0, 5], [5, 0], [LARGEST + 1, 5]] {
            assert_eq!(Picture::new(size, [0; 3]).unwrap_err(), ViewError::Size(size[0], size[1]));
        }
    }

    #[test]
    fn a_stroke_covers_its_length_times_its_width_wherever_it_lies() {
        for (from, to) in [([10.0, 10.0], [70.0, 10.0]), ([12.3, 9.1], [61.2, 77.7])] {
            let mut picture = Picture::new([90, 90], [0; 3]).unwrap();
            picture.strokes(&[[from, to]], 3.0, [255; 3]);
            let ink: f64 = picture.rgb().iter().map(|&v| f64::from(v) / 765.0).sum();
            let length = libm::hypot(to[0] - from[0], to[1] - from[1]);
            // The round ends add up to a disc of the width's diameter; a soft edge errs by some percent.
            let truth = length * 3.0 + std::f64::consts::PI * 1.5 * 1.5;
            assert!((ink - truth).abs() < 0.03 * truth, "{ink} {truth}");
        }
    }

    #[test]
    fn drawing_over_the_border_changes_only_what_is_inside() {
        let mut picture = Picture::new([8, 8], [9; 3]).unwrap();
        picture.strokes(&[[[-50.0, 4.0], [50.0, 4.0]], [[f64::NAN, 0.0], [1.0, 1.0]]], 2.0, [200; 3]);
        picture.text([-4, 6], "Aé", [1; 3], [2; 3]);
        picture.fill([-3, -3], [2, 2], [77; 3]);
        assert_eq!(picture.at(0, 0), [77; 3]);
        assert_eq!(picture.at(7, 4), [200; 3]);
        assert_eq!(picture.at(8, 0), [0; 3]);
    }
}
