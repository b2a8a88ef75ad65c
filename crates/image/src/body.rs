//! The patient, without the table, cushions and blankets.

use crate::components::{Neighbours, components};
use crate::morphology::open;
use crate::threshold::threshold;
use osteon_core::{Cancelled, Ctx, Hu, Mask, Volume};

/// Fat is about −100 HU, the foam of cushions and tables below −600.
const SKIN: Hu = Hu(-300.0);

/// Table shells and cushion covers are thinner than twice this many mm; chest walls and fingers are thicker.
const SHELL: f64 = 5.0;

/// Pieces smaller than this share of the largest are not part of the patient; a second leg is.
const SHARE: usize = 20;

/// The soft and hard tissue of the patient, less what is thinner than 10 mm.
///
/// Meant to tell pieces in the patient from pieces beside the patient ([`crate::keep_within`]), not to cut voxels off:
/// skin folds and thin parts of the chest wall are missing from it. Metal or a solid table of more than 10 mm that
/// touches the skin is taken for the patient.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn body(volume: &Volume<i16>, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let tissue = threshold(volume, SKIN, None, &ctx.part("tissue", 0.0, 0.1))?;
    let thick = open(&tissue, SHELL, &ctx.part("table", 0.1, 0.9))?;
    let pieces = components(&thick, Neighbours::Faces, &ctx.part("table", 0.9, 1.0))?;
    let largest = pieces.list().first().map_or(0, |piece| piece.voxels);
    Ok(pieces.keep(|piece| piece.voxels * SHARE >= largest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::islands::keep_within;
    use glam::DVec3;
    use osteon_core::{Grid, Point};

    #[test]
    fn bones_of_two_legs_stay_and_the_table_goes() {
        let grid = Grid::upright([90, 60, 20], Point::new(0.0, 0.0, 0.0), DVec3::new(1.0, 1.0, 2.0)).unwrap();
        let from = |x: usize, y: usize, at: [f64; 2]| libm::hypot(x as f64 - at[0], y as f64 - at[1]);
        let (left, right) = ([25.0, 25.0], [65.0, 25.0]);
        let hu = |x: usize, y: usize| match from(x, y, left).min(from(x, y, right)) {
            r if r < 7.0 => 900,
            r if r < 17.0 => 40,
            _ if (48..51).contains(&y) => 400,
            _ => -1000,
        };
        let samples = (0..grid.count()).map(|i| hu(i % 90, i / 90 % 60)).collect();
        let volume = Volume::new(grid, samples).unwrap();
        let ctx = Ctx::default();
        let dense = threshold(&volume, Hu(226.0), None, &ctx).unwrap();
        let pieces = components(&dense, Neighbours::Corners, &ctx).unwrap();
        let kept = keep_within(&pieces, &body(&volume, &ctx).unwrap());
        assert_eq!((kept.kept, kept.dropped), (2, 1));
        assert_eq!(kept.mask.extent().map(|e| e.1[1]), Some(32));
    }
}
