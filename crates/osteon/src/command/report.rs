//! `report`: one page and one paper that show what was made, from what, and what to look at.

use crate::artefacts;
use crate::command::check::{Checked, read_made};
use crate::command::import;
use crate::command::make::{MAPS, Made, WORST};
use crate::failure::Failure;
use crate::job::Job;
use crate::printing::Printed;
use crate::registry::{Command, Effect, Outcome};
use osteon_case::Sha256;
use osteon_core::{Aabb, Ctx, Patient, Severity, Solid, Volume};
use osteon_io::dicom::Source;
use osteon_plan::Model;
use osteon_report::number::{Quantity, area, distance, volume as cubic};
use osteon_report::{Check, Fact, Figure, Gallery, Measure, Product, Table, Verdict};
use osteon_view::{Camera, Outline, Paint, Part, View, Window, marks, shaded, slice};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Write the report: pictures, measures, checks, findings, files and history
///
/// `report.html` is one page without anything to load; `report.pdf` is the same for paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {}

/// Size of shaded views in pixels.
const SHADED: [usize; 2] = [560, 560];
/// Size of slices in pixels.
const SLICE: [usize; 2] = [560, 560];
/// Colour of bone in shaded views.
const BONE: [u8; 3] = [232, 214, 178];
/// Colour of outlines on slices.
const OUTLINE: [u8; 3] = [255, 170, 40];

impl Command for Report {
    const NAME: &'static str = "report";
    const EFFECT: Effect = Effect::Changes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let plan = job.plan()?;
        let mut report = frame(job)?;
        let models: Vec<Model> = plan.models().cloned().collect();
        for (n, model) in models.iter().enumerate() {
            let share = |step: f64| (n as f64 + step) / models.len() as f64 * 0.8;
            let ctx = job.ctx().part("pictures", share(0.0), share(1.0));
            let made = read_made(job, &model.id)?;
            let (solid, volume) = (job.solid(&model.id)?, job.volume()?);
            report.galleries.push(on_slices(model, &solid, &volume, &ctx)?);
            report.galleries.push(views(model, &solid, &ctx)?);
            report.galleries.extend(uncertainty(job, model, &made)?);
            report.tables.push(measures(&made));
            report.checks.extend(checks(job, &model.id)?);
            report.tables.extend(printed(job, &model.id)?);
        }
        let ctx = job.ctx().part("writing the report", 0.8, 1.0);
        job.write_bytes(artefacts::REPORT_PAGE, osteon_report::html(&report).as_bytes())?;
        ctx.done(0.3)?;
        let paper = osteon_report::pdf(&report)?;
        job.write_bytes(artefacts::REPORT_PAPER, &paper)?;
        let summary = vec![format!("{}: {}", artefacts::REPORT_PAGE, report.headline())];
        Ok(Outcome {
            summary,
            findings: Vec::new(),
            data: json!({ "page": artefacts::REPORT_PAGE }),
            ..Outcome::default()
        })
    }
}

/// Everything about the case that is not about a single product.
fn frame(job: &mut Job<'_>) -> Result<osteon_report::Report, Failure> {
    let source = import::source(&job.read(artefacts::SOURCE)?)?;
    let at = job.session().stamp().at;
    let case = job.case()?;
    let id = case.description().id.clone();
    let mut report = osteon_report::Report {
        title: format!("Case {id}"),
        subtitle: "1:1 bone model from CT".to_owned(),
        case_id: id,
        date: at.strftime("%Y-%m-%d").to_string(),
        software: concat!("Osteon ", env!("CARGO_PKG_VERSION")).to_owned(),
        ..Default::default()
    };
    for entry in case.effective().filter(|entry| entry.name() != Report::NAME) {
        let made = entry.outputs.keys().any(|path| case.maker(path).is_some_and(|maker| maker.n == entry.n));
        // Planning and checking look at the same things; each is told once.
        for finding in entry.findings.iter().filter(|_| made) {
            if !report.findings.contains(finding) {
                report.findings.push(finding.clone());
            }
        }
        report.journal.push(format!("{}  {}", entry.n, entry.command));
    }
    let listed = case.artefacts().filter(|(path, _)| !path.to_string().starts_with("report."));
    report.files = listed
        .map(|(path, hash)| Product {
            name: path.to_string(),
            what: what(&path.to_string()).to_owned(),
            bytes: case.size(path).unwrap_or_default(),
            sha256: hash.to_string(),
        })
        .collect();
    let spacing = source.spacing.map(|mm| format!("{mm:.3}")).join(" × ");
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    report.provenance = vec![
        fact("Scan", format!("{} slices of {} × {} pixels", source.size[2], source.size[0], source.size[1])),
        fact("Spacing", format!("{spacing} mm")),
        fact("Kernel", source.kernel.clone().unwrap_or_else(|| "not stated".to_owned())),
        fact("Gantry tilt", format!("{:.1}°", source.tilt)),
        fact("Frame", "patient coordinates (LPS), millimetres".to_owned()),
        fact("Not measured", not_measured(&source)),
        fact("Stated by hand", stated(&source)),
        // The UID itself would lead back to the patient; its hash only confirms it.
        fact(
            "Series",
            format!("UID with SHA-256 {:.16}…", Sha256::of(source.series.unwrap_or_default().as_bytes())),
        ),
    ];
    Ok(report)
}

