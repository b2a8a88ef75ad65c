//! What one import may cost: bytes, elements, voxels, seconds.
//!
//! Real data stay far below the limits; a file made to exhaust the machine reaches them before it does.
//! What a number in a file asks for is charged before anything is allocated for it.

use osteon_core::{ErrorKind, Explain};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The limits of one import.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Largest file that is opened, bytes.
    pub file_bytes: u64,
    /// Bytes read from all files together, unpacked.
    pub total_bytes: u64,
    /// Bytes before the pixels of one file, unpacked.
    pub header_bytes: u64,
    /// Files and folders looked at.
    pub files: u64,
    /// Folders within folders.
    pub folder_depth: usize,
    /// Voxels of a volume, and pixels of a file.
    pub voxels: u64,
    /// How many times its packed size something may have when it is unpacked…
    pub inflation: u64,
    /// …once it is larger than this many bytes.
    pub inflation_from: u64,
    /// Elements of all headers together.
    pub items: u64,
    /// Seconds the import may take, and…
    pub seconds: u64,
    /// …one more for so many bytes read.
    pub bytes_per_second: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // The largest enhanced multi-frame CT in use have 2000 frames of 512 × 512: 1 GB.
            file_bytes: 4 << 30,
            // Ten whole-body studies of 6 GB.
            total_bytes: 64 << 30,
            // Headers of enhanced images take about 1 KB for each frame; 65 535 frames fit.
            header_bytes: 64 << 20,
            files: 1_000_000,
            folder_depth: 32,
            // 4 GB of 16-bit samples, seven times a whole-body CT.
            voxels: 1 << 31,
            // Images deflate 2 to 10 times; empty ones up to 1030 times, which is why small ones may.
            inflation: 200,
            inflation_from: 64 << 20,
            // A header has 100 to 500 elements; a thousand series of a thousand slices fit.
            items: 500_000_000,
            // A slow network drive gives 2 MB a second.
            seconds: 20,
            bytes_per_second: 1 << 20,
        }
    }
}

/// An import asked for more than it may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {asked} asked for, and the limit is {limit}")]
pub struct Exceeded {
    /// What there would be too much of, with its unit.
    pub what: &'static str,
    /// How much.
    pub asked: u64,
    /// How much is allowed.
    pub limit: u64,
}

impl Exceeded {
    /// True when one file asked for too much, and others may still be read.
    pub(crate) fn is_of_one_file(&self) -> bool {
        [FILE, UNPACKED, HEADER].contains(&self.what)
    }
}

/// What one file may ask too much of.
pub(crate) const FILE: &str = "bytes of a file";
pub(crate) const UNPACKED: &str = "bytes of something packed";
pub(crate) const HEADER: &str = "bytes before the pixels";

impl Explain for Exceeded {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unsupported
    }

    fn code(&self) -> &'static str {
        "budget-exceeded"
    }

    fn help(&self) -> String {
        "give only the folder of the wanted scan, or export a smaller field of view or fewer slices; if the \
         files came from someone you do not know, do not trust them"
            .to_owned()
    }
}

/// Tells how long the import has been running.
pub type Elapsed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What one import may still cost; clones share the account.
#[derive(Clone)]
pub struct Budget(Arc<Account>);

struct Account {
    limits: Limits,
    elapsed: Option<Elapsed>,
    bytes: AtomicU64,
    items: AtomicU64,
    files: AtomicU64,
}

impl Default for Budget {
    /// The default limits, without a clock.
    fn default() -> Self {
        Self::new(Limits::default(), None)
    }
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Budget").field(&self.0.limits).finish()
    }
}

/// A file costs as much time as this many bytes: opening one on a network drive takes about 60 ms.
const FILE_TAKES: u64 = 64 << 10;

impl Budget {
    /// A fresh account; without a clock there is no limit on time.
    pub fn new(limits: Limits, elapsed: Option<Elapsed>) -> Self {
        let zero = || AtomicU64::new(0);
        Self(Arc::new(Account { limits, elapsed, bytes: zero(), items: zero(), files: zero() }))
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Charges bytes that are read or unpacked.
    ///
    /// # Errors
    /// [`Exceeded`], as from everything below.
    pub fn spend_bytes(&self, count: u64) -> Result<(), Exceeded> {
        spend(&self.0.bytes, count, "bytes of all files together", self.0.limits.total_bytes)
    }

    /// Charges elements of a header.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn spend_items(&self, count: u64) -> Result<(), Exceeded> {
        spend(&self.0.items, count, "elements of all headers together", self.0.limits.items)
    }

