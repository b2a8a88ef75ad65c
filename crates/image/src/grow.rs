//! Grow a region from places in the patient, within a range of grey values or within a mask.

use crate::components::{Neighbours, components};
use crate::threshold::threshold;
use osteon_core::{Aabb, Cancelled, Ctx, ErrorKind, Explain, Grid, Hu, Mask, Patient, Point, Volume};

/// What a region may grow through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lowest value that belongs.
    pub low: Hu,
    /// The highest value that belongs, if there is one.
    pub high: Option<Hu>,
    /// Which voxels touch.
    pub neighbours: Neighbours,
}

/// Why nothing can grow from a place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrowError {
    /// No place was given.
    #[error("there is no place to grow from")]
    NoSeed,
    /// A place lies in no voxel.
    #[error(
        "({:.1}, {:.1}, {:.1}) mm is outside the image, whose voxels have their middles from ({:.1}, {:.1}, {:.1}) \
         to ({:.1}, {:.1}, {:.1}) mm",
        seed.vec().x, seed.vec().y, seed.vec().z, image.min.vec().x, image.min.vec().y, image.min.vec().z,
        image.max.vec().x, image.max.vec().y, image.max.vec().z
    )]
    Outside {
        /// The place.
        seed: Point<Patient>,
        /// The box around the middles of all voxels.
        image: Aabb<Patient>,
    },
    /// The voxel at a place has a value that does not belong.
    #[error(
        "the voxel at ({:.1}, {:.1}, {:.1}) mm has {value} HU, and the region may grow {}",
        seed.vec().x, seed.vec().y, seed.vec().z, text(*low, *high)
    )]
    Value {
        /// The place.
        seed: Point<Patient>,
        /// The value there.
        value: i16,
        /// The lowest value that belongs.
        low: Hu,
        /// The highest value that belongs, if there is one.
        high: Option<Hu>,
    },
    /// The voxel at a place does not belong to the mask.
    #[error("the voxel at ({:.1}, {:.1}, {:.1}) mm is not in the mask", seed.vec().x, seed.vec().y, seed.vec().z)]
    NotInMask {
        /// The place.
        seed: Point<Patient>,
    },
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

fn text(low: Hu, high: Option<Hu>) -> String {
    match high {
        Some(high) => format!("from {low} to {high}"),
        None => format!("from {low} up"),
    }
}

impl Explain for GrowError {
    fn kind(&self) -> ErrorKind {
        match self {
            GrowError::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            GrowError::NoSeed => "grow-no-seed",
            GrowError::Outside { .. } => "grow-outside",
            GrowError::Value { .. } => "grow-value",
            GrowError::NotInMask { .. } => "grow-not-in-mask",
            GrowError::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            GrowError::NoSeed => "give at least one place in the structure".to_owned(),
            GrowError::Outside { .. } => {
                "give the place in patient coordinates: x to the left, y to the back, z to the head, in mm"
                    .to_owned()
            }
            GrowError::Value { .. } => {
                "choose a place within the structure, or a range with its value".to_owned()
            }
            GrowError::NotInMask { .. } => "choose a place within the mask".to_owned(),
            GrowError::Cancelled(cancelled) => cancelled.help(),
        }
    }
}

/// Everything in the range that is connected to the voxel of one of the places.
///
/// # Errors
/// [`GrowError::NoSeed`], [`GrowError::Outside`] or [`GrowError::Value`] with the first place that is wrong; stops
/// when `ctx` was asked to.
pub fn grow(
    volume: &Volume<i16>,
    seeds: &[Point<Patient>],
    range: &Range,
    ctx: &Ctx,
) -> Result<Mask, GrowError> {
    let voxels = voxels(volume.grid(), seeds)?;
    let within = threshold(volume, range.low, range.high, &ctx.part("range", 0.0, 0.3))?;
    for (&seed, &[x, y, z]) in seeds.iter().zip(&voxels) {
        if !within.get(x, y, z) {
            let value = volume.at(x, y, z);
            return Err(GrowError::Value { seed, value, low: range.low, high: range.high });
        }
    }
    Ok(connected(&within, &voxels, range.neighbours, &ctx.part("connected", 0.3, 1.0))?)
}

