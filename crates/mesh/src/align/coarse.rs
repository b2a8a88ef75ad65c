//! Where a scan lies, from any pose: many turns are tried on few places, the best go on with more.

use super::linear::step;
use super::sample::{Motion, Normal, Plan, Rough, Sample, median};
use glam::{DMat3, DQuat, DVec3};
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;

/// Turns that are tried first.
///
/// Chosen: so many leave no turn farther than about 20° from one of them, and most descents bring 25° home.
const TURNS: usize = 900;

/// One round of the search: how many places are looked at, how many steps are made, how many poses go on.
struct Round {
    look: Look,
    places: usize,
    steps: usize,
    kept: usize,
}

/// How distances are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// In cells, quick.
    Rough,
    /// In the mesh.
    Exact,
}

/// The rounds. Chosen: each costs about as much as the next; cells are quick, so that many turns and steps are affordable.
const ROUNDS: [Round; 3] = [
    Round { look: Look::Rough, places: 200, steps: 15, kept: 30 },
    Round { look: Look::Exact, places: 400, steps: 15, kept: 3 },
    Round { look: Look::Exact, places: 2_000, steps: 20, kept: 1 },
];

/// Distances beyond this share of the plan's diagonal count no more. Chosen: pieces beyond it are not the same place.
const REACH: f64 = 0.05;

/// Tukey's constant. Chosen: with the usual one 95 % of the efficiency of least squares on normal noise is kept.
pub(crate) const TUKEY: f64 = 4.685;

/// The standard deviation of normal noise per median of its absolute value.
pub(crate) const PER_MEDIAN: f64 = 1.482_602_218_505_602;

/// The best pose of these places, and its score: 0 is perfect, 1 nowhere near. `None` if there is nothing to fit.
pub(crate) fn search(
    plan: &Plan<'_>,
    rough: &Rough,
    samples: &[Sample],
    ctx: &Ctx,
) -> Result<Option<(Motion, f64)>, Cancelled> {
    let middle = samples.iter().map(|s| s.at).sum::<DVec3>() / samples.len().max(1) as f64;
    let inner = plan.mesh.vertices.iter().map(|p| p.vec()).sum::<DVec3>() / plan.mesh.vertices.len() as f64;
    let mut poses: Vec<(f64, Motion)> = turns(TURNS)
        .map(|rotation| (f64::INFINITY, Motion { rotation, offset: inner - rotation * middle }))
        .collect();
    for (n, round) in ROUNDS.iter().enumerate() {
        let some = &samples[..round.places.min(samples.len())];
        poses = poses
            .into_par_iter()
            .map(|(_, pose)| {
                ctx.check()?;
                let rough = Some(rough).filter(|_| round.look == Look::Rough);
                Ok(descend((plan, rough), some, pose, round.steps))
            })
            .collect::<Result<_, _>>()?;
        // Equal scores keep the order of the turns: the sort is stable.
        poses.sort_by(|a, b| a.0.total_cmp(&b.0));
        poses = apart(poses, plan, round.kept);
        ctx.done((n + 1) as f64 / ROUNDS.len() as f64)?;
    }
    Ok(poses.first().filter(|(score, _)| score.is_finite()).map(|&(score, pose)| (pose, score)))
}

/// The first of these poses, leaving out those that are nearly one before them.
fn apart(poses: Vec<(f64, Motion)>, plan: &Plan<'_>, most: usize) -> Vec<(f64, Motion)> {
    let mut kept: Vec<(f64, Motion)> = Vec::new();
    for (score, pose) in poses {
        let same = |other: &(f64, Motion)| {
            let turned = (other.1.rotation.transpose() * pose.rotation - DMat3::IDENTITY).to_cols_array();
            let chord = libm::sqrt(turned.iter().map(|x| x * x).sum::<f64>());
            // The chord of a small turn by α is √2 α: 4° and 1 % of the diagonal.
            chord < 0.1 && other.1.offset.distance(pose.offset) < 0.1 * plan.diagonal
        };
        if kept.len() < most && !kept.iter().any(same) {
            kept.push((score, pose));
        }
    }
    kept
}

