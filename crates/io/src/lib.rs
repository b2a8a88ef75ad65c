//! Files in, files out: DICOM, NIfTI, NRRD, MetaImage, STL, 3MF, PLY, OBJ, GLB, USDZ.
//!
//! The only room that knows file formats. It decides nothing clinical: what a person should look at comes
//! back as findings, what contradicts itself is refused with numbers. Readers take bytes that anyone may have
//! made, check sizes before they allocate, and never panic; writers write to any [`std::io::Write`].
//! Everything read is placed in LPS millimetres as far as the file says where it is.
//!
//! 1. [`mod@file`] – a regular file into memory, with a cap; [`files`] – a folder, a file or a ZIP; [`budget`] – what
//!    an import may cost
//! 2. [`nrrd`] – volumes and label maps of a case; [`volume_file`] – any volume that is not DICOM, read by content:
//!    NRRD, [`nifti`], [`metaimage`]; [`samples`] – what becomes of its values
//! 3. [`mesh_file`] – what a mesh file holds; any of them read by content; [`mesh_error`] – what can be wrong
//! 4. [`stl`], [`ply`], [`obj`], [`threemf`] – triangles in and out; [`gltf`] – scenes for viewers, in and out;
//!    [`usd`] – the same for phones, out
//! 5. [`dicom`] – series of slices in; [`jpeg`], [`jpeg_ls`], [`jpeg2000`] – codecs many of them are packed with

mod archive;
pub mod budget;
mod deflate;
pub mod dicom;
pub mod file;
pub mod files;
pub mod gltf;
pub mod jpeg;
pub mod jpeg2000;
pub mod jpeg_ls;
pub mod mesh_error;
pub mod mesh_file;
pub mod metaimage;
pub mod nifti;
pub mod nrrd;
pub mod obj;
pub mod ply;
mod polygon;
pub mod samples;
pub mod stl;
pub mod threemf;
pub mod usd;
pub mod volume_file;
mod weld;

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod test_shapes;
