//! Convex bodies cut by a line: capsule, cylinder, block and half-space.

use super::Line;
use crate::crop::{clip, reach};
use glam::DVec3;
use osteon_core::frame::Part;
use osteon_core::{Aabb, Affine, Grid, Patient, Plane, Point, Pose, Voxel};

/// What is this close to the surface belongs, mm: positions in headers are good to about this much, and a turned
/// patient must give the same voxels.
pub const SURFACE: f64 = 1e-6;

/// A body that can be cut by a line.
pub trait Body: Send + Sync {
    /// True when the place, in patient coordinates, lies in the body or no further than [`SURFACE`] from it.
    fn holds(&self, place: DVec3) -> bool;

    /// Pushes the parts of the line in the body, as numbers of steps; right to much less than [`Body::doubt`].
    ///
    /// Parts outside the line's range may be left out or given.
    fn cut(&self, line: &Line, cuts: &mut Vec<[f64; 2]>);

    /// How many steps from the ends of a cut single voxels are asked for. A whole one costs a smooth body little
    /// and makes up for any rounding where a line grazes it.
    fn doubt(&self) -> f64 {
        1.0
    }

    /// The box of voxels that can belong to it, or `None`.
    fn voxels(&self, grid: &Grid) -> Option<([usize; 3], [usize; 3])>;
}

/// All steps `t` for which `from ≤ at + t · slope ≤ to`, or `None`.
pub fn between(at: f64, slope: f64, from: f64, to: f64) -> Option<[f64; 2]> {
    if slope == 0.0 {
        return (from <= at && at <= to).then_some([f64::NEG_INFINITY, f64::INFINITY]);
    }
    let (a, b) = ((from - at) / slope, (to - at) / slope);
    Some([a.min(b), a.max(b)])
}

/// What two parts of a line have in common, or `None`.
pub fn common(a: [f64; 2], b: [f64; 2]) -> Option<[f64; 2]> {
    let both = [a[0].max(b[0]), a[1].min(b[1])];
    (both[0] <= both[1]).then_some(both)
}

/// All steps `t` for which `start + t · step` is no longer than `radius`, or `None`.
fn within(start: DVec3, step: DVec3, radius: f64) -> Option<[f64; 2]> {
    let length = step.length_squared();
    // A line that runs along the axis of a cylinder keeps its distance, but for rounding.
    if length < 1e-24 {
        return (start.length() <= radius).then_some([f64::NEG_INFINITY, f64::INFINITY]);
    }
    let nearest = -start.dot(step) / length;
    let room = radius * radius - (start + step * nearest).length_squared();
    (room >= 0.0).then(|| {
        let half = libm::sqrt(room / length);
        [nearest - half, nearest + half]
    })
}

/// All steps `t` for which the line lies in a round bar with flat ends, or `None`.
fn within_bar(line: &Line, from: DVec3, axis: DVec3, length: f64, radius: f64) -> Option<[f64; 2]> {
    let start = line.start - from;
    let (height, climb) = (start.dot(axis), line.step.dot(axis));
    let around = within(start - axis * height, line.step - axis * climb, radius)?;
    common(around, between(height, climb, -SURFACE, length + SURFACE)?)
}

/// The voxels no further than `around` mm from one of the places.
pub fn voxels_around(grid: &Grid, places: &[DVec3], around: f64) -> Option<([usize; 3], [usize; 3])> {
    let to_voxel = |&place: &DVec3| grid.to_voxel().point(Point::<Patient>::from_vec(place));
    let bounds: Aabb<Voxel> = Aabb::around(places.iter().map(to_voxel));
    let reach = DVec3::from_array(reach(grid, around));
    clip(bounds.min.vec() - reach, bounds.max.vec() + reach, grid.dims())
}

/// All places no further than `radius` from a line between two places: a ball where these are the same.
pub struct Capsule {
    pub from: DVec3,
    pub to: DVec3,
    pub radius: f64,
}

impl Body for Capsule {
    fn holds(&self, place: DVec3) -> bool {
        let (span, away) = (self.to - self.from, place - self.from);
        let length = span.length_squared();
        let part = if length > 0.0 { (away.dot(span) / length).clamp(0.0, 1.0) } else { 0.0 };
        (away - span * part).length() <= self.radius + SURFACE
    }

