//! How far off a surface may be: a bias and a 95 % uncertainty for every vertex, from the scan itself.
//!
//! The edge is asked for again at the vertices of the surface as it will be printed ([`crate::cortex`] says how), so
//! smoothing, decimation and editing are part of what is measured. The bias is how far the surface lies outside that
//! edge. The uncertainty is that of the edge:
//!
//! | term | what it is |
//! |---|---|
//! | noise | noise over the slope of the grey values, carried through the fit |
//! | scatter | how far neighbouring fits differ: noise with grain, tissue that is no step |
//! | bend | a curved surface between samples: proportional to curvature and the square of the slices' distance |
//! | slices | an edge that lies flat in the slices: proportional to the square of their distance and to the cosine |
//! | thin | a wall thinner than its blur: its edges are as good as the radiodensity assumed for it |
//! | decimation | a fifth of its certified bound, which few places come near |
//!
//! The factors of the terms were fitted to 240 scans of phantoms with known truth and are held by the tests of this
//! file. What the scan does not show is not in it: motion, metal, a wrong mask, and the printer.

#[cfg(test)]
mod tests;

use crate::cortex::ring::{Bend, bend};
use crate::cortex::settle::Heard;
use crate::cortex::{Scope, Survey, measure::Measure, survey};
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Solid, Volume};
use osteon_image::Levels;
use osteon_image::spread::{Spread, slice_distance};
use rayon::prelude::*;

/// What was done to the surface since it was placed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edits<'a> {
    /// How far smoothing and editing moved each vertex, mm; `None` when nothing was moved or the vertices are others.
    pub moved: Option<&'a [f32]>,
    /// The certified bound of the deviation by decimation, mm.
    pub decimation: f64,
}

/// Why there is no budget.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// The list of moved vertices is of another surface.
    #[error("{moved} vertices were moved, and the surface has {vertices}")]
    Vertices {
        /// Vertices in the list.
        moved: usize,
        /// Vertices of the surface.
        vertices: usize,
    },
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for BudgetError {
    fn kind(&self) -> ErrorKind {
        match self {
            BudgetError::Vertices { .. } => ErrorKind::Input,
            BudgetError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            BudgetError::Vertices { .. } => "budget-vertices",
            BudgetError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            BudgetError::Vertices { .. } => {
                "give the movement of the vertices of this surface, or none".to_owned()
            }
            BudgetError::Cancelled(stop) => stop.help(),
        }
    }
}

/// Standard uncertainty, mm: the root mean square of each term over the vertices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// Noise over slope.
    pub noise: f64,
    /// Neighbouring fits that differ.
    pub scatter: f64,
    /// A curved surface between samples.
    pub bend: f64,
    /// An edge flat in the slices.
    pub slices: f64,
    /// Walls thinner than their blur, and places without an edge.
    pub thin: f64,
    /// Decimation.
    pub decimation: f64,
}

/// How far off a surface may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// How far each vertex lies outside the edge in the image, mm; negative inside, 0 where there is no edge.
    pub bias: Vec<f32>,
    /// With 95 % the true surface lies within this of vertex less bias, mm.
    pub u95: Vec<f32>,
    /// Mean of `bias`, mm.
    pub mean_bias: f64,
    /// Mean of `u95`, mm.
    pub mean_u95: f64,
    /// 95 % of the surface lie within this of the truth, mm: bias and uncertainty together.
    pub within: f64,
    /// Share of the vertices, 0 to 1, on a wall too thin for this scan, or without an edge in it.
    pub unresolved: f64,
    /// How far smoothing and editing moved the vertices: mean and what 95 % do not exceed, mm; 0 when not stated.
    pub moved: [f64; 2],
    /// Where the uncertainty comes from.
    pub terms: Terms,
}

/// Standard deviations of a normal distribution that hold 95 %.
const COVER: f64 = 1.96;

/// Factor of the fit's own deviation. Fitted: noise has grain, so samples next to each other tell less than their
/// number.
const NOISE: f64 = 1.9;

/// Factor of the scatter of neighbouring fits. Fitted.
const SCATTER: f64 = 1.3;

/// Factor of curvature times the square of the slices' distance. Fitted; of a chord from slice to slice the sag is an
/// eighth.
const BEND: f64 = 0.05;

/// Factor in 1/mm of the square of the slices' distance times the cosine between normal and slices. Fitted.
const SLICES: f64 = 0.01;

/// Factor of the blur where a wall is not resolved. Fitted to walls of 0.5 mm.
const THIN: f64 = 0.45;

/// Share of the certified bound of decimation that is its standard deviation. Measured: of a bound of 0.05 mm, a
/// vertebra's surface moved by 0.007 mm on average and 95 % of it by less than 0.021 mm.
const DECIMATION: f64 = 0.2;

