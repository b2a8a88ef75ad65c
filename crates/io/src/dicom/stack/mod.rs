//! Slices to a grid: sorted along the normal, each where its header puts it.
//!
//! Even stacks become a grid as they are, sheared where the gantry was tilted. Uneven ones are put on the
//! coarsest even lattice that has every measured slice within 0.05 mm of a slot; slots between are
//! interpolated, and where slices are missing nobody measured.

pub(super) mod place;
pub(super) mod slots;

use self::place::{Assumed, Place};
use self::slots::{LONGEST, Lattice, NEAR, Slot};
use super::assume::Assume;
use super::error::DicomError;
use super::header::remark::Remark;
use super::options::Options;
use super::series::Image;
use super::series::agree;
use super::source::Slab;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Finding, Grid, Severity};

/// Slice distances may differ from the usual one by this much (mm) …
const EVEN: f64 = 0.01;
/// … or by this share of it: scanners round positions, and warnings about rounding teach to ignore warnings.
const EVEN_SHARE: f64 = 0.01;
/// Slices of 10 µm exist; their distances may not differ by more than this share.
const EVEN_MOST: f64 = 0.25;
/// Most voxels that a lattice may have between measured slices: 0.5 GB, and more than a head with uneven slices
/// needs. What asks for more is several scans, or no stack.
const MOST_BETWEEN: u128 = 1 << 28;
/// Furthest a corner of a slice may be from where its own header puts it, mm.
const OFF: f64 = 0.1;
/// Closer than this, mm, two slices are at the same place; scanners write positions to 0.001 mm or better.
pub(crate) const SAME: f64 = 0.001;
/// Slices this near, mm, are one place in a stack whose slices are usually …
const CLOSE: f64 = 0.05;
/// … as far apart as this is a share of.
const CLOSE_SHARE: f64 = 0.05;
/// A drift whose share to the left or right is larger than this is not a tilted gantry's.
const ACROSS: f64 = 0.5;
/// Least tilt that is told, degrees: over 100 mm of stack it moves a slice by 0.17 mm.
const TOLD_TILT: f64 = 0.1;
/// Gantries tilt by up to 30°; beyond this, degrees, slices side by side are not a stack.
const MOST_TILT: f64 = 45.0;
/// The stated tilt is rounded to whole or half degrees; a larger difference, degrees, is told.
const TILT_DIFFERENCE: f64 = 0.75;
/// A gap larger than this many usual ones may hold a missing slice.
const MISSING: f64 = 1.5;
/// Largest usual distance of slices, mm. Chosen: survey slices are up to 50 mm apart.
const FARTHEST: f64 = 100.0;
/// Slices that leave less than this between them, mm, leave nothing: thicknesses are rounded.
const COVERED: f64 = 0.1;

/// Slices in order, on a grid.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) grid: Grid,
    /// What every slice of the grid holds, from the first to the last.
    pub(crate) slots: Vec<Slot>,
    /// Image of every measured slice, in the order of the grid.
    pub(crate) order: Vec<usize>,
    /// Slot of the grid, and another image that claims its place.
    pub(crate) duplicates: Vec<(usize, usize)>,
    /// Angle between stacking direction and normal, degrees; 0 where it is too small to tell.
    pub(crate) tilt: f64,
    /// Least and largest distance of measured neighbours along the normal, mm.
    pub(crate) gaps: [f64; 2],
    pub(crate) not_measured: Vec<Slab>,
    pub(crate) findings: Vec<Finding>,
    /// Keys of the assumptions that were used.
    pub(crate) assumed: Vec<&'static str>,
}

impl Stack {
    /// Notes that an assumption was used.
    pub(crate) fn assume(&mut self, key: &'static str, assume: &Assume) {
        self.assumed.push(key);
        self.findings.extend(assumed_findings(&[key], assume));
    }

    /// Middles of the first and the last slice (LPS, mm).
    pub(crate) fn ends(&self) -> [[f64; 3]; 2] {
        [0, self.slots.len() - 1].map(|slot| middle(&self.grid, slot as f64))
    }
}

