//! Faces with more than three corners become triangles: convex or not, flat or nearly so.
//!
//! Ears are clipped on the face's own plane, so that a concave face is covered once and nothing beside it is.
//! Every corner stays a corner, also one on a straight side, since a neighbour may end there.

use crate::mesh_error::MeshFileError;
use crate::mesh_file::MeshFormat;
use glam::{DVec2, DVec3};
use osteon_core::{Ctx, Finding, Severity};

/// Corners looked at for all faces of a file together. A face of 10 000 corners in a usual shape takes 10⁸;
/// files made to be slow are refused after some seconds.
const MOST_WORK: u64 = 1 << 30;

/// Steps of work between two questions whether to stop.
const STRIDE: u64 = 1 << 20;

/// Divides the faces of one file.
pub(crate) struct Divider {
    format: MeshFormat,
    work: u64,
    asked: u64,
    crossed: usize,
    first: Option<DVec3>,
}

impl Divider {
    pub(crate) const fn new(format: MeshFormat) -> Self {
        Self { format, work: 0, asked: 0, crossed: 0, first: None }
    }

    /// Adds the triangles of a face with at least three corners.
    pub(crate) fn divide(
        &mut self,
        face: &[u32],
        place: impl Fn(u32) -> DVec3,
        triangles: &mut Vec<[u32; 3]>,
        ctx: &Ctx,
    ) -> Result<(), MeshFileError> {
        if let &[a, b, c] = face {
            triangles.push([a, b, c]);
            return Ok(());
        }
        let places: Vec<DVec3> = face.iter().map(|&v| place(v)).collect();
        let normal = area_vector(&places);
        if let &[a, b, c, d] = face {
            let [usual, other] = least_along(&places, normal);
            triangles.extend(if usual <= 0.0 && other > usual {
                [[b, c, d], [b, d, a]]
            } else {
                [[a, b, c], [a, c, d]]
            });
            if usual.max(other) < 0.0 {
                self.note(places[0]);
            }
            return Ok(());
        }
        let mut ring = Ring::new(flattened(&places, normal));
        self.spend((face.len() as u64).pow(2) / 2, ctx)?;
        if crosses_itself(&ring.places) {
            self.note(places[0]);
        }
        while ring.left > 3 {
            let [a, b, c] = match self.ear(&ring, ctx)? {
                Some(ear) => ear,
                None => {
                    ring.rest_as_fan(|corners| triangles.push(corners.map(|n| face[n])));
                    return Ok(());
                }
            };
            triangles.push([a, b, c].map(|n| face[n]));
            ring.cut(b);
        }
        let [a, b, c] = ring.around(ring.at);
        triangles.push([a, b, c].map(|n| face[n]));
        Ok(())
    }

    /// A corner with its neighbours that may be cut off; one on a straight side only if there is no other.
    fn ear(&mut self, ring: &Ring, ctx: &Ctx) -> Result<Option<[usize; 3]>, MeshFileError> {
        let mut straight = None;
        let mut at = ring.at;
        let mut work = 0;
        for _ in 0..ring.left {
            let corners = ring.around(at);
            let [a, b, c] = corners.map(|n| ring.places[n]);
            let turn = (b - a).perp_dot(c - b);
            if turn == 0.0 {
                straight.get_or_insert(corners);
            } else if turn > 0.0 {
                let mut other = ring.next[corners[2]];
                let mut empty = true;
                while empty && other != corners[0] {
                    let p = ring.places[other];
                    empty = p == a || p == b || p == c || !covers([a, b, c], p);
                    other = ring.next[other];
                    work += 1;
                }
                if empty {
                    self.spend(work, ctx)?;
                    return Ok(Some(corners));
                }
            }
            work += 1;
            at = ring.next[at];
        }
        self.spend(work, ctx)?;
        Ok(straight)
    }

    /// Counts work, and asks from time to time whether to stop.
    fn spend(&mut self, work: u64, ctx: &Ctx) -> Result<(), MeshFileError> {
        self.work = self.work.saturating_add(work);
        if self.work > MOST_WORK {
            let what = "steps to divide its faces into triangles";
            return Err(MeshFileError::TooLarge { format: self.format, what, limit: MOST_WORK });
        }
        if self.work - self.asked > STRIDE {
            self.asked = self.work;
            ctx.check()?;
        }
        Ok(())
    }

    fn note(&mut self, place: DVec3) {
        self.crossed += 1;
        self.first.get_or_insert(place);
    }

