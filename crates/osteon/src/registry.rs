//! The list of commands and procedures, and what a command is.
//!
//! A command is a struct: doc comments and fields give its schema, and from the schema come command line,
//! manual, checks and journal line. To add one: write its file in `command/`, add it to
//! [`Registry::standard`]; nothing else.

use crate::command;
use crate::failure::Failure;
use crate::job::Job;
use crate::schema::CHOICES;
use crate::session::Session;
use osteon_case::Draft;
use osteon_core::{Ctx, ErrorKind, Finding};
use osteon_procedures as procedures;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What a command does to the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes the case: takes the lock, writes one journal line.
    Changes,
    /// It changes the case, and starts one where there is none yet.
    Starts,
    /// It only reads the case.
    Reads,
    /// It looks after the case as a whole, and opens it itself.
    Tends,
    /// It runs other commands, each with its own journal line, or touches no case at all.
    Composes,
}

/// A command of the suite: fields are settings, their docs are the manual.
pub trait Command: Serialize + DeserializeOwned + JsonSchema {
    /// Name in kebab-case.
    const NAME: &'static str;
    /// What it does to the case.
    const EFFECT: Effect;

    /// What it does to the case with these settings, where that depends on them.
    fn effect(&self) -> Effect {
        Self::EFFECT
    }

    /// Work that must be done before there is a case: what the new case is to be called. Only for commands
    /// that start a case.
    fn prepare(&self, _session: &mut Session, _ctx: &Ctx) -> Result<Option<Draft>, Failure> {
        Ok(None)
    }

    /// Does the work.
    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure>;
}

/// What a command that succeeded has to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The answer, in short lines for a person.
    pub summary: Vec<String>,
    /// What was done on the way, for commands whose answer is in the files they write.
    pub messages: Vec<String>,
    /// Parts of the work that were refused while others were done: the worst decides how the command ends.
    pub refused: Vec<Failure>,
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// The same and more for a program.
    pub data: Value,
}

impl Outcome {
    /// Takes on what a part of the work had to say.
    pub fn absorb(&mut self, part: Outcome) {
        self.summary.extend(part.summary);
        self.messages.extend(part.messages);
        self.refused.extend(part.refused);
        for finding in part.findings {
            // What two commands noticed alike is told once.
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }
}

/// One command of the list.
#[derive(Clone)]
pub struct Entry {
    /// Name in kebab-case.
    pub name: &'static str,
    /// What it does to the case.
    pub effect: Effect,
    /// JSON Schema of its settings, with its documentation.
    pub schema: Value,
    effective: fn(&Value) -> Result<Effect, Failure>,
    complete: fn(&Value) -> Result<Value, Failure>,
    prepare: fn(&Value, &mut Session, &Ctx) -> Result<Option<Draft>, Failure>,
    run: fn(&Value, &mut Job<'_>) -> Result<Outcome, Failure>,
}

impl Entry {
    /// The list entry of a command.
    pub fn of<C: Command>() -> Self {
        let schema = schemars::schema_for!(C).to_value();
        let effective = |settings: &Value| read::<C>(settings).map(|command| command.effect());
        let (complete, prepare, run) = (complete::<C>, prepare::<C>, run::<C>);
        Self { name: C::NAME, effect: C::EFFECT, schema, effective, complete, prepare, run }
    }

    /// What the command does to the case with these settings.
    pub fn effect_with(&self, settings: &Map<String, Value>) -> Result<Effect, Failure> {
        (self.effective)(&Value::Object(settings.clone()))
    }

    /// The settings with every default written out, as the journal keeps them.
    pub fn complete(&self, settings: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
        match (self.complete)(&Value::Object(settings.clone()))? {
            Value::Object(all) => Ok(all),
            _ => Ok(settings.clone()),
        }
    }

    /// Does what must be done before there is a case.
    pub fn prepare(
        &self,
        settings: &Map<String, Value>,
        session: &mut Session,
        ctx: &Ctx,
    ) -> Result<Option<Draft>, Failure> {
        (self.prepare)(&Value::Object(settings.clone()), session, ctx)
    }

