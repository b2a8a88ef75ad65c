//! PLY: the exact mesh file, with 64-bit coordinates.
//!
//! Written binary little-endian, with unit and frame in a comment; read back bit for bit. Reading also takes
//! ASCII and big-endian files by others: coordinates of any type, faces of three or more corners; other elements
//! and properties (colours, normals) are skipped.

use crate::mesh_error::MeshFileError;
use crate::mesh_file::{Declared, MeshFile, MeshFormat, NamedMesh, Placed, beyond};
use crate::polygon::Divider;
use glam::DVec3;
use osteon_core::{Ctx, Finding, Mesh, Point};
use std::io::Write;

/// Vertices or faces between two questions whether to stop.
const CHUNK: usize = 32_768;

/// Bytes a header may have.
const MOST_HEADER: usize = 64 << 10;

/// Writes a mesh in LPS millimetres, coordinates with all their bits.
pub fn write(mesh: &Mesh, out: &mut dyn Write, ctx: &Ctx) -> Result<(), MeshFileError> {
    write_as(mesh, Placed::InPatient, out, ctx)
}

/// As [`write()`], for coordinates that may not be the patient's.
///
/// # Errors
/// As those of [`write()`].
pub fn write_as(mesh: &Mesh, placed: Placed, out: &mut dyn Write, ctx: &Ctx) -> Result<(), MeshFileError> {
    // Most readers take indices as signed.
    if mesh.vertices.len() > i32::MAX as usize {
        return Err(MeshFileError::TooLarge {
            format: MeshFormat::Ply,
            what: "vertices",
            limit: i32::MAX as u64,
        });
    }
    let (vertices, faces) = (mesh.vertices.len(), mesh.triangles.len());
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\ncomment osteon {}\nelement vertex {vertices}\n\
         property double x\nproperty double y\nproperty double z\nelement face {faces}\n\
         property list uchar int vertex_indices\nend_header\n",
        placed.words()
    )?;
    let mut bytes = Vec::with_capacity(CHUNK * 24);
    for (n, chunk) in mesh.vertices.chunks(CHUNK).enumerate() {
        bytes.clear();
        for number in chunk.iter().flat_map(|p| p.to_array()) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        out.write_all(&bytes)?;
        ctx.done(0.5 * (n * CHUNK) as f64 / vertices as f64)?;
    }
    for (n, chunk) in mesh.triangles.chunks(CHUNK).enumerate() {
        bytes.clear();
        for triangle in chunk {
            bytes.push(3);
            for index in triangle {
                bytes.extend_from_slice(&index.to_le_bytes());
            }
        }
        out.write_all(&bytes)?;
        ctx.done(0.5 + 0.5 * (n * CHUNK) as f64 / faces as f64)?;
    }
    Ok(())
}

/// Reads a PLY; faces of more than three corners are divided, and follow the triangles.
pub fn read(bytes: &[u8], ctx: &Ctx) -> Result<MeshFile, MeshFileError> {
    let (header, rest) = Header::parse(bytes)?;
    let mut source = Source { rest, coding: header.coding };
    let mut mesh = Mesh::default();
    let mut polygons = Polygons::default();
    let mut seen = [false; 2];
    for element in &header.elements {
        // Each value takes at least a byte, so a count beyond the bytes left cannot be true.
        let least = element.properties.iter().map(|p| p.least(header.coding)).sum::<usize>().max(1);
        if element.count > source.rest.len() / least + 1 {
            return Err(truncated(&format!("{} {}s", element.count, element.name)));
        }
        match element.name.as_str() {
            "vertex" if !seen[0] => {
                seen[0] = true;
                vertices(&mut source, element, header.declared, &mut mesh, ctx)?;
            }
            "face" if !seen[1] => {
                seen[1] = true;
                faces(&mut source, element, &mut mesh, &mut polygons, ctx)?;
            }
            _ => {
                for n in 0..element.count {
                    element.read(&mut source, |_, _| Ok(()))?;
                    if n % CHUNK == 0 {
                        ctx.check()?;
                    }
                }
            }
        }
    }
    let vertices = mesh.vertices.len();
    let mut corners = mesh.triangles.as_flattened().iter().chain(&polygons.corners);
    if let Some(&index) = corners.find(|&&v| v as usize >= vertices) {
        return Err(index_error(i64::from(index), vertices));
    }
    let finding = polygons.divide(&mut mesh, ctx)?;
    if mesh.triangles.is_empty() {
        return Err(MeshFileError::Empty(MeshFormat::Ply));
    }
    Ok(MeshFile {
        format: MeshFormat::Ply,
        declared: header.declared,
        meshes: vec![NamedMesh { name: String::new(), colour: None, mesh }],
        notes: Vec::new(),
        findings: finding.into_iter().collect(),
    })
}

