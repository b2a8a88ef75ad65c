//! Every command of the suite, for every face.
