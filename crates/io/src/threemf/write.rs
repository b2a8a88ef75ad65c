//! Solids to a 3MF package.

use super::number::{STEPS, push_index, push_mm, steps};
use super::package::Package;
use super::{CORE, MODEL_RELATION, OURS, PRODUCTION, SPACE, uuid};
use crate::deflate;
use crate::mesh_error::MeshFileError;
use crate::mesh_file::{About, MeshFormat, NOTICE, Object, Placed, beyond};
use glam::DVec3;
use osteon_core::{Ctx, Mesh, Point};
use rayon::prelude::*;
use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;

/// Vertices or triangles in one block: about a megabyte of text.
const BLOCK: usize = 20_000;

const MODEL: &str = "3D/3dmodel.model";
const THUMBNAIL: &str = "Metadata/thumbnail.png";

/// The note that tells what the file is for.
const NOTICE_NAME: &str = "notice";

/// Writes solids as 3MF, one named and coloured object each, where they are in the patient (LPS, mm).
///
/// `thumbnail` is a PNG file. A triangle with two corners that round to one place is refused.
pub fn write(
    objects: &[Object<'_>],
    about: &About<'_>,
    thumbnail: Option<&[u8]>,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), MeshFileError> {
    about.check()?;
    let taken = about.notes.iter().find(|(name, _)| [SPACE, NOTICE_NAME].contains(name));
    if let Some((name, _)) = taken {
        return Err(MeshFileError::NoteName((*name).to_owned()));
    }
    if objects.is_empty() {
        return Err(MeshFileError::Empty(MeshFormat::ThreeMf));
    }
    let blocks = blocks(objects, about);
    let fill = |n: usize, text: &mut Vec<u8>| blocks[n].print(text);
    let model = deflate::deflate(blocks.len(), fill, ctx)?;
    let mut package = Package::new(MeshFormat::ThreeMf, out);
    package.store("[Content_Types].xml", content_types(thumbnail).as_bytes())?;
    package.store("_rels/.rels", relations(thumbnail).as_bytes())?;
    if let Some(png) = thumbnail {
        package.store(THUMBNAIL, png)?;
    }
    package.deflated(MODEL, &model)?;
    package.finish()
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn content_types(thumbnail: Option<&[u8]>) -> String {
    let png = thumbnail.map_or("", |_| "<Default Extension=\"png\" ContentType=\"image/png\"/>");
    format!(
        "{XML}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"model\" ContentType=\"application/vnd.ms-package.3dmanufacturing-3dmodel+xml\"/>\
         {png}</Types>\n"
    )
}

fn relations(thumbnail: Option<&[u8]>) -> String {
    let picture = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail";
    let png = match thumbnail {
        Some(_) => format!("<Relationship Id=\"thumbnail\" Type=\"{picture}\" Target=\"/{THUMBNAIL}\"/>"),
        None => String::new(),
    };
    format!(
        "{XML}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"model\" Type=\"{MODEL_RELATION}\" Target=\"/{MODEL}\"/>{png}</Relationships>\n"
    )
}

/// A piece of the model's text.
enum Block<'a> {
    Text(String),
    Vertices(&'a Mesh, Range<usize>),
    Triangles(&'a Mesh, Range<usize>),
}

/// The model's text in pieces of about a megabyte.
fn blocks<'a>(objects: &[Object<'a>], about: &About<'_>) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let mut text = head(objects, about);
    let ids: Vec<String> = objects.par_iter().map(uuid::of_object).collect();
    for (n, object) in objects.iter().enumerate() {
        let mesh = object.solid.mesh();
        let name = escaped(object.name);
        // Writing to a string cannot fail. Object 1 is the list of materials.
        let _ = writeln!(
            text,
            "<object id=\"{}\" type=\"model\" name=\"{name}\" pid=\"1\" pindex=\"{n}\" p:UUID=\"{}\"><mesh><vertices>",
            n + 2,
            uuid::of_parts("object", n, &ids[n..=n])
        );
        blocks.push(Block::Text(std::mem::take(&mut text)));
        blocks.extend(pieces(mesh.vertices.len()).map(|range| Block::Vertices(mesh, range)));
        blocks.push(Block::Text("</vertices><triangles>\n".to_owned()));
        blocks.extend(pieces(mesh.triangles.len()).map(|range| Block::Triangles(mesh, range)));
        text.push_str("</triangles></mesh></object>\n");
    }
    let _ = write!(text, "</resources>\n<build p:UUID=\"{}\">", uuid::of_parts("build", 0, &ids));
    for n in 0..objects.len() {
        let id = uuid::of_parts("item", n, &ids[n..=n]);
        let _ = write!(text, "<item objectid=\"{}\" p:UUID=\"{id}\"/>", n + 2);
    }
    text.push_str("</build>\n</model>\n");
    blocks.push(Block::Text(text));
    blocks
}

fn pieces(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(BLOCK).map(move |from| from..count.min(from + BLOCK))
}

/// Everything before the first object.
fn head(objects: &[Object<'_>], about: &About<'_>) -> String {
    let mut text = format!(
        "{XML}<model unit=\"millimeter\" xml:lang=\"en-US\" xmlns=\"{CORE}\" xmlns:p=\"{PRODUCTION}\" \
         xmlns:osteon=\"{OURS}\">\n"
    );
    let mut note = |name: &str, value: &str| {
        let _ = writeln!(text, "<metadata name=\"{name}\">{}</metadata>", escaped(value));
    };
    note("Title", about.title);
    note("Application", about.application);
    if about.placed == Placed::InPatient {
        note(&format!("osteon:{SPACE}"), "LPS");
    }
    note(&format!("osteon:{NOTICE_NAME}"), NOTICE);
    for (name, value) in about.notes {
        note(&format!("osteon:{name}"), value);
    }
    text.push_str("<resources>\n<basematerials id=\"1\">");
    for object in objects {
        let [r, g, b] = object.colour;
        let name = escaped(object.name);
        let _ = write!(text, "<base name=\"{name}\" displaycolor=\"#{r:02X}{g:02X}{b:02X}\"/>");
    }
    text.push_str("</basematerials>\n");
    text
}

/// Text as XML; characters XML does not allow become spaces.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

impl Block<'_> {
    fn print(&self, text: &mut Vec<u8>) -> Result<(), MeshFileError> {
        match self {
            Block::Text(fixed) => text.extend_from_slice(fixed.as_bytes()),
            Block::Vertices(mesh, range) => {
                for vertex in &mesh.vertices[range.clone()] {
                    print_vertex(vertex.vec(), text)?;
                }
            }
            Block::Triangles(mesh, range) => {
                for &triangle in &mesh.triangles[range.clone()] {
                    print_triangle(mesh, triangle, text)?;
                }
            }
        }
        Ok(())
    }
}

fn print_vertex(vertex: DVec3, text: &mut Vec<u8>) -> Result<(), MeshFileError> {
    if let Some(value) = beyond(vertex) {
        let format = MeshFormat::ThreeMf;
        return Err(MeshFileError::Coordinate { format, value, near: None });
    }
    for (name, value) in [(&b"<vertex x=\""[..], vertex.x), (b"\" y=\"", vertex.y), (b"\" z=\"", vertex.z)] {
        text.extend_from_slice(name);
        push_mm(text, steps(value));
    }
    text.extend_from_slice(b"\"/>\n");
    Ok(())
}

fn print_triangle(mesh: &Mesh, triangle: [u32; 3], text: &mut Vec<u8>) -> Result<(), MeshFileError> {
    let [a, b, c] = mesh.corners(triangle);
    for (p, q) in [(a, b), (b, c), (c, a)] {
        // Corners further apart than a step cannot meet, which spares rounding nearly all of them.
        if (p - q).abs().max_element() < 1.01 / STEPS && p.to_array().map(steps) == q.to_array().map(steps) {
            return Err(MeshFileError::Merged { near: Point::from_vec(p) });
        }
    }
    let names = [&b"<triangle v1=\""[..], b"\" v2=\"", b"\" v3=\""];
    for (name, vertex) in names.into_iter().zip(triangle) {
        text.extend_from_slice(name);
        push_index(text, vertex);
    }
    text.extend_from_slice(b"\"/>\n");
    Ok(())
}
