//! One page and one PDF from the facts of a case.
//!
//! Nothing here computes or judges: the caller brings findings, pictures, measures, checks and files, and
//! this crate lays them out, the same bytes for the same facts. Reading order:
//!
//! 1. [`facts`] – what a report says; [`number`] – how its numbers are written
//! 2. [`language`] – its words in English and Simplified Chinese; `compose` – what stands where
//! 3. [`mod@html`] – a self-contained page for a screen and a printer; loads nothing, runs nothing
//! 4. [`mod@pdf`] – an A4 document; `face` measures letters, `flow` breaks lines and pages, `ink` writes the file
//! 5. [`code`] – a text as a picture that a telephone reads
//!
//! Every report carries a notice on what it is for. A report has no place for a patient's name except the one line that
//! a caller may give explicitly ([`Report::identity`]).

pub mod code;
mod compose;
mod face;
pub mod facts;
mod flow;
pub mod html;
mod ink;
pub mod language;
pub mod number;
pub mod pdf;

#[cfg(test)]
mod test_example;

pub use facts::{
    Banner, Cell, Check, Fact, Figure, Gallery, Listing, Measure, Paper, Product, Report, Table, Tone,
    Verdict,
};
pub use html::html;
pub use language::{Bilingual, Language, Texts};
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
    /// A text is too long for a code.
    #[error("a text of {0} bytes is too long for a code that can be scanned")]
    Code(usize),
    /// The document could not be written.
    #[error("the PDF could not be written: {0}")]
    Document(String),
}

impl Explain for ReportError {
    fn kind(&self) -> ErrorKind {
        match self {
            ReportError::Picture { .. } | ReportError::Code(_) => ErrorKind::Input,
            ReportError::Document(_) => ErrorKind::Numeric,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            ReportError::Picture { .. } => "report-picture",
            ReportError::Code(_) => "report-code",
            ReportError::Document(_) => "report-document",
        }
    }

    fn help(&self) -> String {
        match self {
            ReportError::Picture { .. } => "make the picture again, or leave it out".to_owned(),
            ReportError::Code(_) => "give the case a shorter id".to_owned(),
            ReportError::Document(_) => "use the HTML page, and report this".to_owned(),
        }
    }
}
