//! STL: triangles without units, frame or connections.
//!
//! Written binary, with unit and frame in the 80-byte header as 3D Slicer does (`SPACE=LPS`); read binary and
//! ASCII. What is binary is told by the file's size, since many binary files begin with "solid" too.

use crate::mesh_error::MeshFileError;
use crate::mesh_file::{Declared, MeshFile, MeshFormat, NamedMesh, Placed, beyond};
use crate::weld::{Welded, weld};
use glam::{DVec3, Vec3};
use osteon_core::{Ctx, Finding, Mesh, Patient, Point, Severity, Solid};
use rayon::prelude::*;
use std::io::Write;

/// Bytes before the first triangle: 80 of text and the count.
const HEAD: usize = 84;

/// Bytes of a triangle: normal, three corners, and two bytes that mean nothing.
const RECORD: usize = 50;

/// Triangles encoded or decoded by one thread at a time.
const CHUNK: usize = 16_384;

/// Writes a solid as binary STL in LPS millimetres; `id` (short, ASCII) ends the header.
///
/// STL keeps 32-bit coordinates: at 1 m from the origin 0.00006 mm. A triangle with two corners that round
/// to one place is refused, since the surface would no longer be closed.
pub fn write(solid: &Solid, id: &str, out: &mut dyn Write, ctx: &Ctx) -> Result<(), MeshFileError> {
    write_as(solid, Placed::InPatient, id, out, ctx)
}

/// As [`write()`], for coordinates that may not be the patient's.
///
/// # Errors
/// As those of [`write()`].
pub fn write_as(
    solid: &Solid,
    placed: Placed,
    id: &str,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), MeshFileError> {
    let mesh = solid.mesh();
    let count = u32::try_from(mesh.triangles.len()).map_err(|_| MeshFileError::TooLarge {
        format: MeshFormat::Stl,
        what: "triangles",
        limit: u64::from(u32::MAX),
    })?;
    let corners: Vec<Vec3> = mesh.vertices.par_iter().map(|p| p.vec().as_vec3()).collect();
    if let Some(value) = mesh.vertices.iter().find_map(|p| beyond(p.vec())) {
        return Err(unreal(value));
    }
    out.write_all(&head(placed, id))?;
    out.write_all(&count.to_le_bytes())?;
    for (n, batch) in mesh.triangles.chunks(CHUNK * 8).enumerate() {
        let chunks: Vec<Result<Vec<u8>, MeshFileError>> =
            batch.par_chunks(CHUNK).map(|chunk| encode(chunk, &corners)).collect();
        for chunk in chunks {
            out.write_all(&chunk?)?;
        }
        ctx.done(((n + 1) * CHUNK * 8) as f64 / f64::from(count))?;
    }
    Ok(())
}

/// The 80 bytes of text: never "solid" in front, spaces behind.
fn head(placed: Placed, id: &str) -> [u8; 80] {
    let mut head = [b' '; 80];
    let id = id.chars().map(|c| if c.is_ascii_graphic() { c as u8 } else { b'_' });
    let text = format!("osteon {} ", placed.words());
    let text = text.bytes().chain(id);
    for (slot, byte) in head.iter_mut().zip(text) {
        *slot = byte;
    }
    head
}

fn encode(triangles: &[[u32; 3]], corners: &[Vec3]) -> Result<Vec<u8>, MeshFileError> {
    let mut bytes = vec![0_u8; triangles.len() * RECORD];
    for (record, triangle) in bytes.as_chunks_mut::<RECORD>().0.iter_mut().zip(triangles) {
        let [a, b, c] = triangle.map(|v| corners[v as usize]);
        if a == b || b == c || c == a {
            let near = if b == c { b } else { a };
            return Err(MeshFileError::Merged { near: Point::from_vec(near.as_dvec3()) });
        }
        // Edges are taken in 64 bits: far from the origin the cross product of 32-bit edges is noise.
        let [o, p, q] = [a, b, c].map(Vec3::as_dvec3);
        let normal = (p - o).cross(q - o).normalize_or_zero().as_vec3();
        let numbers = [normal, a, b, c].map(|v| v.to_array());
        for (slot, number) in record.as_chunks_mut::<4>().0.iter_mut().zip(numbers.as_flattened()) {
            *slot = number.to_le_bytes();
        }
    }
    Ok(bytes)
}

