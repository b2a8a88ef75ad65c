//! Where one slice is: from its own header, or from what a person states where the header is silent.

use crate::dicom::assume::Assume;
use crate::dicom::error::DicomError;
use crate::dicom::header::Header;
use crate::dicom::series::Image;
use glam::DVec3;

/// Direction cosines of four decimals miss unit length and right angles by less than this.
const ROUNDED: f64 = 2e-4;
/// Cosines that miss by more, 0.6°, are no directions.
const CROOKED: f64 = 1e-2;
/// Furthest that making directions straight may move a corner, mm: half of what a corner may be off.
const STRAIGHTENED: f64 = 0.05;
/// Furthest from where it is stated to be that an assumption may put a slice, mm.
const AGREES: f64 = 0.1;

/// The place of one slice: voxel steps along a row and down a column, and its first voxel (LPS, mm).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) x: DVec3,
    pub(crate) y: DVec3,
    pub(crate) origin: DVec3,
    /// How far the furthest corner moved when crooked directions were made straight, mm.
    pub(crate) straightened: f64,
}

impl Place {
    /// The place of an image whose first voxel is at `origin`.
    pub(crate) fn of(image: &Image, origin: DVec3) -> Result<Self, DicomError> {
        let header = &image.header;
        let pair = header.orientation.ok_or_else(|| missing(image, ORIENTATION))?;
        let [rows, columns] = spacing(image)?;
        // Pixel Spacing gives the distance of rows first: the step down a column.
        let steps = |[row, column]: [DVec3; 2]| [row * columns, column * rows];
        let [x, y] = steps(pair);
        let crooked = crookedness(pair);
        if crooked <= ROUNDED {
            return Ok(Self { x, y, origin, straightened: 0.0 });
        }
        let straight = straight(pair).map(steps);
        let reach = [header.columns - 1, header.rows - 1].map(|n| n.max(0) as f64);
        let moved = straight.map_or(f64::INFINITY, |s| {
            let (dx, dy) = ((s[0] - x) * reach[0], (s[1] - y) * reach[1]);
            dx.length().max(dy.length()).max((dx + dy).length())
        });
        match straight {
            Some([x, y]) if crooked <= CROOKED && moved <= STRAIGHTENED => {
                Ok(Self { x, y, origin, straightened: moved })
            }
            _ => {
                let [a, b] = pair.map(|v| format!("{}\\{}\\{}", v.x, v.y, v.z));
                let fault = format!("{ORIENTATION} {a}\\{b} is not a pair of unit vectors at right angles");
                Err(DicomError::Invalid { file: image.name(), fault })
            }
        }
    }

    pub(crate) fn corner(&self, i: f64, j: f64) -> DVec3 {
        self.origin + self.x * i + self.y * j
    }
}

const ORIENTATION: &str = "Image Orientation (Patient) (0020,0037)";
const POSITION: &str = "Image Position (Patient) (0020,0032)";
const SPACING: &str = "Pixel Spacing (0028,0030)";
const INSTANCE: &str = "Instance Number (0020,0013)";

/// That an attribute is missing, or what is wrong with what stands in its place.
fn missing(image: &Image, attribute: &'static str) -> DicomError {
    let file = image.name();
    let tag = attribute.rsplit(' ').next().unwrap_or_default();
    match image.header.faults.iter().find(|fault| fault.contains(tag)) {
        Some(fault) => DicomError::Invalid { file, fault: fault.clone() },
        None => DicomError::Missing { file, attribute },
    }
}

/// Finest and coarsest distance of pixels, mm. Chosen: micro-CT of bone samples has 0.005 mm and more, the coarsest
/// MR and emission images below 10 mm; beyond lie metres and micrometres taken for millimetres.
const PIXELS: [f64; 2] = [0.001, 50.0];
/// Widest image, mm. Chosen: the widest scans, of whole bodies from head to foot, are 2 m long.
const WIDEST: f64 = 3000.0;
/// Furthest from the origin of its coordinates that an image may be, mm. Chosen: scanners count from near the table or
/// the isocentre; beyond 100 m the coordinates of 32 bits that other formats keep are off by 0.01 mm.
const FURTHEST: f64 = 100_000.0;

/// True for a distance of pixels that an image can have.
pub(crate) fn is_spacing(spacing: [f64; 2]) -> bool {
    spacing.iter().all(|n| (PIXELS[0]..=PIXELS[1]).contains(n))
}

