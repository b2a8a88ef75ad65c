//! What a procedure is, and how the list of procedures knows it.

use osteon_core::{ErrorKind, Explain};
use osteon_plan::scene::NoStructure;
use osteon_plan::{Plan, Scene};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A named way to propose a plan. Fields are settings; their docs are the manual.
pub trait Procedure: Serialize + DeserializeOwned + JsonSchema {
    /// Name in kebab-case.
    const NAME: &'static str;

    /// Proposes a plan for what the scene shows; the same scene gives the same plan.
    fn propose(&self, scene: &Scene) -> Result<Plan, ProposeError>;
}

/// Why a procedure cannot propose a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProposeError {
    /// A structure it needs is not there.
    #[error(transparent)]
    NoStructure(#[from] NoStructure),
    /// Nothing has been segmented yet.
    #[error("the case has no structures yet")]
    NothingSegmented,
    /// No procedure has this name.
    #[error("there is no procedure \"{name}\"; there are: {}", .known.join(", "))]
    UnknownProcedure {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A setting is missing, unknown or out of place.
    #[error("the settings of {procedure} cannot be read: {reason}")]
    Settings {
        /// The procedure.
        procedure: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Explain for ProposeError {
    fn kind(&self) -> ErrorKind {
        match self {
            ProposeError::NoStructure(_) | ProposeError::NothingSegmented => ErrorKind::Missing,
            ProposeError::UnknownProcedure { .. } | ProposeError::Settings { .. } => ErrorKind::Input,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            ProposeError::NoStructure(_) => "no-structure",
            ProposeError::NothingSegmented => "nothing-segmented",
            ProposeError::UnknownProcedure { .. } => "unknown-procedure",
            ProposeError::Settings { .. } => "bad-settings",
        }
    }
    fn help(&self) -> String {
        match self {
            ProposeError::NoStructure(missing) => missing.help(),
            ProposeError::NothingSegmented => "segment the images first: osteon segment".to_owned(),
            ProposeError::UnknownProcedure { .. } => "osteon propose --help lists the procedures".to_owned(),
            ProposeError::Settings { procedure, .. } => {
                format!("osteon propose {procedure} --help lists the settings")
            }
        }
    }
}

/// One procedure of a list: its name, schema and how to run it from settings as JSON.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name in kebab-case.
    pub name: &'static str,
    /// JSON Schema of its settings, with its documentation.
    pub schema: Value,
    propose: fn(&Value, &Scene) -> Result<Plan, ProposeError>,
}

impl Entry {
    /// The list entry of a procedure.
    pub fn of<P: Procedure>() -> Self {
        Self { name: P::NAME, schema: schemars::schema_for!(P).to_value(), propose: propose::<P> }
    }

    /// Proposes a plan with these settings.
    pub fn propose(&self, settings: &Value, scene: &Scene) -> Result<Plan, ProposeError> {
        (self.propose)(settings, scene)
    }
}

fn propose<P: Procedure>(settings: &Value, scene: &Scene) -> Result<Plan, ProposeError> {
    let procedure: P = serde_json::from_value(settings.clone())
        .map_err(|e| ProposeError::Settings { procedure: P::NAME, reason: e.to_string() })?;
    procedure.propose(scene)
}

/// The settings of a procedure with its name, as a plan records them.
pub fn recorded<P: Procedure>(procedure: &P) -> Value {
    let mut value = serde_json::json!({ "procedure": P::NAME });
    if let (Value::Object(all), Ok(Value::Object(settings))) = (&mut value, serde_json::to_value(procedure)) {
        all.extend(settings);
    }
    value
}
