//! The QA card as a page for people.

use super::{Card, LEAST_SHARED, ObjectCard, Place};
use crate::failure::Failure;
use osteon_core::{Ctx, Solid};
use osteon_report::number::{Quantity, area, distance, volume};
use osteon_report::{Check, Fact, Figure, Gallery, Measure, Product, Table, Verdict};
use osteon_view::{Paint, Part, View, marks, shaded};

/// Size of the views in pixels.
const SIZE: [usize; 2] = [420, 420];

/// Colours of objects, in turn.
const COLOURS: [[u8; 3]; 4] = [[232, 214, 178], [128, 174, 128], [111, 184, 210], [216, 101, 79]];

/// The card as a self-contained page.
pub(crate) fn page(
    card: &Card,
    title: &str,
    solids: &[(&str, &Solid)],
    ctx: &Ctx,
) -> Result<String, Failure> {
    let fact = |name: &str, value: &str| Fact { name: name.to_owned(), value: value.to_owned() };
    let mut report = osteon_report::Report {
        title: format!("QA card of {title}"),
        subtitle: format!("verdict: {}", card.verdict),
        software: concat!("Osteon ", env!("CARGO_PKG_VERSION")).to_owned(),
        findings: card.findings.clone(),
        galleries: views(solids, ctx)?,
        tables: card.objects.iter().map(measures).collect(),
        checks: card.objects.iter().flat_map(checks).collect(),
        ..Default::default()
    };
    if let Some(file) = &card.file {
        report.files = vec![Product {
            name: file.name.clone(),
            what: format!("{} mesh", file.format),
            bytes: file.bytes as u64,
            sha256: file.sha256.clone(),
        }];
        report.provenance = vec![fact("Unit", &file.unit), fact("Frame", &file.frame)];
    }
    for pair in &card.pairs {
        let [a, b] = &pair.objects;
        let value = format!("overlap {:.2} mm³, gap {:.2} mm", pair.overlap_mm3, pair.gap_mm);
        let verdict = if pair.overlap_mm3 > LEAST_SHARED { Verdict::Caution } else { Verdict::Pass };
        report.checks.push(check(
            &format!("{a} and {b}"),
            verdict,
            value,
            "no overlap",
            "boolean intersection",
        ));
    }
    Ok(osteon_report::html(&report))
}

fn views(solids: &[(&str, &Solid)], ctx: &Ctx) -> Result<Vec<Gallery>, Failure> {
    if solids.is_empty() {
        return Ok(Vec::new());
    }
    let colours = COLOURS.into_iter().cycle().map(Paint::Plain);
    let parts: Vec<Part<'_>> =
        solids.iter().zip(colours).map(|((_, solid), paint)| Part { mesh: solid.mesh(), paint }).collect();
    let shown = osteon_view::Model::new(&parts)?;
    let mut figures = Vec::new();
    for view in View::SIX {
        let camera = shown.camera(view, SIZE)?;
        let mut picture = shaded(&shown, &camera, ctx)?;
        marks::mark(&mut picture, &camera, marks::Ink::ON_LIGHT);
        figures.push(Figure::new(view.name(), &format!("The model {}", view.name()), &picture)?);
    }
    let note =
        "Letters at the edges are the patient's directions, if the file's coordinates are the patient's.";
    Ok(vec![Gallery { title: "From all sides".to_owned(), note: note.to_owned(), figures }])
}

fn measures(object: &ObjectCard) -> Table {
    let row = |name: &str, value: Quantity, source: &str| Measure {
        name: name.to_owned(),
        value,
        source: source.to_owned(),
    };
    let [low, high] = object.bounds;
    let along = "box along the axes";
    let mut rows = vec![
        row("Width", distance(high[0] - low[0]), along),
        row("Depth", distance(high[1] - low[1]), along),
        row("Height", distance(high[2] - low[2]), along),
        row("Surface", area(object.area_mm2), "sum of triangles"),
        row("Triangles", Quantity::plain(object.triangles), "count"),
    ];
    if let Some(matter) = &object.matter {
        rows.push(row("Volume", volume(matter.volume_mm3), "divergence theorem"));
        rows.push(row("Bodies", Quantity::plain(matter.bodies), "shells that face outward"));
        rows.push(row("Handles minus cavities", Quantity::plain(matter.genus), "Euler's formula"));
        let least = |place: Option<Place>| match place {
            Some(Place { mm, .. }) => Quantity { value: format!("{mm:.2}"), unit: "mm".to_owned() },
            None => Quantity::plain("none below 1.2 mm"),
        };
        rows.push(row("Least wall", least(matter.min_wall), "largest ball that fits at each place"));
        rows.push(row("Narrowest gap", least(matter.min_gap), "largest ball that fits at each place"));
    }
    if let Some(image) = &object.image {
        let error = image.editing_error;
        let text = format!("mean {:.3}, 95 % {:.3}, most {:.3}", error.mean, error.p95, error.max);
        let value = Quantity { value: text, unit: "mm".to_owned() };
        rows.push(row("Digital editing error", value, "distance from the sub-voxel surface of the image"));
        if let Some(uncertainty) = &image.uncertainty {
            rows.push(row("Uncertainty", Quantity::plain(&uncertainty.line), "error budget of the surface"));
        }
    }
    Table { title: format!("Measures of {}", object.name), rows }
}

fn check(name: &str, verdict: Verdict, value: String, limit: &str, source: &str) -> Check {
    Check { name: name.to_owned(), verdict, value, limit: limit.to_owned(), source: source.to_owned() }
}

fn checks(object: &ObjectCard) -> Vec<Check> {
    let counted = |what: &str, count: usize, worst: Verdict, method: &str| {
        let verdict = if count == 0 { Verdict::Pass } else { worst };
        check(&format!("{}: {what}", object.name), verdict, count.to_string(), "0", method)
    };
    let edges = "edges and fans of the triangles";
    let mut lines = vec![
        counted("open edges", object.open_edges, Verdict::Fail, edges),
        counted("non-manifold edges", object.non_manifold_edges, Verdict::Fail, edges),
        counted("non-manifold vertices", object.non_manifold_vertices, Verdict::Fail, edges),
        counted(
            "self-intersections",
            object.self_intersections,
            Verdict::Caution,
            "exact predicates on all pairs",
        ),
    ];
    if let Some(matter) = &object.matter {
        let rays = "winding of rays";
        lines.push(counted("shells inside out", matter.inverted, Verdict::Fail, rays));
        lines.push(counted("shells within material", matter.nested, Verdict::Caution, rays));
    }
    lines
}
