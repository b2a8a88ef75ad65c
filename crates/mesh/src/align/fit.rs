//! The pose to the last micrometre, and with it what the print did to the plan.

use super::coarse::{PER_MEDIAN, TUKEY, rigid_row};
use super::linear::{Eigen, Symmetric, apply_inverse, dot, step};
use super::sample::{Motion, Normal, Plan, Sample, median};
use super::{Model, Scaled};
use glam::{DMat3, DVec3};
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Steps at most; fits settle in five to twenty.
const STEPS: usize = 60;

/// A fit has settled when no parameter moves any place by more than this (mm).
const SETTLED: f64 = 1e-5;

/// A scan place that faces away from the plan by more than about 75° lies on another face of a thin wall.
const FACING: f64 = 0.25;

/// Directions with less information than this share of the mean are left alone: numerically nothing.
const NOTHING: f64 = 1e-7;

/// How large a coefficient is expected to be, mm: it is pulled to zero as by one reading with this standard deviation.
///
/// Chosen: above any print worth measuring (6 % of scale at a lever of 30 mm), so that what the scan tells is not
/// changed, and what it does not tell stays small and has an interval of ± 4 mm.
const EXPECTED: f64 = 2.0;

/// Places in a cell of the plan's box, 1/8 of its diagonal, are taken to err together.
const CELLS: f64 = 8.0;

/// Share of the variance of normal noise that is left within three standard deviations.
const WITHIN_THREE: f64 = 0.973_3;

/// What is fitted: a basis of displacements in the bed's axes, and the offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Basis {
    pub model: Model,
    /// Rows are the bed's axes in the patient frame.
    pub bed: DMat3,
    pub middle: DVec3,
    pub lever: f64,
}

impl Basis {
    /// Number of displacement fields; the offset comes after them.
    pub(crate) const fn fields(&self) -> usize {
        match self.model {
            Model::Rigid => 0,
            Model::Scale => 3,
            Model::Bend => 9,
            Model::Warp => 24,
        }
    }

    /// Number of coefficients, in mm.
    pub(crate) const fn len(&self) -> usize {
        match self.model {
            Model::Rigid => 0,
            _ => self.fields() + 1,
        }
    }

    /// Calls with each field's number, the bed axis it moves along, and how far it does at a place of the plan.
    ///
    /// Fields 0 to 2 are scales, 3 to 5 shears, 6 to 8 lifts by x², y² and xy; then all other products of two
    /// coordinates along each axis.
    pub(crate) fn each(&self, place: DVec3, mut with: impl FnMut(usize, usize, f64)) {
        let c = (self.bed * (place - self.middle) / self.lever).to_array();
        let fields = self.fields();
        for (axis, at) in c.into_iter().enumerate().take(fields) {
            with(axis, axis, at);
        }
        if fields <= 3 {
            return;
        }
        for (n, [a, b]) in [[0, 1], [0, 2], [1, 2]].into_iter().enumerate() {
            with(3 + n, a, c[b]);
            with(3 + n, b, c[a]);
        }
        let [x, y, z] = c;
        let products = [x * x, y * y, x * y, z * z, x * z, y * z];
        for (n, axis) in [2, 1, 0].into_iter().enumerate() {
            for (k, product) in products.into_iter().enumerate() {
                let field = 6 + 6 * n + k;
                if field < fields {
                    with(field, axis, product);
                }
            }
        }
    }

    /// The displacement of a place of the plan by some of the fields, patient frame.
    pub(crate) fn displacement(&self, coefficients: &[f64], place: DVec3, from: usize) -> DVec3 {
        let mut sum = [0.0; 3];
        self.each(place, |field, axis, value| {
            if field >= from {
                sum[axis] += coefficients[field] * value;
            }
        });
        self.bed.transpose() * DVec3::from_array(sum)
    }

    /// How the displacement changes along the patient's axes: central differences, exact for products of two.
    fn gradient(&self, coefficients: &[f64], place: DVec3) -> DMat3 {
        let along = |axis: DVec3| {
            let [ahead, back] = [place + axis, place - axis].map(|p| self.displacement(coefficients, p, 0));
            (ahead - back) * 0.5
        };
        DMat3::from_cols(along(DVec3::X), along(DVec3::Y), along(DVec3::Z))
    }

