//! The files made from the commands' schemas are what the commands say today.

use osteon::Registry;
use std::path::Path;

/// Compares a generated file with what it should be; rewrites it under `OSTEON_GENERATE`.
#[allow(
    clippy::disallowed_methods,
    reason = "a test may ask its environment and write the files it is about"
)]
fn current(path: &str, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var("OSTEON_GENERATE").is_ok() {
        assert!(std::fs::write(&file, wanted).is_ok(), "{path} cannot be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "{path} is not current: run `cargo xtask generate`");
}

#[test]
fn the_manual_is_current() {
    current("docs/commands.md", &osteon::manual::commands(&Registry::standard()));
}

#[test]
fn the_schema_is_current() {
    let schema = serde_json::to_string_pretty(&Registry::standard().schema()).unwrap() + "\n";
    current("docs/schema.json", &schema);
}
