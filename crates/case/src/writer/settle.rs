//! The steps of a change on the disk: files written, contents published, artefacts put in place.

use super::{Writer, folders_above};
use crate::artefact::{self, Sha256};
use crate::error::CaseError;
use crate::journal::{Journal, Outputs};
use crate::path::CasePath;
use crate::vfs::{Access, Stat};
use osteon_core::Ctx;
use std::collections::BTreeSet;
use std::io::Write;

impl Writer {
    /// A name for a temporary file, used once.
    pub(crate) fn temporary(&mut self) -> CasePath {
        self.temporary += 1;
        CasePath::own(&format!("tmp/{}", self.temporary))
    }

    /// Puts everything in place that lines after the head changed, then moves the head.
    pub(super) fn settle(&mut self) -> Result<(), CaseError> {
        let journal = &self.case.journal;
        let count = journal.entries.len();
        let head = usize::try_from(journal.head.unwrap_or(0)).unwrap_or(usize::MAX).min(count);
        if journal.head == Some(count as u64) {
            return Ok(());
        }
        let mut outputs = Outputs::new();
        for entry in &journal.entries[head..] {
            outputs.extend(entry.outputs.clone());
        }
        let text = journal.head_now();
        self.switch(&outputs)?;
        self.put_file(&Journal::head_file(), text.as_bytes(), Access::Shared)?;
        self.case.journal.head = Some(count as u64);
        Ok(())
    }

    /// Gives the artefacts their contents. May be repeated.
    pub(super) fn switch(&mut self, outputs: &Outputs) -> Result<(), CaseError> {
        let mut folders = BTreeSet::new();
        for (path, hash) in outputs {
            match hash {
                Some(hash) => self.put_artefact(path, *hash)?,
                None => self.remove_file(path)?,
            }
            folders.extend(folders_above(path));
        }
        for folder in &folders {
            if self.stat(folder)?.is_some() {
                self.sync(folder)?;
            }
        }
        Ok(())
    }

    fn put_artefact(&mut self, path: &CasePath, hash: Sha256) -> Result<(), CaseError> {
        let temporary = self.temporary();
        let vfs = &self.case.vfs;
        let fail = |source| CaseError::writing(vfs.place(path), source);
        for folder in folders_above(path).iter().filter(|folder| !folder.is_root()) {
            vfs.create_folder(folder).map_err(fail)?;
        }
        vfs.link(&artefact::object(hash), &temporary).map_err(fail)?;
        vfs.rename(&temporary, path).map_err(fail)?;
        // Where the artefact already was a link to this content, renaming did nothing.
        self.remove_file(&temporary)
    }

    /// Moves finished temporary files into the store: artefact, temporary file, hash of each.
    ///
    /// A content that is there already is replaced: it is the same, unless it was damaged.
    pub(crate) fn publish(&self, staged: &[(&CasePath, &CasePath, Sha256)]) -> Result<(), CaseError> {
        let vfs = &self.case.vfs;
        let mut folders = BTreeSet::new();
        for (path, temporary, hash) in staged {
            let fail = |source| CaseError::writing(vfs.place(path), source);
            let object = artefact::object(*hash);
            vfs.create_folder(&object.parent()).map_err(fail)?;
            vfs.rename(temporary, &object).map_err(fail)?;
            folders.extend(folders_above(&object));
        }
        for folder in folders.iter().filter(|folder| !folder.is_root()) {
            self.sync(folder)?;
        }
        Ok(())
    }

    /// Refuses to overwrite files that are neither what the journal says nor what they are to become.
    pub(crate) fn refuse_changed(&self, outputs: &Outputs) -> Result<(), CaseError> {
        for (path, new) in outputs {
            let outside =
                |path: &CasePath| Err(CaseError::ChangedOutside { path: self.case.vfs.place(path) });
            for folder in folders_above(path) {
                if !matches!(self.stat(&folder)?, None | Some(Stat::Folder)) {
                    return outside(&folder);
                }
            }
            match self.stat(path)? {
                None => {}
                Some(Stat::File(_)) => {
                    let found = artefact::hash_file(self.case.vfs.as_ref(), path, &Ctx::default())?;
                    if found != self.case.hash(path) && found != *new {
                        return outside(path);
                    }
                }
                Some(_) => return outside(path),
            }
        }
        Ok(())
    }

    /// Writes a small file whole under a temporary name, then gives it its own.
    pub(crate) fn put_file(
        &mut self,
        path: &CasePath,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), CaseError> {
        let temporary = self.temporary();
        let written = self.write_file(&temporary, bytes, access);
        let vfs = &self.case.vfs;
        let renamed = written.and_then(|()| {
            vfs.rename(&temporary, path).map_err(|source| CaseError::writing(vfs.place(path), source))
        });
        if let Err(error) = renamed {
            // The first error is the one to tell; whatever stays is cleared at the next opening.
            let _ = vfs.remove(&temporary);
            return Err(error);
        }
        self.sync(&path.parent())
    }

    pub(crate) fn write_file(&self, path: &CasePath, bytes: &[u8], access: Access) -> Result<(), CaseError> {
        let write = || {
            let mut file = self.case.vfs.create(path, access)?;
            file.write_all(bytes)?;
            file.finish()
        };
        write().map_err(|source| CaseError::writing(self.case.vfs.place(path), source))
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove_file(&self, path: &CasePath) -> Result<(), CaseError> {
        if self.stat(path)?.is_none() {
            return Ok(());
        }
        self.case.vfs.remove(path).map_err(|source| CaseError::writing(self.case.vfs.place(path), source))
    }

    pub(super) fn sync(&self, folder: &CasePath) -> Result<(), CaseError> {
        self.case
            .vfs
            .sync_folder(folder)
            .map_err(|source| CaseError::writing(self.case.vfs.place(folder), source))
    }

    fn stat(&self, path: &CasePath) -> Result<Option<Stat>, CaseError> {
        self.case.vfs.stat(path).map_err(|source| CaseError::reading(self.case.vfs.place(path), source))
    }
}
