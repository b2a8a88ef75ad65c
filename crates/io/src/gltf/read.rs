//! A GLB to meshes in LPS millimetres.
//!
//! The scene's nodes are walked without recursion; every number of the file is held against its bytes before
//! it is used. Vertices that viewers need apart for their normals are one again where they are equal bit for
//! bit.

use super::FRAME;
use super::head::{Accessor, Head, Node, Primitive};
use crate::mesh_error::MeshFileError;
use crate::mesh_file::{
    Declared, LengthUnit, MeshFile, MeshFormat, NamedMesh, Space, beyond, mirrored, most_placed,
};
use glam::{DMat3, DQuat, DVec3};
use osteon_core::frame::Part;
use osteon_core::{Affine, Ctx, Finding, Mesh, Patient, Point, Severity};

/// Bytes the description of a scene may have: one of a thousand objects takes one.
const MOST_HEAD: usize = 8 << 20;

/// Extensions that change how things look, not their shape, or that are read.
const KNOWN: [&str; 4] =
    ["KHR_mesh_quantization", "KHR_texture_transform", "KHR_lights_punctual", "KHR_texture_basisu"];

/// glTF's metres with +Y up to LPS millimetres, the inverse of how scenes are written.
const TO_PATIENT: Affine<Part, Patient> = Affine::new(
    DMat3::from_cols(
        DVec3::new(1000.0, 0.0, 0.0),
        DVec3::new(0.0, 0.0, 1000.0),
        DVec3::new(0.0, -1000.0, 0.0),
    ),
    DVec3::ZERO,
);

/// Reads a binary glTF 2.0 scene: one mesh for each node that has triangles.
///
/// A transform that mirrors also turns the triangles, so that outward stays outward, and gives a finding.
///
/// # Errors
/// What is cut, contradicts itself, needs another file or an extension that changes shapes.
pub fn read(bytes: &[u8], ctx: &Ctx) -> Result<MeshFile, MeshFileError> {
    let (text, data) = chunks(bytes)?;
    let head: Head = serde_json::from_slice(text).map_err(|e| damaged(format!("its description: {e}")))?;
    if !head.asset.version.starts_with("2.") {
        return Err(unsupported(format!("glTF version \"{}\"", short(&head.asset.version))));
    }
    let strange = |name: &&String| !KNOWN.contains(&name.as_str()) && !name.starts_with("KHR_materials_");
    if let Some(name) = head.extensions_required.iter().find(strange) {
        return Err(unsupported(format!("the extension \"{}\"", short(name))));
    }
    let scene = Scene { head: &head, data, most: most_placed(bytes.len()) };
    let (meshes, findings) = scene.meshes(ctx)?;
    if meshes.is_empty() {
        return Err(MeshFileError::Empty(MeshFormat::Glb));
    }
    let extras = head.asset.extras.as_object();
    let word = |name: &str| extras.and_then(|e| e.get(name)?.as_str());
    let space = (word("frame") == Some(FRAME)).then_some(Space::Lps);
    let declared = Declared { unit: Some(LengthUnit::Metre), space };
    let texts = extras.into_iter().flatten().filter(|(name, _)| *name != "frame" && *name != "unit");
    let notes = texts.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect();
    Ok(MeshFile { format: MeshFormat::Glb, declared, meshes, notes, findings })
}

