//! Unevenly spaced slices on an even lattice: which slot holds which slice, and what lies between them.
//!
//! Positions are distances along the slices' normal in mm, measured from the lowest slice, ascending.

/// Furthest a measured slice may be from its slot, mm: half of what a corner may be off.
pub(super) const NEAR: f64 = 0.05;
/// A slice is at most this share of the least gap from its slot, so that neighbours keep their distance.
const NEAR_SHARE: f64 = 0.1;
/// Most slots of a lattice: 4 m in slices of 1 mm, twice the longest scans.
const MOST_SLOTS: usize = 4096;
/// Longest stack that is put on a lattice, mm: five times the longest table.
pub(crate) const LONGEST: f64 = 10_000.0;
/// Steps are searched so finely that the last slice moves by this share of the tolerance from one to the next.
const FINE: f64 = 0.25;

/// One slice of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Slot {
    /// A measured image: index into the images of the series.
    Measured(usize),
    /// Between two measured slices: value = below + weight · (above − below).
    Between {
        /// Slot of the measured slice below.
        below: usize,
        /// Slot of the measured slice above.
        above: usize,
        /// Share of the one above, 0 to 1.
        weight: f64,
    },
    /// Nobody measured here.
    NotMeasured,
}

/// Evenly spaced slots that hold every slice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lattice {
    /// Position of slot 0, mm.
    pub(crate) offset: f64,
    /// Distance of slots, mm.
    pub(crate) step: f64,
    /// Slot of every slice, ascending from 0.
    pub(crate) at: Vec<usize>,
}

impl Lattice {
    /// Number of slots.
    pub(crate) fn count(&self) -> usize {
        self.at.last().map_or(0, |last| last + 1)
    }

    /// Position of a slot, mm.
    pub(crate) fn position(&self, slot: usize) -> f64 {
        self.offset + self.step * slot as f64
    }
}

/// The coarsest lattice that has every position within 0.05 mm of a slot; none if it needs too many slots.
pub(crate) fn lattice(positions: &[f64]) -> Option<Lattice> {
    let length = *positions.last()?;
    let least = positions.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    let near = NEAR.min(least * NEAR_SHARE);
    if !(least > 0.0 && length <= LONGEST) {
        return None;
    }
    // Two slices one step apart may both be off their slots: a step can be no larger than this …
    let largest = least + 2.0 * near;
    // … and needs no search below this, where neighbouring slots begin to claim the same slice.
    let smallest = (4.0 * near).max(length / (MOST_SLOTS - 1) as f64);
    let finer = 1.0 - FINE * near / length;
    let mut step = largest;
    while step >= smallest {
        // Between two steps that are tried the residues change by a share of the tolerance.
        if spread(positions, step, 2.0 * near * (1.0 + FINE)).is_some()
            && let Some(found) = fitted(positions, step, near)
        {
            return Some(usual(positions, near, found.step).unwrap_or(found));
        }
        step *= finer;
    }
    // With slots twice the tolerance apart every position is near one.
    let step = 2.0 * near;
    if length / step > (MOST_SLOTS - 1) as f64 {
        return None;
    }
    let at = positions.iter().map(|p| (p / step).round() as usize).collect();
    Some(Lattice { offset: 0.0, step, at })
}

