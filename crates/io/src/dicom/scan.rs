//! A folder to a list of series: what could be a volume, what is set aside, what is skipped.

use super::element::Fault;
use super::error::DicomError;
use super::header::{self, Header};
use super::identity::Identity;
use super::stack;
use dicom_dictionary_std::uids;
use osteon_core::Ctx;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Largest file that is opened, bytes: a single-frame image has at most 65535² pixels, real ones below 0.1 GB.
const LARGEST_FILE: u64 = 2 << 30;
/// Bytes read first; headers of CT and MR images have 2 to 20 KB.
const FIRST_BYTES: usize = 32 << 10;
/// Deepest folder below the scanned one.
const DEEPEST: usize = 32;

/// A file that is not a DICOM image, and why it was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Path below the scanned folder, with `/`.
    pub file: String,
    /// Why.
    pub reason: String,
}

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

/// Images that belong together and may be a volume; made by [`scan`].
#[derive(Clone, Debug)]
pub struct Series {
    /// Position in the list of candidates, from 1: what `--series` takes.
    pub number: usize,
    /// Series Instance UID.
    pub uid: Option<String>,
    /// Frame of Reference UID; `None` where it is missing or every file has one of its own.
    pub frame_of_reference: Option<String>,
    /// `CT` or `MR`.
    pub modality: String,
    /// Columns, rows, files.
    pub size: [usize; 3],
    /// Steps between columns, rows and slices, mm; `None` where the slices do not make an even stack.
    pub spacing: Option<[f64; 3]>,
    /// Directions of a row and of a column in the patient (LPS), from the first file.
    pub orientation: Option<[[f64; 3]; 2]>,
    /// Slice Thickness, mm.
    pub slice_thickness: Option<f64>,
    /// Convolution kernel.
    pub kernel: Option<String>,
    /// Body part as stated in the files.
    pub body_part: Option<String>,
    /// Laterality as stated in the files, `L` or `R`.
    pub laterality: Option<String>,
    /// Whose images they are, as stated in the first file.
    pub identity: Identity,
    pub(super) images: Vec<Image>,
}

impl Series {
    /// Number, modality, size, spacing, kernel and UID in a line; no free text from the files' descriptions.
    pub fn label(&self) -> String {
        let [nx, ny, nz] = self.size;
        let mut label = format!("{}: {} {nx} × {ny} × {nz}", self.number, self.modality);
        match self.spacing {
            Some([x, y, z]) => label.push_str(&format!(", {x:.3} × {y:.3} × {z:.3} mm")),
            None => label.push_str(", not an even stack"),
        }
        if let Some(kernel) = &self.kernel {
            label.push_str(&format!(", kernel {kernel}"));
        }
        label.push_str(", ");
        label.push_str(self.uid.as_deref().unwrap_or("no series UID"));
        label
    }

    /// Files of the series, sorted, below the scanned folder.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.images.iter().map(|image| image.file.as_str())
    }
}