/// The description and the binary data of a file.
fn chunks(bytes: &[u8]) -> Result<(&[u8], &[u8]), MeshFileError> {
    let word = |at: usize| bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b));
    let (Some(version), Some(length)) = (word(4), word(8)) else {
        return Err(cut("its header"));
    };
    if version != 2 {
        return Err(unsupported(format!("GLB version {version}")));
    }
    if (length as usize) > bytes.len() {
        return Err(cut(&format!("{length} bytes that it announces")));
    }
    if (length as usize) < bytes.len() {
        let more = bytes.len() - length as usize;
        return Err(damaged(format!("{more} bytes follow the {length} that it announces")));
    }
    let (mut head, mut data, mut at) = (None, &bytes[..0], 12);
    while at < bytes.len() {
        let (Some(size), Some(kind)) = (word(at), word(at + 4)) else {
            return Err(cut("the front of a chunk"));
        };
        let end = (at + 8).saturating_add(size as usize);
        let chunk = bytes.get(at + 8..end).ok_or_else(|| cut("a chunk"))?;
        match &kind.to_le_bytes() {
            b"JSON" if head.is_none() && at == 12 => head = Some(chunk),
            b"BIN\0" if head.is_some() && data.is_empty() => data = chunk,
            _ if head.is_none() => return Err(damaged("its description does not come first")),
            // The format lets readers pass over chunks they do not know.
            _ => {}
        }
        at = end;
    }
    let head = head.ok_or_else(|| cut("its description"))?;
    if head.len() > MOST_HEAD {
        let what = "bytes of description";
        return Err(MeshFileError::TooLarge { format: MeshFormat::Glb, what, limit: MOST_HEAD as u64 });
    }
    Ok((head, data))
}

/// The scene of a file with its data.
struct Scene<'a> {
    head: &'a Head,
    data: &'a [u8],
    /// Vertices and triangles that all nodes together may have.
    most: u64,
}

