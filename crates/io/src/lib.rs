//! Files in, files out: DICOM, NRRD, STL, 3MF, PLY, GLB.
