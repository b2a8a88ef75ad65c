//! A mesh file outside a case: named by a person, its format by the end of its name, with its QA card beside it.

use crate::card::{self, Card, FileFacts};
use crate::failure::Failure;
use crate::looks;
use osteon_case::{CasePath, Folder, Sha256};
use osteon_core::{Ctx, Defect, ErrorKind, Mesh, Patient, Point, Solid};
use osteon_io::mesh_file::{About, Object, Placed};
use osteon_io::{gltf, obj, ply, stl, threemf, usd};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where a mesh file is to be written.
pub(crate) struct Target {
    folder: Folder,
    /// The file's name without its end.
    stem: String,
    format: Format,
    path: PathBuf,
}

/// A format by the end of a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Stl,
    ThreeMf,
    Ply,
    Obj,
    Glb,
    Usdz,
}

const FORMATS: [(&str, Format); 6] = [
    ("stl", Format::Stl),
    ("3mf", Format::ThreeMf),
    ("ply", Format::Ply),
    ("obj", Format::Obj),
    ("glb", Format::Glb),
    ("usdz", Format::Usdz),
];

impl Target {
    /// A file that does not exist yet, its format told by its name.
    pub fn new(path: &str) -> Result<Self, Failure> {
        let path = PathBuf::from(path);
        let end = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let Some(&(_, format)) = FORMATS.iter().find(|(name, _)| *name == end) else {
            let message = format!("{} does not end in a format that can be written", path.display());
            let help = "name a file that ends in .3mf, .stl, .ply, .obj, .glb or .usdz";
            return Err(Failure::new(ErrorKind::Input, "unknown-format", message, help));
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let target = Self { folder: Folder::open(parent)?, stem, format, path };
        for name in [target.name(), target.card("json"), target.card("html")] {
            if target.folder.has(&CasePath::new(&name)?) {
                let message = format!("{name} exists already in {}", parent_of(&target.path));
                let help = "remove it, or name another file with --out";
                return Err(Failure::new(ErrorKind::Input, "exists-already", message, help));
            }
        }
        Ok(target)
    }

    /// The file's name.
    pub fn name(&self) -> String {
        let end = FORMATS.iter().find(|(_, format)| *format == self.format).map_or("", |(end, _)| end);
        match self.path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => format!("{}.{end}", self.stem),
        }
    }

    fn card(&self, end: &str) -> String {
        format!("{}.card.{end}", self.stem)
    }

    /// Writes the solids: an STL or PLY holds them all in one, the others each as an object of its own.
    ///
    /// `placed` says whether the file may tell that it is in the patient's frame.
    pub fn write(&self, solids: &[(&str, &Solid)], placed: Placed, ctx: &Ctx) -> Result<(), Failure> {
        let notes = [("Description", crate::NOTICE)];
        let application = concat!("osteon ", env!("CARGO_PKG_VERSION"));
        let about = About { title: &self.stem, application, notes: &notes, placed };
        let objects = looks::objects(solids);
        self.folder
            .stream(&CasePath::new(&self.name())?, |out| write(self.format, &objects, &about, out, ctx))
    }

    /// What was written, as a file.
    pub fn facts(&self, placed: Placed) -> Result<FileFacts, Failure> {
        let bytes = self.folder.get(&CasePath::new(&self.name())?)?;
        let unit = if self.format == Format::Glb { "metre" } else { "millimetre" };
        let frame = match (placed, self.format) {
            (Placed::Unknown, _) => "not stated",
            (_, Format::Glb | Format::Usdz) => "x = left, y = head, z = front",
            _ => "LPS",
        };
        Ok(FileFacts {
            name: self.name(),
            format: self.path.extension().unwrap_or_default().to_string_lossy().to_uppercase(),
            bytes: bytes.len(),
            sha256: Sha256::of(&bytes).to_string(),
            unit: unit.to_owned(),
            frame: frame.to_owned(),
        })
    }

