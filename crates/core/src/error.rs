//! What kinds of trouble there are, and what every error of the suite can tell.

/// What kind of trouble: decides the exit code and how a face presents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was given is wrong.
    Input,
    /// Something that is needed is not there.
    Missing,
    /// What was asked for cannot be done with this input, printer or version.
    Unsupported,
    /// A computation has no valid result.
    Numeric,
    /// The disk, a lock or another program failed.
    Io,
    /// The user stopped the work.
    Cancelled,
}

impl ErrorKind {
    /// The exit code of a command that ends with this kind of trouble.
    pub const fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Input => 2,
            ErrorKind::Missing => 3,
            ErrorKind::Unsupported => 4,
            ErrorKind::Numeric => 5,
            ErrorKind::Io => 6,
            ErrorKind::Cancelled => 130,
        }
    }
}

/// An error that tells its kind, its stable code, and what the reader can do about it.
///
/// The message (`Display`) says what is wrong, with the numbers.
pub trait Explain: std::error::Error {
    /// What kind of trouble it is.
    fn kind(&self) -> ErrorKind;
    /// Stable name of the error in kebab-case, for scripts and for looking it up.
    fn code(&self) -> &'static str;
    /// What to do about it, in a sentence.
    fn help(&self) -> String;
}
