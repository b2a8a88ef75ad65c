//! Cavities: background that no face-connected path leads out of.

use crate::components::{Neighbours, components};
use osteon_core::{Cancelled, Ctx, Mask};

/// A mask without cavities.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    /// The voxels of the mask and of its cavities.
    pub mask: Mask,
    /// Number of voxels that were added.
    pub filled: usize,
}

/// Fills cavities: the background that is not face-connected to the border of the grid.
///
/// A marrow canal that is open at the border of the scan is not a cavity and stays open.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn fill(mask: &Mask, ctx: &Ctx) -> Result<Filled, Cancelled> {
    let dims = mask.grid().dims();
    let mut background = mask.clone();
    background.invert();
    let background = components(&background, Neighbours::Faces, ctx)?;
    let is_cavity = |c: &crate::Component| !c.reaches_border(dims);
    let filled = background
        .list()
        .iter()
        .filter(|c| is_cavity(c))
        .map(|c| c.voxels)
        .sum();
    let mut mask = mask.clone();
    if filled > 0 {
        mask.or(&background.keep(is_cavity));
    }
    Ok(Filled { mask, filled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::{Grid, Point};

    /// A box shell 5 voxels wide around 27 empty ones, in a grid of 7³.
    fn hollow() -> Mask {
        let grid = Grid::upright([7, 7, 7], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        Mask::where_true(&grid, |x, y, z| {
            let p = [x, y, z];
            p.iter().all(|i| (1..6).contains(i)) && p.iter().any(|&i| i == 1 || i == 5)
        })
    }

    #[test]
    fn a_hollow_box_becomes_full() {
        let filled = fill(&hollow(), &Ctx::default()).unwrap();
        assert_eq!(filled.filled, 27);
        assert_eq!(filled.mask.count(), 125);
        assert_eq!(fill(&filled.mask, &Ctx::default()).unwrap().filled, 0);
    }

    #[test]
    fn a_hole_in_a_face_opens_the_cavity_but_one_in_an_edge_does_not() {
        let mut face = hollow();
        face.set(3, 3, 1, false);
        assert_eq!(fill(&face, &Ctx::default()).unwrap().filled, 0);
        let mut edge = hollow();
        edge.set(3, 1, 1, false);
        // The edge voxel itself is open to the outside; the cavity meets it only along an edge.
        assert_eq!(fill(&edge, &Ctx::default()).unwrap().filled, 27);
    }

    #[test]
    fn what_is_open_at_the_border_of_the_grid_is_not_a_cavity() {
        let grid = Grid::upright([5, 5, 3], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let tube = Mask::where_true(&grid, |x, y, _| x.abs_diff(2).max(y.abs_diff(2)) == 1);
        assert_eq!(fill(&tube, &Ctx::default()).unwrap().filled, 0);
    }
}