    /// What a person should look at.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let message = format!(
            "{} faces of more than three corners cross themselves, so what they cover is not determined; they \
             were divided from one corner",
            self.crossed
        );
        let finding = Finding::new("mesh-face-crosses-itself", Severity::Caution, message)
            .at(self.first?.to_array())
            .remedy("export the model as triangles");
        Some(finding)
    }
}

/// Twice the area of a polygon along its normal (Newell's sum, about the first corner).
fn area_vector(places: &[DVec3]) -> DVec3 {
    let origin = places[0];
    places.windows(2).map(|pair| (pair[0] - origin).cross(pair[1] - origin)).sum()
}

/// The smaller of the two areas along the normal when a quadrilateral is divided between its first and third
/// corner, and between its second and fourth.
fn least_along(p: &[DVec3], normal: DVec3) -> [f64; 2] {
    let along = |a: usize, b: usize, c: usize| (p[b] - p[a]).cross(p[c] - p[a]).dot(normal);
    [along(0, 1, 2).min(along(0, 2, 3)), along(1, 2, 3).min(along(1, 3, 0))]
}

/// True when two sides without a corner in common pass through each other.
fn crosses_itself(places: &[DVec2]) -> bool {
    let n = places.len();
    let side = |i: usize| (places[i], places[(i + 1) % n]);
    let apart =
        |(a, b): (DVec2, DVec2), p: DVec2, q: DVec2| (b - a).perp_dot(p - a) * (b - a).perp_dot(q - a) < 0.0;
    (0..n).any(|i| {
        (i + 2..n).any(|j| {
            let (one, other) = (side(i), side(j));
            apart(one, other.0, other.1) && apart(other, one.0, one.1)
        })
    })
}

/// The corners on the coordinate plane that the normal is most upright on, counter-clockwise.
fn flattened(places: &[DVec3], normal: DVec3) -> Vec<DVec2> {
    let [x, y, z] = normal.abs().to_array();
    let pick = |p: &DVec3| {
        if x >= y && x >= z {
            DVec2::new(p.y, p.z) * DVec2::new(normal.x.signum(), 1.0)
        } else if y >= z {
            DVec2::new(p.z, p.x) * DVec2::new(normal.y.signum(), 1.0)
        } else {
            DVec2::new(p.x, p.y) * DVec2::new(normal.z.signum(), 1.0)
        }
    };
    places.iter().map(pick).collect()
}

/// True when a counter-clockwise triangle covers a point or has it on its border.
fn covers([a, b, c]: [DVec2; 3], p: DVec2) -> bool {
    let left = |a: DVec2, b: DVec2| (b - a).perp_dot(p - a) >= 0.0;
    left(a, b) && left(b, c) && left(c, a)
}

/// What is left of a face.
struct Ring {
    places: Vec<DVec2>,
    next: Vec<usize>,
    previous: Vec<usize>,
    left: usize,
    at: usize,
}

impl Ring {
    fn new(places: Vec<DVec2>) -> Self {
        let left = places.len();
        let next = (1..left).chain([0]).collect();
        let previous = [left - 1].into_iter().chain(0..left - 1).collect();
        Self { places, next, previous, left, at: 0 }
    }

    fn around(&self, corner: usize) -> [usize; 3] {
        [self.previous[corner], corner, self.next[corner]]
    }

    fn cut(&mut self, corner: usize) {
        let [previous, _, next] = self.around(corner);
        self.next[previous] = next;
        self.previous[next] = previous;
        self.left -= 1;
        // Going on beyond the next corner spreads the cuts, and makes fewer slivers.
        self.at = self.next[next];
    }

