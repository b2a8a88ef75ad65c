//! A scan of a printed part laid on its plan: the pose, what the print did, and how far every place is off.
//!
//! 1. [`register`] – where the scan lies: from any pose, of a part of the surface, with strays. A mirrored print is
//!    never laid on by a mirror: it is told
//! 2. [`Registration::explain`] – scale along the bed's axes, warp, growth and noise that explain the differences,
//!    with 95 % intervals
//! 3. [`deviation`] – the signed distance from every vertex of the plan to the scan, and what the scan did not see
//!
//! Point-to-plane iterations (Chen and Medioni 1992) with Tukey's weights; same bits at any number of threads.

mod coarse;
mod deviation;
mod fit;
mod linear;
mod sample;
#[cfg(test)]
mod tests;

pub use deviation::{Deviations, deviation};

use crate::bvh::Bvh;
use fit::{Basis, Fit, fit};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Cancelled, Ctx, ErrorKind, Explain, Mesh, Patient, Point};
use sample::{Motion, Plan, Rough, Sample, samples};

/// Places of the scan that are fitted.
///
/// Chosen: noise of 0.1 mm leaves a scale over 100 mm known to 0.002 mm; more only costs time.
const PLACES: usize = 20_000;

/// Places of the mirror image that are fitted: its pose need only be good enough to be told from the true one.
const MIRRORED: usize = 4_000;

/// A scan whose box is so many times longer than the plan's, or shorter, is not in the plan's unit.
///
/// Chosen: prints are within 5 %, supports and a table reach not that far, and units differ tenfold or more.
const SIZES: [f64; 2] = [0.2, 2.0];

/// A scan whose median distance is above this share of the plan's diagonal is of something else.
///
/// Chosen: a print is within 0.5 % of its size; two different vertebrae lie 1 to 3 % apart.
const ELSEWHERE: f64 = 0.03;

/// Motions with less information than this share of a shift's are not told by the scan.
///
/// Chosen: moving a place by 1 mm then changes distances by 0.09 mm on average, which noise and the edges of
/// triangles do as well.
const UNTOLD: f64 = 0.008;

/// A mirror image must fit so much better to be believed, and so much worse to be excluded. Chosen: noise and
/// distortion change a fit by less than a quarter.
const HAND: f64 = 0.75;

/// Why a scan cannot be laid on its plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AlignError {
    /// The work was stopped.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// There is no surface.
    #[error("the {0} has no surface")]
    Empty(&'static str),
    /// The sizes do not belong together.
    #[error(
        "the scan is {scan:.1} mm long and the plan {plan:.1} mm: they cannot show the same part in the same unit"
    )]
    Size {
        /// Diagonal of the scan's box, mm.
        scan: f64,
        /// Diagonal of the plan's box, mm.
        plan: f64,
    },
    /// The scan fits nowhere.
    #[error("the scan fits the plan nowhere: half of it stays more than {median:.2} mm away")]
    Elsewhere {
        /// Median distance of the best pose, mm.
        median: f64,
    },
}

impl Explain for AlignError {
    fn kind(&self) -> ErrorKind {
        match self {
            AlignError::Cancelled(_) => ErrorKind::Cancelled,
            AlignError::Elsewhere { .. } => ErrorKind::Numeric,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            AlignError::Cancelled(_) => "cancelled",
            AlignError::Empty(_) => "nothing-to-align",
            AlignError::Size { .. } => "sizes-differ",
            AlignError::Elsewhere { .. } => "scan-fits-nowhere",
        }
    }

    fn help(&self) -> String {
        match self {
            AlignError::Cancelled(stopped) => stopped.help(),
            AlignError::Empty(_) => "name a file with triangles".to_owned(),
            AlignError::Size { .. } => {
                "export the scan in millimetres, and cut away table and supports around the part".to_owned()
            }
            AlignError::Elsewhere { .. } => {
                "see that the scan shows this part and little else: cut away table, clamps and supports"
                    .to_owned()
            }
        }
    }
}

/// Which hand the print has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// That of the plan.
    Same,
    /// The mirror image of the plan fits much better: left and right are exchanged.
    Mirrored,
    /// The plan and its mirror image fit alike: the form does not tell.
    Undecided,
}

/// A motion that the form does not tell: the part can make it unseen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Free {
    /// The axis of the turn through the part's middle, in the patient frame; short if it mostly is a shift.
    pub turn: [f64; 3],
    /// The direction of the shift; short if it mostly is a turn.
    pub shift: [f64; 3],
}

/// What the print may have done to the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Nothing: the pose alone.
    Rigid,
    /// A scale along each of the bed's axes, and a growth everywhere outward.
    Scale,
    /// The same, with shear and a lift from the bed by x², y² and xy: bends, twists, lifted corners.
    Bend,
    /// The same, with any displacement by products of two coordinates, if the scan tells it from a bend.
    Warp,
}

/// A number with its 95 % interval, `value ± half`; the half is infinite where the scan does not tell it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    /// The most likely value.
    pub value: f64,
    /// Half of the interval.
    pub half: f64,
}

