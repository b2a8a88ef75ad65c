//! The course of a blurred edge: Gaussian in the plane, a box through the slice.

use std::sync::OnceLock;

/// How wide an edge is blurred in one direction, and by what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blur {
    /// Standard deviation in mm of all the blur together.
    pub sigma: f64,
    /// Share, 0 to 1, of its variance that is the box of the slice; the rest is Gaussian.
    pub boxed: f64,
}

/// Rows of the table but one: taking the nearest share of the box instead of the true one is off by less than 0.001.
const SHARES: usize = 48;

/// Samples of the table to one standard deviation: interpolated, the error is below 4e-5.
const FINE: usize = 32;

/// The table ends after this many standard deviations; what is beyond is below 4e-5.
const REACH: usize = 4;

const COLUMNS: usize = REACH * FINE + 2;

fn table() -> &'static [[f32; 2]] {
    static TABLE: OnceLock<Vec<[f32; 2]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rows = Vec::with_capacity((SHARES + 1) * COLUMNS);
        for share in 0..=SHARES {
            let share = share as f64 / SHARES as f64;
            rows.extend((0..COLUMNS).map(|i| {
                let at = i as f64 / FINE as f64;
                // The last columns are exact, so that far from the edge nothing is left of it.
                if i >= COLUMNS - 2 { [1.0, 0.0] } else { course(at, share).map(|v| v as f32) }
            }));
        }
        rows
    })
}

/// Value and slope at `at` of a unit edge blurred with standard deviation 1, of which `share` is a box.
///
/// With the Gaussian integral Φ, its slope φ and Ψ(x) = xΦ(x) + φ(x), the mean of Φ over a box of width w is
/// (Ψ(x + w/2) − Ψ(x − w/2)) / w; a box of width w has variance w²/12.
fn course(at: f64, share: f64) -> [f64; 2] {
    // A Gaussian of 0.02 beside a box of 3.5 cannot be seen, and keeps the formula finite.
    let gauss = (1.0 - share).sqrt().max(0.02);
    let half = (3.0 * share).sqrt() / gauss;
    let at = at / gauss;
    let integral = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    let density = |x: f64| libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
    if half < 1e-6 {
        return [integral(at), density(at) / gauss];
    }
    let psi = |x: f64| x * integral(x) + density(x);
    [
        (psi(at + half) - psi(at - half)) / (2.0 * half),
        (integral(at + half) - integral(at - half)) / (2.0 * half * gauss),
    ]
}

/// The course of one edge, ready to be asked often.
#[derive(Clone, Copy, Debug)]
pub struct Course(&'static [[f32; 2]]);

impl Course {
    /// The course for a share of the box, 0 to 1.
    pub fn new(boxed: f64) -> Self {
        let nearest = (boxed.clamp(0.0, 1.0) * SHARES as f64 + 0.5) as usize;
        Self(&table()[nearest * COLUMNS..][..COLUMNS])
    }

    /// Value, 0 far outside to 1 far inside, and slope at `at` standard deviations inside the edge.
    pub fn at(&self, at: f64) -> [f64; 2] {
        let place = (at.abs() * FINE as f64).min((COLUMNS - 2) as f64) as f32;
        let i = place as usize;
        let part = place - i as f32;
        let ([low, low_slope], [high, high_slope]) = (self.0[i], self.0[i + 1]);
        let value = f64::from(low + (high - low) * part);
        [if at < 0.0 { 1.0 - value } else { value }, f64::from(low_slope + (high_slope - low_slope) * part)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_without_a_box_is_the_gaussian_integral() {
        let course = Course::new(0.0);
        for i in -50..=50 {
            let at = f64::from(i) * 0.1;
            let truth = 0.5 * libm::erfc(-at / std::f64::consts::SQRT_2);
            // Interpolation by 4e-5, and the tail beyond four standard deviations.
            assert!((course.at(at)[0] - truth).abs() < 1e-4, "{at}");
        }
    }

    #[test]
    fn a_box_alone_is_a_ramp_and_every_course_has_the_same_width() {
        let ramp = Course::new(1.0);
        for at in [-1.5, -0.5, 0.0, 0.7, 1.4] {
            let truth = 0.5 + at / 12.0_f64.sqrt();
            assert!((ramp.at(at)[0] - truth).abs() < 0.01, "{at}");
        }
        for share in [0.0, 0.1, 0.5, 0.83, 1.0] {
            let course = Course::new(share);
            let step = 0.01;
            let places = (-450..450).map(|i| f64::from(i) * step);
            // The second moment of the slope is the variance: 1, but for what the table leaves out.
            let moment: f64 = places.map(|x| x * x * course.at(x)[1] * step).sum();
            assert!((moment - 1.0).abs() < 0.02, "{share}: {moment}");
        }
    }
}
