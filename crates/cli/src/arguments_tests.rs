//! What is typed becomes settings, and a command or procedure that is added appears by itself.

use super::*;
use osteon::plan::{Plan, Scene};
use osteon::procedures::{self, Procedure, ProposeError};
use osteon::{Command, Entry, Failure, Job, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Weigh the model in a hand
///
/// Only for this test.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Weigh {
    /// Density of the material
    #[schemars(range(min = 0.1, max = 20.0))]
    density: f64,
}

impl Command for Weigh {
    const NAME: &'static str = "weigh";
    const EFFECT: Effect = Effect::Composes;
    fn run(&self, _: &mut Job<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome { summary: vec![format!("{} g", self.density)], ..Outcome::default() })
    }
}

/// Propose nothing at all
#[derive(Serialize, Deserialize, JsonSchema)]
struct Nothing {
    /// How much of nothing
    #[serde(default)]
    amount: u32,
}

impl Procedure for Nothing {
    const NAME: &'static str = "nothing";
    fn propose(&self, scene: &Scene) -> Result<Plan, ProposeError> {
        Ok(Plan::new(json!({ "procedure": "nothing" }), scene))
    }
}

fn registry() -> Registry {
    let mut registry = Registry::standard();
    registry.commands.push(Entry::of::<Weigh>());
    registry.procedures.push(procedures::Entry::of::<Nothing>());
    Registry::new(registry.commands, registry.procedures)
}

fn asked(line: &str) -> Result<Asked, String> {
    let words = line.split(' ').map(std::ffi::OsString::from);
    read(&registry(), words).map_err(|refused| refused.to_string())
}

#[test]
fn an_added_command_appears_in_command_line_schema_and_manual_by_itself() {
    let registry = registry();
    let help = asked("osteon weigh --help").unwrap_err();
    assert!(help.contains("Weigh the model in a hand") && help.contains("Density of the material"), "{help}");
    let typed = asked("osteon weigh --density 1.24").unwrap();
    assert_eq!((typed.command.as_str(), &typed.settings["density"]), ("weigh", &json!(1.24)));
    assert_eq!(registry.schema()["commands"]["weigh"]["properties"]["density"]["maximum"], 20.0);
    let manual = osteon::manual::commands(&registry);
    assert!(
        manual.contains("## osteon weigh") && manual.contains("| `--density` | Density of the material |")
    );
    let request = osteon::Request {
        command: typed.command,
        settings: typed.settings,
        case: typed.case,
        threads: Some(1),
    };
    assert_eq!(osteon::run(&registry, &request, &osteon::Ctx::default()).unwrap().summary, ["1.24 g"]);
}

#[test]
fn an_added_procedure_appears_in_command_line_schema_and_manual_by_itself() {
    let registry = registry();
    assert!(asked("osteon propose --help").unwrap_err().contains("Propose nothing at all"));
    let typed = asked("osteon propose nothing --amount 3").unwrap();
    assert_eq!(Value::Object(typed.settings), json!({ "procedure": "nothing", "amount": 3 }));
    assert!(registry.schema()["commands"]["propose"]["x-choices"]["nothing"].is_object());
    assert!(osteon::manual::commands(&registry).contains("## osteon propose nothing"));
}

#[test]
fn the_parser_holds_together() {
    parser(&registry()).debug_assert();
}

#[test]
fn typed_settings_arrive_with_their_kinds() {
    let typed =
        asked("osteon segment --threshold -200HU --largest 2 --cavities keep --case a --threads 2").unwrap();
    assert_eq!(
        Value::Object(typed.settings),
        json!({ "threshold": -200.0, "largest": 2, "cavities": "keep" })
    );
    assert_eq!((typed.case, typed.threads), (PathBuf::from("a"), Some(2)));
    let typed = asked("osteon export --formats stl,3mf").unwrap();
    assert_eq!(typed.settings["formats"], json!(["stl", "3mf"]));
}

#[test]
fn a_case_is_named_with_or_without_its_flag() {
    assert_eq!(asked("osteon status here").unwrap().case, PathBuf::from("here"));
    assert_eq!(asked("osteon --case here status").unwrap().case, PathBuf::from("here"));
    assert_eq!(asked("osteon verify here").unwrap().case, PathBuf::from("here"));
    assert_eq!(asked("osteon status").unwrap().case, PathBuf::from("."));
}

#[test]
fn wrong_words_are_refused_with_the_right_ones() {
    assert!(asked("osteon segment --cavities shut").unwrap_err().contains("keep"));
    assert!(asked("osteon segment --threshold much").unwrap_err().contains("HU"));
    assert!(asked("osteon model").unwrap_err().contains("--out"));
    assert!(asked("osteon fly").is_err());
}
