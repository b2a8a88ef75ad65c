//! Why a surface could not be made a solid.

use crate::boolean::BooleanError;
use osteon_core::{Cancelled, ErrorKind, Explain, NotSolid, Patient, Point};

/// Why a surface could not be made a solid without inventing something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// There are no triangles.
    #[error("the mesh has no triangles")]
    Empty,
    /// Nothing is left of it.
    #[error("nothing of the mesh encloses a volume")]
    Flat,
    /// A triangle names a vertex that does not exist.
    #[error("triangle {triangle} names vertex {vertex} of {vertices}")]
    Index {
        /// The triangle.
        triangle: usize,
        /// What it names.
        vertex: u32,
        /// How many there are.
        vertices: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("{count} vertices have coordinates that are not finite, first vertex {first}")]
    NotFinite {
        /// How many.
        count: usize,
        /// The first one.
        first: usize,
    },
    /// The surface has only one side, like a Möbius strip.
    #[error("the surface has no inside: near {near:?} mm it turns into its own back")]
    OneSided {
        /// Where two ways around it contradict each other.
        near: Point<Patient>,
    },
    /// A body with a hole that is too large to be filled.
    #[error(
        "{count} holes are larger than a disc of {limit} mm; the largest, of {sides} sides, is like one of {diameter:.2} mm, near {near:?} mm"
    )]
    Hole {
        /// How many.
        count: usize,
        /// Diameter of a disc of the area of the largest, in mm.
        diameter: f64,
        /// Its number of sides.
        sides: usize,
        /// What would be filled, in mm.
        limit: f64,
        /// The middle of the largest.
        near: Point<Patient>,
    },
    /// Nothing is closed, or nearly.
    #[error(
        "the surface is an open sheet with {holes} borders, first around {near:?} mm: it encloses nothing"
    )]
    Sheet {
        /// How many borders.
        holes: usize,
        /// The middle of the first.
        near: Point<Patient>,
    },
    /// Filling holes could change the volume too much.
    #[error(
        "what belongs in {holes} holes is known to {bulge:.3} mm³ only, {:.2} % of the volume; {:.2} % are allowed (first hole near {near:?} mm)", .share * 100.0, .limit * 100.0
    )]
    Volume {
        /// How many holes.
        holes: usize,
        /// What may be missing, in mm³.
        bulge: f64,
        /// As a share of the volume.
        share: f64,
        /// What is allowed.
        limit: f64,
        /// The middle of the first hole.
        near: Point<Patient>,
    },
    /// The solid is the mirror image of what it should be.
    #[error(
        "the solid is the mirror image of what is expected: its chirality is {found:.3e}, and {expected:.3e} is known"
    )]
    Mirrored {
        /// That of the solid.
        found: f64,
        /// That which is known.
        expected: f64,
    },
    /// It does not bound a volume after all that was done.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// Places where it meets itself could not be resolved.
    #[error(transparent)]
    Overlap(#[from] BooleanError),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for RepairError {
    fn kind(&self) -> ErrorKind {
        match self {
            RepairError::Overlap(cause) => cause.kind(),
            RepairError::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            RepairError::Empty => "repair-empty",
            RepairError::Flat => "repair-flat",
            RepairError::Index { .. } => "repair-index",
            RepairError::NotFinite { .. } => "repair-not-finite",
            RepairError::OneSided { .. } => "repair-one-sided",
            RepairError::Hole { .. } => "repair-hole-too-large",
            RepairError::Sheet { .. } => "repair-open-sheet",
            RepairError::Volume { .. } => "repair-volume",
            RepairError::Mirrored { .. } => "repair-mirrored",
            RepairError::NotSolid(_) => "repair-not-solid",
            RepairError::Overlap(cause) => cause.code(),
            RepairError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            RepairError::Empty => "export the model again; the file has a frame but no content",
            RepairError::Flat => "give a closed body with thickness",
            RepairError::Index { .. } | RepairError::NotFinite { .. } => {
                "export the model again from the program it comes from"
            }
            RepairError::OneSided { .. } => "rebuild the surface there in the program it comes from",
            RepairError::Hole { .. } => {
                "close the hole in the program the model comes from, or allow larger holes after looking at this one"
            }
            RepairError::Sheet { .. } => "export a closed body, or give the sheet a thickness",
            RepairError::Volume { .. } => {
                "close the holes in the program the model comes from, or allow a larger change of volume"
            }
            RepairError::Mirrored { .. } => {
                "do not use this file: export it again without mirroring, and compare left and right with the image"
            }
            RepairError::NotSolid(_) => {
                "repair the surface at the places named in the program it comes from; please report the file"
            }
            RepairError::Overlap(cause) => return cause.help(),
            RepairError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}
