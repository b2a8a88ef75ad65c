//! A volume from a file that is not DICOM: NIfTI, NRRD or MetaImage, told apart by content, never by name.
//!
//! Where the voxels lie comes from the header or the file is refused: no spacing of 1 mm, no orientation and
//! no unit is made up. What a header says about people or machines is never kept.
//!
//! 1. [`recognise`], [`Kind`]
//! 2. [`read`] with its [`Request`] and [`Assume`]; [`Read`]
//! 3. [`VolumeFileError`], [`Problem`]

mod error;
pub(crate) mod layout;
#[cfg(test)]
mod tests;
pub(crate) mod unpack;

pub use error::{Problem, VolumeFileError};

use crate::budget::Budget;
use crate::files::FilesError;
use crate::samples::{Gathering, Samples, SamplesError, voxel};
use crate::{metaimage, nifti, nrrd};
use layout::{CHUNK, Layout, Scale, TOO_WIDE};
use osteon_core::{Ctx, Finding, Grid, Severity, Volume};
use std::fmt;
use std::io::{self, Read as _};
use unpack::Stream;

/// A format of volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Analyze 7.5: recognised, and refused because it does not say which side is left.
    Analyze,
    /// NIfTI-1, with or without gzip around it.
    Nifti1,
    /// NIfTI-2, with or without gzip around it.
    Nifti2,
    /// NRRD.
    Nrrd,
    /// MetaImage.
    MetaImage,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Analyze => "Analyze 7.5",
            Kind::Nifti1 => "NIfTI-1",
            Kind::Nifti2 => "NIfTI-2",
            Kind::Nrrd => "NRRD",
            Kind::MetaImage => "MetaImage",
        })
    }
}

/// The first bytes of a file that [`recognise`] needs to be sure.
pub const HEAD: usize = 4096;

/// What kind of volume a file holds, from its first [`HEAD`] bytes (or all, if it has fewer).
pub fn recognise(head: &[u8]) -> Option<Kind> {
    if unpack::is_gzip(head) {
        let mut inner = Vec::new();
        // The head may end anywhere in the stream: what comes before the error is enough.
        let _ = Stream::of(head).take(HEAD as u64).read_to_end(&mut inner);
        return nifti::recognise(&inner);
    }
    if head.starts_with(b"NRRD000") {
        return Some(Kind::Nrrd);
    }
    nifti::recognise(head).or_else(|| metaimage::recognise(head).then_some(Kind::MetaImage))
}

/// Which of its two placements a NIfTI file is to be taken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The matrix.
    Sform,
    /// The rotation with its voxel sizes.
    Qform,
}

/// What the user says in place of the file; every use of it is a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Assume {
    /// The placement to take when a NIfTI file has two that disagree.
    pub orientation: Option<Placement>,
    /// The voxel size in mm of a MetaImage that does not say it.
    pub spacing: Option<[f64; 3]>,
}

/// Reads the file with this plain name from the folder of the header.
pub type Detached<'a> = dyn Fn(&str) -> Result<Vec<u8>, FilesError> + 'a;

/// How a file is to be read.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Name of the file without its folder: for messages, and to find the other half of a `.hdr`/`.img` pair.
    pub name: &'a str,
    /// What the user says in place of the file.
    pub assume: Assume,
    /// What reading may cost.
    pub budget: &'a Budget,
    /// Reads the file that a header keeps its data in; without it such headers are refused.
    pub detached: Option<&'a Detached<'a>>,
}

impl<'a> Request<'a> {
    /// Reads a file by this name as it is, with all its data inside.
    pub const fn new(name: &'a str, budget: &'a Budget) -> Self {
        Self { name, assume: Assume { orientation: None, spacing: None }, budget, detached: None }
    }

    /// The bytes of the file that a header names, which must be a plain name.
    pub(crate) fn fetch(&self, name: &str) -> Result<Vec<u8>, Problem> {
        let refused = |what| Problem::Elsewhere { name: name.to_owned(), what };
        let name = name.strip_prefix("./").unwrap_or(name);
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']);
        if !plain {
            return Err(refused("it must be a plain name without a folder"));
        }
        let Some(detached) = self.detached else {
            return Err(refused("only the header was given"));
        };
        Ok(detached(name)?)
    }

