//! JPEG 2000 (ITU-T T.800, part 1): an exact decoder for grey images.
//!
//! Decodes one component of 1 to 24 bits, signed or unsigned, reversible (5/3) or not (9/7), with all five
//! progression orders and changes between them, tiles and tile-parts, precincts, layers, every style of
//! code-blocks and regions of interest, bare or inside a JP2 file. The irreversible path does its 32-bit
//! arithmetic in the order of OpenJPEG, so that both give the same samples. Refused by name: several
//! components, subsampled components, packed packet headers (PPM, PPT), part 2 extensions, HTJ2K, palettes.
//!
//! Streams that end early are refused and not completed with grey: every packet the markers promise must be
//! there. Nothing is allocated from a number in the stream before it was checked, and the samples go to a
//! slice whose length the caller has decided.
//!
//! **Signedness.** Samples have the signedness of the codestream. Some writers of DICOM files declare another
//! one in (0028,0103) Pixel Representation; whoever puts the samples into an image has to compare the two.
//!
//! Reading order: [`Image`]; `boxes` – the JP2 wrapper; `markers` – headers; `geometry` – tiles to
//! code-blocks; `progression` – the order of packets; `packet` and `tag_tree` – which bytes belong to which
//! code-block; `arithmetic`, `context`, `bitplane` – bytes to coefficients; `wavelet` – coefficients to
//! samples; `decode` – all of it.

mod arithmetic;
mod bitplane;
mod boxes;
mod bytes;
mod context;
mod decode;
mod geometry;
mod markers;
mod packet;
mod progression;
mod tag_tree;
mod wavelet;

pub use decode::decode_into;

use osteon_core::{ErrorKind, Explain};

/// What a stream says about its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Samples of a pixel; only one can be decoded.
    pub components: usize,
    /// Bits of a sample, with its sign if it has one.
    pub bits: u32,
    /// Whether samples can be negative. Not always what the DICOM header says.
    pub signed: bool,
    /// Whether the transform in the main header loses nothing. An encoder may still have left out the last bits
    /// of some coefficients, which does not show: many leave out those that make no difference.
    pub reversible: bool,
}

impl Image {
    /// Number of samples: width × height × components.
    pub const fn samples(&self) -> usize {
        self.width * self.height * self.components
    }
}

/// Samples allowed whatever the length of the stream: 4096 × 4096, more than any slice of CT or MR has. An
/// empty image of this size needs hardly 200 bytes.
const FREE_SAMPLES: usize = 1 << 24;

/// Samples allowed for each byte of a stream that has more than [`FREE_SAMPLES`]. Chosen: 16-bit samples at
/// 1 : 128, several times what an image is worth looking at with.
const SAMPLES_PER_BYTE: usize = 64;

/// Reads the main header of a codestream or of a JP2 file.
///
/// The image is not larger than the stream can justify: 4096 × 4096 samples, or 64 for each byte.
///
/// # Errors
/// [`Jpeg2000Error`] when the bytes are not JPEG 2000, the header is damaged, uses what is not supported, or
/// declares an image too large for its bytes.
pub fn header(stream: &[u8]) -> Result<Image, Jpeg2000Error> {
    let mut markers = markers::Markers::new(boxes::codestream(stream)?)?;
    let main = markers.main_header()?;
    checked_image(&main, stream.len())
}

fn checked_image(main: &markers::Main, bytes: usize) -> Result<Image, Jpeg2000Error> {
    let image = main.image();
    let most = FREE_SAMPLES.max(bytes.saturating_mul(SAMPLES_PER_BYTE));
    let samples = image.width.checked_mul(image.height).and_then(|n| n.checked_mul(image.components));
    if samples.is_none_or(|n| n > most) {
        return Err(Jpeg2000Error::TooLarge { width: image.width, height: image.height, bytes });
    }
    Ok(image)
}

/// Why bytes are not a JPEG 2000 image that can be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Jpeg2000Error {
    /// The bytes end before the image does.
    #[error("the JPEG 2000 stream is incomplete: {0}")]
    Truncated(String),
    /// A marker or a number in the stream contradicts the standard.
    #[error("the JPEG 2000 stream is damaged: {0}")]
    Damaged(String),
    /// The stream uses a part of the standard that is not supported.
    #[error("the JPEG 2000 stream uses {0}, which is not supported")]
    Unsupported(String),
    /// The image declared is out of proportion to the bytes that should describe it.
    #[error("the JPEG 2000 stream of {bytes} bytes declares an image of {width} × {height} pixels")]
    TooLarge {
        /// Columns declared.
        width: usize,
        /// Rows declared.
        height: usize,
        /// Length of the stream.
        bytes: usize,
    },
    /// The image is not of the expected size.
    #[error("the JPEG 2000 image has {found} samples where {expected} were expected")]
    Size {
        /// Samples in the stream: width × height.
        found: usize,
        /// Samples there is room for.
        expected: usize,
    },
}

impl Explain for Jpeg2000Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Truncated(_) => "jpeg-2000-truncated",
            Self::Damaged(_) => "jpeg-2000-damaged",
            Self::Unsupported(_) => "jpeg-2000-unsupported",
            Self::TooLarge { .. } => "jpeg-2000-too-large",
            Self::Size { .. } => "jpeg-2000-size",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Unsupported(_) => {
                "decompress the file with another tool first, for example `gdcmconv --raw` or `dcmdjp2k`"
            }
            _ => "fetch the file again from its archive; if it is damaged there too, leave this image out",
        }
        .to_owned()
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, Jpeg2000Error> {
    Err(Jpeg2000Error::Damaged(what.into()))
}

fn truncated<T>(what: impl Into<String>) -> Result<T, Jpeg2000Error> {
    Err(Jpeg2000Error::Truncated(what.into()))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, Jpeg2000Error> {
    Err(Jpeg2000Error::Unsupported(what.into()))
}

#[cfg(test)]
mod tests;
