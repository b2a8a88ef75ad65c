//! Surfaces to surfaces: isosurface, sections, depth maps, pressed-in marks, checks against the image.
//!
//! Nothing here reads a file or knows a bone's name. Every function is pure: same arguments, same bits,
//! at any number of threads. Reading order:
//!
//! 1. [`isosurface`] – the surface of a mask, placed between voxels by the grey values
//!    [`decimate`] – fewer triangles, with a proven deviation; [`remesh`] – even ones, for simulation;
//!    [`labels`] – the surfaces of several labels, without gaps or overlaps; [`smooth`] – of either, bounded
//!    [`cortex`] – its vertices put where the edges are, thin walls included; [`budget`] – how far off they may be
//!    [`untangle`] – movements taken back where they made a surface cross itself
//! 2. [`check`] – does a surface fit its image, or is it mirrored
//! 3. [`section`] – outlines where planes cut a mesh
//! 4. [`depth_map`] – what is seen of a mesh from one side, and how thick it is there
//! 5. [`strokes`] – lines on a flat sheet; [`press`] – grooves pressed into a solid along them, without
//!    boolean operations; [`inspect`] – reading them back
//!    [`boolean`] – union, difference, cuts, resolving; [`field`] – offset, hollow, shell
//! 6. [`bvh`] – the nearest place, rays, winding and boxes over the triangles of a mesh; [`predicate`] – exact
//!    sides of planes and lines. On them: [`self_intersection`], [`shells`], [`overlap`], [`thickness`],
//!    [`compare`]
//!    [`align`] – a scan of a printed part laid on its plan; [`region`] – where a surface must be left as it is
//! 7. [`repair`] – anybody's surface made a [`Solid`](osteon_core::Solid), or refused with the reason
//!
//! Frame: patient (LPS), millimetres; a [`depth_map::View`] has its own flat coordinates: right, up, depth.

pub mod align;
pub mod boolean;
pub mod budget;
pub mod bvh;
pub mod check;
pub mod compare;
pub mod cortex;
pub mod decimate;
pub mod depth_map;
pub mod field;
pub mod inspect;
pub mod isosurface;
pub mod labels;
pub mod overlap;
pub mod predicate;
pub mod press;
mod refine;
pub mod region;
pub mod remesh;
pub mod repair;
pub mod section;
pub mod self_intersection;
pub mod shells;
pub mod smooth;
pub mod strokes;
#[cfg(test)]
mod test_shapes;
pub mod thickness;
pub mod untangle;
