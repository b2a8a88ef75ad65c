//! What encoder and decoder share (T.87 annex A): quantised gradients, contexts and their adaptation.

use super::JpegLsError;

/// The parameters of a scan that the stream can state (T.87 C.2.4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preset {
    pub(super) maxval: i32,
    pub(super) t1: i32,
    pub(super) t2: i32,
    pub(super) t3: i32,
    pub(super) reset: i32,
}

impl Preset {
    /// The standard's defaults for a largest sample and a permitted error.
    pub(super) fn standard(maxval: i32, near: i32) -> Self {
        let clamp = |value: i32, low: i32| if value > maxval || value < low { low } else { value };
        let (add1, add2, add3) = (3 * near, 5 * near, 7 * near);
        let (b1, b2, b3) = if maxval >= 128 {
            let factor = (maxval.min(4095) + 128) / 256;
            (factor + 2 + add1, factor * 4 + 3 + add2, factor * 17 + 4 + add3)
        } else {
            let factor = 256 / (maxval + 1);
            let (b1, b2, b3) = (3 / factor + add1, 7 / factor + add2, 21 / factor + add3);
            (b1.max(2), b2.max(3), b3.max(4))
        };
        let t1 = clamp(b1, near + 1);
        let t2 = clamp(b2, t1);
        let t3 = clamp(b3, t2);
        Self { maxval, t1, t2, t3, reset: 64 }
    }

    /// Replaces zeros, which mean "default", and checks the limits of table C.3.
    pub(super) fn completed(self, near: i32, depth: u32) -> Result<Self, JpegLsError> {
        let full = (1 << depth) - 1;
        let maxval = if self.maxval == 0 { full } else { self.maxval };
        if maxval > full || near > 255.min(maxval / 2) {
            return Err(JpegLsError::Damaged(format!(
                "largest sample {maxval} and permitted error {near} do not go with {depth} bits"
            )));
        }
        let default = Self::standard(maxval, near);
        let or = |stated: i32, default: i32| if stated == 0 { default } else { stated };
        let preset = Self {
            maxval,
            t1: or(self.t1, default.t1),
            t2: or(self.t2, default.t2),
            t3: or(self.t3, default.t3),
            reset: or(self.reset, default.reset),
        };
        let Self { t1, t2, t3, reset, .. } = preset;
        let ordered = near < t1 && t1 <= t2 && t2 <= t3 && t3 <= maxval;
        if !ordered || reset < 3 || reset > 255.max(maxval) {
            return Err(JpegLsError::Damaged(format!(
                "thresholds {t1}, {t2}, {t3} and reset {reset} break the standard's limits"
            )));
        }
        Ok(preset)
    }
}

/// Context of the regular mode: sum of |errors|, bias, correction, count.
#[derive(Clone, Copy)]
pub(super) struct Context {
    a: u32,
    b: i32,
    n: i32,
    pub(super) c: i32,
}

/// Context of a run's interruption: sum of errors, count, count of negative errors.
#[derive(Clone, Copy)]
pub(super) struct RunContext {
    a: u32,
    n: u32,
    negative: u32,
}

/// Run lengths: an unbroken piece of a run has 2^J samples.
pub(super) const J: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The adaptive state of one scan.
pub(super) struct Model {
    pub(super) maxval: i32,
    pub(super) near: i32,
    pub(super) range: i32,
    /// Bits of an error written plainly.
    pub(super) escape: u32,
    /// Zeros that announce a plainly written error in the regular mode.
    pub(super) most: u32,
    limit: u32,
    reset: i32,
    regions: Vec<i8>,
    pub(super) regular: [Context; 365],
    pub(super) run: [RunContext; 2],
}

/// Least k with n·2^k ≥ a.
#[inline(always)]
fn golomb(a: u32, n: u32) -> u32 {
    let k = n.leading_zeros().saturating_sub(a.leading_zeros());
    k + u32::from((n << k) < a)
}

impl Model {
    /// The state at the start of a scan; the preset must have been completed.
    pub(super) fn new(preset: &Preset, near: i32) -> Self {
        let maxval = preset.maxval;
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let bits = |below: i32| 32 - (below - 1).leading_zeros();
        let depth = bits(maxval + 1).max(2);
        let limit = 2 * (depth + depth.max(8));
        let escape = bits(range);
        let a = (((range + 32) / 64).max(2)) as u32;
        let region = |d: i32| match d.abs() {
            d if d <= near => 0_i8,
            d if d < preset.t1 => 1,
            d if d < preset.t2 => 2,
            d if d < preset.t3 => 3,
            _ => 4,
        };
        // Beyond the third threshold all is one region; only what is within is worked out.
        let mut regions = vec![4_i8; 2 * maxval as usize + 1];
        regions[..maxval as usize].fill(-4);
        for d in 1 - preset.t3..preset.t3 {
            regions[(d + maxval) as usize] = if d < 0 { -region(d) } else { region(d) };
        }
        Self {
            maxval,
            near,
            range,
            escape,
            most: limit - escape - 1,
            limit,
            reset: preset.reset,
            regions,
            regular: [Context { a, b: 0, n: 1, c: 0 }; 365],
            run: [RunContext { a, n: 1, negative: 0 }; 2],
        }
    }