    /// Where a place came from that the fields displaced.
    fn before(&self, coefficients: &[f64], at: DVec3) -> DVec3 {
        let mut place = at;
        if !coefficients.is_empty() {
            // Displacements change by under 5 % of the way: four rounds leave less than a hundred-thousandth.
            for _ in 0..4 {
                place = at - self.displacement(coefficients, place, 0);
            }
        }
        place
    }
}

/// A settled fit.
pub(crate) struct Fit {
    pub basis: Basis,
    pub pose: Motion,
    /// Displacement fields and offset, mm.
    pub coefficients: Vec<f64>,
    /// Standard deviation of what is left, mm, without strays.
    pub sigma: f64,
    /// Share of places that fit.
    pub fitting: f64,
    /// Places that were looked at.
    pub places: usize,
    /// Information on turns (mm at the lever) and shifts, as shares of the mean weight, least first.
    pub rigid: Eigen,
    eigen: Eigen,
    floor: f64,
    covariance: Symmetric,
}

/// Fits pose and coefficients together.
pub(crate) fn fit(
    plan: &Plan<'_>,
    samples: &[Sample],
    start: Motion,
    basis: Basis,
    ctx: &Ctx,
) -> Result<Fit, Cancelled> {
    let rows = 6 + basis.len();
    let mut pose = start;
    let mut coefficients = vec![0.0; basis.len()];
    let mut hints = vec![u32::MAX; samples.len()];
    let mut residuals = Residuals::default();
    let mut eigen = Eigen::new();
    let mut floor = 0.0;
    for n in 0..STEPS {
        residuals = Residuals::new(plan, samples, &pose, (&basis, &coefficients), &mut hints);
        ctx.done(n as f64 / STEPS as f64)?;
        let mut normal = residuals.normal(plan, samples, &basis, rows);
        let pull = residuals.pull();
        for (k, coefficient) in coefficients.iter().enumerate() {
            normal.matrix.raise(6 + k, pull);
            normal.gradient[6 + k] += pull * coefficient;
        }
        let total: f64 = (3..6).map(|k| normal.matrix.at(k, k)).sum();
        floor = NOTHING * total;
        eigen = normal.matrix.eigen();
        let by = step(&eigen, &normal.gradient, floor);
        let turn = DVec3::new(by[0], by[1], by[2]) / plan.lever;
        pose = pose.nudged(turn, DVec3::new(by[3], by[4], by[5]), plan.middle);
        for (coefficient, by) in coefficients.iter_mut().zip(&by[6..]) {
            *coefficient += by;
        }
        if by.iter().all(|by| by.abs() < SETTLED) {
            break;
        }
    }
    let covariance = residuals.covariance(plan, samples, &basis, (&eigen, floor));
    let rigid = residuals.normal(plan, samples, &Basis { model: Model::Rigid, ..basis }, 6);
    let total: f64 = (3..6).map(|k| rigid.matrix.at(k, k)).sum();
    let mut rigid = rigid.matrix.eigen();
    for (value, _) in &mut rigid {
        *value /= total.max(f64::MIN_POSITIVE);
    }
    let (sigma, fitting) = (residuals.sigma, residuals.fitting());
    let places = samples.len();
    Ok(Fit { basis, pose, coefficients, sigma, fitting, places, rigid, eigen, floor, covariance })
}

impl Fit {
    /// True if what is left is so much less than after a simpler fit that the further fields are worth it: Schwarz'
    /// criterion, `n ln(σ₁²/σ₂²) > Δk ln n`, three times over, for neighbouring places do not err independently.
    pub(crate) fn explains_more_than(&self, simple: &Self) -> bool {
        let count = self.places as f64 * self.fitting;
        let fields = (self.basis.fields() - simple.basis.fields()) as f64;
        let gain = 2.0 * count * libm::log(simple.sigma / self.sigma.max(f64::MIN_POSITIVE));
        gain > 3.0 * fields * libm::log(count.max(2.0))
    }

