//! The one place that names an atomic library: `core`'s in production, loom's under `cfg(loom)`.
//!
//! Everything else in the crate takes its atomics from here (`clippy.toml` bans the rest), so the code that
//! loom explores is the code that ships.
//!
//! # Safety
//! The one unsafe call is loom's own unsynchronised load, which loom checks.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this is the module the ban leaves")]

#[cfg(not(loom))]
use core::sync::atomic as library;
#[cfg(loom)]
use loom::sync::atomic as library;

#[cfg(loom)]
pub(crate) use loom::cell::{ConstPtr, MutPtr, UnsafeCell};
#[cfg(loom)]
pub(crate) use loom::{sync::Mutex, thread_local};

pub(crate) use library::Ordering;

/// A word by which threads of this process wake each other.
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::AtomicU32 as PrivateU32;
/// The process-private word that a fork wipes: never shared between processes, so never a loom atomic.
pub(crate) use core::sync::atomic::AtomicU64 as PrivateU64;

/// The atomics of shared memory, one of each size: no byte is ever accessed in two sizes.
macro_rules! atomic {
    ($(#[doc = $doc:literal])+ $name:ident($value:ty)) => {
        $(#[doc = $doc])+
        #[repr(transparent)]
        pub(crate) struct $name(library::$name);

        impl $name {
            #[cfg(loom)]
            pub(crate) fn new(value: $value) -> Self {
                Self(library::$name::new(value))
            }

            #[inline(always)]
            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                self.0.load(ordering)
            }

            /// A load of a word that nobody else writes now.
            ///
            /// loom tracks the last access to an atomic alone. If that is the load by which a thread prepares
            /// its own store, loom sees no reason to try the store before what other threads loaded. This load
            /// isn't tracked; instead loom fails if somebody else's store isn't ordered before it.
            #[cfg(loom)]
            #[allow(unsafe_code)]
            pub(crate) fn load_own(&self) -> $value {
                // SAFETY: the access is loom's own, which checks the condition.
                unsafe { self.0.unsync_load() }
            }

            #[inline(always)]
            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                #[cfg(loom)]
                if !crate::ordering::death::lives() {
                    return;
                }
                self.0.store(value, ordering);
            }
        }
    };
}

atomic! {
    /// A word of shared memory.
    AtomicU64(u64)
}
atomic! {
    /// A word of shared memory that the kernel can compare before it lets a thread sleep.
    AtomicU32(u32)
}

impl AtomicU64 {
    /// A word that lies in no ring.
    #[cfg(not(loom))]
    pub(crate) const fn new(value: u64) -> Self {
        Self(library::AtomicU64::new(value))
    }

    #[inline(always)]
    pub(crate) fn fetch_max(&self, value: u64, ordering: Ordering) {
        #[cfg(loom)]
        if !crate::ordering::death::lives() {
            return;
        }
        self.0.fetch_max(value, ordering);
    }

    #[inline(always)]
    pub(crate) fn fetch_add(&self, value: u64, ordering: Ordering) {
        #[cfg(loom)]
        if !crate::ordering::death::lives() {
            return;
        }
        self.0.fetch_add(value, ordering);
    }
}

#[cfg(not(loom))]
impl Default for AtomicU32 {
    fn default() -> Self {
        Self(library::AtomicU32::new(0))
    }
}

impl AtomicU32 {
    pub(crate) fn fetch_or(&self, value: u32, ordering: Ordering) {
        #[cfg(loom)]
        if !crate::ordering::death::lives() {
            return;
        }
        self.0.fetch_or(value, ordering);
    }

    pub(crate) fn swap(&self, value: u32, ordering: Ordering) -> u32 {
        #[cfg(loom)]
        if !crate::ordering::death::lives() {
            return self.load(Ordering::Relaxed);
        }
        self.0.swap(value, ordering)
    }

    #[inline(always)]
    pub(crate) fn fetch_add(&self, value: u32, ordering: Ordering) {
        #[cfg(loom)]
        if !crate::ordering::death::lives() {
            return;
        }
        self.0.fetch_add(value, ordering);
    }
}

/// Where the word lies, for the kernel.
#[cfg(not(loom))]
impl AtomicU32 {
    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> *mut u32 {
        self.0.as_ptr()
    }
}

/// Keeps the compiler from moving anything across it. That is all that is left of a fence whose other side has the
/// kernel interrupt the running threads.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn compiler_fence() {
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// Keeps what comes after it after the loads before it, as far as a signal handler of this thread can tell.
#[inline(always)]
pub(crate) fn signal_fence() {
    core::sync::atomic::compiler_fence(Ordering::Acquire);
}

#[inline(always)]
pub(crate) fn fence(ordering: Ordering) {
    #[cfg(loom)]
    if !crate::ordering::death::lives() {
        return;
    }
    library::fence(ordering);
}
