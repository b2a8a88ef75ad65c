//! A wall between two materials, blurred: the model that is fitted to grey values.
//!
//! Along the outward normal a wall of radiodensity `height` and `thickness` lies between `outside` and `inside`;
//! the scanner blurs both of its edges alike. This is the model of [treece-2010], with the slice's box as part
//! of the blur. What grey values cannot tell is held by [`Known`]: with the height known, walls thinner than
//! the blur can still be measured; with the thickness held at [`ENDLESS`], the wall is a plain step.

use super::response::{Blur, Course};

/// A thickness in mm that has no other side.
pub const ENDLESS: f64 = 1.0e3;

/// A grey value and how far out it was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Distance in mm along the outward normal.
    pub at: f64,
    /// Grey value in HU.
    pub grey: f64,
    /// How much it counts.
    pub weight: f64,
}

/// A blurred wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slab {
    /// HU beyond its outer edge.
    pub outside: f64,
    /// HU of the wall.
    pub height: f64,
    /// HU beyond its inner edge.
    pub inside: f64,
    /// Where along the normal its outer edge lies, mm.
    pub outer: f64,
    /// From its outer to its inner edge, mm.
    pub thickness: f64,
    /// Standard deviation of the blur, mm.
    pub sigma: f64,
}

/// Number of unknowns of a slab.
pub const UNKNOWNS: usize = 6;

/// The order of the unknowns in [`Known::spread`] and [`Fit::variance`].
pub mod unknown {
    /// HU beyond the outer edge.
    pub const OUTSIDE: usize = 0;
    /// HU of the wall.
    pub const HEIGHT: usize = 1;
    /// HU beyond the inner edge.
    pub const INSIDE: usize = 2;
    /// Place of the outer edge.
    pub const OUTER: usize = 3;
    /// Thickness of the wall.
    pub const THICKNESS: usize = 4;
    /// Blur.
    pub const SIGMA: usize = 5;
}

/// What is known before the fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// The slab that is expected, and the fit's start.
    pub slab: Slab,
    /// Standard deviation of what is expected about each unknown, in the order of [`unknown`]: 0 for what is
    /// certain, infinite for what is not known at all.
    pub spread: [f64; UNKNOWNS],
    /// Standard deviation of a grey value of weight 1, HU.
    pub noise: f64,
}

/// A slab that fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The slab.
    pub slab: Slab,
    /// Variance of each unknown, in the order of [`unknown`], as noise and knowledge make it.
    pub variance: [f64; UNKNOWNS],
    /// Root mean square of what the slab leaves of the grey values, HU.
    pub residual: f64,
}

/// Least and largest of each unknown: HU of a CT; at least a tenth of a millimetre of wall, a blur that exists.
const BOUNDS: [[f64; 2]; UNKNOWNS] =
    [[-2000.0, 5000.0], [-2000.0, 8000.0], [-2000.0, 5000.0], [-10.0, 10.0], [0.1, ENDLESS], [0.1, 3.0]];

/// Steps after which a fit that still moves is given up.
const STEPS: usize = 12;

/// A fit is found when no edge moves by more than this in a step, mm.
const STILL: f64 = 0.002;

impl Slab {
    const fn to_array(self) -> [f64; UNKNOWNS] {
        [self.outside, self.height, self.inside, self.outer, self.thickness, self.sigma]
    }

    const fn from_array([outside, height, inside, outer, thickness, sigma]: [f64; UNKNOWNS]) -> Self {
        Self { outside, height, inside, outer, thickness, sigma }
    }

    /// The grey value at `at` mm along the outward normal.
    pub fn grey(&self, at: f64, course: &Course) -> f64 {
        self.slopes(at, course).0
    }

    /// The grey value at `at`, and how it changes with each unknown.
    fn slopes(&self, at: f64, course: &Course) -> (f64, [f64; UNKNOWNS]) {
        let per = 1.0 / self.sigma;
        let (a, b) = ((self.outer - at) * per, (self.outer - self.thickness - at) * per);
        let ([ea, da], [eb, db]) = (course.at(a), course.at(b));
        let (up, down) = (self.height - self.outside, self.inside - self.height);
        let (outer, inner) = (up * da * per, down * db * per);
        (
            self.outside + up * ea + down * eb,
            [1.0 - ea, ea - eb, eb, outer + inner, -inner, -(outer * a + inner * b)],
        )
    }
}

