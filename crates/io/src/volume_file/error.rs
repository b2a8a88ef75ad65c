//! What can be wrong with a volume file that is not DICOM.

use super::Kind;
use crate::budget::Exceeded;
use crate::files::{FilesError, shown};
use crate::nrrd::NrrdError;
use crate::samples::SamplesError;
use osteon_core::{Cancelled, ErrorKind, Explain, GridError};

/// Why a volume file could not be read, and which.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", shown(.file))]
pub struct VolumeFileError {
    /// Name of the file as the caller gave it.
    pub file: String,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a volume file, or why one cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The content is of none of the known kinds.
    #[error("the content is neither NIfTI, nor NRRD, nor MetaImage")]
    Unknown,
    /// The forerunner of NIfTI.
    #[error("this is an Analyze 7.5 file, which does not say which side of the patient is left")]
    Analyze,
    /// A legal file of a sort that is not read or written.
    #[error("{kind} with {} is not supported", shown(.what))]
    Unsupported {
        /// The format.
        kind: Kind,
        /// What is not supported.
        what: String,
    },
    /// More than one volume, or more than one value in a voxel.
    #[error("the {kind} file holds {count} {what}, not one volume of single values")]
    Several {
        /// The format.
        kind: Kind,
        /// How many.
        count: u64,
        /// Of what: `volumes` or `values in each voxel`.
        what: &'static str,
    },
    /// A field of the header has a value that it cannot have.
    #[error("the {kind} field {} is {value:?}: {}", shown(.field), shown(.expected))]
    Field {
        /// The format.
        kind: Kind,
        /// Name of the field.
        field: String,
        /// What it says.
        value: String,
        /// What it should say, or what it contradicts.
        expected: String,
    },
    /// A field that is needed is absent.
    #[error("the {kind} header has no {field}")]
    Missing {
        /// The format.
        kind: Kind,
        /// Name of the field.
        field: &'static str,
    },
    /// A line of a text header makes no sense.
    #[error("line {line} of the {kind} header is damaged: {what}")]
    Syntax {
        /// The format.
        kind: Kind,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The two placements of a NIfTI file disagree.
    #[error(
        "the header places the volume twice, and voxel {voxel:?} lies {distance:.2} mm apart in the two (sform_code {sform}, qform_code {qform}; at most {limit:.2} mm)"
    )]
    TwoPlaces {
        /// Largest distance of a corner in the two placements, in mm.
        distance: f64,
        /// That corner.
        voxel: [usize; 3],
        /// What the header says of the first placement.
        sform: i64,
        /// What the header says of the second placement.
        qform: i64,
        /// How far they may be apart, in mm.
        limit: f64,
    },
    /// A NIfTI file without a placement.
    #[error(
        "the header does not say where the volume lies in the patient: sform_code {sform}, qform_code {qform}"
    )]
    NoPlace {
        /// The code of the first placement.
        sform: i64,
        /// The code of the second placement.
        qform: i64,
    },
    /// The data are shorter than the header says.
    #[error("the header asks for {expected} bytes, the file has {actual}")]
    Size {
        /// What the header asks for.
        expected: u64,
        /// What is there.
        actual: u64,
    },
    /// More than the import may cost.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The compressed data do not unpack.
    #[error("the compressed data are damaged: {0}")]
    Damaged(std::io::Error),
    /// The data lie in another file whose name is not a plain name, or that cannot be reached.
    #[error("the data lie in another file, {name:?}: {what}")]
    Elsewhere {
        /// Its name as the header has it.
        name: String,
        /// Why it is not read.
        what: &'static str,
    },
    /// The file of the data cannot be read.
    #[error(transparent)]
    File(#[from] FilesError),
    /// The directions do not span space, or there are no voxels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The samples cannot be kept as they are.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// Something is wrong with an NRRD file.
    #[error(transparent)]
    Nrrd(#[from] NrrdError),
    /// The system failed to write.
    #[error("the volume cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// The user stopped the work.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Problem {
    /// The problem of this file.
    pub(crate) fn of(self, file: &str) -> VolumeFileError {
        VolumeFileError { file: file.to_owned(), problem: self }
    }
}

impl Explain for VolumeFileError {
    fn kind(&self) -> ErrorKind {
        self.problem.kind()
    }
    fn code(&self) -> &'static str {
        self.problem.code()
    }
    fn help(&self) -> String {
        self.problem.help()
    }
}

