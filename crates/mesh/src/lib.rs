//! Surfaces to surfaces: isosurface, sections, depth maps, pressed-in marks, measures.
