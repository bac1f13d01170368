//! The slots over a mapping.
//!
//! # Safety
//!
//! As for the other views: see `mapped.rs`. A walk holds an address that was found in its slots, and steps by their
//! stride: past the last slot it goes on at the first. Where slots have no headers, it stays at a word of its own. The
//! parts of a slot are those that the ring's plan gives it: the view is made of a validated geometry.

#![allow(unsafe_code)]

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::format::seq::Seq;
use crate::memory::access::{Access, ReadWrite};
use crate::memory::copy;
use crate::memory::parts::{AnyParts, Headed, Parts};
use crate::memory::payload::{Payload, PayloadMut};
use crate::memory::short::{Short, ShortLen};
use crate::memory::short_copy;
use crate::memory::sized::{Len, SizedMessage};
use crate::memory::word::Word;
use crate::ordering::sync::AtomicU64;

/// No system has smaller pages.
const LEAST_PAGE: usize = 4096;

/// The slots.
pub(crate) struct Slots<A> {
    pub(super) headers: Headers,
    pub(super) mask: u64,
    /// Bytes from one payload to the next.
    pub(super) stride: usize,
    /// Bytes of payload in a slot.
    pub(super) capacity: usize,
    /// What a length is below that fits slots with headers: 0 if messages have one length, so that none does.
    pub(super) headed_below: usize,
    /// The first slot's payload.
    pub(super) payloads: NonNull<AtomicU64>,
    /// The first slot's stamp, and bytes from one stamp to the next.
    pub(super) stamps: NonNull<AtomicU64>,
    pub(super) stamp_stride: usize,
    pub(super) access: PhantomData<A>,
}

/// The headers of slots that begin with one.
#[derive(Clone, Copy)]
pub(super) struct Headers {
    pub(super) first: NonNull<AtomicU64>,
    /// Bytes from one header to the next.
    pub(super) stride: usize,
    /// Where the last slot ends.
    pub(super) end: NonNull<AtomicU64>,
}

/// What stands for a stamp where slots have no headers: that of no message.
static NO_STAMP: AtomicU64 = AtomicU64::new(u64::MAX);

impl Headers {
    /// Those of slots that have none: one word, from which no step leads away. The short ways find no message in it,
    /// and so go the long ways, which know all strides. So the short ways needn't ask which stride it is.
    pub(super) const NONE: Self = {
        let first = match NonNull::new((&raw const NO_STAMP).cast_mut()) {
            Some(address) => address,
            None => panic!("a static has an address"),
        };
        // SAFETY: one past the word.
        Self { first, stride: 0, end: unsafe { first.add(1) } }
    };
}

// SAFETY: all accesses are atomic or, for payloads, exclusive by the protocol; the mapping belongs to the process, not
// to a thread.
unsafe impl<A> Send for Slots<A> {}

impl<A: Access> Slots<A> {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.mask + 1
    }

    #[inline(always)]
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether each slot has a header, with its message's length and tag.
    #[inline(always)]
    pub(crate) fn are_headed(&self) -> bool {
        self.headed_below != 0
    }

    /// The slot of `seq`, whatever the stride.
    #[inline(always)]
    pub(crate) fn at(&self, seq: Seq) -> Slot<'_, A> {
        Slot { parts: self.parts(seq), seq, capacity: self.capacity, slots: PhantomData }
    }

    /// The slot of `seq` in a ring whose slots have headers. Elsewhere it has a stamp of no message, and nothing else.
    #[inline(always)]
    pub(crate) fn headed(&self, seq: Seq) -> Slot<'_, A, Headed> {
        Slot { parts: Headed(self.header(seq)), seq, capacity: self.capacity, slots: PhantomData }
    }

    #[inline(always)]
    fn index(&self, seq: Seq) -> usize {
        (seq.get() & self.mask) as usize
    }

    /// Where the slot of `seq` begins, if with a header.
    #[inline(always)]
    fn header(&self, seq: Seq) -> NonNull<AtomicU64> {
        // SAFETY: the mask keeps the index below the number of slots, all of which the mapping holds. Where there are
        // no headers, the stride is 0.
        unsafe { self.headers.first.byte_add(self.index(seq) * self.headers.stride) }
    }

    #[inline(always)]
    fn parts(&self, seq: Seq) -> AnyParts {
        let index = self.index(seq);
        // SAFETY: the mask keeps the index below the number of slots. There is a stamp and a payload for each, and the
        // mapping holds them all.
        let (stamp, payload) = unsafe {
            (self.stamps.byte_add(index * self.stamp_stride), self.payloads.byte_add(index * self.stride))
        };
        AnyParts { stamp, payload, headed: self.are_headed() }
    }

    /// Has the cache fetch the slots of the `n` messages from `seq` on.
    #[inline(always)]
    pub(crate) fn prefetch(&self, seq: Seq, n: u64) {
        let parts = self.parts(seq);
        let mut slot = (if parts.headed { parts.stamp } else { parts.payload }).as_ptr();
        for _ in 0..n {
            prefetch(slot, self.stride);
            slot = slot.wrapping_byte_add(self.stride);
        }
    }

    /// A walk that begins at the slot of `seq`.
    #[inline(always)]
    pub(crate) fn walk(&self, seq: Seq) -> Walk<'_, A> {
        let at = SlotAddress { base: self.header(seq), published: seq.published() };
        Walk { slots: Self { ..*self }, at: Cell::new(at), of: PhantomData }
    }

    /// The same, to be kept beside the region.
    ///
    /// # Safety
    /// The region lives as long as the walk, and as the slots that it shows.
    pub(crate) unsafe fn walk_kept(&self, seq: Seq) -> Walk<'static, A> {
        let Walk { slots, at, .. } = self.walk(seq);
        Walk { slots, at, of: PhantomData }
    }
}

