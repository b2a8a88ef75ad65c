//! What decoding has shown: loss, repairs, padding, duplicates.

use super::fill::Slice;
use crate::dicom::pixel::Sample;
use crate::dicom::series::Image;
use dicom_dictionary_std::uids;
use osteon_core::{Finding, Severity};

/// What to tell about the pixels of a series.
pub(crate) fn of_slices(images: &[Image], slices: &[Slice]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = lossy(images, slices).into_iter().collect();
    let file = |slice: &Slice| images[slice.image].name();
    let resigned: Vec<&Slice> = slices.iter().filter(|s| s.decoded.resigned).collect();
    if let [first, ..] = resigned.as_slice() {
        let text = format!(
            "in {} of {} slices the JPEG 2000 stream and Pixel Representation (0028,0103) disagree about the sign; \
             the header was followed, the first file is {}",
            resigned.len(),
            slices.len(),
            file(first)
        );
        findings.push(
            Finding::new("signedness-repaired", Severity::Caution, text)
                .remedy("compare air (−1000) and muscle (about 50) with the scanner's console"),
        );
    }
    let padded: usize = slices.iter().map(|s| s.decoded.kept.padded).sum();
    if padded > 0 {
        let text = format!(
            "{padded} voxels have the Pixel Padding Value (0028,0120), which stands for \"no pixel\" and would have \
             become tissue; they were set to air (−1024 HU)"
        );
        findings.push(Finding::new("padding-set-to-air", Severity::Note, text));
    }
    let error = slices.iter().map(|s| s.decoded.kept.error).fold(0.0, f64::max);
    if error > 0.0 {
        let text = format!("rescaled values were rounded to 32-bit floats, by {error:.1e} at most");
        findings.push(Finding::new("values-rounded", Severity::Note, text));
    }
    findings.extend(of_headers(images));
    findings
}

fn of_headers(images: &[Image]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = modality(images).into_iter().collect();
    let first = &images[0];
    let rescale = |image: &Image| (image.header.slope, image.header.intercept);
    if let Some(other) = images.iter().find(|image| rescale(image) != rescale(first)) {
        let text = |image: &Image| {
            let (slope, intercept) = rescale(image);
            format!("{} and {} in {}", slope.unwrap_or(1.0), intercept.unwrap_or(0.0), image.file)
        };
        let text = format!(
            "Rescale Slope and Intercept (0028,1053), (0028,1052) differ from slice to slice: {}, {}; each slice was \
             rescaled with its own",
            text(first),
            text(other)
        );
        findings.push(match slopes(images) {
            None => Finding::new("rescale-varies", Severity::Note, text),
            Some((image, times)) => {
                let text = format!(
                    "{text}; that of {} is off the usual slope by a factor of {times:.1}",
                    image.file
                );
                Finding::new("rescale-varies", Severity::Caution, text)
                    .measured(
                        times,
                        MOST_TIMES,
                        "times",
                        "Chosen: scanners that fit the slope to each slice stay below",
                    )
                    .remedy("compare that slice with its neighbours and with the scanner's console")
            }
        });
    }
    let burned = |image: &&Image| image.header.burned_in.as_deref().is_some_and(|said| said != "NO");
    let marked: Vec<&Image> = images.iter().filter(burned).collect();
    if let [first, ..] = marked.as_slice() {
        let text = format!(
            "{} of {} images say that text may be burned into their pixels: Burned In Annotation (0028,0301) is {} in {}",
            marked.len(),
            images.len(),
            first.header.burned_in.as_deref().unwrap_or(""),
            first.file
        );
        findings.push(
            Finding::new("burned-in-annotation", Severity::Caution, text)
                .remedy("look at the slices before sharing them; letters in the pixels are no anatomy"),
        );
    }
    if images.iter().any(|image| image.header.photometric == "MONOCHROME1") {
        let text =
            "the images are to be shown with high values dark (MONOCHROME1); their values are as measured";
        findings.push(Finding::new("inverted-display", Severity::Note, text));
    }
    findings
}

/// Slopes of one series differ by less than this factor where each is fitted to its slice.
const MOST_TIMES: f64 = 5.0;

