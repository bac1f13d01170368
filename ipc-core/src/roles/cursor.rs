//! A consumer's cursor: the message that it reads next, and the cell in which it tells the producer.
//!
//! # Safety
//! The cursor keeps its walk beside the region whose slots that shows, so they are mapped as long as it lives.

#![allow(unsafe_code)]

use core::cell::Cell;

use crate::format::layout::cell;
use crate::format::seq::Seq;
use crate::memory::access::{AsConsumer, ReadOnly, ReadWrite};
use crate::memory::region::Region;
use crate::memory::short::ShortLen;
use crate::memory::sized::Len;
use crate::memory::{Headed, OwnCell, Parts, Slot, Walk};
use crate::ordering::edge::Edge;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::space_bell;
use crate::protocol::stamp::{self, SlotHeader};

/// How large a part of the ring a reader leaves to the producer at most, to get ahead in.
const FALL_BACK_PART: u64 = 4;
/// How many bytes of slots a reader lets the producer get ahead at most. More long messages than that don't come in the
/// time for which it waits, and fall out of the first-level cache before they are read.
const FALL_BACK_BYTES: u64 = 32 << 10;
/// How often a reader looks whether the producer has got ahead: three microseconds, or less where a pause is short.
///
/// A model looks once.
const FALL_BACK_LOOKS: u32 = if cfg!(loom) { 1 } else { 64 };

/// A consumer's cursor on its ring.
pub(crate) struct Cursor {
    pub(crate) region: Region<AsConsumer>,
    pub(crate) cell: usize,
    own: OwnCell<ReadWrite>,
    /// The next message to read, and where it will lie. Never stale: nobody else writes this cell's cursor.
    next: Walk<'static, ReadOnly>,
    /// Head as this consumer last read it: messages below it are published. 0 if it hasn't. Stale on the safe side. Used
    /// where consumers go by head.
    pub(super) head: Cell<Seq>,
}

impl core::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { region, cell, .. } = self;
        f.debug_struct("Cursor")
            .field("region", region)
            .field("cell", cell)
            .field("next", &self.next())
            .finish()
    }
}

/// What one look at the next message's slot shows.
pub(crate) enum Shown {
    /// The message, which may be borrowed.
    Borrowable(SlotHeader),
    /// The message, which is to be copied and is short, and its tag.
    Short(ShortLen, u32),
    /// It isn't published yet.
    NotYet,
    /// One look doesn't tell, or the message is to be copied and long: [`Cursor::next_header`] tells in every case.
    Unclear,
}

impl Cursor {
    /// A cursor in `cell`, which reads `next` first.
    ///
    /// # Panics
    /// If the ring has no such cell.
    pub(crate) fn new(region: Region<AsConsumer>, cell: usize, next: Seq) -> Self {
        // SAFETY: the region is kept beside the view.
        let own = unsafe { region.cells.own(cell) };
        // SAFETY: the region is kept beside the walk, and the cursor lends slots for as long as it is borrowed itself.
        let next = unsafe { region.slots.walk_kept(next) };
        Self { region, cell, own, next, head: Cell::new(Seq::new(0)) }
    }

    /// The next message to read.
    #[inline(always)]
    pub(crate) fn next(&self) -> Seq {
        self.next.seq()
    }

    /// The stamp that the next message will have.
    #[inline(always)]
    pub(crate) fn published(&self) -> u64 {
        self.next.published()
    }

