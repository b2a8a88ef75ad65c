//! What an inspection leaves: `report.json`, maps, `deviation.ply`, `report.html`.

use super::callipers::{Measured, READING};
use super::{Inspect, Seen, interval};
use crate::failure::Failure;
use osteon_case::{CasePath, Folder};
use osteon_core::{Ctx, Finding, Mesh, Severity};
use osteon_mesh::align::{Hand, Model, Scaled};
use osteon_report::number::{Quantity, distance, percent};
use osteon_report::{Check, Fact, Figure, Gallery, Measure, Table, Verdict};
use osteon_view::{Paint, Part, View, marks, shaded};
use serde_json::{Value, json};

/// Size of the maps in pixels.
const SIZE: [usize; 2] = [560, 560];

/// Colour of what the scan did not see.
const UNSEEN: [u8; 3] = [90, 90, 96];

/// How the distances are taken, in the words of the report.
const METHOD: &str = "signed distance from the plan's vertices to the scan, weighted by area";

/// What is written down.
pub(super) struct Shown<'a> {
    pub command: &'a Inspect,
    pub plan: &'a Mesh,
    pub seen: Option<&'a Seen>,
    pub measured: &'a Measured,
}

/// Writes everything and tells it in short lines and as data.
pub(super) fn write(
    folder: &Folder,
    shown: &Shown<'_>,
    findings: &mut [Finding],
    ctx: &Ctx,
) -> Result<(Vec<String>, Value), Failure> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let verdict = shown.verdict(findings);
    let data = json!({
        "osteon": crate::VERSION,
        "notice": crate::NOTICE,
        "settings": shown.command,
        "verdict": verdict,
        "scan": shown.seen.map(Seen::data),
        "callipers": shown.measured.data(),
        "findings": findings,
    });
    folder.put(&CasePath::new("report.json")?, format!("{data:#}\n").as_bytes())?;
    let mut galleries = Vec::new();
    if let Some(seen) = shown.seen {
        let limit = shown.limit(seen);
        let pictures = maps(shown.plan, seen, limit, &ctx.part("maps", 0.0, 0.7))?;
        for (name, png, _) in &pictures {
            folder.put(&CasePath::new(&format!("map-{name}.png"))?, png)?;
        }
        let figures = pictures.into_iter().map(|(_, _, figure)| figure).collect();
        let note = format!(
            "Blue: material is missing; red: in excess; full colour at {limit:.2} mm. Dark grey: the scan did not see it."
        );
        galleries.push(Gallery { title: "Deviation from the plan".to_owned(), note, figures });
        let ply = coloured(shown.plan, seen, limit);
        folder.put(&CasePath::new("deviation.ply")?, &ply)?;
    }
    let page = shown.page(&verdict, findings, galleries);
    folder.put(&CasePath::new("report.html")?, osteon_report::html(&page).as_bytes())?;
    let mut lines = shown.seen.map_or(Vec::new(), Seen::lines);
    for (n, (planned, measured, _)) in shown.measured.rows.iter().enumerate() {
        let off = measured - planned;
        lines.push(format!(
            "reading {}: {measured:.2} mm measured, {planned:.2} mm planned, {off:+.2} mm",
            n + 1
        ));
    }
    for (axis, scale) in ["x", "y", "z"].iter().zip(shown.measured.scale) {
        if let Some((value, half)) = scale {
            lines.push(format!("scale along {axis} by callipers: {value:.4} ± {half:.4}"));
        }
    }
    lines.push(format!("{verdict}; the report is in {}; start with report.html", shown.command.out));
    Ok((lines, data))
}

