//! JPEG (ITU-T T.81) for grey images: an exact decoder, and an encoder for the lossless process.
//!
//! Decodes the lossless process with Huffman codes (all predictors, point transforms, 2 to 16 bits) and the
//! sequential processes with a cosine transform (baseline of 8 bits, extended of 8 and 12 bits), with or
//! without restart markers. The transform back is the integer method that the Independent JPEG Group calls
//! "accurate", so that the pixels are those of nearly every other reader. Refused by name: colour,
//! progressive, arithmetic and hierarchical processes, images whose height comes after the pixels.
//!
//! Nothing is made up: a stream that ends early, or holds more bits than the image needs, is refused. Nothing
//! is allocated from a number in the file; working memory is at most the length of the stream. Reading
//! order: [`frame`] – the markers before the pixels; `bits` – bit stream without stuffing; `huffman` – code
//! tables; `scan` – from restart marker to restart marker; `lossless`; `cosine`; `encode`.

mod bits;
mod cosine;
mod encode;
pub mod frame;
mod huffman;
mod lossless;
mod scan;

pub use crate::jpeg_ls::Grey;
pub use encode::encode_lossless;
pub use frame::{Image, Process, header, left_out};
pub use scan::decode_into;

use osteon_core::{ErrorKind, Explain};

/// Why bytes are not a JPEG image that can be decoded, or an image cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JpegError {
    /// The bytes are something else.
    #[error("it is not a JPEG stream: it does not begin with the bytes FF D8")]
    NotJpeg,
    /// The bytes end before the image does.
    #[error("the JPEG stream ends after {0} bytes, before the image is complete")]
    Truncated(usize),
    /// A marker, a number or a code word in the stream contradicts the standard.
    #[error("the JPEG stream is damaged: {0}")]
    Damaged(String),
    /// The stream uses a part of the standard that is not supported.
    #[error("the JPEG stream uses {0}, which is not supported")]
    Unsupported(String),
    /// The image is not of the expected size.
    #[error("the JPEG image has {found} samples where {expected} were expected")]
    Size {
        /// Samples in the stream: width × height.
        found: usize,
        /// Samples there is room for.
        expected: usize,
    },
    /// The image to be encoded is empty, too large, or has samples above its depth.
    #[error("the image cannot be written as JPEG: {0}")]
    Image(String),
}

impl Explain for JpegError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotJpeg => "jpeg-not-jpeg",
            Self::Truncated(_) => "jpeg-truncated",
            Self::Damaged(_) => "jpeg-damaged",
            Self::Unsupported(_) => "jpeg-unsupported",
            Self::Size { .. } => "jpeg-size",
            Self::Image(_) => "jpeg-image",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::NotJpeg | Self::Truncated(_) | Self::Damaged(_) | Self::Size { .. } => {
                "fetch the file again from its archive; if it is damaged there too, leave this image out"
            }
            Self::Unsupported(_) => {
                "decompress the file with another tool first, for example `dcmdjpeg` or `gdcmconv --raw`"
            }
            Self::Image(_) => {
                "give 1 to 65535 rows and columns of samples that fit into the stated 2 to 16 bits"
            }
        }
        .to_owned()
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, JpegError> {
    Err(JpegError::Damaged(what.into()))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, JpegError> {
    Err(JpegError::Unsupported(what.into()))
}

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod test_streams;
#[cfg(test)]
mod tests;
