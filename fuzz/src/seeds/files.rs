//! Small volumes, structures, meshes and ZIPs.

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use osteon_core::{Affine, Ctx, Grid, Mask, Mesh, Point, Solid, Volume};
use osteon_io::mesh_file::{About, Object, Placed};
use osteon_io::nrrd::{Encoding, Segment};
use osteon_io::samples::Samples;
use osteon_io::{nifti, nrrd, ply, stl, threemf};
use std::borrow::Cow;
use std::io::{Cursor, Read as _, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A tilted grid of 3 × 2 × 2 voxels.
fn grid() -> Grid {
    let columns = [0.5, 0.0, 0.0, 0.0, 0.75, 0.0, 0.0, 0.25, 2.0];
    let map = Affine::new(glam::DMat3::from_cols_slice(&columns), glam::DVec3::new(-10.0, 20.0, 30.5));
    Grid::new([3, 2, 2], map).expect("a grid")
}

fn gunzipped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

/// NRRD, NIfTI and MetaImage, packed and not.
pub fn volumes() -> Vec<Vec<u8>> {
    let ctx = Ctx::default();
    let whole =
        Samples::I16(Volume::new(grid(), (0..12).map(|n| n * 300 - 1000).collect()).expect("12 samples"));
    let float = Samples::F32(
        Volume::new(grid(), (0..12_u8).map(|n| f32::from(n) / 3.0).collect()).expect("12 samples"),
    );
    let mut all = Vec::new();
    for volume in [&whole, &float] {
        for encoding in [Encoding::Raw, Encoding::Gzip] {
            let mut bytes = Vec::new();
            nrrd::write_samples(volume, &["made"], encoding, &mut bytes, &ctx).expect("memory takes it");
            all.push(bytes);
        }
        let mut bytes = Vec::new();
        nifti::write_volume(volume, &mut bytes, &ctx).expect("memory takes it");
        all.push(gunzipped(&bytes));
        all.push(bytes);
    }
    all.push(second_nifti());
    all.extend(metaimages());
    all
}

/// NIfTI-2 of 2 × 2 × 2 bytes, with a scale.
fn second_nifti() -> Vec<u8> {
    let mut bytes = vec![0; 544];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &540_i32.to_le_bytes());
    put(4, b"n+2\0\r\n\x1a\n");
    put(12, &2_i16.to_le_bytes());
    put(14, &8_i16.to_le_bytes());
    for (axis, size) in [3_i64, 2, 2, 2, 1, 1, 1, 1].into_iter().enumerate() {
        put(16 + 8 * axis, &size.to_le_bytes());
    }
    for axis in 0..8 {
        put(104 + 8 * axis, &1_f64.to_le_bytes());
    }
    put(168, &544_i64.to_le_bytes());
    put(176, &2_f64.to_le_bytes());
    put(184, &(-100_f64).to_le_bytes());
    // Scanner coordinates by the matrix; millimetres.
    put(348, &1_i32.to_le_bytes());
    for axis in 0..3 {
        put(400 + 40 * axis, &1_f64.to_le_bytes());
    }
    put(500, &2_i32.to_le_bytes());
    bytes.extend(0..8);
    bytes
}

fn metaimages() -> Vec<Vec<u8>> {
    let data: Vec<u8> = (0..24).collect();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&data).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let head = |compressed: &str, size: &str| {
        format!(
            "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
             CompressedData = {compressed}\n{size}TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = -1 2.5 3\n\
             CenterOfRotation = 0 0 0\nAnatomicalOrientation = RAI\nElementSpacing = 0.5 0.5 2\nDimSize = 3 2 2\n\
             ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
        )
    };
    let size = format!("CompressedDataSize = {}\n", packed.len());
    vec![[head("False", "").into_bytes(), data].concat(), [head("True", &size).into_bytes(), packed].concat()]
}

/// Two structures.
pub fn segments() -> Vec<u8> {
    let grid = grid();
    let segment = |id: &str, at: usize| Segment {
        id: id.to_owned(),
        name: format!("Bone {id}"),
        colour: [200, 100, at as u8],
        mask: Cow::Owned(Mask::where_true(&grid, |x, _, _| x == at)),
    };
    let mut bytes = Vec::new();
    let both = [segment("vertebra-L4", 0), segment("vertebra-L5", 1)];
    nrrd::write_segments(&grid, &both, &mut bytes, &Ctx::default()).expect("memory takes it");
    bytes
}

fn tetrahedron() -> Solid {
    let corners = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.5, 0.0], [0.0, 0.0, 2.25]];
    let vertices = corners.map(|[x, y, z]| Point::new(x, y, z)).to_vec();
    let triangles = vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]];
    Solid::new(Mesh { vertices, triangles }).expect("a solid")
}

