//! Numbers as they lie in a file: their type, the order of their bytes, and what becomes of them.

use crate::samples::Source;
use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// Order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

/// What a file says its values are times this, plus that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub slope: f64,
    pub intercept: f64,
}

impl Scale {
    /// Values as they are stored.
    pub(crate) const NONE: Self = Self { slope: 1.0, intercept: 0.0 };

    /// True when whole numbers stay whole.
    fn is_whole(self) -> bool {
        self.slope.fract() == 0.0 && self.intercept.fract() == 0.0
    }
}

/// Type and byte order of a file's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub number: Number,
    pub order: Order,
}

/// Samples converted in one go: small enough for a thread's cache, large enough to be worth its while.
pub(super) const CHUNK: usize = 1 << 16;

/// Whole numbers up to here are exact in f64.
const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

/// What would have fitted.
pub(super) const TOO_WIDE: &str = "whole numbers must lie within ±2⁵³";

/// Appends the numbers in `$bytes`, each turned by `$turn`.
macro_rules! extend {
    ($out:expr, $bytes:expr, $order:expr, $type:ty, $turn:expr) => {
        match $order {
            Order::Little => {
                $out.extend($bytes.as_chunks().0.iter().map(|&b| $turn(<$type>::from_le_bytes(b))))
            }
            Order::Big => $out.extend($bytes.as_chunks().0.iter().map(|&b| $turn(<$type>::from_be_bytes(b)))),
        }
    };
}

impl Layout {
    /// Bytes of one sample.
    pub(crate) const fn size(self) -> usize {
        match self.number {
            Number::I8 | Number::U8 => 1,
            Number::I16 | Number::U16 => 2,
            Number::I32 | Number::U32 | Number::F32 => 4,
            Number::I64 | Number::U64 | Number::F64 => 8,
        }
    }

    const fn is_whole(self) -> bool {
        !matches!(self.number, Number::F32 | Number::F64)
    }

    /// Appends the numbers in `bytes` as f64; 64-bit numbers are rounded beyond ±2⁵³.
    fn widen(self, bytes: &[u8], out: &mut Vec<f64>) {
        match self.number {
            Number::I8 => out.extend(bytes.iter().map(|&b| f64::from(b as i8))),
            Number::U8 => out.extend(bytes.iter().map(|&b| f64::from(b))),
            Number::I16 => extend!(out, bytes, self.order, i16, f64::from),
            Number::U16 => extend!(out, bytes, self.order, u16, f64::from),
            Number::I32 => extend!(out, bytes, self.order, i32, f64::from),
            Number::U32 => extend!(out, bytes, self.order, u32, f64::from),
            Number::I64 => extend!(out, bytes, self.order, i64, |n| n as f64),
            Number::U64 => extend!(out, bytes, self.order, u64, |n| n as f64),
            Number::F32 => extend!(out, bytes, self.order, f32, f64::from),
            Number::F64 => extend!(out, bytes, self.order, f64, |n| n),
        }
    }

    /// Appends the numbers in `bytes`, each of which must be whole and fit 16 bits; the error is the first
    /// that does not.
    pub(crate) fn narrow(self, bytes: &[u8], out: &mut Vec<i16>) -> Result<(), f64> {
        match self.number {
            Number::I8 => out.extend(bytes.iter().map(|&b| i16::from(b as i8))),
            Number::U8 => out.extend(bytes.iter().map(|&b| i16::from(b))),
            Number::I16 => extend!(out, bytes, self.order, i16, |n| n),
            _ => {
                let mut wide = Vec::with_capacity(bytes.len() / self.size());
                self.widen(bytes, &mut wide);
                for value in wide {
                    let near = value as i16;
                    if f64::from(near) != value {
                        return Err(value);
                    }
                    out.push(near);
                }
            }
        }
        Ok(())
    }

    /// Whether values may be rounded after this scale.
    pub(super) fn source(self, scale: Scale) -> Source {
        if self.is_whole() && scale.is_whole() { Source::Whole } else { Source::Fractional }
    }

    /// Appends the values of the numbers in `bytes`; the error is the place of the first one that f64 does
    /// not hold exactly, and its value.
    pub(super) fn values(self, bytes: &[u8], scale: Scale, out: &mut Vec<f64>) -> Result<(), (usize, f64)> {
        self.widen(bytes, out);
        let exact = |value: f64| value.abs() <= EXACT;
        if matches!(self.number, Number::I64 | Number::U64)
            && let Some(at) = out.iter().position(|&value| !exact(value))
        {
            return Err((at, out[at]));
        }
        if scale != Scale::NONE {
            out.iter_mut().for_each(|value| *value = *value * scale.slope + scale.intercept);
            if self.source(scale) == Source::Whole
                && let Some(at) = out.iter().position(|&value| !exact(value))
            {
                return Err((at, out[at]));
            }
        }
        Ok(())
    }

    /// True when every sample is a whole number of 16 bits as it is.
    pub(super) fn is_narrow(self, scale: Scale) -> bool {
        matches!(self.number, Number::I8 | Number::U8 | Number::I16) && scale == Scale::NONE
    }

    /// The samples of a narrow layout, converted by many threads.
    pub(super) fn all(self, bytes: &[u8], ctx: &Ctx) -> Result<Vec<i16>, Cancelled> {
        let size = self.size();
        let mut samples = vec![0; bytes.len() / size];
        samples.par_chunks_mut(CHUNK).zip(bytes.par_chunks(CHUNK * size)).try_for_each(|(to, from)| {
            ctx.check()?;
            let pairs = from.as_chunks::<2>().0.iter();
            match (self.number, self.order) {
                (Number::U8, _) => to.iter_mut().zip(from).for_each(|(to, &b)| *to = i16::from(b)),
                (Number::I8, _) => to.iter_mut().zip(from).for_each(|(to, &b)| *to = i16::from(b as i8)),
                (_, Order::Little) => {
                    to.iter_mut().zip(pairs).for_each(|(to, &b)| *to = i16::from_le_bytes(b));
                }
                (_, Order::Big) => to.iter_mut().zip(pairs).for_each(|(to, &b)| *to = i16::from_be_bytes(b)),
            }
            Ok(())
        })?;
        Ok(samples)
    }
}
