//! The plan: what will be made, as the document a surgeon can read and sign.

use crate::scene::Scene;
use crate::structure_id::StructureId;
use osteon_core::{ErrorKind, Explain, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the plan document this software writes.
pub const FORMAT: u32 = 1;

/// What will be made for a patient; frame LPS, millimetres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of the document.
    pub format: u32,
    /// DICOM frame of reference the plan is in, if the images name one.
    pub frame: Option<String>,
    /// The procedure that proposed it, with its settings.
    pub procedure: serde_json::Value,
    /// What will be made.
    pub items: Vec<Item>,
}

/// One thing that will be made or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Item {
    /// A 1:1 model of structures.
    Model(Model),
}

/// A 1:1 model of a structure, with marks pressed into it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Name of the item; also the name of the files made from it.
    pub id: String,
    /// The structure that is modelled.
    pub of: StructureId,
    /// The patient's side written on the model, when it is known.
    pub side: Option<Side>,
    /// What is pressed into the surface.
    pub marks: Marks,
}

/// What is pressed into a model's surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Marks {
    /// Case id, side if known, and the patient's directions.
    Pressed,
    /// Nothing.
    None,
}

/// Why a document is not a plan for this case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The text is not a plan document.
    #[error("plan.json cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer version of the software.
    #[error("plan.json has format {0}, this version reads up to {FORMAT}")]
    TooNew(u32),
    /// Items or references that do not hold.
    #[error("the plan does not hold together: {}", .0.join("; "))]
    Broken(Vec<String>),
}

impl Explain for PlanError {
    fn kind(&self) -> ErrorKind {
        match self {
            PlanError::TooNew(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Input,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            PlanError::Unreadable(_) => "plan-unreadable",
            PlanError::TooNew(_) => "plan-too-new",
            PlanError::Broken(_) => "plan-broken",
        }
    }
    fn help(&self) -> String {
        match self {
            PlanError::TooNew(_) => "open the case with the version that wrote it, or a newer one".to_owned(),
            _ => "propose the plan anew (osteon propose …), or undo the change that broke it (osteon undo)"
                .to_owned(),
        }
    }
}

impl Plan {
    /// A plan without items, proposed by a procedure with these settings.
    pub fn new(procedure: serde_json::Value, scene: &Scene) -> Self {
        Self { format: FORMAT, frame: scene.frame.clone(), procedure, items: Vec::new() }
    }

    /// Reads a plan document.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|e| PlanError::Unreadable(e.to_string()))?;
        if let Some(format) = value["format"].as_u64().filter(|&f| f > u64::from(FORMAT)) {
            return Err(PlanError::TooNew(format as u32));
        }
        serde_json::from_value(value).map_err(|e| PlanError::Unreadable(e.to_string()))
    }

    /// The plan as a document.
    pub fn to_text(&self) -> Result<String, PlanError> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|e| PlanError::Unreadable(e.to_string()))
    }

    /// Checks that ids are unique and usable as file names, and that every reference resolves in the scene.
    pub fn resolve(&self, scene: &Scene) -> Result<(), PlanError> {
        let mut wrong = Vec::new();
        for (n, item) in self.items.iter().enumerate() {
            let id = item.id();
            if !is_name(id) {
                wrong.push(format!("\"{id}\" is not a usable item id (letters, digits, - . only)"));
            }
            if self.items[..n].iter().any(|other| other.id() == id) {
                wrong.push(format!("two items are called \"{id}\""));
            }
            let Item::Model(model) = item;
            if let Err(missing) = scene.structure(&model.of) {
                wrong.push(format!("item \"{id}\": {missing}"));
            }
        }
        if self.frame != scene.frame {
            wrong.push("the plan was made in another frame of reference than the images".to_owned());
        }
        if wrong.is_empty() { Ok(()) } else { Err(PlanError::Broken(wrong)) }
    }

    /// All models of the plan.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.items.iter().map(|item| {
            let Item::Model(model) = item;
            model
        })
    }
}

impl Item {
    /// The item's name.
    pub fn id(&self) -> &str {
        let Item::Model(model) = self;
        &model.id
    }
}

/// True for a name that is safe as part of a file name on every system.
fn is_name(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    !id.is_empty() && id.len() <= 64 && id.chars().all(plain) && !id.starts_with('.') && !id.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Structure;

    fn scene() -> Scene {
        let bone = Structure {
            id: StructureId::bone(),
            volume: 1e4,
            middle: [0.0; 3],
            size: [30.0; 3],
            cut_off: false,
            unmeasured: None,
        };
        Scene { structures: vec![bone], side: None, frame: Some("2.25.1".to_owned()) }
    }

    fn model(id: &str) -> Item {
        Item::Model(Model { id: id.to_owned(), of: StructureId::bone(), side: None, marks: Marks::Pressed })
    }

    #[test]
    fn a_plan_is_read_back_as_it_was_written() {
        let mut plan = Plan::new(serde_json::json!({ "procedure": "bone-model" }), &scene());
        plan.items.push(model("bone"));
        plan.resolve(&scene()).unwrap();
        assert_eq!(Plan::parse(&plan.to_text().unwrap()).unwrap(), plan);
    }

    #[test]
    fn everything_that_does_not_resolve_is_listed_at_once() {
        let mut plan = Plan::new(serde_json::Value::Null, &scene());
        plan.items = vec![model("a"), model("a"), model("../b"), model("c")];
        let Item::Model(last) = &mut plan.items[3];
        last.of = "femur-left".parse().unwrap();
        plan.frame = None;
        let PlanError::Broken(wrong) = plan.resolve(&scene()).unwrap_err() else { panic!("wrong error") };
        assert_eq!(wrong.len(), 4, "{wrong:?}");
    }

    #[test]
    fn newer_unknown_and_cut_documents_are_refused() {
        assert_eq!(Plan::parse(r#"{"format": 9}"#).unwrap_err(), PlanError::TooNew(9));
        let text = Plan::new(serde_json::Value::Null, &scene()).to_text().unwrap();
        assert!(Plan::parse(&text[..text.len() / 2]).is_err());
        assert!(Plan::parse(&text.replacen('{', "{ \"extra\": 1,", 1)).is_err());
    }
}
