//! Ringway for C and C++: what `include/ringway.h` declares.
//!
//! Rust programs use `ringway`. This crate is the shared library and the archive that C programs link, with the
//! functions of [`ring`], [`consumer`], [`best_effort`], [`observer`] and [`producer`].
//!
//! # Safety
//! C can't say what a pointer leads to. Each function names what it takes: a handle, which it checks as far as it can,
//! and pointers that must be NULL, or lead to memory of their type. A panic ends in `entry`, and never crosses into
//! the caller.

pub mod codes;

pub mod event;

pub mod options;

// In the order of the header.
pub mod ring;

pub mod whether_there;

pub mod stats;

pub mod producer;

pub mod publish;

pub mod skip_to;

pub mod deferred_wake;

pub mod patience;

pub mod consumer;

pub mod best_effort;

pub mod observer;

pub mod canceller;

pub mod text;

mod copies;
mod entry;
mod error;
mod handle;
mod interrupt;
mod notifier;
mod poison;
mod receive;
mod wait;
