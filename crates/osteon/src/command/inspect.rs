//! `inspect`: is a printed part what was planned? A scan or calliper readings against the plan, without a case.

mod callipers;
mod record;

use crate::command::{import, shape};
use crate::failure::Failure;
use crate::intake::{self, Hashes};
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use crate::surfacing::half_height;
use crate::upright;
use osteon_case::Folder;
use osteon_core::{Ctx, ErrorKind, Finding, Hu, Mesh, Mm, Severity};
use osteon_image::components::{Neighbours, components};
use osteon_image::islands::keep_largest;
use osteon_image::otsu::otsu;
use osteon_io::dicom::Loaded;
use osteon_mesh::align::{self, Deviations, Distortion, Hand, Registration, deviation, register};
use osteon_mesh::bvh::Bvh;
use osteon_print::Turn;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

/// Hold a printed part against its plan: a scan of it, or calliper readings
///
/// The scan is a mesh file, or a CT of the print (folder, DICOM, NRRD, NIfTI; plastic in air). It may have any pose
/// and show a part of the surface. It is laid on the plan without scaling or mirroring it; a mirrored print is named.
/// Told are the signed distance everywhere on the plan, what was not seen, and what explains the differences: scale
/// along the printer's axes, warp, growth, noise, each with its 95 % interval.
///
/// A part passes a tolerance when 95 % of the area that was seen is no farther off; the largest deviations are listed
/// with their places whatever the verdict. Published prints by material extrusion were off by 0.26 mm on average and
/// 0.89 mm at most, and 1 mm was taken as tolerance [ravi-2022].
///
/// Without a scanner, callipers do: --caliper "10,-20,300 55,-20,300 = 45.12" states what was measured between two
/// places of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// Scan of the print: a mesh file, or a folder, file or ZIP archive with a CT of it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-position" = 1))]
    pub scan: Option<String>,
    /// Mesh file that was printed: the plan
    pub against: String,
    /// Folder for the report, the maps and the PLY: new or empty
    pub out: String,
    /// What the part must keep; without it nothing is judged
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 10.0))]
    pub tolerance: Option<Mm>,
    /// Direction x,y,z of the part (patient axes) that was up on the printer; 0,0,1 if not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-whole" = true))]
    pub up: Option<String>,
    /// What the print may have done to the plan
    #[serde(default)]
    pub model: Explained,
    /// Two places of the plan and the distance measured between them: "x,y,z x,y,z = 42.31"
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub caliper: Vec<String>,
    /// In a CT of the print, the least radiodensity of its plastic; found between air and plastic if not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1024.0, max = 3071.0))]
    pub threshold: Option<Hu>,
    /// The series to take when the folder holds several: its number in the list, or its UID
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// What you state in place of the files, such as spacing=0.5,0.5 or gaps=filled; written into the report
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub assume: Vec<String>,
}

/// What the print may have done to the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Explained {
    /// Nothing is explained: only the pose is fitted.
    Rigid,
    /// A scale along each axis of the printer, and a growth everywhere outward.
    Scale,
    /// The same, with bends, twists and lifted corners.
    #[default]
    Warp,
}

impl Explained {
    const fn model(self) -> align::Model {
        match self {
            Self::Rigid => align::Model::Rigid,
            Self::Scale => align::Model::Scale,
            Self::Warp => align::Model::Warp,
        }
    }
}

/// Least share of the plan's area that should be seen.
///
/// Chosen: a table hides a fifth of a part; below it the verdict is about a piece only.
const SEEN: f64 = 0.8;

/// Strays above this share are told. Chosen: optical scanners leave a percent or two.
const STRAYS: f64 = 0.1;

/// A scan whose median distance is above this share of the plan's diagonal may be of another part.
///
/// Chosen: a print off by so much over half its surface is no print of this plan.
const OTHER: f64 = 0.01;

impl Command for Inspect {
    const NAME: &'static str = "inspect";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx().clone();
        if self.scan.is_none() && self.caliper.is_empty() {
            let help = "name a scan of the print, or give --caliper readings";
            let message = "there is nothing to hold against the plan";
            return Err(Failure::new(ErrorKind::Input, "nothing-to-inspect", message, help));
        }
        let turn = self.up.as_deref().map_or_else(|| Ok(Turn::standing()), upright::turn)?;
        let readings = callipers::read(&self.caliper)?;
        let (plan, mut findings) = plan(&self.against, &ctx.part("reading the plan", 0.0, 0.05))?;
        let bvh = Bvh::new(&plan, &ctx.part("reading the plan", 0.05, 0.08))?;
        let measured = callipers::measure(&readings, (&plan, &bvh), &turn, self.tolerance)?;
        findings.extend(measured.findings.iter().cloned());
        let seen = match &self.scan {
            None => None,
            Some(path) => {
                let scan = self.scanned(path, &mut findings, &ctx.part("reading the scan", 0.08, 0.3))?;
                let part = ctx.part("laying the scan on the plan", 0.3, 0.9);
                Some(self.held((&plan, &bvh), &scan, &turn, &mut findings, &part)?)
            }
        };
        let folder = Folder::create(Path::new(&self.out))?;
        let shown = record::Shown { command: self, plan: &plan, seen: seen.as_ref(), measured: &measured };
        let part = ctx.part("writing", 0.9, 1.0);
        let (summary, data) = record::write(&folder, &shown, &mut findings, &part)?;
        Ok(Outcome { summary, findings, data, ..Outcome::default() })
    }
}