/// A walk from slot to slot. It finds a slot's address once, and steps from there to the next.
///
/// It has a view of the slots of its own, which the compiler keeps in registers in a loop. Of a view behind a pointer
/// it can't know that the stores to the slots leave it alone.
pub(crate) struct Walk<'s, A> {
    slots: Slots<A>,
    /// Found in `slots`.
    at: Cell<SlotAddress>,
    /// Of the region's borrow. Not of the slots', which aren't `Sync`.
    of: PhantomData<&'s ()>,
}

/// Where a message's slot lies.
#[derive(Clone, Copy)]
struct SlotAddress {
    base: NonNull<AtomicU64>,
    /// The stamp that the message will have: that is what is looked for.
    published: u64,
}

// SAFETY: an address, which belongs to the process, not to a thread.
unsafe impl Send for SlotAddress {}

impl<A: Access> Clone for Walk<'_, A> {
    #[inline(always)]
    fn clone(&self) -> Self {
        Self { slots: Slots { ..self.slots }, at: self.at.clone(), of: PhantomData }
    }
}

impl<'s, A: Access> Walk<'s, A> {
    /// The message whose slot the walk is at.
    #[inline(always)]
    pub(crate) fn seq(&self) -> Seq {
        Seq::new((self.published() >> 1).wrapping_sub(1))
    }

    /// The stamp of that message once it is published.
    #[inline(always)]
    pub(crate) fn published(&self) -> u64 {
        self.at.get().published
    }

    /// The slot that the walk is at, whatever the stride.
    #[inline(always)]
    pub(crate) fn slot(&self) -> Slot<'s, A> {
        let seq = self.seq();
        Slot { parts: self.slots.parts(seq), seq, capacity: self.slots.capacity, slots: PhantomData }
    }

    /// The slot that the walk is at: see [`Slots::headed`].
    #[inline(always)]
    pub(crate) fn headed(&self) -> Slot<'s, A, Headed> {
        let parts = Headed(self.at.get().base);
        Slot { parts, seq: self.seq(), capacity: self.slots.capacity, slots: PhantomData }
    }

    /// Goes on to the next slot.
    #[inline(always)]
    pub(crate) fn step(&self) {
        let SlotAddress { base, published } = self.at.get();
        // SAFETY: the address is of these slots, and the end of a slot is where the next one begins, or the end of
        // the mapping.
        let base = unsafe { base.byte_add(self.slots.headers.stride) };
        let base = if base == self.slots.headers.end { self.slots.headers.first } else { base };
        self.at.set(SlotAddress { base, published: published.wrapping_add(2) });
    }

    /// Goes to the slot of `seq`.
    #[inline(always)]
    pub(crate) fn go_to(&self, seq: Seq) {
        self.at.set(SlotAddress { base: self.slots.header(seq), published: seq.published() });
    }

    /// Has the cache fetch the slot `n` places on.
    #[inline(always)]
    pub(crate) fn prefetch(&self, n: usize) {
        let here =
            if self.slots.are_headed() { self.at.get().base } else { self.slots.parts(self.seq()).payload };
        prefetch(here.as_ptr().wrapping_byte_add(n.wrapping_mul(self.slots.stride)), self.slots.stride);
    }
}

