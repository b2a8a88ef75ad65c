//! How far a point is from the planes of a patch, as one quadratic form.

use glam::DVec3;

/// The weighted sum of squared distances from a point to planes: `p·Ap + 2b·p + c`, in mm² times the weight.
///
/// After Garland and Heckbert, Surface simplification using quadric error metrics, SIGGRAPH 1997.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quadric {
    diagonal: DVec3,
    /// Elements yz, xz and xy.
    off: DVec3,
    b: DVec3,
    c: f64,
    /// Sum of the weights of the planes: the area of their triangles in mm².
    pub(super) weight: f64,
}

impl Quadric {
    /// The plane of a triangle, weighted by its area; nothing if it has none.
    pub(super) fn of([p, q, r]: [DVec3; 3]) -> Self {
        let normal = (q - p).cross(r - p);
        let length = normal.length();
        if length <= 0.0 {
            return Self::default();
        }
        let (n, weight) = (normal / length, 0.5 * length);
        let (d, m) = (-n.dot(p), n * weight);
        Self {
            diagonal: m * n,
            off: DVec3::new(m.y * n.z, m.x * n.z, m.x * n.y),
            b: m * d,
            c: weight * d * d,
            weight,
        }
    }

    /// The planes of both.
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self {
            diagonal: self.diagonal + other.diagonal,
            off: self.off + other.off,
            b: self.b + other.b,
            c: self.c + other.c,
            weight: self.weight + other.weight,
        }
    }

    fn times(&self, p: DVec3) -> DVec3 {
        DVec3::new(
            self.diagonal.x * p.x + self.off.z * p.y + self.off.y * p.z,
            self.off.z * p.x + self.diagonal.y * p.y + self.off.x * p.z,
            self.off.y * p.x + self.off.x * p.y + self.diagonal.z * p.z,
        )
    }

    /// The mean squared distance of a point.
    pub(super) fn at(&self, p: DVec3) -> f64 {
        let sum = p.dot(self.times(p) + 2.0 * self.b) + self.c;
        (sum / self.weight.max(f64::MIN_POSITIVE)).max(0.0)
    }

    /// The best place on the line from `p` to `q`, as a share of the way, and the mean squared distance there.
    ///
    /// Where the planes do not tell (a flat place) it is the middle.
    pub(super) fn best(&self, p: DVec3, q: DVec3) -> (f64, f64) {
        let way = q - p;
        let turn = self.times(way);
        let half = self.times(p) + self.b;
        let (a, b) = (way.dot(turn), way.dot(half));
        let at = p.dot(half + self.b) + self.c;
        let flat = FLAT * self.weight * way.length_squared();
        let share = if a > flat { (-b / a).clamp(0.0, 1.0) } else { 0.5 };
        let sum = at + share * (2.0 * b + share * a);
        (share, (sum / self.weight.max(f64::MIN_POSITIVE)).max(0.0))
    }
}

/// Planes closer to a line than this (squared sine) leave its points equal: 0.06°, or 1 µm on 1 mm.
const FLAT: f64 = 1e-6;
