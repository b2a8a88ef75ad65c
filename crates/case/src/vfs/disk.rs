//! A case folder on a real disk: regular files only, no symbolic links on the way.

use super::{Access, Lock, Stat, Vfs, VfsFile};
use crate::path::CasePath;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// A folder on the disk.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The folder of a case; it need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The full path, provided no folder on the way is a symbolic link.
    fn full(&self, path: &CasePath) -> io::Result<PathBuf> {
        let mut full = self.root.clone();
        let mut parts = path.parts().peekable();
        while let Some(part) = parts.next() {
            full.push(part);
            let inner = parts.peek().is_some();
            if inner && fs::symlink_metadata(&full).is_ok_and(|found| found.is_symlink()) {
                return Err(refusal(format!("{} is a symbolic link", full.display())));
            }
        }
        Ok(full)
    }

    /// Opens an existing regular file.
    ///
    /// Looks before opening, since opening a pipe would hang; looks again after, since the file may have
    /// been exchanged for a link in between.
    fn open_regular(&self, path: &CasePath, options: &OpenOptions) -> io::Result<File> {
        let full = self.full(path)?;
        let seen = fs::symlink_metadata(&full)?;
        if !seen.is_file() {
            return Err(refusal("it is not a regular file".to_owned()));
        }
        let file = options.open(&full)?;
        if !same_file(&seen, &file.metadata()?) {
            return Err(refusal("it was exchanged while it was opened".to_owned()));
        }
        Ok(file)
    }
}

/// The operation would leave the case folder or touch something that is not a file.
fn refusal(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(unix)]
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    a.len() == b.len() && b.is_file()
}

/// Options that make a new file and never follow or replace anything of that name.
fn new_file(access: Access) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = access;
    options
}

/// Takes away everybody's right to write. Elsewhere a frozen file could not be replaced or removed.
fn freeze(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = file.metadata()?.permissions();
        permissions.set_mode(permissions.mode() & !0o222);
        file.set_permissions(permissions)?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

struct DiskFile {
    file: File,
    access: Access,
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl VfsFile for DiskFile {
    fn finish(self: Box<Self>) -> io::Result<()> {
        if self.access == Access::Frozen {
            freeze(&self.file)?;
        }
        self.file.sync_all()
    }
}

impl Vfs for Disk {
    fn place(&self, path: &CasePath) -> PathBuf {
        if path.is_root() { self.root.clone() } else { self.root.join(path.as_str()) }
    }

    fn stat(&self, path: &CasePath) -> io::Result<Option<Stat>> {
        // The case folder itself may be reached through a link: the user named it.
        let found = match self.full(path) {
            Ok(full) if path.is_root() => fs::metadata(full),
            Ok(full) => fs::symlink_metadata(full),
            Err(_) => return Ok(Some(Stat::Other)),
        };
        match found {
            Ok(found) if found.is_file() => Ok(Some(Stat::File(found.len()))),
            Ok(found) if found.is_dir() => Ok(Some(Stat::Folder)),
            Ok(_) => Ok(Some(Stat::Other)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &CasePath) -> io::Result<Vec<String>> {
        if !folder.is_root() && self.stat(folder)? == Some(Stat::Other) {
            return Err(refusal("it is not a folder".to_owned()));
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(self.full(folder)?)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, path: &CasePath) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.open_regular(path, OpenOptions::new().read(true))?))
    }

    fn create(&self, path: &CasePath, access: Access) -> io::Result<Box<dyn VfsFile>> {
        let file = new_file(access).open(self.full(path)?)?;
        Ok(Box::new(DiskFile { file, access }))
    }

    fn create_folder(&self, folder: &CasePath) -> io::Result<()> {
        let full = self.full(folder)?;
        match self.stat(folder)? {
            Some(Stat::Folder) => return Ok(()),
            Some(_) => return Err(refusal("something that is not a folder is in the way".to_owned())),
            None => {}
        }
        if !folder.is_root() {
            return fs::create_dir(full);
        }
        fs::create_dir_all(&full)?;
        match full.canonicalize()?.parent() {
            Some(parent) => sync_directory(parent),
            None => Ok(()),
        }
    }

    fn rename(&self, from: &CasePath, to: &CasePath) -> io::Result<()> {
        fs::rename(self.full(from)?, self.full(to)?)
    }

    fn link(&self, from: &CasePath, to: &CasePath) -> io::Result<()> {
        use io::ErrorKind as K;
        let mut source = self.open_regular(from, OpenOptions::new().read(true))?;
        match fs::hard_link(self.full(from)?, self.full(to)?) {
            // Disks without links, files of a colleague, too many links: a copy serves as well.
            Err(error)
                if matches!(
                    error.kind(),
                    K::Unsupported | K::PermissionDenied | K::TooManyLinks | K::CrossesDevices
                ) =>
            {
                let mut copy = self.create(to, Access::Frozen)?;
                io::copy(&mut source, &mut copy)?;
                copy.finish()
            }
            linked => linked,
        }
    }

    fn remove(&self, path: &CasePath) -> io::Result<()> {
        fs::remove_file(self.full(path)?)
    }

    fn sync_folder(&self, folder: &CasePath) -> io::Result<()> {
        sync_directory(&self.full(folder)?)
    }

    fn append(&self, path: &CasePath, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.open_regular(path, OpenOptions::new().append(true))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn truncate(&self, path: &CasePath, length: u64) -> io::Result<()> {
        let file = self.open_regular(path, OpenOptions::new().write(true))?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn lock(&self, path: &CasePath, holder: &str) -> io::Result<Lock> {
        match new_file(Access::Shared).open(self.full(path)?) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let mut file = self.open_regular(path, OpenOptions::new().read(true).write(true))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.write_all(holder.as_bytes())?;
                Ok(Lock::Held(Box::new(file)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Some systems do not let others read a locked file; then the holder stays unnamed.
                let _ = file.take(200).read_to_string(&mut text);
                Ok(Lock::Busy(if text.is_empty() { "another program".to_owned() } else { text }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Makes the names in a directory durable, where the system has a way to ask for it.
fn sync_directory(path: &std::path::Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// This process and host, for others who find the case locked.
pub(crate) fn holder() -> String {
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this computer".to_owned());
    format!("process {} on {host}", std::process::id())
}