impl Shown<'_> {
    /// The verdict in a few words: `passes`, `fails`, or that nothing was judged.
    fn verdict(&self, findings: &[Finding]) -> String {
        let danger = findings.iter().any(|finding| finding.severity == Severity::Danger);
        match (danger, self.command.tolerance) {
            (true, _) => "fails".to_owned(),
            (false, None) => "not judged: no tolerance was stated".to_owned(),
            (false, Some(tolerance)) => match self.seen {
                Some(seen) if seen.deviations.seen < super::SEEN => {
                    format!("passes {tolerance} where it was seen")
                }
                _ => format!("passes {tolerance}"),
            },
        }
    }

    /// Distance at which the colours end, mm.
    fn limit(&self, seen: &Seen) -> f64 {
        // Without a tolerance the colours end where 95 % do, but not below what scanners resolve.
        self.command.tolerance.map_or(seen.deviations.p95.max(0.05), |tolerance| tolerance.value())
    }

    fn page(&self, verdict: &str, findings: &[Finding], galleries: Vec<Gallery>) -> osteon_report::Report {
        let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
        let mut tables = Vec::new();
        let mut checks = Vec::new();
        if let Some(seen) = self.seen {
            tables.extend([seen.distances(), seen.explained()]);
            checks.extend(self.check(seen));
        }
        if !self.measured.rows.is_empty() {
            tables.push(readings(self.measured));
        }
        let name = |path: &str| {
            std::path::Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
        };
        let mut provenance = vec![fact("Plan", name(&self.command.against))];
        provenance.extend(self.command.scan.as_ref().map(|scan| fact("Scan", name(scan))));
        let up = self.command.up.clone().unwrap_or_else(|| "0,0,1 (not stated)".to_owned());
        provenance.push(fact("Up on the printer", up));
        provenance.push(fact(
            "Passing",
            "95 % of the area seen is within the tolerance; the largest deviations are listed in any case"
                .to_owned(),
        ));
        provenance.push(fact(
            "For comparison",
            "published prints: median of 139 papers 0.26 mm [schulze-2024]; material extrusion 0.26 mm on average, \
             0.89 mm at most, 1 mm taken as tolerance [ravi-2022]"
                .to_owned(),
        ));
        osteon_report::Report {
            title: "Inspection of a printed part".to_owned(),
            subtitle: format!("verdict: {verdict}"),
            software: concat!("Osteon ", env!("CARGO_PKG_VERSION")).to_owned(),
            findings: findings.to_vec(),
            galleries,
            tables,
            checks,
            provenance,
            ..Default::default()
        }
    }

    fn check(&self, seen: &Seen) -> Option<Check> {
        let tolerance = self.command.tolerance?;
        let (p95, limit) = (seen.deviations.p95, tolerance.value());
        Some(Check {
            name: "95 % of the surface".to_owned(),
            verdict: if p95 <= limit { Verdict::Pass } else { Verdict::Fail },
            value: format!("{p95:.2} mm"),
            limit: tolerance.to_string(),
            source: METHOD.to_owned(),
        })
    }
}

fn row(name: &str, value: Quantity, source: &str) -> Measure {
    Measure { name: name.to_owned(), value, source: source.to_owned() }
}

/// A number with its interval.
fn known(number: Scaled, decimals: usize, unit: &str) -> Quantity {
    let value = match number.half.is_finite() {
        true => format!("{:.decimals$} ± {:.decimals$}", number.value, number.half),
        false => "not told by the scan".to_owned(),
    };
    Quantity { value, unit: unit.to_owned() }
}

fn readings(measured: &Measured) -> Table {
    let source = format!("callipers, 95 % within {READING} mm (chosen)");
    let rows = measured.rows.iter().enumerate().map(|(n, (planned, found, _))| {
        let value = format!("{found:.2} (planned {planned:.2}, {:+.2})", found - planned);
        row(&format!("Reading {}", n + 1), Quantity { value, unit: "mm".to_owned() }, &source)
    });
    let scales = ["x", "y", "z"].iter().zip(measured.scale).filter_map(|(axis, scale)| {
        let (value, half) = scale?;
        Some(row(
            &format!("Scale along {axis}"),
            known(Scaled { value, half }, 4, ""),
            "least squares over the readings",
        ))
    });
    Table { title: "Callipers".to_owned(), rows: rows.chain(scales).collect() }
}

