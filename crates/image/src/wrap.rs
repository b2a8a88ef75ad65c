//! Wrap a bone: a solid without pores, marrow spaces or holes, with its true outline where the image shows it.
//!
//! A shrinking skin: the mask is grown until holes and pores are sealed, cavities are filled while they are
//! sealed, and the whole is shrunk back. Filling before shrinking is what closes a shell: a ball that closes a
//! hole in a thin cortex from outside still finds room behind it, so that closing alone leaves the hole open.

use crate::crop::{Crop, CropError};
use crate::fill::fill;
use crate::morphology::{dilate, erode};
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Mask};

/// How far a skin bridges, and how deep below it filling begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wrap {
    /// Holes and gaps narrower than twice this are bridged, mm.
    pub gap: f64,
    /// What lies less than this below the skin is left as the image shows it, mm: grooves, joint edges, sutures.
    /// Zero gives a smooth skin.
    pub detail: f64,
}

impl Default for Wrap {
    /// Chosen: vessels enter a vertebra through holes of up to 3 mm, and pores of spongy bone at a usual threshold
    /// are narrower; most joints are wider. A detail of 0.5 mm is a voxel of a usual scan.
    fn default() -> Self {
        Self { gap: 1.5, detail: 0.5 }
    }
}

/// A mask in its skin.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrapped {
    /// The mask with what the skin holds.
    pub mask: Mask,
    /// Number of voxels that were added.
    pub added: usize,
}

/// Why a mask cannot be wrapped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// A length is negative or not finite.
    #[error("{0} mm is not a length to wrap by")]
    Length(f64),
    /// The mask has no voxel, or its surroundings have no grid.
    #[error(transparent)]
    Crop(#[from] CropError),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for WrapError {
    fn kind(&self) -> ErrorKind {
        match self {
            WrapError::Length(_) => ErrorKind::Input,
            WrapError::Crop(error) => error.kind(),
            WrapError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            WrapError::Length(_) => "wrap-length",
            WrapError::Crop(error) => error.code(),
            WrapError::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            WrapError::Length(_) => "give a gap and a detail of zero or more millimetres".to_owned(),
            WrapError::Crop(error) => error.help(),
            WrapError::Cancelled(cancelled) => cancelled.help(),
        }
    }
}

