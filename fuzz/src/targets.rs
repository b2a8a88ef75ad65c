//! All targets.

use crate::io::Target;
use crate::{io, others};

/// Every target and its name.
pub fn all() -> impl Iterator<Item = &'static (&'static str, Target)> {
    io::ALL.iter().chain(others::ALL)
}