impl Scene<'_> {
    fn meshes(&self, ctx: &Ctx) -> Result<(Vec<NamedMesh>, Vec<Finding>), MeshFileError> {
        let (mut meshes, mut findings) = (Vec::new(), Vec::new());
        let (mut placed, mut thin, mut seen) = (0, 0, vec![false; self.head.nodes.len()]);
        let mut todo: Vec<(usize, Affine<Part, Patient>)> =
            self.roots()?.into_iter().rev().map(|n| (n, TO_PATIENT)).collect();
        while let Some((n, outer)) = todo.pop() {
            let node = self.head.nodes.get(n).ok_or_else(|| absent("node", n))?;
            // Nodes form trees; one that comes twice holds itself, or is there to multiply.
            if std::mem::replace(&mut seen[n], true) {
                return Err(damaged(format!("node {n} has two parents, or is within itself")));
            }
            let map = place(node, n)?.then(&outer);
            todo.extend(node.children.iter().rev().map(|&child| (child, map)));
            let Some(shape) = node.mesh else { continue };
            if node.skin.is_some() {
                return Err(unsupported("a mesh that is bent by a skeleton"));
            }
            let shape = self.head.meshes.get(shape).ok_or_else(|| absent("mesh", shape))?;
            if shape.weights.iter().chain(&node.weights).any(|weight| *weight != 0.0) {
                return Err(unsupported("a mesh that is shaped by weights"));
            }
            let name = node.name.clone().or_else(|| shape.name.clone()).unwrap_or_default();
            let mut loose = Mesh::default();
            for primitive in &shape.primitives {
                match self.add(primitive, &map, &mut loose)? {
                    Some(size) => placed += size,
                    None => thin += 1,
                }
                if placed > self.most {
                    let what = "vertices and triangles that nodes place";
                    return Err(MeshFileError::TooLarge { format: MeshFormat::Glb, what, limit: self.most });
                }
                ctx.check()?;
            }
            if loose.triangles.is_empty() {
                continue;
            }
            if map.mirrors() {
                findings.push(mirrored(&name));
            }
            let colour = shape.primitives.iter().find_map(|primitive| self.colour(primitive));
            meshes.push(NamedMesh { name, colour, mesh: joined(&loose) });
            ctx.done(seen.iter().filter(|seen| **seen).count() as f64 / seen.len() as f64)?;
        }
        if thin > 0 {
            let message =
                format!("{thin} pieces are points or lines, which have no surface, and were passed over");
            findings.push(Finding::new("gltf-without-surface", Severity::Note, message));
        }
        Ok((meshes, findings))
    }

    /// The outermost nodes of the scene that is shown first; of a file without scenes, all that have no parent.
    fn roots(&self) -> Result<Vec<usize>, MeshFileError> {
        let wanted = self.head.scene.unwrap_or(0);
        match self.head.scenes.get(wanted) {
            Some(scene) => Ok(scene.nodes.clone()),
            None if self.head.scene.is_some() => Err(absent("scene", wanted)),
            None => {
                let mut inner = vec![false; self.head.nodes.len()];
                for &child in self.head.nodes.iter().flat_map(|node| &node.children) {
                    *inner.get_mut(child).ok_or_else(|| absent("node", child))? = true;
                }
                Ok((0..inner.len()).filter(|&n| !inner[n]).collect())
            }
        }
    }

    /// Adds a piece of a mesh; how much it is, or `None` for points and lines.
    fn add(
        &self,
        primitive: &Primitive,
        map: &Affine<Part, Patient>,
        mesh: &mut Mesh,
    ) -> Result<Option<u64>, MeshFileError> {
        let mode = primitive.mode.unwrap_or(4);
        if mode < 4 {
            return Ok(None);
        }
        let positions = primitive.attributes.position.ok_or_else(|| damaged("a mesh has no positions"))?;
        let positions = self.values(positions, "VEC3", 3)?;
        let count = positions.count;
        let first = mesh.vertices.len();
        if first + count > u32::MAX as usize || count as u64 > self.most {
            let (format, what) = (MeshFormat::Glb, "vertices");
            return Err(MeshFileError::TooLarge { format, what, limit: u64::from(u32::MAX).min(self.most) });
        }
        let order = match primitive.indices {
            None => (0..count as u32).collect(),
            Some(accessor) => self.order(accessor, count)?,
        };
        for n in 0..count {
            let vertex = map.point(Point::from_vec(positions.place(n)));
            if let Some(value) = beyond(vertex.vec()) {
                return Err(MeshFileError::Coordinate { format: MeshFormat::Glb, value, near: None });
            }
            mesh.vertices.push(vertex);
        }
        let before = mesh.triangles.len();
        let turns = map.mirrors();
        let mut put = |[a, b, c]: [u32; 3]| {
            let [b, c] = if turns { [c, b] } else { [b, c] };
            mesh.triangles.push([a, b, c].map(|v| v + first as u32));
        };
        match mode {
            4 => {
                let (triangles, rest) = order.as_chunks();
                if !rest.is_empty() {
                    return Err(damaged(format!(
                        "triangles have {} corners, not a multiple of 3",
                        order.len()
                    )));
                }
                triangles.iter().copied().for_each(&mut put);
            }
            5 | 6 if order.len() < 3 => {}
            5 => {
                for (n, w) in order.windows(3).enumerate() {
                    // Every other triangle of a strip runs backwards; those with two equal corners only
                    // lead from one strip to the next.
                    if w[0] != w[1] && w[1] != w[2] && w[2] != w[0] {
                        put(if n % 2 == 0 { [w[0], w[1], w[2]] } else { [w[1], w[0], w[2]] });
                    }
                }
            }
            6 => order[1..].windows(2).for_each(|w| put([w[0], w[1], order[0]])),
            _ => return Err(damaged(format!("a mesh has the mode {mode}"))),
        }
        Ok(Some((count + mesh.triangles.len() - before) as u64))
    }

    /// The vertices that corners name, in their order.
    fn order(&self, accessor: usize, vertices: usize) -> Result<Vec<u32>, MeshFileError> {
        let values = self.values(accessor, "SCALAR", 1)?;
        if values.count as u64 > 3 * self.most {
            let (format, what) = (MeshFormat::Glb, "corners");
            return Err(MeshFileError::TooLarge { format, what, limit: 3 * self.most });
        }
        let index = |n: usize| {
            let bytes = values.at(n);
            match *bytes {
                [a] => u32::from(a),
                [a, b] => u32::from(u16::from_le_bytes([a, b])),
                [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
                _ => u32::MAX,
            }
        };
        if !matches!(values.kind, U8 | U16 | U32) {
            return Err(damaged(format!("indices are of the type {}", values.kind)));
        }
        let order: Vec<u32> = (0..values.count).map(index).collect();
        match order.iter().find(|&&v| v as usize >= vertices) {
            Some(&v) => Err(MeshFileError::Index { format: MeshFormat::Glb, index: i64::from(v), vertices }),
            None => Ok(order),
        }
    }

    /// The values of an accessor of this type, all within the data.
    fn values(&self, number: usize, shape: &str, numbers: usize) -> Result<Values<'_>, MeshFileError> {
        let accessor = self.head.accessors.get(number).ok_or_else(|| absent("accessor", number))?;
        if accessor.shape != shape {
            return Err(damaged(format!("accessor {number} is \"{}\", not {shape}", short(&accessor.shape))));
        }
        if accessor.sparse.is_some() {
            return Err(unsupported(format!("sparse values (accessor {number})")));
        }
        let view = accessor.buffer_view.ok_or_else(|| damaged(format!("accessor {number} has no data")))?;
        let view = self.head.buffer_views.get(view).ok_or_else(|| absent("buffer view", view))?;
        let buffer = self.head.buffers.get(view.buffer).ok_or_else(|| absent("buffer", view.buffer))?;
        if buffer.uri.is_some() || view.buffer != 0 {
            return Err(unsupported("data outside of the file"));
        }
        let size = kind_size(accessor.component_type)
            .ok_or_else(|| damaged(format!("accessor {number} has the type {}", accessor.component_type)))?;
        let element = size * numbers;
        let stride = view.byte_stride.unwrap_or(element);
        let whole = || cut(&format!("the {} values of accessor {number}", accessor.count));
        let most = buffer.byte_length.min(self.data.len());
        let end = view.byte_offset.checked_add(view.byte_length).filter(|&end| end <= most);
        let bytes = &self.data[view.byte_offset..end.ok_or_else(whole)?];
        let bytes = bytes.get(accessor.byte_offset..).ok_or_else(whole)?;
        if stride < element || accessor.count == 0 {
            return Err(damaged(format!(
                "accessor {number} has {} values every {stride} bytes",
                accessor.count
            )));
        }
        let last = (accessor.count - 1).checked_mul(stride).and_then(|start| start.checked_add(element));
        last.filter(|&last| last <= bytes.len()).ok_or_else(whole)?;
        let Accessor { count, component_type: kind, normalized, .. } = *accessor;
        Ok(Values { bytes, stride, element, count, kind, normalized })
    }

    /// The colour of a piece, if it has one.
    fn colour(&self, primitive: &Primitive) -> Option<[u8; 3]> {
        let material = self.head.materials.get(primitive.material?)?;
        let [r, g, b, _] = material.surface.as_ref()?.base_color_factor?;
        Some([r, g, b].map(shown_light))
    }
}

