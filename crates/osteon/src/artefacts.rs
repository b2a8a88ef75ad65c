//! Where things are in a case directory.

/// The image everything starts from.
pub const IMAGE: &str = "images/ct.nrrd";
/// Where the image came from: series, files with SHA-256, geometry.
pub const SOURCE: &str = "images/ct.source.json";
/// The structures, as a label map with a table.
pub const LABELS: &str = "labels.seg.nrrd";
/// The plan.
pub const PLAN: &str = "plan.json";
/// The report as a page.
pub const REPORT_PAGE: &str = "report.html";
/// The report for paper.
pub const REPORT_PAPER: &str = "report.pdf";

/// A file made from a plan item: `products/<item>.<end>`.
pub fn product(item: &str, end: &str) -> String {
    format!("products/{item}.{end}")
}
