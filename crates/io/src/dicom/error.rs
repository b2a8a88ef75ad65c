//! Why a folder or a series cannot be read.

use crate::jpeg_ls::JpegLsError;
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
    /// The images have more voxels than are read.
    #[error("{voxels} voxels are more than the limit of {limit}")]
    TooLarge {
        /// Voxels of the series.
        voxels: u128,
        /// The limit.
        limit: u64,
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
    #[error("all {files} files are at one position")]
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
    /// Values do not fit into 16 bits.
    #[error("{file} has values from {low} to {high}, outside −32768 to 32767")]
    Range {
        /// File.
        file: String,
        /// Least value.
        low: i64,
        /// Largest value.
        high: i64,
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

impl Explain for DicomError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Io,
            Self::NoFolder { .. } | Self::NoVolume { .. } | Self::Missing { .. } => ErrorKind::Missing,
            Self::TransferSyntax { .. }
            | Self::MultiFrame { .. }
            | Self::PixelFormat { .. }
            | Self::TooLarge { .. } => ErrorKind::Unsupported,
            Self::JpegLs { source, .. } => source.kind(),
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
            Self::TooLarge { .. } => "too-many-voxels",
            Self::Missing { .. } => "attribute-missing",
            Self::Invalid { .. } => "attribute-invalid",
            Self::Mixed { .. } => "mixed-series",
            Self::MixedPatients { .. } => "mixed-patients",
            Self::Uneven { .. } => "uneven-spacing",
            Self::OnePosition { .. } => "single-slice",
            Self::NotAStack { .. } => "not-a-stack",
            Self::Conflicting { .. } => "conflicting-duplicates",
            Self::Rescale { .. } => "rescale",
            Self::Range { .. } => "values-out-of-range",
            Self::TransferSyntax { .. } => "transfer-syntax-unsupported",
            Self::MultiFrame { .. } => "multi-frame-unsupported",
            Self::PixelFormat { .. } => "pixel-format-unsupported",
            Self::JpegLs { source, .. } => source.code(),
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
            Self::TooLarge { .. } => "export a smaller field of view or fewer slices from the scanner or archive",
            Self::Missing { .. } | Self::Invalid { .. } => {
                "export the series again without removing or editing its technical attributes"
            }
            Self::Mixed { .. } => {
                "separate the files into one folder for each kind, or export the series again from its archive"
            }
            Self::MixedPatients { .. } => "find out whose images these are; import the files of one patient only",
            Self::Uneven { .. } => {
                "fetch missing slices again; if the scan changes its slice distance, export each evenly spaced part \
                 into a folder of its own"
            }
            Self::NotAStack { .. } => {
                "slices that are not parallel neighbours make no volume; leave this file out or export the series again"
            }
            Self::Conflicting { .. } => {
                "several phases or reconstructions share one series; export one of them into a folder of its own"
            }
            Self::Rescale { .. } => {
                "export the series again with Rescale Slope and Intercept in Hounsfield units (original CT images)"
            }
            Self::Range { .. } => "look at the file's Rescale Slope and Intercept; export the original CT images",
            Self::TransferSyntax { .. } => {
                "decompress first with `gdcmconv --raw in.dcm out.dcm`, or `dcmdjpeg in.dcm out.dcm` if it is not JPEG 2000"
            }
            Self::MultiFrame { .. } => {
                "export the series as single-frame CT or MR images from the scanner or archive"
            }
            Self::PixelFormat { .. } => "export the original grey CT or MR images",
            Self::JpegLs { source, .. } => return source.help(),
            Self::Cancelled(cancelled) => return cancelled.help(),
        }
        .to_owned()
    }
}
