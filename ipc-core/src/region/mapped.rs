//! The views over a mapping.
//!
//! # Safety
//!
//! A view is made of a pointer and a length, by [`Region::from_mapping`], whose caller vouches that the
//! mapping stays in place for as long as the region lives and that no other Rust pointer designates it. All
//! offsets come from a validated [`Geometry`], and every index is bounded by construction: words of fixed
//! pages by a const assertion, slots by the mask, cells by a check.

#![allow(unsafe_code)]

#[path = "payload.rs"]
mod payload;
#[path = "slots.rs"]
mod slots;

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::{Access, Bell, Fitting, Len, ReadOnly, ReadWrite, Region, Role, Word};
use crate::geometry::Geometry;
use crate::layout;
use crate::liveness::Liveness;
use crate::slice::Slices;
use crate::sync::{AtomicU32, AtomicU64};

pub use payload::{Payload, PayloadMut};
pub(crate) use slots::{Place, Slot, Slots};

impl<R: Role> Region<R> {
    /// Makes the views of a mapped ring.
    ///
    /// `in_place` says whether payloads may be borrowed where they lie. `keeper` owns the mapping and the
    /// role's locks.
    ///
    /// # Safety
    /// - `base` is the first byte of a mapping of `geometry.total_length()` bytes of a ring of that
    ///   geometry, aligned to the page size, shared, readable, and writable in the sections that
    ///   [`sections`](super::sections) says role `R` writes.
    /// - The mapping stays in place, and backed by memory, until `keeper` is dropped, except in forked
    ///   children, where `keeper.fork_word()` differs.
    /// - No other Rust pointer is used to access these addresses.
    /// - For a producer: `keeper` holds the ring's producer lock, and its `cell_alive` never says `false` of a
    ///   cell whose lock somebody holds.
    /// - Where `in_place` is true: no process writes the ring's memory but through this crate's protocol.
    pub unsafe fn from_mapping(
        geometry: Geometry,
        base: NonNull<u8>,
        in_place: bool,
        keeper: Box<dyn Liveness>,
    ) -> Self {
        // SAFETY: every section lies within the mapping, since `Geometry` is validated.
        let at = |offset: u64| unsafe { base.add(offset as usize) }.cast::<AtomicU64>();
        let page = Page { base: at(geometry.plan.producer_offset), access: PhantomData };
        let hints = Hints { sleepers: at(geometry.plan.hints_offset).cast(), access: PhantomData };
        let cells = Cells {
            base: at(geometry.plan.consumers_offset),
            count: geometry.max_consumers as usize,
            access: PhantomData,
        };
        let slots = Slots {
            base: at(geometry.plan.slots_offset),
            mask: geometry.slots - 1,
            stride: geometry.plan.stride as usize,
            // Not the mapping's end, which is that of a page.
            end: at(geometry.plan.slots_offset + geometry.slots * geometry.plan.stride),
            capacity: geometry.payload_capacity as usize,
            access: PhantomData,
        };
        let fork = keeper.fork_word();
        let borrowable = if in_place { geometry.payload_capacity } else { 0 };
        let (rung, slices, membarrier) = (Cell::new(0), Slices::default(), true);
        Region {
            geometry,
            page,
            hints,
            cells,
            slots,
            in_place,
            borrowable,
            fork,
            membarrier,
            rung,
            slices,
            keeper,
        }
    }
}

/// Views carry no thread's identity: they are plain pointers to shared memory.
macro_rules! send {
    ($view:ident) => {
        // SAFETY: all accesses are atomic or, for payloads, exclusive by the protocol; the mapping belongs
        // to the process, not to a thread.
        unsafe impl<A> Send for $view<A> {}
    };
}
send!(Page);
send!(Hints);
send!(Cells);
send!(Slots);

/// The geometry section, for a ring's creator and for attaching.
pub struct HeaderWords<A> {
    base: NonNull<AtomicU64>,
    access: PhantomData<A>,
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
pub(crate) struct Page<A> {
    base: NonNull<AtomicU64>,
    access: PhantomData<A>,
}

impl<A: Access> Page<A> {
    #[inline(always)]
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        const { assert!(INDEX < layout::page::WORDS) };
        // SAFETY: `INDEX` lies within the page, which is mapped while the region lives.
        Word::new(unsafe { self.base.add(INDEX).as_ref() })
    }

    #[inline(always)]
    pub(crate) fn doorbell(&self) -> Bell<'_, A> {
        // SAFETY: the doorbell lies within the page, which is mapped while the region lives; no word overlaps
        // it, and a page's start is aligned.
        Bell::new(unsafe { self.base.byte_add(layout::page::DOORBELL).cast::<AtomicU32>().as_ref() })
    }
}

/// The hints page.
pub(crate) struct Hints<A> {
    sleepers: NonNull<AtomicU32>,
    access: PhantomData<A>,
}

impl<A: Access> Hints<A> {
    #[inline(always)]
    pub(crate) fn sleepers(&self) -> Bell<'_, A> {
        // SAFETY: the section's first bytes, mapped while the region lives; no word overlaps them.
        Bell::new(unsafe { self.sleepers.as_ref() })
    }

    /// 1 + the highest cell that was ever active, as far as known.
    #[inline(always)]
    pub(crate) fn cells_used(&self) -> Word<'_, A> {
        // SAFETY: a word of the section, aligned, and mapped while the region lives; nothing overlaps it.
        Word::new(unsafe { self.sleepers.cast::<AtomicU64>().add(layout::hints::CELLS_USED).as_ref() })
    }
}

/// The consumers' cells.
pub(crate) struct Cells<A> {
    base: NonNull<AtomicU64>,
    count: usize,
    access: PhantomData<A>,
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

    pub(crate) fn space(&self, cell: usize) -> Bell<'_, A> {
        assert!(cell < self.count);
        // SAFETY: `cell` lies within the section, which is mapped while the region lives.
        let cell = unsafe { self.base.add(cell * layout::cell::WORDS) };
        // SAFETY: the bell lies within its cell, aligned; no word overlaps it.
        Bell::new(unsafe { cell.byte_add(layout::cell::SPACE).cast::<AtomicU32>().as_ref() })
    }
}

/// One consumer's own cell, found once.
pub(crate) struct OwnCell<A> {
    base: NonNull<AtomicU64>,
    access: PhantomData<A>,
}
send!(OwnCell);

impl<A: Access> OwnCell<A> {
    #[inline(always)]
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        const { assert!(INDEX < layout::cell::WORDS) };
        // SAFETY: `INDEX` lies within the cell, which is mapped while the region lives, by the word of who made
        // this view.
        Word::new(unsafe { self.base.add(INDEX).as_ref() })
    }
}
