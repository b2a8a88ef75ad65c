//! Why a DICOM file is not handed out.

use osteon_core::{ErrorKind, Explain};

/// Why a DICOM file cannot be de-identified. No message contains a value of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeidentifyError {
    /// There is no file header to tell how the rest is written.
    #[error("the file has no DICOM header (128 bytes and the letters DICM)")]
    NotDicom,
    /// The bytes contradict themselves; what cannot be read cannot be cleaned.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// An attribute every image has is missing.
    #[error("the file has no usable {0}")]
    Incomplete(&'static str),
    /// A kind of file the keep-list does not cover.
    #[error("{0} cannot be de-identified")]
    Unsupported(String),
    /// Text may be part of the picture.
    #[error("text may be burned into the picture: {0}")]
    BurnedIn(String),
    /// An identifier of the original is in the result.
    #[error("the cleaned file still holds an identifier ({0})")]
    Left(&'static str),
}

impl Explain for DeidentifyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported(_) | Self::BurnedIn(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotDicom => "deidentify-not-dicom",
            Self::Damaged(_) => "deidentify-damaged",
            Self::Incomplete(_) => "deidentify-incomplete",
            Self::Unsupported(_) => "deidentify-unsupported",
            Self::BurnedIn(_) => "burned-in-text",
            Self::Left(_) => "identifier-left",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::NotDicom | Self::Damaged(_) | Self::Incomplete(_) => {
                "share the case without its DICOM files: the volume, the structures and the models need none"
            }
            Self::Unsupported(_) => "share the volume instead of this file",
            Self::BurnedIn(_) => {
                "look at the picture; if no name or number is written in it, allow it explicitly (--burned-in accept)"
            }
            Self::Left(_) => "nothing was handed out; please report which kind of file this is, without the file",
        }
        .to_owned()
    }
}
