//! Big-endian numbers out of a marker segment or a box.

use super::{Jpeg2000Error, damaged};

/// What is left of a segment. Reading past its end is an error that names the segment.
#[derive(Clone)]
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
    name: &'static str,
}

impl<'a> Bytes<'a> {
    pub(super) const fn new(rest: &'a [u8], name: &'static str) -> Self {
        Self { rest, name }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Jpeg2000Error> {
        match self.rest.split_first_chunk::<N>() {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(*first)
            }
            None => damaged(format!("{} is too short", self.name)),
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8, Jpeg2000Error> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Jpeg2000Error> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Jpeg2000Error> {
        self.take().map(u32::from_be_bytes)
    }

    /// The index of a component: one byte in images of fewer than 257 components, two otherwise.
    pub(super) fn component(&mut self, components: u16) -> Result<u16, Jpeg2000Error> {
        if components < 257 { self.u8().map(u16::from) } else { self.u16() }
    }
}
