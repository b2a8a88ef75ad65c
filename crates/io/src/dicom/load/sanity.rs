//! Are the values of a CT Hounsfield units? What a body in air must look like, and how it looks when the rescale
//! is missing, made twice, or made with the wrong sign.
//!
//! Limits are *Chosen* so that scans of a chest, a head, a spine and an ankle raise nothing and each of the
//! mistakes is told; none of them is a clinical limit.

use super::fill::Slice;
use super::histogram::Histogram;
use crate::dicom::pixel::Sample;
use osteon_core::{Finding, Severity};

/// Fewer voxels than this say nothing about a body.
const FEW: u64 = 4096;
/// Air in the room and in the lung, HU, with noise.
const AIR: [i16; 2] = [-1100, -800];
/// Fat to muscle and organs, HU, with noise.
const TISSUE: [i16; 2] = [-200, 200];
/// A body takes up at least this share of what was reconstructed.
const LEAST_TISSUE: f64 = 0.005;
/// Less of a scan than this is not counted as air around or in a body.
const LEAST_AIR: f64 = 0.0005;
/// Where soft tissue comes to lie when 1024 was not taken away, or the slope is twice the right one.
const RAISED: [i16; 2] = [850, 1300];
/// Where air comes to lie when the rescale was made twice.
const TWICE: [i16; 2] = [-2150, -1800];
/// No tissue or padding is denser than this in numbers, and hardly any implant.
const WRAPPED: i16 = 20_000;
/// Noise and streaks do not reach below this; padding does, with one or two values.
const FAR_BELOW: i16 = -1500;
/// Share of voxels far below air that is not noise.
const MOST_BELOW: f64 = 0.0005;

/// What is known about a CT besides its values.
pub(crate) struct Case {
    /// Value in the corners of nearly all slices, if it is below air: what is outside the reconstructed circle.
    pub(crate) padding: Option<i16>,
    /// Least and largest value.
    pub(crate) range: [f64; 2],
    /// The largest value the stored bits can have, HU.
    pub(crate) top: f64,
    /// Samples at that value.
    pub(crate) at_top: u64,
    /// How bad a value that is surely not in HU is: less so if a person vouches for the unit.
    pub(crate) worst: Severity,
}

/// What the values of a CT say about its rescale.
pub(crate) fn judge(mut histogram: Histogram, case: &Case) -> Vec<Finding> {
    let twice = histogram.share(TWICE[0], TWICE[1]);
    if let Some(padding) = case.padding {
        histogram.forget(padding);
    }
    if histogram.total() * histogram.stands_for < FEW {
        return Vec::new();
    }
    let mut findings = Vec::new();
    match rescale(&histogram, twice, case) {
        Some(finding) => findings.push(finding),
        None => findings.extend(missing(&histogram)),
    }
    findings.extend(saturated(case));
    findings
}

fn percent(share: f64) -> f64 {
    // Three digits are more than the limits deserve.
    libm::round(share * 1e5) / 1e3
}

