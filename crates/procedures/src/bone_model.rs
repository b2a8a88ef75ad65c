//! Print what is there: a 1:1 model of each structure.

use crate::procedure::{Procedure, ProposeError, recorded};
use osteon_core::Side;
use osteon_plan::plan::Marks;
use osteon_plan::{Item, Model, Plan, Scene, StructureId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Propose a 1:1 model of each segmented structure
///
/// What it proposes: one model for each structure, with the case id, the side if it is known and the
/// patient's directions pressed into the surface.
///
/// What must be labelled: at least one structure.
///
/// Limits: the model shows what was segmented; cartilage and soft tissue are not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoneModel {
    /// Structures to model; all that are there if none is named
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub structures: Vec<StructureId>,
    /// The patient's side to write on the model, when structure and scan do not say it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// What is pressed into the surface
    #[serde(default = "pressed")]
    pub marks: Marks,
}

fn pressed() -> Marks {
    Marks::Pressed
}

impl Procedure for BoneModel {
    const NAME: &'static str = "bone-model";

    fn propose(&self, scene: &Scene) -> Result<Plan, ProposeError> {
        if scene.structures.is_empty() {
            return Err(ProposeError::NothingSegmented);
        }
        let wanted = if self.structures.is_empty() {
            scene.structures.iter().map(|s| s.id.clone()).collect()
        } else {
            self.structures.clone()
        };
        let mut plan = Plan::new(recorded(self), scene);
        for id in wanted {
            let of = scene.structure(&id)?.id.clone();
            // A header's laterality is copied, not trusted blindly: `plan::check` reports a conflict.
            let side = of.side().or(self.side).or(scene.side);
            plan.items.push(Item::Model(Model { id: of.to_string(), of, side, marks: self.marks }));
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_plan::Structure;

    fn scene(ids: &[&str]) -> Scene {
        let structure = |id: &&str| Structure {
            id: id.parse().unwrap(),
            volume: 1.0,
            middle: [0.0; 3],
            size: [1.0; 3],
            cut_off: false,
            unmeasured: None,
        };
        Scene { structures: ids.iter().map(structure).collect(), side: None, frame: None }
    }

    fn propose(settings: serde_json::Value, scene: &Scene) -> Result<Plan, ProposeError> {
        crate::Entry::of::<BoneModel>().propose(&settings, scene)
    }

    #[test]
    fn every_structure_gets_a_model_that_resolves_and_knows_its_side() {
        let scene = scene(&["bone", "femur-left"]);
        let plan = propose(serde_json::json!({}), &scene).unwrap();
        plan.resolve(&scene).unwrap();
        let sides: Vec<_> = plan.models().map(|m| (m.id.as_str(), m.side)).collect();
        assert_eq!(sides, [("bone", None), ("femur-left", Some(Side::Left))]);
        assert_eq!(plan.procedure["procedure"], "bone-model");
    }

    #[test]
    fn named_structures_only_and_missing_ones_are_refused() {
        let scene = scene(&["bone", "femur-left"]);
        let one = propose(serde_json::json!({ "structures": ["bone"], "side": "right" }), &scene).unwrap();
        assert_eq!(one.models().map(|m| m.side).collect::<Vec<_>>(), [Some(Side::Right)]);
        assert!(matches!(
            propose(serde_json::json!({ "structures": ["skull"] }), &scene),
            Err(ProposeError::NoStructure(_))
        ));
        assert!(matches!(
            propose(serde_json::json!({ "structure": "bone" }), &scene),
            Err(ProposeError::Settings { .. })
        ));
        assert_eq!(propose(serde_json::json!({}), &Scene::default()), Err(ProposeError::NothingSegmented));
    }
}