    fn cut(&self, line: &Line, cuts: &mut Vec<[f64; 2]>) {
        let radius = self.radius + SURFACE;
        let ends = [self.from, self.to].map(|end| within(line.start - end, line.step, radius));
        let span = self.to - self.from;
        let length = span.length();
        let bar = span.try_normalize().and_then(|axis| within_bar(line, self.from, axis, length, radius));
        // Convex: from the first to the last place of any of the three.
        let parts = ends.into_iter().chain([bar]).flatten();
        cuts.extend(parts.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]));
    }

    fn voxels(&self, grid: &Grid) -> Option<([usize; 3], [usize; 3])> {
        voxels_around(grid, &[self.from, self.to], self.radius + 2.0 * SURFACE)
    }
}

/// A round bar with flat ends.
pub struct Cylinder {
    from: DVec3,
    to: DVec3,
    axis: DVec3,
    length: f64,
    radius: f64,
}

impl Cylinder {
    /// `None` when both ends are the same.
    pub fn new(from: DVec3, to: DVec3, radius: f64) -> Option<Self> {
        let axis = (to - from).try_normalize()?;
        Some(Self { from, to, axis, length: (to - from).length(), radius })
    }
}

impl Body for Cylinder {
    fn holds(&self, place: DVec3) -> bool {
        let away = place - self.from;
        let height = away.dot(self.axis);
        height >= -SURFACE
            && height <= self.length + SURFACE
            && (away - self.axis * height).length() <= self.radius + SURFACE
    }

    fn cut(&self, line: &Line, cuts: &mut Vec<[f64; 2]>) {
        cuts.extend(within_bar(line, self.from, self.axis, self.length, self.radius + SURFACE));
    }

    fn voxels(&self, grid: &Grid) -> Option<([usize; 3], [usize; 3])> {
        voxels_around(grid, &[self.from, self.to], self.radius + 2.0 * SURFACE)
    }
}

/// A box with a pose.
pub struct Block {
    to_patient: Affine<Part, Patient>,
    /// From the patient to its own frame; of a pose this is the transpose.
    to_part: Affine<Patient, Part>,
    half: DVec3,
}

impl Block {
    pub fn new(pose: &Pose<Part, Patient>, size: DVec3) -> Self {
        let turn = pose.affine().linear.transpose();
        let to_part = Affine::new(turn, -(turn * pose.affine().offset));
        // A pose is rigid only to within its rounding; the corners must be those of what `to_part` asks for.
        let to_patient = to_part.inverse().unwrap_or(*pose.affine());
        Self { to_patient, to_part, half: size * 0.5 }
    }
}

impl Body for Block {
    fn holds(&self, place: DVec3) -> bool {
        let own = self.to_part.point(Point::from_vec(place)).vec();
        own.abs().cmple(self.half + SURFACE).all()
    }

    fn cut(&self, line: &Line, cuts: &mut Vec<[f64; 2]>) {
        let start = self.to_part.point(Point::from_vec(line.start)).vec();
        let step = self.to_part.linear * line.step;
        let half = self.half + SURFACE;
        let whole = Some([f64::NEG_INFINITY, f64::INFINITY]);
        cuts.extend(
            (0..3).fold(whole, |part, a| common(part?, between(start[a], step[a], -half[a], half[a])?)),
        );
    }

    fn voxels(&self, grid: &Grid) -> Option<([usize; 3], [usize; 3])> {
        let side = |c: usize, a: usize| if c >> a & 1 == 0 { -self.half[a] } else { self.half[a] };
        let corners: [DVec3; 8] = std::array::from_fn(|c| {
            self.to_patient.point(Point::new(side(c, 0), side(c, 1), side(c, 2))).vec()
        });
        voxels_around(grid, &corners, 2.0 * SURFACE)
    }
}

/// The side of a plane its normal points to.
pub struct HalfSpace(pub Plane<Patient>);

impl Body for HalfSpace {
    fn holds(&self, place: DVec3) -> bool {
        self.0.signed_distance(Point::from_vec(place)) >= -SURFACE
    }

    fn cut(&self, line: &Line, cuts: &mut Vec<[f64; 2]>) {
        let height = self.0.signed_distance(Point::from_vec(line.start));
        cuts.extend(between(height, line.step.dot(self.0.normal.vec()), -SURFACE, f64::INFINITY));
    }

    fn voxels(&self, grid: &Grid) -> Option<([usize; 3], [usize; 3])> {
        Some(([0; 3], grid.dims()))
    }
}
