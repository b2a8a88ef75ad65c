//! The commands, one file each; the list is [`crate::Registry::standard`].
//!
//! In the order of the work: [`import`] → [`segment`], [`edit`] → [`propose`] → [`make`] → [`check`] → [`export`] →
//! [`print`] → [`report`]; all of it at once: [`model`], [`demo`]; before it: [`info`], [`convert`]; without a case: [`surface`], [`shape`], [`inspect`], [`gauge`]; the state of a case: [`state`], [`replay`].

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
pub mod print;
pub mod propose;
pub mod replay;
pub mod report;
pub mod segment;
pub mod shape;
pub mod share;
pub mod state;
pub mod surface;
