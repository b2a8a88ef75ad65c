//! `import`: a folder of DICOM slices becomes the image of a case.

use crate::artefacts;
use crate::failure::Failure;
use crate::intake::{self, Hashes};
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use crate::session::Session;
use osteon_case::{Case, Draft, Sha256};
use osteon_core::{Ctx, ErrorKind, Finding, Severity, Side, Volume};
use osteon_io::dicom::{Identity, Loaded, Source};
use osteon_io::nrrd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Read a scan into a case
///
/// Takes a folder, a file or a ZIP with DICOM, NIfTI, NRRD or MetaImage. Starts the case where there is none
/// yet. The originals are not changed. Whatever would make the geometry or the grey values uncertain is
/// refused, with the file, the value and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Folder, file or ZIP archive with the scan
    #[schemars(extend("x-position" = 1))]
    pub folder: String,
    /// The series to take when the folder holds several: its number in the list, or its UID
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Pseudonym of a new case, written on everything made from it; made from the series if not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// What you state in place of the files, such as spacing=0.5,0.5 or gaps=filled; written down in the case
    /// and on everything made from it
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-whole" = true))]
    pub assume: Vec<String>,
}

/// A series that has been read and not yet written into the case.
pub struct Imported {
    volume: Volume<i16>,
    source: Source,
    identity: Identity,
    findings: Vec<Finding>,
    folder: PathBuf,
}

impl Command for Import {
    const NAME: &'static str = "import";
    const EFFECT: Effect = Effect::Starts;

    fn prepare(&self, session: &mut Session, ctx: &Ctx) -> Result<Option<Draft>, Failure> {
        let folder = self.folder(&session.case)?;
        refuse_inside(&session.case, &folder)?;
        let intake = intake::look(&folder, &self.assume, &ctx.part("reading headers", 0.0, 0.2))?;
        let candidate = intake.choose(self.series.as_deref())?;
        let identity = candidate.identity();
        let Loaded { samples, source, mut findings, .. } =
            intake.load(candidate, Hashes::Wanted, &ctx.part("decoding slices", 0.2, 0.8))?;
        for_bone(&source)?;
        let (volume, rounding) = samples.to_i16()?;
        findings.extend(rounding.map(rounded));
        findings.extend(intake.told());
        let uid = known_by(&source);
        let id = self.case_id.clone().unwrap_or_else(|| pseudonym(&uid));
        let draft = Draft { id, frame_of_reference: source.frame_of_reference.clone() };
        session.imported = Some(Imported { volume, source, identity, findings, folder });
        Ok(Some(draft))
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let Some(imported) = job.session().imported.take() else {
            return Err(Failure::new(
                ErrorKind::Numeric,
                "internal",
                "nothing was read",
                "please report this",
            ));
        };
        let Imported { volume, mut source, identity, findings, folder } = imported;
        let id = job.case()?.description().id.clone();
        if self.case_id.as_ref().is_some_and(|wanted| *wanted != id) {
            let message = format!("the case is already called {id}");
            return Err(Failure::new(
                ErrorKind::Input,
                "other-case-id",
                message,
                "leave --case-id away, or start a new case",
            ));
        }
        let token = token(&source);
        job.journal_as("folder", token.clone());
        job.remember_source(&identity, &token, &folder)?;
        if let Some(uid) = &source.frame_of_reference {
            job.set_frame_of_reference(uid)?;
        }
        let hashes: Vec<&str> = source.files.iter().map(|file| file.sha256.as_str()).collect();
        job.depends_on("dicom", Sha256::of(hashes.join("\n").as_bytes()));
        // A file's name may be a patient's name: only its hash is kept.
        for (n, file) in source.files.iter_mut().enumerate() {
            file.name = format!("{:06}", n + 1);
        }
        let writing = job.ctx().part("writing the image", 0.8, 1.0);
        let hash = job.write(artefacts::IMAGE, |out, _| {
            Ok(nrrd::write_volume(
                &volume,
                &["osteon image, LPS mm, HU"],
                nrrd::Encoding::Raw,
                out,
                &writing,
            )?)
        })?;
        job.write_record(artefacts::SOURCE, &source)?;
        let outcome = summary(&id, &volume, &source, findings);
        job.session().volume = Some((hash, Arc::new(volume)));
        Ok(outcome)
    }
}

impl Import {
    /// The folder on this machine: as given, or the one an earlier import wrote down under its token.
    fn folder(&self, case: &Path) -> Result<PathBuf, Failure> {
        let Some(token) = self.folder.strip_prefix('@') else {
            return Ok(PathBuf::from(&self.folder));
        };
        let known = Case::exists(case).then(|| Case::open(case)).transpose()?;
        known.and_then(|case| source_folder(&case, token)).ok_or_else(|| {
            let message =
                format!("the folder of source {token} is not written down in the case's identity.toml");
            Failure::new(
                ErrorKind::Missing,
                "source-unknown",
                message,
                "name the folder with the DICOM files",
            )
        })
    }
}

