//! A 3MF package to meshes.

use super::model::{Body, Component, Model, Origin};
use super::xml::{Event, Reader};
use super::{MODEL_RELATION, SPACE, damaged, too_large};
use crate::deflate::read_most;
use crate::mesh_error::MeshFileError;
use crate::mesh_file::{Declared, MeshFile, MeshFormat, NamedMesh, Space, beyond, mirrored, most_placed};
use glam::DMat3;
use osteon_core::frame::Part;
use osteon_core::{Affine, Ctx, Finding, Mesh, Patient, Point};
use std::collections::BTreeMap;
use std::io::Cursor;
use zip::ZipArchive;

/// How many times its packed size a part may have: text of triangles reaches 30, a bomb 1000.
const RATIO: u64 = 100;

/// What a part may always have, whatever its packed size, in bytes.
const ALWAYS: u64 = 4 << 20;

/// Bytes all parts together may have: 30 million triangles.
const MOST_BYTES: u64 = 2 << 30;

/// Objects and components that may be placed.
const MOST_PLACED: u64 = 100_000;

/// Components within components.
const DEPTH: u64 = 8;

/// Reads a 3MF: one mesh for each build item, transforms applied, in millimetres.
///
/// A transform that mirrors also turns the triangles, so that outward stays outward, and gives a finding.
/// Damaged, endless and needlessly large packages are refused.
pub fn read(bytes: &[u8], ctx: &Ctx) -> Result<MeshFile, MeshFileError> {
    let mut parts = Parts::open(bytes)?;
    let root = parts.root(ctx)?;
    let mut models = BTreeMap::new();
    let mut wanted = vec![root.clone()];
    while let Some(path) = wanted.pop() {
        if models.contains_key(&path) {
            continue;
        }
        let text = parts.text(&path, ctx)?;
        let model = Model::parse(&text, &ctx.part("read", 0.0, 0.8))?;
        drop(text);
        let inner = model.objects.values().flat_map(|object| match &object.body {
            Body::Components(components) => &components[..],
            Body::Mesh(..) => &[],
        });
        wanted.extend(model.items.iter().chain(inner).filter_map(|c| c.part.as_deref().map(plain)));
        models.insert(path, model);
    }
    let Some(model) = models.get(&root) else {
        return Err(damaged("it has no model"));
    };
    let mut declared = Declared { unit: Some(model.unit), space: None };
    let mut notes = Vec::new();
    for (name, text, origin) in &model.notes {
        if *origin == Origin::Ours && name == SPACE {
            declared.space = Some(match text.as_str() {
                "LPS" => Space::Lps,
                "RAS" => Space::Ras,
                other => return Err(MeshFileError::Space(super::xml::short(other))),
            });
        } else {
            notes.push((name.clone(), text.clone()));
        }
    }
    let most = most_placed(bytes.len());
    let mut scene = Scene { models: &models, placed: 0, size: 0, most, within: Vec::new(), ctx };
    let (meshes, findings) = scene.build(&root, model, declared)?;
    if meshes.is_empty() {
        return Err(MeshFileError::Empty(MeshFormat::ThreeMf));
    }
    Ok(MeshFile { format: MeshFormat::ThreeMf, declared, meshes, notes, findings })
}

/// A part's name as the zip has it: without the slash in front.
fn plain(path: &str) -> String {
    path.trim_start_matches('/').to_owned()
}

/// The zip.
struct Parts<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Parts<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, MeshFileError> {
        let zip =
            ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(format!("its zip is broken ({e})")))?;
        Ok(Self { zip, left: MOST_BYTES })
    }

    /// The name of the part with the model, as the package's relations tell.
    fn root(&mut self, ctx: &Ctx) -> Result<String, MeshFileError> {
        let text = self.text("_rels/.rels", ctx)?;
        let mut xml = Reader::new(&text);
        loop {
            match xml.next()? {
                Event::Open(tag) if tag.get("Type")?.as_deref() == Some(MODEL_RELATION) => {
                    return Ok(plain(&tag.get("Target")?.unwrap_or_default()));
                }
                Event::End => return Err(damaged("its relations name no model")),
                _ => {}
            }
        }
    }

    /// The text of a part.
    fn text(&mut self, path: &str, ctx: &Ctx) -> Result<String, MeshFileError> {
        let missing = || damaged(format!("it has no part \"{}\"", super::xml::short(path)));
        let exact = self.zip.index_for_name(path);
        // Names in a package are equal in any case.
        let index = exact.or_else(|| {
            let names = (0..self.zip.len()).filter_map(|n| Some((n, self.zip.name_for_index(n)?.ok()?)));
            names.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(path)).map(|(n, _)| n)
        });
        let part = self.zip.by_index(index.ok_or_else(missing)?);
        let broken = |e: &dyn std::fmt::Display| {
            damaged(format!("\"{}\" does not unpack: {e}", super::xml::short(path)))
        };
        let part = part.map_err(|e| broken(&e))?;
        let limit = (part.compressed_size().saturating_mul(RATIO)).max(ALWAYS).min(self.left);
        if part.size() > limit {
            return Err(too_large("bytes", limit));
        }
        // What a header claims may be false, so memory grows with what really comes.
        let bytes = read_most(part, Vec::new(), limit, |e| broken(&e), ctx)?;
        if bytes.len() as u64 > limit {
            return Err(too_large("bytes", limit));
        }
        self.left -= bytes.len() as u64;
        String::from_utf8(bytes).map_err(|_| damaged("its text is not UTF-8"))
    }
}

