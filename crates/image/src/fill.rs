//! Cavities: background that no face-connected path leads out of.

use crate::components::{Neighbours, components};
use crate::morphology::{close, erode};
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
    let filled = background.list().iter().filter(|c| is_cavity(c)).map(|c| c.voxels).sum();
    let mut mask = mask.clone();
    if filled > 0 {
        mask.or(&background.keep(is_cavity));
    }
    Ok(Filled { mask, filled })
}

/// Fills the pores of spongy bone, and cavities, so that a bone prints solid; its outside stays as it is.
///
/// Spongy bone near the threshold is riddled with holes that lead outside through a few voxels, so they are
/// no cavities. This adds the voxels that lie more than `depth` mm inside the outline that closing by a ball
/// of `gap` mm gives, and then fills cavities. Joints narrower than twice `gap` fuse below `depth`: 1.5 mm
/// keeps most joints apart, 2 mm with a depth of 1 mm makes a whole thorax one piece.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn fill_pores(mask: &Mask, gap: f64, depth: f64, ctx: &Ctx) -> Result<Filled, Cancelled> {
    let closed = close(mask, gap, &ctx.part("closed outline", 0.0, 0.5))?;
    let outline = fill(&closed, &ctx.part("closed outline", 0.5, 0.6))?.mask;
    let mut solid = erode(&outline, depth, &ctx.part("pores", 0.6, 0.9))?;
    solid.or(mask);
    let solid = fill(&solid, &ctx.part("cavities", 0.9, 1.0))?.mask;
    let filled = solid.count() - mask.count();
    Ok(Filled { mask: solid, filled })
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

    #[test]
    fn pores_that_lead_outside_are_filled_and_the_outside_stays() {
        let grid = Grid::upright([24, 24, 24], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let block = |i: usize| (4..20).contains(&i);
        // Pores along x through the whole block, one voxel wide, and a notch of 8 voxels in one side.
        let notch = |x: usize, y: usize| y < 8 && (8..16).contains(&x);
        let bone = |x, y, z| block(x) && block(y) && block(z) && !notch(x, y);
        let porous = Mask::where_true(&grid, |x, y, z| bone(x, y, z) && !(y % 3 == 0 && z % 3 == 0));
        assert_eq!(fill(&porous, &Ctx::default()).unwrap().filled, 0);
        let solid = fill_pores(&porous, 1.5, 1.0, &Ctx::default()).unwrap();
        let whole = Mask::where_true(&grid, bone);
        let mut beyond = solid.mask.clone();
        beyond.subtract(&whole);
        assert!(beyond.is_empty());
        // All that is left of the pores are their mouths, at most two voxels deep.
        let inner = |i: usize| (6..18).contains(&i);
        let mut left = Mask::where_true(&grid, |x, y, z| inner(x) && (10..18).contains(&y) && inner(z));
        left.subtract(&solid.mask);
        assert!(left.is_empty());
        assert_eq!(solid.filled, solid.mask.count() - porous.count());
    }
}
