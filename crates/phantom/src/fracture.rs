//! Bones broken along known surfaces and moved by known poses.
//!
//! Each [`Crack`] splits one fragment in two; after all cracks, every fragment is the bone within a known
//! region, so the fragments tile the bone exactly, and the fracture faces show the cancellous bone. Then each
//! fragment is moved by its own pose; undoing it is the reduction.

use crate::bones::Bone;
use crate::motion::Motion;
use crate::phantom::Phantom;
use crate::shape::{Form, Shape, centroid};
use glam::DVec3;
use osteon_core::ctx::Random;
use osteon_core::{Direction, ErrorKind, Explain, Vector};

/// A crack through one fragment.
#[derive(Clone, Debug)]
pub struct Crack {
    /// Number of the fragment it splits, from 1.
    pub fragment: usize,
    /// The region that keeps the number, such as a half-space or a [`Wave`](crate::shape::Wave); what lies
    /// outside becomes the next fragment. Its surface is the fracture surface.
    pub keeps: Form,
}

/// One fragment of a broken bone.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// Its number, from 1.
    pub number: usize,
    /// The fragment where it belongs.
    pub home: Bone,
    /// How it was moved from there.
    pub motion: Motion,
}

impl Fragment {
    /// The fragment where it is now.
    pub fn bone(&self) -> Bone {
        self.home.moved(&self.motion)
    }

    /// What brings it back home.
    pub const fn reduction(&self) -> Motion {
        self.motion.inverse()
    }
}

/// A bone that cannot be broken as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FractureError {
    /// A crack names a fragment that does not exist when its turn comes.
    #[error("crack {crack} splits fragment {fragment}, but there are only {count} then")]
    NoFragment {
        /// Number of the crack, from 1.
        crack: usize,
        /// The fragment it names.
        fragment: usize,
        /// How many there are.
        count: usize,
    },
    /// There is not one motion for each fragment.
    #[error("{motions} motions do not fit {fragments} fragments")]
    Motions {
        /// How many motions were given.
        motions: usize,
        /// How many fragments there are.
        fragments: usize,
    },
}

impl Explain for FractureError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn code(&self) -> &'static str {
        match self {
            FractureError::NoFragment { .. } => "no-such-fragment",
            FractureError::Motions { .. } => "motions-do-not-fit-fragments",
        }
    }

    fn help(&self) -> String {
        match self {
            FractureError::NoFragment { .. } => {
                "a crack can split fragment 1 or one that an earlier crack made"
            }
            FractureError::Motions { .. } => {
                "give one motion for each fragment: one more than there are cracks"
            }
        }
        .to_owned()
    }
}

/// Breaks a bone along cracks, one after the other; every fragment stays where it is.
pub fn split(bone: &Bone, cracks: &[Crack]) -> Result<Vec<Fragment>, FractureError> {
    let mut pieces = vec![bone.clone()];
    for (i, crack) in cracks.iter().enumerate() {
        let count = pieces.len();
        let missing = FractureError::NoFragment { crack: i + 1, fragment: crack.fragment, count };
        let piece = crack.fragment.checked_sub(1).and_then(|at| pieces.get_mut(at)).ok_or(missing)?;
        let gone = piece.each(|form| form.without(crack.keeps.clone()));
        *piece = piece.each(|form| form.within(crack.keeps.clone()));
        pieces.push(gone);
    }
    let stay = Motion::shift(Vector::new(0.0, 0.0, 0.0));
    let numbered = pieces.into_iter().zip(1..);
    Ok(numbered.map(|(home, number)| Fragment { number, home, motion: stay }).collect())
}

/// Moves each fragment from its home by its own motion.
pub fn displace(fragments: &[Fragment], motions: &[Motion]) -> Result<Vec<Fragment>, FractureError> {
    if fragments.len() != motions.len() {
        return Err(FractureError::Motions { motions: motions.len(), fragments: fragments.len() });
    }
    let pairs = fragments.iter().zip(motions);
    Ok(pairs.map(|(f, &motion)| Fragment { motion, ..f.clone() }).collect())
}

/// How far fragments are thrown apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scatter {
    /// How far in mm each fragment moves away from the bone's middle.
    pub apart: f64,
    /// By how many radians each turns at most, about its own middle and a random axis.
    pub turn: f64,
    /// Seed of the random axes and angles.
    pub seed: u64,
}

/// Motions that throw fragments apart; fragment 1 stays.
pub fn scatter(fragments: &[Fragment], how: &Scatter) -> Vec<Motion> {
    /// Cells in mm for the fragments' middles: only the look of the scatter depends on it.
    const CELL: f64 = 2.0;
    let whole = Form::all(fragments.iter().map(|f| f.home.outer.clone()));
    let middle = centroid(&whole, CELL);
    let mut random = Random::new(how.seed);
    let throw = |f: &Fragment| {
        let axis = DVec3::new(random.normal(), random.normal(), random.normal());
        let angle = how.turn * (2.0 * random.uniform() - 1.0);
        let own = centroid(&f.home.outer, CELL);
        let apart = (own - middle).direction().map_or(DVec3::ZERO, |d| d.vec() * how.apart);
        match Direction::new(axis) {
            Some(axis) if f.number > 1 => {
                Motion::turn(own, axis, angle).then(&Motion::shift(Vector::from_vec(apart)))
            }
            _ => Motion::shift(Vector::new(0.0, 0.0, 0.0)),
        }
    };
    fragments.iter().map(throw).collect()
}

