//! Resin printing without another program: from solids to the pictures a screen shows, and back.
//!
//! A resin printer cures a layer by showing its section on a screen. The pictures are drawn here, so nothing stands
//! between the proven solid and the light: every pixel is lit as far as the section covers it.
//!
//! Reading order:
//!
//! 1. [`printer`] – what a resin printer is and what it is set to; [`place`] – where a part stands on its plate
//! 2. [`section`] – solids cut at every layer; [`raster`] – one section as runs of light
//! 3. [`supports`] – what holds a part; [`islands`] – what would hang on nothing
//! 4. [`estimate`] – time and resin before a picture is drawn
//! 5. [`goo`], [`archive`] – files written layer by layer, and read back; [`file`] – whichever it is
//! 6. [`verify`] – the proof that a file is the part
//!
//! Frames: a solid is in the patient frame (LPS, mm). The plate has +x to the right, +y to the back and +z up, seen
//! with the part standing on it; the printer hangs it upside down, which its [`printer::Screen`] accounts for.

pub mod archive;
pub mod error;
pub mod estimate;
pub mod file;
pub mod goo;
pub mod islands;
pub mod place;
pub mod printer;
pub mod raster;
pub mod section;
pub mod supports;
pub mod verify;

pub use error::ResinError;
pub use estimate::{Estimate, estimate};
pub use file::{Previews, Reading, write};
pub use place::{Standing, stand};
pub use printer::{Format, ResinPrinter, resin_printer, resin_printers};
pub use raster::Run;
pub use section::Stack;
pub use supports::{Supports, supports};
pub use verify::{Proof, verify};
