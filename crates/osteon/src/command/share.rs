//! `share`: a package of the case for somebody else, without anything that tells who the patient is.

mod contents;
mod known;

use crate::artefacts;
use crate::command::convert::VolumeFormat;
use crate::command::export::Format;
use crate::failure::Failure;
use crate::job::Job;
use crate::registry::{Command, Effect, Outcome};
use contents::Contents;
use known::Known;
use osteon_case::vfs::{Access, Disk, Vfs};
use osteon_case::{CasePath, Folder, Sha256};
use osteon_core::{ErrorKind, Explain, Finding, Severity};
use osteon_image::deface::{self, BodyPart, Face, Verdict};
use osteon_io::dicom::deidentify::{self, BurnedIn, Dates, How, Search};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Make a package for somebody else, without anything that tells who the patient is
///
/// Holds the image, the structures, the plan and the models under a new name; never the journal, dates, paths, file names
/// or original identifiers. The skin of a face is replaced by air. The finished bytes are searched for every
/// known identifier, and nothing is released if one is found. See docs/sharing.md.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// New folder for the package, or a new file that ends in .zip
    pub out: String,
    /// Format of the image; both are compressed here
    #[serde(default = "nrrd")]
    pub format: VolumeFormat,
    /// Formats of the models
    #[serde(default = "all")]
    pub formats: Vec<Format>,
    /// What becomes of the skin of a face
    #[serde(default)]
    pub face: FaceChoice,
    /// Whether the slices of the scan are added, de-identified; their pixels are not changed
    #[serde(default)]
    pub dicom: Slices,
    /// What becomes of dates in the slices
    #[serde(default)]
    pub dates: DatesChoice,
    /// What becomes of slices that text may be burned into
    #[serde(default)]
    pub burned_in: BurnedInChoice,
    /// File with the project's key, 64 hexadecimal digits; made and kept in the case if not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

const fn nrrd() -> VolumeFormat {
    VolumeFormat::Nrrd
}

fn all() -> Vec<Format> {
    vec![Format::Stl, Format::ThreeMf, Format::Ply, Format::Glb]
}

/// What becomes of the skin of a face.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaceChoice {
    /// Replaced by air where a face is or could be.
    #[default]
    Remove,
    /// Kept, which is written into the package.
    Keep,
}

/// Whether the slices of the scan are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Slices {
    /// Not added.
    #[default]
    None,
    /// Added, de-identified.
    Add,
}

/// What becomes of dates in the slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DatesChoice {
    /// Emptied.
    #[default]
    Remove,
    /// Moved back by a secret number of days, the same for all dates of the patient.
    Shift,
}

/// What becomes of slices that text may be burned into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BurnedInChoice {
    /// Refused.
    #[default]
    Refuse,
    /// Accepted: somebody looked at them.
    Accept,
}

impl Command for Share {
    const NAME: &'static str = "share";
    const EFFECT: Effect = Effect::Reads;

    fn run(&self, job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let out = PathBuf::from(&self.out);
        refuse_place(&out, &job.session().case.clone())?;
        let known = Known::of(job, self.key.as_deref(), &job.ctx().part("reading the originals", 0.0, 0.2))?;
        let name = known.key.case_name(&job.case()?.description().id);
        let mut contents = Contents::new(&name);
        let mut findings = Vec::new();
        let face = self.face(job, &mut findings)?;
        contents.image(job, face.as_ref(), self.format)?;
        contents.structures(job, face.as_ref(), &mut findings)?;
        contents.plan(job, &known.key)?;
        contents.models(job, &self.formats, &mut findings)?;
        if self.dicom == Slices::Add {
            self.slices(&mut contents, &known, &name)?;
        }
        let search = known.identifiers.search(&(contents::vocabulary() + &contents.terms));
        let files = contents.finish(&self.record())?;
        released(&search, &files, &job.case()?.description().id)?;
        write(&out, &name, files, &search)?;
        findings.extend(words(&search));
        let summary =
            vec![format!("{name} in {}: searched for every known identifier, none found", self.out)];
        Ok(Outcome {
            summary,
            findings,
            data: json!({ "package": name, "out": self.out }),
            ..Outcome::default()
        })
    }
}

impl Share {
    /// The face in the image, if there is one to be removed.
    fn face(&self, job: &mut Job<'_>, findings: &mut Vec<Finding>) -> Result<Option<Face>, Failure> {
        let volume = job.volume()?;
        let part = body_part(job)?;
        let face = deface::face(&volume, part, &job.ctx().part("looking for a face", 0.2, 0.5))?;
        if face.verdict == Verdict::None {
            return Ok(None);
        }
        if self.face == FaceChoice::Keep {
            let what = "the image may show a face, which was kept as asked; a person can be recognised by it";
            let kept = Finding::new("face-kept", Severity::Caution, what);
            findings
                .push(kept.remedy("share without --face keep, unless whoever gets it may know the person"));
            return Ok(None);
        }
        if self.dicom == Slices::Add {
            let what = "the scan may show a face, and slices are shared with the pixels they have";
            let help =
                "leave --dicom away, so that the image without the face is shared, or keep it: --face keep";
            return Err(Failure::new(ErrorKind::Unsupported, "face-in-dicom", what, help));
        }
        findings.extend(face.findings.iter().cloned());
        Ok(Some(face))
    }

