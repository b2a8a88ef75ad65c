//! The documents of a case: what they say in both languages, and who approved what.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers outside test functions stop at what they did not expect"
)]

mod common;

use common::{Bench, hashes, scanned};
use osteon_core::{Point, Volume};
use osteon_phantom::shape::{Ball, Capsule};
use osteon_phantom::{Phantom, Shape, hu};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A little bone with a head, in soft tissue: small, and no mirror image of itself.
static BONE: LazyLock<Volume<i16>> = LazyLock::new(|| {
    let shaft =
        Capsule { from: Point::new(-12.0, 2.0, -8.0), to: Point::new(12.0, -3.0, 6.0), radii: [5.0, 8.0] };
    let head = Ball { middle: Point::new(-10.0, 6.0, 3.0), radius: 6.0 };
    let bone = shaft.blended(head, 3.0);
    let soft = bone.clone().grown(8.0);
    let phantom = Phantom::air(soft.bounds()).with("soft", soft, hu::SOFT).with("bone", bone, hu::CORTEX);
    scanned(&phantom, 1.0, 1.0)
});

/// A case after `model`.
fn modelled() -> Bench {
    let bench = Bench::of(&BONE);
    bench.model(json!({}));
    bench
}

fn page(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.case().join(name)).unwrap()
}

fn approve(bench: &Bench, settings: Value) -> String {
    let mut all = json!({ "by": "Dr Mei Lin", "role": "surgeon" });
    for (name, value) in settings.as_object().unwrap() {
        all[name] = value.clone();
    }
    match bench.try_run("approve", all) {
        Ok(_) => "approved".to_owned(),
        Err(refused) => {
            assert!(!refused.help.is_empty());
            refused.code
        }
    }
}

/// How the approvals stand, as `status` tells it.
fn states(bench: &Bench) -> Value {
    bench.run("status", json!({})).data["approvals"].clone()
}

#[test]
fn both_documents_come_in_both_languages_with_the_notice_and_the_same_numbers() {
    let bench = modelled();
    let told = bench.run("report", json!({ "language": "both" }));
    assert_eq!(told.data["files"].as_array().unwrap().len(), 8);
    for paper in ["theatre", "engineer"] {
        let [english, chinese] =
            ["", ".zh"].map(|language| page(&bench, &format!("report-{paper}{language}.html")));
        assert!(english.contains(osteon::NOTICE) && !english.contains("模型"));
        assert!(chinese.contains("仅供研究和手术规划使用，不作为医疗器械。"));
        assert!(chinese.contains("使用前核对") && english.contains("Check before use"));
        let made: Value =
            serde_json::from_slice(&std::fs::read(bench.case().join("products/bone.json")).unwrap()).unwrap();
        let width = format!("{:.1}\u{a0}mm", made["size"][0].as_f64().unwrap());
        assert!(english.contains(&width) && chinese.contains(&width), "{width}");
        for end in ["pdf", "zh.pdf"] {
            let bytes = std::fs::read(bench.case().join(format!("report-{paper}.{end}"))).unwrap();
            assert!(bytes.starts_with(b"%PDF-1.7"));
        }
    }
    // Everything that the checks, views and measures of a usual case say is translated.
    let chinese = page(&bench, "report-engineer.zh.html");
    assert!(!chinese.contains("未翻译"), "{}", around(&chinese, "未翻译"));
}

/// What stands before the first mark of a kind.
fn around(text: &str, mark: &str) -> String {
    let before: Vec<char> = text.split(mark).next().unwrap_or_default().chars().collect();
    before[before.len().saturating_sub(200)..].iter().collect()
}

#[test]
fn an_approval_holds_until_a_product_changes_and_can_be_withdrawn() {
    let bench = modelled();
    assert_eq!(approve(&bench, json!({})), "approved");
    assert_eq!(states(&bench)[0]["state"], "holds");
    bench.run("report", json!({}));
    assert!(page(&bench, "report-theatre.html").contains("Dr Mei Lin"));
    bench.run("make", json!({ "within": 0.2 }));
    let changed = states(&bench)[0]["state"]["stale"].clone();
    assert!(changed.as_array().unwrap().contains(&json!("products/bone.ply")), "{changed}");
    bench.run("report", json!({ "language": "both" }));
    assert!(page(&bench, "report-engineer.html").contains("stale: changed since"));
    assert!(page(&bench, "report-theatre.zh.html").contains("已过期"));
    // What was undone is what was approved.
    bench.run("undo", json!({}));
    bench.run("undo", json!({}));
    assert_eq!(states(&bench)[0]["state"], "holds");
    assert_eq!(approve(&bench, json!({ "decision": "withdraw", "by": "Dr Else" })), "no-approval");
    assert_eq!(approve(&bench, json!({ "decision": "withdraw" })), "approved");
    assert!(states(&bench)[0]["state"]["withdrawn"].is_string());
}

#[test]
fn a_document_is_stale_once_an_approval_is_given_and_a_replay_gives_the_same_bytes() {
    let bench = modelled();
    approve(&bench, json!({ "note": "fits the plate" }));
    let artefacts = bench.run("status", json!({})).data["artefacts"].clone();
    let report = artefacts.as_array().unwrap().iter().find(|a| a["path"] == "report-theatre.pdf").unwrap();
    assert_eq!(report["currency"], json!({ "is": "stale", "because": ["approvals"] }));
    bench.run("report", json!({ "language": "both", "purpose": "theatre" }));
    let before = hashes(&bench.case());
    bench.run("replay", json!({}));
    assert_eq!(hashes(&bench.case()), before);
}

#[test]
fn what_must_not_be_approved_is_refused_by_name() {
    let bench = modelled();
    assert_eq!(approve(&bench, json!({ "by": "  " })), "approval-text");
    assert_eq!(approve(&bench, json!({ "note": "two\nlines" })), "approval-text");
    assert_eq!(approve(&bench, json!({ "items": ["femur"] })), "no-item");
    assert_eq!(approve(&bench, json!({ "note": "for Mr PHANTOM, room 3" })), "approval-names-patient");
    bench.run("segment", json!({ "threshold": 600, "edge": "threshold" }));
    assert_eq!(approve(&bench, json!({})), "approval-stale");
    assert_eq!(states(&bench), json!([]));
}

#[test]
fn a_level_counts_what_the_records_show_and_a_purpose_asks_for_more() {
    let bench = modelled();
    let open = |settings: Value| {
        bench.run("report", settings);
        let page = page(&bench, "report-engineer.html");
        page.matches(">open</span>").count() + page.matches(">by a person</span>").count()
    };
    let teaching = open(json!({ "purpose": "teaching" }));
    let planning = open(json!({}));
    let theatre = open(json!({ "purpose": "theatre" }));
    assert!(teaching < planning && planning < theatre, "{teaching} {planning} {theatre}");
    approve(&bench, json!({}));
    approve(&bench, json!({ "by": "E. Ngineer", "role": "engineer" }));
    assert_eq!(open(json!({})), planning - 2);
}
