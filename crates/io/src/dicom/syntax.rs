//! Transfer syntaxes: how a data set is written and how its pixels are compressed.

use dicom_dictionary_std::uids;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

/// How the elements of a data set are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Implicit value representations, little endian.
    ImplicitLittle,
    /// Explicit value representations, little endian.
    ExplicitLittle,
    /// Explicit value representations, big endian.
    ExplicitBig,
}

/// How the pixels are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// As they are.
    Native,
    /// JPEG-LS, lossless or near-lossless.
    JpegLs,
    /// Run lengths.
    Rle,
    /// Something else, which is not read.
    Other,
}

/// Layout and packing of a transfer syntax; every unknown one is explicit and little endian (PS3.5 A.4).
pub(super) fn of(uid: &str) -> (Layout, Packing) {
    match uid {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => (Layout::ImplicitLittle, Packing::Native),
        uids::EXPLICIT_VR_LITTLE_ENDIAN | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => {
            (Layout::ExplicitLittle, Packing::Native)
        }
        BIG_ENDIAN => (Layout::ExplicitBig, Packing::Native),
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => (Layout::ExplicitLittle, Packing::JpegLs),
        uids::RLE_LOSSLESS => (Layout::ExplicitLittle, Packing::Rle),
        _ => (Layout::ExplicitLittle, Packing::Other),
    }
}

/// Explicit VR big endian, retired in 2004 and still found in archives.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// True when the data set after the file header is deflated.
pub(super) fn is_deflated(uid: &str) -> bool {
    uid == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
}

/// The name people know it by.
pub(super) fn name(uid: &str) -> String {
    TransferSyntaxRegistry.get(uid).map_or("unknown", |syntax| syntax.name()).to_owned()
}
