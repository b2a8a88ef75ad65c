//! What a mesh file holds, whatever its format, and reading one by its content.

use crate::files::shown;
use crate::mesh_error::MeshFileError;
use crate::{gltf, obj, ply, stl, threemf};
use glam::DVec3;
use osteon_core::{Ctx, Finding, Mesh, Point, Severity, Solid};
use std::fmt;

/// A length that a mesh file counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthUnit {
    /// A thousandth of a millimetre.
    Micron,
    /// A millimetre.
    Millimetre,
    /// Ten millimetres.
    Centimetre,
    /// 25.4 mm.
    Inch,
    /// 304.8 mm.
    Foot,
    /// A thousand millimetres.
    Metre,
}

impl LengthUnit {
    /// The unit with this name or symbol, in any case, or `None` for a name that is not known.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "micron" | "um" | "µm" => LengthUnit::Micron,
            "millimeter" | "millimetre" | "mm" => LengthUnit::Millimetre,
            "centimeter" | "centimetre" | "cm" => LengthUnit::Centimetre,
            "inch" | "in" => LengthUnit::Inch,
            "foot" | "ft" => LengthUnit::Foot,
            "meter" | "metre" | "m" => LengthUnit::Metre,
            _ => return None,
        })
    }

    /// Millimetres in one unit.
    pub const fn millimetres(self) -> f64 {
        match self {
            LengthUnit::Micron => 0.001,
            LengthUnit::Millimetre => 1.0,
            LengthUnit::Centimetre => 10.0,
            LengthUnit::Inch => 25.4,
            LengthUnit::Foot => 304.8,
            LengthUnit::Metre => 1000.0,
        }
    }
}

/// A patient frame that a file says its coordinates are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Left, posterior, superior: DICOM's and ours.
    Lps,
    /// Right, anterior, superior.
    Ras,
}

/// What a file says of its coordinates; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The unit of length.
    pub unit: Option<LengthUnit>,
    /// The patient frame.
    pub space: Option<Space>,
}

impl Declared {
    /// Takes over the words `UNIT=…` and `SPACE=…` of a header or comment line; a unit or frame that is
    /// not known is refused.
    pub(crate) fn note(&mut self, line: &str) -> Result<(), MeshFileError> {
        for word in line.split(|c: char| c.is_whitespace() || c == '\0' || c == ';') {
            if let Some(name) = word.strip_prefix("UNIT=") {
                let unit = LengthUnit::named(name);
                self.unit = Some(unit.ok_or_else(|| MeshFileError::Unit(name.to_owned()))?);
            } else if let Some(name) = word.strip_prefix("SPACE=") {
                self.space = Some(match name {
                    "LPS" => Space::Lps,
                    "RAS" => Space::Ras,
                    _ => return Err(MeshFileError::Space(name.to_owned())),
                });
            }
        }
        Ok(())
    }

    /// Factors along x, y and z from the file's coordinates to LPS millimetres.
    pub(crate) fn factors(self) -> DVec3 {
        let turn = match self.space {
            Some(Space::Ras) => DVec3::new(-1.0, -1.0, 1.0),
            Some(Space::Lps) | None => DVec3::ONE,
        };
        turn * self.unit.map_or(1.0, LengthUnit::millimetres)
    }

    /// Turns a mesh from the file's coordinates to LPS millimetres.
    pub(crate) fn apply(self, mesh: &mut Mesh) {
        let factors = self.factors();
        if factors != DVec3::ONE {
            for vertex in &mut mesh.vertices {
                *vertex = Point::from_vec(vertex.vec() * factors);
            }
        }
    }
}

/// One mesh of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMesh {
    /// The name in the file; empty if it has none.
    pub name: String,
    /// Red, green, blue (sRGB) if the file gives the whole mesh one colour.
    pub colour: Option<[u8; 3]>,
    /// The triangles, in LPS millimetres as far as the file says what its coordinates are.
    pub mesh: Mesh,
}

/// A format of mesh files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshFormat {
    /// STL, binary or ASCII.
    Stl,
    /// PLY, binary or ASCII.
    Ply,
    /// 3MF.
    ThreeMf,
    /// Binary glTF.
    Glb,
    /// OBJ.
    Obj,
    /// USDZ, which is only written.
    Usdz,
}

impl fmt::Display for MeshFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MeshFormat::Stl => "STL",
            MeshFormat::Ply => "PLY",
            MeshFormat::ThreeMf => "3MF",
            MeshFormat::Glb => "GLB",
            MeshFormat::Obj => "OBJ",
            MeshFormat::Usdz => "USDZ",
        })
    }
}