/// The slabs of the image that the scan did not measure.
fn not_measured(source: &Source) -> String {
    let slabs: Vec<String> = source
        .not_measured
        .iter()
        .map(|slab| format!("slices {} to {}", slab.slices[0] + 1, slab.slices[1] + 1))
        .collect();
    let filled = if source.assumed.contains_key("gaps") { ", interpolated" } else { "" };
    if slabs.is_empty() { "nothing".to_owned() } else { slabs.join(", ") + filled }
}

/// What a person stated about the scan that its files do not say.
fn stated(source: &Source) -> String {
    let stated: Vec<String> = source.assumed.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    if stated.is_empty() { "nothing".to_owned() } else { stated.join("; ") }
}

/// What a file of the case is, for readers.
fn what(path: &str) -> &'static str {
    let end = path.rsplit('.').next().unwrap_or_default();
    match end {
        "nrrd" if path.ends_with(".seg.nrrd") => "structures",
        "nrrd" => "image",
        "png" => "map of the uncertainty",
        "html" => "QA card",
        "stl" | "3mf" => "model for printing",
        "ply" => "model, exact",
        "glb" => "model for viewers",
        "gcode" => "printer instructions",
        "json" if path == artefacts::PLAN => "plan",
        _ => "record",
    }
}

/// Slices through the model with its outline over them: the proof that it lies where the bone is.
fn on_slices(model: &Model, solid: &Solid, volume: &Volume<i16>, ctx: &Ctx) -> Result<Gallery, Failure> {
    let bounds = solid.mesh().bounds();
    let middle = busiest(solid, &bounds);
    let mut figures = Vec::new();
    for view in [View::AXIAL, View::CORONAL, View::SAGITTAL] {
        let camera = Camera::fit(view, &bounds, SLICE)?.through(osteon_core::Point::from_vec(middle.into()));
        let outline = Outline { mesh: solid.mesh(), colour: OUTLINE };
        let mut picture = slice::slice(volume, &camera, Window::BONE, &[outline], ctx)?;
        marks::mark(&mut picture, &camera, marks::Ink::ON_DARK);
        let caption = slice::caption(&camera);
        let alt = format!("CT slice, {caption}, with the outline of the model {}", model.id);
        figures.push(Figure::new(&caption, &alt, &picture)?);
    }
    let note = "CT in the bone window with the model's outline. The patient's right is on the viewer's left.";
    Ok(Gallery { title: format!("{} on the image", model.of.english()), note: note.to_owned(), figures })
}

/// A place inside the model through which slices show much of it: the middle of the largest shell.
fn busiest(solid: &Solid, bounds: &Aabb<Patient>) -> [f64; 3] {
    let largest = solid.shells().first().map_or(*bounds, |shell| shell.bounds);
    largest.middle().to_array()
}

fn views(model: &Model, solid: &Solid, ctx: &Ctx) -> Result<Gallery, Failure> {
    let shown = osteon_view::Model::new(&[Part { mesh: solid.mesh(), paint: Paint::Plain(BONE) }])?;
    let mut figures = Vec::new();
    for view in View::SIX {
        let camera = shown.camera(view, SHADED)?;
        let mut picture = shaded(&shown, &camera, ctx)?;
        marks::mark(&mut picture, &camera, marks::Ink::ON_LIGHT);
        let alt = format!("The model {} {}", model.id, view.name());
        figures.push(Figure::new(view.name(), &alt, &picture)?);
    }
    let note = "Letters at the edges are the patient's directions.";
    Ok(Gallery { title: format!("{} from all sides", model.of.english()), note: note.to_owned(), figures })
}

