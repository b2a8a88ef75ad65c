//! GLB: a scene for viewers in the browser, on phones and in VR.
//!
//! glTF counts in metres, with +Y up and the front of a thing facing +Z. A patient standing there has
//!
//! ```text
//! glTF x = LPS x / 1000    (to the patient's left)
//! glTF y = LPS z / 1000    (to the head)
//! glTF z = −LPS y / 1000   (to the front)
//! ```
//!
//! which is a quarter turn about x: its determinant is +1, nothing is mirrored. Viewers keep 32-bit positions,
//! so those of each object are relative to the middle of its box, and the node's translation, written in
//! full, puts them in place: 32 bits then tell 0.00001 mm within 100 mm.
//!
//! Read (`read`) the same way back, whoever wrote it: metres become millimetres, and the axes are turned as
//! above. Only what lies in the file itself is read; no other file is opened.

mod head;
mod read;

pub use read::read;

use crate::mesh_error::MeshFileError;
use crate::mesh_file::{About, MeshFormat, NOTICE, Object, Placed};
use glam::{DVec3, Vec3};
use osteon_core::{Ctx, Mesh};
use serde_json::{Map, Value, json};
use std::io::Write;

/// Vertices or triangles between two questions whether to stop.
const CHUNK: usize = 65_536;

/// How our own files name their frame.
const FRAME: &str = "x = patient left, y = head, z = front; from DICOM LPS";

/// A direction or a length in LPS millimetres, in glTF's axes and metres.
fn to_gltf(v: DVec3) -> DVec3 {
    DVec3::new(v.x, v.z, -v.y) * 0.001
}

