//! OBJ: polygons as text, the file that modelling programs exchange.
//!
//! Written with unit and frame in a comment and coordinates with all their digits. Read: vertices and faces of
//! any number of corners, numbered from the front or from the back; texture, normals, smoothing and materials
//! are passed over, and no other file is opened. Objects and groups become meshes of their own as long as
//! they share no vertex: a surface whose patches have names stays one surface.

use crate::files::shown;
use crate::mesh_error::MeshFileError;
use crate::mesh_file::{About, Declared, MeshFile, MeshFormat, NOTICE, NamedMesh, Object, beyond};
use crate::polygon::Divider;
use glam::DVec3;
use osteon_core::{Ctx, Finding, Mesh, Point, Severity};
use std::io::Write;

/// Lines, vertices or faces between two questions whether to stop.
const CHUNK: usize = 1 << 14;

/// Writes solids, each as an object with its name, in LPS millimetres.
///
/// # Errors
/// A name of a note that a file cannot carry, too many vertices, trouble with writing, a stopped job.
pub fn write(
    objects: &[Object<'_>],
    about: &About<'_>,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), MeshFileError> {
    about.check()?;
    let total: usize = objects.iter().map(|object| object.solid.mesh().vertices.len()).sum();
    // Most readers take indices as signed.
    if total > i32::MAX as usize {
        let (format, what) = (MeshFormat::Obj, "vertices");
        return Err(MeshFileError::TooLarge { format, what, limit: i32::MAX as u64 });
    }
    writeln!(out, "# {} {}", line(about.application), about.placed.words())?;
    writeln!(out, "# {}", line(about.title))?;
    writeln!(out, "# {NOTICE}")?;
    for (name, text) in about.notes {
        writeln!(out, "# {name}: {}", line(text))?;
    }
    let mut first = 1;
    let mut text = Vec::new();
    for object in objects {
        let mesh = object.solid.mesh();
        writeln!(out, "o {}", line(object.name))?;
        for chunk in mesh.vertices.chunks(CHUNK) {
            text.clear();
            for [x, y, z] in chunk.iter().map(|p| p.to_array()) {
                writeln!(text, "v {x} {y} {z}")?;
            }
            out.write_all(&text)?;
            ctx.check()?;
        }
        for chunk in mesh.triangles.chunks(CHUNK) {
            text.clear();
            for [a, b, c] in chunk.iter().map(|t| t.map(|v| v as usize + first)) {
                writeln!(text, "f {a} {b} {c}")?;
            }
            out.write_all(&text)?;
            ctx.check()?;
        }
        first += mesh.vertices.len();
        ctx.done((first - 1) as f64 / total as f64)?;
    }
    Ok(())
}

/// A text that stays on its line; words that a reader would take for unit or frame lose their sign.
fn line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || c == '\\' { ' ' } else { c })
        .collect::<String>()
        .replace('=', " ")
}

/// True when the first line that says something begins like a line of an OBJ.
pub(crate) fn is_obj(bytes: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] = [b"v", b"vn", b"vt", b"vp", b"f", b"o", b"g", b"mtllib", b"usemtl"];
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default();
    let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    WORDS.contains(&word) && !line.contains(&0)
}

/// Reads an OBJ.
///
/// # Errors
/// What is no OBJ or contradicts itself: the number of the line, and what stands there.
pub fn read(bytes: &[u8], ctx: &Ctx) -> Result<MeshFile, MeshFileError> {
    let mut content = Content::default();
    let mut lines = Lines { rest: bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), number: 0 };
    let mut joined = Vec::new();
    let mut count = 0;
    while let Some(line) = lines.next(&mut joined) {
        content.line(line, lines.number)?;
        count += 1;
        if count % CHUNK == 0 {
            ctx.done(0.5 - 0.5 * lines.rest.len() as f64 / bytes.len() as f64)?;
        }
    }
    if content.faces.is_empty() {
        return Err(MeshFileError::Empty(MeshFormat::Obj));
    }
    content.place()?;
    content.join_sections();
    let (meshes, crossed) = content.meshes(&ctx.part("faces", 0.5, 1.0))?;
    let findings = content.findings().into_iter().chain(crossed).collect();
    Ok(MeshFile { format: MeshFormat::Obj, declared: content.declared, meshes, notes: Vec::new(), findings })
}

