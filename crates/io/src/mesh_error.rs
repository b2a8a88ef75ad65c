//! What can be wrong with a mesh file.

use crate::files::shown;
use crate::mesh_file::MeshFormat;
use osteon_core::{Cancelled, ErrorKind, Explain, Patient, Point};

/// Why a mesh file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeshFileError {
    /// The content is of no format that is read.
    #[error("this is not a mesh file that can be read; it looks like {0}")]
    Unknown(&'static str),
    /// There is nothing in it.
    #[error("the {0} file holds no triangles")]
    Empty(MeshFormat),
    /// A binary STL whose count contradicts its size.
    #[error("the binary STL announces {triangles} triangles ({expected} bytes), but has {actual} bytes")]
    Count {
        /// Triangles it announces.
        triangles: u32,
        /// Bytes it would then have.
        expected: u64,
        /// Bytes it has.
        actual: u64,
    },
    /// The file ends in the middle of something.
    #[error("the {format} file ends in the middle of {}", shown(.within))]
    Truncated {
        /// Its format.
        format: MeshFormat,
        /// What is cut.
        within: String,
    },
    /// Something stands where something else should.
    #[error("the {format} file is damaged: {}", shown(.what))]
    Syntax {
        /// Its format.
        format: MeshFormat,
        /// What is wrong and where.
        what: String,
    },
    /// A coordinate is no number, or further away than anything can be.
    #[error("the {format} file has the coordinate {value}, which is not a number within ±10 km{}", beside(.near))]
    Coordinate {
        /// Its format.
        format: MeshFormat,
        /// The coordinate, in mm if the unit is known.
        value: f64,
        /// Another corner of a triangle that has it, where one is known; in the file's numbers.
        near: Option<Point<Patient>>,
    },
    /// A triangle names a vertex that does not exist.
    #[error("the {format} file has a triangle that names vertex {index} of {vertices}")]
    Index {
        /// Its format.
        format: MeshFormat,
        /// What the triangle names.
        index: i64,
        /// How many there are.
        vertices: usize,
    },
    /// The unit is not known.
    #[error("the file counts in \"{}\", which is no known unit of length", shown(.0))]
    Unit(String),
    /// The patient frame is not known.
    #[error("the file's coordinates are in \"{}\", which is no known patient frame", shown(.0))]
    Space(String),
    /// A legal file that asks for something not supported.
    #[error("the {format} file uses {}, which is not supported", shown(.what))]
    Unsupported {
        /// Its format.
        format: MeshFormat,
        /// What it uses.
        what: String,
    },
    /// A file made to fill the memory, or larger than anything useful.
    #[error("the {format} file unpacks to more than {limit} {what}")]
    TooLarge {
        /// Its format.
        format: MeshFormat,
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        limit: u64,
    },
    /// Rounding to the file's precision puts two corners of a triangle into one place.
    #[error("near {near:?} mm a triangle is smaller than the file can tell: two corners round to one place")]
    Merged {
        /// One of the corners.
        near: Point<Patient>,
    },
    /// A note has a name that a file cannot carry.
    #[error("\"{}\" cannot name a note, or names two", shown(.0))]
    NoteName(String),
    /// The system failed to write.
    #[error("the mesh file cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// The user stopped the work.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

fn beside(near: &Option<Point<Patient>>) -> String {
    near.map_or(String::new(), |near| format!(", in a triangle near {near:?} mm"))
}

impl Explain for MeshFileError {
    fn kind(&self) -> ErrorKind {
        match self {
            MeshFileError::Unsupported { .. } | MeshFileError::TooLarge { .. } => ErrorKind::Unsupported,
            MeshFileError::Merged { .. } => ErrorKind::Numeric,
            MeshFileError::Write(_) => ErrorKind::Io,
            MeshFileError::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            MeshFileError::Unknown(_) => "mesh-file-unknown",
            MeshFileError::Empty(_) => "mesh-file-empty",
            MeshFileError::Count { .. } => "mesh-file-count",
            MeshFileError::Truncated { .. } => "mesh-file-truncated",
            MeshFileError::Syntax { .. } => "mesh-file-syntax",
            MeshFileError::Coordinate { .. } => "mesh-file-coordinate",
            MeshFileError::Index { .. } => "mesh-file-index",
            MeshFileError::Unit(_) => "mesh-file-unit",
            MeshFileError::Space(_) => "mesh-file-space",
            MeshFileError::Unsupported { .. } => "mesh-file-unsupported",
            MeshFileError::TooLarge { .. } => "mesh-file-too-large",
            MeshFileError::Merged { .. } => "mesh-file-merged",
            MeshFileError::NoteName(_) => "mesh-file-note-name",
            MeshFileError::Write(_) => "mesh-file-write",
            MeshFileError::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            MeshFileError::Unknown(_) => "give an STL, 3MF, PLY, OBJ or GLB file",
            MeshFileError::Empty(_) => "export the model again; the file has a frame but no content",
            MeshFileError::Count { .. } | MeshFileError::Truncated { .. } => {
                "the file was cut or changed on its way; copy or export it again"
            }
            MeshFileError::Syntax { .. } | MeshFileError::Coordinate { .. } | MeshFileError::Index { .. } => {
                "export the model again from the program it comes from"
            }
            MeshFileError::Unit(_) => "export it in millimetres",
            MeshFileError::Space(_) => "export it in LPS coordinates",
            MeshFileError::Unsupported { .. } => "export plain triangles in one file, without extensions",
            MeshFileError::TooLarge { .. } => "thin the model or split it into several files",
            MeshFileError::Merged { .. } => "decimate the solid, or keep it as PLY, which is exact",
            MeshFileError::NoteName(_) => "use letters, digits, dashes and dots, and each name once",
            MeshFileError::Write(_) => "check the space on the disk and the permissions",
            MeshFileError::Cancelled(cancelled) => return cancelled.help(),
        }
        .to_owned()
    }
}