/// Where a scan lies on its plan.
pub struct Registration {
    fit: Fit,
    samples: Vec<Sample>,
    /// The scan's triangles face inward.
    inward: bool,
    /// Which hand the print has.
    pub hand: Hand,
    /// Median distance of the scan from the plan as it stands, and of its mirror image, mm.
    pub medians: [f64; 2],
}

/// What the print did to the plan, in the bed's axes, as far as the scan tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Distortion {
    /// What was fitted: for [`Model::Warp`] it or [`Model::Bend`], whichever the scan supports.
    pub model: Model,
    /// Scale along the bed's x, y and z: 1 is as planned. Empty for [`Model::Rigid`].
    pub scale: Vec<Scaled>,
    /// How far the surface grew outward everywhere, mm.
    pub growth: Option<Scaled>,
    /// How far the bend moved the place it moved most, mm, and that place of the plan.
    pub warp: Option<(Scaled, Point<Patient>)>,
    /// The part of the warp that lifts from the bed or presses onto it there, mm.
    pub lift: Option<Scaled>,
    /// Standard deviation of what is left: noise of scan and print, mm.
    pub noise: f64,
    /// Share of the scan's places that fit; the others are strays.
    pub fitting: f64,
    /// Takes the scan's places to where the plan's distorted ones are.
    pub pose: Affine<Patient, Patient>,
    coefficients: Vec<f64>,
    basis: BasisOf,
}

/// The basis, kept to tell where places went.
#[derive(Clone, Copy, Debug, PartialEq)]
struct BasisOf {
    bed: DMat3,
    middle: DVec3,
    lever: f64,
}

/// Lays a scan on its plan: the rigid motion that brings most of its places nearest to the plan's surface.
///
/// The scan may have any pose, show a part of the surface, and hold strays; its triangles should face outward, but
/// may all face inward.
///
/// # Errors
/// [`AlignError`]: nothing to lay on, sizes in different units, or no pose that fits.
pub fn register(plan: (&Mesh, &Bvh), scan: &Mesh, ctx: &Ctx) -> Result<Registration, AlignError> {
    let plan = Plan::new(plan.0, plan.1);
    let samples = samples(scan, PLACES);
    if plan.mesh.triangles.is_empty() {
        return Err(AlignError::Empty("plan"));
    }
    if samples.is_empty() {
        return Err(AlignError::Empty("scan"));
    }
    let length = scan.bounds().size().length();
    if !(SIZES[0]..=SIZES[1]).contains(&(length / plan.diagonal)) {
        return Err(AlignError::Size { scan: length, plan: plan.diagonal });
    }
    let inward = faces_inward(scan);
    let side = if inward { -1.0 } else { 1.0 };
    let samples: Vec<Sample> = samples.into_iter().map(|s| Sample { normal: side * s.normal, ..s }).collect();
    let mirrored: Vec<Sample> = samples.iter().take(MIRRORED).map(Sample::mirrored).collect();
    let rough = Rough::new(&plan);
    let start = coarse::search(&plan, &rough, &samples, &ctx.part("searching", 0.0, 0.4))?;
    let start = start.ok_or(AlignError::Empty("scan"))?.0;
    let other = coarse::search(&plan, &rough, &mirrored, &ctx.part("mirror image", 0.4, 0.7))?;
    let rigid = |samples: &[Sample], start, part: &Ctx| {
        fit(&plan, samples, start, basis(&plan, Model::Rigid, DMat3::IDENTITY), part)
    };
    let settled = rigid(&samples, start, &ctx.part("fitting", 0.7, 0.9))?;
    let [own, most] = distance(&plan, &samples, &settled.pose);
    let [away, away_most] = match other {
        Some((start, _)) => {
            let settled = rigid(&mirrored, start, &ctx.part("fitting the mirror image", 0.9, 1.0))?;
            distance(&plan, &mirrored, &settled.pose)
        }
        None => [f64::INFINITY; 2],
    };
    if own.min(away) > ELSEWHERE * plan.diagonal {
        return Err(AlignError::Elsewhere { median: own.min(away) });
    }
    let told = |own: f64, away: f64| match own {
        own if away < HAND * own => Hand::Mirrored,
        own if own < HAND * away => Hand::Same,
        _ => Hand::Undecided,
    };
    // A part that is round but for a few bumps differs from its mirror image at those alone, which no median sees.
    let hand = match told(own, away) {
        Hand::Undecided => told(most, away_most),
        hand => hand,
    };
    Ok(Registration { fit: settled, samples, inward, hand, medians: [own, away] })
}

/// True for a scan whose triangles enclose a negative volume about its middle; open ones do so as well.
fn faces_inward(scan: &Mesh) -> bool {
    let middle = scan.bounds().middle().vec();
    let six = scan.triangles.iter().map(|&t| {
        let [a, b, c] = scan.corners(t).map(|p| p - middle);
        a.dot(b.cross(c))
    });
    six.filter(|volume| volume.is_finite()).sum::<f64>() < 0.0
}

fn basis(plan: &Plan<'_>, model: Model, bed: DMat3) -> Basis {
    Basis { model, bed, middle: plan.middle, lever: plan.lever }
}

