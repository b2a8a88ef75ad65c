//! One regular file into memory, with a cap on its size.

use osteon_core::{ErrorKind, Explain};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Why a file could not be read into memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is nothing at the path.
    #[error("there is no file at {}", .0.display())]
    Missing(PathBuf),
    /// A folder, a device or a pipe.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// More bytes than the caller allows.
    #[error("{} has {size} bytes, more than the limit of {limit}", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The caller's limit in bytes.
        limit: u64,
    },
    /// The system failed to read it.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Explain for FileError {
    fn kind(&self) -> ErrorKind {
        match self {
            FileError::Missing(_) => ErrorKind::Missing,
            FileError::NotAFile(_) | FileError::TooLarge { .. } => ErrorKind::Input,
            FileError::Read { .. } => ErrorKind::Io,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            FileError::Missing(_) => "file-missing",
            FileError::NotAFile(_) => "file-not-regular",
            FileError::TooLarge { .. } => "file-too-large",
            FileError::Read { .. } => "file-unreadable",
        }
    }

    fn help(&self) -> String {
        match self {
            FileError::Missing(_) => "check the path",
            FileError::NotAFile(_) => "give the path of a file, not of a folder or a device",
            FileError::TooLarge { .. } => "check that it is the right file; split or thin it if it is",
            FileError::Read { .. } => "check the permissions and the disk",
        }
        .to_owned()
    }
}

/// The bytes of a regular file of at most `limit` bytes; links are followed.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        _ => FileError::Read { path: path.to_owned(), source },
    };
    // Asked before opening: opening a pipe that nobody writes to would wait for ever.
    let about = fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    let too_large = |size| FileError::TooLarge { path: path.to_owned(), size, limit };
    if about.len() > limit {
        return Err(too_large(about.len()));
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    let file = fs::File::open(path).map_err(failed)?;
    // One byte more than allowed, to notice a file that grows while it is read.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_nothing_but_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = tempfile::NamedTempFile::new_in(&folder).unwrap();
        file.write_all(b"12345").unwrap();
        assert_eq!(read(file.path(), 5).unwrap(), b"12345");
        assert!(matches!(read(file.path(), 4), Err(FileError::TooLarge { size: 5, .. })));
        assert!(matches!(read(folder.path(), 9), Err(FileError::NotAFile(_))));
        assert!(matches!(read(&folder.path().join("no"), 9), Err(FileError::Missing(_))));
    }
}
