//! OBJ and PLY: faces of many corners, indices that lie.

use super::make::{SIZE, VOLUME, mesh};
use super::{Body, Case, Wanted, case};
use osteon_io::mesh_file::MeshFormat::{self, Obj, Ply};

fn sound(format: MeshFormat, volume: f64) -> Wanted {
    Wanted::Read(format, Body::Solid(volume), &[])
}

fn warned(volume: f64, findings: &'static [&'static str]) -> Wanted {
    Wanted::Read(Obj, Body::Solid(volume), findings)
}

pub(super) fn cases() -> Vec<Case> {
    [objects(), refused_objects(), polygons()].into_iter().flatten().collect()
}

/// The part with faces of four corners, its vertices numbered from one.
fn quads(first: i64) -> String {
    let [x, y, z] = SIZE;
    let mut text = String::new();
    for corner in 0..8 {
        let pick = |bit: u32, size: f64| if corner >> bit & 1 == 1 { size } else { 0.0 };
        text += &format!("v {} {} {}\n", pick(0, x), pick(1, y), pick(2, z));
    }
    for face in [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]] {
        let [a, b, c, d] = face.map(|v: i64| v + first);
        text += &format!("f {a} {b} {c} {d}\n");
    }
    text
}

/// A prism over an L of 300 mm², 10 mm high, its ends faces of six corners.
fn prism() -> String {
    let outline = [[0, 0], [20, 0], [20, 10], [10, 10], [10, 20], [0, 20]];
    let mut text = String::new();
    for z in [0, 10] {
        outline.iter().for_each(|[x, y]| text += &format!("v {x} {y} {z}\n"));
    }
    text += "f 6 5 4 3 2 1\nf 7 8 9 10 11 12\n";
    for n in 0..6 {
        let next = (n + 1) % 6;
        text += &format!("f {} {} {} {}\n", n + 1, next + 1, next + 7, n + 7);
    }
    text
}

fn objects() -> Vec<Case> {
    let text = |text: String| text.into_bytes();
    let others = "mtllib ../../../etc/passwd\nusemtl bone\ns off\nvt 0 0\nvn 0 0 1\n";
    let slashes = quads(1).replace("f 1 3 4 2", "f 1/1/1 3//1 4/1 2");
    let groups = quads(1).replacen("f 5", "g lid\nf 5", 1);
    let [a, b] = [quads(1), quads(9).replace(" 20", " 25")];
    // The lid of the part as a star drawn in one stroke: five of its corners lie on a circle.
    let star = "v 5 0 0\nv -4 3 0\nv 1.5 -4.8 0\nv 1.5 4.8 0\nv -4 -3 0\nf 1 2 3 4 5\n";
    let crossed = Wanted::Read(
        Obj,
        Body::Broken(super::Flaw::OpenEdges(5), [0.5, 1.5, 0.0]),
        &["mesh-face-crosses-itself"],
    );
    vec![
        case("faces of four corners", text(quads(1)), sound(Obj, VOLUME)),
        case("concave faces of six corners", text(prism()), sound(Obj, 3000.0)),
        case("corners numbered from the back", text(quads(-8)), sound(Obj, VOLUME)),
        case("texture and normals behind slashes", text(slashes), sound(Obj, VOLUME)),
        case("materials elsewhere", text(format!("{others}{}", quads(1))), sound(Obj, VOLUME)),
        case(
            "CRLF and a byte order mark",
            text(format!("\u{feff}{}", quads(1).replace('\n', "\r\n"))),
            sound(Obj, VOLUME),
        ),
        case("a group for the lid", text(groups), warned(VOLUME, &["obj-groups-joined"])),
        case("two objects", text(format!("o a\n{a}o b\n{b}")), sound(Obj, VOLUME + 25.0 * 25.0 * 13.1)),
        case(
            "lines beside the faces",
            text(quads(1) + "l 1 2 3\n"),
            warned(VOLUME, &["obj-without-surface"]),
        ),
        case(
            "metres as an object",
            text(quads(1).replace("20", "0.02").replace("13.1", "0.0131")),
            warned(VOLUME * 1e-9, &["unit-guess"]),
        ),
        case("a face that crosses itself", text(star.to_owned()), crossed),
    ]
}

