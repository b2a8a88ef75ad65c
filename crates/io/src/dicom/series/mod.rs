//! Files to a list of series: what could be a volume, what is set aside, what is skipped.

pub(super) mod agree;
pub(super) mod aside;
pub(super) mod group;
pub(super) mod part;
pub(super) mod seam;

use super::error::DicomError;
use super::header::Header;
use super::header::directory;
use super::header::intake;
use super::header::meta::Unread;
use super::identity::Identity;
use super::options::Options;
use super::stack::Stack;
use crate::files::{Entry, Files};
use osteon_core::{Cancelled, Ctx, Explain, Finding, Severity};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

pub use crate::files::Skipped;

/// Images that are no volume, and why they were set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Modality, size and number of the images.
    pub label: String,
    /// Why.
    pub reason: String,
    /// Their files, sorted.
    pub files: Vec<String>,
}

/// Images that belong together and may be a volume; made by [`scan()`].
#[derive(Clone, Debug)]
pub struct Series {
    /// Position in the list of candidates, from 1: what `--series` takes.
    pub number: usize,
    /// Series Instance UID.
    pub uid: Option<String>,
    /// What tells this stack apart from others of the same series, such as `Echo Time (0018,0081) 10`.
    pub part: Option<String>,
    /// Frame of Reference UID; `None` where it is missing or every file has one of its own.
    pub frame_of_reference: Option<String>,
    /// `CT` or `MR`.
    pub modality: String,
    /// Columns, rows, images.
    pub size: [usize; 3],
    /// Steps between columns, rows and slices of the volume, mm; `None` where there will be none.
    pub spacing: Option<[f64; 3]>,
    /// Slices of the volume; more than were measured where slices are unevenly spaced or missing.
    pub slices: Option<usize>,
    /// Least and largest distance of measured neighbours along their normal, mm.
    pub gaps: Option<[f64; 2]>,
    /// Angle between stacking direction and normal, degrees; 0 for an upright stack.
    pub tilt: Option<f64>,
    /// Middles of the first and the last slice in the patient (LPS, mm).
    pub ends: Option<[[f64; 3]; 2]>,
    /// Directions of a row and of a column in the patient (LPS), from the first file.
    pub orientation: Option<[[f64; 3]; 2]>,
    /// `axial`, `coronal`, `sagittal` or `oblique`.
    pub plane: &'static str,
    /// Slice Thickness of the first file, mm.
    pub slice_thickness: Option<f64>,
    /// Convolution kernel.
    pub kernel: Option<String>,
    /// Body part as stated in the files.
    pub body_part: Option<String>,
    /// Laterality as stated in the files, `L` or `R`.
    pub laterality: Option<String>,
    /// Whose images they are, as stated in the first file.
    pub identity: Identity,
    /// What a person should look at that shows without the pixels; those of the stack are not among them.
    pub findings: Vec<Finding>,
    /// The slices on a grid, or why there is none.
    pub(crate) stack: Result<Stack, DicomError>,
    /// Why the pixels will be refused, as far as the headers tell.
    pub(crate) unread: Option<DicomError>,
    /// In an order that does not depend on the files' names.
    pub(crate) images: Vec<Image>,
}

impl Series {
    /// Number, modality, size, spacing, kernel, part and UID in a line; no free text from the files' descriptions.
    pub fn label(&self) -> String {
        let [nx, ny, nz] = self.size;
        let mut label = format!("{}: {} {nx} × {ny} × {nz}", self.number, self.modality);
        if let Some([x, y, z]) = self.spacing {
            label.push_str(&format!(", {x:.3} × {y:.3} × {z:.3} mm"));
        }
        if let Some(refusal) = self.refusal() {
            label.push_str(&format!(", will be refused ({})", refusal.code()));
        }
        let kernel = self.kernel.as_ref().map(|kernel| format!("kernel {kernel}"));
        for more in [kernel.as_ref(), self.part.as_ref()].into_iter().flatten() {
            label.push_str(", ");
            label.push_str(more);
        }
        label.push_str(", ");
        label.push_str(self.uid.as_deref().unwrap_or("no series UID"));
        label
    }