    fn rest_as_fan(&self, mut take: impl FnMut([usize; 3])) {
        let first = self.at;
        let mut second = self.next[first];
        while self.next[second] != first {
            take([first, second, self.next[second]]);
            second = self.next[second];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn divided(places: &[DVec3]) -> (Vec<[u32; 3]>, Option<Finding>) {
        let (mut divider, mut triangles) = (Divider::new(MeshFormat::Obj), Vec::new());
        let face: Vec<u32> = (0..places.len() as u32).collect();
        divider.divide(&face, |v| places[v as usize], &mut triangles, &Ctx::default()).unwrap();
        (triangles, divider.finding())
    }

    /// The area that triangles cover, and the sum of their signed areas along a normal.
    fn areas(places: &[DVec3], triangles: &[[u32; 3]], normal: DVec3) -> (f64, f64) {
        let twice = triangles.iter().map(|t| {
            let [a, b, c] = t.map(|v| places[v as usize]);
            (b - a).cross(c - a)
        });
        twice.fold((0.0, 0.0), |sum, v| (sum.0 + v.length() / 2.0, sum.1 + v.dot(normal) / 2.0))
    }

    #[test]
    fn a_concave_face_is_covered_once() {
        // An L of area 3, lying in z = 2 and seen from above.
        let corners = [[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]];
        let places = corners.map(|[x, y]| DVec3::new(f64::from(x), f64::from(y), 2.0));
        for start in 0..6 {
            let mut turned = places;
            turned.rotate_left(start);
            let (triangles, finding) = divided(&turned);
            assert_eq!((triangles.len(), finding), (4, None));
            assert_eq!(areas(&turned, &triangles, DVec3::Z), (3.0, 3.0));
        }
    }

    #[test]
    fn an_arrowhead_of_four_corners_is_divided_at_its_notch() {
        let places = [[0.0, 0.0], [2.0, 1.0], [0.0, 2.0], [1.0, 1.0]].map(|[x, y]| DVec3::new(0.0, x, y));
        for start in 0..4 {
            let mut turned = places;
            turned.rotate_left(start);
            let (triangles, _) = divided(&turned);
            assert_eq!(areas(&turned, &triangles, DVec3::X), (1.0, 1.0), "{start}");
        }
    }

    #[test]
    fn a_corner_on_a_straight_side_stays_a_corner() {
        let corners = [[0, 0], [1, 0], [2, 0], [2, 2], [1, 2], [0, 2]];
        let places = corners.map(|[x, y]| DVec3::new(f64::from(x), f64::from(y), 0.0));
        let (triangles, _) = divided(&places);
        assert!((0..6).all(|v| triangles.as_flattened().contains(&v)));
        assert_eq!(areas(&places, &triangles, DVec3::Z), (4.0, 4.0));
        assert!(triangles.iter().all(|t| areas(&places, &[*t], DVec3::Z).0 > 0.0));
    }

    #[test]
    fn a_bow_tie_of_four_corners_is_told() {
        let places = [[0.0, 0.0], [3.0, 3.0], [3.0, 0.0], [0.0, 2.0]].map(|[x, y]| DVec3::new(x, y, 1.0));
        assert!(divided(&places).1.is_some());
        // A saddle is no bow tie.
        let saddle =
            [[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]].map(DVec3::from_array);
        assert_eq!(divided(&saddle).1, None);
    }

    #[test]
    fn a_face_that_crosses_itself_is_told_with_its_place() {
        // A star of five points, drawn in one stroke.
        let place = |n: u32| {
            let angle = f64::from(n * 2) * std::f64::consts::TAU / 5.0;
            DVec3::new(libm::cos(angle), libm::sin(angle), 7.0)
        };
        let places: Vec<DVec3> = (0..5).map(place).collect();
        let (triangles, finding) = divided(&places);
        assert_eq!(triangles.len(), 3);
        assert_eq!(
            finding.map(|f| (f.code, f.place.unwrap()[2])),
            Some(("mesh-face-crosses-itself".into(), 7.0))
        );
    }

    proptest! {
        #[test]
        fn a_star_shaped_face_is_covered_once_in_any_pose(
            radii in prop::collection::vec(0.2_f64..1.0, 5..40), axis in prop::array::uniform3(-1.0_f64..1.0)
        ) {
            let Some(axis) = DVec3::from_array(axis).try_normalize() else { return Ok(()) };
            let turn = glam::DMat3::from_axis_angle(axis, 2.0);
            let step = std::f64::consts::TAU / radii.len() as f64;
            let places: Vec<DVec3> = radii.iter().enumerate().map(|(n, r)| {
                let angle = step * n as f64;
                turn * DVec3::new(r * libm::cos(angle), r * libm::sin(angle), 0.0)
            }).collect();
            let (triangles, finding) = divided(&places);
            let (covered, signed) = areas(&places, &triangles, turn * DVec3::Z);
            let truth: f64 = (0..radii.len()).map(|n| {
                0.5 * radii[n] * radii[(n + 1) % radii.len()] * libm::sin(step)
            }).sum();
            prop_assert_eq!((triangles.len(), finding), (radii.len() - 2, None));
            // Sums of at most 40 terms of at most 1, each with a few roundings of 1e-16.
            prop_assert!((covered - truth).abs() < 1e-13 && (signed - truth).abs() < 1e-13);
        }
    }
}