/// What a mesh file holds.
///
/// Vertices are multiplied with the declared unit and turned from a declared RAS frame, so they are LPS
/// millimetres if the file declares both. Where [`declared`](Self::declared) is `None` the numbers are as in
/// the file, and the caller decides whether they may pass for millimetres in the patient. GLB is in metres with
/// +Y up by its format: it is turned as [`gltf`] says, whether or not it tells a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshFile {
    /// The format the content has, whatever the file is called.
    pub format: MeshFormat,
    /// What the file says of its coordinates.
    pub declared: Declared,
    /// The meshes, at least one, each with at least one triangle.
    pub meshes: Vec<NamedMesh>,
    /// Names and texts the file carries beside, in its order.
    pub notes: Vec<(String, String)>,
    /// What a person should look at.
    pub findings: Vec<Finding>,
}

/// How far from the origin a coordinate may be, in millimetres: 10 km, more than any mistake of units makes.
pub const REACH: f64 = 1e7;

/// The first coordinate of a place in mm that is not a number within reach.
pub(crate) fn beyond(place: DVec3) -> Option<f64> {
    place.to_array().into_iter().find(|value| value.is_nan() || value.abs() > REACH)
}

/// Reads a mesh file by its content: 3MF, PLY, GLB, OBJ, or binary or ASCII STL.
///
/// What a file does not say is not guessed. If it tells no unit and its size is not that of a bone, a finding
/// names the units that would make it one ([`unit_guess`]).
///
/// # Errors
/// What is of no format that is read, is damaged, or asks for more than it may have.
pub fn read(bytes: &[u8], ctx: &Ctx) -> Result<MeshFile, MeshFileError> {
    let mut file = read_as_it_is(bytes, ctx)?;
    let ours = file.format == MeshFormat::Glb && file.declared.space.is_some();
    let told = file.declared.unit.is_some() && (file.format != MeshFormat::Glb || ours);
    if !told {
        file.findings.extend(unit_guess(&file.meshes));
    }
    Ok(file)
}

fn read_as_it_is(bytes: &[u8], ctx: &Ctx) -> Result<MeshFile, MeshFileError> {
    let start = bytes.trim_ascii_start();
    if bytes.is_empty() {
        Err(MeshFileError::Unknown("nothing: the file is empty"))
    } else if bytes.starts_with(b"PK") {
        threemf::read(bytes, ctx)
    } else if bytes.starts_with(b"ply\n") || bytes.starts_with(b"ply\r") {
        ply::read(bytes, ctx)
    } else if stl::is_stl(bytes) {
        stl::read(bytes, ctx)
    } else if bytes.starts_with(b"glTF") {
        gltf::read(bytes, ctx)
    } else if start.starts_with(b"<") {
        Err(MeshFileError::Unknown("a web page or other markup"))
    } else if start.starts_with(b"{") {
        Err(MeshFileError::Unknown("a glTF scene as text, whose shapes are in other files, or other JSON"))
    } else if obj::is_obj(bytes) {
        obj::read(bytes, ctx)
    } else if is_text(bytes) {
        Err(MeshFileError::Unknown("text of a kind that is not read"))
    } else {
        // An STL has no mark; what remains is one whose size and count disagree, or something else.
        stl::read(bytes, ctx)
    }
}

/// True for lines of printable characters, which no binary file begins with.
fn is_text(bytes: &[u8]) -> bool {
    let front = &bytes[..bytes.len().min(512)];
    front.contains(&b'\n') && front.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace())
}

/// The longest side a box around a bone or a part of one has, in mm. Chosen: a fragment that is fixed with a
/// screw has more than 5 mm, and the femur of a tall man less than 600 mm.
const BONE: [f64; 2] = [5.0, 600.0];

/// Units that coordinates are met in when a file does not tell, and what one is in millimetres. The inverse
/// ones are those of coordinates that were converted twice: metres that became a thousand times too large are what
/// micrometres are. The last is how a person tells the unit to `osteon shape`, where there is a word for it.
const MISTAKEN: [(&str, f64, &str); 5] = [
    ("metres", 1000.0, "m"),
    ("inches", 25.4, "inch"),
    ("centimetres", 10.0, "cm"),
    ("micrometres or twice converted metres", 0.001, "micron"),
    ("twice converted inches", 1.0 / 25.4, ""),
];