    /// Writes the QA card beside the file, as data and as a page.
    pub fn write_card(&self, card: &Card, solids: &[(&str, &Solid)], ctx: &Ctx) -> Result<(), Failure> {
        let json = serde_json::json!(card);
        self.folder.put(&CasePath::new(&self.card("json"))?, format!("{json:#}\n").as_bytes())?;
        let page = card::page(card, &self.name(), solids, ctx)?;
        Ok(self.folder.put(&CasePath::new(&self.card("html"))?, page.as_bytes())?)
    }

    /// What was written, for a person.
    pub fn line(&self) -> String {
        format!("wrote {} and its card, {}", self.path.display(), self.card("html"))
    }
}

fn parent_of(path: &Path) -> String {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).display().to_string()
}

fn write(
    format: Format,
    objects: &[Object<'_>],
    about: &About<'_>,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), Failure> {
    match (format, objects) {
        (Format::ThreeMf, _) => {
            let picture = looks::thumbnail(objects, &ctx.part("thumbnail", 0.0, 0.2))?;
            threemf::write(objects, about, Some(&picture), out, &ctx.part("3MF", 0.2, 1.0))?;
        }
        (Format::Usdz, _) => usd::write(objects, about, out, ctx)?,
        (Format::Obj, _) => obj::write(objects, about, out, ctx)?,
        (Format::Glb, _) => gltf::write(objects, about, out, ctx)?,
        (Format::Stl, [one]) => {
            survives(one.solid)?;
            stl::write_as(one.solid, about.placed, one.name, out, ctx)?;
        }
        (Format::Ply, [one]) => ply::write_as(one.solid.mesh(), about.placed, out, ctx)?,
        (Format::Stl | Format::Ply, _) => {
            let all = joined(objects)?;
            if format == Format::Stl {
                survives(&all)?;
                stl::write_as(&all, about.placed, about.title, out, ctx)?;
            } else {
                ply::write_as(all.mesh(), about.placed, out, ctx)?;
            }
        }
    }
    Ok(())
}

/// Refuses a solid that is none any more in an STL, whose readers make one of all corners in the same place.
fn survives(solid: &Solid) -> Result<(), Failure> {
    let mesh = solid.mesh();
    // Adding zero makes the two zeros one.
    let place = |p: &Point<Patient>| p.to_array().map(|mm| (mm as f32 + 0.0).to_bits());
    let mut order: Vec<([u32; 3], u32)> = mesh.vertices.iter().map(place).zip(0..).collect();
    order.sort_unstable();
    let mut first: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    for pair in 1..order.len() {
        if order[pair].0 == order[pair - 1].0 {
            first[order[pair].1 as usize] = first[order[pair - 1].1 as usize];
        }
    }
    let mut welded = Mesh { vertices: mesh.vertices.clone(), triangles: mesh.triangles.clone() };
    welded.triangles.iter_mut().flatten().for_each(|v| *v = first[*v as usize]);
    let loose = |defect: &Defect| matches!(defect, Defect::LooseVertex { .. });
    let defects = Solid::new(welded).err().map(|not| not.defects).unwrap_or_default();
    match defects.iter().find(|defect| !loose(defect)) {
        None => Ok(()),
        Some(defect) => {
            let message = format!("as an STL it would no longer be a solid, for parts of it touch: {defect}");
            let help = "write a .3mf, which keeps parts that touch apart, or make them one: --step join, --step resolve";
            Err(Failure::new(ErrorKind::Numeric, "stl-would-weld", message, help))
        }
    }
}

/// Several solids as the shells of one.
fn joined(objects: &[Object<'_>]) -> Result<Solid, Failure> {
    let mut all = Mesh::default();
    for object in objects {
        let first = all.vertices.len() as u32;
        all.vertices.extend(&object.solid.mesh().vertices);
        all.triangles.extend(object.solid.mesh().triangles.iter().map(|t| t.map(|v| v + first)));
    }
    Solid::new(all).map_err(|not| {
        let help = "write a 3MF, which keeps objects apart, or resolve their overlap first";
        Failure::new(ErrorKind::Numeric, "not-solid", not.to_string(), help)
    })
}
