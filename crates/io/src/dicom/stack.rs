//! Slices to a grid: sorted along the normal, evenly spaced, each where its header puts it.

use super::error::DicomError;
use super::header::Header;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Finding, Grid, Severity};

/// Slice distances may differ from the usual one by this much (mm) …
const EVEN: f64 = 0.01;
/// … or by this share of it: scanners round positions, and warnings about rounding teach to ignore warnings.
const EVEN_SHARE: f64 = 0.01;
/// Furthest a corner of a slice may be from where its own header puts it, mm.
const OFF: f64 = 0.1;
/// Closer than this, mm, two slices are at the same place; scanners write positions to 0.001 mm or better.
const SAME: f64 = 0.001;
/// Least tilt that is told, degrees: over 100 mm of stack it moves a slice by 0.17 mm.
const TOLD_TILT: f64 = 0.1;
/// Gantries tilt by up to 30°; beyond this, degrees, slices side by side are not a stack.
const MOST_TILT: f64 = 45.0;
/// The stated tilt is rounded to whole or half degrees; a larger difference, degrees, is told.
const TILT_DIFFERENCE: f64 = 0.75;

/// A file's name below the scanned folder, and its attributes.
pub(super) type Slice<'a> = (&'a str, &'a Header);

/// Slices in order.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) grid: Grid,
    /// Index of the file of every slice.
    pub(super) order: Vec<usize>,
    /// Slice, and index of another file that claims its place.
    pub(super) duplicates: Vec<(usize, usize)>,
    /// Angle between stacking direction and normal, degrees; 0 where it is too small to tell.
    pub(super) tilt: f64,
    pub(super) findings: Vec<Finding>,
}

/// The place of one slice: voxel steps along a row and down a column, and its first voxel.
#[derive(Clone, Copy)]
struct Place {
    x: DVec3,
    y: DVec3,
    origin: DVec3,
}

impl Place {
    fn of(&(file, header): &Slice) -> Result<Self, DicomError> {
        let missing = |attribute| DicomError::Missing { file: file.to_owned(), attribute };
        let origin = header.position.ok_or(missing("Image Position (Patient) (0020,0032)"))?;
        let [row, column] = header.orientation.ok_or(missing("Image Orientation (Patient) (0020,0037)"))?;
        let [rows, columns] = header.pixel_spacing.ok_or(missing("Pixel Spacing (0028,0030)"))?;
        let invalid = |fault| DicomError::Invalid { file: file.to_owned(), fault };
        let unit = |v: DVec3| (v.length() - 1.0).abs() < 1e-3;
        if !unit(row) || !unit(column) || row.dot(column).abs() > 1e-3 {
            return Err(invalid(format!(
                "Image Orientation (Patient) (0020,0037) {row} {column} is not a pair of unit vectors at right angles"
            )));
        }
        if !(rows > 0.0 && columns > 0.0) {
            return Err(invalid(format!("Pixel Spacing (0028,0030) {rows}\\{columns} is not positive")));
        }
        // Pixel Spacing gives the distance of rows first: the step down a column.
        Ok(Self { x: row * columns, y: column * rows, origin })
    }

    fn corner(&self, i: f64, j: f64) -> DVec3 {
        self.origin + self.x * i + self.y * j
    }
}

/// Stacks slices, two at least.
pub(super) fn stack(slices: &[Slice]) -> Result<Stack, DicomError> {
    let places = slices.iter().map(Place::of).collect::<Result<Vec<_>, _>>()?;
    uniform(slices)?;
    let normal = places[0].x.cross(places[0].y).normalize_or_zero();
    let along: Vec<f64> = places.iter().map(|p| p.origin.dot(normal)).collect();
    let mut sorted: Vec<usize> = (0..slices.len()).collect();
    sorted.sort_by(|&a, &b| along[a].total_cmp(&along[b]).then(a.cmp(&b)));

    let mut order: Vec<usize> = Vec::new();
    let mut duplicates = Vec::new();
    for index in sorted {
        match order.last() {
            Some(&last) if places[last].origin.distance(places[index].origin) < SAME => {
                duplicates.push((order.len() - 1, index));
            }
            _ => order.push(index),
        }
    }
    if order.len() < 2 {
        return Err(DicomError::OnePosition { files: slices.len() });
    }
    even(slices, &order, &along)?;

    let (first, last) = (places[order[0]], places[order[order.len() - 1]]);
    let step = (last.origin - first.origin) / (order.len() - 1) as f64;
    let header = slices[0].1;
    let size = [header.columns as usize, header.rows as usize, order.len()];
    let map = Affine::new(DMat3::from_cols(first.x, first.y, step), first.origin);
    let grid = Grid::new(size, map)
        .map_err(|error| DicomError::Invalid { file: slices[0].0.to_owned(), fault: error.to_string() })?;
    in_place(slices, &places, &order, &grid)?;

    let (tilt, findings) = tilt(slices, step, normal)?;
    Ok(Stack { grid, order, duplicates, tilt, findings })
}