/// The image whose slope is furthest from the usual one, and how many times it is larger or smaller, if it is too far.
fn slopes(images: &[Image]) -> Option<(&Image, f64)> {
    let slope = |image: &Image| image.header.slope.unwrap_or(1.0).abs();
    let mut sorted: Vec<f64> = images.iter().map(slope).collect();
    sorted.sort_by(f64::total_cmp);
    let usual = *sorted.get(sorted.len() / 2)?;
    let times = |image: &Image| (slope(image) / usual).max(usual / slope(image));
    let furthest = images.iter().max_by(|a, b| times(a).total_cmp(&times(b)))?;
    (times(furthest) > MOST_TIMES).then(|| (furthest, times(furthest)))
}

/// An image whose class is that of another kind of scanner than Modality says.
fn modality(images: &[Image]) -> Option<Finding> {
    let class = |image: &Image| {
        Some(match image.header.sop_class.as_str() {
            uids::CT_IMAGE_STORAGE
            | uids::ENHANCED_CT_IMAGE_STORAGE
            | uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE => "CT",
            uids::MR_IMAGE_STORAGE
            | uids::ENHANCED_MR_IMAGE_STORAGE
            | uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE => "MR",
            _ => return None,
        })
    };
    let differs = |image: &&Image| class(image).is_some_and(|class| class != image.header.modality);
    let image = images.iter().find(differs)?;
    let text = format!(
        "{0} is of the class of {1} images by SOP Class UID (0008,0016), and Modality (0008,0060) is {2}; it was read as {2}",
        image.file,
        class(image).unwrap_or_default(),
        image.header.modality
    );
    Some(Finding::new("modality-differs", Severity::Caution, text).remedy(
        "find out on which kind of scanner it was made; only the values of a CT are Hounsfield units",
    ))
}

/// Neighbours with different rescales whose mean values jump: one of the rescales is wrong.
///
/// `samples` are those of the volume, `area` for each slice.
pub(crate) fn rescaled_apart<T: Sample>(
    images: &[Image],
    slices: &[Slice],
    (samples, area): (&[T], usize),
) -> Option<Finding> {
    /// HU. Chosen: no anatomy changes the mean of a whole slice so much from one to the next.
    const JUMP: f64 = 200.0;
    let rescale = |slice: &Slice| (images[slice.image].header.slope, images[slice.image].header.intercept);
    let seams: Vec<&[Slice]> = slices
        .windows(2)
        .filter(|pair| pair[0].slot + 1 == pair[1].slot && rescale(&pair[0]) != rescale(&pair[1]))
        .collect();
    let mean = |slice: &Slice| {
        let pixels = &samples[slice.slot * area..(slice.slot + 1) * area];
        pixels.iter().map(|&sample| sample.into()).sum::<f64>() / area.max(1) as f64
    };
    let jump = |pair: &[Slice]| (mean(&pair[1]) - mean(&pair[0])).abs();
    let jumps: Vec<(&[Slice], f64)> =
        seams.into_iter().map(|pair| (pair, jump(pair))).filter(|&(_, jump)| jump > JUMP).collect();
    let &[(pair, jump), ..] = jumps.as_slice() else {
        return None;
    };
    let said = |slice: &Slice| {
        let (slope, intercept) = rescale(slice);
        format!("{} and {} in {}", slope.unwrap_or(1.0), intercept.unwrap_or(0.0), images[slice.image].file)
    };
    let text = format!(
        "values jump by {jump:.0} HU on average between neighbouring slices, where Rescale Slope and Intercept \
         (0028,1053), (0028,1052) change as well: {}, {}; {} such places in all",
        said(&pair[0]),
        said(&pair[1]),
        jumps.len()
    );
    Some(
        Finding::new("slice-differs", Severity::Caution, text)
            .measured(jump, JUMP, "HU", "Chosen: no anatomy changes a whole slice so much")
            .remedy("compare both slices with the scanner's console; export the series again if one is brighter or darker"),
    )
}

fn lossy(images: &[Image], slices: &[Slice]) -> Option<Finding> {
    let remedy = "fetch the uncompressed original where thin bone or small steps matter";
    let near = slices.iter().map(|s| s.decoded.near).max().unwrap_or(0);
    if near > 0 {
        let text = format!("near-lossless compression has changed stored values by up to {near}");
        return Some(
            Finding::new("lossy-compression", Severity::Caution, text)
                .measured(f64::from(near), 0.0, "stored values", "JPEG-LS NEAR")
                .remedy(remedy),
        );
    }
    let lost = slices.iter().filter(|s| s.decoded.lossy).count();
    let stated = images.iter().filter(|i| i.header.lossy).count();
    let text = match (lost, stated) {
        (0, 0) => return None,
        (0, _) => format!("{stated} of {} images say they were compressed with loss", images.len()),
        _ => format!("{lost} of {} slices are compressed with loss", slices.len()),
    };
    Some(Finding::new("lossy-compression", Severity::Caution, text).remedy(remedy))
}

