//! What lies at a path – a folder, a file, a ZIP archive – and could be a volume: DICOM series and volume files.

use crate::failure::Failure;
use osteon_case::Sha256;
use osteon_core::{Ctx, ErrorKind, Finding, Severity};
use osteon_io::budget::{Budget, Limits};
use osteon_io::dicom::assume::Form;
use osteon_io::dicom::{self, Assume, Identity, Loaded, Options, Scan, Series, Source, SourceFile};
use osteon_io::files::{self, Entry, FilesError, Skipped};
use osteon_io::volume_file::{self, Placement};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What was found, without a pixel loaded.
pub(crate) struct Intake {
    pub(crate) scan: Scan,
    /// Volume files (NIfTI, NRRD, MetaImage), sorted by name.
    pub(crate) volumes: Vec<Entry>,
    pub(crate) options: Options,
    entries: Vec<Entry>,
    /// Files that hold the data of a header that was read.
    used: Mutex<BTreeSet<String>>,
}

/// One thing that can become a volume.
#[derive(Clone, Copy)]
pub(crate) enum Candidate<'a> {
    /// A series of DICOM images.
    Series(&'a Series),
    /// A volume file, and its number after those of the series.
    File(usize, &'a Entry),
}

/// Whether the files' hashes are to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hashes {
    Wanted,
    None,
}

/// What is known about a candidate before a pixel is loaded.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Facts {
    number: usize,
    label: String,
    uid: Option<String>,
    modality: String,
    /// Columns, rows and slices of the volume.
    size: Option<[usize; 3]>,
    /// Images it is made of.
    images: usize,
    /// Steps between columns, rows and slices, mm.
    spacing: Option<[f64; 3]>,
    /// Least and largest distance of measured neighbours, mm.
    gaps: Option<[f64; 2]>,
    slice_thickness: Option<f64>,
    /// Degrees.
    tilt: Option<f64>,
    /// `axial`, `coronal`, `sagittal` or `oblique`.
    plane: &'static str,
    kernel: Option<String>,
    part: Option<String>,
    body_part: Option<String>,
    laterality: Option<String>,
    files: usize,
    findings: Vec<Finding>,
    refused: Option<Value>,
}

impl Facts {
    /// The same for a person.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.label.clone()];
        let millimetres = |value: Option<f64>| value.map(|mm| format!("{mm:.2} mm"));
        let facts = [
            ("slices", Some(self.plane.to_owned()).filter(|plane| !plane.is_empty())),
            ("thickness", millimetres(self.slice_thickness)),
            ("distance of slices", self.gaps.map(|[low, high]| apart(low, high))),
            ("gantry tilt", self.tilt.filter(|tilt| *tilt > 0.0).map(|tilt| format!("{tilt:.1}°"))),
            ("body part", self.body_part.clone()),
            ("side", self.laterality.clone()),
            ("files", Some(self.files.to_string())),
        ];
        let facts: Vec<String> =
            facts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
        lines.push(format!("   {}", facts.join(", ")));
        for finding in &self.findings {
            lines.push(format!("   {}: {} [{}]", finding.severity, finding.message, finding.code));
        }
        if let Some(refused) = &self.refused {
            let text = |key: &str| refused[key].as_str().unwrap_or_default();
            lines.push(format!("   would be refused: {} [{}]", text("message"), text("error")));
            lines.push(format!("   help: {}", text("help")));
        }
        lines
    }
}

/// A range of distances, or the one they all are.
fn apart(low: f64, high: f64) -> String {
    // Printed to hundredths, smaller differences do not show.
    if high - low < 0.01 { format!("{low:.2} mm") } else { format!("{low:.2} to {high:.2} mm") }
}

