//! The data that ships with the suite, as texts, so that a journal can say which data a result was made with.

/// Sizes of marks on models.
pub const MODEL_MARKS: &str = include_str!("../../../data/model-marks.toml");
