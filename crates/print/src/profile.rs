//! A printer with one set of settings, and in whose words they reach the slicing program.

use crate::printer::{Printer, Process, Quality};
use std::collections::BTreeMap;

/// A printer set for one print.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The printer; of a maker's profile, what our checks need of it.
    pub printer: Printer,
    /// The settings; of a maker's profile likewise.
    pub process: Process,
    /// Where the settings come from.
    pub source: Source,
}

/// In whose words the settings are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Ours: either slicing program is given them in its own words.
    Own,
    /// The maker's, flattened, in the words of PrusaSlicer: it alone understands them.
    Prusa(BTreeMap<String, String>),
    /// The machine is one of Cura's, the settings are ours; its start and end texts are in Cura's words.
    Cura,
}

impl Profile {
    /// One of our printers at a quality.
    pub fn own(printer: Printer, quality: Quality) -> Self {
        let process = printer.process(quality).clone();
        Self { printer, process, source: Source::Own }
    }
}