    /// The original slices, de-identified.
    fn slices(&self, contents: &mut Contents, known: &Known, name: &str) -> Result<(), Failure> {
        if known.originals.is_empty() || known.originals.len() < known.wanted {
            let message = format!(
                "{} of the {} files of the scan are where they were when it was imported, with the same content",
                known.originals.len(),
                known.wanted
            );
            let help = "bring the folder back to its place, or share without --dicom";
            return Err(Failure::new(ErrorKind::Missing, "originals-missing", message, help));
        }
        let how = How {
            dates: if self.dates == DatesChoice::Shift { Dates::Shift } else { Dates::Remove },
            burned_in: if self.burned_in == BurnedInChoice::Accept {
                BurnedIn::Accept
            } else {
                BurnedIn::Refuse
            },
        };
        for (n, (_, bytes)) in known.originals.values().enumerate() {
            let clean = deidentify::deidentify(bytes, name, &known.key, how).map_err(|error| {
                // The file's name may be a patient's name.
                let message = format!("slice {} of {}: {error}", n + 1, known.originals.len());
                Failure::new(error.kind(), error.code(), message, error.help())
            })?;
            contents.add(format!("dicom/{:06}.dcm", n + 1), clean.bytes);
            contents.actions.merge(clean.actions);
        }
        Ok(())
    }

    /// What was asked for, as the package tells it.
    fn record(&self) -> serde_json::Value {
        json!({ "face": self.face, "dicom": self.dicom, "dates": self.dates, "burned_in": self.burned_in })
    }
}

/// What the scan and the structures say about the body part.
fn body_part(job: &mut Job<'_>) -> Result<BodyPart, Failure> {
    let source = job.read(artefacts::SOURCE)?;
    let source: serde_json::Value = serde_json::from_slice(&source).unwrap_or_default();
    let said = BodyPart::named(source["body_part"].as_str().unwrap_or_default());
    if said == BodyPart::Head || !job.has(artefacts::LABELS) {
        return Ok(said);
    }
    let structures = job.structures()?;
    let head = structures.iter().any(|(id, _)| BodyPart::named(&id.to_string()) == BodyPart::Head);
    Ok(if head { BodyPart::Head } else { said })
}

/// Refuses a place that is used already or part of the case.
fn refuse_place(out: &Path, case: &Path) -> Result<(), Failure> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if absolute(out).starts_with(absolute(case)) {
        let message = format!("{} lies inside the case {}", out.display(), case.display());
        let help = "name a place outside the case, so that the case and what is shared stay apart";
        return Err(Failure::new(ErrorKind::Input, "package-in-case", message, help));
    }
    if is_archive(out) {
        CasePath::new(out.file_name().and_then(OsStr::to_str).unwrap_or_default())?;
    }
    let used =
        if is_archive(out) { out.exists() } else { out.read_dir().is_ok_and(|mut dir| dir.next().is_some()) };
    if used {
        let message = format!("there is something at {} already", out.display());
        return Err(Failure::new(
            ErrorKind::Input,
            "package-exists",
            message,
            "name a new folder or .zip file",
        ));
    }
    Ok(())
}

fn is_archive(out: &Path) -> bool {
    out.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"))
}

/// Searches everything that would be released.
fn released(search: &Search, files: &[(String, Vec<u8>)], case_id: &str) -> Result<(), Failure> {
    let leaks = files.iter().find_map(|(name, bytes)| search.leak(name, bytes));
    // Marks are pressed into the models, where no byte search finds them.
    let marks = || search.leak("the marks pressed into the models", case_id.as_bytes());
    leaks.or_else(marks).map_or(Ok(()), |leak| Err(left(&leak)))
}

fn left(leak: &deidentify::Leak) -> Failure {
    let message = format!("{} would tell who the patient is: it holds a known {}", leak.place, leak.kind);
    let help = "nothing was released; look for names, numbers and dates in the case's id and in the names of the plan's items";
    Failure::new(ErrorKind::Input, "identifier-left", message, help)
}

/// Names that are also words of every package are not looked for by themselves.
fn words(search: &Search) -> Option<Finding> {
    let what = format!(
        "names have {} parts that are also words of every package; they were looked for only with other parts",
        search.common_words()
    );
    (search.common_words() > 0).then(|| Finding::new("name-is-a-word", Severity::Note, what))
}

/// Writes the package: an archive whole or not at all, a folder file by file.
fn write(out: &Path, name: &str, files: Vec<(String, Vec<u8>)>, search: &Search) -> Result<(), Failure> {
    let last = out.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if let Some(leak) = search.leak(last, b"") {
        return Err(left(&leak));
    }
    if !is_archive(out) {
        // The manifest comes last: without it a package is not complete.
        let mut folders = BTreeMap::from([("", Folder::create(out)?)]);
        for (file, bytes) in &files {
            let (inside, last) = file.rsplit_once('/').unwrap_or(("", file));
            if !folders.contains_key(inside) {
                folders.insert(inside, Folder::create(&out.join(inside))?);
            }
            folders[inside].put(&CasePath::new(last)?, bytes)?;
        }
        return Ok(());
    }
    let files: Vec<_> = files.into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)).collect();
    let failed = |error: std::io::Error| {
        let message = format!("{} cannot be written: {error}", out.display());
        Failure::new(ErrorKind::Io, "package-io", message, "check the folder and the disk")
    };
    let bytes = deidentify::pack(&files).map_err(failed)?;
    if let Some(leak) = search.leak(last, &bytes) {
        return Err(left(&leak));
    }
    let folder =
        out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let disk = Disk::new(folder);
    let (whole, part) = (CasePath::new(last)?, CasePath::new(&format!("{last}.part"))?);
    let written = (|| {
        let mut file = disk.create(&part, Access::Shared)?;
        file.write_all(&bytes)?;
        file.finish()?;
        disk.rename(&part, &whole)
    })();
    written.map_err(|error| {
        // The first trouble is the one to tell.
        let _ = disk.remove(&part);
        failed(error)
    })
}

/// The hash of a file of the package, in hexadecimal.
fn hash(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string()
}
