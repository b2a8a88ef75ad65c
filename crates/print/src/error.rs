//! What can go wrong between a solid and its G-code.

use crate::engine::Program;
use osteon_core::{Cancelled, ErrorKind, Explain};

/// Why a solid cannot be printed, sliced or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrintError {
    /// A printer profile has an unknown or missing key, or a number out of its range.
    #[error("the printer profile cannot be used: {what}")]
    Profile {
        /// Which key, with its value and range.
        what: String,
    },
    /// There is no built-in printer of this name.
    #[error("there is no printer \"{name}\"; built in are {known}")]
    UnknownPrinter {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The solid does not fit on the bed as it lies.
    #[error(
        "the solid measures {} mm, and printer {printer} has room for {} mm: \
         its bed less {margin:.1} mm on every side for brim, skirt and supports", triple(.size), triple(.room)
    )]
    TooLarge {
        /// Name of the printer.
        printer: String,
        /// Edge lengths of the box around the solid along the axes of the bed, as it was to lie, mm.
        size: [f64; 3],
        /// Usable width, depth and height, mm.
        room: [f64; 3],
        /// What is kept free at every edge of the bed, mm.
        margin: f64,
        /// What would fit, one way each.
        ways: Vec<String>,
    },
    /// No slicing program was found.
    #[error("no slicing program was found; looked for {}", .tried.join(", "))]
    SlicerNotInstalled {
        /// Which one was wanted.
        program: Program,
        /// The names or paths that were tried.
        tried: Vec<String>,
    },
    /// CuraEngine is there, but not the definitions of its settings.
    #[error("the definitions of Cura were not found; looked for fdmprinter.def.json in {}", .tried.join(", "))]
    DefinitionsMissing {
        /// The folders that were tried.
        tried: Vec<String>,
    },
    /// The maker's profiles are not where the slicing program usually keeps them.
    #[error("no profiles of printer makers were found; looked in {}", .tried.join(", "))]
    ProfilesMissing {
        /// The folders that were tried.
        tried: Vec<String>,
    },
    /// There is no profile of this name among the installed ones.
    #[error("there is no {kind} \"{name}\" among the installed profiles")]
    UnknownProfile {
        /// What it is a profile of.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// Names that are like it.
        near: Vec<String>,
    },
    /// A profile is in the words of another slicing program.
    #[error("profile {profile} is not written for {}", named(*.program))]
    OtherEngine {
        /// The profile.
        profile: String,
        /// The program that was to use it.
        program: Program,
    },
    /// The slicing program failed, or ended well without writing G-code.
    #[error("the slicing program {program} {outcome}: {text}")]
    SlicerFailed {
        /// The program.
        program: String,
        /// How it ended.
        outcome: String,
        /// The last lines it wrote.
        text: String,
    },
    /// The slicing program took longer than it was given.
    #[error("the slicing program {program} was stopped after {seconds:.0} s")]
    SlicerTooSlow {
        /// The program.
        program: String,
        /// The time it was given, s.
        seconds: f64,
    },
    /// A file in the working folder could not be written, read or removed.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// G-code that cannot be read back with certainty.
    #[error("line {line} of the G-code: {what}")]
    Gcode {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// G-code in which nothing is extruded.
    #[error("the G-code extrudes nothing in {lines} lines")]
    NothingPrinted {
        /// How many lines were read.
        lines: usize,
    },
    /// The work was stopped.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

const fn named(program: Program) -> &'static str {
    match program {
        Program::Prusa => "PrusaSlicer",
        Program::Cura => "CuraEngine",
    }
}

/// Three edge lengths as a person writes them.
fn triple(size: &[f64; 3]) -> String {
    format!("{:.1} × {:.1} × {:.1}", size[0], size[1], size[2])
}

