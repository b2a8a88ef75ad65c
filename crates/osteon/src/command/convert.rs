//! `convert`: scans become volumes in patient coordinates, with everything there is to say about them.

use crate::failure::Failure;
use crate::intake::{self, Candidate, Hashes, Intake};
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use osteon_case::{CasePath, Folder};
use osteon_core::{Ctx, ErrorKind, Finding, Severity};
use osteon_io::dicom::Loaded;
use osteon_io::volume_file::VolumeFileError;
use osteon_io::{nifti, nrrd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Convert every scan of a folder to a volume in patient coordinates
///
/// Takes a folder, a file or a ZIP with DICOM, NIfTI, NRRD or MetaImage. Writes one volume for each scan, in
/// millimetres (LPS) and Hounsfield units, and findings.json with what a person should know; what would be
/// uncertain is refused there with the file, the value and what to do. Messages go to standard error; the
/// exit code is that of the worst outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convert {
    /// Folder, file or ZIP archive with the scans
    #[schemars(extend("x-position" = 1))]
    pub path: String,
    /// Folder for the volumes: new or empty
    pub out: String,
    /// Format of the volumes
    #[serde(default)]
    pub format: VolumeFormat,
    /// The one series to take: its number in the list of `osteon info`, or its UID; all if not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// What you state in place of the files, such as spacing=0.5,0.5 or gaps=filled; written down with the result
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub assume: Vec<String>,
}

/// A file format for volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VolumeFormat {
    /// NRRD, not compressed.
    #[default]
    #[serde(rename = "nrrd")]
    Nrrd,
    /// NIfTI-1, compressed.
    #[serde(rename = "nii.gz")]
    NiftiGz,
}

impl VolumeFormat {
    const fn end(self) -> &'static str {
        match self {
            Self::Nrrd => "nrrd",
            Self::NiftiGz => "nii.gz",
        }
    }
}

/// The record of a conversion: `findings.json`.
#[derive(Clone, Debug, Default, Serialize)]
struct Record {
    osteon: &'static str,
    notice: &'static str,
    outcome: &'static str,
    volumes: Vec<Converted>,
    refused: Vec<Refused>,
    aside: Vec<Value>,
    skipped: Vec<Value>,
    findings: Vec<Finding>,
}

/// One volume that was written.
#[derive(Clone, Debug, Serialize)]
struct Converted {
    file: String,
    series: usize,
    uid: Option<String>,
    modality: String,
    unit: String,
    size: [usize; 3],
    spacing: [f64; 3],
    origin: [f64; 3],
    /// Steps in mm (LPS) from a voxel to its neighbour along i, j and k.
    directions: [[f64; 3]; 3],
    tilt: f64,
    files: usize,
    /// Images that were measured.
    slices: usize,
    not_measured: Vec<osteon_io::dicom::Slab>,
    assumed: BTreeMap<String, String>,
    findings: Vec<Finding>,
}

/// One scan that was refused.
#[derive(Clone, Debug, Serialize)]
struct Refused {
    series: Option<usize>,
    label: String,
    code: String,
    message: String,
    file: Option<String>,
    tag: Option<String>,
    help: String,
}

impl Command for Convert {
    const NAME: &'static str = "convert";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let ctx = job.ctx();
        let folder = Folder::create(Path::new(&self.out))?;
        let mut record = Record { osteon: crate::VERSION, notice: crate::NOTICE, ..Record::default() };
        let mut outcome = Outcome::default();
        let given = Path::new(&self.path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut names = Names { given, files: Vec::new() };
        let stopped = match self.all(&folder, (&mut record, &mut outcome), &mut names, ctx) {
            Ok(()) => None,
            Err(failure) if failure.kind == ErrorKind::Cancelled || failure.code == "not-writable" => {
                return Err(failure);
            }
            Err(failure) => Some(failure),
        };
        if let Some(failure) = stopped {
            record.refused.push(Refused::new(None, &names, &failure));
            outcome.refused.push(failure);
        }
        record.outcome = worst(&record);
        let value = json!(record);
        folder.put(&CasePath::new("findings.json")?, format!("{value:#}\n").as_bytes())?;
        outcome.findings = record.findings.into_iter().collect();
        for volume in record.volumes {
            outcome.findings.extend(
                volume.findings.into_iter().filter(|f| !outcome.findings.contains(f)).collect::<Vec<_>>(),
            );
        }
        outcome.data = value;
        Ok(outcome)
    }
}

impl Convert {
    /// Converts what there is; fails only where nothing can be said about single scans.
    fn all(
        &self,
        folder: &Folder,
        (record, outcome): (&mut Record, &mut Outcome),
        names: &mut Names,
        ctx: &Ctx,
    ) -> Result<(), Failure> {
        let intake =
            intake::look(Path::new(&self.path), &self.assume, &ctx.part("reading headers", 0.0, 0.1))?;
        names.files = intake.names().into_iter().map(str::to_owned).collect();
        record.findings = intake.told();
        record.aside = intake.aside();
        record.skipped = intake.skipped();
        for error in &intake.scan.refused {
            let failure = Failure::from(error.clone());
            record.refused.push(Refused::new(None, names, &failure));
            // Of many alike the record has all; one is enough to read.
            if outcome.refused.iter().all(|told| told.code != failure.code) {
                outcome.refused.push(failure);
            }
        }
        let candidates = match &self.series {
            Some(_) => vec![intake.choose(self.series.as_deref())?],
            None => intake.candidates(),
        };
        if candidates.is_empty() && record.refused.is_empty() {
            // The reason why there is nothing is the choice's to tell.
            intake.choose(None)?;
        }
        let share = 0.9 / candidates.len().max(1) as f64;
        for (n, candidate) in candidates.iter().enumerate() {
            let from = 0.1 + share * n as f64;
            let part = ctx.part(&format!("scan {}", candidate.number()), from, from + share);
            match self.one(&intake, *candidate, folder, &part) {
                Ok(converted) => {
                    outcome.messages.push(converted.line());
                    record.volumes.push(converted);
                }
                Err(failure) if failure.kind == ErrorKind::Cancelled => return Err(failure),
                Err(failure) => {
                    record.refused.push(Refused::new(Some(*candidate), names, &failure));
                    outcome.refused.push(failure);
                }
            }
        }
        // Only now is it known which files held the data of others.
        record.findings = intake.told();
        record.skipped = intake.skipped();
        Ok(())
    }

