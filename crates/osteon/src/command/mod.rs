//! The commands, one file each; the list is [`crate::Registry::standard`].
//!
//! In the order of the work: [`import`] → [`segment`], [`edit`] → [`propose`] → [`make`] → [`check`] → [`export`] →
//! [`print`] → [`report`] → [`approve`]; all of it at once: [`model`], [`demo`]; before it: [`info`], [`convert`].
//! Without a case: [`surface`], [`shape`]; on the way to a printer [`advise`], [`prepare`], [`slice`], [`printers`];
//! back from it [`inspect`], [`gauge`]. The state of a case: [`state`], [`replay`].

pub mod advise;
pub mod approve;
pub mod check;
pub mod convert;
pub mod demo;
pub mod edit;
pub mod export;
pub mod gauge;
pub mod import;
pub mod info;
pub mod inspect;
pub mod make;
pub mod model;
pub mod prepare;
pub mod print;
pub mod printers;
pub mod propose;
pub mod replay;
pub mod report;
pub mod segment;
pub mod shape;
pub mod share;
pub mod slice;
pub mod state;
pub mod surface;
