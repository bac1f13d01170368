//! The one place that names an atomic library: `core`'s in production, loom's under `cfg(loom)`.
//!
//! Everything else in the crate takes its atomics from here (`clippy.toml` bans the rest), so the code that
//! loom explores is the code that ships.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this is the module the ban leaves")]

#[cfg(not(loom))]
use core::sync::atomic as library;
#[cfg(loom)]
use loom::sync::atomic as library;

#[cfg(loom)]
pub(crate) use loom::cell::{ConstPtr, MutPtr, UnsafeCell};

pub(crate) use library::Ordering;

/// The process-private word that a fork wipes: never shared between processes, so never a loom atomic.
pub(crate) use core::sync::atomic::AtomicU64 as PrivateU64;

/// A word of shared memory.
#[repr(transparent)]
pub(crate) struct AtomicU64(library::AtomicU64);

impl AtomicU64 {
    #[cfg(loom)]
    pub(crate) fn new(value: u64) -> Self {
        Self(library::AtomicU64::new(value))
    }

    #[inline(always)]
    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(ordering)
    }

    #[inline(always)]
    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        self.0.store(value, ordering);
    }
}

#[inline(always)]
pub(crate) fn fence(ordering: Ordering) {
    library::fence(ordering);
}