/// Fits a slab to grey values: least squares with what is known, by damped Gauss–Newton steps.
///
/// `None` when the steps do not come to rest.
pub fn fit(samples: &[Sample], blur: Blur, known: &Known) -> Option<Fit> {
    let course = Course::new(blur.boxed);
    let start = known.slab.to_array();
    let weigh = |s: f64| if s > 0.0 { known.noise * known.noise / (s * s) } else { f64::INFINITY };
    let expected = Expected { at: start, precision: known.spread.map(weigh) };
    let mut at = start;
    let mut damping = 1e-3;
    let mut normal = Normal::of(samples, &at, &course, &expected);
    for _ in 0..STEPS {
        let step = normal.step(damping)?;
        let mut next = at;
        for i in 0..UNKNOWNS {
            next[i] = (at[i] + step[i]).clamp(BOUNDS[i][0], BOUNDS[i][1]);
        }
        let there = Normal::of(samples, &next, &course, &expected);
        if there.cost <= normal.cost {
            let moved = (unknown::OUTER..UNKNOWNS).map(|i| (next[i] - at[i]).abs()).fold(0.0, f64::max);
            (at, normal, damping) = (next, there, damping * 0.2);
            if moved < STILL {
                return normal.fit(at, known.noise);
            }
        } else {
            damping *= 10.0;
        }
    }
    None
}

/// What is known, ready for the normal equations.
struct Expected {
    at: [f64; UNKNOWNS],
    /// One over the square of its spread, in units of the noise.
    precision: [f64; UNKNOWNS],
}

/// The normal equations at a slab.
struct Normal {
    matrix: [[f64; UNKNOWNS]; UNKNOWNS],
    right: [f64; UNKNOWNS],
    cost: f64,
    squares: f64,
    weights: f64,
    free: [bool; UNKNOWNS],
}

impl Normal {
    fn of(samples: &[Sample], at: &[f64; UNKNOWNS], course: &Course, expected: &Expected) -> Self {
        let slab = Slab::from_array(*at);
        let mut normal = Self {
            matrix: [[0.0; UNKNOWNS]; UNKNOWNS],
            right: [0.0; UNKNOWNS],
            cost: 0.0,
            squares: 0.0,
            weights: 0.0,
            free: expected.precision.map(f64::is_finite),
        };
        for sample in samples {
            let (grey, slopes) = slab.slopes(sample.at, course);
            let off = sample.grey - grey;
            for i in 0..UNKNOWNS {
                let weighted = sample.weight * slopes[i];
                normal.right[i] += weighted * off;
                for (sum, slope) in normal.matrix[i][..=i].iter_mut().zip(&slopes) {
                    *sum += weighted * slope;
                }
            }
            normal.squares += sample.weight * off * off;
            normal.weights += sample.weight;
        }
        normal.cost = normal.squares;
        for i in (0..UNKNOWNS).filter(|&i| expected.precision[i].is_finite()) {
            let (precision, off) = (expected.precision[i], expected.at[i] - at[i]);
            normal.matrix[i][i] += precision;
            normal.right[i] += precision * off;
            normal.cost += precision * off * off;
        }
        normal
    }

    /// The lower Cholesky factor of the damped matrix; unknowns that are certain take no part.
    fn factor(&self, damping: f64) -> Option<[[f64; UNKNOWNS]; UNKNOWNS]> {
        let mut lower = [[0.0; UNKNOWNS]; UNKNOWNS];
        for i in 0..UNKNOWNS {
            for j in 0..=i {
                let own = match (self.free[i] && self.free[j], i == j) {
                    (true, true) => self.matrix[i][i] * (1.0 + damping) + 1e-12,
                    (true, false) => self.matrix[i][j],
                    (false, same) => f64::from(u8::from(same)),
                };
                let rest = own - (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
                if i != j {
                    lower[i][j] = rest / lower[j][j];
                } else if rest > 0.0 {
                    lower[i][i] = rest.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(lower)
    }

    fn step(&self, damping: f64) -> Option<[f64; UNKNOWNS]> {
        let mut right = self.right;
        for (value, free) in right.iter_mut().zip(self.free) {
            *value = if free { *value } else { 0.0 };
        }
        Some(solve(&self.factor(damping)?, &right))
    }

    fn fit(&self, at: [f64; UNKNOWNS], noise: f64) -> Option<Fit> {
        let lower = self.factor(0.0)?;
        let mut variance = [0.0; UNKNOWNS];
        for i in (0..UNKNOWNS).filter(|&i| self.free[i]) {
            let mut unit = [0.0; UNKNOWNS];
            unit[i] = 1.0;
            variance[i] = noise * noise * solve(&lower, &unit)[i];
        }
        let residual = (self.squares / self.weights.max(1e-9)).sqrt();
        Some(Fit { slab: Slab::from_array(at), variance, residual })
    }
}

/// Solves for the right side by a lower Cholesky factor.
fn solve(lower: &[[f64; UNKNOWNS]; UNKNOWNS], right: &[f64; UNKNOWNS]) -> [f64; UNKNOWNS] {
    let mut x = *right;
    for i in 0..UNKNOWNS {
        x[i] = (x[i] - (0..i).map(|k| lower[i][k] * x[k]).sum::<f64>()) / lower[i][i];
    }
    for i in (0..UNKNOWNS).rev() {
        x[i] = (x[i] - (i + 1..UNKNOWNS).map(|k| lower[k][i] * x[k]).sum::<f64>()) / lower[i][i];
    }
    x
}