/// A finding if the largest of these meshes is no bone: with the units that would make it one, and its middle.
/// Nothing is converted.
pub fn unit_guess(meshes: &[NamedMesh]) -> Option<Finding> {
    let boxes = meshes.iter().map(|named| named.mesh.bounds());
    let largest = boxes.max_by(|a, b| a.size().max_element().total_cmp(&b.size().max_element()))?;
    let longest = largest.size().max_element();
    let [least, most] = BONE;
    if (least..=most).contains(&longest) {
        return None;
    }
    let would: Vec<&(&str, f64, &str)> =
        MISTAKEN.iter().filter(|(_, mm, _)| (least..=most).contains(&(longest * mm))).collect();
    let sizes = would.iter().map(|(unit, mm, _)| format!("{:.4} mm if its numbers are {unit}", longest * mm));
    let guesses = match would.is_empty() {
        true => "no usual unit makes it a bone's size".to_owned(),
        false => format!("it would have {}", sizes.collect::<Vec<_>>().join(", or ")),
    };
    let message = format!(
        "the file tells no unit; taken for millimetres the largest piece is {longest} mm long, and bones have \
         {least} to {most} mm: {guesses}"
    );
    let words = would.iter().map(|(_, _, word)| *word).filter(|word| !word.is_empty());
    let units: Vec<String> = words.map(|word| format!("--unit {word}")).collect();
    let remedy = match units.is_empty() {
        true => {
            "ask for the unit, and export the model in millimetres or as 3MF, which tells its unit".to_owned()
        }
        false => format!(
            "ask for the unit, then: osteon shape <file> --out mended.3mf {}, whichever it is",
            units.join(" or ")
        ),
    };
    let limit = if longest < least { least } else { most };
    let finding = Finding::new("unit-guess", Severity::Caution, message);
    Some(
        finding
            .measured(longest, limit, "mm", "chosen: sizes of bones and their fragments")
            .at(largest.middle().to_array())
            .remedy(remedy),
    )
}

/// What the triangles of all placed copies in a file of so many bytes may amount to.
///
/// One that is not placed twice takes more bytes than it has vertices and triangles, even packed; a plate full
/// of copies a few times as many. Small files may have two million, and none more than 100 million.
pub(crate) fn most_placed(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(16).clamp(2_000_000, 100_000_000)
}

/// The finding for something that a file places by a mirroring transform.
pub(crate) fn mirrored(name: &str) -> Finding {
    let message = format!(
        "\"{}\" is placed by a transform that mirrors; its triangles were turned to face outward",
        shown(name)
    );
    let finding = Finding::new("mesh-mirrored-in-file", Severity::Caution, message);
    finding.remedy("check left and right against the image")
}

/// One object to be written: a solid with its name and colour.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Name for people.
    pub name: &'a str,
    /// Red, green, blue (sRGB).
    pub colour: [u8; 3],
    /// The matter, in LPS millimetres.
    pub solid: &'a Solid,
}

/// What a written file says about itself. It names no person: neither patient nor author.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Title of the whole.
    pub title: &'a str,
    /// Program and version.
    pub application: &'a str,
    /// Further notes by name, such as the hash of the plan; a name is a letter followed by letters, digits,
    /// `-`, `_` and `.` (ASCII).
    pub notes: &'a [(&'a str, &'a str)],
    /// Whether the file may say that its coordinates are the patient's.
    pub placed: Placed,
}

/// Whether coordinates are known to be the patient's (LPS).
///
/// What came from a file that tells no frame must not tell one when it is written again: programs would believe it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placed {
    /// They are.
    #[default]
    InPatient,
    /// Nobody knows.
    Unknown,
}

impl Placed {
    /// What a header line says of unit and frame.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Placed::InPatient => "UNIT=mm SPACE=LPS",
            Placed::Unknown => "UNIT=mm",
        }
    }
}

impl About<'_> {
    /// Refuses notes whose name a file cannot carry or that occurs twice.
    pub(crate) fn check(&self) -> Result<(), MeshFileError> {
        for (n, (name, _)) in self.notes.iter().enumerate() {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            let sound = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(plain);
            if !sound || self.notes[..n].iter().any(|(other, _)| other == name) {
                return Err(MeshFileError::NoteName((*name).to_owned()));
            }
        }
        Ok(())
    }
}

/// What every written scene says of its use.
pub(crate) const NOTICE: &str = "Research and planning use, not a medical device.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::cuboid;

    #[test]
    fn a_size_that_no_bone_has_is_told_with_the_units_that_would_explain_it() {
        let file = |longest: f64| {
            let mesh = cuboid(DVec3::ZERO, DVec3::new(longest, longest / 2.0, longest / 4.0)).into_mesh();
            [NamedMesh { name: String::new(), colour: None, mesh }]
        };
        let told = |longest: f64| unit_guess(&file(longest)).map(|finding| finding.message);
        assert_eq!([5.0, 60.0, 600.0].map(told), [None, None, None]);
        let metres = told(0.3).unwrap();
        assert!(
            metres.contains("300.0000 mm if its numbers are metres") && metres.contains("7.6200 mm"),
            "{metres}"
        );
        assert!(told(2.0).unwrap().contains("inches"));
        assert!(told(7e4).unwrap().contains("twice converted metres"));
        assert!(told(1e-6).unwrap().contains("no usual unit"));
        let finding = unit_guess(&file(0.3)).unwrap();
        assert_eq!((finding.value, finding.limit, finding.unit.as_str()), (Some(0.3), Some(5.0), "mm"));
        assert_eq!(finding.place, Some([0.15, 0.075, 0.0375]));
        assert!(finding.remedy.contains("--unit m or --unit inch"), "{}", finding.remedy);
    }
}
