//! The inverse wavelet transforms (annex F): 5/3 on integers, 9/7 on 32-bit floats.
//!
//! Both are a few lifting steps: every sample of one kind (low or high) changes by a function of its two
//! neighbours of the other kind, which at the ends of a line are the same one.

/// A transform and the samples it works on.
pub(super) trait Wavelet {
    /// A sample or coefficient.
    type Sample: Copy + Default;

    /// Number of lifting steps; the first changes low samples, the second high ones, and so on.
    const STEPS: usize;

    /// Scales low and high coefficients before the first step.
    fn scale(low: &mut [Self::Sample], high: &mut [Self::Sample]);

    /// The value after a step, from the value before and both neighbours.
    fn lift(step: usize, value: Self::Sample, left: Self::Sample, right: Self::Sample) -> Self::Sample;

    /// A line of a single high coefficient.
    fn alone(value: Self::Sample) -> Self::Sample;
}

/// The reversible transform (F.3.8.2).
pub(super) struct Reversible;

impl Wavelet for Reversible {
    type Sample = i32;

    const STEPS: usize = 2;

    fn scale(_: &mut [i32], _: &mut [i32]) {}

    #[inline(always)]
    fn lift(step: usize, value: i32, left: i32, right: i32) -> i32 {
        // Sums wrap: only damaged streams have coefficients that large.
        if step == 0 {
            value.wrapping_sub(left.wrapping_add(right).wrapping_add(2) >> 2)
        } else {
            value.wrapping_add(left.wrapping_add(right) >> 1)
        }
    }

    fn alone(value: i32) -> i32 {
        value / 2
    }
}

/// The irreversible transform (F.3.8.1, table F.4).
///
/// High coefficients are scaled by 2/K where the standard has 1/K and doubles the step of quantisation: the
/// split that OpenJPEG has, whose rounding is followed here.
pub(super) struct Irreversible;

/// Delta, gamma, beta and alpha of table F.4, in the order of the inverse, subtracted.
#[allow(clippy::excessive_precision, reason = "as the standard and OpenJPEG write them")]
const LIFT: [f32; 4] = [-0.443_506_852, -0.882_911_075, 0.052_980_118, 1.586_134_342];

/// K, and 2/K as OpenJPEG has it.
#[allow(clippy::excessive_precision, reason = "as the standard and OpenJPEG write them")]
const SCALE: [f32; 2] = [1.230_174_105, 1.625_732_422];

impl Wavelet for Irreversible {
    type Sample = f32;

    const STEPS: usize = 4;

    fn scale(low: &mut [f32], high: &mut [f32]) {
        low.iter_mut().for_each(|value| *value *= SCALE[0]);
        high.iter_mut().for_each(|value| *value *= SCALE[1]);
    }

    #[inline(always)]
    fn lift(step: usize, value: f32, left: f32, right: f32) -> f32 {
        value + (left + right) * LIFT[step]
    }

    fn alone(value: f32) -> f32 {
        value
    }
}

/// Applies a step to one kind of samples, whose neighbours are the two `others` at the same index and, if the
/// line begins with this kind, the one before, otherwise the one after.
fn lift_line<W: Wavelet>(step: usize, values: &mut [W::Sample], others: &[W::Sample], begins: Begins) {
    let Some(last) = others.len().checked_sub(1) else { return };
    let shift = usize::from(begins == Begins::Other);
    // Indices of the first and last value with two neighbours of its own.
    let from = 1 - shift;
    let to = (last + 1 - shift).min(values.len()).max(from.min(values.len()));
    for index in (0..from.min(values.len())).chain(to..values.len()) {
        let left = others[(index + shift).saturating_sub(1).min(last)];
        let right = others[(index + shift).min(last)];
        values[index] = W::lift(step, values[index], left, right);
    }
    if from < to {
        let pairs = others.iter().zip(&others[1.min(others.len())..]);
        for (value, (left, right)) in values[from..to].iter_mut().zip(pairs) {
            *value = W::lift(step, *value, *left, *right);
        }
    }
}

/// Which kind the first sample of a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// The kind that is changed.
    Same,
    /// The kind of its neighbours.
    Other,
}

