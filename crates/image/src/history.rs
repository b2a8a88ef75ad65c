//! Undo and redo of changes to a mask, keeping only what changed.
//!
//! A [`Change`] holds, for every row that changed, the words between the first and the last that did: what was
//! exclusive-or what came. Applied once it undoes the change, applied again it does it. A stroke of a brush in a
//! scan of 512 × 512 × 600 voxels takes some tens of kilobytes instead of the mask's 20 MB.

use osteon_core::{ErrorKind, Explain, Mask};
use std::collections::VecDeque;

/// What turned one mask into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    dims: [usize; 3],
    spans: Vec<Span>,
    /// The words of all spans: before exclusive-or after.
    words: Vec<u64>,
    /// Fingerprints of the words of all spans before and after.
    before: u64,
    after: u64,
}

/// Neighbouring words of the mask, counted through all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: usize,
    len: usize,
}

/// Why a change cannot be recorded, undone or redone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The masks have different dimensions.
    #[error("the change is one of a mask of {expected:?} voxels, and the mask has {given:?}")]
    Grids {
        /// Dimensions of the mask that was changed.
        expected: [usize; 3],
        /// Dimensions of what was given.
        given: [usize; 3],
    },
    /// The mask is not what the change left, or not what it began with.
    #[error("the mask was changed since, without a record of it")]
    Changed,
}

impl Explain for HistoryError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn code(&self) -> &'static str {
        match self {
            HistoryError::Grids { .. } => "history-grids",
            HistoryError::Changed => "history-changed",
        }
    }

    fn help(&self) -> String {
        match self {
            HistoryError::Grids { .. } => "use one history for each mask".to_owned(),
            HistoryError::Changed => "record every change of a mask that is to be undone".to_owned(),
        }
    }
}

impl Change {
    /// What turns `before` into `after`.
    ///
    /// # Errors
    /// [`HistoryError::Grids`] when the masks have different dimensions.
    pub fn between(before: &Mask, after: &Mask) -> Result<Self, HistoryError> {
        let dims = before.grid().dims();
        if dims != after.grid().dims() {
            return Err(HistoryError::Grids { expected: dims, given: after.grid().dims() });
        }
        let per_row = before.words_per_row();
        let mut change = Self { dims, spans: Vec::new(), words: Vec::new(), before: 0, after: 0 };
        let (old_rows, new_rows) = (before.bits().chunks_exact(per_row), after.bits().chunks_exact(per_row));
        for (row, (old, new)) in old_rows.zip(new_rows).enumerate() {
            if old == new {
                continue;
            }
            let differ = |i: &usize| old[*i] != new[*i];
            let (first, last) = ((0..per_row).find(differ), (0..per_row).rfind(differ));
            let (Some(first), Some(last)) = (first, last) else { continue };
            change.spans.push(Span { start: row * per_row + first, len: last - first + 1 });
            change.words.extend(old[first..=last].iter().zip(&new[first..=last]).map(|(a, b)| a ^ b));
        }
        change.words.shrink_to_fit();
        change.spans.shrink_to_fit();
        (change.before, change.after) = (change.fingerprint(before), change.fingerprint(after));
        Ok(change)
    }

    /// True when nothing changed.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Number of rows that changed.
    pub fn rows(&self) -> usize {
        self.spans.len()
    }