/// Faces of more than three corners.
#[derive(Default)]
struct Polygons {
    corners: Vec<u32>,
    ends: Vec<usize>,
}

impl Polygons {
    /// Adds the faces to the mesh as triangles.
    fn divide(&self, mesh: &mut Mesh, ctx: &Ctx) -> Result<Option<Finding>, MeshFileError> {
        let mut divider = Divider::new(MeshFormat::Ply);
        let mut start = 0;
        let Mesh { vertices, triangles } = mesh;
        for (n, &end) in self.ends.iter().enumerate() {
            divider.divide(&self.corners[start..end], |v| vertices[v as usize].vec(), triangles, ctx)?;
            start = end;
            if n % CHUNK == 0 {
                ctx.check()?;
            }
        }
        Ok(divider.finding())
    }
}

fn vertices(
    source: &mut Source<'_>,
    element: &Element,
    declared: Declared,
    mesh: &mut Mesh,
    ctx: &Ctx,
) -> Result<(), MeshFileError> {
    let axis = ["x", "y", "z"].map(|name| element.properties.iter().position(|p| p.name == name));
    let [Some(x), Some(y), Some(z)] = axis else {
        return Err(syntax("its vertices have no x, y and z"));
    };
    let factors = declared.factors();
    mesh.vertices.reserve_exact(element.count);
    for n in 0..element.count {
        let mut place = DVec3::ZERO;
        element.read(source, |property, value| {
            for (slot, wanted) in [(&mut place.x, x), (&mut place.y, y), (&mut place.z, z)] {
                if property == wanted {
                    *slot = value;
                }
            }
            Ok(())
        })?;
        place *= factors;
        if let Some(value) = beyond(place) {
            let format = MeshFormat::Ply;
            return Err(MeshFileError::Coordinate { format, value, near: None });
        }
        mesh.vertices.push(Point::from_vec(place));
        if n % CHUNK == 0 {
            ctx.done(0.5 * n as f64 / element.count as f64)?;
        }
    }
    Ok(())
}

fn faces(
    source: &mut Source<'_>,
    element: &Element,
    mesh: &mut Mesh,
    polygons: &mut Polygons,
    ctx: &Ctx,
) -> Result<(), MeshFileError> {
    let list = element
        .properties
        .iter()
        .position(|p| p.list.is_some() && (p.name == "vertex_indices" || p.name == "vertex_index"));
    let Some(list) = list else {
        return Err(syntax("its faces have no list of vertices"));
    };
    mesh.triangles.reserve_exact(element.count);
    let mut face = Vec::new();
    for n in 0..element.count {
        face.clear();
        element.read(source, |property, value| {
            if property == list {
                face.push(index(value)?);
            }
            Ok(())
        })?;
        match face[..] {
            [a, b, c] => mesh.triangles.push([a, b, c]),
            [_, _, _, _, ..] => {
                polygons.corners.extend(&face);
                polygons.ends.push(polygons.corners.len());
            }
            _ => return Err(syntax(&format!("face {n} has {} corners", face.len()))),
        }
        if n % CHUNK == 0 {
            ctx.done(0.5 + 0.5 * n as f64 / element.count as f64)?;
        }
    }
    Ok(())
}

