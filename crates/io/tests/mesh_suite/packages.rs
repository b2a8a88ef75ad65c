//! 3MF and GLB: units, transforms, and packages made to do harm.

use super::make::{SIZE, VOLUME, mesh};
use super::{Body, Case, Wanted, case};
use osteon_io::mesh_file::MeshFormat::{Glb, ThreeMf};
use serde_json::{Value, json};
use std::io::{Cursor, Write};

const SYNTAX: &str = "mesh-file-syntax";
const LARGE: &str = "mesh-file-too-large";
const ODD: &str = "mesh-file-unsupported";

const fn model_of(volume: f64, findings: &'static [&'static str]) -> Wanted {
    Wanted::Read(ThreeMf, Body::Solid(volume), findings)
}

const RELATIONS: &str = "<Relationships><Relationship Target='/3D/3dmodel.model' Id='r' \
    Type='http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel'/></Relationships>";

fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in [("_rels/.rels", RELATIONS)].iter().chain(parts) {
        zip.start_file(*name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The part as object 1 of a model with these attributes, more objects, and this item.
fn model(attributes: &str, objects: &str, item: &str) -> String {
    let mesh = mesh([0.0; 3], SIZE);
    let place = |p: [f64; 3]| format!("<vertex x='{}' y='{}' z='{}'/>", p[0], p[1], p[2]);
    let vertices: String = mesh.vertices.iter().map(|p| place(p.to_array())).collect();
    let facet = |t: &[u32; 3]| format!("<triangle v1='{}' v2='{}' v3='{}'/>", t[0], t[1], t[2]);
    let triangles: String = mesh.triangles.iter().map(facet).collect();
    format!(
        "<?xml version='1.0'?><model xmlns='http://schemas.microsoft.com/3dmanufacturing/core/2015/02' {attributes}>\
         <resources><object id='1'><mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh>\
         </object>{objects}</resources><build><item {item}/></build></model>"
    )
}

fn single(text: &str) -> Vec<u8> {
    package(&[("3D/3dmodel.model", text)])
}

const ONE: &str = "objectid='1'";

pub(super) fn three_mf() -> Vec<Case> {
    let unit = |unit: &str| single(&model(&format!("unit='{unit}'"), "", ONE));
    let item = |transform: &str| single(&model("", "", &format!("{ONE} transform='{transform}'")));
    let copies = "<object id='2'><components><component objectid='1'/>\
        <component objectid='1' transform='1 0 0 0 1 0 0 0 1 50 0 0'/></components></object>";
    let level = |n: u32| {
        let ten = format!("<component objectid='{}'/>", n - 1).repeat(10);
        format!("<object id='{n}'><components>{ten}</components></object>")
    };
    let wide: String = (2..=8).map(level).collect();
    let deep: String = (2..=12).map(level).collect();
    let itself = "<object id='2'><components><component objectid='3'/></components></object>\
        <object id='3'><components><component objectid='2'/></components></object>";
    let entities =
        |text: &str| model("", "", ONE).replacen("<model", &format!("<!DOCTYPE m [{text}]><model"), 1);
    let bomb = "<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>";
    let lattice = "xmlns:b='urn:beams' requiredextensions='b'";
    let slip = package(&[("3D/3dmodel.model", &model("", "", ONE)), ("../../../../tmp/evil", "evil")]);
    let mut torn = single(&model("", "", ONE));
    torn.truncate(torn.len() / 2);
    vec![
        case("a part in millimetres", unit("millimeter"), model_of(VOLUME, &[])),
        case("a part without unit", single(&model("", "", ONE)), model_of(VOLUME, &[])),
        case("a part in inches", unit("inch"), model_of(VOLUME * 25.4 * 25.4 * 25.4, &[])),
        case("a part in micrometres", unit("micron"), model_of(VOLUME * 1e-9, &[])),
        case("a part in parsecs", unit("parsec"), Wanted::Refused("mesh-file-unit", &["parsec"])),
        case("a part moved and doubled", item("2 0 0 0 2 0 0 0 2 5 5 5"), model_of(VOLUME * 8.0, &[])),
        case(
            "a part mirrored",
            item("-1 0 0 0 1 0 0 0 1 0 0 0"),
            model_of(VOLUME, &["mesh-mirrored-in-file"]),
        ),
        case("a part flattened", item("1 0 0 0 1 0 0 0 0 0 0 0"), Wanted::Refused(SYNTAX, &["flattens"])),
        case(
            "a part placed nowhere",
            item("1 0 0 0 1 0 0 0 1 nan 0 0"),
            Wanted::Refused("mesh-file-coordinate", &["NaN"]),
        ),
        case("a part twice", single(&model("", copies, "objectid='2'")), model_of(2.0 * VOLUME, &[])),
        case(
            "an object that is not there",
            single(&model("", "", "objectid='9'")),
            Wanted::Refused(SYNTAX, &["object 9"]),
        ),
        case(
            "two objects of one id",
            single(&model("", "<object id='1'/>", ONE)),
            Wanted::Refused(SYNTAX, &["id 1"]),
        ),
        case(
            "components in a circle",
            single(&model("", itself, "objectid='2'")),
            Wanted::Refused(SYNTAX, &["component of itself"]),
        ),
        case(
            "10 000 000 components",
            single(&model("", &wide, "objectid='8'")),
            Wanted::Refused(LARGE, &["100000 placed components"]),
        ),
        case(
            "components eleven deep",
            single(&model("", &deep, "objectid='12'")),
            Wanted::Refused(LARGE, &["8 levels of components"]),
        ),
        case("entities that unfold", single(&entities(bomb)), Wanted::Refused(ODD, &["entities"])),
        case(
            "entities of other files",
            single(&entities("<!ENTITY a SYSTEM 'file:///etc/passwd'>")),
            Wanted::Refused(ODD, &["entities"]),
        ),
        case(
            "a model that unpacks to 512 MB",
            single(&model(&" ".repeat(512 << 20), "", ONE)),
            Wanted::Refused(LARGE, &["bytes"]),
        ),
        case(
            "an extension that is required",
            single(&model(lattice, "", ONE)),
            Wanted::Refused(ODD, &["urn:beams"]),
        ),
        case("a package with a way out", slip, model_of(VOLUME, &[])),
        case("a package without a model", package(&[]), Wanted::Refused(SYNTAX, &["3dmodel.model"])),
        case("half a package", torn, Wanted::Refused(SYNTAX, &["zip"])),
    ]
}

const fn scene_of(volume: f64, findings: &'static [&'static str]) -> Wanted {
    Wanted::Read(Glb, Body::Solid(volume), findings)
}

fn binary(head: &Value, data: &[u8]) -> Vec<u8> {
    chunks(head.to_string().into_bytes(), data)
}

fn chunks(mut text: Vec<u8>, data: &[u8]) -> Vec<u8> {
    text.resize(text.len().next_multiple_of(4), b' ');
    let size = 12 + 8 + text.len() + 8 + data.len();
    let mut bytes = b"glTF".to_vec();
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend((size as u32).to_le_bytes());
    for (kind, chunk) in [(b"JSON", &text[..]), (b"BIN\0", data)] {
        bytes.extend((chunk.len() as u32).to_le_bytes());
        bytes.extend(kind);
        bytes.extend(chunk);
    }
    bytes
}

/// A scene of the part in metres, and its data: eight places, then 36 corners.
fn scene() -> (Value, Vec<u8>) {
    let mesh = mesh([0.0; 3], SIZE);
    let mut data = Vec::new();
    for number in mesh.vertices.iter().flat_map(|p| p.to_array()) {
        data.extend((number as f32 * 1e-3).to_le_bytes());
    }
    mesh.triangles.as_flattened().iter().for_each(|v| data.extend((*v as u16).to_le_bytes()));
    let head = json!({
        "asset": { "version": "2.0" },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "name": "part", "mesh": 0 }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 }, "indices": 1 }] }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3" },
            { "bufferView": 1, "componentType": 5123, "count": 36, "type": "SCALAR" },
        ],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": 96 },
            { "buffer": 0, "byteOffset": 96, "byteLength": 72 },
        ],
        "buffers": [{ "byteLength": 168 }],
    });
    (head, data)
}

