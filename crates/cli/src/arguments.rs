//! From schema to command line and back: nothing here knows any command by name.

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use osteon::registry::{Effect, Registry};
use osteon::schema::{self, CHOICES, Kind, Setting};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// What was asked for on the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Name of the command.
    pub command: String,
    /// Its settings.
    pub settings: Map<String, Value>,
    /// The case directory.
    pub case: PathBuf,
    /// Number of threads, if not all.
    pub threads: Option<usize>,
    /// How to answer.
    pub answer: Answer,
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Text with progress.
    Text,
    /// Text without progress.
    Quiet,
    /// One JSON object.
    Json,
}

/// Place of the setting that a choice's name stands for.
const CHOICE: u64 = 0;

/// The settings every command takes; they stand beside the command's own.
const SHARED: [&str; 4] = ["case", "threads", "json", "quiet"];

/// The command line of everything in the registry.
pub fn parser(registry: &Registry) -> clap::Command {
    let mut root = clap::Command::new("osteon")
        .version(osteon::VERSION_AND_NOTICE)
        .about("Orthopaedic 3D printing and preoperative planning: plan first, cut once")
        .after_help(osteon::NOTICE)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(110)
        .args(shared());
    for entry in &registry.commands {
        let mut command = subcommand(entry.name, &entry.schema);
        let choices: Vec<_> = entry.schema[CHOICES].as_object().into_iter().flatten().collect();
        if !choices.is_empty() {
            command = command.subcommand_required(true).arg_required_else_help(true);
        }
        for (name, choice) in choices {
            command = command.subcommand(subcommand(name, choice));
        }
        let places_free = schema::settings(&entry.schema).iter().all(|setting| setting.position.is_none());
        if places_free && entry.effect != Effect::Composes && entry.schema[CHOICES].is_null() {
            let case = Arg::new("here").value_name("CASE").help("Case directory, as with --case");
            command = command.arg(case.value_parser(value_parser!(PathBuf)));
        }
        root = root.subcommand(command);
    }
    root
}

fn shared() -> [Arg; 4] {
    let path = Arg::new("case").long("case").value_name("DIR").value_parser(value_parser!(PathBuf));
    let threads =
        Arg::new("threads").long("threads").value_name("N").value_parser(value_parser!(u16).range(1..=1024));
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    [
        path.help("Case directory [default: this folder]"),
        threads.help("Number of threads; results do not depend on it"),
        flag("json").help("Answer with one JSON object"),
        flag("quiet").help("Show no progress"),
    ]
    .map(|arg| arg.global(true))
}

fn subcommand(name: &str, schema: &Value) -> clap::Command {
    let (summary, details) = schema::about(schema);
    let mut command = clap::Command::new(name.to_owned()).about(summary.clone());
    if !details.is_empty() {
        command = command.long_about(format!("{summary}\n\n{details}"));
    }
    let own = |s: &&Setting| !SHARED.contains(&s.name.as_str()) && s.position != Some(CHOICE);
    for setting in schema::settings(schema).iter().filter(own) {
        command = command.arg(argument(setting));
    }
    command
}

fn argument(setting: &Setting) -> Arg {
    let mut help = setting.about.clone();
    if let Some(range) = setting.range() {
        help.push_str(&format!(" ({range})"));
    }
    if let Some(default) = &setting.default {
        let shown = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        help.push_str(&format!(" [default: {shown}]"));
    }
    let mut arg = Arg::new(setting.name.clone()).help(help).required(setting.required);
    arg = match setting.position {
        Some(place) => arg.index(place as usize).value_name(setting.flag().to_uppercase()),
        // A negative number is a value here (a threshold of -200 HU), not a flag.
        None => arg
            .long(setting.flag())
            .allow_hyphen_values(matches!(setting.kind, Kind::Number(_) | Kind::Integer)),
    };
    match &setting.kind {
        Kind::Word(words) => arg.value_parser(clap::builder::PossibleValuesParser::new(words)),
        Kind::List(_) if setting.whole => arg.action(ArgAction::Append).value_name("KEY=VALUE"),
        Kind::List(_) => arg.action(ArgAction::Append).value_delimiter(','),
        Kind::Text => arg.value_parser(clap::builder::NonEmptyStringValueParser::new()),
        Kind::Number(unit) if setting.position.is_none() => {
            arg.value_name(unit.clone().unwrap_or_else(|| "X".to_owned()))
        }
        _ => arg,
    }
}

/// How to answer when the words cannot be understood: a program that asked for JSON gets JSON.
pub fn answer(words: &[std::ffi::OsString]) -> Answer {
    if words.iter().any(|word| word == "--json") { Answer::Json } else { Answer::Text }
}

/// Reads what was typed; the error is clap's own, ready to be shown.
pub fn read(
    registry: &Registry,
    words: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<Asked, clap::Error> {
    let mut parser = parser(registry);
    let matches = parser.try_get_matches_from_mut(words)?;
    let complain =
        |parser: &mut clap::Command, text: String| parser.error(clap::error::ErrorKind::InvalidValue, text);
    let Some((name, found)) = matches.subcommand() else {
        return Err(complain(&mut parser, "no command was given".to_owned()));
    };
    let Some(entry) = registry.commands.iter().find(|entry| entry.name == name) else {
        return Err(complain(&mut parser, format!("there is no command {name}")));
    };
    let mut settings = Map::new();
    let (schema, found) = match found.subcommand() {
        Some((choice, inner)) => {
            let field = schema::settings(&entry.schema).into_iter().find(|s| s.position == Some(CHOICE));
            settings.insert(field.map_or_else(|| "choice".to_owned(), |f| f.name), Value::from(choice));
            (&entry.schema[CHOICES][choice], inner)
        }
        None => (&entry.schema, found),
    };
    for setting in schema::settings(schema) {
        match value(found, &setting) {
            Ok(Some(value)) => drop(settings.insert(setting.name, value)),
            Ok(None) => {}
            Err(text) => return Err(complain(&mut parser, format!("--{}: {text}", setting.flag()))),
        }
    }
    let here = found.try_get_one::<PathBuf>("here").ok().flatten();
    let case = found.get_one::<PathBuf>("case").or(here);
    let answer = match (found.get_flag("json"), found.get_flag("quiet")) {
        (true, _) => Answer::Json,
        (_, true) => Answer::Quiet,
        _ => Answer::Text,
    };
    Ok(Asked {
        command: name.to_owned(),
        settings,
        case: case.cloned().unwrap_or_else(|| PathBuf::from(".")),
        threads: found.get_one::<u16>("threads").map(|&n| usize::from(n)),
        answer,
    })
}

fn value(found: &ArgMatches, setting: &Setting) -> Result<Option<Value>, String> {
    let Ok(Some(texts)) = found.try_get_many::<String>(&setting.name) else {
        return Ok(None);
    };
    let values = texts.map(|text| schema::parse(text, &setting.kind)).collect::<Result<Vec<_>, _>>()?;
    Ok(match setting.kind {
        Kind::List(_) => Some(Value::Array(values)),
        _ => values.into_iter().next(),
    })
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