impl Seen {
    fn distances(&self) -> Table {
        let found = &self.deviations;
        let at = |place: osteon_core::Point<osteon_core::Patient>| {
            let [x, y, z] = place.to_array();
            format!("at {x:.1}, {y:.1}, {z:.1} mm")
        };
        Table {
            title: "Distances".to_owned(),
            rows: vec![
                row("Seen", percent(100.0 * found.seen), "share of the plan's area"),
                row("Mean signed", distance(found.bias), METHOD),
                row("Mean", distance(found.mean), METHOD),
                row("Root mean square", distance(found.rms), METHOD),
                row("95 %", distance(found.p95), METHOD),
                row("Most missing", distance(found.least.0), &at(found.least.1)),
                row("Most in excess", distance(found.most.0), &at(found.most.1)),
                row("From scan to plan, 95 %", distance(found.back.0), "places of the scan"),
                row("From scan to plan, most", distance(found.back.1), &at(found.back.2)),
            ],
        }
    }

    fn explained(&self) -> Table {
        let found = &self.distortion;
        let method = "least squares over places of the scan, robust; 95 % interval";
        let mut rows = Vec::new();
        for (axis, scale) in ["x", "y", "z"].iter().zip(&found.scale) {
            rows.push(row(&format!("Scale along the printer's {axis}"), known(*scale, 4, ""), method));
        }
        rows.extend(found.growth.map(|growth| row("Growth outward", known(growth, 3, "mm"), method)));
        if let Some((warp, place)) = &found.warp {
            let [x, y, z] = place.to_array();
            rows.push(row(
                "Warp, where it is most",
                known(*warp, 3, "mm"),
                &format!("at {x:.1}, {y:.1}, {z:.1} mm"),
            ));
        }
        rows.extend(
            found.lift.map(|lift| row("Lift there", known(lift, 3, "mm"), "along up on the printer")),
        );
        rows.push(row(
            "Noise",
            Quantity { value: format!("{:.3}", found.noise), unit: "mm".to_owned() },
            "standard deviation of what is left",
        ));
        rows.push(row("Places that fit", percent(100.0 * found.fitting), "within three standard deviations"));
        Table { title: "What explains the differences".to_owned(), rows }
    }

    /// The same for programs.
    fn data(&self) -> Value {
        let (d, f, r) = (&self.deviations, &self.distortion, &self.registration);
        let place = |(mm, place): (f64, osteon_core::Point<osteon_core::Patient>)| json!({ "mm": mm, "at": place.to_array() });
        let pose = |pose: osteon_core::Affine<osteon_core::Patient, osteon_core::Patient>| {
            let row = |k: usize| {
                let row = pose.linear.row(k);
                [row.x, row.y, row.z, pose.offset[k]]
            };
            [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]]
        };
        json!({
            "hand": match r.hand { Hand::Same => "same", Hand::Mirrored => "mirrored", Hand::Undecided => "undecided" },
            "median_as_planned": r.medians[0],
            "median_mirrored": r.medians[1],
            "pose": pose(r.pose()),
            "pose_with_distortion": pose(f.pose),
            "places_fitted": r.places(),
            "rigid_spread": r.spread(),
            "distances": {
                "seen": d.seen, "bias": d.bias, "mean": d.mean, "rms": d.rms, "p95": d.p95,
                "least": place(d.least), "most": place(d.most),
                "unseen": d.unseen.map(|(place, far)| json!({ "at": place.to_array(), "from_seen": far })),
                "scan_to_plan": { "p95": d.back.0, "most": place((d.back.1, d.back.2)) },
            },
            "explained": {
                "by": match f.model {
                    Model::Rigid => "nothing", Model::Scale => "scale", Model::Bend => "bend", Model::Warp => "warp",
                },
                "scale": f.scale.iter().map(|s| interval(*s)).collect::<Vec<_>>(),
                "growth": f.growth.map(interval),
                "warp": f.warp.map(|(warp, at)| json!({ "mm": interval(warp), "at": at.to_array() })),
                "lift": f.lift.map(interval),
                "noise": f.noise,
                "fitting": f.fitting,
            },
        })
    }

    fn lines(&self) -> Vec<String> {
        let (d, f) = (&self.deviations, &self.distortion);
        let mut lines = vec![format!(
            "distance from the plan: mean {:.3}, 95 % {:.3}, from {:.2} to {:.2} mm; {:.0} % of the plan seen",
            d.mean,
            d.p95,
            d.least.0,
            d.most.0,
            100.0 * d.seen
        )];
        if !f.scale.is_empty() {
            let scale: Vec<String> = f.scale.iter().map(|s| known(*s, 4, "").to_string()).collect();
            lines.push(format!("scale along the printer's x, y, z: {}", scale.join(", ")));
        }
        let mut parts = Vec::new();
        parts.extend(f.growth.map(|growth| format!("growth {}", known(growth, 3, "mm"))));
        parts.extend(f.warp.map(|(warp, _)| format!("warp {}", known(warp, 3, "mm"))));
        parts.push(format!("noise {:.3} mm", f.noise));
        lines.push(parts.join(", "));
        lines
    }
}