/// The lines of a file; one that ends with a backslash goes on in the next.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    fn single(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.rest.iter().position(|&b| b == b'\n').unwrap_or(self.rest.len());
        let line = &self.rest[..length];
        self.rest = &self.rest[(length + 1).min(self.rest.len())..];
        self.number += 1;
        Some(line.trim_ascii())
    }

    fn next<'b>(&mut self, joined: &'b mut Vec<u8>) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let mut line = self.single()?;
        if !line.ends_with(b"\\") || line.starts_with(b"#") {
            return Some(line);
        }
        joined.clear();
        while let Some(front) = line.strip_suffix(b"\\") {
            joined.extend_from_slice(front);
            joined.push(b' ');
            line = self.single().unwrap_or_default();
        }
        joined.extend_from_slice(line);
        Some(joined)
    }
}

/// A face: where its corners begin, and the section it is in.
struct Face {
    start: usize,
    section: u32,
}

/// A stretch of the file with one object and one group.
struct Section {
    object: Option<String>,
    group: Option<String>,
    /// A section before this one with which it shares vertices, or itself.
    joined: u32,
}

/// What the lines say.
#[derive(Default)]
struct Content {
    declared: Declared,
    vertices: Vec<DVec3>,
    corners: Vec<u32>,
    faces: Vec<Face>,
    sections: Vec<Section>,
    /// Lines with points or open lines, which have no surface.
    thin: usize,
    /// Faces that name a vertex twice in a row and have fewer than three corners without that.
    collapsed: usize,
    joined: usize,
}

impl Content {
    fn line(&mut self, line: &[u8], number: usize) -> Result<(), MeshFileError> {
        if let Some(comment) = line.strip_prefix(b"#") {
            return self.declared.note(&String::from_utf8_lossy(comment));
        }
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        match words.next().unwrap_or_default() {
            b"v" => self.vertex(words, number),
            b"f" | b"fo" => self.face(words, number),
            b"o" => {
                let object = Some(name(&line[1..]));
                self.sections.push(Section { object, group: None, joined: 0 });
                Ok(())
            }
            b"g" => {
                let object = self.sections.last().and_then(|section| section.object.clone());
                self.sections.push(Section { object, group: Some(name(&line[1..])), joined: 0 });
                Ok(())
            }
            b"p" | b"l" => {
                self.thin += 1;
                Ok(())
            }
            b"" | b"vt" | b"vn" | b"s" | b"mg" | b"mtllib" | b"usemtl" | b"maplib" | b"usemap" | b"bevel"
            | b"c_interp" | b"d_interp" | b"lod" | b"shadow_obj" | b"trace_obj" => Ok(()),
            b"vp" | b"cstype" | b"deg" | b"bmat" | b"step" | b"curv" | b"curv2" | b"surf" | b"parm"
            | b"trim" | b"hole" | b"scrv" | b"sp" | b"end" | b"con" | b"ctech" | b"stech" => {
                Err(unsupported(format!("a free-form curve or surface (line {number})")))
            }
            b"call" | b"csh" => Err(unsupported(format!("another file or program (line {number})"))),
            word => Err(syntax(number, &format!("begins with {}", quoted(word)))),
        }
    }