/// What has been put into place for one build item.
#[derive(Default)]
struct Built {
    mesh: Mesh,
    mirrored: bool,
}

/// Objects of all parts, being put into place.
struct Scene<'a> {
    models: &'a BTreeMap<String, Model>,
    placed: u64,
    /// Vertices and triangles so far…
    size: u64,
    /// …and how many there may be.
    most: u64,
    /// The objects that the next one is placed within.
    within: Vec<(String, u32)>,
    ctx: &'a Ctx,
}

impl Scene<'_> {
    fn build(
        &mut self,
        root: &str,
        model: &Model,
        declared: Declared,
    ) -> Result<(Vec<NamedMesh>, Vec<Finding>), MeshFileError> {
        let to_patient: Affine<Part, Patient> =
            Affine::new(DMat3::from_diagonal(declared.factors()), glam::DVec3::ZERO);
        let (mut meshes, mut findings) = (Vec::new(), Vec::new());
        for (n, item) in model.items.iter().enumerate() {
            let mut built = Built::default();
            self.place(root, item, &to_patient, &mut built)?;
            let path = item.part.as_deref().map_or_else(|| root.to_owned(), plain);
            let Some((model, object)) =
                self.models.get(&path).and_then(|m| Some((m, m.objects.get(&item.object)?)))
            else {
                continue;
            };
            if built.mirrored {
                findings.push(mirrored(&object.name));
            }
            if !built.mesh.triangles.is_empty() {
                meshes.push(NamedMesh {
                    name: object.name.clone(),
                    colour: model.colour(object),
                    mesh: built.mesh,
                });
            }
            self.ctx.done(0.8 + 0.2 * n as f64 / model.items.len().max(1) as f64)?;
        }
        Ok((meshes, findings))
    }

    /// Adds an object, or what it consists of, to the mesh.
    fn place(
        &mut self,
        path: &str,
        component: &Component,
        outer: &Affine<Part, Patient>,
        built: &mut Built,
    ) -> Result<(), MeshFileError> {
        self.placed += 1;
        if self.placed > MOST_PLACED {
            return Err(too_large("placed components", MOST_PLACED));
        }
        let path = component.part.as_deref().map_or_else(|| path.to_owned(), plain);
        let id = component.object;
        if self.within.iter().any(|(part, outer)| *outer == id && *part == path) {
            return Err(damaged(format!("object {id} is a component of itself")));
        }
        if self.within.len() as u64 > DEPTH {
            return Err(too_large("levels of components", DEPTH));
        }
        let object = self.models.get(&path).and_then(|model| model.objects.get(&id));
        let object = object.ok_or_else(|| damaged(format!("it places object {id}, which does not exist")))?;
        let place = component.place.then(outer);
        match &object.body {
            Body::Components(components) => {
                self.within.push((path.clone(), id));
                for inner in components {
                    self.place(&path, inner, &place, built)?;
                }
                self.within.pop();
                Ok(())
            }
            Body::Mesh(vertices, triangles) => {
                self.ctx.check()?;
                self.size += (triangles.len() + vertices.len()) as u64;
                if self.size > self.most {
                    return Err(too_large("vertices and triangles that components place", self.most));
                }
                built.mirrored |= place.mirrors();
                append(&mut built.mesh, vertices, triangles, &place)
            }
        }
    }
}

fn append(
    mesh: &mut Mesh,
    vertices: &[Point<Part>],
    triangles: &[[u32; 3]],
    place: &Affine<Part, Patient>,
) -> Result<(), MeshFileError> {
    let shift = u32::try_from(mesh.vertices.len()).unwrap_or(u32::MAX);
    if vertices.len() as u64 + u64::from(shift) > u64::from(u32::MAX) {
        return Err(too_large("vertices", u64::from(u32::MAX)));
    }
    mesh.vertices.reserve(vertices.len());
    for &vertex in vertices {
        let vertex = place.point(vertex);
        if let Some(value) = beyond(vertex.vec()) {
            let format = MeshFormat::ThreeMf;
            return Err(MeshFileError::Coordinate { format, value, near: None });
        }
        mesh.vertices.push(vertex);
    }
    let turns = place.mirrors();
    mesh.triangles.extend(triangles.iter().map(|&[a, b, c]| {
        let [b, c] = if turns { [c, b] } else { [b, c] };
        [a + shift, b + shift, c + shift]
    }));
    Ok(())
}
