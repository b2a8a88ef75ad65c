//! The samples of a volume that came from a file: exact 16-bit numbers where they fit, else 32-bit floats.
//!
//! A reader hands its values over as f64, after the file's own slope and intercept. [`Gathering`] keeps them as
//! `i16` while every one is whole and fits, and as `f32` from the first one that is not. What is neither exact
//! in f32 nor came from a fractional number is refused with its value and place; so is what is not a number.

use osteon_core::{ErrorKind, Explain, Grid, Volume, VolumeError};

/// A volume of one of the two kinds of sample that the suite works with.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Whole numbers from −32768 to 32767, exact.
    I16(Volume<i16>),
    /// Fractional or wider numbers; always finite.
    F32(Volume<f32>),
}

/// What kind of number the values were in the file: decides whether rounding is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Whole numbers without a fractional slope or intercept: exact or refused.
    Whole,
    /// Floats, or whole numbers times a fractional slope: rounded to f32 where they must be.
    Fractional,
}

/// Why values do not become samples.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplesError {
    /// Some values are not numbers, or infinite.
    #[error("{count} of the values are not finite numbers, the first at voxel {first:?}")]
    NotFinite {
        /// How many.
        count: usize,
        /// The first of them in the order x, y, z.
        first: [usize; 3],
    },
    /// A value that cannot be kept as it is.
    #[error("the value {value} at voxel {voxel:?} cannot be kept exactly; {limit}")]
    Value {
        /// The value.
        value: f64,
        /// Its voxel.
        voxel: [usize; 3],
        /// What would fit, in words.
        limit: &'static str,
    },
    /// There are more or fewer values than voxels.
    #[error(transparent)]
    Count(#[from] VolumeError),
}

impl Explain for SamplesError {
    fn kind(&self) -> ErrorKind {
        match self {
            SamplesError::Value { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            SamplesError::NotFinite { .. } => "samples-not-finite",
            SamplesError::Value { .. } => "samples-value",
            SamplesError::Count(_) => "samples-count",
        }
    }

    fn help(&self) -> String {
        match self {
            SamplesError::NotFinite { .. } => {
                "replace the undefined voxels by a value you choose, such as −1024 for air, in the program the volume comes from"
            }
            SamplesError::Value { .. } => "rescale the values, for a CT to Hounsfield units, and save the volume again",
            SamplesError::Count(_) => "the file was cut or changed on its way; copy it again",
        }
        .to_owned()
    }
}

/// What would have fitted: whole numbers in the file.
const WHOLE: &str = "whole numbers must fit 16 bits or be exact as a 32-bit float";
/// What would have fitted: a 16-bit volume was asked for.
const NARROW: &str = "it does not fit the range −32768 to 32767";
/// What would have fitted: floats in the file.
const WIDE: &str = "it is beyond the range of a 32-bit float";

impl Samples {
    /// Where the samples are.
    pub const fn grid(&self) -> &Grid {
        match self {
            Samples::I16(volume) => volume.grid(),
            Samples::F32(volume) => volume.grid(),
        }
    }

    /// The smallest and the largest sample.
    pub fn range(&self) -> (f64, f64) {
        fn ends<T: Copy + Into<f64>>(samples: &[T]) -> (f64, f64) {
            samples.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &sample| {
                (low.min(sample.into()), high.max(sample.into()))
            })
        }
        match self {
            Samples::I16(volume) => ends(volume.samples()),
            Samples::F32(volume) => ends(volume.samples()),
        }
    }

    /// The volume as 16-bit numbers, rounded to the nearest, and the largest rounding if there was any.
    ///
    /// A sample beyond 16 bits is refused with its value and voxel, never clamped.
    pub fn to_i16(self) -> Result<(Volume<i16>, Option<f64>), SamplesError> {
        let volume = match self {
            Samples::I16(volume) => return Ok((volume, None)),
            Samples::F32(volume) => volume,
        };
        let (grid, samples) = volume.into_parts();
        let mut worst = 0.0_f64;
        let mut narrow = Vec::with_capacity(samples.len());
        for (at, &sample) in samples.iter().enumerate() {
            let value = f64::from(sample);
            let near = value.round();
            if !is_narrow(near) {
                return Err(SamplesError::Value { value, voxel: voxel(&grid, at), limit: NARROW });
            }
            worst = worst.max((near - value).abs());
            narrow.push(near as i16);
        }
        Ok((Volume::new(grid, narrow)?, (worst > 0.0).then_some(worst)))
    }
}