fn refused_objects() -> Vec<Case> {
    const INDEX: &str = "mesh-file-index";
    const SYNTAX: &str = "mesh-file-syntax";
    const ODD: &str = "mesh-file-unsupported";
    let with = |from: &str, to: &str| quads(1).replacen(from, to, 1).into_bytes();
    let more = |line: &str| (quads(1) + line).into_bytes();
    vec![
        case("vertex 0", with("f 1 ", "f 0 "), Wanted::Refused(INDEX, &["vertex 0 of 8"])),
        case("vertex 9 of 8", with("f 1 ", "f 9 "), Wanted::Refused(INDEX, &["vertex 9 of 8"])),
        case("vertex -9 of 8", with("f 1 ", "f -9 "), Wanted::Refused(INDEX, &["vertex -9 of 8"])),
        case("a vertex that is NaN", with("13.1", "NaN"), Wanted::Refused("mesh-file-coordinate", &["NaN"])),
        case("a vertex of two numbers", with("v 20 20 0", "v 20 20"), Wanted::Refused(SYNTAX, &["line 4"])),
        case("a face of two corners", more("f 1 2\n"), Wanted::Refused(SYNTAX, &["line 15", "2 corners"])),
        case(
            "a free-form surface",
            more("cstype bspline\n"),
            Wanted::Refused(ODD, &["free-form", "line 15"]),
        ),
        case("a call of another file", more("call ../x.obj\n"), Wanted::Refused(ODD, &["line 15"])),
        case("words that are no OBJ", more("hello world\n"), Wanted::Refused(SYNTAX, &["hello"])),
        case(
            "vertices alone",
            b"v 0 0 0\nv 1 0 0\nv 0 1 0\n".to_vec(),
            Wanted::Refused("mesh-file-empty", &["OBJ"]),
        ),
    ]
}

/// A PLY of the part, with these lines in its header.
fn ply(format: &str, vertex: &str, face: &str) -> String {
    format!(
        "ply\nformat {format} 1.0\nelement vertex {vertex}\nproperty float x\nproperty float y\nproperty float z\n\
         element face {face}\nproperty list uchar int vertex_indices\nend_header\n"
    )
}

fn polygons() -> Vec<Case> {
    let mut quad = ply("ascii", "8", "6");
    for line in quads(0).lines() {
        quad += &line.replacen("v ", "", 1).replacen("f ", "4 ", 1);
        quad.push('\n');
    }
    let mut big = ply("binary_big_endian", "8", "12").into_bytes();
    let part = mesh([0.0; 3], SIZE);
    for number in part.vertices.iter().flat_map(|p| p.to_array()) {
        big.extend((number as f32).to_be_bytes());
    }
    for triangle in &part.triangles {
        big.push(3);
        triangle.iter().for_each(|v| big.extend(v.to_be_bytes()));
    }
    let text = |text: String| text.into_bytes();
    let unit = |unit: &str| text(quad.replacen("element", &format!("comment UNIT={unit}\nelement"), 1));
    let mut list = ply("binary_little_endian", "0", "1").replace("uchar", "uint").into_bytes();
    list.extend(u32::MAX.to_le_bytes());
    const CUT: &str = "mesh-file-truncated";
    vec![
        case("polygons in text", text(quad.clone()), sound(Ply, VOLUME)),
        case("polygons in centimetres", unit("cm"), sound(Ply, VOLUME * 1000.0)),
        case("polygons in parsecs", unit("parsec"), Wanted::Refused("mesh-file-unit", &["parsec"])),
        case("big-endian triangles", big.clone(), sound(Ply, VOLUME)),
        case("big-endian triangles, cut", big[..big.len() - 5].to_vec(), Wanted::Refused(CUT, &["face"])),
        case(
            "a face with vertex 8 of 8",
            text(quad.replace("4 0 2 3 1", "4 8 2 3 1")),
            Wanted::Refused("mesh-file-index", &["8"]),
        ),
        case(
            "a face with vertex -1",
            text(quad.replace("4 0 2 3 1", "4 -1 2 3 1")),
            Wanted::Refused("mesh-file-index", &["-1"]),
        ),
        case(
            "a billion vertices announced",
            text(ply("ascii", "1000000000", "6")),
            Wanted::Refused(CUT, &["1000000000"]),
        ),
        case("a list of four billion", list, Wanted::Refused(CUT, &["4294967295"])),
        case(
            "faces without vertices",
            text(ply("ascii", "0", "0")),
            Wanted::Refused("mesh-file-empty", &["PLY"]),
        ),
    ]
}
