//! Printers as their makers set them: the profiles that are installed with the slicing programs.
//!
//! Nothing is copied into this suite: bundles of PrusaSlicer and definitions of Cura are read where they are
//! installed, when they are asked for. Their inheritance is worked out here, because the programs' command lines do
//! not do it, and what our checks need is taken out of the result or asked for by the name of the missing setting.
//!
//! [`prusa`] – a bundle is an ini file of sections; [`cura`] – a definition is a JSON file that inherits others.

mod condition;
pub mod cura;
pub mod prusa;

use crate::error::PrintError;
use std::path::{Path, PathBuf};

/// Deepest chain of profiles that inherit each other. Chosen: three times the deepest installed one.
const DEEPEST: usize = 32;

/// Largest file of profiles that is read, bytes. Chosen: forty times the largest bundle.
const LARGEST: u64 = 16 << 20;

/// Reads a text file of profiles.
fn read(path: &Path) -> Result<String, PrintError> {
    let file = |source| PrintError::File { doing: "read", path: path.display().to_string(), source };
    let size = std::fs::metadata(path).map_err(file)?.len();
    if size > LARGEST {
        let what = format!("{} is larger than {} MB", path.display(), LARGEST >> 20);
        return Err(PrintError::Profile { what });
    }
    let bytes = std::fs::read(path).map_err(file)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The files of a folder with this end, in the order of their names; none if it cannot be read.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    found.sort();
    found
}

/// A maker's name as the name of a printer: lower case letters, digits and hyphens.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            plain.push(c);
        } else if !plain.ends_with('-') && !plain.is_empty() {
            plain.push('-');
        }
    }
    plain.truncate(64);
    let plain = plain.trim_end_matches('-');
    if plain.is_empty() { "unnamed".to_owned() } else { plain.to_owned() }
}

/// Of these names the few that are most like a wanted one: that hold it, or most of its words.
fn near<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let score = |name: &str| {
        let name = name.to_lowercase();
        let shared = words.iter().filter(|word| name.contains(*word)).count();
        if !wanted.is_empty() && name.contains(&wanted) { words.len() + 1 } else { shared }
    };
    let mut scored: Vec<(usize, &str)> =
        names.map(|name| (score(name), name)).filter(|(s, _)| *s > 0).collect();
    scored.sort_by_key(|&(score, name)| (std::cmp::Reverse(score), name.len()));
    scored.into_iter().take(NEAR).map(|(_, name)| name.to_owned()).collect()
}

/// How many names are offered for one that is not there. Chosen: what a person reads.
const NEAR: usize = 8;