impl Begins {
    /// In a line whose first sample has this coordinate; low samples are at even ones, and even steps change them.
    const fn at(first: u32, step: usize) -> Self {
        if first as usize % 2 == step % 2 { Self::Same } else { Self::Other }
    }
}

/// A rectangle of samples in row order; its origin decides which of them are low.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) x0: u32,
    pub(super) y0: u32,
    pub(super) width: usize,
    pub(super) height: usize,
}

const fn low_count(first: u32, length: usize) -> usize {
    if first.is_multiple_of(2) { length.div_ceil(2) } else { length / 2 }
}

/// One level of synthesis: `plane`, whose rows are `stride` apart, holds the four bands of a resolution in its
/// four corners and gets the samples. `work` is of the same size, `line` of the same width.
pub(super) fn synthesise<W: Wavelet>(
    plane: &mut [W::Sample],
    stride: usize,
    shape: Shape,
    work: &mut Vec<W::Sample>,
) {
    let Shape { width, height, .. } = shape;
    if width == 0 || height == 0 {
        return;
    }
    work.clear();
    work.resize(width * height, W::Sample::default());
    let low_rows = low_count(shape.y0, height);
    for (index, row) in plane.chunks_mut(stride).take(height).enumerate() {
        // Row bands come one after the other; the samples go where they belong.
        let place = if index < low_rows {
            2 * index + (shape.y0 % 2) as usize
        } else {
            2 * (index - low_rows) + (1 - shape.y0 % 2) as usize
        };
        horizontal::<W>(&mut row[..width], shape.x0, &mut work[place * width..(place + 1) * width]);
    }
    vertical::<W>(work, shape);
    for (row, samples) in plane.chunks_mut(stride).zip(work.chunks(width)) {
        row[..width].copy_from_slice(samples);
    }
}

/// Low and high coefficients of a row to samples.
fn horizontal<W: Wavelet>(row: &mut [W::Sample], first: u32, out: &mut [W::Sample]) {
    let (low, high) = row.split_at_mut(low_count(first, row.len()));
    if let ([], [one]) = (&*low, &*high) {
        out[0] = W::alone(*one);
        return;
    }
    if let ([one], []) = (&*low, &*high) {
        out[0] = *one;
        return;
    }
    W::scale(low, high);
    for step in 0..W::STEPS {
        let begins = Begins::at(first, step);
        if step % 2 == 0 {
            lift_line::<W>(step, low, high, begins);
        } else {
            lift_line::<W>(step, high, low, begins);
        }
    }
    let (a, b) = if first.is_multiple_of(2) { (low, high) } else { (high, low) };
    for ((pair, a), b) in out.chunks_exact_mut(2).zip(a.iter()).zip(b.iter()) {
        pair[0] = *a;
        pair[1] = *b;
    }
    if let (1, Some(last), Some(sample)) = (out.len() % 2, a.last(), out.last_mut()) {
        *sample = *last;
    }
}

/// Rows of low and high coefficients, already in their places, to samples.
fn vertical<W: Wavelet>(rows: &mut [W::Sample], shape: Shape) {
    let Shape { y0, width, height, .. } = shape;
    if height == 1 {
        if y0 % 2 == 1 {
            rows.iter_mut().for_each(|value| *value = W::alone(*value));
        }
        return;
    }
    for (index, row) in rows.chunks_mut(width).enumerate() {
        if (index + y0 as usize).is_multiple_of(2) { W::scale(row, &mut []) } else { W::scale(&mut [], row) }
    }
    for step in 0..W::STEPS {
        let first = (y0 as usize + step) % 2;
        for index in (first..height).step_by(2) {
            lift_row::<W>(step, rows, width, index);
        }
    }
}

/// Applies a step to one row.
fn lift_row<W: Wavelet>(step: usize, rows: &mut [W::Sample], width: usize, index: usize) {
    let (before, rest) = rows.split_at_mut(index * width);
    let (row, after) = rest.split_at_mut(width);
    let above = before.len().checked_sub(width).map(|start| &before[start..]);
    let below = after.get(..width);
    let (Some(above), Some(below)) = (above.or(below), below.or(above)) else { return };
    for ((value, above), below) in row.iter_mut().zip(above).zip(below) {
        *value = W::lift(step, *value, *above, *below);
    }
}
