//! What can go wrong when matter is made.

use osteon_core::{Cancelled, ErrorKind, Explain};
use osteon_mesh::press::PressError;

/// Why a product cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// Three directions that are not at right angles, or left-handed.
    #[error(
        "left, back and head must be at right angles and right-handed; their largest cosine is {cosine:.4} and left × back · head is {hand:.4}"
    )]
    Axes {
        /// The largest cosine between two of them.
        cosine: f64,
        /// Their triple product: 1 for proper axes.
        hand: f64,
    },
    /// A style with a length that is zero, negative or not finite, or a range the wrong way round.
    #[error("{name} of the mark style is {value}")]
    Style {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A style file that cannot be read.
    #[error("the mark style cannot be read: {0}")]
    StyleText(String),
    /// Marks could not be pressed in for a reason that has nothing to do with the place.
    #[error(transparent)]
    Press(#[from] PressError),
    /// The calibration print could not be made: a defect of this suite.
    #[error("the gauge cannot be made: {0}")]
    Gauge(String),
    /// Stopped on request.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for DesignError {
    fn kind(&self) -> ErrorKind {
        match self {
            DesignError::Press(error) => error.kind(),
            DesignError::Gauge(_) => ErrorKind::Numeric,
            DesignError::Cancelled(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            DesignError::Axes { .. } => "axes-not-square",
            DesignError::Style { .. } => "mark-style-value",
            DesignError::StyleText(_) => "mark-style-unreadable",
            DesignError::Gauge(_) => "gauge-not-made",
            DesignError::Press(error) => error.code(),
            DesignError::Cancelled(error) => error.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            DesignError::Axes { .. } => {
                "give three unit vectors of the patient frame, as of an unmirrored rotation".to_owned()
            }
            DesignError::Style { .. } => {
                "give lengths above zero, and a smallest letter no larger than the preferred one".to_owned()
            }
            DesignError::StyleText(_) => "compare the file with data/model-marks.toml".to_owned(),
            DesignError::Gauge(_) => "report this".to_owned(),
            DesignError::Press(error) => error.help(),
            DesignError::Cancelled(error) => error.help(),
        }
    }
}
