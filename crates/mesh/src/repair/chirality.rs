//! Telling a solid from its mirror image, if one knows what it should be.

use glam::{DMat3, DVec3};
use osteon_core::Solid;

/// A number that a solid keeps wherever it is moved, turned or scaled to, and that changes its sign when it is
/// mirrored; zero for a solid that is its own mirror image.
///
/// With M the second and v the third central moments of the volume, v = ∫ |x|² x dV, it is the determinant of
/// v, M v and M² v, of v and M without their size. It says nothing about which hand is which: only two numbers of the
/// same body can be compared. Smooth bones have values of about 10⁻⁴ to 10⁻².
pub fn chirality(solid: &Solid) -> f64 {
    let mesh = solid.mesh();
    let origin = mesh.bounds().middle().vec();
    let (mut volume, mut first) = (0.0, DVec3::ZERO);
    for &triangle in &mesh.triangles {
        let [a, b, c] = mesh.corners(triangle).map(|p| p - origin);
        let six = a.dot(b.cross(c));
        volume += six / 6.0;
        first += (a + b + c) * (six / 24.0);
    }
    let centroid = origin + first / volume;
    // Of ∫ x xᵀ the columns.
    let (mut second, mut third) = ([DVec3::ZERO; 3], DVec3::ZERO);
    for &triangle in &mesh.triangles {
        let corners = mesh.corners(triangle).map(|p| p - centroid);
        let [a, b, c] = corners;
        let six = a.dot(b.cross(c));
        let sum = a + b + c;
        // Exact for cubic integrands (Keast 1986, 5 points): the middle of the tetrahedron from the centroid, and four
        // places that have half of one corner and a sixth of the others.
        let weighted = [DVec3::ZERO, a, b, c].map(|corner| (sum / 6.0 + corner / 3.0, 9.0 / 20.0));
        for (place, weight) in weighted.into_iter().chain([(sum / 4.0, -0.8)]) {
            let share = place * (weight * six / 6.0);
            third += share * place.length_squared();
            for (column, along) in second.iter_mut().zip(place.to_array()) {
                *column += share * along;
            }
        }
    }
    let moments = DMat3::from_cols(second[0], second[1], second[2]);
    let spread = second[0].x + second[1].y + second[2].z;
    let Some(third) = third.try_normalize() else {
        return 0.0;
    };
    let once = moments * third / spread;
    third.cross(once).dot(moments * once / spread)
}

/// What a chirality tells when it is held against the one that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    Same,
    Mirrored,
    Undecided,
}

/// How much the two may differ, as a share of the expected one. Repair and decimation change moments by
/// thousandths; chosen so that another body is not taken for the same.
const SHARE: f64 = 0.25;

/// Below this a body is its own mirror image as far as rounding can tell: sums over a million triangles err by 1e-12.
const SYMMETRIC: f64 = 1e-9;

pub(super) fn compare(found: f64, expected: f64) -> Hand {
    let most = SHARE * expected.abs();
    if expected.abs() <= SYMMETRIC {
        Hand::Undecided
    } else if (found - expected).abs() <= most {
        Hand::Same
    } else if (found + expected).abs() <= most {
        Hand::Mirrored
    } else {
        Hand::Undecided
    }
}
