//! Where the viewer stands.

use crate::ViewError;
use glam::DVec3;
use osteon_core::{Aabb, Patient, Point};

/// From where the patient is looked at; the words are the patient's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// From the front; the patient's right is on the viewer's left.
    Anterior,
    /// From behind.
    Posterior,
    /// From the patient's left, the front on the viewer's left.
    Left,
    /// From the patient's right.
    Right,
    /// From the head, the front on top.
    Head,
    /// From the feet, the front on top; the patient's right is on the viewer's left.
    Foot,
    /// From the front, the patient's left and above.
    Oblique,
}

impl View {
    /// The six standing views of a report.
    pub const SIX: [View; 6] =
        [View::Anterior, View::Posterior, View::Left, View::Right, View::Head, View::Oblique];
    /// How an axial slice is looked at (radiological convention: the patient's right on the viewer's left).
    pub const AXIAL: View = View::Foot;
    /// How a coronal slice is looked at (the patient's right on the viewer's left).
    pub const CORONAL: View = View::Anterior;
    /// How a sagittal slice is looked at (the front on the viewer's left).
    pub const SAGITTAL: View = View::Left;

    /// What the view is called in a caption.
    pub const fn name(self) -> &'static str {
        match self {
            View::Anterior => "from the front",
            View::Posterior => "from behind",
            View::Left => "from the patient's left",
            View::Right => "from the patient's right",
            View::Head => "from the head",
            View::Foot => "from the feet",
            View::Oblique => "oblique, from the front, left and above",
        }
    }

    /// Where the viewer looks to, and what is up in the picture (LPS, not normalised).
    fn directions(self) -> (DVec3, DVec3) {
        match self {
            View::Anterior => (DVec3::Y, DVec3::Z),
            View::Posterior => (-DVec3::Y, DVec3::Z),
            View::Left => (-DVec3::X, DVec3::Z),
            View::Right => (DVec3::X, DVec3::Z),
            View::Head => (-DVec3::Z, -DVec3::Y),
            View::Foot => (DVec3::Z, -DVec3::Y),
            View::Oblique => (DVec3::new(-0.6, 1.0, -0.45), DVec3::Z),
        }
    }
}

/// Pixels kept free around what is shown, for the side letters.
const BORDER: f64 = 38.0;

/// Right, up and into the picture, mm.
enum Seen {}

/// A parallel projection of the patient onto a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    right: DVec3,
    up: DVec3,
    towards: DVec3,
    middle: DVec3,
    mm_per_pixel: f64,
    size: [usize; 2],
}

impl Camera {
    /// A camera that looks along `towards` with `up` pointing up in the picture, and shows all `places` on
    /// a picture of `size` (width, height) pixels. `up` need not be square to `towards`.
    ///
    /// # Errors
    /// [`ViewError::Nothing`] when the directions are null or parallel, when the places fall on one point,
    /// or when the picture has no pixels.
    pub fn new(
        towards: DVec3,
        up: DVec3,
        places: impl IntoIterator<Item = Point<Patient>>,
        size: [usize; 2],
    ) -> Result<Self, ViewError> {
        let unit = |v: DVec3| v.try_normalize().ok_or(ViewError::Nothing);
        let towards = unit(towards)?;
        let right = unit(towards.cross(unit(up)?))?;
        let up = right.cross(towards);
        let seen = |p: Point<Patient>| [right, up, towards].map(|axis| axis.dot(p.vec()));
        let seen = Aabb::<Seen>::around(places.into_iter().map(|p| Point::from_vec(seen(p).into())));
        let room = size.map(|side| side as f64 - 2.0 * BORDER.min(side as f64 / 8.0));
        let mm_per_pixel = (seen.size().x / room[0]).max(seen.size().y / room[1]);
        if !(mm_per_pixel > 0.0 && mm_per_pixel.is_finite()) {
            return Err(ViewError::Nothing);
        }
        let middle = seen.middle().vec();
        Ok(Self {
            right,
            up,
            towards,
            middle: right * middle.x + up * middle.y + towards * middle.z,
            mm_per_pixel,
            size,
        })
    }

    /// The camera of a named view that shows all `places`.
    ///
    /// # Errors
    /// [`ViewError::Nothing`] when the places fall on one point, or the picture has no pixels.
    pub fn around(
        view: View,
        places: impl IntoIterator<Item = Point<Patient>>,
        size: [usize; 2],
    ) -> Result<Self, ViewError> {
        let (towards, up) = view.directions();
        Self::new(towards, up, places, size)
    }

    /// The camera of a named view that shows all of `bounds`.
    ///
    /// # Errors
    /// [`ViewError::Nothing`] when the bounds are empty or a point, or the picture has no pixels.
    pub fn fit(view: View, bounds: &Aabb<Patient>, size: [usize; 2]) -> Result<Self, ViewError> {
        if bounds.is_empty() {
            return Err(ViewError::Nothing);
        }
        let [low, high] = [bounds.min.to_array(), bounds.max.to_array()];
        let corner = |c: usize| [0, 1, 2].map(|a| if c >> a & 1 == 1 { high[a] } else { low[a] });
        Self::around(view, (0..8).map(|c| Point::from_vec(corner(c).into())), size)
    }

