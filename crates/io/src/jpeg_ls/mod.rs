//! JPEG-LS (ITU-T T.87): an exact decoder, and an encoder for lossless grey images.
//!
//! Decodes lossless and near-lossless images of 2 to 16 bits and 1 to 4 components, whichever way the
//! components are interleaved. Refused by name: restart intervals, palettes (mapping tables), point
//! transforms, subsampled components, colour transforms, images whose height comes after the pixels.
//!
//! Nothing is allocated from a number in the file before it was checked, and the pixels go to a slice
//! whose length the caller has decided. Reading order: [`frame`] – the markers before the pixels; `bits`
//! – bit stream with stuffing; `model` – contexts, prediction, Golomb parameters; `decode`; `encode`.

mod bits;
mod decode;
mod encode;
pub mod frame;
mod model;

pub use decode::decode_into;
pub use encode::{Grey, encode};
pub use frame::{Header, Interleave, header};

use osteon_core::{ErrorKind, Explain};

/// Why bytes are not a JPEG-LS image that can be decoded, or an image cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JpegLsError {
    /// The bytes end before the image does.
    #[error("the JPEG-LS stream ends after {0} bytes, before the image is complete")]
    Truncated(usize),
    /// A marker or a number in the stream contradicts the standard.
    #[error("the JPEG-LS stream is damaged: {0}")]
    Damaged(String),
    /// The stream uses a part of the standard that is not supported.
    #[error("the JPEG-LS stream uses {0}, which is not supported")]
    Unsupported(String),
    /// The image is not of the expected size.
    #[error("the JPEG-LS image has {found} samples where {expected} were expected")]
    Size {
        /// Samples in the stream: width × height × components.
        found: usize,
        /// Samples there is room for.
        expected: usize,
    },
    /// The image to be encoded is empty, too large, or has samples above its depth.
    #[error("the image cannot be written as JPEG-LS: {0}")]
    Image(String),
}

impl Explain for JpegLsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Truncated(_) => "jpeg-ls-truncated",
            Self::Damaged(_) => "jpeg-ls-damaged",
            Self::Unsupported(_) => "jpeg-ls-unsupported",
            Self::Size { .. } => "jpeg-ls-size",
            Self::Image(_) => "jpeg-ls-image",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Truncated(_) | Self::Damaged(_) | Self::Size { .. } => {
                "fetch the file again from its archive; if it is damaged there too, leave this image out"
            }
            Self::Unsupported(_) => {
                "decompress the file with another tool first, for example `dcmdjpls` or `gdcmconv --raw`"
            }
            Self::Image(_) => {
                "give 1 to 65535 rows and columns of samples that fit into the stated 2 to 16 bits"
            }
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests;
