//! A clinical or physical number tells where it comes from.
//!
//! In the rooms that decide about patients, the doc comment of every number constant must name a source
//! (`[key]` of `references.toml`) or say that the number was chosen and why (`Chosen`). In the rooms that
//! make matter and measure edges it must at least be explained.

use super::Broken;
use std::fs;
use std::path::Path;

/// Folders whose number constants must tell their source.
const DECIDING: [&str; 3] = ["crates/plan/src/", "crates/procedures/src/", "crates/osteon/src/"];

/// Folders whose number constants must be explained.
const MAKING: [&str; 4] =
    ["crates/design/src/", "crates/print/src/", "crates/image/src/", "crates/mesh/src/"];

/// Letters that a comment needs to say what a number is and why it is what it is.
const EXPLAINED: usize = 40;

/// Types of constants that are numbers with a unit.
const TYPES: [&str; 5] = ["f64", "Mm", "Deg", "Hu", "Percent"];

/// The keys of `references.toml`.
pub fn keys(root: &Path) -> Result<Vec<String>, String> {
    let path = root.join("references.toml");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let table: toml::Table = text.parse().map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(table.keys().cloned().collect())
}

/// Every number constant of a file that does not tell its source.
pub fn check(path: &str, text: &str, keys: &[String]) -> Vec<Broken> {
    let deciding = DECIDING.iter().any(|room| path.starts_with(room));
    let making = MAKING.iter().any(|room| path.starts_with(room));
    if !deciding && !making {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(lines.len());
    let mut broken = Vec::new();
    for (n, line) in lines[..end].iter().enumerate() {
        let Some(name) = constant(line) else { continue };
        let above = lines[..n].iter().rev().take_while(|line| line.trim_start().starts_with("///"));
        let docs: String = above.copied().collect();
        let cited = keys.iter().any(|key| docs.contains(&format!("[{key}]")));
        if deciding && !cited && !docs.contains("Chosen") {
            broken
                .push(format!("{path}:{}: {name} neither cites a source nor says why it was chosen", n + 1));
        }
        if making && docs.len() < EXPLAINED {
            broken.push(format!("{path}:{}: {name} is not explained", n + 1));
        }
    }
    broken
}

/// The name of the number constant that a line declares.
fn constant(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let code = code.strip_prefix("pub ").or_else(|| code.strip_prefix("pub(crate) ")).unwrap_or(code);
    let (name, rest) = code.strip_prefix("const ")?.split_once(':')?;
    let kind = rest.trim_start();
    TYPES
        .iter()
        .any(|t| kind.strip_prefix(t).is_some_and(|rest| rest.starts_with([' ', '='])))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncited_number_is_found_and_a_cited_or_chosen_one_is_not() {
        let keys = ["smith-2020".to_owned()];
        let bare = "const LIMIT: Mm = Mm(2.0);\n";
        assert_eq!(check("crates/plan/src/grade.rs", bare, &keys).len(), 1);
        assert_eq!(check("crates/mesh/src/x.rs", bare, &keys).len(), 1);
        assert!(check("crates/view/src/x.rs", bare, &keys).is_empty());
        let cited = format!("/// Widest breach [smith-2020].\n{bare}");
        assert!(check("crates/plan/src/grade.rs", &cited, &keys).is_empty());
        let chosen = format!("/// Chosen: twice the nozzle.\n{bare}");
        assert!(check("crates/plan/src/grade.rs", &chosen, &keys).is_empty());
        let unknown = format!("/// Widest breach [jones-1999].\n{bare}");
        assert_eq!(check("crates/plan/src/grade.rs", &unknown, &keys).len(), 1);
    }
}