/// glTF's numbers for types of values.
const I8: u32 = 5120;
const U8: u32 = 5121;
const I16: u32 = 5122;
const U16: u32 = 5123;
const U32: u32 = 5125;
const F32: u32 = 5126;

const fn kind_size(kind: u32) -> Option<usize> {
    match kind {
        I8 | U8 => Some(1),
        I16 | U16 => Some(2),
        U32 | F32 => Some(4),
        _ => None,
    }
}

/// Values that have been found to lie within the data.
struct Values<'a> {
    bytes: &'a [u8],
    stride: usize,
    element: usize,
    count: usize,
    kind: u32,
    normalized: bool,
}

impl Values<'_> {
    fn at(&self, n: usize) -> &[u8] {
        &self.bytes[n * self.stride..n * self.stride + self.element]
    }

    /// A place, also of whole numbers (`KHR_mesh_quantization`).
    fn place(&self, n: usize) -> DVec3 {
        let bytes = self.at(n);
        let size = self.element / 3;
        let number = |axis: usize| {
            let b = &bytes[axis * size..(axis + 1) * size];
            let share =
                |value: f64, most: f64| if self.normalized { (value / most).max(-1.0) } else { value };
            match (self.kind, b) {
                (F32, &[p, q, r, s]) => f64::from(f32::from_le_bytes([p, q, r, s])),
                (I8, &[p]) => share(f64::from(p as i8), 127.0),
                (U8, &[p]) => share(f64::from(p), 255.0),
                (I16, &[p, q]) => share(f64::from(i16::from_le_bytes([p, q])), 32767.0),
                (U16, &[p, q]) => share(f64::from(u16::from_le_bytes([p, q])), 65535.0),
                _ => f64::NAN,
            }
        };
        // Adding zero makes the two zeros one.
        DVec3::new(number(0), number(1), number(2)) + 0.0
    }
}