    /// Runs the command with these settings.
    pub fn run(&self, settings: &Map<String, Value>, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        (self.run)(&Value::Object(settings.clone()), job)
    }
}

fn read<C: Command>(settings: &Value) -> Result<C, Failure> {
    serde_json::from_value(settings.clone()).map_err(|e| {
        let help = format!("osteon {} --help lists the settings", C::NAME);
        Failure::new(
            ErrorKind::Input,
            "bad-settings",
            format!("the settings of {} cannot be read: {e}", C::NAME),
            help,
        )
    })
}

fn complete<C: Command>(settings: &Value) -> Result<Value, Failure> {
    let command = read::<C>(settings)?;
    Ok(serde_json::to_value(&command).unwrap_or_else(|_| settings.clone()))
}

fn prepare<C: Command>(settings: &Value, session: &mut Session, ctx: &Ctx) -> Result<Option<Draft>, Failure> {
    read::<C>(settings)?.prepare(session, ctx)
}

fn run<C: Command>(settings: &Value, job: &mut Job<'_>) -> Result<Outcome, Failure> {
    read::<C>(settings)?.run(job)
}

/// All commands and procedures a face offers.
#[derive(Clone)]
pub struct Registry {
    /// The commands, in the order they are shown.
    pub commands: Vec<Entry>,
    /// The procedures of `propose`, in the order they are shown.
    pub procedures: Vec<procedures::Entry>,
}

impl Registry {
    /// Everything this version of the suite can do.
    pub fn standard() -> Self {
        Self::new(
            vec![
                Entry::of::<command::demo::Demo>(),
                Entry::of::<command::model::Model>(),
                Entry::of::<command::info::Info>(),
                Entry::of::<command::convert::Convert>(),
                Entry::of::<command::surface::Surface>(),
                Entry::of::<command::shape::Shape>(),
                Entry::of::<command::prepare::Prepare>(),
                Entry::of::<command::advise::Advise>(),
                Entry::of::<command::import::Import>(),
                Entry::of::<command::segment::Segment>(),
                Entry::of::<command::edit::Edit>(),
                Entry::of::<command::propose::Propose>(),
                Entry::of::<command::make::Make>(),
                Entry::of::<command::check::Check>(),
                Entry::of::<command::export::Export>(),
                Entry::of::<command::share::Share>(),
                Entry::of::<command::print::Print>(),
                Entry::of::<command::slice::Slice>(),
                Entry::of::<command::printers::Printers>(),
                Entry::of::<command::inspect::Inspect>(),
                Entry::of::<command::gauge::Gauge>(),
                Entry::of::<command::report::Report>(),
                Entry::of::<command::approve::Approve>(),
                Entry::of::<command::state::Status>(),
                Entry::of::<command::state::History>(),
                Entry::of::<command::state::Verify>(),
                Entry::of::<command::state::Undo>(),
                Entry::of::<command::state::Redo>(),
                Entry::of::<command::state::Recover>(),
                Entry::of::<command::state::Migrate>(),
                Entry::of::<command::state::Gc>(),
                Entry::of::<command::replay::Replay>(),
            ],
            procedures::standard(),
        )
    }

    /// A registry of these commands and procedures.
    pub fn new(mut commands: Vec<Entry>, procedures: Vec<procedures::Entry>) -> Self {
        // `propose` offers each procedure with the procedure's own settings.
        let choices: Map<String, Value> =
            procedures.iter().map(|p| (p.name.to_owned(), p.schema.clone())).collect();
        for propose in commands.iter_mut().filter(|c| c.name == command::propose::Propose::NAME) {
            propose.schema[CHOICES] = Value::Object(choices.clone());
        }
        Self { commands, procedures }
    }

    /// The command of this name.
    pub fn command(&self, name: &str) -> Result<&Entry, Failure> {
        self.commands.iter().find(|command| command.name == name).ok_or_else(|| {
            let message = format!("there is no command \"{name}\"");
            Failure::new(ErrorKind::Input, "unknown-command", message, "osteon --help lists the commands")
        })
    }

    /// The schema of all commands, for programs.
    pub fn schema(&self) -> Value {
        let commands: Map<String, Value> =
            self.commands.iter().map(|c| (c.name.to_owned(), c.schema.clone())).collect();
        json!({ "version": crate::VERSION, "commands": commands })
    }
}