    /// Region −4..=4 of a difference of two samples.
    #[inline(always)]
    pub(super) fn region(&self, difference: i32) -> i32 {
        i32::from(self.regions[(difference + self.maxval) as usize])
    }

    /// Zeros that announce a plainly written error at the end of a run.
    #[inline(always)]
    pub(super) const fn most_after_run(&self, run_index: usize) -> u32 {
        self.limit - J[run_index] - 1 - self.escape - 1
    }

    /// Takes a predicted sample and its signed, scaled error back to a sample.
    #[inline(always)]
    pub(super) fn reconstruct<const LOSSLESS: bool>(&self, predicted: i32, error: i32) -> i32 {
        if LOSSLESS {
            let value = predicted + error;
            if value < 0 {
                value + self.range
            } else if value > self.maxval {
                value - self.range
            } else {
                value
            }
        } else {
            let step = 2 * self.near + 1;
            let mut value = predicted + error * step;
            if value < -self.near {
                value += self.range * step;
            } else if value > self.maxval + self.near {
                value -= self.range * step;
            }
            value.clamp(0, self.maxval)
        }
    }

    /// Brings a difference of samples into −range/2..range/2 (lossless only).
    #[inline]
    pub(super) fn reduce(&self, error: i32) -> i32 {
        let error = if error < 0 { error + self.range } else { error };
        if error >= (self.range + 1) / 2 { error - self.range } else { error }
    }

    /// Lets the regular context learn an error.
    #[inline(always)]
    pub(super) fn learn<const LOSSLESS: bool>(&mut self, context: usize, error: i32) {
        let step = if LOSSLESS { 1 } else { 2 * self.near + 1 };
        self.regular[context].learn(error, step, self.reset);
    }

    /// Lets the run context learn an error and its mapped form.
    #[inline]
    pub(super) fn learn_run(&mut self, kind: usize, error: i32, mapped: u32) {
        let reset = self.reset as u32;
        let context = &mut self.run[kind];
        context.negative += u32::from(error < 0);
        context.a += (mapped + 1 - kind as u32) >> 1;
        if context.n == reset {
            context.a >>= 1;
            context.n >>= 1;
            context.negative >>= 1;
        }
        context.n += 1;
    }
}

impl Context {
    /// Golomb parameter.
    #[inline(always)]
    pub(super) fn k(&self) -> u32 {
        golomb(self.a, self.n as u32)
    }

    /// All ones when lossless errors of parameter 0 are mapped the other way round, else zero.
    #[inline(always)]
    pub(super) fn flip(&self) -> i32 {
        (2 * self.b + self.n - 1) >> 31
    }

    #[inline(always)]
    fn learn(&mut self, error: i32, step: i32, reset: i32) {
        self.a += error.unsigned_abs();
        let mut b = self.b + error * step;
        let mut n = self.n;
        if n == reset {
            self.a >>= 1;
            b >>= 1;
            n >>= 1;
        }
        n += 1;
        if b <= -n {
            b = (b + n).max(1 - n);
            self.c = (self.c - 1).max(-128);
        } else if b > 0 {
            b = (b - n).min(0);
            self.c = (self.c + 1).min(127);
        }
        self.b = b;
        self.n = n;
    }
}

impl RunContext {
    /// Golomb parameter; `kind` 1 where the run ends between equal neighbours.
    #[inline]
    pub(super) fn k(&self, kind: usize) -> u32 {
        golomb(self.a + if kind == 1 { self.n >> 1 } else { 0 }, self.n)
    }

    /// The error of a mapped value.
    #[inline]
    pub(super) fn unmap(&self, mapped: u32, k: u32, kind: usize) -> i32 {
        let doubled = mapped + kind as u32;
        let map = doubled & 1;
        let size = ((doubled + map) >> 1) as i32;
        let mostly_negative = k != 0 || 2 * self.negative >= self.n;
        if mostly_negative == (map == 1) { -size } else { size }
    }

    /// The mapped value of an error.
    #[inline]
    pub(super) fn map(&self, error: i32, k: u32, kind: usize) -> u32 {
        let mostly_negative = k != 0 || 2 * self.negative >= self.n;
        let map = error != 0 && (error < 0) == mostly_negative;
        2 * error.unsigned_abs() - kind as u32 - u32::from(map)
    }
}

/// The median edge detector: what the three known neighbours predict.
#[inline(always)]
pub(super) fn predict(ra: i32, rb: i32, rc: i32) -> i32 {
    let (low, high) = (ra.min(rb), ra.max(rb));
    (ra + rb - rc).clamp(low, high)
}
