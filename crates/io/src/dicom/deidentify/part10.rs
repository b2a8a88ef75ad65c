//! The header of a DICOM file: what follows it and how that is written.

use super::error::DeidentifyError;
use super::tokens::Layout;
use dicom_dictionary_std::uids;
use flate2::read::DeflateDecoder;
use std::borrow::Cow;
use std::io::Read;

/// Length of preamble and prefix (PS3.10 7.1).
const PREFIX: usize = 132;

/// Explicit VR big endian, retired in 2004 and still found in archives.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Deflate makes a byte of at most this many (RFC 1951: 258 bytes for two bits).
const MOST_DEFLATED: u64 = 1032;

/// Implementation Class UID of everything Osteon writes, the same as the phantoms have.
const IMPLEMENTATION: &str = "2.25.298216707675954852854921503924801058152";

/// What a file's header says.
pub(super) struct File {
    /// Transfer syntax of the data set.
    pub(super) syntax: String,
    /// Class and identifier of the object, empty where they are not said.
    pub(super) class: String,
    pub(super) instance: String,
    pub(super) layout: Layout,
    /// Where the data set begins.
    pub(super) start: usize,
}

/// Reads the header of a file.
pub(super) fn read(bytes: &[u8]) -> Result<File, DeidentifyError> {
    if bytes.get(128..PREFIX) != Some(b"DICM") {
        return Err(DeidentifyError::NotDicom);
    }
    let mut at = PREFIX;
    let (mut syntax, mut class, mut instance) = Default::default();
    while bytes.get(at..at + 2) == Some(&[2, 0]) {
        let damaged = || DeidentifyError::Damaged(format!("its header ends early, at byte {at}"));
        let head = bytes.get(at..at + 8).ok_or_else(damaged)?;
        let long = matches!(&head[4..6], b"OB" | b"OW" | b"UN" | b"UT" | b"SQ" | b"UC" | b"UR");
        let (length, from) = if long {
            let b = bytes.get(at + 8..at + 12).ok_or_else(damaged)?;
            (u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize, at + 12)
        } else {
            (usize::from(u16::from_le_bytes([head[6], head[7]])), at + 8)
        };
        let value = from.checked_add(length).and_then(|end| bytes.get(from..end)).ok_or_else(damaged)?;
        let text = || String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned();
        match head[2..4] {
            [2, 0] => class = text(),
            [3, 0] => instance = text(),
            [0x10, 0] => syntax = text(),
            _ => {}
        }
        at = from + length;
    }
    let syntax: String = syntax;
    let layout = match syntax.as_str() {
        "" => return Err(DeidentifyError::Incomplete("transfer syntax")),
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Layout::ImplicitLittle,
        BIG_ENDIAN => Layout::ExplicitBig,
        _ if !super::grammar::is_standard(&syntax) => {
            return Err(DeidentifyError::Unsupported("a file in a maker's own transfer syntax".to_owned()));
        }
        _ => Layout::ExplicitLittle,
    };
    Ok(File { syntax, class, instance, layout, start: at })
}

/// The file with its data set as it is when not deflated.
pub(super) fn inflated(bytes: &[u8]) -> Result<(File, Cow<'_, [u8]>), DeidentifyError> {
    let file = read(bytes)?;
    if file.syntax != uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        return Ok((file, Cow::Borrowed(bytes)));
    }
    let packed = &bytes[file.start..];
    let limit = packed.len() as u64 * MOST_DEFLATED;
    let mut plain = Vec::new();
    let read = DeflateDecoder::new(packed).take(limit).read_to_end(&mut plain);
    read.map_err(|_| DeidentifyError::Damaged("its data set cannot be inflated".to_owned()))?;
    let syntax = uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned();
    Ok((File { syntax, layout: Layout::ExplicitLittle, start: 0, ..file }, Cow::Owned(plain)))
}

/// Preamble, prefix and file meta information of our own (PS3.10 7.1).
pub(super) fn header(class: &str, instance: &str, syntax: &str) -> Vec<u8> {
    let mut group = Vec::new();
    let mut put = |element: u16, vr: &[u8; 2], value: &[u8], pad: u8| {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(pad);
        }
        group.extend([2_u16.to_le_bytes(), element.to_le_bytes()].concat());
        group.extend(vr);
        if vr == b"OB" {
            group.extend([0, 0]);
            group.extend((value.len() as u32).to_le_bytes());
        } else {
            group.extend((value.len() as u16).to_le_bytes());
        }
        group.extend(value);
    };
    put(0x0001, b"OB", &[0, 1], 0);
    put(0x0002, b"UI", class.as_bytes(), 0);
    put(0x0003, b"UI", instance.as_bytes(), 0);
    put(0x0010, b"UI", syntax.as_bytes(), 0);
    put(0x0012, b"UI", IMPLEMENTATION.as_bytes(), 0);
    put(0x0013, b"SH", b"OSTEON", b' ');
    let mut header = vec![0; 128];
    header.extend(b"DICM");
    header.extend([2, 0, 0, 0]);
    header.extend(b"UL\x04\x00");
    header.extend((group.len() as u32).to_le_bytes());
    header.extend(group);
    header
}