/// What to tell about images that claim the place of another one; `different` ones were left out on a person's word.
pub(crate) fn duplicates(images: &[Image], all: &[(usize, usize)], different: &[usize]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let same: Vec<usize> = all.iter().map(|&(_, image)| image).filter(|i| !different.contains(i)).collect();
    if let [first, ..] = same.as_slice() {
        let text = format!(
            "{} images repeat a slice exactly and were left out, the first is {}",
            same.len(),
            images[*first].file
        );
        findings.push(Finding::new("duplicate-slices", Severity::Note, text));
    }
    if let [first, ..] = different {
        let text = format!(
            "{} images are at the place of another one and differ from it; they were left out as assumed, the first is {}",
            different.len(),
            images[*first].file
        );
        findings.push(
            Finding::new("duplicates-left-out", Severity::Caution, text)
                .remedy("make sure that the images that were kept are the wanted phase or reconstruction"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::made;
    use crate::dicom::pixel::{Decoded, Kept};

    fn slices(count: usize) -> Vec<Slice> {
        let kept = Kept { low: 0.0, high: 9.0, error: 0.0, strange: 0, padded: 0 };
        let decoded = Decoded { kept, near: 0, lossy: false, resigned: false };
        (0..count).map(|slot| Slice { slot, image: slot, decoded, print: 1 }).collect()
    }

    #[test]
    fn a_slice_that_jumps_together_with_its_rescale_is_told_and_one_that_only_does_one_of_them_is_not() {
        let mut images = made::even(4, 1.5);
        let jumps = [0_i16, 0, 1024, 1024, 10, 10, 0, 0];
        let told = |images: &[Image], samples| rescaled_apart(images, &slices(4), (samples, 2));
        assert_eq!(told(&images, &jumps), None);
        images[1].header.intercept = Some(77.0);
        assert_eq!(told(&images, &[0_i16, 0, 99, 99, 10, 10, 0, 0]), None);
        let finding = told(&images, &jumps).unwrap();
        assert_eq!((finding.code.as_str(), finding.value), ("slice-differs", Some(1024.0)));
        assert!(finding.message.contains("77 in IM0002"), "{}", finding.message);
    }

    #[test]
    fn a_slope_far_from_the_others_and_a_class_of_another_scanner_are_told_with_their_file() {
        let told = |images: &[Image]| {
            let findings = of_slices(images, &slices(5)).into_iter();
            findings.map(|f| (f.code, f.severity, f.message)).collect::<Vec<_>>()
        };
        let mut images = made::even(5, 1.5);
        for (image, slope) in images.iter_mut().zip([1.0, 2.0, 0.5, 1.2, 0.8]) {
            image.header.slope = Some(slope);
        }
        assert_eq!(told(&images)[0].1, Severity::Note);
        for slope in [10.0, 0.08] {
            images[3].header.slope = Some(slope);
            let (code, severity, message) = told(&images).remove(0);
            assert_eq!((code.as_str(), severity), ("rescale-varies", Severity::Caution));
            assert!(message.ends_with("IM0004 is off the usual slope by a factor of 10.0"), "{message}");
        }
        let mut images = made::even(5, 1.5);
        images[2].header.sop_class = uids::MR_IMAGE_STORAGE.to_owned();
        let (code, severity, message) = told(&images).remove(0);
        assert_eq!((code.as_str(), severity), ("modality-differs", Severity::Caution));
        assert!(message.contains("IM0003") && message.contains("class of MR images"), "{message}");
        assert!(message.ends_with("(0008,0060) is CT; it was read as CT"), "{message}");
    }

    #[test]
    fn text_in_the_pixels_is_told_where_a_header_says_so() {
        let mut images = made::even(3, 1.5);
        let told =
            |images: &[Image]| of_slices(images, &slices(3)).into_iter().map(|f| f.code).collect::<Vec<_>>();
        images[0].header.burned_in = Some("NO".to_owned());
        assert!(told(&images).is_empty());
        images[2].header.burned_in = Some("YES".to_owned());
        assert_eq!(told(&images), ["burned-in-annotation"]);
    }
}
