//! Pictures without a graphics card: the same bytes on every machine, at any number of threads.
//!
//! Nothing here measures or judges; a picture only shows what other crates computed. Reading order:
//!
//! 1. [`picture`] – pixels, strokes and labels; [`label`] – the letters
//! 2. [`camera`] – where the viewer stands, and which pixel a place of the patient falls on
//! 3. [`raster`] – shaded views of meshes
//! 4. [`mod@slice`] – cuts through a volume, with the outlines of meshes over them
//! 5. [`marks`] – side letters and scale bar; [`png`] – the file
//!
//! Frame of everything placed: the patient's (LPS), millimetres. Pixel `(x, y)` covers the square from
//! `(x, y)` to `(x + 1, y + 1)`, x to the viewer's right, y downwards.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod camera;
pub mod label;
pub mod marks;
pub mod picture;
pub mod png;
pub mod raster;
mod shade;
pub mod slice;

pub use camera::{Camera, View};
pub use picture::{Colour, Picture};
pub use raster::{Model, Paint, Part, shaded};
pub use slice::{Outline, Window, slice};

use osteon_core::{Cancelled, ErrorKind, Explain};

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The picture would have no pixels, or too many.
    #[error("a picture of {0} × {1} pixels is not possible (1 to {LARGEST} on each side)")]
    Size(usize, usize),
    /// A mesh refers to vertices that it does not have, or has vertices that are not finite.
    #[error("{0} of the mesh's indices or vertices are unusable")]
    Mesh(usize),
    /// The number of colours is not the number of vertices.
    #[error("{colours} colours were given for {vertices} vertices")]
    Colours {
        /// How many colours were given.
        colours: usize,
        /// How many vertices the mesh has.
        vertices: usize,
    },
    /// There is nothing to look at, or the directions of a camera do not span a picture.
    #[error("there is nothing to see: no triangles or voxels, or the view has no direction")]
    Nothing,
    /// The picture could not be encoded.
    #[error("the picture could not be encoded: {0}")]
    Encode(String),
    /// The work was stopped.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Pixels a picture may have on a side.
///
/// 8192 prints sharply on A3; more is surely a mistake, and would take gigabytes.
pub const LARGEST: usize = 8192;

impl Explain for ViewError {
    fn kind(&self) -> ErrorKind {
        match self {
            ViewError::Cancelled(stopped) => stopped.kind(),
            ViewError::Encode(_) => ErrorKind::Numeric,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            ViewError::Size(..) => "picture-size",
            ViewError::Mesh(_) => "picture-mesh",
            ViewError::Colours { .. } => "picture-colours",
            ViewError::Nothing => "nothing-to-see",
            ViewError::Encode(_) => "picture-encoding",
            ViewError::Cancelled(stopped) => stopped.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            ViewError::Size(..) => format!("ask for a picture of 1 to {LARGEST} pixels on each side"),
            ViewError::Mesh(_) => "repair the mesh, or read the file again".to_owned(),
            ViewError::Colours { .. } => "give one colour for each vertex".to_owned(),
            ViewError::Nothing => "give a mesh with triangles, and a direction that is not null".to_owned(),
            ViewError::Encode(_) => {
                "please report this; the picture itself is not needed to go on".to_owned()
            }
            ViewError::Cancelled(stopped) => stopped.help(),
        }
    }
}
