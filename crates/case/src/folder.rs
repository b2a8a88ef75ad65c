//! A plain folder of files that is no case, written through the same seam: each file whole or not at all.

use crate::error::CaseError;
use crate::path::CasePath;
use crate::vfs::{Access, Disk, Vfs};
use std::io::Write;
use std::path::Path;

/// A new folder for files that leave the case.
#[derive(Debug)]
pub struct Folder {
    disk: Disk,
}

impl Folder {
    /// Makes a folder, with those above it; one that holds files already is refused.
    ///
    /// # Errors
    /// [`CaseError::NotEmpty`], or a write error.
    pub fn create(dir: &Path) -> Result<Self, CaseError> {
        if let Ok(mut entries) = std::fs::read_dir(dir)
            && let Some(Ok(entry)) = entries.next()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            return Err(CaseError::NotEmpty { dir: dir.to_path_buf(), name });
        }
        std::fs::create_dir_all(dir).map_err(|source| CaseError::writing(dir.to_path_buf(), source))?;
        Ok(Self { disk: Disk::new(dir) })
    }

    /// A folder that may hold files already; made, with those above it, where there is none.
    ///
    /// # Errors
    /// A write error.
    pub fn open(dir: &Path) -> Result<Self, CaseError> {
        std::fs::create_dir_all(dir).map_err(|source| CaseError::writing(dir.to_path_buf(), source))?;
        Ok(Self { disk: Disk::new(dir) })
    }

    /// A file of the folder, whole.
    ///
    /// # Errors
    /// A read error.
    pub fn get(&self, path: &CasePath) -> Result<Vec<u8>, CaseError> {
        let place = self.disk.place(path);
        std::fs::read(&place).map_err(|source| CaseError::writing(place, source))
    }

    /// True when there is a file of this name.
    pub fn has(&self, path: &CasePath) -> bool {
        self.disk.place(path).symlink_metadata().is_ok()
    }

    /// Writes a file of the folder.
    ///
    /// # Errors
    /// A write error; there is then no file of that name.
    pub fn put(&self, path: &CasePath, bytes: &[u8]) -> Result<(), CaseError> {
        let named = |source| CaseError::writing(self.disk.place(path), source);
        let temporary = CasePath::new(&format!("{path}.part"))?;
        let written = (|| {
            let mut file = self.disk.create(&temporary, Access::Shared)?;
            file.write_all(bytes)?;
            file.finish()?;
            self.disk.rename(&temporary, path)
        })();
        written.map_err(|source| {
            // What cannot be written can perhaps not be removed either; the first trouble is the one to tell.
            let _ = self.disk.remove(&temporary);
            named(source)
        })
    }
}

impl Folder {
    /// Writes a large file of the folder piece by piece: there whole in the end, or not at all.
    ///
    /// It is not waited for until the disk has it: what can be made again at any time may be lost to a power
    /// cut, and waiting would take longer than making it.
    ///
    /// # Errors
    /// What `fill` says, or a write error; there is then no file of that name.
    pub fn stream<E: From<CaseError>>(
        &self,
        path: &CasePath,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        let named = |source| E::from(CaseError::writing(self.disk.place(path), source));
        let temporary = CasePath::new(&format!("{path}.part"))?;
        let mut file = self.disk.create(&temporary, Access::Shared).map_err(named)?;
        let filled = fill(&mut file).and_then(|()| file.flush().map_err(named));
        drop(file);
        filled.and_then(|()| self.disk.rename(&temporary, path).map_err(named)).inspect_err(|_| {
            let _ = self.disk.remove(&temporary);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_put_into_a_new_folder_and_a_used_one_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("a/b");
        let folder = Folder::create(&dir).unwrap();
        folder.put(&CasePath::new("x.dcm").unwrap(), b"abc").unwrap();
        assert_eq!(std::fs::read(dir.join("x.dcm")).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        assert!(matches!(Folder::create(&dir), Err(CaseError::NotEmpty { .. })));
        let big = CasePath::new("big").unwrap();
        folder
            .stream(&big, |out| out.write_all(b"xyz").map_err(|e| CaseError::writing(dir.clone(), e)))
            .unwrap();
        assert_eq!(std::fs::read(dir.join("big")).unwrap(), b"xyz");
        let other = CasePath::new("other").unwrap();
        let failed =
            folder.stream(&other, |_| Err(CaseError::writing(dir.clone(), std::io::Error::other("no"))));
        assert!(failed.is_err());
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 2, "nothing is left of what failed");
    }
}
