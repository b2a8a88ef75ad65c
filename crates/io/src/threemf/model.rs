//! One model part of a 3MF: objects, build items and notes, as the file has them.

use super::xml::{Event, Reader, Tag, resolved, short};
use super::{CORE, MATERIAL, OURS, PRODUCTION, damaged, unsupported};
use crate::mesh_error::MeshFileError;
use crate::mesh_file::{LengthUnit, MeshFormat};
use glam::{DMat3, DVec3};
use osteon_core::frame::Part;
use osteon_core::{Affine, Ctx, Point};
use std::collections::BTreeMap;

/// Vertices or triangles between two questions whether to stop.
const CHUNK: usize = 32_768;

/// What one model part says.
pub(super) struct Model {
    pub unit: LengthUnit,
    pub objects: BTreeMap<u32, Object>,
    pub items: Vec<Component>,
    /// Notes in the file's order; those in our namespace without their prefix.
    pub notes: Vec<(String, String, Origin)>,
    colours: BTreeMap<u32, Vec<Option<[u8; 3]>>>,
}

/// Whose note it is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Origin {
    Ours,
    Other,
}

/// An object of a model part, in the part's unit.
pub(super) struct Object {
    pub name: String,
    pub body: Body,
    material: Option<(u32, usize)>,
}

/// What an object consists of.
pub(super) enum Body {
    Mesh(Vec<Point<Part>>, Vec<[u32; 3]>),
    Components(Vec<Component>),
}

/// An object put somewhere.
pub(super) struct Component {
    /// The other part it is in, if any.
    pub part: Option<String>,
    pub object: u32,
    pub place: Affine<Part, Part>,
}

impl Model {
    /// Takes a model part's text apart.
    pub(super) fn parse(text: &str, ctx: &Ctx) -> Result<Self, MeshFileError> {
        let mut parser = Parser {
            xml: Reader::new(text),
            size: text.len(),
            core: String::new(),
            production: None,
            ours: None,
            ctx,
        };
        let root = match parser.xml.next()? {
            Event::Open(tag) => tag,
            _ => return Err(damaged("its model has no tags")),
        };
        let mut model = Self {
            unit: parser.root(root)?,
            objects: BTreeMap::new(),
            items: Vec::new(),
            notes: Vec::new(),
            colours: BTreeMap::new(),
        };
        while let Some((name, tag)) = parser.child()? {
            match name {
                "metadata" => parser.note(tag, &mut model)?,
                "resources" => parser.resources(&mut model)?,
                "build" => model.items = parser.components("item")?,
                _ => parser.skip()?,
            }
        }
        match parser.xml.next()? {
            Event::End => Ok(model),
            _ => Err(damaged("something follows its model")),
        }
    }

    /// The colour of an object, if it has one for the whole.
    pub(super) fn colour(&self, object: &Object) -> Option<[u8; 3]> {
        let (list, n) = object.material?;
        *self.colours.get(&list)?.get(n)?
    }
}

struct Parser<'a> {
    xml: Reader<'a>,
    size: usize,
    /// The prefix of core tags with its colon; empty when they have none.
    core: String,
    /// The prefix of the production extension with its colon.
    production: Option<String>,
    /// The prefix of our own notes with its colon.
    ours: Option<String>,
    ctx: &'a Ctx,
}

impl<'a> Parser<'a> {
    /// Checks the root tag, remembers its prefixes, and tells the unit.
    fn root(&mut self, root: Tag<'a>) -> Result<LengthUnit, MeshFileError> {
        let mut unit = LengthUnit::Millimetre;
        let mut required = String::new();
        let mut spaces = BTreeMap::new();
        for attribute in root.attributes() {
            let (name, value) = attribute?;
            let value = resolved(value)?;
            if name == "unit" {
                // The names of the format, in lower case; abbreviations are not legal here.
                let known = LengthUnit::named(&value).filter(|_| value.len() > 3);
                unit = known.ok_or_else(|| MeshFileError::Unit(short(&value)))?;
            } else if name == "requiredextensions" {
                required = value.into_owned();
            } else if name == "xmlns" {
                spaces.insert("", value);
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                spaces.insert(prefix, value);
            }
        }
        for prefix in required.split_whitespace() {
            let space = spaces.get(prefix).map_or(prefix, |space| space);
            if ![CORE, PRODUCTION, MATERIAL].contains(&space) {
                return Err(unsupported(format!("the extension {space:?}")));
            }
        }
        let prefix = |space: &str| {
            let found = spaces.iter().find(|(_, value)| *value == space);
            found.map(|(prefix, _)| if prefix.is_empty() { String::new() } else { format!("{prefix}:") })
        };
        self.core = prefix(CORE).ok_or_else(|| damaged("its model is not of 3MF's core namespace"))?;
        self.production = prefix(PRODUCTION);
        self.ours = prefix(OURS);
        if root.name.strip_prefix(self.core.as_str()) != Some("model") {
            return Err(damaged(format!("<{}> stands where <model> is expected", short(root.name))));
        }
        Ok(unit)
    }

