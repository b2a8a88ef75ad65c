//! How objects look in files: a colour for each structure, and the small picture a file manager shows.

use crate::failure::Failure;
use osteon_core::{Ctx, Solid};
use osteon_io::mesh_file::Object;
use osteon_view::{Model, Paint, Part, View, png, shaded};

/// Bone, sRGB: what a single object has. Chosen: as 3D Slicer shows bone.
pub(crate) const BONE: [u8; 3] = [241, 214, 145];

/// Colours of several objects, which people tell apart whatever their colour vision [okabe-ito-2008], without black.
const PALETTE: [[u8; 3]; 7] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
];

/// Edge of the picture of a file, pixels. Chosen: what file managers show at most.
const THUMBNAIL: usize = 256;

/// The colour of the object of this name among others: always the same, and another one for its neighbours in
/// number (L3 and L4, fragment 1 and 2).
fn colour(name: &str) -> [u8; 3] {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number: usize = name[stem.len()..].parse().unwrap_or(0);
    // The sum of its bytes is as good as any hash for seven colours.
    let sum: usize = stem.bytes().map(usize::from).sum();
    PALETTE[(sum % PALETTE.len() + number % PALETTE.len()) % PALETTE.len()]
}

/// Solids as objects of a file: a single one in the colour of bone, several each in its own.
pub(crate) fn objects<'a>(solids: &[(&'a str, &'a Solid)]) -> Vec<Object<'a>> {
    let single = solids.len() == 1;
    let object = |&(name, solid): &(&'a str, &'a Solid)| {
        let colour = if single { BONE } else { colour(name) };
        Object { name, colour, solid }
    };
    solids.iter().map(object).collect()
}

/// The objects seen askew from the front, as a PNG.
pub(crate) fn thumbnail(objects: &[Object<'_>], ctx: &Ctx) -> Result<Vec<u8>, Failure> {
    let parts =
        objects.iter().map(|object| Part { mesh: object.solid.mesh(), paint: Paint::Plain(object.colour) });
    let parts: Vec<Part<'_>> = parts.collect();
    let shown = Model::new(&parts)?;
    let camera = shown.camera(View::Oblique, [THUMBNAIL; 2])?;
    Ok(png::png(&shaded(&shown, &camera, ctx)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_has_one_colour_and_its_neighbours_have_others() {
        for (a, b) in
            [("vertebra-L3", "vertebra-L4"), ("fragment-9", "fragment-10"), ("object-1", "object-2")]
        {
            assert_ne!(colour(a), colour(b), "{a} {b}");
            assert_eq!(colour(a), colour(a));
        }
        assert_eq!(colour(""), PALETTE[0]);
        // A number beyond all numbers is none.
        assert_eq!(colour("x99999999999999999999999"), colour("x"));
    }
}