/// Stacks the images of a series.
pub(crate) fn stack(images: &[Image], options: &Options) -> Result<Stack, DicomError> {
    let assume = &options.assume;
    let mut assumed = assumed_in(images);
    agree::patients(images, assume, &mut assumed)?;
    if let Some(refusal) = images.iter().find_map(|image| image.header.refusal.as_deref()) {
        return Err(refusal.clone());
    }
    if let Some(image) = images.iter().find(|image| image.header.is_multi_frame()) {
        return Err(DicomError::MultiFrame { file: image.name(), frames: image.header.frames });
    }
    let (origins, by) = place::origins(images, assume)?;
    if by == Assumed::Position {
        assumed.extend(["position", "slice-spacing"]);
    }
    let places = images.iter().zip(origins).map(|(i, at)| Place::of(i, at)).collect::<Result<Vec<_>, _>>()?;
    agree::sizes(images)?;
    let column = Column::new(images, &places)?;
    contradicted(&column, images, assume, by)?;
    let mut stack = column.grid(options)?;
    stack.findings.extend(straightened(images, &places));
    if stack.not_measured.is_empty() && stack.findings.iter().any(|f| f.code == "slab-not-measured") {
        assumed.push("gaps");
    }
    stack.findings.extend(assumed_findings(&assumed, assume));
    stack.assumed = assumed;
    Ok(stack)
}

/// Slices sorted along their normal; each place once, two at least.
struct Column<'a> {
    images: &'a [Image],
    places: &'a [Place],
    normal: DVec3,
    /// Image of every slice, upwards.
    order: Vec<usize>,
    /// Slice, and another image that claims its place.
    duplicates: Vec<(usize, usize)>,
    /// Position of every slice along the normal from the lowest, mm.
    along: Vec<f64>,
    /// Lower median of the gaps, mm.
    usual: f64,
}

impl<'a> Column<'a> {
    fn new(images: &'a [Image], places: &'a [Place]) -> Result<Self, DicomError> {
        let normal = places[0].x.cross(places[0].y).normalize_or_zero();
        let height: Vec<f64> = places.iter().map(|p| p.origin.dot(normal)).collect();
        let mut sorted: Vec<usize> = (0..images.len()).collect();
        sorted.sort_by(|&a, &b| height[a].total_cmp(&height[b]).then(a.cmp(&b)));
        let same = same(&sorted, &height);
        let mut order: Vec<usize> = Vec::new();
        let mut duplicates = Vec::new();
        for index in sorted {
            match order.last() {
                Some(&last) if places[last].origin.distance(places[index].origin) < same => {
                    duplicates.push((order.len() - 1, index));
                }
                _ => order.push(index),
            }
        }
        if order.len() < 2 {
            return Err(DicomError::OnePosition { files: images.len() });
        }
        let along: Vec<f64> = order.iter().map(|&n| height[n] - height[order[0]]).collect();
        let mut ranked: Vec<f64> = along.windows(2).map(|w| w[1] - w[0]).collect();
        ranked.sort_by(f64::total_cmp);
        // Of two middles the lower one: a missing slice makes a gap larger, not smaller.
        let usual = ranked[(ranked.len() - 1) / 2];
        let column = Self { images, places, normal, order, duplicates, along, usual };
        column.advances()?;
        Ok(column)
    }

    /// Refuses slices beside each other, and distances that no stack has.
    fn advances(&self) -> Result<(), DicomError> {
        let scattered =
            |slice: usize, fault: String| DicomError::Scattered { file: self.image(slice).name(), fault };
        let at = |slice: usize| place::list(self.place(slice).origin);
        if let Some((n, gap)) = self.gaps().enumerate().find(|(_, gap)| *gap < SAME) {
            return Err(scattered(
                n,
                format!(
                    "by Image Position (Patient) (0020,0032) it is at {} and {} at {}: beside each other, {gap:.4} mm \
                     apart along the normal of their planes, and not one above the other as the slices of a stack",
                    at(n),
                    self.image(n + 1).name(),
                    at(n + 1)
                ),
            ));
        }
        let last = self.order.len() - 1;
        let (length, usual) = (self.along[last], self.usual);
        if length > LONGEST || usual > FARTHEST {
            return Err(scattered(
                0,
                format!(
                    "by Image Position (Patient) (0020,0032) the slices from {} to {} (in {}) are usually {usual:.3} mm \
                     apart and make {length:.3} mm in all; no scan has slices more than {FARTHEST} mm apart or is longer \
                     than {LONGEST} mm",
                    at(0),
                    at(last),
                    self.image(last).name()
                ),
            ));
        }
        Ok(())
    }

