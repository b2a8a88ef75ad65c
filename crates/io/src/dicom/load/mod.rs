//! A series to a volume.

pub(super) mod fill;
pub(super) mod histogram;
pub(super) mod quality;
pub(super) mod reader;
pub(super) mod remarks;
pub(super) mod sanity;

use self::fill::{Filled, Plan, Slice};
use self::histogram::Histogram;
use self::reader::{Hashes, Reader};
use self::sanity::Case;
use super::error::DicomError;
use super::header::Header;
use super::options::Options;
use super::pixel::{self, Sample, Scratch};
use super::series::{Image, Series};
use super::source::{Slab, Source};
use super::stack::Stack;
use super::stack::slots::Slot;
use crate::samples::Samples;
use osteon_core::{Ctx, Finding, Severity};
use std::collections::BTreeMap;

/// A volume with what a person should know about it and where it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Samples in [`Source::unit`], placed in the patient (LPS, mm): 16-bit numbers where every value is one,
    /// else 32-bit floats. Slices follow the normal, so the grid is right-handed; it is sheared where the
    /// gantry was tilted.
    pub samples: Samples,
    /// Stretches that were not measured, from the first slice to the last; air, or the least value, is there.
    pub not_measured: Vec<Slab>,
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// Where it comes from.
    pub source: Source,
}

/// Reads the pixels of a series and places them.
///
/// Every file is read once, hashed, and held against what was scanned; slices are decoded in parallel straight
/// into the volume. Exact duplicates are dropped and told.
///
/// # Errors
/// [`DicomError`] when the geometry or the unit of any slice is missing or contradictory, when a file is
/// damaged, is packed in a way that is not read or has changed since the scan, when the budget is spent, and
/// when the job is stopped.
pub fn load(series: &Series, options: &Options, ctx: &Ctx) -> Result<Loaded, DicomError> {
    read(series, options, Hashes::Taken, ctx)
}

/// The same without hashing the files: [`super::SourceFile::sha256`] stays empty. For volumes of which no record
/// is kept.
///
/// # Errors
/// As [`load`].
pub fn load_unhashed(series: &Series, options: &Options, ctx: &Ctx) -> Result<Loaded, DicomError> {
    read(series, options, Hashes::Skipped, ctx)
}

fn read(series: &Series, options: &Options, hashes: Hashes, ctx: &Ctx) -> Result<Loaded, DicomError> {
    let images = &series.images;
    let stack = series.stack.as_ref().map_err(Clone::clone)?;
    for Image { file, header, .. } in images {
        if let Some(refusal) = &header.refusal {
            return Err(DicomError::clone(refusal));
        }
        pixel::check(file, header)?;
    }
    affordable(images, stack, options)?;
    let reader = Reader::new(images, &options.budget, hashes);
    let mut findings: Vec<Finding> = series.all_findings().cloned().collect();
    let (unit, assumed_unit) = unit(images, &reader, options, &mut findings)?;
    let [nx, ny, _] = stack.grid.dims();
    let hounsfield = images[0].header.modality == "CT" && unit == "HU";
    let plan =
        Plan { images, slots: &stack.slots, area: nx * ny, air: hounsfield.then_some(AIR), reader: &reader };
    let job = Job { series, stack, plan: &plan, options, hounsfield };
    let Done { samples, findings: told, lossy, assumed: relied } = match job.run::<i16>(ctx)? {
        Some(done) => done,
        None => job.run::<f32>(ctx)?.ok_or_else(|| refused(images))?,
    };
    findings.extend(told);
    let used: Vec<&str> = stack.assumed.iter().copied().chain(assumed_unit).chain(relied).collect();
    let assumed = assumed(&used, options, &mut findings);
    let source = Source {
        size: stack.grid.dims(),
        spacing: stack.grid.spacing().to_array(),
        tilt: stack.tilt,
        unit,
        lossy,
        files: reader.files(),
        not_measured: stack.not_measured.clone(),
        assumed,
        ..source(series)
    };
    Ok(Loaded { samples, not_measured: stack.not_measured.clone(), findings, source })
}

