//! A report with something in every part, for the tests.

use crate::number::{self, Quantity};
use crate::{
    Banner, Cell, Check, Fact, Figure, Gallery, Listing, Measure, Product, Report, Table, Tone, Verdict,
};
use osteon_core::{Finding, Severity};
use osteon_view::Picture;

/// A plain picture with some text in it.
pub fn figure(caption: &str) -> Figure {
    let mut picture = Picture::new([240, 180], [246, 247, 249]).unwrap();
    picture.fill([60, 40], [180, 140], [214, 200, 176]);
    picture.text([8, 8], "R", [40, 40, 40], [255, 255, 255]);
    Figure::new(caption, "a box that stands for a bone", &picture).unwrap()
}

/// The report.
pub fn report() -> Report {
    Report {
        title: "Proximal tibia, fragments for printing".to_owned(),
        language: crate::Language::English,
        paper: crate::Paper::Engineer,
        subtitle: "Model at 1:1 from CT, 0.6 mm slices".to_owned(),
        case_id: "tibia-pcl <script>alert(1)</script>".to_owned(),
        identity: None,
        banner: vec![Banner { huge: "LEFT".to_owned(), small: "tibia-left".to_owned() }],
        date: "2026-11-20".to_owned(),
        software: "Osteon 0.1.0".to_owned(),
        findings: findings(),
        galleries: vec![Gallery {
            title: "Views".to_owned(),
            note: "Seen from the front, the patient's right is on the viewer's left.".to_owned(),
            figures: ["from the front", "from behind", "from the head"].map(figure).to_vec(),
        }],
        tables: vec![Table {
            title: "Model".to_owned(),
            rows: vec![
                measure("Volume", number::volume(48_212.0), "divergence theorem on the closed surface"),
                measure("Largest extent", number::distance(103.24), "bounding box"),
                measure("Shells", Quantity::plain(3), "connected surfaces"),
                measure("Slope of the plateau", number::angle(-9.47), "plane fit, 812 places"),
            ],
        }],
        checks: vec![
            check("Closed surface", Verdict::Pass, "0 open edges", "0"),
            check("Thinnest wall", Verdict::Caution, "0.9 mm", "1.0 mm"),
            check("Fits the bed", Verdict::Pass, "103 × 81 × 89 mm", "220 × 220 × 250 mm"),
            check("Fragments apart", Verdict::Fail, "0.0 mm", "0.2 mm"),
        ],
        checklist: vec!["The side on the part is the patient's.".to_owned()],
        listings: vec![Listing {
            title: "Approvals".to_owned(),
            note: "Who looked at what.".to_owned(),
            head: ["Who", "State"].map(str::to_owned).to_vec(),
            shares: vec![2.0, 1.0],
            rows: vec![vec![Cell::new(Tone::Plain, "Dr Nobody"), Cell::new(Tone::Bad, "stale")]],
            figures: vec![crate::code::scannable("osteon:tibia", "TB3K").unwrap()],
        }],
        scale: Some(100.0),
        files: vec![Product {
            name: "tibia.3mf".to_owned(),
            what: "model for the printer".to_owned(),
            bytes: 4_812_220,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        }],
        provenance: vec![Fact { name: "Series".to_owned(), value: "1.2.826.0.1.3680043.8.498.4".to_owned() }],
        journal: vec!["import 182 slices".to_owned(), "segment bone, level 226 HU".to_owned()],
    }
}

fn findings() -> Vec<Finding> {
    vec![
        Finding::new("slices-thick", Severity::Note, "The slices are 0.6 mm apart."),
        Finding::new("fragments-touch", Severity::Danger, "Fragments 1 and 2 share 12 mm² of surface.")
            .measured(0.0, 0.2, "mm", "print profile")
            .at([12.3, -4.5, 88.0])
            .remedy("Separate them with a cut, or print them as one."),
        Finding::new("wall-thin", Severity::Caution, "The wall is thinner than the nozzle can print.")
            .measured(0.94, 1.0, "mm", "profile fdm-0.4"),
    ]
}

fn measure(name: &str, value: Quantity, source: &str) -> Measure {
    Measure { name: name.to_owned(), value, source: source.to_owned() }
}

fn check(name: &str, verdict: Verdict, value: &str, limit: &str) -> Check {
    Check {
        name: name.to_owned(),
        verdict,
        value: value.to_owned(),
        limit: limit.to_owned(),
        source: "printer profile".to_owned(),
    }
}