    /// Files of the series, sorted, below the scanned folder.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let mut files: Vec<&str> = self.images.iter().map(|image| image.file.as_str()).collect();
        files.sort_unstable();
        files.dedup();
        files.into_iter()
    }

    /// Why the series will be refused, as far as it shows without the pixels.
    pub fn refusal(&self) -> Option<&DicomError> {
        self.stack.as_ref().err().or(self.unread.as_ref())
    }

    /// All that a person should look at and that shows without the pixels.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.stack.iter().flat_map(|stack| &stack.findings).chain(&self.findings)
    }
}

/// One image – a file, or a frame of a multi-frame file – and its attributes.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) entry: Entry,
    pub(crate) file: String,
    /// Frame of the file, from 0.
    pub(crate) frame: usize,
    pub(crate) header: Header,
}

impl Image {
    /// What a person calls it: the file, and the frame of one that has several, from 1.
    pub(crate) fn name(&self) -> String {
        if self.header.of_frame && self.header.frames > 1 {
            format!("{} frame {}", self.file, self.frame + 1)
        } else {
            self.file.clone()
        }
    }
}

/// What a folder holds.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Series that could be a volume, numbered from 1.
    pub series: Vec<Series>,
    /// Images that are none.
    pub aside: Vec<Aside>,
    /// Files that are no DICOM images, sorted.
    pub skipped: Vec<Skipped>,
    /// DICOM files that cannot be read, in order of their names: slices may be missing.
    pub refused: Vec<DicomError>,
    /// What a person should look at about the folder as a whole.
    pub findings: Vec<Finding>,
}

impl Scan {
    /// The reasons for which files were skipped, sorted, and how many files each.
    pub fn why_skipped(&self) -> impl Iterator<Item = (&str, usize)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for skipped in &self.skipped {
            *counts.entry(&skipped.reason).or_default() += 1;
        }
        counts.into_iter()
    }

    /// The only candidate that could be loaded, or the one with the wanted number or Series Instance UID.
    ///
    /// A candidate that is wanted, or that is the only one, is given even if it will be refused, so that
    /// loading it tells why.
    ///
    /// # Errors
    /// [`DicomError::NoVolume`], [`DicomError::SeveralSeries`] or [`DicomError::NoSuchSeries`], each with
    /// the list a person needs to decide; why the first file cannot be read, if there is nothing else.
    pub fn choose(&self, wanted: Option<&str>) -> Result<&Series, DicomError> {
        let labels = |series: &[&Series]| series.iter().map(|s| s.label()).collect();
        let all: Vec<&Series> = self.series.iter().collect();
        if all.is_empty() {
            return Err(self.refused.first().cloned().unwrap_or_else(|| self.no_volume()));
        }
        let chosen: Vec<&Series> = match wanted {
            None if all.len() > 1 => {
                let passing: Vec<&Series> = all.iter().filter(|s| s.refusal().is_none()).copied().collect();
                if passing.len() == 1 { passing } else { all.clone() }
            }
            None => all.clone(),
            Some(wanted) => {
                let is = |s: &&&Series| s.uid.as_deref() == Some(wanted) || s.number.to_string() == wanted;
                all.iter().filter(is).copied().collect()
            }
        };
        match (chosen.as_slice(), wanted) {
            ([one], _) => Ok(one),
            ([], Some(wanted)) => {
                let wanted = wanted.chars().take(64).collect();
                Err(DicomError::NoSuchSeries { wanted, series: labels(&all) })
            }
            _ => Err(DicomError::SeveralSeries { series: labels(&chosen) }),
        }
    }

    fn no_volume(&self) -> DicomError {
        let first = |file: Option<&String>| file.map_or(String::new(), |file| format!(" ({file})"));
        let aside =
            self.aside.iter().map(|a| format!("{}: {}{}", a.label, a.reason, first(a.files.first()))).chain(
                self.why_skipped().map(|(reason, n)| {
                    let skipped = self.skipped.iter().find(|s| s.reason == reason).map(|s| &s.file);
                    format!("{n} files: {reason}{}", first(skipped))
                }),
            );
        DicomError::NoVolume {
            images: self.aside.iter().map(|a| a.files.len()).sum(),
            skipped: self.skipped.len(),
            aside: aside.collect(),
        }
    }
}

