//! Progress, cancellation and seed of a running job: the last parameter of everything that takes time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that stops a job; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the job to stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once the job was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The job was asked to stop and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped on request")]
pub struct Cancelled;

impl crate::error::Explain for Cancelled {
    fn kind(&self) -> crate::error::ErrorKind {
        crate::error::ErrorKind::Cancelled
    }
    fn code(&self) -> &'static str {
        "cancelled"
    }
    fn help(&self) -> String {
        "nothing was changed; run the command again to start over".to_owned()
    }
}

/// Where progress is shown.
pub trait Progress: Send + Sync {
    /// The job is doing `part`, and `fraction` (0 to 1) of the whole job is done.
    fn report(&self, part: &str, fraction: f64);
}

struct Silent;

impl Progress for Silent {
    fn report(&self, _: &str, _: f64) {}
}

/// Progress, cancellation and seed of a running job.
///
/// A job hands ranges of its progress to its parts; a kernel reports 0 to 1 within its own range and
/// asks often enough (every few milliseconds of work) whether it should stop.
#[derive(Clone)]
pub struct Ctx {
    progress: Arc<dyn Progress>,
    cancel: Cancel,
    seed: u64,
    part: Arc<str>,
    from: f64,
    to: f64,
}

impl Default for Ctx {
    /// Reports to nobody, is never stopped, seed 0.
    fn default() -> Self {
        Self::new(Arc::new(Silent), Cancel::default(), 0)
    }
}

impl std::fmt::Debug for Ctx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ctx")
            .field("part", &self.part)
            .field("from", &self.from)
            .field("to", &self.to)
            .finish()
    }
}

impl Ctx {
    /// The context of a whole job.
    pub fn new(progress: Arc<dyn Progress>, cancel: Cancel, seed: u64) -> Self {
        Self { progress, cancel, seed, part: "".into(), from: 0.0, to: 1.0 }
    }

    /// The context of a named part that takes up `from..to` of this one's range.
    pub fn part(&self, name: &str, from: f64, to: f64) -> Self {
        let span = self.to - self.from;
        let part = Self {
            part: name.into(),
            from: self.from + from * span,
            to: self.from + to * span,
            ..self.clone()
        };
        part.progress.report(&part.part, part.from);
        part
    }

    /// Reports that `fraction` (0 to 1) of this part is done; stops if asked to.
    pub fn done(&self, fraction: f64) -> Result<(), Cancelled> {
        self.check()?;
        let fraction = fraction.clamp(0.0, 1.0);
        self.progress.report(&self.part, self.from + fraction * (self.to - self.from));
        Ok(())
    }

    /// Stops if asked to.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.is_stopped() { Err(Cancelled) } else { Ok(()) }
    }

    /// The switch that stops this job.
    pub const fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The job's random numbers for one named purpose: the same seed and purpose give the same numbers.
    pub fn random(&self, purpose: &str) -> Random {
        // FNV-1a over the purpose, so that two purposes do not share a stream.
        let hash = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Random(self.seed ^ hash)
    }
}

/// A stream of random numbers (SplitMix64): the same on every platform.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream with its seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number, uniform in 0..1.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The next number of the standard normal distribution (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(2.0 * std::f64::consts::PI * self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(String, f64)>>);

    impl Progress for Heard {
        fn report(&self, part: &str, fraction: f64) {
            self.0.lock().unwrap().push((part.to_owned(), fraction));
        }
    }

    #[test]
    fn a_part_reports_within_its_range_of_the_whole() {
        let heard = Arc::new(Heard::default());
        let job = Ctx::new(heard.clone(), Cancel::default(), 0);
        let part = job.part("threshold", 0.5, 0.9).part("rows", 0.0, 0.5);
        part.done(1.0).unwrap();
        let heard = heard.0.lock().unwrap();
        assert_eq!(heard.iter().map(|h| h.0.as_str()).collect::<Vec<_>>(), ["threshold", "rows", "rows"]);
        assert!((heard[2].1 - 0.7).abs() < 1e-12);
    }

    #[test]
    fn a_stopped_job_says_so_at_the_next_question() {
        let ctx = Ctx::default();
        ctx.done(0.1).unwrap();
        ctx.cancel().clone().stop();
        assert_eq!(ctx.part("x", 0.0, 1.0).done(0.2), Err(Cancelled));
    }

    #[test]
    fn random_numbers_repeat_for_a_purpose_and_differ_between_purposes() {
        let ctx = Ctx::default();
        assert_eq!(ctx.random("noise").bits(), ctx.random("noise").bits());
        assert_ne!(ctx.random("noise").bits(), ctx.random("starts").bits());
        let mut random = ctx.random("noise");
        let n = 20_000;
        let sum: f64 = (0..n).map(|_| random.normal()).sum();
        // The mean of n standard normals has σ = 1/√n; five of those.
        assert!((sum / f64::from(n)).abs() < 5.0 / f64::from(n).sqrt());
    }
}