    fn vertex<'a>(
        &mut self,
        words: impl Iterator<Item = &'a [u8]>,
        line: usize,
    ) -> Result<(), MeshFileError> {
        // A weight or a colour may follow; neither moves the place.
        let mut numbers = [0.0; 3];
        let mut count = 0;
        for word in words {
            let number = str::from_utf8(word).ok().and_then(|text| text.parse::<f64>().ok());
            let number = number.ok_or_else(|| syntax(line, &format!("has {} for a number", quoted(word))))?;
            if let Some(slot) = numbers.get_mut(count) {
                // Adding zero makes the two zeros one.
                *slot = number + 0.0;
            }
            count += 1;
        }
        if count < 3 {
            return Err(syntax(line, &format!("has a vertex of {count} numbers")));
        }
        if self.vertices.len() >= u32::MAX as usize {
            let (format, what) = (MeshFormat::Obj, "vertices");
            return Err(MeshFileError::TooLarge { format, what, limit: u64::from(u32::MAX) });
        }
        self.vertices.push(DVec3::from_array(numbers));
        Ok(())
    }

    fn face<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>, line: usize) -> Result<(), MeshFileError> {
        let start = self.corners.len();
        let mut named = 0;
        for word in words {
            let vertex = self.corner(word, line)?;
            named += 1;
            if self.corners[start..].last() != Some(&vertex) {
                self.corners.push(vertex);
            }
        }
        if named < 3 {
            return Err(syntax(line, &format!("has a face of {named} corners")));
        }
        if self.corners.len() - start > 1 && self.corners.last() == Some(&self.corners[start]) {
            self.corners.pop();
        }
        if self.corners.len() - start < 3 {
            self.corners.truncate(start);
            self.collapsed += 1;
            return Ok(());
        }
        if self.sections.is_empty() {
            self.sections.push(Section { object: None, group: None, joined: 0 });
        }
        self.faces.push(Face { start, section: self.sections.len() as u32 - 1 });
        Ok(())
    }

    /// The vertex that a corner names: `7`, `7/1`, `7//3`, `7/1/3`, or −1 for the latest.
    fn corner(&self, word: &[u8], line: usize) -> Result<u32, MeshFileError> {
        let front = word.split(|&b| b == b'/').next().unwrap_or_default();
        let number = str::from_utf8(front).ok().and_then(|text| text.parse::<i64>().ok());
        let number = number.ok_or_else(|| syntax(line, &format!("has {} for a corner", quoted(word))))?;
        let count = self.vertices.len() as i64;
        let vertex = if number < 0 { count.checked_add(number) } else { number.checked_sub(1) };
        // A vertex may be given after the face that names it; whether it is there is seen at the end.
        let vertex = vertex.filter(|&v| v >= 0).and_then(|v| u32::try_from(v).ok());
        vertex.ok_or(MeshFileError::Index {
            format: MeshFormat::Obj,
            index: number,
            vertices: count as usize,
        })
    }

    /// Turns the vertices to millimetres in the patient, and checks that those named are there.
    fn place(&mut self) -> Result<(), MeshFileError> {
        let factors = self.declared.factors();
        for vertex in &mut self.vertices {
            *vertex *= factors;
            if let Some(value) = beyond(*vertex) {
                return Err(MeshFileError::Coordinate { format: MeshFormat::Obj, value, near: None });
            }
        }
        let vertices = self.vertices.len();
        match self.corners.iter().find(|&&v| v as usize >= vertices) {
            Some(&v) => {
                let index = i64::from(v) + 1;
                Err(MeshFileError::Index { format: MeshFormat::Obj, index, vertices })
            }
            None => Ok(()),
        }
    }

    /// The corners of a face.
    fn face_corners(&self, face: usize) -> &[u32] {
        let end = self.faces.get(face + 1).map_or(self.corners.len(), |next| next.start);
        &self.corners[self.faces[face].start..end]
    }

    /// Joins sections that share a vertex, to the first of them.
    fn join_sections(&mut self) {
        let mut joined: Vec<u32> = (0..self.sections.len() as u32).collect();
        let mut owner = vec![u32::MAX; self.vertices.len()];
        let mut unions = 0;
        for face in 0..self.faces.len() {
            for &vertex in self.face_corners(face) {
                let owner = &mut owner[vertex as usize];
                let section = root(&mut joined, self.faces[face].section);
                if *owner == u32::MAX {
                    *owner = section;
                } else {
                    let other = root(&mut joined, *owner);
                    joined[section.max(other) as usize] = section.min(other);
                    unions += usize::from(section != other);
                }
            }
        }
        self.joined = unions;
        for n in 0..joined.len() as u32 {
            let first = root(&mut joined, n);
            self.sections[n as usize].joined = first;
        }
    }

    fn meshes(&self, ctx: &Ctx) -> Result<(Vec<NamedMesh>, Option<Finding>), MeshFileError> {
        let mut number = vec![usize::MAX; self.sections.len()];
        let mut meshes: Vec<NamedMesh> = Vec::new();
        let mut owner = vec![usize::MAX; self.vertices.len()];
        for (n, face) in self.faces.iter().enumerate() {
            let first = self.sections[face.section as usize].joined as usize;
            if number[first] == usize::MAX {
                number[first] = meshes.len();
                let section = &self.sections[first];
                let name = section.object.as_ref().or(section.group.as_ref());
                let name = name.cloned().unwrap_or_default();
                meshes.push(NamedMesh { name, colour: None, mesh: Mesh::default() });
            }
            self.face_corners(n).iter().for_each(|&v| owner[v as usize] = number[first]);
        }
        ctx.done(0.2)?;
        // Vertices keep the order of the file.
        let mut local = vec![0_u32; self.vertices.len()];
        for (vertex, &mesh) in owner.iter().enumerate().filter(|(_, mesh)| **mesh != usize::MAX) {
            let vertices = &mut meshes[mesh].mesh.vertices;
            local[vertex] = vertices.len() as u32;
            vertices.push(Point::from_vec(self.vertices[vertex]));
        }
        let mut divider = Divider::new(MeshFormat::Obj);
        let mut triangles = Vec::new();
        for n in 0..self.faces.len() {
            let corners = self.face_corners(n);
            triangles.clear();
            divider.divide(corners, |v| self.vertices[v as usize], &mut triangles, ctx)?;
            let mesh = &mut meshes[owner[corners[0] as usize]].mesh;
            mesh.triangles.extend(triangles.iter().map(|t| t.map(|v| local[v as usize])));
            if n % CHUNK == 0 {
                ctx.done(0.2 + 0.8 * n as f64 / self.faces.len() as f64)?;
            }
        }
        Ok((meshes, divider.finding()))
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut note = |code: &str, severity, count: usize, what: &str| {
            if count > 0 {
                findings.push(Finding::new(code, severity, format!("{count} {what}")));
            }
        };
        let thin = "lines with points or open lines have no surface and were passed over";
        note("obj-without-surface", Severity::Note, self.thin, thin);
        let collapsed = "faces name fewer than three different corners in a row and were left out";
        note("mesh-face-collapsed", Severity::Note, self.collapsed, collapsed);
        let joined =
            "groups or objects share vertices with one before them and were read as one mesh with it";
        note("obj-groups-joined", Severity::Note, self.joined, joined);
        findings
    }
}