impl Explain for Problem {
    fn kind(&self) -> ErrorKind {
        match self {
            Problem::Analyze | Problem::Unsupported { .. } | Problem::Several { .. } => {
                ErrorKind::Unsupported
            }
            Problem::Write(_) => ErrorKind::Io,
            Problem::Cancelled(_) => ErrorKind::Cancelled,
            Problem::Exceeded(error) => error.kind(),
            Problem::File(error) => error.kind(),
            Problem::Samples(error) => error.kind(),
            Problem::Nrrd(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::Unknown => "volume-unknown",
            Problem::Analyze => "volume-analyze",
            Problem::Unsupported { .. } => "volume-unsupported",
            Problem::Several { .. } => "volume-several",
            Problem::Field { .. } => "volume-field",
            Problem::Missing { .. } => "volume-field-missing",
            Problem::Syntax { .. } => "volume-syntax",
            Problem::TwoPlaces { .. } => "nifti-two-places",
            Problem::NoPlace { .. } => "nifti-no-place",
            Problem::Size { .. } => "volume-size",
            Problem::Exceeded(error) => error.code(),
            Problem::Damaged(_) => "volume-damaged",
            Problem::Elsewhere { .. } => "volume-elsewhere",
            Problem::File(error) => error.code(),
            Problem::Grid(_) => "volume-grid",
            Problem::Samples(error) => error.code(),
            Problem::Nrrd(error) => error.code(),
            Problem::Write(_) => "volume-write",
            Problem::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            Problem::Unknown => "give a .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd file",
            Problem::Analyze => {
                "go back to the DICOM files; left and right cannot be told from an Analyze file with certainty"
            }
            Problem::Unsupported { .. } => {
                "save the volume as one file of whole numbers or floats in the program it comes from"
            }
            Problem::Several { .. } => "save the one volume you want as a file of its own",
            Problem::Missing { field: "BinaryDataByteOrderMSB", .. } => {
                "without it nobody can tell which byte of a number comes first; save the volume again with its byte order"
            }
            Problem::Missing { field: "ElementDataFile", .. } => {
                "without it nobody can tell where the data are; the header may be cut: copy it again"
            }
            Problem::Field { .. } | Problem::Syntax { .. } | Problem::Grid(_) => {
                "the header is damaged or contradicts itself; save the volume again from the program it comes from"
            }
            Problem::Missing { field: "ElementSpacing", .. } => {
                "save the volume with its voxel size, or, if you know it for certain, say it with `--assume spacing=<row mm>,<column mm> --assume slice-spacing=<mm>`"
            }
            Problem::Missing { .. } => {
                "without it nobody can tell where the voxels lie; save the volume again with its position and directions"
            }
            Problem::TwoPlaces { .. } => {
                "find out which is right by comparing with the original images, then say `--assume orientation=sform` or `--assume orientation=qform`"
            }
            Problem::NoPlace { .. } => {
                "left and right cannot be told; go back to the DICOM files, or save the volume again with its orientation"
            }
            Problem::Size { .. } | Problem::Damaged(_) => "the file was cut or changed on its way; copy it again",
            Problem::Elsewhere { .. } => {
                "put header and data into one folder, the data under the plain name the header has, or save them as one file"
            }
            Problem::Write(_) => "check the space on the disk and the permissions",
            Problem::Exceeded(error) => return error.help(),
            Problem::File(error) => return error.help(),
            Problem::Samples(error) => return error.help(),
            Problem::Nrrd(error) => return error.help(),
            Problem::Cancelled(cancelled) => return cancelled.help(),
        }
        .to_owned()
    }
}
