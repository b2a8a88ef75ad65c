//! Voxels to voxels: threshold, components, morphology, local edge levels.
