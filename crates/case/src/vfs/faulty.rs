//! A disk whose n-th operation fails: for tests of everything that stands on a case.

use super::{Access, Lock, Stat, Vfs, VfsFile};
use crate::path::CasePath;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full.
    NoSpace,
    /// The disk does not answer.
    Broken,
    /// Only half of the bytes are taken; operations other than writing fail as if broken.
    Short,
}

/// How often an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Only the n-th.
    Once,
    /// The n-th and all after it; a full disk refuses only what needs space.
    Onwards,
}

/// Another disk whose n-th operation fails.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn Vfs>,
    counted: Arc<AtomicU64>,
    at: u64,
    fault: Fault,
    times: Times,
}

/// Whether an operation needs space on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Space,
    Nothing,
}

impl Faulty {
    /// Wraps `inner` so that its operation number `at` (from 0) fails.
    pub fn new(inner: Arc<dyn Vfs>, at: u64, fault: Fault, times: Times) -> Self {
        Self { inner, counted: Arc::default(), at, fault, times }
    }

    /// True once an operation has been made to fail.
    pub fn has_struck(&self) -> bool {
        self.counted.load(Ordering::Relaxed) > self.at
    }

    fn strikes(&self, needs: Needs) -> bool {
        let n = self.counted.fetch_add(1, Ordering::Relaxed);
        match self.times {
            Times::Once => n == self.at,
            Times::Onwards => n >= self.at && (self.fault != Fault::NoSpace || needs == Needs::Space),
        }
    }

    fn error(&self) -> io::Error {
        match self.fault {
            Fault::NoSpace => io::Error::new(io::ErrorKind::StorageFull, "no space (made to fail)"),
            _ => io::Error::other("input/output error (made to fail)"),
        }
    }

    fn step(&self, needs: Needs) -> io::Result<()> {
        if self.strikes(needs) { Err(self.error()) } else { Ok(()) }
    }
}

struct FaultyFile {
    inner: Box<dyn VfsFile>,
    disk: Faulty,
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.disk.strikes(Needs::Space) {
            return self.inner.write(bytes);
        }
        if self.disk.fault == Fault::Short && bytes.len() > 1 {
            return self.inner.write(&bytes[..bytes.len() / 2]);
        }
        Err(self.disk.error())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl VfsFile for FaultyFile {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.disk.step(Needs::Space)?;
        self.inner.finish()
    }
}

impl Vfs for Faulty {
    fn place(&self, path: &CasePath) -> PathBuf {
        self.inner.place(path)
    }
    fn stat(&self, path: &CasePath) -> io::Result<Option<Stat>> {
        self.step(Needs::Nothing)?;
        self.inner.stat(path)
    }
    fn list(&self, folder: &CasePath) -> io::Result<Vec<String>> {
        self.step(Needs::Nothing)?;
        self.inner.list(folder)
    }
    fn open(&self, path: &CasePath) -> io::Result<Box<dyn Read + Send>> {
        self.step(Needs::Nothing)?;
        self.inner.open(path)
    }
    fn create(&self, path: &CasePath, access: Access) -> io::Result<Box<dyn VfsFile>> {
        self.step(Needs::Space)?;
        let inner = self.inner.create(path, access)?;
        Ok(Box::new(FaultyFile { inner, disk: self.clone() }))
    }
    fn create_folder(&self, folder: &CasePath) -> io::Result<()> {
        self.step(Needs::Space)?;
        self.inner.create_folder(folder)
    }
    fn rename(&self, from: &CasePath, to: &CasePath) -> io::Result<()> {
        self.step(Needs::Nothing)?;
        self.inner.rename(from, to)
    }
    fn link(&self, from: &CasePath, to: &CasePath) -> io::Result<()> {
        self.step(Needs::Space)?;
        self.inner.link(from, to)
    }
    fn remove(&self, path: &CasePath) -> io::Result<()> {
        self.step(Needs::Nothing)?;
        self.inner.remove(path)
    }
    fn sync_folder(&self, folder: &CasePath) -> io::Result<()> {
        self.step(Needs::Nothing)?;
        self.inner.sync_folder(folder)
    }
    fn append(&self, path: &CasePath, bytes: &[u8]) -> io::Result<()> {
        if !self.strikes(Needs::Space) {
            return self.inner.append(path, bytes);
        }
        // A failing disk has usually taken a part of the line.
        self.inner.append(path, &bytes[..bytes.len() / 2])?;
        Err(self.error())
    }
    fn truncate(&self, path: &CasePath, length: u64) -> io::Result<()> {
        self.step(Needs::Nothing)?;
        self.inner.truncate(path, length)
    }
    fn lock(&self, path: &CasePath, holder: &str) -> io::Result<Lock> {
        self.step(Needs::Space)?;
        self.inner.lock(path, holder)
    }
}
