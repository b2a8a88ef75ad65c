//! Printers: profiles, fit, slicing by an external engine, G-code read back and held against the solid.
//!
//! A solid becomes G-code in five steps: choose a [`Printer`], see that the solid [fits](fn@fit), hand it to a
//! slicing program ([`slice()`]), read what the program wrote ([`read`]), and prove that it is the solid, at
//! its size and not mirrored ([`verify`](fn@verify)). What the program says about its work is not believed:
//! the proof rests on the moves alone.
//!
//! Reading order:
//!
//! 1. [`mod@printer`] – what a printer is and what it is set to; the three that are built in
//!    [`turn`] – which side of a part is up
//! 2. [`mod@fit`] – where a solid lies on the bed, and what to do when it is too large
//! 3. [`prusa`] – the settings and the command line of PrusaSlicer
//! 4. [`engine`] – runs the program; the only module that spawns a process or touches a file
//! 5. [`gcode`] – what the G-code lays down, layer by layer; [`mod@canonical`] – the same bytes on every run
//! 6. [`outline`] – sections of a solid and how far two outlines are apart
//! 7. [`mod@verify`] – the proof; [`material`] – grams and cost
//!
//! Frames: a solid is in the patient frame (LPS, mm). A printer's bed has +x to the right, +y to the back and
//! +z up, seen from the front: a right-handed frame like LPS, so a solid is moved onto it and never mirrored.

pub mod advice;
pub mod canonical;
pub mod engine;
pub mod error;
pub mod estimate;
pub mod fit;
pub mod gcode;
pub mod material;
pub mod orient;
pub mod outline;
pub mod printer;
pub mod prusa;
pub mod turn;
pub mod verify;

#[cfg(test)]
mod test_shapes;

pub use canonical::canonical;
pub use engine::{Engine, Sliced, Slicing, slice};
pub use error::PrintError;
pub use estimate::{Estimate, Setup, estimate};
pub use fit::{Placement, fit};
pub use gcode::{Summary, read};
pub use material::Material;
pub use orient::{Candidate, Goal, Wish, orient};
pub use printer::{Printer, Process, Quality, printer, printers};
pub use turn::Turn;
pub use verify::{Check, Hand, Job, verify};
