//! What can go wrong between a solid and a file for a resin printer.

use osteon_core::{Cancelled, ErrorKind, Explain};

/// Why a solid cannot be exposed, or a file not be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResinError {
    /// A profile has an unknown or missing key, or a number out of its range.
    #[error("the printer profile cannot be used: {what}")]
    Profile {
        /// Which key, with its value and range.
        what: String,
    },
    /// There is no built-in resin printer of this name.
    #[error("there is no resin printer \"{name}\"; built in are {known}")]
    UnknownPrinter {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A setting is out of its range.
    #[error("{what}")]
    Setting {
        /// Which, with its value and range.
        what: String,
    },
    /// The part does not fit on the plate as it stands.
    #[error(
        "the part measures {:.1} × {:.1} × {:.1} mm as it stands, and resin printer {printer} has room for \
         {:.1} × {:.1} × {:.1} mm", .size[0], .size[1], .size[2], .room[0], .room[1], .room[2]
    )]
    TooLarge {
        /// Name of the printer.
        printer: String,
        /// Width, depth and height of the part as it is turned, mm.
        size: [f64; 3],
        /// Usable width, depth and height, mm.
        room: [f64; 3],
        /// What would fit, one way each.
        ways: Vec<String>,
    },
    /// The printer does not take such files.
    #[error("resin printer {printer} does not take .{format} files")]
    WrongFormat {
        /// Name of the printer.
        printer: String,
        /// The end of the file's name.
        format: &'static str,
        /// The ends it takes.
        takes: String,
    },
    /// A file for a resin printer that cannot be read back with certainty.
    #[error("the file for the resin printer cannot be read back: {what}")]
    Unreadable {
        /// What is wrong, and where.
        what: String,
    },
    /// The file could not be written.
    #[error("the file for the resin printer cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// Supports that do not bound a volume.
    #[error("the supports are not a solid: {what}")]
    Supports {
        /// Why.
        what: String,
    },
    /// The work was stopped.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl ResinError {
    /// What cannot be read back.
    pub(crate) fn unreadable(what: impl Into<String>) -> Self {
        Self::Unreadable { what: what.into() }
    }
}

impl Explain for ResinError {
    fn kind(&self) -> ErrorKind {
        match self {
            ResinError::Profile { .. } | ResinError::Setting { .. } | ResinError::Unreadable { .. } => {
                ErrorKind::Input
            }
            ResinError::UnknownPrinter { .. } => ErrorKind::Missing,
            ResinError::TooLarge { .. } | ResinError::WrongFormat { .. } => ErrorKind::Unsupported,
            ResinError::Write(_) => ErrorKind::Io,
            ResinError::Supports { .. } => ErrorKind::Numeric,
            ResinError::Cancelled(stop) => stop.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            ResinError::Profile { .. } => "printer-profile",
            ResinError::UnknownPrinter { .. } => "unknown-printer",
            ResinError::Setting { .. } => "resin-setting",
            ResinError::TooLarge { .. } => "larger-than-bed",
            ResinError::WrongFormat { .. } => "wrong-format",
            ResinError::Unreadable { .. } => "resin-unreadable",
            ResinError::Write(_) => "resin-file",
            ResinError::Supports { .. } => "resin-supports",
            ResinError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            ResinError::Profile { .. } => {
                "correct the profile; data/resin-printers/saturn-4-ultra.toml explains every key and its range"
                    .to_owned()
            }
            ResinError::UnknownPrinter { .. } => {
                "choose one of the built-in resin printers with --printer, or give the path of a profile of your \
                 own, ending in .toml"
                    .to_owned()
            }
            ResinError::Setting { .. } => "choose a value within the range".to_owned(),
            ResinError::TooLarge { ways, .. } => ways.join("; or "),
            ResinError::WrongFormat { takes, .. } => format!("name a file that ends in {takes}, or in .zip for pictures"),
            ResinError::Unreadable { .. } => {
                "give a .goo file of version 3.0, an .sl1 or .sl1s archive, or a .zip of pictures that was written \
                 for this printer"
                    .to_owned()
            }
            ResinError::Write(_) => "see that the folder may be written and has space left".to_owned(),
            ResinError::Supports { .. } => {
                "print without supports, or turn the part another way with --up".to_owned()
            }
            ResinError::Cancelled(stop) => stop.help(),
        }
    }
}