/// The pieces of a mask in which the places lie.
///
/// # Errors
/// [`GrowError::NoSeed`], [`GrowError::Outside`] or [`GrowError::NotInMask`] with the first place that is wrong;
/// stops when `ctx` was asked to.
pub fn pick(
    mask: &Mask,
    seeds: &[Point<Patient>],
    neighbours: Neighbours,
    ctx: &Ctx,
) -> Result<Mask, GrowError> {
    let voxels = voxels(mask.grid(), seeds)?;
    for (&seed, &[x, y, z]) in seeds.iter().zip(&voxels) {
        if !mask.get(x, y, z) {
            return Err(GrowError::NotInMask { seed });
        }
    }
    Ok(connected(mask, &voxels, neighbours, ctx)?)
}

/// The voxels in which the places lie, the border half a voxel around the middles included.
fn voxels(grid: &Grid, seeds: &[Point<Patient>]) -> Result<Vec<[usize; 3]>, GrowError> {
    if seeds.is_empty() {
        return Err(GrowError::NoSeed);
    }
    let dims = grid.dims();
    let voxel = |&seed: &Point<Patient>| {
        let at = grid.to_voxel().point(seed).to_array().map(f64::round);
        let inside = (0..3).all(|a| at[a] >= 0.0 && at[a] < dims[a] as f64);
        if inside {
            Ok(at.map(|at| at as usize))
        } else {
            Err(GrowError::Outside { seed, image: grid.bounds() })
        }
    };
    seeds.iter().map(voxel).collect()
}