    /// Charges files or folders.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn spend_files(&self, count: u64) -> Result<(), Exceeded> {
        spend(&self.0.files, count, "files and folders", self.0.limits.files)
    }

    /// Checks the number of voxels of a volume, or of pixels of a file.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn voxels(&self, count: u128) -> Result<(), Exceeded> {
        let limit = self.0.limits.voxels;
        match u64::try_from(count) {
            Ok(count) if count <= limit => Ok(()),
            _ => Err(Exceeded { what: "voxels", asked: u64::try_from(count).unwrap_or(u64::MAX), limit }),
        }
    }

    /// Checks that `packed` bytes may become `plain` ones.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn inflation(&self, packed: u64, plain: u64) -> Result<(), Exceeded> {
        let limit = self.unpacked(packed);
        if plain > limit {
            return Err(Exceeded { what: UNPACKED, asked: plain, limit });
        }
        Ok(())
    }

    /// How many bytes may come out of `packed` ones.
    pub fn unpacked(&self, packed: u64) -> u64 {
        let limits = &self.0.limits;
        packed.saturating_mul(limits.inflation).max(limits.inflation_from).min(limits.file_bytes)
    }

    /// Checks the time, which grows with the bytes and files charged.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn time(&self) -> Result<(), Exceeded> {
        let Some(elapsed) = &self.0.elapsed else {
            return Ok(());
        };
        let files = self.0.files.load(Ordering::Relaxed).saturating_mul(FILE_TAKES);
        let work = self.0.bytes.load(Ordering::Relaxed).saturating_add(files);
        let limit = self.0.limits.seconds + work / self.0.limits.bytes_per_second.max(1);
        let asked = elapsed().as_secs();
        if asked > limit {
            return Err(Exceeded { what: "seconds for what was read so far", asked, limit });
        }
        Ok(())
    }
}

fn spend(account: &AtomicU64, count: u64, what: &'static str, limit: u64) -> Result<(), Exceeded> {
    // The account stops at the limit, so that it cannot wrap.
    let add = |spent: u64| spent.checked_add(count).filter(|&sum| sum <= limit);
    match account.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
        Ok(_) => Ok(()),
        Err(spent) => Err(Exceeded { what, asked: spent.saturating_add(count), limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_account_that_ends_at_its_limit() {
        let budget = Budget::new(Limits { total_bytes: 10, ..Limits::default() }, None);
        budget.clone().spend_bytes(7).unwrap();
        budget.spend_bytes(3).unwrap();
        let Err(refused) = budget.spend_bytes(u64::MAX) else { panic!("accepted") };
        assert_eq!((refused.asked, refused.limit), (u64::MAX, 10));
        assert!(budget.spend_bytes(1).is_err() && budget.spend_items(1).is_ok());
    }

    #[test]
    fn time_grows_with_what_was_read_and_is_not_asked_without_a_clock() {
        let limits = Limits { seconds: 5, bytes_per_second: 100, ..Limits::default() };
        let budget = Budget::new(limits, Some(Arc::new(|| Duration::from_secs(7))));
        assert!(budget.time().unwrap_err().to_string().contains("7 asked for, and the limit is 5"));
        budget.spend_bytes(200).unwrap();
        assert_eq!(budget.time(), Ok(()));
        assert_eq!(Budget::default().time(), Ok(()));
    }

    #[test]
    fn small_things_may_unpack_freely_and_large_ones_by_their_ratio() {
        let budget = Budget::default();
        assert!(budget.inflation(1_000, 1_030_000).is_ok());
        assert!(budget.inflation(1_000_000, 150_000_000).is_ok());
        assert!(budget.inflation(1_000_000, 1_030_000_000).is_err());
        assert!(budget.voxels(1 << 31).is_ok() && budget.voxels(u128::MAX).is_err());
    }
}