    /// A sum of coefficients with its 95 % interval; infinite if the scan does not tell it.
    pub(crate) fn estimate(&self, weights: &[f64]) -> Scaled {
        let value = dot(weights, &self.coefficients);
        let mut whole = vec![0.0; 6];
        whole.extend_from_slice(weights);
        let length = libm::sqrt(dot(&whole, &whole));
        let dark = self.eigen.iter().filter(|(value, _)| *value <= self.floor);
        let hidden: f64 = dark.map(|(_, vector)| dot(vector, &whole)).map(|along| along * along).sum();
        if libm::sqrt(hidden) > 1e-3 * length {
            return Scaled { value, half: f64::INFINITY };
        }
        let n = whole.len();
        let mut variance = 0.0;
        for (i, a) in whole.iter().enumerate() {
            for (j, b) in whole.iter().enumerate().take(n) {
                variance += a * b * self.covariance.at(i, j);
            }
        }
        Scaled { value, half: 1.96 * libm::sqrt(variance.max(0.0)) }
    }
}

/// One place against the plan: what is left of its distance, and how much it counts.
#[derive(Clone, Copy)]
struct Left {
    /// Where the pose puts it.
    at: DVec3,
    /// Where on the plan it came from.
    before: DVec3,
    /// The place of the plan's surface nearest to that.
    foot: DVec3,
    /// How the distance changes as the place put there moves.
    normal: DVec3,
    residual: f64,
    weight: f64,
}

#[derive(Default)]
struct Residuals {
    all: Vec<Option<Left>>,
    sigma: f64,
}

impl Residuals {
    fn new(
        plan: &Plan<'_>,
        samples: &[Sample],
        pose: &Motion,
        (basis, coefficients): (&Basis, &[f64]),
        hints: &mut [u32],
    ) -> Self {
        let offset = coefficients.last().copied().unwrap_or(0.0);
        let mut all: Vec<Option<Left>> = samples
            .par_iter()
            .zip(hints.par_iter_mut())
            .map(|(sample, hint)| {
                let at = pose.place(sample.at);
                let before = basis.before(coefficients, at);
                let held = plan.held(before, *hint)?;
                *hint = held.triangle;
                let agrees = held.facing.dot(pose.rotation * sample.normal) > FACING;
                let residual = held.distance - offset;
                let foot = before - held.normal * held.distance;
                let mut normal = held.normal;
                if !coefficients.is_empty() {
                    // at = before + displacement(before), so before moves by the inverse of 1 + its gradient.
                    let change = DMat3::IDENTITY + basis.gradient(coefficients, before);
                    normal = change.inverse().transpose() * normal;
                }
                let weight = if agrees { sample.weight } else { 0.0 };
                Some(Left { at, before, foot, normal, residual, weight })
            })
            .collect();
        let mut sizes: Vec<f64> =
            all.iter().flatten().filter(|left| left.weight > 0.0).map(|left| left.residual.abs()).collect();
        let rough = (PER_MEDIAN * median(&mut sizes)).max(1e-7 * plan.diagonal);
        let limit = TUKEY * rough;
        for left in all.iter_mut().flatten() {
            let share = left.residual / limit;
            left.weight *= (1.0 - share * share).max(0.0).powi(2);
        }
        let mut kept = Self { all, sigma: rough };
        kept.sigma = kept.spread(rough);
        kept
    }

    /// The standard deviation of what lies within three of them.
    fn spread(&self, rough: f64) -> f64 {
        let mut sigma = rough;
        for _ in 0..3 {
            let (mut sum, mut count) = (0.0, 0_usize);
            for left in self.all.iter().flatten().filter(|left| left.weight > 0.0) {
                if left.residual.abs() < 3.0 * sigma {
                    sum += left.residual * left.residual;
                    count += 1;
                }
            }
            sigma = libm::sqrt(sum / (WITHIN_THREE * count.max(1) as f64)).max(0.1 * rough);
        }
        sigma
    }

