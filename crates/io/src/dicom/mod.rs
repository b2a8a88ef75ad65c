//! DICOM folders in, CT phantoms out.
//!
//! ```text
//! scan(folder) → Scan: series that may be volumes, what was set aside, what was skipped, each with a reason
//! scan.choose(None | Some("2" | uid)) → &Series      one candidate, or a refusal that lists them
//! load(&series) → Loaded { volume, findings, source }
//! ```
//!
//! Geometry and units are never guessed: every voxel lies within 0.1 mm of where its own header puts it
//! and holds Hounsfield units as the header defines them, or the series is refused with the file, the
//! attribute, the value and a remedy. A stack taken with a tilted gantry becomes a sheared grid.
//!
//! Not read, and refused by name: enhanced multi-frame images, colour, palettes, modality look-up tables,
//! floating-point pixels, JPEG, JPEG 2000, unevenly spaced slices.
//!
//! A damaged file cannot cost more memory than a small multiple of its size: the elements are walked by
//! `element`, which checks every length against the file and nesting against a limit, and only the few
//! short attributes that are needed reach the general parser.
//!
//! Reading order: [`error`]; `element` – walking a data set; `header` – the attributes of one image;
//! [`identity`]; [`mod@scan`]; `stack` – slices to grid; `pixel` – stored values to HU; [`mod@load`]; [`source`];
//! [`mod@write`] – phantoms as CT series.

mod element;
pub mod error;
mod header;
pub mod identity;
pub mod load;
mod pixel;
pub mod scan;
pub mod source;
mod stack;
mod syntax;
pub mod write;

pub use error::DicomError;
pub use identity::Identity;
pub use load::{Loaded, load};
pub use scan::{Aside, Scan, Series, Skipped, scan};
pub use source::{Source, SourceFile};
pub use write::{DicomFile, Encoding, SeriesMeta, WriteError, write_series};