    /// Memory the change takes, in bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.spans.capacity() * size_of::<Span>()
            + self.words.capacity() * size_of::<u64>()
    }

    /// Turns the mask after the change into the one before, bit by bit.
    ///
    /// # Errors
    /// [`HistoryError::Grids`] for another mask; [`HistoryError::Changed`] when the rows in question are not
    /// as the change left them. The mask then stays as it is.
    pub fn undo(&self, mask: &mut Mask) -> Result<(), HistoryError> {
        self.swap(mask, self.after)
    }

    /// Turns the mask before the change into the one after, bit by bit.
    ///
    /// # Errors
    /// As [`Change::undo`].
    pub fn redo(&self, mask: &mut Mask) -> Result<(), HistoryError> {
        self.swap(mask, self.before)
    }

    fn swap(&self, mask: &mut Mask, expected: u64) -> Result<(), HistoryError> {
        if mask.grid().dims() != self.dims {
            return Err(HistoryError::Grids { expected: self.dims, given: mask.grid().dims() });
        }
        if self.fingerprint(mask) != expected {
            return Err(HistoryError::Changed);
        }
        let bits = mask.bits_mut();
        let mut words = self.words.iter();
        for span in &self.spans {
            let range = span.start..span.start + span.len;
            bits[range].iter_mut().zip(&mut words).for_each(|(bits, word)| *bits ^= word);
        }
        Ok(())
    }

    /// FNV-1a over the words of all spans, a word at a time.
    fn fingerprint(&self, mask: &Mask) -> u64 {
        let words = self.spans.iter().flat_map(|span| &mask.bits()[span.start..span.start + span.len]);
        words.fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
            let mixed = (hash ^ word).wrapping_mul(0x100_0000_01b3);
            mixed ^ mixed >> 32
        })
    }
}

/// Changes of one mask, undone last first.
#[derive(Clone, Debug, Default)]
pub struct History {
    past: VecDeque<Change>,
    future: Vec<Change>,
    most: Option<usize>,
}

impl History {
    /// Keeps every change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the oldest changes when more than `bytes` would be needed, but never the latest.
    pub fn within(bytes: usize) -> Self {
        Self { most: Some(bytes), ..Self::default() }
    }

    /// Records what turned `before` into `after`; what had been undone can no longer be redone.
    ///
    /// Masks that are equal leave no record.
    ///
    /// # Errors
    /// [`HistoryError::Grids`] when the masks have different dimensions.
    pub fn record(&mut self, before: &Mask, after: &Mask) -> Result<(), HistoryError> {
        let change = Change::between(before, after)?;
        if change.is_empty() {
            return Ok(());
        }
        self.future.clear();
        self.past.push_back(change);
        while self.past.len() > 1 && self.most.is_some_and(|most| self.bytes() > most) {
            self.past.pop_front();
        }
        Ok(())
    }

    /// Undoes the latest change; false when there is none.
    ///
    /// # Errors
    /// As [`Change::undo`]; the history then stays as it is.
    pub fn undo(&mut self, mask: &mut Mask) -> Result<bool, HistoryError> {
        let Some(change) = self.past.back() else { return Ok(false) };
        change.undo(mask)?;
        self.future.extend(self.past.pop_back());
        Ok(true)
    }

    /// Does again what was undone last; false when there is nothing.
    ///
    /// # Errors
    /// As [`Change::redo`]; the history then stays as it is.
    pub fn redo(&mut self, mask: &mut Mask) -> Result<bool, HistoryError> {
        let Some(change) = self.future.last() else { return Ok(false) };
        change.redo(mask)?;
        self.past.extend(self.future.pop());
        Ok(true)
    }

    /// How many changes can be undone, and how many redone.
    pub fn steps(&self) -> (usize, usize) {
        (self.past.len(), self.future.len())
    }

