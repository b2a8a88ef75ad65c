//! The JP2 file format around a codestream: found in some DICOM files although it does not belong there.

use super::bytes::Bytes;
use super::{Jpeg2000Error, damaged, unsupported};

/// Start of codestream and the marker that must follow it.
const CODESTREAM: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];

/// The signature box every JP2 file begins with.
const SIGNATURE: [u8; 12] = [0, 0, 0, 12, b'j', b'P', b' ', b' ', 0x0d, 0x0a, 0x87, 0x0a];

/// The codestream itself, out of its boxes if it is in any.
pub(super) fn codestream(stream: &[u8]) -> Result<&[u8], Jpeg2000Error> {
    if stream.starts_with(&CODESTREAM) {
        return Ok(stream);
    }
    if !stream.starts_with(&SIGNATURE) {
        return damaged("it begins neither with the markers FF4F FF51 nor with a JP2 signature");
    }
    let mut rest = stream;
    while !rest.is_empty() {
        let Part { kind, content, after } = next(rest)?;
        match &kind {
            b"jp2c" if content.starts_with(&CODESTREAM) => return Ok(content),
            b"jp2c" => return damaged("the codestream in the JP2 file does not begin with FF4F FF51"),
            b"jp2h" => refuse_palette(content)?,
            _ => {}
        }
        rest = after;
    }
    damaged("the JP2 file has no codestream in it")
}

/// Samples of an image with a palette are not grey values.
fn refuse_palette(mut header: &[u8]) -> Result<(), Jpeg2000Error> {
    while !header.is_empty() {
        let part = next(header)?;
        if &part.kind == b"pclr" {
            return unsupported("a palette");
        }
        header = part.after;
    }
    Ok(())
}

/// A box and what follows it.
struct Part<'a> {
    kind: [u8; 4],
    content: &'a [u8],
    after: &'a [u8],
}

/// The first of some boxes.
fn next(boxes: &[u8]) -> Result<Part<'_>, Jpeg2000Error> {
    let mut head = Bytes::new(boxes, "a box of the JP2 file");
    let short = u64::from(head.u32()?);
    let kind = head.take::<4>()?;
    // Length 1 stands for a longer number that follows, 0 for everything up to the end of the file.
    let (length, start) = match short {
        0 => (boxes.len() as u64, 8),
        1 => (u64::from_be_bytes(head.take()?), 16),
        _ => (short, 8),
    };
    // A codestream cut short is for the packets to complain about: they know what is missing.
    let end = usize::try_from(length).unwrap_or(usize::MAX).min(boxes.len());
    if end < start {
        return damaged(format!("a box of the JP2 file has {length} bytes"));
    }
    Ok(Part { kind, content: &boxes[start..end], after: &boxes[end..] })
}
