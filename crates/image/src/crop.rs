//! Part of an image or a mask, cut out and put back; every voxel stays where it is in the patient.
//!
//! A [`Crop`] is a box of voxels of one grid. It is made from a box in patient coordinates or from what a mask
//! covers with a margin in millimetres, cuts volumes and masks of that grid, and puts parts back in their place.

use glam::DVec3;
use osteon_core::{Aabb, ErrorKind, Explain, Grid, GridError, Mask, Patient, Point, Volume};

/// A box of voxels of a grid: `from` belongs, `to` does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    whole: Grid,
    part: Grid,
    from: [usize; 3],
}

/// Why there is nothing to cut out, or it does not fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// The box holds the middle of no voxel.
    #[error(
        "no voxel lies in the box from {:?} to {:?} mm; the image reaches from {:?} to {:?} mm",
        wanted.min, wanted.max, image.min, image.max
    )]
    Outside {
        /// The box that was asked for.
        wanted: Aabb<Patient>,
        /// The box around the middles of all voxels.
        image: Aabb<Patient>,
    },
    /// The mask has no voxel.
    #[error("the mask has no voxel to cut out")]
    Empty,
    /// The margin is negative or not finite.
    #[error("{0} mm is not a margin")]
    Margin(f64),
    /// What was given is on another grid than the crop.
    #[error(
        "the crop is of a grid of {expected:?} voxels, and was given one of {given:?} or at another place"
    )]
    Grids {
        /// Dimensions the crop was made for.
        expected: [usize; 3],
        /// Dimensions of what was given.
        given: [usize; 3],
    },
    /// The part has no grid.
    #[error(transparent)]
    Grid(#[from] GridError),
}

impl Explain for CropError {
    fn kind(&self) -> ErrorKind {
        match self {
            CropError::Grid(_) => ErrorKind::Numeric,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            CropError::Outside { .. } => "crop-outside",
            CropError::Empty => "crop-empty",
            CropError::Margin(_) => "crop-margin",
            CropError::Grids { .. } => "crop-grids",
            CropError::Grid(_) => "crop-grid",
        }
    }

    fn help(&self) -> String {
        match self {
            CropError::Outside { .. } => {
                "give the box in patient coordinates: x to the left, y to the back, \
                z to the head, in mm"
                    .to_owned()
            }
            CropError::Empty => "choose a mask with voxels, or a lower threshold".to_owned(),
            CropError::Margin(_) => "give a margin of zero or more millimetres".to_owned(),
            CropError::Grids { .. } => "use the crop with the image it was made for".to_owned(),
            CropError::Grid(_) => "read the image again; its map is not valid".to_owned(),
        }
    }
}

impl Crop {
    /// The smallest box of voxels with every voxel whose middle lies in `wanted`, limits included.
    ///
    /// On a turned or sheared grid it holds further voxels, because its sides are the grid's.
    ///
    /// # Errors
    /// [`CropError::Outside`] when no voxel of the image can lie in the box.
    pub fn around_box(grid: &Grid, wanted: Aabb<Patient>) -> Result<Self, CropError> {
        let outside = CropError::Outside { wanted, image: grid.bounds() };
        let Some((from, to)) = voxels_in(grid, &wanted) else {
            return Err(outside);
        };
        Self::new(grid, from, to)
    }

    /// The smallest box of voxels with every voxel no further than `margin` mm from one of the mask.
    ///
    /// # Errors
    /// [`CropError::Empty`] for a mask without voxels, [`CropError::Margin`] for a margin that is none.
    pub fn around_mask(mask: &Mask, margin: f64) -> Result<Self, CropError> {
        if !(margin >= 0.0 && margin.is_finite()) {
            return Err(CropError::Margin(margin));
        }
        let (from, to) = mask.extent().ok_or(CropError::Empty)?;
        let reach = reach(mask.grid(), margin).map(|reach| (reach + SLACK) as usize);
        let dims = mask.grid().dims();
        let from = [0, 1, 2].map(|a| from[a].saturating_sub(reach[a]));
        let to = [0, 1, 2].map(|a| to[a].saturating_add(reach[a]).min(dims[a]));
        Self::new(mask.grid(), from, to)
    }