    /// The weight of a reading that says a coefficient is zero.
    fn pull(&self) -> f64 {
        (self.sigma / EXPECTED).powi(2)
    }

    fn fitting(&self) -> f64 {
        let good = |left: &&Left| left.weight > 0.0 && left.residual.abs() < 3.0 * self.sigma;
        self.all.iter().flatten().filter(good).count() as f64 / self.all.len().max(1) as f64
    }

    fn normal(&self, plan: &Plan<'_>, samples: &[Sample], basis: &Basis, rows: usize) -> Normal {
        Normal::sum(rows, samples.len(), |n, row| {
            let left = self.all[n].filter(|left| left.weight > 0.0)?;
            derivative(&left, plan, basis, row);
            Some((left.residual, left.weight))
        })
    }

    /// The covariance of all parameters: of independent noise, and of errors that cells share, whichever is more.
    ///
    /// The second is the cluster-robust sandwich: `H⁻¹ (Σ gᵢ gᵢᵀ) H⁻¹` over cells with gradient `gᵢ`.
    fn covariance(
        &self,
        plan: &Plan<'_>,
        samples: &[Sample],
        basis: &Basis,
        (eigen, floor): (&Eigen, f64),
    ) -> Symmetric {
        let rows = 6 + basis.len();
        let cell = plan.diagonal / CELLS;
        let mut cells: BTreeMap<[i64; 3], Vec<f64>> = BTreeMap::new();
        let mut row = vec![0.0; rows];
        let mut single = Symmetric::zero(rows);
        for left in self.all.iter().take(samples.len()).flatten().filter(|left| left.weight > 0.0) {
            derivative(left, plan, basis, &mut row);
            let at = ((left.before - plan.middle) / cell).to_array().map(|c| c.floor() as i64);
            let sum = cells.entry(at).or_insert_with(|| vec![0.0; rows]);
            let scaled = left.weight * left.residual;
            for (sum, d) in sum.iter_mut().zip(&row) {
                *sum += scaled * d;
            }
            single.add(&row, scaled * scaled);
        }
        single.mirror();
        for k in 6..rows {
            single.raise(k, self.sigma * self.sigma * self.pull());
        }
        let count = cells.len() as f64;
        let mut shared = Symmetric::zero(rows);
        for sum in cells.values() {
            shared.add(sum, count / (count - 1.0).max(1.0));
        }
        shared.mirror();
        for k in 6..rows {
            shared.raise(k, self.sigma * self.sigma * self.pull());
        }
        let [single, shared] = [single, shared].map(|middle| sandwich(&middle, eigen, floor, rows));
        // With as few cells as parameters the sandwich tells too little.
        let spread = |m: &Symmetric| (0..rows).map(|k| m.at(k, k)).sum::<f64>();
        if spread(&shared) > spread(&single) { shared } else { single }
    }
}

fn sandwich(middle: &Symmetric, eigen: &Eigen, floor: f64, rows: usize) -> Symmetric {
    // The middle is a sum of squares: its root times the inverse gives the product as a sum of squares again.
    let mut out = Symmetric::zero(rows);
    for (value, vector) in middle.eigen() {
        if value > 0.0 {
            out.add(&apply_inverse(eigen, &vector, floor), value);
        }
    }
    out.mirror();
    out
}

/// How what is left of a place's distance changes with turn, shift, fields and offset.
///
/// Fields are taken at the foot on the plan, which the noise does not move along the normal. Taken at the place itself
/// they hold its residual r once more, and sums over r² draw the fit to scales that shrink all noise: on nearly round
/// parts, where scale and growth are hard to tell apart, by more than the interval.
fn derivative(left: &Left, plan: &Plan<'_>, basis: &Basis, row: &mut [f64]) {
    rigid_row(left.normal, left.at - plan.middle, plan.lever, row);
    let fields = &mut row[6..];
    fields.fill(0.0);
    let along = (basis.bed * left.normal).to_array();
    basis.each(left.foot, |field, axis, value| fields[field] -= along[axis] * value);
    if let Some(offset) = fields.last_mut() {
        *offset = -1.0;
    }
}
