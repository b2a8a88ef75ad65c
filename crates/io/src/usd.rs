//! USDZ: a scene for phones and headsets, which show it life-size in the room.
//!
//! A USDZ is an uncompressed zip whose entries begin at multiples of 64 bytes; ours holds one scene as text (USDA).
//! Phones want +Y up, so axes are turned as in [`crate::gltf`]: x to the patient's left, y to the head, z to the
//! front, which mirrors nothing. Lengths stay millimetres, and the scene says so (`metersPerUnit = 0.001`). Positions
//! are 32-bit in every reader; those of each object are relative to the middle of its box, where a 64-bit translation
//! puts them. Written only: the other formats hold the same solids and say more.

use crate::gltf::linear;
use crate::mesh_error::MeshFileError;
use crate::mesh_file::{About, MeshFormat, NOTICE, Object, Placed, beyond};
use crate::threemf::number::{push_index, push_mm, steps};
use crate::threemf::package::Package;
use glam::DVec3;
use osteon_core::{Ctx, Mesh};
use rayon::prelude::*;
use std::fmt::Write as _;
use std::io::Write;

/// Entries begin at multiples of so many bytes, for readers that map the file into memory [usdz-specification].
const ALIGN: u64 = 64;

/// Vertices or triangles in one block: about a megabyte of text.
const BLOCK: usize = 20_000;

/// A direction or a length in LPS, in the scene's axes.
fn to_scene(v: DVec3) -> DVec3 {
    DVec3::new(v.x, v.z, -v.y)
}

/// Writes solids as one USDZ scene, each as a named and coloured mesh, life-size.
///
/// # Errors
/// A name of a note that a file cannot carry, a coordinate beyond reach, no objects, more than 4 GB, trouble with
/// writing, a stopped job.
pub fn write(
    objects: &[Object<'_>],
    about: &About<'_>,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), MeshFileError> {
    about.check()?;
    if objects.is_empty() {
        return Err(MeshFileError::Empty(MeshFormat::Usdz));
    }
    let mut pieces = vec![head(about).into_bytes()];
    let mut names: Vec<String> = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        let name = identifier(object.name, &names);
        let part =
            ctx.part(object.name, n as f64 / objects.len() as f64, (n + 1) as f64 / objects.len() as f64);
        pieces.extend(scene_of(object, &name, &part)?);
        names.push(name);
    }
    pieces.push(b"}\n".to_vec());
    let mut package = Package::new(MeshFormat::Usdz, out);
    package.aligned("model.usda", &pieces, ALIGN)?;
    package.finish()
}

fn head(about: &About<'_>) -> String {
    let mut text = format!(
        "#usda 1.0\n(\n    defaultPrim = \"Model\"\n    doc = {}\n    metersPerUnit = 0.001\n    upAxis = \"Y\"\n    \
         customLayerData = {{\n        string application = {}\n        string notice = {}\n        string title = {}\n",
        quoted(&format!("{} - {NOTICE}", about.title)),
        quoted(about.application),
        quoted(NOTICE),
        quoted(about.title)
    );
    if about.placed == Placed::InPatient {
        text.push_str("        string frame = \"x = patient left, y = head, z = front; from DICOM LPS\"\n");
    }
    for (name, value) in about.notes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "        string {} = {}", identifier(name, &[]), quoted(value));
    }
    text.push_str("    }\n)\n\ndef Xform \"Model\" (\n    kind = \"component\"\n)\n{\n");
    text
}

