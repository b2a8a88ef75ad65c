//! Why a folder or a series cannot be read.

use super::header::syntax;
use crate::budget::Exceeded;
use crate::files::FilesError;
use crate::jpeg::JpegError;
use crate::jpeg_ls::JpegLsError;
use crate::jpeg2000::Jpeg2000Error;
use osteon_core::{Cancelled, ErrorKind, Explain};

/// Why a folder or a series cannot be read.
///
/// File names are relative to the scanned folder. No message holds a patient's name, number or dates.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    /// What was named is not a folder.
    #[error("\"{folder}\" {what}")]
    NoFolder {
        /// The folder as it was given.
        folder: String,
        /// That it is not there, or what it is.
        what: &'static str,
    },
    /// The disk refused.
    #[error("{file} cannot be read: {reason}")]
    Io {
        /// File or folder.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// There is no series that could be a volume.
    #[error("no volume among {images} images and {skipped} other files{}", bullets(.aside))]
    NoVolume {
        /// DICOM images found.
        images: usize,
        /// Files that are not DICOM images.
        skipped: usize,
        /// What was set aside, and why.
        aside: Vec<String>,
    },
    /// More than one series could be the volume.
    #[error("the folder holds {} series that could be the volume:{}", .series.len(), bullets(.series))]
    SeveralSeries {
        /// Number, size and UID of each.
        series: Vec<String>,
    },
    /// No candidate has the wanted number or UID.
    #[error("there is no series \"{wanted}\"; there are:{}", bullets(.series))]
    NoSuchSeries {
        /// What was asked for.
        wanted: String,
        /// Number, size and UID of each candidate.
        series: Vec<String>,
    },
    /// A file is not what it claims to be.
    #[error("{file} is damaged: {what}")]
    Damaged {
        /// File.
        file: String,
        /// What is wrong, and where.
        what: String,
    },
    /// A file is no longer what it was when the folder was scanned.
    #[error("{file} has changed since the folder was scanned")]
    Changed {
        /// File.
        file: String,
    },
    /// An attribute without which the images cannot be placed or understood is missing.
    #[error("{file} has no {attribute}")]
    Missing {
        /// File.
        file: String,
        /// Name and tag.
        attribute: &'static str,
    },
    /// An attribute has a value that makes no sense.
    #[error("{file}: {fault}")]
    Invalid {
        /// File.
        file: String,
        /// Attribute, value and what is wrong with it.
        fault: String,
    },
    /// Slices of the series differ where they must not.
    #[error("{attribute} differs: {first} in {first_file}, {other} in {other_file}")]
    Mixed {
        /// What differs.
        attribute: &'static str,
        /// A file.
        first_file: String,
        /// Its value.
        first: String,
        /// A file that disagrees.
        other_file: String,
        /// Its value.
        other: String,
    },
    /// Files of one series belong to different patients.
    #[error("{first_file} and {other_file} are in one series and name different patients")]
    MixedPatients {
        /// A file.
        first_file: String,
        /// A file that disagrees.
        other_file: String,
    },
    /// The slices are not evenly spaced.
    #[error("{slices} slices, usually {usual:.3} mm apart, are unevenly spaced:{}", bullets(.gaps))]
    Uneven {
        /// Number of slices.
        slices: usize,
        /// Median distance of neighbours along the normal, mm.
        usual: f64,
        /// The gaps that differ: files, positions along the normal and distance.
        gaps: Vec<String>,
    },
    /// There is only one slice: nothing says how thick it is.
    #[error("all {files} images are at one position by Image Position (Patient) (0020,0032)")]
    OnePosition {
        /// Number of files.
        files: usize,
    },
    /// The slices are not where one grid would put them.
    #[error("{file} lies up to {distance:.3} mm from where the other slices put it (limit {limit} mm)")]
    NotAStack {
        /// File that is furthest off.
        file: String,
        /// Distance of its worst corner, mm.
        distance: f64,
        /// What is allowed, mm.
        limit: f64,
    },
    /// Neighbouring slices do not follow each other as those of a stack do.
    #[error("{file}: {fault}")]
    Scattered {
        /// File.
        file: String,
        /// Files, attribute and values.
        fault: String,
    },
    /// Two files claim one place and differ.
    #[error("{first_file} and {other_file} have the same position and different pixels")]
    Conflicting {
        /// A file.
        first_file: String,
        /// The other one.
        other_file: String,
    },
    /// How stored values become Hounsfield units is not stated, or makes no sense.
    #[error("{file}: {what}")]
    Rescale {
        /// File.
        file: String,
        /// What is missing or wrong.
        what: String,
    },
    /// Whole values fit neither 16 bits nor the exact part of a 32-bit float.
    #[error("{file} has values from {low} to {high}, which no sample of the volume can hold exactly")]
    Range {
        /// File.
        file: String,
        /// Least value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// The pixels are compressed in a way that is not read.
    #[error("{file} is in transfer syntax {name} ({uid}), which is not read")]
    TransferSyntax {
        /// File.
        file: String,
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// The file holds several frames.
    #[error("{file} is a multi-frame image of {frames} frames, which is not read")]
    MultiFrame {
        /// File.
        file: String,
        /// Number of frames.
        frames: i64,
    },
    /// The pixels are of a kind that is not read.
    #[error("{file} has {what}, which is not read")]
    PixelFormat {
        /// File.
        file: String,
        /// What is not read.
        what: String,
    },
    /// The JPEG-LS stream of a file cannot be decoded.
    #[error("{file}: {source}")]
    JpegLs {
        /// File.
        file: String,
        /// Why.
        source: JpegLsError,
    },
    // Pixels.
    /// The JPEG stream of a file cannot be decoded.
    #[error("{file}: {source}")]
    Jpeg {
        /// File.
        file: String,
        /// Why.
        source: JpegError,
    },
    /// The JPEG 2000 stream of a file cannot be decoded.
    #[error("{file}: {source}")]
    Jpeg2000 {
        /// File.
        file: String,
        /// Why.
        source: Jpeg2000Error,
    },
    /// Floating-point pixels are not all numbers.
    #[error("{file}: {count} of its pixels are not finite numbers")]
    NotFinite {
        /// File.
        file: String,
        /// How many.
        count: usize,
    },
    // Files and headers.
    /// The files cannot be listed or read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A file, or all together, ask for more than an import may have.
    #[error("{file}: {source}")]
    Exceeded {
        /// File.
        file: String,
        /// What there is too much of.
        source: Exceeded,
    },
    /// What is assumed is not what the file says.
    #[error("{key} is assumed to be {assumed}, and {file} says that {attribute} is {stated}")]
    Contradicted {
        /// File.
        file: String,
        /// Key of the assumption.
        key: &'static str,
        /// Its value.
        assumed: String,
        /// Name and tag.
        attribute: &'static str,
        /// Value in the file.
        stated: String,
    },
    /// The bytes of a file are not written as its transfer syntax says.
    #[error(
        "{file} states the Transfer Syntax UID (0002,0010) {stated} ({}), and its bytes are {found} ({})",
        syntax::name(.stated),
        syntax::name(.found)
    )]
    SyntaxDiffers {
        /// File.
        file: String,
        /// UID as stated.
        stated: String,
        /// UID of a syntax the bytes fit.
        found: String,
    },
    /// Nothing tells how a file is written.
    #[error("{file} has no Transfer Syntax UID (0002,0010), and {what}")]
    SyntaxMissing {
        /// File.
        file: String,
        /// Why it cannot be told from the bytes.
        what: String,
    },
    /// The job was stopped.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A list under a sentence, at most ten lines long.
fn bullets(lines: &[String]) -> String {
    const MOST: usize = 10;
    let mut text = String::new();
    for line in lines.iter().take(MOST) {
        text.push_str("\n  ");
        text.push_str(line);
    }
    if lines.len() > MOST {
        text.push_str(&format!("\n  and {} more", lines.len() - MOST));
    }
    text
}

/// What to do about pixels in a transfer syntax that is not read.
fn unread_syntax(uid: &str) -> &'static str {
    let standard = uid.strip_prefix("1.2.840.10008.1.2.").unwrap_or_default();
    let is = |starts: &[&str]| starts.iter().any(|start| standard.starts_with(start));
    if is(&["4.94", "4.95", "4.204", "4.205"]) {
        // JPIP: the file holds a link.
        "the pixels are not in the file but on a server; fetch the series itself from its archive"
    } else if is(&["4.100", "4.101", "4.102", "4.103", "4.104", "4.105", "4.106", "4.107", "4.108", "7."]) {
        "this is a film; export the single images of the scan from the scanner or archive"
    } else if is(&["4."]) || syntax::is_private(uid) {
        "ask the archive or the scanner for the series without compression (Explicit VR Little Endian), or save it so \
         from a DICOM viewer that shows it"
    } else {
        "ask the archive or the scanner for the series without compression (Explicit VR Little Endian); if you know that \
         the pixels are in a usual syntax, name it with `--assume syntax=<name>`, such as `--assume syntax=\"explicit \
         little endian\"`"
    }
}

