//! Light on a surface, and from samples to pixels.

use crate::picture::{Colour, Picture};
use crate::raster::FINE;
use glam::Vec3;
use rayon::prelude::*;

/// Colour of what shows nothing.
pub const GROUND: Colour = [246, 247, 249];

/// Colour of the inner side of an open or turned mesh: unlike any bone, so that it is noticed.
pub const INSIDE: Vec3 = Vec3::new(146.0, 120.0, 168.0);

/// A lamp above the viewer's left shoulder and a weaker one on the forehead.
pub struct Light {
    lamp: Vec3,
    forehead: Vec3,
}

impl Light {
    /// The lamps of a viewer with these axes.
    pub fn beside_the_viewer(right: Vec3, up: Vec3, towards: Vec3) -> Self {
        Self { lamp: (up * 0.45 - right * 0.35 - towards).normalize_or_zero(), forehead: -towards }
    }

    /// The colour that a surface of `colour` with a unit `normal` sends to the viewer.
    pub fn on(&self, colour: Vec3, normal: Vec3) -> Vec3 {
        let lit = 0.16 + 0.52 * normal.dot(self.lamp).max(0.0) + 0.36 * normal.dot(self.forehead).max(0.0);
        colour * lit
    }
}

/// One pixel: the sum of its lit samples' colours, how many of its samples show something, their mean depth.
#[derive(Clone, Copy, Default)]
pub struct Pixel {
    colour: Vec3,
    lit: f32,
    depth: f32,
}

/// Gathers the samples of every pixel; `at` gives colour and depth (mm) of a sample that shows something.
pub fn gather(size: [usize; 2], at: impl Fn(usize) -> Option<(Vec3, f32)> + Sync) -> Vec<Pixel> {
    let [width, _] = size;
    let mut pixels = vec![Pixel::default(); width * size[1]];
    pixels.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.iter_mut().enumerate() {
            for i in 0..FINE * FINE {
                let sample = (y * FINE + i / FINE) * width * FINE + x * FINE + i % FINE;
                if let Some((colour, depth)) = at(sample) {
                    pixel.colour += colour;
                    pixel.lit += 1.0;
                    pixel.depth += depth;
                }
            }
            if pixel.lit > 0.0 {
                pixel.depth /= pixel.lit;
            }
        }
    });
    pixels
}

/// How much a place that lies deep below its surroundings is darkened at most.
const HOLLOW: f32 = 0.55;

/// Share of the scene's depth below the surroundings at which the darkening is full.
const DEEP: f32 = 0.05;

/// How much the farthest places fade into the ground.
const HAZE: f32 = 0.22;

/// Lays lit pixels over the ground, darkening hollows and fading what is far; `reach` is the scene's
/// depth in mm.
pub fn compose(mut picture: Picture, pixels: &[Pixel], reach: f32) -> Picture {
    let [width, height] = picture.size();
    let radius = (width.min(height) / 60).max(2);
    let around = surroundings(pixels, [width, height], radius);
    let ground = Vec3::from(GROUND.map(f32::from));
    picture
        .rgb_mut()
        .par_chunks_mut(3)
        .zip(pixels.par_iter().zip(&around))
        .with_min_len(1 << 12)
        .filter(|(_, (pixel, _))| pixel.lit > 0.0)
        .for_each(|(rgb, (pixel, &around))| {
            let below = ((pixel.depth - around) / (DEEP * reach)).clamp(0.0, 1.0);
            let far = (pixel.depth / reach).clamp(0.0, 1.0);
            let colour = pixel.colour / pixel.lit * (1.0 - HOLLOW * below);
            let hazy = colour.lerp(ground, HAZE * far * far);
            let share = pixel.lit / (FINE * FINE) as f32;
            let mixed = ground.lerp(hazy, share);
            for (out, value) in rgb.iter_mut().zip(mixed.to_array()) {
                *out = (value + 0.5) as u8;
            }
        });
    picture
}

/// Mean depth of the lit pixels within `radius` pixels, along rows and then along columns.
fn surroundings(pixels: &[Pixel], [width, height]: [usize; 2], radius: usize) -> Vec<f32> {
    let mut rows = vec![(0.0_f32, 0.0_f32); pixels.len()];
    rows.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
        let row = &pixels[y * width..(y + 1) * width];
        for (x, out) in out.iter_mut().enumerate() {
            let near = &row[x.saturating_sub(radius)..(x + radius + 1).min(width)];
            let lit = near.iter().filter(|p| p.lit > 0.0);
            *out = lit.fold((0.0, 0.0), |(sum, n), p| (sum + p.depth, n + 1.0));
        }
    });
    let mut mean = vec![0.0_f32; pixels.len()];
    mean.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
        let mut sums = vec![(0.0_f32, 0.0_f32); width];
        for near in y.saturating_sub(radius)..(y + radius + 1).min(height) {
            let row = &rows[near * width..(near + 1) * width];
            for (sum, part) in sums.iter_mut().zip(row) {
                *sum = (sum.0 + part.0, sum.1 + part.1);
            }
        }
        for (out, (sum, n)) in out.iter_mut().zip(sums) {
            *out = if n > 0.0 { sum / n } else { 0.0 };
        }
    });
    mean
}