/// One object: its place, mesh and material, in pieces of text.
fn scene_of(object: &Object<'_>, name: &str, ctx: &Ctx) -> Result<Vec<Vec<u8>>, MeshFileError> {
    let mesh = object.solid.mesh();
    if let Some(value) = mesh.vertices.iter().find_map(|p| beyond(p.vec())) {
        return Err(MeshFileError::Coordinate { format: MeshFormat::Usdz, value, near: None });
    }
    let (bounds, middle) = (mesh.bounds(), mesh.bounds().middle().vec());
    let half = to_scene(bounds.size() / 2.0).abs();
    let at = to_scene(middle).to_array();
    let mut front = format!(
        "    def Xform {q}{name}{q} (\n        displayName = {}\n    )\n    {{\n        double3 xformOp:translate = \
         ({}, {}, {})\n        uniform token[] xformOpOrder = [\"xformOp:translate\"]\n\n        def Mesh \"Surface\" (\n            \
         prepend apiSchemas = [\"MaterialBindingAPI\"]\n        )\n        {{\n            uniform token subdivisionScheme = \
         \"none\"\n            rel material:binding = </Model/{name}/Material>\n",
        quoted(object.name),
        at[0],
        at[1],
        at[2],
        q = '"'
    );
    let [x, y, z] = half.to_array();
    let [r, g, b] = object.colour.map(linear);
    let _ = write!(
        front,
        "            float3[] extent = [({}, {}, {}), ({x}, {y}, {z})]\n            color3f[] primvars:displayColor = [({r}, \
         {g}, {b})]\n            int[] faceVertexCounts = [",
        -x, -y, -z
    );
    let mut pieces = vec![front.into_bytes()];
    let count = mesh.triangles.len();
    pieces.push(b"3, ".repeat(count - 1));
    pieces.push(b"3]\n            int[] faceVertexIndices = [".to_vec());
    pieces.extend(blocks(
        count,
        |n, text| {
            for (k, index) in mesh.triangles[n].iter().enumerate() {
                separate(n + k, text);
                push_index(text, *index);
            }
        },
        ctx,
    )?);
    ctx.done(0.3)?;
    pieces.push(b"]\n            point3f[] points = [".to_vec());
    pieces.extend(blocks(
        mesh.vertices.len(),
        |n, text| {
            separate(n, text);
            triple(to_scene(mesh.vertices[n].vec() - middle), text);
        },
        ctx,
    )?);
    ctx.done(0.6)?;
    let normals = normals(mesh);
    pieces.push(b"]\n            normal3f[] normals = [".to_vec());
    pieces.extend(blocks(
        normals.len(),
        |n, text| {
            separate(n, text);
            triple(to_scene(normals[n]), text);
        },
        ctx,
    )?);
    ctx.done(0.9)?;
    pieces.push(material(name, [r, g, b]).into_bytes());
    Ok(pieces)
}

fn material(name: &str, [r, g, b]: [f64; 3]) -> String {
    format!(
        "] (\n                interpolation = \"vertex\"\n            )\n        }}\n\n        def Material \"Material\"\n        {{\n            \
         token outputs:surface.connect = </Model/{name}/Material/Shader.outputs:surface>\n\n            def Shader \"Shader\"\n            {{\n                \
         uniform token info:id = \"UsdPreviewSurface\"\n                color3f inputs:diffuseColor = ({r}, {g}, {b})\n                \
         float inputs:metallic = 0\n                float inputs:roughness = 0.7\n                token outputs:surface\n            }}\n        \
         }}\n    }}\n"
    )
}

/// Text of `count` things in blocks, by all threads.
fn blocks(
    count: usize,
    print: impl Fn(usize, &mut Vec<u8>) + Sync,
    ctx: &Ctx,
) -> Result<Vec<Vec<u8>>, MeshFileError> {
    let starts: Vec<usize> = (0..count).step_by(BLOCK).collect();
    let block = |&from: &usize| {
        ctx.check()?;
        let mut text = Vec::new();
        for n in from..count.min(from + BLOCK) {
            print(n, &mut text);
        }
        Ok(text)
    };
    starts.par_iter().map(block).collect()
}

fn separate(n: usize, text: &mut Vec<u8>) {
    if n > 0 {
        text.extend_from_slice(b", ");
    }
}

/// Three numbers, to the 0.00001 that 32 bits tell within 100 mm.
fn triple(v: DVec3, text: &mut Vec<u8>) {
    text.push(b'(');
    for (n, value) in v.to_array().into_iter().enumerate() {
        separate(n, text);
        push_mm(text, steps(value));
    }
    text.push(b')');
}

