//! Voxels to voxels: from a CT volume to the bits of one structure and to where its edge really is.
//!
//! Nothing here knows a bone's name, reads a file or makes triangles. Reading order:
//!
//! 1. [`mod@threshold`] – Hounsfield units to bits; [`mod@otsu`] – a threshold out of the histogram
//! 2. [`mod@components`] – connected pieces by runs of bits; [`islands`] – keep the pieces that matter; [`mod@body`] – the
//!    patient without the table
//! 3. [`mod@fill`] – cavities and pores; [`morphology`] – grow, shrink, close and open by a ball in millimetres
//! 4. [`levels`] – one local grey level for each place near an edge; [`edge`] – measures these levels
//!    half-way up the edge and puts the voxels where the edge is
//! 5. [`deface`] – the face of a head scan, to be replaced by air before the scan is shared
//!
//! Masks are rows of 64 voxels a word ([`osteon_core::Mask`]), so most of this works on words, not on
//! voxels. Every function gives the same bits at any number of threads. Lengths are millimetres measured
//! through the grid's own map, which may be anisotropic, rotated, sheared or left-handed.

pub mod body;
pub mod components;
pub mod deface;
pub mod edge;
pub mod fill;
pub mod islands;
pub mod levels;
pub mod morphology;
pub mod otsu;
pub mod threshold;

pub use body::body;
pub use components::{Component, Components, Neighbours, components};
pub use edge::{Refined, measure, refine};
pub use fill::{Filled, fill, fill_pores};
pub use islands::{Kept, keep_at_least, keep_largest, keep_within};
pub use levels::Levels;
pub use morphology::{close, dilate, erode, open};
pub use otsu::otsu;
pub use threshold::threshold;
