//! Moving and mirroring things in the patient without changing their size.

use glam::{DMat3, DVec3};
use osteon_core::{Aabb, Affine, Direction, Patient, Plane, Point, Pose, Vector};

/// A motion of the patient frame that keeps all distances: a rigid motion, a mirror, or both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    there: Affine<Patient, Patient>,
    back: Affine<Patient, Patient>,
}

impl Motion {
    fn new(linear: DMat3, offset: DVec3) -> Self {
        // The transpose of an orthonormal matrix is its inverse, so there is nothing to fail here.
        let inverse = linear.transpose();
        Self { there: Affine::new(linear, offset), back: Affine::new(inverse, -(inverse * offset)) }
    }

    /// The rigid motion of a pose.
    pub fn rigid(pose: &Pose<Patient, Patient>) -> Self {
        Self::new(pose.affine().linear, pose.affine().offset)
    }

    /// A shift in mm.
    pub fn shift(by: Vector<Patient>) -> Self {
        Self::new(DMat3::IDENTITY, by.vec())
    }

    /// A turn by an angle in radians about the axis through a place.
    pub fn turn(about: Point<Patient>, axis: Direction<Patient>, radians: f64) -> Self {
        let turn: Pose<Patient, Patient> = Pose::turn(axis, radians, Vector::new(0.0, 0.0, 0.0));
        let linear = turn.affine().linear;
        Self::new(linear, about.vec() - linear * about.vec())
    }

    /// The mirror in a plane.
    pub fn mirror(plane: &Plane<Patient>) -> Self {
        let n = plane.normal.vec();
        let linear = DMat3::IDENTITY - 2.0 * DMat3::from_cols(n * n.x, n * n.y, n * n.z);
        Self::new(linear, 2.0 * plane.point.vec().dot(n) * n)
    }

    /// The mirror in the plane x = 0, which swaps the patient's left and right.
    pub fn swap_sides() -> Self {
        Self::new(DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO)
    }

    /// What puts the origin at `middle` with x along `x` and z along `z`, two directions at right angles.
    pub(crate) fn frame(middle: Point<Patient>, x: Direction<Patient>, z: Direction<Patient>) -> Self {
        let (x, z) = (x.vec(), z.vec());
        Self::new(DMat3::from_cols(x, z.cross(x), z), middle.vec())
    }

    /// First this motion, then the other.
    pub fn then(&self, next: &Self) -> Self {
        let map = self.there.then(&next.there);
        Self::new(map.linear, map.offset)
    }

    /// The motion that undoes this one.
    pub const fn inverse(&self) -> Self {
        Self { there: self.back, back: self.there }
    }

    /// The motion as an affine map.
    pub const fn affine(&self) -> &Affine<Patient, Patient> {
        &self.there
    }

    /// The motion as a pose, or `None` when it mirrors.
    pub fn pose(&self) -> Option<Pose<Patient, Patient>> {
        Pose::new(self.there)
    }

    /// True when the motion turns a right hand into a left hand.
    pub fn mirrors(&self) -> bool {
        self.there.mirrors()
    }

    /// Where a place goes.
    pub fn point(&self, p: Point<Patient>) -> Point<Patient> {
        self.there.point(p)
    }

    /// Where a direction goes.
    pub fn direction(&self, d: Direction<Patient>) -> Direction<Patient> {
        Direction::from_vec(self.there.linear * d.vec())
    }

    /// Where a plane goes; the normal goes along.
    pub fn plane(&self, plane: &Plane<Patient>) -> Plane<Patient> {
        Plane { point: self.point(plane.point), normal: self.direction(plane.normal) }
    }

    /// The box around a moved box. A box without end stays without end.
    pub fn bounds(&self, b: &Aabb<Patient>) -> Aabb<Patient> {
        if b.is_empty() {
            return Aabb::EMPTY;
        }
        let (min, max) = (b.min.vec(), b.max.vec());
        if !(min.is_finite() && max.is_finite()) {
            return EVERYWHERE;
        }
        let corner = |c: usize| {
            let pick = |axis: usize| if c >> axis & 1 == 1 { max[axis] } else { min[axis] };
            self.point(Point::new(pick(0), pick(1), pick(2)))
        };
        Aabb::around((0..8).map(corner))
    }
}

/// The box that holds all of space.
pub(crate) const EVERYWHERE: Aabb<Patient> =
    Aabb { min: Point::from_vec(DVec3::NEG_INFINITY), max: Point::from_vec(DVec3::INFINITY) };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_motion_and_its_inverse_cancel_and_keep_distances() {
        let axis = Direction::new(DVec3::new(1.0, -2.0, 0.5)).unwrap();
        let plane = Plane { point: Point::new(3.0, 4.0, 5.0), normal: axis };
        let motion = Motion::turn(Point::new(10.0, 20.0, 30.0), axis, 0.7).then(&Motion::mirror(&plane));
        assert!(motion.mirrors() && motion.pose().is_none());
        let (p, q) = (Point::new(1.0, 2.0, 3.0), Point::new(-40.0, 7.0, 0.5));
        assert!((motion.point(p).distance(motion.point(q)) - p.distance(q)).abs() < 1e-12);
        assert!(motion.inverse().point(motion.point(p)).distance(p) < 1e-12);
    }

    #[test]
    fn a_turn_leaves_its_place_and_a_mirror_its_plane_where_they_are() {
        let about = Point::new(10.0, 20.0, 30.0);
        let z = Direction::from_vec(DVec3::Z);
        assert!(Motion::turn(about, z, 1.0).point(about).distance(about) < 1e-12);
        let plane = Plane { point: about, normal: Direction::new(DVec3::new(1.0, 1.0, 0.0)).unwrap() };
        let mirror = Motion::mirror(&plane);
        let off = about + plane.normal.times(4.0);
        assert!(mirror.point(about).distance(about) < 1e-12);
        assert!((plane.signed_distance(mirror.point(off)) + 4.0).abs() < 1e-12);
    }
}