/// Refuses slices of different size or spacing.
fn uniform(slices: &[Slice]) -> Result<(), DicomError> {
    let (first_file, first) = slices[0];
    for &(file, header) in slices {
        let mixed = |attribute, a: String, b: String| DicomError::Mixed {
            attribute,
            first_file: first_file.to_owned(),
            first: a,
            other_file: file.to_owned(),
            other: b,
        };
        if (header.rows, header.columns) != (first.rows, first.columns) {
            let size = |h: &Header| format!("{} × {}", h.columns, h.rows);
            return Err(mixed("the number of columns and rows", size(first), size(header)));
        }
        let [a, b] = [first, header].map(|h| h.pixel_spacing.unwrap_or_default());
        // Spacing is a decimal string of six digits or more.
        if a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-5 * a) {
            let text = |s: [f64; 2]| format!("{}\\{}", s[0], s[1]);
            return Err(mixed("Pixel Spacing (0028,0030)", text(a), text(b)));
        }
    }
    Ok(())
}

/// Refuses slices with gaps; there are two at least.
fn even(slices: &[Slice], order: &[usize], along: &[f64]) -> Result<(), DicomError> {
    let gaps: Vec<f64> = order.windows(2).map(|w| along[w[1]] - along[w[0]]).collect();
    let mut ranked = gaps.clone();
    ranked.sort_by(f64::total_cmp);
    // Of two middles the lower one: a missing slice makes a gap larger, not smaller.
    let usual = ranked[(ranked.len() - 1) / 2];
    let allowed = EVEN.max(EVEN_SHARE * usual);
    let odd: Vec<String> = gaps
        .iter()
        .enumerate()
        .filter(|&(_, gap)| (gap - usual).abs() > allowed || *gap < SAME)
        .map(|(n, gap)| {
            let (a, b) = (order[n], order[n + 1]);
            format!(
                "{} at {:.3} mm and {} at {:.3} mm are {gap:.3} mm apart",
                slices[a].0, along[a], slices[b].0, along[b]
            )
        })
        .collect();
    if odd.is_empty() {
        return Ok(());
    }
    Err(DicomError::Uneven { slices: order.len(), usual, gaps: odd })
}

/// Refuses a grid that puts a corner of a slice elsewhere than the slice's own header.
fn in_place(slices: &[Slice], places: &[Place], order: &[usize], grid: &Grid) -> Result<(), DicomError> {
    let [nx, ny, _] = grid.dims().map(|n| n - 1);
    let mut worst = (0.0, 0);
    for (z, &index) in order.iter().enumerate() {
        for (x, y) in [(0, 0), (nx, 0), (0, ny), (nx, ny)] {
            let own = places[index].corner(x as f64, y as f64);
            let distance = grid.place(x, y, z).vec().distance(own);
            if distance > worst.0 {
                worst = (distance, index);
            }
        }
    }
    if worst.0 > OFF {
        return Err(DicomError::NotAStack {
            file: slices[worst.1].0.to_owned(),
            distance: worst.0,
            limit: OFF,
        });
    }
    Ok(())
}

/// The tilt of the stack in degrees, and what to tell about it.
fn tilt(slices: &[Slice], step: DVec3, normal: DVec3) -> Result<(f64, Vec<Finding>), DicomError> {
    let ahead = step.dot(normal);
    let aside = (step - normal * ahead).length();
    let tilt = libm::atan2(aside, ahead).to_degrees();
    if tilt > MOST_TILT {
        return Err(DicomError::Invalid {
            file: slices[0].0.to_owned(),
            fault: format!("slices follow each other at {tilt:.1}° to their normal: not a stack"),
        });
    }
    let mut findings = Vec::new();
    let told = if tilt < TOLD_TILT { 0.0 } else { tilt };
    if told > 0.0 {
        let text =
            format!("the gantry was tilted by {tilt:.1}°; every slice is kept where its header puts it");
        findings.push(Finding::new("gantry-tilt", Severity::Note, text).measured(
            tilt,
            TOLD_TILT,
            "°",
            "Image Position",
        ));
    }
    let stated = slices[0].1.tilt.unwrap_or(told).abs();
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
