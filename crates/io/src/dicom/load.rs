//! A series to a volume.

use super::element::Fault;
use super::error::DicomError;
use super::header::{self, Header};
use super::pixel;
use super::scan::{self, Image, Series};
use super::source::{Source, SourceFile};
use super::stack::{self, Stack};
use osteon_core::{Ctx, Finding, Severity, Volume};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most voxels of a volume: 4 GB of samples, seven times a whole-body CT.
const MOST_VOXELS: u64 = 1 << 31;

/// A volume with what a person should know about it and where it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Samples in [`Source::unit`], placed in the patient (LPS, mm). Slices follow the normal, so the grid is
    /// right-handed; it is sheared where the gantry was tilted.
    pub volume: Volume<i16>,
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// Where it comes from.
    pub source: Source,
}

/// Reads the pixels of a series and places them.
///
/// Every file is read once, whole; slices are decoded in parallel straight into the volume. Exact duplicates
/// are dropped and told.
///
/// # Errors
/// [`DicomError`] when the geometry or the unit of any slice is missing, contradictory or uneven, when a
/// file is damaged or has changed since the scan, and when the job is stopped.
pub fn load(series: &Series, ctx: &Ctx) -> Result<Loaded, DicomError> {
    let images = &series.images;
    for image in images {
        pixel::check(&image.file, &image.header)?;
        if !image.header.identity.agrees(&images[0].header.identity) {
            return Err(DicomError::MixedPatients {
                first_file: images[0].file.clone(),
                other_file: image.file.clone(),
            });
        }
    }
    let slices: Vec<stack::Slice> = images.iter().map(|i| (i.file.as_str(), &i.header)).collect();
    let Stack { grid, order, duplicates, tilt, mut findings } = stack::stack(&slices)?;
    let voxels = grid.dims().iter().map(|&n| n as u128).product();
    if voxels > u128::from(MOST_VOXELS) {
        return Err(DicomError::TooLarge { voxels, limit: MOST_VOXELS });
    }
    let unit = unit(images, &mut findings)?;

    let mut samples = vec![0_i16; grid.count()];
    let (files, near) = fill(&mut samples, images, &order, &duplicates, ctx)?;
    findings.extend(told(images, near, &duplicates));

    let source = Source {
        size: grid.dims(),
        spacing: grid.spacing().to_array(),
        tilt,
        unit,
        lossy: near > 0 || images.iter().any(|i| i.header.lossy),
        files,
        ..source(series)
    };
    let volume = Volume::new(grid, samples)
        .map_err(|error| DicomError::Invalid { file: images[0].file.clone(), fault: error.to_string() })?;
    Ok(Loaded { volume, findings, source })
}

/// What the headers alone say about where a series comes from.
fn source(series: &Series) -> Source {
    let header = &series.images[0].header;
    let mut transfer_syntaxes: Vec<String> = series.images.iter().map(|i| i.header.syntax.clone()).collect();
    transfer_syntaxes.sort_unstable();
    transfer_syntaxes.dedup();
    Source {
        series: series.uid.clone(),
        frame_of_reference: series.frame_of_reference.clone(),
        modality: series.modality.clone(),
        unit: String::new(),
        size: series.size,
        spacing: [0.0; 3],
        slice_thickness: header.thickness,
        tilt: 0.0,
        kernel: header.kernel.clone(),
        kvp: header.kvp,
        patient_position: header.patient_position.clone(),
        laterality: header.laterality.clone(),
        body_part: header.body_part.clone(),
        transfer_syntaxes,
        lossy: false,
        files: Vec::new(),
    }
}

