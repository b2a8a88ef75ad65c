//! 3MF: solids with unit, names and colours in one compressed package; the usual file for printers.
//!
//! Written as core 3MF, one object for each solid, vertices where they are in the patient (LPS), in
//! millimetres rounded to 0.00001 mm. Objects and the plate have identifiers (production extension) that are made of
//! what they are. The package names no person and no time: the same solids make the same bytes. Read with units, transforms and components, from one or several model parts (production extension);
//! colours and other extensions that a file does not require are passed over.
//!
//! 1. `write` – solids to XML, by all threads; `number` – coordinates as text; `package` – the zip around it;
//!    `uuid` – identifiers
//! 2. `read` – parts and components to meshes; `model` – one model part; `xml` – tags and attributes

mod model;
pub(crate) mod number;
pub(crate) mod package;
mod read;
mod uuid;
mod write;
mod xml;

pub use read::read;
pub use write::write;

use crate::mesh_error::MeshFileError;
use crate::mesh_file::MeshFormat;

/// The namespace of 3MF's core.
const CORE: &str = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02";

/// The namespace of models in several parts.
const PRODUCTION: &str = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06";

/// The namespace of colours and other materials, which say nothing about shape.
const MATERIAL: &str = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02";

/// The namespace of our own notes.
const OURS: &str = "urn:osteon:3mf:2026";

/// The note that tells the patient frame.
const SPACE: &str = "SPACE";

/// What a reader looks for to find the model.
const MODEL_RELATION: &str = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel";

fn damaged(what: impl Into<String>) -> MeshFileError {
    MeshFileError::Syntax { format: MeshFormat::ThreeMf, what: what.into() }
}

fn too_large(what: &'static str, limit: u64) -> MeshFileError {
    MeshFileError::TooLarge { format: MeshFormat::ThreeMf, what, limit }
}

fn unsupported(what: impl Into<String>) -> MeshFileError {
    MeshFileError::Unsupported { format: MeshFormat::ThreeMf, what: what.into() }
}

#[cfg(test)]
mod tests;
