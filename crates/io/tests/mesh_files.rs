//! Mesh files as strangers send them: told apart by content, refused when they contradict themselves.

mod common;

use glam::DVec3;
use osteon_core::{Ctx, Explain, Solid};
use osteon_io::mesh_error::MeshFileError;
use osteon_io::mesh_file::{About, Declared, LengthUnit, MeshFile, MeshFormat, Object, Placed, Space, read};
use osteon_io::{gltf, obj, ply, stl, threemf};

const ABOUT: About<'_> =
    About { title: "test", application: "osteon", notes: &[], placed: Placed::InPatient };

fn code(bytes: &[u8]) -> &'static str {
    refused(bytes).code()
}

fn refused(bytes: &[u8]) -> MeshFileError {
    match read(bytes, &Ctx::default()) {
        Err(refused) => refused,
        Ok(file) => unreachable!("{file:?} was not refused"),
    }
}

fn object(solid: &Solid) -> Object<'_> {
    Object { name: "part", colour: [9, 8, 7], solid }
}

#[test]
fn a_solid_returns_from_every_format_as_the_same_solid() {
    let solid = common::ball(DVec3::new(-120.4, 33.3, 701.7), 30.0, 24);
    let ctx = Ctx::default();
    let mut files: [Vec<u8>; 5] = Default::default();
    stl::write(&solid, "a", &mut files[0], &ctx).unwrap();
    ply::write(solid.mesh(), &mut files[1], &ctx).unwrap();
    threemf::write(&[object(&solid)], &ABOUT, None, &mut files[2], &ctx).unwrap();
    obj::write(&[object(&solid)], &ABOUT, &mut files[3], &ctx).unwrap();
    gltf::write(&[object(&solid)], &ABOUT, &mut files[4], &ctx).unwrap();
    // Largest error of a coordinate: half a step of 32 bits below 1024 mm, none, half of 0.00001 mm, none, half
    // a step of 32 bits below 32 mm from the middle.
    let formats = [
        (MeshFormat::Stl, 0.5 / 16384.0),
        (MeshFormat::Ply, 0.0),
        (MeshFormat::ThreeMf, 0.50001e-5),
        (MeshFormat::Obj, 0.0),
        (MeshFormat::Glb, 0.50001 / 524_288.0),
    ];
    for (bytes, (format, error)) in files.iter().zip(formats) {
        let MeshFile { format: found, declared, meshes, findings, .. } = read(bytes, &ctx).unwrap();
        assert_eq!(found, format);
        let unit = if format == MeshFormat::Glb { LengthUnit::Metre } else { LengthUnit::Millimetre };
        let ours = Declared { unit: Some(unit), space: Some(Space::Lps) };
        assert_eq!((declared, findings.len(), meshes.len()), (ours, 0, 1));
        let back = Solid::new(meshes.into_iter().next().unwrap().mesh).unwrap();
        // A surface that moves by at most √3 times the error changes the volume by at most area times that.
        let slack = solid.mesh().area() * error * 1.8 + 1e-9;
        assert!((back.volume() - solid.volume()).abs() <= slack, "{format}");
        let moved = back.mesh().bounds().min - solid.mesh().bounds().min;
        assert!(moved.vec().abs().max_element() <= error, "{format}");
    }
}

#[test]
fn what_is_no_mesh_file_is_named_for_what_it_is() {
    assert_eq!(code(b""), "mesh-file-unknown");
    let page = refused(b"<!DOCTYPE html><html><body>Sign in to download right_3.stl</body></html>");
    assert!(page.to_string().contains("web page"), "{page}");
    assert!(refused(b"{ \"asset\": { \"version\": \"2.0\" } }").to_string().contains("glTF"));
    assert_eq!(code(&[0x42; 50]), "mesh-file-truncated");
    assert_eq!(code(&[0x42; 5000]), "mesh-file-count");
    assert_eq!(code(b"PK\x05\x06 something else"), "mesh-file-syntax");
    assert_eq!(code(b"ply\nformat ascii 1.0\nend_header\n"), "mesh-file-empty");
}

#[test]
fn the_content_counts_not_what_the_header_resembles() {
    let solid = common::cuboid(DVec3::ZERO, DVec3::new(1.0, 2.0, 3.0));
    let mut bytes = Vec::new();
    stl::write(&solid, "", &mut bytes, &Ctx::default()).unwrap();
    for front in [&b"solid"[..], b"<html>", b"glTF", b"ply  "] {
        bytes[..front.len()].copy_from_slice(front);
        let file = read(&bytes, &Ctx::default()).unwrap();
        assert_eq!((file.format, file.meshes[0].mesh.triangles.len()), (MeshFormat::Stl, 12));
    }
}

#[test]
fn any_bytes_are_read_or_refused_without_a_panic() {
    let mut random = osteon_core::ctx::Random::new(1);
    for n in 0..3000_usize {
        let mut bytes: Vec<u8> = (0..n % 700).map(|_| random.bits() as u8).collect();
        let front: &[u8] = [&b""[..], b"solid a\nfacet ", b"ply\nformat ascii 1.0\n", b"PK\x03\x04"][n % 4];
        bytes.splice(..front.len().min(bytes.len()), front.iter().copied());
        assert!(read(&bytes, &Ctx::default()).is_err());
    }
}
