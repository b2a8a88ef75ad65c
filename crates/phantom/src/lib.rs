//! Anatomy with known answers, and a scanner that sees it.
//!
//! Everything here has exact truth by construction: shapes are formulas, bones know their own landmarks,
//! fragments know where they came from, and the scanner knows where each of its samples lies. No algorithm
//! of the suite is used to make a phantom, so none is tested against itself.
//!
//! 1. [`motion`] – moving and mirroring without changing sizes
//! 2. [`shape`] – solids as signed distances, and what can be made of them
//! 3. [`phantom`] – materials painted one over the other
//! 4. [`bones`] – vertebra, motion segment, femur, calcaneus; each with its truth
//! 5. [`fracture`] – bones broken along known surfaces and moved by known poses
//! 6. [`scanner`] – spacing, thickness, blur, noise, gantry tilt
//! 7. [`catalogue`] – ready-made phantoms by name, and the one of the demonstration
//! 8. [`mesh`] – a ball and a box as meshes
//!
//! Frame: DICOM patient coordinates (LPS), millimetres; radiodensity in HU; angles in radians except where
//! the type says degrees. Sizes are plausible for an adult and not from one source, except where a comment
//! names it.

pub mod bones;
pub mod catalogue;
pub mod fracture;
pub mod mesh;
pub mod motion;
pub mod phantom;
pub mod scanner;
pub mod shape;

pub use catalogue::{CATALOGUE, Entry, broken_calcaneus, demo, demo_scan, demo_vertebra, find};
pub use motion::Motion;
pub use phantom::{Material, Phantom, hu};
pub use scanner::{Field, Noise, Protocol, Scan, ScanError, scan};
pub use shape::{Form, Shape};