/// The scene with one value of its description changed.
fn changed(pointer: &str, key: &str, value: Value) -> Vec<u8> {
    let (mut head, data) = scene();
    head.pointer_mut(pointer).unwrap()[key] = value;
    binary(&head, &data)
}

pub(super) fn glb() -> Vec<Case> {
    [scenes(), refused_scenes()].into_iter().flatten().collect()
}

fn scenes() -> Vec<Case> {
    let (head, data) = scene();
    let node = |key: &str, value: Value| changed("/nodes/0", key, value);
    // Turned about x by 90°, twice as large.
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let mut placed = scene().0;
    placed["nodes"] = json!([
        { "children": [1], "rotation": [half, 0, 0, half], "translation": [1, 2, 3] },
        { "mesh": 0, "scale": [2, 2, 2] },
    ]);
    // Each facet with corners of its own, as viewers need for normals.
    let part = mesh([0.0; 3], SIZE);
    let mut loose = Vec::new();
    for &triangle in &part.triangles {
        for number in part.corners(triangle).into_iter().flat_map(|p| p.to_array()) {
            loose.extend((number as f32 * 1e-3).to_le_bytes());
        }
    }
    let mut apart = scene().0;
    apart["meshes"] = json!([{ "primitives": [{ "attributes": { "POSITION": 0 } }] }]);
    apart["accessors"] = json!([{ "bufferView": 0, "componentType": 5126, "count": 36, "type": "VEC3" }]);
    apart["bufferViews"] = json!([{ "buffer": 0, "byteLength": 432 }]);
    apart["buffers"] = json!([{ "byteLength": 432 }]);
    let mut lines = scene().0;
    let extra = json!({ "attributes": { "POSITION": 0 }, "mode": 1 });
    lines["meshes"][0]["primitives"].as_array_mut().unwrap().push(extra);
    let mut points = scene().0;
    points["meshes"][0]["primitives"][0]["mode"] = json!(0);
    let mirrored = node("scale", json!([-1, 1, 1]));
    let thousand = node("scale", json!([1000, 1000, 1000]));
    vec![
        case("a scene in metres", binary(&head, &data), scene_of(VOLUME, &[])),
        case("a scene turned and doubled", binary(&placed, &data), scene_of(VOLUME * 8.0, &[])),
        case("a scene mirrored", mirrored, scene_of(VOLUME, &["mesh-mirrored-in-file"])),
        case("a scene of loose facets", binary(&apart, &loose), scene_of(VOLUME, &[])),
        case("a scene in millimetres", thousand, scene_of(VOLUME * 1e9, &["unit-guess"])),
        case("lines in a scene", binary(&lines, &data), scene_of(VOLUME, &["gltf-without-surface"])),
        case("only points in a scene", binary(&points, &data), Wanted::Refused("mesh-file-empty", &["GLB"])),
        case(
            "pictures elsewhere",
            changed("", "images", json!([{ "uri": "../../../etc/passwd" }])),
            scene_of(VOLUME, &[]),
        ),
    ]
}