    /// The same camera focused on the plane through `place`: where a slice is cut.
    pub fn through(mut self, place: Point<Patient>) -> Self {
        self.middle += self.towards * self.towards.dot(place.vec() - self.middle);
        self
    }

    /// Where a place falls on the picture in pixels, and how many mm behind the focused plane it is.
    pub fn project(&self, place: Point<Patient>) -> [f64; 3] {
        let from_middle = place.vec() - self.middle;
        [
            self.size[0] as f64 / 2.0 + self.right.dot(from_middle) / self.mm_per_pixel,
            self.size[1] as f64 / 2.0 - self.up.dot(from_middle) / self.mm_per_pixel,
            self.towards.dot(from_middle),
        ]
    }

    /// The place on the focused plane that falls on the pixel coordinates `at`.
    pub fn place(&self, at: [f64; 2]) -> Point<Patient> {
        let x = (at[0] - self.size[0] as f64 / 2.0) * self.mm_per_pixel;
        let y = (self.size[1] as f64 / 2.0 - at[1]) * self.mm_per_pixel;
        Point::from_vec(self.middle + self.right * x + self.up * y)
    }

    /// Millimetres that one pixel shows.
    pub const fn mm_per_pixel(&self) -> f64 {
        self.mm_per_pixel
    }

    /// Width and height of the picture in pixels.
    pub const fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Right, up and into the picture, as directions of the patient (LPS, unit length).
    pub const fn axes(&self) -> [DVec3; 3] {
        [self.right, self.up, self.towards]
    }

    /// The place in the middle of the picture on the focused plane.
    pub const fn middle(&self) -> Point<Patient> {
        Point::from_vec(self.middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds() -> Aabb<Patient> {
        Aabb::around([Point::new(-100.0, -20.0, 300.0), Point::new(40.0, 90.0, 900.0)])
    }

    #[test]
    fn radiological_views_show_the_patients_right_on_the_viewers_left() {
        let right = Point::new(-90.0, 0.0, 500.0);
        let left = Point::new(30.0, 0.0, 500.0);
        for view in [View::AXIAL, View::CORONAL] {
            let camera = Camera::fit(view, &bounds(), [400, 300]).unwrap();
            assert!(camera.project(right)[0] < camera.project(left)[0], "{view:?}");
        }
        let behind = Camera::fit(View::Posterior, &bounds(), [400, 300]).unwrap();
        assert!(behind.project(right)[0] > behind.project(left)[0]);
        let side = Camera::fit(View::SAGITTAL, &bounds(), [400, 300]).unwrap();
        let [front, back] = [-10.0, 80.0].map(|y| side.project(Point::new(0.0, y, 500.0)));
        assert!(front[0] < back[0]);
        assert!(side.project(left)[2] < side.project(right)[2], "the left side is nearer");
    }

    #[test]
    fn everything_in_the_bounds_is_in_the_picture_and_fills_it_one_way() {
        let [low, high] = [bounds().min.vec(), bounds().max.vec()];
        for view in View::SIX {
            let camera = Camera::fit(view, &bounds(), [400, 300]).unwrap();
            let corners = (0..8).map(|c| {
                let pick = |a: usize| if c >> a & 1 == 1 { high[a] } else { low[a] };
                camera.project(Point::new(pick(0), pick(1), pick(2)))
            });
            let (mut least, mut most) = ([f64::MAX; 2], [f64::MIN; 2]);
            for p in corners {
                for a in 0..2 {
                    least[a] = least[a].min(p[a]);
                    most[a] = most[a].max(p[a]);
                }
            }
            let free = [least[0], least[1], 400.0 - most[0], 300.0 - most[1]];
            let tightest = free.into_iter().fold(f64::MAX, f64::min);
            // An eighth of the shorter side, which is less than the usual border.
            assert!((tightest - 37.5).abs() < 1e-9, "{view:?} {free:?}");
        }
    }

    #[test]
    fn a_pixel_and_its_place_on_the_focused_plane_belong_together() {
        let through = Point::new(3.0, 4.0, 555.0);
        let camera = Camera::fit(View::Oblique, &bounds(), [400, 300]).unwrap().through(through);
        assert!(camera.project(through)[2].abs() < 1e-9);
        let [x, y, depth] = camera.project(camera.place([17.0, 230.5]));
        assert!((x - 17.0).abs() + (y - 230.5).abs() + depth.abs() < 1e-9);
    }

    #[test]
    fn a_view_without_direction_or_extent_is_refused() {
        let parallel = Camera::new(DVec3::Z, -DVec3::Z, [bounds().min, bounds().max], [10, 10]);
        assert_eq!(parallel.unwrap_err(), ViewError::Nothing);
        assert!(Camera::fit(View::Head, &Aabb::EMPTY, [10, 10]).is_err());
        assert!(Camera::fit(View::Head, &bounds(), [0, 10]).is_err());
    }
}
