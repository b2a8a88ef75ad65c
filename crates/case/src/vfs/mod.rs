//! The one seam between a case and the disk: every read and write of a case goes through here.
//!
//! Files appear under their final name only by [`Vfs::rename`] or [`Vfs::link`]; only the journal grows in
//! place. [`Disk`] is the real one; [`Memory`] forgets what was not synced when its power is cut; [`Faulty`]
//! makes the n-th operation of another one fail.

mod disk;
mod faulty;
mod memory;

pub use disk::Disk;
pub(crate) use disk::holder;
pub use faulty::{Fault, Faulty, Times};
pub use memory::{Loss, Memory};

use crate::path::CasePath;
use std::any::Any;
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stat {
    /// A regular file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A symbolic link, pipe, device …: nothing a case would hold.
    Other,
}

/// Who may do what with a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As the user's settings say.
    Shared,
    /// As the user's settings say, but nobody writes to it once it is finished.
    Frozen,
    /// Only the user may read or write it.
    Private,
}

/// A new file being written. Dropping it leaves whatever was written so far under its name.
pub trait VfsFile: Write + Send {
    /// Ends the writing: when this returns, the content is on the disk.
    ///
    /// # Errors
    /// What the system says.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// The answer to a request for the lock.
pub enum Lock {
    /// The lock is held until this is dropped or the process ends.
    Held(Box<dyn Any + Send>),
    /// Somebody else holds it: what they wrote down about themselves.
    Busy(String),
}

/// What a case needs of a disk. Every method's error is what the system says.
#[expect(clippy::missing_errors_doc, reason = "said once above for all of them")]
pub trait Vfs: Send + Sync + Debug {
    /// The full path, for messages.
    fn place(&self, path: &CasePath) -> PathBuf;
    /// What lies there; `None` if nothing does. Does not follow symbolic links.
    fn stat(&self, path: &CasePath) -> io::Result<Option<Stat>>;
    /// The names in a folder, sorted.
    fn list(&self, folder: &CasePath) -> io::Result<Vec<String>>;
    /// Opens a regular file for reading.
    fn open(&self, path: &CasePath) -> io::Result<Box<dyn Read + Send>>;
    /// Makes a new file; there must be nothing at `path`.
    fn create(&self, path: &CasePath, access: Access) -> io::Result<Box<dyn VfsFile>>;
    /// Makes a folder, if it is not there yet; its parent must be, except for the case folder itself.
    fn create_folder(&self, folder: &CasePath) -> io::Result<()>;
    /// Gives a file another name, at once replacing a file of that name.
    ///
    /// If both names already belong to the same content, the system may do nothing and leave both.
    fn rename(&self, from: &CasePath, to: &CasePath) -> io::Result<()>;
    /// Gives a file a second, new name without copying it; a synced copy where the disk cannot.
    fn link(&self, from: &CasePath, to: &CasePath) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &CasePath) -> io::Result<()>;
    /// When this returns, the names in the folder are on the disk.
    fn sync_folder(&self, folder: &CasePath) -> io::Result<()>;
    /// Adds to the end of a file; when this returns, the bytes are on the disk.
    fn append(&self, path: &CasePath, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file to `length` bytes; when this returns, it is so on the disk.
    fn truncate(&self, path: &CasePath, length: u64) -> io::Result<()>;
    /// Tries to become the only writer, leaving `holder` for others to read.
    fn lock(&self, path: &CasePath, holder: &str) -> io::Result<Lock>;
}

/// Reads a whole small file; `None` if there is none.
pub(crate) fn read_small(vfs: &dyn Vfs, path: &CasePath, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match vfs.stat(path)? {
        None => return Ok(None),
        Some(Stat::File(length)) if length <= limit => {}
        Some(Stat::File(length)) => {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it has {length} bytes, more than the {limit} such a file can have"),
            ));
        }
        Some(_) => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
    }
    let mut bytes = Vec::new();
    // One more than allowed, so that a file that grew meanwhile is noticed rather than cut.
    vfs.open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it grew while it was read"));
    }
    Ok(Some(bytes))
}