    /// The voxels `from..to` of a grid, without those beyond it.
    ///
    /// # Errors
    /// [`CropError::Grid`] when none are left.
    pub fn new(grid: &Grid, from: [usize; 3], to: [usize; 3]) -> Result<Self, CropError> {
        Ok(Self { whole: grid.clone(), part: grid.crop(from, to)?, from })
    }

    /// The grid of the part.
    pub const fn grid(&self) -> &Grid {
        &self.part
    }

    /// The voxels of the whole that are in the part: the first, and one past the last.
    pub fn voxels(&self) -> ([usize; 3], [usize; 3]) {
        let dims = self.part.dims();
        (self.from, [0, 1, 2].map(|a| self.from[a] + dims[a]))
    }

    /// The part of an image.
    ///
    /// # Errors
    /// [`CropError::Grids`] when the image is not on the grid of the crop.
    pub fn volume<T: Copy>(&self, whole: &Volume<T>) -> Result<Volume<T>, CropError> {
        same(&self.whole, whole.grid())?;
        let [nx, ny, nz] = self.part.dims();
        let [x, y, z] = self.from;
        let mut samples = Vec::with_capacity(self.part.count());
        for z in z..z + nz {
            for y in y..y + ny {
                samples.extend_from_slice(&whole.row(y, z)[x..x + nx]);
            }
        }
        let mismatch = |_| CropError::Grids { expected: self.part.dims(), given: whole.grid().dims() };
        Volume::new(self.part.clone(), samples).map_err(mismatch)
    }

    /// Puts a part of an image back in its place.
    ///
    /// # Errors
    /// [`CropError::Grids`] when one of the two is not on its grid.
    pub fn put_volume<T: Copy>(&self, part: &Volume<T>, whole: &mut Volume<T>) -> Result<(), CropError> {
        same(&self.whole, whole.grid())?;
        same(&self.part, part.grid())?;
        let [nx, ny, nz] = self.part.dims();
        for z in 0..nz {
            for y in 0..ny {
                let start = self.whole.index(self.from[0], self.from[1] + y, self.from[2] + z);
                whole.samples_mut()[start..start + nx].copy_from_slice(part.row(y, z));
            }
        }
        Ok(())
    }

    /// The part of a mask.
    ///
    /// # Errors
    /// [`CropError::Grids`] when the mask is not on the grid of the crop.
    pub fn mask(&self, whole: &Mask) -> Result<Mask, CropError> {
        same(&self.whole, whole.grid())?;
        let mut part = Mask::empty(&self.part);
        let last = part.last_word();
        let [_, ny, nz] = self.part.dims();
        for z in 0..nz {
            for y in 0..ny {
                let row = part.row_mut(y, z);
                take(whole.row(self.from[1] + y, self.from[2] + z), self.from[0], row);
                if let Some(word) = row.last_mut() {
                    *word &= last;
                }
            }
        }
        Ok(part)
    }

    /// Puts a part of a mask back in its place; what lies beside it stays.
    ///
    /// # Errors
    /// [`CropError::Grids`] when one of the two is not on its grid.
    pub fn put_mask(&self, part: &Mask, whole: &mut Mask) -> Result<(), CropError> {
        same(&self.whole, whole.grid())?;
        same(&self.part, part.grid())?;
        let [_, ny, nz] = self.part.dims();
        for z in 0..nz {
            for y in 0..ny {
                let row = whole.row_mut(self.from[1] + y, self.from[2] + z);
                put(part.row(y, z), part.last_word(), self.from[0], row);
            }
        }
        Ok(())
    }
}

/// Voxels exactly on a limit belong, however the map is rounded: headers are good to some 1e-9 of a voxel.
const SLACK: f64 = 1e-6;

/// How many voxels along each axis a step of `length` mm in any direction can reach.
pub(crate) fn reach(grid: &Grid, length: f64) -> [f64; 3] {
    let rows = grid.to_voxel().linear.transpose();
    [rows.x_axis, rows.y_axis, rows.z_axis].map(|row| row.length() * length)
}