    /// The next core tag within the open one, without its prefix; `None` when the open one closes.
    fn child(&mut self) -> Result<Option<(&'a str, Tag<'a>)>, MeshFileError> {
        loop {
            match self.xml.next()? {
                Event::Open(tag) => match tag.name.strip_prefix(self.core.as_str()) {
                    Some(name) if !name.contains(':') => return Ok(Some((name, tag))),
                    _ => self.skip()?,
                },
                Event::Close => return Ok(None),
                Event::Text(_) => {}
                Event::End => return Err(damaged("its model ends early")),
            }
        }
    }

    /// Passes over everything up to the end of the open tag.
    fn skip(&mut self) -> Result<(), MeshFileError> {
        let mut depth = 1;
        while depth > 0 {
            match self.xml.next()? {
                Event::Open(_) => depth += 1,
                Event::Close => depth -= 1,
                Event::Text(_) => {}
                Event::End => return Err(damaged("its model ends early")),
            }
        }
        Ok(())
    }

    fn note(&mut self, tag: Tag<'a>, model: &mut Model) -> Result<(), MeshFileError> {
        let name = tag.get("name")?.unwrap_or_default();
        let mut text = String::new();
        loop {
            match self.xml.next()? {
                Event::Text(piece) => text.push_str(&resolved(piece)?),
                Event::Open(_) => self.skip()?,
                Event::Close | Event::End => break,
            }
        }
        let ours = self.ours.as_deref().and_then(|prefix| name.strip_prefix(prefix));
        model.notes.push(match ours {
            Some(name) => (name.to_owned(), text, Origin::Ours),
            None => (name.into_owned(), text, Origin::Other),
        });
        Ok(())
    }

    fn resources(&mut self, model: &mut Model) -> Result<(), MeshFileError> {
        while let Some((name, tag)) = self.child()? {
            match name {
                "basematerials" => {
                    let id = number(tag, "id")?;
                    let mut colours = Vec::new();
                    while let Some((_, tag)) = self.child()? {
                        colours.push(tag.get("displaycolor")?.and_then(|text| colour(&text)));
                        self.skip()?;
                    }
                    model.colours.insert(id, colours);
                }
                "object" => {
                    let id = number(tag, "id")?;
                    let object = self.object(tag, id)?;
                    if model.objects.insert(id, object).is_some() {
                        return Err(damaged(format!("two objects have the id {id}")));
                    }
                }
                _ => self.skip()?,
            }
        }
        Ok(())
    }

    fn object(&mut self, tag: Tag<'a>, id: u32) -> Result<Object, MeshFileError> {
        let name = match tag.get("name")? {
            Some(name) => name.into_owned(),
            None => format!("object {id}"),
        };
        let material = match tag.get("pid")? {
            Some(_) => Some((number(tag, "pid")?, tag.get("pindex")?.map_or(Ok(0), |n| whole(&n))? as usize)),
            None => None,
        };
        let mut body = Body::Components(Vec::new());
        while let Some((name, _)) = self.child()? {
            match name {
                "mesh" => body = self.mesh()?,
                "components" => body = Body::Components(self.components("component")?),
                _ => self.skip()?,
            }
        }
        Ok(Object { name, body, material })
    }

    fn mesh(&mut self) -> Result<Body, MeshFileError> {
        let (mut vertices, mut triangles) = (Vec::new(), Vec::new());
        while let Some((name, _)) = self.child()? {
            match name {
                "vertices" => self.vertices(&mut vertices)?,
                "triangles" => self.triangles(&mut triangles)?,
                _ => self.skip()?,
            }
        }
        if let Some(&index) = triangles.as_flattened().iter().find(|&&v| v as usize >= vertices.len()) {
            return Err(MeshFileError::Index {
                format: MeshFormat::ThreeMf,
                index: i64::from(index),
                vertices: vertices.len(),
            });
        }
        Ok(Body::Mesh(vertices, triangles))
    }