    fn gaps(&self) -> impl Iterator<Item = f64> {
        self.along.windows(2).map(|w| w[1] - w[0])
    }

    fn image(&self, slice: usize) -> &Image {
        &self.images[self.order[slice]]
    }

    fn place(&self, slice: usize) -> &Place {
        &self.places[self.order[slice]]
    }

    /// The step from slice to slice for each mm along the normal.
    fn direction(&self) -> DVec3 {
        let last = self.order.len() - 1;
        (self.place(last).origin - self.place(0).origin) / self.along[last]
    }

    /// How far a slice or a gap may be from even, mm.
    fn tolerance(&self) -> f64 {
        // A nanometre more, for sums of decimal numbers.
        EVEN.max(EVEN_SHARE * self.usual).min(EVEN_MOST * self.usual) + 1e-6
    }

    /// True when all gaps are usual, or all slices where an even distance puts them: rounded positions make
    /// gaps differ by twice the rounding.
    fn is_even(&self) -> bool {
        let last = self.along.len() - 1;
        let step = self.along[last] / last as f64;
        let off = |(n, at): (usize, &f64)| (at - step * n as f64).abs();
        let near = NEAR.max(self.tolerance());
        let usual = |most: f64| self.gaps().all(|gap| (gap - self.usual).abs() <= most);
        usual(self.tolerance())
            || (usual(EVEN_MOST * self.usual)
                && self.along.iter().enumerate().map(off).all(|off| off <= near))
    }

    fn grid(&self, options: &Options) -> Result<Stack, DicomError> {
        let (tilt, mut findings) = tilt(self)?;
        let last = self.order.len() - 1;
        let even = Lattice { offset: 0.0, step: self.along[last] / last as f64, at: (0..=last).collect() };
        let straight = if self.is_even() { self.placed(&even) } else { Err(self.uneven()) };
        let (lattice, grid) = match straight {
            Ok(grid) => (even, grid),
            Err(refusal) => {
                let lattice = slots::lattice(&self.along).ok_or(refusal)?;
                self.affordable(&lattice, options)?;
                let grid = self.placed(&lattice)?;
                (lattice, grid)
            }
        };
        let (slots, not_measured, told) = self.fill(&lattice, &grid, &options.assume);
        findings.extend(told);
        let gaps = self.gaps().fold([f64::INFINITY, 0.0_f64], |[a, b], gap| [a.min(gap), b.max(gap)]);
        findings.extend(self.spacing_told(gaps, &lattice, &slots));
        findings.extend(agree::distances(self.images, &self.order, self.usual, gaps));
        let duplicates = self.duplicates.iter().map(|&(slice, image)| (lattice.at[slice], image)).collect();
        let order = self.order.clone();
        let assumed = Vec::new();
        Ok(Stack { grid, slots, order, duplicates, tilt, gaps, not_measured, findings, assumed })
    }