    /// The number of bytes that the samples of `grid` take, charged to the budget.
    pub(crate) fn needed(&self, grid: &Grid, size: usize) -> Result<u64, Problem> {
        self.budget.time()?;
        self.budget.voxels(grid.count() as u128)?;
        let bytes = (grid.count() as u64).saturating_mul(size as u64);
        self.budget.spend_bytes(bytes)?;
        Ok(bytes)
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The samples in the patient.
    pub volume: Samples,
    /// What format the file has.
    pub kind: Kind,
    /// What a person should know of it.
    pub findings: Vec<Finding>,
}

/// Reads a NIfTI, NRRD or MetaImage file by its content.
pub fn read(bytes: &[u8], request: &Request<'_>, ctx: &Ctx) -> Result<Read, VolumeFileError> {
    let kind = recognise(&bytes[..bytes.len().min(HEAD)]);
    let mut findings = Vec::new();
    let volume = match kind {
        None => Err(Problem::Unknown),
        Some(Kind::Analyze) => Err(Problem::Analyze),
        Some(kind @ (Kind::Nifti1 | Kind::Nifti2)) => nifti::read(bytes, kind, request, &mut findings, ctx),
        Some(Kind::Nrrd) => nrrd::read_samples(bytes, request, &mut findings, ctx),
        Some(Kind::MetaImage) => metaimage::read(bytes, request, &mut findings, ctx),
    };
    match (volume, kind) {
        (Ok(volume), Some(kind)) => Ok(Read { volume, kind, findings }),
        (Err(problem), _) => Err(problem.of(request.name)),
        (Ok(_), None) => Err(Problem::Unknown.of(request.name)),
    }
}

/// The samples of a grid from a stream, after `skip` bytes of it; findings tell of rounding and of what is left.
pub(crate) fn gather(
    mut stream: Stream<'_>,
    skip: u64,
    (layout, scale): (Layout, Scale),
    grid: Grid,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Samples, Problem> {
    let size = layout.size();
    let expected = skip.saturating_add((grid.count() as u64).saturating_mul(size as u64));
    let short = |actual: u64| Problem::Size { expected, actual };
    let skipped = io::copy(&mut (&mut stream).take(skip), &mut io::sink()).map_err(Problem::Damaged)?;
    if skipped < skip {
        return Err(short(skipped));
    }
    let samples = match stream {
        Stream::Plain(rest) if layout.is_narrow(scale) => {
            let length = grid.count().saturating_mul(size);
            let (data, rest) =
                rest.split_at_checked(length).ok_or_else(|| short(skip + rest.len() as u64))?;
            stream = Stream::Plain(rest);
            Samples::I16(Volume::new(grid, layout.all(data, ctx)?).map_err(SamplesError::from)?)
        }
        _ => {
            let room = usize::try_from(stream.most() / size as u64).unwrap_or(usize::MAX);
            let mut gathering = Gathering::new(grid.clone(), layout.source(scale), room);
            let mut bytes = vec![0; CHUNK * size];
            let mut values = Vec::with_capacity(CHUNK);
            for from in (0..grid.count()).step_by(CHUNK) {
                let length = CHUNK.min(grid.count() - from) * size;
                let got = stream.fill(&mut bytes[..length]).map_err(Problem::Damaged)?;
                if got < length {
                    return Err(short(skip + (from * size + got) as u64));
                }
                values.clear();
                layout.values(&bytes[..length], scale, &mut values).map_err(|(at, value)| {
                    SamplesError::Value { value, voxel: voxel(&grid, from + at), limit: TOO_WIDE }
                })?;
                gathering.take(&values);
                ctx.done(from as f64 / grid.count() as f64)?;
            }
            let (samples, rounding) = gathering.finish()?;
            findings.extend(rounding.map(rounded));
            samples
        }
    };
    // Reading on also checks the sum at the end of a packed stream.
    let left = stream.fill(&mut [0]).map_err(Problem::Damaged)?;
    match (&stream, left) {
        (_, 0) if stream.behind() == 0 => {}
        (Stream::Plain(rest), _) => findings.push(more_bytes(&format!("{} bytes", rest.len() + left))),
        (_, 0) => findings.push(more_bytes(&format!("{} bytes", stream.behind()))),
        _ => findings.push(more_bytes("data")),
    }
    Ok(samples)
}

/// A note that values were rounded to 32-bit floats.
fn rounded(worst: f64) -> Finding {
    let message = format!("the values were rounded to 32-bit floats, by at most {worst:.1e}");
    let mut finding = Finding::new("volume-rounded", Severity::Note, message);
    finding.value = Some(worst);
    finding
}

/// A caution for bytes of a file that nothing accounts for.
pub(crate) fn more_bytes(count: &str) -> Finding {
    let message = format!("the file has {count} more than its header asks for; they were left alone");
    Finding::new("volume-more-bytes", Severity::Caution, message)
        .remedy("compare the volume with the original; the header may be that of another file")
}

/// A note that lengths were converted to millimetres.
pub(crate) fn converted(unit: &str) -> Finding {
    let message = format!("the file counts in {unit}; converted to millimetres");
    Finding::new("volume-unit-converted", Severity::Note, message)
}

/// A note that the file holds the numbers of structures.
pub(crate) fn labels() -> Finding {
    let message = "the file says that its values are labels of structures, not the image of a scan";
    Finding::new("volume-labels", Severity::Note, message)
}