    fn vertices(&mut self, vertices: &mut Vec<Point<Part>>) -> Result<(), MeshFileError> {
        while let Some((_, tag)) = self.child()? {
            let mut place = [None; 3];
            for attribute in tag.attributes() {
                let (name, value) = attribute?;
                if let Some(slot) = slot(name, ["x", "y", "z"]).and_then(|axis| place.get_mut(axis)) {
                    *slot = Some(real(value)?);
                }
            }
            let [Some(x), Some(y), Some(z)] = place else {
                return Err(damaged(format!("vertex {} has no x, y or z", vertices.len())));
            };
            vertices.push(Point::new(x, y, z));
            self.skip()?;
            self.tick(vertices.len())?;
        }
        Ok(())
    }

    fn triangles(&mut self, triangles: &mut Vec<[u32; 3]>) -> Result<(), MeshFileError> {
        while let Some((_, tag)) = self.child()? {
            let mut corners = [None; 3];
            for attribute in tag.attributes() {
                let (name, value) = attribute?;
                if let Some(slot) = slot(name, ["v1", "v2", "v3"]).and_then(|n| corners.get_mut(n)) {
                    *slot = Some(whole(value)?);
                }
            }
            let [Some(a), Some(b), Some(c)] = corners else {
                return Err(damaged(format!("triangle {} has no v1, v2 or v3", triangles.len())));
            };
            triangles.push([a, b, c]);
            self.skip()?;
            self.tick(triangles.len())?;
        }
        Ok(())
    }

    /// The components of an object or the items of the build.
    fn components(&mut self, kind: &str) -> Result<Vec<Component>, MeshFileError> {
        let mut components = Vec::new();
        while let Some((name, tag)) = self.child()? {
            if name == kind {
                let part = match &self.production {
                    Some(prefix) => tag.get(&format!("{prefix}path"))?.map(|path| path.into_owned()),
                    None => None,
                };
                let place = match tag.get("transform")? {
                    Some(text) => transform(&text)?,
                    None => Affine::new(DMat3::IDENTITY, DVec3::ZERO),
                };
                components.push(Component { part, object: number(tag, "objectid")?, place });
            }
            self.skip()?;
            self.tick(components.len())?;
        }
        Ok(components)
    }

    fn tick(&self, count: usize) -> Result<(), MeshFileError> {
        if count.is_multiple_of(CHUNK) {
            self.ctx.done(1.0 - self.xml.left() as f64 / self.size as f64)?;
        }
        Ok(())
    }
}

fn slot(name: &str, names: [&str; 3]) -> Option<usize> {
    names.iter().position(|known| *known == name)
}

fn number(tag: Tag<'_>, name: &'static str) -> Result<u32, MeshFileError> {
    match tag.get(name)? {
        Some(text) => whole(&text),
        None => Err(damaged(format!("<{}> has no {name}", short(tag.name)))),
    }
}

fn whole(text: &str) -> Result<u32, MeshFileError> {
    text.trim_ascii().parse().map_err(|_| damaged(format!("{:?} is no index", short(text))))
}

fn real(text: &str) -> Result<f64, MeshFileError> {
    match text.trim_ascii().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(value) => Err(MeshFileError::Coordinate { format: MeshFormat::ThreeMf, value, near: None }),
        Err(_) => Err(damaged(format!("{:?} is no number", short(text)))),
    }
}

/// A map from the twelve numbers of a row-vector matrix, as 3MF writes it.
fn transform(text: &str) -> Result<Affine<Part, Part>, MeshFileError> {
    let numbers: Vec<f64> = text.split_ascii_whitespace().map(real).collect::<Result<_, _>>()?;
    if numbers.len() != 12 {
        return Err(damaged(format!("a transform has {} numbers of 12", numbers.len())));
    }
    let map = Affine::new(DMat3::from_cols_slice(&numbers[..9]), DVec3::from_slice(&numbers[9..]));
    match map.inverse() {
        Some(_) => Ok(map),
        None => Err(damaged("a transform flattens its object")),
    }
}

/// Red, green and blue of `#RRGGBB` or `#RRGGBBAA`.
fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 || digits.len() == 8)?;
    let value = u32::from_str_radix(digits.get(..6)?, 16).ok()?;
    let [_, r, g, b] = value.to_be_bytes();
    Some([r, g, b])
}
