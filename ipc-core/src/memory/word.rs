//! One word of shared memory, typed by permission.

use core::marker::PhantomData;

use crate::memory::access::{Access, ReadWrite};
use crate::ordering::edge::{self, Edge};
use crate::ordering::sync::{AtomicU64, Ordering};

/// One atomic 8-byte word of shared memory.
pub(crate) struct Word<'a, A> {
    atomic: &'a AtomicU64,
    access: PhantomData<A>,
}

impl<'a, A: Access> Word<'a, A> {
    #[inline(always)]
    pub(super) fn new(atomic: &'a AtomicU64) -> Self {
        Self { atomic, access: PhantomData }
    }

    /// A relaxed load. Whatever it must be ordered with needs a fence of its own.
    #[inline(always)]
    pub(crate) fn load(&self) -> u64 {
        self.atomic.load(Ordering::Relaxed)
    }

    /// A store through any view, which only a seeded fault uses.
    #[cfg(loom)]
    pub(crate) fn store_by_fault(&self, value: u64) {
        self.atomic.store(value, Ordering::Relaxed);
    }

    /// An acquire load, which only a seeded fault uses: a read-only page guarantees relaxed loads alone.
    #[cfg(loom)]
    pub(crate) fn load_acquire(&self) -> u64 {
        self.atomic.load(Ordering::Acquire)
    }
}

impl Word<'_, ReadWrite> {
    /// A relaxed load of a word that this role alone writes, so that it finds what was stored last.
    #[inline(always)]
    pub(crate) fn load_own(&self) -> u64 {
        #[cfg(loom)]
        return self.atomic.load_own();
        #[cfg(not(loom))]
        self.load()
    }

    /// A relaxed store.
    #[inline(always)]
    pub(crate) fn store(&self, value: u64) {
        self.atomic.store(value, Ordering::Relaxed);
    }

    /// Raises the word to `value`, if it is less: relaxed.
    pub(crate) fn raise(&self, value: u64) {
        self.atomic.fetch_max(value, Ordering::Relaxed);
    }

    /// Adds 1, with release: one half of the pair that `edge` names.
    pub(crate) fn count_release(&self, edge: Edge) {
        self.atomic.fetch_add(1, edge::store_ordering(edge));
    }

    /// A release store, one half of the pair that `edge` names.
    #[inline(always)]
    pub(crate) fn store_release(&self, value: u64, edge: Edge) {
        self.atomic.store(value, edge::store_ordering(edge));
    }
}
