//! The sections' views over a mapping, but for the slots.
//!
//! # Safety
//!
//! A view is made of a pointer and a length, by
//! [`Region::from_mapping`](crate::memory::region::Region::from_mapping), whose caller vouches that the
//! mapping stays in place for as long as the region lives and that no other Rust pointer designates it. All
//! offsets come from a validated geometry, and every index is bounded by construction: words of fixed
//! pages by a const assertion, slots by the mask, cells by a check.

#![allow(unsafe_code)]

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::format::layout;
use crate::format::seq::Seq;
use crate::memory::access::{Access, ReadOnly, ReadWrite};
use crate::memory::futex_word::FutexWord;
use crate::memory::word::Word;
use crate::ordering::sync::{AtomicU32, AtomicU64};

/// Views carry no thread's identity: they are plain pointers to shared memory.
macro_rules! send {
    ($view:ident) => {
        // SAFETY: all accesses are atomic or, for payloads, exclusive by the protocol; the mapping belongs
        // to the process, not to a thread.
        unsafe impl<A> Send for $view<A> {}
    };
}
send!(ProducerPage);
send!(Hints);
send!(Cells);

// SAFETY: its words are reached by atomic accesses alone, from whatever thread.
unsafe impl<A> Sync for ProducerPage<A> {}
// SAFETY: as above.
unsafe impl<A> Sync for Hints<A> {}

/// The geometry section, for a ring's creator and for attaching.
pub struct HeaderWords<A> {
    pub(super) base: NonNull<AtomicU64>,
    pub(super) access: PhantomData<A>,
}

impl<A: Access> HeaderWords<A> {
    /// # Safety
    /// `base` is 8-aligned and points to [`layout::GEOMETRY_BYTES`] readable bytes, writable too where `A`
    /// is [`ReadWrite`], that stay mapped as long as the view is used.
    pub(crate) unsafe fn from_raw(base: NonNull<u8>) -> Self {
        Self { base: base.cast(), access: PhantomData }
    }

    pub(crate) fn word(&self, index: usize) -> Word<'_, A> {
        assert!(index < layout::geometry::WORDS);
        // SAFETY: `index` lies within the section, which is mapped while the view lives.
        Word::new(unsafe { self.base.add(index).as_ref() })
    }
}

/// The header's views, for the mapping crates.
impl HeaderWords<ReadOnly> {
    /// Views the header of a mapped ring.
    ///
    /// # Safety
    /// `base` is 8-aligned and points to [`layout::GEOMETRY_BYTES`] readable bytes that stay mapped as long
    /// as the view is used.
    pub unsafe fn readable(base: NonNull<u8>) -> Self {
        // SAFETY: the caller's.
        unsafe { Self::from_raw(base) }
    }
}

impl HeaderWords<ReadWrite> {
    /// Views the header of a ring to be formatted.
    ///
    /// # Safety
    /// As for [`readable`](HeaderWords::readable), and the bytes are writable.
    pub unsafe fn writable(base: NonNull<u8>) -> Self {
        // SAFETY: the caller's.
        unsafe { Self::from_raw(base) }
    }
}

/// The producer page.
pub(crate) struct ProducerPage<A> {
    pub(super) base: NonNull<AtomicU64>,
    /// The ring's first sequence, at which head stands until a producer has stored it.
    pub(crate) first: Seq,
    pub(super) access: PhantomData<A>,
}

impl<A: Access> ProducerPage<A> {
    #[inline(always)]
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        const { assert!(INDEX < layout::producer_page::WORDS) };
        // SAFETY: `INDEX` lies within the page, which is mapped while the region lives.
        Word::new(unsafe { self.base.add(INDEX).as_ref() })
    }

    #[inline(always)]
    pub(crate) fn doorbell(&self) -> FutexWord<'_, A> {
        // SAFETY: the doorbell lies within the page, which is mapped while the region lives; no word overlaps
        // it, and a page's start is aligned.
        FutexWord::new(unsafe {
            self.base.byte_add(layout::producer_page::DOORBELL).cast::<AtomicU32>().as_ref()
        })
    }
}

/// The hints page.
pub(crate) struct Hints<A> {
    pub(super) sleepers: NonNull<AtomicU32>,
    pub(super) access: PhantomData<A>,
}

impl<A: Access> Hints<A> {
    #[inline(always)]
    pub(crate) fn sleepers(&self) -> FutexWord<'_, A> {
        // SAFETY: the section's first bytes, mapped while the region lives; no word overlaps them.
        FutexWord::new(unsafe { self.sleepers.as_ref() })
    }

    /// 1 + the highest cell that was ever active, as far as known.
    #[inline(always)]
    pub(crate) fn cells_used(&self) -> Word<'_, A> {
        // SAFETY: a word of the section, aligned, and mapped while the region lives; nothing overlaps it.
        Word::new(unsafe { self.sleepers.cast::<AtomicU64>().add(layout::hints::CELLS_USED).as_ref() })
    }

    /// How many consumers have been cloned, ever.
    #[inline(always)]
    pub(crate) fn clones(&self) -> Word<'_, A> {
        // SAFETY: as for `cells_used`.
        Word::new(unsafe { self.sleepers.cast::<AtomicU64>().add(layout::hints::CLONES).as_ref() })
    }
}

/// The consumers' cells.
pub(crate) struct Cells<A> {
    pub(super) base: NonNull<AtomicU64>,
    pub(super) count: usize,
    pub(super) access: PhantomData<A>,
}

impl<A: Access> Cells<A> {
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    #[inline(always)]
    pub(crate) fn word<const INDEX: usize>(&self, cell: usize) -> Word<'_, A> {
        const { assert!(INDEX < layout::cell::WORDS) };
        assert!(cell < self.count);
        // SAFETY: `cell` and `INDEX` lie within the section, which is mapped while the region lives.
        Word::new(unsafe { self.base.add(cell * layout::cell::WORDS + INDEX).as_ref() })
    }

    /// A view of one cell.
    ///
    /// # Safety
    /// It isn't used once the region is gone.
    pub(crate) unsafe fn own(&self, cell: usize) -> OwnCell<A> {
        assert!(cell < self.count);
        // SAFETY: `cell` lies within the section, which is mapped while the region lives.
        OwnCell { base: unsafe { self.base.add(cell * layout::cell::WORDS) }, access: PhantomData }
    }

    pub(crate) fn space_bell(&self, cell: usize) -> FutexWord<'_, A> {
        assert!(cell < self.count);
        // SAFETY: `cell` lies within the section, which is mapped while the region lives.
        let cell = unsafe { self.base.add(cell * layout::cell::WORDS) };
        // SAFETY: the bell lies within its cell, aligned; no word overlaps it.
        FutexWord::new(unsafe { cell.byte_add(layout::cell::SPACE).cast::<AtomicU32>().as_ref() })
    }
}

/// One consumer's own cell, found once.
pub(crate) struct OwnCell<A> {
    pub(super) base: NonNull<AtomicU64>,
    pub(super) access: PhantomData<A>,
}
send!(OwnCell);

impl<A: Access> OwnCell<A> {
    #[inline(always)]
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        const { assert!(INDEX < layout::cell::WORDS) };
        // SAFETY: `INDEX` lies within the cell, which is mapped while the region lives. The maker of
        // this view keeps the region.
        Word::new(unsafe { self.base.add(INDEX).as_ref() })
    }
}
