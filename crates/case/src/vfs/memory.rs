//! A disk in memory that keeps, through a power cut, only what was synced.
//!
//! Stricter than real disks: each name and each file's content may survive or not on its own, and an
//! unsynced content may be torn anywhere or end in zeros.

use super::{Access, Lock, Stat, Vfs, VfsFile};
use crate::path::CasePath;
use osteon_core::ctx::Random;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What becomes of everything unsynced when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It is lost.
    All,
    /// It happens to be written.
    Nothing,
    /// Each piece by chance, with this seed.
    Some(u64),
}

/// A disk in memory; clones share it.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Clone, Default)]
struct State {
    names: BTreeMap<CasePath, Node>,
    synced: BTreeMap<CasePath, Node>,
    files: Vec<Content>,
    steps: u64,
    dies_at: Option<u64>,
    lock: Arc<Mutex<Option<String>>>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("names", &self.state().names.len()).finish()
    }
}

fn nothing_there() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no such file")
}

fn in_the_way() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "something is in the way")
}

impl State {
    /// Counts a change; fails once the power is off.
    fn step(&mut self) -> io::Result<()> {
        if self.dies_at.is_some_and(|at| self.steps >= at) {
            return Err(io::Error::other("the power is off"));
        }
        self.steps += 1;
        Ok(())
    }

    fn file(&self, path: &CasePath) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(file)) => Ok(*file),
            Some(Node::Folder) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
            }
            None => Err(nothing_there()),
        }
    }

    fn add(&mut self, path: &CasePath, node: Node) -> io::Result<()> {
        if self.names.get(&path.parent()) != Some(&Node::Folder) {
            return Err(nothing_there());
        }
        if self.names.contains_key(path) {
            return Err(in_the_way());
        }
        self.names.insert(path.clone(), node);
        Ok(())
    }

    fn sync_file(&mut self, file: usize) -> io::Result<()> {
        self.step()?;
        self.files[file].synced = self.files[file].now.clone();
        Ok(())
    }
}

impl Memory {
    /// A disk whose power goes at the given step (number of changes, from 0).
    pub fn dying_at(step: u64) -> Self {
        let disk = Self::default();
        disk.cut_power_at(step);
        disk
    }

    /// Lets the power go at the given step (number of changes since the disk was made, from 0).
    pub fn cut_power_at(&self, step: u64) {
        self.state().dies_at = Some(step);
    }

    /// How many changes were made.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The disk as it may be found when the power comes back.
    #[must_use]
    pub fn after_power_cut(&self, loss: Loss) -> Self {
        let state = self.state();
        let mut choice =
            Choice { loss, random: Random::new(if let Loss::Some(seed) = loss { seed } else { 0 }) };
        let mut names = BTreeMap::new();
        let paths: std::collections::BTreeSet<_> = state.names.keys().chain(state.synced.keys()).collect();
        for path in paths {
            let (now, synced) = (state.names.get(path), state.synced.get(path));
            let node = if now == synced || choice.keeps() { now } else { synced };
            // A name in a folder that was lost is lost with it; folders sort before what is in them.
            let reachable = path.is_root() || names.contains_key(&path.parent());
            if let (Some(node), true) = (node, reachable) {
                names.insert(path.clone(), *node);
            }
        }
        let files = state.files.iter().map(|file| choice.content(file)).collect();
        let found = State { synced: names.clone(), names, files, ..State::default() };
        Self(Arc::new(Mutex::new(found)))
    }

    /// Every regular file and its content, for comparison.
    pub fn files(&self) -> BTreeMap<CasePath, Vec<u8>> {
        let state = self.state();
        let content = |(path, node): (&CasePath, &Node)| match node {
            Node::File(file) => Some((path.clone(), state.files[*file].now.clone())),
            Node::Folder => None,
        };
        state.names.iter().filter_map(content).collect()
    }

    /// Changes a file behind the back of the case, as another program or a failing disk would.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn tamper(&self, path: &CasePath, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(path)?;
        change(&mut state.files[file].now);
        state.files[file].synced = state.files[file].now.clone();
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What survives.
struct Choice {
    loss: Loss,
    random: Random,
}

impl Choice {
    fn keeps(&mut self) -> bool {
        match self.loss {
            Loss::All => false,
            Loss::Nothing => true,
            Loss::Some(_) => self.random.bits() & 1 == 1,
        }
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.random.uniform() * (high - low + 1) as f64) as usize
    }