fn index(value: f64) -> Result<u32, MeshFileError> {
    if value >= 0.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0 {
        Ok(value as u32)
    } else {
        Err(index_error(value as i64, 0))
    }
}

fn index_error(index: i64, vertices: usize) -> MeshFileError {
    MeshFileError::Index { format: MeshFormat::Ply, index, vertices }
}

fn syntax(what: &str) -> MeshFileError {
    MeshFileError::Syntax { format: MeshFormat::Ply, what: what.to_owned() }
}

fn truncated(within: &str) -> MeshFileError {
    MeshFileError::Truncated { format: MeshFormat::Ply, within: within.to_owned() }
}

/// How values are stored.
#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Ascii,
    Little,
    Big,
}

/// The type of a value.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "char" | "int8" => Kind::I8,
            "uchar" | "uint8" => Kind::U8,
            "short" | "int16" => Kind::I16,
            "ushort" | "uint16" => Kind::U16,
            "int" | "int32" => Kind::I32,
            "uint" | "uint32" => Kind::U32,
            "float" | "float32" => Kind::F32,
            "double" | "float64" => Kind::F64,
            _ => return None,
        })
    }

    const fn size(self) -> usize {
        match self {
            Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    /// The value of little-endian bytes that fill the front of `b`.
    fn value(self, b: [u8; 8]) -> f64 {
        match self {
            Kind::I8 => f64::from(b[0] as i8),
            Kind::U8 => f64::from(b[0]),
            Kind::I16 => f64::from(i16::from_le_bytes([b[0], b[1]])),
            Kind::U16 => f64::from(u16::from_le_bytes([b[0], b[1]])),
            Kind::I32 => f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            Kind::U32 => f64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            Kind::F32 => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            Kind::F64 => f64::from_le_bytes(b),
        }
    }
}

/// A property of an element: one value, or a list with the type of its count.
struct Property {
    name: String,
    kind: Kind,
    list: Option<Kind>,
}

impl Property {
    /// The fewest bytes it can take.
    fn least(&self, coding: Coding) -> usize {
        match coding {
            Coding::Ascii => 2,
            _ => self.list.unwrap_or(self.kind).size(),
        }
    }
}

struct Element {
    name: String,
    count: usize,
    properties: Vec<Property>,
}

impl Element {
    /// Hands each value of one instance over, with the position of its property.
    fn read(
        &self,
        source: &mut Source<'_>,
        mut take: impl FnMut(usize, f64) -> Result<(), MeshFileError>,
    ) -> Result<(), MeshFileError> {
        for (n, property) in self.properties.iter().enumerate() {
            let Some(count) = property.list else {
                take(n, source.value(property.kind, &self.name)?)?;
                continue;
            };
            let count = source.value(count, &self.name)?;
            if !(count >= 0.0 && count <= source.rest.len() as f64) {
                return Err(truncated(&format!("a list of {count} values")));
            }
            for _ in 0..count as usize {
                take(n, source.value(property.kind, &self.name)?)?;
            }
        }
        Ok(())
    }
}

/// The values after the header.
struct Source<'a> {
    rest: &'a [u8],
    coding: Coding,
}

impl Source<'_> {
    fn value(&mut self, kind: Kind, element: &str) -> Result<f64, MeshFileError> {
        if self.coding == Coding::Ascii {
            return self.word(element);
        }
        let Some((front, rest)) = self.rest.split_at_checked(kind.size()) else {
            return Err(truncated(&format!("the {element}s")));
        };
        self.rest = rest;
        let mut bytes = [0; 8];
        bytes[..front.len()].copy_from_slice(front);
        if self.coding == Coding::Big {
            bytes[..front.len()].reverse();
        }
        Ok(kind.value(bytes))
    }

    fn word(&mut self, element: &str) -> Result<f64, MeshFileError> {
        let start = self.rest.trim_ascii_start();
        let length = start.iter().position(u8::is_ascii_whitespace).unwrap_or(start.len());
        let (word, rest) = start.split_at(length);
        self.rest = rest;
        if word.is_empty() {
            return Err(truncated(&format!("the {element}s")));
        }
        let number = str::from_utf8(word).ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| {
            let word = String::from_utf8_lossy(&word[..word.len().min(40)]);
            syntax(&format!("\"{word}\" stands where a number is expected"))
        })
    }
}