/// Writes solids as one binary glTF scene, one named node, mesh and material each.
pub fn write(
    objects: &[Object<'_>],
    about: &About<'_>,
    out: &mut dyn Write,
    ctx: &Ctx,
) -> Result<(), MeshFileError> {
    about.check()?;
    let mut parts = Parts::default();
    for (n, object) in objects.iter().enumerate() {
        let n_of = objects.len() as f64;
        parts.add(object, &ctx.part(object.name, n as f64 / n_of, (n + 1) as f64 / n_of))?;
    }
    let mut extras = Map::new();
    if about.placed == Placed::InPatient {
        extras.insert("frame".into(), FRAME.into());
    }
    extras.insert("unit".into(), "m".into());
    extras.insert("notice".into(), NOTICE.into());
    extras.insert("title".into(), about.title.into());
    for (name, text) in about.notes {
        extras.insert((*name).into(), (*text).into());
    }
    let nodes: Vec<usize> = (0..objects.len()).collect();
    let mut head = json!({
        "asset": { "version": "2.0", "generator": about.application, "extras": extras },
        "scene": 0,
        "scenes": [{ "name": about.title, "nodes": nodes }],
        "nodes": parts.nodes,
        "meshes": parts.meshes,
        "materials": parts.materials,
        "accessors": parts.accessors,
        "bufferViews": parts.views,
        "buffers": [{ "byteLength": parts.bytes.len() }],
    });
    if objects.is_empty() {
        // The schema knows no empty lists.
        head = json!({ "asset": head["asset"], "scene": 0, "scenes": [{ "name": about.title }] });
    }
    glb(&head, &parts.bytes, out)
}

/// Frames JSON and binary data as GLB; both are padded to four bytes.
fn glb(head: &Value, bytes: &[u8], out: &mut dyn Write) -> Result<(), MeshFileError> {
    let mut text = head.to_string();
    while !text.len().is_multiple_of(4) {
        text.push(' ');
    }
    let chunks = 12 + 8 + text.len() + if bytes.is_empty() { 0 } else { 8 + bytes.len() };
    let size = u32::try_from(chunks).map_err(|_| MeshFileError::Unsupported {
        format: MeshFormat::Glb,
        what: format!("{chunks} bytes in one file"),
    })?;
    out.write_all(b"glTF")?;
    out.write_all(&2_u32.to_le_bytes())?;
    out.write_all(&size.to_le_bytes())?;
    out.write_all(&(text.len() as u32).to_le_bytes())?;
    out.write_all(b"JSON")?;
    out.write_all(text.as_bytes())?;
    if !bytes.is_empty() {
        out.write_all(&(bytes.len() as u32).to_le_bytes())?;
        out.write_all(b"BIN\0")?;
        out.write_all(bytes)?;
    }
    Ok(())
}

/// The growing lists of a glTF file.
#[derive(Default)]
struct Parts {
    nodes: Vec<Value>,
    meshes: Vec<Value>,
    materials: Vec<Value>,
    accessors: Vec<Value>,
    views: Vec<Value>,
    bytes: Vec<u8>,
}

/// glTF's numbers for the type and the use of data.
const FLOAT: u32 = 5126;
const UNSIGNED: u32 = 5125;
const VERTICES: u32 = 34962;
const INDICES: u32 = 34963;

impl Parts {
    fn add(&mut self, object: &Object<'_>, ctx: &Ctx) -> Result<(), MeshFileError> {
        let mesh = object.solid.mesh();
        let middle = mesh.bounds().middle().vec();
        let n = self.nodes.len();
        let first = self.accessors.len();
        self.positions(mesh, middle, ctx)?;
        self.normals(mesh, ctx)?;
        self.indices(mesh, ctx)?;
        self.nodes.push(json!({
            "name": object.name,
            "mesh": n,
            "translation": to_gltf(middle).to_array(),
            "extras": { "middle_lps_mm": middle.to_array() },
        }));
        self.meshes.push(json!({
            "name": object.name,
            "primitives": [{
                "attributes": { "POSITION": first, "NORMAL": first + 1 },
                "indices": first + 2,
                "material": n,
            }],
        }));
        let [r, g, b] = object.colour.map(linear);
        self.materials.push(json!({
            "name": object.name,
            "pbrMetallicRoughness": {
                "baseColorFactor": [r, g, b, 1.0],
                "metallicFactor": 0.0,
                "roughnessFactor": 0.7,
            },
        }));
        Ok(())
    }

    fn positions(&mut self, mesh: &Mesh, middle: DVec3, ctx: &Ctx) -> Result<(), MeshFileError> {
        let from = self.bytes.len();
        self.bytes.reserve(mesh.vertices.len() * 24 + mesh.triangles.len() * 12);
        let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
        for (n, chunk) in mesh.vertices.chunks(CHUNK).enumerate() {
            for vertex in chunk {
                let place = to_gltf(vertex.vec() - middle).as_vec3();
                (low, high) = (low.min(place), high.max(place));
                self.push(place);
            }
            ctx.done(0.3 * (n * CHUNK) as f64 / mesh.vertices.len() as f64)?;
        }
        // Printed as 64-bit numbers the bounds read back as exactly the 32-bit ones.
        let [low, high] = [low, high].map(|v| v.as_dvec3().to_array());
        let about = json!({ "type": "VEC3", "count": mesh.vertices.len(), "min": low, "max": high });
        self.accessor(about, from, FLOAT, VERTICES);
        Ok(())
    }

    fn normals(&mut self, mesh: &Mesh, ctx: &Ctx) -> Result<(), MeshFileError> {
        // Longer cross products belong to larger triangles: the sum is weighted by area.
        let mut normals = vec![DVec3::ZERO; mesh.vertices.len()];
        for (n, chunk) in mesh.triangles.chunks(CHUNK).enumerate() {
            for &triangle in chunk {
                let [a, b, c] = mesh.corners(triangle);
                let normal = (b - a).cross(c - a);
                triangle.iter().for_each(|&v| normals[v as usize] += normal);
            }
            ctx.done(0.3 + 0.4 * (n * CHUNK) as f64 / mesh.triangles.len() as f64)?;
        }
        let from = self.bytes.len();
        for normal in normals {
            // The sum may be null at a blade's edge; glTF wants unit vectors.
            let unit = to_gltf(normal).try_normalize().unwrap_or(DVec3::Y);
            self.push(unit.as_vec3());
        }
        let about = json!({ "type": "VEC3", "count": mesh.vertices.len() });
        self.accessor(about, from, FLOAT, VERTICES);
        Ok(())
    }

    fn indices(&mut self, mesh: &Mesh, ctx: &Ctx) -> Result<(), MeshFileError> {
        let from = self.bytes.len();
        for chunk in mesh.triangles.chunks(CHUNK) {
            for index in chunk.as_flattened() {
                self.bytes.extend_from_slice(&index.to_le_bytes());
            }
            ctx.check()?;
        }
        let about = json!({ "type": "SCALAR", "count": mesh.triangles.len() * 3 });
        self.accessor(about, from, UNSIGNED, INDICES);
        Ok(())
    }

    fn push(&mut self, v: Vec3) {
        for number in v.to_array() {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Adds the view and the accessor of the bytes from `from` on.
    fn accessor(&mut self, mut about: Value, from: usize, kind: u32, target: u32) {
        about["bufferView"] = self.views.len().into();
        about["componentType"] = kind.into();
        let length = self.bytes.len() - from;
        self.views.push(json!({ "buffer": 0, "byteOffset": from, "byteLength": length, "target": target }));
        self.accessors.push(about);
    }
}

/// The linear share of light of an sRGB value.
pub(crate) fn linear(value: u8) -> f64 {
    let share = f64::from(value) / 255.0;
    let light = if share <= 0.04045 { share / 12.92 } else { libm::pow((share + 0.055) / 1.055, 2.4) };
    // Six digits are more than eight bits hold, and keep the file free of noise.
    (light * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{ball, cuboid};
    use glam::DMat3;

    fn written(objects: &[Object<'_>]) -> (Value, Vec<u8>) {
        let notes = [("plan-sha256", "9b1c")];
        let placed = Placed::InPatient;
        let about = About { title: "Knochen", application: "osteon 0", notes: &notes, placed };
        let mut bytes = Vec::new();
        write(objects, &about, &mut bytes, &Ctx::default()).unwrap();
        let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
        assert_eq!((&bytes[..4], word(4), word(8)), (&b"glTF"[..], 2, bytes.len()));
        let json = word(12);
        let head = serde_json::from_slice(&bytes[20..20 + json]).unwrap();
        let data = if bytes.len() > 20 + json { bytes[28 + json..].to_vec() } else { Vec::new() };
        assert_eq!(json % 4, 0);
        (head, data)
    }

    #[test]
    fn the_axes_are_turned_not_mirrored() {
        let map = DMat3::from_cols(to_gltf(DVec3::X), to_gltf(DVec3::Y), to_gltf(DVec3::Z));
        assert!((map.determinant() - 1e-9).abs() < 1e-24);
        assert_eq!(to_gltf(DVec3::new(0.0, 0.0, 1700.0)), DVec3::new(0.0, 1.7, 0.0));
    }

    #[test]
    fn positions_return_to_the_patient_within_a_hundred_thousandth_of_a_millimetre() {
        let solid = ball(DVec3::new(-312.3456789, 87.1, 1204.7), 40.0, 24);
        let object = Object { name: "Kopf", colour: [255, 128, 0], solid: &solid };
        let (head, data) = written(&[object]);
        let number = |v: &Value| v.as_f64().unwrap();
        let shift = DVec3::from_slice(
            &head["nodes"][0]["translation"].as_array().unwrap().iter().map(number).collect::<Vec<_>>(),
        );
        let floats = |view: usize| -> Vec<Vec3> {
            let from = head["bufferViews"][view]["byteOffset"].as_u64().unwrap() as usize;
            let size = head["bufferViews"][view]["byteLength"].as_u64().unwrap() as usize;
            let numbers = data[from..from + size].as_chunks().0.iter().map(|&b| f32::from_le_bytes(b));
            numbers.collect::<Vec<_>>().as_chunks().0.iter().map(|&v| Vec3::from_array(v)).collect()
        };
        let mesh = solid.mesh();
        let middle = mesh.bounds().middle().vec();
        for (place, vertex) in floats(0).iter().zip(&mesh.vertices) {
            let g = (place.as_dvec3() + shift) * 1000.0;
            let back = DVec3::new(g.x, -g.z, g.y);
            assert!(back.distance(vertex.vec()) < 1e-5);
        }
        // On a ball every normal is the direction from the middle, up to the facets' angle (7.5°).
        for (normal, vertex) in floats(1).iter().zip(&mesh.vertices) {
            let outward = to_gltf(vertex.vec() - middle).as_vec3().normalize();
            assert!(normal.dot(outward) > 0.99, "{normal} {outward}");
            assert!((normal.length() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn names_colours_notes_and_bounds_are_written() {
        let (a, b) = (cuboid(DVec3::ZERO, DVec3::ONE), cuboid(DVec3::splat(5.0), DVec3::splat(2.0)));
        let (head, data) = written(&[
            Object { name: "L4", colour: [255, 0, 128], solid: &a },
            Object { name: "L5", colour: [0, 0, 0], solid: &b },
        ]);
        assert_eq!(head["nodes"][1]["name"], "L5");
        assert_eq!(head["asset"]["extras"]["plan-sha256"], "9b1c");
        assert_eq!(head["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"][2], 0.215861);
        let bound = f64::from(0.001_f32);
        assert_eq!(head["accessors"][3]["max"], json!([bound, bound, bound]));
        assert_eq!(head["buffers"][0]["byteLength"], data.len());
        assert!(written(&[]).0.get("meshes").is_none());
    }
}
