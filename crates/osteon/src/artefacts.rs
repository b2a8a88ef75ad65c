//! Where things are in a case directory.

use osteon_report::{Language, Paper};

/// The image everything starts from.
pub const IMAGE: &str = "images/ct.nrrd";
/// Where the image came from: series, files with SHA-256, geometry.
pub const SOURCE: &str = "images/ct.source.json";
/// The structures, as a label map with a table.
pub const LABELS: &str = "labels.seg.nrrd";
/// The plan.
pub const PLAN: &str = "plan.json";
/// The page to start with.
pub const FIRST_PAGE: &str = "report-engineer.html";

/// The files of a document, as a page and for paper: `report-theatre.html`, `report-engineer.zh.pdf`.
pub fn report(paper: Paper, language: Language) -> [String; 2] {
    let paper = match paper {
        Paper::Theatre => "theatre",
        Paper::Engineer => "engineer",
    };
    let language = match language {
        Language::English => "",
        Language::Chinese => ".zh",
    };
    ["html", "pdf"].map(|end| format!("report-{paper}{language}.{end}"))
}

/// A file made from a plan item: `products/<item>.<end>`.
pub fn product(item: &str, end: &str) -> String {
    format!("products/{item}.{end}")
}
