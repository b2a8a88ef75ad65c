//! Plan items become solids: the 1:1 model and its marks.
//!
//! A printed bone without a name is a hazard: which patient, which side, which way up? [`model::mark`]
//! presses the answers into the model where there is room, reads them back from the finished surface,
//! and says so when there is no room. Reading order:
//!
//! 1. [`axes`] – the patient's directions and the six faces of a model
//! 2. [`stroke_font`] – letters made of lines; [`label`] – what is written, in which words and in how many lines;
//!    [`lettering`] – where each stroke stands, and the bar of known length
//! 3. [`style`] – how large and deep; values and reasons in `data/model-marks.toml`
//! 4. [`place`] – where there is room; `sides` – on all sides of a model
//! 5. [`reread`] – the marks read back from a surface, or from what a printer will lay down
//! 6. [`model`] – all of it together
//! 7. [`prepare`] – any solid made ready for a printer: split, joined, hollowed, thickened
//! 7. [`mod@gauge`] – the calibration print that tells what a printer does to every part
//!
//! Frame: patient (LPS), millimetres.

pub mod axes;
pub mod error;
pub mod gauge;
pub mod label;
pub mod lettering;
pub mod model;
pub mod place;
pub mod prepare;
pub mod reread;
mod sides;
pub mod stroke_font;
pub mod style;
#[cfg(test)]
#[path = "../../mesh/src/test_shapes.rs"]
mod test_shapes;

pub use axes::{Axes, Face};
pub use error::DesignError;
pub use label::{Marks, ScaleBar};
pub use model::{Marked, Placement, Site, mark};
pub use style::MarkStyle;
