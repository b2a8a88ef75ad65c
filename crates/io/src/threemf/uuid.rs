//! Identifiers of objects, made of what they are: the same object has the same one in every file.

use crate::mesh_file::Object;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What the identifier of an object is made of: its name, colour and triangles.
pub(super) fn of_object(object: &Object<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"osteon 3mf object");
    hash.update((object.name.len() as u64).to_le_bytes());
    hash.update(object.name.as_bytes());
    hash.update(object.colour);
    let mesh = object.solid.mesh();
    for vertex in &mesh.vertices {
        vertex.to_array().iter().for_each(|number| hash.update(number.to_le_bytes()));
    }
    for triangle in &mesh.triangles {
        triangle.iter().for_each(|index| hash.update(index.to_le_bytes()));
    }
    printed(hash.finalize().as_slice())
}

/// The identifier of something that is made of others: its kind, its place among its like, and theirs.
pub(super) fn of_parts(kind: &str, number: usize, parts: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update((number as u64).to_le_bytes());
    parts.iter().for_each(|part| hash.update(part.as_bytes()));
    printed(hash.finalize().as_slice())
}

/// The first 128 bits as a UUID of version 8, whose bits mean what their maker says [rfc9562].
fn printed(hash: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (n, &byte) in hash.iter().take(16).enumerate() {
        let byte = match n {
            6 => byte & 0x0f | 0x80,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        if [4, 6, 8, 10].contains(&n) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::cuboid;
    use glam::DVec3;

    #[test]
    fn the_same_object_has_the_same_identifier_and_any_other_another() {
        let (a, b) = (cuboid(DVec3::ZERO, DVec3::ONE), cuboid(DVec3::ZERO, DVec3::new(1.0, 1.0, 1.000_001)));
        let id = |name, solid| of_object(&Object { name, colour: [1, 2, 3], solid });
        let one = id("L3", &a);
        assert_eq!(one, id("L3", &a));
        assert!(one != id("L4", &a) && one != id("L3", &b));
        let groups: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(one.as_bytes()[14] == b'8' && b"89ab".contains(&one.as_bytes()[19]), "{one}");
        let parts = [one];
        assert!(of_parts("item", 0, &parts) != of_parts("item", 1, &parts));
    }
}