/// Steps of the nearest places' planes, robust and damped, and the score at the end.
fn descend(
    (plan, rough): (&Plan<'_>, Option<&Rough>),
    samples: &[Sample],
    start: Motion,
    steps: usize,
) -> (f64, Motion) {
    let mut pose = start;
    let mut hints = vec![u32::MAX; samples.len()];
    let mut best = (f64::INFINITY, start);
    for _ in 0..=steps {
        let mut held = Vec::with_capacity(samples.len());
        for (sample, hint) in samples.iter().zip(&mut hints) {
            let place = pose.place(sample.at);
            let found = rough.map_or_else(|| plan.held(place, *hint), |rough| rough.held(place));
            *hint = found.map_or(u32::MAX, |found| found.triangle);
            held.push(found);
        }
        let reach = REACH * plan.diagonal;
        let mut score = 0.0;
        let mut sizes = Vec::with_capacity(samples.len());
        for (sample, found) in samples.iter().zip(&held) {
            let Some(found) = found else { continue };
            let off = found.distance / reach;
            let turned = 0.5 * (1.0 - found.facing.dot(pose.rotation * sample.normal));
            score += (off * off + turned * turned).min(1.0);
            sizes.push(found.distance.abs());
        }
        score /= sizes.len().max(1) as f64;
        if sizes.is_empty() {
            return best;
        }
        if score < best.0 {
            best = (score, pose);
        }
        let limit = (TUKEY * PER_MEDIAN * median(&mut sizes)).max(1e-6 * plan.diagonal);
        let normal = Normal::sum(6, samples.len(), |n, row| {
            let (sample, found) = (&samples[n], held[n]?);
            let share = found.distance / limit;
            let agrees = found.facing.dot(pose.rotation * sample.normal).max(0.1);
            let weight = agrees * (1.0 - share * share).max(0.0).powi(2);
            rigid_row(found.normal, pose.place(sample.at) - plan.middle, plan.lever, row);
            Some((found.distance, weight))
        });
        let total: f64 = (3..6).map(|k| normal.matrix.at(k, k)).sum();
        let mut eigen = normal.matrix.eigen();
        for (value, _) in &mut eigen {
            // Damped: from afar the planes of a few places leave some motion nearly free.
            *value += 0.01 * total;
        }
        let by = step(&eigen, &normal.gradient, 0.0);
        let turn = DVec3::new(by[0], by[1], by[2]) / plan.lever;
        pose = pose.nudged(turn, DVec3::new(by[3], by[4], by[5]), plan.middle);
    }
    best
}

/// How the distance changes with a turn about the middle, in mm at the lever, and with a shift in mm.
pub(crate) fn rigid_row(normal: DVec3, from_middle: DVec3, lever: f64, row: &mut [f64]) {
    let turn = from_middle.cross(normal) / lever;
    row[..6].copy_from_slice(&[turn.x, turn.y, turn.z, normal.x, normal.y, normal.z]);
}

/// Turns spread evenly over all there are: super-Fibonacci spirals (Alexa, CVPR 2022).
fn turns(count: usize) -> impl Iterator<Item = DMat3> {
    /// Steps of the first spiral, the square root of 2: with [`PSI`] the most even of those that were tried there.
    const PHI: f64 = std::f64::consts::SQRT_2;
    /// Steps of the second spiral: the root of ψ⁴ = ψ + 4 above 1, as proposed there.
    const PSI: f64 = 1.533_751_168_755_204_3;
    (0..count).map(move |n| {
        let s = n as f64 + 0.5;
        let (outer, inner) = (libm::sqrt(s / count as f64), libm::sqrt(1.0 - s / count as f64));
        let around = 2.0 * std::f64::consts::PI * s;
        let ((sin_a, cos_a), (sin_b, cos_b)) = (libm::sincos(around / PHI), libm::sincos(around / PSI));
        DMat3::from_quat(
            DQuat::from_xyzw(outer * sin_a, outer * cos_a, inner * sin_b, inner * cos_b).normalize(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_turn_is_far_from_one_that_is_tried() {
        let tried: Vec<DMat3> = turns(TURNS).collect();
        let mut random = osteon_core::ctx::Random::new(3);
        for _ in 0..300 {
            let mut one = || random.normal();
            let q = DQuat::from_xyzw(one(), one(), one(), one()).normalize();
            let wanted = DMat3::from_quat(q);
            // The trace of a turn by α is 1 + 2 cos α.
            let trace = |m: &DMat3| {
                let t = m.transpose() * wanted;
                t.x_axis.x + t.y_axis.y + t.z_axis.z
            };
            let most = tried.iter().map(trace).fold(f64::NEG_INFINITY, f64::max);
            assert!((most - 1.0) / 2.0 > libm::cos(27.0_f64.to_radians()), "{most}");
        }
    }
}
