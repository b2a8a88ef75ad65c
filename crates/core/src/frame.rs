//! Points, vectors and maps that know which frame they live in.
//!
//! A frame is a zero-sized marker type. Adding a voxel index to a patient point does not compile:
//!
//! ```compile_fail
//! use osteon_core::{Patient, Point, Vector, Voxel};
//! let p: Point<Patient> = Point::new(0.0, 0.0, 0.0);
//! let v: Vector<Voxel> = Vector::new(1.0, 0.0, 0.0);
//! let _ = p + v;
//! ```
//!
//! Inside a kernel one takes the bare `DVec3` with `.vec()` and says the frame at the public signature.
//! Claims of a frame are made with `from_vec`, and only there: grep for it to audit them all.

use glam::{DMat3, DVec3};
use std::marker::PhantomData;
use std::{fmt, ops};

/// DICOM patient coordinates: +x to the patient's left, +y to the back, +z to the head; millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patient {}

/// Continuous voxel index: sample `(i, j, k)` sits exactly at `(i, j, k)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voxel {}

/// A frame fixed to one anatomical structure, millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anatomy {}

/// A printed part's own frame, millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {}

/// A printer's bed: +z away from the bed, millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bed {}

macro_rules! triple {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        pub struct $name<F>(DVec3, PhantomData<F>);

        // Written out because `derive` would demand the same traits of the marker.
        impl<F> Clone for $name<F> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<F> Copy for $name<F> {}
        impl<F> PartialEq for $name<F> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }
        impl<F> fmt::Debug for $name<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "({}, {}, {})", self.0.x, self.0.y, self.0.z)
            }
        }

        impl<F> $name<F> {
            /// The bare coordinates, for use inside a kernel.
            pub const fn vec(self) -> DVec3 {
                self.0
            }

            /// Claims that these coordinates are in frame `F`.
            pub const fn from_vec(vec: DVec3) -> Self {
                Self(vec, PhantomData)
            }

            /// The coordinates as an array.
            pub const fn to_array(self) -> [f64; 3] {
                [self.0.x, self.0.y, self.0.z]
            }
        }
    };
}

triple!(
    /// A place in frame `F`.
    Point
);
triple!(
    /// A difference of two places in frame `F`.
    Vector
);
triple!(
    /// A vector of length one in frame `F`.
    Direction
);

impl<F> Point<F> {
    /// A place by its coordinates.
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self::from_vec(DVec3::new(x, y, z))
    }

    /// The distance to another place.
    pub fn distance(self, other: Self) -> f64 {
        (self.0 - other.0).length()
    }
}

impl<F> Vector<F> {
    /// A vector by its components.
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self::from_vec(DVec3::new(x, y, z))
    }

    /// The vector's length.
    pub fn length(self) -> f64 {
        self.0.length()
    }

    /// Its direction, or `None` for a vector too short to have one.
    pub fn direction(self) -> Option<Direction<F>> {
        Direction::new(self.0)
    }
}

impl<F> Direction<F> {
    /// The direction of `vec`, or `None` if it is null or not finite.
    pub fn new(vec: DVec3) -> Option<Self> {
        vec.try_normalize().map(Self::from_vec)
    }

    /// This direction as a vector of the given length.
    pub fn times(self, length: f64) -> Vector<F> {
        Vector::from_vec(self.0 * length)
    }
}

impl<F> ops::Sub for Point<F> {
    type Output = Vector<F>;
    fn sub(self, other: Self) -> Vector<F> {
        Vector::from_vec(self.0 - other.0)
    }
}

impl<F> ops::Add<Vector<F>> for Point<F> {
    type Output = Self;
    fn add(self, by: Vector<F>) -> Self {
        Self::from_vec(self.0 + by.0)
    }
}

/// An affine map from one frame to another.
pub struct Affine<From, To> {
    /// The linear part; its columns are the images of the axes.
    pub linear: DMat3,
    /// The image of the origin.
    pub offset: DVec3,
    frames: PhantomData<(From, To)>,
}

impl<A, B> Clone for Affine<A, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A, B> Copy for Affine<A, B> {}
impl<A, B> PartialEq for Affine<A, B> {
    fn eq(&self, other: &Self) -> bool {
        self.linear == other.linear && self.offset == other.offset
    }
}
impl<A, B> fmt::Debug for Affine<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Affine").field("linear", &self.linear).field("offset", &self.offset).finish()
    }
}

impl<A, B> Affine<A, B> {
    /// The map with these columns and this image of the origin.
    pub const fn new(linear: DMat3, offset: DVec3) -> Self {
        Self { linear, offset, frames: PhantomData }
    }

