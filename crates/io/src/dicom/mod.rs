//! DICOM folders in, CT phantoms out.
//!
//! ```text
//! scan(folder) → Scan: series that may be volumes, what was set aside, what was skipped, each with a reason
//! scan.choose(None | Some("2" | uid)) → &Series      one candidate, or a refusal that lists them
//! load(&series, …) → Loaded { samples, not_measured, findings, source }
//! ```
//!
//! Geometry and units are never guessed: every voxel lies within 0.1 mm of where its own header puts it
//! and holds Hounsfield units as the header defines them, or the series is refused with the file, the
//! attribute, the value and a remedy. A stack taken with a tilted gantry becomes a sheared grid; an uneven one is
//! put on the coarsest even grid that has every slice in its place, and where slices are missing nobody measured.
//!
//! Grey pixels of 8 to 64 bits are read as they are, in run lengths, JPEG, JPEG-LS and JPEG 2000, exactly as they
//! were stored. Not read, and refused by name: colour, palettes, HTJ2K, JPEG XL, video.
//!
//! A damaged file cannot cost more memory than a small multiple of its size: the elements are walked by
//! `element`, which checks every length against the file and nesting against a limit and copies nothing, and
//! what else a number in a file asks for is charged to a [`crate::budget::Budget`] first. A data set without a
//! file header, or without a stated transfer syntax, is read if it can be written in one way only.
//!
//! Rooms, in the order of the journey:
//!
//! - `header` – a file to the attributes of its images, with a strict grammar for every number; a DICOMDIR;
//! - `series` – images to stacks: what is set aside, what belongs together, where parts meet;
//! - `stack` – slices to a grid: where each lies, and what lies between them;
//! - `pixel` – the bytes of a slice to HU, through every compression that is read;
//! - [`mod@load`] – all slices to a volume, in parallel, and whether its values can be what they are said to be;
//! - [`deidentify`] – a copy of files that names nobody; [`mod@write`] – phantoms as CT series.
//!
//! Beside them: [`error`]; [`mod@options`]; [`mod@assume`] – what a person states where files are silent; [`identity`];
//! [`source`] – where a volume comes from.

pub mod assume;
pub mod deidentify;
pub mod error;
mod header;
pub mod identity;
pub mod load;
#[cfg(test)]
mod made;
pub mod options;
mod pixel;
mod series;
pub mod source;
mod stack;
pub mod write;

pub use assume::{Assume, AssumeError};
pub use error::DicomError;
pub use identity::Identity;
pub use load::{Loaded, load, load_unhashed};
pub use options::Options;
pub use series::{Aside, Scan, Series, Skipped, scan};
pub use source::{Slab, Source, SourceFile};
pub use write::{DicomFile, Encoding, SeriesMeta, WriteError, write_series};