/// Signs of a rescale that is missing, made twice or made of values with the wrong sign.
fn rescale(histogram: &Histogram, twice: f64, case: &Case) -> Option<Finding> {
    let share = |[low, high]: [i16; 2]| histogram.share(low, high);
    let (tissue, raised) = (share(TISSUE), share(RAISED));
    let doubtful = |text: String, value: f64, limit: f64, severity| {
        Some(
            Finding::new("rescale-doubtful", severity, text)
                .measured(percent(value), percent(limit), "% of the voxels", "Chosen: no scan of a body looks so")
                .remedy(
                    "compare air (−1000) and muscle (about 50) with the scanner's console and fetch the original images \
                     again; if the values are right as they are, say so with `--assume unit=HU`",
                ),
        )
    };
    let wrapped = share([WRAPPED, i16::MAX]);
    // With air where it belongs, a little of that is metal on an extended scale; metal is told as such.
    let most = if share(AIR) < LEAST_AIR { 0.01 } else { 0.05 };
    if wrapped >= most {
        let text = format!(
            "{:.1} % of the voxels are above {WRAPPED} HU: values with a sign seem to have been read without it",
            100.0 * wrapped
        );
        return doubtful(text, wrapped, most, case.worst);
    }
    // Tissue at 1000 where there should be bone at most, and none, or only what was air, at 0.
    let no_air = case.range[0] > f64::from(AIR[1]) && raised > share([TISSUE[1], RAISED[0]]);
    if (no_air && raised >= 0.05) || (raised >= 0.2 && tissue < 0.02) {
        let text = format!(
            "{:.1} % of the voxels lie between {} and {} HU, where soft tissue comes to lie if 1024 was not taken \
             away or the slope is twice the right one",
            100.0 * raised,
            RAISED[0],
            RAISED[1]
        );
        return doubtful(text, raised, 0.05, case.worst);
    }
    let lowered = share([AIR[0] - 100, AIR[1]]);
    if tissue < 0.02 && twice >= 0.02 && lowered >= 0.05 {
        let text = format!(
            "{:.1} % of the voxels lie near −2000 HU and {:.1} % near −1000, but only {:.1} % are like soft tissue: \
             the intercept seems to have been added twice",
            100.0 * twice,
            100.0 * lowered,
            100.0 * tissue
        );
        return doubtful(text, twice, 0.02, case.worst);
    }
    // One or two values far below air are padding, many are not.
    let mut below: Vec<u32> = (i16::MIN..FAR_BELOW).map(|value| histogram.at(value)).collect();
    below.sort_unstable();
    let spread: u64 = below[..below.len() - 2].iter().map(|&n| u64::from(n)).sum();
    let spread = spread as f64 / histogram.total() as f64;
    if spread >= MOST_BELOW {
        let text = format!(
            "{:.2} % of the voxels have many different values below {FAR_BELOW} HU, thinner than air: dense ones may \
             have been read with a sign they do not have",
            100.0 * spread
        );
        return doubtful(text, spread, MOST_BELOW, Severity::Caution);
    }
    None
}

/// Tissue or air that should be there and is not.
fn missing(histogram: &Histogram) -> Option<Finding> {
    let tissue = histogram.share(TISSUE[0], TISSUE[1]);
    let air = histogram.share(i16::MIN, AIR[1]);
    let told = |code: &str, severity, text: String, value: f64, limit: f64| {
        Finding::new(code, severity, text)
            .measured(
                percent(value),
                percent(limit),
                "% of the voxels",
                "Chosen: least of any scan of a body",
            )
            .remedy("compare air (−1000) and muscle (about 50) with the scanner's console before using HU")
    };
    if tissue < LEAST_TISSUE {
        let text = format!(
            "only {:.2} % of the voxels are like soft tissue ({} to {} HU): either this is no scan of a body or the \
             values are not Hounsfield units",
            100.0 * tissue,
            TISSUE[0],
            TISSUE[1]
        );
        return Some(told("no-soft-tissue", Severity::Caution, text, tissue, LEAST_TISSUE));
    }
    if air < LEAST_AIR {
        let text = format!(
            "only {:.3} % of the voxels are like air (below {} HU), so that air cannot be used to check the unit",
            100.0 * air,
            AIR[1]
        );
        // A field of view inside the body has none, and is full of soft tissue.
        let severity = if tissue > 0.2 { Severity::Note } else { Severity::Caution };
        return Some(told("no-air", severity, text, air, LEAST_AIR));
    }
    None
}

/// Values cut off at the largest one the stored bits can have; single voxels are chance.
fn saturated(case: &Case) -> Option<Finding> {
    const LEAST: u64 = 8;
    (case.at_top >= LEAST).then(|| {
        let text = format!(
            "{} voxels have the largest value that can be stored, {} HU: what is denser, such as metal, was cut off",
            case.at_top, case.top
        );
        Finding::new("saturated", Severity::Caution, text)
            .measured(case.at_top as f64, LEAST as f64, "voxels", "Bits Stored (0028,0101)")
            .remedy("do not measure density there; look for metal and its streaks")
    })
}