/// True when the content can only be STL: its size agrees with the binary count, or it begins as ASCII.
pub(crate) fn is_stl(bytes: &[u8]) -> bool {
    binary_count(bytes).is_some_and(|(count, size)| count > 0 && size == bytes.len() as u64)
        || is_ascii(bytes)
}

/// The count of a binary STL, and the size the file should have.
fn binary_count(bytes: &[u8]) -> Option<(u32, u64)> {
    let count = bytes.get(80..HEAD)?.first_chunk().map(|b| u32::from_le_bytes(*b))?;
    Some((count, HEAD as u64 + u64::from(count) * RECORD as u64))
}

fn is_ascii(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let solid = start.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"solid"));
    // Binary data have a zero byte in their first records, text never has.
    solid && !bytes[..bytes.len().min(512)].contains(&0)
}

/// Reads a binary or ASCII STL; corners that are equal bit for bit become one vertex.
///
/// Several solids in an ASCII file become one mesh. Normals are not used: the order of the corners says which
/// side is outside.
pub fn read(bytes: &[u8], ctx: &Ctx) -> Result<MeshFile, MeshFileError> {
    let binary = binary_count(bytes);
    let (declared, name, mut mesh, findings) = match binary {
        Some((count, size)) if size == bytes.len() as u64 => {
            let mut declared = Declared::default();
            declared.note(&String::from_utf8_lossy(&bytes[..80]))?;
            let mesh = read_binary(&bytes[HEAD..], count, ctx)?;
            (declared, String::new(), mesh, Vec::new())
        }
        _ if is_ascii(bytes) => read_ascii(bytes, ctx)?,
        Some((triangles, expected)) => {
            let actual = bytes.len() as u64;
            return Err(MeshFileError::Count { triangles, expected, actual });
        }
        None => {
            let within = format!("the header: it has {} bytes of at least {HEAD}", bytes.len());
            return Err(MeshFileError::Truncated { format: MeshFormat::Stl, within });
        }
    };
    if mesh.triangles.is_empty() {
        return Err(MeshFileError::Empty(MeshFormat::Stl));
    }
    declared.apply(&mut mesh);
    if let Some(value) = mesh.vertices.iter().find_map(|p| beyond(p.vec())) {
        return Err(unreal(value));
    }
    Ok(MeshFile {
        format: MeshFormat::Stl,
        declared,
        meshes: vec![NamedMesh { name, colour: None, mesh }],
        notes: Vec::new(),
        findings,
    })
}

fn unreal(value: f64) -> MeshFileError {
    MeshFileError::Coordinate { format: MeshFormat::Stl, value, near: None }
}

/// The corner that is a number in the first triangle that has one which is not.
fn beside_unreal(records: &[[u8; RECORD]]) -> Option<Point<Patient>> {
    let mut corners = records.iter().map(|record| {
        let numbers = record[12..48].as_chunks::<4>().0;
        [0, 3, 6].map(|n| Vec3::from_array([n, n + 1, n + 2].map(|i| f32::from_le_bytes(numbers[i]))))
    });
    let broken = corners.find(|corners| corners.iter().any(|corner| !corner.is_finite()))?;
    let sound = broken.iter().find(|corner| corner.is_finite())?;
    Some(Point::from_vec(sound.as_dvec3()))
}

fn read_binary(records: &[u8], count: u32, ctx: &Ctx) -> Result<Mesh, MeshFileError> {
    if count > u32::MAX / 3 {
        return Err(too_many());
    }
    let records = records.as_chunks::<RECORD>().0;
    let corners = |triangle: usize| {
        let numbers = records[triangle][12..48].as_chunks::<4>().0;
        // Adding zero makes the two zeros one.
        let bits = |i: usize| (f32::from_le_bytes(numbers[i]) + 0.0).to_bits();
        [[bits(0), bits(1), bits(2)], [bits(3), bits(4), bits(5)], [bits(6), bits(7), bits(8)]]
    };
    let Welded { places, triangles } = weld(records.len(), corners, ctx)?;
    let vertices = places.into_iter().map(|bits| {
        let [x, y, z] = bits.map(|bits| f64::from(f32::from_bits(bits)));
        match [x, y, z].into_iter().find(|n| !n.is_finite()) {
            Some(value) => Err(MeshFileError::Coordinate {
                format: MeshFormat::Stl,
                value,
                near: beside_unreal(records),
            }),
            None => Ok(Point::new(x, y, z)),
        }
    });
    Ok(Mesh { vertices: vertices.collect::<Result<_, _>>()?, triangles })
}