/// The model in colours that tell how well its surface is known.
fn uncertainty(job: &mut Job<'_>, model: &Model, made: &Made) -> Result<Option<Gallery>, Failure> {
    let Some(known) = &made.accuracy else {
        return Ok(None);
    };
    let mut figures = Vec::new();
    for (n, view) in View::SIX.into_iter().take(MAPS).enumerate() {
        let path = artefacts::product(&model.id, &format!("uncertainty-{}.png", n + 1));
        if job.has(&path) {
            let (caption, png) = (view.name().to_owned(), job.read(&path)?);
            let alt = format!("The model {} {caption}, coloured by its uncertainty", model.id);
            figures.push(Figure { caption, alt, png });
        }
    }
    let note = format!(
        "Blue where the surface is known best, over yellow at {:.2} mm to red at {WORST:.2} mm and beyond (95 %), \
         before marks were pressed in: {}.",
        0.5 * WORST,
        known.uncertainty.line
    );
    let title = format!("How well {} is known", model.of.english());
    Ok((!figures.is_empty()).then_some(Gallery { title, note, figures }))
}

fn row(name: &str, value: Quantity, source: &str) -> Measure {
    Measure { name: name.to_owned(), value, source: source.to_owned() }
}

fn measures(made: &Made) -> Table {
    let [x, y, z] = made.size;
    let mut rows = vec![
        row("Width, left to right", distance(x), "box along the patient's axes"),
        row("Depth, front to back", distance(y), "box along the patient's axes"),
        row("Height, feet to head", distance(z), "box along the patient's axes"),
        row("Volume", cubic(made.volume), "divergence theorem"),
        row("Surface", area(made.area), "sum of triangles"),
        row("Triangles", Quantity::plain(made.triangles), "count"),
    ];
    if let Some(known) = &made.accuracy {
        let error = known.editing_error;
        let mm = |text: String| Quantity { value: text, unit: "mm".to_owned() };
        let certified =
            error.certified.map_or(String::new(), |c| format!(", never more than {c:.3} (proven)"));
        let text = format!("mean {:.3}, 95 % {:.3}{certified}", error.mean, error.p95);
        rows.push(row("Digital editing error", mm(text), "left-out triangles against the image's surface"));
        rows.push(row(
            "Surface known to",
            Quantity::plain(&known.uncertainty.line),
            "error budget, before the marks",
        ));
        rows.push(row("Sharpness of the scan", Quantity::plain(&known.scan), "edges and noise of this scan"));
        let meet = Quantity::plain(known.self_intersections);
        rows.push(row("Self-intersections", meet, "exact predicates on all pairs of triangles"));
    }
    if let (Some(face), Some(height)) = (&made.marked_on, made.letter_height) {
        let text = format!("{} ({face} side)", made.marks.join(" | "));
        rows.push(row("Marks", Quantity::plain(text), "read back from the finished surface"));
        rows.push(row("Letter height", distance(height), "data/model-marks.toml"));
    }
    Table { title: format!("Measures of {}", made.item), rows }
}

fn checks(job: &mut Job<'_>, item: &str) -> Result<Vec<Check>, Failure> {
    let Some(lines) = optional::<Vec<Checked>>(job, &artefacts::product(item, "check.json"))? else {
        return Ok(Vec::new());
    };
    let verdict = |severity: Option<Severity>| match severity {
        Some(Severity::Danger) => Verdict::Fail,
        Some(Severity::Caution) => Verdict::Caution,
        _ => Verdict::Pass,
    };
    let check = |line: Checked| Check {
        name: format!("{item}: {}", line.name),
        verdict: verdict(line.severity),
        value: line.value,
        limit: line.limit,
        source: line.method,
    };
    Ok(lines.into_iter().map(check).collect())
}

fn printed(job: &mut Job<'_>, item: &str) -> Result<Option<Table>, Failure> {
    let Some(printed) = optional::<Printed>(job, &artefacts::product(item, "print.json"))? else {
        return Ok(None);
    };
    let quantity = |value: f64, unit: &str| Quantity { value: format!("{value:.1}"), unit: unit.to_owned() };
    let read = "G-code read back";
    let mut rows = vec![
        row("Printer", Quantity::plain(&printed.printer), "profile"),
        row("Layers", Quantity::plain(printed.layers), read),
        row("Layer height", quantity(printed.layer.value(), "mm"), "profile"),
        row("Material", quantity(printed.grams, "g"), read),
        row(
            "Left and right",
            Quantity::plain(&printed.hand),
            "outlines laid down against sections of the model",
        ),
    ];
    if let Some(deviation) = printed.deviation {
        rows.push(row(
            "Outline against model",
            Quantity { value: format!("{deviation:.2}"), unit: "mm".to_owned() },
            read,
        ));
    }
    if let Some(seconds) = printed.seconds {
        rows.push(row("Printing time", quantity(seconds / 3600.0, "h"), "estimate of the slicing program"));
    }
    Ok(Some(Table { title: format!("Print of {item}"), rows }))
}

/// A record of the case, if it has been made.
fn optional<T: DeserializeOwned>(job: &mut Job<'_>, path: &str) -> Result<Option<T>, Failure> {
    if !job.has(path) {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&job.read(path)?).ok())
}