impl Explain for PrintError {
    fn kind(&self) -> ErrorKind {
        match self {
            PrintError::Profile { .. } | PrintError::Gcode { .. } | PrintError::NothingPrinted { .. } => {
                ErrorKind::Input
            }
            PrintError::UnknownPrinter { .. }
            | PrintError::UnknownProfile { .. }
            | PrintError::DefinitionsMissing { .. }
            | PrintError::ProfilesMissing { .. }
            | PrintError::SlicerNotInstalled { .. } => ErrorKind::Missing,
            PrintError::TooLarge { .. } | PrintError::OtherEngine { .. } => ErrorKind::Unsupported,
            PrintError::SlicerFailed { .. } | PrintError::SlicerTooSlow { .. } | PrintError::File { .. } => {
                ErrorKind::Io
            }
            PrintError::Cancelled(stop) => stop.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            PrintError::Profile { .. } => "printer-profile",
            PrintError::UnknownPrinter { .. } => "unknown-printer",
            PrintError::TooLarge { .. } => "larger-than-bed",
            PrintError::SlicerNotInstalled { .. } => "slicer-not-installed",
            PrintError::DefinitionsMissing { .. } => "cura-definitions-missing",
            PrintError::ProfilesMissing { .. } => "profiles-missing",
            PrintError::UnknownProfile { .. } => "unknown-profile",
            PrintError::OtherEngine { .. } => "other-engine",
            PrintError::SlicerFailed { .. } => "slicer-failed",
            PrintError::SlicerTooSlow { .. } => "slicer-too-slow",
            PrintError::File { .. } => "slicing-file",
            PrintError::Gcode { .. } => "gcode-unreadable",
            PrintError::NothingPrinted { .. } => "gcode-empty",
            PrintError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            PrintError::Profile { .. } => {
                "correct the profile; data/printers/generic-250.toml explains every key and its range"
                    .to_owned()
            }
            PrintError::UnknownPrinter { .. } => {
                "choose one of the built-in printers with --printer, give the path of a profile of your own, ending in .toml, or an installed one of a maker: osteon printers".to_owned()
            }
            PrintError::TooLarge { ways, .. } => ways.join("; or "),
            PrintError::SlicerNotInstalled { program: Program::Cura, .. } => {
                "on Debian or Ubuntu: apt-get install cura-engine, and unpack the definitions of package cura; if it \
                 is installed under another name: --slicer <path>"
                    .to_owned()
            }
            PrintError::DefinitionsMissing { .. } => {
                "on Debian or Ubuntu they are in package cura: apt-get install cura, or without its window: \
                 apt-get download cura && dpkg-deb -x cura_*.deb cura, then --resources cura/usr/share/cura/resources"
                    .to_owned()
            }
            PrintError::ProfilesMissing { .. } => {
                "install PrusaSlicer (apt-get install prusa-slicer), or name the folder of its .ini files with --resources"
                    .to_owned()
            }
            PrintError::UnknownProfile { near, .. } if near.is_empty() => {
                "osteon printers lists those that are installed".to_owned()
            }
            PrintError::UnknownProfile { near, .. } => format!("there are: {}", near.join("; ")),
            PrintError::OtherEngine { program: Program::Cura, .. } => {
                "slice with --engine prusa, or with a printer whose name does not begin with \"prusa:\"".to_owned()
            }
            PrintError::OtherEngine { program: Program::Prusa, .. } => {
                "slice with --engine cura, or with a printer whose name does not begin with \"cura:\"".to_owned()
            }
            PrintError::SlicerNotInstalled { .. } => {
                "on Debian or Ubuntu: apt-get install prusa-slicer; elsewhere: get PrusaSlicer from \
                 https://www.prusa3d.com/prusaslicer; if it is installed under another name: --slicer <path>"
                    .to_owned()
            }
            PrintError::SlicerFailed { .. } => {
                "read what the program wrote; the model and the settings are kept in the working folder, and \
                 the same command can be run there by hand"
                    .to_owned()
            }
            PrintError::SlicerTooSlow { .. } => {
                "allow more time, print with thicker layers, or thin out the triangles of the model"
                    .to_owned()
            }
            PrintError::File { .. } => {
                "see that the working folder exists, may be written, and has space left".to_owned()
            }
            PrintError::Gcode { .. } => {
                "give plain G-code in millimetres without arcs, for one nozzle, as text (not .bgcode)"
                    .to_owned()
            }
            PrintError::NothingPrinted { .. } => {
                "the solid may be smaller than one line or one layer; check its units".to_owned()
            }
            PrintError::Cancelled(stop) => stop.help(),
        }
    }
}