impl Candidate<'_> {
    /// That the series holds other stacks beside this one.
    fn split(&self) -> Option<Finding> {
        let Self::Series(Series { part: Some(part), .. }) = self else {
            return None;
        };
        let message = format!("the series holds several stacks; this one is told apart by {part}");
        Some(Finding::new("series-split", Severity::Note, message))
    }

    /// Images that were measured, where that is known.
    pub(crate) fn slices(&self) -> Option<usize> {
        match self {
            Self::Series(series) => Some(series.size[2]),
            Self::File(..) => None,
        }
    }

    /// Whose images they are; files of other kinds do not say.
    pub(crate) fn identity(&self) -> Identity {
        match self {
            Self::Series(series) => series.identity.clone(),
            Self::File(..) => Identity::default(),
        }
    }

    /// What is known before a pixel is loaded.
    pub(crate) fn facts(&self) -> Facts {
        let (number, label) = (self.number(), self.label());
        let Self::Series(series) = self else {
            return Facts { number, label, images: 1, files: 1, ..Facts::default() };
        };
        let [nx, ny, images] = series.size;
        Facts {
            number,
            label,
            uid: series.uid.clone(),
            modality: series.modality.clone(),
            size: series.slices.map(|nz| [nx, ny, nz]),
            images,
            spacing: series.spacing,
            gaps: series.gaps,
            slice_thickness: series.slice_thickness,
            tilt: series.tilt,
            plane: series.plane,
            kernel: series.kernel.clone(),
            part: series.part.clone(),
            body_part: series.body_part.clone(),
            laterality: series.laterality.clone(),
            files: series.files().count(),
            findings: series.all_findings().cloned().collect(),
            refused: series.refusal().cloned().map(|refusal| Failure::from(refusal).to_json()),
        }
    }

    /// What `--series` takes.
    pub(crate) fn number(&self) -> usize {
        match self {
            Self::Series(series) => series.number,
            Self::File(number, _) => *number,
        }
    }

    /// What it is, in a line.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Series(series) => series.label(),
            Self::File(number, entry) => format!("{number}: volume file {}", entry.name()),
        }
    }
}

/// Looks at everything at the path.
pub(crate) fn look(path: &Path, assume: &[String], ctx: &Ctx) -> Result<Intake, Failure> {
    let assume = Assume::parse(assume.iter().map(String::as_str))?;
    let options = Options { assume, budget: budget() };
    let listed = files::list(path, &options.budget, ctx)?;
    let entries = listed.entries.clone();
    let mut scan = dicom::scan(listed, &options, ctx)?;
    // What is no DICOM file may be a volume of another kind.
    let mut volumes = Vec::new();
    scan.skipped.retain(|skipped| {
        let entry = entries.binary_search_by(|entry| entry.name().cmp(&skipped.file));
        let Some(entry) = entry.ok().map(|at| &entries[at]) else {
            return true;
        };
        let volume = entry.head(volume_file::HEAD).is_ok_and(|head| volume_file::recognise(&head).is_some());
        if volume {
            volumes.push(entry.clone());
        }
        !volume
    });
    Ok(Intake { scan, volumes, options, entries, used: Mutex::default() })
}

#[allow(
    clippy::disallowed_methods,
    reason = "a budget of seconds needs a clock; a result is the same or refused, whatever it says"
)]
fn budget() -> Budget {
    let start = Instant::now();
    Budget::new(Limits::default(), Some(Arc::new(move || start.elapsed())))
}

