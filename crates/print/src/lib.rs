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
//!    [`turn`] – which side of a part is up; [`mod@compensation`] – what a printer does to every part, taken back
//! 2. [`mod@fit`] – where a solid lies on the bed, and what to do when it is too large
//! 3. [`mod@profile`] – a printer set for one print, by us or by its maker; [`vendor`] – the makers' profiles as
//!    they are installed
//! 4. [`prusa`] and `cura` – the settings and the command lines of the two programs; `expand` – placeholders
//! 5. [`engine`] – runs the program; beside [`vendor`] the only module that spawns a process or touches a file
//! 6. [`gcode`] – what the G-code lays down, layer by layer; [`mod@canonical`] – the same bytes on every run
//! 7. [`outline`] – sections of a solid and how far two outlines are apart; [`silhouette`] – what a layer covers
//!    [`footprint`] – a window onto one layer; [`mod@restack`] – the surface that will be seen, rebuilt from layers
//! 8. [`mod@verify`] – the proof; [`material`] – grams and cost
//! 9. [`mod@estimate`] – time and material before slicing; [`orient`](mod@orient) – which side should be up;
//!    [`advice`] – which process, which material
//! 10. [`resin`] – printers that expose layers: pictures drawn, read back and proven here
//!
//! Frames: a solid is in the patient frame (LPS, mm). A printer's bed has +x to the right, +y to the back and
//! +z up, seen from the front: a right-handed frame like LPS, so a solid is moved onto it and never mirrored.

pub mod advice;
pub mod canonical;
pub mod compensation;
mod cura;
pub mod engine;
pub mod error;
pub mod estimate;
mod expand;
pub mod fit;
pub mod footprint;
pub mod gcode;
pub mod material;
pub mod orient;
pub mod outline;
pub mod printer;
pub mod profile;
pub mod prusa;
pub mod resin;
pub mod restack;
pub mod silhouette;
pub mod turn;
pub mod vendor;
pub mod verify;

#[cfg(test)]
mod test_shapes;

pub use canonical::canonical;
pub use compensation::{Compensation, compensate};
pub use engine::{Engine, Program, Sliced, Slicing, slice};
pub use error::PrintError;
pub use estimate::{Estimate, Setup, estimate};
pub use fit::{Placement, fit};
pub use gcode::{Summary, read};
pub use material::Material;
pub use orient::{Candidate, Goal, Wish, orient};
pub use printer::{Printer, Process, Quality, printer, printers};
pub use profile::{Profile, Source};
pub use restack::{Layers, Walls, restack};
pub use turn::Turn;
pub use verify::{Check, Coverage, Hand, Job, verify};
