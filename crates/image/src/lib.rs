//! Voxels to voxels: from a CT volume to the bits of one structure and to where its edge really is.
//!
//! Nothing here knows a bone's name, reads a file or makes triangles. Reading order:
//!
//! 1. [`mod@threshold`] – Hounsfield units to bits; [`presets`] – thresholds with a name; [`mod@otsu`] – one out of
//!    the histogram
//! 2. [`mod@components`] – connected pieces by runs of bits; [`islands`] – keep the pieces that matter; [`mod@body`] – the
//!    patient without the table
//! 3. [`mod@fill`] – cavities and pores; [`morphology`] – grow, shrink, close and open by a ball in millimetres;
//!    [`distance`] – exact distances to the boundary of a mask
//! 4. [`levels`] – one local grey level for each place near an edge; [`edge`] – measures these levels
//!    half-way up the edge and puts the voxels where the edge is; [`mod@spread`] – how far this scan blurs an edge
//! 5. [`denoise`] – median, Gaussian and edge-preserving flow, before a threshold is put to a noisy scan
//! 6. [`mod@crop`] – a part, cut out and put back; [`mod@grow`] – what is connected to a place; [`mod@wrap`] – a bone without
//!    pores; [`shapes`] – strokes and shapes in patient coordinates; [`history`] – undo and redo
//! 7. [`deface`] – the face of a head scan, to be replaced by air before the scan is shared
//!
//! Masks are rows of 64 voxels a word ([`osteon_core::Mask`]), so most of this works on words, not on
//! voxels. Every function gives the same bits at any number of threads. Lengths are millimetres measured
//! through the grid's own map, which may be anisotropic, rotated, sheared or left-handed.

pub mod body;
pub mod components;
pub mod crop;
pub mod deface;
pub mod denoise;
pub mod distance;
pub mod edge;
pub mod fill;
pub mod grow;
pub mod history;
pub mod islands;
pub mod levels;
pub mod morphology;
pub mod otsu;
pub mod presets;
pub mod shapes;
pub mod spread;
pub mod threshold;
pub mod wrap;

pub use body::body;
pub use components::{Component, Components, Neighbours, components};
pub use edge::{Refined, measure, refine};
pub use fill::{Filled, fill, fill_pores};
pub use islands::{Kept, keep_at_least, keep_largest, keep_within};
pub use levels::{Levels, SliceLevels};
pub use morphology::{close, dilate, erode, open};
pub use otsu::otsu;
pub use threshold::threshold;