/// The direction of the surface at every vertex: the mean of its triangles by area.
fn normals(mesh: &Mesh) -> Vec<DVec3> {
    let mut sums = vec![DVec3::ZERO; mesh.vertices.len()];
    for &triangle in &mesh.triangles {
        let [a, b, c] = mesh.corners(triangle);
        let normal = (b - a).cross(c - a);
        triangle.iter().for_each(|&v| sums[v as usize] += normal);
    }
    // The sum may be null at a blade's edge; any direction will do there.
    sums.into_iter().map(|sum| sum.try_normalize().unwrap_or(DVec3::Z)).collect()
}

/// A name as the scene's language allows it: letters, digits and `_`, no digit in front, none of those taken.
fn identifier(name: &str, taken: &[String]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut base: String = name.chars().map(plain).collect();
    if !base.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        base.insert(0, '_');
    }
    let mut unique = base.clone();
    let mut n = 2;
    while taken.contains(&unique) {
        unique = format!("{base}_{n}");
        n += 1;
    }
    unique
}

/// A text in quotation marks on one line.
fn quoted(text: &str) -> String {
    let mut safe = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{ball, cuboid};

    fn written(objects: &[Object<'_>]) -> Vec<u8> {
        let about = About {
            title: "L\"3",
            application: "osteon 0",
            notes: &[("plan-sha256", "9b1c")],
            placed: Placed::InPatient,
        };
        let mut bytes = Vec::new();
        write(objects, &about, &mut bytes, &Ctx::default()).unwrap();
        bytes
    }

    fn text(bytes: &[u8]) -> String {
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut entry = zip.by_index(0).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!(entry.data_start().unwrap() % ALIGN, 0);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
        text
    }

    /// The triples of a list in the scene.
    fn triples(text: &str, name: &str) -> Vec<DVec3> {
        let from = text.find(&format!("{name} = [")).unwrap() + name.len() + 4;
        let list = &text[from..from + text[from..].find(']').unwrap()];
        let numbers: Vec<f64> = list
            .split(['(', ')', ',', ' '])
            .filter(|word| !word.is_empty())
            .map(|n| n.parse().unwrap())
            .collect();
        numbers.chunks(3).map(DVec3::from_slice).collect()
    }

    #[test]
    fn places_return_to_the_patient_and_names_are_what_the_language_allows() {
        let (a, b) = (ball(DVec3::new(-312.5, 87.25, 1204.75), 40.0, 12), cuboid(DVec3::ZERO, DVec3::ONE));
        let object = |name, solid| Object { name, colour: [255, 0, 128], solid };
        let bytes = written(&[object("3 L", &a), object("3 L", &b)]);
        let text = text(&bytes);
        assert!(
            text.starts_with("#usda 1.0\n")
                && text.contains("metersPerUnit = 0.001")
                && text.contains("upAxis = \"Y\"")
        );
        assert!(text.contains("def Xform \"_3_L\"") && text.contains("def Xform \"_3_L_2\""));
        assert!(
            text.contains("string plan_sha256 = \"9b1c\"") && text.contains("title = \"L\\\"3\""),
            "{}",
            &text[..600]
        );
        let middle = a.mesh().bounds().middle().vec();
        assert!(text.contains(&format!("({}, {}, {})", middle.x, middle.z, -middle.y)));
        for (found, vertex) in triples(&text, "points").iter().zip(&a.mesh().vertices) {
            let back = DVec3::new(found.x, -found.z, found.y) + middle;
            // Half a step in each of three directions.
            assert!(back.distance(vertex.vec()) < 0.9e-5, "{back} {vertex:?}");
        }
        let outward = triples(&text, "normals")[0].dot(triples(&text, "points")[0]) / 40.0;
        assert!(outward > 0.99, "{outward}");
    }

    #[test]
    fn bytes_are_the_same_at_any_number_of_threads_and_nothing_is_refused() {
        let solid = ball(DVec3::ZERO, 20.0, 24);
        let object = [Object { name: "", colour: [0; 3], solid: &solid }];
        let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(single.install(|| written(&object)), written(&object));
        let about = About { title: "", application: "", notes: &[], placed: Placed::Unknown };
        let none = write(&[], &about, &mut Vec::new(), &Ctx::default());
        assert!(matches!(none, Err(MeshFileError::Empty(MeshFormat::Usdz))));
    }
}
