//! Packages written and read back, by others, and made to do harm.

use super::*;
use crate::mesh_file::{About, Declared, LengthUnit, MeshFile, Object, Placed, Space};
use crate::test_shapes::{ball, cuboid, skewed};
use glam::DVec3;
use osteon_core::{Ctx, Explain, Solid};
use proptest::prelude::*;
use std::io::{Cursor, Write};

fn about() -> About<'static> {
    About {
        title: "Plan <4> & \"guide\"",
        application: "osteon 0",
        notes: &[("plan-sha256", "9b1c"), ("part", "a < b & c")],
        placed: Placed::InPatient,
    }
}

fn written(objects: &[Object<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(objects, &about(), None, &mut bytes, &Ctx::default()).unwrap();
    bytes
}

fn read_back(bytes: &[u8]) -> Result<MeshFile, MeshFileError> {
    read(bytes, &Ctx::default())
}

fn object<'a>(name: &'a str, solid: &'a Solid) -> Object<'a> {
    Object { name, colour: [1, 128, 254], solid }
}

/// A package as another program makes it.
fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let relations = format!(
        "<Relationships><Relationship Target=\"/3D/3dModel.model\" Id=\"r\" Type=\"{MODEL_RELATION}\"/></Relationships>"
    );
    for (name, text) in [("_rels/.rels", relations.as_str())].iter().chain(parts) {
        zip.start_file(*name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const TETRAHEDRON: &str = "<mesh><vertices><vertex x='0' y='0' z='0'/><vertex x='1' y='0' z='0'/>\
    <vertex x='0' y='2' z='0'/><vertex x='0' y='0' z='3'/></vertices><triangles>\
    <triangle v1='0' v2='2' v3='1'/><triangle v1='0' v2='1' v3='3'/>\
    <triangle v1='0' v2='3' v3='2'/><triangle v1='1' v2='2' v3='3'/></triangles></mesh>";

/// A model of one tetrahedron of 1 mm³ placed by an item, with more attributes of the model and other objects.
fn model(attributes: &str, objects: &str, item: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='utf-8'?><!-- by hand --><model xmlns='{CORE}' {attributes}><resources>\
         <object id='1' name='Zahn &#x4e2d;'>{TETRAHEDRON}</object>{objects}</resources>\
         <build><item objectid='1' {item}/></build></model>"
    )
}

fn single(text: &str) -> Result<MeshFile, MeshFileError> {
    read_back(&package(&[("3D/3dmodel.model", text)]))
}

fn code(result: Result<MeshFile, MeshFileError>) -> &'static str {
    result.unwrap_err().code()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn solids_return_within_half_a_step(
        columns in prop::array::uniform9(-1e3..1e3), offset in prop::array::uniform3(-1e3..1e3)
    ) {
        let Some(solid) = skewed(columns, offset) else { return Ok(()) };
        let file = read_back(&written(&[object("a", &solid), object("b", &solid)])).unwrap();
        for named in &file.meshes {
            prop_assert_eq!(&named.mesh.triangles, &solid.mesh().triangles);
            for (p, q) in named.mesh.vertices.iter().zip(&solid.mesh().vertices) {
                prop_assert!((p.vec() - q.vec()).abs().max_element() <= 0.5001e-5);
            }
        }
    }

    #[test]
    fn a_damaged_package_never_panics(at in 0_usize..4000, byte in 0_u8..=255, cut in 0_usize..4000) {
        let solid = cuboid(DVec3::ONE, DVec3::ONE);
        let good = written(&[object("a", &solid)]);
        prop_assert!(read_back(&good[..cut % good.len()]).is_err());
        let mut bad = good.clone();
        bad[at % good.len()] = byte;
        let _ = read_back(&bad);
        let mut text = model("", "", "").into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(text) = String::from_utf8(text) {
            let _ = single(&text);
        }
        let cut = cut % text_len();
        let whole = model("", "", "");
        if whole.is_char_boundary(cut) {
            prop_assert!(single(&whole[..cut]).is_err());
        }
    }
}

fn text_len() -> usize {
    model("", "", "").len()
}

#[test]
fn names_colours_notes_unit_and_frame_return() {
    let (a, b) = (cuboid(DVec3::ZERO, DVec3::ONE), ball(DVec3::splat(-200.0), 7.0, 12));
    let file = read_back(&written(&[object("L4 & \"左\" <1>", &a), object("", &b)])).unwrap();
    assert_eq!(file.meshes.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["L4 & \"左\" <1>", ""]);
    assert_eq!(file.meshes[1].colour, Some([1, 128, 254]));
    assert!((file.meshes[1].mesh.signed_volume() - b.volume()).abs() < b.mesh().area() * 1e-5);
    assert_eq!(file.declared, Declared { unit: Some(LengthUnit::Millimetre), space: Some(Space::Lps) });
    let note = |name: &str| file.notes.iter().find(|n| n.0 == name).map(|n| n.1.as_str());
    assert_eq!(note("Title"), Some("Plan <4> & \"guide\""));
    assert_eq!(note("plan-sha256"), Some("9b1c"));
    assert_eq!(note("part"), Some("a < b & c"));
}

#[test]
fn the_package_is_the_same_at_any_number_of_threads() {
    // More than one block of vertices and of triangles.
    let solid = ball(DVec3::new(3.0, 4.0, 5.0), 20.0, 110);
    let files = [1, 2, 7].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| written(&[object("ball", &solid)]))
    });
    assert_eq!(files[0], files[1]);
    assert_eq!(files[0], files[2]);
    assert_eq!(read_back(&files[0]).unwrap().meshes[0].mesh.triangles, solid.mesh().triangles);
}

