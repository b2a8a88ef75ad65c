//! Finds the files of an import again, by their content.

use crate::file;
use osteon_core::{Cancelled, Ctx};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Largest file looked at, in bytes: an enhanced series of 4 GB.
const LARGEST: u64 = 4 << 30;

/// Most entries of folders looked at; a scan folder has thousands.
const MOST: usize = 200_000;

/// The files below a folder (or the file itself) whose SHA-256, in hexadecimal, is one of `wanted`; with their hash, in
/// the order of their paths. Links are not followed. What cannot be read is not found.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn originals(
    folder: &Path,
    wanted: &[&str],
    ctx: &Ctx,
) -> Result<BTreeMap<PathBuf, (String, Vec<u8>)>, Cancelled> {
    let mut found = BTreeMap::new();
    let mut rest = vec![folder.to_path_buf()];
    let mut seen = 0;
    while let Some(path) = rest.pop() {
        ctx.check()?;
        seen += 1;
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        if about.is_dir() && seen < MOST {
            rest.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if about.is_file()
            && let Ok(bytes) = file::read(&path, LARGEST)
        {
            let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            if wanted.contains(&hash.as_str()) {
                found.insert(path, (hash, bytes));
            }
        }
        ctx.done((found.len() as f64 / wanted.len().max(1) as f64).min(1.0))?;
    }
    Ok(found)
}
