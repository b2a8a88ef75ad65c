//! Is the scan good enough to plan and print from? Slice thickness, kernel, metal, a body that leaves the picture.

use super::histogram::Histogram;
use crate::dicom::header::Header;
use crate::dicom::pixel::Sample;
use crate::dicom::stack::slots::Slot;
use osteon_core::{Finding, Grid, Severity};
use rayon::prelude::*;

/// Thickest slices from which a skull came out as from thin ones, mm [ford-decker-2016].
const THICK: f64 = 1.25;
/// Steps of neighbours may differ by this factor. Chosen: a voxel twice as long as it is wide is common, four
/// times as long shows as stairs.
const STRETCHED: f64 = 4.0;
/// Enamel, the densest tissue, reaches about this, HU. Chosen: what is denser in numbers is metal.
const METAL: i16 = 3000;
/// Least volume of metal that is told, mm³. Chosen: a screw of 3.5 mm is 10 mm³ for each mm of length; a filling
/// has 50.
const LEAST_METAL: f64 = 50.0;
/// Values of the body without lung, HU.
const BODY: [f64; 2] = [-150.0, 300.0];
/// Longest stretch of body along the edge of the picture, mm. Chosen: a table top, up to 25 mm thick, leaves the
/// picture in shorter ones.
const LONGEST_CUT: f64 = 30.0;
/// How far inside the edge the body must still be there, mm: the shell of a table or a head rest is thinner.
const INSIDE: f64 = 6.0;
/// Pixels along a side below which there is no edge to speak of.
const FEWEST: usize = 16;
/// Share of the slices in which the body is cut before it is told. Chosen: one arm at one level is not worth it.
const LEAST_SHARE: f64 = 0.05;

/// What the headers and the grid of a CT say; its slices are up to `thickness` mm thick or apart.
pub(crate) fn of_headers(header: &Header, grid: &Grid, thickness: f64) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Rounded headers say 1.25 for 1.2500001.
    if thickness > THICK + 0.005 {
        let text = format!(
            "slices are {thickness:.2} mm thick or apart: thin bone and edges across the slices come out blurred or stepped"
        );
        findings.push(
            Finding::new("thick-slices", Severity::Caution, text)
                .measured(thickness, THICK, "mm", "ford-decker-2016")
                .remedy("ask for a reconstruction with thinner slices; many scanners keep the raw data for some days"),
        );
    }
    if let Some(kernel) = header.kernel.as_deref().filter(|kernel| is_soft(kernel)) {
        let text = format!(
            "the convolution kernel {kernel} is a soft one: it blurs edges of bone and makes thin bone fainter"
        );
        findings.push(
            Finding::new("soft-kernel", Severity::Note, text).remedy(
                "prefer a bone kernel for thin bone; for the surface of thick bone a soft one will do",
            ),
        );
    }
    let spacing = grid.spacing();
    let stretched = spacing.max_element() / spacing.min_element();
    if stretched > STRETCHED {
        let text = format!(
            "voxels are {:.2} × {:.2} × {:.2} mm, {stretched:.1} times as long as they are wide",
            spacing.x, spacing.y, spacing.z
        );
        findings.push(Finding::new("stretched-voxels", Severity::Note, text).measured(
            stretched,
            STRETCHED,
            "times",
            "Chosen: stairs show beyond it",
        ));
    }
    findings
}

