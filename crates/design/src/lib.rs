//! Plan items become solids: the 1:1 model and its marks.