/// Adds fragments to a phantom where they are now, as `cortex-1`, `cancellous-1`, ….
///
/// Where two fragments touch, a cell of the scanner that holds both shows a quarter of what lies under them: a
/// closed crack is seen as a line as faint as a gap of 0.07 mm.
pub fn paint(fragments: &[Fragment], phantom: Phantom) -> Phantom {
    let all = fragments.iter();
    all.fold(phantom, |phantom, f| f.bone().paint(phantom, &format!("-{}", f.number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bones::calcaneus::{CalcaneusSizes, calcaneus};
    use crate::shape::{HalfSpace, Wave, volume};
    use osteon_core::{Plane, Point, Side};

    fn broken() -> (Bone, Vec<Fragment>) {
        let bone = calcaneus(Side::Right, &CalcaneusSizes::adult()).bone;
        let upright = Motion::turn(Point::new(0.0, 0.0, 0.0), Direction::from_vec(DVec3::X), 1.4);
        let normal = Direction::new(DVec3::new(1.0, 0.2, 0.3)).unwrap();
        let cracks = [
            Crack { fragment: 1, keeps: Wave { amplitude: 1.5, wavelength: 14.0 }.moved(&upright) },
            Crack {
                fragment: 1,
                keeps: HalfSpace { plane: Plane { point: Point::new(2.0, 0.0, 0.0), normal } }.form(),
            },
            Crack { fragment: 2, keeps: Wave { amplitude: 1.0, wavelength: 9.0 }.form() },
        ];
        let fragments = split(&bone, &cracks).unwrap();
        (bone, fragments)
    }

    #[test]
    fn the_fragments_tile_the_bone() {
        let (bone, fragments) = broken();
        assert_eq!(fragments.iter().map(|f| f.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        for i in 0..20_000 {
            let f = f64::from(i);
            let p = Point::new(30.0 * libm::sin(f), 45.0 * libm::sin(2.3 * f), 25.0 * libm::cos(1.7 * f));
            let inside = bone.outer.distance(p) < 0.0;
            let holders = fragments.iter().filter(|f| f.home.outer.distance(p) < 0.0).count();
            assert_eq!(holders, usize::from(inside), "{p:?}");
        }
        let whole = volume(&bone.outer, 0.5);
        let sum: f64 = fragments.iter().map(|f| volume(&f.home.outer, 0.5)).sum();
        // Sharp edges err by their length · cell²: three faces of about 120 mm, two sides each.
        assert!((sum - whole).abs() < 6.0 * 120.0 * 0.25, "{sum} of {whole}");
        assert!(fragments.iter().all(|f| volume(&f.home.outer, 0.5) > 0.02 * whole));
    }

    #[test]
    fn a_fracture_face_shows_cancellous_bone() {
        let (bone, fragments) = broken();
        let inner = Point::new(2.0, 10.0, -8.0);
        assert!(bone.core.distance(inner) < 0.0);
        assert!(fragments.iter().any(|f| f.home.core.distance(inner) < 0.0));
        let core: f64 = fragments.iter().map(|f| volume(&f.home.core, 0.5)).sum();
        assert!((core - volume(&bone.core, 0.5)).abs() < 6.0 * 120.0 * 0.25);
    }

    #[test]
    fn the_reduction_brings_every_fragment_home() {
        let (_, fragments) = broken();
        let motions = scatter(&fragments, &Scatter { apart: 5.0, turn: 0.2, seed: 3 });
        assert_eq!(motions, scatter(&fragments, &Scatter { apart: 5.0, turn: 0.2, seed: 3 }));
        let moved = displace(&fragments, &motions).unwrap();
        for fragment in &moved {
            let back = fragment.bone().moved(&fragment.reduction());
            for p in [Point::new(1.0, 2.0, 3.0), Point::new(-9.0, 30.0, -5.0)] {
                assert!((back.outer.distance(p) - fragment.home.outer.distance(p)).abs() < 1e-9);
            }
        }
        assert!(
            moved[1].bone().outer.distance(Point::new(0.0, 0.0, 0.0)) > 0.0
                || moved[1].motion != moved[0].motion
        );
    }

    #[test]
    fn what_does_not_exist_cannot_be_split_or_moved() {
        let (bone, fragments) = broken();
        let keeps = Wave { amplitude: 1.0, wavelength: 9.0 }.form();
        for fragment in [0, 2] {
            let refused = split(&bone, &[Crack { fragment, keeps: keeps.clone() }]).unwrap_err();
            assert_eq!(refused, FractureError::NoFragment { crack: 1, fragment, count: 1 });
        }
        let refused = displace(&fragments, &[]).unwrap_err();
        assert_eq!(refused.code(), "motions-do-not-fit-fragments");
    }
}
