//! Where there is room: the flattest free rectangle of a model, seen from one side.

use crate::style::MarkStyle;
use glam::{DVec2, DVec3};
use osteon_core::{Cancelled, Ctx, Patient, Point, Solid};
use osteon_mesh::depth_map::{DepthMap, View, Window, depth_map};

/// Edge of a pixel in mm: half of the smallest stroke is seen, and a model of 400 mm takes 0.6 M pixels.
const PIXEL: f64 = 0.5;

/// Half of the square, in pixels, over which slope and roughness are measured (2.5 mm).
const AROUND: usize = 2;

/// Every how many pixels a rectangle is tried.
const STRIDE: usize = 2;

/// Share of a rectangle that may be thin, steep or rough, as long as all of it is seen: most of a
/// rectangle lies between the strokes, and below them pressing checks the thickness and reading back the
/// legibility.
const POOR: f64 = 0.03;

/// Steps in which rectangles are ranked: 20 from perfect to barely within the limits. Coarse, so that
/// the middle of a face wins over a place that is flatter by nothing one can see.
const RANKS: f64 = 20.0;

/// A model seen from one side, with sums that tell of any rectangle how usable, flat and steep it is.
#[derive(Clone, Debug)]
pub struct Ground {
    window: Window,
    /// Depth of the surface at each pixel, and what it is good for.
    pixels: Vec<(f32, Use)>,
    /// Sums over all pixels to the left and below, in rows of `width + 1`.
    sums: Vec<Sums>,
    max_bend: f64,
    max_slope: f64,
}

/// What a pixel is good for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    /// Marks.
    Free,
    /// Thin, steep or rough: a few of these may lie in a rectangle.
    Poor,
    /// Nothing: the model is not there, or must stay as it is there.
    Hidden,
}

/// Sums over pixels.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    hidden: u32,
    poor: u32,
    z: f64,
    zz: f64,
    xz: f64,
    yz: f64,
}

impl Sums {
    fn plus(self, o: Self) -> Self {
        Self {
            hidden: self.hidden + o.hidden,
            poor: self.poor + o.poor,
            z: self.z + o.z,
            zz: self.zz + o.zz,
            xz: self.xz + o.xz,
            yz: self.yz + o.yz,
        }
    }
}

/// A rectangle of a ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// The view with its origin in the middle of the rectangle, on the surface's mean plane.
    pub view: View,
    /// Root-mean-square distance of the surface from its mean plane along the view, in mm.
    pub bend: f64,
    /// Slope of that plane (rise over run).
    pub slope: f64,
    /// How much deeper that plane gets per mm to the right and upwards.
    pub tilt: DVec2,
    /// Rank: 0 is flat and level, 20 and more at the limits.
    pub rank: u32,
}

/// The best rectangle of a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Room {
    /// All of it can carry marks.
    Free(Spot),
    /// None can; the best has this share (0 to 1) of usable surface, or 1 if it is only too strongly bent
    /// or inclined.
    Share(f64),
}

impl Ground {
    /// Looks at a model from one side.
    pub fn new(solid: &Solid, view: &View, style: &MarkStyle, ctx: &Ctx) -> Result<Self, Cancelled> {
        let window = Window::around(solid.mesh(), view, PIXEL);
        let map = depth_map(solid.mesh(), &window, ctx)?;
        let [width, height] = window.size;
        let max_slope = libm::tan(style.max_slope * std::f64::consts::PI / 180.0);
        let good_for = |x: usize, y: usize| match map.front[map.index(x, y)] {
            z if !z.is_finite() => (0.0, Use::Hidden),
            z if usable(&map, x, y, style, max_slope) => (z, Use::Free),
            z => (z, Use::Poor),
        };
        let pixels = (0..width * height).map(|at| good_for(at % width, at / width)).collect();
        ctx.check()?;
        let mut ground = Self { window, pixels, sums: Vec::new(), max_bend: style.max_bend, max_slope };
        ground.add_up();
        Ok(ground)
    }