/// The box of voxels around a box in the patient.
pub(crate) fn voxels_in(grid: &Grid, wanted: &Aabb<Patient>) -> Option<([usize; 3], [usize; 3])> {
    // No further than the voxels reach, so that a box without an end is as good as any.
    let bounds = grid.bounds();
    let low = wanted.min.vec().max(bounds.min.vec() - 1.0);
    let high = wanted.max.vec().min(bounds.max.vec() + 1.0);
    if wanted.min.vec().is_nan() || wanted.max.vec().is_nan() || low.cmpgt(high).any() {
        return None;
    }
    let corner = |c: usize| {
        let pick = |a: usize| if c >> a & 1 == 0 { low[a] } else { high[a] };
        grid.to_voxel().point(Point::<Patient>::new(pick(0), pick(1), pick(2)))
    };
    let around = Aabb::around((0..8).map(corner));
    clip(around.min.vec(), around.max.vec(), grid.dims())
}

/// The voxels of a grid between two continuous voxel indices, or `None` where there are none.
pub(crate) fn clip(low: DVec3, high: DVec3, dims: [usize; 3]) -> Option<([usize; 3], [usize; 3])> {
    let (mut from, mut to) = ([0; 3], [0; 3]);
    for a in 0..3 {
        let first = (low[a] - SLACK).ceil().max(0.0);
        let last = (high[a] + SLACK).floor().min(dims[a] as f64 - 1.0);
        if first > last {
            return None;
        }
        (from[a], to[a]) = (first as usize, last as usize + 1);
    }
    Some((from, to))
}

fn same(expected: &Grid, given: &Grid) -> Result<(), CropError> {
    let wrong = || CropError::Grids { expected: expected.dims(), given: given.dims() };
    if expected == given { Ok(()) } else { Err(wrong()) }
}

/// Fills `part` with the bits of a row from bit `from` on; the row goes on with zeros.
fn take(row: &[u64], from: usize, part: &mut [u64]) {
    let (skip, bits) = (from / 64, from % 64);
    let word = |i: usize| row.get(i).copied().unwrap_or(0);
    for (i, part) in part.iter_mut().enumerate() {
        let high = if bits == 0 { 0 } else { word(i + skip + 1) << (64 - bits) };
        *part = word(i + skip) >> bits | high;
    }
}

