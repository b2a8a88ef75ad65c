//! The surfaces of all labels of a map, without gaps or overlaps.
//!
//! Labels decide how the surfaces connect; grey values, where given, place the border with the background.
//! The surfaces are dual: one quad for each pair of neighbouring voxels with different labels, its corners
//! in the four cells around them. Two labels that touch share the very same triangles, turned, and every
//! surface is closed and 2-manifold, also after an STL reader has welded it by position, for any labels
//! whatever:
//!
//! * what is linked follows face by face from the four labels of the face (`cell.rs`), so the surfaces close;
//! * quads that would share one mesh edge in fours get vertices of their own on the face (`join.rs`);
//! * parts of a label that would touch in a vertex are pulled apart (`apart.rs`).

mod apart;
mod cell;
mod join;
mod place;
mod scan;
#[cfg(test)]
mod tests;

use crate::isosurface::SurfaceError;
use osteon_core::{Ctx, LabelMap, Mesh, Patient, Point, Solid, Volume};
use osteon_image::Levels;
use rayon::prelude::*;

/// Grey values and the levels between them at which structures end.
type Image<'a> = (&'a Volume<i16>, &'a Levels);

/// The surface of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// The label.
    pub label: u16,
    /// Its surface in the patient, facing outward.
    pub solid: Solid,
}

/// The surface of every label of a map, in ascending order of labels.
///
/// A vertex is the mean of the places at which the edges of its cell are crossed: where grey values less
/// their levels cross zero if an image is given and one side is background, else half-way. A label at the
/// border of the grid is closed there, half a voxel beyond the outermost samples. Labels that touch along an
/// edge of voxels only are connected there if no other label is; one label alone connects as in
/// [`crate::isosurface`].
///
/// # Errors
/// No voxel has a label, the image has other dimensions, the surface is too large (2³¹ vertices), or `ctx`
/// was asked to stop.
pub fn surfaces(
    labels: &LabelMap,
    image: Option<(&Volume<i16>, &Levels)>,
    ctx: &Ctx,
) -> Result<Vec<Surface>, SurfaceError> {
    let meshes = meshes(labels, image, ctx)?;
    ctx.done(0.7)?;
    let proven = meshes.into_par_iter().zip(labels.labels()).map(|(mesh, &(label, _))| {
        let solid = Solid::proven(mesh, ctx)?.map_err(Box::new)?;
        Ok(Surface { label, solid })
    });
    let surfaces = proven.collect::<Result<Vec<_>, SurfaceError>>()?;
    ctx.done(1.0)?;
    Ok(surfaces)
}

/// One mesh for each label.
fn meshes(labels: &LabelMap, image: Option<Image<'_>>, ctx: &Ctx) -> Result<Vec<Mesh>, SurfaceError> {
    let (grid, count) = (labels.grid(), labels.labels().len());
    if let Some(volume) = image.map(|(volume, _)| volume.grid().dims()).filter(|&dims| dims != grid.dims()) {
        return Err(SurfaceError::Grids { volume, mask: grid.dims() });
    }
    if count == 0 {
        return Err(SurfaceError::Empty);
    }
    let padded = scan::Padded::new(labels);
    let slices = scan::scan(&padded, ctx)?;
    let firsts = firsts(&slices)?;
    ctx.done(0.2)?;
    let mut vertices = place::place(&padded, grid, image, &slices, ctx)?;
    ctx.done(0.4)?;
    let joiner = join::Joiner {
        padded: &padded,
        slices: &slices,
        firsts: &firsts,
        vertices: &vertices,
        mirrored: grid.to_patient().mirrors(),
        single: count == 1,
    };
    let mut sheets = joiner.join(ctx)?;
    if count == 1 {
        let mut triangles = sheets.pairs.into_flattened();
        triangles.extend(sheets.extras.iter().map(|(triangle, _)| triangle));
        return Ok(vec![Mesh { vertices, triangles }]);
    }
    let pinched = pinched(&slices, &firsts);
    if !pinched.is_empty() {
        apart::pull(&mut sheets, &mut vertices, &pinched);
    }
    ctx.done(0.6)?;
    Ok(by_label(&sheets, &vertices, count))
}

/// Number of the first vertex of each slice.
fn firsts(slices: &[scan::Slice]) -> Result<Vec<u32>, SurfaceError> {
    let mut total = 0_u64;
    let firsts = slices.iter().map(|slice| {
        let first = total as u32;
        total += u64::from(slice.vertices);
        first
    });
    let firsts = firsts.collect();
    if total >= 1 << 31 { Err(SurfaceError::TooLarge(total)) } else { Ok(firsts) }
}

/// Vertices at which the surface of a label may touch itself.
fn pinched(slices: &[scan::Slice], firsts: &[u32]) -> Vec<u32> {
    let knots =
        slices.iter().zip(firsts).flat_map(|(slice, &first)| slice.knots.iter().map(move |k| (k, first)));
    knots
        .flat_map(|(knot, first)| {
            let sheets = (0..u32::from(knot.cell.count)).filter(|sheet| knot.cell.pinched >> sheet & 1 == 1);
            sheets.map(move |sheet| first + knot.first + sheet)
        })
        .collect()
}

/// The triangles of each label, over those vertices that it uses.
fn by_label(sheets: &join::Sheets, vertices: &[Point<Patient>], labels: usize) -> Vec<Mesh> {
    let mut counts = vec![0_usize; labels + 1];
    sheets.sides.iter().flatten().for_each(|&code| counts[usize::from(code)] += 2);
    sheets.extras.iter().flat_map(|(_, sides)| sides).for_each(|&code| counts[usize::from(code)] += 1);
    let mut lists: Vec<Vec<[u32; 3]>> = counts.iter().skip(1).map(|&n| Vec::with_capacity(n)).collect();
    let mut put = |[a, b, c]: [u32; 3], [below, above]: [u16; 2]| {
        if below > 0 {
            lists[usize::from(below) - 1].push([a, b, c]);
        }
        if above > 0 {
            lists[usize::from(above) - 1].push([a, c, b]);
        }
    };
    for (pair, &sides) in sheets.pairs.iter().zip(&sheets.sides) {
        pair.iter().for_each(|&triangle| put(triangle, sides));
    }
    sheets.extras.iter().for_each(|&(triangle, sides)| put(triangle, sides));
    lists.into_par_iter().map(|triangles| compact(triangles, vertices)).collect()
}

/// A mesh of some of the vertices, in their order.
fn compact(mut triangles: Vec<[u32; 3]>, vertices: &[Point<Patient>]) -> Mesh {
    let corners = || triangles.as_flattened().iter().copied();
    let (low, high) = (corners().min().unwrap_or(0), corners().max().unwrap_or(0));
    let mut numbers = vec![0_u32; (high - low) as usize + 1];
    corners().for_each(|v| numbers[(v - low) as usize] = 1);
    let mut kept = Vec::new();
    for (number, &vertex) in numbers.iter_mut().zip(&vertices[low as usize..]).filter(|(used, _)| **used > 0)
    {
        *number = kept.len() as u32;
        kept.push(vertex);
    }
    triangles.as_flattened_mut().iter_mut().for_each(|v| *v = numbers[(*v - low) as usize]);
    Mesh { vertices: kept, triangles }
}
