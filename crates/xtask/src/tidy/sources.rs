//! Length of files and functions, file heads, and calls a room must not make.

use super::Broken;
use super::layers::Table;

/// Lines a file may have, tests included.
const FILE_LINES: usize = 700;
/// Lines a function may have; clippy holds the same bound for its body.
const FUNCTION_LINES: usize = 120;

/// A text that touches a part of the outside world, and which part.
const TOUCHES: [(&str, &str); 12] = [
    ("std::fs", "files"),
    ("File::open", "files"),
    ("std::process::Command", "processes"),
    ("process::Command", "processes"),
    ("SystemTime", "clock"),
    ("Instant::now", "clock"),
    ("Timestamp::now", "clock"),
    ("std::env::", "environment"),
    ("rayon", "threads"),
    ("thread::", "threads"),
    ("println!", "terminal"),
    ("std::net", "network"),
];

/// Words that must not stand anywhere in a source.
const WORDS: [&str; 6] = ["TODO", "FIXME", "XXX", "HACK", "#[ignore]", "dbg!("];

/// Everything in one source file that breaks a rule.
pub fn check(path: &str, text: &str, table: &Table) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut say = |line: usize, what: String| broken.push(format!("{path}:{}: {what}", line + 1));
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_LINES {
        say(lines.len() - 1, format!("{} lines, at most {FILE_LINES}; split it by noun", lines.len()));
    }
    if !lines.first().is_some_and(|line| line.starts_with("//!")) {
        say(0, "the file does not say what it is (//!)".to_owned());
    }
    for (start, length) in functions(&lines) {
        if length > FUNCTION_LINES {
            say(start, format!("a function of {length} lines, at most {FUNCTION_LINES}"));
        }
    }
    let this_file = path.ends_with("tidy/sources.rs");
    for (n, line) in lines.iter().enumerate() {
        if line.ends_with([' ', '\t']) {
            say(n, "white space at the end".to_owned());
        }
        for word in WORDS.iter().filter(|word| !this_file && line.contains(**word)) {
            say(n, format!("\"{word}\" is for notes that are done before they are committed"));
        }
    }
    for (n, part) in touched(&lines) {
        let room = crate_of(path).and_then(|name| table.get(name));
        if !this_file && room.is_some_and(|room| !room.may_touch.iter().any(|may| may == part)) {
            say(n, format!("this room must not touch {part}"));
        }
    }
    broken
}

/// The package a source belongs to, by its folder; `None` for tests, which may touch what they like.
fn crate_of(path: &str) -> Option<&'static str> {
    let (folder, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    let stem = rest.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let test = stem == "tests" || stem.ends_with("_tests") || stem.starts_with("test_");
    if !rest.starts_with("src/") || test {
        return None;
    }
    let names = [
        ("core", "osteon-core"),
        ("image", "osteon-image"),
        ("mesh", "osteon-mesh"),
        ("io", "osteon-io"),
        ("phantom", "osteon-phantom"),
        ("plan", "osteon-plan"),
        ("procedures", "osteon-procedures"),
        ("design", "osteon-design"),
        ("print", "osteon-print"),
        ("view", "osteon-view"),
        ("report", "osteon-report"),
        ("case", "osteon-case"),
        ("osteon", "osteon"),
        ("cli", "osteon-cli"),
        ("xtask", "xtask"),
    ];
    names.iter().find(|(name, _)| *name == folder).map(|(_, package)| *package)
}

/// Lines before the file's tests that touch the outside world, and which part of it.
fn touched<'a>(lines: &[&'a str]) -> Vec<(usize, &'static str)> {
    let end = lines.iter().position(|line: &&'a str| line.starts_with("#[cfg(test)]")).unwrap_or(lines.len());
    let mut found = Vec::new();
    for (n, line) in lines[..end].iter().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let first = TOUCHES.iter().find(|(call, _)| code.contains(call));
        found.extend(first.map(|(_, part)| (n, *part)));
    }
    found
}

/// First line and number of lines of every function of formatted source.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "];
        let bare = words.iter().fold(code, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
        if !bare.starts_with("fn ") {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[n..].iter().position(|line| *line == closing);
        found.extend(end.map(|end| (n, end + 1)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        toml::from_str("[osteon-mesh]\nlayer = \"verbs\"\nmay-use = []\nmay-touch = [\"threads\"]\n").unwrap()
    }

    fn broken(text: &str) -> Vec<Broken> {
        check("crates/mesh/src/x.rs", text, &table())
    }

    #[test]
    fn a_tidy_file_breaks_nothing() {
        assert!(broken("//! A file.\n\nuse rayon::prelude::*;\n\nfn f() {\n    g();\n}\n").is_empty());
    }

    #[test]
    fn each_kind_of_mess_is_found() {
        assert_eq!(broken("fn f() {}\n").len(), 1, "no head");
        assert_eq!(broken("//! A.\nlet x = 1; \n").len(), 1, "white space");
        assert_eq!(broken("//! A.\n// TODO later\n").len(), 1, "a note");
        assert_eq!(broken("//! A.\nuse std::fs;\n").len(), 1, "files");
        assert_eq!(broken("//! A.\nprintln!();\n").len(), 1, "terminal");
        assert!(broken("//! A.\n#[cfg(test)]\nmod tests {\nuse std::fs;\n}\n").is_empty(), "tests may");
        let long = format!("//! A.\nfn f() {{\n{}}}\n", "    g();\n".repeat(FUNCTION_LINES));
        assert_eq!(broken(&long).len(), 1, "a long function");
        let long = format!("//! A.\n{}", "const A: u8 = 1;\n".repeat(FILE_LINES));
        assert_eq!(broken(&long).len(), 1, "a long file");
    }
}