    /// Keeps free all places for which `taken` is true.
    pub fn block(&mut self, taken: impl Fn(Point<Patient>) -> bool) {
        let width = self.window.size[0];
        for (at, (z, usable)) in self.pixels.iter_mut().enumerate() {
            let middle = DVec2::new((at % width) as f64 + 0.5, (at / width) as f64 + 0.5) * self.window.pixel;
            if *usable != Use::Hidden && taken(self.window.view.place(middle.extend(f64::from(*z)))) {
                *usable = Use::Hidden;
            }
        }
        self.add_up();
    }

    /// The depth of the surface at a place in flat coordinates of a view that differs from this ground's in its origin
    /// alone, between the middles of pixels; `None` beside the model.
    pub fn depth(&self, view: &View, at: DVec2) -> Option<f64> {
        let place = self.window.view.flat(view.place(at.extend(0.0)));
        let raster = place.truncate() / self.window.pixel - 0.5;
        let [width, height] = self.window.size;
        let low = raster.floor();
        let inside =
            low.x >= 0.0 && low.y >= 0.0 && low.x + 1.0 < width as f64 && low.y + 1.0 < height as f64;
        let first = inside.then(|| low.y as usize * width + low.x as usize)?;
        let corners = [first, first + 1, first + width, first + width + 1].map(|at| self.pixels[at]);
        let [a, b, c, d] = corners.map(|(z, _)| f64::from(z));
        let share = raster - low;
        let z = (a + (b - a) * share.x) * (1.0 - share.y) + (c + (d - c) * share.x) * share.y;
        corners.iter().all(|(_, usable)| *usable != Use::Hidden).then_some(z - place.z)
    }