    fn one(
        &self,
        intake: &Intake,
        candidate: Candidate<'_>,
        folder: &Folder,
        ctx: &Ctx,
    ) -> Result<Converted, Failure> {
        let Loaded { samples, not_measured, mut findings, source } =
            intake.load(candidate, Hashes::None, &ctx.part("decoding", 0.0, 0.7))?;
        let number = candidate.number();
        let file = format!("{number}.{}", self.format.end());
        let writing = ctx.part("writing", 0.7, 1.0);
        let comments = [format!("osteon {}, LPS mm, {}", crate::VERSION, source.unit)];
        folder.stream(&CasePath::new(&file)?, |out| -> Result<(), Failure> {
            match self.format {
                VolumeFormat::Nrrd => {
                    nrrd::write_samples(&samples, &[&comments[0]], nrrd::Encoding::Raw, out, &writing)?;
                }
                VolumeFormat::NiftiGz => {
                    nifti::write_volume(&samples, out, &writing)
                        .map_err(|problem| VolumeFileError { file: file.clone(), problem })?;
                }
            }
            Ok(())
        })?;
        if !not_measured.is_empty() {
            let name = format!("{number}.not-measured.nrrd");
            let slabs: Vec<[usize; 2]> = not_measured.iter().map(|slab| slab.slices).collect();
            folder.stream(&CasePath::new(&name)?, |out| -> Result<(), Failure> {
                Ok(nrrd::write_slabs(samples.grid(), &slabs, out, &writing)?)
            })?;
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let grid = samples.grid();
        let map = grid.to_patient();
        let columns = [map.linear.x_axis, map.linear.y_axis, map.linear.z_axis];
        Ok(Converted {
            file,
            series: number,
            uid: source.series,
            modality: source.modality,
            unit: source.unit,
            size: grid.dims(),
            spacing: grid.spacing().to_array(),
            origin: grid.place(0, 0, 0).to_array(),
            directions: columns.map(|column| column.to_array()),
            tilt: source.tilt,
            files: source.files.len(),
            slices: candidate.slices().unwrap_or(grid.dims()[2]),
            not_measured,
            assumed: source.assumed,
            findings,
        })
    }
}

impl Converted {
    fn line(&self) -> String {
        let [nx, ny, nz] = self.size;
        let [x, y, z] = self.spacing;
        let kind = if self.modality.is_empty() { "volume" } else { &self.modality };
        format!(
            "{}: {kind} {nx} × {ny} × {nz} voxels of {x:.3} × {y:.3} × {z:.3} mm, {}",
            self.file, self.unit
        )
    }
}

/// What files are called, for finding out which of them a message is about.
struct Names {
    /// The path that was given, without its folder.
    given: String,
    files: Vec<String>,
}

impl Names {
    /// The longest name that occurs, since a name may be the beginning of another; else, where the message names
    /// no attribute either, what was given.
    fn meant(&self, message: &str) -> Option<&String> {
        let named = self.files.iter().filter(|name| message.contains(name.as_str()));
        named.max_by_key(|name| name.len()).or_else(|| tag(message).is_none().then_some(&self.given))
    }
}

impl Refused {
    fn new(candidate: Option<Candidate<'_>>, names: &Names, failure: &Failure) -> Self {
        Self {
            series: candidate.map(|candidate| candidate.number()),
            label: candidate.map(|candidate| candidate.label()).unwrap_or_default(),
            code: failure.code.clone(),
            message: failure.message.clone(),
            file: names.meant(&failure.message).cloned(),
            tag: tag(&failure.message),
            help: failure.help.clone(),
        }
    }
}

/// The first attribute a message names, as `(gggg,eeee)`.
fn tag(message: &str) -> Option<String> {
    let hex = |text: &str| text.len() == 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
    message.match_indices('(').find_map(|(at, _)| {
        let found = message.get(at..at + 11)?;
        let (group, element) = found.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
        (hex(group) && hex(element)).then(|| found.to_owned())
    })
}

/// The worst of everything, in a word.
fn worst(record: &Record) -> &'static str {
    if !record.refused.is_empty() {
        return "refused";
    }
    let all = record.volumes.iter().flat_map(|volume| &volume.findings).chain(&record.findings);
    match all.map(|finding| finding.severity).max() {
        None => "ok",
        Some(Severity::Note) => "note",
        Some(Severity::Caution) => "caution",
        Some(Severity::Danger) => "danger",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_a_message_names_is_found_among_other_brackets() {
        let found = tag("IM1 (copy): Pixel Spacing (0028,0030) is \"x\" (not 2 numbers)");
        assert_eq!(found.as_deref(), Some("(0028,0030)"));
        assert_eq!(tag("(é028,0030) (12,34)"), None);
    }
}