/// Refuses volumes that are larger than is allowed, or than their files can justify.
fn affordable(images: &[Image], stack: &Stack, options: &Options) -> Result<(), DicomError> {
    let [nx, ny, nz] = stack.grid.dims().map(|n| n as u128);
    let files: BTreeMap<&str, u64> = images.iter().map(|i| (i.file.as_str(), i.entry.bytes())).collect();
    let packed: u64 = files.values().sum();
    // Samples of two bytes; an empty image packs well, a whole series of them is no scan.
    let plain = nx.saturating_mul(ny).saturating_mul(2 * stack.order.len() as u128);
    let budget = &options.budget;
    budget
        .voxels(nx.saturating_mul(ny).saturating_mul(nz))
        .and_then(|()| budget.inflation(packed, u64::try_from(plain).unwrap_or(u64::MAX)))
        .map_err(|source| DicomError::Exceeded { file: images[0].file.clone(), source })
}

/// What stands in a CT where nobody measured: air, HU.
const AIR: f64 = -1024.0;

/// Floats take all values or say which they do not; so this is not reached.
fn refused(images: &[Image]) -> DicomError {
    DicomError::Damaged { file: images[0].file.clone(), what: "its values fit no kind of sample".to_owned() }
}

/// A volume and what came up while it was made.
struct Done {
    samples: Samples,
    findings: Vec<Finding>,
    /// Something was lost to compression.
    lossy: bool,
    /// Assumptions without which it would have been refused, or be a danger.
    assumed: Vec<&'static str>,
}

/// One series on its way to a volume.
struct Job<'a> {
    series: &'a Series,
    stack: &'a Stack,
    plan: &'a Plan<'a>,
    options: &'a Options,
    /// A CT whose values are said to be in HU.
    hounsfield: bool,
}