    /// The grid of a lattice, if it puts every corner of every slice where the slice's own header does.
    fn placed(&self, lattice: &Lattice) -> Result<Grid, DicomError> {
        let first = self.place(0);
        let header = &self.image(0).header;
        let step = self.direction();
        let size = [header.columns as usize, header.rows as usize, lattice.count()];
        let map = Affine::new(
            DMat3::from_cols(first.x, first.y, step * lattice.step),
            first.origin + step * lattice.offset,
        );
        let grid = Grid::new(size, map)
            .map_err(|error| DicomError::Invalid { file: self.image(0).name(), fault: error.to_string() })?;
        let [nx, ny, _] = size.map(|n| n - 1);
        let mut worst = (0.0, 0);
        for (slice, &slot) in lattice.at.iter().enumerate() {
            for (x, y) in [(0, 0), (nx, 0), (0, ny), (nx, ny)] {
                let own = self.place(slice).corner(x as f64, y as f64);
                let distance = grid.place(x, y, slot).vec().distance(own);
                if distance > worst.0 {
                    worst = (distance, slice);
                }
            }
        }
        if worst.0 > OFF {
            let file = self.image(worst.1).name();
            return Err(DicomError::NotAStack { file, distance: worst.0, limit: OFF });
        }
        Ok(grid)
    }

    fn affordable(&self, lattice: &Lattice, options: &Options) -> Result<(), DicomError> {
        let Image { header, file, .. } = self.image(0);
        let sides = [header.columns, header.rows].map(|n| u128::from(n.unsigned_abs()));
        let voxels = sides[0] * sides[1] * lattice.count() as u128;
        let exceeded = |source| DicomError::Exceeded { file: file.clone(), source };
        let between = sides[0] * sides[1] * (lattice.count() - self.order.len()) as u128;
        if between > MOST_BETWEEN {
            return Err(self.uneven());
        }
        options.budget.voxels(voxels).map_err(exceeded)
    }

    /// That the slices fit no lattice, with the gaps that differ.
    fn uneven(&self) -> DicomError {
        let odd = self.gaps().enumerate().filter(|(_, gap)| (gap - self.usual).abs() > self.tolerance());
        let gaps = odd.map(|(n, gap)| self.between(n, gap)).collect();
        DicomError::Uneven { slices: self.order.len(), usual: self.usual, gaps }
    }

    /// A gap in words: files, positions along the normal from the lowest slice, distance.
    fn between(&self, n: usize, gap: f64) -> String {
        let (a, b) = (self.image(n).name(), self.image(n + 1).name());
        format!("{a} at {:.3} mm and {b} at {:.3} mm are {gap:.3} mm apart", self.along[n], self.along[n + 1])
    }

    /// How far a slice reaches from its middle, mm: half its thickness, or half the usual distance.
    fn half(&self, slice: usize) -> f64 {
        self.image(slice).header.thickness.filter(|&t| t > 0.0).unwrap_or(self.usual) / 2.0
    }

    /// True for a gap that its two slices do not cover and that is not usual.
    fn is_missing(&self, n: usize, gap: f64) -> bool {
        gap > MISSING * self.usual && gap > self.half(n) + self.half(n + 1) + COVERED
    }

    /// What every slot holds, what was not measured, and what to tell about it.
    fn fill(&self, lattice: &Lattice, grid: &Grid, assume: &Assume) -> (Vec<Slot>, Vec<Slab>, Vec<Finding>) {
        let mut slots = vec![Slot::Measured(self.order[0])];
        let (mut slabs, mut findings) = (Vec::new(), Vec::new());
        for (n, gap) in self.gaps().enumerate() {
            let (below, above) = (lattice.at[n], lattice.at[n + 1]);
            let missing = self.is_missing(n, gap);
            let mut slab: Option<[usize; 2]> = None;
            for slot in below + 1..above {
                let at = lattice.position(slot);
                let away = (at - self.along[n] > self.half(n)) && (self.along[n + 1] - at > self.half(n + 1));
                if missing && away && assume.fill_gaps.is_none() {
                    slab = Some([slab.map_or(slot, |[from, _]| from), slot]);
                    slots.push(Slot::NotMeasured);
                } else {
                    let weight = (slot - below) as f64 / (above - below) as f64;
                    slots.push(Slot::Between { below, above, weight });
                }
            }
            slots.push(Slot::Measured(self.order[n + 1]));
            if missing {
                findings.push(self.missing_told(n, gap, assume));
            }
            if let Some(slices) = slab {
                let middle = |slot| middle(grid, slot as f64);
                slabs.push(Slab { from: middle(slices[0]), to: middle(slices[1]), slices });
            }
        }
        (slots, slabs, findings)
    }