fn refused_scenes() -> Vec<Case> {
    const CUT: &str = "mesh-file-truncated";
    let whole = binary(&scene().0, &scene().1);
    let node = |key: &str, value: Value| changed("/nodes/0", key, value);
    let places = |key: &str, value: Value| changed("/accessors/0", key, value);
    let mut unreal = scene().1;
    unreal[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut beyond = scene().1;
    beyond[100] = 8;
    let mut longer = whole.clone();
    longer.extend([0; 4]);
    let mut first = whole.clone();
    first[4] = 1;
    // 1000 triangles placed 5000 times: 20 million vertices and triangles from 120 kB.
    let mut copies = scene().0;
    copies["meshes"] = json!([{ "primitives": [{ "attributes": { "POSITION": 0 } }] }]);
    copies["accessors"] = json!([{ "bufferView": 0, "componentType": 5126, "count": 3000, "type": "VEC3" }]);
    copies["bufferViews"] = json!([{ "buffer": 0, "byteLength": 36_000 }]);
    copies["buffers"] = json!([{ "byteLength": 36_000 }]);
    copies["nodes"] = (0..5000).map(|_| json!({ "mesh": 0 })).collect();
    copies["scenes"] = json!([{ "nodes": (0..5000).collect::<Vec<_>>() }]);
    let copies = binary(&copies, &[0; 36_000]);
    let text = format!("{{\"asset\":{{\"version\":\"2.0\"}},\"nodes\":[{}]}}", "[".repeat(100_000));
    let buffer = |value: Value| changed("/buffers/0", "uri", value);
    vec![
        case("a scene cut", whole[..whole.len() - 9].to_vec(), Wanted::Refused(CUT, &["announces"])),
        case("a scene with bytes behind", longer, Wanted::Refused(SYNTAX, &["4 bytes follow"])),
        case("a scene of version 1", first, Wanted::Refused(ODD, &["version 1"])),
        case(
            "a scene as text",
            scene().0.to_string().into_bytes(),
            Wanted::Refused("mesh-file-unknown", &["other files"]),
        ),
        case(
            "data in another file",
            buffer(json!("../../../etc/passwd")),
            Wanted::Refused(ODD, &["outside"]),
        ),
        case(
            "data on another machine",
            buffer(json!("http://example.org/a.bin")),
            Wanted::Refused(ODD, &["outside"]),
        ),
        case(
            "a node within itself",
            node("children", json!([0])),
            Wanted::Refused(SYNTAX, &["node 0", "within itself"]),
        ),
        case("a node that is not there", node("children", json!([7])), Wanted::Refused(SYNTAX, &["node 7"])),
        case("a node flattened", node("scale", json!([1, 0, 1])), Wanted::Refused(SYNTAX, &["flattens"])),
        case("a node bent by bones", node("skin", json!(0)), Wanted::Refused(ODD, &["skeleton"])),
        case(
            "four billion places",
            places("count", json!(4_294_967_295_u32)),
            Wanted::Refused(CUT, &["accessor 0"]),
        ),
        case(
            "places before the data",
            places("byteOffset", json!(u64::MAX)),
            Wanted::Refused(CUT, &["accessor 0"]),
        ),
        case("a place more than there are", places("count", json!(9)), Wanted::Refused(CUT, &["9 values"])),
        case("sparse places", places("sparse", json!({ "count": 1 })), Wanted::Refused(ODD, &["sparse"])),
        case("places of four numbers", places("type", json!("VEC4")), Wanted::Refused(SYNTAX, &["VEC4"])),
        case(
            "a place that is NaN",
            binary(&scene().0, &unreal),
            Wanted::Refused("mesh-file-coordinate", &["NaN"]),
        ),
        case(
            "a corner beyond the places",
            binary(&scene().0, &beyond),
            Wanted::Refused("mesh-file-index", &["vertex 8 of 8"]),
        ),
        case(
            "packed shapes",
            changed("", "extensionsRequired", json!(["KHR_draco_mesh_compression"])),
            Wanted::Refused(ODD, &["draco"]),
        ),
        case(
            "brackets without end",
            chunks(text.into_bytes(), &[]),
            Wanted::Refused(SYNTAX, &["description"]),
        ),
        case("five thousand copies", copies, Wanted::Refused(LARGE, &["that nodes place"])),
    ]
}