/// A tetrahedron as STL, PLY and 3MF, binary and as text.
pub fn meshes() -> Vec<Vec<u8>> {
    let ctx = Ctx::default();
    let solid = tetrahedron();
    let mut binary_stl = Vec::new();
    stl::write(&solid, "made", &mut binary_stl, &ctx).expect("memory takes it");
    let mut binary_ply = Vec::new();
    ply::write(solid.mesh(), &mut binary_ply, &ctx).expect("memory takes it");
    let object = Object { name: "made", colour: [200, 100, 50], solid: &solid };
    let about = About { title: "made", application: "made", notes: &[("plan", "1")], placed: Placed::InPatient };
    let mut threemf = Vec::new();
    threemf::write(&[object], &about, None, &mut threemf, &ctx).expect("memory takes it");
    let mut obj = Vec::new();
    osteon_io::obj::write(&[object], &about, &mut obj, &ctx).expect("memory takes it");
    let mut glb = Vec::new();
    osteon_io::gltf::write(&[object], &about, &mut glb, &ctx).expect("memory takes it");
    let texts = [text_stl(&solid), text_ply(&solid)];
    let files = [binary_stl, binary_ply, threemf, stored(&threemf_parts()), obj, glb];
    files.into_iter().chain(texts).collect()
}

fn text_stl(solid: &Solid) -> Vec<u8> {
    let mesh = solid.mesh();
    let mut text = "solid made\n".to_owned();
    for triangle in &mesh.triangles {
        text += "facet normal 0 0 0\nouter loop\n";
        for &corner in triangle {
            let [x, y, z] = mesh.vertices[corner as usize].vec().to_array();
            text += &format!("vertex {x} {y} {z}\n");
        }
        text += "endloop\nendfacet\n";
    }
    (text + "endsolid made\n").into_bytes()
}

fn text_ply(solid: &Solid) -> Vec<u8> {
    let mesh = solid.mesh();
    let mut text = "ply\nformat ascii 1.0\ncomment UNIT=mm SPACE=RAS\nelement vertex 4\nproperty double x\n\
        property double y\nproperty float z\nproperty uchar red\nelement face 4\n\
        property list uchar int vertex_indices\nend_header\n"
        .to_owned();
    for vertex in &mesh.vertices {
        let [x, y, z] = vertex.vec().to_array();
        text += &format!("{x} {y} {z} 7\n");
    }
    for [a, b, c] in &mesh.triangles {
        text += &format!("3 {a} {b} {c}\n");
    }
    text.into_bytes()
}

/// The smallest 3MF with a build, a component and a transform, whose text the fuzzer can change.
fn threemf_parts() -> Vec<(&'static str, Vec<u8>)> {
    let types = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>"#;
    let relations = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/a.model" Id="r" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>"#;
    let model = r#"<?xml version="1.0"?><model unit="inch" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2013/02"><metadata name="Title">a &amp; b</metadata><resources><object id="1" type="model"><mesh><vertices><vertex x="0" y="0" z="0"/><vertex x="1" y="0" z="0"/><vertex x="0" y="1" z="0"/><vertex x="0" y="0" z="1e0"/></vertices><triangles><triangle v1="0" v2="2" v3="1"/><triangle v1="0" v2="1" v3="3"/><triangle v1="1" v2="2" v3="3"/><triangle v1="0" v2="3" v3="2"/></triangles></mesh></object><object id="2"><components><component objectid="1" transform="1 0 0 0 1 0 0 0 1 5 0 0"/></components></object></resources><build><item objectid="2"/></build></model>"#;
    vec![
        ("[Content_Types].xml", types.into()),
        ("_rels/.rels", relations.into()),
        ("3D/a.model", model.into()),
    ]
}

fn stored(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    zipped(parts, CompressionMethod::Stored)
}

fn zipped(parts: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method))
            .expect("memory takes it");
        zip.write_all(bytes).expect("memory takes it");
    }
    zip.finish().expect("memory takes it").into_inner()
}

/// Slices in a ZIP, deflated and stored, and with something else beside them.
pub fn zips(slices: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut parts: Vec<_> = ["a/1", "a/2", "b\\3"].into_iter().zip(slices.iter().cloned()).collect();
    let deflated = zipped(&parts, CompressionMethod::Deflated);
    parts.truncate(2);
    let plain = stored(&parts);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"not an image").expect("memory takes it");
    parts.push(("readme.gz", gzip.finish().expect("memory takes it")));
    vec![deflated, plain, zipped(&parts, CompressionMethod::Deflated)]
}
