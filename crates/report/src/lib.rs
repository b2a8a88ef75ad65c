//! One page and one PDF from the facts of a case.
//!
//! Nothing here computes or judges: the caller brings findings, pictures, measures, checks and files, and
//! this crate lays them out, the same bytes for the same facts. Reading order:
//!
//! 1. [`facts`] – what a report says; [`number`] – how its numbers are written
//! 2. [`mod@html`] – a self-contained page for a screen and a printer; loads nothing, runs nothing
//! 3. [`mod@pdf`] – an A4 document; `face` measures letters, `flow` breaks lines and pages, `ink` writes the file
//!
//! Every report carries the [`NOTICE`]. A report has no place for a patient's name except the one line that
//! a caller may give explicitly ([`Report::identity`]).

mod face;
pub mod facts;
mod flow;
pub mod html;
mod ink;
pub mod number;
pub mod pdf;

#[cfg(test)]
mod test_example;

pub use facts::{Check, Fact, Figure, Gallery, Measure, NOTICE, Product, Report, Table, Verdict};
pub use html::html;
pub use number::Quantity;
pub use pdf::pdf;

use osteon_core::{ErrorKind, Explain};

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A picture is not a readable PNG.
    #[error("the picture \"{caption}\" cannot be read: {reason}")]
    Picture {
        /// Caption of the picture.
        caption: String,
        /// What the decoder says.
        reason: String,
    },
    /// The document could not be written.
    #[error("the PDF could not be written: {0}")]
    Document(String),
}

impl Explain for ReportError {
    fn kind(&self) -> ErrorKind {
        match self {
            ReportError::Picture { .. } => ErrorKind::Input,
            ReportError::Document(_) => ErrorKind::Numeric,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            ReportError::Picture { .. } => "report-picture",
            ReportError::Document(_) => "report-document",
        }
    }

    fn help(&self) -> String {
        match self {
            ReportError::Picture { .. } => "make the picture again, or leave it out".to_owned(),
            ReportError::Document(_) => "use the HTML page, and report this".to_owned(),
        }
    }
}