fn too_many() -> MeshFileError {
    MeshFileError::TooLarge { format: MeshFormat::Stl, what: "triangles", limit: u64::from(u32::MAX / 3) }
}

type Ascii = (Declared, String, Mesh, Vec<Finding>);

fn read_ascii(bytes: &[u8], ctx: &Ctx) -> Result<Ascii, MeshFileError> {
    let mut words = Words { bytes, at: 0, line: 1 };
    let mut declared = Declared::default();
    let (mut name, mut places) = (String::new(), Vec::new());
    let mut open = false;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"facet") {
            if places.len() >= u32::MAX as usize - 3 {
                return Err(too_many());
            }
            facet(&mut words, &mut places)?;
            if places.len() % CHUNK == 0 {
                ctx.done(0.5 * words.at as f64 / bytes.len() as f64)?;
            }
        } else if word.eq_ignore_ascii_case(b"solid") {
            let title = words.rest_of_line();
            declared.note(&title)?;
            if name.is_empty() {
                name = title.trim().to_owned();
            }
            open = true;
        } else if word.eq_ignore_ascii_case(b"endsolid") {
            words.rest_of_line();
            open = false;
        } else {
            return Err(words.unexpected(word, &["facet", "endsolid"]));
        }
    }
    let mut findings = Vec::new();
    if open {
        let message = format!("the ASCII STL has {} facets and no endsolid: it may be cut", places.len() / 3);
        let finding = Finding::new("stl-no-end", Severity::Caution, message);
        findings.push(finding.remedy("compare the model with its source, or export it again"));
    }
    let triangles = places.as_chunks::<3>().0;
    let corners = |triangle: usize| triangles[triangle].map(|p| p.to_array().map(f64::to_bits));
    let Welded { places, triangles } = weld(triangles.len(), corners, &ctx.part("weld", 0.5, 1.0))?;
    let place = |bits: [u64; 3]| Point::from_vec(DVec3::from_array(bits.map(f64::from_bits)));
    let mesh = Mesh { vertices: places.into_iter().map(place).collect(), triangles };
    Ok((declared, name, mesh, findings))
}

/// The rest of a facet after its first word.
fn facet(words: &mut Words<'_>, places: &mut Vec<DVec3>) -> Result<(), MeshFileError> {
    words.expect("normal")?;
    for _ in 0..3 {
        // Some programs write "nan" for the normal of a sliver; nobody needs it.
        words.needed()?;
    }
    words.expect("outer")?;
    words.expect("loop")?;
    for _ in 0..3 {
        words.expect("vertex")?;
        let [x, y, z] = [words.number()?, words.number()?, words.number()?];
        places.push(DVec3::new(x, y, z));
    }
    words.expect("endloop")?;
    words.expect("endfacet")
}

