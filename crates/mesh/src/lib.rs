//! Surfaces to surfaces: isosurface, sections, depth maps, pressed-in marks, checks against the image.
//!
//! Nothing here reads a file or knows a bone's name. Every function is pure: same arguments, same bits,
//! at any number of threads. Reading order:
//!
//! 1. [`isosurface`] – the surface of a mask, placed between voxels by the grey values
//! 2. [`check`] – does a surface fit its image, or is it mirrored
//! 3. [`section`] – outlines where planes cut a mesh
//! 4. [`depth_map`] – what is seen of a mesh from one side, and how thick it is there
//! 5. [`strokes`] – lines on a flat sheet; [`press`] – grooves pressed into a solid along them, without
//!    boolean operations; [`inspect`] – reading them back
//!
//! Frame: patient (LPS), millimetres; a [`depth_map::View`] has its own flat coordinates: right, up, depth.

pub mod check;
pub mod depth_map;
pub mod inspect;
pub mod isosurface;
pub mod press;
mod refine;
pub mod section;
pub mod strokes;
#[cfg(test)]
mod test_shapes;
