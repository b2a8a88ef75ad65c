//! What stays behind when gravity empties a void: a flood from the outside, on voxels.
//!
//! A liquid leaves a place if there is a way out of the void that never climbs above it. The lowest rim over which
//! each place can be left is found from the outside inward, always going on over the lowest rim so far
//! [barnes-2014]. Where that rim is higher than the place, it stays full up to the rim.

use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Direction, Mask, Patient, Point};
use osteon_image::components::{Neighbours, components};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A part of a void that does not run empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Puddle {
    /// Its volume, mm³.
    pub volume: f64,
    /// Its lowest place.
    pub lowest: Point<Patient>,
    /// Its highest place.
    pub highest: Point<Patient>,
    /// True if nothing leads out of it at all.
    pub closed: bool,
}

/// Steps of height a millimetre: exact numbers to sort by.
const STEPS: f64 = 1e6;

/// The parts of a void that do not run empty through the outside with this direction up, largest first.
///
/// `void` and `outside` are on the same grid and share no voxel; liquid leaves where they share a side. What is less
/// deep than a voxel's diagonal is not told from a floor made of voxels.
///
/// # Errors
/// `ctx` was asked to stop.
pub fn puddles(
    void: &Mask,
    outside: &Mask,
    up: Direction<Patient>,
    ctx: &Ctx,
) -> Result<Vec<Puddle>, Cancelled> {
    let grid = void.grid();
    let [nx, ny, nz] = grid.dims();
    let height = |[x, y, z]: [usize; 3]| (grid.place(x, y, z).vec().dot(up.vec()) * STEPS) as i64;
    let diagonal = (grid.spacing().length() * STEPS) as i64;
    let beside = |[x, y, z]: [usize; 3]| {
        let mut all = [None; 6];
        let ways = [
            (x > 0, [x.wrapping_sub(1), y, z]),
            (x + 1 < nx, [x + 1, y, z]),
            (y > 0, [x, y.wrapping_sub(1), z]),
            (y + 1 < ny, [x, y + 1, z]),
            (z > 0, [x, y, z.wrapping_sub(1)]),
            (z + 1 < nz, [x, y, z + 1]),
        ];
        for (slot, (there, place)) in all.iter_mut().zip(ways) {
            *slot = there.then_some(place);
        }
        all.into_iter().flatten()
    };
    let mut wet = void.clone();
    let mut stays = void.clone();
    let mut heap = BinaryHeap::new();
    each(void, |at| {
        if beside(at).any(|[x, y, z]| outside.get(x, y, z)) {
            wet.set(at[0], at[1], at[2], false);
            heap.push(Reverse((height(at), at)));
        }
    });
    ctx.done(0.3)?;
    let mut count = 0_usize;
    while let Some(Reverse((rim, at))) = heap.pop() {
        // Asked now and then: each step is a few nanoseconds.
        count += 1;
        if count.is_multiple_of(1 << 16) {
            ctx.check()?;
        }
        if rim - height(at) <= diagonal {
            stays.set(at[0], at[1], at[2], false);
        }
        for next in beside(at) {
            let [x, y, z] = next;
            if wet.get(x, y, z) {
                wet.set(x, y, z, false);
                heap.push(Reverse((rim.max(height(next)), next)));
            }
        }
    }
    ctx.done(0.8)?;
    gathered(&stays, &wet, up.vec(), ctx)
}

/// The connected parts of what stays; `wet` is what nothing leads out of.
fn gathered(stays: &Mask, wet: &Mask, up: DVec3, ctx: &Ctx) -> Result<Vec<Puddle>, Cancelled> {
    let parts = components(stays, Neighbours::Faces, ctx)?;
    let (grid, count) = (stays.grid(), parts.list().len());
    let mut found = Vec::with_capacity(count);
    for (n, part) in parts.list().iter().enumerate() {
        ctx.check()?;
        // Chosen: what is smaller than a few voxels is the grid's, not the part's.
        if part.voxels < LEAST {
            break;
        }
        let mut wanted = vec![false; count];
        wanted[n] = true;
        let own = parts.paint(&wanted);
        let mut ends = [(f64::INFINITY, DVec3::ZERO), (f64::NEG_INFINITY, DVec3::ZERO)];
        each(&own, |[x, y, z]| {
            let place = grid.place(x, y, z).vec();
            let height = place.dot(up);
            if height < ends[0].0 {
                ends[0] = (height, place);
            }
            if height > ends[1].0 {
                ends[1] = (height, place);
            }
        });
        let [x, y, z] = part.first;
        found.push(Puddle {
            volume: part.voxels as f64 * grid.voxel_volume(),
            lowest: Point::from_vec(ends[0].1),
            highest: Point::from_vec(ends[1].1),
            closed: wet.get(x, y, z),
        });
    }
    Ok(found)
}

/// Least voxels of a puddle. Chosen: a block of three voxels each way.
const LEAST: usize = 27;

/// Visits the voxels of a mask in their order.
pub(super) fn each(mask: &Mask, mut visit: impl FnMut([usize; 3])) {
    let [_, ny, nz] = mask.grid().dims();
    for z in 0..nz {
        for y in 0..ny {
            for (w, &word) in mask.row(y, z).iter().enumerate() {
                let mut rest = word;
                while rest != 0 {
                    visit([w * 64 + rest.trailing_zeros() as usize, y, z]);
                    rest &= rest - 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Grid;

    /// A void of 20³ voxels of 1 mm, with a hole from it to the outside, which is everything beyond 22.
    fn cup(hole: [std::ops::Range<usize>; 3]) -> (Mask, Mask) {
        let grid = Grid::upright([28; 3], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let in_void = |x: usize, y: usize, z: usize| {
            let room = [x, y, z].iter().all(|n| (4..24).contains(n));
            room || (hole[0].contains(&x) && hole[1].contains(&y) && hole[2].contains(&z))
        };
        let void = Mask::where_true(&grid, in_void);
        let outside = Mask::where_true(&grid, |x, y, z| {
            [x, y, z].iter().any(|n| !(2..26).contains(n)) && !in_void(x, y, z)
        });
        (void, outside)
    }

    fn held(masks: &(Mask, Mask), up: DVec3) -> Vec<Puddle> {
        puddles(&masks.0, &masks.1, Direction::new(up).unwrap(), &Ctx::default()).unwrap()
    }

    #[test]
    fn a_hole_in_the_floor_empties_a_box_and_one_half_way_up_half_of_it() {
        let floor = cup([10..13, 10..13, 2..4]);
        assert!(held(&floor, DVec3::Z).is_empty());
        let side = cup([2..4, 10..13, 14..17]);
        let found = held(&side, DVec3::Z);
        // The sill is at 14: of the layers 4 to 13 those deeper than the diagonal of √3 stay: 4 to 12.
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].volume, found[0].lowest.vec().z, found[0].closed), (9.0 * 400.0, 4.0, false));
        assert!(held(&side, -DVec3::X).len() == 1 && held(&side, DVec3::X).is_empty());
    }

    #[test]
    fn a_void_without_a_hole_stays_full() {
        let closed = cup([0..0, 0..0, 0..0]);
        let found = held(&closed, DVec3::new(1.0, 2.0, 3.0));
        assert_eq!((found.len(), found[0].volume, found[0].closed), (1, 8000.0, true));
        assert_eq!(found[0].lowest, Point::new(4.0, 4.0, 4.0));
        assert_eq!(found[0].highest, Point::new(23.0, 23.0, 23.0));
    }
}
