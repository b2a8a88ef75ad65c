//! Keep the pieces of a mask that matter and count what goes.

use crate::components::Components;
use osteon_core::Mask;

/// The kept voxels and what became of the pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The voxels of the kept pieces.
    pub mask: Mask,
    /// Number of pieces kept.
    pub kept: usize,
    /// Number of pieces dropped.
    pub dropped: usize,
    /// Voxels in the dropped pieces.
    pub dropped_voxels: usize,
}

/// Keeps the `n` largest pieces; of equal ones those that come first in sample order.
pub fn keep_largest(components: &Components, n: usize) -> Kept {
    kept(components, (0..components.list().len()).map(|place| place < n))
}

/// Keeps the pieces of at least `volume` mm³.
pub fn keep_at_least(components: &Components, volume: f64) -> Kept {
    let voxel = components.grid().voxel_volume();
    kept(components, components.list().iter().map(|c| c.voxels as f64 * voxel >= volume))
}

/// Keeps the pieces of which at least half the voxels belong to `region`, a mask of the same dimensions.
///
/// With [`crate::body()`] this leaves out the table and whatever else lies beside the patient.
pub fn keep_within(components: &Components, region: &Mask) -> Kept {
    let within = components.voxels_within(region);
    kept(components, components.list().iter().zip(within).map(|(c, within)| 2 * within >= c.voxels))
}

fn kept(components: &Components, wanted: impl Iterator<Item = bool>) -> Kept {
    let wanted: Vec<bool> = wanted.collect();
    let dropped = || components.list().iter().zip(&wanted).filter(|(_, wanted)| !**wanted);
    Kept {
        mask: components.paint(&wanted),
        kept: wanted.len() - dropped().count(),
        dropped: dropped().count(),
        dropped_voxels: dropped().map(|(c, _)| c.voxels).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::{Neighbours, components};
    use glam::DVec3;
    use osteon_core::{Ctx, Grid, Point};

    /// Bars of 1, 2, 3 and 3 voxels of 2 mm³.
    fn bars() -> Components {
        let grid = Grid::upright([3, 8, 1], Point::new(0.0, 0.0, 0.0), DVec3::new(1.0, 1.0, 2.0)).unwrap();
        let mask = Mask::where_true(&grid, |x, y, _| y % 2 == 0 && x <= y / 2);
        components(&mask, Neighbours::Corners, &Ctx::default()).unwrap()
    }

    #[test]
    fn the_largest_stay_and_the_rest_is_counted() {
        let kept = keep_largest(&bars(), 1);
        assert_eq!((kept.kept, kept.dropped, kept.dropped_voxels), (1, 3, 6));
        assert_eq!(kept.mask.extent(), Some(([0, 4, 0], [3, 5, 1])));
        assert_eq!(keep_largest(&bars(), 9).dropped, 0);
        assert!(keep_largest(&bars(), 0).mask.is_empty());
    }

    #[test]
    fn a_piece_of_exactly_the_limit_stays() {
        let kept = keep_at_least(&bars(), 4.0);
        assert_eq!((kept.kept, kept.dropped, kept.dropped_voxels), (3, 1, 1));
        assert_eq!(keep_at_least(&bars(), 4.001).kept, 2);
    }

    #[test]
    fn a_piece_that_lies_at_least_half_in_the_region_stays_whole() {
        let bars = bars();
        let region = Mask::where_true(bars.grid(), |x, _, _| x == 0);
        // Bars of 1 and 2 voxels have at least half in the first column; those of 3 do not.
        let kept = keep_within(&bars, &region);
        assert_eq!((kept.kept, kept.dropped, kept.mask.count()), (2, 2, 3));
    }
}
