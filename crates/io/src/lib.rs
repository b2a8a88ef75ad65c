//! Files in, files out: DICOM, NRRD, STL, 3MF, PLY, GLB.
//!
//! The only room that knows file formats. It decides nothing clinical: what a person should look at comes
//! back as findings, what contradicts itself is refused with numbers. Readers take bytes that anyone may have
//! made, check sizes before they allocate, and never panic; writers write to any [`std::io::Write`].
//! Everything read is placed in LPS millimetres as far as the file says where it is.
//!
//! 1. [`mod@file`] – a regular file into memory, with a cap
//! 2. [`nrrd`] – volumes and label maps of a case
//! 3. [`mesh_file`] – what a mesh file holds; any of them read by content; [`mesh_error`] – what can be wrong
//! 4. [`stl`], [`ply`], [`threemf`] – triangles in and out; [`gltf`] – scenes out, for viewers
//! 5. [`dicom`] – series of slices in; [`jpeg_ls`] – the codec many of them are packed with

mod deflate;
pub mod dicom;
pub mod file;
pub mod gltf;
pub mod jpeg_ls;
pub mod mesh_error;
pub mod mesh_file;
pub mod nrrd;
pub mod ply;
pub mod stl;
pub mod threemf;
mod weld;

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod test_shapes;
