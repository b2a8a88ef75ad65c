//! The manual's page of commands, made from the same schemas as everything else.

use crate::registry::Registry;
use crate::schema::{self, CHOICES, Kind, Setting};
use serde_json::Value;
use std::fmt::Write;

/// All commands with their settings, as Markdown.
pub fn commands(registry: &Registry) -> String {
    let mut page = String::from("# Commands\n\n");
    page.push_str("Made from the commands themselves by `cargo xtask generate`; do not edit.\n\n");
    page.push_str("Every command takes `--case <dir>` (default: this folder), `--threads <n>`, `--json` and `--quiet`.\n");
    for command in &registry.commands {
        section(&mut page, &format!("osteon {}", command.name), &command.schema);
        for (name, choice) in command.schema[CHOICES].as_object().into_iter().flatten() {
            section(&mut page, &format!("osteon {} {name}", command.name), choice);
        }
    }
    page
}

fn section(page: &mut String, title: &str, schema: &Value) {
    let (summary, details) = schema::about(schema);
    let _ = write!(page, "\n## {title}\n\n{summary}.\n");
    if !details.is_empty() {
        let _ = write!(page, "\n{details}\n");
    }
    let settings = schema::settings(schema);
    if settings.is_empty() {
        return;
    }
    page.push_str("\n| setting | what it does | values |\n|---|---|---|\n");
    for setting in &settings {
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            typed(setting),
            setting.about.replace('|', "\\|"),
            values(setting)
        );
    }
}

fn typed(setting: &Setting) -> String {
    match setting.position {
        Some(_) => format!("`<{}>`", setting.flag()),
        None => format!("`--{}`", setting.flag()),
    }
}

fn values(setting: &Setting) -> String {
    let mut text = match &setting.kind {
        Kind::Number(Some(unit)) => format!("number in {unit}"),
        Kind::Number(None) => "number".to_owned(),
        Kind::Integer => "whole number".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::List(_) => "list, separated by commas".to_owned(),
    };
    if let Some(range) = setting.range() {
        let _ = write!(text, ", {range}");
    }
    if let Some(default) = &setting.default {
        let shown = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let _ = write!(text, "; default {shown}");
    }
    if setting.required {
        text.push_str("; must be given");
    }
    text
}