impl Job<'_> {
    /// Decodes and judges; `None` where values do not fit the kind of sample.
    fn run<T: Sample>(&self, ctx: &Ctx) -> Result<Option<Done>, DicomError> {
        let Some(Filled { samples, slices }) = fill::fill::<T>(self.plan, ctx)? else {
            return Ok(None);
        };
        let images = self.plan.images;
        let different = self.duplicates(&samples, ctx)?;
        let mut assumed: Vec<&str> = Vec::new();
        assumed.extend((!different.is_empty()).then_some("duplicates"));
        let mut findings = remarks::of_slices(images, &slices);
        findings.extend(remarks::duplicates(images, &self.stack.duplicates, &different));
        let name = |image: usize| images[image].name();
        findings.extend(sanity::repeated(&samples, self.plan.area, &slices, name));
        let [nx, ny, _] = self.stack.grid.dims();
        findings.extend(sanity::cut_off(&samples, [nx, ny], &slices, name));
        if images[0].header.modality == "CT" {
            findings.extend(quality::of_headers(&images[0].header, &self.stack.grid, self.thickness()));
        }
        if self.hounsfield {
            findings.extend(self.judge(&samples, &slices));
            findings.extend(remarks::rescaled_apart(images, &slices, (&samples, self.plan.area)));
            let doubted = findings.iter().any(|finding| finding.code == "rescale-doubtful");
            assumed.extend((doubted && self.options.assume.hounsfield.is_some()).then_some("unit"));
        }
        let lossy = slices.iter().any(|s| s.decoded.near > 0 || s.decoded.lossy)
            || images.iter().any(|i| i.header.lossy);
        let samples = T::volume(self.stack.grid.clone(), samples).map_err(|error| {
            let file = self.series.images[0].file.clone();
            DicomError::Invalid { file, fault: error.to_string() }
        })?;
        Ok(Some(Done { samples, findings, lossy, assumed }))
    }

    /// How thick slices are, or how far apart where they are closest, mm.
    fn thickness(&self) -> f64 {
        let thickest = self.plan.images.iter().filter_map(|image| image.header.thickness);
        thickest.fold(self.stack.gaps[0], f64::max)
    }

    /// Compares the files that claim the place of another one with it; gives those that differ and were left
    /// out on a person's word.
    fn duplicates<T: Sample>(&self, samples: &[T], ctx: &Ctx) -> Result<Vec<usize>, DicomError> {
        let area = self.plan.area;
        let mut different = Vec::new();
        let mut scratch = Scratch::default();
        let mut again = Vec::new();
        for &(slot, image) in &self.stack.duplicates {
            ctx.check()?;
            again.clear();
            again.resize(area, T::default());
            fill::decode(self.plan, image, &mut scratch, &mut again)?;
            if again == samples[slot * area..(slot + 1) * area] {
                continue;
            }
            if self.options.assume.first_duplicate.is_some() {
                different.push(image);
                continue;
            }
            let kept = match self.stack.slots[slot] {
                Slot::Measured(kept) => kept,
                _ => image,
            };
            return Err(DicomError::Conflicting {
                first_file: self.plan.images[kept].name(),
                other_file: self.plan.images[image].name(),
            });
        }
        Ok(different)
    }

    /// Whether the values of a CT are plausible, and what they show.
    fn judge<T: Sample>(&self, samples: &[T], slices: &[Slice]) -> Vec<Finding> {
        let [nx, ny, _] = self.stack.grid.dims();
        let histogram = Histogram::of(samples, [nx, ny], &self.stack.slots);
        let mut findings = quality::of_values(samples, &self.stack.grid, &self.stack.slots, &histogram);
        let ends = |a: [f64; 2], s: &Slice| [a[0].min(s.decoded.kept.low), a[1].max(s.decoded.kept.high)];
        let range = slices.iter().fold([f64::INFINITY, f64::NEG_INFINITY], ends);
        let header = |slice: &Slice| &self.plan.images[slice.image].header;
        // Scanners of 16 bits cut off where those of 12 bits have to.
        let top = |slice: &Slice| if range[1] == TOP_OF_12 { TOP_OF_12 } else { largest(header(slice)) };
        let pixels = |slice: &Slice| &samples[slice.slot * nx * ny..(slice.slot + 1) * nx * ny];
        let full: Vec<&Slice> = slices.iter().filter(|s| s.decoded.kept.high == top(s)).collect();
        let at_top =
            full.iter().map(|s| pixels(s).iter().filter(|&&n| n.into() == top(s)).count() as u64).sum();
        let worst = match self.options.assume.hounsfield {
            Some(()) => Severity::Caution,
            None => Severity::Danger,
        };
        let case = Case {
            padding: padding(slices, pixels, [nx, ny]),
            range,
            top: full.first().map_or(f64::INFINITY, |s| top(s)),
            at_top,
            worst,
        };
        findings.extend(sanity::judge(histogram, &case));
        findings
    }
}

/// The largest value of 12 bits less 1024, HU.
const TOP_OF_12: f64 = 3071.0;

/// The largest value the stored bits of an image can have, rescaled.
fn largest(header: &Header) -> f64 {
    if header.modality_lut || !(1..=32).contains(&header.stored) {
        return f64::INFINITY;
    }
    let bits = header.stored - header.signed.clamp(0, 1);
    let stored = (1_u64 << bits) as f64 - 1.0;
    stored * header.slope.unwrap_or(1.0) + header.intercept.unwrap_or(0.0)
}

/// The value in all four corners of nearly all slices, if it is thinner than air.
fn padding<'s, T: Sample + 's>(
    slices: &[Slice],
    pixels: impl Fn(&Slice) -> &'s [T],
    [nx, ny]: [usize; 2],
) -> Option<i16> {
    /// Thinner than this, HU, is not air with its noise.
    const THIN: i16 = -1100;
    let mut counts: BTreeMap<i16, usize> = BTreeMap::new();
    for slice in slices {
        let pixels = pixels(slice);
        let corner = pixels[0];
        if [nx - 1, nx * (ny - 1), nx * ny - 1].iter().all(|&n| pixels[n] == corner) {
            *counts.entry(corner.whole_part()).or_default() += 1;
        }
    }
    let (&value, &count) = counts.iter().max_by_key(|&(value, count)| (count, value))?;
    (value < THIN && 10 * count >= 9 * slices.len()).then_some(value)
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
        laterality: series.laterality.clone(),
        body_part: header.body_part.clone(),
        transfer_syntaxes,
        lossy: false,
        files: Vec::new(),
        not_measured: Vec::new(),
        assumed: BTreeMap::new(),
    }
}