fn root(joined: &mut [u32], mut n: u32) -> u32 {
    while joined[n as usize] != n {
        joined[n as usize] = joined[joined[n as usize] as usize];
        n = joined[n as usize];
    }
    n
}

fn name(text: &[u8]) -> String {
    String::from_utf8_lossy(text.trim_ascii()).into_owned()
}

fn quoted(word: &[u8]) -> String {
    format!("\"{}\"", shown(&String::from_utf8_lossy(&word[..word.len().min(40)])))
}

fn syntax(line: usize, what: &str) -> MeshFileError {
    MeshFileError::Syntax { format: MeshFormat::Obj, what: format!("line {line} {what}") }
}

fn unsupported(what: String) -> MeshFileError {
    MeshFileError::Unsupported { format: MeshFormat::Obj, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh_file::Placed;
    use crate::mesh_file::{LengthUnit, Space};
    use crate::test_shapes::{ball, cuboid};
    use osteon_core::{Explain, Solid};
    use proptest::prelude::*;

    const ABOUT: About<'_> = About {
        title: "UNIT=inch\nv 1 2 3",
        application: "osteon 0",
        notes: &[("a", "b")],
        placed: Placed::InPatient,
    };

    fn read(text: &str) -> Result<MeshFile, MeshFileError> {
        super::read(text.as_bytes(), &Ctx::default())
    }

    fn written(objects: &[Object<'_>]) -> String {
        let mut bytes = Vec::new();
        write(objects, &ABOUT, &mut bytes, &Ctx::default()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn solids_return_bit_for_bit_with_names_unit_and_frame() {
        let (a, b) = (ball(DVec3::new(0.1, -77.7, 1e3), 9.0, 12), cuboid(DVec3::ZERO, DVec3::ONE));
        let colour = [0; 3];
        let file = read(&written(&[
            Object { name: "left femur", colour, solid: &a },
            Object { name: "peg\nv 0 0 0", colour, solid: &b },
        ]))
        .unwrap();
        assert_eq!(file.declared, Declared { unit: Some(LengthUnit::Millimetre), space: Some(Space::Lps) });
        let names: Vec<&str> = file.meshes.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["left femur", "peg v 0 0 0"]);
        assert_eq!((&file.meshes[0].mesh, &file.meshes[1].mesh), (a.mesh(), b.mesh()));
    }

    /// A box of 1 × 2 × 3 mm with faces of four corners, numbered from the front.
    const BOX: &str = "v 0 0 0\nv 1 0 0\nv 1 2 0\nv 0 2 0\nv 0 0 3\nv 1 0 3\nv 1 2 3\nv 0 2 3\n\
        f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n";

    fn volume(text: &str) -> f64 {
        Solid::new(read(text).unwrap().meshes.remove(0).mesh).unwrap().volume()
    }

    #[test]
    fn corners_are_numbered_from_the_front_or_the_back_with_anything_behind_a_slash() {
        assert_eq!(volume(BOX), 6.0);
        let back = BOX.replace("f 1 4 3 2", "f -8 -5 -6 -7").replace("f 5 6 7 8", "f 5/1 6//2 7/3/4 8/");
        assert_eq!(volume(&back), 6.0);
        let others = "# UNIT=cm\nmtllib ../../etc/passwd\nusemtl bone\ns 1\nvt 0 0\nvn 0 0 1\n";
        let spread = BOX.replace("f 1 2 6 5", "f 1 2 \\\r\n6 5").replace('\n', "\r\n");
        assert!((volume(&format!("\u{feff}{others}{spread}")) - 6000.0).abs() < 1e-9);
        assert_eq!(read(&format!("{others}{BOX}")).unwrap().declared.unit, Some(LengthUnit::Centimetre));
        // Colours behind the place; a face before its vertices.
        assert_eq!(volume(&BOX.replace("v 1 2 3", "v 1 2 3 0.5 0.5 0.5")), 6.0);
        let (vertices, faces) = BOX.split_at(BOX.find('f').unwrap());
        assert_eq!(volume(&format!("{faces}{vertices}")), 6.0);
    }

    #[test]
    fn groups_that_share_vertices_are_one_surface_and_others_are_not() {
        let patches = format!("g a\n{}", BOX.replace("f 1 2 6 5", "g b c\nf 1 2 6 5"));
        let file = read(&patches).unwrap();
        assert_eq!((file.meshes.len(), file.meshes[0].name.as_str()), (1, "a"));
        assert_eq!(file.findings[0].code, "obj-groups-joined");
        let later = |word: &str| word.parse::<u32>().map_or(word.to_owned(), |v| (v + 8).to_string());
        let shifted = |line: &str| line.split(' ').map(later).collect::<Vec<_>>().join(" ");
        let faces = |line: &str| if line.starts_with('f') { shifted(line) } else { line.to_owned() };
        let other: String = BOX.lines().map(|line| faces(line) + "\n").collect();
        let two = format!("o one\n{BOX}o two\n{other}");
        let file = read(&two).unwrap();
        assert_eq!(file.meshes.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(file.meshes[1].mesh.triangles.len(), 12);
        assert!(file.findings.is_empty());
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_its_line() {
        let cases = [
            (BOX.replace("f 1 4", "f 0 4"), "mesh-file-index", "vertex 0 of 8"),
            (BOX.replace("f 1 4", "f 9 4"), "mesh-file-index", "vertex 9 of 8"),
            (BOX.replace("f 1 4", "f -9 4"), "mesh-file-index", "vertex -9 of 8"),
            (BOX.replace("f 1 4 3 2", "f 1 4"), "mesh-file-syntax", "line 9 has a face of 2 corners"),
            (BOX.replace("f 1 4 3 2", "f 1 4 x"), "mesh-file-syntax", "\"x\""),
            (BOX.replace("v 1 2 3", "v 1 2"), "mesh-file-syntax", "line 7 has a vertex of 2 numbers"),
            (BOX.replace("v 1 2 3", "v 1 2,5 3"), "mesh-file-syntax", "2,5"),
            (BOX.replace("v 1 2 3", "v 1 nan 3"), "mesh-file-coordinate", "NaN"),
            (BOX.replace("v 1 2 3", "v 1 1e31 3"), "mesh-file-coordinate", "10 km"),
            (format!("{BOX}call other.obj"), "mesh-file-unsupported", "line 15"),
            (format!("{BOX}cstype bezier"), "mesh-file-unsupported", "free-form"),
            (format!("{BOX}what is this"), "mesh-file-syntax", "\"what\""),
            ("v 0 0 0\np 1\n".to_owned(), "mesh-file-empty", "OBJ"),
            (format!("# UNIT=parsec\n{BOX}"), "mesh-file-unit", "parsec"),
        ];
        for (text, code, said) in cases {
            let refused = read(&text).unwrap_err();
            assert_eq!(refused.code(), code, "{refused}");
            assert!(refused.to_string().contains(said), "{refused}");
        }
    }

    #[test]
    fn what_has_no_surface_is_passed_over_and_told() {
        let file = read(&format!("{BOX}l 1 2\np 1\nf 1 1 2\n")).unwrap();
        let told: Vec<&str> = file.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(told, ["obj-without-surface", "mesh-face-collapsed"]);
        assert_eq!(file.meshes[0].mesh.triangles.len(), 12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_damaged_file_never_panics(at in 0_usize..BOX.len(), byte in 0_u8..=255, cut in 0_usize..BOX.len()) {
            let mut bytes = BOX.as_bytes().to_vec();
            bytes[at] = byte;
            for bytes in [&bytes[..], &bytes[..cut]] {
                if let Ok(file) = super::read(bytes, &Ctx::default()) {
                    for named in &file.meshes {
                        let count = named.mesh.vertices.len();
                        prop_assert!(named.mesh.triangles.as_flattened().iter().all(|&v| (v as usize) < count));
                    }
                }
            }
        }
    }
}