/// Finds the series among files.
///
/// Headers are read in parallel; neither that nor the names of the files change the result.
///
/// # Errors
/// [`DicomError::Io`] when a file must not be read, since a slice might be missing then;
/// [`DicomError::Exceeded`] when the budget is spent; [`DicomError::Cancelled`].
pub fn scan(files: Files, options: &Options, ctx: &Ctx) -> Result<Scan, DicomError> {
    let done = AtomicUsize::new(0);
    let read: Vec<Result<Vec<Header>, Unread>> = files
        .entries
        .par_iter()
        .map(|entry| {
            ctx.check()?;
            let headers = intake::read(entry, &options.assume, &options.budget);
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            ctx.done(count as f64 / files.entries.len() as f64)?;
            Ok(headers)
        })
        .collect::<Result<_, Cancelled>>()?;
    let (mut images, mut refused, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    let mut skipped = Vec::new();
    for (entry, headers) in files.entries.iter().zip(read) {
        let file = entry.name().to_owned();
        match headers {
            Ok(headers) => images.extend(headers.into_iter().enumerate().map(|(frame, header)| Image {
                entry: entry.clone(),
                file: file.clone(),
                frame,
                header,
            })),
            Err(Unread::Refuse(DicomError::Exceeded { file, source })) if source.is_of_one_file() => {
                refused.push(DicomError::Exceeded { file, source });
            }
            Err(Unread::Refuse(error @ (DicomError::Io { .. } | DicomError::Exceeded { .. }))) => {
                return Err(error);
            }
            Err(Unread::Refuse(error)) => refused.push(error),
            Err(Unread::Skip(reason)) => {
                if reason.starts_with("an index of a medium") {
                    findings.extend(directory::incomplete(entry, &files, &options.budget));
                }
                skipped.push(Skipped { file, reason });
            }
            Err(Unread::More) => refused.push(DicomError::Changed { file }),
        }
    }
    skipped.extend(files.skipped);
    skipped.sort_by(|a, b| a.file.cmp(&b.file));
    findings.extend(beside(&skipped, &images));
    let sorted = group::sort_out(images, options);
    findings.extend(sorted.findings);
    findings.extend(not_read(&refused));
    Ok(Scan { series: sorted.series, aside: sorted.aside, skipped, refused, findings })
}

/// That files which are called like the slices beside them are no images: a slice may have been lost in transfer.
fn beside(skipped: &[Skipped], images: &[Image]) -> Option<Finding> {
    let patterns: BTreeSet<String> = images.iter().map(|image| pattern(&image.file)).collect();
    let alike: Vec<&Skipped> = skipped.iter().filter(|s| patterns.contains(&pattern(&s.file))).collect();
    let first = alike.first()?;
    let text = format!(
        "{} files are called like the slices beside them and are no images, so slices may be missing; the first: {} ({})",
        alike.len(),
        first.file,
        first.reason
    );
    let finding = Finding::new("files-not-read", Severity::Caution, text);
    Some(finding.remedy("fetch these files again from the archive, then import the whole series"))
}

/// A file's name with every number in it replaced by one sign.
fn pattern(file: &str) -> String {
    let mut pattern = String::with_capacity(file.len());
    for character in file.chars() {
        if !character.is_ascii_digit() {
            pattern.push(character);
        } else if !pattern.ends_with('#') {
            pattern.push('#');
        }
    }
    pattern
}

/// That slices may be missing because files cannot be read.
fn not_read(refused: &[DicomError]) -> Option<Finding> {
    let first = refused.first()?;
    let text =
        format!("{} DICOM files cannot be read, so slices may be missing; the first: {first}", refused.len());
    let finding = Finding::new("files-not-read", Severity::Caution, text);
    Some(finding.remedy("fetch these files again from the archive, then import the whole series"))
}

/// True when each of three or more places has a frame of reference that no other place shares.
///
/// Some de-identified archives give every single file a frame of its own, although the positions were
/// taken in one.
pub(crate) fn has_frame_for_each(images: &[Image]) -> bool {
    let mut places: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for image in images {
        let (Some(frame), Some(position)) =
            (image.header.frame_of_reference.as_deref(), image.header.position)
        else {
            return false;
        };
        let bits = position.to_array().map(f64::to_bits);
        if *places.entry(frame).or_insert(bits) != bits {
            return false;
        }
    }
    places.len() >= 3
}