/// One image file and its attributes.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) file: String,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) header: Header,
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

    /// The only candidate, or the one with the wanted number or Series Instance UID.
    ///
    /// # Errors
    /// [`DicomError::NoVolume`], [`DicomError::SeveralSeries`] or [`DicomError::NoSuchSeries`], each with
    /// the list a person needs to decide.
    pub fn choose(&self, wanted: Option<&str>) -> Result<&Series, DicomError> {
        let labels = |series: &[&Series]| series.iter().map(|s| s.label()).collect();
        let all: Vec<&Series> = self.series.iter().collect();
        if all.is_empty() {
            return Err(DicomError::NoVolume {
                images: self.aside.iter().map(|a| a.files.len()).sum(),
                skipped: self.skipped.len(),
                aside: self
                    .aside
                    .iter()
                    .map(|a| format!("{}: {}", a.label, a.reason))
                    .chain(self.why_skipped().map(|(reason, n)| format!("{n} files: {reason}")))
                    .collect(),
            });
        }
        let chosen: Vec<&Series> = match wanted {
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
}

/// Finds the series in a folder and the folders below it.
///
/// Files are told by content, not by name; only regular files are opened, links are not followed. Headers
/// are read in parallel; the result does not depend on it.
///
/// # Errors
/// [`DicomError::NoFolder`]; [`DicomError::Io`] when the folder cannot be listed or a file in it must not be
/// read, since a slice might be missing then; [`DicomError::Cancelled`].
pub fn scan(folder: &Path, ctx: &Ctx) -> Result<Scan, DicomError> {
    let mut skipped = Vec::new();
    let found = list(folder, &mut skipped)?;
    let done = AtomicUsize::new(0);
    let read: Vec<Result<Header, String>> = found
        .par_iter()
        .map(|file| {
            ctx.check()?;
            let opened = File::open(&file.path).map_err(|e| io(&file.name, &e))?;
            let header = read_header(opened, file.bytes);
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            ctx.done(count as f64 / found.len() as f64)?;
            Ok(header)
        })
        .collect::<Result<_, DicomError>>()?;
    let mut images = Vec::new();
    for (file, header) in found.into_iter().zip(read) {
        match header {
            Ok(header) => images.push(Image { file: file.name, path: file.path, bytes: file.bytes, header }),
            Err(reason) => skipped.push(Skipped { file: file.name, reason }),
        }
    }
    skipped.sort_by(|a, b| a.file.cmp(&b.file));
    let (series, aside) = sort_out(group(images));
    Ok(Scan { series, aside, skipped })
}

struct Found {
    name: String,
    path: PathBuf,
    bytes: u64,
}

fn io(file: &str, error: &std::io::Error) -> DicomError {
    DicomError::Io { file: file.to_owned(), reason: error.to_string() }
}

/// Why the folder itself cannot be listed.
fn no_folder(folder: &Path, error: &std::io::Error) -> DicomError {
    let what = match error.kind() {
        ErrorKind::NotFound => "does not exist",
        ErrorKind::NotADirectory => "is a file, not a folder",
        _ => return io(&folder.to_string_lossy(), error),
    };
    DicomError::NoFolder { folder: folder.to_string_lossy().into_owned(), what }
}

/// All regular files below a folder, sorted by name.
fn list(folder: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<Found>, DicomError> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let shown = if prefix.is_empty() { "the folder" } else { &prefix };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(no_folder(&folder, &error)),
            Err(error) => {
                skipped.push(Skipped { file: prefix, reason: error.to_string() });
                continue;
            }
        };
        for entry in entries {
            let entry = entry.map_err(|e| io(shown, &e))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let mut skip = |reason: &str| {
                skipped.push(Skipped { file: name.clone(), reason: reason.to_owned() });
            };
            // The entry's own kind: a link is not followed.
            match entry.metadata() {
                Err(error) => skip(&error.to_string()),
                Ok(data) if data.is_dir() && depth < DEEPEST => {
                    folders.push((entry.path(), format!("{name}/"), depth + 1));
                }
                Ok(data) if data.is_dir() => skip("a folder nested too deep"),
                Ok(data) if data.is_symlink() => skip("a link, which is not followed"),
                Ok(data) if !data.is_file() => skip("not a regular file"),
                Ok(data) if data.len() > LARGEST_FILE => skip("larger than 2 GB"),
                Ok(data) => found.push(Found { name, path: entry.path(), bytes: data.len() }),
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The header of one file, or why it is not an image.
fn read_header(file: File, bytes: u64) -> Result<Header, String> {
    let whole = bytes as usize;
    let mut head = Vec::with_capacity(FIRST_BYTES.min(whole));
    let mut file = file.take(FIRST_BYTES as u64);
    file.read_to_end(&mut head).map_err(|e| e.to_string())?;
    let header = match header_of(&head, whole) {
        Err(Fault::NeedMore) if head.len() < whole => {
            file.set_limit((whole - head.len()) as u64);
            file.read_to_end(&mut head).map_err(|e| e.to_string())?;
            header_of(&head, whole)
        }
        other => other,
    };
    match header {
        Ok(Some(header)) => image(header),
        Ok(None) if looks_bare(&head) => {
            Err("a DICOM data set without a file header (no DICM mark)".to_owned())
        }
        Ok(None) => Err("not a DICOM file".to_owned()),
        Err(Fault::NeedMore) => Err("it changed while it was read".to_owned()),
        Err(Fault::Damaged(what)) => Err(format!("damaged: {what}")),
    }
}

fn header_of(bytes: &[u8], whole: usize) -> Result<Option<Header>, Fault> {
    Ok(header::parse(bytes, whole)?.map(|parsed| parsed.header))
}

/// True for bytes that begin with an element of group 0002 or 0008, in either byte order.
fn looks_bare(bytes: &[u8]) -> bool {
    matches!(bytes, [2 | 8, 0, _, 0, ..] | [0, 2 | 8, 0, _, ..])
}

/// Passes headers of images on, and says why others are none.
fn image(header: Header) -> Result<Header, String> {
    if header.sop_class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Err("an index of a medium (DICOMDIR)".to_owned());
    }
    if header.pixels.is_none() {
        return Err(format!("DICOM without an image (modality {})", or_none(&header.modality)));
    }
    let sides = 1..=65_535;
    if !sides.contains(&header.rows) || !sides.contains(&header.columns) {
        return Err(format!("damaged: {} columns and {} rows", header.columns, header.rows));
    }
    Ok(header)
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "not stated" } else { text }
}

/// Puts images together that may share a grid; files are in order of name.
fn group(images: Vec<Image>) -> Vec<Vec<Image>> {
    let mut groups: Vec<Vec<Image>> = Vec::new();
    for image in images {
        match groups.iter_mut().find(|group| belong(&group[0].header, &image.header)) {
            Some(group) => group.push(image),
            None => groups.push(vec![image]),
        }
    }
    let mut groups: Vec<Vec<Image>> = groups.into_iter().flat_map(by_frame).collect();
    groups.sort_by(|a, b| {
        let key = |g: &Vec<Image>| (g[0].header.series_number, g[0].header.series.clone(), g[0].file.clone());
        key(a).cmp(&key(b))
    });
    groups
}

/// Splits a group by frame of reference, in which alone positions can be compared.
///
/// Some de-identified archives give every single file a frame of its own, although the positions were
/// taken in one; such a group stays together, and [`super::load()`] tells.
fn by_frame(group: Vec<Image>) -> Vec<Vec<Image>> {
    if has_frame_for_each(&group) {
        return vec![group];
    }
    let mut split: Vec<Vec<Image>> = Vec::new();
    for image in group {
        let same = |g: &&mut Vec<Image>| g[0].header.frame_of_reference == image.header.frame_of_reference;
        match split.iter_mut().find(same) {
            Some(part) => part.push(image),
            None => split.push(vec![image]),
        }
    }
    split
}

/// True when each of three or more files names a frame of reference that no other file names.
pub(super) fn has_frame_for_each(images: &[Image]) -> bool {
    let mut frames: Vec<&str> =
        images.iter().filter_map(|image| image.header.frame_of_reference.as_deref()).collect();
    frames.sort_unstable();
    frames.dedup();
    images.len() >= 3 && frames.len() == images.len()
}

/// Direction cosines that differ by more do not belong to one stack; the exact test is made on the corners.
const PARALLEL: f64 = 1e-3;

fn belong(a: &Header, b: &Header) -> bool {
    let parallel = match (a.orientation, b.orientation) {
        (None, None) => true,
        (Some(a), Some(b)) => (0..2).all(|n| a[n].abs_diff_eq(b[n], PARALLEL)),
        _ => false,
    };
    parallel
        && a.series == b.series
        && a.modality == b.modality
        && (a.rows, a.columns) == (b.rows, b.columns)
        && is_localiser(a) == is_localiser(b)
        && a.is_multi_frame() == b.is_multi_frame()
        && a.samples == b.samples
}

fn is_localiser(header: &Header) -> bool {
    header.image_type.iter().any(|kind| kind == "LOCALIZER")
}

/// Why a group of images cannot be a volume.
fn reason(images: &[Image]) -> Option<String> {
    let header = &images[0].header;
    if header.sop_class == uids::SECONDARY_CAPTURE_IMAGE_STORAGE {
        return Some("secondary capture: a picture without a place in the patient".to_owned());
    }
    if !matches!(header.modality.as_str(), "CT" | "MR") {
        return Some(format!("modality {} is not read as a volume", or_none(&header.modality)));
    }
    if header.samples > 1 {
        return Some("a colour image".to_owned());
    }
    if is_localiser(header) {
        return Some("a localiser".to_owned());
    }
    if images.len() == 1 && !header.is_multi_frame() {
        return Some("a single slice".to_owned());
    }
    None
}

fn sort_out(groups: Vec<Vec<Image>>) -> (Vec<Series>, Vec<Aside>) {
    let (mut series, mut aside) = (Vec::new(), Vec::new());
    for images in groups {
        let header = &images[0].header;
        match reason(&images) {
            Some(reason) => aside.push(Aside {
                label: format!(
                    "{} × {} {} × {}",
                    images.len(),
                    or_none(&header.modality),
                    header.columns,
                    header.rows
                ),
                reason,
                files: images.iter().map(|i| i.file.clone()).collect(),
            }),
            None => series.push(summary(series.len() + 1, images)),
        }
    }
    (series, aside)
}

fn summary(number: usize, images: Vec<Image>) -> Series {
    let slices: Vec<stack::Slice> = images.iter().map(|i| (i.file.as_str(), &i.header)).collect();
    let spacing = stack::stack(&slices).ok().map(|stack| stack.grid.spacing().to_array());
    let header = &images[0].header;
    Series {
        number,
        uid: header.series.clone(),
        frame_of_reference: header.frame_of_reference.clone().filter(|_| !has_frame_for_each(&images)),
        modality: header.modality.clone(),
        size: [header.columns as usize, header.rows as usize, images.len()],
        spacing,
        orientation: header.orientation.map(|pair| pair.map(|v| v.to_array())),
        slice_thickness: header.thickness,
        kernel: header.kernel.clone(),
        body_part: header.body_part.clone(),
        laterality: header.laterality.clone(),
        identity: header.identity.clone(),
        images,
    }
}