/// What a scan told.
pub(crate) struct Seen {
    pub registration: Registration,
    pub distortion: Distortion,
    pub deviations: Deviations,
}

/// All objects of a mesh file as one mesh.
fn plan(path: &str, ctx: &Ctx) -> Result<(Mesh, Vec<Finding>), Failure> {
    let read = shape::load_with_facts(path, ctx)?.0;
    let mut all = Mesh::default();
    for named in read.meshes {
        let first = all.vertices.len() as u32;
        all.vertices.extend(named.mesh.vertices);
        all.triangles.extend(named.mesh.triangles.into_iter().map(|t| t.map(|v| v + first)));
    }
    let mut findings = read.findings;
    if all.signed_volume() < 0.0 {
        for triangle in &mut all.triangles {
            triangle.swap(1, 2);
        }
        let message = format!("the triangles of {path} face inward; they were turned");
        findings.push(Finding::new("faces-turned", Severity::Note, message));
    }
    Ok((all, findings))
}

/// Ends of names that are mesh files; anything else is taken for a CT.
const MESHES: [&str; 6] = ["stl", "ply", "obj", "3mf", "glb", "gltf"];

impl Inspect {
    /// The surface of the scan.
    fn scanned(&self, path: &str, findings: &mut Vec<Finding>, ctx: &Ctx) -> Result<Mesh, Failure> {
        let end = Path::new(path).extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if MESHES.contains(&end.as_str()) {
            let (mesh, told) = plan(path, ctx)?;
            // A scan may be open, split or far away; what matters of it is told by the registration.
            findings.extend(told.into_iter().filter(|finding| finding.code == "unit-guess"));
            return Ok(mesh);
        }
        let intake = intake::look(Path::new(path), &self.assume, &ctx.part("reading headers", 0.0, 0.1))?;
        let candidate = intake.choose(self.series.as_deref())?;
        let loaded = intake.load(candidate, Hashes::None, &ctx.part("decoding slices", 0.1, 0.5))?;
        let Loaded { samples, findings: told, .. } = loaded;
        let (volume, rounding) = samples.to_i16()?;
        findings.extend(told);
        findings.extend(rounding.map(import::rounded));
        let threshold = match self.threshold {
            Some(threshold) => threshold,
            None => {
                let found = otsu(&volume, Hu(-1024.0), Hu(3071.0), &ctx.part("threshold", 0.5, 0.6))?;
                let found = found.ok_or_else(nothing)?;
                let message = format!("plastic and air are parted at {found}, found in the scan (Otsu)");
                findings.push(Finding::new("threshold-found", Severity::Note, message));
                found
            }
        };
        let segmenting = ctx.part("plastic", 0.6, 0.7);
        let mask = osteon_image::threshold(&volume, threshold, None, &segmenting)?;
        let pieces = components(&mask, Neighbours::Faces, &segmenting)?;
        let mask = keep_largest(&pieces, 1).mask;
        if mask.is_empty() {
            return Err(nothing());
        }
        let (solid, _) = half_height(&volume, &mask, &ctx.part("surface", 0.7, 1.0))?;
        Ok(solid.into_mesh())
    }

    /// The scan laid on the plan, and what is to be told of it.
    fn held(
        &self,
        plan: (&Mesh, &Bvh),
        scan: &Mesh,
        turn: &Turn,
        findings: &mut Vec<Finding>,
        ctx: &Ctx,
    ) -> Result<Seen, Failure> {
        let registration = register(plan, scan, &ctx.part("registration", 0.0, 0.7))?;
        let explaining = ctx.part("distortion", 0.7, 0.85);
        // Nothing that a printer does explains a mirror image.
        let model = match registration.hand {
            Hand::Mirrored => align::Model::Rigid,
            _ => self.model.model(),
        };
        let distortion = registration.explain(plan, model, turn.rotation(), &explaining)?;
        let deviations = deviation(plan, scan, &registration, &ctx.part("distances", 0.85, 1.0))?;
        let diagonal = plan.0.bounds().size().length();
        findings.extend(handed(&registration));
        findings.extend(fitting(&registration, &distortion, diagonal));
        findings.extend(self.judged(&deviations));
        Ok(Seen { registration, distortion, deviations })
    }

