//! MetaImage: volumes as ITK keeps them (`.mha`, and `.mhd` with its data in a file beside it).
//!
//! Places are LPS millimetres, as ITK writes them. Voxel size, directions and origin must be said: none has a
//! default here. The reader is [`crate::volume_file::read`].

mod header;
#[cfg(test)]
mod tests;

use crate::samples::Samples;
use crate::volume_file::layout::Scale;
use crate::volume_file::unpack::Stream;
use crate::volume_file::{Kind, Problem, Request, gather, more_bytes};
use flate2::bufread::ZlibDecoder;
use header::{Flag, Header};
use osteon_core::{Ctx, Finding};
use std::borrow::Cow;

/// True for the first bytes of a MetaImage.
pub(crate) fn recognise(head: &[u8]) -> bool {
    header::recognise(head)
}

/// Reads a file with its data, or a header whose data the request can fetch.
pub(crate) fn read(
    bytes: &[u8],
    request: &Request<'_>,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Samples, Problem> {
    let header = Header::parse(bytes)?;
    let grid = header.grid(&request.assume, findings)?;
    let layout = header.layout()?;
    let expected = request.needed(&grid, layout.size())?;
    if header.flag("BinaryData")? == Some(Flag::False) {
        return Err(Problem::Unsupported { kind: Kind::MetaImage, what: "samples as text".to_owned() });
    }
    let data = body(&header, bytes, expected, request)?;
    let stream = match header.flag("CompressedData")? {
        Some(Flag::True) => Stream::Zlib(ZlibDecoder::new(packed(&header, &data, findings)?)),
        _ => Stream::Plain(&data),
    };
    gather(stream, 0, (layout, Scale::NONE), grid, findings, ctx)
}

/// The bytes of the data as they are stored, from behind the header or from a file of their own.
fn body<'a>(
    header: &Header,
    bytes: &'a [u8],
    expected: u64,
    request: &Request<'_>,
) -> Result<Cow<'a, [u8]>, Problem> {
    let name = header.get("ElementDataFile").unwrap_or_default();
    let skip = match header.get("HeaderSize") {
        None => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(skip @ -1..) => skip,
            _ => return Err(header.wrong("HeaderSize", "it is −1 or a number of bytes")),
        },
    };
    if name.eq_ignore_ascii_case("local") {
        if skip > 0 {
            return Err(
                header.wrong("HeaderSize", "the data follow this header, so there is nothing to skip")
            );
        }
        return Ok(Cow::Borrowed(&bytes[header.end..]));
    }
    if name.starts_with("LIST") || name.contains('%') {
        let what = "a list or a pattern of files for its data".to_owned();
        return Err(Problem::Unsupported { kind: Kind::MetaImage, what });
    }
    let mut data = request.fetch(name)?;
    let from = match (skip, header.flag("CompressedData")?) {
        (-1, Some(Flag::True)) => {
            return Err(
                header.wrong("HeaderSize", "where compressed data end does not tell where they begin")
            );
        }
        (-1, _) => data.len().saturating_sub(expected as usize),
        (skip, _) => data.len().min(skip as usize),
    };
    Ok(Cow::Owned(data.split_off(from)))
}

/// As many bytes of the packed data as the header says.
fn packed<'a>(header: &Header, data: &'a [u8], findings: &mut Vec<Finding>) -> Result<&'a [u8], Problem> {
    let Some(text) = header.get("CompressedDataSize") else {
        return Ok(data);
    };
    let size: usize =
        text.parse().map_err(|_| header.wrong("CompressedDataSize", "it is a number of bytes"))?;
    let Some((packed, rest)) = data.split_at_checked(size) else {
        return Err(Problem::Size { expected: size as u64, actual: data.len() as u64 });
    };
    if !rest.is_empty() {
        findings.push(more_bytes(&format!("{} bytes", rest.len())));
    }
    Ok(packed)
}