/// Decodes the files in `order` into the slices of `samples` and compares duplicates with them; gives all
/// files, sorted, and the largest error of near-lossless compression.
fn fill(
    samples: &mut [i16],
    images: &[Image],
    order: &[usize],
    duplicates: &[(usize, usize)],
    ctx: &Ctx,
) -> Result<(Vec<SourceFile>, u32), DicomError> {
    let area = samples.len() / order.len();
    let done = AtomicUsize::new(0);
    // All results are kept and looked at in order, so that the same error is told at any number of threads.
    let slices: Vec<Result<Slice, DicomError>> = samples
        .par_chunks_exact_mut(area)
        .zip(order.par_iter())
        .map(|(out, &index)| {
            ctx.check()?;
            let slice = read(&images[index], out)?;
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            ctx.done(count as f64 / order.len() as f64)?;
            Ok(slice)
        })
        .collect();
    let mut files = Vec::new();
    let mut near = 0;
    for slice in slices {
        let slice = slice?;
        near = near.max(slice.near);
        files.push(slice.file);
    }
    for &(kept, index) in duplicates {
        ctx.check()?;
        let mut again = vec![0_i16; area];
        files.push(read(&images[index], &mut again)?.file);
        if again != samples[kept * area..(kept + 1) * area] {
            return Err(DicomError::Conflicting {
                first_file: images[order[kept]].file.clone(),
                other_file: images[index].file.clone(),
            });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((files, near))
}

/// What is left of a slice once its pixels are in the volume.
struct Slice {
    file: SourceFile,
    near: u32,
}

/// Reads one file, hashes it and decodes its pixels.
fn read(image: &Image, out: &mut [i16]) -> Result<Slice, DicomError> {
    let file = || image.file.clone();
    let io = |error: std::io::Error| DicomError::Io { file: file(), reason: error.to_string() };
    let mut bytes = Vec::with_capacity(image.bytes as usize + 1);
    let opened = File::open(&image.path).map_err(io)?;
    // One byte more than expected, to notice a file that has grown.
    opened.take(image.bytes + 1).read_to_end(&mut bytes).map_err(io)?;
    let parsed = match header::parse(&bytes, bytes.len()) {
        Ok(Some(parsed)) if parsed.header == image.header => parsed,
        Err(Fault::Damaged(what)) => return Err(DicomError::Damaged { file: file(), what }),
        _ => return Err(DicomError::Changed { file: file() }),
    };
    let near = pixel::decode(&image.file, &parsed, out)?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = SourceFile { name: file(), sha256 };
    Ok(Slice { file, near })
}

/// The unit of all samples; slices must agree about it.
fn unit(images: &[Image], findings: &mut Vec<Finding>) -> Result<String, DicomError> {
    let first = &images[0];
    for image in images {
        let differs = |what: fn(&Header) -> Option<String>| what(&image.header) != what(&first.header);
        if differs(|h| h.rescale_type.clone()) || differs(|h| h.slope.map(|_| String::new())) {
            let text = |h: &Header| {
                let kind = h.rescale_type.as_deref().unwrap_or("not stated");
                if h.slope.is_some() { kind.to_owned() } else { "no rescale".to_owned() }
            };
            return Err(DicomError::Mixed {
                attribute: "Rescale Type (0028,1054)",
                first_file: first.file.clone(),
                first: text(&first.header),
                other_file: image.file.clone(),
                other: text(&image.header),
            });
        }
    }
    let header = &first.header;
    let stated = header.rescale_type.as_deref();
    if header.modality == "CT" {
        // PS3.3 C.8.2.1: without a type the result is in Hounsfield units.
        let unit = stated.unwrap_or("HU");
        if unit != "HU" {
            let text = format!("Rescale Type is {unit}: the values are not stated to be Hounsfield units");
            findings.push(
                Finding::new("not-hounsfield", Severity::Caution, text)
                    .remedy("check air (−1000) and muscle (about 50) before using a threshold in HU"),
            );
        }
        return Ok(unit.to_owned());
    }
    let rounded = images.iter().filter_map(|i| i.header.slope).any(|slope| slope.fract() != 0.0);
    if rounded {
        let text = "the rescaled values have fractions and were rounded to whole numbers";
        findings.push(Finding::new("values-rounded", Severity::Note, text));
    }
    let unit = if header.slope.is_some() { stated.unwrap_or("rescaled") } else { "stored" };
    Ok(unit.to_owned())
}

/// What to tell about loss, frames and duplicates.
fn told(images: &[Image], near: u32, duplicates: &[(usize, usize)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lossy = images.iter().filter(|i| i.header.lossy).count();
    if near > 0 {
        let text = format!("near-lossless compression has changed stored values by up to {near}");
        findings.push(
            Finding::new("lossy-compression", Severity::Caution, text)
                .measured(f64::from(near), 0.0, "stored values", "JPEG-LS NEAR")
                .remedy("fetch the uncompressed original where thin bone or small steps matter"),
        );
    } else if lossy > 0 {
        let text = format!("{lossy} of {} files say they were compressed with loss", images.len());
        findings.push(
            Finding::new("lossy-compression", Severity::Caution, text)
                .remedy("fetch the uncompressed original where thin bone or small steps matter"),
        );
    }
    if scan::has_frame_for_each(images) {
        let text = "every file names a frame of reference of its own, as some de-identification does; \
                    the slices were taken to share one";
        findings.push(
            Finding::new("frame-of-reference-per-file", Severity::Caution, text)
                .remedy("look for steps between slices before measuring along the stack"),
        );
    }
    if let [(_, first), ..] = duplicates {
        let text = format!(
            "{} files repeat a slice exactly and were left out, the first is {}",
            duplicates.len(),
            images[*first].file
        );
        findings.push(Finding::new("duplicate-slices", Severity::Note, text));
    }
    findings
}
