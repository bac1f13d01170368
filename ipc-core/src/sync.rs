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
#[cfg(loom)]
pub(crate) use loom::thread_local;

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

    /// A load of a word that nobody else writes now.
    ///
    /// loom tracks the last access to an atomic alone. If that is the load by which a thread prepares its own
    /// store, loom sees no reason to try the store before what other threads loaded. This load isn't tracked;
    /// instead loom fails if somebody else's store isn't ordered before it.
    #[cfg(loom)]
    #[allow(unsafe_code)]
    pub(crate) fn load_own(&self) -> u64 {
        // SAFETY: the access is loom's own, which checks the condition.
        unsafe { self.0.unsync_load() }
    }

    #[inline(always)]
    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        #[cfg(loom)]
        if !crate::death::lives() {
            return;
        }
        self.0.store(value, ordering);
    }
}

/// Keeps what comes after it after the loads before it, as far as a signal handler of this thread can tell.
#[inline(always)]
pub(crate) fn signal_fence() {
    core::sync::atomic::compiler_fence(Ordering::Acquire);
}

#[inline(always)]
pub(crate) fn fence(ordering: Ordering) {
    #[cfg(loom)]
    if !crate::death::lives() {
        return;
    }
    library::fence(ordering);
}