/// The map of a node into its parent.
fn place(node: &Node, n: usize) -> Result<Affine<Part, Part>, MeshFileError> {
    let map = match (&node.matrix, node.rotation) {
        (Some(m), _) => {
            if [m[3], m[7], m[11], m[15]] != [0.0, 0.0, 0.0, 1.0] {
                return Err(damaged(format!("the matrix of node {n} is no affine map")));
            }
            let axes = [0, 4, 8].map(|at| DVec3::new(m[at], m[at + 1], m[at + 2]));
            Affine::new(DMat3::from_cols(axes[0], axes[1], axes[2]), DVec3::new(m[12], m[13], m[14]))
        }
        (None, rotation) => {
            let quaternion = DQuat::from_array(rotation.unwrap_or([0.0, 0.0, 0.0, 1.0]));
            // Writers keep four digits or more; dividing by the length is exact for what is meant.
            let length = quaternion.length();
            if length.is_nan() || (length - 1.0).abs() > 1e-3 {
                return Err(damaged(format!("the rotation of node {n} has the length {length}")));
            }
            let turn = DMat3::from_quat(quaternion * (1.0 / length));
            let scale = DMat3::from_diagonal(DVec3::from_array(node.scale.unwrap_or([1.0; 3])));
            Affine::new(turn * scale, DVec3::from_array(node.translation.unwrap_or([0.0; 3])))
        }
    };
    match map.inverse() {
        Some(_) => Ok(map),
        None => Err(damaged(format!("the transform of node {n} flattens what it places"))),
    }
}

/// The mesh with vertices that are equal bit for bit made one; unused ones are left out.
fn joined(loose: &Mesh) -> Mesh {
    let mut used = vec![false; loose.vertices.len()];
    loose.triangles.as_flattened().iter().for_each(|&v| used[v as usize] = true);
    let bits = |v: u32| (loose.vertices[v as usize].to_array().map(|c| (c + 0.0).to_bits()), v);
    let mut order: Vec<([u64; 3], u32)> =
        (0..used.len() as u32).filter(|&v| used[v as usize]).map(bits).collect();
    order.sort_unstable();
    let mut first = vec![0_u32; used.len()];
    for same in order.chunk_by(|a, b| a.0 == b.0) {
        same.iter().for_each(|&(_, v)| first[v as usize] = same[0].1);
    }
    let mut mesh = Mesh::default();
    let mut number = vec![0_u32; used.len()];
    for v in (0..used.len()).filter(|&v| used[v] && first[v] as usize == v) {
        number[v] = mesh.vertices.len() as u32;
        mesh.vertices.push(loose.vertices[v]);
    }
    mesh.triangles = loose.triangles.iter().map(|t| t.map(|v| number[first[v as usize] as usize])).collect();
    mesh
}

/// The sRGB value of a linear share of light.
fn shown_light(light: f64) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let share =
        if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * libm::pow(light, 1.0 / 2.4) - 0.055 };
    (share * 255.0).round() as u8
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn damaged(what: impl Into<String>) -> MeshFileError {
    MeshFileError::Syntax { format: MeshFormat::Glb, what: what.into() }
}

fn absent(kind: &str, number: usize) -> MeshFileError {
    damaged(format!("it has no {kind} {number}"))
}

fn unsupported(what: impl Into<String>) -> MeshFileError {
    MeshFileError::Unsupported { format: MeshFormat::Glb, what: what.into() }
}

fn cut(within: &str) -> MeshFileError {
    MeshFileError::Truncated { format: MeshFormat::Glb, within: within.to_owned() }
}
