//! How a signal handler, or another thread, ends a wait.
//!
//! A wait is made of slices of 20 ms at most, and looks between them. What is raised before a wait begins ends the next
//! one, so a signal that comes just before it isn't missed.
#![allow(clippy::disallowed_types, reason = "the words are private to the process, not shared memory")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often all waits of the process were interrupted.
static ALL: AtomicU64 = AtomicU64::new(0);

/// What ends the waits of one handle.
pub(crate) struct Interrupts {
    /// Raised for this handle.
    own: AtomicBool,
    /// How many of those for all handles this one has been told of.
    told: AtomicU64,
}

impl Interrupts {
    pub(crate) const fn new() -> Self {
        Self { own: AtomicBool::new(false), told: AtomicU64::new(0) }
    }

    /// Those before the handle was made aren't meant for it.
    pub(crate) fn forget(&self) {
        self.take();
    }

    pub(crate) fn raise(&self) {
        self.own.store(true, Ordering::Release);
    }

    /// Whether there was one, which isn't told by this.
    #[inline(always)]
    pub(crate) fn is_raised(&self) -> bool {
        ALL.load(Ordering::Acquire) != self.told.load(Ordering::Relaxed) || self.own.load(Ordering::Relaxed)
    }

    /// Whether there was one, which is told once.
    pub(crate) fn take(&self) -> bool {
        // Most often there was none: a few loads tell.
        if !self.is_raised() {
            return false;
        }
        let (all, told) = (ALL.load(Ordering::Acquire), self.told.load(Ordering::Relaxed));
        self.told.store(all, Ordering::Relaxed);
        self.own.swap(false, Ordering::Acquire) || all != told
    }
}

/// Ends the current or next wait of each handle there is.
pub(crate) fn raise_all() {
    ALL.fetch_add(1, Ordering::Release);
}
