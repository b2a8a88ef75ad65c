//! Triangles as plain numbers, and files made of them.

use glam::DVec3;
use osteon_core::Mesh;

/// Corners of triangles, without connections.
pub type Facets = Vec<[[f64; 3]; 3]>;

/// The part most files hold: 20 × 20 × 13.1 mm, 5240 mm³.
pub const SIZE: [f64; 3] = [20.0, 20.0, 13.1];
pub const VOLUME: f64 = 5240.0;

pub fn part() -> Facets {
    block([0.0; 3], SIZE)
}

pub fn mesh(low: [f64; 3], size: [f64; 3]) -> Mesh {
    osteon_phantom::mesh::cuboid(DVec3::from_array(low), DVec3::from_array(size))
}

pub fn block(low: [f64; 3], size: [f64; 3]) -> Facets {
    let mesh = mesh(low, size);
    mesh.triangles.iter().map(|&t| mesh.corners(t).map(|p| p.to_array())).collect()
}

pub fn turned(facets: &Facets) -> Facets {
    facets.iter().map(|&[a, b, c]| [a, c, b]).collect()
}

pub fn mapped(facets: &Facets, map: impl Fn([f64; 3]) -> [f64; 3]) -> Facets {
    facets.iter().map(|facet| facet.map(&map)).collect()
}

pub fn scaled(by: f64) -> Facets {
    mapped(&part(), |p| p.map(|c| c * by))
}

pub fn joined(parts: &[Facets]) -> Facets {
    parts.concat()
}

/// A binary STL with its text and the count it announces.
pub fn counted(head: &str, count: u32, facets: &Facets) -> Vec<u8> {
    let mut bytes = vec![b' '; 80];
    bytes[..head.len()].copy_from_slice(head.as_bytes());
    bytes.extend(count.to_le_bytes());
    for facet in facets {
        bytes.extend([0; 12]);
        for number in facet.as_flattened() {
            bytes.extend((*number as f32).to_le_bytes());
        }
        bytes.extend([0, 0]);
    }
    bytes
}

pub fn binary(facets: &Facets) -> Vec<u8> {
    counted("made by hand", facets.len() as u32, facets)
}

pub fn ascii(facets: &Facets) -> String {
    let mut text = String::from("solid part\n");
    for facet in facets {
        text += "facet normal 0 0 0\nouter loop\n";
        for [x, y, z] in facet {
            text += &format!("vertex {x} {y} {z}\n");
        }
        text += "endloop\nendfacet\n";
    }
    text + "endsolid part\n"
}