#[test]
fn a_triangle_smaller_than_a_step_is_refused() {
    let put = |size: f64| {
        let solid = cuboid(DVec3::splat(7.0), DVec3::new(size, 1.0, 1.0));
        write(&[object("thin", &solid)], &about(), None, &mut Vec::new(), &Ctx::default())
    };
    assert_eq!(put(4e-6).unwrap_err().code(), "mesh-file-merged");
    assert!(put(1.1e-5).is_ok());
}

#[test]
fn notes_that_a_file_cannot_carry_are_refused() {
    let solid = cuboid(DVec3::ZERO, DVec3::ONE);
    for notes in [&[("a b", "")][..], &[("", "")], &[("ä", "")], &[("x", ""), ("x", "")], &[("SPACE", "RAS")]]
    {
        let about = About { notes, ..about() };
        let refused = write(&[object("a", &solid)], &about, None, &mut Vec::new(), &Ctx::default());
        assert_eq!(refused.unwrap_err().code(), "mesh-file-note-name", "{notes:?}");
    }
}

#[test]
fn a_stopped_job_writes_nothing() {
    let (solid, ctx, mut bytes) = (cuboid(DVec3::ZERO, DVec3::ONE), Ctx::default(), Vec::new());
    ctx.cancel().stop();
    let stopped = write(&[object("a", &solid)], &about(), None, &mut bytes, &ctx);
    assert!(matches!(stopped, Err(MeshFileError::Cancelled(_))) && bytes.is_empty());
}

#[test]
fn every_unit_of_the_format_becomes_millimetres_and_no_other() {
    let units = [
        ("micron", 1e-3),
        ("millimeter", 1.0),
        ("centimeter", 10.0),
        ("inch", 25.4),
        ("foot", 304.8),
        ("meter", 1e3),
    ];
    for (unit, mm) in units {
        let file = single(&model(&format!("unit='{unit}'"), "", "")).unwrap();
        let volume = file.meshes[0].mesh.signed_volume();
        assert!((volume / (mm * mm * mm) - 1.0).abs() < 1e-12, "{unit}: {volume}");
    }
    for unit in ["parsec", "", "mm", "m"] {
        assert_eq!(code(single(&model(&format!("unit='{unit}'"), "", ""))), "mesh-file-unit");
    }
}

#[test]
fn transforms_are_applied_in_the_formats_order() {
    // Rows of 3MF's matrix are the images of the axes: x goes to y, y to −x, then 10 along x.
    let quarter = "transform='0 1 0 -1 0 0 0 0 1 10 0 0'";
    let file = single(&model("", "", quarter)).unwrap();
    assert_eq!(file.meshes[0].mesh.vertices[1].to_array(), [10.0, 1.0, 0.0]);
    assert_eq!(file.meshes[0].mesh.vertices[2].to_array(), [8.0, 0.0, 0.0]);
    assert_eq!(file.meshes[0].name, "Zahn 中");
    assert!(file.findings.is_empty());
    // A component is moved within its object first.
    let nested =
        format!("<object id='2'><components><component objectid='1' {quarter}/></components></object>");
    let text = model("", &nested, "")
        .replace("<item objectid='1' ", "<item objectid='2' transform='2 0 0 0 2 0 0 0 2 0 0 5'");
    let file = single(&text).unwrap();
    assert_eq!(file.meshes[0].mesh.vertices[1].to_array(), [20.0, 2.0, 5.0]);
}

