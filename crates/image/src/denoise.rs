//! Less noise, same anatomy: the median, a Gaussian and an edge-preserving flow over CT values.
//!
//! | filter | for | what it does to an edge |
//! |---|---|---|
//! | [`median`] | single wild voxels, metal streaks | keeps it where it is, rounds corners of one voxel |
//! | [`gaussian`] | a known, even loss of sharpness | blurs it: σ² adds to the scan's own |
//! | [`flow`] | noise in thin-slice or low-dose scans before a surface is made | keeps one of bone sharp and in place |
//!
//! All of them read `i16` Hounsfield units and give them back in a volume of the same grid. They work through
//! the image in bands small enough for the processor's cache, so besides the two volumes only a few rows or
//! slices for each thread exist. Beyond the border of the image the outermost sample goes on. No sum depends
//! on how the work was cut, so every thread count and instruction set gives the same bits.

mod flow;
mod gaussian;
mod median;
#[cfg(test)]
mod tests;

pub use flow::{Flow, flow};
pub use gaussian::gaussian;
pub use median::median;

use multiversion::multiversion;
use osteon_core::{Cancelled, ErrorKind, Explain, VolumeError};

/// Why an image was not denoised.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DenoiseError {
    /// The width of the Gaussian is negative, not finite, or wider than the filter is made for.
    #[error("a Gaussian with a standard deviation of {sigma} mm reaches further than {most} voxels")]
    Sigma {
        /// What was asked for, mm.
        sigma: f64,
        /// The furthest reach in voxels along one axis.
        most: usize,
    },
    /// The step of the flow is not a share of the largest stable one.
    #[error("a step of {0} is not a share above 0 and at most 1 of the largest stable step")]
    Step(f64),
    /// The slope at which the flow stops is not a positive number.
    #[error("a slope of {0} HU/mm cannot tell edges from noise")]
    Slope(f64),
    /// Samples and grid disagree.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for DenoiseError {
    fn kind(&self) -> ErrorKind {
        match self {
            DenoiseError::Sigma { .. } | DenoiseError::Step(_) | DenoiseError::Slope(_) => ErrorKind::Input,
            DenoiseError::Volume(_) => ErrorKind::Numeric,
            DenoiseError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            DenoiseError::Sigma { .. } => "denoise-sigma",
            DenoiseError::Step(_) => "denoise-step",
            DenoiseError::Slope(_) => "denoise-slope",
            DenoiseError::Volume(_) => "denoise-volume",
            DenoiseError::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            DenoiseError::Sigma { .. } => {
                "give a standard deviation between zero and a few millimetres".to_owned()
            }
            DenoiseError::Step(_) => "give a step above 0 and at most 1; 0.8 is usual".to_owned(),
            DenoiseError::Slope(_) => {
                "give a slope above that of the noise and below that of a bone edge, for example 150 HU/mm"
                    .to_owned()
            }
            DenoiseError::Volume(_) => "read the image again; its samples do not fill its grid".to_owned(),
            DenoiseError::Cancelled(cancelled) => cancelled.help(),
        }
    }
}

/// Rounds values within the range of `i16` to the nearest whole one, halves to the even one.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn round(values: &[f32], out: &mut [i16]) {
    // Added to 1.5 · 2²³, a value loses what is behind the point, and its bits count up from those of the sum.
    const SHIFT: f32 = 12_582_912.0;
    for (out, &value) in out.iter_mut().zip(values) {
        *out = (value + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i16;
    }
}