/// The distance from the plan that half of the places keep, and nine in ten, mm: strays are fewer than the tenth.
fn distance(plan: &Plan<'_>, samples: &[Sample], pose: &Motion) -> [f64; 2] {
    let mut hint = u32::MAX;
    let far = |s: &Sample| {
        let held = plan.held(pose.place(s.at), hint)?;
        hint = held.triangle;
        Some(held.distance.abs())
    };
    let mut all: Vec<f64> = samples.iter().filter_map(far).collect();
    let middle = sample::median(&mut all);
    all.sort_by(f64::total_cmp);
    [middle, all.get(all.len() * 9 / 10).copied().unwrap_or(0.0)]
}

impl Registration {
    /// Takes places of the scan to the plan.
    pub fn pose(&self) -> Affine<Patient, Patient> {
        Affine::new(self.fit.pose.rotation, self.fit.pose.offset)
    }

    /// Standard deviation of the scan's distances from the plan, mm, without strays.
    pub fn spread(&self) -> f64 {
        self.fit.sigma
    }

    /// How many places of the scan were fitted.
    pub fn places(&self) -> usize {
        self.fit.places
    }

    /// Motions that the form does not tell.
    pub fn free(&self) -> Vec<Free> {
        let weak = self.fit.rigid.iter().filter(|(value, _)| *value < UNTOLD);
        weak.map(|(_, v)| Free { turn: [v[0], v[1], v[2]], shift: [v[3], v[4], v[5]] }).collect()
    }

    /// What the print did, fitted together with the pose; `bed` has the bed's axes in the patient frame as rows.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn explain(
        &self,
        plan: (&Mesh, &Bvh),
        model: Model,
        bed: DMat3,
        ctx: &Ctx,
    ) -> Result<Distortion, Cancelled> {
        let plan = Plan::new(plan.0, plan.1);
        let fitted =
            |model, part: &Ctx| fit(&plan, &self.samples, self.fit.pose, basis(&plan, model, bed), part);
        let fit = if model == Model::Warp {
            let bend = fitted(Model::Bend, &ctx.part("bend", 0.0, 0.5))?;
            let full = fitted(Model::Warp, &ctx.part("warp", 0.5, 1.0))?;
            if full.explains_more_than(&bend) { full } else { bend }
        } else {
            fitted(model, ctx)?
        };
        let basis = fit.basis;
        let model = basis.model;
        let unit = |fields: &[(usize, f64)]| {
            let mut weights = vec![0.0; basis.len()];
            for (field, weight) in fields {
                weights[*field] = *weight;
            }
            weights
        };
        let scale = (0..basis.fields().min(3)).map(|axis| {
            let Scaled { value, half } = fit.estimate(&unit(&[(axis, 1.0 / plan.lever)]));
            Scaled { value: 1.0 + value, half }
        });
        let growth = (basis.len() > 0).then(|| fit.estimate(&unit(&[(basis.fields(), 1.0)])));
        let bent = matches!(model, Model::Bend | Model::Warp).then(|| farthest(&plan, &fit));
        let along = |place: DVec3, direction: DVec3| {
            let mut weights = vec![0.0; basis.len()];
            basis.each(place, |field, axis, value| {
                if field >= LINEAR {
                    weights[field] += value * direction[axis];
                }
            });
            fit.estimate(&weights)
        };
        let warp =
            bent.map(|(place, by)| (along(place, bed * by.normalize_or_zero()), Point::from_vec(place)));
        let lift = bent.map(|(place, _)| along(place, DVec3::Z));
        Ok(Distortion {
            model,
            scale: scale.collect(),
            growth,
            warp,
            lift,
            noise: fit.sigma,
            fitting: fit.fitting,
            pose: Affine::new(fit.pose.rotation, fit.pose.offset),
            coefficients: fit.coefficients.clone(),
            basis: BasisOf { bed, middle: plan.middle, lever: plan.lever },
        })
    }
}

/// Fields that are scales and shears; those after them bend.
const LINEAR: usize = 6;

/// The vertex that the bend moves most, and how.
fn farthest(plan: &Plan<'_>, fit: &Fit) -> (DVec3, DVec3) {
    let places = plan.mesh.vertices.iter().map(|p| p.vec());
    places.map(|place| (place, fit.basis.displacement(&fit.coefficients, place, LINEAR))).fold(
        (plan.middle, DVec3::ZERO),
        |most, one| {
            if one.1.length_squared() > most.1.length_squared() { one } else { most }
        },
    )
}

impl Distortion {
    /// Where a place of the plan went, without the growth.
    pub fn displaced(&self, place: Point<Patient>) -> Point<Patient> {
        let BasisOf { bed, middle, lever } = self.basis;
        let basis = Basis { model: self.model, bed, middle, lever };
        Point::from_vec(place.vec() + basis.displacement(&self.coefficients, place.vec(), 0))
    }
}

impl Sample {
    /// The place in a mirror.
    fn mirrored(&self) -> Self {
        let flip = DVec3::new(-1.0, 1.0, 1.0);
        Self { at: self.at * flip, normal: self.normal * flip, weight: self.weight }
    }
}
