//! Scans and meshes of which everything is known, as files of strangers: balls in a NRRD, boxes in STL, OBJ, PLY, 3MF.
#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;

/// Half the width of an edge in the scans below, mm: values rise along a line over one voxel.
const BLUR: f64 = 0.4;

/// Edge of a voxel in the scans below, mm.
pub const VOXEL: f64 = 0.8;

/// A ball of one radiodensity.
pub struct Ball {
    /// Its middle, LPS mm.
    pub middle: [f64; 3],
    /// Its radius, mm.
    pub radius: f64,
    /// Its radiodensity, HU.
    pub hu: f64,
}

/// A ball at `middle`.
pub fn ball(middle: [f64; 3], radius: f64, hu: f64) -> Ball {
    Ball { middle, radius, hu }
}

/// Volume of a ball, mm³.
pub fn ball_mm3(radius: f64) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * radius.powi(3)
}

/// A CT in NRRD: balls in a block of soft tissue (40 HU) in air, around the origin; later balls cover earlier ones.
pub fn write_scan(path: &Path, half: [f64; 3], balls: &[Ball]) {
    let size = half.map(|h| (2.0 * h / VOXEL).round() as usize + 1);
    let place = |axis: usize, n: usize| (n as f64 - (size[axis] - 1) as f64 / 2.0) * VOXEL;
    let origin = [0, 1, 2].map(|axis| place(axis, 0).to_string()).join(",");
    let header = format!(
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: {} {} {}\nspace directions: \
         ({VOXEL},0,0) (0,{VOXEL},0) (0,0,{VOXEL})\nkinds: domain domain domain\nendian: little\nencoding: raw\n\
         space origin: ({origin})\n\n",
        size[0], size[1], size[2]
    );
    let mut bytes = header.into_bytes();
    for z in 0..size[2] {
        for y in 0..size[1] {
            for x in 0..size[0] {
                let at = [place(0, x), place(1, y), place(2, z)];
                bytes.extend(value(at, half, balls).to_le_bytes());
            }
        }
    }
    std::fs::write(path, bytes).unwrap();
}

fn value(at: [f64; 3], half: [f64; 3], balls: &[Ball]) -> i16 {
    let air = (0..3).any(|axis| at[axis].abs() > half[axis] - 3.0);
    let mut hu = if air { -1000.0 } else { 40.0 };
    for ball in balls {
        let far = (0..3).map(|axis| (at[axis] - ball.middle[axis]).powi(2)).sum::<f64>().sqrt();
        let share = ((ball.radius - far) / (2.0 * BLUR) + 0.5).clamp(0.0, 1.0);
        hu += share * (ball.hu - hu);
    }
    hu.round() as i16
}

/// Triangles by their corners, mm.
pub type Triangles = Vec<[[f64; 3]; 3]>;

/// A closed box with its low corner at `low` and edges of `size` mm, facing outward.
pub fn cuboid(low: [f64; 3], size: [f64; 3]) -> Triangles {
    let corner =
        |n: usize| [0, 1, 2].map(|axis| low[axis] + if n >> axis & 1 == 1 { size[axis] } else { 0.0 });
    let faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    faces.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).map(|t| t.map(corner)).collect()
}

/// A cube of 10 mm at the origin.
pub fn cube() -> Triangles {
    cuboid([0.0; 3], [10.0; 3])
}

/// The same surface with its inside outside.
pub fn turned(triangles: &Triangles) -> Triangles {
    triangles.iter().map(|&[a, b, c]| [a, c, b]).collect()
}

/// Several surfaces in one.
pub fn together(parts: &[Triangles]) -> Triangles {
    parts.concat()
}

/// A binary STL.
pub fn write_stl(path: &Path, triangles: &Triangles) {
    let mut bytes = vec![b' '; 80];
    bytes.extend((triangles.len() as u32).to_le_bytes());
    for triangle in triangles {
        bytes.extend([0; 12]);
        for number in triangle.iter().flatten() {
            bytes.extend((*number as f32).to_le_bytes());
        }
        bytes.extend([0; 2]);
    }
    std::fs::write(path, bytes).unwrap();
}

/// The corners of a surface, each once.
fn corners(triangles: &Triangles) -> Vec<[f64; 3]> {
    let mut corners = triangles.concat();
    corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
    corners.dedup();
    corners
}

/// Where each corner of each triangle stands in the list of corners.
fn indices(triangles: &Triangles, corners: &[[f64; 3]]) -> Vec<[usize; 3]> {
    let at = |corner: [f64; 3]| corners.iter().position(|known| *known == corner).unwrap();
    triangles.iter().map(|t| t.map(at)).collect()
}

/// Text of an OBJ with one object for each surface.
pub fn obj(objects: &[(&str, Triangles)]) -> String {
    let (mut text, mut first) = (String::new(), 1);
    for (name, triangles) in objects {
        text += &format!("o {name}\n");
        let corners = corners(triangles);
        for [x, y, z] in &corners {
            text += &format!("v {x} {y} {z}\n");
        }
        for face in indices(triangles, &corners) {
            let [a, b, c] = face.map(|n| n + first);
            text += &format!("f {a} {b} {c}\n");
        }
        first += corners.len();
    }
    text
}

/// A 3MF with one object for each surface.
pub fn write_3mf(path: &Path, objects: &[(&str, Triangles)]) {
    let (mut resources, mut build) = (String::new(), String::new());
    for (n, (name, triangles)) in objects.iter().enumerate() {
        let corners = corners(triangles);
        let vertices: String =
            corners.iter().map(|[x, y, z]| format!("<vertex x=\"{x}\" y=\"{y}\" z=\"{z}\"/>")).collect();
        let faces: String = indices(triangles, &corners)
            .into_iter()
            .map(|[a, b, c]| format!("<triangle v1=\"{a}\" v2=\"{b}\" v3=\"{c}\"/>"))
            .collect();
        let id = n + 1;
        resources += &format!(
            "<object id=\"{id}\" type=\"model\" name=\"{name}\"><mesh><vertices>{vertices}</vertices>\
             <triangles>{faces}</triangles></mesh></object>"
        );
        build += &format!("<item objectid=\"{id}\"/>");
    }
    let model = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><model unit=\"millimeter\" xml:lang=\"en-US\" \
         xmlns=\"http://schemas.microsoft.com/3dmanufacturing/core/2015/02\"><resources>{resources}</resources>\
         <build>{build}</build></model>"
    );
    let relations = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Relationships \
         xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Target=\"/3D/3dmodel.model\" \
         Id=\"rel0\" Type=\"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel\"/></Relationships>";
    let types = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Types \
         xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" \
         ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"model\" \
         ContentType=\"application/vnd.ms-package.3dmanufacturing-3dmodel+xml\"/></Types>";
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in
        [("[Content_Types].xml", types), ("_rels/.rels", relations), ("3D/3dmodel.model", &model)]
    {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    std::fs::write(path, zip.finish().unwrap().into_inner()).unwrap();
}
