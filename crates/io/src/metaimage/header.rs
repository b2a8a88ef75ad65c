//! The text before the data of a MetaImage.

use crate::volume_file::layout::{Layout, Number, Order};
use crate::volume_file::{Assume, Kind, Problem, converted};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Finding, Grid, Severity};
use std::collections::BTreeMap;

const KIND: Kind = Kind::MetaImage;

/// Bytes a header may have; a dozen lines are usual.
const MOST_HEADER: usize = 1 << 20;

/// How far the length of a direction may be from one. Chosen: six digits are usual; at one per mille the
/// far end of a leg moves by a millimetre.
const UNIT: f64 = 1e-3;

/// How much of an axis must point where its letter says: the cosine of 72°. Chosen: below what the nearest
/// letters of the most oblique volume reach, above what a wrong letter of a level one can.
const TOWARDS: f64 = 0.3;

/// The fields of a header, by name.
pub(super) struct Header {
    fields: BTreeMap<String, String>,
    /// Where the data begin when they are in the same file.
    pub end: usize,
}

/// True for the first bytes of a MetaImage of one image.
pub(super) fn recognise(head: &[u8]) -> bool {
    let lines = || head.split(|&b| b == b'\n').filter_map(|line| line.split(|&b| b == b'=').next());
    let first = lines().next().unwrap_or_default().trim_ascii();
    matches!(first, b"ObjectType" | b"NDims" | b"Comment" | b"ObjectSubType" | b"Name" | b"ID")
        && lines().any(|name| name.trim_ascii() == b"NDims")
}