/// Slices whose lower part is of one value while those around them have an image there: cut on their way and filled up.
///
/// `size` is columns and rows of the slices.
pub(crate) fn cut_off<T: Sample>(
    samples: &[T],
    [nx, ny]: [usize; 2],
    slices: &[Slice],
    name: impl Fn(usize) -> String,
) -> Option<Finding> {
    /// Least part of the rows that is told. Chosen: less is the border of many reformatted images.
    const PART: usize = 8;
    let rows: Vec<usize> =
        slices.iter().map(|slice| blank_rows(&samples[slice.slot * nx * ny..], [nx, ny])).collect();
    let least = ny.div_ceil(PART).max(1);
    // Slices that are blank as a whole are told elsewhere and say nothing here. Borders of reformatted images grow
    // towards the ends of a stack, so a slice has to stand out on both sides, or, at an end, among full ones.
    let seen: Vec<usize> = (0..rows.len()).filter(|&n| rows[n] < ny).collect();
    let stands_out = |place: usize| {
        let own = rows[seen[place]];
        let near = |range: std::ops::Range<usize>| seen[range].iter().map(|&n| rows[n]).min();
        let below = near(place.saturating_sub(2)..place);
        let above = near(place + 1..(place + 3).min(seen.len()));
        own >= least
            && match (below, above) {
                (Some(a), Some(b)) => a.max(b) + least <= own,
                (Some(one), None) | (None, Some(one)) => one == 0,
                (None, None) => false,
            }
    };
    let cut: Vec<usize> =
        (0..seen.len()).filter(|&place| stands_out(place)).map(|place| seen[place]).collect();
    let &[first, ..] = cut.as_slice() else {
        return None;
    };
    let value: f64 = samples[(slices[first].slot + 1) * nx * ny - 1].into();
    let text = format!(
        "in {} of {} slices the lower part has one value while the slices around have an image there; the first is {}, \
         whose last {} of {ny} rows are {value}",
        cut.len(),
        slices.len(),
        name(slices[first].image),
        rows[first]
    );
    Some(
        Finding::new("slice-part-blank", Severity::Caution, text)
            .measured(rows[first] as f64, least as f64, "rows", "Chosen: an eighth of the slice")
            .remedy("fetch the series again; what lies in this part of the slice was not seen"),
    )
}

/// How many rows at the end of a slice have the value of its last sample throughout.
fn blank_rows<T: Sample>(slice: &[T], [nx, ny]: [usize; 2]) -> usize {
    let rows = slice.chunks_exact(nx.max(1)).take(ny);
    let Some(&value) = rows.clone().last().and_then(<[T]>::last) else {
        return 0;
    };
    // Nearly every slice is told by the first samples of its last row.
    rows.rev().take_while(|row| row.iter().all(|&sample| sample == value)).count()
}

/// Slices without an image, and slices that repeat another one.
pub(crate) fn repeated<T: Sample>(
    samples: &[T],
    area: usize,
    slices: &[Slice],
    name: impl Fn(usize) -> String,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let blank: Vec<&Slice> = slices.iter().filter(|s| s.decoded.kept.low == s.decoded.kept.high).collect();
    if let [first, ..] = blank.as_slice() {
        let text = format!(
            "{} of {} slices are blank: all pixels have one value; the first is {} with {}",
            blank.len(),
            slices.len(),
            name(first.image),
            first.decoded.kept.low
        );
        findings.push(
            Finding::new("blank-slice", Severity::Caution, text)
                .measured(blank.len() as f64, 0.0, "slices", "Chosen: a measured slice has noise")
                .remedy("fetch the series again; what lies in these slices was not seen"),
        );
    }
    let mut others: Vec<&Slice> =
        slices.iter().filter(|s| s.decoded.kept.low != s.decoded.kept.high).collect();
    others.sort_by_key(|slice| (slice.print, slice.slot));
    let pixels = |slice: &Slice| &samples[slice.slot * area..(slice.slot + 1) * area];
    let mut pairs: Vec<(&Slice, &Slice)> = others
        .windows(2)
        .filter(|pair| pair[0].print == pair[1].print && pixels(pair[0]) == pixels(pair[1]))
        .map(|pair| (pair[0], pair[1]))
        .collect();
    pairs.sort_by_key(|(first, _)| first.slot);
    if let [(first, second), ..] = pairs.as_slice() {
        let text = format!(
            "{} slices repeat the pixels of another slice at a different position; the first are {} and {}",
            pairs.len(),
            name(first.image),
            name(second.image)
        );
        findings.push(
            Finding::new("repeated-slice", Severity::Caution, text)
                .measured(pairs.len() as f64, 0.0, "slices", "Chosen: no two measured slices are alike")
                .remedy("fetch the series again; the anatomy at one of the positions is not shown"),
        );
    }
    findings
}

#[cfg(test)]
#[path = "sanity_tests.rs"]
mod tests;
