//! What can be wrong with an NRRD file.

use crate::files::shown;
use osteon_core::{Cancelled, ErrorKind, Explain, GridError};

/// Why an NRRD file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NrrdError {
    /// The file does not begin as NRRD does.
    #[error("this is not an NRRD file: it does not begin with NRRD0001 to NRRD0005")]
    NotNrrd,
    /// A line of the header makes no sense.
    #[error("line {line} of the NRRD header is damaged: {what}")]
    Syntax {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A field that is needed is absent.
    #[error("the NRRD header has no field \"{0}\"")]
    Missing(&'static str),
    /// A field has a value that makes no sense.
    #[error("the NRRD field \"{field}\" cannot be {value:?}{}", needed(.field))]
    Field {
        /// Name of the field.
        field: String,
        /// What it says.
        value: String,
    },
    /// A legal file of a kind that is not read.
    #[error("this NRRD file holds {}, which is not supported", shown(.0))]
    Unsupported(String),
    /// The data are shorter or longer than the header says.
    #[error("the NRRD header asks for {expected} bytes of data, the file has {actual}")]
    Size {
        /// What the header asks for.
        expected: u64,
        /// What is there; one more than expected when reading stopped there.
        actual: u64,
    },
    /// The compressed data do not unpack.
    #[error("the compressed data are damaged: {0}")]
    Damaged(std::io::Error),
    /// The directions do not span space, or there are no voxels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A sample is fractional or does not fit 16 bits.
    #[error("the sample {0} is not a whole number from −32768 to 32767")]
    Value(f64),
    /// Too many segments for one label map.
    #[error("{count} segments do not fit one label map of at most {limit}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many fit.
        limit: usize,
    },
    /// Segments lie on different grids.
    #[error("segment \"{}\" lies on another grid than the first segment", shown(.0))]
    OtherGrid(String),
    /// Two segments claim the same voxel.
    #[error("segments \"{}\" and \"{}\" both hold voxel {voxel:?}", shown(.first), shown(.second))]
    Overlap {
        /// The segment earlier in the list.
        first: String,
        /// The later one.
        second: String,
        /// A voxel both hold.
        voxel: [usize; 3],
    },
    /// A voxel has a label that the table does not name.
    #[error("label {0} occurs in the voxels but not in the table of segments")]
    Unnamed(i16),
    /// The system failed to write.
    #[error("the NRRD file cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// The user stopped the work.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// What a field must be, where that is not plain.
fn needed(field: &str) -> &'static str {
    match field {
        "sizes" => {
            ": it is three whole numbers above zero, or four with layers first, as \"dimension\" says, and not more \
             voxels than are read"
        }
        "space directions" => ": each axis of the volume needs a vector of three numbers, such as (0.5,0,0)",
        "space origin" => ": it is one vector of three numbers, such as (-120.5,-98,30)",
        "endian" => ": it is little or big",
        "byte skip" => ": it is -1 or a number of bytes",
        _ => "",
    }
}

impl Explain for NrrdError {
    fn kind(&self) -> ErrorKind {
        match self {
            NrrdError::Unsupported(_) | NrrdError::TooMany { .. } | NrrdError::Overlap { .. } => {
                ErrorKind::Unsupported
            }
            NrrdError::Write(_) => ErrorKind::Io,
            NrrdError::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            NrrdError::NotNrrd => "nrrd-not-nrrd",
            NrrdError::Syntax { .. } => "nrrd-syntax",
            NrrdError::Missing(_) => "nrrd-field-missing",
            NrrdError::Field { .. } => "nrrd-field",
            NrrdError::Unsupported(_) => "nrrd-unsupported",
            NrrdError::Size { .. } => "nrrd-size",
            NrrdError::Damaged(_) => "nrrd-damaged",
            NrrdError::Grid(_) => "nrrd-grid",
            NrrdError::Value(_) => "nrrd-value",
            NrrdError::TooMany { .. } => "nrrd-too-many-segments",
            NrrdError::OtherGrid(_) => "nrrd-other-grid",
            NrrdError::Overlap { .. } => "nrrd-overlap",
            NrrdError::Unnamed(_) => "nrrd-label-unnamed",
            NrrdError::Write(_) => "nrrd-write",
            NrrdError::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            NrrdError::NotNrrd => "give a .nrrd file; convert other formats first",
            NrrdError::Syntax { .. } | NrrdError::Field { .. } | NrrdError::Grid(_) => {
                "save the volume again from the program it comes from"
            }
            NrrdError::Missing("endian") => {
                "without it nobody can tell which byte of a number comes first; save the volume again with its byte order"
            }
            NrrdError::Missing("sizes" | "dimension" | "type" | "encoding") => {
                "without it nobody can tell how the samples are stored; save the volume again from the program it comes from"
            }
            NrrdError::Missing(_) => {
                "the file does not say how its voxels lie in the patient; save it with space, directions and origin"
            }
            NrrdError::Unsupported(_) => {
                "save it as one file with one whole number or float in each voxel, raw or gzip, in LPS or RAS"
            }
            NrrdError::Size { .. } | NrrdError::Damaged(_) => {
                "the file was cut or changed on its way; copy it again"
            }
            NrrdError::Value(_) => "rescale the samples to Hounsfield units first",
            NrrdError::TooMany { .. } => "write the segments in several files",
            NrrdError::OtherGrid(_) => "resample the segments to one grid first",
            NrrdError::Overlap { .. } => "decide which segment owns the shared voxels, or write them apart",
            NrrdError::Unnamed(_) => "open it as a plain label volume, or name the label in the program it comes from",
            NrrdError::Write(_) => "check the space on the disk and the permissions",
            NrrdError::Cancelled(cancelled) => return cancelled.help(),
        }
        .to_owned()
    }
}
