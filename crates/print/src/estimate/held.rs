//! Where supports hold a solid: connected places with their areas.

use crate::estimate::{Columns, PITCH, Setup, pitch};
use crate::turn::Turn;
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Solid};
use osteon_mesh::region::Regions;
use serde::{Deserialize, Serialize};

/// A connected place that rests on supports.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Its area seen from above, mm².
    pub area_mm2: f64,
    /// How much of it is protected, mm².
    pub protected_mm2: f64,
    /// Its lowest point, in the patient, LPS mm.
    pub place: [f64; 3],
}

/// Cells of a place that differ more in height than this share of their distance are not connected.
///
/// Chosen: tan 76°; faces that are held are flatter than 45°.
const STEP: f64 = 4.0;

/// The places that rest on supports with this turn, the largest first.
///
/// # Errors
/// [`Cancelled`].
pub fn held(
    solid: &Solid,
    protected: &Regions,
    turn: &Turn,
    setup: &Setup<'_>,
    ctx: &Ctx,
) -> Result<Vec<Held>, Cancelled> {
    let marked = protected.triangles(solid.mesh());
    let columns = Columns::new(solid.mesh(), &marked, turn, pitch(solid.mesh(), PITCH), ctx)?;
    let steep = setup.steep();
    // Each cell's faces that are held, numbered through.
    let mut faces: Vec<(usize, f64, bool)> = Vec::new();
    let mut first = vec![0; columns.cells() + 1];
    for cell in 0..columns.cells() {
        for span in columns.of(cell) {
            if f64::from(span.low_flat) > steep && f64::from(span.low) > setup.process.layer {
                faces.push((cell, f64::from(span.low), span.low_marked));
            }
        }
        first[cell + 1] = faces.len();
    }
    let mut seen = vec![false; faces.len()];
    let mut found = Vec::new();
    for start in 0..faces.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let (mut place, mut lowest) = (Held { area_mm2: 0.0, protected_mm2: 0.0, place: [0.0; 3] }, start);
        let mut next = vec![start];
        while let Some(face) = next.pop() {
            let (cell, z, protected) = faces[face];
            place.area_mm2 += columns.cell_area();
            place.protected_mm2 += if protected { columns.cell_area() } else { 0.0 };
            lowest = if z < faces[lowest].1 { face } else { lowest };
            // One free cell lies around everything, so that a neighbour is always a cell.
            for other in [cell - 1, cell + 1, cell - columns.size[0], cell + columns.size[0]] {
                for near in first[other]..first[other + 1] {
                    if !seen[near] && (faces[near].1 - z).abs() < STEP * columns.pitch {
                        seen[near] = true;
                        next.push(near);
                    }
                }
            }
        }
        let (cell, z, _) = faces[lowest];
        let on_bed = columns.middle(cell) + DVec3::Z * z;
        place.place = (turn.rotation().transpose() * on_bed).to_array();
        found.push(place);
    }
    found.sort_by(|a, b| b.area_mm2.total_cmp(&a.area_mm2));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::printer;
    use crate::test_shapes::ball;
    use osteon_core::{Direction, Point};
    use osteon_mesh::region::Region;

    #[test]
    fn a_ball_is_held_in_one_place_at_its_lowest_point_whatever_is_up() {
        let (middle, radius) = (DVec3::new(40.0, -100.0, 900.0), 10.0);
        let printer = printer("generic-250").unwrap();
        let setup = Setup::new(&printer, &printer.standard);
        for up in [DVec3::Z, DVec3::new(1.0, 2.0, -0.5)] {
            let up = Direction::new(up).unwrap();
            let turn = Turn::with_up(up);
            let under = Point::from_vec(middle - up.vec() * radius);
            let regions = Regions(vec![Region::Ball { middle: under, radius: 3.0 }]);
            let places = held(&ball(middle, radius), &regions, &turn, &setup, &Ctx::default()).unwrap();
            assert_eq!(places.len(), 1);
            // π·(r·sin 46°)² less what lies within a layer of the bed, π·(2·r·0.2 − 0.2²).
            let expected = std::f64::consts::PI * (51.75 - 3.96);
            assert!((places[0].area_mm2 / expected - 1.0).abs() < 0.06, "{}", places[0].area_mm2);
            assert!(DVec3::from_array(places[0].place).distance(under.vec()) < 2.5);
            assert!(places[0].protected_mm2 > 10.0 && places[0].protected_mm2 < 0.5 * places[0].area_mm2);
        }
    }
}
