//! What an import is allowed to assume and to cost.

use super::assume::Assume;
use crate::budget::Budget;

/// How DICOM files are read: what a person states about them, and what reading them may cost.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is taken on a person's word where the files are silent. Nothing, by default.
    pub assume: Assume,
    /// What the import may cost.
    pub budget: Budget,
}
