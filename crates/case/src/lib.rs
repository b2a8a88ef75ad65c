//! The only state: case directory, journal, hashes, lock.
