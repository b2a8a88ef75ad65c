//! Housekeeping of the repository.
fn main() {}