struct Header {
    coding: Coding,
    declared: Declared,
    elements: Vec<Element>,
}

impl Header {
    /// The header, and the bytes after it.
    fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), MeshFileError> {
        let mut coding = None;
        let mut declared = Declared::default();
        let mut elements: Vec<Element> = Vec::new();
        let window = &bytes[..bytes.len().min(MOST_HEADER)];
        let mut at = 0;
        loop {
            let length = window[at..].iter().position(|&b| b == b'\n');
            let length = length.ok_or_else(|| truncated("the header"))?;
            let line = String::from_utf8_lossy(&window[at..at + length]);
            let first = at == 0;
            at += length + 1;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["ply"] if first => {}
                _ if first => return Err(syntax("it does not begin with \"ply\"")),
                ["end_header"] => break,
                ["comment" | "obj_info", ..] => declared.note(&line)?,
                ["format", "ascii", _] => coding = Some(Coding::Ascii),
                ["format", "binary_little_endian", _] => coding = Some(Coding::Little),
                ["format", "binary_big_endian", _] => coding = Some(Coding::Big),
                ["element", name, count] => elements.push(Element {
                    name: name.to_owned(),
                    count: count.parse().map_err(|_| syntax(&format!("\"{line}\" has no count")))?,
                    properties: Vec::new(),
                }),
                ["property", ref property @ ..] => {
                    let property = parse_property(property);
                    match (elements.last_mut(), property) {
                        (Some(element), Some(property)) => element.properties.push(property),
                        _ => return Err(syntax(&format!("\"{line}\" is no property"))),
                    }
                }
                [] => {}
                _ => return Err(syntax(&format!("\"{line}\" is no line of a header"))),
            }
        }
        let coding = coding.ok_or_else(|| syntax("the header has no format"))?;
        let header = Self { coding, declared, elements };
        Ok((header, &bytes[at..]))
    }
}

