//! `propose`: let a procedure propose a plan.

use crate::artefacts;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use osteon_procedures::ProposeError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Propose a plan by one of the procedures
///
/// The plan is written to `plan.json` of the case. It is a proposal for a person to judge; proposing again
/// with other settings replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Propose {
    /// Name of the procedure
    #[schemars(extend("x-position" = 0))]
    pub procedure: String,
    /// The procedure's own settings
    #[serde(flatten)]
    #[schemars(skip)]
    pub settings: Map<String, Value>,
}

impl Command for Propose {
    const NAME: &'static str = "propose";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let scene = job.scene()?;
        let known = &job.registry().procedures;
        let procedure = known.iter().find(|p| p.name == self.procedure).ok_or_else(|| {
            ProposeError::UnknownProcedure {
                name: self.procedure.clone(),
                known: known.iter().map(|p| p.name.to_owned()).collect(),
            }
        })?;
        crate::schema::check(&self.settings, &procedure.schema)?;
        let plan = procedure.propose(&Value::Object(self.settings.clone()), &scene)?;
        plan.resolve(&scene)?;
        let findings = osteon_plan::check(&scene, &plan);
        job.write_bytes(artefacts::PLAN, plan.to_text()?.as_bytes())?;
        let items: Vec<&str> = plan.items.iter().map(osteon_plan::Item::id).collect();
        let summary = vec![format!("{} proposes: {}", self.procedure, items.join(", "))];
        Ok(Outcome { summary, findings, data: json!({ "items": items }), ..Outcome::default() })
    }
}