#[test]
fn a_mirrored_object_is_turned_outward_and_told() {
    let file = single(&model("", "", "transform='-1 0 0 0 1 0 0 0 1 0 0 0'")).unwrap();
    assert!((file.meshes[0].mesh.signed_volume() - 1.0).abs() < 1e-12);
    assert_eq!(file.findings[0].code, "mesh-mirrored-in-file");
    for flat in [
        "0 0 0 0 1 0 0 0 1 0 0 0",
        "1 0 0 0 1 0 0 0 1 0 0",
        "1 0 0 0 1 0 0 0 nan 0 0 0",
        "1e300 0 0 0 1 0 0 0 1 0 0 0",
    ] {
        assert!(single(&model("", "", &format!("transform='{flat}'"))).is_err(), "{flat}");
    }
}

#[test]
fn objects_in_other_parts_are_found_as_newer_slicers_write_them() {
    let production = format!("xmlns:p='{PRODUCTION}' requiredextensions='p'");
    let text = model(&production, "<object id='7'><components><component p:path='/3D/Objects/a.model' objectid='1'/></components></object>", "")
        .replace("<item objectid='1'", "<item objectid='7'");
    let file =
        read_back(&package(&[("3D/3dmodel.model", &text), ("3D/Objects/a.model", &model("", "", ""))]))
            .unwrap();
    assert!((file.meshes[0].mesh.signed_volume() - 1.0).abs() < 1e-12);
    assert_eq!(code(single(&text)), "mesh-file-syntax");
    let lattice =
        "xmlns:b='http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02' requiredextensions='b'";
    assert_eq!(code(single(&model(lattice, "", ""))), "mesh-file-unsupported");
}

#[test]
fn a_model_that_contradicts_itself_is_refused() {
    let change = |from: &str, to: &str| code(single(&model("", "", "").replace(from, to)));
    assert_eq!(change("v3='3'", "v3='4'"), "mesh-file-index");
    assert_eq!(change("v3='3'", "v3='-1'"), "mesh-file-syntax");
    assert_eq!(change(" v3='3'", ""), "mesh-file-syntax");
    assert_eq!(change("z='3'", "z='nan'"), "mesh-file-coordinate");
    assert_eq!(change("z='3'", "z='1e31'"), "mesh-file-coordinate");
    assert_eq!(change("z='3'", "z='3,5'"), "mesh-file-syntax");
    assert_eq!(change("<item objectid='1'", "<item objectid='9'"), "mesh-file-syntax");
    assert_eq!(change("<item objectid='1' />", ""), "mesh-file-empty");
    assert_eq!(change("</mesh>", ""), "mesh-file-syntax");
    assert_eq!(change("<resources>", "<resources><object id='1'/>"), "mesh-file-syntax");
    assert_eq!(change(CORE, "urn:other"), "mesh-file-syntax");
    assert_eq!(change("encoding='utf-8'", "encoding='utf-16'"), "mesh-file-unsupported");
    assert_eq!(code(read_back(b"PK\x03\x04 and no more")), "mesh-file-syntax");
    assert_eq!(code(read_back(&package(&[]))), "mesh-file-syntax");
}

#[test]
fn bombs_do_not_go_off() {
    // Entities that unfold, or that name a file.
    let entities = model("", "", "")
        .replace("<!-- by hand -->", "<!DOCTYPE m [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>");
    assert_eq!(code(single(&entities)), "mesh-file-unsupported");
    assert_eq!(code(single(&model("", "", "").replace("Zahn", "&b;"))), "mesh-file-syntax");
    // 256 MB of spaces in 256 kB.
    let spaces = model(&" ".repeat(256 << 20), "", "");
    assert_eq!(code(single(&spaces)), "mesh-file-too-large");
    // An object within itself, and 10^10 objects by ten levels of ten.
    let cycle = "<object id='2'><components><component objectid='2'/></components></object>";
    let two = |objects: &str, id: &str| {
        model("", objects, "").replace("<item objectid='1'", &format!("<item objectid='{id}'"))
    };
    assert_eq!(code(single(&two(cycle, "2"))), "mesh-file-syntax");
    let level = |n: u32| {
        let ten = format!("<component objectid='{}'/>", n - 1).repeat(10);
        format!("<object id='{n}'><components>{ten}</components></object>")
    };
    let tower: String = (2..=9).map(level).collect();
    assert_eq!(code(single(&two(&tower, "9"))), "mesh-file-too-large");
    let deep = "<a>".repeat(100_000);
    assert_eq!(code(single(&model("", &deep, ""))), "mesh-file-too-large");
}