fn parse_property(words: &[&str]) -> Option<Property> {
    let (list, kind, name) = match *words {
        ["list", count, kind, name] => (Some(Kind::named(count)?), kind, name),
        [kind, name] => (None, kind, name),
        _ => return None,
    };
    Some(Property { name: name.to_owned(), kind: Kind::named(kind)?, list })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::skewed;
    use osteon_core::Explain;
    use proptest::prelude::*;

    fn round(mesh: &Mesh) -> MeshFile {
        let mut bytes = Vec::new();
        write(mesh, &mut bytes, &Ctx::default()).unwrap();
        read(&bytes, &Ctx::default()).unwrap()
    }

    fn ascii(header: &str, body: &str) -> Result<MeshFile, MeshFileError> {
        let text = format!("ply\nformat ascii 1.0\n{header}end_header\n{body}");
        read(text.as_bytes(), &Ctx::default())
    }

    const TRIANGLE: &str = "element vertex 3\nproperty float x\nproperty uchar red\nproperty float y\n\
        property float z\nelement face 1\nproperty list uchar int vertex_index\n";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_mesh_returns_bit_for_bit(columns in prop::array::uniform9(-1e3..1e3), offset in prop::array::uniform3(-1e3..1e3)) {
            let Some(solid) = skewed(columns, offset) else { return Ok(()) };
            let back = round(solid.mesh());
            prop_assert_eq!(&back.meshes[0].mesh, solid.mesh());
            prop_assert_eq!(back.declared.factors(), DVec3::ONE);
        }

        #[test]
        fn a_damaged_file_never_panics(at in 0_usize..600, byte in 0_u8..=255, cut in 0_usize..600) {
            let mut bytes = Vec::new();
            let solid = skewed([1., 0., 0., 0., 1., 0., 0., 0., 1.], [0.; 3]).unwrap();
            write(solid.mesh(), &mut bytes, &Ctx::default()).unwrap();
            let cut = cut % bytes.len();
            prop_assert!(read(&bytes[..cut], &Ctx::default()).is_err());
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(&bytes, &Ctx::default());
        }
    }

    #[test]
    fn an_ascii_file_with_other_properties_unit_and_frame_is_read() {
        let header = format!("comment UNIT=cm SPACE=RAS\n{TRIANGLE}element extra 1\nproperty int a\n");
        let file = ascii(&header, "0 9 0 0\n1 9 0 0\n0 9 2 0.5\n3 0 1 2\n7\n").unwrap();
        let mesh = &file.meshes[0].mesh;
        assert_eq!(mesh.vertices[2], Point::new(0.0, -20.0, 5.0));
        assert_eq!(mesh.vertices[1], Point::new(-10.0, 0.0, 0.0));
        assert_eq!(mesh.triangles, [[0, 1, 2]]);
    }

    #[test]
    fn big_endian_values_are_read() {
        let mut bytes = b"ply\nformat binary_big_endian 1.0\n".to_vec();
        bytes.extend(TRIANGLE.bytes());
        bytes.extend(b"end_header\n");
        for place in [[0.0_f32, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 2.0, 0.0]] {
            bytes.extend(place[0].to_be_bytes());
            bytes.push(200);
            bytes.extend(place[1].to_be_bytes());
            bytes.extend(place[2].to_be_bytes());
        }
        bytes.push(3);
        [0_i32, 1, 2].iter().for_each(|v| bytes.extend(v.to_be_bytes()));
        let mesh = &read(&bytes, &Ctx::default()).unwrap().meshes[0].mesh;
        assert_eq!(mesh.area(), 1.5);
    }

    #[test]
    fn a_face_of_more_corners_is_divided() {
        let quad = "0 9 0 0\n1 9 0 0\n1 9 2 0\n0 9 2 0\n";
        let file = ascii(&TRIANGLE.replace("vertex 3", "vertex 4"), &format!("{quad}4 0 1 2 3\n")).unwrap();
        assert_eq!(file.meshes[0].mesh.triangles, [[0, 1, 2], [0, 2, 3]]);
        assert_eq!(file.meshes[0].mesh.area(), 2.0);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let good = "0 9 0 0\n1 9 0 0\n0 9 2 0\n";
        let cases = [
            (TRIANGLE.to_owned(), format!("{good}3 0 1 3\n"), "mesh-file-index"),
            (TRIANGLE.to_owned(), format!("{good}3 0 1 -1\n"), "mesh-file-index"),
            (TRIANGLE.to_owned(), format!("{good}2 0 1\n"), "mesh-file-syntax"),
            (TRIANGLE.to_owned(), format!("{good}3 0 1"), "mesh-file-truncated"),
            (TRIANGLE.to_owned(), good.replace("2 0", "nan 0") + "3 0 1 2", "mesh-file-coordinate"),
            (TRIANGLE.to_owned(), good.replace("2 0", "1e31 0") + "3 0 1 2", "mesh-file-coordinate"),
            (TRIANGLE.replace("vertex 3", "vertex 99999999999"), good.to_owned(), "mesh-file-truncated"),
            (TRIANGLE.replace("face 1", "face 0"), good.to_owned(), "mesh-file-empty"),
            (TRIANGLE.replace("float y", "float t"), format!("{good}3 0 1 2"), "mesh-file-syntax"),
            (format!("comment UNIT=parsec\n{TRIANGLE}"), format!("{good}3 0 1 2"), "mesh-file-unit"),
        ];
        for (header, body, code) in cases {
            let refused = ascii(&header, &body).unwrap_err();
            assert_eq!(refused.code(), code, "{refused}");
        }
    }
}