fn connected(mask: &Mask, voxels: &[[usize; 3]], by: Neighbours, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let pieces = components(mask, by, ctx)?;
    let mut seeds = Mask::empty(mask.grid());
    for &[x, y, z] in voxels {
        seeds.set(x, y, z, true);
    }
    let wanted: Vec<bool> = pieces.voxels_within(&seeds).iter().map(|&n| n > 0).collect();
    Ok(pieces.paint(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DMat3, DVec3};
    use osteon_core::{Affine, ctx::Random};
    use proptest::prelude::*;

    fn sheared(dims: [usize; 3]) -> Grid {
        let linear = DMat3::from_cols(
            DVec3::new(-0.7, 0.1, 0.0),
            DVec3::new(0.2, 0.8, 0.0),
            DVec3::new(0.5, 0.6, 1.1),
        );
        Grid::new(dims, Affine::new(linear, DVec3::new(5.0, -3.0, 8.0))).unwrap()
    }

    fn range(low: f64, high: f64) -> Range {
        Range { low: Hu(low), high: Some(Hu(high)), neighbours: Neighbours::Faces }
    }

    /// Flooding voxel by voxel.
    fn flooded(volume: &Volume<i16>, seed: [usize; 3], range: &Range) -> Mask {
        let belongs = |[x, y, z]: [usize; 3]| {
            let value = f64::from(volume.at(x, y, z));
            value >= range.low.value() && range.high.is_none_or(|high| value <= high.value())
        };
        let dims = volume.grid().dims();
        let mut mask = Mask::empty(volume.grid());
        let mut open = vec![seed];
        while let Some([x, y, z]) = open.pop() {
            if mask.get(x, y, z) || !belongs([x, y, z]) {
                continue;
            }
            mask.set(x, y, z, true);
            for n in 0..27_usize {
                let step = [n % 3, n / 3 % 3, n / 9];
                let moved = step.iter().filter(|&&s| s != 1).count();
                let at = [x + step[0], y + step[1], z + step[2]];
                let inside = (0..3).all(|a| (1..=dims[a]).contains(&at[a]));
                if inside && (moved == 1 || moved > 1 && range.neighbours == Neighbours::Corners) {
                    open.push(at.map(|at| at - 1));
                }
            }
        }
        mask
    }

    #[test]
    fn a_place_outside_the_image_is_named_with_where_the_image_is() {
        let grid = Grid::upright([10, 10, 10], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let volume = Volume::new(grid, vec![100; 1000]).unwrap();
        let at = |x| grow(&volume, &[Point::new(x, 5.0, 5.0)], &range(0.0, 200.0), &Ctx::default());
        assert_eq!(at(9.4).unwrap().count(), 1000);
        assert_eq!(at(-0.4).unwrap().count(), 1000);
        let error = at(9.6).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("grow-outside", ErrorKind::Input));
        let text = error.to_string();
        assert!(text.contains("(9.6, 5.0, 5.0) mm") && text.contains("(9.0, 9.0, 9.0) mm"), "{text}");
        assert_eq!(at(f64::NAN).unwrap_err().code(), "grow-outside");
        assert_eq!(grow(&volume, &[], &range(0.0, 1.0), &Ctx::default()), Err(GrowError::NoSeed));
    }

    #[test]
    fn a_place_outside_the_range_is_named_with_its_value() {
        let grid = Grid::upright([10, 10, 10], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let volume = Volume::new(grid, (0..1000).collect()).unwrap();
        let seeds = [Point::new(2.0, 3.0, 5.0), Point::new(4.0, 3.0, 1.0)];
        let error = grow(&volume, &seeds, &range(500.0, 600.0), &Ctx::default()).unwrap_err();
        assert_eq!(error.code(), "grow-value");
        assert_eq!(
            error.to_string(),
            "the voxel at (4.0, 3.0, 1.0) mm has 134 HU, and the region may grow from 500 HU to 600 HU"
        );
        let open = Range { high: None, ..range(500.0, 0.0) };
        let text = grow(&volume, &seeds, &open, &Ctx::default()).unwrap_err().to_string();
        assert!(text.ends_with("from 500 HU up"), "{text}");
    }

    #[test]
    fn the_pieces_of_a_mask_at_given_places_are_picked() {
        let grid = sheared([30, 9, 9]);
        let mask = Mask::where_true(&grid, |x, _, _| x % 10 < 4);
        let at = |x: usize| grid.place(x, 4, 4);
        let picked = pick(&mask, &[at(1), at(23), at(22)], Neighbours::Corners, &Ctx::default()).unwrap();
        assert_eq!(picked, Mask::where_true(&grid, |x, _, _| x % 10 < 4 && x / 10 != 1));
        let missed = pick(&mask, &[at(5)], Neighbours::Corners, &Ctx::default()).unwrap_err();
        assert_eq!(missed, GrowError::NotInMask { seed: at(5) });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_region_is_what_flooding_reaches(
            nx in 1_usize..90, seed in 0_u64..1000, low in 0_i16..60, corners in 0_u8..2
        ) {
            let grid = sheared([nx, 7, 6]);
            let mut random = Random::new(seed);
            let samples = (0..grid.count()).map(|_| (random.bits() % 100) as i16).collect();
            let volume = Volume::new(grid.clone(), samples).unwrap();
            let at = [seed as usize % nx, 3, 2];
            let neighbours = if corners == 1 { Neighbours::Corners } else { Neighbours::Faces };
            let range = Range { neighbours, ..range(low.into(), 90.0) };
            let place = grid.place(at[0], at[1], at[2]);
            match grow(&volume, &[place], &range, &Ctx::default()) {
                Ok(region) => prop_assert_eq!(region, flooded(&volume, at, &range)),
                Err(error) => {
                    prop_assert_eq!(error.code(), "grow-value");
                    prop_assert!(flooded(&volume, at, &range).is_empty());
                }
            }
        }
    }
}