/// Replaces the bits of a row from bit `at` on by those of `part`, whose last word has the voxels `last`.
fn put(part: &[u64], last: u64, at: usize, row: &mut [u64]) {
    let (skip, bits) = (at / 64, at % 64);
    for (i, &word) in part.iter().enumerate() {
        let valid = if i + 1 == part.len() { last } else { u64::MAX };
        let low = &mut row[i + skip];
        *low = *low & !(valid << bits) | word << bits;
        if bits > 0 && valid >> (64 - bits) != 0 {
            let high = &mut row[i + skip + 1];
            *high = *high & !(valid >> (64 - bits)) | word >> (64 - bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DMat3;
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

    fn noise(grid: &Grid, seed: u64) -> Mask {
        let mut random = Random::new(seed);
        let bits: Vec<bool> = (0..grid.count()).map(|_| random.bits().is_multiple_of(3)).collect();
        Mask::where_true(grid, |x, y, z| bits[grid.index(x, y, z)])
    }

    #[test]
    fn a_box_in_the_patient_takes_the_voxels_whose_middles_lie_in_it() {
        let grid =
            Grid::upright([20, 20, 20], Point::new(-10.0, 0.0, 100.0), DVec3::new(0.7, 0.7, 2.0)).unwrap();
        let wanted = Aabb { min: Point::new(-9.3, 0.1, 103.9), max: Point::new(-7.2, 0.7, 500.0) };
        let crop = Crop::around_box(&grid, wanted).unwrap();
        assert_eq!(crop.voxels(), ([1, 1, 2], [5, 2, 20]));
        assert!(crop.grid().place(0, 0, 0).distance(grid.place(1, 1, 2)) < 1e-12);
    }

    #[test]
    fn a_box_beside_the_image_is_refused_with_both_places() {
        let grid = Grid::upright([20, 20, 20], Point::new(-10.0, 0.0, 100.0), DVec3::ONE).unwrap();
        let beside = Aabb { min: Point::new(50.0, 0.0, 100.0), max: Point::new(60.0, 9.0, 110.0) };
        let error = Crop::around_box(&grid, beside).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("crop-outside", ErrorKind::Input));
        assert!(error.to_string().contains("(50, 0, 100)") && error.to_string().contains("(9, 19, 119)"));
        assert!(Crop::around_box(&grid, Aabb::EMPTY).is_err());
        let nowhere = Aabb { min: Point::new(f64::NAN, 0.0, 0.0), max: Point::new(1.0, 1.0, 1.0) };
        assert!(Crop::around_box(&grid, nowhere).is_err());
        let upwards = Aabb { min: Point::new(-1e9, 0.0, 110.0), max: Point::from_vec(DVec3::INFINITY) };
        assert_eq!(Crop::around_box(&grid, upwards).unwrap().voxels(), ([0, 0, 10], [20, 20, 20]));
    }

    #[test]
    fn a_margin_reaches_every_voxel_that_growing_by_it_would() {
        let grid = sheared([60, 30, 30]);
        let mut mask = Mask::empty(&grid);
        mask.set(30, 15, 15, true);
        mask.set(33, 14, 15, true);
        for margin in [0.0, 0.8, 2.0, 4.3] {
            let grown = crate::dilate(&mask, margin, &osteon_core::Ctx::default()).unwrap();
            let (from, to) = Crop::around_mask(&mask, margin).unwrap().voxels();
            let (low, high) = grown.extent().unwrap();
            for a in 0..3 {
                // No more than one voxel further than needed: the ellipsoid touches its box between voxels.
                assert!(from[a] <= low[a] && low[a] <= from[a] + 1);
                assert!(high[a] <= to[a] && to[a] <= high[a] + 1);
            }
        }
        assert_eq!(Crop::around_mask(&mask, -1.0).unwrap_err(), CropError::Margin(-1.0));
        assert_eq!(Crop::around_mask(&Mask::empty(&grid), 1.0).unwrap_err(), CropError::Empty);
    }

    #[test]
    fn another_grid_is_refused() {
        let grid = sheared([10, 10, 10]);
        let crop = Crop::new(&grid, [1, 2, 3], [9, 9, 9]).unwrap();
        let moved =
            Grid::new([10, 10, 10], Affine::new(grid.to_patient().linear, DVec3::new(5.0, -3.0, 9.0)))
                .unwrap();
        assert_eq!(crop.mask(&Mask::empty(&moved)).unwrap_err().code(), "crop-grids");
        let mut whole = Mask::empty(&grid);
        assert_eq!(crop.put_mask(&Mask::empty(&grid), &mut whole).unwrap_err().code(), "crop-grids");
        assert_eq!(Crop::new(&grid, [5, 5, 5], [5, 9, 9]).unwrap_err().code(), "crop-grid");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_part_holds_its_voxels_and_goes_back_where_it_was(
            nx in 1_usize..200, cut in (0_usize..200, 1_usize..200), seed in 0_u64..1000
        ) {
            let grid = sheared([nx, 5, 4]);
            let (from, to) = ([cut.0 % nx, 1, 1], [cut.0 % nx + cut.1, 4, 4]);
            let crop = Crop::new(&grid, from, to).unwrap();
            let (mask, other) = (noise(&grid, seed), noise(&grid, seed + 1));
            let part = crop.mask(&mask).unwrap();
            let [x, y, z] = from;
            prop_assert_eq!(&part, &Mask::where_true(crop.grid(), |i, j, k| mask.get(x + i, y + j, z + k)));

            let inside = |i: usize, j: usize, k: usize| i >= x && i < to[0] && (1..4).contains(&j) && k >= 1;
            let mut put = other.clone();
            crop.put_mask(&part, &mut put).unwrap();
            let truth = |i, j, k| if inside(i, j, k) { mask.get(i, j, k) } else { other.get(i, j, k) };
            prop_assert_eq!(&put, &Mask::where_true(&grid, truth));

            let volume = Volume::new(grid.clone(), (0..grid.count()).collect()).unwrap();
            let part = crop.volume(&volume).unwrap();
            prop_assert_eq!(part.at(0, 2, 1), volume.at(x, y + 2, z + 1));
            let mut blank = Volume::new(grid.clone(), vec![usize::MAX; grid.count()]).unwrap();
            crop.put_volume(&part, &mut blank).unwrap();
            for (i, &value) in blank.samples().iter().enumerate() {
                let at = inside(i % nx, i / nx % 5, i / nx / 5);
                prop_assert_eq!(value, if at { i } else { usize::MAX });
            }
        }
    }
}