/// The values of a volume, taken one after the other and kept as exactly as they can be.
#[derive(Clone, Debug)]
pub struct Gathering {
    grid: Grid,
    source: Source,
    kept: Kept,
    /// How many values were taken.
    taken: usize,
    /// Largest error of rounding to f32.
    worst: f64,
    /// How many are not finite, and the first of them.
    strange: usize,
    first_strange: Option<usize>,
    /// The first value that cannot be kept, and why.
    refused: Option<(usize, f64, &'static str)>,
}

/// Values as they are kept.
#[derive(Clone, Debug)]
enum Kept {
    Narrow(Vec<i16>),
    Wide(Vec<f32>),
}

impl Gathering {
    /// Begins with voxel (0, 0, 0) of the grid, with room for `room` values: no more than have a chance to come.
    pub fn new(grid: Grid, source: Source, room: usize) -> Self {
        let kept = Kept::Narrow(Vec::with_capacity(room.min(grid.count())));
        Self { grid, source, kept, taken: 0, worst: 0.0, strange: 0, first_strange: None, refused: None }
    }

    /// Takes the values of the next voxels.
    pub fn take(&mut self, values: &[f64]) {
        if let Kept::Narrow(kept) = &mut self.kept {
            // No branch within: most volumes need nothing else.
            if values.iter().fold(true, |all, &value| all & is_narrow(value)) {
                kept.extend(values.iter().map(|&value| value as i16));
                self.taken += values.len();
                return;
            }
            let mut wide = Vec::with_capacity(kept.capacity());
            wide.extend(kept.iter().map(|&sample| f32::from(sample)));
            self.kept = Kept::Wide(wide);
        }
        values.iter().enumerate().for_each(|(at, &value)| self.judge(self.taken + at, value));
        if let Kept::Wide(kept) = &mut self.kept {
            kept.extend(values.iter().map(|&value| value as f32));
        }
        self.taken += values.len();
    }

    /// Notes what a value loses as f32, or why it cannot be kept.
    fn judge(&mut self, at: usize, value: f64) {
        if !value.is_finite() {
            self.strange += 1;
            self.first_strange.get_or_insert(at);
            return;
        }
        let near = value as f32;
        let error = (f64::from(near) - value).abs();
        if !near.is_finite() {
            self.refused.get_or_insert((at, value, WIDE));
        } else if error > 0.0 && self.source == Source::Whole {
            self.refused.get_or_insert((at, value, WHOLE));
        } else {
            self.worst = self.worst.max(error);
        }
    }