impl Intake {
    /// Names of all files, for finding out which of them a message is about.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.entries.iter().map(Entry::name).collect()
    }

    /// What was set aside, for programs.
    pub(crate) fn aside(&self) -> Vec<Value> {
        let aside = self.scan.aside.iter();
        aside.map(|a| json!({ "label": a.label, "reason": a.reason, "files": a.files })).collect()
    }

    /// What was skipped, for programs.
    pub(crate) fn skipped(&self) -> Vec<Value> {
        self.left_out().into_iter().map(|s| json!({ "file": s.file, "reason": s.reason })).collect()
    }

    /// What to tell a person about what was set aside or skipped, and about the folder as a whole.
    pub(crate) fn told(&self) -> Vec<Finding> {
        let aside = self.scan.aside.iter().map(|aside| {
            let message =
                format!("{} files set aside: {} ({})", aside.files.len(), aside.label, aside.reason);
            Finding::new("set-aside", Severity::Note, message)
        });
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for skipped in self.left_out() {
            *reasons.entry(&skipped.reason).or_default() += 1;
        }
        let skipped = reasons.into_iter().map(|(reason, files)| {
            Finding::new("file-skipped", Severity::Note, format!("{files} files were skipped: {reason}"))
        });
        aside.chain(skipped).chain(self.scan.findings.iter().cloned()).collect()
    }

    /// What was skipped and holds no data of a header that was read.
    fn left_out(&self) -> Vec<&Skipped> {
        let used = self.used.lock().map(|used| used.clone()).unwrap_or_default();
        self.scan.skipped.iter().filter(|skipped| !used.contains(&skipped.file)).collect()
    }

    /// All candidates: series, then volume files.
    pub(crate) fn candidates(&self) -> Vec<Candidate<'_>> {
        let series = self.scan.series.len();
        let files = self.volumes.iter().enumerate().map(|(n, entry)| Candidate::File(series + n + 1, entry));
        self.scan.series.iter().map(Candidate::Series).chain(files).collect()
    }

    /// The only candidate, or the one that was asked for.
    pub(crate) fn choose(&self, wanted: Option<&str>) -> Result<Candidate<'_>, Failure> {
        if self.volumes.is_empty() {
            return Ok(Candidate::Series(self.scan.choose(wanted)?));
        }
        let all = self.candidates();
        let is = |candidate: &&Candidate<'_>| match wanted {
            None => true,
            Some(wanted) => {
                let uid = match candidate {
                    Candidate::Series(series) => series.uid.as_deref(),
                    Candidate::File(..) => None,
                };
                uid == Some(wanted) || candidate.number().to_string() == wanted
            }
        };
        let chosen: Vec<&Candidate<'_>> = all.iter().filter(is).collect();
        if let [one] = chosen.as_slice() {
            return Ok(**one);
        }
        let list: Vec<String> = all.iter().map(|candidate| format!("\n  {}", candidate.label())).collect();
        let (code, what) = match wanted {
            Some(wanted) => {
                ("no-such-series", format!("there is no series \"{}\"; there are:", short(wanted)))
            }
            None => ("several-series", format!("there are {} volumes:", all.len())),
        };
        let help = "choose one with --series <number>, or name the one file";
        Err(Failure::new(ErrorKind::Input, code, what + &list.concat(), help))
    }

    /// Reads the voxels of a candidate; only a case needs to know the files' hashes.
    pub(crate) fn load(&self, candidate: Candidate<'_>, files: Hashes, ctx: &Ctx) -> Result<Loaded, Failure> {
        let mut loaded = match (candidate, files) {
            (Candidate::Series(series), Hashes::Wanted) => dicom::load(series, &self.options, ctx)?,
            (Candidate::Series(series), Hashes::None) => dicom::load_unhashed(series, &self.options, ctx)?,
            (Candidate::File(_, entry), _) => self.load_file(entry, ctx)?,
        };
        loaded.findings.extend(candidate.split());
        Ok(loaded)
    }

    fn load_file(&self, entry: &Entry, ctx: &Ctx) -> Result<Loaded, Failure> {
        let assume = &self.options.assume;
        let bytes = entry.read(&self.options.budget)?;
        // Data beside a header file: a bare name in the same folder, among the files that were listed.
        let (folder, name) = entry.name().rsplit_once('/').unwrap_or(("", entry.name()));
        let detached = |name: &str| {
            let wanted = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let at = self.entries.binary_search_by(|entry| entry.name().cmp(&wanted));
            let reason = "it is not beside the file that names it".to_owned();
            let at = at.map_err(|_| FilesError::Io { file: wanted.clone(), reason })?;
            if let Ok(mut used) = self.used.lock() {
                used.insert(wanted);
            }
            self.entries[at].read(&self.options.budget)
        };
        let stated = volume_file::Assume {
            orientation: assume.form.map(|form| match form {
                Form::Sform => Placement::Sform,
                Form::Qform => Placement::Qform,
            }),
            spacing: assume
                .spacing
                .zip(assume.slice_spacing)
                .map(|([rows, columns], slices)| [columns, rows, slices]),
        };
        let request = volume_file::Request {
            assume: stated,
            detached: Some(&detached),
            ..volume_file::Request::new(name, &self.options.budget)
        };
        let read = volume_file::read(&bytes, &request, ctx)?;
        let source = self.source_of(&read, &bytes, entry);
        Ok(Loaded { samples: read.volume, not_measured: Vec::new(), findings: read.findings, source })
    }

    /// Where a volume from such a file comes from: it says neither what was scanned nor in which unit.
    fn source_of(&self, read: &volume_file::Read, bytes: &[u8], entry: &Entry) -> Source {
        let assume = &self.options.assume;
        let grid = read.volume.grid();
        Source {
            modality: assume.modality.clone().unwrap_or_default(),
            unit: if assume.hounsfield.is_some() { "HU" } else { "not stated" }.to_owned(),
            size: grid.dims(),
            spacing: grid.spacing().to_array(),
            laterality: assume.laterality.clone(),
            files: vec![SourceFile { name: entry.name().to_owned(), sha256: Sha256::of(bytes).to_string() }],
            assumed: assume.stated.iter().map(|(&key, value)| (key.to_owned(), value.clone())).collect(),
            ..Source::default()
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