    /// Memory of all changes, in bytes.
    pub fn bytes(&self) -> usize {
        self.past.iter().chain(&self.future).map(Change::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{Paint, Shape, paint};
    use glam::DVec3;
    use osteon_core::{Ctx, Grid, Point, ctx::Random};
    use proptest::prelude::*;

    fn grid(dims: [usize; 3]) -> Grid {
        Grid::upright(dims, Point::new(-100.0, -100.0, 0.0), DVec3::new(0.45, 0.45, 0.5)).unwrap()
    }

    fn noise(grid: &Grid, seed: u64) -> Mask {
        let mut random = Random::new(seed);
        let mut mask = Mask::empty(grid);
        let last = mask.last_word();
        let words = mask.words_per_row();
        for (i, word) in mask.bits_mut().iter_mut().enumerate() {
            *word = random.bits() & if i % words == words - 1 { last } else { u64::MAX };
        }
        mask
    }

    #[test]
    fn a_stroke_in_a_whole_scan_takes_little_memory_and_is_undone_to_the_bit() {
        let before = noise(&grid([512, 512, 600]), 1);
        let path =
            vec![Point::new(0.0, 0.0, 100.0), Point::new(20.0, 5.0, 110.0), Point::new(30.0, 25.0, 110.0)];
        let mut mask = before.clone();
        let stroke = Shape::Stroke { path, radius: 3.0 };
        paint(&mut mask, &stroke, Paint::Add, &Ctx::default()).unwrap();
        let after = mask.clone();
        let mut history = History::new();
        history.record(&before, &after).unwrap();
        assert!(history.bytes() < 100_000, "{} bytes", history.bytes());
        assert!(history.undo(&mut mask).unwrap());
        assert!(mask == before && mask != after);
        assert!(history.redo(&mut mask).unwrap());
        assert!(mask == after);
    }

    #[test]
    fn a_new_change_ends_what_can_be_redone() {
        let grid = grid([70, 3, 2]);
        let (empty, some, full) =
            (Mask::empty(&grid), noise(&grid, 2), Mask::where_true(&grid, |_, _, _| true));
        let (mut history, mut mask) = (History::new(), some.clone());
        assert!(!history.undo(&mut mask).unwrap() && !history.redo(&mut mask).unwrap());
        history.record(&empty, &some).unwrap();
        history.record(&some, &some).unwrap();
        assert_eq!(history.steps(), (1, 0));
        history.undo(&mut mask).unwrap();
        assert_eq!((history.steps(), &mask), ((0, 1), &empty));
        history.record(&empty, &full).unwrap();
        assert_eq!(history.steps(), (1, 0));
    }

    #[test]
    fn the_oldest_changes_go_when_memory_is_limited() {
        let grid = grid([640, 40, 1]);
        let masks: Vec<Mask> = (0..6).map(|seed| noise(&grid, seed)).collect();
        let one = Change::between(&masks[0], &masks[1]).unwrap().bytes();
        let mut history = History::within(one * 5 / 2);
        for pair in masks.windows(2) {
            history.record(&pair[0], &pair[1]).unwrap();
        }
        assert_eq!(history.steps(), (2, 0));
        assert!(history.bytes() <= one * 5 / 2);
        let mut mask = masks[5].clone();
        while history.undo(&mut mask).unwrap() {}
        assert_eq!(mask, masks[3]);
        // The latest stays, however large.
        let mut history = History::within(1);
        history.record(&masks[0], &masks[1]).unwrap();
        assert_eq!(history.steps(), (1, 0));
    }

    #[test]
    fn a_mask_changed_behind_the_back_of_its_history_is_left_alone() {
        let grid = grid([70, 3, 2]);
        let (before, after) = (noise(&grid, 3), noise(&grid, 4));
        let mut history = History::new();
        history.record(&before, &after).unwrap();
        let mut mask = after.clone();
        mask.set(5, 1, 1, !after.get(5, 1, 1));
        let kept = mask.clone();
        assert_eq!(history.undo(&mut mask), Err(HistoryError::Changed));
        assert_eq!((mask, history.steps()), (kept, (1, 0)));
        let mut other = Mask::empty(&self::grid([70, 3, 3]));
        assert_eq!(history.undo(&mut other).unwrap_err().code(), "history-grids");
        assert_eq!(history.record(&before, &other).unwrap_err().code(), "history-grids");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_change_can_be_undone_and_redone(nx in 1_usize..200, rows in 1_usize..9, seed in 0_u64..1000) {
            let grid = grid([nx, 4, rows]);
            let (before, mut after) = (noise(&grid, seed), noise(&grid, seed + 1));
            // Rows that are equal on both sides.
            for y in (0..4).filter(|y| (seed >> y) & 1 == 1) {
                after.row_mut(y, rows / 2).copy_from_slice(before.row(y, rows / 2));
            }
            let change = Change::between(&before, &after).unwrap();
            let mut mask = after.clone();
            change.undo(&mut mask).unwrap();
            prop_assert_eq!(&mask, &before);
            change.redo(&mut mask).unwrap();
            prop_assert_eq!(&mask, &after);
        }
    }
}
