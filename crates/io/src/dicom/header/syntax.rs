//! Transfer syntaxes: how a data set is written and how its pixels are compressed.

use dicom_dictionary_std::uids;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

/// How the elements of a data set are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Implicit value representations, little endian.
    ImplicitLittle,
    /// Explicit value representations, little endian.
    ExplicitLittle,
    /// Explicit value representations, big endian.
    ExplicitBig,
}

impl Layout {
    /// A number of two bytes.
    pub(crate) fn short(self, bytes: [u8; 2]) -> u16 {
        if self == Self::ExplicitBig { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    /// A number of four bytes.
    pub(crate) fn long(self, bytes: [u8; 4]) -> u32 {
        if self == Self::ExplicitBig { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// The syntax of uncompressed images that are written like this.
    pub(crate) fn native(self) -> &'static str {
        match self {
            Self::ImplicitLittle => uids::IMPLICIT_VR_LITTLE_ENDIAN,
            Self::ExplicitLittle => uids::EXPLICIT_VR_LITTLE_ENDIAN,
            Self::ExplicitBig => BIG_ENDIAN,
        }
    }
}

/// How the pixels are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As they are.
    Native,
    /// Run lengths.
    Rle,
    /// JPEG, lossless or not.
    Jpeg,
    /// JPEG-LS, lossless or near-lossless.
    JpegLs,
    /// JPEG 2000, reversible or not.
    Jpeg2000,
    /// Something else, which is not read.
    Other,
}

/// Layout and packing of a transfer syntax; every unknown one is explicit and little endian (PS3.5 A.4).
pub(crate) fn of(uid: &str) -> (Layout, Packing) {
    match uid {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => (Layout::ImplicitLittle, Packing::Native),
        uids::EXPLICIT_VR_LITTLE_ENDIAN | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => {
            (Layout::ExplicitLittle, Packing::Native)
        }
        BIG_ENDIAN => (Layout::ExplicitBig, Packing::Native),
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => (Layout::ExplicitLittle, Packing::JpegLs),
        uids::RLE_LOSSLESS => (Layout::ExplicitLittle, Packing::Rle),
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1 => (Layout::ExplicitLittle, Packing::Jpeg),
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => (Layout::ExplicitLittle, Packing::Jpeg2000),
        _ => (Layout::ExplicitLittle, Packing::Other),
    }
}

/// Explicit VR big endian, retired in 2004 and still found in archives.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// True when the data set after the file header is deflated.
pub(crate) fn is_deflated(uid: &str) -> bool {
    uid == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
}

/// The UID of a transfer syntax that is read, by what people call it, such as `JPEG-LS lossless`.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match plain.to_ascii_lowercase().replace("vr", "").as_str() {
        "implicit" | "implicitlittleendian" => uids::IMPLICIT_VR_LITTLE_ENDIAN,
        "explicit" | "explicitlittleendian" => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        "bigendian" | "explicitbigendian" => BIG_ENDIAN,
        "deflated" | "deflatedexplicitlittleendian" => uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        "rle" | "rlelossless" => uids::RLE_LOSSLESS,
        "jpeg" | "jpegbaseline" => uids::JPEG_BASELINE8_BIT,
        "jpegextended" => uids::JPEG_EXTENDED12_BIT,
        "jpeglossless" => uids::JPEG_LOSSLESS_SV1,
        "jpegls" | "jpeglslossless" => uids::JPEGLS_LOSSLESS,
        "jpeglsnearlossless" => uids::JPEGLS_NEAR_LOSSLESS,
        "jpeg2000lossless" => uids::JPEG2000_LOSSLESS,
        "jpeg2000" => uids::JPEG2000,
        _ => return None,
    })
}

/// True for syntaxes that are not the standard's.
pub(crate) fn is_private(uid: &str) -> bool {
    !uid.starts_with("1.2.840.10008.")
}

/// A syntax of GE: an implicit data set with the two bytes of every pixel exchanged.
const GE_PRIVATE: &str = "1.2.840.113619.5.2";

/// The name people know it by.
pub(crate) fn name(uid: &str) -> String {
    match uid {
        GE_PRIVATE => return "GE private, pixels big endian".to_owned(),
        _ if is_private(uid) => return "private".to_owned(),
        _ => {}
    }
    TransferSyntaxRegistry.get(uid).map_or("unknown", |syntax| syntax.name()).to_owned()
}
