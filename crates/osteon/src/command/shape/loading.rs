//! A mesh file read by its content, and what a person says of it where it says nothing itself.

use crate::card::FileFacts;
use crate::failure::Failure;
use osteon_case::Sha256;
use osteon_core::{Ctx, ErrorKind, Mesh, Point};
use osteon_io::mesh_file::{self, LengthUnit, MeshFile, MeshFormat, Space};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A unit of length that a person can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Millimetres.
    Mm,
    /// Centimetres.
    Cm,
    /// Metres.
    M,
    /// Inches of 25.4 mm.
    Inch,
    /// Thousandths of a millimetre.
    Micron,
}

impl Unit {
    const fn length(self) -> LengthUnit {
        match self {
            Unit::Mm => LengthUnit::Millimetre,
            Unit::Cm => LengthUnit::Centimetre,
            Unit::M => LengthUnit::Metre,
            Unit::Inch => LengthUnit::Inch,
            Unit::Micron => LengthUnit::Micron,
        }
    }
}

/// A patient frame that a person can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// Left, posterior, superior: DICOM's, and ours.
    Lps,
    /// Right, anterior, superior: that of NIfTI and of many programs' scenes.
    Ras,
}

impl Frame {
    const fn space(self) -> Space {
        match self {
            Frame::Lps => Space::Lps,
            Frame::Ras => Space::Ras,
        }
    }
}

/// What a person says of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub unit: Option<Unit>,
    pub frame: Option<Frame>,
}

/// What the facts of a file say of what is not known.
pub(super) const NOT_STATED: &str = "not stated";

/// Largest mesh file that is read, bytes: 40 million triangles of a binary STL, more than fit into memory twice.
const LARGEST: u64 = 2 << 30;

/// A mesh file read by its content, and what it is as a file.
pub(crate) fn load_with_facts(path: &str, ctx: &Ctx) -> Result<(MeshFile, FileFacts), Failure> {
    let bytes = osteon_io::file::read(Path::new(path), LARGEST)?;
    let read = mesh_file::read(&bytes, ctx)?;
    let said = |known: Option<String>| known.unwrap_or_else(|| NOT_STATED.to_owned());
    let facts = FileFacts {
        name: Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
        format: read.format.to_string(),
        bytes: bytes.len(),
        sha256: Sha256::of(&bytes).to_string(),
        unit: said(read.declared.unit.map(|unit| format!("{unit:?}").to_lowercase())),
        frame: said(read.declared.space.map(|space| format!("{space:?}").to_uppercase())),
    };
    Ok((read, facts))
}

/// As [`load_with_facts`], with what a person says of the file; refused where the file says something else.
pub(super) fn load_as(path: &str, told: Told, ctx: &Ctx) -> Result<(MeshFile, FileFacts), Failure> {
    let (mut read, mut facts) = load_with_facts(path, ctx)?;
    let declared = read.declared;
    let unit = told.unit.map(Unit::length);
    // A GLB is in metres by its format, which many programs do not know: it may be told otherwise. Ours tell a frame.
    let foreign = read.format == MeshFormat::Glb && declared.space.is_none();
    if let (Some(says), Some(told), false) = (declared.unit, unit, foreign)
        && says != told
    {
        return Err(contradicted("unit", &format!("{says:?}"), &format!("{told:?}")));
    }
    let space = told.frame.map(Frame::space);
    if let (Some(says), Some(told)) = (declared.space, space)
        && says != told
    {
        return Err(contradicted("frame", &format!("{says:?}"), &format!("{told:?}")));
    }
    let mut factors = [1.0; 3];
    if let Some(unit) = unit {
        let already = declared.unit.map_or(1.0, LengthUnit::millimetres);
        factors = [unit.millimetres() / already; 3];
        read.findings.retain(|finding| finding.code != "unit-guess");
        facts.unit = format!("{unit:?}, as told").to_lowercase();
    }
    if declared.space.is_none() && space == Some(Space::Ras) {
        factors = [-factors[0], -factors[1], factors[2]];
    }
    if let (None, Some(space)) = (declared.space, told.frame) {
        facts.frame = format!("{space:?}, as told").to_uppercase();
    }
    for named in &mut read.meshes {
        scale(&mut named.mesh, factors);
    }
    if unit.is_some() {
        read.findings.extend(mesh_file::unit_guess(&read.meshes));
    }
    Ok((read, facts))
}

fn scale(mesh: &mut Mesh, factors: [f64; 3]) {
    for vertex in mesh.vertices.iter_mut().filter(|_| factors != [1.0; 3]) {
        let [x, y, z] = vertex.to_array();
        *vertex = Point::new(x * factors[0], y * factors[1], z * factors[2]);
    }
}

fn contradicted(what: &str, says: &str, told: &str) -> Failure {
    let message = format!("the file says that its {what} is {says}, and --{what} says {told}");
    let help =
        format!("leave --{what} out; if the file is wrong, export it again from the program it comes from");
    Failure::new(ErrorKind::Input, "file-contradicts", message, help)
}

/// A line that says what the numbers were taken for, where neither the file nor a person tells.
pub(super) fn taken_for(facts: &FileFacts) -> Option<String> {
    let untold = facts.unit == NOT_STATED;
    untold.then(|| {
        format!("{} tells no unit: its numbers were taken for millimetres (else say --unit)", facts.name)
    })
}