    /// That slices are missing in a gap.
    fn missing_told(&self, n: usize, gap: f64, assume: &Assume) -> Finding {
        let missing = ((gap / self.usual).round() - 1.0).max(1.0);
        let slices = if missing > 1.0 { "slices are" } else { "slice is" };
        let filled = assume.fill_gaps.is_some();
        let (severity, fate) = match filled {
            true => (Severity::Caution, "filled by interpolation, as was asked for"),
            false => (Severity::Danger, "marked as not measured"),
        };
        let text = format!(
            "about {missing:.0} {slices} missing: {}, usually {:.3} mm; the space between is {fate}",
            self.between(n, gap),
            self.usual
        );
        let header = &self.image(n).header;
        let reach = [header.columns, header.rows].map(|c| (c - 1).max(0) as f64 / 2.0);
        let [a, b] = [n, n + 1].map(|slice| self.place(slice).corner(reach[0], reach[1]));
        Finding::new("slab-not-measured", severity, text)
            .measured(gap, MISSING * self.usual, "mm", "Image Position (Patient) (0020,0032)")
            .at(((a + b) / 2.0).to_array())
            .remedy(
                "fetch the missing slices again from the archive; only if they do not exist and this region does not \
                 matter, import with `--assume gaps=filled`",
            )
    }

    /// What to tell about uneven distances.
    fn spacing_told(&self, gaps: [f64; 2], lattice: &Lattice, slots: &[Slot]) -> Option<Finding> {
        let between = slots.iter().filter(|slot| matches!(slot, Slot::Between { .. })).count();
        let [least, most] = gaps;
        let limit = self.tolerance();
        let source = "Image Position (Patient) (0020,0032)";
        if between > 0 {
            let text = format!(
                "the slices are {least:.3} to {most:.3} mm apart; they were put on an even grid of {:.3} mm: {} measured \
                 slices kept as they are, {between} between them interpolated",
                lattice.step,
                self.order.len()
            );
            let finding = Finding::new("uneven-spacing-resampled", Severity::Caution, text);
            return Some(
                finding
                    .measured(most - least, limit, "mm", source)
                    .remedy("where fine detail matters, ask for a reconstruction with one slice distance"),
            );
        }
        let worst = (0..lattice.at.len())
            .map(|n| (self.along[n] - lattice.position(lattice.at[n])).abs())
            .fold(0.0, f64::max);
        if worst <= limit {
            return None;
        }
        let text = format!(
            "the slices lie up to {worst:.3} mm beside an even distance of {:.3} mm; each is taken at its nearest even \
             place",
            lattice.step
        );
        Some(Finding::new("uneven-spacing", Severity::Caution, text).measured(worst, limit, "mm", source))
    }
}

/// Nearer than this, mm, two of the sorted slices are at one place: reconstructions of one scan are rounded
/// differently, and no slices are taken so close together.
fn same(sorted: &[usize], height: &[f64]) -> f64 {
    let mut gaps: Vec<f64> = sorted.windows(2).map(|w| height[w[1]] - height[w[0]]).collect();
    gaps.retain(|&gap| gap > CLOSE);
    gaps.sort_by(f64::total_cmp);
    let usual = gaps.get(gaps.len().saturating_sub(1) / 2).copied();
    usual.map_or(SAME, |usual| (CLOSE_SHARE * usual).clamp(SAME, CLOSE))
}

/// The middle of a slot of a grid (LPS, mm).
fn middle(grid: &Grid, slot: f64) -> [f64; 3] {
    let [nx, ny, _] = grid.dims().map(|n| (n - 1) as f64 / 2.0);
    grid.to_patient().point(osteon_core::Point::new(nx, ny, slot)).vec().to_array()
}

