//! What the reports of a case say: gathered from its records, in words of `data/report`.
//!
//! 1. [`pictures`] – made once, whatever the language; 2. [`label`] – the short code of a product;
//! 3. [`approvals`] – who approved what, and whether it still is that; 4. [`levels`] – what a model, guide or
//!    implant asks for; 5. [`words`] – all of it in a language, as `osteon_report` wants it.

pub(crate) mod approvals;
pub(crate) mod label;
pub(crate) mod levels;
pub(crate) mod pictures;
pub(crate) mod tables;
pub(crate) mod words;
