//! The house rules that no compiler checks; run by `cargo test` as well.
//!
//! - [`layers`] – who may know whom, against `cargo metadata`
//! - [`sources`] – file and function length, file heads, banned calls and words
//! - [`constants`] – clinical and physical numbers tell where they come from

mod constants;
mod layers;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// One broken rule: where and what.
pub type Broken = String;

/// Checks every rule; the trouble lists all that is broken.
pub fn run(root: &Path) -> Result<(), String> {
    let sources = rust_files(&root.join("crates"))?;
    let table = layers::table(root)?;
    let mut broken = layers::check(&table, &layers::metadata(root)?);
    let keys = constants::keys(root)?;
    for path in &sources {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let shown = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        broken.extend(sources::check(&shown, &text, &table));
        broken.extend(constants::check(&shown, &text, &keys));
    }
    if broken.is_empty() {
        return Ok(());
    }
    broken.sort();
    Err(format!("{} rules are broken:\n  {}", broken.len(), broken.join("\n  ")))
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_is_tidy() {
        super::run(&crate::root()).unwrap_or_else(|broken| panic!("{broken}"));
    }
}
