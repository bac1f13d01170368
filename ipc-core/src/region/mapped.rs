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

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::{Access, Bell, Fitting, Len, ReadOnly, ReadWrite, Region, Role, Word};
use crate::copy;
use crate::geometry::Geometry;
use crate::layout;
use crate::liveness::Liveness;
use crate::seq::Seq;
use crate::sync::{AtomicU32, AtomicU64};

pub use payload::{Payload, PayloadMut};

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
        Region { geometry, page, hints, cells, slots, in_place, borrowable, fork, rung: Cell::new(0), keeper }
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
        // SAFETY: the section's first bytes, mapped while the region lives; nothing else lies there.
        Bell::new(unsafe { self.sleepers.as_ref() })
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

/// The slots.
pub(crate) struct Slots<A> {
    base: NonNull<AtomicU64>,
    mask: u64,
    /// Bytes from one slot to the next.
    stride: usize,
    /// Where the last slot ends.
    end: NonNull<AtomicU64>,
    /// Bytes of payload in a slot.
    capacity: usize,
    access: PhantomData<A>,
}

impl<A: Access> Slots<A> {
    /// A view of one's own, for a loop: the compiler keeps it in registers. Of what lies behind a pointer it can't know
    /// that the stores to the slots leave it alone.
    #[inline(always)]
    pub(crate) fn local(&self) -> Self {
        Self { ..*self }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.mask + 1
    }

    #[inline(always)]
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The slot of `seq`.
    #[inline(always)]
    pub(crate) fn at(&self, seq: Seq) -> Slot<'_, A> {
        let index = (seq.get() & self.mask) as usize;
        // SAFETY: the mask keeps `index` below the number of slots, all of which the mapping holds.
        let base = unsafe { self.base.byte_add(index * self.stride) };
        Slot { base, seq, capacity: self.capacity, slots: PhantomData }
    }

    /// Where the slot of `seq` lies.
    #[inline(always)]
    pub(crate) fn place(&self, seq: Seq) -> Place {
        Place { base: self.at(seq).base, published: seq.published() }
    }

    /// Where the slot after `place` lies.
    ///
    /// # Safety
    /// `place` is of these slots.
    #[inline(always)]
    pub(crate) unsafe fn next_place(&self, place: Place) -> Place {
        // SAFETY: the end of a slot is where the next one begins, or the end of the mapping.
        let base = unsafe { place.base.byte_add(self.stride) };
        let base = if base == self.end { self.base } else { base };
        Place { base, published: place.published.wrapping_add(2) }
    }

    /// Has the cache fetch the beginning of the slot `n` places on.
    #[inline(always)]
    pub(crate) fn prefetch(&self, place: Place, n: usize) {
        // Past the last slot it fetches something else, which does no harm: the first slots aren't worth the question.
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let there = place.base.as_ptr().cast::<i8>().wrapping_byte_add(n.wrapping_mul(self.stride));
            // SAFETY: a prefetch accesses nothing, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(there) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (place, n);
    }

    /// The slot at a place found before.
    ///
    /// # Safety
    /// `place` is of these slots, and their region lives as long as the result.
    #[inline(always)]
    pub(crate) unsafe fn slot<'s>(&self, place: Place) -> Slot<'s, A> {
        Slot { base: place.base, seq: place.seq(), capacity: self.capacity, slots: PhantomData }
    }
}

/// Where a message's slot lies, for whoever looks there more than once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    base: NonNull<AtomicU64>,
    /// The stamp that it will have: that is what is looked for.
    published: u64,
}

// SAFETY: an address, which belongs to the process, not to a thread.
unsafe impl Send for Place {}

impl Place {
    #[inline(always)]
    pub(crate) fn seq(self) -> Seq {
        Seq::new((self.published >> 1).wrapping_sub(1))
    }

    /// The stamp of the message once it is published.
    #[inline(always)]
    pub(crate) fn published(self) -> u64 {
        self.published
    }
}

/// The slot of one message.
pub(crate) struct Slot<'a, A> {
    base: NonNull<AtomicU64>,
    seq: Seq,
    capacity: usize,
    slots: PhantomData<&'a Slots<A>>,
}

impl<A> Clone for Slot<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Slot<'_, A> {}

impl<'a, A: Access> Slot<'a, A> {
    #[inline(always)]
    pub(crate) fn seq(self) -> Seq {
        self.seq
    }

    /// Bytes of payload that it holds.
    #[inline(always)]
    pub(crate) fn capacity(self) -> usize {
        self.capacity
    }

    #[inline(always)]
    fn payload(self) -> NonNull<AtomicU64> {
        // SAFETY: a slot is at least as long as its header.
        unsafe { self.base.add(layout::slot::HEADER_WORDS) }
    }

    #[inline(always)]
    pub(crate) fn stamp(self) -> Word<'a, A> {
        // SAFETY: the slot's first word, mapped while the region lives.
        Word::new(unsafe { self.base.add(layout::slot::STAMP).as_ref() })
    }

    #[inline(always)]
    pub(crate) fn len_and_tag(self) -> Word<'a, A> {
        // SAFETY: the slot's second word, mapped while the region lives.
        Word::new(unsafe { self.base.add(layout::slot::LEN_AND_TAG).as_ref() })
    }

    /// Copies the payload out, whatever it is: it may change meanwhile.
    ///
    /// # Panics
    /// If `dst` is shorter than `len`.
    #[inline(always)]
    pub(crate) fn copy_out(self, len: Len, dst: &mut [u8]) {
        let dst = &mut dst[..len.get()];
        // SAFETY: `len` fits the payload area, which is padded to words; `dst` is private memory.
        unsafe { copy::copy_out(dst.as_mut_ptr(), self.payload().as_ptr().cast(), dst.len()) };
    }

    /// Borrows the payload where it lies.
    ///
    /// # Safety
    /// The producer has published the message, and won't overwrite it while the result lives.
    #[inline(always)]
    pub(crate) unsafe fn borrow(self, len: Len) -> Payload<'a> {
        // SAFETY: `len` fits the payload area; by the caller's word nothing writes it meanwhile.
        Payload::from(unsafe { core::slice::from_raw_parts(self.payload().as_ptr().cast(), len.get()) })
    }
}

impl<'a> Slot<'a, ReadWrite> {
    /// Copies `message` into the slot.
    #[inline(always)]
    pub(crate) fn copy_in(self, message: Fitting<'_>) {
        let message = message.0;
        // SAFETY: `message` fits the payload area, which is padded to words and mapped writable.
        unsafe { copy::copy_in(self.payload().as_ptr().cast(), message.as_ptr(), message.len()) };
    }

    /// Borrows the payload for writing.
    ///
    /// # Safety
    /// The message is the one being written, no reader accepts the slot while the result lives, and it is
    /// the only borrow of the slot through this view.
    #[inline(always)]
    pub(crate) unsafe fn borrow_mut(self, len: Len) -> PayloadMut<'a> {
        let bytes = self.payload().as_ptr().cast();
        // SAFETY: `len` fits the payload area, mapped writable; by the caller's word the borrow is the only
        // one through this mapping, and no other Rust pointer designates it (`from_mapping`).
        PayloadMut::from(unsafe { core::slice::from_raw_parts_mut(bytes, len.get()) })
    }
}