/// Refuses an assumed slice distance that the positions contradict.
fn contradicted(column: &Column, images: &[Image], assume: &Assume, by: Assumed) -> Result<(), DicomError> {
    let Some(assumed) = assume.slice_spacing.filter(|_| by == Assumed::Nothing) else {
        return Ok(());
    };
    if (assumed - column.usual).abs() <= column.tolerance() {
        return Ok(());
    }
    Err(DicomError::Contradicted {
        file: images[0].name(),
        key: "slice-spacing",
        assumed: format!("{assumed} mm"),
        attribute: "the distance by Image Position (Patient) (0020,0032)",
        stated: format!("{:.3} mm", column.usual),
    })
}

/// That direction cosines were made straight.
fn straightened(images: &[Image], places: &[Place]) -> Option<Finding> {
    let worst =
        (0..places.len()).max_by(|&a, &b| places[a].straightened.total_cmp(&places[b].straightened))?;
    let moved = places[worst].straightened;
    if moved == 0.0 {
        return None;
    }
    let text = format!(
        "the directions in {} are not quite unit vectors at right angles; made so, no corner moved by more than \
         {moved:.3} mm",
        images[worst].name()
    );
    let finding = Finding::new("directions-straightened", Severity::Note, text);
    Some(finding.measured(moved, OFF, "mm", "Image Orientation (Patient) (0020,0037)"))
}

/// Keys of the assumptions that the headers of images needed.
fn assumed_in(images: &[Image]) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for remark in images.iter().flat_map(|image| &image.header.remarks) {
        if let Remark::Assumed(key) = remark
            && !keys.contains(key)
        {
            keys.push(*key);
        }
    }
    keys
}

/// That something was taken on a person's word.
fn assumed_findings(assumed: &[&'static str], assume: &Assume) -> Vec<Finding> {
    let told = |key: &&'static str| {
        let value = assume.stated.get(key).map_or("", String::as_str);
        let text = format!("not from the files but assumed: {key}={value}");
        Finding::new("assumed", Severity::Caution, text)
            .remedy("measure a known distance before relying on it")
    };
    assumed.iter().map(told).collect()
}

/// The tilt of the stack in degrees, and what to tell about it.
fn tilt(column: &Column) -> Result<(f64, Vec<Finding>), DicomError> {
    let step = column.direction();
    let ahead = step.dot(column.normal);
    let aside = (step - column.normal * ahead).length();
    let tilt = libm::atan2(aside, ahead).to_degrees();
    if tilt > MOST_TILT {
        return Err(DicomError::Scattered {
            file: column.image(0).name(),
            fault: format!(
                "slices follow each other at {tilt:.1}° to their normal by Image Position (Patient) (0020,0032), from {} \
                 to {}: not a stack",
                place::list(column.place(0).origin),
                place::list(column.place(column.order.len() - 1).origin)
            ),
        });
    }
    let mut findings = Vec::new();
    let told = if tilt < TOLD_TILT { 0.0 } else { tilt };
    if told > 0.0 {
        // A gantry tilts about the patient's left-right axis: slices then drift along their columns.
        let drift = (step - column.normal * ahead).normalize_or_zero();
        let gantry = column.image(0).header.modality == "CT" && drift.x.abs() < ACROSS;
        let what = if gantry {
            "the gantry was tilted by"
        } else {
            "each slice lies shifted against the one below, by"
        };
        let text = format!("{what} {tilt:.1}°; every slice is kept where its header puts it");
        findings.push(Finding::new("gantry-tilt", Severity::Note, text).measured(
            tilt,
            TOLD_TILT,
            "°",
            "Image Position (Patient) (0020,0032)",
        ));
    }
    let stated = column.image(0).header.tilt.unwrap_or(told).abs();
    if (stated - told).abs() > TILT_DIFFERENCE {
        let text = format!(
            "Gantry/Detector Tilt says {stated:.1}°, the slices' positions say {told:.1}°; the positions are used"
        );
        findings.push(
            Finding::new("gantry-tilt-differs", Severity::Caution, text)
                .measured((stated - told).abs(), TILT_DIFFERENCE, "°", "Gantry/Detector Tilt (0018,1120)")
                .remedy("compare a known distance along the stack with the scanner's console"),
        );
    }
    Ok((told, findings))
}

#[cfg(test)]
mod tests;