/// The lattice of the usual gap, if it is nearly as coarse as the coarsest: where slices are missing it is the
/// one they were taken on.
fn usual(positions: &[f64], near: f64, coarsest: f64) -> Option<Lattice> {
    /// Chosen: a tenth more slots at most.
    const NEARLY: f64 = 0.9;
    let mut gaps: Vec<f64> = positions.windows(2).map(|w| w[1] - w[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let gap = *gaps.get((gaps.len() - 1) / 2)?;
    fitted(positions, gap, near).filter(|lattice| lattice.step >= NEARLY * coarsest)
}

/// Least and largest distance of a position from the nearest multiple of a step, if they are at most `most` apart.
fn spread(positions: &[f64], step: f64, most: f64) -> Option<[f64; 2]> {
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    // The furthest slices tell wrong steps apart soonest.
    for p in positions.iter().rev() {
        let off = p - step * (p / step).round();
        low = low.min(off);
        high = high.max(off);
        if high - low > most {
            return None;
        }
    }
    Some([low, high])
}

/// The step near a given one, and the offset, that bring all positions closest to their slots.
fn fitted(positions: &[f64], step: f64, near: f64) -> Option<Lattice> {
    let [low, high] = spread(positions, step, f64::INFINITY)?;
    let middle = (low + high) / 2.0;
    let at: Vec<usize> = positions.iter().map(|p| ((p - middle) / step).round() as usize).collect();
    if at.windows(2).any(|w| w[0] >= w[1]) {
        return None;
    }
    let ends = |step: f64| {
        let off = positions.iter().zip(&at).map(|(p, &n)| p - step * n as f64);
        off.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], off| [low.min(off), high.max(off)])
    };
    let width = |step: f64| {
        let [low, high] = ends(step);
        high - low
    };
    // The width is a convex function of the step.
    let reach = 4.0 * near / (*at.last()?).max(1) as f64;
    let (mut a, mut b) = (step - reach, step + reach);
    // Each round leaves two thirds: 60 rounds leave 1e-11 of the interval.
    for _ in 0..60 {
        let third = (b - a) / 3.0;
        if width(a + third) <= width(b - third) {
            b -= third;
        } else {
            a += third;
        }
    }
    let step = (a + b) / 2.0;
    let [low, high] = ends(step);
    (high - low <= 2.0 * near).then(|| Lattice { offset: (low + high) / 2.0, step, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_step_that_holds_all_slices_is_found_and_none_is_coarser() {
        // Every third slice of a stack is missing here and there; the step is the one of the stack.
        let positions: Vec<f64> = [0, 1, 2, 5, 6, 9, 10, 11].iter().map(|&n| f64::from(n) * 1.25).collect();
        let found = lattice(&positions).unwrap();
        assert!((found.step - 1.25).abs() < 1e-9 && found.offset.abs() < 1e-9, "{found:?}");
        assert_eq!(found.at, [0, 1, 2, 5, 6, 9, 10, 11]);
        // 2 mm, then 5 mm: 1 mm is the greatest common measure.
        let found = lattice(&[0.0, 2.0, 4.0, 9.0, 14.0]).unwrap();
        assert!((found.step - 1.0).abs() < 0.02, "{found:?}");
        assert_eq!(found.at, [0, 2, 4, 9, 14]);
        // Four slices about a hole: a coarser step would do, but this is the one they were taken on.
        let found = lattice(&[0.0, 202.5, 203.75, 205.0]).unwrap();
        assert!((found.step - 1.25).abs() < 1e-9 && found.at == [0, 162, 163, 164], "{found:?}");
    }

    #[test]
    fn a_lattice_that_would_be_endless_is_not_made() {
        assert_eq!(lattice(&[0.0, 1.0, 1e7]), None);
        assert_eq!(lattice(&[0.0, 0.05, 3000.0, 3001.0]), None);
        assert_eq!(lattice(&[0.0, 0.0, 1.0]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_slice_is_near_its_slot(gaps in prop::collection::vec(0.5_f64..8.0, 1..30)) {
            let mut positions = vec![0.0];
            for gap in gaps {
                positions.push(positions[positions.len() - 1] + gap);
            }
            let found = lattice(&positions).unwrap();
            for (p, &n) in positions.iter().zip(&found.at) {
                prop_assert!((p - found.position(n)).abs() <= NEAR + 1e-9);
            }
            prop_assert!(found.at.windows(2).all(|w| w[0] < w[1]) && found.count() <= MOST_SLOTS);
        }
    }
}