    /// What the deviations amount to.
    fn judged(&self, found: &Deviations) -> Vec<Finding> {
        let mut told = Vec::new();
        if found.seen < SEEN {
            let message = format!(
                "the scan shows {:.0} % of the plan's area; the rest is not judged",
                100.0 * found.seen
            );
            let mut finding = Finding::new("partly-seen", Severity::Caution, message)
                .measured(100.0 * found.seen, 100.0 * SEEN, "%", "chosen: a table hides a fifth of a part")
                .remedy("scan the part from more sides; a piece that is missing looks the same as one that was not scanned");
            finding.place = found.unseen.map(|(place, _)| place.to_array());
            told.push(finding);
        }
        let Some(tolerance) = self.tolerance else { return told };
        let limit = tolerance.value();
        if found.p95 > limit {
            let message = format!(
                "95 % of the surface seen keep {:.2} mm, and {:.1} % keep the tolerance of {limit} mm",
                found.p95,
                100.0 * found.within(limit)
            );
            let worst = if -found.least.0 > found.most.0 { found.least } else { found.most };
            told.push(
                Finding::new("tolerance-exceeded", Severity::Danger, message)
                    .measured(found.p95, limit, "mm", "--tolerance")
                    .at(worst.1.to_array())
                    .remedy("do not use the part; osteon gauge measures the printer, and a profile with its compensation mends scale and growth"),
            );
        }
        for (what, (distance, place)) in [("missing", found.least), ("in excess", found.most)] {
            if distance.abs() > limit {
                let message = format!("up to {:.2} mm of material is {what}", distance.abs());
                told.push(
                    Finding::new("deviation", Severity::Caution, message)
                        .measured(distance.abs(), limit, "mm", "--tolerance")
                        .at(place.to_array())
                        .remedy("look at this place of the print and of the map; strays of the scan look the same"),
                );
            }
        }
        told
    }
}

fn nothing() -> Failure {
    let message = "there is nothing but one material in the scan";
    let help = "see that the scan shows the print in air, or give --threshold";
    Failure::new(ErrorKind::Numeric, "nothing-found", message, help)
}

/// What the form and its mirror image tell.
fn handed(registration: &Registration) -> Option<Finding> {
    let [own, mirrored] = registration.medians;
    let numbers = format!("median distance {own:.3} mm as planned, {mirrored:.3} mm mirrored");
    match registration.hand {
        Hand::Same => None,
        Hand::Mirrored => Some(
            Finding::new("print-mirrored", Severity::Danger, format!("the print is the mirror image of the plan: {numbers}"))
                .measured(own, mirrored, "mm", "fit of the mirror image")
                .remedy("do not use the part; see where the file was mirrored on its way to the printer, or whether the scan is"),
        ),
        Hand::Undecided => Some(
            Finding::new(
                "hand-undecided",
                Severity::Note,
                format!("the plan and its mirror image fit alike, so the form does not tell left from right: {numbers}"),
            )
            .remedy("read the marks on the part"),
        ),
    }
}

/// What is to be told of how the scan lies.
fn fitting(registration: &Registration, distortion: &Distortion, diagonal: f64) -> Vec<Finding> {
    let mut told = Vec::new();
    for free in registration.free() {
        let length = |v: [f64; 3]| glam::DVec3::from_array(v).length();
        let words = |v: [f64; 3]| v.map(|c| format!("{c:.2}")).join(", ");
        let motion = match length(free.turn) > length(free.shift) {
            true => format!("turned about the axis ({})", words(free.turn)),
            false => format!("shifted along ({})", words(free.shift)),
        };
        let message = format!(
            "the part's form does not tell whether it is {motion}: deviations along this motion cannot be seen"
        );
        told.push(Finding::new("pose-undetermined", Severity::Caution, message));
    }
    let strays = 1.0 - distortion.fitting;
    if strays > STRAYS {
        let message =
            format!("{:.0} % of the scan's places do not fit and were left out of the fit", 100.0 * strays);
        told.push(
            Finding::new("strays", Severity::Caution, message)
                .measured(
                    100.0 * strays,
                    100.0 * STRAYS,
                    "%",
                    "chosen: optical scanners leave a percent or two",
                )
                .remedy(
                    "cut away table, clamps and supports from the scan; look at the map for local damage",
                ),
        );
    }
    let median = registration.medians[0];
    if registration.hand != Hand::Mirrored && median > OTHER * diagonal {
        let message = format!("half of the scan is more than {median:.2} mm away: is it this part?");
        told.push(
            Finding::new("another-part", Severity::Danger, message)
                .measured(median, OTHER * diagonal, "mm", "chosen: 1 % of the part's diagonal")
                .remedy("compare the label on the part with the plan's"),
        );
    }
    told
}

/// A number with its interval, for programs.
pub(crate) fn interval(number: align::Scaled) -> Value {
    let half = Some(number.half).filter(|half| half.is_finite());
    json!({ "value": number.value, "half": half })
}
