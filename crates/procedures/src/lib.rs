//! Ways to propose a plan, one file each.
//!
//! A procedure is a struct: its documented fields are its settings in the command line, the schema, the
//! manual and the journal. It only *proposes*; a person edits, and checking and making are the same for
//! every procedure. To add one: write its file, add it to [`standard`]; nothing else.
//!
//! - [`procedure`] – the trait, and the list entry made from it
//! - [`bone_model`] – print what is there

pub mod bone_model;
pub mod procedure;

pub use procedure::{Entry, Procedure, ProposeError};

/// All procedures, in the order they are shown.
pub fn standard() -> Vec<Entry> {
    vec![Entry::of::<bone_model::BoneModel>()]
}