/// The colour of a distance: blue where material is missing, white as planned, red in excess.
fn shade(distance: Option<f64>, limit: f64) -> [u8; 3] {
    let Some(distance) = distance else { return UNSEEN };
    let share = (distance.abs() / limit).min(1.0);
    let end = if distance < 0.0 { [40.0, 90.0, 190.0] } else { [195.0, 45.0, 35.0] };
    end.map(|c: f64| (240.0 + (c - 240.0) * share + 0.5) as u8)
}

/// The plan from all sides in the colours of its distances: name, picture, figure.
fn maps(plan: &Mesh, seen: &Seen, limit: f64, ctx: &Ctx) -> Result<Vec<(String, Vec<u8>, Figure)>, Failure> {
    let colours: Vec<[u8; 3]> = seen.deviations.at.iter().map(|d| shade(*d, limit)).collect();
    let model = osteon_view::Model::new(&[Part { mesh: plan, paint: Paint::Vertices(&colours) }])?;
    let mut maps = Vec::new();
    for view in View::SIX {
        let camera = model.camera(view, SIZE)?;
        let mut picture = shaded(&model, &camera, ctx)?;
        marks::mark(&mut picture, &camera, marks::Ink::ON_LIGHT);
        let figure = Figure::new(view.name(), &format!("Deviation seen {}", view.name()), &picture)?;
        let name: String = view.name().chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
        maps.push((name.replace(' ', "-"), figure.png.clone(), figure));
    }
    Ok(maps)
}

/// The plan as a PLY with colour and signed distance at each vertex; the distance is NaN where nothing was seen.
fn coloured(plan: &Mesh, seen: &Seen, limit: f64) -> Vec<u8> {
    let header = format!(
        "ply\nformat binary_little_endian 1.0\ncomment osteon UNIT=mm SPACE=LPS\n\
         comment quality is the signed distance in mm, positive where material is in excess, NaN where not seen\n\
         element vertex {}\nproperty double x\nproperty double y\nproperty double z\nproperty float quality\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\nelement face {}\n\
         property list uchar int vertex_indices\nend_header\n",
        plan.vertices.len(),
        plan.triangles.len()
    );
    let mut bytes = header.into_bytes();
    for (vertex, distance) in plan.vertices.iter().zip(&seen.deviations.at) {
        for number in vertex.to_array() {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let quality = distance.map_or(f32::NAN, |d| d as f32);
        bytes.extend_from_slice(&quality.to_le_bytes());
        bytes.extend_from_slice(&shade(*distance, limit));
    }
    for triangle in &plan.triangles {
        bytes.push(3);
        for v in triangle {
            bytes.extend_from_slice(&v.to_le_bytes());
        }
    }
    bytes
}
