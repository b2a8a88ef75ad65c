//! Boxes and planes in a frame.

use crate::frame::{Direction, Point};
use glam::DVec3;

/// A box along the axes of frame `F`; empty until it holds its first point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aabb<F> {
    /// The corner with the smallest coordinates.
    pub min: Point<F>,
    /// The corner with the largest coordinates.
    pub max: Point<F>,
}

impl<F> Aabb<F> {
    /// The box that holds nothing.
    pub const EMPTY: Self =
        Self { min: Point::from_vec(DVec3::INFINITY), max: Point::from_vec(DVec3::NEG_INFINITY) };

    /// The smallest box around the points.
    pub fn around(points: impl IntoIterator<Item = Point<F>>) -> Self {
        points.into_iter().fold(Self::EMPTY, Self::with)
    }

    /// The smallest box around this one and a point.
    pub fn with(self, p: Point<F>) -> Self {
        Self {
            min: Point::from_vec(self.min.vec().min(p.vec())),
            max: Point::from_vec(self.max.vec().max(p.vec())),
        }
    }

    /// True when no point lies in the box.
    pub fn is_empty(&self) -> bool {
        self.min.vec().cmpgt(self.max.vec()).any()
    }

    /// Edge lengths; zero for an empty box.
    pub fn size(&self) -> DVec3 {
        if self.is_empty() { DVec3::ZERO } else { self.max.vec() - self.min.vec() }
    }

    /// The middle of the box.
    pub fn middle(&self) -> Point<F> {
        Point::from_vec((self.min.vec() + self.max.vec()) * 0.5)
    }

    /// True when the other box lies inside this one or touches its border from inside.
    pub fn contains(&self, other: &Self) -> bool {
        self.min.vec().cmple(other.min.vec()).all() && self.max.vec().cmpge(other.max.vec()).all()
    }
}

/// An oriented plane in frame `F`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane<F> {
    /// A place on the plane.
    pub point: Point<F>,
    /// The plane's normal.
    pub normal: Direction<F>,
}

impl<F> Plane<F> {
    /// Distance of `p` from the plane, positive on the side the normal points to.
    pub fn signed_distance(&self, p: Point<F>) -> f64 {
        (p - self.point).vec().dot(self.normal.vec())
    }
}
