//! Who may know whom: `layers.toml` held against `cargo metadata`.

use super::Broken;
use crate::command;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What one crate may know and touch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Room {
    /// The layer it belongs to, for readers of the table.
    #[serde(rename = "layer")]
    _layer: String,
    may_use: Vec<String>,
    /// Parts of the outside world its sources may name.
    pub may_touch: Vec<String>,
}

/// Crate name to what it may know and touch.
pub type Table = BTreeMap<String, Room>;

/// Crate name to the workspace crates it uses: (normal, development).
pub type Uses = BTreeMap<String, (Vec<String>, Vec<String>)>;

/// Reads the table.
pub fn table(root: &Path) -> Result<Table, String> {
    let path = root.join("crates/xtask/layers.toml");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Asks cargo who uses whom.
pub fn metadata(root: &Path) -> Result<Uses, String> {
    let mut ask = command("cargo", &["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let output = ask.current_dir(root).output().map_err(|e| format!("cargo metadata: {e}"))?;
    let value: Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = value["packages"].as_array().cloned().unwrap_or_default();
    let ours: Vec<String> = packages.iter().map(|package| text(&package["name"])).collect();
    let mut uses = Uses::new();
    for package in &packages {
        let mut pair = (Vec::new(), Vec::new());
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let name = text(&dependency["name"]);
            if ours.contains(&name) {
                if dependency["kind"] == "dev" { pair.1.push(name) } else { pair.0.push(name) }
            }
        }
        uses.insert(text(&package["name"]), pair);
    }
    Ok(uses)
}

/// Every use that the table does not allow.
pub fn check(table: &Table, uses: &Uses) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (name, (normal, dev)) in uses {
        let Some(room) = table.get(name) else {
            broken.push(format!("{name} is not in layers.toml"));
            continue;
        };
        let strangers = normal.iter().filter(|used| !room.may_use.contains(used));
        broken.extend(strangers.map(|used| format!("{name} must not know {used}")));
        let known = |used: &&String| room.may_use.contains(used) || *used == "osteon-phantom";
        let strangers = dev.iter().filter(|used| !known(used));
        broken.extend(strangers.map(|used| format!("{name}'s tests must not know {used}")));
    }
    let gone = table.keys().filter(|name| !uses.contains_key(*name));
    broken.extend(gone.map(|name| format!("layers.toml names {name}, which does not exist")));
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_looks_up_is_found() {
        let table: Table = toml::from_str(
            "[a]\nlayer = \"x\"\nmay-use = []\nmay-touch = []\n[b]\nlayer = \"x\"\nmay-use = [\"a\"]\nmay-touch = []\n",
        )
        .unwrap();
        let uses = |a: &[&str], b: &[&str]| {
            let list = |names: &[&str]| (names.iter().map(|n| (*n).to_owned()).collect(), Vec::new());
            Uses::from([("a".to_owned(), list(a)), ("b".to_owned(), list(b))])
        };
        assert!(check(&table, &uses(&[], &["a"])).is_empty());
        assert_eq!(check(&table, &uses(&["b"], &["a"])), ["a must not know b"]);
        assert_eq!(check(&table, &Uses::from([("c".to_owned(), (vec![], vec![]))])).len(), 3);
    }
}
