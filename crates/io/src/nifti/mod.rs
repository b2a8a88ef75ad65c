//! NIfTI: volumes as most research tools keep them (`.nii`, `.nii.gz`, pairs of `.hdr` and `.img`).
//!
//! A header may place its volume twice, by a matrix (sform) and by a rotation with voxel sizes (qform). One of
//! them is enough; two must agree within a tenth of a millimetre. None, and the file is refused. RAS is turned
//! to LPS. The reader is [`crate::volume_file::read`].
//!
//! 1. `header` – the fields; `place` – where the voxels are
//! 2. [`write_volume`]

mod header;
mod place;
#[cfg(test)]
mod tests;
mod write;

pub use write::write_volume;

use crate::samples::Samples;
use crate::volume_file::unpack::Stream;
use crate::volume_file::{Kind, Problem, Request, gather, labels};
use header::{Header, Together};
use osteon_core::{Ctx, Finding, Severity};

/// The kind of NIfTI or Analyze that these plain first bytes begin.
pub(crate) fn recognise(head: &[u8]) -> Option<Kind> {
    header::recognise(head).map(|(kind, _)| kind)
}

/// Reads a file of this kind, or a pair by its header.
pub(crate) fn read(
    bytes: &[u8],
    kind: Kind,
    request: &Request<'_>,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Samples, Problem> {
    let mut head = vec![0; header::size(kind)];
    let length = Stream::of(bytes).fill(&mut head).map_err(Problem::Damaged)?;
    head.truncate(length);
    let header = Header::parse(&head)?;
    let grid = place::grid(&header, &request.assume, findings)?;
    let (layout, scale) = (header.layout()?, header.scale()?);
    let skip = header.skip()?;
    request.needed(&grid, layout.size())?;
    meaning(header.intent, findings);
    let other = match header.together {
        Together::Yes => None,
        Together::No => Some(request.fetch(&other_half(request.name)?)?),
    };
    gather(Stream::of(other.as_deref().unwrap_or(bytes)), skip, (layout, scale), grid, findings, ctx)
}

/// The name of the data of a header that is one half of a pair.
fn other_half(name: &str) -> Result<String, Problem> {
    match name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".hdr") {
        Some(stem) if name.ends_with(".gz") => Ok(format!("{stem}.img.gz")),
        Some(stem) => Ok(format!("{stem}.img")),
        None => {
            let what = "this is one half of a pair, and only a name that ends with .hdr tells the other's";
            Err(Problem::Elsewhere { name: name.to_owned(), what })
        }
    }
}

/// What the header says that the values are.
fn meaning(intent: i64, findings: &mut Vec<Finding>) {
    match intent {
        // Labels of the file's own, and of an atlas.
        1002 | 1003 => findings.push(labels()),
        2..=24 => {
            let message =
                format!("the file says that its values are a statistic (intent_code {intent}), not an image");
            let remedy = "give the image itself; a statistic has no Hounsfield units";
            findings.push(Finding::new("volume-statistic", Severity::Caution, message).remedy(remedy));
        }
        _ => {}
    }
}