/// The uncertainty nobody gets below, mm: what the phantoms' own voxels leave.
const FLOOR: f64 = 0.005;

/// Bias and uncertainty of a surface against the edges of the image it was made from.
///
/// # Errors
/// [`BudgetError::Vertices`] when `edits` is of another surface; stops when `ctx` was asked to.
pub fn budget(
    solid: &Solid,
    volume: &Volume<i16>,
    levels: &Levels,
    spread: &Spread,
    edits: &Edits<'_>,
    ctx: &Ctx,
) -> Result<Budget, BudgetError> {
    let vertices = solid.mesh().vertices.len();
    if let Some(moved) = edits.moved.map(<[f32]>::len).filter(|&n| n != vertices) {
        return Err(BudgetError::Vertices { moved, vertices });
    }
    let measure = Measure::new(solid.mesh(), volume, levels, spread, Scope::All);
    let survey = survey(measure, &ctx.part("edges", 0.0, 0.8))?;
    let distance = slice_distance(volume.grid());
    let single: Vec<Single> = (0..vertices)
        .into_par_iter()
        .map(|v| {
            let bend = bend(solid.mesh(), &survey.measure.rings, &survey.measure.normals, v);
            Single::of(&survey, v, bend, [distance, edits.decimation])
        })
        .collect();
    ctx.done(1.0)?;
    Ok(sum_up(&single, edits))
}

/// The budget of one vertex: bias and variances.
#[derive(Clone, Copy, Debug)]
struct Single {
    bias: f64,
    /// In the order of [`Terms`], mm².
    variances: [f64; 6],
    unresolved: f64,
}

impl Single {
    fn of(survey: &Survey<'_>, v: usize, bend: Bend, [distance, decimation]: [f64; 2]) -> Self {
        let Heard { shift, weight, deviation, scatter, unresolved } = survey.heard[v];
        let unresolved = if weight > 0.0 { unresolved } else { 1.0 };
        let cosine = survey.measure.cosine(v).abs();
        let slice = distance * cosine;
        let blur = survey.measure.blur(v);
        let terms = [
            NOISE * deviation,
            SCATTER * scatter,
            BEND * distance * distance * bend.amount(),
            SLICES * distance * slice,
            THIN * unresolved * (blur * blur + slice * slice / 6.0).sqrt(),
            DECIMATION * decimation,
        ];
        Self { bias: -shift, variances: terms.map(|t| t * t), unresolved }
    }

    fn u95(&self) -> f64 {
        COVER * (FLOOR * FLOOR + self.variances.iter().sum::<f64>()).sqrt()
    }
}

/// Sums in the order of the vertices, so that they do not depend on threads.
fn sum_up(single: &[Single], edits: &Edits<'_>) -> Budget {
    let count = single.len().max(1) as f64;
    let mean = |of: &dyn Fn(&Single) -> f64| single.iter().map(of).sum::<f64>() / count;
    let [noise, scatter, bend, slices, thin, decimation] =
        [0, 1, 2, 3, 4, 5].map(|term| mean(&|s: &Single| s.variances[term]).sqrt());
    let square = mean(&|s: &Single| {
        let u = s.u95() / COVER;
        s.bias * s.bias + u * u
    });
    let mut moved: Vec<f64> = edits.moved.unwrap_or_default().iter().map(|&m| f64::from(m).abs()).collect();
    moved.sort_by(f64::total_cmp);
    let moved_mean = moved.iter().sum::<f64>() / moved.len().max(1) as f64;
    Budget {
        bias: single.iter().map(|s| s.bias as f32).collect(),
        u95: single.iter().map(|s| s.u95() as f32).collect(),
        mean_bias: mean(&|s: &Single| s.bias),
        mean_u95: mean(&|s: &Single| s.u95()),
        within: COVER * square.sqrt(),
        unresolved: mean(&|s: &Single| if s.unresolved > 0.5 { 1.0 } else { 0.0 }),
        moved: [moved_mean, moved.get(moved.len() * 95 / 100).copied().unwrap_or(0.0)],
        terms: Terms { noise, scatter, bend, slices, thin, decimation },
    }
}

impl Budget {
    /// The budget in one line for people.
    pub fn line(&self) -> String {
        let mut line =
            format!("surface within ±{:.2} mm (95 %), on average {:+.2} mm", self.within, self.mean_bias);
        if self.moved[1] > 0.0 {
            line += &format!(", edited by {:.2} mm (95 %: {:.2} mm)", self.moved[0], self.moved[1]);
        }
        if self.unresolved >= 0.001 {
            line += &format!(
                "; {:.1} % of it is cortex too thin for this scan to resolve",
                100.0 * self.unresolved
            );
        }
        line
    }
}
