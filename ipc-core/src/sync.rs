//! The one place that names an atomic library: `core`'s in production, loom's under `cfg(loom)`.
//!
//! Everything else in the crate takes its atomics from here, so the code that loom explores is the code
//! that ships.

#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::cell::{ConstPtr, MutPtr, UnsafeCell};

/// The process-private word that a fork wipes: never shared between processes, so never a loom atomic.
pub(crate) use core::sync::atomic::AtomicU64 as PrivateU64;