/// A case among the originals would change what the folder holds, and so what the next import reads.
fn refuse_inside(case: &Path, folder: &Path) -> Result<(), Failure> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if !absolute(case).starts_with(absolute(folder)) {
        return Ok(());
    }
    let message = format!(
        "the case folder {} lies inside the folder of the DICOM files, {}",
        case.display(),
        folder.display()
    );
    let help = "name a case folder outside it, so that the originals stay as they are";
    Err(Failure::new(ErrorKind::Input, "case-in-source", message, help))
}

/// Where the files of an earlier import lie, by the token the journal has in their place.
pub(crate) fn source_folder(case: &Case, token: &str) -> Option<PathBuf> {
    let text = case.identity().ok()??;
    let table: toml::Table = text.parse().ok()?;
    Some(PathBuf::from(table.get("sources")?.get(token.trim_start_matches('@'))?.as_str()?))
}

/// Bone is told by radiodensity: refuses images that are not CT in Hounsfield units.
pub(crate) fn for_bone(source: &Source) -> Result<(), Failure> {
    let assumed =
        "if you know that it is a CT in Hounsfield units, say so: --assume modality=CT --assume unit=HU";
    let refuse = |kind, code, message, help| Err(Failure::new(kind, code, message, help));
    match source.modality.as_str() {
        "CT" => {}
        "" => {
            let message =
                "the file does not say what was scanned, and only CT can be segmented by radiodensity";
            return refuse(ErrorKind::Missing, "modality-not-stated", message.to_owned(), assumed);
        }
        other => {
            let message = format!("the series is {other}, and only CT can be segmented by radiodensity");
            return refuse(ErrorKind::Unsupported, "not-ct", message, "choose a CT series with --series");
        }
    }
    if source.unit == "not stated" {
        let message = "the file does not say that its values are Hounsfield units".to_owned();
        return refuse(ErrorKind::Missing, "unit-not-stated", message, assumed);
    }
    Ok(())
}

/// What is told when values with fractions become the whole numbers of a case's image.
pub(crate) fn rounded(largest: f64) -> Finding {
    let message =
        format!("the values have fractions and were rounded to whole numbers, by at most {largest:.2}");
    Finding::new("values-rounded", Severity::Note, message)
}

/// What a source is known by: its series, or the content of its files where it has none.
fn known_by(source: &Source) -> String {
    let files = || source.files.iter().map(|file| file.sha256.as_str()).collect::<Vec<_>>().join("\n");
    source.series.clone().unwrap_or_else(files)
}

/// What a person stated about the scan, in a few capitals for the label; nothing if all was in the files.
pub(crate) fn assumed(source: &Source) -> Option<String> {
    let mut keys = source.assumed.keys();
    match (keys.next(), keys.next()) {
        (None, _) => None,
        (Some(key), None) => Some(format!("assumed {key}").to_ascii_uppercase()),
        _ => Some("ASSUMED DATA".to_owned()),
    }
}

/// Where the image came from, as written down by `import`.
pub(crate) fn source(bytes: &[u8]) -> Result<Source, Failure> {
    serde_json::from_slice(bytes).map_err(|e| {
        let message = format!("{} cannot be read: {e}", artefacts::SOURCE);
        Failure::new(ErrorKind::Input, "source-unreadable", message, "run osteon verify, then import again")
    })
}

/// Slabs of the image that were not measured, by their first and last slice; none where a person has said
/// that they may be filled.
pub(crate) fn unmeasured(source: &Source) -> Vec<[usize; 2]> {
    if source.assumed.contains_key("gaps") {
        return Vec::new();
    }
    source.not_measured.iter().map(|slab| slab.slices).collect()
}

/// The patient's side the scan's header names.
pub(crate) fn side(source: &Source) -> Option<Side> {
    match source.laterality.as_deref() {
        Some("L") => Some(Side::Left),
        Some("R") => Some(Side::Right),
        _ => None,
    }
}

/// A case id that says nothing about the patient and is the same for the same series.
fn pseudonym(uid: &str) -> String {
    let hash = Sha256::of(uid.as_bytes()).to_string().to_uppercase();
    hash[..6].to_owned()
}

/// What the journal says in place of the folder's path, which may contain a name.
fn token(source: &Source) -> String {
    let hash = Sha256::of(format!("source {}", known_by(source)).as_bytes()).to_string();
    format!("@{}", &hash[..8])
}

fn summary(id: &str, volume: &Volume<i16>, source: &Source, findings: Vec<Finding>) -> Outcome {
    let [x, y, z] = volume.grid().dims();
    let [dx, dy, dz] = source.spacing;
    let line = format!(
        "case {id}: {x} × {y} × {z} voxels of {dx:.3} × {dy:.3} × {dz:.3} mm from {} files",
        source.files.len()
    );
    let data: Value =
        json!({ "case": id, "size": [x, y, z], "spacing": source.spacing, "files": source.files.len() });
    Outcome { summary: vec![line], findings, data, ..Outcome::default() }
}
