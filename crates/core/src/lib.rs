//! The nouns of Osteon: types whose invariants every other crate relies on.
//!
//! Nothing here reads a file, knows a bone's name or a clinical limit, or runs an algorithm that goes
//! beyond an invariant. Reading order:
//!
//! 1. [`unit`] – numbers a person meets: `Mm`, `Deg`, `Hu`
//! 2. [`frame`] – points and maps that know their frame; [`geometry`] – boxes and planes in one
//! 3. [`grid`], [`volume`], [`mask`], [`label_map`] – samples with a place in the patient
//! 4. [`mesh`], [`solid`] – triangles; triangles proven to bound a volume
//! 5. [`finding`], [`error`] – what a person should look at; what went wrong and what to do
//! 6. [`ctx`] – progress, cancellation and seed of a running job
//!
//! Frame of everything placed: DICOM patient coordinates (LPS), millimetres.

pub mod ctx;
pub mod error;
pub mod finding;
pub mod frame;
pub mod geometry;
pub mod grid;
pub mod label_map;
pub mod mask;
pub mod mesh;
pub mod solid;
#[cfg(test)]
mod test_shapes;
pub mod unit;
pub mod volume;

pub use ctx::{Cancel, Cancelled, Ctx, Progress};
pub use error::{ErrorKind, Explain};
pub use finding::{Finding, Severity};
pub use frame::{Affine, Direction, Patient, Point, Pose, Vector, Voxel};
pub use geometry::{Aabb, Plane};
pub use grid::{Grid, GridError};
pub use label_map::{LabelMap, LabelMapError};
pub use mask::Mask;
pub use mesh::Mesh;
pub use solid::{Defect, NotSolid, Solid};
pub use unit::{Deg, Hu, Mm, Percent, Side};
pub use volume::{Volume, VolumeError};