/// The assumptions that were used, as they were given; tells of those that were not needed.
fn assumed(used: &[&str], options: &Options, findings: &mut Vec<Finding>) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (&key, value) in &options.assume.stated {
        if used.contains(&key) {
            kept.insert(key.to_owned(), value.clone());
        } else {
            let text = format!("the assumption {key}={value} was not needed and not used");
            findings.push(Finding::new("assumption-not-used", Severity::Note, text));
        }
    }
    kept
}

/// The unit of all samples, in which slices must agree, and the assumption it rests on, if it does.
fn unit(
    images: &[Image],
    reader: &Reader,
    options: &Options,
    findings: &mut Vec<Finding>,
) -> Result<(String, Option<&'static str>), DicomError> {
    let first = &images[0];
    for image in images {
        let differs = |what: fn(&Header) -> Option<String>| what(&image.header) != what(&first.header);
        if differs(|h| h.rescale_type.as_deref().map(spelt)) || differs(|h| Some(rescaled(h).to_owned())) {
            let text = |h: &Header| {
                let kind = h.rescale_type.as_deref().unwrap_or("not stated");
                if h.slope.is_some() { kind.to_owned() } else { rescaled(h).to_owned() }
            };
            return Err(DicomError::Mixed {
                attribute: "Rescale Type (0028,1054)",
                first_file: first.name(),
                first: text(&first.header),
                other_file: image.name(),
                other: text(&image.header),
            });
        }
    }
    let header = &first.header;
    let table = match header.modality_lut {
        true => Some(reader.with(0, |_, notes| Ok(notes.lut.map(|lut| lut.kind).unwrap_or_default()))?),
        false => None,
    };
    let stated = table.as_deref().or(header.rescale_type.as_deref()).filter(|kind| !kind.is_empty());
    if header.modality != "CT" {
        let has_unit = header.slope.is_some() || header.modality_lut;
        let unit = if has_unit { stated.unwrap_or("rescaled") } else { "stored" };
        return Ok((unit.to_owned(), None));
    }
    // PS3.3 C.8.2.1: without a type the result of a rescale is in Hounsfield units; that of a table is not.
    let unit = spelt(stated.unwrap_or(if header.modality_lut { "US" } else { "HU" }));
    if unit == "HU" {
        return Ok((unit, None));
    }
    if options.assume.hounsfield.is_some() {
        let text = format!("the values are stated to be {unit}, and assumed to be Hounsfield units: unit=HU");
        findings.push(
            Finding::new("assumed", Severity::Caution, text)
                .remedy("check air (−1000) and muscle (about 50) before relying on it"),
        );
        return Ok(("HU".to_owned(), Some("unit")));
    }
    let text = format!(
        "Rescale Type (0028,1054) or Modality LUT Type (0028,3004) is {unit}: the values are not stated to be \
         Hounsfield units"
    );
    findings.push(Finding::new("not-hounsfield", Severity::Caution, text).remedy(
        "check air (−1000) and muscle (about 50); if they are right, state it with `--assume unit=HU`",
    ));
    Ok((unit, None))
}

/// A unit with the defined term for Hounsfield units as the standard spells it.
fn spelt(unit: &str) -> String {
    let unit = unit.trim();
    if unit.eq_ignore_ascii_case("HU") { "HU".to_owned() } else { unit.to_owned() }
}

fn rescaled(header: &Header) -> &'static str {
    match (header.modality_lut, header.slope.is_some()) {
        (true, _) => "a Modality LUT",
        (false, true) => "a rescale",
        (false, false) => "no rescale",
    }
}