impl Header {
    /// Takes the header off the file's bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let window = &bytes[..bytes.len().min(MOST_HEADER)];
        let mut header = Self { fields: BTreeMap::new(), end: 0 };
        for line in 1.. {
            let wrong = |what| Problem::Syntax { kind: KIND, line, what };
            let rest = &window[header.end..];
            let length = rest.iter().position(|&b| b == b'\n');
            if rest.is_empty() || length.is_none() && window.len() < bytes.len() {
                break;
            }
            header.end += length.map_or(rest.len(), |length| length + 1);
            let text = &rest[..length.unwrap_or(rest.len())];
            if text.trim_ascii().is_empty() {
                continue;
            }
            let text = String::from_utf8_lossy(text);
            let (name, value) = text.split_once('=').ok_or_else(|| wrong("there is no \"=\""))?;
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            let last = name == "ElementDataFile";
            if header.fields.insert(name, value).is_some() {
                return Err(wrong("it repeats an earlier line"));
            }
            if last {
                return Ok(header);
            }
        }
        Err(Problem::Missing { kind: KIND, field: "ElementDataFile" })
    }

    /// The value of a field by any of its names, and the name; more than one of them contradicts itself.
    fn any(&self, names: &[&'static str]) -> Result<Option<(&'static str, &str)>, Problem> {
        let mut found = names.iter().filter_map(|&name| Some((name, self.fields.get(name)?.as_str())));
        let first = found.next();
        match found.next() {
            Some((name, _)) => {
                let expected =
                    format!("{} says the same, and only one of them may", first.map_or("", |f| f.0));
                Err(self.wrong(name, &expected))
            }
            None => Ok(first),
        }
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn need(&self, name: &'static str) -> Result<&str, Problem> {
        self.get(name).ok_or(Problem::Missing { kind: KIND, field: name })
    }

    /// The refusal of a field's value.
    pub(super) fn wrong(&self, name: &str, expected: &str) -> Problem {
        let value = self.get(name).unwrap_or_default().to_owned();
        Problem::Field { kind: KIND, field: name.to_owned(), value, expected: expected.to_owned() }
    }

    /// Exactly `N` finite numbers.
    fn numbers<const N: usize>(&self, name: &str) -> Result<[f64; N], Problem> {
        let mut numbers = [0.0; N];
        let mut words = self.get(name).unwrap_or_default().split_whitespace();
        for number in &mut numbers {
            let parsed = words.next().and_then(|word| word.parse().ok()).filter(|n: &f64| n.is_finite());
            *number = parsed.ok_or_else(|| self.wrong(name, &format!("{N} finite numbers are needed")))?;
        }
        match words.next() {
            None => Ok(numbers),
            Some(_) => Err(self.wrong(name, &format!("{N} numbers are needed and no more"))),
        }
    }

    /// `True` or `False`, or nothing.
    pub(super) fn flag(&self, name: &str) -> Result<Option<Flag>, Problem> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "t" | "1") => Ok(Some(Flag::True)),
            Some("false" | "f" | "0") => Ok(Some(Flag::False)),
            Some(_) => Err(self.wrong(name, "it is True or False")),
        }
    }

    /// The grid in the patient.
    pub(super) fn grid(&self, assume: &Assume, findings: &mut Vec<Finding>) -> Result<Grid, Problem> {
        if let Some(other) = self.get("ObjectType").filter(|&kind| kind != "Image") {
            return Err(Problem::Unsupported { kind: KIND, what: format!("an object of type {other}") });
        }
        if self.need("NDims")? != "3" {
            let what = format!("{} dimensions", self.need("NDims")?);
            return Err(Problem::Unsupported { kind: KIND, what });
        }
        let mut words = self.need("DimSize")?.split_whitespace();
        let mut dims = [0_usize; 3];
        for size in &mut dims {
            let parsed = words.next().and_then(|word| word.parse().ok()).filter(|&size| size > 0);
            *size =
                parsed.ok_or_else(|| self.wrong("DimSize", "three whole numbers above zero are needed"))?;
        }
        if words.next().is_some() {
            return Err(self.wrong("DimSize", "three numbers are needed and no more"));
        }
        let unit = self.unit(findings)?;
        let turn = self.directions()?;
        let Some((name, _)) = self.any(&["Offset", "Position", "Origin"])? else {
            return Err(Problem::Missing { kind: KIND, field: "Offset" });
        };
        let origin = DVec3::from(self.numbers(name)?) * unit;
        let spacing = self.spacing(unit, assume, findings)?;
        Ok(Grid::new(dims, Affine::new(turn * DMat3::from_diagonal(spacing), origin))?)
    }

    /// Millimetres in the header's unit of length.
    fn unit(&self, findings: &mut Vec<Finding>) -> Result<f64, Problem> {
        let (unit, name) = match self.get("DistanceUnits") {
            // Without a word the format counts in millimetres.
            None | Some("?" | "mm") => return Ok(1.0),
            Some("um") => (0.001, "micrometres"),
            Some("cm") => (10.0, "centimetres"),
            Some(_) => return Err(self.wrong("DistanceUnits", "lengths are in mm, um or cm")),
        };
        findings.push(converted(name));
        Ok(unit)
    }

    /// Distances of voxels in mm.
    fn spacing(&self, unit: f64, assume: &Assume, findings: &mut Vec<Finding>) -> Result<DVec3, Problem> {
        let name = ["ElementSpacing", "ElementSize"].into_iter().find(|&name| self.get(name).is_some());
        let spacing = match (name, assume.spacing) {
            (Some(name), _) => DVec3::from(self.numbers(name)?) * unit,
            (None, Some(spacing)) => {
                let [x, y, z] = spacing;
                let message =
                    format!("the header does not say the voxel size; taken as {x} × {y} × {z} mm as told");
                let remedy = "measure a known distance in the volume before using it";
                let finding = Finding::new("volume-spacing-assumed", Severity::Caution, message);
                findings.push(finding.remedy(remedy));
                DVec3::from(spacing)
            }
            (None, None) => return Err(Problem::Missing { kind: KIND, field: "ElementSpacing" }),
        };
        if name == Some("ElementSize") {
            let message = "the header says how large a voxel is (ElementSize), not how far apart voxels are; taken as the same";
            let remedy = "measure a known distance in the volume before using it";
            findings.push(Finding::new("metaimage-voxel-size", Severity::Caution, message).remedy(remedy));
        }
        if spacing.cmpgt(DVec3::ZERO).all() {
            Ok(spacing)
        } else {
            Err(self.wrong(name.unwrap_or("ElementSpacing"), "distances of voxels are above zero"))
        }
    }

    /// The directions of the axes in LPS, as columns of length one.
    fn directions(&self) -> Result<DMat3, Problem> {
        let Some((name, _)) = self.any(&["TransformMatrix", "Orientation", "Rotation"])? else {
            return Err(Problem::Missing { kind: KIND, field: "TransformMatrix" });
        };
        let turn = DMat3::from_cols_array(&self.numbers(name)?);
        let columns = [turn.x_axis, turn.y_axis, turn.z_axis];
        if columns.iter().any(|column| (column.length() - 1.0).abs() > UNIT) {
            return Err(self.wrong(name, "three directions of length 1 are needed"));
        }
        if let Some(centre) = self.get("CenterOfRotation")
            && self.numbers::<3>("CenterOfRotation")? != [0.0; 3]
            && turn != DMat3::IDENTITY
        {
            let what =
                format!("a rotation about another place than the first voxel (CenterOfRotation {centre})");
            return Err(Problem::Unsupported { kind: KIND, what });
        }
        if let Some(letters) = self.get("AnatomicalOrientation")
            && !letters.contains('?')
            && !agrees(letters, columns)
        {
            let expected = format!(
                "{name} says otherwise ({}); the letters say from which side an axis comes",
                self.get(name).unwrap_or_default()
            );
            return Err(self.wrong("AnatomicalOrientation", &expected));
        }
        Ok(turn)
    }

    /// The type of the samples.
    pub(super) fn layout(&self) -> Result<Layout, Problem> {
        if let Some((name, _)) = self.any(&["ElementNumberOfChannels"])?
            && self.numbers::<1>(name)? != [1.0]
        {
            let Ok(count) = self.get(name).unwrap_or_default().parse() else {
                return Err(self.wrong(name, "a whole number is needed"));
            };
            return Err(Problem::Several { kind: KIND, count, what: "values in each voxel" });
        }
        let number = match self.need("ElementType")? {
            "MET_CHAR" => Number::I8,
            "MET_UCHAR" => Number::U8,
            "MET_SHORT" => Number::I16,
            "MET_USHORT" => Number::U16,
            // The format's long has 32 bits on every machine.
            "MET_INT" | "MET_LONG" => Number::I32,
            "MET_UINT" | "MET_ULONG" => Number::U32,
            "MET_LONG_LONG" => Number::I64,
            "MET_ULONG_LONG" => Number::U64,
            "MET_FLOAT" => Number::F32,
            "MET_DOUBLE" => Number::F64,
            other => {
                return Err(Problem::Unsupported { kind: KIND, what: format!("samples of type {other}") });
            }
        };
        // Readers disagree about these two: the most used one leaves them out.
        for (name, nothing) in
            [("ElementToIntensityFunctionSlope", 1.0), ("ElementToIntensityFunctionOffset", 0.0)]
        {
            if self.get(name).is_some() && self.numbers::<1>(name)? != [nothing] {
                return Err(
                    self.wrong(name, "programs disagree whether it counts; save the values it makes instead")
                );
            }
        }
        let order =
            self.any(&["ElementByteOrderMSB", "BinaryDataByteOrderMSB"])?.map(|(name, _)| self.flag(name));
        let order = match order.transpose()?.flatten() {
            Some(Flag::True) => Order::Big,
            Some(Flag::False) => Order::Little,
            None if matches!(number, Number::I8 | Number::U8) => Order::Little,
            None => return Err(Problem::Missing { kind: KIND, field: "BinaryDataByteOrderMSB" }),
        };
        Ok(Layout { number, order })
    }
}

/// What a field of yes or no says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    True,
    False,
}

/// True when each axis comes from the side its letter says: R to left, A to posterior, I to superior.
fn agrees(letters: &str, columns: [DVec3; 3]) -> bool {
    letters.len() == 3
        && letters.chars().zip(columns).all(|(letter, column)| {
            let along = match letter.to_ascii_uppercase() {
                'R' => column.x,
                'L' => -column.x,
                'A' => column.y,
                'P' => -column.y,
                'I' => column.z,
                'S' => -column.z,
                _ => return false,
            };
            along > TOWARDS
        })
}