    /// A walk of its own from the next message's slot on.
    #[inline(always)]
    pub(crate) fn walk(&self) -> Walk<'_, ReadOnly> {
        self.next.clone()
    }

    /// The next message's slot.
    #[inline(always)]
    pub(crate) fn slot(&self) -> Slot<'_, ReadOnly> {
        self.next.slot()
    }

    /// The same in a ring whose slots have headers.
    #[inline(always)]
    pub(crate) fn headed(&self) -> Slot<'_, ReadOnly, Headed> {
        self.next.headed()
    }

    /// One look at the next message's slot, as far as that tells. The length is read once: whatever is done with the
    /// message goes by what this has checked.
    #[inline(always)]
    pub(crate) fn look(&self) -> Shown {
        if !self.region.fork.is_valid() {
            return Shown::Unclear;
        }
        // A model has no word that stands for a header.
        #[cfg(loom)]
        if !self.region.slots.are_headed() {
            return Shown::Unclear;
        }
        let slot = self.headed();
        let stamp = stamp::stamp(slot);
        if stamp != self.next.published() {
            return if stamp < self.next.published() { Shown::NotYet } else { Shown::Unclear };
        }
        let (len, tag) = stamp::len_and_tag(slot);
        if let Some(len) = self.region.borrowable(len) {
            return Shown::Borrowable(SlotHeader { len, tag });
        }
        self.region.short(len).map_or(Shown::Unclear, |len| Shown::Short(len, tag))
    }

    /// One look at the next message, where all have one length: that length if it is there. If it isn't, one look doesn't
    /// tell why.
    #[inline(always)]
    pub(crate) fn look_fixed(&self) -> Option<Len> {
        if !self.region.fork.is_valid() {
            return None;
        }
        let slot = self.slot();
        if self.stamps_are_apart() {
            if !self.is_counted(slot) && !self.is_there(slot) {
                return None;
            }
            // As in `header_apart`.
            slot.touch();
            if !self.region.fork.is_valid_after() {
                return None;
            }
        } else if stamp::stamp(slot) != self.next.published() {
            return None;
        }
        self.region.slots.fixed_len(slot.capacity())
    }

    /// As many of `n` messages as fill no more than what a reader waits for, and one at least.
    pub(crate) fn at_most_of_bytes(&self, n: u64) -> u64 {
        n.min((FALL_BACK_BYTES / self.region.geometry.stride()).max(1))
    }

    /// As many of `n` messages as a reader lets the producer get ahead.
    pub(crate) fn at_most_ahead(&self, n: u64) -> u64 {
        self.at_most_of_bytes(n).min(self.region.geometry.slots / FALL_BACK_PART)
    }

    /// Head as this consumer last read it.
    pub(crate) fn last_head(&self) -> Seq {
        self.head.get()
    }

    /// Whether this consumer goes by head, and not by stamps.
    #[inline(always)]
    pub(crate) fn goes_by_head(&self) -> bool {
        self.region.geometry.is_read_by_head()
    }

    /// Whether the stamps lie in other pages than the payloads.
    #[inline(always)]
    pub(super) fn stamps_are_apart(&self) -> bool {
        self.region.geometry.stride_kind.is_read_by_head()
    }

    /// Lets the producer publish the next `n` messages first, if it does so within a few microseconds. Whether they
    /// are there.
    pub(crate) fn fall_back(&self, n: u64) -> bool {
        if n == 0 || n > self.region.geometry.slots / FALL_BACK_PART || !self.region.fork.is_valid() {
            return false;
        }
        let last = if seeded(Fault::AheadByFirst) { 0 } else { n - 1 };
        let last = self.region.slots.at(self.next().plus(last));
        for _ in 0..FALL_BACK_LOOKS {
            if self.is_there(last) {
                return true;
            }
            core::hint::spin_loop();
        }
        seeded(Fault::AheadWithoutLook)
    }

    /// Lets the producer overwrite the next `n` messages before they are copied: the fault `ReleaseBeforeCopy`.
    #[cfg(loom)]
    pub(crate) fn release_by_fault(&self, n: u64) {
        if seeded(Fault::ReleaseBeforeCopy) {
            let next = self.next().plus(n).get();
            self.own.word::<{ cell::CURSOR }>().store_release(next, Edge::C1);
        }
    }

    /// How many messages are there, one after the other, of the next `max`, the first of which is. Stops before one
    /// whose length is damaged: the next look reports it.
    pub(crate) fn there(&self, max: usize) -> usize {
        if self.goes_by_head() {
            // What is wrong with head, the next look reports.
            let _ = self.read_head();
            let counted = usize::try_from(self.head.get().since(self.next())).unwrap_or(usize::MAX);
            return counted.clamp(max.min(1), max);
        }
        if self.region.slots.are_headed() {
            self.there_in(max, Walk::headed)
        } else {
            self.there_in(max, Walk::slot)
        }
    }

    /// The same in slots of the parts that `slot` finds.
    #[inline(always)]
    fn there_in<'c, P: Parts>(
        &'c self,
        max: usize,
        slot: impl Fn(&Walk<'c, ReadOnly>) -> Slot<'c, ReadOnly, P>,
    ) -> usize {
        let walk = self.walk();
        let mut count = max.min(1);
        while count < max {
            walk.step();
            let slot = slot(&walk);
            if stamp::stamp(slot) != walk.published() || slot.len(stamp::len_and_tag(slot).0).is_none() {
                break;
            }
            count += 1;
        }
        count
    }

    /// Releases the next message: the producer may overwrite it.
    #[inline(always)]
    pub(crate) fn release(&self) {
        self.next.step();
        self.tell();
    }

    /// Releases the next message, `seq`. Whether [`wake_producer`](Self::wake_producer) is due.
    #[inline(always)]
    pub(crate) fn release_silently(&self, seq: Seq) -> bool {
        debug_assert!(seq == self.next(), "the next message is released");
        let next = seq.next();
        self.next.step();
        self.store(next);
        space_bell::is_awaited(&self.region)
    }

    /// Wakes the producer, if it waits for what was released.
    pub(crate) fn wake_producer(&self) {
        space_bell::wake_if_blocked(&self.region, self.cell, Some(self.next()));
    }

    /// Releases the next `n` messages.
    pub(crate) fn release_many(&self, n: u64) {
        self.next.go_to(self.next().plus(n));
        self.tell();
    }

    /// Goes on at `next`, which its cell says already.
    pub(crate) fn go_to(&self, next: Seq) {
        self.next.go_to(next);
    }

    /// Puts the cell's cursor right, should another process have written over it: a producer that finds the ring full
    /// by it waits for this consumer, which waits for the producer.
    #[cold]
    pub(crate) fn mend(&self) {
        let (cursor, next) = (self.own.word::<{ cell::CURSOR }>(), self.next());
        if cursor.load_own() == next.get() || seeded(Fault::CursorLeftAstray) {
            return;
        }
        // C1 pairs with G2, as when the message before this one was released.
        cursor.store_release(next.get(), Edge::C1);
        if !seeded(Fault::MendedAsIfNeverAstray) {
            // A producer that was woken once may have gone back to sleep by the wrong cursor.
            self.region.rung.set(0);
        }
        if !seeded(Fault::MendedWithoutBell) {
            space_bell::released(&self.region, self.cell, next);
        }
    }

    /// Tells the producer which message is the next.
    #[inline(always)]
    fn tell(&self) {
        let next = self.next();
        self.store(next);
        space_bell::released(&self.region, self.cell, next);
    }

    #[inline(always)]
    fn store(&self, next: Seq) {
        // C1 pairs with G2: what was read of the slots is done.
        self.own.word::<{ cell::CURSOR }>().store_release(next.get(), Edge::C1);
    }
}