/// The words of an ASCII file; names in it may be in any encoding.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some(byte) = self.bytes.get(self.at).filter(|b| b.is_ascii_whitespace()) {
            self.line += usize::from(*byte == b'\n');
            self.at += 1;
        }
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(&rest[..length])
    }

    fn needed(&mut self) -> Result<&'a [u8], MeshFileError> {
        let line = self.line;
        self.next().ok_or_else(|| MeshFileError::Truncated {
            format: MeshFormat::Stl,
            within: format!("a facet, after line {line}"),
        })
    }

    fn expect(&mut self, word: &str) -> Result<(), MeshFileError> {
        let found = self.needed()?;
        if found.eq_ignore_ascii_case(word.as_bytes()) {
            return Ok(());
        }
        Err(self.unexpected(found, &[word]))
    }

    fn number(&mut self) -> Result<f64, MeshFileError> {
        let word = self.needed()?;
        let number = str::from_utf8(word).ok().and_then(|text| text.parse::<f64>().ok());
        match number {
            // Adding zero makes the two zeros one.
            Some(number) if number.is_finite() => Ok(number + 0.0),
            Some(number) => Err(unreal(number)),
            None => Err(self.unexpected(word, &["a number"])),
        }
    }

    fn rest_of_line(&mut self) -> String {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        self.at += length;
        String::from_utf8_lossy(&rest[..length]).into_owned()
    }

    /// The error for a word that is none of those wanted, or the front of one where the file ends.
    fn unexpected(&self, found: &[u8], wanted: &[&str]) -> MeshFileError {
        let format = MeshFormat::Stl;
        let line = self.line;
        if self.at == self.bytes.len() && wanted.iter().any(|word| word.as_bytes().starts_with(found)) {
            let within = format!("a word in line {line}");
            return MeshFileError::Truncated { format, within };
        }
        let found = String::from_utf8_lossy(&found[..found.len().min(40)]);
        let wanted = wanted.join(" or ");
        let what = format!("line {line} has \"{found}\" where {wanted} is expected");
        MeshFileError::Syntax { format, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh_file::{LengthUnit, Space};
    use crate::test_shapes::{ball, cuboid, skewed};
    use osteon_core::Explain;
    use proptest::prelude::*;

    fn written(solid: &Solid) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(solid, "L4-guide", &mut bytes, &Ctx::default()).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<MeshFile, MeshFileError> {
        super::read(bytes, &Ctx::default())
    }

    fn code(bytes: &[u8]) -> &'static str {
        read(bytes).unwrap_err().code()
    }

    const FACET: &str = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1.5e0 0 0\nvertex -0 2 0.1\nendloop\nendfacet\n";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_solid_returns_with_its_connections_and_rounded_coordinates(
            columns in prop::array::uniform9(-1e3..1e3), offset in prop::array::uniform3(-1e3..1e3)
        ) {
            let Some(solid) = skewed(columns, offset) else { return Ok(()) };
            let back = read(&written(&solid)).unwrap();
            let mesh = &back.meshes[0].mesh;
            prop_assert_eq!((mesh.vertices.len(), mesh.triangles.len()), (8, 12));
            for (&a, &b) in solid.mesh().triangles.iter().zip(&mesh.triangles) {
                for (p, q) in solid.mesh().corners(a).into_iter().zip(mesh.corners(b)) {
                    prop_assert_eq!(p.as_vec3().as_dvec3(), q);
                }
            }
            prop_assert!(Solid::new(mesh.clone()).is_ok());
        }

        #[test]
        fn a_damaged_file_never_panics(at in 0_usize..700, byte in 0_u8..=255, cut in 0_usize..700) {
            let mut bytes = written(&cuboid(DVec3::ONE, DVec3::ONE));
            prop_assert!(read(&bytes[..cut % bytes.len()]).is_err());
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(&bytes);
            let mut text = format!("solid x\n{FACET}{FACET}endsolid").into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let _ = read(&text);
        }
    }

    #[test]
    fn the_header_tells_unit_and_frame_and_is_read_back() {
        let bytes = written(&cuboid(DVec3::ZERO, DVec3::ONE));
        assert_eq!(bytes.len(), 84 + 12 * 50);
        assert!(bytes.starts_with(b"osteon UNIT=mm SPACE=LPS L4-guide   "));
        let declared = read(&bytes).unwrap().declared;
        assert_eq!(declared, Declared { unit: Some(LengthUnit::Millimetre), space: Some(Space::Lps) });
        let mut slicer = bytes;
        slicer[..80].fill(0);
        slicer[..27].copy_from_slice(b"3D Slicer output. SPACE=RAS");
        let back = read(&slicer).unwrap();
        assert_eq!(back.declared, Declared { unit: None, space: Some(Space::Ras) });
        assert_eq!(back.meshes[0].mesh.bounds().min, Point::new(-1.0, -1.0, 0.0));
    }

    #[test]
    fn a_triangle_smaller_than_the_format_can_tell_is_refused() {
        // At 1 m two 32-bit numbers are 6e-5 mm apart.
        let tiny = |size: f64| cuboid(DVec3::new(1000.0, 0.0, 0.0), DVec3::new(size, 1.0, 1.0));
        let refused = write(&tiny(1e-5), "", &mut Vec::new(), &Ctx::default()).unwrap_err();
        assert!(matches!(refused, MeshFileError::Merged { near } if near.vec().x == 1000.0), "{refused}");
        assert!(write(&tiny(1e-4), "", &mut Vec::new(), &Ctx::default()).is_ok());
    }

    #[test]
    fn the_file_is_the_same_at_any_number_of_threads() {
        let solid = ball(DVec3::new(3.0, 4.0, 5.0), 20.0, 90);
        let files = [1, 2, 7].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let bytes = pool.install(|| written(&solid));
            (pool.install(|| read(&bytes)).unwrap(), bytes)
        });
        assert!(files[0] == files[1] && files[0] == files[2]);
    }

    #[test]
    fn an_ascii_file_is_read_and_a_missing_end_is_told() {
        let whole =
            read(format!("  solid Becken UNIT=cm\n{FACET}{FACET}endsolid Becken\n").as_bytes()).unwrap();
        let mesh = &whole.meshes[0].mesh;
        assert_eq!((mesh.vertices.len(), mesh.triangles.len()), (3, 2));
        assert_eq!(mesh.vertices[2], Point::new(0.0, 20.0, 1.0));
        assert_eq!(whole.meshes[0].name, "Becken UNIT=cm");
        assert!(whole.findings.is_empty());
        let open = read(format!("SOLID\n{}", FACET.to_uppercase()).as_bytes()).unwrap();
        assert_eq!(open.findings[0].code, "stl-no-end");
    }

    #[test]
    fn a_binary_file_that_begins_with_solid_is_binary() {
        let mut bytes = written(&cuboid(DVec3::ZERO, DVec3::ONE));
        bytes[..6].copy_from_slice(b"solid ");
        assert_eq!(read(&bytes).unwrap().meshes[0].mesh.triangles.len(), 12);
        bytes.push(0);
        assert_eq!(code(&bytes), "mesh-file-count");
    }

    #[test]
    fn count_and_size_that_disagree_are_both_named() {
        let good = written(&cuboid(DVec3::ZERO, DVec3::ONE));
        for count in [0xffff_fff0_u32, 17, 8, 0] {
            let mut bad = good.clone();
            bad[80..84].copy_from_slice(&count.to_le_bytes());
            let refused = read(&bad).unwrap_err();
            assert_eq!(refused.code(), "mesh-file-count");
            let text = refused.to_string();
            assert!(text.contains(&format!(" {count} triangles")) && text.contains(" 684 bytes"), "{text}");
        }
    }

    #[test]
    fn what_is_no_surface_is_refused() {
        assert_eq!(code(b""), "mesh-file-truncated");
        assert_eq!(code(&[7; 50]), "mesh-file-truncated");
        assert_eq!(code(&[0; 84]), "mesh-file-empty");
        assert_eq!(code(b"solid empty\nendsolid empty\n"), "mesh-file-empty");
        for number in ["nan", "inf", "1e31", "-1e999"] {
            let text = format!("solid\n{}endsolid\n", FACET.replacen("2 0.1", &format!("2 {number}"), 1));
            assert_eq!(code(text.as_bytes()), "mesh-file-coordinate", "{number}");
        }
        for number in [f32::NAN, f32::INFINITY, 1e31] {
            let mut bytes = written(&cuboid(DVec3::ZERO, DVec3::ONE));
            bytes[96..100].copy_from_slice(&number.to_le_bytes());
            assert_eq!(code(&bytes), "mesh-file-coordinate", "{number}");
        }
        let text = format!("solid\n{FACET}{FACET}");
        for cut in [text.len() - 4, text.len() - 20, text.len() - 60, text.len() - 90] {
            assert_eq!(code(&text.as_bytes()[..cut]), "mesh-file-truncated", "{cut}");
        }
        assert_eq!(code(b"solid\nfacet normal 0 0 1\nouter loop\nvertex 0 zero 0"), "mesh-file-syntax");
        assert_eq!(code(format!("solid UNIT=parsec\n{FACET}").as_bytes()), "mesh-file-unit");
    }
}