    /// Maps a place.
    pub fn point(&self, p: Point<A>) -> Point<B> {
        Point::from_vec(self.linear * p.vec() + self.offset)
    }

    /// Maps a difference of places.
    pub fn vector(&self, v: Vector<A>) -> Vector<B> {
        Vector::from_vec(self.linear * v.vec())
    }

    /// The inverse map, or `None` where the map flattens space or is not finite.
    pub fn inverse(&self) -> Option<Affine<B, A>> {
        let determinant = self.linear.determinant();
        let finite = self.linear.is_finite() && self.offset.is_finite();
        if !finite || determinant == 0.0 || !determinant.is_normal() {
            return None;
        }
        let linear = self.linear.inverse();
        linear.is_finite().then(|| Affine::new(linear, -(linear * self.offset)))
    }

    /// First `self`, then `next`.
    pub fn then<C>(&self, next: &Affine<B, C>) -> Affine<A, C> {
        Affine::new(next.linear * self.linear, next.linear * self.offset + next.offset)
    }

    /// True when the map turns a right hand into a left hand.
    pub fn mirrors(&self) -> bool {
        self.linear.determinant() < 0.0
    }
}

/// A rigid motion from one frame to another: rotation and translation, no scale, no mirror.
pub struct Pose<From, To>(Affine<From, To>);

impl<A, B> Clone for Pose<A, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A, B> Copy for Pose<A, B> {}
impl<A, B> fmt::Debug for Pose<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a rotation matrix may be from orthonormal, per element.
///
/// Directions in files are decimal strings of 6 or more digits; their products err by a few 1e-6.
const ORTHONORMAL: f64 = 1e-5;

impl<A, B> Pose<A, B> {
    /// The rigid motion of this map, or `None` when it scales, shears or mirrors.
    pub fn new(map: Affine<A, B>) -> Option<Self> {
        let gram = map.linear.transpose() * map.linear;
        let rigid = gram.abs_diff_eq(DMat3::IDENTITY, ORTHONORMAL);
        (rigid && map.offset.is_finite() && !map.mirrors()).then_some(Self(map))
    }

    /// The motion as an affine map.
    pub const fn affine(&self) -> &Affine<A, B> {
        &self.0
    }

    /// Rotation about an axis through the origin by an angle in radians, followed by a translation.
    pub fn turn(axis: Direction<A>, radians: f64, translation: Vector<B>) -> Self {
        // Rodrigues' formula, with libm so that every platform computes the same bits.
        let (sin, cos) = libm::sincos(radians);
        let a = axis.vec();
        let cross = DMat3::from_cols(
            DVec3::new(0.0, a.z, -a.y),
            DVec3::new(-a.z, 0.0, a.x),
            DVec3::new(a.y, -a.x, 0.0),
        );
        let rotation = DMat3::IDENTITY + cross * sin + cross * cross * (1.0 - cos);
        Self(Affine::new(rotation, translation.vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_costs_no_more_than_three_numbers() {
        assert_eq!(size_of::<Point<Patient>>(), size_of::<DVec3>());
    }

    #[test]
    fn an_affine_map_and_its_inverse_cancel() {
        let map: Affine<Voxel, Patient> = Affine::new(
            DMat3::from_cols(
                DVec3::new(0.7, 0.0, 0.1),
                DVec3::new(0.0, 0.8, 0.0),
                DVec3::new(0.0, 0.3, -1.5),
            ),
            DVec3::new(-120.0, 33.0, 801.0),
        );
        let p = Point::new(11.0, -7.5, 42.25);
        let back = map.inverse().unwrap().point(map.point(p));
        assert!(back.distance(p) < 1e-12);
        assert!(map.mirrors());
    }

    #[test]
    fn a_flat_map_has_no_inverse() {
        let flat: Affine<Voxel, Patient> =
            Affine::new(DMat3::from_diagonal(DVec3::new(1.0, 0.0, 1.0)), DVec3::ZERO);
        assert!(flat.inverse().is_none());
    }

    #[test]
    fn a_pose_neither_scales_nor_mirrors() {
        let scaled: Affine<Part, Bed> = Affine::new(DMat3::IDENTITY * 25.4, DVec3::ZERO);
        let mirrored: Affine<Part, Bed> =
            Affine::new(DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO);
        assert!(Pose::new(scaled).is_none() && Pose::new(mirrored).is_none());
        let axis = Direction::new(DVec3::new(1.0, 2.0, 3.0)).unwrap();
        let turn: Pose<Part, Bed> = Pose::turn(axis, 0.3, Vector::new(1.0, 2.0, 3.0));
        assert!(Pose::new(*turn.affine()).is_some());
    }
}