/// Distance of rows, then of columns, mm, if it can be that of an image.
fn spacing(image: &Image) -> Result<[f64; 2], DicomError> {
    let header = &image.header;
    let [rows, columns] = header.pixel_spacing.ok_or_else(|| missing(image, SPACING))?;
    let invalid = |fault| Err(DicomError::Invalid { file: image.name(), fault });
    if !(rows > 0.0 && columns > 0.0) {
        return invalid(format!("{SPACING} {rows}\\{columns} is not positive"));
    }
    if !is_spacing([rows, columns]) {
        let [least, most] = PIXELS;
        return invalid(format!(
            "{SPACING} is {rows:?}\\{columns:?} mm, and no image has pixels of less than {least} mm or more than {most} mm"
        ));
    }
    let wide = (rows * header.rows as f64).max(columns * header.columns as f64);
    if wide > WIDEST {
        return invalid(format!(
            "{SPACING} {rows}\\{columns} makes the image {wide:.0} mm wide, more than the {WIDEST} mm of the longest scans"
        ));
    }
    Ok([rows, columns])
}

/// The first voxel as stated, if anything can be there.
fn position(image: &Image) -> Option<DVec3> {
    image.header.position.filter(|p| p.abs().max_element() <= FURTHEST)
}

/// That the position is missing, makes no sense, or is beyond all scans.
fn lost(image: &Image) -> DicomError {
    let Some(p) = image.header.position else {
        return missing(image, POSITION);
    };
    let fault = format!("{POSITION} is {}, more than {FURTHEST} mm from the origin", list(p));
    DicomError::Invalid { file: image.name(), fault }
}

/// Three numbers as they are written in files; large and small ones with an exponent.
pub(crate) fn list(v: DVec3) -> String {
    v.to_array().map(|n| format!("{n:?}")).join("\\")
}

/// The largest difference from unit length or from a right angle (as a cosine).
fn crookedness([row, column]: [DVec3; 2]) -> f64 {
    let off = |v: DVec3| (v.length() - 1.0).abs();
    off(row).max(off(column)).max(row.dot(column).abs())
}

/// True for two directions that are nearly unit vectors at a right angle.
pub(crate) fn are_directions(pair: [DVec3; 2]) -> bool {
    crookedness(pair) <= CROOKED
}

/// The nearest pair of unit vectors at a right angle: both turn by the same amount.
fn straight([row, column]: [DVec3; 2]) -> Option<[DVec3; 2]> {
    let (row, column) = (row.try_normalize()?, column.try_normalize()?);
    let (sum, difference) = ((row + column).try_normalize()?, (row - column).try_normalize()?);
    Some([(sum + difference).try_normalize()?, (sum - difference).try_normalize()?])
}

/// The direction in which slices follow each other: the normal of the first image that has an orientation.
pub(crate) fn normal(header: &Header) -> Option<DVec3> {
    let [row, column] = header.orientation?;
    row.cross(column).try_normalize()
}

/// The first voxel of every image, and whether any was placed by its Instance Number.
pub(crate) fn origins(images: &[Image], assume: &Assume) -> Result<(Vec<DVec3>, Assumed), DicomError> {
    let Some(without) = images.iter().find(|image| position(image).is_none()) else {
        return Ok((images.iter().filter_map(position).collect(), Assumed::Nothing));
    };
    let (Some(()), Some(step)) = (assume.by_instance_number, assume.slice_spacing) else {
        return Err(lost(without));
    };
    let numbers = images.iter().map(|i| i.header.instance_number.ok_or_else(|| missing(i, INSTANCE)));
    let numbers = numbers.collect::<Result<Vec<i64>, _>>()?;
    let normal = normal(&images[0].header).ok_or_else(|| missing(&images[0], ORIENTATION))?;
    // One file that says where it is holds all others; without one the first slice is at the origin.
    let known = (0..images.len()).find(|&n| position(&images[n]).is_some());
    let first = numbers.iter().copied().min().unwrap_or_default();
    let (anchor, from) = match known {
        Some(n) => (position(&images[n]).unwrap_or_default(), numbers[n]),
        None => (DVec3::ZERO, first),
    };
    let origin = |number: i64| anchor + normal * (step * (number as f64 - from as f64));
    for (image, &number) in images.iter().zip(&numbers) {
        let Some(stated) = position(image).filter(|p| p.distance(origin(number)) > AGREES) else {
            continue;
        };
        return Err(DicomError::Contradicted {
            file: image.name(),
            key: "position",
            assumed: format!("instance-number, which puts the slice at {}", list(origin(number))),
            attribute: POSITION,
            stated: list(stated),
        });
    }
    Ok((numbers.into_iter().map(origin).collect(), Assumed::Position))
}

/// What was taken on a person's word to place the slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assumed {
    /// Nothing: every file says where it is.
    Nothing,
    /// The order and distance of slices.
    Position,
}