/// Fills everything that a skin over the mask holds: pores, marrow spaces, and what is sealed by bridging holes
/// narrower than twice `wrap.gap`.
///
/// Never takes a voxel away, and adds none further than `wrap.gap` from the mask unless it is sealed in. Where the
/// surface is flat or bulges, it stays exactly where it is, and a groove stays down to `wrap.detail`. Bones less
/// than twice the gap apart are joined below that depth. At the border of the image nothing is sealed: a marrow
/// canal that the image cuts, and that is wider than twice the gap, stays open.
///
/// # Errors
/// [`WrapError::Length`] for lengths that are none, [`WrapError::Crop`] for an empty mask; stops when `ctx` was
/// asked to.
pub fn wrap(mask: &Mask, wrap: &Wrap, ctx: &Ctx) -> Result<Wrapped, WrapError> {
    for length in [wrap.gap, wrap.detail] {
        if !(length >= 0.0 && length.is_finite()) {
            return Err(WrapError::Length(length));
        }
    }
    // One voxel more than the skin reaches, so that what surrounds the bone is one piece and is seen as outside.
    // Of a slanted grid the nearest voxel outside the skin can lie further off than those at the side of the crop.
    let further = if mask.grid().is_sheared() { wrap.gap + wrap.detail } else { 0.0 };
    let crop = Crop::around_mask(mask, wrap.gap + further + mask.grid().spacing().max_element())?;
    let part = crop.mask(mask)?;
    let skin = dilate(&part, wrap.gap, &ctx.part("skin", 0.0, 0.35))?;
    let sealed = fill(&skin, &ctx.part("sealed", 0.35, 0.5))?.mask;
    let mut solid = erode(&sealed, wrap.gap + wrap.detail, &ctx.part("shrunk", 0.5, 0.85))?;
    solid.or(&part);
    let solid = fill(&solid, &ctx.part("cavities", 0.85, 1.0))?.mask;
    let added = solid.count() - part.count();
    let mut wrapped = mask.clone();
    crop.put_mask(&solid, &mut wrapped)?;
    Ok(Wrapped { mask: wrapped, added })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close;
    use glam::DVec3;
    use osteon_core::{Grid, Point, ctx::Random};

    fn grid(dims: [usize; 3], spacing: f64) -> Grid {
        Grid::upright(dims, Point::new(-20.0, 3.0, 7.0), DVec3::splat(spacing)).unwrap()
    }

    /// Distance in voxels from a place in the grid.
    fn away(x: usize, y: usize, z: usize, from: [f64; 3]) -> f64 {
        DVec3::new(x as f64 - from[0], y as f64 - from[1], z as f64 - from[2]).length()
    }

    const MIDDLE: [f64; 3] = [30.0, 30.0, 30.0];

    /// A shell of two voxels around marrow, with one hole of five voxels across.
    fn shell(grid: &Grid) -> Mask {
        Mask::where_true(grid, |x, y, z| {
            let r = away(x, y, z, MIDDLE);
            let hole = z > 30 && away(x, y, 30, MIDDLE) <= 2.5;
            (18.0..=20.0).contains(&r) && !hole
        })
    }

    fn of(mask: &Mask, gap: f64, detail: f64) -> Wrapped {
        wrap(mask, &Wrap { gap, detail }, &Ctx::default()).unwrap()
    }

    #[test]
    fn a_hollow_bone_with_a_hole_becomes_full_and_closing_alone_does_not() {
        let grid = grid([61, 61, 61], 0.5);
        let bone = shell(&grid);
        let ball = Mask::where_true(&grid, |x, y, z| away(x, y, z, MIDDLE) <= 20.0);
        let Wrapped { mask: wrapped, added } = of(&bone, 1.5, 0.0);
        assert_eq!(added, wrapped.count() - bone.count());
        assert!(wrapped.get(30, 30, 30) && wrapped.get(30, 30, 45));
        assert!(
            !crate::fill(&close(&bone, 1.5, &Ctx::default()).unwrap(), &Ctx::default())
                .unwrap()
                .mask
                .get(30, 30, 30)
        );
        // Nothing beyond the true outline, and only a dent at the mouth of the hole is missing.
        let mut beyond = wrapped.clone();
        beyond.subtract(&ball);
        assert!(beyond.is_empty());
        let mut dent = ball;
        dent.subtract(&wrapped);
        let (from, _) = dent.extent().unwrap();
        assert!(dent.count() < 80 && from[2] > 44, "{} voxels", dent.count());
    }

    #[test]
    fn a_hole_wider_than_twice_the_gap_stays_open() {
        let grid = grid([61, 61, 61], 0.5);
        let wrapped = of(&shell(&grid), 1.0, 0.0);
        assert!(!wrapped.mask.get(30, 30, 30));
    }

    #[test]
    fn grooves_stay_down_to_the_detail_and_are_filled_below() {
        let grid = grid([60, 40, 40], 0.5);
        // A block with a groove two voxels wide and ten deep.
        let block = |x: usize, y: usize, z: usize| {
            (5..55).contains(&x) && (5..35).contains(&y) && (5..35).contains(&z)
        };
        let bone = Mask::where_true(&grid, |x, y, z| block(x, y, z) && !((30..32).contains(&x) && z >= 25));
        let depth = |detail| {
            let wrapped = of(&bone, 1.5, detail).mask;
            (5..35).rev().take_while(|&z| !wrapped.get(30, 20, z)).count()
        };
        // The lowest voxel of a ball of 3 voxels is in the groove when its middle is at z = 37, √10 from the
        // nearest bone; two voxels are a millimetre.
        assert_eq!((depth(0.0), depth(1.0), depth(2.0), depth(20.0)), (1, 3, 5, 10));
        // The rest of the outline is as it was.
        let mut added = of(&bone, 1.5, 0.5).mask;
        added.subtract(&bone);
        assert_eq!(added.extent().map(|(from, to)| (from[0], to[0])), Some((30, 32)));
    }

    #[test]
    fn spongy_bone_becomes_solid_and_keeps_its_outline() {
        let grid = grid([50, 50, 50], 0.4);
        let mut random = Random::new(1);
        let pores: Vec<bool> = (0..grid.count()).map(|_| random.bits().is_multiple_of(3)).collect();
        let whole = |x, y, z| away(x, y, z, [24.0; 3]) <= 18.0;
        let bone = Mask::where_true(&grid, |x, y, z| whole(x, y, z) && !pores[grid.index(x, y, z)]);
        let wrapped = of(&bone, 1.2, 0.0).mask;
        let ball = Mask::where_true(&grid, whole);
        let mut missing = ball.clone();
        missing.subtract(&wrapped);
        let mut beyond = wrapped;
        beyond.subtract(&ball);
        assert!(beyond.is_empty());
        // Only pores on the surface itself can be left: a third of its voxels at most, 4π · 18² of them.
        assert!(missing.count() < 1360, "{} voxels", missing.count());
        assert!(missing.count() == missing_near(&missing));
    }

    /// How many of the voxels are in the outermost layer and a half.
    fn missing_near(missing: &Mask) -> usize {
        let grid = missing.grid().clone();
        Mask::where_true(&grid, |x, y, z| missing.get(x, y, z) && away(x, y, z, [24.0; 3]) > 16.0).count()
    }

    #[test]
    fn what_the_image_cuts_is_neither_eaten_nor_sealed() {
        let grid = grid([40, 40, 20], 1.0);
        // A tube through the whole image, wide inside, and far from its sides.
        let ring = |x, y| away(x, y, 0, [20.0, 20.0, 0.0]);
        let tube = Mask::where_true(&grid, |x, y, _| (8.0..=12.0).contains(&ring(x, y)));
        let wrapped = of(&tube, 2.0, 0.0).mask;
        // As within a longer image: in every slice what closing gives far from its ends.
        let closed = close(&tube, 2.0, &Ctx::default()).unwrap();
        assert!((0..20).all(|z| (0..40).all(|y| wrapped.row(y, z) == closed.row(y, 10))));
        assert!(!closed.get(20, 20, 10));
    }

    #[test]
    fn lengths_that_are_none_and_empty_masks_are_refused() {
        let grid = grid([10, 10, 10], 1.0);
        let full = Mask::where_true(&grid, |_, _, _| true);
        let code =
            |mask: &Mask, gap, detail| wrap(mask, &Wrap { gap, detail }, &Ctx::default()).unwrap_err().code();
        assert_eq!(code(&full, -1.0, 0.0), "wrap-length");
        assert_eq!(code(&full, 1.0, f64::NAN), "wrap-length");
        assert_eq!(code(&Mask::empty(&grid), 1.0, 0.0), "crop-empty");
        assert_eq!(of(&full, 3.0, 0.5).added, 0);
    }
}
