//! Anatomy with known answers, and a scanner that sees it.
