//! Anatomy and intent, as data.
//!
//! What is *not* here: how a plan is proposed (`osteon-procedures`), how an item becomes matter
//! (`osteon-design`), where a plan is stored (`osteon-case`). Reading order:
//!
//! 1. [`structure_id`] – names of anatomical structures: `bone`, `femur-left`, `vertebra-L4`
//! 2. [`scene`] – what is known about the patient: structures with their masks' facts
//! 3. [`plan`] – what will be made: items that refer to each other by id
//! 4. [`check`] – what every item is checked for

pub mod check;
pub mod plan;
pub mod scene;
pub mod structure_id;

pub use check::{check, check_structure};
pub use plan::{Item, Model, Plan, PlanError};
pub use scene::{Scene, Structure};
pub use structure_id::{StructureId, UnknownStructure};