    /// The sums over the pixels as they are now.
    fn add_up(&mut self) {
        let [width, height] = self.window.size;
        let mut sums = vec![Sums::default(); (width + 1) * (height + 1)];
        for y in 0..height {
            let mut row = Sums::default();
            for x in 0..width {
                let (z, usable) = self.pixels[y * width + x];
                let z = if usable == Use::Hidden { 0.0 } else { f64::from(z) };
                row = row.plus(Sums {
                    hidden: u32::from(usable == Use::Hidden),
                    poor: u32::from(usable == Use::Poor),
                    z,
                    zz: z * z,
                    xz: x as f64 * z,
                    yz: y as f64 * z,
                });
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1].plus(row);
            }
        }
        self.sums = sums;
    }

    /// The best rectangle of a size in mm: the flattest and most level, then the one nearest to the
    /// middle of the model.
    pub fn best(&self, size: DVec2) -> Room {
        let count = |length: f64| (length / self.window.pixel).ceil() as usize;
        let [w, h] = [count(size.x), count(size.y)];
        let [width, height] = self.window.size;
        let (mut best, mut share) = (None, 0.0_f64);
        for y in (0..(height + 1).saturating_sub(h)).step_by(STRIDE) {
            for x in (0..(width + 1).saturating_sub(w)).step_by(STRIDE) {
                let [hidden, poor] = self.unusable(x, y, w, h);
                let poor_share = f64::from(poor) / (w * h) as f64;
                if hidden > 0 || poor_share > POOR {
                    share = share.max(f64::from((w * h) as u32 - hidden - poor) / (w * h) as f64);
                    continue;
                }
                let spot = self.spot([x, y], [w, h], poor_share);
                if spot.bend > self.max_bend || spot.slope > self.max_slope {
                    share = 1.0;
                    continue;
                }
                let off = [(2 * x + w).abs_diff(width), (2 * y + h).abs_diff(height)];
                let key = (spot.rank, off[0] * off[0] + off[1] * off[1]);
                if best.as_ref().is_none_or(|(least, _)| key < *least) {
                    best = Some((key, spot));
                }
            }
        }
        best.map_or(Room::Share(share), |(_, spot)| Room::Free(spot))
    }

    /// Numbers of hidden and of poor pixels in a rectangle.
    fn unusable(&self, x: usize, y: usize, w: usize, h: usize) -> [u32; 2] {
        let stride = self.window.size[0] + 1;
        let at = |x: usize, y: usize| &self.sums[y * stride + x];
        let corners = [at(x + w, y + h), at(x, y), at(x + w, y), at(x, y + h)];
        [|s: &Sums| s.hidden, |s: &Sums| s.poor].map(|of| {
            let [a, b, c, d] = corners.map(of);
            a + b - c - d
        })
    }

    /// The mean plane of a rectangle, by least squares, and how far the surface is from it.
    fn spot(&self, [x, y]: [usize; 2], [w, h]: [usize; 2], poor: f64) -> Spot {
        let stride = self.window.size[0] + 1;
        let sum = |of: fn(&Sums) -> f64| {
            let at = |x: usize, y: usize| of(&self.sums[y * stride + x]);
            at(x + w, y + h) - at(x + w, y) - at(x, y + h) + at(x, y)
        };
        let n = (w * h) as f64;
        let middle = DVec2::new(x as f64 + (w as f64 - 1.0) / 2.0, y as f64 + (h as f64 - 1.0) / 2.0);
        let z = sum(|s| s.z);
        let moment = DVec2::new(sum(|s| s.xz), sum(|s| s.yz)) - middle * z;
        // Sums of squared offsets of a full raster; a single row has no slope across.
        let squares = n / 12.0 * DVec2::new((w * w - 1) as f64, (h * h - 1) as f64);
        let rise = moment / squares.max(DVec2::ONE);
        let mean = z / n;
        let rest = sum(|s| s.zz) - n * mean * mean - (rise * rise * squares).element_sum();
        let bend = (rest.max(0.0) / n).sqrt();
        let slope = rise.length() / self.window.pixel;
        let rank = (bend / self.max_bend + slope / self.max_slope + poor / POOR) * RANKS / 3.0;
        let flat = ((middle + 0.5) * self.window.pixel).extend(mean);
        Spot {
            view: self.window.view.at(self.window.view.place(flat)),
            bend,
            slope,
            tilt: rise / self.window.pixel,
            rank: rank.round() as u32,
        }
    }
}