/// What to do about an attribute that is missing or makes no sense, and what could be assumed in its place.
fn without(attribute: &str) -> String {
    const ASSUMED: [(&str, &str); 5] = [
        ("(0028,0030)", "`--assume spacing=<row mm>,<column mm>`"),
        ("(0020,0032)", "`--assume position=instance-number` together with `--assume slice-spacing=<mm>`"),
        ("(0020,0037)", "`--assume orientation=<six numbers>`"),
        ("(0008,0060)", "`--assume modality=CT` or `--assume modality=MR`"),
        ("(0028,0103)", "`--assume signed=yes` or `--assume signed=no`"),
    ];
    if attribute.contains("(0028,0101)") || attribute.contains("(0028,0100)") {
        return "some program has changed the pixels or the attributes that say how they are stored, so that their \
                values cannot be known; fetch the original images from the scanner or its archive"
            .to_owned();
    }
    let export = "export the series again without removing or editing its technical attributes";
    match ASSUMED.iter().find(|(tag, _)| attribute.contains(tag)) {
        Some((_, assume)) => format!("{export}; if you know the true value, give it with {assume}"),
        None => export.to_owned(),
    }
}

impl Explain for DicomError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Io,
            Self::NoFolder { .. } | Self::NoVolume { .. } | Self::Missing { .. } => ErrorKind::Missing,
            Self::TransferSyntax { .. } | Self::MultiFrame { .. } | Self::PixelFormat { .. } => {
                ErrorKind::Unsupported
            }
            Self::JpegLs { source, .. } => source.kind(),
            Self::Jpeg { source, .. } => source.kind(),
            Self::Jpeg2000 { source, .. } => source.kind(),
            Self::Files(source) => source.kind(),
            Self::Exceeded { source, .. } => source.kind(),
            Self::SyntaxMissing { .. } => ErrorKind::Missing,
            Self::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoFolder { .. } => "no-folder",
            Self::Io { .. } => "dicom-io",
            Self::NoVolume { .. } => "no-volume",
            Self::SeveralSeries { .. } => "several-series",
            Self::NoSuchSeries { .. } => "no-such-series",
            Self::Damaged { .. } => "damaged-file",
            Self::Changed { .. } => "file-changed",
            Self::Missing { .. } => "attribute-missing",
            Self::Invalid { .. } => "attribute-invalid",
            Self::Mixed { .. } => "mixed-series",
            Self::MixedPatients { .. } => "mixed-patients",
            Self::Uneven { .. } => "uneven-spacing",
            Self::OnePosition { .. } => "single-slice",
            Self::NotAStack { .. } | Self::Scattered { .. } => "not-a-stack",
            Self::Conflicting { .. } => "conflicting-duplicates",
            Self::Rescale { .. } => "rescale",
            Self::Range { .. } => "values-out-of-range",
            Self::TransferSyntax { .. } => "transfer-syntax-unsupported",
            Self::MultiFrame { .. } => "multi-frame-unsupported",
            Self::PixelFormat { .. } => "pixel-format-unsupported",
            Self::JpegLs { source, .. } => source.code(),
            Self::Jpeg { source, .. } => source.code(),
            Self::Jpeg2000 { source, .. } => source.code(),
            Self::NotFinite { .. } => "samples-not-finite",
            Self::Files(source) => source.code(),
            Self::Exceeded { source, .. } => source.code(),
            Self::Contradicted { .. } => "assumption-contradicts",
            Self::SyntaxDiffers { .. } => "transfer-syntax-differs",
            Self::SyntaxMissing { .. } => "transfer-syntax-missing",
            Self::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::NoFolder { .. } => "check the path: give the folder that holds the DICOM files, not one of the files",
            Self::Io { .. } => "check that it may be read and that its disk is connected, then try again",
            Self::NoVolume { .. } | Self::OnePosition { .. } => {
                "give the folder of one CT or MR series with at least two parallel slices"
            }
            Self::SeveralSeries { .. } | Self::NoSuchSeries { .. } => {
                "choose one with `--series <number>` or `--series <uid>`"
            }
            Self::Damaged { .. } => "fetch the series again from its archive",
            Self::Changed { .. } => "wait until the folder is complete, then import again",
            Self::Missing { attribute, .. } => return without(attribute),
            Self::Invalid { fault, .. } => return without(fault),
            Self::Mixed { attribute, .. } if attribute.contains("(0020,0052)") => {
                "positions in different frames of reference cannot be compared; if the patient did not move and the \
                 slices are of one scan, say so with `--assume frame=same`, else separate the files into two folders"
            }
            Self::Mixed { .. } => {
                "separate the files into one folder for each kind, or export the series again from its archive"
            }
            Self::MixedPatients { .. } => {
                "find out whose images these are and import the files of one patient only; if they are of one patient \
                 whose name is written in two ways, say so with `--assume patient=same`"
            }
            Self::Uneven { .. } => {
                "fetch missing slices again; if the scan changes its slice distance, export each evenly spaced part \
                 into a folder of its own"
            }
            Self::NotAStack { .. } | Self::Scattered { .. } => {
                "slices that are not parallel neighbours make no volume; leave this file out or export the series again"
            }
            Self::Conflicting { .. } => {
                "several phases or reconstructions share one series; export one of them into a folder of its own, or take \
                 the first by Instance Number at every place with `--assume duplicates=first`"
            }
            Self::Rescale { what, .. } if what.starts_with("no ") => {
                "export the original CT images again, with their Rescale Slope and Intercept; if you know these numbers, \
                 give them with `--assume rescale=<slope>,<intercept>`, which is 1,-1024 for most scanners"
            }
            Self::Rescale { .. } => {
                "export the original images again, with their own Rescale Slope and Intercept (Hounsfield units for CT)"
            }
            Self::Range { .. } => "its Rescale Slope or Intercept is wrong for its pixels; export the original images again",
            Self::TransferSyntax { uid, .. } => return unread_syntax(uid).to_owned(),
            Self::MultiFrame { .. } => {
                "export the series as single-frame CT or MR images from the scanner or archive"
            }
            Self::PixelFormat { .. } => "export the original grey CT or MR images",
            Self::JpegLs { source, .. } => return source.help(),
            Self::Jpeg { source, .. } => return source.help(),
            Self::Jpeg2000 { source, .. } => return source.help(),
            Self::NotFinite { .. } => {
                "replace the undefined pixels by a value you choose, such as −1024 for air, where the images come from"
            }
            Self::Files(source) => return source.help(),
            Self::Exceeded { source, .. } => return source.help(),
            Self::Contradicted { key, .. } => {
                return format!("leave out `--assume {key}=…`, or separate the files it is not meant for");
            }
            Self::SyntaxDiffers { stated, .. } if syntax::is_private(stated) => {
                "this is a vendor's own way of writing; export the series again from the scanner or archive in a standard \
                 one (Explicit VR Little Endian)"
            }
            Self::SyntaxDiffers { found, .. } => {
                return format!(
                    "export the file again from its archive; if its images look right when read as they are written, \
                     take it so with `--assume syntax={found}`"
                );
            }
            Self::SyntaxMissing { .. } => {
                "export the file again from its archive, or say how it is written with `--assume syntax=<name>`, \
                 such as `--assume syntax=\"explicit little endian\"` or `--assume syntax=\"implicit little endian\"` for \
                 uncompressed images"
            }
            Self::Cancelled(cancelled) => return cancelled.help(),
        }
        .to_owned()
    }
}
