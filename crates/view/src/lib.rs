//! Pictures without a GPU: shaded views, slices, outlines, PNG.