/// True when a pixel that is seen is thick enough, not too steep and not too rough to carry marks.
fn usable(map: &DepthMap, x: usize, y: usize, style: &MarkStyle, max_slope: f64) -> bool {
    let [width, height] = map.window.size;
    let at = map.index(x, y);
    // The border of the map is empty, so nothing is lost there.
    if x < AROUND || y < AROUND || x + AROUND >= width || y + AROUND >= height {
        return false;
    }
    if map.thickness(at) < style.depth + style.min_wall {
        return false;
    }
    let z = |x: usize, y: usize| f64::from(map.front[map.index(x, y)]);
    let across = z(x + AROUND, y) - z(x - AROUND, y);
    let along = z(x, y + AROUND) - z(x, y - AROUND);
    let slope = DVec3::new(across, along, 0.0).length() / (2.0 * AROUND as f64 * map.window.pixel);
    // A border of the surface nearby makes the slope infinite or not a number.
    if slope.is_nan() || slope > max_slope {
        return false;
    }
    let mut sum = 0.0;
    for v in y - AROUND..=y + AROUND {
        for u in x - AROUND..=x + AROUND {
            sum += z(u, v);
        }
    }
    let side = (2 * AROUND + 1) as f64;
    (z(x, y) - sum / (side * side)).abs() <= style.max_roughness
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axes::{Axes, Face};
    use crate::test_shapes::{ball, block, shaped};

    fn front(solid: &Solid) -> Ground {
        let view = Axes::PATIENT.view(Face::Front).unwrap();
        Ground::new(solid, &view, &MarkStyle::standard().unwrap(), &Ctx::default()).unwrap()
    }

    #[test]
    fn the_middle_of_a_flat_face_is_chosen() {
        let solid = block(DVec3::new(40.0, 20.0, 30.0), 1.0);
        let Room::Free(spot) = front(&solid).best(DVec2::new(25.0, 12.0)) else {
            panic!("no room on a flat face")
        };
        // The middle of the front face, within the stride of 1 mm.
        assert!((spot.view.origin.vec() - DVec3::new(0.0, -10.0, 0.0)).length() < 1.0);
        assert!(spot.bend < 1e-3 && spot.slope < 1e-6 && spot.rank == 0);
    }

    #[test]
    fn a_rectangle_larger_than_the_face_has_no_room() {
        let solid = block(DVec3::new(40.0, 20.0, 30.0), 1.0);
        let ground = front(&solid);
        assert!(
            matches!(ground.best(DVec2::new(41.5, 12.0)), Room::Share(share) if share > 0.8 && share < 1.0)
        );
        assert_eq!(ground.best(DVec2::new(90.0, 12.0)), Room::Share(0.0));
    }

    #[test]
    fn thin_and_steep_and_rough_surfaces_are_avoided() {
        let thin = block(DVec3::new(40.0, 2.0, 30.0), 1.0);
        assert_eq!(front(&thin).best(DVec2::splat(8.0)), Room::Share(0.0));
        // Thick on the left half only (the patient's right, x < 0).
        let wedge = shaped(DVec3::new(60.0, 10.0, 30.0), 0.5, |p| {
            if p.x > 0.0 { DVec3::new(p.x, p.y * 0.2, p.z) } else { p }
        });
        let Room::Free(spot) = front(&wedge).best(DVec2::new(20.0, 15.0)) else { panic!("no room") };
        assert!(spot.view.origin.vec().x < -10.0);
        let rough = shaped(DVec3::new(60.0, 30.0, 30.0), 0.5, |p| {
            let bump = if p.x > 0.0 { libm::sin(p.x * 2.0) * libm::sin(p.z * 2.0) } else { 0.0 };
            p - DVec3::Y * bump
        });
        let Room::Free(spot) = front(&rough).best(DVec2::new(20.0, 15.0)) else { panic!("no room") };
        assert!(spot.view.origin.vec().x < -9.0);
    }

    #[test]
    fn what_is_taken_is_kept_free_and_the_depth_is_known_between_pixels() {
        let solid = block(DVec3::new(60.0, 20.0, 30.0), 1.0);
        let mut ground = front(&solid);
        ground.block(|place| place.vec().x > -5.0);
        let Room::Free(spot) = ground.best(DVec2::new(20.0, 15.0)) else { panic!("no room") };
        assert!(spot.view.origin.vec().x <= -15.0);
        assert!(!matches!(ground.best(DVec2::new(30.0, 15.0)), Room::Free(_)));
        assert!(ground.depth(&spot.view, DVec2::new(1.3, -2.2)).unwrap().abs() < 1e-5);
        assert_eq!(ground.depth(&spot.view, DVec2::new(40.0, 0.0)), None);
    }

    #[test]
    fn the_bend_of_a_ball_is_what_geometry_says() {
        let radius = 30.0;
        let Room::Free(spot) = front(&ball(radius, 0.7)).best(DVec2::splat(20.0)) else { panic!("no room") };
        // z ≈ r²/2R over a square of side a: variance of x²+y² is 2·(a⁴/80 − a⁴/144) = a⁴/90.
        let truth = 20.0_f64.powi(2) / 90.0_f64.sqrt() / (2.0 * radius);
        // The next term of the expansion, r⁴/8R³, adds up to an eighth at the corners.
        assert!(spot.bend > truth * 0.97 && spot.bend < truth * 1.13, "{} {truth}", spot.bend);
        assert!(spot.slope < 0.02);
    }
}