/// True for kernels whose makers call them soft or standard; the others are not known to be sharp.
fn is_soft(kernel: &str) -> bool {
    let upper = kernel.to_ascii_uppercase();
    let number = |prefix: &str| -> Option<u32> {
        let digits: String = upper.strip_prefix(prefix)?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    // Siemens (body) up to 45, Toshiba and Canon up to 29; the letters of Philips; the words of GE.
    number("BR").or(number("BF")).or(number("B")).is_some_and(|n| (8..=45).contains(&n))
        || number("FC").is_some_and(|n| (1..=29).contains(&n))
        || matches!(upper.as_str(), "A" | "B" | "SOFT" | "STANDARD" | "STND" | "SMOOTH")
}

/// What the values of a CT in HU show: metal, and a body that leaves the picture.
pub(crate) fn of_values<T: Sample>(
    samples: &[T],
    grid: &Grid,
    slots: &[Slot],
    histogram: &Histogram,
) -> Vec<Finding> {
    let dense = histogram.count(METAL, i16::MAX) * histogram.stands_for;
    let metal = metal(samples, grid, dense as f64 * grid.voxel_volume());
    metal.into_iter().chain(cut(samples, grid, slots)).collect()
}

fn metal<T: Sample>(samples: &[T], grid: &Grid, volume: f64) -> Option<Finding> {
    if volume < LEAST_METAL {
        return None;
    }
    let [nx, ny, _] = grid.dims();
    let counts: Vec<u32> = samples
        .par_chunks_exact(nx * ny)
        .map(|slice| slice.iter().map(|&s| u32::from(s.whole_part() >= METAL)).sum())
        .collect();
    let (z, _) = counts.iter().enumerate().max_by_key(|&(z, count)| (count, std::cmp::Reverse(z)))?;
    let slice = &samples[z * nx * ny..(z + 1) * nx * ny];
    let n = slice.iter().position(|s| s.whole_part() >= METAL)?;
    let text = format!(
        "{:.1} cm³ are denser than {METAL} HU: metal, with streaks that add and hide bone around it",
        volume / 1000.0
    );
    Some(
        Finding::new("metal", Severity::Caution, text)
            .measured(volume, LEAST_METAL, "mm³", "Chosen: denser than enamel, larger than a filling")
            .at(grid.place(n % nx, n / nx, z).vec().to_array())
            .remedy("do not trust surfaces near it; ask for a reconstruction with metal artefact reduction"),
    )
}

/// The edge of what was reconstructed: the picture's, or that of the circle inside it.
fn edge(grid: &Grid, inward: f64, round: bool) -> Vec<(usize, usize, f64)> {
    let [nx, ny, _] = grid.dims();
    let spacing = grid.spacing();
    let (w, h) = ((nx - 1) as f64, (ny - 1) as f64);
    let (dx, dy) = (inward / spacing.x, inward / spacing.y);
    if !round {
        let side = |n: usize, from: [f64; 2], to: [f64; 2], step: f64| {
            (0..n).map(move |i| {
                let t = i as f64 / n as f64;
                let at = |a: usize| from[a] + t * (to[a] - from[a]);
                (at(0) as usize, at(1) as usize, step)
            })
        };
        let (l, r, t, b) = (dx, w - dx, dy, h - dy);
        return side(nx, [l, t], [r, t], spacing.x)
            .chain(side(ny, [r, t], [r, b], spacing.y))
            .chain(side(nx, [r, b], [l, b], spacing.x))
            .chain(side(ny, [l, b], [l, t], spacing.y))
            .collect();
    }
    let radius = (w * spacing.x).min(h * spacing.y) / 2.0 - inward;
    let count = libm::ceil(2.0 * std::f64::consts::PI * radius / spacing.x).max(1.0) as usize;
    let step = 2.0 * std::f64::consts::PI * radius / count as f64;
    (0..count)
        .map(|n| {
            let (sin, cos) = libm::sincos(step * n as f64 / radius);
            let x = (w / 2.0 + cos * radius / spacing.x).clamp(0.0, w);
            let y = (h / 2.0 + sin * radius / spacing.y).clamp(0.0, h);
            (x as usize, y as usize, step)
        })
        .collect()
}

/// Tells when the body leaves the picture, or the circle in it.
fn cut<T: Sample>(samples: &[T], grid: &Grid, slots: &[Slot]) -> Option<Finding> {
    let [nx, ny, _] = grid.dims();
    let spacing = grid.spacing();
    // A small picture has a smaller inside; without pixels to look at it has none.
    let side = ((nx - 1) as f64 * spacing.x).min((ny - 1) as f64 * spacing.y);
    let inside = INSIDE.min(side / 8.0);
    if nx.min(ny) < FEWEST {
        return None;
    }
    let [flat, deep] = [inside / 6.0, inside].map(|inward| edge(grid, inward, false));
    // A circle is what most scanners reconstruct.
    let [round, round_deep] = [inside / 3.0, inside * 7.0 / 6.0].map(|inward| edge(grid, inward, true));
    let corners = [0, nx - 1, nx * (ny - 1), nx * ny - 1];
    let cuts: Vec<Option<f64>> = samples
        .par_chunks_exact(nx * ny)
        .zip(slots.par_iter())
        .map(|(slice, slot)| {
            if !matches!(slot, Slot::Measured(_)) {
                return None;
            }
            let first = slice[0];
            let padded = corners.iter().all(|&n| slice[n] == first) && first.into() < BODY[0];
            let longest = match padded {
                true => stretch(slice, nx, &round, &round_deep),
                false => stretch(slice, nx, &flat, &deep),
            };
            Some(longest)
        })
        .collect();
    let measured = cuts.iter().flatten().count();
    let several: Vec<usize> =
        (0..cuts.len()).filter(|&z| cuts[z].is_some_and(|mm| mm > LONGEST_CUT)).collect();
    let share = several.len() as f64 / measured.max(1) as f64;
    if several.is_empty() || share < LEAST_SHARE {
        return None;
    }
    let worst = cuts.iter().flatten().fold(0.0, |a: f64, &b| a.max(b));
    let middle = several[several.len() / 2];
    let text = format!(
        "the body leaves the field of view in {} of {measured} slices, along up to {worst:.0} mm: what lies \
         outside was not seen",
        several.len()
    );
    Some(
        Finding::new("field-of-view-cut", Severity::Note, text)
            .measured(worst, LONGEST_CUT, "mm", "Chosen: a table crosses the edge in less")
            .at(grid.place(nx / 2, ny / 2, middle).vec().to_array())
            .remedy("check that the bone of interest and all surfaces a guide rests on are complete"),
    )
}

/// The longest stretch of body along an edge that is also body further inside, mm.
fn stretch<T: Sample>(
    slice: &[T],
    nx: usize,
    edge: &[(usize, usize, f64)],
    deep: &[(usize, usize, f64)],
) -> f64 {
    let is_body = |&(x, y, _): &(usize, usize, f64)| {
        let value: f64 = slice[y * nx + x].into();
        (BODY[0]..=BODY[1]).contains(&value)
    };
    let (mut longest, mut now) = (0.0_f64, 0.0);
    for (n, at) in edge.iter().enumerate() {
        let inside = &deep[n * deep.len() / edge.len()];
        now = if is_body(at) && is_body(inside) { now + at.2 } else { 0.0 };
        longest = longest.max(now);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kernels_that_are_surely_soft_are_called_so() {
        for soft in ["STANDARD", "SOFT", "B30f", "B31s", "Br36", "Br38f", "Bf40", "FC13", "FC08", "A", "B"] {
            assert!(is_soft(soft), "{soft}");
        }
        for other in
            ["BONE", "BONEPLUS", "LUNG", "B60f", "B70s", "Br64", "FC30", "FC81", "D", "YA", "STD+", "L", ""]
        {
            assert!(!is_soft(other), "{other}");
        }
    }
}