/// Has the cache fetch the first two lines of a slot: the processor guesses the rest itself.
///
/// Past the last slot it fetches something else, which does no harm: the first slots aren't worth the question.
#[inline(always)]
fn prefetch(slot: *const AtomicU64, stride: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch accesses nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(slot.cast()) };
        if stride > 64 {
            // SAFETY: as above.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(slot.wrapping_byte_add(64).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slot, stride);
}

/// The slot of one message.
pub(crate) struct Slot<'a, A, P = AnyParts> {
    parts: P,
    seq: Seq,
    capacity: usize,
    slots: PhantomData<&'a Slots<A>>,
}

impl<A, P: Copy> Clone for Slot<'_, A, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, P: Copy> Copy for Slot<'_, A, P> {}

impl<'a, A: Access, P: Parts> Slot<'a, A, P> {
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
        self.parts.payload()
    }

    #[inline(always)]
    pub(crate) fn stamp(self) -> Word<'a, A> {
        // SAFETY: a word of the slot's, mapped while the region lives.
        Word::new(unsafe { self.parts.stamp().as_ref() })
    }

    /// The word of length and tag; `None` if messages have one length, and no tag.
    #[inline(always)]
    pub(crate) fn len_and_tag(self) -> Option<Word<'a, A>> {
        // SAFETY: a word of the slot's, mapped while the region lives.
        self.parts.len_and_tag().map(|word| Word::new(unsafe { word.as_ref() }))
    }

    /// Has the payload's memory looked at, so that it is known whether it is still there.
    #[inline(always)]
    pub(crate) fn touch(self) {
        // SAFETY: a payload has a word at least, mapped while the region lives.
        core::hint::black_box(Word::<A>::new(unsafe { self.payload().as_ref() }).load());
    }

    /// Where the payload lies: as many bytes as the slot holds are mapped from there while the region lives. What is
    /// read there may change meanwhile.
    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *const u8 {
        self.payload().as_ptr().cast()
    }

    /// The same as [`touch`](Self::touch), of each page that the first `len` bytes lie in.
    pub(crate) fn touch_all(self, len: Len) {
        let words = len.get().div_ceil(8);
        for word in (0..words).step_by(LEAST_PAGE / 8).chain(words.checked_sub(1)) {
            // SAFETY: `len` fits the payload area, which is padded to words and mapped while the region lives.
            let word = unsafe { self.payload().add(word).as_ref() };
            core::hint::black_box(Word::<A>::new(word).load());
        }
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

    /// Copies a short payload out, in whole words.
    #[inline(always)]
    pub(crate) fn copy_out_short(self, len: ShortLen, dst: &mut Short) {
        // Not `div_ceil`, which has no use for what is known: that the sum is small.
        let words = (len.get() + 7) >> 3;
        // SAFETY: `len` fits the payload area, which is padded to words; it is 1 to `SHORT`, for which `dst` has room.
        unsafe { copy::short_out(dst.as_mut_ptr(), self.payload().as_ptr().cast(), words) };
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

impl<'a, P: Parts> Slot<'a, ReadWrite, P> {
    /// Copies `message` into the slot.
    #[inline(always)]
    pub(crate) fn copy_in(self, message: SizedMessage<'_>) {
        let message = message.0;
        // SAFETY: `message` fits the payload area, which is padded to words and mapped writable.
        unsafe { copy::copy_in(self.payload().as_ptr().cast(), message.as_ptr(), message.len()) };
    }

    /// The same in less code, if the message [is short](short_copy::is_short).
    #[inline(always)]
    pub(crate) fn copy_in_short(self, message: SizedMessage<'_>) {
        let bytes = message.0;
        if !short_copy::is_short(bytes.len()) {
            return self.copy_in(message);
        }
        // SAFETY: as above, and the length was asked for.
        unsafe { short_copy::short_in(self.payload().as_ptr().cast(), bytes.as_ptr(), bytes.len()) };
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
