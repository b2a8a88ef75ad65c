//! What every item of a plan is checked for, whoever proposed it.

use crate::plan::{Model, Plan};
use crate::scene::{Scene, Structure};
use osteon_core::{Finding, Severity};

/// Findings about the plan's items in the light of the scene; the plan resolves in it.
pub fn check(scene: &Scene, plan: &Plan) -> Vec<Finding> {
    plan.models().flat_map(|model| check_model(scene, model)).collect()
}

fn check_model(scene: &Scene, model: &Model) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named = model.side.or(model.of.side());
    if let (Some(planned), Some(scanned)) = (named, scene.side)
        && planned != scanned
    {
        let message = format!(
            "{} is planned for the patient's {planned} side, but the scan's header says {scanned}",
            model.id
        );
        findings.push(Finding::new("side-conflict", Severity::Danger, message).remedy(
            "look at the images and correct the side of the plan, or have the scan's header corrected",
        ));
    }
    if model.side.is_some() && model.of.side().is_some() && model.side != model.of.side() {
        let message = format!("{} would be marked with another side than {}", model.id, model.of);
        findings
            .push(Finding::new("side-conflict", Severity::Danger, message).remedy("propose the plan again"));
    }
    findings.extend(scene.structure(&model.of).into_iter().flat_map(check_structure));
    findings
}

/// Findings about a structure that is to become a model.
pub fn check_structure(structure: &Structure) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(place) = structure.unmeasured {
        let message = format!(
            "{} reaches into a slab of the scan that was not measured: what is there is not known",
            structure.id
        );
        findings.push(Finding::new("crosses-not-measured", Severity::Danger, message).at(place).remedy(
            "fetch the missing slices and import again, or import with --assume gaps=filled, which \
             interpolates across the slab and says so on the model",
        ));
    }
    if structure.cut_off {
        let message = format!(
            "{} reaches the border of the scan: the model is closed with a flat face where the scan ends",
            structure.id
        );
        findings.push(
            Finding::new("cut-by-field-of-view", Severity::Note, message)
                .at(structure.middle)
                .remedy("do not read the flat face as anatomy; scan a larger field if that part is needed"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Item, Marks};
    use crate::structure_id::StructureId;
    use osteon_core::Side;

    #[test]
    fn a_side_that_contradicts_the_scan_is_a_danger() {
        let id: StructureId = "femur-left".parse().unwrap();
        let femur = Structure {
            id: id.clone(),
            volume: 1.0,
            middle: [0.0; 3],
            size: [1.0; 3],
            cut_off: true,
            unmeasured: None,
        };
        let mut scene = Scene { structures: vec![femur], side: Some(Side::Right), frame: None };
        let mut plan = Plan::new(serde_json::Value::Null, &scene);
        plan.items.push(Item::Model(Model {
            id: "femur".into(),
            of: id,
            side: Some(Side::Left),
            marks: Marks::Pressed,
        }));
        let codes = |scene: &Scene| check(scene, &plan).iter().map(|f| f.code.clone()).collect::<Vec<_>>();
        assert_eq!(codes(&scene), ["side-conflict", "cut-by-field-of-view"]);
        scene.side = Some(Side::Left);
        assert_eq!(codes(&scene), ["cut-by-field-of-view"]);
        scene.structures[0].unmeasured = Some([1.0, 2.0, 3.0]);
        assert_eq!(codes(&scene), ["crosses-not-measured", "cut-by-field-of-view"]);
    }
}