    fn content(&mut self, file: &Content) -> Content {
        let mut found = if self.keeps() { file.now.clone() } else { file.synced.clone() };
        if matches!(self.loss, Loss::Some(_)) && file.now.starts_with(&file.synced) && self.keeps() {
            let kept = self.between(file.synced.len(), file.now.len());
            found = file.now[..kept].to_vec();
            if self.keeps() {
                // The length is written, a block is not: a hole of zeros, perhaps up to the end.
                let end = self.between(kept, file.now.len());
                found.resize(end, 0);
                found.extend_from_slice(&file.now[end..]);
            }
        }
        Content { synced: found.clone(), now: found }
    }
}

struct MemoryFile {
    disk: Memory,
    file: usize,
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.step()?;
        state.files[self.file].now.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl VfsFile for MemoryFile {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.disk.state().sync_file(self.file)
    }
}

/// Frees the lock when dropped.
struct Held(Arc<Mutex<Option<String>>>);

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Vfs for Memory {
    fn place(&self, path: &CasePath) -> PathBuf {
        PathBuf::from("/memory").join(path.as_str())
    }

    fn stat(&self, path: &CasePath) -> io::Result<Option<Stat>> {
        let state = self.state();
        Ok(state.names.get(path).map(|node| match node {
            Node::Folder => Stat::Folder,
            Node::File(file) => Stat::File(state.files[*file].now.len() as u64),
        }))
    }

    fn list(&self, folder: &CasePath) -> io::Result<Vec<String>> {
        let state = self.state();
        if state.names.get(folder) != Some(&Node::Folder) {
            return Err(nothing_there());
        }
        let inside = |path: &&CasePath| !path.is_root() && path.parent() == *folder;
        let name = |path: &CasePath| path.parts().last().unwrap_or_default().to_owned();
        Ok(state.names.keys().filter(inside).map(name).collect())
    }

    fn open(&self, path: &CasePath) -> io::Result<Box<dyn Read + Send>> {
        let state = self.state();
        Ok(Box::new(io::Cursor::new(state.files[state.file(path)?].now.clone())))
    }

    fn create(&self, path: &CasePath, _: Access) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.state();
        state.step()?;
        let file = state.files.len();
        state.add(path, Node::File(file))?;
        state.files.push(Content::default());
        Ok(Box::new(MemoryFile { disk: self.clone(), file }))
    }

    fn create_folder(&self, folder: &CasePath) -> io::Result<()> {
        let mut state = self.state();
        match state.names.get(folder) {
            Some(Node::Folder) => return Ok(()),
            Some(Node::File(_)) => return Err(in_the_way()),
            None => state.step()?,
        }
        if folder.is_root() {
            state.names.insert(folder.clone(), Node::Folder);
            state.synced.insert(folder.clone(), Node::Folder);
            return Ok(());
        }
        state.add(folder, Node::Folder)
    }

    fn rename(&self, from: &CasePath, to: &CasePath) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let file = state.file(from)?;
        match state.names.get(to) {
            Some(Node::Folder) => return Err(in_the_way()),
            // As POSIX has it: two names of one content stay as they are.
            Some(Node::File(other)) if *other == file => return Ok(()),
            Some(Node::File(_)) => drop(state.names.remove(to)),
            None => {}
        }
        state.add(to, Node::File(file))?;
        state.names.remove(from);
        Ok(())
    }

    fn link(&self, from: &CasePath, to: &CasePath) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let file = state.file(from)?;
        state.add(to, Node::File(file))
    }

    fn remove(&self, path: &CasePath) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.file(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn sync_folder(&self, folder: &CasePath) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let inside = |path: &CasePath| !path.is_root() && path.parent() == *folder;
        let now: Vec<_> =
            state.names.iter().filter(|(path, _)| inside(path)).map(|(p, n)| (p.clone(), *n)).collect();
        state.synced.retain(|path, _| !inside(path));
        state.synced.extend(now);
        Ok(())
    }

    fn append(&self, path: &CasePath, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(path)?;
        state.step()?;
        state.files[file].now.extend_from_slice(bytes);
        state.sync_file(file)
    }

    fn truncate(&self, path: &CasePath, length: u64) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(path)?;
        state.step()?;
        state.files[file].now.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        state.sync_file(file)
    }

    fn lock(&self, path: &CasePath, holder: &str) -> io::Result<Lock> {
        let mut state = self.state();
        if !state.names.contains_key(path) {
            state.step()?;
            let file = state.files.len();
            state.add(path, Node::File(file))?;
            state.files.push(Content::default());
        }
        let mut held = state.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = held.as_ref() {
            return Ok(Lock::Busy(other.clone()));
        }
        *held = Some(holder.to_owned());
        drop(held);
        Ok(Lock::Held(Box::new(Held(Arc::clone(&state.lock)))))
    }
}