    /// The volume, and the largest error of rounding to f32 if there was any.
    ///
    /// # Errors
    /// [`SamplesError`] for values that are not finite or cannot be kept, with the first such voxel, and when
    /// there were more or fewer values than voxels.
    pub fn finish(self) -> Result<(Samples, Option<f64>), SamplesError> {
        if let Some(first) = self.first_strange {
            return Err(SamplesError::NotFinite { count: self.strange, first: voxel(&self.grid, first) });
        }
        if let Some((at, value, limit)) = self.refused {
            return Err(SamplesError::Value { value, voxel: voxel(&self.grid, at), limit });
        }
        let samples = match self.kept {
            Kept::Narrow(kept) => Samples::I16(Volume::new(self.grid, kept)?),
            Kept::Wide(kept) => Samples::F32(Volume::new(self.grid, kept)?),
        };
        Ok((samples, (self.worst > 0.0).then_some(self.worst)))
    }
}

/// True for whole numbers that fit 16 bits; false for what is not a number.
fn is_narrow(value: f64) -> bool {
    // The cast saturates and makes 0 of NaN, so only a number that fits comes back as it went.
    f64::from(value as i16) == value
}

/// The voxel at a position in the flat list of samples.
pub(crate) fn voxel(grid: &Grid, at: usize) -> [usize; 3] {
    let [nx, ny, _] = grid.dims();
    [at % nx, at / nx % ny, at / nx / ny]
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::Point;

    fn gathered(values: &[f64], source: Source) -> Result<(Samples, Option<f64>), SamplesError> {
        let grid = Grid::upright([values.len() / 2, 2, 1], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
        let mut gathering = Gathering::new(grid, source, values.len());
        values.chunks(3).for_each(|chunk| gathering.take(chunk));
        gathering.finish()
    }

    #[test]
    fn whole_values_that_fit_become_exact_16_bit_numbers() {
        let values = [-32768.0, 32767.0, 0.0, -0.0, 5.0, -1024.0, 3071.0, 1.0];
        let (samples, error) = gathered(&values, Source::Fractional).unwrap();
        assert_eq!((samples.range(), error), ((-32768.0, 32767.0), None));
        let Samples::I16(volume) = samples else { panic!("not whole") };
        assert_eq!(volume.samples(), [-32768, 32767, 0, 0, 5, -1024, 3071, 1]);
    }

    #[test]
    fn one_wider_or_fractional_value_makes_the_volume_float() {
        for odd in [32768.0, -32769.0, 0.5, 16_777_216.0] {
            let (samples, error) = gathered(&[1.0, 2.0, 3.0, odd], Source::Whole).unwrap();
            let Samples::F32(volume) = samples else { panic!("{odd} is not 16-bit") };
            assert_eq!((f64::from(volume.samples()[3]), error), (odd, None));
        }
        let (_, error) = gathered(&[1.0, 2.0, 3.0, 0.1], Source::Fractional).unwrap();
        assert_eq!(error, Some((f64::from(0.1_f32) - 0.1).abs()));
    }

    #[test]
    fn values_that_cannot_be_kept_are_refused_with_their_voxel() {
        let refused = gathered(&[0.0, 0.0, 0.0, 0.0, 0.0, 16_777_217.0], Source::Whole).unwrap_err();
        assert!(
            matches!(refused, SamplesError::Value { value: 16_777_217.0, voxel: [2, 1, 0], .. }),
            "{refused}"
        );
        assert!(gathered(&[0.0, 16_777_217.0], Source::Fractional).is_ok());
        assert!(matches!(gathered(&[0.0, 1e300], Source::Fractional), Err(SamplesError::Value { .. })));
        let strange = [0.0, 0.0, f64::NAN, 0.5, f64::INFINITY, 1e300];
        let refused = gathered(&strange, Source::Fractional).unwrap_err();
        assert_eq!(refused, SamplesError::NotFinite { count: 2, first: [2, 0, 0] });
    }

    #[test]
    fn a_float_volume_becomes_16_bit_with_its_rounding_told_or_is_refused() {
        let narrow = |values: &[f64]| gathered(values, Source::Fractional).unwrap().0.to_i16();
        let (volume, worst) = narrow(&[0.25, -1.25, 2.0, 3.0]).unwrap();
        assert_eq!((volume.samples(), worst), (&[0, -1, 2, 3][..], Some(0.25)));
        assert_eq!(narrow(&[1.0, 2.0]).unwrap().1, None);
        assert!(matches!(narrow(&[0.5, 40_000.0]), Err(SamplesError::Value { value: 40_000.0, .. })));
    }

    #[test]
    fn more_or_fewer_values_than_voxels_are_refused() {
        for count in [7, 9] {
            let grid = Grid::upright([2, 2, 2], Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
            let mut gathering = Gathering::new(grid, Source::Whole, 8);
            gathering.take(&vec![0.0; count]);
            let refused = gathering.finish().unwrap_err();
            assert_eq!(refused, SamplesError::Count(VolumeError { samples: count, voxels: 8 }));
        }
    }
}
